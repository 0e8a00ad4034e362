/* SPDX-License-Identifier: Apache-2.0 */
/* NTLMSSP messages ([MS-NLMP] 2.2.1), in whatever protocol they ride: pure functions on bytes. */
#ifndef KD_PROTO_NTLM_NTLM_H
#define KD_PROTO_NTLM_NTLM_H

#include "base/cursor.h"
#include "base/out.h"
#include "base/status.h"
#include "records.h"

enum kd_ntlm_type { KD_NTLM_NEGOTIATE = 1, KD_NTLM_CHALLENGE = 2, KD_NTLM_AUTHENTICATE = 3 };

enum {
    KD_NTLM_TEXT_MAX = 256,             /* bytes of UTF-8 of one name; the rest is cut */
    KD_NTLM_ROOM = 8 * KD_NTLM_TEXT_MAX /* room kd_ntlm_describe() wants for both messages */
};

/* One message.  Texts are views into it, as on the wire (UTF-16LE, or OEM when !unicode). */
struct kd_ntlm {
    enum kd_ntlm_type type;
    uint32_t flags;
    bool unicode;
    struct kd_bytes target, dns_host, dns_domain; /* CHALLENGE; the DNS names are always UTF-16LE */
    struct kd_bytes user, domain, host; /* AUTHENTICATE (NEGOTIATE: OEM domain and host) */
    struct kd_bytes nt_response;
    bool has_version;
    uint8_t major, minor;
    uint16_t build;
    bool anonymous; /* AUTHENTICATE without a user */
    bool ntlmv1;    /* AUTHENTICATE with the 24-byte response of NTLM version 1 */
};

/* Does the data begin with an NTLMSSP message? */
bool kd_ntlm_is(struct kd_bytes in);

/* Read a message.  A field that points outside of it is left empty; a missing head is an error. */
KD_MUST_USE enum kd_status kd_ntlm_parse(struct kd_bytes in, struct kd_ntlm *ret);

/* A name of the message as UTF-8 in `o` (which must outlive it), cut to KD_NTLM_TEXT_MAX. */
struct kd_bytes kd_ntlm_text(struct kd_out *o, struct kd_bytes raw, bool unicode);

/* Add to the record what the message tells: server's names from a CHALLENGE, user and client from
 * an AUTHENTICATE.  Texts are written into `text`, which must outlive the record. */
void kd_ntlm_describe(const struct kd_ntlm *m, struct kd_rec_ntlm *rec, struct kd_out *text);

#endif
