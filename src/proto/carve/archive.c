/* SPDX-License-Identifier: Apache-2.0 */
/* Containers of simple build: gzip (RFC 1952), tar (POSIX ustar, GNU long names), cabinet
 * ([MS-CAB]), 7z by its header's header. */
#include "proto/carve/look.h"

enum { NAME_MAX_BYTES = 512 };

/* --- a text that ends with a zero byte, as it comes --- */

struct text {
    uint16_t n;
    uint8_t bytes[NAME_MAX_BYTES];
};

enum text_state { TEXT_GOES_ON, TEXT_ENDED, TEXT_TOO_LONG };

/* Text up to a zero; what lies behind that comes again.  However it comes in pieces, it is too long from the same byte
 * on. */
static enum text_state take_text(struct look *l, struct text *t, struct kd_bytes got)
{
    size_t end = kd_bytes_find_byte(got, 0);
    struct kd_bytes part = kd_bytes_head(got, end);
    if (part.n > (size_t)(NAME_MAX_BYTES - t->n))
        return TEXT_TOO_LONG;
    if (part.n > 0)
        memcpy(t->bytes + t->n, part.p, part.n);
    t->n = (uint16_t)(t->n + part.n);
    if (end == SIZE_MAX)
        return TEXT_GOES_ON;
    l->back = got.n - end - 1;
    return TEXT_ENDED;
}

/* --- gzip --- */

struct gzip {
    bool head_seen, extra_due;
    struct text name;
};

static struct look_step gzip_step(struct look *l, struct kd_bytes got)
{
    struct gzip *g = l->state;
    if (got.n == 0)
        return look_want(0, 10);
    if (!g->head_seen) {
        uint8_t flags = kd_bytes_at(got, 3);
        g->head_seen = true;
        g->extra_due = flags & 4;
        if (!(flags & 8))
            return look_done();
        return g->extra_due ? look_want(0, 2) : look_any(0, NAME_MAX_BYTES);
    }
    if (g->extra_due) {
        struct kd_cur c = kd_cur_of(got);
        g->extra_due = false;
        return look_any(kd_cur_le16(&c), NAME_MAX_BYTES);
    }
    enum text_state name = take_text(l, &g->name, got);
    if (name != TEXT_ENDED)
        return name == TEXT_GOES_ON ? look_any(0, NAME_MAX_BYTES) : look_done();
    (void)look_member(l, kd_bytes_of(g->name.bytes, g->name.n), false, 0, false);
    return look_done();
}

static const char *const gzip_types[] = {"gzip", NULL};
const struct look_format look_gzip = {
    .types = gzip_types, .state_bytes = sizeof(struct gzip), .step = gzip_step};

/* --- tar --- */

enum { TAR_BLOCK = 512 };

struct tar {
    bool long_name; /* the next data is the name of the next member */
    struct text name;
};

static uint64_t octal(struct kd_bytes b)
{
    uint64_t v = 0;
    if (kd_bytes_at(b, 0) & 0x80) { /* GNU: binary, big-endian */
        for (size_t i = 1; i < b.n; i++)
            v = v << 8 | b.p[i];
        return v;
    }
    for (size_t i = 0; i < b.n && v < UINT64_C(1) << 60; i++)
        if (b.p[i] >= '0' && b.p[i] <= '7')
            v = v << 3 | (uint64_t)(b.p[i] - '0');
    return v;
}

static struct kd_bytes field(struct kd_bytes block, size_t at, size_t n)
{
    struct kd_bytes b = kd_bytes_head(kd_bytes_from(block, at), n);
    return kd_bytes_head(b, kd_bytes_find_byte(b, 0));
}

