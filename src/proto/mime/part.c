/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mime/part.h"

enum { DECODE_BYTES = 3072 }; /* decoded at once, on the stack */

const char *kd_part_encoding_name(enum kd_part_encoding encoding)
{
    switch (encoding) {
    case KD_PART_BASE64:
        return "base64";
    case KD_PART_QUOTED:
        return "quoted-printable";
    case KD_PART_PLAIN:
        break;
    }
    return NULL;
}

void kd_part_start(struct kd_part *p, enum kd_part_encoding encoding, bool is_file, bool is_text,
                   bool is_html)
{
    *p = (struct kd_part){.is_file = is_file,
                          .is_text = is_text,
                          .encoding = (uint8_t)encoding,
                          .links.html = is_html};
}

static void decoded(struct kd_part *p, struct kd_bytes b, kd_link_found *link, void *user)
{
    p->bytes += b.n;
    kd_carve_data(p->file, b);
    if (p->is_text)
        kd_links_add(&p->links, b, link, user);
    if (p->is_text && !p->is_file)
        kd_personal_add(&p->personal, b);
}

static int hex_digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A character behind "=": the writer gets what it makes.  Line ends vanish, an escape that is none
 * is taken literally (RFC 2045 6.7). */
static void quoted_char(struct kd_part *p, uint8_t c, struct kd_out *o)
{
    p->quoted[p->n_quoted++ - 1] = c;
    if (p->n_quoted == 2) {
        if (c == '\n')
            p->n_quoted = 0;
        else if (hex_digit(c) < 0 && c != '\r') {
            kd_out_u8(o, '=');
            kd_out_u8(o, c);
            p->n_quoted = 0;
        }
        return;
    }
    int high = hex_digit(p->quoted[0]);
    int low = hex_digit(c);
    p->n_quoted = 0;
    if (high >= 0 && low >= 0) {
        kd_out_u8(o, (uint8_t)(high << 4 | low));
    } else if (p->quoted[0] != '\r') {
        kd_out_u8(o, '=');
        kd_out_u8(o, p->quoted[0]);
        kd_out_u8(o, c);
    } else if (c != '\n') {
        kd_out_u8(o, c);
    }
}

static void decode_quoted(struct kd_part *p, struct kd_bytes in, struct kd_out *o)
{
    while (in.n > 0) {
        if (p->n_quoted > 0) {
            quoted_char(p, kd_bytes_at(in, 0), o);
            in = kd_bytes_from(in, 1);
            continue;
        }
        size_t at = kd_bytes_find_byte(in, '=');
        struct kd_bytes plain = kd_bytes_head(in, at);
        kd_out_bytes(o, plain);
        in = kd_bytes_from(in, plain.n);
        if (at != SIZE_MAX) {
            p->n_quoted = 1;
            in = kd_bytes_from(in, 1);
        }
    }
}

void kd_part_add(struct kd_part *p, struct kd_bytes in, kd_link_found *link, void *user)
{
    uint8_t room[DECODE_BYTES + 16];
    if (!p->is_file && !p->is_text)
        return;
    if (p->encoding == KD_PART_PLAIN) {
        decoded(p, in, link, user);
        return;
    }
    while (in.n > 0) {
        struct kd_out o = kd_out_of(room, sizeof(room));
        struct kd_bytes piece = kd_bytes_head(in, DECODE_BYTES);
        in = kd_bytes_from(in, piece.n);
        if (p->encoding == KD_PART_BASE64)
            p->foreign += kd_base64_add(&p->base64, piece, &o);
        else
            decode_quoted(p, piece, &o);
        decoded(p, kd_out_bytes_view(&o), link, user);
    }
}

void kd_part_lost(struct kd_part *p, uint64_t n)
{
    p->lost = true;
    kd_carve_gap(p->file, p->encoding == KD_PART_BASE64 ? n / 4 * 3 + 1 : n);
}

void kd_part_end(struct kd_part *p, kd_link_found *link, void *user)
{
    uint8_t room[8];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (!p->is_file && !p->is_text)
        return;
    kd_base64_end(&p->base64, &o);
    decoded(p, kd_out_bytes_view(&o), link, user);
    if (p->is_text)
        kd_links_end(&p->links, link, user);
    kd_personal_end(&p->personal);
}
