/* SPDX-License-Identifier: Apache-2.0 */
/* LDAP as EVE has it: the request, and the list of its answers.  Our record is one for both and says the same in fewer
 * words; what it does not keep (values of entries) is not there. */
#include "base/json.h"
#include "wire/form.h"
#include "wire/record.h"

/* Operations (RFC 4511 4.2 to 4.12): ours, EVE's, and where the name of the object stands. */
static const struct operation {
    const char *ours, *request, *response, *name;
} operations[] = {
    {"bind", "bind_request", "bind_response", "name"},
    {"unbind", "unbind_request", NULL, NULL},
    {"search", "search_request", "search_result_done", "base_object"},
    {"modify", "modify_request", "modify_response", "object"},
    {"add", "add_request", "add_response", "entry"},
    {"delete", "del_request", "del_response", "dn"},
    {"modify_dn", "mod_dn_request", "mod_dn_response", "entry"},
    {"compare", "compare_request", "compare_response", "entry"},
    {"abandon", "abandon_request", NULL, NULL},
    {"extended", "extended_request", "extended_response", NULL},
};

static const struct operation *operation_of(const struct kd_rec_ldap *r)
{
    for (size_t i = 0; i < KD_COUNT(operations); i++)
        if (kd_bytes_eq_str(r->operation, operations[i].ours))
            return &operations[i];
    return NULL;
}

static void key(struct kd_out *o, bool *comma, const char *name)
{
    if (*comma)
        kd_out_u8(o, ',');
    *comma = true;
    kd_json_key(o, name);
}

static void member(struct kd_out *o, bool *comma, const char *name, struct kd_bytes value)
{
    key(o, comma, name);
    kd_json_string(o, value);
}

/* ---- what is changed: our "name=value", with what is done to it before the sign ---- */

struct change {
    struct kd_bytes name, value;
    const char *how; /* of modify */
};

static struct change change_of(struct kd_bytes text)
{
    size_t at = kd_bytes_find_byte(text, '=');
    struct change c = {kd_bytes_head(text, at), kd_bytes_from(text, at == SIZE_MAX ? text.n : at + 1), "replace"};
    if (kd_bytes_iends(c.name, kd_str("++")))
        c.how = "increment";
    else if (kd_bytes_iends(c.name, kd_str("+")))
        c.how = "add";
    else if (kd_bytes_iends(c.name, kd_str("-")))
        c.how = "delete";
    while (c.name.n > 0 && (c.name.p[c.name.n - 1] == '+' || c.name.p[c.name.n - 1] == '-'))
        c.name.n--;
    return c;
}

/* Attributes with their values, of which each is an item of ours; equal neighbours are one attribute's. */
static void put_attributes(struct kd_out *o, const struct kd_strs *list, bool changes)
{
    kd_out_u8(o, '[');
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX;) {
        struct change c = change_of(list->v[i]);
        bool comma = false;
        kd_out_str(o, i == 0 ? "{" : ",{");
        if (changes) {
            member(o, &comma, "operation", kd_str(c.how));
            kd_out_str(o, ",\"modification\":{");
            comma = false;
        }
        member(o, &comma, changes ? "attribute_type" : "name", c.name);
        key(o, &comma, changes ? "attribute_values" : "values");
        kd_out_u8(o, '[');
        for (bool first = true; i < list->n && i < KD_LIST_MAX; i++, first = false) {
            struct change v = change_of(list->v[i]);
            if (!kd_bytes_eq(v.name, c.name) || v.how != c.how)
                break;
            if (!first)
                kd_out_u8(o, ',');
            kd_json_string(o, v.value);
        }
        kd_out_str(o, changes ? "]}}" : "]}");
    }
    kd_out_u8(o, ']');
}

static struct kd_bytes changed(const struct kd_rec_ldap *r, const char *name)
{
    for (size_t i = 0; i < r->attributes.n && i < KD_LIST_MAX; i++) {
        struct change c = change_of(r->attributes.v[i]);
        if (kd_bytes_eq_str(c.name, name))
            return c.value;
    }
    return kd_str("");
}

/* ---- requests ---- */

static void put_search(struct kd_out *o, const struct kd_rec_ldap *r)
{
    static const char *const scopes[][2] = {{"base", "base_object"}, {"one", "single_level"}, {"sub", "whole_subtree"}};
    bool comma = true;
    for (size_t i = 0; i < KD_COUNT(scopes); i++)
        if (kd_bytes_eq_str(r->scope, scopes[i][0]))
            member(o, &comma, "scope", kd_str(scopes[i][1]));
    key(o, &comma, "attributes");
    kd_out_u8(o, '[');
    for (size_t i = 0; i < r->attributes.n && i < KD_LIST_MAX; i++) {
        if (i > 0)
            kd_out_u8(o, ',');
        kd_json_string(o, r->attributes.v[i]);
    }
    kd_out_u8(o, ']');
}

