/* SPDX-License-Identifier: Apache-2.0 */
/* Echo requests and replies (RFC 792, RFC 4443 §4): how much they carry, and whether the data are a ping's.
 * One record per conversation, at its end and each time its messages have doubled. */
#include <math.h>

#include "base/hash.h"
#include "proto/parser.h"

enum { MESSAGE_MAX = 65535, HEADER = 8 };
enum { ECHO_REPLY = 0, ECHO = 8, ECHO6 = 128, ECHO6_REPLY = 129 };
enum { OPEN_KEPT = 8, SIZES_KEPT = 16, CONTENTS_KEPT = 64, HEAD_KEPT = 32, TELL_FIRST = 32 };

/* Ping writes the time at the beginning of its data: up to two 64-bit numbers.  What lies behind is a
 * pattern that stays the same, whatever the length. */
enum { TIME_BYTES = 16, CONTENT_BYTES = 32 };

struct open {
    uint32_t hash;
    uint16_t id, seq;
    bool used, answered;
};

struct state {
    uint32_t requests, replies, mismatched, answered;
    uint32_t tell_at;
    uint32_t largest;
    uint64_t bytes[2];
    struct open open[OPEN_KEPT]; /* newest requests */
    uint32_t n_open;
    uint16_t sizes[SIZES_KEPT];
    uint8_t n_sizes, n_contents, n_head, entropy;
    bool v6;
    uint16_t id;
    uint32_t contents[CONTENTS_KEPT];
    uint8_t head[HEAD_KEPT];
};

static void see_size(struct state *s, size_t n)
{
    uint16_t size = (uint16_t)n;
    for (unsigned i = 0; i < s->n_sizes; i++)
        if (s->sizes[i] == size)
            return;
    if (s->n_sizes < SIZES_KEPT)
        s->sizes[s->n_sizes++] = size;
}

/* Shannon entropy, in tenths of a bit; the highest of the conversation's different contents is kept. */
static void see_entropy(struct state *s, struct kd_bytes data)
{
    enum { LEAST = 32, MOST = 512 };
    if (data.n < LEAST)
        return;
    data = kd_bytes_head(data, MOST);
    unsigned seen[256] = {0};
    double sum = 0;
    for (size_t i = 0; i < data.n; i++)
        seen[data.p[i]]++;
    for (unsigned i = 0; i < 256; i++)
        if (seen[i] > 0)
            sum -= (double)seen[i] / (double)data.n * log2((double)seen[i] / (double)data.n);
    if ((uint8_t)(sum * 10) > s->entropy)
        s->entropy = (uint8_t)(sum * 10);
}

static void see_content(struct state *s, struct kd_bytes data)
{
    struct kd_bytes behind = data.n >= TIME_BYTES + 8 ? kd_bytes_from(data, TIME_BYTES) : data;
    behind = kd_bytes_head(behind, CONTENT_BYTES);
    if (behind.n == 0)
        return;
    uint32_t hash = (uint32_t)kd_hash(behind.p, behind.n, 0) | 1;
    for (unsigned i = 0; i < s->n_contents; i++)
        if (s->contents[i] == hash)
            return;
    if (s->n_contents == CONTENTS_KEPT)
        return;
    s->contents[s->n_contents++] = hash;
    see_entropy(s, data);
}

static void request(struct state *s, uint16_t id, uint16_t seq, uint32_t hash)
{
    s->requests++;
    s->open[s->n_open++ % OPEN_KEPT] = (struct open){.hash = hash, .id = id, .seq = seq, .used = true};
}

/* A reply repeats its request's data (RFC 792).  One without a request that was seen proves nothing. */
static void reply(struct state *s, uint16_t id, uint16_t seq, uint32_t hash)
{
    bool known = false;
    s->replies++;
    for (unsigned i = 0; i < OPEN_KEPT; i++) {
        struct open *o = &s->open[i];
        if (!o->used || o->id != id || o->seq != seq)
            continue;
        known = true;
        if (o->hash != hash)
            continue;
        s->answered += !o->answered;
        o->answered = true;
        return;
    }
    s->mismatched += known;
}

static void tell(struct kd_ctx *ctx)
{
    const struct state *s = ctx->state;
    struct kd_rec_icmp rec = {
        .type = s->v6 ? ECHO6 : ECHO,
        .echo_id = s->id,
        .requests = s->requests,
        .replies = s->replies,
        .unanswered = s->requests > s->replies ? s->requests - s->replies : 0,
        .bytes_toserver = s->bytes[KD_TO_SERVER],
        .bytes_toclient = s->bytes[KD_TO_CLIENT],
        .sizes = s->n_sizes,
        .contents = s->n_contents,
        .mismatched = s->mismatched,
        .largest = s->largest,
        .entropy = s->entropy,
        .payload_head = kd_bytes_of(s->head, s->n_head),
    };
    kd_emit(ctx, KD_REC_ICMP, &rec);
}

static enum kd_status icmp_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct state *s = ctx->state;
    struct kd_cur c = kd_cur_of(msg);
    uint8_t type = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 3); /* code, checksum */
    uint16_t id = kd_cur_be16(&c), seq = kd_cur_be16(&c);
    struct kd_bytes data = kd_cur_rest(&c);
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    if (type != ECHO && type != ECHO_REPLY && type != ECHO6 && type != ECHO6_REPLY)
        return KD_UNSUPPORTED;
    s->v6 = type >= ECHO6;
    s->id = id;
    s->bytes[dir] += data.n;
    s->largest = (uint32_t)kd_max_u64(s->largest, data.n);
    see_size(s, data.n);
    see_content(s, data);
    if (s->n_head == 0 && data.n > 0) {
        struct kd_out head = kd_out_of(s->head, sizeof(s->head));
        kd_out_bytes(&head, kd_bytes_head(data, sizeof(s->head)));
        s->n_head = (uint8_t)head.n;
    }
    uint32_t hash = (uint32_t)kd_hash(data.p, data.n, 0);
    if (type == ECHO || type == ECHO6)
        request(s, id, seq, hash);
    else
        reply(s, id, seq, hash);
    s->tell_at = s->tell_at == 0 ? TELL_FIRST : s->tell_at;
    if (s->requests + s->replies >= s->tell_at) {
        tell(ctx);
        s->tell_at = s->tell_at > UINT32_MAX / 2 ? UINT32_MAX : 2 * s->tell_at;
    }
    return KD_OK;
}

static void icmp_close(struct kd_ctx *ctx)
{
    const struct state *s = ctx->state;
    if (s->requests + s->replies > 0 && s->requests + s->replies != s->tell_at / 2)
        tell(ctx);
}

const struct kd_parser kd_parser_icmp = {
    .name = "icmp",
    .summary = "ICMP echo: what pings carry",
    .app = KD_APP_ICMP,
    .over = KD_OVER_ICMP,
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct state),
    .message = icmp_message,
    .close = icmp_close,
};
