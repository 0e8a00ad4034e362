/* SPDX-License-Identifier: Apache-2.0 */
#include "notice/clean.h"

/* The next character of valid UTF-8; U+FFFD for a byte that is none. */
static uint32_t next(struct kd_bytes *b)
{
    size_t n = b->p[0] < 0x80 ? 1 : b->p[0] < 0xe0 ? 2 : b->p[0] < 0xf0 ? 3 : 4;
    if (n > b->n || !kd_bytes_is_utf8(kd_bytes_head(*b, n))) {
        *b = kd_bytes_from(*b, 1);
        return 0xfffd;
    }
    uint32_t c = n == 1 ? b->p[0] : b->p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (b->p[i] & 0x3f);
    *b = kd_bytes_from(*b, n);
    return c;
}

static void put(struct kd_out *o, uint32_t c)
{
    if (c < 0x80) {
        kd_out_u8(o, (uint8_t)c);
        return;
    }
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    uint8_t *at = kd_out_room(o, more + 1);
    if (at == NULL)
        return;
    for (unsigned i = more; i > 0; i--, c >>= 6)
        at[i] = (uint8_t)(0x80 | (c & 0x3f));
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    at[0] = (uint8_t)(lead[more] | c);
}

/* Unicode categories Cc, Cf, Zl, Zp as far as they change how text looks, fillers, private use, and
 * what is no character. */
static bool is_hidden(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x34f, 0x34f},
                  {0x61c, 0x61c},   {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},
                  {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164},
                  {0xe000, 0xf8ff}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
                  {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}};
    for (size_t i = 0; i < KD_COUNT(ranges); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

static const char ellipsis[] = "…";

void kd_clean_line(struct kd_out *o, struct kd_bytes text, size_t max)
{
    size_t start = o->n, fits = o->n; /* fits: the longest beginning with room for the ellipsis */
    max = kd_min_size(max, o->max - o->n);
    bool space = false;
    while (text.n > 0) {
        uint32_t c = next(&text);
        if (c == '\n' || c == '\r' || c == '\t' || c == ' ' || c == 0x2028 || c == 0x2029) {
            space = o->n > start;
            continue;
        }
        if (is_hidden(c))
            continue;
        if (o->n - start + space + 4 > max) {
            o->n = fits;
            if (o->n - start + sizeof(ellipsis) - 1 <= max)
                kd_out_str(o, ellipsis);
            return;
        }
        if (space)
            kd_out_u8(o, ' ');
        space = false;
        put(o, c);
        if (o->n - start + sizeof(ellipsis) - 1 <= max)
            fits = o->n;
    }
}

/* ---- defanging ---- */

static bool is_word(uint8_t c)
{
    return c >= 0x80 || c == '-' || c == '_' || (c >= '0' && c <= '9') ||
           (kd_ascii_lower(c) >= 'a' && kd_ascii_lower(c) <= 'z');
}

/* Endings of files an officer is told of; not those that are as common as places ("com"). */
static bool is_file_ending(struct kd_bytes label)
{
    static const char *const endings[] = {
        "exe",  "dll",  "sys", "scr",  "msi",  "bat",  "cmd",  "ps1",  "vbs",    "js",   "jse",
        "wsf",  "hta",  "lnk", "doc",  "docx", "docm", "xls",  "xlsx", "xlsm",   "ppt",  "pptx",
        "pptm", "pdf",  "rtf", "csv",  "txt",  "log",  "html", "htm",  "xml",    "json", "php",
        "asp",  "aspx", "jsp", "jar",  "rar",  "iso",  "img",  "vhd",  "tar",    "gz",   "tmp",
        "dat",  "bin",  "jpg", "jpeg", "png",  "gif",  "eml",  "kdbx", "sqlite", "conf", "yaml"};
    for (size_t i = 0; i < KD_COUNT(endings); i++)
        if (kd_bytes_ieq(label, kd_str(endings[i])))
            return true;
    return false;
}

/* Would a mail program take what ends with this label for the name of a place?  ASCII letters
 * alone; "xn--…" of foreign names too. */
static bool is_place_ending(struct kd_bytes label)
{
    bool coded = kd_bytes_istarts(label, kd_str("xn--"));
    for (size_t i = 0; i < label.n && !coded; i++)
        if (!kd_ascii_is_letter(label.p[i]))
            return false;
    return label.n >= 2 && !is_file_ending(label);
}

static struct kd_bytes word_at(struct kd_bytes b)
{
    size_t n = 0;
    while (n < b.n && is_word(b.p[n]) && b.p[n] < 0x80)
        n++;
    return kd_bytes_head(b, n);
}

static bool is_scheme(struct kd_bytes word)
{
    static const char *const schemes[] = {"http", "https", "ftp",    "ftps",       "file", "smb",
                                          "ldap", "ldaps", "mailto", "javascript", "data", "tel"};
    for (size_t i = 0; i < KD_COUNT(schemes); i++)
        if (kd_bytes_ieq(word, kd_str(schemes[i])))
            return true;
    return false;
}

static void put_scheme(struct kd_out *o, struct kd_bytes word)
{
    if (kd_bytes_istarts(word, kd_str("http"))) {
        kd_out_str(o, "hxxp");
        kd_out_bytes(o, kd_bytes_from(word, 4));
    } else {
        kd_out_bytes(o, word);
    }
    kd_out_str(o, kd_bytes_istarts(word, kd_str("http")) ? ":" : "[:]");
}

void kd_clean_foreign(struct kd_out *o, struct kd_bytes text, size_t max)
{
    enum { LINE_MAX = 4096 };
    uint8_t line[LINE_MAX], out[LINE_MAX];
    struct kd_out clean = kd_out_of(line, sizeof(line)), safe = kd_out_of(out, sizeof(out));
    kd_clean_line(&clean, text, sizeof(line));
    struct kd_bytes b = kd_out_bytes_view(&clean);
    bool inside = false; /* of a word */
    while (b.n > 0 && kd_out_ok(&safe)) {
        struct kd_bytes word = inside ? kd_str("") : word_at(b);
        if (word.n > 0 && kd_bytes_at(b, word.n) == ':' && is_scheme(word)) {
            put_scheme(&safe, word);
            b = kd_bytes_from(b, word.n + 1);
            continue;
        }
        struct kd_bytes label = b.p[0] == '.' ? word_at(kd_bytes_from(b, 1)) : kd_str("");
        bool last = kd_bytes_at(b, 1 + label.n) != '.' || !is_word(kd_bytes_at(b, 2 + label.n));
        if (inside && b.p[0] == '.' && last && is_place_ending(label))
            kd_out_str(&safe, "[.]");
        else if (inside && b.p[0] == '@')
            kd_out_str(&safe, "[@]");
        else
            kd_out_u8(&safe, b.p[0]);
        inside = is_word(b.p[0]) || (inside && b.p[0] == '.');
        b = kd_bytes_from(b, 1);
    }
    kd_clean_line(o, kd_out_bytes_view(&safe), max);
}
