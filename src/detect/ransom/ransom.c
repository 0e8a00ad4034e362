/* SPDX-License-Identifier: Apache-2.0 */
/* Files on shares made unreadable by one machine.  See ransom.md. */
#include "detect/common.h"
#include "findings.h"

enum {
    SUMS = 1024, /* names remembered of each kind; a power of two */
    EXTENSIONS = 8,
    NOTES = 8,
    FOLDERS = 16,
    EXTENSION_MOST = 20,
    NOTE_BYTES_MOST = 200000,
    SCRAMBLED_LEAST = 512 /* bytes; less says nothing about randomness */
};

struct names {
    uint32_t n;
    uint32_t v[SUMS];
};

/* Everything one client did in the window.  A name is the sum of share and path. */
struct client {
    uint64_t first_us;
    struct names readable; /* read, or written before, as what they claim to be */
    struct names gone;     /* deleted, or renamed to something else */
    struct names scrambled, stems; /* written unreadable: the name, and the name without its last extension */
    struct names replaced; /* readable before, unreadable now */
    struct {
        uint32_t sum, count;
        struct kd_word word;
    } extensions[EXTENSIONS];
    struct {
        uint32_t sum, n;
        uint32_t folders[FOLDERS];
        struct kd_word word;
    } notes[NOTES];
    struct kd_word example, share;
    struct kd_addr server;
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"files", 20, 5, 700, "files", "files made unreadable that count by themselves", "読めなくなったファイルの数"},
    {"files_with_sign", 8, 3, 700, "files", "the same together with a new extension or a note",
     "新しい拡張子や脅迫文と合わせた場合の数"},
    {"renames", 60, 10, 100000, "files", "files renamed to one unknown extension, without more evidence",
     "見慣れない同じ拡張子への変更の数"},
    {"notes", 3, 2, 12, "folders", "folders that got a file of the same name", "同じ名前のファイルが置かれたフォルダーの数"},
    {"random", 75, 60, 80, "tenths of a bit", "randomness of content that counts as unreadable",
     "読めない内容とみなす乱雑さ(1/10 ビット)"},
    {"window_s", 900, 60, 86400, "s", "time in which they are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* ---- names ---- */

static struct kd_bytes base_of(struct kd_bytes path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '\\' || path.p[i - 1] == '/')
            return kd_bytes_from(path, i);
    return path;
}

/* Behind the last dot of the name; empty when it has none, or nothing before it. */
static struct kd_bytes extension_of(struct kd_bytes path)
{
    struct kd_bytes base = base_of(path);
    for (size_t i = base.n; i > 1; i--)
        if (base.p[i - 1] == '.')
            return kd_bytes_from(base, i);
    return (struct kd_bytes){NULL, 0};
}

static struct kd_bytes stem_of(struct kd_bytes path)
{
    size_t n = extension_of(path).n;
    return n > 0 && n < path.n ? kd_bytes_head(path, path.n - n - 1) : path;
}

static bool in_list(struct kd_bytes word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_ieq(word, kd_str(list[i])))
            return true;
    return false;
}

/* Types whose content begins with a mark that we know: without it the file is spoiled. */
static bool has_known_form(struct kd_bytes path)
{
    static const char *const list[] = {"docx", "docm", "xlsx", "xlsm", "pptx", "pptm", "doc", "xls",
                                       "ppt",  "pdf",  "jpg",  "jpeg", "png",  "gif",  "zip", "odt",
                                       "ods",  "txt",  "csv",  "xml",  "html", "htm",  "rtf", "sqlite"};
    return in_list(extension_of(path), list, KD_COUNT(list));
}

/* Extensions people and programs rename to every day. */
static bool is_familiar(struct kd_bytes extension)
{
    static const char *const list[] = {
        "docx", "docm", "dotx", "doc", "dot", "xlsx", "xlsm", "xltx", "xls", "xlt", "pptx", "pptm", "ppt", "pps", "pdf",
        "txt", "csv", "tsv", "log", "md", "rtf", "odt", "ods", "odp", "xml", "json", "html", "htm", "mht", "ini", "cfg",
        "conf", "yaml", "yml", "sql", "jpg", "jpeg", "jpe", "png", "gif", "bmp", "tif", "tiff", "heic", "webp", "svg",
        "ico", "psd", "ai", "eps", "raw", "cr2", "nef", "arw", "dng", "mp3", "mp4", "m4a", "m4v", "wav", "wma", "wmv",
        "avi", "mov", "mkv", "mpg", "mts", "zip", "7z", "rar", "lzh", "gz", "tgz", "tar", "bz2", "xz", "cab", "iso", "jar",
        "exe", "dll", "msi", "bat", "cmd", "ps1", "vbs", "js", "py", "c", "h", "cpp", "java", "cs", "php", "css", "lnk",
        "url", "tmp", "temp", "bak", "bk", "old", "orig", "new", "sav", "part", "partial", "crdownload", "download",
        "filepart", "swp", "lock", "lck", "mdb", "accdb", "ldb", "laccdb", "db", "sqlite", "dbf", "pst", "ost", "eml",
        "msg", "vsd", "vsdx", "pub", "one", "jtd", "jtdc", "juw", "jww", "dwg", "dxf", "sfc", "p21", "dcm", "dat", "bin",
        "done", "processed", "err", "ok", "fin", "end",
    };
    return in_list(extension, list, KD_COUNT(list));
}

