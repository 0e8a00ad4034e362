/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a sensor and the descriptors each finds when it starts. */
#ifndef KD_OS_PROCESS_H
#define KD_OS_PROCESS_H

#include "base/base.h"

/* KD_PROC_READER is no child: it is what `hunt`, `host` and `verify` make of themselves before they
 * read the store.  KD_PROC_DIAL lives for one connection: it finds a declared server by name, connects,
 * hands the socket to the parent and ends.  KD_PROC_COMPILE lives for one set of rules: it reads
 * their files, compiles them into memory it was given, and ends.  KD_PROC_LISTS does so for one index of lists of
 * suspicious objects.  KD_PROC_BOX looks into whole files.  KD_PROC_FETCH lives for one file that it
 * fetches on a connection it is given.  KD_PROC_UPDATE brings rules and lists up to date: a part of the parent in a
 * process of its own, without a sandbox as that has none; it starts fetch and dial, and who reads what came. */
enum kd_proc {
    KD_PROC_ENGINE,
    KD_PROC_BRAIN,
    KD_PROC_STORE,
    KD_PROC_WEB,
    KD_PROC_READER,
    KD_PROC_GATE,
    KD_PROC_DIAL,
    KD_PROC_COMPILE,
    KD_PROC_LISTS,
    KD_PROC_BOX,
    KD_PROC_FETCH,
    KD_PROC_JAILED, /* those before have a sandbox */
    KD_PROC_UPDATE = KD_PROC_JAILED,
    KD_PROC_COUNT
};

/* Fixed descriptor numbers.  0 and 1 are /dev/null, 2 is the log.  From KD_FD_EXTRA on: capture,
 * files, listener, directory, in the order the start message names them. */
enum {
    KD_FD_LOG = 2,
    KD_FD_CONTROL = 3,
    KD_FD_IN = 4,
    KD_FD_OUT = 5,
    KD_FD_ASK = 6,
    KD_FD_EXTRA = 7,
    KD_FD_EXTRA_MAX = 72
};

const char *kd_proc_name(enum kd_proc role);

/* The role of that name, or KD_PROC_COUNT. */
enum kd_proc kd_proc_find(const char *name);

#endif
