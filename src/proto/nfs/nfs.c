/* SPDX-License-Identifier: Apache-2.0 */
/* Remote calls of NFS (RFC 5531) in a stream, where marks say how long they are, or in datagrams: cuts them, reads their
 * heads, pairs them by number. */
#include "proto/nfs/nfs.h"

#define NFS_PROGRAM 100003u
#define MARK_LAST 0x80000000u

enum {
    PORT = 2049,
    TCP = 6,
    MARK = 4,
    CALL = 0,
    REPLY = 1,
    RPC_VERSION = 2,
    ACCEPTED = 0,
    CALL_HEAD = 24, /* up to the procedure */
    AUTH_MAX = 400,
    HELD = 8192, /* of a message; what lies behind is content */
    MESSAGE_MAX = 65507,
    FRAGMENT_MAX = 1 << 25,
    GSS_DATA = 0,
    GSS_INTEGRITY = 2,
    GSS_PRIVACY = 3
};

/* ---- recognition ---- */

/* A call of this program, or what may answer one. */
struct seen {
    bool call, reply, null;
};

static struct seen look(struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    struct seen s = {0};
    (void)kd_cur_be32(&c);
    uint32_t kind = kd_cur_be32(&c);
    if (kind == REPLY) {
        uint32_t state = kd_cur_be32(&c);
        s.reply = kd_cur_ok(&c) && state <= 1;
        return s;
    }
    uint32_t rpc = kd_cur_be32(&c), program = kd_cur_be32(&c), version = kd_cur_be32(&c);
    s.null = kd_cur_be32(&c) == 0;
    s.call = kd_cur_ok(&c) && kind == CALL && rpc == RPC_VERSION && program == NFS_PROGRAM && version >= 2 && version <= 4;
    return s;
}

static bool is_mark(uint32_t mark)
{
    uint32_t n = mark & ~MARK_LAST;
    return n >= CALL_HEAD && n <= FRAGMENT_MAX;
}

/* A reply does not say which program answers: only its port does. */
static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    bool stream = conn->proto == TCP;
    size_t need = CALL_HEAD + (stream ? MARK : 0u);
    struct kd_cur c = kd_cur_of(in);
    uint32_t mark = stream && in.n >= MARK ? kd_cur_be32(&c) : CALL_HEAD;
    if (!is_mark(mark))
        return KD_PROBE_NO;
    if (in.n < need)
        return stream ? KD_PROBE_MORE : KD_PROBE_NO;
    struct seen s = look(kd_bytes_from(in, stream ? MARK : 0));
    if (s.call && s.null && !stream) /* somebody asks whether the service is there */
        return KD_PROBE_MORE;
    if (s.call)
        return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
    if (!s.reply || !conn->midstream)
        return KD_PROBE_NO;
    if (dir == KD_TO_CLIENT)
        return conn->server_port == PORT ? KD_PROBE_YES : KD_PROBE_NO;
    return conn->client_port == PORT ? KD_PROBE_REVERSED : KD_PROBE_NO;
}

/* ---- heads ---- */

static struct kd_bytes take_auth(struct kd_cur *c, uint32_t *ret_flavor)
{
    *ret_flavor = kd_cur_be32(c);
    return nfs_opaque(c, AUTH_MAX);
}

static void read_unix(struct kd_bytes body, struct nfs_who *ret)
{
    struct kd_cur c = kd_cur_of(body);
    (void)kd_cur_be32(&c); /* stamp */
    struct kd_bytes machine = nfs_opaque(&c, AUTH_MAX);
    ret->uid = kd_cur_be32(&c);
    ret->gid = kd_cur_be32(&c);
    ret->n = (uint8_t)kd_min_size(machine.n, sizeof(ret->machine));
    if (ret->n > 0)
        memcpy(ret->machine, machine.p, ret->n);
}

