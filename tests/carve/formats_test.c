/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the formats that the carver looks into, against what must be found in them.
 *
 * usage: carve_formats_test EXPECTED FILE…
 * EXPECTED has one line for each file: its name, and the record as play.h writes it. */
#include "carve/play.h"

#include "tap.h"

enum { FILE_BYTES = 1 << 20, TEXT_BYTES = 64 * 1024 };

static uint8_t file[FILE_BYTES];
static char expected[TEXT_BYTES], whole[TEXT_BYTES], split[TEXT_BYTES];

static size_t read_all(const char *path, void *to, size_t max)
{
    FILE *f = fopen(path, "rb");
    size_t n = f == NULL ? 0 : fread(to, 1, max, f);
    if (f != NULL)
        fclose(f);
    return n;
}

static bool is_expected(const char *name, struct kd_bytes text, size_t n_expected)
{
    struct kd_bytes rest = kd_bytes_of(expected, n_expected);
    while (rest.n > 0) {
        struct kd_bytes line = kd_bytes_cut(&rest, '\n');
        if (kd_bytes_starts(line, kd_str(name)) && kd_bytes_at(line, strlen(name)) == ' ' &&
            kd_bytes_eq(kd_bytes_from(line, strlen(name)), text))
            return true;
    }
    printf("# got %s%.*s\n", name, (int)text.n, (const char *)text.p);
    return false;
}

int main(int argc, char **argv)
{
    static const size_t steps[] = {1, 3, 61, 512, 1460, 4096};
    size_t n_expected = argc > 1 ? read_all(argv[1], expected, sizeof(expected)) : 0;
    for (int i = 2; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        const char *name = slash == NULL ? argv[i] : slash + 1;
        struct kd_bytes all = kd_bytes_of(file, read_all(argv[i], file, sizeof(file)));
        struct kd_out o = kd_out_of(whole, sizeof(whole));
        tap_bad = 0;
        CHECK(play_file(all, SIZE_MAX, &o) && kd_out_ok(&o));
        CHECK(is_expected(name, kd_out_bytes_view(&o), n_expected));
        for (size_t k = 0; k < KD_COUNT(steps); k++) {
            struct kd_out s = kd_out_of(split, sizeof(split));
            CHECK(play_file(all, steps[k], &s));
            CHECK(kd_bytes_eq(kd_out_bytes_view(&o), kd_out_bytes_view(&s)));
        }
        /* every truncation, and every byte wrong once: no crash, memory returns */
        for (size_t n = 0; n < all.n && n < 4096; n += 1 + n / 64) {
            uint8_t was = file[n];
            struct kd_out s = kd_out_of(split, sizeof(split));
            CHECK(play_file(kd_bytes_head(all, n), SIZE_MAX, &s));
            file[n] ^= (uint8_t)(0xff >> n % 7);
            s = kd_out_of(split, sizeof(split));
            CHECK(play_file(all, 700, &s));
            file[n] = was;
        }
        tap_failed += tap_bad > 0;
        printf("%s %d - %s\n", tap_bad == 0 ? "ok" : "not ok", ++tap_n, name);
    }
    return tap_done();
}
