/* SPDX-License-Identifier: Apache-2.0 */
#include "store/plain.h"

#include <stdio.h>

const char *kd_plain_time(uint64_t us, int zone_s, bool seconds, char room[KD_PLAIN_TIME])
{
    enum { DATE = 10, MINUTES = 16, SECONDS = 19 };
    if (us == 0 || us == UINT64_MAX)
        return "-";
    struct kd_out o = kd_out_of(room, KD_PLAIN_TIME - 1);
    kd_out_time(&o, us, zone_s);
    room[o.n] = '\0';
    if (o.n > SECONDS) {
        room[DATE] = ' ';
        room[seconds ? SECONDS : MINUTES] = '\0';
    }
    return room;
}

const char *kd_plain_text(const char *text, char room[KD_PLAIN_TEXT])
{
    enum { MOST = 150 };
    size_t n = 0;
    for (; *text != '\0' && n < MOST; text++)
        room[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
    room[n] = '\0';
    if (!kd_bytes_is_utf8(kd_bytes_of(room, n)))
        for (size_t i = 0; i < n; i++)
            room[i] = (unsigned char)room[i] >= 0x80 ? '?' : room[i];
    return room;
}

const char *kd_plain_size(uint64_t bytes, char room[KD_PLAIN_SIZE])
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
    double v = (double)bytes;
    size_t u = 0;
    for (; v >= 1000 && u < KD_COUNT(unit) - 1; u++)
        v /= 1000;
    (void)snprintf(room, KD_PLAIN_SIZE, u == 0 ? "%.0f %s" : "%.1f %s", v, unit[u]);
    return room;
}
