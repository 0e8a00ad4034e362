/* SPDX-License-Identifier: Apache-2.0 */
/* Is a package as it was made?  Read once from front to back, in bounded memory; nothing in it is
 * trusted but what the key signed. */
#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>
#include <sodium.h>

#include "base/hasher.h"
#include "store/events_format.h"
#include "store/package.h"
#include "store/seal_line.h"

enum {
    MEMBERS_MAX = 1 << 20,
    KEPT_MAX = 256 << 20,  /* bytes of one member that is looked into */
    CHUNK = 1 << 16,
    NAME_BYTES = 100
};

struct member {
    char name[NAME_BYTES];
    uint8_t digest[KD_SHA256_BYTES];
    bool listed; /* in SHA256SUMS */
};

/* What is kept of small members until the end. */
struct kept {
    char name[NAME_BYTES];
    struct kd_heap bytes;
};

struct check {
    struct kd_verify_result *res;
    ptrdiff_t (*read)(void *arg, void *buf, size_t n);
    void *arg;
    uint8_t in[CHUNK];
    struct member *member;
    size_t n_members, members_room;
    struct kept *kept;
    size_t n_kept;
    uint8_t pub[KD_SEAL_PUBLIC];
    bool has_pub;
    /* The records are made again from their blocks. */
    struct kd_hunt_expr *expr;
    struct kd_package_lines *lines;
    struct kd_block_reader *reader;
    struct kd_heap layout, block, body, again;
    uint64_t block_seq;
    char odd[NAME_BYTES + 32]; /* the first records that do not follow from their block */
};

static void broken(struct check *c, const char *where, const char *what)
{
    if (!c->res->ok)
        return; /* the first place counts */
    c->res->ok = false;
    (void)snprintf(c->res->where, sizeof(c->res->where), "%s", where);
    (void)snprintf(c->res->what, sizeof(c->res->what), "%s", what);
}

static struct kd_bytes view(const struct kd_heap *h)
{
    return kd_bytes_of(h->p, h->n);
}

static const struct kept *kept_of(const struct check *c, const char *name)
{
    for (size_t i = 0; i < c->n_kept; i++)
        if (strcmp(c->kept[i].name, name) == 0)
            return &c->kept[i];
    return NULL;
}

