// SPDX-License-Identifier: Apache-2.0
// The five-field form as an expression of `kidoban hunt`.

export interface HuntForm {
    hosts: string[]; // addresses or CIDR blocks of one terminal
    name: string; // server name, DNS name
    protocol: string; // event_type, or empty
    text: string; // anywhere in the record
}

/** A value stands bare when it cannot be mistaken for anything else, in quotes otherwise. */
export function quote(value: string): string {
    if (/^[\w.:/@-]+$/.test(value) && !/^(and|or|not|in)$/i.test(value)) return value;
    return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

export function expression(form: HuntForm): string {
    const terms: string[] = [];
    const [host, ...more] = form.hosts;
    if (host !== undefined)
        terms.push(more.length ? `ip in (${form.hosts.map(quote).join(', ')})` : `ip = ${quote(host)}`);
    if (form.name.trim()) terms.push(`name ~ ${quote(form.name.trim())}`);
    if (form.protocol) terms.push(`event_type = ${quote(form.protocol)}`);
    if (form.text.trim()) terms.push(`any ~ ${quote(form.text.trim())}`);
    return terms.join(' and ');
}

/** An IPv4 or IPv6 address or block; coarse, the server decides. */
export const looksLikeAddress = (text: string): boolean =>
    /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(text) ||
    (/^[0-9a-f:.]+(\/\d{1,3})?$/i.test(text) && text.split(':').length > 2);

/** What stands before and after a place that the server counts in bytes of UTF-8. */
export function cutAtByte(text: string, at: number): [string, string] {
    const bytes = new TextEncoder().encode(text);
    const read = new TextDecoder();
    return [read.decode(bytes.slice(0, at)), read.decode(bytes.slice(at))];
}
