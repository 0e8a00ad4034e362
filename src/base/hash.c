/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/hasher.h"

#include <openssl/evp.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

struct kd_digest {
    EVP_MD_CTX *ctx;
    const EVP_MD *md;
};

uint64_t kd_hash(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, n, seed);
}

/* Fetched once: a fetch per use costs more than the digest of a short name. */
static const EVP_MD *md_of(enum kd_digest_kind kind)
{
    static EVP_MD *fetched[KD_DIGEST_KINDS];
    static const char *const names[KD_DIGEST_KINDS] = {"MD5", "SHA1", "SHA256"};
    if (fetched[kind] == NULL)
        fetched[kind] = EVP_MD_fetch(NULL, names[kind], NULL);
    return fetched[kind];
}

struct kd_digest *kd_digest_new(enum kd_digest_kind kind)
{
    struct kd_digest *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->md = md_of(kind);
    d->ctx = EVP_MD_CTX_new();
    if (d->ctx == NULL || d->md == NULL) {
        kd_digest_free(d);
        return NULL;
    }
    kd_digest_start(d);
    return d;
}

void kd_digest_free(struct kd_digest *d)
{
    if (d == NULL)
        return;
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

void kd_digest_start(struct kd_digest *d)
{
    int ok = EVP_DigestInit_ex(d->ctx, d->md, NULL);
    KD_ASSERT(ok == 1);
}

void kd_digest_add(struct kd_digest *d, struct kd_bytes b)
{
    int ok = EVP_DigestUpdate(d->ctx, b.p, b.n);
    KD_ASSERT(ok == 1);
}

void kd_digest_end(struct kd_digest *d, uint8_t *ret)
{
    int ok = EVP_DigestFinal_ex(d->ctx, ret, NULL);
    KD_ASSERT(ok == 1);
}

void kd_digest_once(enum kd_digest_kind kind, struct kd_bytes b, uint8_t *ret)
{
    union {
        struct kd_md5 md5;
        struct kd_sha1 sha1;
        struct kd_sha256 sha256;
    } h;
    switch (kind) {
    case KD_MD5:
        kd_md5_start(&h.md5);
        kd_md5_add(&h.md5, b);
        kd_md5_end(&h.md5, ret);
        break;
    case KD_SHA1:
        kd_sha1_start(&h.sha1);
        kd_sha1_add(&h.sha1, b);
        kd_sha1_end(&h.sha1, ret);
        break;
    default:
        KD_ASSERT(kind == KD_SHA256);
        kd_sha256_start(&h.sha256);
        kd_sha256_add(&h.sha256, b);
        kd_sha256_end(&h.sha256, ret);
        break;
    }
}

void kd_digest_warm(void)
{
    for (int k = 0; k < KD_DIGEST_KINDS; k++)
        KD_ASSERT(md_of((enum kd_digest_kind)k) != NULL);
}
