/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/form.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "wire/record.h"

static const void *at(const struct kd_field *f, const void *body)
{
    return (const uint8_t *)body + f->offset;
}

static uint64_t number(const struct kd_field *f, const void *body)
{
    static const uint8_t widths[KD_T_LIST + 1] = {[KD_T_BOOL] = 1, [KD_T_U8] = 1,   [KD_T_U16] = 2, [KD_T_U32] = 4,
                                                  [KD_T_U64] = 8,  [KD_T_TIME] = 8, [KD_T_US] = 8};
    uint64_t v = 0;
    memcpy(&v, at(f, body), widths[f->type]); /* little-endian hosts only, as the wire form is */
    return v;
}

static struct kd_bytes text(const struct kd_field *f, const void *body)
{
    return *(const struct kd_bytes *)at(f, body);
}

static bool put_text(struct kd_out *o, const char *s)
{
    kd_out_u8(o, '"');
    kd_out_str(o, s);
    kd_out_u8(o, '"');
    return true;
}

/* ---- numbers ---- */

static bool put_hex(struct kd_out *o, uint64_t v, unsigned n_bytes)
{
    kd_out_u8(o, '"');
    for (unsigned i = n_bytes; i > 0; i--) {
        uint8_t b = (uint8_t)(v >> 8 * (i - 1));
        kd_out_hex(o, kd_bytes_of(&b, 1));
    }
    kd_out_u8(o, '"');
    return true;
}

static bool is_tcp(const struct kd_rec_head *head)
{
    enum { TCP = 6 };
    return head != NULL && head->proto == TCP;
}

/* TCP flags, of TCP alone. */
bool kd_form_hex8(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    return is_tcp(head) && put_hex(o, number(f, body), 1);
}

bool kd_form_hex16(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    uint64_t v = number(f, body);
    return v != 0 && put_hex(o, v, 2);
}

#define BIT(N)                                                                                             \
    bool kd_form_bit##N(struct kd_out *o, const struct kd_field *f, const void *body,                      \
                        const struct kd_rec_head *head)                                                    \
    {                                                                                                      \
        (void)head;                                                                                        \
        if ((number(f, body) >> N & 1) == 0)                                                               \
            return false;                                                                                  \
        kd_out_str(o, "true");                                                                             \
        return true;                                                                                       \
    }
BIT(0)
BIT(1)
BIT(2)
BIT(3)
BIT(4)
BIT(6)
BIT(15)
#undef BIT

bool kd_form_in_tx(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    const struct kd_rec_signature *r = body;
    if (!r->in_tx)
        return false;
    kd_out_u64(o, number(f, body));
    return true;
}

bool kd_form_count(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    kd_out_u64(o, number(f, body));
    return true;
}

/* ---- matches of rules ---- */

bool kd_form_link_name(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    static const struct {
        uint32_t link;
        const char *name;
    } names[] = {{1, "EN10MB"}, {9, "PPP"}, {12, "RAW"}, {101, "RAW"}, {108, "LOOP"}, {113, "LINUX_SLL"},
                 {228, "IPv4"}, {229, "IPv6"}, {276, "LINUX_SLL2"}};
    (void)head;
    uint64_t link = number(f, body);
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (names[i].link == link)
            return put_text(o, names[i].name);
    return false;
}

static bool is_answer(const struct kd_field *f, const void *body)
{
    return kd_bytes_eq_str(text(f, body), "to_client");
}

static bool put_ip(struct kd_out *o, const struct kd_rec_head *head, bool dst)
{
    if (head == NULL || head->flow_id == 0)
        return false;
    kd_out_u8(o, '"');
    kd_out_addr(o, dst ? &head->dst : &head->src);
    kd_out_u8(o, '"');
    return true;
}

static bool put_port(struct kd_out *o, const struct kd_rec_head *head, bool dst)
{
    enum { TCP = 6, UDP = 17, SCTP = 132 };
    if (head == NULL || head->flow_id == 0 || (head->proto != TCP && head->proto != UDP && head->proto != SCTP))
        return false;
    kd_out_u64(o, dst ? head->dst_port : head->src_port);
    return true;
}

bool kd_form_client_ip(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    return put_ip(o, head, is_answer(f, body));
}

bool kd_form_server_ip(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    return put_ip(o, head, !is_answer(f, body));
}

bool kd_form_client_port(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    return put_port(o, head, is_answer(f, body));
}

bool kd_form_server_port(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    return put_port(o, head, !is_answer(f, body));
}

/* ---- stats ---- */

