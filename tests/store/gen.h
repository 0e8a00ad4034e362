/* SPDX-License-Identifier: Apache-2.0 */
/* Records for the store's tests: any type with every kind of field filled at random, and a mix like
 * that of an office network.  A seed gives the same records each time. */
#ifndef KD_TESTS_STORE_GEN_H
#define KD_TESTS_STORE_GEN_H

#include "wire/record.h"

struct kd_gen {
    uint64_t state;
    uint64_t ts_us, next_id, next_flow;
    struct kd_rec_head recent[64]; /* conversations that go on */
    bool habits; /* office: each host keeps to 300 names of its own, most of them seldom */
};

void kd_gen_init(struct kd_gen *g, uint64_t seed, uint64_t start_us);
uint64_t kd_gen_next(struct kd_gen *g); /* 64 random bits (splitmix64) */

/* A record of the type: head and body at random, texts of any bytes, lists of 0 to 3 items.  Lists
 * are taken from `mem`.  `body` has room for kd_schemas[type]->size bytes. */
void kd_gen_any(struct kd_gen *g, unsigned type, struct kd_arena *mem, struct kd_rec_head *ret_head,
                void *body);

/* Append one record of the office mix: flow 50 %, dns 30 %, http 10 %, tls 10 %; names, addresses
 * and agents skewed; time runs on about 50 µs each. */
KD_MUST_USE enum kd_status kd_gen_office(struct kd_gen *g, struct kd_out *o);

#endif
