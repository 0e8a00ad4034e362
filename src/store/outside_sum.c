/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outside_part.h"
#include "store/sighting.h"

enum {
    SILENCE_US = 120000000,
    SIGHTED = 50 /* new places that are looked up in the sightings */
};

bool kd_outside_is_inside(const struct kd_outside_ask *ask, const struct kd_addr *a)
{
    if (kd_addr_is_none(a) || kd_addr_is_multicast(a) || kd_addr_is_loopback(a) ||
        kd_addr_is_link_local(a))
        return true;
    for (size_t i = 0; i < ask->n_nets; i++)
        if (kd_net_has(&ask->nets[i], a))
            return true;
    return ask->n_nets == 0 && kd_addr_is_private(a);
}

bool kd_outside_is_host(const struct kd_outside *r, const struct kd_addr *a)
{
    for (size_t i = 0; i < r->n_addr; i++)
        if (kd_addr_eq(a, &r->addr[i]))
            return true;
    return false;
}

void kd_outside_set(char *to, size_t size, struct kd_bytes text)
{
    if (to[0] != '\0')
        return;
    text = kd_bytes_head(text, size - 1);
    memcpy(to, text.p == NULL ? (const uint8_t *)"" : text.p, text.n);
    to[text.n] = '\0';
}

struct kd_outside_item *kd_outside_item(struct kd_outside_collect *c, enum kd_outside_kind kind,
                                        const struct kd_rec_head *h)
{
    struct kd_outside *r = c->r;
    r->all_items[kind]++;
    if (r->item[kind] == NULL)
        r->item[kind] = calloc(KD_OUTSIDE_ITEMS_MAX, sizeof(struct kd_outside_item));
    if (r->item[kind] == NULL) {
        c->failed = true;
        return NULL;
    }
    if (r->n_items[kind] == KD_OUTSIDE_ITEMS_MAX)
        return NULL;
    struct kd_outside_item *it = &r->item[kind][r->n_items[kind]++];
    it->ts_us = h->ts_us;
    it->peer = kd_outside_is_host(r, &h->src) ? h->dst : h->src;
    it->count = 1;
    return it;
}

/* ---- volumes ---- */

static uint32_t day_before(const struct kd_outside_collect *c, uint64_t ts_us)
{
    return (uint32_t)kd_min_u64((c->ask->host.from_us - ts_us - 1) / KD_US_PER_DAY,
                                KD_OUTSIDE_HABIT_DAYS - 1);
}

void kd_outside_count(struct kd_outside_collect *c, struct kd_outside_place *p,
                      const struct kd_outside_told *t)
{
    bool outside = !kd_outside_is_inside(c->ask, &p->addr);
    if (t->ts_us < c->ask->host.from_us) {
        uint32_t day = day_before(c, t->ts_us);
        p->before_out += t->out;
        p->before_days |= 1u << day;
        c->habit_seen |= 1u << day;
        c->habit[day] += outside ? t->out : 0;
        return;
    }
    p->bytes_out += t->out;
    p->bytes_in += t->in;
    p->out[t->class] += t->out;
    p->securable += t->securable && t->class == KD_OUTSIDE_READABLE ? t->out : 0;
    uint64_t day = (t->ts_us - c->ask->host.from_us) / KD_US_PER_DAY;
    if (outside && c->ask->host.from_us > 0)
        c->day_out[kd_min_u64(day, KD_OUTSIDE_DAYS_MAX - 1)] += t->out;
}

static int by_flow(const void *a, const void *b)
{
    const struct kd_outside_told *x = a;
    const struct kd_outside_told *y = b;
    if (x->flow_id != y->flow_id)
        return x->flow_id < y->flow_id ? -1 : 1;
    return x->ts_us != y->ts_us ? (x->ts_us < y->ts_us ? -1 : 1) : 0;
}

/* Each report of a long conversation adds what it has grown by since the one before. */
static void count_told(struct kd_outside_collect *c)
{
    if (c->n_told > 0)
        qsort(c->told, c->n_told, sizeof(*c->told), by_flow);
    for (size_t i = 0; i < c->n_told; i++) {
        struct kd_outside_told t = c->told[i];
        const struct kd_outside_told *was = i > 0 ? &c->told[i - 1] : &t;
        if (i > 0 && t.flow_id == was->flow_id && t.place == was->place) {
            t.out -= kd_min_u64(t.out, was->out);
            t.in -= kd_min_u64(t.in, was->in);
        }
        kd_outside_count(c, (struct kd_outside_place *)(void *)c->place.v + t.place, &t);
    }
}

static int by_engine(const void *a, const void *b)
{
    const struct kd_outside_counters *x = a;
    const struct kd_outside_counters *y = b;
    if (x->engine != y->engine)
        return x->engine < y->engine ? -1 : 1;
    return x->ts_us != y->ts_us ? (x->ts_us < y->ts_us ? -1 : 1) : 0;
}

