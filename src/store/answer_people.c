/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about people and what they decided: sessions, exceptions, users, the audit log. */
#include "store/asker.h"
#include "store/audit.h"
#include "store/exceptions.h"

enum { AUDIT_LIMIT = 500 };

/* ---- sessions ---- */

void kd_answer_login(struct kd_asker *k)
{
    uint32_t retry_s = 0;
    struct kd_bytes user = kd_asker_pair(k, "user");
    enum kd_status s = kd_login(&k->a->meta, user, kd_asker_pair(k, "password"),
                                kd_asker_pair(k, "client"), k->r->token, &k->session, &retry_s);
    if (s == KD_OK || s == KD_DENIED || s == KD_BUSY) {
        const char *what = s == KD_OK ? "login" : s == KD_BUSY ? "login_locked" : "login_failed";
        struct kd_bytes name = kd_user_name_is_valid(user) ? user : kd_str("?");
        enum kd_status t =
            kd_audit(&k->a->meta, name, kd_asker_pair(k, "client"), what, kd_str(""), kd_str(""));
        s = t != KD_OK && s == KD_OK ? t : s;
    }
    if (s == KD_OK) {
        kd_session_json(&k->session, &k->r->json);
    } else if (s == KD_BUSY && retry_s > 0) {
        kd_reply_error(k->r, 429, "locked", "失敗が続いたため、しばらくログインできません。",
                       "Too many failures: logging on is locked for a while.");
        k->r->retry_s = retry_s;
    } else if (s == KD_DENIED) {
        kd_reply_error(k->r, 401, "bad_login", "利用者名またはパスワードが違います。",
                       "The user name or the password is wrong.");
    } else {
        kd_asker_fail(k, s);
    }
    if (s != KD_OK)
        k->r->token[0] = '\0';
}

void kd_answer_session(struct kd_asker *k)
{
    kd_session_json(&k->session, &k->r->json);
}

void kd_answer_logout(struct kd_asker *k)
{
    enum kd_status s = kd_logout(&k->a->meta, kd_asker_pair(k, "token"));
    kd_asker_empty(k, s == KD_OK ? kd_asker_audit(k, "logout", kd_str(""), kd_str("")) : s);
}

static bool strong(struct kd_asker *k, struct kd_bytes user, struct kd_bytes password)
{
    if (kd_password_is_strong(user, password))
        return true;
    kd_asker_refuse(k, "weak_password",
                    "パスワードは 12 文字以上で、利用者名と違うものにしてください。",
                    "The password must have at least 12 characters and differ from the user name.");
    return false;
}

void kd_answer_password(struct kd_asker *k)
{
    struct kd_bytes user = kd_str(k->session.user);
    if (!strong(k, user, kd_asker_pair(k, "new")))
        return;
    enum kd_status s = kd_password_change(&k->a->meta, user, kd_asker_pair(k, "old"),
                                          kd_asker_pair(k, "new"), kd_asker_pair(k, "token"));
    if (s == KD_DENIED)
        kd_reply_error(k->r, 401, "bad_login", "今のパスワードが違います。",
                       "The current password is wrong.");
    else
        kd_asker_empty(k, s == KD_OK ? kd_asker_audit(k, "password_change", user, kd_str("")) : s);
}

/* ---- exceptions, users, audit ---- */

