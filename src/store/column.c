/* SPDX-License-Identifier: Apache-2.0 */
#include "store/column.h"

#include "base/hash.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_SLOTS = 256, FIRST_ROOM = 1024, CODE_ABSENT = 0, CODE_NEW = 1, CODE_OLD = 2 };

bool kd_heap_room(struct kd_heap *h, size_t more)
{
    if (more <= h->room - h->n)
        return true;
    size_t room = h->room == 0 ? 4096 : h->room;
    while (room - h->n < more) {
        if (room > SIZE_MAX / 2)
            return false;
        room *= 2;
    }
    uint8_t *p = realloc(h->p, room);
    if (p == NULL)
        return false;
    h->p = p;
    h->room = room;
    return true;
}

void kd_heap_say(struct kd_heap *h, const char *fmt, ...)
{
    enum { MOST = 1024 };
    va_list ap;
    if (!kd_heap_room(h, MOST))
        return;
    va_start(ap, fmt);
    int n = vsnprintf((char *)h->p + h->n, MOST, fmt, ap);
    va_end(ap);
    h->n += n < 0 ? 0 : kd_min_size((size_t)n, MOST - 1);
}

void kd_heap_done(struct kd_heap *h)
{
    free(h->p);
    *h = (struct kd_heap){NULL, 0, 0};
}

static bool grow(void **array, size_t *room, size_t need, size_t item)
{
    if (need <= *room)
        return true;
    size_t next = *room == 0 ? FIRST_ROOM : *room * 2;
    while (next < need)
        next *= 2;
    void *p = realloc(*array, next * item);
    if (p == NULL)
        return false;
    *array = p;
    *room = next;
    return true;
}

bool kd_column_number(struct kd_column *c, size_t row, uint64_t v)
{
    if (KD_UNLIKELY(row >= c->room) &&
        !grow((void **)&c->number, &c->room, row + 1, sizeof(*c->number)))
        return false;
    while (c->n < row)
        c->number[c->n++] = 0;
    c->number[c->n++] = v;
    return true;
}

static bool rehash(struct kd_column *c)
{
    size_t slots = c->slots == 0 ? FIRST_SLOTS : c->slots * 4;
    uint32_t *slot = calloc(slots, sizeof(*slot));
    if (slot == NULL)
        return false;
    for (size_t i = 0; i < c->entries; i++) {
        size_t at = c->hash[i] & (slots - 1);
        while (slot[at] != 0)
            at = (at + 1) & (slots - 1);
        slot[at] = (uint32_t)i + 1;
    }
    free(c->slot);
    c->slot = slot;
    c->slots = slots;
    return true;
}

static bool add_entry(struct kd_column *c, struct kd_bytes v, uint32_t hash)
{
    size_t room = c->entries_room;
    if (!grow((void **)&c->end, &room, c->entries + 1, sizeof(*c->end)) ||
        !grow((void **)&c->hash, &c->entries_room, c->entries + 1, sizeof(*c->hash)) ||
        !kd_heap_room(&c->bytes, v.n))
        return false;
    if (v.n > 0)
        memcpy(c->bytes.p + c->bytes.n, v.p, v.n);
    c->bytes.n += v.n;
    c->end[c->entries] = (uint32_t)c->bytes.n;
    c->hash[c->entries] = hash;
    c->entries++;
    return true;
}

bool kd_column_text(struct kd_column *c, size_t row, struct kd_bytes v)
{
    if (KD_UNLIKELY(row >= c->room) &&
        !grow((void **)&c->code, &c->room, row + 1, sizeof(*c->code)))
        return false;
    if (KD_UNLIKELY(c->entries * 2 >= c->slots) && !rehash(c))
        return false;
    while (c->n < row)
        c->code[c->n++] = CODE_ABSENT;
    uint32_t hash = (uint32_t)kd_hash(v.p, v.n, 0);
    size_t at = hash & (c->slots - 1);
    for (; c->slot[at] != 0; at = (at + 1) & (c->slots - 1)) {
        uint32_t i = c->slot[at] - 1;
        if (c->hash[i] == hash && kd_bytes_eq(kd_column_entry(c, i), v)) {
            c->code[c->n++] = i + CODE_OLD;
            return true;
        }
    }
    if (!add_entry(c, v, hash))
        return false;
    c->slot[at] = (uint32_t)c->entries;
    c->code[c->n++] = CODE_NEW;
    return true;
}

void kd_column_clear(struct kd_column *c)
{
    c->n = 0;
    c->bytes.n = 0;
    c->entries = 0;
    if (c->slot != NULL)
        memset(c->slot, 0, c->slots * sizeof(*c->slot));
}

void kd_column_done(struct kd_column *c)
{
    free(c->number);
    free(c->code);
    free(c->end);
    free(c->hash);
    free(c->slot);
    kd_heap_done(&c->bytes);
    *c = (struct kd_column){0};
}