static bool has(const struct names *names, uint32_t sum)
{
    return kd_sums_has(names->v, SUMS, sum);
}

static bool add(struct names *names, uint32_t sum)
{
    return kd_sums_add(names->v, SUMS, &names->n, sum);
}

/* ---- the window ---- */

static struct client *client_of(struct kd_detect *d, const struct kd_record *r)
{
    struct kd_key key = kd_key_of('c');
    kd_key_addr(&key, &r->head->src);
    bool is_new;
    struct client *c = kd_detect_state(d, kd_key_view(&key), &is_new);
    if (c == NULL)
        return NULL;
    double window_us = kd_detect_tunable(d, "window_s") * (double)KD_US_PER_S;
    if (!is_new && (double)kd_gap_us(r->head->ts_us, c->first_us) > window_us) {
        *c = (struct client){0};
        is_new = true;
    }
    if (is_new)
        c->first_us = r->head->ts_us;
    return c;
}

static uint32_t most_renamed(const struct client *c, struct kd_bytes *ret_word)
{
    uint32_t best = 0;
    for (size_t i = 0; i < EXTENSIONS; i++)
        if (c->extensions[i].count > best) {
            best = c->extensions[i].count;
            *ret_word = kd_word_view(&c->extensions[i].word);
        }
    return best;
}

static uint32_t most_notes(const struct client *c, struct kd_bytes *ret_word)
{
    uint32_t best = 0;
    for (size_t i = 0; i < NOTES; i++)
        if (c->notes[i].n > best) {
            best = c->notes[i].n;
            *ret_word = kd_word_view(&c->notes[i].word);
        }
    return best;
}

static void judge(struct kd_detect *d, const struct kd_record *r, struct client *c)
{
    struct kd_bytes extension = kd_str("-"), note = kd_str("-");
    uint32_t renamed = most_renamed(c, &extension);
    uint32_t notes = most_notes(c, &note);
    double least_signed = kd_detect_tunable(d, "files_with_sign");
    bool noted = notes >= kd_detect_tunable(d, "notes");
    if (!noted)
        note = kd_str("-");
    bool sure = c->replaced.n >= kd_detect_tunable(d, "files") ||
                (c->replaced.n >= least_signed && (noted || renamed >= least_signed)) ||
                (noted && renamed >= kd_detect_tunable(d, "files"));
    if (!sure && renamed < kd_detect_tunable(d, "renames"))
        return;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_digits rooms[2];
    uint64_t ids[KD_IDS_KEPT];
    uint32_t number = c->replaced.n > renamed ? c->replaced.n : renamed;
    struct kd_fact facts[] = {
        {"number", kd_digits_of(&rooms[0], number)},
        {"extension", extension},
        {"note", note},
        {"share", c->share.n > 0 ? kd_word_view(&c->share) : kd_str("-")},
        {"example", c->example.n > 0 ? kd_word_view(&c->example) : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = sure ? &kd_finding_KD_IM_0001 : &kd_finding_KD_IM_0002,
                   .host = s.host, .peer = s.peer, .severity = -1, .confidence = -1,
                   .facts = facts, .n_facts = KD_COUNT(facts),
                   .record_ids = ids, .n_record_ids = kd_ids_list(&c->ids, ids),
                   .first_us = c->first_us, .last_us = r->head->ts_us, .count = number,
               });
}

static void remember(struct client *c, const struct kd_record *r, struct kd_bytes path)
{
    kd_word_set(&c->example, base_of(path));
    c->server = r->head->dst;
    kd_ids_add(&c->ids, r->head->id);
}

/* ---- content ---- */

static bool is_scrambled(struct kd_detect *d, const struct kd_rec_file *f)
{
    return f->magic.n == 0 && f->size >= SCRAMBLED_LEAST && f->entropy >= kd_detect_tunable(d, "random");
}

