/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/snaps.h"

#include "brain/internal.h"
#include "brain/text.h"

static void key_is_addr(struct kd_snap *s, struct kd_bytes key, struct kd_addr *ret)
{
    if (key.n != sizeof(ret->b))
        kd_snap_fail(s);
    else if (s->loading)
        memcpy(ret->b, key.p, key.n);
}

/* ---- hosts ---- */

static void text(struct kd_snap *s, struct kd_text *t)
{
    kd_snap_text(s, t->b, sizeof(t->b), &t->n);
}

void kd_snap_host(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct kd_host *h = state;
    key_is_addr(s, key, &h->addr);
    kd_snap_bytes(s, h->mac.b, sizeof(h->mac.b));
    kd_snap_u8_to(s, &h->severity, KD_HOST_SEVERITY_MAX);
    kd_snap_u8_to(s, &h->name_from, KD_FROM_DHCP);
    kd_snap_u8_to(s, &h->last_from, KD_FROM_DHCP);
    kd_snap_u8_to(s, &h->os_from, KD_SYSTEM_DHCP);
    kd_snap_u8_to(s, &h->prefix, 32);
    kd_snap_u16_to(s, &h->roles, (1u << KD_DUTY_BITS) - 1);
    kd_snap_time(s, &h->first_us);
    kd_snap_time(s, &h->last_us);
    kd_snap_time(s, &h->told_us);
    text(s, &h->name);
    text(s, &h->user);
    text(s, &h->os);
    bool dirty = h->dirty;
    kd_snap_bool(s, &dirty);
    if (s->loading)
        h->told = !dirty; /* what had changed is told anew */
}

void kd_host_loaded(struct kd_brain *b, void *state)
{
    struct kd_host *h = state;
    if (!h->told)
        kd_hosts_mark(&b->hosts, h);
}

/* ---- findings ---- */

static const struct kd_finding_kind *kind_of(uint64_t number)
{
    for (size_t i = 0; kd_finding_kinds[i] != NULL; i++)
        if (kd_finding_kinds[i]->number == number)
            return kd_finding_kinds[i];
    return NULL;
}

/* A kind that this version does not know any more is no reason to forget the others. */
void kd_snap_marks(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct kd_marks *m = state;
    struct kd_addr host;
    uint32_t n = m->n;
    key_is_addr(s, key, &host);
    kd_snap_u32_to(s, &n, KD_MARKS_MAX);
    m->n = s->loading ? 0 : m->n;
    for (uint32_t i = 0; i < n; i++) {
        struct kd_mark v = s->loading ? (struct kd_mark){.kind = NULL} : m->v[i];
        uint64_t number = v.kind == NULL ? 0 : v.kind->number;
        kd_snap_u64(s, &number);
        kd_snap_time(s, &v.last_us);
        kd_snap_u64(s, &v.peers[0]);
        kd_snap_u64(s, &v.peers[1]);
        kd_snap_u8_to(s, &v.severity, KD_CRITICAL);
        kd_snap_u8_to(s, &v.confidence, 100);
        v.kind = kind_of(number);
        if (s->loading && kd_snap_ok(s) && v.kind != NULL)
            m->v[m->n++] = v;
    }
}

/* Without the alert's text, which the next finding makes anew. */
void kd_snap_fold(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct kd_fold *f = state;
    uint8_t severity = (uint8_t)f->severity;
    (void)key;
    kd_snap_time(s, &f->born_us);
    kd_snap_time(s, &f->first_us);
    kd_snap_time(s, &f->last_us);
    kd_snap_u64(s, &f->count);
    kd_snap_u64(s, &f->episode);
    kd_snap_u64(s, &f->told_count);
    kd_snap_time(s, &f->told_us);
    kd_snap_u64(s, &f->quiet_us);
    kd_snap_u8_to(s, &severity, KD_CRITICAL);
    kd_snap_bool(s, &f->excepted);
    f->severity = severity;
    if (f->quiet_us > KD_US_PER_DAY || f->told_count > UINT64_MAX / 4 || f->count > UINT64_MAX / 4)
        kd_snap_fail(s);
}

/* ---- stories ---- */

static void thing(struct kd_snap *s, struct kd_thing *t)
{
    kd_snap_u8_to(s, &t->kind, KD_THING_LINK);
    kd_snap_text(s, t->text, sizeof(t->text), &t->n);
    kd_snap_text(s, t->name, sizeof(t->name), &t->n_name);
    kd_snap_bool(s, &t->is_addr);
    kd_snap_addr(s, &t->addr);
}

