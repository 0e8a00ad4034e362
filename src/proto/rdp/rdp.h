/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the RDP parser.  rdp.c follows the connection, client.c reads what a client tells of
 * itself, watch.c concludes from the sizes of encrypted records whether a logon passed. */
#ifndef KD_PROTO_RDP_RDP_H
#define KD_PROTO_RDP_RDP_H

#include "base/out.h"
#include "proto/inner.h"
#include "proto/parser.h"

enum { RDP_TEXT_MAX = 128, RDP_CHANNELS_MAX = 31, RDP_CHANNEL_NAME = 8 };

/* Security layers ([MS-RDPBCGR] 2.2.1.1.1). */
enum {
    RDP_STANDARD = 0,
    RDP_SSL = 1,
    RDP_HYBRID = 2,
    RDP_RDSTLS = 4,
    RDP_HYBRID_EX = 8,
    RDP_AAD = 16
};

/* What a client tells of itself in the clear (standard security only). */
struct rdp_client {
    bool known;
    uint32_t version, keyboard, build;
    uint16_t width, height;
    uint8_t name_n, n_channels;
    uint8_t name[64];
    uint8_t channels[RDP_CHANNELS_MAX][RDP_CHANNEL_NAME];
};

/* Reads an MCS Connect-Initial ([MS-RDPBCGR] 2.2.1.3).  False when it is none. */
bool rdp_read_client(struct kd_bytes mcs, struct rdp_client *ret);
void rdp_out_version(struct kd_out *o, const struct rdp_client *c);

enum rdp_verdict { RDP_UNKNOWN, RDP_PASSED, RDP_FAILED };

/* The encrypted records of both directions, by their sizes. */
struct rdp_watch {
    struct {
        uint8_t head[5];
        uint8_t n_head;
        uint32_t left;    /* of the record going by */
        uint32_t records; /* of application data */
    } half[2];
    bool blind;     /* bytes were lost: nothing is concluded */
    bool shown;     /* the client sent its proof … */
    bool by_ticket; /* … with its first words: a Kerberos ticket */
    bool accepted;  /* and the server went on */
};

void rdp_watch_data(struct rdp_watch *w, enum kd_dir dir, struct kd_bytes piece);

/* Has the client come beyond the logon? */
bool rdp_watch_goes_on(const struct rdp_watch *w);

/* What CredSSP came to; `over`: nothing more will come. */
enum rdp_verdict rdp_watch_verdict(const struct rdp_watch *w, bool over);

#endif
