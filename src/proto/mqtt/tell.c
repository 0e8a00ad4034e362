/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mqtt/mqtt.h"

enum { PACKETS_MAX = 4 };

static struct kd_bytes cut(const struct kd_ctx *ctx, struct kd_bytes text)
{
    return kd_bytes_head(text, ctx->lim->text_bytes);
}

static struct kd_list list_of(const void *v, size_t n)
{
    return (struct kd_list){v, n};
}

static struct kd_list one(const void *v)
{
    return list_of(v, 1);
}

static struct kd_list properties_of(const struct mqtt_properties *p)
{
    return list_of(p->v, p->n);
}

/* What the record's lists point to. */
struct bodies {
    struct kd_mqtt_connect connect;
    struct kd_mqtt_connack connack;
    struct kd_mqtt_publish publish;
    struct kd_mqtt_ack ack[PACKETS_MAX];
    struct kd_mqtt_subscribe subscribe;
    struct kd_mqtt_suback suback;
    struct kd_mqtt_unsubscribe unsubscribe;
    struct kd_mqtt_unsuback unsuback;
    struct kd_mqtt_ping ping;
    struct kd_mqtt_end end;
    struct kd_mqtt_topic topics[MQTT_TOPICS_MAX];
};

#define FIXED(p) .qos = (uint8_t)mqtt_qos(&(p)->is), .retain = ((p)->is.flags & 1) != 0, .dup = ((p)->is.flags & 8) != 0

static void fill_connect(const struct kd_ctx *ctx, struct kd_mqtt_connect *to, const struct mqtt_packet *p)
{
    *to = (struct kd_mqtt_connect){
        FIXED(p),
        .protocol_string = cut(ctx, p->protocol),
        .protocol_version = p->version,
        .flag_username = (p->connect_flags & MQTT_USER) != 0,
        .flag_password = (p->connect_flags & MQTT_PASSWORD) != 0,
        .flag_will = (p->connect_flags & MQTT_WILL) != 0,
        .flag_will_retain = (p->connect_flags & MQTT_WILL_RETAIN) != 0,
        .flag_clean_session = (p->connect_flags & MQTT_CLEAN) != 0,
        .client_id = cut(ctx, p->client_id),
        .username = cut(ctx, p->username),
        .password = cut(ctx, p->password),
        .will_topic = cut(ctx, p->will_topic),
        .will_message = cut(ctx, p->will_message),
        .will_properties = properties_of(&p->will_properties),
        .properties = properties_of(&p->properties),
    };
}

static void fill_publish(const struct kd_ctx *ctx, struct kd_mqtt_publish *to, const struct mqtt_packet *p)
{
    *to = (struct kd_mqtt_publish){
        FIXED(p),
        .topic = cut(ctx, p->topic),
        .message_id = p->message_id,
        .message = cut(ctx, p->message),
        .skipped_length = p->skipped,
        .truncated = p->skipped > 0,
        .properties = properties_of(&p->properties),
    };
}

static void fill_subscribe(const struct kd_ctx *ctx, struct bodies *b, const struct mqtt_packet *p)
{
    for (size_t i = 0; i < p->n_topics; i++)
        b->topics[i] = (struct kd_mqtt_topic){cut(ctx, p->topics[i]), (uint8_t)p->codes[i].value};
    b->subscribe = (struct kd_mqtt_subscribe){
        FIXED(p), .message_id = p->message_id, .topics = list_of(b->topics, p->n_topics)};
}

static struct kd_list *ack_of(struct kd_rec_mqtt *rec, enum mqtt_type type)
{
    switch (type) {
    case MQTT_PUBACK:
        return &rec->puback;
    case MQTT_PUBREC:
        return &rec->pubrec;
    case MQTT_PUBREL:
        return &rec->pubrel;
    default:
        return &rec->pubcomp;
    }
}

