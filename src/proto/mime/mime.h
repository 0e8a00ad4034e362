/* SPDX-License-Identifier: Apache-2.0 */
/* A mail read as it streams by (RFC 5322, RFC 2045-2049), whatever protocol carries it.  Not a
 * parser itself: SMTP, POP3 and IMAP hand it a mail's bytes (dot-stuffing and the like taken away)
 * in pieces of any size, and copy what it found into their record.
 *
 * Held are one header field, the boundaries of the nested parts, and the results; bodies are
 * decoded, hashed and searched for links piece by piece.  All memory is taken from the caller's
 * arena and ends with it. */
#ifndef KD_PROTO_MIME_MIME_H
#define KD_PROTO_MIME_MIME_H

#include "base/limits.h"
#include "base/pool.h"
#include "records.h"

enum { KD_MIME_ARENA = 192 * 1024 }; /* what one mail may need at most */

/* What became known.  Texts are UTF-8, decoded; all live in the arena.  Together they fit a record
 * beside an envelope of 6 KiB. */
struct kd_mail {
    struct kd_bytes status; /* HEADER_STARTED, BODY_STARTED or PARSE_DONE */
    struct kd_bytes from, reply_to, subject, message_id, date, x_mailer, auth_results;
    struct kd_strs to, cc, received, urls;
    struct kd_list attachments; /* of struct kd_mail_part */
    uint64_t bytes;
};

/* Told while feeding; NULL is fine.  `user` is what was given to the feeding call. */
struct kd_mime_events {
    /* A part that is a file has ended; `whole` when nothing of it is missing. */
    void (*file)(void *user, const struct kd_mail_part *part, bool whole);
    /* An oddity, once per mail: mime_header_too_long, mime_too_deep, mime_too_many_parts,
     * mime_boundary_missing, mime_base64_bad, mime_boundary_too_long. */
    void (*anomaly)(void *user, const char *event, uint64_t at);
};

struct kd_mime;

/* NULL when the arena has no room. */
KD_MUST_USE struct kd_mime *kd_mime_start(struct kd_arena *mem, const struct kd_limits *lim,
                                          const struct kd_mime_events *events);
void kd_mime_feed(struct kd_mime *m, void *user, struct kd_bytes piece);

/* `n` bytes are missing here: the running part is incomplete. */
void kd_mime_lost(struct kd_mime *m, uint64_t n);

/* The mail is over; `whole` when its end was seen. */
void kd_mime_end(struct kd_mime *m, void *user, bool whole);

const struct kd_mail *kd_mime_mail(const struct kd_mime *m);

#endif
