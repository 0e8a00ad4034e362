// SPDX-License-Identifier: Apache-2.0
/** An address that belongs to an organisation's own network (RFC 1918, 4193, 6598, link-local). */
export function insideAddress(text: string): boolean {
    const v4 = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(text);
    if (v4) {
        const [a, b] = [Number(v4[1]), Number(v4[2])];
        return a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168) ||
            (a === 169 && b === 254) || (a === 100 && b >= 64 && b <= 127);
    }
    return /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/i.test(text);
}
