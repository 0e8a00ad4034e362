/* SPDX-License-Identifier: Apache-2.0 */
/* LDAP over TCP and CLDAP over UDP (RFC 4511, [MS-ADTS] 3.1.1.3): cuts the stream into messages,
 * looks into SASL wrappings that are signed only, lets sealed ones and entries pass by. */
#include "proto/ldap/ldap.h"

enum { WRAP_HEAD = 4, WRAP_MAX = 1 << 24, WRAP_PEEK = 64 };

void ldap_odd(const struct kd_ctx *ctx, enum ldap_oddity what)
{
    static const char *const names[LDAP_ODDITIES] = {
        [LDAP_ODD_BODY] = "ldap_malformed",
        [LDAP_ODD_TOO_LONG] = "ldap_message_too_long",
        [LDAP_ODD_TOKEN] = "ldap_bad_security_token",
        [LDAP_ODD_TOO_MANY] = "ldap_too_many_pending",
    };
    struct ldap_state *st = ldap_state_of(ctx);
    if (st->told & 1u << what)
        return;
    st->told |= 1u << what;
    kd_anomaly(ctx, names[what], 0);
}

/* ---- SASL wrappings (RFC 4513 5.2.1.2: a length before each) ---- */

struct wrap {
    uint32_t length;  /* behind the four bytes */
    uint32_t head;    /* of the token, before the payload */
    uint32_t trailer; /* behind the payload */
    bool sealed;
};

/* RFC 4121 4.2.6.2: 05 04, flags, ff, extra count, right rotation count, sequence number. */
static bool read_wrap_cfx(struct kd_cur c, struct wrap *w)
{
    enum { HEAD = 16, FLAG_SEALED = 2 };
    if (kd_cur_be16(&c) != 0x0504)
        return false;
    uint8_t flags = kd_cur_u8(&c);
    uint8_t filler = kd_cur_u8(&c);
    uint32_t extra = kd_cur_be16(&c);
    uint32_t turned = kd_cur_be16(&c);
    if (!kd_cur_ok(&c) || filler != 0xff || flags > 7 || w->length < HEAD)
        return false;
    w->sealed =
        (flags & FLAG_SEALED) != 0 || (turned != 0 && turned != extra) || w->length < HEAD + extra;
    w->head = HEAD + (turned != 0 ? extra : 0); /* turned: the checksum stands in front */
    w->trailer = turned != 0 ? 0 : extra;
    return true;
}

/* RFC 1964 1.2.2, RFC 4757 7.3: a GSS head with Kerberos' OID, 02 01, algorithms, number, checksum,
 * confounder; padding of one byte behind. */
static bool read_wrap_rc4(struct kd_cur c, struct wrap *w)
{
    static const uint8_t oid[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                  0x12, 0x01, 0x02, 0x02, 0x02, 0x01};
    enum { BEHIND_ALGORITHMS = 2 + 8 + 8 + 8 };
    struct kd_cur start = c;
    size_t head = 0;
    uint64_t content = 0;
    if (kd_cur_peek(&c) != KD_DER_APPLICATION(0) ||
        kd_der_head(kd_bytes_of(c.p, c.n), &head, &content) != KD_OK)
        return false;
    (void)kd_cur_take(&c, head);
    struct kd_bytes name = kd_cur_take(&c, sizeof(oid));
    if (!kd_bytes_eq(name, kd_bytes_of(oid, sizeof(oid))))
        return false;
    (void)kd_cur_be16(&c); /* checksum's algorithm */
    bool clear = kd_cur_be16(&c) == 0xffff;
    if (!kd_cur_ok(&c))
        return false;
    w->head = (uint32_t)(start.n - c.n) + BEHIND_ALGORITHMS;
    w->trailer = 1;
    w->sealed = !clear || w->length < w->head + w->trailer;
    return true;
}

