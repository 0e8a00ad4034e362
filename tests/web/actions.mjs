// SPDX-License-Identifier: Apache-2.0
// What people do on the pages, done by the means they have. Everything is put back afterwards.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, login, open, pattern, settled, visit, words } from './support.mjs';

test('filters live in the address and survive a reload', async () => {
    const { page, word, close } = await open();
    await visit(page, '#/detections?state=any');
    const all = await ask(page, '/detections?limit=1');
    const severity = all.items[0].detection.severity;
    await page.getByRole('checkbox', { name: word[`severity.${severity}`], exact: true }).check();
    await page.waitForURL(new RegExp(`severity=${severity}`));
    await page.reload();
    await settled(page);
    assert.ok(await page.getByRole('checkbox', { name: word[`severity.${severity}`], exact: true }).isChecked());
    const shown = await page.locator('main tbody td:first-child').allInnerTexts();
    assert.ok(shown.length > 0);
    assert.deepEqual([...new Set(shown.map((text) => text.trim()))], [word[`severity.${severity}`]]);
    await page.goBack();
    await settled(page);
    assert.doesNotMatch(page.url(), /severity=/);
    await close();
});

test('a search text finds, and a nonsense text says that nothing matches', async () => {
    const { page, word, close } = await open();
    await visit(page, '#/detections?state=any');
    await page.getByLabel(word['filter.text'], { exact: true }).fill('zzqq-no-such-thing');
    await page.getByText(word['detections.noneFiltered']).waitFor();
    assert.match(page.url(), /q=zzqq/);
    await page.getByRole('link', { name: word['filter.clear'] }).click();
    await page.locator('main table').waitFor();
    await close();
});

test('a detection is taken in hand with a note, closed and reopened', async () => {
    const { page, word, close } = await open();
    await visit(page, '');
    const { id } = (await ask(page, '/detections?limit=1&state=open')).items[0];
    await visit(page, `#/detections/${id}`);
    const button = (key) => page.getByRole('button', { name: word[key], exact: true });
    await page.getByLabel(word['decide.note'], { exact: true }).fill('');
    assert.ok(await button('action.close').isDisabled(), 'closing needs a reason');
    await page.getByLabel(word['decide.note'], { exact: true }).fill('担当の髙橋が確認 ①');
    await button('action.acknowledge').click();
    await page.getByText(words.ja['decide.saved'].replace('{state}', word['state.acknowledged'])).waitFor();
    assert.equal((await ask(page, `/detections/${id}`)).state, 'acknowledged');
    await button('action.close').click();
    await page.getByText(words.ja['decide.saved'].replace('{state}', word['state.closed'])).waitFor();
    const closed = await ask(page, `/detections/${id}`);
    assert.equal(closed.state, 'closed');
    assert.equal(closed.note, '担当の髙橋が確認 ①');
    await button('action.reopen').click();
    await page.getByText(words.ja['decide.saved'].replace('{state}', word['state.open'])).waitFor();
    assert.equal((await ask(page, `/detections/${id}`)).state, 'open');
    await close();
});

test('an exception is made with reason and end, listed, and ended', async () => {
    const { page, word, close } = await open();
    await visit(page, '');
    const { id } = (await ask(page, '/detections?limit=1')).items[0];
    await visit(page, `#/detections/${id}`);
    const reason = `試験 ${Date.now()}`;
    await page.getByText(word['except.open']).click();
    await page.getByLabel(word['except.reason'], { exact: true }).fill(reason);
    await page.getByRole('button', { name: word['except.make'], exact: true }).click();
    await page.getByText(word['except.made']).waitFor();
    await visit(page, '#/exceptions');
    const row = page.locator('tbody tr').filter({ hasText: reason });
    await row.waitFor();
    page.once('dialog', (dialog) => dialog.accept());
    await row.getByRole('button').click();
    await row.waitFor({ state: 'detached' });
    await close();
});

test('ticked steps stay ticked', async () => {
    const { page, close } = await open();
    await visit(page, '');
    const { items } = await ask(page, '/detections?limit=100');
    const withSteps = items.find((one) => one.detection.do.ja.trim());
    assert.ok(withSteps, 'a detection says what to do');
    await visit(page, `#/detections/${withSteps.id}`);
    const step = page.locator('.todo input').first();
    await step.check();
    await page.reload();
    await settled(page);
    assert.ok(await page.locator('.todo input').first().isChecked());
    await close();
});

test('hosts sort by their columns and say so', async () => {
    const { page, word, close } = await open();
    await visit(page, '#/hosts');
    const head = (key) => page.getByRole('columnheader', { name: new RegExp(word[key].replace(/[()]/g, '.')) });
    assert.equal(await head('field.severity').getAttribute('aria-sort'), 'descending');
    await head('field.address').getByRole('button').click();
    await page.waitForURL(/sort=address/);
    await settled(page);
    assert.equal(await head('field.address').getAttribute('aria-sort'), 'ascending');
    assert.equal(await head('field.severity').getAttribute('aria-sort'), null);
    await close();
});

test('every severity of a host comes with a word', async () => {
    const { page, word, close } = await open();
    await visit(page, '#/hosts');
    const levels = ['trivial', 'minor', 'major', 'critical'].map((level) => word[`level.${level}`]);
    const told = await page.locator('tbody .risk').allInnerTexts();
    assert.ok(told.length > 0);
    for (const text of told) {
        assert.match(text.replace(/\s/g, ''), /\d+\/10/);
        assert.ok(levels.some((level) => text.includes(level)), text);
    }
    await close();
});

