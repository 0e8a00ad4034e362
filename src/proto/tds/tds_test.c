/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_tds;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("tds_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    begin();
    tape.n = f == NULL ? 0 : fread(room, 1, sizeof(room), f);
    if (f != NULL)
        fclose(f);
    play();
}

static void recorded_logons(void)
{
    play_seed("session");
    CHECK(has("\"sql\":{\"user\":\"sa\",\"database\":\"jumin\",\"application\":\"TSQL\","
              "\"client_name\":\""));
    CHECK(has("\"server_version\":\"16.0.4100\",\"result\":\"ok\",\"auth\":\"password\","
              "\"password\":true}"));
    CHECK(has("\"login\":{\"method\":\"password\",\"service\":\"mssql\",\"user\":\"sa\",") &&
          has("\"result\":\"success\"}"));
    CHECK(records("login") == 1 && lacks("anomaly") && lacks("Himitsu"));
    done();
    play_seed("wrong-password");
    CHECK(has("\"result\":\"LOGIN_FAILED\",\"error\":18456") &&
          has("\"message\":\"Login failed for user 'sa'.\""));
    CHECK(has("\"result\":\"failure\",\"reason\":\"LOGIN_FAILED\""));
    done();
    play_seed("version-7"); /* begins with the logon itself */
    CHECK(has("\"user\":\"zeimu\"") && has("\"result\":\"success\""));
    done();
}

static void old_versions(void)
{
    play_seed("version-4");
    CHECK(has("\"user\":\"sa\"") && has("\"application\":\"TSQL\"") && has("\"password\":true") &&
          has("\"result\":\"failure\"") && lacks("machigai"));
    done();
    play_seed("guess");
    CHECK(has("\"user\":\"sa\"") && has("\"result\":\"failure\""));
    done();
}

static void a_program_started_by_the_server(void)
{
    play_seed("session");
    CHECK(records("sql") == 2 && has("\"statement\":\"exec xp_cmdshell 'whoami'") &&
          has("\"statement_type\":\"exec\",\"command\":\"xp_cmdshell\""));
    done();
}

static void the_logon_alone_is_encrypted(void)
{
    play_seed("tls-wrong-password");
    CHECK(has("\"tls\":{") && has("\"encrypted\":true"));
    CHECK(has("\"user\":\"sa\",\"result\":\"failure\",\"reason\":\"LOGIN_FAILED\"") &&
          records("login") == 1 && lacks("anomaly"));
    done();
    play_seed("tls-session");
    CHECK(has("\"result\":\"success\"") && records("login") == 1);
    done();
}

static void an_answer_that_was_lost(void)
{
    play_seed("version-7");
    done();
    tape.n = 3 + (size_t)(room[1] << 8 | room[2]); /* the logon */
    lost(KD_TO_CLIENT, 100);
    play();
    CHECK(has("\"user\":\"zeimu\"") && has("\"result\":\"unknown\""));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .server_port = 50123};
    static const char begin_7[] = "\x12\1\0\x2f\0\0\1\0\0\0\x1a\0\6\1\0\x20\0\1";
    CHECK(kd_parser_tds.probe(BYTES(begin_7), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_tds.probe(BYTES(begin_7), KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
    for (size_t n = 1; n < 17; n++)
        CHECK(kd_parser_tds.probe(kd_bytes_of(begin_7, n), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(kd_parser_tds.probe(BYTES("\x12\1\0\x2f\0\0\1\0\0\0\x01\0\6\1\0\x20\0\1"), KD_TO_SERVER,
                              &conn) == KD_PROBE_NO);
    CHECK(kd_parser_tds.probe(BYTES("GET / HTTP/1.1\r\n\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_tds;
    RUN(recorded_logons);
    RUN(old_versions);
    RUN(a_program_started_by_the_server);
    RUN(the_logon_alone_is_encrypted);
    RUN(an_answer_that_was_lost);
    RUN(probe_knows_its_own);
    return tap_done();
}