/* EVE counts these by transport, too. */
static bool over_both(unsigned app)
{
    return app == KD_APP_FAILED || app == KD_APP_DNS || app == KD_APP_KRB5 || app == KD_APP_DCERPC ||
           app == KD_APP_SIP || app == KD_APP_NFS || app == KD_APP_ENIP || app == KD_APP_LDAP;
}

static const struct kd_stats_proto *proto_of(const struct kd_list *list, unsigned app)
{
    static const struct kd_stats_proto none;
    const struct kd_stats_proto *p = list->v;
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++)
        if (kd_bytes_eq_str(p[i].name, kd_app_names[app]))
            return &p[i];
    return &none;
}

static void put_count(struct kd_out *o, const char *name, const char *suffix, uint64_t v, bool *comma)
{
    if (*comma)
        kd_out_u8(o, ',');
    *comma = true;
    kd_out_u8(o, '"');
    kd_out_str(o, name);
    kd_out_str(o, suffix);
    kd_out_str(o, "\":");
    kd_out_u64(o, v);
}

/* At the end of a capture file every protocol is named, else those that were met. */
static bool put_by_app(struct kd_out *o, const struct kd_field *f, const void *body, bool tx)
{
    const struct kd_rec_stats *r = body;
    bool all = kd_bytes_eq_str(r->scope, "total"), comma = false;
    kd_out_u8(o, '{');
    for (unsigned app = KD_APP_FAILED; app < KD_APP_COUNT; app++) {
        const struct kd_stats_proto *p = proto_of(at(f, body), app);
        uint64_t n = tx ? p->tx : p->flows, udp = tx ? p->tx_udp : p->flows_udp;
        if (!all && n == 0)
            continue;
        if (!over_both(app)) {
            put_count(o, kd_app_names[app], "", n, &comma);
            continue;
        }
        put_count(o, kd_app_names[app], "_tcp", n - udp, &comma);
        put_count(o, kd_app_names[app], "_udp", udp, &comma);
    }
    kd_out_u8(o, '}');
    return comma;
}

bool kd_form_app_flows(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_by_app(o, f, body, false);
}

bool kd_form_app_tx(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_by_app(o, f, body, true);
}

bool kd_form_app_errors(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_rec_stats *r = body;
    bool all = kd_bytes_eq_str(r->scope, "total"), comma = false;
    (void)head;
    kd_out_u8(o, '{');
    for (unsigned app = KD_APP_FAILED + 1; app < KD_APP_COUNT; app++) {
        uint64_t n = proto_of(at(f, body), app)->errors;
        if (!all && n == 0)
            continue;
        kd_out_str(o, comma ? ",\"" : "\"");
        kd_out_str(o, kd_app_names[app]);
        kd_out_str(o, "\":{\"parser\":");
        kd_out_u64(o, n);
        kd_out_u8(o, '}');
        comma = true;
    }
    kd_out_u8(o, '}');
    return comma;
}

/* Names are "ipv4.trunc_pkt"; those of one layer stand together. */
bool kd_form_odd_events(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_list *list = at(f, body);
    const struct kd_stats_event *event = list->v;
    struct kd_bytes open = {NULL, 0};
    (void)head;
    kd_out_u8(o, '{');
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++) {
        struct kd_bytes rest = event[i].name;
        struct kd_bytes layer = kd_bytes_cut(&rest, '.');
        if (open.p == NULL || !kd_bytes_eq(open, layer)) {
            kd_out_str(o, open.p == NULL ? "" : "},");
            kd_json_string(o, layer);
            kd_out_str(o, ":{");
        } else {
            kd_out_u8(o, ',');
        }
        open = layer;
        kd_json_string(o, rest);
        kd_out_u8(o, ':');
        kd_out_u64(o, event[i].count);
    }
    kd_out_str(o, "}}");
    return list->n > 0;
}

bool kd_form_avg_size(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_rec_stats *r = body;
    (void)head;
    kd_out_u64(o, r->packets == 0 ? 0 : number(f, body) / r->packets);
    return true;
}

bool kd_form_rule_engines(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_rec_stats *r = body;
    bool comma = false;
    (void)f, (void)head;
    kd_out_str(o, "[{");
    put_count(o, "id", "", 0, &comma);
    put_count(o, "rules_loaded", "", r->rules_loaded, &comma);
    put_count(o, "rules_failed", "", r->rules_failed, &comma);
    put_count(o, "rules_skipped", "", r->rules_skipped, &comma);
    kd_out_str(o, "}]");
    return true;
}

/* ---- anomalies ---- */

