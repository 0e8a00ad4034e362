/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text to UTF-8 by the name of its charset, as mail and web give it.
 *
 * The converters are glibc's (iconv), which loads them from disk when they are opened: a process
 * that will be sandboxed calls kd_charset_init() once before.  Without it only UTF-8, US-ASCII,
 * ISO-8859-1 and UTF-16 are known.  One converter of each kind per process, so not for several
 * threads. */
#ifndef KD_BASE_CHARSET_H
#define KD_BASE_CHARSET_H

#include "base/out.h"

/* Open the converters.  Returns how many are missing on this system (their charsets are then
 * unknown). May be called again; does nothing then. */
unsigned kd_charset_init(void);

/* Append `in` as UTF-8.  `name` without case, e.g. "ISO-2022-JP"; what is no text of the charset
 * becomes U+FFFD, what does not fit is cut between characters (the writer is not set full).  False,
 * and nothing written, when the charset is unknown. */
KD_MUST_USE bool kd_charset_to_utf8(struct kd_bytes name, struct kd_bytes in, struct kd_out *o);

/* Text without a declared charset: UTF-8 when it is that, ISO-2022-JP when it has its escapes, else
 * as Japanese systems write it (EUC-JP or Shift_JIS by their byte patterns), else ISO-8859-1. */
void kd_charset_guess_to_utf8(struct kd_bytes in, struct kd_out *o);

#endif
