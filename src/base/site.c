/* SPDX-License-Identifier: Apache-2.0 */
#include "base/site.h"

#include <stdlib.h>

#include "base/cursor.h"

enum { FORM = 1, TCP = 6, UDP = 17, ICMP = 1, ICMP6 = 58, PORT_MAX = 65535 };

/* A step of one bit; 0 is no child. */
struct kd_site_node {
    uint16_t next[2];
    uint8_t zone;
};

/* ---- names ---- */

static const char *const kinds[KD_ZONE_KINDS_COUNT] = {
#define X(name, text) [KD_KIND_##name] = text,
    KD_ZONE_KINDS(X)
#undef X
};

static const char *const duties[KD_DUTY_BITS] = {
#define X(name, text) [KD_DUTY_BIT_##name] = text,
    KD_DUTIES(X)
#undef X
};

const char *kd_zone_kind_name(unsigned kind)
{
    return kinds[kind < KD_ZONE_KINDS_COUNT ? kind : KD_KIND_OTHER];
}

bool kd_zone_kind_of(struct kd_bytes name, uint8_t *ret)
{
    for (uint8_t i = 0; i < KD_ZONE_KINDS_COUNT; i++)
        if (kd_bytes_eq_str(name, kinds[i])) {
            *ret = i;
            return true;
        }
    return false;
}

const char *kd_duty_name(unsigned bit)
{
    return bit < KD_DUTY_BITS ? duties[bit] : "";
}

bool kd_duty_of(struct kd_bytes name, uint16_t *ret)
{
    *ret = KD_DUTY_DC;
    if (kd_bytes_eq_str(name, "dc"))
        return true;
    for (unsigned i = 0; i < KD_DUTY_BITS; i++)
        if (kd_bytes_eq_str(name, duties[i])) {
            *ret = (uint16_t)(1u << i);
            return true;
        }
    return false;
}

struct kd_bytes kd_site_zone_name(const struct kd_site *s, uint8_t zone)
{
    if (zone < s->n_zones)
        return kd_str(s->zone[zone].name);
    return kd_str(zone == KD_ZONE_OUTSIDE ? "outside" : zone == KD_ZONE_ANY ? "any" : "unlisted");
}

/* ---- services ---- */

static bool service_by_name(struct kd_bytes text, struct kd_site_service *ret)
{
    static const struct {
        const char *name;
        struct kd_site_service service;
    } known[] = {
        {"icmp", {ICMP, 0, PORT_MAX}}, {"tcp", {TCP, 0, PORT_MAX}}, {"udp", {UDP, 0, PORT_MAX}},
        {"ftp", {TCP, 21, 21}}, {"ssh", {TCP, 22, 22}}, {"telnet", {TCP, 23, 23}},
        {"smtp", {TCP, 25, 25}}, {"dns", {0, 53, 53}}, {"dhcp", {UDP, 67, 68}},
        {"http", {TCP, 80, 80}}, {"kerberos", {0, 88, 88}}, {"dicom", {TCP, 104, 104}},
        {"pop3", {TCP, 110, 110}}, {"ntp", {UDP, 123, 123}}, {"rpc", {TCP, 135, 135}},
        {"netbios", {0, 137, 139}}, {"imap", {TCP, 143, 143}}, {"snmp", {UDP, 161, 162}},
        {"ldap", {0, 389, 389}}, {"https", {0, 443, 443}}, {"smb", {TCP, 445, 445}},
        {"syslog", {0, 514, 514}}, {"print", {TCP, 9100, 9100}}, {"submission", {TCP, 587, 587}},
        {"ldaps", {TCP, 636, 636}}, {"mssql", {TCP, 1433, 1433}}, {"oracle", {TCP, 1521, 1521}},
        {"hl7", {TCP, 2575, 2575}}, {"mysql", {TCP, 3306, 3306}}, {"rdp", {0, 3389, 3389}},
        {"postgresql", {TCP, 5432, 5432}}, {"vnc", {TCP, 5900, 5900}}, {"winrm", {TCP, 5985, 5986}},
        {"proxy", {TCP, 8080, 8080}},
    };
    for (size_t i = 0; i < KD_COUNT(known); i++)
        if (kd_bytes_ieq(text, kd_str(known[i].name))) {
            *ret = known[i].service;
            return true;
        }
    return false;
}

