/* SPDX-License-Identifier: Apache-2.0 */
/* A file played to the carver: its record as one line of text.  For the tests of formats and their
 * fuzz target. */
#ifndef KD_TESTS_CARVE_PLAY_H
#define KD_TESTS_CARVE_PLAY_H

#include "base/charset.h"
#include "proto/carve/carve.h"

static inline void play_text(struct kd_out *o, const char *name, struct kd_bytes text)
{
    if (text.n > 0)
        kd_out_fmt(o, " %s=%.*s", name, (int)text.n, (const char *)text.p);
}

static inline void play_record(struct kd_out *o, const struct kd_rec_file *rec)
{
    play_text(o, "magic", rec->magic);
    play_text(o, "state", rec->state);
    kd_out_str(o, rec->encrypted ? " encrypted" : "");
    kd_out_str(o, rec->macro ? " macro" : "");
    const struct kd_file_member *m = rec->members.v;
    for (size_t i = 0; i < rec->members.n; i++) {
        kd_out_fmt(o, " [%.*s %llu%s]", (int)m[i].filename.n, (const char *)m[i].filename.p,
                   (unsigned long long)m[i].bytes, m[i].encrypted ? " encrypted" : "");
    }
    for (size_t i = 0; i < rec->links.n; i++)
        play_text(o, "link", rec->links.v[i]);
    play_text(o, "command", rec->command);
}

/* In pieces of `step` bytes, each an exact copy so that a read past its end is seen by the
 * sanitizer. False: memory was not given back. */
static inline bool play_file(struct kd_bytes file, size_t step, struct kd_out *o)
{
    struct kd_pool *pool = kd_pool_new(64 << 20);
    KD_ASSERT(pool != NULL);
    static struct kd_sink sink; /* hears nothing */
    struct kd_ctx ctx = {.lim = &kd_limits_default, .pool = pool, .sink = &sink};
    struct kd_carve *c = kd_carve_begin(&ctx, &(struct kd_carve_meta){0});
    kd_charset_init();
    for (size_t at = 0; at < file.n; at += kd_min_size(step, file.n - at)) {
        struct kd_bytes piece = kd_bytes_head(kd_bytes_from(file, at), step);
        uint8_t *copy = malloc(piece.n);
        KD_ASSERT(copy != NULL);
        memcpy(copy, piece.p, piece.n);
        kd_carve_data(c, kd_bytes_of(copy, piece.n));
        free(copy);
    }
    const struct kd_rec_file *rec = kd_carve_finish(c, true);
    KD_ASSERT(rec != NULL);
    play_record(o, rec);
    kd_carve_drop(c);
    bool clean = kd_pool_used(pool) == 0;
    kd_pool_free(pool);
    return clean;
}

#endif
