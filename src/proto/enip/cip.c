/* SPDX-License-Identifier: Apache-2.0 */
/* The Common Industrial Protocol: a service asked of one part of a device, named by a path (CIP Networks Library,
 * volume 1, chapters 2 and C-1). */
#include "proto/enip/enip.h"

enum {
    GET_ATTRIBUTE_LIST = 3,
    SET_ATTRIBUTE_LIST = 4,
    MULTIPLE_SERVICE = 0x0a,
    UNCONNECTED_SEND = 0x52,
    CONNECTION_MANAGER = 6
};
enum { SEGMENT_PORT = 0, SEGMENT_LOGICAL = 1, SYMBOL = 0x91 };
enum { LOGICAL_CLASS = 0, LOGICAL_INSTANCE = 1, LOGICAL_ATTRIBUTE = 4, LOGICAL_SPECIAL = 5 };

static void add_attribute(struct cip_service *s, uint32_t attribute)
{
    if (s->n_attributes < CIP_ATTRIBUTES_MAX)
        s->attribute[s->n_attributes++] = attribute;
}

/* A number of 8, 16 or 32 bits; the longer ones stand behind a byte that fills up. */
static uint32_t logical_value(struct kd_cur *c, unsigned format)
{
    if (format == 0)
        return kd_cur_u8(c);
    (void)kd_cur_u8(c);
    return format == 1 ? kd_cur_le16(c) : kd_cur_le32(c);
}

static void logical(struct kd_cur *c, uint8_t head, struct cip_service *s)
{
    static const char *const names[] = {[LOGICAL_CLASS] = "class", [LOGICAL_INSTANCE] = "instance",
                                        [LOGICAL_ATTRIBUTE] = "attribute"};
    enum { KEY_BYTES = 9 };
    unsigned kind = head >> 2 & 7;
    if (kind == LOGICAL_SPECIAL) { /* an electronic key: which device is expected */
        (void)kd_cur_take(c, KEY_BYTES);
        return;
    }
    uint32_t v = logical_value(c, head & 3);
    if (!kd_cur_ok(c) || kind >= KD_COUNT(names) || names[kind] == NULL)
        return;
    if (kind == LOGICAL_CLASS) {
        s->has_class = true;
        s->class_id = v;
    } else if (kind == LOGICAL_INSTANCE) {
        s->has_instance = true;
        s->instance = v;
    } else {
        add_attribute(s, v);
    }
    if (s->n_segments < CIP_SEGMENTS_MAX)
        s->segment[s->n_segments++] = (struct kd_cip_segment){.kind = kd_str(names[kind]), .value = v};
}

static void read_path(struct kd_bytes in, struct cip_service *s)
{
    struct kd_cur c = kd_cur_of(in);
    while (kd_cur_more(&c)) {
        uint8_t head = kd_cur_u8(&c);
        if (head >> 5 == SEGMENT_LOGICAL) {
            logical(&c, head, s);
        } else if (head >> 5 == SEGMENT_PORT) {
            (void)kd_cur_u8(&c); /* the next device on the way */
        } else if (head == SYMBOL) {
            uint8_t n = kd_cur_u8(&c);
            (void)kd_cur_take(&c, n + (n & 1u));
        } else {
            return;
        }
    }
}

/* Attributes named behind the path: all of a question's, the first of what is set (values follow each). */
static void read_list(struct kd_cur *c, struct cip_service *s)
{
    uint16_t n = kd_cur_le16(c);
    if (s->code == SET_ATTRIBUTE_LIST)
        n = n > 0;
    for (unsigned i = 0; i < n && i < CIP_ATTRIBUTES_MAX; i++) {
        uint16_t v = kd_cur_le16(c);
        if (kd_cur_ok(c))
            add_attribute(s, v);
    }
}

/* One service; *ret_data is what follows its head.  False: its head is not whole. */
static bool read_service(struct kd_bytes in, struct cip_service *s, struct kd_bytes *ret_data)
{
    struct kd_cur c = kd_cur_of(in);
    *s = (struct cip_service){.code = kd_cur_u8(&c)};
    if (s->code & CIP_ANSWER) {
        (void)kd_cur_u8(&c);
        s->status = kd_cur_u8(&c);
        uint8_t words = kd_cur_u8(&c);
        struct kd_bytes more = kd_cur_take(&c, words * (size_t)2);
        s->has_extended = more.n >= 2;
        s->extended = (uint16_t)(kd_bytes_at(more, 0) | kd_bytes_at(more, 1) << 8);
    } else {
        uint8_t words = kd_cur_u8(&c);
        read_path(kd_cur_take(&c, words * (size_t)2), s);
    }
    *ret_data = kd_cur_rest(&c);
    if (!kd_cur_ok(&c))
        return false;
    struct kd_cur data = kd_cur_of(*ret_data);
    if (s->code == GET_ATTRIBUTE_LIST || s->code == SET_ATTRIBUTE_LIST)
        read_list(&data, s);
    return true;
}

/* How many, where each begins from here, and they. */
static void read_multiple(struct kd_bytes data, struct enip_message *m)
{
    struct kd_cur c = kd_cur_of(data);
    uint16_t n = kd_cur_le16(&c);
    for (unsigned i = 0; i < n && m->n_cip < KD_COUNT(m->cip); i++) {
        uint16_t at = kd_cur_le16(&c);
        struct kd_bytes rest;
        if (!kd_cur_ok(&c) || at >= data.n || !read_service(kd_bytes_from(data, at), &m->cip[m->n_cip], &rest)) {
            m->broken = true;
            return;
        }
        m->n_cip++;
    }
}

/* A request that shall be passed on: time-out, length, the request, or several. */
static void read_passed_on(struct kd_bytes data, struct enip_message *m)
{
    struct kd_cur c = kd_cur_of(data);
    struct kd_bytes rest;
    (void)kd_cur_take(&c, 2);
    struct kd_bytes inner = kd_cur_take(&c, kd_cur_le16(&c));
    struct cip_service *s = &m->cip[m->n_cip];
    if (!kd_cur_ok(&c) || !read_service(inner, s, &rest))
        return;
    m->n_cip++;
    if (s->code == MULTIPLE_SERVICE)
        read_multiple(rest, m);
}

void cip_read(struct kd_bytes in, struct enip_message *m)
{
    struct kd_bytes data;
    struct cip_service *s = &m->cip[0];
    if (!read_service(in, s, &data)) {
        m->broken = true;
        return;
    }
    m->n_cip = 1;
    if ((s->code & ~CIP_ANSWER) == MULTIPLE_SERVICE)
        read_multiple(data, m);
    else if (s->code == UNCONNECTED_SEND && s->class_id == CONNECTION_MANAGER)
        read_passed_on(data, m);
}
