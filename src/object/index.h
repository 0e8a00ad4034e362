/* SPDX-License-Identifier: Apache-2.0 */
/* Millions of suspicious objects in memory that is made once and then only read, shared by whoever maps it.
 *
 * An object is 16 bytes: 96 bits of its keyed digest (SipHash-2-4, 128 bits; the key is drawn for each index) and the
 * number of its tag.  Entries are sorted; a directory of buckets leads to the few that can be meant, and a
 * filter of 12 bits an object before it answers nearly every "no" with one cache line.  Two different values agree in
 * 96 bits once in 10^22 look-ups among ten million objects, so that no text has to be kept for comparison.
 * A tag holds what entries have in common: list, remark, confidence, days.  Networks are sorted by address, each
 * with the next one around it, so that the closest is found by one binary search.
 *
 * Whoever opens an index believes nothing in it: sections are checked when it is opened, references when used. */
#ifndef KD_OBJECT_INDEX_H
#define KD_OBJECT_INDEX_H

#include "base/status.h"
#include "object/kind.h"

enum {
    KD_OBJ_LISTS_MAX = 64,
    KD_OBJ_LIST_NAME_MAX = 64, /* with its terminator */
    KD_OBJ_NOTE_MAX = 200,
    KD_OBJ_WHY_MAX = 400,
    KD_OBJ_KEY_BYTES = 16
};
#define KD_OBJ_INDEX_MAGIC 0x31306a626f64696bull
#define KD_OBJ_NO_NET UINT32_MAX

/* Of an entry's value that it was looked for with. */
struct kd_obj_entry {
    uint32_t digest[3]; /* most significant first */
    uint32_t tag;
};

struct kd_obj_tag {
    uint32_t note; /* in the notes: a length byte, then text */
    uint16_t from_day, until_day; /* days since 1970; 0: no bound; until is the first day no longer */
    uint8_t list, confidence, flags, unused;
};
enum { KD_OBJ_EXACT = 1 /* a name without those below it */ };

struct kd_obj_net {
    struct kd_addr addr;
    uint32_t parent; /* the closest network around it, before it in order; or KD_OBJ_NO_NET */
    uint32_t tag;
    uint8_t bits, unused[7];
};

/* What was read of one list, for people. */
struct kd_obj_list {
    char name[KD_OBJ_LIST_NAME_MAX], format[16];
    char problem[KD_OBJ_WHY_MAX]; /* the first line that could not be read, and why; terminated */
    char refusal[KD_OBJ_WHY_MAX]; /* … that the safe-list left out */
    uint64_t n[KD_OBJ_KINDS];
    uint64_t n_nets; /* among n[KD_OBJ_IP] */
    uint64_t lines;
    uint64_t wrong, refused, other, twice, beyond; /* left out: unreadable, by the safe-list, of a kind that is not
                                                      looked for, there already, no room */
    uint64_t read_us;
    uint64_t signature; /* of the file it was read from */
    uint8_t severity; /* at most this, enum kd_severity; 255: by kind */
    uint8_t forced; /* read without the safe-list: it may name the site's own addresses */
    uint8_t failed; /* the file could not be read as a whole: problem tells */
    uint8_t number; /* place in the configuration */
    uint8_t unused[4];
};

struct kd_obj_part {
    uint64_t at, n; /* bytes from the index's beginning; items */
};

struct kd_obj_head {
    uint64_t magic, bytes;
    uint8_t key[KD_OBJ_KEY_BYTES];
    struct kd_obj_part lists, filter, buckets, entries, nets, tags, notes; /* filter: blocks of 32 bytes */
    uint64_t kinds; /* bit of each kind there is */
};

/* One layer, opened. */
struct kd_obj_index {
    const struct kd_obj_head *head;
    const struct kd_obj_list *lists;
    const uint32_t (*filter)[8];
    const uint32_t *buckets; /* n + 1 */
    const struct kd_obj_entry *entries;
    const struct kd_obj_net *nets;
    const struct kd_obj_tag *tags;
    const uint8_t *notes;
    uint64_t skip; /* bit of each list that no longer counts: a newer layer has it */
};

struct kd_obj_hit {
    const struct kd_obj_list *list;
    struct kd_bytes note; /* into the index; may be empty */
    uint8_t confidence;
    bool exact, by_net;
    uint16_t until_day;
    unsigned lists; /* how many lists name it */
};

/* `memory` is borrowed.  KD_MALFORMED: it is no index. */
KD_MUST_USE enum kd_status kd_obj_index_open(const void *memory, size_t bytes, struct kd_obj_index *ret);

/* The digest that an index with this key knows a value by. */
void kd_obj_digest(const uint8_t key[KD_OBJ_KEY_BYTES], enum kd_object_kind kind, struct kd_bytes spelt,
                   uint32_t ret[3]);

/* The value as kd_object_spell() makes it.  `below`: it is a part of the name asked for, so exact entries are not
 * meant.  Of several lists the most confident. */
KD_MUST_USE bool kd_obj_find(const struct kd_obj_index *x, enum kd_object_kind kind, struct kd_bytes spelt, bool below,
                             uint16_t today, struct kd_obj_hit *ret);

/* The closest listed network around an address. */
KD_MUST_USE bool kd_obj_find_net(const struct kd_obj_index *x, const struct kd_addr *a, uint16_t today,
                                 struct kd_obj_hit *ret);

/* Whatever is listed of an address, a name (and the names above it) or another value: spelt. */
KD_MUST_USE bool kd_obj_match(const struct kd_obj_index *x, enum kd_object_kind kind, struct kd_bytes spelt,
                              uint16_t today, struct kd_obj_hit *ret);

/* What the filter goes by: a quick hash, which answers nearly every look-up without the digest. */
uint64_t kd_obj_filter_hash(const uint8_t key[KD_OBJ_KEY_BYTES], enum kd_object_kind kind, struct kd_bytes spelt);

/* Which bucket of n, and which bits of which filter block: shared with the builder. */
static inline uint32_t kd_obj_part_of(uint32_t digest, uint64_t n)
{
    return (uint32_t)((uint64_t)digest * n >> 32);
}

static inline uint32_t kd_obj_filter_bit(uint32_t digest, unsigned word)
{
    static const uint32_t salt[8] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                                     0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};
    return 1u << (digest * salt[word] >> 27);
}

#endif
