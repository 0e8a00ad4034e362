/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of a plant asked and set by EtherNet/IP, with CIP within (ODVA, CIP Networks Library, volumes 1 and 2).
 * What devices send each other in a cycle (UDP 2222) is recognised, not read. */
#include "proto/enip/enip.h"

#include "proto/pace.h"

enum { PORT = 44818, PORT_CYCLE = 2222, MESSAGE_MAX = 8192, LENGTH_MAX = 65511, WAITING_MAX = 32, WAIT_S = 5, KEPT_MAX = 2048 };
enum { ITEM_SEQUENCED_ADDRESS = 0x8002 };

/* A request that waits for its answer: its first bytes. */
struct waiting {
    struct waiting *next;
    size_t size;
    uint64_t ts_us;
    uint16_t command, sequence, n;
    uint8_t b[];
};

struct enip_state {
    struct waiting *first;
    uint32_t n_waiting;
    struct kd_pace pace;
    bool told_broken;
};

static struct enip_state *state_of(const struct kd_ctx *ctx)
{
    return (struct enip_state *)ctx->state;
}

/* ---- recognition ---- */

/* Cyclic data: one connection with a counter, then the data, and nothing else. */
static bool is_cycle(struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    uint16_t items = kd_cur_le16(&c), type = kd_cur_le16(&c), length = kd_cur_le16(&c);
    (void)kd_cur_take(&c, 8);
    uint16_t data = kd_cur_le16(&c);
    uint16_t n = kd_cur_le16(&c);
    return items == 2 && type == ITEM_SEQUENCED_ADDRESS && length == 8 && data == 0xb1 && kd_cur_ok(&c) &&
           n == kd_cur_left(&c);
}

