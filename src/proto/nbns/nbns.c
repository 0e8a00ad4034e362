/* SPDX-License-Identifier: Apache-2.0 */
/* NetBIOS name service (RFC 1002 §4.2): every message is a record; a node status answer is one for
 * each of its names. */
#include "proto/parser.h"

enum { MESSAGE_MAX = 65535, PORT = 137, NAME_BYTES = 16, TEXT_MAX = 512, ADDRESSES_MAX = 32 };
enum { RESPONSE = 0x8000, GROUP = 0x8000, TYPE_NB = 0x20, TYPE_NBSTAT = 0x21, CLASS_IN = 1 };
enum {
    OP_QUERY = 0,
    OP_REGISTRATION = 5,
    OP_RELEASE = 6,
    OP_WAIT = 7,
    OP_REFRESH = 8,
    OP_REFRESH_ALT = 9,
    OP_MULTIHOMED = 15
};

struct state {
    bool told; /* broken record, once in a conversation */
};

struct header {
    uint16_t id, flags, n_question, n_answer, n_authority, n_additional;
};

struct name {
    uint8_t text[TEXT_MAX];
    size_t n;
    uint8_t suffix;
};

static struct header take_header(struct kd_cur *c)
{
    struct header h = {.id = kd_cur_be16(c)};
    h.flags = kd_cur_be16(c);
    h.n_question = kd_cur_be16(c);
    h.n_answer = kd_cur_be16(c);
    h.n_authority = kd_cur_be16(c);
    h.n_additional = kd_cur_be16(c);
    return h;
}

static unsigned opcode(const struct header *h)
{
    return h->flags >> 11 & 15;
}

static const char *kind_of(const struct header *h)
{
    if (h->flags & RESPONSE)
        return "response";
    switch (opcode(h)) {
    case OP_QUERY:
        return "query";
    case OP_REGISTRATION:
    case OP_MULTIHOMED:
        return "registration";
    case OP_RELEASE:
        return "release";
    case OP_REFRESH:
    case OP_REFRESH_ALT:
        return "refresh";
    default:
        return NULL;
    }
}

/* Without the padding (spaces, for "*" zeros), the sixteenth byte apart. */
static void put_name(struct kd_bytes raw, struct name *ret)
{
    struct kd_out o = kd_out_of(ret->text, sizeof(ret->text));
    size_t n = NAME_BYTES - 1;
    while (n > 0 && (raw.p[n - 1] == ' ' || raw.p[n - 1] == '\0'))
        n--;
    struct kd_bytes name = kd_bytes_of(raw.p, n);
    if (kd_bytes_is_utf8(name))
        kd_out_bytes(&o, name);
    else
        kd_out_escaped(&o, name);
    ret->n = o.n;
    ret->suffix = raw.p[NAME_BYTES - 1];
}

/* First-level encoding (RFC 1001 §14.1): 32 letters A to P, then the labels of a scope. */
static bool take_name(struct kd_bytes msg, struct kd_cur *c, struct name *ret)
{
    struct kd_cur there = *c;
    struct kd_cur *at = c;
    uint8_t n = kd_cur_u8(c);
    if (n >= 0xc0) { /* one pointer, to a name in full */
        there = kd_cur_of(kd_bytes_from(msg, (size_t)(n & 0x3f) << 8 | kd_cur_u8(c)));
        at = &there;
        n = kd_cur_u8(at);
    }
    struct kd_bytes code = kd_cur_take(at, 2 * NAME_BYTES);
    if (n != 2 * NAME_BYTES || code.n != 2 * NAME_BYTES)
        return false;
    uint8_t raw[NAME_BYTES];
    for (size_t i = 0; i < NAME_BYTES; i++) {
        unsigned high = code.p[2 * i] - (unsigned)'A';
        unsigned low = code.p[2 * i + 1] - (unsigned)'A';
        if (high > 15 || low > 15)
            return false;
        raw[i] = (uint8_t)(high << 4 | low);
    }
    put_name(kd_bytes_of(raw, sizeof(raw)), ret);
    struct kd_out o = {ret->text, ret->n, sizeof(ret->text), false};
    for (;;) {
        struct kd_bytes label = kd_cur_take(at, kd_cur_u8(at));
        if (label.n == 0)
            break;
        if (label.n > 63)
            return false;
        kd_out_u8(&o, '.');
        kd_out_escaped(&o, label);
    }
    ret->n = o.n;
    return kd_cur_ok(at) && kd_out_ok(&o);
}

struct nb_record {
    uint16_t type;
    struct kd_cur value;
};

