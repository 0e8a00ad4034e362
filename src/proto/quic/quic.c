/* SPDX-License-Identifier: Apache-2.0 */
/* QUIC, its beginning: Initial packets (RFC 9000 §17.2.2, RFC 9369) are sealed with keys that follow from the
 * client's first connection id (RFC 9001 §5.2), so that whom the client asks for, and what the server chooses, can
 * be read as in TLS. */
#include "base/gcm.h"
#include "proto/parser.h"
#include "proto/tls/hello.h"

enum { MESSAGE_MAX = 65535, ID_MAX = 20, DATAGRAM_LEAST = 1200, PACKET_MAX = 2048 };
enum { HELLO_MAX = 8192, PIECES_MAX = 24, HANDSHAKE_HEADER = 4, CLIENT_HELLO = 1, SERVER_HELLO = 2 };
enum { PACKETS_MOST = 16 };
enum { VERSION_1 = 1, VERSION_2 = 0x6b3343cf };

struct piece {
    uint16_t from, to;
};

/* One direction's hello. */
struct side {
    bool done; /* told, or given up */
    uint8_t n_pieces, n_packets;
    uint8_t key[KD_AES128_KEY], iv[KD_GCM_IV], mask_key[KD_AES128_KEY];
    struct piece pieces[PIECES_MAX]; /* of the handshake that came, in order, apart from each other */
    struct kd_arena mem;             /* of what follows; given back when done */
    uint8_t *hello;
};

struct state {
    bool keyed;
    bool retried;
    uint32_t version;
    struct side side[2]; /* by enum kd_dir */
};

/* A long header's fixed part (RFC 9000 §17.2); false when it is none of a version that we know. */
struct header {
    uint32_t version;
    struct kd_bytes to_id;
    bool initial, retry;
};

static bool take_header(struct kd_cur *c, struct header *ret)
{
    uint8_t first = kd_cur_u8(c);
    ret->version = kd_cur_be32(c);
    uint8_t n = kd_cur_u8(c);
    ret->to_id = kd_cur_take(c, n);
    (void)kd_cur_take(c, kd_cur_u8(c));
    uint8_t type = first >> 4 & 3, initial = ret->version == VERSION_2 ? 1 : 0;
    ret->initial = type == initial;
    ret->retry = type == (initial + 3) % 4;
    return kd_cur_ok(c) && n <= ID_MAX && (first & 0xc0) == 0xc0 && (ret->version == VERSION_1 || ret->version == VERSION_2);
}

/* RFC 9000 §16 */
static uint64_t take_varint(struct kd_cur *c)
{
    uint8_t first = kd_cur_u8(c);
    uint64_t v = first & 0x3f;
    for (unsigned more = (1u << (first >> 6)) - 1; more > 0; more--)
        v = v << 8 | kd_cur_u8(c);
    return v;
}

static enum kd_probe quic_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_cur c = kd_cur_of(in);
    struct header h;
    (void)conn;
    bool is = take_header(&c, &h) && h.initial && h.to_id.n > 0 && in.n >= DATAGRAM_LEAST;
    return is && dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_NO;
}

static void finish(struct side *s)
{
    if (s->hello != NULL)
        kd_arena_done(&s->mem);
    s->hello = NULL;
    s->done = true;
}

static void side_keys(struct side *s, const uint8_t initial[KD_HKDF_HASH], const char *label, bool second)
{
    uint8_t secret[KD_HKDF_HASH];
    kd_hkdf_label(initial, label, secret, sizeof(secret));
    kd_hkdf_label(secret, second ? "quicv2 key" : "quic key", s->key, sizeof(s->key));
    kd_hkdf_label(secret, second ? "quicv2 iv" : "quic iv", s->iv, sizeof(s->iv));
    kd_hkdf_label(secret, second ? "quicv2 hp" : "quic hp", s->mask_key, sizeof(s->mask_key));
}

