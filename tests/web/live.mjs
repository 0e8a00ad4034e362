// SPDX-License-Identifier: Apache-2.0
// The live connection: it is live, says when it is not, comes back, and shows what arrives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, axeClean, noOverflow, open, settled, shot, visit } from './support.mjs';

test('the page is live soon after it is opened', async () => {
    const { page, word, close } = await open();
    await visit(page, '');
    await page.locator('.state.live').getByText(word['live.demo'], { exact: true }).waitFor({ timeout: 5000 });
    await page.locator('.state.live').getByText(word['unit.pps']).waitFor({ timeout: 5000 });
    await close();
});

test('a broken line is told, and mended on demand', async () => {
    const { page, word, close } = await open({ width: 390 });
    await page.route('**/api/v1/events', (route) => route.abort());
    await visit(page, '');
    await page.getByText(word['live.off']).waitFor();
    await axeClean(page, 'not live');
    await noOverflow(page, 'not live');
    await shot(page, 'not-live-ja-390');
    await page.unroute('**/api/v1/events');
    await page.getByRole('button', { name: word['live.retryNow'] }).click();
    await page.locator('.state.live').waitFor();
    await close();
});

test('a broken line mends itself', async () => {
    const { page, close } = await open();
    let refused = 0;
    await page.route('**/api/v1/events', (route) => {
        refused += 1;
        return refused <= 2 ? route.abort() : route.continue();
    });
    await visit(page, '');
    await page.locator('.state.live').waitFor({ timeout: 10_000 });
    assert.ok(refused >= 2);
    await close();
});

test('a detection that arrives is shown and announced without reloading', async () => {
    const { page, close } = await open();
    await visit(page, '');
    const { items } = await ask(page, '/detections?limit=1');
    const today = await ask(page, '/today');
    const title = { ja: '試験のための新しい検知です', en: 'A new detection for the test' };
    const arrived = {
        ...items[0], id: items[0].id + 1_000_000, state: 'open',
        detection: { ...items[0].detection, severity: 'critical', title },
    };
    const event = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
    // The stream is ours from here on; the server is not asked to forge a detection.
    await page.route('**/api/v1/events', (route) => route.fulfill({
        contentType: 'text/event-stream',
        body: event('hello', { now: today.now }) + event('detection', arrived),
    }));
    let reloads = 0;
    page.on('load', () => (reloads += 1));
    await page.route('**/api/v1/today', (route) => route.fulfill({ json: { ...today, top: [arrived, ...today.top].slice(0, 5) } }));
    await page.reload();
    await settled(page);
    await page.locator('article').getByText(title.ja).first().waitFor();
    await page.locator('[aria-live=polite]').filter({ hasText: title.ja }).waitFor({ state: 'attached' });
    assert.equal(reloads, 1);
    await close();
});

test('a part of the sensor that stops is told', async () => {
    const { page, close } = await open();
    await visit(page, '');
    const { now } = await ask(page, '/today');
    const text = { ja: '試験: 検知の判断が止まりました', en: 'Test: the brain stopped' };
    await page.route('**/api/v1/events', (route) => route.fulfill({
        contentType: 'text/event-stream',
        body: `event: hello\ndata: ${JSON.stringify({ now })}\n\n` +
            `event: role\ndata: ${JSON.stringify({ role: 'brain', state: 'restarting', text })}\n\n`,
    }));
    await page.reload();
    await page.getByText(text.ja).waitFor();
    await axeClean(page, 'a part stopped');
    await close();
});

test('an ended session leads to the login, and back to the same page', async () => {
    const { page, word, close } = await open();
    await page.route('**/api/v1/hosts**', (route) => route.fulfill({
        status: 401,
        json: { error: { code: 'login_required', message: { ja: 'ログインしてください。', en: 'Please log in.' } } },
    }));
    await page.goto(new URL('#/hosts', page.url() === 'about:blank' ? process.env.KIDOBAN_URL : page.url()).href);
    await page.getByRole('heading', { level: 1, name: word['login.title'] }).waitFor();
    await page.getByText(word['login.expired']).waitFor();
    assert.match(page.url(), /#\/hosts$/);
    await close();
});

test('a server that does not answer is told with a way on', async () => {
    const { page, word, close } = await open();
    await visit(page, '');
    await page.route('**/api/v1/hosts**', (route) => route.abort());
    await page.getByRole('navigation', { name: word['nav.label'] }).getByRole('link', { name: word['nav.hosts'] }).click();
    await page.getByRole('alert').getByText(word['error.unreachable']).waitFor();
    await axeClean(page, 'error');
    await page.unroute('**/api/v1/hosts**');
    await page.getByRole('button', { name: word['action.retry'] }).click();
    await page.locator('main table').waitFor();
    await close();
});
