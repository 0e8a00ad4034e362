/* SPDX-License-Identifier: Apache-2.0 */
/* RAR archives, version 4 and 5, by their block headers. */
#include "proto/carve/look.h"

enum {
    MARK_BYTES = 7,
    BLOCK4 = 7, /* checksum, type, flags, size */
    NAME_MAX_BYTES = 512,
    MAIN4 = 0x73,
    FILE4 = 0x74,
    END4 = 0x7b,
    ENCRYPTED_HEADERS4 = 0x80,
    ENCRYPTED4 = 0x04,
    LARGE4 = 0x100,
    LONG_BLOCK4 = 0x8000,
    FILE5 = 2,
    ENCRYPTION5 = 4,
    END5 = 5,
    HAS_EXTRA5 = 1,
    HAS_DATA5 = 2
};

enum phase { MARK, HEAD4, BODY4, SIZE5, HEAD5 };

struct rar {
    uint8_t phase;
    uint8_t type;
    uint8_t shift;
    uint16_t flags;
    uint64_t size;
};

/* --- version 4 --- */

static struct look_step next4(struct rar *r, uint64_t skip)
{
    r->phase = HEAD4;
    return look_want(skip, BLOCK4);
}

static struct look_step on_head4(struct look *l, struct rar *r, struct kd_bytes got)
{
    struct kd_cur c = kd_cur_of(got);
    (void)kd_cur_le16(&c);
    r->type = kd_cur_u8(&c);
    r->flags = kd_cur_le16(&c);
    uint16_t size = kd_cur_le16(&c);
    bool hidden = r->type == MAIN4 && (r->flags & ENCRYPTED_HEADERS4);
    l->found.encrypted |= hidden;
    if (size < BLOCK4 || hidden || r->type == END4)
        return look_done();
    r->size = (uint64_t)size - BLOCK4;
    if (r->size == 0 || r->size > LOOK_HELD)
        return r->flags & LONG_BLOCK4 ? look_done() : next4(r, r->size);
    r->phase = BODY4;
    return look_want(0, r->size);
}

static struct look_step on_body4(struct look *l, struct rar *r, struct kd_bytes got)
{
    struct kd_cur c = kd_cur_of(got);
    uint64_t packed = r->flags & LONG_BLOCK4 ? kd_cur_le32(&c) : 0;
    if (r->type != FILE4)
        return next4(r, packed);
    uint64_t bytes = kd_cur_le32(&c);
    (void)kd_cur_take(&c, 11); /* system, checksum, time, version, method */
    uint16_t n = kd_cur_le16(&c);
    (void)kd_cur_le32(&c); /* attributes */
    if (r->flags & LARGE4) {
        packed |= (uint64_t)kd_cur_le32(&c) << 32;
        bytes |= (uint64_t)kd_cur_le32(&c) << 32;
    }
    struct kd_bytes name = kd_cur_take(&c, n);
    name = kd_bytes_head(name, kd_bytes_find_byte(name, 0)); /* a packed form may follow */
    if (!kd_cur_ok(&c))
        return look_done();
    (void)look_member(l, kd_bytes_head(name, NAME_MAX_BYTES), false, bytes,
                      (r->flags & ENCRYPTED4) != 0);
    return next4(r, packed);
}

/* --- version 5 --- */

static struct look_step next5(struct rar *r, uint64_t skip)
{
    r->phase = SIZE5;
    r->shift = 0;
    r->size = 0;
    return look_want(skip, 4 + 1); /* checksum, and the size begins */
}

static struct look_step on_size5(struct rar *r, struct kd_bytes got)
{
    uint8_t b = kd_bytes_at(got, got.n - 1);
    r->size |= (uint64_t)(b & 0x7f) << r->shift;
    r->shift = (uint8_t)(r->shift + 7);
    if (b & 0x80)
        return r->shift < 21 ? look_want(0, 1) : look_done();
    if (r->size == 0 || r->size > LOOK_HELD)
        return look_done();
    r->phase = HEAD5;
    return look_want(0, r->size);
}

/* Does the extra area hold a record of encryption (type 1)? */
static bool has_encryption(struct kd_bytes extra)
{
    struct kd_cur c = kd_cur_of(extra);
    while (kd_cur_more(&c)) {
        uint64_t n = kd_cur_varint(&c);
        struct kd_cur record = kd_cur_sub(&c, n > kd_cur_left(&c) ? kd_cur_left(&c) : (size_t)n);
        if (kd_cur_varint(&record) == 1 && kd_cur_ok(&record))
            return true;
    }
    return false;
}

static void file5(struct look *l, struct kd_cur *c, struct kd_bytes extra)
{
    uint64_t flags = kd_cur_varint(c);
    uint64_t bytes = kd_cur_varint(c);
    (void)kd_cur_varint(c);                                          /* attributes */
    (void)kd_cur_take(c, (flags & 2 ? 4 : 0) + (flags & 4 ? 4 : 0)); /* time, checksum */
    (void)kd_cur_varint(c);                                          /* method */
    (void)kd_cur_varint(c);                                          /* system */
    uint64_t n = kd_cur_varint(c);
    struct kd_bytes name = kd_cur_take(c, n > kd_cur_left(c) ? SIZE_MAX : (size_t)n);
    if (kd_cur_ok(c) && !(flags & 1))
        (void)look_member(l, kd_bytes_head(name, NAME_MAX_BYTES), true, flags & 8 ? 0 : bytes,
                          has_encryption(extra));
}

static struct look_step on_head5(struct look *l, struct rar *r, struct kd_bytes got)
{
    struct kd_cur c = kd_cur_of(got);
    uint64_t type = kd_cur_varint(&c);
    uint64_t flags = kd_cur_varint(&c);
    uint64_t n_extra = flags & HAS_EXTRA5 ? kd_cur_varint(&c) : 0;
    uint64_t data = flags & HAS_DATA5 ? kd_cur_varint(&c) : 0;
    if (!kd_cur_ok(&c) || n_extra > kd_cur_left(&c) || type == END5)
        return look_done();
    if (type == ENCRYPTION5) {
        l->found.encrypted = true; /* names too */
        return look_done();
    }
    struct kd_bytes extra = kd_bytes_from(got, got.n - (size_t)n_extra);
    if (type == FILE5)
        file5(l, &c, extra);
    return next5(r, data);
}

static struct look_step rar_step(struct look *l, struct kd_bytes got)
{
    struct rar *r = l->state;
    if (got.n == 0)
        return look_want(0, MARK_BYTES);
    switch ((enum phase)r->phase) {
    case MARK: /* "Rar!" 1a 07, then 00, or 01 00 */
        return kd_bytes_at(got, 6) == 0 ? next4(r, 0) : next5(r, 1);
    case HEAD4:
        return on_head4(l, r, got);
    case BODY4:
        return on_body4(l, r, got);
    case SIZE5:
        return on_size5(r, got);
    case HEAD5:
        return on_head5(l, r, got);
    }
    return look_done();
}

static const char *const rar_types[] = {"rar", NULL};

const struct look_format look_rar = {
    .types = rar_types,
    .state_bytes = sizeof(struct rar),
    .step = rar_step,
};
