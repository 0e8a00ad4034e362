/* SPDX-License-Identifier: Apache-2.0 */
/* What the mains of all roles share: taking the start message, entering the sandbox, hearing the
 * parent. */
#ifndef KD_BIN_ROLE_H
#define KD_BIN_ROLE_H

#include "bin/start.h"
#include "os/sandbox.h"

/* `kidoban --role NAME`: the process of a role from its first to its last instruction. */
int kd_role_main(int argc, char **argv);

/* Enter the sandbox as the start message says; does not return when that fails.  `into` is filled;
 * into->ret_dir names the directory of a role that has one. */
void kd_role_enter(const struct kd_start *s, struct kd_sandbox *into);

/* Tell the parent that all is set up: from here on an end is a death, not a refusal to start. */
void kd_role_ready(void);

/* Tell the parent why this role cannot go on, and end with exit status 3. */
KD_NORETURN void kd_role_fail(const struct kd_err *err);

/* Tell the parent `text`; waits when it is behind. */
void kd_role_tell(enum kd_order what, struct kd_bytes text);

/* Has the parent said to stop (or is it gone)?  Does not wait. */
bool kd_role_stopping(void);

/* Layers of an index of suspicious objects that the parent sent since the last call; the newest alone.  The
 * descriptors are then the caller's. */
struct kd_given_lists {
    int fd[2];
    size_t n;
    uint64_t skip;
};
bool kd_role_given_lists(struct kd_given_lists *ret);

/* The descriptor of the latest KD_ORDER_RULES that came, the caller's; -1: none since the last call.
 * kd_role_stopping() hears it; who reads the control descriptor himself tells it here. */
int kd_role_new_rules(void);
void kd_role_rules_came(int fd);

/* Wait until one of the descriptors is readable or the time is over; revents as poll(2).  The
 * control descriptor is among them by the caller's choice. */
struct pollfd;
void kd_role_wait(struct pollfd *fds, size_t n, int timeout_ms);

/* Everything a descriptor of the start message holds, at most `max` bytes, to be free()d; NULL and
 * empty when there is none. */
struct kd_bytes kd_role_read_extra(const struct kd_start *s, enum kd_extra kind, size_t max);

int kd_role_engine(const struct kd_start *s);
int kd_role_brain(const struct kd_start *s);
int kd_role_store(const struct kd_start *s);
int kd_role_web(const struct kd_start *s);
int kd_role_gate(const struct kd_start *s);
int kd_role_dial(const struct kd_start *s);
int kd_role_lists(const struct kd_start *s);
int kd_role_box(const struct kd_start *s);
int kd_role_compile(const struct kd_start *s);
int kd_role_fetch(const struct kd_start *s);
int kd_role_update(const struct kd_start *s); /* no sandbox: it reads no foreign byte, and starts those that do */

#endif
