/* SPDX-License-Identifier: Apache-2.0 */
/* DCE/RPC over TCP ([MS-RPCE] 2.1.1.1) as a parser, and the same for protocols that carry it: cuts
 * the stream into messages and finds its place again after a loss. */
#include "proto/dcerpc/dcerpc.h"

#include "proto/dcerpc/dce.h"

enum { MAX_MESSAGE = 65536, SYNC_BYTES = 8 };

extern const struct kd_parser kd_parser_dcerpc;

void dce_odd(const struct kd_ctx *ctx, struct kd_dcerpc *d, enum dce_oddity what)
{
    static const char *const names[DCE_ODDITIES] = {
        [DCE_ODD_BODY] = "dcerpc_bad_body",
        [DCE_ODD_TOKEN] = "dcerpc_bad_auth_token",
    };
    if (d->told & 1u << what)
        return;
    d->told |= 1u << what;
    kd_anomaly(ctx, names[what], 0);
}

/* ---- recognition ---- */

static bool is_from_client(uint8_t type)
{
    switch (type) {
    case DCE_REQUEST:
    case DCE_BIND:
    case DCE_ALTER:
    case DCE_AUTH3:
    case DCE_CANCEL:
    case DCE_ORPHANED:
        return true;
    default:
        return false;
    }
}

static bool is_type(uint8_t type)
{
    return is_from_client(type) || type == DCE_RESPONSE || type == DCE_FAULT ||
           type == DCE_BIND_ACK || type == DCE_BIND_NAK || type == DCE_ALTER_RESP ||
           type == DCE_SHUTDOWN;
}

/* Could a message begin here?  `b` may be short: then the part that is there decides. */
static bool may_start(struct kd_bytes b)
{
    struct kd_cur c = kd_cur_of(kd_bytes_head(b, SYNC_BYTES));
    for (unsigned i = 0; kd_cur_more(&c); i++) {
        uint8_t v = kd_cur_u8(&c);
        bool fits = i == 0   ? v == 5
                    : i == 1 ? v <= 1
                    : i == 2 ? is_type(v)
                    : i == 3 ? (v & 0x08) == 0
                    : i == 4 ? v == DCE_LITTLE || v == 0
                    : i == 5 ? v <= 3
                             : v == 0;
        if (!fits)
            return false;
    }
    return true;
}

/* Offset of the first place where a message may begin, or in.n. */
static size_t find_start(struct kd_bytes in)
{
    size_t at = 0;
    while (at < in.n && !may_start(kd_bytes_from(in, at))) {
        size_t step = kd_bytes_find_byte(kd_bytes_from(in, at + 1), 5);
        if (step == SIZE_MAX)
            return in.n;
        at += 1 + step;
    }
    return at;
}

static uint32_t length_of(struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    (void)kd_cur_be32(&c);
    bool big = (kd_cur_u8(&c) & DCE_LITTLE) == 0;
    (void)kd_cur_take(&c, 3);
    return big ? kd_cur_be16(&c) : kd_cur_le16(&c);
}

static enum kd_probe dcerpc_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    if (!may_start(in))
        return KD_PROBE_NO;
    if (in.n < DCE_HEAD)
        return KD_PROBE_MORE;
    uint8_t type = kd_bytes_at(in, 2);
    if (length_of(in) < DCE_HEAD || (type == DCE_BIND && length_of(in) < DCE_HEAD + 12))
        return KD_PROBE_NO;
    bool as_expected = is_from_client(type) == (dir == KD_TO_SERVER);
    bool begins = type == DCE_BIND || (type == DCE_REQUEST && length_of(in) >= DCE_HEAD + 8) || dir == KD_TO_CLIENT;
    if (!conn->midstream)
        return as_expected && begins ? KD_PROBE_YES : KD_PROBE_NO;
    return as_expected ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* ---- cutting ---- */

static enum kd_status dcerpc_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                   size_t seen, struct kd_frame *ret)
{
    (void)seen;
    const struct kd_dcerpc *d = ctx->state;
    if (d->unsure[dir]) {
        size_t at = find_start(in);
        if (at > 0) {
            *ret = (struct kd_frame){.len = at, .is_body = true};
            return KD_OK;
        }
    }
    /* Judged by its first byte or by the whole head, never by what happens to be there: a loss may follow. */
    if (!may_start(in.n < DCE_HEAD ? kd_bytes_head(in, 1) : in))
        return KD_MALFORMED;
    *ret = (struct kd_frame){.len = DCE_HEAD};
    if (in.n < DCE_HEAD)
        return KD_MORE;
    ret->len = length_of(in);
    return ret->len < DCE_HEAD ? KD_MALFORMED : KD_OK;
}

