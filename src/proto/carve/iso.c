/* SPDX-License-Identifier: Apache-2.0 */
/* Disc images (ECMA-119, with Joliet's names): the files of the root folder. */
#include "proto/carve/look.h"

enum {
    BLOCK = 2048,
    FIRST_BLOCK = 16,
    DESCRIPTORS_MAX = 16,
    FOLDER_BLOCKS_MAX = 32,
    PRIMARY = 1,
    SUPPLEMENTARY = 2,
    TERMINATOR = 255,
    IS_FOLDER = 2
};

struct iso {
    bool in_folder, joliet;
    uint8_t descriptors;
    uint32_t root, root_bytes;
    uint32_t blocks; /* of the folder still to come */
};

static void read_descriptor(struct iso *s, struct kd_bytes b)
{
    uint8_t type = kd_bytes_at(b, 0);
    /* Escapes of UCS-2, levels 1 to 3 */
    bool joliet = type == SUPPLEMENTARY && kd_bytes_at(b, 88) == '%' && kd_bytes_at(b, 89) == '/';
    if (type != PRIMARY && !joliet)
        return;
    struct kd_cur c = kd_cur_of(kd_bytes_from(b, 156 + 2));
    s->root = kd_cur_le32(&c);
    (void)kd_cur_le32(&c); /* the same, big-endian */
    s->root_bytes = kd_cur_le32(&c);
    s->joliet = joliet;
}

static void read_folder(struct look *l, const struct iso *s, struct kd_bytes b)
{
    struct kd_cur c = kd_cur_of(b);
    while (kd_cur_peek(&c) > 33) {
        struct kd_cur e = kd_cur_sub(&c, kd_cur_peek(&c));
        (void)kd_cur_take(&e, 10);
        uint32_t bytes = kd_cur_le32(&e);
        (void)kd_cur_take(&e, 11);
        uint8_t flags = kd_cur_u8(&e);
        (void)kd_cur_take(&e, 6);
        struct kd_bytes name = kd_cur_take(&e, kd_cur_u8(&e));
        if (!kd_cur_ok(&c) || !kd_cur_ok(&e))
            return;
        if (flags & IS_FOLDER)
            continue;
        size_t n = name.n; /* without the version ";1" */
        size_t unit = s->joliet ? 2 : 1;
        if (n > 2 * unit && kd_bytes_at(name, n - unit - 1) == ';')
            n -= 2 * unit;
        struct kd_file_member *m = look_member(l, kd_str(NULL), true, bytes, false);
        if (m == NULL)
            return;
        m->filename = s->joliet ? look_text_utf16(l, kd_bytes_head(name, n), true, 256)
                                : look_text(l, kd_bytes_head(name, n), false, 256);
    }
}

static struct look_step iso_step(struct look *l, struct kd_bytes got)
{
    struct iso *s = l->state;
    if (got.n == 0)
        return look_want(FIRST_BLOCK * BLOCK, BLOCK);
    if (s->in_folder) {
        read_folder(l, s, got);
        return --s->blocks > 0 ? look_want(0, BLOCK) : look_done();
    }
    if (!kd_bytes_starts(kd_bytes_from(got, 1), kd_str("CD001")))
        return look_done();
    if (kd_bytes_at(got, 0) != TERMINATOR && ++s->descriptors < DESCRIPTORS_MAX) {
        read_descriptor(s, got);
        return look_want(0, BLOCK);
    }
    uint64_t here = l->at + BLOCK;
    uint64_t root = (uint64_t)s->root * BLOCK;
    if (root < here || s->root_bytes == 0)
        return look_done();
    s->in_folder = true;
    s->blocks =
        (uint32_t)kd_min_u64(((uint64_t)s->root_bytes + BLOCK - 1) / BLOCK, FOLDER_BLOCKS_MAX);
    return look_want(root - here, BLOCK);
}

/* What begins with nothing known may be one: its mark comes behind 32 KiB. */
static const char *const iso_types[] = {"", NULL};
const struct look_format look_iso = {
    .types = iso_types, .state_bytes = sizeof(struct iso), .step = iso_step};
