/* SPDX-License-Identifier: Apache-2.0 */
/* A tray as a hostile engine may fill it, read as box reads it, and then written on as an engine does behind a hostile box.  Input: u32
 * put, u32 taken, u32 begun, then the ring.  Properties: what is read fits the copy, reading ends, writing stays within. */
#include <stdlib.h>

#include "base/pool.h"
#include "wire/record.h"
#include "wire/tray.h"

enum { BYTES = KD_TRAY_HEAD + (256 << 10), COPY = 100 << 10, JOBS_MAX = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct kd_pool *pool;

static void read_record(struct kd_bytes record)
{
    struct kd_cur c = kd_cur_of(record);
    struct kd_rec_head head;
    struct kd_rec_file file;
    struct kd_bytes body, whole;
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 1 << 20);
    if (kd_record_next(&c, &head, &body, &whole) == KD_OK && head.type == KD_REC_FILE)
        kd_ignore(kd_body_decode(kd_schemas[KD_REC_FILE], body, &mem, &file));
    kd_arena_done(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t *mem, *copy;
    if (mem == NULL) {
        mem = aligned_alloc(64, BYTES);
        copy = malloc(COPY);
        pool = kd_pool_new(8 << 20);
    }
    struct kd_cur c = kd_cur_of(kd_bytes_of(data, n));
    struct kd_tray *t = (struct kd_tray *)(void *)mem;
    memset(mem, 0, BYTES);
    atomic_store(&t->put, kd_cur_le32(&c));
    atomic_store(&t->taken, kd_cur_le32(&c));
    atomic_store(&t->begun, kd_cur_le32(&c));
    struct kd_bytes ring = kd_bytes_head(kd_cur_rest(&c), BYTES - KD_TRAY_HEAD);
    if (ring.n > 0)
        memcpy(mem + KD_TRAY_HEAD, ring.p, ring.n);
    struct kd_tray_reader r;
    struct kd_tray_writer w;
    struct kd_tray_job j;
    KD_ASSERT(kd_tray_reader_init(&r, mem, BYTES));
    enum kd_status s;
    unsigned jobs = 0;
    while ((s = kd_tray_next(&r, copy, COPY, &j)) != KD_NOT_FOUND) {
        KD_ASSERT(++jobs < JOBS_MAX);
        if (s != KD_OK)
            continue;
        KD_ASSERT(j.content.n + j.record.n <= COPY);
        read_record(j.record);
        kd_tray_taken(&r);
    }
    if (!kd_tray_writer_init(&w, mem, BYTES))
        return 0;
    atomic_store(&t->taken, n > 8 ? data[n - 1] * (uint64_t)data[n - 2] << data[n - 3] % 60 : 0);
    for (int i = 0; i < 4; i++)
        if (kd_tray_put(&w, kd_bytes_of(copy, 30000), i % 2 == 0)) {
            struct kd_out o = kd_tray_record(&w);
            KD_ASSERT(o.p >= mem + KD_TRAY_HEAD && o.p + o.max <= mem + BYTES);
            kd_out_str(&o, "record");
            KD_ASSERT(kd_tray_done(&w, &o));
        }
    return 0;
}
