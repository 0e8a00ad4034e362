/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the configuration file: what config.c and site.c share.  Nobody else includes this. */
#ifndef KD_CONFIG_READER_H
#define KD_CONFIG_READER_H

#include <yaml.h>

#include "config/table.h"

struct kd_site_draft;

struct kd_reader {
    yaml_parser_t yaml;
    struct kd_config *config;
    struct kd_config_problems *problems;
    uint64_t seen[4]; /* bit of each row that was set already */
    struct kd_site_draft *draft;
};

/* Foreign text for a message: printable, short, terminated. */
struct kd_quoted {
    char text[100];
};
struct kd_quoted kd_config_quote(struct kd_bytes b);

/* Next event, to be deleted by the caller; false at a syntax error, which is then told. */
bool kd_config_next(struct kd_reader *rd, yaml_event_t *ev);

/* Complaints, at a line counted from 0. */
void kd_config_wrong_shape(struct kd_reader *rd, size_t line, const char *key, const char *en, const char *ja);
void kd_config_bad_value(struct kd_reader *rd, size_t line, const char *key, struct kd_bytes value, const char *en,
                         const char *ja);

/* site.c: the list of entries below `zones`, `crossings` or `hosts`, whose opening event was taken;
 * false when reading cannot go on. */
bool kd_site_section(struct kd_reader *rd, const char *section);

/* feeds.c: the same for `objects.lists` and `rules.sources`. */
bool kd_feeds_section(struct kd_reader *rd, const char *section);

/* source.c: a key of a source (url, every, sha256, key).  False: it is none of these.  *ret_en, *ret_ja: NULL, or what is
 * wanted. */
bool kd_source_key(struct kd_config_source *s, struct kd_bytes key, struct kd_bytes v, const char **ret_en,
                   const char **ret_ja);

/* All was read: look whether it fits together, and put it into the configuration. */
void kd_site_finish(struct kd_reader *rd);

#endif