static struct look_step tar_step(struct look *l, struct kd_bytes got)
{
    struct tar *t = l->state;
    if (got.n == 0)
        return look_want(0, TAR_BLOCK);
    if (t->long_name) {
        struct kd_bytes name = field(got, 0, got.n);
        t->long_name = false;
        t->name.n = (uint16_t)kd_min_size(name.n, NAME_MAX_BYTES);
        memcpy(t->name.bytes, name.p, t->name.n);
        return look_want((TAR_BLOCK - got.n % TAR_BLOCK) % TAR_BLOCK, TAR_BLOCK);
    }
    struct kd_bytes name = field(got, 0, 100);
    struct kd_bytes prefix = field(got, 345, 155);
    uint64_t bytes = octal(kd_bytes_head(kd_bytes_from(got, 124), 12));
    uint8_t type = kd_bytes_at(got, 156);
    if (name.n == 0 || bytes > UINT64_MAX / 2)
        return look_done();
    if (type == 'L' && bytes > 0 && bytes <= LOOK_HELD) {
        t->long_name = true;
        return look_want(0, bytes);
    }
    if (type == '0' || type == 0 || type == '7') {
        uint8_t room[NAME_MAX_BYTES];
        struct kd_out o = kd_out_of(room, sizeof(room));
        if (t->name.n > 0) {
            kd_out_bytes(&o, kd_bytes_of(t->name.bytes, t->name.n));
        } else {
            if (prefix.n > 0 &&
                kd_bytes_starts(kd_bytes_from(got, 257), kd_bytes_of("ustar\0", 6))) {
                kd_out_bytes(&o, prefix);
                kd_out_u8(&o, '/');
            }
            kd_out_bytes(&o, name);
        }
        (void)look_member(l, kd_out_bytes_view(&o), false, bytes, false);
    }
    t->name.n = 0;
    return look_want((bytes + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK, TAR_BLOCK);
}

static const char *const tar_types[] = {"tar", NULL};
const struct look_format look_tar = {
    .types = tar_types, .state_bytes = sizeof(struct tar), .step = tar_step};

/* --- cabinet --- */

struct cab {
    uint16_t files;
    bool head_seen, in_name, utf8;
    uint64_t bytes;
    struct text name;
};

static struct look_step cab_step(struct look *l, struct kd_bytes got)
{
    enum { HEAD = 36, ENTRY = 16, NAME_IS_UTF8 = 0x80 };
    struct cab *s = l->state;
    struct kd_cur c = kd_cur_of(got);
    if (got.n == 0)
        return look_want(0, HEAD);
    if (!s->head_seen) {
        (void)kd_cur_take(&c, 16);
        uint32_t at = kd_cur_le32(&c);
        (void)kd_cur_take(&c, 8);
        s->files = kd_cur_le16(&c);
        s->head_seen = true;
        return s->files > 0 && at >= HEAD ? look_want(at - HEAD, ENTRY) : look_done();
    }
    if (!s->in_name) {
        s->bytes = kd_cur_le32(&c);
        (void)kd_cur_take(&c, 10); /* place, folder, date, time */
        s->utf8 = kd_cur_le16(&c) & NAME_IS_UTF8;
        s->in_name = true;
        s->name.n = 0;
        return look_any(0, NAME_MAX_BYTES);
    }
    enum text_state name = take_text(l, &s->name, got);
    if (name != TEXT_ENDED)
        return name == TEXT_GOES_ON ? look_any(0, NAME_MAX_BYTES) : look_done();
    (void)look_member(l, kd_bytes_of(s->name.bytes, s->name.n), s->utf8, s->bytes, false);
    s->in_name = false;
    return --s->files > 0 ? look_want(0, ENTRY) : look_done();
}

static const char *const cab_types[] = {"cab", NULL};
const struct look_format look_cab = {
    .types = cab_types, .state_bytes = sizeof(struct cab), .step = cab_step};

/* --- 7z: names are packed; whether the header itself is encrypted can be seen --- */

static void sevenzip_header(struct look *l, struct kd_bytes b)
{
    static const uint8_t aes[] = {0x06, 0xf1, 0x07, 0x01};
    l->found.encrypted |= kd_bytes_find(b, kd_bytes_of(aes, sizeof(aes))) != SIZE_MAX;
}

static struct look_step sevenzip_step(struct look *l, struct kd_bytes got)
{
    enum { HEAD = 32 };
    if (got.n == 0)
        return look_want(0, HEAD);
    if (l->at > 0) {
        sevenzip_header(l, got);
        return look_done();
    }
    struct kd_cur c = kd_cur_of(got);
    (void)kd_cur_take(&c, 12);
    uint64_t at = kd_cur_le64(&c);
    uint64_t n = kd_cur_le64(&c);
    return n > 0 && at < UINT64_MAX / 2 ? look_want(at, kd_min_u64(n, LOOK_HELD)) : look_done();
}

static void sevenzip_end(struct look *l, struct kd_bytes rest)
{
    sevenzip_header(l, rest);
}

static const char *const sevenzip_types[] = {"7z", NULL};
const struct look_format look_sevenzip = {
    .types = sevenzip_types, .step = sevenzip_step, .end = sevenzip_end};

/* --- winmail.dat ([MS-OXTNEF]): attachments of Outlook in one; each begins with its rendering data
 * --- */

struct tnef {
    bool title_due;
};

enum {
    TNEF_HEAD = 6,
    TNEF_ATTRIBUTE = 9,
    TNEF_CHECKSUM = 2,
    TNEF_RENDERING = 0x00069002,
    TNEF_TITLE = 0x00018010,
    TNEF_DATA = 0x0006800f
};

static struct look_step tnef_step(struct look *l, struct kd_bytes got)
{
    struct tnef *t = l->state;
    struct look_found *f = &l->found;
    struct kd_cur c = kd_cur_of(got);
    if (got.n == 0)
        return look_want(TNEF_HEAD, TNEF_ATTRIBUTE);
    if (t->title_due) {
        struct kd_bytes name = kd_bytes_head(got, kd_bytes_find_byte(got, 0));
        f->members[f->n_members - 1].filename = look_text(l, name, false, NAME_MAX_BYTES);
        t->title_due = false;
        return look_want(TNEF_CHECKSUM, TNEF_ATTRIBUTE);
    }
    (void)kd_cur_u8(&c); /* of the message, or of an attachment */
    uint32_t attribute = kd_cur_le32(&c);
    uint32_t n = kd_cur_le32(&c);
    if (attribute == TNEF_RENDERING && look_member(l, kd_str(NULL), true, 0, false) == NULL)
        return look_done();
    if (attribute == TNEF_DATA && f->n_members > 0)
        f->members[f->n_members - 1].bytes = n;
    t->title_due = attribute == TNEF_TITLE && f->n_members > 0 && n > 0 && n <= NAME_MAX_BYTES;
    if (t->title_due)
        return look_want(0, n);
    return look_want((uint64_t)n + TNEF_CHECKSUM, TNEF_ATTRIBUTE);
}

static const char *const tnef_types[] = {"tnef", NULL};
const struct look_format look_tnef = {
    .types = tnef_types, .state_bytes = sizeof(struct tnef), .step = tnef_step};