static void sum_stats(struct kd_outside_collect *c)
{
    struct kd_outside_sensor *z = &c->r->sensor;
    uint64_t *to[] = {&z->packets,  &z->dropped,      &z->truncated, &z->undecoded,
                      &z->degraded, &z->records_lost, &z->not_kept};
    if (c->n_stats > 0)
        qsort(c->stats, c->n_stats, sizeof(*c->stats), by_engine);
    for (size_t i = 0; i < c->n_stats; i++) {
        const struct kd_outside_counters *s = &c->stats[i];
        const struct kd_outside_counters *was = i > 0 && s[-1].engine == s->engine ? s - 1 : NULL;
        if (s->ts_us < c->ask->host.from_us)
            continue;
        bool anew = was == NULL || s->v[0] < was->v[0]; /* the engine began again */
        for (size_t k = 0; k < KD_COUNT(to); k++)
            *to[k] += anew ? s->v[k] : s->v[k] - kd_min_u64(s->v[k], was->v[k]);
        z->first_us = z->first_us == 0 ? s->ts_us : kd_min_u64(z->first_us, s->ts_us);
        z->last_us = kd_max_u64(z->last_us, s->ts_us);
        uint64_t since = was == NULL ? 0 : s->ts_us - kd_max_u64(was->ts_us, c->ask->host.from_us);
        if (since > SILENCE_US && since > z->silence_us) {
            z->silence_us = since;
            z->silence_at_us = s->ts_us - since;
        }
    }
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x != *y ? (*x < *y ? -1 : 1) : 0;
}

static void habit(struct kd_outside_collect *c)
{
    struct kd_outside *r = c->r;
    uint64_t known[KD_OUTSIDE_HABIT_DAYS];
    for (size_t d = 0; d < KD_OUTSIDE_HABIT_DAYS; d++)
        if (c->habit_seen & 1u << d)
            known[r->habit_days++] = c->habit[d];
    if (r->habit_days > 0) {
        qsort(known, r->habit_days, sizeof(known[0]), by_number);
        r->habit_median = known[r->habit_days / 2];
    }
    for (size_t d = 0; d < KD_OUTSIDE_DAYS_MAX; d++)
        if (c->day_out[d] > r->busiest) {
            r->busiest = c->day_out[d];
            r->busiest_us = c->ask->host.from_us + d * KD_US_PER_DAY;
        }
}

static int by_out(const void *a, const void *b)
{
    const struct kd_outside_place *x = a;
    const struct kd_outside_place *y = b;
    return x->bytes_out != y->bytes_out ? (x->bytes_out > y->bytes_out ? -1 : 1)
                                        : kd_addr_cmp(&x->addr, &y->addr);
}

static bool met_before(void *arg, const struct kd_sighting *s)
{
    struct kd_outside_place *p = arg;
    p->site_knew |= s->first_us < p->first_us && s->day < p->before_days;
    return !p->site_knew;
}

/* Had somebody of the house met it on a day before? */
static void look_up(const struct kd_outside_ask *ask, struct kd_outside_place *p)
{
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_addr(&o, &p->addr);
    struct kd_sighting_ask q = {.dir_path = ask->dir_path,
                                .clock = ask->host.clock,
                                .zone_s = ask->host.zone_s,
                                .kind = KD_SIGHT_IP,
                                .value = kd_out_bytes_view(&o),
                                .to_us = ask->host.from_us - 1,
                                .limit = 100,
                                .deadline_us = ask->host.deadline_us,
                                .cancel = ask->host.cancel};
    struct kd_sighting_sum sum;
    struct kd_err err = {0};
    p->before_days = kd_day_of(ask->host.from_us, ask->host.zone_s);
    kd_ignore(kd_sightings_find(&q, met_before, p, &sum, &err));
    p->before_days = 0;
}

