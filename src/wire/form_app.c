/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of databases and devices. */
#include "base/json.h"
#include "wire/form.h"
#include "wire/record.h"

bool kd_form_no_yes(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    uint8_t v = *((const uint8_t *)body + f->offset);
    (void)head;
    kd_out_str(o, v == 2 ? "true" : "false");
    return v != 0;
}

bool kd_form_snmp_version(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    uint8_t digit = kd_bytes_at(*(const struct kd_bytes *)((const uint8_t *)body + f->offset), 0);
    (void)head;
    kd_out_u8(o, digit);
    return kd_ascii_is_digit(digit);
}

/* "DateStyle" is "date_style" in EVE. */
static void put_name(struct kd_out *o, struct kd_bytes name)
{
    enum { NAME_MAX_BYTES = 128 };
    uint8_t room[2 * NAME_MAX_BYTES];
    struct kd_out snake = kd_out_of(room, sizeof(room));
    for (size_t i = 0; i < name.n && i < NAME_MAX_BYTES; i++) {
        uint8_t c = name.p[i];
        bool upper = c >= 'A' && c <= 'Z';
        bool after_lower = i > 0 && name.p[i - 1] >= 'a' && name.p[i - 1] <= 'z';
        if (upper && after_lower)
            kd_out_u8(&snake, '_');
        kd_out_u8(&snake, kd_ascii_lower(c));
    }
    kd_json_string(o, kd_out_bytes_view(&snake));
}

bool kd_form_pairs(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    const struct kd_list *list = (const void *)((const uint8_t *)body + f->offset);
    const struct kd_pgsql_parameter *p = list->v;
    (void)head;
    kd_out_u8(o, '[');
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++) {
        kd_out_str(o, i == 0 ? "{" : ",{");
        put_name(o, p[i].name);
        kd_out_u8(o, ':');
        kd_json_string(o, p[i].value);
        kd_out_u8(o, '}');
    }
    kd_out_u8(o, ']');
    return list->n > 0;
}
