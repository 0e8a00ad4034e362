/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "bin/reading.h"
#include "bin/say.h"
#include "bin/update.h"
#include "object/words.h"
#include "os/clock.h"
#include "os/fd.h"
#include "store/audit.h"
#include "store/lists.h"
#include "store/objects.h"

enum { FILE_MAX = 16 << 20, LINE_MAX_BYTES = 4096, UPDATE_JSON_MAX = 2048 };

enum what { LIST, ADD, EXPIRE, IMPORT, EXPORT, LISTS, UPDATE, WHATS };
static const struct {
    const char *name;
    int operands;
    bool changes;
} whats[WHATS] = {
    [LIST] = {"list", 0, false},    [ADD] = {"add", 2, true},       [EXPIRE] = {"expire", 1, true},
    [IMPORT] = {"import", 1, true}, [EXPORT] = {"export", 0, false},
    [LISTS] = {"lists", 0, false},  [UPDATE] = {"update", 0, false},
};

struct job {
    enum what what;
    const char *operand[2], *reason, *until, *config, *dir;
    struct kd_reading rd;
    struct kd_meta meta;
    uint64_t until_us;
    uint8_t *file; /* import: its content, taken before the sandbox is entered */
    size_t n_file;
    char who[64];
    struct kd_config settings; /* lists, update: what is fetched … */
    struct kd_update_source source[KD_UPDATE_ROWS];
    size_t n_sources;
    struct kd_updates updates; /* … and what became of it */
};

static bool is_expected(struct job *j, int argc, char **argv)
{
    j->what = LIST;
    while (argc > 1 && j->what < WHATS && strcmp(argv[1], whats[j->what].name) != 0)
        j->what++;
    if (argc < 2 || j->what == WHATS || argc - 2 != whats[j->what].operands)
        return kd_say(0, "object", "say list, add KIND VALUE, expire NUMBER, import FILE, export, lists or update; see kidoban object --help"),
               false;
    for (int i = 2; i < argc; i++)
        j->operand[i - 2] = argv[i];
    if (j->what == ADD && j->reason == NULL)
        return kd_say(0, "object", "add: give a reason with --reason TEXT"), false;
    return true;
}

static int read_file(struct job *j)
{
    if (j->what != IMPORT)
        return KD_EXIT_DONE;
    KD_AUTO_FD fd = open(j->operand[0], O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && kd_fd_read_all(fd, FILE_MAX, &j->file, &j->n_file) == KD_OK)
        return KD_EXIT_DONE;
    return kd_say(KD_EXIT_COULD_NOT, "object", "%s: cannot be read (%s)", j->operand[0], fd < 0 ? strerror(errno) : "too long");
}

/* What is fetched lies outside of what is seen from inside the sandbox. */
static int read_updates(struct job *j)
{
    char dir[KD_CONFIG_TEXT_MAX];
    if (j->what != LISTS && j->what != UPDATE)
        return KD_EXIT_DONE;
    if (kd_load_config("object", j->config, &j->settings) != KD_EXIT_DONE || !kd_directory("object", j->dir, &j->settings, dir))
        return KD_EXIT_COULD_NOT;
    j->n_sources = kd_update_sources(&j->settings, j->source);
    kd_updates_read(dir, &j->updates);
    return KD_EXIT_DONE;
}

/* A running sensor sees by itself that there is something new. */
static int update(struct job *j)
{
    char dir[KD_CONFIG_TEXT_MAX];
    struct kd_update_sum sum;
    struct kd_update_job job = {.command = "object update", .config = &j->settings, .dir = dir, .lists = true, .shows = true};
    if (!kd_directory("object", j->dir, &j->settings, dir))
        return KD_EXIT_COULD_NOT;
    int status = kd_update_run(&job, &sum);
    if (sum.tried == 0 && status == KD_EXIT_DONE)
        return kd_say(KD_EXIT_NO, "object", "no list of objects.lists has a url");
    return status;
}

/* Who gave the command, for the audit log. */
static void name_caller(struct job *j)
{
    const struct passwd *p = getpwuid(getuid());
    (void)snprintf(j->who, sizeof(j->who), "%s", p != NULL ? p->pw_name : "command");
}

/* ---- changes ---- */

static enum kd_status add(struct job *j, struct kd_bytes kind, struct kd_bytes value, struct kd_bytes reason)
{
    uint64_t id = 0;
    struct kd_object_new n = {.kind = kind, .value = value, .reason = reason, .until_us = j->until_us,
                              .owner = kd_str(j->who), .source = "command"};
    enum kd_status s = kd_object_add(&j->meta, &n, &id);
    if (s == KD_OK)
        s = kd_audit(&j->meta, kd_str(j->who), kd_str(""), "object_add", value, reason);
    return s;
}

