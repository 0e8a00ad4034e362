/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mqtt/mqtt.h"

/* Variable byte integer (5.0, 1.5.5): at most four bytes. */
static uint32_t varint(struct kd_cur *c)
{
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t b = kd_cur_u8(c);
        v |= (uint32_t)(b & 0x7f) << shift;
        if ((b & 0x80) == 0)
            return v;
    }
    kd_cur_fail(c);
    return 0;
}

enum kd_status mqtt_read_fixed(struct kd_bytes in, struct mqtt_fixed *ret)
{
    struct kd_cur c = kd_cur_of(kd_bytes_head(in, MQTT_HEADER_MAX));
    uint8_t first = kd_cur_u8(&c);
    uint32_t rest = varint(&c);
    if (!kd_cur_ok(&c))
        return in.n < MQTT_HEADER_MAX ? KD_MORE : KD_MALFORMED;
    size_t header_n = kd_min_size(in.n, MQTT_HEADER_MAX) - kd_cur_left(&c);
    *ret = (struct mqtt_fixed){(enum mqtt_type)(first >> 4), first & 15, (uint8_t)header_n, rest + header_n};
    return KD_OK;
}

size_t mqtt_publish_head(const struct mqtt_fixed *f, struct kd_bytes in)
{
    size_t head = f->header_n + 2u;
    if (in.n < head)
        return 0;
    head += kd_bytes_be16(in, f->header_n) + (mqtt_qos(f) > 0 ? 2u : 0);
    return (size_t)kd_min_u64(head, f->total);
}

static struct kd_bytes text(struct kd_cur *c)
{
    return kd_cur_take(c, kd_cur_be16(c));
}

/* ---- properties (5.0, 2.2.2) ---- */

enum kind { NONE, BYTE, TWO, FOUR, VARINT, TEXT, PAIR };

static const struct {
    const char *name;
    enum kind kind;
} kinds[] = {
    [1] = {"payload_format_indicator", BYTE},
    [2] = {"message_expiry_interval", FOUR},
    [3] = {"content_type", TEXT},
    [8] = {"response_topic", TEXT},
    [9] = {"correlation_data", TEXT},
    [11] = {"subscription_identifier", VARINT},
    [17] = {"session_expiry_interval", FOUR},
    [18] = {"assigned_client_identifier", TEXT},
    [19] = {"server_keep_alive", TWO},
    [21] = {"authentication_method", TEXT},
    [22] = {"authentication_data", TEXT},
    [23] = {"request_problem_information", BYTE},
    [24] = {"will_delay_interval", FOUR},
    [25] = {"request_response_information", BYTE},
    [26] = {"response_information", TEXT},
    [28] = {"server_reference", TEXT},
    [31] = {"reason_string", TEXT},
    [33] = {"receive_maximum", TWO},
    [34] = {"topic_alias_maximum", TWO},
    [35] = {"topic_alias", TWO},
    [36] = {"maximum_qos", BYTE},
    [37] = {"retain_available", BYTE},
    [38] = {"", PAIR},
    [39] = {"maximum_packet_size", FOUR},
    [40] = {"wildcard_subscription_available", BYTE},
    [41] = {"subscription_identifiers_available", BYTE},
    [42] = {"shared_subscription_available", BYTE},
};

static bool read_property(struct kd_cur *c, struct kd_property *ret)
{
    uint32_t id = varint(c);
    if (!kd_cur_ok(c) || id >= KD_COUNT(kinds) || kinds[id].kind == NONE)
        return false;
    *ret = (struct kd_property){.name = kd_str(kinds[id].name), .numeric = kinds[id].kind < TEXT};
    switch (kinds[id].kind) {
    case BYTE:
        ret->number = kd_cur_u8(c);
        break;
    case TWO:
        ret->number = kd_cur_be16(c);
        break;
    case FOUR:
        ret->number = kd_cur_be32(c);
        break;
    case VARINT:
        ret->number = varint(c);
        break;
    case PAIR:
        ret->name = text(c);
        ret->text = text(c);
        break;
    default:
        ret->text = text(c);
        break;
    }
    return kd_cur_ok(c);
}

static bool read_properties(struct kd_cur *c, struct mqtt_properties *ret)
{
    struct kd_cur in = kd_cur_sub(c, varint(c));
    if (!kd_cur_ok(c))
        return false;
    while (kd_cur_more(&in)) {
        struct kd_property one;
        if (!read_property(&in, &one))
            return false;
        if (ret->n < MQTT_PROPERTIES_MAX)
            ret->v[ret->n++] = one;
    }
    return true;
}

