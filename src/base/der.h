/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of ASN.1 values with definite lengths (ITU-T X.690), on the cursor's terms: a shortage, a
 * wrong tag or too deep a nesting is sticky, and every later read gives nothing.  Accepted as BER
 * does: lengths in more bytes than needed (up to four; Windows sends them).  Not accepted:
 * indefinite lengths, tag numbers above 30. */
#ifndef KD_BASE_DER_H
#define KD_BASE_DER_H

#include "base/cursor.h"
#include "base/status.h"

enum { KD_DER_DEPTH = 24 };

enum {
    KD_DER_BOOLEAN = 0x01,
    KD_DER_INTEGER = 0x02,
    KD_DER_BIT_STRING = 0x03,
    KD_DER_OCTET_STRING = 0x04,
    KD_DER_OID = 0x06,
    KD_DER_ENUMERATED = 0x0a,
    KD_DER_GENERALIZED_TIME = 0x18,
    KD_DER_GENERAL_STRING = 0x1b,
    KD_DER_SEQUENCE = 0x30,
    KD_DER_SET = 0x31
};

/* Identifier octets: [n] constructed of the context, and [APPLICATION n] constructed. */
#define KD_DER_CONTEXT(n) (0xa0 | (n))
#define KD_DER_APPLICATION(n) (0x60 | (n))

/* The inside of a value: a row of values. */
struct kd_der {
    struct kd_cur c;
    unsigned depth;
};

struct kd_tlv {
    uint8_t tag;
    struct kd_bytes value;
};

static inline struct kd_der kd_der_of(struct kd_bytes b)
{
    return (struct kd_der){kd_cur_of(b), 0};
}

static inline bool kd_der_ok(const struct kd_der *d)
{
    return kd_cur_ok(&d->c);
}

static inline bool kd_der_more(const struct kd_der *d)
{
    return kd_cur_more(&d->c);
}

/* The next value, whatever its tag.  False at the end and after a failure. */
KD_MUST_USE bool kd_der_next(struct kd_der *d, struct kd_tlv *ret);

/* Content of the next value, which must have this tag; otherwise empty and failed. */
struct kd_bytes kd_der_take(struct kd_der *d, uint8_t tag);

/* The inside of the next value, which must have this tag; otherwise failed, both. */
struct kd_der kd_der_enter(struct kd_der *d, uint8_t tag);

/* The same for what may be absent: false, and nothing read, when another tag (or the end) comes. */
KD_MUST_USE bool kd_der_enter_if(struct kd_der *d, uint8_t tag, struct kd_der *ret);

/* INTEGER or ENUMERATED (by `tag`) of at most 32 bits; failed when longer or empty. */
int32_t kd_der_i32(struct kd_der *d, uint8_t tag);

/* Length of the header and of the content of the value at the start of `b`, of which only the header has
 * to be there.  KD_MORE: it is not.  KD_MALFORMED: not accepted. */
KD_MUST_USE enum kd_status kd_der_head(struct kd_bytes b, size_t *ret_head, uint64_t *ret_content);

#endif
