/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/https/https.h"

#include "adapter/given/given.h"
#include "base/out.h"

enum { STEP_MS = 500, SLOW_BYTES = 64, SLOW_S = 60, URL_ROOM = 700 };

struct kd_https {
    CURLM *multi;
    CURL *easy;
    struct kd_bytes ca_pem;
    const struct kd_https_want *want;
    struct kd_https_result *result;
    struct kd_given given;
    bool too_large;
    char why[CURL_ERROR_SIZE];
};

/* ---- what comes ---- */

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    struct kd_https *h = arg;
    struct kd_https_result *r = h->result;
    n *= size;
    if (n > h->want->most - r->bytes) {
        h->too_large = true;
        return 0;
    }
    memcpy(h->want->into + r->bytes, data, n);
    r->bytes += n;
    return n;
}

/* What goes back to a server or into a file of lines is plain text. */
static void keep(char *into, size_t room, struct kd_bytes v)
{
    bool ok = v.n < room;
    for (size_t i = 0; i < v.n; i++)
        ok = ok && v.p[i] >= ' ' && v.p[i] <= '~';
    memset(into, 0, room);
    if (ok && v.n > 0)
        memcpy(into, v.p, v.n);
}

/* Of several answers (a proxy's, then the server's) the last counts. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct kd_https *h = arg;
    struct kd_bytes line = kd_bytes_of(data, n * size);
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (kd_bytes_starts(line, kd_str("HTTP/"))) {
        h->result->etag[0] = h->result->modified[0] = '\0';
        return n * size;
    }
    struct kd_bytes name = kd_bytes_cut(&line, ':');
    if (kd_bytes_ieq(name, kd_str("etag")))
        keep(h->result->etag, sizeof(h->result->etag), kd_bytes_trim(line));
    else if (kd_bytes_ieq(name, kd_str("last-modified")))
        keep(h->result->modified, sizeof(h->result->modified), kd_bytes_trim(line));
    return n * size;
}

static int on_progress(void *arg, curl_off_t of, curl_off_t now, curl_off_t up_of, curl_off_t up)
{
    struct kd_https *h = arg;
    (void)up_of;
    (void)up;
    (void)now;
    bool go_on = h->want->progress == NULL ||
                 h->want->progress(h->want->arg, h->result->bytes, of > 0 ? (uint64_t)of : 0);
    return go_on ? 0 : 1;
}

/* ---- settings ---- */

#define SET(option, value) ok = ok && curl_easy_setopt(h->easy, option, value) == CURLE_OK

static bool set_common(struct kd_https *h)
{
    bool ok = true;
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_USERAGENT, "kidoban");
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    SET(CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
    SET(CURLOPT_ERRORBUFFER, h->why);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_WRITEFUNCTION, on_data);
    SET(CURLOPT_WRITEDATA, h);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, h);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, h);
    return ok;
}

static struct curl_slist *lines(const struct kd_https_want *w)
{
    char line[KD_HTTPS_TAG_MAX + 40];
    struct curl_slist *list = curl_slist_append(NULL, "Accept: */*");
    if (w->etag[0] != '\0') {
        snprintf(line, sizeof(line), "If-None-Match: %.199s", w->etag);
        list = curl_slist_append(list, line);
    }
    if (w->modified[0] != '\0') {
        snprintf(line, sizeof(line), "If-Modified-Since: %.199s", w->modified);
        list = curl_slist_append(list, line);
    }
    return list;
}

/* The name stands for the connection we are given: nothing is looked up. */
static bool set_want(struct kd_https *h, char room[URL_ROOM], struct curl_slist **ret_address)
{
    const struct kd_https_want *w = h->want;
    bool ok = true, proxied = w->proxy[0] != '\0';
    snprintf(room, URL_ROOM, "%s:%u:127.0.0.1", proxied ? w->proxy : w->host, proxied ? w->proxy_port : w->port);
    *ret_address = curl_slist_append(NULL, room);
    bool six = strchr(w->proxy, ':') != NULL;
    room[0] = '\0';
    if (proxied)
        snprintf(room, URL_ROOM, "http://%s%s%s:%u", six ? "[" : "", w->proxy, six ? "]" : "", w->proxy_port);
    SET(CURLOPT_RESOLVE, *ret_address);
    SET(CURLOPT_PROXY, room);
    SET(CURLOPT_HTTPPROXYTUNNEL, proxied ? 1L : 0L);
    SET(CURLOPT_URL, w->url);
    SET(CURLOPT_TIMEOUT, (long)w->timeout_s);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)w->most);
    return ok && *ret_address != NULL;
}

