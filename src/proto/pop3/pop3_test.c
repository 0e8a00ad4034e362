/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_pop3;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("pop3_test.c");
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

static void recorded_sessions(void)
{
    play_seed("session");
    CHECK(has("\"command\":\"RETR\",\"argument\":\"1\",\"result\":\"OK\"") &&
          has("\"subject\":\"請求書の件\""));
    CHECK(has("\"filename\":\"seikyu.zip\"") && records("fileinfo") == 1 && records("smtp") == 3);
    CHECK(has("\"login\":{\"method\":\"password\",\"service\":\"pop3\",\"user\":\"soumu\","
              "\"result\":\"success\""));
    CHECK(lacks("himitsu") && lacks("anomaly"));
    done();
    play_seed("retr");
    CHECK(has("\"login\":{\"method\":\"plain\",\"service\":\"pop3\",\"user\":\"soumu\",\"result\":"
              "\"success\""));
    CHECK(has("pay.maker.example/login"));
    CHECK(lacks("himitsu") && lacks("AHNvdW11AGhpbWl0c3U="));
    done();
    play_seed("wrong-password");
    CHECK(has("\"method\":\"login\",\"service\":\"pop3\",\"user\":\"soumu\",\"result\":"
              "\"failure\"") &&
          lacks("Y2hpZ2F1"));
    done();
    play_seed("stls");
    CHECK(has("\"command\":\"STLS\"") && has("\"tls\":{\"version\"") && lacks("\"login\""));
    done();
}

static void pipelined_with_stuffed_dots(void)
{
    begin();
    server("+OK POP3 <1@machi.example>\r\n");
    client("APOP soumu c4c9334bac560ecc979e58001b3e22fb\r\nRETR 1\r\nLIST 2\r\nNOOP\r\n");
    server("+OK in\r\n+OK mail\r\nSubject: a\r\n\r\n..x\r\n.\r\n+OK 2 100\r\n-ERR no\r\n");
    play();
    CHECK(has("\"method\":\"apop\"") && lacks("c4c9334b") && has("\"subject\":\"a\""));
    CHECK(records("mailbox") == 5 &&
          has("\"command\":\"NOOP\",\"result\":\"ERR\",\"reply\":\"no\""));
    CHECK(has("\"command\":\"RETR\",\"argument\":\"1\",\"result\":\"OK\",\"reply\":\"mail\","
              "\"messages\":1"));
    done();
}

static void a_short_password_is_no_command(void)
{
    begin();
    server("+OK POP3\r\n");
    client("AUTH LOGIN\r\n");
    server("+ VXNlcm5hbWU6\r\n");
    client("YWJj\r\n");
    server("+ UGFzc3dvcmQ6\r\n");
    client("eHl6\r\neHlz\r\n");
    server("-ERR no\r\n");
    play();
    CHECK(has("\"user\":\"abc\",\"result\":\"failure\"") && records("mailbox") == 2);
    CHECK(lacks("EHL") && lacks("eHl"));
    done();
}

static void a_loss_within_a_mail(void)
{
    begin();
    server("+OK POP3\r\n");
    client("RETR 1\r\n");
    server("+OK\r\nSubject: a\r\n\r\nbe");
    lost(KD_TO_CLIENT, 500);
    server(".\r\n");
    client("QUIT\r\n");
    server("+OK bye\r\n");
    play();
    CHECK(records("smtp") == 1 && has("\"command\":\"QUIT\",\"result\":\"OK\""));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn other = {.proto = 6, .server_port = 6379},
                   pop = {.proto = 6, .server_port = 110};
    CHECK(kd_parser_pop3.probe(kd_str("+OK ready\r\n"), KD_TO_CLIENT, &other) == KD_PROBE_YES);
    CHECK(kd_parser_pop3.probe(kd_str("+OK\r\n"), KD_TO_CLIENT, &other) == KD_PROBE_NO);
    CHECK(kd_parser_pop3.probe(kd_str("USER a\r\n"), KD_TO_SERVER, &pop) == KD_PROBE_YES);
    CHECK(kd_parser_pop3.probe(kd_str("USER a\r\n"), KD_TO_SERVER, &other) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_pop3;
    RUN(recorded_sessions);
    RUN(pipelined_with_stuffed_dots);
    RUN(a_short_password_is_no_command);
    RUN(a_loss_within_a_mail);
    RUN(probe_knows_its_own);
    return tap_done();
}