static void keep_places(struct kd_outside_collect *c)
{
    struct kd_outside *r = c->r;
    struct kd_outside_place *p = (void *)c->place.v;
    size_t n = 0;
    for (size_t i = 0; i < c->place.n; i++) {
        if (p[i].flows + p[i].bytes_out + p[i].bytes_in == 0 ||
            (kd_outside_is_inside(c->ask, &p[i].addr) && !p[i].proxy))
            continue;
        uint64_t switched = p[i].proxy && p[i].secured ? p[i].out[KD_OUTSIDE_READABLE]
                            : p[i].secured             ? p[i].securable
                                                       : 0;
        p[i].out[KD_OUTSIDE_READABLE] -= switched;
        p[i].out[KD_OUTSIDE_ENCRYPTED] += switched;
        p[i].is_new = r->habit_days > 0 && p[i].before_flows == 0 && p[i].before_days == 0;
        const struct kd_outside_named *name = kd_tally_find(&c->name, &p[i].addr);
        if (p[i].name_rank == 0 && name != NULL) {
            p[i].name_rank = 1;
            kd_outside_set(p[i].name, sizeof(p[i].name), kd_str(name->name));
        }
        p[n++] = p[i];
    }
    r->place = p;
    r->n_places = n;
    c->place.v = NULL;
    if (n > 0)
        qsort(p, n, sizeof(*p), by_out);
    for (size_t i = 0, asked = 0; i < n; i++) {
        r->bytes_out += p[i].bytes_out;
        r->bytes_in += p[i].bytes_in;
        r->gap_bytes += p[i].gap_bytes;
        r->n_new += p[i].is_new;
        for (size_t k = 0; k < KD_OUTSIDE_CLASSES; k++)
            r->out[k] += p[i].out[k];
        if (p[i].is_new && c->ask->dir_path != NULL && asked++ < SIGHTED)
            look_up(c->ask, &p[i]);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct kd_outside_item *x = a;
    const struct kd_outside_item *y = b;
    return x->ts_us != y->ts_us ? (x->ts_us > y->ts_us ? -1 : 1) : memcmp(x, y, sizeof(*x));
}

static void keep_items(struct kd_outside_collect *c)
{
    struct kd_outside *r = c->r;
    const struct kd_outside_share *sh = (const void *)c->share.v;
    for (size_t i = 0; i < c->share.n; i++) {
        struct kd_rec_head h = {
            .src = r->addr[0], .dst = sh[i].item.peer, .ts_us = sh[i].item.ts_us};
        struct kd_outside_item *it = kd_outside_item(c, KD_OUTSIDE_SHARE, &h);
        if (it == NULL)
            break;
        *it = sh[i].item;
        kd_outside_set(it->what, sizeof(it->what), kd_str(sh[i].key));
    }
    for (size_t k = 0; k < KD_OUTSIDE_KINDS; k++)
        if (r->n_items[k] > 0)
            qsort(r->item[k], r->n_items[k], sizeof(*r->item[k]), by_time);
}

/* Detections of data leaving and of outside control, in the host's name. */
static enum kd_status take_detections(const struct kd_outside_ask *ask, struct kd_outside *r)
{
    struct kd_meta *m = ask->host.meta;
    enum kd_status s = KD_OK;
    if (m == NULL || m->db == NULL)
        return KD_OK;
    r->detection = calloc(KD_OUTSIDE_ITEMS_MAX, sizeof(*r->detection));
    if (r->detection == NULL)
        return KD_NO_MEMORY;
    for (size_t i = 0; s == KD_OK && i < r->n_addr; i++) {
        uint8_t text[48];
        struct kd_out o = kd_out_of(text, sizeof(text));
        kd_out_addr(&o, &r->addr[i]);
        struct kd_sql q = kd_sql(
            m,
            "SELECT id, detection_id, severity, phase, peer, title_ja, title_en, count, first_us,"
            " last_us FROM detections WHERE host = ? AND excepted = 0 AND last_us >= ? AND"
            " first_us <= ? AND phase IN ('exfiltration', 'command_and_control')"
            " ORDER BY severity DESC, last_us DESC LIMIT 100");
        kd_sql_text(&q, kd_out_bytes_view(&o));
        kd_sql_u64(&q, ask->host.from_us);
        kd_sql_u64(&q, kd_min_u64(ask->host.to_us, INT64_MAX));
        while (r->n_detections < KD_OUTSIDE_ITEMS_MAX && kd_sql_row(&q)) {
            struct kd_outside_detection *d = &r->detection[r->n_detections++];
            d->id = kd_sql_get(&q, 0);
            kd_outside_set(d->detection_id, sizeof(d->detection_id), kd_sql_get_text(&q, 1));
            d->severity = (unsigned)kd_sql_get(&q, 2);
            d->leak = kd_bytes_eq_str(kd_sql_get_text(&q, 3), "exfiltration");
            if (!kd_addr_parse(kd_sql_get_text(&q, 4), &d->peer))
                d->peer = (struct kd_addr){{0}};
            if (!d->leak && !kd_addr_is_none(&d->peer) && kd_outside_is_inside(ask, &d->peer)) {
                *d = (struct kd_outside_detection){0}; /* regular, but within the house */
                r->n_detections--;
                continue;
            }
            kd_outside_set(d->ja, sizeof(d->ja), kd_sql_get_text(&q, 5));
            kd_outside_set(d->en, sizeof(d->en), kd_sql_get_text(&q, 6));
            d->count = kd_sql_get(&q, 7);
            d->first_us = kd_sql_get(&q, 8);
            d->last_us = kd_sql_get(&q, 9);
        }
        s = kd_sql_done(&q);
    }
    return s;
}

enum kd_status kd_outside_sum(struct kd_outside_collect *c)
{
    c->r->sensor.store_first_us = kd_events_sum(c->ask->host.src->events).oldest_us;
    count_told(c);
    sum_stats(c);
    habit(c);
    keep_places(c);
    keep_items(c);
    return c->failed ? KD_NO_MEMORY : take_detections(c->ask, c->r);
}