/* How the arguments are protected (RFC 2203, 5.3); false: they are no arguments, or sealed. */
static bool read_gss(struct kd_bytes body, uint8_t *ret_service)
{
    struct kd_cur c = kd_cur_of(body);
    (void)kd_cur_be32(&c); /* version */
    uint32_t procedure = kd_cur_be32(&c);
    (void)kd_cur_be32(&c); /* sequence */
    *ret_service = (uint8_t)kd_cur_be32(&c);
    return kd_cur_ok(&c) && procedure == GSS_DATA && *ret_service != GSS_PRIVACY;
}

/* ---- calls ---- */

static void show_number(void *arg, uint32_t number)
{
    const struct kd_ctx *ctx = arg;
    kd_inspect_number(ctx, KD_NUM_NFS_PROCEDURE, KD_TO_SERVER, number);
}

static void odd(struct kd_ctx *ctx)
{
    struct nfs_state *st = nfs_state_of(ctx);
    if (!st->told_bad)
        kd_anomaly(ctx, "nfs_bad_call", 0);
    st->told_bad = true;
}

static void show_end(struct kd_ctx *ctx, const struct nfs_call *call)
{
    struct nfs_state *st = nfs_state_of(ctx);
    struct nfs_room room;
    struct kd_rec_nfs rec;
    if (call != NULL) {
        nfs_describe(ctx, call, NULL, &room, &rec);
        st->present = &rec;
    }
    kd_inspect_end(ctx, KD_TO_SERVER, KD_INSPECT_ALL);
    st->present = NULL;
}

static const void *present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    (void)dir;
    *ret_type = KD_REC_NFS;
    return nfs_state_of(ctx)->present;
}

static void on_call(struct kd_ctx *ctx, uint32_t xid, struct kd_cur *c)
{
    struct nfs_asked asked = {.op = NFS_OTHER, .procedure = "UNKNOWN"};
    struct nfs_who who = {0};
    uint8_t service = 0;
    uint32_t flavor = 0;
    (void)kd_cur_be32(c);
    uint32_t program = kd_cur_be32(c), version = kd_cur_be32(c), procedure = kd_cur_be32(c);
    struct kd_bytes credential = take_auth(c, &who.auth);
    (void)take_auth(c, &flavor);
    if (!kd_cur_ok(c) || program != NFS_PROGRAM || version < 2 || version > 4)
        return;
    if (who.auth == NFS_AUTH_UNIX)
        read_unix(credential, &who);
    bool readable = who.auth != NFS_AUTH_GSS || read_gss(credential, &service);
    if (who.auth == NFS_AUTH_GSS && service == GSS_INTEGRITY)
        (void)kd_cur_be64(c); /* length, sequence */
    kd_inspect_number(ctx, KD_NUM_NFS_VERSION, KD_TO_SERVER, version);
    if (version != 4 || procedure == 0)
        show_number(ctx, procedure);
    bool good = true;
    if (readable && version == 4 && procedure != 0)
        good = nfs_ask_compound(c, &asked, show_number, ctx);
    else if (readable)
        good = nfs_ask((uint8_t)version, version == 4 ? 0 : procedure, c, &asked);
    if (!good)
        odd(ctx);
    struct nfs_call *call = good ? nfs_call_add(ctx, xid, &asked) : NULL;
    if (call != NULL) {
        call->who = who;
        call->version = (uint8_t)version;
        call->number = procedure;
        call->service = service;
        if (asked.writes)
            nfs_content(ctx, KD_TO_SERVER, call, asked.data, asked.data_n);
    }
    if (asked.op != NFS_NULL && kd_wants_any(ctx))
        show_end(ctx, call);
}

