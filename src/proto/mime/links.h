/* SPDX-License-Identifier: Apache-2.0 */
/* http and https links in streamed text: in plain text by their look, in HTML the targets of href
 * and action and what looks like one in the visible text (mail programs make links of these).  A
 * link of HTML whose visible text is itself an address is told once more with that text.  Byte by
 * byte, so that pieces of any size give the same. */
#ifndef KD_PROTO_MIME_LINKS_H
#define KD_PROTO_MIME_LINKS_H

#include "base/bytes.h"

enum { KD_LINK_MAX = 1024, KD_LINK_TARGET = 256, KD_LINK_SHOWN = 128 };

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
    /* The anchor that is open: its target and visible text, cut. */
    bool in_anchor, closing;
    uint8_t n_tag; /* of the element's name, in `tag` */
    uint8_t n_shown;
    uint16_t n_target;
    char tag[2];
    uint8_t target[KD_LINK_TARGET];
    uint8_t shown[KD_LINK_SHOWN];
};

/* Called for each link, which is valid during the call only; longer ones are cut.  `shown` is
 * empty, or the visible text of an anchor that looks like an address, whatever it leads to. */
typedef void kd_link_found(void *user, struct kd_bytes url, struct kd_bytes shown);

void kd_links_add(struct kd_links *l, struct kd_bytes piece, kd_link_found *found, void *user);
void kd_links_end(struct kd_links *l, kd_link_found *found, void *user);

#endif
