/* SPDX-License-Identifier: Apache-2.0 */
/* How a logon ended, from sizes.  Until it is over, server and client take turns (RFC 4252 5): each
 * request has its answer, and answers to refused requests are alike.  See ssh.md. */
#include "proto/ssh/ssh.h"

enum { GOES_ON = 3 }; /* answers in a row that are no refusal: no method needs so many */

/* A run of the server is complete. */
static void on_answer(struct ssh_watch *w)
{
    w->answers++;
    if (w->answers == 1) /* the service is there */
        return;
    if (w->success != 0 && w->run == w->success) {
        w->passed = true;
        return;
    }
    if (w->refusal == 0 && w->run > w->success && w->run <= w->longest) {
        w->refusal = (uint32_t)w->run;
        w->others = 0;
        w->refused +=
            w->answers > 2; /* the first is asked without a proof, to learn what is possible */
        return;
    }
    if (w->run == w->refusal) {
        w->refused++;
        w->others = 0;
        return;
    }
    w->others++;
    w->passed = w->others >= GOES_ON;
}

void ssh_watch_data(struct ssh_watch *w, enum kd_dir dir, size_t n)
{
    if (w->passed || w->blind || n == 0)
        return;
    if (!w->begun) { /* what the server says first answers nothing */
        if (dir == KD_TO_CLIENT)
            return;
        w->begun = true;
        w->dir = KD_TO_SERVER;
    }
    if (dir != w->dir) {
        if (w->dir == KD_TO_CLIENT)
            on_answer(w);
        w->run = 0;
        w->dir = (uint8_t)dir;
    }
    w->run += n;
}

void ssh_watch_end(struct ssh_watch *w)
{
    if (w->begun && w->dir == KD_TO_CLIENT && !w->passed && !w->blind)
        on_answer(w);
    w->run = 0;
    w->begun = false;
}

enum ssh_verdict ssh_watch_verdict(const struct ssh_watch *w)
{
    if (w->passed)
        return SSH_PASSED;
    return w->blind || w->refused == 0 ? SSH_UNKNOWN : SSH_FAILED;
}
