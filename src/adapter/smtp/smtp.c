/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/smtp/smtp.h"

#include "adapter/given/given.h"
#include "base/out.h"

enum { URL_MAX = 700, LINE_WAIT_MS = 1000 };

struct kd_smtp {
    struct kd_smtp_config cfg;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *to, *address;
    char url[URL_MAX];
    struct kd_given given;
    struct kd_bytes letter; /* what is left to send */
    bool running, has_letter;
    bool parting; /* QUIT was said: what comes now does not count */
    enum kd_smtp_at at;
    struct kd_smtp_result result;
    char why[CURL_ERROR_SIZE];
};

/* ---- what the server says ---- */

/* The command that went out last decides what the next answer is about.  Nothing of it is kept: it
 * may hold the password. */
static void note_command(struct kd_smtp *m, struct kd_bytes line)
{
    if (kd_bytes_istarts(line, kd_str("EHLO")) || kd_bytes_istarts(line, kd_str("HELO")) ||
        kd_bytes_istarts(line, kd_str("STARTTLS")))
        m->at = KD_SMTP_AT_HELLO;
    else if (kd_bytes_istarts(line, kd_str("AUTH")))
        m->at = KD_SMTP_AT_LOGIN;
    else if (kd_bytes_istarts(line, kd_str("MAIL FROM")))
        m->at = KD_SMTP_AT_SENDER;
    else if (kd_bytes_istarts(line, kd_str("RCPT TO")))
        m->at = KD_SMTP_AT_RECIPIENT;
    else if (kd_bytes_istarts(line, kd_str("DATA")))
        m->at = KD_SMTP_AT_CONTENT;
    m->parting = m->parting || kd_bytes_istarts(line, kd_str("QUIT"));
}

static void note_answer(struct kd_smtp *m, struct kd_bytes line)
{
    uint64_t code;
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (line.n < 3 || !kd_bytes_to_u64(kd_bytes_head(line, 3), 599, &code) || code < 200)
        return;
    if (m->at == KD_SMTP_AT_RECIPIENT && code >= 400 && kd_bytes_at(line, 3) != '-')
        m->result.refused++;
    /* Neither what is said in parting counts, nor what follows a refusal. */
    if (m->parting || (m->result.code >= 400 && code < 400))
        return;
    m->result.code = (unsigned)code;
    m->result.at = m->at;
    struct kd_out o = kd_out_of(m->result.answer, sizeof(m->result.answer) - 1);
    kd_out_escaped(&o, line);
    m->result.answer[o.n] = '\0';
}

static int on_talk(CURL *easy, curl_infotype kind, char *data, size_t n, void *arg)
{
    (void)easy;
    struct kd_smtp *m = arg;
    if (kind == CURLINFO_HEADER_OUT)
        note_command(m, kd_bytes_of(data, n));
    else if (kind == CURLINFO_HEADER_IN)
        note_answer(m, kd_bytes_of(data, n));
    return 0;
}

static size_t swallow(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    (void)arg;
    return size * n;
}

static size_t on_read(char *into, size_t size, size_t n, void *arg)
{
    struct kd_smtp *m = arg;
    struct kd_bytes part = kd_bytes_head(m->letter, size * n);
    if (part.n > 0)
        memcpy(into, part.p, part.n);
    m->letter = kd_bytes_from(m->letter, part.n);
    return part.n;
}

/* ---- settings ---- */

static struct kd_bytes bracketed(const char *server, char room[300])
{
    struct kd_out o = kd_out_of(room, 300);
    bool six = strchr(server, ':') != NULL;
    kd_out_str(&o, six ? "[" : "");
    kd_out_str(&o, server);
    kd_out_str(&o, six ? "]" : "");
    return kd_out_bytes_view(&o);
}

