/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's part: reading blocks of a ring that somebody else set up. */
#include <errno.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "os/capture.h"

struct kd_ring {
    int fd;
    uint8_t *mem;
    size_t bytes;
    size_t n_blocks, block;
    struct kd_progress_input *at;
    const struct tpacket3_hdr *frame; /* next frame of the block in hand */
    uint32_t left;                    /* frames of it not yet given */
    bool in_hand;
};

static struct tpacket_block_desc *block_at(const struct kd_ring *r, size_t i)
{
    return (struct tpacket_block_desc *)(void *)(r->mem + i * KD_RING_BLOCK_BYTES);
}

static bool is_ours(struct tpacket_block_desc *b)
{
    return (__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

/* A predecessor may have left blocks: the oldest is the one to go on with. */
static void find_start(struct kd_ring *r)
{
    bool found = false;
    uint64_t oldest = 0;
    for (size_t i = 0; i < r->n_blocks; i++) {
        struct tpacket_block_desc *b = block_at(r, i);
        if (is_ours(b) && (!found || b->hdr.bh1.seq_num < oldest)) {
            oldest = b->hdr.bh1.seq_num;
            r->block = i;
            found = true;
        }
    }
    if (found)
        return;
    /* All are the kernel's, and it fills them in turn: next after the last one read, by sequence
     * numbers that start at 1. */
    uint64_t last = atomic_load_explicit(&r->at->unit, memory_order_relaxed);
    r->block = (size_t)(last % r->n_blocks);
}

enum kd_status kd_ring_map(int fd, uint32_t ring_bytes, struct kd_progress_input *at,
                           struct kd_ring **ret, struct kd_err *err)
{
    struct kd_ring *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "no memory for the ring");
    r->fd = fd;
    r->at = at;
    r->n_blocks = ring_bytes / KD_RING_BLOCK_BYTES;
    r->bytes = r->n_blocks * KD_RING_BLOCK_BYTES;
    void *mem = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mem == MAP_FAILED) {
        free(r);
        return kd_fail_sys(err, KD_SYSTEM, "the capture ring cannot be mapped", NULL, errno);
    }
    r->mem = mem;
    find_start(r);
    *ret = r;
    return KD_OK;
}

void kd_ring_unmap(struct kd_ring *r)
{
    if (r == NULL)
        return;
    (void)munmap(r->mem, r->bytes);
    free(r);
}

static const struct tpacket3_hdr *after(const struct tpacket3_hdr *h)
{
    return (const struct tpacket3_hdr *)(const void *)((const uint8_t *)h + h->tp_next_offset);
}

static void give_back(struct kd_ring *r)
{
    __atomic_store_n(&block_at(r, r->block)->hdr.bh1.block_status, TP_STATUS_KERNEL,
                     __ATOMIC_RELEASE);
    r->block = (r->block + 1) % r->n_blocks;
    r->in_hand = false;
}

/* Frames a predecessor had in hand already are passed over, with the one it died of. */
static void take_block(struct kd_ring *r)
{
    const struct tpacket_block_desc *b = block_at(r, r->block);
    r->frame = (const struct tpacket3_hdr *)(const void *)((const uint8_t *)b +
                                                           b->hdr.bh1.offset_to_first_pkt);
    r->left = b->hdr.bh1.num_pkts;
    r->in_hand = true;
    uint64_t seen = 0;
    if (atomic_load_explicit(&r->at->unit, memory_order_relaxed) == b->hdr.bh1.seq_num)
        seen = atomic_load_explicit(&r->at->frame, memory_order_relaxed);
    for (; seen > 0 && r->left > 0; seen--) {
        r->frame = after(r->frame);
        r->left--;
    }
}

bool kd_ring_next(struct kd_ring *r, struct kd_ring_frame *ret)
{
    while (!r->in_hand || r->left == 0) {
        if (r->in_hand)
            give_back(r);
        if (!is_ours(block_at(r, r->block)))
            return false;
        take_block(r);
    }
    const struct tpacket3_hdr *h = r->frame;
    const struct tpacket_block_desc *b = block_at(r, r->block);
    kd_progress_note(r->at, b->hdr.bh1.seq_num, b->hdr.bh1.num_pkts - r->left + 1);
    ret->ts_us = (uint64_t)h->tp_sec * 1000000 + h->tp_nsec / 1000;
    ret->length = h->tp_len;
    ret->vlan =
        (h->tp_status & TP_STATUS_VLAN_VALID) != 0 ? (uint16_t)(h->hv1.tp_vlan_tci & 0xfff) : 0;
    ret->bytes = kd_bytes_of((const uint8_t *)h + h->tp_mac, h->tp_snaplen);
    r->frame = after(h);
    r->left--;
    return true;
}

uint64_t kd_ring_dropped(struct kd_ring *r)
{
    struct tpacket_stats_v3 st = {0};
    socklen_t n = sizeof(st);
    return getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &st, &n) == 0 ? st.tp_drops : 0;
}
