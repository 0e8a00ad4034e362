/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of devices through a broker (MQTT 3.1, 3.1.1 and 5.0): what is sent, told together with how it was
 * confirmed. */
#include "proto/mqtt/mqtt.h"

enum {
    PORT = 1883,
    PACKET_MAX = 64 * 1024, /* longer ones: a PUBLISH is told by its head, others not at all */
    WAITING_MAX = 32,       /* exchanges of one conversation that wait for their answer */
    WAITING_BYTES = 192 * 1024, /* what they hold */
    EXCHANGE_MAX = 4,       /* packets of one exchange */
    ODDITIES_MAX = 16       /* anomalies told of one conversation */
};

/* An exchange that waits: its packets so far, copied. */
struct exchange {
    size_t size; /* of this block */
    struct kd_arena mem;
    enum kd_dir dir; /* of who began */
    uint16_t id;
    uint8_t type; /* of the first packet */
    uint8_t n;
    struct kd_bytes packet[EXCHANGE_MAX];
    uint64_t skipped[EXCHANGE_MAX];
};

struct mqtt_state {
    uint64_t skip[2];   /* bytes of a packet that goes by */
    uint64_t length[2]; /* of the long PUBLISH whose head comes now */
    size_t held;        /* bytes of exchanges that wait */
    uint8_t version, oddities, n;
    bool asked, connected;
    struct exchange *waiting[WAITING_MAX];
};

static struct mqtt_state *state_of(const struct kd_ctx *ctx)
{
    return (struct mqtt_state *)ctx->state;
}

static void odd(struct kd_ctx *ctx, const char *event)
{
    struct mqtt_state *st = state_of(ctx);
    if (st->oddities++ < ODDITIES_MAX)
        kd_anomaly(ctx, event, 0);
    else
        st->oddities = ODDITIES_MAX;
}

/* ---- recognition ---- */

/* "MQTT" or "MQIsdp", and a version, behind the fixed header of a CONNECT. */
static enum kd_probe probe_connect(struct kd_bytes in, const struct mqtt_fixed *f)
{
    static const char now[] = "\0\4MQTT", before[] = "\0\6MQIsdp";
    struct kd_bytes rest = kd_bytes_from(in, f->header_n);
    for (unsigned i = 0; i < 2; i++) {
        struct kd_bytes name = i == 0 ? kd_bytes_of(now, sizeof(now) - 1) : kd_bytes_of(before, sizeof(before) - 1);
        if (!kd_bytes_starts(rest, kd_bytes_head(name, rest.n)))
            continue;
        if (rest.n <= name.n)
            return KD_PROBE_MORE;
        uint8_t version = kd_bytes_at(rest, name.n);
        return version >= MQTT_V31 && version <= MQTT_V5 ? KD_PROBE_YES : KD_PROBE_NO;
    }
    return KD_PROBE_NO;
}

/* Flags that each type must have (3.1.1, table 2.2); PUBLISH: any. */
static bool flags_fit(const struct mqtt_fixed *f)
{
    bool two = f->type == MQTT_PUBREL || f->type == MQTT_SUBSCRIBE || f->type == MQTT_UNSUBSCRIBE;
    return f->type == MQTT_PUBLISH ? mqtt_qos(f) <= MQTT_QOS_MAX : f->flags == (two ? 2 : 0);
}

static bool answers(enum mqtt_type type)
{
    return type == MQTT_CONNACK || type == MQTT_SUBACK || type == MQTT_UNSUBACK || type == MQTT_PINGRESP;
}

static bool asks(enum mqtt_type type)
{
    return type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE || type == MQTT_PINGREQ || type == MQTT_DISCONNECT;
}

