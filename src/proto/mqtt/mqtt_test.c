/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_mqtt;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("mqtt_test.c");
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
#define CONNECT_311 "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1c"
#define CONNECT_5 "\x10\x0e\0\4MQTT\5\2\0\x3c\0\0\1c"

static void recorded_publications(void)
{
    play_seed("publish-31");
    CHECK(has("\"protocol_string\":\"MQIsdp\",\"protocol_version\":3,\"flags\":{\"username\":true,\"password\":true,"
              "\"will\":false,\"will_retain\":false,\"clean_session\":true},\"client_id\":\"p31\",\"username\":\"nurse\","
              "\"password\":\"secret\"},\"connack\":{\"qos\":0,\"retain\":false,\"dup\":false,\"session_present\":false,"
              "\"return_code\":0}}"));
    CHECK(has("\"login\":{\"method\":\"password\",\"service\":\"mqtt\",\"user\":\"nurse\",\"workstation\":\"p31\","
              "\"result\":\"success\"}"));
    CHECK(has("\"publish\":{\"qos\":0,\"retain\":false,\"dup\":false,\"topic\":\"ward/1/bed\",\"message\":"
              "\"temperature 36.8\"}}"));
    CHECK(has("\"mqtt\":{\"disconnect\":{\"qos\":0,\"retain\":false,\"dup\":false}}") && records("mqtt") == 3);
    done();
    play_seed("publish-qos1");
    CHECK(has("\"will\":{\"topic\":\"gone\",\"message\":\"p311 is gone\"}}"));
    CHECK(has("\"message_id\":1,\"message\":\"temperature 36.9\"},\"puback\":{\"qos\":0,\"retain\":false,\"dup\":false,"
              "\"message_id\":1}}") && records("mqtt") == 3 && records("login") == 0);
    done();
    play_seed("publish-qos2-5");
    CHECK(has("\"properties\":{\"content_type\":\"text/plain\",\"unit\":\"C\",\"message_expiry_interval\":60}},\"pubrec\":"));
    CHECK(has("\"pubrel\":{\"qos\":1,\"retain\":false,\"dup\":false,\"message_id\":1,\"reason_code\":0},\"pubcomp\":"));
    done();
}

static void recorded_subscriptions(void)
{
    play_seed("subscribe-311");
    CHECK(has("\"subscribe\":{\"qos\":1,\"retain\":false,\"dup\":false,\"message_id\":1,\"topics\":[{\"topic\":\"ward/+/bed\","
              "\"qos\":1}]},\"suback\":{\"qos\":0,\"retain\":false,\"dup\":false,\"message_id\":1,\"qos_granted\":[1]}}"));
    CHECK(lacks("anomaly"));
    done();
    play_seed("subscribe-5");
    CHECK(has("\"session_expiry_interval\":0") && has("\"empty\":\"\""));
    CHECK(has("\"unsubscribe\":{\"qos\":1,\"retain\":false,\"dup\":false,\"message_id\":2,\"topics\":[\"x/y\"]},\"unsuback\":{"));
    CHECK(has("\"reason_codes\":[0]}}") && lacks("anomaly"));
    done();
    play_seed("ping");
    CHECK(has("\"pingreq\":{") && has("\"pingresp\":{"));
    done();
}

static void recorded_refusals(void)
{
    play_seed("refused");
    CHECK(has("\"result\":\"failure\",\"reason\":\"not authorized\"}") && has("\"return_code\":5}"));
    done();
    play_seed("refused-5");
    CHECK(has("\"result\":\"failure\",\"reason\":\"not authorized\"}") && has("\"return_code\":135}"));
    done();
    play_seed("logon");
    CHECK(has("\"result\":\"success\"}"));
    done();
}

