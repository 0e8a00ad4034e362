/* SPDX-License-Identifier: Apache-2.0 */
/* From told alerts to stories: trails of hosts, who belongs together, when a story begins and grows. */
#include "base/hash.h"
#include "brain/internal.h"
#include "brain/text.h"

enum { TRAILS_MOST = 1024, THINGS_MOST = 8192, MAILS_MOST = 512, STORIES_MOST = 128 };
#define STORY_IDLE_US (7 * KD_US_PER_DAY)
#define WEIGHTY_US (3 * KD_US_PER_DAY) /* how long a medium finding waits for others; lower ones a day */
#define CONTEXT_US KD_US_PER_HOUR      /* information up to this long before the first finding is told with it */
#define LOWS_US (6 * KD_US_PER_HOUR)
#define TWIN_US (2 * (uint64_t)KD_US_PER_S)

/* ---- one alert ---- */

static enum kd_stage stage_of(const struct kd_rec_alert *a)
{
    static const struct {
        const char *area, *phase;
        enum kd_stage stage;
    } stages[] = {
        {"KD-PE-", "point_of_entry", KD_STAGE_ENTRY},     {"KD-CC-", "command_and_control", KD_STAGE_CONTROL},
        {"KD-DI-", "discovery", KD_STAGE_DISCOVERY},      {"KD-CR-", "", KD_STAGE_CREDENTIALS},
        {"KD-LM-", "lateral_movement", KD_STAGE_LATERAL}, {"KD-EX-", "exfiltration", KD_STAGE_EXFILTRATION},
        {"KD-IM-", "impact", KD_STAGE_IMPACT},
    };
    for (size_t i = 0; i < KD_COUNT(stages); i++)
        if (kd_bytes_starts(a->detection_id, kd_str(stages[i].area)))
            return stages[i].stage;
    if (kd_bytes_starts(a->detection_id, kd_str("KD-PO-")) || kd_bytes_starts(a->detection_id, kd_str("KD-ST-")))
        return KD_STAGE_NONE;
    for (size_t i = 0; i < KD_COUNT(stages); i++)
        if (kd_bytes_eq_str(a->phase, stages[i].phase))
            return stages[i].stage;
    return KD_STAGE_NONE;
}

/* Techniques that are something being run on the other machine. */
static bool is_remote_run(struct kd_bytes technique)
{
    static const char *const run[] = {"T1569", "T1543", "T1047", "T1053", "T1021.003", "T1021.006"};
    for (size_t i = 0; i < KD_COUNT(run); i++)
        if (kd_bytes_starts(technique, kd_str(run[i])))
            return true;
    return false;
}

static bool is_entering(struct kd_bytes technique)
{
    static const char *const in[] = {"T1078", "T1021", "T1570", "T1550"};
    for (size_t i = 0; i < KD_COUNT(in); i++)
        if (kd_bytes_starts(technique, kd_str(in[i])))
            return true;
    return false;
}

static void copy_text(char *to, size_t size, struct kd_bytes text)
{
    size_t n = kd_min_size(text.n, size - 1);
    if (n > 0)
        memcpy(to, text.p, n);
    to[n] = '\0';
}

static uint8_t clean(uint8_t *to, size_t size, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(to, size);
    kd_text_clean(&o, text, size);
    return (uint8_t)o.n;
}

static uint64_t number_of(struct kd_bytes text)
{
    uint64_t v = 0;
    for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
        v = 10 * v + (uint64_t)(text.p[i] - '0');
    return v;
}

/* The side that acted: who began the conversation, when he is one of the two. */
static void set_sides(const struct kd_brain *b, const struct kd_rec_head *head, const struct kd_rec_alert *a,
                      struct kd_step *t)
{
    t->host = a->host;
    bool by_peer = !kd_addr_is_none(&a->peer) && kd_addr_eq(&head->src, &a->peer) && kd_addr_eq(&head->dst, &a->host);
    /* Who is called from outside and then calls out is still the one who calls out. */
    by_peer = by_peer && (kd_hosts_inside(&b->hosts, &a->peer) || t->stage != KD_STAGE_CONTROL);
    t->from = by_peer ? a->peer : a->host;
    t->to = by_peer ? a->host : a->peer;
}

