/* SPDX-License-Identifier: Apache-2.0 */
/* Incident records: a story as it stands. */
#include "brain/story_text.h"

enum { THINGS_TOLD = 32, TEXT_MOST = 2048, TECHNIQUES_TOLD = 32 };

static const char *const parts[] = {"first", "spread", "entered", "same", "targeted"};
static const char *const thing_kinds[] = {"", "place", "file", "mail", "link"};

/* Everything an incident record points to while it is encoded. */
struct room {
    struct kd_incident_host hosts[KD_STORY_HOSTS];
    struct kd_incident_step steps[KD_STORY_STEPS];
    struct kd_bytes all_techniques[TECHNIQUES_TOLD], phases[KD_STAGES];
    uint8_t technique[KD_STORY_STEPS][96], records[KD_STORY_STEPS][96], step_things[KD_STORY_STEPS][320];
    struct kd_incident_thing things[THINGS_TOLD];
    uint8_t thing_hosts[THINGS_TOLD][KD_THING_HOSTS * 48];
    uint8_t title[2][512], zero_why[2][TEXT_MOST], summary[2][TEXT_MOST], unknown[2][TEXT_MOST], todo[2][TEXT_MOST];
    uint8_t encoded[KD_RECORD_MAX];
};

static void put_hosts(const struct kd_brain *b, const struct kd_story *y, struct room *r)
{
    for (unsigned i = 0; i < y->n_hosts; i++) {
        const struct kd_story_host *h = &y->hosts[i];
        const struct kd_host *known = kd_hosts_find(&b->hosts, &h->addr);
        unsigned n = 0;
        for (unsigned k = 0; k < y->n; k++)
            n += kd_step_weighs(&y->v[k]) && kd_step_acts(b, &y->v[k], &h->addr);
        r->hosts[i] = (struct kd_incident_host){
            .address = h->addr, .role = kd_str(parts[h->part]), .from = h->from, .first_us = h->first_us, .steps = n,
        };
        if (known == NULL)
            continue;
        r->hosts[i].name = kd_text_view(&known->name);
        r->hosts[i].user = kd_text_view(&known->user);
        r->hosts[i].severity = known->severity;
    }
}

static bool listed(const struct kd_bytes *list, size_t n, struct kd_bytes text)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_eq(list[i], text))
            return true;
    return false;
}

static void put_steps(const struct kd_story *y, struct room *r, size_t *ret_techniques, size_t *ret_phases)
{
    for (unsigned i = 0; i < y->n; i++) {
        const struct kd_step *t = &y->v[i];
        struct kd_out techniques = kd_out_of(r->technique[i], sizeof(r->technique[i]));
        struct kd_out records = kd_out_of(r->records[i], sizeof(r->records[i]));
        struct kd_out things = kd_out_of(r->step_things[i], sizeof(r->step_things[i]));
        for (unsigned k = 0; k < t->n_techniques; k++) {
            struct kd_bytes one = kd_str(t->technique[k]);
            kd_out_str(&techniques, k > 0 ? " " : "");
            kd_out_bytes(&techniques, one);
            bool known = listed(r->all_techniques, *ret_techniques, one);
            if (kd_step_weighs(t) && !known && *ret_techniques < TECHNIQUES_TOLD)
                r->all_techniques[(*ret_techniques)++] = one;
        }
        for (unsigned k = 0; k < t->n_records; k++) {
            kd_out_str(&records, k > 0 ? " " : "");
            kd_out_u64(&records, t->records[k]);
        }
        for (unsigned k = 0; k < t->n_things; k++) {
            kd_out_str(&things, k > 0 ? " " : "");
            kd_out_bytes(&things, kd_thing_view(&t->things[k]));
        }
        if (kd_step_weighs(t) && !listed(r->phases, *ret_phases, kd_str(t->phase)) && *ret_phases < KD_STAGES)
            r->phases[(*ret_phases)++] = kd_str(t->phase);
        r->steps[i] = (struct kd_incident_step){
            .first_us = t->first_us, .last_us = t->last_us, .count = t->count, .detection_id = kd_str(t->id),
            .alert_key = kd_bytes_of(t->key, t->id[0] == '\0' ? 0 : sizeof(t->key)), .alert_id = t->alert_id,
            .phase = kd_str(t->phase), .severity = kd_str(kd_severity_names[t->severity]),
            .technique = kd_out_bytes_view(&techniques), .host = t->host, .from = t->from, .to = t->to,
            .user = kd_bytes_of(t->user, t->n_user), .title_ja = kd_bytes_of(t->title[KD_JA], t->n_title[KD_JA]),
            .title_en = kd_bytes_of(t->title[KD_EN], t->n_title[KD_EN]), .record_ids = kd_out_bytes_view(&records),
            .things = kd_out_bytes_view(&things),
        };
    }
}

