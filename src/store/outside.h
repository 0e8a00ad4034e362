/* SPDX-License-Identifier: Apache-2.0 */
/* "Did anything leave?": what one host sent to the outside between two times, against its habit,
 * and what of it could not be seen.
 *
 * The answer is one of three grades with its reasons.  It never says that nothing left: it says
 * what was seen, how much of what was sent could be read, and what stayed unseen. */
#ifndef KD_STORE_OUTSIDE_H
#define KD_STORE_OUTSIDE_H

#include "store/host_report.h"

enum {
    KD_OUTSIDE_HABIT_DAYS = 28, /* looked at before the time asked for */
    KD_OUTSIDE_DAYS_MAX = 400,  /* of the time asked for, for its busiest day */
    KD_OUTSIDE_ITEMS_MAX = 500, /* of each kind; more are counted only */
    KD_OUTSIDE_REASONS_MAX = 16
};

struct kd_outside_ask {
    struct kd_host_ask host;   /* `limit` is not used */
    const struct kd_net *nets; /* the site's own; none: private addresses */
    size_t n_nets;
    const char *dir_path; /* of the store, for its sightings; may be NULL */
};

/* How well the content of what was sent could be judged. */
enum kd_outside_class {
    KD_OUTSIDE_READABLE,
    KD_OUTSIDE_ENCRYPTED,
    KD_OUTSIDE_UNKNOWN,
    KD_OUTSIDE_CLASSES
};

/* One address outside, or a proxy of the house (then what is behind it is told by name only). */
struct kd_outside_place {
    struct kd_addr addr;
    uint8_t name_rank; /* 1 looked up, 2 asked for in HTTP, 3 in TLS; 0 no name */
    bool proxy;
    bool is_new;    /* this host had not met it in the days before; not told without such days */
    bool site_knew; /* but somebody of the house had */
    bool secured;   /* mail, files or the like were switched to encryption there */
    char name[128], subject[128], issuer[128];
    uint64_t first_us, last_us;
    uint64_t flows, begun_outside;    /* conversations; of them begun by the other side */
    uint64_t bytes_out, bytes_in;     /* all headers counted */
    uint64_t out[KD_OUTSIDE_CLASSES]; /* of bytes_out */
    uint64_t securable;               /* of out[READABLE], of protocols that can be switched */
    uint64_t gap_bytes, unseen_start, degraded;
    uint64_t before_out, before_flows; /* in the days before */
    uint32_t before_days;              /* bit per day */
};

enum kd_outside_kind {
    KD_OUTSIDE_UPLOAD, /* request bodies, mails with attachments, files stored by FTP or SMB */
    KD_OUTSIDE_FILE,   /* files carved on their way out */
    KD_OUTSIDE_LOGON,  /* from and to it */
    KD_OUTSIDE_SHARE,  /* shares of other machines it used */
    KD_OUTSIDE_KINDS
};

struct kd_outside_item {
    uint64_t ts_us, bytes, read_bytes, count;
    struct kd_addr peer;
    bool personal; /* personal or card numbers in it */
    bool incomplete;
    char how[48];   /* method; result and service of a logon */
    char what[160]; /* file, address, user, share */
    char sha256[65];
};

struct kd_outside_detection {
    uint64_t id, count, first_us, last_us;
    unsigned severity; /* 0 info to 4 critical */
    bool leak;         /* phase exfiltration; else command and control */
    struct kd_addr peer;
    char detection_id[24], ja[200], en[200];
};

enum kd_outside_grade { KD_OUTSIDE_NO_SIGN, KD_OUTSIDE_MAYBE, KD_OUTSIDE_LEFT };

struct kd_outside_text {
    char ja[256], en[256];
};

/* What the sensor itself missed in that time. */
struct kd_outside_sensor {
    uint64_t first_us, last_us; /* of its own reports; 0: none */
    uint64_t packets, dropped, truncated, undecoded, degraded, records_lost, not_kept;
    uint64_t silence_us, silence_at_us; /* longest time without a report, if over two minutes */
    uint64_t exits;                     /* of one of its parts */
    uint64_t store_first_us;            /* oldest record there is, of any host */
};

struct kd_outside {
    struct kd_addr addr[KD_HOST_ADDRS_MAX];
    size_t n_addr;
    uint64_t first_us, last_us; /* of the host's records in the time asked for */
    uint64_t records;
    struct kd_outside_place *place; /* most bytes sent first */
    size_t n_places, n_new;
    uint64_t bytes_out, bytes_in, out[KD_OUTSIDE_CLASSES];
    uint64_t gap_bytes;
    unsigned habit_days;            /* of the days before, with traffic of the host */
    uint64_t habit_median, busiest; /* bytes sent outside a day; of the time asked for */
    uint64_t busiest_us;
    struct kd_outside_item *item[KD_OUTSIDE_KINDS]; /* newest first */
    size_t n_items[KD_OUTSIDE_KINDS];
    uint64_t all_items[KD_OUTSIDE_KINDS];
    uint64_t incomplete_files;
    struct kd_outside_detection *detection;
    size_t n_detections;
    struct kd_outside_sensor sensor;
    uint64_t left_out;   /* conversations that found no room in the tables */
    bool cut;            /* stopped by the deadline */
    uint64_t unreadable; /* blocks */
    enum kd_outside_grade grade;
    struct kd_outside_text reason[KD_OUTSIDE_REASONS_MAX], unseen[KD_OUTSIDE_REASONS_MAX];
    size_t n_reasons, n_unseen;
};

/* KD_NOT_FOUND: the name is not known. */
KD_MUST_USE enum kd_status kd_outside(const struct kd_outside_ask *ask, struct kd_outside *ret,
                                      struct kd_err *err);
void kd_outside_done(struct kd_outside *r);

/* The grade, its reasons and what was not seen, from the rest of *r (outside_judge.c). */
void kd_outside_judge(const struct kd_outside_ask *ask, struct kd_outside *r);

/* Of the bytes sent, the share whose content could be read, in per cent; 100 when none was sent. */
unsigned kd_outside_judged(const struct kd_outside *r);

void kd_outside_json(const struct kd_outside_ask *ask, const struct kd_outside *r, struct kd_jw *w);
void kd_outside_text(const struct kd_outside_ask *ask, const struct kd_outside *r, bool japanese,
                     struct kd_heap *ret);

#endif
