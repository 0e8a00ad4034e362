/* SPDX-License-Identifier: Apache-2.0 */
/* The encapsulation of EtherNet/IP (CIP Networks Library, volume 2, chapter 2). */
#include "proto/enip/enip.h"

enum {
    ITEM_CONNECTED_ADDRESS = 0xa1,
    ITEM_CONNECTED_DATA = 0xb1,
    ITEM_UNCONNECTED_DATA = 0xb2,
    ITEM_IDENTITY = 0x0c,
    ITEM_SERVICES = 0x100,
    ITEMS_MAX = 8
};

static struct kd_bytes text_of_number(uint8_t *room, uint32_t v)
{
    struct kd_out o = kd_out_of(room, ENIP_NAME);
    kd_out_u64(&o, v);
    return kd_out_bytes_view(&o);
}

static struct kd_bytes name_or_number(const char *name, uint8_t *room, uint32_t v)
{
    return name != NULL ? kd_str(name) : text_of_number(room, v);
}

static void read_identity(struct kd_bytes in, struct enip_message *m)
{
    enum { SOCKET_ADDRESS = 16 };
    struct kd_cur c = kd_cur_of(in);
    struct kd_enip_identity *id = &m->identity;
    id->protocol_version = kd_cur_le16(&c);
    (void)kd_cur_take(&c, SOCKET_ADDRESS);
    m->vendor = kd_cur_le16(&c);
    m->device_type = kd_cur_le16(&c);
    id->product_code = kd_cur_le16(&c);
    m->revision = kd_cur_be16(&c); /* major, minor */
    id->status = kd_cur_le16(&c);
    id->serial = kd_cur_le32(&c);
    id->product_name = kd_cur_take(&c, kd_cur_u8(&c));
    id->state = kd_cur_u8(&c);
    struct kd_out o = kd_out_of(m->revision_text, sizeof(m->revision_text));
    kd_out_u64(&o, m->revision >> 8);
    kd_out_u8(&o, '.');
    kd_out_u64(&o, m->revision & UINT8_MAX);
    id->revision = kd_out_bytes_view(&o);
    id->vendor_id = name_or_number(enip_vendor_name(m->vendor), m->vendor_text, m->vendor);
    id->device_type = name_or_number(enip_device_name(m->device_type), m->type_text, m->device_type);
    m->has_identity = kd_cur_ok(&c);
    m->broken |= !m->has_identity;
}

static void read_services(struct kd_bytes in, struct enip_message *m)
{
    enum { NAME_BYTES = 16 };
    struct kd_cur c = kd_cur_of(in);
    m->version = kd_cur_le16(&c);
    m->capabilities = kd_cur_le16(&c);
    struct kd_bytes name = kd_cur_take(&c, kd_min_size(NAME_BYTES, kd_cur_left(&c))); /* some end it early */
    m->service_name = kd_bytes_cut(&name, 0);
    m->has_services = kd_cur_ok(&c);
    m->broken |= !m->has_services;
}

static void read_item(uint16_t type, struct kd_bytes in, struct enip_message *m)
{
    struct kd_cur c = kd_cur_of(in);
    switch (type) {
    case ITEM_CONNECTED_ADDRESS:
        m->connection = kd_cur_le32(&c);
        break;
    case ITEM_CONNECTED_DATA:
        m->sequence = kd_cur_le16(&c);
        cip_read(kd_cur_rest(&c), m);
        break;
    case ITEM_UNCONNECTED_DATA:
        cip_read(in, m);
        break;
    case ITEM_IDENTITY:
        read_identity(in, m);
        break;
    case ITEM_SERVICES:
        read_services(in, m);
        break;
    default:
        break;
    }
}

/* The Common Packet Format: items of a type and a length. */
static void read_items(struct kd_cur *c, struct enip_message *m)
{
    uint16_t n = kd_cur_le16(c);
    for (unsigned i = 0; i < n && i < ITEMS_MAX; i++) {
        uint16_t type = kd_cur_le16(c);
        struct kd_bytes item = kd_cur_take(c, kd_cur_le16(c));
        if (!kd_cur_ok(c)) {
            m->broken = true;
            return;
        }
        read_item(type, item, m);
    }
}

void enip_read(struct kd_bytes in, struct enip_message *m)
{
    struct kd_cur c = kd_cur_of(in);
    m->command = kd_cur_le16(&c);
    uint16_t length = kd_cur_le16(&c);
    m->session = kd_cur_le32(&c);
    m->status = kd_cur_le32(&c);
    m->context = kd_cur_take(&c, 8);
    m->options = kd_cur_le32(&c);
    m->broken = !kd_cur_ok(&c) || length != kd_cur_left(&c);
    m->has_register = m->has_identity = m->has_services = false;
    m->connection = 0;
    m->sequence = 0;
    m->n_cip = 0;
    switch (m->command) {
    case ENIP_REGISTER_SESSION:
        m->version = kd_cur_le16(&c);
        m->register_options = kd_cur_le16(&c);
        m->has_register = kd_cur_ok(&c);
        break;
    case ENIP_LIST_SERVICES:
    case ENIP_LIST_IDENTITY:
        if (kd_cur_more(&c))
            read_items(&c, m);
        break;
    case ENIP_SEND_RR_DATA:
    case ENIP_SEND_UNIT_DATA:
        if (m->status != 0 && !kd_cur_more(&c))
            break; /* refused: nothing follows */
        (void)kd_cur_le32(&c); /* interface */
        (void)kd_cur_le16(&c); /* time-out */
        read_items(&c, m);
        break;
    default:
        break;
    }
}

enum enip_side enip_side(const struct enip_message *m, size_t length)
{
    switch (m->command) {
    case ENIP_LIST_SERVICES:
    case ENIP_LIST_IDENTITY:
    case ENIP_LIST_INTERFACES:
        return length == ENIP_HEADER ? ENIP_REQUEST : ENIP_RESPONSE;
    case ENIP_REGISTER_SESSION:
        return m->session == 0 && m->status == 0 ? ENIP_REQUEST : ENIP_RESPONSE;
    case ENIP_UNREGISTER_SESSION:
        return ENIP_REQUEST;
    case ENIP_SEND_RR_DATA:
    case ENIP_SEND_UNIT_DATA:
        if (m->n_cip == 0)
            return m->status != 0 ? ENIP_RESPONSE : ENIP_EITHER;
        return m->cip[0].code & CIP_ANSWER ? ENIP_RESPONSE : ENIP_REQUEST;
    default:
        return ENIP_EITHER;
    }
}
