/* SPDX-License-Identifier: Apache-2.0 */
#include "store/events.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/hasher.h"
#include "store/events_format.h"

enum { SEGMENT_MAX = 1 << 30, PARTS_MAX = 65535 };

struct day {
    struct kd_day_info info;
    /* The segment file this process began for the day and may append to. */
    bool has_file;
    uint16_t hour, part;
    uint64_t file_size;
    uint64_t idx_size;
};

struct kd_events {
    int root_fd;
    int zone_s;
    bool write;
    pthread_mutex_t lock; /* over everything below; only the writing thread changes it */
    struct kd_block_ref *ref;
    size_t n_refs, refs_room;
    struct day *day; /* ascending */
    size_t n_days, days_room;
    struct kd_events_last last;
};

int kd_events_root_fd(const struct kd_events *e)
{
    return e->root_fd;
}

void kd_day_name(uint32_t day, char ret[16])
{
    int n = snprintf(ret, 16, "%08u", (unsigned)day);
    KD_ASSERT(n == 8);
}

void kd_segment_name(unsigned hour, unsigned part, char ret[32])
{
    int n = snprintf(ret, 32, "%02u-%02u.seg", hour, part);
    KD_ASSERT(n > 0 && n < 32);
}

static struct day *find_day(struct kd_events *e, uint32_t number)
{
    for (size_t i = e->n_days; i-- > 0;)
        if (e->day[i].info.day == number)
            return &e->day[i];
    return NULL;
}

static struct day *add_day(struct kd_events *e, uint32_t number)
{
    struct day *found = find_day(e, number);
    if (found != NULL)
        return found;
    if (e->n_days == e->days_room) {
        size_t room = e->days_room * 2 + 16;
        struct day *d = realloc(e->day, room * sizeof(*d));
        if (d == NULL)
            return NULL;
        e->day = d;
        e->days_room = room;
    }
    size_t at = e->n_days++;
    for (; at > 0 && e->day[at - 1].info.day > number; at--)
        e->day[at] = e->day[at - 1];
    e->day[at] = (struct day){.info = {.day = number}};
    return &e->day[at];
}

static bool add_ref(struct kd_events *e, const struct kd_block_ref *ref)
{
    if (e->n_refs == e->refs_room) {
        size_t room = e->refs_room * 2 + 256;
        struct kd_block_ref *r = realloc(e->ref, room * sizeof(*r));
        if (r == NULL)
            return false;
        e->ref = r;
        e->refs_room = room;
    }
    e->ref[e->n_refs++] = *ref;
    return true;
}

static struct kd_block_ref ref_of(const struct kd_block_fixed *f, uint32_t day,
                                  const struct kd_idx_fixed *x, uint64_t idx_off)
{
    return (struct kd_block_ref){
        .seq = f->seq,
        .min_us = f->min_us,
        .max_us = f->max_us,
        .types = f->types,
        .seg_off = x->seg_off,
        .idx_off = idx_off,
        .data_len = f->data_len,
        .rows = f->rows,
        .day = day,
        .head_len = f->head_len,
        .bloom_lines = f->bloom_lines,
        .hour = x->hour,
        .part = x->part,
    };
}

static void count_block(struct kd_events *e, struct day *d, const struct kd_block_fixed *f,
                        const uint8_t hash[KD_BLOCK_HASH])
{
    d->info.blocks++;
    d->info.records += f->rows;
    if (d->info.first_seq == 0 || f->seq < d->info.first_seq)
        d->info.first_seq = f->seq;
    d->info.last_seq = kd_max_u64(d->info.last_seq, f->seq);
    if (f->seq <= e->last.seq)
        return;
    e->last = (struct kd_events_last){
        .seq = f->seq, .journal = f->journal, .journal_rows = f->journal_rows};
    memcpy(e->last.hash, hash, KD_BLOCK_HASH);
}

/* ---- the index file ---- */