enum kd_status kd_https_new(struct kd_bytes ca_pem, struct kd_https **ret, struct kd_err *err)
{
    struct kd_https *h = calloc(1, sizeof(*h));
    if (h == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(h);
        return kd_fail(err, KD_NO_MEMORY, 0, "the HTTPS library cannot be started");
    }
    h->given.fd = -1;
    h->ca_pem = ca_pem;
    h->multi = curl_multi_init();
    h->easy = curl_easy_init();
    if (h->multi == NULL || h->easy == NULL || !set_common(h) ||
        !kd_given_set(h->easy, &h->given, ca_pem)) {
        kd_https_free(h);
        return kd_fail(err, KD_UNSUPPORTED, 0, "the HTTPS library (libcurl) refuses its settings");
    }
    *ret = h;
    return KD_OK;
}

void kd_https_free(struct kd_https *h)
{
    if (h == NULL)
        return;
    curl_easy_cleanup(h->easy);
    (void)curl_multi_cleanup(h->multi);
    kd_given_close(&h->given);
    free(h);
}

/* ---- a conversation ---- */

static enum kd_https_outcome outcome_of(const struct kd_https *h, CURLcode rc)
{
    if (h->too_large)
        return KD_HTTPS_TOO_LARGE;
    switch (rc) {
    case CURLE_OK:
        break;
    case CURLE_FILESIZE_EXCEEDED:
        return KD_HTTPS_TOO_LARGE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return KD_HTTPS_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return KD_HTTPS_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return KD_HTTPS_TIME;
    case CURLE_PARTIAL_FILE:
        return KD_HTTPS_CUT;
    case CURLE_RECV_ERROR:
        return h->result->bytes > 0 ? KD_HTTPS_CUT : KD_HTTPS_CLOSED;
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_COULDNT_CONNECT:
        return KD_HTTPS_CLOSED;
    default:
        return KD_HTTPS_FAULT;
    }
    unsigned code = h->result->code;
    return code == 200                                               ? KD_HTTPS_DONE
           : code == 304                                             ? KD_HTTPS_UNCHANGED
           : code == 301 || code == 302 || code == 303 || code == 307 || code == 308 ? KD_HTTPS_REDIRECTED
                                                                     : KD_HTTPS_REFUSED;
}

static void finish(struct kd_https *h, CURLcode rc)
{
    struct kd_https_result *r = h->result;
    long code = 0, connect_code = 0;
    char *location = NULL;
    (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &code);
    (void)curl_easy_getinfo(h->easy, CURLINFO_HTTP_CONNECTCODE, &connect_code);
    r->code = (unsigned)(code != 0 ? code : connect_code);
    r->outcome = outcome_of(h, rc);
    if (rc != CURLE_OK && code == 0 && connect_code >= 300)
        r->outcome = KD_HTTPS_REFUSED; /* by the proxy */
    if (r->outcome == KD_HTTPS_REDIRECTED) {
        (void)curl_easy_getinfo(h->easy, CURLINFO_REDIRECT_URL, &location);
        keep(r->location, sizeof(r->location), kd_str(location));
    }
    struct kd_out o = kd_out_of(r->why, sizeof(r->why) - 1);
    if (rc != CURLE_OK)
        kd_out_escaped(&o, kd_bytes_head(kd_str(h->why[0] != '\0' ? h->why : curl_easy_strerror(rc)), 110));
    else if (r->outcome == KD_HTTPS_REFUSED)
        kd_out_fmt(&o, "HTTP %u", r->code);
    r->why[o.n] = '\0';
}

static CURLcode perform(struct kd_https *h)
{
    int running = 1, left = 0;
    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK)
        return CURLE_FAILED_INIT;
    CURLcode rc = CURLE_FAILED_INIT;
    while (running > 0 && curl_multi_perform(h->multi, &running) == CURLM_OK && running > 0)
        if (curl_multi_poll(h->multi, NULL, 0, STEP_MS, NULL) != CURLM_OK)
            break;
    for (const CURLMsg *m; (m = curl_multi_info_read(h->multi, &left)) != NULL;)
        if (m->msg == CURLMSG_DONE)
            rc = m->data.result;
    (void)curl_multi_remove_handle(h->multi, h->easy);
    return rc;
}

void kd_https_get(struct kd_https *h, int fd, const struct kd_https_want *want, struct kd_https_result *ret)
{
    char room[URL_ROOM];
    struct curl_slist *address = NULL, *head = lines(want);
    *ret = (struct kd_https_result){.outcome = KD_HTTPS_FAULT};
    h->want = want;
    h->result = ret;
    h->given.fd = fd;
    h->too_large = false;
    h->why[0] = '\0';
    bool ok = head != NULL && set_want(h, room, &address);
    SET(CURLOPT_HTTPHEADER, head);
    CURLcode rc = ok ? perform(h) : CURLE_FAILED_INIT;
    finish(h, rc);
    kd_given_close(&h->given);
    curl_slist_free_all(address);
    curl_slist_free_all(head);
}
