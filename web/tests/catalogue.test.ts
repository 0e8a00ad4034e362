// SPDX-License-Identifier: Apache-2.0
/// <reference types="node" />
// The two languages say the same things: same keys, same arguments, nothing empty, nothing unused.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import en from '../src/locales/en.json';
import ja from '../src/locales/ja.json';

const catalogues: Record<string, Record<string, string>> = { ja, en };
const src = join(import.meta.dirname, '../src');
const code = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(svelte|ts)$/.test(name))
    .map((name) => readFileSync(join(src, name), 'utf8'))
    .join('\n');

test('same keys in the same order', () => {
    expect(Object.keys(en)).toEqual(Object.keys(ja));
});

test('nothing is empty', () => {
    for (const catalogue of Object.values(catalogues))
        for (const [key, text] of Object.entries(catalogue)) expect(text.trim(), key).not.toBe('');
});

test('same arguments', () => {
    const names = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)/g)].map((match) => match[1] ?? ''))].sort();
    for (const key of Object.keys(ja) as (keyof typeof ja)[]) expect(names(en[key]), key).toEqual(names(ja[key]));
});

test('every key is used', () => {
    // Keys made of a prefix and a word: `severity.${…}`, word('kind', …), term.<id>.
    const prefixes = new Set([...code.matchAll(/[`'](\w+)\.\$\{/g), ...code.matchAll(/word\('(\w+)'/g)].map((match) => match[1]));
    const unused = Object.keys(ja).filter((key) => {
        const prefix = key.split('.')[0] ?? '';
        return prefix !== 'term' && !prefixes.has(prefix) && !code.includes(`'${key}'`);
    });
    expect(unused).toEqual([]);
});

test('Japanese is Japanese', () => {
    const same = Object.keys(ja).filter((key) => {
        const k = key as keyof typeof ja;
        return ja[k] === en[k] && !/^[A-Z0-9&/ ]+$|^(?:ATT&CK)$|^(?:CSIRT|NXDOMAIN)$/.test(ja[k]);
    });
    expect(same).toEqual([]);
});
