/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a rule file, plain or within zstd or gzip. */
#ifndef KD_BIN_RULE_TEXT_H
#define KD_BIN_RULE_TEXT_H

#include "base/bytes.h"
#include "base/status.h"

enum { KD_RULE_TEXT_MAX = 512 << 20 }; /* of one file, decompressed */

struct kd_rule_text {
    struct kd_bytes text;
    void *map; /* of the file */
    size_t n_map;
    void *unpacked; /* malloc; NULL: the text is the map */
};

/* Read the whole of a regular file; `fd` stays open.  KD_LIMIT: larger than KD_RULE_TEXT_MAX. */
KD_MUST_USE enum kd_status kd_rule_text_read(int fd, struct kd_rule_text *ret);
void kd_rule_text_done(struct kd_rule_text *t);

#endif