static int add_one(struct job *j)
{
    enum kd_status s = add(j, kd_str(j->operand[0]), kd_str(j->operand[1]), kd_str(j->reason));
    if (s == KD_OK)
        return KD_EXIT_DONE;
    if (s == KD_MALFORMED)
        return kd_say(KD_EXIT_USAGE, "object", "%s %s: no such kind, or a value that is none of it; kinds: ip, domain, url, "
                                               "sha256, sha1, md5, ja3, ja4", j->operand[0], j->operand[1]);
    return kd_say(KD_EXIT_COULD_NOT, "object", "could not be added: %s", kd_status_text(s));
}

static int expire_one(struct job *j)
{
    uint64_t id = 0;
    if (!kd_bytes_to_u64(kd_str(j->operand[0]), INT64_MAX, &id))
        return kd_say(KD_EXIT_USAGE, "object", "%s is no number; see kidoban object list", j->operand[0]);
    enum kd_status s = kd_object_expire(&j->meta, id);
    if (s == KD_NOT_FOUND)
        return kd_say(KD_EXIT_NO, "object", "%s: no such object in force; see kidoban object list", j->operand[0]);
    if (s == KD_OK)
        s = kd_audit(&j->meta, kd_str(j->who), kd_str(""), "object_expire", kd_str(j->operand[0]), kd_str(""));
    return s == KD_OK ? KD_EXIT_DONE : kd_say(KD_EXIT_COULD_NOT, "object", "%s", kd_status_text(s));
}

/* "kind value [remark]" or "kind,value[,remark]", as the list file. */
static enum kd_status import_line(struct job *j, struct kd_bytes line)
{
    size_t comma = kd_bytes_find_byte(line, ',');
    uint8_t between = comma < kd_bytes_find_byte(line, ' ') ? ',' : ' ';
    struct kd_bytes kind = kd_bytes_cut(&line, between);
    if (between == ',' && kd_bytes_eq_str(kind, "kind"))
        return KD_OK; /* a table's head */
    line = kd_bytes_trim(line);
    struct kd_bytes value = kd_bytes_trim(kd_bytes_cut(&line, between));
    struct kd_bytes note = kd_bytes_trim(line);
    return add(j, kind, value, j->reason != NULL ? kd_str(j->reason) : note.n > 0 ? note : kd_str("import"));
}

static int import_all(struct job *j)
{
    struct kd_bytes rest = kd_bytes_of(j->file, j->n_file);
    for (size_t i = 0; i < j->n_file; i++)
        if (j->file[i] == '\t' || j->file[i] == '\r')
            j->file[i] = ' ';
    for (size_t number = 1; rest.n > 0; number++) {
        struct kd_bytes line = kd_bytes_trim(kd_bytes_cut(&rest, '\n'));
        enum kd_status s = line.n == 0 || line.p[0] == '#' ? KD_OK : import_line(j, line);
        if (s == KD_MALFORMED)
            return kd_say(KD_EXIT_NO, "object", "%s:%zu: not \"kind value [remark]\"; nothing was imported", j->operand[0], number);
        if (s != KD_OK)
            return kd_say(KD_EXIT_COULD_NOT, "object", "%s:%zu: %s; nothing was imported", j->operand[0], number, kd_status_text(s));
    }
    return KD_EXIT_DONE;
}

static int change(struct job *j)
{
    enum kd_status s = kd_meta_run(&j->meta, "BEGIN IMMEDIATE");
    if (s != KD_OK)
        return kd_say(KD_EXIT_COULD_NOT, "object", "the sensor's database is busy: %s", kd_status_text(s));
    int status = j->what == ADD ? add_one(j) : j->what == EXPIRE ? expire_one(j) : import_all(j);
    s = kd_meta_run(&j->meta, status == KD_EXIT_DONE ? "COMMIT" : "ROLLBACK");
    return status != KD_EXIT_DONE || s == KD_OK ? status : kd_say(KD_EXIT_COULD_NOT, "object", "%s", kd_status_text(s));
}

/* ---- lists ---- */

