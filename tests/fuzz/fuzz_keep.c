/* SPDX-License-Identifier: Apache-2.0 */
/* A segment of the packet ring (or of the ring of file contents) as a tampered file may hold it.  Input: u16 bytes
 * of the index, u64 what is looked for, then header (96 bytes), index, frames; the rest of the segment is zero, and
 * magic and filter are mended so that it is looked into.  Properties: what is found lies within the segment, is
 * found again at its place, and is never more than the header counts. */
#include <stdlib.h>

#include "packet/capwrite.h"
#include "packet/keep.h"

enum { DATA_AT = KD_KEEP_HEAD + KD_KEEP_BLOOM, MAGIC = 0x3150444b, CLOSED = 2, FRAMES_AT = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint8_t *segment;
static size_t front, back; /* what the last input wrote at either end */

static void put(size_t at, struct kd_bytes b)
{
    if (b.n > 0)
        memcpy(segment + at, b.p, b.n);
}

static void look(const struct kd_keep_query *q)
{
    struct kd_bytes all = kd_bytes_of(segment, KD_KEEP_SEGMENT);
    static uint8_t out[1 << 16];
    struct kd_keep_reader r;
    struct kd_captured c, again;
    uint32_t at, n = 0;
    if (kd_keep_open(&r, all, q) != KD_OK)
        return;
    while (kd_keep_next(&r, &c, &at)) {
        n++;
        KD_ASSERT(at >= DATA_AT && c.bytes.p >= segment && c.bytes.p + c.bytes.n <= segment + KD_KEEP_SEGMENT);
        KD_ASSERT(c.ts_us >= q->from_us && c.ts_us <= q->to_us);
        KD_ASSERT(kd_keep_frame(all, at, &again) && again.bytes.p == c.bytes.p && again.bytes.n == c.bytes.n);
        struct kd_out o = kd_out_of(out, sizeof(out));
        kd_pcapng_frame_begin(&o, 0, &c);
        kd_pcapng_frame_end(&o, &c);
    }
    KD_ASSERT(n + r.bad <= r.head.frames);
    struct kd_keep_span part[KD_KEEP_PARTS];
    kd_keep_parts(&r.head, part);
    for (size_t i = 0; i < KD_KEEP_PARTS; i++)
        KD_ASSERT(part[i].at <= KD_KEEP_SEGMENT && part[i].n <= KD_KEEP_SEGMENT - part[i].at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (segment == NULL)
        segment = calloc(1, KD_KEEP_SEGMENT);
    KD_ASSERT(segment != NULL);
    memset(segment, 0, KD_KEEP_HEAD);
    memset(segment + KD_KEEP_HEAD, 0xff, KD_KEEP_BLOOM);
    memset(segment + DATA_AT, 0, front);
    memset(segment + KD_KEEP_SEGMENT - back, 0, back);
    struct kd_cur c = kd_cur_of(kd_bytes_of(data, n));
    size_t n_index = kd_cur_le16(&c);
    uint64_t flow = kd_cur_le64(&c);
    struct kd_bytes head = kd_cur_take(&c, KD_KEEP_HEAD_SEALED);
    struct kd_bytes index = kd_cur_take(&c, kd_min_size(n_index, kd_cur_left(&c))), frames = kd_cur_rest(&c);
    front = frames.n;
    back = index.n;
    put(0, head);
    put(DATA_AT, frames);
    put(KD_KEEP_SEGMENT - back, index);
    struct kd_out o = kd_out_of(segment, 8);
    kd_out_le32(&o, MAGIC);
    if (segment[4] != 1)
        kd_out_le32(&o, CLOSED);
    memset(segment + FRAMES_AT + 1, 0, 3); /* no more than a few hundred, for speed */
    struct kd_addr host = kd_addr_v4(data != NULL && n >= 4 ? data : segment);
    look(&(struct kd_keep_query){.to_us = UINT64_MAX});
    look(&(struct kd_keep_query){.flow = flow, .to_us = UINT64_MAX});
    look(&(struct kd_keep_query){.host = &host, .n_hosts = 1, .from_us = 1, .to_us = UINT64_MAX / 2});
    return 0;
}
