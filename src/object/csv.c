/* SPDX-License-Identifier: Apache-2.0 */
/* Tables (RFC 4180, and what is written instead): commas, semicolons or tabs, fields in quotes or not, a head in the
 * first line or in the last remark above the table. */
#include "object/internal.h"

enum { COLUMNS_MAX = 64 };

struct table {
    struct kd_feed *f;
    struct kd_bytes rest;
    uint8_t between;
    uint8_t role[COLUMNS_MAX]; /* enum kd_field; KD_F_COUNT: not for us */
    size_t n_columns;
    bool has_head;
    uint8_t *room; /* for fields with doubled quotes */
    size_t room_bytes;
};

static uint8_t separator_of(struct kd_bytes line)
{
    static const uint8_t each[] = {',', ';', '\t'};
    size_t most = 0;
    uint8_t best = ',';
    for (size_t i = 0; i < sizeof(each); i++) {
        size_t n = 0;
        for (size_t k = 0; k < line.n; k++)
            n += line.p[k] == each[i];
        if (n > most) {
            most = n;
            best = each[i];
        }
    }
    return best;
}

static struct kd_bytes bare(struct kd_bytes v)
{
    v = kd_bytes_trim(v);
    v.n -= v.n > 0 && v.p[v.n - 1] == '\r';
    v = kd_bytes_trim(v);
    if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
        v = kd_bytes_of(v.p + 1, v.n - 2);
    return v;
}

/* The columns that a head names; how many are known. */
static size_t read_head(struct kd_bytes line, uint8_t between, uint8_t role[COLUMNS_MAX], size_t *ret_n)
{
    size_t known = 0;
    *ret_n = 0;
    while (line.n > 0 && kd_bytes_at(line, 0) == '#')
        line = kd_bytes_trim(kd_bytes_from(line, 1));
    while (line.n > 0 && *ret_n < COLUMNS_MAX) {
        enum kd_field field = KD_F_COUNT;
        known += kd_field_of(bare(kd_bytes_cut(&line, between)), &field);
        role[(*ret_n)++] = (uint8_t)field;
    }
    return known;
}