/* [MS-NLMP] 2.2.2.9: version 1, checksum, number; sealed or not shows in what follows. */
static bool read_wrap_ntlm(struct kd_cur c, struct wrap *w)
{
    enum { HEAD = 16 };
    if (kd_cur_le32(&c) != 1 || w->length < HEAD)
        return false;
    struct ldap_head inner;
    (void)kd_cur_take(&c, HEAD - 4);
    w->head = HEAD;
    w->sealed = ldap_read_head(kd_cur_rest(&c), &inner) == KD_PROBE_NO;
    return true;
}

/* A wrapping at the start of `in`, of which min(its length, WRAP_PEEK) bytes are enough. */
static enum kd_probe read_wrap(struct kd_bytes in, struct wrap *ret)
{
    struct kd_cur c = kd_cur_of(in);
    *ret = (struct wrap){0};
    if (in.n > 0 && in.p[0] != 0)
        return KD_PROBE_NO;
    ret->length = kd_cur_be32(&c);
    if (!kd_cur_ok(&c))
        return KD_PROBE_MORE;
    if (ret->length < 16 || ret->length > WRAP_MAX)
        return KD_PROBE_NO;
    if (in.n < kd_min_u64(WRAP_HEAD + (uint64_t)ret->length, WRAP_PEEK))
        return KD_PROBE_MORE;
    return read_wrap_cfx(c, ret) || read_wrap_rc4(c, ret) || read_wrap_ntlm(c, ret) ? KD_PROBE_YES
                                                                                    : KD_PROBE_NO;
}

/* ---- recognition ---- */

static bool is_port(uint16_t port)
{
    return port == 389 || port == 3268;
}

static enum kd_probe seen_as(uint8_t op, enum kd_dir dir)
{
    return ldap_is_request(op) == (dir == KD_TO_SERVER) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

static enum kd_probe ldap_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct ldap_head h;
    enum kd_probe found = ldap_read_head(in, &h);
    if (found == KD_PROBE_YES) {
        if (conn->proto == LDAP_PROTO_UDP && (h.total > in.n || h.op == LDAP_BIND))
            return KD_PROBE_NO;
        return seen_as(h.op, dir);
    }
    if (conn->proto == LDAP_PROTO_UDP)
        return KD_PROBE_NO;
    if (found == KD_PROBE_MORE || !conn->midstream ||
        (!is_port(conn->server_port) && !is_port(conn->client_port)))
        return found;
    struct wrap w;
    found = read_wrap(in, &w);
    if (found != KD_PROBE_YES)
        return found;
    return is_port(conn->server_port) || !is_port(conn->client_port) ? KD_PROBE_YES
                                                                     : KD_PROBE_REVERSED;
}

/* ---- cutting ---- */

static enum kd_probe begins(struct kd_bytes in)
{
    struct ldap_head h;
    struct wrap w;
    enum kd_probe found = ldap_read_head(in, &h);
    return found == KD_PROBE_NO ? read_wrap(in, &w) : found;
}

/* Behind a loss: pass over what cannot begin a message. */
static enum kd_status frame_search(struct kd_bytes in, struct kd_frame *ret, bool *ret_found)
{
    size_t at = 0;
    enum kd_probe found = KD_PROBE_NO;
    while (at < in.n && (found = begins(kd_bytes_from(in, at))) == KD_PROBE_NO)
        at++;
    *ret_found = at == 0 && found == KD_PROBE_YES;
    if (at == 0)
        return KD_MORE;
    *ret = (struct kd_frame){.len = at, .is_body = true};
    return KD_OK;
}

/* How much of a message is held: of an entry its head, else all. */
static uint64_t held_of(const struct kd_ctx *ctx, const struct ldap_head *h)
{
    uint64_t limit = kd_min_u64(ctx->lim->ldap_message_bytes, LDAP_MESSAGE_MAX);
    bool entry = h->op == LDAP_ENTRY || h->op == LDAP_REFERENCE;
    bool counted_only = (entry && !ldap_shows_entries(ctx)) || h->total > limit;
    return counted_only ? h->at : h->total;
}