enum kd_status kd_idx_fixed_take(struct kd_bytes entry, struct kd_idx_fixed *ret)
{
    struct kd_cur c = kd_cur_of(entry);
    struct kd_bytes magic = kd_cur_take(&c, 4);
    ret->hour = kd_cur_le16(&c);
    ret->part = kd_cur_le16(&c);
    ret->seg_off = kd_cur_le64(&c);
    struct kd_bytes hash = kd_cur_take(&c, KD_BLOCK_HASH);
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    memcpy(ret->hash, hash.p, KD_BLOCK_HASH);
    return kd_bytes_eq_str(magic, "KDI1") && ret->hour < 24 && ret->seg_off <= INT64_MAX / 2
               ? KD_OK
               : KD_MALFORMED;
}

uint64_t kd_idx_entry_len(const struct kd_block_fixed *f)
{
    return KD_IDX_FIXED + (uint64_t)f->head_len + (uint64_t)f->bloom_lines * KD_BLOOM_LINE +
           KD_IDX_SUM;
}

/* Is the whole entry as it was written? */
static bool entry_intact(int fd, uint64_t off, uint64_t len)
{
    uint8_t *p = malloc((size_t)len);
    bool good = p != NULL && kd_file_read(fd, off, p, (size_t)len) == KD_OK;
    if (good) {
        struct kd_cur sum = kd_cur_of(kd_bytes_of(p + len - KD_IDX_SUM, KD_IDX_SUM));
        good = kd_hash(p, (size_t)len - KD_IDX_SUM, 0) == kd_cur_le64(&sum);
    }
    free(p);
    return good;
}

/* Read the entry at `off`; KD_NOT_FOUND at the end or at a torn tail. */
enum kd_status kd_idx_next(int fd, uint64_t size, uint64_t off, struct kd_idx_fixed *ret_x,
                           struct kd_block_fixed *ret_f)
{
    uint8_t buf[KD_IDX_FIXED + KD_BLOCK_FIXED];
    if (off + sizeof(buf) > size)
        return KD_NOT_FOUND;
    if (kd_file_read(fd, off, buf, sizeof(buf)) != KD_OK)
        return KD_SYSTEM;
    enum kd_status s = kd_idx_fixed_take(kd_bytes_of(buf, KD_IDX_FIXED), ret_x);
    if (s == KD_OK)
        s = kd_block_fixed_take(kd_bytes_of(buf + KD_IDX_FIXED, KD_BLOCK_FIXED), ret_f);
    if (s != KD_OK)
        return KD_MALFORMED;
    uint64_t len = kd_idx_entry_len(ret_f);
    if (len > size - off)
        return KD_NOT_FOUND;
    return len == size - off && !entry_intact(fd, off, len) ? KD_NOT_FOUND : KD_OK;
}

static bool is_segment(const char *name)
{
    return strlen(name) >= 9 && name[2] == '-' && strcmp(name + strlen(name) - 4, ".seg") == 0;
}

static bool is_day(const char *name)
{
    return strlen(name) == 8 && strspn(name, "0123456789") == 8;
}

