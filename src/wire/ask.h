/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and answers between web and store, and live events.
 *
 * One message is one datagram of at most KD_ASK_MAX bytes, all numbers little-endian:
 *   question  u8 1, u32 id, u8 kind, u8 n (<= 16), n times (varint length, name, varint length,
 * value) answer    u8 2, u32 id, u16 status, u8 flags (1 more), u32 retry_s, varint length, token,
 * then JSON to the end event     u8 3, u8 kind, then JSON to the end An id is the asker's choice,
 * unique among its open questions.  An answer longer than one message comes as several with `more`
 * set on all but the last: their JSON texts joined are the answer, status and the rest are the
 * first's.  Answers to different questions may interleave.  Both sides treat the other as hostile:
 * what breaks this format is refused whole. */
#ifndef KD_WIRE_ASK_H
#define KD_WIRE_ASK_H

#include "base/cursor.h"
#include "base/out.h"
#include "base/status.h"

enum {
    KD_ASK_MAX = 64 * 1024,       /* longest message */
    KD_ASK_CHUNK_MAX = 60 * 1024, /* JSON text of one answer message */
    KD_ASK_PAIRS_MAX = 16,
    KD_ASK_NAME_MAX = 32,        /* bytes; a-z and _ only */
    KD_ASK_VALUE_MAX = 8 * 1024, /* bytes of UTF-8 without NUL */
    KD_ASK_TOKEN_MAX = 128,      /* bytes of printable ASCII */
    KD_ASK_ANSWER_MAX = 64 << 20 /* whole answer; a longer one is a broken store */
};

enum kd_ask_kind {
    KD_ASK_NONE = 0,
#define KD_ASK(NAME, text, role, writes, pairs) KD_ASK_##NAME,
#include "wire/ask.def"
#undef KD_ASK
    KD_ASK_KINDS
};

/* Each includes those before it. */
enum kd_role { KD_ROLE_NONE, KD_ROLE_VIEWER, KD_ROLE_ANALYST, KD_ROLE_ADMIN };

struct kd_ask_row {
    const char *name;
    enum kd_role role; /* least role that may ask */
    bool writes;
    const char *pairs; /* its pair names, space between */
};

extern const struct kd_ask_row kd_ask_rows[KD_ASK_KINDS];

struct kd_ask_pair {
    struct kd_bytes name, value;
};

/* Texts are borrowed: the encoder's from the caller, the decoder's from the message.  A CANCEL
 * carries the id of the question to stop and gets no answer; the stopped question is answered with
 * 408. */
struct kd_question {
    uint32_t id;
    enum kd_ask_kind kind;
    size_t n;
    struct kd_ask_pair v[KD_ASK_PAIRS_MAX];
};

struct kd_answer {
    uint32_t id;
    uint16_t status; /* as HTTP: 200 … 599 */
    bool more;
    uint32_t retry_s;      /* for 429: when to try again */
    struct kd_bytes token; /* LOGIN only: the new session's token, for the cookie */
    struct kd_bytes json;  /* empty for 204 */
};

enum kd_event_kind { KD_EVENT_DETECTION = 1, KD_EVENT_HEALTH, KD_EVENT_ROLE, KD_EVENT_INCIDENT, KD_EVENT_KINDS };

struct kd_event {
    enum kd_event_kind kind;
    struct kd_bytes json;
};

extern const char *const kd_event_names[KD_EVENT_KINDS]; /* as SSE names them */

struct kd_ask_message {
    enum { KD_ASK_QUESTION = 1, KD_ASK_ANSWER, KD_ASK_EVENT } tag;
    union {
        struct kd_question question;
        struct kd_answer answer;
        struct kd_event event;
    };
};

/* Add a pair; KD_LIMIT when there are 16, KD_MALFORMED when name or value break their bounds. */
KD_MUST_USE enum kd_status kd_question_add(struct kd_question *q, const char *name,
                                           struct kd_bytes value);

/* A pair's value; an empty view with p == NULL when it is not there. */
struct kd_bytes kd_question_get(const struct kd_question *q, const char *name);

/* Append one message.  KD_LIMIT when it does not fit or JSON exceeds its bound, KD_MALFORMED when a
 * bound of the format is broken; the writer is then as before. */
KD_MUST_USE enum kd_status kd_question_put(struct kd_out *o, const struct kd_question *q);
KD_MUST_USE enum kd_status kd_answer_put(struct kd_out *o, const struct kd_answer *a);
KD_MUST_USE enum kd_status kd_event_put(struct kd_out *o, const struct kd_event *e);

/* Read one whole message.  Unknown pairs, names twice, unknown kinds, and bytes left over are
 * KD_MALFORMED. JSON text is not parsed here. */
KD_MUST_USE enum kd_status kd_ask_read(struct kd_bytes message, struct kd_ask_message *ret);

#endif
