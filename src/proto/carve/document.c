/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that are read by their key words: PDF (ISO 32000-1), RTF, OneNote ([MS-ONESTORE]). */
#include "base/filetype.h"
#include "proto/carve/look.h"

enum { WORD_MAX = 40, TEXT_MAX = 512 };

/* --- PDF: names ("/JavaScript", also written /J#61vaScript) --- */

struct pdf {
    bool in_name;
    uint8_t n;
    uint8_t word[WORD_MAX];
};

static int hex_digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void pdf_name(struct look *l, struct kd_bytes raw)
{
    uint8_t room[WORD_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    for (size_t i = 0; i < raw.n; i++) {
        int high = hex_digit(kd_bytes_at(raw, i + 1));
        int low = hex_digit(kd_bytes_at(raw, i + 2));
        bool escape = raw.p[i] == '#' && high >= 0 && low >= 0;
        kd_out_u8(&o, escape ? (uint8_t)(high << 4 | low) : raw.p[i]);
        i += escape ? 2 : 0;
    }
    struct kd_bytes name = kd_out_bytes_view(&o);
    if (kd_bytes_eq_str(name, "Encrypt"))
        l->found.encrypted = true;
    else if (kd_bytes_eq_str(name, "JavaScript") || kd_bytes_eq_str(name, "JS") ||
             kd_bytes_eq_str(name, "Launch"))
        l->found.macro = true;
    else if (kd_bytes_eq_str(name, "EmbeddedFile") && l->found.n_members == 0)
        (void)look_member(l, kd_str("EmbeddedFile"), true, 0, false);
}

static bool is_regular(uint8_t c)
{
    return c > ' ' && c < 0x7f && strchr("()<>[]{}/%", c) == NULL;
}

static struct look_step pdf_step(struct look *l, struct kd_bytes got)
{
    struct pdf *s = l->state;
    while (got.n > 0) {
        if (!s->in_name) {
            size_t at = kd_bytes_find_byte(got, '/');
            if (at == SIZE_MAX)
                break;
            s->in_name = true;
            s->n = 0;
            got = kd_bytes_from(got, at + 1);
            continue;
        }
        uint8_t c = kd_bytes_at(got, 0);
        if (!is_regular(c)) {
            pdf_name(l, kd_bytes_of(s->word, s->n));
            s->in_name = false;
            continue; /* it may be the next "/" */
        }
        if (s->n == WORD_MAX)
            s->in_name = false;
        else
            s->word[s->n++] = c;
        got = kd_bytes_from(got, 1);
    }
    return look_any(0, UINT64_MAX);
}

static const char *const pdf_types[] = {"pdf", NULL};
const struct look_format look_pdf = {
    .types = pdf_types, .state_bytes = sizeof(struct pdf), .step = pdf_step};

/* --- RTF: control words; objects, and templates from elsewhere --- */

struct rtf {
    uint8_t state; /* 0 text, 1 word, 2 the text behind a word that is kept */
    bool template;
    uint8_t n;
    uint16_t n_text;
    uint8_t word[WORD_MAX];
    uint8_t text[TEXT_MAX];
};

enum { RTF_TEXT, RTF_WORD, RTF_VALUE };

static void rtf_word(struct look *l, struct rtf *s)
{
    struct kd_bytes word = kd_bytes_of(s->word, s->n);
    s->state = RTF_TEXT;
    s->n_text = 0;
    if (kd_bytes_eq_str(word, "template") || kd_bytes_eq_str(word, "objclass")) {
        s->template = kd_bytes_at(word, 0) == 't';
        s->state = RTF_VALUE;
    } else if (kd_bytes_eq_str(word, "objupdate") || kd_bytes_eq_str(word, "objautlink")) {
        l->found.macro = true; /* runs by itself when it is opened */
    } else if (kd_bytes_eq_str(word, "objdata") && l->found.n_members == 0) {
        (void)look_member(l, kd_str("object"), true, 0, false);
    }
}

static void rtf_value(struct look *l, struct rtf *s)
{
    struct kd_bytes text = kd_bytes_trim(kd_bytes_of(s->text, s->n_text));
    s->state = RTF_TEXT;
    if (s->template &&
        (kd_bytes_find(text, kd_str("://")) != SIZE_MAX || kd_bytes_starts(text, kd_str("\\\\"))))
        look_link(l, text);
    else if (!s->template && text.n > 0)
        (void)look_member(l, text, false, 0, false);
}

static struct look_step rtf_step(struct look *l, struct kd_bytes got)
{
    struct rtf *s = l->state;
    for (size_t i = 0; i < got.n; i++) {
        uint8_t c = got.p[i];
        if (s->state == RTF_TEXT) {
            size_t at = kd_bytes_find_byte(kd_bytes_from(got, i), '\\');
            if (at == SIZE_MAX)
                break;
            i += at;
            s->state = RTF_WORD;
            s->n = 0;
        } else if (s->state == RTF_WORD) {
            bool letter = kd_ascii_lower(c) >= 'a' && kd_ascii_lower(c) <= 'z';
            if (letter && s->n < WORD_MAX) {
                s->word[s->n++] = c;
                continue;
            }
            rtf_word(l, s);
            if (s->state == RTF_TEXT && c == '\\')
                i--; /* the next word */
        } else if (c == '}' || c == '{' || s->n_text == TEXT_MAX) {
            rtf_value(l, s);
        } else if (c != '\r' && c != '\n') {
            s->text[s->n_text++] = c;
        }
    }
    return look_any(0, UINT64_MAX);
}

static const char *const rtf_types[] = {"rtf", NULL};
const struct look_format look_rtf = {
    .types = rtf_types, .state_bytes = sizeof(struct rtf), .step = rtf_step};

/* --- OneNote: files put into a page (FileDataStoreObject, 2.6.13) --- */

struct onenote {
    uint8_t matched;
    bool size_due, head_due;
    uint64_t bytes;
};

static struct look_step onenote_step(struct look *l, struct kd_bytes got)
{
    static const uint8_t mark[16] = {0xe7, 0x16, 0xe3, 0xbd, 0x65, 0x26, 0x11, 0x45,
                                     0xa4, 0xc4, 0x8d, 0x4d, 0x0b, 0x7a, 0x9e, 0xac};
    enum { NUMBERS = 20, HEAD = 512 };
    struct onenote *s = l->state;
    if (s->head_due) {
        char name[48];
        const char *type = kd_filetype(got);
        struct kd_out o = kd_out_of(name, sizeof(name));
        kd_out_fmt(&o, "embedded file%s%s%s", type == NULL ? "" : " (", type == NULL ? "" : type,
                   type == NULL ? "" : ")");
        (void)look_member(l, kd_out_bytes_view(&o), true, s->bytes, false);
        s->head_due = false;
    } else if (s->size_due) {
        struct kd_cur c = kd_cur_of(got);
        s->size_due = false;
        s->bytes = kd_cur_le64(&c);
        s->head_due = s->bytes > 0;
        if (s->head_due)
            return look_want(0, kd_min_u64(s->bytes, HEAD));
    } else if (got.n > 0) {
        size_t at = look_find(got, kd_bytes_of(mark, sizeof(mark)), &s->matched);
        if (at != SIZE_MAX) {
            l->back = got.n - at;
            s->size_due = true;
            return look_want(0, NUMBERS);
        }
    }
    return look_any(0, UINT64_MAX);
}

static const char *const onenote_types[] = {"onenote", NULL};
const struct look_format look_onenote = {
    .types = onenote_types, .state_bytes = sizeof(struct onenote), .step = onenote_step};
