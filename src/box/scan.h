/* SPDX-License-Identifier: Apache-2.0 */
/* YARA rules (libyara): compiled from text, run on one file at a time.  Neither the rules nor the files are
 * believed: this runs in a process that has nothing (role box, or the sandbox of `kidoban rules`).
 *
 * Rules can import pe, elf, math, hash, dotnet, dex, macho, time, string and console; others need what is not there and
 * are refused, and so is `include`.  Of a file they know filename, filepath, extension and filetype. */
#ifndef KD_BOX_SCAN_H
#define KD_BOX_SCAN_H

#include "base/pool.h"
#include "wire/record.h"

struct kd_yara;

struct kd_yara_counts {
    uint32_t files, refused, rules;
};

/* Why a file of rules is not taken: "FILE:LINE: reason" in parts. */
typedef void kd_yara_refused(void *arg, struct kd_bytes file, uint32_t line, const char *why);

/* Once, before the sandbox. */
KD_MUST_USE bool kd_yara_start(void);

/* Compile a bundle (bundle.h; its texts need not outlive the call).  Files with an error are told and left out.  NULL:
 * no memory, or the bundle is broken. */
KD_MUST_USE struct kd_yara *kd_yara_new(struct kd_bytes bundle, kd_yara_refused *refused, void *arg,
                                        struct kd_yara_counts *ret, struct kd_err *err);
void kd_yara_free(struct kd_yara *y);

struct kd_yara_file {
    struct kd_bytes content, name, type;
};

/* One rule that matched; the record's texts live until the call returns.  False: no more, please. */
typedef bool kd_yara_match(void *arg, const struct kd_rec_yara *match);

/* Fills the part of the record that is about the rule.  KD_DEADLINE: the time was over, what was found was told.
 * KD_LIMIT: another bound of the library. */
KD_MUST_USE enum kd_status kd_yara_scan(struct kd_yara *y, const struct kd_yara_file *file, unsigned seconds,
                                        kd_yara_match *match, void *arg);

#endif
