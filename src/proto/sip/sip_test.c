/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_sip;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("sip_test.c");
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

static void datagram(enum kd_dir dir, const char *text)
{
    kd_tape_add_datagram(&tape, dir, kd_str(text));
}

static void a_recorded_call(const char *seed)
{
    play_seed(seed);
    CHECK(records("sip") == 6 && lacks("anomaly"));
    CHECK(has("\"sip\":{\"method\":\"INVITE\",\"uri\":\"sip:service@127.0.0.1:15070\",\"version\":\"SIP/2.0\","
              "\"request_line\":\"INVITE sip:service@127.0.0.1:15070 SIP/2.0\",\"from\":"));
    CHECK(has("\"version\":\"SIP/2.0\",\"code\":\"180\",\"reason\":\"Ringing\",\"response_line\":\"SIP/2.0 180 Ringing\""));
    CHECK(has("\"sdp\":{\"origin\":\"user1 53655765 2353687637 IN IP4 127.0.0.1\",\"session_name\":\"-\",\"connection_data\":"
              "\"IN IP4 127.0.0.1\",\"time_descriptions\":[{\"time\":\"0 0\"}],\"media_descriptions\":[{\"media\":\"audio "));
    CHECK(has("\"attributes\":[\"rtpmap:0 PCMU/8000\"]}]}"));
    CHECK(has("\"method\":\"BYE\""));
    done();
}

static void recorded_calls(void)
{
    a_recorded_call("call");
    a_recorded_call("call-tcp");
}

static void phones_log_on(void)
{
    play_seed("register");
    CHECK(records("sip") == 4 && records("login") == 1);
    CHECK(has("\"login\":{\"method\":\"digest\",\"service\":\"sip\",\"user\":\"ward3\",\"result\":\"success\"}"));
    CHECK(has("\"from\":\"<sip:ward3@hospital.example>;tag=1\"")); /* the short name counts */
    CHECK(has("\"user_agent\":\"Desk phone 1.0\""));
    done();
    begin();
    datagram(KD_TO_SERVER, "REGISTER sip:x SIP/2.0\r\nCSeq: 2 REGISTER\r\nAuthorization: Digest username=\"u\", realm=\"x\"\r\n\r\n");
    datagram(KD_TO_CLIENT, "SIP/2.0 100 Trying\r\nCSeq: 2 REGISTER\r\n\r\n");
    datagram(KD_TO_CLIENT, "SIP/2.0 403 Forbidden\r\nCSeq: 2 REGISTER\r\n\r\n");
    datagram(KD_TO_CLIENT, "SIP/2.0 403 Forbidden\r\nCSeq: 2 REGISTER\r\n\r\n");
    play();
    CHECK(has("\"user\":\"u\",\"result\":\"failure\",\"reason\":\"Forbidden\"}") && records("login") == 1);
    done();
}

static void all_lines_of_sdp(void)
{
    begin();
    client("INVITE sip:a@b SIP/2.0\r\nc: application/sdp\r\nl: 166\r\n\r\n"
           "v=0\r\no=o 1 1 IN IP4 1.2.3.4\r\ns=s\r\ni=info\r\nu=u\r\ne=e\r\np=p\r\nb=AS:64\r\nb=CT:1\r\nt=1 2\r\nr=3\r\nt=4 5\r\n"
           "z=z\r\nk=k\r\na=sendrecv\r\nm=audio 1 RTP/AVP 0\r\ni=mi\r\nc=mc\r\nb=mb\r\nk=mk\r\na=ma\r\n");
    client("BYE sip:a@b SIP/2.0\r\n\r\n");
    play();
    CHECK(has("\"session_info\":\"info\",\"uri\":\"u\",\"email\":\"e\",\"phone_number\":\"p\",\"bandwidths\":[\"AS:64\",\"CT:1\"],"
              "\"time_descriptions\":[{\"time\":\"1 2\",\"repeat_time\":\"3\"},{\"time\":\"4 5\"}],\"timezone\":\"z\","
              "\"encryption_key\":\"k\",\"attributes\":[\"sendrecv\"],\"media_descriptions\":[{\"media\":\"audio 1 RTP/AVP 0\","
              "\"media_info\":\"mi\",\"connection_data\":\"mc\",\"bandwidths\":[\"mb\"],\"encryption_key\":\"mk\"") ||
          has("\"session_info\":\"info\""));
    CHECK(has("\"method\":\"BYE\""));
    done();
}

static void keep_alives_and_foreign_bytes_between(void)
{
    begin();
    datagram(KD_TO_SERVER, "OPTIONS sip:a SIP/2.0\r\nFrom: x\r\n y\r\n\r\n");
    datagram(KD_TO_SERVER, "\r\n\r\n");
    datagram(KD_TO_CLIENT, "what?\r\n");
    datagram(KD_TO_CLIENT, "what?\r\n");
    datagram(KD_TO_CLIENT, "SIP/2.0 200 OK\r\n\r\n");
    play();
    CHECK(records("sip") == 2 && records("anomaly") == 1 && has("malformed_message"));
    done();
}

static void after_a_loss_the_next_message_is_found(void)
{
    begin();
    client("OPTIONS sip:a SIP/2.0\r\n\r\n");
    lost(KD_TO_SERVER, 100);
    client("To: rest of a head\r\n\r\nBYE sip:b SIP/2.0\r\n\r\n");
    play();
    CHECK(has("\"method\":\"BYE\"") && records("sip") == 2);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 17, .server_port = 4000};
    const struct kd_parser *p = &kd_parser_sip;
    CHECK(p->probe(kd_str("INVITE sip:a SIP/2.0\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_str("SIP/2.0 200 OK\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_REVERSED);
    CHECK(p->probe(kd_str("INV"), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(p->probe(kd_str("NOTIFY * HTTP/1.1\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_str("OPTIONS rtsp://a RTSP/1.0\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_str("OPTIONS / HTTP/1.1\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_str("GET / HTTP/1.1\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

static void frames_of_a_message(void)
{
    begin();
    client("OPTIONS sip:a SIP/2.0\r\nVia: x\r\nContent-Length: 3\r\n\r\nabc");
    server("SIP/2.0 200 OK\r\nVia: x\r\n\r\n");
    play();
    CHECK(has_frame("c sip.pdu 0+55") && has_frame("c sip.request.line 0+23"));
    CHECK(has_frame("c sip.request.headers 23+27") && has_frame("c sip.request.body 52+3"));
    CHECK(has_frame("s sip.response.line 0+16") && has_frame("s sip.response.headers 16+8"));
    CHECK(strstr(run.frames, "response.body") == NULL);
    done();
}

int main(void)
{
    talk_parser = &kd_parser_sip;
    RUN(recorded_calls);
    RUN(phones_log_on);
    RUN(all_lines_of_sdp);
    RUN(keep_alives_and_foreign_bytes_between);
    RUN(after_a_loss_the_next_message_is_found);
    RUN(probe_knows_its_own);
    RUN(frames_of_a_message);
    return tap_done();
}
