/* SPDX-License-Identifier: Apache-2.0 */
/* Live events to the browsers (server-sent events, WHATWG HTML section 9.2).  A reader too slow for its
 * room is let go; the browser comes again by itself. */
#include "api/internal.h"

static void wake(struct kd_listener *l)
{
    if (l->suspended) {
        l->suspended = false;
        MHD_resume_connection(l->connection);
    }
}

static void append(struct kd_listener *l, struct kd_bytes text)
{
    if (l->over)
        return;
    if (l->room == NULL)
        l->room = malloc(KD_STREAM_ROOM);
    if (l->room == NULL || text.n > KD_STREAM_ROOM - l->n) {
        l->over = true;
        wake(l);
        return;
    }
    if (text.n > KD_STREAM_ROOM - l->start - l->n) {
        memmove(l->room, l->room + l->start, l->n);
        l->start = 0;
    }
    memcpy(l->room + l->start + l->n, text.p, text.n);
    l->n += text.n;
}

static ssize_t on_read(void *arg, uint64_t pos, char *buf, size_t max)
{
    (void)pos;
    struct kd_listener *l = arg;
    if (l->n > 0) {
        size_t n = kd_min_size(max, l->n);
        memcpy(buf, l->room + l->start, n);
        l->start += n;
        l->n -= n;
        if (l->n == 0)
            l->start = 0;
        return (ssize_t)n;
    }
    if (l->over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    l->suspended = true;
    MHD_suspend_connection(l->connection);
    return 0;
}

static void on_free(void *arg)
{
    struct kd_listener *l = arg;
    struct kd_listener **at = &l->web->listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->web->n_listeners--;
    free(l->room);
    free(l);
}

static void say_hello(struct kd_listener *l)
{
    char room[128];
    const struct kd_web_config *cfg = &l->web->cfg;
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_str(&o, "retry: 2000\nevent: hello\ndata: {\"now\":\"");
    kd_out_time(&o, kd_now_us(&cfg->clock), cfg->zone_s);
    kd_out_str(&o, "\"}\n\n");
    append(l, kd_out_bytes_view(&o));
}

enum MHD_Result kd_events_begin(struct kd_request *r)
{
    struct kd_web *w = r->web;
    struct kd_listener *l = w->n_listeners < KD_LISTENERS_MAX ? calloc(1, sizeof(*l)) : NULL;
    if (l == NULL)
        return kd_request_error(r, 503, "too_many_listeners");
    l->web = w;
    l->connection = r->connection;
    l->until_us = kd_now_us(&w->cfg.clock) + KD_STREAM_S * (uint64_t)KD_US_PER_S;
    l->next = w->listeners;
    w->listeners = l;
    w->n_listeners++;
    say_hello(l);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * 1024, on_read, l, on_free);
    if (response == NULL) {
        on_free(l);
        return MHD_NO;
    }
    return kd_queue(r->connection, 200, response, "text/event-stream; charset=utf-8", "no-store");
}

static void send_all(struct kd_web *w, struct kd_bytes a, struct kd_bytes b, struct kd_bytes c)
{
    for (struct kd_listener *l = w->listeners; l != NULL; l = l->next) {
        append(l, a);
        append(l, b);
        append(l, c);
        wake(l);
    }
}

void kd_events_send(struct kd_web *w, const struct kd_event *e)
{
    char room[64];
    struct kd_out head = kd_out_of(room, sizeof(room));
    kd_out_str(&head, "event: ");
    kd_out_str(&head, kd_event_names[e->kind]);
    kd_out_str(&head, "\ndata: ");
    if (kd_bytes_find_byte(e->json, '\n') != SIZE_MAX)
        return; /* would break the framing; a store that sends it is broken */
    send_all(w, kd_out_bytes_view(&head), e->json, kd_str("\n\n"));
}

void kd_events_tick(struct kd_web *w, uint64_t now_us)
{
    if (now_us < w->next_keep_alive_us)
        return;
    w->next_keep_alive_us = now_us + KD_KEEP_ALIVE_S * (uint64_t)KD_US_PER_S;
    send_all(w, kd_str(": here\n\n"), kd_str(""), kd_str(""));
    for (struct kd_listener *l = w->listeners; l != NULL; l = l->next)
        if (l->until_us < now_us) {
            l->over = true;
            wake(l);
        }
}

void kd_events_end_all(struct kd_web *w)
{
    for (struct kd_listener *l = w->listeners; l != NULL; l = l->next) {
        l->over = true;
        wake(l);
    }
}
