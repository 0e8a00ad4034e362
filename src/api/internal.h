/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of api/ share.  Nobody else includes this. */
#ifndef KD_API_INTERNAL_H
#define KD_API_INTERNAL_H

#include <microhttpd.h>

#include "api/web.h"
#include "base/addr.h"
#include "wire/ask.h"

enum {
    KD_BODY_MAX = 64 * 1024,    /* longest request body */
    KD_WAIT_S = 10,             /* for the store; its own deadline is shorter */
    KD_LISTENERS_MAX = 256,     /* event streams at once */
    KD_STREAM_ROOM = 256 * 1024,/* events waiting for one slow reader */
    KD_STREAM_S = 600,          /* then the browser comes again and its session is checked anew */
    KD_KEEP_ALIVE_S = 15
};

/* ---- routes (route.c): pure ---- */

struct kd_route {
    const char *method;
    const char *path;   /* behind /api/v1; one {name} at its end becomes a pair */
    enum kd_ask_kind kind;
    enum { KD_ROUTE_ASK, KD_ROUTE_LOGIN, KD_ROUTE_LOGOUT, KD_ROUTE_EVENTS, KD_ROUTE_CONTRACT } how;
};

extern const struct kd_route kd_routes[];

/* The route of a request; *ret_argument is what stands for {name}, *ret_name its name.  NULL: *ret_status
 * says why (404, or 405 with *ret_allow the methods that would do). */
const struct kd_route *kd_route_find(struct kd_bytes method, struct kd_bytes path,
                                     struct kd_bytes *ret_name, struct kd_bytes *ret_argument,
                                     unsigned *ret_status, char ret_allow[64]);

/* The members of a flat JSON object as pairs, texts copied into `room` (an arena of their own would outlive
 * its use).  Numbers and booleans become text.  KD_MALFORMED: no flat object. */
KD_MUST_USE enum kd_status kd_route_body(struct kd_question *q, struct kd_bytes json, struct kd_out *room);

/* An error as the contract words it. */
void kd_route_error(struct kd_out *o, const char *code);

/* ---- requests (web.c, request.c) ---- */

struct kd_request {
    struct kd_web *web;
    struct MHD_Connection *connection;
    struct kd_request *next;     /* in the list of those that wait */
    const struct kd_route *route;
    char *argument;              /* what stands for {name} in the path, or NULL */
    char argument_name[KD_ASK_NAME_MAX + 1];
    char allow[64];              /* for 405 */
    uint32_t id;                 /* of its question; 0 none */
    bool suspended;
    bool answered;
    unsigned refused;            /* status decided before the body came, 0 none */
    uint64_t deadline_us;
    /* body in, answer out */
    uint8_t *body;
    size_t n_body;
    char *answer;
    size_t n_answer;
    unsigned status;
    uint32_t retry_s;
    char token[KD_ASK_TOKEN_MAX + 1];
};

/* An event stream. */
struct kd_listener {
    struct kd_web *web;
    struct MHD_Connection *connection;
    struct kd_listener *next;
    uint8_t *room;               /* KD_STREAM_ROOM, made with the first event */
    size_t start, n;             /* what waits: room[start .. start+n) */
    uint64_t until_us;
    bool suspended;
    bool over;                   /* too slow, or old enough */
};

struct kd_web {
    struct kd_web_config cfg;
    struct MHD_Daemon *daemon;
    int poll_fd;
    uint32_t last_id;
    struct kd_request *waiting;
    struct kd_listener *listeners;
    unsigned n_listeners;
    uint64_t next_keep_alive_us;
};

/* request.c */
enum MHD_Result kd_request_ask(struct kd_request *r);
enum MHD_Result kd_request_reply(struct kd_request *r);
enum MHD_Result kd_request_error(struct kd_request *r, unsigned status, const char *code);
void kd_request_answer(struct kd_web *w, const struct kd_answer *a);
void kd_request_expire(struct kd_web *w, uint64_t now_us);
void kd_request_forget(struct kd_request *r);
unsigned kd_request_check_head(struct kd_request *r);
bool kd_request_is_own_origin(const struct kd_request *r);

/* files.c */
enum MHD_Result kd_files_reply(struct kd_request *r, const char *path, bool head_only);
enum MHD_Result kd_files_contract(struct kd_request *r);
enum MHD_Result kd_queue(struct MHD_Connection *c, unsigned status, struct MHD_Response *response,
                         const char *type, const char *cache);

/* events.c */
enum MHD_Result kd_events_begin(struct kd_request *r);
void kd_events_send(struct kd_web *w, const struct kd_event *e);
void kd_events_tick(struct kd_web *w, uint64_t now_us);
void kd_events_end_all(struct kd_web *w);

#endif
