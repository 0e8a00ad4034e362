/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP for IPv4 (RFC 2131, options RFC 2132): every message is a record. */
#include "proto/parser.h"

enum { MESSAGE_MAX = 65535, BOOTREQUEST = 1, BOOTREPLY = 2, ETHERNET = 1, COOKIE = 0x63825363 };
enum { SNAME_BYTES = 64, FILE_BYTES = 128, ADDRESSES_MAX = 16, FQDN_MAX = 256 };

enum option {
    OPT_PAD = 0,
    OPT_MASK = 1,
    OPT_ROUTERS = 3,
    OPT_DNS = 6,
    OPT_HOSTNAME = 12,
    OPT_DOMAIN = 15,
    OPT_REQUESTED = 50,
    OPT_LEASE = 51,
    OPT_OVERLOAD = 52,
    OPT_TYPE = 53,
    OPT_SERVER = 54,
    OPT_PARAMS = 55,
    OPT_RENEWAL = 58,
    OPT_REBINDING = 59,
    OPT_VENDOR_CLASS = 60,
    OPT_CLIENT_ID = 61,
    OPT_FQDN = 81,
    OPT_END = 255
};

static const char *const type_names[] = {NULL,  "discover", "offer",   "request", "decline",
                                         "ack", "nak",      "release", "inform"};

struct state {
    bool told; /* broken options, once in a conversation */
};

/* A list of addresses as texts. */
struct addresses {
    struct kd_bytes v[ADDRESSES_MAX];
    uint8_t text[ADDRESSES_MAX * 16];
};

struct seconds {
    bool told;
    uint32_t s;
};

/* What belongs to the record while it is being made. */
struct message {
    struct kd_rec_dhcp rec;
    struct addresses routers, dns;
    struct kd_bytes fqdn;
    uint8_t fqdn_text[FQDN_MAX];
    uint8_t overload;
    struct seconds lease, renewal, rebinding;
};

static struct kd_addr take_addr(struct kd_cur *c)
{
    static const struct kd_addr none;
    struct kd_bytes b = kd_cur_take(c, 4);
    static const uint8_t zero[4];
    return b.n != 4 || memcmp(b.p, zero, 4) == 0 ? none : kd_addr_v4(b.p);
}

static struct kd_strs take_addresses(struct kd_cur *c, struct addresses *mem)
{
    struct kd_out o = kd_out_of(mem->text, sizeof(mem->text));
    size_t n = 0;
    while (kd_cur_left(c) >= 4 && n < ADDRESSES_MAX) {
        struct kd_addr a = take_addr(c);
        size_t start = o.n;
        kd_out_addr(&o, &a);
        if (o.n > start)
            mem->v[n++] = kd_bytes_of(o.p + start, o.n - start);
    }
    return (struct kd_strs){mem->v, n};
}

/* Texts may end with zero bytes (RFC 2132 §2). */
static struct kd_bytes take_text(struct kd_cur *c)
{
    struct kd_bytes b = kd_cur_rest(c);
    while (b.n > 0 && b.p[b.n - 1] == '\0')
        b.n--;
    return b;
}

/* RFC 4702 §2: flags, two result codes, then the name as labels (bit E) or as text. */
static struct kd_bytes take_fqdn(struct kd_cur *c, uint8_t mem[FQDN_MAX])
{
    enum { E = 4 };
    uint8_t flags = kd_cur_u8(c);
    (void)kd_cur_be16(c);
    if ((flags & E) == 0)
        return take_text(c);
    struct kd_out o = kd_out_of(mem, FQDN_MAX);
    while (kd_cur_more(c)) {
        struct kd_bytes label = kd_cur_take(c, kd_cur_u8(c));
        if (label.n == 0)
            break;
        if (o.n > 0)
            kd_out_u8(&o, '.');
        kd_out_bytes(&o, label);
    }
    return kd_out_bytes_view(&o);
}

/* The first of several equal options counts. */
static void text_once(struct kd_bytes *field, struct kd_bytes value)
{
    if (field->n == 0)
        *field = value;
}

static struct seconds take_seconds(struct kd_cur *c)
{
    uint32_t s = kd_cur_be32(c);
    return (struct seconds){kd_cur_ok(c), s};
}

