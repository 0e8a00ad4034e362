/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

#include <zlib.h>

extern const struct kd_parser kd_parser_http;

static void one_request_and_its_answer(void)
{
    begin();
    client(
        "GET /index.html?q=1 HTTP/1.1\r\nHost: Www.Example.JP:8080\r\nUser-Agent: curl/7.88.1\r\n"
        "Accept: */*\r\nReferer: http://a.example/\r\nCookie: a=b\r\nX-Forwarded-For: "
        "10.9.8.7\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\nContent-Length: "
           "5\r\n\r\nhello");
    play();
    CHECK(records("http") == 1 && records("anomaly") == 0);
    CHECK(has("\"hostname\":\"www.example.jp\"") && has("\"http_port\":8080"));
    CHECK(has("\"url\":\"/index.html?q=1\"") && has("\"http_method\":\"GET\"") &&
          has("\"protocol\":\"HTTP/1.1\""));
    CHECK(has("\"http_user_agent\":\"curl/7.88.1\"") &&
          has("\"http_refer\":\"http://a.example/\""));
    CHECK(has("\"cookie\":true") && has("\"xff\":\"10.9.8.7\"") &&
          has("\"server\":\"nginx/1.22.1\""));
    CHECK(has("\"status\":200") && has("\"length\":5") && has("\"latency_us\":1000"));
    CHECK(has("\"response_body_head\":\"68656c6c6f\""));
    CHECK(has("\"response_sha256\":"
              "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\""));
    done();
}

/* Names of fields and cookies tell programs apart; values of cookies are nobody's business. */
static void names_are_kept_and_values_are_not(void)
{
    begin();
    client("GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nCookie: sid=secret; theme=dark\r\n\r\n");
    server("HTTP/1.1 204 No Content\r\n\r\n");
    play();
    CHECK(has("\"request_fields\":\"Host, X-One, Cookie\"") &&
          has("\"cookie_names\":\"sid, theme\""));
    CHECK(has("\"cookie_bytes\":22") && lacks("secret"));
    done();
    begin();
    client("GET / HTTP/1.1\r\nHost: h\r\nCookie: bm9ib2R5IG5hbWVkIG1l==\r\n\r\n");
    server("HTTP/1.1 204 No Content\r\n\r\n");
    play();
    CHECK(lacks("cookie_names") && has("\"cookie_bytes\":22"));
    done();
}

