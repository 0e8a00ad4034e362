/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

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
    CHECK(has("\"request_fields\":\"Host, X-One, Cookie\"") && has("\"cookie_names\":\"sid, theme\""));
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
    CHECK(has("header_malformed") && records("anomaly") == 1);
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
    CHECK(has("host_mismatch") && has("\"redirect\":\"http://three.example/\"") && lacks("Pass"));
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
    server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
           "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n");
    play();
    CHECK(records("http") == 3);
    CHECK(has("duplicate_content_length") && has("content_length_and_chunked") &&
          has("content_length_bad"));
    CHECK(has("duplicate_host") && has("host_missing") && has("transfer_coding_unknown"));
    CHECK(has("chunk_size_bad") && has("chunk_end_bad"));
    done();
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
    CHECK(records("http") == 3 && has("response_without_request"));
    CHECK(has("\"url\":\"/1\"") && has("\"url\":\"/2\""));
    done();
}

static void garbage_is_skipped(void)
{
    begin();
    client("\x01\x02 garbage\r\nGET /ok HTTP/1.1\r\nHost: h\r\n\r\nGET /old\r\n\r\n");
    server("nonsense\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nold");
    play();
    CHECK(records("http") == 2 && has("request_line_malformed") && has("status_line_malformed"));
    CHECK(has("\"url\":\"/ok\"") && has("\"url\":\"/old\"") && has("version_missing"));
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
    CHECK(records("http") == 2 && has("header_line_too_long") && has("\"url\":\"/2\""));
    CHECK(has("\"request_length\":2") && has("header_too_long"));
    done();
}

static void pending_requests_are_bounded(void)
{
    begin();
    for (unsigned i = 0; i < 1000; i++)
        client("GET /n HTTP/1.1\r\nHost: h\r\n\r\n");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(records("http") == 1001 && has("too_many_pending"));
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

static void code_in_requests_is_kept(void)
{
    begin();
    client("POST /api HTTP/1.1\r\nHost: h\r\nX-Api: ${jndi:ldap://h/a}\r\nCookie: s=secret; c=${x}\r\n"
           "X-Old: () { :;}; id\r\nX-Fine: {a}\r\nContent-Length: 35\r\n\r\n{\"k\":\"${jndi:rmi://q}\"}\n{\"z\":1}   ");
    server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    play();
    CHECK(has("\"suspicious\":[\"X-Api: ${jndi:ldap://h/a}\",\"Cookie: ${x}\",\"X-Old: () { :;}; id\","
              "\"body: ${jndi:rmi://q}\\\"}\\n\"]"));
    CHECK(lacks("secret") && lacks("X-Fine: "));
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
    RUN(tunnelled_before_the_answer);
    RUN(folding_spaces_and_strange_methods);
    RUN(proxy_request_takes_host_from_its_uri);
    RUN(logons_are_told);
    RUN(ntlm_logon);
    RUN(file_name_offered);
    RUN(framing_conflicts_are_anomalies);
    RUN(holes_are_survived);
    RUN(either_side_alone);
    RUN(garbage_is_skipped);
    RUN(long_lines_keep_the_framing);
    RUN(pending_requests_are_bounded);
    RUN(recognition);
    RUN(code_in_requests_is_kept);
    return tap_done();
}
