/* SPDX-License-Identifier: Apache-2.0 */
#include "base/filetype.h"

#include "base/cursor.h"

struct magic {
    uint16_t at;
    uint8_t n;
    const char *bytes;
    const char *type;
};

/* First hit counts: longer and surer marks stand first. */
static const struct magic magics[] = {
    {0, 8, "\x89PNG\r\n\x1a\n", "png"},
    {0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"},
    {0, 16, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "onenote"},
    {0, 20, "\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", "lnk"},
    {0, 16, "SQLite format 3\0", "sqlite"},
    {0, 8, "vhdxfile", "vhdx"},
    {0, 8, "conectix", "vhd"},
    {0, 4, "KDMV", "vmdk"},
    {0, 8, "ElfFile\0", "evtx"},
    {4, 4, "\xef\xcd\xab\x89", "ese"},
    {0, 4, "regf", "regf"},
    {0, 11, "X5O!P%@AP[4", "eicar"},
    {0, 6, "MDMP\x93\xa7", "minidump"},
    {0, 4, "!BDN", "pst"},
    {0, 14, "!<arch>\ndebian", "deb"},
    {0, 4, "\xed\xab\xee\xdb", "rpm"},
    {0, 4, "\x78\x9f\x3e\x22", "tnef"},
    {0, 7, "Rar!\x1a\x07\x01", "rar"},
    {0, 7, "Rar!\x1a\x07\0", "rar"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "7z"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     "xz"},
    {0, 4, "\x28\xb5\x2f\xfd", "zstd"},
    {0, 3, "\x1f\x8b\x08", "gzip"},
    {0, 3, "BZh", "bzip2"},
    {0, 8, "MSCF\0\0\0\0", "cab"},
    {0, 4, "ITSF", "chm"},
    {0, 4,
     "\x7f"
     "ELF",
     "elf"},
    {0, 4, "\xca\xfe\xba\xbe", "java-class"},
    {0, 4, "\xcf\xfa\xed\xfe", "macho"},
    {0, 4, "\xce\xfa\xed\xfe", "macho"},
    {0, 4, "\xfe\xed\xfa\xcf", "macho"},
    {0, 4, "\xfe\xed\xfa\xce", "macho"},
    {0, 4, "dex\n", "dex"},
    {0, 4, "\0asm", "wasm"},
    {0, 3, "FWS", "swf"},
    {0, 3, "CWS", "swf"},
    {0, 3, "ZWS", "swf"},
    {0, 5, "{\\rtf", "rtf"},
    {0, 4, "{\\rt", "rtf"}, /* what Office still opens */
    {0, 3, "\xff\xd8\xff", "jpeg"},
    {0, 6, "GIF87a", "gif"},
    {0, 6, "GIF89a", "gif"},
    {8, 4, "WEBP", "webp"},
    {8, 4, "WAVE", "wav"},
    {8, 4, "AVI ", "avi"},
    {0, 4, "II*\0", "tiff"},
    {0, 4, "MM\0*", "tiff"},
    {4, 4, "ftyp", "mp4"},
    {0, 4, "OggS", "ogg"},
    {0, 3, "ID3", "mp3"},
    {0, 4, "\0\0\1\0", "ico"},
    {0, 4, "\xd4\xc3\xb2\xa1", "pcap"},
    {0, 4, "\x4d\x3c\xb2\xa1", "pcap"},
    {0, 4, "\xa1\xb2\xc3\xd4", "pcap"},
    {0, 4, "\x0a\x0d\x0d\x0a", "pcapng"},
    {0, 2, "\x60\xea", "arj"},
    {7, 7, "**ACE**", "ace"},
    {2, 3, "-lh", "lzh"},
    {257, 5, "ustar", "tar"},
    {128, 4, "DICM", "dicom"},
    {0, 11, "-----BEGIN ", "pem"},
    {0, 4, "#@~^", "vbs-encoded"},
    {0, 2, "#!", "script"},
};

static bool has_at(struct kd_bytes b, size_t at, struct kd_bytes mark)
{
    return b.n >= at + mark.n && kd_bytes_starts(kd_bytes_from(b, at), mark);
}

/* "MZ", and a PE header where it says there is one; where that lies behind the head, its offset
 * must at least be sane. */
static bool is_pe(struct kd_bytes b)
{
    if (!kd_bytes_starts(b, kd_str("MZ")))
        return false;
    struct kd_cur c = kd_cur_of(kd_bytes_from(b, 0x3c));
    uint32_t at = kd_cur_le32(&c);
    if (!kd_cur_ok(&c))
        return false;
    if (at + (uint64_t)4 <= b.n)
        return has_at(b, at, kd_bytes_of("PE\0\0", 4));
    return at < 0x10000;
}

/* By the first entry: its name tells Office and Java files, its flags encryption. */
static const char *zip_kind(struct kd_bytes b)
{
    struct kd_cur c = kd_cur_of(b);
    (void)kd_cur_take(&c, 6);
    uint16_t flags = kd_cur_le16(&c);
    (void)kd_cur_take(&c, 18);
    uint16_t n_name = kd_cur_le16(&c);
    (void)kd_cur_le16(&c);
    struct kd_bytes name = kd_cur_take(&c, n_name);
    if (flags & 1)
        return "zip-encrypted";
    if (kd_bytes_starts(name, kd_str("META-INF/")))
        return "jar";
    if (kd_bytes_eq_str(name, "mimetype"))
        return "odf";
    if (kd_bytes_eq_str(name, "[Content_Types].xml") || kd_bytes_starts(name, kd_str("_rels/")) ||
        kd_bytes_starts(name, kd_str("docProps/")))
        return kd_bytes_find(b, kd_str("vbaProject.bin")) != SIZE_MAX ? "ooxml-macro" : "ooxml";
    return "zip";
}

static bool is_text(struct kd_bytes b)
{
    const uint8_t *p = b.p;
    uint8_t other = 0;
    for (size_t i = 0; i < b.n; i++) /* without a branch, so that many are looked at together */
        other |= (uint8_t)(((p[i] < ' ') & (p[i] != '\t') & (p[i] != '\n') & (p[i] != '\r') & (p[i] != '\f') &
                            (p[i] != 0x1b)) |
                           (p[i] == 0x7f));
    return b.n > 0 && other == 0;
}

/* Formats that are text: by what they begin with, without case, after white space. */
static const char *text_kind(struct kd_bytes b)
{
    static const struct {
        const char *begin;
        const char *type;
    } begins[] = {
        {"<!doctype html", "html"}, {"<html", "html"},
        {"<head", "html"},          {"<body", "html"},
        {"<script", "html"},        {"<hta:", "hta"},
        {"<?xml", "xml"},           {"[internetshortcut]", "url-shortcut"},
        {"received:", "eml"},       {"return-path:", "eml"},
        {"mime-version:", "eml"},   {"powershell", "powershell"},
    };
    if (kd_bytes_starts(b, kd_str("\xef\xbb\xbf")))
        b = kd_bytes_from(b, 3);
    while (b.n > 0 && kd_bytes_at(b, 0) <= ' ')
        b = kd_bytes_from(b, 1);
    if (kd_bytes_icontains(kd_bytes_head(b, 512), kd_str("<hta:application")))
        return "hta";
    for (size_t i = 0; i < KD_COUNT(begins); i++)
        if (kd_bytes_istarts(b, kd_str(begins[i].begin)))
            return begins[i].type;
    return NULL;
}

static bool has_pdf(struct kd_bytes b)
{
    size_t at = kd_bytes_find_byte(b, '%');
    return at != SIZE_MAX && kd_bytes_find(kd_bytes_from(b, at), kd_str("%PDF-")) != SIZE_MAX;
}

const char *kd_filetype(struct kd_bytes head)
{
    struct kd_bytes b = kd_bytes_head(head, KD_FILETYPE_HEAD);
    if (is_pe(b))
        return "pe";
    if (kd_bytes_starts(b, kd_str("PK\x03\x04")))
        return zip_kind(b);
    /* Readers accept some bytes before the mark. */
    if (has_pdf(b))
        return "pdf";
    if (kd_bytes_starts(b, kd_str("BM")) && has_at(b, 6, kd_bytes_of("\0\0\0\0", 4)))
        return "bmp";
    for (size_t i = 0; i < KD_COUNT(magics); i++)
        if (kd_bytes_at(b, magics[i].at) == (uint8_t)magics[i].bytes[0] &&
            has_at(b, magics[i].at, kd_bytes_of(magics[i].bytes, magics[i].n)))
            return magics[i].type;
    const char *kind = text_kind(b);
    if (kind != NULL)
        return kind;
    return is_text(b) ? "text" : NULL;
}

bool kd_filetype_is_risky(const char *type)
{
    static const char *const harmless[] = {
        "png", "jpeg", "gif", "bmp",  "webp", "tiff", "ico",    "mp4",  "mp3",   "wav", "avi",
        "ogg", "html", "xml", "text", "pem",  "pcap", "pcapng", "eml", "dicom", "sqlite",
    };
    for (size_t i = 0; type != NULL && i < KD_COUNT(harmless); i++)
        if (kd_str_eq(type, harmless[i]))
            return false;
    return true;
}

bool kd_filename_is_risky(struct kd_bytes name)
{
    static const char *const ends[] = {
        ".ps1", ".psm1", ".psd1", ".bat", ".cmd", ".vbs", ".vbe", ".jse", ".wsf",  ".wsh", ".hta",
        ".sct", ".lnk",  ".url",  ".reg", ".inf", ".iqy", ".slk", ".sh",  ".rdp", ".xll", ".library-ms",
    };
    for (size_t i = 0; i < KD_COUNT(ends); i++)
        if (kd_bytes_iends(name, kd_str(ends[i])))
            return true;
    return false;
}

void kd_filetype_add(struct kd_filetype_scan *s, struct kd_bytes piece)
{
    static const char mark[] = "CD001";
    bool joins = s->seen == s->n; /* what stands behind a gap is no part of the head */
    size_t n = joins ? kd_min_size(piece.n, KD_FILETYPE_HEAD - s->n) : 0;
    if (n > 0)
        memcpy(s->head + s->n, piece.p, n);
    s->n += (uint32_t)n;
    uint64_t end = s->seen + piece.n;
    for (uint64_t at = KD_FILETYPE_ISO_AT + s->iso; s->iso < 5 && at >= s->seen && at < end; at++) {
        if (kd_bytes_at(piece, (size_t)(at - s->seen)) != (uint8_t)mark[s->iso])
            break;
        s->iso++;
    }
    s->seen = end;
}

const char *kd_filetype_end(const struct kd_filetype_scan *s)
{
    return s->iso == 5 ? "iso" : kd_filetype(kd_bytes_of(s->head, s->n));
}
