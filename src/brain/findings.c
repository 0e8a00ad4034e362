/* SPDX-License-Identifier: Apache-2.0 */
/* From a detector's finding to the alert that people read: exceptions, folding of repeats, names, texts. */
#include "base/hash.h"
#include "brain/internal.h"
#include "brain/text.h"

enum { TEXT_BYTES = 4096, LABEL_BYTES = 256, UPDATE_FACTOR = 2 };
#define QUIET_FIRST_US (10 * KD_US_PER_MINUTE)
#define QUIET_MOST_US KD_US_PER_DAY
#define QUIET_LEAST_US KD_US_PER_MINUTE

/* The six texts of an alert. */
struct texts {
    uint8_t title[2][TEXT_BYTES / 4], why[2][TEXT_BYTES], todo[2][TEXT_BYTES];
    struct kd_bytes title_view[2], why_view[2], do_view[2];
};

/* Facts that every text may use: {host} {peer} {user} {count} {first} {last} {duration}. */
struct common {
    uint8_t host[LABEL_BYTES], peer[LABEL_BYTES], count[24], first[32], last[32], span[32];
};

static struct kd_bytes label_of(struct kd_brain *b, const struct kd_addr *a, uint8_t room[LABEL_BYTES],
                                enum kd_lang lang)
{
    struct kd_out o = kd_out_of(room, LABEL_BYTES);
    const struct kd_host *host = kd_hosts_find(&b->hosts, a);
    bool named = host != NULL && host->name.n > 0;
    if (kd_addr_is_none(a)) {
        kd_out_str(&o, lang == KD_JA ? "(不明)" : "(unknown)");
    } else {
        if (named) {
            kd_out_bytes(&o, kd_text_view(&host->name));
            kd_out_str(&o, lang == KD_JA ? "(" : " (");
        }
        kd_out_addr(&o, a);
        if (named)
            kd_out_str(&o, lang == KD_JA ? ")" : ")");
    }
    return kd_out_bytes_view(&o);
}

static size_t common_facts(struct kd_brain *b, const struct kd_finding *f, const struct kd_fold *fold,
                           enum kd_lang lang, struct common *c, struct kd_fact *facts)
{
    struct kd_out count = kd_out_of(c->count, sizeof(c->count));
    struct kd_out first = kd_out_of(c->first, sizeof(c->first));
    struct kd_out last = kd_out_of(c->last, sizeof(c->last));
    struct kd_out span = kd_out_of(c->span, sizeof(c->span));
    kd_out_u64(&count, fold->count);
    kd_text_time(&first, fold->first_us, b->zone_s);
    kd_text_time(&last, fold->last_us, b->zone_s);
    kd_text_span(&span, fold->last_us - fold->first_us, lang);
    size_t n = kd_min_size(f->n_facts, KD_FACTS_MAX);
    if (n > 0)
        memcpy(facts, f->facts, n * sizeof(facts[0]));
    const struct kd_fact common[] = {
        {"host", label_of(b, &f->host, c->host, lang)},
        {"peer", label_of(b, &f->peer, c->peer, lang)},
        {"user", f->user.n > 0 ? f->user : kd_str(lang == KD_JA ? "(不明)" : "(unknown)")},
        {"count", kd_out_bytes_view(&count)},
        {"first", kd_out_bytes_view(&first)},
        {"last", kd_out_bytes_view(&last)},
        {"duration", kd_out_bytes_view(&span)},
    };
    memcpy(facts + n, common, sizeof(common));
    return n + KD_COUNT(common);
}

static struct kd_bytes filled(uint8_t *room, size_t size, const char *text, const struct kd_fact *facts, size_t n,
                              const char *more)
{
    struct kd_out o = kd_out_of(room, size);
    kd_text_fill(&o, text, facts, n);
    kd_out_str(&o, more);
    return kd_out_bytes_view(&o);
}

