/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_mysql;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)
#define GREETING                                                                                   \
    "\x4a\0\0\0\x0a"                                                                               \
    "8.0.36\0"                                                                                     \
    "\1\0\0\0abcdefgh\0\xff\xff\xff\2\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0"                           \
    "abcdefghijkl\0caching_sha2_password\0"

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("mysql_test.c");
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
    CHECK(has("\"sql\":{\"user\":\"zeimu\",\"database\":\"jumin\",\"application\":\"mysql\","
              "\"server_version\":\"10.11."));
    CHECK(has("\"result\":\"ok\",\"auth\":\"mysql_native_password\"}"));
    CHECK(has("\"login\":{\"method\":\"mysql_native_password\",\"service\":\"mysql\",\"user\":"
              "\"zeimu\",\"result\":\"success\"}"));
    CHECK(records("sql") == 1 && records("login") == 1 && lacks("anomaly"));
    done();
    play_seed("wrong-password");
    CHECK(has("\"result\":\"ER_ACCESS_DENIED_ERROR\",\"error\":1045") &&
          has("\"message\":\"Access denied for user 'zeimu'@"));
    CHECK(has("\"result\":\"failure\",\"reason\":\"ER_ACCESS_DENIED_ERROR\""));
    done();
    play_seed("no-database"); /* the user was let in */
    CHECK(has("\"error\":1044") && has("\"result\":\"success\"}"));
    done();
    play_seed("unknown-user");
    CHECK(has("\"user\":\"dareka\",\"result\":\"failure\""));
    done();
}

static void a_password_in_clear_is_noted_and_not_kept(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES(GREETING));
    kd_tape_add(&tape, KD_TO_SERVER,
                BYTES("\x3b\0\0\1\x05\xa2\x08\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                      "\0\0\0"
                      "sato\0\0caching_sha2_password"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("\x16\0\0\2\xfemysql_clear_password\0"));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\x08\0\0\3himitsu\0"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("\x07\0\0\4\0\0\0\2\0\0\0"));
    play();
    CHECK(has("\"server_version\":\"8.0.36\"") && has("\"auth\":\"password\",\"password\":true"));
    CHECK(has("\"login\":{\"method\":\"password\",\"service\":\"mysql\",\"user\":\"sato\","
              "\"result\":\"success\"") &&
          lacks("himitsu"));
    done();
}

static void encryption_hides_the_rest(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES(GREETING));
    kd_tape_add(&tape, KD_TO_SERVER,
                BYTES("\x20\0\0\1\x05\xae\x08\0\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                      "\0\0\0\x16\x03\1\0\5\1\0\0\1\3"));
    play();
    CHECK(has("\"server_version\":\"8.0.36\",\"encrypted\":true") && records("login") == 0);
    done();
}

static void refused_at_the_door(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_CLIENT,
                BYTES("\x2f\0\0\0\xff\x6a\4Host '10.1.2.3' is not allowed to connect to us"));
    play();
    CHECK(has("\"result\":\"ER_HOST_NOT_PRIVILEGED\",\"error\":1130") && records("login") == 0);
    done();
}

static void a_look_at_the_greeting_is_no_attempt(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES(GREETING));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\1\0\0\0\1"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("\x09\0\0\1\xff\x84\4#08S01"));
    play();
    CHECK(has("\"server_version\":\"8.0.36\"") && has("\"error\":1156"));
    CHECK(records("login") == 0 && lacks("\"auth\""));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .server_port = 3307};
    CHECK(kd_parser_mysql.probe(BYTES(GREETING), KD_TO_CLIENT, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_mysql.probe(BYTES(GREETING), KD_TO_SERVER, &conn) == KD_PROBE_REVERSED);
    for (size_t n = 1; n < 11; n++)
        CHECK(kd_parser_mysql.probe(kd_bytes_of(GREETING, n), KD_TO_CLIENT, &conn) ==
              KD_PROBE_MORE);
    CHECK(kd_parser_mysql.probe(BYTES("\x4a\0\0\0\x0bwhatever\0"), KD_TO_CLIENT, &conn) ==
          KD_PROBE_NO);
    CHECK(kd_parser_mysql.probe(BYTES("+OK ready\r\n"), KD_TO_CLIENT, &conn) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_mysql;
    RUN(recorded_logons);
    RUN(a_password_in_clear_is_noted_and_not_kept);
    RUN(encryption_hides_the_rest);
    RUN(refused_at_the_door);
    RUN(a_look_at_the_greeting_is_no_attempt);
    RUN(probe_knows_its_own);
    return tap_done();
}
