/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations asked of a proxy: SOCKS 4 and 4a, and 5 (RFC 1928, RFC 1929).  What it then carries
 * is read as if it came alone. */
#include "base/charset.h"
#include "proto/tunnel.h"

enum { PORT = 1080, MESSAGE_MAX = 1024, USER_MAX = 64, HOST_MAX = 255 };
enum { VERSION_4 = 4, VERSION_5 = 5, NAME_WITHIN = 0, TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4 };
enum { METHOD_NONE = 0, METHOD_GSSAPI = 1, METHOD_PASSWORD = 2, METHOD_REFUSED = 0xff };
enum { GRANTED_4 = 90, GRANTED_5 = 0, AUTH_VERSION = 1 };

/* What comes next from a side. */
enum phase { GREETING, METHOD, USER, USER_ANSWER, REQUEST, ANSWER, PASSING, CARRIED };

struct socks_state {
    uint8_t phase[2]; /* enum phase */
    uint8_t version, command, method;
    bool named, asked, told, login_due;
    uint8_t user_n, host_n;
    uint16_t port;
    struct kd_addr address;
    uint8_t user[USER_MAX], host[HOST_MAX];
    struct kd_tunnel carried;
};

static struct socks_state *state_of(const struct kd_ctx *ctx)
{
    return (struct socks_state *)ctx->state;
}

/* ---- recognition ---- */

static bool is_port_wanted(const struct kd_conn *conn)
{
    return conn->server_port == PORT || conn->client_port == PORT;
}

/* One to a few ways to say who one is; on other ports only those in use count. */
static enum kd_probe probe_5(struct kd_bytes in, const struct kd_conn *conn)
{
    uint8_t n = kd_bytes_at(in, 1);
    if (in.n >= 2 && (n == 0 || n > 10))
        return KD_PROBE_NO;
    for (size_t i = 2; i < in.n && i < 2 + (size_t)n; i++)
        if (in.p[i] > METHOD_PASSWORD && !is_port_wanted(conn))
            return KD_PROBE_NO;
    if (in.n < 2 || in.n < 2 + (size_t)n)
        return KD_PROBE_MORE;
    struct kd_bytes next = kd_bytes_from(in, 2 + (size_t)n);
    static const uint8_t request[] = {VERSION_5, 1, 0}; /* of who does not wait for the answer */
    struct kd_bytes head = kd_bytes_head(kd_bytes_of(request, sizeof(request)), next.n);
    return kd_bytes_starts(next, head) ? KD_PROBE_YES : KD_PROBE_NO;
}

static enum kd_probe probe_4(struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(kd_bytes_from(in, 1));
    uint8_t command = kd_cur_u8(&c);
    uint16_t port = kd_cur_be16(&c);
    struct kd_bytes address = kd_cur_take(&c, 4);
    if ((in.n > 1 && (command == 0 || command > 2)) || (in.n >= 4 && port == 0))
        return KD_PROBE_NO;
    if (!kd_cur_ok(&c))
        return KD_PROBE_MORE;
    bool within = address.p[0] == 0 && address.p[1] == 0 && address.p[2] == 0;
    struct kd_bytes texts = kd_cur_rest(&c);
    unsigned ends = 0;
    for (size_t i = 0; i < texts.n; i++) {
        ends += texts.p[i] == 0;
        if (texts.p[i] != 0 && (texts.p[i] < ' ' || texts.p[i] > '~'))
            return KD_PROBE_NO;
    }
    if (ends < (within ? 2u : 1u))
        return texts.n < HOST_MAX + USER_MAX ? KD_PROBE_MORE : KD_PROBE_NO;
    bool all = ends == (within ? 2u : 1u) && texts.p[texts.n - 1] == 0;
    return all && (within || address.p[0] < 224) ? KD_PROBE_YES : KD_PROBE_NO;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    uint8_t version = kd_bytes_at(in, 0);
    enum kd_probe found = KD_PROBE_NO;
    if (in.n > 0 && version == VERSION_5)
        found = probe_5(in, conn);
    else if (in.n > 0 && version == VERSION_4)
        found = probe_4(in);
    /* A proxy's answer has the same form as a client's beginning: only a client begins. */
    return dir == KD_TO_SERVER ? found : KD_PROBE_NO;
}

/* ---- what is told ---- */

static const char *method_name(const struct socks_state *st)
{
    if (st->version == VERSION_4)
        return st->user_n > 0 ? "user" : "none";
    switch (st->method) {
    case METHOD_NONE:
        return "none";
    case METHOD_GSSAPI:
        return "gssapi";
    case METHOD_PASSWORD:
        return "password";
    case METHOD_REFUSED:
        return "refused";
    default:
        return "other";
    }
}

static const char *command_name(uint8_t command)
{
    static const char *const names[] = {"", "connect", "bind", "associate"};
    return command < KD_COUNT(names) ? names[command] : "other";
}

