/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "bin/reading.h"
#include "bin/say.h"
#include "os/fd.h"
#include "store/contents.h"

enum { DIGEST = 32 };

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)kd_ascii_lower((uint8_t)c);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool read_digest(const char *text, uint8_t ret[DIGEST])
{
    if (strlen(text) != 2 * DIGEST)
        return false;
    for (size_t i = 0; i < DIGEST; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int say_none(const struct kd_reading *rd, uint64_t oldest_us)
{
    char since[48];
    struct kd_out o = kd_out_of(since, sizeof(since) - 1);
    if (oldest_us == 0)
        return kd_say(KD_EXIT_NO, "file", "no contents of files are kept here; see files.keep in the configuration");
    kd_out_time(&o, oldest_us, rd->zone_s);
    since[o.n] = '\0';
    return kd_say(KD_EXIT_NO, "file", "%s: its content is not kept; the oldest kept one is of %s", rd->operand, since);
}

int kd_cmd_file(int argc, char **argv)
{
    static struct kd_reading rd;
    uint8_t sha256[DIGEST];
    struct kd_content content;
    struct kd_err err = {0};
    uint64_t oldest_us = 0;
    int status = kd_reading_begin("file", argc, argv, true, &rd);
    if (status != KD_EXIT_DONE)
        return status;
    if (!read_digest(rd.operand, sha256))
        return kd_say(KD_EXIT_USAGE, "file", "%s: write the SHA-256 of a file record, 64 hexadecimal digits",
                      rd.operand);
    if (rd.output == NULL && isatty(STDOUT_FILENO) == 1)
        return kd_say(KD_EXIT_USAGE, "file", "a file's content does not fit a terminal; name a file with -o");
    enum kd_status s = kd_content_find(rd.dir_fd, sha256, &content, &oldest_us, &err);
    if (s == KD_NOT_FOUND)
        return say_none(&rd, oldest_us);
    if (s != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "file", &err);
    s = kd_fd_write_all(rd.package_fd >= 0 ? rd.package_fd : STDOUT_FILENO, kd_bytes_of(content.bytes, content.n));
    free(content.bytes);
    if (s != KD_OK)
        return kd_say(KD_EXIT_COULD_NOT, "file", "%s: cannot be written: %s", rd.output != NULL ? rd.output : "-",
                      kd_status_text(s));
    return KD_EXIT_DONE;
}
