/* SPDX-License-Identifier: Apache-2.0 */
/* TLS over TCP: the handshake becomes one record, what is encrypted streams past (RFC 8446, RFC
 * 5246). */
#include "proto/parser.h"
#include "proto/tls/hello.h"
#include "proto/tls/x509.h"

enum { RECORD_HEADER = 5, RECORD_MAX = 16384 + 2048, HANDSHAKE_HEADER = 4, SSL2_HELLO_MAX = 4096 };

/* Content types (RFC 8446 §5.1), handshake types (§4). */
enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23, HEARTBEAT = 24 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11, SERVER_HELLO_DONE = 14 };

/* Texts of one session; leaves room for the rest of a record. */
enum { SESSION_BYTES = 48 * 1024, CHAIN_MAX = 64 };

enum oddity { ODD_HELLO, ODD_CERTIFICATE, ODD_LENGTH, ODD_CERTIFICATE_LENGTH, ODDITIES };
static const char *const oddity_names[ODDITIES] = {"invalid_handshake_message", "invalid_certificate",
                                                   "invalid_handshake_message",
                                                   "certificate_invalid_length"};

/* What the handshake told so far; lives in its own arena until the record is written. */
struct session {
    struct kd_rec_tls rec;
    struct tls_client_hello client;
    struct tls_server_hello server;
    struct kd_tls_cert client_cert;
    bool has_client, has_server, has_certificate, has_done;
    char number[2][16]; /* version and cipher without a name */
};

struct half {
    struct kd_buf held; /* handshake data that goes on in the next record */
    bool started;       /* a record was seen */
    bool encrypted;
    bool in_body;
};

struct state {
    struct kd_arena mem;
    struct session *session; /* NULL: nothing said yet, or told already */
    struct half half[2];
    bool done; /* told, or nothing to tell: the rest is not looked at */
    uint8_t told;
};

static void odd(struct kd_ctx *ctx, enum oddity o, size_t at)
{
    struct state *s = ctx->state;
    if (s->told & 1u << o) {
        kd_odd(ctx, oddity_names[o]);
        return;
    }
    s->told |= (uint8_t)(1u << o);
    kd_anomaly(ctx, oddity_names[o], at);
}

/* The session, begun when needed.  NULL without memory: nothing is told then. */
static struct session *session_of(struct kd_ctx *ctx)
{
    struct state *s = ctx->state;
    if (s->session == NULL && !s->done) {
        kd_arena_init(&s->mem, ctx->pool, SESSION_BYTES);
        s->session = kd_arena_alloc(&s->mem, sizeof(*s->session));
        s->done = s->session == NULL;
    }
    return s->session;
}

static void forget(struct kd_ctx *ctx)
{
    struct state *s = ctx->state;
    for (unsigned dir = 0; dir < 2; dir++)
        kd_buf_done(&s->half[dir].held, ctx->pool);
    kd_arena_done(&s->mem);
    s->session = NULL;
    s->done = true;
}

static struct kd_bytes name_or_number(const char *name, uint16_t v, char number[16])
{
    if (name == NULL)
        snprintf(number, 16, "0x%04x", v);
    return kd_str(name != NULL ? name : number);
}

/* An abbreviated handshake (RFC 5246 §7.3): the server goes on without a certificate, with the
 * session the client named or held a ticket for. */
static bool is_resumed(const struct session *n, bool server_encrypted)
{
    if (n->server.version >= TLS_1_3)
        return n->server.psk;
    bool same_id = n->server.n_session_id > 0 && n->server.n_session_id == n->client.n_session_id &&
                   memcmp(n->server.session_id, n->client.session_id, n->server.n_session_id) == 0;
    return server_encrypted && !n->has_certificate && !n->has_done && (same_id || n->client.ticket);
}

