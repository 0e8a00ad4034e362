/* SPDX-License-Identifier: Apache-2.0 */
#include "base/gcm.h"

#include "../../tests/tap.h"

#include <openssl/evp.h>

static bool is_hex(const uint8_t *p, size_t n, const char *hex)
{
    char text[128];
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", p[i]);
    if (strcmp(text, hex) != 0)
        printf("# %s\n", text);
    return strcmp(text, hex) == 0;
}

/* RFC 9001, appendix A.1 */
static void keys_are_those_of_the_standard(void)
{
    static const uint8_t salt[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                   0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    uint8_t initial[KD_HKDF_HASH], client[KD_HKDF_HASH], key[16];
    kd_hkdf_extract(kd_bytes_of(salt, sizeof(salt)), kd_bytes_of("\x83\x94\xc8\xf0\x3e\x51\x57\x08", 8), initial);
    CHECK(is_hex(initial, 32, "7db5df06e7a69e432496adedb00851923595221596ae2ae9fb8115c1e9ed0a44"));
    kd_hkdf_label(initial, "client in", client, sizeof(client));
    CHECK(is_hex(client, 32, "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea"));
    kd_hkdf_label(client, "quic key", key, 16);
    CHECK(is_hex(key, 16, "1f369613dd76d5467730efcbe3b1a22d"));
    kd_hkdf_label(client, "quic iv", key, 12);
    CHECK(is_hex(key, 12, "fa044b2f42a3fd3b46fb255c"));
    kd_hkdf_label(client, "quic hp", key, 16);
    CHECK(is_hex(key, 16, "9f50449e04a0e810283a1e9933adedd2"));
}

static size_t seal(const uint8_t key[16], const uint8_t iv[12], struct kd_bytes aad, struct kd_bytes text, uint8_t *ret)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    CHECK(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, iv) == 1);
    CHECK(EVP_EncryptUpdate(c, NULL, &n, aad.p, (int)aad.n) == 1);
    CHECK(EVP_EncryptUpdate(c, ret, &n, text.p, (int)text.n) == 1);
    CHECK(EVP_EncryptFinal_ex(c, ret + text.n, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, KD_GCM_TAG, ret + text.n) == 1);
    EVP_CIPHER_CTX_free(c);
    return text.n + KD_GCM_TAG;
}

static void what_the_library_seals_is_opened(void)
{
    uint8_t key[16], iv[12], text[1300], sealed[1400], plain[1400];
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 7 + i / 256);
    memcpy(key, text + 3, 16);
    memcpy(iv, text + 50, 12);
    static const size_t sizes[] = {1, 15, 16, 17, 33, 1162, 1300};
    for (size_t s = 0; s < KD_COUNT(sizes); s++)
        for (size_t a = 1; a < 40; a += 13) {
            struct kd_bytes aad = kd_bytes_of(text + 100, a);
            size_t n = seal(key, iv, aad, kd_bytes_of(text, sizes[s]), sealed);
            CHECK(kd_aes128_gcm_open(key, iv, aad, kd_bytes_of(sealed, n), plain) && memcmp(plain, text, sizes[s]) == 0);
            sealed[n / 2] ^= 1;
            CHECK(!kd_aes128_gcm_open(key, iv, aad, kd_bytes_of(sealed, n), plain));
        }
    CHECK(!kd_aes128_gcm_open(key, iv, kd_bytes_of(text, 5), kd_bytes_of(sealed, 15), plain));
}

int main(void)
{
    RUN(keys_are_those_of_the_standard);
    RUN(what_the_library_seals_is_opened);
    return tap_done();
}
