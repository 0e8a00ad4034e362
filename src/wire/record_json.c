/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "wire/eve.h"
#include "wire/record.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58, PROTO_SCTP = 132 };

void kd_out_proto(struct kd_out *o, uint8_t proto)
{
    static const char *const names[] = {
        [PROTO_ICMP] = "ICMP", [2] = "IGMP",  [4] = "IP-in-IP", [PROTO_TCP] = "TCP",          [PROTO_UDP] = "UDP",
        [41] = "IPv6",         [47] = "GRE",  [50] = "ESP",     [51] = "AH",                  [PROTO_ICMPV6] = "IPv6-ICMP",
        [88] = "EIGRP",        [103] = "PIM", [112] = "VRRP",   [PROTO_SCTP] = "SCTP",
    };
    if (proto < KD_COUNT(names) && names[proto] != NULL)
        kd_out_str(o, names[proto]);
    else
        kd_out_u64(o, proto);
}

bool kd_icmp_reply(uint8_t proto, unsigned type, uint8_t *ret_type)
{
    static const uint8_t v4[][2] = {{8, 0}, {0, 8}, {13, 14}, {14, 13}, {15, 16}, {16, 15},
                                    {10, 9}, {9, 10}, {17, 18}, {18, 17}};
    static const uint8_t v6[][2] = {{128, 129}, {129, 128}, {133, 134}, {134, 133}, {135, 136},
                                    {136, 135}, {130, 131}, {131, 130}, {144, 145}, {145, 144},
                                    {139, 140}, {140, 139}};
    bool four = proto == PROTO_ICMP;
    const uint8_t(*pairs)[2] = four ? v4 : v6;
    size_t n = four ? KD_COUNT(v4) : KD_COUNT(v6);
    for (size_t i = 0; i < n; i++)
        if (pairs[i][0] == type) {
            *ret_type = pairs[i][1];
            return true;
        }
    return false;
}

/* ICMP has no ports; the specification pairs types (echo 8 with reply 0 …) as if they were. */
static bool icmp_ports(const struct kd_rec_head *h, uint16_t *sport, uint16_t *dport)
{
    uint8_t reply = 0;
    *sport = h->src_port; /* the flow table keeps ICMP type and code in the port fields */
    *dport = h->dst_port;
    if (!kd_icmp_reply(h->proto, h->src_port, &reply))
        return false;
    *dport = reply;
    return true;
}

void kd_out_community_id(struct kd_out *o, const struct kd_rec_head *h)
{
    uint8_t buf[2 + 16 + 16 + 2 + 4];
    struct kd_out b = kd_out_of(buf, sizeof(buf));
    bool v4 = kd_addr_is_v4(&h->src) && kd_addr_is_v4(&h->dst);
    uint16_t sport = h->src_port;
    uint16_t dport = h->dst_port;
    bool two_way = true;
    if (h->proto == PROTO_ICMP || h->proto == PROTO_ICMPV6)
        two_way = icmp_ports(h, &sport, &dport);
    int cmp = kd_addr_cmp(&h->src, &h->dst);
    bool swap = two_way && (cmp > 0 || (cmp == 0 && sport > dport));
    const struct kd_addr *first = swap ? &h->dst : &h->src;
    const struct kd_addr *second = swap ? &h->src : &h->dst;
    size_t off = v4 ? 12 : 0;
    kd_out_be16(&b, 0); /* seed */
    kd_out_bytes(&b, kd_bytes_of(first->b + off, 16 - off));
    kd_out_bytes(&b, kd_bytes_of(second->b + off, 16 - off));
    kd_out_u8(&b, h->proto);
    kd_out_u8(&b, 0);
    bool has_ports = h->proto == PROTO_TCP || h->proto == PROTO_UDP || h->proto == PROTO_SCTP ||
                     h->proto == PROTO_ICMP || h->proto == PROTO_ICMPV6;
    if (has_ports) {
        kd_out_be16(&b, swap ? dport : sport);
        kd_out_be16(&b, swap ? sport : dport);
    }
    uint8_t sha1[KD_SHA1_BYTES];
    kd_digest_once(KD_SHA1, kd_out_bytes_view(&b), sha1);
    kd_out_str(o, "1:");
    kd_base64_put(o, kd_bytes_of(sha1, sizeof(sha1)));
}

/* ---- bodies ---- */

