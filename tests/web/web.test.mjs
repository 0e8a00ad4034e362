// SPDX-License-Identifier: Apache-2.0
// Tests of the pages against a running server. One process: one browser, one login.
import { after, before } from 'node:test';
import { start, stop } from './support.mjs';

before(start);
after(stop);

await import('./login.mjs');
await import('./pages.mjs');
await import('./live.mjs');
await import('./actions.mjs');
