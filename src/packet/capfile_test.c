/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/capfile.h"

#include <zlib.h>
#include <zstd.h>

#include "base/out.h"

#include "../../tests/tap.h"

struct reader {
    struct kd_bytes left;
    size_t step;
};

static ptrdiff_t read_step(void *arg, void *buf, size_t n)
{
    struct reader *r = arg;
    size_t take = kd_min_size(kd_min_size(n, r->step), r->left.n);
    if (take > 0)
        memcpy(buf, r->left.p, take);
    r->left = kd_bytes_from(r->left, take);
    return (ptrdiff_t)take;
}

struct seen {
    size_t n;
    uint64_t last_us;
    size_t bytes;
    uint32_t link;
    enum kd_status end;
    const char *why;
};

static struct seen read_all(struct kd_bytes file, bool mapped, size_t step)
{
    struct seen seen = {0};
    struct reader r = {file, step};
    struct kd_capsource source = {.read = read_step, .arg = &r};
    if (mapped)
        source.mapped = file;
    struct kd_capfile *f = NULL;
    struct kd_err err = {0};
    seen.end = kd_capfile_open(&source, &f, &err);
    struct kd_captured c;
    while (seen.end == KD_OK && (seen.end = kd_capfile_next(f, &c, &err)) == KD_OK) {
        seen.n++;
        seen.last_us = c.ts_us;
        seen.bytes += c.bytes.n;
        seen.link = c.link;
    }
    seen.why = err.what;
    kd_capfile_close(f);
    return seen;
}

static void le(struct kd_out *o, bool swap, uint32_t v)
{
    kd_out_le32(o, swap ? __builtin_bswap32(v) : v);
}

static size_t make_pcap(uint8_t *room, size_t max, bool swap, bool nano)
{
    struct kd_out o = kd_out_of(room, max);
    le(&o, swap, nano ? 0xa1b23c4d : 0xa1b2c3d4);
    le(&o, swap, 0x00040002);
    le(&o, swap, 0);
    le(&o, swap, 0);
    le(&o, swap, 65535);
    le(&o, swap, 1);
    for (uint32_t i = 0; i < 100; i++) {
        le(&o, swap, 1000 + i);
        le(&o, swap, nano ? 5000 : 5);
        le(&o, swap, 10 + i);
        le(&o, swap, 20 + i);
        for (uint32_t k = 0; k < 10 + i; k++)
            kd_out_u8(&o, (uint8_t)k);
    }
    CHECK(kd_out_ok(&o));
    return o.n;
}

static void block(struct kd_out *o, bool swap, uint32_t type, const uint8_t *body, uint32_t n)
{
    le(o, swap, type);
    le(o, swap, n + 12);
    kd_out_bytes(o, kd_bytes_of(body, n));
    le(o, swap, n + 12);
}

/* Two sections of different byte order, two interfaces with different clocks. */
static size_t make_pcapng(uint8_t *room, size_t max)
{
    struct kd_out o = kd_out_of(room, max);
    for (int swap = 0; swap < 2; swap++) {
        uint8_t body[128];
        struct kd_out b = kd_out_of(body, sizeof(body));
        le(&b, swap, 0x1a2b3c4d);
        le(&b, swap, swap ? 0x00010000 : 1);
        le(&b, swap, UINT32_MAX);
        le(&b, swap, UINT32_MAX);
        block(&o, swap, 0x0a0d0d0a, body, (uint32_t)b.n);
        for (uint32_t i = 0; i < 2; i++) {
            b = kd_out_of(body, sizeof(body));
            le(&b, swap, swap ? 101u << 16 : 101);
            le(&b, swap, 0);
            if (i == 1) { /* if_tsresol: nanoseconds */
                le(&b, swap, swap ? 9u << 16 | 1 : 1u << 16 | 9);
                kd_out_u8(&b, 9);
                kd_out_bytes(&b, kd_bytes_of("\0\0\0", 3));
                le(&b, swap, 0);
            }
            block(&o, swap, 1, body, (uint32_t)b.n);
        }
        for (uint32_t i = 0; i < 2; i++) {
            uint64_t stamp = i == 1 ? 7000000000ull : 7000000ull;
            b = kd_out_of(body, sizeof(body));
            le(&b, swap, i);
            le(&b, swap, (uint32_t)(stamp >> 32));
            le(&b, swap, (uint32_t)stamp);
            le(&b, swap, 4);
            le(&b, swap, 9);
            kd_out_bytes(&b, kd_bytes_of("abcd", 4));
            block(&o, swap, 6, body, (uint32_t)b.n);
        }
        block(&o, swap, 0xbad, body, 8); /* unknown blocks are passed over */
    }
    CHECK(kd_out_ok(&o));
    return o.n;
}

