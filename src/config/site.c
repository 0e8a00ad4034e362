/* SPDX-License-Identifier: Apache-2.0 */
/* The network plan in the configuration file: zones, crossings, hosts. */
#include <stdlib.h>

#include "config/reader.h"

/* As it is read: names of zones are looked up when all of them are known. */
struct kd_site_draft {
    struct kd_site site;
    struct rule_names {
        char from[KD_SITE_NAME_MAX + 1], to[KD_SITE_NAME_MAX + 1];
        size_t line;
    } rule[KD_SITE_RULES_MAX];
};

/* The entry being read. */
struct entry {
    const char *section;
    size_t line;
    struct kd_site_zone zone;
    struct kd_site_rule rule;
    struct rule_names names;
    struct kd_site_host host;
    bool has_name, has_net, has_policy, has_role;
};

static bool copy_name(char into[KD_SITE_NAME_MAX + 1], struct kd_bytes v)
{
    if (v.n == 0 || v.n > KD_SITE_NAME_MAX || !kd_bytes_is_utf8(v))
        return false;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] < ' ' || v.p[i] == 0x7f)
            return false;
    memset(into, 0, KD_SITE_NAME_MAX + 1);
    memcpy(into, v.p, v.n);
    return true;
}

static bool parse_mac(struct kd_bytes v, struct kd_mac *ret)
{
    if (v.n != 17)
        return false;
    for (size_t i = 0; i < 17; i++) {
        uint8_t c = kd_ascii_lower(v.p[i]);
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (i % 3 == 2 ? c != ':' && c != '-' : !digit)
            return false;
        if (i % 3 == 2)
            continue;
        uint8_t half = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        ret->b[i / 3] = (uint8_t)(ret->b[i / 3] << 4 | half);
    }
    return true;
}

static bool read_yes(struct kd_bytes v, bool *ret)
{
    *ret = kd_bytes_ieq(v, kd_str("true")) || kd_bytes_ieq(v, kd_str("yes"));
    return *ret || kd_bytes_ieq(v, kd_str("false")) || kd_bytes_ieq(v, kd_str("no"));
}

/* What does not fit, for one value: English and Japanese. */
struct want {
    const char *en, *ja;
};
static const struct want fine = {NULL, NULL};
static const struct want too_many = {"the plan has too many of these", "数が上限を超えています"};
static const struct want bad_name = {"write a name of at most 63 bytes (21 Japanese characters)",
                                     "63 バイト(日本語で 21 文字)までの名前を書いてください"};

/* ---- values ---- */

static struct want add_net(struct kd_site *s, struct kd_bytes v)
{
    static const struct want shape = {"write an address with prefix, for example 192.168.10.0/24",
                                      "192.168.10.0/24 のようにアドレスとプレフィックス長を書いてください"};
    static const struct want twice = {"this network is in a zone already", "このネットワークはすでに別の行にあります"};
    struct kd_net net;
    if (!kd_net_parse(v, &net))
        return shape;
    for (unsigned i = net.bits; i < 128; i++)
        net.addr.b[i / 8] &= (uint8_t)~(0x80u >> i % 8);
    for (size_t i = 0; i < s->n_nets; i++)
        if (s->net[i].net.bits == net.bits && kd_addr_eq(&s->net[i].net.addr, &net.addr))
            return twice;
    if (s->n_nets == KD_SITE_NETS_MAX)
        return too_many;
    s->net[s->n_nets++] = (struct kd_site_net){net, (uint8_t)s->n_zones};
    return fine;
}

static struct want add_host(struct kd_site *s, const struct kd_site_host *h)
{
    if (s->n_hosts == KD_SITE_HOSTS_MAX)
        return too_many;
    s->host[s->n_hosts++] = *h;
    return fine;
}

static struct want add_device(struct kd_site *s, struct kd_bytes v)
{
    static const struct want shape = {"write an address or a link address such as 52:54:00:12:34:56",
                                      "IP アドレスか 52:54:00:12:34:56 の形の MAC アドレスを書いてください"};
    struct kd_site_host h = {0};
    if (!kd_addr_parse(v, &h.addr) && !parse_mac(v, &h.mac))
        return shape;
    return add_host(s, &h);
}

