/* SPDX-License-Identifier: Apache-2.0 */
/* A host's records in a block as JSON lines: made when a package is written, and made again from the
 * block when it is checked. */
#include "base/pool.h"
#include "store/package.h"

enum { MEMORY = 4 << 20, BODY_MAX = 8192 };

struct line {
    uint64_t ts_us, id;
    uint32_t group, row;
};

struct kd_package_lines {
    struct kd_hunt_eval *eval;
    struct kd_pool *pool;
    uint64_t from_us, to_us;
    int zone_s;
    uint8_t *match, *json, *body;
    struct line *line;
    size_t n;
};

struct kd_package_lines *kd_package_lines_new(const struct kd_hunt_expr *e, uint64_t from_us,
                                              uint64_t to_us, int zone_s)
{
    struct kd_package_lines *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->from_us = from_us;
    l->to_us = to_us;
    l->zone_s = zone_s;
    l->eval = kd_hunt_eval_new(e);
    l->pool = kd_pool_new(2 * MEMORY);
    l->match = malloc(KD_BLOCK_ROWS);
    l->json = malloc(KD_JSON_MAX + 1);
    l->body = malloc(BODY_MAX);
    l->line = malloc(KD_BLOCK_ROWS * sizeof(*l->line));
    if (l->eval != NULL && l->pool != NULL && l->match != NULL && l->json != NULL &&
        l->body != NULL && l->line != NULL)
        return l;
    kd_package_lines_free(l);
    return NULL;
}

void kd_package_lines_free(struct kd_package_lines *l)
{
    if (l == NULL)
        return;
    kd_hunt_eval_free(l->eval);
    kd_pool_free(l->pool);
    free(l->match);
    free(l->json);
    free(l->body);
    free(l->line);
    free(l);
}

/* The rows of one group that count. */
static enum kd_status gather(struct kd_package_lines *l, struct kd_block_reader *r, size_t group)
{
    size_t n = 0;
    enum kd_status s = kd_hunt_eval(l->eval, r, group, l->match, &n);
    if (s != KD_OK || n == 0)
        return s;
    const struct kd_loaded *ts = kd_block_column(r, group, KD_LEAF_TS, &s);
    const struct kd_loaded *id =
        s == KD_OK ? kd_block_column(r, group, KD_LEAF_ID, &s) : NULL;
    uint32_t rows = kd_block_current(r)->group[group].rows;
    for (uint32_t i = 0; s == KD_OK && i < rows; i++) {
        uint64_t at = ts == NULL ? 0 : ts->number[i];
        if (l->match[i] && at >= l->from_us && at <= l->to_us && l->n < KD_BLOCK_ROWS)
            l->line[l->n++] = (struct line){at, id == NULL ? 0 : id->number[i], (uint32_t)group, i};
    }
    return s;
}

static int by_time(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;
    if (x->ts_us != y->ts_us)
        return x->ts_us < y->ts_us ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static enum kd_status print(struct kd_package_lines *l, struct kd_block_reader *r,
                            const struct line *line, struct kd_heap *ret)
{
    struct kd_arena mem;
    struct kd_rec_head head;
    kd_arena_init(&mem, l->pool, MEMORY);
    enum kd_status s = kd_block_record(r, line->group, line->row, &mem, &head, l->body);
    struct kd_out o = kd_out_of(l->json, KD_JSON_MAX + 1);
    if (s == KD_OK) {
        kd_record_json(&o, &head, l->body, l->zone_s);
        kd_out_u8(&o, '\n');
        if (!kd_heap_room(ret, o.n))
            s = KD_NO_MEMORY;
    }
    if (s == KD_OK) {
        memcpy(ret->p + ret->n, l->json, o.n);
        ret->n += o.n;
    }
    kd_arena_done(&mem);
    return s;
}

enum kd_status kd_package_lines(struct kd_package_lines *l, struct kd_block_reader *r,
                                struct kd_heap *ret, uint64_t *ret_lines)
{
    const struct kd_block_head *h = kd_block_current(r);
    enum kd_status s = KD_OK;
    l->n = 0;
    ret->n = 0;
    for (size_t g = 0; s == KD_OK && g < h->n_groups; g++)
        s = gather(l, r, g);
    if (l->n > 0)
        qsort(l->line, l->n, sizeof(*l->line), by_time);
    for (size_t i = 0; s == KD_OK && i < l->n; i++)
        s = print(l, r, &l->line[i], ret);
    *ret_lines = l->n;
    return s;
}
