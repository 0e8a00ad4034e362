/* SPDX-License-Identifier: Apache-2.0 */
/* Outstations of a plant watched and controlled by DNP3 (IEEE 1815): frames of the link with their check sums,
 * transport segments put together, application messages (object.c). */
#include "proto/dnp3/dnp3.h"

#include "proto/pace.h"

enum { PORT = 20000, START = 0x0564, HEAD = 10, LENGTH_MIN = 5, BLOCK = 16, SUM = 2, FRAME_MAX = 292 };
enum { LINK_DIR = 0x80, LINK_PRI = 0x40, LINK_FCB = 0x20, LINK_FCV = 0x10, LINK_FUNCTION = 15 };
enum { CONFIRMED_DATA = 3, UNCONFIRMED_DATA = 4 };
enum { SEGMENT_FIN = 0x80, SEGMENT_FIR = 0x40, SEGMENT_SEQUENCE = 63, SEGMENT_BYTES = 249, MESSAGE_MAX = 64 * SEGMENT_BYTES };
enum { APP_FIR = 0x80, APP_FIN = 0x40, APP_CON = 0x20, APP_UNS = 0x10, APP_SEQUENCE = 15 };
enum { UNANSWERED_MAX = 32, MEMORY = 1 << 18 };

/* Segments of one direction on their way to a message. */
struct segments {
    struct kd_buf buf;
    uint8_t next; /* sequence number awaited */
    bool open;
    bool lost; /* the next frame has to be found */
};

struct dnp3_state {
    struct segments dir[2];
    uint32_t unanswered;
    struct kd_pace pace;
};

static struct dnp3_state *state_of(const struct kd_ctx *ctx)
{
    return (struct dnp3_state *)ctx->state;
}

/* ---- the link ---- */

/* CRC of DNP: polynomial 0x3d65, least bit first, inverted. */
static uint16_t sum_of(struct kd_bytes b)
{
    enum { POLYNOMIAL = 0xa6bc };
    uint16_t crc = 0;
    for (size_t i = 0; i < b.n; i++) {
        crc = (uint16_t)(crc ^ b.p[i]);
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1);
    }
    return (uint16_t)~crc;
}

static bool sum_fits(struct kd_bytes in, size_t at, size_t n)
{
    struct kd_bytes sum = kd_bytes_from(in, at + n);
    return sum.n >= SUM && (kd_bytes_at(sum, 0) | kd_bytes_at(sum, 1) << 8) == sum_of(kd_bytes_head(kd_bytes_from(in, at), n));
}

static bool head_fits(struct kd_bytes in)
{
    return in.n >= HEAD && kd_bytes_be16(in, 0) == START && in.p[2] >= LENGTH_MIN && sum_fits(in, 0, HEAD - SUM);
}

/* Of a frame by its length byte, with all check sums. */
static size_t frame_bytes(uint8_t length)
{
    size_t data = length - (size_t)LENGTH_MIN;
    return HEAD + data + (data + BLOCK - 1) / BLOCK * SUM;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    static const uint8_t start[] = {START >> 8, START & 0xff};
    if (!kd_bytes_eq(kd_bytes_head(in, 2), kd_bytes_head(kd_bytes_of(start, 2), kd_min_size(in.n, 2))))
        return KD_PROBE_NO;
    if (in.n < HEAD)
        return KD_PROBE_MORE;
    if (!head_fits(in))
        return KD_PROBE_NO;
    bool by_master = (in.p[3] & LINK_DIR) != 0;
    return conn->midstream && by_master != (dir == KD_TO_SERVER) ? KD_PROBE_REVERSED : KD_PROBE_YES;
}

/* Offset of the next frame behind the first byte; in.n when there is none, one less when its first byte may be there. */
static size_t next_start(struct kd_bytes in)
{
    for (size_t i = 1; i < in.n; i++)
        if (in.p[i] == START >> 8 && (i + 1 == in.n || in.p[i + 1] == (START & 0xff)))
            return i;
    return in.n;
}

static enum kd_status dnp3_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen, struct kd_frame *ret)
{
    (void)seen;
    *ret = (struct kd_frame){.len = HEAD};
    if (in.p[0] != START >> 8 || (in.n > 1 && in.p[1] != (START & 0xff))) {
        *ret = (struct kd_frame){.len = next_start(in), .is_body = true};
        return KD_OK;
    }
    if (in.n < HEAD)
        return KD_MORE;
    if (head_fits(in))
        ret->len = frame_bytes(in.p[2]);
    else if (state_of(ctx)->dir[dir].lost)
        *ret = (struct kd_frame){.len = next_start(kd_bytes_head(in, HEAD)), .is_body = true};
    return KD_OK; /* a head that is wrong is a message of its own: its length cannot be believed */
}

