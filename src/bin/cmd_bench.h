/* SPDX-License-Identifier: Apache-2.0 */
/* kidoban bench [--all] CAPTURE…: one line of JSON for each capture, with what an engine cost in processor time
 * and memory; --all: also the brain and the JSON writer on the engine's records. */
#ifndef KD_BIN_CMD_BENCH_H
#define KD_BIN_CMD_BENCH_H

/* argv[0] is "bench".  Returns the exit status. */
int kd_cmd_bench(int argc, char **argv);

#endif
