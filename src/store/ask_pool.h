/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that answer questions, one database connection each. */
#ifndef KD_STORE_ASK_POOL_H
#define KD_STORE_ASK_POOL_H

#include "store/answer.h"

struct kd_ask_pool;

enum { KD_ASK_THREADS_MAX = 2, KD_ASK_OPEN_MAX = 64 };

/* `like` gives what all answerers share; its meta is not used. */
KD_MUST_USE enum kd_status kd_ask_pool_new(const struct kd_answerer *like, const char *dir_path,
                                           unsigned threads, struct kd_ask_pool **ret,
                                           struct kd_err *err);
void kd_ask_pool_free(struct kd_ask_pool *p); /* cancels what is open */

/* Contract of kd_store_ask(). */
KD_MUST_USE enum kd_status kd_ask_pool_ask(struct kd_ask_pool *p, const struct kd_question *q,
                                           void (*reply)(void *arg, const struct kd_answer *a),
                                           void *arg);

#endif