static const char *result_name(const struct socks_state *st, uint8_t code)
{
    static const char *const names[] = {
        "granted",
        "general failure",
        "not allowed",
        "network unreachable",
        "host unreachable",
        "refused",
        "time to live expired",
        "command not supported",
        "address not supported",
    };
    if (st->version == VERSION_5)
        return code < KD_COUNT(names) ? names[code] : "other";
    switch (code) {
    case GRANTED_4:
        return "granted";
    case 91:
        return "general failure";
    case 92:
    case 93:
        return "user not confirmed";
    default:
        return "other";
    }
}

static void tell(struct kd_ctx *ctx, const char *result, bool answered)
{
    struct socks_state *st = state_of(ctx);
    static const char *const versions[] = {"4", "4a", "5"};
    if (st->told || !st->asked)
        return;
    st->told = true;
    struct kd_rec_socks rec = {
        .version = kd_str(versions[st->version == VERSION_5 ? 2
                                   : st->named              ? 1
                                                            : 0]),
        .command = kd_str(command_name(st->command)),
        .host = kd_bytes_of(st->host, st->host_n),
        .address = st->address,
        .port = st->port,
        .user = kd_bytes_of(st->user, st->user_n),
        .auth = kd_str(method_name(st)),
        .result = kd_str(result),
        .answered = answered,
    };
    kd_emit(ctx, KD_REC_SOCKS, &rec);
}

