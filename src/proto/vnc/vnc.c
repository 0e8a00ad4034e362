/* SPDX-License-Identifier: Apache-2.0 */
/* Shared screens (RFB, RFC 6143): versions, how the logon went, and what is shown.  The screen itself goes by. */
#include "proto/parser.h"

enum { VERSION_BYTES = 12, VERSION_AT = 4, PROOF_BYTES = 16, RESULT_BYTES = 4, REASON_MAX = 512 };
enum { SCREEN_BYTES = 24, NAME_MAX = 512 };

/* What comes next in a direction. */
enum phase { VERSION, SECURITY, CHOICE, CHALLENGE, PROOF, RESULT, REASON, INIT, SCREEN, PASSING };

/* Security types (RFC 6143 7.1.2, and those in use). */
enum { TYPE_FAILED = 0, TYPE_NONE = 1, TYPE_VNC = 2 };

struct vnc_state {
    uint8_t phase[2]; /* enum phase */
    uint16_t minor;   /* 3, 7 or 8 */
    uint8_t type;
    bool chosen, told, recorded;
    bool has_challenge, has_proof, has_result, has_shared, shared;
    uint8_t version[2][VERSION_BYTES]; /* as said */
    uint8_t challenge[PROOF_BYTES], proof[PROOF_BYTES];
    uint32_t result;
};

static struct vnc_state *state_of(const struct kd_ctx *ctx)
{
    return (struct vnc_state *)ctx->state;
}

static enum kd_probe vnc_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    static const char form[] = "RFB 000.000\n";
    (void)dir; /* both begin alike */
    (void)conn;
    for (size_t i = 0; i < in.n && i < VERSION_BYTES; i++) {
        bool digit = in.p[i] >= '0' && in.p[i] <= '9';
        if (form[i] == '0' ? !digit : in.p[i] != (uint8_t)form[i])
            return KD_PROBE_NO;
    }
    return in.n >= VERSION_BYTES ? KD_PROBE_YES : KD_PROBE_MORE;
}

static const char *type_name(uint8_t type)
{
    switch (type) {
    case TYPE_NONE:
        return "none";
    case TYPE_VNC:
        return "vnc";
    case 5:
    case 6:
    case 129:
    case 130:
        return "rsa-aes";
    case 16:
        return "tight";
    case 17:
    case 113:
        return "ultra";
    case 18:
        return "tls";
    case 19:
        return "vencrypt";
    case 20:
        return "sasl";
    case 30:
        return "apple";
    default:
        return "other";
    }
}

