/* SPDX-License-Identifier: Apache-2.0 */
#include "store/package.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/hasher.h"
#include "store/events_format.h"
#include "store/outside.h"
#include "store/package_text.h"
#include "store/seal_line.h"

enum { DAYS_MAX = 4096, NAME_MAX_BYTES = 128 };

/* An archive being written, and what is needed to sign it. */
struct package {
    const struct kd_package_ask *ask;
    struct kd_package_sum *sum;
    struct archive *tar;
    struct kd_heap sums; /* SHA256SUMS */
    uint32_t day[DAYS_MAX];
    enum kd_status s; /* the first failure of the writer's callback */
    /* Reused from block to block. */
    struct kd_heap table, last_table, raw, lines;
};

static bool append(struct kd_heap *h, struct kd_bytes b)
{
    if (!kd_heap_room(h, b.n + 1))
        return false;
    memcpy(h->p + h->n, b.p, b.n);
    h->n += b.n;
    return true;
}

static struct kd_bytes view(const struct kd_heap *h)
{
    return kd_bytes_of(h->p, h->n);
}

/* ---- members ---- */

static la_ssize_t put_archive(struct archive *a, void *arg, const void *buf, size_t n)
{
    struct package *p = arg;
    p->s = p->ask->write(p->ask->arg, kd_bytes_of(buf, n));
    p->sum->bytes += n;
    if (p->s == KD_OK)
        return (la_ssize_t)n;
    archive_set_error(a, EIO, "write");
    return -1;
}

static enum kd_status failed(const struct package *p)
{
    return p->s != KD_OK ? p->s : KD_SYSTEM;
}

static enum kd_status begin_member(struct package *p, const char *name, uint64_t size)
{
    struct archive_entry *e = archive_entry_new();
    if (e == NULL)
        return KD_NO_MEMORY;
    char path[NAME_MAX_BYTES + 16];
    (void)snprintf(path, sizeof(path), "evidence/%s", name);
    archive_entry_set_pathname(e, path);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_entry_set_size(e, (la_int64_t)size);
    archive_entry_set_mtime(e, (time_t)(kd_now_us(&p->ask->host.clock) / KD_US_PER_S), 0);
    int got = archive_write_header(p->tar, e);
    archive_entry_free(e);
    return got == ARCHIVE_OK ? KD_OK : failed(p);
}

static enum kd_status put_bytes(struct package *p, struct kd_bytes b)
{
    while (b.n > 0) {
        la_ssize_t n = archive_write_data(p->tar, b.p, b.n);
        if (n <= 0)
            return failed(p);
        b = kd_bytes_from(b, (size_t)n);
    }
    return KD_OK;
}

static enum kd_status note_sum(struct package *p, const char *name, struct kd_sha256 *h)
{
    uint8_t digest[KD_SHA256_BYTES];
    uint8_t line[KD_SHA256_BYTES * 2 + NAME_MAX_BYTES + 8];
    struct kd_out o = kd_out_of(line, sizeof(line));
    kd_sha256_end(h, digest);
    kd_out_hex(&o, kd_bytes_of(digest, sizeof(digest)));
    kd_out_fmt(&o, "  %s\n", name);
    KD_ASSERT(kd_out_ok(&o));
    return append(&p->sums, kd_out_bytes_view(&o)) ? KD_OK : KD_NO_MEMORY;
}

static enum kd_status put_member(struct package *p, const char *name, struct kd_bytes b)
{
    struct kd_sha256 h;
    kd_sha256_start(&h);
    kd_sha256_add(&h, b);
    enum kd_status s = begin_member(p, name, b.n);
    if (s == KD_OK)
        s = put_bytes(p, b);
    return s == KD_OK ? note_sum(p, name, &h) : s;
}

