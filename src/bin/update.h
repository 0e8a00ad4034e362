/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing rules and lists up to date: what the configuration's sources have new is fetched, checked and handed over. */
#ifndef KD_BIN_UPDATE_H
#define KD_BIN_UPDATE_H

#include "bin/update_state.h"

struct kd_update_job {
    const char *command; /* for messages */
    const struct kd_config *config;
    const char *dir;
    bool rules, lists; /* which sources */
    bool due_only;     /* those whose time has come */
    bool shows;        /* tells a terminal what comes of each */
    /* Something new lies in its place: a list's file, or the rules (already in force as files).  May be NULL. */
    void (*news)(void *arg, bool rules);
    void *arg;
};

struct kd_update_sum {
    unsigned tried, fresh, failed;
    bool rules; /* there are new ones */
};

/* An exit status: KD_EXIT_DONE, KD_EXIT_NO (at least one failed; what was there stays), KD_EXIT_COULD_NOT. */
KD_MUST_USE int kd_update_run(const struct kd_update_job *job, struct kd_update_sum *ret);

#endif
