/* SPDX-License-Identifier: Apache-2.0 */
/* BitTorrent, recognised: the peers' handshake over TCP (BEP 3), the table of peers over UDP (BEP 5), and
 * the trackers' protocol over UDP (BEP 15).  Nothing is told but the conversation itself. */
#include "proto/parser.h"

enum { MESSAGE_MAX = 65535, CONNECT_BYTES = 16 };

static const char handshake[] = "\x13"
                                "BitTorrent protocol";

/* A dictionary with keys in order: d1:ad2:id20:… (query), d1:rd2:id20:… (response), d2:ip…, d1:eli…e (error). */
static bool is_table(struct kd_bytes in)
{
    static const char *const heads[] = {"d1:ad2:id20:", "d1:rd2:id20:", "d2:ip6:", "d1:eli"};
    for (size_t i = 0; i < KD_COUNT(heads); i++)
        if (kd_bytes_starts(in, kd_str(heads[i])))
            return kd_bytes_find(in, kd_str("1:y1:")) != SIZE_MAX;
    return false;
}

/* connect request: magic number, action 0, transaction. */
static bool is_tracker(struct kd_bytes in)
{
    static const uint8_t magic[] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0};
    return in.n == CONNECT_BYTES && kd_bytes_starts(in, kd_bytes_of(magic, sizeof(magic)));
}

static enum kd_probe bittorrent_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    enum { UDP = 17 };
    (void)dir;
    if (conn->proto == UDP)
        return is_table(in) || is_tracker(in) ? KD_PROBE_YES : KD_PROBE_NO;
    struct kd_bytes want = kd_bytes_of(handshake, sizeof(handshake) - 1);
    if (in.n >= want.n)
        return kd_bytes_starts(in, want) ? KD_PROBE_YES : KD_PROBE_NO;
    return kd_bytes_starts(want, in) ? KD_PROBE_MORE : KD_PROBE_NO;
}

static enum kd_status bittorrent_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                                       struct kd_frame *ret)
{
    (void)ctx;
    (void)dir;
    (void)in;
    (void)seen;
    *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
    return KD_OK;
}

static enum kd_status bittorrent_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    (void)ctx;
    (void)dir;
    (void)msg;
    return KD_OK;
}

static enum kd_status bittorrent_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    (void)last;
    return bittorrent_message(ctx, dir, piece);
}

static bool bittorrent_idle(const void *state)
{
    (void)state;
    return true;
}

const struct kd_parser kd_parser_bittorrent = {
    .name = "bittorrent",
    .summary = "file exchange (BitTorrent), recognised",
    .app = KD_APP_BITTORRENT,
    .over = KD_OVER_TCP | KD_OVER_UDP,
    .max_message = MESSAGE_MAX,
    .probe = bittorrent_probe,
    .frame = bittorrent_frame,
    .message = bittorrent_message,
    .body = bittorrent_body,
    .idle = bittorrent_idle,
};
