/* SPDX-License-Identifier: Apache-2.0 */
/* The story: told findings of one host, of hosts that reached each other and of hosts that met the same
 * thing become one incident with its steps in order.  The rules stand in docs/internals/story.md.
 *
 * Everything is bounded (see the numbers below), O(1) to evict, and a function of the records alone. */
#ifndef KD_BRAIN_STORY_H
#define KD_BRAIN_STORY_H

#include "brain/table.h"
#include "detect/detect.h"

struct kd_brain;

enum {
    KD_STORY_STEPS = 48,  /* of one story; the least telling one makes room */
    KD_STORY_HOSTS = 24,
    KD_TRAIL_STEPS = 16,  /* of one host, whether a story comes of them or not */
    KD_STEP_THINGS = 3,
    KD_STEP_RECORDS = 4,
    KD_STEP_TECHNIQUES = 6,
    KD_THING_HOSTS = 16,
    KD_TRAIL_MET = 3,
    KD_THING_TEXT = 95,
    KD_STORY_DUE = 16     /* hosts waiting to be judged */
};

/* Stages of an attack, by the area of a detection's number. */
enum kd_stage {
    KD_STAGE_NONE, /* not part of an attack: operation, self-test */
    KD_STAGE_ENTRY,
    KD_STAGE_CONTROL,
    KD_STAGE_DISCOVERY,
    KD_STAGE_CREDENTIALS,
    KD_STAGE_LATERAL,
    KD_STAGE_EXFILTRATION,
    KD_STAGE_IMPACT,
    KD_STAGES
};

enum kd_thing_kind { KD_THING_NONE, KD_THING_PLACE, KD_THING_FILE, KD_THING_MAIL, KD_THING_LINK };

/* Something that several hosts may meet. */
struct kd_thing {
    uint8_t kind; /* enum kd_thing_kind */
    uint8_t n;
    uint8_t text[KD_THING_TEXT]; /* place: name or address; file: SHA-256 as text; mail: sender; link: URL */
    uint8_t n_name;
    uint8_t name[64];    /* of a file */
    bool is_addr;        /* a place without a name: `addr` is what counts */
    struct kd_addr addr;
};

struct kd_step {
    uint8_t key[16]; /* the alert's */
    uint64_t first_us, last_us, count;
    uint64_t alert_id;
    struct kd_addr host, from, to; /* to may be none */
    uint8_t stage, severity, confidence;
    bool remote_run; /* evidence that something was run at `to` */
    bool enters;     /* `to` was got into: a logon that succeeded, an administrative share */
    bool carried;    /* a mail on its way: it belongs to who meets its contents, not to the machine that passes it on */
    bool joins;      /* no detection: it only joins others */
    bool context;    /* told with a story, but never a reason for one (see is_context() in story.c) */
    uint8_t n_things, n_records, n_techniques;
    struct kd_thing things[KD_STEP_THINGS];
    uint64_t records[KD_STEP_RECORDS];
    char technique[KD_STEP_TECHNIQUES][12];
    char id[12], phase[24];
    uint8_t n_user, n_title[2];
    uint8_t user[64], title[2][240]; /* title by enum kd_lang */
};

/* A host met what a suspicious mail held. */
struct kd_met {
    struct kd_thing thing;
    uint64_t us, record;
};

/* What is known of one host, story or not.  As actor and, for those done to it, as target. */
struct kd_trail {
    struct kd_addr host;
    uint64_t story; /* number of the story it is in; 0: none */
    uint64_t story_us;
    unsigned n, n_met;
    struct kd_met met[KD_TRAIL_MET];
    struct kd_step v[KD_TRAIL_STEPS]; /* in the order they came */
};

struct kd_story_host {
    struct kd_addr addr, from;
    uint64_t first_us;
    uint8_t part; /* enum kd_story_part */
};

enum kd_story_part { KD_PART_FIRST, KD_PART_SPREAD, KD_PART_ENTERED, KD_PART_SAME, KD_PART_TARGETED };

struct kd_story {
    uint64_t number;
    uint8_t key[16];
    uint64_t first_us, last_us, told_us;
    uint64_t merged_into; /* number; 0: it stands for itself */
    uint32_t version, left_out;
    uint8_t severity, told_severity, n_told_hosts;
    bool dirty;
    unsigned n, n_hosts;
    struct kd_story_host hosts[KD_STORY_HOSTS]; /* those that act, then others */
    struct kd_step v[KD_STORY_STEPS];           /* by time */
};