static void list(struct kd_asker *k, enum kd_status (*items)(struct kd_meta *m, struct kd_jw *w))
{
    kd_jw_open(&k->r->json, NULL, '{');
    kd_jw_open(&k->r->json, "items", '[');
    enum kd_status s = items(&k->a->meta, &k->r->json);
    kd_jw_close(&k->r->json, ']');
    kd_jw_close(&k->r->json, '}');
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

void kd_answer_exceptions(struct kd_asker *k)
{
    list(k, kd_exceptions_json);
}

void kd_answer_exception_add(struct kd_asker *k)
{
    struct kd_exception_new e = {
        .id = kd_asker_pair(k, "detection_id"),
        .host = kd_asker_pair(k, "host"),
        .peer = kd_asker_pair(k, "peer"),
        .user = kd_asker_pair(k, "user"),
        .reason = kd_bytes_trim(kd_asker_pair(k, "reason")),
        .owner = kd_str(k->session.user),
    };
    uint64_t number_of = 0;
    if (!kd_asker_moment(k, "until", 0, &e.until_us))
        return;
    if (!kd_exception_is_valid(&e)) {
        kd_asker_refuse(k, "bad_exception",
                        "検知番号か端末のアドレスと、理由を入力してください。",
                        "Give the number of a detection or the address of a host, and a reason.");
        return;
    }
    enum kd_status s = kd_exception_add(&k->a->meta, &e, &number_of);
    if (s == KD_OK)
        s = kd_asker_audit(k, "exception_add", e.id.n > 0 ? e.id : e.host, e.reason);
    if (s == KD_OK)
        s = kd_exception_json(&k->a->meta, number_of, &k->r->json);
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

void kd_answer_exception_delete(struct kd_asker *k)
{
    uint64_t id;
    if (!kd_asker_number(k, "id", 0, INT64_MAX, &id))
        return;
    enum kd_status s = kd_exception_delete(&k->a->meta, id);
    kd_asker_empty(
        k,
        s == KD_OK ? kd_asker_audit(k, "exception_delete", kd_asker_pair(k, "id"), kd_str("")) : s);
}

void kd_answer_users(struct kd_asker *k)
{
    list(k, kd_users_json);
}

void kd_answer_user_add(struct kd_asker *k)
{
    struct kd_bytes user = kd_asker_pair(k, "user");
    enum kd_role role = kd_role_of(kd_asker_pair(k, "role"));
    if (!kd_user_name_is_valid(user) || role == KD_ROLE_NONE) {
        kd_asker_refuse(
            k, "bad_user", "利用者名は半角英数字と . _ - @、役割は viewer・analyst・admin です。",
            "A user name has letters, digits and . _ - @; the role is viewer, analyst or admin.");
        return;
    }
    if (!strong(k, user, kd_asker_pair(k, "password")))
        return;
    enum kd_status s = kd_user_add(&k->a->meta, user, role, kd_asker_pair(k, "password"));
    if (s == KD_OK)
        s = kd_asker_audit(k, "user_add", user, kd_str(kd_role_name(role)));
    if (s == KD_OK)
        s = kd_user_json(&k->a->meta, user, &k->r->json);
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

static void last_admin(struct kd_asker *k, enum kd_status s)
{
    if (s == KD_DENIED)
        kd_reply_error(k->r, 409, "last_admin", "最後の管理者は外せません。",
                       "The last administrator must stay.");
    else
        kd_asker_fail(k, s);
}

void kd_answer_user_patch(struct kd_asker *k)
{
    struct kd_bytes user = kd_asker_pair(k, "user");
    struct kd_bytes password = kd_asker_pair(k, "password");
    struct kd_bytes role_name = kd_asker_pair(k, "role");
    struct kd_bytes lock = kd_asker_pair(k, "locked");
    enum kd_role role = kd_role_of(role_name);
    int locked = lock.p == NULL ? -1 : kd_bytes_eq_str(lock, "true");
    if (role_name.p != NULL && role == KD_ROLE_NONE) {
        kd_asker_refuse(k, "bad_user", "役割は viewer・analyst・admin です。",
                        "The role is viewer, analyst or admin.");
        return;
    }
    if (password.p != NULL && !strong(k, user, password))
        return;
    enum kd_status s = kd_user_patch(&k->a->meta, user, role, password, locked);
    uint8_t detail[128];
    struct kd_out o = kd_out_of(detail, sizeof(detail));
    kd_out_fmt(&o, "role=%s password=%s locked=%s", role == KD_ROLE_NONE ? "-" : kd_role_name(role),
               password.p != NULL ? "new" : "-",
               locked < 0    ? "-"
               : locked == 1 ? "true"
                             : "false");
    if (s == KD_OK)
        s = kd_asker_audit(k, "user_change", user, kd_out_bytes_view(&o));
    if (s == KD_OK)
        s = kd_user_json(&k->a->meta, user, &k->r->json);
    if (s != KD_OK)
        last_admin(k, s);
}

void kd_answer_user_delete(struct kd_asker *k)
{
    enum kd_status s = kd_user_delete(&k->a->meta, kd_asker_pair(k, "user"));
    if (s == KD_OK)
        s = kd_asker_audit(k, "user_delete", kd_asker_pair(k, "user"), kd_str(""));
    if (s == KD_OK)
        k->r->status = 204;
    else
        last_admin(k, s);
}

void kd_answer_audit(struct kd_asker *k)
{
    uint64_t before, limit, next = 0;
    if (!kd_asker_number(k, "before", 0, INT64_MAX, &before) ||
        !kd_asker_number(k, "limit", 100, AUDIT_LIMIT, &limit))
        return;
    struct kd_jw *w = &k->r->json;
    kd_jw_open(w, NULL, '{');
    kd_jw_open(w, "items", '[');
    enum kd_status s = kd_audit_json(&k->a->meta, before, limit, w, &next);
    kd_jw_close(w, ']');
    if (next != 0)
        kd_jw_u64(w, "next", next);
    else
        kd_jw_null(w, "next");
    kd_jw_close(w, '}');
    if (s != KD_OK)
        kd_asker_fail(k, s);
}
