/* SPDX-License-Identifier: Apache-2.0 */
/* rules hits: how often each rule was looked at and matched, over all engines; the dearest first. */
#include <fcntl.h>
#include <sys/stat.h>

#include "bin/command.h"
#include "bin/rules_command.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "os/fd.h"
#include "rule/hits.h"

enum { HITS_BYTES_MAX = 128 << 20 };

struct sum {
    struct kd_rule_hit *hit;
    size_t n, room;
};

/* An engine wrote it: nothing of it is believed but what fits. */
static bool take_page(struct sum *all, const uint8_t *p, size_t n)
{
    struct kd_rule_hits head;
    if (n < sizeof(head))
        return true;
    memcpy(&head, p, sizeof(head));
    size_t count = kd_min_size(head.n, (n - sizeof(head)) / sizeof(struct kd_rule_hit));
    struct kd_rule_hit *more = realloc(all->hit, (all->n + count + 1) * sizeof(*more));
    if (more == NULL)
        return false;
    all->hit = more;
    memcpy(more + all->n, p + sizeof(head), count * sizeof(*more));
    all->n += count;
    return true;
}

static bool read_pages(const char *dir, struct sum *all)
{
    bool any = false;
    for (unsigned i = 0; i < KD_ENGINES_MAX; i++) {
        char path[KD_CONFIG_TEXT_MAX + 40];
        uint8_t *p = NULL;
        size_t n = 0;
        snprintf(path, sizeof(path), "%s/state/rules/hits-%u", dir, i);
        KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
            break;
        any = kd_fd_read_all(fd, HITS_BYTES_MAX, &p, &n) == KD_OK && take_page(all, p, n);
        free(p);
    }
    return any;
}

static int by_number(const void *a, const void *b)
{
    const struct kd_rule_hit *x = a, *y = b;
    return x->gid != y->gid ? (x->gid < y->gid ? -1 : 1) : x->sid < y->sid ? -1 : x->sid > y->sid;
}

static int by_cost(const void *a, const void *b)
{
    const struct kd_rule_hit *x = a, *y = b;
    return x->candidates != y->candidates ? (x->candidates > y->candidates ? -1 : 1) : by_number(a, b);
}

static void add_up(struct sum *all)
{
    size_t n = 0;
    qsort(all->hit, all->n, sizeof(*all->hit), by_number);
    for (size_t i = 0; i < all->n; i++)
        if (n > 0 && by_number(&all->hit[n - 1], &all->hit[i]) == 0) {
            all->hit[n - 1].candidates += all->hit[i].candidates;
            all->hit[n - 1].matches += all->hit[i].matches;
        } else {
            all->hit[n++] = all->hit[i];
        }
    all->n = n;
    qsort(all->hit, all->n, sizeof(*all->hit), by_cost);
}

int kd_rules_hits(int argc, char **argv)
{
    static struct kd_config config;
    static char dir[KD_CONFIG_TEXT_MAX];
    struct sum all = {0};
    const char *path = NULL, *dir_option = NULL;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL}, {"--dir", NULL, &dir_option, NULL}};
    if (!kd_options("rules hits", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc > 1)
        return kd_say(KD_EXIT_USAGE, "rules hits", "takes no arguments");
    if (kd_load_config("rules hits", path, &config) != KD_EXIT_DONE ||
        !kd_directory("rules hits", dir_option, &config, dir))
        return KD_EXIT_COULD_NOT;
    if (!read_pages(dir, &all)) {
        free(all.hit);
        return kd_say(KD_EXIT_COULD_NOT, "rules hits", "%s: no engine has counted here, or you may not read it", dir);
    }
    add_up(&all);
    for (size_t i = 0; i < all.n; i++)
        printf("%u:%u\t%llu\t%llu\n", all.hit[i].gid, all.hit[i].sid, (unsigned long long)all.hit[i].matches,
               (unsigned long long)all.hit[i].candidates);
    free(all.hit);
    return KD_EXIT_DONE;
}
