/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files on their way from the parent, which opens them, to box, which reads them: one after the other, each u32
 * length of its name, u32 length of its text, name, text, a zero byte. */
#ifndef KD_BOX_BUNDLE_H
#define KD_BOX_BUNDLE_H

#include "base/cursor.h"
#include "base/out.h"

enum { KD_BUNDLE_HEAD = 8, KD_BUNDLE_BYTES_MAX = 256 << 20, KD_BUNDLE_FILES_MAX = 20000, KD_BUNDLE_NAME_MAX = 255 };

struct kd_bundle_file {
    struct kd_bytes name, text; /* a zero byte stands behind the text */
};

/* What stands before name and text. */
static inline void kd_bundle_head(struct kd_out *o, size_t name, size_t text)
{
    kd_out_le32(o, (uint32_t)name);
    kd_out_le32(o, (uint32_t)text);
}

/* The next file; false at the end, and where the form is broken (the cursor has failed then). */
static inline bool kd_bundle_next(struct kd_cur *c, struct kd_bundle_file *ret)
{
    if (kd_cur_left(c) == 0)
        return false;
    uint32_t name = kd_cur_le32(c), text = kd_cur_le32(c);
    ret->name = kd_cur_take(c, name);
    ret->text = kd_cur_take(c, text);
    if (kd_cur_u8(c) != 0 || ret->name.n > KD_BUNDLE_NAME_MAX)
        kd_cur_fail(c);
    return kd_cur_ok(c);
}

#endif
