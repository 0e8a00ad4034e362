// SPDX-License-Identifier: Apache-2.0
// How quantities and times are written. Times are shown in the zone of the site.
import { i18n, number } from './i18n.svelte';

export const ZONE = 'Asia/Tokyo';

/** Reads RFC 3339 and EVE's "+0900"; NaN when it is neither. */
export function instant(text: string | null | undefined): number {
    if (!text) return NaN;
    return Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = i18n.lang + JSON.stringify(options);
    let made = formats.get(key);
    if (!made) {
        const locale = i18n.lang === 'ja' ? 'ja-JP' : 'en-GB';
        made = new Intl.DateTimeFormat(locale, { timeZone: ZONE, hourCycle: 'h23', ...options });
        formats.set(key, made);
    }
    return made;
}

type When = string | number | null | undefined;

function show(when: When, options: Intl.DateTimeFormatOptions): string {
    const at = typeof when === 'number' ? when : instant(when);
    return Number.isNaN(at) ? '–' : format(options).format(at);
}

export const dateTime = (when: When): string =>
    show(when, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

export const dateTimeExact = (when: When): string =>
    show(when, {
        year: 'numeric', month: 'short', day: 'numeric',
        hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short',
    });

export const dateOnly = (when: When): string =>
    show(when, { year: 'numeric', month: 'short', day: 'numeric' });

export const clock = (when: When): string =>
    show(when, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** "2026-11-22" as 11/22 or 22 Nov. The day is already a day of the site. */
export function shortDay(day: string): string {
    const at = Date.parse(`${day}T12:00:00+09:00`);
    return Number.isNaN(at) ? day : show(at, i18n.lang === 'ja'
        ? { month: 'numeric', day: 'numeric' }
        : { month: 'short', day: 'numeric' });
}

export const weekday = (day: string): string =>
    show(Date.parse(`${day}T12:00:00+09:00`), { weekday: 'short' });

function scaled(value: number, units: readonly string[]): string {
    let at = 0;
    let left = value;
    while (left >= 1000 && at < units.length - 1) {
        left /= 1000;
        at += 1;
    }
    return `${number(left, left < 10 && at > 0 ? 1 : 0)} ${units[at] ?? ''}`;
}

export const bytes = (value: number): string => scaled(value, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
export const bitRate = (value: number): string =>
    scaled(value, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);

/** Dropped packets: never rounded to a comforting zero. */
export function percent(value: number): string {
    if (value > 0 && value < 0.01) return '<0.01%';
    return `${value === 0 ? '0' : value.toFixed(2)}%`;
}