/* On the broker's port a conversation may be joined later: at a packet of right form that only one side sends. */
static enum kd_probe probe_midstream(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct mqtt_fixed f;
    struct mqtt_packet p;
    bool by_port = conn->server_port == PORT || conn->client_port == PORT;
    enum kd_status s = mqtt_read_fixed(in, &f);
    if (!by_port || !conn->midstream || s == KD_MALFORMED)
        return KD_PROBE_NO;
    if (s == KD_MORE)
        return in.n == 0 || answers((enum mqtt_type)(in.p[0] >> 4)) || asks((enum mqtt_type)(in.p[0] >> 4))
                   ? KD_PROBE_MORE
                   : KD_PROBE_NO;
    if (!flags_fit(&f) || f.total > PACKET_MAX || (!answers(f.type) && !asks(f.type)))
        return KD_PROBE_NO;
    if (in.n < f.total)
        return KD_PROBE_MORE;
    bool right = mqtt_read(kd_bytes_head(in, (size_t)f.total), 0, 0, &p) == KD_OK ||
                 mqtt_read(kd_bytes_head(in, (size_t)f.total), MQTT_V5, 0, &p) == KD_OK;
    bool from_server = answers(f.type);
    bool from_port = (dir == KD_TO_SERVER ? conn->client_port : conn->server_port) == PORT;
    if (!right || from_server != from_port)
        return KD_PROBE_NO;
    return from_server == (dir == KD_TO_CLIENT) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct mqtt_fixed f;
    if (in.n == 0)
        return KD_PROBE_MORE;
    if (in.p[0] != MQTT_CONNECT << 4)
        return probe_midstream(in, dir, conn);
    enum kd_status s = mqtt_read_fixed(in, &f);
    if (s != KD_OK)
        return s == KD_MORE ? KD_PROBE_MORE : KD_PROBE_NO;
    enum kd_probe found = probe_connect(in, &f);
    return found == KD_PROBE_YES && dir == KD_TO_CLIENT ? KD_PROBE_REVERSED : found;
}

/* ---- exchanges ---- */

static void drop(struct kd_ctx *ctx, size_t i)
{
    struct mqtt_state *st = state_of(ctx);
    struct exchange *x = st->waiting[i];
    for (size_t k = 0; k < x->n; k++)
        st->held -= x->packet[k].n;
    kd_arena_done(&x->mem);
    kd_pool_give(ctx->pool, x, x->size);
    st->n--;
    memmove(&st->waiting[i], &st->waiting[i + 1], (st->n - i) * sizeof(st->waiting[0]));
}

static const char *refusal(uint32_t code)
{
    switch (code) {
    case 1: /* 3.1.1, table 3.1 */
    case 0x84:
        return "version not supported";
    case 2:
    case 0x85:
        return "client id refused";
    case 3:
    case 0x88:
        return "server unavailable";
    case 4:
    case 0x86:
        return "bad user name or password";
    case 5:
    case 0x87:
        return "not authorized";
    case 0x8a:
        return "banned";
    case 0x8c:
        return "bad authentication method";
    default:
        return "refused";
    }
}

