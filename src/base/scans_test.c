/* SPDX-License-Identifier: Apache-2.0 */
/* hidden.h and personal.h. */
#include "base/hidden.h"
#include "base/personal.h"

#include "../../tests/tap.h"

/* A program's beginning, as linkers write it. */
static void make_program(uint8_t pe[512])
{
    memset(pe, 0, 512);
    memcpy(pe, "MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff", 14);
    pe[0x3c] = 0x80;
    memcpy(pe + 0x4e, "This program cannot be run in DOS mode.\r\r\n$", 43);
    memcpy(pe + 0x80, "PE\0\0", 4);
}

static bool hidden_is(const uint8_t *b, size_t n, const char *want)
{
    struct kd_tail tail = {0};
    for (size_t i = 0; i < n; i += 7)
        kd_tail_add(&tail, kd_bytes_head(kd_bytes_from(kd_bytes_of(b, n), i), 7));
    const char *got = kd_hidden_program(kd_bytes_head(kd_bytes_of(b, n), 1024), kd_bytes_of(tail.b, tail.n));
    return want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0;
}

static void hidden_programs(void)
{
    static uint8_t pe[512], b[5000];
    make_program(pe);
    CHECK(hidden_is(pe, sizeof(pe), NULL)); /* not hidden */
    for (size_t i = 0; i < 512; i++)
        b[i] = pe[i] ^ 0x5a;
    CHECK(hidden_is(b, 512, "xor"));
    memset(b, 0, sizeof(b));
    for (size_t i = 0; i < 512; i++)
        b[sizeof(b) - 1 - i] = pe[i];
    CHECK(hidden_is(b, sizeof(b), "reversed"));
    for (size_t i = 0; i < sizeof(b); i++)
        b[i] ^= 0x11;
    CHECK(hidden_is(b, sizeof(b), "reversed xor"));
    const char *text = "$b = \"TVqQAAMAAAAEAAAA//8AALgAAAA";
    CHECK(hidden_is((const uint8_t *)text, strlen(text), "base64"));
    text = "AAAAALgAA8//AAAAEAAAAMAAQqVT";
    CHECK(hidden_is((const uint8_t *)text, strlen(text), "reversed base64"));
    text = "4D5A90000300000004000000FFFF";
    CHECK(hidden_is((const uint8_t *)text, strlen(text), "hex"));
    text = "THIS PROGRAM has a manual. This program prints.";
    CHECK(hidden_is((const uint8_t *)text, strlen(text), NULL) && hidden_is((const uint8_t *)"", 0, NULL));
}

/* The counts "my card ssn" of a text; the same however it is cut. */
static bool counts_are(const char *text, unsigned my, unsigned card, unsigned ssn)
{
    bool same = true;
    for (size_t step = 1; step < 20; step++) {
        struct kd_personal p = {0};
        struct kd_bytes in = kd_str(text);
        for (; in.n > 0; in = kd_bytes_from(in, step))
            kd_personal_add(&p, kd_bytes_head(in, step));
        kd_personal_end(&p);
        same = same && kd_personal_my_numbers(&p) == my && kd_personal_cards(&p) == card && p.ssn == ssn;
        if (!same && step == 1)
            printf("# %s: %u %u %u\n", text, kd_personal_my_numbers(&p), kd_personal_cards(&p), p.ssn);
    }
    return same;
}

/* The check digits were worked out by hand from the ordinance: 12345678901 gives 8. */
static void my_numbers(void)
{
    CHECK(counts_are("123456789018", 1, 0, 0) && counts_are("123456789019", 0, 0, 0));
    CHECK(counts_are("\xe5\x80\x8b\xe4\xba\xba\xe7\x95\xaa\xe5\x8f\xb7:1234-5678-9018,", 1, 0, 0));
    CHECK(counts_are("a 1234 5678 9018 b\n", 1, 0, 0) && counts_are("123456789018 123456789018", 2, 0, 0));
    CHECK(counts_are("\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93\xef\xbc\x94\xef\xbc\x95\xef\xbc\x96\xef\xbc\x97\xef\xbc\x98"
                     "\xef\xbc\x99\xef\xbc\x90\xef\xbc\x91\xef\xbc\x98", 1, 0, 0));
    CHECK(counts_are("x123456789018 123456789018y 0.123456789018 1123456789018", 0, 0, 0));
    CHECK(counts_are("202601311200 111111111111 12-3456789018", 0, 0, 0));
    CHECK(counts_are("123456789018 123456789011 123456789012 123456789013", 0, 0, 0)); /* chance */
}

static void cards_and_others(void)
{
    CHECK(counts_are("4111111111111111 5500-0000-0000-0004,3782 822463 10005 3530111333300000", 0, 4, 0));
    CHECK(counts_are("4111111111111112", 0, 0, 0) && counts_are("9111111111111111", 0, 0, 0));
    CHECK(counts_are("SSN 123-45-6789, 000-12-3456; 987-65-4321 123-45-67890", 0, 0, 1));
    CHECK(counts_are("03-1234-5678 090-1234-5678 2026-01-31 192.168.10.200", 0, 0, 0));
}

int main(void)
{
    RUN(hidden_programs);
    RUN(my_numbers);
    RUN(cards_and_others);
    return tap_done();
}
