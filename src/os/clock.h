/* SPDX-License-Identifier: Apache-2.0 */
/* The world's time and chance, which nothing below os/ asks for by itself. */
#ifndef KD_OS_CLOCK_H
#define KD_OS_CLOCK_H

#include "base/clock.h"

/* Microseconds since 1970 UTC; may jump when the clock is set. */
struct kd_clock kd_os_clock(void);

/* Microseconds since some start; never jumps. */
uint64_t kd_os_monotonic_us(void);

/* Processor time this process has used. */
uint64_t kd_os_cpu_us(void);

/* Unpredictable, for table seeds. */
uint64_t kd_os_random_u64(void);

#endif
