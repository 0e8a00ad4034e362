/* SPDX-License-Identifier: Apache-2.0 */
/* What is told is tested with pgsql, mysql and tds. */
#include "proto/sql/sql.h"

#include "../../../tests/tap.h"

static unsigned n_records;

static void on_record(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_rec_type type,
                      const void *body)
{
    (void)sink;
    (void)ctx;
    (void)body;
    n_records += type == KD_REC_SQL || type == KD_REC_LOGIN;
}

static void told_once(void)
{
    struct kd_sink sink = {.record = on_record};
    struct kd_ctx ctx = {.sink = &sink, .app = KD_APP_MYSQL};
    struct kd_sql s = {0};
    kd_sql_tell(&ctx, &s);
    CHECK(n_records == 0);
    s.attempt = true;
    kd_sql_tell(&ctx, &s);
    kd_sql_tell(&ctx, &s);
    CHECK(n_records == 2);
}

static void texts_are_cut_at_characters(void)
{
    struct kd_sql s = {0};
    char many[400];
    for (size_t i = 0; i < 390; i += 3)
        memcpy(many + i, "税", 3);
    kd_sql_set(&s.user, kd_bytes_of(many, 390));
    CHECK(s.user.n > 48 && s.user.n <= KD_SQL_TEXT && kd_bytes_is_utf8(kd_sql_view(&s.user)));
    kd_sql_say(&s, kd_bytes_of(many, 390));
    CHECK(s.message_n > 120 && kd_bytes_is_utf8(kd_bytes_of(s.message, s.message_n)));
    kd_sql_set16(&s.user, kd_bytes_of("s\0a\0", 4));
    CHECK(kd_bytes_eq_str(kd_sql_view(&s.user), "sa"));
}

int main(void)
{
    RUN(told_once);
    RUN(texts_are_cut_at_characters);
    return tap_done();
}
