/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching one file: a process that talks (role fetch) and one for each connection (role dial), which is made to hosts
 * of the configuration alone. */
#ifndef KD_BIN_FETCH_H
#define KD_BIN_FETCH_H

#include "bin/fetch_order.h"
#include "config/config.h"

struct kd_fetch_want {
    const char *url, *etag, *modified; /* of what is there already; empty: none */
    uint32_t most_mib;
    int room_fd; /* a file of most_mib MiB that takes it */
    const char *shown; /* name for progress on a terminal; NULL: none is shown */
};

/* Waits for its end; never longer than fetch.seconds and a little. */
void kd_fetch(const struct kd_config *config, int authorities_fd, const struct kd_fetch_want *want,
              struct kd_fetch_answer *ret);

/* Is the host one of the configuration's? */
bool kd_fetch_allows(const struct kd_config *config, struct kd_bytes host);

#endif
