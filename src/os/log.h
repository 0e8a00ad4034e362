/* SPDX-License-Identifier: Apache-2.0 */
/* One line at a time onto descriptor 2, without stdio (which makes calls the sandbox forbids).  A
 * role's descriptor 2 is a pipe to the parent, whose relay trusts no role: it cuts, escapes and
 * counts again. */
#ifndef KD_OS_LOG_H
#define KD_OS_LOG_H

#include "base/bytes.h"

enum { KD_LOG_LINE_MAX = 400, KD_LOG_BURST = 20, KD_LOG_WINDOW_S = 10 };

/* "event: text", escaped to printable ASCII, cut to KD_LOG_LINE_MAX. */
KD_FORMAT(2, 3) void kd_log(const char *event, const char *fmt, ...);

/* The parent's end of a role's log. */
struct kd_log_relay {
    uint8_t line[KD_LOG_LINE_MAX];
    size_t n;
    bool cutting;      /* in the part of a line that is not passed on */
    uint64_t since_us; /* of the window that is being counted */
    unsigned lines;    /* passed on in it */
    uint64_t held;     /* not passed on */
};

/* Take what the role wrote and pass whole lines on as "kidoban[NAME]: …", at most KD_LOG_BURST in
 * KD_LOG_WINDOW_S seconds.  False at the end of the pipe or when nothing is there. */
bool kd_log_relay(struct kd_log_relay *r, int fd, const char *name, uint64_t now_us);

#endif
