/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sql/sql.h"

#include "base/charset.h"
#include "base/utf16.h"

void kd_sql_set(struct kd_sql_text *t, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(t->b, sizeof(t->b));
    kd_charset_guess_to_utf8(kd_bytes_head(text, 4 * sizeof(t->b)), &o);
    t->n = (uint8_t)o.n;
}

void kd_sql_set16(struct kd_sql_text *t, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(t->b, sizeof(t->b));
    kd_out_utf16le(&o, kd_bytes_head(text, 4 * sizeof(t->b)));
    t->n = (uint8_t)o.n;
}

void kd_sql_say(struct kd_sql *s, struct kd_bytes message)
{
    struct kd_out o = kd_out_of(s->message, sizeof(s->message));
    kd_charset_guess_to_utf8(kd_bytes_head(message, 4 * sizeof(s->message)), &o);
    s->message_n = (uint8_t)o.n;
}

void kd_sql_say16(struct kd_sql *s, struct kd_bytes message)
{
    struct kd_out o = kd_out_of(s->message, sizeof(s->message));
    kd_out_utf16le(&o, kd_bytes_head(message, 4 * sizeof(s->message)));
    s->message_n = (uint8_t)o.n;
}

static bool knows_nothing(const struct kd_sql *s)
{
    return s->user.n == 0 && s->version.n == 0 && s->refusal == NULL && !s->attempt && !s->ok &&
           !s->encrypted;
}

void kd_sql_tell(struct kd_ctx *ctx, struct kd_sql *s)
{
    static const char *const outcomes[] = {"unknown", "success", "failure"};
    if (s->told || knows_nothing(s))
        return;
    s->told = true;
    const char *result = s->refusal != NULL ? s->refusal : s->ok ? "ok" : "";
    struct kd_rec_sql rec = {
        .user = kd_sql_view(&s->user),
        .database = kd_sql_view(&s->database),
        .application = kd_sql_view(&s->application),
        .client_name = kd_sql_view(&s->client_name),
        .server_version = kd_sql_view(&s->version),
        .result = kd_str(result),
        .error = s->error,
        .encrypted = s->encrypted,
        .auth = kd_sql_view(&s->auth),
        .password = s->password,
        .message = kd_bytes_of(s->message, s->message_n),
    };
    kd_emit(ctx, KD_REC_SQL, &rec);
    if (!s->attempt)
        return;
    struct kd_rec_login login = {
        .method = rec.auth,
        .service = kd_str(kd_app_names[ctx->app]),
        .user = rec.user,
        .domain = s->domain,
        .workstation = rec.client_name,
        .result = kd_str(outcomes[s->outcome]),
        .reason = kd_str(s->outcome == KD_SQL_FAILURE && s->refusal != NULL ? s->refusal : ""),
    };
    kd_emit(ctx, KD_REC_LOGIN, &login);
}
