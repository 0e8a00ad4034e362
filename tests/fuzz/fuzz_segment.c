/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks and layout tables as a tampered file may hold them.  Input: u8 kind, then a layout table,
 * or u16 header length, header, data.  Checksums are mended first, as whoever tampers would. */
#include "base/hash.h"
#include "store/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_all(struct kd_block_reader *r)
{
    static uint64_t body[1024];
    static struct kd_pool *pool;
    struct kd_arena mem;
    if (pool == NULL)
        pool = kd_pool_new(16 << 20);
    kd_arena_init(&mem, pool, 16 << 20);
    const struct kd_block_head *h = kd_block_current(r);
    for (size_t g = 0; g < h->n_groups; g++)
        for (uint32_t row = 0; row < h->group[g].rows && row < 64; row++) {
            struct kd_rec_head head;
            kd_ignore(kd_block_record(r, g, row, &mem, &head, body));
            kd_arena_done(&mem);
        }
    KD_ASSERT(kd_pool_used(pool) == 0);
}

/* Put right checksums into the header so that the columns themselves are reached. */
static void mend(uint8_t *head, size_t n_head, const uint8_t *data, size_t n_data)
{
    struct kd_layout_map map;
    struct kd_block_head h;
    if (kd_layout_map(kd_layout_table(), &map) != KD_OK ||
        kd_block_head_read(kd_bytes_of(head, n_head), &map, &h) != KD_OK)
        return;
    for (size_t g = 0; g < h.n_groups; g++)
        for (size_t i = 0; i < h.group[g].n_columns; i++) {
            const struct kd_column_desc *d = &h.group[g].column[i];
            size_t len = (size_t)d->dict_packed + d->packed;
            uint8_t old[8], new[8];
            if (h.group[g].offset[i] > n_data || len > n_data - h.group[g].offset[i])
                continue;
            struct kd_out a = kd_out_of(old, 8);
            struct kd_out b = kd_out_of(new, 8);
            kd_out_le64(&a, d->sum);
            kd_out_le64(&b, kd_hash(data + h.group[g].offset[i], len, 0));
            size_t at = kd_bytes_find(kd_bytes_of(head, n_head), kd_bytes_of(old, 8));
            if (at != SIZE_MAX)
                memcpy(head + at, new, 8);
        }
    kd_block_head_done(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct kd_block_reader *r;
    struct kd_layout_map map;
    struct kd_cur c = kd_cur_of(kd_bytes_of(data, n));
    if (r == NULL)
        r = kd_block_reader_new(NULL);
    KD_ASSERT(r != NULL);
    if (kd_cur_u8(&c) == 0) {
        kd_ignore(kd_layout_map(kd_cur_rest(&c), &map));
        return 0;
    }
    struct kd_bytes head = kd_cur_take(&c, kd_cur_le16(&c));
    struct kd_bytes rest = kd_cur_rest(&c);
    uint8_t *copy = malloc(head.n + 1);
    uint8_t *columns = malloc(rest.n + 1);
    KD_ASSERT(copy != NULL && columns != NULL);
    if (head.n > 0)
        memcpy(copy, head.p, head.n);
    if (rest.n > 0)
        memcpy(columns, rest.p, rest.n);
    mend(copy, head.n, columns, rest.n);
    if (kd_block_use(r, kd_bytes_of(copy, head.n), kd_bytes_of(columns, rest.n)) == KD_OK)
        read_all(r);
    free(copy);
    free(columns);
    return 0;
}
