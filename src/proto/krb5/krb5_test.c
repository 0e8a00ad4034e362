/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/tape.h"
#include "proto/krb5/krb5_msg.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_krb5;

static uint8_t seed_room[1 << 16];
static struct kd_tape_run run;

static struct kd_bytes seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("krb5_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    size_t n = f == NULL ? 0 : fread(seed_room, 1, sizeof(seed_room), f);
    if (f != NULL)
        fclose(f);
    return kd_bytes_of(seed_room, n);
}

static void play(struct kd_bytes tape)
{
    kd_tape_run_done(&run);
    CHECK(kd_tape_check(&kd_parser_krb5, tape, 3) == NULL);
    run = kd_tape_play(&kd_parser_krb5, tape, SIZE_MAX);
    CHECK(run.status[0] == KD_OK && run.status[1] == KD_OK && run.pool_left == 0);
}

/* How many lines hold all the words (separated by "|")? */
static int lines_with(const char *words)
{
    int n = 0;
    struct kd_bytes text = kd_bytes_of(run.text, run.n);
    while (text.n > 0) {
        struct kd_bytes line = kd_bytes_cut(&text, '\n');
        struct kd_bytes rest = kd_str(words);
        bool all = true;
        while (rest.n > 0)
            all = kd_bytes_find(line, kd_bytes_cut(&rest, '|')) != SIZE_MAX && all;
        n += all;
    }
    return n;
}

static void the_same_whether_tcp_or_udp(void)
{
    static const char *const seeds[] = {"udp-all", "tcp-all"};
    for (size_t i = 0; i < KD_COUNT(seeds); i++) {
        play(seed(seeds[i]));
        CHECK(lines_with("KRB_AS_REP|\"cname\":\"yakuba\"|\"realm\":\"MACHI.EXAMPLE\"|\"request_"
                         "type\":\"AS\"|"
                         "\"preauth\":true|\"encryption\":\"aes256-cts-hmac-sha1-96\"") == 1);
        CHECK(lines_with("KRB_TGS_REP|\"sname\":\"cifs/filesv\"|\"cname\":\"yakuba\"") == 1);
        CHECK(lines_with("\"weak_encryption\":true,\"ticket_weak_encryption\":true|http/old") ==
              1);
        CHECK(lines_with("KDC_ERR_S_PRINCIPAL_UNKNOWN|cifs/nashi|\"failed\":true") == 2);
        CHECK(lines_with("\"login\":{|\"result\":\"failure\",\"reason\":\"KDC_ERR_PREAUTH_FAILED\"|"
                         "yakuba") == 1);
        CHECK(lines_with(
                  "\"login\":{|\"failure\",\"reason\":\"KDC_ERR_C_PRINCIPAL_UNKNOWN\"|dareka") ==
              1);
        CHECK(lines_with("\"login\":{|\"failure\",\"reason\":\"KDC_ERR_CLIENT_REVOKED\"|teishi") ==
              1);
        CHECK(lines_with(
                  "\"login\":{|\"result\":\"success\"|yakuba|MACHI.EXAMPLE|\"service\":\"kdc\"") ==
              1);
        CHECK(lines_with("\"offered\":[\"aes256-cts-hmac-sha1-96\",\"aes128-cts-hmac-sha1-96\","
                         "\"rc4-hmac\"]") > 5);
        CHECK(lines_with("\"addresses\":[\"10.77.0.2\"]") > 5);
        CHECK(lines_with("\"latency_us\":1000") > 5);
    }
}

static void asking_for_proof_is_no_failure(void)
{
    play(seed("udp-preauth-required"));
    CHECK(lines_with("KDC_ERR_PREAUTH_REQUIRED|\"error_bits\":25") == 1);
    CHECK(lines_with("\"failed\"") == 0 && lines_with("\"login\"") == 0);
}

static void logon_without_proof_is_visible(void)
{
    play(seed("tcp-no-preauth"));
    CHECK(lines_with("KRB_AS_REP|\"cname\":\"roast\"") == 1 && lines_with("\"preauth\"") == 0);
}

/* The first chunk of a tape: one message of the client. */
static struct kd_bytes first_chunk(struct kd_bytes tape)
{
    struct kd_cur c = kd_cur_of(tape);
    (void)kd_cur_u8(&c);
    return kd_cur_take(&c, kd_cur_be16(&c));
}

static void request_without_answer_is_told_at_the_end(void)
{
    uint8_t room[4096];
    struct kd_out tape = kd_out_of(room, sizeof(room));
    struct kd_bytes request = first_chunk(seed("udp-preauth-required"));
    kd_tape_add_datagram(&tape, KD_TO_SERVER, request);
    kd_tape_add_datagram(&tape, KD_TO_SERVER, request);
    play(kd_out_bytes_view(&tape));
    CHECK(run.n_records == 1 &&
          lines_with("\"msg_type\":\"KRB_AS_REQ\"|\"cname\":\"yakuba\"") == 1);
}