static void step(struct kd_snap *s, struct kd_step *t)
{
    kd_snap_bytes(s, t->key, sizeof(t->key));
    kd_snap_time(s, &t->first_us);
    kd_snap_time(s, &t->last_us);
    kd_snap_u64(s, &t->count);
    kd_snap_u64(s, &t->alert_id);
    kd_snap_addr(s, &t->host);
    kd_snap_addr(s, &t->from);
    kd_snap_addr(s, &t->to);
    kd_snap_u8_to(s, &t->stage, KD_STAGES - 1);
    kd_snap_u8_to(s, &t->severity, KD_CRITICAL);
    kd_snap_u8_to(s, &t->confidence, 100);
    kd_snap_bool(s, &t->remote_run);
    kd_snap_bool(s, &t->enters);
    kd_snap_bool(s, &t->carried);
    kd_snap_bool(s, &t->joins);
    kd_snap_bool(s, &t->context);
    kd_snap_u8_to(s, &t->n_things, KD_STEP_THINGS);
    for (unsigned i = 0; i < t->n_things; i++)
        thing(s, &t->things[i]);
    kd_snap_u8_to(s, &t->n_records, KD_STEP_RECORDS);
    for (unsigned i = 0; i < t->n_records; i++)
        kd_snap_u64(s, &t->records[i]);
    kd_snap_u8_to(s, &t->n_techniques, KD_STEP_TECHNIQUES);
    for (unsigned i = 0; i < t->n_techniques; i++)
        kd_snap_chars(s, t->technique[i], sizeof(t->technique[i]));
    kd_snap_chars(s, t->id, sizeof(t->id));
    kd_snap_chars(s, t->phase, sizeof(t->phase));
    kd_snap_text(s, t->user, sizeof(t->user), &t->n_user);
    for (int lang = KD_EN; lang <= KD_JA; lang++)
        kd_snap_text(s, t->title[lang], sizeof(t->title[lang]), &t->n_title[lang]);
}

void kd_snap_mail(struct kd_snap *s, struct kd_bytes key, void *state)
{
    (void)key;
    step(s, state);
}

void kd_snap_trail(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct kd_trail *t = state;
    key_is_addr(s, key, &t->host);
    kd_snap_u64(s, &t->story);
    kd_snap_time(s, &t->story_us);
    kd_snap_u32_to(s, &t->n, KD_TRAIL_STEPS);
    for (unsigned i = 0; i < t->n; i++)
        step(s, &t->v[i]);
    kd_snap_u32_to(s, &t->n_met, KD_TRAIL_MET);
    for (unsigned i = 0; i < t->n_met; i++) {
        thing(s, &t->met[i].thing);
        kd_snap_time(s, &t->met[i].us);
        kd_snap_u64(s, &t->met[i].record);
    }
}

void kd_snap_thing_seen(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct kd_thing_seen *t = state;
    (void)key;
    thing(s, &t->thing);
    kd_snap_time(s, &t->first_us);
    kd_snap_u32_to(s, &t->n_hosts, KD_THING_HOSTS);
    for (unsigned i = 0; i < t->n_hosts; i++) {
        kd_snap_addr(s, &t->hosts[i].addr);
        kd_snap_time(s, &t->hosts[i].first_us);
        kd_snap_u64(s, &t->hosts[i].record);
        kd_snap_bool(s, &t->hosts[i].told);
    }
    kd_snap_bool(s, &t->mailed);
}

static void story_host(struct kd_snap *s, struct kd_story_host *h)
{
    kd_snap_addr(s, &h->addr);
    kd_snap_addr(s, &h->from);
    kd_snap_time(s, &h->first_us);
    kd_snap_u8_to(s, &h->part, KD_PART_TARGETED);
}

void kd_snap_story(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct kd_story *y = state;
    struct kd_cur number = kd_cur_of(key);
    y->number = kd_cur_le64(&number);
    kd_snap_bytes(s, y->key, sizeof(y->key));
    kd_snap_time(s, &y->first_us);
    kd_snap_time(s, &y->last_us);
    kd_snap_time(s, &y->told_us);
    kd_snap_u64(s, &y->merged_into);
    kd_snap_u32(s, &y->version);
    kd_snap_u32(s, &y->left_out);
    kd_snap_u8_to(s, &y->severity, KD_CRITICAL);
    kd_snap_u8_to(s, &y->told_severity, KD_CRITICAL);
    kd_snap_u8_to(s, &y->n_told_hosts, KD_STORY_HOSTS);
    kd_snap_bool(s, &y->dirty);
    kd_snap_u32_to(s, &y->n_hosts, KD_STORY_HOSTS);
    for (unsigned i = 0; i < y->n_hosts; i++)
        story_host(s, &y->hosts[i]);
    kd_snap_u32_to(s, &y->n, KD_STORY_STEPS);
    for (unsigned i = 0; i < y->n; i++)
        step(s, &y->v[i]);
    /* Into an older one only: so a chain of them has an end. */
    if (key.n != 8 || y->merged_into >= y->number || y->number > UINT64_MAX / 2)
        kd_snap_fail(s);
}

void kd_story_loaded(struct kd_brain *b, void *state)
{
    const struct kd_story *y = state;
    b->stories.any_dirty |= y->dirty;
    b->stories.last_number = kd_max_u64(b->stories.last_number, y->number);
}