static void content(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_file *f = r->body;
    if (r->head->app != KD_APP_SMB || f->filename.n == 0)
        return;
    struct client *c = client_of(d, r);
    if (c == NULL)
        return;
    uint32_t name = kd_sum_text(f->filename);
    if (!is_scrambled(d, f)) {
        if (f->magic.n > 0)
            (void)add(&c->readable, name);
        return;
    }
    if (!f->to_server || !add(&c->scrambled, name))
        return;
    uint32_t stem = kd_sum_text(stem_of(f->filename));
    (void)add(&c->stems, stem);
    bool itself = has(&c->readable, name) || has_known_form(f->filename);
    bool original = has(&c->readable, stem) || (stem != name && has(&c->gone, stem));
    if (!itself && !original)
        return;
    if (add(&c->replaced, itself ? name : stem)) {
        remember(c, r, f->filename);
        judge(d, r, c);
    }
}

/* ---- names that change ---- */

static void count_extension(struct client *c, struct kd_bytes extension)
{
    uint32_t sum = kd_sum_text(extension);
    size_t least = 0;
    for (size_t i = 0; i < EXTENSIONS; i++) {
        if (c->extensions[i].sum == sum) {
            c->extensions[i].count++;
            return;
        }
        if (c->extensions[i].count < c->extensions[least].count)
            least = i;
    }
    c->extensions[least].sum = sum;
    c->extensions[least].count = 1;
    kd_word_set(&c->extensions[least].word, extension);
}

static void renamed(struct kd_detect *d, const struct kd_record *r, struct client *c, const struct kd_rec_smb *s)
{
    struct kd_bytes from = extension_of(s->filename), to = extension_of(s->rename_to);
    if (to.n == 0 || to.n > EXTENSION_MOST || s->directory || kd_bytes_ieq(from, to) || is_familiar(to))
        return;
    count_extension(c, to);
    remember(c, r, s->filename);
    /* Unreadable already under its old name, and readable before. */
    if (has(&c->scrambled, kd_sum_text(s->filename)) && !is_familiar(to))
        (void)add(&c->replaced, kd_sum_text(s->filename));
    judge(d, r, c);
}

/* The same small new file in one folder after the other. */
static void created(struct client *c, const struct kd_rec_smb *s)
{
    struct kd_bytes base = base_of(s->filename);
    if (base.n == s->filename.n || base.n == 0)
        return;
    uint32_t sum = kd_sum_text(base);
    uint32_t folder = kd_sum_text(kd_bytes_head(s->filename, s->filename.n - base.n));
    size_t least = 0;
    for (size_t i = 0; i < NOTES; i++) {
        if (c->notes[i].sum == sum) {
            (void)kd_sums_add(c->notes[i].folders, FOLDERS, &c->notes[i].n, folder);
            return;
        }
        if (c->notes[i].n < c->notes[least].n)
            least = i;
    }
    memset(&c->notes[least], 0, sizeof(c->notes[least]));
    c->notes[least].sum = sum;
    kd_word_set(&c->notes[least].word, base);
    (void)kd_sums_add(c->notes[least].folders, FOLDERS, &c->notes[least].n, folder);
}

static void gone(struct kd_detect *d, const struct kd_record *r, struct client *c, struct kd_bytes path)
{
    uint32_t name = kd_sum_text(path);
    if (!add(&c->gone, name) || !has(&c->stems, name) || has(&c->scrambled, name))
        return;
    if (add(&c->replaced, name)) {
        remember(c, r, path);
        judge(d, r, c);
    }
}

static void names(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smb *s = r->body;
    if (s->filename.n == 0 || s->status_code != 0 || kd_bytes_eq_str(s->share_type, "PIPE"))
        return;
    bool closes = kd_bytes_iends(s->command, kd_str("_CLOSE"));
    bool makes = kd_bytes_eq_str(s->create_action, "created") && !s->directory;
    bool notes = closes && s->write_bytes > 0 && s->write_bytes <= NOTE_BYTES_MOST;
    if (s->rename_to.n == 0 && !s->delete_on_close && !makes && !notes)
        return;
    struct client *c = client_of(d, r);
    if (c == NULL)
        return;
    if (s->share.n > 0)
        kd_word_set(&c->share, s->share);
    if (s->rename_to.n > 0) {
        (void)add(&c->gone, kd_sum_text(s->filename));
        renamed(d, r, c, s);
    } else if (s->delete_on_close) {
        gone(d, r, c, s->filename);
    } else if (notes) {
        created(c, s);
        judge(d, r, c);
    }
}

static void ransom_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_SMB)
        names(d, r);
    else
        content(d, r);
}

const struct kd_detector kd_detector_ransom = {
    .name = "ransom",
    .summary_en = "files on shares made unreadable by one machine (ransomware)",
    .summary_ja = "1 台の端末による共有ファイルの大量暗号化(ランサムウェア)",
    .wants = (uint64_t)1 << KD_REC_SMB | (uint64_t)1 << KD_REC_FILE,
    .key_state_bytes = sizeof(struct client),
    .max_keys = 1000,
    .idle_us = KD_US_PER_HOUR,
    .tunables = tunables,
    .record = ransom_record,
};
