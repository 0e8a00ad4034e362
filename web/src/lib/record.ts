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
    flow: ['app_proto', 'flow.outcome', 'flow.end_cause'],
    dns: ['dns.rrname', 'dns.rrtype', 'dns.rcode', 'dns.answers.rdata'],
    http: ['http.http_method', 'http.hostname', 'http.url', 'http.status', 'http.http_user_agent'],
    tls: ['tls.sni', 'tls.version', 'tls.subject', 'tls.ja4'],
    smtp: ['smtp.mail_from', 'smtp.rcpt_to', 'email.subject', 'email.attachments.filename'],
    smb: ['smb.command', 'smb.share', 'smb.filename', 'smb.rename.to', 'smb.status', 'smb.ntlmssp.user'],
    dcerpc: ['dcerpc.interface', 'dcerpc.operation', 'dcerpc.endpoint', 'dcerpc.status', 'dcerpc.user'],
    ftp: ['ftp.command', 'ftp.command_data', 'ftp.code', 'ftp.reply_text', 'ftp.user'],
    ntlm: ['ntlm.user', 'ntlm.domain', 'ntlm.host', 'ntlm.target', 'ntlm.over'],
    krb5: ['krb5.msg_type', 'krb5.cname', 'krb5.sname', 'krb5.error_code'],
    dhcp: ['dhcp.dhcp_type', 'dhcp.hostname', 'dhcp.assigned_ip', 'dhcp.client_mac'],
    arp: ['arp.opcode', 'arp.src_mac', 'arp.src_ip', 'arp.dest_ip'],
    nbns: ['nbns.type', 'nbns.name', 'nbns.addresses'],
    login: ['login.user', 'login.service', 'login.method', 'login.result', 'login.reason'],
    anomaly: ['anomaly.event', 'anomaly.app_proto'],
    fileinfo: ['fileinfo.filename', 'fileinfo.magic', 'fileinfo.size', 'fileinfo.sha256'],
    health: ['health.kind', 'health.role', 'health.state'],
    host: ['host.address', 'host.name', 'host.user', 'host.source'],
    alert: ['alert.signature'],
    crossing: ['crossing.from.zone', 'crossing.to.zone', 'crossing.policy', 'crossing.conversations'],
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