/* ---- what is told ---- */

static size_t indication_names(uint16_t bits, struct kd_bytes *names)
{
    static const char *const all[] = {
        "reserved_1", "reserved_2", "config_corrupt", "already_executing", "event_buffer_overflow", "parameter_error",
        "object_unknown", "no_func_code_support", "device_restart", "device_trouble", "local_control", "need_time",
        "class_3_events", "class_2_events", "class_1_events", "all_stations"};
    static const uint8_t order[] = {7, 6, 5, 4, 3, 2, 1, 0}; /* of the bits in either byte, highest first */
    size_t n = 0;
    for (unsigned i = 0; i < KD_COUNT(all); i++)
        if ((bits >> (order[i % 8] + 8 * (i / 8)) & 1) != 0)
            names[n++] = kd_str(all[i]);
    return n;
}

static void tell(struct kd_ctx *ctx, struct kd_bytes frame, const struct dnp3_message *m)
{
    struct kd_bytes names[16];
    uint8_t link = frame.p[3];
    struct kd_rec_dnp3 rec = {
        .kind = kd_str(m->is_response ? "response" : "request"),
        .dir = (link & LINK_DIR) != 0,
        .pri = (link & LINK_PRI) != 0,
        .fcb = (link & LINK_FCB) != 0,
        .fcv = (link & LINK_FCV) != 0,
        .link_function = link & LINK_FUNCTION,
        .dst = (uint16_t)(frame.p[4] | frame.p[5] << 8),
        .src = (uint16_t)(frame.p[6] | frame.p[7] << 8),
        .fir = (m->control & APP_FIR) != 0,
        .fin = (m->control & APP_FIN) != 0,
        .con = (m->control & APP_CON) != 0,
        .uns = (m->control & APP_UNS) != 0,
        .sequence = m->control & APP_SEQUENCE,
        .function = m->function,
        .function_name = kd_str(dnp3_function_name(m->function)),
        .objects = {m->told, m->n_told},
        .complete = m->complete,
        .indicators = {names, indication_names(m->indications, names)},
    };
    if (kd_pace_allows(ctx, &state_of(ctx)->pace))
        kd_emit(ctx, KD_REC_DNP3, &rec);
}