/* What says little about the host it is told of: the outside tries doors, as every server that can be reached
 * sees daily; a resolver asks for others; a machine calls an inside one regularly. */
static bool is_context(const struct kd_brain *b, const struct kd_step *t, const struct kd_record *r)
{
    bool tries = t->stage == KD_STAGE_DISCOVERY || t->stage == KD_STAGE_CREDENTIALS;
    if (tries && t->severity < KD_HIGH && !kd_addr_is_none(&t->from) && !kd_hosts_inside(&b->hosts, &t->from))
        return true;
    if (t->stage != KD_STAGE_CONTROL || t->severity >= KD_HIGH)
        return false;
    const struct kd_host *host = kd_hosts_find(&b->hosts, &t->host);
    bool dns = r != NULL && r->head->type == KD_REC_DNS;
    if (dns)
        return host != NULL && (host->roles & KD_DUTY_DNS) != 0;
    return t->severity < KD_MEDIUM && kd_hosts_inside(&b->hosts, &t->to);
}

static void step_of(const struct kd_brain *b, const struct kd_rec_head *head, const struct kd_rec_alert *a,
                    const struct kd_record *r, struct kd_step *t)
{
    *t = (struct kd_step){.first_us = a->first_us, .last_us = a->last_us, .count = a->count, .alert_id = head->id};
    memcpy(t->key, a->key.p, kd_min_size(a->key.n, sizeof(t->key)));
    t->stage = (uint8_t)stage_of(a);
    t->severity = (uint8_t)kd_severity_of(a->severity);
    t->confidence = a->confidence;
    set_sides(b, head, a, t);
    copy_text(t->id, sizeof(t->id), a->detection_id);
    copy_text(t->phase, sizeof(t->phase), a->phase);
    for (size_t i = 0; i < a->technique.n && t->n_techniques < KD_STEP_TECHNIQUES; i++) {
        copy_text(t->technique[t->n_techniques++], sizeof(t->technique[0]), a->technique.v[i]);
        t->remote_run |= t->severity >= KD_MEDIUM && is_remote_run(a->technique.v[i]);
        t->enters |= t->severity >= KD_MEDIUM && is_entering(a->technique.v[i]);
    }
    for (size_t i = 0; i < a->record_ids.n && t->n_records < KD_STEP_RECORDS; i++)
        t->records[t->n_records++] = number_of(a->record_ids.v[i]);
    t->n_user = clean(t->user, sizeof(t->user), a->user);
    t->n_title[KD_EN] = clean(t->title[KD_EN], sizeof(t->title[0]), a->title_en);
    t->n_title[KD_JA] = clean(t->title[KD_JA], sizeof(t->title[0]), a->title_ja);
    t->carried = r != NULL && r->head->type == KD_REC_SMTP && t->stage == KD_STAGE_ENTRY;
    t->context = is_context(b, t, r);
    kd_things_of(b, a, r, t);
}

/* ---- trails ---- */

struct kd_trail *kd_trail_find(const struct kd_stories *s, const struct kd_addr *a)
{
    return kd_table_peek(&s->trails, kd_bytes_of(a->b, sizeof(a->b)));
}

bool kd_step_acts(const struct kd_brain *b, const struct kd_step *t, const struct kd_addr *a)
{
    return kd_addr_eq(&t->from, a) || (kd_addr_eq(&t->host, a) && !kd_hosts_inside(&b->hosts, &t->from));
}

void kd_story_due(struct kd_brain *b, const struct kd_addr *a)
{
    struct kd_stories *s = &b->stories;
    for (unsigned i = 0; i < s->n_due; i++)
        if (kd_addr_eq(&s->due[i], a))
            return;
    if (s->n_due < KD_STORY_DUE)
        s->due[s->n_due++] = *a;
}

