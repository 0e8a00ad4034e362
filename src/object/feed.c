/* SPDX-License-Identifier: Apache-2.0 */
#include "object/feed.h"

#include "object/internal.h"

enum { LOOK_LINES = 200, LOOK_BYTES = 64 << 10, MOSTLY = 2 };

static const char *const names[KD_FEED_FORMATS] = {"auto", "plain", "hosts", "dataset", "csv", "misp", "stix", "json"};

const char *kd_feed_format_name(enum kd_feed_format f)
{
    KD_ASSERT((unsigned)f < KD_FEED_FORMATS);
    return names[f];
}

bool kd_feed_format_of(struct kd_bytes name, enum kd_feed_format *ret)
{
    for (unsigned i = 0; i < KD_FEED_FORMATS; i++)
        if (kd_bytes_eq_str(name, names[i])) {
            *ret = (enum kd_feed_format)i;
            return true;
        }
    return false;
}

/* The members that only one of the formats has, near the beginning. */
static enum kd_feed_format guess_json(struct kd_bytes head)
{
    if (kd_bytes_find(head, kd_str("\"bundle\"")) != SIZE_MAX || kd_bytes_find(head, kd_str("\"spec_version\"")) != SIZE_MAX ||
        kd_bytes_find(head, kd_str("\"pattern_type\"")) != SIZE_MAX)
        return KD_FEED_STIX;
    if (kd_bytes_find(head, kd_str("\"Event\"")) != SIZE_MAX || kd_bytes_find(head, kd_str("\"Attribute\"")) != SIZE_MAX ||
        kd_bytes_find(head, kd_str("\"Orgc\"")) != SIZE_MAX)
        return KD_FEED_MISP;
    return KD_FEED_JSON;
}

static bool looks_like_dataset(struct kd_bytes line)
{
    line = kd_bytes_head(line, kd_bytes_find_byte(line, ','));
    enum kd_object_kind kind;
    if (line.n < 8 || line.n % 4 != 0 || kd_object_guess(line, &kind))
        return false;
    for (size_t i = 0; i < line.n; i++) {
        uint8_t c = kd_ascii_lower(line.p[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '='))
            return false;
    }
    return true;
}

/* "0.0.0.0 name": of another address the second word is a remark. */
static bool looks_like_hosts(struct kd_bytes line)
{
    static const char *const nowhere[] = {"0.0.0.0", "127.0.0.1", "::1", "::", "fe80::1%lo0", "255.255.255.255"};
    size_t n = kd_min_size(kd_bytes_find_byte(line, ' '), kd_bytes_find_byte(line, '\t'));
    for (size_t i = 0; n < line.n && i < KD_COUNT(nowhere); i++)
        if (kd_bytes_eq_str(kd_bytes_head(line, n), nowhere[i]))
            return true;
    return false;
}

enum kd_feed_format kd_feed_guess(struct kd_bytes text)
{
    struct kd_bytes head = kd_bytes_head(text, LOOK_BYTES), rest = head;
    unsigned n = 0, hosts = 0, datasets = 0;
    bool table = false;
    while (rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\n' || rest.p[0] == '\r' || rest.p[0] == '\t'))
        rest = kd_bytes_from(rest, 1);
    if (kd_bytes_at(rest, 0) == '{' || kd_bytes_at(rest, 0) == '[')
        return guess_json(head);
    for (unsigned i = 0; i < LOOK_LINES && rest.n > 0; i++) {
        struct kd_bytes line = kd_bytes_cut(&rest, '\n');
        line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
        line = kd_bytes_trim(line);
        if (line.n == 0)
            continue;
        bool remark = line.p[0] == '#';
        enum kd_object_kind kind;
        bool ours = !remark && kd_object_kind_of(kd_bytes_head(line, kd_bytes_find_byte(line, ',')), &kind) &&
                    kd_bytes_find_byte(line, ',') != SIZE_MAX && !kd_csv_is_head(line);
        if (ours)
            return KD_FEED_PLAIN;
        table |= (remark || n == 0) && kd_csv_is_head(line);
        table |= !remark && n == 0 && line.p[0] == '"';
        if (remark)
            continue;
        n++;
        hosts += looks_like_hosts(line);
        datasets += looks_like_dataset(line);
    }
    return table                  ? KD_FEED_CSV
           : MOSTLY * hosts > n    ? KD_FEED_HOSTS
           : MOSTLY * datasets > n ? KD_FEED_DATASET
                                   : KD_FEED_PLAIN;
}

/* A feed of MISP has files beside its events. */
static bool is_beside(struct kd_bytes head, enum kd_feed_format format)
{
    return format == KD_FEED_MISP && kd_bytes_find(head, kd_str("\"Orgc\"")) != SIZE_MAX &&
           kd_bytes_find(head, kd_str("\"Event\"")) == SIZE_MAX && kd_bytes_find(head, kd_str("\"Attribute\"")) == SIZE_MAX;
}

enum kd_status kd_feed_read(struct kd_obj_build *b, struct kd_obj_list *list, const struct kd_feed_spec *spec,
                            const struct kd_feed_site *site, const char *file, uint8_t *text, size_t n)
{
    struct kd_feed f = {.build = b, .list = list, .spec = spec, .site = site, .file = file};
    struct kd_bytes all = kd_bytes_of(text, n);
    kd_safe_init(&f.safe);
    list->forced |= spec->force;
    uint64_t wrong = list->wrong, beyond = list->beyond, left_out = list->refused + list->other;
    if (kd_bytes_starts(all, kd_str("\xef\xbb\xbf")))
        all = kd_bytes_from(all, 3);
    enum kd_feed_format format = (enum kd_feed_format)spec->format;
    if (format == KD_FEED_AUTO || (format >= KD_FEED_FORMATS))
        format = kd_feed_guess(all);
    struct kd_out o = kd_out_of(list->format, sizeof(list->format) - 1);
    kd_out_str(&o, kd_feed_format_name(format));
    if (is_beside(kd_bytes_head(all, LOOK_BYTES), format))
        return KD_OK;
    if (format == KD_FEED_HOSTS)
        kd_feed_hosts(&f, all);
    else if (format == KD_FEED_DATASET)
        kd_feed_dataset(&f, all);
    else if (format == KD_FEED_CSV)
        kd_feed_csv(&f, all);
    else if (format == KD_FEED_PLAIN)
        kd_feed_plain(&f, all);
    else
        kd_feed_json(&f, text + (n - all.n), all.n, format);
    if (f.status != KD_OK)
        return f.status;
    if (list->beyond > beyond)
        return KD_LIMIT;
    return f.taken == 0 && list->wrong > wrong && list->refused + list->other == left_out ? KD_MALFORMED : KD_OK;
}