static void show(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg, const struct dnp3_message *m)
{
    kd_inspect(ctx, KD_IN_DNP3_DATA, dir, msg);
    kd_inspect_number(ctx, KD_NUM_DNP3_FUNC, dir, m->function);
    if (m->is_response)
        kd_inspect_number(ctx, KD_NUM_DNP3_IND, dir, m->indications);
    for (unsigned i = 0; m->object != NULL && i < m->n_objects; i++)
        if (i == 0 || m->object[i] != m->object[i - 1])
            kd_inspect_number(ctx, KD_NUM_DNP3_OBJ, dir, m->object[i]);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

/* ---- messages ---- */

/* Is an answer awaited? */
static bool is_answered(uint8_t function)
{
    static const uint8_t silent[] = {DNP3_CONFIRM, DNP3_DIRECT_OPERATE_NR, 8, 10, DNP3_FREEZE_AT_TIME_NR, DNP3_AUTH_ERR};
    for (size_t i = 0; i < KD_COUNT(silent); i++)
        if (silent[i] == function)
            return false;
    return true;
}

static void count_unanswered(struct kd_ctx *ctx, const struct dnp3_message *m)
{
    struct dnp3_state *st = state_of(ctx);
    if (m->is_response)
        st->unanswered = 0;
    else if (is_answered(m->function) && ++st->unanswered == UNANSWERED_MAX + 1)
        kd_anomaly(ctx, "flooded", 0);
}

/* A whole application message; `frame` is the link's that brought its end. */
static void application(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes frame, struct kd_bytes msg)
{
    struct kd_arena mem;
    kd_arena_init(&mem, ctx->pool, MEMORY);
    struct dnp3_message m = {.mem = &mem, .told = kd_arena_alloc(&mem, DNP3_TOLD_MAX * sizeof(*m.told))};
    if (kd_wants_number(ctx, KD_NUM_DNP3_OBJ, dir))
        m.object = kd_arena_alloc(&mem, DNP3_OBJECTS_MAX * sizeof(*m.object));
    dnp3_read(msg, &m);
    tell(ctx, frame, &m);
    if (m.event != NULL)
        kd_anomaly(ctx, m.event, 0);
    count_unanswered(ctx, &m);
    show(ctx, dir, msg, &m);
    kd_arena_done(&mem);
}

static void drop(struct kd_ctx *ctx, struct segments *s)
{
    kd_buf_done(&s->buf, ctx->pool);
    *s = (struct segments){.lost = s->lost};
}

/* User data of a frame: a segment. */
static void segment(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes frame, struct kd_bytes data)
{
    struct segments *s = &state_of(ctx)->dir[dir];
    uint8_t head = kd_bytes_at(data, 0), sequence = head & SEGMENT_SEQUENCE;
    struct kd_bytes part = kd_bytes_from(data, 1);
    if (head & SEGMENT_FIR) {
        drop(ctx, s);
        s->open = true;
    } else if (!s->open || sequence != s->next) {
        drop(ctx, s);
        return;
    }
    s->next = (sequence + 1) & SEGMENT_SEQUENCE;
    if ((head & SEGMENT_FIR) && (head & SEGMENT_FIN)) { /* the usual case: no copy */
        application(ctx, dir, frame, part);
        drop(ctx, s);
        return;
    }
    if (s->buf.n + part.n > MESSAGE_MAX) {
        kd_anomaly(ctx, "too_long_reassembly", 0);
        drop(ctx, s);
    } else if (!kd_buf_add(&s->buf, ctx->pool, part, MESSAGE_MAX)) {
        drop(ctx, s);
    } else if (head & SEGMENT_FIN) {
        application(ctx, dir, frame, kd_buf_view(&s->buf));
        drop(ctx, s);
    }
}

/* User data without its check sums; false: one of them is wrong. */
static bool user_data(struct kd_bytes frame, struct kd_out *o)
{
    size_t left = frame.p[2] - (size_t)LENGTH_MIN;
    for (size_t at = HEAD; left > 0; at += BLOCK + SUM) {
        size_t n = kd_min_size(left, BLOCK);
        if (!sum_fits(frame, at, n))
            return false;
        kd_out_bytes(o, kd_bytes_head(kd_bytes_from(frame, at), n));
        left -= n;
    }
    return true;
}

static enum kd_status dnp3_message_in(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    uint8_t room[UINT8_MAX];
    struct kd_out data = kd_out_of(room, sizeof(room));
    if (!head_fits(msg)) {
        bool small = msg.n >= HEAD && msg.p[2] < LENGTH_MIN && sum_fits(msg, 0, HEAD - SUM);
        kd_anomaly(ctx, small ? "len_too_small" : "bad_link_crc", 0);
        return KD_OK;
    }
    state_of(ctx)->dir[dir].lost = false;
    uint8_t function = msg.p[3] & LINK_FUNCTION;
    if ((msg.p[3] & LINK_PRI) == 0 || (function != CONFIRMED_DATA && function != UNCONFIRMED_DATA))
        return KD_OK; /* the link's own affairs */
    if (!user_data(msg, &data))
        kd_anomaly(ctx, "bad_transport_crc", HEAD);
    else if (data.n < 2)
        kd_anomaly(ctx, "len_too_small", 2);
    else
        segment(ctx, dir, msg, kd_out_bytes_view(&data));
    return KD_OK;
}

static enum kd_status dnp3_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    (void)ctx, (void)dir, (void)piece, (void)last;
    return KD_OK; /* between frames */
}

static void dnp3_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    (void)n;
    drop(ctx, &state_of(ctx)->dir[dir]);
    state_of(ctx)->dir[dir].lost = true;
}

static size_t dnp3_resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx, (void)dir, (void)in;
    return 0; /* frame() looks for it */
}

static void dnp3_close(struct kd_ctx *ctx)
{
    drop(ctx, &state_of(ctx)->dir[KD_TO_SERVER]);
    drop(ctx, &state_of(ctx)->dir[KD_TO_CLIENT]);
}

const struct kd_parser kd_parser_dnp3 = {
    .name = "dnp3",
    .summary = "outstations of a plant (DNP3)",
    .app = KD_APP_DNP3,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = FRAME_MAX,
    .state_bytes = sizeof(struct dnp3_state),
    .probe = probe,
    .frame = dnp3_frame,
    .message = dnp3_message_in,
    .body = dnp3_body,
    .gap = dnp3_gap,
    .resync = dnp3_resync,
    .close = dnp3_close,
};
