/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the MIME reader: the body of one part, from transfer encoding to digests and links. */
#ifndef KD_PROTO_MIME_PART_H
#define KD_PROTO_MIME_PART_H

#include "base/base64.h"
#include "base/filetype.h"
#include "base/hasher.h"
#include "proto/mime/links.h"

enum kd_part_encoding { KD_PART_PLAIN, KD_PART_BASE64, KD_PART_QUOTED };

/* Zeroed is a part that is ignored. */
struct kd_part {
    bool is_file; /* hash it */
    bool is_text; /* look for links */
    bool lost;    /* bytes are missing */
    uint8_t encoding;
    uint8_t quoted[2]; /* begun "=X" of quoted-printable */
    uint8_t n_quoted;
    uint64_t bytes;   /* decoded */
    uint64_t foreign; /* characters that base64 does not have */
    struct kd_base64 base64;
    struct kd_links links;
    struct kd_md5 md5;
    struct kd_sha1 sha1;
    struct kd_sha256 sha256;
    struct kd_filetype_scan type;
};

void kd_part_start(struct kd_part *p, enum kd_part_encoding encoding, bool is_file, bool is_text,
                   bool is_html);

/* Encoded bytes of the body; `link` is called with what links.h finds. */
void kd_part_add(struct kd_part *p, struct kd_bytes in, void (*link)(void *, struct kd_bytes),
                 void *user);

/* Flush what is begun.  Digests are then ended by the caller. */
void kd_part_end(struct kd_part *p, void (*link)(void *, struct kd_bytes), void *user);

#endif