static void put_rename(struct kd_out *o, const struct kd_rec_ldap *r)
{
    bool comma = true;
    struct kd_bytes superior = changed(r, "newsuperior");
    member(o, &comma, "new_rdn", changed(r, "newrdn"));
    key(o, &comma, "delete_old_rdn");
    kd_out_str(o, kd_bytes_eq_str(changed(r, "deleteoldrdn"), "true") ? "true" : "false");
    if (superior.n > 0)
        member(o, &comma, "new_superior", superior);
}

static void put_compared(struct kd_out *o, const struct kd_rec_ldap *r)
{
    struct change c = change_of(r->attributes.n > 0 ? r->attributes.v[0] : kd_str(""));
    bool comma = false;
    kd_out_str(o, ",\"attribute_value_assertion\":{");
    member(o, &comma, "description", c.name);
    member(o, &comma, "value", c.value);
    kd_out_u8(o, '}');
}

static void put_request(struct kd_out *o, const struct kd_rec_ldap *r, const struct operation *op)
{
    const char *ours = op->ours;
    bool comma = false;
    if (op->name != NULL)
        member(o, &comma, op->name, ours[0] == 'b' ? r->user : r->base);
    if (strcmp(ours, "search") == 0)
        put_search(o, r);
    else if (strcmp(ours, "modify") == 0 || strcmp(ours, "add") == 0) {
        key(o, &comma, ours[0] == 'm' ? "changes" : "attributes");
        put_attributes(o, &r->attributes, ours[0] == 'm');
    } else if (strcmp(ours, "modify_dn") == 0)
        put_rename(o, r);
    else if (strcmp(ours, "compare") == 0)
        put_compared(o, r);
    else if (strcmp(ours, "extended") == 0)
        member(o, &comma, "name", r->oid);
    else if (strcmp(ours, "abandon") == 0) {
        key(o, &comma, "message_id");
        kd_out_bytes(o, changed(r, "message_id"));
    }
}

bool kd_form_ldap_request(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_ldap *r = body;
    const struct operation *op = operation_of(r);
    bool comma = false;
    if (op == NULL || r->unasked)
        return false;
    kd_out_u8(o, '{');
    member(o, &comma, "operation", kd_str(op->request));
    key(o, &comma, "message_id");
    kd_out_u64(o, r->message_id);
    if (strcmp(op->ours, "unbind") != 0) {
        key(o, &comma, op->request);
        kd_out_u8(o, '{');
        put_request(o, r, op);
        kd_out_u8(o, '}');
    }
    kd_out_u8(o, '}');
    return true;
}

/* ---- answers ---- */

/* "sizeLimitExceeded" (RFC 4511 4.1.9) as "size_limit_exceeded". */
static void put_code(struct kd_out *o, struct kd_bytes name)
{
    kd_out_u8(o, '"');
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i], low = kd_ascii_lower(c);
        bool after = i > 0 && name.p[i - 1] == kd_ascii_lower(name.p[i - 1]);
        bool before = i + 1 < name.n && name.p[i + 1] == kd_ascii_lower(name.p[i + 1]);
        if (low != c && i > 0 && (after || before))
            kd_out_u8(o, '_');
        kd_out_u8(o, low);
    }
    kd_out_u8(o, '"');
}

static void put_entries(struct kd_out *o, const struct kd_rec_ldap *r)
{
    enum { ENTRIES_MAX = 64 };
    for (unsigned i = 0; i < r->entries && i < ENTRIES_MAX; i++)
        kd_out_str(o, i == 0 ? "{\"operation\":\"search_result_entry\"}" : ",{\"operation\":\"search_result_entry\"}");
}

bool kd_form_ldap_responses(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head)
{
    (void)f, (void)head;
    const struct kd_rec_ldap *r = body;
    const struct operation *op = operation_of(r);
    bool search = op != NULL && strcmp(op->ours, "search") == 0, comma = false;
    bool answered = r->result.n > 0 || r->result_code != 0;
    if (op == NULL || op->response == NULL || (!answered && (!search || r->entries == 0)))
        return false;
    kd_out_u8(o, '[');
    if (search)
        put_entries(o, r);
    if (answered) {
        kd_out_str(o, search && r->entries > 0 ? ",{" : "{");
        member(o, &comma, "operation", kd_str(op->response));
        key(o, &comma, op->response);
        kd_out_str(o, "{\"result_code\":");
        put_code(o, r->result);
        member(o, &comma, "matched_dn", r->matched_dn);
        member(o, &comma, "message", r->diagnostic);
        if (r->answer_oid.n > 0)
            member(o, &comma, "name", r->answer_oid);
        kd_out_str(o, "}}");
    }
    kd_out_u8(o, ']');
    return true;
}
