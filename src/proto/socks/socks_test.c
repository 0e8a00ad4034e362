/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_socks;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("socks_test.c");
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

static void recorded_requests(void)
{
    play_seed("version-4");
    CHECK(has("\"socks\":{\"version\":\"4\",\"command\":\"connect\",\"address\":\"10.20.0.40\","
              "\"port\":8000,\"auth\":\"none\",\"result\":\"granted\",\"answered\":true}"));
    CHECK(has("\"http\":{") && has("\"url\":\"/index.html\"") && lacks("anomaly"));
    done();
    play_seed("version-4a");
    CHECK(has("\"version\":\"4a\",\"command\":\"connect\",\"host\":\"10.20.0.40\"") &&
          has("\"user\":\"tanaka\",\"auth\":\"user\""));
    done();
    play_seed("version-5");
    CHECK(has("\"version\":\"5\",\"command\":\"connect\",\"address\":\"10.20.0.40\"") &&
          has("\"http\":{"));
    done();
    play_seed("version-5-name");
    CHECK(has("\"result\":\"granted\"") && has("\"http\":{"));
    done();
}

static void recorded_refusals(void)
{
    play_seed("version-4a-refused"); /* ssh -D closes without a word */
    CHECK(has("\"port\":8001,\"auth\":\"none\"}") && records("socks") == 1);
    done();
    play_seed("refused");
    CHECK(records("socks") == 1 && has("\"result\":\"refused\"") && records("http") == 0);
    done();
}

static void users_and_passwords(void)
{
    play_seed("password");
    CHECK(has("\"user\":\"tanaka\",\"auth\":\"password\",\"result\":\"granted\""));
    CHECK(has("\"login\":{\"method\":\"password\",\"service\":\"socks\",\"user\":\"tanaka\","
              "\"result\":\"success\"}") &&
          lacks("himitsu"));
    done();
    play_seed("wrong-password");
    CHECK(has("\"result\":\"failure\"") && lacks("machigai"));
    done();
}

static void what_it_carries(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\5\1\0"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("\5\0"));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\5\1\0\3\x0bssh.example\0\x16"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("\5\0\0\1\0\0\0\0\0\0SSH-2.0-OpenSSH_9.2\r\n"));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("SSH-2.0-PuTTY_Release_0.80\r\n"));
    play();
    CHECK(has("\"host\":\"ssh.example\"") && has("PuTTY_Release_0.80") && has("OpenSSH_9.2"));
    done();
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\5\1\0"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("\5\xff"));
    play();
    CHECK(has("\"auth\":\"refused\",\"result\":\"no acceptable method\""));
    done();
}

static void a_loss_ends_it(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\4\1\0\x50\xc0\0\2\7\0"));
    lost(KD_TO_CLIENT, 8);
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("GET / HTTP/1.0\r\n\r\n"));
    play();
    CHECK(has("\"address\":\"192.0.2.7\",\"port\":80") && lacks("\"answered\""));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn any = {.proto = 6, .server_port = 4455};
    const struct kd_parser *p = &kd_parser_socks;
    CHECK(p->probe(BYTES("\5\1\0"), KD_TO_SERVER, &any) == KD_PROBE_YES);
    CHECK(p->probe(BYTES("\5\2\0\2"), KD_TO_SERVER, &any) == KD_PROBE_YES);
    CHECK(p->probe(BYTES("\5"), KD_TO_SERVER, &any) == KD_PROBE_MORE);
    CHECK(p->probe(BYTES("\5\0\x0b\3"), KD_TO_SERVER, &any) == KD_PROBE_NO); /* DCE/RPC */
    CHECK(p->probe(BYTES("\5\1\0\x99"), KD_TO_SERVER, &any) == KD_PROBE_NO);
    CHECK(p->probe(BYTES("\4\1\0\x50\xc0\0\2\7\0"), KD_TO_SERVER, &any) == KD_PROBE_YES);
    CHECK(p->probe(BYTES("\4\1\0\x50\0\0\0\1\0host\0"), KD_TO_SERVER, &any) == KD_PROBE_YES);
    CHECK(p->probe(BYTES("\4\1\0\x50\0\0\0\1\0ho"), KD_TO_SERVER, &any) == KD_PROBE_MORE);
    CHECK(p->probe(BYTES("\4\7\0\x50\xc0\0\2\7\0"), KD_TO_SERVER, &any) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_socks;
    RUN(recorded_requests);
    RUN(recorded_refusals);
    RUN(users_and_passwords);
    RUN(what_it_carries);
    RUN(a_loss_ends_it);
    RUN(probe_knows_its_own);
    return tap_done();
}
