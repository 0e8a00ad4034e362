/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as messages, for the text protocols: what frame() and message() share. */
#ifndef KD_PROTO_LINE_H
#define KD_PROTO_LINE_H

#include "proto/parser.h"

/* frame() for a line with its LF and, where lines fold (RFC 9112 5.2), the lines behind it that
 * begin with white space.  One longer than `max` is cut there: it comes without an LF, and the rest
 * of it should be passed over with kd_line_skip(). */
static inline enum kd_status kd_line_frame(struct kd_bytes in, size_t seen, size_t max, bool folds,
                                           struct kd_frame *ret)
{
    struct kd_bytes window = kd_bytes_head(in, max);
    size_t at =
        seen > 0 ? seen - 1 : 0; /* the last byte seen may be an LF whose successor was not */
    for (;;) {
        size_t lf = kd_bytes_find_byte(kd_bytes_from(window, at), '\n');
        if (lf == SIZE_MAX && in.n < max)
            return KD_MORE;
        at = lf == SIZE_MAX ? max : at + lf + 1;
        ret->len = at;
        bool empty = at == 1 || (at == 2 && kd_bytes_at(in, 0) == '\r');
        if (!folds || empty || at >= max)
            return KD_OK;
        if (at >= in.n) {
            ret->len = at + 1;
            return KD_MORE;
        }
        if (kd_bytes_at(in, at) != ' ' && kd_bytes_at(in, at) != '\t')
            return KD_OK;
    }
}

/* frame() for the rest of a line nobody wants: a body up to its LF, or all there is. */
static inline enum kd_status kd_line_skip(struct kd_bytes in, struct kd_frame *ret)
{
    size_t lf = kd_bytes_find_byte(in, '\n');
    *ret = (struct kd_frame){.len = lf == SIZE_MAX ? in.n : lf + 1, .is_body = true};
    return KD_OK;
}

/* frame() for lines up to one with a single dot (RFC 5321 4.5.2, RFC 1939 3): bodies up to the next
 * line that begins with a dot; that dot is then a message of its own: of one byte before other text
 * (it was stuffed), with its line end when it ends all. */
static inline enum kd_status kd_line_dotted(bool line_start, struct kd_bytes in,
                                            struct kd_frame *ret)
{
    if (line_start && kd_bytes_at(in, 0) == '.') {
        uint8_t next = kd_bytes_at(in, 1);
        if (in.n < 2 || (next == '\r' && in.n < 3))
            return KD_MORE;
        ret->len = next == '\n' ? 2 : next == '\r' && kd_bytes_at(in, 2) == '\n' ? 3 : 1;
        return KD_OK;
    }
    size_t at = 0;
    for (;;) { /* attachments have hardly a dot, so this is quick */
        size_t next = kd_bytes_find_byte(kd_bytes_from(in, at), '.');
        at = next == SIZE_MAX ? in.n : at + next;
        if (next == SIZE_MAX || (at > 0 && kd_bytes_at(in, at - 1) == '\n'))
            break;
        at++;
    }
    *ret = (struct kd_frame){.len = at, .is_body = true};
    return KD_OK;
}

/* The line without its end (CRLF or LF); *ret_cut: it has none. */
static inline struct kd_bytes kd_line_text(struct kd_bytes msg, bool *ret_cut)
{
    *ret_cut = kd_bytes_at(msg, msg.n - 1) != '\n';
    if (*ret_cut)
        return msg;
    msg.n--;
    if (msg.n > 0 && kd_bytes_at(msg, msg.n - 1) == '\r')
        msg.n--;
    return msg;
}

#endif
