/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the MIME reader: the body of one part, from transfer encoding to file and links. */
#ifndef KD_PROTO_MIME_PART_H
#define KD_PROTO_MIME_PART_H

#include "base/base64.h"
#include "base/personal.h"
#include "proto/carve/carve.h"
#include "proto/mime/links.h"

enum kd_part_encoding { KD_PART_PLAIN, KD_PART_BASE64, KD_PART_QUOTED };

/* Zeroed is a part that is ignored. */
struct kd_part {
    bool is_file;
    bool is_text; /* look for links */
    bool lost;    /* bytes are missing */
    uint8_t encoding;
    uint8_t quoted[2]; /* begun "=X" of quoted-printable */
    uint8_t n_quoted;
    uint64_t bytes;   /* decoded */
    uint64_t foreign; /* characters that base64 does not have */
    struct kd_base64 base64;
    struct kd_links links;
    struct kd_personal personal; /* of a text that is no file */
    struct kd_carve *file;       /* of a file; NULL for lack of memory.  Ended by the caller */
};

void kd_part_start(struct kd_part *p, enum kd_part_encoding encoding, bool is_file, bool is_text,
                   bool is_html);

/* What the encoding is called in records; NULL for a plain one. */
const char *kd_part_encoding_name(enum kd_part_encoding encoding);

/* Encoded bytes of the body; `link` is called with what links.h finds. */
void kd_part_add(struct kd_part *p, struct kd_bytes in, kd_link_found *link, void *user);

/* `n` encoded bytes are missing. */
void kd_part_lost(struct kd_part *p, uint64_t n);

/* Flush what is begun. */
void kd_part_end(struct kd_part *p, kd_link_found *link, void *user);

#endif
