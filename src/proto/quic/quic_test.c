/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"

#include "base/gcm.h"

#include "../../../tests/tap.h"

#include <openssl/evp.h>

extern const struct kd_parser kd_parser_quic;

#define DCID "\x83\x94\xc8\xf0\x3e\x51\x57\x08"

/* A hello for www.machi.example with ALPN h3. */
static const char hello[] =
    "\x01\x00\x00\x5d\x03\x03" "0123456789abcdef0123456789abcdef" "\x00\x00\x02\x13\x01\x01\x00\x00\x32"
    "\x00\x00\x00\x16\x00\x14\x00\x00\x11" "www.machi.example"
    "\x00\x10\x00\x05\x00\x03\x02" "h3"
    "\x00\x2b\x00\x03\x02\x03\x04"
    "\x00\x0a\x00\x04\x00\x02\x00\x1d";

/* An answer: TLS 1.3, TLS_AES_128_GCM_SHA256. */
static const char answer[] =
    "\x02\x00\x00\x2e\x03\x03" "0123456789abcdef0123456789abcdef" "\x00\x13\x01\x00\x00\x06"
    "\x00\x2b\x00\x02\x03\x04";

#define OTHER_DCID "\x11\x22\x33\x44\x55\x66\x77\x88"

/* RFC 9001 §5 the other way round, by the library's own cipher; `to_id`: from which the keys follow. */
static struct kd_bytes packet_of(uint8_t *room, uint32_t number, size_t offset, struct kd_bytes crypto, bool second,
                                 const char *side, const char *to_id)
{
    static const uint8_t salts[2][20] = {{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                          0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
                                         {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                          0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9}};
    enum { PAYLOAD = 1162, NUMBER_BYTES = 4 };
    uint8_t initial[32], client[32], key[16], iv[12], mask_key[16], plain[PAYLOAD] = {0}, mask[16];
    kd_hkdf_extract(kd_bytes_of(salts[second], 20), kd_bytes_of(to_id, 8), initial);
    kd_hkdf_label(initial, side, client, 32);
    kd_hkdf_label(client, second ? "quicv2 key" : "quic key", key, 16);
    kd_hkdf_label(client, second ? "quicv2 iv" : "quic iv", iv, 12);
    kd_hkdf_label(client, second ? "quicv2 hp" : "quic hp", mask_key, 16);
    struct kd_out p = kd_out_of(plain, sizeof(plain));
    kd_out_u8(&p, 6);
    kd_out_be16(&p, (uint16_t)(0x4000 | offset));
    kd_out_be16(&p, (uint16_t)(0x4000 | crypto.n));
    kd_out_bytes(&p, crypto);
    struct kd_out o = kd_out_of(room, 1400);
    kd_out_u8(&o, (uint8_t)((second ? 0xd0 : 0xc0) | (NUMBER_BYTES - 1)));
    kd_out_bytes(&o, second ? kd_bytes_of("\x6b\x33\x43\xcf", 4) : kd_bytes_of("\0\0\0\1", 4));
    kd_out_u8(&o, 8);
    kd_out_bytes(&o, kd_bytes_of(to_id, 8));
    kd_out_u8(&o, 0); /* no source id */
    kd_out_u8(&o, 0); /* no token */
    kd_out_be16(&o, (uint16_t)(0x4000 | (NUMBER_BYTES + PAYLOAD + KD_GCM_TAG)));
    size_t head = o.n;
    kd_out_be16(&o, (uint16_t)(number >> 16));
    kd_out_be16(&o, (uint16_t)number);
    for (unsigned i = 0; i < 4; i++)
        iv[8 + i] ^= room[head + i];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, iv);
    EVP_EncryptUpdate(c, NULL, &n, room, (int)o.n);
    EVP_EncryptUpdate(c, room + o.n, &n, plain, PAYLOAD);
    EVP_EncryptFinal_ex(c, room + o.n + PAYLOAD, &n);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, KD_GCM_TAG, room + o.n + PAYLOAD);
    EVP_CIPHER_CTX_free(c);
    kd_aes128_block(mask_key, room + head + 4, mask);
    room[0] ^= mask[0] & 0x0f;
    for (unsigned i = 0; i < NUMBER_BYTES; i++)
        room[head + i] ^= mask[1 + i];
    return kd_bytes_of(room, o.n + PAYLOAD + KD_GCM_TAG);
}

static struct kd_bytes packet(uint8_t *into, uint32_t number, size_t offset, struct kd_bytes crypto, bool second)
{
    return packet_of(into, number, offset, crypto, second, "client in", DCID);
}

static uint8_t room[1 << 14];
static struct kd_out tape;

static void begin(void)
{
    tape = kd_out_of(room, sizeof(room));
}

static bool shows(const char *text, size_t n_records)
{
    CHECK(kd_tape_check(&kd_parser_quic, kd_out_bytes_view(&tape), 1) == NULL);
    struct kd_tape_run run = kd_tape_play(&kd_parser_quic, kd_out_bytes_view(&tape), SIZE_MAX);
    bool ok = run.n_records == n_records && strstr(run.text, text) != NULL && run.pool_left == 0;
    if (!ok)
        printf("# no %s in %zu records\n# %s\n", text, run.n_records, run.text);
    kd_tape_run_done(&run);
    return ok;
}

