/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: one row each in main.c, one file each cmd_NAME.c. */
#ifndef KD_BIN_COMMAND_H
#define KD_BIN_COMMAND_H

#include "config/config.h"

struct kd_command {
    const char *name;
    const char *args;                  /* "[-c FILE] PCAP…" */
    const char *en, *ja;               /* what it does, one line */
    const char *help_en, *help_ja;     /* its options, one a line */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit status */
};

extern const struct kd_command kd_commands[]; /* ends with a NULL name */

int kd_cmd_run(int argc, char **argv);
int kd_cmd_replay(int argc, char **argv);
int kd_cmd_packets(int argc, char **argv);
int kd_cmd_file(int argc, char **argv);
int kd_cmd_hunt(int argc, char **argv);
int kd_cmd_host(int argc, char **argv);
int kd_cmd_object(int argc, char **argv);
int kd_cmd_incident(int argc, char **argv);
int kd_cmd_verify(int argc, char **argv);
int kd_cmd_status(int argc, char **argv);
int kd_cmd_bench(int argc, char **argv);
int kd_cmd_rules(int argc, char **argv);
int kd_cmd_config(int argc, char **argv);
int kd_cmd_version(int argc, char **argv);

/* One option of a command: "--name VALUE" or "-x VALUE"; a flag when value is NULL and set is not.
 */
struct kd_option {
    const char *name;   /* "--json" */
    const char *letter; /* "-c", or NULL */
    const char **value; /* takes a value … */
    bool *set;          /* … or is a flag */
};

/* Take the options out of argv; what is left are operands: argv[1..*argc-1].  False: a line was
 * printed and the command ends with KD_EXIT_USAGE.  "--" ends the options. */
KD_MUST_USE bool kd_options(const char *command, int *argc, char **argv,
                            const struct kd_option *options, size_t n);

/* The configuration in force: `path`, else /etc/kidoban/kidoban.yaml when it exists, else the
 * defaults.  Problems are printed, one line each; KD_EXIT_DONE, KD_EXIT_NO for a wrong file,
 * KD_EXIT_COULD_NOT. */
KD_MUST_USE int kd_load_config(const char *command, const char *path, struct kd_config *ret);

/* The sensor's directory: option, configuration, KIDOBAN_DIR, /var/lib/kidoban for root, else
 * $XDG_STATE_HOME/kidoban (made if need be).  False: a line was printed. */
KD_MUST_USE bool kd_directory(const char *command, const char *option, const struct kd_config *cfg,
                              char ret[KD_CONFIG_TEXT_MAX]);

/* A number from an option's text; false: a line was printed. */
KD_MUST_USE bool kd_option_number(const char *command, const char *name, const char *text,
                                  uint64_t most, uint64_t *ret);

#endif