static void a_long_message_goes_by(void)
{
    static uint8_t z[50000];
    play_seed("long"); /* held, its text cut */
    CHECK(has("\"topic\":\"ward/big\",\"message_id\":1,\"message\":\"zzz") && has("\"puback\":{") && lacks("truncated"));
    done();
    memset(z, 'z', sizeof(z));
    begin();
    TO_SERVER(CONNECT_311);
    TO_CLIENT("\x20\2\0\0");
    TO_SERVER("\x32\xa5\x8d\x06\0\1t\0\x09"); /* 100005 bytes follow */
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(z, sizeof(z)));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(z, sizeof(z)));
    TO_CLIENT("\x40\2\0\x09");
    TO_SERVER("\xe0\0");
    play();
    CHECK(has("\"topic\":\"t\",\"message_id\":9,\"skipped_length\":100009,\"truncated\":true},\"puback\":{"));
    CHECK(has("\"disconnect\"") && lacks("anomaly"));
    done();
}

static void oddities(void)
{
    begin();
    TO_SERVER(CONNECT_311 "\x30\3\0\1t"); /* before it was let in */
    TO_CLIENT("\x20\2\0\0\x40\2\0\7");    /* and an answer to nothing */
    TO_SERVER(CONNECT_311 "\x36\4\0\1tx" "\x00\0");
    play();
    CHECK(has("\"event\":\"unintroduced_message\"") && has("\"event\":\"missing_publish\"") &&
          has("\"event\":\"double_connect\"") && has("\"event\":\"unassigned_msg_type\"") &&
          has("\"event\":\"malformed_traffic\"")); /* quality 3, but no number */
    CHECK(records("anomaly") == 5);
    done();
}

static void broken_lengths_within_a_packet_end_it_alone(void)
{
    begin();
    TO_SERVER(CONNECT_5);
    TO_CLIENT("\x20\3\0\0\0");
    TO_SERVER("\x30\6\0\1t\x7fxx" "\x30\5\0\1t\0y" "\xe0\0");
    play();
    CHECK(has("\"event\":\"malformed_traffic\"") && has("\"topic\":\"t\",\"message\":\"y\"") && has("\"disconnect\""));
    CHECK(run.status[0] == KD_OK);
    done();
}

static void many_unanswered_are_bounded_and_all_told(void)
{
    begin();
    TO_SERVER(CONNECT_311);
    TO_CLIENT("\x20\2\0\0");
    for (uint8_t i = 1; i <= 100; i++) {
        uint8_t one[] = {0x32, 6, 0, 1, 't', 0, i, 'm'};
        kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(one, sizeof(one)));
    }
    play();
    CHECK(records("mqtt") == 101);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .server_port = 4000};
    const struct kd_parser *p = &kd_parser_mqtt;
    CHECK(p->probe(kd_bytes_of(CONNECT_311, 15), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of(CONNECT_311, 15), KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
    CHECK(p->probe(kd_bytes_of(CONNECT_311, 5), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(p->probe(kd_bytes_of("\x10\x0d\0\4MQTS\4", 9), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\x10\x0d\0\4MQTT\6", 9), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\xc0\0", 2), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    conn = (struct kd_conn){.proto = 6, .server_port = 1883, .midstream = true};
    CHECK(p->probe(kd_bytes_of("\xc0\0", 2), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of("\x20\2\0\0", 4), KD_TO_CLIENT, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of("\x20\2\0\0", 4), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    conn = (struct kd_conn){.proto = 6, .client_port = 1883, .midstream = true};
    CHECK(p->probe(kd_bytes_of("\x20\2\0\0", 4), KD_TO_SERVER, &conn) == KD_PROBE_REVERSED);
}

static void frames_of_packets(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\xc0\0\x30\x05\0\1thi", 9));
    play();
    CHECK(has_frame("c mqtt.pdu 0+2") && has_frame("c mqtt.header 0+2") && has_frame("c mqtt.pdu 2+7"));
    CHECK(has_frame("c mqtt.header 2+2") && has_frame("c mqtt.data 4+5"));
    done();
}

int main(void)
{
    talk_parser = &kd_parser_mqtt;
    RUN(recorded_publications);
    RUN(recorded_subscriptions);
    RUN(recorded_refusals);
    RUN(a_long_message_goes_by);
    RUN(oddities);
    RUN(broken_lengths_within_a_packet_end_it_alone);
    RUN(many_unanswered_are_bounded_and_all_told);
    RUN(probe_knows_its_own);
    RUN(frames_of_packets);
    return tap_done();
}