static void fill_texts(struct kd_brain *b, const struct kd_finding *f, const struct kd_fold *fold,
                       const struct kd_excepting *hidden_critical, struct texts *t)
{
    const struct kd_finding_kind *k = f->kind;
    for (int lang = KD_EN; lang <= KD_JA; lang++) {
        struct common c;
        struct kd_fact facts[KD_FACTS_MAX + 8];
        size_t n = common_facts(b, f, fold, (enum kd_lang)lang, &c, facts);
        bool ja = lang == KD_JA;
        uint8_t note[512] = "";
        struct kd_out o = kd_out_of(note, sizeof(note) - 1);
        if (hidden_critical != NULL) {
            kd_out_str(&o, ja ? "\n注意:この緊急の検知は例外設定により通知されません。理由:"
                              : "\nAttention: an exception keeps this critical detection from being told. Reason: ");
            kd_text_clean(&o, hidden_critical->what.reason, KD_FACT_MAX);
        }
        note[o.n] = '\0';
        t->title_view[lang] = filled(t->title[lang], sizeof(t->title[lang]), ja ? k->title_ja : k->title_en, facts, n, "");
        t->why_view[lang] = filled(t->why[lang], TEXT_BYTES, ja ? k->why_ja : k->why_en, facts, n, (char *)note);
        t->do_view[lang] = filled(t->todo[lang], TEXT_BYTES, ja ? k->do_ja : k->do_en, facts, n, "");
    }
}

static uint8_t eve_severity(int severity)
{
    static const uint8_t eve[] = {4, 3, 2, 1, 1};
    return eve[severity];
}

static struct kd_rec_head alert_head(const struct kd_brain *b, const struct kd_finding *f)
{
    struct kd_rec_head h = {.ts_us = b->now_us, .src = f->host, .dst = f->peer};
    if (b->head != NULL) {
        h = *b->head;
        h.ts_us = b->head->ts_us;
    }
    h.type = KD_REC_ALERT;
    return h;
}

struct id_texts {
    uint8_t room[KD_EVIDENCE_MAX][24];
    struct kd_bytes v[KD_EVIDENCE_MAX];
    size_t n;
};

static void list_ids(const struct kd_brain *b, const struct kd_finding *f, struct id_texts *t)
{
    const uint64_t own = b->head == NULL ? 0 : b->head->id;
    const uint64_t *ids = f->n_record_ids > 0 ? f->record_ids : &own;
    size_t n = f->n_record_ids > 0 ? kd_min_size(f->n_record_ids, KD_EVIDENCE_MAX) : b->head != NULL;
    const uint64_t *newest = ids + (f->n_record_ids > n ? f->n_record_ids - n : 0);
    t->n = n;
    for (size_t i = 0; i < n; i++) {
        struct kd_out o = kd_out_of(t->room[i], sizeof(t->room[i]));
        kd_out_u64(&o, newest[i]);
        t->v[i] = kd_out_bytes_view(&o);
    }
}

static size_t list_techniques(const struct kd_finding *f, struct kd_bytes *ret, size_t most)
{
    const char *const *from = f->n_techniques > 0 ? f->technique : f->kind->technique;
    size_t n = 0;
    for (; n < most && (f->n_techniques > 0 ? n < f->n_techniques : from[n] != NULL); n++)
        ret[n] = kd_str(from[n]);
    return n;
}

