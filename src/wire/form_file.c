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
    if (r->dos_error != 0)
        kd_out_fmt(o, "\"0x%04x\"", r->dos_error >> 8);
    else
        kd_out_fmt(o, "\"0x%x\"", r->status_code);
    return r->status.n > 0;
}

/* Errors of the old kind ([MS-CIFS] 2.2.2.4): class (1 DOS, 2 server), code. */
static const char *dos_error_name(uint32_t error)
{
    static const struct {
        uint8_t class;
        uint16_t code;
        const char *name;
    } names[] = {
        {1, 1, "DOS_BADFUNC"},      {1, 2, "DOS_BADFILE"},     {1, 3, "DOS_BADPATH"},      {1, 4, "DOS_NOFIDS"},
        {1, 5, "DOS_NOACCESS"},     {1, 6, "DOS_BADFID"},      {1, 7, "DOS_BADMCB"},       {1, 8, "DOS_NOMEM"},
        {1, 9, "DOS_BADMEM"},       {1, 10, "DOS_BADENV"},     {1, 11, "DOS_BADFORMAT"},   {1, 12, "DOS_BADACCESS"},
        {1, 13, "DOS_BADDATA"},     {1, 15, "DOS_BADDRIVE"},   {1, 16, "DOS_REMCD"},       {1, 17, "DOS_DIFFDEVICE"},
        {1, 18, "DOS_NOFILES"},     {1, 31, "DOS_GENERAL"},    {1, 32, "DOS_BADSHARE"},    {1, 33, "DOS_LOCK"},
        {1, 50, "DOS_UNSUP"},       {1, 64, "DOS_NETNAMEDEL"}, {1, 67, "DOS_NOSUCHSHARE"}, {1, 80, "DOS_FILEEXISTS"},
        {1, 87, "DOS_INVALIDPARAM"}, {1, 110, "DOS_CANTOPEN"}, {1, 112, "DOS_DISKFULL"},   {1, 123, "DOS_INVALIDNAME"},
        {1, 145, "DOS_DIRNOTEMPTY"}, {1, 158, "DOS_NOTLOCKED"}, {1, 183, "DOS_ALREADYEXISTS"}, {1, 230, "DOS_BADPIPE"},
        {1, 231, "DOS_PIPEBUSY"},   {1, 232, "DOS_PIPECLOSING"}, {1, 233, "DOS_NOTCONNECTED"}, {1, 234, "DOS_MOREDATA"},
        {2, 1, "SRV_ERROR"},        {2, 2, "SRV_BADPW"},       {2, 3, "SRV_BADPATH"},      {2, 4, "SRV_ACCESS"},
        {2, 5, "SRV_BADTID"},       {2, 6, "SRV_BADNETNAME"},  {2, 7, "SRV_BADDEVICE"},    {2, 22, "SRV_SMBCMD"},
        {2, 49, "SRV_QFULL"},       {2, 64, "SRV_SMBCMD"},     {2, 65, "SRV_SRVERROR"},    {2, 67, "SRV_BADMBX"},
        {2, 87, "SRV_TIMEOUT"},     {2, 88, "SRV_TIMEOUT"},    {2, 89, "SRV_NORESOURCE"},  {2, 90, "SRV_TOOMANYUIDS"},
        {2, 91, "SRV_BADUID"},      {2, 250, "SRV_USEMPX"},    {2, 251, "SRV_USESTD"},     {2, 65535, "SRV_NOSUPPORT"},
    };
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (names[i].class == (error & 0xff) && names[i].code == error >> 8)
            return names[i].name;
    return NULL;
}

bool kd_form_smb_status_name(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_smb *r = body;
    const char *old = r->dos_error != 0 ? dos_error_name(r->dos_error) : NULL;
    return put_text(o, old != NULL ? kd_str(old) : r->status);
}

bool kd_form_smb_dialect(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_smb *r = body;
    return put_text(o, r->dialect.n > 0 ? r->dialect : kd_str("unknown"));
}