/* The record of what is known so far. */
static const struct kd_rec_tls *record_of(const struct state *s)
{
    struct session *n = s->session;
    struct kd_rec_tls *rec = &n->rec;
    rec->sni = n->client.sni;
    rec->client_alpns = n->client.alpns;
    rec->ja3_string = n->client.ja3_string;
    rec->ja3_hash = n->client.ja3_hash;
    rec->ja4 = n->client.ja4;
    rec->ech = n->client.ech;
    if (!n->has_server && n->has_client) /* as far as is known: the most that was offered */
        rec->version = name_or_number(tls_version_name(n->client.version), n->client.version, n->number[0]);
    if (n->has_server) {
        rec->version =
            name_or_number(tls_version_name(n->server.version), n->server.version, n->number[0]);
        rec->cipher =
            name_or_number(tls_cipher_name(n->server.cipher), n->server.cipher, n->number[1]);
        rec->server_alpns = n->server.alpns;
        rec->ja3s_string = n->server.ja3s_string;
        rec->ja3s_hash = n->server.ja3s_hash;
        rec->session_resumed = is_resumed(n, s->half[KD_TO_CLIENT].encrypted);
    }
    rec->established = s->half[KD_TO_SERVER].encrypted && s->half[KD_TO_CLIENT].encrypted;
    return rec;
}

static void tell(struct kd_ctx *ctx)
{
    struct state *s = ctx->state;
    struct session *n = s->session;
    if (n != NULL && (n->has_client || n->has_server || n->has_certificate || n->rec.alert.n > 0))
        kd_emit(ctx, KD_REC_TLS, record_of(s));
    forget(ctx);
}

static const void *tls_present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    const struct state *s = ctx->state;
    (void)dir;
    *ret_type = KD_REC_TLS;
    return s->session == NULL ? NULL : record_of(s);
}

/* ---- what rules look into ---- */

/* The random of a hello: behind its version (RFC 8446 §4.1.2). */
static void show_random(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes body)
{
    struct kd_bytes random = kd_bytes_head(kd_bytes_from(body, 2), 32);
    if (random.n < 32)
        return;
    kd_inspect(ctx, KD_IN_TLS_RANDOM, dir, random);
    kd_inspect(ctx, KD_IN_TLS_RANDOM_TIME, dir, kd_bytes_head(random, 4));
    kd_inspect(ctx, KD_IN_TLS_RANDOM_BYTES, dir, kd_bytes_from(random, 4));
}

static void show_texts(const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir, struct kd_strs texts)
{
    for (size_t i = 0; i < texts.n; i++)
        kd_inspect(ctx, id, dir, texts.v[i]);
}

static void show(const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir, struct kd_bytes value)
{
    if (value.n > 0)
        kd_inspect(ctx, id, dir, value);
}

