/* SPDX-License-Identifier: Apache-2.0 */
/* Which request is which question: no sockets here. */
#include <jansson.h>

#include "api/internal.h"
#include "base/json.h"

const struct kd_route kd_routes[] = {
    {"POST", "/session", KD_ASK_LOGIN, KD_ROUTE_LOGIN},
    {"GET", "/session", KD_ASK_SESSION_CHECK, KD_ROUTE_ASK},
    {"DELETE", "/session", KD_ASK_LOGOUT, KD_ROUTE_LOGOUT},
    {"POST", "/session/password", KD_ASK_PASSWORD, KD_ROUTE_ASK},
    {"GET", "/today", KD_ASK_TODAY, KD_ROUTE_ASK},
    {"GET", "/detections", KD_ASK_DETECTIONS, KD_ROUTE_ASK},
    {"GET", "/detections/{id}", KD_ASK_DETECTION, KD_ROUTE_ASK},
    {"PATCH", "/detections/{id}", KD_ASK_DETECTION_PATCH, KD_ROUTE_ASK},
    {"GET", "/incidents", KD_ASK_INCIDENTS, KD_ROUTE_ASK},
    {"GET", "/incidents/{id}", KD_ASK_INCIDENT, KD_ROUTE_ASK},
    {"PATCH", "/incidents/{id}", KD_ASK_INCIDENT_PATCH, KD_ROUTE_ASK},
    {"GET", "/hosts", KD_ASK_HOSTS, KD_ROUTE_ASK},
    {"GET", "/hosts/{address}", KD_ASK_HOST, KD_ROUTE_ASK},
    {"GET", "/outside/{address}", KD_ASK_OUTSIDE, KD_ROUTE_ASK},
    {"GET", "/network", KD_ASK_NETWORK, KD_ROUTE_ASK},
    {"GET", "/records", KD_ASK_RECORDS, KD_ROUTE_ASK},
    {"GET", "/sightings", KD_ASK_SIGHTINGS, KD_ROUTE_ASK},
    {"GET", "/health", KD_ASK_HEALTH, KD_ROUTE_ASK},
    {"GET", "/exceptions", KD_ASK_EXCEPTIONS, KD_ROUTE_ASK},
    {"POST", "/exceptions", KD_ASK_EXCEPTION_ADD, KD_ROUTE_ASK},
    {"DELETE", "/exceptions/{id}", KD_ASK_EXCEPTION_DELETE, KD_ROUTE_ASK},
    {"GET", "/objects", KD_ASK_OBJECTS, KD_ROUTE_ASK},
    {"POST", "/objects", KD_ASK_OBJECT_ADD, KD_ROUTE_ASK},
    {"DELETE", "/objects/{id}", KD_ASK_OBJECT_EXPIRE, KD_ROUTE_ASK},
    {"GET", "/users", KD_ASK_USERS, KD_ROUTE_ASK},
    {"POST", "/users", KD_ASK_USER_ADD, KD_ROUTE_ASK},
    {"PATCH", "/users/{user}", KD_ASK_USER_PATCH, KD_ROUTE_ASK},
    {"DELETE", "/users/{user}", KD_ASK_USER_DELETE, KD_ROUTE_ASK},
    {"GET", "/audit", KD_ASK_AUDIT, KD_ROUTE_ASK},
    {"GET", "/notices", KD_ASK_NOTICES, KD_ROUTE_ASK},
    {"POST", "/notices/test", KD_ASK_NOTICE_TEST, KD_ROUTE_ASK},
    {"GET", "/events", KD_ASK_SESSION_CHECK, KD_ROUTE_EVENTS},
    {"GET", "/openapi.json", KD_ASK_NONE, KD_ROUTE_CONTRACT},
    {NULL, NULL, KD_ASK_NONE, KD_ROUTE_ASK},
};

