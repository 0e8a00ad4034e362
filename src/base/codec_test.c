/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"
#include "base/hasher.h"

#include "../../tests/tap.h"

static const struct {
    const char *in, *want;
} samples[] = {
    /* RFC 4648 10, then what mail programs do */
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"Zm9v\r\nYmFy\r\n", "foobar"},
    {"Zg==Zm8=", "ffo"},
    {"Zm9vYg", "foob"},
    {"Z", ""},
};

static void base64_whole_and_split(void)
{
    for (size_t i = 0; i < KD_COUNT(samples); i++) {
        for (size_t step = 1; step < 9; step++) {
            char buf[64];
            struct kd_out o = kd_out_of(buf, sizeof(buf));
            struct kd_base64 b = {0};
            struct kd_bytes in = kd_str(samples[i].in);
            for (size_t at = 0; at < in.n; at += step)
                CHECK(kd_base64_add(&b, kd_bytes_head(kd_bytes_from(in, at), step), &o) == 0);
            kd_base64_end(&b, &o);
            CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), samples[i].want));
        }
    }
}

static void base64_skips_foreign_characters(void)
{
    char buf[64];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    struct kd_base64 b = {0};
    CHECK(kd_base64_add(&b, kd_str("Zm-9v\xff"), &o) == 2);
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), "foo"));
    o = kd_out_of(buf, sizeof(buf));
    CHECK(!kd_base64_decode(kd_str("Zm9v!"), &o));
    o = kd_out_of(buf, 2);
    CHECK(!kd_base64_decode(kd_str("Zm9vYmFy"), &o));
}

static void base64_keeps_to_its_promise_of_room(void)
{
    char in[200];
    char out[200];
    memset(in, 'A', sizeof(in));
    for (size_t n = 0; n < sizeof(in); n++)
        for (uint8_t begun = 0; begun < 4; begun++) {
            struct kd_base64 b = {.n = begun};
            struct kd_out o = kd_out_of(out, kd_base64_room(n));
            kd_base64_add(&b, kd_bytes_of(in, n), &o);
            kd_base64_end(&b, &o);
            CHECK(kd_out_ok(&o));
        }
}

/* The other way to libcrypto. */
static void by_object(enum kd_digest_kind kind, struct kd_bytes b, uint8_t *ret)
{
    struct kd_digest *d = kd_digest_new(kind);
    CHECK(d != NULL);
    kd_digest_add(d, b);
    kd_digest_end(d, ret);
    uint8_t once[KD_SHA256_BYTES] = {0};
    kd_digest_once(kind, b, once);
    CHECK(memcmp(once, ret, KD_MD5_BYTES) == 0);
    kd_digest_free(d);
}

/* The streamed digests against the allocating ones, over pieces of many sizes. */
static void hashers_agree_with_the_library(void)
{
    static uint8_t data[100000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    struct kd_md5 md5;
    struct kd_sha1 sha1;
    struct kd_sha256 sha256;
    kd_md5_start(&md5);
    kd_sha1_start(&sha1);
    kd_sha256_start(&sha256);
    for (size_t at = 0, step = 1; at < sizeof(data); at += step, step = step * 3 % 4099 + 1) {
        struct kd_bytes piece =
            kd_bytes_head(kd_bytes_from(kd_bytes_of(data, sizeof(data)), at), step);
        kd_md5_add(&md5, piece);
        kd_sha1_add(&sha1, piece);
        kd_sha256_add(&sha256, piece);
    }
    uint8_t got[KD_SHA256_BYTES];
    uint8_t want[KD_SHA256_BYTES];
    kd_md5_end(&md5, got);
    by_object(KD_MD5, kd_bytes_of(data, sizeof(data)), want);
    CHECK(memcmp(got, want, KD_MD5_BYTES) == 0);
    kd_sha1_end(&sha1, got);
    by_object(KD_SHA1, kd_bytes_of(data, sizeof(data)), want);
    CHECK(memcmp(got, want, KD_SHA1_BYTES) == 0);
    kd_sha256_end(&sha256, got);
    by_object(KD_SHA256, kd_bytes_of(data, sizeof(data)), want);
    CHECK(memcmp(got, want, KD_SHA256_BYTES) == 0);
}

int main(void)
{
    RUN(base64_whole_and_split);
    RUN(base64_skips_foreign_characters);
    RUN(base64_keeps_to_its_promise_of_room);
    RUN(hashers_agree_with_the_library);
    return tap_done();
}
