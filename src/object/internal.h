/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of lists share.  Nobody else includes this. */
#ifndef KD_OBJECT_INTERNAL_H
#define KD_OBJECT_INTERNAL_H

#include "object/feed.h"

/* What a column or member can mean; the first of several remarks in this order is taken. */
enum kd_field {
    KD_F_VALUE,
    KD_F_TYPE,
    KD_F_URL,
    KD_F_SHA256,
    KD_F_SHA1,
    KD_F_MD5,
    KD_F_CERT,
    KD_F_JA3,
    KD_F_JA4,
    KD_F_DOMAIN,
    KD_F_IP,
    KD_F_MAIL,
    KD_F_CONFIDENCE,
    KD_F_FROM,
    KD_F_UNTIL,
    KD_F_TO_IDS,
    KD_F_REVOKED,
    KD_F_PATTERN,
    KD_F_PATTERN_TYPE,
    KD_F_INDICATOR_TYPES,
    KD_F_NOTE, /* a malware's name */
    KD_F_NOTE2,
    KD_F_NOTE3,
    KD_F_INFO, /* of the whole event */
    KD_F_COUNT
};

struct kd_row {
    struct kd_bytes f[KD_F_COUNT]; /* p NULL: not there */
};

/* The safe-list, ready to be asked. */
struct kd_safe {
    struct kd_net net[64];
    uint8_t slot[512]; /* names by their hash: number + 1 */
};

struct kd_feed {
    struct kd_safe safe;
    struct kd_obj_build *build;
    struct kd_obj_list *list;
    const struct kd_feed_spec *spec;
    const struct kd_feed_site *site;
    const char *file;
    uint64_t line;
    uint64_t taken; /* entries of this file */
    enum kd_status status; /* what ends the reading */
    unsigned to_stop; /* lines until the clock is asked again */
};

/* row.c */
bool kd_field_of(struct kd_bytes name, enum kd_field *ret);
void kd_feed_row(struct kd_feed *f, const struct kd_row *row);
/* A value with what the row says beside it.  `type` empty: by the list's kind or by shape. */
void kd_feed_value(struct kd_feed *f, struct kd_bytes type, struct kd_bytes value, const struct kd_row *row);
void kd_feed_kind(struct kd_feed *f, enum kd_object_kind kind, bool exact, struct kd_bytes value,
                  const struct kd_row *row);
void kd_feed_wrong(struct kd_feed *f, const char *why, struct kd_bytes value);
/* Another line or object; false: stop. */
bool kd_feed_go_on(struct kd_feed *f);

/* safe.c: why such an entry is not taken, or NULL. */
void kd_safe_init(struct kd_safe *s);
const char *kd_safe_name(const struct kd_safe *s, struct kd_bytes name);
const char *kd_safe_net(const struct kd_safe *s, const struct kd_net *net, const struct kd_feed_site *site);
const char *kd_safe_sum(enum kd_object_kind kind, struct kd_bytes sum);

/* One reader a file. */
void kd_feed_plain(struct kd_feed *f, struct kd_bytes text);
void kd_feed_hosts(struct kd_feed *f, struct kd_bytes text);
void kd_feed_dataset(struct kd_feed *f, struct kd_bytes text);
void kd_feed_csv(struct kd_feed *f, struct kd_bytes text);
void kd_feed_json(struct kd_feed *f, uint8_t *text, size_t n, enum kd_feed_format format);
void kd_feed_pattern(struct kd_feed *f, struct kd_bytes pattern, const struct kd_row *row);
/* Names of fields in the first line of a table, or in a remark above it; false: none is known. */
bool kd_csv_is_head(struct kd_bytes line);

#endif
