/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sip/sip.h"

static const char version_text[] = "SIP/2.0";

/* Methods of RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903 and 6086. */
static const char *const methods[] = {"INVITE",  "ACK",    "OPTIONS", "BYE",     "CANCEL", "REGISTER", "INFO",
                                      "PRACK", "UPDATE", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER",    "PUBLISH"};

/* Could this be the beginning of `full`? */
static bool may_become(struct kd_bytes in, const char *full)
{
    struct kd_bytes all = kd_str(full);
    return kd_bytes_starts(in, kd_bytes_head(all, in.n));
}

static bool ends_in_version(struct kd_bytes line)
{
    struct kd_bytes tail = kd_bytes_from(line, line.n - kd_min_size(line.n, sizeof(version_text)));
    return kd_bytes_at(tail, 0) == ' ' && kd_bytes_eq_str(kd_bytes_from(tail, 1), version_text);
}

enum kd_status sip_begins(struct kd_bytes in, bool *ret_response)
{
    enum { LINE_MAX = 1024 };
    *ret_response = may_become(in, "SIP/2.0 ");
    if (*ret_response)
        return in.n >= sizeof(version_text) ? KD_OK : KD_MORE;
    for (size_t i = 0; i < KD_COUNT(methods); i++) {
        if (in.n > 0 && in.p[0] != (uint8_t)methods[i][0])
            continue;
        size_t n = strlen(methods[i]);
        if (!may_become(in, methods[i]))
            continue;
        if (in.n <= n)
            return KD_MORE;
        if (in.p[n] != ' ')
            continue;
        size_t lf = kd_bytes_find_byte(kd_bytes_head(in, LINE_MAX), '\n');
        if (lf == SIZE_MAX)
            return in.n < LINE_MAX ? KD_MORE : KD_MALFORMED;
        return ends_in_version(sip_strip(kd_bytes_head(in, lf))) ? KD_OK : KD_MALFORMED;
    }
    return KD_MALFORMED;
}

/* Short names (RFC 3261 7.3.3, and the registry of header fields). */
static const char *full_name(uint8_t c)
{
    switch (kd_ascii_lower(c)) {
    case 'c':
        return "Content-Type";
    case 'e':
        return "Content-Encoding";
    case 'f':
        return "From";
    case 'i':
        return "Call-ID";
    case 'k':
        return "Supported";
    case 'l':
        return "Content-Length";
    case 'm':
        return "Contact";
    case 's':
        return "Subject";
    case 't':
        return "To";
    case 'v':
        return "Via";
    default:
        return NULL;
    }
}

static bool read_first_line(struct kd_bytes line, struct sip_message *m)
{
    struct kd_bytes rest = line;
    m->first_line = line;
    struct kd_bytes first = kd_bytes_cut(&rest, ' ');
    if (m->is_response) {
        m->version = first;
        m->code = kd_bytes_cut(&rest, ' ');
        m->reason = rest;
        return m->code.n == 3;
    }
    m->method = first;
    if (!ends_in_version(line) || rest.n < sizeof(version_text))
        return false;
    m->uri = sip_strip(kd_bytes_head(rest, rest.n - sizeof(version_text)));
    m->version = kd_bytes_from(line, line.n - (sizeof(version_text) - 1));
    return m->uri.n > 0;
}

static void read_header(struct kd_bytes line, struct sip_message *m)
{
    struct kd_bytes rest = line;
    size_t colon = kd_bytes_find_byte(line, ':');
    if (colon == SIZE_MAX || m->n_headers == SIP_HEADERS_MAX)
        return;
    struct kd_bytes name = sip_strip(kd_bytes_cut(&rest, ':'));
    const char *full = name.n == 1 ? full_name(name.p[0]) : NULL;
    m->header[m->n_headers++] = (struct sip_header){full != NULL ? kd_str(full) : name, sip_strip(rest)};
}

/* Where the line ends, with those that go on it (white space before them). */
static size_t line_end(struct kd_bytes in)
{
    size_t at = 0;
    for (;;) {
        size_t lf = kd_bytes_find_byte(kd_bytes_from(in, at), '\n');
        if (lf == SIZE_MAX)
            return in.n;
        at += lf + 1;
        uint8_t next = kd_bytes_at(in, at);
        if (at >= in.n || (next != ' ' && next != '\t'))
            return at;
    }
}

enum kd_status sip_read(struct kd_bytes in, struct sip_message *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (sip_begins(in, &ret->is_response) != KD_OK)
        return KD_MALFORMED;
    size_t lf = kd_bytes_find_byte(in, '\n');
    if (lf == SIZE_MAX || !read_first_line(sip_strip(kd_bytes_head(in, lf)), ret))
        return KD_MALFORMED;
    struct kd_bytes rest = kd_bytes_from(in, lf + 1);
    while (rest.n > 0) {
        size_t n = line_end(rest);
        struct kd_bytes line = sip_strip(kd_bytes_head(rest, n));
        rest = kd_bytes_from(rest, n);
        if (line.n == 0)
            break;
        read_header(line, ret);
    }
    ret->body = rest;
    return KD_OK;
}

struct kd_bytes sip_header_of(const struct sip_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_headers; i++)
        if (kd_bytes_ieq(m->header[i].name, kd_str(name)))
            return m->header[i].value;
    return kd_str("");
}
