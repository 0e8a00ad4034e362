/* SPDX-License-Identifier: Apache-2.0 */
/* SMB over TCP, directly ([MS-SMB2] 2.1) or in NetBIOS sessions (RFC 1002 4.3): cuts the stream
 * into commands, lets file content pass by, finds its place again after a loss. */
#include "proto/smb/smb.h"

enum {
    MAX_MESSAGE = 65536,
    MESSAGE_LARGEST = 1 << 24, /* of a NetBIOS message, so of what it was before compression */
    COMPRESSION_LAST = 5,      /* LZ4 */
    SYNC_BYTES = 10,           /* NetBIOS head, and of the SMB2 header what is always the same */
    NBSS_SESSION = 0x00,
    NBSS_REQUEST = 0x81,
    NBSS_POSITIVE = 0x82,
    NBSS_NEGATIVE = 0x83,
    NBSS_RETARGET = 0x84,
    NBSS_KEEPALIVE = 0x85,
    NBSS_CONTROL_MAX = 512,
    NBSS_REQUEST_BYTES = 68,
    SMB1_FLAG_REPLY = 0x80
};

enum magic { MAGIC_NONE, MAGIC_SMB1, MAGIC_SMB2, MAGIC_TRANSFORM, MAGIC_COMPRESSION };

static enum magic magic_of(struct kd_bytes b)
{
    struct kd_cur c = kd_cur_of(b);
    switch (kd_cur_be32(&c)) {
    case 0xff534d42:
        return MAGIC_SMB1;
    case 0xfe534d42:
        return MAGIC_SMB2;
    case 0xfd534d42:
        return MAGIC_TRANSFORM;
    case 0xfc534d42:
        return MAGIC_COMPRESSION;
    default:
        return MAGIC_NONE;
    }
}

struct smb_memory smb_memory_of(const struct kd_ctx *ctx)
{
    return (struct smb_memory){ctx->pool, &smb_state_of(ctx)->used, ctx->lim->flow_bytes};
}

void smb_odd(const struct kd_ctx *ctx, enum smb_oddity what)
{
    static const char *const names[SMB_ODDITIES] = {
        [SMB_ODD_HEADER] = "malformed_data",
        [SMB_ODD_NEXT] = "record_overflow",
        [SMB_ODD_BODY] = "smb_bad_body",
        [SMB_ODD_TOKEN] = "malformed_ntlmssp_request",
        [SMB_ODD_COMPRESSED] = "smb_compressed",
        [SMB_ODD_DECOMPRESSED] = "smb_compression_overflow",
        [SMB_ODD_COMPRESSION] = "smb_bad_compression",
        [SMB_ODD_TYPE] = "smb1_transaction_type",
        [SMB_ODD_OVERRUN] = "smb1_transaction_overrun",
        [SMB_ODD_SETUP] = "smb1_session_setup_subcommand",
        [SMB_ODD_MULTIPLEX] = "smb1_multiplex_changed",
    };
    struct smb_state *st = smb_state_of(ctx);
    if (st->told & 1u << what)
        return;
    st->told |= 1u << what;
    kd_anomaly(ctx, names[what], 0);
}

/* How a NetBIOS message continues: its next unit (a command of a compound, or all), and how much of
 * the unit is held for message(); the rest is body. */
struct cut {
    uint32_t unit;
    uint32_t held;
    bool bad_next;
};

/* Answers that carry bulk nobody here reads, by command: bytes behind the header worth holding. */
static uint32_t held_of_command(uint16_t command, bool response, uint32_t limit)
{
    if (!response)
        return command == SMB2_WRITE ? SMB2_WRITE_REQUEST : limit;
    switch (command) {
    case SMB2_READ:
        return SMB2_READ_ANSWER;
    case SMB2_QUERY_DIRECTORY:
    case SMB2_QUERY_INFO:
    case SMB2_CHANGE_NOTIFY:
        return 8;
    case SMB2_IOCTL:
        return SMB2_IOCTL_ANSWER;
    default:
        return limit;
    }
}

static struct cut cut_smb2(struct kd_bytes b, uint32_t left, uint32_t limit)
{
    struct cut cut = {.unit = left};
    if (left >= SMB2_HEADER) {
        struct kd_cur c = kd_cur_of(b);
        (void)kd_cur_take(&c, 12);
        uint16_t command = kd_cur_le16(&c);
        (void)kd_cur_le16(&c); /* credits */
        bool response = (kd_cur_le32(&c) & SMB2_FLAG_RESPONSE) != 0;
        uint32_t next = kd_cur_le32(&c);
        cut.bad_next = next != 0 && (next < SMB2_HEADER || next > left || next % 8 != 0);
        if (next != 0 && !cut.bad_next)
            cut.unit = next;
        uint32_t held = held_of_command(command, response, limit - SMB2_HEADER);
        limit = SMB2_HEADER + (uint32_t)kd_min_u64(held, limit - SMB2_HEADER);
    }
    cut.held = (uint32_t)kd_min_u64(cut.unit, limit);
    return cut;
}

