/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target, built once per parser (KD_FUZZ_PARSER names it): properties, not only crashes. */
#include "../parser/tape.h"

extern const struct kd_parser KD_FUZZ_PARSER;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    kd_tape_steps = true;
    size_t step = n > 0 ? (size_t)(data[n - 1] % 32) + 1 : 1;
    const char *broken = kd_tape_check(&KD_FUZZ_PARSER, kd_bytes_of(data, n), step);
    if (broken != NULL) {
        fprintf(stderr, "%s: %s\n", KD_FUZZ_PARSER.name, broken);
        abort();
    }
    return 0;
}
