/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_nbns;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)
#define WPAD                                                                                       \
    "\x20"                                                                                         \
    "FHFAEBEECACACACACACACACACACACAAA"                                                             \
    "\0" /* WPAD<00> */
#define MACHI_1B                                                                                   \
    "\x20"                                                                                         \
    "ENEBEDEIEJCACACACACACACACACACABL"                                                             \
    "\6branch\0" /* MACHI<1b>, scope branch */
#define STAR                                                                                       \
    "\x20"                                                                                         \
    "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"                                                             \
    "\0"

static bool shows(struct kd_bytes msg, const char *text, size_t n_records)
{
    uint8_t room[512];
    struct kd_out tape = kd_out_of(room, sizeof(room));
    kd_tape_add(&tape, KD_TO_SERVER, msg);
    struct kd_tape_run run = kd_tape_play(&kd_parser_nbns, kd_out_bytes_view(&tape), SIZE_MAX);
    bool ok = run.n_records == n_records && strstr(run.text, text) != NULL;
    if (!ok)
        printf("# no %s in %zu records\n# %s\n", text, run.n_records, run.text);
    kd_tape_run_done(&run);
    return ok;
}

#define QUERY "\1\2\1\x10\0\1\0\0\0\0\0\0" WPAD "\0\x20\0\1"
#define ANSWER "\1\2\x85\0\0\0\0\1\0\0\0\0" WPAD "\0\x20\0\1\0\0\0\x3c\0\6\0\0\x0a\1\2\x63"

static void messages_are_described(void)
{
    CHECK(shows(BYTES(QUERY), "\"nbns\":{\"type\":\"query\",\"id\":258,\"name\":\"WPAD\"}", 1));
    CHECK(shows(BYTES(ANSWER),
                "\"nbns\":{\"type\":\"response\",\"id\":258,\"name\":\"WPAD\",\"addresses\":[\"10."
                "1.2.99\"]}",
                1));
    CHECK(shows(BYTES("\1\3\x29\x10\0\1\0\0\0\0\0\1" MACHI_1B
                      "\0\x20\0\1\xc0\x0c\0\x20\0\1\0\0\0\0\0\6\x80\0\x0a\1\2\3"),
                "\"type\":\"registration\",\"id\":259,\"name\":\"MACHI.branch\",\"suffix\":27,"
                "\"group\":true,\"addresses\":[\"10.1.2.3\"]",
                1));
    CHECK(shows(BYTES("\1\3\xad\x86\0\0\0\1\0\0\0\0" WPAD "\0\x20\0\1\0\0\0\0\0\6\0\0\x0a\1\2\3"),
                "\"rcode\":6", 1));
    CHECK(shows(BYTES("\1\4\x30\0\0\1\0\0\0\0\0\0" WPAD "\0\x20\0\1"), "\"type\":\"release\"", 1));
}

static void status_tells_every_name(void)
{
    static const char status[] = "\1\5\x84\0\0\0\0\1\0\0\0\0" STAR "\0\x21\0\1\0\0\0\0\0\x2b\2"
                                 "PC07           \0\4\0"
                                 "MACHI          \x1e\x84\0"
                                 "\2\0\0\0\0\7";
    CHECK(shows(BYTES(status),
                "\"type\":\"status\",\"id\":261,\"name\":\"PC07\",\"mac\":\"02:00:00:00:00:07\"",
                2));
    CHECK(shows(BYTES(status), "\"name\":\"MACHI\",\"suffix\":30,\"group\":true", 2));
}

static void shortened_messages_are_noticed(void)
{
    for (size_t n = 0; n < sizeof(QUERY) - 1; n++)
        CHECK(shows(kd_bytes_of(QUERY, n), "", 0));
    for (size_t n = 0; n < sizeof(ANSWER) - 1; n++)
        CHECK(shows(kd_bytes_of(ANSWER, n), "", n < 12 ? 0 : 1));
}

static void recognised_by_content(void)
{
    struct kd_conn conn = {.proto = 17, .client_port = 137, .server_port = 137};
    CHECK(kd_parser_nbns.probe(BYTES(QUERY), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_nbns.probe(BYTES("\1\2\1\0\0\1\0\0\0\0\0\0\3www\0\0\1\0\1"), KD_TO_SERVER,
                               &conn) == KD_PROBE_NO);
    conn.client_port = conn.server_port = 53;
    CHECK(kd_parser_nbns.probe(BYTES(QUERY), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(void)
{
    RUN(messages_are_described);
    RUN(status_tells_every_name);
    RUN(shortened_messages_are_noticed);
    RUN(recognised_by_content);
    return tap_done();
}
