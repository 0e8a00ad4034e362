/* SPDX-License-Identifier: Apache-2.0 */
/* What the roles of fetching are told and tell, and the file of what is known of each source.  Input: u8 which, then the
 * message or the file.  Properties: what is read can be written and reads the same; no row or text leaves its line; a
 * row as JSON is UTF-8 and never longer than its reader has room for; what was noted is due at some time. */
#include "bin/update_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_order(struct kd_bytes text)
{
    struct kd_fetch_order f, again;
    static uint8_t room[8192];
    struct kd_cur c = kd_cur_of(text);
    if (!kd_fetch_order_read(&c, &f))
        return;
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_fetch_order_put(&o, &f);
    struct kd_cur back = kd_cur_of(kd_out_bytes_view(&o));
    KD_ASSERT(kd_out_ok(&o) && kd_fetch_order_read(&back, &again) && kd_cur_left(&back) == 0);
    KD_ASSERT(memcmp(&f.most, &again.most, sizeof(f.most)) == 0 && strcmp(f.url, again.url) == 0 && strcmp(f.etag, again.etag) == 0 &&
              strcmp(f.proxy, again.proxy) == 0 && strcmp(f.modified, again.modified) == 0);
}

static void try_answer(struct kd_bytes text)
{
    struct kd_fetch_answer a, again;
    static uint8_t room[8192];
    struct kd_cur c = kd_cur_of(text);
    if (!kd_fetch_answer_read(&c, &a))
        return;
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_fetch_answer_put(&o, &a);
    struct kd_cur back = kd_cur_of(kd_out_bytes_view(&o));
    KD_ASSERT(kd_out_ok(&o) && kd_fetch_answer_read(&back, &again) && kd_cur_left(&back) == 0);
    KD_ASSERT(a.outcome == again.outcome && a.outcome < KD_FETCHED_SUM && a.bytes == again.bytes && strcmp(a.why, again.why) == 0);
}

static void try_row(struct kd_update_row *r, uint64_t random)
{
    static const struct kd_update_source source = {.name = "\"n\"\n"};
    static uint8_t room[2048];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_update_json(&o, &source, r, 9 * 3600);
    KD_ASSERT(kd_out_ok(&o) && kd_bytes_is_utf8(kd_out_bytes_view(&o)));
    uint64_t now = r->tried_us;
    kd_update_note(r, (enum kd_fetched)r->outcome, r->why, 3600, now, random);
    KD_ASSERT(r->next_us >= now && kd_update_due(r, 3600, r->next_us));
}

static void try_state(struct kd_bytes text)
{
    static struct kd_updates u, again;
    static uint8_t room[256 * 1024];
    kd_updates_parse(text, &u);
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_updates_put(&o, &u);
    kd_updates_parse(kd_out_bytes_view(&o), &again);
    KD_ASSERT(kd_out_ok(&o) && again.n == u.n);
    for (size_t i = 0; i < u.n; i++) {
        KD_ASSERT(strcmp(u.at[i].id, again.at[i].id) == 0 && strcmp(u.at[i].why, again.at[i].why) == 0 &&
                  u.at[i].next_us == again.at[i].next_us && u.at[i].outcome == again.at[i].outcome);
        try_row(&u.at[i], u.at[i].bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kd_bytes text = kd_bytes_from(kd_bytes_of(data, n), 1);
    if (n == 0)
        return 0;
    if (data[0] % 3 == 0)
        try_order(text);
    else if (data[0] % 3 == 1)
        try_answer(text);
    else
        try_state(text);
    return 0;
}
