/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/list_check.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bin/rules_command.h"
#include "bin/say.h"
#include "object/feed.h"
#include "os/clock.h"
#include "os/fd.h"

enum { WHY_MAX = 160, READ_S = 120, LINE_MAX_BYTES = 64 << 10 };

static bool time_is_over(void *arg)
{
    const uint64_t *until_us = arg;
    return kd_os_monotonic_us() > *until_us;
}

static enum kd_status read_it(const struct kd_config *config, const struct kd_config_feed *feed, uint8_t *text, size_t n,
                              char *why)
{
    static struct kd_net inside[KD_CONFIG_ITEMS_MAX];
    uint64_t until_us = kd_os_monotonic_us() + READ_S * (uint64_t)KD_US_PER_S;
    struct kd_obj_build_config cfg = {.entries_max = config->limits.objects};
    struct kd_feed_spec spec = {.kind = KD_FEED_ANY_KIND, .confidence = feed->confidence, .severity = feed->severity,
                                .force = feed->force};
    struct kd_feed_site site = {.inside = inside, .n_inside = config->inside.n, .line_max = LINE_MAX_BYTES,
                                .stop = time_is_over, .arg = &until_us};
    enum kd_feed_format format;
    enum kd_object_kind kind;
    for (size_t i = 0; i < config->inside.n; i++)
        if (!kd_net_parse(kd_str(config->inside.item[i]), &inside[i]))
            return KD_MALFORMED;
    if (kd_feed_format_of(kd_str(feed->format), &format))
        spec.format = (uint8_t)format;
    if (kd_object_kind_of(kd_str(feed->kind), &kind))
        spec.kind = (uint8_t)kind;
    struct kd_obj_build *build = kd_obj_build_new(&cfg);
    struct kd_obj_list *list = build == NULL ? NULL : kd_obj_build_list(build, feed->name);
    if (list == NULL)
        return KD_NO_MEMORY;
    enum kd_status s = kd_feed_read(build, list, &spec, &site, "", text, n);
    snprintf(why, WHY_MAX, "%s%.120s", s == KD_MALFORMED ? "nothing in it could be read" : kd_status_text(s), list->problem);
    return s;
}

bool kd_list_check(const struct kd_config *config, const struct kd_config_feed *feed, const char *path, char *why, size_t room)
{
    struct stat st;
    int how = 0;
    struct kd_rule_inputs none = {0};
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t n = fd >= 0 && fstat(fd, &st) == 0 && st.st_size <= KD_FEED_FILE_MAX ? (size_t)st.st_size : 0;
    void *text = n > 0 ? mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    char *told = mmap(NULL, WHY_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(why, room, "it cannot be read");
    if (text == MAP_FAILED || told == MAP_FAILED)
        return false;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int status = kd_rules_shut_in(config->sandbox, &none, 8);
        if (status == KD_EXIT_DONE && read_it(config, feed, text, n, told) != KD_OK)
            status = KD_EXIT_NO;
        _exit(status);
    }
    bool well = pid > 0 && waitpid(pid, &how, 0) == pid && WIFEXITED(how) && WEXITSTATUS(how) == KD_EXIT_DONE;
    told[WHY_MAX - 1] = '\0';
    if (told[0] != '\0')
        snprintf(why, room, "%s", told);
    (void)munmap(text, n);
    (void)munmap(told, WHY_MAX);
    return well;
}
