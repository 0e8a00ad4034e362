/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/carve/coding.h"

#include <brotli/decode.h>
#include <zlib.h>

#include "base/out.h"

enum {
    OUT_BYTES = 16 * 1024,
    FREE_BYTES = 16 << 20, /* the ratio counts from here on */
    /* Brotli is fed in blocks of this size, whatever pieces come: it keeps decoded bytes back and
     * forgets them when it meets an error, so that the result would depend on the pieces. */
    BLOCK_BYTES = 4096,
    START_BYTES = 4, /* tell gzip, zlib and raw deflate apart */
    EARLY_BYTES = 256, /* of output, before a raw stream is believed */
    GZIP_BITS = 31,
    ZLIB_BITS = 15,
    RAW_BITS = -15
};

struct kd_coding {
    struct kd_pool *pool;
    const struct kd_limits *lim;
    size_t size; /* of this block */
    uint64_t in, out;
    uint8_t kind, state; /* enum kd_coding_kind, kd_coding_end */
    bool zlib_ready;
    bool member_end; /* behind a gzip member: another may follow */
    bool plain;      /* not coded at all, whatever was said */
    bool doubted;    /* raw deflate has no signature: its first bytes are kept until it proves itself */
    uint16_t n_early;
    uint8_t early[EARLY_BYTES];
    z_stream zlib;
    BrotliDecoderState *brotli;
    uint32_t n_held;
    uint8_t held[BLOCK_BYTES]; /* brotli: a block; else the first bytes */
};

enum kd_coding_kind kd_coding_of(struct kd_bytes name)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } names[] = {
        {"", KD_CODING_NONE},     {"identity", KD_CODING_NONE}, {"none", KD_CODING_NONE},
        {"gzip", KD_CODING_GZIP}, {"x-gzip", KD_CODING_GZIP},   {"deflate", KD_CODING_DEFLATE},
        {"br", KD_CODING_BR},     {"x-deflate", KD_CODING_DEFLATE},
    };
    name = kd_bytes_trim(name);
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (kd_bytes_ieq(name, kd_str(names[i].name)))
            return (enum kd_coding_kind)names[i].kind;
    return KD_CODING_OTHER;
}

const char *kd_coding_name(enum kd_coding_kind kind)
{
    return kind == KD_CODING_GZIP      ? "gzip"
           : kind == KD_CODING_DEFLATE ? "deflate"
           : kind == KD_CODING_BR      ? "br"
                                       : NULL;
}

/* --- memory: blocks of the pool, their size before them --- */

struct block_head {
    size_t size;
    size_t unused; /* keeps what follows aligned to 16 */
};

static void *take(void *opaque, size_t n)
{
    size_t size = 0;
    if (n > KD_POOL_LARGE)
        return NULL;
    struct block_head *b = kd_pool_take(opaque, n + sizeof(*b), &size);
    if (b == NULL)
        return NULL;
    b->size = size;
    return b + 1;
}

static void give(void *opaque, void *p)
{
    struct block_head *b = p;
    if (b != NULL)
        kd_pool_give(opaque, b - 1, b[-1].size);
}

static voidpf zlib_take(voidpf opaque, uInt items, uInt size)
{
    return take(opaque, (size_t)items * size);
}

static bool zlib_start(struct kd_coding *c, int bits)
{
    c->zlib = (z_stream){.zalloc = zlib_take, .zfree = give, .opaque = c->pool};
    c->zlib_ready = inflateInit2(&c->zlib, bits) == Z_OK;
    if (c->zlib_ready)
        (void)inflateValidate(&c->zlib, 0); /* a wrong checksum is the receiver's affair */
    return c->zlib_ready;
}

struct kd_coding *kd_coding_new(struct kd_pool *pool, const struct kd_limits *lim,
                                enum kd_coding_kind kind)
{
    size_t size = 0;
    if (kind == KD_CODING_NONE || kind == KD_CODING_OTHER)
        return NULL;
    struct kd_coding *c = kd_pool_take(pool, sizeof(*c), &size);
    if (c == NULL)
        return NULL;
    *c = (struct kd_coding){.pool = pool, .lim = lim, .size = size, .kind = (uint8_t)kind};
    bool ok = true;
    if (kind == KD_CODING_BR)
        ok = (c->brotli = BrotliDecoderCreateInstance(take, give, pool)) != NULL;
    if (ok)
        return c;
    kd_coding_free(c);
    return NULL;
}

void kd_coding_free(struct kd_coding *c)
{
    if (c == NULL)
        return;
    if (c->zlib_ready)
        (void)inflateEnd(&c->zlib);
    if (c->brotli != NULL)
        BrotliDecoderDestroyInstance(c->brotli);
    kd_pool_give(c->pool, c, c->size);
}

