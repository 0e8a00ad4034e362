/* SPDX-License-Identifier: Apache-2.0 */
/* The parent: makes the edges, opens what only it may open, starts the roles, restarts those that
 * die, hands capture files out, and ends all in order. */
#ifndef KD_BIN_SENSOR_H
#define KD_BIN_SENSOR_H

#include <sys/types.h>

#include "bin/rule_inputs.h"
#include "bin/start.h"
#include "bin/update_state.h"
#include "os/log.h"
#include "rule/image.h"
#include "wire/notice.h"

enum {
    KD_ENGINES_MAX = 64,
    KD_CHILDREN_MAX = KD_ENGINES_MAX + 9,
    KD_DEATHS_MAX = 6,       /* within a minute: then the role counts as failed */
    KD_RETRY_FAILED_S = 300, /* … and is tried again after this */
    KD_START_WAIT_S = 20,    /* until it must be in its sandbox */
    KD_STOP_WAIT_S = 15,     /* for an orderly end of a live sensor */
    KD_COMPILE_WAIT_S = 180  /* for rules to be compiled */
};

enum kd_child_state {
    KD_CHILD_OFF,
    KD_CHILD_STARTING, /* not yet in its sandbox */
    KD_CHILD_RUNNING,
    KD_CHILD_WAITING, /* for its restart */
    KD_CHILD_FAILED,
    KD_CHILD_DONE /* ended as it should */
};

struct kd_child {
    enum kd_proc role;
    char name[16]; /* "engine 0" */
    struct kd_start start;
    int in, out, ask; /* its ends of edges, or -1 */
    int extra_fds[KD_EXTRAS_MAX];
    enum kd_child_state state;
    bool was_running; /* at least once */
    bool told_to_stop;
    bool fresh; /* restart at once: its configuration changed */
    pid_t pid;
    int control, log_fd;
    struct kd_log_relay relay;
    uint64_t since_us, restart_us; /* monotonic */
    uint64_t deaths_us[KD_DEATHS_MAX];
    unsigned restarts, backoff;
    bool dialled, redial; /* dial: its answer came; another is wanted */
    uint32_t next_file; /* the capture file it is at, from 1; 0 none yet */
    char reason[600];   /* why it cannot start, in its own words */
};

/* What is to be run.  Texts and lists are borrowed. */
struct kd_plan {
    const char *command; /* for messages: "run", "replay" */
    const struct kd_config *config;
    const char *config_path;  /* the file it was read from; NULL: the usual one */
    const char *dir;          /* the sensor's directory, or NULL: keep nothing */
    const char *fetched;      /* the directory that rules and lists are fetched into; NULL: none */
    int json_fd;              /* JSON lines go there; -1 none */
    int json_zone_s;          /* … their times' offset from UTC */
    bool json_zone;           /* … instead of the configured one */
    const char *const *files; /* capture files instead of interfaces */
    size_t n_files;
    bool realtime;
    bool loop; /* the demo: again and again, as if now */
    bool web;
    struct kd_rule_paths rules; /* NULL: as the configuration says */
    const char *yara;           /* files and directories of YARA rules, likewise */
    bool packets; /* keep them, as the configuration says */
    bool state;   /* keep what brain learns, and take up what it learned before */
    unsigned n_engines;
    /* Read the configuration anew for SIGHUP; NULL: it cannot be used (a line was printed). */
    const struct kd_config *(*reload)(void *arg);
    void *arg;
};

enum kd_rules_stage { KD_RULES_NONE, KD_RULES_COMPILING, KD_RULES_IN_FORCE, KD_RULES_FAILED };

/* The rules the engines run. */
struct kd_rules_in_force {
    enum kd_rules_stage state;
    int image_fd;            /* rule/image.h; -1: none */
    int room_fd, reading_fd; /* being compiled */
    bool waits;              /* engines have not begun: they wait for the first set */
    bool begun, compiled, same, again, overdue;
    unsigned asked, taken;   /* engines */
    unsigned serial;         /* counts what became of each attempt, for `kidoban rules reload` */
    struct kd_rule_counts counts;
    uint64_t since_us;
    char why[200];           /* it failed */
};

