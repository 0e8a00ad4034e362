/* SPDX-License-Identifier: Apache-2.0 */
/* Are the seals intact?  (seal.h)  Reads every byte; trusts nothing but the public key. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "base/hasher.h"
#include "store/events_format.h"
#include "store/packets.h"
#include "store/seal_line.h"

enum { CHUNK = 1 << 20 };

struct verifier {
    int dir_fd, root_fd; /* the store's, events/ */
    struct kd_verify_result *res;
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
    struct kd_seal_line *seal; /* the last line about each day */
    size_t n_seals, seals_room;
    struct kd_seal_line *segment; /* seals of the packet ring, in order of the list */
    size_t n_segments, segments_room;
    struct block {
        uint64_t seq;
        uint8_t prev[KD_BLOCK_HASH], hash[KD_BLOCK_HASH];
        uint32_t day;
    } * block;
    size_t n_blocks, blocks_room;
    uint8_t *buf;
    struct kd_heap head, packed;
};

static void broken(struct verifier *v, const char *where, const char *what)
{
    if (!v->res->ok)
        return; /* the first place counts */
    v->res->ok = false;
    (void)snprintf(v->res->where, sizeof(v->res->where), "%s", where);
    (void)snprintf(v->res->what, sizeof(v->res->what), "%s", what);
}

/* ---- seals.log ---- */

static enum kd_status add_line(struct kd_seal_line **list, size_t *n, size_t *room,
                               const struct kd_seal_line *line)
{
    if (*n == *room) {
        size_t more = *room * 2 + 64;
        struct kd_seal_line *s = realloc(*list, more * sizeof(*s));
        if (s == NULL)
            return KD_NO_MEMORY;
        *list = s;
        *room = more;
    }
    (*list)[(*n)++] = *line;
    return KD_OK;
}

static enum kd_status keep_seal(struct verifier *v, const struct kd_seal_line *line)
{
    if (line->packets)
        return add_line(&v->segment, &v->n_segments, &v->segments_room, line);
    for (size_t i = 0; i < v->n_seals; i++)
        if (v->seal[i].day == line->day && !v->seal[i].gone) {
            v->seal[i] = *line; /* the later word about the day, be it that it is gone */
            return KD_OK;
        }
    return add_line(&v->seal, &v->n_seals, &v->seals_room, line);
}

static enum kd_status read_seals(struct verifier *v, const uint8_t pub[32])
{
    struct kd_heap text = {NULL, 0, 0};
    enum kd_status s = kd_file_load(v->root_fd, "seals.log", KD_SEALS_MAX, &text);
    struct kd_bytes rest = kd_bytes_of(text.p, text.n);
    uint8_t last[KD_BLOCK_HASH] = {0};
    char where[64];
    unsigned n = 0;
    if (s == KD_NOT_FOUND) {
        broken(v, "events/seals.log", "the list of seals is missing");
        s = KD_OK;
    }
    while (s == KD_OK && rest.n > 0) {
        size_t end = kd_bytes_find_byte(rest, '\n');
        if (end == SIZE_MAX)
            break; /* torn by a crash; the writer cuts it */
        struct kd_bytes line = kd_bytes_head(rest, end);
        struct kd_seal_line seal;
        (void)snprintf(where, sizeof(where), "events/seals.log line %u", ++n);
        enum kd_status p = kd_seal_line_parse(line, pub, &seal);
        if (p == KD_MALFORMED)
            broken(v, where, "this is not a seal");
        else if (p == KD_BROKEN_SEAL)
            broken(v, where, "the signature is not by this sensor's key");
        else if (memcmp(seal.prev, last, sizeof(last)) != 0)
            broken(v, where, "a line before this one was changed or taken out");
        else
            s = keep_seal(v, &seal);
        kd_seal_line_hash(line, last);
        rest = kd_bytes_from(rest, end + 1);
    }
    kd_heap_done(&text);
    return s;
}

/* ---- blocks ---- */