test('a host of the list leads to its page, and on to its traffic', async () => {
    const { page, word, close } = await open();
    await visit(page, '#/hosts?range=30d');
    await page.locator('tbody a.name').first().click();
    await page.getByRole('heading', { name: word['host.why'] }).waitFor();
    await page.getByRole('link', { name: word['host.search'] }).click();
    await page.getByRole('heading', { level: 1, name: word['nav.search'] }).waitFor();
    assert.match(page.url(), /range=30d/, 'the time box goes along');
    assert.notEqual(await page.getByLabel(word['search.host'], { exact: true }).inputValue(), '');
    await close();
});

test('the five fields make the expression that the expert sees', async () => {
    const { page, word, close } = await open();
    await visit(page, '');
    const { items } = await ask(page, '/hosts?limit=1&sort=severity');
    await visit(page, '#/search?range=30d');
    await page.getByLabel(word['expert.label']).check();
    await page.getByLabel(word['search.host'], { exact: true }).fill(items[0].address);
    await page.getByLabel(word['search.kind'], { exact: true }).selectOption('flow');
    await page.getByRole('button', { name: word['search.go'], exact: true }).click();
    await page.getByRole('heading', { level: 2 }).filter({ hasText: pattern(word['search.found']) }).waitFor();
    assert.equal(await page.getByLabel(word['search.expr']).inputValue(), `ip = ${items[0].address} and event_type = flow`);
    await close();
});

test('an expression that cannot be read is shown where it breaks', async () => {
    const { page, word, close } = await open();
    await visit(page, '#/search');
    await page.getByLabel(word['expert.label']).check();
    await page.getByLabel(word['search.expr']).fill('ip = 10.0.0.1 and (');
    await page.getByRole('button', { name: word['search.goExpr'] }).click();
    await page.getByText(word['search.badExpr']).waitFor();
    assert.equal(await page.getByLabel(word['search.expr']).getAttribute('aria-invalid'), 'true');
    await close();
});

/** A viewer's first login: a new password, then pages without the means to change anything. */
async function looksOnly(name, password) {
    const { page, word, close } = await open({ loggedIn: false });
    const { mustChange } = await login(page, 'ja', name, password);
    assert.ok(mustChange, 'a password given by somebody else must be changed');
    await page.getByLabel(word['password.old'], { exact: true }).fill(password);
    await page.getByLabel(word['password.new'], { exact: true }).fill(`${password} and then`);
    await page.getByLabel(word['password.again'], { exact: true }).fill(`${password} and then`);
    await page.getByRole('button', { name: word['password.change'] }).click();
    const menu = page.getByRole('navigation', { name: word['nav.label'] });
    await menu.waitFor();
    assert.equal(await menu.getByRole('link', { name: word['nav.users'], exact: true }).count(), 0);
    const { id } = (await ask(page, '/detections?limit=1')).items[0];
    await visit(page, `#/detections/${id}`);
    await page.getByText(word['decide.viewer']).waitFor();
    assert.equal(await page.getByRole('button', { name: word['action.acknowledge'] }).count(), 0);
    await close();
}

test('a viewer is added, looks without changing anything, is in the audit log, and removed', async () => {
    const { page, word, close } = await open();
    const name = `t${Date.now()}`;
    const password = 'only for a moment 5';
    await visit(page, '#/users');
    await page.getByLabel(word['login.user'], { exact: true }).fill(name);
    await page.getByLabel(word['users.password'], { exact: true }).fill(password);
    await page.getByRole('button', { name: word['users.add'], exact: true }).click();
    const row = page.locator('tbody tr').filter({ hasText: name });
    await row.waitFor();
    await looksOnly(name, password);
    page.once('dialog', (dialog) => dialog.accept());
    await row.getByRole('button', { name: new RegExp(word['users.remove']) }).click();
    await row.waitFor({ state: 'detached' });
    await visit(page, '#/audit');
    await page.locator('tbody tr').filter({ hasText: name }).first().waitFor();
    await close();
});

test('a glossary word explains itself to the keyboard', async () => {
    const { page, word, close } = await open();
    await visit(page, '');
    const { id } = (await ask(page, '/detections?limit=1')).items[0];
    await visit(page, `#/detections/${id}`);
    const term = page.locator('dd button[aria-expanded]').first();
    await term.focus();
    const tip = page.getByRole('tooltip');
    await tip.waitFor();
    const inside = await tip.evaluate((one) => {
        const at = one.getBoundingClientRect();
        return at.left >= 0 && at.right <= innerWidth && at.top >= 0 && at.bottom <= innerHeight;
    });
    assert.ok(inside, 'the explanation is on the screen');
    await page.keyboard.press('Escape');
    await tip.waitFor({ state: 'detached' });
    assert.ok(word);
    await close();
});

test('the skip link leads past the menu', async () => {
    const { page, word, close } = await open();
    await visit(page, '');
    await page.evaluate(() => document.activeElement?.blur?.());
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), word['skip']);
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
    await close();
});

test('a test mail is sent and its result told', async () => {
    const { page, word, close } = await open();
    await visit(page, '#/notices');
    await page.getByText(word['noticeState.ok']).first().waitFor();
    await page.getByRole('button', { name: word['notices.test'], exact: true }).click();
    await page.getByText(word['notices.testOk']).waitFor({ timeout: 30_000 });
    const { items, channel } = await ask(page, '/notices');
    const item = items.find((one) => one.kind === 'test');
    assert.equal(item.state, 'sent');
    assert.match(item.answer, /^250/);
    assert.equal(channel.state, 'ok');
    await close();
});
