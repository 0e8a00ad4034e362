/* SPDX-License-Identifier: Apache-2.0 */
/* Box: its rules, its trays (one per engine, memory that both map), and the bell that engines ring. */
#include <sys/eventfd.h>

#include "bin/say.h"
#include "bin/sensor.h"
#include "bin/yara_files.h"
#include "os/fd.h"
#include "os/shared.h"
#include "proto/parser.h"
#include "wire/tray.h"

#define MIB ((uint64_t)1 << 20)

/* Which files of rules: those of the command, else those of the configuration and our own. */
static void list_of(const struct kd_sensor *s, const struct kd_config *cfg, char ret[2 * KD_CONFIG_TEXT_MAX])
{
    char own[KD_CONFIG_TEXT_MAX] = "";
    if (s->plan.yara != NULL || s->plan.rules.files != NULL) {
        (void)snprintf(ret, 2 * KD_CONFIG_TEXT_MAX, "%s", s->plan.yara != NULL ? s->plan.yara : "");
        return;
    }
    if (strcmp(cfg->rules_own, "on") == 0)
        kd_own_rules("yara", own);
    (void)snprintf(ret, 2 * KD_CONFIG_TEXT_MAX, "%s,%s", own, cfg->yara_files);
}

static bool is_empty(const char *list)
{
    while (*list == ',' || *list == ' ')
        list++;
    return *list == '\0';
}

bool kd_box_wanted(const struct kd_sensor *s, const struct kd_config *cfg)
{
    char list[2 * KD_CONFIG_TEXT_MAX];
    list_of(s, cfg, list);
    return !is_empty(list) && strcmp(cfg->yara_scan, "none") != 0;
}

uint8_t kd_box_policy(const struct kd_config *cfg)
{
    return strcmp(cfg->yara_scan, "none") == 0  ? KD_CONTENTS_NONE
           : strcmp(cfg->yara_scan, "all") == 0 ? KD_CONTENTS_ALL
                                                : KD_CONTENTS_RISKY;
}

bool kd_box_rules(struct kd_sensor *s, struct kd_child *c, const struct kd_config *cfg)
{
    char list[2 * KD_CONFIG_TEXT_MAX];
    list_of(s, cfg, list);
    int fd = kd_yara_files_open(s->plan.command, s->plan.yara != NULL ? "--yara" : "yara.files", list);
    if (fd < 0)
        return false;
    for (size_t i = 0; i < c->start.n_extras; i++)
        if (c->start.extra[i].kind == KD_EXTRA_YARA) {
            kd_fd_close(&c->extra_fds[i]);
            c->extra_fds[i] = fd;
            return true;
        }
    return kd_sensor_extra(c, KD_EXTRA_YARA, fd, "", 0);
}

/* Before the engines are described: each finds its tray here. */
bool kd_box_describe(struct kd_sensor *s)
{
    struct kd_err err = {0};
    if (!kd_box_wanted(s, s->plan.config))
        return true;
    s->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct kd_child *c = kd_sensor_child(s, KD_PROC_BOX, 0);
    c->in = s->bell_fd;
    c->out = s->edges[KD_EDGE_RECORDS][0];
    size_t bytes = KD_TRAY_HEAD + (size_t)(s->plan.config->limits.yara_queue_mib * MIB);
    for (unsigned i = 0; i < s->plan.n_engines; i++) {
        if (s->bell_fd < 0 || kd_shared_new("kidoban-tray", bytes, &s->tray_fd[i], NULL, &err) != KD_OK)
            return kd_say(0, s->plan.command, "no shared memory for the inspection of files"), false;
        (void)kd_sensor_extra(c, KD_EXTRA_TRAY, s->tray_fd[i], "", i);
    }
    return kd_box_rules(s, c, s->plan.config);
}

void kd_box_engine(struct kd_sensor *s, struct kd_child *engine, unsigned number)
{
    if (s->bell_fd < 0)
        return;
    engine->ask = s->bell_fd;
    (void)kd_sensor_extra(engine, KD_EXTRA_TRAY, s->tray_fd[number], "", number);
}
