/* SPDX-License-Identifier: Apache-2.0 */
/* Journal files: only whole, checked frames count; their records become a block whatever they hold.
 */
#include "store/block.h"
#include "store/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct kd_block_builder *b;
    static struct kd_built built;
    struct kd_heap records = {NULL, 0, 0};
    uint64_t number, size = 0;
    if (kd_journal_parse(kd_bytes_of(data, n), 1 << 20, &number, &records, &size) == KD_OK)
        KD_ASSERT(size <= n && records.n <= n);
    kd_heap_done(&records);
    /* The same bytes as records, which a checksum does not keep from being hostile. */
    struct kd_block_fixed fixed = {.seq = 1};
    if (b == NULL)
        b = kd_block_builder_new();
    KD_ASSERT(b != NULL);
    enum kd_status s = kd_block_build(b, kd_bytes_of(data, n), &fixed, &built);
    KD_ASSERT(built.bytes_taken <= n);
    if (s == KD_OK) {
        struct kd_layout_map map;
        struct kd_block_head h;
        KD_ASSERT(kd_layout_map(kd_layout_table(), &map) == KD_OK);
        KD_ASSERT(kd_block_head_read(kd_bytes_of(built.head.p, built.head.n), &map, &h) == KD_OK);
        kd_block_head_done(&h);
    }
    return 0;
}
