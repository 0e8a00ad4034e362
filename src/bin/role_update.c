/* SPDX-License-Identifier: Apache-2.0 */
/* What the parent does when a source's time has come, in a process of its own so that nobody waits for a slow mirror or a
 * long compilation.  It reads no foreign byte: fetch, dial and who looks at what came are jailed. */
#include "bin/command.h"
#include "bin/role.h"
#include "bin/say.h"
#include "bin/update.h"
#include "os/edge.h"

static void news(void *arg, bool rules)
{
    uint8_t text = rules;
    (void)arg;
    kd_role_tell(KD_ORDER_UPDATED, kd_bytes_of(&text, 1));
}

int kd_role_update(const struct kd_start *s)
{
    static struct kd_config config;
    static char path[KD_CONFIG_TEXT_MAX], dir[KD_CONFIG_TEXT_MAX];
    struct kd_update_sum sum;
    struct kd_bytes rest = s->tunables;
    struct kd_bytes named = kd_bytes_cut(&rest, '\n');
    if (named.n >= sizeof(path) || rest.n >= sizeof(dir) || rest.n == 0)
        return KD_EXIT_USAGE;
    memcpy(path, named.p, named.n);
    memcpy(dir, rest.p, rest.n);
    if (kd_load_config("update", named.n > 0 ? path : NULL, &config) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    kd_role_ready();
    struct kd_update_job job = {.command = "update", .config = &config, .dir = dir, .rules = true, .lists = true, .due_only = true,
                                .news = news};
    return kd_update_run(&job, &sum) == KD_EXIT_COULD_NOT ? KD_EXIT_COULD_NOT : KD_EXIT_DONE;
}
