/* SPDX-License-Identifier: Apache-2.0 */
#include "base/gcm.h"

#include <threads.h>

#include <openssl/evp.h>

#include "base/hasher.h"
#include "base/out.h"

/* Fetched once, and one context of each mode per thread, given back when the thread ends: making them costs more than
 * opening a packet. */
enum mode { BLOCK_MODE, GCM_MODE, MODES };

static tss_t thread_contexts;
static once_flag contexts_once = ONCE_FLAG_INIT;

static void free_thread_contexts(void *arg)
{
    EVP_CIPHER_CTX **shared = arg;
    for (int m = 0; m < MODES; m++)
        EVP_CIPHER_CTX_free(shared[m]);
}

static void make_thread_contexts(void)
{
    KD_ASSERT(tss_create(&thread_contexts, free_thread_contexts) == thrd_success);
}

static EVP_CIPHER_CTX *context_of(enum mode mode)
{
    static _Thread_local EVP_CIPHER_CTX *shared[MODES];
    if (shared[mode] == NULL) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, mode == GCM_MODE ? "AES-128-GCM" : "AES-128-ECB", NULL);
        shared[mode] = EVP_CIPHER_CTX_new();
        KD_ASSERT(cipher != NULL && shared[mode] != NULL);
        KD_ASSERT(EVP_CipherInit_ex2(shared[mode], cipher, NULL, NULL, mode == BLOCK_MODE, NULL) == 1);
        EVP_CIPHER_free(cipher); /* the context holds it */
        call_once(&contexts_once, make_thread_contexts);
        (void)tss_set(thread_contexts, shared);
    }
    return shared[mode];
}

void kd_gcm_warm(void)
{
    (void)context_of(BLOCK_MODE);
    (void)context_of(GCM_MODE);
}

void kd_aes128_block(const uint8_t key[KD_AES128_KEY], const uint8_t in[KD_AES_BLOCK], uint8_t ret[KD_AES_BLOCK])
{
    EVP_CIPHER_CTX *c = context_of(BLOCK_MODE);
    int n = 0;
    KD_ASSERT(EVP_CipherInit_ex2(c, NULL, key, NULL, -1, NULL) == 1);
    KD_ASSERT(EVP_CipherUpdate(c, ret, &n, in, KD_AES_BLOCK) == 1 && n == KD_AES_BLOCK);
}

bool kd_aes128_gcm_open(const uint8_t key[KD_AES128_KEY], const uint8_t iv[KD_GCM_IV], struct kd_bytes aad,
                        struct kd_bytes sealed, uint8_t *ret_plain)
{
    if (sealed.n < KD_GCM_TAG || sealed.n > INT32_MAX || aad.n > INT32_MAX)
        return false;
    struct kd_bytes text = kd_bytes_head(sealed, sealed.n - KD_GCM_TAG);
    EVP_CIPHER_CTX *c = context_of(GCM_MODE);
    uint8_t tag[KD_GCM_TAG];
    uint8_t none;
    int n = 0;
    memcpy(tag, sealed.p + text.n, sizeof(tag));
    return EVP_CipherInit_ex2(c, NULL, key, iv, -1, NULL) == 1 &&
           (aad.n == 0 || EVP_CipherUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1) &&
           (text.n == 0 || EVP_CipherUpdate(c, ret_plain, &n, text.p, (int)text.n) == 1) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, KD_GCM_TAG, tag) == 1 && EVP_CipherFinal_ex(c, &none, &n) == 1;
}

/* RFC 2104; keys are at most a block long here. */
static void hmac(struct kd_bytes key, struct kd_bytes text, uint8_t ret[KD_HKDF_HASH])
{
    enum { BLOCK = 64 };
    uint8_t pad[BLOCK];
    struct kd_sha256 h;
    KD_ASSERT(key.n <= BLOCK);
    for (unsigned round = 0; round < 2; round++) {
        memset(pad, round == 0 ? 0x36 : 0x5c, sizeof(pad));
        for (size_t i = 0; i < key.n; i++)
            pad[i] ^= key.p[i];
        kd_sha256_start(&h);
        kd_sha256_add(&h, kd_bytes_of(pad, sizeof(pad)));
        kd_sha256_add(&h, round == 0 ? text : kd_bytes_of(ret, KD_HKDF_HASH));
        kd_sha256_end(&h, ret);
    }
}

void kd_hkdf_extract(struct kd_bytes salt, struct kd_bytes secret, uint8_t ret[KD_HKDF_HASH])
{
    hmac(salt, secret, ret);
}

void kd_hkdf_label(const uint8_t secret[KD_HKDF_HASH], const char *label, uint8_t *ret, size_t n)
{
    uint8_t info[64], key[KD_HKDF_HASH];
    struct kd_out o = kd_out_of(info, sizeof(info));
    kd_out_be16(&o, (uint16_t)n);
    kd_out_u8(&o, (uint8_t)(strlen("tls13 ") + strlen(label)));
    kd_out_str(&o, "tls13 ");
    kd_out_str(&o, label);
    kd_out_u8(&o, 0); /* no context */
    kd_out_u8(&o, 1); /* first block of the expansion */
    KD_ASSERT(n <= sizeof(key));
    hmac(kd_bytes_of(secret, KD_HKDF_HASH), kd_out_bytes_view(&o), key);
    memcpy(ret, key, n);
}
