/* SPDX-License-Identifier: Apache-2.0 */
/* What a sensor consists of: edges, directory, listener, and for each role its configuration and
 * descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/brain_state.h"
#include "bin/certificate.h"
#include "bin/packet_ring.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "os/capture.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/progress.h"
#include "os/sandbox.h"
#include "os/shared.h"
#include "wire/board.h"

enum { EDGE_BYTES = 8 << 20 };
#define GIB ((uint64_t)1 << 30)
#define MIB ((uint64_t)1 << 20)
#define REPLAY_SEED 0x6b69646f62616eu /* any fixed number: two replays are the same */

static bool say_no(const struct kd_sensor *s, const struct kd_err *err)
{
    (void)kd_say_err(0, s->plan.command, err);
    return false;
}

static bool is_replay(const struct kd_sensor *s)
{
    return s->plan.n_files > 0 && !s->plan.loop;
}

/* ---- opening ---- */

static bool open_files_once(const struct kd_sensor *s)
{
    for (size_t i = 0; i < s->plan.n_files; i++) {
        KD_AUTO_FD fd = open(s->plan.files[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
            (void)kd_say(0, s->plan.command,
                         "%s: cannot be read (%s); check the path and its permissions",
                         s->plan.files[i], strerror(fd < 0 ? errno : EISDIR));
            return false;
        }
    }
    return true;
}

static bool take_lock(struct kd_sensor *s)
{
    s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (s->lock_fd >= 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    (void)kd_say(0, s->plan.command,
                 errno == EWOULDBLOCK
                     ? "%s: another kidoban is using this directory; stop it or give another --dir"
                     : "%s: cannot be written; check its owner or give another --dir",
                 s->plan.dir);
    return false;
}

/* The directory is the starter's, data/ below it is the store's alone. */
static bool open_directory(struct kd_sensor *s)
{
    if (s->plan.dir == NULL)
        return true;
    if (mkdir(s->plan.dir, 0755) != 0 && errno != EEXIST) {
        (void)kd_say(0, s->plan.command,
                     "%s: cannot be made (%s); give a directory you may write with --dir",
                     s->plan.dir, strerror(errno));
        return false;
    }
    s->dir_fd = open(s->plan.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0) {
        (void)kd_say(0, s->plan.command,
                     "%s: cannot be entered (%s); give another directory with --dir", s->plan.dir,
                     strerror(errno));
        return false;
    }
    if (!take_lock(s))
        return false;
    (void)mkdirat(s->dir_fd, "data", 0700);
    s->data_fd = openat(s->dir_fd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    unsigned uid, gid;
    kd_sandbox_user(KD_PROC_STORE, &uid, &gid);
    if (s->data_fd >= 0 && (geteuid() != 0 || fchown(s->data_fd, uid, gid) == 0))
        return true;
    (void)kd_say(0, s->plan.command, "%s/data: cannot be used (%s); check its owner", s->plan.dir,
                 strerror(errno));
    return false;
}

static int listen_on(const struct kd_addr *addr, uint16_t port)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_four = kd_addr_is_v4(addr);
    int yes = 1;
    memcpy(&six.sin6_addr, addr->b, sizeof(addr->b));
    memcpy(&four.sin_addr, addr->b + 12, 4);
    KD_AUTO_FD fd =
        socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(fd, is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six,
             is_four ? sizeof(four) : sizeof(six)) != 0 ||
        listen(fd, 128) != 0)
        return -1;
    int given = fd;
    fd = -1;
    return given;
}

static bool open_listener(struct kd_sensor *s)
{
    struct kd_addr addr;
    uint16_t port;
    const char *text = s->plan.config->web_listen;
    if (!s->plan.web || strcmp(text, "off") == 0)
        return true;
    KD_ASSERT(kd_config_listen(kd_str(text), &addr, &port)); /* the configuration was checked */
    s->listen_fd = listen_on(&addr, port);
    if (s->listen_fd >= 0) {
        if (kd_addr_is_none(&addr) || strncmp(text, "0.0.0.0:", 8) == 0)
            snprintf(s->url, sizeof(s->url), "https://localhost:%u/", port);
        else
            snprintf(s->url, sizeof(s->url), "https://%.80s/", text);
        return true;
    }
    (void)kd_say(
        0, s->plan.command,
        errno == EADDRINUSE
            ? "web.listen %s: the port is in use; stop the other program or choose another "
              "port with --listen or web.listen"
        : errno == EACCES
            ? "web.listen %s: not permitted; choose a port above 1023 or start as root"
            : "web.listen %s: cannot be listened on; write an address of this machine",
        text);
    return false;
}

/* A replay judges by the packets and its configuration alone. */
static bool open_board(struct kd_sensor *s, struct kd_err *err)
{
    return is_replay(s) || s->plan.dir == NULL ||
           kd_shared_new("kidoban-board", sizeof(struct kd_board), &s->board_fd,
                         &s->board_reading_fd, err) == KD_OK ||
           say_no(s, err);
}

bool kd_sensor_open(struct kd_sensor *s)
{
    struct kd_err err = {0};
    if (s->signal_fd < 0)
        return kd_say(0, s->plan.command, "no signal descriptor (%s)", strerror(errno)), false;
    for (size_t i = 0; i < KD_EDGES; i++)
        if (kd_edge_new(EDGE_BYTES, s->edges[i], &err) != KD_OK)
            return say_no(s, &err);
    return open_board(s, &err) && open_files_once(s) && open_directory(s) && open_listener(s);
}

/* ---- describing ---- */

/* What the configuration says: the part that a reload may change. */
static void configure(struct kd_child *c, const struct kd_config *cfg)
{
    struct kd_start *st = &c->start;
    int zone_s = 0;
    KD_ASSERT(kd_config_zone(cfg->zone, &zone_s));
    st->zone_s = zone_s;
    st->limits = cfg->limits;
    st->keep_flow_bytes = cfg->packets_flow_kib << 10;
    st->files_keep = kd_file_ring_policy(cfg);
    st->files_most = cfg->files_most_mib << 20;
    st->scan = kd_box_policy(cfg);
    if (c->role == KD_PROC_BRAIN || c->role == KD_PROC_STORE || c->role == KD_PROC_LISTS) {
        st->n_inside = cfg->inside.n;
        for (size_t i = 0; i < cfg->inside.n; i++)
            KD_ASSERT(kd_net_parse(kd_str(cfg->inside.item[i]), &st->inside[i]));
        st->site = kd_bytes_of(cfg->site.b, cfg->site.n);
    }
    if (c->role == KD_PROC_STORE || c->role == KD_PROC_GATE || c->role == KD_PROC_DIAL)
        kd_gate_settings(st, cfg);
    if (c->role == KD_PROC_DIAL) {
        memcpy(st->dial.host, st->mail.server, sizeof(st->dial.host));
        st->dial.port = st->mail.port;
    }
    if (c->role == KD_PROC_COMPILE)
        st->tunables = kd_bytes_of(cfg->rule_vars.lines, cfg->rule_vars.n);
    if (c->role == KD_PROC_BRAIN) {
        st->memory_bytes = cfg->limits.memory_mib * MIB;
        st->tunables = kd_bytes_of(cfg->detectors.lines, cfg->detectors.n);
    } else if (c->role == KD_PROC_STORE) {
        st->keep_days = cfg->keep_days;
        st->keep_bytes = cfg->keep_gib * GIB;
        st->free_bytes = cfg->free_gib * GIB;
    }
}

struct kd_child *kd_sensor_child(struct kd_sensor *s, enum kd_proc role, unsigned number)
{
    KD_ASSERT(s->n_children < KD_CHILDREN_MAX);
    const struct kd_config *cfg = s->plan.config;
    struct kd_child *c = &s->child[s->n_children++];
    *c = (struct kd_child){
        .role = role, .in = -1, .out = -1, .ask = -1, .control = -1, .log_fd = -1};
    if (role == KD_PROC_ENGINE)
        snprintf(c->name, sizeof(c->name), "engine %u", number);
    else
        snprintf(c->name, sizeof(c->name), "%s", kd_proc_name(role));
    struct kd_start *st = &c->start;
    st->role = (uint8_t)role;
    st->number = (uint8_t)number;
    st->n_engines = (uint8_t)s->plan.n_engines;
    st->live = s->plan.n_files == 0;
    st->realtime = s->plan.realtime || s->plan.loop;
    st->shift = s->plan.loop;
    st->reduced = strcmp(cfg->sandbox, "reduced") == 0;
    if (geteuid() == 0)
        kd_sandbox_user(role, &st->uid, &st->gid);
    st->seed = is_replay(s) ? REPLAY_SEED : kd_os_random_u64();
    configure(c, cfg);
    return c;
}

bool kd_sensor_extra(struct kd_child *c, enum kd_extra kind, int fd, const char *name, uint32_t number)
{
    KD_ASSERT(c->start.n_extras < KD_EXTRAS_MAX);
    size_t i = c->start.n_extras++;
    struct kd_start_extra *x = &c->start.extra[i];
    *x = (struct kd_start_extra){.kind = (uint8_t)kind, .number = number};
    snprintf(x->name, sizeof(x->name), "%s", name);
    c->extra_fds[i] = fd;
    return fd >= 0;
}

static bool add_file(struct kd_sensor *s, struct kd_child *c, enum kd_extra kind, const char *key,
                     const char *path)
{
    if (path[0] == '\0')
        return true;
    if (kd_sensor_extra(c, kind, open(path, O_RDONLY | O_CLOEXEC), "", 0))
        return true;
    (void)kd_say(0, s->plan.command,
                 "%s: %s: cannot be read (%s); correct the path or its permissions", key, path,
                 strerror(errno));
    return false;
}

static bool add_rings(struct kd_sensor *s, struct kd_child *c)
{
    const struct kd_config_list *list = &s->plan.config->interfaces;
    struct kd_err err = {0};
    c->start.ring_bytes = (uint32_t)kd_min_u64(s->plan.config->ring_mib * MIB, 4095 * MIB);
    for (size_t i = 0; i < list->n; i++) {
        struct kd_capture_config cap = {.interface = list->item[i],
                                        .ring_bytes = c->start.ring_bytes,
                                        .group = (uint16_t)((unsigned)getpid() * 8 + i),
                                        .n_engines = s->plan.n_engines};
        int fd = -1;
        uint32_t link = 0;
        if (kd_capture_open(&cap, &fd, &link, &err) != KD_OK)
            return say_no(s, &err);
        (void)kd_sensor_extra(c, KD_EXTRA_RING, fd, list->item[i], link);
    }
    return true;
}

static bool describe_engine(struct kd_sensor *s, unsigned number)
{
    struct kd_child *c = kd_sensor_child(s, KD_PROC_ENGINE, number);
    struct kd_err err = {0};
    int progress = -1;
    if (kd_progress_new(&progress, &err) != KD_OK)
        return say_no(s, &err);
    (void)kd_sensor_extra(c, KD_EXTRA_PROGRESS, progress, "", 0);
    c->out = s->edges[KD_EDGE_RECORDS][0];
    c->start.steps = s->plan.json_fd >= 0;
    kd_box_engine(s, c, number);
    int ring = kd_packet_ring_open(s, number);
    if (ring >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_KEEP, ring, "", 0);
    ring = kd_file_ring_open(s, number);
    if (ring >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_FILES, ring, "", 0);
    ring = kd_rules_hits_file(s, number);
    if (ring >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_HITS, ring, "", 0);
    return s->plan.n_files > 0 || add_rings(s, c);
}

/* Beside the lists, which are opened anew at each reload. */
static bool add_brain_extras(struct kd_sensor *s, struct kd_child *c, const struct kd_config *cfg)
{
    if (s->board_reading_fd >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_BOARD, s->board_reading_fd, "", 0);
    if (s->state_fd >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_STATE, s->state_fd, "", 0);
    return add_file(s, c, KD_EXTRA_KNOWN_BAD, "known_bad", cfg->known_bad) &&
           add_file(s, c, KD_EXTRA_EXCEPTIONS, "exceptions", cfg->exceptions);
}

static bool describe_brain(struct kd_sensor *s)
{
    struct kd_child *c = kd_sensor_child(s, KD_PROC_BRAIN, 0);
    c->in = s->edges[KD_EDGE_RECORDS][1];
    c->out = s->edges[KD_EDGE_STORED][0];
    if (s->plan.state && s->dir_fd >= 0)
        s->state_fd = kd_brain_state_open(s);
    return add_brain_extras(s, c, s->plan.config);
}

static void describe_store(struct kd_sensor *s)
{
    struct kd_child *c = kd_sensor_child(s, KD_PROC_STORE, 0);
    c->in = s->edges[KD_EDGE_STORED][1];
    c->ask = s->edges[KD_EDGE_ASKED][1];
    if (s->data_fd >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_DIRECTORY, s->data_fd, "", 0);
    if (s->board_fd >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_BOARD, s->board_fd, "", 0);
    if (s->plan.json_fd >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_JSON, s->plan.json_fd, "",
                              (uint32_t)(s->plan.json_zone ? s->plan.json_zone_s : c->start.zone_s));
    if (kd_gate_wanted(s, s->plan.config))
        (void)kd_sensor_extra(c, KD_EXTRA_GATE, s->edges[KD_EDGE_NOTICED][1], "", 0);
}

static bool describe_web(struct kd_sensor *s)
{
    if (s->listen_fd < 0)
        return true;
    struct kd_child *c = kd_sensor_child(s, KD_PROC_WEB, 0);
    const struct kd_config *cfg = s->plan.config;
    struct kd_err err = {0};
    int certificate = -1, key = -1;
    c->ask = s->edges[KD_EDGE_ASKED][0];
    (void)kd_sensor_extra(c, KD_EXTRA_LISTENER, s->listen_fd, "", 0);
    if (cfg->web_certificate[0] != '\0')
        return add_file(s, c, KD_EXTRA_CERTIFICATE, "web.certificate", cfg->web_certificate) &&
               add_file(s, c, KD_EXTRA_KEY, "web.key", cfg->web_key);
    if (kd_certificate_open(s->dir_fd, &certificate, &key, &err) != KD_OK)
        return say_no(s, &err);
    (void)kd_sensor_extra(c, KD_EXTRA_CERTIFICATE, certificate, "", 0);
    (void)kd_sensor_extra(c, KD_EXTRA_KEY, key, "", 0);
    return true;
}

bool kd_sensor_describe(struct kd_sensor *s)
{
    describe_store(s);
    if (!describe_brain(s) || !describe_web(s) || !kd_gate_describe(s) || !kd_box_describe(s) || !kd_rules_describe(s))
        return false;
    (void)kd_sensor_child(s, KD_PROC_LISTS, 0); /* comes when there are lists to read */
    kd_updates_describe(s);
    for (unsigned i = 0; i < s->plan.n_engines; i++)
        if (!describe_engine(s, i))
            return false;
    return true;
}

void kd_sensor_close(struct kd_sensor *s)
{
    if (s->dir_fd >= 0)
        (void)unlinkat(s->dir_fd, "status.json", 0);
    kd_fd_close(&s->lock_fd);
    kd_fd_close(&s->dir_fd);
}

/* ---- reloading ---- */

/* A role whose configuration changed ends in order and starts anew; the others go on undisturbed.
 * The lists are always read anew: their files change without the configuration doing so. */
void kd_sensor_reload(struct kd_sensor *s)
{
    static uint8_t before[KD_START_BYTES_MAX], after[KD_START_BYTES_MAX];
    const struct kd_config *cfg = s->plan.reload != NULL ? s->plan.reload(s->plan.arg) : NULL;
    if (cfg == NULL && s->plan.reload != NULL)
        kd_rules_refused(s, "the configuration cannot be used");
    if (cfg == NULL || s->stop_wanted)
        return;
    if (memcmp(&cfg->interfaces, &s->plan.config->interfaces, sizeof(cfg->interfaces)) != 0 ||
        strcmp(cfg->web_listen, s->plan.config->web_listen) != 0 ||
        cfg->engines != s->plan.config->engines)
        (void)kd_say(0, s->plan.command,
                     "interfaces, engines and web.listen change only when kidoban is restarted");
    if (kd_gate_wanted(s, cfg) != kd_gate_wanted(s, s->plan.config))
        (void)kd_say(0, s->plan.command,
                     "notice.email begins or ends only when kidoban is restarted");
    if (kd_box_wanted(s, cfg) != kd_box_wanted(s, s->plan.config))
        (void)kd_say(0, s->plan.command,
                     "the inspection of files begins or ends only when kidoban is restarted");
    s->plan.config = cfg;
    for (size_t i = 0; i < s->n_children; i++) {
        struct kd_child *c = &s->child[i];
        if (c->role == KD_PROC_LISTS || c->role == KD_PROC_UPDATE) { /* one that runs goes on as it began */
            configure(c, cfg);
            continue;
        }
        struct kd_out a = kd_out_of(before, sizeof(before)), b = kd_out_of(after, sizeof(after));
        kd_start_put(&a, &c->start);
        configure(c, cfg);
        bool lists = c->role == KD_PROC_BRAIN;
        if (lists) {
            for (size_t k = 0; k < c->start.n_extras; k++)
                if (c->start.extra[k].kind == KD_EXTRA_KNOWN_BAD ||
                    c->start.extra[k].kind == KD_EXTRA_EXCEPTIONS)
                    kd_fd_close(&c->extra_fds[k]);
            c->start.n_extras = 0;
            (void)add_brain_extras(s, c, cfg);
        }
        if (c->role == KD_PROC_GATE && !kd_gate_files(s, c, cfg))
            continue; /* it was told; the one that runs goes on */
        if (c->role == KD_PROC_BOX && !kd_box_rules(s, c, cfg))
            continue; /* likewise */
        lists = lists || c->role == KD_PROC_GATE || c->role == KD_PROC_BOX;
        kd_start_put(&b, &c->start);
        if (c->role == KD_PROC_COMPILE)
            continue; /* it begins below */
        if (!lists && kd_bytes_eq(kd_out_bytes_view(&a), kd_out_bytes_view(&b)))
            continue;
        c->fresh = c->state == KD_CHILD_RUNNING;
        if (c->fresh)
            kd_child_stop(c);
    }
    kd_rules_begin(s);
    kd_lists_reload(s);
}
