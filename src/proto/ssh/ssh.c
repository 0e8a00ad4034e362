/* SPDX-License-Identifier: Apache-2.0 */
/* Secure shell (RFC 4253): banners, the key exchange, and how the logon behind it ended. */
#include "proto/ssh/ssh.h"

#include "base/hash.h"

enum { MSG_KEXINIT = 20, MSG_NEWKEYS = 21, MSG_REPLY = 31, MSG_GEX_REPLY = 33, PACKET_HEAD = 5 };
enum { ARENA_MAX = 3 * SSH_PACKET_MAX, DIGITS_64 = 43 };

enum phase { LINES, PACKETS, ENCRYPTED, PASSING };

struct side {
    uint8_t phase; /* enum phase */
    uint8_t software_n, proto_n;
    uint8_t software[SSH_SOFTWARE_MAX];
    uint8_t proto[8];
    struct kd_bytes kexinit; /* in the arena */
};

struct ssh_state {
    struct kd_arena mem;
    struct side side[2]; /* by direction: 0 what the client says */
    struct ssh_watch watch;
    struct kd_bytes kex, cipher, host_key; /* agreed, in the arena */
    bool agreed, told;
    uint8_t key_n;
    char key[8 + DIGITS_64]; /* SHA256:… */
    struct kd_rec_ssh shown; /* what present() answers */
};

static struct ssh_state *state_of(const struct kd_ctx *ctx)
{
    return (struct ssh_state *)ctx->state;
}

static enum kd_probe ssh_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_bytes start = kd_str("SSH-");
    if (in.n < start.n)
        return kd_bytes_starts(start, in) ? KD_PROBE_MORE : KD_PROBE_NO;
    if (!kd_bytes_starts(in, start))
        return KD_PROBE_NO;
    bool turned = dir == KD_TO_SERVER && conn->midstream && conn->client_port == 22 &&
                  conn->server_port != 22;
    return turned ? KD_PROBE_REVERSED : KD_PROBE_YES;
}

/* ---- telling ---- */

static void out_hassh(const struct side *s, bool client, struct kd_out *text, struct kd_out *hash)
{
    static const uint8_t lists[2][4] = {
        {SSH_KEX, SSH_CIPHER_TO_CLIENT, SSH_MAC_TO_CLIENT, SSH_COMPRESSION_TO_CLIENT},
        {SSH_KEX, SSH_CIPHER_TO_SERVER, SSH_MAC_TO_SERVER, SSH_COMPRESSION_TO_SERVER}};
    struct kd_bytes all[SSH_LISTS];
    uint8_t digest[KD_MD5_BYTES];
    if (s->kexinit.n == 0 || !ssh_read_kexinit(s->kexinit, all))
        return;
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            kd_out_u8(text, ';');
        kd_out_bytes(text, all[lists[client][i]]);
    }
    if (!kd_out_ok(text)) { /* a part of it would be another fingerprint */
        text->n = 0;
        return;
    }
    kd_digest_once(KD_MD5, kd_out_bytes_view(text), digest);
    kd_out_hex(hash, kd_bytes_of(digest, sizeof(digest)));
}

static void tell(struct kd_ctx *ctx)
{
    struct ssh_state *st = state_of(ctx);
    const struct side *client = &st->side[KD_TO_SERVER], *server = &st->side[KD_TO_CLIENT];
    enum { TEXT_MAX = 4096, HEX = 2 * KD_MD5_BYTES };
    uint8_t texts[2][TEXT_MAX], hashes[2][HEX];
    struct kd_out text[2] = {kd_out_of(texts[0], TEXT_MAX), kd_out_of(texts[1], TEXT_MAX)};
    struct kd_out hash[2] = {kd_out_of(hashes[0], HEX), kd_out_of(hashes[1], HEX)};
    if (st->told || (client->proto_n == 0 && server->proto_n == 0))
        return;
    st->told = true;
    out_hassh(client, true, &text[0], &hash[0]);
    out_hassh(server, false, &text[1], &hash[1]);
    enum ssh_verdict v = ssh_watch_verdict(&st->watch);
    const char *result = v == SSH_PASSED ? "success" : v == SSH_FAILED ? "failure" : "unknown";
    struct kd_rec_ssh rec = {
        .client = kd_bytes_of(client->software, client->software_n),
        .client_proto = kd_bytes_of(client->proto, client->proto_n),
        .hassh = kd_out_bytes_view(&hash[0]),
        .hassh_string = kd_out_bytes_view(&text[0]),
        .server = kd_bytes_of(server->software, server->software_n),
        .server_proto = kd_bytes_of(server->proto, server->proto_n),
        .hassh_server = kd_out_bytes_view(&hash[1]),
        .hassh_server_string = kd_out_bytes_view(&text[1]),
        .kex = st->kex,
        .cipher = st->cipher,
        .host_key = st->host_key,
        .host_key_sha256 = kd_bytes_of(st->key, st->key_n),
        .auth = kd_str(result),
        .attempts = st->watch.refused + (v == SSH_PASSED),
    };
    kd_emit(ctx, KD_REC_SSH, &rec);
    if (v == SSH_UNKNOWN && st->watch.answers < 2)
        return; /* nobody tried */
    struct kd_rec_login login = {
        .method = kd_str("ssh"),
        .service = kd_str("ssh"),
        .result = kd_str(result),
        .reason = kd_str(v == SSH_UNKNOWN ? "" : "concluded"),
    };
    kd_emit(ctx, KD_REC_LOGIN, &login);
}

