// SPDX-License-Identifier: Apache-2.0
// The language of the pages. A catalogue is flat: key → sentence. `{name}` is replaced by an
// argument, `{n|host|hosts}` by the first word when n is 1 and by the second otherwise.
import type { Text } from '../gen/api';
import en from '../locales/en.json';
import ja from '../locales/ja.json';

export type Lang = 'ja' | 'en';
export type Key = keyof typeof ja;
export type Args = Record<string, string | number>;

const catalogues: Record<Lang, Record<Key, string>> = { ja, en };
const STORED = 'kidoban.lang';

function remembered(): Lang {
    try {
        return localStorage.getItem(STORED) === 'en' ? 'en' : 'ja';
    } catch {
        return 'ja'; // storage forbidden by the browser: the default
    }
}

let current = $state<Lang>(remembered());

export const i18n = {
    get lang(): Lang {
        return current;
    },
    set lang(lang: Lang) {
        current = lang;
        document.documentElement.lang = lang;
        try {
            localStorage.setItem(STORED, lang);
        } catch {
            // Not remembered; the page works all the same.
        }
    },
};

export function fill(sentence: string, args: Args): string {
    return sentence.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one, many) => {
        const value = args[name];
        if (value === undefined) return whole;
        if (one === undefined) return typeof value === 'number' ? number(value) : value;
        return Number(value) === 1 ? one : many;
    });
}

export function t(key: Key, args?: Args): string {
    const sentence = catalogues[current][key];
    return args ? fill(sentence, args) : sentence;
}

/** A key made of a prefix and a word from the server; the word itself when we do not know it. */
export function word(prefix: string, value: string): string {
    const key = `${prefix}.${value}`;
    return key in catalogues[current] ? catalogues[current][key as Key] : value;
}

/** The text of the server in the language of the reader. */
export function tx(text: Text | null | undefined): string {
    return text ? text[current] || text.ja || text.en : '';
}

const numberFormats = new Map<string, Intl.NumberFormat>();

export function number(value: number, digits = 0): string {
    const key = `${current}${digits}`;
    let format = numberFormats.get(key);
    if (!format) {
        format = new Intl.NumberFormat(current, { maximumFractionDigits: digits });
        numberFormats.set(key, format);
    }
    return format.format(value);
}
