/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/block.h"

enum {
    HEAD_BYTES = 16,
    FRAME_HEAD = 16,
    FRAME_MAX = KD_BATCH_MAX,
    FILE_MAX = 2 * KD_BLOCK_BYTES + (KD_BLOCK_BYTES / 16)
};

static void name_of(uint64_t number, char ret[32])
{
    int n = snprintf(ret, 32, "%016" PRIx64 ".wal", number);
    KD_ASSERT(n == 20);
}

enum kd_status kd_journal_create(int dir_fd, uint64_t number, struct kd_journal *ret)
{
    char name[32];
    name_of(number, name);
    KD_AUTO_FD fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == ENOSPC ? KD_FULL : KD_SYSTEM;
    uint8_t head[HEAD_BYTES];
    struct kd_out o = kd_out_of(head, sizeof(head));
    kd_out_str(&o, "KDJ1");
    kd_out_le32(&o, 0);
    kd_out_le64(&o, number);
    enum kd_status s = kd_file_write(fd, 0, kd_out_bytes_view(&o));
    if (s != KD_OK) {
        (void)unlinkat(dir_fd, name, 0);
        return s;
    }
    *ret = (struct kd_journal){fd, number, HEAD_BYTES, true};
    fd = -1;
    return KD_OK;
}

void kd_journal_close(struct kd_journal *j)
{
    if (j->fd >= 0)
        (void)close(j->fd);
    j->fd = -1;
}

void kd_journal_remove(int dir_fd, uint64_t number)
{
    char name[32];
    name_of(number, name);
    (void)unlinkat(dir_fd, name, 0);
}

static uint64_t frame_sum(struct kd_bytes lengths, struct kd_bytes payload)
{
    uint64_t seed = 0;
    for (size_t i = 0; i < lengths.n; i++)
        seed |= (uint64_t)lengths.p[i] << (8 * i);
    return kd_hash(payload.p, payload.n, seed);
}

enum kd_status kd_journal_append(struct kd_journal *j, struct kd_bytes records, size_t n_records)
{
    uint8_t head[FRAME_HEAD];
    struct kd_out o = kd_out_of(head, sizeof(head));
    kd_out_le32(&o, (uint32_t)records.n);
    kd_out_le32(&o, (uint32_t)n_records);
    kd_out_le64(&o, frame_sum(kd_out_bytes_view(&o), records));
    KD_ASSERT(records.n <= FRAME_MAX && j->fd >= 0);
    struct iovec v[2] = {{head, sizeof(head)}, {(void *)(uintptr_t)records.p, records.n}};
    ssize_t put = pwritev(j->fd, v, 2, (off_t)j->size);
    if (put == (ssize_t)(sizeof(head) + records.n)) {
        j->size += (uint64_t)put;
        j->unsynced = true;
        return KD_OK;
    }
    /* A short write is what a disk that is full gives first. */
    bool full = put >= 0 || errno == ENOSPC || errno == EDQUOT;
    if (ftruncate(j->fd, (off_t)j->size) != 0)
        return KD_SYSTEM;
    return full ? KD_FULL : KD_SYSTEM;
}

enum kd_status kd_journal_sync(struct kd_journal *j)
{
    if (j->fd < 0 || !j->unsynced)
        return KD_OK;
    if (fdatasync(j->fd) != 0)
        return errno == ENOSPC ? KD_FULL : KD_SYSTEM;
    j->unsynced = false;
    return KD_OK;
}

enum kd_status kd_journal_parse(struct kd_bytes file, size_t max, uint64_t *ret_number,
                                struct kd_heap *records, uint64_t *ret_size)
{
    struct kd_cur c = kd_cur_of(file);
    struct kd_bytes magic = kd_cur_take(&c, 4);
    (void)kd_cur_le32(&c);
    *ret_number = kd_cur_le64(&c);
    *ret_size = 0;
    if (!kd_cur_ok(&c) || !kd_bytes_eq_str(magic, "KDJ1"))
        return KD_MALFORMED;
    *ret_size = c.taken;
    while (kd_cur_more(&c)) {
        struct kd_bytes lengths = kd_cur_take(&c, 8);
        struct kd_cur l = kd_cur_of(lengths);
        uint32_t n = kd_cur_le32(&l);
        uint64_t sum = kd_cur_le64(&c);
        struct kd_bytes payload = kd_cur_take(&c, n <= FRAME_MAX ? n : SIZE_MAX);
        if (!kd_cur_ok(&c) || frame_sum(lengths, payload) != sum)
            return KD_OK; /* the torn tail */
        if (payload.n > max - kd_min_size(records->n, max))
            return KD_LIMIT;
        if (!kd_heap_room(records, payload.n))
            return KD_NO_MEMORY;
        if (payload.n > 0)
            memcpy(records->p + records->n, payload.p, payload.n);
        records->n += payload.n;
        *ret_size = c.taken;
    }
    return KD_OK;
}

static bool is_journal(const char *name)
{
    return strlen(name) == 20 && strspn(name, "0123456789abcdef") == 16 &&
           strcmp(name + 16, ".wal") == 0;
}

enum kd_status kd_journal_list(int dir_fd, uint64_t *ret, size_t max, size_t *ret_n)
{
    struct kd_names names;
    enum kd_status s = kd_file_list(dir_fd, is_journal, &names);
    if (s != KD_OK)
        return s;
    *ret_n = kd_min_size(names.n, max);
    for (size_t i = 0; i < *ret_n; i++)
        ret[i] = strtoull(names.v[names.n - *ret_n + i], NULL, 16);
    kd_names_done(&names);
    return KD_OK;
}

enum kd_status kd_journal_load(int dir_fd, uint64_t number, bool repair, struct kd_heap *records,
                               struct kd_journal *ret)
{
    char name[32];
    name_of(number, name);
    struct kd_heap file = {NULL, 0, 0};
    enum kd_status s = kd_file_load(dir_fd, name, FILE_MAX, &file);
    uint64_t said = 0;
    uint64_t size = 0;
    if (s == KD_OK)
        s = kd_journal_parse(kd_bytes_of(file.p, file.n), FILE_MAX, &said, records, &size);
    bool torn = size < file.n;
    kd_heap_done(&file);
    if (s == KD_OK && said != number)
        s = KD_MALFORMED;
    if (s != KD_OK || !repair)
        return s;
    KD_AUTO_FD fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || (torn && ftruncate(fd, (off_t)size) != 0))
        return KD_SYSTEM;
    *ret = (struct kd_journal){fd, number, size, true};
    fd = -1;
    return KD_OK;
}