static void show_client(const struct kd_ctx *ctx, const struct session *n, struct kd_bytes body)
{
    const enum kd_dir dir = KD_TO_SERVER;
    const struct tls_client_hello *c = &n->client;
    if (!kd_wants_any(ctx))
        return;
    show(ctx, KD_IN_TLS_SNI, dir, c->sni);
    show(ctx, KD_IN_JA3_HASH, dir, c->ja3_hash);
    show(ctx, KD_IN_JA3_STRING, dir, c->ja3_string);
    show(ctx, KD_IN_JA4_HASH, dir, c->ja4);
    show_texts(ctx, KD_IN_TLS_ALPN, dir, c->alpns);
    show_random(ctx, dir, body);
    kd_inspect_number(ctx, KD_NUM_TLS_VERSION, dir, kd_bytes_be16(body, 0)); /* the highest of TLS 1.3 stands elsewhere */
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

static void show_server(const struct kd_ctx *ctx, const struct session *n, struct kd_bytes body)
{
    const enum kd_dir dir = KD_TO_CLIENT;
    if (!kd_wants_any(ctx))
        return;
    show(ctx, KD_IN_JA3S_HASH, dir, n->server.ja3s_hash);
    show(ctx, KD_IN_JA3S_STRING, dir, n->server.ja3s_string);
    show_texts(ctx, KD_IN_TLS_ALPN, dir, n->server.alpns);
    show_random(ctx, dir, body);
    kd_inspect_number(ctx, KD_NUM_TLS_VERSION, dir, n->server.version);
}

static void show_certificates(const struct kd_ctx *ctx, const struct session *n, size_t n_links)
{
    const enum kd_dir dir = KD_TO_CLIENT;
    const struct kd_rec_tls *rec = &n->rec;
    show(ctx, KD_IN_TLS_CERT_SUBJECT, dir, rec->subject);
    show(ctx, KD_IN_TLS_CERT_ISSUER, dir, rec->issuerdn);
    show(ctx, KD_IN_TLS_CERT_SERIAL, dir, rec->serial);
    show(ctx, KD_IN_TLS_CERT_FINGERPRINT, dir, rec->fingerprint);
    show_texts(ctx, KD_IN_TLS_SUBJECTALTNAME, dir, rec->alternative_names);
    kd_inspect_number(ctx, KD_NUM_TLS_CERT_CHAIN_LEN, dir, 1 + n_links);
    kd_inspect_number(ctx, KD_NUM_TLS_NOT_BEFORE, dir, rec->notbefore_us / 1000000);
    if (rec->notafter_us > 0)
        kd_inspect_number(ctx, KD_NUM_TLS_NOT_AFTER, dir, rec->notafter_us / 1000000);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

/* ---- handshake messages ---- */

static void on_client_hello(struct kd_ctx *ctx, struct session *n, struct kd_bytes body)
{
    struct state *s = ctx->state;
    if (n->has_client) /* after a HelloRetryRequest: the first one counts */
        return;
    n->has_client = true;
    if (!tls_client_hello(body, JA4_TCP, &s->mem, ctx->lim, &n->client))
        odd(ctx, ODD_HELLO, 0);
    show_client(ctx, n, body);
}

static void on_server_hello(struct kd_ctx *ctx, struct session *n, struct kd_bytes body)
{
    struct state *s = ctx->state;
    if (n->has_server && !n->server.retry)
        return;
    n->has_server = true;
    if (!tls_server_hello(body, &s->mem, ctx->lim, &n->server))
        odd(ctx, ODD_HELLO, 0);
    show_server(ctx, n, body);
}

static void on_certificate(struct kd_ctx *ctx, struct session *n, struct kd_bytes der,
                           struct kd_tls_cert *link)
{
    struct kd_arena *mem = &((struct state *)ctx->state)->mem;
    struct kd_rec_tls *rec = &n->rec;
    struct x509 cert;
    if (!x509_read(der, mem, ctx->lim, &cert))
        odd(ctx, ODD_CERTIFICATE, 0);
    if (link != NULL) {
        *link = (struct kd_tls_cert){cert.subject, cert.issuer, cert.serial, x509_sha1(der, mem)};
        return;
    }
    rec->subject = cert.subject;
    rec->issuerdn = cert.issuer;
    rec->serial = cert.serial;
    rec->notbefore_us = cert.not_before_us;
    rec->notafter_us = cert.not_after_us;
    rec->alternative_names = cert.names;
    rec->self_signed = cert.self_signed;
    rec->fingerprint = x509_sha1(der, mem);
    rec->fingerprint_sha256 = x509_sha256(der, mem);
}

/* The server's chain (RFC 5246 §7.4.2); in TLS 1.3 it is encrypted. */
static void on_certificates(struct kd_ctx *ctx, struct session *n, struct kd_bytes body)
{
    struct kd_arena *mem = &((struct state *)ctx->state)->mem;
    struct kd_tls_cert links[CHAIN_MAX];
    size_t most = kd_min_size(CHAIN_MAX, ctx->lim->tls_certificates);
    size_t n_links = 0;
    if (n->has_certificate)
        return;
    n->has_certificate = true;
    struct kd_cur c = kd_cur_of(body);
    struct kd_cur list = kd_cur_sub(&c, kd_cur_be24(&c));
    for (size_t i = 0; kd_cur_more(&list) && i < most; i++) {
        struct kd_bytes der = kd_cur_take(&list, kd_cur_be24(&list));
        kd_inspect(ctx, KD_IN_TLS_CERTS, KD_TO_CLIENT, der);
        if (der.n > 0)
            on_certificate(ctx, n, der, i == 0 ? NULL : &links[n_links++]);
    }
    if (!kd_cur_ok(&c) || !kd_cur_ok(&list))
        odd(ctx, ODD_CERTIFICATE_LENGTH, 0);
    show_certificates(ctx, n, n_links);
    struct kd_tls_cert *kept =
        n_links == 0 ? NULL : kd_arena_alloc(mem, n_links * sizeof(links[0]));
    if (kept != NULL) {
        memcpy(kept, links, n_links * sizeof(links[0]));
        n->rec.chain = (struct kd_list){kept, n_links};
    }
}

/* The client's own (RFC 5246 §7.4.6): who it says it is. */
static void on_client_certificates(struct kd_ctx *ctx, struct session *n, struct kd_bytes body)
{
    const enum kd_dir dir = KD_TO_SERVER;
    if (n->rec.client.n > 0)
        return;
    struct kd_cur c = kd_cur_of(body);
    struct kd_cur list = kd_cur_sub(&c, kd_cur_be24(&c));
    struct kd_bytes der = kd_cur_take(&list, kd_cur_be24(&list));
    if (der.n == 0) /* it has none */
        return;
    struct kd_tls_cert *link = &n->client_cert;
    on_certificate(ctx, n, der, link);
    n->rec.client = (struct kd_list){link, 1};
    if (!kd_wants_any(ctx))
        return;
    kd_inspect(ctx, KD_IN_TLS_CERTS, dir, der);
    show(ctx, KD_IN_TLS_CERT_SUBJECT, dir, link->subject);
    show(ctx, KD_IN_TLS_CERT_ISSUER, dir, link->issuerdn);
    show(ctx, KD_IN_TLS_CERT_SERIAL, dir, link->serial);
    show(ctx, KD_IN_TLS_CERT_FINGERPRINT, dir, link->fingerprint);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

/* As rules number them (ssl_state). */
static unsigned state_bit(uint8_t type)
{
    enum { SERVER_KEY_EXCHANGE = 12, CLIENT_KEY_EXCHANGE = 16, OTHER = 16 };
    return type == CLIENT_HELLO ? 1 : type == SERVER_HELLO ? 2 : type == CLIENT_KEY_EXCHANGE ? 4
           : type == SERVER_KEY_EXCHANGE ? 8 : OTHER;
}

static void on_handshake(struct kd_ctx *ctx, enum kd_dir dir, uint8_t type, struct kd_bytes body)
{
    struct session *n = session_of(ctx);
    if (n == NULL)
        return;
    kd_inspect_number(ctx, KD_NUM_TLS_STATE, dir, state_bit(type));
    if (dir == KD_TO_SERVER && type == CLIENT_HELLO)
        on_client_hello(ctx, n, body);
    else if (dir == KD_TO_CLIENT && type == SERVER_HELLO)
        on_server_hello(ctx, n, body);
    else if (dir == KD_TO_CLIENT && type == CERTIFICATE)
        on_certificates(ctx, n, body);
    else if (dir == KD_TO_SERVER && type == CERTIFICATE)
        on_client_certificates(ctx, n, body);
    else if (dir == KD_TO_CLIENT && type == SERVER_HELLO_DONE)
        n->has_done = true;
}

/* Whole handshake messages at the start of `in`; returns the bytes used, or SIZE_MAX when one is
 * longer than we hold. */
static size_t on_handshakes(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    size_t used = 0;
    while (kd_cur_left(&c) >= HANDSHAKE_HEADER) {
        uint8_t type = kd_cur_u8(&c);
        size_t n = kd_cur_be24(&c);
        if (n > ctx->lim->tls_handshake_bytes)
            return SIZE_MAX;
        if (n > kd_cur_left(&c))
            break;
        on_handshake(ctx, dir, type, kd_cur_take(&c, n));
        used = c.taken;
    }
    return used;
}

/* Handshake messages may span records and share them (RFC 8446 §5.1). */
static enum kd_status on_handshake_data(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes data)
{
    struct state *s = ctx->state;
    struct kd_buf *held = &s->half[dir].held;
    size_t most = ctx->lim->tls_handshake_bytes + (size_t)RECORD_MAX;
    if (held->n > 0) {
        if (!kd_buf_add(held, ctx->pool, data, most))
            return KD_LIMIT;
        data = kd_buf_view(held);
    }
    size_t used = on_handshakes(ctx, dir, data);
    if (used == SIZE_MAX) {
        odd(ctx, ODD_LENGTH, 0);
        return KD_LIMIT;
    }
    if (held->n > 0)
        kd_buf_drop(held, used);
    else if (!kd_buf_add(held, ctx->pool, kd_bytes_from(data, used), most))
        return KD_NO_MEMORY;
    if (held->n == 0)
        kd_buf_done(held, ctx->pool);
    return KD_OK;
}

static void on_alert(struct kd_ctx *ctx, struct kd_bytes data)
{
    enum { FATAL = 2 };
    struct kd_cur c = kd_cur_of(data);
    uint8_t level = kd_cur_u8(&c);
    uint8_t what = kd_cur_u8(&c);
    if (level != FATAL || !kd_cur_ok(&c))
        return;
    struct session *n = session_of(ctx);
    const char *name = tls_alert_name(what);
    if (n != NULL && n->rec.alert.n == 0)
        n->rec.alert = kd_str(name != NULL ? name : "unknown");
}

/* RFC 6520, before encryption: a request that asks for more back than it brings reads the peer's memory (CVE-2014-0160). */
static void on_heartbeat(struct kd_ctx *ctx, struct kd_bytes piece)
{
    enum { REQUEST = 1, ANSWER = 2, PADDING = 16 };
    struct kd_cur c = kd_cur_of(piece);
    (void)kd_cur_take(&c, 3);
    size_t length = kd_cur_be16(&c);
    uint8_t type = kd_cur_u8(&c);
    size_t payload = kd_cur_be16(&c);
    if (!kd_cur_ok(&c))
        return;
    kd_odd(ctx, "heartbeat_message");
    if (type != REQUEST && type != ANSWER)
        kd_odd(ctx, "invalid_heartbeat_message");
    else if (type == REQUEST && payload + 1 + 2 + PADDING > length)
        kd_odd(ctx, "overflow_heartbeat_message");
}

/* `dir` is encrypted from here on.  When both are, the handshake has told all it tells. */
static void on_encrypted(struct kd_ctx *ctx, enum kd_dir dir)
{
    struct state *s = ctx->state;
    s->half[dir].encrypted = true;
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
    if (s->session == NULL) /* began midstream */
        s->done = true;
    else if (s->half[KD_TO_SERVER].encrypted && s->half[KD_TO_CLIENT].encrypted)
        tell(ctx);
}

/* A retried TLS 1.3 handshake has such a record for old middleboxes, and plain hellos behind it. */
static void on_change_cipher_spec(struct kd_ctx *ctx, enum kd_dir dir)
{
    struct state *s = ctx->state;
    if (s->session != NULL && s->session->has_server && s->session->server.retry)
        return;
    on_encrypted(ctx, dir);
}

/* ---- stream ---- */

/* SSL 2 framing, used by old clients for their first message only (RFC 5246 appendix E.2). */
static bool is_ssl2_hello(struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    unsigned n = kd_cur_be16(&c);
    uint8_t type = kd_cur_u8(&c);
    unsigned version = kd_cur_be16(&c);
    unsigned n_ciphers = kd_cur_be16(&c);
    unsigned n_id = kd_cur_be16(&c);
    unsigned n_challenge = kd_cur_be16(&c);
    return kd_cur_ok(&c) && (n & 0x8000) != 0 && type == CLIENT_HELLO &&
           (version == TLS_SSL2 || (version >= TLS_SSL3 && version <= TLS_1_2)) && n_ciphers > 0 &&
           n_ciphers % 3 == 0 && (n_id == 0 || n_id == 16 || n_id == 32) && n_challenge >= 16 &&
           n_challenge <= 32 && (n & 0x7fff) == 9 + n_ciphers + n_id + n_challenge &&
           (n & 0x7fff) <= SSL2_HELLO_MAX;
}

/* A record, as far as it is there. */
static bool may_be_record(struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    uint8_t type = kd_cur_u8(&c);
    uint8_t major = in.n > 1 ? kd_cur_u8(&c) : 3;
    return type >= CHANGE_CIPHER_SPEC && type <= HEARTBEAT && major == 3 &&
           (in.n < RECORD_HEADER || kd_bytes_be16(in, 3) <= RECORD_MAX);
}

/* A record begins, of which the header at least is there. */
static void tell_frames(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    if (!kd_wants_frames(ctx) || in.n < RECORD_HEADER || (in.p[0] & 0x80) != 0)
        return;
    size_t n = kd_bytes_be16(in, 3);
    kd_tell_frame(ctx, KD_FRAME_TLS_PDU, dir, in.p, RECORD_HEADER + n);
    kd_tell_frame(ctx, KD_FRAME_TLS_HDR, dir, in.p, RECORD_HEADER);
    kd_tell_frame(ctx, KD_FRAME_TLS_DATA, dir, in.p + RECORD_HEADER, n);
    if (in.p[0] == ALERT || in.p[0] == HEARTBEAT)
        kd_tell_frame(ctx, in.p[0] == ALERT ? KD_FRAME_TLS_ALERT : KD_FRAME_TLS_HEARTBEAT, dir, in.p + RECORD_HEADER, n);
}

static enum kd_status tls_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                size_t seen, struct kd_frame *ret)
{
    (void)seen;
    const struct state *s = ctx->state;
    const struct half *h = &s->half[dir];
    if (s->done && (!kd_wants_frames(ctx) || !may_be_record(in))) {
        ret->len = UINT64_MAX;
        ret->is_body = true;
        return KD_OK;
    }
    struct kd_cur c = kd_cur_of(in);
    uint8_t type = kd_cur_u8(&c);
    uint16_t version = kd_cur_be16(&c);
    size_t n = kd_cur_be16(&c);
    if (!h->started && dir == KD_TO_SERVER && (type & 0x80) != 0) {
        enum { SSL2_HEADER = 11 };
        ret->len = SSL2_HEADER;
        if (in.n < SSL2_HEADER)
            return KD_MORE;
        ret->len = 2 + ((size_t)(type & 0x7f) << 8 | version >> 8);
        if (is_ssl2_hello(in))
            return KD_OK;
        kd_odd(ctx, "invalid_sslv2_header");
        return KD_MALFORMED;
    }
    ret->len = RECORD_HEADER + n;
    if (!kd_cur_ok(&c)) {
        ret->len = RECORD_HEADER;
        return KD_MORE;
    }
    if (type < CHANGE_CIPHER_SPEC || type > HEARTBEAT || version >> 8 != 3 || n > RECORD_MAX) {
        kd_odd(ctx, type < CHANGE_CIPHER_SPEC || type > HEARTBEAT ? "invalid_record_type"
                    : version >> 8 != 3                           ? "invalid_record_version"
                                                                  : "invalid_ssl_record");
        return KD_MALFORMED;
    }
    ret->is_body = h->encrypted || type >= APPLICATION_DATA;
    return KD_OK;
}

static enum kd_status on_ssl2_hello(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct session *n = session_of(ctx);
    struct kd_cur c = kd_cur_of(msg);
    (void)kd_cur_take(&c, 3);
    if (n != NULL) {
        n->has_client = true;
        n->rec.ssl2_hello = true;
        n->client.version = kd_cur_be16(&c);
    }
    return KD_OK;
}

static enum kd_status tls_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct state *s = ctx->state;
    struct kd_cur c = kd_cur_of(msg);
    uint8_t type = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 4);
    s->half[dir].started = true;
    tell_frames(ctx, dir, msg);
    switch (type) {
    case CHANGE_CIPHER_SPEC:
        on_change_cipher_spec(ctx, dir);
        return KD_OK;
    case ALERT:
        on_alert(ctx, kd_cur_rest(&c));
        return KD_OK;
    case HANDSHAKE:
        return on_handshake_data(ctx, dir, kd_cur_rest(&c));
    default:
        return on_ssl2_hello(ctx, msg);
    }
}