static enum kd_status dcerpc_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct kd_dcerpc *d = ctx->state;
    if (d->over == NULL) {
        d->over = "tcp";
        dce_start(ctx, d);
    }
    d->unsure[dir] = false;
    kd_tell_frame(ctx, KD_FRAME_DCERPC_PDU, dir, msg.p, msg.n);
    kd_tell_frame(ctx, KD_FRAME_DCERPC_HDR, dir, msg.p, DCE_HEAD);
    kd_tell_frame(ctx, KD_FRAME_DCERPC_DATA, dir, msg.p + DCE_HEAD, msg.n - DCE_HEAD);
    dce_message(ctx, d, dir, msg);
    return KD_OK;
}

static enum kd_status dcerpc_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece,
                                  bool last)
{
    (void)ctx;
    (void)dir;
    (void)piece;
    (void)last;
    return KD_OK;
}

static void dcerpc_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    (void)n;
    struct kd_dcerpc *d = ctx->state;
    d->unsure[dir] = true;
}

/* frame() does the search, as it alone may wait for more of the stream. */
static size_t dcerpc_resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static void dcerpc_close(struct kd_ctx *ctx)
{
    struct kd_dcerpc *d = ctx->state;
    if (d->over != NULL)
        dce_end(ctx, d);
}

const struct kd_parser kd_parser_dcerpc = {
    .name = "dcerpc",
    .summary = "remote procedure calls of Windows (DCE/RPC, DCOM)",
    .app = KD_APP_DCERPC,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){135, 0},
    .max_message = MAX_MESSAGE,
    .state_bytes = sizeof(struct kd_dcerpc),
    .probe = dcerpc_probe,
    .frame = dcerpc_frame,
    .message = dcerpc_message,
    .body = dcerpc_body,
    .gap = dcerpc_gap,
    .resync = dcerpc_resync,
    .close = dcerpc_close,
    .present = dce_call_present,
};

/* ---- carried in another protocol ---- */

/* The name without "\pipe\" and leading backslashes. */
static struct kd_bytes bare_pipe(struct kd_bytes name)
{
    while (kd_bytes_at(name, 0) == '\\')
        name = kd_bytes_from(name, 1);
    if (kd_bytes_istarts(name, kd_str("pipe\\")))
        name = kd_bytes_from(name, strlen("pipe\\"));
    return name;
}

struct kd_dcerpc *kd_dcerpc_open(const struct kd_ctx *ctx, const struct kd_dcerpc_carrier *carrier)
{
    size_t size = 0;
    struct kd_dcerpc *d = kd_pool_take(ctx->pool, sizeof(*d), &size);
    if (d == NULL)
        return NULL;
    *d = (struct kd_dcerpc){
        .over = carrier->over, .size = size, .told_to = carrier->told, .told_arg = carrier->arg, .told_state = ctx->state};
    dce_start(ctx, d);
    struct kd_out o = kd_out_of(d->pipe, sizeof(d->pipe) - 1);
    kd_out_bytes(&o, kd_bytes_head(bare_pipe(carrier->endpoint), o.max));
    d->user = kd_arena_copy(&d->mem, carrier->user, DCE_NAME_MAX);
    d->domain = kd_arena_copy(&d->mem, carrier->domain, DCE_NAME_MAX);
    d->auth = kd_arena_copy(&d->mem, carrier->auth, DCE_NAME_MAX);
    d->unsure[0] = d->unsure[1] = carrier->midstream;
    return d;
}

void kd_dcerpc_moved(struct kd_dcerpc *d, void *arg)
{
    if (d != NULL)
        d->told_arg = arg;
}

void kd_dcerpc_data(const struct kd_ctx *ctx, struct kd_dcerpc *d, enum kd_dir dir,
                    struct kd_bytes piece)
{
    struct kd_ctx own = *ctx;
    own.state = d;
    own.inner = true;
    kd_ignore(kd_feed_data(&kd_parser_dcerpc, &own, &d->feed[dir], dir, piece));
}

void kd_dcerpc_gap(const struct kd_ctx *ctx, struct kd_dcerpc *d, enum kd_dir dir, uint64_t n)
{
    struct kd_ctx own = *ctx;
    own.state = d;
    own.inner = true;
    kd_feed_gap(&kd_parser_dcerpc, &own, &d->feed[dir], dir, n);
}

void kd_dcerpc_close(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    if (d == NULL)
        return;
    struct kd_ctx own = *ctx;
    own.state = d;
    own.inner = true;
    for (unsigned dir = 0; dir < 2; dir++)
        kd_feed_end(&kd_parser_dcerpc, &own, &d->feed[dir], (enum kd_dir)dir);
    dce_end(ctx, d);
    kd_pool_give(ctx->pool, d, d->size);
}
