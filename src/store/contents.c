/* SPDX-License-Identifier: Apache-2.0 */
#include "store/contents.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/hasher.h"
#include "store/packets.h"

struct search {
    struct kd_bytes sha256;
    struct kd_content *found;
    uint64_t oldest_us;
};

static bool is_it(struct kd_bytes content, struct kd_bytes sha256)
{
    struct kd_sha256 sum;
    uint8_t have[KD_SHA256_BYTES];
    kd_sha256_start(&sum);
    kd_sha256_add(&sum, content);
    kd_sha256_end(&sum, have);
    return kd_bytes_eq(kd_bytes_of(have, sizeof(have)), sha256);
}

/* The engine may be writing into the segment: what is checked is the copy. */
static enum kd_status copy(struct search *s, const struct kd_captured *c)
{
    uint8_t *bytes = malloc(c->bytes.n > 0 ? c->bytes.n : 1);
    if (bytes == NULL)
        return KD_NO_MEMORY;
    if (c->bytes.n > 0)
        memcpy(bytes, c->bytes.p, c->bytes.n);
    if (c->link != KD_KEEP_CONTENT || !is_it(kd_bytes_of(bytes, c->bytes.n), s->sha256)) {
        free(bytes);
        return KD_NOT_FOUND;
    }
    *s->found = (struct kd_content){bytes, c->bytes.n, c->ts_us};
    return KD_OK;
}

static enum kd_status look_in(struct search *s, struct kd_bytes segment)
{
    struct kd_keep_query q = {.flow = kd_keep_content_key(s->sha256), .to_us = UINT64_MAX};
    struct kd_keep_reader r;
    struct kd_captured c;
    uint32_t at;
    enum kd_status status = kd_keep_open(&r, segment, &q);
    if (r.head.frames > 0 && (s->oldest_us == 0 || r.head.first_us < s->oldest_us))
        s->oldest_us = r.head.first_us;
    if (status != KD_OK)
        return KD_OK; /* not in this one, or damaged */
    while (s->found->bytes == NULL && kd_keep_next(&r, &c, &at)) {
        status = copy(s, &c);
        if (status == KD_NO_MEMORY)
            return status;
    }
    return KD_OK;
}

static enum kd_status each(void *arg, const char *file, int fd, uint64_t at, const struct kd_keep_head *h)
{
    struct search *s = arg;
    (void)file;
    if (h->seq == 0 || s->found->bytes != NULL)
        return KD_OK;
    void *mem = mmap(NULL, KD_KEEP_SEGMENT, PROT_READ, MAP_SHARED, fd, (off_t)at);
    if (mem == MAP_FAILED)
        return KD_SYSTEM;
    enum kd_status status = look_in(s, kd_bytes_of(mem, KD_KEEP_SEGMENT));
    (void)munmap(mem, KD_KEEP_SEGMENT);
    return status;
}

enum kd_status kd_content_find(int dir_fd, const uint8_t sha256[32], struct kd_content *ret,
                               uint64_t *ret_oldest_us, struct kd_err *err)
{
    struct search s = {.sha256 = kd_bytes_of(sha256, KD_SHA256_BYTES), .found = ret};
    *ret = (struct kd_content){0};
    enum kd_status status = kd_packets_each(dir_fd, "files", each, &s);
    *ret_oldest_us = s.oldest_us;
    if (ret->bytes != NULL)
        return KD_OK;
    return status == KD_OK ? KD_NOT_FOUND : kd_fail_sys(err, status, "contents of files", "files", errno);
}
