/* SPDX-License-Identifier: Apache-2.0 */
/* Coin mining: Stratum and its relatives (JSON, one message a line) and the peer protocol of Monero and its
 * relatives (levin, binary).  The logon to a pool is told; who mines for whom is in its user name. */
#include "proto/line.h"

enum { LINE_MAX_BYTES = 16384, JSON_LOOK = 1024 };

/* Messages that nobody but miners and pools send. */
static const char *const client_words[] = {"\"mining.subscribe\"", "\"mining.authorize\"", "\"mining.submit\"",
                                           "\"mining.extranonce.subscribe\"", "\"mining.configure\"",
                                           "\"eth_submitLogin\"", "\"eth_submitWork\"", "\"eth_getWork\"",
                                           "\"eth_submitHashrate\"", "\"keepalived\""};
static const char *const server_words[] = {"\"mining.notify\"", "\"mining.set_difficulty\"", "\"mining.set_target\"",
                                           "\"mining.set_extranonce\""};

struct state {
    bool told; /* the logon */
};

static bool has_any(struct kd_bytes in, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_find(in, kd_str(words[i])) != SIZE_MAX)
            return true;
    return false;
}

/* {"method":"login","params":{"login":WALLET,"pass":…}} of the CryptoNote pools. */
static bool is_login(struct kd_bytes in)
{
    return kd_bytes_find(in, kd_str("\"login\"")) != SIZE_MAX && kd_bytes_find(in, kd_str("\"method\"")) != SIZE_MAX &&
           (kd_bytes_find(in, kd_str("\"pass\"")) != SIZE_MAX || kd_bytes_find(in, kd_str("\"agent\"")) != SIZE_MAX ||
            kd_bytes_find(in, kd_str("\"algo\"")) != SIZE_MAX);
}

/* {"job_id":…,"nonce":…} submitted, or a job handed out. */
static bool is_job(struct kd_bytes in)
{
    return kd_bytes_find(in, kd_str("\"job_id\"")) != SIZE_MAX &&
           (kd_bytes_find(in, kd_str("\"nonce\"")) != SIZE_MAX || kd_bytes_find(in, kd_str("\"blob\"")) != SIZE_MAX);
}

static bool is_levin(struct kd_bytes in)
{
    static const uint8_t signature[] = {1, 0x21, 1, 1, 1, 1, 1, 1};
    return kd_bytes_starts(in, kd_bytes_of(signature, sizeof(signature)));
}

static enum kd_probe mining_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)conn;
    if (is_levin(in))
        return KD_PROBE_YES;
    if (in.n > 0 && in.n < 8 && in.p[0] == 1)
        return in.n == 1 || in.p[1] == 0x21 ? KD_PROBE_MORE : KD_PROBE_NO;
    if (in.n == 0 || in.p[0] != '{')
        return KD_PROBE_NO;
    struct kd_bytes look = kd_bytes_head(in, JSON_LOOK);
    bool client = has_any(look, client_words, KD_COUNT(client_words)) || is_login(look);
    bool server = has_any(look, server_words, KD_COUNT(server_words));
    if (client)
        return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
    if (server)
        return dir == KD_TO_CLIENT ? KD_PROBE_YES : KD_PROBE_REVERSED;
    if (is_job(look))
        return KD_PROBE_YES;
    return in.n < JSON_LOOK && kd_bytes_find_byte(in, '\n') == SIZE_MAX ? KD_PROBE_MORE : KD_PROBE_NO;
}

static enum kd_status mining_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                                   struct kd_frame *ret)
{
    struct state *s = ctx->state;
    (void)dir;
    if (in.n == 0)
        return KD_MORE;
    /* Of the peer protocol, and once the logon was told, nothing more is wanted. */
    if (in.p[0] == 1 || s->told) {
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    }
    return kd_line_frame(in, seen, LINE_MAX_BYTES, false, ret);
}

/* The string behind a place, as it stands in the text. */
static struct kd_bytes string_at(struct kd_bytes in)
{
    size_t open = kd_bytes_find_byte(in, '"');
    struct kd_bytes rest = open == SIZE_MAX ? kd_bytes_of(NULL, 0) : kd_bytes_from(in, open + 1);
    size_t close = kd_bytes_find_byte(rest, '"');
    return close == SIZE_MAX ? kd_bytes_of(NULL, 0) : kd_bytes_head(rest, close);
}

static struct kd_bytes after(struct kd_bytes in, const char *key)
{
    size_t at = kd_bytes_find(in, kd_str(key));
    return at == SIZE_MAX ? kd_bytes_of(NULL, 0) : kd_bytes_from(in, at + strlen(key));
}

static void tell_login(struct kd_ctx *ctx, struct kd_bytes user, const char *method)
{
    struct state *s = ctx->state;
    s->told = true;
    struct kd_rec_login rec = {.method = kd_str(method), .service = kd_str("mining"),
                               .user = kd_bytes_head(user, ctx->lim->text_bytes), .result = kd_str("unknown")};
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

static enum kd_status mining_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    bool cut;
    struct kd_bytes line = kd_line_text(msg, &cut);
    if (dir != KD_TO_SERVER)
        return KD_OK;
    if (kd_bytes_find(line, kd_str("\"mining.authorize\"")) != SIZE_MAX ||
        kd_bytes_find(line, kd_str("\"eth_submitLogin\"")) != SIZE_MAX)
        tell_login(ctx, string_at(after(line, "\"params\"")), "stratum");
    else if (is_login(line))
        tell_login(ctx, string_at(after(kd_bytes_find(line, kd_str("\"params\"")) != SIZE_MAX ? after(line, "\"params\"") : line,
                                        "\"login\"")),
                   "stratum");
    return KD_OK;
}

static enum kd_status mining_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    (void)ctx;
    (void)dir;
    (void)piece;
    (void)last;
    return KD_OK;
}

static const uint16_t ports[] = {3333, 4444, 5555, 7777, 9999, 14444, 18080, 0};

const struct kd_parser kd_parser_mining = {
    .name = "mining",
    .summary = "coin mining: Stratum logons, Monero's peer protocol",
    .app = KD_APP_MINING,
    .over = KD_OVER_TCP,
    .ports = ports,
    .max_message = LINE_MAX_BYTES,
    .state_bytes = sizeof(struct state),
    .probe = mining_probe,
    .frame = mining_frame,
    .message = mining_message,
    .body = mining_body,
};
