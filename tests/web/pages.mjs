// SPDX-License-Identifier: Apache-2.0
// Every page, in both languages and widths: its heading, no complaint of the browser, no
// accessibility violation, no sideways scrolling, its main actions within reach of the keyboard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, axeClean, LANGS, noOverflow, open, pattern, shot, visit, WIDTHS } from './support.mjs';

// heading: keys of the catalogue, one of which it must be; actions: what Tab must come to.
const PAGES = [
    { name: 'today', hash: '', heading: ['today.act', 'today.watch', 'today.blind', 'today.calm'], actions: ['main details summary', 'main a'] },
    { name: 'detections', hash: '#/detections', heading: ['nav.detections'], actions: ['#q', '#range', 'main input[type=checkbox]', 'main td a'] },
    { name: 'detections-grouped', hash: '#/detections?group=host&state=any', heading: ['nav.detections'], actions: ['#group', 'main h2 button'] },
    { name: 'detection', hash: async (page) => `#/detections/${(await ask(page, '/detections?limit=1')).items[0].id}`, heading: null, actions: ['#note', 'main summary'] },
    { name: 'incidents', hash: '#/incidents', heading: ['nav.incidents'], actions: ['#q', '#host', 'main input[type=checkbox]', 'main h2 a', 'main .go a'] },
    { name: 'incident', hash: async (page) => `#/incidents/${(await ask(page, '/incidents?limit=1')).items[0].id}`, heading: null, actions: ['#note', 'main .steps a', 'main svg a', 'main summary'] },
    { name: 'hosts', hash: '#/hosts', heading: ['nav.hosts'], actions: ['#q', 'main td a'], wideActions: ['th button'] },
    { name: 'host', hash: async (page) => `#/hosts/${encodeURIComponent((await ask(page, '/hosts?sort=severity&limit=1')).items[0].address)}`, heading: ['host.title'], actions: ['main a.button'] },
    { name: 'network', hash: '#/network', heading: ['network.headForbidden', 'network.headTried', 'network.headCalm'], actions: ['#range', 'main svg a', 'main th a', 'main td a'] },
    { name: 'network-zone', hash: `#/network?zone=${encodeURIComponent('業務端末')}`, heading: ['network.headForbidden', 'network.headTried', 'network.headCalm'], actions: ['main a.button'] },
    { name: 'search', hash: '#/search', heading: ['nav.search'], actions: ['#host', '#name', '#range', '#kind', '#text', 'main input[type=checkbox]'] },
    { name: 'search-results', hash: '#/search?expr=any%20~%20a&range=30d', heading: ['nav.search'], actions: ['main button.primary, main .expert button, main form button'] },
    { name: 'health', hash: '#/health', heading: ['nav.health'], actions: ['main h1, main summary, main a'] },
    { name: 'objects', hash: '#/objects', heading: ['nav.objects'], actions: ['#kind', '#value', '#reason', '#until'] },
    { name: 'notices', hash: '#/notices', heading: ['nav.notices'], actions: ['main button.primary'] },
    { name: 'exceptions', hash: '#/exceptions', heading: ['nav.exceptions'], actions: [] },
    { name: 'users', hash: '#/users', heading: ['nav.users'], actions: ['#name', '#role', '#password', 'form button'] },
    { name: 'audit', hash: '#/audit', heading: ['nav.audit'], actions: [] },
    { name: 'password', hash: '#/password', heading: ['password.title'], actions: ['#old', '#fresh', '#again', 'form button'] },
    { name: 'missing', hash: '#/no-such-page', heading: ['missing.title'], actions: ['main a'] },
];
const MOST_TABS = 150;

/** Presses Tab through the page; every stop must be visible, and the actions among the stops. */
async function keyboard(page, actions) {
    const left = new Set(actions);
    await page.evaluate(() => document.activeElement?.blur?.());
    for (let pressed = 0; pressed < MOST_TABS && left.size > 0; pressed += 1) {
        await page.keyboard.press('Tab');
        const stop = await page.evaluate((wanted) => {
            const on = document.activeElement;
            if (!on || on === document.body) return null;
            const style = getComputedStyle(on);
            return {
                ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
                html: on.outerHTML.slice(0, 120),
                hits: wanted.filter((selector) => on.matches(selector)),
            };
        }, [...left]);
        if (!stop) continue;
        assert.ok(stop.ring, `no focus ring on ${stop.html}`);
        for (const hit of stop.hits) left.delete(hit);
    }
    assert.deepEqual([...left], [], 'not reached by Tab');
}

