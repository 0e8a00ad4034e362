/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files are opened here and handed to engines one at a time, as descriptors. */
#include <errno.h>
#include <fcntl.h>

#include "bin/say.h"
#include "bin/sensor.h"
#include "os/edge.h"
#include "os/fd.h"

/* Engine 0 speaks for all: they read the same. */
static void account(struct kd_sensor *s, const struct kd_child *c, uint32_t file, uint64_t frames,
                    struct kd_bytes why)
{
    char text[400];
    struct kd_out o = kd_out_of(text, sizeof(text) - 1);
    if (c->start.number != 0 || file == 0)
        return;
    s->frames += frames;
    if (why.n == 0)
        return;
    s->file_problems++;
    kd_out_escaped(&o, why);
    text[o.n] = '\0';
    const char *path = s->plan.files[(file - 1) % s->plan.n_files];
    if (frames > 0)
        (void)kd_say(0, s->plan.command, "%s: %s; the %llu packets before it were read", path, text,
                     (unsigned long long)frames);
    else
        (void)kd_say(0, s->plan.command,
                     "%s: %s; nothing could be read (is it a pcap or pcapng file?)", path, text);
}

static void send_file(struct kd_sensor *s, struct kd_child *c, uint32_t file)
{
    uint8_t message[400];
    struct kd_out o = kd_out_of(message, sizeof(message));
    const char *path = s->plan.files[(file - 1) % s->plan.n_files];
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) { /* it could be opened at the start */
        (void)kd_say(0, s->plan.command, "%s: cannot be opened any more (%s)", path,
                     strerror(errno));
        s->could_not = true;
    }
    kd_out_u8(&o, fd < 0 ? KD_ORDER_NO_MORE : KD_ORDER_FILE);
    kd_out_le32(&o, file);
    const char *name = strrchr(path, '/');
    kd_out_bytes(&o, kd_bytes_head(kd_str(name != NULL ? name + 1 : path), 250));
    kd_ignore(kd_edge_offer(c->control, kd_out_bytes_view(&o), &fd,
                            fd >= 0)); /* a dead engine asks again */
}

void kd_files_next(struct kd_sensor *s, struct kd_child *c, struct kd_cur *order)
{
    uint32_t file = kd_cur_le32(order);
    uint64_t frames = kd_cur_le64(order);
    struct kd_bytes why = kd_cur_rest(order);
    if (s->plan.n_files == 0)
        return;
    account(s, c, file, frames, why);
    /* An engine that was restarted says 0 and goes on with the file its predecessor had reached. */
    uint32_t next = file != 0 ? file + 1 : c->next_file > 0 ? c->next_file : 1;
    if (s->stop_wanted || (next > s->plan.n_files && !s->plan.loop)) {
        uint8_t no_more = KD_ORDER_NO_MORE;
        kd_ignore(kd_edge_offer(c->control, kd_bytes_of(&no_more, 1), NULL, 0));
        return;
    }
    c->next_file = next;
    send_file(s, c, next);
}
