/* SPDX-License-Identifier: Apache-2.0 */
/* What every file may rely on: attributes, assertions, and the list of functions nobody may call. */
#ifndef KD_BASE_BASE_H
#define KD_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KD_MUST_USE __attribute__((warn_unused_result))
#define KD_NORETURN __attribute__((noreturn))
#define KD_PURE __attribute__((pure))
#define KD_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))
#define KD_LIKELY(x) __builtin_expect(!!(x), 1)
#define KD_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define KD_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KD_CLEANUP(fn) __attribute__((cleanup(fn)))

/* The programmer's promises only: never true or false because of received bytes, configuration or
 * lack of memory.  Stays in release builds. */
#define KD_ASSERT(cond)                                                                           \
    do {                                                                                          \
        if (KD_UNLIKELY(!(cond)))                                                                 \
            kd_assert_failed(#cond, __FILE__, __LINE__);                                          \
    } while (0)

KD_NORETURN void kd_assert_failed(const char *cond, const char *file, int line);

static inline size_t kd_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline uint64_t kd_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t kd_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Functions without a bound, or that start a shell.  A use is a compile error. */
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok system popen

#endif
