/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: YAML, checked against one table (config.def).  Every key has a default,
 * so an empty file is a working one. */
#ifndef KD_CONFIG_CONFIG_H
#define KD_CONFIG_CONFIG_H

#include "base/addr.h"
#include "base/limits.h"
#include "base/site.h"
#include "base/status.h"

enum {
    KD_CONFIG_BYTES_MAX = 1024 * 1024, /* of the file */
    KD_CONFIG_TEXT_MAX = 512,
    KD_CONFIG_ITEMS_MAX = 64,
    KD_CONFIG_ITEM_MAX = 128,
    KD_CONFIG_MAP_MAX = 16 * 1024,
    KD_CONFIG_PROBLEMS_MAX = 16
};

struct kd_config_list {
    char item[KD_CONFIG_ITEMS_MAX][KD_CONFIG_ITEM_MAX];
    size_t n;
};

struct kd_config_map {
    char lines[KD_CONFIG_MAP_MAX]; /* "name=value\n" each */
    size_t n;
};

/* Zones, crossings and hosts, as kd_site_read() takes them; none: no bytes. */
struct kd_config_site {
    uint8_t b[KD_SITE_BYTES_MAX];
    size_t n;
};

/* Where something is fetched from, and how it is known to be what its publisher made. */
struct kd_config_source {
    char url[KD_CONFIG_TEXT_MAX]; /* https://…; empty: it is not fetched */
    char sha256[72];              /* hexadecimal; "beside": URL.sha256 tells it; empty: any */
    char key[KD_CONFIG_TEXT_MAX]; /* PEM file of an Ed25519 key: URL.sig must fit; empty: none */
    uint32_t every_s;
};

struct kd_config_rule_source {
    char name[64];
    struct kd_config_source from;
};
enum { KD_CONFIG_RULE_SOURCES_MAX = 8 };
struct kd_config_rule_sources {
    struct kd_config_rule_source v[KD_CONFIG_RULE_SOURCES_MAX];
    size_t n;
};

/* A list of suspicious objects that others write. */
struct kd_config_feed {
    char file[KD_CONFIG_TEXT_MAX], name[64], format[16], kind[16]; /* file: empty when it is fetched */
    struct kd_config_source from;
    uint8_t confidence; /* 0: by kind */
    uint8_t severity;   /* 0 info to 4 critical; 255: by kind */
    bool force;
};
enum { KD_CONFIG_FEEDS_MAX = 32 };
struct kd_config_feeds {
    struct kd_config_feed v[KD_CONFIG_FEEDS_MAX];
    size_t n;
};

/* All texts are terminated.  What is here has been checked. */
struct kd_config {
#define KD_TEXT(field, key, value, check, en, ja) char field[KD_CONFIG_TEXT_MAX];
#define KD_NUMBER(field, key, value, least, most, unit, en, ja) uint64_t field;
#define KD_LIST(field, key, check, en, ja) struct kd_config_list field;
#define KD_MAP(field, key, en, ja) struct kd_config_map field;
#define KD_SITE(key, en, ja)
#include "config/config.def"
#undef KD_TEXT
#undef KD_NUMBER
#undef KD_LIST
#undef KD_MAP
#undef KD_SITE
    struct kd_limits limits;
    struct kd_config_site site;
    struct kd_config_feeds feeds;
    struct kd_config_rule_sources rule_sources;
    bool has_zone; /* the file says it */
};

/* One complaint: where, and what to do, in both languages.  Foreign text in it is escaped. */
struct kd_config_problem {
    unsigned line; /* from 1; 0: the file as a whole */
    char en[400], ja[400];
};

struct kd_config_problems {
    struct kd_config_problem at[KD_CONFIG_PROBLEMS_MAX];
    size_t n; /* later ones are not kept */
};

/* The defaults alone. */
void kd_config_default(struct kd_config *ret);

/* Defaults overlaid with the file's content.  KD_MALFORMED when there are problems: *ret is not to
 * be used then.  Aliases, anchors, tags, several documents and repeated keys are refused. */
KD_MUST_USE enum kd_status kd_config_read(struct kd_bytes text, struct kd_config *ret,
                                          struct kd_config_problems *problems);

enum kd_reference { KD_REFERENCE_YAML, KD_REFERENCE_MAN };

/* All keys with meaning, default and range: as a commented YAML file that is itself a valid
 * configuration, or as the body of a manual page. */
void kd_config_reference(struct kd_out *o, enum kd_reference form, bool japanese);

/* "https://name[:port]/path": its name (an address of IPv6 without brackets) and port.  Printable ASCII, no user, no "#". */
KD_MUST_USE bool kd_config_https(struct kd_bytes url, struct kd_bytes *ret_host, uint16_t *ret_port);

/* Texts that passed the check, as values. */
KD_MUST_USE bool kd_config_zone(const char *text, int *ret_s);
KD_MUST_USE bool kd_config_listen(struct kd_bytes text, struct kd_addr *ret_addr,
                                  uint16_t *ret_port);

#endif
