/* SPDX-License-Identifier: Apache-2.0 */
/* What the role fetch is told, and what it answers. */
#ifndef KD_BIN_FETCH_ORDER_H
#define KD_BIN_FETCH_ORDER_H

#include "adapter/https/https.h"
#include "base/cursor.h"
#include "base/out.h"

/* KD_ORDER_FETCH behind its first byte: one file. */
struct kd_fetch_order {
    char url[KD_HTTPS_URL_MAX], proxy[256]; /* proxy: its name; empty: none */
    char etag[KD_HTTPS_TAG_MAX], modified[KD_HTTPS_TAG_MAX];
    uint16_t proxy_port;
    uint64_t most; /* bytes */
    uint32_t timeout_s;
};

enum kd_fetched {
    KD_FETCHED_NEW,
    KD_FETCHED_UNCHANGED,
    KD_FETCHED_NO_NAME,
    KD_FETCHED_NO_ANSWER,
    KD_FETCHED_REFUSED,
    KD_FETCHED_CERTIFICATE,
    KD_FETCHED_TLS,
    KD_FETCHED_TOO_LARGE,
    KD_FETCHED_CUT,
    KD_FETCHED_TIME,
    KD_FETCHED_ELSEWHERE, /* redirected to where nobody is to be asked */
    KD_FETCHED_INSIDE,    /* trouble of our own */
    KD_FETCHED_SUM,       /* of the file: it is not what its publisher made */
    KD_FETCHED_SIGNATURE,
    KD_FETCHED_CONTENT, /* it can be fetched but not used */
    KD_FETCHED_OUTCOMES
};

/* KD_ORDER_FETCHED behind its first byte. */
struct kd_fetch_answer {
    uint8_t outcome; /* enum kd_fetched */
    uint64_t bytes;
    char etag[KD_HTTPS_TAG_MAX], modified[KD_HTTPS_TAG_MAX];
    char why[KD_HTTPS_WHY_MAX]; /* escaped */
};

void kd_fetch_order_put(struct kd_out *o, const struct kd_fetch_order *f);
KD_MUST_USE bool kd_fetch_order_read(struct kd_cur *c, struct kd_fetch_order *ret);
void kd_fetch_answer_put(struct kd_out *o, const struct kd_fetch_answer *a);
KD_MUST_USE bool kd_fetch_answer_read(struct kd_cur *c, struct kd_fetch_answer *ret);

/* A word for files, and what it means for people. */
const char *kd_fetched_word(enum kd_fetched what);
const char *kd_fetched_text(enum kd_fetched what, bool ja);

/* The outcome of that word; KD_FETCHED_OUTCOMES: none. */
enum kd_fetched kd_fetched_of(struct kd_bytes word);

#endif