static struct want set_zone(struct kd_site_draft *d, struct entry *e, struct kd_bytes key, struct kd_bytes v,
                            bool *ret_known)
{
    static const struct want kind = {"write office, server, personal-number, lgwan, internet, medical, control, guest, "
                                     "management, devices or other",
                                     "office、server、personal-number、lgwan、internet、medical、control、guest、"
                                     "management、devices、other のいずれかを書いてください"};
    static const struct want yes = {"write true or false", "true または false と書いてください"};
    *ret_known = true;
    if (kd_bytes_eq_str(key, "name")) {
        e->has_name = copy_name(e->zone.name, v);
        return e->has_name ? fine : bad_name;
    }
    if (kd_bytes_eq_str(key, "networks")) {
        e->has_net = true;
        return add_net(&d->site, v);
    }
    if (kd_bytes_eq_str(key, "kind"))
        return kd_zone_kind_of(v, &e->zone.kind) ? fine : kind;
    if (kd_bytes_eq_str(key, "guarded"))
        return read_yes(v, &e->zone.guarded) ? fine : yes;
    if (kd_bytes_eq_str(key, "devices")) {
        e->zone.listed = true;
        return add_device(&d->site, v);
    }
    *ret_known = false;
    return fine;
}

static struct want set_crossing(struct entry *e, struct kd_bytes key, struct kd_bytes v, bool *ret_known)
{
    static const struct want policy = {"write allow or forbid", "allow または forbid と書いてください"};
    static const struct want service = {"write tcp/445, udp/53, 8000-8100 or a name such as smb, rdp, dns, https",
                                        "tcp/445、udp/53、8000-8100、または smb、rdp、dns、https などの名前を書いてください"};
    static const struct want eight = {"one line may name 8 services; write a second line",
                                      "1 項目に書けるのは 8 つまでです。項目を分けてください"};
    *ret_known = true;
    if (kd_bytes_eq_str(key, "from"))
        return copy_name(e->names.from, v) ? fine : bad_name;
    if (kd_bytes_eq_str(key, "to"))
        return copy_name(e->names.to, v) ? fine : bad_name;
    if (kd_bytes_eq_str(key, "policy")) {
        e->has_policy = true;
        e->rule.forbid = kd_bytes_eq_str(v, "forbid");
        return e->rule.forbid || kd_bytes_eq_str(v, "allow") ? fine : policy;
    }
    if (kd_bytes_eq_str(key, "services")) {
        if (e->rule.n == KD_SITE_SERVICES_MAX)
            return eight;
        return kd_site_service_of(v, &e->rule.service[e->rule.n++]) ? fine : service;
    }
    *ret_known = false;
    return fine;
}

static struct want set_host(struct entry *e, struct kd_bytes key, struct kd_bytes v, bool *ret_known)
{
    static const struct want address = {"write an IP address", "IP アドレスを書いてください"};
    static const struct want mac = {"write a link address such as 52:54:00:12:34:56",
                                    "52:54:00:12:34:56 の形で書いてください"};
    static const struct want role = {"write dc, dns, dhcp, mail, web, proxy, file, database, printer, router, medical, "
                                     "control, jump, server or client",
                                     "dc、dns、dhcp、mail、web、proxy、file、database、printer、router、medical、"
                                     "control、jump、server、client のいずれかを書いてください"};
    uint16_t duty;
    *ret_known = true;
    if (kd_bytes_eq_str(key, "address"))
        return kd_addr_parse(v, &e->host.addr) ? fine : address;
    if (kd_bytes_eq_str(key, "mac"))
        return parse_mac(v, &e->host.mac) ? fine : mac;
    if (kd_bytes_eq_str(key, "role")) {
        if (!kd_duty_of(v, &duty))
            return role;
        e->has_role = true;
        e->host.duties = (uint16_t)(e->host.duties | duty);
        return fine;
    }
    *ret_known = false;
    return fine;
}

