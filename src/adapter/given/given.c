/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/given/given.h"

#include <unistd.h>

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct kd_given *g = arg;
    int fd = g->fd;
    (void)purpose;
    (void)address;
    g->fd = -1; /* a second one is not to be had */
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int on_option(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)fd;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

#define SET(option, value) ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK

bool kd_given_set(CURL *easy, struct kd_given *g, struct kd_bytes ca_pem)
{
    bool ok = true;
    struct curl_blob ca = {(void *)(uintptr_t)ca_pem.p, ca_pem.n, CURL_BLOB_NOCOPY};
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(CURLOPT_OPENSOCKETDATA, g);
    SET(CURLOPT_SOCKOPTFUNCTION, on_option);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    if (ca_pem.n > 0)
        SET(CURLOPT_CAINFO_BLOB, &ca);
    return ok;
}

void kd_given_close(struct kd_given *g)
{
    if (g->fd >= 0)
        (void)close(g->fd);
    g->fd = -1;
}
