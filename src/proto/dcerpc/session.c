/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a conversation (C706 12.6.4): which interfaces are bound, and pairing of requests
 * with responses, put together from their fragments. */
#include "proto/dcerpc/dce.h"

#define NDR64 "71710533-beba-4937-8319-b5dbef9ccc36"

enum {
    CONTEXT_ACCEPTED = 0,
    ARENA_BYTES = 32768,
    TRAILER = 8, /* of security, before the token */
    STATUS_BYTES = 4
};

void dce_start(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    kd_arena_init(&d->mem, ctx->pool, ARENA_BYTES);
}

/* ---- messages ---- */

static uint16_t take16(struct dce_pdu *pdu)
{
    return pdu->big ? kd_cur_be16(&pdu->body) : kd_cur_le16(&pdu->body);
}

static uint32_t take32(struct dce_pdu *pdu)
{
    return pdu->big ? kd_cur_be32(&pdu->body) : kd_cur_le32(&pdu->body);
}

/* The security trailer is the end of the message: padding, eight bytes, the token. */
static bool read_trailer(struct dce_pdu *pdu, uint16_t token_bytes)
{
    struct kd_bytes all = kd_cur_rest(&pdu->body);
    size_t bytes = (size_t)token_bytes + TRAILER;
    if (bytes > all.n)
        return false;
    struct kd_cur c = kd_cur_of(kd_bytes_from(all, all.n - bytes));
    pdu->auth_type = kd_cur_u8(&c);
    pdu->auth_level = kd_cur_u8(&c);
    size_t padding = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 5);
    pdu->token = kd_cur_rest(&c);
    if (padding > all.n - bytes)
        return false;
    pdu->body = kd_cur_of(kd_bytes_head(all, all.n - bytes - padding));
    return true;
}

static bool read_pdu(struct kd_bytes msg, struct dce_pdu *pdu)
{
    *pdu = (struct dce_pdu){.body = kd_cur_of(msg)};
    (void)kd_cur_be16(&pdu->body);
    pdu->type = kd_cur_u8(&pdu->body);
    pdu->flags = kd_cur_u8(&pdu->body);
    pdu->big = (kd_cur_u8(&pdu->body) & DCE_LITTLE) == 0;
    (void)kd_cur_take(&pdu->body, 3);
    (void)take16(pdu);
    uint16_t token_bytes = take16(pdu);
    pdu->call_id = take32(pdu);
    if (!kd_cur_ok(&pdu->body))
        return false;
    pdu->all = kd_cur_rest(&pdu->body);
    pdu->body = kd_cur_of(pdu->all);
    return token_bytes == 0 || read_trailer(pdu, token_bytes);
}

/* ---- interfaces ---- */

static struct dce_context *context_find(const struct kd_dcerpc *d, uint16_t id)
{
    for (struct dce_context *c = d->contexts; c != NULL; c = c->next)
        if (c->id == id)
            return c;
    return NULL;
}

