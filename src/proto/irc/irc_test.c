/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_irc;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("irc_test.c");
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
    play_seed("bot");
    CHECK(
        has("\"irc\":{\"command\":\"register\",\"nick\":\"bot7f3a\",\"user\":\"win7\",\"realname\":"
            "\"win7\",\"server\":\"irc.kaigi.example\",\"result\":\"ok\",\"code\":1}"));
    CHECK(has("\"command\":\"join\",\"nick\":\"bot7f3a\"") &&
          has("\"channel\":\"#kaigi\",\"result\":\"ok\""));
    CHECK(has("\"command\":\"end\"") && has("\"messages_toserver\":1") && records("login") == 0);
    CHECK(lacks("aikotoba") && lacks("10.0.19045"));
    done();
    play_seed("two-channels");
    CHECK(has("\"channel\":\"#a\",\"result\":\"ok\"") &&
          has("\"channel\":\"#b\",\"result\":\"ok\""));
    CHECK(has("\"realname\":\"Tanaka Taro\""));
    done();
}

static void passwords(void)
{
    play_seed("password");
    CHECK(has("\"password\":true") && lacks("aikotoba"));
    CHECK(
        has("\"login\":{\"method\":\"password\",\"service\":\"irc\",\"user\":\"suzuki\",\"result\":"
            "\"success\"}"));
    done();
    play_seed("wrong-password");
    CHECK(has("\"result\":\"Access denied: Bad password?\"") &&
          has("\"user\":\"suzuki\",\"result\":\"failure\"") && lacks("machigai"));
    done();
    begin();
    client("PASS himitsu\r\nNICK a\r\nUSER a 0 * :a\r\n");
    server(":irc.example 464 a :Password incorrect\r\n");
    play();
    CHECK(has("\"result\":\"failure\",\"reason\":\"Password incorrect\"") && lacks("himitsu"));
    done();
}

static void a_name_that_is_refused(void)
{
    begin();
    client("NICK a|b\r\nUSER a 0 * :a\r\n");
    server(":s 432 * a|b :Erroneous nickname\r\n");
    play();
    CHECK(has("\"result\":\"nick refused\",\"code\":432"));
    done();
}

static void refused_and_unanswered_channels(void)
{
    begin();
    client("NICK a\r\nUSER a 0 * :a\r\n");
    server(":s 001 a :Welcome\r\n");
    client(
        "JOIN #k wrong\r\nJOIN #later\r\nPRIVMSG b :\001DCC SEND tool.exe 3232235777 5000\001\r\n");
    server(":s 475 a #k :Cannot join channel (+k)\r\n");
    play();
    CHECK(has("\"channel\":\"#k\",\"result\":\"Cannot join channel (+k)\",\"code\":475"));
    CHECK(has("\"channel\":\"#later\"}"));
    CHECK(has("\"command\":\"send_file\"") && has("\"argument\":\"tool.exe 3232235777 5000\""));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn any = {.proto = 6, .server_port = 4455};
    const struct kd_parser *p = &kd_parser_irc;
    CHECK(p->probe(kd_str("NICK [JPN|10]4711\r\n"), KD_TO_SERVER, &any) == KD_PROBE_YES);
    CHECK(p->probe(kd_str("PASS x\r\nNICK a\n"), KD_TO_SERVER, &any) == KD_PROBE_YES);
    CHECK(p->probe(kd_str("USER a 0 * :b\r\n"), KD_TO_SERVER, &any) == KD_PROBE_YES);
    CHECK(p->probe(kd_str("USER a\r\n"), KD_TO_SERVER, &any) == KD_PROBE_NO); /* POP3, FTP */
    CHECK(p->probe(kd_str("PASS x\r\nUSER a\r\n"), KD_TO_SERVER, &any) == KD_PROBE_NO);
    CHECK(p->probe(kd_str("NI"), KD_TO_SERVER, &any) == KD_PROBE_MORE);
    CHECK(p->probe(kd_str(":irc.example NOTICE AUTH :*** Looking up\r\n"), KD_TO_CLIENT, &any) ==
          KD_PROBE_YES);
    CHECK(p->probe(kd_str("220 mail ESMTP\r\n"), KD_TO_CLIENT, &any) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_irc;
    RUN(recorded_sessions);
    RUN(passwords);
    RUN(a_name_that_is_refused);
    RUN(refused_and_unanswered_channels);
    RUN(probe_knows_its_own);
    return tap_done();
}