enum { CUT_BYTES = 36 }; /* of the unit's start decide the cut */

/* `b` starts at the unit and has at least min(left, CUT_BYTES) bytes. */
static bool cut_unit(const struct kd_ctx *ctx, struct kd_bytes b, uint32_t left, struct cut *ret)
{
    uint32_t limit = (uint32_t)kd_min_u64(ctx->lim->smb_message_bytes, MAX_MESSAGE) - SMB_NBSS;
    *ret = (struct cut){.unit = left};
    switch (magic_of(b)) {
    case MAGIC_SMB2:
        *ret = cut_smb2(b, left, limit);
        return true;
    case MAGIC_SMB1:
        ret->held = (uint32_t)kd_min_u64(left, smb1_held(b, limit));
        return true;
    case MAGIC_TRANSFORM:
        ret->held = (uint32_t)kd_min_u64(left, SMB2_TRANSFORM);
        return true;
    case MAGIC_COMPRESSION:
        ret->held = (uint32_t)kd_min_u64(left, SMB2_COMPRESSION);
        return true;
    default:
        return false;
    }
}

/* ---- finding a message in the middle of a stream ---- */

/* Is the part of `want` that `in` is long enough for there? */
static bool agrees(struct kd_bytes in, struct kd_bytes want)
{
    return kd_bytes_eq(kd_bytes_head(in, want.n), kd_bytes_head(want, in.n));
}

/* What a message may begin with behind its NetBIOS head, and how long it is at least. */
static const struct {
    uint8_t start[6];
    uint8_t n;
    uint8_t least;
} starts[] = {
    {{0xfe, 'S', 'M', 'B', SMB2_HEADER, 0}, 6, SMB2_HEADER},
    {{0xfd, 'S', 'M', 'B'}, 4, SMB2_TRANSFORM},
    {{0xfc, 'S', 'M', 'B'}, 4, SMB2_COMPRESSION},
    {{0xff, 'S', 'M', 'B'}, 4, SMB1_HEADER},
};

/* Could an SMB message begin here?  `b` may be short: then the part that is there decides. */
static bool may_start(struct kd_bytes b)
{
    struct kd_cur c = kd_cur_of(b);
    if (kd_cur_u8(&c) != NBSS_SESSION)
        return false;
    uint32_t len = kd_cur_be24(&c);
    if (!kd_cur_ok(&c))
        return true;
    struct kd_bytes unit = kd_bytes_from(b, SMB_NBSS);
    for (size_t i = 0; i < KD_COUNT(starts); i++)
        if (agrees(unit, kd_bytes_of(starts[i].start, starts[i].n)) && len >= starts[i].least)
            return true; /* cut short it may agree with several */
    return false;
}

/* Offset of the first place where a message may begin, or in.n. */
static size_t find_start(struct kd_bytes in)
{
    size_t at = 0;
    while (at < in.n && !may_start(kd_bytes_from(in, at))) {
        size_t step = kd_bytes_find_byte(kd_bytes_from(in, at + 1), NBSS_SESSION);
        if (step == SIZE_MAX)
            return in.n;
        at += 1 + step;
    }
    return at;
}

/* ---- probe ---- */