/* Room in a full trail: the lightest, of those the oldest, goes. */
static struct kd_step *trail_room(struct kd_trail *trail)
{
    if (trail->n < KD_TRAIL_STEPS)
        return &trail->v[trail->n++];
    unsigned least = 0;
    for (unsigned i = 1; i < trail->n; i++)
        if (trail->v[i].severity < trail->v[least].severity)
            least = i;
    memmove(&trail->v[least], &trail->v[least + 1], (trail->n - least - 1) * sizeof(trail->v[0]));
    return &trail->v[trail->n - 1];
}

static bool same_step(const struct kd_step *a, const struct kd_step *b)
{
    return memcmp(a->key, b->key, sizeof(a->key)) == 0 && kd_addr_eq(&a->host, &b->host);
}

/* Bring a known step up to date: things and sides stay those of its beginning. */
static bool renew_step(struct kd_step *old, const struct kd_step *t)
{
    bool graver = t->severity > old->severity;
    old->severity = graver ? t->severity : old->severity;
    old->context &= t->context;
    old->last_us = kd_max_u64(old->last_us, t->last_us);
    old->count = t->count;
    old->alert_id = t->alert_id;
    old->remote_run |= t->remote_run;
    old->enters |= t->enters;
    return graver;
}

/* True when it is new or graver. */
static bool put_on_trail(struct kd_brain *b, const struct kd_addr *a, const struct kd_step *t)
{
    bool is_new;
    struct kd_trail *trail = kd_table_get(&b->stories.trails, kd_bytes_of(a->b, sizeof(a->b)), b->now_us, &is_new);
    if (trail == NULL)
        return false;
    trail->host = *a;
    for (unsigned i = 0; i < trail->n; i++)
        if (same_step(&trail->v[i], t))
            return renew_step(&trail->v[i], t);
    *trail_room(trail) = *t;
    return true;
}

static struct kd_story *story_of(const struct kd_stories *s, uint64_t number)
{
    uint8_t key[8];
    struct kd_out o = kd_out_of(key, sizeof(key));
    kd_out_le64(&o, number);
    return number == 0 ? NULL : kd_table_peek(&s->stories, kd_bytes_of(key, sizeof(key)));
}

static struct kd_story *open_story(const struct kd_brain *b, const struct kd_trail *trail)
{
    struct kd_story *y = trail == NULL ? NULL : story_of(&b->stories, trail->story);
    while (y != NULL && y->merged_into != 0)
        y = story_of(&b->stories, y->merged_into);
    return y != NULL && b->now_us - kd_min_u64(y->last_us, b->now_us) <= STORY_IDLE_US ? y : NULL;
}

void kd_story_touch(struct kd_stories *s, uint64_t number)
{
    struct kd_story *y = story_of(s, number);
    if (y != NULL) {
        y->dirty = true;
        s->any_dirty = true;
    }
}

void kd_story_alert(struct kd_brain *b, const struct kd_rec_head *head, const struct kd_rec_alert *a,
                    const struct kd_record *r)
{
    struct kd_step t;
    if (kd_bytes_starts(a->detection_id, kd_str("KD-CO-")) || kd_addr_is_none(&a->host))
        return;
    step_of(b, head, a, r, &t);
    if (t.stage == KD_STAGE_NONE)
        return;
    kd_things_learn(b, &t);
    if (t.carried)
        return;
    const struct kd_addr *actor = kd_hosts_inside(&b->hosts, &t.from) ? &t.from : &t.host;
    bool news = put_on_trail(b, actor, &t);
    if (kd_hosts_inside(&b->hosts, &t.to) && !kd_addr_eq(&t.to, actor))
        (void)put_on_trail(b, &t.to, &t);
    if (news) {
        kd_story_due(b, actor);
        if (kd_hosts_inside(&b->hosts, &t.to) && !kd_addr_eq(&t.to, actor))
            kd_story_due(b, &t.to);
        return;
    }
    struct kd_story *y = open_story(b, kd_trail_find(&b->stories, actor));
    if (y != NULL)
        (void)kd_story_add(y, &t);
}

