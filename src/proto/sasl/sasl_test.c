/* SPDX-License-Identifier: Apache-2.0 */
/* Logons as whole conversations are tested with SMTP, POP3 and IMAP; here what a client may write.
 */
#include "proto/sasl/sasl.h"

#include "../../../tests/tap.h"

struct one {
    struct kd_sink sink;
    char text[256];
};

static void on_record(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_rec_type type,
                      const void *body)
{
    struct one *o = (struct one *)sink;
    const struct kd_rec_login *l = body;
    (void)ctx;
    if (type == KD_REC_LOGIN)
        snprintf(o->text, sizeof(o->text), "%.*s %.*s %.*s", (int)l->method.n,
                 (const char *)l->method.p, (int)l->user.n, (const char *)l->user.p,
                 (int)l->result.n, (const char *)l->result.p);
}

static bool told(const char *method, const char *line, const char *want)
{
    struct one one = {.sink.record = on_record};
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_ctx ctx = {.lim = &kd_limits_default, .pool = pool, .sink = &one.sink};
    struct kd_sasl *a = kd_sasl_begin(pool, kd_str(method));
    kd_sasl_line(a, kd_str(line));
    kd_sasl_challenge(a, kd_str("!!!"));
    kd_sasl_end(&ctx, a, "pop3", "failure", kd_str(""));
    bool same = strcmp(one.text, want) == 0 && kd_pool_used(pool) == 0;
    if (!same)
        printf("# %s\n", one.text);
    kd_pool_free(pool);
    return same;
}

static void users_are_read_from_each_method(void)
{
    CHECK(told("PLAIN", "AHNvdW11AGhpbWl0c3U=", "plain soumu failure"));
    CHECK(told("LOGIN", "c291bXU=", "login soumu failure"));
    CHECK(told("CRAM-MD5", "c291bXUgMDEyMzQ=", "cram-md5 soumu failure"));
    CHECK(told("PLAIN", "====", "plain  failure"));
    CHECK(told("UNHEARD-OF", "AHNvdW11AGhpbWl0c3U=", "unheard-of  failure"));
}

static void nothing_is_fine(void)
{
    struct kd_ctx none = {0};
    kd_sasl_line(NULL, kd_str("x"));
    kd_sasl_challenge(NULL, kd_str("x"));
    kd_sasl_end(&none, NULL, "pop3", "failure", kd_str(""));
    CHECK(true);
}

int main(void)
{
    RUN(users_are_read_from_each_method);
    RUN(nothing_is_fine);
    return tap_done();
}
