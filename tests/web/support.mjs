// SPDX-License-Identifier: Apache-2.0
// What the tests of the pages share: the server under test, the browser, one login.
//
//   KIDOBAN_URL           address of a running server with the demo data, https://127.0.0.1:8443
//   KIDOBAN_USER          an admin (default admin)
//   KIDOBAN_PASSWORD      its password; when it is the first one, it is changed to
//   KIDOBAN_NEW_PASSWORD  (default: made up)
//   KIDOBAN_SHOTS         directory for screenshots (default: none are taken)
//   KIDOBAN_CHROMIUM      the browser (default /usr/bin/chromium)
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// The packages of the pages are installed in web/.
const fromWeb = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = fromWeb('playwright-core');
const axe = readFileSync(fromWeb.resolve('axe-core/axe.min.js'), 'utf8');
const catalogue = (lang) =>
    JSON.parse(readFileSync(new URL(`../../web/src/locales/${lang}.json`, import.meta.url), 'utf8'));

export const LANGS = ['ja', 'en'];
export const WIDTHS = [1280, 390];
export const words = { ja: catalogue('ja'), en: catalogue('en') };

const env = process.env;
export const base = (env.KIDOBAN_URL ?? '').replace(/\/$/, '');
export const user = env.KIDOBAN_USER ?? 'admin';
export const newPassword = env.KIDOBAN_NEW_PASSWORD ?? 'a gate by the river 7';
if (!base || !env.KIDOBAN_PASSWORD)
    throw new Error('set KIDOBAN_URL and KIDOBAN_PASSWORD: these tests need a running server');
/** The password in force; a first password is changed by the login test. */
export const secret = { password: env.KIDOBAN_PASSWORD };

let browser;
let state; // cookies of the one login

export async function start() {
    browser = await chromium.launch({
        executablePath: env.KIDOBAN_CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}

export const stop = () => browser?.close();

/** A page that keeps account of everything it should not do. */
export async function open({ lang = 'ja', width = 1280, loggedIn = true, dark = false } = {}) {
    const context = await browser.newContext({
        ignoreHTTPSErrors: true, // the server makes its own certificate at its first start
        viewport: { width, height: 860 },
        reducedMotion: 'reduce',
        colorScheme: dark ? 'dark' : 'light',
        ...(loggedIn ? { storageState: state } : {}),
    });
    await context.addInitScript((chosen) => {
        if (location.protocol === 'about:') return;
        localStorage.setItem('kidoban.lang', localStorage.getItem('kidoban.lang') ?? chosen);
        document.addEventListener('securitypolicyviolation', (event) =>
            console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    }, lang);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
        const asked = message.location().url ?? '';
        // Being asked who is there before anybody is: the answer 401 is the contract.
        if (message.type() === 'error' && !asked.endsWith('/api/v1/session'))
            complaints.push(`${message.text()} ${asked}`);
    });
    return { page, context, complaints, word: words[lang], close: () => context.close() };
}

/** Goes to a page of the application and waits until its data is there. */
export async function visit(page, hash) {
    await page.goto('about:blank'); // or a new "#" would leave the old page up for a moment
    await page.goto(`${base}/${hash}`);
    await settled(page);
}

export async function settled(page) {
    await page.locator('main h1').first().waitFor();
    await page.locator('.waiting').waitFor({ state: 'detached' });
}

export async function login(page, lang, name = user, password = secret.password) {
    const word = words[lang];
    await page.goto(`${base}/`);
    await page.getByLabel(word['login.user'], { exact: true }).fill(name);
    await page.getByLabel(word['login.password'], { exact: true }).fill(password);
    await page.getByRole('button', { name: word['login.go'], exact: true }).click();
    const first = page.getByRole('heading', { name: word['login.firstTitle'] });
    const inside = page.locator('nav#menu');
    await first.or(inside).first().waitFor();
    return { mustChange: await first.isVisible() };
}

export async function keepLogin(context) {
    state = await context.storageState();
    state.origins = []; // each page chooses its own language
}

export async function axeClean(page, where) {
    await page.evaluate(axe);
    const found = await page.evaluate(() =>
        globalThis.axe.run(document, {
            runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        }));
    const told = found.violations.map((one) =>
        `${one.id}: ${one.help}\n${one.nodes.slice(0, 4).map((node) => `    ${node.html.slice(0, 160)}\n    ${node.failureSummary?.replace(/\n/g, ' ').slice(0, 240)}`).join('\n')}`);
    assert.equal(told.length, 0, `${where}\n${told.join('\n')}`);
}

export async function noOverflow(page, where) {
    const wide = await page.evaluate(() => ({
        page: document.documentElement.scrollWidth,
        window: document.documentElement.clientWidth,
        by: [...document.querySelectorAll('body *')]
            .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .slice(0, 5).map((one) => one.outerHTML.slice(0, 120)),
    }));
    assert.ok(wide.page <= wide.window, `${where}: ${wide.page} > ${wide.window}\n${wide.by.join('\n')}`);
}

export async function shot(page, name) {
    if (!env.KIDOBAN_SHOTS) return;
    mkdirSync(env.KIDOBAN_SHOTS, { recursive: true });
    await page.screenshot({ path: join(env.KIDOBAN_SHOTS, `${name}.png`), fullPage: true });
}

/** A sentence of the catalogue as a pattern: its arguments may be anything. */
export function pattern(sentence) {
    const quoted = sentence.replace(/[.*+?^$()[\]\\]/g, '\\$&').replace(/\{[^}]*\}/g, '.+');
    return new RegExp(`^${quoted}$`);
}

/** Asks the server itself, as the page would. */
export const ask = (page, path) =>
    page.evaluate(async (url) => (await fetch(url)).json(), `/api/v1${path}`);