/* Encode the alert into the fold's own block, as it stands now. */
static void write_alert(struct kd_brain *b, const struct kd_finding *f, struct kd_fold *fold, struct kd_bytes key,
                        const struct kd_excepting *exception)
{
    const struct kd_finding_kind *k = f->kind;
    struct texts t;
    struct id_texts ids;
    list_ids(b, f, &ids);
    fill_texts(b, f, fold, exception != NULL && fold->severity == KD_CRITICAL ? exception : NULL, &t);
    struct kd_bytes techniques[16];
    size_t n_techniques = list_techniques(f, techniques, KD_COUNT(techniques));
    const struct kd_host *host = kd_hosts_find(&b->hosts, &f->host);
    uint8_t user[KD_FACT_MAX];
    struct kd_out o = kd_out_of(user, sizeof(user));
    kd_text_clean(&o, f->user, sizeof(user));
    uint64_t key_sum[2] = {kd_hash(key.p, key.n, fold->born_us), kd_hash(key.p, key.n, ~fold->born_us)};
    struct kd_rec_alert a = {
        .action = kd_str("allowed"), .signature_id = k->number, .rev = k->rev, .signature = kd_str(k->name_en),
        .category = kd_str(k->phase_en), .alert_severity = eve_severity(fold->severity),
        .detection_id = kd_str(k->id), .key = kd_bytes_of(key_sum, sizeof(key_sum)), .method = kd_str(k->method),
        .phase = kd_str(k->phase), .technique = {techniques, n_techniques},
        .severity = kd_str(kd_severity_names[fold->severity]),
        .confidence = (uint8_t)(f->confidence < 0 ? k->confidence : kd_min_size((size_t)f->confidence, 100)),
        .host = f->host, .peer = f->peer, .host_name = host == NULL ? kd_str("") : kd_text_view(&host->name),
        .user = kd_out_bytes_view(&o), .title_ja = t.title_view[KD_JA], .title_en = t.title_view[KD_EN],
        .why_ja = t.why_view[KD_JA], .why_en = t.why_view[KD_EN], .do_ja = t.do_view[KD_JA],
        .do_en = t.do_view[KD_EN], .record_ids = {ids.v, ids.n}, .first_us = fold->first_us,
        .last_us = fold->last_us, .count = fold->count, .excepted = exception != NULL,
        .exception = exception == NULL ? 0 : exception->what.number,
        .object = f->object,
    };
    uint8_t encoded[32 * 1024];
    struct kd_out enc = kd_out_of(encoded, sizeof(encoded));
    struct kd_rec_head head = alert_head(b, f);
    if (kd_record_put(&enc, &head, &a) != KD_OK)
        return;
    if (fold->block_bytes < enc.n) {
        kd_pool_give(b->pool, fold->record, fold->block_bytes);
        fold->record = kd_pool_take(b->pool, enc.n, &fold->block_bytes);
        if (fold->record == NULL) {
            fold->block_bytes = fold->record_bytes = 0;
            kd_brain_emit(b, &head, &a); /* no memory to keep it for updates: tell it at least */
            return;
        }
    }
    memcpy(fold->record, encoded, enc.n);
    fold->record_bytes = enc.n;
}

/* Send the kept alert with its present count; r: the record that led to it, or NULL. */
static void tell(struct kd_brain *b, struct kd_fold *fold, const struct kd_record *r)
{
    fold->told_count = fold->count;
    fold->told_us = b->now_us;
    if (fold->record == NULL)
        return;
    struct kd_cur c = kd_cur_of(kd_bytes_of(fold->record, fold->record_bytes));
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    struct kd_rec_alert a;
    struct kd_arena mem;
    kd_arena_init(&mem, b->pool, 64 * 1024);
    if (kd_record_next(&c, &head, &body, &whole) == KD_OK &&
        kd_body_decode(kd_schemas[KD_REC_ALERT], body, &mem, &a) == KD_OK) {
        a.count = fold->count;
        a.last_us = fold->last_us;
        kd_brain_emit(b, &head, &a);
        if (!a.excepted)
            kd_story_alert(b, &head, &a, r);
    }
    kd_arena_done(&mem);
}

/* The first time, when it became graver, when the count has doubled, or after a quiet time that grows. */
static bool worth_telling(const struct kd_brain *b, struct kd_fold *fold, bool graver)
{
    uint64_t since = b->now_us - fold->told_us;
    if (graver || (fold->count >= UPDATE_FACTOR * fold->told_count && since >= QUIET_LEAST_US))
        return true;
    if (fold->count == fold->told_count || since < fold->quiet_us)
        return false;
    fold->quiet_us = kd_min_u64(2 * fold->quiet_us, QUIET_MOST_US);
    return true;
}

/* An exception was made for it, or came to its end. */
static bool turned(const struct kd_brain *b, const struct kd_fold *fold, bool excepted)
{
    return fold->excepted != excepted && b->now_us - fold->told_us >= QUIET_LEAST_US;
}

static struct kd_bytes fold_key(const struct kd_finding *f, uint8_t room[KD_TABLE_KEY_MAX])
{
    struct kd_out o = kd_out_of(room, KD_TABLE_KEY_MAX);
    kd_out_le64(&o, f->kind->number);
    kd_out_bytes(&o, kd_bytes_of(f->host.b, sizeof(f->host.b)));
    if (f->fold.n <= KD_TABLE_KEY_MAX - 24) {
        kd_out_bytes(&o, f->fold);
    } else {
        kd_out_le64(&o, kd_hash(f->fold.p, f->fold.n, 1));
        kd_out_le64(&o, kd_hash(f->fold.p, f->fold.n, 2));
    }
    return kd_out_bytes_view(&o);
}

