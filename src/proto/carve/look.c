/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/carve/look.h"

#include "base/charset.h"

enum { NAME_MAX_BYTES = 512, LINK_MAX_BYTES = 1024 };

const struct look_format *const look_formats[] = {
    &look_cab,     &look_gzip, &look_iso, &look_lnk, &look_ole,
    &look_onenote, &look_pdf,  &look_rar, &look_rtf, &look_sevenzip,
    &look_tar,     &look_tnef, &look_url, &look_zip, NULL,
};

static const struct look_format *format_of(const char *type)
{
    for (size_t i = 0; look_formats[i] != NULL; i++)
        for (const char *const *t = look_formats[i]->types; *t != NULL; t++)
            if (type != NULL ? kd_str_eq(*t, type) : **t == '\0')
                return look_formats[i];
    return NULL;
}

bool look_start(struct look *l, struct kd_arena *mem, const struct kd_limits *lim, const char *type)
{
    *l = (struct look){
        .mem = mem, .lim = lim, .found.text_left = LOOK_TEXT_BUDGET, .format = format_of(type)};
    if (l->format == NULL)
        return false;
    if (l->format->state_bytes > 0)
        l->state = kd_arena_alloc(mem, l->format->state_bytes);
    if (l->state == NULL && l->format->state_bytes > 0) {
        l->format = NULL;
        return false;
    }
    l->step = l->format->step(l, (struct kd_bytes){NULL, 0});
    l->stopped = l->step.want == 0;
    return true;
}

static void take_step(struct look *l, struct kd_bytes got)
{
    l->step = l->format->step(l, got);
    l->n_held = 0;
    l->stopped = l->step.want == 0 || (!l->step.any && l->step.want > LOOK_HELD);
}

/* Gather towards what is wanted; returns how much of the piece was used. */
static size_t gather(struct look *l, struct kd_bytes piece)
{
    size_t n = (size_t)kd_min_u64(l->step.want - l->n_held, piece.n);
    if (l->n_held == 0 && n == l->step.want) {
        l->at = l->next;
        take_step(l, kd_bytes_head(piece, n));
        return n;
    }
    if (l->held == NULL)
        l->held = kd_arena_alloc(l->mem, LOOK_HELD);
    if (l->held == NULL) {
        l->stopped = true;
        return n;
    }
    if (l->n_held == 0)
        l->at = l->next;
    memcpy(l->held + l->n_held, piece.p, n);
    l->n_held += (uint32_t)n;
    if (l->n_held == l->step.want)
        take_step(l, kd_bytes_of(l->held, l->n_held));
    return n;
}

void look_add(struct look *l, struct kd_bytes piece)
{
    while (l->format != NULL && !l->stopped && piece.n > 0) {
        size_t n = (size_t)kd_min_u64(l->step.skip, piece.n);
        if (n > 0) {
            l->step.skip -= n;
        } else if (l->step.any) {
            struct kd_bytes b = kd_bytes_head(piece, (size_t)kd_min_u64(l->step.want, piece.n));
            l->at = l->next;
            l->back = 0;
            take_step(l, b);
            n = b.n - kd_min_size(l->back, b.n - 1);
        } else {
            n = gather(l, piece);
        }
        l->next += n;
        piece = kd_bytes_from(piece, n);
    }
}

void look_gap(struct look *l)
{
    l->stopped = true;
}

void look_end(struct look *l)
{
    if (l->format == NULL || l->format->end == NULL)
        return;
    struct kd_bytes rest = {l->held, l->held == NULL ? 0 : l->n_held};
    l->format->end(l, rest);
}

/* --- results --- */

struct kd_bytes look_text(struct look *l, struct kd_bytes text, bool utf8, size_t max)
{
    uint8_t room[LINK_MAX_BYTES];
    struct kd_out o = kd_out_of(room, kd_min_size(sizeof(room), max));
    if (!utf8 || !kd_charset_to_utf8(kd_str("utf-8"), text, &o))
        kd_charset_guess_to_utf8(text, &o);
    struct kd_bytes kept = kd_arena_copy(l->mem, kd_out_bytes_view(&o), l->found.text_left);
    l->found.text_left -= (uint32_t)kept.n;
    return kept;
}

struct kd_bytes look_text_utf16(struct look *l, struct kd_bytes text, bool big, size_t max)
{
    uint8_t room[LINK_MAX_BYTES];
    struct kd_out o = kd_out_of(room, kd_min_size(sizeof(room), max));
    if (!kd_charset_to_utf8(kd_str(big ? "utf-16be" : "utf-16le"), text, &o))
        return (struct kd_bytes){NULL, 0};
    struct kd_bytes kept = kd_arena_copy(l->mem, kd_out_bytes_view(&o), l->found.text_left);
    l->found.text_left -= (uint32_t)kept.n;
    return kept;
}

size_t look_find(struct kd_bytes b, struct kd_bytes mark, uint8_t *matched)
{
    for (size_t i = 0; i < b.n; i++) {
        if (*matched == 0) {
            size_t at = kd_bytes_find_byte(kd_bytes_from(b, i), mark.p[0]);
            if (at == SIZE_MAX)
                return SIZE_MAX;
            i += at;
            *matched = 1;
        } else if (b.p[i] == mark.p[*matched]) {
            ++*matched;
        } else {
            *matched = b.p[i] == mark.p[0];
        }
        if (*matched == mark.n) {
            *matched = 0;
            return i + 1;
        }
    }
    return SIZE_MAX;
}

/* The array with room for one more, or NULL. */
static void *grow(struct look *l, void *old, uint32_t n, uint32_t *room, size_t size)
{
    enum { FIRST = 8 };
    if (n >= l->lim->list_items || l->found.text_left == 0)
        return NULL;
    if (n < *room)
        return old;
    uint32_t more = *room == 0 ? FIRST : *room * 2;
    void *fresh = kd_arena_alloc(l->mem, more * size);
    if (fresh == NULL)
        return NULL;
    if (n > 0)
        memcpy(fresh, old, n * size);
    *room = more;
    return fresh;
}

struct kd_file_member *look_member(struct look *l, struct kd_bytes name, bool utf8, uint64_t bytes,
                                   bool encrypted)
{
    struct look_found *f = &l->found;
    f->encrypted |= encrypted;
    struct kd_file_member *items =
        grow(l, f->members, f->n_members, &f->room_members, sizeof(*items));
    if (items == NULL)
        return NULL;
    f->members = items;
    struct kd_file_member *m = &items[f->n_members++];
    *m = (struct kd_file_member){
        .filename = look_text(l, name, utf8, NAME_MAX_BYTES),
        .bytes = bytes,
        .encrypted = encrypted,
    };
    return m;
}

void look_link(struct look *l, struct kd_bytes text)
{
    struct look_found *f = &l->found;
    for (uint32_t i = 0; i < f->n_links; i++)
        if (kd_bytes_eq(f->links[i], kd_bytes_head(text, LINK_MAX_BYTES)))
            return;
    struct kd_bytes *items = grow(l, f->links, f->n_links, &f->room_links, sizeof(*items));
    if (items == NULL || text.n == 0)
        return;
    f->links = items;
    items[f->n_links++] = look_text(l, text, true, LINK_MAX_BYTES);
}
