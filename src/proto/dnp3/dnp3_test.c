/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_dnp3;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("dnp3_test.c");
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

/* The check sum, bit by bit as the standard draws it. */
static void put_sum(struct kd_out *o, size_t from)
{
    uint16_t crc = 0;
    for (size_t i = from; i < o->n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned in = (o->p[i] >> bit ^ crc) & 1;
            crc = (uint16_t)(crc >> 1 ^ (in ? 0xa6bc : 0));
        }
    kd_out_le16(o, (uint16_t)~crc);
}

/* A segment of user data, sent by the master (to the server) or by the outstation. */
static void segment(enum kd_dir dir, uint8_t transport, const char *app, size_t n)
{
    uint8_t frame[292];
    struct kd_out o = kd_out_of(frame, sizeof(frame));
    uint8_t user[250] = {transport};
    memcpy(user + 1, app, n);
    kd_out_be16(&o, 0x0564);
    kd_out_u8(&o, (uint8_t)(5 + 1 + n));
    kd_out_u8(&o, dir == KD_TO_SERVER ? 0xc4 : 0x44);
    kd_out_le16(&o, dir == KD_TO_SERVER ? 10 : 1);
    kd_out_le16(&o, dir == KD_TO_SERVER ? 1 : 10);
    put_sum(&o, 0);
    for (size_t at = 0; at < n + 1; at += 16) {
        size_t from = o.n;
        kd_out_bytes(&o, kd_bytes_head(kd_bytes_of(user + at, n + 1 - at), 16));
        put_sum(&o, from);
    }
    kd_tape_add(&tape, dir, kd_out_bytes_view(&o));
}

#define MESSAGE(dir, app) segment(dir, 0xc0, app, sizeof(app) - 1)

static void reads_and_writes(void)
{
    play_seed("read-write");
    CHECK(records("dnp3") == 4 && lacks("anomaly"));
    CHECK(has("\"dnp3\":{\"type\":\"request\",\"control\":{\"dir\":true,\"pri\":true,\"fcb\":false,\"fcv\":false,"
              "\"function_code\":4},\"src\":1,\"dst\":10,\"application\":{\"control\":{\"fir\":true,\"fin\":true,\"con\":false,"
              "\"uns\":false,\"sequence\":0},\"function_code\":1,\"function\":\"read\",\"objects\":[{\"group\":60,\"variation\":2,"
              "\"qualifier\":6,\"prefix_code\":0,\"range_code\":6,\"start\":0,\"stop\":0,\"count\":0}"));
    CHECK(has("{\"prefix\":0,\"index\":1,\"online\":1,\"restart\":0,") && has("\"chatter_filter\":0,\"reserved\":0,\"state\":1}"));
    CHECK(has("\"value\":\"-5\"") && has("\"value\":\"21.5\"") && has("{\"prefix\":0,\"index\":9,\"state\":1}"));
    CHECK(has("\"timestamp\":1700000000000") && has("\"indicators\":[\"device_restart\",\"need_time\"]"));
    done();
}

static void controls_and_files(void)
{
    play_seed("operate");
    CHECK(has("\"function\":\"select\"") && has("\"function\":\"operate\"") && has("\"function\":\"cold_restart\""));
    CHECK(has("\"points\":[{\"prefix\":4,\"index\":4,\"op_type\":3,\"qu\":0,\"cr\":0,\"tcc\":0,\"count\":1,\"ontime\":100,\"offtime\":100,"
              "\"status_code\":0,\"reserved\":0}]"));
    CHECK(records("dnp3") == 5); /* what the link says for itself is not told */
    done();
    play_seed("file");
    CHECK(has("\"file_size\":0,\"operational_mode\":2,\"maximum_block_size\":1024,\"request_id\":6,\"filename\":\"C:/conf/pump.xml\""));
    CHECK(has("\"size\":13,\"file_handle\":305419896,") && has("\"status_code\":0,\"optional_text\":\"\"}") &&
          has("\"file_handle\":305419896,\"block_number\":0}"));
    done();
    play_seed("unsolicited");
    CHECK(has("\"function\":\"unsolicited_response\"") && has("\"uns\":true") && has("\"group\":2,\"variation\":2") &&
          has("\"class_1_events\""));
    done();
}

static void odd_frames(void)
{
    play_seed("odd");
    CHECK(has("BAD_LINK_CRC") && has("BAD_TRANSPORT_CRC") && has("UNKNOWN_OBJECT") && has("LEN_TOO_SMALL") && has("TOO_MANY_POINTS"));
    CHECK(has("\"group\":99,\"variation\":1") && has("\"complete\":false"));
    done();
    begin();
    MESSAGE(KD_TO_SERVER, "\xc0\1\x3c\2\6");
    lost(KD_TO_SERVER, 30);
    MESSAGE(KD_TO_SERVER, "\xc1\1\x3c\3\6");
    play();
    CHECK(records("dnp3") == 2);
    done();
}

static void segments_are_bounded(void)
{
    static const char part[249] = "\xc0\x81\0\0";
    begin();
    MESSAGE(KD_TO_SERVER, "\xc0\1\x3c\2\6");
    for (uint8_t i = 0; i < 70; i++)
        segment(KD_TO_CLIENT, (uint8_t)((i == 0 ? 0x40 : 0) | (i & 63)), part, sizeof(part));
    play();
    CHECK(has("TOO_LONG_REASSEMBLY") && records("anomaly") == 1 && records("dnp3") == 1);
    done();
    begin();
    segment(KD_TO_SERVER, 0x40, "\xc0\1\x3c", 3);
    segment(KD_TO_SERVER, 0x81, "\2\6", 2);
    segment(KD_TO_SERVER, 0x40, "\xc0\1", 2);
    segment(KD_TO_SERVER, 0x85, "\x3c\2\6", 3); /* one is missing */
    play();
    CHECK(records("dnp3") == 1 && has("\"group\":60,\"variation\":2"));
    done();
}

static void a_flood_is_noted_once(void)
{
    begin();
    for (unsigned i = 0; i < 40; i++)
        MESSAGE(KD_TO_SERVER, "\xc0\3");
    play();
    CHECK(records("dnp3") == 40 && records("anomaly") == 1 && has("FLOODED"));
    done();
    begin();
    for (unsigned i = 0; i < 40; i++) {
        MESSAGE(KD_TO_SERVER, "\xc0\3");
        MESSAGE(KD_TO_CLIENT, "\xc0\x81\0\0");
        MESSAGE(KD_TO_SERVER, "\xc0\0");
    }
    play();
    CHECK(lacks("FLOODED"));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .client_port = 40000, .server_port = 9000};
    const struct kd_parser *p = &kd_parser_dnp3;
    const struct kd_bytes read = kd_bytes_of("\x05\x64\x0b\xc4\x0a\x00\x01\x00\xac\xd1\xc0\xc0\x01\x3c\x02\x06\x54\xe0", 18);
    CHECK(p->probe(read, KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_head(read, 1), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(p->probe(kd_bytes_head(read, 9), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(p->probe(kd_bytes_of("\x05\x64\x0b\xc4\x0a\x00\x01\x00\xac\xd0", 10), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\x05\1\0", 3), KD_TO_SERVER, &conn) == KD_PROBE_NO); /* SOCKS */
    conn.midstream = true;
    CHECK(p->probe(read, KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
}

int main(void)
{
    talk_parser = &kd_parser_dnp3;
    RUN(reads_and_writes);
    RUN(controls_and_files);
    RUN(odd_frames);
    RUN(segments_are_bounded);
    RUN(a_flood_is_noted_once);
    RUN(probe_knows_its_own);
    return tap_done();
}
