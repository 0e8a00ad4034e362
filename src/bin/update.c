/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/update.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bin/authorities.h"
#include "bin/fetch.h"
#include "bin/list_check.h"
#include "bin/publisher.h"
#include "bin/rule_archive.h"
#include "bin/rules_take.h"
#include "bin/say.h"
#include "os/clock.h"
#include "os/fd.h"

enum { PATH_BYTES = KD_CONFIG_TEXT_MAX + 160, BESIDE_MIB = 1, COMPANION_MAX = 4096 };

struct work {
    const struct kd_update_job *job;
    struct kd_updates state;
    struct kd_update_source source[KD_UPDATE_ROWS];
    size_t n;
    bool fresh[KD_UPDATE_ROWS]; /* of rules: it lies beside its place and waits for the others */
    int authorities;
    struct kd_update_sum *sum;
};

static uint64_t now_us(void)
{
    struct kd_clock clock = kd_os_clock();
    return kd_now_us(&clock);
}

static void path_of(const struct work *w, size_t i, const char *end, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/updates/%s%s", w->job->dir, w->source[i].id, end);
}

/* ---- what became of it ---- */

static void tell(const struct work *w, size_t i, const struct kd_update_row *r)
{
    bool ja = kd_say_japanese(), well = r->fails == 0;
    const char *text = kd_fetched_text((enum kd_fetched)r->outcome, ja), *name = w->source[i].name;
    if (!well && !w->job->due_only) /* else the parent tells, when it is news */
        (void)kd_say(0, w->job->command, "%s: %s%s%s%s", name, text, r->why[0] != '\0' ? " (" : "", r->why,
                     r->why[0] != '\0' ? ")" : "");
    else if (well && w->job->shows)
        printf(ja ? "%s: %s(%llu バイト)\n" : "%s: %s (%llu bytes)\n", name, text, (unsigned long long)r->bytes);
}

static void note(struct work *w, size_t i, enum kd_fetched what, const char *why)
{
    struct kd_update_row *r = kd_updates_row(&w->state, w->source[i].id, true);
    if (r == NULL)
        return;
    kd_update_note(r, what, why, w->source[i].from->every_s, now_us(), kd_os_random_u64());
    if (what == KD_FETCHED_CONTENT) /* or it would stay so, unchanged, for ever */
        r->etag[0] = r->modified[0] = '\0';
    w->sum->fresh += what == KD_FETCHED_NEW;
    w->sum->failed += r->fails > 0;
    tell(w, i, r);
    if (!kd_updates_write(w->job->dir, &w->state))
        (void)kd_say(0, w->job->command, "%s/updates/state: cannot be written (%s)", w->job->dir, strerror(errno));
}

/* ---- one file ---- */

static int open_room(const char *path, uint32_t mib)
{
    (void)unlink(path);
    KD_AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || ftruncate(fd, (off_t)mib << 20) != 0)
        return -1;
    int given = fd;
    fd = -1;
    return given;
}

/* Fetched to `path`, cut to its size; false: *a says why. */
static bool fetch_to(struct work *w, const char *path, struct kd_fetch_want *want, struct kd_fetch_answer *a)
{
    KD_AUTO_FD fd = open_room(path, want->most_mib);
    want->room_fd = fd;
    *a = (struct kd_fetch_answer){.outcome = KD_FETCHED_INSIDE};
    if (fd < 0) {
        snprintf(a->why, sizeof(a->why), "%.100s", strerror(errno));
        return false;
    }
    kd_fetch(w->job->config, w->authorities, want, a);
    bool whole = a->outcome == KD_FETCHED_NEW && ftruncate(fd, (off_t)a->bytes) == 0 && fsync(fd) == 0;
    if (a->outcome == KD_FETCHED_NEW && !whole)
        *a = (struct kd_fetch_answer){.outcome = KD_FETCHED_INSIDE, .why = "the disk is full"};
    return whole;
}

