/* SPDX-License-Identifier: Apache-2.0 */
/* What a suspicious object can be, and the one spelling in which each is kept and looked for. */
#ifndef KD_OBJECT_KIND_H
#define KD_OBJECT_KIND_H

#include "base/addr.h"

/* Stored in indexes: append only. */
enum kd_object_kind {
    KD_OBJ_IP, /* an address or a network */
    KD_OBJ_DOMAIN,
    KD_OBJ_URL,
    KD_OBJ_SHA256,
    KD_OBJ_SHA1,
    KD_OBJ_MD5,
    KD_OBJ_JA3,
    KD_OBJ_JA4,
    KD_OBJ_CERT, /* SHA-1 or SHA-256 of a certificate, or "serial:HEX issuer" */
    KD_OBJ_MAIL,
    KD_OBJ_KINDS
};

enum { KD_OBJ_TEXT_MAX = 2048, KD_OBJ_KEY_MAX = KD_OBJ_TEXT_MAX + 64 };

const char *kd_object_kind_name(enum kd_object_kind kind); /* "ip", "domain" … */
KD_MUST_USE bool kd_object_kind_of(struct kd_bytes name, enum kd_object_kind *ret);

/* The spelling of a value given as text: sums as bytes, names in lower case without a last dot, links without
 * scheme, default port and fragment.  False: it is none of this kind.  KD_OBJ_IP: 16 bytes of an address;
 * networks are not for this. */
KD_MUST_USE bool kd_object_spell(enum kd_object_kind kind, struct kd_bytes text, struct kd_out *o);

/* Which kind a value has by its shape alone; false: none.  32 digits are an MD5, 40 a SHA-1. */
KD_MUST_USE bool kd_object_guess(struct kd_bytes text, enum kd_object_kind *ret);

/* A certificate by number and issuer, as kd_object_spell() makes it of "serial:HEX issuer". */
KD_MUST_USE bool kd_object_spell_serial(struct kd_bytes serial, struct kd_bytes issuer, struct kd_out *o);

#endif
