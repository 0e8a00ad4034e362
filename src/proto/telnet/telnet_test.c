/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_telnet;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("telnet_test.c");
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
    play_seed("login-incorrect");
    CHECK(has("\"login\":{\"method\":\"password\",\"service\":\"telnet\",\"user\":\"dareka\","
              "\"result\":\"failure\",\"reason\":\"Login incorrect\"}"));
    CHECK(!has("chigau") && run.n_records == 1);
    done();
    play_seed("success");
    CHECK(has("\"user\":\"kanri\",\"result\":\"success\"") && !has("himitsu") &&
          run.n_records == 1);
    done();
}

/* A device that asks for a password only, character by character. */
static void a_device_without_users(void)
{
    begin();
    server("\r\nUser Access Verification\r\n\r\nPassword: ");
    client("c");
    client("i\r\n");
    server("\r\nPassword: ");
    client("sco\r\n");
    server("\r\nsw1>");
    play();
    CHECK(has("\"result\":\"failure\"") && has("\"result\":\"success\"") && run.n_records == 2 &&
          !has("\"user\""));
    done();
}

static void typing_errors_and_commands_within(void)
{
    begin();
    server("\xff\xfd\x18login: ");
    client("\xff\xfb\x18"
           "rott\x7f\x7fot");
    server("rott\b \b\b \bot");
    client("\r\n");
    server("\r\nPassword: ");
    client("x\r\n");
    server("\r\nLogin incorrect\r\nlogin: ");
    play();
    CHECK(has("\"user\":\"root\",\"result\":\"failure\""));
    done();
}

static void nothing_is_concluded_behind_a_loss(void)
{
    begin();
    server("login: ");
    client("root\r\n");
    server("\r\nPassword: ");
    client("x\r\n");
    lost(KD_TO_CLIENT, 40);
    server("# ");
    play();
    CHECK(has("\"user\":\"root\",\"result\":\"unknown\"") && run.n_records == 1);
    done();
}

static void a_last_login_is_no_prompt(void)
{
    begin();
    server("login: ");
    client("root\r\n");
    server("\r\nPassword: ");
    client("x\r\n");
    server("\r\nLast login: Mon Nov 3\r\nhost# ");
    client("ls\r\n");
    play();
    CHECK(has("\"user\":\"root\",\"result\":\"success\"") && run.n_records == 1);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn other = {.proto = 6, .server_port = 4000},
                   telnet = {.proto = 6, .server_port = 23};
    CHECK(kd_parser_telnet.probe(kd_bytes_of("\xff\xfd\x18", 3), KD_TO_CLIENT, &other) ==
          KD_PROBE_YES);
    CHECK(kd_parser_telnet.probe(kd_bytes_of("\xffSMB", 4), KD_TO_CLIENT, &other) == KD_PROBE_NO);
    CHECK(kd_parser_telnet.probe(kd_str("login: "), KD_TO_CLIENT, &other) == KD_PROBE_NO);
    CHECK(kd_parser_telnet.probe(kd_str("login: "), KD_TO_CLIENT, &telnet) == KD_PROBE_YES);
}

static void frames_of_text_and_commands(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of("\xff\xfd\x18login: \xff\xfd\x01\r\nhi\n", 19));
    play();
    CHECK(has_frame("s telnet.pdu 0+") && has_frame("s telnet.ctl 0+") && has_frame("s telnet.ctl end 3"));
    CHECK(has_frame("s telnet.data 3+") && has_frame("s telnet.data end 10") && has_frame("s telnet.ctl end 13"));
    CHECK(has_frame("s telnet.data 13+") && has_frame("s telnet.data end 15") && has_frame("s telnet.pdu end 18"));
    done();
}

int main(void)
{
    talk_parser = &kd_parser_telnet;
    RUN(recorded_sessions);
    RUN(a_device_without_users);
    RUN(typing_errors_and_commands_within);
    RUN(nothing_is_concluded_behind_a_loss);
    RUN(a_last_login_is_no_prompt);
    RUN(probe_knows_its_own);
    RUN(frames_of_text_and_commands);
    return tap_done();
}
