/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_imap;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("imap_test.c");
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
    CHECK(has("\"command\":\"FETCH\",\"argument\":\"1 (RFC822)\",\"result\":\"OK\"") &&
          has("\"subject\":\"請求書の件\""));
    CHECK(has("\"filename\":\"seikyu.zip\"") && records("smtp") == 2 && has("\"messages\":2"));
    CHECK(has("\"login\":{\"method\":\"password\",\"service\":\"imap\",\"user\":\"soumu\","
              "\"result\":\"success\""));
    CHECK(lacks("himitsu") && lacks("anomaly"));
    done();
    play_seed("auth-login");
    CHECK(has("\"login\":{\"method\":\"login\",\"service\":\"imap\",\"user\":\"soumu\",\"result\":"
              "\"success\""));
    CHECK(has("\"subject\":\"Meeting\"") && lacks("aGltaXRzdQ"));
    done();
    play_seed("cram-md5");
    CHECK(has(
        "\"method\":\"cram-md5\",\"service\":\"imap\",\"user\":\"soumu\",\"result\":\"success\""));
    done();
    play_seed("wrong-password");
    CHECK(records("login") == 2 && has("\"method\":\"password\"") &&
          has("\"method\":\"cram-md5\"") &&
          has("\"result\":\"failure\",\"reason\":\"[AUTHENTICATIONFAILED]") && lacks("chigau"));
    done();
    play_seed("starttls");
    CHECK(has("\"command\":\"STARTTLS\"") && has("\"tls\":{\"version\"") && lacks("\"login\""));
    done();
}

static void a_logon_by_literals(void)
{
    begin();
    server("* OK IMAP4rev1 ready\r\n");
    client("a1 LOGIN {5}\r\n");
    server("+ go on\r\n");
    client("soumu {7}\r\n");
    server("+ go on\r\n");
    client("himitsu\r\n");
    server("a1 NO no\r\n");
    client("a2 login \"a b\" himitsu\r\n");
    server("a2 OK in\r\n");
    play();
    CHECK(has("\"user\":\"soumu\",\"result\":\"failure\"") &&
          has("\"user\":\"a b\",\"result\":\"success\""));
    CHECK(lacks("himitsu") && records("mailbox") == 3);
    done();
}

static void answers_out_of_order(void)
{
    begin();
    server("* OK IMAP4rev1 ready\r\n");
    client("a UID FETCH 7 BODY[]\r\nb NOOP\r\nc IDLE\r\n");
    server("b OK\r\n* 1 FETCH (UID 7 BODY[] {15}\r\nSubject: a\r\n\r\nb FLAGS ())\r\na OK "
           "done\r\n+ idling\r\n");
    client("DONE\r\n");
    server("c OK\r\n");
    play();
    CHECK(has("\"command\":\"UID FETCH\",\"argument\":\"7 "
              "BODY[]\",\"result\":\"OK\",\"reply\":\"done\",\"messages\":1"));
    CHECK(records("smtp") == 1 && has("\"subject\":\"a\"") && records("mailbox") == 4);
    done();
}

static void a_loss_within_a_mail(void)
{
    begin();
    server("* OK ready\r\n");
    client("a FETCH 1 RFC822\r\n");
    server("* 1 FETCH (RFC822 {100}\r\nSubject: a\r\n\r\n");
    lost(KD_TO_CLIENT, 80);
    server("123456)\r\na OK done\r\n");
    play();
    CHECK(records("smtp") == 1 &&
          has("\"command\":\"FETCH\",\"argument\":\"1 RFC822\",\"result\":\"OK\""));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn other = {.proto = 6, .server_port = 4000};
    CHECK(kd_parser_imap.probe(kd_str("* OK ready\r\n"), KD_TO_CLIENT, &other) == KD_PROBE_YES);
    CHECK(kd_parser_imap.probe(kd_str("a1 LOGIN a b\r\n"), KD_TO_SERVER, &other) == KD_PROBE_YES);
    CHECK(kd_parser_imap.probe(kd_str("a1 LOGIN a b\r\n"), KD_TO_CLIENT, &other) ==
          KD_PROBE_REVERSED);
    CHECK(kd_parser_imap.probe(kd_str("GET / HTTP/1.1\r\n"), KD_TO_SERVER, &other) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_imap;
    RUN(recorded_sessions);
    RUN(a_logon_by_literals);
    RUN(answers_out_of_order);
    RUN(a_loss_within_a_mail);
    RUN(probe_knows_its_own);
    return tap_done();
}
