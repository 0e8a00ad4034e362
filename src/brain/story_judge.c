/* SPDX-License-Identifier: Apache-2.0 */
/* What a story amounts to: who was taken over, how bad it is, and which known courses of an attack it
 * follows. */
#include "base/hash.h"
#include "brain/internal.h"
#include "brain/text.h"
#include "findings.h"

enum { COURSE_MOST = 4, MACHINES_MANY = 3, NAME_MOST = 54 };

/* ---- hosts ---- */

static struct kd_story_host *host_in(struct kd_story *y, const struct kd_addr *a)
{
    for (unsigned i = 0; i < y->n_hosts; i++)
        if (kd_addr_eq(&y->hosts[i].addr, a))
            return &y->hosts[i];
    return NULL;
}

static struct kd_story_host *add_host(struct kd_story *y, const struct kd_addr *a, uint64_t us, enum kd_story_part part)
{
    struct kd_story_host *h = host_in(y, a);
    if (h != NULL || y->n_hosts == KD_STORY_HOSTS)
        return h;
    h = &y->hosts[y->n_hosts++];
    *h = (struct kd_story_host){.addr = *a, .first_us = us, .part = (uint8_t)part};
    return h;
}

/* The inside machine that a step makes part of an attack. */
static bool actor_of(const struct kd_brain *b, const struct kd_step *t, struct kd_addr *ret)
{
    *ret = kd_hosts_inside(&b->hosts, &t->from) ? t->from : t->host;
    return kd_hosts_inside(&b->hosts, ret);
}

static void find_hosts(const struct kd_brain *b, struct kd_story *y)
{
    struct kd_addr a;
    y->n_hosts = 0;
    for (unsigned i = 0; i < y->n; i++)
        if (kd_step_weighs(&y->v[i]) && actor_of(b, &y->v[i], &a))
            (void)add_host(y, &a, y->v[i].first_us, y->n_hosts == 0 ? KD_PART_FIRST : KD_PART_SAME);
    for (unsigned i = 0; i < y->n; i++) {
        const struct kd_step *t = &y->v[i];
        bool reaches = t->stage == KD_STAGE_LATERAL || t->stage == KD_STAGE_CREDENTIALS || t->remote_run;
        bool other = kd_hosts_inside(&b->hosts, &t->to) && !kd_addr_eq(&t->to, &t->from);
        /* Who was only swept over, or passed something on, is no target. */
        if (!reaches || !kd_step_weighs(t) || !other || !kd_hosts_inside(&b->hosts, &t->from))
            continue;
        struct kd_story_host *h = add_host(y, &t->to, t->first_us, KD_PART_TARGETED);
        if (h == NULL)
            continue;
        bool acted_later = h->part == KD_PART_SAME && h->first_us >= t->first_us;
        bool only_reached = h->part == KD_PART_TARGETED || h->part == KD_PART_ENTERED;
        if (acted_later || (only_reached && t->remote_run))
            h->part = KD_PART_SPREAD;
        else if (h->part == KD_PART_TARGETED && t->enters)
            h->part = KD_PART_ENTERED;
        else
            continue;
        h->from = t->from;
    }
}

/* ---- how bad ---- */

static uint8_t severity_of(const struct kd_story *y, unsigned *ret_spread)
{
    struct kd_story_weight w = {0};
    bool critical = false;
    for (unsigned i = 0; i < y->n; i++) {
        kd_story_weigh(&w, &y->v[i]);
        critical |= kd_step_weighs(&y->v[i]) && y->v[i].severity == KD_CRITICAL;
    }
    unsigned spread = 0;
    for (unsigned i = 0; i < y->n_hosts; i++)
        spread += y->hosts[i].part == KD_PART_SPREAD;
    *ret_spread = spread;
    unsigned loss = 1u << KD_STAGE_EXFILTRATION | 1u << KD_STAGE_IMPACT;
    int medium = __builtin_popcount(w.medium);
    if (critical || ((w.medium & loss) != 0 && spread > 0 && medium >= 3))
        return KD_CRITICAL;
    if (w.high != 0 || medium >= 3 || (spread > 0 && medium >= 2))
        return KD_HIGH;
    return w.medium != 0 ? KD_MEDIUM : KD_LOW;
}

/* ---- known courses ---- */

#define BIT(stage) (1u << (stage))

/* Stages at one host in this order. */
struct course {
    const struct kd_finding_kind *kind;
    unsigned stage[3]; /* bits; 0: no more */
    unsigned least_medium; /* so many of the steps are medium or worse */
    bool last_medium;      /* the last one is */
    bool logged_on;        /* the first is a logon that succeeded after failures */
};

