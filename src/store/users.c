/* SPDX-License-Identifier: Apache-2.0 */
#include "store/users.h"

#include <sodium.h>

enum {
    TOKEN_BYTES = 32,
    TOKEN_HASH = 32,
    FAILS_USER = 10,
    FAILS_CLIENT = 30,
    PASSWORD_MAX = 1024,
    SEEN_STEP_S = 30 /* how exactly the last question's time is kept */
};
#define IDLE_US (30 * KD_US_PER_MINUTE)
#define LIFE_US (10 * KD_US_PER_HOUR)
#define LOCK_US (15 * KD_US_PER_MINUTE)

static const char *const role_names[] = {"none", "viewer", "analyst", "admin"};

const char *kd_role_name(enum kd_role role)
{
    return role_names[role];
}

enum kd_role kd_role_of(struct kd_bytes name)
{
    for (unsigned r = KD_ROLE_VIEWER; r <= KD_ROLE_ADMIN; r++)
        if (kd_bytes_eq_str(name, role_names[r]))
            return (enum kd_role)r;
    return KD_ROLE_NONE;
}

bool kd_user_name_is_valid(struct kd_bytes user)
{
    for (size_t i = 0; i < user.n; i++) {
        uint8_t c = user.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '.' || c == '_' || c == '-' || c == '@';
        if (!plain)
            return false;
    }
    return user.n > 0 && user.n <= KD_USER_MAX;
}

bool kd_password_is_strong(struct kd_bytes user, struct kd_bytes password)
{
    size_t chars = 0;
    bool varied = false;
    for (size_t i = 0; i < password.n; i++) {
        chars += (password.p[i] & 0xc0) != 0x80;
        varied = varied || password.p[i] != password.p[0];
    }
    return chars >= KD_PASSWORD_MIN && password.n <= PASSWORD_MAX && varied &&
           !kd_bytes_ieq(user, password);
}

