/* SPDX-License-Identifier: Apache-2.0 */
/* One control packet of MQTT, read (MQTT 3.1, 3.1.1 and 5.0, chapters 2 and 3).  All texts are views into the
 * packet. */
#ifndef KD_PROTO_MQTT_MQTT_H
#define KD_PROTO_MQTT_MQTT_H

#include "proto/parser.h"

enum mqtt_type {
    MQTT_UNASSIGNED,
    MQTT_CONNECT,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
    MQTT_AUTH
};

enum {
    MQTT_PROPERTIES_MAX = 32,
    MQTT_TOPICS_MAX = 32,
    MQTT_V31 = 3,
    MQTT_V311 = 4,
    MQTT_V5 = 5,
    MQTT_HEADER_MAX = 5,
    MQTT_QOS_MAX = 2
};

/* Flags of a CONNECT. */
enum { MQTT_CLEAN = 2, MQTT_WILL = 4, MQTT_WILL_RETAIN = 32, MQTT_PASSWORD = 64, MQTT_USER = 128 };

struct mqtt_fixed {
    enum mqtt_type type;
    uint8_t flags;    /* low four bits of the first byte */
    uint8_t header_n; /* bytes before the rest */
    uint64_t total;   /* bytes of the packet */
};

/* Many of one kind. */
struct mqtt_properties {
    struct kd_property v[MQTT_PROPERTIES_MAX];
    size_t n;
};

struct mqtt_packet {
    struct mqtt_fixed is;
    uint8_t version;     /* of the connection; of a CONNECT, as it says */
    uint16_t message_id; /* 0: none */
    uint8_t connect_flags;
    bool session_present;
    struct kd_bytes protocol, client_id, username, password, will_topic, will_message;
    struct kd_bytes topic, message;
    uint64_t skipped; /* bytes of a packet too long to be held; its content is not at hand */
    struct kd_figure codes[MQTT_TOPICS_MAX]; /* reason codes, or the qualities granted or wanted */
    size_t n_codes;
    struct kd_bytes topics[MQTT_TOPICS_MAX];
    size_t n_topics;
    struct mqtt_properties properties, will_properties;
};

/* The fixed header.  KD_MORE: not whole yet; KD_MALFORMED: none of MQTT. */
enum kd_status mqtt_read_fixed(struct kd_bytes in, struct mqtt_fixed *ret);

/* A whole packet, or the head of a PUBLISH of which `skipped` bytes in all are not held.  `version`: of the
 * connection (0: not known, as 3.1.1). */
enum kd_status mqtt_read(struct kd_bytes in, uint8_t version, uint64_t skipped, struct mqtt_packet *ret);

/* How many bytes at the start of a PUBLISH come before its content (topic, number); 0: `in` is too short to
 * tell. */
size_t mqtt_publish_head(const struct mqtt_fixed *f, struct kd_bytes in);

static inline unsigned mqtt_qos(const struct mqtt_fixed *f)
{
    return f->flags >> 1 & 3;
}

/* ---- tell.c ---- */

/* The packets of one exchange as a record and as values for rules on side `dir`.  `n` <= 4. */
void mqtt_tell(const struct kd_ctx *ctx, enum kd_dir dir, const struct mqtt_packet *packets, size_t n);

#endif
