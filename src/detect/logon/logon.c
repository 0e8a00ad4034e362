/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts on accounts, from login records.  See logon.md. */
#include "detect/common.h"
#include "findings.h"

enum { USERS_KEPT = 64, TARGETS_KEPT = 32, KEY_PAIR = 'p', KEY_SOURCE = 's' };

/* For a pair of machines and a service, or for one source over all. */
struct attempts {
    uint64_t first_us, last_us;
    uint32_t fails, unknown_names, top_fails; /* top_fails: of one account */
    uint32_t guesses; /* fails for the password's sake */
    uint32_t n_users, n_targets;
    uint32_t users[USERS_KEPT], user_fails[USERS_KEPT];
    uint32_t targets[TARGETS_KEPT];
    uint32_t told;      /* fails when last told */
    bool guessed;       /* a success was told */
    bool enumerated;
    struct kd_word top_user, service;
    struct kd_addr source, target;
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"brute_fails", 10, 3, 10000, "attempts", "failed logons between two machines that count as guessing",
     "総当たりとみなす、2 台の間のログオン失敗回数"},
    {"spray_users", 8, 3, 10000, "accounts", "different accounts failing from one machine that count as spraying",
     "1 台から失敗した異なるアカウントの数"},
    {"window_s", 1800, 60, 86400, "s", "time in which they are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static bool is_unknown_name(struct kd_bytes reason)
{
    static const char *const words[] = {"PRINCIPAL_UNKNOWN", "NO_SUCH_USER", "UNKNOWN_USER", "user unknown"};
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (kd_bytes_icontains(reason, kd_str(words[i])))
            return true;
    return false;
}

/* Not the password was wrong: the account does not exist, is closed, or must be renewed. */
static bool is_no_guess(struct kd_bytes reason)
{
    static const char *const words[] = {"EXPIRED", "REVOKED", "DISABLED", "LOCKED", "RESTRICTION", "MUST_CHANGE",
                                        "CLOCK", "SKEW", "ETYPE", "POLICY"};
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (kd_bytes_icontains(reason, kd_str(words[i])))
            return true;
    return is_unknown_name(reason);
}

/* Count a failure of `user`; how often this user failed is returned. */
static uint32_t count_user(struct attempts *a, struct kd_bytes user)
{
    uint32_t sum = kd_sum_text(user);
    (void)kd_sums_add(a->users, USERS_KEPT, &a->n_users, sum);
    for (uint32_t i = 0; i < USERS_KEPT; i++)
        if (a->users[i] == sum)
            return ++a->user_fails[i];
    return 0;
}

static uint32_t fails_of(const struct attempts *a, struct kd_bytes user)
{
    uint32_t sum = kd_sum_text(user);
    for (uint32_t i = 0; i < USERS_KEPT; i++)
        if (a->users[i] == sum)
            return a->user_fails[i];
    return 0;
}

static struct attempts *attempts_of(struct kd_detect *d, const struct kd_key *key, uint64_t ts_us)
{
    struct attempts *a = kd_detect_state(d, kd_key_view(key), NULL);
    if (a == NULL)
        return NULL;
    uint64_t window_us = (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6);
    if (a->first_us != 0 && kd_gap_us(ts_us, a->first_us) > window_us)
        *a = (struct attempts){0};
    if (a->first_us == 0)
        a->first_us = ts_us;
    a->last_us = kd_max_u64(a->last_us, ts_us);
    return a;
}

static void add_failure(struct attempts *a, const struct kd_record *r)
{
    const struct kd_rec_login *l = r->body;
    uint32_t n = count_user(a, l->user);
    a->fails++;
    a->guesses += !is_no_guess(l->reason);
    a->unknown_names += is_unknown_name(l->reason);
    (void)kd_sums_add(a->targets, TARGETS_KEPT, &a->n_targets, kd_sum_addr(&r->head->dst));
    if (n > a->top_fails || a->top_user.n == 0) {
        a->top_fails = n;
        kd_word_set(&a->top_user, l->user);
    }
    kd_word_set(&a->service, l->service);
    if (a->fails == 1) { /* the first target stands for all: an alert's host must not wander */
        a->source = r->head->src;
        a->target = r->head->dst;
    }
    kd_ids_add(&a->ids, r->head->id);
}

static void tell(struct kd_detect *d, const struct attempts *a, const struct kd_finding_kind *kind,
                 struct kd_bytes user, struct kd_bytes fold)
{
    struct kd_digits users, targets, fails;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides s = kd_sides_of(d, &a->source, &a->target);
    struct kd_fact facts[] = {
        {"service", kd_word_view(&a->service)},
        {"services", kd_word_view(&a->service)},
        {"users", kd_digits_of(&users, a->n_users)},
        {"targets", kd_digits_of(&targets, a->n_targets)},
        {"fails", kd_digits_of(&fails, a->fails)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = s.host, .peer = s.peer, .user = user, .fold = fold, .severity = -1,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(&a->ids, ids), .first_us = a->first_us, .last_us = a->last_us,
                   .count = a->fails,
               });
}

/* Told at the threshold and each time the number has doubled. */
static bool is_due(struct attempts *a)
{
    if (a->told != 0 && a->fails < 2 * a->told)
        return false;
    a->told = a->fails;
    return true;
}

static void tell_pair(struct kd_detect *d, const struct attempts *a)
{
    struct kd_key fold = kd_key_of(KEY_PAIR);
    kd_key_addr(&fold, &a->source);
    kd_key_addr(&fold, &a->target);
    tell(d, a, &kd_finding_KD_CR_0002, kd_word_view(&a->top_user), kd_key_view(&fold));
}

static void judge_pair(struct kd_detect *d, struct attempts *a)
{
    uint32_t least = (uint32_t)kd_detect_tunable(d, "brute_fails");
    if (a->guesses >= least && a->top_fails >= least / 2 && is_due(a))
        tell_pair(d, a);
}

static void tell_source(struct kd_detect *d, const struct attempts *a)
{
    struct kd_key fold = kd_key_of(KEY_SOURCE);
    kd_key_addr(&fold, &a->source);
    bool names_only = a->unknown_names * 10 >= a->fails * 9;
    tell(d, a, names_only ? &kd_finding_KD_CR_0005 : &kd_finding_KD_CR_0004, kd_bytes_of(NULL, 0), kd_key_view(&fold));
}

/* Many accounts, each tried a few times only. */
static void judge_source(struct kd_detect *d, struct attempts *a)
{
    uint32_t least = (uint32_t)kd_detect_tunable(d, "spray_users");
    if (a->n_users >= least && a->top_fails <= a->fails / 2 && is_due(a))
        tell_source(d, a);
}

/* What came after it was last told. */
static void logon_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    const struct attempts *a = state;
    if (a->told == 0 || a->fails == a->told)
        return;
    if (key.p[0] == KEY_PAIR)
        tell_pair(d, a);
    else
        tell_source(d, a);
}