static enum kd_status hash_password(struct kd_bytes password, char ret[crypto_pwhash_STRBYTES])
{
    int rc = crypto_pwhash_str_alg(
        ret, (const char *)password.p, password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
        crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
    return rc == 0 ? KD_OK : KD_NO_MEMORY;
}

static enum kd_status insert_user(struct kd_meta *m, struct kd_bytes user, enum kd_role role,
                                  struct kd_bytes password, bool must_change)
{
    char hash[crypto_pwhash_STRBYTES];
    enum kd_status s = hash_password(password, hash);
    if (s != KD_OK)
        return s;
    struct kd_sql q =
        kd_sql(m, "INSERT INTO users (user, role, hash, must_change, created_us, changed_us)"
                  " VALUES (?, ?, ?, ?, ?, ?)");
    kd_sql_text(&q, user);
    kd_sql_u64(&q, role);
    kd_sql_text(&q, kd_str(hash));
    kd_sql_u64(&q, must_change);
    kd_sql_u64(&q, kd_meta_now(m));
    kd_sql_u64(&q, kd_meta_now(m));
    return kd_sql_done(&q);
}

enum kd_status kd_users_first(struct kd_meta *m, char ret_password[32])
{
    ret_password[0] = '\0';
    struct kd_sql q = kd_sql(m, "SELECT count(*) FROM users");
    bool empty = kd_sql_row(&q) && kd_sql_get(&q, 0) == 0;
    enum kd_status s = kd_sql_done(&q);
    if (s != KD_OK || !empty)
        return s;
    /* Without letters and digits that are mistaken for each other; four groups are easy to copy. */
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
    size_t n = 0;
    for (int i = 0; i < 20; i++) {
        if (i > 0 && i % 5 == 0)
            ret_password[n++] = '-';
        ret_password[n++] = letters[randombytes_uniform(sizeof(letters) - 1)];
    }
    ret_password[n] = '\0';
    return insert_user(m, kd_str("admin"), KD_ROLE_ADMIN, kd_str(ret_password), true);
}

/* ---- lock-out ---- */

static enum kd_status locked_for(struct kd_meta *m, const char *kind, struct kd_bytes name,
                                 uint32_t *ret_s)
{
    uint64_t now = kd_meta_now(m);
    struct kd_sql q = kd_sql(m, "SELECT until_us FROM lockouts WHERE kind = ? AND name = ?");
    kd_sql_text(&q, kd_str(kind));
    kd_sql_text(&q, name);
    uint64_t until = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    if (until > now)
        *ret_s = (uint32_t)((until - now) / KD_US_PER_S) + 1;
    return kd_sql_done(&q);
}

static enum kd_status note_failure(struct kd_meta *m, const char *kind, struct kd_bytes name,
                                   uint64_t most)
{
    uint64_t now = kd_meta_now(m);
    struct kd_sql q = kd_sql(
        m, "INSERT INTO lockouts (kind, name, fails, last_us, until_us) VALUES (?1, ?2, 1, ?3, 0)"
           " ON CONFLICT DO UPDATE SET last_us = ?3,"
           " fails = CASE WHEN last_us < ?3 - ?4 OR fails >= ?5 THEN 1 ELSE fails + 1 END,"
           " until_us = CASE WHEN last_us >= ?3 - ?4 AND fails + 1 >= ?5 THEN ?3 + ?4 ELSE "
           "until_us END");
    kd_sql_text(&q, kd_str(kind));
    kd_sql_text(&q, name);
    kd_sql_u64(&q, now);
    kd_sql_u64(&q, LOCK_US);
    kd_sql_u64(&q, most);
    return kd_sql_done(&q);
}

static enum kd_status forget_failures(struct kd_meta *m, struct kd_bytes user)
{
    struct kd_sql q =
        kd_sql(m, "DELETE FROM lockouts WHERE (kind = 'user' AND name = ?) OR last_us < ?");
    kd_sql_text(&q, user);
    kd_sql_u64(&q, kd_meta_now(m) - kd_min_u64(kd_meta_now(m), KD_US_PER_DAY));
    return kd_sql_done(&q);
}

/* ---- sessions ---- */

static bool hash_token(struct kd_bytes token, uint8_t ret[TOKEN_HASH], char csrf[KD_CSRF_TEXT])
{
    uint8_t raw[TOKEN_BYTES];
    uint8_t sum[(KD_CSRF_TEXT - 1) / 2];
    static const uint8_t csrf_key[crypto_generichash_KEYBYTES_MIN + 1] = "kidoban csrf key";
    size_t n = 0;
    if (token.n != TOKEN_BYTES * 2 ||
        sodium_hex2bin(raw, sizeof(raw), (const char *)token.p, token.n, NULL, &n, NULL) != 0 ||
        n != sizeof(raw))
        return false;
    crypto_generichash(ret, TOKEN_HASH, raw, sizeof(raw), NULL, 0);
    crypto_generichash(sum, sizeof(sum), raw, sizeof(raw), csrf_key,
                       crypto_generichash_KEYBYTES_MIN);
    (void)sodium_bin2hex(csrf, KD_CSRF_TEXT, sum, sizeof(sum));
    sodium_memzero(raw, sizeof(raw));
    return true;
}

struct account {
    char hash[crypto_pwhash_STRBYTES];
    enum kd_role role;
    bool found, locked, must_change;
};

static enum kd_status find_account(struct kd_meta *m, struct kd_bytes user, struct account *ret)
{
    memset(ret, 0, sizeof(*ret));
    struct kd_sql q = kd_sql(m, "SELECT hash, role, locked, must_change FROM users WHERE user = ?");
    kd_sql_text(&q, user);
    if (kd_sql_row(&q)) {
        struct kd_bytes hash = kd_sql_get_text(&q, 0);
        ret->found = hash.n < sizeof(ret->hash);
        if (ret->found)
            memcpy(ret->hash, hash.p, hash.n);
        ret->role = (enum kd_role)kd_min_u64(kd_sql_get(&q, 1), KD_ROLE_ADMIN);
        ret->locked = kd_sql_get(&q, 2) != 0;
        ret->must_change = kd_sql_get(&q, 3) != 0;
    }
    return kd_sql_done(&q);
}

/* An unknown user costs as much time as a known one. */
static bool password_fits(const struct account *a, struct kd_bytes password)
{
    static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
                                 "OLhqTqCm5WjlQJ5fyHRkSS7K6Yk7dJxQnJ0g1dTqUeM";
    bool fits = crypto_pwhash_str_verify(a->found ? a->hash : nobody, (const char *)password.p,
                                         password.n) == 0;
    return fits && a->found;
}

static enum kd_status insert_session(struct kd_meta *m, struct kd_bytes user,
                                     struct kd_bytes client, const uint8_t hash[TOKEN_HASH])
{
    uint64_t now = kd_meta_now(m);
    struct kd_sql q = kd_sql(m, "DELETE FROM sessions WHERE seen_us < ? OR created_us < ?");
    kd_sql_u64(&q, now - kd_min_u64(now, IDLE_US));
    kd_sql_u64(&q, now - kd_min_u64(now, LIFE_US));
    enum kd_status s = kd_sql_done(&q);
    q = kd_sql(
        m,
        "INSERT INTO sessions (token, user, created_us, seen_us, client) VALUES (?, ?, ?, ?, ?)");
    kd_sql_blob(&q, kd_bytes_of(hash, TOKEN_HASH));
    kd_sql_text(&q, user);
    kd_sql_u64(&q, now);
    kd_sql_u64(&q, now);
    kd_sql_text(&q, client);
    enum kd_status t = kd_sql_done(&q);
    q = kd_sql(m, "UPDATE users SET login_us = ? WHERE user = ?");
    kd_sql_u64(&q, now);
    kd_sql_text(&q, user);
    enum kd_status u = kd_sql_done(&q);
    return s != KD_OK ? s : t != KD_OK ? t : u;
}

enum kd_status kd_login(struct kd_meta *m, struct kd_bytes user, struct kd_bytes password,
                        struct kd_bytes client, char ret_token[KD_TOKEN_TEXT],
                        struct kd_session *ret, uint32_t *ret_retry_s)
{
    struct account a;
    *ret_retry_s = 0;
    bool valid = kd_user_name_is_valid(user) && password.n <= PASSWORD_MAX;
    enum kd_status s = locked_for(m, "address", client, ret_retry_s);
    if (s == KD_OK && valid)
        s = locked_for(m, "user", user, ret_retry_s);
    if (s == KD_OK && *ret_retry_s > 0)
        return KD_BUSY;
    if (s == KD_OK)
        s = find_account(m, valid ? user : kd_str(""), &a);
    if (s != KD_OK)
        return s;
    bool fits = password_fits(&a, kd_bytes_head(password, PASSWORD_MAX));
    if (!fits || a.locked || !valid) {
        if (valid && a.found)
            s = note_failure(m, "user", user, FAILS_USER);
        if (s == KD_OK)
            s = note_failure(m, "address", client, FAILS_CLIENT);
        return s == KD_OK ? KD_DENIED : s;
    }
    uint8_t raw[TOKEN_BYTES], hash[TOKEN_HASH];
    randombytes_buf(raw, sizeof(raw));
    (void)sodium_bin2hex(ret_token, KD_TOKEN_TEXT, raw, sizeof(raw));
    sodium_memzero(raw, sizeof(raw));
    *ret = (struct kd_session){
        .role = a.role, .must_change = a.must_change, .expires_us = kd_meta_now(m) + IDLE_US};
    memcpy(ret->user, user.p, user.n);
    KD_ASSERT(hash_token(kd_str(ret_token), hash, ret->csrf));
    s = insert_session(m, user, client, hash);
    return s == KD_OK ? forget_failures(m, user) : s;
}

static enum kd_status touch(struct kd_meta *m, const uint8_t hash[TOKEN_HASH])
{
    struct kd_sql q = kd_sql(m, "UPDATE sessions SET seen_us = ? WHERE token = ?");
    kd_sql_u64(&q, kd_meta_now(m));
    kd_sql_blob(&q, kd_bytes_of(hash, TOKEN_HASH));
    return kd_sql_done(&q);
}

enum kd_status kd_session_find(struct kd_meta *m, struct kd_bytes token, struct kd_session *ret)
{
    uint8_t hash[TOKEN_HASH];
    *ret = (struct kd_session){.role = KD_ROLE_NONE};
    if (!hash_token(token, hash, ret->csrf))
        return KD_DENIED;
    uint64_t now = kd_meta_now(m);
    struct kd_sql q =
        kd_sql(m, "SELECT s.user, u.role, u.must_change, s.created_us, s.seen_us FROM sessions s"
                  " JOIN users u ON u.user = s.user WHERE s.token = ? AND u.locked = 0");
    kd_sql_blob(&q, kd_bytes_of(hash, sizeof(hash)));
    uint64_t seen = 0;
    if (kd_sql_row(&q)) {
        struct kd_bytes user = kd_bytes_head(kd_sql_get_text(&q, 0), KD_USER_MAX);
        uint64_t created = kd_sql_get(&q, 3);
        seen = kd_sql_get(&q, 4);
        memcpy(ret->user, user.p, user.n);
        ret->must_change = kd_sql_get(&q, 2) != 0;
        ret->expires_us = kd_min_u64(now + IDLE_US, created + LIFE_US);
        bool alive = seen + IDLE_US > now && created + LIFE_US > now;
        ret->role =
            alive ? (enum kd_role)kd_min_u64(kd_sql_get(&q, 1), KD_ROLE_ADMIN) : KD_ROLE_NONE;
    }
    enum kd_status s = kd_sql_done(&q);
    if (s != KD_OK)
        return s;
    if (ret->role == KD_ROLE_NONE)
        return KD_DENIED;
    return now - kd_min_u64(now, seen) > SEEN_STEP_S * (uint64_t)KD_US_PER_S ? touch(m, hash)
                                                                             : KD_OK;
}

enum kd_status kd_logout(struct kd_meta *m, struct kd_bytes token)
{
    uint8_t hash[TOKEN_HASH];
    char csrf[KD_CSRF_TEXT];
    if (!hash_token(token, hash, csrf))
        return KD_DENIED;
    struct kd_sql q = kd_sql(m, "DELETE FROM sessions WHERE token = ?");
    kd_sql_blob(&q, kd_bytes_of(hash, sizeof(hash)));
    return kd_sql_done(&q);
}

void kd_session_json(const struct kd_session *s, struct kd_jw *w)
{
    kd_jw_open(w, NULL, '{');
    kd_jw_str(w, "user", s->user);
    kd_jw_str(w, "role", kd_role_name(s->role));
    kd_jw_str(w, "csrf", s->csrf);
    kd_jw_time(w, "expires", s->expires_us);
    kd_jw_bool(w, "must_change_password", s->must_change);
    kd_jw_close(w, '}');
}

/* ---- changing users ---- */

static enum kd_status end_sessions(struct kd_meta *m, struct kd_bytes user,
                                   struct kd_bytes keep_token)
{
    uint8_t hash[TOKEN_HASH] = {0};
    char csrf[KD_CSRF_TEXT];
    (void)hash_token(keep_token, hash, csrf);
    struct kd_sql q = kd_sql(m, "DELETE FROM sessions WHERE user = ? AND token <> ?");
    kd_sql_text(&q, user);
    kd_sql_blob(&q, kd_bytes_of(hash, sizeof(hash)));
    return kd_sql_done(&q);
}

static enum kd_status set_password(struct kd_meta *m, struct kd_bytes user,
                                   struct kd_bytes password, bool must_change)
{
    char hash[crypto_pwhash_STRBYTES];
    enum kd_status s = hash_password(password, hash);
    if (s != KD_OK)
        return s;
    struct kd_sql q =
        kd_sql(m, "UPDATE users SET hash = ?, must_change = ?, changed_us = ? WHERE user = ?");
    kd_sql_text(&q, kd_str(hash));
    kd_sql_u64(&q, must_change);
    kd_sql_u64(&q, kd_meta_now(m));
    kd_sql_text(&q, user);
    return kd_sql_done(&q);
}

enum kd_status kd_password_change(struct kd_meta *m, struct kd_bytes user, struct kd_bytes old,
                                  struct kd_bytes password, struct kd_bytes keep_token)
{
    struct account a;
    enum kd_status s = find_account(m, user, &a);
    if (s != KD_OK)
        return s;
    if (!password_fits(&a, old)) {
        s = note_failure(m, "user", user, FAILS_USER);
        return s == KD_OK ? KD_DENIED : s;
    }
    s = set_password(m, user, password, false);
    return s == KD_OK ? end_sessions(m, user, keep_token) : s;
}

enum kd_status kd_user_add(struct kd_meta *m, struct kd_bytes user, enum kd_role role,
                           struct kd_bytes password)
{
    return insert_user(m, user, role, password, true);
}

/* Would nobody be left who may manage users? */
static enum kd_status keeps_an_admin(struct kd_meta *m, struct kd_bytes user)
{
    struct kd_sql q =
        kd_sql(m, "SELECT count(*) FROM users WHERE role = 3 AND locked = 0 AND user <> ?");
    kd_sql_text(&q, user);
    bool left = kd_sql_row(&q) && kd_sql_get(&q, 0) > 0;
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && !left ? KD_DENIED : s;
}

enum kd_status kd_user_patch(struct kd_meta *m, struct kd_bytes user, enum kd_role role,
                             struct kd_bytes password, int locked)
{
    struct account a;
    enum kd_status s = find_account(m, user, &a);
    if (s == KD_OK && !a.found)
        return KD_NOT_FOUND;
    bool weaker =
        a.role == KD_ROLE_ADMIN && ((role != KD_ROLE_NONE && role != KD_ROLE_ADMIN) || locked == 1);
    if (s == KD_OK && weaker)
        s = keeps_an_admin(m, user);
    if (s == KD_OK && password.p != NULL)
        s = set_password(m, user, password, true);
    if (s != KD_OK)
        return s;
    struct kd_sql q = kd_sql(m, "UPDATE users SET role = ?, locked = ? WHERE user = ?");
    kd_sql_u64(&q, role == KD_ROLE_NONE ? a.role : role);
    kd_sql_u64(&q, locked < 0 ? a.locked : locked == 1);
    kd_sql_text(&q, user);
    s = kd_sql_done(&q);
    if (s == KD_OK && (password.p != NULL || locked == 1 || weaker))
        s = end_sessions(m, user, kd_str(""));
    return s == KD_OK && locked == 0 ? forget_failures(m, user) : s;
}

enum kd_status kd_user_delete(struct kd_meta *m, struct kd_bytes user)
{
    enum kd_status s = keeps_an_admin(m, user);
    if (s != KD_OK)
        return s;
    struct kd_sql q = kd_sql(m, "DELETE FROM users WHERE user = ?");
    kd_sql_text(&q, user);
    s = kd_sql_done(&q);
    return s == KD_OK && kd_meta_changes(m) == 0 ? KD_NOT_FOUND : s;
}

static void put_user(struct kd_sql *q, struct kd_jw *w)
{
    kd_jw_open(w, NULL, '{');
    kd_jw_text(w, "user", kd_sql_get_text(q, 0));
    kd_jw_str(w, "role", kd_role_name((enum kd_role)kd_min_u64(kd_sql_get(q, 1), KD_ROLE_ADMIN)));
    kd_jw_bool(w, "locked", kd_sql_get(q, 2) != 0);
    kd_jw_bool(w, "must_change_password", kd_sql_get(q, 3) != 0);
    kd_jw_time(w, "created", kd_sql_get(q, 4));
    kd_jw_time(w, "last_login", kd_sql_get(q, 5));
    kd_jw_close(w, '}');
}

#define USER_COLUMNS "user, role, locked, must_change, created_us, login_us"

enum kd_status kd_users_json(struct kd_meta *m, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT " USER_COLUMNS " FROM users ORDER BY user LIMIT 1000");
    while (kd_sql_row(&q))
        put_user(&q, w);
    return kd_sql_done(&q);
}

enum kd_status kd_user_json(struct kd_meta *m, struct kd_bytes user, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT " USER_COLUMNS " FROM users WHERE user = ?");
    kd_sql_text(&q, user);
    bool found = kd_sql_row(&q);
    if (found)
        put_user(&q, w);
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && !found ? KD_NOT_FOUND : s;
}
