/* SPDX-License-Identifier: Apache-2.0 */
/* An archive of rules (tar, plain or gzip, zstd, xz; zip) as parts of an image: its *.rules files, lists that rules
 * may load, and the configuration files beside them, by the last part of their names.  Foreign bytes: in a sandbox. */
#ifndef KD_BIN_RULE_ARCHIVE_H
#define KD_BIN_RULE_ARCHIVE_H

#include "rule/image.h"

enum { KD_RULE_ARCHIVE_MEMBERS = 10000 };

/* Has it a usual name of a list that rules load (datasets, digests, reputations)? */
bool kd_rule_is_list(struct kd_bytes name);

/* Is this what one file of a set may be called?  "emerging-dns.rules", "classification.config" … */
bool kd_rule_file_name_ok(struct kd_bytes name, enum kd_rule_part *ret);

/* Does the file begin like an archive (rather than like rules)? */
bool kd_rule_is_archive(struct kd_bytes head);

/* `bytes`: the whole file.  Two members of one name are refused.  `source` (may be NULL): goes before the names of rule files that are
 * in the image already; of configuration files the first counts then. */
KD_MUST_USE enum kd_status kd_rule_archive(struct kd_bytes bytes, const char *source, struct kd_out *image, struct kd_err *err);

#endif