static enum kd_status put_part(struct package *p, const struct kd_package_part *part)
{
    struct kd_sha256 h;
    struct kd_bytes b;
    uint64_t left = part->bytes;
    bool more = true;
    kd_sha256_start(&h);
    enum kd_status s = begin_member(p, part->name, part->bytes);
    while (s == KD_OK && more && left > 0) {
        s = part->read(part->arg, &b, &more);
        if (s != KD_OK)
            break;
        b = kd_bytes_head(b, (size_t)kd_min_u64(b.n, left));
        kd_sha256_add(&h, b);
        left -= b.n;
        s = put_bytes(p, b);
    }
    if (s == KD_OK && left > 0)
        s = KD_TRUNCATED;
    return s == KD_OK ? note_sum(p, part->name, &h) : s;
}

/* ---- records and their blocks ---- */

static bool note_day(struct package *p, uint32_t day)
{
    for (uint64_t i = 0; i < p->sum->days; i++)
        if (p->day[i] == day)
            return true;
    if (p->sum->days == DAYS_MAX)
        return false;
    p->day[p->sum->days++] = day;
    return true;
}

static enum kd_status put_table(struct package *p)
{
    if (kd_bytes_eq(view(&p->table), view(&p->last_table)))
        return KD_OK;
    char name[64];
    (void)snprintf(name, sizeof(name), "layouts/%05llu.layout",
                   (unsigned long long)p->sum->blocks);
    p->last_table.n = 0;
    if (!append(&p->last_table, view(&p->table)))
        return KD_NO_MEMORY;
    return put_member(p, name, view(&p->table));
}

static enum kd_status put_block(struct package *p, const struct kd_block_ref *ref)
{
    char name[64];
    enum kd_status s = note_day(p, ref->day) ? put_table(p) : KD_LIMIT;
    (void)snprintf(name, sizeof(name), "blocks/%016llu.block", (unsigned long long)ref->seq);
    if (s == KD_OK)
        s = put_member(p, name, view(&p->raw));
    (void)snprintf(name, sizeof(name), "records/%016llu.jsonl", (unsigned long long)ref->seq);
    if (s == KD_OK)
        s = put_member(p, name, view(&p->lines));
    p->sum->blocks++;
    return s;
}

static enum kd_status put_if_met(struct package *p, struct kd_block_reader *r,
                                 struct kd_package_lines *lines, const struct kd_block_ref *ref)
{
    uint64_t n = 0;
    enum kd_status s = kd_block_open(r, ref);
    if (s == KD_OK)
        s = kd_package_lines(lines, r, &p->lines, &n);
    if (s == KD_OK && n > 0)
        s = kd_block_raw(r, ref, &p->table, &p->raw);
    if (s == KD_OK && n > 0) {
        p->sum->records += n;
        return put_block(p, ref);
    }
    if (s == KD_OK || s == KD_NO_MEMORY)
        return s;
    p->sum->unreadable++; /* what it held is missing from the package, and told */
    return KD_OK;
}

static enum kd_status put_sealed(struct package *p, const struct kd_hunt_expr *e,
                                 struct kd_block_reader *r, struct kd_package_lines *lines)
{
    const struct kd_host_ask *host = &p->ask->host;
    struct kd_block_ref *ref = NULL;
    size_t n = 0;
    enum kd_status s = kd_events_list(host->src->events, host->from_us, host->to_us, e->types,
                                      &ref, &n);
    for (size_t i = n; s == KD_OK && i > 0; i--) /* oldest first */
        if (ref[i - 1].seq <= host->src->last_seq && kd_hunt_maybe(e, r, &ref[i - 1]))
            s = put_if_met(p, r, lines, &ref[i - 1]);
    free(ref);
    return s;
}

