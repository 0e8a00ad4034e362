/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a dataset while rules run: strings, digests or addresses, each with a reputation
 * (0 when none).
 *
 * Files are as Suricata writes them: a member on each line, strings in Base64, digests in
 * hexadecimal, addresses as text; behind a comma the reputation. */
#ifndef KD_RULE_SET_H
#define KD_RULE_SET_H

#include "base/out.h"
#include "base/pool.h"
#include "base/status.h"
#include "rule/rule.h"

struct kd_set;

/* NULL: no memory.  Holds at most `most` members.  All memory comes from `pool`. */
KD_MUST_USE struct kd_set *kd_set_new(struct kd_pool *pool, enum kd_dataset_type type,
                                      uint32_t most);
void kd_set_free(struct kd_set *set); /* NULL is fine */

/* Take the members of a file; lines that are none are counted.  KD_LIMIT: there are more than the
 * set may hold, those before are in it. */
KD_MUST_USE enum kd_status kd_set_load(struct kd_set *set, struct kd_bytes text, uint32_t *ret_bad);

/* … of a file in JSON: objects that each hold a member's value (at d->value_key), one after the other or in an array
 * (at d->array_key).  The whole object, as text without white space, is the member's context; the first of equal ones
 * counts. */
KD_MUST_USE enum kd_status kd_set_load_json(struct kd_set *set, struct kd_bytes text, const struct kd_dataset *d,
                                            uint32_t *ret_bad);
bool kd_set_context(const struct kd_set *set, struct kd_bytes value, struct kd_bytes *ret); /* false: there is none */
bool kd_set_add_context(struct kd_set *set, struct kd_bytes value, struct kd_bytes context);

/* A value as files have it, to what buffers hold.  False: it is none. */
bool kd_set_raw(const struct kd_set *set, struct kd_bytes text, struct kd_out *o);

/* A value as a buffer has it: the string; the raw digest; 4 or 16 bytes of an address.  False: not
 * of the set's kind, or (add) no room. */
bool kd_set_has(const struct kd_set *set, struct kd_bytes value, uint16_t *ret_reputation);
bool kd_set_add(struct kd_set *set, struct kd_bytes value, uint16_t reputation);
bool kd_set_remove(struct kd_set *set, struct kd_bytes value);
uint32_t kd_set_count(const struct kd_set *set);

/* The next member as a line of a file (without its end); *at begins with 0.  False: there is no
 * further one. */
bool kd_set_next(const struct kd_set *set, uint32_t *at, struct kd_out *line);

#endif