/* What lies beside the file at its publisher: URL.sha256, URL.sig (a query stays behind).  To be forgotten with the process. */
static struct kd_bytes companion(struct work *w, size_t i, const char *end, struct kd_fetch_answer *a)
{
    char url[KD_HTTPS_URL_MAX + 16], path[PATH_BYTES];
    struct kd_bytes whole = kd_str(w->source[i].from->url), head = kd_bytes_head(whole, kd_bytes_find_byte(whole, '?'));
    snprintf(url, sizeof(url), "%.*s%s%s", (int)head.n, w->source[i].from->url, end, w->source[i].from->url + head.n);
    path_of(w, i, end, path);
    struct kd_fetch_want want = {.url = url, .etag = "", .modified = "", .most_mib = BESIDE_MIB};
    bool ok = strlen(url) < KD_HTTPS_URL_MAX && fetch_to(w, path, &want, a);
    struct kd_bytes text = ok ? kd_file_copy(path) : kd_str(NULL);
    (void)unlink(path);
    return kd_bytes_head(text, COMPANION_MAX);
}

/* Is it what its publisher made? */
static bool verify(struct work *w, size_t i, struct kd_bytes whole, struct kd_fetch_answer *a)
{
    const struct kd_config_source *from = w->source[i].from;
    const char *key = from->key[0] != '\0' ? from->key : w->source[i].rules ? w->job->config->rule_key : "";
    struct kd_bytes sum = kd_str(from->sha256);
    if (kd_bytes_eq_str(sum, "beside")) {
        sum = companion(w, i, ".sha256", a);
        if (a->outcome != KD_FETCHED_NEW)
            return false;
    }
    if (from->sha256[0] != '\0' && !kd_sum_fits(whole, sum)) {
        *a = (struct kd_fetch_answer){.outcome = KD_FETCHED_SUM};
        return false;
    }
    if (key[0] == '\0')
        return true;
    struct kd_bytes signature = companion(w, i, ".sig", a);
    if (a->outcome != KD_FETCHED_NEW)
        return false;
    if (kd_signature_fits(whole, signature, key))
        return true;
    *a = (struct kd_fetch_answer){.outcome = KD_FETCHED_SIGNATURE};
    return false;
}

static bool same_as_before(struct kd_bytes whole, const char *path)
{
    struct kd_bytes before = kd_file_copy(path);
    bool same = before.n > 0 && kd_bytes_eq(before, whole);
    if (before.n > 0)
        (void)munmap((void *)(uintptr_t)before.p, before.n);
    return same;
}

/* A page that says that there is nothing is neither. */
static bool is_page(struct kd_bytes whole)
{
    struct kd_bytes head = kd_bytes_head(whole, 512);
    while (head.n > 0 && (head.p[0] <= ' ' || head.p[0] >= 0x80))
        head = kd_bytes_from(head, 1);
    return kd_bytes_istarts(head, kd_str("<!doctype")) || kd_bytes_istarts(head, kd_str("<html"));
}

static void keep_validators(struct work *w, size_t i, const struct kd_fetch_answer *a)
{
    struct kd_update_row *r = kd_updates_row(&w->state, w->source[i].id, true);
    if (r == NULL)
        return;
    r->bytes = a->bytes;
    memcpy(r->etag, a->etag, sizeof(r->etag));
    memcpy(r->modified, a->modified, sizeof(r->modified));
}