/* What is in no block yet: its lines, held by the package's signature only. */
static enum kd_status put_unsealed(struct package *p, struct kd_block_reader *r,
                                   struct kd_package_lines *lines)
{
    const struct kd_heap *waiting = &p->ask->host.src->unsealed;
    struct kd_bytes rest = view(waiting);
    struct kd_block_builder *b = rest.n > 0 ? kd_block_builder_new() : NULL;
    struct kd_built built = {.rows_taken = 0};
    struct kd_heap all = {NULL, 0, 0};
    enum kd_status s = rest.n > 0 && b == NULL ? KD_NO_MEMORY : KD_OK;
    while (s == KD_OK && rest.n > 0) {
        uint64_t n = 0;
        struct kd_block_fixed fixed = {.seq = 1};
        s = kd_block_build(b, rest, &fixed, &built);
        if (built.rows_taken == 0)
            break;
        rest = kd_bytes_from(rest, built.bytes_taken);
        if (s == KD_NOT_FOUND) {
            s = KD_OK;
            continue;
        }
        if (s == KD_OK)
            s = kd_block_use(r, view(&built.head), view(&built.data));
        if (s == KD_OK)
            s = kd_package_lines(lines, r, &p->lines, &n);
        if (s == KD_OK && !append(&all, view(&p->lines)))
            s = KD_NO_MEMORY;
        p->sum->records += n;
        p->sum->unsealed += n;
    }
    if (s == KD_OK && all.n > 0)
        s = put_member(p, "records/unsealed.jsonl", view(&all));
    kd_heap_done(&all);
    kd_built_done(&built);
    kd_block_builder_free(b);
    return s;
}

static enum kd_status put_records(struct package *p, const struct kd_host_report *rep,
                                  struct kd_err *err)
{
    const struct kd_host_ask *host = &p->ask->host;
    struct kd_hunt_expr *e = NULL;
    enum kd_status s = kd_host_expr(rep->addr, rep->n_addr, host->zone_s, &e, err);
    if (s != KD_OK)
        return s;
    struct kd_block_reader *r = kd_block_reader_new(host->src->events);
    struct kd_package_lines *lines =
        kd_package_lines_new(e, host->from_us, host->to_us, host->zone_s);
    s = r == NULL || lines == NULL ? KD_NO_MEMORY : put_sealed(p, e, r, lines);
    if (s == KD_OK)
        s = put_unsealed(p, r, lines);
    kd_package_lines_free(lines);
    kd_block_reader_free(r);
    kd_hunt_expr_free(e);
    return s == KD_OK ? s : kd_fail(err, s, 0, "records of the package");
}

/* ---- seals ---- */

/* The last line that seals the day, without its end; empty when there is none yet. */
static struct kd_bytes day_line(struct kd_bytes log, const uint8_t pub[KD_SEAL_PUBLIC],
                                uint32_t day, struct kd_seal_line *ret)
{
    struct kd_bytes found = kd_bytes_of(NULL, 0);
    for (size_t end; (end = kd_bytes_find_byte(log, '\n')) != SIZE_MAX;
         log = kd_bytes_from(log, end + 1)) {
        struct kd_seal_line line;
        struct kd_bytes text = kd_bytes_head(log, end);
        if (kd_seal_line_parse(text, pub, &line) == KD_OK && !line.gone && line.day == day) {
            *ret = line;
            found = text;
        }
    }
    return found;
}

/* The day's blocks as the seal counts them: SHA-256 of the list is the seal's root. */
static enum kd_status put_list(struct package *p, uint32_t day, uint32_t blocks)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "events/%08u/day.idx", (unsigned)day);
    KD_AUTO_FD idx = openat(p->ask->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint64_t size = 0, off = 0;
    struct kd_heap list = {NULL, 0, 0};
    struct kd_idx_fixed x;
    struct kd_block_fixed f;
    enum kd_status s = idx < 0 ? KD_NOT_FOUND : kd_file_size(idx, &size);
    for (uint32_t i = 0; s == KD_OK && i < blocks; i++, off += kd_idx_entry_len(&f)) {
        uint8_t line[KD_ROOT_LINE_MAX];
        s = kd_idx_next(idx, size, off, &x, &f);
        if (s == KD_OK && !append(&list, kd_root_line(f.seq, x.hash, line)))
            s = KD_NO_MEMORY;
    }
    (void)snprintf(name, sizeof(name), "days/%08u.sha256", (unsigned)day);
    if (s == KD_OK)
        s = put_member(p, name, view(&list));
    kd_heap_done(&list);
    return s;
}

