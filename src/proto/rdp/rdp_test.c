/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_rdp;

static void load(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("rdp_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    begin();
    tape.n = f == NULL ? 0 : fread(room, 1, sizeof(room), f);
    if (f != NULL)
        fclose(f);
}

static void play_seed(const char *name)
{
    load(name);
    play();
    CHECK(run.pool_left == 0);
}

static void standard_security_tells_of_the_client(void)
{
    play_seed("standard");
    CHECK(
        has("\"cookie\":\"soumu\",\"client_name\":\"vm\",\"client_version\":\"10.7 build 18363\""));
    CHECK(has("\"keyboard_layout\":\"0x00000411\",\"desktop\":\"800x600\""));
    CHECK(has("\"channels\":[\"rdpdr\",\"rdpsnd\",\"cliprdr\",\"drdynvc\"]"));
    CHECK(has("\"requested_protocols\":\"standard\",\"selected_protocol\":\"standard\",\"result\":"
              "\"unknown\""));
    CHECK(has("\"login\":{\"method\":\"rdp\",\"service\":\"rdp\",\"user\":\"soumu\","
              "\"workstation\":\"vm\",\"result\":\"unknown\""));
    done();
}

static void without_credssp_nothing_is_concluded(void)
{
    play_seed("tls");
    CHECK(has("\"selected_protocol\":\"tls\",\"result\":\"encrypted\""));
    CHECK(has("\"method\":\"tls\"") && has("\"result\":\"unknown\"") &&
          has("\"tls\":{\"sni\":\"127.0.0.1\""));
    done();
}

static void credssp_that_passed(void)
{
    play_seed("nla-success");
    CHECK(has("\"selected_protocol\":\"nla\",\"result\":\"success\""));
    CHECK(has("\"login\":{\"method\":\"nla\",\"service\":\"rdp\",\"user\":\"soumu\",\"result\":"
              "\"success\",\"reason\":\"concluded\""));
    done();
}

static void credssp_that_failed(void)
{
    play_seed("nla-wrong-password");
    CHECK(has("\"selected_protocol\":\"nla\",\"result\":\"failure\""));
    CHECK(has("\"user\":\"soumu\",\"result\":\"failure\",\"reason\":\"concluded\""));
    done();
}

static void add(enum kd_dir dir, const char *bytes, size_t n)
{
    kd_tape_add(&tape, dir, kd_bytes_of(bytes, n));
}

static void refused(void)
{
    begin();
    add(KD_TO_SERVER,
        "\x03\x00\x00\x27\x22\xe0\x00\x00\x00\x00\x00"
        "Cookie: mstshash=k\r\n"
        "\x01\x00\x08\x00\x03\x00\x00\x00",
        39);
    add(KD_TO_CLIENT,
        "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x03\x00\x08\x00\x05\x00\x00\x00", 19);
    play();
    CHECK(has("\"cookie\":\"k\"") && has("\"requested_protocols\":\"tls,nla\",\"selected_"
                                         "protocol\":\"hybrid_required\",\"result\":\"failure\""));
    CHECK(!has("\"login\""));
    done();
}

/* Encrypted records of these sizes; negative: from the server. */
static void sizes(const int *n)
{
    static char record[4096];
    begin();
    add(KD_TO_SERVER,
        "\x03\x00\x00\x27\x22\xe0\x00\x00\x00\x00\x00"
        "Cookie: mstshash=k\r\n"
        "\x01\x00\x08\x00\x03\x00\x00\x00",
        39);
    add(KD_TO_CLIENT,
        "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00", 19);
    for (; *n != 0; n++) {
        int size = *n < 0 ? -*n : *n;
        record[0] = 23;
        record[1] = 3;
        record[2] = 3;
        record[3] = (char)(size >> 8);
        record[4] = (char)(size & 255);
        add(*n < 0 ? KD_TO_CLIENT : KD_TO_SERVER, record, (size_t)size + 5);
    }
    play();
}

static void sizes_decide(void)
{
    sizes((const int[]){80, -240, 600, -32, 0});
    CHECK(has("\"result\":\"failure\""));
    done();
    sizes((const int[]){80, -240, 600, -340,
                        0}); /* the server's key proof, then the client went away */
    CHECK(has("\"result\":\"success\""));
    done();
    sizes((const int[]){80, -240, 0}); /* only asked who the server is */
    CHECK(!has("\"failure\"") && !has("\"success\"") && has("\"result\":\"unknown\""));
    done();
    sizes((const int[]){2000, -180, 0}); /* a ticket: right or wrong is not seen */
    CHECK(!has("\"failure\"") && !has("\"success\""));
    done();
    sizes((const int[]){2000, -180, 300, 400, 30, 30, 0});
    CHECK(has("\"result\":\"success\""));
    done();
}

static void packets_that_overtake_each_other(void)
{
    begin();
    add(KD_TO_CLIENT,
        "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00", 19);
    add(KD_TO_SERVER,
        "\x03\x00\x00\x27\x22\xe0\x00\x00\x00\x00\x00"
        "Cookie: mstshash=k\r\n"
        "\x01\x00\x08\x00\x03\x00\x00\x00",
        39);
    play();
    CHECK(
        has("\"cookie\":\"k\",\"requested_protocols\":\"tls,nla\",\"selected_protocol\":\"nla\"") &&
        !has("anomaly"));
    done();
    begin();
    add(KD_TO_SERVER,
        "\x03\x00\x00\x27\x22\xe0\x00\x00\x00\x00\x00"
        "Cookie: mstshash=k\r\n"
        "\x01\x00\x08\x00\x03\x00\x00\x00",
        39);
    add(KD_TO_SERVER, "\x16\x03\x01\x00\x04", 5);
    add(KD_TO_CLIENT,
        "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00", 19);
    play();
    CHECK(
        has("\"cookie\":\"k\",\"requested_protocols\":\"tls,nla\",\"selected_protocol\":\"nla\"") &&
        !has("anomaly"));
    done();
}

static void loss_ends_conclusions(void)
{
    load("nla-wrong-password");
    lost(KD_TO_SERVER, 100);
    play();
    CHECK(!has("\"result\":\"failure\"") && has("\"cookie\":\"soumu\""));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn any = {.proto = 6, .server_port = 4444};
    struct kd_bytes request = kd_bytes_of(
        "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", 19);
    CHECK(kd_parser_rdp.probe(request, KD_TO_SERVER, &any) == KD_PROBE_YES);
    CHECK(kd_parser_rdp.probe(request, KD_TO_CLIENT, &any) == KD_PROBE_REVERSED);
    CHECK(kd_parser_rdp.probe(kd_bytes_head(request, 10), KD_TO_SERVER, &any) == KD_PROBE_MORE);
    /* S7 begins with X.224, too */
    struct kd_bytes s7 = kd_bytes_of(
        "\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc0\x01\x0a\xc1\x02\x01\x00\xc2\x02\x01\x02",
        22);
    CHECK(kd_parser_rdp.probe(s7, KD_TO_SERVER, &any) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_rdp;
    RUN(standard_security_tells_of_the_client);
    RUN(without_credssp_nothing_is_concluded);
    RUN(credssp_that_passed);
    RUN(credssp_that_failed);
    RUN(refused);
    RUN(sizes_decide);
    RUN(packets_that_overtake_each_other);
    RUN(loss_ends_conclusions);
    RUN(probe_knows_its_own);
    return tap_done();
}
