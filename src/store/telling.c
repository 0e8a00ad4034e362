/* SPDX-License-Identifier: Apache-2.0 */
#include "store/telling.h"

#include "store/audit.h"

enum {
    HELLO_ROWS = 64,
    CHECK_S = 10,     /* troubles are looked for so often; */
    THERE_CHECKS = 3, /* one that lasts is told … */
    GONE_CHECKS = 6,  /* … and one that stays away is over */
    FORGET_S = 60
};

static void note(struct kd_telling *t, enum kd_status s, uint64_t row)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->queue[i] == row)
            return;
    if (s == KD_OK && row != 0 && t->n < KD_TELLING_QUEUE)
        t->queue[t->n++] = row;
}

void kd_telling_detection(struct kd_telling *t, uint64_t id, const struct kd_rec_alert *a)
{
    uint64_t row = 0;
    if (!t->on)
        return;
    enum kd_status s = kd_notice_detection(t->meta, id, a, t->least, &row);
    note(t, s, row);
}

void kd_telling_incident(struct kd_telling *t, uint64_t id, const struct kd_rec_incident *r)
{
    uint64_t row = 0;
    if (!t->on)
        return;
    enum kd_status s = id == 0 ? kd_notice_merged(t->meta, r->key, &row)
                               : kd_notice_incident(t->meta, id, r, t->least, &row);
    note(t, s, row);
    /* Detections that it covers now are given back by gate before they are due. */
    if (s == KD_OK && row != 0 && id != 0)
        kd_ignore(kd_notice_covered(t->meta, id, KD_TELLING_QUEUE - t->n, t->queue, &t->n));
}

/* Repeats of what was told can wait for gate's next hello: it would let them wait anyway. */
static void send_urgent(void *arg, const struct kd_notice *n)
{
    struct kd_telling *t = arg;
    if (n->told_times == 0 || n->over || n->severity > n->told_severity)
        t->send(t->send_arg, n);
}

void kd_telling_flush(struct kd_telling *t)
{
    for (size_t i = 0; i < t->n; i++)
        kd_ignore(kd_notice_send(t->meta, t->queue[i], t->example, send_urgent,
                                 t)); /* else with the next hello */
    t->n = 0;
}

/* ---- troubles ---- */

static void check(struct kd_telling *t, size_t i, bool found)
{
    uint64_t row = 0;
    t->there[i] = found ? t->there[i] + 1 : 0;
    t->gone[i] = found ? 0 : t->gone[i] + 1;
    bool begins = !t->began[i] && t->there[i] == THERE_CHECKS;
    /* Also what a store that is gone had told and we have not seen since. */
    bool ends = t->gone[i] == GONE_CHECKS;
    if (begins || ends) {
        enum kd_status s = kd_notice_trouble(t->meta, kd_trouble_row(i), ends, &row);
        note(t, s, row);
    }
    t->began[i] = begins || (t->began[i] && !ends);
}

static void check_all(struct kd_telling *t, const struct kd_ingest_sum *sum)
{
    bool found[KD_TROUBLES];
    if (kd_troubles_find(t->live, t->meta, sum, found) != KD_OK)
        return;
    for (size_t i = 0; i < KD_TROUBLES; i++)
        if (kd_trouble_row(i)->mailed)
            check(t, i, found[i]);
}

/* ---- time ---- */

static void find_tests(struct kd_telling *t)
{
    struct kd_sql q = kd_sql(
        t->meta,
        "SELECT id FROM notices WHERE kind = 4 AND version > told_version AND id > ? ORDER BY id");
    kd_sql_u64(&q, t->last_test);
    while (kd_sql_row(&q)) {
        t->last_test = kd_sql_get(&q, 0);
        note(t, KD_OK, t->last_test);
    }
    kd_ignore(kd_sql_done(&q)); /* asked again in a second */
}

void kd_telling_tick(struct kd_telling *t, const struct kd_ingest_sum *sum)
{
    uint64_t now = kd_meta_now(t->meta);
    if (!t->on)
        return;
    find_tests(t);
    if (now < t->checked_us || now - t->checked_us >= CHECK_S * (uint64_t)KD_US_PER_S) {
        t->checked_us = now;
        check_all(t, sum);
    }
    if (now < t->forgot_us || now - t->forgot_us >= FORGET_S * (uint64_t)KD_US_PER_S) {
        t->forgot_us = now;
        kd_ignore(kd_notice_forget(t->meta));
    }
    kd_telling_flush(t);
}

/* ---- gate ---- */

static void audit(struct kd_telling *t, const char *action, struct kd_bytes detail)
{
    if (kd_meta_run(t->meta, "BEGIN IMMEDIATE") != KD_OK)
        return;
    enum kd_status s =
        kd_audit(t->meta, kd_str("sensor"), kd_str(""), action, kd_str("email"), detail);
    kd_ignore(kd_meta_run(t->meta, s == KD_OK ? "COMMIT" : "ROLLBACK"));
}

/* The alarm, and its end. */
static void tell_change(struct kd_telling *t, const struct kd_notice_channel *c, bool dead)
{
    char ja[400], en[400];
    if (dead) {
        snprintf(ja, sizeof(ja),
                 "お知らせのメールを届けられません。%.*s検知は画面で確かめてください。",
                 (int)kd_min_size(c->why.ja.n, 240), (const char *)c->why.ja.p);
        snprintf(en, sizeof(en),
                 "notices cannot be delivered by mail: %.*s Look at the page for detections",
                 (int)kd_min_size(c->why.en.n, 240), (const char *)c->why.en.p);
    } else {
        snprintf(ja, sizeof(ja), "お知らせのメールが再び届くようになりました。");
        snprintf(en, sizeof(en), "notices by mail are delivered again");
    }
    struct kd_rec_health h = {.kind = kd_str("notice"),
                              .role = kd_str("gate"),
                              .state = kd_str(dead ? "failed" : "running"),
                              .value = c->waiting,
                              .text_ja = kd_str(ja),
                              .text_en = kd_str(en)};
    t->health(t->health_arg, &h);
    audit(t, dead ? "notice_channel_dead" : "notice_channel_back", dead ? c->reason : kd_str(""));
}

static void take_channel(struct kd_telling *t, const struct kd_notice_channel *c)
{
    enum kd_channel_state was = KD_CHANNEL_UNKNOWN;
    if (kd_notice_channel(t->meta, c, &was) != KD_OK)
        return;
    if (c->state == KD_CHANNEL_DEAD && was != KD_CHANNEL_DEAD)
        tell_change(t, c, true);
    else if (c->state == KD_CHANNEL_OK && was == KD_CHANNEL_DEAD)
        tell_change(t, c, false);
}

void kd_telling_heard(struct kd_telling *t, const struct kd_notice_message *m)
{
    if (!t->on)
        return;
    switch (m->tag) {
    case KD_NOTICE_HELLO:
        kd_ignore(kd_notice_hello(t->meta, &m->hello)); /* said again in a moment */
        kd_ignore(kd_notice_send_news(t->meta, t->example, HELLO_ROWS, t->send, t->send_arg));
        break;
    case KD_NOTICE_TOLD:
        kd_ignore(kd_notice_told(t->meta, &m->told)); /* lost: told once more */
        break;
    case KD_NOTICE_CHANNEL:
        take_channel(t, &m->channel);
        break;
    case KD_NOTICE_ITEM:
        break;
    }
}