static enum kd_status put_seal(struct package *p, uint32_t day, struct kd_bytes line)
{
    char name[64];
    uint8_t sig[crypto_sign_BYTES];
    size_t n = 0;
    struct kd_bytes text = kd_bytes_head(line, line.n - sizeof(sig) * 2 - 1);
    if (sodium_hex2bin(sig, sizeof(sig), (const char *)line.p + text.n + 1, sizeof(sig) * 2, NULL,
                       &n, NULL) != 0)
        return KD_MALFORMED;
    (void)snprintf(name, sizeof(name), "seals/%08u.seal", (unsigned)day);
    enum kd_status s = put_member(p, name, text);
    (void)snprintf(name, sizeof(name), "seals/%08u.sig", (unsigned)day);
    return s == KD_OK ? put_member(p, name, kd_bytes_of(sig, sizeof(sig))) : s;
}

static enum kd_status put_seals(struct package *p, const uint8_t pub[KD_SEAL_PUBLIC])
{
    struct kd_heap log = {NULL, 0, 0};
    KD_AUTO_FD events = kd_file_dir(p->ask->dir_fd, "events", false);
    enum kd_status s = events < 0 ? KD_NOT_FOUND : KD_OK;
    if (s == KD_OK)
        s = kd_file_load(events, "seals.log", KD_SEALS_MAX, &log);
    for (uint64_t i = 0; s == KD_OK && i < p->sum->days; i++) {
        struct kd_seal_line seal = {0};
        struct kd_bytes line = day_line(view(&log), pub, p->day[i], &seal);
        if (line.n == 0)
            continue; /* a day that began within this hour */
        s = put_list(p, p->day[i], seal.blocks);
        if (s == KD_OK)
            s = put_seal(p, p->day[i], line);
    }
    if (s == KD_OK)
        s = put_member(p, "seals/seals.log", view(&log));
    kd_heap_done(&log);
    return s == KD_NOT_FOUND ? KD_OK : s;
}

/* ---- the whole ---- */

static enum kd_status put_summary(struct package *p, const struct kd_host_report *rep)
{
    struct kd_jw w;
    kd_jw_init(&w, p->ask->host.zone_s);
    kd_host_report_json(&p->ask->host, rep, &w);
    enum kd_status s = kd_jw_ok(&w) ? put_member(p, "summary.json", kd_jw_view(&w)) : KD_LIMIT;
    kd_jw_done(&w);
    for (int ja = 0; s == KD_OK && ja < 2; ja++) {
        struct kd_heap text = {NULL, 0, 0};
        kd_host_report_text(&p->ask->host, rep, ja != 0, &text);
        s = put_member(p, ja ? "summary.ja.txt" : "summary.en.txt", view(&text));
        kd_heap_done(&text);
    }
    return s;
}

/* What went outside, and what was not seen of it. */
static enum kd_status put_outside(struct package *p, struct kd_err *err)
{
    struct kd_outside_ask ask = {.host = p->ask->host,
                                 .nets = p->ask->nets,
                                 .n_nets = p->ask->n_nets,
                                 .dir_path = p->ask->dir_path};
    struct kd_outside r;
    struct kd_jw w;
    enum kd_status s = kd_outside(&ask, &r, err);
    if (s != KD_OK)
        return s;
    kd_jw_init(&w, ask.host.zone_s);
    kd_outside_json(&ask, &r, &w);
    s = kd_jw_ok(&w) ? put_member(p, "outside.json", kd_jw_view(&w)) : KD_LIMIT;
    kd_jw_done(&w);
    for (int ja = 0; s == KD_OK && ja < 2; ja++) {
        struct kd_heap text = {NULL, 0, 0};
        kd_outside_text(&ask, &r, ja != 0, &text);
        s = put_member(p, ja ? "outside.ja.txt" : "outside.en.txt", view(&text));
        kd_heap_done(&text);
    }
    kd_outside_done(&r);
    return s;
}

