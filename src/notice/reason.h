/* SPDX-License-Identifier: Apache-2.0 */
/* Why a mail did not go out, and what an officer does about it. */
#ifndef KD_NOTICE_REASON_H
#define KD_NOTICE_REASON_H

#include "base/base.h"

enum kd_reason {
    KD_REASON_NONE,
    KD_REASON_NAME,        /* the server's name is not known */
    KD_REASON_CONNECT,     /* nobody answers at its address, or it refuses */
    KD_REASON_TIME,        /* it answers too slowly */
    KD_REASON_NO_TLS,      /* it offers no encryption */
    KD_REASON_CERTIFICATE, /* it cannot prove who it is */
    KD_REASON_TLS,         /* encryption cannot be agreed on */
    KD_REASON_LOGIN,       /* user or password */
    KD_REASON_SENDER,      /* refuses our address */
    KD_REASON_RECIPIENT,   /* refuses all of theirs */
    KD_REASON_LATER,       /* asks to come again */
    KD_REASON_REFUSED,     /* refuses the mail itself */
    KD_REASON_CLOSED,      /* ended the conversation, or speaks no SMTP */
    KD_REASON_INSIDE,      /* a fault of the sensor */
    KD_REASONS
};

struct kd_reason_row {
    const char *name, *ja, *en, *do_ja, *do_en;
};

const struct kd_reason_row *kd_reason_row(enum kd_reason r);

/* By the code of a refusal (RFC 5321) and what was refused when. */
enum kd_mail_step {
    KD_MAIL_HELLO,
    KD_MAIL_LOGIN,
    KD_MAIL_SENDER,
    KD_MAIL_RECIPIENT,
    KD_MAIL_CONTENT
};
enum kd_reason kd_reason_of_answer(unsigned code, enum kd_mail_step step);

#endif
