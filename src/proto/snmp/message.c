/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/snmp/snmp.h"

enum { MODEL_USM = 3, FLAG_PRIV = 2, TIMETICKS = 0x43, IPADDRESS = 0x40, ARCS_MAX = 128 };

/* An INTEGER: numbers up to 2^31 and, as some programs send them, beyond. */
static uint32_t number(struct kd_der *d)
{
    struct kd_cur c = kd_cur_of(kd_der_take(d, KD_DER_INTEGER));
    uint32_t v = 0;
    if (kd_cur_left(&c) == 0 || kd_cur_left(&c) > 5)
        kd_cur_fail(&d->c);
    while (kd_cur_more(&c))
        v = v << 8 | kd_cur_u8(&c);
    return v;
}

/* The PDU and what it holds (RFC 3416 3; RFC 1157 4.1.6). */
static void read_pdu(struct kd_der *d, struct snmp_message *m)
{
    uint8_t tag = kd_cur_peek(&d->c);
    if (tag < KD_DER_CONTEXT(0) || tag > KD_DER_CONTEXT(SNMP_REPORT)) {
        kd_cur_fail(&d->c);
        return;
    }
    m->pdu = (enum snmp_pdu)(tag - KD_DER_CONTEXT(0));
    struct kd_der pdu = kd_der_enter(d, tag);
    if (m->pdu == SNMP_TRAP_V1) {
        (void)kd_der_take(&pdu, KD_DER_OID);
        (void)kd_der_take(&pdu, IPADDRESS);
        m->trap = number(&pdu);
        (void)number(&pdu);
        (void)kd_der_take(&pdu, TIMETICKS);
    } else {
        uint32_t id = number(&pdu);
        if (m->version != SNMP_V3)
            m->id = id;
        m->error = number(&pdu); /* GetBulk: how many are not repeated */
        (void)number(&pdu);
        if (m->pdu == SNMP_GET_BULK)
            m->error = 0;
    }
    m->names = kd_der_enter(&pdu, KD_DER_SEQUENCE);
    if (!kd_der_ok(&pdu))
        kd_cur_fail(&d->c);
}

/* RFC 3412 6, RFC 3414 2.4. */
static void read_v3(struct kd_der *d, struct snmp_message *m)
{
    struct kd_der head = kd_der_enter(d, KD_DER_SEQUENCE);
    m->id = number(&head);
    (void)number(&head);
    m->flags = kd_bytes_at(kd_der_take(&head, KD_DER_OCTET_STRING), 0);
    uint32_t model = number(&head);
    struct kd_bytes security = kd_der_take(d, KD_DER_OCTET_STRING);
    if (!kd_der_ok(&head))
        kd_cur_fail(&d->c);
    if (model == MODEL_USM && kd_der_ok(d)) {
        struct kd_der outer = kd_der_of(security);
        struct kd_der usm = kd_der_enter(&outer, KD_DER_SEQUENCE);
        m->engine = kd_der_take(&usm, KD_DER_OCTET_STRING);
        (void)number(&usm);
        (void)number(&usm);
        m->who = kd_der_take(&usm, KD_DER_OCTET_STRING);
        if (!kd_der_ok(&usm))
            kd_cur_fail(&d->c);
    }
    if (m->flags & FLAG_PRIV) {
        m->pdu = SNMP_ENCRYPTED;
        (void)kd_der_take(d, KD_DER_OCTET_STRING);
        return;
    }
    struct kd_der scoped = kd_der_enter(d, KD_DER_SEQUENCE);
    (void)kd_der_take(&scoped, KD_DER_OCTET_STRING);
    (void)kd_der_take(&scoped, KD_DER_OCTET_STRING);
    read_pdu(&scoped, m);
    if (!kd_der_ok(&scoped))
        kd_cur_fail(&d->c);
}

enum kd_status snmp_read(struct kd_bytes in, struct snmp_message *ret)
{
    *ret = (struct snmp_message){0};
    struct kd_der outer = kd_der_of(in);
    struct kd_der d = kd_der_enter(&outer, KD_DER_SEQUENCE);
    uint32_t version = number(&d);
    bool known = version == SNMP_V1 || version == SNMP_V2C || version == SNMP_V3;
    ret->version = (uint8_t)version;
    if (known && version == SNMP_V3) {
        read_v3(&d, ret);
    } else if (known) {
        ret->who = kd_der_take(&d, KD_DER_OCTET_STRING);
        read_pdu(&d, ret);
    }
    ret->broken_at = d.c.taken;
    return known && kd_der_ok(&d) && !kd_der_more(&outer) ? KD_OK : KD_MALFORMED;
}

bool snmp_next_oid(struct kd_der *names, struct kd_bytes *ret)
{
    if (!kd_der_more(names))
        return false;
    struct kd_der one = kd_der_enter(names, KD_DER_SEQUENCE);
    *ret = kd_der_take(&one, KD_DER_OID);
    return kd_der_ok(names) && kd_der_ok(&one);
}

void snmp_put_oid(struct kd_out *o, struct kd_bytes oid)
{
    struct kd_cur c = kd_cur_of(oid);
    uint64_t arc = 0;
    bool first = true;
    for (unsigned n = 0; kd_cur_more(&c) && n < ARCS_MAX * 2; n++) {
        uint8_t b = kd_cur_u8(&c);
        arc = (arc << 7 | (b & 0x7f)) & UINT32_MAX;
        if (b & 0x80)
            continue;
        if (first) { /* X.690 8.19.4: two in one */
            uint64_t root = kd_min_u64(arc / 40, 2);
            kd_out_u64(o, root);
            arc -= root * 40;
        }
        kd_out_u8(o, '.');
        kd_out_u64(o, arc);
        first = false;
        arc = 0;
    }
}

/* ---- names ---- */

const char *snmp_version_name(uint8_t version)
{
    return version == SNMP_V1 ? "1" : version == SNMP_V2C ? "2c" : "3";
}

const char *snmp_pdu_name(enum snmp_pdu pdu)
{
    static const char *const names[] = {"get_request",      "get_next_request", "response", "set_request", "trap_v1",
                                        "get_bulk_request", "inform_request",   "trap_v2",  "report",      "encrypted"};
    return names[pdu];
}

const char *snmp_error_name(uint32_t error)
{
    static const char *const names[] = {"",
                                        "tooBig",
                                        "noSuchName",
                                        "badValue",
                                        "readOnly",
                                        "genErr",
                                        "noAccess",
                                        "wrongType",
                                        "wrongLength",
                                        "wrongEncoding",
                                        "wrongValue",
                                        "noCreation",
                                        "inconsistentValue",
                                        "resourceUnavailable",
                                        "commitFailed",
                                        "undoFailed",
                                        "authorizationError",
                                        "notWritable",
                                        "inconsistentName"};
    return error < KD_COUNT(names) ? names[error] : "other";
}

const char *snmp_report_name(struct kd_bytes oid)
{
    /* 1.3.6.1.6.3.15.1.1.N.0 (usmStats) */
    static const uint8_t stats[] = {0x2b, 6, 1, 6, 3, 15, 1, 1};
    if (!kd_bytes_starts(oid, kd_bytes_of(stats, sizeof(stats))))
        return NULL;
    switch (kd_bytes_at(oid, sizeof(stats))) {
    case 1:
        return "unsupportedSecLevels";
    case 3:
        return "unknownUserNames";
    case 5:
        return "wrongDigests";
    case 6:
        return "decryptionErrors";
    default: /* not in the time window, unknown engine: how every conversation begins */
        return NULL;
    }
}
