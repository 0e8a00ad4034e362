/* SPDX-License-Identifier: Apache-2.0 */
/* Files of any format: whole and split give the same record, memory returns, texts are bounded. */
#include "../carve/play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char whole[256 * 1024], split[256 * 1024];
    struct kd_out a = kd_out_of(whole, sizeof(whole));
    struct kd_out b = kd_out_of(split, sizeof(split));
    size_t step = n > 0 ? (size_t)(data[n - 1] % 61) + 1 : 1;
    bool clean =
        play_file(kd_bytes_of(data, n), SIZE_MAX, &a) && play_file(kd_bytes_of(data, n), step, &b);
    if (!clean || !kd_out_ok(&a) || !kd_bytes_eq(kd_out_bytes_view(&a), kd_out_bytes_view(&b))) {
        fprintf(stderr, "%s\n%.*s\n%.*s\n", clean ? "split gives another record" : "memory is kept",
                (int)a.n, whole, (int)b.n, split);
        abort();
    }
    return 0;
}