static enum kd_status keep_block(struct verifier *v, const struct kd_block_fixed *f,
                                 const struct kd_idx_fixed *x, uint32_t day)
{
    if (v->n_blocks == v->blocks_room) {
        size_t room = v->blocks_room * 2 + 1024;
        struct block *b = realloc(v->block, room * sizeof(*b));
        if (b == NULL)
            return KD_NO_MEMORY;
        v->block = b;
        v->blocks_room = room;
    }
    struct block *b = &v->block[v->n_blocks++];
    b->seq = f->seq;
    b->day = day;
    memcpy(b->prev, f->prev, sizeof(b->prev));
    memcpy(b->hash, x->hash, sizeof(b->hash));
    return KD_OK;
}

/* Hash a block's bytes in the segment file; the header into v->head. */
static enum kd_status hash_block(struct verifier *v, int seg, const struct kd_block_fixed *f,
                                 uint64_t off, uint8_t ret[KD_BLOCK_HASH])
{
    struct kd_sha256 h;
    kd_sha256_start(&h);
    v->head.n = 0;
    if (!kd_heap_room(&v->head, f->head_len))
        return KD_NO_MEMORY;
    enum kd_status s = kd_file_read(seg, off, v->head.p, f->head_len);
    if (s != KD_OK)
        return s;
    v->head.n = f->head_len;
    kd_sha256_add(&h, kd_bytes_of(f->prev, sizeof(f->prev)));
    kd_sha256_add(&h, kd_bytes_of(v->head.p, v->head.n));
    for (uint64_t at = 0; at < f->data_len; at += CHUNK) {
        size_t n = (size_t)kd_min_u64(CHUNK, f->data_len - at);
        s = kd_file_read(seg, off + f->head_len + at, v->buf, n);
        if (s != KD_OK)
            return s;
        kd_sha256_add(&h, kd_bytes_of(v->buf, n));
        v->res->bytes += n;
    }
    kd_sha256_end(&h, ret);
    return KD_OK;
}

/* The head of a segment, which names the columns of its blocks; false: it is not as it was written.  Its sum lies in
 * the file itself: it tells damage, not forgery. */
static enum kd_status check_head(struct verifier *v, int seg, bool *ret_good)
{
    uint8_t fixed[KD_SEG_FIXED];
    *ret_good = false;
    enum kd_status s = kd_file_read(seg, 0, fixed, sizeof(fixed));
    struct kd_cur c = kd_cur_of(kd_bytes_of(fixed, sizeof(fixed)));
    bool ours = kd_bytes_eq(kd_cur_take(&c, 8), kd_bytes_of("KDSEG1\n", 8));
    uint64_t len = kd_cur_le64(&c), sum = kd_cur_le64(&c);
    if (s != KD_OK || !ours || len > KD_TABLE_MAX)
        return KD_OK;
    v->packed.n = 0;
    if (!kd_heap_room(&v->packed, (size_t)len + 1))
        return KD_NO_MEMORY;
    *ret_good = kd_file_read(seg, KD_SEG_FIXED, v->packed.p, (size_t)len) == KD_OK && kd_hash(v->packed.p, (size_t)len, 0) == sum;
    return KD_OK;
}

/* Which column of a broken block was changed, when its header is still good: its checksums tell. */
static void name_column(struct verifier *v, int seg, const struct kd_block_fixed *f, uint64_t off,
                        char *where, size_t size)
{
    struct kd_layout_map map;
    struct kd_block_head h;
    if (kd_layout_map(kd_layout_table(), &map) != KD_OK ||
        kd_block_head_read(kd_bytes_of(v->head.p, v->head.n), &map, &h) != KD_OK)
        return;
    for (size_t g = 0; g < h.n_groups; g++)
        for (size_t i = 0; i < h.group[g].n_columns; i++) {
            const struct kd_column_desc *d = &h.group[g].column[i];
            size_t n = (size_t)d->dict_packed + d->packed;
            v->packed.n = 0;
            if (!kd_heap_room(&v->packed, n + 1) ||
                kd_file_read(seg, off + f->head_len + h.group[g].offset[i], v->packed.p, n) !=
                    KD_OK ||
                kd_column_check(d, kd_bytes_of(v->packed.p, n)))
                continue;
            const struct kd_layout *l = kd_layout_of(h.group[g].type);
            size_t at = strlen(where);
            (void)snprintf(where + at, size - at, " %s %s", l->schema->name, l->leaf[d->leaf].path);
            kd_block_head_done(&h);
            return;
        }
    kd_block_head_done(&h);
}