struct kd_stories {
    struct kd_table trails;  /* struct kd_trail by address */
    struct kd_table things;  /* struct kd_thing_seen by kind and text */
    struct kd_table mails;   /* struct kd_step by thing: suspicious mails that hold it */
    struct kd_table stories; /* struct kd_story by number */
    uint64_t last_number;
    struct kd_addr due[KD_STORY_DUE];
    unsigned n_due;
    bool any_dirty;
};

/* Who met a thing. */
struct kd_thing_seen {
    struct kd_thing thing;
    uint64_t first_us;
    unsigned n_hosts; /* KD_THING_HOSTS: so many or more */
    struct {
        struct kd_addr addr;
        uint64_t first_us, record;
        bool told; /* it has a finding about it */
    } hosts[KD_THING_HOSTS];
    bool mailed; /* a suspicious mail holds it */
};

KD_MUST_USE bool kd_stories_init(struct kd_stories *s, struct kd_brain *b, struct kd_pool *pool, uint64_t seed);
void kd_stories_done(struct kd_stories *s);
void kd_stories_expire(struct kd_stories *s, uint64_t now_us); /* what is idle for a week goes */

/* An alert goes out (not an excepted one); r is the record that led to it, or NULL. */
void kd_story_alert(struct kd_brain *b, const struct kd_rec_head *head, const struct kd_rec_alert *a,
                    const struct kd_record *r);

/* Any record of the types below: does a host meet something that a story or a mail is about? */
void kd_story_record(struct kd_brain *b, const struct kd_record *r);
#define KD_STORY_WANTS                                                                                               \
    ((uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_TLS | (uint64_t)1 << KD_REC_FILE)

/* Judge what came since the last call: stories begin, grow, merge; correlated findings are told. */
void kd_story_work(struct kd_brain *b);

/* Tell the stories that changed; those told less than quiet_us ago wait. */
void kd_story_tell(struct kd_brain *b, uint64_t quiet_us);

/* ---- between story.c, story_group.c, story_judge.c, story_text.c, story_tell.c and things.c ---- */

struct kd_host_set {
    unsigned n;
    struct kd_addr v[KD_STORY_HOSTS];
};

/* This host is to be judged; this story tells more than it did. */
void kd_story_due(struct kd_brain *b, const struct kd_addr *a);
void kd_story_touch(struct kd_stories *s, uint64_t number);

struct kd_trail *kd_trail_find(const struct kd_stories *s, const struct kd_addr *a);

/* Does this step weigh at all (low or worse, not something done to the host, not operation)? */
static inline bool kd_step_weighs(const struct kd_step *t)
{
    return t->severity >= KD_LOW && t->stage != KD_STAGE_NONE && !t->joins && !t->context;
}

/* May this step begin or add to a story of host `a`: is `a` the one who acts? */
bool kd_step_acts(const struct kd_brain *b, const struct kd_step *t, const struct kd_addr *a);

/* The inside hosts that belong together with `a`. */
void kd_story_group(struct kd_brain *b, const struct kd_addr *a, struct kd_host_set *ret);

/* Put a copy of a step into the story, in its place in time; a known one is brought up to date.  True when
 * the story tells more than before. */
bool kd_story_add(struct kd_story *y, const struct kd_step *t);

void kd_story_leave(void *arg, struct kd_bytes key, void *state); /* its last word */

/* Work out hosts, roles and severity anew; tell the correlated findings that are due. */
void kd_story_judge(struct kd_brain *b, struct kd_story *y);

/* Would these steps make a story? */
struct kd_story_weight {
    unsigned low, medium, high; /* stages with a step of at least this severity, as bits */
    uint64_t first_us, last_us;
    unsigned n_hosts;           /* with a step of their own */
};
void kd_story_weigh(struct kd_story_weight *w, const struct kd_step *t);
bool kd_story_begins(const struct kd_story_weight *w);

/* things.c */
void kd_things_of(const struct kd_brain *b, const struct kd_rec_alert *a, const struct kd_record *r,
                  struct kd_step *t);
struct kd_thing_seen *kd_thing_find(const struct kd_stories *s, const struct kd_thing *thing);
void kd_things_learn(struct kd_brain *b, const struct kd_step *t);
const struct kd_step *kd_thing_mail(const struct kd_stories *s, const struct kd_thing *thing);

static inline struct kd_bytes kd_thing_view(const struct kd_thing *t)
{
    return kd_bytes_of(t->text, t->n);
}

#endif
