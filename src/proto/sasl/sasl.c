/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords pass through a buffer on the stack and are never kept. */
#include "proto/sasl/sasl.h"

#include "base/base64.h"

enum { LINE_BYTES = 6144, USER_MAX = 256, AUTH_ARENA = 16 * 1024, STEPS_MAX = 8, REASON_MAX = 160 };

static struct kd_bytes keep(struct kd_sasl *a, struct kd_bytes text)
{
    return kd_arena_copy(&a->mem, text, USER_MAX);
}

/* user up to `end`, behind the first `begin`. */
static struct kd_bytes between(struct kd_bytes in, const char *begin, uint8_t end)
{
    size_t at = kd_bytes_find(in, kd_str(begin));
    struct kd_bytes rest =
        at == SIZE_MAX ? (struct kd_bytes){NULL, 0} : kd_bytes_from(in, at + strlen(begin));
    return kd_bytes_cut(&rest, end);
}

static void read_ntlm(struct kd_sasl *a, struct kd_bytes message)
{
    struct kd_ntlm m;
    if (!kd_ntlm_is(message) || kd_ntlm_parse(message, &m) != KD_OK)
        return;
    kd_ntlm_describe(&m, &a->ntlm, &a->text);
    if (m.type != KD_NTLM_AUTHENTICATE)
        return;
    a->has_ntlm = true;
    a->user = a->ntlm.user;
    a->domain = a->ntlm.domain;
    a->host = a->ntlm.host;
}

/* What the client says, decoded; `step` counts from 0. */
static void read_answer(struct kd_sasl *a, struct kd_bytes in, unsigned step)
{
    if (strcmp(a->method, "plain") == 0) {
        (void)kd_bytes_cut(&in, 0); /* the identity to act as */
        a->user = keep(a, kd_bytes_cut(&in, 0));
    } else if (strcmp(a->method, "login") == 0) {
        if (step == 0)
            a->user = keep(a, in);
    } else if (strcmp(a->method, "cram-md5") == 0) {
        a->user = keep(a, kd_bytes_cut(&in, ' '));
    } else if (strcmp(a->method, "ntlm") == 0 || strcmp(a->method, "gssapi") == 0) {
        read_ntlm(a, in);
    } else if (strcmp(a->method, "digest-md5") == 0) {
        if (a->user.n == 0)
            a->user = keep(a, between(in, "username=\"", '"'));
    } else if (strcmp(a->method, "xoauth2") == 0) {
        if (a->user.n == 0)
            a->user = keep(a, between(in, "user=", 1));
    } else if (strncmp(a->method, "scram-", 6) == 0) {
        if (a->user.n == 0)
            a->user = keep(a, between(in, "n=", ','));
    }
}

static void read_line(struct kd_sasl *a, struct kd_bytes line)
{
    uint8_t clear[LINE_BYTES];
    struct kd_out o = kd_out_of(clear, sizeof(clear));
    struct kd_base64 b = {0};
    kd_base64_add(&b, kd_bytes_head(line, LINE_BYTES), &o);
    kd_base64_end(&b, &o);
    read_answer(a, kd_out_bytes_view(&o), a->step);
    if (a->step < STEPS_MAX)
        a->step++;
}

struct kd_sasl *kd_sasl_begin(struct kd_pool *pool, struct kd_bytes method)
{
    struct kd_arena mem;
    kd_arena_init(&mem, pool, AUTH_ARENA);
    struct kd_sasl *a = kd_arena_alloc(&mem, sizeof(*a));
    if (a == NULL)
        return NULL;
    a->mem = mem;
    a->text = kd_out_of(a->room, sizeof(a->room));
    method = kd_bytes_head(method, sizeof(a->method) - 1);
    for (size_t i = 0; i < method.n; i++)
        a->method[i] = (char)kd_ascii_lower(kd_bytes_at(method, i));
    return a;
}

void kd_sasl_line(struct kd_sasl *a, struct kd_bytes line)
{
    if (a != NULL)
        read_line(a, line);
}

void kd_sasl_challenge(struct kd_sasl *a, struct kd_bytes text)
{
    uint8_t clear[LINE_BYTES];
    struct kd_out o = kd_out_of(clear, sizeof(clear));
    if (a == NULL || strcmp(a->method, "ntlm") != 0)
        return;
    if (kd_base64_decode(kd_bytes_head(text, LINE_BYTES), &o))
        read_ntlm(a, kd_out_bytes_view(&o));
}

void kd_sasl_end(struct kd_ctx *ctx, struct kd_sasl *a, const char *service, const char *result,
                 struct kd_bytes reason)
{
    if (a == NULL)
        return;
    struct kd_rec_login rec = {
        .method = kd_str(a->method),
        .service = kd_str(service),
        .user = a->user,
        .domain = a->domain,
        .workstation = a->host,
        .result = kd_str(result),
        .reason = kd_bytes_head(reason, REASON_MAX),
    };
    if (a->has_ntlm) {
        a->ntlm.over = kd_str(service);
        kd_emit(ctx, KD_REC_NTLM, &a->ntlm);
    }
    kd_emit(ctx, KD_REC_LOGIN, &rec);
    struct kd_arena mem = a->mem;
    kd_arena_done(&mem);
}
