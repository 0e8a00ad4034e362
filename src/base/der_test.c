/* SPDX-License-Identifier: Apache-2.0 */
#include "base/der.h"

#include "../../tests/tap.h"

#define DER(...)                                                                                   \
    kd_der_of(kd_bytes_of(((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})))

static void values_are_read_in_order(void)
{
    struct kd_der d = DER(0x30, 0x0a, 0xa1, 3, 2, 1, 5, 0xa2, 3, 0x0a, 1, 0xff);
    struct kd_der seq = kd_der_enter(&d, KD_DER_SEQUENCE);
    struct kd_der field;
    CHECK(!kd_der_enter_if(&seq, KD_DER_CONTEXT(0), &field) && kd_der_ok(&seq));
    CHECK(kd_der_enter_if(&seq, KD_DER_CONTEXT(1), &field));
    CHECK(kd_der_i32(&field, KD_DER_INTEGER) == 5);
    CHECK(kd_der_enter_if(&seq, KD_DER_CONTEXT(2), &field));
    CHECK(kd_der_i32(&field, KD_DER_ENUMERATED) == -1 && kd_der_ok(&field));
    CHECK(!kd_der_more(&seq) && kd_der_ok(&seq) && kd_der_ok(&d));
    struct kd_tlv tlv;
    CHECK(!kd_der_next(&seq, &tlv) && kd_der_ok(&seq));
}

static void lengths_in_every_accepted_form(void)
{
    struct kd_der d = DER(4, 1, 7, 4, 0x81, 1, 7, 4, 0x84, 0, 0, 0, 1, 7);
    for (int i = 0; i < 3; i++) {
        struct kd_bytes b = kd_der_take(&d, KD_DER_OCTET_STRING);
        CHECK(b.n == 1 && b.p[0] == 7);
    }
    CHECK(kd_der_ok(&d) && !kd_der_more(&d));
}

static void refuses_what_it_does_not_read(void)
{
    struct kd_tlv tlv;
    struct kd_der indefinite = DER(0x30, 0x80, 2, 1, 5, 0, 0);
    CHECK(!kd_der_next(&indefinite, &tlv) && !kd_der_ok(&indefinite));
    struct kd_der high_tag = DER(0x1f, 0x22, 1, 0);
    CHECK(!kd_der_next(&high_tag, &tlv) && !kd_der_ok(&high_tag));
    struct kd_der five = DER(4, 0x85, 0, 0, 0, 0, 0);
    CHECK(!kd_der_next(&five, &tlv) && !kd_der_ok(&five));
    struct kd_der shorter = DER(4, 3, 1, 2);
    CHECK(!kd_der_next(&shorter, &tlv) && !kd_der_ok(&shorter));
    struct kd_der wrong = DER(4, 1, 1);
    struct kd_der in = kd_der_enter(&wrong, KD_DER_SEQUENCE);
    CHECK(!kd_der_ok(&wrong) && !kd_der_ok(&in));
    struct kd_der big = DER(2, 5, 1, 2, 3, 4, 5);
    CHECK(kd_der_i32(&big, KD_DER_INTEGER) == 0 && !kd_der_ok(&big));
}

static void depth_is_bounded(void)
{
    uint8_t nest[2 * 40];
    for (size_t i = 0; i < 40; i++) {
        nest[2 * i] = KD_DER_SEQUENCE;
        nest[2 * i + 1] = (uint8_t)(sizeof(nest) - 2 * i - 2);
    }
    struct kd_der d = kd_der_of(kd_bytes_of(nest, sizeof(nest)));
    int depth = 0;
    while (kd_der_ok(&d) && kd_der_more(&d)) {
        d = kd_der_enter(&d, KD_DER_SEQUENCE);
        depth += kd_der_ok(&d);
    }
    CHECK(depth == KD_DER_DEPTH && !kd_der_ok(&d));
}

static void whole_length_is_told_early(void)
{
    static const uint8_t in[] = {0x6a, 0x82, 0x01, 0x00, 0x30};
    size_t head = 0;
    uint64_t n = 0;
    CHECK(kd_der_head(kd_bytes_of(in, 5), &head, &n) == KD_OK && head == 4 && n == 256);
    CHECK(kd_der_head(kd_bytes_of(in, 3), &head, &n) == KD_MORE);
    CHECK(kd_der_head(kd_bytes_of(in, 0), &head, &n) == KD_MORE);
    CHECK(kd_der_head(kd_bytes_of("\x30\x80", 2), &head, &n) == KD_MALFORMED);
    CHECK(kd_der_head(kd_bytes_of("\x30\x85\1", 3), &head, &n) == KD_MALFORMED);
    CHECK(kd_der_head(kd_bytes_of("\x1f", 1), &head, &n) == KD_MALFORMED);
}

int main(void)
{
    RUN(values_are_read_in_order);
    RUN(lengths_in_every_accepted_form);
    RUN(refuses_what_it_does_not_read);
    RUN(depth_is_bounded);
    RUN(whole_length_is_told_early);
    return tap_done();
}