static void tell(struct kd_ctx *ctx, const char *result, struct kd_bytes reason)
{
    struct vnc_state *st = state_of(ctx);
    if (st->told)
        return;
    st->told = true;
    struct kd_rec_login rec = {
        .method = kd_str(type_name(st->type)),
        .service = kd_str("vnc"),
        .result = kd_str(result),
        .reason = reason,
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

static struct kd_bytes version_part(const struct vnc_state *st, enum kd_dir dir, size_t at)
{
    const uint8_t *v = st->version[dir];
    return v[0] == 0 ? kd_str("") : kd_bytes_of(v + VERSION_AT + at, 3);
}

/* The beginning as a whole, once; `screen`: NULL when it was not seen. */
static void record(struct kd_ctx *ctx, const struct kd_rfb_screen *screen, struct kd_bytes reason)
{
    enum { FAIL = 1, TOO_MANY = 2 };
    struct vnc_state *st = state_of(ctx);
    struct kd_flag shared = {st->shared};
    if (st->recorded)
        return;
    st->recorded = true;
    struct kd_rec_rfb rec = {
        .server_major = version_part(st, KD_TO_CLIENT, 0),
        .server_minor = version_part(st, KD_TO_CLIENT, 4),
        .client_major = version_part(st, KD_TO_SERVER, 0),
        .client_minor = version_part(st, KD_TO_SERVER, 4),
        .security_type = st->type,
        .challenge = kd_bytes_of(st->challenge, st->has_challenge ? PROOF_BYTES : 0),
        .proof = kd_bytes_of(st->proof, st->has_proof ? PROOF_BYTES : 0),
        .result = kd_str(!st->has_result            ? ""
                         : st->result == 0        ? "OK"
                         : st->result == FAIL     ? "FAIL"
                         : st->result == TOO_MANY ? "TOOMANY"
                                                  : "UNKNOWN"),
        .reason = reason,
        .shared = {&shared, st->has_shared},
        .screen = {screen, screen != NULL},
    };
    kd_emit(ctx, KD_REC_RFB, &rec);
}

static void pass_all(struct kd_ctx *ctx)
{
    struct vnc_state *st = state_of(ctx);
    st->phase[0] = st->phase[1] = PASSING;
    if (st->chosen)
        record(ctx, NULL, kd_str(""));
}

/* Let in: the client says whether others may stay, the server what it shows (RFC 6143 7.3). */
static void begin_init(struct vnc_state *st)
{
    st->phase[KD_TO_SERVER] = INIT;
    st->phase[KD_TO_CLIENT] = SCREEN;
}

/* How much the message before it needs; 0: not that phase. */
static size_t bytes_of(const struct vnc_state *st, enum phase phase, struct kd_bytes in)
{
    switch (phase) {
    case VERSION:
        return VERSION_BYTES;
    case SECURITY:
        return st->minor < 7 ? 4 : 1 + (size_t)kd_bytes_at(in, 0);
    case CHOICE:
        return 1;
    case CHALLENGE:
    case PROOF:
        return PROOF_BYTES;
    case RESULT:
        return RESULT_BYTES;
    case REASON: {
        struct kd_cur c = kd_cur_of(in);
        uint32_t n = kd_cur_be32(&c);
        return 4 + (size_t)kd_min_u64(n, REASON_MAX);
    }
    case INIT:
        return 1;
    case SCREEN: {
        struct kd_cur c = kd_cur_of(kd_bytes_from(in, SCREEN_BYTES - 4));
        uint32_t n = kd_cur_be32(&c);
        return SCREEN_BYTES + (size_t)kd_min_u64(n, NAME_MAX);
    }
    default:
        return 0;
    }
}

static enum kd_status vnc_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                size_t seen, struct kd_frame *ret)
{
    const struct vnc_state *st = state_of(ctx);
    (void)seen;
    size_t n = bytes_of(st, (enum phase)st->phase[dir], in);
    if (n == 0) {
        *ret = (struct kd_frame){.len = in.n, .is_body = true};
        return KD_OK;
    }
    ret->len = n;
    size_t least = st->phase[dir] == REASON ? 4 : st->phase[dir] == SCREEN ? SCREEN_BYTES : 0;
    if (in.n < least) {
        ret->len = least;
        return KD_MORE;
    }
    return KD_OK;
}

static void on_version(struct vnc_state *st, enum kd_dir dir, struct kd_bytes msg)
{
    struct kd_cur c = kd_cur_of(kd_bytes_from(msg, 8));
    uint16_t minor = 0;
    memcpy(st->version[dir], msg.p, VERSION_BYTES);
    for (unsigned i = 0; i < 3; i++)
        minor = (uint16_t)(minor * 10 + (kd_cur_u8(&c) - '0'));
    bool newer = kd_bytes_at(msg, 6) > '3'; /* 4.x: speaks 3.8 */
    minor = minor >= 8 || newer ? 8 : minor == 7 ? 7 : 3;
    /* The lower of both counts (RFC 6143 7.1.1). */
    if (st->minor == 0 || minor < st->minor)
        st->minor = minor;
    if (dir == KD_TO_CLIENT)
        st->phase[dir] = SECURITY;
    else
        st->phase[dir] = st->minor < 7 ? PROOF : CHOICE;
}

/* The way is known: what follows? */
static void on_type(struct kd_ctx *ctx, uint8_t type)
{
    struct vnc_state *st = state_of(ctx);
    st->type = type;
    st->chosen = true;
    if (type == TYPE_VNC) {
        st->phase[KD_TO_CLIENT] = CHALLENGE;
        st->phase[KD_TO_SERVER] = PROOF;
    } else if (type == TYPE_NONE && st->minor == 8) {
        st->phase[KD_TO_CLIENT] = RESULT;
        st->phase[KD_TO_SERVER] = INIT;
    } else if (type == TYPE_NONE) {
        tell(ctx, "success", kd_str(""));
        begin_init(st);
    } else {
        tell(ctx, "unknown", kd_str(""));
        kd_anomaly(ctx, "unimplemented_security_type", 0);
        pass_all(ctx);
    }
}

static void on_security(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct vnc_state *st = state_of(ctx);
    struct kd_cur c = kd_cur_of(msg);
    if (st->minor >= 7) {
        if (kd_cur_u8(&c) == 0)
            st->phase[KD_TO_CLIENT] = REASON;
        return; /* the client chooses */
    }
    uint32_t type = kd_cur_be32(&c);
    if (type == TYPE_FAILED)
        st->phase[KD_TO_CLIENT] = REASON;
    else
        on_type(ctx, (uint8_t)kd_min_u64(type, 255));
}

static void on_result(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct vnc_state *st = state_of(ctx);
    struct kd_cur c = kd_cur_of(msg);
    uint32_t result = kd_cur_be32(&c);
    st->result = result;
    st->has_result = true;
    kd_inspect_number(ctx, KD_NUM_RFB_SECTYPE, KD_TO_CLIENT, st->type);
    kd_inspect_number(ctx, KD_NUM_RFB_SECRESULT, KD_TO_CLIENT, result);
    kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
    if (result != 0 && st->minor == 8) {
        st->phase[KD_TO_CLIENT] = REASON;
        return;
    }
    tell(ctx, result == 0 ? "success" : "failure", kd_str(""));
    if (result == 0)
        st->phase[KD_TO_CLIENT] = SCREEN;
    else
        pass_all(ctx);
}

static void on_screen(struct kd_ctx *ctx, struct kd_bytes msg)
{
    enum { PADDING = 3 };
    struct kd_cur c = kd_cur_of(msg);
    struct kd_rfb_screen s = {.width = kd_cur_be16(&c)};
    s.height = kd_cur_be16(&c);
    s.bits = kd_cur_u8(&c);
    s.depth = kd_cur_u8(&c);
    s.big_endian = kd_cur_u8(&c) != 0;
    s.true_color = kd_cur_u8(&c) != 0;
    s.red_max = kd_cur_be16(&c);
    s.green_max = kd_cur_be16(&c);
    s.blue_max = kd_cur_be16(&c);
    s.red_shift = kd_cur_u8(&c);
    s.green_shift = kd_cur_u8(&c);
    s.blue_shift = kd_cur_u8(&c);
    (void)kd_cur_take(&c, PADDING);
    (void)kd_cur_be32(&c);
    s.name = kd_cur_take(&c, kd_cur_left(&c));
    kd_inspect(ctx, KD_IN_RFB_NAME, KD_TO_CLIENT, s.name);
    kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
    record(ctx, &s, kd_str(""));
    pass_all(ctx);
}

static enum kd_status vnc_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct vnc_state *st = state_of(ctx);
    kd_tell_frame(ctx, KD_FRAME_RFB_PDU, dir, msg.p, msg.n);
    switch (st->phase[dir]) {
    case VERSION:
        if (vnc_probe(msg, dir, ctx->conn) != KD_PROBE_YES)
            return KD_MALFORMED;
        on_version(st, dir, msg);
        break;
    case SECURITY:
        on_security(ctx, msg);
        break;
    case CHOICE:
        on_type(ctx, kd_bytes_at(msg, 0));
        break;
    case CHALLENGE:
        memcpy(st->challenge, msg.p, PROOF_BYTES);
        st->has_challenge = true;
        st->phase[dir] = RESULT;
        break;
    case PROOF:
        memcpy(st->proof, msg.p, PROOF_BYTES);
        st->has_proof = true;
        st->phase[dir] = INIT;
        break;
    case INIT:
        st->shared = kd_bytes_at(msg, 0) != 0;
        st->has_shared = true;
        st->phase[dir] = PASSING;
        break;
    case SCREEN:
        on_screen(ctx, msg);
        break;
    case RESULT:
        on_result(ctx, msg);
        break;
    default: /* REASON */
        tell(ctx, "failure", kd_bytes_head(kd_bytes_from(msg, 4), REASON_MAX));
        record(ctx, NULL, kd_bytes_head(kd_bytes_from(msg, 4), REASON_MAX));
        pass_all(ctx);
        break;
    }
    return KD_OK;
}

static void vnc_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    (void)dir;
    (void)n;
    pass_all(ctx);
}

static size_t vnc_resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static void vnc_close(struct kd_ctx *ctx)
{
    const struct vnc_state *st = state_of(ctx);
    if (!st->chosen)
        return;                                       /* nobody tried */
    bool refused = st->phase[KD_TO_CLIENT] == REASON; /* the reason did not come */
    tell(ctx, refused ? "failure" : "unknown", kd_str(""));
    record(ctx, NULL, kd_str(""));
}

const struct kd_parser kd_parser_vnc = {
    .name = "vnc",
    .summary = "shared screens (VNC): how the logon went, and what is shown",
    .app = KD_APP_RFB,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){5900, 5901, 0},
    .max_message = SCREEN_BYTES + NAME_MAX,
    .state_bytes = sizeof(struct vnc_state),
    .probe = vnc_probe,
    .frame = vnc_frame,
    .message = vnc_message,
    .gap = vnc_gap,
    .resync = vnc_resync,
    .close = vnc_close,
};