static void count_up(struct kd_fold *fold, const struct kd_finding *f, uint64_t now_us)
{
    if (f->count == 0)
        fold->count++;
    else if (f->count > fold->episode)
        fold->count += f->count - fold->episode;
    else if (f->count < fold->episode)
        fold->count += f->count; /* the detector began to count anew */
    fold->episode = f->count;
    uint64_t first = f->first_us == 0 ? now_us : f->first_us;
    uint64_t last = f->last_us == 0 ? now_us : f->last_us;
    fold->first_us = fold->first_us == 0 || first < fold->first_us ? first : fold->first_us;
    fold->last_us = last > fold->last_us ? last : fold->last_us;
}

static bool is_on(const struct kd_brain *b, const struct kd_finding_kind *kind)
{
    for (size_t i = 0; kd_finding_kinds[i] != NULL; i++)
        if (kd_finding_kinds[i] == kind)
            return b->kinds_on[i];
    return true;
}

static void add_to_host(struct kd_brain *b, const struct kd_finding *f, int severity)
{
    if (kd_addr_is_none(&f->host))
        return;
    struct kd_bytes key = kd_bytes_of(f->host.b, sizeof(f->host.b));
    struct kd_marks *m = kd_table_get(&b->marks, key, b->now_us, NULL);
    if (m == NULL)
        return;
    bool victim = severity >= KD_HIGH && !kd_addr_is_none(&f->peer);
    uint64_t peer = victim ? kd_hash(f->peer.b, sizeof(f->peer.b), 0) | 1 : 0;
    int confidence = f->confidence < 0 ? f->kind->confidence : f->confidence;
    if (kd_marks_add(m, f->kind, severity, confidence, peer, b->now_us))
        kd_brain_score(b, &f->host);
}

void kd_find(struct kd_detect *d, const struct kd_finding *f)
{
    kd_brain_find(d->brain, f);
}

void kd_brain_find(struct kd_brain *b, const struct kd_finding *f)
{
    if (!is_on(b, f->kind))
        return;
    uint8_t room[KD_TABLE_KEY_MAX];
    struct kd_bytes key = fold_key(f, room);
    bool is_new;
    struct kd_fold *fold = kd_table_get(&b->folds, key, b->now_us, &is_new);
    if (fold == NULL) {
        b->n_lost++;
        return;
    }
    int severity = f->severity < 0 ? (int)f->kind->severity : f->severity;
    bool graver = is_new || severity > fold->severity;
    fold->severity = graver ? severity : fold->severity;
    count_up(fold, f, b->now_us);
    struct kd_excepting *exception = kd_exceptions_match(&b->exceptions, f, b->now_us);
    if (exception == NULL)
        add_to_host(b, f, severity);
    if (is_new) {
        b->n_detections += exception == NULL;
        fold->quiet_us = QUIET_FIRST_US;
        fold->born_us = b->now_us;
    }
    bool now = worth_telling(b, fold, graver) || turned(b, fold, exception != NULL);
    fold->excepted = now ? exception != NULL : fold->excepted;
    /* Detectors that count report seldom; what comes once per event is worded only when it is told. */
    if (now || f->count > 0 || fold->record == NULL)
        write_alert(b, f, fold, key, exception);
    if (now)
        tell(b, fold, b->record);
}

void kd_fold_leave(void *arg, struct kd_bytes key, void *state)
{
    (void)key;
    struct kd_brain *b = arg;
    struct kd_fold *fold = state;
    if (fold->count > fold->told_count)
        tell(b, fold, NULL);
    kd_pool_give(b->pool, fold->record, fold->block_bytes);
    fold->record = NULL;
}

static bool tell_rest(void *arg, struct kd_bytes key, void *state)
{
    (void)key;
    struct kd_fold *fold = state;
    if (fold->count > fold->told_count)
        tell(arg, fold, NULL);
    return true;
}

void kd_fold_finish(struct kd_brain *b)
{
    kd_table_each(&b->folds, tell_rest, b);
}