/* What a length must be, by the command. */
static bool length_fits(const struct enip_message *m, uint16_t length)
{
    enum { LEAST_DATA = 6 + 2 + 4 };
    switch (m->command) {
    case ENIP_NOP:
        return true;
    case ENIP_REGISTER_SESSION:
        return length == 4 || (length == 0 && m->status != 0);
    case ENIP_UNREGISTER_SESSION:
        return length == 0;
    case ENIP_SEND_RR_DATA:
    case ENIP_SEND_UNIT_DATA:
        return length >= LEAST_DATA || (length == 0 && m->status != 0);
    default:
        return length == 0 || length >= 2;
    }
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    enum { UDP = 17 };
    struct enip_message m;
    uint16_t length = (uint16_t)(kd_bytes_at(in, 2) | kd_bytes_at(in, 3) << 8);
    bool by_port = conn->server_port == PORT || conn->client_port == PORT;
    if (conn->proto == UDP && is_cycle(in))
        return KD_PROBE_YES;
    if (in.n > 1 && (in.p[1] != 0 || enip_command_name(in.p[0]) == NULL))
        return KD_PROBE_NO;
    if (in.n < ENIP_HEADER)
        return conn->proto == UDP ? KD_PROBE_NO : KD_PROBE_MORE;
    struct kd_bytes whole = kd_bytes_head(in, ENIP_HEADER + (size_t)length);
    if (enip_status_name(kd_bytes_le32(in, 8)) == NULL || kd_bytes_le32(in, 20) != 0 || length > LENGTH_MAX)
        return KD_PROBE_NO;
    if (whole.n < ENIP_HEADER + (size_t)length)
        return conn->proto == UDP || length > MESSAGE_MAX ? KD_PROBE_NO : KD_PROBE_MORE;
    enip_read(whole, &m);
    if (!length_fits(&m, length) || m.broken || ((m.command == ENIP_NOP || length == 0) && !by_port))
        return KD_PROBE_NO; /* a header alone is too little for another port */
    if (m.command == ENIP_REGISTER_SESSION && length == 4 && m.version != 1)
        return KD_PROBE_NO;
    enum enip_side side = enip_side(&m, whole.n);
    bool fits = side == ENIP_EITHER || (side == ENIP_REQUEST) == (dir == KD_TO_SERVER);
    return fits ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* ---- what is told ---- */

/* What a record's lists point to. */
struct told {
    struct kd_enip_message message;
    struct kd_enip_service service;
    struct kd_cip_message cip;
    struct kd_cip_part part[CIP_PARTS_MAX];
    uint8_t status[12];
};

static struct kd_bytes status_name(uint32_t status, struct told *t)
{
    struct kd_out o = kd_out_of(t->status, sizeof(t->status));
    const char *name = enip_status_name(status);
    if (name != NULL)
        return kd_str(name);
    kd_out_u64(&o, status);
    return kd_out_bytes_view(&o);
}

static struct kd_bytes cip_outcome(const struct cip_service *s)
{
    return kd_str(s->code & CIP_ANSWER ? cip_status_name(s->status) : "");
}

static struct kd_bytes name_of_service(const struct cip_service *s)
{
    return kd_str(cip_service_name(s->code & (CIP_ANSWER - 1)));
}

static void fill_cip(const struct enip_message *m, struct told *t)
{
    const struct cip_service *s = &m->cip[0];
    for (unsigned i = 1; i < m->n_cip; i++) {
        const struct cip_service *in = &m->cip[i];
        t->part[i - 1] = (struct kd_cip_part){
            .service = name_of_service(in),
            .path = {in->segment, in->n_segments},
            .class_name = kd_str(in->has_class ? cip_class_name(in->class_id) : ""),
            .status = cip_outcome(in),
            .status_extended = in->extended,
        };
    }
    t->cip = (struct kd_cip_message){
        .service = name_of_service(s),
        .path = {s->segment, s->n_segments},
        .class_name = kd_str(s->has_class ? cip_class_name(s->class_id) : ""),
        .status = cip_outcome(s),
        .status_extended = s->extended,
        .multiple = {t->part, m->n_cip - 1},
    };
}

static void fill(const struct enip_message *m, struct told *t)
{
    const char *command = enip_command_name(m->command);
    t->message = (struct kd_enip_message){
        .command = kd_str(command != NULL ? command : "unknown"),
        .status = status_name(m->status, t),
        .identity = {&m->identity, m->has_identity},
        .services = {&t->service, m->has_services},
        .cip = {&t->cip, m->n_cip > 0},
    };
    if (m->has_register) {
        t->message.protocol_version = m->version;
        t->message.options = m->register_options;
    }
    t->service = (struct kd_enip_service){
        .protocol_version = m->version, .capabilities = m->capabilities, .service_name = m->service_name};
    if (m->n_cip > 0)
        fill_cip(m, t);
}

/* ---- what rules see ---- */

/* Numbers shown once each: a message of many parts names the same ones over and over. */
struct seen {
    const struct kd_ctx *ctx;
    enum kd_dir dir;
    unsigned n;
    struct {
        enum kd_number id;
        uint64_t v;
    } row[64];
};

static void show_once(struct seen *s, enum kd_number id, uint64_t v)
{
    if (!kd_wants_number(s->ctx, id, s->dir))
        return;
    for (unsigned i = 0; i < s->n; i++)
        if (s->row[i].id == id && s->row[i].v == v)
            return;
    if (s->n == KD_COUNT(s->row))
        return;
    s->row[s->n].id = id;
    s->row[s->n++].v = v;
    kd_inspect_number(s->ctx, id, s->dir, v);
}

/* As KD_NUM_ENIP_CIP_SERVICE packs them. */
static void show_service(struct seen *seen, const struct cip_service *s)
{
    uint64_t packed = (s->code & (CIP_ANSWER - 1u)) | (s->has_class ? ((uint64_t)s->class_id + 1) << 8 : 0);
    for (unsigned i = 0; i < s->n_attributes; i++) {
        show_once(seen, KD_NUM_ENIP_CIP_SERVICE, packed | ((uint64_t)s->attribute[i] + 1) << 40);
        show_once(seen, KD_NUM_ENIP_CIP_ATTRIBUTE, s->attribute[i]);
    }
    if (s->n_attributes == 0)
        show_once(seen, KD_NUM_ENIP_CIP_SERVICE, packed);
    if (s->has_class)
        show_once(seen, KD_NUM_ENIP_CIP_CLASS, s->class_id);
    if (s->has_instance)
        show_once(seen, KD_NUM_ENIP_CIP_INSTANCE, s->instance);
    if (s->code & CIP_ANSWER)
        show_once(seen, KD_NUM_ENIP_CIP_STATUS, s->status);
    if (s->has_extended)
        show_once(seen, KD_NUM_ENIP_CIP_EXTENDEDSTATUS, s->extended);
}

static void show_identity(const struct kd_ctx *ctx, enum kd_dir dir, const struct enip_message *m)
{
    const struct kd_enip_identity *id = &m->identity;
    kd_inspect_number(ctx, KD_NUM_ENIP_PROTOCOL_VERSION, dir, id->protocol_version);
    kd_inspect_number(ctx, KD_NUM_ENIP_REVISION, dir, m->revision);
    kd_inspect_number(ctx, KD_NUM_ENIP_IDENTITY_STATUS, dir, id->status);
    kd_inspect_number(ctx, KD_NUM_ENIP_STATE, dir, id->state);
    kd_inspect_number(ctx, KD_NUM_ENIP_SERIAL, dir, id->serial);
    kd_inspect_number(ctx, KD_NUM_ENIP_PRODUCT_CODE, dir, id->product_code);
    kd_inspect_number(ctx, KD_NUM_ENIP_DEVICE_TYPE, dir, m->device_type);
    kd_inspect_number(ctx, KD_NUM_ENIP_VENDOR_ID, dir, m->vendor);
    kd_inspect(ctx, KD_IN_ENIP_PRODUCT_NAME, dir, id->product_name);
}

static void show(const struct kd_ctx *ctx, enum kd_dir dir, const struct enip_message *m)
{
    struct seen seen = {.ctx = ctx, .dir = dir};
    kd_inspect_number(ctx, KD_NUM_ENIP_COMMAND, dir, m->command);
    kd_inspect_number(ctx, KD_NUM_ENIP_STATUS, dir, m->status);
    if (m->has_register || m->has_services)
        kd_inspect_number(ctx, KD_NUM_ENIP_PROTOCOL_VERSION, dir, m->version);
    if (m->has_identity)
        show_identity(ctx, dir, m);
    if (m->has_services) {
        kd_inspect_number(ctx, KD_NUM_ENIP_CAPABILITIES, dir, m->capabilities);
        kd_inspect(ctx, KD_IN_ENIP_SERVICE_NAME, dir, m->service_name);
    }
    for (unsigned i = 0; i < m->n_cip; i++)
        show_service(&seen, &m->cip[i]);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

/* ---- exchanges ---- */

/* One of them may be missing. */
static void tell(struct kd_ctx *ctx, const struct enip_message *request, const struct enip_message *response)
{
    struct told asked, answered;
    if (request != NULL)
        fill(request, &asked);
    if (response != NULL)
        fill(response, &answered);
    struct kd_rec_enip rec = {
        .request = {&asked.message, request != NULL},
        .response = {&answered.message, response != NULL},
    };
    if (kd_pace_allows(ctx, &state_of(ctx)->pace))
        kd_emit(ctx, KD_REC_ENIP, &rec);
    if (!kd_wants_any(ctx))
        return;
    if (request != NULL)
        show(ctx, KD_TO_SERVER, request);
    if (response != NULL)
        show(ctx, KD_TO_CLIENT, response);
}

/* Take the request out of the list and tell it, with its answer when there is one. */
static void finish(struct kd_ctx *ctx, struct waiting **at, const struct enip_message *answer)
{
    struct waiting *w = *at;
    struct enip_message request;
    enip_read(kd_bytes_of(w->b, w->n), &request);
    tell(ctx, &request, answer);
    *at = w->next;
    state_of(ctx)->n_waiting--;
    kd_pool_give(ctx->pool, w, w->size);
}

static void add(struct kd_ctx *ctx, struct kd_bytes msg, const struct enip_message *m)
{
    struct enip_state *st = state_of(ctx);
    size_t size = 0, n = kd_min_size(msg.n, KEPT_MAX);
    if (st->n_waiting == WAITING_MAX)
        finish(ctx, &st->first, NULL);
    struct waiting *w = kd_pool_take(ctx->pool, sizeof(*w) + n, &size);
    if (w == NULL)
        return;
    *w = (struct waiting){.size = size, .ts_us = ctx->now_us, .command = m->command, .sequence = m->sequence, .n = (uint16_t)n};
    memcpy(w->b, msg.p, n);
    struct waiting **at = &st->first;
    while (*at != NULL)
        at = &(*at)->next;
    *at = w;
    st->n_waiting++;
}

/* An answer repeats the context; what goes over a connection has a counter of its own. */
static bool answers(const struct waiting *w, const struct enip_message *m)
{
    enum { CONTEXT = 12, CONTEXT_BYTES = 8 };
    struct kd_bytes context = kd_bytes_head(kd_bytes_from(kd_bytes_of(w->b, w->n), CONTEXT), CONTEXT_BYTES);
    return w->command == m->command && kd_bytes_eq(context, m->context) &&
           (m->command != ENIP_SEND_UNIT_DATA || w->sequence == m->sequence);
}

static void answer(struct kd_ctx *ctx, const struct enip_message *m)
{
    struct waiting **at = &state_of(ctx)->first;
    while (*at != NULL && !answers(*at, m))
        at = &(*at)->next;
    if (*at != NULL)
        finish(ctx, at, m);
    else
        tell(ctx, NULL, m);
}

/* ---- the stream ---- */

static enum kd_status enip_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                                 struct kd_frame *ret)
{
    (void)ctx, (void)dir, (void)seen;
    ret->len = ENIP_HEADER;
    if (in.n < ENIP_HEADER)
        return KD_MORE;
    uint16_t length = (uint16_t)(in.p[2] | in.p[3] << 8);
    if (in.p[1] != 0 || enip_command_name(in.p[0]) == NULL)
        return KD_MALFORMED;
    *ret = (struct kd_frame){.len = ENIP_HEADER + (uint64_t)length, .is_body = ENIP_HEADER + length > MESSAGE_MAX};
    return KD_OK;
}

static enum kd_status enip_message_in(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct enip_state *st = state_of(ctx);
    struct enip_message m;
    if (msg.n < ENIP_HEADER || (msg.p[1] != 0 && !is_cycle(msg)))
        return KD_MALFORMED;
    if (is_cycle(msg))
        return KD_OK;
    enip_read(msg, &m);
    if (m.broken && !st->told_broken) {
        kd_anomaly(ctx, "broken_message", 0);
        st->told_broken = true;
    }
    if (dir == KD_TO_CLIENT)
        answer(ctx, &m);
    else if (enip_side(&m, msg.n) == ENIP_REQUEST && m.command != ENIP_UNREGISTER_SESSION)
        add(ctx, msg, &m);
    else
        tell(ctx, &m, NULL); /* nobody answers */
    return KD_OK;
}

static enum kd_status enip_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    (void)ctx, (void)dir, (void)piece, (void)last;
    return KD_OK; /* longer than anything that is read here */
}

static void enip_close(struct kd_ctx *ctx)
{
    while (state_of(ctx)->first != NULL)
        finish(ctx, &state_of(ctx)->first, NULL);
}

static void enip_tick(struct kd_ctx *ctx)
{
    struct enip_state *st = state_of(ctx);
    while (st->first != NULL && ctx->now_us >= st->first->ts_us + WAIT_S * (uint64_t)KD_US_PER_S)
        finish(ctx, &st->first, NULL);
}

static bool enip_idle(const void *state)
{
    const struct enip_state *st = state;
    return st->first == NULL && st->pace.n == 0 && !st->told_broken;
}

const struct kd_parser kd_parser_enip = {
    .name = "enip",
    .summary = "devices of a plant (EtherNet/IP, CIP)",
    .app = KD_APP_ENIP,
    .over = KD_OVER_TCP | KD_OVER_UDP,
    .ports = (const uint16_t[]){PORT, PORT_CYCLE, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct enip_state),
    .probe = probe,
    .frame = enip_frame,
    .message = enip_message_in,
    .body = enip_body,
    .close = enip_close,
    .tick = enip_tick,
    .idle = enip_idle,
};
