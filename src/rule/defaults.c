/* SPDX-License-Identifier: Apache-2.0 */
/* What is there before any file is read: variables, classes, references; and the files that say
 * otherwise. */
#include "rule/internal.h"

static const struct {
    bool is_port;
    const char *name, *value;
} vars[] = {
    {false, "HOME_NET", "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]"},
    {false, "EXTERNAL_NET", "!$HOME_NET"},
    {false, "HTTP_SERVERS", "$HOME_NET"},
    {false, "SMTP_SERVERS", "$HOME_NET"},
    {false, "SQL_SERVERS", "$HOME_NET"},
    {false, "DNS_SERVERS", "$HOME_NET"},
    {false, "TELNET_SERVERS", "$HOME_NET"},
    {false, "AIM_SERVERS", "$EXTERNAL_NET"},
    {false, "DC_SERVERS", "$HOME_NET"},
    {false, "DNP3_SERVER", "$HOME_NET"},
    {false, "DNP3_CLIENT", "$HOME_NET"},
    {false, "MODBUS_CLIENT", "$HOME_NET"},
    {false, "MODBUS_SERVER", "$HOME_NET"},
    {false, "ENIP_CLIENT", "$HOME_NET"},
    {false, "ENIP_SERVER", "$HOME_NET"},
    {true, "HTTP_PORTS", "80"},
    {true, "SHELLCODE_PORTS", "!80"},
    {true, "ORACLE_PORTS", "1521"},
    {true, "SSH_PORTS", "22"},
    {true, "DNP3_PORTS", "20000"},
    {true, "MODBUS_PORTS", "502"},
    {true, "FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]"},
    {true, "FTP_PORTS", "21"},
    {true, "GENEVE_PORTS", "6081"},
    {true, "VXLAN_PORTS", "4789"},
    {true, "TEREDO_PORTS", "3544"},
    {true, "SIP_PORTS", "[5060,5061]"},
};

/* Names, labels and priorities as the field's tools use them in EVE. */
static const char classes[] =
    "not-suspicious,Not Suspicious Traffic,3\n"
    "unknown,Unknown Traffic,3\n"
    "bad-unknown,Potentially Bad Traffic,2\n"
    "attempted-recon,Attempted Information Leak,2\n"
    "successful-recon-limited,Information Leak,2\n"
    "successful-recon-largescale,Large Scale Information Leak,2\n"
    "attempted-dos,Attempted Denial of Service,2\n"
    "successful-dos,Denial of Service,2\n"
    "attempted-user,Attempted User Privilege Gain,1\n"
    "unsuccessful-user,Unsuccessful User Privilege Gain,1\n"
    "successful-user,Successful User Privilege Gain,1\n"
    "attempted-admin,Attempted Administrator Privilege Gain,1\n"
    "successful-admin,Successful Administrator Privilege Gain,1\n"
    "rpc-portmap-decode,Decode of an RPC Query,2\n"
    "shellcode-detect,Executable code was detected,1\n"
    "string-detect,A suspicious string was detected,3\n"
    "suspicious-filename-detect,A suspicious filename was detected,2\n"
    "suspicious-login,An attempted login using a suspicious username was detected,2\n"
    "system-call-detect,A system call was detected,2\n"
    "tcp-connection,A TCP connection was detected,4\n"
    "trojan-activity,A Network Trojan was detected,1\n"
    "unusual-client-port-connection,A client was using an unusual port,2\n"
    "network-scan,Detection of a Network Scan,3\n"
    "denial-of-service,Detection of a Denial of Service Attack,2\n"
    "non-standard-protocol,Detection of a non-standard protocol or event,2\n"
    "protocol-command-decode,Generic Protocol Command Decode,3\n"
    "web-application-activity,access to a potentially vulnerable web application,2\n"
    "web-application-attack,Web Application Attack,1\n"
    "misc-activity,Misc activity,3\n"
    "misc-attack,Misc Attack,2\n"
    "icmp-event,Generic ICMP event,3\n"
    "inappropriate-content,Inappropriate Content was Detected,1\n"
    "policy-violation,Potential Corporate Privacy Violation,1\n"
    "default-login-attempt,Attempt to login by a default username and password,2\n"
    "targeted-activity,Targeted Malicious Activity was Detected,1\n"
    "exploit-kit,Exploit Kit Activity Detected,1\n"
    "external-ip-check,Device Retrieving External IP Address Detected,2\n"
    "domain-c2,Domain Observed Used for C2 Detected,1\n"
    "pup-activity,Possibly Unwanted Program Detected,2\n"
    "credential-theft,Successful Credential Theft Detected,1\n"
    "social-engineering,Possible Social Engineering Attempted,2\n"
    "coin-mining,Crypto Currency Mining Activity Detected,2\n"
    "command-and-control,Malware Command and Control Activity Detected,1\n";