/* ---- who belongs together ---- */

static bool is_fresh(const struct kd_brain *b, const struct kd_step *t)
{
    uint64_t age = b->now_us > t->last_us ? b->now_us - t->last_us : 0;
    return age <= (t->severity >= KD_MEDIUM ? WEIGHTY_US : KD_US_PER_DAY);
}

/* Has `a` done something of its own after that time? */
static bool acts_after(const struct kd_brain *b, const struct kd_addr *a, uint64_t us)
{
    const struct kd_trail *trail = kd_trail_find(&b->stories, a);
    for (unsigned i = 0; trail != NULL && i < trail->n; i++)
        if (kd_step_weighs(&trail->v[i]) && kd_step_acts(b, &trail->v[i], a) && trail->v[i].last_us > us)
            return true;
    return false;
}

static void join(struct kd_host_set *set, const struct kd_addr *a)
{
    for (unsigned i = 0; i < set->n; i++)
        if (kd_addr_eq(&set->v[i], a))
            return;
    if (set->n < KD_STORY_HOSTS)
        set->v[set->n++] = *a;
}

static bool reaches(const struct kd_step *t)
{
    return t->stage == KD_STAGE_LATERAL || t->stage == KD_STAGE_CREDENTIALS;
}

static bool medium_about(const struct kd_brain *b, const struct kd_addr *a, const struct kd_thing *thing)
{
    const struct kd_trail *trail = kd_trail_find(&b->stories, a);
    for (unsigned i = 0; trail != NULL && i < trail->n; i++)
        for (unsigned k = 0; k < trail->v[i].n_things; k++)
            if (trail->v[i].severity >= KD_MEDIUM && trail->v[i].things[k].kind == thing->kind &&
                kd_bytes_eq(kd_thing_view(&trail->v[i].things[k]), kd_thing_view(thing)))
                return true;
    return false;
}

/* Others with a finding about the same thing, when one of the two is medium or worse. */
static void join_by_things(const struct kd_brain *b, const struct kd_step *t, struct kd_host_set *set)
{
    for (unsigned k = 0; k < t->n_things; k++) {
        const struct kd_thing_seen *seen = kd_thing_find(&b->stories, &t->things[k]);
        for (unsigned i = 0; seen != NULL && i < seen->n_hosts; i++)
            if (seen->hosts[i].told &&
                (t->severity >= KD_MEDIUM || medium_about(b, &seen->hosts[i].addr, &t->things[k])))
                join(set, &seen->hosts[i].addr);
    }
}

void kd_story_group(struct kd_brain *b, const struct kd_addr *a, struct kd_host_set *set)
{
    set->n = 0;
    join(set, a);
    for (unsigned at = 0; at < set->n; at++) {
        struct kd_addr x = set->v[at];
        const struct kd_trail *trail = kd_trail_find(&b->stories, &x);
        for (unsigned i = 0; trail != NULL && i < trail->n; i++) {
            const struct kd_step *t = &trail->v[i];
            if (!kd_step_weighs(t) || !is_fresh(b, t))
                continue;
            bool acts = kd_step_acts(b, t, &x);
            if (acts)
                join_by_things(b, t, set);
            const struct kd_addr *other = acts ? &t->to : &t->from;
            if (reaches(t) && kd_hosts_inside(&b->hosts, other) && acts_after(b, acts ? other : &x, t->first_us))
                join(set, other);
        }
    }
}

/* ---- a story begins and grows ---- */

void kd_story_weigh(struct kd_story_weight *w, const struct kd_step *t)
{
    if (!kd_step_weighs(t))
        return;
    unsigned bit = 1u << t->stage;
    w->low |= bit;
    w->medium |= t->severity >= KD_MEDIUM ? bit : 0;
    w->high |= t->severity >= KD_HIGH ? bit : 0;
    w->first_us = w->first_us == 0 ? t->first_us : kd_min_u64(w->first_us, t->first_us);
    w->last_us = kd_max_u64(w->last_us, t->last_us);
}