enum kd_phase { KD_PHASE_RUN, KD_PHASE_ENGINES, KD_PHASE_BOX, KD_PHASE_BRAIN, KD_PHASE_STORE, KD_PHASE_OVER };

enum { KD_EDGE_RECORDS, KD_EDGE_STORED, KD_EDGE_ASKED, KD_EDGE_NOTICED, KD_EDGES };

/* The index of suspicious objects, sealed memory: all lists, and those that changed since; -1: none. */
struct kd_list_layers {
    int fd[2], made_fd; /* the one that is being made */
    uint64_t skip;      /* bit of each list of fd[0] that fd[1] has anew */
    uint64_t signature[KD_CONFIG_FEEDS_MAX], base_signature[KD_CONFIG_FEEDS_MAX];
    size_t n_base, next; /* lists in fd[0]; the next to be handed out */
    uint64_t reading;    /* bit of each list that is being read */
    uint64_t made_bytes;
    void *events;      /* DIR of the list that is a directory */
    bool whole, again; /* all are being read; and once more behind it */
    bool were;         /* given out at least once */
};

/* Sources that are fetched, as DIR/updates/state has them. */
struct kd_updates_in_force {
    struct kd_updates state;
    uint64_t signature;         /* of that file */
    uint64_t next_us, since_us; /* look again; the first look (monotonic) */
    uint64_t chance, alarm_us;
    bool first, alarm;
};

struct kd_sensor {
    struct kd_plan plan;
    struct kd_child child[KD_CHILDREN_MAX];
    size_t n_children;
    int edges[KD_EDGES][2]; /* [0] is the writer's, for the last two web's and gate's */
    int lock_fd, dir_fd, data_fd, listen_fd, signal_fd;
    int board_fd, board_reading_fd; /* what people decided, from store to brain; -1 in a replay */
    int bell_fd, tray_fd[KD_ENGINES_MAX]; /* for box; bell -1: there is none */
    int state_fd;                     /* what brain has learned; -1: not kept */
    struct kd_list_layers lists;
    struct kd_rules_in_force rules;
    struct kd_updates_in_force updates;
    char url[100];
    enum kd_phase phase;
    bool stop_wanted, could_not;
    uint64_t phase_until_us; /* 0: as long as it takes */
    uint64_t frames;         /* read from files */
    uint32_t file_problems;
    struct kd_notice_channel channel; /* as gate told last; texts in channel_text */
    uint8_t channel_text[4096];
    bool channel_known;
};

/* Everything from opening to the end; the exit status. */
int kd_sensor_run(const struct kd_plan *plan);

/* sensor_plan.c: open, and describe each role.  A line is printed when something cannot be had. */
KD_MUST_USE bool kd_sensor_open(struct kd_sensor *s);
KD_MUST_USE bool kd_sensor_describe(struct kd_sensor *s);
void kd_sensor_close(struct kd_sensor *s);
void kd_sensor_reload(struct kd_sensor *s);
/* A further role with its general part filled; a descriptor more for it (false: fd is none). */
struct kd_child *kd_sensor_child(struct kd_sensor *s, enum kd_proc role, unsigned number);
bool kd_sensor_extra(struct kd_child *c, enum kd_extra kind, int fd, const char *name, uint32_t number);

/* sensor_child.c: one role's process. */
bool kd_child_start(struct kd_sensor *s, struct kd_child *c);
void kd_child_stop(struct kd_child *c);
void kd_child_hear(struct kd_sensor *s, struct kd_child *c);
void kd_child_ended(struct kd_sensor *s, struct kd_child *c, int wait_status);

/* sensor_health.c: what happened, for the health page. */
void kd_health_started(struct kd_sensor *s, const struct kd_child *c);
void kd_health_ended(struct kd_sensor *s, const struct kd_child *c, int wait_status,
                     uint64_t wait_us);
