// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { Detection, RoleEvent, Severity, State } from '../src/gen/api';
import { told } from '../src/lib/live.svelte';
import { merged } from '../src/lib/today.svelte';

const one = (id: number, severity: Severity, state: State = 'open'): Detection =>
    ({ id, state, detection: { severity } }) as Detection;
const ids = (list: Detection[]): number[] => list.map((item) => item.id);

test('a new detection takes its place: worst first, then newest', () => {
    const top = [one(3, 'critical'), one(2, 'medium')];
    expect(ids(merged(top, one(4, 'high')))).toEqual([3, 4, 2]);
    expect(ids(merged(top, one(5, 'critical')))).toEqual([5, 3, 2]);
});

test('a repeat replaces itself and a closed one goes', () => {
    const top = [one(3, 'critical'), one(2, 'medium')];
    expect(ids(merged(top, one(2, 'critical')))).toEqual([3, 2]);
    expect(ids(merged(top, one(3, 'critical', 'closed')))).toEqual([2]);
});

test('no more than five', () => {
    const top = [1, 2, 3, 4, 5].map((id) => one(id, 'high'));
    expect(ids(merged(top, one(6, 'critical')))).toEqual([6, 5, 4, 3, 2]);
});

test('a part that stops is told until it is back, and its return is told', () => {
    const event = (role: string, state: RoleEvent['state']): RoleEvent => ({ role, state, text: { ja: role, en: role } });
    expect(told([], event('brain', 'running'))).toEqual([]);
    const stopped = told(told([], event('brain', 'restarting')), event('store', 'failed'));
    expect(stopped.map((one) => one.role)).toEqual(['brain', 'store']);
    expect(told(stopped, event('brain', 'running')).map((one) => `${one.role} ${one.state}`)).toEqual(['store failed', 'brain running']);
});
