/* SPDX-License-Identifier: Apache-2.0 */
/* Values of mail header fields (RFC 5322), their parameters (RFC 2045, 2231) and encoded words (RFC
 * 2047), as UTF-8.  HTTP's Content-Disposition (RFC 6266) is read by the same functions.  All take
 * one unfolded value; output is cut where the writer ends, between characters. */
#ifndef KD_PROTO_MIME_HEADER_H
#define KD_PROTO_MIME_HEADER_H

#include "base/out.h"

/* Encoded words and raw foreign text to UTF-8.  Words that split a character are joined first. */
void kd_mime_words(struct kd_bytes in, struct kd_out *o);

/* What stands before the parameters: "text/plain", "attachment". */
struct kd_bytes kd_mime_main(struct kd_bytes value);

/* Append the parameter `name`: name=value, name="quoted", name*=charset'lang'%XX, name*0=…, and an
 * encoded word in quotes as many programs write it.  False when there is none. */
bool kd_mime_param(struct kd_bytes value, const char *name, struct kd_out *o);

/* Cut the next entry of a list of addresses; false at the end. */
bool kd_mime_next_address(struct kd_bytes *rest, struct kd_bytes *ret);

#endif
