/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/image.h"

#include "base/cursor.h"
#include "base/hash.h"

static const uint8_t magic[8] = {'K', 'D', 'R', 'U', 'L', 'E', 'S', '1'};

enum { SUMMED_FROM = 8 + 8 + 8 };

void kd_rule_image_begin(struct kd_out *o)
{
    uint8_t *head = kd_out_room(o, KD_RULE_IMAGE_HEAD);
    if (head != NULL)
        memset(head, 0, KD_RULE_IMAGE_HEAD); /* no image until its end is written */
}

void kd_rule_image_part(struct kd_out *o, enum kd_rule_part kind, struct kd_bytes name, struct kd_bytes bytes)
{
    kd_out_u8(o, (uint8_t)kind);
    kd_out_le32(o, (uint32_t)name.n);
    kd_out_le64(o, bytes.n);
    kd_out_bytes(o, name);
    kd_out_bytes(o, bytes);
}

void kd_rule_image_end(struct kd_out *o, const uint8_t key[KD_RULE_KEY_BYTES], const struct kd_rule_counts *counts)
{
    if (!kd_out_ok(o))
        return;
    struct kd_out head = kd_out_of(o->p, KD_RULE_IMAGE_HEAD);
    kd_out_bytes(&head, kd_bytes_of(magic, sizeof(magic)));
    kd_out_le64(&head, o->n);
    kd_out_le64(&head, 0);
    kd_out_bytes(&head, kd_bytes_of(key, KD_RULE_KEY_BYTES));
    kd_out_le32(&head, counts->read);
    kd_out_le32(&head, counts->loaded);
    kd_out_le32(&head, counts->refused);
    kd_out_le32(&head, counts->files);
    struct kd_out sum = kd_out_of(o->p + 16, 8);
    kd_out_le64(&sum, kd_hash(o->p + SUMMED_FROM, o->n - SUMMED_FROM, 0));
}

void kd_rule_image_key(const struct kd_out *o, struct kd_bytes salt, uint8_t ret[KD_RULE_KEY_BYTES])
{
    struct kd_digest *d = kd_digest_new(KD_SHA256);
    memset(ret, 0, KD_RULE_KEY_BYTES);
    if (d == NULL)
        return; /* equal to no key */
    kd_digest_start(d);
    kd_digest_add(d, salt);
    kd_digest_add(d, kd_bytes_from(kd_out_bytes_view(o), KD_RULE_IMAGE_HEAD));
    kd_digest_end(d, ret);
    kd_digest_free(d);
}

enum kd_status kd_rule_image_open(struct kd_bytes bytes, struct kd_rule_image *ret)
{
    struct kd_cur c = kd_cur_of(bytes);
    *ret = (struct kd_rule_image){0};
    if (!kd_bytes_eq(kd_cur_take(&c, sizeof(magic)), kd_bytes_of(magic, sizeof(magic))))
        return KD_MALFORMED;
    uint64_t n = kd_cur_le64(&c), sum = kd_cur_le64(&c);
    if (!kd_cur_ok(&c) || n < KD_RULE_IMAGE_HEAD || n > bytes.n ||
        kd_hash(bytes.p + SUMMED_FROM, (size_t)n - SUMMED_FROM, 0) != sum)
        return KD_MALFORMED;
    memcpy(ret->key, kd_cur_take(&c, KD_RULE_KEY_BYTES).p, KD_RULE_KEY_BYTES);
    ret->counts.read = kd_cur_le32(&c);
    ret->counts.loaded = kd_cur_le32(&c);
    ret->counts.refused = kd_cur_le32(&c);
    ret->counts.files = kd_cur_le32(&c);
    ret->bytes = (size_t)n;
    ret->parts = kd_bytes_of(bytes.p + KD_RULE_IMAGE_HEAD, (size_t)n - KD_RULE_IMAGE_HEAD);
    return KD_OK;
}

bool kd_rule_image_next(struct kd_bytes *rest, struct kd_rule_image_part *ret)
{
    struct kd_cur c = kd_cur_of(*rest);
    uint8_t kind = kd_cur_u8(&c);
    uint32_t n_name = kd_cur_le32(&c);
    uint64_t n = kd_cur_le64(&c);
    if (!kd_cur_ok(&c) || n_name > kd_cur_left(&c) || n > kd_cur_left(&c) - n_name || kind >= KD_PART_KINDS)
        return false;
    ret->kind = (enum kd_rule_part)kind;
    ret->name = kd_cur_take(&c, n_name);
    ret->bytes = kd_cur_take(&c, (size_t)n);
    *rest = kd_cur_rest(&c);
    return true;
}