async function rightHeading(page, word, keys) {
    const heading = page.getByRole('heading', { level: 1 });
    assert.equal(await heading.count(), 1, 'one h1');
    const text = (await heading.innerText()).trim();
    if (keys) assert.ok(keys.some((key) => pattern(word[key]).test(text)), text);
    else assert.ok(text.length > 0);
    assert.ok((await page.title()).includes(text), 'the window is titled after its page');
}

for (const lang of LANGS)
    for (const width of WIDTHS)
        for (const one of PAGES)
            test(`${one.name} ${lang} ${width}`, async () => {
                const { page, complaints, word, close } = await open({ lang, width });
                let hash = one.hash;
                if (typeof hash === 'function') {
                    await visit(page, '');
                    hash = await hash(page);
                }
                await visit(page, hash);
                await rightHeading(page, word, one.heading);
                await axeClean(page, one.name);
                await noOverflow(page, one.name);
                await shot(page, `${one.name}-${lang}-${width}`);
                await keyboard(page, [...one.actions, ...(width > 760 ? (one.wideActions ?? []) : [])]);
                assert.deepEqual(complaints, []);
                await close();
            });

const PROPOSAL = {
    yaml: { ja: 'zones:\n  - name: "端末"\n    networks: ["10.0.1.0/24"]\n    kind: office\n', en: 'zones:\n  - name: "PCs"\n    networks: ["10.0.1.0/24"]\n    kind: office\n' },
    seen: 12,
    zones: [{ name: { ja: '端末', en: 'PCs' }, kind: 'office', by_dhcp: true, hosts: 12, servers: 1, networks: ['10.0.1.0/24', '2001:db8:1::/64'] }],
    hosts: [{ address: '10.0.1.10', name: 'dc1', roles: [{ role: 'dc', reason: { ja: 'Kerberos と LDAP に応答', en: 'answers Kerberos and LDAP' } }] }],
};
for (const lang of LANGS)
    for (const width of WIDTHS)
        test(`network without a plan: what one could look like ${lang} ${width}`, async () => {
            const { page, complaints, word, close } = await open({ lang, width });
            await page.route('**/api/v1/network**', (route) => route.fulfill({
                json: { zones: [], today: { forbidden: 0, attempts: 0 }, flows: [], pairs: [], new: [], breaches: [], proposal: PROPOSAL },
            }));
            await visit(page, '#/network');
            await rightHeading(page, word, ['network.headNoPlan']);
            assert.equal((await page.locator('#proposal').innerText()).trim(), PROPOSAL.yaml[lang].trim());
            await axeClean(page, 'network without a plan');
            await noOverflow(page, 'network without a plan');
            await shot(page, `network-proposal-${lang}-${width}`);
            await keyboard(page, ['main td a', 'main button.primary']);
            await page.getByRole('button', { name: word['network.copy'] }).click();
            await page.getByText(pattern(word['network.copied'])).or(page.getByText(pattern(word['network.notCopied']))).waitFor();
            assert.deepEqual(complaints, []);
            await close();
        });

test('dark colours keep their contrast', async () => {
    const { page, close } = await open({ dark: true });
    for (const one of PAGES.filter((page) => typeof page.hash === 'string')) {
        await visit(page, one.hash);
        await axeClean(page, `${one.name} dark`);
    }
    await visit(page, '');
    await shot(page, 'today-ja-dark');
    await close();
});

test('what is folded away passes as well: tables, forms, the menu of a narrow screen', async () => {
    const { page, word, close } = await open({ width: 390 });
    await visit(page, '');
    await page.getByRole('button', { name: word['nav.menu'] }).click();
    await page.getByRole('navigation').getByRole('link', { name: word['nav.hosts'], exact: true }).waitFor();
    for (const summary of await page.locator('main summary').all()) await summary.click();
    await axeClean(page, 'today unfolded');
    await noOverflow(page, 'today unfolded');
    await shot(page, 'today-menu-ja-390');
    await visit(page, `#/detections/${(await ask(page, '/detections?limit=1')).items[0].id}`);
    for (const summary of await page.locator('main summary').all()) await summary.click();
    await page.getByLabel(word['expert.label']).check();
    await axeClean(page, 'detection unfolded');
    await noOverflow(page, 'detection unfolded');
    await close();
});

for (const width of [640, 320]) // 1280 at 200 % and at 400 %
    test(`enlarged, nothing is pushed off the screen: ${width}`, async () => {
        const { page, close } = await open({ width });
        for (const one of PAGES.filter((page) => typeof page.hash === 'string')) {
            await visit(page, one.hash);
            await noOverflow(page, `${one.name} at ${width}`);
        }
        await close();
    });
