/* SPDX-License-Identifier: Apache-2.0 */
/* Can a list of suspicious objects be read?  Asked of what was fetched, before it takes the place of what was there. */
#ifndef KD_BIN_LIST_CHECK_H
#define KD_BIN_LIST_CHECK_H

#include "config/config.h"

/* Read by a child that is shut in, as the role lists will.  False: `why` says what is wrong. */
KD_MUST_USE bool kd_list_check(const struct kd_config *config, const struct kd_config_feed *feed, const char *path,
                               char *why, size_t room);

#endif
