/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/state.h"

#include <stdatomic.h>

#include "base/hash.h"
#include "base/snap.h"
#include "brain/internal.h"
#include "brain/snaps.h"
#include "brain/text.h"

enum { MAGIC = 0x3153444b /* "KDS1" */, BLOCK_MAGIC = 0x4253444b /* "KDSB" */, FORMAT = 1, NAME_MAX = 16, HEAD = 64 };
#define CLOCK_SLACK_US KD_US_PER_DAY

/* One table's worth of state. */
struct part {
    const char *name;
    uint16_t version;
    struct kd_table *table;
    void (*snap)(struct kd_snap *s, struct kd_bytes key, void *state);
    void (*loaded)(struct kd_brain *b, void *state); /* may be NULL */
};

struct slot_head {
    uint64_t number, saved_us, next_id, last_story;
    uint32_t n_blocks;
};

struct block_head {
    uint64_t number;
    struct kd_bytes name;
    uint32_t version, n_entries, bytes;
};

/* What matters most stands first: when room is short, the later ones are cut (each to its newest entries). */
static bool part_at(struct kd_brain *b, size_t i, struct part *ret)
{
    const struct part own[] = {
        {"hosts", 2, &b->hosts.table, kd_snap_host, kd_host_loaded},
        {"macs", 2, &b->hosts.macs, kd_hosts_snap_mac, NULL},
        {"marks", 1, &b->marks, kd_snap_marks, NULL},
        {"folds", 1, &b->folds, kd_snap_fold, NULL},
        {"stories", 1, &b->stories.stories, kd_snap_story, kd_story_loaded},
        {"trails", 1, &b->stories.trails, kd_snap_trail, NULL},
        {"mails", 1, &b->stories.mails, kd_snap_mail, NULL},
        {"things", 1, &b->stories.things, kd_snap_thing_seen, NULL},
        {"crossings", 1, &b->crossings, b->crossings.buckets == NULL ? NULL : kd_snap_crossing, kd_crossing_loaded},
    };
    if (i < KD_COUNT(own)) {
        *ret = own[i];
        return true;
    }
    i -= KD_COUNT(own);
    if (i >= b->n_detects)
        return false;
    const struct kd_detector *k = b->detects[i].detector;
    *ret = (struct part){k->name, k->snap_version, &b->detects[i].table, k->snap, NULL};
    return true;
}

/* ---- saving ---- */

struct writer {
    struct kd_brain *b;
    const struct part *part;
    uint8_t *slot;
    struct slot_head head;
    uint32_t blocks_left; /* for this part */
    struct kd_out out;    /* the entries of the block being filled */
    uint32_t n_entries;
    uint32_t part_number;
};

static void put_block_head(struct kd_out *o, const struct block_head *h)
{
    uint8_t name[NAME_MAX] = {0};
    memcpy(name, h->name.p, kd_min_size(h->name.n, sizeof(name)));
    kd_out_le32(o, BLOCK_MAGIC);
    kd_out_le32(o, h->version);
    kd_out_le64(o, h->number);
    kd_out_le32(o, h->n_entries);
    kd_out_le32(o, h->bytes);
    kd_out_bytes(o, kd_bytes_of(name, sizeof(name)));
}

static void end_block(struct writer *w)
{
    if (w->n_entries == 0)
        return;
    struct kd_state *st = &w->b->state;
    struct kd_out head = kd_out_of(st->block, HEAD);
    put_block_head(&head, &(struct block_head){w->head.number, kd_str(w->part->name), w->part->version, w->n_entries,
                                               (uint32_t)w->out.n});
    memset(st->block + head.n, 0, HEAD - head.n);
    uint64_t sum = kd_hash(st->block, HEAD + w->out.n, w->head.number);
    struct kd_out at = kd_out_of(st->block + HEAD - 8, 8);
    kd_out_le64(&at, sum);
    memcpy(w->slot + (size_t)(1 + w->head.n_blocks) * KD_STATE_BLOCK, st->block, HEAD + w->out.n);
    w->head.n_blocks++;
    w->blocks_left--;
    w->out = kd_out_of(st->block + HEAD, KD_STATE_BLOCK - HEAD);
    w->n_entries = 0;
}

static bool put_entry(struct kd_out *o, struct kd_bytes key, uint64_t used_us, struct kd_bytes body)
{
    struct kd_out try = *o;
    kd_out_varint(&try, key.n);
    kd_out_bytes(&try, key);
    kd_out_varint(&try, used_us);
    kd_out_varint(&try, body.n);
    kd_out_bytes(&try, body);
    if (!kd_out_ok(&try))
        return false;
    *o = try;
    return true;
}

static bool save_entry(void *arg, struct kd_bytes key, void *state, uint64_t used_us)
{
    struct writer *w = arg;
    struct kd_out body = kd_out_of(w->b->state.entry, KD_STATE_BLOCK - HEAD - KD_TABLE_KEY_MAX - 32);
    struct kd_snap s = kd_snap_save(&body);
    w->part->snap(&s, key, state);
    if (!kd_snap_ok(&s))
        return true; /* no state of ours is that large */
    struct kd_bytes encoded = kd_out_bytes_view(&body);
    if (!put_entry(&w->out, key, used_us, encoded)) {
        end_block(w);
        if (w->blocks_left == 0)
            return false;
        (void)put_entry(&w->out, key, used_us, encoded);
    }
    w->n_entries++;
    return true;
}