static const char references[] =
    "url http://\n"
    "cve https://www.cve.org/CVERecord?id=CVE-\n"
    "bugtraq http://www.securityfocus.com/bid/\n"
    "exploitdb https://www.exploit-db.com/exploits/\n"
    "nessus https://www.tenable.com/plugins/nessus/\n"
    "md5 https://www.virustotal.com/gui/file/\n"
    "sha1 https://www.virustotal.com/gui/file/\n"
    "sha256 https://www.virustotal.com/gui/file/\n"
    "osvdb http://osvdb.org/\n"
    "arachnids http://www.whitehats.com/info/IDS\n"
    "mcafee http://vil.nai.com/vil/content/v_\n"
    "msft https://learn.microsoft.com/security-updates/securitybulletins/\n"
    "secunia http://www.secunia.com/advisories/\n"
    "et http://doc.emergingthreats.net/\n"
    "etpro http://doc.emergingthreatspro.com/\n"
    "telus http://\n"
    "xforce https://exchange.xforce.ibmcloud.com/vulnerabilities/\n"
    "openpacket https://www.openpacket.org/capture/grab/\n"
    "securitytracker https://securitytracker.com/id?\n";

static struct kd_rule_classtype *class_of(struct kd_rules_state *st, struct kd_bytes name)
{
    uint32_t i = kd_nametab_add(&st->classes, st->pool, &st->mem, name, st->lim->rule_names);
    if (i == KD_NAME_NONE)
        return NULL;
    void **value = kd_nametab_value(&st->classes, i);
    if (*value == NULL) {
        struct kd_rule_classtype *c = kd_arena_alloc(&st->mem, sizeof(*c));
        if (c == NULL)
            return NULL;
        c->name = kd_nametab_at(&st->classes, i);
        c->priority = 3;
        *value = c;
    }
    return *value;
}

const struct kd_rule_classtype *kd_class_find(struct kd_rules_state *st, struct kd_bytes name)
{
    return class_of(st, name);
}

/* "name,text,priority" */
static bool class_line(struct kd_rules_state *st, struct kd_bytes line, enum kd_status *s)
{
    uint64_t priority;
    struct kd_bytes name = kd_cut_word(&line, ','), text = kd_cut_word(&line, ',');
    if (name.n == 0 || !kd_bytes_to_u64(kd_bytes_trim(line), UINT8_MAX, &priority))
        return false;
    struct kd_rule_classtype *c = class_of(st, name);
    if (c == NULL) {
        *s = KD_NO_MEMORY;
        return true;
    }
    c->text = kd_arena_copy(&st->mem, text, text.n);
    c->priority = (uint8_t)priority;
    return true;
}

static bool reference_line(struct kd_rules_state *st, struct kd_bytes line, enum kd_status *s)
{
    struct kd_bytes name = kd_cut_blank(&line);
    if (name.n == 0)
        return false;
    uint32_t i = kd_nametab_add(&st->references, st->pool, &st->mem, name, st->lim->rule_names);
    struct kd_bytes *url = kd_arena_alloc(&st->mem, sizeof(*url));
    if (i == KD_NAME_NONE || url == NULL) {
        *s = KD_NO_MEMORY;
        return true;
    }
    *url = kd_arena_copy(&st->mem, line, line.n);
    *kd_nametab_value(&st->references, i) = url;
    return true;
}

/* "config WORD: …" lines, comments, empty lines. */
static enum kd_status
config_lines(struct kd_rules_state *st, struct kd_bytes text, const char *word,
             bool (*take)(struct kd_rules_state *, struct kd_bytes, enum kd_status *),
             uint32_t *ret_bad)
{
    enum kd_status s = KD_OK;
    *ret_bad = 0;
    while (text.n > 0 && s == KD_OK) {
        struct kd_bytes line = kd_bytes_cut(&text, '\n');
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        line = kd_bytes_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        struct kd_bytes rest = line;
        struct kd_bytes head = kd_cut_word(&rest, ':');
        struct kd_bytes config = kd_cut_blank(&head);
        bool ok = kd_bytes_eq_str(config, "config") && kd_bytes_eq_str(head, word) &&
                  take(st, kd_bytes_trim(rest), &s);
        *ret_bad += !ok;
    }
    return s;
}

enum kd_status kd_rules_classes(struct kd_rules *rules, struct kd_bytes text, uint32_t *ret_bad)
{
    return config_lines(rules->state, text, "classification", class_line, ret_bad);
}

enum kd_status kd_rules_references(struct kd_rules *rules, struct kd_bytes text, uint32_t *ret_bad)
{
    return config_lines(rules->state, text, "reference", reference_line, ret_bad);
}

void kd_rules_reference_url(const struct kd_rules *rules, const struct kd_rule_pair *ref,
                            struct kd_out *out)
{
    struct kd_name_table *t = &rules->state->references;
    uint32_t i = kd_nametab_find(t, ref->key);
    if (i != KD_NAME_NONE)
        kd_out_bytes(out, *(const struct kd_bytes *)*kd_nametab_value(t, i));
    kd_out_bytes(out, ref->value);
}

bool kd_defaults_init(struct kd_rules *rules)
{
    struct kd_rules_state *st = rules->state;
    struct kd_bytes text = kd_str(classes);
    enum kd_status s = KD_OK;
    for (size_t i = 0; i < KD_COUNT(vars); i++)
        if (kd_rules_var(rules, vars[i].is_port, kd_str(vars[i].name), kd_str(vars[i].value)) !=
            KD_OK)
            return false;
    while (text.n > 0)
        if (!class_line(st, kd_bytes_cut(&text, '\n'), &s) || s != KD_OK)
            return false;
    text = kd_str(references);
    while (text.n > 0)
        if (!reference_line(st, kd_bytes_cut(&text, '\n'), &s) || s != KD_OK)
            return false;
    return true;
}