/* One object a line; of an export only what an import takes. */
static int print_lines(struct job *j)
{
    struct kd_sql q = kd_sql(&j->meta, "SELECT id, kind, value, reason, until_us, hits, look_state,"
                                       " (SELECT count(*) FROM meetings WHERE object = id) FROM objects"
                                       " WHERE ? OR until_us = 0 OR until_us > ? ORDER BY id");
    bool ja = kd_say_japanese();
    int status = KD_EXIT_DONE;
    kd_sql_u64(&q, j->what == LIST);
    kd_sql_u64(&q, kd_meta_now(&j->meta));
    while (status == KD_EXIT_DONE && kd_sql_row(&q)) {
        uint8_t line[LINE_MAX_BYTES];
        struct kd_out o = kd_out_of(line, sizeof(line));
        uint64_t until_us = kd_sql_get(&q, 4), hosts = kd_sql_get(&q, 7);
        if (j->what == LIST)
            kd_out_fmt(&o, "%llu\t", (unsigned long long)kd_sql_get(&q, 0));
        kd_out_bytes(&o, kd_sql_get_text(&q, 1));
        kd_out_u8(&o, j->what == LIST ? '\t' : ' ');
        kd_out_bytes(&o, kd_sql_get_text(&q, 2));
        if (j->what == LIST) {
            kd_out_u8(&o, '\t');
            if (until_us == 0)
                kd_out_str(&o, ja ? "期限なし" : "no end");
            else
                kd_out_time(&o, until_us, j->rd.zone_s);
            kd_out_fmt(&o, ja ? "\t登録後 %llu 回\t登録前 %llu 台%s\t" : "\t%llu times since\t%llu hosts before%s\t",
                       (unsigned long long)kd_sql_get(&q, 5), (unsigned long long)hosts,
                       kd_bytes_eq_str(kd_sql_get_text(&q, 6), "waiting") ? (ja ? "(照合待ち)" : " (not searched yet)") : "");
        } else {
            kd_out_u8(&o, ' ');
        }
        kd_out_bytes(&o, kd_sql_get_text(&q, 3));
        kd_out_u8(&o, '\n');
        if (kd_out_ok(&o))
            status = kd_reading_print("object", kd_out_bytes_view(&o));
    }
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK ? status : kd_say(KD_EXIT_COULD_NOT, "object", "the objects cannot be read: %s", kd_status_text(s));
}

static void put_time(const struct job *j, struct kd_out *o, const char *before, uint64_t us)
{
    kd_out_str(o, before);
    if (us != 0)
        kd_out_time(o, us, j->rd.zone_s);
    else
        kd_out_str(o, kd_say_japanese() ? "まだ" : "never");
}

/* When it was fetched, how old it is, when it is fetched again, and why it cannot be. */
static void put_fetched(const struct job *j, struct kd_bytes name, struct kd_out *o)
{
    bool ja = kd_say_japanese();
    size_t i = 0;
    while (i < j->n_sources && (j->source[i].rules || !kd_bytes_eq_str(name, j->source[i].name)))
        i++;
    const struct kd_update_row *r = i < j->n_sources ? kd_updates_find(&j->updates, j->source[i].id) : NULL;
    static const struct kd_update_row never;
    if (i == j->n_sources)
        return;
    r = r != NULL ? r : &never;
    struct kd_clock clock = kd_os_clock();
    uint64_t now = kd_now_us(&clock), age_us = r->new_us != 0 && now > r->new_us ? now - r->new_us : 0;
    put_time(j, o, ja ? "\t最後に取得: " : "\tlast fetched: ", r->ok_us);
    put_time(j, o, ja ? "\t内容の更新: " : "\tcontent of: ", r->new_us);
    if (r->new_us != 0)
        kd_out_fmt(o, ja ? "(%llu 時間前)" : " (%llu hours ago)", (unsigned long long)(age_us / KD_US_PER_HOUR));
    put_time(j, o, ja ? "\t次回: " : "\tnext: ", r->next_us);
    kd_out_u8(o, '\n');
    if (r->fails == 0)
        return;
    kd_out_fmt(o, ja ? "\t取得できません(%llu 回): %s %s" : "\tcannot be fetched (%llu times): %s %s", (unsigned long long)r->fails,
               kd_fetched_text((enum kd_fetched)r->outcome, ja), r->why);
    put_time(j, o, ja ? "\t失敗の始まり: " : "\tsince: ", r->failing_us);
    kd_out_u8(o, '\n');
}

