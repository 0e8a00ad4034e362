/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_dns, kd_parser_mdns, kd_parser_llmnr;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)

#define Q_WWW "\3www\7example\2jp\0\0\1\0\1"
#define QUERY "\x12\x34\1\0\0\1\0\0\0\0\0\0" Q_WWW
#define ANSWER                                                                                     \
    "\x12\x34\x81\x80\0\1\0\2\0\0\0\0" Q_WWW "\xc0\x0c\0\5\0\1\0\0\1\x2c\0\4\1a\xc0\x10"           \
    "\xc0\x2c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x0a"

static uint8_t room[1 << 16];
static struct kd_out tape;
static struct kd_tape_run run;

static void begin(void)
{
    tape = kd_out_of(room, sizeof(room));
}

static void up(struct kd_bytes b)
{
    kd_tape_add_datagram(&tape, KD_TO_SERVER, b);
}

static void down(struct kd_bytes b)
{
    kd_tape_add_datagram(&tape, KD_TO_CLIENT, b);
}

static void play(const struct kd_parser *p)
{
    kd_tape_run_done(&run);
    run = kd_tape_play(p, kd_out_bytes_view(&tape), SIZE_MAX);
    CHECK(run.pool_left == 0);
}

static bool has(const char *text)
{
    bool found = strstr(run.text, text) != NULL;
    if (!found)
        printf("# no %s in\n# %s\n", text, run.text);
    return found;
}

static void query_and_answer_are_one_record(void)
{
    begin(), up(BYTES(QUERY)), down(BYTES(ANSWER)), play(&kd_parser_dns);
    CHECK(run.n_records == 1);
    CHECK(has("\"type\":\"answer\",\"id\":4660,\"rrname\":\"www.example.jp\",\"rrtype\":\"A\""));
    CHECK(has("\"rcode\":\"NOERROR\",\"flags_bits\":33152,\"flags\":\"8180\",\"qr\":true,\"version\":3,\"queries\":[{\"rrname\":\"www.example.jp\",\"rrtype\":\"A\"}],\"rd\":true,\"ra\":true"));
    CHECK(has("{\"rrname\":\"www.example.jp\",\"rrtype\":\"CNAME\",\"ttl\":300,\"rdata\":\"a."
              "example.jp\"}"));
    CHECK(
        has("{\"rrname\":\"a.example.jp\",\"rrtype\":\"A\",\"ttl\":60,\"rdata\":\"192.0.2.10\"}"));
    CHECK(has("\"latency_us\":1000,\"query_bytes\":32,\"answer_bytes\":64"));
}

static void names_are_compared_without_case(void)
{
    begin(), up(BYTES(QUERY));
    down(BYTES("\x12\x34\x81\x83\0\1\0\0\0\0\0\0\3wWw\7EXAMPLE\2Jp\0\0\1\0\1"));
    play(&kd_parser_dns);
    CHECK(run.n_records == 1 && has("\"type\":\"answer\"") && has("\"rcode\":\"NXDOMAIN\""));
}

static void answer_to_another_question_is_told(void)
{
    begin(), up(BYTES(QUERY));
    down(BYTES("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\3xxx\7example\2jp\0\0\1\0\1"));
    play(&kd_parser_dns);
    CHECK(run.n_records == 3 && has("dns_answer_to_other_question") && has("\"response\"") &&
          has("\"query\""));
}

static void silence_becomes_a_query_record(void)
{
    begin(), up(BYTES(QUERY)), kd_tape_add_gap(&tape, KD_TO_SERVER, 9000), play(&kd_parser_dns);
    CHECK(run.n_records == 1 && has("\"timestamp\":\"2023-11-14T22:13:20.001000+0000\"") &&
          has("\"type\":\"query\""));
    begin(), up(BYTES(QUERY)), kd_tape_add_gap(&tape, KD_TO_SERVER, 11000), down(BYTES(ANSWER));
    play(&kd_parser_dns);
    CHECK(run.n_records == 2 && has("\"type\":\"query\"") && has("\"type\":\"response\""));
}

