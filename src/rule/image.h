/* SPDX-License-Identifier: Apache-2.0 */
/* A set of rules as one run of bytes: the texts it is made of, read kind by kind in the order below, and what was
 * compiled of them.  Made once, by whoever compiles; read by every engine, and kept as the cache.
 *
 * magic "KDRULES1" · le64 bytes in all · le64 sum of what follows · 32 bytes key · 4 × le32 counts · parts; a part:
 * u8 kind · le32 length of its name · le64 length · name · bytes.  The sum finds damage, not intent: whoever can
 * write an image can make an engine run what he likes, so images lie where only the sensor writes. */
#ifndef KD_RULE_IMAGE_H
#define KD_RULE_IMAGE_H

#include "base/out.h"
#include "base/status.h"

enum kd_rule_part {
    KD_PART_VARS,       /* "address-groups.NAME=value" lines */
    KD_PART_CLASSES,    /* classification.config */
    KD_PART_REFERENCES, /* reference.config */
    KD_PART_DATA,       /* a file that rules may load: members of a set */
    KD_PART_RULES,      /* a file of rules */
    KD_PART_THRESHOLDS, /* threshold.config */
    KD_PART_DATABASES,  /* kd_ruleset_save() */
    KD_PART_KINDS
};

enum { KD_RULE_KEY_BYTES = 32, KD_RULE_IMAGE_HEAD = 8 + 8 + 8 + KD_RULE_KEY_BYTES + 4 * 4 };

struct kd_rule_counts {
    uint32_t read, loaded, refused, files;
};

struct kd_rule_image {
    uint8_t key[KD_RULE_KEY_BYTES];
    struct kd_rule_counts counts;
    struct kd_bytes parts; /* borrowed from the image */
    size_t bytes;          /* of the whole */
};

/* Room for the head; then parts; then the end fills the head in.  Whether all fitted tells kd_out_ok(). */
void kd_rule_image_begin(struct kd_out *o);
void kd_rule_image_part(struct kd_out *o, enum kd_rule_part kind, struct kd_bytes name, struct kd_bytes bytes);
void kd_rule_image_end(struct kd_out *o, const uint8_t key[KD_RULE_KEY_BYTES], const struct kd_rule_counts *counts);

/* What the parts written so far say, with `salt` (whatever else decides about the result): its digest. */
void kd_rule_image_key(const struct kd_out *o, struct kd_bytes salt, uint8_t ret[KD_RULE_KEY_BYTES]);

/* `bytes` may be longer than the image.  KD_MALFORMED: no image, or a damaged one. */
KD_MUST_USE enum kd_status kd_rule_image_open(struct kd_bytes bytes, struct kd_rule_image *ret);

/* The next part of `rest`, which is shortened; false: none is left (or it is damaged: rest->n is not 0). */
struct kd_rule_image_part {
    enum kd_rule_part kind;
    struct kd_bytes name, bytes;
};
bool kd_rule_image_next(struct kd_bytes *rest, struct kd_rule_image_part *ret);

#endif
