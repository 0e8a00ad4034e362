/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of suspicious objects as others write them are read into an index.  A list is hostile input: what a line
 * breaks is that line, which is counted; the first is kept with its number and reason.
 *
 * Two shapes are read by names of fields, wherever they come from: rows of a table (its head names the columns) and
 * members of JSON objects.  docs/internals/objects.md has the names and formats. */
#ifndef KD_OBJECT_FEED_H
#define KD_OBJECT_FEED_H

#include "object/build.h"

enum kd_feed_format {
    KD_FEED_AUTO,
    KD_FEED_PLAIN,   /* a value a line, perhaps a remark; or "kind value [remark]" */
    KD_FEED_HOSTS,   /* as /etc/hosts: address, names */
    KD_FEED_DATASET, /* Suricata: Base64 or digits, perhaps ",reputation" */
    KD_FEED_CSV,     /* by the names of its columns: abuse.ch, MISP export, any with a head */
    KD_FEED_MISP,    /* an event in JSON; its manifest is skipped */
    KD_FEED_STIX,    /* a bundle of STIX 2.1 */
    KD_FEED_JSON,    /* abuse.ch */
    KD_FEED_FORMATS
};

const char *kd_feed_format_name(enum kd_feed_format f); /* "auto", "plain" … */
KD_MUST_USE bool kd_feed_format_of(struct kd_bytes name, enum kd_feed_format *ret);

enum { KD_FEED_FILE_MAX = 1 << 30, KD_FEED_AS_KIND = 255, KD_FEED_ANY_KIND = 255 };

/* How one list is to be taken. */
struct kd_feed_spec {
    char name[KD_OBJ_LIST_NAME_MAX];
    uint8_t format;     /* enum kd_feed_format */
    uint8_t kind;       /* enum kd_object_kind; KD_FEED_ANY_KIND: by field or shape */
    uint8_t confidence; /* of entries that have none; 0: by kind */
    uint8_t severity;   /* at most; KD_FEED_AS_KIND: by kind */
    bool force;         /* without the safe-list */
};

struct kd_feed_site {
    const struct kd_net *inside; /* the site's own networks */
    size_t n_inside;
    uint32_t line_max; /* bytes of one line or field */
    bool (*stop)(void *arg); /* asked now and then: is the time over?  May be NULL */
    void *arg;
};

/* One file of a list; `text` is changed (escapes are undone in place).  KD_LIMIT: no room for all of it, or no time;
 * KD_NO_MEMORY; KD_MALFORMED: nothing in it could be read.  What was read before stays. */
KD_MUST_USE enum kd_status kd_feed_read(struct kd_obj_build *b, struct kd_obj_list *list, const struct kd_feed_spec *spec,
                                        const struct kd_feed_site *site, const char *file, uint8_t *text, size_t n);

/* The format that content looks like. */
enum kd_feed_format kd_feed_guess(struct kd_bytes text);

#endif