/* ---- packets ---- */

static bool read_connect(struct kd_cur *c, struct mqtt_packet *p)
{
    p->protocol = text(c);
    p->version = kd_cur_u8(c);
    p->connect_flags = kd_cur_u8(c);
    (void)kd_cur_be16(c); /* keep alive */
    if (!kd_cur_ok(c) || (p->version == MQTT_V5 && !read_properties(c, &p->properties)))
        return false;
    p->client_id = text(c);
    if (p->connect_flags & MQTT_WILL) {
        if (p->version == MQTT_V5 && !read_properties(c, &p->will_properties))
            return false;
        p->will_topic = text(c);
        p->will_message = text(c);
    }
    if (p->connect_flags & MQTT_USER)
        p->username = text(c);
    if (p->connect_flags & MQTT_PASSWORD)
        p->password = text(c);
    return kd_cur_ok(c);
}

static void add_code(struct mqtt_packet *p, uint8_t code)
{
    if (p->n_codes < MQTT_TOPICS_MAX)
        p->codes[p->n_codes++].value = code;
}

static bool read_connack(struct kd_cur *c, struct mqtt_packet *p)
{
    p->session_present = (kd_cur_u8(c) & 1) != 0;
    add_code(p, kd_cur_u8(c));
    return kd_cur_ok(c) && (p->version != MQTT_V5 || !kd_cur_more(c) || read_properties(c, &p->properties));
}

static bool read_publish(struct kd_cur *c, struct mqtt_packet *p)
{
    p->topic = text(c);
    if (mqtt_qos(&p->is) > 0)
        p->message_id = kd_cur_be16(c);
    if (!kd_cur_ok(c))
        return p->skipped > 0;
    if (p->skipped > 0)
        return true;
    if (p->version == MQTT_V5 && !read_properties(c, &p->properties))
        return false;
    p->message = kd_cur_rest(c);
    return true;
}

/* Version 5 may leave out a code of 0 and properties that are none. */
static bool read_code_and_properties(struct kd_cur *c, struct mqtt_packet *p)
{
    if (p->version != MQTT_V5)
        return kd_cur_ok(c);
    bool told = kd_cur_more(c);
    add_code(p, told ? kd_cur_u8(c) : 0);
    return kd_cur_ok(c) && (!kd_cur_more(c) || read_properties(c, &p->properties));
}

static bool read_topics(struct kd_cur *c, struct mqtt_packet *p, bool with_qos)
{
    p->message_id = kd_cur_be16(c);
    if (!kd_cur_ok(c) || (p->version == MQTT_V5 && !read_properties(c, &p->properties)))
        return false;
    while (kd_cur_more(c)) {
        struct kd_bytes topic = text(c);
        uint8_t qos = with_qos ? kd_cur_u8(c) : 0;
        if (!kd_cur_ok(c))
            return false;
        if (p->n_topics == MQTT_TOPICS_MAX)
            continue;
        p->topics[p->n_topics++] = topic;
        add_code(p, qos & 3);
    }
    return true;
}

static bool read_codes(struct kd_cur *c, struct mqtt_packet *p)
{
    p->message_id = kd_cur_be16(c);
    if (!kd_cur_ok(c) || (p->version == MQTT_V5 && !read_properties(c, &p->properties)))
        return false;
    while (kd_cur_more(c))
        add_code(p, kd_cur_u8(c));
    return kd_cur_ok(c);
}

static bool read_rest(struct kd_cur *c, struct mqtt_packet *p)
{
    switch (p->is.type) {
    case MQTT_CONNECT:
        return read_connect(c, p);
    case MQTT_CONNACK:
        return read_connack(c, p);
    case MQTT_PUBLISH:
        return read_publish(c, p);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        p->message_id = kd_cur_be16(c);
        return read_code_and_properties(c, p);
    case MQTT_SUBSCRIBE:
        return read_topics(c, p, true);
    case MQTT_UNSUBSCRIBE:
        return read_topics(c, p, false);
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        return read_codes(c, p);
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        return read_code_and_properties(c, p);
    default:
        return true;
    }
}

enum kd_status mqtt_read(struct kd_bytes in, uint8_t version, uint64_t skipped, struct mqtt_packet *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->version = version;
    ret->skipped = skipped;
    enum kd_status s = mqtt_read_fixed(in, &ret->is);
    if (s != KD_OK)
        return KD_MALFORMED;
    struct kd_cur c = kd_cur_of(kd_bytes_from(in, ret->is.header_n));
    return read_rest(&c, ret) ? KD_OK : KD_MALFORMED;
}
