/* SPDX-License-Identifier: Apache-2.0 */
/* Remote desktop ([MS-RDPBCGR] 1.3.1.1): the connection's beginning.  What is encrypted goes by;
 * its TLS handshake is handed to the TLS parser. */
#include "proto/rdp/rdp.h"

extern const struct kd_parser kd_parser_tls;

enum {
    TPKT_HEAD = 4,
    TPKT_VERSION = 3,
    MESSAGE_MAX = 16384,
    X224_REQUEST = 0xe0,
    X224_CONFIRM = 0xd0,
    X224_DATA = 0xf0,
    NEG_REQUEST = 1,
    NEG_RESPONSE = 2,
    NEG_FAILURE = 3,
    NEG_BYTES = 8,
    TLS_HANDSHAKE = 22
};

enum phase { ASKING, CLEAR, ENCRYPTED, PASSING };

struct rdp_state {
    uint8_t phase; /* enum phase */
    bool told, asked, answered, failed;
    uint32_t requested, selected; /* selected: or the failure's code */
    uint8_t cookie_n;
    uint8_t cookie[RDP_TEXT_MAX];
    struct rdp_client client;
    struct rdp_watch watch;
    struct kd_inner inner;
};

static struct rdp_state *state_of(const struct kd_ctx *ctx)
{
    return (struct rdp_state *)ctx->state;
}

/* ---- recognition ---- */

static bool has_negotiation(struct kd_bytes x224)
{
    if (x224.n < NEG_BYTES)
        return false;
    const uint8_t *p = x224.p + x224.n - NEG_BYTES;
    return p[0] >= NEG_REQUEST && p[0] <= NEG_FAILURE && p[2] == NEG_BYTES && p[3] == 0 &&
           p[7] == 0;
}

static enum kd_probe rdp_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_cur c = kd_cur_of(in);
    if ((in.n > 0 && in.p[0] != TPKT_VERSION) || (in.n > 1 && in.p[1] != 0))
        return KD_PROBE_NO;
    (void)kd_cur_be16(&c);
    size_t len = kd_cur_be16(&c);
    size_t li = kd_cur_u8(&c);
    uint8_t code = kd_cur_u8(&c);
    if (!kd_cur_ok(&c))
        return KD_PROBE_MORE;
    if ((code != X224_REQUEST && code != X224_CONFIRM) || li < 6 || len < li + 1 + TPKT_HEAD ||
        len > 2048)
        return KD_PROBE_NO;
    if (in.n < len)
        return KD_PROBE_MORE;
    struct kd_bytes body = kd_bytes_head(in, len);
    bool known = kd_bytes_find(body, kd_str("Cookie: mstshash=")) != SIZE_MAX ||
                 kd_bytes_find(body, kd_str("Cookie: msts=")) != SIZE_MAX ||
                 has_negotiation(kd_bytes_from(body, 11)) || conn->server_port == 3389 ||
                 conn->client_port == 3389;
    if (!known)
        return KD_PROBE_NO; /* others speak X.224, too */
    return (code == X224_REQUEST) == (dir == KD_TO_SERVER) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* ---- telling ---- */

static void out_layers(struct kd_out *o, uint32_t layers)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{RDP_SSL, "tls"},
                 {RDP_HYBRID, "nla"},
                 {RDP_RDSTLS, "rdstls"},
                 {RDP_HYBRID_EX, "nla_ex"},
                 {RDP_AAD, "aad"}};
    size_t before = o->n;
    for (size_t i = 0; i < KD_COUNT(names); i++) {
        if ((layers & names[i].bit) == 0)
            continue;
        if (o->n > before)
            kd_out_str(o, ",");
        kd_out_str(o, names[i].name);
    }
    if (o->n == before)
        kd_out_str(o, "standard");
}

/* [MS-RDPBCGR] 2.2.1.2.2. */
static void out_failure(struct kd_out *o, uint32_t code)
{
    static const char *const names[] = {"",
                                        "ssl_required",
                                        "ssl_not_allowed",
                                        "ssl_certificate_missing",
                                        "inconsistent_flags",
                                        "hybrid_required",
                                        "ssl_with_user_auth_required"};
    if (code > 0 && code < KD_COUNT(names))
        kd_out_str(o, names[code]);
    else
        kd_out_fmt(o, "failure_%u", code);
}

static void describe_client(const struct rdp_client *c, struct kd_rec_rdp *rec,
                            struct kd_out room[3], struct kd_bytes channels[RDP_CHANNELS_MAX])
{
    if (!c->known)
        return;
    rec->client_name = kd_bytes_of(c->name, c->name_n);
    rdp_out_version(&room[0], c);
    rec->client_version = kd_out_bytes_view(&room[0]);
    kd_out_fmt(&room[1], "0x%08x", c->keyboard);
    rec->keyboard = kd_out_bytes_view(&room[1]);
    kd_out_fmt(&room[2], "%ux%u", c->width, c->height);
    rec->screen = kd_out_bytes_view(&room[2]);
    for (size_t i = 0; i < c->n_channels; i++) {
        struct kd_bytes name = kd_bytes_of(c->channels[i], RDP_CHANNEL_NAME);
        channels[i] = kd_bytes_head(name, kd_bytes_find_byte(name, 0));
    }
    rec->channels = (struct kd_strs){channels, c->n_channels};
}