/* ---- messages ---- */

static void on_line(struct ssh_state *st, struct side *s, struct kd_bytes line)
{
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (!kd_bytes_starts(line, kd_str("SSH-")))
        return; /* a server may say something before (RFC 4253 4.2) */
    line = kd_bytes_from(line, 4);
    struct kd_bytes proto = kd_bytes_head(kd_bytes_cut(&line, '-'), sizeof(s->proto));
    struct kd_bytes software = kd_bytes_head(line, sizeof(s->software));
    s->proto_n = (uint8_t)proto.n;
    s->software_n = (uint8_t)software.n;
    if (proto.n > 0)
        memcpy(s->proto, proto.p, proto.n);
    if (software.n > 0)
        memcpy(s->software, software.p, software.n);
    bool two = kd_bytes_starts(proto, kd_str("2.")) || kd_bytes_eq_str(proto, "1.99");
    s->phase = PACKETS;
    if (!two) /* SSH 1, if one side knows nothing else */
        st->side[0].phase = st->side[1].phase = PASSING;
}

static struct kd_bytes keep(struct ssh_state *st, struct kd_bytes b)
{
    return kd_arena_copy(&st->mem, b, SSH_NAME_MAX);
}

/* Both have offered: what they agree on, and how long the server's answers will be. */
static void agree(struct ssh_state *st)
{
    struct kd_bytes c[SSH_LISTS], s[SSH_LISTS];
    enum { SUCCESS_PAYLOAD = 1, FAILURE_PAYLOAD_MAX = 110 };
    if (st->agreed || st->side[0].kexinit.n == 0 || st->side[1].kexinit.n == 0 ||
        !ssh_read_kexinit(st->side[0].kexinit, c) || !ssh_read_kexinit(st->side[1].kexinit, s))
        return;
    st->agreed = true;
    st->kex = keep(st, ssh_agreed(c[SSH_KEX], s[SSH_KEX]));
    st->host_key = keep(st, ssh_agreed(c[SSH_HOST_KEY], s[SSH_HOST_KEY]));
    st->cipher = keep(st, ssh_agreed(c[SSH_CIPHER_TO_CLIENT], s[SSH_CIPHER_TO_CLIENT]));
    struct kd_bytes mac = ssh_agreed(c[SSH_MAC_TO_CLIENT], s[SSH_MAC_TO_CLIENT]);
    struct kd_bytes packing =
        ssh_agreed(c[SSH_COMPRESSION_TO_CLIENT], s[SSH_COMPRESSION_TO_CLIENT]);
    st->watch.success = ssh_wire_bytes(st->cipher, mac, SUCCESS_PAYLOAD);
    st->watch.longest = ssh_wire_bytes(st->cipher, mac, FAILURE_PAYLOAD_MAX);
    if (st->watch.success == 0 || kd_bytes_eq_str(packing, "zlib"))
        st->watch.blind = true; /* sizes say nothing */
}

static void on_host_key(struct ssh_state *st, struct kd_bytes payload)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t sum[KD_SHA256_BYTES + 1] = {0};
    struct kd_cur c = kd_cur_of(payload);
    (void)kd_cur_u8(&c);
    size_t n = kd_cur_be32(&c);
    struct kd_bytes key = kd_cur_take(&c, n);
    if (!kd_cur_ok(&c) || key.n == 0)
        return;
    kd_digest_once(KD_SHA256, key, sum);
    struct kd_out o = kd_out_of(st->key, sizeof(st->key));
    kd_out_str(&o, "SHA256:"); /* as ssh-keygen writes it */
    for (size_t i = 0; i < DIGITS_64; i++) {
        size_t bit = i * 6;
        uint32_t two = (uint32_t)sum[bit / 8] << 8 | sum[kd_min_size(bit / 8 + 1, KD_SHA256_BYTES)];
        kd_out_u8(&o, (uint8_t)digits[two >> (10 - bit % 8) & 63]);
    }
    st->key_n = (uint8_t)o.n;
}

