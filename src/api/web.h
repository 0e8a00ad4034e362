/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS server of the pages and the API.  It owns connections and nothing else: every answer comes
 * from the store (wire/ask.h), every file was put into the executable at build time.  One thread, driven by
 * its owner's poll loop; a request waits suspended while the store works. */
#ifndef KD_API_WEB_H
#define KD_API_WEB_H

#include "base/clock.h"
#include "base/status.h"

/* A file of the pages, packed with gzip (tools/embed_web.py). */
struct kd_web_file {
    const char *path; /* "/assets/index-Ab12.js" */
    const char *type;
    const char *etag;
    bool immutable;   /* its name changes with its content */
    const uint8_t *data;
    size_t n;
};

extern const struct kd_web_file kd_web_files[]; /* ends with a NULL path */

struct kd_web_config {
    int listen_fd;          /* listening TCP socket; taken over */
    const char *cert_pem;   /* certificate chain and key, terminated; copied by the TLS library */
    const char *key_pem;
    struct kd_clock clock;
    int zone_s;             /* the site's */
    /* Send one message to the store.  KD_BUSY: it cannot take more now. */
    enum kd_status (*send)(void *arg, struct kd_bytes message);
    void *arg;
};

struct kd_web;

KD_MUST_USE enum kd_status kd_web_new(const struct kd_web_config *cfg, struct kd_web **ret,
                                      struct kd_err *err);
void kd_web_free(struct kd_web *w);

/* Wait until this is readable, or so long, then call kd_web_run(). */
int kd_web_poll_fd(const struct kd_web *w);
unsigned kd_web_timeout_ms(const struct kd_web *w);
void kd_web_run(struct kd_web *w);

/* A message came from the store: an answer, or an event for everybody who listens. */
void kd_web_message(struct kd_web *w, struct kd_bytes message);

#endif
