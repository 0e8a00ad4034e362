/* SPDX-License-Identifier: Apache-2.0 */
/* What a taken-over role would try, and what must come of it. */
#ifndef KD_TESTS_JAIL_PROBES_H
#define KD_TESTS_JAIL_PROBES_H

#include "os/process.h"

enum outcome {
    WORKS,  /* the role needs it */
    KILLED, /* the process ends */
    FAILS   /* killed, or told an error: either way it did not work */
};

/* Descriptor 7 is a capture socket (engine; when root) or a directory (store, reader); 8 is some
 * other socket, 9 the board as brain has it (reading only). */
enum { FD_RING = KD_FD_EXTRA, FD_DIR = KD_FD_EXTRA, FD_OTHER = KD_FD_EXTRA + 1, FD_BOARD, FD_END };
enum { BOARD_BYTES = 4096 };

struct probe {
    const char *name;
    bool (*attempt)(void); /* true: it worked */
    enum outcome expect[KD_PROC_JAILED];
    bool not_sanitized; /* a sanitizer build lets it through */
    bool needs_ring;
    int dial_needs_landlock; /* which version lets the kernel refuse it to dial */
};

extern const struct probe probes[];
extern const size_t n_probes;

#endif
