/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of shares, remote calls, mails and files. */
#include "base/json.h"
#include "wire/form.h"
#include "wire/record.h"

enum { GUID_BYTES = 16 };

static bool put_text(struct kd_out *o, struct kd_bytes s)
{
    kd_json_string(o, s);
    return s.n > 0;
}

/* ---- shares ---- */

bool kd_form_smb_status(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_smb *r = body;
    kd_out_fmt(o, "\"0x%x\"", r->status_code);
    return r->status.n > 0;
}

bool kd_form_pipe_share(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_smb *r = body;
    return kd_bytes_eq_str(r->share_type, "PIPE") && put_text(o, r->share);
}

bool kd_form_renamed(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_smb *r = body;
    return r->rename_to.n > 0 && put_text(o, r->filename);
}

bool kd_form_open_kind(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_smb *r = body;
    bool closes = kd_bytes_iends(r->command, kd_str("CLOSE"));
    bool deletes = r->delete_on_close && !closes;
    return (deletes || r->disposition.n > 0) && put_text(o, kd_str(deletes ? "delete on close" : "normal"));
}

/* The first three parts are numbers, least byte first; so are, in EVE, the two bytes behind them. */
bool kd_form_guid(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    static const uint8_t order[GUID_BYTES] = {3, 2, 1, 0, 5, 4, 7, 6, 9, 8, 10, 11, 12, 13, 14, 15};
    (void)head;
    struct kd_bytes b = *(const struct kd_bytes *)((const uint8_t *)body + f->offset);
    if (b.n != GUID_BYTES)
        return false;
    kd_out_u8(o, '"');
    for (unsigned i = 0; i < GUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            kd_out_u8(o, '-');
        kd_out_hex(o, kd_bytes_of(b.p + order[i], 1));
    }
    kd_out_u8(o, '"');
    return true;
}

/* "10.0.10586" as EVE words it; the revision is 15 since Windows XP ([MS-NLMP] 2.2.2.10). */
bool kd_form_ntlm_version(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_smb *r = body;
    struct kd_bytes rest = r->windows;
    struct kd_bytes major = kd_bytes_cut(&rest, '.');
    struct kd_bytes minor = kd_bytes_cut(&rest, '.');
    kd_out_u8(o, '"');
    kd_out_bytes(o, major);
    kd_out_u8(o, '.');
    kd_out_bytes(o, minor);
    kd_out_str(o, " build ");
    kd_out_bytes(o, rest);
    kd_out_str(o, " rev 15\"");
    return rest.n > 0;
}

bool kd_form_failed_request(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_krb5 *r = body;
    kd_out_str(o, "\"KRB_");
    kd_out_bytes(o, r->request_type);
    kd_out_str(o, "_REQ\"");
    return r->request_type.n > 0 && kd_bytes_eq_str(r->msg_type, "KRB_ERROR");
}

/* ---- remote calls ---- */

bool kd_form_rpc_request(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)body, (void)head;
    return put_text(o, kd_str("REQUEST"));
}

bool kd_form_rpc_response(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_dcerpc *r = body;
    return put_text(o, kd_str(r->fault ? "FAULT" : r->answered ? "RESPONSE" : "UNREPLIED"));
}

static void put_member(struct kd_out *o, const char *name, struct kd_bytes value)
{
    if (value.n == 0)
        return;
    kd_out_u8(o, ',');
    kd_json_key(o, name);
    kd_json_string(o, value);
}

bool kd_form_rpc_interfaces(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_dcerpc *r = body;
    if (r->uuid.n == 0)
        return false;
    kd_out_str(o, "[{\"uuid\":");
    kd_json_string(o, r->uuid);
    put_member(o, "version", r->version);
    kd_out_str(o, ",\"ack_result\":0");
    put_member(o, "service", r->interface);
    put_member(o, "procedure", r->operation);
    kd_out_str(o, "}]");
    return true;
}

bool kd_form_rpc_answer_bytes(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_dcerpc *r = body;
    kd_out_u64(o, r->response_bytes);
    return r->response_fragments > 0;
}

/* ---- mails and files ---- */

bool kd_form_part_names(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    const struct kd_list *list = (const void *)((const uint8_t *)body + f->offset);
    const struct kd_mail_part *parts = list->v;
    bool any = false;
    kd_out_u8(o, '[');
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++) {
        if (parts[i].filename.n == 0)
            continue;
        kd_out_str(o, any ? "," : "");
        kd_json_string(o, parts[i].filename);
        any = true;
    }
    kd_out_u8(o, ']');
    return any;
}

enum part { FIRST, LAST, TOTAL };

static bool put_range(struct kd_out *o, const struct kd_field *f, const void *body, enum part part)
{
    struct kd_bytes rest = *(const struct kd_bytes *)((const uint8_t *)body + f->offset);
    uint64_t v = 0;
    (void)kd_bytes_cut(&rest, ' ');
    struct kd_bytes places = kd_bytes_cut(&rest, '/');
    struct kd_bytes first = kd_bytes_cut(&places, '-');
    struct kd_bytes text = part == FIRST ? first : part == LAST ? places : rest;
    bool is = kd_bytes_to_u64(kd_bytes_trim(text), INT64_MAX, &v);
    kd_out_u64(o, v);
    return is;
}

bool kd_form_range_first(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_range(o, f, body, FIRST);
}

bool kd_form_range_last(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_range(o, f, body, LAST);
}

bool kd_form_range_total(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    return put_range(o, f, body, TOTAL);
}

bool kd_form_range_end(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_file *r = body;
    bool is_range = r->start > 0 && r->size > 0;
    if (is_range)
        kd_out_u64(o, r->start + r->size - 1);
    return is_range;
}
