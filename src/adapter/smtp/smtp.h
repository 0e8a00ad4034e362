/* SPDX-License-Identifier: Apache-2.0 */
/* Handing mails to one server by SMTP (RFC 5321), STARTTLS (RFC 3207) or TLS from the start, and
 * AUTH (RFC 4954), by libcurl.
 *
 * Opens nothing by itself: the connection is given, as is the list of certification authorities.
 * One conversation at a time; never waits. */
#ifndef KD_ADAPTER_SMTP_SMTP_H
#define KD_ADAPTER_SMTP_SMTP_H

#include <poll.h>

#include "base/bytes.h"
#include "base/status.h"

enum kd_smtp_tls { KD_SMTP_STARTTLS, KD_SMTP_TLS, KD_SMTP_PLAIN };

enum { KD_SMTP_TO_MAX = 64, KD_SMTP_FDS_MAX = 4, KD_SMTP_ANSWER_MAX = 200 };

struct kd_smtp_config {
    const char *server; /* name or address: also what the certificate must be for */
    uint16_t port;
    enum kd_smtp_tls tls; /* KD_SMTP_STARTTLS: without it nothing is sent */
    const char *helo;     /* our own name */
    const char *user;     /* empty: no logon */
    const char *password;
    struct kd_bytes ca_pem; /* whom to believe */
    const char *from;
    const char *to[KD_SMTP_TO_MAX];
    size_t n_to;
    unsigned timeout_s; /* of a whole conversation */
};

struct kd_smtp;

/* Loads what the libraries need from disk, so before a sandbox is entered.  Texts and lists are
 * borrowed and must outlive the object. */
KD_MUST_USE enum kd_status kd_smtp_new(const struct kd_smtp_config *cfg, struct kd_smtp **ret,
                                       struct kd_err *err);
void kd_smtp_free(struct kd_smtp *m);

/* What came of it. */
enum kd_smtp_outcome {
    KD_SMTP_SENT,
    KD_SMTP_REFUSED, /* by the server, see `code` and `step` */
    KD_SMTP_NO_TLS,
    KD_SMTP_CERTIFICATE,
    KD_SMTP_TLS_FAILED,
    KD_SMTP_TIMEOUT,
    KD_SMTP_CLOSED,
    KD_SMTP_FAULT
};

enum kd_smtp_at {
    KD_SMTP_AT_HELLO,
    KD_SMTP_AT_LOGIN,
    KD_SMTP_AT_SENDER,
    KD_SMTP_AT_RECIPIENT,
    KD_SMTP_AT_CONTENT
};

struct kd_smtp_result {
    enum kd_smtp_outcome outcome;
    unsigned code;                   /* of the last answer that counts; 0: none came */
    enum kd_smtp_at at;              /* what it answered to */
    unsigned refused;                /* recipients that were refused although others were not */
    char answer[KD_SMTP_ANSWER_MAX]; /* that answer, or the library's words; foreign, terminated */
};

/* Begin a conversation on a connected socket, which becomes ours.  An empty letter: only see
 * whether the server would take one (logon and all).  The letter is borrowed until the end. */
KD_MUST_USE enum kd_status kd_smtp_start(struct kd_smtp *m, int fd, struct kd_bytes letter);

/* Go on as far as possible.  True: it ended, *ret is filled. */
bool kd_smtp_run(struct kd_smtp *m, struct kd_smtp_result *ret);

/* What to wait for, and for how long at most. */
size_t kd_smtp_wait(struct kd_smtp *m, struct pollfd fds[KD_SMTP_FDS_MAX], int *ret_ms);

#endif
