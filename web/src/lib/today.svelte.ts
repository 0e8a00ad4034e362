// SPDX-License-Identifier: Apache-2.0
// The situation now, shared by the first page and the menu. A live detection is shown at once
// and the counts are asked for soon after, at most every two seconds.
import type { Detection, Severity, Today } from '../gen/api';
import { get } from './api';
import { live, setServerNow } from './live.svelte';
import { Load } from './load.svelte';

const AT_MOST_EVERY_MS = 2000;
const TOP = 5;

export const WORST_FIRST: readonly Severity[] = ['critical', 'high', 'medium', 'low', 'info'];

/** The list with this detection in its place: worst first, then newest, open only. */
export function merged(top: Detection[], one: Detection): Detection[] {
    const rest = top.filter((other) => other.id !== one.id);
    if (one.state !== 'open') return rest;
    return [...rest, one]
        .sort((a, b) =>
            WORST_FIRST.indexOf(a.detection.severity) - WORST_FIRST.indexOf(b.detection.severity) ||
            b.id - a.id)
        .slice(0, TOP);
}

const loaded = new Load<Today>();
let announced = $state.raw<Detection | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;
let askedAt = 0;

async function ask(): Promise<void> {
    askedAt = Date.now();
    await loaded.run((signal) => get<Today>('/today', {}, signal));
    if (loaded.data) setServerNow(loaded.data.now);
}

function askSoon(): void {
    if (timer) return;
    timer = setTimeout(() => {
        timer = undefined;
        void ask();
    }, Math.max(100, askedAt + AT_MOST_EVERY_MS - Date.now()));
}

function arrived(detection: Detection): void {
    const known = loaded.data;
    if (known) loaded.data = { ...known, top: merged(known.top, detection) };
    const severity = detection.detection.severity;
    if (detection.state === 'open' && (severity === 'critical' || severity === 'high'))
        announced = detection;
    askSoon();
}

export const today = {
    get data(): Today | null {
        return loaded.data;
    },
    get error() {
        return loaded.error;
    },
    /** The last serious detection that came in live, for the announcement. */
    get announced(): Detection | null {
        return announced;
    },
    ask,
    start(): () => void {
        void ask();
        const stop = live.onDetection(arrived);
        const stopIncidents = live.onIncident(askSoon);
        const minute = setInterval(() => void ask(), 60_000);
        return () => {
            stop();
            stopIncidents();
            clearInterval(minute);
            clearTimeout(timer);
            timer = undefined;
            loaded.stop();
        };
    },
};