static uint8_t room[64 << 10];
static uint8_t packed[64 << 10];

static void pcap_in_every_form(void)
{
    for (int form = 0; form < 4; form++) {
        size_t n = make_pcap(room, sizeof(room), form & 1, form & 2);
        for (int mapped = 0; mapped < 2; mapped++) {
            struct seen s = read_all(kd_bytes_of(room, n), mapped, 7);
            CHECK(s.n == 100 && s.end == KD_NOT_FOUND && s.link == 1);
            CHECK(s.last_us == 1099000005ull && s.bytes == 10 * 100 + 99 * 100 / 2);
        }
    }
}

static void pcapng_sections_and_clocks(void)
{
    size_t n = make_pcapng(room, sizeof(room));
    for (int mapped = 0; mapped < 2; mapped++) {
        struct seen s = read_all(kd_bytes_of(room, n), mapped, 5);
        CHECK(s.n == 4 && s.end == KD_NOT_FOUND && s.last_us == 7000000 && s.link == 101);
    }
}

static void packed_files_are_read(void)
{
    size_t n = make_pcap(room, sizeof(room), false, false);
    size_t z = ZSTD_compress(packed, sizeof(packed), room, n, 1);
    CHECK(!ZSTD_isError(z));
    for (int mapped = 0; mapped < 2; mapped++)
        CHECK(read_all(kd_bytes_of(packed, z), mapped, 11).n == 100);
    struct seen half = read_all(kd_bytes_of(packed, z / 2), true, 11);
    CHECK(half.end != KD_NOT_FOUND && half.n < 100 && strstr(half.why, "ends early") != NULL);

    z_stream gz = {0};
    CHECK(deflateInit2(&gz, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    gz.next_in = room, gz.avail_in = (uInt)n, gz.next_out = packed, gz.avail_out = sizeof(packed);
    CHECK(deflate(&gz, Z_FINISH) == Z_STREAM_END);
    size_t packed_n = sizeof(packed) - gz.avail_out;
    deflateEnd(&gz);
    for (int mapped = 0; mapped < 2; mapped++)
        CHECK(read_all(kd_bytes_of(packed, packed_n), mapped, 11).n == 100);
    struct seen cut = read_all(kd_bytes_of(packed, packed_n / 2), true, 11);
    CHECK(cut.end == KD_TRUNCATED && cut.n < 100);
}

static void damage_is_read_up_to_and_told(void)
{
    size_t n = make_pcap(room, sizeof(room), false, false);
    for (size_t cut = 1; cut < n; cut += 13) {
        struct seen s = read_all(kd_bytes_of(room, n - cut), cut % 2, 4096);
        CHECK(s.end != KD_OK && s.n < 100);
    }
    room[24 + 16 + 10 + 11] = 0xff; /* the second frame's length */
    struct seen s = read_all(kd_bytes_of(room, n), true, 1);
    CHECK(s.n == 1 && s.end == KD_MALFORMED && strstr(s.why, "impossible") != NULL);
    CHECK(read_all(kd_str("This is a letter, not a capture."), true, 1).end == KD_MALFORMED);
    CHECK(read_all(kd_str(""), false, 1).end == KD_MALFORMED);
}

static void any_damage_is_survived(void)
{
    uint32_t random = 1;
    for (int ng = 0; ng < 2; ng++) {
        size_t n = ng ? make_pcapng(room, sizeof(room)) : make_pcap(room, sizeof(room), false, false);
        for (int i = 0; i < 300; i++) {
            random = random * 1664525 + 1013904223;
            size_t at = random % n;
            uint8_t old = room[at];
            room[at] = (uint8_t)(random >> 24);
            uint8_t *copy = malloc(n);
            memcpy(copy, room, n);
            (void)read_all(kd_bytes_of(copy, n), i % 2, 64);
            free(copy);
            if (i % 3 != 0)
                room[at] = old;
        }
    }
}

int main(void)
{
    RUN(pcap_in_every_form);
    RUN(pcapng_sections_and_clocks);
    RUN(packed_files_are_read);
    RUN(damage_is_read_up_to_and_told);
    RUN(any_damage_is_survived);
    return tap_done();
}