static enum kd_status measure_day(int dir_fd, struct day *d)
{
    struct kd_names names;
    enum kd_status s = kd_file_list(dir_fd, is_segment, &names);
    struct stat st;
    for (size_t i = 0; s == KD_OK && i < names.n; i++)
        if (fstatat(dir_fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            d->info.bytes += (uint64_t)st.st_size;
    d->info.held = faccessat(dir_fd, "hold", F_OK, 0) == 0;
    if (fstatat(dir_fd, "day.idx", &st, AT_SYMLINK_NOFOLLOW) == 0) {
        d->info.bytes += (uint64_t)st.st_size;
        d->info.written_us = (uint64_t)st.st_mtim.tv_sec * KD_US_PER_S;
    }
    kd_names_done(&names);
    return s;
}

static enum kd_status load_day(struct kd_events *e, const char *name)
{
    KD_AUTO_FD dir = kd_file_dir(e->root_fd, name, false);
    struct day *d = dir < 0 ? NULL : add_day(e, (uint32_t)strtoul(name, NULL, 10));
    if (d == NULL)
        return dir < 0 ? KD_SYSTEM : KD_NO_MEMORY;
    enum kd_status s = measure_day(dir, d);
    KD_AUTO_FD idx =
        openat(dir, "day.idx", (e->write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
    if (s != KD_OK || idx < 0)
        return s != KD_OK || errno == ENOENT ? s : KD_SYSTEM;
    uint64_t size = 0;
    s = kd_file_size(idx, &size);
    uint64_t off = 0;
    while (s == KD_OK) {
        struct kd_idx_fixed x;
        struct kd_block_fixed f;
        s = kd_idx_next(idx, size, off, &x, &f);
        if (s != KD_OK)
            break;
        struct kd_block_ref ref = ref_of(&f, d->info.day, &x, off);
        if (!add_ref(e, &ref))
            return KD_NO_MEMORY;
        count_block(e, d, &f, x.hash);
        off += kd_idx_entry_len(&f);
    }
    d->idx_size = off;
    if (s == KD_NOT_FOUND && off < size && e->write && ftruncate(idx, (off_t)off) != 0)
        return KD_SYSTEM;
    return s == KD_NOT_FOUND ? KD_OK : s;
}

static int by_seq(const void *a, const void *b)
{
    uint64_t x = ((const struct kd_block_ref *)a)->seq;
    uint64_t y = ((const struct kd_block_ref *)b)->seq;
    return x < y ? -1 : x > y;
}

enum kd_status kd_events_open(int dir_fd, int zone_s, bool write, struct kd_events **ret,
                              struct kd_err *err)
{
    struct kd_events *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "events");
    (void)pthread_mutex_init(&e->lock, NULL);
    e->zone_s = zone_s;
    e->write = write;
    e->root_fd = kd_file_dir(dir_fd, "events", write);
    if (e->root_fd < 0) {
        enum kd_status s = errno == ENOENT ? KD_NOT_FOUND : KD_SYSTEM;
        s = kd_fail_sys(err, s, "evidence directory", "events", errno);
        kd_events_free(e);
        return s;
    }
    struct kd_names names;
    enum kd_status s = kd_file_list(e->root_fd, is_day, &names);
    if (s != KD_OK)
        (void)kd_fail_sys(err, s, "evidence directory", "events", errno);
    for (size_t i = 0; s == KD_OK && i < names.n; i++) {
        s = load_day(e, names.v[i]);
        if (s != KD_OK)
            (void)kd_fail_sys(err, s, "index of a day; `kidoban verify` tells more", names.v[i],
                              errno);
    }
    kd_names_done(&names);
    if (s != KD_OK) {
        kd_events_free(e);
        return s;
    }
    if (e->n_refs > 0)
        qsort(e->ref, e->n_refs, sizeof(*e->ref), by_seq);
    *ret = e;
    return KD_OK;
}

void kd_events_free(struct kd_events *e)
{
    if (e == NULL)
        return;
    if (e->root_fd >= 0)
        (void)close(e->root_fd);
    (void)pthread_mutex_destroy(&e->lock);
    free(e->ref);
    free(e->day);
    free(e);
}

struct kd_events_last kd_events_last(const struct kd_events *e)
{
    return e->last;
}

/* ---- writing ---- */

static enum kd_status no_space(void)
{
    return errno == ENOSPC || errno == EDQUOT ? KD_FULL : KD_SYSTEM;
}

static enum kd_status begin_segment(int dir_fd, struct day *d, unsigned hour, int *ret_fd)
{
    struct kd_bytes table = kd_layout_table();
    uint8_t head[KD_SEG_FIXED];
    struct kd_out o = kd_out_of(head, sizeof(head));
    kd_out_str(&o, "KDSEG1\n");
    kd_out_u8(&o, 0);
    kd_out_le64(&o, table.n);
    kd_out_le64(&o, kd_hash(table.p, table.n, 0));
    for (unsigned part = 0; part < PARTS_MAX; part++) {
        char name[32];
        kd_segment_name(hour, part, name);
        int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return no_space();
        enum kd_status s = kd_file_write(fd, 0, kd_out_bytes_view(&o));
        if (s == KD_OK)
            s = kd_file_write(fd, KD_SEG_FIXED, table);
        if (s != KD_OK) {
            (void)close(fd);
            (void)unlinkat(dir_fd, name, 0);
            return s;
        }
        d->has_file = true;
        d->hour = (uint16_t)hour;
        d->part = (uint16_t)part;
        d->file_size = KD_SEG_FIXED + table.n;
        d->info.bytes += d->file_size;
        *ret_fd = fd;
        return KD_OK;
    }
    return KD_LIMIT;
}

static enum kd_status open_segment(int dir_fd, struct day *d, unsigned hour, int *ret_fd)
{
    if (!d->has_file || d->hour != hour || d->file_size >= SEGMENT_MAX)
        return begin_segment(dir_fd, d, hour, ret_fd);
    char name[32];
    kd_segment_name(d->hour, d->part, name);
    *ret_fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd < 0 ? KD_SYSTEM : KD_OK;
}

/* Head, data and hash behind the file's end, on disk when it returns; otherwise the file is as
 * before. */
static enum kd_status write_segment(int fd, uint64_t at, const struct kd_built *b)
{
    enum kd_status s = kd_file_write(fd, at, kd_bytes_of(b->head.p, b->head.n));
    if (s == KD_OK)
        s = kd_file_write(fd, at + b->head.n, kd_bytes_of(b->data.p, b->data.n));
    if (s == KD_OK)
        s = kd_file_write(fd, at + b->head.n + b->data.n, kd_bytes_of(b->hash, sizeof(b->hash)));
    if (s == KD_OK && fdatasync(fd) != 0)
        s = no_space();
    if (s != KD_OK)
        (void)!ftruncate(fd, (off_t)at);
    return s;
}

static enum kd_status write_index(int dir_fd, const struct day *d, const struct kd_built *b,
                                  const struct kd_idx_fixed *x)
{
    KD_AUTO_FD fd = openat(dir_fd, "day.idx", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return no_space();
    size_t len = (size_t)kd_idx_entry_len(&b->fixed);
    uint8_t *entry = malloc(len);
    if (entry == NULL)
        return KD_NO_MEMORY;
    struct kd_out o = kd_out_of(entry, len);
    kd_out_str(&o, "KDI1");
    kd_out_le16(&o, x->hour);
    kd_out_le16(&o, x->part);
    kd_out_le64(&o, x->seg_off);
    kd_out_bytes(&o, kd_bytes_of(x->hash, sizeof(x->hash)));
    kd_out_bytes(&o, kd_bytes_of(b->head.p, b->head.n));
    kd_out_bytes(&o, kd_bytes_of(b->bloom.p, b->bloom.n));
    kd_out_le64(&o, kd_hash(entry, o.n, 0));
    KD_ASSERT(kd_out_ok(&o) && o.n == len);
    enum kd_status s = kd_file_write(fd, d->idx_size, kd_bytes_of(entry, len));
    if (s == KD_OK && fdatasync(fd) != 0)
        s = no_space();
    if (s != KD_OK)
        (void)!ftruncate(fd, (off_t)d->idx_size);
    free(entry);
    return s;
}

static enum kd_status write_block(struct kd_events *e, struct day *d, const struct kd_built *b)
{
    char name[16];
    kd_day_name(d->info.day, name);
    KD_AUTO_FD dir = kd_file_dir(e->root_fd, name, true);
    if (dir < 0)
        return no_space();
    KD_AUTO_FD seg = -1;
    struct kd_date date = kd_date_of(b->fixed.min_us, e->zone_s);
    bool is_new = !d->has_file;
    enum kd_status s = open_segment(dir, d, date.hour, &seg);
    if (s == KD_OK)
        s = write_segment(seg, d->file_size, b);
    if (s != KD_OK)
        return s;
    struct kd_idx_fixed x = {.hour = d->hour, .part = d->part, .seg_off = d->file_size};
    memcpy(x.hash, b->hash, sizeof(x.hash));
    s = write_index(dir, d, b, &x);
    if (s != KD_OK) {
        (void)!ftruncate(seg, (off_t)d->file_size);
        return s;
    }
    if (is_new) {
        (void)fsync(dir);
        (void)fsync(e->root_fd);
    }
    uint64_t seg_len = b->head.n + b->data.n + sizeof(b->hash);
    uint64_t idx_len = kd_idx_entry_len(&b->fixed);
    struct kd_block_ref ref = ref_of(&b->fixed, d->info.day, &x, d->idx_size);
    struct stat st;
    (void)pthread_mutex_lock(&e->lock);
    bool added = add_ref(e, &ref);
    count_block(e, d, &b->fixed, b->hash);
    (void)pthread_mutex_unlock(&e->lock);
    d->info.written_us = fstat(seg, &st) == 0 ? (uint64_t)st.st_mtim.tv_sec * KD_US_PER_S : 0;
    d->file_size += seg_len;
    d->idx_size += idx_len;
    d->info.bytes += seg_len + idx_len;
    return added ? KD_OK : KD_NO_MEMORY;
}

enum kd_status kd_events_add(struct kd_events *e, const struct kd_built *b)
{
    KD_ASSERT(e->write && b->fixed.seq == e->last.seq + 1);
    struct kd_date date = kd_date_of(b->fixed.min_us, e->zone_s);
    if (date.year > 9999)
        date.year = 9999; /* a hostile time must not make a name that is no day */
    (void)pthread_mutex_lock(&e->lock);
    struct day *d = add_day(e, (uint32_t)date.year * 10000 + date.month * 100 + date.day);
    (void)pthread_mutex_unlock(&e->lock);
    return d == NULL ? KD_NO_MEMORY : write_block(e, d, b);
}

/* ---- the table ---- */

static int by_newest(const void *a, const void *b)
{
    const struct kd_block_ref *x = a;
    const struct kd_block_ref *y = b;
    if (x->max_us != y->max_us)
        return x->max_us > y->max_us ? -1 : 1;
    return x->seq > y->seq ? -1 : x->seq < y->seq;
}

enum kd_status kd_events_list(struct kd_events *e, uint64_t from_us, uint64_t to_us, uint64_t types,
                              struct kd_block_ref **ret, size_t *ret_n)
{
    *ret_n = 0;
    (void)pthread_mutex_lock(&e->lock);
    struct kd_block_ref *v = malloc((e->n_refs + 1) * sizeof(*v));
    for (size_t i = 0; v != NULL && i < e->n_refs; i++) {
        const struct kd_block_ref *r = &e->ref[i];
        if (r->max_us >= from_us && r->min_us <= to_us && (r->types & types) != 0)
            v[(*ret_n)++] = *r;
    }
    (void)pthread_mutex_unlock(&e->lock);
    if (v == NULL)
        return KD_NO_MEMORY;
    if (*ret_n > 0)
        qsort(v, *ret_n, sizeof(*v), by_newest);
    *ret = v;
    return KD_OK;
}

size_t kd_events_after(struct kd_events *e, uint64_t seq, struct kd_block_ref *ret, size_t max)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&e->lock);
    /* The `max` smallest above seq, kept in order; blocks mostly lie in order of seq. */
    for (size_t i = 0; e->last.seq > seq && i < e->n_refs; i++) {
        const struct kd_block_ref *r = &e->ref[i];
        if (r->seq <= seq || (n == max && r->seq > ret[n - 1].seq))
            continue;
        size_t at = n < max ? n++ : n - 1;
        for (; at > 0 && ret[at - 1].seq > r->seq; at--)
            ret[at] = ret[at - 1];
        ret[at] = *r;
    }
    (void)pthread_mutex_unlock(&e->lock);
    return n;
}

struct kd_events_sum kd_events_sum(struct kd_events *e)
{
    struct kd_events_sum sum = {.oldest_us = UINT64_MAX};
    (void)pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->n_days; i++) {
        sum.records += e->day[i].info.records;
        sum.bytes += e->day[i].info.bytes;
        sum.blocks += e->day[i].info.blocks;
    }
    for (size_t i = 0; i < e->n_refs; i++) {
        sum.oldest_us = kd_min_u64(sum.oldest_us, e->ref[i].min_us);
        sum.newest_us = kd_max_u64(sum.newest_us, e->ref[i].max_us);
    }
    sum.days = (uint32_t)e->n_days;
    (void)pthread_mutex_unlock(&e->lock);
    if (sum.blocks == 0)
        sum.oldest_us = 0;
    return sum;
}

enum kd_status kd_events_days(struct kd_events *e, struct kd_day_info **ret, size_t *ret_n)
{
    (void)pthread_mutex_lock(&e->lock);
    struct kd_day_info *v = malloc((e->n_days + 1) * sizeof(*v));
    for (size_t i = 0; v != NULL && i < e->n_days; i++)
        v[i] = e->day[i].info;
    *ret_n = e->n_days;
    (void)pthread_mutex_unlock(&e->lock);
    if (v == NULL)
        return KD_NO_MEMORY;
    for (size_t i = 0; i < *ret_n; i++) {
        char name[32];
        int n = snprintf(name, sizeof(name), "%08u/hold", (unsigned)v[i].day);
        v[i].held = n > 0 && faccessat(e->root_fd, name, F_OK, 0) == 0;
    }
    *ret = v;
    return KD_OK;
}

static bool any_name(const char *name)
{
    return name[0] != '.';
}

enum kd_status kd_events_remove_day(struct kd_events *e, uint32_t number)
{
    KD_ASSERT(e->write);
    char name[16];
    kd_day_name(number, name);
    (void)pthread_mutex_lock(&e->lock);
    size_t kept = 0;
    for (size_t i = 0; i < e->n_refs; i++)
        if (e->ref[i].day != number)
            e->ref[kept++] = e->ref[i];
    e->n_refs = kept;
    kept = 0;
    for (size_t i = 0; i < e->n_days; i++)
        if (e->day[i].info.day != number)
            e->day[kept++] = e->day[i];
    e->n_days = kept;
    (void)pthread_mutex_unlock(&e->lock);
    KD_AUTO_FD dir = kd_file_dir(e->root_fd, name, false);
    struct kd_names names;
    if (dir < 0)
        return KD_SYSTEM;
    /* The index first: a crash in between leaves blocks nobody lists, not a list of blocks that are
     * gone. */
    (void)unlinkat(dir, "day.idx", 0);
    enum kd_status s = kd_file_list(dir, any_name, &names);
    for (size_t i = 0; s == KD_OK && i < names.n; i++)
        if (unlinkat(dir, names.v[i], 0) != 0 && errno != ENOENT)
            s = KD_SYSTEM;
    kd_names_done(&names);
    if (unlinkat(e->root_fd, name, AT_REMOVEDIR) != 0)
        s = KD_SYSTEM;
    return s;
}

enum kd_status kd_events_day_root(struct kd_events *e, uint32_t number, uint32_t *ret_blocks,
                                  uint8_t ret[KD_BLOCK_HASH])
{
    char name[32];
    int len = snprintf(name, sizeof(name), "%08u/day.idx", (unsigned)number);
    KD_ASSERT(len > 0 && (size_t)len < sizeof(name));
    KD_AUTO_FD idx = openat(e->root_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint64_t size = 0;
    if (idx < 0 || kd_file_size(idx, &size) != KD_OK)
        return KD_SYSTEM;
    return kd_idx_root(idx, size, UINT32_MAX, ret_blocks, ret);
}

struct kd_bytes kd_root_line(uint64_t seq, const uint8_t hash[KD_BLOCK_HASH], uint8_t room[KD_ROOT_LINE_MAX])
{
    struct kd_out o = kd_out_of(room, KD_ROOT_LINE_MAX);
    kd_out_hex(&o, kd_bytes_of(hash, KD_BLOCK_HASH));
    kd_out_fmt(&o, "  %016llu.block\n", (unsigned long long)seq);
    KD_ASSERT(kd_out_ok(&o));
    return kd_out_bytes_view(&o);
}

enum kd_status kd_idx_root(int idx, uint64_t size, uint32_t max_blocks, uint32_t *ret_blocks,
                           uint8_t ret[KD_BLOCK_HASH])
{
    struct kd_sha256 h;
    kd_sha256_start(&h);
    *ret_blocks = 0;
    struct kd_idx_fixed x;
    struct kd_block_fixed f;
    enum kd_status s = KD_OK;
    for (uint64_t off = 0; *ret_blocks < max_blocks; off += kd_idx_entry_len(&f), (*ret_blocks)++) {
        s = kd_idx_next(idx, size, off, &x, &f);
        if (s != KD_OK)
            break;
        uint8_t line[KD_ROOT_LINE_MAX];
        kd_sha256_add(&h, kd_root_line(f.seq, x.hash, line));
    }
    kd_sha256_end(&h, ret);
    return s == KD_OK || s == KD_NOT_FOUND ? KD_OK : s;
}