static void pipelined_requests_pair_in_order(void)
{
    begin();
    client("GET /a HTTP/1.1\r\nHost: h\r\n\r\nHEAD /b HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /c "
           "HTTP/1.1\nHost: h\n\n");
    server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nA"
           "HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n"
           "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
    play();
    CHECK(records("http") == 3 && records("anomaly") == 0);
    CHECK(has("\"url\":\"/b\",\"http_method\":\"HEAD\",\"protocol\":\"HTTP/1.1\",\"status\":404"));
    CHECK(has("\"url\":\"/c\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":304"));
    done();
}

static void chunks_extensions_and_trailers(void)
{
    begin();
    client("POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Type: "
           "text/plain\r\n\r\n"
           "3;name=\"v\"\r\nabc\r\nA \r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"
           "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\nhello\n00000\n\n"
           "HTTP/1.1 204 No Content\r\n\r\n");
    play();
    CHECK(records("http") == 2 && records("anomaly") == 0);
    CHECK(has("\"request_length\":13") && has("\"length\":5"));
    CHECK(has("\"request_body_head\":\"61626330313233343536373839\""));
    CHECK(has("\"response_sha256\":"
              "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\""));
    CHECK(has("\"url\":\"/next\"") && has("\"status\":204"));
    done();
}

static void body_until_the_end(void)
{
    begin();
    client("GET / HTTP/1.0\r\n\r\n");
    server("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHTTP/1.1 500 no\r\n\r\n");
    server("more");
    play();
    CHECK(records("http") == 1 && has("\"length\":23") && has("\"status\":200") &&
          has("response_sha256"));
    done();
}

static void connect_and_upgrade_are_opaque(void)
{
    begin();
    client("CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n");
    server("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    client("CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n"
           "Proxy-Authorization: Basic dGFuYWthOnNlY3JldA==\r\n\r\n");
    server("HTTP/1.1 200 Connection established\r\n\r\n");
    client("\x16\x03\x01GET / HTTP/1.1\r\n\r\n");
    server("\x16\x03\x03HTTP/1.1 200 OK\r\n\r\n");
    play();
    CHECK(records("http") == 2 && records("anomaly") == 0);
    CHECK(
        has("\"hostname\":\"www.example.com\",\"http_port\":443,\"url\":\"www.example.com:443\""));
    CHECK(has("\"authorization\":\"Basic tanaka\"") && lacks("secret") && lacks("dGFuYWth"));
    CHECK(has("\"service\":\"http-proxy\",\"user\":\"tanaka\",\"result\":\"success\""));
    done();
    begin();
    client("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello");
    client("\x81\x85xxxx12345");
    play();
    CHECK(records("http") == 1 && has("\"status\":101") && records("anomaly") == 0);
    done();
}

static void what_a_tunnel_carries_is_read(void)
{
    begin();
    client("CONNECT ssh.example:22 HTTP/1.1\r\nHost: ssh.example:22\r\n\r\n");
    server("HTTP/1.1 200 Connection established\r\n\r\n");
    server("SSH-2.0-OpenSSH_9.2\r\n");
    client("SSH-2.0-PuTTY_Release_0.80\r\n");
    play();
    CHECK(records("http") == 1 && records("ssh") == 1 && has("PuTTY_Release_0.80"));
    done();
}

static void tunnelled_before_the_answer(void)
{
    begin();
    client("CONNECT a.example:25 HTTP/1.1\r\nHost: a.example:25\r\n\r\n");
    client("EHLO me\r\n");
    server("HTTP/1.1 200 OK\r\n\r\n220 hello\r\n");
    play();
    CHECK(records("http") == 1 && records("anomaly") == 0 && has("\"status\":200"));
    done();
}

static void folding_spaces_and_strange_methods(void)
{
    begin();
    client("\r\n\nFOOBAR   /x   HTTP/1.1 \r\nHost:h\r\nUser-Agent: a\r\n\tb\n  c\r\n\r\n");
    server("HTTP/1.1  200\r\nContent-Length : 0\r\n\r\n");
    play();
    CHECK(records("http") == 1 && has("\"http_method\":\"FOOBAR\"") && has("\"url\":\"/x\"") &&
          has("\"status\":200"));
    CHECK(has("\"http_user_agent\":\"a  \\t") || has("\"http_user_agent\":\"a  \\u0009b   c\""));
    CHECK(has("RESPONSE_HEADER_INVALID") && records("anomaly") == 1);
    done();
}

static void proxy_request_takes_host_from_its_uri(void)
{
    begin();
    client("GET http://User:Pass@One.Example:81/p?x HTTP/1.1\r\nHost: two.example\r\n\r\n");
    server("HTTP/1.1 302 Found\r\nLocation: http://three.example/\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(has(
        "\"hostname\":\"one.example\",\"http_port\":81,\"url\":\"http://***@One.Example:81/p?x\""));
    CHECK(has("HOST_HEADER_AMBIGUOUS") && has("\"redirect\":\"http://three.example/\"") && lacks("Pass"));
    done();
    begin();
    client("GET / HTTP/1.1\r\nHost: [2001:DB8::1]:8080\r\n\r\n");
    play();
    CHECK(has("\"hostname\":\"2001:db8::1\",\"http_port\":8080"));
    done();
}

static void logons_are_told(void)
{
    begin();
    client("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic dGFuYWthOnNlY3JldA==\r\n\r\n");
    server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    client("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Digest realm=\"x\", username=\"sato\", "
           "nonce=\"1\"\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client("GET /2 HTTP/1.1\r\nHost: h\r\nAuthorization: Digest username=\"sato\"\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client("GET /3 HTTP/1.1\r\nHost: h\r\nAuthorization: Negotiate TlRMTVNTUAABAAAA\r\n\r\n");
    server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(records("http") == 4 && records("login") == 2);
    CHECK(has("\"method\":\"basic\",\"service\":\"http\",\"user\":\"tanaka\",\"result\":"
              "\"failure\",\"reason\":\"401\""));
    CHECK(
        has("\"method\":\"digest\",\"service\":\"http\",\"user\":\"sato\",\"result\":\"success\""));
    CHECK(has("\"authorization\":\"Negotiate\"") && lacks("secret"));
    done();
}

/* A type 3 message put together by hand after [MS-NLMP] 2.2.1: DO\\USER from PC. */
static void ntlm_logon(void)
{
    begin();
    client("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: NTLM "
           "TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
    server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    client("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: NTLM "
           "TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAQABABAAAAACAAI"
           "AEQAAAAEAAQATAAAAAAAAABQAAAAAQKBAEQATwBVAFMARQBSAFAAQwA=\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(records("http") == 2 && records("login") == 1 && records("ntlm") == 1);
    CHECK(has("\"method\":\"ntlm\",\"service\":\"http\",\"user\":\"USER\",\"domain\":\"DO\","
              "\"workstation\":\"PC\",\"result\":\"success\"") &&
          has("\"over\":\"http\""));
    CHECK(has("\"authorization\":\"NTLM\""));
    done();
}

/* The server's names come with its challenge, in the answer before. */
static void ntlm_challenge_tells_of_the_server(void)
{
    begin();
    client("POST /wsman HTTP/1.1\r\nHost: h:5985\r\nAuthorization: Negotiate "
           "TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA=\r\nContent-Length: 0\r\n\r\n");
    server("HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate "
           "TlRMTVNTUAACAAAABAAEADgAAAABAoEAAQIDBAUGBwgAAAAAAAAAAAAAAAA8AAAAAAAAAAAAAABEAE8A\r\n"
           "Content-Length: 0\r\n\r\n");
    client("POST /wsman HTTP/1.1\r\nHost: h:5985\r\nAuthorization: Negotiate "
           "TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAQABABAAAAACAAI"
           "AEQAAAAEAAQATAAAAAAAAABQAAAAAQKBAEQATwBVAFMARQBSAFAAQwA=\r\nContent-Length: 0\r\n\r\n");
    server("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(has("\"ntlm\":{\"user\":\"USER\",\"domain\":\"DO\",\"host\":\"PC\",\"target\":\"DO\""));
    CHECK(records("login") == 1 && has("\"authorization\":\"Negotiate\""));
    done();
}

static void file_name_offered(void)
{
    begin();
    client("GET /dl HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"x.zip\"; "
           "filename*=UTF-8''%E8%A6%8B%E7%A9%8D.zip\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(has("\"content_disposition\":\"見積.zip\""));
    done();
}

static void framing_conflicts_are_anomalies(void)
{
    begin();
    client(
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"
        "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n"
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\nTransfer-Encoding: xchunked\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n"
           "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n");
    play();
    CHECK(records("http") == 3);
    CHECK(has("DUPLICATE_CONTENT_LENGTH_FIELD_IN_REQUEST") && has("CONTENT_LENGTH_AND_CHUNKED") &&
          has("INVALID_CONTENT_LENGTH_FIELD_IN_REQUEST"));
    CHECK(has("DUPLICATE_HOST") && has("MISSING_HOST_HEADER") && has("INVALID_TRANSFER_ENCODING_VALUE_IN_REQUEST"));
    CHECK(has("INVALID_RESPONSE_CHUNK_LEN") && has("CHUNK_END_BAD"));
    done();
}

/* One answer to GET /f, and what must be read out of it. */
static void oddly_told(const char *answer, size_t n, const char *want)
{
    begin();
    client("GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
    kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of(answer, n));
    play();
    if (!has(want))
        printf("# %.60s\n", answer);
    CHECK(records("fileinfo") == 1 && has(want));
    done();
}

static void odd_answers_are_read_as_browsers_do(void)
{
#define ODD(head, body) oddly_told(head body, sizeof(head body) - 1, "\"size\":5,")
    /* what stands around a chunk's size; what says chunked */
    ODD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5 x\r\nhello\r\n0\r\n\r\n");
    ODD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n5\r\nhello\r\n0\r\n\r\n");
    ODD("HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked;\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n");
    ODD("HTTP/1.1 200 OK\r\nTransfer-Encoding\0: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n");
    ODD("HTTP/1.1 200 OK\rTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n");
    ODD("HTTP/1.1 200 OK\r\nX: y\r\n\tTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n");
    ODD("HTTP/1.1 200 OK\r\n \r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n");
    /* said, but not so */
    ODD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "hello");
    ODD("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n", "hello");
    /* start lines; ends of the head */
    ODD("http/1.0 200 OK\r\n\r\n", "hello");
    ODD("HTTP/2.0\v200\vOK\r\n\r\n", "hello");
    ODD("\r\rHTTP/1.1 0200 OK\r\n\r\n", "hello");
    ODD("HTTP/1.1 OK\r\nContent-Length: 5\n\r\r\n", "h(llo");
    ODD("HTTP/1.1 204 OK\r\nConnection: close\r\nContent-Length: 5\n \n", "h(llo");
    /* codings, in each other */
    ODD("HTTP/1.1 200 OK\r\nContent-Encoding: identity, deflate\r\n\r\n", "\xcb\x48\xcd\xc9\xc9\x07\x00");
    ODD("HTTP/1.1 200 OK\r\nContent-Encoding\f: ,def\0late;\r\n\r\n", "\xcb\x48\xcd\xc9\xc9\x07\x00");
    ODD("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Encoding: deflate\r\n\r\n",
        "\x01\x07\x00\xf8\xff\xcb\x48\xcd\xc9\xc9\x07\x00");
#undef ODD
    /* no head at all */
    static const char bare[] = "hello, this is all there is, and no line ends here";
    oddly_told(bare, sizeof(bare) - 1, "\"size\":50,");
}

static void holes_are_survived(void)
{
    begin();
    client("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012");
    lost(KD_TO_CLIENT, 4);
    server("789");
    client("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    lost(KD_TO_CLIENT, 10);
    client("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012");
    lost(KD_TO_CLIENT, 400);
    client("GET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
    server("rest of something\r\nHTTP/1.1 204 No\r\n\r\n");
    lost(KD_TO_SERVER, 50);
    client("ser-Agent: x\r\n\r\nGET /5 HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 205 No\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(records("http") == 5);
    CHECK(has("\"url\":\"/1\",\"http_method\":\"GET\",\"protocol\":\"HTTP/"
              "1.1\",\"status\":200,\"length\":10"));
    CHECK(has("\"url\":\"/2\",\"http_method\":\"GET\",\"protocol\":\"HTTP/"
              "1.1\",\"status\":200,\"length\":10"));
    CHECK(has("\"url\":\"/3\",\"http_method\":\"GET\",\"protocol\":\"HTTP/"
              "1.1\",\"status\":200,\"length\":10"));
    CHECK(has("\"url\":\"/4\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":204"));
    CHECK(has("\"url\":\"/5\",\"http_method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"status\":205"));
    CHECK(lacks("sha256"));
    done();
}

static void either_side_alone(void)
{
    begin();
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost");
    play();
    CHECK(records("http") == 3 && has("UNABLE_TO_MATCH_RESPONSE_TO_REQUEST"));
    CHECK(has("\"url\":\"/1\"") && has("\"url\":\"/2\""));
    done();
}

static void garbage_is_skipped(void)
{
    begin();
    client("\x01\x02 garbage\r\nGET /ok HTTP/1.1\r\nHost: h\r\n\r\nGET /old\r\n\r\n");
    server("nonsense\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nold");
    play();
    CHECK(records("http") == 2 && has("REQUEST_LINE_MALFORMED") && has("STATUS_LINE_MALFORMED"));
    CHECK(has("\"url\":\"/ok\"") && has("\"url\":\"/old\"") && has("REQUEST_MISSING_PROTOCOL"));
    done();
}

static void long_lines_keep_the_framing(void)
{
    static char line[100000];
    begin();
    memset(line, 'a', sizeof(line) - 1);
    memcpy(line, "GET /", 5);
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(line, 50000));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(line + 50000, 40000));
    client(" HTTP/1.1\r\nHost: long.example\r\nContent-Length: 2\r\n\r\nxxGET /2 HTTP/1.1\r\nHost: "
           "h\r\n\r\n");
    run = kd_tape_play(&kd_parser_http, kd_out_bytes_view(&tape), SIZE_MAX);
    CHECK(kd_tape_check(&kd_parser_http, kd_out_bytes_view(&tape), 1460) == NULL);
    CHECK(records("http") == 2 && has("REQUEST_FIELD_TOO_LONG") && has("\"url\":\"/2\""));
    CHECK(has("\"request_length\":2") && has("REQUEST_HEADER_TOO_LONG"));
    done();
}

static void pending_requests_are_bounded(void)
{
    begin();
    for (unsigned i = 0; i < 1000; i++)
        client("GET /n HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(records("http") == 1001 && has("TOO_MANY_PENDING"));
    done();
}

static enum kd_probe probe(const char *text, enum kd_dir dir)
{
    struct kd_conn conn = {0};
    return kd_parser_http.probe(kd_str(text), dir, &conn);
}

static void recognition(void)
{
    CHECK(probe("GET / HTTP/1.1\r\n", KD_TO_SERVER) == KD_PROBE_YES);
    CHECK(probe("GET / HTTP/1.1\r\n", KD_TO_CLIENT) == KD_PROBE_REVERSED);
    CHECK(probe("HTTP/1.1 200 OK", KD_TO_CLIENT) == KD_PROBE_YES);
    CHECK(probe("HTTP/1.1 200 OK", KD_TO_SERVER) == KD_PROBE_REVERSED);
    CHECK(probe("GE", KD_TO_SERVER) == KD_PROBE_MORE);
    CHECK(probe("HTT", KD_TO_CLIENT) == KD_PROBE_MORE);
    CHECK(probe("XYZ /a HTTP/1.0\r\n", KD_TO_SERVER) == KD_PROBE_YES);
    CHECK(probe("OPTIONS rtsp://a/ RTSP/1.0\r\n", KD_TO_SERVER) == KD_PROBE_NO);
    CHECK(probe("PRI * HTTP/2.0\r\n\r\n", KD_TO_SERVER) == KD_PROBE_NO);
    CHECK(probe("EHLO me\r\n", KD_TO_SERVER) == KD_PROBE_NO);
    CHECK(probe("\x16\x03\x01\x02\x00\x01", KD_TO_SERVER) == KD_PROBE_NO);
    CHECK(probe("GET key\r\n", KD_TO_SERVER) == KD_PROBE_NO);
}

/* --- bodies --- */

#define HELLO_SHA256                                                                               \
    "\"sha256\":\"eac13dc78da3f79858440011e4db4107e9301314511e6d0073320b14c535b824\""

static void server_bytes(const char *head, const void *body, size_t n)
{
    uint8_t text[4096];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_fmt(&o, "%sContent-Length: %zu\r\n\r\n", head, n);
    kd_out_bytes(&o, kd_bytes_of(body, n));
    kd_tape_add(&tape, KD_TO_CLIENT, kd_out_bytes_view(&o));
}

/* "hello hello hello hello" in all codings, by zlib and brotli's own programs. */
static void codings_are_undone(void)
{
    static const struct {
        const char *coding, *told;
        const char *bytes;
        size_t n;
    } cases[] = {
        {"gzip", "gzip",
         "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01\xe3\x51"
         "\x3d"
         "\x8d\x17\x00\x00\x00",
         29},
        {"deflate", "deflate", "\x78\x9c\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01\x68\x03\x08\xb1",
         16},
        {"deflate", "deflate", "\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01", 10},
        {"br", "br", "\x1b\x16\x00\x00\x24\x40\x6a\x10\x65\xea\xf0\x9c\x3e", 13},
        {"gzip", NULL, "hello hello hello hello", 23}, /* it only says so */
        {"identity", NULL, "hello hello hello hello", 23},
    };
    for (size_t i = 0; i < KD_COUNT(cases); i++) {
        char head[256];
        char encoding[64];
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: %s\r\n",
                 cases[i].coding);
        begin();
        client("GET /a/h%C3%A9llo.txt?x=/y HTTP/1.1\r\nHost: h.example\r\n\r\n");
        server_bytes(head, cases[i].bytes, cases[i].n);
        play();
        CHECK(records("fileinfo") == 1 && has(HELLO_SHA256) && has("\"state\":\"CLOSED\",\"size\":23"));
        CHECK(has("\"filename\":\"héllo.txt\"") &&
              has("\"source\":\"http://h.example/a/h%C3%A9llo.txt?x=/y\""));
        snprintf(encoding, sizeof(encoding), "\"encoding\":\"%s\"",
                 cases[i].told == NULL ? "" : cases[i].told);
        CHECK(cases[i].told != NULL ? has(encoding) : lacks("\"encoding\""));
        CHECK(records("anomaly") == 0);
        done();
    }
}

static void codings_that_are_broken(void)
{
    begin();
    client("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    server_bytes("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n",
                 "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xff\xff\xff\xff\xff", 18);
    server_bytes("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n", "\xff\xff\xff\xff", 4);
    play();
    CHECK(records("http") == 2 && has("GZIP_DECOMPRESSION_FAILED") && lacks("\"sha256\""));
    CHECK(has("TRUNCATED"));
    done();
}

/* 40 MB of zeros in 40 KB, of which the ratio lets 16 MiB and a bit pass. */
static void bombs_are_not_unpacked(void)
{
    uint8_t packed[48 * 1024];
    static const uint8_t zeros[65536];
    z_stream z = {0};
    CHECK(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    for (unsigned i = 0; i < 640; i++) {
        z.next_in = (Bytef *)(uintptr_t)zeros;
        z.avail_in = sizeof(zeros);
        CHECK(deflate(&z, i == 639 ? Z_FINISH : Z_NO_FLUSH) >= 0);
    }
    size_t n = sizeof(packed) - z.avail_out;
    deflateEnd(&z);
    begin();
    client("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n");
    kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of(packed, n));
    run = kd_tape_play(talk_parser, kd_out_bytes_view(&tape), SIZE_MAX);
    CHECK(has("COMPRESSION_BOMB") && has("TRUNCATED") && lacks("\"sha256\"") &&
          run.pool_left == 0);
    done();
}

static void names_of_files(void)
{
    begin();
    client("GET /dl?id=1 HTTP/1.1\r\nHost: h\r\n\r\nPUT /up/b.bin HTTP/1.1\r\nHost: h:8080\r\n"
           "Content-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\n\x01\x02\x03\x04");
    server(
        "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"\x8c\xa9\x90\xcf.zip\"\r\n"
        "Content-Length: 4\r\n\r\nPK\x03\x04"
        "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(records("fileinfo") == 2 && has("\"filename\":\"見積.zip\",\"magic\":\"zip\""));
    CHECK(has("\"filename\":\"b.bin\",\"mimetype\":\"application/octet-stream\"") &&
          has("\"to_server\":true,\"source\":\"http://h:8080/up/b.bin\""));
    /* an error's page is no file, a program that comes with an error is one */
    done();
    begin();
    client("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html>no</html>");
    play();
    CHECK(records("fileinfo") == 0);
    done();
    begin();
    client("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n#!/bin/sh");
    play();
    CHECK(records("fileinfo") == 1 && has("\"magic\":\"script\""));
    done();
}

static void ranges_are_joined(void)
{
    begin();
    for (unsigned i = 0; i < 3; i++)
        client("GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 206 Partial\r\nETag: a\r\nContent-Range: bytes 0-4/23\r\nContent-Length: "
           "5\r\n\r\nhello");
    server("HTTP/1.1 206 Partial\r\nETag: a\r\nContent-Range: bytes 5-11/23\r\nContent-Length: "
           "7\r\n\r\n hello ");
    server("HTTP/1.1 206 Partial\r\nETag: a\r\nContent-Range: bytes 12-22/23\r\nContent-Length: "
           "11\r\n\r\nhello hello");
    play();
    CHECK(records("http") == 3 && records("fileinfo") == 1 && has(HELLO_SHA256) && has("CLOSED"));
    done();
    /* another version of it, and a part of the middle */
    begin();
    for (unsigned i = 0; i < 2; i++)
        client("GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 206 Partial\r\nETag: a\r\nContent-Range: bytes 0-4/23\r\nContent-Length: "
           "5\r\n\r\nhello");
    server("HTTP/1.1 206 Partial\r\nETag: b\r\nContent-Range: bytes 5-11/23\r\nContent-Length: "
           "7\r\n\r\n hello ");
    play();
    CHECK(records("fileinfo") == 2 && has("\"state\":\"PARTIAL\",\"size\":5") &&
          has("\"state\":\"PARTIAL\",\"size\":7") && has("\"start\":5") && lacks("\"sha256\""));
    done();
}

static void forms_and_uploads(void)
{
    begin();
    client("POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 415\r\n"
           "Content-Type: multipart/form-data; boundary=\"--xy\"\r\n\r\n"
           "----xy\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\na\r\n----x\r\nb\r\n"
           "----xy\r\nContent-Disposition: form-data; name=\"Password\"\r\n\r\nhunter2\r\n"
           "----xy\r\nContent-Disposition: form-data; name=\"f\"; filename=\"見積.txt\"\r\n"
           "Content-Type: text/plain\r\n\r\nhello hello hello hello\r\n"
           "----xy\r\nContent-Disposition: form-data; name=\"e\"; filename=\"\"\r\n\r\n\r\n"
           "----xy--\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(records("http") == 1 && records("fileinfo") == 1 && has(HELLO_SHA256));
    CHECK(has("{\"name\":\"comment\",\"value\":\"a\\r\\n----x\\r\\nb\",\"bytes\":11}"));
    CHECK(has("{\"name\":\"Password\",\"value\":\"***\",\"bytes\":7}") && lacks("hunter2,"));
    CHECK(has(
        "{\"name\":\"f\",\"filename\":\"見積.txt\",\"content_type\":\"text/plain\",\"bytes\":23}"));
    CHECK(has("\"filename\":\"見積.txt\",\"magic\":\"text\""));
    done();
    begin();
    client("POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 51\r\n"
           "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
           "user=%E5%B1%B1+%41%zz&passwd=geheim&empty=&=&flag&x"
           "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    client("GET /third HTTP/1.1\r\nHost: h\r\n\r\n");
    play();
    CHECK(records("anomaly") == 0 && has("\"url\":\"/next\"") && has("\"url\":\"/third\""));
    CHECK(has("{\"name\":\"user\",\"value\":\"山 Azz\"") &&
          has("{\"name\":\"passwd\",\"value\":\"***\""));
    CHECK(has("{\"name\":\"empty\"}") && has("{\"name\":\"flag\"}") && records("fileinfo") == 0 &&
          lacks("request_body_head"));
    done();
    begin(); /* what curl sends by default is no form */
    client("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n"
           "Content-Type: application/x-www-form-urlencoded\r\n\r\nMZ\x90\x01\x03\x04");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(records("fileinfo") == 1 && has("\"size\":6") && lacks("\"form\""));
    done();
}

static void where_pages_lead(void)
{
    static const struct {
        const char *page, *want;
    } cases[] = {
        {"<META HTTP-EQUIV=\"Refresh\" content=\"0; URL='http://e.example/a?b&amp;c'\">",
         "\"body_redirect\":\"http://e.example/a?b&c\""},
        {"<meta http-equiv=refresh content=5;url=/next>", "\"body_redirect\":\"/next\""},
        {"<script>var x = '<b>'; top.location = \"//e.example/\";</script>",
         "\"body_redirect\":\"//e.example/\""},
        {"<SCRIPT type=a>if (location.protocol == 'http:')\n "
         "window.location.href='http://e/'</SCRIPT>",
         "\"body_redirect\":\"http://e/\""},
        {"<script>setTimeout(\"document.location.replace ( 'http://e/' )\", 9)</script>",
         "\"body_redirect\":\"http://e/\""},
        {"<body class='a>b' onload=\"location.assign('http://e/')\">",
         "\"body_redirect\":\"http://e/\""},
        {"<iframe width=1 SRC=http://bad.example/x></iframe><script src='//cdn.example/a.js'/>",
         "\"frames\":[\"http://bad.example/x\",\"//cdn.example/a.js\"]"},
        {"<object data=\"https://o.example/\"><embed src='http://h/own'><frame src=/own>",
         "\"frames\":[\"https://o.example/\"]"},
    };
    static const char *const silent[] = {
        "<!-- <meta http-equiv=refresh content='0;url=http://e/'> -->",
        "<script>location.href = base + '/x'; mylocation = 'http://e/'; "
        "location.href='http://e/'+x</script>",
        "<p location='http://e/'>location = 'http://e/'</p><a href='http://e/'>",
        "<meta http-equiv=refresh "
        "content=60><script>location.href=='http://e/';location='#top'</script>",
    };
    for (size_t i = 0; i < KD_COUNT(cases) + KD_COUNT(silent); i++) {
        bool speaks = i < KD_COUNT(cases);
        const char *page = speaks ? cases[i].page : silent[i - KD_COUNT(cases)];
        begin();
        client("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        server_bytes("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", page, strlen(page));
        play();
        CHECK(speaks ? has(cases[i].want) : lacks("body_redirect") && lacks("frames"));
        done();
    }
}

static void code_in_requests_is_kept(void)
{
    begin();
    client(
        "POST /api HTTP/1.1\r\nHost: h\r\nX-Api: ${jndi:ldap://h/a}\r\nCookie: s=secret; c=${x}\r\n"
        "X-Old: () { :;}; id\r\nX-Fine: {a}\r\nContent-Length: "
        "35\r\n\r\n{\"k\":\"${jndi:rmi://q}\"}\n{\"z\":1}   ");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(has(
        "\"suspicious\":[\"X-Api: ${jndi:ldap://h/a}\",\"Cookie: ${x}\",\"X-Old: () { :;}; id\","
        "\"body: ${jndi:rmi://q}\\\"}\\n\"]"));
    CHECK(lacks("secret") && lacks("X-Fine: "));
    done();
}

static void frames_of_messages(void)
{
    begin();
    client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n");
    server("HTTP/1.1 200 OK\r\n\r\nto the end");
    play();
    CHECK(has_frame("c http1.request 0+") && has_frame("c http1.request end 50"));
    CHECK(has_frame("c http1.request 50+") && has_frame("c http1.request end 77"));
    CHECK(has_frame("s http1.response end 25") && has_frame("s http1.response 25+") && has_frame("s http1.response end 84"));
    CHECK(has_frame("s http1.response 84+") && has_frame("s http1.response end 113"));
    done();
}

int main(void)
{
    talk_parser = &kd_parser_http;
    RUN(one_request_and_its_answer);
    RUN(names_are_kept_and_values_are_not);
    RUN(pipelined_requests_pair_in_order);
    RUN(chunks_extensions_and_trailers);
    RUN(body_until_the_end);
    RUN(connect_and_upgrade_are_opaque);
    RUN(what_a_tunnel_carries_is_read);
    RUN(tunnelled_before_the_answer);
    RUN(folding_spaces_and_strange_methods);
    RUN(proxy_request_takes_host_from_its_uri);
    RUN(logons_are_told);
    RUN(ntlm_logon);
    RUN(ntlm_challenge_tells_of_the_server);
    RUN(file_name_offered);
    RUN(framing_conflicts_are_anomalies);
    RUN(odd_answers_are_read_as_browsers_do);
    RUN(holes_are_survived);
    RUN(either_side_alone);
    RUN(garbage_is_skipped);
    RUN(long_lines_keep_the_framing);
    RUN(pending_requests_are_bounded);
    RUN(recognition);
    RUN(codings_are_undone);
    RUN(codings_that_are_broken);
    RUN(bombs_are_not_unpacked);
    RUN(names_of_files);
    RUN(ranges_are_joined);
    RUN(forms_and_uploads);
    RUN(where_pages_lead);
    RUN(code_in_requests_is_kept);
    RUN(frames_of_messages);
    return tap_done();
}
