/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_vnc;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("vnc_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    begin();
    tape.n = f == NULL ? 0 : fread(room, 1, sizeof(room), f);
    if (f != NULL)
        fclose(f);
    play();
    CHECK(run.status[0] == KD_OK && run.status[1] == KD_OK);
}

static void bytes(enum kd_dir dir, const char *b, size_t n)
{
    kd_tape_add(&tape, dir, kd_bytes_of(b, n));
}

static void recorded_sessions(void)
{
    play_seed("password");
    CHECK(has("\"login\":{\"method\":\"vnc\",\"service\":\"vnc\",\"result\":\"success\"}") &&
          run.n_records == 2);
    CHECK(has("\"security_type\":2") && has("\"security_result\":\"OK\"") && has("\"screen_shared\":") &&
          has("\"true_color\":true"));
    done();
    play_seed("wrong-password");
    CHECK(has("\"method\":\"vnc\",\"service\":\"vnc\",\"result\":\"failure\",\"reason\":"
              "\"Authentication failure\"}"));
    done();
    play_seed("no-password");
    CHECK(has("\"method\":\"none\",\"service\":\"vnc\",\"result\":\"success\"}"));
    done();
    play_seed("hydra");
    CHECK(has("\"result\":\"failure\""));
    done();
}

static void the_old_version_lets_the_server_decide(void)
{
    begin();
    bytes(KD_TO_CLIENT, "RFB 003.003\n", 12);
    bytes(KD_TO_SERVER, "RFB 003.003\n", 12);
    bytes(KD_TO_CLIENT,
          "\0\0\0\2"
          "0123456789abcdef",
          20);
    bytes(KD_TO_SERVER, "0123456789abcdef", 16);
    bytes(KD_TO_CLIENT, "\0\0\0\1", 4);
    play();
    CHECK(has("\"method\":\"vnc\",\"service\":\"vnc\",\"result\":\"failure\"}") &&
          run.n_records == 2);
    CHECK(has("\"rfb\":{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"003\"}") &&
          has("\"challenge\":\"30313233343536373839616263646566\"") && has("\"security_result\":\"FAIL\""));
    done();
}

static void other_ways_are_not_concluded(void)
{
    begin();
    bytes(KD_TO_CLIENT, "RFB 003.008\n", 12);
    bytes(KD_TO_SERVER, "RFB 003.008\n", 12);
    bytes(KD_TO_CLIENT, "\2\x13\2", 3);
    bytes(KD_TO_SERVER, "\x13", 1);
    bytes(KD_TO_CLIENT, "\0\2", 2);
    play();
    CHECK(has("\"method\":\"vencrypt\",\"service\":\"vnc\",\"result\":\"unknown\"}"));
    done();
}

static void looking_is_no_logon(void)
{
    begin();
    bytes(KD_TO_CLIENT, "RFB 003.008\n", 12);
    bytes(KD_TO_SERVER, "RFB 003.008\n", 12);
    bytes(KD_TO_CLIENT, "\2\x13\2", 3);
    play();
    CHECK(run.n_records == 0);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .server_port = 80};
    CHECK(kd_parser_vnc.probe(kd_str("RFB 003.889\n"), KD_TO_CLIENT, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_vnc.probe(kd_str("RFB 00"), KD_TO_CLIENT, &conn) == KD_PROBE_MORE);
    CHECK(kd_parser_vnc.probe(kd_str("RFB x"), KD_TO_CLIENT, &conn) == KD_PROBE_NO);
}

static void frames_of_the_beginning(void)
{
    begin();
    bytes(KD_TO_CLIENT, "RFB 003.008\n\1\2", 14);
    bytes(KD_TO_SERVER, "RFB 003.008\n\2", 13);
    play();
    CHECK(has_frame("s rfb.pdu 0+12") && has_frame("s rfb.pdu 12+2") && has_frame("c rfb.pdu 12+1"));
    done();
}

int main(void)
{
    talk_parser = &kd_parser_vnc;
    RUN(recorded_sessions);
    RUN(the_old_version_lets_the_server_decide);
    RUN(other_ways_are_not_concluded);
    RUN(looking_is_no_logon);
    RUN(probe_knows_its_own);
    RUN(frames_of_the_beginning);
    return tap_done();
}