bool kd_site_service_of(struct kd_bytes text, struct kd_site_service *ret)
{
    if (service_by_name(text, ret))
        return true;
    struct kd_bytes high = text;
    uint64_t from, to;
    *ret = (struct kd_site_service){0};
    if (kd_bytes_find_byte(text, '/') != SIZE_MAX) {
        struct kd_bytes proto = kd_bytes_cut(&high, '/');
        ret->proto = kd_bytes_ieq(proto, kd_str("tcp")) ? TCP : kd_bytes_ieq(proto, kd_str("udp")) ? UDP : 0;
        if (ret->proto == 0)
            return false;
    }
    bool range = kd_bytes_find_byte(high, '-') != SIZE_MAX;
    struct kd_bytes low = kd_bytes_cut(&high, '-');
    if (!kd_bytes_to_u64(low, PORT_MAX, &from) || !kd_bytes_to_u64(range ? high : low, PORT_MAX, &to) || to < from)
        return false;
    ret->from = (uint16_t)from;
    ret->to = (uint16_t)to;
    return true;
}

/* ---- lookup ---- */

static unsigned bit_of(const struct kd_addr *a, unsigned i)
{
    return a->b[i / 8] >> (7 - i % 8) & 1u;
}

static int by_addr(const void *a, const void *b)
{
    return kd_addr_cmp(&((const struct kd_site_host *)a)->addr, &((const struct kd_site_host *)b)->addr);
}

static bool make_index(struct kd_site *s)
{
    size_t room = 1, n = 1;
    for (size_t i = 0; i < s->n_nets; i++)
        room += s->net[i].net.bits;
    s->nodes = calloc(room, sizeof(s->nodes[0]));
    if (s->nodes == NULL)
        return false;
    s->nodes[0].zone = KD_ZONE_UNLISTED;
    for (size_t i = 0; i < s->n_nets; i++) {
        struct kd_site_node *at = &s->nodes[0];
        for (unsigned k = 0; k < s->net[i].net.bits; k++) {
            uint16_t *next = &at->next[bit_of(&s->net[i].net.addr, k)];
            if (*next == 0) {
                s->nodes[n].zone = KD_ZONE_UNLISTED;
                *next = (uint16_t)n++;
            }
            at = &s->nodes[*next];
        }
        at->zone = s->net[i].zone;
    }
    qsort(s->host, s->n_hosts, sizeof(s->host[0]), by_addr);
    s->duties = 0;
    for (size_t i = 0; i < s->n_hosts; i++)
        s->duties |= s->host[i].duties;
    return true;
}

uint8_t kd_site_zone_of(const struct kd_site *s, const struct kd_addr *a)
{
    uint8_t zone = KD_ZONE_UNLISTED;
    if (s->n_nets == 0)
        return zone;
    const struct kd_site_node *at = &s->nodes[0];
    for (unsigned k = 0;; k++) {
        if (at->zone != KD_ZONE_UNLISTED)
            zone = at->zone;
        uint16_t next = k < 128 ? at->next[bit_of(a, k)] : 0;
        if (next == 0)
            return zone;
        at = &s->nodes[next];
    }
}

static bool rule_fits(const struct kd_site_rule *r, uint8_t from, uint8_t to, uint8_t proto, uint16_t port)
{
    if ((r->from != from && r->from != KD_ZONE_ANY) || (r->to != to && r->to != KD_ZONE_ANY))
        return false;
    for (unsigned i = 0; i < r->n; i++) {
        const struct kd_site_service *v = &r->service[i];
        if ((v->proto == 0 ? proto == TCP || proto == UDP : v->proto == proto) && port >= v->from && port <= v->to)
            return true;
    }
    return r->n == 0;
}

