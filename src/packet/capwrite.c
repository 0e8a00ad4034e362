/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/capwrite.h"

#include <string.h>

enum { SECTION = 0x0a0d0d0a, ORDER = 0x1a2b3c4d, INTERFACE = 1, FRAME = 6, COMMENT = 1 };

static uint32_t padded(size_t n)
{
    return (uint32_t)((n + 3) & ~(size_t)3);
}

static void put_padding(struct kd_out *o, size_t n)
{
    for (size_t i = n; i < padded(n); i++)
        kd_out_u8(o, 0);
}

void kd_pcapng_section(struct kd_out *o, const char *comment)
{
    size_t n = strlen(comment);
    uint32_t option = n == 0 ? 0 : 4 + padded(n) + 4;
    uint32_t total = 28 + option;
    kd_out_le32(o, SECTION);
    kd_out_le32(o, total);
    kd_out_le32(o, ORDER);
    kd_out_le16(o, 1);
    kd_out_le16(o, 0);
    kd_out_le64(o, UINT64_MAX); /* section length not given */
    if (n > 0) {
        kd_out_le16(o, COMMENT);
        kd_out_le16(o, (uint16_t)n);
        kd_out_str(o, comment);
        put_padding(o, n);
        kd_out_le32(o, 0); /* end of options */
    }
    kd_out_le32(o, total);
}

void kd_pcapng_interface(struct kd_out *o, uint32_t link)
{
    kd_out_le32(o, INTERFACE);
    kd_out_le32(o, 20);
    kd_out_le16(o, (uint16_t)link);
    kd_out_le16(o, 0);
    kd_out_le32(o, 0); /* no limit of length; microseconds are the default */
    kd_out_le32(o, 20);
}

uint64_t kd_pcapng_frame_bytes(const struct kd_captured *c)
{
    return KD_PCAPNG_BEGIN + (uint64_t)padded(c->bytes.n) + 4;
}

void kd_pcapng_frame_begin(struct kd_out *o, uint32_t interface, const struct kd_captured *c)
{
    kd_out_le32(o, FRAME);
    kd_out_le32(o, (uint32_t)kd_pcapng_frame_bytes(c));
    kd_out_le32(o, interface);
    kd_out_le32(o, (uint32_t)(c->ts_us >> 32));
    kd_out_le32(o, (uint32_t)c->ts_us);
    kd_out_le32(o, (uint32_t)c->bytes.n);
    kd_out_le32(o, c->length);
}

void kd_pcapng_frame_end(struct kd_out *o, const struct kd_captured *c)
{
    put_padding(o, c->bytes.n);
    kd_out_le32(o, (uint32_t)kd_pcapng_frame_bytes(c));
}