static uint64_t number_at(const struct kd_field *f, const void *at)
{
    uint64_t v = 0;
    static const uint8_t widths[] = {[KD_T_U8] = 1,   [KD_T_U16] = 2, [KD_T_U32] = 4,
                                     [KD_T_U64] = 8,  [KD_T_TIME] = 8, [KD_T_US] = 8};
    memcpy(&v, at, widths[f->type]); /* little-endian hosts only, as the wire form is */
    return v;
}

static void put_value(struct kd_out *o, const struct kd_field *f, const void *at, int zone_s);

static void put_item(struct kd_out *o, const struct kd_field *f, const void *item, int zone_s)
{
    if ((f->flags & KD_F_PLAIN) != 0) {
        const struct kd_field *only = &f->sub->fields[0];
        put_value(o, only, (const uint8_t *)item + only->offset, zone_s);
        return;
    }
    kd_out_u8(o, '{');
    kd_json_body(o, f->sub, NULL, item, zone_s, false);
    kd_out_u8(o, '}');
}

/* Names and values: text, or number where the item says so. */
static void put_map(struct kd_out *o, const struct kd_field *f, const struct kd_list *list, int zone_s)
{
    enum { NAME, TEXT, NUMBER, NUMERIC };
    kd_out_u8(o, '{');
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++) {
        const uint8_t *item = (const uint8_t *)list->v + i * f->sub->size;
        const struct kd_field *field = f->sub->fields;
        bool numeric = *(const bool *)(item + field[NUMERIC].offset);
        const struct kd_field *value = &field[numeric ? NUMBER : TEXT];
        if (i > 0)
            kd_out_u8(o, ',');
        put_value(o, &field[NAME], item + field[NAME].offset, zone_s);
        kd_out_u8(o, ':');
        put_value(o, value, item + value->offset, zone_s);
    }
    kd_out_u8(o, '}');
}

static void put_list(struct kd_out *o, const struct kd_field *f, const void *at, int zone_s)
{
    const struct kd_list *list = at;
    if ((f->flags & KD_F_ONE) != 0 && list->n > 0) {
        put_item(o, f, list->v, zone_s);
        return;
    }
    if ((f->flags & KD_F_MAP) != 0) {
        put_map(o, f, list, zone_s);
        return;
    }
    kd_out_u8(o, '[');
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++) {
        if (i > 0)
            kd_out_u8(o, ',');
        if (f->type == KD_T_STRS) {
            kd_json_string(o, ((const struct kd_bytes *)list->v)[i]);
            continue;
        }
        put_item(o, f, (const uint8_t *)list->v + i * f->sub->size, zone_s);
    }
    kd_out_u8(o, ']');
}

static void put_value(struct kd_out *o, const struct kd_field *f, const void *at, int zone_s)
{
    switch (f->type) {
    case KD_T_BOOL:
        kd_out_str(o, *(const bool *)at ? "true" : "false");
        break;
    case KD_T_TIME:
        kd_out_u8(o, '"');
        kd_out_time(o, number_at(f, at), zone_s);
        kd_out_u8(o, '"');
        break;
    case KD_T_ADDR:
        kd_out_u8(o, '"');
        kd_out_addr(o, at);
        kd_out_u8(o, '"');
        break;
    case KD_T_MAC:
        kd_out_u8(o, '"');
        kd_out_mac(o, at);
        kd_out_u8(o, '"');
        break;
    case KD_T_STR:
        kd_json_string(o, *(const struct kd_bytes *)at);
        break;
    case KD_T_HEX:
        kd_out_u8(o, '"');
        kd_out_hex(o, *(const struct kd_bytes *)at);
        kd_out_u8(o, '"');
        break;
    case KD_T_STRS:
    case KD_T_LIST:
        put_list(o, f, at, zone_s);
        break;
    default:
        kd_out_u64(o, number_at(f, at));
        break;
    }
}

static bool is_zero(const struct kd_field *f, const void *at)
{
    static const struct kd_addr no_addr;
    switch (f->type) {
    case KD_T_BOOL:
        return !*(const bool *)at;
    case KD_T_ADDR:
        return memcmp(at, &no_addr, sizeof(no_addr)) == 0;
    case KD_T_MAC:
        return kd_mac_is_none(at);
    case KD_T_STR:
    case KD_T_HEX:
        return ((const struct kd_bytes *)at)->n == 0;
    case KD_T_STRS:
    case KD_T_LIST:
        return ((const struct kd_list *)at)->n == 0;
    default:
        return number_at(f, at) == 0;
    }
}

/* Objects open at the moment: the group "a.b" as a path.  Moving to another group closes and opens only
 * what differs. */
