/* SPDX-License-Identifier: Apache-2.0 */
/* What store and gate say to each other about notices.
 *
 * The store keeps everything that is to be told, one item per subject (an incident, a detection
 * with its repeats, a trouble of the sensor, a test), and what was told of it so far.  Gate keeps
 * nothing: it says HELLO (now and then, and when it begins), is sent every item with news, and
 * answers TOLD when a mail is out.  What is lost on the way, or with a process, comes again with
 * the next HELLO.
 *
 * One message is one datagram of at most KD_NOTICE_MAX bytes, numbers little-endian, texts as
 * varint length and UTF-8.  Both sides treat the other as hostile: what breaks the format is
 * refused whole. */
#ifndef KD_WIRE_NOTICE_H
#define KD_WIRE_NOTICE_H

#include "base/cursor.h"
#include "base/out.h"
#include "base/status.h"

enum {
    KD_NOTICE_MAX = 24 * 1024,
    KD_NOTICE_TITLE_MAX = 600, /* bytes */
    KD_NOTICE_TEXT_MAX = 4000, /* bytes */
    KD_NOTICE_NAME_MAX = 300   /* bytes */
};

enum kd_notice_kind {
    KD_NOTICE_DETECTION = 1,
    KD_NOTICE_INCIDENT,
    KD_NOTICE_SENSOR, /* the sensor itself is in trouble, or no longer */
    KD_NOTICE_TEST,
    KD_NOTICE_KINDS
};

enum kd_notice_severity {
    KD_NOTICE_INFO,
    KD_NOTICE_LOW,
    KD_NOTICE_MEDIUM,
    KD_NOTICE_HIGH,
    KD_NOTICE_CRITICAL
};

/* Texts in both languages. */
struct kd_notice_words {
    struct kd_bytes ja, en;
};

/* Store to gate.  Texts are borrowed. */
struct kd_notice {
    uint64_t id;      /* of the subject */
    uint32_t version; /* grows with every news */
    uint8_t kind;
    uint8_t severity;
    bool over;                  /* the trouble has passed */
    bool example;               /* from a recording that is being played, not from the network */
    uint64_t number;            /* of the detection or incident on the page */
    uint64_t count;             /* how often until now */
    uint64_t first_us, last_us; /* of the thing itself */
    uint64_t told_count, told_us;
    uint32_t told_times;
    uint8_t told_severity;
    struct kd_bytes host, host_name;
    struct kd_notice_words title, what, action; /* what happened; what to do, one step a line */
};

/* Gate to store: what it sends and how, for the page. */
struct kd_notice_hello {
    struct kd_bytes server, security, from, to, language, severity;
    uint64_t quiet_us;
};

/* Gate to store: the mail about `version` of item `id` was taken by the server.  `mailed` false:
 * the item needed none. */
struct kd_notice_told {
    uint64_t id;
    uint32_t version;
    bool mailed;
    uint8_t severity;
    uint64_t count, us;
    struct kd_bytes answer; /* the server's last word */
};

enum kd_channel_state {
    KD_CHANNEL_UNKNOWN, /* nothing was tried yet */
    KD_CHANNEL_OK,
    KD_CHANNEL_FAILING, /* for a short time */
    KD_CHANNEL_DEAD,    /* for so long that somebody must be told */
    KD_CHANNEL_STATES
};

/* Gate to store: how the channel is. */
struct kd_notice_channel {
    uint8_t state;
    uint32_t waiting; /* items with news that are not out */
    uint64_t ok_us, fail_us, since_us, next_us;
    struct kd_bytes reason;             /* word, see notice/reason.h; empty: none */
    struct kd_notice_words why, action; /* in words */
    struct kd_bytes answer;             /* of the server, or of the system */
};

struct kd_notice_message {
    enum { KD_NOTICE_ITEM = 1, KD_NOTICE_HELLO, KD_NOTICE_TOLD, KD_NOTICE_CHANNEL } tag;
    union {
        struct kd_notice item;
        struct kd_notice_hello hello;
        struct kd_notice_told told;
        struct kd_notice_channel channel;
    };
};

/* Append one message; longer texts are cut between characters.  KD_LIMIT when it does not fit. */
KD_MUST_USE enum kd_status kd_notice_put(struct kd_out *o, const struct kd_notice_message *m);

/* Read one whole message; texts point into it.  KD_MALFORMED: unknown numbers, texts too long or no
 * UTF-8, bytes left over. */
KD_MUST_USE enum kd_status kd_notice_read(struct kd_bytes message, struct kd_notice_message *ret);

#endif
