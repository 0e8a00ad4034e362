// SPDX-License-Identifier: Apache-2.0
// Login: the first thing anybody sees.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
    axeClean, base, keepLogin, LANGS, login, newPassword, noOverflow, open, secret, shot, user, WIDTHS, words,
} from './support.mjs';

for (const lang of LANGS)
    for (const width of WIDTHS)
        test(`login page ${lang} ${width}`, async () => {
            const { page, complaints, word, close } = await open({ lang, width, loggedIn: false });
            await page.goto(`${base}/`);
            await page.getByRole('heading', { level: 1, name: word['login.title'] }).waitFor();
            assert.equal(await page.getAttribute('html', 'lang'), lang);
            await axeClean(page, 'login');
            await noOverflow(page, 'login');
            await shot(page, `login-${lang}-${width}`);
            assert.deepEqual(complaints, []);
            await close();
        });

test('a wrong password is refused with a sentence', async () => {
    const { page, word, close } = await open({ loggedIn: false });
    await page.goto(`${base}/`);
    await page.getByLabel(word['login.user'], { exact: true }).fill(user);
    await page.getByLabel(word['login.password'], { exact: true }).fill('certainly not this');
    await page.keyboard.press('Enter');
    const told = page.getByRole('alert');
    await told.waitFor();
    assert.match(await told.innerText(), /[ぁ-ん]/);
    await close();
});

test('login; a first password must be changed before anything else', async () => {
    const { page, context, word, close } = await open({ loggedIn: false });
    const { mustChange } = await login(page, 'ja');
    if (mustChange) {
        await axeClean(page, 'first password');
        await shot(page, 'first-password-ja-1280');
        await page.goto(`${base}/#/hosts`);
        await page.getByRole('heading', { name: word['login.firstTitle'] }).waitFor();
        await page.getByLabel(word['password.old'], { exact: true }).fill(secret.password);
        await page.getByLabel(word['password.new'], { exact: true }).fill('short');
        await page.getByLabel(word['password.again'], { exact: true }).fill('short');
        await page.getByRole('button', { name: word['password.change'] }).click();
        await page.getByRole('alert').waitFor();
        await page.getByLabel(word['password.new'], { exact: true }).fill(newPassword);
        await page.getByLabel(word['password.again'], { exact: true }).fill(newPassword);
        await page.getByRole('button', { name: word['password.change'] }).click();
        secret.password = newPassword;
    }
    await page.locator('nav#menu').waitFor();
    await keepLogin(context);
    await close();
});

test('the language changes at once and is remembered', async () => {
    const { page, close } = await open();
    await page.goto(`${base}/#/hosts`);
    await page.getByRole('heading', { level: 1, name: words.ja['nav.hosts'] }).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: words.en['nav.hosts'] }).waitFor();
    assert.equal(await page.getAttribute('html', 'lang'), 'en');
    await page.reload();
    await page.getByRole('heading', { level: 1, name: words.en['nav.hosts'] }).waitFor();
    await close();
});
