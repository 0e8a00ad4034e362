/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_bittorrent;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)

static enum kd_probe probe(struct kd_bytes in, uint8_t proto)
{
    struct kd_conn conn = {.proto = proto};
    return kd_parser_bittorrent.probe(in, KD_TO_SERVER, &conn);
}

static void it_is_recognised(void)
{
    CHECK(probe(BYTES("\x13"
                      "BitTorrent protocol\0\0\0\0"),
                6) == KD_PROBE_YES);
    CHECK(probe(BYTES("\x13"
                      "BitTor"),
                6) == KD_PROBE_MORE);
    CHECK(probe(BYTES("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"), 17) == KD_PROBE_YES);
    CHECK(probe(BYTES("\0\0\4\x17\x27\x10\x19\x80\0\0\0\0\1\2\3\4"), 17) == KD_PROBE_YES);
}

static void other_traffic_is_not(void)
{
    CHECK(probe(BYTES("\x13"
                      "Bitter chocolate, please"),
                6) == KD_PROBE_NO);
    CHECK(probe(BYTES("d1:ad2:id20:"), 17) == KD_PROBE_NO);
    CHECK(probe(BYTES("\0\0\4\x17\x27\x10\x19\x80\0\0\0\1\1\2\3\4"), 17) == KD_PROBE_NO);
    CHECK(probe(BYTES("GET / HTTP/1.1\r\n"), 6) == KD_PROBE_NO);
}

int main(void)
{
    RUN(it_is_recognised);
    RUN(other_traffic_is_not);
    return tap_done();
}
