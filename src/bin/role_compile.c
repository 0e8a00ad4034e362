/* SPDX-License-Identifier: Apache-2.0 */
/* Rules are read and compiled here, once for all engines: the files come as descriptors, one at a time, the
 * result goes into memory that the parent made.  When the set made before is of the same rules, it stays. */
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bin/role.h"
#include "bin/rules_load.h"
#include "bin/say.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/log.h"

enum { REFUSALS_TOLD = 5 };

static struct kd_bytes map(int fd, bool write)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return kd_str(NULL);
    void *p = mmap(NULL, (size_t)st.st_size, write ? PROT_READ | PROT_WRITE : PROT_READ,
                   write ? MAP_SHARED : MAP_PRIVATE, fd, 0);
    return p == MAP_FAILED ? kd_str(NULL) : kd_bytes_of(p, (size_t)st.st_size);
}

static KD_NORETURN void give_up(const char *name, const struct kd_err *err)
{
    struct kd_err all = *err;
    if (name[0] != '\0' && err->at > 0)
        snprintf(all.detail, sizeof(all.detail), "%.80s, line %llu", name, (unsigned long long)err->at);
    else if (name[0] != '\0')
        snprintf(all.detail, sizeof(all.detail), "%.100s", name);
    kd_role_fail(&all);
}

/* The next file, with the parent's word what it is; -1: there is no more. */
static int next_input(uint8_t message[4200], enum kd_rule_input_kind *ret_kind, const char **ret_name)
{
    int fds[KD_EDGE_FDS_MAX];
    size_t n = 0, n_fds = 0;
    struct pollfd p = {.fd = KD_FD_CONTROL, .events = POLLIN};
    enum kd_status s;
    kd_role_tell(KD_ORDER_NEXT, kd_str(""));
    while ((s = kd_edge_take_fds(KD_FD_CONTROL, message, 4199, &n, fds, &n_fds)) == KD_MORE)
        kd_role_wait(&p, 1, -1);
    if (s != KD_OK || message[0] == KD_ORDER_STOP)
        _exit(KD_EXIT_DONE); /* nobody waits for it any more */
    if (message[0] != KD_ORDER_INPUT || n < 2 || n_fds != 1 || message[1] >= KD_INPUT_KINDS)
        return -1;
    message[n] = '\0';
    *ret_kind = (enum kd_rule_input_kind)message[1];
    *ret_name = (const char *)message + 2;
    return fds[0];
}

static void gather(const struct kd_start *s, struct kd_out *image)
{
    static uint8_t message[4200];
    enum kd_rule_input_kind kind;
    const char *name;
    struct kd_err err = {0};
    kd_rule_image_begin(image);
    kd_rule_image_part(image, KD_PART_VARS, kd_str("rules.vars"), s->tunables);
    for (;;) {
        KD_AUTO_FD fd = next_input(message, &kind, &name);
        if (fd < 0)
            return;
        if (kd_rules_add(image, kind, name, fd, &err) != KD_OK)
            give_up(name, &err);
    }
}

static void tell(bool same, const struct kd_rule_counts *c)
{
    uint8_t room[32];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_u8(&o, same);
    kd_out_le32(&o, c->read);
    kd_out_le32(&o, c->loaded);
    kd_out_le32(&o, c->refused);
    kd_out_le32(&o, c->files);
    kd_role_tell(KD_ORDER_COMPILED, kd_out_bytes_view(&o));
}

/* The first of them, so that the log says what kind of trouble it is; `kidoban rules check` names all. */
static void log_refusals(const struct kd_rules *rules)
{
    for (uint32_t i = 0; i < rules->n_refused && i < REFUSALS_TOLD; i++) {
        const struct kd_refusal *r = &rules->refusal[i];
        struct kd_bytes file = rules->files.name[r->file];
        kd_log("rules", "%.*s:%u:%u: %s", (int)file.n, (const char *)file.p, r->line, r->column, r->why);
    }
}

int kd_role_compile(const struct kd_start *s)
{
    struct kd_bytes before = map(kd_start_fd(s, KD_EXTRA_RULES), false);
    struct kd_bytes room = map(kd_start_fd(s, KD_EXTRA_RULES_ROOM), true);
    struct kd_out image = kd_out_of((void *)(uintptr_t)room.p, room.n);
    struct kd_rule_image old;
    struct kd_loaded_rules made = {0};
    struct kd_err err = {0};
    uint8_t key[KD_RULE_KEY_BYTES];
    struct kd_sandbox sb;
    kd_role_enter(s, &sb);
    kd_role_ready();
    gather(s, &image);
    kd_rules_key(&image, &s->limits, key);
    if (kd_rule_image_open(before, &old) == KD_OK && memcmp(old.key, key, sizeof(key)) == 0) {
        tell(true, &old.counts);
        return KD_EXIT_DONE;
    }
    if (kd_rules_compile(&image, key, &s->limits, &made, &err) != KD_OK)
        give_up("", &err);
    log_refusals(made.rules);
    tell(false, &made.counts);
    return KD_EXIT_DONE; /* the end of the process frees all, faster */
}
