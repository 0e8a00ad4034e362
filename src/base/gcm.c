/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/gcm.h"

#include "base/hasher.h"
#include "base/out.h"

#include <openssl/aes.h>

void kd_aes128_block(const uint8_t key[KD_AES128_KEY], const uint8_t in[KD_AES_BLOCK], uint8_t ret[KD_AES_BLOCK])
{
    AES_KEY k;
    KD_ASSERT(AES_set_encrypt_key(key, KD_AES128_KEY * 8, &k) == 0);
    AES_encrypt(in, ret, &k);
}

/* x = (x xor block) * h in the field of GCM (SP 800-38D §6.3), bit by bit: the packets are few and short. */
static void ghash_block(uint8_t x[KD_AES_BLOCK], const uint8_t h[KD_AES_BLOCK], const uint8_t *block, size_t n)
{
    uint8_t z[KD_AES_BLOCK] = {0}, v[KD_AES_BLOCK];
    for (size_t i = 0; i < n; i++)
        x[i] ^= block[i];
    memcpy(v, h, sizeof(v));
    for (unsigned bit = 0; bit < 128; bit++) {
        uint8_t take = (uint8_t)(0 - (x[bit / 8] >> (7 - bit % 8) & 1));
        for (unsigned i = 0; i < KD_AES_BLOCK; i++)
            z[i] ^= v[i] & take;
        uint8_t reduce = (uint8_t)((0 - (v[KD_AES_BLOCK - 1] & 1)) & 0xe1);
        for (unsigned i = KD_AES_BLOCK - 1; i > 0; i--)
            v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
        v[0] = (uint8_t)(v[0] >> 1 ^ reduce);
    }
    memcpy(x, z, sizeof(z));
}

static void ghash(uint8_t x[KD_AES_BLOCK], const uint8_t h[KD_AES_BLOCK], struct kd_bytes data)
{
    for (size_t at = 0; at < data.n; at += KD_AES_BLOCK)
        ghash_block(x, h, data.p + at, kd_min_size(KD_AES_BLOCK, data.n - at));
}

bool kd_aes128_gcm_open(const uint8_t key[KD_AES128_KEY], const uint8_t iv[KD_GCM_IV], struct kd_bytes aad,
                        struct kd_bytes sealed, uint8_t *ret_plain)
{
    if (sealed.n < KD_GCM_TAG)
        return false;
    struct kd_bytes text = kd_bytes_head(sealed, sealed.n - KD_GCM_TAG);
    AES_KEY k;
    KD_ASSERT(AES_set_encrypt_key(key, KD_AES128_KEY * 8, &k) == 0);
    uint8_t h[KD_AES_BLOCK] = {0}, x[KD_AES_BLOCK] = {0}, counter[KD_AES_BLOCK] = {0}, pad[KD_AES_BLOCK];
    AES_encrypt(h, h, &k);
    ghash(x, h, aad);
    ghash(x, h, text);
    uint8_t lengths[KD_AES_BLOCK];
    struct kd_out o = kd_out_of(lengths, sizeof(lengths));
    const uint64_t bits[] = {(uint64_t)aad.n * 8, (uint64_t)text.n * 8};
    for (unsigned i = 0; i < 2 * 8; i++)
        kd_out_u8(&o, (uint8_t)(bits[i / 8] >> (56 - 8 * (i % 8))));
    ghash_block(x, h, lengths, sizeof(lengths));
    memcpy(counter, iv, KD_GCM_IV);
    counter[KD_AES_BLOCK - 1] = 1;
    AES_encrypt(counter, pad, &k);
    uint8_t differs = 0;
    for (unsigned i = 0; i < KD_GCM_TAG; i++)
        differs |= (uint8_t)(x[i] ^ pad[i] ^ sealed.p[text.n + i]);
    if (differs != 0)
        return false;
    for (size_t at = 0; at < text.n; at++) {
        if (at % KD_AES_BLOCK == 0) {
            uint32_t block = (uint32_t)(at / KD_AES_BLOCK) + 2;
            for (unsigned i = 0; i < 4; i++)
                counter[KD_GCM_IV + i] = (uint8_t)(block >> (24 - 8 * i));
            AES_encrypt(counter, pad, &k);
        }
        ret_plain[at] = text.p[at] ^ pad[at % KD_AES_BLOCK];
    }
    return true;
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
