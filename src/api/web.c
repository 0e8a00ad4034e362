/* SPDX-License-Identifier: Apache-2.0 */
#include "api/web.h"

#include <jansson.h>

#include "api/internal.h"

enum { CONNECTIONS = 1024, CONNECTIONS_PER_ADDRESS = 64, IDLE_S = 30 };

static const char api_prefix[] = "/api/v1";

static bool is_api(const char *url)
{
    return strncmp(url, api_prefix, sizeof(api_prefix) - 1) == 0 && url[sizeof(api_prefix) - 1] == '/';
}

/* Decide by the head alone: refuse, or know the route. */
static void read_head(struct kd_request *r, const char *url, const char *method)
{
    r->refused = kd_request_check_head(r);
    if (r->refused != 0 || !is_api(url))
        return;
    struct kd_bytes name;
    struct kd_bytes argument;
    r->route = kd_route_find(kd_str(method), kd_str(url + sizeof(api_prefix) - 1), &name, &argument,
                             &r->refused, r->allow);
    if (r->route == NULL)
        return;
    if (strcmp(method, "GET") != 0 && !kd_request_is_own_origin(r))
        r->refused = 403;
    if (argument.n > 0) {
        r->argument = malloc(argument.n + 1);
        if (r->argument == NULL) {
            r->refused = 503;
            return;
        }
        memcpy(r->argument, argument.p, argument.n);
        r->argument[argument.n] = '\0';
        struct kd_out o = kd_out_of(r->argument_name, sizeof(r->argument_name) - 1);
        kd_out_bytes(&o, name);
        r->argument_name[o.n] = '\0';
    }
}

static const char *code_of(unsigned status)
{
    switch (status) {
    case 403:
        return "wrong_origin";
    case 404:
        return "not_found";
    case 405:
        return "method_not_allowed";
    case 413:
        return "too_large";
    case 503:
        return "store_busy";
    default:
        return "bad_request";
    }
}

static void take_body(struct kd_request *r, const char *data, size_t n)
{
    if (r->refused != 0)
        return;
    if (n > KD_BODY_MAX - r->n_body) {
        r->refused = 413;
        return;
    }
    uint8_t *more = realloc(r->body, r->n_body + n);
    if (more == NULL) {
        r->refused = 503;
        return;
    }
    memcpy(more + r->n_body, data, n);
    r->body = more;
    r->n_body += n;
}

static enum MHD_Result serve(struct kd_request *r, const char *url, const char *method)
{
    if (r->answered)
        return kd_request_reply(r);
    if (r->refused != 0) /* the body grew too long */
        return kd_request_error(r, r->refused, code_of(r->refused));
    if (r->route == NULL) {
        bool head = strcmp(method, "HEAD") == 0;
        if (!head && strcmp(method, "GET") != 0)
            return kd_request_error(r, 405, "method_not_allowed");
        return kd_files_reply(r, url, head);
    }
    if (r->route->how == KD_ROUTE_CONTRACT)
        return kd_files_contract(r);
    return kd_request_ask(r);
}

/* libmicrohttpd calls this with the head, then for each piece of the body, then once more, and again when
 * a suspended request is resumed. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n_data, void **state)
{
    (void)version;
    struct kd_request *r = *state;
    if (r == NULL) {
        r = calloc(1, sizeof(*r));
        if (r == NULL)
            return MHD_NO;
        r->web = arg;
        r->connection = connection;
        memcpy(r->allow, "GET, HEAD", sizeof("GET, HEAD"));
        *state = r;
        read_head(r, url, method);
        /* Answered before its body is read, a refused upload costs nothing. */
        return r->refused != 0 ? kd_request_error(r, r->refused, code_of(r->refused)) : MHD_YES;
    }
    if (*n_data > 0) {
        take_body(r, data, *n_data);
        *n_data = 0;
        return MHD_YES;
    }
    return serve(r, url, method);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)connection;
    (void)why;
    if (*state != NULL)
        kd_request_forget(*state);
    *state = NULL;
}

enum kd_status kd_web_new(const struct kd_web_config *cfg, struct kd_web **ret, struct kd_err *err)
{
    struct kd_web *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "out of memory");
    w->cfg = *cfg;
    json_object_seed(0); /* reads /dev/urandom, which the sandbox will not let it do later */
    w->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, w,
        MHD_OPTION_LISTEN_SOCKET, cfg->listen_fd, MHD_OPTION_HTTPS_MEM_KEY, cfg->key_pem,
        MHD_OPTION_HTTPS_MEM_CERT, cfg->cert_pem, MHD_OPTION_HTTPS_PRIORITIES,
        "SECURE128:+SECURE192:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_PER_ADDRESS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32 * 1024, MHD_OPTION_END);
    if (w->daemon == NULL) {
        free(w);
        return kd_fail(err, KD_SYSTEM, 0, "the web server does not start; are certificate and key a pair in PEM form?");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    w->poll_fd = info != NULL ? info->epoll_fd : -1;
    *ret = w;
    return KD_OK;
}

void kd_web_free(struct kd_web *w)
{
    if (w == NULL)
        return;
    kd_events_end_all(w);
    kd_request_expire(w, UINT64_MAX);
    (void)MHD_run(w->daemon);
    MHD_stop_daemon(w->daemon);
    free(w);
}

int kd_web_poll_fd(const struct kd_web *w)
{
    return w->poll_fd;
}

unsigned kd_web_timeout_ms(const struct kd_web *w)
{
    MHD_UNSIGNED_LONG_LONG ms = 1000;
    if (MHD_get_timeout(w->daemon, &ms) != MHD_YES || ms > 1000)
        return 1000;
    return (unsigned)ms;
}

void kd_web_run(struct kd_web *w)
{
    uint64_t now_us = kd_now_us(&w->cfg.clock);
    kd_request_expire(w, now_us);
    kd_events_tick(w, now_us);
    (void)MHD_run(w->daemon);
}

void kd_web_message(struct kd_web *w, struct kd_bytes message)
{
    struct kd_ask_message m;
    if (kd_ask_read(message, &m) != KD_OK)
        return;
    if (m.tag == KD_ASK_ANSWER)
        kd_request_answer(w, &m.answer);
    else if (m.tag == KD_ASK_EVENT)
        kd_events_send(w, &m.event);
}