static enum kd_status check_bloom(struct verifier *v, int idx, uint64_t off,
                                  const struct kd_block_fixed *f, const char *where)
{
    struct kd_heap *h = &v->packed;
    size_t head_at = KD_IDX_FIXED;
    size_t n = f->head_len + (size_t)f->bloom_lines * KD_BLOOM_LINE;
    h->n = 0;
    if (!kd_heap_room(h, n))
        return KD_NO_MEMORY;
    if (kd_file_read(idx, off + head_at, h->p, n) != KD_OK ||
        memcmp(h->p, v->head.p, f->head_len) != 0) {
        broken(v, where, "the index does not agree with the block");
        return KD_OK;
    }
    uint8_t digest[16];
    crypto_generichash(digest, sizeof(digest), h->p + f->head_len, n - f->head_len, NULL, 0);
    if (memcmp(digest, f->bloom_digest, sizeof(digest)) != 0)
        broken(v, where, "the index's filter was changed");
    return KD_OK;
}

static enum kd_status check_block(struct verifier *v, int dir, int idx, uint32_t day,
                                  uint64_t idx_off, const struct kd_idx_fixed *x,
                                  const struct kd_block_fixed *f)
{
    char name[32], where[160];
    kd_segment_name(x->hour, x->part, name);
    (void)snprintf(where, sizeof(where), "events/%08u/%s block %llu", (unsigned)day, name,
                   (unsigned long long)f->seq);
    bool was_ok = v->res->ok;
    KD_AUTO_FD seg = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t hash[KD_BLOCK_HASH];
    uint8_t kept[KD_BLOCK_HASH];
    bool good_head = true;
    enum kd_status s = seg < 0 ? KD_NOT_FOUND : check_head(v, seg, &good_head);
    if (s == KD_OK)
        s = hash_block(v, seg, f, x->seg_off, hash);
    if (s == KD_OK)
        s = kd_file_read(seg, x->seg_off + f->head_len + f->data_len, kept, sizeof(kept));
    if (s == KD_NO_MEMORY)
        return s;
    if (s != KD_OK) {
        broken(v, where,
               s == KD_NOT_FOUND ? "the file is missing"
                                 : "the file is too short or cannot be read");
    } else if (!good_head) {
        broken(v, where, "the names of the columns at the segment's beginning were changed");
    } else if (memcmp(hash, x->hash, sizeof(hash)) != 0 ||
               memcmp(kept, x->hash, sizeof(kept)) != 0) {
        name_column(v, seg, f, x->seg_off, where, sizeof(where));
        broken(v, where, "its content was changed");
    } else {
        s = check_bloom(v, idx, idx_off, f, where);
        if (s != KD_OK)
            return s;
    }
    if (was_ok && !v->res->ok) {
        v->res->from_us = f->min_us;
        v->res->to_us = f->max_us;
    }
    v->res->blocks++;
    v->res->records += f->rows;
    return keep_block(v, f, x, day);
}

static const struct kd_seal_line *seal_of(const struct verifier *v, uint32_t day)
{
    for (size_t i = 0; i < v->n_seals; i++)
        if (v->seal[i].day == day && !v->seal[i].gone)
            return &v->seal[i];
    return NULL;
}

/* The day against its seal: the blocks it names, in order, with their hashes. */
static enum kd_status check_seal(struct verifier *v, int idx, uint64_t size, uint32_t day,
                                 uint32_t blocks)
{
    char where[64];
    (void)snprintf(where, sizeof(where), "events/%08u", (unsigned)day);
    const struct kd_seal_line *seal = seal_of(v, day);
    if (seal == NULL) {
        v->res->unsealed_blocks += blocks;
        return KD_OK;
    }
    uint8_t root[KD_BLOCK_HASH];
    uint32_t n = 0;
    enum kd_status s = kd_idx_root(idx, size, seal->blocks, &n, root);
    if (s == KD_OK && n < seal->blocks)
        broken(v, where, "blocks that were sealed are missing");
    else if (s == KD_OK && memcmp(root, seal->root, sizeof(root)) != 0)
        broken(v, where, "the day is not as it was sealed");
    else if (s == KD_OK)
        v->res->days_sealed++;
    v->res->unsealed_blocks += blocks > seal->blocks ? blocks - seal->blocks : 0;
    return s == KD_MALFORMED ? KD_OK : s;
}

