/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the SMTP parser.  smtp.c cuts the stream, session.c follows commands and replies,
 * auth.c the logon, mail.c holds the mails and emits records. */
#ifndef KD_PROTO_SMTP_SMTP_H
#define KD_PROTO_SMTP_SMTP_H

#include "proto/mime/mime.h"
#include "proto/parser.h"
#include "proto/sasl/sasl.h"

enum smtp_phase {
    SMTP_LINES, /* commands; replies */
    SMTP_DATA,  /* a mail, up to the line with one dot */
    SMTP_BDAT,  /* `left` bytes of a mail (RFC 3030) */
    SMTP_TUNNEL /* opaque after STARTTLS */
};

enum smtp_command {
    SMTP_OTHER,
    SMTP_HELO,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA_COMMAND,
    SMTP_MESSAGE, /* no command: the end of a mail, which is answered like one */
    SMTP_BDAT_COMMAND,
    SMTP_STARTTLS,
    SMTP_AUTH,
    SMTP_RSET,
    SMTP_QUIT
};

enum smtp_event {
    SMTP_EV_COMMAND,
    SMTP_EV_REPLY,
    SMTP_EV_COMMAND_TOO_LONG,
    SMTP_EV_REPLY_TOO_LONG,
    SMTP_EV_DATA_END_BARE_LF,
    SMTP_EV_BDAT_SIZE,
    SMTP_EV_STARTTLS_PIPELINED,
    SMTP_EV_TOO_MANY_PENDING,
    SMTP_EV_DUPLICATE,
    SMTP_EV_DATA_REJECTED,
    SMTP_EVENTS
};

enum { SMTP_QUEUE = 64, SMTP_WAITING_MAX = 4 };

/* One mail, in an arena of its own. */
struct smtp_mail {
    struct smtp_mail *next;
    struct kd_arena mem;
    struct kd_rec_smtp rec; /* the envelope, and the answer */
    struct kd_mime *mime;   /* NULL before its data */
    uint32_t id;
    uint32_t rcpt_room;
    uint32_t text_left; /* of the envelope */
    bool crlf_seen;     /* a line of it ended in CRLF */
};

struct smtp_state {
    struct kd_arena session;
    struct kd_bytes helo, auth_user;
    struct smtp_mail *mail;             /* being written */
    struct smtp_mail *waiting, *newest; /* ended, not yet answered */
    uint32_t n_waiting;
    struct kd_sasl *auth;
    uint64_t left; /* of a BDAT chunk */
    uint32_t next_id;
    uint32_t n_told; /* records so far */
    uint32_t told;
    uint8_t phase[2]; /* enum smtp_phase */
    bool skip_line[2];
    bool streaming, last_chunk;
    bool framed;               /* the frame of a mail is told */
    bool line_start, after_cr; /* in a mail: at a line's start, which CRLF ended */
    uint8_t last_byte;
    bool greeted, welcome, starttls, emitted, lost; /* welcome: a HELO was accepted */
    uint8_t queue[SMTP_QUEUE]; /* commands without an answer, enum smtp_command */
    uint8_t queue_at, queue_n;
};

void smtp_event(struct kd_ctx *ctx, enum smtp_event event, uint64_t at);

/* session.c */
void smtp_command_line(struct kd_ctx *ctx, struct kd_bytes line);
void smtp_reply_line(struct kd_ctx *ctx, struct kd_bytes line);
void smtp_push(struct kd_ctx *ctx, enum smtp_command command);
bool smtp_is_pending(const struct smtp_state *st, enum smtp_command command); /* not yet answered */

/* auth.c: AUTH and its parameters, a further line, a challenge, and how it ended. */
void smtp_auth_start(struct kd_ctx *ctx, struct kd_bytes params);
void smtp_auth_line(struct kd_ctx *ctx, struct kd_bytes line);
void smtp_auth_challenge(struct kd_ctx *ctx, struct kd_bytes text);
void smtp_auth_end(struct kd_ctx *ctx, const char *result, struct kd_bytes reason);

/* mail.c: the mail being written, begun when there is none; NULL for lack of memory. */
struct smtp_mail *smtp_mail_now(struct kd_ctx *ctx);
void smtp_mail_from(struct kd_ctx *ctx, struct kd_bytes address);
void smtp_mail_rcpt(struct kd_ctx *ctx, struct kd_bytes address);
void smtp_mail_begin_data(struct kd_ctx *ctx);
void smtp_mail_data(struct kd_ctx *ctx, struct kd_bytes piece);
void smtp_mail_lost(struct kd_ctx *ctx, uint64_t n);
void smtp_mail_end_data(struct kd_ctx *ctx, bool whole);  /* it now waits for its answer */
void smtp_mail_answer(struct kd_ctx *ctx, uint16_t code); /* for the oldest that waits */
void smtp_mail_drop(
    struct kd_ctx *ctx); /* the one being written is over: told when it has a sender or recipients */
void smtp_mail_close(struct kd_ctx *ctx);
void smtp_session_record(struct kd_ctx *ctx); /* a record without a mail */

#endif
