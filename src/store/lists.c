/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lists.h"

#include "object/words.h"
#include "store/decisions.h"
#include "store/objects.h"
#include "store/sighting.h"

enum { NEW_MAX = 200 };
#define KEPT_US (90 * KD_US_PER_DAY)

/* ---- what is in force ---- */

static void put_kinds(struct kd_out *o, const struct kd_obj_list *l)
{
    bool first = true;
    kd_out_u8(o, '{');
    for (unsigned k = 0; k < KD_OBJ_KINDS; k++) {
        if (l->n[k] == 0)
            continue;
        kd_out_fmt(o, "%s\"%s\":%llu", first ? "" : ",", kd_object_kind_name((enum kd_object_kind)k), (unsigned long long)l->n[k]);
        first = false;
    }
    kd_out_u8(o, '}');
}

static enum kd_status note_one(struct kd_meta *m, const struct kd_obj_list *l)
{
    uint8_t room[512];
    struct kd_out kinds = kd_out_of(room, sizeof(room));
    uint64_t objects = 0;
    for (unsigned k = 0; k < KD_OBJ_KINDS; k++)
        objects += l->n[k];
    put_kinds(&kinds, l);
    struct kd_sql q = kd_sql(m, "INSERT OR REPLACE INTO lists (name, place, format, kinds, objects, networks, rows, wrong,"
                                " refused, other, twice, beyond, failed, problem, refusal, read_us, since_us)"
                                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    kd_sql_text(&q, kd_str(l->name));
    kd_sql_u64(&q, l->number);
    kd_sql_text(&q, kd_str(l->format));
    kd_sql_text(&q, kd_out_bytes_view(&kinds));
    const uint64_t numbers[] = {objects - kd_min_u64(l->twice, objects), l->n_nets, l->lines, l->wrong, l->refused,
                                l->other, l->twice, l->beyond, l->failed};
    for (size_t i = 0; i < KD_COUNT(numbers); i++)
        kd_sql_u64(&q, kd_min_u64(numbers[i], INT64_MAX));
    kd_sql_text(&q, kd_str(l->problem));
    kd_sql_text(&q, kd_str(l->refusal));
    kd_sql_u64(&q, kd_min_u64(l->read_us, INT64_MAX));
    kd_sql_u64(&q, kd_meta_now(m));
    return kd_sql_done(&q);
}

enum kd_status kd_lists_note(struct kd_meta *m, const struct kd_store_lists *l)
{
    enum kd_status s = kd_meta_run(m, "BEGIN IMMEDIATE");
    if (s != KD_OK)
        return s;
    s = kd_meta_run(m, "DELETE FROM lists");
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; s == KD_OK && k < l->layer[i].head->lists.n; k++)
            if ((l->layer[i].skip >> k & 1) == 0)
                s = note_one(m, &l->layer[i].lists[k]);
    enum kd_status t = kd_meta_run(m, s == KD_OK ? "COMMIT" : "ROLLBACK");
    return s == KD_OK ? t : s;
}