bool kd_story_begins(const struct kd_story_weight *w)
{
    int stages = __builtin_popcount(w->low);
    if (w->medium != 0)
        return stages >= 2 || (w->n_hosts >= 3);
    return stages >= 3 && w->last_us - w->first_us <= LOWS_US;
}

static bool better(const struct kd_step *a, const struct kd_step *b)
{
    return a->severity != b->severity ? a->severity > b->severity : a->first_us < b->first_us;
}

/* Where the least telling step stands, to make room for t; n when t itself is the least. */
static unsigned least_step(const struct kd_story *y, const struct kd_step *t)
{
    unsigned least = y->n;
    for (unsigned i = 0; i < y->n; i++)
        if (better(least == y->n ? t : &y->v[least], &y->v[i]))
            least = i;
    return least;
}

bool kd_story_add(struct kd_story *y, const struct kd_step *t)
{
    y->last_us = kd_step_weighs(t) ? kd_max_u64(y->last_us, t->last_us) : y->last_us;
    for (unsigned i = 0; i < y->n; i++)
        if (same_step(&y->v[i], t))
            return renew_step(&y->v[i], t);
    if (y->n == KD_STORY_STEPS) {
        y->left_out++;
        unsigned least = least_step(y, t);
        if (least == y->n)
            return false;
        memmove(&y->v[least], &y->v[least + 1], (y->n - least - 1) * sizeof(y->v[0]));
        y->n--;
    }
    unsigned at = y->n;
    while (at > 0 && (y->v[at - 1].first_us > t->first_us ||
                      (y->v[at - 1].first_us == t->first_us && t->joins && !y->v[at - 1].joins)))
        at--;
    memmove(&y->v[at + 1], &y->v[at], (y->n - at) * sizeof(y->v[0]));
    y->v[at] = *t;
    y->n++;
    return true;
}

/* The mail that a host met the contents of, as a step of this host, and the meeting itself. */
static bool mail_steps(const struct kd_brain *b, const struct kd_trail *trail, const struct kd_met *met,
                       struct kd_step ret[2])
{
    const struct kd_step *mail = kd_thing_mail(&b->stories, &met->thing);
    if (mail == NULL)
        return false;
    ret[0] = *mail;
    ret[0].host = trail->host;
    ret[0].from = (struct kd_addr){{0}};
    ret[0].to = trail->host;
    ret[1] = (struct kd_step){
        .first_us = met->us, .last_us = met->us, .count = 1, .host = trail->host, .from = trail->host, .joins = true,
        .stage = KD_STAGE_ENTRY, .severity = KD_INFO, .n_things = 1, .things = {met->thing}, .n_records = 1,
        .records = {met->record}, .phase = "point_of_entry"};
    uint64_t sum[2] = {kd_hash(met->thing.text, met->thing.n, 1), kd_hash(met->thing.text, met->thing.n, 2)};
    memcpy(ret[1].key, sum, sizeof(sum));
    for (int lang = KD_EN; lang <= KD_JA; lang++) {
        struct kd_out o = kd_out_of(ret[1].title[lang], sizeof(ret[1].title[0]));
        bool file = met->thing.kind == KD_THING_FILE;
        struct kd_bytes what = file && met->thing.n_name > 0 ? kd_bytes_of(met->thing.name, met->thing.n_name)
                                                             : kd_thing_view(&met->thing);
        kd_out_str(&o, lang == KD_JA ? "疑わしいメールの" : file ? "The file of the suspicious mail was fetched: "
                                                                 : "The link of the suspicious mail was opened: ");
        if (lang == KD_JA)
            kd_out_str(&o, file ? "添付と同じファイルを取得:" : "リンク先を開いた:");
        kd_out_bytes(&o, what);
        ret[1].n_title[lang] = (uint8_t)o.n;
    }
    return true;
}