/* The name stands for the connection we are given: nothing is looked up. */
static bool fill_address(struct kd_smtp *m)
{
    char host[300], line[400];
    struct kd_out o = kd_out_of(m->url, sizeof(m->url) - 1), l = kd_out_of(line, sizeof(line) - 1);
    kd_out_str(&o, m->cfg.tls == KD_SMTP_TLS ? "smtps://" : "smtp://");
    kd_out_bytes(&o, bracketed(m->cfg.server, host));
    kd_out_fmt(&o, ":%u/%s", m->cfg.port, m->cfg.helo);
    m->url[o.n] = '\0';
    kd_out_fmt(&l, "%s:%u:127.0.0.1", m->cfg.server, m->cfg.port);
    line[l.n] = '\0';
    m->address = curl_slist_append(NULL, line);
    return kd_out_ok(&o) && kd_out_ok(&l) && m->address != NULL;
}

static bool fill_to(struct kd_smtp *m)
{
    for (size_t i = 0; i < m->cfg.n_to; i++) {
        struct curl_slist *more = curl_slist_append(m->to, m->cfg.to[i]);
        if (more == NULL)
            return false;
        m->to = more;
    }
    return true;
}

#define SET(option, value) ok = ok && curl_easy_setopt(m->easy, option, value) == CURLE_OK

static bool set_common(struct kd_smtp *m)
{
    bool ok = true;
    SET(CURLOPT_URL, m->url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_RESOLVE, m->address);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_TIMEOUT, (long)m->cfg.timeout_s);
    SET(CURLOPT_ERRORBUFFER, m->why);
    SET(CURLOPT_VERBOSE, 1L);
    SET(CURLOPT_DEBUGFUNCTION, on_talk);
    SET(CURLOPT_DEBUGDATA, m);
    SET(CURLOPT_WRITEFUNCTION, swallow);
    return ok;
}

