// SPDX-License-Identifier: Apache-2.0
// Words of the trade explained on the pages. The catalogues hold, for each term,
// "term.<id>.words" (spellings separated by |) and "term.<id>" (the meaning).
import en from '../locales/en.json';
import ja from '../locales/ja.json';
import type { Lang } from './i18n.svelte';

interface Term {
    spellings: string[];
    meaning: string;
}
export interface Part {
    text: string;
    meaning?: string;
}

function terms(catalogue: Record<string, string>): Term[] {
    return Object.entries(catalogue)
        .filter(([key]) => /^term\.\w+$/.test(key))
        .map(([key, meaning]) => ({ meaning, spellings: (catalogue[`${key}.words`] ?? '').split('|') }));
}

const glossary: Record<Lang, Term[]> = { ja: terms(ja), en: terms(en) };

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function matcher(lang: Lang): RegExp {
    const all = glossary[lang].flatMap((term) => term.spellings).sort((a, b) => b.length - a.length);
    const either = all.map(escaped).join('|');
    // Latin words match whole; Japanese has no spaces to go by.
    return lang === 'en' ? new RegExp(`\\b(${either})\\b`, 'gi') : new RegExp(`(${either})`, 'g');
}

const matchers: Record<Lang, RegExp> = { ja: matcher('ja'), en: matcher('en') };

export function meaningOf(spelling: string, lang: Lang): string | undefined {
    const wanted = spelling.toLowerCase();
    return glossary[lang].find((term) => term.spellings.some((one) => one.toLowerCase() === wanted))?.meaning;
}

/** Cuts a text at its glossary words; each meaning is given once. */
export function split(text: string, lang: Lang): Part[] {
    const parts: Part[] = [];
    const given = new Set<string>();
    let from = 0;
    for (const match of text.matchAll(matchers[lang])) {
        const meaning = meaningOf(match[0], lang);
        if (!meaning || given.has(meaning)) continue;
        given.add(meaning);
        if (match.index > from) parts.push({ text: text.slice(from, match.index) });
        parts.push({ text: match[0], meaning });
        from = match.index + match[0].length;
    }
    if (from < text.length) parts.push({ text: text.slice(from) });
    return parts;
}