static void on_option(struct message *m, uint8_t option, struct kd_cur c)
{
    struct kd_rec_dhcp *rec = &m->rec;
    switch (option) {
    case OPT_MASK:
        rec->subnet_mask = take_addr(&c);
        break;
    case OPT_ROUTERS:
        rec->routers = take_addresses(&c, &m->routers);
        break;
    case OPT_DNS:
        rec->dns_servers = take_addresses(&c, &m->dns);
        break;
    case OPT_HOSTNAME:
        text_once(&rec->hostname, take_text(&c));
        break;
    case OPT_DOMAIN:
        text_once(&rec->domain, take_text(&c));
        break;
    case OPT_REQUESTED:
        rec->requested_ip = take_addr(&c);
        break;
    case OPT_LEASE:
        m->lease = take_seconds(&c);
        rec->lease_s = m->lease.s;
        break;
    case OPT_RENEWAL:
        m->renewal = take_seconds(&c);
        break;
    case OPT_REBINDING:
        m->rebinding = take_seconds(&c);
        break;
    case OPT_OVERLOAD:
        m->overload = kd_cur_u8(&c);
        break;
    case OPT_TYPE: {
        uint8_t type = kd_cur_u8(&c);
        rec->dhcp_type = kd_str(type < KD_COUNT(type_names) ? type_names[type] : NULL);
        break;
    }
    case OPT_SERVER:
        rec->server_ip = take_addr(&c);
        break;
    case OPT_PARAMS:
        text_once(&rec->params, kd_cur_rest(&c));
        break;
    case OPT_VENDOR_CLASS:
        text_once(&rec->vendor_class, take_text(&c));
        break;
    case OPT_CLIENT_ID:
        text_once(&rec->client_id, kd_cur_rest(&c));
        break;
    case OPT_FQDN:
        text_once(&m->fqdn, take_fqdn(&c, m->fqdn_text));
        break;
    default:
        break;
    }
}

/* False when an option goes beyond its area. */
static bool options(struct message *m, struct kd_cur c)
{
    while (kd_cur_more(&c)) {
        uint8_t option = kd_cur_u8(&c);
        if (option == OPT_END)
            return true;
        if (option == OPT_PAD)
            continue;
        struct kd_cur value = kd_cur_sub(&c, kd_cur_u8(&c));
        if (kd_cur_ok(&c))
            on_option(m, option, value);
    }
    return kd_cur_ok(&c);
}

/* To the rules, with what the record tells. */
static void show_times(const struct kd_ctx *ctx, enum kd_dir dir, const struct message *m)
{
    if (m->lease.told)
        kd_inspect_number(ctx, KD_NUM_DHCP_LEASETIME, dir, m->lease.s);
    if (m->renewal.told)
        kd_inspect_number(ctx, KD_NUM_DHCP_RENEWAL_TIME, dir, m->renewal.s);
    if (m->rebinding.told)
        kd_inspect_number(ctx, KD_NUM_DHCP_REBINDING_TIME, dir, m->rebinding.s);
}

static enum kd_status dhcp_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct message m;
    m.rec = (struct kd_rec_dhcp){0};
    m.lease = m.renewal = m.rebinding = (struct seconds){0};
    m.fqdn = (struct kd_bytes){NULL, 0};
    m.overload = 0;
    struct kd_cur c = kd_cur_of(msg);
    uint8_t op = kd_cur_u8(&c);
    uint8_t link = kd_cur_u8(&c);
    uint8_t n_link = kd_cur_u8(&c);
    (void)kd_cur_u8(&c);
    m.rec.xid = kd_cur_be32(&c);
    (void)kd_cur_be32(&c); /* seconds, flags */
    m.rec.client_ip = take_addr(&c);
    m.rec.assigned_ip = take_addr(&c);
    (void)take_addr(&c); /* where to boot from */
    m.rec.relay_ip = take_addr(&c);
    struct kd_bytes address = kd_cur_take(&c, 16);
    struct kd_cur sname = kd_cur_sub(&c, SNAME_BYTES);
    struct kd_cur file = kd_cur_sub(&c, FILE_BYTES);
    uint32_t cookie = kd_cur_be32(&c);
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    if ((op != BOOTREQUEST && op != BOOTREPLY) || cookie != COOKIE)
        return KD_MALFORMED;
    m.rec.kind = kd_str(op == BOOTREQUEST ? "request" : "reply");
    if (link == ETHERNET && n_link == sizeof(m.rec.client_mac.b))
        memcpy(m.rec.client_mac.b, address.p, sizeof(m.rec.client_mac.b));
    /* RFC 2131 §4.1: the options field first, then file, then sname, as option 52 says. */
    bool ok = options(&m, c);
    uint8_t overload = m.overload;
    if (overload & 1)
        ok = options(&m, file) && ok;
    if (overload & 2)
        ok = options(&m, sname) && ok;
    text_once(&m.rec.hostname, m.fqdn);
    struct state *s = ctx->state;
    if (!ok && !s->told) {
        s->told = true;
        kd_anomaly(ctx, "dhcp_broken_options", 240);
    }
    show_times(ctx, dir, &m);
    kd_emit(ctx, KD_REC_DHCP, &m.rec);
    return KD_OK;
}

/* Who speaks is no direction: requests and replies are often broadcast, each a flow of its own. */
static enum kd_probe dhcp_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)dir, (void)conn;
    struct kd_cur c = kd_cur_of(in);
    uint8_t op = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 235);
    return kd_cur_be32(&c) == COOKIE && (op == BOOTREQUEST || op == BOOTREPLY) ? KD_PROBE_YES
                                                                               : KD_PROBE_NO;
}

const struct kd_parser kd_parser_dhcp = {
    .name = "dhcp",
    .summary = "Dynamic Host Configuration Protocol: addresses given to terminals",
    .app = KD_APP_DHCP,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){67, 68, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct state),
    .probe = dhcp_probe,
    .message = dhcp_message,
};