/* What a successful CREATE tells: its times and size are known when its identity is. */
static bool is_opened(const struct kd_rec_smb *r)
{
    return r->file_id.n > 0 && r->create_action.n > 0;
}

bool kd_form_smb_size(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_smb *r = body;
    kd_out_u64(o, r->file_size);
    return r->file_size > 0 || is_opened(r);
}

bool kd_form_smb_opened(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    kd_out_u64(o, *(const uint32_t *)(const void *)((const uint8_t *)body + f->offset));
    return is_opened(body);
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
static bool put_guid(struct kd_out *o, const struct kd_field *f, const void *body, const uint8_t order[GUID_BYTES])
{
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

bool kd_form_guid(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    static const uint8_t order[GUID_BYTES] = {3, 2, 1, 0, 5, 4, 7, 6, 9, 8, 10, 11, 12, 13, 14, 15};
    (void)head;
    return put_guid(o, f, body, order);
}

bool kd_form_smb_file_id(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    static const uint8_t order[GUID_BYTES] = {3, 2, 1, 0, 5, 4, 7, 6, 9, 8, 11, 10, 15, 14, 13, 12};
    (void)head;
    return put_guid(o, f, body, order);
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
    (void)f, (void)head;
    const struct kd_rec_dcerpc *r = body;
    return put_text(o, r->step.n > 0 ? r->step : kd_str("REQUEST"));
}

bool kd_form_rpc_response(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_dcerpc *r = body;
    if (r->step.n > 0 && r->answered)
        return put_text(o, kd_str(!kd_bytes_eq_str(r->step, "BIND") ? "ALTER_CONTEXT_RESP" : r->refused ? "BINDNAK" : "BINDACK"));
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
    const struct kd_rpc_bound *bound = r->bound.v;
    for (size_t i = 0; i < r->bound.n && i < KD_LIST_MAX; i++) {
        kd_out_str(o, i == 0 ? "[{\"uuid\":" : ",{\"uuid\":");
        kd_json_string(o, bound[i].uuid);
        put_member(o, "version", bound[i].version);
        kd_out_fmt(o, ",\"ack_result\":%u}", bound[i].ack_result);
    }
    if (r->bound.n > 0) {
        kd_out_u8(o, ']');
        return true;
    }
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
    kd_out_u64(o, r->response_raw > 0 ? r->response_raw : r->response_bytes);
    return r->response_fragments > 0;
}

static bool put_number(struct kd_out *o, const struct kd_field *f, const void *body, bool is)
{
    const void *at = (const uint8_t *)body + f->offset;
    kd_out_u64(o, f->type == KD_T_U16 ? *(const uint16_t *)at : f->type == KD_T_U32 ? *(const uint32_t *)at : *(const uint64_t *)at);
    return is;
}

bool kd_form_rpc_call(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    const struct kd_rec_dcerpc *r = body;
    if (f->offset != offsetof(struct kd_rec_dcerpc, request_raw) || r->request_raw > 0)
        return put_number(o, f, body, r->step.n == 0);
    kd_out_u64(o, r->request_bytes); /* as stored */
    return r->step.n == 0;
}

bool kd_form_rpc_sequence(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    const struct kd_rec_dcerpc *r = body;
    return put_number(o, f, body, r->activity.n > 0);
}

bool kd_form_of_request(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    const struct kd_smb_call *r = body;
    return put_number(o, f, body, kd_bytes_eq_str(r->request, "REQUEST"));
}

bool kd_form_of_response(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    const struct kd_smb_call *r = body;
    return put_number(o, f, body, kd_bytes_eq_str(r->response, "RESPONSE"));
}

/* ---- Unix file servers ---- */

bool kd_form_rpc_id(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)head;
    const struct kd_rec_nfs *r = body;
    return put_number(o, f, body, kd_bytes_eq_str(r->auth, "UNIX"));
}

bool kd_form_nfs_type(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)body, (void)head;
    return put_text(o, kd_str("response"));
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