static bool share_record(const struct kd_step *a, const struct kd_step *b)
{
    for (unsigned i = 0; i < a->n_records; i++)
        for (unsigned k = 0; k < b->n_records; k++)
            if (a->records[i] == b->records[k])
                return true;
    return false;
}

/* Two detectors that judged the same conversation are no two stages of an attack. */
static bool is_twin(const struct kd_trail *trail, unsigned at)
{
    const struct kd_step *t = &trail->v[at];
    for (unsigned i = 0; i < trail->n; i++) {
        const struct kd_step *o = &trail->v[i];
        bool before = o->severity > t->severity || (o->severity == t->severity && i < at);
        uint64_t apart = o->first_us > t->first_us ? o->first_us - t->first_us : t->first_us - o->first_us;
        bool same = share_record(o, t) || (apart < TWIN_US && !kd_addr_is_none(&t->to) && kd_addr_eq(&o->to, &t->to));
        if (i != at && before && same && o->stage != t->stage && kd_step_weighs(o))
            return true;
    }
    return false;
}

static void weigh_group(struct kd_brain *b, const struct kd_host_set *set, struct kd_story_weight *w)
{
    *w = (struct kd_story_weight){.n_hosts = 0};
    for (unsigned k = 0; k < set->n; k++) {
        const struct kd_trail *trail = kd_trail_find(&b->stories, &set->v[k]);
        unsigned own = 0;
        for (unsigned i = 0; trail != NULL && i < trail->n; i++)
            if (kd_step_acts(b, &trail->v[i], &set->v[k]) && is_fresh(b, &trail->v[i]) && !is_twin(trail, i)) {
                kd_story_weigh(w, &trail->v[i]);
                own += kd_step_weighs(&trail->v[i]);
            }
        for (unsigned i = 0; trail != NULL && own > 0 && i < trail->n_met; i++) {
            const struct kd_step *mail = kd_thing_mail(&b->stories, &trail->met[i].thing);
            if (mail != NULL)
                kd_story_weigh(w, mail);
        }
        w->n_hosts += own > 0;
    }
}

static struct kd_story *new_story(struct kd_brain *b, const struct kd_host_set *set)
{
    struct kd_stories *s = &b->stories;
    uint8_t key[8];
    struct kd_out o = kd_out_of(key, sizeof(key));
    kd_out_le64(&o, ++s->last_number);
    struct kd_story *y = kd_table_get(&s->stories, kd_bytes_of(key, sizeof(key)), b->now_us, NULL);
    if (y == NULL) {
        b->n_lost++;
        return NULL;
    }
    y->number = s->last_number;
    uint64_t sum[2] = {kd_hash(set->v[0].b, sizeof(set->v[0].b), b->now_us),
                       kd_hash(set->v[0].b, sizeof(set->v[0].b), ~b->now_us)};
    memcpy(y->key, sum, sizeof(sum));
    return y;
}

/* Single failed logons say nothing more once guessing at the same machine is told. */
static bool is_said(const struct kd_trail *trail, const struct kd_step *t)
{
    for (unsigned i = 0; i < trail->n && t->stage == KD_STAGE_CREDENTIALS && t->severity == KD_INFO; i++)
        if (trail->v[i].stage == t->stage && kd_step_weighs(&trail->v[i]) && kd_addr_eq(&trail->v[i].to, &t->to))
            return true;
    return false;
}

/* The steps of one host into the story. */
static bool take_in(struct kd_brain *b, struct kd_story *y, struct kd_trail *trail, uint64_t first_us)
{
    bool news = trail->story != y->number;
    trail->story = y->number;
    for (unsigned i = 0; i < trail->n; i++) {
        const struct kd_step *t = &trail->v[i];
        bool context = !kd_step_weighs(t) && t->last_us + CONTEXT_US < first_us;
        if (kd_step_acts(b, t, &trail->host) && is_fresh(b, t) && !context && !is_said(trail, t))
            news |= kd_story_add(y, t);
    }
    for (unsigned i = 0; i < trail->n_met; i++) {
        struct kd_step mail[2];
        if (mail_steps(b, trail, &trail->met[i], mail)) {
            news |= kd_story_add(y, &mail[0]);
            news |= kd_story_add(y, &mail[1]);
        }
    }
    return news;
}

