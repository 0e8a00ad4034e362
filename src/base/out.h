/* SPDX-License-Identifier: Apache-2.0 */
/* The only way to fill a buffer of fixed size.  What does not fit is not written at all, and the
 * shortage is sticky: `full` stays set and later writes do nothing. */
#ifndef KD_BASE_OUT_H
#define KD_BASE_OUT_H

#include "base/bytes.h"

struct kd_out {
    uint8_t *p;
    size_t n;    /* bytes written */
    size_t max;
    bool full;
};

static inline struct kd_out kd_out_of(void *p, size_t max)
{
    return (struct kd_out){(uint8_t *)p, 0, max, false};
}

static inline bool kd_out_ok(const struct kd_out *o)
{
    return !o->full;
}

static inline struct kd_bytes kd_out_bytes_view(const struct kd_out *o)
{
    return (struct kd_bytes){o->p, o->n};
}

/* Room for n bytes to be filled by the caller, or NULL and `full`. */
static inline uint8_t *kd_out_room(struct kd_out *o, size_t n)
{
    if (KD_UNLIKELY(o->full || n > o->max - o->n)) {
        o->full = true;
        return NULL;
    }
    uint8_t *at = o->p + o->n;
    o->n += n;
    return at;
}

static inline void kd_out_bytes(struct kd_out *o, struct kd_bytes b)
{
    uint8_t *at = kd_out_room(o, b.n);
    if (at != NULL && b.n > 0)
        memcpy(at, b.p, b.n);
}

static inline void kd_out_str(struct kd_out *o, const char *s)
{
    kd_out_bytes(o, kd_str(s));
}

static inline void kd_out_u8(struct kd_out *o, uint8_t v)
{
    uint8_t *at = kd_out_room(o, 1);
    if (at != NULL)
        *at = v;
}

static inline void kd_out_le16(struct kd_out *o, uint16_t v)
{
    uint8_t *at = kd_out_room(o, 2);
    if (at != NULL) {
        at[0] = (uint8_t)(v & 0xff);
        at[1] = (uint8_t)(v >> 8);
    }
}

static inline void kd_out_le32(struct kd_out *o, uint32_t v)
{
    uint8_t *at = kd_out_room(o, 4);
    if (at == NULL)
        return;
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i) & 0xff);
}

static inline void kd_out_le64(struct kd_out *o, uint64_t v)
{
    uint8_t *at = kd_out_room(o, 8);
    if (at == NULL)
        return;
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (8 * i) & 0xff);
}

static inline void kd_out_be16(struct kd_out *o, uint16_t v)
{
    kd_out_u8(o, (uint8_t)(v >> 8));
    kd_out_u8(o, (uint8_t)(v & 0xff));
}

/* Unsigned LEB128. */
static inline void kd_out_varint(struct kd_out *o, uint64_t v)
{
    size_t n = 1;
    for (uint64_t rest = v >> 7; rest > 0; rest >>= 7)
        n++;
    uint8_t *at = kd_out_room(o, n);
    if (at == NULL)
        return;
    for (; n > 1; n--, v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at = (uint8_t)v;
}

void kd_out_u64(struct kd_out *o, uint64_t v);                    /* decimal */
void kd_out_i64(struct kd_out *o, int64_t v);
void kd_out_u64_pad(struct kd_out *o, uint64_t v, unsigned width); /* zero padded */
void kd_out_hex(struct kd_out *o, struct kd_bytes b);              /* lower case */
void kd_out_hex_sep(struct kd_out *o, struct kd_bytes b, char sep);

/* Foreign bytes as printable ASCII: the rest becomes \xNN.  Writes as many whole characters as fit
 * and then sets `full`. */
void kd_out_escaped(struct kd_out *o, struct kd_bytes b);

/* printf into the writer: all or nothing. */
KD_FORMAT(2, 3) void kd_out_fmt(struct kd_out *o, const char *fmt, ...);

#endif
