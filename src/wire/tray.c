/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/tray.h"

#include "base/cursor.h"
#include "wire/record.h"

enum { ALIGN = KD_TRAY_JOB };

static uint8_t *ring_of(struct kd_tray *t)
{
    return (uint8_t *)t + KD_TRAY_HEAD;
}

static size_t aligned(size_t n)
{
    return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static bool room_of(size_t n, size_t *ret)
{
    *ret = n < KD_TRAY_HEAD ? 0 : (n - KD_TRAY_HEAD) & ~(size_t)(ALIGN - 1);
    return *ret >= 2 * (KD_RECORD_MAX + KD_TRAY_JOB);
}

static void put_head(uint8_t *at, uint32_t bytes, uint32_t content, uint32_t record)
{
    struct kd_out o = kd_out_of(at, KD_TRAY_JOB);
    kd_out_le32(&o, KD_TRAY_MAGIC);
    kd_out_le32(&o, bytes);
    kd_out_le32(&o, content);
    kd_out_le32(&o, record);
}

/* ---- the engine's side ---- */

/* What waits, by box's number; a number that cannot be means a full ring. */
static uint64_t waiting(const struct kd_tray_writer *w)
{
    uint64_t taken = atomic_load_explicit(&w->tray->taken, memory_order_acquire);
    return taken <= w->put && w->put - taken <= w->room ? w->put - taken : w->room;
}

bool kd_tray_writer_init(struct kd_tray_writer *w, void *mem, size_t n)
{
    *w = (struct kd_tray_writer){.tray = mem};
    if (!room_of(n, &w->room))
        return false;
    w->put = atomic_load_explicit(&w->tray->put, memory_order_relaxed);
    return w->put % ALIGN == 0;
}

bool kd_tray_put(struct kd_tray_writer *w, struct kd_bytes content, bool urgent)
{
    size_t most = w->room - KD_TRAY_JOB - KD_RECORD_MAX - ALIGN;
    w->open = false;
    if (content.n == 0 || content.n > most)
        return false;
    size_t need = aligned(KD_TRAY_JOB + content.n + KD_RECORD_MAX);
    size_t at = (size_t)(w->put % w->room), to_end = w->room - at;
    size_t skip = to_end < need ? to_end : 0;
    uint64_t used = waiting(w) + skip + need;
    if (used > (urgent ? w->room : w->room / 2))
        return false;
    if (skip > 0) {
        put_head(ring_of(w->tray) + at, (uint32_t)skip, 0, 0);
        w->put += skip;
        atomic_store_explicit(&w->tray->put, w->put, memory_order_release);
        at = 0;
    }
    memcpy(ring_of(w->tray) + at + KD_TRAY_JOB, content.p, content.n);
    w->at = at;
    w->content = (uint32_t)content.n;
    w->open = true;
    return true;
}

struct kd_out kd_tray_record(struct kd_tray_writer *w)
{
    return kd_out_of(ring_of(w->tray) + w->at + KD_TRAY_JOB + w->content, KD_RECORD_MAX);
}

bool kd_tray_done(struct kd_tray_writer *w, const struct kd_out *record)
{
    if (!w->open || !kd_out_ok(record) || record->n == 0)
        return w->open = false;
    size_t bytes = aligned(KD_TRAY_JOB + w->content + record->n);
    put_head(ring_of(w->tray) + w->at, (uint32_t)bytes, w->content, (uint32_t)record->n);
    w->open = false;
    w->put += bytes;
    atomic_store_explicit(&w->tray->put, w->put, memory_order_release);
    return true;
}

void kd_tray_left_out(struct kd_tray_writer *w, uint64_t n)
{
    (void)atomic_fetch_add_explicit(&w->tray->left_out, n, memory_order_relaxed);
}

bool kd_tray_is_empty(const struct kd_tray_writer *w)
{
    return waiting(w) == 0;
}

/* ---- box's side ---- */

bool kd_tray_reader_init(struct kd_tray_reader *r, void *mem, size_t n)
{
    *r = (struct kd_tray_reader){.tray = mem};
    return room_of(n, &r->room);
}

static void pass(struct kd_tray_reader *r, uint64_t to)
{
    atomic_store_explicit(&r->tray->begun, 0, memory_order_relaxed);
    atomic_store_explicit(&r->tray->taken, to, memory_order_release);
}

enum kd_status kd_tray_next(struct kd_tray_reader *r, uint8_t *room, size_t n, struct kd_tray_job *ret)
{
    for (;;) {
        uint64_t put = atomic_load_explicit(&r->tray->put, memory_order_acquire);
        uint64_t taken = atomic_load_explicit(&r->tray->taken, memory_order_relaxed);
        if (put == taken)
            return KD_NOT_FOUND;
        uint8_t head[KD_TRAY_JOB]; /* once, so that what is checked is what is used */
        uint64_t left = put - taken;
        size_t at = (size_t)(taken % r->room), to_end = r->room - at;
        if (put < taken || left > r->room || taken % ALIGN != 0 || left < ALIGN) {
            pass(r, put);
            return KD_MALFORMED;
        }
        memcpy(head, ring_of(r->tray) + at, sizeof(head));
        struct kd_cur c = kd_cur_of(kd_bytes_of(head, sizeof(head)));
        uint32_t magic = kd_cur_le32(&c), bytes = kd_cur_le32(&c), content = kd_cur_le32(&c), record = kd_cur_le32(&c);
        if (magic != KD_TRAY_MAGIC || bytes == 0 || bytes % ALIGN != 0 || bytes > left || bytes > to_end ||
            (uint64_t)KD_TRAY_JOB + content + record > bytes || record > KD_RECORD_MAX || (uint64_t)content + record > n) {
            pass(r, put);
            return KD_MALFORMED;
        }
        if (content == 0 && record == 0) {
            pass(r, taken + bytes);
            continue;
        }
        memcpy(room, ring_of(r->tray) + at + KD_TRAY_JOB, (size_t)content + record);
        ret->content = kd_bytes_of(room, content);
        ret->record = kd_bytes_of(room + content, record);
        ret->again = atomic_exchange_explicit(&r->tray->begun, 1, memory_order_relaxed) != 0;
        r->next = taken + bytes;
        return KD_OK;
    }
}

void kd_tray_taken(struct kd_tray_reader *r)
{
    pass(r, r->next);
}
