/* SPDX-License-Identifier: Apache-2.0 */
/* One question being answered: what the answers of store/ share.  Nobody else includes this. */
#ifndef KD_STORE_ASKER_H
#define KD_STORE_ASKER_H

#include "store/answer.h"

struct kd_asker {
    struct kd_answerer *a;
    const struct kd_question *q;
    struct kd_reply *r;
    struct kd_session session;
    uint64_t deadline_us;
};

/* Answer with an error: by status, or 422 with words for the person. */
void kd_asker_fail(struct kd_asker *k, enum kd_status s);
void kd_asker_refuse(struct kd_asker *k, const char *code, const char *ja, const char *en);

/* 204, or the error. */
void kd_asker_empty(struct kd_asker *k, enum kd_status s);

/* The question's texts.  False: it was answered with an error. */
struct kd_bytes kd_asker_pair(const struct kd_asker *k, const char *name);
bool kd_asker_number(struct kd_asker *k, const char *name, uint64_t otherwise, uint64_t max,
                     uint64_t *ret);
bool kd_asker_moment(struct kd_asker *k, const char *name, uint64_t otherwise, uint64_t *ret);

/* A line of the audit log in the asking user's name. */
enum kd_status kd_asker_audit(struct kd_asker *k, const char *action, struct kd_bytes object,
                              struct kd_bytes detail);

/* answer_story.c: incidents */
void kd_answer_incidents(struct kd_asker *k);
void kd_answer_incident(struct kd_asker *k);
void kd_answer_incident_patch(struct kd_asker *k);

/* answer_objects.c: suspicious objects */
void kd_answer_objects(struct kd_asker *k);
void kd_answer_object_add(struct kd_asker *k);
void kd_answer_object_expire(struct kd_asker *k);

/* answer_notice.c: notices */
void kd_answer_notices(struct kd_asker *k);
void kd_answer_notice_test(struct kd_asker *k);

/* answer_people.c: sessions, exceptions, users, the audit log */
void kd_answer_login(struct kd_asker *k);
void kd_answer_session(struct kd_asker *k);
void kd_answer_logout(struct kd_asker *k);
void kd_answer_password(struct kd_asker *k);
void kd_answer_exceptions(struct kd_asker *k);
void kd_answer_exception_add(struct kd_asker *k);
void kd_answer_exception_delete(struct kd_asker *k);
void kd_answer_users(struct kd_asker *k);
void kd_answer_user_add(struct kd_asker *k);
void kd_answer_user_patch(struct kd_asker *k);
void kd_answer_user_delete(struct kd_asker *k);
void kd_answer_audit(struct kd_asker *k);

#endif
