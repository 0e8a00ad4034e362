/* SPDX-License-Identifier: Apache-2.0 */
#include "store/json_log.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { BUFFER = 4 * KD_JSON_MAX, MEMORY = 4 << 20, BODY_MAX = 8192, QUERY_LINE = 4096 };

struct kd_json_log {
    int fd;
    int zone_s;
    uint64_t lines;
    struct kd_pool *pool;
    struct kd_arena mem;
    struct kd_out out;
    uint64_t body[BODY_MAX / sizeof(uint64_t)];
    uint8_t buffer[BUFFER];
};

struct kd_json_log *kd_json_log_new(int fd, int zone_s)
{
    struct kd_json_log *l = malloc(sizeof(*l));
    struct kd_pool *pool = kd_pool_new(MEMORY);
    if (l == NULL || pool == NULL) {
        kd_pool_free(pool);
        free(l);
        return NULL;
    }
    for (unsigned t = 0; t < 64; t++)
        KD_ASSERT(kd_schemas[t] == NULL || kd_schemas[t]->size <= BODY_MAX);
    l->fd = fd;
    l->zone_s = zone_s;
    l->lines = 0;
    l->pool = pool;
    kd_arena_init(&l->mem, pool, MEMORY);
    l->out = kd_out_of(l->buffer, sizeof(l->buffer));
    return l;
}

void kd_json_log_free(struct kd_json_log *l)
{
    if (l == NULL)
        return;
    kd_arena_done(&l->mem);
    kd_pool_free(l->pool);
    free(l);
}

uint64_t kd_json_log_lines(const struct kd_json_log *l)
{
    return l->lines;
}

enum kd_status kd_json_log_flush(struct kd_json_log *l)
{
    struct kd_bytes rest = kd_out_bytes_view(&l->out);
    l->out.n = 0;
    l->out.full = false;
    while (rest.n > 0) {
        ssize_t put = write(l->fd, rest.p, rest.n);
        if (put >= 0) {
            rest = kd_bytes_from(rest, (size_t)put);
            continue;
        }
        struct pollfd p = {.fd = l->fd, .events = POLLOUT};
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN && poll(&p, 1, -1) >= 0)
            continue;
        return errno == ENOSPC || errno == EDQUOT ? KD_FULL
               : errno == EPIPE                   ? KD_CLOSED
                                                  : KD_SYSTEM;
    }
    return KD_OK;
}

enum kd_status kd_json_log_batch(struct kd_json_log *l, struct kd_bytes batch)
{
    struct kd_cur c = kd_cur_of(batch);
    struct kd_rec_head h;
    struct kd_bytes body, whole;
    enum kd_status s;
    enum kd_status bad = KD_OK;
    while ((s = kd_record_next(&c, &h, &body, &whole)) == KD_OK) {
        if (l->out.max - l->out.n < KD_JSON_MAX + QUERY_LINE) {
            enum kd_status put = kd_json_log_flush(l);
            if (put != KD_OK)
                return put;
        }
        if (kd_body_decode(kd_schema_of(h.type), body, &l->mem, l->body) == KD_OK) {
            size_t start = l->out.n;
            kd_record_lines(&l->out, &h, l->body, l->zone_s);
            if (!kd_out_ok(&l->out)) { /* longer than any line may be: left out whole */
                l->out.n = start;
                l->out.full = false;
                bad = KD_LIMIT;
            }
            l->lines += bad == KD_OK;
        } else {
            bad = KD_MALFORMED;
        }
        if (l->mem.used > 0)
            kd_arena_done(&l->mem);
    }
    return s == KD_NOT_FOUND ? bad : KD_MALFORMED;
}
