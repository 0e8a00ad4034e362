/* SPDX-License-Identifier: Apache-2.0 */
/* A mail read as it streams by (RFC 5322, RFC 2045-2049), whatever protocol carries it.  Not a
 * parser itself: SMTP, POP3 and IMAP hand it a mail's bytes (dot-stuffing and the like taken away)
 * in pieces of any size, and copy what it found into their record.
 *
 * Held are one header field, the boundaries of the nested parts, and the results; bodies are
 * decoded, handed to the carver and searched for links piece by piece.  All memory is taken from
 * the caller's arena and ends with it. */
#ifndef KD_PROTO_MIME_MIME_H
#define KD_PROTO_MIME_MIME_H

#include "proto/parser.h"

enum { KD_MIME_ARENA = 192 * 1024 }; /* what one mail may need at most */

/* What became known.  Texts are UTF-8, decoded; all live in the arena.  Together they fit a record
 * beside an envelope of 6 KiB. */
struct kd_mail {
    struct kd_bytes status; /* HEADER_STARTED, BODY_STARTED or PARSE_DONE */
    struct kd_bytes from, reply_to, subject, message_id, date, x_mailer, auth_results;
    struct kd_strs to, cc, received, urls;
    struct kd_strs shown; /* links whose visible text is an address: "shown -> target" */
    uint32_t my_numbers, card_numbers, ssn_numbers; /* personal.h, in the text itself */
    struct kd_list attachments; /* of struct kd_mail_part */
    uint64_t bytes;
};

/* Whose mail it is, for the `file` records of its attachments. */
struct kd_mime_of {
    uint32_t tx_id;
    bool to_server;
};

struct kd_mime;

/* NULL when the arena has no room. */
KD_MUST_USE struct kd_mime *kd_mime_start(struct kd_arena *mem, const struct kd_limits *lim,
                                          struct kd_mime_of of);

/* Emits a `file` record for each attachment when it ends, and oddities once per mail:
 * mime_long_header_value, mime_too_deep, mime_too_many_parts, mime_boundary_missing,
 * mime_long_boundary, mime_invalid_base64. */
void kd_mime_feed(struct kd_mime *m, struct kd_ctx *ctx, struct kd_bytes piece);

/* `n` bytes are missing here: the running part is incomplete. */
void kd_mime_lost(struct kd_mime *m, uint64_t n);

/* The mail is over; `whole` when its end was seen.  Must be called before the arena ends: an
 * attachment that is read holds memory of its own. */
void kd_mime_end(struct kd_mime *m, struct kd_ctx *ctx, bool whole);

const struct kd_mail *kd_mime_mail(const struct kd_mime *m);

/* The same in the record of a mail; its envelope is left as it is.  Borrowed from the arena. */
void kd_mime_record(const struct kd_mime *m, struct kd_rec_smtp *rec);

#endif