static void make_keys(struct state *s, struct kd_bytes to_id, uint32_t version)
{
    static const uint8_t salt_1[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                     0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    static const uint8_t salt_2[] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                     0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
    bool second = version == VERSION_2;
    uint8_t initial[KD_HKDF_HASH];
    kd_hkdf_extract(second ? kd_bytes_of(salt_2, sizeof(salt_2)) : kd_bytes_of(salt_1, sizeof(salt_1)), to_id, initial);
    side_keys(&s->side[KD_TO_SERVER], initial, "client in", second);
    side_keys(&s->side[KD_TO_CLIENT], initial, "server in", second);
    s->keyed = true;
    s->version = version;
}

/* The first client's packet gives the keys of both; room for a hello is taken when its first packet comes. */
static bool begin(struct kd_ctx *ctx, enum kd_dir dir, const struct header *h)
{
    struct state *s = ctx->state;
    struct side *side = &s->side[dir];
    if (!s->keyed && dir == KD_TO_CLIENT)
        return false;
    if (!s->keyed)
        make_keys(s, h->to_id, h->version);
    if (side->hello != NULL)
        return true;
    kd_arena_init(&side->mem, ctx->pool, 2 * HELLO_MAX);
    side->hello = kd_arena_alloc(&side->mem, HELLO_MAX);
    side->done = side->hello == NULL;
    return !side->done;
}

/* The server wants to see the client's address first: the client says hello once more, to another id.  It heeds one
 * such wish only (RFC 9000 §17.2.5.2). */
static void on_retry(struct state *s)
{
    if (s->retried)
        return;
    s->retried = true;
    struct side *side = &s->side[KD_TO_SERVER];
    finish(side);
    side->done = false;
    side->n_pieces = side->n_packets = 0;
    s->keyed = false;
}

/* Keep what is new of the handshake's bytes from `at` on.  Pieces are kept merged and in order. */
static void keep_crypto(struct side *s, uint64_t at, struct kd_bytes data)
{
    if (at >= HELLO_MAX || data.n == 0 || data.n > HELLO_MAX - at)
        return;
    uint16_t from = (uint16_t)at, to = (uint16_t)(at + data.n);
    unsigned n = 0;
    struct piece kept[PIECES_MAX + 1];
    memcpy(s->hello + at, data.p, data.n);
    for (unsigned i = 0; i < s->n_pieces; i++) {
        struct piece p = s->pieces[i];
        if (p.to < from || p.from > to) {
            kept[n++] = p;
            continue;
        }
        from = p.from < from ? p.from : from;
        to = p.to > to ? p.to : to;
    }
    unsigned place = 0;
    while (place < n && kept[place].from < from)
        place++;
    memmove(kept + place + 1, kept + place, (n - place) * sizeof(kept[0]));
    kept[place] = (struct piece){from, to};
    n++;
    if (n > PIECES_MAX)
        n = PIECES_MAX;
    memcpy(s->pieces, kept, n * sizeof(kept[0]));
    s->n_pieces = (uint8_t)n;
}

/* Frames that an Initial packet may hold (RFC 9000 §17.2.2). */
static bool take_frames(struct side *s, struct kd_bytes plain)
{
    enum { PADDING = 0, PING = 1, ACK = 2, ACK_ECN = 3, CRYPTO = 6, ACK_RANGES_MOST = 64 };
    struct kd_cur c = kd_cur_of(plain);
    while (kd_cur_more(&c)) {
        uint64_t type = take_varint(&c);
        if (type == PADDING || type == PING)
            continue;
        if (type == ACK || type == ACK_ECN) {
            (void)take_varint(&c);
            (void)take_varint(&c);
            uint64_t ranges = take_varint(&c);
            if (ranges > ACK_RANGES_MOST)
                return false;
            for (uint64_t left = 1 + 2 * ranges + (type == ACK_ECN ? 3 : 0); left > 0; left--)
                (void)take_varint(&c);
        } else if (type == CRYPTO) {
            uint64_t at = take_varint(&c), n = take_varint(&c);
            struct kd_bytes data = kd_cur_take(&c, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
            if (kd_cur_ok(&c))
                keep_crypto(s, at, data);
        } else {
            return false; /* a close, or none of its frames */
        }
    }
    return kd_cur_ok(&c);
}

/* RFC 9001 §5.4: unmask the first byte and the packet number, then open.  `head`: bytes up to the number. */
static bool open_packet(struct side *s, struct kd_bytes packet, size_t head)
{
    enum { SAMPLE_OFFSET = 4 };
    uint8_t copy[PACKET_MAX], mask[KD_AES_BLOCK], plain[PACKET_MAX], iv[KD_GCM_IV];
    if (packet.n > sizeof(copy) || packet.n < head + SAMPLE_OFFSET + KD_AES_BLOCK)
        return false;
    memcpy(copy, packet.p, packet.n);
    kd_aes128_block(s->mask_key, packet.p + head + SAMPLE_OFFSET, mask);
    copy[0] ^= mask[0] & 0x0f;
    unsigned n = (copy[0] & 3u) + 1;
    memcpy(iv, s->iv, sizeof(iv));
    for (unsigned i = 0; i < n; i++) {
        copy[head + i] ^= mask[1 + i];
        iv[KD_GCM_IV - n + i] ^= copy[head + i];
    }
    struct kd_bytes whole = kd_bytes_of(copy, packet.n), aad = kd_bytes_head(whole, head + n);
    struct kd_bytes sealed = kd_bytes_from(whole, head + n);
    if (!kd_aes128_gcm_open(s->key, iv, aad, sealed, plain))
        return false;
    (void)take_frames(s, kd_bytes_of(plain, sealed.n - KD_GCM_TAG));
    return true;
}

static struct kd_bytes version_text(const struct state *s)
{
    return kd_str(s->version == VERSION_2 ? "QUIC v2" : "QUIC v1");
}

static void show_version(const struct kd_ctx *ctx, enum kd_dir dir)
{
    const struct state *s = ctx->state;
    uint8_t version[4];
    struct kd_out o = kd_out_of(version, sizeof(version));
    kd_out_be16(&o, (uint16_t)(s->version >> 16));
    kd_out_be16(&o, (uint16_t)s->version);
    kd_inspect(ctx, KD_IN_QUIC_VERSION, dir, kd_out_bytes_view(&o));
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

static void tell_client(struct kd_ctx *ctx, struct kd_bytes body)
{
    struct state *s = ctx->state;
    struct tls_client_hello hello = {0};
    struct kd_arena mem;
    kd_arena_init(&mem, ctx->pool, ctx->lim->flow_bytes);
    if (!tls_client_hello(body, JA4_QUIC, &mem, ctx->lim, &hello))
        kd_anomaly(ctx, "quic_broken_hello", 0);
    struct kd_rec_tls rec = {
        .sni = hello.sni, .version = version_text(s), .client_alpns = hello.alpns,
        .ja3_string = hello.ja3_string, .ja3_hash = hello.ja3_hash, .ja4 = hello.ja4, .ech = hello.ech,
    };
    kd_inspect(ctx, KD_IN_QUIC_SNI, KD_TO_SERVER, hello.sni);
    kd_inspect(ctx, KD_IN_JA3_HASH, KD_TO_SERVER, hello.ja3_hash);
    kd_inspect(ctx, KD_IN_JA3_STRING, KD_TO_SERVER, hello.ja3_string);
    kd_inspect(ctx, KD_IN_JA4_HASH, KD_TO_SERVER, hello.ja4);
    show_version(ctx, KD_TO_SERVER);
    kd_emit(ctx, KD_REC_TLS, &rec);
    kd_arena_done(&mem);
}

static void tell_server(struct kd_ctx *ctx, struct kd_bytes body)
{
    struct state *s = ctx->state;
    struct tls_server_hello hello = {0};
    struct kd_arena mem;
    kd_arena_init(&mem, ctx->pool, ctx->lim->flow_bytes);
    if (!tls_server_hello(body, &mem, ctx->lim, &hello))
        kd_anomaly(ctx, "quic_broken_hello", 0);
    const char *cipher = tls_cipher_name(hello.cipher);
    struct kd_rec_quic rec = {
        .version = version_text(s),
        .cipher = kd_str(cipher == NULL ? "" : cipher),
        .ja3s_string = hello.ja3s_string,
        .ja3s_hash = hello.ja3s_hash,
    };
    kd_inspect(ctx, KD_IN_JA3S_HASH, KD_TO_CLIENT, hello.ja3s_hash);
    kd_inspect(ctx, KD_IN_JA3S_STRING, KD_TO_CLIENT, hello.ja3s_string);
    show_version(ctx, KD_TO_CLIENT);
    kd_emit(ctx, KD_REC_QUIC, &rec);
    kd_arena_done(&mem);
}

static void tell_when_whole(struct kd_ctx *ctx, enum kd_dir dir)
{
    struct side *s = &((struct state *)ctx->state)->side[dir];
    if (s->n_pieces == 0 || s->pieces[0].from != 0 || s->pieces[0].to < HANDSHAKE_HEADER)
        return;
    struct kd_cur c = kd_cur_of(kd_bytes_of(s->hello, s->pieces[0].to));
    uint8_t type = kd_cur_u8(&c);
    uint32_t n = kd_cur_be24(&c);
    struct kd_bytes body = kd_cur_take(&c, n);
    bool right = type == (dir == KD_TO_SERVER ? CLIENT_HELLO : SERVER_HELLO) && n <= HELLO_MAX;
    if (right && !kd_cur_ok(&c))
        return;
    if (right && dir == KD_TO_SERVER)
        tell_client(ctx, body);
    else if (right)
        tell_server(ctx, body);
    finish(s);
}

static enum kd_status quic_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct state *s = ctx->state;
    struct side *side = &s->side[dir];
    if (side->done)
        return KD_OK;
    /* Several packets may share a datagram (RFC 9000 §12.2). */
    struct kd_bytes rest = msg;
    while (rest.n > 0 && !side->done) {
        struct kd_cur c = kd_cur_of(rest);
        struct header h;
        if (!take_header(&c, &h))
            return KD_OK;
        if (h.retry && dir == KD_TO_CLIENT && s->keyed)
            on_retry(s);
        if (!h.initial)
            return KD_OK;
        (void)kd_cur_take(&c, (size_t)kd_min_u64(take_varint(&c), MESSAGE_MAX)); /* token */
        uint64_t n = take_varint(&c);
        size_t head = c.taken;
        if (!kd_cur_ok(&c) || n > kd_cur_left(&c))
            return KD_MALFORMED;
        if (!begin(ctx, dir, &h))
            return KD_OK;
        struct kd_bytes packet = kd_bytes_head(rest, head + (size_t)n);
        /* After a Retry that was not seen the client goes on with another id, and keys of it (RFC 9001 §5.2). */
        if (!open_packet(side, packet, head) && dir == KD_TO_SERVER) {
            make_keys(s, h.to_id, h.version);
            (void)open_packet(side, packet, head);
        }
        rest = kd_bytes_from(rest, head + (size_t)n);
        tell_when_whole(ctx, dir);
        if (++side->n_packets >= PACKETS_MOST)
            finish(side);
    }
    return KD_OK;
}

static void quic_close(struct kd_ctx *ctx)
{
    struct state *s = ctx->state;
    finish(&s->side[KD_TO_SERVER]);
    finish(&s->side[KD_TO_CLIENT]);
}

static const uint16_t ports[] = {443, 0};

const struct kd_parser kd_parser_quic = {
    .name = "quic",
    .summary = "QUIC: whom its first packets ask for, and what the server chooses",
    .app = KD_APP_QUIC,
    .over = KD_OVER_UDP,
    .ports = ports,
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct state),
    .probe = quic_probe,
    .message = quic_message,
    .close = quic_close,
};
