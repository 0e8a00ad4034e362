/* SPDX-License-Identifier: Apache-2.0 */
/* Connectionless DCE/RPC 4 (C706 12.5): calls over UDP, paired by activity and number.  Both ends may send to one
 * address (a broadcast), so a message's kind and not its direction says what it is. */
#include "base/clock.h"
#include "proto/dcerpc/dce.h"

enum {
    HEAD = 80,
    VERSION = 4,
    REQUEST = 0,
    PING = 1,
    RESPONSE = 2,
    FAULT = 3,
    WORKING = 4,
    NO_CALL = 5,
    REJECT = 6,
    CANCEL_ACK = 10,
    LAST_FRAGMENT = 0x02,
    FRAGMENT = 0x04,
    RESERVED_1 = 0x80, /* its fellow, 0x01, is set by some */
    CALLS_MAX = 16,
    MESSAGE_MAX = 65507,
    WAIT_S = 10
};

struct head {
    uint8_t type, flags;
    bool big;
    struct kd_bytes object, interface, activity;
    uint32_t version, sequence;
    uint16_t opnum, length;
    struct kd_bytes stub;
};

struct call {
    uint8_t activity[DCE_UUID], interface[DCE_UUID], object[DCE_UUID];
    uint32_t version, sequence;
    uint16_t opnum, fragments[2];
    uint64_t bytes[2], asked_us;
    bool big, fault, answered;
    struct kd_buf stub; /* of a request or answer in several fragments */
};

struct datagram_state {
    struct call call[CALLS_MAX];
    size_t n;
};

static bool read_head(struct kd_bytes in, struct head *h)
{
    struct kd_cur c = kd_cur_of(in);
    if (kd_cur_u8(&c) != VERSION)
        return false;
    h->type = kd_cur_u8(&c);
    h->flags = kd_cur_u8(&c);
    (void)kd_cur_u8(&c); /* second flags */
    uint8_t data = kd_cur_u8(&c), floats = kd_cur_u8(&c), zero = kd_cur_u8(&c);
    h->big = data != DCE_LITTLE;
    (void)kd_cur_u8(&c); /* serial number */
    h->object = kd_cur_take(&c, DCE_UUID);
    h->interface = kd_cur_take(&c, DCE_UUID);
    h->activity = kd_cur_take(&c, DCE_UUID);
    (void)kd_cur_le32(&c); /* when the server began */
    h->version = h->big ? kd_cur_be32(&c) : kd_cur_le32(&c);
    h->sequence = h->big ? kd_cur_be32(&c) : kd_cur_le32(&c);
    h->opnum = h->big ? kd_cur_be16(&c) : kd_cur_le16(&c);
    (void)kd_cur_be32(&c); /* hints */
    h->length = h->big ? kd_cur_be16(&c) : kd_cur_le16(&c);
    (void)kd_cur_be32(&c); /* fragment, authentication, serial number */
    h->stub = kd_bytes_head(kd_cur_rest(&c), h->length);
    return kd_cur_ok(&c) && h->type <= CANCEL_ACK && (h->flags & RESERVED_1) == 0 && (data == DCE_LITTLE || data == 0) &&
           floats <= 3 && zero == 0 && h->stub.n == h->length;
}