static enum kd_status put_front(struct package *p, const struct kd_host_report *rep,
                                const uint8_t pub[KD_SEAL_PUBLIC])
{
    char pem[KD_PACKAGE_PEM];
    struct kd_jw w;
    kd_package_pem(pub, pem);
    kd_jw_init(&w, p->ask->host.zone_s);
    kd_package_about(&p->ask->host, rep, &w);
    enum kd_status s = put_member(p, "package.json", kd_jw_view(&w));
    kd_jw_done(&w);
    if (s == KD_OK)
        s = put_member(p, "README.txt", kd_str(kd_package_readme));
    if (s == KD_OK)
        s = put_member(p, "check.sh", kd_str(kd_package_check));
    if (s == KD_OK)
        s = put_member(p, "key.pem", kd_str(pem));
    return s == KD_OK ? put_summary(p, rep) : s;
}

static enum kd_status put_signature(struct package *p)
{
    uint8_t sig[crypto_sign_BYTES];
    crypto_sign_detached(sig, NULL, p->sums.p, p->sums.n, p->ask->secret);
    enum kd_status s = begin_member(p, "SHA256SUMS", p->sums.n);
    if (s == KD_OK)
        s = put_bytes(p, view(&p->sums));
    if (s == KD_OK)
        s = begin_member(p, "SHA256SUMS.sig", sizeof(sig));
    return s == KD_OK ? put_bytes(p, kd_bytes_of(sig, sizeof(sig))) : s;
}

static enum kd_status put_all(struct package *p, const struct kd_host_report *rep,
                              struct kd_err *err)
{
    uint8_t pub[KD_SEAL_PUBLIC];
    if (crypto_sign_ed25519_sk_to_pk(pub, p->ask->secret) != 0)
        return kd_fail(err, KD_SYSTEM, 0, "signing key");
    enum kd_status s = put_front(p, rep, pub);
    if (s == KD_OK)
        s = put_outside(p, err);
    if (s == KD_OK)
        s = put_records(p, rep, err);
    if (s == KD_OK && p->ask->packets.name != NULL)
        s = put_part(p, &p->ask->packets);
    if (s == KD_OK)
        s = put_seals(p, pub);
    return s == KD_OK ? put_signature(p) : s;
}

static void package_done(struct package *p)
{
    kd_heap_done(&p->sums);
    kd_heap_done(&p->table);
    kd_heap_done(&p->last_table);
    kd_heap_done(&p->raw);
    kd_heap_done(&p->lines);
    archive_write_free(p->tar);
}

enum kd_status kd_package_write(const struct kd_package_ask *ask, struct kd_package_sum *ret,
                                struct kd_err *err)
{
    struct kd_host_report rep = {0};
    *ret = (struct kd_package_sum){0};
    if (sodium_init() < 0)
        return kd_fail(err, KD_SYSTEM, 0, "libsodium");
    enum kd_status s = kd_host_report(&ask->host, &rep, err);
    if (s != KD_OK)
        return s;
    struct package *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        kd_host_report_done(&rep);
        return kd_fail(err, KD_NO_MEMORY, 0, "package");
    }
    p->ask = ask;
    p->sum = ret;
    p->tar = archive_write_new();
    if (p->tar == NULL || archive_write_set_format_ustar(p->tar) != ARCHIVE_OK ||
        archive_write_open(p->tar, p, NULL, put_archive, NULL) != ARCHIVE_OK)
        s = KD_NO_MEMORY;
    if (s == KD_OK)
        s = put_all(p, &rep, err);
    if (s == KD_OK && archive_write_close(p->tar) != ARCHIVE_OK)
        s = failed(p);
    package_done(p);
    free(p);
    kd_host_report_done(&rep);
    return s == KD_OK || err->what != NULL ? s : kd_fail(err, s, 0, "package");
}