static enum kd_status frame_message(const struct kd_ctx *ctx, const struct ldap_stream *s,
                                    struct kd_bytes in, struct kd_frame *ret)
{
    struct ldap_head h;
    bool wrapped = s->wrap_left > 0;
    enum kd_probe found = ldap_read_head(wrapped ? kd_bytes_head(in, s->wrap_left) : in, &h);
    bool short_wrap =
        wrapped && (found == KD_PROBE_YES ? h.total > s->wrap_left : in.n >= s->wrap_left);
    if (wrapped && (found == KD_PROBE_NO || (found == KD_PROBE_MORE && short_wrap) || short_wrap)) {
        *ret = (struct kd_frame){.len = s->wrap_left, .is_body = true}; /* not what was hoped for */
        return KD_OK;
    }
    if (found == KD_PROBE_MORE)
        return KD_MORE;
    if (found == KD_PROBE_NO)
        return KD_MALFORMED;
    ret->len = held_of(ctx, &h);
    return KD_OK;
}

static enum kd_status ldap_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                 size_t seen, struct kd_frame *ret)
{
    const struct ldap_state *st = ldap_state_of(ctx);
    const struct ldap_stream *s = &st->stream[dir];
    (void)seen;
    if (st->tls) {
        *ret = (struct kd_frame){.len = in.n, .is_body = true};
        return KD_OK;
    }
    if (s->body_left > 0) {
        *ret = (struct kd_frame){.len = s->body_left, .is_body = true};
        return KD_OK;
    }
    if (s->wrap_left > 0)
        return frame_message(ctx, s, in, ret);
    if (s->unsure || (!s->started && ctx->conn->midstream)) {
        bool found = false;
        enum kd_status status = frame_search(in, ret, &found);
        if (!found)
            return status;
    }
    struct wrap w;
    if (in.p[0] != 0)
        return frame_message(ctx, s, in, ret);
    switch (read_wrap(in, &w)) {
    case KD_PROBE_MORE:
        ret->len =
            in.n < WRAP_HEAD ? WRAP_HEAD : kd_min_u64(WRAP_HEAD + (uint64_t)w.length, WRAP_PEEK);
        return KD_MORE;
    case KD_PROBE_YES:
        ret->len = WRAP_HEAD + (w.sealed ? 0 : w.head);
        return KD_OK;
    default:
        break;
    }
    if (w.length < 16 || w.length > WRAP_MAX)
        return KD_MALFORMED;
    ret->len = WRAP_HEAD; /* a protection not known here */
    return KD_OK;
}

/* The content of a message goes by; its wrapping may end with it. */
static void pass_by(struct ldap_stream *s, uint64_t held, uint64_t total)
{
    s->body_left = total - held;
    if (s->wrap_left == 0)
        return;
    s->wrap_left -= (uint32_t)kd_min_u64(total, s->wrap_left);
    if (s->wrap_left == 0) {
        s->body_left += s->trailer;
        s->trailer = 0;
    }
}

/* Only the wrapping's first bytes are here, and whether it is sealed was seen from what follows:
 * frame() held more of it when it is not. */
static void on_wrap(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct ldap_state *st = ldap_state_of(ctx);
    struct ldap_stream *s = &st->stream[dir];
    struct kd_cur c = kd_cur_of(msg);
    uint32_t length = kd_cur_be32(&c);
    if (msg.n == WRAP_HEAD) {
        s->body_left = length;
        st->sealed_messages[dir]++;
        st->sealed_bytes[dir] += length;
        return;
    }
    struct wrap w = {.length = length};
    if (!read_wrap_cfx(c, &w) && !read_wrap_rc4(c, &w))
        w = (struct wrap){.length = length, .head = (uint32_t)(msg.n - WRAP_HEAD)};
    s->trailer = w.trailer;
    s->wrap_left = length - (uint32_t)kd_min_u64(length, (uint64_t)w.head + w.trailer);
    if (s->wrap_left == 0) {
        s->body_left = s->trailer;
        s->trailer = 0;
    }
}

