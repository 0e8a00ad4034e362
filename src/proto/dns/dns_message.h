/* SPDX-License-Identifier: Apache-2.0 */
/* One DNS message (RFC 1035), read from the wire into texts.  Shared by dns, mdns and llmnr. */
#ifndef KD_PROTO_DNS_MESSAGE_H
#define KD_PROTO_DNS_MESSAGE_H

#include "base/cursor.h"
#include "base/limits.h"
#include "base/out.h"
#include "base/status.h"
#include "records.h"

enum { DNS_HEADER_BYTES = 12, DNS_NAME_MAX = 255, DNS_TEXT_MAX = 24 * 1024, DNS_RR_MAX = 512 };

/* Header flags (RFC 1035 §4.1.1, RFC 2535 §6.1). */
enum {
    DNS_QR = 0x8000,
    DNS_AA = 0x0400,
    DNS_TC = 0x0200,
    DNS_RD = 0x0100,
    DNS_RA = 0x0080,
    DNS_Z = 0x0040
};

enum { DNS_CLASS_IN = 1, DNS_CLASS_NONE = 254, DNS_CLASS_ANY = 255, DNS_TYPE_OPT = 41 };
enum {
    DNS_OP_QUERY = 0,
    DNS_OP_IQUERY = 1,
    DNS_OP_STATUS = 2,
    DNS_OP_NOTIFY = 4,
    DNS_OP_UPDATE = 5
};

struct dns_header {
    uint16_t id, flags;
    uint16_t n_question, n_answer, n_authority, n_additional;
};

struct dns_question {
    struct kd_bytes name; /* text */
    uint16_t type, class;
};

/* Memory for the texts of one message; on the caller's stack.  Not initialised. */
struct dns_room {
    uint8_t text[DNS_TEXT_MAX];
    struct kd_dns_rr rr[DNS_RR_MAX];
};

/* Where a message is being read, and where its texts go. */
struct dns_reader {
    struct kd_bytes msg;
    struct kd_cur c; /* over the whole message: c.taken is the offset */
    struct kd_out text;
    struct kd_dns_rr *rr;
    size_t n_rr;
    const struct kd_limits *lim;
    struct dns_question first; /* most owners point to its name */
};

struct dns_sections {
    struct kd_list answers, authorities, additionals;
    unsigned rcode_high; /* upper bits of the result, from EDNS */
    bool broken_authority, broken_additional; /* which of them could not be read */
    bool broken;         /* a resource record could not be read; what came before is given */
    bool cut;            /* more than a limit allows; the rest is not read */
};

static inline unsigned dns_opcode(uint16_t flags)
{
    return flags >> 11 & 15;
}

/* The header of a message; the cursor fails when it is short. */
static inline struct dns_header dns_header(struct kd_cur *c)
{
    struct dns_header h = {.id = kd_cur_be16(c)};
    h.flags = kd_cur_be16(c);
    h.n_question = kd_cur_be16(c);
    h.n_answer = kd_cur_be16(c);
    h.n_authority = kd_cur_be16(c);
    h.n_additional = kd_cur_be16(c);
    return h;
}

/* Begin with a message; false when it is shorter than a header. */
KD_MUST_USE bool dns_open(struct dns_reader *r, struct kd_bytes msg, struct dns_room *room,
                          const struct kd_limits *lim, struct dns_header *ret);

/* The next question. */
KD_MUST_USE bool dns_question(struct dns_reader *r, struct dns_question *ret);

/* All resource records behind the questions. */
void dns_sections(struct dns_reader *r, const struct dns_header *h, struct dns_sections *ret);

/* Name at *c, whose first byte lies at offset `base` of the message, appended to r->text in lower
 * case (RFC 4343); "." for the root.  Bytes of a label that are neither printable nor UTF-8 become
 * \DDD. False when the name is broken or there is no room. */
KD_MUST_USE bool dns_name(struct dns_reader *r, struct kd_cur *c, size_t base,
                          struct kd_bytes *ret);

/* Value of a resource record as text, appended to r->text.  False when it breaks its type's format.
 */
KD_MUST_USE bool dns_rdata(struct dns_reader *r, uint16_t type, struct kd_cur *c, size_t base);

/* "A", "AAAA" …; an unknown one as TYPE123 in r->text. */
struct kd_bytes dns_type_text(struct dns_reader *r, uint16_t type);
bool dns_type_known(uint16_t type);

/* "NOERROR" …; NULL when it has no name. */
const char *dns_rcode_name(unsigned rcode);

/* The same as text, RCODE23 without a name; made in r->text when it must be. */
struct kd_bytes dns_rcode_text(struct dns_reader *r, unsigned rcode);

/* Does `msg` read as a DNS message to its very end?  For recognising DNS away from its port. */
KD_MUST_USE bool dns_is_wellformed(struct kd_bytes msg, const struct kd_limits *lim);

#endif
