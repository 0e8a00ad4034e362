/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void run_statement(struct kd_tb *t, const char *command, const char *text)
{
    struct kd_rec_sql s = {.user = kd_str("sa"), .command = kd_str(command), .statement = kd_str(text)};
    kd_tb_put(t, kd_tb_head(KD_REC_SQL, 1, "10.0.0.5", 50000, "10.0.0.1", 1433), &s);
}

static void programs_by_way_of_the_server_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    run_statement(t, "xp_cmdshell", "EXEC sp_configure 'xp_cmdshell', 1; RECONFIGURE");
    run_statement(t, "xp_cmdshell", "exec master..xp_cmdshell 'whoami'");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0083") == 1 && t->unfilled == 0 && kd_tb_at_least(t, "medium") > 0);
    CHECK(strcmp(t->alerts[0].technique, "T1505.001") == 0 && strcmp(t->alerts[0].user, "sa") == 0);
    kd_tb_free(t);
}

static void logons_and_file_lists_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    run_statement(t, "", "");
    run_statement(t, "xp_fileexist", "exec xp_fileexist 'D:\\backup\\x.bak'");
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(programs_by_way_of_the_server_fire);
    RUN(logons_and_file_lists_are_silent);
    return tap_done();
}
