/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"
#include "base/hash.h"
#include "proto/tls/hello.h"
#include "proto/tls/x509.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_tls;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)
#define RANDOM "0123456789abcdef0123456789abcdef"

/* A hello by hand: version 1.2, GREASE everywhere, server name "A.Example", ALPN h2. */
#define HELLO_BODY                                                                                 \
    "\3\3" RANDOM "\0"                                                                             \
    "\0\6\x0a\x0a\x13\1\xc0\x2f"                                                                   \
    "\1\0"                                                                                         \
    "\0\x49"                                                                                       \
    "\x1a\x1a\0\0"                                                                                 \
    "\0\0\0\x0e\0\x0c\0\0\x09"                                                                     \
    "A.Example"                                                                                    \
    "\0\x0a\0\6\0\4\x2a\x2a\0\x1d"                                                                 \
    "\0\x0b\0\2\1\0"                                                                               \
    "\0\x0d\0\6\0\4\4\3\x08\4"                                                                     \
    "\0\x10\0\5\0\3\2h2"                                                                           \
    "\0\x2b\0\7\6\x3a\x3a\3\4\3\3"                                                                 \
    "\xfe\x0d\0\1\0"
#define HELLO "\1\0\0\x78" HELLO_BODY

static uint8_t room[1 << 16];
static struct kd_out tape;
static struct kd_tape_run run;

static void begin(void)
{
    tape = kd_out_of(room, sizeof(room));
}

static void record(enum kd_dir dir, uint8_t type, struct kd_bytes payload)
{
    uint8_t buf[4096];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    kd_out_u8(&o, type);
    kd_out_be16(&o, 0x0303);
    kd_out_be16(&o, (uint16_t)payload.n);
    kd_out_bytes(&o, payload);
    CHECK(kd_out_ok(&o));
    kd_tape_add(&tape, dir, kd_out_bytes_view(&o));
}

static void play(void)
{
    kd_tape_run_done(&run);
    run = kd_tape_play(&kd_parser_tls, kd_out_bytes_view(&tape), SIZE_MAX);
    CHECK(run.pool_left == 0);
}

static bool has(const char *text)
{
    bool found = strstr(run.text, text) != NULL;
    if (!found)
        printf("# no %s in\n# %s\n", text, run.text);
    return found;
}

#define SERVER_HELLO_12 "\2\0\0\x26\3\3" RANDOM "\0\xc0\x2f\0"

static void hello_is_described(void)
{
    CHECK(sizeof(HELLO_BODY) - 1 == 0x78);
    begin(), record(KD_TO_SERVER, 22, BYTES(HELLO)), play();
    CHECK(run.n_records == 1 && has("\"sni\":\"a.example\"") && has("\"client_alpns\":[\"h2\"]") &&
          has("\"ech\":true"));
    CHECK(has("\"string\":\"771,4865-49199,0-10-11-13-16-43-65037,29,0\""));
    CHECK(has("\"ja4\":\"t13d0207h2_") && strstr(run.text, "established") == NULL);
}

static void frames_go_on_behind_the_handshake(void)
{
    begin();
    record(KD_TO_SERVER, 22, BYTES(HELLO));
    record(KD_TO_SERVER, 20, BYTES("\1"));
    record(KD_TO_CLIENT, 20, BYTES("\1"));
    record(KD_TO_SERVER, 23, BYTES("0123456789"));
    record(KD_TO_SERVER, 21, BYTES("ab"));
    play();
    CHECK(strstr(run.frames, "c tls.pdu 0+129\nc tls.hdr 0+5\nc tls.data 5+124\n") != NULL);
    CHECK(strstr(run.frames, "s tls.pdu 0+6\n") != NULL && strstr(run.frames, "+15\n") != NULL);
    CHECK(strstr(run.frames, "c tls.alert ") != NULL);
}

