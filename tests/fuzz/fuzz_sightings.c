/* SPDX-License-Identifier: Apache-2.0 */
/* sightings.db as a tampered file may hold it: an SQLite database.  Input: u8 kind, u8 length, the value asked for,
 * then the file.  Properties: rows come newest day first, of the kind and within the limit, texts are UTF-8; the
 * same question gets the same answer twice. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/jw.h"
#include "store/sighting.h"

enum { LIMIT = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
    enum kd_sighting_kind kind;
    uint32_t day;
    size_t rows;
    uint64_t sum;
};

static bool on_row(void *arg, const struct kd_sighting *s)
{
    struct seen *seen = arg;
    KD_ASSERT(seen->rows == 0 || s->day <= seen->day);
    KD_ASSERT(s->kind > KD_SIGHT_ANY && s->kind < KD_SIGHT_KINDS);
    KD_ASSERT(seen->kind == KD_SIGHT_ANY || s->kind == seen->kind);
    KD_ASSERT(++seen->rows <= LIMIT);
    seen->day = s->day;
    seen->sum = seen->sum * 31 + s->count + s->first_us + s->value.n;
    struct kd_jw w;
    kd_jw_init(&w, 0);
    kd_sighting_json(&w, s);
    KD_ASSERT(!kd_jw_ok(&w) || kd_bytes_is_utf8(kd_jw_view(&w)));
    kd_jw_done(&w);
    return true;
}

static uint64_t now(void *arg)
{
    (void)arg;
    return 1763737200000000u;
}

static struct seen ask(const char *dir, enum kd_sighting_kind kind, struct kd_bytes value)
{
    struct seen seen = {.kind = kind};
    struct kd_sighting_sum sum;
    struct kd_err err = {0};
    struct kd_sighting_ask a = {.dir_path = dir,
                                .clock = {now, NULL},
                                .zone_s = 9 * 3600,
                                .kind = kind,
                                .value = value,
                                .to_us = 1763737200000000u,
                                .limit = LIMIT};
    kd_ignore(kd_sightings_find(&a, on_row, &seen, &sum, &err));
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char dir[64], path[96];
    struct kd_cur c = kd_cur_of(kd_bytes_of(data, n));
    enum kd_sighting_kind kind = (enum kd_sighting_kind)(kd_cur_u8(&c) % KD_SIGHT_KINDS);
    struct kd_bytes value = kd_cur_take(&c, kd_min_size(kd_cur_u8(&c), kd_cur_left(&c))), file = kd_cur_rest(&c);
    if (dir[0] == '\0') {
        (void)snprintf(dir, sizeof(dir), "%s/fuzz-sightings-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        KD_ASSERT(mkdtemp(dir) != NULL);
        (void)snprintf(path, sizeof(path), "%s/sightings.db", dir);
    }
    FILE *f = fopen(path, "wb");
    KD_ASSERT(f != NULL && (file.n == 0 || fwrite(file.p, file.n, 1, f) == 1) && fclose(f) == 0);
    struct seen first = ask(dir, kind, value), second = ask(dir, kind, value);
    KD_ASSERT(first.rows == second.rows && first.sum == second.sum);
    (void)unlink(path);
    return 0;
}
