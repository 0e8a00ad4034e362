/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence store is not part of this build: --db and run say so. */
#include "store/store.h"

enum kd_status kd_store_open(const struct kd_store_config *cfg, struct kd_store **ret, struct kd_err *err)
{
    (void)cfg;
    (void)ret;
    return kd_fail(err, KD_UNSUPPORTED, 0, "this build keeps no records (use replay --json)");
}

void kd_store_close(struct kd_store *s)
{
    (void)s;
}

const char *kd_store_first_password(const struct kd_store *s)
{
    (void)s;
    return NULL;
}

enum kd_status kd_store_batch(struct kd_store *s, struct kd_bytes batch, struct kd_err *err)
{
    (void)s;
    (void)batch;
    return kd_fail(err, KD_UNSUPPORTED, 0, "no store");
}

void kd_store_tick(struct kd_store *s)
{
    (void)s;
}

enum kd_status kd_store_ask(struct kd_store *s, const struct kd_question *q,
                            void (*reply)(void *arg, const struct kd_answer *a), void *arg)
{
    (void)s;
    (void)q;
    (void)reply;
    (void)arg;
    return KD_UNSUPPORTED;
}
