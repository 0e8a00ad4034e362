/* SPDX-License-Identifier: Apache-2.0 */
/* One request: strict reading, its question to the store, the answer back. */
#include "api/internal.h"

#define COOKIE "__Host-kidoban"

/* ---- the head: what libmicrohttpd lets through and we do not ---- */

struct head_count {
    unsigned hosts, lengths, codings;
};

static enum MHD_Result count_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    (void)kind;
    (void)value;
    struct head_count *n = arg;
    struct kd_bytes header = kd_str(name);
    n->hosts += kd_bytes_ieq(header, kd_str("Host"));
    n->lengths += kd_bytes_ieq(header, kd_str("Content-Length"));
    n->codings += kd_bytes_ieq(header, kd_str("Transfer-Encoding"));
    return MHD_YES;
}

static const char *lookup(const struct kd_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

/* A page of another site may make a browser send requests, but not without its Origin. */
bool kd_request_is_own_origin(const struct kd_request *r)
{
    const char *origin = lookup(r, "Origin");
    const char *host = lookup(r, "Host");
    const char *site = lookup(r, "Sec-Fetch-Site");
    if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    if (origin == NULL)
        return true; /* not a browser; the csrf value and the cookie still have to be right */
    return host != NULL && strncmp(origin, "https://", 8) == 0 && strcmp(origin + 8, host) == 0;
}

/* 0, or the status to refuse with. */
unsigned kd_request_check_head(struct kd_request *r)
{
    struct head_count n = {0};
    (void)MHD_get_connection_values(r->connection, MHD_HEADER_KIND, count_header, &n);
    if (n.hosts != 1 || n.lengths > 1 || n.codings > 1 || (n.lengths > 0 && n.codings > 0))
        return 400;
    const char *length = lookup(r, "Content-Length");
    uint64_t bytes = 0;
    if (length != NULL && !kd_bytes_to_u64(kd_str(length), UINT64_MAX, &bytes))
        return 400;
    return bytes > KD_BODY_MAX ? 413 : 0;
}

/* ---- the question ---- */

struct adding {
    struct kd_question *q;
    enum kd_status status;
};

static enum MHD_Result add_argument(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    (void)kind;
    struct adding *a = arg;
    if (a->status == KD_OK && value != NULL)
        a->status = kd_question_add(a->q, name, kd_str(value));
    return MHD_YES;
}

static enum kd_status add_cookie(struct kd_request *r, struct kd_question *q)
{
    const char *token = MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, COOKIE);
    if (token == NULL || q->kind == KD_ASK_LOGIN)
        return KD_OK;
    return kd_question_add(q, "token", kd_str(token));
}

static enum kd_status add_client(struct kd_request *r, struct kd_question *q, struct kd_out *room)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL)
        return KD_OK;
    const struct sockaddr *sa = info->client_addr;
    size_t start = room->n;
    struct kd_addr a = {{0}};
    if (sa->sa_family == AF_INET) {
        const uint8_t *raw = (const uint8_t *)sa + 4; /* struct sockaddr_in: family, port, address */
        a = kd_addr_v4(raw);
    } else if (sa->sa_family == AF_INET6) {
        const uint8_t *raw = (const uint8_t *)sa + 8; /* family, port, flow information, address */
        a = kd_addr_v6(raw);
    }
    kd_out_addr(room, &a);
    return kd_question_add(q, "client", kd_bytes_of(room->p + start, room->n - start));
}

static enum kd_status fill(struct kd_request *r, struct kd_question *q, struct kd_bytes name,
                           struct kd_bytes argument, struct kd_out *room)
{
    struct adding a = {q, KD_OK};
    if (argument.n > 0) {
        char text[KD_ASK_NAME_MAX + 1] = {0};
        memcpy(text, name.p, kd_min_size(name.n, KD_ASK_NAME_MAX));
        a.status = kd_question_add(q, text, argument);
    }
    if (r->route->how != KD_ROUTE_EVENTS && strcmp(r->route->method, "GET") == 0)
        (void)MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, add_argument, &a);
    if (a.status == KD_OK)
        a.status = kd_route_body(q, kd_bytes_of(r->body, r->n_body), room);
    if (a.status == KD_OK)
        a.status = add_cookie(r, q);
    const char *csrf = lookup(r, "X-CSRF-Token");
    if (a.status == KD_OK && csrf != NULL)
        a.status = kd_question_add(q, "csrf", kd_str(csrf));
    if (a.status == KD_OK)
        a.status = add_client(r, q, room);
    return a.status;
}

static enum kd_status send_question(struct kd_request *r, struct kd_bytes name, struct kd_bytes argument)
{
    static uint8_t texts[KD_BODY_MAX + 1024];
    static uint8_t message[KD_ASK_MAX];
    struct kd_web *w = r->web;
    struct kd_question q = {.kind = r->route->kind};
    struct kd_out room = kd_out_of(texts, sizeof(texts));
    struct kd_out o = kd_out_of(message, sizeof(message));
    if (++w->last_id == 0)
        w->last_id = 1;
    q.id = w->last_id;
    enum kd_status s = fill(r, &q, name, argument, &room);
    if (s == KD_OK)
        s = kd_question_put(&o, &q);
    if (s != KD_OK)
        return KD_MALFORMED;
    s = w->cfg.send(w->cfg.arg, kd_out_bytes_view(&o));
    if (s == KD_OK)
        r->id = q.id;
    return s;
}

