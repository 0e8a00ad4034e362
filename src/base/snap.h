/* SPDX-License-Identifier: Apache-2.0 */
/* State on its way out of a process and into its successor.  One function names the parts of a state in order;
 * saving, it writes them, loading, it reads and checks them, so the two cannot differ.  What is loaded is
 * hostile: a number above its maximum, a moment that lies ahead, a text too long make the snap fail, and the
 * state is then not to be used.  Numbers are varints; what is zero costs a byte. */
#ifndef KD_BASE_SNAP_H
#define KD_BASE_SNAP_H

#include "base/addr.h"
#include "base/cursor.h"
#include "base/out.h"

struct kd_snap {
    bool loading;
    struct kd_out *out; /* saving */
    struct kd_cur in;   /* loading */
    uint64_t now_us;    /* when it was saved: no moment may lie behind it */
};

static inline struct kd_snap kd_snap_save(struct kd_out *out)
{
    return (struct kd_snap){.out = out};
}

static inline struct kd_snap kd_snap_load(struct kd_bytes bytes, uint64_t now_us)
{
    return (struct kd_snap){.loading = true, .in = kd_cur_of(bytes), .now_us = now_us};
}

static inline bool kd_snap_ok(const struct kd_snap *s)
{
    return s->loading ? kd_cur_ok(&s->in) : kd_out_ok(s->out);
}

void kd_snap_fail(struct kd_snap *s);

void kd_snap_u64(struct kd_snap *s, uint64_t *v);
void kd_snap_u32(struct kd_snap *s, uint32_t *v);
void kd_snap_time(struct kd_snap *s, uint64_t *us); /* 0 or a moment that has been */

/* At most `most`. */
void kd_snap_u32_to(struct kd_snap *s, uint32_t *v, uint32_t most);
void kd_snap_u16_to(struct kd_snap *s, uint16_t *v, uint16_t most);
void kd_snap_u8_to(struct kd_snap *s, uint8_t *v, uint8_t most);
void kd_snap_bool(struct kd_snap *s, bool *v);

void kd_snap_addr(struct kd_snap *s, struct kd_addr *a);
void kd_snap_bytes(struct kd_snap *s, void *p, size_t n); /* exactly n */
void kd_snap_text(struct kd_snap *s, uint8_t *p, size_t room, uint8_t *n);
void kd_snap_chars(struct kd_snap *s, char *p, size_t room); /* terminated, with its end within `room` */

#endif
