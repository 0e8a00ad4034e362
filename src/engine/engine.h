/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline of one worker: frames in, batches of records out.  Run to completion, single-threaded, no
 * malloc per packet, no clock: time comes with the frames. */
#ifndef KD_ENGINE_ENGINE_H
#define KD_ENGINE_ENGINE_H

#include "base/limits.h"
#include "packet/frame.h"
#include "packet/keep.h"
#include "wire/record.h"
#include "wire/tray.h"

struct kd_engine;
struct kd_ruleset;
struct kd_match_stats;

struct kd_engine_config {
    const struct kd_limits *lim; /* outlives the engine */
    uint64_t hash_seed;
    unsigned number;     /* of this engine, from 0 */
    unsigned n_engines;  /* replay: each engine takes the flows whose hash falls to it */
    bool split_by_hash;  /* true: skip the flows of other engines (a file read by all); false: take all */
    uint64_t id_base;    /* record and flow numbers begin here: 0 in a replay, the time in us live */
    const char *source;  /* interface or file, for the stats record */
    struct kd_keep *keep;     /* frames go there too; NULL: they are not kept.  The caller's. */
    const struct kd_ruleset *rules; /* NULL: none; outlives the engine */
    uint64_t keep_flow_bytes; /* … of a conversation, up to so many bytes; 0: all */
    struct kd_keep *files;    /* contents of files go there; NULL: they are not kept.  The caller's. */
    bool steps;               /* tell what JSON lines alone have, too */
    unsigned files_keep;      /* enum kd_contents_keep: of which files */
    uint64_t files_most;      /* … up to so many bytes each */
    struct kd_tray_writer *tray; /* files for box; NULL: none.  The caller's. */
    unsigned scan;               /* enum kd_contents_keep: which files */
    uint64_t scan_most;          /* … up to so many bytes each */
    void (*scan_now)(void *arg); /* one more lies there */
    void *scan_arg;
};

/* Where batches go: whole records, at most KD_BATCH_MAX bytes.  A status other than KD_OK counts the
 * records as lost. */
struct kd_engine_out {
    enum kd_status (*batch)(void *arg, struct kd_bytes batch);
    void *arg;
};

KD_MUST_USE struct kd_engine *kd_engine_new(const struct kd_engine_config *cfg, struct kd_engine_out out);
void kd_engine_free(struct kd_engine *e);

void kd_engine_frame(struct kd_engine *e, const struct kd_captured *frame);

/* No frame for a while: let timers run to now_us and hand the started batch out.  Live capture calls this
 * at least every 50 ms. */
void kd_engine_idle(struct kd_engine *e, uint64_t now_us);

/* Packets lost before the engine saw them (kernel counters), since the last call. */
void kd_engine_dropped(struct kd_engine *e, uint64_t n);

/* The input ended early, e.g. a damaged capture; told in the final stats record.  Static or borrowed until
 * kd_engine_finish(). */
void kd_engine_input_error(struct kd_engine *e, const char *why);

/* Emit a periodic stats record (live: once a second). */
void kd_engine_stats(struct kd_engine *e, uint64_t now_us, uint64_t cpu_us);

/* From the next frame on these rules are judged; NULL: none.  Conversations keep what they were marked with (flow
 * bits, thresholds of rules that remain); what was half told to the former rules is told to nobody.  False: no
 * memory, the former stay.  The former set may be freed afterwards. */
KD_MUST_USE bool kd_engine_rules(struct kd_engine *e, const struct kd_ruleset *set);

/* What each rule cost so far (those that were candidates, by gid and sid): their number, at most `max`. */
struct kd_rule_hit;
uint32_t kd_engine_rule_hits(const struct kd_engine *e, struct kd_rule_hit *ret, size_t max);

/* What the rules cost so far; NULL: there are none. */
const struct kd_match_stats *kd_engine_rule_stats(const struct kd_engine *e);

/* End: all flows end, the last records and a final stats record go out. */
void kd_engine_finish(struct kd_engine *e, uint64_t cpu_us);

#endif