static bool set_login(struct kd_smtp *m)
{
    bool ok = true;
    SET(CURLOPT_USE_SSL, (long)(m->cfg.tls == KD_SMTP_PLAIN ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (m->cfg.user[0] == '\0')
        return ok;
    SET(CURLOPT_USERNAME, m->cfg.user);
    SET(CURLOPT_PASSWORD, m->cfg.password);
    /* Those that need nothing but the two; others would read files of the system. */
    SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
    return ok;
}

static bool set_letter(struct kd_smtp *m)
{
    bool ok = true;
    SET(CURLOPT_CUSTOMREQUEST, m->has_letter ? NULL : "NOOP");
    SET(CURLOPT_NOBODY, m->has_letter ? 0L : 1L);
    SET(CURLOPT_UPLOAD, m->has_letter ? 1L : 0L);
    SET(CURLOPT_MAIL_FROM, m->has_letter ? m->cfg.from : NULL);
    SET(CURLOPT_MAIL_RCPT, m->has_letter ? m->to : NULL);
    SET(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    SET(CURLOPT_READFUNCTION, on_read);
    SET(CURLOPT_READDATA, m);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)m->letter.n);
    return ok;
}

enum kd_status kd_smtp_new(const struct kd_smtp_config *cfg, struct kd_smtp **ret,
                           struct kd_err *err)
{
    struct kd_smtp *m = calloc(1, sizeof(*m));
    if (m == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(m);
        return kd_fail(err, KD_NO_MEMORY, 0, "the mail library cannot be started");
    }
    m->cfg = *cfg;
    m->given.fd = -1;
    m->multi = curl_multi_init();
    m->easy = curl_easy_init();
    if (m->multi == NULL || m->easy == NULL || !fill_address(m) || !fill_to(m) || !set_common(m) ||
        !set_login(m) || !kd_given_set(m->easy, &m->given, m->cfg.ca_pem)) {
        kd_smtp_free(m);
        return kd_fail(err, KD_UNSUPPORTED, 0,
                       "the mail library (libcurl) refuses the settings of notice.email");
    }
    *ret = m;
    return KD_OK;
}

void kd_smtp_free(struct kd_smtp *m)
{
    if (m == NULL)
        return;
    if (m->running)
        (void)curl_multi_remove_handle(m->multi, m->easy);
    curl_easy_cleanup(m->easy);
    (void)curl_multi_cleanup(m->multi);
    curl_slist_free_all(m->to);
    curl_slist_free_all(m->address);
    kd_given_close(&m->given);
    free(m);
}

/* ---- a conversation ---- */

enum kd_status kd_smtp_start(struct kd_smtp *m, int fd, struct kd_bytes letter)
{
    KD_ASSERT(!m->running);
    m->given.fd = fd;
    m->letter = letter;
    m->has_letter = letter.n > 0;
    m->at = KD_SMTP_AT_HELLO;
    m->result = (struct kd_smtp_result){.outcome = KD_SMTP_FAULT};
    m->why[0] = '\0';
    m->parting = false;
    m->running = set_letter(m) && curl_multi_add_handle(m->multi, m->easy) == CURLM_OK;
    if (m->running)
        return KD_OK;
    kd_given_close(&m->given);
    return KD_NO_MEMORY;
}

static enum kd_smtp_outcome outcome_of(const struct kd_smtp *m, CURLcode rc)
{
    bool refused = m->result.code >= 400;
    switch (rc) {
    case CURLE_OK:
        return KD_SMTP_SENT;
    case CURLE_USE_SSL_FAILED:
        return KD_SMTP_NO_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return KD_SMTP_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return KD_SMTP_TLS_FAILED;
    case CURLE_OPERATION_TIMEDOUT:
        return KD_SMTP_TIMEOUT;
    case CURLE_LOGIN_DENIED:
        return KD_SMTP_REFUSED;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_COULDNT_CONNECT:
        return refused ? KD_SMTP_REFUSED : KD_SMTP_CLOSED;
    case CURLE_WEIRD_SERVER_REPLY:
        return refused ? KD_SMTP_REFUSED : KD_SMTP_CLOSED;
    default:
        return refused ? KD_SMTP_REFUSED : KD_SMTP_FAULT;
    }
}

static void finish(struct kd_smtp *m, CURLcode rc, struct kd_smtp_result *ret)
{
    struct kd_smtp_result *r = &m->result;
    r->outcome = outcome_of(m, rc);
    /* The library's words where the server's do not tell the reason. */
    if (r->outcome != KD_SMTP_SENT && r->outcome != KD_SMTP_REFUSED) {
        struct kd_out o = kd_out_of(r->answer, sizeof(r->answer) - 1);
        kd_out_escaped(&o, kd_str(m->why[0] != '\0' ? m->why : curl_easy_strerror(rc)));
        r->answer[o.n] = '\0';
    }
    if (r->outcome == KD_SMTP_REFUSED && rc == CURLE_LOGIN_DENIED)
        r->at = KD_SMTP_AT_LOGIN;
    (void)curl_multi_remove_handle(m->multi, m->easy);
    m->running = false;
    m->letter = kd_bytes_of(NULL, 0);
    kd_given_close(&m->given);
    *ret = *r;
}

bool kd_smtp_run(struct kd_smtp *m, struct kd_smtp_result *ret)
{
    int left = 0;
    if (!m->running)
        return false;
    CURLMcode mc = curl_multi_perform(m->multi, &left);
    if (mc != CURLM_OK) {
        finish(m, CURLE_FAILED_INIT, ret);
        return true;
    }
    const CURLMsg *msg;
    while ((msg = curl_multi_info_read(m->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        finish(m, msg->data.result, ret);
        return true;
    }
    return false;
}

size_t kd_smtp_wait(struct kd_smtp *m, struct pollfd fds[KD_SMTP_FDS_MAX], int *ret_ms)
{
    fd_set in, out, bad;
    int max = -1;
    size_t n = 0;
    long ms = LINE_WAIT_MS;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&bad);
    if (!m->running || curl_multi_fdset(m->multi, &in, &out, &bad, &max) != CURLM_OK)
        return 0;
    for (int fd = 0; fd <= max && n < KD_SMTP_FDS_MAX; fd++) {
        short events =
            (short)((FD_ISSET(fd, &in) ? POLLIN : 0) | (FD_ISSET(fd, &out) ? POLLOUT : 0));
        if (events != 0)
            fds[n++] = (struct pollfd){.fd = fd, .events = events};
    }
    (void)curl_multi_timeout(m->multi, &ms);
    *ret_ms = ms < 0 || ms > LINE_WAIT_MS ? LINE_WAIT_MS : n == 0 && ms > 20 ? 20 : (int)ms;
    return n;
}
