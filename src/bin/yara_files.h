/* SPDX-License-Identifier: Apache-2.0 */
/* Files of YARA rules, opened by who may open them and put into one piece of memory for who reads them. */
#ifndef KD_BIN_YARA_FILES_H
#define KD_BIN_YARA_FILES_H

#include "bin/command.h"

/* A bundle (box/bundle.h) of all files in `list`: paths separated by commas, of files and directories (those that end in
 * .yar or .yara in them and below, by name).  *ret: malloc()ed.  False: a line was printed. */
KD_MUST_USE bool kd_yara_files_read(const char *command, const char *key, const char *list, uint8_t **ret, size_t *ret_n);

/* The same in a descriptor that only reads, and cannot change any more; -1: a line was printed. */
KD_MUST_USE int kd_yara_files_open(const char *command, const char *key, const char *list);

/* Is this the name of a file of YARA rules? */
bool kd_is_yara_file(const char *name);

/* Our own rules: the folder `kind` (suricata, yara) beside the program or where it was installed; "": none is there. */
void kd_own_rules(const char *kind, char ret[KD_CONFIG_TEXT_MAX]);

#endif
