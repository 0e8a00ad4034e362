/* SPDX-License-Identifier: Apache-2.0 */
/* Shortcuts: what they start.  Windows' own ([MS-SHLLINK]) and those to the web (.url). */
#include "proto/carve/look.h"

enum {
    HEADER = 76,
    HAS_ID_LIST = 1,
    HAS_LINK_INFO = 2,
    HAS_NAME = 4,
    HAS_RELATIVE_PATH = 8,
    HAS_WORKING_DIR = 0x10,
    HAS_ARGUMENTS = 0x20,
    HAS_ICON = 0x40,
    IS_UNICODE = 0x80,
    PART_MAX = 1024
};

enum phase { HEAD, ID_LIST, INFO_SIZE, INFO, TEXT_SIZE, TEXT };

struct lnk {
    uint8_t phase;
    uint32_t flags;   /* what is still to come */
    uint32_t running; /* the text being read */
    uint32_t behind;  /* bytes of it that are too many */
    struct kd_bytes path, relative, arguments;
};

static struct look_step next_part(struct lnk *s)
{
    static const uint32_t texts[] = {HAS_NAME, HAS_RELATIVE_PATH, HAS_WORKING_DIR, HAS_ARGUMENTS,
                                     HAS_ICON};
    if (s->flags & HAS_ID_LIST) {
        s->flags &= ~(uint32_t)HAS_ID_LIST;
        s->phase = ID_LIST;
        return look_want(0, 2);
    }
    if (s->flags & HAS_LINK_INFO) {
        s->flags &= ~(uint32_t)HAS_LINK_INFO;
        s->phase = INFO_SIZE;
        return look_want(0, 4);
    }
    for (size_t i = 0; i < KD_COUNT(texts); i++)
        if (s->flags & texts[i]) {
            s->running = texts[i];
            s->flags &= ~texts[i];
            s->phase = TEXT_SIZE;
            return look_want(0, 2);
        }
    return look_done();
}

/* The path of the target (2.3): on a drive, or a share. */
static void read_info(struct look *l, struct lnk *s, struct kd_bytes b)
{
    enum { BEFORE = 4 }; /* its size was taken already */
    struct kd_cur c = kd_cur_of(b);
    (void)kd_cur_le32(&c);
    uint32_t flags = kd_cur_le32(&c);
    (void)kd_cur_le32(&c);
    uint32_t local = kd_cur_le32(&c);
    uint32_t network = kd_cur_le32(&c);
    if (!kd_cur_ok(&c))
        return;
    if ((flags & 1) && local > BEFORE) {
        struct kd_bytes path = kd_bytes_from(b, local - BEFORE);
        s->path = look_text(l, kd_bytes_head(path, kd_bytes_find_byte(path, 0)), false, PART_MAX);
    }
    if ((flags & 2) && network > BEFORE) {
        struct kd_bytes at = kd_bytes_from(b, network - BEFORE);
        struct kd_cur n = kd_cur_of(kd_bytes_from(at, 8));
        struct kd_bytes name = kd_bytes_from(at, kd_cur_le32(&n));
        if (kd_cur_ok(&n))
            look_link(l, kd_bytes_head(name, kd_bytes_find_byte(name, 0)));
    }
}

static struct look_step on_text_size(struct lnk *s, struct kd_bytes got)
{
    struct kd_cur c = kd_cur_of(got);
    uint32_t n = kd_cur_le16(&c);
    n *= s->flags & IS_UNICODE ? 2 : 1;
    bool wanted = s->running == HAS_RELATIVE_PATH || s->running == HAS_ARGUMENTS;
    s->phase = TEXT;
    if (n > 0 && wanted) {
        uint32_t kept = n > LOOK_HELD ? LOOK_HELD : n;
        s->behind = n - kept;
        return look_want(0, kept);
    }
    struct look_step next = next_part(s);
    next.skip += n;
    return next;
}

static void end_command(struct look *l, const struct lnk *s)
{
    uint8_t room[PART_MAX * 2 + 1];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_bytes(&o, s->path.n > 0 ? s->path : s->relative);
    if (s->arguments.n > 0) {
        kd_out_str(&o, " ");
        kd_out_bytes(&o, s->arguments);
    }
    l->found.command = kd_arena_copy(l->mem, kd_out_bytes_view(&o), l->found.text_left);
    l->found.text_left -= (uint32_t)l->found.command.n;
}

static void keep_text(struct look *l, struct lnk *s, struct kd_bytes got)
{
    struct kd_bytes text = s->flags & IS_UNICODE ? look_text_utf16(l, got, false, PART_MAX)
                                                 : look_text(l, got, false, PART_MAX);
    if (s->running == HAS_ARGUMENTS)
        s->arguments = text;
    else
        s->relative = text;
}

static struct look_step lnk_step(struct look *l, struct kd_bytes got)
{
    struct lnk *s = l->state;
    struct kd_cur c = kd_cur_of(got);
    struct look_step next;
    uint32_t n;
    if (got.n == 0)
        return look_want(0, HEADER);
    switch ((enum phase)s->phase) {
    case HEAD:
        (void)kd_cur_take(&c, 20);
        s->flags = kd_cur_le32(&c);
        return next_part(s);
    case ID_LIST:
        next = next_part(s);
        next.skip += kd_cur_le16(&c);
        return next;
    case INFO_SIZE:
        n = kd_cur_le32(&c);
        s->phase = INFO;
        if (n < 28 || n > LOOK_HELD)
            return look_done();
        return look_want(0, n - 4);
    case INFO:
        read_info(l, s, got);
        return next_part(s);
    case TEXT_SIZE:
        return on_text_size(s, got);
    case TEXT:
        keep_text(l, s, got);
        next = next_part(s);
        next.skip += s->behind;
        return next;
    }
    return look_done();
}

static void lnk_end(struct look *l, struct kd_bytes rest)
{
    struct lnk *s = l->state;
    if (s->phase == TEXT && rest.n > 0)
        keep_text(l, s, rest);
    end_command(l, s);
}

static const char *const lnk_types[] = {"lnk", NULL};
const struct look_format look_lnk = {
    .types = lnk_types, .state_bytes = sizeof(struct lnk), .step = lnk_step, .end = lnk_end};

/* --- .url --- */

static void read_ini(struct look *l, struct kd_bytes text)
{
    while (text.n > 0) {
        struct kd_bytes value = kd_bytes_cut(&text, '\n');
        if (value.n > 0 && kd_bytes_at(value, value.n - 1) == '\r')
            value.n--;
        struct kd_bytes key = kd_bytes_trim(kd_bytes_cut(&value, '='));
        if (kd_bytes_ieq(key, kd_str("URL")) || kd_bytes_ieq(key, kd_str("BASEURL")) ||
            (kd_bytes_ieq(key, kd_str("IconFile")) && kd_bytes_at(value, 0) == '\\'))
            look_link(l, kd_bytes_trim(value));
    }
}

static struct look_step url_step(struct look *l, struct kd_bytes got)
{
    if (got.n == 0)
        return look_want(0, LOOK_HELD);
    read_ini(l, got);
    return look_done();
}

static const char *const url_types[] = {"url-shortcut", NULL};
const struct look_format look_url = {.types = url_types, .step = url_step, .end = read_ini};
