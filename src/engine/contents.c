/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of files that are kept: into a ring of the packet ring's kind (packet/keep.h), where a
 * "frame" is a file and its "conversation" the beginning of its SHA-256 (docs/internals/packet-ring.md). */
#include "engine/internal.h"

enum { WAITING_MAX = 64 << 20 };

static bool put(struct kd_contents *to, const struct kd_conn *conn, uint64_t ts_us, struct kd_bytes sha256,
                struct kd_bytes content)
{
    struct kd_engine *e = (struct kd_engine *)((uint8_t *)to - offsetof(struct kd_engine, contents));
    uint64_t key = kd_keep_content_key(sha256);
    if (kd_keep_has_recent(e->cfg.files, key))
        return true; /* the same file again */
    struct kd_captured c = {
        .ts_us = ts_us,
        .link = KD_KEEP_CONTENT,
        .length = (uint32_t)content.n,
        .bytes = content,
    };
    return kd_keep_put(e->cfg.files, &c, key, &conn->client, &conn->server);
}

void kd_engine_contents(struct kd_engine *e)
{
    if (e->cfg.files == NULL)
        return;
    e->contents = (struct kd_contents){
        .keep = (enum kd_contents_keep)e->cfg.files_keep,
        .most = (size_t)kd_min_u64(e->cfg.files_most, KD_KEEP_FRAME_MAX),
        /* Never so much that conversations are followed in less detail for it. */
        .waiting_max = kd_min_size(WAITING_MAX, kd_pool_max(e->pool) / 4),
        .put = put,
        .rules_ask = e->contents.rules_ask,
    };
}