/* EVE writes the names of these protocols' events in capitals. */
static bool is_capital(struct kd_bytes layer)
{
    static const char *const layers[] = {"http", "smtp", "tls", "dnp3"};
    for (size_t i = 0; i < KD_COUNT(layers); i++)
        if (kd_bytes_eq_str(layer, layers[i]))
            return true;
    return false;
}

bool kd_form_event_name(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_rec_anomaly *r = body;
    struct kd_bytes s = text(f, body);
    size_t from = o->n;
    (void)head;
    kd_json_string(o, s);
    for (size_t i = from; is_capital(r->layer) && i < o->n; i++)
        if (o->p[i] >= 'a' && o->p[i] <= 'z')
            o->p[i] = (uint8_t)(o->p[i] - 'a' + 'A');
    return s.n > 0;
}

bool kd_form_proto_parser(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return text(f, body).n > 0 && put_text(o, "proto_parser");
}

/* ---- texts ---- */

bool kd_form_word(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes rest = text(f, body);
    struct kd_bytes word = kd_bytes_cut(&rest, ' ');
    kd_json_string(o, word);
    return word.n > 0;
}

static void put_angle(struct kd_out *o, struct kd_bytes address)
{
    if (kd_bytes_at(address, 0) == '<') {
        kd_json_string(o, address);
        return;
    }
    size_t start = o->n;
    kd_json_string(o, address);
    /* Room for the brackets within the quotes. */
    uint8_t *room = kd_out_room(o, 2);
    if (room == NULL)
        return;
    uint8_t *s = o->p + start;
    size_t n = o->n - start;
    memmove(s + 2, s + 1, n - 4);
    s[1] = '<';
    s[n - 2] = '>';
    s[n - 1] = '"';
}

bool kd_form_angle(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes address = text(f, body);
    if (address.n > 0)
        put_angle(o, address);
    return address.n > 0;
}

bool kd_form_angles(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    const struct kd_strs *list = at(f, body);
    kd_out_u8(o, '[');
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++) {
        if (i > 0)
            kd_out_u8(o, ',');
        put_angle(o, list->v[i]);
    }
    kd_out_u8(o, ']');
    return list->n > 0;
}

bool kd_form_one(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes s = text(f, body);
    kd_out_u8(o, '[');
    kd_json_string(o, s);
    kd_out_u8(o, ']');
    return s.n > 0;
}

bool kd_form_yes_no(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_text(o, number(f, body) != 0 ? "yes" : "no");
}

bool kd_form_or_none(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes s = text(f, body);
    kd_json_string(o, s.n > 0 ? s : kd_str("<none>"));
    return true;
}

/* All but AES and Camellia (proto/krb5 knows the numbers, which a record does not keep). */
bool kd_form_weak_cipher(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes s = text(f, body);
    bool strong = kd_bytes_starts(s, kd_str("aes")) || kd_bytes_starts(s, kd_str("camellia"));
    kd_out_str(o, strong ? "false" : "true");
    return s.n > 0;
}

bool kd_form_base64(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes b = text(f, body);
    kd_out_u8(o, '"');
    kd_base64_put(o, b);
    kd_out_u8(o, '"');
    return b.n > 0;
}

static bool is_readable(uint8_t c)
{
    return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\r';
}

bool kd_form_printable(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    uint8_t piece[512];
    struct kd_bytes b = text(f, body);
    struct kd_out quoted;
    kd_out_u8(o, '"');
    for (size_t from = 0; from < b.n; from += sizeof(piece)) {
        size_t n = kd_min_size(b.n - from, sizeof(piece));
        for (size_t i = 0; i < n; i++)
            piece[i] = is_readable(b.p[from + i]) ? b.p[from + i] : '.';
        uint8_t json[2 + 6 * sizeof(piece)];
        quoted = kd_out_of(json, sizeof(json));
        kd_json_string(&quoted, kd_bytes_of(piece, n));
        kd_out_bytes(o, kd_bytes_of(json + 1, quoted.n - 2));
    }
    kd_out_u8(o, '"');
    return b.n > 0;
}

bool kd_form_bytes(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes b = text(f, body);
    if (kd_bytes_is_utf8(b)) {
        kd_json_string(o, b);
        return b.n > 0;
    }
    kd_out_u8(o, '"');
    for (size_t i = 0; i < b.n; i++) {
        uint8_t json[8];
        struct kd_out one = kd_out_of(json, sizeof(json));
        if (b.p[i] >= 0x80) {
            kd_out_str(o, "\\\\x");
            kd_out_hex(o, kd_bytes_of(b.p + i, 1));
            continue;
        }
        kd_json_string(&one, kd_bytes_of(b.p + i, 1));
        kd_out_bytes(o, kd_bytes_of(json + 1, one.n - 2));
    }
    kd_out_u8(o, '"');
    return true;
}

