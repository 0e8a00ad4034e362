/* SPDX-License-Identifier: Apache-2.0 */
/* http and https links in streamed text: in plain text by their look, in HTML the targets of href
 * and action and what looks like one in the visible text (mail programs make links of these).  Byte
 * by byte, so that pieces of any size give the same. */
#ifndef KD_PROTO_MIME_LINKS_H
#define KD_PROTO_MIME_LINKS_H

#include "base/bytes.h"

enum { KD_LINK_MAX = 1024 };

/* Zeroed, with `html` set or not, is ready. */
struct kd_links {
    bool html;
    uint8_t state;
    uint8_t quote;
    uint8_t n_word;
    bool wanted, equals;
    uint16_t n;
    char word[8];
    uint8_t url[KD_LINK_MAX];
};

/* `found` is called for each link, which is valid during the call only; longer ones are cut. */
void kd_links_add(struct kd_links *l, struct kd_bytes piece,
                  void (*found)(void *user, struct kd_bytes url), void *user);
void kd_links_end(struct kd_links *l, void (*found)(void *user, struct kd_bytes url), void *user);

#endif
