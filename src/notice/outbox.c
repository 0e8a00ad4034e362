/* SPDX-License-Identifier: Apache-2.0 */
#include "notice/outbox.h"

#define DAY_US KD_US_PER_DAY

struct entry {
    bool used;
    uint64_t news_us; /* when its present news came to us */
    struct kd_notice item;
    uint8_t text[KD_NOTICE_MAX]; /* what the item's texts point into */
};

struct kd_outbox {
    uint64_t quiet_us;
    uint64_t mailed_us[KD_MAILS_PER_HOUR]; /* the last mails, oldest first */
    struct entry entry[KD_OUTBOX_ITEMS];
};

struct kd_outbox *kd_outbox_new(uint64_t quiet_us)
{
    struct kd_outbox *b = calloc(1, sizeof(*b));
    if (b != NULL)
        b->quiet_us = quiet_us;
    return b;
}

void kd_outbox_free(struct kd_outbox *b)
{
    free(b);
}

/* ---- one item ---- */

/* Nothing was told of it, or it has become worse since. */
static bool is_new(const struct kd_notice *n)
{
    return n->told_times == 0 || n->severity > n->told_severity;
}

static bool needs_mail(const struct kd_notice *n)
{
    if (n->over) /* of the end of a trouble who knew of it wants to hear; what became part of
                    something else is told there */
        return n->kind == KD_NOTICE_SENSOR && n->told_times > 0;
    return n->kind == KD_NOTICE_TEST || is_new(n) || n->count > n->told_count;
}

/* Each further mail about the same waits twice as long, up to a day (or what was configured). */
static uint64_t quiet_of(const struct kd_outbox *b, const struct kd_notice *n)
{
    unsigned doublings = n->told_times == 0 ? 0 : n->told_times - 1;
    uint64_t quiet =
        b->quiet_us << (doublings < KD_QUIET_DOUBLINGS ? doublings : KD_QUIET_DOUBLINGS);
    return kd_min_u64(quiet, kd_max_u64(DAY_US, b->quiet_us));
}

static uint64_t due_us(const struct kd_outbox *b, const struct entry *e, uint64_t now_us)
{
    const struct kd_notice *n = &e->item;
    if (n->kind == KD_NOTICE_TEST || n->over)
        return 0;
    if (is_new(n))
        return e->news_us + KD_GATHER_S * (uint64_t)KD_US_PER_S;
    /* A clock that was set back must not silence anything for long. */
    return kd_min_u64(n->told_us, now_us) + quiet_of(b, n);
}

/* ---- taking items ---- */

static bool copy(struct kd_bytes *text, struct kd_out *o)
{
    size_t at = o->n;
    kd_out_bytes(o, *text);
    *text = kd_bytes_of(o->p + at, o->n - at);
    return kd_out_ok(o);
}

static void keep(struct entry *e, const struct kd_notice *item)
{
    struct kd_out o = kd_out_of(e->text, sizeof(e->text));
    e->item = *item;
    struct kd_notice *n = &e->item;
    struct kd_bytes *texts[] = {&n->host,    &n->host_name, &n->title.ja,  &n->title.en,
                                &n->what.ja, &n->what.en,   &n->action.ja, &n->action.en};
    for (size_t i = 0; i < KD_COUNT(texts); i++)
        if (!copy(texts[i], &o))
            *texts[i] =
                kd_str(""); /* the format's bounds leave room; a longer text is no text of ours */
    e->used = true;
}

static struct entry *find(struct kd_outbox *b, uint64_t id)
{
    for (size_t i = 0; i < KD_OUTBOX_ITEMS; i++)
        if (b->entry[i].used && b->entry[i].item.id == id)
            return &b->entry[i];
    return NULL;
}

/* News before repeats that are quiet anyway, then by severity. */
static unsigned rank(const struct kd_notice *n)
{
    return (n->kind == KD_NOTICE_TEST ? 20u : is_new(n) ? 10u : 0u) + n->severity;
}

/* A free place, or that of the least pressing when the new one is more so: the store will send it
 * again. */
static struct entry *place(struct kd_outbox *b, const struct kd_notice *item)
{
    struct entry *least = NULL;
    for (size_t i = 0; i < KD_OUTBOX_ITEMS; i++) {
        struct entry *e = &b->entry[i];
        if (!e->used)
            return e;
        if (least == NULL || rank(&e->item) < rank(&least->item))
            least = e;
    }
    return rank(item) > rank(&least->item) ? least : NULL;
}

