/* SPDX-License-Identifier: Apache-2.0 */
#include "os/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    int failed = clock_gettime(id, &t);
    KD_ASSERT(failed == 0);
    return (uint64_t)t.tv_sec * KD_US_PER_S + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t wall(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

struct kd_clock kd_os_clock(void)
{
    return (struct kd_clock){wall, NULL};
}

uint64_t kd_os_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t kd_os_cpu_us(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t kd_os_random_u64(void)
{
    uint64_t v = 0;
    ssize_t n;
    do
        n = getrandom(&v, sizeof(v), 0);
    while (n < 0 && errno == EINTR);
    KD_ASSERT(n == sizeof(v)); /* 8 bytes come whole once the pool is initialised */
    return v;
}