static bool starts(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* ---- records against their block ---- */

static enum kd_status read_about(struct check *c, struct kd_bytes text, struct kd_err *err)
{
    struct kd_addr addr[KD_HOST_ADDRS_MAX];
    size_t n = 0, i;
    json_t *v, *o = json_loadb((const char *)text.p, text.n, 0, NULL);
    json_t *list = json_object_get(o, "addresses");
    json_array_foreach(list, i, v)
        if (n < KD_HOST_ADDRS_MAX && json_is_string(v) &&
            kd_addr_parse(kd_str(json_string_value(v)), &addr[n]))
            n++;
    uint64_t from_us = (uint64_t)json_integer_value(json_object_get(o, "from_us"));
    uint64_t to_us = (uint64_t)json_integer_value(json_object_get(o, "to_us"));
    int zone_s = (int)json_integer_value(json_object_get(o, "zone_s"));
    json_decref(o);
    if (n == 0) {
        broken(c, "package.json", "it does not say whose records these are");
        return KD_OK;
    }
    enum kd_status s = kd_host_expr(addr, n, zone_s, &c->expr, err);
    if (s != KD_OK)
        return s;
    c->lines = kd_package_lines_new(c->expr, from_us, to_us, zone_s);
    c->reader = kd_block_reader_new(NULL);
    return c->lines == NULL || c->reader == NULL ? KD_NO_MEMORY : KD_OK;
}

static uint64_t seq_of(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash == NULL ? 0 : strtoull(slash + 1, NULL, 10);
}

/* The number of the first line that differs. */
static unsigned long first_difference(struct kd_bytes a, struct kd_bytes b)
{
    unsigned long line = 1;
    for (size_t i = 0; i < kd_min_size(a.n, b.n) && a.p[i] == b.p[i]; i++)
        line += a.p[i] == '\n';
    return line;
}

static void compare_lines(struct check *c, const char *name, struct kd_bytes lines)
{
    struct kd_block_fixed f;
    struct kd_bytes head = kd_bytes_from(view(&c->block), KD_BLOCK_HASH);
    uint64_t n = 0;
    enum kd_status s = c->block_seq == seq_of(name) && c->reader != NULL
                           ? kd_block_fixed_take(head, &f)
                           : KD_MALFORMED;
    if (s == KD_OK && f.head_len > head.n)
        s = KD_TRUNCATED;
    if (s == KD_OK)
        s = kd_block_use_as(c->reader, view(&c->layout), kd_bytes_head(head, f.head_len),
                            kd_bytes_from(head, f.head_len));
    if (s == KD_OK)
        s = kd_package_lines(c->lines, c->reader, &c->again, &n);
    c->res->records += n;
    if ((s == KD_OK && kd_bytes_eq(view(&c->again), lines)) || c->odd[0] != '\0')
        return;
    if (s == KD_OK)
        (void)snprintf(c->odd, sizeof(c->odd), "%s line %lu", name,
                       first_difference(view(&c->again), lines));
    else
        (void)snprintf(c->odd, sizeof(c->odd), "%s", name);
}

/* ---- members ---- */

static enum kd_status note_member(struct check *c, const char *name, struct kd_sha256 *h)
{
    if (c->n_members == c->members_room) {
        size_t room = c->members_room * 2 + 256;
        struct member *m = room > MEMBERS_MAX ? NULL : realloc(c->member, room * sizeof(*m));
        if (m == NULL)
            return KD_NO_MEMORY;
        c->member = m;
        c->members_room = room;
    }
    struct member *m = &c->member[c->n_members++];
    (void)snprintf(m->name, sizeof(m->name), "%s", name);
    kd_sha256_end(h, m->digest);
    m->listed = false;
    return KD_OK;
}

static enum kd_status keep(struct check *c, const char *name)
{
    struct kept *k = realloc(c->kept, (c->n_kept + 1) * sizeof(*k));
    if (k == NULL)
        return KD_NO_MEMORY;
    c->kept = k;
    k = &c->kept[c->n_kept++];
    (void)snprintf(k->name, sizeof(k->name), "%s", name);
    k->bytes = c->body;
    c->body = (struct kd_heap){NULL, 0, 0};
    return KD_OK;
}

static void swap(struct kd_heap *a, struct kd_heap *b)
{
    struct kd_heap t = *a;
    *a = *b;
    *b = t;
}

/* A member that is looked into, whole in c->body. */
static enum kd_status use_member(struct check *c, const char *name, struct kd_err *err)
{
    if (starts(name, "layouts/")) {
        swap(&c->layout, &c->body);
    } else if (starts(name, "blocks/")) {
        swap(&c->block, &c->body);
        c->block_seq = seq_of(name);
        c->res->blocks++;
        c->res->bytes += c->block.n;
    } else if (starts(name, "records/") && strcmp(name, "records/unsealed.jsonl") != 0) {
        compare_lines(c, name, view(&c->body));
    } else if (strcmp(name, "package.json") == 0) {
        return read_about(c, view(&c->body), err);
    } else if (starts(name, "days/") || starts(name, "seals/") || starts(name, "SHA256SUMS") ||
               strcmp(name, "key.pem") == 0) {
        return keep(c, name);
    }
    return KD_OK;
}

static enum kd_status take_member(struct check *c, struct archive *a, const char *name,
                                  struct kd_err *err)
{
    struct kd_sha256 h;
    const void *p;
    size_t n;
    la_int64_t at;
    int got;
    bool whole = !starts(name, "packets");
    kd_sha256_start(&h);
    c->body.n = 0;
    while ((got = archive_read_data_block(a, &p, &n, &at)) == ARCHIVE_OK) {
        kd_sha256_add(&h, kd_bytes_of(p, n));
        if (!whole)
            continue;
        if (c->body.n + n > KEPT_MAX)
            return KD_LIMIT;
        if (!kd_heap_room(&c->body, n + 1))
            return KD_NO_MEMORY;
        memcpy(c->body.p + c->body.n, p, n);
        c->body.n += n;
    }
    if (got != ARCHIVE_EOF) {
        broken(c, name, "the archive is damaged or cut short here");
        return KD_OK;
    }
    enum kd_status s = note_member(c, name, &h);
    return s == KD_OK ? use_member(c, name, err) : s;
}

static la_ssize_t give(struct archive *a, void *arg, const void **ret)
{
    struct check *c = arg;
    (void)a;
    *ret = c->in;
    return (la_ssize_t)c->read(c->arg, c->in, sizeof(c->in));
}

static enum kd_status read_members(struct check *c, struct archive *a, struct kd_err *err)
{
    struct archive_entry *e;
    char name[NAME_BYTES] = "the beginning";
    int got;
    enum kd_status s = KD_OK;
    while (s == KD_OK && (got = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
        const char *path = archive_entry_pathname(e);
        if (path == NULL || !starts(path, "evidence/") || strlen(path + 9) >= sizeof(name)) {
            broken(c, name, "behind it is something that is no part of a package");
            return KD_OK;
        }
        (void)snprintf(name, sizeof(name), "%s", path + 9);
        s = take_member(c, a, name, err);
    }
    if (s == KD_OK && got != ARCHIVE_EOF)
        broken(c, name, c->n_members == 0 ? "this is no package"
                                          : "the archive is damaged behind this");
    return s;
}

/* ---- what was signed ---- */

static struct member *member_of(struct check *c, struct kd_bytes name)
{
    for (size_t i = 0; i < c->n_members; i++)
        if (kd_bytes_eq_str(name, c->member[i].name))
            return &c->member[i];
    return NULL;
}

static bool take_sum(struct kd_bytes *rest, uint8_t digest[KD_SHA256_BYTES], struct kd_bytes *name)
{
    size_t end = kd_bytes_find_byte(*rest, '\n'), n = 0;
    struct kd_bytes line = kd_bytes_head(*rest, end == SIZE_MAX ? rest->n : end);
    *rest = kd_bytes_from(*rest, end == SIZE_MAX ? rest->n : end + 1);
    *name = kd_bytes_from(line, kd_min_size(line.n, KD_SHA256_BYTES * 2 + 2));
    return line.n > KD_SHA256_BYTES * 2 + 2 &&
           sodium_hex2bin(digest, KD_SHA256_BYTES, (const char *)line.p, KD_SHA256_BYTES * 2, NULL,
                          &n, NULL) == 0 &&
           n == KD_SHA256_BYTES;
}

/* The key of the package itself, for who has no other. */
static bool own_key(struct check *c)
{
    const struct kept *pem = kept_of(c, "key.pem");
    uint8_t der[64];
    size_t n = 0;
    if (pem == NULL)
        return false;
    struct kd_bytes text = view(&pem->bytes);
    size_t at = kd_bytes_find_byte(text, '\n');
    text = kd_bytes_from(text, at == SIZE_MAX ? text.n : at + 1);
    at = kd_bytes_find_byte(text, '\n');
    text = kd_bytes_head(text, at == SIZE_MAX ? 0 : at);
    if (sodium_base642bin(der, sizeof(der), (const char *)text.p, text.n, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        n < KD_SEAL_PUBLIC)
        return false;
    memcpy(c->pub, der + n - KD_SEAL_PUBLIC, KD_SEAL_PUBLIC);
    return true;
}

static bool is_signed(const struct check *c, const struct kept *text, const struct kept *sig)
{
    return sig->bytes.n == crypto_sign_BYTES &&
           crypto_sign_verify_detached(sig->bytes.p, text->bytes.p, text->bytes.n, c->pub) == 0;
}

/* One line of SHA256SUMS. */
static void check_sum(struct check *c, struct kd_bytes name, const uint8_t digest[KD_SHA256_BYTES])
{
    char where[NAME_BYTES + 40];
    struct member *m = member_of(c, name);
    (void)snprintf(where, sizeof(where), "%.*s", (int)kd_min_size(name.n, NAME_BYTES),
                   (const char *)name.p);
    if (m == NULL) {
        broken(c, where, "it is missing");
        return;
    }
    m->listed = true;
    if (memcmp(m->digest, digest, KD_SHA256_BYTES) == 0)
        return;
    if (starts(c->odd, where)) /* the line is known */
        (void)snprintf(where, sizeof(where), "%s", c->odd);
    broken(c, where, "its content was changed");
}

/* With another's key a bad signature is the list's fault; with the package's own it may be the key's,
 * which the list would show. */
static void check_sums(struct check *c)
{
    const struct kept *sums = kept_of(c, "SHA256SUMS");
    const struct kept *sig = kept_of(c, "SHA256SUMS.sig");
    bool foreign = c->has_pub;
    if (sums == NULL || sig == NULL) {
        broken(c, "SHA256SUMS", "the package's list or its signature is missing");
        return;
    }
    if (!foreign && !own_key(c)) {
        broken(c, "key.pem", "it is missing, or no key");
        return;
    }
    struct kd_bytes rest = view(&sums->bytes), name;
    uint8_t digest[KD_SHA256_BYTES];
    if (!is_signed(c, sums, sig))
        while (!foreign && rest.n > 0 && take_sum(&rest, digest, &name))
            if (kd_bytes_eq_str(name, "key.pem"))
                check_sum(c, name, digest);
    if (!is_signed(c, sums, sig))
        broken(c, "SHA256SUMS", "the signature is not by this sensor's key");
    rest = view(&sums->bytes);
    while (rest.n > 0 && take_sum(&rest, digest, &name))
        check_sum(c, name, digest);
    for (size_t i = 0; i < c->n_members; i++)
        if (!c->member[i].listed && !starts(c->member[i].name, "SHA256SUMS"))
            broken(c, c->member[i].name, "it was put in later");
}

/* A block's hash against the line of its day's list. */
static void check_list(struct check *c, const struct kept *list)
{
    struct kd_bytes rest = view(&list->bytes), name;
    uint8_t digest[KD_SHA256_BYTES];
    char path[NAME_BYTES];
    while (rest.n > 0 && take_sum(&rest, digest, &name)) {
        (void)snprintf(path, sizeof(path), "blocks/%.*s", (int)kd_min_size(name.n, 64),
                       (const char *)name.p);
        const struct member *m = member_of(c, kd_str(path));
        if (m == NULL)
            continue; /* of other machines only */
        c->res->unsealed_blocks--;
        if (memcmp(m->digest, digest, sizeof(digest)) != 0)
            broken(c, path, "it is not the block that was sealed");
    }
}

static void check_day(struct check *c, const struct kept *list)
{
    char name[NAME_BYTES];
    uint8_t root[KD_SHA256_BYTES], hex[KD_SHA256_BYTES * 2];
    struct kd_sha256 h;
    const char *day = list->name + strlen("days/");
    (void)snprintf(name, sizeof(name), "seals/%.8s.seal", day);
    const struct kept *seal = kept_of(c, name);
    (void)snprintf(name, sizeof(name), "seals/%.8s.sig", day);
    const struct kept *sig = kept_of(c, name);
    kd_sha256_start(&h);
    kd_sha256_add(&h, view(&list->bytes));
    kd_sha256_end(&h, root);
    struct kd_out o = kd_out_of(hex, sizeof(hex));
    kd_out_hex(&o, kd_bytes_of(root, sizeof(root)));
    c->res->days++;
    if (seal == NULL || sig == NULL)
        broken(c, list->name, "its seal is missing");
    else if (!is_signed(c, seal, sig))
        broken(c, seal->name, "the signature is not by this sensor's key");
    else if (kd_bytes_find(view(&seal->bytes), kd_out_bytes_view(&o)) == SIZE_MAX ||
             !kd_bytes_starts(view(&seal->bytes), kd_str("day ")) ||
             !kd_bytes_starts(kd_bytes_from(view(&seal->bytes), 4),
                              kd_bytes_of(day, kd_min_size(8, strlen(day)))))
        broken(c, list->name, "it is not the list that was sealed");
    else
        c->res->days_sealed++;
    check_list(c, list);
}

static void check_seals(struct check *c)
{
    c->res->unsealed_blocks = c->res->blocks;
    for (size_t i = 0; i < c->n_kept; i++)
        if (starts(c->kept[i].name, "days/"))
            check_day(c, &c->kept[i]);
    if (c->odd[0] != '\0')
        broken(c, c->odd, "it does not follow from its block");
}

static void check_done(struct check *c)
{
    for (size_t i = 0; i < c->n_kept; i++)
        kd_heap_done(&c->kept[i].bytes);
    free(c->kept);
    free(c->member);
    kd_package_lines_free(c->lines);
    kd_hunt_expr_free(c->expr);
    kd_block_reader_free(c->reader);
    kd_heap_done(&c->layout);
    kd_heap_done(&c->block);
    kd_heap_done(&c->body);
    kd_heap_done(&c->again);
    free(c);
}

enum kd_status kd_package_verify(ptrdiff_t (*read)(void *arg, void *buf, size_t n), void *arg,
                                 const uint8_t *pub, struct kd_verify_result *ret,
                                 struct kd_err *err)
{
    *ret = (struct kd_verify_result){.ok = true};
    if (sodium_init() < 0)
        return kd_fail(err, KD_SYSTEM, 0, "libsodium");
    struct check *c = calloc(1, sizeof(*c));
    struct archive *a = archive_read_new();
    enum kd_status s = c == NULL || a == NULL ? KD_NO_MEMORY : KD_OK;
    if (s == KD_OK) {
        c->res = ret;
        c->read = read;
        c->arg = arg;
        c->has_pub = pub != NULL;
        if (pub != NULL)
            memcpy(c->pub, pub, sizeof(c->pub));
        if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
            archive_read_open(a, c, NULL, give, NULL) != ARCHIVE_OK)
            broken(c, "the beginning", "this is no package");
        else
            s = read_members(c, a, err);
    }
    if (s == KD_OK && (ret->ok || c->n_members > 0)) {
        check_sums(c);
        check_seals(c);
    }
    if (a != NULL)
        archive_read_free(a);
    if (c != NULL)
        check_done(c);
    return s == KD_OK || err->what != NULL ? s : kd_fail(err, s, 0, "package");
}
