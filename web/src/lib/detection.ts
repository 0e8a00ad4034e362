// SPDX-License-Identifier: Apache-2.0
// Questions several pages ask about a detection.
import type { Detection, Severity } from '../gen/api';
import type { Key } from './i18n.svelte';

/** The steps to take now, one per line of the text. */
export const steps = (text: string): string[] =>
    text.split('\n').map((line) => line.replace(/^\s*(?:[-・*]|\d+[.)．、])\s*/, '').trim()).filter(Boolean);

export const isSerious = (severity: Severity): boolean => severity === 'critical' || severity === 'high';

export function confidenceWord(percent: number): Key {
    if (percent >= 80) return 'confidence.high';
    return percent >= 50 ? 'confidence.medium' : 'confidence.low';
}

/** Ticked steps are kept in this browser only, by detection. */
const key = (id: number): string => `kidoban.steps.${id}`;

export function tickedSteps(id: number): number[] {
    try {
        const stored: unknown = JSON.parse(localStorage.getItem(key(id)) ?? '[]');
        return Array.isArray(stored) ? stored.filter((one) => typeof one === 'number') : [];
    } catch {
        return [];
    }
}

export function tickStep(id: number, step: number, done: boolean): number[] {
    const ticked = tickedSteps(id).filter((one) => one !== step);
    if (done) ticked.push(step);
    try {
        localStorage.setItem(key(id), JSON.stringify(ticked));
    } catch {
        // Not remembered after this page is closed.
    }
    return ticked;
}

/** The worst of some detections, for the head of a group. */
export function worst(items: Detection[], order: readonly Severity[]): Severity {
    return order.find((severity) => items.some((item) => item.detection.severity === severity)) ?? 'info';
}
