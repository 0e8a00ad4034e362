/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/rule_archive.h"

#include <archive.h>
#include <archive_entry.h>

static const struct {
    const char *name;
    enum kd_rule_part part;
} configs[] = {{"classification.config", KD_PART_CLASSES},
               {"reference.config", KD_PART_REFERENCES},
               {"threshold.config", KD_PART_THRESHOLDS}};

bool kd_rule_is_list(struct kd_bytes name)
{
    static const char *const ends[] = {".lst", ".list", ".csv", ".md5", ".sha1", ".sha256", ".dat", ".data", ".state", ".rep", ".json", ".ndjson", ".jsonl"};
    for (size_t i = 0; i < KD_COUNT(ends); i++)
        if (kd_bytes_iends(name, kd_str(ends[i])))
            return true;
    return false;
}

bool kd_rule_file_name_ok(struct kd_bytes name, enum kd_rule_part *ret)
{
    enum { NAME_MAX_BYTES = 120 };
    for (size_t i = 0; i < KD_COUNT(configs); i++)
        if (kd_bytes_eq_str(name, configs[i].name))
            return *ret = configs[i].part, true;
    bool rules = kd_bytes_iends(name, kd_str(".rules"));
    *ret = rules ? KD_PART_RULES : KD_PART_DATA;
    bool ok = name.n > 6 && name.n <= NAME_MAX_BYTES && name.p[0] != '.' && (rules || kd_rule_is_list(name));
    for (size_t i = 0; ok && i < name.n; i++) {
        uint8_t c = kd_ascii_lower(name.p[i]);
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    }
    return ok;
}

bool kd_rule_is_archive(struct kd_bytes head)
{
    static const char *const begins[] = {"\x1f\x8b", "\x28\xb5\x2f\xfd", ("\xfd" "7zXZ"), "PK\x03\x04", "BZh"};
    for (size_t i = 0; i < KD_COUNT(begins); i++)
        if (kd_bytes_starts(head, kd_str(begins[i])))
            return true;
    return head.n > 262 && kd_bytes_eq_str(kd_bytes_head(kd_bytes_from(head, 257), 5), "ustar");
}

static struct kd_bytes last_part(const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    return kd_str(path == NULL ? "" : slash == NULL ? path : slash + 1);
}

static bool is_there(const struct kd_out *image, struct kd_bytes name)
{
    struct kd_bytes rest = kd_bytes_from(kd_out_bytes_view(image), KD_RULE_IMAGE_HEAD);
    struct kd_rule_image_part p;
    while (kd_rule_image_next(&rest, &p))
        if (kd_bytes_eq(p.name, name))
            return true;
    return false;
}

/* Straight into the image: its length is filled in when it is known. */
static enum kd_status take_member(struct archive *a, struct kd_out *image, enum kd_rule_part kind, struct kd_bytes name)
{
    size_t at = image->n;
    kd_rule_image_part(image, kind, name, kd_str(""));
    if (!kd_out_ok(image))
        return KD_LIMIT;
    size_t begun = image->n;
    la_ssize_t got = 0;
    uint8_t piece[64 * 1024];
    while ((got = archive_read_data(a, piece, sizeof(piece))) > 0)
        kd_out_bytes(image, kd_bytes_of(piece, (size_t)got));
    struct kd_out length = kd_out_of(image->p + at + 1 + 4, 8);
    kd_out_le64(&length, image->n - begun);
    return got < 0 ? KD_MALFORMED : kd_out_ok(image) ? KD_OK : KD_LIMIT;
}

/* What others brought under this name stays; this one is called after its source.  False: it is left out. */
static bool rename_member(const struct kd_out *image, size_t begun, const char *source, enum kd_rule_part kind, char room[160],
                          struct kd_bytes *name)
{
    struct kd_out before = {image->p, begun, begun, false};
    if (source == NULL || !is_there(&before, *name))
        return true;
    snprintf(room, 160, "%.30s.%.*s", source, (int)kd_min_size(name->n, 80), (const char *)name->p);
    *name = kd_str(room);
    enum kd_rule_part still;
    return kind == KD_PART_RULES && kd_rule_file_name_ok(*name, &still) && still == KD_PART_RULES;
}

static enum kd_status take_members(struct archive *a, const char *source, struct kd_out *image, struct kd_err *err)
{
    size_t begun = image->n;
    struct archive_entry *e;
    int got;
    for (unsigned n = 0; (got = archive_read_next_header(a, &e)) == ARCHIVE_OK; n++) {
        enum kd_rule_part kind;
        struct kd_bytes name = last_part(archive_entry_pathname(e));
        if (n >= KD_RULE_ARCHIVE_MEMBERS)
            return kd_fail(err, KD_LIMIT, 0, "the archive has too many members");
        if (archive_entry_filetype(e) != AE_IFREG || !kd_rule_file_name_ok(name, &kind))
            continue;
        char room[160];
        if (!rename_member(image, begun, source, kind, room, &name))
            continue;
        if (is_there(image, name))
            return kd_fail(err, KD_MALFORMED, 0, "two members of the archive have one name");
        enum kd_status s = take_member(a, image, kind, name);
        if (s != KD_OK)
            return kd_fail(err, s, 0, s == KD_LIMIT ? "the archive's contents are too large" : "the archive is damaged");
    }
    return got == ARCHIVE_EOF ? KD_OK : kd_fail(err, KD_MALFORMED, 0, "the archive is damaged");
}

enum kd_status kd_rule_archive(struct kd_bytes bytes, const char *source, struct kd_out *image, struct kd_err *err)
{
    struct archive *a = archive_read_new();
    if (a == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "no memory");
    (void)archive_read_support_filter_gzip(a);
    (void)archive_read_support_filter_zstd(a);
    (void)archive_read_support_filter_xz(a);
    (void)archive_read_support_format_tar(a);
    (void)archive_read_support_format_zip(a);
    enum kd_status s = archive_read_open_memory(a, bytes.p, bytes.n) == ARCHIVE_OK
                           ? take_members(a, source, image, err)
                           : kd_fail(err, KD_MALFORMED, 0, "it is no archive that is understood (tar, zip)");
    (void)archive_read_free(a);
    return s;
}