static struct dce_context *context_get(const struct kd_ctx *ctx, struct kd_dcerpc *d, uint16_t id)
{
    struct dce_context *c = context_find(d, id);
    if (c != NULL || d->n_contexts >= ctx->lim->dcerpc_contexts)
        return c;
    c = kd_arena_alloc(&d->mem, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->id = id;
    c->next = d->contexts;
    d->contexts = c;
    d->n_contexts++;
    return c;
}

static struct kd_bytes uuid_view(const struct dce_bound *b)
{
    return kd_bytes_of(b->uuid, sizeof(b->uuid));
}

static bool take_syntax(struct dce_pdu *pdu, char ret[DCE_UUID_TEXT], uint32_t *ret_version)
{
    struct kd_bytes uuid = kd_cur_take(&pdu->body, DCE_UUID);
    *ret_version = take32(pdu);
    if (!kd_cur_ok(&pdu->body))
        return false;
    dce_uuid_text(uuid, pdu->big, ret);
    return true;
}

static bool is_wide(const char uuid[DCE_UUID_TEXT])
{
    return kd_bytes_eq_str(kd_bytes_of(uuid, DCE_UUID_TEXT), NDR64);
}

/* One interface asked for.  Until the answer says which encoding was taken, it is the first one. */
static bool read_context(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_pdu *pdu,
                         uint16_t position)
{
    struct dce_bound b = {.known = true};
    char syntax[DCE_UUID_TEXT];
    uint32_t version = 0;
    uint16_t id = take16(pdu);
    unsigned syntaxes = kd_cur_u8(&pdu->body);
    (void)kd_cur_u8(&pdu->body);
    if (!take_syntax(pdu, b.uuid, &version))
        return false;
    b.major = (uint16_t)(version & 0xffff);
    b.minor = (uint16_t)(version >> 16);
    b.iface = dce_iface_find(uuid_view(&b));
    for (unsigned i = 0; i < syntaxes; i++) {
        if (!take_syntax(pdu, syntax, &version))
            return false;
        b.wide = i == 0 ? is_wide(syntax) : b.wide;
    }
    struct dce_context *c = context_get(ctx, d, id);
    if (c != NULL) {
        c->bound = b;
        c->position = position;
        c->bind = d->binds;
    }
    return true;
}

static void on_bind(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_pdu *pdu)
{
    (void)kd_cur_take(&pdu->body, 8); /* fragment sizes, association */
    unsigned n = kd_cur_u8(&pdu->body);
    (void)kd_cur_take(&pdu->body, 3);
    bool good = kd_cur_ok(&pdu->body);
    if (d->bind_waits)
        dce_step_bind(ctx, d, DCE_BIND_UNANSWERED);
    d->binds++;
    d->bind_id = pdu->call_id;
    d->bind_alters = pdu->type == DCE_ALTER;
    d->bind_waits = true;
    for (unsigned i = 0; i < n && good; i++)
        good = read_context(ctx, d, pdu, (uint16_t)i);
    if (!good)
        dce_odd(ctx, d, DCE_ODD_BODY);
    dce_auth_bind(ctx, d, pdu);
}

/* The answer's i-th result belongs to the i-th interface of the bind. */
static void take_result(struct kd_dcerpc *d, uint16_t position, uint16_t result, bool wide)
{
    for (struct dce_context *c = d->contexts; c != NULL; c = c->next) {
        if (c->bind != d->binds || c->position != position || c->bound.guessed)
            continue;
        c->result = result;
        c->bound.wide = result == CONTEXT_ACCEPTED ? wide : c->bound.wide;
    }
}

static void on_bind_ack(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_pdu *pdu)
{
    (void)kd_cur_take(&pdu->body, 8);
    uint16_t address = take16(pdu);
    (void)kd_cur_take(&pdu->body, address);
    (void)kd_cur_take(&pdu->body, (4 - ((2u + address) & 3)) & 3);
    unsigned n = kd_cur_u8(&pdu->body);
    (void)kd_cur_take(&pdu->body, 3);
    for (unsigned i = 0; i < n && kd_cur_more(&pdu->body); i++) {
        char syntax[DCE_UUID_TEXT];
        uint32_t version = 0;
        uint16_t result = take16(pdu);
        (void)take16(pdu);
        if (take_syntax(pdu, syntax, &version))
            take_result(d, (uint16_t)i, result, is_wide(syntax));
    }
    if (!kd_cur_ok(&pdu->body))
        dce_odd(ctx, d, DCE_ODD_BODY);
    dce_step_bind(ctx, d, DCE_BIND_TAKEN);
    dce_auth_ack(ctx, d, pdu);
}

/* ---- calls ---- */

static struct dce_call **call_find(struct kd_dcerpc *d, uint32_t id)
{
    struct dce_call **at = &d->calls;
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

/* Take a call out of those that wait, and tell it. */
static void call_end(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call **at)
{
    struct dce_call *call = *at;
    *at = call->next;
    d->n_calls--;
    dce_call_done(ctx, d, call);
}

static void call_end_oldest(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    struct dce_call **at = &d->calls;
    while ((*at)->next != NULL)
        at = &(*at)->next;
    call_end(ctx, d, at);
}

static struct dce_call *call_add(const struct kd_ctx *ctx, struct kd_dcerpc *d, uint32_t id)
{
    struct dce_call **old = call_find(d, id);
    if (*old != NULL) /* the number is used again: the first was never answered */
        call_end(ctx, d, old);
    else if (d->n_calls >= ctx->lim->pending)
        call_end_oldest(ctx, d);
    struct dce_call *call = dce_call_new(ctx, d);
    if (call == NULL)
        return NULL;
    call->id = id;
    call->next = d->calls;
    d->calls = call;
    d->n_calls++;
    return call;
}

/* Remember what was concluded for the calls that follow. */
static struct dce_bound conclude(const struct kd_ctx *ctx, struct kd_dcerpc *d, uint16_t id,
                                 const struct dce_iface *iface, bool wide)
{
    struct dce_bound b = {.iface = iface, .wide = wide};
    if (iface == NULL)
        return b;
    b.known = b.guessed = true;
    b.major = iface->version;
    struct kd_out o = kd_out_of(b.uuid, sizeof(b.uuid));
    kd_out_str(&o, iface->uuid);
    struct dce_context *c = context_get(ctx, d, id);
    if (c != NULL)
        c->bound = b;
    return b;
}

/* Which interface: as bound, or concluded when the bind was not seen. */
static struct dce_bound resolve(const struct kd_ctx *ctx, struct kd_dcerpc *d, uint16_t id,
                                uint16_t opnum, struct kd_bytes stub, bool big)
{
    struct dce_context *c = context_find(d, id);
    bool has = c != NULL && dce_operation(c->bound.iface, opnum).n > 0;
    if (c != NULL && (has || !c->bound.guessed))
        return c->bound;
    bool wide = false; /* not known, or concluded wrongly: the interface has no such operation */
    const struct dce_iface *iface = dce_guess(d, opnum, stub, big, &wide);
    return conclude(ctx, d, id, iface, wide);
}

/* All of a request's arguments are there, or as many as are held. */
static void request_whole(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call,
                          struct kd_bytes stub, struct kd_bytes shown)
{
    bool sealed = call->level == DCE_LEVEL_PRIVACY;
    call->asked = true;
    call->to = resolve(ctx, d, call->context, call->opnum, sealed ? kd_str("") : stub, call->big);
    call->op = dce_op_find(call->to.iface, dce_operation(call->to.iface, call->opnum));
    dce_call_show(ctx, d, call, KD_TO_SERVER, shown);
    if (call->op == NULL || sealed)
        return;
    struct dce_args args;
    dce_args_start(&args, ctx->lim->text_bytes);
    dce_op_request(call->op, stub, call->big, call->to.wide, &d->handles, &args);
    dce_call_keep(ctx, d, call, &args);
}

static uint8_t level_of(const struct kd_dcerpc *d, const struct dce_pdu *pdu)
{
    if (pdu->auth_level != 0)
        return pdu->auth_level;
    return d->auth_level == DCE_LEVEL_CONNECT ? DCE_LEVEL_CONNECT : DCE_LEVEL_NONE;
}

static void on_request(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_pdu *pdu)
{
    (void)take32(pdu);
    uint16_t context = take16(pdu);
    uint16_t opnum = take16(pdu);
    struct kd_bytes object = {NULL, 0};
    if (pdu->flags & DCE_OBJECT)
        object = kd_cur_take(&pdu->body, DCE_UUID);
    if (!kd_cur_ok(&pdu->body)) {
        dce_odd(ctx, d, DCE_ODD_BODY);
        return;
    }
    struct kd_bytes stub = kd_cur_rest(&pdu->body), shown = kd_bytes_from(pdu->all, 8);
    bool first = (pdu->flags & DCE_FIRST) != 0;
    bool last = (pdu->flags & DCE_LAST) != 0;
    struct dce_call *call = first ? call_add(ctx, d, pdu->call_id) : *call_find(d, pdu->call_id);
    if (call == NULL || call->asked)
        return;
    if (first) {
        call->opnum = opnum;
        call->context = context;
        call->level = level_of(d, pdu);
        call->big = pdu->big;
        call->has_object = object.n == DCE_UUID;
        if (call->has_object)
            memcpy(call->object, object.p, DCE_UUID);
    }
    call->request_bytes += stub.n;
    call->raw[KD_TO_SERVER] += shown.n;
    call->fragments[KD_TO_SERVER]++;
    if (first && last) {
        request_whole(ctx, d, call, stub, shown);
        return;
    }
    dce_call_hold(ctx, d, &call->stub, stub);
    if (kd_wants(ctx, KD_IN_DCERPC_STUB_DATA, KD_TO_SERVER))
        dce_call_hold(ctx, d, &call->shown, shown);
    if (last) {
        request_whole(ctx, d, call, kd_buf_view(&call->stub), kd_buf_view(&call->shown));
        dce_call_drop_held(ctx, d, call);
    }
}

/* Arguments and the handle that the answer gives. */
static void answer_whole(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call,
                         struct kd_bytes stub, bool big)
{
    struct dce_args args;
    struct kd_bytes handle, label;
    dce_call_load(ctx, call, &args);
    unsigned had = args.n;
    dce_op_answer(call->op, stub, big, call->to.wide, &args, &handle, &label);
    if (args.n > had)
        dce_call_keep(ctx, d, call, &args);
    if (label.n > 0 && call->status == 0)
        dce_handle_keep(ctx, d, handle, label);
}

/* The result is the last thing of an answer. */
static void read_status(struct dce_call *call, struct kd_bytes stub, bool big)
{
    if (call->to.iface == NULL || stub.n < STATUS_BYTES)
        return;
    struct kd_cur c = kd_cur_of(kd_bytes_from(stub, stub.n - STATUS_BYTES));
    call->status = big ? kd_cur_be32(&c) : kd_cur_le32(&c);
    call->has_status = true;
}

static void on_response(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_pdu *pdu)
{
    (void)kd_cur_take(&pdu->body, 8); /* size hint, context, cancels */
    if (!kd_cur_ok(&pdu->body)) {
        dce_odd(ctx, d, DCE_ODD_BODY);
        return;
    }
    dce_auth_result(ctx, d, "success", kd_str(""));
    struct dce_call **at = call_find(d, pdu->call_id);
    struct dce_call *call = *at;
    if (call == NULL || !call->asked)
        return;
    struct kd_bytes stub = kd_cur_rest(&pdu->body);
    bool last = (pdu->flags & DCE_LAST) != 0;
    bool whole = last && (pdu->flags & DCE_FIRST) != 0;
    bool sealed = pdu->auth_level == DCE_LEVEL_PRIVACY;
    bool readable = !sealed && call->level != DCE_LEVEL_PRIVACY;
    bool wanted = readable && dce_op_wants_answer(call->op);
    bool shown = kd_wants(ctx, KD_IN_DCERPC_STUB_DATA, KD_TO_CLIENT);
    call->response_bytes += stub.n;
    call->raw[KD_TO_CLIENT] += pdu->all.n;
    call->fragments[KD_TO_CLIENT]++;
    if (wanted && !whole)
        dce_call_hold(ctx, d, &call->stub, stub);
    if (shown && !whole)
        dce_call_hold(ctx, d, &call->shown, pdu->all);
    if (!last)
        return;
    call->answered = true;
    if (!sealed)
        read_status(call, stub, pdu->big);
    else if (!call->to.known)
        call->to = conclude(ctx, d, call->context, dce_guess_sealed(d, call), false);
    if (wanted)
        answer_whole(ctx, d, call, whole ? stub : kd_buf_view(&call->stub), pdu->big);
    dce_call_show(ctx, d, call, KD_TO_CLIENT, whole ? pdu->all : kd_buf_view(&call->shown));
    dce_call_drop_held(ctx, d, call);
    call_end(ctx, d, at);
}

static void on_fault(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_pdu *pdu)
{
    (void)kd_cur_take(&pdu->body, 8);
    uint32_t status = take32(pdu);
    if (!kd_cur_ok(&pdu->body)) {
        dce_odd(ctx, d, DCE_ODD_BODY);
        return;
    }
    dce_auth_fault(ctx, d, status, pdu->auth_type != 0);
    struct dce_call **at = call_find(d, pdu->call_id);
    if (*at == NULL)
        return;
    (*at)->answered = true;
    (*at)->fault = true;
    (*at)->has_status = true;
    (*at)->status = status;
    call_end(ctx, d, at);
}

static void to_server(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_pdu *pdu)
{
    switch (pdu->type) {
    case DCE_BIND:
    case DCE_ALTER:
        on_bind(ctx, d, pdu);
        break;
    case DCE_AUTH3:
        dce_auth_bind(ctx, d, pdu);
        break;
    case DCE_REQUEST:
        on_request(ctx, d, pdu);
        break;
    default:
        break;
    }
}

static void to_client(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_pdu *pdu)
{
    switch (pdu->type) {
    case DCE_BIND_ACK:
    case DCE_ALTER_RESP:
        on_bind_ack(ctx, d, pdu);
        break;
    case DCE_BIND_NAK:
        dce_step_bind(ctx, d, DCE_BIND_REFUSED);
        dce_auth_result(ctx, d, "failure", kd_str("bind_nak"));
        break;
    case DCE_RESPONSE:
        on_response(ctx, d, pdu);
        break;
    case DCE_FAULT:
        on_fault(ctx, d, pdu);
        break;
    default:
        break;
    }
}

void dce_message(struct kd_ctx *ctx, struct kd_dcerpc *d, enum kd_dir dir, struct kd_bytes msg)
{
    struct dce_pdu pdu;
    if (!read_pdu(msg, &pdu)) {
        dce_odd(ctx, d, DCE_ODD_BODY);
        return;
    }
    if (dir == KD_TO_SERVER)
        to_server(ctx, d, &pdu);
    else
        to_client(ctx, d, &pdu);
}

void dce_end(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    dce_step_bind(ctx, d, DCE_BIND_UNANSWERED);
    while (d->calls != NULL)
        call_end_oldest(ctx, d);
    dce_repeats_flush(ctx, d);
    dce_auth_result(ctx, d, "unknown", kd_str(""));
    dce_handles_done(ctx, d);
    kd_arena_done(&d->mem);
}