/* The example of the JA4 description: ciphers, extensions and signature algorithms of a browser. */
static void ja4_is_the_published_one(void)
{
    static const uint16_t ciphers[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                       0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                                       0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
    static const uint16_t plain[] = {0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005,
                                     0x0023, 0x0012, 0xff01, 0x000b, 0x000a, 0x0015};
    uint8_t buf[1024];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    kd_out_bytes(&o, BYTES("\3\3" RANDOM "\0"));
    kd_out_be16(&o, 2 * KD_COUNT(ciphers));
    for (size_t i = 0; i < KD_COUNT(ciphers); i++)
        kd_out_be16(&o, ciphers[i]);
    kd_out_bytes(&o, BYTES("\1\0"));
    struct kd_bytes rest = BYTES("\0\0\0\x06\0\4\0\0\1a"
                                 "\0\x10\0\5\0\3\2h2"
                                 "\0\x2b\0\3\2\3\4"
                                 "\0\x0d\0\x12\0\x10\4\3\x08\4\4\1\5\3\x08\5\5\1\x08\6\6\1");
    size_t n_ext = rest.n;
    for (size_t i = 0; i < KD_COUNT(plain); i++)
        n_ext += plain[i] == 0x000b ? 6 : plain[i] == 0x000a ? 8 : 4;
    kd_out_be16(&o, (uint16_t)n_ext);
    for (size_t i = 0; i < KD_COUNT(plain); i++) {
        kd_out_be16(&o, plain[i]);
        if (plain[i] == 0x000b)
            kd_out_bytes(&o, BYTES("\0\2\1\0"));
        else if (plain[i] == 0x000a)
            kd_out_bytes(&o, BYTES("\0\4\0\2\0\x1d"));
        else
            kd_out_be16(&o, 0);
    }
    kd_out_bytes(&o, rest);
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 1 << 16);
    struct tls_client_hello h;
    CHECK(tls_client_hello(kd_out_bytes_view(&o), JA4_TCP, &mem, &kd_limits_default, &h));
    CHECK(kd_bytes_eq_str(h.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1"));
    kd_arena_done(&mem);
    kd_pool_free(pool);
}

static void handshake_may_span_and_share_records(void)
{
    begin();
    for (size_t i = 0; i < sizeof(HELLO) - 1; i += 10)
        record(KD_TO_SERVER, 22, kd_bytes_head(kd_bytes_from(BYTES(HELLO), i), 10));
    record(KD_TO_CLIENT, 22, BYTES(SERVER_HELLO_12 "\x0e\0\0\0"));
    record(KD_TO_SERVER, 20, BYTES("\1"));
    record(KD_TO_SERVER, 22, BYTES("encrypted finished"));
    record(KD_TO_CLIENT, 20, BYTES("\1"));
    record(KD_TO_CLIENT, 22, BYTES("encrypted finished"));
    record(KD_TO_CLIENT, 23, BYTES("data"));
    kd_tape_add_gap(&tape, KD_TO_CLIENT, 5000);
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("any bytes behind the loss"));
    play();
    CHECK(run.n_records == 1 && has("\"sni\":\"a.example\"") && has("\"version\":\"TLS 1.2\"") &&
          has("\"established\":true"));
    CHECK(run.status[0] == KD_OK && run.status[1] == KD_OK && strstr(run.text, "resumed") == NULL);
    CHECK(has("\"cipher\":\"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\"") &&
          has("\"string\":\"771,49199,\""));
}

static void failure_is_named(void)
{
    begin(), record(KD_TO_SERVER, 22, BYTES(HELLO)), record(KD_TO_CLIENT, 21, BYTES("\2\x46")),
        play();
    CHECK(run.n_records == 1 && has("\"alert\":\"protocol_version\"") &&
          strstr(run.text, "established") == NULL);
}

static void old_hello_is_tolerated(void)
{
    static const char hello[] = "\x80\x1f\1\3\1\0\6\0\0\0\x10\0\0\x35\0\0\x0a"
                                "0123456789abcdef";
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES(hello));
    record(KD_TO_CLIENT, 22, BYTES("\2\0\0\x26\3\1" RANDOM "\0\0\x35\0"));
    play();
    CHECK(run.n_records == 1 && has("\"version\":\"TLSv1\"") &&
          has("\"cipher\":\"TLS_RSA_WITH_AES_256_CBC_SHA\""));
}

static void too_long_is_refused(void)
{
    begin(), record(KD_TO_CLIENT, 22, BYTES("\x0b\xff\xff\xff\0\0\0")), play();
    CHECK(run.status[KD_TO_CLIENT] == KD_LIMIT && has("INVALID_HANDSHAKE_MESSAGE"));
}

