/* SPDX-License-Identifier: Apache-2.0 */
/* Hunt expressions: parsed or refused with a place inside the text; what is parsed runs. */
#include "../store/gen.h"
#include "store/hunt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct kd_block_reader *a_block(void)
{
    static struct kd_built built;
    static uint8_t records[KD_BATCH_MAX];
    struct kd_gen g;
    struct kd_out o = kd_out_of(records, sizeof(records));
    kd_gen_init(&g, 1, 1763737200000000u);
    while (kd_gen_office(&g, &o) == KD_OK)
        ;
    struct kd_block_fixed fixed = {.seq = 1};
    struct kd_block_builder *b = kd_block_builder_new();
    struct kd_block_reader *r = kd_block_reader_new(NULL);
    KD_ASSERT(b != NULL && r != NULL &&
              kd_block_build(b, kd_out_bytes_view(&o), &fixed, &built) == KD_OK);
    kd_block_builder_free(b);
    KD_ASSERT(kd_block_use(r, kd_bytes_of(built.head.p, built.head.n),
                           kd_bytes_of(built.data.p, built.data.n)) == KD_OK);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct kd_block_reader *r;
    static uint8_t rows[KD_BLOCK_ROWS];
    struct kd_hunt_expr *e = NULL;
    struct kd_err err = {0};
    if (r == NULL)
        r = a_block();
    if (kd_hunt_parse(kd_bytes_of(data, n), 32400, &e, &err) != KD_OK) {
        KD_ASSERT(err.what != NULL && err.at <= n);
        return 0;
    }
    struct kd_hunt_eval *ev = kd_hunt_eval_new(e);
    KD_ASSERT(ev != NULL);
    for (size_t g = 0; g < kd_block_current(r)->n_groups; g++) {
        size_t hits = 0;
        KD_ASSERT(kd_hunt_eval(ev, r, g, rows, &hits) == KD_OK);
        KD_ASSERT(hits <= kd_block_current(r)->group[g].rows);
    }
    kd_hunt_eval_free(ev);
    kd_hunt_expr_free(e);
    return 0;
}
