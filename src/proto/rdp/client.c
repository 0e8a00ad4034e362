/* SPDX-License-Identifier: Apache-2.0 */
/* MCS Connect-Initial (T.125) with the GCC request (T.124) and the client's data blocks in it. */
#include "base/der.h"
#include "base/utf16.h"
#include "proto/rdp/rdp.h"

enum { CS_CORE = 0xc001, CS_NET = 0xc003, NAME_BYTES = 32 };

static void read_core(struct kd_cur c, struct rdp_client *ret)
{
    ret->version = kd_cur_le32(&c);
    ret->width = kd_cur_le16(&c);
    ret->height = kd_cur_le16(&c);
    (void)kd_cur_le32(&c); /* colours, sequence */
    ret->keyboard = kd_cur_le32(&c);
    ret->build = kd_cur_le32(&c);
    struct kd_bytes name = kd_cur_take(&c, NAME_BYTES);
    ret->known = kd_cur_ok(&c);
    size_t n = 0;
    while (n + 1 < name.n && (name.p[n] | name.p[n + 1]) != 0)
        n += 2;
    struct kd_out o = kd_out_of(ret->name, sizeof(ret->name));
    kd_out_utf16le(&o, kd_bytes_head(name, n));
    ret->name_n = (uint8_t)o.n;
}

static void read_channels(struct kd_cur c, struct rdp_client *ret)
{
    uint32_t n = kd_cur_le32(&c);
    while (n-- > 0 && kd_cur_more(&c) && ret->n_channels < RDP_CHANNELS_MAX) {
        struct kd_bytes name = kd_cur_take(&c, RDP_CHANNEL_NAME);
        (void)kd_cur_le32(&c);
        if (kd_cur_ok(&c))
            memcpy(ret->channels[ret->n_channels++], name.p, RDP_CHANNEL_NAME);
    }
}

static void read_blocks(struct kd_cur c, struct rdp_client *ret)
{
    uint8_t n = kd_cur_u8(&c);
    if (n & 0x80) /* a length of two bytes (aligned PER) */
        (void)kd_cur_u8(&c);
    while (kd_cur_more(&c)) {
        uint16_t type = kd_cur_le16(&c);
        size_t len = kd_cur_le16(&c);
        if (!kd_cur_ok(&c) || len < 4)
            return;
        struct kd_cur block = kd_cur_sub(&c, len - 4);
        if (type == CS_CORE)
            read_core(block, ret);
        else if (type == CS_NET)
            read_channels(block, ret);
    }
}

bool rdp_read_client(struct kd_bytes mcs, struct rdp_client *ret)
{
    static const uint8_t connect_initial[] = {0x7f, 0x65}; /* [APPLICATION 101] */
    *ret = (struct rdp_client){0};
    if (!kd_bytes_starts(mcs, kd_bytes_of(connect_initial, sizeof(connect_initial))))
        return false;
    /* Its length: read as if the tag were one byte. */
    size_t head = 0;
    uint64_t content = 0;
    uint8_t one_byte[6] = {KD_DER_SEQUENCE};
    struct kd_bytes length = kd_bytes_head(kd_bytes_from(mcs, 2), sizeof(one_byte) - 1);
    if (length.n > 0)
        memcpy(one_byte + 1, length.p, length.n);
    if (kd_der_head(kd_bytes_of(one_byte, 1 + length.n), &head, &content) != KD_OK)
        return false;
    struct kd_der d = kd_der_of(kd_bytes_from(mcs, head + 1));
    (void)kd_der_take(&d, KD_DER_OCTET_STRING);
    (void)kd_der_take(&d, KD_DER_OCTET_STRING);
    (void)kd_der_take(&d, KD_DER_BOOLEAN);
    for (unsigned i = 0; i < 3; i++)
        (void)kd_der_take(&d, KD_DER_SEQUENCE);
    struct kd_bytes gcc = kd_der_take(&d, KD_DER_OCTET_STRING);
    size_t key = kd_bytes_find(gcc, kd_str("Duca"));
    if (key == SIZE_MAX)
        return false;
    read_blocks(kd_cur_of(kd_bytes_from(gcc, key + 4)), ret);
    return ret->known;
}

/* [MS-RDPBCGR] 2.2.1.3.2. */
void rdp_out_version(struct kd_out *o, const struct rdp_client *c)
{
    uint32_t minor = c->version & 0xffff;
    if (minor == 1)
        kd_out_str(o, "4.0");
    else if (minor >= 5 && minor < 64)
        kd_out_fmt(o, "10.%u", minor - 5);
    else
        kd_out_str(o, "5.0");
    kd_out_fmt(o, " build %u", c->build);
}