bool kd_form_utc(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    enum { TO_SECONDS = sizeof("2026-11-22T08:30:00") - 1 };
    uint64_t us = number(f, body);
    uint8_t buf[40];
    struct kd_out t = kd_out_of(buf, sizeof(buf));
    kd_out_time(&t, us, 0);
    kd_out_u8(o, '"');
    kd_out_bytes(o, kd_bytes_of(buf, TO_SECONDS));
    kd_out_u8(o, '"');
    return us != 0;
}

/* ---- names ---- */

bool kd_form_dns_version(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)body, (void)head;
    kd_out_u64(o, 3);
    return true;
}

bool kd_form_queries(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_dns *r = body;
    kd_out_str(o, "[{\"rrname\":");
    kd_json_string(o, r->rrname);
    if (r->rrtype.n > 0) {
        kd_out_str(o, ",\"rrtype\":");
        kd_json_string(o, r->rrtype);
    }
    kd_out_str(o, "}]");
    return r->rrname.n > 0;
}

static bool is_first_of_type(const struct kd_dns_rr *rr, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (kd_bytes_eq(rr[j].rrtype, rr[i].rrtype))
            return false;
    return true;
}

bool kd_form_grouped(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    enum { GROUPED_MAX = 64 }; /* quadratic below */
    const struct kd_list *list = at(f, body);
    const struct kd_dns_rr *rr = list->v;
    size_t n = kd_min_size(list->n, GROUPED_MAX);
    for (size_t i = 0; i < n; i++) {
        if (!is_first_of_type(rr, i))
            continue;
        kd_out_str(o, i == 0 ? "{" : "],");
        kd_json_string(o, rr[i].rrtype);
        kd_out_str(o, ":[");
        kd_json_string(o, rr[i].rdata);
        for (size_t j = i + 1; j < n; j++)
            if (kd_bytes_eq(rr[j].rrtype, rr[i].rrtype)) {
                kd_out_u8(o, ',');
                kd_json_string(o, rr[j].rdata);
            }
    }
    kd_out_str(o, "]}");
    return n > 0;
}

/* A value's parts, a space between, by their names; numbers as numbers. */
static bool put_parts(struct kd_out *o, const struct kd_field *f, const void *body, const char *type,
                      const char *const *names)
{
    struct kd_bytes rest = text(f, body);
    if (!kd_bytes_eq_str(((const struct kd_dns_rr *)body)->rrtype, type))
        return false;
    for (unsigned i = 0; names[i] != NULL; i++) {
        uint64_t v = 0;
        struct kd_bytes part = kd_bytes_cut(&rest, ' ');
        kd_out_u8(o, i == 0 ? '{' : ',');
        kd_json_key(o, names[i]);
        if (kd_bytes_to_u64(part, UINT32_MAX, &v))
            kd_out_u64(o, v);
        else
            kd_json_string(o, part);
    }
    kd_out_u8(o, '}');
    return true;
}

bool kd_form_soa(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    static const char *const names[] = {"mname", "rname", "serial", "refresh", "retry", "expire", "minimum", NULL};
    (void)head;
    return put_parts(o, f, body, "SOA", names);
}

bool kd_form_srv(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    static const char *const names[] = {"priority", "weight", "port", "name", NULL};
    (void)head;
    return put_parts(o, f, body, "SRV", names);
}

bool kd_form_sshfp(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    struct kd_bytes rest = text(f, body);
    uint64_t algo = 0;
    (void)head;
    if (!kd_bytes_eq_str(((const struct kd_dns_rr *)body)->rrtype, "SSHFP") ||
        !kd_bytes_to_u64(kd_bytes_cut(&rest, ' '), UINT8_MAX, &algo))
        return false;
    (void)kd_bytes_cut(&rest, ' '); /* the kind of digest */
    kd_out_str(o, "{\"algo\":");
    kd_out_u64(o, algo);
    kd_out_str(o, ",\"fingerprint\":\"");
    for (size_t i = 0; i + 1 < rest.n; i += 2) {
        if (i > 0)
            kd_out_u8(o, ':');
        kd_out_bytes(o, kd_bytes_head(kd_bytes_from(rest, i), 2));
    }
    kd_out_str(o, "\"}");
    return true;
}

/* ---- link addresses ---- */

/* Neighbour discovery has the same record, on IP. */
static bool is_arp(const struct kd_rec_head *head)
{
    return head != NULL && head->proto == 0;
}

