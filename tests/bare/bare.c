/* SPDX-License-Identifier: Apache-2.0 */
/* bare CAPTURE…: engine and brain in one process without a sandbox, so that the leak checker, which needs what
 * no sandbox grants, can look at a whole replay.  Prints nothing but TAP. */
#include <fcntl.h>
#include <unistd.h>

#include "base/charset.h"
#include "base/clock.h"
#include "brain/brain.h"
#include "engine/engine.h"
#include "packet/capfile.h"

#include "../tap.h"

static size_t n_batches, n_bad;

static enum kd_status from_brain(void *arg, struct kd_bytes batch)
{
    (void)arg;
    struct kd_cur c = kd_cur_of(batch);
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    enum kd_status s;
    while ((s = kd_record_next(&c, &head, &body, &whole)) == KD_OK)
        n_batches++;
    n_bad += s != KD_NOT_FOUND;
    return KD_OK;
}

static enum kd_status to_brain(void *arg, struct kd_bytes batch)
{
    return kd_brain_batch(arg, batch);
}

static ptrdiff_t read_fd(void *arg, void *buf, size_t n)
{
    return read(*(const int *)arg, buf, n);
}

static enum kd_status play(struct kd_engine *e, const char *path)
{
    struct kd_err err = {0};
    struct kd_capfile *f = NULL;
    struct kd_captured c;
    int fd = open(path, O_RDONLY);
    struct kd_capsource source = {.read = read_fd, .arg = &fd};
    enum kd_status s = fd < 0 ? KD_NOT_FOUND : kd_capfile_open(&source, &f, &err);
    while (s == KD_OK && (s = kd_capfile_next(f, &c, &err)) == KD_OK)
        kd_engine_frame(e, &c);
    kd_capfile_close(f);
    if (fd >= 0)
        (void)close(fd);
    return s;
}

static const char *path;

static void a_replay_leaves_nothing_behind(void)
{
    struct kd_err err = {0};
    struct kd_brain *b = NULL;
    struct kd_brain_config brain = {
        .lim = &kd_limits_default, .max_memory = 256 << 20, .zone_s = KD_ZONE_JAPAN_S, .known_bad = kd_str("")};
    CHECK(kd_brain_new(&brain, (struct kd_brain_out){from_brain, NULL}, &b, &err) == KD_OK);
    struct kd_engine_config cfg = {.lim = &kd_limits_default, .hash_seed = 1, .n_engines = 1, .source = path};
    struct kd_engine *e = kd_engine_new(&cfg, (struct kd_engine_out){to_brain, b});
    KD_ASSERT(e != NULL && b != NULL);
    CHECK(play(e, path) == KD_NOT_FOUND);
    kd_engine_finish(e, 0);
    kd_brain_finish(b);
    kd_engine_free(e);
    kd_brain_free(b);
    CHECK(n_batches > 0 && n_bad == 0);
}

int main(int argc, char **argv)
{
    kd_charset_init();
    for (int i = 1; i < argc; i++) {
        path = argv[i];
        RUN(a_replay_leaves_nothing_behind);
    }
    return tap_done();
}