static void put_thing(const struct kd_brain *b, const struct kd_thing *t, struct room *r, size_t at)
{
    const struct kd_thing_seen *seen = kd_thing_find(&b->stories, t);
    struct kd_out hosts = kd_out_of(r->thing_hosts[at], sizeof(r->thing_hosts[at]));
    unsigned n = seen == NULL ? 0 : seen->n_hosts;
    for (unsigned i = 0; i < n; i++) {
        kd_out_str(&hosts, i > 0 ? " " : "");
        kd_out_addr(&hosts, &seen->hosts[i].addr);
    }
    r->things[at] = (struct kd_incident_thing){
        .kind = kd_str(thing_kinds[t->kind]), .value = kd_thing_view(t), .name = kd_bytes_of(t->name, t->n_name),
        .hosts = kd_out_bytes_view(&hosts), .n_hosts = n,
    };
}

static size_t put_things(const struct kd_brain *b, const struct kd_story *y, struct room *r)
{
    size_t n = 0;
    for (unsigned i = 0; i < y->n; i++)
        for (unsigned k = 0; k < y->v[i].n_things && n < THINGS_TOLD; k++) {
            const struct kd_thing *t = &y->v[i].things[k];
            bool known = false;
            for (size_t j = 0; j < n && !known; j++)
                known = kd_bytes_eq(r->things[j].value, kd_thing_view(t)) &&
                        kd_bytes_eq_str(r->things[j].kind, thing_kinds[t->kind]);
            if (!known)
                put_thing(b, t, r, n++);
        }
    return n;
}

struct texts {
    struct kd_bytes v[2];
};

static struct texts worded(const struct kd_story_facts *f, uint8_t *en, uint8_t *ja, size_t size,
                           void (*fn)(const struct kd_story_facts *, enum kd_lang, struct kd_out *))
{
    struct kd_out o[2] = {kd_out_of(en, size), kd_out_of(ja, size)};
    fn(f, KD_EN, &o[KD_EN]);
    fn(f, KD_JA, &o[KD_JA]);
    return (struct texts){{kd_out_bytes_view(&o[KD_EN]), kd_out_bytes_view(&o[KD_JA])}};
}

/* The surest of its weighing steps; several together are surer than one. */
static uint8_t confidence_of(const struct kd_story *y)
{
    unsigned doubt = 1000, n = 0;
    for (unsigned i = 0; i < y->n && n < 4; i++)
        if (kd_step_weighs(&y->v[i]) && y->v[i].severity >= KD_MEDIUM) {
            doubt = doubt * (100u - (unsigned)kd_min_size(y->v[i].confidence, 95) / 2) / 100;
            n++;
        }
    return (uint8_t)(n == 0 ? 40 : kd_min_size(100 - doubt / 10, 95));
}

static const struct kd_story *story_by_number(const struct kd_brain *b, uint64_t number)
{
    uint8_t key[8];
    struct kd_out o = kd_out_of(key, sizeof(key));
    kd_out_le64(&o, number);
    return kd_table_peek(&b->stories.stories, kd_out_bytes_view(&o));
}