static void set(struct kd_reader *rd, struct entry *e, struct kd_bytes key, struct kd_bytes v, size_t line)
{
    bool known = true;
    struct want w;
    if (kd_bytes_eq_str(key, "note"))
        return; /* for people */
    if (strcmp(e->section, "zones") == 0)
        w = set_zone(rd->draft, e, key, v, &known);
    else if (strcmp(e->section, "crossings") == 0)
        w = set_crossing(e, key, v, &known);
    else
        w = set_host(e, key, v, &known);
    if (!known)
        kd_config_bad_value(rd, line, e->section, key, "there is no such key here; see kidoban config reference",
                            "ここにこの項目はありません。kidoban config reference を見てください");
    else if (w.en != NULL)
        kd_config_bad_value(rd, line, e->section, v, w.en, w.ja);
}

/* ---- entries ---- */

static void end_zone(struct kd_reader *rd, const struct entry *e)
{
    struct kd_site *s = &rd->draft->site;
    static const char *const reserved[] = {"any", "outside", "unlisted"};
    if (!e->has_name || !e->has_net) {
        kd_config_wrong_shape(rd, e->line, "zones", "a zone needs name and networks",
                              "name(名前)と networks(ネットワーク)が必要です");
        return;
    }
    bool taken = false;
    for (size_t i = 0; i < KD_COUNT(reserved); i++)
        taken = taken || strcmp(e->zone.name, reserved[i]) == 0;
    for (size_t i = 0; i < s->n_zones; i++)
        taken = taken || strcmp(e->zone.name, s->zone[i].name) == 0;
    if (taken)
        kd_config_bad_value(rd, e->line, "zones", kd_str(e->zone.name), "the name is taken; choose another",
                            "この名前は使われています。別の名前にしてください");
    else if (s->n_zones == KD_SITE_ZONES_MAX)
        kd_config_bad_value(rd, e->line, "zones", kd_str(e->zone.name), too_many.en, too_many.ja);
    else
        s->zone[s->n_zones++] = e->zone;
}

static void end_crossing(struct kd_reader *rd, const struct entry *e)
{
    struct kd_site *s = &rd->draft->site;
    if (e->names.from[0] == '\0' || e->names.to[0] == '\0' || !e->has_policy) {
        kd_config_wrong_shape(rd, e->line, "crossings", "an entry needs from, to and policy (allow or forbid)",
                              "from、to、policy(allow または forbid)が必要です");
    } else if (s->n_rules == KD_SITE_RULES_MAX) {
        kd_config_wrong_shape(rd, e->line, "crossings", too_many.en, too_many.ja);
    } else {
        rd->draft->rule[s->n_rules] = e->names;
        rd->draft->rule[s->n_rules].line = e->line;
        s->rule[s->n_rules++] = e->rule;
    }
}

static void end_host(struct kd_reader *rd, const struct entry *e)
{
    struct want w = fine;
    if (!e->has_role || (kd_addr_is_none(&e->host.addr) && kd_mac_is_none(&e->host.mac)))
        kd_config_wrong_shape(rd, e->line, "hosts", "an entry needs address (or mac) and role",
                              "address(または mac)と role(役割)が必要です");
    else
        w = add_host(&rd->draft->site, &e->host);
    if (w.en != NULL)
        kd_config_wrong_shape(rd, e->line, "hosts", w.en, w.ja);
}

/* The values of one key: one, or a list of them. */
static bool read_values(struct kd_reader *rd, struct entry *e, struct kd_bytes key)
{
    yaml_event_t ev;
    bool list = false;
    for (;;) {
        if (!kd_config_next(rd, &ev))
            return false;
        yaml_event_type_t type = ev.type;
        size_t line = ev.start_mark.line;
        if (type == YAML_SCALAR_EVENT)
            set(rd, e, key, kd_bytes_of(ev.data.scalar.value, ev.data.scalar.length), line);
        yaml_event_delete(&ev);
        if ((type == YAML_SCALAR_EVENT && !list) || (type == YAML_SEQUENCE_END_EVENT && list))
            return true;
        if (type == YAML_SEQUENCE_START_EVENT && !list) {
            list = true;
        } else if (type != YAML_SCALAR_EVENT) {
            kd_config_wrong_shape(rd, line, e->section, "only plain values go here", "値だけを書いてください");
            return false;
        }
    }
}