static const struct course courses[] = {
    {&kd_finding_KD_CO_0001,
     {BIT(KD_STAGE_CONTROL), BIT(KD_STAGE_DISCOVERY) | BIT(KD_STAGE_CREDENTIALS), BIT(KD_STAGE_LATERAL)},
     2, false, false},
    {&kd_finding_KD_CO_0002, {BIT(KD_STAGE_ENTRY), BIT(KD_STAGE_CONTROL), 0}, 1, false, false},
    {&kd_finding_KD_CO_0005,
     {BIT(KD_STAGE_CREDENTIALS), BIT(KD_STAGE_LATERAL), BIT(KD_STAGE_EXFILTRATION)}, 1, false, true},
    {&kd_finding_KD_CO_0006,
     {BIT(KD_STAGE_CONTROL) | BIT(KD_STAGE_ENTRY),
      BIT(KD_STAGE_DISCOVERY) | BIT(KD_STAGE_CREDENTIALS) | BIT(KD_STAGE_LATERAL), BIT(KD_STAGE_EXFILTRATION)},
     2, true, false},
    {&kd_finding_KD_CO_0007,
     {BIT(KD_STAGE_CONTROL) | BIT(KD_STAGE_ENTRY) | BIT(KD_STAGE_DISCOVERY) | BIT(KD_STAGE_CREDENTIALS) | BIT(KD_STAGE_LATERAL),
      BIT(KD_STAGE_IMPACT), 0},
     2, true, false},
};

struct run {
    const struct kd_step *v[COURSE_MOST];
    unsigned n;
};

/* A logon after failures: guessing and a valid account together. */
static bool is_guessed_logon(const struct kd_step *t)
{
    bool guessed = false, valid = false;
    for (unsigned i = 0; i < t->n_techniques; i++) {
        guessed |= strncmp(t->technique[i], "T1110", 5) == 0;
        valid |= strncmp(t->technique[i], "T1078", 5) == 0;
    }
    return guessed && valid;
}

/* May this step stand at place k of the course?  In a course of theft a share that was merely used counts. */
static bool fits(const struct course *c, unsigned k, const struct kd_step *t)
{
    if ((c->stage[k] >> t->stage & 1) == 0 || t->joins || t->context)
        return false;
    if (c->logged_on)
        return k == 0 ? is_guessed_logon(t) : t->severity >= (k == 1 ? KD_INFO : KD_LOW);
    return kd_step_weighs(t);
}

/* The earliest steps of host `a` that run through the course; graver ones at the same place are preferred. */
static bool follows(const struct kd_brain *b, const struct kd_story *y, const struct course *c,
                    const struct kd_addr *a, struct run *ret)
{
    ret->n = 0;
    unsigned medium = 0;
    uint64_t after_us = 0;
    for (unsigned k = 0; k < KD_COUNT(c->stage) && c->stage[k] != 0; k++) {
        const struct kd_step *best = NULL;
        for (unsigned i = 0; i < y->n; i++) {
            const struct kd_step *t = &y->v[i];
            struct kd_addr actor;
            if (!fits(c, k, t) || !actor_of(b, t, &actor) || !kd_addr_eq(&actor, a) || t->last_us < after_us)
                continue;
            if (best == NULL || (t->severity >= KD_MEDIUM && best->severity < KD_MEDIUM))
                best = t;
        }
        if (best == NULL)
            return false;
        ret->v[ret->n++] = best;
        medium += best->severity >= KD_MEDIUM;
        after_us = kd_max_u64(after_us, best->first_us);
    }
    return medium >= c->least_medium && (!c->last_medium || ret->v[ret->n - 1]->severity >= KD_MEDIUM);
}

static const struct kd_finding_kind *kind_of(const char *id)
{
    for (size_t i = 0; kd_finding_kinds[i] != NULL; i++)
        if (strcmp(kd_finding_kinds[i]->id, id) == 0)
            return kd_finding_kinds[i];
    return NULL;
}

/* "name (10:02) → name (10:40)" */
static struct kd_bytes list_steps(const struct kd_brain *b, const struct run *run, enum kd_lang lang, uint8_t *room,
                                  size_t size)
{
    struct kd_out o = kd_out_of(room, size);
    for (unsigned i = 0; i < run->n; i++) {
        const struct kd_finding_kind *k = kind_of(run->v[i]->id);
        struct kd_date d = kd_date_of(run->v[i]->first_us, b->zone_s);
        kd_out_str(&o, i > 0 ? " → " : "");
        kd_text_clean(&o, kd_str(k == NULL ? "?" : lang == KD_JA ? k->name_ja : k->name_en), NAME_MOST);
        kd_out_fmt(&o, " (%02u:%02u)", d.hour, d.minute);
    }
    return kd_out_bytes_view(&o);
}