/* The lists of others: how much of each is in force, since when, and what was left out. */
static int print_lists(struct job *j)
{
    struct kd_sql q = kd_sql(&j->meta, "SELECT name, format, objects, networks, refused, wrong + other + beyond, problem, refusal,"
                                       " read_us, failed FROM lists ORDER BY place");
    bool ja = kd_say_japanese();
    int status = KD_EXIT_DONE;
    while (status == KD_EXIT_DONE && kd_sql_row(&q)) {
        uint8_t line[LINE_MAX_BYTES];
        struct kd_out o = kd_out_of(line, sizeof(line));
        uint8_t room[LINE_MAX_BYTES / 2];
        struct kd_out words = kd_out_of(room, sizeof(room));
        struct kd_bytes problem = kd_sql_get_text(&q, 6), refusal = kd_sql_get_text(&q, 7);
        kd_out_bytes(&o, kd_sql_get_text(&q, 0));
        kd_out_fmt(&o, "\t%s", kd_sql_get(&q, 9) != 0 ? (ja ? "失敗" : "failed") : (ja ? "有効" : "in force"));
        kd_out_u8(&o, '\t');
        kd_out_bytes(&o, kd_sql_get_text(&q, 1));
        kd_out_fmt(&o, ja ? "\t%llu 件(うちネットワーク %llu)\t安全リストで除外 %llu\t読めない・対象外 %llu\t"
                          : "\t%llu objects (%llu networks)\t%llu refused as safe\t%llu unreadable or of other kinds\t",
                   (unsigned long long)kd_sql_get(&q, 2), (unsigned long long)kd_sql_get(&q, 3),
                   (unsigned long long)kd_sql_get(&q, 4), (unsigned long long)kd_sql_get(&q, 5));
        kd_out_time(&o, kd_sql_get(&q, 8), j->rd.zone_s);
        kd_out_u8(&o, '\n');
        put_fetched(j, kd_sql_get_text(&q, 0), &o);
        if (problem.n > 0) {
            kd_out_str(&o, ja ? "\t最初に読めなかった行: " : "\tthe first that could not be read: ");
            kd_out_bytes(&o, ja ? kd_list_words_ja(problem, &words) : problem);
            kd_out_u8(&o, '\n');
        }
        if (refusal.n > 0) {
            kd_out_str(&o, ja ? "\t最初に除外した行: " : "\tthe first that was refused: ");
            words.n = 0;
            kd_out_bytes(&o, ja ? kd_list_words_ja(refusal, &words) : refusal);
            kd_out_u8(&o, '\n');
        }
        if (kd_out_ok(&o))
            status = kd_reading_print("object", kd_out_bytes_view(&o));
    }
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK ? status : kd_say(KD_EXIT_COULD_NOT, "object", "the lists cannot be read: %s", kd_status_text(s));
}

/* The same for programs. */
static void put_fetched_json(const struct job *j, struct kd_jw *w)
{
    kd_jw_open(w, "fetched", '[');
    for (size_t i = 0; i < j->n_sources; i++) {
        uint8_t room[UPDATE_JSON_MAX];
        struct kd_out o = kd_out_of(room, sizeof(room));
        if (j->source[i].rules)
            continue;
        kd_update_json(&o, &j->source[i], kd_updates_find(&j->updates, j->source[i].id), j->rd.zone_s);
        kd_jw_raw(w, NULL, kd_out_bytes_view(&o));
    }
    kd_jw_close(w, ']');
}

static int print_json(struct job *j)
{
    struct kd_jw w;
    kd_jw_init(&w, j->rd.zone_s);
    kd_jw_open(&w, NULL, j->what == LISTS ? '{' : '[');
    enum kd_status s = j->what == LISTS ? kd_lists_json(&j->meta, &w) : kd_objects_json(&j->meta, &w);
    if (j->what == LISTS)
        put_fetched_json(j, &w);
    kd_jw_close(&w, j->what == LISTS ? '}' : ']');
    int status = s == KD_OK && kd_jw_ok(&w) ? kd_reading_print("object", kd_jw_view(&w))
                                            : kd_say(KD_EXIT_COULD_NOT, "object", "the objects cannot be read: %s", kd_status_text(s));
    if (status == KD_EXIT_DONE)
        status = kd_reading_print("object", kd_str("\n"));
    kd_jw_done(&w);
    return status;
}

int kd_cmd_object(int argc, char **argv)
{
    static struct job j;
    struct kd_err err = {0};
    bool json = false;
    const struct kd_option options[] = {{"--reason", NULL, &j.reason, NULL}, {"--until", NULL, &j.until, NULL},
                                        {"--config", "-c", &j.config, NULL}, {"--dir", NULL, &j.dir, NULL},
                                        {"--json", NULL, NULL, &json}};
    if (!kd_options("object", &argc, argv, options, KD_COUNT(options)) || !is_expected(&j, argc, argv))
        return KD_EXIT_USAGE;
    int status = read_file(&j);
    name_caller(&j);
    if (status == KD_EXIT_DONE)
        status = read_updates(&j);
    if (status == KD_EXIT_DONE && j.what == UPDATE)
        return update(&j);
    if (status == KD_EXIT_DONE)
        status = kd_reading_enter("object", j.config, j.dir, whats[j.what].changes, &j.rd);
    if (status != KD_EXIT_DONE)
        return status;
    if (j.until != NULL && !kd_time_parse(kd_str(j.until), j.rd.zone_s, &j.until_us))
        return kd_say(KD_EXIT_USAGE, "object", "--until %s: write a time such as 2027-03-31 or 2027-03-31T17:00:00+09:00", j.until);
    if (kd_meta_open(j.rd.dir_path, whats[j.what].changes, true, kd_os_clock(), &j.meta, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "object", &err);
    status = whats[j.what].changes ? change(&j)
             : json                ? print_json(&j)
             : j.what == LISTS     ? print_lists(&j)
                                   : print_lines(&j);
    kd_meta_close(&j.meta);
    free(j.file);
    return status;
}