static void answer_without_request_is_told(void)
{
    struct kd_bytes tape = seed("udp-logon");
    size_t first = 3 + first_chunk(tape).n;
    play(kd_bytes_from(tape, first));
    CHECK(lines_with("KRB_AS_REP|\"request_type\":\"AS\"|\"cname\":\"yakuba\"") == 1);
    CHECK(lines_with("\"login\":{|\"result\":\"success\"") == 1);
}

static void waiting_requests_are_bounded(void)
{
    static uint8_t room[1 << 16];
    struct kd_out tape = kd_out_of(room, sizeof(room));
    struct kd_bytes request = first_chunk(seed("udp-preauth-required"));
    uint8_t changed[1024];
    CHECK(request.n < sizeof(changed));
    memcpy(changed, request.p, request.n);
    size_t nonce = kd_bytes_find(request, kd_bytes_of("\xa7\x06\x02\x04", 4));
    CHECK(nonce != SIZE_MAX);
    for (uint8_t i = 0; i < 100 && nonce != SIZE_MAX; i++) {
        changed[nonce + 5] = i;
        kd_tape_add_datagram(&tape, KD_TO_SERVER, kd_bytes_of(changed, request.n));
    }
    play(kd_out_bytes_view(&tape));
    CHECK(lines_with("KRB_AS_REQ") == 100);
}

static void broken_message_is_told_once(void)
{
    uint8_t room[256];
    struct kd_out tape = kd_out_of(room, sizeof(room));
    kd_tape_add_datagram(&tape, KD_TO_SERVER, kd_bytes_of("\x6a\x03\x30\x05\x01", 5));
    kd_tape_add_datagram(&tape, KD_TO_SERVER, kd_bytes_of("\x6a\x03\x30\x05\x01", 5));
    play(kd_out_bytes_view(&tape));
    CHECK(run.n_records == 1 && lines_with("krb5_malformed") == 1);
}

static void probe_knows_its_own(void)
{
    struct kd_conn udp = {.proto = 17};
    struct kd_conn tcp = {.proto = 6};
    struct kd_bytes tape = seed("udp-preauth-required");
    struct kd_bytes request = first_chunk(tape);
    struct kd_bytes answer = first_chunk(kd_bytes_from(tape, 3 + request.n));
    CHECK(kd_parser_krb5.probe(request, KD_TO_SERVER, &udp) == KD_PROBE_YES);
    CHECK(kd_parser_krb5.probe(answer, KD_TO_CLIENT, &udp) == KD_PROBE_YES);
    CHECK(kd_parser_krb5.probe(answer, KD_TO_SERVER, &udp) == KD_PROBE_REVERSED);
    CHECK(kd_parser_krb5.probe(kd_bytes_head(request, 100), KD_TO_SERVER, &udp) == KD_PROBE_NO);
    CHECK(kd_parser_krb5.probe(kd_str("jabber"), KD_TO_SERVER, &udp) == KD_PROBE_NO);
    request = first_chunk(seed("tcp-logon"));
    CHECK(kd_parser_krb5.probe(request, KD_TO_SERVER, &tcp) == KD_PROBE_YES);
    for (size_t n = 0; n < 16; n++)
        CHECK(kd_parser_krb5.probe(kd_bytes_head(request, n), KD_TO_SERVER, &tcp) == KD_PROBE_MORE);
    CHECK(kd_parser_krb5.probe(kd_bytes_from(request, 4), KD_TO_SERVER, &tcp) == KD_PROBE_NO);
    CHECK(kd_parser_krb5.probe(kd_str("GET / HTTP/1.1\r\n"), KD_TO_SERVER, &tcp) == KD_PROBE_NO);
}

static void numbers_without_a_name(void)
{
    char room[KD_KRB5_NUMBER_ROOM];
    CHECK(kd_bytes_eq_str(kd_krb5_etype_name(-4711, room), "unknown--4711"));
    CHECK(kd_bytes_eq_str(kd_krb5_error_name(4711, room), "KRB_ERR_4711"));
    CHECK(kd_krb5_is_weak(23) && kd_krb5_is_weak(3) && kd_krb5_is_weak(16));
    CHECK(!kd_krb5_is_weak(17) && !kd_krb5_is_weak(18) && !kd_krb5_is_weak(20) &&
          !kd_krb5_is_weak(26));
}

int main(void)
{
    RUN(the_same_whether_tcp_or_udp);
    RUN(asking_for_proof_is_no_failure);
    RUN(logon_without_proof_is_visible);
    RUN(request_without_answer_is_told_at_the_end);
    RUN(answer_without_request_is_told);
    RUN(waiting_requests_are_bounded);
    RUN(broken_message_is_told_once);
    RUN(probe_knows_its_own);
    RUN(numbers_without_a_name);
    kd_tape_run_done(&run);
    return tap_done();
}
