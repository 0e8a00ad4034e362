/* SPDX-License-Identifier: Apache-2.0 */
/* Use of file shares, from SMB records.  See share.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_PAIR = 'p', KEY_START = 'b' };

struct pair {
    uint64_t first_us; /* of the whole watch under KEY_START */
};

static const struct kd_tunable tunables[] = {
    {"learn_days", 7, 0, 365, "days", "time after the start in which new pairs are learned and not told",
     "開始後、新しい組み合わせを学習だけする日数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static struct kd_bytes last_part(struct kd_bytes path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '\\' || path.p[i - 1] == '/')
            return kd_bytes_from(path, i);
    return path;
}

/* C$, D$ …, ADMIN$: the whole machine, for administrators only. */
static bool is_admin_share(struct kd_bytes share)
{
    struct kd_bytes name = last_part(share);
    bool drive = name.n == 2 && name.p[1] == '$' && kd_ascii_lower(name.p[0]) >= 'a' &&
                 kd_ascii_lower(name.p[0]) <= 'z';
    return drive || kd_bytes_ieq(name, kd_str("ADMIN$"));
}

static bool is_pipe(const struct kd_rec_smb *s)
{
    return kd_bytes_eq_str(s->share_type, "PIPE") || kd_bytes_ieq(last_part(s->share), kd_str("IPC$"));
}

static bool runs(struct kd_bytes filename)
{
    static const char *const tails[] = {".exe", ".dll", ".sys", ".scr", ".com", ".cpl", ".ps1", ".psm1", ".bat",
                                        ".cmd", ".vbs", ".vbe", ".js",  ".jse", ".wsf", ".hta", ".msi", ".lnk",
                                        ".sct", ".xll", ".jar", ".pif", ".py"};
    for (size_t i = 0; i < KD_COUNT(tails); i++)
        if (kd_bytes_iends(filename, kd_str(tails[i])))
            return true;
    return false;
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind,
                 struct kd_bytes share, struct kd_bytes file, struct kd_bytes user)
{
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &s.peer);
    kd_key_text(&fold, kd_bytes_head(last_part(share), 80));
    struct kd_host_view client; /* a Kerberos logon hides its user: who works there otherwise? */
    if (user.n == 0 && kd_detect_host(d, &r->head->src, &client))
        user = client.user;
    struct kd_fact facts[] = {
        {"share", share.n > 0 ? share : kd_str("-")},
        {"file", file.n > 0 ? file : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = s.host, .peer = s.peer, .user = user, .fold = kd_key_view(&fold),
                   .severity = -1, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts),
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

/* Have these two not shared files before, as long as we have watched? */
static bool is_first(struct kd_detect *d, const struct kd_record *r)
{
    bool is_new;
    struct pair *start = kd_detect_state(d, kd_bytes_of("b", 1), &is_new);
    if (start == NULL)
        return false;
    if (is_new)
        start->first_us = r->head->ts_us;
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    struct pair *p = kd_detect_state(d, kd_key_view(&key), &is_new);
    if (p == NULL || !is_new)
        return false;
    p->first_us = r->head->ts_us;
    double learned_us = kd_detect_tunable(d, "learn_days") * (double)KD_US_PER_DAY;
    return (double)(r->head->ts_us - start->first_us) >= learned_us;
}

static void used(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smb *s = r->body;
    bool first = is_first(d, r);
    if (is_admin_share(s->share)) {
        tell(d, r, &kd_finding_KD_LM_0003, s->share, s->filename, s->user);
        return;
    }
    tell(d, r, &kd_finding_KD_LM_0001, s->share, s->filename, s->user);
    if (first)
        tell(d, r, &kd_finding_KD_LM_0002, s->share, s->filename, s->user);
}

static void written(struct kd_detect *d, const struct kd_record *r, struct kd_bytes share, struct kd_bytes file,
                    struct kd_bytes user)
{
    bool admin = is_admin_share(share);
    tell(d, r, admin ? &kd_finding_KD_LM_0005 : &kd_finding_KD_LM_0004, share, file, user);
}

static void smb(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smb *s = r->body;
    bool connect = kd_bytes_iends(s->command, kd_str("TREE_CONNECT")) ||
                   kd_bytes_iends(s->command, kd_str("TREE_CONNECT_ANDX"));
    if (s->status_code != 0 || s->share.n == 0 || is_pipe(s))
        return;
    if (connect || (is_admin_share(s->share) && s->filename.n > 0))
        used(d, r);
    if (s->write_bytes == 0)
        return;
    if (runs(s->filename))
        written(d, r, s->share, s->filename, s->user);
    else if (is_admin_share(s->share))
        tell(d, r, &kd_finding_KD_LM_0068, s->share, s->filename, s->user);
}

/* \\\\server\\share of \\\\server\\share\\path; empty when it is none. */
static struct kd_bytes share_of(struct kd_bytes source)
{
    size_t at = 2;
    if (!kd_bytes_starts(source, kd_str("\\\\")))
        return (struct kd_bytes){NULL, 0};
    for (unsigned i = 0; i < 2 && at < source.n; i++) {
        size_t n = kd_bytes_find_byte(kd_bytes_from(source, at), '\\');
        if (n == SIZE_MAX)
            return (struct kd_bytes){NULL, 0};
        at += n + 1;
    }
    return kd_bytes_head(source, at - 1);
}

/* A program by its content, whatever it is called; the test virus counts as one. */
static void file(struct kd_detect *d, const struct kd_record *r)
{
    static const char *const types[] = {"pe", "elf", "macho", "lnk", "hta", "java-class", "eicar"};
    const struct kd_rec_file *f = r->body;
    bool program = false;
    for (size_t i = 0; i < KD_COUNT(types); i++)
        program = program || kd_bytes_eq_str(f->magic, types[i]);
    if (r->head->app != KD_APP_SMB || !program)
        return;
    struct kd_bytes share = share_of(f->source);
    if (!f->to_server && is_admin_share(share) && kd_bytes_eq_str(f->state, "CLOSED"))
        tell(d, r, &kd_finding_KD_LM_0067, share, f->filename, kd_str(""));
    else if (f->to_server && !runs(f->filename)) /* else it is told when it is closed */
        written(d, r, share, f->filename, kd_str(""));
}

static void share_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_SMB)
        smb(d, r);
    else
        file(d, r);
}

static void share_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct pair *p = state;
    (void)key;
    kd_snap_time(s, &p->first_us);
}

const struct kd_detector kd_detector_share = {
    .name = "share",
    .summary_en = "file shares used, new pairs, administrative shares, programs copied",
    .summary_ja = "ファイル共有の使用、初めての組み合わせ、管理共有、プログラムのコピー",
    .wants = (uint64_t)1 << KD_REC_SMB | (uint64_t)1 << KD_REC_FILE,
    .key_state_bytes = sizeof(struct pair),
    .max_keys = 50000,
    .idle_us = 60 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = share_record,
    .snap = share_snap,
    .snap_version = 1,
};
