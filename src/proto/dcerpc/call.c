/* SPDX-License-Identifier: Apache-2.0 */
/* Calls while they wait, what is kept of them, and the records they become. */
#include "proto/dcerpc/dce.h"

#define REPEATS_US 60000000u /* repeats are told at least this often while they go on */

/* ---- memory ---- */

static void *take(const struct kd_ctx *ctx, struct kd_dcerpc *d, size_t n, size_t *ret_size)
{
    if (n > KD_POOL_MAX || d->used + n > ctx->lim->flow_bytes)
        return NULL;
    void *block = kd_pool_take(ctx->pool, n, ret_size);
    if (block != NULL)
        d->used += *ret_size;
    return block;
}

static void give(const struct kd_ctx *ctx, struct kd_dcerpc *d, void *block, size_t size)
{
    if (block != NULL)
        d->used -= size;
    kd_pool_give(ctx->pool, block, size);
}

struct dce_call *dce_call_new(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    size_t size = 0;
    struct dce_call *call = take(ctx, d, sizeof(*call), &size);
    if (call == NULL)
        return NULL;
    *call = (struct dce_call){.size = size};
    return call;
}

static void args_free(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call)
{
    if (call->args != NULL)
        give(ctx, d, call->args, call->args->size);
    call->args = NULL;
}

void dce_call_free(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call)
{
    if (call == NULL)
        return;
    args_free(ctx, d, call);
    dce_call_drop_held(ctx, d, call);
    give(ctx, d, call, call->size);
}

void dce_call_hold(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct kd_buf *to, struct kd_bytes stub)
{
    size_t limit = kd_min_size(ctx->lim->dcerpc_stub_bytes, KD_POOL_MAX);
    size_t had = to->room;
    if (d->used + limit > ctx->lim->flow_bytes)
        return;
    stub = kd_bytes_head(stub, limit - kd_min_size(limit, to->n));
    if (stub.n > 0 && kd_buf_add(to, ctx->pool, stub, limit))
        d->used += to->room - had;
}

void dce_call_drop_held(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call)
{
    d->used -= call->stub.room + call->shown.room;
    kd_buf_done(&call->stub, ctx->pool);
    kd_buf_done(&call->shown, ctx->pool);
}

/* ---- arguments ---- */

static struct kd_bytes kept_text(const struct dce_kept *k)
{
    return k == NULL ? (struct kd_bytes){NULL, 0} : kd_bytes_of(&k->item[k->n], k->text_n);
}

void dce_call_keep(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call,
                   const struct dce_args *args)
{
    size_t size = 0;
    args_free(ctx, d, call);
    if (args->n == 0)
        return;
    size_t n = sizeof(struct dce_kept) + args->n * sizeof(struct dce_arg_item) + args->text.n;
    struct dce_kept *k = take(ctx, d, n, &size);
    if (k == NULL)
        return;
    k->size = size;
    k->n = args->n;
    k->text_n = (uint32_t)args->text.n;
    memcpy(k->item, args->item, args->n * sizeof(struct dce_arg_item));
    memcpy(&k->item[k->n], args->room, args->text.n);
    call->args = k;
}

void dce_call_load(const struct kd_ctx *ctx, const struct dce_call *call, struct dce_args *args)
{
    dce_args_start(args, ctx->lim->text_bytes);
    if (call->args == NULL)
        return;
    args->n = call->args->n;
    memcpy(args->item, call->args->item, args->n * sizeof(struct dce_arg_item));
    kd_out_bytes(&args->text, kept_text(call->args));
}

/* ---- handles ---- */

static void handle_drop_last(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    struct dce_handle **at = &d->handles.first;
    while ((*at)->next != NULL)
        at = &(*at)->next;
    give(ctx, d, *at, (*at)->size);
    *at = NULL;
    d->handles.n--;
}

