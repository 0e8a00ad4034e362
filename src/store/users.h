/* SPDX-License-Identifier: Apache-2.0 */
/* Users, their passwords (argon2id), sessions and lock-out, in meta.db.
 *
 * A session's token is 32 random bytes, given out once in hex; the database holds its hash.  It
 * ends after 30 minutes without a question and after ten hours.  Ten wrong passwords of one user,
 * or thirty from one address, within 15 minutes lock that user or address for 15 minutes. */
#ifndef KD_STORE_USERS_H
#define KD_STORE_USERS_H

#include "store/jw.h"
#include "store/meta.h"
#include "wire/ask.h"

enum { KD_USER_MAX = 64, KD_TOKEN_TEXT = 65, KD_CSRF_TEXT = 33, KD_PASSWORD_MIN = 12 };

struct kd_session {
    char user[KD_USER_MAX + 1];
    enum kd_role role;
    char csrf[KD_CSRF_TEXT];
    uint64_t expires_us;
    bool must_change;
};

/* Makes user `admin` when there is no user at all; its password, to be shown once, into
 * *ret_password (empty otherwise). */
KD_MUST_USE enum kd_status kd_users_first(struct kd_meta *m, char ret_password[32]);

/* KD_DENIED: wrong; KD_BUSY: locked, *ret_retry_s says how long. */
KD_MUST_USE enum kd_status kd_login(struct kd_meta *m, struct kd_bytes user,
                                    struct kd_bytes password, struct kd_bytes client,
                                    char ret_token[KD_TOKEN_TEXT], struct kd_session *ret,
                                    uint32_t *ret_retry_s);
/* KD_DENIED when there is no such session (any more). */
KD_MUST_USE enum kd_status kd_session_find(struct kd_meta *m, struct kd_bytes token,
                                           struct kd_session *ret);
KD_MUST_USE enum kd_status kd_logout(struct kd_meta *m, struct kd_bytes token);
void kd_session_json(const struct kd_session *s, struct kd_jw *w);

/* Is it long enough and not the user's name or one character over and over? */
bool kd_password_is_strong(struct kd_bytes user, struct kd_bytes password);

/* KD_DENIED when `old` is wrong.  All other sessions of the user end. */
KD_MUST_USE enum kd_status kd_password_change(struct kd_meta *m, struct kd_bytes user,
                                              struct kd_bytes old, struct kd_bytes password,
                                              struct kd_bytes keep_token);

KD_MUST_USE enum kd_status kd_users_json(struct kd_meta *m, struct kd_jw *w);
KD_MUST_USE enum kd_status kd_user_json(struct kd_meta *m, struct kd_bytes user, struct kd_jw *w);
KD_MUST_USE enum kd_status kd_user_add(struct kd_meta *m, struct kd_bytes user, enum kd_role role,
                                       struct kd_bytes password);
/* What is not given (role NONE, password.p NULL, locked -1) stays.  KD_DENIED: it would leave no
 * admin who can log on. */
KD_MUST_USE enum kd_status kd_user_patch(struct kd_meta *m, struct kd_bytes user, enum kd_role role,
                                         struct kd_bytes password, int locked);
KD_MUST_USE enum kd_status kd_user_delete(struct kd_meta *m, struct kd_bytes user);

bool kd_user_name_is_valid(struct kd_bytes user);
const char *kd_role_name(enum kd_role role);
enum kd_role kd_role_of(struct kd_bytes name);

#endif