static enum kd_probe seen_as(bool response, enum kd_dir dir)
{
    return response == (dir == KD_TO_CLIENT) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

static bool is_smb_port(uint16_t port)
{
    return port == 445 || port == 139;
}

/* Session request and its answers, which carry no magic: believed on the ports where they belong.
 */
static enum kd_probe probe_control(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    static const uint8_t request[] = {NBSS_REQUEST, 0, 0, NBSS_REQUEST_BYTES, 32};
    static const uint8_t positive[] = {NBSS_POSITIVE, 0, 0, 0};
    if (!is_smb_port(conn->server_port) && !is_smb_port(conn->client_port))
        return KD_PROBE_NO;
    if (agrees(in, kd_bytes_of(request, sizeof(request))))
        return in.n < sizeof(request) ? KD_PROBE_MORE : seen_as(false, dir);
    if (agrees(in, kd_bytes_of(positive, sizeof(positive))))
        return in.n < sizeof(positive) ? KD_PROBE_MORE : seen_as(true, dir);
    return KD_PROBE_NO;
}

static enum kd_probe probe_direction(struct kd_bytes unit, size_t flags_at, uint8_t response,
                                     enum kd_dir dir)
{
    struct kd_cur c = kd_cur_of(kd_bytes_from(unit, flags_at));
    uint8_t flags = kd_cur_u8(&c);
    return kd_cur_ok(&c) ? seen_as((flags & response) != 0, dir) : KD_PROBE_MORE;
}

static enum kd_probe probe_start(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_cur c = kd_cur_of(in);
    if (kd_cur_u8(&c) != NBSS_SESSION)
        return probe_control(in, dir, conn);
    if (!may_start(in))
        return KD_PROBE_NO;
    struct kd_bytes unit = kd_bytes_from(in, SMB_NBSS);
    switch (magic_of(unit)) {
    case MAGIC_SMB1:
        return probe_direction(unit, 9, SMB1_FLAG_REPLY, dir);
    case MAGIC_SMB2:
        return probe_direction(unit, 16, SMB2_FLAG_RESPONSE, dir);
    case MAGIC_TRANSFORM:
    case MAGIC_COMPRESSION:
        return seen_as(is_smb_port(conn->client_port) && !is_smb_port(conn->server_port), dir);
    default:
        return KD_PROBE_MORE;
    }
}

static enum kd_probe smb_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    if (in.n == 0)
        return KD_PROBE_MORE;
    enum kd_probe found = probe_start(in, dir, conn);
    if (found != KD_PROBE_NO || !conn->midstream)
        return found;
    /* Begun within a message: one that follows is as good, on the ports where SMB lives. */
    if (!is_smb_port(conn->server_port) && !is_smb_port(conn->client_port))
        return KD_PROBE_NO;
    size_t at = find_start(in);
    return at == in.n ? KD_PROBE_MORE : probe_start(kd_bytes_from(in, at), dir, conn);
}

/* ---- cutting ---- */

static bool must_search(const struct kd_ctx *ctx, const struct smb_stream *s)
{
    return s->unsure || (!s->started && ctx->conn->midstream);
}

static enum kd_status frame_search(struct kd_bytes in, struct kd_frame *ret, bool *ret_found)
{
    size_t at = find_start(in);
    *ret_found = at == 0 && in.n >= SYNC_BYTES;
    if (at > 0) {
        ret->len = at;
        ret->is_body = true;
        return KD_OK;
    }
    ret->len = SYNC_BYTES;
    return *ret_found ? KD_OK : KD_MORE;
}

static enum kd_status frame_unit(const struct kd_ctx *ctx, struct kd_bytes in, size_t at,
                                 uint32_t left, struct kd_frame *ret)
{
    size_t need = at + (size_t)kd_min_u64(left, CUT_BYTES);
    if (in.n < need) {
        ret->len = need;
        return KD_MORE;
    }
    struct cut cut;
    if (!cut_unit(ctx, kd_bytes_head(kd_bytes_from(in, at), left), left, &cut)) /* what follows it is not its own */
        return KD_MALFORMED;
    ret->len = at + cut.held;
    return KD_OK;
}

static enum kd_status smb_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                size_t seen, struct kd_frame *ret)
{
    const struct smb_stream *s = &smb_state_of(ctx)->stream[dir];
    (void)seen;
    if (s->body_left > 0) {
        *ret = (struct kd_frame){.len = s->body_left, .is_body = true};
        return KD_OK;
    }
    if (s->left > 0)
        return frame_unit(ctx, in, 0, s->left, ret);
    if (must_search(ctx, s)) {
        bool found = false;
        enum kd_status status = frame_search(in, ret, &found);
        if (!found)
            return status;
    }
    struct kd_cur c = kd_cur_of(in);
    uint8_t type = kd_cur_u8(&c);
    uint32_t len = kd_cur_be24(&c);
    if (!kd_cur_ok(&c)) {
        ret->len = SMB_NBSS;
        return KD_MORE;
    }
    if (type == NBSS_SESSION && len > 0)
        return frame_unit(ctx, in, SMB_NBSS, len, ret);
    if (type != NBSS_SESSION &&
        (type < NBSS_REQUEST || type > NBSS_KEEPALIVE || len > NBSS_CONTROL_MAX))
        return KD_MALFORMED;
    ret->len = SMB_NBSS + len;
    return KD_OK;
}

static void read_compression(const struct kd_ctx *ctx, struct kd_bytes bytes, uint32_t n)
{
    struct kd_cur c = kd_cur_of(bytes);
    (void)kd_cur_be32(&c);
    uint64_t original = kd_cur_le32(&c);
    uint16_t algorithm = kd_cur_le16(&c);
    bool chained = (kd_cur_le16(&c) & 1) != 0;
    uint64_t offset = kd_cur_le32(&c);
    smb_odd(ctx, SMB_ODD_COMPRESSED);
    if (!chained && original + offset > UINT32_MAX)
        smb_odd(ctx, SMB_ODD_DECOMPRESSED);
    if (original > MESSAGE_LARGEST || algorithm > COMPRESSION_LAST ||
        (!chained && offset + SMB2_COMPRESSION > n))
        smb_odd(ctx, SMB_ODD_COMPRESSION);
}

