/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/json_lines.h"

#include "os/fd.h"

enum { ROOM = 2 * KD_JSON_MAX, POOL_BYTES = 4 << 20, BODY_MAX = 4096 };

struct kd_json_lines {
    int fd, zone_s;
    struct kd_pool *pool;
    struct kd_arena mem; /* lists of the record in hand */
    size_t n;
    uint8_t room[ROOM + 1];
};

struct kd_json_lines *kd_json_lines_new(int fd, int zone_s)
{
    struct kd_json_lines *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return NULL;
    j->fd = fd;
    j->zone_s = zone_s;
    j->pool = kd_pool_new(POOL_BYTES);
    if (j->pool == NULL) {
        free(j);
        return NULL;
    }
    kd_arena_init(&j->mem, j->pool, POOL_BYTES);
    return j;
}

void kd_json_lines_free(struct kd_json_lines *j)
{
    if (j == NULL)
        return;
    kd_arena_done(&j->mem);
    kd_pool_free(j->pool);
    free(j);
}

enum kd_status kd_json_lines_flush(struct kd_json_lines *j)
{
    size_t n = j->n;
    j->n = 0;
    return n > 0 ? kd_fd_write_all(j->fd, kd_bytes_of(j->room, n)) : KD_OK;
}

static enum kd_status line(struct kd_json_lines *j, const struct kd_rec_head *head, struct kd_bytes encoded)
{
    _Alignas(uint64_t) uint8_t body[BODY_MAX];
    if (head->type > KD_REC_MAX || kd_schemas[head->type] == NULL)
        return KD_MALFORMED;
    KD_ASSERT(kd_schemas[head->type]->size <= sizeof(body));
    kd_arena_done(&j->mem);
    enum kd_status s = kd_body_decode(kd_schemas[head->type], encoded, &j->mem, body);
    if (s != KD_OK)
        return s;
    struct kd_out o = kd_out_of(j->room + j->n, ROOM - j->n);
    kd_record_json(&o, head, body, j->zone_s);
    if (!kd_out_ok(&o))
        return KD_LIMIT;
    j->n += o.n;
    j->room[j->n++] = '\n';
    return KD_OK;
}

enum kd_status kd_json_lines_batch(struct kd_json_lines *j, struct kd_bytes batch)
{
    struct kd_cur c = kd_cur_of(batch);
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    enum kd_status s, lost = KD_OK;
    while ((s = kd_record_next(&c, &head, &body, &whole)) == KD_OK) {
        if (j->n > ROOM - KD_JSON_MAX && (s = kd_json_lines_flush(j)) != KD_OK)
            return s;
        if ((s = line(j, &head, body)) != KD_OK)
            lost = s;
    }
    return s == KD_NOT_FOUND ? lost : s;
}