static void tell(struct kd_brain *b, struct kd_story *y)
{
    size_t size;
    struct room *r = kd_pool_take(b->pool, sizeof(*r), &size);
    if (r == NULL) {
        b->n_lost++;
        return;
    }
    struct kd_story_facts f;
    kd_story_facts(b, y, &f);
    size_t n_techniques = 0, n_phases = 0;
    put_hosts(b, y, r);
    put_steps(y, r, &n_techniques, &n_phases);
    struct texts title = worded(&f, r->title[0], r->title[1], sizeof(r->title[0]), kd_story_title);
    struct texts why = worded(&f, r->zero_why[0], r->zero_why[1], TEXT_MOST, kd_story_zero_why);
    struct texts summary = worded(&f, r->summary[0], r->summary[1], TEXT_MOST, kd_story_summary);
    struct texts unknown = worded(&f, r->unknown[0], r->unknown[1], TEXT_MOST, kd_story_unknown);
    struct texts todo = worded(&f, r->todo[0], r->todo[1], TEXT_MOST, kd_story_do);
    const struct kd_story *into = y->merged_into == 0 ? NULL : story_by_number(b, y->merged_into);
    const struct kd_host *zero = f.zero == NULL ? NULL : kd_hosts_find(&b->hosts, &f.zero->addr);
    struct kd_rec_incident rec = {
        .key = kd_bytes_of(y->key, sizeof(y->key)), .state = kd_str(y->merged_into == 0 ? "open" : "merged"),
        .merged_into = into == NULL ? kd_str("") : kd_bytes_of(into->key, sizeof(into->key)), .version = ++y->version,
        .title_ja = title.v[KD_JA], .title_en = title.v[KD_EN], .severity = kd_str(kd_severity_names[y->severity]),
        .confidence = confidence_of(y), .first_us = y->first_us, .last_us = y->last_us, .phases = {r->phases, n_phases},
        .technique = {r->all_techniques, n_techniques}, .zero_name = zero == NULL ? kd_str("") : kd_text_view(&zero->name),
        .zero_why_ja = why.v[KD_JA], .zero_why_en = why.v[KD_EN], .hosts = {r->hosts, y->n_hosts},
        .steps = {r->steps, y->n}, .steps_left_out = y->left_out, .things = {r->things, put_things(b, y, r)},
        .summary_ja = summary.v[KD_JA], .summary_en = summary.v[KD_EN], .unknown_ja = unknown.v[KD_JA],
        .unknown_en = unknown.v[KD_EN], .do_ja = todo.v[KD_JA], .do_en = todo.v[KD_EN],
    };
    if (f.zero != NULL)
        rec.zero = f.zero->addr;
    struct kd_rec_head head = {.type = KD_REC_INCIDENT, .ts_us = b->now_us};
    kd_brain_emit(b, &head, &rec);
    kd_pool_give(b->pool, r, size);
    y->dirty = false;
    y->told_us = b->now_us;
}

void kd_story_leave(void *arg, struct kd_bytes key, void *state)
{
    (void)key;
    struct kd_story *y = state;
    if (y->dirty)
        tell(arg, y);
}

struct telling {
    struct kd_brain *b;
    uint64_t quiet_us;
    bool rest;
};

static bool tell_if_due(void *arg, struct kd_bytes key, void *state)
{
    (void)key;
    struct telling *t = arg;
    struct kd_story *y = state;
    bool wait = y->told_us != 0 && t->b->now_us - y->told_us < t->quiet_us;
    if (y->dirty && !wait)
        tell(t->b, y);
    t->rest |= y->dirty;
    return true;
}

void kd_story_tell(struct kd_brain *b, uint64_t quiet_us)
{
    if (!b->stories.any_dirty)
        return;
    struct telling t = {.b = b, .quiet_us = quiet_us};
    kd_table_each(&b->stories.stories, tell_if_due, &t);
    b->stories.any_dirty = t.rest;
}
