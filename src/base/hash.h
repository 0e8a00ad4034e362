/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes for tables (XXH3, seeded against chosen collisions) and digests for names (OpenSSL). */
#ifndef KD_BASE_HASH_H
#define KD_BASE_HASH_H

#include "base/bytes.h"

/* Table hash.  `seed` is drawn once per process; replay uses a fixed one so that runs are the same. */
uint64_t kd_hash(const void *p, size_t n, uint64_t seed);

/* Digests.  The object is reusable and holds no memory between uses but its own. */
enum kd_digest_kind { KD_MD5, KD_SHA1, KD_SHA256, KD_DIGEST_KINDS };
enum { KD_MD5_BYTES = 16, KD_SHA1_BYTES = 20, KD_SHA256_BYTES = 32 };

struct kd_digest;

KD_MUST_USE struct kd_digest *kd_digest_new(enum kd_digest_kind kind);
void kd_digest_free(struct kd_digest *d);
void kd_digest_start(struct kd_digest *d);
void kd_digest_add(struct kd_digest *d, struct kd_bytes b);
void kd_digest_end(struct kd_digest *d, uint8_t *ret); /* KD_*_BYTES of the kind */

/* One-shot digest into `ret`; the short way of base/hasher.h, without an object. */
void kd_digest_once(enum kd_digest_kind kind, struct kd_bytes b, uint8_t *ret);

/* Make the process's digests ready (they load providers); call before a sandbox is entered. */
void kd_digest_warm(void);

#endif
