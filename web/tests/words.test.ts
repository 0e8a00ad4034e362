// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { insideAddress } from '../src/lib/address';
import { steps } from '../src/lib/detection';
import { cutAtByte, expression, looksLikeAddress, quote } from '../src/lib/expr';
import { bitRate, bytes, dateTime, dateTimeExact, instant, percent, shortDay } from '../src/lib/format';
import { split } from '../src/lib/glossary';
import { fill } from '../src/lib/i18n.svelte';
import { summary } from '../src/lib/record';
import { href, parse } from '../src/lib/route.svelte';
import { box, localInput, rangeOf, siteTime } from '../src/lib/timebox';

describe('sentences', () => {
    test('arguments and plurals', () => {
        expect(fill('{n} {n|host|hosts} of {name}', { n: 1, name: '髙﨑①' })).toBe('1 host of 髙﨑①');
        expect(fill('{n} {n|host|hosts}', { n: 1200 })).toBe('1,200 hosts');
        expect(fill('{missing} stays', {})).toBe('{missing} stays');
    });
});

describe('times', () => {
    test('EVE and RFC 3339 zones mean the same moment', () => {
        const at = Date.UTC(2026, 10, 22, 0, 15, 2);
        expect(Math.floor(instant('2026-11-22T09:15:02.123456+0900') / 1000) * 1000).toBe(at);
        expect(instant('2026-11-22T09:15:02+09:00')).toBe(at);
        expect(instant('2026-11-22T00:15:02Z')).toBe(at);
        expect(instant('yesterday')).toBeNaN();
        expect(instant(null)).toBeNaN();
    });
    test('are shown in the time of the site', () => {
        expect(dateTime('2026-11-21T23:30:00Z')).toBe('11月22日 08:30');
        expect(dateTimeExact('2026-11-21T23:30:05Z')).toContain('08:30:05');
        expect(dateTime(undefined)).toBe('–');
        expect(shortDay('2026-11-22')).toBe('11/22');
    });
});

describe('quantities', () => {
    test('bytes and rates', () => {
        expect(bytes(0)).toBe('0 B');
        expect(bytes(1834)).toBe('1.8 kB');
        expect(bytes(38_211_000)).toBe('38 MB');
        expect(bitRate(66_000_000)).toBe('66 Mbit/s');
    });
    test('a loss is never rounded to nothing', () => {
        expect(percent(0)).toBe('0%');
        expect(percent(0.0004)).toBe('<0.01%');
        expect(percent(3.2)).toBe('3.20%');
    });
});

describe('the address of a page', () => {
    test('goes there and back', () => {
        const target = href(['hosts', 'fd00::1'], { range: '24h', q: '会計 & 税', empty: '' });
        expect(parse(target)).toEqual({ path: ['hosts', 'fd00::1'], params: { range: '24h', q: '会計 & 税' } });
    });
    test('nothing typed by hand breaks it', () => {
        expect(parse('')).toEqual({ path: [], params: {} });
        expect(parse('#/hosts/%zz?q=%').path).toEqual(['hosts', '%zz']);
    });
});

describe('the time box', () => {
    const now = Date.UTC(2026, 10, 22, 12);
    test('is seven days unless said otherwise, and never everything', () => {
        expect(box({}, now)).toEqual({ from: '2026-11-15T12:00:00Z' });
        expect(box({ range: 'all' }, now)).toEqual({ from: '2026-11-15T12:00:00Z' });
        expect(box({ range: '1h' }, now)).toEqual({ from: '2026-11-22T11:00:00Z' });
    });
    test('takes two moments of the site', () => {
        const params = { from: '2026-11-22T09:00', to: '2026-11-22T10:00' };
        expect(rangeOf(params)).toBe('custom');
        expect(box(params, now)).toEqual({ from: '2026-11-22T09:00:00+09:00', to: '2026-11-22T10:00:00+09:00' });
        expect(siteTime('2026-11-22T09:00:00Z')).toBe('2026-11-22T09:00:00Z');
        expect(localInput(Date.UTC(2026, 10, 22, 0, 0))).toBe('2026-11-22T09:00');
    });
});

describe('the five-field form', () => {
    const nothing = { hosts: [], name: '', protocol: '', text: '' };
    test('makes the expression', () => {
        expect(expression(nothing)).toBe('');
        expect(expression({ hosts: ['10.0.3.14'], name: 'example.com', protocol: 'dns', text: '' }))
            .toBe('ip = 10.0.3.14 and name ~ example.com and event_type = dns');
        expect(expression({ ...nothing, hosts: ['10.0.0.1', 'fd00::1'] })).toBe('ip in (10.0.0.1, fd00::1)');
    });
    test('what could be read as something else is quoted', () => {
        expect(expression({ ...nothing, text: 'a" or any ~ "' })).toBe('any ~ "a\\" or any ~ \\""');
        expect(quote('or')).toBe('"or"');
        expect(quote('C:\\temp')).toBe('"C:\\\\temp"');
        expect(quote('住民課')).toBe('"住民課"');
        expect(quote('10.0.0.0/8')).toBe('10.0.0.0/8');
    });
    test('shows the place where reading stopped', () => {
        expect(cutAtByte('any ~ 住民 and (', 16)).toEqual(['any ~ 住民 and', ' (']);
        expect(cutAtByte('a', 9)).toEqual(['a', '']);
    });
    test('knows an address from a name', () => {
        expect(['10.0.0.1', '10.0.0.0/8', 'fd00::/64', '::1'].every(looksLikeAddress)).toBe(true);
        expect(['PC014', 'cafe', 'example.com', '10.0.0'].some(looksLikeAddress)).toBe(false);
    });
    test('knows our own addresses', () => {
        expect(['10.1.2.3', '172.16.0.1', '192.168.0.9', 'fd00::1', 'fe80::1'].every(insideAddress)).toBe(true);
        expect(['203.0.113.9', '172.32.0.1', '2001:db8::1', 'example.com'].some(insideAddress)).toBe(false);
    });
});

describe('texts of the server', () => {
    test('steps lose their own numbers', () => {
        expect(steps('1. 線を抜く\n・電話する\n\n  - 待つ')).toEqual(['線を抜く', '電話する', '待つ']);
        expect(steps('')).toEqual([]);
    });
    test('each glossary word is explained once', () => {
        const parts = split('ビーコンとは何か。ビーコンは定期的な通信です。', 'ja');
        expect(parts.map((part) => part.text).join('')).toBe('ビーコンとは何か。ビーコンは定期的な通信です。');
        expect(parts.filter((part) => part.meaning)).toHaveLength(1);
        expect(split('The scanner scans; a scan', 'en').filter((part) => part.meaning).map((part) => part.text)).toEqual(['scan']);
    });
});

describe('a record in one line', () => {
    const base = { record_id: '1', timestamp: '2026-11-22T00:00:00Z' };
    test('of a known kind', () => {
        expect(summary({ ...base, event_type: 'dns', dns: { rrname: 'a.example', rrtype: 'A' } })).toBe('a.example · A');
        expect(summary({ ...base, event_type: 'dns', dns: { rrname: 'b.example', answers: [{ rdata: '192.0.2.1' }] } })).toBe('b.example · 192.0.2.1');
    });
    test('of a kind not known here', () => {
        expect(summary({ ...base, event_type: 'sip', sip: { method: 'INVITE', deep: { no: 1 } } })).toBe('method: INVITE');
        expect(summary({ ...base, event_type: 'odd', src_ip: '10.0.0.1', what: 7 })).toBe('what: 7');
    });
});