static void on_packet(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct ssh_state *st = state_of(ctx);
    struct side *s = &st->side[dir];
    size_t head = kd_min_size(msg.n, PACKET_HEAD + 1); /* with the message's number */
    kd_tell_frame(ctx, KD_FRAME_SSH_PDU, dir, msg.p, msg.n);
    kd_tell_frame(ctx, KD_FRAME_SSH_HDR, dir, msg.p, head);
    kd_tell_frame(ctx, KD_FRAME_SSH_DATA, dir, msg.p + head, msg.n - head);
    struct kd_cur c = kd_cur_of(kd_bytes_from(msg, 4));
    size_t padding = kd_cur_u8(&c);
    if (padding > kd_cur_left(&c)) {
        kd_anomaly(ctx, "ssh_bad_padding", 4);
        s->phase = PASSING;
        return;
    }
    struct kd_bytes payload = kd_cur_take(&c, kd_cur_left(&c) - padding);
    switch (kd_bytes_at(payload, 0)) {
    case MSG_KEXINIT:
        if (st->mem.pool == NULL)
            kd_arena_init(&st->mem, ctx->pool, ARENA_MAX);
        if (s->kexinit.n == 0)
            s->kexinit = kd_arena_copy(&st->mem, payload, SSH_PACKET_MAX);
        agree(st);
        break;
    case MSG_REPLY: /* of a group exchange: its group, sent by the server, too; the key stands in 33
                       then */
    case MSG_GEX_REPLY:
        if (dir == KD_TO_CLIENT && (payload.p[0] == MSG_GEX_REPLY ||
                                    kd_bytes_find(st->kex, kd_str("group-exchange")) == SIZE_MAX))
            on_host_key(st, payload);
        break;
    case MSG_NEWKEYS:
        s->phase = ENCRYPTED;
        break;
    default:
        break;
    }
}

static enum kd_status ssh_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct side *s = &state_of(ctx)->side[dir];
    if (s->phase == LINES)
        on_line(state_of(ctx), s, msg);
    else
        on_packet(ctx, dir, msg);
    return KD_OK;
}

static enum kd_status ssh_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                size_t seen, struct kd_frame *ret)
{
    const struct side *s = &state_of(ctx)->side[dir];
    if (s->phase == LINES) {
        size_t lf = kd_bytes_find_byte(kd_bytes_from(in, seen), '\n');
        if (lf == SIZE_MAX)
            return in.n > SSH_LINE_MAX ? KD_MALFORMED : KD_MORE;
        ret->len = seen + lf + 1;
        return ret->len > SSH_LINE_MAX ? KD_MALFORMED : KD_OK;
    }
    if (s->phase != PACKETS) {
        *ret = (struct kd_frame){.len = in.n, .is_body = true};
        return KD_OK;
    }
    struct kd_cur c = kd_cur_of(in);
    uint32_t len = kd_cur_be32(&c);
    ret->len = PACKET_HEAD;
    if (!kd_cur_ok(&c))
        return KD_MORE;
    if (len < 2 || len > SSH_PACKET_MAX - 4)
        return KD_MALFORMED;
    ret->len = 4 + (uint64_t)len;
    return KD_OK;
}

static enum kd_status ssh_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece,
                               bool last)
{
    struct ssh_state *st = state_of(ctx);
    (void)last;
    if (st->told || st->side[dir].phase != ENCRYPTED)
        return KD_OK;
    ssh_watch_data(&st->watch, dir, piece.n);
    if (st->watch.passed)
        tell(ctx);
    return KD_OK;
}

static void ssh_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct ssh_state *st = state_of(ctx);
    (void)n;
    st->watch.blind = true;
    if (st->side[dir].phase != ENCRYPTED)
        st->side[dir].phase = PASSING;
}

static size_t ssh_resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static void ssh_close(struct kd_ctx *ctx)
{
    struct ssh_state *st = state_of(ctx);
    ssh_watch_end(&st->watch);
    tell(ctx);
    kd_arena_done(&st->mem);
}

/* Who they say they are, until the whole is told. */
static const void *present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    struct ssh_state *st = state_of(ctx);
    const struct side *client = &st->side[KD_TO_SERVER], *server = &st->side[KD_TO_CLIENT];
    (void)dir;
    if (st->told || (client->proto_n == 0 && server->proto_n == 0))
        return NULL;
    st->shown = (struct kd_rec_ssh){
        .client = kd_bytes_of(client->software, client->software_n),
        .client_proto = kd_bytes_of(client->proto, client->proto_n),
        .server = kd_bytes_of(server->software, server->software_n),
        .server_proto = kd_bytes_of(server->proto, server->proto_n),
        .kex = st->kex,
        .cipher = st->cipher,
        .host_key = st->host_key,
        .host_key_sha256 = kd_bytes_of(st->key, st->key_n),
    };
    *ret_type = KD_REC_SSH;
    return &st->shown;
}

const struct kd_parser kd_parser_ssh = {
    .name = "ssh",
    .summary = "secure shell: software, fingerprints, whether the logon passed",
    .app = KD_APP_SSH,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){22, 0},
    .max_message = SSH_PACKET_MAX,
    .state_bytes = sizeof(struct ssh_state),
    .probe = ssh_probe,
    .frame = ssh_frame,
    .message = ssh_message,
    .body = ssh_body,
    .gap = ssh_gap,
    .resync = ssh_resync,
    .close = ssh_close,
    .present = present,
};