static void merge(struct kd_brain *b, struct kd_story *into, struct kd_story *y)
{
    for (unsigned i = 0; i < y->n; i++)
        (void)kd_story_add(into, &y->v[i]);
    for (unsigned i = 0; i < y->n_hosts; i++) {
        struct kd_trail *trail = kd_trail_find(&b->stories, &y->hosts[i].addr);
        if (trail != NULL && trail->story == y->number)
            trail->story = into->number;
    }
    y->merged_into = into->number;
    y->dirty = true;
}

/* The oldest open story of these hosts; the others go into it. */
static struct kd_story *common_story(struct kd_brain *b, const struct kd_host_set *set, bool *ret_merged)
{
    struct kd_story *y = NULL;
    *ret_merged = false;
    for (unsigned i = 0; i < set->n; i++) {
        struct kd_story *o = open_story(b, kd_trail_find(&b->stories, &set->v[i]));
        if (o != NULL && (y == NULL || o->number < y->number))
            y = o;
    }
    for (unsigned i = 0; y != NULL && i < set->n; i++) {
        struct kd_story *o = open_story(b, kd_trail_find(&b->stories, &set->v[i]));
        if (o != NULL && o != y) {
            merge(b, y, o);
            *ret_merged = true;
        }
    }
    return y;
}

static void judge_host(struct kd_brain *b, const struct kd_addr *a)
{
    struct kd_host_set set;
    struct kd_story_weight w;
    kd_story_group(b, a, &set);
    bool news;
    struct kd_story *y = common_story(b, &set, &news);
    weigh_group(b, &set, &w);
    if (y == NULL && kd_story_begins(&w))
        y = new_story(b, &set);
    if (y == NULL)
        return;
    for (unsigned i = 0; i < set.n; i++) {
        struct kd_trail *trail = kd_trail_find(&b->stories, &set.v[i]);
        if (trail != NULL)
            news |= take_in(b, y, trail, w.first_us);
    }
    if (!news)
        return;
    kd_story_judge(b, y);
    y->dirty = true;
    b->stories.any_dirty = true;
}

void kd_story_work(struct kd_brain *b)
{
    struct kd_stories *s = &b->stories;
    while (s->n_due > 0) {
        struct kd_addr a = s->due[--s->n_due];
        judge_host(b, &a);
    }
}

/* ---- life ---- */

bool kd_stories_init(struct kd_stories *s, struct kd_brain *b, struct kd_pool *pool, uint64_t seed)
{
    *s = (struct kd_stories){.last_number = 0};
    bool ok = kd_table_init(&s->trails, pool, sizeof(struct kd_trail), TRAILS_MOST, seed) &&
              kd_table_init(&s->things, pool, sizeof(struct kd_thing_seen), THINGS_MOST, seed) &&
              kd_table_init(&s->mails, pool, sizeof(struct kd_step), MAILS_MOST, seed) &&
              kd_table_init(&s->stories, pool, sizeof(struct kd_story), STORIES_MOST, seed);
    s->stories.leave = kd_story_leave;
    s->stories.arg = b;
    return ok;
}

void kd_stories_done(struct kd_stories *s)
{
    kd_table_done(&s->trails);
    kd_table_done(&s->things);
    kd_table_done(&s->mails);
    kd_table_done(&s->stories);
}

void kd_stories_expire(struct kd_stories *s, uint64_t now_us)
{
    enum { STEP = 256 };
    if (now_us <= STORY_IDLE_US)
        return;
    kd_table_expire(&s->trails, now_us - STORY_IDLE_US, STEP);
    kd_table_expire(&s->things, now_us - STORY_IDLE_US, STEP);
    kd_table_expire(&s->mails, now_us - STORY_IDLE_US, STEP);
    kd_table_expire(&s->stories, now_us - STORY_IDLE_US, STEP);
}
