/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the HTTP parser: what a body is.  content.c undoes its content coding and hands it on:
 * to the carver, to form.c (forms that are sent), to page.c (HTML, beside the carver). */
#ifndef KD_PROTO_HTTP_CONTENT_H
#define KD_PROTO_HTTP_CONTENT_H

#include "proto/carve/carve.h"
#include "proto/carve/coding.h"
#include "proto/parser.h"

struct http_tx;
struct http_form;
struct http_page;

enum { HTTP_CODINGS = 4 };

/* The codings of a body as its head names them, in the order in which they were applied. */
struct http_codings {
    uint8_t n;
    uint8_t kind[HTTP_CODINGS]; /* enum kd_coding_kind */
};

/* Add those of one field value, leniently: what a browser would decode is decoded here. */
void http_codings_add(struct http_codings *c, struct kd_bytes value);

/* One body. */
struct http_content {
    struct kd_carve *file;
    struct kd_coding *coding[HTTP_CODINGS]; /* the one that is undone first, first */
    uint8_t n_codings;
    struct http_form *form;
    struct http_page *page;
    bool begun;
    bool is_range; /* `file` goes on in later messages */
    bool lost;
};

/* A file that comes in ranges, one after the other, within a conversation. */
struct http_ranges {
    struct kd_carve *file;
    uint64_t key; /* of address and validator */
    uint64_t total;
};

/* Range of a 206 (RFC 9110 14.4): "bytes 0-99/200"; total 0: not told. */
struct http_range {
    uint64_t first, last, total;
    bool known;
};

void http_content_data(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, struct kd_bytes b);
void http_content_lost(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, uint64_t n);

/* The body is over: its file is told. */
void http_content_end(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, bool whole);

/* Is the digest of the answer's file that of the body as sent?  It is then put into the record by
 * http_content_end(). */
bool http_content_hashes(const struct http_tx *tx);

/* The conversation is over: what came in ranges is told. */
void http_ranges_end(struct kd_ctx *ctx);

struct http_range http_range_of(struct kd_bytes value);

/* form.c: multipart/form-data (RFC 7578) and application/x-www-form-urlencoded.  NULL: no such type
 * or no memory.  Results go into tx->rec.form. */
struct http_form *http_form_new(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes type);
void http_form_data(struct kd_ctx *ctx, struct http_form *f, struct kd_bytes b);
void http_form_lost(struct http_form *f, uint64_t n);
void http_form_end(struct kd_ctx *ctx, struct http_form *f, bool whole); /* frees it */

/* page.c: where a page sends the browser, and other sites that it draws in.  Results go into
 * tx->rec.body_redirect and frames. */
struct http_page *http_page_new(struct kd_ctx *ctx, struct http_tx *tx);
void http_page_data(struct kd_ctx *ctx, struct http_page *p, struct kd_bytes b);
void http_page_end(struct kd_ctx *ctx, struct http_page *p); /* frees it */

/* The web address of a request, with its scheme; cut to fit. */
struct kd_bytes http_source(const struct kd_ctx *ctx, const struct http_tx *tx, uint8_t *room,
                            size_t max);

#endif
