/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos between client and KDC (RFC 4120), over UDP and TCP (7.2.2: a length before each
 * message): one record per request with its answer. */
#include "proto/krb5/krb5_msg.h"
#include "proto/parser.h"

enum {
    MESSAGE_MAX = 65536,
    TCP_HEAD = 4,
    PROTO_TCP = 6,
    PENDING_MAX = 16, /* a client asks one thing after the other */
    ETYPES_MAX = 32,
    ADDRESSES_MAX = 8,
    ADDRESS_TEXT_MAX = 46,
    PVNO = 5,
    ERR_C_PRINCIPAL_UNKNOWN = 6,
    ERR_POLICY = 12,
    ERR_CLIENT_REVOKED = 18,
    ERR_CLIENT_NOTYET = 21,
    ERR_KEY_EXPIRED = 23,
    ERR_PREAUTH_FAILED = 24,
    ERR_PREAUTH_REQUIRED = 25,
    ERR_TOO_BIG = 52,
    ERR_WRONG_REALM = 68,
    ERR_MORE_PREAUTH = 91
};

struct text {
    uint16_t n;
    uint8_t b[KD_KRB5_NAME_MAX];
};

/* A request that waits for its answer. */
struct pending {
    size_t size; /* of its block */
    uint64_t at_us, till_us;
    uint32_t nonce, kdc_options;
    enum kd_krb5_type type;
    bool preauth;
    struct text cname, realm, sname, workstation;
    int32_t etypes[ETYPES_MAX];
    size_t n_etypes;
    struct {
        uint8_t n;
        uint8_t b[ADDRESS_TEXT_MAX];
    } addresses[ADDRESSES_MAX];
    size_t n_addresses;
};

struct krb5_state {
    struct pending *pending[PENDING_MAX]; /* oldest first */
    size_t n;
    bool told_malformed;
};

static struct krb5_state *state_of(const struct kd_ctx *ctx)
{
    return (struct krb5_state *)ctx->state;
}

/* ---- probe ---- */

static bool is_request(uint8_t type)
{
    return type == KD_KRB5_AS_REQ || type == KD_KRB5_TGS_REQ;
}

static bool is_answer(uint8_t type)
{
    return type == KD_KRB5_AS_REP || type == KD_KRB5_TGS_REP || type == KD_KRB5_ERROR;
}

/* The header of the value at the cursor: its tag, and whether its content is `*left` bytes long. */
static enum kd_status skip_head(struct kd_cur *c, uint64_t *left, uint8_t *ret_tag)
{
    size_t head = 0;
    uint64_t content = 0;
    *ret_tag = kd_cur_peek(c);
    enum kd_status s = kd_der_head(kd_bytes_of(c->p, c->n), &head, &content);
    if (s != KD_OK)
        return s;
    if (head + content != *left)
        return KD_MALFORMED;
    (void)kd_cur_take(c, head);
    *left = content;
    return KD_OK;
}

/* `len` is what the transport says of the message's length. */
static enum kd_probe probe_message(struct kd_cur *c, uint64_t len, enum kd_dir dir)
{
    uint8_t tag = 0;
    uint8_t sequence = 0;
    enum kd_status s = skip_head(c, &len, &tag);
    uint8_t type = tag & 0x1f;
    if ((tag & 0xe0) != KD_DER_APPLICATION(0) || !(is_request(type) || is_answer(type)))
        return KD_PROBE_NO;
    if (s == KD_OK)
        s = skip_head(c, &len, &sequence);
    if (s != KD_OK)
        return s == KD_MORE ? KD_PROBE_MORE : KD_PROBE_NO;
    if (sequence != KD_DER_SEQUENCE)
        return KD_PROBE_NO;
    const uint8_t version[] = {(uint8_t)KD_DER_CONTEXT(is_request(type) ? 1 : 0), 3, KD_DER_INTEGER,
                               1, PVNO};
    struct kd_bytes want = {version, sizeof(version)};
    struct kd_bytes have = kd_bytes_head(kd_bytes_of(c->p, c->n), want.n);
    if (!kd_bytes_eq(have, kd_bytes_head(want, have.n)))
        return KD_PROBE_NO;
    if (have.n < want.n)
        return KD_PROBE_MORE;
    return is_request(type) == (dir == KD_TO_SERVER) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

static enum kd_probe krb5_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_cur c = kd_cur_of(in);
    if (conn->proto != PROTO_TCP) {
        enum kd_probe found = probe_message(&c, in.n, dir);
        return found == KD_PROBE_MORE ? KD_PROBE_NO : found; /* a datagram is all there will be */
    }
    if (kd_cur_peek(&c) != 0)
        return KD_PROBE_NO;
    uint32_t len = kd_cur_be32(&c);
    if (!kd_cur_ok(&c))
        return KD_PROBE_MORE;
    if (len > MESSAGE_MAX)
        return KD_PROBE_NO;
    return kd_cur_more(&c) ? probe_message(&c, len, dir) : KD_PROBE_MORE;
}