static enum kd_status check_day(struct verifier *v, uint32_t day)
{
    char name[16], where[64];
    kd_day_name(day, name);
    (void)snprintf(where, sizeof(where), "events/%s/day.idx", name);
    KD_AUTO_FD dir = kd_file_dir(v->root_fd, name, false);
    KD_AUTO_FD idx = dir < 0 ? -1 : openat(dir, "day.idx", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint64_t size = 0;
    v->res->days++;
    if (idx < 0 || kd_file_size(idx, &size) != KD_OK) {
        if (seal_of(v, day) != NULL)
            broken(v, where, "the index is missing");
        return KD_OK;
    }
    uint32_t blocks = 0;
    uint64_t off = 0;
    struct kd_idx_fixed x;
    struct kd_block_fixed f;
    enum kd_status s;
    while ((s = kd_idx_next(idx, size, off, &x, &f)) == KD_OK) {
        s = check_block(v, dir, idx, day, off, &x, &f);
        if (s != KD_OK)
            return s;
        blocks++;
        off += kd_idx_entry_len(&f);
        if (v->progress != NULL)
            v->progress(v->arg, off, size);
    }
    if (s == KD_MALFORMED)
        broken(v, where, "an entry of the index is no entry");
    else if (off < size)
        v->res->tail_bytes += size - off;
    return check_seal(v, idx, size, day, blocks);
}

/* ---- the chain over all days ---- */

static int by_seq(const void *a, const void *b)
{
    const struct block *x = a;
    const struct block *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Blocks [from, to] are missing: is that told? */
static bool gap_is_told(const struct verifier *v, uint64_t from, uint64_t to)
{
    uint64_t told = 0;
    for (size_t i = 0; i < v->n_seals; i++) {
        const struct kd_seal_line *s = &v->seal[i];
        if (s->gone && s->first_seq <= to && s->last_seq >= from)
            told += s->blocks;
    }
    return told >= to - from + 1;
}

static void check_chain(struct verifier *v)
{
    char where[64];
    if (v->n_blocks > 0)
        qsort(v->block, v->n_blocks, sizeof(*v->block), by_seq);
    for (size_t i = 0; i < v->n_blocks; i++) {
        const struct block *b = &v->block[i];
        uint64_t before = i == 0 ? 0 : v->block[i - 1].seq;
        (void)snprintf(where, sizeof(where), "events/%08u block %llu", (unsigned)b->day,
                       (unsigned long long)b->seq);
        if (b->seq == before)
            broken(v, where, "the block is there twice");
        else if (b->seq == before + 1 && before > 0 &&
                 memcmp(b->prev, v->block[i - 1].hash, KD_BLOCK_HASH) != 0)
            broken(v, where, "it does not follow the block before it");
        else if (b->seq > before + 1 && !gap_is_told(v, before + 1, b->seq - 1))
            broken(v, where, "blocks before this one are missing");
    }
}

/* A sealed day that is not there must have been told gone. */
static void check_missing_days(struct verifier *v)
{
    char where[64];
    for (size_t i = 0; i < v->n_seals; i++) {
        const struct kd_seal_line *s = &v->seal[i];
        v->res->days_gone += s->gone;
        bool here = s->gone;
        for (size_t k = 0; k < v->n_blocks && !here; k++)
            here = v->block[k].day == s->day;
        (void)snprintf(where, sizeof(where), "events/%08u", (unsigned)s->day);
        if (!here)
            broken(v, where, "a sealed day is missing");
    }
}

/* ---- packets ---- */

static const struct kd_seal_line *segment_seal(const struct verifier *v, const struct kd_keep_head *h,
                                               uint64_t *ret_last)
{
    const struct kd_seal_line *found = NULL;
    *ret_last = 0;
    for (size_t i = 0; i < v->n_segments; i++) {
        const struct kd_seal_line *s = &v->segment[i];
        if (s->day != h->engine)
            continue;
        *ret_last = kd_max_u64(*ret_last, s->records);
        if (s->records == h->seq)
            found = s;
    }
    return found;
}

/* A segment of the packet ring against its seal.  The one in hand and what was closed a moment ago have none
 * yet; what has a number below a sealed one must have its own. */
static enum kd_status check_segment(void *arg, const char *file, int fd, uint64_t at,
                                    const struct kd_keep_head *h)
{
    struct verifier *v = arg;
    char where[128];
    uint8_t hash[KD_BLOCK_HASH];
    uint64_t last = 0;
    (void)snprintf(where, sizeof(where), "packets/%.64s segment %llu (byte %llu)", file,
                   (unsigned long long)h->seq, (unsigned long long)at);
    const struct kd_seal_line *seal = segment_seal(v, h, &last);
    bool was_ok = v->res->ok;
    v->res->packet_segments++;
    if (h->seq == 0)
        broken(v, where, "the segment's header was changed");
    else if (seal == NULL && (h->closed ? h->seq <= last : h->seq < last))
        broken(v, where, "it is not the segment that was sealed");
    else if (seal == NULL)
        v->res->unsealed_segments++;
    if (seal == NULL)
        return KD_OK;
    enum kd_status s = kd_packets_hash(fd, at, h, hash);
    v->res->bytes += h->used;
    if (s == KD_OK && (!h->closed || memcmp(hash, seal->root, sizeof(hash)) != 0))
        broken(v, where, "its packets or their index were changed");
    if (was_ok && !v->res->ok) {
        v->res->from_us = seal->first_seq;
        v->res->to_us = seal->last_seq;
    }
    return s;
}

static bool is_day(const char *name)
{
    return strlen(name) == 8 && strspn(name, "0123456789") == 8;
}

static enum kd_status run(struct verifier *v, const uint8_t pub[32])
{
    struct kd_names names;
    enum kd_status s = read_seals(v, pub);
    if (s != KD_OK)
        return s;
    s = kd_file_list(v->root_fd, is_day, &names);
    for (size_t i = 0; s == KD_OK && i < names.n; i++)
        s = check_day(v, (uint32_t)strtoul(names.v[i], NULL, 10));
    kd_names_done(&names);
    if (s == KD_OK) {
        check_chain(v);
        check_missing_days(v);
        s = kd_packets_each(v->dir_fd, "packets", check_segment, v);
    }
    return s;
}

static enum kd_status load_public(int dir_fd, uint8_t ret[32])
{
    struct kd_heap text = {NULL, 0, 0};
    size_t n = 0;
    enum kd_status s = kd_file_load(dir_fd, "seal.pub", 4096, &text);
    if (s == KD_OK &&
        (sodium_hex2bin(ret, 32, (const char *)text.p, text.n, "\n", &n, NULL) != 0 || n != 32))
        s = KD_MALFORMED;
    kd_heap_done(&text);
    return s;
}

enum kd_status kd_verify(int dir_fd, const uint8_t *pub,
                         void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                         struct kd_verify_result *ret, struct kd_err *err)
{
    uint8_t own[32];
    *ret = (struct kd_verify_result){.ok = true};
    if (sodium_init() < 0)
        return kd_fail(err, KD_SYSTEM, 0, "libsodium");
    enum kd_status s = pub == NULL ? load_public(dir_fd, own) : KD_OK;
    if (s != KD_OK)
        return kd_fail_sys(err, s, "public key of the seals; is this a store's directory?",
                           "seal.pub", errno);
    struct verifier v = {.res = ret, .progress = progress, .arg = arg, .buf = malloc(CHUNK), .dir_fd = dir_fd};
    v.root_fd = kd_file_dir(dir_fd, "events", false);
    if (v.root_fd < 0)
        s = kd_fail_sys(err, KD_NOT_FOUND, "evidence directory", "events", errno);
    else
        s = v.buf == NULL ? KD_NO_MEMORY : run(&v, pub == NULL ? own : pub);
    if (v.root_fd >= 0)
        (void)close(v.root_fd);
    free(v.buf);
    free(v.seal);
    free(v.segment);
    free(v.block);
    kd_heap_done(&v.head);
    kd_heap_done(&v.packed);
    return s;
}