static bool is_nla(const struct rdp_state *st)
{
    return st->phase == ENCRYPTED && (st->selected == RDP_HYBRID || st->selected == RDP_HYBRID_EX);
}

static void tell_login(struct kd_ctx *ctx, const struct kd_rec_rdp *rdp, enum rdp_verdict v)
{
    const struct rdp_state *st = state_of(ctx);
    struct kd_rec_login rec = {
        .method = kd_str(st->phase == CLEAR ? "rdp"
                         : is_nla(st)       ? "nla"
                                            : "tls"),
        .service = kd_str("rdp"),
        .user = rdp->cookie,
        .workstation = rdp->client_name,
        .result = kd_str(v == RDP_PASSED   ? "success"
                         : v == RDP_FAILED ? "failure"
                                           : "unknown"),
        .reason = kd_str(v == RDP_UNKNOWN ? "" : "concluded"),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

static void tell(struct kd_ctx *ctx, bool over)
{
    struct rdp_state *st = state_of(ctx);
    uint8_t texts[5][64];
    struct kd_out room[3] = {kd_out_of(texts[0], 64), kd_out_of(texts[1], 64),
                             kd_out_of(texts[2], 64)};
    struct kd_out requested = kd_out_of(texts[3], 64);
    struct kd_out selected = kd_out_of(texts[4], 64);
    struct kd_bytes channels[RDP_CHANNELS_MAX];
    if (st->told)
        return;
    st->told = true;
    struct kd_rec_rdp rec = {.cookie = kd_bytes_of(st->cookie, st->cookie_n)};
    enum rdp_verdict v = is_nla(st) ? rdp_watch_verdict(&st->watch, over) : RDP_UNKNOWN;
    bool tried = st->phase == CLEAR ? st->client.known : st->watch.half[KD_TO_SERVER].records > 0;
    if (st->asked)
        out_layers(&requested, st->requested);
    if (st->failed)
        out_failure(&selected, st->selected);
    else if (st->answered)
        out_layers(&selected, st->selected);
    rec.requested = kd_out_bytes_view(&requested);
    rec.selected = kd_out_bytes_view(&selected);
    rec.result = kd_str(st->failed                        ? "failure"
                        : v == RDP_PASSED                 ? "success"
                        : v == RDP_FAILED                 ? "failure"
                        : st->phase == ENCRYPTED && tried ? "encrypted"
                                                          : "unknown");
    describe_client(&st->client, &rec, room, channels);
    kd_emit(ctx, KD_REC_RDP, &rec);
    if (tried && !st->failed)
        tell_login(ctx, &rec, v);
}

/* ---- messages ---- */

static struct kd_bytes cookie_of(struct kd_bytes body)
{
    struct kd_bytes begin = kd_str("Cookie: mstshash=");
    size_t at = kd_bytes_find(body, begin);
    if (at == SIZE_MAX)
        return (struct kd_bytes){NULL, 0};
    struct kd_bytes rest = kd_bytes_from(body, at + begin.n);
    return kd_bytes_cut(&rest, '\r');
}

static uint32_t negotiated(struct kd_bytes body)
{
    struct kd_cur c = kd_cur_of(kd_bytes_from(body, body.n - NEG_BYTES));
    (void)kd_cur_le32(&c);
    return kd_cur_le32(&c);
}

/* The request's negotiation may have a correlation behind it ([MS-RDPBCGR] 2.2.1.1.2). */
static struct kd_bytes without_correlation(struct kd_bytes body)
{
    enum { CORRELATION = 6, CORRELATION_BYTES = 36 };
    if (body.n < CORRELATION_BYTES + NEG_BYTES)
        return body;
    const uint8_t *p = body.p + body.n - CORRELATION_BYTES;
    bool there = p[0] == CORRELATION && p[2] == CORRELATION_BYTES && p[3] == 0;
    return there ? kd_bytes_head(body, body.n - CORRELATION_BYTES) : body;
}

static void on_request(struct rdp_state *st, struct kd_bytes body)
{
    struct kd_bytes cookie = kd_bytes_head(cookie_of(body), sizeof(st->cookie));
    st->asked = true;
    st->cookie_n = (uint8_t)cookie.n;
    if (cookie.n > 0)
        memcpy(st->cookie, cookie.p, cookie.n);
    body = without_correlation(body);
    st->requested = has_negotiation(body) ? negotiated(body) : RDP_STANDARD;
}

static void begin_tls(struct kd_ctx *ctx, struct rdp_state *st)
{
    st->phase = ENCRYPTED;
    (void)kd_inner_begin(&st->inner, ctx, &kd_parser_tls);
}

static void on_confirm(struct kd_ctx *ctx, struct rdp_state *st, struct kd_bytes body)
{
    st->answered = true;
    if (st->phase == ASKING)
        st->phase = CLEAR;
    if (!has_negotiation(body))
        return;
    st->selected = negotiated(body);
    st->failed = body.p[body.n - NEG_BYTES] == NEG_FAILURE;
    if (st->failed) {
        tell(ctx, true);
        st->phase = PASSING;
    } else if (st->selected != RDP_STANDARD) {
        begin_tls(ctx, st);
    }
}

static enum kd_status rdp_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct rdp_state *st = state_of(ctx);
    struct kd_cur c = kd_cur_of(kd_bytes_from(msg, TPKT_HEAD));
    size_t li = kd_cur_u8(&c);
    uint8_t code = kd_cur_u8(&c);
    if (!st->asked && code == X224_REQUEST && dir == KD_TO_SERVER && li >= 6) {
        (void)kd_cur_take(&c, 5);
        on_request(st, kd_cur_rest(&c));
    } else if (!st->answered && code == X224_CONFIRM && dir == KD_TO_CLIENT && li >= 6) {
        (void)kd_cur_take(&c, 5);
        on_confirm(ctx, st, kd_cur_rest(&c));
    } else if (st->phase == CLEAR && code == X224_DATA && dir == KD_TO_SERVER && !st->told) {
        (void)kd_cur_u8(&c);
        if (rdp_read_client(kd_cur_rest(&c), &st->client))
            tell(ctx, false);
        else
            kd_anomaly(ctx, "rdp_malformed_connect", 0);
        st->phase = PASSING;
    }
    return KD_OK;
}

static enum kd_status rdp_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                size_t seen, struct kd_frame *ret)
{
    const struct rdp_state *st = state_of(ctx);
    (void)seen;
    bool due = dir == KD_TO_SERVER ? !st->asked : !st->answered; /* packets overtake each other */
    bool tls = in.p[0] == TLS_HANDSHAKE && st->phase == ASKING;
    bool clear = (st->phase == ASKING && !tls) || (st->phase == CLEAR && !st->told) ||
                 (st->phase == ENCRYPTED && due && in.p[0] == TPKT_VERSION);
    if (!clear) {
        *ret = (struct kd_frame){.len = in.n, .is_body = true};
        return KD_OK;
    }
    struct kd_cur c = kd_cur_of(in);
    uint8_t version = kd_cur_u8(&c);
    (void)kd_cur_u8(&c);
    size_t len = kd_cur_be16(&c);
    if (in.n > 0 && version != TPKT_VERSION)
        return KD_MALFORMED;
    ret->len = TPKT_HEAD;
    if (!kd_cur_ok(&c))
        return KD_MORE;
    ret->len = len;
    return len < TPKT_HEAD + 3 ? KD_MALFORMED : len > MESSAGE_MAX ? KD_LIMIT : KD_OK;
}

