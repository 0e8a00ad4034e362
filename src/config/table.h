/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of config.def and base/limits.def as one table. */
#ifndef KD_CONFIG_TABLE_H
#define KD_CONFIG_TABLE_H

#include "config/config.h"

enum kd_config_kind { KIND_TEXT, KIND_NUMBER, KIND_LIST, KIND_MAP, KIND_SITE, KIND_LIMIT };

enum kd_config_check {
    CHECK_NONE,
    CHECK_PATH,
    CHECK_NET,
    CHECK_ZONE,
    CHECK_LISTEN,
    CHECK_INTERFACE,
    CHECK_SANDBOX,
    CHECK_POLICY,
    CHECK_FILES,
    CHECK_URL,
    CHECK_SERVER,
    CHECK_TLS,
    CHECK_WORD,
    CHECK_MAIL,
    CHECK_MAIL_ITEM,
    CHECK_LANGUAGE,
    CHECK_SEVERITY,
    CHECK_SWITCH,
    CHECK_PROXY
};

struct kd_config_row {
    const char *key;
    enum kd_config_kind kind;
    enum kd_config_check check;
    size_t offset; /* in struct kd_config */
    const char *text;
    uint64_t number, least, most;
    const char *unit, *en, *ja;
};

/* Row i; false behind the last. */
bool kd_config_row(size_t i, struct kd_config_row *ret);

/* The row of that key; limits as "limits.NAME". */
bool kd_config_find(struct kd_bytes key, struct kd_config_row *ret);

/* Is there a key below this one ("web")? */
bool kd_config_is_group(struct kd_bytes key);

/* The key most like this one, or NULL when none is. */
const char *kd_config_nearest(struct kd_bytes key);

/* Does the value do?  When not, the wanted form in both languages. */
bool kd_config_value_ok(enum kd_config_check check, struct kd_bytes value, const char **ret_en,
                        const char **ret_ja);

/* What only several keys together can be wrong about; complaints are added. */
void kd_config_whole(const struct kd_config *c, struct kd_config_problems *problems);

#endif
