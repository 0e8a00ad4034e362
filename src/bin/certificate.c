/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "os/clock.h"
#include "os/fd.h"

enum { VALID_DAYS = 825 }; /* longer ones are refused by browsers */

static bool add(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool fill(X509 *x, EVP_PKEY *key)
{
    char host[80] = "kidoban", names[200];
    (void)gethostname(host, sizeof(host) - 1);
    for (char *p = host; *p != '\0'; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '-' || *p == '.'))
            *p = '-'; /* it goes into an extension's text */
    snprintf(names, sizeof(names), "DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", host);
    X509_NAME *n = X509_get_subject_name(x);
    return X509_set_version(x, 2) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), kd_os_random_u64() >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x), -86400) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(x), VALID_DAYS, 0, NULL) != NULL &&
           X509_set_pubkey(x, key) == 1 &&
           X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(x, n) == 1 && add(x, NID_subject_alt_name, names) &&
           add(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add(x, NID_ext_key_usage, "serverAuth") && X509_sign(x, key, EVP_sha256()) > 0;
}

static bool write_pem(int dir, const char *name, mode_t mode, X509 *x, EVP_PKEY *key)
{
    KD_AUTO_FD fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool ok = fd >= 0 && b != NULL &&
              (x != NULL ? PEM_write_bio_X509(b, x)
                         : PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL)) == 1;
    long n = ok ? BIO_get_mem_data(b, &text) : 0;
    ok =
        ok && n > 0 && kd_fd_write_all(fd, kd_bytes_of(text, (size_t)n)) == KD_OK && fsync(fd) == 0;
    BIO_free(b);
    return ok;
}

/* Whatever is left of an attempt that was cut short is made anew. */
static bool make(int dir)
{
    (void)unlinkat(dir, "key.pem", 0);
    (void)unlinkat(dir, "certificate.pem", 0);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    bool ok = key != NULL && x != NULL && fill(x, key) &&
              write_pem(dir, "key.pem", 0600, NULL, key) &&
              write_pem(dir, "certificate.pem", 0644, x, NULL);
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}

enum kd_status kd_certificate_open(int dir_fd, int *ret_certificate_fd, int *ret_key_fd,
                                   struct kd_err *err)
{
    (void)mkdirat(dir_fd, "tls", 0700);
    KD_AUTO_FD dir = openat(dir_fd, "tls", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return kd_fail_sys(err, KD_SYSTEM, "the directory tls cannot be made", NULL, errno);
    if (faccessat(dir, "certificate.pem", F_OK, 0) != 0 && !make(dir))
        return kd_fail_sys(err, KD_SYSTEM,
                           "the page's certificate cannot be made (is the disk full?)", NULL,
                           errno);
    *ret_certificate_fd = openat(dir, "certificate.pem", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *ret_key_fd = openat(dir, "key.pem", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*ret_certificate_fd < 0 || *ret_key_fd < 0)
        return kd_fail_sys(err, KD_SYSTEM, "the page's certificate cannot be read",
                           "tls/certificate.pem, tls/key.pem", errno);
    return KD_OK;
}
