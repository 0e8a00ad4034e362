/* SPDX-License-Identifier: Apache-2.0 */
/* What rules see of LDAP: every request, and the answers to one as far as they have come. */
#include "proto/ldap/ldap.h"

enum { ATTRIBUTES_MAX = 64 };

/* Bits 4 to 0 of the identifier octet are the number of the operation (RFC 4511 4.2 to 4.14). */
static unsigned number_of(uint8_t op)
{
    return op & 0x1f;
}

/* Where the name of an attribute stands in a list: by itself, first in a sequence, or in a sequence behind what is
 * to be done with it. */
enum form { NAMES, PARTIAL, CHANGES };

static struct kd_bytes next_name(struct kd_der *list, enum form form)
{
    if (form == NAMES)
        return kd_der_take(list, KD_DER_OCTET_STRING);
    struct kd_der item = kd_der_enter(list, KD_DER_SEQUENCE);
    if (form == CHANGES) {
        (void)kd_der_i32(&item, KD_DER_ENUMERATED);
        item = kd_der_enter(&item, KD_DER_SEQUENCE);
    }
    return kd_der_take(&item, KD_DER_OCTET_STRING);
}

static void show_attributes(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_der *d, enum form form)
{
    enum kd_inspect id = dir == KD_TO_SERVER ? KD_IN_LDAP_REQUEST_ATTRIBUTE_TYPE : KD_IN_LDAP_RESPONSES_ATTRIBUTE_TYPE;
    struct kd_der list = kd_der_enter(d, KD_DER_SEQUENCE);
    for (unsigned i = 0; i < ATTRIBUTES_MAX && kd_der_more(&list); i++) {
        struct kd_bytes name = next_name(&list, form);
        if (name.n > 0)
            kd_inspect(ctx, id, dir, name);
    }
}

static void show_search(const struct kd_ctx *ctx, struct kd_der *d)
{
    struct kd_tlv filter;
    (void)kd_der_i32(d, KD_DER_ENUMERATED); /* scope, aliases */
    (void)kd_der_i32(d, KD_DER_ENUMERATED);
    (void)kd_der_take(d, KD_DER_INTEGER); /* limits */
    (void)kd_der_take(d, KD_DER_INTEGER);
    (void)kd_der_take(d, KD_DER_BOOLEAN);
    if (kd_der_next(d, &filter))
        show_attributes(ctx, KD_TO_SERVER, d, NAMES);
}

static void show_request(const struct kd_ctx *ctx, uint8_t op, struct kd_bytes content)
{
    struct kd_der d = kd_der_of(content);
    struct kd_bytes name = kd_str("");
    kd_inspect_number(ctx, KD_NUM_LDAP_REQUEST_OPERATION, KD_TO_SERVER, number_of(op));
    if (op == LDAP_DELETE)
        name = content;
    else if (op == LDAP_BIND)
        (void)kd_der_take(&d, KD_DER_INTEGER); /* version */
    if (op == LDAP_BIND || op == LDAP_SEARCH || op == LDAP_MODIFY || op == LDAP_ADD || op == LDAP_MODIFY_DN || op == LDAP_COMPARE)
        name = kd_der_take(&d, KD_DER_OCTET_STRING);
    if (name.n > 0)
        kd_inspect(ctx, KD_IN_LDAP_REQUEST_DN, KD_TO_SERVER, name);
    if (op == LDAP_SEARCH)
        show_search(ctx, &d);
    if (op == LDAP_ADD || op == LDAP_MODIFY)
        show_attributes(ctx, KD_TO_SERVER, &d, op == LDAP_ADD ? PARTIAL : CHANGES);
    if (op == LDAP_COMPARE) {
        struct kd_der assertion = kd_der_enter(&d, KD_DER_SEQUENCE);
        kd_inspect(ctx, KD_IN_LDAP_REQUEST_ATTRIBUTE_TYPE, KD_TO_SERVER, kd_der_take(&assertion, KD_DER_OCTET_STRING));
    }
    kd_inspect_end(ctx, KD_TO_SERVER, KD_INSPECT_ALL);
}

/* More answers to the same request follow it. */
static bool goes_on(uint8_t op)
{
    return op == LDAP_ENTRY || op == LDAP_REFERENCE || op == LDAP_INTERMEDIATE;
}

static void show_answer(const struct kd_ctx *ctx, uint8_t op, struct kd_bytes content)
{
    struct ldap_state *st = ldap_state_of(ctx);
    struct kd_der d = kd_der_of(content);
    kd_inspect_number(ctx, KD_NUM_LDAP_RESPONSES_OPERATION, KD_TO_CLIENT, number_of(op));
    if (op == LDAP_ENTRY) {
        kd_inspect(ctx, KD_IN_LDAP_RESPONSES_DN, KD_TO_CLIENT, kd_der_take(&d, KD_DER_OCTET_STRING));
        show_attributes(ctx, KD_TO_CLIENT, &d, PARTIAL);
    } else if (!goes_on(op)) {
        struct ldap_result r = ldap_read_result(&d);
        kd_inspect_number(ctx, KD_NUM_LDAP_RESPONSES_RESULT_CODE, KD_TO_CLIENT, r.code);
        if (kd_der_ok(&d)) {
            kd_inspect(ctx, KD_IN_LDAP_RESPONSES_DN, KD_TO_CLIENT, r.matched);
            kd_inspect(ctx, KD_IN_LDAP_RESPONSES_MESSAGE, KD_TO_CLIENT, r.diagnostic);
        }
    }
    st->shown++;
    if (goes_on(op))
        return;
    kd_inspect_number(ctx, KD_NUM_LDAP_RESPONSES_COUNT, KD_TO_CLIENT, st->shown);
    kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
    st->shown = 0;
}

bool ldap_shows_entries(const struct kd_ctx *ctx)
{
    return kd_wants(ctx, KD_IN_LDAP_RESPONSES_DN, KD_TO_CLIENT) ||
           kd_wants(ctx, KD_IN_LDAP_RESPONSES_ATTRIBUTE_TYPE, KD_TO_CLIENT);
}

void ldap_show(const struct kd_ctx *ctx, const struct ldap_head *h, struct kd_bytes content)
{
    if (!kd_wants_any(ctx))
        return;
    if (ldap_is_request(h->op))
        show_request(ctx, h->op, content);
    else
        show_answer(ctx, h->op, content);
}
