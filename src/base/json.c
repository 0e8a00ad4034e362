/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

/* Bytes that go out as they are: printable ASCII but " and \. */
static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t sequence_length(struct kd_bytes b)
{
    size_t len = b.p[0] >= 0xf0 ? 4 : b.p[0] >= 0xe0 ? 3 : 2;
    if (b.p[0] >= 0xc2 && b.n >= len && kd_bytes_is_utf8(kd_bytes_head(b, len)))
        return len;
    return 0;
}

static size_t put_special(struct kd_out *o, struct kd_bytes b)
{
    uint8_t c = b.p[0];
    if (c >= 0x80) {
        size_t len = sequence_length(b);
        if (len > 0)
            kd_out_bytes(o, kd_bytes_head(b, len));
        else
            kd_out_str(o, "\xef\xbf\xbd");
        return len > 0 ? len : 1;
    }
    switch (c) {
    case '"':
        kd_out_str(o, "\\\"");
        break;
    case '\\':
        kd_out_str(o, "\\\\");
        break;
    case '\n':
        kd_out_str(o, "\\n");
        break;
    case '\r':
        kd_out_str(o, "\\r");
        break;
    case '\t':
        kd_out_str(o, "\\t");
        break;
    default:
        kd_out_str(o, "\\u00");
        kd_out_hex(o, kd_bytes_of(&c, 1));
        break;
    }
    return 1;
}

void kd_json_string(struct kd_out *o, struct kd_bytes text)
{
    kd_out_u8(o, '"');
    for (size_t i = 0; i < text.n;) {
        size_t run = i;
        while (run < text.n && is_plain(text.p[run]))
            run++;
        kd_out_bytes(o, kd_bytes_of(text.p + i, run - i));
        i = run;
        if (i < text.n)
            i += put_special(o, kd_bytes_from(text, i));
    }
    kd_out_u8(o, '"');
}

void kd_json_key(struct kd_out *o, const char *key)
{
    kd_out_u8(o, '"');
    kd_out_str(o, key);
    kd_out_str(o, "\":");
}

void kd_json_moment(struct kd_out *o, const char *key, uint64_t us, int zone_s)
{
    kd_out_u8(o, ',');
    kd_json_key(o, key);
    kd_out_str(o, us != 0 ? "\"" : "null");
    if (us == 0)
        return;
    kd_out_time(o, us, zone_s);
    kd_out_u8(o, '"');
}
