/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "api/web.h"
#include "bin/role.h"
#include "bin/say.h"
#include "os/clock.h"
#include "os/edge.h"
#include "wire/ask.h"

enum { PEM_BYTES_MAX = 256 * 1024, WAIT_MS = 1000 };

static enum kd_status to_store(void *arg, struct kd_bytes message)
{
    (void)arg;
    return kd_edge_offer(KD_FD_ASK, message, NULL, 0);
}

static void hear_store(struct kd_web *w)
{
    static uint8_t message[KD_ASK_MAX];
    size_t n = 0;
    while (kd_edge_take(KD_FD_ASK, false, message, sizeof(message), &n) == KD_OK)
        kd_web_message(w, kd_bytes_of(message, n));
}

/* A terminated copy, as the TLS library wants it. */
static const char *pem(const struct kd_start *s, enum kd_extra kind)
{
    struct kd_bytes b = kd_role_read_extra(s, kind, PEM_BYTES_MAX);
    char *text = realloc((void *)(uintptr_t)b.p, b.n + 1);
    struct kd_err err = {0};
    if (text == NULL) {
        (void)kd_fail(&err, KD_NO_MEMORY, 0, "no memory for the certificate");
        kd_role_fail(&err);
    }
    text[b.n] = '\0';
    return text;
}

int kd_role_web(const struct kd_start *s)
{
    static struct kd_clock clock;
    clock = kd_os_clock();
    struct kd_web_config cfg = {
        .listen_fd = kd_start_fd(s, KD_EXTRA_LISTENER),
        .cert_pem = pem(s, KD_EXTRA_CERTIFICATE),
        .key_pem = pem(s, KD_EXTRA_KEY),
        .clock = clock,
        .zone_s = s->zone_s,
        .send = to_store,
    };
    struct kd_web *w = NULL;
    struct kd_err err = {0};
    /* Before the sandbox: the TLS library loads what it needs.  Nothing is accepted yet. */
    if (kd_web_new(&cfg, &w, &err) != KD_OK)
        kd_role_fail(&err);
    struct kd_sandbox sb;
    kd_role_enter(s, &sb);
    kd_role_ready();
    while (!kd_role_stopping()) {
        struct pollfd fds[] = {{.fd = kd_web_poll_fd(w), .events = POLLIN},
                               {.fd = KD_FD_ASK, .events = POLLIN},
                               {.fd = KD_FD_CONTROL, .events = POLLIN}};
        unsigned wait_ms = kd_web_timeout_ms(w);
        kd_role_wait(fds, KD_COUNT(fds), (int)(wait_ms < WAIT_MS ? wait_ms : WAIT_MS));
        if (fds[1].revents != 0)
            hear_store(w);
        kd_web_run(w);
    }
    kd_web_free(w);
    return KD_EXIT_DONE;
}