/* Does the path fit the pattern?  What stands for {name} is one segment that is not empty. */
static bool fits(const char *pattern, struct kd_bytes path, struct kd_bytes *ret_name,
                 struct kd_bytes *ret_argument)
{
    struct kd_bytes p = kd_str(pattern);
    size_t brace = kd_bytes_find_byte(p, '{');
    if (brace == SIZE_MAX) {
        *ret_name = *ret_argument = (struct kd_bytes){NULL, 0};
        return kd_bytes_eq(p, path);
    }
    if (!kd_bytes_starts(path, kd_bytes_head(p, brace)))
        return false;
    *ret_name = kd_bytes_head(kd_bytes_from(p, brace + 1), p.n - brace - 2);
    *ret_argument = kd_bytes_from(path, brace);
    return ret_argument->n > 0 && kd_bytes_find_byte(*ret_argument, '/') == SIZE_MAX;
}

const struct kd_route *kd_route_find(struct kd_bytes method, struct kd_bytes path,
                                     struct kd_bytes *ret_name, struct kd_bytes *ret_argument,
                                     unsigned *ret_status, char ret_allow[64])
{
    struct kd_out allow = kd_out_of(ret_allow, 63);
    for (const struct kd_route *r = kd_routes; r->method != NULL; r++) {
        if (!fits(r->path, path, ret_name, ret_argument))
            continue;
        if (kd_bytes_eq_str(method, r->method))
            return r;
        if (allow.n > 0)
            kd_out_str(&allow, ", ");
        kd_out_str(&allow, r->method);
    }
    ret_allow[allow.n] = '\0';
    *ret_status = allow.n > 0 ? 405 : 404;
    return NULL;
}

static enum kd_status add_member(struct kd_question *q, const char *name, const json_t *value,
                                 struct kd_out *room)
{
    /* The question borrows both texts, and the JSON tree goes before it. */
    const char *kept = (const char *)room->p + room->n;
    kd_out_str(room, name);
    kd_out_u8(room, '\0');
    size_t start = room->n;
    if (json_is_string(value))
        kd_out_bytes(room, kd_bytes_of(json_string_value(value), json_string_length(value)));
    else if (json_is_integer(value))
        kd_out_i64(room, json_integer_value(value));
    else if (json_is_boolean(value))
        kd_out_str(room, json_is_true(value) ? "true" : "false");
    else if (json_is_null(value))
        return KD_OK;
    else
        return KD_MALFORMED;
    if (!kd_out_ok(room))
        return KD_LIMIT;
    return kd_question_add(q, kept, kd_bytes_of(room->p + start, room->n - start));
}

enum kd_status kd_route_body(struct kd_question *q, struct kd_bytes json, struct kd_out *room)
{
    if (json.n == 0)
        return KD_OK;
    json_t *root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    enum kd_status s = json_is_object(root) ? KD_OK : KD_MALFORMED;
    const char *name;
    json_t *value;
    if (s == KD_OK) {
        json_object_foreach(root, name, value) {
            s = add_member(q, name, value, room);
            if (s != KD_OK)
                break;
        }
    }
    json_decref(root);
    return s;
}

struct wording {
    const char *code, *en, *ja;
};

static const struct wording wordings[] = {
    {"bad_request", "The request could not be understood.", "要求を読み取れませんでした。"},
    {"too_large", "The request is too large.", "要求が大きすぎます。"},
    {"not_found", "There is nothing at this address.", "見つかりません。"},
    {"method_not_allowed", "This cannot be done here.", "この操作はできません。"},
    {"wrong_origin", "The request came from another site and was refused.",
     "他のサイトからの要求のため拒否しました。"},
    {"store_busy", "The store did not answer in time. Please try again in a moment.",
     "データベースが応答しません。少し待ってからもう一度お試しください。"},
    {"too_many_listeners", "Too many screens are open at once.", "同時に開いている画面が多すぎます。"},
};

void kd_route_error(struct kd_out *o, const char *code)
{
    const struct wording *w = &wordings[0];
    for (size_t i = 0; i < KD_COUNT(wordings); i++)
        if (strcmp(wordings[i].code, code) == 0)
            w = &wordings[i];
    kd_out_str(o, "{\"error\":{\"code\":");
    kd_json_string(o, kd_str(w->code));
    kd_out_str(o, ",\"message\":{\"ja\":");
    kd_json_string(o, kd_str(w->ja));
    kd_out_str(o, ",\"en\":");
    kd_json_string(o, kd_str(w->en));
    kd_out_str(o, "}}}");
}