void kd_outbox_put(struct kd_outbox *b, const struct kd_notice *item, uint64_t now_us)
{
    struct entry *e = find(b, item->id);
    bool fresh = e == NULL;
    if (fresh)
        e = place(b, item);
    else if (item->version < e->item.version)
        return;
    if (e == NULL)
        return;
    /* News that is gathering already goes on doing so from its beginning; worse news begins anew.
     */
    if (fresh || (is_new(item) && (!is_new(&e->item) || item->severity > e->item.severity)))
        e->news_us = now_us;
    keep(e, item);
}

bool kd_outbox_idle(struct kd_outbox *b, struct kd_notice *ret)
{
    for (size_t i = 0; i < KD_OUTBOX_ITEMS; i++) {
        struct entry *e = &b->entry[i];
        if (!e->used || needs_mail(&e->item))
            continue;
        e->used = false;
        *ret = e->item;
        return true;
    }
    return false;
}

/* ---- choosing ---- */

static bool is_worse(const struct kd_notice *a, const struct kd_notice *b)
{
    if (a->severity != b->severity)
        return a->severity > b->severity;
    return a->kind != b->kind ? a->kind == KD_NOTICE_INCIDENT : a->id < b->id;
}

/* Are there as many mails within the hour as one reads? */
static bool is_crowded(const struct kd_outbox *b, uint64_t now_us)
{
    uint64_t oldest = b->mailed_us[0];
    return oldest != 0 && oldest <= now_us && now_us - oldest < KD_US_PER_HOUR;
}

static bool may_mail(const struct kd_outbox *b, uint64_t now_us, const struct kd_notice *worst)
{
    uint64_t last = b->mailed_us[KD_MAILS_PER_HOUR - 1];
    bool urgent = worst->severity == KD_NOTICE_CRITICAL && is_new(worst);
    if (!is_crowded(b, now_us))
        return true;
    return now_us - kd_min_u64(last, now_us) >=
           (urgent ? KD_CROWDED_URGENT_S : KD_CROWDED_S) * (uint64_t)KD_US_PER_S;
}

static size_t insert(const struct kd_notice *v[KD_LETTER_ITEMS], size_t n,
                     const struct kd_notice *item)
{
    size_t at = n < KD_LETTER_ITEMS ? n : KD_LETTER_ITEMS;
    while (at > 0 && is_worse(item, v[at - 1]))
        at--;
    if (at == KD_LETTER_ITEMS)
        return n;
    size_t end = n < KD_LETTER_ITEMS ? n : KD_LETTER_ITEMS - 1;
    memmove(v + at + 1, v + at, (end - at) * sizeof(*v));
    v[at] = item;
    return end + 1;
}

size_t kd_outbox_due(struct kd_outbox *b, uint64_t now_us,
                     const struct kd_notice *ret[KD_LETTER_ITEMS])
{
    size_t n = 0;
    for (size_t i = 0; i < KD_OUTBOX_ITEMS; i++) {
        const struct entry *e = &b->entry[i];
        if (!e->used || !needs_mail(&e->item) || due_us(b, e, now_us) > now_us)
            continue;
        if (e->item.kind == KD_NOTICE_TEST) { /* somebody waits for it, and for it alone */
            ret[0] = &e->item;
            return 1;
        }
        n = insert(ret, n, &e->item);
    }
    if (n == 0 || !may_mail(b, now_us, ret[0]))
        return 0;
    return n <= KD_SEPARATE_MAX && !is_crowded(b, now_us) ? 1 : n;
}

void kd_outbox_told(struct kd_outbox *b, const uint64_t *ids, size_t n, uint64_t now_us)
{
    bool counts = false;
    for (size_t i = 0; i < n; i++) {
        struct entry *e = find(b, ids[i]);
        if (e == NULL)
            continue;
        counts = counts || e->item.kind != KD_NOTICE_TEST;
        e->used = false;
    }
    if (!counts)
        return;
    memmove(b->mailed_us, b->mailed_us + 1, sizeof(b->mailed_us) - sizeof(b->mailed_us[0]));
    b->mailed_us[KD_MAILS_PER_HOUR - 1] = now_us;
}

size_t kd_outbox_waiting(const struct kd_outbox *b, uint64_t now_us)
{
    size_t n = 0;
    for (size_t i = 0; i < KD_OUTBOX_ITEMS; i++) {
        const struct entry *e = &b->entry[i];
        n += e->used && needs_mail(&e->item) && due_us(b, e, now_us) <= now_us;
    }
    return n;
}
