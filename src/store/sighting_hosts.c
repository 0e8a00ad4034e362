/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sighting_hosts.h"

#include "base/clock.h"

static uint64_t origin(uint32_t day)
{
    struct kd_date d = {.year = (int)(day / 10000), .month = day / 100 % 100, .day = day % 100};
    uint64_t us = 0;
    return kd_date_to_us(&d, 0, &us) && us > KD_US_PER_DAY ? us - KD_US_PER_DAY : 0;
}

static void put(struct kd_out *o, uint64_t from_us, const struct kd_sight_host *h)
{
    bool v4 = kd_addr_is_v4(&h->addr);
    kd_out_u8(o, v4 ? 4 : 16);
    kd_out_bytes(o, kd_bytes_of(h->addr.b + (v4 ? 12 : 0), v4 ? 4 : 16));
    kd_out_varint(o, h->first_us - from_us);
    kd_out_varint(o, h->last_us - h->first_us);
    kd_out_varint(o, h->count);
    kd_out_varint(o, h->bytes);
}

static enum kd_status take(struct kd_cur *c, uint64_t from_us, struct kd_sight_host *ret)
{
    if (!kd_cur_more(c))
        return kd_cur_ok(c) ? KD_NOT_FOUND : KD_MALFORMED;
    uint8_t n = kd_cur_u8(c);
    struct kd_bytes a = kd_cur_take(c, n);
    uint64_t first = kd_cur_varint(c);
    uint64_t lasted = kd_cur_varint(c);
    ret->count = kd_cur_varint(c);
    ret->bytes = kd_cur_varint(c);
    if (!kd_cur_ok(c) || (n != 4 && n != 16))
        return KD_MALFORMED;
    ret->addr = n == 4 ? kd_addr_v4(a.p) : kd_addr_v6(a.p);
    ret->first_us = from_us + first;
    ret->last_us = ret->first_us + lasted;
    return KD_OK;
}

void kd_sight_host_put(struct kd_out *o, uint32_t day, const struct kd_sight_host *h)
{
    put(o, origin(day), h);
}

enum kd_status kd_sight_host_take(struct kd_cur *c, uint32_t day, struct kd_sight_host *ret)
{
    return take(c, origin(day), ret);
}

static void add(struct kd_sight_host *to, const struct kd_sight_host *h)
{
    to->first_us = kd_min_u64(to->first_us, h->first_us);
    to->last_us = kd_max_u64(to->last_us, h->last_us);
    to->count += h->count;
    to->bytes += h->bytes;
}

enum kd_status kd_sight_hosts_merge(uint32_t day, struct kd_bytes a, struct kd_bytes b,
                                    struct kd_heap *ret, uint64_t *left_out)
{
    struct kd_cur c[2] = {kd_cur_of(a), kd_cur_of(b)};
    struct kd_sight_host h[2];
    enum kd_status s[2];
    uint64_t from_us = origin(day);
    size_t n = 0;
    ret->n = 0;
    /* A merged entry may need a few bytes more than its two parts. */
    if (!kd_heap_room(ret, 2 * (a.n + b.n) + KD_SIGHT_HOST_BYTES))
        return KD_NO_MEMORY;
    struct kd_out o = kd_out_of(ret->p, ret->room);
    for (size_t i = 0; i < 2; i++)
        s[i] = take(&c[i], from_us, &h[i]);
    while (s[0] == KD_OK || s[1] == KD_OK) {
        int order = s[0] != KD_OK ? 1 : s[1] != KD_OK ? -1 : kd_addr_cmp(&h[0].addr, &h[1].addr);
        size_t next = order > 0;
        if (order == 0)
            add(&h[0], &h[1]);
        if (n < KD_SIGHT_HOSTS_MAX)
            put(&o, from_us, &h[next]);
        else
            *left_out += h[next].count;
        n++;
        s[next] = take(&c[next], from_us, &h[next]);
        if (order == 0)
            s[1] = take(&c[1], from_us, &h[1]);
    }
    ret->n = o.n;
    return s[0] == KD_NOT_FOUND && s[1] == KD_NOT_FOUND && kd_out_ok(&o) ? KD_OK : KD_MALFORMED;
}
