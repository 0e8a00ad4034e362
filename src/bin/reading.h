/* SPDX-License-Identifier: Apache-2.0 */
/* What hunt, host and verify share: the evidence is made of foreign bytes, so these commands shut
 * themselves in with the store's directory, read only, before they look at it. */
#ifndef KD_BIN_READING_H
#define KD_BIN_READING_H

#include "bin/command.h"
#include "os/sandbox.h"

struct kd_reading {
    int dir_fd;        /* -1: a package is read */
    int package_fd;    /* host --package, packets -o: to be written; verify PACKAGE: to be read; else -1 */
    const char *package; /* its path */
    const char *output;  /* packets -o: a path, or - */
    uint8_t secret[64];  /* host --package: the key of the seals; wipe it */
    char dir_path[32]; /* for SQLite */
    int zone_s;
    uint64_t from_us, to_us;
    bool json;
    bool sightings; /* hunt: the operand is an indicator */
    bool outside;   /* host: did anything leave? */
    struct kd_net nets[KD_CONFIG_ITEMS_MAX]; /* the site's own, as configured */
    size_t n_nets;
    char operand[1024]; /* the only one, or empty */
};

/* Take the options (--dir, --from, --to, --json, --package, -c), open DIR/data and enter the
 * sandbox.  Without `needs_operand` the operand is the directory, or a package file.  0, or the
 * exit status after a line was printed. */
KD_MUST_USE int kd_reading_begin(const char *command, int argc, char **argv, bool needs_operand,
                                 struct kd_reading *ret);

/* The same for a command that reads its options itself; when it `changes` something it enters the store's sandbox
 * and may write below the directory, beside a running sensor. */
KD_MUST_USE int kd_reading_enter(const char *command, const char *config_path, const char *dir_option, bool changes,
                                 struct kd_reading *ret);

/* Write to standard output, whole. */
KD_MUST_USE int kd_reading_print(const char *command, struct kd_bytes text);

#endif
