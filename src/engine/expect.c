/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations that others announced (the data connections of FTP).  Few wait at a time and each not
 * for long, so a small ring that is searched from end to end does.
 *
 * Each engine has its own: where frames are spread over several engines, a conversation that falls to
 * another engine than its announcement is read like any other, by its content. */
#include "engine/internal.h"

enum { WAIT_US = 60 * 1000000 };

static void forget(struct kd_engine *e, struct kd_expected *w)
{
    if (w->until_us != 0)
        e->n_expected--;
    w->until_us = 0;
    e->expected_ports[w - e->expected] = 0;
}

/* A new announcement of the same endpoint takes the place of the old one. */
static struct kd_expected *place_for(struct kd_engine *e, const struct kd_expect *x)
{
    for (unsigned i = 0; e->n_expected > 0 && i < KD_EXPECTED_MAX; i++) {
        struct kd_expected *w = &e->expected[i];
        if (w->until_us != 0 && w->port == x->port && kd_addr_eq(&w->server, &x->server) &&
            kd_addr_eq(&w->client, &x->client))
            return w;
    }
    struct kd_expected *w = &e->expected[e->next_expected];
    e->next_expected = (e->next_expected + 1) % KD_EXPECTED_MAX;
    return w;
}

static int place_of(const struct kd_parser *p)
{
    for (int i = 0; kd_parsers[i] != NULL; i++)
        if (kd_parsers[i] == p)
            return i;
    return -1;
}

void kd_engine_expect(struct kd_sink *sink, const struct kd_expect *x)
{
    struct kd_engine *e = (struct kd_engine *)((uint8_t *)sink - offsetof(struct kd_engine, sink));
    int parser = place_of(x->parser);
    if (parser < 0 || x->context.n > KD_EXPECT_CONTEXT)
        return;
    struct kd_expected *w = place_for(e, x);
    forget(e, w);
    w->client = x->client;
    w->server = x->server;
    w->port = x->port;
    w->parser = (uint8_t)parser;
    w->n_context = (uint16_t)x->context.n;
    if (x->context.n > 0)
        memcpy(w->context, x->context.p, x->context.n);
    w->until_us = e->now_us + WAIT_US;
    e->expected_ports[w - e->expected] = w->port;
    e->n_expected++;
}

/* Is `conn`, taken with its sides swapped or not, the one?  (Swapped: its first packets were lost.) */
static bool is_meant(const struct kd_expected *w, const struct kd_conn *conn)
{
    return (w->port == conn->server_port && kd_addr_eq(&w->server, &conn->server) &&
            kd_addr_eq(&w->client, &conn->client)) ||
           (w->port == conn->client_port && kd_addr_eq(&w->server, &conn->client) &&
            kd_addr_eq(&w->client, &conn->server));
}

static bool is_port_expected(const struct kd_engine *e, const struct kd_conn *conn)
{
    uint16_t hit = 0;
    for (unsigned i = 0; i < KD_EXPECTED_MAX; i++) /* without a branch, so that many are compared together */
        hit |= (uint16_t)((e->expected_ports[i] == conn->server_port) | (e->expected_ports[i] == conn->client_port));
    return hit != 0;
}

struct kd_expected *kd_engine_expected(struct kd_engine *e, const struct kd_conn *conn)
{
    if (!is_port_expected(e, conn))
        return NULL;
    for (unsigned i = 0; i < KD_EXPECTED_MAX; i++) {
        struct kd_expected *w = &e->expected[i];
        if (w->until_us != 0 && w->until_us < e->now_us)
            forget(e, w);
        if (w->until_us != 0 && is_meant(w, conn))
            return w;
    }
    return NULL;
}

void kd_engine_expected_done(struct kd_engine *e, struct kd_expected *x)
{
    forget(e, x);
}
