/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include <sodium.h>

enum { HASH_BYTES = 32 };

/* Length before each field, so that nothing can be moved from one to the next. */
static void add_field(crypto_generichash_state *st, struct kd_bytes v)
{
    uint8_t len[8];
    struct kd_out o = kd_out_of(len, sizeof(len));
    kd_out_le64(&o, v.n);
    crypto_generichash_update(st, len, sizeof(len));
    crypto_generichash_update(st, v.p, v.n);
}

static void row_hash(struct kd_bytes prev, uint64_t id, uint64_t ts_us,
                     const struct kd_bytes field[5], uint8_t ret[HASH_BYTES])
{
    crypto_generichash_state st;
    uint8_t head[16];
    struct kd_out o = kd_out_of(head, sizeof(head));
    kd_out_le64(&o, id);
    kd_out_le64(&o, ts_us);
    crypto_generichash_init(&st, NULL, 0, HASH_BYTES);
    add_field(&st, prev);
    crypto_generichash_update(&st, head, sizeof(head));
    for (size_t i = 0; i < 5; i++)
        add_field(&st, field[i]);
    crypto_generichash_final(&st, ret, HASH_BYTES);
}

enum kd_status kd_audit(struct kd_meta *m, struct kd_bytes user, struct kd_bytes address,
                        const char *action, struct kd_bytes object, struct kd_bytes detail)
{
    struct kd_bytes field[5] = {user, address, kd_str(action), object, detail};
    uint8_t prev[HASH_BYTES], hash[HASH_BYTES];
    struct kd_out last = kd_out_of(prev, sizeof(prev));
    uint64_t id = 1;
    uint64_t now = kd_meta_now(m);
    struct kd_sql q = kd_sql(m, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1");
    if (kd_sql_row(&q)) {
        id = kd_sql_get(&q, 0) + 1;
        kd_out_bytes(&last, kd_sql_get_text(&q, 1));
    }
    enum kd_status s = kd_sql_done(&q);
    if (s != KD_OK)
        return s;
    row_hash(kd_out_bytes_view(&last), id, now, field, hash);
    q = kd_sql(m, "INSERT INTO audit (id, ts_us, user, address, action, object, detail, hash)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    kd_sql_u64(&q, id);
    kd_sql_u64(&q, now);
    for (size_t i = 0; i < 5; i++)
        kd_sql_text(&q, field[i]);
    kd_sql_blob(&q, kd_bytes_of(hash, sizeof(hash)));
    return kd_sql_done(&q);
}

enum kd_status kd_audit_json(struct kd_meta *m, uint64_t before, uint64_t limit, struct kd_jw *w,
                             uint64_t *ret_next)
{
    static const char *const keys[] = {"user", "address", "action", "object", "detail"};
    struct kd_sql q = kd_sql(m, "SELECT id, ts_us, user, address, action, object, detail FROM audit"
                                " WHERE ? = 0 OR id < ? ORDER BY id DESC LIMIT ?");
    kd_sql_u64(&q, before);
    kd_sql_u64(&q, before);
    kd_sql_u64(&q, limit + 1);
    uint64_t n = 0;
    uint64_t last = 0;
    *ret_next = 0;
    while (kd_sql_row(&q)) {
        if (n++ == limit) {
            *ret_next = last;
            break;
        }
        last = kd_sql_get(&q, 0);
        kd_jw_open(w, NULL, '{');
        kd_jw_u64(w, "id", last);
        kd_jw_time(w, "time", kd_sql_get(&q, 1));
        for (int i = 0; i < (int)KD_COUNT(keys); i++)
            kd_jw_text(w, keys[i], kd_sql_get_text(&q, i + 2));
        kd_jw_close(w, '}');
    }
    return kd_sql_done(&q);
}

enum kd_status kd_audit_verify(struct kd_meta *m, uint64_t *ret_rows, uint64_t *ret_bad_id)
{
    uint8_t prev[HASH_BYTES];
    size_t n_prev = 0;
    uint64_t next = 1;
    *ret_rows = 0;
    *ret_bad_id = 0;
    struct kd_sql q = kd_sql(
        m, "SELECT id, ts_us, user, address, action, object, detail, hash FROM audit ORDER BY id");
    while (kd_sql_row(&q)) {
        struct kd_bytes field[5];
        uint8_t hash[HASH_BYTES];
        for (int i = 0; i < 5; i++)
            field[i] = kd_sql_get_text(&q, i + 2);
        uint64_t id = kd_sql_get(&q, 0);
        row_hash(kd_bytes_of(prev, n_prev), id, kd_sql_get(&q, 1), field, hash);
        if (id != next || !kd_bytes_eq(kd_sql_get_text(&q, 7), kd_bytes_of(hash, sizeof(hash)))) {
            *ret_bad_id = id;
            break;
        }
        memcpy(prev, hash, sizeof(prev));
        n_prev = sizeof(prev);
        next++;
        ++*ret_rows;
    }
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && *ret_bad_id != 0 ? KD_BROKEN_SEAL : s;
}