/* An encrypted record.  Its first piece begins with the record's type. */
static enum kd_status tls_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece,
                               bool last)
{
    struct state *s = ctx->state;
    struct half *h = &s->half[dir];
    bool first = !h->in_body;
    h->in_body = !last;
    h->started = true;
    if (first && may_be_record(piece)) /* frame() saw its header */
        tell_frames(ctx, dir, piece);
    if (first && !s->done && piece.n > 0 && piece.p[0] == APPLICATION_DATA)
        on_encrypted(ctx, dir);
    else if (first && !h->encrypted && piece.n > 0 && piece.p[0] == HEARTBEAT)
        on_heartbeat(ctx, piece);
    return KD_OK;
}

static void tls_close(struct kd_ctx *ctx)
{
    kd_inspect_end(ctx, KD_TO_SERVER, KD_INSPECT_ALL);
    kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
    tell(ctx);
}

/* ---- recognition ---- */

static bool at_port(uint16_t port, const uint16_t *ports)
{
    while (*ports != 0 && *ports != port)
        ports++;
    return *ports != 0;
}

static const uint16_t tls_ports[] = {443, 8443, 993, 995,  465,  636, 3269,
                                     853, 990,  992, 5061, 8883, 0};

static enum kd_probe turned(enum kd_dir sender, enum kd_dir dir)
{
    return sender == dir ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* A handshake record: does its first message say who speaks? */
static enum kd_probe probe_handshake(struct kd_cur c, size_t n_record, enum kd_dir dir)
{
    uint8_t type = kd_cur_u8(&c);
    if (kd_cur_ok(&c) && type != CLIENT_HELLO && type != SERVER_HELLO && type != CERTIFICATE)
        return KD_PROBE_NO;
    size_t n = kd_cur_be24(&c);
    unsigned version = kd_cur_be16(&c);
    if (n_record < HANDSHAKE_HEADER + 2)
        return KD_PROBE_NO;
    if (!kd_cur_ok(&c))
        return KD_PROBE_MORE;
    switch (type) {
    case CLIENT_HELLO:
    case SERVER_HELLO:
        if (n < 38 || (version >> 8 != 3 && version >> 8 != 0x7f))
            return KD_PROBE_NO;
        return turned(type == CLIENT_HELLO ? KD_TO_SERVER : KD_TO_CLIENT, dir);
    case CERTIFICATE: /* the server's comes first, and is a list that fills the message */
        return (version << 8 | kd_cur_peek(&c)) + 3 == n ? turned(KD_TO_CLIENT, dir) : KD_PROBE_NO;
    default:
        return KD_PROBE_NO;
    }
}

/* Encrypted data of a session whose beginning was not seen: believed on a port of its own, or when
 * another record follows where the first ends. */
static enum kd_probe probe_data(struct kd_cur c, size_t n, enum kd_dir dir,
                                const struct kd_conn *conn)
{
    if (n < 16 || !conn->midstream)
        return KD_PROBE_NO;
    if (at_port(conn->server_port, tls_ports))
        return KD_PROBE_YES;
    if (at_port(conn->client_port, tls_ports))
        return turned(KD_TO_CLIENT, dir);
    (void)kd_cur_take(&c, n);
    uint8_t type = kd_cur_u8(&c);
    uint8_t major = kd_cur_u8(&c);
    uint8_t minor = kd_cur_u8(&c);
    if (!kd_cur_ok(&c))
        return KD_PROBE_MORE;
    return type >= CHANGE_CIPHER_SPEC && type <= APPLICATION_DATA && major == 3 && minor <= 4
               ? KD_PROBE_YES
               : KD_PROBE_NO;
}

static enum kd_probe tls_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_cur c = kd_cur_of(in);
    uint8_t type = kd_cur_u8(&c);
    uint8_t major = kd_cur_u8(&c);
    uint8_t minor = kd_cur_u8(&c);
    size_t n = kd_cur_be16(&c);
    if ((type & 0x80) != 0) {
        enum { SSL2_HEADER = 11 };
        if (in.n >= 3 && minor != CLIENT_HELLO) /* the third byte is the message type there */
            return KD_PROBE_NO;
        if (in.n < SSL2_HEADER)
            return KD_PROBE_MORE;
        return is_ssl2_hello(in) ? turned(KD_TO_SERVER, dir) : KD_PROBE_NO;
    }
    if ((in.n > 0 && (type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA)) ||
        (in.n > 1 && major != 3) || (in.n > 2 && minor > 4))
        return KD_PROBE_NO;
    if (!kd_cur_ok(&c))
        return KD_PROBE_MORE;
    if (n == 0 || n > RECORD_MAX)
        return KD_PROBE_NO;
    if (type == HANDSHAKE)
        return probe_handshake(c, n, dir);
    if (type == APPLICATION_DATA)
        return probe_data(c, n, dir, conn);
    if (type == ALERT && n == 2 && kd_cur_left(&c) >= 2) {
        uint8_t level = kd_cur_u8(&c);
        return (level == 1 || level == 2) && tls_alert_name(kd_cur_u8(&c)) != NULL ? KD_PROBE_YES
                                                                                   : KD_PROBE_NO;
    }
    return KD_PROBE_NO;
}

const struct kd_parser kd_parser_tls = {
    .name = "tls",
    .summary = "Transport Layer Security: handshake, certificates, fingerprints",
    .app = KD_APP_TLS,
    .over = KD_OVER_TCP,
    .ports = tls_ports,
    .max_message = RECORD_HEADER + RECORD_MAX,
    .state_bytes = sizeof(struct state),
    .probe = tls_probe,
    .frame = tls_frame,
    .message = tls_message,
    .body = tls_body,
    .close = tls_close,
    .present = tls_present,
};
