/* SPDX-License-Identifier: Apache-2.0 */
#include "store/packets.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hasher.h"
#include "packet/capwrite.h"

enum { ENGINES = 256, FILES_MAX = 64, CHUNK = 1 << 20, LINKS_MAX = 8 };

/* ---- the files ---- */

static bool is_ring(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strncmp(name, "engine-", 7) == 0 && strcmp(name + n - 5, ".ring") == 0;
}

enum kd_status kd_packets_each(int dir_fd, const char *folder,
                               enum kd_status (*each)(void *arg, const char *file, int fd,
                                                      uint64_t at, const struct kd_keep_head *h),
                               void *arg)
{
    KD_AUTO_FD dir = kd_file_dir(dir_fd, folder, false);
    struct kd_names names = {NULL, 0, 0};
    if (dir < 0)
        return KD_OK; /* none were ever kept */
    enum kd_status s = kd_file_list(dir, is_ring, &names);
    for (size_t i = 0; s == KD_OK && i < names.n; i++) {
        KD_AUTO_FD fd = openat(dir, names.v[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        uint64_t size = 0;
        s = fd < 0 ? KD_SYSTEM : kd_file_size(fd, &size);
        for (uint64_t at = 0; s == KD_OK && at + KD_KEEP_SEGMENT <= size; at += KD_KEEP_SEGMENT) {
            uint8_t head[KD_KEEP_HEAD];
            struct kd_keep_head h;
            s = kd_file_read(fd, at, head, sizeof(head));
            if (s == KD_OK && (kd_keep_head_read(kd_bytes_of(head, sizeof(head)), &h) != KD_OK || h.seq > 0))
                s = each(arg, names.v[i], fd, at, &h);
        }
    }
    kd_names_done(&names);
    return s;
}

enum kd_status kd_packets_hash(int fd, uint64_t at, const struct kd_keep_head *h,
                               uint8_t ret[KD_BLOCK_HASH])
{
    struct kd_keep_span part[KD_KEEP_PARTS];
    struct kd_sha256 sum;
    uint8_t *buf = malloc(CHUNK);
    enum kd_status s = buf == NULL ? KD_NO_MEMORY : KD_OK;
    kd_keep_parts(h, part);
    kd_sha256_start(&sum);
    for (size_t i = 0; s == KD_OK && i < KD_KEEP_PARTS; i++)
        for (uint64_t off = 0; s == KD_OK && off < part[i].n; off += CHUNK) {
            size_t n = (size_t)kd_min_u64(CHUNK, part[i].n - off);
            s = kd_file_read(fd, at + part[i].at + off, buf, n);
            kd_sha256_add(&sum, kd_bytes_of(buf, s == KD_OK ? n : 0));
        }
    kd_sha256_end(&sum, ret);
    free(buf);
    return s;
}

/* ---- sealing and holding ---- */

struct kd_packets {
    int dir_fd, zone_s;
    struct kd_seals *seals;
    uint64_t sealed[ENGINES]; /* the last segment of each engine that is */
    struct kd_day_info *day;
    size_t n_days;
    uint64_t now_us;
    bool done_one;
};

struct kd_packets *kd_packets_new(int dir_fd, int zone_s, struct kd_seals *seals)
{
    struct kd_packets *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->dir_fd = dir_fd;
    p->zone_s = zone_s;
    p->seals = seals;
    kd_seals_packets_done(seals, p->sealed, ENGINES);
    return p;
}

void kd_packets_free(struct kd_packets *p)
{
    free(p);
}

/* Does the segment hold packets of a held day? */
static bool day_is_held(const struct kd_packets *p, const struct kd_keep_head *h)
{
    uint32_t first = kd_day_of(h->first_us, p->zone_s), last = kd_day_of(h->last_us, p->zone_s);
    for (size_t i = 0; i < p->n_days; i++)
        if (p->day[i].held && p->day[i].day >= first && p->day[i].day <= last)
            return true;
    return false;
}

static void mark(const struct kd_packets *p, const char *folder, const char *file, uint64_t at, bool held)
{
    char path[96];
    uint8_t byte = held ? 1 : 0;
    (void)snprintf(path, sizeof(path), "%s/%.64s", folder, file);
    KD_AUTO_FD fd = openat(p->dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        kd_ignore(kd_file_write(fd, at + KD_KEEP_HELD_AT, kd_bytes_of(&byte, 1)));
}

static enum kd_status look_after(void *arg, const char *file, int fd, uint64_t at,
                                 const struct kd_keep_head *h)
{
    struct kd_packets *p = arg;
    if (h->seq == 0)
        return KD_OK; /* damaged: verify tells */
    bool held = day_is_held(p, h);
    if (held != h->held)
        mark(p, "packets", file, at, held);
    /* The next in line: out of order, the one before would stay unsealed for ever. */
    if (!h->closed || h->engine >= ENGINES || h->seq != p->sealed[h->engine] + 1 || p->done_one)
        return KD_OK;
    uint8_t hash[KD_BLOCK_HASH];
    enum kd_status s = kd_packets_hash(fd, at, h, hash);
    if (s == KD_OK)
        s = kd_seals_packets(p->seals, h, hash, p->now_us);
    if (s == KD_OK)
        p->sealed[h->engine] = h->seq;
    p->done_one = true;
    return s == KD_TRUNCATED ? KD_OK : s;
}

/* Contents of files need no seal: they are known by a digest that stands in sealed records. */
static enum kd_status hold_files(void *arg, const char *file, int fd, uint64_t at, const struct kd_keep_head *h)
{
    const struct kd_packets *p = arg;
    (void)fd;
    bool held = h->seq > 0 && day_is_held(p, h);
    if (held != h->held)
        mark(p, "files", file, at, held);
    return KD_OK;
}

/* Segments lie in the file in a circle: the lowest number that is not sealed comes first. */
static enum kd_status lowest(void *arg, const char *file, int fd, uint64_t at,
                             const struct kd_keep_head *h)
{
    uint64_t *next = arg;
    (void)file, (void)fd, (void)at;
    if (h->closed && h->engine < ENGINES && h->seq > next[h->engine * 2] &&
        (next[h->engine * 2 + 1] == 0 || h->seq < next[h->engine * 2 + 1]))
        next[h->engine * 2 + 1] = h->seq;
    return KD_OK;
}

void kd_packets_tick(struct kd_packets *p, struct kd_events *e, uint64_t now_us, bool all)
{
    static uint64_t next[ENGINES * 2];
    p->now_us = now_us;
    if (kd_events_days(e, &p->day, &p->n_days) != KD_OK)
        return;
    for (bool more = true; more; more = all && p->done_one) {
        for (size_t i = 0; i < ENGINES; i++) {
            next[2 * i] = p->sealed[i];
            next[2 * i + 1] = 0;
        }
        p->done_one = false;
        if (kd_packets_each(p->dir_fd, "packets", lowest, next) != KD_OK)
            break;
        /* What was overwritten before its turn is passed over. */
        for (size_t i = 0; i < ENGINES; i++)
            if (next[2 * i + 1] > 0)
                p->sealed[i] = next[2 * i + 1] - 1;
        if (kd_packets_each(p->dir_fd, "packets", look_after, p) != KD_OK)
            break;
    }
    kd_ignore(kd_packets_each(p->dir_fd, "files", hold_files, p));
    free(p->day);
    p->day = NULL;
    p->n_days = 0;
}

/* ---- finding ---- */

struct frame {
    uint64_t ts_us;
    uint32_t file, segment, at;
};

struct ring_file {
    uint8_t *mem;
    size_t n;
};

struct kd_packets_found {
    struct ring_file file[FILES_MAX];
    size_t n_files;
    struct frame *frame;
    size_t n, room, next;
    uint32_t link[LINKS_MAX];
    size_t n_links;
    bool begun;
    uint8_t out[CHUNK];
};

void kd_packets_found_free(struct kd_packets_found *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n_files; i++)
        (void)munmap(f->file[i].mem, f->file[i].n);
    free(f->frame);
    free(f);
}

static struct kd_bytes segment_of(const struct kd_packets_found *f, uint32_t file, uint32_t segment)
{
    return kd_bytes_of(f->file[file].mem + (size_t)segment * KD_KEEP_SEGMENT, KD_KEEP_SEGMENT);
}

static enum kd_status map_files(struct kd_packets_found *f, int dir_fd)
{
    KD_AUTO_FD dir = kd_file_dir(dir_fd, "packets", false);
    struct kd_names names = {NULL, 0, 0};
    if (dir < 0)
        return KD_OK;
    enum kd_status s = kd_file_list(dir, is_ring, &names);
    for (size_t i = 0; s == KD_OK && i < names.n && f->n_files < FILES_MAX; i++) {
        KD_AUTO_FD fd = openat(dir, names.v[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        uint64_t size = 0;
        s = fd < 0 ? KD_SYSTEM : kd_file_size(fd, &size);
        size = size / KD_KEEP_SEGMENT * KD_KEEP_SEGMENT;
        if (s != KD_OK || size == 0)
            continue;
        void *mem = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
        if (mem == MAP_FAILED)
            s = KD_SYSTEM;
        else
            f->file[f->n_files++] = (struct ring_file){mem, (size_t)size};
    }
    kd_names_done(&names);
    return s;
}

static bool note_link(struct kd_packets_found *f, uint32_t link)
{
    for (size_t i = 0; i < f->n_links; i++)
        if (f->link[i] == link)
            return true;
    if (f->n_links == LINKS_MAX)
        return false;
    f->link[f->n_links++] = link;
    return true;
}

static enum kd_status add_frame(struct kd_packets_found *f, const struct frame *frame)
{
    if (f->n == f->room) {
        size_t room = f->room * 2 + 4096;
        struct frame *p = realloc(f->frame, room * sizeof(*p));
        if (p == NULL)
            return KD_NO_MEMORY;
        f->frame = p;
        f->room = room;
    }
    f->frame[f->n++] = *frame;
    return KD_OK;
}

static enum kd_status search(struct kd_packets_found *f, uint32_t file, uint32_t segment,
                             const struct kd_keep_query *q, struct kd_packets_sum *sum)
{
    struct kd_keep_reader r;
    struct kd_captured c;
    uint32_t at;
    enum kd_status s = kd_keep_open(&r, segment_of(f, file, segment), q);
    if (r.head.frames > 0 && (sum->oldest_us == 0 || r.head.first_us < sum->oldest_us))
        sum->oldest_us = r.head.first_us;
    if (r.head.first_us <= q->to_us && r.head.last_us >= q->from_us)
        sum->left_out += r.head.left_out;
    if (s != KD_OK)
        return KD_OK; /* nothing there, or damaged: verify tells */
    while (s == KD_OK && !sum->truncated && kd_keep_next(&r, &c, &at)) {
        if (!note_link(f, c.link))
            continue;
        sum->truncated = f->n == KD_PACKETS_MAX;
        if (sum->truncated)
            break;
        sum->bytes += kd_pcapng_frame_bytes(&c);
        s = add_frame(f, &(struct frame){c.ts_us, file, segment, at});
    }
    return s;
}

static int by_time(const void *a, const void *b)
{
    const struct frame *x = a;
    const struct frame *y = b;
    if (x->ts_us != y->ts_us)
        return x->ts_us < y->ts_us ? -1 : 1;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static struct kd_out front(struct kd_packets_found *f)
{
    struct kd_out o = kd_out_of(f->out, sizeof(f->out));
    kd_pcapng_section(&o, "kidoban: from the packet ring");
    for (size_t i = 0; i < f->n_links; i++)
        kd_pcapng_interface(&o, f->link[i]);
    return o;
}

enum kd_status kd_packets_find(int dir_fd, const struct kd_keep_query *q,
                               struct kd_packets_found **ret, struct kd_packets_sum *ret_sum,
                               struct kd_err *err)
{
    struct kd_packets_found *f = calloc(1, sizeof(*f));
    *ret_sum = (struct kd_packets_sum){0};
    if (f == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "packets");
    enum kd_status s = map_files(f, dir_fd);
    for (uint32_t i = 0; s == KD_OK && i < f->n_files; i++)
        for (uint32_t k = 0; s == KD_OK && k < f->file[i].n / KD_KEEP_SEGMENT; k++)
            s = search(f, i, k, q, ret_sum);
    if (s == KD_OK && f->n == 0)
        s = KD_NOT_FOUND;
    if (s != KD_OK) {
        kd_packets_found_free(f);
        return s == KD_NOT_FOUND ? s : kd_fail_sys(err, s, "packet ring", "packets", errno);
    }
    qsort(f->frame, f->n, sizeof(*f->frame), by_time);
    ret_sum->frames = f->n;
    ret_sum->bytes += front(f).n;
    *ret = f;
    return KD_OK;
}

/* A frame that the ring overwrote meanwhile is left out; who announced the size finds it short. */
static void put_frame(struct kd_packets_found *f, struct kd_out *o, const struct frame *frame)
{
    struct kd_captured c;
    uint32_t interface = 0;
    if (!kd_keep_frame(segment_of(f, frame->file, frame->segment), frame->at, &c))
        return;
    while (interface + 1 < f->n_links && f->link[interface] != c.link)
        interface++;
    kd_pcapng_frame_begin(o, interface, &c);
    kd_out_bytes(o, c.bytes);
    kd_pcapng_frame_end(o, &c);
}

enum kd_status kd_packets_read(void *found, struct kd_bytes *ret, bool *ret_more)
{
    struct kd_packets_found *f = found;
    struct kd_out o = f->begun ? kd_out_of(f->out, sizeof(f->out)) : front(f);
    f->begun = true;
    while (f->next < f->n) {
        size_t before = o.n;
        struct kd_captured c;
        const struct frame *frame = &f->frame[f->next];
        if (kd_keep_frame(segment_of(f, frame->file, frame->segment), frame->at, &c) &&
            kd_pcapng_frame_bytes(&c) > sizeof(f->out) - before)
            break;
        put_frame(f, &o, frame);
        f->next++;
    }
    *ret = kd_out_bytes_view(&o);
    *ret_more = f->next < f->n;
    return kd_out_ok(&o) && (o.n > 0 || !*ret_more) ? KD_OK : KD_MALFORMED;
}
