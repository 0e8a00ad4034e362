/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that several processes map.  The parent keeps its descriptor, so it outlives them. */
#ifndef KD_OS_SHARED_H
#define KD_OS_SHARED_H

#include "base/status.h"

/* Zeroed memory, sealed in size so that no side can take the other's pages away.  `ret_reading` (may be
 * NULL) gets a second descriptor of it that only reads. */
KD_MUST_USE enum kd_status kd_shared_new(const char *name, size_t bytes, int *ret_fd, int *ret_reading,
                                         struct kd_err *err);

/* Memory for something that is made once: `bytes` are its most, and cost nothing until they are written.  Sealed when
 * its maker has ended: cut to `bytes` and never changed again by anybody. */
KD_MUST_USE enum kd_status kd_shared_room(const char *name, size_t bytes, int *ret_fd, struct kd_err *err);
KD_MUST_USE enum kd_status kd_shared_seal(int fd, size_t bytes, struct kd_err *err);

/* The same in this process's memory, whatever it holds: check before use. */
KD_MUST_USE enum kd_status kd_shared_map(int fd, size_t bytes, bool write, void **ret, struct kd_err *err);

#endif
