/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that make the server start programs: told, the rest goes by. */
#include "base/utf16.h"
#include "proto/tds/tds.h"

enum { STATEMENT_UNITS = 400, BEFORE_UNITS = 100, HEADERS_MAX = 4096 };

static const char *const commands[] = {
    "xp_cmdshell",  "sp_oacreate", "sp_execute_external_script", "xp_regwrite", "xp_dirtree",
    "xp_fileexist", "xp_subdirs",
};

/* Does UTF-16LE text stand here, letters without case? */
static bool stands_at(struct kd_bytes in, size_t at, const char *word)
{
    for (size_t i = 0; word[i] != '\0'; i++)
        if (kd_ascii_lower(kd_bytes_at(in, at + 2 * i)) != (uint8_t)word[i] ||
            at + 2 * i + 1 >= in.n || in.p[at + 2 * i + 1] != 0)
            return false;
    return true;
}

static const char *command_in(struct kd_bytes in, size_t *ret_at)
{
    for (size_t at = 0; at + 20 <= in.n; at++) {
        uint8_t b = kd_ascii_lower(in.p[at]);
        if ((b != 'x' && b != 's') || in.p[at + 1] != 0 || kd_ascii_lower(in.p[at + 2]) != 'p')
            continue;
        for (size_t i = 0; i < KD_COUNT(commands); i++)
            if (stands_at(in, at, commands[i])) {
                *ret_at = at;
                return commands[i];
            }
    }
    return NULL;
}

void tds_batch(struct kd_ctx *ctx, uint8_t type, struct kd_bytes body)
{
    struct tds_state *st = tds_state_of(ctx);
    size_t at = 0;
    const char *command = command_in(body, &at);
    if (command == NULL || st->statements >= TDS_STATEMENTS_MAX)
        return;
    st->statements++;
    /* Since TDS 7.2 headers stand before the text ([MS-TDS] 2.2.5.3). */
    size_t begin = 0;
    struct kd_cur c = kd_cur_of(body);
    uint32_t headers = kd_cur_le32(&c);
    if (type == TDS_BATCH && headers >= 4 && headers <= HEADERS_MAX && headers <= at)
        begin = headers;
    /* In a procedure call numbers and the procedure's name stand before: the word itself begins. */
    if (type == TDS_RPC || at - begin > 2 * BEFORE_UNITS)
        begin = at;
    uint8_t room[3 * STATEMENT_UNITS];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_utf16le(&o, kd_bytes_head(kd_bytes_from(body, begin), 2 * STATEMENT_UNITS));
    struct kd_rec_sql rec = {
        .user = kd_sql_view(&st->logon.user),
        .database = kd_sql_view(&st->logon.database),
        .application = kd_sql_view(&st->logon.application),
        .client_name = kd_sql_view(&st->logon.client_name),
        .statement = kd_out_bytes_view(&o),
        .kind = kd_str("exec"),
        .command = kd_str(command),
    };
    kd_emit(ctx, KD_REC_SQL, &rec);
}
