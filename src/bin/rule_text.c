/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/rule_text.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <zlib.h>
#include <zstd.h>

enum { ROOM_FIRST = 1 << 20 };

/* Room for more, doubled; false: too large or no memory. */
static enum kd_status more_room(struct kd_rule_text *t, size_t *room)
{
    size_t next = *room == 0 ? ROOM_FIRST : *room * 2;
    if (*room >= KD_RULE_TEXT_MAX)
        return KD_LIMIT;
    void *p = realloc(t->unpacked, next);
    if (p == NULL)
        return KD_NO_MEMORY;
    t->unpacked = p;
    *room = next;
    return KD_OK;
}

static enum kd_status unzstd(struct kd_bytes in, struct kd_rule_text *t)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer from = {in.p, in.n, 0};
    size_t n = 0, room = 0, left = 1;
    enum kd_status s = z == NULL ? KD_NO_MEMORY : KD_OK;
    while (s == KD_OK && (from.pos < from.size || n == room)) {
        if (n == room && (s = more_room(t, &room)) != KD_OK)
            break;
        ZSTD_outBuffer to = {t->unpacked, room, n};
        left = ZSTD_decompressStream(z, &to, &from);
        if (ZSTD_isError(left))
            s = KD_MALFORMED;
        else if (to.pos == n && from.pos == from.size)
            break;
        n = to.pos;
    }
    ZSTD_freeDStream(z);
    t->text = kd_bytes_of(t->unpacked, n);
    return s == KD_OK && left != 0 ? KD_TRUNCATED : s;
}

static enum kd_status gunzip(struct kd_bytes in, struct kd_rule_text *t)
{
    enum { GZIP_OR_ZLIB = 15 + 32 };
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n};
    size_t n = 0, room = 0;
    if (in.n > UINT32_MAX || inflateInit2(&z, GZIP_OR_ZLIB) != Z_OK)
        return KD_NO_MEMORY;
    enum kd_status s = KD_OK;
    int got = Z_OK;
    while (s == KD_OK && got != Z_STREAM_END) {
        if (n == room && (s = more_room(t, &room)) != KD_OK)
            break;
        z.next_out = (Bytef *)t->unpacked + n;
        z.avail_out = (uInt)(room - n);
        got = inflate(&z, Z_NO_FLUSH);
        n = room - z.avail_out;
        if (got == Z_BUF_ERROR && z.avail_in == 0)
            s = KD_TRUNCATED;
        else if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR)
            s = KD_MALFORMED;
    }
    (void)inflateEnd(&z);
    t->text = kd_bytes_of(t->unpacked, n);
    return s;
}

enum kd_status kd_rule_text_read(int fd, struct kd_rule_text *ret)
{
    static const uint8_t zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd}, gzip_magic[] = {0x1f, 0x8b};
    struct stat st;
    *ret = (struct kd_rule_text){0};
    if (fstat(fd, &st) != 0)
        return KD_SYSTEM;
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) /* /dev/null: no rules */
        return KD_OK;
    if (!S_ISREG(st.st_mode))
        return KD_USAGE;
    if (st.st_size > KD_RULE_TEXT_MAX)
        return KD_LIMIT;
    if (st.st_size == 0)
        return KD_OK;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return KD_SYSTEM;
    ret->map = p;
    ret->n_map = (size_t)st.st_size;
    ret->text = kd_bytes_of(p, ret->n_map);
    enum kd_status s = KD_OK;
    if (kd_bytes_starts(ret->text, kd_bytes_of(zstd_magic, sizeof(zstd_magic))))
        s = unzstd(ret->text, ret);
    else if (kd_bytes_starts(ret->text, kd_bytes_of(gzip_magic, sizeof(gzip_magic))))
        s = gunzip(ret->text, ret);
    if (s != KD_OK)
        kd_rule_text_done(ret);
    return s;
}

void kd_rule_text_done(struct kd_rule_text *t)
{
    if (t->map != NULL)
        (void)munmap(t->map, t->n_map);
    free(t->unpacked);
    *t = (struct kd_rule_text){0};
}