static void answer_without_query_is_a_response(void)
{
    begin(), down(BYTES(ANSWER)), play(&kd_parser_dns);
    CHECK(run.n_records == 1 && has("\"type\":\"response\""));
}

static void waiting_queries_are_bounded(void)
{
    begin();
    for (unsigned i = 0; i < 300; i++) {
        uint8_t q[] = QUERY;
        q[0] = (uint8_t)(i >> 8), q[1] = (uint8_t)i;
        up(kd_bytes_of(q, sizeof(q) - 1));
        CHECK(tape.full == false);
    }
    down(BYTES("\0\0\x81\x80\0\1\0\0\0\0\0\0" Q_WWW));   /* forgotten: the oldest */
    down(BYTES("\1\x20\x81\x80\0\1\0\0\0\0\0\0" Q_WWW)); /* 288: waits */
    play(&kd_parser_dns);
    CHECK(run.n_records == 301);
    CHECK(has("\"type\":\"response\",\"id\":0,") && has("\"type\":\"answer\",\"id\":288,"));
}

static void stream_has_length_prefix(void)
{
    static const char two[] = "\0\x20" QUERY "\0\x20\x56\x78\1\0\0\1\0\0\0\0\0\0" Q_WWW;
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES(two));
    kd_tape_add(&tape, KD_TO_CLIENT,
                BYTES("\0\x20\x56\x78\x81\x85\0\1\0\0\0\0\0\0" Q_WWW "\0\x40" ANSWER));
    play(&kd_parser_dns);
    CHECK(run.n_records == 2 && has("\"id\":22136") && has("REFUSED") && has("192.0.2.10") &&
          has("\"proto\":\"TCP\""));
    CHECK(strstr(run.frames, "c dns.pdu 2+32\nc dns.pdu 36+32\n") != NULL && strstr(run.frames, "s dns.pdu 2+32\n") != NULL);
}

static void every_prefix_of_an_answer_is_seen_as_broken(void)
{
    for (size_t n = 0; n < sizeof(ANSWER) - 1; n++) {
        begin(), down(kd_bytes_of(ANSWER, n)), play(&kd_parser_dns);
        CHECK(run.status[KD_TO_CLIENT] != KD_OK || strstr(run.text, "malformed_data") != NULL);
    }
}