/* The whole request is here: ask, and wait suspended. */
enum MHD_Result kd_request_ask(struct kd_request *r)
{
    struct kd_web *w = r->web;
    struct kd_bytes name = {NULL, 0};
    struct kd_bytes argument = {NULL, 0};
    if (r->argument != NULL) {
        argument = kd_str(r->argument);
        name = kd_str(r->argument_name);
    }
    enum kd_status s = send_question(r, name, argument);
    if (s == KD_MALFORMED)
        return kd_request_error(r, 400, "bad_request");
    if (s != KD_OK)
        return kd_request_error(r, 503, "store_busy");
    r->deadline_us = kd_now_us(&w->cfg.clock) + KD_WAIT_S * (uint64_t)KD_US_PER_S;
    r->next = w->waiting;
    w->waiting = r;
    r->suspended = true;
    MHD_suspend_connection(r->connection);
    return MHD_YES;
}

/* ---- the answer ---- */

enum MHD_Result kd_request_error(struct kd_request *r, unsigned status, const char *code)
{
    char room[1024];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_route_error(&o, code);
    struct MHD_Response *response = MHD_create_response_from_buffer(o.n, room, MHD_RESPMEM_MUST_COPY);
    if (status == 405 && response != NULL)
        (void)MHD_add_response_header(response, "Allow", r->allow);
    return kd_queue(r->connection, status, response, "application/json; charset=utf-8", "no-store");
}

static void set_cookie(struct MHD_Response *response, const char *token, bool keep)
{
    char room[KD_ASK_TOKEN_MAX + 128];
    struct kd_out o = kd_out_of(room, sizeof(room) - 1);
    kd_out_str(&o, COOKIE "=");
    kd_out_str(&o, keep ? token : "");
    kd_out_str(&o, "; Path=/; Secure; HttpOnly; SameSite=Strict");
    if (!keep)
        kd_out_str(&o, "; Max-Age=0");
    room[o.n] = '\0';
    (void)MHD_add_response_header(response, "Set-Cookie", room);
}

enum MHD_Result kd_request_reply(struct kd_request *r)
{
    if (r->status == 0)
        return kd_request_error(r, 503, "store_busy");
    if (r->route->how == KD_ROUTE_EVENTS && r->status == 200)
        return kd_events_begin(r);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(r->n_answer, r->answer, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        return MHD_NO;
    r->answer = NULL;
    if (r->route->how == KD_ROUTE_LOGIN && r->token[0] != '\0')
        set_cookie(response, r->token, true);
    if (r->route->how == KD_ROUTE_LOGOUT && r->status < 300)
        set_cookie(response, "", false);
    if (r->retry_s > 0) {
        char room[24];
        struct kd_out o = kd_out_of(room, sizeof(room) - 1);
        kd_out_u64(&o, r->retry_s);
        room[o.n] = '\0';
        (void)MHD_add_response_header(response, "Retry-After", room);
    }
    return kd_queue(r->connection, r->status, response,
                    r->n_answer > 0 ? "application/json; charset=utf-8" : NULL, "no-store");
}

static void stop_waiting(struct kd_request *r)
{
    struct kd_request **at = &r->web->waiting;
    while (*at != NULL && *at != r)
        at = &(*at)->next;
    if (*at == r)
        *at = r->next;
    r->id = 0;
}

static void wake(struct kd_request *r)
{
    stop_waiting(r);
    r->answered = true;
    if (r->suspended) {
        r->suspended = false;
        MHD_resume_connection(r->connection);
    }
}

static bool add_json(struct kd_request *r, struct kd_bytes json)
{
    if (json.n > KD_ASK_ANSWER_MAX - r->n_answer)
        return false;
    if (json.n == 0)
        return true;
    char *more = realloc(r->answer, r->n_answer + json.n);
    if (more == NULL)
        return false;
    memcpy(more + r->n_answer, json.p, json.n);
    r->answer = more;
    r->n_answer += json.n;
    return true;
}

void kd_request_answer(struct kd_web *w, const struct kd_answer *a)
{
    struct kd_request *r = w->waiting;
    while (r != NULL && r->id != a->id)
        r = r->next;
    if (r == NULL)
        return; /* given up meanwhile */
    if (r->status == 0) {
        r->status = a->status;
        r->retry_s = a->retry_s;
        memcpy(r->token, a->token.p == NULL ? (const uint8_t *)"" : a->token.p, a->token.n);
        r->token[a->token.n] = '\0';
    }
    if (!add_json(r, a->json)) {
        r->status = 0;
        wake(r);
        return;
    }
    if (!a->more)
        wake(r);
}

void kd_request_expire(struct kd_web *w, uint64_t now_us)
{
    for (struct kd_request *r = w->waiting; r != NULL;) {
        struct kd_request *next = r->next;
        if (r->deadline_us < now_us) {
            r->status = 0;
            wake(r);
        }
        r = next;
    }
}

void kd_request_forget(struct kd_request *r)
{
    if (r->id != 0) {
        uint8_t message[64];
        struct kd_out o = kd_out_of(message, sizeof(message));
        struct kd_question cancel = {.id = r->id, .kind = KD_ASK_CANCEL};
        if (kd_question_put(&o, &cancel) == KD_OK)
            kd_ignore(r->web->cfg.send(r->web->cfg.arg, kd_out_bytes_view(&o)));
    }
    stop_waiting(r);
    free(r->argument);
    free(r->body);
    free(r->answer);
    free(r);
}