/* True: something new lies at ID.new.  Else what became of it was noted. */
static bool fetch_one(struct work *w, size_t i)
{
    char path[PATH_BYTES], next[PATH_BYTES];
    const struct kd_update_row *r = kd_updates_row(&w->state, w->source[i].id, true);
    struct kd_fetch_answer a, checked = {.outcome = KD_FETCHED_NEW};
    path_of(w, i, "", path);
    path_of(w, i, ".new", next);
    bool there = access(path, R_OK) == 0 && r != NULL;
    struct kd_fetch_want want = {.url = w->source[i].from->url, .etag = there ? r->etag : "", .modified = there ? r->modified : "",
                                 .most_mib = (uint32_t)w->job->config->fetch_most_mib,
                                 .shown = w->job->shows && isatty(STDERR_FILENO) ? w->source[i].name : NULL};
    w->sum->tried++;
    bool ok = fetch_to(w, next, &want, &a);
    struct kd_bytes whole = ok ? kd_file_copy(next) : kd_str(NULL);
    if (ok && (whole.n == 0 || is_page(whole)))
        checked = (struct kd_fetch_answer){.outcome = KD_FETCHED_CONTENT, .why = "it is empty, or a web page"};
    else if (ok)
        ok = verify(w, i, whole, &checked);
    bool fresh = ok && checked.outcome == KD_FETCHED_NEW;
    if (fresh)
        keep_validators(w, i, &a);
    bool same = fresh && there && same_as_before(whole, path);
    if (!fresh || same) {
        (void)unlink(next);
        const struct kd_fetch_answer *why = checked.outcome != KD_FETCHED_NEW ? &checked : &a;
        note(w, i, same ? KD_FETCHED_UNCHANGED : (enum kd_fetched)why->outcome, why->why);
    }
    if (whole.n > 0)
        (void)munmap((void *)(uintptr_t)whole.p, whole.n);
    return fresh && !same;
}

/* ---- lists ---- */

static void update_list(struct work *w, size_t i)
{
    char path[PATH_BYTES], next[PATH_BYTES], why[KD_HTTPS_WHY_MAX] = "";
    if (!fetch_one(w, i))
        return;
    path_of(w, i, "", path);
    path_of(w, i, ".new", next);
    if (!kd_list_check(w->job->config, w->source[i].feed, next, why, sizeof(why)) || rename(next, path) != 0) {
        (void)unlink(next);
        note(w, i, KD_FETCHED_CONTENT, why[0] != '\0' ? why : strerror(errno));
        return;
    }
    if (w->job->news != NULL)
        w->job->news(w->job->arg, false);
    note(w, i, KD_FETCHED_NEW, "");
}

/* ---- rules ---- */

/* One file of rules, as its publisher calls it; else an archive. */
static bool is_plain(const struct work *w, size_t i, struct kd_bytes whole)
{
    static const char *const ends[] = {".rules", ".rules.gz", ".rules.zst"};
    struct kd_bytes url = kd_str(w->source[i].from->url);
    url = kd_bytes_head(url, kd_bytes_find_byte(url, '?'));
    for (size_t k = 0; k < KD_COUNT(ends); k++)
        if (kd_bytes_iends(url, kd_str(ends[k])))
            return true;
    return !kd_rule_is_archive(whole);
}

static bool offer_one(const struct work *w, size_t i, struct kd_rules_offer *offer)
{
    static char names[KD_CONFIG_RULE_SOURCES_MAX][KD_UPDATE_ID + 8];
    char path[PATH_BYTES];
    path_of(w, i, w->fresh[i] ? ".new" : "", path);
    struct kd_bytes whole = kd_file_copy(path);
    if (whole.n == 0)
        return true; /* it was never had: the others are worth having */
    bool plain = is_plain(w, i, whole);
    snprintf(names[i], sizeof(names[i]), "%s%s", w->source[i].id + strlen("rules-"), plain ? ".rules" : "");
    if (!plain) {
        offer->archive[offer->n_archives++] = (struct kd_rules_archive){whole, names[i]};
        return true;
    }
    return kd_rules_offer_file(offer, whole, names[i]);
}

static bool settle_rules(struct work *w, int status, const char *why)
{
    char path[PATH_BYTES], next[PATH_BYTES];
    for (size_t i = 0; i < w->n; i++) {
        if (!w->fresh[i])
            continue;
        path_of(w, i, "", path);
        path_of(w, i, ".new", next);
        bool taken = status == KD_EXIT_DONE && rename(next, path) == 0;
        if (!taken)
            (void)unlink(next);
        note(w, i, taken ? KD_FETCHED_NEW : status == KD_EXIT_COULD_NOT ? KD_FETCHED_INSIDE : KD_FETCHED_CONTENT, why);
    }
    return status == KD_EXIT_DONE;
}

