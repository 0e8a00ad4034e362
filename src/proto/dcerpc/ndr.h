/* SPDX-License-Identifier: Apache-2.0 */
/* Reads arguments as NDR (C706 14) or NDR64 ([MS-RPCE] 2.2.5) puts them on the wire.  Shortage is
 * sticky, as in the cursor below it. */
#ifndef KD_PROTO_DCERPC_NDR_H
#define KD_PROTO_DCERPC_NDR_H

#include "base/cursor.h"

struct dce_ndr {
    struct kd_cur c;
    bool big, wide; /* wide: NDR64 */
};

static inline struct dce_ndr dce_ndr_of(struct kd_bytes stub, bool big, bool wide)
{
    return (struct dce_ndr){kd_cur_of(stub), big, wide};
}

static inline bool dce_ndr_ok(const struct dce_ndr *n)
{
    return kd_cur_ok(&n->c);
}

/* Skip to a multiple of `to` (a power of two), counted from the start of the arguments. */
static inline void dce_ndr_align(struct dce_ndr *n, size_t to)
{
    (void)kd_cur_take(&n->c, (to - (n->c.taken & (to - 1))) & (to - 1));
}

static inline uint8_t dce_ndr_u8(struct dce_ndr *n)
{
    return kd_cur_u8(&n->c);
}

static inline uint16_t dce_ndr_u16(struct dce_ndr *n)
{
    dce_ndr_align(n, 2);
    return n->big ? kd_cur_be16(&n->c) : kd_cur_le16(&n->c);
}

static inline uint32_t dce_ndr_u32(struct dce_ndr *n)
{
    dce_ndr_align(n, 4);
    return n->big ? kd_cur_be32(&n->c) : kd_cur_le32(&n->c);
}

static inline uint64_t dce_ndr_u64(struct dce_ndr *n)
{
    dce_ndr_align(n, 8);
    return n->big ? kd_cur_be64(&n->c) : kd_cur_le64(&n->c);
}

/* An enumeration: 16 bits, 32 in NDR64. */
static inline uint32_t dce_ndr_enum(struct dce_ndr *n)
{
    return n->wide ? dce_ndr_u32(n) : dce_ndr_u16(n);
}

/* A pointer's referent number (0: null), or the number of elements of an array. */
static inline uint64_t dce_ndr_size(struct dce_ndr *n)
{
    return n->wide ? dce_ndr_u64(n) : dce_ndr_u32(n);
}

static inline struct kd_bytes dce_ndr_take(struct dce_ndr *n, uint64_t bytes)
{
    if (bytes > kd_cur_left(&n->c)) {
        kd_cur_fail(&n->c);
        return (struct kd_bytes){NULL, 0};
    }
    return kd_cur_take(&n->c, (size_t)bytes);
}

/* Elements of `unit` bytes of a conformant and varying array. */
static inline struct kd_bytes dce_ndr_varying(struct dce_ndr *n, unsigned unit)
{
    (void)dce_ndr_size(n);
    (void)dce_ndr_size(n);
    uint64_t count = dce_ndr_size(n);
    if (count > UINT32_MAX)
        kd_cur_fail(&n->c);
    return dce_ndr_take(n, count * unit);
}

/* Elements of `unit` bytes of a conformant array. */
static inline struct kd_bytes dce_ndr_conformant(struct dce_ndr *n, unsigned unit)
{
    uint64_t count = dce_ndr_size(n);
    if (count > UINT32_MAX)
        kd_cur_fail(&n->c);
    return dce_ndr_take(n, count * unit);
}

#endif
