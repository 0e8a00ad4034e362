/* SPDX-License-Identifier: Apache-2.0 */
/* What JSON lines alone tell of remote calls: binds with what was asked for, calls that records fold into one, and for
 * a carrier each call in the form its own lines have. */
#include "proto/dcerpc/dce.h"

enum { BOUND_MAX = 32, VERSION_ROOM = 12 };

struct bound_list {
    struct kd_rpc_bound item[BOUND_MAX];
    char version[BOUND_MAX][VERSION_ROOM];
    size_t n;
};

static bool is_wanted(const struct kd_ctx *ctx, const struct kd_dcerpc *d)
{
    return ctx->sink->steps || d->told_to != NULL;
}

/* In the order they were asked for. */
static void list_bound(const struct kd_dcerpc *d, struct bound_list *ret)
{
    ret->n = 0;
    for (const struct dce_context *c = d->contexts; c != NULL; c = c->next) {
        if (c->bind != d->binds || c->position >= BOUND_MAX || c->bound.guessed)
            continue;
        struct kd_out v = kd_out_of(ret->version[c->position], VERSION_ROOM);
        kd_out_fmt(&v, "%u.%u", c->bound.major, c->bound.minor);
        for (; ret->n <= c->position; ret->n++)
            ret->item[ret->n] = (struct kd_rpc_bound){0};
        ret->item[c->position] = (struct kd_rpc_bound){.uuid = kd_bytes_of(c->bound.uuid, sizeof(c->bound.uuid)),
                                                       .version = kd_out_bytes_view(&v),
                                                       .ack_result = c->result};
    }
}

static void tell_carrier(const struct kd_ctx *ctx, const struct kd_dcerpc *d, const struct kd_smb_call *call)
{
    struct kd_ctx outer = *ctx;
    outer.state = d->told_state;
    d->told_to(&outer, d->told_arg, call);
}

void dce_step_bind(const struct kd_ctx *ctx, struct kd_dcerpc *d, enum dce_bind_end end)
{
    struct bound_list bound;
    bool waited = d->bind_waits, alters = d->bind_alters;
    d->bind_waits = false;
    if (!waited || !is_wanted(ctx, d))
        return;
    list_bound(d, &bound);
    struct kd_list list = {bound.item, bound.n};
    if (d->told_to != NULL) {
        static const char *const answers[2][3] = {{"BINDACK", "BINDNAK", "UNREPLIED"},
                                                  {"ALTER_CONTEXT_RESP", "BINDNAK", "UNREPLIED"}};
        struct kd_smb_call call = {.request = kd_str(alters ? "ALTER_CONTEXT" : "BIND"),
                                   .response = kd_str(answers[alters][end]),
                                   .call_id = d->bind_id,
                                   .bound = list};
        tell_carrier(ctx, d, &call);
        return;
    }
    struct kd_rec_dcerpc rec = {.step = kd_str(alters ? "ALTER_CONTEXT" : "BIND"),
                                .answered = end != DCE_BIND_UNANSWERED,
                                .refused = end == DCE_BIND_REFUSED,
                                .call_id = d->bind_id,
                                .rpc_version = kd_str("5.0"),
                                .over = kd_str(d->over),
                                .bound = list};
    kd_emit(ctx, KD_REC_DCERPC_STEP, &rec);
}

void dce_step_call(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_call *call, bool repeats)
{
    if (!is_wanted(ctx, d))
        return;
    if (repeats)
        dce_call_tell(ctx, d, call, KD_REC_DCERPC_STEP, 0);
    if (d->told_to == NULL)
        return;
    struct kd_smb_call told = {.request = kd_str("REQUEST"),
                               .response = kd_str(call->fault ? "FAULT" : call->answered ? "RESPONSE" : "UNREPLIED"),
                               .call_id = call->id,
                               .opnum = call->opnum,
                               .request_fragments = call->fragments[KD_TO_SERVER],
                               .response_fragments = call->fragments[KD_TO_CLIENT],
                               .request_bytes = call->raw[KD_TO_SERVER],
                               .response_bytes = call->raw[KD_TO_CLIENT]};
    tell_carrier(ctx, d, &told);
}
