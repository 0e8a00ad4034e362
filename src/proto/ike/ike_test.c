/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_ike;

static void bytes(enum kd_dir dir, const char *b, size_t n)
{
    kd_tape_add(&tape, dir, kd_bytes_of(b, n));
}

#define SPI_I "\1\2\3\4\5\6\7\x08"
#define NONE "\0\0\0\0\0\0\0\0"
/* IKE_SA_INIT: key exchange (group 14, four bytes), nonce, vendor ID. */
#define INIT SPI_I NONE "\x22\x20\x22\x08\0\0\0\0\0\0\0\x39" "\x28\0\0\x0c\0\x0e\0\0\xaa\xbb\xcc\xdd" "\x2b\0\0\x09nonce" "\0\0\0\x08wxyz"

static void version_2(void)
{
    begin();
    bytes(KD_TO_SERVER, INIT, sizeof(INIT) - 1);
    bytes(KD_TO_CLIENT, SPI_I SPI_I "\x2e\x20\x23\x20\0\0\0\1\0\0\0\x20" "\0\0\0\x04", 32);
    play();
    CHECK(has("\"ike\":{\"version_major\":2,\"init_spi\":\"0102030405060708\",\"resp_spi\":\"0000000000000000\",\"message_id\":0,"
              "\"exchange_type\":34,\"exchange_type_verbose\":\"IKE_SA_INIT\",\"role\":\"initiator\",\"vendors\":[\"7778797a\"],"
              "\"payload\":[\"KeyExchange\",\"Nonce\",\"VendorID\",\"NoNextPayload\"]}"));
    CHECK(has("\"exchange_type_verbose\":\"IKE_AUTH\",\"role\":\"responder\",\"payload\":[\"EncryptedAndAuthenticated\"]}"));
    CHECK(records("ike") == 2 && lacks("anomaly"));
    done();
}

static void version_1_behind_translation(void)
{
    begin();
    bytes(KD_TO_SERVER, "\0\0\0\0" SPI_I NONE "\x0d\x10\x04\0\0\0\0\0\0\0\0\x24" "\0\0\0\x08wxyz", 40);
    bytes(KD_TO_SERVER, "\xff", 1); /* keep-alive */
    bytes(KD_TO_SERVER, "\0\0\0\0" SPI_I SPI_I "\x05\x10\x02\1\0\0\0\0\0\0\0\x20" "abcd", 36);
    play();
    CHECK(has("\"exchange_type_verbose\":\"aggressive\",\"role\":\"initiator\",\"vendors\":[\"7778797a\"],\"payload\":[\"VendorID\","
              "\"NoNextPayload\"]}"));
    CHECK(has("\"payload\":[\"Identification\"]}") && records("ike") == 2); /* encrypted */
    done();
}

static void broken_parts(void)
{
    begin();
    bytes(KD_TO_SERVER, SPI_I NONE "\x28\x20\x22\x08\0\0\0\0\0\0\0\x20" "\0\0\0\xff", 32);
    play();
    CHECK(has("payload_extra_data") && records("ike") == 1);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 17, .server_port = 4000};
    const struct kd_parser *p = &kd_parser_ike;
    CHECK(p->probe(kd_bytes_of(INIT, sizeof(INIT) - 1), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of(INIT, sizeof(INIT) - 2), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of(NONE NONE "\x22\x20\x22\x08\0\0\0\0\0\0\0\x1c", 28), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of(SPI_I SPI_I "\x22\x20\x22\x20\0\0\0\0\0\0\0\x1c", 28), KD_TO_SERVER, &conn) ==
          KD_PROBE_REVERSED);
}

int main(void)
{
    talk_parser = &kd_parser_ike;
    RUN(version_2);
    RUN(version_1_behind_translation);
    RUN(broken_parts);
    RUN(probe_knows_its_own);
    return tap_done();
}