static struct kd_bytes part(size_t from, size_t to)
{
    return kd_bytes_of(hello + from, to - from);
}

static const size_t all = sizeof(hello) - 1;

static void a_hello_is_told(void)
{
    uint8_t b[1400];
    for (int second = 0; second < 2; second++) {
        begin();
        kd_tape_add(&tape, KD_TO_SERVER, packet(b, 2, 0, part(0, all), second));
        kd_tape_add(&tape, KD_TO_SERVER, packet(b, 3, 0, part(0, all), second)); /* once more: told once */
        CHECK(shows("\"tls\":{\"sni\":\"www.machi.example\"", 1));
        CHECK(shows(second ? "\"version\":\"QUIC v2\"" : "\"version\":\"QUIC v1\"", 1));
        CHECK(shows("\"client_alpns\":[\"h3\"]", 1) && shows("\"ja4\":\"q13d", 1));
    }
}

static void pieces_come_in_any_order(void)
{
    uint8_t b[1400];
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, packet(b, 4, 60, part(60, all), false));
    kd_tape_add(&tape, KD_TO_SERVER, packet(b, 3, 0, part(0, 20), false));
    kd_tape_add(&tape, KD_TO_SERVER, packet(b, 5, 10, part(10, 70), false));
    CHECK(shows("www.machi.example", 1));
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, packet(b, 4, 60, part(60, all), false));
    CHECK(shows("", 0));
}

static void an_answer_is_told(void)
{
    uint8_t b[1400];
    struct kd_bytes said = kd_bytes_of(answer, sizeof(answer) - 1);
    for (int second = 0; second < 2; second++) {
        begin();
        kd_tape_add(&tape, KD_TO_CLIENT, packet_of(b, 0, 0, said, second, "server in", DCID)); /* too early */
        kd_tape_add(&tape, KD_TO_SERVER, packet(b, 2, 0, part(0, all), second));
        kd_tape_add(&tape, KD_TO_CLIENT, packet_of(b, 0, 0, said, second, "server in", DCID));
        kd_tape_add(&tape, KD_TO_CLIENT, packet_of(b, 1, 0, said, second, "server in", DCID));
        CHECK(shows("\"cipher\":\"TLS_AES_128_GCM_SHA256\"", 2) && shows("\"string\":\"771,4865,43\"", 2));
    }
}

/* A Retry is heeded once: the second hello is told, too, and the answer opened by the keys of its id. */
static void after_a_retry_the_hello_comes_again(void)
{
    static const char retry[] = "\xf0\0\0\0\1\0\x08" OTHER_DCID "token and its integrity tag";
    uint8_t b[1400];
    struct kd_bytes said = kd_bytes_of(answer, sizeof(answer) - 1);
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, packet(b, 2, 0, part(0, all), false));
    kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of(retry, sizeof(retry) - 1));
    kd_tape_add(&tape, KD_TO_SERVER, packet_of(b, 3, 0, part(0, all), false, "client in", OTHER_DCID));
    kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of(retry, sizeof(retry) - 1));
    kd_tape_add(&tape, KD_TO_CLIENT, packet_of(b, 0, 0, said, false, "server in", OTHER_DCID));
    CHECK(shows("\"ja3s\"", 3));
}

static void damaged_and_other_packets_are_passed_over(void)
{
    uint8_t b[1400];
    begin();
    struct kd_bytes p = packet(b, 2, 0, part(0, all), false);
    b[300] ^= 1;
    kd_tape_add(&tape, KD_TO_SERVER, p);
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\x40short header", 13));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\xc3\0\0\0\1\x08", 6));
    CHECK(shows("", 0));
    struct kd_conn conn = {.proto = 17};
    CHECK(kd_parser_quic.probe(packet(b, 2, 0, part(0, all), false), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    b[4] = 9;
    CHECK(kd_parser_quic.probe(kd_bytes_of(b, 1200), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* write the seed */
        uint8_t b[1400];
        begin();
        kd_tape_add(&tape, KD_TO_SERVER, packet(b, 4, 60, part(60, all), false));
        kd_tape_add(&tape, KD_TO_SERVER, packet(b, 3, 0, part(0, 70), false));
        kd_tape_add(&tape, KD_TO_CLIENT,
                    packet_of(b, 0, 0, kd_bytes_of(answer, sizeof(answer) - 1), false, "server in", DCID));
        FILE *f = fopen(argv[1], "wb");
        return f == NULL || fwrite(tape.p, 1, tape.n, f) != tape.n || fclose(f) != 0;
    }
    RUN(a_hello_is_told);
    RUN(pieces_come_in_any_order);
    RUN(an_answer_is_told);
    RUN(after_a_retry_the_hello_comes_again);
    RUN(damaged_and_other_packets_are_passed_over);
    return tap_done();
}