bool kd_site_allows(const struct kd_site *s, uint8_t from, uint8_t to, uint8_t proto, uint16_t port)
{
    if (proto == ICMP6)
        proto = ICMP;
    for (size_t i = 0; i < s->n_rules; i++) {
        const struct kd_site_rule *r = &s->rule[i];
        /* "any to any" is about crossings; a rule for the inside of a zone names it. */
        if (from == to && (r->from == KD_ZONE_ANY || r->to == KD_ZONE_ANY))
            continue;
        if (rule_fits(r, from, to, proto, port))
            return !r->forbid;
    }
    return from == to || !s->forbid;
}

/* First host with this address, or NULL. */
static const struct kd_site_host *find_host(const struct kd_site *s, const struct kd_addr *a)
{
    size_t low = 0, high = s->n_hosts;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (kd_addr_cmp(&s->host[mid].addr, a) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->n_hosts && kd_addr_eq(&s->host[low].addr, a) ? &s->host[low] : NULL;
}

unsigned kd_site_duties(const struct kd_site *s, const struct kd_addr *a)
{
    unsigned all = 0;
    const struct kd_site_host *h = kd_addr_is_none(a) ? NULL : find_host(s, a);
    for (; h != NULL && h < s->host + s->n_hosts && kd_addr_eq(&h->addr, a); h++)
        all |= h->duties;
    return all;
}

bool kd_site_knows(const struct kd_site *s, const struct kd_addr *a, const struct kd_mac *mac)
{
    if (!kd_addr_is_none(a) && find_host(s, a) != NULL)
        return true;
    for (size_t i = 0; !kd_mac_is_none(mac) && i < s->n_hosts; i++)
        if (memcmp(s->host[i].mac.b, mac->b, sizeof(mac->b)) == 0)
            return true;
    return false;
}

/* ---- as bytes ---- */

static void put_rule(struct kd_out *o, const struct kd_site_rule *r)
{
    kd_out_u8(o, r->from);
    kd_out_u8(o, r->to);
    kd_out_u8(o, r->forbid);
    kd_out_u8(o, r->n);
    for (unsigned i = 0; i < r->n; i++) {
        kd_out_u8(o, r->service[i].proto);
        kd_out_le16(o, r->service[i].from);
        kd_out_le16(o, r->service[i].to);
    }
}

void kd_site_put(struct kd_out *o, const struct kd_site *s)
{
    kd_out_u8(o, FORM);
    kd_out_u8(o, s->forbid);
    kd_out_u8(o, (uint8_t)s->n_zones);
    for (size_t i = 0; i < s->n_zones; i++) {
        const struct kd_site_zone *z = &s->zone[i];
        kd_out_u8(o, (uint8_t)strlen(z->name));
        kd_out_str(o, z->name);
        kd_out_u8(o, z->kind);
        kd_out_u8(o, (uint8_t)(z->guarded | z->listed << 1));
    }
    kd_out_le16(o, (uint16_t)s->n_nets);
    for (size_t i = 0; i < s->n_nets; i++) {
        kd_out_bytes(o, kd_bytes_of(s->net[i].net.addr.b, 16));
        kd_out_u8(o, s->net[i].net.bits);
        kd_out_u8(o, s->net[i].zone);
    }
    kd_out_le16(o, (uint16_t)s->n_rules);
    for (size_t i = 0; i < s->n_rules; i++)
        put_rule(o, &s->rule[i]);
    kd_out_le16(o, (uint16_t)s->n_hosts);
    for (size_t i = 0; i < s->n_hosts; i++) {
        kd_out_bytes(o, kd_bytes_of(s->host[i].addr.b, 16));
        kd_out_bytes(o, kd_bytes_of(s->host[i].mac.b, 6));
        kd_out_le16(o, s->host[i].duties);
    }
}

static void copy(struct kd_cur *c, void *to, size_t n)
{
    struct kd_bytes b = kd_cur_take(c, n);
    if (b.n > 0)
        memcpy(to, b.p, b.n);
}

static size_t count(struct kd_cur *c, size_t n, size_t max)
{
    if (n > max)
        kd_cur_fail(c);
    return kd_cur_ok(c) ? n : 0;
}

static bool zone_fits(const struct kd_site *s, uint8_t zone)
{
    return zone < s->n_zones || zone >= KD_ZONE_ANY;
}

static void read_zones(struct kd_cur *c, struct kd_site *s)
{
    s->n_zones = count(c, kd_cur_u8(c), KD_SITE_ZONES_MAX);
    for (size_t i = 0; i < s->n_zones; i++) {
        copy(c, s->zone[i].name, count(c, kd_cur_u8(c), KD_SITE_NAME_MAX));
        s->zone[i].kind = kd_cur_u8(c);
        uint8_t flags = kd_cur_u8(c);
        s->zone[i].guarded = (flags & 1) != 0;
        s->zone[i].listed = (flags & 2) != 0;
        if (s->zone[i].kind >= KD_ZONE_KINDS_COUNT)
            kd_cur_fail(c);
    }
    s->n_nets = count(c, kd_cur_le16(c), KD_SITE_NETS_MAX);
    for (size_t i = 0; i < s->n_nets; i++) {
        copy(c, s->net[i].net.addr.b, 16);
        s->net[i].net.bits = kd_cur_u8(c);
        s->net[i].zone = kd_cur_u8(c);
        if (s->net[i].net.bits > 128 || s->net[i].zone >= s->n_zones)
            kd_cur_fail(c);
    }
}

static void read_rules(struct kd_cur *c, struct kd_site *s)
{
    s->n_rules = count(c, kd_cur_le16(c), KD_SITE_RULES_MAX);
    for (size_t i = 0; i < s->n_rules; i++) {
        struct kd_site_rule *r = &s->rule[i];
        r->from = kd_cur_u8(c);
        r->to = kd_cur_u8(c);
        r->forbid = kd_cur_u8(c) != 0;
        r->n = (uint8_t)count(c, kd_cur_u8(c), KD_SITE_SERVICES_MAX);
        for (unsigned k = 0; k < r->n; k++) {
            r->service[k].proto = kd_cur_u8(c);
            r->service[k].from = kd_cur_le16(c);
            r->service[k].to = kd_cur_le16(c);
        }
        if (!zone_fits(s, r->from) || !zone_fits(s, r->to))
            kd_cur_fail(c);
    }
    s->n_hosts = count(c, kd_cur_le16(c), KD_SITE_HOSTS_MAX);
    for (size_t i = 0; i < s->n_hosts; i++) {
        copy(c, s->host[i].addr.b, 16);
        copy(c, s->host[i].mac.b, 6);
        s->host[i].duties = kd_cur_le16(c);
    }
}

enum kd_status kd_site_read(struct kd_bytes form, struct kd_site **ret)
{
    struct kd_site *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return KD_NO_MEMORY;
    struct kd_cur c = kd_cur_of(form);
    if (form.n > 0) {
        if (kd_cur_u8(&c) != FORM)
            kd_cur_fail(&c);
        s->forbid = kd_cur_u8(&c) != 0;
        read_zones(&c, s);
        read_rules(&c, s);
    }
    enum kd_status status = kd_cur_ok(&c) && kd_cur_left(&c) == 0 ? KD_OK : KD_MALFORMED;
    if (status == KD_OK && !make_index(s))
        status = KD_NO_MEMORY;
    if (status == KD_OK)
        *ret = s;
    else
        kd_site_free(s);
    return status;
}

void kd_site_free(struct kd_site *s)
{
    if (s != NULL)
        free(s->nodes);
    free(s);
}