static void tell_single(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_login *l = r->body;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(KEY_PAIR);
    kd_key_addr(&fold, &s.peer);
    kd_key_text(&fold, kd_bytes_head(l->user, 100));
    struct kd_fact facts[] = {
        {"service", l->service},
        {"reason", l->reason.n > 0 ? l->reason : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CR_0001, .host = s.host, .peer = s.peer, .user = l->user,
                   .fold = kd_key_view(&fold), .severity = -1, .confidence = -1, .facts = facts,
                   .n_facts = KD_COUNT(facts), .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

static struct kd_key pair_key(const struct kd_record *r)
{
    const struct kd_rec_login *l = r->body;
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    kd_key_text(&key, kd_bytes_head(l->service, 32));
    return key;
}

static void failure(struct kd_detect *d, const struct kd_record *r)
{
    tell_single(d, r);
    struct kd_key key = pair_key(r);
    struct attempts *a = attempts_of(d, &key, r->head->ts_us);
    if (a != NULL) {
        add_failure(a, r);
        judge_pair(d, a);
    }
    key = kd_key_of(KEY_SOURCE);
    kd_key_addr(&key, &r->head->src);
    a = attempts_of(d, &key, r->head->ts_us);
    if (a != NULL) {
        add_failure(a, r);
        judge_source(d, a);
    }
}

/* A success after guessing counts when this very account had been tried. */
static void success(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_login *l = r->body;
    struct kd_key key = pair_key(r);
    struct attempts *a = kd_detect_peek(d, kd_key_view(&key));
    if (a == NULL || a->guessed || a->guesses < (uint32_t)kd_detect_tunable(d, "brute_fails") ||
        fails_of(a, l->user) < 3)
        return;
    a->guessed = true;
    a->last_us = r->head->ts_us;
    kd_ids_add(&a->ids, r->head->id);
    key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &a->target);
    kd_key_text(&key, kd_bytes_head(l->user, 100));
    tell(d, a, &kd_finding_KD_CR_0003, l->user, kd_key_view(&key));
}

static void logon_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_login *l = r->body;
    if (l->user.n == 0 || kd_bytes_icontains(l->reason, kd_str("PREAUTH_REQUIRED")))
        return;
    if (kd_bytes_eq_str(l->result, "failure"))
        failure(d, r);
    else if (kd_bytes_eq_str(l->result, "success"))
        success(d, r);
}

static void logon_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct attempts *a = state;
    uint32_t n_users = a->n_users;
    (void)key;
    kd_snap_time(s, &a->first_us);
    kd_snap_time(s, &a->last_us);
    kd_snap_u32(s, &a->fails);
    kd_snap_u32(s, &a->unknown_names);
    kd_snap_u32(s, &a->top_fails);
    kd_snap_u32(s, &a->guesses);
    kd_snap_u32(s, &a->told);
    kd_snap_bool(s, &a->guessed);
    kd_snap_bool(s, &a->enumerated);
    kd_snap_sums(s, a->targets, TARGETS_KEPT, &a->n_targets);
    kd_snap_word(s, &a->top_user);
    kd_snap_word(s, &a->service);
    kd_snap_addr(s, &a->source);
    kd_snap_addr(s, &a->target);
    kd_snap_ids(s, &a->ids);
    /* Who failed how often: a name keeps its place when it comes in again at the same one. */
    kd_snap_u32_to(s, &n_users, USERS_KEPT / 4 * 3);
    for (uint32_t i = 0, n = 0; i < USERS_KEPT && n < n_users && kd_snap_ok(s); i++) {
        uint8_t used = a->users[i] != 0;
        kd_snap_u8_to(s, &used, 1);
        if (!used)
            continue;
        kd_snap_u32(s, &a->users[i]);
        kd_snap_u32(s, &a->user_fails[i]);
        n++;
    }
    a->n_users = n_users;
}

const struct kd_detector kd_detector_logon = {
    .name = "logon",
    .summary_en = "failed logons: single, guessing, spraying, success after guessing",
    .summary_ja = "ログオン失敗(単発、総当たり、多数アカウントへの試行、総当たり後の成功)",
    .wants = (uint64_t)1 << KD_REC_LOGIN,
    .key_state_bytes = sizeof(struct attempts),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_HOUR,
    .tunables = tunables,
    .record = logon_record,
    .snap = logon_snap,
    .snap_version = 1,
    .leave = logon_leave,
};