static void on_reply(struct kd_ctx *ctx, uint32_t xid, struct kd_cur *c)
{
    struct nfs_answered a = {0};
    uint32_t flavor = 0;
    struct smb_key key = {xid, 0};
    struct nfs_call *call = (struct nfs_call *)smb_table_find(&nfs_state_of(ctx)->calls, key);
    uint32_t state = kd_cur_be32(c);
    if (call == NULL)
        return;
    if (state == ACCEPTED)
        (void)take_auth(c, &flavor);
    bool refused = state != ACCEPTED || kd_cur_be32(c) != 0;
    if (call->service == GSS_INTEGRITY)
        (void)kd_cur_be64(c);
    bool read = !refused && call->service != GSS_PRIVACY && kd_cur_ok(c) &&
                (call->version == 4 ? nfs_answer_compound(call, c, &a) : nfs_answer(call, c, &a));
    if (read && a.reads)
        nfs_content(ctx, KD_TO_CLIENT, call, a.data, a.data_n);
    nfs_call_done(ctx, call, read ? &a : NULL);
}

static void on_message(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct kd_cur c = kd_cur_of(msg);
    uint32_t xid = kd_cur_be32(&c), kind = kd_cur_be32(&c);
    if (kd_cur_ok(&c) && kind == CALL)
        on_call(ctx, xid, &c);
    else if (kd_cur_ok(&c) && kind == REPLY)
        on_reply(ctx, xid, &c);
}

/* ---- cutting ---- */

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen, struct kd_frame *ret)
{
    const struct nfs_stream *s = &nfs_state_of(ctx)->stream[dir];
    struct kd_cur c = kd_cur_of(in);
    (void)seen;
    if (s->left > 0) {
        *ret = (struct kd_frame){.len = s->left, .is_body = true};
        return KD_OK;
    }
    *ret = (struct kd_frame){.len = MARK};
    uint32_t n = kd_cur_be32(&c) & ~MARK_LAST;
    if (!kd_cur_ok(&c))
        return KD_MORE;
    if (n > FRAGMENT_MAX)
        return KD_MALFORMED;
    ret->len = MARK + kd_min_size(n, HELD);
    return KD_OK;
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    if (ctx->conn->proto != TCP) {
        on_message(ctx, msg);
        return KD_OK;
    }
    struct nfs_stream *s = &nfs_state_of(ctx)->stream[dir];
    struct kd_cur c = kd_cur_of(msg);
    uint32_t mark = kd_cur_be32(&c);
    struct kd_bytes held = kd_cur_rest(&c);
    bool continued = s->continues;
    s->left = (mark & ~MARK_LAST) - (uint32_t)held.n;
    s->continues = (mark & MARK_LAST) == 0;
    if (continued) {
        nfs_more(ctx, dir, held, held.n);
        return KD_OK;
    }
    s->data = (struct nfs_data){0};
    on_message(ctx, held);
    return KD_OK;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct nfs_stream *s = &nfs_state_of(ctx)->stream[dir];
    s->left = last ? 0 : s->left - (uint32_t)kd_min_size(piece.n, s->left);
    nfs_more(ctx, dir, piece, piece.n);
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct nfs_stream *s = &nfs_state_of(ctx)->stream[dir];
    nfs_more(ctx, dir, kd_str(""), n);
    s->left -= (uint32_t)kd_min_u64(n, s->left);
    if (s->left == 0)
        s->continues = false;
}

/* After a loss: a mark, and the head of a call or a reply behind it. */
static size_t resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    for (size_t at = 0; at + MARK + CALL_HEAD <= in.n; at++) {
        struct kd_cur c = kd_cur_of(kd_bytes_from(in, at));
        uint32_t mark = kd_cur_be32(&c);
        struct seen s = look(kd_cur_rest(&c));
        if ((mark & MARK_LAST) != 0 && is_mark(mark) && (dir == KD_TO_SERVER ? s.call : s.reply))
            return at;
    }
    return SIZE_MAX;
}

const struct kd_parser kd_parser_nfs = {
    .name = "nfs",
    .summary = "file sharing of Unix (NFS 2, 3 and 4)",
    .app = KD_APP_NFS,
    .over = KD_OVER_TCP | KD_OVER_UDP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct nfs_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = nfs_close,
    .present = present,
};
