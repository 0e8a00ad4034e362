/* SPDX-License-Identifier: Apache-2.0 */
/* One SNMP message, read (message.c); what is made of it is in snmp.c. */
#ifndef KD_PROTO_SNMP_SNMP_H
#define KD_PROTO_SNMP_SNMP_H

#include "base/clock.h"
#include "base/der.h"
#include "proto/parser.h"

enum { SNMP_V1 = 0, SNMP_V2C = 1, SNMP_V3 = 3 };
enum { SNMP_NAME_MAX = 64, SNMP_ENGINE_MAX = 32, SNMP_OIDS_MAX = 16, SNMP_SECURITY = 3 };

/* By the tag of the PDU (RFC 3416 3); the last has none that can be seen. */
enum snmp_pdu {
    SNMP_GET,
    SNMP_GET_NEXT,
    SNMP_RESPONSE,
    SNMP_SET,
    SNMP_TRAP_V1,
    SNMP_GET_BULK,
    SNMP_INFORM,
    SNMP_TRAP,
    SNMP_REPORT,
    SNMP_ENCRYPTED
};

/* Views into the message. */
struct snmp_message {
    uint8_t version, flags; /* msgFlags of version 3 */
    enum snmp_pdu pdu;
    uint32_t id; /* request-id, or msgID of version 3 */
    uint32_t error;
    uint32_t trap;          /* generic-trap of version 1 */
    struct kd_bytes who;    /* community, or user of version 3 */
    struct kd_bytes engine; /* of version 3 */
    struct kd_der names;    /* variable bindings, for snmp_next_oid() */
    size_t broken_at;
};

/* KD_MALFORMED when it is none; also when something follows it. */
KD_MUST_USE enum kd_status snmp_read(struct kd_bytes in, struct snmp_message *ret);

/* The name of the next variable binding; false at the end. */
KD_MUST_USE bool snmp_next_oid(struct kd_der *names, struct kd_bytes *ret);

/* An object identifier in digits; `full` when it has no room or is none. */
void snmp_put_oid(struct kd_out *o, struct kd_bytes oid);

static inline bool snmp_pdu_is_request(enum snmp_pdu pdu)
{
    return pdu == SNMP_GET || pdu == SNMP_GET_NEXT || pdu == SNMP_GET_BULK || pdu == SNMP_SET ||
           pdu == SNMP_INFORM || pdu == SNMP_ENCRYPTED;
}

const char *snmp_version_name(uint8_t version);
const char *snmp_pdu_name(enum snmp_pdu pdu);
const char *snmp_error_name(uint32_t error); /* "" for none */

/* Why version 3 refused, by the counter it reports (RFC 3414 5); NULL when it only tells its
 * identity or clock, as it does before a first conversation. */
const char *snmp_report_name(struct kd_bytes oid);

#endif
