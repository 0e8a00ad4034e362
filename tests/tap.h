/* SPDX-License-Identifier: Apache-2.0 */
/* The whole unit-test harness: TAP on standard output.  A test file is `int main(void)` with RUN() of
 * its functions and `return tap_done();`. */
#ifndef KD_TESTS_TAP_H
#define KD_TESTS_TAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_n __attribute__((unused)), tap_bad __attribute__((unused)), tap_failed __attribute__((unused));

/* Note a failure of the running test with its place; the test goes on. */
#define CHECK(cond)                                                                               \
    do {                                                                                          \
        if (!(cond)) {                                                                            \
            printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #cond);                         \
            tap_bad++;                                                                            \
        }                                                                                         \
    } while (0)

#define RUN(fn)                                                                                   \
    do {                                                                                          \
        tap_bad = 0;                                                                              \
        fn();                                                                                     \
        tap_failed += tap_bad > 0;                                                                \
        printf("%s %d - %s\n", tap_bad == 0 ? "ok" : "not ok", ++tap_n, #fn);                     \
        fflush(stdout);                                                                           \
    } while (0)

static inline int tap_done(void)
{
    printf("1..%d\n", tap_n);
    return tap_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
