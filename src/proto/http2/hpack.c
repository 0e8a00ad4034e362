/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http2/http2.h"

enum { MEMORY_MAX = 256 * 1024, LABEL = 16 }; /* LABEL: before each block, its size */

static void *take(size_t n, void *arg)
{
    struct h2_memory *m = arg;
    size_t size = 0;
    if (n > MEMORY_MAX || m->used + n + LABEL > MEMORY_MAX)
        return NULL;
    uint8_t *p = kd_pool_take(m->pool, n + LABEL, &size);
    if (p == NULL)
        return NULL;
    m->used += size;
    memcpy(p, &size, sizeof(size));
    return p + LABEL;
}

static size_t size_of(const void *p)
{
    size_t size;
    memcpy(&size, (const uint8_t *)p - LABEL, sizeof(size));
    return size;
}

static void give(void *p, void *arg)
{
    struct h2_memory *m = arg;
    if (p == NULL)
        return;
    size_t size = size_of(p);
    m->used -= size;
    kd_pool_give(m->pool, (uint8_t *)p - LABEL, size);
}

static void *take_zeroed(size_t n, size_t each, void *arg)
{
    if (each != 0 && n > MEMORY_MAX / each)
        return NULL;
    void *p = take(n * each, arg);
    if (p != NULL)
        memset(p, 0, n * each);
    return p;
}

static void *take_again(void *p, size_t n, void *arg)
{
    void *more = take(n, arg);
    if (more != NULL && p != NULL) {
        memcpy(more, p, kd_min_size(n, size_of(p) - LABEL));
        give(p, arg);
    }
    return more;
}

static bool begin(struct kd_ctx *ctx, struct h2_side *side)
{
    if (side->inflater != NULL)
        return true;
    side->memory.pool = ctx->pool;
    side->memory.mem = (nghttp2_mem){&side->memory, take, give, take_zeroed, take_again};
    if (nghttp2_hd_inflate_new2(&side->inflater, &side->memory.mem) == 0)
        return true;
    side->inflater = NULL;
    return false;
}

void h2_inflate_end(struct h2_side *side)
{
    if (side->inflater != NULL)
        nghttp2_hd_inflate_del(side->inflater);
    side->inflater = NULL;
}

/* Only enlarged: who makes it smaller says so in the next block itself. */
void h2_table_size(struct kd_ctx *ctx, enum kd_dir dir, uint32_t bytes)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    if (bytes > NGHTTP2_DEFAULT_HEADER_TABLE_SIZE && begin(ctx, side))
        (void)nghttp2_hd_inflate_change_table_size(side->inflater, kd_min_u64(bytes, H2_TABLE_MAX));
}

static bool add(const struct kd_ctx *ctx, struct kd_buf *buf, struct kd_bytes text)
{
    return kd_buf_add(buf, ctx->pool, text, H2_HEAD_MAX);
}

/* Line ends in a value would make fields of it. */
static bool is_clean(struct kd_bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\r' || text.p[i] == '\n')
            return false;
    return true;
}

static struct kd_buf *pseudo(struct h2_head *h, struct kd_bytes name)
{
    if (kd_bytes_eq_str(name, ":method"))
        return &h->method;
    if (kd_bytes_eq_str(name, ":path"))
        return &h->path;
    if (kd_bytes_eq_str(name, ":scheme"))
        return &h->scheme;
    if (kd_bytes_eq_str(name, ":authority"))
        return &h->authority;
    return kd_bytes_eq_str(name, ":status") ? &h->status : NULL;
}

static void keep(struct kd_ctx *ctx, struct h2_head *h, struct kd_bytes name, struct kd_bytes value)
{
    if (!is_clean(name) || !is_clean(value)) {
        h2_event(ctx, H2_EV_HEAD_BROKEN);
        return;
    }
    if (kd_bytes_at(name, 0) == ':') {
        struct kd_buf *part = pseudo(h, name);
        if (part != NULL && part->n == 0)
            h->cut |= !add(ctx, part, value);
        return;
    }
    if (h->n_fields++ >= ctx->lim->http_headers || h->cut || h->fields.n + name.n + value.n + 4 > H2_HEAD_MAX) {
        h->cut = true;
        return;
    }
    h->cut |= !add(ctx, &h->fields, name) || !add(ctx, &h->fields, kd_str(": ")) || !add(ctx, &h->fields, value) ||
              !add(ctx, &h->fields, kd_str("\r\n"));
}

enum kd_status h2_inflate(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes block, struct h2_head *ret)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    *ret = (struct h2_head){0};
    if (!begin(ctx, side))
        return KD_LIMIT;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(side->inflater, &nv, &flags, block.p, block.n, 1);
        if (n < 0)
            return KD_MALFORMED;
        block = kd_bytes_from(block, (size_t)n);
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            keep(ctx, ret, kd_bytes_of(nv.name, nv.namelen), kd_bytes_of(nv.value, nv.valuelen));
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.n == 0)
            break;
    }
    (void)nghttp2_hd_inflate_end_headers(side->inflater);
    if (ret->cut)
        h2_event(ctx, H2_EV_HEAD_TOO_LONG);
    return KD_OK;
}

void h2_head_done(const struct kd_ctx *ctx, struct h2_head *head)
{
    kd_buf_done(&head->method, ctx->pool);
    kd_buf_done(&head->path, ctx->pool);
    kd_buf_done(&head->scheme, ctx->pool);
    kd_buf_done(&head->authority, ctx->pool);
    kd_buf_done(&head->status, ctx->pool);
    kd_buf_done(&head->fields, ctx->pool);
}