static bool has_technique(const char *const *list, size_t n, const char *t)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], t) == 0)
            return true;
    return false;
}

static struct kd_bytes place_of(const struct run *run)
{
    for (unsigned i = run->n; i-- > 0;)
        for (unsigned k = 0; k < run->v[i]->n_things; k++)
            if (run->v[i]->things[k].kind == KD_THING_PLACE)
                return kd_thing_view(&run->v[i]->things[k]);
    return kd_str("-");
}

/* Tell one course: its techniques, times and records are those of its steps. */
static void tell_course(struct kd_brain *b, const struct kd_story *y, const struct kd_finding_kind *kind,
                        const struct run *run, const struct kd_addr *host, const struct kd_addr *peer, int severity,
                        const struct kd_fact *more, size_t n_more)
{
    const char *techniques[16];
    uint64_t records[KD_EVIDENCE_MAX], first_us = UINT64_MAX, last_us = 0;
    size_t n_techniques = 0, n_records = 0;
    struct kd_bytes user = kd_str("");
    for (unsigned i = 0; i < run->n; i++) {
        const struct kd_step *t = run->v[i];
        for (unsigned k = 0; k < t->n_techniques && n_techniques < KD_COUNT(techniques); k++)
            if (!has_technique(techniques, n_techniques, t->technique[k]))
                techniques[n_techniques++] = t->technique[k];
        for (unsigned k = 0; k < t->n_records && n_records < KD_EVIDENCE_MAX; k++)
            records[n_records++] = t->records[k];
        first_us = kd_min_u64(first_us, t->first_us);
        last_us = kd_max_u64(last_us, t->first_us);
        user = t->n_user > 0 ? kd_bytes_of(t->user, t->n_user) : user;
    }
    uint8_t en[KD_FACT_MAX], ja[KD_FACT_MAX];
    struct kd_fact facts[8] = {{"steps_en", list_steps(b, run, KD_EN, en, sizeof(en))},
                               {"steps_ja", list_steps(b, run, KD_JA, ja, sizeof(ja))},
                               {"place", place_of(run)}};
    if (n_more > 0)
        memcpy(facts + 3, more, n_more * sizeof(more[0]));
    uint8_t fold[sizeof(y->key)];
    memcpy(fold, y->key, sizeof(fold));
    kd_brain_find(b, &(struct kd_finding){
                         .kind = kind, .host = *host, .peer = *peer, .user = user,
                         .fold = kd_bytes_of(fold, sizeof(fold)), .severity = severity, .confidence = -1,
                         .facts = facts, .n_facts = 3 + n_more, .record_ids = records, .n_record_ids = n_records,
                         .first_us = first_us, .last_us = last_us, .count = 1, .technique = techniques,
                         .n_techniques = n_techniques,
                     });
}

/* High only when all of its steps are medium or worse and it has three of them, or one of them is high. */
static int course_severity(const struct course *c, const struct run *run)
{
    unsigned medium = 0, high = 0;
    for (unsigned i = 0; i < run->n; i++) {
        medium += run->v[i]->severity >= KD_MEDIUM;
        high += run->v[i]->severity >= KD_HIGH;
    }
    if (c->kind->severity == KD_HIGH)
        return medium >= 2 || high > 0 ? KD_HIGH : KD_MEDIUM;
    return (medium >= 3 || (high > 0 && medium >= 2)) ? KD_HIGH : KD_MEDIUM;
}

static const struct kd_addr *peer_of(const struct kd_brain *b, const struct run *run)
{
    static const struct kd_addr none;
    for (unsigned i = run->n; i-- > 0;)
        if (!kd_addr_is_none(&run->v[i]->to) && !kd_hosts_inside(&b->hosts, &run->v[i]->to) &&
            run->v[i]->stage == KD_STAGE_EXFILTRATION)
            return &run->v[i]->to;
    for (unsigned i = run->n; i-- > 0;)
        if (!kd_addr_is_none(&run->v[i]->to))
            return &run->v[i]->to;
    return &none;
}

static void tell_courses(struct kd_brain *b, struct kd_story *y)
{
    for (unsigned i = 0; i < y->n_hosts; i++)
        for (unsigned k = 0; k < KD_COUNT(courses) && y->hosts[i].part < KD_PART_TARGETED; k++) {
            struct run run;
            if (follows(b, y, &courses[k], &y->hosts[i].addr, &run))
                tell_course(b, y, courses[k].kind, &run, &y->hosts[i].addr, peer_of(b, &run),
                            course_severity(&courses[k], &run), NULL, 0);
        }
}