static void midstream_data_tells_nothing(void)
{
    begin(), record(KD_TO_SERVER, 23, BYTES("0123456789abcdef0123456789")),
        record(KD_TO_CLIENT, 23, BYTES("abc")), play();
    CHECK(run.n_records == 0 && run.status[0] == KD_OK);
}

static void every_prefix_of_a_hello_is_broken(void)
{
    struct kd_pool *pool = kd_pool_new(1 << 20);
    for (size_t n = 0; n < sizeof(HELLO_BODY) - 1; n++) {
        struct kd_arena mem;
        struct tls_client_hello h;
        uint8_t *copy = malloc(n > 0 ? n : 1);
        memcpy(copy, HELLO_BODY, n);
        kd_arena_init(&mem, pool, 1 << 16);
        bool whole = tls_client_hello(kd_bytes_of(copy, n), JA4_TCP, &mem, &kd_limits_default, &h);
        CHECK(!whole || n == 2 + 32 + 1 + 2 + 6 + 2); /* a hello may end before its extensions */
        kd_arena_done(&mem);
        free(copy);
    }
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

/* tbs: serial 0A1B, algorithm, issuer, validity, subject, key. */
#define NAME(cn) "\x30\x0e\x31\x0c\x30\x0a\6\3\x55\4\3\x0c\3" cn
#define CERT(issuer, subject)                                                                      \
    "\x30\x53\x30\x51\2\2\x0a\x1b\x30\0" issuer "\x30\x21\x17\x0d"                                 \
    "491231235959Z"                                                                                \
    "\x18\x10"                                                                                     \
    "20501231235959Z " subject "\x30\x06\6\4\1\2\3\4"

static void certificate_is_read(void)
{
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_arena mem;
    struct x509 x;
    kd_arena_init(&mem, pool, 1 << 16);
    struct kd_bytes other = BYTES(CERT(NAME("abc"), NAME("xyz")));
    CHECK(other.n == 0x55);
    CHECK(x509_read(other, &mem, &kd_limits_default, &x));
    CHECK(kd_bytes_eq_str(x.issuer, "CN=abc") && kd_bytes_eq_str(x.subject, "CN=xyz") &&
          !x.self_signed);
    CHECK(kd_bytes_eq_str(x.serial, "0A:1B"));
    CHECK(x.not_before_us == 2524607999u * UINT64_C(1000000) &&
          x.not_after_us == 2556143999u * UINT64_C(1000000));
    CHECK(x509_read(BYTES(CERT(NAME("abc"), NAME("abc"))), &mem, &kd_limits_default, &x) &&
          x.self_signed);
    for (size_t n = 0; n < other.n; n++) {
        uint8_t *copy = malloc(n > 0 ? n : 1);
        memcpy(copy, other.p, n);
        CHECK(!x509_read(kd_bytes_of(copy, n), &mem, &kd_limits_default, &x));
        free(copy);
    }
    kd_arena_done(&mem);
    kd_pool_free(pool);
}

/* A client that was asked who it is (RFC 5246 §7.4.6); one that says nobody. */
static void client_certificate(void)
{
    static const char cert[] = "\x0b\0\0\x5b\0\0\x58\0\0\x55" CERT(NAME("abc"), NAME("xyz"));
    begin();
    record(KD_TO_SERVER, 22, BYTES(HELLO));
    record(KD_TO_CLIENT, 22, BYTES(SERVER_HELLO_12));
    record(KD_TO_SERVER, 22, kd_bytes_of(cert, sizeof(cert) - 1));
    play();
    CHECK(has("\"client\":{\"subject\":\"CN=xyz\",\"issuerdn\":\"CN=abc\",\"serial\":\"0A:1B\",\"fingerprint\":\""));
    begin();
    record(KD_TO_SERVER, 22, BYTES(HELLO));
    record(KD_TO_SERVER, 22, BYTES("\x0b\0\0\3\0\0\0"));
    play();
    CHECK(strstr(run.text, "\"client\"") == NULL && has("\"version\":\"TLS 1.3\""));
}

static void early_draft_is_named(void)
{
    begin();
    record(KD_TO_SERVER, 22, BYTES(HELLO));
    record(KD_TO_CLIENT, 22, BYTES("\2\0\0\x24\3\4" RANDOM "\x13\1"));
    play();
    CHECK(has("\"version\":\"TLS 1.3 draft-<16\"") && has("\"cipher\":\"TLS_AES_128_GCM_SHA256\""));
}

static enum kd_probe probe(enum kd_dir dir, uint16_t sport, uint16_t dport, bool midstream,
                           struct kd_bytes b)
{
    struct kd_conn conn = {
        .proto = 6, .client_port = sport, .server_port = dport, .midstream = midstream};
    return kd_parser_tls.probe(b, dir, &conn);
}

static void recognised_by_content(void)
{
    static const char hello[] = "\x16\3\1\0\x7c" HELLO;
    static const char server[] = "\x16\3\3\0\x2a" SERVER_HELLO_12;
    static const char data[] = "\x17\3\3\0\x10"
                               "0123456789abcdef"
                               "\x17\3\3";
    CHECK(probe(KD_TO_SERVER, 50000, 12345, false, BYTES(hello)) == KD_PROBE_YES);
    CHECK(probe(KD_TO_CLIENT, 50000, 12345, false, BYTES(server)) == KD_PROBE_YES);
    CHECK(probe(KD_TO_SERVER, 443, 50000, true, BYTES(server)) == KD_PROBE_REVERSED);
    CHECK(probe(KD_TO_SERVER, 50000, 443, true, BYTES(data)) == KD_PROBE_YES);
    CHECK(probe(KD_TO_SERVER, 50000, 9999, true, BYTES(data)) == KD_PROBE_YES);
    CHECK(probe(KD_TO_SERVER, 443, 50000, true, BYTES(data)) == KD_PROBE_REVERSED);
    CHECK(probe(KD_TO_SERVER, 50000, 443, false, BYTES(data)) == KD_PROBE_NO);
    for (size_t n = 0; n < 11; n++)
        CHECK(probe(KD_TO_SERVER, 50000, 443, false, kd_bytes_of(hello, n)) == KD_PROBE_MORE);
    CHECK(probe(KD_TO_SERVER, 50000, 443, false, BYTES("GET / HTTP/1.1\r\n")) == KD_PROBE_NO);
    CHECK(probe(KD_TO_SERVER, 50000, 443, false, BYTES("SSH-2.0-x\r\n")) == KD_PROBE_NO);
    CHECK(probe(KD_TO_SERVER, 50000, 445, false, BYTES("\0\0\0\x90\xfeSMB@\0\0\0\0\0")) ==
          KD_PROBE_NO);
    CHECK(probe(KD_TO_SERVER, 50000, 443, false, BYTES("\x16\3\1\0\5hello")) == KD_PROBE_NO);
}

static void names_are_sorted(void)
{
    CHECK(strcmp(tls_cipher_name(0x1301), "TLS_AES_128_GCM_SHA256") == 0);
    CHECK(strcmp(tls_cipher_name(0x0000), "TLS_NULL_WITH_NULL_NULL") == 0);
    CHECK(strcmp(tls_cipher_name(0xcca8), "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256") == 0);
    CHECK(tls_cipher_name(0xffff) == NULL && tls_cipher_name(0x0a0a) == NULL);
    CHECK(strcmp(tls_version_name(0x0301), "TLSv1") == 0 && tls_version_name(0x7e17) == NULL &&
          strcmp(tls_version_name(0x7f17), "TLS 1.3 draft-23") == 0);
}

int main(void)
{
    kd_digest_warm();
    RUN(hello_is_described);
    RUN(frames_go_on_behind_the_handshake);
    RUN(ja4_is_the_published_one);
    RUN(handshake_may_span_and_share_records);
    RUN(failure_is_named);
    RUN(old_hello_is_tolerated);
    RUN(too_long_is_refused);
    RUN(midstream_data_tells_nothing);
    RUN(every_prefix_of_a_hello_is_broken);
    RUN(certificate_is_read);
    RUN(client_certificate);
    RUN(early_draft_is_named);
    RUN(recognised_by_content);
    RUN(names_are_sorted);
    kd_tape_run_done(&run);
    return tap_done();
}
