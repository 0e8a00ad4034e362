/* SPDX-License-Identifier: Apache-2.0 */
/* The files a set of rules is made of: named by the configuration or by options, found here and opened here;
 * read elsewhere, in a sandbox.  The same for every command. */
#ifndef KD_BIN_RULE_INPUTS_H
#define KD_BIN_RULE_INPUTS_H

#include "config/config.h"

/* In the order in which they are read. */
enum kd_rule_input_kind {
    KD_INPUT_SURICATA, /* variables of a suricata.yaml */
    KD_INPUT_CLASSES,
    KD_INPUT_REFERENCES,
    KD_INPUT_DATA,       /* lists that rules may load, beside the rule files: *.lst, *.csv, *.rep … */
    KD_INPUT_RULES,
    KD_INPUT_THRESHOLDS,
    KD_INPUT_KINDS
};

/* NULL or empty: none. */
struct kd_rule_paths {
    const char *files; /* files and directories, separated by commas */
    const char *suricata, *classes, *references, *thresholds;
};

struct kd_rule_input {
    enum kd_rule_input_kind kind;
    char *path;
    const char *name; /* as refusals call it: the path's last part, or the whole */
    int fd;           /* -1: not open */
};

struct kd_rule_inputs {
    struct kd_rule_input *at;
    size_t n;
};

/* As the configuration says; borrowed from it. */
struct kd_rule_paths kd_rule_paths_of(const struct kd_config *config);

/* What `over` names goes before what `paths` says. */
struct kd_rule_paths kd_rule_paths_over(struct kd_rule_paths paths, const struct kd_rule_paths *over);

/* Find all of them, a directory being its files *.rules (*.gz, *.zst) by name; `more`: further files or
 * directories.  False: a line was printed.  Ends with kd_rule_inputs_done() in either case. */
KD_MUST_USE bool kd_rule_inputs_find(const char *command, const struct kd_rule_paths *paths,
                                     const char *const *more, size_t n_more, struct kd_rule_inputs *ret);

/* Open one, or all; false: a line was printed. */
KD_MUST_USE bool kd_rule_input_open(const char *command, struct kd_rule_input *in);
KD_MUST_USE bool kd_rule_inputs_open(const char *command, struct kd_rule_inputs *all);

/* Is it a directory; does it hold files *.rules itself? */
bool kd_is_directory(const char *path);
bool kd_has_rules(const char *path);

bool kd_rule_inputs_any(const struct kd_rule_inputs *all); /* files of rules among them */
void kd_rule_inputs_done(struct kd_rule_inputs *all);

#endif