/* A user's name and password, and what the broker says to them. */
static void tell_login(struct kd_ctx *ctx, const struct mqtt_packet *packet, size_t n)
{
    if (packet[0].is.type != MQTT_CONNECT || (packet[0].connect_flags & MQTT_USER) == 0)
        return;
    uint32_t code = n > 1 ? packet[1].codes[0].value : 0;
    struct kd_rec_login rec = {
        .method = kd_str("password"),
        .service = kd_str("mqtt"),
        .user = kd_bytes_head(packet[0].username, ctx->lim->text_bytes),
        .workstation = kd_bytes_head(packet[0].client_id, ctx->lim->text_bytes),
        .result = kd_str(n < 2 ? "unknown" : code == 0 ? "success" : "failure"),
        .reason = kd_str(n < 2 || code == 0 ? "" : refusal(code)),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

static void finish(struct kd_ctx *ctx, size_t i)
{
    const struct mqtt_state *st = state_of(ctx);
    const struct exchange *x = st->waiting[i];
    struct mqtt_packet packet[EXCHANGE_MAX];
    size_t n = 0;
    packet[0].is.type = MQTT_UNASSIGNED;
    for (size_t k = 0; k < x->n; k++)
        n += mqtt_read(x->packet[k], st->version, x->skipped[k], &packet[n]) == KD_OK;
    mqtt_tell(ctx, x->dir, packet, n);
    if (n > 0)
        tell_login(ctx, packet, n);
    drop(ctx, i);
}

static bool keep(struct mqtt_state *st, struct exchange *x, struct kd_bytes msg, uint64_t skipped)
{
    if (x->n == EXCHANGE_MAX)
        return false;
    struct kd_bytes copy = kd_arena_copy(&x->mem, msg, PACKET_MAX);
    if (copy.n != msg.n)
        return false;
    st->held += copy.n;
    x->packet[x->n] = copy;
    x->skipped[x->n++] = skipped;
    return true;
}

/* Wait for the answer; without memory it is told as it is. */
static void begin(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg, const struct mqtt_packet *p)
{
    struct mqtt_state *st = state_of(ctx);
    size_t size = 0;
    while (st->n > 0 && (st->n == WAITING_MAX || st->held + msg.n > WAITING_BYTES))
        finish(ctx, 0);
    struct exchange *x = kd_pool_take(ctx->pool, sizeof(*x), &size);
    if (x == NULL) {
        mqtt_tell(ctx, dir, p, 1);
        return;
    }
    memset(x, 0, sizeof(*x));
    x->size = size;
    x->dir = dir;
    x->id = p->message_id;
    x->type = (uint8_t)p->is.type;
    kd_arena_init(&x->mem, ctx->pool, 2 * EXCHANGE_MAX * PACKET_MAX);
    st->waiting[st->n++] = x;
    if (keep(st, x, msg, p->skipped))
        return;
    mqtt_tell(ctx, dir, p, 1);
    drop(ctx, st->n - 1u);
}

static size_t waiting_for(const struct mqtt_state *st, enum mqtt_type first, enum kd_dir began, uint16_t id)
{
    for (size_t i = st->n; i-- > 0;) {
        const struct exchange *x = st->waiting[i];
        if (x->type == first && x->dir == began && (x->id == id || first == MQTT_CONNECT))
            return i;
    }
    return SIZE_MAX;
}

/* What begins an exchange of which this is part; it belongs to who began. */
static enum mqtt_type first_of(enum mqtt_type type)
{
    switch (type) {
    case MQTT_CONNACK:
        return MQTT_CONNECT;
    case MQTT_SUBACK:
        return MQTT_SUBSCRIBE;
    case MQTT_UNSUBACK:
        return MQTT_UNSUBSCRIBE;
    default:
        return MQTT_PUBLISH;
    }
}

static const char *missing(enum mqtt_type first)
{
    switch (first) {
    case MQTT_CONNECT:
        return "missing_connect";
    case MQTT_SUBSCRIBE:
        return "missing_subscribe";
    case MQTT_UNSUBSCRIBE:
        return "missing_unsubscribe";
    default:
        return "missing_publish";
    }
}

static void follow(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg, const struct mqtt_packet *p)
{
    struct mqtt_state *st = state_of(ctx);
    enum mqtt_type first = first_of(p->is.type);
    enum kd_dir began = p->is.type == MQTT_PUBREL ? dir : (enum kd_dir)(dir ^ 1);
    bool last = p->is.type != MQTT_PUBREC && p->is.type != MQTT_PUBREL;
    size_t i = waiting_for(st, first, began, p->message_id);
    if (i == SIZE_MAX) {
        odd(ctx, missing(first));
        mqtt_tell(ctx, dir, p, 1);
        return;
    }
    bool kept = keep(st, st->waiting[i], msg, 0);
    if (last || !kept)
        finish(ctx, i);
    if (!kept)
        mqtt_tell(ctx, dir, p, 1);
}

/* ---- packets ---- */

static void check(struct kd_ctx *ctx, const struct mqtt_packet *p)
{
    const struct mqtt_state *st = state_of(ctx);
    bool introduces = p->is.type == MQTT_CONNECT || p->is.type == MQTT_CONNACK || p->is.type == MQTT_AUTH;
    if (!introduces && !st->connected)
        odd(ctx, "unintroduced_message");
    if (p->is.type == MQTT_CONNECT && st->asked)
        odd(ctx, "double_connect");
    if (mqtt_qos(&p->is) > MQTT_QOS_MAX)
        odd(ctx, "invalid_qos_level");
    bool numbered = (p->is.type == MQTT_PUBLISH && mqtt_qos(&p->is) > 0) || p->is.type == MQTT_SUBSCRIBE ||
                    p->is.type == MQTT_UNSUBSCRIBE;
    if (numbered && p->message_id == 0)
        odd(ctx, "missing_msg_id");
    if (p->is.type == MQTT_UNASSIGNED || (p->is.type == MQTT_AUTH && st->version != MQTT_V5))
        odd(ctx, "unassigned_msg_type");
}

static enum kd_status on_packet(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg, const struct mqtt_packet *p)
{
    struct mqtt_state *st = state_of(ctx);
    check(ctx, p);
    switch (p->is.type) {
    case MQTT_CONNECT:
        st->asked = true;
        st->version = p->version;
        begin(ctx, dir, msg, p);
        break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        begin(ctx, dir, msg, p);
        break;
    case MQTT_PUBLISH:
        if (mqtt_qos(&p->is) > 0)
            begin(ctx, dir, msg, p);
        else
            mqtt_tell(ctx, dir, p, 1);
        break;
    case MQTT_CONNACK:
        st->connected = true;
        follow(ctx, dir, msg, p);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        follow(ctx, dir, msg, p);
        break;
    case MQTT_UNASSIGNED:
        break;
    default:
        mqtt_tell(ctx, dir, p, 1);
        break;
    }
    return KD_OK;
}

/* ---- the parser ---- */

static enum kd_status mqtt_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                                 struct kd_frame *ret)
{
    struct mqtt_state *st = state_of(ctx);
    struct mqtt_fixed f;
    (void)seen;
    if (st->skip[dir] > 0) {
        *ret = (struct kd_frame){.len = st->skip[dir], .is_body = true};
        return KD_OK;
    }
    enum kd_status s = mqtt_read_fixed(in, &f);
    if (s == KD_MORE)
        ret->len = in.n + 1;
    if (s != KD_OK)
        return s;
    ret->len = f.total;
    if (f.total <= PACKET_MAX)
        return KD_OK;
    if (f.type == MQTT_PUBLISH) {
        size_t head = mqtt_publish_head(&f, in);
        ret->len = head == 0 ? f.header_n + 2u : head;
        if (head == 0)
            return KD_MORE;
    }
    if (ret->len > PACKET_MAX)
        ret->len = f.header_n;
    st->length[dir] = f.total;
    return KD_OK;
}

static void tell_frames(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct mqtt_fixed f;
    if (!kd_wants_frames(ctx) || mqtt_read_fixed(msg, &f) != KD_OK)
        return;
    kd_tell_frame(ctx, KD_FRAME_MQTT_PDU, dir, msg.p, f.total);
    kd_tell_frame(ctx, KD_FRAME_MQTT_HEADER, dir, msg.p, f.header_n);
    kd_tell_frame(ctx, KD_FRAME_MQTT_DATA, dir, msg.p + f.header_n, f.total - f.header_n);
}

static enum kd_status mqtt_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct mqtt_state *st = state_of(ctx);
    struct mqtt_packet p;
    tell_frames(ctx, dir, msg);
    uint64_t skipped = st->length[dir];
    st->length[dir] = 0;
    st->skip[dir] = skipped > msg.n ? skipped - msg.n : 0;
    if (skipped > 0 && msg.p[0] >> 4 != MQTT_PUBLISH) {
        odd(ctx, "packet_too_long");
        return KD_OK;
    }
    /* The packet's bounds are known: what follows it can be read though it cannot. */
    if (mqtt_read(msg, st->version, skipped, &p) != KD_OK) {
        odd(ctx, "malformed_traffic");
        return KD_OK;
    }
    return on_packet(ctx, dir, msg, &p);
}

static enum kd_status mqtt_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    (void)piece;
    if (last)
        state_of(ctx)->skip[dir] = 0;
    return KD_OK;
}

static void mqtt_close(struct kd_ctx *ctx)
{
    while (state_of(ctx)->n > 0)
        finish(ctx, 0);
}

const struct kd_parser kd_parser_mqtt = {
    .name = "mqtt",
    .summary = "messages of devices (MQTT)",
    .app = KD_APP_MQTT,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = PACKET_MAX,
    .state_bytes = sizeof(struct mqtt_state),
    .probe = probe,
    .frame = mqtt_frame,
    .message = mqtt_message,
    .body = mqtt_body,
    .close = mqtt_close,
};
