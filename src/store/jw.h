/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text that grows, up to a bound; commas are its own work.  A shortage is sticky: ask
 * kd_jw_ok() once. `key` is NULL inside an array. */
#ifndef KD_STORE_JW_H
#define KD_STORE_JW_H

#include "base/addr.h"
#include "base/clock.h"
#include "store/column.h"

enum { KD_JW_MAX = 16 << 20 };

struct kd_jw {
    struct kd_heap h;
    bool comma, failed;
    int zone_s;
};

void kd_jw_init(struct kd_jw *w, int zone_s);
void kd_jw_done(struct kd_jw *w);
static inline bool kd_jw_ok(const struct kd_jw *w)
{
    return !w->failed;
}
static inline struct kd_bytes kd_jw_view(const struct kd_jw *w)
{
    return kd_bytes_of(w->h.p, w->h.n);
}

void kd_jw_open(struct kd_jw *w, const char *key, char bracket); /* { or [ */
void kd_jw_close(struct kd_jw *w, char bracket);                 /* } or ] */
void kd_jw_text(struct kd_jw *w, const char *key, struct kd_bytes v);
void kd_jw_str(struct kd_jw *w, const char *key, const char *v);
void kd_jw_u64(struct kd_jw *w, const char *key, uint64_t v);
void kd_jw_bool(struct kd_jw *w, const char *key, bool v);
void kd_jw_null(struct kd_jw *w, const char *key);
void kd_jw_fixed(struct kd_jw *w, const char *key, double v);   /* two decimals */
void kd_jw_time(struct kd_jw *w, const char *key, uint64_t us); /* RFC 3339, +09:00; 0: null */
void kd_jw_addr(struct kd_jw *w, const char *key, const struct kd_addr *a); /* none: "" */
void kd_jw_raw(struct kd_jw *w, const char *key, struct kd_bytes json); /* a JSON value as it is */
void kd_jw_both(struct kd_jw *w, const char *key, struct kd_bytes ja,
                struct kd_bytes en); /* {ja,en} */

/* An object's JSON text without its closing brace, so that members can follow. */
void kd_jw_reopen(struct kd_jw *w, const char *key, struct kd_bytes object);

#endif
