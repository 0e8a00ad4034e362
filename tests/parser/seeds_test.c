/* SPDX-License-Identifier: Apache-2.0 */
/* seeds_test PARSER SEED…: each seed, cut in several ways, shortened and damaged deterministically, keeps
 * the properties of tape.h.  One such test is built from one line in proto/meson.build. */
#include "tape.h"

#include "../tap.h"

static const struct kd_parser *parser;
static const char *seed_path;
static uint8_t *seed;
static size_t seed_bytes;

static void check(struct kd_bytes tape, size_t step, const char *what)
{
    const char *broken = kd_tape_check(parser, tape, step);
    if (broken != NULL)
        printf("# %s: %s (%s, step %zu)\n", seed_path, broken, what, step);
    CHECK(broken == NULL);
}

static void seed_keeps_properties(void)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 1460};
    for (size_t i = 0; i < KD_COUNT(steps); i++)
        check(kd_bytes_of(seed, seed_bytes), steps[i], "whole seed");
}

static void shortened_seed_keeps_properties(void)
{
    size_t stride = seed_bytes / 64 + 1;
    for (size_t n = 0; n < seed_bytes; n += stride)
        check(kd_bytes_of(seed, n), 5, "shortened");
}

static void damaged_seed_keeps_properties(void)
{
    uint8_t *copy = malloc(seed_bytes + 1);
    uint32_t random = 2463534242u;
    for (unsigned round = 0; round < 200 && seed_bytes > 0; round++) {
        memcpy(copy, seed, seed_bytes);
        for (unsigned i = 0; i <= round % 4; i++) {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            copy[random % seed_bytes] = (uint8_t)(round % 3 == 0 ? random >> 24 : copy[random % seed_bytes] ^ (1u << (random >> 29)));
        }
        check(kd_bytes_of(copy, seed_bytes), round % 9 + 1, "damaged");
    }
    free(copy);
}

static const struct kd_parser *parser_named(const char *name)
{
    for (size_t i = 0; kd_parsers[i] != NULL; i++)
        if (strcmp(kd_parsers[i]->name, name) == 0)
            return kd_parsers[i];
    return NULL;
}

static void load(const char *path)
{
    FILE *f = fopen(path, "rb");
    KD_ASSERT(f != NULL);
    seed = realloc(seed, 1 << 20);
    seed_bytes = fread(seed, 1, 1 << 20, f);
    fclose(f);
    seed_path = path;
}

int main(int argc, char **argv)
{
    parser = argc > 2 ? parser_named(argv[1]) : NULL;
    if (parser == NULL) {
        fprintf(stderr, "usage: seeds_test PARSER SEED...\n");
        return 2;
    }
    kd_tape_steps = true;
    for (int i = 2; i < argc; i++) {
        load(argv[i]);
        RUN(seed_keeps_properties);
        RUN(shortened_seed_keeps_properties);
        RUN(damaged_seed_keeps_properties);
    }
    free(seed);
    return tap_done();
}
