/* SPDX-License-Identifier: Apache-2.0 */
#include "base/der.h"

enum { TAG_NUMBER = 0x1f, LONG_FORM = 0x80, LENGTH_BYTES_MAX = 4 };

/* Identifier and length octets; false (and the cursor failed) when they are not accepted. */
static bool read_head(struct kd_cur *c, uint8_t *ret_tag, uint64_t *ret_n)
{
    uint8_t tag = kd_cur_u8(c);
    uint64_t n = kd_cur_u8(c);
    if ((tag & TAG_NUMBER) == TAG_NUMBER || n == LONG_FORM) {
        kd_cur_fail(c);
        return false;
    }
    if (n & LONG_FORM) {
        unsigned octets = (unsigned)(n & 0x7f);
        if (octets > LENGTH_BYTES_MAX) {
            kd_cur_fail(c);
            return false;
        }
        n = 0;
        while (octets-- > 0)
            n = n << 8 | kd_cur_u8(c);
    }
    *ret_tag = tag;
    *ret_n = n;
    return kd_cur_ok(c);
}

bool kd_der_next(struct kd_der *d, struct kd_tlv *ret)
{
    uint64_t n = 0;
    *ret = (struct kd_tlv){0};
    if (!kd_cur_more(&d->c) || !read_head(&d->c, &ret->tag, &n))
        return false;
    ret->value = kd_cur_take(&d->c, (size_t)n);
    return kd_cur_ok(&d->c);
}

struct kd_bytes kd_der_take(struct kd_der *d, uint8_t tag)
{
    struct kd_tlv tlv;
    if (!kd_der_next(d, &tlv) || tlv.tag != tag) {
        kd_cur_fail(&d->c);
        return (struct kd_bytes){NULL, 0};
    }
    return tlv.value;
}

struct kd_der kd_der_enter(struct kd_der *d, uint8_t tag)
{
    if (d->depth >= KD_DER_DEPTH)
        kd_cur_fail(&d->c);
    struct kd_der in = {kd_cur_of(kd_der_take(d, tag)), d->depth + 1};
    if (!kd_cur_ok(&d->c))
        kd_cur_fail(&in.c);
    return in;
}

bool kd_der_enter_if(struct kd_der *d, uint8_t tag, struct kd_der *ret)
{
    if (!kd_cur_more(&d->c) || kd_cur_peek(&d->c) != tag)
        return false;
    *ret = kd_der_enter(d, tag);
    return kd_der_ok(ret);
}

int32_t kd_der_i32(struct kd_der *d, uint8_t tag)
{
    struct kd_cur c = kd_cur_of(kd_der_take(d, tag));
    if (kd_cur_left(&c) == 0 || kd_cur_left(&c) > 4) {
        kd_cur_fail(&d->c);
        return 0;
    }
    uint32_t v = kd_cur_peek(&c) & 0x80 ? UINT32_MAX : 0;
    while (kd_cur_more(&c))
        v = v << 8 | kd_cur_u8(&c);
    return (int32_t)v;
}

enum kd_status kd_der_head(struct kd_bytes b, size_t *ret_head, uint64_t *ret_content)
{
    struct kd_cur c = kd_cur_of(b);
    uint8_t tag = 0;
    if (read_head(&c, &tag, ret_content)) {
        *ret_head = c.taken;
        return KD_OK;
    }
    /* Too short, or not accepted: the bytes that are there tell. */
    c = kd_cur_of(b);
    bool long_tag = (kd_cur_u8(&c) & TAG_NUMBER) == TAG_NUMBER;
    uint8_t length = kd_cur_u8(&c);
    bool bad_length = length == LONG_FORM || length > (LONG_FORM | LENGTH_BYTES_MAX);
    return long_tag || bad_length ? KD_MALFORMED : KD_MORE;
}