bool kd_form_arp_target(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    kd_out_u8(o, '"');
    kd_out_mac(o, at(f, body));
    kd_out_u8(o, '"');
    return is_arp(head) || !kd_mac_is_none(at(f, body));
}

bool kd_form_arp_hardware(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)body;
    return is_arp(head) && put_text(o, "ethernet");
}

bool kd_form_arp_protocol(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)body;
    return is_arp(head) && put_text(o, "ipv4");
}

/* ---- flows ---- */

bool kd_form_age(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    enum { SECOND_US = 1000000 };
    const struct kd_rec_flow *r = body;
    kd_out_u64(o, r->end_us / SECOND_US - r->start_us / SECOND_US);
    return true;
}

bool kd_form_flow_state(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes s = text(f, body);
    bool closed = kd_bytes_eq_str(s, "closed") || kd_bytes_eq_str(s, "reset") || kd_bytes_eq_str(s, "refused");
    bool established = kd_bytes_eq_str(s, "established");
    if (((const struct kd_rec_flow *)body)->bypassed)
        return put_text(o, "bypassed");
    return put_text(o, closed ? "closed" : established ? "established" : "new");
}

bool kd_form_flow_reason(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    struct kd_bytes s = text(f, body);
    const struct kd_rec_flow *r = body;
    if (kd_bytes_eq_str(s, "update"))
        return put_text(o, "update");
    if (r->replayed) /* EVE ends what it reads from a file with the file */
        return put_text(o, "shutdown");
    return put_text(o, kd_bytes_eq_str(s, "forced")   ? "shutdown"
                       : kd_bytes_eq_str(s, "budget") ? "forced"
                                                      : "timeout");
}

bool kd_form_tcp_state(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f;
    enum { FIN = 1, RST = 4 };
    const struct kd_rec_flow *r = body;
    bool fin_ts = (r->tcp_flags_ts & FIN) != 0;
    bool fin_tc = (r->tcp_flags_tc & FIN) != 0;
    if (!is_tcp(head))
        return false;
    if ((r->tcp_flags & RST) != 0 || (fin_ts && fin_tc) || kd_bytes_eq_str(r->state, "closed"))
        return put_text(o, "closed");
    if (fin_ts || fin_tc)
        return put_text(o, fin_ts ? "close_wait" : "fin_wait2");
    if (kd_bytes_eq_str(r->state, "established"))
        return put_text(o, "established");
    return put_text(o, kd_bytes_eq_str(r->state, "half_open") ? "syn_recv" : "syn_sent");
}

static bool is_icmp(const struct kd_rec_head *head)
{
    enum { ICMP = 1, ICMPV6 = 58 };
    return head != NULL && (head->proto == ICMP || head->proto == ICMPV6);
}

bool kd_form_icmp(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    if (!is_icmp(head))
        return false;
    kd_out_u64(o, number(f, body));
    return true;
}

bool kd_form_icmp_reply(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_rec_flow *r = body;
    uint8_t type;
    if (!is_icmp(head) || r->pkts_toclient == 0 || !kd_icmp_reply(head->proto, r->icmp_type, &type))
        return false;
    kd_out_u64(o, f->type == KD_T_U8 && f->offset == offsetof(struct kd_rec_flow, icmp_type) ? type : 0);
    return true;
}

bool kd_form_mac_list(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_mac *mac = at(f, body);
    (void)head;
    kd_out_str(o, "[\"");
    kd_out_mac(o, mac);
    kd_out_str(o, "\"]");
    return !kd_mac_is_none(mac);
}

bool kd_form_outer_app(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    return number(f, body) != 0 && head != NULL && put_text(o, kd_app_names[head->app]);
}

static bool put_bits(struct kd_out *o, const struct kd_field *f, const void *body, const char *prefix)
{
    const struct kd_strs *list = at(f, body);
    size_t skip = strlen(prefix);
    bool any = false;
    kd_out_u8(o, '[');
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++) {
        struct kd_bytes name = list->v[i];
        bool wanted = skip == 0 ? !kd_bytes_starts(name, kd_str("traffic/id/")) && !kd_bytes_starts(name, kd_str("traffic/label/"))
                                : kd_bytes_starts(name, kd_str(prefix));
        if (!wanted)
            continue;
        if (any)
            kd_out_u8(o, ',');
        kd_json_string(o, kd_bytes_from(name, skip));
        any = true;
    }
    kd_out_u8(o, ']');
    return any;
}

bool kd_form_flowbits(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_bits(o, f, body, "");
}

bool kd_form_traffic_id(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_bits(o, f, body, "traffic/id/");
}

bool kd_form_traffic_label(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_bits(o, f, body, "traffic/label/");
}
