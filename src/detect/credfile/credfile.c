/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold passwords, carried over the network.  See credfile.md. */
#include "detect/common.h"
#include "findings.h"

struct none {
    uint8_t unused;
};

static struct kd_bytes last_part(struct kd_bytes path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '\\' || path.p[i - 1] == '/')
            return kd_bytes_from(path, i);
    return path;
}

static bool is_directory_database(struct kd_bytes path)
{
    return kd_bytes_ieq(last_part(path), kd_str("ntds.dit"));
}

/* The machine's own registry hives with passwords: in their places, their backups, or saved under
 * their names. */
static bool is_hive(struct kd_bytes path)
{
    static const char *const names[] = {"SAM", "SECURITY"};
    static const char *const saved[] = {"sam.save",      "sam.hiv",      "sam.hive",
                                        "security.save", "security.hiv", "security.hive",
                                        "sam.bak",       "security.bak"};
    static const char *const places[] = {"system32\\config", "\\repair", "\\RegBack"};
    struct kd_bytes name = last_part(path);
    for (size_t i = 0; i < KD_COUNT(saved); i++)
        if (kd_bytes_ieq(name, kd_str(saved[i])))
            return true;
    for (size_t i = 0; i < KD_COUNT(names); i++)
        for (size_t p = 0; kd_bytes_ieq(name, kd_str(names[i])) && p < KD_COUNT(places); p++)
            if (kd_bytes_icontains(path, kd_str(places[p])))
                return true;
    return false;
}

/* A memory image of the process that holds the passwords of who is logged on. */
static bool is_lsass_dump(struct kd_bytes path)
{
    struct kd_bytes name = last_part(path);
    static const char *const tails[] = {".dmp", ".mdmp", ".dump", ".zip", ".bin", ".out"};
    if (!kd_bytes_istarts(name, kd_str("lsass")))
        return false;
    for (size_t i = 0; i < KD_COUNT(tails); i++)
        if (kd_bytes_iends(name, kd_str(tails[i])))
            return true;
    return false;
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind,
                 struct kd_bytes file, struct kd_bytes user, int severity)
{
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &r->head->src);
    kd_key_addr(&fold, &r->head->dst);
    struct kd_fact facts[] = {{"file", file.n > 0 ? file : kd_str("-")}};
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = s.host,
                   .peer = s.peer,
                   .user = user,
                   .fold = kd_key_view(&fold),
                   .severity = severity,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .first_us = r->head->ts_us,
                   .last_us = r->head->ts_us,
               });
}

static void smb(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smb *s = r->body;
    bool moved = s->read_bytes > 0 || s->write_bytes > 0;
    if (s->status_code != 0 || s->filename.n == 0 || !moved)
        return;
    if (is_directory_database(s->filename))
        tell(d, r, &kd_finding_KD_CR_0032, s->filename, s->user, -1);
    else if (is_hive(s->filename))
        tell(d, r, &kd_finding_KD_CR_0033, s->filename, s->user, -1);
    else if (is_lsass_dump(s->filename))
        tell(d, r, &kd_finding_KD_CR_0034, s->filename, s->user, -1);
}

/* A user's own hive: read at every logon where profiles are kept on a server. */
static bool is_profile(struct kd_bytes name)
{
    return kd_bytes_iends(name, kd_str("ntuser.dat")) ||
           kd_bytes_iends(name, kd_str("ntuser.man")) ||
           kd_bytes_iends(name, kd_str("usrclass.dat"));
}

/* By content, whatever the name. */
static void file(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_file *f = r->body;
    static const char *const dumps[] = {"Mini DuMP", "minidump", "MDMP"};
    static const char *const hives[] = {"MS Windows registry file", "registry hive", "regf"};
    for (size_t i = 0; i < KD_COUNT(dumps); i++)
        if (kd_bytes_icontains(f->magic, kd_str(dumps[i])) || is_lsass_dump(f->filename)) {
            tell(d, r, &kd_finding_KD_CR_0034, f->filename, kd_str(""),
                 is_lsass_dump(f->filename) ? -1 : KD_LOW);
            return;
        }
    bool from_machine = r->head->app == KD_APP_SMB && !f->to_server;
    for (size_t i = 0; i < KD_COUNT(hives); i++)
        if (from_machine && kd_bytes_icontains(f->magic, kd_str(hives[i])) &&
            !is_profile(f->filename)) {
            tell(d, r, &kd_finding_KD_CR_0033, f->filename, kd_str(""), KD_LOW);
            return;
        }
    if (is_directory_database(f->filename))
        tell(d, r, &kd_finding_KD_CR_0032, f->filename, kd_str(""), -1);
}

static void credfile_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_SMB)
        smb(d, r);
    else
        file(d, r);
}

const struct kd_detector kd_detector_credfile = {
    .name = "credfile",
    .summary_en = "files that hold passwords carried over the network (directory database, "
                  "registry hives, memory images)",
    .summary_ja =
        "パスワードを含むファイルの持ち出し(ディレクトリ DB、レジストリハイブ、メモリイメージ)",
    .wants = (uint64_t)1 << KD_REC_SMB | (uint64_t)1 << KD_REC_FILE,
    .key_state_bytes = sizeof(struct none),
    .max_keys = 1,
    .record = credfile_record,
};