static void put_remark(struct kd_jw *w, const char *key, struct kd_bytes text)
{
    uint8_t room[2 * KD_OBJ_WHY_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_jw_open(w, key, '{');
    kd_jw_text(w, "ja", kd_list_words_ja(text, &o));
    kd_jw_text(w, "en", text);
    kd_jw_close(w, '}');
}

enum kd_status kd_lists_json(struct kd_meta *m, struct kd_jw *w)
{
    static const char *const number[] = {"objects", "networks", "rows", "wrong", "refused", "other", "twice", "beyond"};
    struct kd_sql q = kd_sql(m, "SELECT name, format, kinds, objects, networks, rows, wrong, refused, other, twice, beyond,"
                                " failed, problem, refusal, read_us, since_us FROM lists ORDER BY place");
    kd_jw_open(w, "lists", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_text(w, "name", kd_sql_get_text(&q, 0));
        kd_jw_text(w, "format", kd_sql_get_text(&q, 1));
        kd_jw_open(w, "kinds", '{');
        struct kd_bytes rest = kd_sql_get_text(&q, 2); /* written above: {"ip":12,…} */
        rest = rest.n >= 2 ? kd_bytes_of(rest.p + 1, rest.n - 2) : rest;
        while (rest.n > 0) {
            struct kd_bytes count = kd_bytes_cut(&rest, ','), kind = kd_bytes_cut(&count, ':');
            enum kd_object_kind k;
            uint64_t n = 0;
            if (kind.n > 2 && kd_object_kind_of(kd_bytes_of(kind.p + 1, kind.n - 2), &k) && kd_bytes_to_u64(count, INT64_MAX, &n))
                kd_jw_u64(w, kd_object_kind_name(k), n);
        }
        kd_jw_close(w, '}');
        for (unsigned i = 0; i < KD_COUNT(number); i++)
            kd_jw_u64(w, number[i], kd_sql_get(&q, 3 + (int)i));
        kd_jw_bool(w, "failed", kd_sql_get(&q, 11) != 0);
        put_remark(w, "problem", kd_sql_get_text(&q, 12));
        put_remark(w, "refusal", kd_sql_get_text(&q, 13));
        kd_jw_time(w, "read", kd_sql_get(&q, 14));
        kd_jw_time(w, "since", kd_sql_get(&q, 15));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

/* ---- looking back ---- */

struct looking {
    struct kd_meta *m;
    const struct kd_lists_look *look;
    uint16_t today;
    unsigned made;
    enum kd_status status;
};

/* What the sighting is as an object; false: of no kind that has a past. */
static bool kind_of(enum kd_sighting_kind seen, size_t n_text, enum kd_object_kind *ret)
{
    switch (seen) {
    case KD_SIGHT_IP:
        *ret = KD_OBJ_IP;
        return true;
    case KD_SIGHT_DNS:
    case KD_SIGHT_HTTP:
    case KD_SIGHT_SNI:
        *ret = KD_OBJ_DOMAIN;
        return true;
    case KD_SIGHT_JA3:
        *ret = KD_OBJ_JA3;
        return true;
    case KD_SIGHT_JA4:
        *ret = KD_OBJ_JA4;
        return true;
    case KD_SIGHT_HASH:
        *ret = n_text == 64 ? KD_OBJ_SHA256 : n_text == 40 ? KD_OBJ_SHA1 : KD_OBJ_MD5;
        return true;
    default:
        return false; /* certificates and senders cannot be objects of people's yet */
    }
}

static bool in_any(const struct kd_store_lists *l, enum kd_object_kind kind, struct kd_bytes spelt, uint16_t today,
                   struct kd_obj_hit *ret)
{
    for (size_t i = 0; i < l->n; i++)
        if (kd_obj_match(&l->layer[i], kind, spelt, today, ret))
            return true;
    return false;
}

static bool is_there(struct kd_meta *m, struct kd_bytes kind, struct kd_bytes value)
{
    struct kd_sql q = kd_sql(m, "SELECT 1 FROM objects WHERE kind = ? AND value = ?");
    kd_sql_text(&q, kind);
    kd_sql_text(&q, value);
    bool there = kd_sql_row(&q);
    kd_sql_drop(&q);
    return there;
}

/* Is the list sure enough that the past should speak of it?  A file's finding is high, the others' medium. */
static bool is_sure(enum kd_object_kind kind, const struct kd_obj_hit *hit)
{
    enum { SURE = 75, LIKELY = 50, MEDIUM = 2, HIGH = 3 };
    bool sum = kind == KD_OBJ_SHA256 || kind == KD_OBJ_SHA1 || kind == KD_OBJ_MD5;
    return hit->confidence >= (sum ? SURE : LIKELY) && hit->list->severity >= (sum ? HIGH : MEDIUM);
}

static enum kd_status make_object(struct looking *k, enum kd_object_kind kind, struct kd_bytes value, const struct kd_obj_hit *hit)
{
    uint8_t room[KD_OBJ_NOTE_MAX + KD_OBJ_LIST_NAME_MAX + 8];
    struct kd_out reason = kd_out_of(room, sizeof(room));
    struct kd_bytes name = kd_str(kd_object_kind_name(kind));
    uint64_t id = 0;
    if (is_there(k->m, name, value))
        return KD_OK;
    if (k->made == NEW_MAX)
        return KD_LIMIT;
    kd_out_bytes(&reason, hit->note);
    kd_out_fmt(&reason, "%s[%s]", hit->note.n > 0 ? " " : "", hit->list->name);
    uint64_t until_us = hit->until_day > 0 ? hit->until_day * KD_US_PER_DAY : kd_meta_now(k->m) + KEPT_US;
    struct kd_object_new n = {.kind = name, .value = value, .reason = kd_out_bytes_view(&reason), .until_us = until_us,
                              .owner = kd_str(""), .source = "list"};
    k->made++;
    enum kd_status s = kd_object_add(k->m, &n, &id);
    return s == KD_MALFORMED ? KD_OK : s; /* a name that was seen and is none */
}

static bool on_value(void *arg, enum kd_sighting_kind seen, struct kd_bytes text)
{
    struct looking *k = arg;
    uint8_t room[KD_OBJ_KEY_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    enum kd_object_kind kind;
    struct kd_obj_hit hit, old;
    if (!kind_of(seen, text.n, &kind) || !kd_object_spell(kind, text, &o))
        return true;
    struct kd_bytes spelt = kd_out_bytes_view(&o);
    if (in_any(&k->look->now, kind, spelt, k->today, &hit) && is_sure(kind, &hit) &&
        !in_any(&k->look->before, kind, spelt, k->today, &old))
        k->status = make_object(k, kind, text, &hit);
    return k->status == KD_OK;
}

enum kd_status kd_lists_look_back(struct kd_meta *m, const struct kd_lists_look *look)
{
    struct looking k = {.m = m, .look = look, .today = (uint16_t)(kd_now_us(&look->clock) / KD_US_PER_DAY)};
    struct kd_err err = {0};
    struct kd_sighting_ask ask = {.dir_path = look->dir_path, .clock = look->clock, .deadline_us = look->deadline_us,
                                  .cancel = look->cancel};
    enum kd_status s = kd_sightings_each(&ask, on_value, &k, &err);
    return s == KD_OK ? k.status : s;
}
