/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of whole files: into a ring of the packet ring's kind (packet/keep.h), where a "frame" is a file
 * and its "conversation" the beginning of its SHA-256 (docs/internals/packet-ring.md), and to box, which looks
 * at them with YARA rules (wire/tray.h). */
#include "engine/internal.h"

enum { WAITING_MAX = 64 << 20 };

static bool is_wanted(unsigned keep, bool some, enum kd_contents_risk risk)
{
    return keep == KD_CONTENTS_ALL ||
           (keep == KD_CONTENTS_RISKY && (risk == KD_RISK_MUCH || (some && risk == KD_RISK_SOME)));
}

static bool keep(struct kd_engine *e, const struct kd_conn *conn, uint64_t ts_us, struct kd_bytes sha256,
                 struct kd_bytes content)
{
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

static bool put(struct kd_contents *to, const struct kd_conn *conn, uint64_t ts_us, enum kd_contents_risk risk, bool asked,
                struct kd_bytes sha256, struct kd_bytes content)
{
    struct kd_engine *e = (struct kd_engine *)((uint8_t *)to - offsetof(struct kd_engine, contents));
    const struct kd_engine_config *cfg = &e->cfg;
    if (cfg->tray != NULL && !asked && is_wanted(cfg->scan, true, risk) && content.n <= cfg->scan_most) {
        if (kd_tray_put(cfg->tray, content, risk == KD_RISK_MUCH))
            memcpy(e->tray_sha256, sha256.p, kd_min_size(sha256.n, sizeof(e->tray_sha256)));
        else
            to->given_up++;
    }
    bool kept = cfg->files != NULL && (asked || is_wanted(cfg->files_keep, false, risk)) && content.n <= cfg->files_most;
    return kept && keep(e, conn, ts_us, sha256, content);
}

void kd_engine_contents(struct kd_engine *e)
{
    const struct kd_engine_config *cfg = &e->cfg;
    unsigned kept = cfg->files != NULL ? cfg->files_keep : KD_CONTENTS_NONE;
    unsigned scanned = cfg->tray != NULL ? cfg->scan : KD_CONTENTS_NONE;
    uint64_t most = kd_max_u64(kept != KD_CONTENTS_NONE ? cfg->files_most : 0,
                               scanned != KD_CONTENTS_NONE ? cfg->scan_most : 0);
    e->contents = (struct kd_contents){
        .keep = (enum kd_contents_keep)(kept > scanned ? kept : scanned),
        .some = scanned != KD_CONTENTS_NONE,
        .most = (size_t)kd_min_u64(most, KD_KEEP_FRAME_MAX),
        /* Never so much that conversations are followed in less detail for it. */
        .waiting_max = kd_min_size(WAITING_MAX, kd_pool_max(e->pool) / 4),
        .put = put,
        .rules_ask = e->contents.rules_ask,
    };
}

void kd_engine_contents_told(struct kd_engine *e, const struct kd_rec_head *head, const struct kd_rec_file *file)
{
    struct kd_tray_writer *tray = e->cfg.tray;
    if (!tray->open || !kd_bytes_eq(file->sha256, kd_bytes_of(e->tray_sha256, sizeof(e->tray_sha256))))
        return;
    struct kd_out o = kd_tray_record(tray);
    if (kd_record_put(&o, head, file) != KD_OK || !kd_tray_done(tray, &o)) {
        tray->open = false;
        e->contents.given_up++;
        return;
    }
    e->stats.scanned++;
    kd_engine_flush(e); /* brain hears of the file before it hears what is in it */
    e->cfg.scan_now(e->cfg.scan_arg);
}

uint64_t kd_engine_contents_left_out(struct kd_engine *e)
{
    if (e->cfg.tray == NULL)
        return 0;
    kd_tray_left_out(e->cfg.tray, e->contents.given_up - e->scan_out_told);
    e->scan_out_told = e->contents.given_up;
    return e->contents.given_up;
}