struct nest {
    const char *group;
    bool comma; /* something was written in the innermost object */
};

static size_t depth_of(const char *group)
{
    size_t n = *group != '\0';
    for (; *group != '\0'; group++)
        n += *group == '.';
    return n;
}

/* Length of the common part of two groups, in whole segments, and its depth. */
static size_t common(const char *a, const char *b, size_t *ret_depth)
{
    size_t i = 0;
    size_t len = 0;
    size_t depth = 0;
    for (;; i++) {
        bool end_a = a[i] == '\0' || a[i] == '.';
        bool end_b = b[i] == '\0' || b[i] == '.';
        if (i > 0 && end_a && end_b) {
            len = i;
            depth++;
        }
        if (a[i] == '\0' || b[i] == '\0' || a[i] != b[i])
            break;
    }
    *ret_depth = depth;
    return len;
}

static void move_to(struct kd_out *o, struct nest *nest, const char *group)
{
    if (nest->group == group || strcmp(nest->group, group) == 0)
        return;
    size_t keep = 0;
    size_t at = common(nest->group, group, &keep);
    for (size_t d = depth_of(nest->group); d > keep; d--) {
        kd_out_u8(o, '}');
        nest->comma = true;
    }
    nest->group = group;
    while (group[at] != '\0') {
        at += group[at] == '.';
        const char *name = group + at;
        size_t n = strcspn(name, ".");
        if (nest->comma)
            kd_out_u8(o, ',');
        kd_out_u8(o, '"');
        kd_out_bytes(o, kd_bytes_of(name, n));
        kd_out_str(o, "\":{");
        nest->comma = false;
        at += n;
    }
}

static void put_lines(struct kd_out *o, const struct kd_schema *schema, const struct kd_rec_head *head,
                      const void *body, int zone_s, struct nest nest, bool objects_only);

/* A field in a form of its own; nothing is left when there is nothing to be told. */
static void put_form(struct kd_out *o, const struct kd_field *f, const struct kd_rec_head *head, const void *body,
                     struct nest *nest)
{
    struct nest before = *nest;
    size_t start = o->n;
    move_to(o, nest, f->group);
    if (nest->comma)
        kd_out_u8(o, ',');
    kd_out_bytes(o, kd_bytes_of(f->json, f->json_n));
    nest->comma = true;
    if (f->form(o, f, body, head))
        return;
    o->n = start;
    *nest = before;
}

/* The objects of a record within another. */
static void put_spread(struct kd_out *o, struct kd_bytes in, const struct kd_rec_head *head, int zone_s)
{
    enum { MEMORY = 1 << 20, BODY_MAX = 8192 };
    uint64_t body[BODY_MAX / sizeof(uint64_t)];
    uint8_t type = kd_bytes_at(in, 0);
    const struct kd_schema *schema = kd_schema_of(type);
    if (schema == NULL || schema->size > sizeof(body) || type == head->type)
        return;
    struct kd_pool *pool = kd_pool_new(MEMORY);
    struct kd_arena mem;
    if (pool == NULL)
        return;
    kd_arena_init(&mem, pool, MEMORY);
    struct kd_rec_dns *dns = (void *)body;
    bool good = kd_body_decode(schema, kd_bytes_from(in, 1), &mem, body) == KD_OK;
    if (good && type == KD_REC_DNS) /* a match is about one message */
        dns->kind = kd_str(kd_bytes_eq_str(dns->kind, "query") ? "request" : "response");
    bool neighbour = type == KD_REC_DNS && (head->app == KD_APP_MDNS || head->app == KD_APP_LLMNR);
    if (good && neighbour)
        kd_json_neighbour(o, head->app, dns);
    else if (good)
        put_lines(o, schema, head, body, zone_s, (struct nest){"", true}, true);
    kd_arena_done(&mem);
    kd_pool_free(pool);
}

void kd_json_body(struct kd_out *o, const struct kd_schema *schema, const struct kd_rec_head *head, const void *body,
                  int zone_s, bool comma)
{
    put_lines(o, schema, head, body, zone_s, (struct nest){"", comma}, false);
}

