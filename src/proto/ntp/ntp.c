/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks asked for the time (NTP versions 1 to 4: RFC 1059 to RFC 5905).  A client asks every minute or so for as
 * long as it runs: what is the same as before is not told again. */
#include "proto/parser.h"

enum { PORT = 123, HEADER = 48, CONTROL_HEADER = 8, EXTENSION_MIN = 16 };
enum { MODE_CLIENT = 3, MODE_SERVER = 4, MODE_CONTROL = 6, MODE_PRIVATE = 7 };

struct ntp_state {
    bool told[2];
    uint8_t head[2];      /* leap, version, mode of the message told last, by direction */
    uint8_t stratum[2];
    uint8_t reference[2][4];
    struct kd_rec_ntp now; /* the latest message, for a rule's match */
    uint8_t text[12];
};

static uint8_t version_of(uint8_t head)
{
    return head >> 3 & 7;
}

static uint8_t mode_of(uint8_t head)
{
    return head & 7;
}

/* ---- recognition ---- */

/* Behind the header: nothing, extension fields (version 4), a key's number alone or with a digest. */
static bool tail_fits(struct kd_bytes tail, uint8_t version)
{
    static const uint8_t digests[] = {4, 20, 24, 72}; /* key number with nothing, MD5, SHA-1, MS-SNTP's longer form */
    for (unsigned n = 0; n < 8 && version == 4; n++) {
        uint16_t length = kd_bytes_be16(tail, 2);
        if (tail.n < EXTENSION_MIN || length < EXTENSION_MIN || length % 4 != 0 || length > tail.n)
            break;
        bool digest_follows = tail.n == 20 || tail.n == 24 || tail.n == 72;
        if (digest_follows && length != tail.n)
            break;
        tail = kd_bytes_from(tail, length);
    }
    for (size_t i = 0; i < KD_COUNT(digests); i++)
        if (tail.n == digests[i])
            return true;
    return tail.n == 0;
}

/* The distances a clock claims are small.  A client need not say anything of itself. */
static bool is_plausible(struct kd_bytes in, uint8_t mode)
{
    enum { STRATUM_MAX = 16, POLL_MAX = 17, SECONDS_MAX = 64 };
    uint8_t stratum = in.p[1], poll = in.p[2];
    int8_t precision = (int8_t)in.p[3];
    if (mode == MODE_CLIENT)
        return stratum <= STRATUM_MAX;
    return stratum <= STRATUM_MAX && poll <= POLL_MAX && precision <= 2 && (precision >= -40 || precision == -128) &&
           kd_bytes_be16(in, 4) < SECONDS_MAX && kd_bytes_be16(in, 8) <= SECONDS_MAX;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    bool by_port = conn->server_port == PORT || conn->client_port == PORT;
    uint8_t head = kd_bytes_at(in, 0), mode = mode_of(head), version = version_of(head);
    if (in.n < CONTROL_HEADER || version < 1 || version > 4 || !by_port)
        return KD_PROBE_NO; /* without its port too little is fixed */
    bool to_server = mode != MODE_SERVER;
    if (mode == MODE_CONTROL || mode == MODE_PRIVATE) {
        /* An answer's bit: in control messages in the second byte, in private ones in the first. */
        to_server = ((mode == MODE_CONTROL ? in.p[1] : head) & 0x80) == 0;
    } else if (in.n < HEADER || mode == 0 || !tail_fits(kd_bytes_from(in, HEADER), version) || !is_plausible(in, mode)) {
        return KD_PROBE_NO;
    }
    bool symmetric = conn->server_port == PORT && conn->client_port == PORT;
    return symmetric || to_server == (dir == KD_TO_SERVER) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* ---- messages ---- */

static bool is_news(struct ntp_state *st, enum kd_dir dir, uint8_t head, uint8_t stratum, struct kd_bytes reference)
{
    enum { WITHOUT_LEAP = 0x3f };
    bool same = st->told[dir] && st->head[dir] == (head & WITHOUT_LEAP) && st->stratum[dir] == stratum &&
                kd_bytes_eq(kd_bytes_of(st->reference[dir], 4), reference);
    struct kd_out o = kd_out_of(st->reference[dir], 4);
    kd_out_bytes(&o, reference);
    st->told[dir] = true;
    st->head[dir] = head & WITHOUT_LEAP;
    st->stratum[dir] = stratum;
    return !same;
}

static enum kd_status ntp_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    static const uint8_t none[4];
    struct ntp_state *st = ctx->state;
    uint8_t head = kd_bytes_at(msg, 0);
    bool is_time = mode_of(head) < MODE_CONTROL;
    struct kd_out o = kd_out_of(st->text, sizeof(st->text));
    if (msg.n < (is_time ? HEADER : CONTROL_HEADER))
        return KD_OK; /* something else by the same ports */
    struct kd_bytes reference = is_time ? kd_bytes_head(kd_bytes_from(msg, 12), 4) : kd_bytes_of(none, 4);
    kd_out_hex_sep(&o, reference, ':');
    st->now = (struct kd_rec_ntp){
        .version = version_of(head),
        .mode = mode_of(head),
        .stratum = is_time ? msg.p[1] : 0,
        .reference_id = is_time ? kd_out_bytes_view(&o) : kd_str(""),
    };
    if (is_news(st, dir, head, st->now.stratum, reference))
        kd_emit(ctx, KD_REC_NTP, &st->now);
    kd_inspect_number(ctx, KD_NUM_NTP_VERSION, dir, st->now.version);
    kd_inspect_number(ctx, KD_NUM_NTP_MODE, dir, st->now.mode);
    if (is_time) {
        kd_inspect_number(ctx, KD_NUM_NTP_STRATUM, dir, st->now.stratum);
        kd_inspect(ctx, KD_IN_NTP_REFERENCE_ID, dir, reference);
    }
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
    return KD_OK;
}

static const void *ntp_present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    const struct ntp_state *st = ctx->state;
    (void)dir;
    *ret_type = KD_REC_NTP;
    return &st->now;
}

const struct kd_parser kd_parser_ntp = {
    .name = "ntp",
    .summary = "clocks, and who asks them (NTP)",
    .app = KD_APP_NTP,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = UINT16_MAX,
    .state_bytes = sizeof(struct ntp_state),
    .probe = probe,
    .message = ntp_message,
    .present = ntp_present,
};