/* The whole, its head and what follows it. */
static const enum kd_frame_kind nbss_kinds[] = {KD_FRAME_SMB_NBSS_PDU, KD_FRAME_SMB_NBSS_HDR, KD_FRAME_SMB_NBSS_DATA};
static const enum kd_frame_kind smb1_kinds[] = {KD_FRAME_SMB1_PDU, KD_FRAME_SMB1_HDR, KD_FRAME_SMB1_DATA};
static const enum kd_frame_kind smb2_kinds[] = {KD_FRAME_SMB2_PDU, KD_FRAME_SMB2_HDR, KD_FRAME_SMB2_DATA};
static const enum kd_frame_kind smb3_kinds[] = {KD_FRAME_SMB3_PDU, KD_FRAME_SMB3_HDR, KD_FRAME_SMB3_DATA};

static void tell_frames(const struct kd_ctx *ctx, enum kd_dir dir, const enum kd_frame_kind kind[3], struct kd_bytes in,
                        size_t head, uint64_t total)
{
    if (!kd_wants_frames(ctx) || in.n < head || total < head)
        return;
    kd_tell_frame(ctx, kind[0], dir, in.p, total);
    kd_tell_frame(ctx, kind[1], dir, in.p, head);
    kd_tell_frame(ctx, kind[2], dir, in.p + head, total - head);
}

static enum kd_status smb_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct smb_stream *s = &smb_state_of(ctx)->stream[dir];
    struct kd_cur c = kd_cur_of(msg);
    if (s->left == 0) {
        uint8_t type = kd_cur_u8(&c);
        uint32_t len = kd_cur_be24(&c);
        s->started = true;
        s->unsure = false;
        tell_frames(ctx, dir, nbss_kinds, msg, SMB_NBSS, SMB_NBSS + (uint64_t)len);
        if (type != NBSS_SESSION || len == 0)
            return KD_OK;
        s->left = len;
    }
    struct kd_bytes unit = kd_cur_rest(&c);
    struct cut cut;
    if (!cut_unit(ctx, unit, s->left, &cut))
        return KD_MALFORMED;
    s->left -= cut.unit;
    s->body_left = cut.unit - cut.held;
    s->data = (struct smb_data){0};
    if (cut.bad_next)
        smb_odd(ctx, SMB_ODD_NEXT);
    switch (magic_of(unit)) {
    case MAGIC_SMB2:
        tell_frames(ctx, dir, smb2_kinds, unit, SMB2_HEADER, cut.unit);
        smb2_message(ctx, dir, unit);
        break;
    case MAGIC_SMB1:
        tell_frames(ctx, dir, smb1_kinds, unit, SMB1_HEADER, cut.unit);
        smb1_message(ctx, dir, unit);
        break;
    case MAGIC_TRANSFORM:
        tell_frames(ctx, dir, smb3_kinds, unit, SMB2_TRANSFORM, cut.unit);
        smb2_transform(ctx, unit, cut.unit);
        break;
    default:
        read_compression(ctx, unit, cut.unit);
        break;
    }
    return KD_OK;
}

/* n bytes of the body went by: seen, or (`seen` empty) lost. */
static void pass(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes seen, uint64_t n)
{
    struct smb_stream *s = &smb_state_of(ctx)->stream[dir];
    struct smb_data *data = &s->data;
    n = kd_min_u64(n, s->body_left);
    s->body_left -= (uint32_t)n;
    uint32_t skip = (uint32_t)kd_min_u64(n, data->skip);
    data->skip -= skip;
    uint32_t content = (uint32_t)kd_min_u64(n - skip, data->left);
    if (content == 0)
        return;
    data->left -= content;
    smb_file_data(ctx, dir, data, kd_bytes_head(kd_bytes_from(seen, skip), content), content);
    data->offset += content;
}

static enum kd_status smb_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece,
                               bool last)
{
    (void)last;
    pass(ctx, dir, piece, piece.n);
    return KD_OK;
}

static void smb_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct smb_stream *s = &smb_state_of(ctx)->stream[dir];
    if (n <= s->body_left) {
        pass(ctx, dir, (struct kd_bytes){NULL, 0}, n);
        return;
    }
    s->left = 0;
    s->body_left = 0;
    s->unsure = true;
}

/* frame() does the search, as it alone may wait for more of the stream. */
static size_t smb_resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

const struct kd_parser kd_parser_smb = {
    .name = "smb",
    .summary = "SMB 1, 2 and 3 file sharing, with its logons",
    .app = KD_APP_SMB,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){445, 139, 0},
    .max_message = MAX_MESSAGE,
    .state_bytes = sizeof(struct smb_state),
    .probe = smb_probe,
    .frame = smb_frame,
    .message = smb_message,
    .body = smb_body,
    .gap = smb_gap,
    .resync = smb_resync,
    .close = smb2_close,
};