/* A reached B, and B then acts by itself. */
static void tell_spread(struct kd_brain *b, const struct kd_story *y)
{
    for (unsigned i = 0; i < y->n_hosts; i++) {
        const struct kd_story_host *h = &y->hosts[i];
        const struct kd_step *in = NULL;
        struct run run = {.n = 0};
        unsigned medium = 0, stages = 0;
        for (unsigned k = 0; k < y->n && h->part == KD_PART_SPREAD; k++) {
            const struct kd_step *t = &y->v[k];
            struct kd_addr actor;
            if (!kd_step_weighs(t) || !actor_of(b, t, &actor))
                continue;
            if (in == NULL && kd_addr_eq(&t->from, &h->from) && kd_addr_eq(&t->to, &h->addr) && t->stage != KD_STAGE_DISCOVERY)
                in = t;
            if (in != NULL && kd_addr_eq(&actor, &h->addr) && t->last_us >= in->first_us && run.n < COURSE_MOST)
                run.v[run.n++] = t;
        }
        if (in == NULL || run.n == 0 || in->severity < KD_MEDIUM)
            continue;
        for (unsigned k = 0; k < run.n; k++) {
            medium += run.v[k]->severity >= KD_MEDIUM;
            stages |= BIT(run.v[k]->stage);
        }
        uint8_t at_room[32];
        struct kd_out at = kd_out_of(at_room, sizeof(at_room));
        kd_text_time(&at, run.v[0]->first_us, b->zone_s);
        struct kd_fact facts[] = {{"at", kd_out_bytes_view(&at)}};
        bool sure = medium > 0 || __builtin_popcount(stages) >= 2;
        struct run with_in = run;
        if (with_in.n == COURSE_MOST)
            with_in.n--;
        memmove(&with_in.v[1], &with_in.v[0], with_in.n * sizeof(with_in.v[0]));
        with_in.v[0] = in;
        with_in.n++;
        tell_course(b, y, &kd_finding_KD_CO_0003, &with_in, &h->from, &h->addr, sure ? KD_HIGH : KD_MEDIUM, facts, 1);
    }
}

/* Several machines with findings about one outside place. */
static void tell_place(struct kd_brain *b, const struct kd_story *y, const struct kd_thing *place)
{
    struct run run = {.n = 0};
    struct kd_host_set who = {.n = 0};
    bool medium = false, high = false;
    for (unsigned i = 0; i < y->n; i++) {
        const struct kd_step *t = &y->v[i];
        struct kd_addr actor;
        bool about = false, known = false;
        for (unsigned k = 0; k < t->n_things; k++)
            about |= t->things[k].kind == place->kind && kd_bytes_eq(kd_thing_view(&t->things[k]), kd_thing_view(place));
        if (!about || !kd_step_weighs(t) || t->carried || !actor_of(b, t, &actor))
            continue;
        for (unsigned k = 0; k < who.n; k++)
            known |= kd_addr_eq(&who.v[k], &actor);
        if (known || who.n == KD_STORY_HOSTS)
            continue;
        who.v[who.n++] = actor;
        medium |= t->severity >= KD_MEDIUM;
        high |= t->severity >= KD_HIGH;
        if (run.n < COURSE_MOST)
            run.v[run.n++] = t;
    }
    if (who.n < MACHINES_MANY || !medium)
        return;
    uint8_t digits[24];
    struct kd_out o = kd_out_of(digits, sizeof(digits));
    kd_out_u64(&o, who.n);
    struct kd_fact facts[] = {{"machines", kd_out_bytes_view(&o)}};
    struct kd_addr none = {{0}};
    tell_course(b, y, &kd_finding_KD_CO_0004, &run, &who.v[0], place->is_addr ? &place->addr : &none,
                high ? KD_HIGH : KD_MEDIUM, facts, 1);
}

static void tell_places(struct kd_brain *b, const struct kd_story *y)
{
    for (unsigned i = 0; i < y->n; i++)
        for (unsigned k = 0; k < y->v[i].n_things; k++) {
            const struct kd_thing_seen *seen = kd_thing_find(&b->stories, &y->v[i].things[k]);
            if (seen != NULL && seen->thing.kind == KD_THING_PLACE && seen->n_hosts >= MACHINES_MANY)
                tell_place(b, y, &seen->thing);
        }
}

void kd_story_judge(struct kd_brain *b, struct kd_story *y)
{
    unsigned spread;
    find_hosts(b, y);
    y->first_us = 0;
    for (unsigned i = 0; i < y->n && y->first_us == 0; i++)
        y->first_us = kd_step_weighs(&y->v[i]) ? y->v[i].first_us : 0;
    uint8_t severity = severity_of(y, &spread);
    y->severity = severity > y->severity ? severity : y->severity;
    tell_courses(b, y);
    tell_spread(b, y);
    tell_places(b, y);
}