static void tell_login(struct kd_ctx *ctx, const char *result)
{
    struct socks_state *st = state_of(ctx);
    if (!st->login_due)
        return;
    st->login_due = false;
    struct kd_rec_login rec = {
        .method = kd_str("password"),
        .service = kd_str("socks"),
        .user = kd_bytes_of(st->user, st->user_n),
        .result = kd_str(result),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

static void pass(struct kd_ctx *ctx, enum phase what)
{
    struct socks_state *st = state_of(ctx);
    st->phase[0] = st->phase[1] = (uint8_t)what;
}

/* ---- messages ---- */

static uint8_t keep(uint8_t *to, size_t max, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(to, max);
    kd_charset_guess_to_utf8(kd_bytes_head(text, max), &o);
    return (uint8_t)o.n;
}

static void request_4(struct socks_state *st, struct kd_bytes msg)
{
    struct kd_cur c = kd_cur_of(msg);
    (void)kd_cur_u8(&c);
    st->command = kd_cur_u8(&c);
    st->port = kd_cur_be16(&c);
    struct kd_bytes address = kd_cur_take(&c, 4), rest = kd_cur_rest(&c);
    st->user_n = keep(st->user, sizeof(st->user), kd_bytes_cut(&rest, 0));
    st->named = rest.n > 0;
    if (st->named)
        st->host_n = keep(st->host, sizeof(st->host), kd_bytes_cut(&rest, 0));
    else if (address.n == 4)
        st->address = kd_addr_v4(address.p);
    st->asked = true;
}

static void request_5(struct socks_state *st, struct kd_bytes msg)
{
    struct kd_cur c = kd_cur_of(msg);
    (void)kd_cur_u8(&c);
    st->command = kd_cur_u8(&c);
    (void)kd_cur_u8(&c);
    uint8_t type = kd_cur_u8(&c);
    struct kd_bytes where = kd_cur_take(&c, type == TYPE_V4   ? 4
                                            : type == TYPE_V6 ? 16
                                                              : kd_cur_u8(&c));
    if (type == TYPE_NAME)
        st->host_n = keep(st->host, sizeof(st->host), where);
    else if (where.n == 4)
        st->address = kd_addr_v4(where.p);
    else if (where.n == 16)
        st->address = kd_addr_v6(where.p);
    st->port = kd_cur_be16(&c);
    st->asked = true;
}

static void from_client(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct socks_state *st = state_of(ctx);
    switch (st->phase[KD_TO_SERVER]) {
    case GREETING:
        st->version = kd_bytes_at(msg, 0);
        if (st->version == VERSION_5) {
            st->phase[KD_TO_CLIENT] = METHOD;
            st->phase[KD_TO_SERVER] = REQUEST; /* unless the server wants to know who it is */
            break;
        }
        request_4(st, msg);
        st->phase[KD_TO_SERVER] = CARRIED;
        st->phase[KD_TO_CLIENT] = ANSWER;
        break;
    case USER: {
        struct kd_cur c = kd_cur_of(kd_bytes_from(msg, 1));
        st->user_n = keep(st->user, sizeof(st->user), kd_cur_take(&c, kd_cur_u8(&c)));
        st->login_due = true;
        st->phase[KD_TO_SERVER] = REQUEST;
        break;
    }
    default:
        request_5(st, msg);
        st->phase[KD_TO_SERVER] = CARRIED;
        break;
    }
}

static void from_server(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct socks_state *st = state_of(ctx);
    uint8_t second = kd_bytes_at(msg, 1);
    switch (st->phase[KD_TO_CLIENT]) {
    case METHOD:
        st->method = second;
        st->phase[KD_TO_CLIENT] = ANSWER;
        if (second == METHOD_PASSWORD) {
            st->phase[KD_TO_CLIENT] = USER_ANSWER;
            if (st->phase[KD_TO_SERVER] == REQUEST)
                st->phase[KD_TO_SERVER] = USER;
        } else if (second != METHOD_NONE) { /* refused; or sealed from here on */
            st->asked = second == METHOD_REFUSED;
            tell(ctx, "no acceptable method", true);
            pass(ctx, PASSING);
        }
        break;
    case USER_ANSWER:
        tell_login(ctx, second == 0 ? "success" : "failure");
        st->phase[KD_TO_CLIENT] = ANSWER;
        break;
    default: {
        bool granted = second == (st->version == VERSION_5 ? GRANTED_5 : GRANTED_4);
        tell(ctx, result_name(st, second), true);
        pass(ctx, granted && st->command == 1 ? CARRIED : PASSING);
        break;
    }
    }
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    if (dir == KD_TO_SERVER)
        from_client(ctx, msg);
    else
        from_server(ctx, msg);
    return KD_OK;
}

/* ---- the stream ---- */

/* Length of what is there, of an address as SOCKS 5 writes it from its type on; 0: too short. */
static size_t address_5(struct kd_bytes in)
{
    switch (kd_bytes_at(in, 0)) {
    case TYPE_V4:
        return 1 + 4 + 2;
    case TYPE_V6:
        return 1 + 16 + 2;
    case TYPE_NAME:
        return in.n < 2 ? 0 : 2 + (size_t)in.p[1] + 2;
    default:
        return SIZE_MAX;
    }
}

/* SOCKS 4: two texts, or one, behind eight bytes. */
static size_t request_4_bytes(struct kd_bytes in)
{
    if (in.n < 9)
        return 0;
    bool within = in.p[4] == 0 && in.p[5] == 0 && in.p[6] == 0 && in.p[7] != 0;
    size_t user = kd_bytes_find_byte(kd_bytes_from(in, 8), 0);
    if (user == SIZE_MAX)
        return 0;
    size_t at = 8 + user + 1;
    if (!within)
        return at;
    size_t host = kd_bytes_find_byte(kd_bytes_from(in, at), 0);
    return host == SIZE_MAX ? 0 : at + host + 1;
}

/* How long is the message at the start of `in`?  0: more is needed to know; SIZE_MAX: it is none.
 */
static size_t bytes_of(const struct socks_state *st, enum kd_dir dir, struct kd_bytes in)
{
    uint8_t first = kd_bytes_at(in, 0);
    switch (st->phase[dir]) {
    case GREETING:
        if (dir == KD_TO_CLIENT)
            return SIZE_MAX; /* it waits to be asked */
        if (first == VERSION_4)
            return request_4_bytes(in);
        if (first != VERSION_5)
            return SIZE_MAX;
        return in.n < 2 ? 0 : 2 + (size_t)in.p[1];
    case METHOD:
        return first == VERSION_5 ? 2 : SIZE_MAX;
    case USER: {
        size_t user = kd_bytes_at(in, 1);
        if (first != AUTH_VERSION)
            return SIZE_MAX;
        return in.n < 3 + user ? 0 : 3 + user + (size_t)in.p[2 + user];
    }
    case USER_ANSWER:
        return 2;
    case ANSWER:
        if (st->version == VERSION_4)
            return 8;
        break;
    default:
        break;
    }
    if (first != VERSION_5)
        return SIZE_MAX;
    if (in.n < 4)
        return 0;
    size_t n = address_5(kd_bytes_from(in, 3));
    return n == 0 || n == SIZE_MAX ? n : 3 + n;
}

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    const struct socks_state *st = state_of(ctx);
    (void)seen;
    if (st->phase[dir] >= PASSING) {
        *ret = (struct kd_frame){.len = in.n, .is_body = true};
        return KD_OK;
    }
    size_t n = bytes_of(st, dir, in);
    if (n == SIZE_MAX)
        return KD_MALFORMED;
    ret->len = n;
    return n == 0 ? KD_MORE : KD_OK;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct socks_state *st = state_of(ctx);
    (void)last;
    if (st->phase[dir] == CARRIED)
        kd_tunnel_data(&st->carried, ctx, dir, piece);
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    const struct socks_state *st = state_of(ctx);
    if (st->phase[dir] == CARRIED) {
        kd_tunnel_gap(&state_of(ctx)->carried, ctx, dir, n);
        return;
    }
    tell_login(ctx, "unknown");
    tell(ctx, "", false);
    pass(ctx, PASSING);
}

static size_t resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static void finish(struct kd_ctx *ctx)
{
    tell_login(ctx, "unknown");
    tell(ctx, "", false);
    kd_tunnel_end(&state_of(ctx)->carried, ctx);
}

const struct kd_parser kd_parser_socks = {
    .name = "socks",
    .summary = "proxies asked for conversations (SOCKS)",
    .app = KD_APP_SOCKS,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT, 9050, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct socks_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
};