/* --- decoding --- */

static void put(struct kd_coding *c, struct kd_bytes out, kd_coding_sink *sink, void *user)
{
    c->out += out.n;
    if (c->out > (uint64_t)c->lim->decode_mib << 20 ||
        (c->out > FREE_BYTES && (c->out - FREE_BYTES) / c->lim->decode_ratio > c->in)) {
        c->state = KD_CODING_BOMB;
        return;
    }
    if (out.n > 0)
        sink(user, out);
}

/* A gzip member has ended: is another one behind it?  Anything else is padding. */
static bool next_member(struct kd_coding *c)
{
    c->member_end = false;
    if (c->zlib.next_in[0] == 0x1f && inflateReset(&c->zlib) == Z_OK)
        return true;
    c->state = KD_CODING_ENDED;
    return false;
}

static void inflate_piece(struct kd_coding *c, struct kd_bytes in, kd_coding_sink *sink, void *user)
{
    uint8_t room[OUT_BYTES];
    c->zlib.next_in = (Bytef *)(uintptr_t)in.p;
    c->zlib.avail_in = (uInt)in.n;
    do {
        if (c->member_end && !next_member(c))
            return;
        c->zlib.next_out = room;
        c->zlib.avail_out = OUT_BYTES;
        uInt before = c->zlib.avail_in;
        int r = inflate(&c->zlib, Z_NO_FLUSH);
        c->in += before - c->zlib.avail_in;
        put(c, kd_bytes_of(room, OUT_BYTES - c->zlib.avail_out), sink, user);
        if (c->state != KD_CODING_RUNNING)
            return;
        if (r == Z_STREAM_END && c->kind == KD_CODING_GZIP)
            c->member_end = true;
        else if (r == Z_STREAM_END)
            c->state = KD_CODING_ENDED;
        else if (r != Z_OK && r != Z_BUF_ERROR)
            c->state = KD_CODING_BROKEN;
    } while (c->state == KD_CODING_RUNNING && (c->zlib.avail_in > 0 || c->zlib.avail_out == 0) &&
             !(c->member_end && c->zlib.avail_in == 0));
}

static void put_plain(struct kd_coding *c, struct kd_bytes b, kd_coding_sink *sink, void *user)
{
    c->in += b.n;
    put(c, b, sink, user);
}

/* ---- a raw stream that is not believed yet ---- */

static void put_early(void *user, struct kd_bytes piece)
{
    struct kd_coding *c = user;
    struct kd_out o = kd_out_of(c->early, sizeof(c->early));
    o.n = c->n_early;
    kd_out_bytes(&o, kd_bytes_head(piece, sizeof(c->early) - o.n));
    c->n_early = (uint16_t)o.n;
}

/* Decode the first bytes anew, for good; or take them as they are. */
static void settle(struct kd_coding *c, bool believed, kd_coding_sink *sink, void *user)
{
    struct kd_bytes first = kd_bytes_of(c->held, c->n_held);
    c->doubted = false;
    c->in = c->out = 0;
    c->state = KD_CODING_RUNNING;
    c->plain = !believed || inflateReset(&c->zlib) != Z_OK;
    if (c->plain)
        put_plain(c, first, sink, user);
    else
        inflate_piece(c, first, sink, user);
}

static void inflate_doubted(struct kd_coding *c, struct kd_bytes in, kd_coding_sink *sink, void *user)
{
    struct kd_bytes now = kd_bytes_head(in, BLOCK_BYTES - c->n_held);
    memcpy(c->held + c->n_held, now.p, now.n);
    c->n_held += (uint32_t)now.n;
    inflate_piece(c, now, put_early, c);
    bool ended = c->state == KD_CODING_ENDED;
    if (c->state == KD_CODING_BROKEN && c->n_early < EARLY_BYTES)
        settle(c, false, sink, user);
    else if (ended || c->n_early == EARLY_BYTES || c->n_held == BLOCK_BYTES)
        settle(c, true, sink, user);
    if (!c->doubted && now.n < in.n)
        kd_coding_add(c, kd_bytes_from(in, now.n), sink, user);
}

/* ---- the beginning ---- */

/* What is named gzip or deflate is told by its first bytes: gzip by its magic number, zlib by its header's
 * checksum (RFC 1950 2.2); what is named deflate and is neither may be a raw stream, or not coded at all. */
