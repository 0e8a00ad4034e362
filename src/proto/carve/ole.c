/* SPDX-License-Identifier: Apache-2.0 */
/* Compound files ([MS-CFB]): older Office documents, MSI, Outlook messages, encrypted newer ones.
 *
 * The directory may lie anywhere, and the tables that say where come at any place too; but its
 * sectors are aligned and look like nothing else.  So each sector is asked whether it is one. */
#include "proto/carve/look.h"

enum { SECTOR = 512, ENTRY = 128, STORAGE = 1, STREAM = 2, ROOT = 5 };

struct entry {
    uint8_t type;
    struct kd_bytes name; /* UTF-16LE without its end */
    struct kd_bytes class;
    uint64_t bytes;
};

/* Is this an entry (2.6.1)?  An unused one has type 0. */
static bool read_entry(struct kd_bytes b, struct entry *ret)
{
    struct kd_cur c = kd_cur_of(b);
    struct kd_bytes name = kd_cur_take(&c, 64);
    uint16_t n = kd_cur_le16(&c);
    ret->type = kd_cur_u8(&c);
    uint8_t colour = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 12); /* siblings, child */
    ret->class = kd_cur_take(&c, 16);
    (void)kd_cur_take(&c, 24); /* state, times, first sector */
    ret->bytes = kd_cur_le64(&c);
    if (ret->type == 0)
        return n == 0 && colour <= 1;
    if ((ret->type != STORAGE && ret->type != STREAM && ret->type != ROOT) || colour > 1)
        return false;
    if (n < 4 || n > 64 || n % 2 != 0 || kd_bytes_at(name, n - 2) != 0 ||
        kd_bytes_at(name, n - 1) != 0)
        return false;
    ret->name = kd_bytes_head(name, n - 2);
    return true;
}

/* An ASCII name in UTF-16, without case; `begins`: what follows does not matter. */
static bool is_named(struct kd_bytes utf16, const char *name, bool begins)
{
    size_t n = strlen(name);
    if (utf16.n < n * 2 || (!begins && utf16.n != n * 2))
        return false;
    for (size_t i = 0; i < n; i++)
        if (kd_ascii_lower(utf16.p[i * 2]) != kd_ascii_lower((uint8_t)name[i]) ||
            utf16.p[i * 2 + 1] != 0)
            return false;
    return true;
}

static void on_entry(struct look *l, const struct entry *e)
{
    static const uint8_t installer[16] = {0x84, 0x10, 0x0c, 0, 0, 0, 0, 0,
                                          0xc0, 0,    0,    0, 0, 0, 0, 0x46};
    struct look_found *f = &l->found;
    if (e->type == ROOT && kd_bytes_eq(e->class, kd_bytes_of(installer, 16)))
        f->magic = "msi";
    if (is_named(e->name, "__properties_version1.0", false) && f->magic == NULL)
        f->magic = "msg";
    if (is_named(e->name, "_VBA_PROJECT", true) || is_named(e->name, "VBA", false))
        f->macro = true;
    if (is_named(e->name, "EncryptedPackage", false))
        f->encrypted = true;
    if (e->type == STREAM &&
        (is_named(e->name, "\1Ole10Native", false) || is_named(e->name, "Package", false)))
        (void)look_member(l, kd_str("Ole10Native"), true, e->bytes & UINT32_MAX, false);
}

static struct look_step ole_step(struct look *l, struct kd_bytes got)
{
    struct entry entries[SECTOR / ENTRY];
    struct look_step next = look_want(0, SECTOR);
    if (got.n == 0)
        return look_want(SECTOR, SECTOR); /* behind the header */
    for (size_t i = 0; i < KD_COUNT(entries); i++)
        if (!read_entry(kd_bytes_head(kd_bytes_from(got, i * ENTRY), ENTRY), &entries[i]) ||
            (i == 0 && entries[i].type == 0))
            return next;
    for (size_t i = 0; i < KD_COUNT(entries); i++)
        if (entries[i].type != 0)
            on_entry(l, &entries[i]);
    return next;
}

static const char *const ole_types[] = {"ole", NULL};

const struct look_format look_ole = {.types = ole_types, .step = ole_step};