static enum kd_status rdp_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece,
                               bool last)
{
    struct rdp_state *st = state_of(ctx);
    (void)last;
    if (st->phase == ASKING)
        begin_tls(ctx, st);
    if (st->phase != ENCRYPTED)
        return KD_OK;
    kd_inner_data(&st->inner, ctx, dir, piece);
    if (st->told)
        return KD_OK;
    rdp_watch_data(&st->watch, dir, piece);
    if (rdp_watch_goes_on(&st->watch))
        tell(ctx, false);
    return KD_OK;
}

static void rdp_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct rdp_state *st = state_of(ctx);
    st->watch.blind = true;
    if (st->phase == ENCRYPTED)
        kd_inner_gap(&st->inner, ctx, dir, n);
    else if (st->phase == CLEAR)
        st->phase = PASSING;
}

static size_t rdp_resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)dir;
    (void)in;
    return state_of(ctx)->phase == ASKING ? SIZE_MAX : 0;
}

static void rdp_close(struct kd_ctx *ctx)
{
    struct rdp_state *st = state_of(ctx);
    if (st->asked || st->answered)
        tell(ctx, true);
    kd_inner_end(&st->inner, ctx);
}

const struct kd_parser kd_parser_rdp = {
    .name = "rdp",
    .summary = "remote desktop: who asks, how it is protected, whether the logon passed",
    .app = KD_APP_RDP,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){3389, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct rdp_state),
    .probe = rdp_probe,
    .frame = rdp_frame,
    .message = rdp_message,
    .body = rdp_body,
    .gap = rdp_gap,
    .resync = rdp_resync,
    .close = rdp_close,
};
