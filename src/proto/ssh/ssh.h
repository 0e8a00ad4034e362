/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the SSH parser.  ssh.c follows the connection, kex.c reads what the sides offer,
 * watch.c concludes from sizes how the logon ended. */
#ifndef KD_PROTO_SSH_SSH_H
#define KD_PROTO_SSH_SSH_H

#include "base/out.h"
#include "proto/parser.h"

enum { SSH_PACKET_MAX = 35000, SSH_LINE_MAX = 1024, SSH_SOFTWARE_MAX = 128, SSH_NAME_MAX = 64 };

/* Name lists of a KEXINIT (RFC 4253 7.1), views into it. */
enum ssh_list {
    SSH_KEX,
    SSH_HOST_KEY,
    SSH_CIPHER_TO_SERVER,
    SSH_CIPHER_TO_CLIENT,
    SSH_MAC_TO_SERVER,
    SSH_MAC_TO_CLIENT,
    SSH_COMPRESSION_TO_SERVER,
    SSH_COMPRESSION_TO_CLIENT,
    SSH_LISTS
};
bool ssh_read_kexinit(struct kd_bytes payload, struct kd_bytes ret[SSH_LISTS]);

/* The first name of the client's list that is in the server's; empty when there is none. */
struct kd_bytes ssh_agreed(struct kd_bytes client, struct kd_bytes server);

/* Bytes on the wire of an encrypted packet with so much payload (RFC 4253 6, RFC 5647, ETM modes);
 * 0 when the cipher or code is not known. */
uint32_t ssh_wire_bytes(struct kd_bytes cipher, struct kd_bytes mac, uint32_t payload);

enum ssh_verdict { SSH_UNKNOWN, SSH_PASSED, SSH_FAILED };

/* Runs of encrypted bytes, direction by direction. */
struct ssh_watch {
    uint32_t success;         /* size of a USERAUTH_SUCCESS; 0: not known */
    uint32_t longest;         /* a USERAUTH_FAILURE is not longer */
    uint32_t refusal;         /* size of one in this session; 0: not yet seen */
    uint64_t run;             /* bytes of the run so far */
    uint32_t answers;         /* runs of the server that answered the client */
    uint32_t refused, others; /* refusals of attempts; other answers since the last one */
    uint8_t dir;
    bool begun; /* the client spoke */
    bool blind, passed;
};

void ssh_watch_data(struct ssh_watch *w, enum kd_dir dir, size_t n);
enum ssh_verdict ssh_watch_verdict(const struct ssh_watch *w);
void ssh_watch_end(struct ssh_watch *w);

#endif
