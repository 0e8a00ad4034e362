/* SPDX-License-Identifier: Apache-2.0 */
/* CredSSP ([MS-CSSP] 3.1.5) inside TLS: the client says hello, the server challenges, the client
 * shows its proof, and only when that was right does the server prove that it knows the key and the
 * client go on. */
#include "proto/rdp/rdp.h"

enum {
    APPLICATION_DATA = 23,
    PROOF_LEAST = 250, /* an NTLM AUTHENTICATE with its key proof, encrypted, is longer; a NEGOTIATE
                          shorter */
    ANSWER_LEAST = 80, /* a key proof is longer, an error code or alert shorter */
    GOES_ON = 5 /* records of a client whose logon passed: three of CredSSP, then the session's */
};

static void on_record(struct rdp_watch *w, enum kd_dir dir, uint32_t n)
{
    if (dir == KD_TO_SERVER) {
        if (!w->shown && n >= PROOF_LEAST) {
            w->shown = true;
            w->by_ticket = w->half[KD_TO_SERVER].records == 0;
        }
    } else if (w->shown && !w->by_ticket && n >= ANSWER_LEAST) {
        w->accepted = true;
    }
    w->half[dir].records++;
}

void rdp_watch_data(struct rdp_watch *w, enum kd_dir dir, struct kd_bytes piece)
{
    while (piece.n > 0 && !w->blind) {
        uint32_t skip = (uint32_t)kd_min_u64(w->half[dir].left, piece.n);
        w->half[dir].left -= skip;
        piece = kd_bytes_from(piece, skip);
        while (piece.n > 0 && w->half[dir].n_head < sizeof(w->half[dir].head) &&
               w->half[dir].left == 0) {
            w->half[dir].head[w->half[dir].n_head++] = piece.p[0];
            piece = kd_bytes_from(piece, 1);
        }
        if (w->half[dir].n_head < sizeof(w->half[dir].head))
            continue;
        const uint8_t *h = w->half[dir].head;
        w->half[dir].left = (uint32_t)h[3] << 8 | h[4];
        w->half[dir].n_head = 0;
        w->blind = h[1] != 3 || h[0] < 20 || h[0] > 24;
        if (h[0] == APPLICATION_DATA)
            on_record(w, dir, w->half[dir].left);
    }
}

bool rdp_watch_goes_on(const struct rdp_watch *w)
{
    return !w->blind && w->half[KD_TO_SERVER].records >= GOES_ON;
}

enum rdp_verdict rdp_watch_verdict(const struct rdp_watch *w, bool over)
{
    if (w->blind)
        return RDP_UNKNOWN;
    if (w->shown && rdp_watch_goes_on(w))
        return RDP_PASSED;
    if (!over)
        return RDP_UNKNOWN;
    if (w->accepted)
        return RDP_PASSED;
    return w->shown && !w->by_ticket ? RDP_FAILED : RDP_UNKNOWN;
}