void dce_handle_keep(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct kd_bytes key,
                     struct kd_bytes label)
{
    size_t size = 0;
    if (key.n != DCE_HANDLE)
        return;
    if (d->handles.n >= ctx->lim->dcerpc_handles)
        handle_drop_last(ctx, d);
    label = kd_bytes_head(label, DCE_LABEL_MAX);
    struct dce_handle *h = take(ctx, d, sizeof(*h) + label.n, &size);
    if (h == NULL)
        return;
    h->size = size;
    h->n = (uint16_t)label.n;
    memcpy(h->key, key.p, DCE_HANDLE);
    memcpy(h->label, label.p, label.n);
    h->next = d->handles.first;
    d->handles.first = h;
    d->handles.n++;
}

void dce_handles_done(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    while (d->handles.first != NULL) {
        struct dce_handle *h = d->handles.first;
        d->handles.first = h->next;
        give(ctx, d, h, h->size);
    }
    d->handles.n = 0;
}

/* ---- records ---- */

static void fill_args(const struct dce_call *call, struct kd_dcerpc_arg *arg,
                      struct kd_rec_dcerpc *rec)
{
    struct kd_bytes text = kept_text(call->args);
    size_t n = call->args != NULL ? call->args->n : 0;
    for (size_t i = 0; i < n; i++) {
        const struct dce_arg_item *k = &call->args->item[i];
        arg[i] = (struct kd_dcerpc_arg){
            .name = kd_bytes_of(k->name, k->name_n),
            .value = kd_bytes_head(kd_bytes_from(text, k->at), k->n),
        };
    }
    rec->args = (struct kd_list){arg, n};
}

/* A record and the texts made for it. */
struct dce_record {
    struct kd_rec_dcerpc rec;
    struct kd_dcerpc_arg arg[DCE_ARGS];
    char version[16], status[DCE_STATUS_ROOM], object[DCE_UUID_TEXT];
    char endpoint[DCE_PIPE_MAX + 8];
};

static void describe(const struct kd_ctx *ctx, const struct kd_dcerpc *d, const struct dce_call *call, struct dce_record *ret)
{
    struct kd_out v = kd_out_of(ret->version, sizeof(ret->version));
    struct kd_out e = kd_out_of(ret->endpoint, sizeof(ret->endpoint));
    ret->rec = (struct kd_rec_dcerpc){
        .opnum = call->opnum,
        .operation = dce_operation(call->to.iface, call->opnum),
        .over = kd_str(d->over),
        .fault = call->fault,
        .answered = call->answered,
        .user = d->logon.user.n > 0 ? d->logon.user : d->user,
        .domain = d->logon.user.n > 0 ? d->logon.domain : d->domain,
        .auth = d->auth_type != 0 ? dce_auth_name(d) : d->auth,
        .auth_level = dce_level_name(call->level),
        .guessed = call->to.guessed,
        .call_id = call->id,
        .rpc_version = kd_str("5.0"),
        .request_fragments = call->fragments[KD_TO_SERVER],
        .response_fragments = call->fragments[KD_TO_CLIENT],
        .request_bytes = call->request_bytes,
        .response_bytes = call->response_bytes,
    };
    if (call->to.iface != NULL)
        ret->rec.interface = kd_str(call->to.iface->name);
    if (call->to.known) {
        kd_out_fmt(&v, "%u.%u", call->to.major, call->to.minor);
        ret->rec.uuid = kd_bytes_of(call->to.uuid, sizeof(call->to.uuid));
        ret->rec.version = kd_out_bytes_view(&v);
    }
    if (d->pipe[0] != 0) {
        kd_out_str(&e, "\\pipe\\");
        kd_out_str(&e, d->pipe);
        ret->rec.endpoint = kd_out_bytes_view(&e);
    }
    if (call->has_object) {
        dce_uuid_text(kd_bytes_of(call->object, DCE_UUID), call->big, ret->object);
        ret->rec.object = kd_bytes_of(ret->object, sizeof(ret->object));
    }
    if (call->has_status) {
        ret->rec.status_code = call->status;
        ret->rec.status = call->fault ? dce_fault_name(call->status, ret->status)
                                 : dce_status_name(call->status, ret->status);
    }
    if (ctx->sink->steps) {
        ret->rec.request_raw = call->raw[KD_TO_SERVER];
        ret->rec.response_raw = call->raw[KD_TO_CLIENT];
    }
    fill_args(call, ret->arg, &ret->rec);
}

