/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/publisher.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/out.h"
#include "os/fd.h"

enum { SIGNATURE_BYTES = 64, FILE_MAX = 1 << 30 };

struct kd_bytes kd_file_copy(const char *path)
{
    struct stat st;
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_MAX)
        return kd_str(NULL);
    uint8_t *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t n = 0;
    ssize_t got = 1;
    while (p != MAP_FAILED && n < (size_t)st.st_size && (got = read(fd, p + n, (size_t)st.st_size - n)) > 0)
        n += (size_t)got;
    return p == MAP_FAILED || got < 0 ? kd_str(NULL) : kd_bytes_of(p, n);
}

bool kd_sum_fits(struct kd_bytes whole, struct kd_bytes sum)
{
    uint8_t digest[KD_SHA256_BYTES], text[2 * KD_SHA256_BYTES];
    struct kd_out o = kd_out_of(text, sizeof(text));
    sum = kd_bytes_head(kd_bytes_trim(sum), 2 * KD_SHA256_BYTES);
    kd_digest_once(KD_SHA256, whole, digest);
    kd_out_hex(&o, kd_bytes_of(digest, sizeof(digest)));
    return sum.n == sizeof(text) && kd_bytes_ieq(sum, kd_out_bytes_view(&o));
}

bool kd_signature_fits(struct kd_bytes whole, struct kd_bytes signature, const char *key_path)
{
    FILE *f = fopen(key_path, "re");
    EVP_PKEY *key = f == NULL ? NULL : PEM_read_PUBKEY(f, NULL, NULL, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key != NULL && ctx != NULL && EVP_PKEY_id(key) == EVP_PKEY_ED25519 && signature.n == SIGNATURE_BYTES &&
              EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(ctx, signature.p, signature.n, whole.p, whole.n) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    if (f != NULL)
        (void)fclose(f);
    return ok;
}
