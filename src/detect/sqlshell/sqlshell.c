/* SPDX-License-Identifier: Apache-2.0 */
/* Programs started by way of a database server.  See sqlshell.md. */
#include "detect/common.h"
#include "findings.h"

enum { STATEMENT_SHOWN = 200 };

static void sqlshell_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_sql *s = r->body;
    static const char *const starters[] = {"xp_cmdshell", "sp_oacreate", "sp_execute_external_script"};
    bool starts = false;
    for (size_t i = 0; i < KD_COUNT(starters); i++)
        starts = starts || kd_bytes_eq_str(s->command, starters[i]);
    if (!starts)
        return;
    struct kd_sides sides = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of('q');
    kd_key_addr(&fold, &r->head->src);
    kd_key_addr(&fold, &r->head->dst);
    struct kd_fact facts[] = {
        {"account", s->user.n > 0 ? s->user : kd_str("-")},
        {"command", s->command},
        {"text", kd_bytes_head(s->statement, STATEMENT_SHOWN)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CC_0083, .host = sides.host, .peer = sides.peer, .user = s->user,
                   .fold = kd_key_view(&fold), .severity = -1, .confidence = -1, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = &r->head->id, .n_record_ids = 1,
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

const struct kd_detector kd_detector_sqlshell = {
    .name = "sqlshell",
    .summary_en = "programs started by way of a database server (xp_cmdshell)",
    .summary_ja = "データベースサーバー経由のプログラム実行(xp_cmdshell など)",
    .wants = (uint64_t)1 << KD_REC_SQL,
    .key_state_bytes = 1,
    .max_keys = 16,
    .record = sqlshell_record,
};
