/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include "base/out.h"

static const char *const texts[KD_STATUS_COUNT] = {
#define KD_STATUS(name, text) text,
#include "base/status.def"
#undef KD_STATUS
};

const char *kd_status_text(enum kd_status s)
{
    return (unsigned)s < KD_STATUS_COUNT ? texts[s] : "unknown status";
}

enum kd_status kd_fail(struct kd_err *err, enum kd_status s, uint64_t at, const char *what)
{
    if (err != NULL) {
        err->status = s;
        err->what = what;
        err->at = at;
        err->sys = 0;
        err->detail[0] = '\0';
    }
    return s;
}

enum kd_status kd_fail_sys(struct kd_err *err, enum kd_status s, const char *what,
                           const char *detail, int sys)
{
    (void)kd_fail(err, s, 0, what);
    if (err != NULL && detail != NULL) {
        struct kd_out o = kd_out_of(err->detail, sizeof(err->detail) - 1);
        kd_out_escaped(&o, kd_str(detail));
        err->detail[o.n] = '\0';
    }
    if (err != NULL)
        err->sys = sys;
    return s;
}

void kd_assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "kidoban: %s:%d: assertion failed: %s\n", file, line, cond);
    abort();
}