void dce_call_tell(const struct kd_ctx *ctx, const struct kd_dcerpc *d, const struct dce_call *call, enum kd_rec_type type,
                   uint32_t calls)
{
    struct dce_record r;
    describe(ctx, d, call, &r);
    r.rec.calls = calls;
    kd_emit(ctx, type, &r.rec);
}

/* ---- rules ---- */

void dce_call_show(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_call *call, enum kd_dir dir,
                   struct kd_bytes stub)
{
    struct dce_record present;
    uint8_t room[DCE_UUID_TEXT + 16];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (!kd_wants_any(ctx))
        return;
    describe(ctx, d, call, &present);
    d->present = &present;
    if (call->to.known) {
        kd_out_bytes(&o, kd_bytes_of(call->to.uuid, sizeof(call->to.uuid)));
        kd_out_fmt(&o, " %u.%u", call->to.major, call->to.minor);
        kd_inspect(ctx, KD_IN_DCERPC_IFACE, dir, kd_out_bytes_view(&o));
    }
    kd_inspect_number(ctx, KD_NUM_DCERPC_OPNUM, dir, call->opnum);
    if (stub.n > 0)
        kd_inspect(ctx, KD_IN_DCERPC_STUB_DATA, dir, stub);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
    d->present = NULL;
}

const void *dce_call_present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    const struct kd_dcerpc *d = ctx->state;
    (void)dir;
    *ret_type = KD_REC_DCERPC;
    return d->present != NULL ? &d->present->rec : NULL;
}

/* ---- repeats ---- */

static bool same_args(const struct dce_kept *a, const struct dce_kept *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->n != b->n || !kd_bytes_eq(kept_text(a), kept_text(b)))
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->item[i].name != b->item[i].name || a->item[i].n != b->item[i].n)
            return false;
    return true;
}

static bool same_call(const struct dce_call *a, const struct dce_call *b)
{
    return a->opnum == b->opnum && a->level == b->level && a->fault == b->fault &&
           a->answered == b->answered && a->status == b->status && a->has_status == b->has_status &&
           a->has_object == b->has_object && memcmp(a->object, b->object, DCE_UUID) == 0 &&
           memcmp(a->to.uuid, b->to.uuid, DCE_UUID_TEXT) == 0 && same_args(a->args, b->args);
}

static void tell_repeats(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    if (d->last->repeats == 0)
        return;
    dce_call_tell(ctx, d, d->last, KD_REC_DCERPC, d->last->repeats);
    d->last->repeats = 0;
    d->last->request_bytes = d->last->response_bytes = 0;
    d->last->first_us = ctx->now_us;
}

void dce_repeats_flush(const struct kd_ctx *ctx, struct kd_dcerpc *d)
{
    if (d->last == NULL)
        return;
    tell_repeats(ctx, d);
    dce_call_free(ctx, d, d->last);
    d->last = NULL;
}

void dce_call_done(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call)
{
    dce_call_drop_held(ctx, d, call);
    if (!call->asked && !call->fault) { /* never complete: nothing certain is known of it */
        dce_call_free(ctx, d, call);
        return;
    }
    if (d->last == NULL || !same_call(d->last, call)) {
        dce_repeats_flush(ctx, d);
        dce_call_tell(ctx, d, call, KD_REC_DCERPC, 0);
        dce_step_call(ctx, d, call, false);
        call->request_bytes = call->response_bytes = 0;
        call->first_us = ctx->now_us;
        d->last = call;
        return;
    }
    dce_step_call(ctx, d, call, true);
    d->last->repeats++;
    d->last->request_bytes += call->request_bytes;
    d->last->response_bytes += call->response_bytes;
    dce_call_free(ctx, d, call);
    if (ctx->now_us - d->last->first_us >= REPEATS_US)
        tell_repeats(ctx, d);
}
