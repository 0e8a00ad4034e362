/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the FTP parser.  ftp.c cuts the stream, session.c follows commands and answers, data.c
 * knows where files are, and where the data connection goes; transfer.c reads that one. */
#ifndef KD_PROTO_FTP_FTP_H
#define KD_PROTO_FTP_FTP_H

#include "proto/inner.h"
#include "proto/parser.h"

enum {
    FTP_LINE_MAX = 4096,
    FTP_VERB_MAX = 8,
    FTP_ARG_MAX = 256,
    FTP_REPLY_MAX = 160,
    FTP_USER_MAX = 64,
    FTP_PENDING = 8,
    FTP_LINES = 16,        /* lines kept of an answer … */
    FTP_LINES_BYTES = 1024 /* … and of their texts */
};

enum ftp_event {
    FTP_EV_COMMAND,
    FTP_EV_REPLY,
    FTP_EV_COMMAND_TOO_LONG,
    FTP_EV_REPLY_TOO_LONG,
    FTP_EV_TOO_MANY_PENDING,
    FTP_EVENTS
};

/* A text of bounded length. */
struct ftp_text {
    uint16_t n;
    uint8_t b[FTP_ARG_MAX];
};

static inline struct kd_bytes ftp_view(const struct ftp_text *t)
{
    return kd_bytes_of(t->b, t->n);
}

/* Where a data connection goes. */
struct ftp_endpoint {
    struct kd_addr addr;
    uint16_t port; /* 0: not known */
    bool active;   /* the server connects to the client */
};

/* A command without its final answer. */
struct ftp_command {
    char verb[FTP_VERB_MAX + 1]; /* upper case */
    bool announced;              /* its data connection */
    bool truncated;              /* its line was too long */
    struct ftp_text arg;         /* UTF-8; empty for secrets */
    struct ftp_endpoint data;
};

struct ftp_state {
    struct ftp_command queue[FTP_PENDING];
    uint8_t queue_at, queue_n;
    struct ftp_text user, cwd, sized; /* sized: the file whose size was answered */
    struct ftp_endpoint data;         /* as last agreed */
    uint64_t size, restart;
    /* the answer being read: first line, and the code that will end it */
    uint16_t reply_code;
    uint8_t reply_n;
    uint8_t reply[FTP_REPLY_MAX];
    /* all lines to the oldest command, preliminary answers too */
    uint8_t n_lines;
    bool reply_truncated;
    uint16_t lines_n;
    struct ftp_line {
        uint16_t at, n;
        uint8_t code_n;
        uint8_t code[3];
    } line[FTP_LINES];
    uint8_t lines[FTP_LINES_BYTES];
    uint8_t told; /* enum ftp_event bits */
    bool skip_line[2];
    bool tls, lost;
    struct kd_inner inner;
};

void ftp_event(struct kd_ctx *ctx, enum ftp_event event);

/* Text as its side wrote it, as UTF-8, cut. */
void ftp_keep(struct ftp_text *t, struct kd_bytes text);

/* session.c */
void ftp_command_line(struct kd_ctx *ctx, struct kd_bytes line);
void ftp_reply_line(struct kd_ctx *ctx, struct kd_bytes line);
void ftp_lost(struct kd_ctx *ctx); /* what was asked and answered in a hole is not known */
void ftp_finish(struct kd_ctx *ctx);

/* data.c: endpoints as RFC 959 (PORT, 227) and RFC 2428 (EPRT, 229) write them. */
bool ftp_read_numbers(struct kd_bytes text, struct ftp_endpoint *ret);
bool ftp_read_extended(struct kd_bytes text, struct ftp_endpoint *ret);
void ftp_directory(struct ftp_state *st, struct kd_bytes path); /* it was changed */
void ftp_announce(struct kd_ctx *ctx, const struct ftp_command *c);

bool ftp_stores(const struct ftp_command *c);
bool ftp_lists(const struct ftp_command *c);

extern const struct kd_parser kd_parser_ftp_data;

#endif
