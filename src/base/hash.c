/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <threads.h>

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

/* One context per thread and kind, given back when the thread ends. */
static tss_t thread_digests;
static once_flag digests_once = ONCE_FLAG_INIT;

static void free_thread_digests(void *arg)
{
    struct kd_digest **shared = arg;
    for (int k = 0; k < KD_DIGEST_KINDS; k++)
        kd_digest_free(shared[k]);
}

static void make_thread_digests(void)
{
    KD_ASSERT(tss_create(&thread_digests, free_thread_digests) == thrd_success);
}

void kd_digest_once(enum kd_digest_kind kind, struct kd_bytes b, uint8_t *ret)
{
    static _Thread_local struct kd_digest *shared[KD_DIGEST_KINDS];
    if (shared[kind] == NULL) {
        shared[kind] = kd_digest_new(kind);
        KD_ASSERT(shared[kind] != NULL);
        call_once(&digests_once, make_thread_digests);
        (void)tss_set(thread_digests, shared);
    }
    kd_digest_start(shared[kind]);
    kd_digest_add(shared[kind], b);
    kd_digest_end(shared[kind], ret);
}

void kd_digest_warm(void)
{
    uint8_t tmp[64];
    for (int k = 0; k < KD_DIGEST_KINDS; k++)
        kd_digest_once((enum kd_digest_kind)k, kd_str(""), tmp);
}
