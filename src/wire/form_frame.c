/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of the frame that a rule matched in, and of what sets said. */
#include "base/json_read.h"
#include "wire/form.h"
#include "wire/record.h"

bool kd_form_of_frame(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_rec_signature *r = body;
    return r->frame_type.n > 0 && kd_form_count(o, f, body, head);
}

bool kd_form_frame_whole(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_rec_signature *r = body;
    (void)f, (void)head;
    kd_out_str(o, r->frame_complete ? "true" : "false");
    return r->frame_type.n > 0;
}

/* Looked at again: what is no JSON would break the line. */
bool kd_form_json(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    struct kd_bytes text = *(const struct kd_bytes *)((const uint8_t *)body + f->offset);
    (void)head;
    if (!kd_json_is_line(text))
        return false;
    kd_out_bytes(o, text);
    return true;
}

bool kd_form_frame_text(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_rec_signature *r = body;
    if (!kd_form_printable(o, f, body, head))
        return false;
    if (r->frame_missing > 0 && kd_out_ok(o)) {
        o->n--; /* the quotation mark */
        kd_out_fmt(o, "[%llu bytes missing]\"", (unsigned long long)r->frame_missing);
    }
    return true;
}
