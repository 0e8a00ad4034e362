/* SPDX-License-Identifier: Apache-2.0 */
/* Logons of the mail protocols (SASL, RFC 4422; RFC 4954, RFC 5034, RFC 9051): who it is, by the
 * lines in base64 of either side.  What proves it is never kept. */
#ifndef KD_PROTO_SASL_SASL_H
#define KD_PROTO_SASL_SASL_H

#include "proto/ntlm/ntlm.h"
#include "proto/parser.h"

/* A logon in progress, in an arena of its own. */
struct kd_sasl {
    struct kd_arena mem;
    struct kd_rec_ntlm ntlm;
    struct kd_bytes user, domain, host;
    char method[24]; /* lower case */
    uint8_t step;    /* client lines so far */
    bool has_ntlm;
    struct kd_out text; /* for NTLM's names */
    uint8_t room[KD_NTLM_ROOM];
};

/* NULL for lack of memory; the others take NULL and do nothing. */
KD_MUST_USE struct kd_sasl *kd_sasl_begin(struct kd_pool *pool, struct kd_bytes method);

/* A client's answer, a server's challenge, without what the protocol puts around them. */
void kd_sasl_line(struct kd_sasl *a, struct kd_bytes line);
void kd_sasl_challenge(struct kd_sasl *a, struct kd_bytes text);

/* How it ended: emits `login` (and `ntlm`), gives the memory back. */
void kd_sasl_end(struct kd_ctx *ctx, struct kd_sasl *a, const char *service, const char *result,
                 struct kd_bytes reason);

#endif
