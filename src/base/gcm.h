/* SPDX-License-Identifier: Apache-2.0 */
/* What reading a conversation's sealed beginning needs when its key is no secret (RFC 9001 §5): AES-128 (FIPS 197),
 * GCM opening (NIST SP 800-38D) and HKDF with SHA-256 (RFC 5869, labels of RFC 8446 §7.1).
 * Each thread keeps a context of each cipher; nothing is allocated after its first use or kd_gcm_warm(). */
#ifndef KD_BASE_GCM_H
#define KD_BASE_GCM_H

#include "base/bytes.h"

enum { KD_AES_BLOCK = 16, KD_AES128_KEY = 16, KD_GCM_IV = 12, KD_GCM_TAG = 16, KD_HKDF_HASH = 32 };

void kd_gcm_warm(void);

void kd_aes128_block(const uint8_t key[KD_AES128_KEY], const uint8_t in[KD_AES_BLOCK], uint8_t ret[KD_AES_BLOCK]);

/* `sealed` ends with its tag; ret_plain has room for sealed.n - KD_GCM_TAG bytes.  False: too short, or not made with
 * this key (ret_plain is then undefined). */
KD_MUST_USE bool kd_aes128_gcm_open(const uint8_t key[KD_AES128_KEY], const uint8_t iv[KD_GCM_IV], struct kd_bytes aad,
                                    struct kd_bytes sealed, uint8_t *ret_plain);

void kd_hkdf_extract(struct kd_bytes salt, struct kd_bytes secret, uint8_t ret[KD_HKDF_HASH]);

/* HKDF-Expand-Label with an empty context; n <= KD_HKDF_HASH. */
void kd_hkdf_label(const uint8_t secret[KD_HKDF_HASH], const char *label, uint8_t *ret, size_t n);

#endif
