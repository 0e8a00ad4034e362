/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a chunked body (RFC 9112 7.1), as lenient as browsers are: what stands around the size is passed
 * over, and what does not begin with a size was never chunked, whatever the head says. */
#include "proto/http/http.h"

enum {
    BEFORE_MAX = 8,   /* line ends and blanks before the size */
    AROUND_MAX = 16,  /* other bytes behind it */
    DIGITS_MAX = 16
};

static int digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t skip_before(struct kd_bytes in)
{
    size_t i = 0;
    while (i < in.n && i < BEFORE_MAX && (in.p[i] == '\r' || in.p[i] == '\n' || in.p[i] == ' ' || in.p[i] == '\t'))
        i++;
    return i;
}

enum kd_probe http_chunk_begins(struct kd_bytes in)
{
    size_t first = skip_before(in), i = first;
    while (i < in.n && i - first < DIGITS_MAX && digit(in.p[i]) >= 0)
        i++;
    if (i == first)
        return i < in.n ? KD_PROBE_NO : KD_PROBE_MORE;
    for (size_t end = i; i < in.n; i++) {
        if (in.p[i] == '\n' || in.p[i] == ';')
            return KD_PROBE_YES;
        if (i - end >= AROUND_MAX)
            return KD_PROBE_NO;
    }
    return KD_PROBE_MORE;
}

bool http_chunk_size(struct kd_bytes line, uint64_t *ret, bool *ret_odd)
{
    uint64_t v = 0;
    size_t first = skip_before(line), i = first;
    for (; i < line.n && digit(line.p[i]) >= 0; i++) {
        if (v >> 58 != 0)
            return false;
        v = v << 4 | (uint64_t)digit(line.p[i]);
    }
    struct kd_bytes behind = kd_bytes_trim(kd_bytes_from(line, i));
    *ret = v;
    *ret_odd = first > 0 || (behind.n > 0 && behind.p[0] != ';');
    return i > first;
}