static void put_lines(struct kd_out *o, const struct kd_schema *schema, const struct kd_rec_head *head,
                      const void *body, int zone_s, struct nest nest, bool objects_only)
{
    for (size_t i = 0; i < schema->n_lines; i++) {
        const struct kd_field *f = &schema->lines[i];
        const void *at = (const uint8_t *)body + f->offset;
        if (objects_only && f->group[0] == '\0')
            continue;
        if ((f->flags & KD_F_SPREAD) != 0) {
            const struct kd_bytes *in = at;
            move_to(o, &nest, "");
            if (in->n > 0 && head != NULL)
                put_spread(o, *in, head, zone_s);
            continue;
        }
        if (f->form != NULL) {
            put_form(o, f, head, body, &nest);
            continue;
        }
        if ((f->flags & KD_F_ALWAYS) == 0 && is_zero(f, at))
            continue;
        move_to(o, &nest, f->group);
        if (nest.comma)
            kd_out_u8(o, ',');
        kd_out_bytes(o, kd_bytes_of(f->json, f->json_n));
        put_value(o, f, at, zone_s);
        nest.comma = true;
    }
    move_to(o, &nest, "");
}

static void put_number(struct kd_out *o, const char *key, uint64_t v)
{
    kd_out_u8(o, ',');
    kd_json_key(o, key);
    kd_out_u64(o, v);
}

static void put_end(struct kd_out *o, const char *which, const struct kd_addr *a, uint16_t port,
                    bool has_port)
{
    kd_out_str(o, ",\"");
    kd_out_str(o, which);
    kd_out_str(o, "_ip\":\"");
    kd_out_addr(o, a);
    kd_out_u8(o, '"');
    if (!has_port)
        return;
    kd_out_str(o, ",\"");
    kd_out_str(o, which);
    kd_out_str(o, "_port\":");
    kd_out_u64(o, port);
}

void kd_json_head(struct kd_out *o, const struct kd_rec_head *h, const char *event, int zone_s)
{
    kd_out_str(o, "{\"timestamp\":\"");
    kd_out_time(o, h->ts_us, zone_s);
    kd_out_str(o, "\",\"event_type\":\"");
    kd_out_str(o, event);
    kd_out_u8(o, '"');
    if (h->flow_id != 0)
        put_number(o, "flow_id", h->flow_id);
    if (h->frame != 0)
        put_number(o, "pcap_cnt", h->frame);
    if (h->vlan != 0) {
        kd_out_str(o, ",\"vlan\":[");
        for (size_t i = 0; i < KD_COUNT(h->outer_vlan) && h->outer_vlan[i] != 0; i++) {
            kd_out_u64(o, h->outer_vlan[i]);
            kd_out_u8(o, ',');
        }
        kd_out_u64(o, h->vlan);
        kd_out_u8(o, ']');
    }
    bool ports = h->proto == PROTO_TCP || h->proto == PROTO_UDP || h->proto == PROTO_SCTP;
    if (!kd_addr_is_none(&h->src))
        put_end(o, "src", &h->src, h->src_port, ports);
    if (!kd_addr_is_none(&h->dst))
        put_end(o, "dest", &h->dst, h->dst_port, ports);
    if (h->proto != 0) {
        kd_out_str(o, ",\"proto\":\"");
        kd_out_proto(o, h->proto);
        kd_out_u8(o, '"');
    }
    if (!kd_addr_is_none(&h->src))
        put_number(o, "ip_v", kd_addr_is_v4(&h->src) ? 4 : 6);
    if (h->app != KD_APP_UNKNOWN) {
        kd_out_str(o, ",\"app_proto\":\"");
        kd_out_str(o, kd_app_names[h->app]);
        kd_out_u8(o, '"');
    }
    if (h->flow_id != 0 && h->proto != 0) {
        kd_out_str(o, ",\"community_id\":\"");
        kd_out_community_id(o, h);
        kd_out_u8(o, '"');
    }
    if (h->id != 0) { /* as text: JavaScript's numbers end at 2^53 */
        kd_out_str(o, ",\"record_id\":\"");
        kd_out_u64(o, h->id);
        kd_out_u8(o, '"');
    }
}

void kd_record_json(struct kd_out *o, const struct kd_rec_head *head, const void *body, int zone_s)
{
    struct kd_rec_head shown = *head;
    const struct kd_rec_flow *flow = body;
    if (head->type == KD_REC_FLOW && flow->carried != 0 && flow->carried < KD_APP_COUNT)
        shown.app = flow->carried;
    if (kd_is_step(head->type))
        shown.id = 0; /* nobody finds it again */
    kd_json_head(o, &shown, kd_schema_of(head->type)->event, zone_s);
    kd_json_body(o, kd_schema_of(head->type), head, body, zone_s, true);
    kd_out_u8(o, '}');
}