/* ---- cutting (TCP) ---- */

static enum kd_status krb5_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                 size_t seen, struct kd_frame *ret)
{
    (void)dir;
    (void)seen;
    struct kd_cur c = kd_cur_of(in);
    uint32_t len = kd_cur_be32(&c);
    if (!kd_cur_ok(&c)) {
        ret->len = TCP_HEAD;
        return KD_MORE;
    }
    if (len > kd_min_u64(ctx->lim->krb5_message_bytes, MESSAGE_MAX))
        return KD_LIMIT;
    ret->len = TCP_HEAD + (uint64_t)len;
    return KD_OK;
}

/* ---- waiting requests ---- */

static void keep_text(struct text *t, struct kd_bytes b)
{
    t->n = (uint16_t)kd_min_size(b.n, sizeof(t->b));
    if (t->n > 0)
        memcpy(t->b, b.p, t->n);
}

static void keep_name(struct text *t, struct kd_bytes name)
{
    struct kd_out o = kd_out_of(t->b, sizeof(t->b));
    kd_krb5_out_name(&o, name);
    t->n = (uint16_t)o.n;
}

static struct kd_bytes view(const struct text *t)
{
    return kd_bytes_of(t->b, t->n);
}

static void keep_addresses(struct pending *p, struct kd_bytes addresses)
{
    struct kd_der list = kd_der_of(addresses);
    bool more = true;
    while (more && p->n_addresses < ADDRESSES_MAX) {
        bool netbios = false;
        struct kd_out o = kd_out_of(p->addresses[p->n_addresses].b, ADDRESS_TEXT_MAX);
        more = kd_krb5_next_address(&list, &o, &netbios);
        if (o.n == 0)
            continue;
        if (netbios && p->workstation.n == 0)
            keep_text(&p->workstation, kd_out_bytes_view(&o));
        p->addresses[p->n_addresses++].n = (uint8_t)o.n;
    }
}

static void drop(const struct kd_ctx *ctx, size_t i)
{
    struct krb5_state *st = state_of(ctx);
    struct pending *p = st->pending[i];
    kd_pool_give(ctx->pool, p, p->size);
    st->n--;
    memmove(&st->pending[i], &st->pending[i + 1], (st->n - i) * sizeof(st->pending[0]));
}

/* ---- records ---- */

static const char *request_name(enum kd_krb5_type type)
{
    switch (type) {
    case KD_KRB5_AS_REQ:
    case KD_KRB5_AS_REP:
        return "AS";
    case KD_KRB5_TGS_REQ:
    case KD_KRB5_TGS_REP:
        return "TGS";
    case KD_KRB5_AP_REQ:
    case KD_KRB5_AP_REP:
    case KD_KRB5_ERROR:
    default:
        return "";
    }
}

/* Errors that are a step of an ordinary exchange: prove who you are, ask over TCP, ask another
 * realm. */
static bool is_failure(uint32_t error)
{
    return error != ERR_PREAUTH_REQUIRED && error != ERR_MORE_PREAUTH && error != ERR_TOO_BIG &&
           error != ERR_WRONG_REALM;
}

