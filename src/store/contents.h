/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of files that were kept (fileinfo.stored), found again by their SHA-256.  They lie in
 * segments of the packet ring's form in DIR/data/files, and are what anybody sent: read, never run. */
#ifndef KD_STORE_CONTENTS_H
#define KD_STORE_CONTENTS_H

#include "packet/keep.h"
#include "store/file.h"

struct kd_content {
    uint8_t *bytes; /* free() */
    size_t n;
    uint64_t ts_us; /* when it crossed the network */
};

/* A copy, checked against its digest.  KD_NOT_FOUND: not kept, or no longer; *ret_oldest_us tells since
 * when contents are kept at all (0: none are). */
KD_MUST_USE enum kd_status kd_content_find(int dir_fd, const uint8_t sha256[32], struct kd_content *ret,
                                           uint64_t *ret_oldest_us, struct kd_err *err);

#endif
