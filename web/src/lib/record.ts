// SPDX-License-Identifier: Apache-2.0
// What a record says, in one line: the fields a reader looks for first.
import type { LogRecord } from '../gen/api';

/** Follows "dns.rrname"; an array on the way stands for its first member. */
export function field(record: LogRecord, path: string): unknown {
    let value: unknown = record;
    for (const name of path.split('.')) {
        if (Array.isArray(value)) value = value[0];
        if (typeof value !== 'object' || value === null) return undefined;
        value = (value as Record<string, unknown>)[name];
    }
    return value;
}

const SUMMARY: Record<string, readonly string[]> = {
    dns: ['dns.rrname', 'dns.queries.rrname', 'dns.rrtype', 'dns.queries.rrtype', 'dns.rcode'],
    http: ['http.http_method', 'http.hostname', 'http.url', 'http.status', 'http.http_user_agent'],
    tls: ['tls.sni', 'tls.version', 'tls.subject', 'tls.ja4'],
    smtp: ['smtp.mail_from', 'smtp.rcpt_to', 'email.subject'],
    mail: ['email.from', 'email.to', 'email.subject'],
    smb: ['smb.command', 'smb.share', 'smb.tree', 'smb.filename', 'smb.status', 'smb.ntlmssp.user'],
    dcerpc: ['dcerpc.interface', 'dcerpc.operation', 'dcerpc.opnum'],
    krb5: ['krb5.msg_type', 'krb5.cname', 'krb5.sname', 'krb5.error_code'],
    kerberos: ['kerberos.msg_type', 'kerberos.cname', 'kerberos.sname', 'kerberos.error'],
    ntlm: ['ntlm.user', 'ntlm.domain', 'ntlm.host', 'ntlm.result'],
    login: ['login.user', 'login.protocol', 'login.result', 'login.reason'],
    dhcp: ['dhcp.type', 'dhcp.dhcp_type', 'dhcp.hostname', 'dhcp.assigned_ip', 'dhcp.client_mac'],
    arp: ['arp.opcode', 'arp.src_mac', 'arp.src_ip', 'arp.dest_ip'],
    nbns: ['nbns.name', 'nbns.type'],
    fileinfo: ['fileinfo.filename', 'fileinfo.magic', 'fileinfo.size', 'fileinfo.sha256'],
    file: ['file.name', 'file.type', 'file.size', 'file.sha256'],
    flow: ['app_proto', 'flow.state', 'flow.reason'],
    alert: ['alert.signature'],
};

const COMMON = new Set([
    'record_id', 'timestamp', 'event_type', 'src_ip', 'src_port', 'dest_ip', 'dest_port', 'proto',
    'flow_id', 'community_id', 'sensor', 'vlan', 'engine', 'pcap_cnt', 'tx_id', 'in_iface', 'app_proto',
]);

function plain(value: unknown): string {
    if (Array.isArray(value)) return value.map(plain).join(', ');
    if (typeof value === 'object' && value !== null) return '';
    return value === undefined || value === null ? '' : String(value);
}

/** Members of the record's own object, for kinds this page does not know yet. */
function firstMembers(record: LogRecord): string[] {
    const own = record[record.event_type];
    const source = typeof own === 'object' && own !== null ? own : record;
    return Object.entries(source)
        .filter(([name]) => source !== record || !COMMON.has(name))
        .map(([name, value]) => [name, plain(value)] as const)
        .filter(([, value]) => value !== '')
        .slice(0, 5)
        .map(([name, value]) => `${name}: ${value}`);
}

export function summary(record: LogRecord): string {
    const wanted = SUMMARY[record.event_type] ?? [];
    const said = [...new Set(wanted.map((path) => plain(field(record, path))).filter(Boolean))];
    return (said.length ? said : firstMembers(record)).join(' · ');
}

/** Bytes to the server and to the client, when the record counts them. */
export function flowBytes(record: LogRecord): [number, number] | null {
    const out = field(record, 'flow.bytes_toserver');
    const back = field(record, 'flow.bytes_toclient');
    return typeof out === 'number' && typeof back === 'number' ? [out, back] : null;
}