static void begin(struct kd_coding *c, kd_coding_sink *sink, void *user)
{
    uint8_t *b = c->held;
    bool gzip = c->n_held >= 2 && b[0] == 0x1f && b[1] == 0x8b;
    bool wrapped = c->n_held >= 2 && (b[0] & 0x0f) == 8 && (b[0] * 256 + b[1]) % 31 == 0;
    c->plain = !gzip && !wrapped && c->kind == KD_CODING_GZIP;
    if (gzip && c->n_held >= START_BYTES)
        b[3] &= 0x1f; /* flags nobody defined are passed over by browsers */
    if (!c->plain && !zlib_start(c, gzip ? GZIP_BITS : wrapped ? ZLIB_BITS : RAW_BITS)) {
        c->state = KD_CODING_BROKEN;
        return;
    }
    c->kind = gzip ? KD_CODING_GZIP : KD_CODING_DEFLATE;
    struct kd_bytes first = kd_bytes_of(b, c->n_held);
    if (c->plain)
        put_plain(c, first, sink, user);
    else if (gzip || wrapped)
        inflate_piece(c, first, sink, user);
    else {
        uint8_t copy[START_BYTES];
        memcpy(copy, b, first.n);
        c->doubted = true;
        c->n_held = 0;
        inflate_doubted(c, kd_bytes_of(copy, first.n), sink, user);
    }
}

static bool has_begun(const struct kd_coding *c)
{
    return c->plain || c->zlib_ready || c->state != KD_CODING_RUNNING;
}

static void inflate_any(struct kd_coding *c, struct kd_bytes in, kd_coding_sink *sink, void *user)
{
    while (!has_begun(c) && in.n > 0) {
        c->held[c->n_held++] = kd_bytes_at(in, 0);
        in = kd_bytes_from(in, 1);
        if (c->n_held == START_BYTES)
            begin(c, sink, user);
    }
    if (in.n == 0 || c->state != KD_CODING_RUNNING)
        return;
    if (c->plain)
        put_plain(c, in, sink, user);
    else if (c->doubted)
        inflate_doubted(c, in, sink, user);
    else
        inflate_piece(c, in, sink, user);
}

static void brotli_block(struct kd_coding *c, kd_coding_sink *sink, void *user)
{
    uint8_t room[OUT_BYTES];
    const uint8_t *next_in = c->held;
    size_t n_in = c->n_held;
    c->in += n_in;
    BrotliDecoderResult r = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    c->n_held = 0;
    while (r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT && c->state == KD_CODING_RUNNING) {
        uint8_t *next_out = room;
        size_t left = OUT_BYTES;
        r = BrotliDecoderDecompressStream(c->brotli, &n_in, &next_in, &left, &next_out, NULL);
        put(c, kd_bytes_of(room, OUT_BYTES - left), sink, user);
    }
    if (c->state != KD_CODING_RUNNING)
        return;
    if (r == BROTLI_DECODER_RESULT_SUCCESS)
        c->state = KD_CODING_ENDED;
    else if (r == BROTLI_DECODER_RESULT_ERROR)
        c->state = KD_CODING_BROKEN;
}

static void brotli_piece(struct kd_coding *c, struct kd_bytes in, kd_coding_sink *sink, void *user)
{
    while (in.n > 0 && c->state == KD_CODING_RUNNING) {
        size_t n = kd_min_size(in.n, BLOCK_BYTES - c->n_held);
        memcpy(c->held + c->n_held, in.p, n);
        c->n_held += (uint32_t)n;
        in = kd_bytes_from(in, n);
        if (c->n_held == BLOCK_BYTES)
            brotli_block(c, sink, user);
    }
}

void kd_coding_add(struct kd_coding *c, struct kd_bytes in, kd_coding_sink *sink, void *user)
{
    if (c->state != KD_CODING_RUNNING || in.n == 0)
        return;
    if (c->kind == KD_CODING_BR)
        brotli_piece(c, in, sink, user);
    else
        inflate_any(c, in, sink, user);
}

enum kd_coding_end kd_coding_finish(struct kd_coding *c, kd_coding_sink *sink, void *user)
{
    if (c->kind == KD_CODING_BR && c->n_held > 0 && c->state == KD_CODING_RUNNING)
        brotli_block(c, sink, user);
    if (c->kind != KD_CODING_BR && !has_begun(c) && c->n_held > 0)
        begin(c, sink, user);
    if (c->doubted && c->state == KD_CODING_RUNNING)
        settle(c, true, sink, user);
    if (c->plain && c->state == KD_CODING_RUNNING)
        c->state = KD_CODING_ENDED;
    if (c->member_end && c->state == KD_CODING_RUNNING)
        c->state = KD_CODING_ENDED;
    return (enum kd_coding_end)c->state;
}