static bool take_record(struct kd_bytes msg, struct kd_cur *c, struct name *ret_name,
                        struct nb_record *ret)
{
    if (!take_name(msg, c, ret_name))
        return false;
    ret->type = kd_cur_be16(c);
    (void)kd_cur_be16(c); /* class */
    (void)kd_cur_be32(c); /* time to live */
    ret->value = kd_cur_sub(c, kd_cur_be16(c));
    return kd_cur_ok(c);
}

static void emit(struct kd_ctx *ctx, const struct name *name, struct kd_rec_nbns *rec)
{
    rec->name = kd_bytes_of(name->text, name->n);
    rec->suffix = name->suffix;
    kd_emit(ctx, KD_REC_NBNS, rec);
}

/* RFC 1002 §4.2.13: flags and address, as often as there are owners. */
static void emit_addresses(struct kd_ctx *ctx, const struct name *name, struct kd_cur *c,
                           struct kd_rec_nbns *rec)
{
    struct kd_bytes list[ADDRESSES_MAX];
    uint8_t text[ADDRESSES_MAX * 16];
    struct kd_out o = kd_out_of(text, sizeof(text));
    size_t n = 0;
    while (kd_cur_left(c) >= 6 && n < ADDRESSES_MAX) {
        rec->group = (kd_cur_be16(c) & GROUP) != 0;
        size_t start = o.n;
        struct kd_addr a = kd_addr_v4(kd_cur_take(c, 4).p);
        kd_out_addr(&o, &a);
        list[n++] = kd_bytes_of(text + start, o.n - start);
    }
    rec->addresses = (struct kd_strs){list, n};
    emit(ctx, name, rec);
}

/* RFC 1002 §4.2.18: names with their flags, then the adapter's address. */
static bool emit_status(struct kd_ctx *ctx, struct kd_cur *c, struct kd_rec_nbns *rec)
{
    struct kd_cur names = kd_cur_sub(c, (size_t)kd_cur_u8(c) * (NAME_BYTES + 2));
    struct kd_bytes mac = kd_cur_take(c, sizeof(rec->mac.b));
    rec->kind = kd_str("status");
    if (mac.n == sizeof(rec->mac.b))
        memcpy(rec->mac.b, mac.p, mac.n);
    while (kd_cur_left(&names) >= NAME_BYTES + 2) {
        struct name name;
        put_name(kd_cur_take(&names, NAME_BYTES), &name);
        rec->group = (kd_cur_be16(&names) & GROUP) != 0;
        emit(ctx, &name, rec);
    }
    return kd_cur_ok(c);
}

static enum kd_status nbns_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    (void)dir;
    struct kd_cur c = kd_cur_of(msg);
    struct header h = take_header(&c);
    const char *kind = kind_of(&h);
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    if (kind == NULL || h.n_question + h.n_answer == 0)
        return KD_MALFORMED;
    struct kd_rec_nbns rec = {.kind = kd_str(kind), .tx_id = h.id, .rcode = h.flags & 15};
    struct name name;
    if (h.n_question > 0) {
        if (!take_name(msg, &c, &name))
            return KD_MALFORMED;
        (void)kd_cur_be32(&c); /* type, class */
    }
    struct nb_record rr;
    if (h.n_answer + h.n_additional == 0) {
        if (!kd_cur_ok(&c))
            return KD_TRUNCATED;
        emit(ctx, &name, &rec);
        return KD_OK;
    }
    struct name owner;
    bool ok = take_record(msg, &c, &owner, &rr);
    if (ok && rr.type == TYPE_NBSTAT && (h.flags & RESPONSE) != 0)
        ok = emit_status(ctx, &rr.value, &rec);
    else if (ok && rr.type == TYPE_NB)
        emit_addresses(ctx, &owner, &rr.value, &rec);
    else if (ok || h.n_question > 0)
        emit(ctx, h.n_question > 0 ? &name : &owner, &rec);
    struct state *s = ctx->state;
    if (!ok && !s->told) {
        s->told = true;
        kd_anomaly(ctx, "nbns_broken_record", c.taken);
    }
    return ok || h.n_question > 0 ? KD_OK : KD_MALFORMED;
}

static enum kd_probe nbns_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)dir;
    struct kd_cur c = kd_cur_of(in);
    struct header h = take_header(&c);
    struct name name;
    if ((conn->server_port != PORT && conn->client_port != PORT) || kind_of(&h) == NULL)
        return KD_PROBE_NO;
    return take_name(in, &c, &name) ? KD_PROBE_YES : KD_PROBE_NO;
}

const struct kd_parser kd_parser_nbns = {
    .name = "nbns",
    .summary = "NetBIOS name service",
    .app = KD_APP_NBNS,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct state),
    .probe = nbns_probe,
    .message = nbns_message,
};