static void update_rules(struct work *w)
{
    static struct kd_rules_offer offer;
    bool any = false, ok = true;
    for (size_t i = 0; i < w->n; i++)
        any = any || w->fresh[i];
    if (!any)
        return;
    offer = (struct kd_rules_offer){.command = w->job->command, .from = "rules.sources"};
    for (size_t i = 0; i < w->n; i++)
        if (w->source[i].rules)
            ok = ok && offer_one(w, i, &offer);
    int status = ok ? kd_rules_take(&offer, w->job->config, w->job->dir) : KD_EXIT_COULD_NOT;
    kd_rule_inputs_done(&offer.inputs);
    w->sum->rules = settle_rules(w, status, offer.why);
    if (w->sum->rules && w->job->news != NULL)
        w->job->news(w->job->arg, true);
}

/* ---- all ---- */

static bool is_wanted(const struct work *w, size_t i)
{
    const struct kd_update_source *s = &w->source[i];
    bool kind = s->rules ? w->job->rules : w->job->lists;
    return kind && (!w->job->due_only ||
                    kd_update_due(kd_updates_find(&w->state, s->id), s->from->every_s, now_us()));
}

/* Rows and files of sources that are no more. */
static void forget(struct work *w)
{
    for (size_t k = 0; k < w->state.n;) {
        size_t i = 0;
        char path[PATH_BYTES];
        while (i < w->n && strcmp(w->source[i].id, w->state.at[k].id) != 0)
            i++;
        if (i < w->n) {
            k++;
            continue;
        }
        bool ours = strchr(w->state.at[k].id, '/') == NULL;
        snprintf(path, sizeof(path), "%s/updates/%s", w->job->dir, w->state.at[k].id);
        if (ours)
            (void)unlink(path);
        w->state.at[k] = w->state.at[--w->state.n];
    }
}

/* One at a time. */
static int open_folder(const struct kd_update_job *job)
{
    char path[PATH_BYTES];
    (void)mkdir(job->dir, 0755);
    snprintf(path, sizeof(path), "%s/updates", job->dir);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/updates/lock", job->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        (void)kd_say(0, job->command, "%s: cannot be written (%s); be root or the user the sensor runs as", path, strerror(errno));
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)kd_say(0, job->command, "another update is running; try again in a minute");
        kd_fd_close(&fd);
    }
    return fd;
}

static void update_all(struct work *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (!w->source[i].rules && is_wanted(w, i))
            update_list(w, i);
    for (size_t i = 0; i < w->n; i++)
        if (w->source[i].rules && is_wanted(w, i))
            w->fresh[i] = fetch_one(w, i);
    update_rules(w);
}

int kd_update_run(const struct kd_update_job *job, struct kd_update_sum *ret)
{
    static struct work w;
    w = (struct work){.job = job, .sum = ret};
    *ret = (struct kd_update_sum){0};
    KD_AUTO_FD lock = open_folder(job);
    if (lock < 0)
        return KD_EXIT_COULD_NOT;
    kd_updates_read(job->dir, &w.state);
    w.n = kd_update_sources(job->config, w.source);
    forget(&w);
    KD_AUTO_FD authorities = kd_authorities_open(job->command, "fetch.ca_file", job->config->fetch_ca_file);
    w.authorities = authorities;
    if (authorities >= 0)
        update_all(&w);
    for (size_t i = 0; authorities < 0 && i < w.n; i++)
        if (is_wanted(&w, i))
            note(&w, i, KD_FETCHED_INSIDE, "fetch.ca_file cannot be read");
    return ret->failed > 0 ? KD_EXIT_NO : KD_EXIT_DONE;
}
