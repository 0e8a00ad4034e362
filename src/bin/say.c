/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/say.h"

#include <stdarg.h>

bool kd_say_japanese(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < KD_COUNT(names); i++) {
        const char *v = getenv(names[i]);
        if (v != NULL && v[0] != '\0')
            return strncmp(v, "ja", 2) == 0;
    }
    return false;
}

int kd_say(int status, const char *prefix, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "kidoban%s%s: ", prefix[0] != '\0' ? " " : "", prefix);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

int kd_say_err(int status, const char *command, const struct kd_err *err)
{
    const char *what = err->what != NULL ? err->what : kd_status_text(err->status);
    const char *of = err->detail[0] != '\0' ? ": " : "";
    if (err->sys != 0)
        return kd_say(status, command, "%s%s%s (%s)", err->detail, of, what, strerror(err->sys));
    return kd_say(status, command, "%s%s%s", err->detail, of, what);
}
