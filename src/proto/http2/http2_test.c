/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_http, kd_parser_http2;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("http2_test.c");
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

#define BYTES(dir, text) kd_tape_add(&tape, dir, kd_bytes_of(text, sizeof(text) - 1))
#define TO_SERVER(text) BYTES(KD_TO_SERVER, text)
#define TO_CLIENT(text) BYTES(KD_TO_CLIENT, text)
#define MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* GET http / of "a": indexed fields 2, 6, 4, and :authority as a literal. */
#define GET "\x82\x86\x84\x01\1a"

static void recorded_requests(void)
{
    play_seed("get");
    CHECK(has("\"http\":{\"hostname\":\"127.0.0.1\",\"http_port\":18080,\"url\":\"/page.html\"") &&
          has("\"protocol\":\"HTTP/2\",\"status\":200"));
    CHECK(has("\"request_headers\":[{\"name\":\":method\",\"value\":\"GET\"},{\"name\":\":path\",\"value\":\"/page.html\"}"));
    CHECK(has("\"response_headers\":[{\"name\":\":status\",\"value\":\"200\"}") && lacks("\\r"));
    CHECK(has("\"http2\":{\"stream_id\":") && has("\"settings_id\":\"SETTINGSMAXCONCURRENTSTREAMS\""));
    CHECK(has("\"fileinfo\":{\"filename\":\"page.html\"") && lacks("anomaly"));
    done();
    play_seed("post");
    CHECK(has("\"http_method\":\"POST\"") && has("\"request_length\":") && lacks("anomaly"));
    done();
    play_seed("many");
    CHECK(records("fileinfo") >= 3 && lacks("anomaly"));
    done();
}

static void heads_in_parts_and_padding(void)
{
    begin();
    TO_SERVER(MAGIC SETTINGS "\0\0\3\1\1\0\0\0\1\x82\x86\x84" "\0\0\3\x09\4\0\0\0\1\x01\1a");
    TO_CLIENT(SETTINGS "\0\0\1\1\4\0\0\0\1\x88" "\0\0\6\0\x09\0\0\0\1\2hey\0\0");
    play();
    CHECK(has("\"hostname\":\"a\",\"url\":\"/\",\"http_method\":\"GET\",\"protocol\":\"HTTP/2\",\"status\":200"));
    CHECK(has("\"length\":3,") && lacks("anomaly") && records("http") == 1);
    done();
}

static void streams_alternate(void)
{
    begin();
    TO_SERVER(MAGIC SETTINGS "\0\0\6\1\5\0\0\0\1" GET "\0\0\6\1\5\0\0\0\3" GET);
    TO_CLIENT(SETTINGS "\0\0\1\1\4\0\0\0\3\x88" "\0\0\1\1\4\0\0\0\1\x8d" "\0\0\2\0\0\0\0\0\1ab" "\0\0\2\0\1\0\0\0\3xy" "\0\0\1\0\1\0\0\0\1" "c");
    play();
    CHECK(has("\"status\":200,\"length\":2,") && has("\"status\":404,\"length\":3,") && records("http") == 2);
    done();
}

static void an_error_ends_the_stream(void)
{
    begin();
    TO_SERVER(MAGIC SETTINGS "\0\0\x0b\1\x25\0\0\0\1\0\0\0\0\xfe" GET "\0\0\4\3\0\0\0\0\1\0\0\0\2");
    TO_CLIENT(SETTINGS "\0\0\x08\7\0\0\0\0\0\0\0\0\1\0\0\0\1");
    play();
    CHECK(has("\"http2\":{\"stream_id\":1,\"request\":{\"priority\":254,\"error_code\":\"INTERNALERROR\"}}"));
    CHECK(has("\"http2\":{\"stream_id\":0,\"response\":{\"error_code\":\"PROTOCOLERROR\"}}"));
    done();
}

static void broken_compression_blinds_one_side(void)
{
    begin();
    TO_SERVER(MAGIC SETTINGS "\0\0\6\1\5\0\0\0\1" GET "\0\0\2\1\5\0\0\0\3\xff\x7f" "\0\0\6\1\5\0\0\0\5" GET);
    TO_CLIENT(SETTINGS "\0\0\1\1\5\0\0\0\1\x88");
    play();
    CHECK(has("\"event\":\"invalid_header\"") && has("\"status\":200") && records("http") == 1);
    done();
}

static void fields_cannot_make_lines(void)
{
    begin();
    TO_SERVER(MAGIC SETTINGS "\0\0\x0f\1\5\0\0\0\1" GET "\x00\2xx\4a\r\nb");
    TO_CLIENT(SETTINGS "\0\0\1\1\5\0\0\0\1\x88");
    play();
    CHECK(has("\"event\":\"invalid_header\"") && has("\"status\":200"));
    done();
}

static void an_upgrade_of_http_1(void)
{
    talk_parser = &kd_parser_http;
    begin();
    client("GET /old HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    server("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    TO_SERVER(MAGIC SETTINGS "\0\0\6\1\5\0\0\0\3" GET);
    TO_CLIENT(SETTINGS "\0\0\1\1\5\0\0\0\1\x88" "\0\0\1\1\5\0\0\0\3\x8d");
    play();
    CHECK(has("\"url\":\"/old\"") && has("\"status\":101") && has("\"status\":404") && records("http") == 3);
    CHECK(lacks("anomaly"));
    done();
    talk_parser = &kd_parser_http2;
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .server_port = 4000};
    const struct kd_parser *p = &kd_parser_http2;
    CHECK(p->probe(kd_bytes_of(MAGIC, 24), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of(MAGIC, 24), KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
    CHECK(p->probe(kd_bytes_of(MAGIC, 10), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(p->probe(kd_str("PUT / HTTP/1.1\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64", 15), KD_TO_CLIENT, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of("\0\0\6\4\0\0\0\0\0\0\x33\0\0\0\x64", 15), KD_TO_CLIENT, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\0\0\0\x55\xffSMBr", 9), KD_TO_CLIENT, &conn) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_http2;
    RUN(recorded_requests);
    RUN(heads_in_parts_and_padding);
    RUN(streams_alternate);
    RUN(an_error_ends_the_stream);
    RUN(broken_compression_blinds_one_side);
    RUN(fields_cannot_make_lines);
    RUN(an_upgrade_of_http_1);
    RUN(probe_knows_its_own);
    return tap_done();
}