static void put_slot_head(uint8_t *slot, const struct slot_head *h)
{
    struct kd_out o = kd_out_of(slot, HEAD);
    kd_out_le32(&o, MAGIC);
    kd_out_le32(&o, FORMAT);
    kd_out_le64(&o, h->number);
    kd_out_le64(&o, h->saved_us);
    kd_out_le64(&o, h->next_id);
    kd_out_le64(&o, h->last_story);
    kd_out_le32(&o, h->n_blocks);
    kd_out_le32(&o, KD_STATE_BLOCK);
    kd_out_le64(&o, kd_hash(slot, o.n, FORMAT));
}

static uint8_t *slot_of(const struct kd_state *st, uint64_t number)
{
    return st->mem + (number & 1) * (st->bytes / 2 / KD_STATE_BLOCK * KD_STATE_BLOCK);
}

static uint32_t blocks_of(const struct kd_state *st)
{
    return (uint32_t)(st->bytes / 2 / KD_STATE_BLOCK) - 1; /* the first holds the head */
}

void kd_state_save(struct kd_brain *b)
{
    struct kd_state *st = &b->state;
    if (st->mem == NULL || b->now_us == 0)
        return;
    struct writer w = {.b = b, .head = {.number = st->number + 1, .saved_us = b->now_us, .next_id = b->next_id,
                                        .last_story = b->stories.last_number}};
    w.slot = slot_of(st, w.head.number);
    w.out = kd_out_of(st->block + HEAD, KD_STATE_BLOCK - HEAD);
    memset(w.slot, 0, HEAD); /* whoever dies here leaves a slot that does not count */
    atomic_thread_fence(memory_order_seq_cst);
    struct part p;
    for (size_t i = 0; part_at(b, i, &p); i++) {
        if (p.snap == NULL)
            continue;
        /* A part takes at most half of what is left, so that no flood of one kind pushes the others out. */
        w.part = &p;
        w.blocks_left = (blocks_of(st) - w.head.n_blocks + 1) / 2;
        if (w.blocks_left > 0)
            kd_table_each_newest(p.table, save_entry, &w);
        if (w.blocks_left > 0)
            end_block(&w);
    }
    atomic_thread_fence(memory_order_seq_cst);
    put_slot_head(w.slot, &w.head);
    st->number = w.head.number;
    st->next_us = b->now_us + KD_STATE_EVERY_US;
}

/* ---- loading ---- */

static bool read_slot_head(const struct kd_state *st, uint64_t which, struct slot_head *ret)
{
    const uint8_t *slot = slot_of(st, which);
    struct kd_cur c = kd_cur_of(kd_bytes_of(slot, HEAD));
    bool ours = kd_cur_le32(&c) == MAGIC && kd_cur_le32(&c) == FORMAT;
    *ret = (struct slot_head){.number = kd_cur_le64(&c)};
    ret->saved_us = kd_cur_le64(&c);
    ret->next_id = kd_cur_le64(&c);
    ret->last_story = kd_cur_le64(&c);
    ret->n_blocks = kd_cur_le32(&c);
    ours = ours && kd_cur_le32(&c) == KD_STATE_BLOCK;
    uint64_t sum = kd_hash(slot, c.taken, FORMAT);
    return kd_cur_le64(&c) == sum && ours && (ret->number & 1) == which && ret->n_blocks <= blocks_of(st) &&
           ret->next_id < (uint64_t)1 << 40;
}

static bool read_block_head(struct kd_cur *c, struct block_head *ret)
{
    bool ours = kd_cur_le32(c) == BLOCK_MAGIC;
    ret->version = kd_cur_le32(c);
    ret->number = kd_cur_le64(c);
    ret->n_entries = kd_cur_le32(c);
    ret->bytes = kd_cur_le32(c);
    ret->name = kd_cur_take(c, NAME_MAX);
    ret->name = kd_bytes_head(ret->name, kd_min_size(kd_bytes_find_byte(ret->name, '\0'), NAME_MAX));
    return ours && ret->bytes <= KD_STATE_BLOCK - HEAD;
}

/* A private copy whose sum is right; its entries, or an empty view. */
static struct kd_bytes take_block(struct kd_state *st, const uint8_t *from, uint64_t number, struct block_head *h)
{
    memcpy(st->block, from, KD_STATE_BLOCK);
    struct kd_cur c = kd_cur_of(kd_bytes_of(st->block, HEAD)), at;
    bool ok = read_block_head(&c, h) && h->number == number;
    at = kd_cur_of(kd_bytes_of(st->block + HEAD - 8, 8));
    uint64_t sum = kd_cur_le64(&at);
    memset(st->block + HEAD - 8, 0, 8);
    if (!ok || kd_hash(st->block, HEAD + h->bytes, number) != sum)
        return kd_bytes_of(NULL, 0);
    return kd_bytes_of(st->block + HEAD, h->bytes);
}