void kd_health_reduced(struct kd_sensor *s);
void kd_health_status_file(const struct kd_sensor *s);
void kd_health_rules(struct kd_sensor *s);
void kd_health_channel(struct kd_sensor *s, struct kd_bytes message);
void kd_health_update(struct kd_sensor *s, const struct kd_update_source *source, const struct kd_update_row *row);
/* NULL: no source has failed for too long (any more). */
void kd_health_update_alarm(struct kd_sensor *s, const struct kd_update_source *source, const struct kd_update_row *row);

/* sensor_dial.c: a connection for gate. */
void kd_dial_asked(struct kd_sensor *s);
void kd_dial_hear(struct kd_sensor *s, struct kd_child *c);
void kd_dial_ended(struct kd_sensor *s, struct kd_child *c);

/* sensor_rules.c: describe makes sure that the files can be had; begin compiles them (anew). */
KD_MUST_USE bool kd_rules_describe(struct kd_sensor *s);
void kd_rules_begin(struct kd_sensor *s);
int kd_rules_hits_file(const struct kd_sensor *s, unsigned engine); /* rule/hits.h; -1: none is kept */
void kd_rules_refused(struct kd_sensor *s, const char *why); /* a reload that did not come so far */
bool kd_rules_awaited(const struct kd_sensor *s); /* engines must not begin yet */
bool kd_rules_hear(struct kd_sensor *s, struct kd_child *c, struct kd_bytes message); /* false: not for it */
void kd_rules_taken(struct kd_sensor *s, const struct kd_child *c, struct kd_bytes answer);
void kd_rules_ended(struct kd_sensor *s, struct kd_child *c, int wait_status);
void kd_rules_late(struct kd_sensor *s, const struct kd_child *c, uint64_t now_us);

/* sensor_gate.c: gate and dial.  A line is printed when a file cannot be had. */
bool kd_gate_wanted(const struct kd_sensor *s, const struct kd_config *cfg);
KD_MUST_USE bool kd_gate_describe(struct kd_sensor *s);
void kd_gate_settings(struct kd_start *st, const struct kd_config *cfg);
KD_MUST_USE bool kd_gate_files(const struct kd_sensor *s, struct kd_child *c, const struct kd_config *cfg); /* anew */

/* sensor_lists.c: lists of suspicious objects.  reload: read what changed; give: to a role that has just started. */
void kd_lists_reload(struct kd_sensor *s);
void kd_lists_give(struct kd_sensor *s, const struct kd_child *c);
void kd_lists_hear(struct kd_sensor *s, struct kd_child *c);
void kd_lists_late(struct kd_child *c);
void kd_lists_ended(struct kd_sensor *s, struct kd_child *c, bool well);

/* sensor_update.c: sources of rules and lists. */
void kd_updates_describe(struct kd_sensor *s);
void kd_updates_tick(struct kd_sensor *s);
bool kd_updates_hear(struct kd_sensor *s, struct kd_child *c, struct kd_bytes message); /* false: not for it */
void kd_updates_ended(struct kd_sensor *s, struct kd_child *c, int wait_status);

/* sensor_box.c: the inspection of files.  A line is printed when a file cannot be had. */
bool kd_box_wanted(const struct kd_sensor *s, const struct kd_config *cfg);
uint8_t kd_box_policy(const struct kd_config *cfg); /* enum kd_contents_keep */
KD_MUST_USE bool kd_box_describe(struct kd_sensor *s);
KD_MUST_USE bool kd_box_rules(struct kd_sensor *s, struct kd_child *c, const struct kd_config *cfg); /* anew */
void kd_box_engine(struct kd_sensor *s, struct kd_child *engine, unsigned number); /* its tray */

/* sensor_files.c: the next capture file for an engine that asks. */
void kd_files_next(struct kd_sensor *s, struct kd_child *c, struct kd_cur *order);

#endif
