/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each source that is fetched: DIR/updates/state, a line each.  Written by who fetches, read by the parent
 * and by commands. */
#ifndef KD_BIN_UPDATE_STATE_H
#define KD_BIN_UPDATE_STATE_H

#include "base/clock.h"
#include "bin/fetch_order.h"
#include "config/config.h"

enum { KD_UPDATE_ROWS = KD_CONFIG_FEEDS_MAX + KD_CONFIG_RULE_SOURCES_MAX, KD_UPDATE_ID = 64 };

struct kd_update_row {
    char id[KD_UPDATE_ID];
    uint64_t tried_us, ok_us, new_us; /* last: tried, well (also unchanged), something new; 0: never */
    uint64_t failing_us;              /* since then; 0: it is well */
    uint64_t next_us;
    uint64_t fails, bytes;
    uint8_t outcome; /* enum kd_fetched */
    char etag[KD_HTTPS_TAG_MAX], modified[KD_HTTPS_TAG_MAX], why[KD_HTTPS_WHY_MAX];
};

struct kd_updates {
    struct kd_update_row at[KD_UPDATE_ROWS];
    size_t n;
};

/* Sources of the configuration, rules first. */
struct kd_update_source {
    bool rules;
    const char *name;
    const struct kd_config_source *from;
    const struct kd_config_feed *feed; /* of lists */
    char id[KD_UPDATE_ID];             /* name of its file in DIR/updates and of its row: another when the source is another */
};
size_t kd_update_sources(const struct kd_config *config, struct kd_update_source ret[KD_UPDATE_ROWS]);

/* A folder without the file has no rows; lines that break the form are left out. */
void kd_updates_read(const char *dir, struct kd_updates *ret);
KD_MUST_USE bool kd_updates_write(const char *dir, const struct kd_updates *u); /* false: errno */

/* The same without files: the text of the file. */
void kd_updates_parse(struct kd_bytes text, struct kd_updates *ret);
void kd_updates_put(struct kd_out *o, const struct kd_updates *u);

/* A source and what is known of it (`row` NULL: nothing) as a JSON object {kind,name,outcome,fails,bytes,why,tried,ok,new,
 * failing_since,next}; outcome: kd_fetched_word() or never. */
void kd_update_json(struct kd_out *o, const struct kd_update_source *source, const struct kd_update_row *row, int zone_s);

/* The row of that source; NULL: none.  `add`: a new one. */
struct kd_update_row *kd_updates_row(struct kd_updates *u, const char *id, bool add);
const struct kd_update_row *kd_updates_find(const struct kd_updates *u, const char *id);

/* What became of an attempt: times, and when the next is due (a tenth of chance, after failures sooner, then less and less
 * often). */
void kd_update_note(struct kd_update_row *row, enum kd_fetched what, const char *why, uint32_t every_s, uint64_t now_us,
                    uint64_t random);

/* Is it time?  `row` NULL: never tried. */
bool kd_update_due(const struct kd_update_row *row, uint32_t every_s, uint64_t now_us);

/* Lists that are fetched lie in DIR/updates: their feed->file is filled in. */
void kd_update_place(struct kd_config *config, const char *dir);

#endif