static void pointers_cannot_circle_or_look_ahead(void)
{
    begin(), up(BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1")), play(&kd_parser_dns);
    CHECK(run.status[0] == KD_MALFORMED && run.n_records == 0);
    begin(), up(BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\xc0\x10\1b\0\0\1\0\1")), play(&kd_parser_dns);
    CHECK(run.status[0] == KD_MALFORMED);
}

static void odd_bytes_of_names_are_escaped(void)
{
    begin(), up(BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\4a.\xff\\\6\xe6\x9c\xa8\xe6\x88\xb8\0\0\1\0\1")),
        play(&kd_parser_dns);
    CHECK(has("\"rrname\":\"a\\\\.\\\\255\\\\\\\\.木戸\""));
}

static void trailing_data_is_told_once(void)
{
    begin(), up(BYTES(QUERY "hidden")), up(BYTES(QUERY "hidden")), play(&kd_parser_dns);
    CHECK(run.n_records == 2 && has("dns_trailing_data"));
}

static void multicast_names_stand_alone(void)
{
    begin();
    up(BYTES("\0\0\0\0\0\2\0\0\0\0\0\0\4_ipp\4_tcp\5local\0\0\x0c\x80\1\xc0\x11\0\xff\0\1"));
    up(BYTES("\0\0\x84\0\0\0\0\1\0\0\0\0\4_ipp\4_"
             "tcp\5local\0\0\x0c\0\1\0\0\x11\x94\0\x0a\7printer\xc0\x0c"));
    play(&kd_parser_mdns);
    CHECK(run.n_records == 3 && has("\"rrname\":\"_ipp._tcp.local\",\"rrtype\":\"PTR\""));
    CHECK(has("\"rrname\":\"_tcp.local\",\"rrtype\":\"ANY\"") &&
          has("\"rdata\":\"printer._ipp._tcp.local\""));
    CHECK(has("\"app_proto\":\"mdns\"") && strstr(run.text, "rclass") == NULL);
    begin(), up(BYTES("\1\2\0\0\0\1\0\0\0\0\0\0\4wpad\0\0\1\0\1")), play(&kd_parser_llmnr);
    CHECK(run.n_records == 1 && has("\"rrname\":\"wpad\"") && has("\"type\":\"query\""));
}

static enum kd_probe probe(const struct kd_parser *p, uint8_t proto, uint16_t port, enum kd_dir dir,
                           struct kd_bytes b)
{
    struct kd_conn conn = {.proto = proto, .server_port = port, .client_port = 50000};
    return p->probe(b, dir, &conn);
}

static void recognised_by_content(void)
{
    const struct kd_parser *p = &kd_parser_dns;
    CHECK(probe(p, 17, 53, KD_TO_SERVER, BYTES(QUERY)) == KD_PROBE_YES);
    CHECK(probe(p, 17, 9999, KD_TO_SERVER, BYTES(QUERY)) == KD_PROBE_YES);
    CHECK(probe(p, 17, 53, KD_TO_SERVER, BYTES(ANSWER)) == KD_PROBE_REVERSED);
    CHECK(probe(p, 17, 53, KD_TO_CLIENT, BYTES(ANSWER)) == KD_PROBE_YES);
    CHECK(probe(p, 17, 9999, KD_TO_SERVER, BYTES(QUERY "x")) == KD_PROBE_NO);
    CHECK(probe(p, 17, 137, KD_TO_SERVER, BYTES(QUERY)) == KD_PROBE_NO);
    CHECK(probe(p, 6, 53, KD_TO_SERVER, BYTES("\0\x20" QUERY)) == KD_PROBE_YES);
    for (size_t n = 0; n < 34; n++)
        CHECK(probe(p, 6, 53, KD_TO_SERVER, kd_bytes_of("\0\x20" QUERY, n)) == KD_PROBE_MORE);
    CHECK(probe(p, 6, 53, KD_TO_SERVER, BYTES("GET / HTTP/1.1\r\n\r\n")) == KD_PROBE_NO);
    CHECK(probe(p, 6, 53, KD_TO_SERVER,
                BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0\0\0\0")) == KD_PROBE_NO);
    CHECK(probe(p, 17, 123, KD_TO_SERVER,
                BYTES("\x23\2\6\xec\0\0\1\xd0\0\0\1\xd0\xc0\0\2\1\0\0\0\0\0\0\0\0")) ==
          KD_PROBE_NO);
    CHECK(probe(&kd_parser_mdns, 17, 5353, KD_TO_SERVER, BYTES(QUERY)) == KD_PROBE_YES);
    CHECK(probe(&kd_parser_mdns, 17, 53, KD_TO_SERVER, BYTES(QUERY)) == KD_PROBE_NO);
}

int main(void)
{
    RUN(query_and_answer_are_one_record);
    RUN(names_are_compared_without_case);
    RUN(answer_to_another_question_is_told);
    RUN(silence_becomes_a_query_record);
    RUN(answer_without_query_is_a_response);
    RUN(waiting_queries_are_bounded);
    RUN(stream_has_length_prefix);
    RUN(every_prefix_of_an_answer_is_seen_as_broken);
    RUN(pointers_cannot_circle_or_look_ahead);
    RUN(odd_bytes_of_names_are_escaped);
    RUN(trailing_data_is_told_once);
    RUN(multicast_names_stand_alone);
    RUN(recognised_by_content);
    kd_tape_run_done(&run);
    return tap_done();
}