static bool is_answer(const struct head *h)
{
    return (h->type >= RESPONSE && h->type <= REJECT) || h->type == CANCEL_ACK;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct head h;
    (void)conn;
    if (!read_head(in, &h))
        return KD_PROBE_NO;
    return is_answer(&h) == (dir == KD_TO_CLIENT) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* ---- records and rules ---- */

static bool is_zero(const uint8_t *uuid)
{
    for (unsigned i = 0; i < DCE_UUID; i++)
        if (uuid[i] != 0)
            return false;
    return true;
}

/* An activity is told as EVE does: its first parts are numbers, least byte first, whatever the sender's order. */
static void tell(const struct kd_ctx *ctx, const struct call *k)
{
    char uuid[DCE_UUID_TEXT], activity[DCE_UUID_TEXT], object[DCE_UUID_TEXT], version[16];
    struct kd_out v = kd_out_of(version, sizeof(version));
    dce_uuid_text(kd_bytes_of(k->interface, DCE_UUID), k->big, uuid);
    dce_uuid_text(kd_bytes_of(k->activity, DCE_UUID), false, activity);
    kd_out_fmt(&v, "%u.%u", k->version & 0xffff, k->version >> 16);
    const struct dce_iface *iface = dce_iface_find(kd_bytes_of(uuid, sizeof(uuid)));
    struct kd_rec_dcerpc rec = {
        .rpc_version = kd_str("4.0"),
        .over = kd_str("udp"),
        .uuid = kd_bytes_of(uuid, sizeof(uuid)),
        .version = kd_out_bytes_view(&v),
        .interface = iface != NULL ? kd_str(iface->name) : kd_str(""),
        .opnum = k->opnum,
        .operation = dce_operation(iface, k->opnum),
        .activity = kd_bytes_of(activity, sizeof(activity)),
        .sequence = k->sequence,
        .request_fragments = k->fragments[0],
        .response_fragments = k->fragments[1],
        .request_bytes = k->bytes[0],
        .response_bytes = k->bytes[1],
        .fault = k->fault,
        .answered = k->answered,
    };
    if (!is_zero(k->object)) {
        dce_uuid_text(kd_bytes_of(k->object, DCE_UUID), k->big, object);
        rec.object = kd_bytes_of(object, sizeof(object));
    }
    kd_emit(ctx, KD_REC_DCERPC, &rec);
}

static void show(const struct kd_ctx *ctx, const struct call *k, enum kd_dir dir, struct kd_bytes stub)
{
    uint8_t room[DCE_UUID_TEXT + 16];
    char uuid[DCE_UUID_TEXT];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (!kd_wants_any(ctx))
        return;
    dce_uuid_text(kd_bytes_of(k->interface, DCE_UUID), k->big, uuid);
    kd_out_bytes(&o, kd_bytes_of(uuid, sizeof(uuid)));
    kd_out_fmt(&o, " %u.%u", k->version & 0xffff, k->version >> 16);
    kd_inspect(ctx, KD_IN_DCERPC_IFACE, dir, kd_out_bytes_view(&o));
    kd_inspect_number(ctx, KD_NUM_DCERPC_OPNUM, dir, k->opnum);
    if (stub.n > 0)
        kd_inspect(ctx, KD_IN_DCERPC_STUB_DATA, dir, stub);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

/* ---- calls ---- */

static void finish(struct kd_ctx *ctx, size_t i)
{
    struct datagram_state *st = ctx->state;
    tell(ctx, &st->call[i]);
    kd_buf_done(&st->call[i].stub, ctx->pool);
    st->n--;
    memmove(&st->call[i], &st->call[i + 1], (st->n - i) * sizeof(st->call[0]));
}

static size_t find(const struct datagram_state *st, const struct head *h)
{
    size_t i = 0;
    while (i < st->n && (st->call[i].sequence != h->sequence || memcmp(st->call[i].activity, h->activity.p, DCE_UUID) != 0))
        i++;
    return i;
}

static struct call *add(struct kd_ctx *ctx, const struct head *h)
{
    struct datagram_state *st = ctx->state;
    if (st->n == CALLS_MAX)
        finish(ctx, 0);
    struct call *k = &st->call[st->n++];
    *k = (struct call){
        .version = h->version, .sequence = h->sequence, .opnum = h->opnum, .big = h->big, .asked_us = ctx->now_us};
    memcpy(k->activity, h->activity.p, DCE_UUID);
    memcpy(k->interface, h->interface.p, DCE_UUID);
    memcpy(k->object, h->object.p, DCE_UUID);
    return k;
}

/* A part, or all, of a request or answer; true with the last. */
static bool take(struct kd_ctx *ctx, struct call *k, const struct head *h, bool answer, enum kd_dir dir)
{
    bool fragment = (h->flags & FRAGMENT) != 0, last = !fragment || (h->flags & LAST_FRAGMENT) != 0;
    bool wanted = kd_wants(ctx, KD_IN_DCERPC_STUB_DATA, dir);
    k->fragments[answer]++;
    k->bytes[answer] += h->stub.n;
    if (fragment && wanted && h->stub.n > 0)
        kd_ignore(kd_buf_add(&k->stub, ctx->pool, h->stub, kd_min_size(ctx->lim->dcerpc_stub_bytes, KD_POOL_MAX)));
    if (!last)
        return false;
    show(ctx, k, dir, fragment ? kd_buf_view(&k->stub) : h->stub);
    kd_buf_done(&k->stub, ctx->pool);
    return true;
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct datagram_state *st = ctx->state;
    struct head h;
    if (!read_head(msg, &h))
        return KD_OK;
    size_t i = find(st, &h);
    struct call *k = i < st->n ? &st->call[i] : NULL;
    if (h.type == REQUEST) {
        bool again = k != NULL && (h.flags & FRAGMENT) == 0; /* sent once more, as no answer came */
        if (again)
            return KD_OK;
        (void)take(ctx, k != NULL ? k : add(ctx, &h), &h, false, dir);
        return KD_OK;
    }
    if (k == NULL || (h.type != RESPONSE && h.type != FAULT && h.type != REJECT))
        return KD_OK;
    k->answered = true;
    k->fault = h.type != RESPONSE;
    if (k->fault || take(ctx, k, &h, true, dir))
        finish(ctx, i);
    return KD_OK;
}

static void close_all(struct kd_ctx *ctx)
{
    struct datagram_state *st = ctx->state;
    while (st->n > 0)
        finish(ctx, 0);
}

static void tick(struct kd_ctx *ctx)
{
    struct datagram_state *st = ctx->state;
    while (st->n > 0 && ctx->now_us >= st->call[0].asked_us + WAIT_S * (uint64_t)KD_US_PER_S)
        finish(ctx, 0);
}

static bool idle(const void *state)
{
    return ((const struct datagram_state *)state)->n == 0;
}

extern const struct kd_parser kd_parser_dcerpc_udp;
const struct kd_parser kd_parser_dcerpc_udp = {
    .name = "dcerpc_udp",
    .summary = "remote procedure calls over UDP (DCE/RPC 4)",
    .app = KD_APP_DCERPC,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){135, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct datagram_state),
    .probe = probe,
    .message = message,
    .close = close_all,
    .tick = tick,
    .idle = idle,
};
