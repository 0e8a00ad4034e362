/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ssh/ssh.h"

bool ssh_read_kexinit(struct kd_bytes payload, struct kd_bytes ret[SSH_LISTS])
{
    struct kd_cur c = kd_cur_of(payload);
    (void)kd_cur_take(&c, 1 + 16); /* number, cookie */
    for (unsigned i = 0; i < SSH_LISTS; i++) {
        size_t n = kd_cur_be32(&c);
        ret[i] = kd_cur_take(&c, n);
    }
    return kd_cur_ok(&c);
}

static bool holds(struct kd_bytes list, struct kd_bytes name)
{
    while (list.n > 0)
        if (kd_bytes_eq(kd_bytes_cut(&list, ','), name))
            return true;
    return false;
}

struct kd_bytes ssh_agreed(struct kd_bytes client, struct kd_bytes server)
{
    enum { NAMES_MAX = 64 };
    for (unsigned i = 0; i < NAMES_MAX && client.n > 0; i++) {
        struct kd_bytes name = kd_bytes_cut(&client, ',');
        if (name.n > 0 && holds(server, name))
            return name;
    }
    return (struct kd_bytes){NULL, 0};
}

static uint32_t mac_bytes(struct kd_bytes mac)
{
    static const struct {
        const char *begin;
        uint32_t n;
    } macs[] = {{"hmac-md5-96", 12},    {"hmac-sha1-96", 12},  {"hmac-md5", 16},
                {"hmac-sha1", 20},      {"hmac-sha2-256", 32}, {"hmac-sha2-512", 64},
                {"hmac-ripemd160", 20}, {"umac-64", 8},        {"umac-128", 16}};
    for (size_t i = 0; i < KD_COUNT(macs); i++)
        if (kd_bytes_starts(mac, kd_str(macs[i].begin)))
            return macs[i].n;
    return 0;
}

uint32_t ssh_wire_bytes(struct kd_bytes cipher, struct kd_bytes mac, uint32_t payload)
{
    enum { LENGTH = 4, PADDING_BYTE = 1, PADDING_LEAST = 4, LEAST = 16, TAG = 16 };
    bool chacha = kd_bytes_starts(cipher, kd_str("chacha20-poly1305"));
    bool gcm = kd_bytes_find(cipher, kd_str("-gcm")) != SIZE_MAX ||
               kd_bytes_starts(cipher, kd_str("AEAD_AES"));
    bool aes =
        kd_bytes_starts(cipher, kd_str("aes")) || kd_bytes_starts(cipher, kd_str("rijndael")) ||
        kd_bytes_starts(cipher, kd_str("AEAD_AES")) ||
        kd_bytes_starts(cipher, kd_str("camellia")) || kd_bytes_starts(cipher, kd_str("twofish")) ||
        kd_bytes_starts(cipher, kd_str("serpent"));
    bool eight =
        kd_bytes_starts(cipher, kd_str("3des")) || kd_bytes_starts(cipher, kd_str("blowfish")) ||
        kd_bytes_starts(cipher, kd_str("cast128")) || kd_bytes_starts(cipher, kd_str("arcfour"));
    if (!chacha && !aes && !eight)
        return 0;
    uint32_t block = aes ? 16 : 8;
    uint32_t code = chacha || gcm ? TAG : mac_bytes(mac);
    if (code == 0)
        return 0;
    bool length_apart = chacha || gcm || kd_bytes_find(mac, kd_str("-etm@")) != SIZE_MAX;
    uint32_t n = PADDING_BYTE + payload + PADDING_LEAST + (length_apart ? 0 : LENGTH);
    n = (n + block - 1) / block * block;
    if (!length_apart && n < LEAST)
        n = LEAST;
    return n + code + (length_apart ? LENGTH : 0);
}
