/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/habit.h"

void kd_habit_add(uint32_t *v, uint32_t room, uint32_t *n, uint32_t value)
{
    v[(*n)++ % room] = value;
}

static uint32_t median(uint32_t *v, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) /* few values */
        for (uint32_t k = i; k > 0 && v[k - 1] > v[k]; k--) {
            uint32_t swap = v[k];
            v[k] = v[k - 1];
            v[k - 1] = swap;
        }
    if (n == 0)
        return 0;
    return n % 2 == 1 ? v[n / 2] : (uint32_t)(((uint64_t)v[n / 2 - 1] + v[n / 2]) / 2);
}

uint64_t kd_habit_most(const uint32_t *v, uint32_t room, uint32_t n)
{
    uint32_t sorted[KD_HABIT_MAX], deviation[KD_HABIT_MAX];
    uint32_t kept = n < room ? n : room;
    memcpy(sorted, v, kept * sizeof(v[0]));
    uint32_t m = median(sorted, kept);
    for (uint32_t i = 0; i < kept; i++)
        deviation[i] = sorted[i] > m ? sorted[i] - m : m - sorted[i];
    uint64_t spread = median(deviation, kept);
    return m + 8 * (spread > m / 4 ? spread : m / 4);
}

struct kd_key kd_habit_group(const struct kd_detect *d, uint8_t kind, const struct kd_addr *host)
{
    struct kd_host_view view;
    bool serves = kd_detect_host(d, host, &view) && (view.roles & ~(unsigned)KD_DUTY_CLIENT) != 0;
    struct kd_key key = kd_key_of(kind);
    kd_key_u16(&key, (uint16_t)(kd_detect_zone_of(d, host) << 8 | (serves ? 's' : 'c')));
    return key;
}

void kd_snap_habit(struct kd_snap *s, uint32_t *v, uint32_t room, uint32_t *n)
{
    kd_snap_u32_to(s, n, UINT32_MAX / 2);
    for (uint32_t i = 0; i < *n && i < room; i++)
        kd_snap_u32(s, &v[i]);
}
