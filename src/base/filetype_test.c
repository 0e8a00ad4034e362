/* SPDX-License-Identifier: Apache-2.0 */
#include "base/filetype.h"

#include "../../tests/tap.h"

static bool is(const void *p, size_t n, const char *want)
{
    const char *got = kd_filetype(kd_bytes_of(p, n));
    bool same = want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0;
    if (!same)
        printf("# got %s, wanted %s\n", got == NULL ? "nothing" : got,
               want == NULL ? "nothing" : want);
    return same;
}

static void marks(void)
{
    CHECK(is("\x7f"
             "ELF\2\1\1",
             7, "elf"));
    CHECK(is("%PDF-1.7\n", 9, "pdf"));
    CHECK(is("\r\n%PDF-1.4\n", 11, "pdf"));
    CHECK(is("\x89PNG\r\n\x1a\n....", 12, "png"));
    CHECK(is("\xff\xd8\xff\xe0", 4, "jpeg"));
    CHECK(is("Rar!\x1a\x07\x01\0", 8, "rar"));
    CHECK(is("7z\xbc\xaf\x27\x1c", 6, "7z"));
    CHECK(is("\x1f\x8b\x08\0", 4, "gzip"));
    CHECK(is("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "ole"));
    CHECK(is("{\\rtf1\\ansi", 11, "rtf"));
    CHECK(is("#!/bin/sh\n", 10, "script"));
    CHECK(is("  <!DOCTYPE html>", 17, "html"));
    CHECK(is("\xef\xbb\xbf<HTML>", 9, "html"));
    CHECK(is("<html><head><HTA:APPLICATION id=a>", 34, "hta"));
    CHECK(is("[InternetShortcut]\r\nURL=", 24, "url-shortcut"));
    CHECK(is("just words\n", 11, "text"));
    CHECK(is("\x1b$BF|K\\\x1b(B", 10, "text"));
    CHECK(is("\0\1\2\3", 4, NULL));
    CHECK(is("", 0, NULL));
    CHECK(is("\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46....", 24, "lnk"));
}

static void programs_need_their_header(void)
{
    uint8_t pe[128] = {'M', 'Z'};
    pe[0x3c] = 0x40;
    CHECK(is(pe, sizeof(pe), NULL));
    memcpy(pe + 0x40, "PE\0\0", 4);
    CHECK(is(pe, sizeof(pe), "pe"));
    CHECK(is(pe, 0x40, "pe"));
    CHECK(is("MZ are letters", 14, "text"));
    pe[0x3e] = 0xff;
    CHECK(is(pe, sizeof(pe), NULL));
}

static void zip_by_its_first_entry(void)
{
    uint8_t zip[64] = "PK\x03\x04\x14";
    zip[26] = 5;
    memcpy(zip + 30, "a.txt", 5);
    CHECK(is(zip, sizeof(zip), "zip"));
    zip[6] = 1;
    CHECK(is(zip, sizeof(zip), "zip-encrypted"));
    zip[6] = 0;
    zip[26] = 19;
    memcpy(zip + 30, "[Content_Types].xml", 19);
    CHECK(is(zip, sizeof(zip), "ooxml"));
    zip[26] = 20;
    memcpy(zip + 30, "META-INF/MANIFEST.MF", 20);
    CHECK(is(zip, sizeof(zip), "jar"));
    CHECK(is(zip, 8, "zip"));
}

static void disc_image_in_pieces_of_any_size(void)
{
    static uint8_t image[0x9000];
    memcpy(image + KD_FILETYPE_ISO_AT, "CD001", 5);
    static const size_t steps[] = {1, 2, 3, 7, 1460, sizeof(image)};
    for (size_t i = 0; i < KD_COUNT(steps); i++) {
        static struct kd_filetype_scan s;
        memset(&s, 0, sizeof(s));
        for (size_t at = 0; at < sizeof(image); at += steps[i])
            kd_filetype_add(
                &s, kd_bytes_head(kd_bytes_from(kd_bytes_of(image, sizeof(image)), at), steps[i]));
        const char *got = kd_filetype_end(&s);
        CHECK(got != NULL && strcmp(got, "iso") == 0);
    }
}

static void a_gap_ends_the_head(void)
{
    static const uint8_t mz[] = "MZ", rest[] = "PE behind what is missing";
    static struct kd_filetype_scan s;
    kd_filetype_add(&s, kd_bytes_of(mz, 2));
    s.seen += 100;
    kd_filetype_add(&s, kd_bytes_of(rest, sizeof(rest)));
    CHECK(s.n == 2 && s.seen == 102 + sizeof(rest));
}

int main(void)
{
    RUN(a_gap_ends_the_head);
    RUN(marks);
    RUN(programs_need_their_header);
    RUN(zip_by_its_first_entry);
    RUN(disc_image_in_pieces_of_any_size);
    return tap_done();
}