static bool find_part(struct kd_brain *b, const struct block_head *h, struct part *ret)
{
    for (size_t i = 0; part_at(b, i, ret); i++)
        if (ret->snap != NULL && kd_bytes_eq_str(h->name, ret->name))
            return ret->version == h->version;
    return false;
}

static bool load_entry(struct kd_brain *b, const struct part *p, struct kd_cur *c, uint64_t saved_us)
{
    struct kd_bytes key = kd_cur_take(c, kd_cur_varint(c));
    uint64_t used_us = kd_cur_varint(c);
    struct kd_bytes body = kd_cur_take(c, kd_cur_varint(c));
    if (!kd_cur_ok(c) || used_us > saved_us || key.n == 0)
        return false;
    void *state = kd_table_restore(p->table, key, used_us);
    if (state == NULL)
        return false;
    struct kd_snap s = kd_snap_load(body, saved_us);
    p->snap(&s, key, state);
    if (!kd_snap_ok(&s) || kd_cur_left(&s.in) > 0) {
        kd_table_forget(p->table, key);
        return false;
    }
    if (p->loaded != NULL)
        p->loaded(b, state);
    return true;
}

static void load_block(struct kd_brain *b, const uint8_t *from, const struct slot_head *slot)
{
    struct kd_state *st = &b->state;
    struct block_head h;
    struct part p;
    struct kd_bytes entries = take_block(st, from, slot->number, &h);
    if (entries.n == 0 || !find_part(b, &h, &p)) {
        st->n_refused++;
        return;
    }
    struct kd_cur c = kd_cur_of(entries);
    for (uint32_t i = 0; i < h.n_entries && kd_cur_more(&c); i++)
        if (load_entry(b, &p, &c, slot->saved_us))
            st->n_entries++;
        else
            st->n_refused++;
}

static void load(struct kd_brain *b, uint64_t not_after_us)
{
    struct kd_state *st = &b->state;
    struct slot_head even, odd;
    bool has_even = read_slot_head(st, 0, &even), has_odd = read_slot_head(st, 1, &odd);
    if (!has_even && !has_odd)
        return;
    const struct slot_head *h = !has_odd || (has_even && even.number > odd.number) ? &even : &odd;
    st->number = h->number;
    st->to_tell = true;
    st->saved_us = h->saved_us;
    if (not_after_us != 0 && h->saved_us > not_after_us + CLOCK_SLACK_US) {
        st->n_refused++;
        return;
    }
    for (uint32_t i = 0; i < h->n_blocks; i++)
        load_block(b, slot_of(st, h->number) + (size_t)(1 + i) * KD_STATE_BLOCK, h);
    b->next_id = kd_max_u64(b->next_id, h->next_id);
    b->stories.last_number = kd_max_u64(b->stories.last_number, kd_min_u64(h->last_story, UINT64_MAX / 2));
}

/* ---- life ---- */

enum kd_status kd_state_begin(struct kd_brain *b, uint8_t *mem, size_t bytes, uint64_t not_after_us)
{
    struct kd_state *st = &b->state;
    KD_ASSERT(bytes >= KD_STATE_LEAST);
    *st = (struct kd_state){.mem = mem, .bytes = bytes};
    st->block = malloc(KD_STATE_BLOCK);
    st->entry = malloc(KD_STATE_BLOCK);
    if (st->block == NULL || st->entry == NULL)
        return KD_NO_MEMORY;
    load(b, not_after_us);
    return KD_OK;
}

void kd_state_done(struct kd_brain *b)
{
    free(b->state.block);
    free(b->state.entry);
    b->state = (struct kd_state){.mem = NULL};
}

static void tell(struct kd_brain *b)
{
    struct kd_state *st = &b->state;
    uint8_t en[300], ja[300];
    struct kd_out oe = kd_out_of(en, sizeof(en) - 1), oj = kd_out_of(ja, sizeof(ja) - 1);
    st->to_tell = false;
    bool whole = st->n_refused == 0;
    kd_out_str(&oe, "The judgement goes on with what it had learned until ");
    kd_text_time(&oe, st->saved_us, b->zone_s);
    kd_out_str(&oe, whole ? "." : "; a part of it was damaged or of another version and is learned anew.");
    kd_text_time(&oj, st->saved_us, b->zone_s);
    kd_out_str(&oj, whole ? " までに学習した内容を引き継ぎました。"
                          : " までに学習した内容を引き継ぎました。壊れているか版の違う部分は、学習し直します。");
    en[oe.n] = ja[oj.n] = '\0';
    kd_brain_health(b, "state", whole ? "restored" : "damaged", st->n_entries, (const char *)en, (const char *)ja);
}

void kd_state_tick(struct kd_brain *b)
{
    struct kd_state *st = &b->state;
    if (st->mem == NULL)
        return;
    if (st->to_tell)
        tell(b);
    if (st->next_us == 0)
        st->next_us = b->now_us + KD_STATE_EVERY_US;
    else if (b->now_us >= st->next_us)
        kd_state_save(b);
}
