/* SPDX-License-Identifier: Apache-2.0 */
/* Text in a mail: encoded words in headers (RFC 2047), base64 in the body (RFC 2045). */
#ifndef KD_NOTICE_MIME_H
#define KD_NOTICE_MIME_H

#include "base/out.h"

/* "Name: value" CRLF, folded to lines of at most 76 characters; value is UTF-8 without control
 * characters.  `plain`: the value is ASCII and goes as it is (addresses, identifiers). */
void kd_mime_header(struct kd_out *o, const char *name, struct kd_bytes value, bool plain);

/* Base64 in lines of 76 characters, each with CRLF. */
void kd_mime_body(struct kd_out *o, struct kd_bytes text);

/* "Sun, 22 Nov 2026 09:15:02 +0900" */
void kd_mime_date(struct kd_out *o, uint64_t us, int zone_s);

#endif
