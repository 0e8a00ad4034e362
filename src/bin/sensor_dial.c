/* SPDX-License-Identifier: Apache-2.0 */
/* Connections for gate: a process of their own makes each, to what the configuration declares and
 * to nothing else.  Gate can only ask for it. */
#include <signal.h>

#include "bin/sensor.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"

static struct kd_child *find(struct kd_sensor *s, enum kd_proc role)
{
    for (size_t i = 0; i < s->n_children; i++)
        if (s->child[i].role == role)
            return &s->child[i];
    return NULL;
}

static void to_gate(struct kd_sensor *s, enum kd_dialled what, struct kd_bytes why, int fd)
{
    uint8_t room[200];
    struct kd_child *gate = find(s, KD_PROC_GATE);
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_u8(&o, KD_ORDER_LINE);
    kd_out_u8(&o, (uint8_t)what);
    kd_out_bytes(&o, kd_bytes_head(why, 150));
    if (gate != NULL && gate->pid > 0)
        kd_ignore(kd_edge_offer(gate->control, kd_out_bytes_view(&o), &fd,
                                fd >= 0)); /* a dead gate asks again */
}

void kd_dial_asked(struct kd_sensor *s)
{
    struct kd_child *dial = find(s, KD_PROC_DIAL);
    if (dial == NULL || s->stop_wanted)
        return;
    if (dial->pid >
        0) { /* just ending, or of a gate that died meanwhile: its socket is not this one's */
        dial->redial = true;
        (void)kill(dial->pid, SIGKILL);
        return;
    }
    dial->dialled = false;
    if (!kd_child_start(s, dial))
        to_gate(s, KD_DIALLED_NO_ANSWER, kd_str("no process for a connection"), -1);
}

void kd_dial_hear(struct kd_sensor *s, struct kd_child *c)
{
    uint8_t message[200];
    int fds[KD_EDGE_FDS_MAX];
    size_t n = 0, n_fds = 0;
    while (kd_edge_take_fds(c->control, message, sizeof(message), &n, fds, &n_fds) == KD_OK) {
        bool answer = message[0] == KD_ORDER_DIALLED && n >= 2 &&
                      message[1] <= KD_DIALLED_NO_ANSWER && !c->dialled;
        if (answer) {
            c->dialled = true;
            to_gate(s, (enum kd_dialled)message[1], kd_bytes_of(message + 2, n - 2),
                    n_fds == 1 ? fds[0] : -1);
        } else if (message[0] == KD_ORDER_FAILED && !c->dialled) { /* its sandbox */
            c->dialled = true;
            to_gate(s, KD_DIALLED_NO_ANSWER, kd_bytes_of(message + 1, n - 1), -1);
        }
        for (size_t i = 0; i < n_fds; i++)
            kd_fd_close(&fds[i]);
    }
}

void kd_dial_ended(struct kd_sensor *s, struct kd_child *c)
{
    bool again = c->redial;
    c->state = KD_CHILD_OFF;
    c->redial = false;
    if (again)
        kd_dial_asked(s);
    else if (!c->dialled)
        to_gate(s, KD_DIALLED_NO_ANSWER, kd_str("the connection could not be made in time"), -1);
}
