/* SPDX-License-Identifier: Apache-2.0 */
/* Digests that live where their user puts them (a transaction's arena): no allocation, nothing to
 * free. The one-shot and long-lived digests of hash.h allocate; on the packet path these are used
 * instead. */
#ifndef KD_BASE_HASHER_H
#define KD_BASE_HASHER_H

#include "base/hash.h"

struct kd_md5 {
    uint64_t room[12];
};

struct kd_sha1 {
    uint64_t room[12];
};

struct kd_sha256 {
    uint64_t room[14];
};

void kd_md5_start(struct kd_md5 *h);
void kd_md5_add(struct kd_md5 *h, struct kd_bytes b);
void kd_md5_end(struct kd_md5 *h, uint8_t ret[KD_MD5_BYTES]);

void kd_sha1_start(struct kd_sha1 *h);
void kd_sha1_add(struct kd_sha1 *h, struct kd_bytes b);
void kd_sha1_end(struct kd_sha1 *h, uint8_t ret[KD_SHA1_BYTES]);

void kd_sha256_start(struct kd_sha256 *h);
void kd_sha256_add(struct kd_sha256 *h, struct kd_bytes b);
void kd_sha256_end(struct kd_sha256 *h, uint8_t ret[KD_SHA256_BYTES]);

#endif
