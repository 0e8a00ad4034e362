/* SPDX-License-Identifier: Apache-2.0 */
/* One message of SIP (RFC 3261), and the SDP (RFC 8866) it may carry.  All texts are views into it. */
#ifndef KD_PROTO_SIP_SIP_H
#define KD_PROTO_SIP_SIP_H

#include "proto/parser.h"

enum { SIP_HEADERS_MAX = 128, SIP_SDP_ITEMS = 32, SIP_MEDIA_MAX = 16 };

struct sip_header {
    struct kd_bytes name, value; /* the name in full where the short form was sent */
};

struct sip_message {
    bool is_response;
    struct kd_bytes first_line;             /* without its end */
    struct kd_bytes method, uri, version;   /* of a request; version of both */
    struct kd_bytes code, reason;           /* of a response */
    struct sip_header header[SIP_HEADERS_MAX];
    size_t n_headers;
    struct kd_bytes body;
};

/* Without white space and line ends around it. */
static inline struct kd_bytes sip_strip(struct kd_bytes b)
{
    while (b.n > 0 && b.p[b.n - 1] <= ' ')
        b.n--;
    return kd_bytes_trim(b);
}

/* KD_OK: a SIP message whose head is whole. */
enum kd_status sip_read(struct kd_bytes in, struct sip_message *ret);

/* Value of the first header of this name (in full), or empty. */
struct kd_bytes sip_header_of(const struct sip_message *m, const char *name);

/* Does a first line of SIP begin here?  KD_MORE: cannot say yet. */
enum kd_status sip_begins(struct kd_bytes in, bool *ret_response);

/* ---- sdp.c ---- */

struct sip_media {
    struct kd_sdp_media is;
    struct kd_bytes bandwidth[SIP_SDP_ITEMS], attribute[SIP_SDP_ITEMS];
};

struct sip_sdp {
    struct kd_sdp is;
    struct kd_bytes bandwidth[SIP_SDP_ITEMS], attribute[SIP_SDP_ITEMS];
    struct kd_sdp_time time[SIP_SDP_ITEMS];
    struct sip_media media[SIP_MEDIA_MAX];
    struct kd_sdp_media media_list[SIP_MEDIA_MAX];
};

/* False: it is no SDP. */
bool sip_read_sdp(struct kd_bytes in, struct sip_sdp *ret);

/* ---- tap.c ---- */

/* Show a message to the rules; `sdp` NULL: none. */
void sip_show(const struct kd_ctx *ctx, enum kd_dir dir, const struct sip_message *m, const struct sip_sdp *sdp);

#endif
