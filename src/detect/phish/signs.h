/* SPDX-License-Identifier: Apache-2.0 */
/* What is suspicious about a mail's sender, links and attachments.  Each reason weighs; only what the sender can
 * hardly have done by accident weighs much. */
#ifndef KD_DETECT_PHISH_SIGNS_H
#define KD_DETECT_PHISH_SIGNS_H

#include "detect/web.h"

/* In groups: sender, link, attachment. */
enum sign {
    SENDER_OWN_NAME,
    SENDER_CHECK_FAILED,
    SENDER_CHECK_SOFT,
    SENDER_NAME_IS_OTHER,
    SENDER_BRAND,
    SENDER_LOOKS_LIKE_OWN,
    SENDER_REPLY_ELSEWHERE,
    SENDER_ENVELOPE,
    SENDER_NAMELESS_RELAY,
    SENDER_CHEAP,
    SENDER_ODD_LETTERS,
    SENDER_MALFORMED,
    SENDER_NUMBERED,
    SENDER_NO_ID,
    LINK_ADDRESS,
    LINK_LOOKS_LIKE_OWN,
    LINK_BRAND,
    LINK_SHOWS_OTHER,
    LINK_PUNYCODE,
    LINK_USER_PART,
    LINK_RECIPIENT,
    LINK_CHEAP,
    LINK_PROGRAM,
    LINK_PORT,
    LINK_HOSTED_FORM,
    LINK_STORE,
    LINK_SHORTENER,
    SIGNS
};

struct sign_text {
    unsigned weight;
    const char *en, *ja;
};
extern const struct sign_text sign_texts[SIGNS];

/* Weights of the signs of one group. */
unsigned signs_weigh(uint32_t signs, enum sign first, enum sign last);
#define SENDER_SIGNS SENDER_OWN_NAME, SENDER_NO_ID
#define LINK_SIGNS LINK_ADDRESS, LINK_SHORTENER

enum { SIGNS_TEXT = 700 };
struct kd_bytes signs_words(uint32_t signs, bool ja, uint8_t room[SIGNS_TEXT]);

/* "Name" <local@domain> taken apart; views. */
struct mailbox {
    struct kd_bytes name, address, local, domain;
};
struct mailbox signs_mailbox(struct kd_bytes text);

/* The registered name that the mail is addressed to: of the first recipient. */
struct kd_bytes signs_own_zone(const struct kd_rec_smtp *m);

uint32_t signs_of_sender(const struct kd_rec_smtp *m, bool from_outside);

/* Of one link; `shown` is what the reader sees of it, may be empty. */
uint32_t signs_of_link(const struct kd_rec_smtp *m, struct kd_bytes url, struct kd_bytes shown);

enum attachment {
    ATTACHMENT_HARMLESS,
    ATTACHMENT_OLD_DOCUMENT, /* can hold programs that old programs run unasked */
    ATTACHMENT_PAGE,         /* opens in the browser: forms for passwords, smuggled programs */
    ATTACHMENT_LOCKED,       /* needs a password: nobody could check it on the way */
    ATTACHMENT_MACRO,
    ATTACHMENT_IMAGE,        /* disk image, or another container that takes the warning off its content */
    ATTACHMENT_PROGRAM,      /* program, script or shortcut, maybe in an archive */
    ATTACHMENT_DISGUISED     /* one of these that pretends to be something else */
};
/* What the attachment's own record said about its inside. */
struct inside {
    bool encrypted, macro, links;
    struct kd_bytes member; /* a program in the archive */
    struct kd_bytes hidden;
};
enum attachment signs_of_attachment(const struct kd_mail_part *part, const struct inside *in);
const char *signs_attachment_en(enum attachment a);
const char *signs_attachment_ja(enum attachment a);

#endif
