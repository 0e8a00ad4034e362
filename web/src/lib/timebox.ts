// SPDX-License-Identifier: Apache-2.0
// The time box of lists and searches: 24 hours, 7 days (default), 30 days, or two moments in
// the time of the site. There is no "all".
import type { Params } from './route.svelte';

export const RANGES = ['1h', '24h', '7d', '30d'] as const;
export type Range = (typeof RANGES)[number] | 'custom';
export const DEFAULT_RANGE = '7d';

const HOUR_MS = 3_600_000;
const LENGTH_MS: Record<(typeof RANGES)[number], number> = {
    '1h': HOUR_MS, '24h': 24 * HOUR_MS, '7d': 7 * 24 * HOUR_MS, '30d': 30 * 24 * HOUR_MS,
};

export function rangeOf(params: Params): Range {
    if (params['from'] && params['to']) return 'custom';
    return RANGES.find((range) => range === params['range']) ?? DEFAULT_RANGE;
}

/** The box as the server wants it. A relative box has no end: what arrives now belongs to it. */
export function box(params: Params, nowMs: number): { from: string; to?: string } {
    const range = rangeOf(params);
    if (range === 'custom')
        return { from: siteTime(params['from'] ?? ''), to: siteTime(params['to'] ?? '') };
    return { from: rfc3339(nowMs - LENGTH_MS[range]) };
}

const rfc3339 = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** "2026-11-22T09:00", as an input of type datetime-local gives it, in the zone of the site. */
export const siteTime = (local: string): string =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(local) ? `${local}:00+09:00` : local;

/** The other way round, for the value of the input. */
export const localInput = (ms: number): string =>
    new Date(ms + 9 * HOUR_MS).toISOString().slice(0, 16);
