/* SPDX-License-Identifier: Apache-2.0 */
/* Packages as anybody may hand them to `kidoban verify`: a tar archive.  The checksums of its headers are
 * mended first, as whoever forges one would.  Properties: how it is read in pieces does not matter; nothing
 * verifies with a key that did not sign it. */
#include "store/package.h"

enum { BLOCK = 512, CHECKSUM_AT = 148, CHECKSUM_BYTES = 8, SIZE_AT = 124, SIZE_BYTES = 12, MEMBERS = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct tape {
    const uint8_t *p;
    size_t n, step;
};

static ptrdiff_t give(void *arg, void *buf, size_t n)
{
    struct tape *t = arg;
    n = n < t->step ? n : t->step;
    n = n < t->n ? n : t->n;
    if (n > 0)
        memcpy(buf, t->p, n);
    t->p += n;
    t->n -= n;
    return (ptrdiff_t)n;
}

static size_t octal(const uint8_t *p, size_t n)
{
    size_t v = 0;
    for (size_t i = 0; i < n && p[i] >= '0' && p[i] <= '7' && v < (size_t)1 << 32; i++)
        v = v * 8 + (size_t)(p[i] - '0');
    return v;
}

static void mend(uint8_t *tar, size_t n)
{
    for (size_t at = 0, members = 0; at + BLOCK <= n && members < MEMBERS; members++) {
        unsigned sum = 0;
        char text[CHECKSUM_BYTES];
        memset(tar + at + CHECKSUM_AT, ' ', CHECKSUM_BYTES);
        for (size_t i = 0; i < BLOCK; i++)
            sum += tar[at + i];
        (void)snprintf(text, sizeof(text), "%06o", sum & 0777777u);
        memcpy(tar + at + CHECKSUM_AT, text, CHECKSUM_BYTES - 1);
        size_t size = octal(tar + at + SIZE_AT, SIZE_BYTES);
        if (size > n)
            return;
        at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
}

static enum kd_status verify(const uint8_t *tar, size_t n, size_t step, const uint8_t *pub, struct kd_verify_result *ret)
{
    struct tape t = {tar, n, step};
    struct kd_err err = {0};
    enum kd_status s = kd_package_verify(give, &t, pub, ret, &err);
    KD_ASSERT(s != KD_OK || ret->ok || ret->what[0] != '\0');
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t other[32] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
                                      0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
                                      0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
    static struct kd_verify_result whole, split, foreign;
    uint8_t *tar = malloc(n + 1);
    KD_ASSERT(tar != NULL);
    if (n > 0)
        memcpy(tar, data, n);
    mend(tar, n);
    enum kd_status s = verify(tar, n, SIZE_MAX, NULL, &whole);
    size_t step = n > 0 ? (size_t)data[n - 1] * 3 + 1 : 1;
    KD_ASSERT(verify(tar, n, step, NULL, &split) == s);
    KD_ASSERT(s != KD_OK || (whole.ok == split.ok && strcmp(whole.where, split.where) == 0 &&
                             strcmp(whole.what, split.what) == 0));
    if (whole.ok)
        KD_ASSERT(verify(tar, n, SIZE_MAX, other, &foreign) != KD_OK || !foreign.ok);
    free(tar);
    return 0;
}