static void add(const struct kd_ctx *ctx, struct kd_rec_mqtt *rec, struct bodies *b, size_t i,
                const struct mqtt_packet *p)
{
    switch (p->is.type) {
    case MQTT_CONNECT:
        fill_connect(ctx, &b->connect, p);
        rec->connect = one(&b->connect);
        break;
    case MQTT_CONNACK:
        b->connack = (struct kd_mqtt_connack){FIXED(p), .session_present = p->session_present,
                                              .return_code = (uint8_t)p->codes[0].value,
                                              .properties = properties_of(&p->properties)};
        rec->connack = one(&b->connack);
        break;
    case MQTT_PUBLISH:
        fill_publish(ctx, &b->publish, p);
        rec->publish = one(&b->publish);
        break;
    case MQTT_SUBSCRIBE:
        fill_subscribe(ctx, b, p);
        rec->subscribe = one(&b->subscribe);
        break;
    case MQTT_SUBACK:
        b->suback = (struct kd_mqtt_suback){FIXED(p), .message_id = p->message_id,
                                            .qos_granted = list_of(p->codes, p->n_codes)};
        rec->suback = one(&b->suback);
        break;
    case MQTT_UNSUBSCRIBE:
        b->unsubscribe =
            (struct kd_mqtt_unsubscribe){FIXED(p), .message_id = p->message_id, .topics = {p->topics, p->n_topics}};
        rec->unsubscribe = one(&b->unsubscribe);
        break;
    case MQTT_UNSUBACK:
        b->unsuback = (struct kd_mqtt_unsuback){FIXED(p), .message_id = p->message_id,
                                                .reason_codes = list_of(p->codes, p->n_codes)};
        rec->unsuback = one(&b->unsuback);
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        b->ping = (struct kd_mqtt_ping){FIXED(p)};
        *(p->is.type == MQTT_PINGREQ ? &rec->pingreq : &rec->pingresp) = one(&b->ping);
        break;
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        b->end = (struct kd_mqtt_end){FIXED(p), .reason_code = list_of(p->codes, p->n_codes),
                                      .properties = properties_of(&p->properties)};
        *(p->is.type == MQTT_AUTH ? &rec->auth : &rec->disconnect) = one(&b->end);
        break;
    case MQTT_UNASSIGNED:
        break;
    default:
        b->ack[i] = (struct kd_mqtt_ack){FIXED(p), .message_id = p->message_id,
                                         .reason_code = list_of(p->codes, p->n_codes)};
        *ack_of(rec, p->is.type) = one(&b->ack[i]);
        break;
    }
}

/* ---- what rules look into ---- */

static void show_connect(const struct kd_ctx *ctx, enum kd_dir dir, const struct mqtt_packet *p)
{
    kd_inspect(ctx, KD_IN_MQTT_CONNECT_PROTOCOL_STRING, dir, p->protocol);
    kd_inspect(ctx, KD_IN_MQTT_CONNECT_CLIENTID, dir, p->client_id);
    if (p->connect_flags & MQTT_USER)
        kd_inspect(ctx, KD_IN_MQTT_CONNECT_USERNAME, dir, p->username);
    if (p->connect_flags & MQTT_PASSWORD)
        kd_inspect(ctx, KD_IN_MQTT_CONNECT_PASSWORD, dir, p->password);
    if (p->connect_flags & MQTT_WILL) {
        kd_inspect(ctx, KD_IN_MQTT_CONNECT_WILLTOPIC, dir, p->will_topic);
        kd_inspect(ctx, KD_IN_MQTT_CONNECT_WILLMESSAGE, dir, p->will_message);
    }
    kd_inspect_number(ctx, KD_NUM_MQTT_CONNECT_FLAGS, dir, p->connect_flags);
}

static void show_publish(const struct kd_ctx *ctx, enum kd_dir dir, const struct mqtt_packet *p)
{
    kd_inspect(ctx, KD_IN_MQTT_PUBLISH_TOPIC, dir, p->topic);
    if (p->skipped == 0)
        kd_inspect(ctx, KD_IN_MQTT_PUBLISH_MESSAGE, dir, p->message);
}

static void show(const struct kd_ctx *ctx, enum kd_dir dir, const struct mqtt_packet *p)
{
    bool granted = p->is.type == MQTT_SUBACK;
    kd_inspect_number(ctx, KD_NUM_MQTT_TYPE, dir, p->is.type);
    kd_inspect_number(ctx, KD_NUM_MQTT_QOS, dir, mqtt_qos(&p->is));
    kd_inspect_number(ctx, KD_NUM_MQTT_FLAGS, dir, p->is.flags);
    kd_inspect_number(ctx, KD_NUM_MQTT_PROTOCOL_VERSION, dir, p->version);
    if (p->is.type == MQTT_CONNECT)
        show_connect(ctx, dir, p);
    if (p->is.type == MQTT_PUBLISH)
        show_publish(ctx, dir, p);
    bool topics = p->is.type == MQTT_SUBSCRIBE || p->is.type == MQTT_UNSUBSCRIBE;
    for (size_t i = 0; topics && i < p->n_topics; i++)
        kd_inspect(ctx, p->is.type == MQTT_SUBSCRIBE ? KD_IN_MQTT_SUBSCRIBE_TOPIC : KD_IN_MQTT_UNSUBSCRIBE_TOPIC, dir,
                   p->topics[i]);
    for (size_t i = 0; !topics && i < p->n_codes; i++)
        if (!granted || p->version == MQTT_V5)
            kd_inspect_number(ctx, KD_NUM_MQTT_REASON_CODE, dir, p->codes[i].value);
}

void mqtt_tell(const struct kd_ctx *ctx, enum kd_dir dir, const struct mqtt_packet *packets, size_t n)
{
    struct kd_rec_mqtt rec = {0};
    struct bodies bodies;
    for (size_t i = 0; i < n && i < PACKETS_MAX; i++)
        add(ctx, &rec, &bodies, i, &packets[i]);
    kd_emit(ctx, KD_REC_MQTT, &rec);
    if (!kd_wants_any(ctx))
        return;
    for (size_t i = 0; i < n; i++)
        show(ctx, dir, &packets[i]);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}