static bool read_entry(struct kd_reader *rd, struct entry *e)
{
    yaml_event_t ev;
    for (;;) {
        if (!kd_config_next(rd, &ev))
            return false;
        yaml_event_type_t type = ev.type;
        size_t line = ev.start_mark.line;
        bool ok = type == YAML_SCALAR_EVENT &&
                  read_values(rd, e, kd_bytes_of(ev.data.scalar.value, ev.data.scalar.length));
        yaml_event_delete(&ev);
        if (type == YAML_MAPPING_END_EVENT)
            return true;
        if (type != YAML_SCALAR_EVENT)
            kd_config_wrong_shape(rd, line, e->section, "write key: value", "「項目: 値」の形で書いてください");
        if (!ok)
            return false;
    }
}

static bool make_draft(struct kd_reader *rd, size_t line)
{
    if (rd->draft == NULL)
        rd->draft = calloc(1, sizeof(*rd->draft));
    if (rd->draft == NULL)
        kd_config_wrong_shape(rd, line, "zones", "out of memory", "メモリが足りません");
    return rd->draft != NULL;
}

bool kd_site_section(struct kd_reader *rd, const char *section)
{
    yaml_event_t ev;
    for (;;) {
        if (!kd_config_next(rd, &ev))
            return false;
        yaml_event_type_t type = ev.type;
        struct entry e = {.section = section, .line = ev.start_mark.line, .zone.kind = KD_KIND_OTHER};
        yaml_event_delete(&ev);
        if (type == YAML_SEQUENCE_END_EVENT)
            return true;
        if (type != YAML_MAPPING_START_EVENT) {
            kd_config_wrong_shape(rd, e.line, section, "write entries of key: value lines, each beginning with \"- \"",
                                  "「- 」で始まる「項目: 値」の組を並べてください");
            return false;
        }
        if (!make_draft(rd, e.line) || !read_entry(rd, &e))
            return false;
        if (strcmp(section, "zones") == 0)
            end_zone(rd, &e);
        else if (strcmp(section, "crossings") == 0)
            end_crossing(rd, &e);
        else
            end_host(rd, &e);
    }
}

/* ---- the whole ---- */

static uint8_t zone_by_name(struct kd_reader *rd, const char *name, size_t line)
{
    const struct kd_site *s = &rd->draft->site;
    for (size_t i = 0; i < s->n_zones; i++)
        if (strcmp(name, s->zone[i].name) == 0)
            return (uint8_t)i;
    if (strcmp(name, "outside") == 0)
        return KD_ZONE_OUTSIDE;
    if (strcmp(name, "unlisted") == 0)
        return KD_ZONE_UNLISTED;
    if (strcmp(name, "any") != 0)
        kd_config_bad_value(rd, line, "crossings", kd_str(name),
                            "there is no zone of this name; write one of zones, outside, unlisted or any",
                            "この名前の区分はありません。zones の名前、outside、unlisted、any のいずれかを書いてください");
    return KD_ZONE_ANY;
}

void kd_site_finish(struct kd_reader *rd)
{
    struct kd_site_draft *d = rd->draft;
    if (d == NULL)
        return;
    struct kd_site *s = &d->site;
    if (rd->problems->n == 0) /* else zones may be missing for another reason */
        for (size_t i = 0; i < s->n_rules; i++) {
            s->rule[i].from = zone_by_name(rd, d->rule[i].from, d->rule[i].line);
            s->rule[i].to = zone_by_name(rd, d->rule[i].to, d->rule[i].line);
        }
    s->forbid = strcmp(rd->config->crossing_default, "forbid") == 0;
    struct kd_out o = kd_out_of(rd->config->site.b, sizeof(rd->config->site.b));
    kd_site_put(&o, s);
    rd->config->site.n = o.n;
    if (!kd_out_ok(&o))
        kd_config_wrong_shape(rd, 0, "zones", "the plan is too large; shorten it", "計画が大きすぎます。短くしてください");
    free(d);
    rd->draft = NULL;
}
