/* SPDX-License-Identifier: Apache-2.0 */
#include "base/snap.h"

void kd_snap_fail(struct kd_snap *s)
{
    if (s->loading)
        kd_cur_fail(&s->in);
    else
        s->out->full = true;
}

void kd_snap_u64(struct kd_snap *s, uint64_t *v)
{
    if (s->loading)
        *v = kd_cur_varint(&s->in);
    else
        kd_out_varint(s->out, *v);
}

static uint64_t limited(struct kd_snap *s, uint64_t v, uint64_t most)
{
    kd_snap_u64(s, &v);
    if (v <= most)
        return v;
    kd_snap_fail(s);
    return 0;
}

void kd_snap_u32(struct kd_snap *s, uint32_t *v)
{
    *v = (uint32_t)limited(s, *v, UINT32_MAX);
}

void kd_snap_time(struct kd_snap *s, uint64_t *us)
{
    *us = limited(s, *us, s->loading ? s->now_us : UINT64_MAX);
}

void kd_snap_u32_to(struct kd_snap *s, uint32_t *v, uint32_t most)
{
    *v = (uint32_t)limited(s, *v, most);
}

void kd_snap_u16_to(struct kd_snap *s, uint16_t *v, uint16_t most)
{
    *v = (uint16_t)limited(s, *v, most);
}

void kd_snap_u8_to(struct kd_snap *s, uint8_t *v, uint8_t most)
{
    *v = (uint8_t)limited(s, *v, most);
}

void kd_snap_bool(struct kd_snap *s, bool *v)
{
    *v = limited(s, *v, 1) != 0;
}

void kd_snap_bytes(struct kd_snap *s, void *p, size_t n)
{
    if (!s->loading) {
        kd_out_bytes(s->out, kd_bytes_of(p, n));
        return;
    }
    struct kd_bytes b = kd_cur_take(&s->in, n);
    if (b.n == n && n > 0)
        memcpy(p, b.p, n);
}

/* The family, then as many bytes as it has. */
void kd_snap_addr(struct kd_snap *s, struct kd_addr *a)
{
    enum { NONE, FOUR = 4, SIX = 6 };
    uint8_t kind = kd_addr_is_none(a) ? NONE : kd_addr_is_v4(a) ? FOUR : SIX;
    kd_snap_u8_to(s, &kind, SIX);
    if (kind == NONE) {
        *a = (struct kd_addr){{0}};
    } else if (kind == FOUR) {
        uint8_t four[4];
        memcpy(four, a->b + 12, sizeof(four));
        kd_snap_bytes(s, four, sizeof(four));
        *a = kd_addr_v4(four);
    } else if (kind == SIX) {
        kd_snap_bytes(s, a->b, sizeof(a->b));
    } else {
        kd_snap_fail(s);
    }
}

void kd_snap_text(struct kd_snap *s, uint8_t *p, size_t room, uint8_t *n)
{
    kd_snap_u8_to(s, n, (uint8_t)kd_min_size(room, UINT8_MAX));
    kd_snap_bytes(s, p, *n);
}

void kd_snap_chars(struct kd_snap *s, char *p, size_t room)
{
    uint8_t n = (uint8_t)(s->loading ? 0 : strlen(p));
    kd_snap_text(s, (uint8_t *)p, room - 1, &n);
    if (!s->loading)
        return;
    p[n] = '\0';
    if (strlen(p) != n)
        kd_snap_fail(s);
}