static bool is_logon_failure(uint32_t error)
{
    switch (error) {
    case ERR_C_PRINCIPAL_UNKNOWN:
    case ERR_POLICY:
    case ERR_CLIENT_REVOKED:
    case ERR_CLIENT_NOTYET:
    case ERR_KEY_EXPIRED:
    case ERR_PREAUTH_FAILED:
        return true;
    default:
        return false;
    }
}

static void tell_login(const struct kd_ctx *ctx, const struct kd_rec_krb5 *krb5,
                       const struct pending *p)
{
    bool failed = krb5->error != 0;
    if (failed && !is_logon_failure(krb5->error))
        return;
    struct kd_rec_login rec = {
        .method = kd_str("kerberos"),
        .service = kd_str("kdc"),
        .user = krb5->cname,
        .domain = krb5->realm,
        .result = kd_str(failed ? "failure" : "success"),
        .reason = krb5->error_code,
    };
    if (p != NULL)
        rec.workstation = view(&p->workstation);
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

/* Room for the names of one record. */
struct room {
    struct text cname, sname;
    char etype[KD_KRB5_NUMBER_ROOM], ticket[KD_KRB5_NUMBER_ROOM], error[KD_KRB5_NUMBER_ROOM];
    char offered_names[ETYPES_MAX][KD_KRB5_NUMBER_ROOM];
    struct kd_bytes offered[ETYPES_MAX];
    struct kd_bytes addresses[ADDRESSES_MAX];
};

static void describe_request(const struct kd_ctx *ctx, const struct pending *p, struct room *room,
                             struct kd_rec_krb5 *rec)
{
    rec->msg_type = kd_str(kd_krb5_type_name(p->type));
    rec->request_type = kd_str(request_name(p->type));
    rec->cname = view(&p->cname);
    rec->realm = view(&p->realm);
    rec->sname = view(&p->sname);
    rec->preauth = p->preauth;
    rec->kdc_options = p->kdc_options;
    rec->till_us = p->till_us;
    rec->latency_us = ctx->now_us > p->at_us ? ctx->now_us - p->at_us : 0;
    for (size_t i = 0; i < p->n_etypes; i++)
        room->offered[i] = kd_krb5_etype_name(p->etypes[i], room->offered_names[i]);
    rec->offered = (struct kd_strs){room->offered, p->n_etypes};
    for (size_t i = 0; i < p->n_addresses; i++)
        room->addresses[i] = kd_bytes_of(p->addresses[i].b, p->addresses[i].n);
    rec->addresses = (struct kd_strs){room->addresses, p->n_addresses};
}

static void describe_answer(const struct kd_krb5 *m, struct room *room, struct kd_rec_krb5 *rec)
{
    rec->msg_type = kd_str(kd_krb5_type_name(m->type));
    keep_name(&room->cname, m->cname);
    keep_name(&room->sname, m->sname);
    if (room->cname.n > 0)
        rec->cname = view(&room->cname);
    if (room->sname.n > 0)
        rec->sname = view(&room->sname);
    /* Some KDCs name no realm in an error, and a made-up one. */
    if (m->realm.n > 0 && (m->type != KD_KRB5_ERROR || rec->realm.n == 0))
        rec->realm = kd_bytes_head(m->realm, KD_KRB5_NAME_MAX);
    if (m->type == KD_KRB5_ERROR) {
        rec->error = m->error;
        rec->error_code = kd_krb5_error_name(m->error, room->error);
        rec->failed = is_failure(m->error);
        return;
    }
    rec->request_type = kd_str(request_name(m->type));
    rec->encryption = kd_krb5_etype_name(m->etype, room->etype);
    rec->ticket_encryption = kd_krb5_etype_name(m->ticket_etype, room->ticket);
    rec->weak_encryption = kd_krb5_is_weak(m->etype) || kd_krb5_is_weak(m->ticket_etype);
}

static void tell_unanswered(const struct kd_ctx *ctx, const struct pending *p)
{
    struct room room;
    struct kd_rec_krb5 rec = {0};
    describe_request(ctx, p, &room, &rec);
    rec.latency_us = 0;
    kd_emit(ctx, KD_REC_KRB5, &rec);
}

static void tell_answer(const struct kd_ctx *ctx, const struct kd_krb5 *m, const struct pending *p)
{
    struct room room;
    struct kd_rec_krb5 rec = {0};
    if (p != NULL)
        describe_request(ctx, p, &room, &rec);
    describe_answer(m, &room, &rec);
    kd_emit(ctx, KD_REC_KRB5, &rec);
    bool of_as = p != NULL ? p->type == KD_KRB5_AS_REQ : m->type == KD_KRB5_AS_REP;
    if (of_as)
        tell_login(ctx, &rec, p);
}

/* ---- messages ---- */

static void on_request(struct kd_ctx *ctx, const struct kd_krb5 *m)
{
    struct krb5_state *st = state_of(ctx);
    for (size_t i = 0; i < st->n; i++)
        if (st->pending[i]->nonce == m->nonce && st->pending[i]->type == m->type)
            return; /* sent again */
    if (st->n == PENDING_MAX) {
        tell_unanswered(ctx, st->pending[0]);
        drop(ctx, 0);
    }
    size_t size = 0;
    struct pending *p = kd_pool_take(ctx->pool, sizeof(*p), &size);
    if (p == NULL)
        return;
    memset(p, 0, sizeof(*p));
    p->size = size;
    p->at_us = ctx->now_us;
    p->type = m->type;
    p->nonce = m->nonce;
    p->kdc_options = m->kdc_options;
    p->preauth = m->preauth;
    p->till_us = m->till_us;
    keep_name(&p->cname, m->cname);
    keep_name(&p->sname, m->sname);
    keep_text(&p->realm, m->realm);
    struct kd_der list = kd_der_of(m->etypes);
    while (p->n_etypes < ETYPES_MAX && kd_krb5_next_etype(&list, &p->etypes[p->n_etypes]))
        p->n_etypes++;
    keep_addresses(p, m->addresses);
    st->pending[st->n++] = p;
}

/* The newest request that this can answer: an older one was lost, or given up by the client. */
static size_t find_request(const struct krb5_state *st, const struct kd_krb5 *m)
{
    enum kd_krb5_type want = m->type == KD_KRB5_AS_REP ? KD_KRB5_AS_REQ : KD_KRB5_TGS_REQ;
    size_t i = st->n;
    while (i > 0) {
        i--;
        if (m->type == KD_KRB5_ERROR || st->pending[i]->type == want)
            return i;
    }
    return SIZE_MAX;
}

static void on_answer(struct kd_ctx *ctx, const struct kd_krb5 *m)
{
    struct krb5_state *st = state_of(ctx);
    size_t i = find_request(st, m);
    tell_answer(ctx, m, i == SIZE_MAX ? NULL : st->pending[i]);
    if (i != SIZE_MAX)
        drop(ctx, i);
}

static enum kd_status krb5_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    (void)dir;
    struct kd_krb5 m;
    if (ctx->conn->proto == PROTO_TCP)
        msg = kd_bytes_from(msg, TCP_HEAD);
    enum kd_status s = kd_krb5_parse(msg, &m);
    if (s == KD_MALFORMED && !state_of(ctx)->told_malformed) {
        state_of(ctx)->told_malformed = true;
        kd_anomaly(ctx, "krb5_malformed", 0);
    }
    if (s != KD_OK)
        return KD_OK;
    if (is_request((uint8_t)m.type))
        on_request(ctx, &m);
    else if (is_answer((uint8_t)m.type))
        on_answer(ctx, &m);
    return KD_OK;
}

static void krb5_close(struct kd_ctx *ctx)
{
    struct krb5_state *st = state_of(ctx);
    while (st->n > 0) {
        tell_unanswered(ctx, st->pending[0]);
        drop(ctx, 0);
    }
}

const struct kd_parser kd_parser_krb5 = {
    .name = "krb5",
    .summary = "Kerberos logons and tickets",
    .app = KD_APP_KRB5,
    .over = KD_OVER_TCP | KD_OVER_UDP,
    .ports = (const uint16_t[]){88, 0},
    .max_message = TCP_HEAD + MESSAGE_MAX,
    .state_bytes = sizeof(struct krb5_state),
    .probe = krb5_probe,
    .frame = krb5_frame,
    .message = krb5_message,
    .close = krb5_close,
};
