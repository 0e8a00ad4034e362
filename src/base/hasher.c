/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's low-level functions: deprecated for applications, but the only ones that need no heap
 * object. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hasher.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#define HASHER(name, NAME, CTX, OPENSSL)                                                           \
    _Static_assert(sizeof(CTX) <= sizeof(struct kd_##name), "room for " #CTX);                     \
    void kd_##name##_start(struct kd_##name *h)                                                    \
    {                                                                                              \
        OPENSSL##_Init((CTX *)(void *)h->room);                                                    \
    }                                                                                              \
    void kd_##name##_add(struct kd_##name *h, struct kd_bytes b)                                   \
    {                                                                                              \
        if (b.n > 0)                                                                               \
            OPENSSL##_Update((CTX *)(void *)h->room, b.p, b.n);                                    \
    }                                                                                              \
    void kd_##name##_end(struct kd_##name *h, uint8_t ret[NAME])                                   \
    {                                                                                              \
        OPENSSL##_Final(ret, (CTX *)(void *)h->room);                                              \
    }

HASHER(md5, KD_MD5_BYTES, MD5_CTX, MD5)
HASHER(sha1, KD_SHA1_BYTES, SHA_CTX, SHA1)
HASHER(sha256, KD_SHA256_BYTES, SHA256_CTX, SHA256)
