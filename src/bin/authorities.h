/* SPDX-License-Identifier: Apache-2.0 */
/* The certification authorities that are believed. */
#ifndef KD_BIN_AUTHORITIES_H
#define KD_BIN_AUTHORITIES_H

/* The PEM file, or that of the system where `path` is empty.  -1: there is none (a line was printed, which calls the
 * file `key`). */
int kd_authorities_open(const char *command, const char *key, const char *path);

#endif
