/* SPDX-License-Identifier: Apache-2.0 */
#include "os/log.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/out.h"
#include "os/fd.h"
#include "os/process.h"

#ifdef KD_SANITIZED
enum { BURST = 10000 }; /* a sanitizer's report is long and wanted whole */
#else
enum { BURST = KD_LOG_BURST };
#endif

void kd_log(const char *event, const char *fmt, ...)
{
    char text[KD_LOG_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    uint8_t line[KD_LOG_LINE_MAX + 64];
    struct kd_out o = kd_out_of(line, sizeof(line) - 1);
    kd_out_str(&o, event);
    kd_out_str(&o, ": ");
    if (n > 0)
        kd_out_escaped(&o, kd_bytes_of(text, kd_min_size((size_t)n, sizeof(text) - 1)));
    line[o.n] = '\n';
    kd_ignore(kd_fd_write_all(KD_FD_LOG, kd_bytes_of(line, o.n + 1)));
}

static void pass_on(const char *name, struct kd_bytes line)
{
    uint8_t text[4 * KD_LOG_LINE_MAX + 64];
    struct kd_out o = kd_out_of(text, sizeof(text) - 1);
    kd_out_str(&o, "kidoban[");
    kd_out_str(&o, name);
    kd_out_str(&o, "]: ");
    kd_out_escaped(&o, line);
    text[o.n] = '\n';
    kd_ignore(kd_fd_write_all(KD_FD_LOG, kd_bytes_of(text, o.n + 1)));
}

static void count_and_pass(struct kd_log_relay *r, const char *name, uint64_t now_us)
{
    if (now_us - r->since_us >= KD_LOG_WINDOW_S * (uint64_t)KD_US_PER_S) {
        if (r->held > 0) {
            uint8_t text[64];
            struct kd_out o = kd_out_of(text, sizeof(text));
            kd_out_u64(&o, r->held);
            kd_out_str(&o, " further lines were held back");
            pass_on(name, kd_out_bytes_view(&o));
        }
        r->since_us = now_us;
        r->lines = 0;
        r->held = 0;
    }
    if (r->n > 0 && r->lines++ < BURST)
        pass_on(name, kd_bytes_of(r->line, r->n));
    else
        r->held += r->n > 0;
    r->n = 0;
}

bool kd_log_relay(struct kd_log_relay *r, int fd, const char *name, uint64_t now_us)
{
    uint8_t got[1024];
    ssize_t n = read(fd, got, sizeof(got));
    for (ssize_t i = 0; i < n; i++) {
        if (got[i] == '\n') {
            if (!r->cutting)
                count_and_pass(r, name, now_us);
            r->cutting = false;
        } else if (r->n < sizeof(r->line)) {
            r->line[r->n++] = got[i];
        } else if (!r->cutting) {
            r->cutting = true;
            count_and_pass(r, name, now_us);
        }
    }
    return n > 0;
}