static enum kd_status ldap_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct ldap_stream *s = &ldap_state_of(ctx)->stream[dir];
    struct ldap_head h;
    if (ctx->conn->proto == LDAP_PROTO_UDP) {
        while (msg.n > 0 && ldap_read_head(msg, &h) == KD_PROBE_YES && h.total <= msg.n) {
            kd_tell_frame(ctx, KD_FRAME_LDAP_PDU, dir, msg.p, h.total);
            ldap_session_message(ctx, &h, kd_bytes_head(msg, (size_t)h.total));
            msg = kd_bytes_from(msg, (size_t)h.total);
        }
        if (msg.n > 0)
            ldap_odd(ctx, LDAP_ODD_BODY);
        return KD_OK;
    }
    s->started = true;
    s->unsure = false;
    if (s->wrap_left == 0 && msg.p[0] == 0) {
        on_wrap(ctx, dir, msg);
        return KD_OK;
    }
    if (ldap_read_head(msg, &h) != KD_PROBE_YES)
        return KD_MALFORMED;
    pass_by(s, msg.n, h.total);
    kd_tell_frame(ctx, KD_FRAME_LDAP_PDU, dir, msg.p, h.total);
    if (msg.n < h.total && h.op != LDAP_ENTRY && h.op != LDAP_REFERENCE) {
        ldap_odd(ctx, LDAP_ODD_TOO_LONG);
        return KD_OK;
    }
    ldap_session_message(ctx, &h, msg);
    return KD_OK;
}

static void pass(struct ldap_stream *s, uint64_t n)
{
    if (s->body_left > 0) {
        s->body_left -= kd_min_u64(n, s->body_left);
    } else if (s->wrap_left > 0) { /* frame() gave the wrapping up */
        s->wrap_left -= (uint32_t)kd_min_u64(n, s->wrap_left);
        if (s->wrap_left == 0) {
            s->body_left = s->trailer;
            s->trailer = 0;
        }
    }
}

static enum kd_status ldap_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece,
                                bool last)
{
    struct ldap_state *st = ldap_state_of(ctx);
    (void)last;
    if (st->tls)
        kd_inner_data(&st->inner, ctx, dir, piece);
    else
        pass(&st->stream[dir], piece.n);
    return KD_OK;
}

static void ldap_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct ldap_state *st = ldap_state_of(ctx);
    struct ldap_stream *s = &st->stream[dir];
    if (st->tls) {
        kd_inner_gap(&st->inner, ctx, dir, n);
        return;
    }
    if (n <= s->body_left) {
        pass(s, n);
        return;
    }
    *s = (struct ldap_stream){.started = true, .unsure = true};
}

/* frame() does the search, as it alone may wait for more of the stream. */
static size_t ldap_resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static const void *ldap_present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    (void)dir;
    *ret_type = KD_REC_LDAP;
    return ldap_state_of(ctx)->present;
}

const struct kd_parser kd_parser_ldap = {
    .name = "ldap",
    .summary = "questions to directories (LDAP, CLDAP), with their logons",
    .app = KD_APP_LDAP,
    .over = KD_OVER_TCP | KD_OVER_UDP,
    .ports = (const uint16_t[]){389, 3268, 0},
    .max_message = LDAP_MESSAGE_MAX,
    .state_bytes = sizeof(struct ldap_state),
    .probe = ldap_probe,
    .frame = ldap_frame,
    .message = ldap_message,
    .body = ldap_body,
    .gap = ldap_gap,
    .resync = ldap_resync,
    .close = ldap_session_close,
    .present = ldap_present,
};
