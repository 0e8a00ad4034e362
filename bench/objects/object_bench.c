/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the index of suspicious objects: how large, how long it takes to make, how long a look-up takes.
 *
 * usage: object_bench [OBJECTS] (10,000,000; a mix of addresses, networks, names, links and sums) */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "object/feed.h"

enum { LOOKS = 4000000, LINE = 128, TODAY = 20000 };

static double cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The i-th line of the list: of a hundred 35 names, 25 addresses, 2 networks, 18 links, 20 sums. */
static int line_of(uint64_t i, char *into)
{
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15ull, y = x ^ x >> 29;
    unsigned kind = (unsigned)(i % 100);
    if (kind < 35)
        return snprintf(into, LINE, "n%llx.z%llu.example\n", (unsigned long long)(y >> 20), (unsigned long long)(i % 977));
    if (kind < 60)
        return snprintf(into, LINE, "%u.%u.%u.%u\n", 11 + (unsigned)(y >> 40) % 80, (unsigned)(y >> 32) & 255,
                        (unsigned)(y >> 24) & 255, (unsigned)(y >> 16) & 255);
    if (kind < 62)
        return snprintf(into, LINE, "%u.%u.%u.0/24\n", 130 + (unsigned)(y >> 40) % 30, (unsigned)(y >> 32) & 255, (unsigned)(y >> 24) & 255);
    if (kind < 80)
        return snprintf(into, LINE, "http://h%llu.example/%llx/x.bin\n", (unsigned long long)(i % 100003), (unsigned long long)y);
    return snprintf(into, LINE, "%016llx%016llx%016llx%016llx\n", (unsigned long long)x, (unsigned long long)y,
                    (unsigned long long)(x * 3), (unsigned long long)(y * 5));
}

static char *make_text(uint64_t from, uint64_t n, size_t *ret_n)
{
    char *text = malloc(n * 72 + LINE);
    size_t at = 0;
    for (uint64_t i = 0; text != NULL && i < n; i++)
        at += (size_t)line_of(from + i, text + at);
    *ret_n = at;
    return text;
}

static struct kd_obj_index build(uint64_t from, uint64_t n, const char *name)
{
    struct kd_obj_index x;
    struct kd_obj_build_config cfg = {.key = "a bench's own k", .entries_max = 1u << 30};
    struct kd_feed_spec spec = {.kind = KD_FEED_ANY_KIND, .format = KD_FEED_PLAIN};
    struct kd_feed_site site = {.line_max = 4096};
    size_t bytes, used;
    char *text = make_text(from, n, &bytes);
    struct kd_obj_build *b = kd_obj_build_new(&cfg);
    struct kd_obj_list *l = b != NULL ? kd_obj_build_list(b, name) : NULL;
    if (text == NULL || l == NULL)
        exit(3);
    double t0 = cpu_s();
    if (kd_feed_read(b, l, &spec, &site, name, (uint8_t *)text, bytes) != KD_OK)
        exit(3);
    double t1 = cpu_s();
    size_t room = kd_obj_build_bytes(b);
    void *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || kd_obj_build_write(b, p, room, &used) != KD_OK || kd_obj_index_open(p, used, &x) != KD_OK)
        exit(3);
    double t2 = cpu_s();
    printf("{\"list\":\"%s\",\"objects\":%llu,\"networks\":%llu,\"twice\":%llu,\"index_bytes\":%zu,\"bytes_per_object\":%.1f,"
           "\"read_s\":%.3f,\"lay_s\":%.3f}\n", name, (unsigned long long)x.head->entries.n, (unsigned long long)x.head->nets.n,
           (unsigned long long)x.lists[0].twice, used, (double)used / (double)n, t1 - t0, t2 - t1);
    kd_obj_build_free(b);
    free(text);
    return x;
}

/* Nanoseconds a look-up; `there`: of what is listed. */
static void look(const struct kd_obj_index *x, const char *what, uint64_t n, bool there, unsigned kind_at, enum kd_object_kind kind)
{
    static uint8_t keys[1 << 20][96];
    static uint8_t length[1 << 20];
    uint64_t found = 0, mask = (1 << 20) - 1;
    char text[LINE];
    for (uint64_t i = 0; i <= mask; i++) {
        uint64_t k = (i * 7919 % (n / 100)) * 100 + kind_at + (there ? 0 : 1000000000ull);
        struct kd_out o = kd_out_of(keys[i], sizeof(keys[i]));
        int len = line_of(k, text);
        if (!kd_object_spell(kind, kd_bytes_of(text, (size_t)len - 1), &o))
            exit(3);
        length[i] = (uint8_t)o.n;
    }
    double t0 = cpu_s();
    for (uint64_t i = 0; i < LOOKS; i++) {
        struct kd_obj_hit hit;
        found += kd_obj_match(x, kind, kd_bytes_of(keys[i & mask], length[i & mask]), TODAY, &hit);
    }
    printf("{\"look\":\"%s\",\"listed\":%s,\"ns\":%.0f,\"found\":%.4f}\n", what, there ? "true" : "false",
           (cpu_s() - t0) * 1e9 / LOOKS, (double)found / LOOKS);
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    struct kd_obj_index x = build(0, n, "all");
    for (int there = 0; there < 2; there++) {
        look(&x, "address", n, there, 40, KD_OBJ_IP);
        look(&x, "name", n, there, 10, KD_OBJ_DOMAIN);
        look(&x, "link", n, there, 70, KD_OBJ_URL);
        look(&x, "sum", n, there, 90, KD_OBJ_SHA256);
    }
    (void)build(n, 100000, "update");
    return 0;
}
