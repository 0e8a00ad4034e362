/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_tftp;

static void bytes(enum kd_dir dir, const char *b, size_t n)
{
    kd_tape_add(&tape, dir, kd_bytes_of(b, n));
}

static void requests(void)
{
    begin();
    bytes(KD_TO_SERVER, "\0\1boot.cfg\0OCTET\0blksize\0001468\0", 31);
    bytes(KD_TO_CLIENT, "\0\3\0\1data", 8);
    bytes(KD_TO_SERVER, "\0\4\0\1", 4);
    bytes(KD_TO_SERVER, "\0\2running-config\0netascii\0", 26);
    play();
    CHECK(has("\"tftp\":{\"packet\":\"read\",\"file\":\"boot.cfg\",\"mode\":\"octet\"}"));
    CHECK(has("\"tftp\":{\"packet\":\"write\",\"file\":\"running-config\",\"mode\":\"netascii\"}") && records("tftp") == 2);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 17, .server_port = 4000};
    const struct kd_parser *p = &kd_parser_tftp;
    CHECK(p->probe(kd_bytes_of("\0\1a\0octet", 10), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of("\0\1a\0octet", 9), KD_TO_SERVER, &conn) == KD_PROBE_NO); /* no end */
    CHECK(p->probe(kd_bytes_of("\0\1a\0binary", 11), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\0\3a\0octet", 10), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\0\1\0octet", 9), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\0\1\2\0octet", 10), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_tftp;
    RUN(requests);
    RUN(probe_knows_its_own);
    return tap_done();
}