bool kd_csv_is_head(struct kd_bytes line)
{
    uint8_t role[COLUMNS_MAX];
    size_t n;
    uint8_t between = separator_of(line);
    bool values = false;
    if (kd_bytes_find_byte(line, between) == SIZE_MAX || read_head(line, between, role, &n) == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        values |= role[i] <= KD_F_MAIL && role[i] != KD_F_TYPE;
    return values;
}

/* "SHA1" beside a reason for listing and nothing else is SSLBL's, of certificates. */
static void settle_roles(struct table *t, struct kd_bytes head)
{
    if (kd_bytes_icontains(head, kd_str("listingreason")) && !kd_bytes_icontains(head, kd_str("url")))
        for (size_t i = 0; i < t->n_columns; i++)
            if (t->role[i] == KD_F_SHA1)
                t->role[i] = KD_F_CERT;
}

static bool try_head(struct table *t, struct kd_bytes line)
{
    uint8_t role[COLUMNS_MAX];
    size_t n;
    if (!kd_csv_is_head(line))
        return false;
    t->between = separator_of(line);
    (void)read_head(line, t->between, role, &n);
    memcpy(t->role, role, sizeof(role));
    t->n_columns = n;
    t->has_head = true;
    settle_roles(t, line);
    return true;
}

/* A field in quotes, perhaps over several lines; *ok false when it never ends. */
static struct kd_bytes quoted(struct table *t, struct kd_out *room, bool *ok)
{
    struct kd_bytes r = kd_bytes_from(t->rest, 1);
    size_t start = room->n, n = 0;
    bool doubled = false;
    for (; n < r.n && n <= t->f->site->line_max; n++) {
        if (r.p[n] == '"' && kd_bytes_at(r, n + 1) != '"')
            break;
        if (r.p[n] == '"') {
            doubled = true;
            n++;
        }
    }
    *ok = n < r.n && r.p[n] == '"';
    if (!*ok)
        return kd_bytes_of(NULL, 0);
    for (size_t i = 0; i < n; i++)
        t->f->line += r.p[i] == '\n';
    t->rest = kd_bytes_from(r, n + 1);
    if (!doubled)
        return kd_bytes_head(r, n);
    for (size_t i = 0; i < n; i++) {
        kd_out_u8(room, r.p[i]);
        i += r.p[i] == '"';
    }
    return kd_out_ok(room) ? kd_bytes_of(room->p + start, room->n - start) : kd_bytes_head(r, n);
}

/* One field; *ret_last: the row ends with it. */
static struct kd_bytes field(struct table *t, struct kd_out *room, bool *ret_last, bool *ok)
{
    struct kd_bytes v;
    while (kd_bytes_at(t->rest, 0) == ' ' || (kd_bytes_at(t->rest, 0) == '\t' && t->between != '\t'))
        t->rest = kd_bytes_from(t->rest, 1);
    *ok = true;
    if (kd_bytes_at(t->rest, 0) == '"') {
        v = quoted(t, room, ok);
        size_t n = 0; /* what stands between the quote and the separator is nothing */
        while (*ok && n < t->rest.n && t->rest.p[n] != t->between && t->rest.p[n] != '\n')
            n++;
        t->rest = kd_bytes_from(t->rest, n);
    } else {
        size_t n = 0;
        while (n < t->rest.n && t->rest.p[n] != t->between && t->rest.p[n] != '\n')
            n++;
        v = bare(kd_bytes_head(t->rest, n));
        t->rest = kd_bytes_from(t->rest, n);
    }
    *ret_last = t->rest.n == 0 || t->rest.p[0] == '\n';
    t->rest = kd_bytes_from(t->rest, 1);
    return v;
}

static void row(struct table *t)
{
    struct kd_row r = {0};
    struct kd_out room = kd_out_of(t->room, t->room_bytes);
    struct kd_bytes begin = t->rest, one = {NULL, 0};
    uint64_t line = t->f->line;
    bool last = false, ok = true;
    for (size_t i = 0; !last; i++) {
        struct kd_bytes v = field(t, &room, &last, &ok);
        if (!ok) {
            t->rest = begin;
            (void)kd_bytes_cut(&t->rest, '\n');
            t->f->line = line;
            kd_feed_wrong(t->f, "a field in quotes has no end", kd_bytes_head(begin, 60));
            return;
        }
        enum kd_object_kind kind;
        if (!t->has_head && one.n == 0 && kd_object_guess(v, &kind))
            one = v;
        if (i < t->n_columns && t->role[i] < KD_F_COUNT && r.f[t->role[i]].n == 0)
            r.f[t->role[i]] = v;
    }
    if (!t->has_head)
        r.f[KD_F_VALUE] = one;
    kd_feed_row(t->f, &r);
}

static void lines(struct table *t)
{
    while (t->rest.n > 0 && kd_feed_go_on(t->f)) {
        size_t end = kd_min_size(kd_bytes_find_byte(t->rest, '\n'), t->rest.n);
        struct kd_bytes line = kd_bytes_trim(kd_bytes_head(t->rest, end));
        line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
        t->f->line++;
        bool remark = line.n > 0 && line.p[0] == '#', head = false;
        if ((remark || !t->has_head) && line.n <= t->f->site->line_max)
            head = try_head(t, line);
        if (remark || head || line.n == 0) {
            t->f->list->lines--;
            (void)kd_bytes_cut(&t->rest, '\n');
        } else {
            row(t);
        }
    }
}

void kd_feed_csv(struct kd_feed *f, struct kd_bytes text)
{
    static uint8_t room[1 << 16];
    struct table t = {.f = f, .rest = text, .room = room, .room_bytes = sizeof(room)};
    t.between = separator_of(kd_bytes_head(text, kd_bytes_find_byte(text, '\n')));
    lines(&t);
}
