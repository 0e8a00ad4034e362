/* SPDX-License-Identifier: Apache-2.0 */
#include "store/incident_text.h"

#include "base/clock.h"

static void put(struct kd_heap *h, struct kd_bytes text)
{
    if (!kd_heap_room(h, text.n + 1))
        return;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        h->p[h->n++] = (c < 0x20 && c != '\n') || c == 0x7f ? '?' : c;
    }
}

static void puts_(struct kd_heap *h, const char *text)
{
    put(h, kd_str(text));
}

/* Lines of a text with something before each. */
static void put_lines(struct kd_heap *h, struct kd_bytes text, const char *before)
{
    while (text.n > 0) {
        puts_(h, before);
        put(h, kd_bytes_cut(&text, '\n'));
        puts_(h, "\n");
    }
}

/* "2026-11-22 09:15:02" of an RFC 3339 or EVE time. */
static void put_time(struct kd_heap *h, struct kd_bytes time)
{
    put(h, kd_bytes_head(time, 10));
    puts_(h, " ");
    put(h, kd_bytes_head(kd_bytes_from(time, 11), 8));
}

enum kd_status kd_incidents_text(struct kd_meta *m, int zone_s, bool ja, struct kd_heap *h)
{
    struct kd_sql q = kd_sql(
        m, "SELECT id, CASE severity WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' ELSE 'low' END, state,"
           " last_us, title_ja, title_en FROM incidents WHERE merged_into IS NULL"
           " ORDER BY state = 'closed', severity DESC, last_us DESC LIMIT 1000");
    while (kd_sql_row(&q)) {
        uint8_t room[64], number[24];
        struct kd_out o = kd_out_of(room, sizeof(room)), n = kd_out_of(number, sizeof(number));
        kd_out_time(&o, kd_sql_get(&q, 3), zone_s);
        kd_out_u64(&n, kd_sql_get(&q, 0));
        put(h, kd_out_bytes_view(&n));
        puts_(h, "  ");
        put_time(h, kd_out_bytes_view(&o));
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, 1));
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, 2));
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, ja ? 4 : 5));
        puts_(h, "\n");
    }
    return kd_sql_done(&q);
}

static void heading(struct kd_heap *h, bool ja, const char *in_ja, const char *in_en)
{
    puts_(h, "\n");
    puts_(h, ja ? in_ja : in_en);
    puts_(h, "\n");
}

static enum kd_status put_head(struct kd_meta *m, uint64_t id, bool ja, struct kd_heap *h)
{
    struct kd_sql q = kd_sql(
        m, "SELECT t ->> '$.title.ja', t ->> '$.title.en', t ->> '$.severity', t ->> '$.summary.ja', t ->> '$.summary.en',"
           " t ->> '$.patient_zero.why.ja', t ->> '$.patient_zero.why.en', t ->> '$.patient_zero.name',"
           " t ->> '$.patient_zero.address', t ->> '$.do.ja', t ->> '$.do.en', t ->> '$.not_known.ja', t ->> '$.not_known.en'"
           " FROM (SELECT json -> '$.incident' AS t FROM incidents WHERE id = ?)");
    kd_sql_u64(&q, id);
    bool found = kd_sql_row(&q);
    if (found) {
        int lang = ja ? 0 : 1;
        put(h, kd_sql_get_text(&q, lang));
        puts_(h, " [");
        put(h, kd_sql_get_text(&q, 2));
        puts_(h, "]\n");
        put_lines(h, kd_sql_get_text(&q, 3 + lang), "");
        heading(h, ja, "今すること", "What to do now");
        put_lines(h, kd_sql_get_text(&q, 9 + lang), "  - ");
        heading(h, ja, "最初の端末", "Where it began");
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, 7));
        puts_(h, " ");
        put(h, kd_sql_get_text(&q, 8));
        puts_(h, "\n");
        put_lines(h, kd_sql_get_text(&q, 5 + lang), "  ");
        heading(h, ja, "分かっていないこと", "What is not known");
        put_lines(h, kd_sql_get_text(&q, 11 + lang), "  - ");
    }
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && !found ? KD_NOT_FOUND : s;
}

static enum kd_status put_hosts(struct kd_meta *m, uint64_t id, bool ja, struct kd_heap *h)
{
    struct kd_sql q = kd_sql(
        m, "SELECT v.value ->> '$.address', coalesce(v.value ->> '$.name', ''),"
           " CASE v.value ->> '$.role' WHEN 'first' THEN '最初の端末' WHEN 'spread' THEN '侵入が拡大した端末' WHEN 'entered' THEN '入り込まれた疑いのある端末'"
           " WHEN 'same' THEN '同じ物に関係した端末' ELSE '狙われた端末' END,"
           " CASE v.value ->> '$.role' WHEN 'first' THEN 'it began here' WHEN 'spread' THEN 'it spread here' WHEN 'entered' THEN 'shows signs of entry'"
           " WHEN 'same' THEN 'has to do with the same thing' ELSE 'was targeted' END, v.value ->> '$.from'"
           " FROM incidents i, json_each(i.json, '$.incident.hosts') v WHERE i.id = ?");
    kd_sql_u64(&q, id);
    heading(h, ja, "端末", "Machines");
    while (kd_sql_row(&q)) {
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, 0));
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, 1));
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, ja ? 2 : 3));
        if (kd_sql_get_text(&q, 4).n > 0) {
            puts_(h, " <- ");
            put(h, kd_sql_get_text(&q, 4));
        }
        puts_(h, "\n");
    }
    return kd_sql_done(&q);
}

static enum kd_status put_steps(struct kd_meta *m, uint64_t id, bool ja, struct kd_heap *h)
{
    struct kd_sql q = kd_sql(
        m, "SELECT v.value ->> '$.first', coalesce(v.value ->> '$.detection_id', '-'), v.value ->> '$.severity',"
           " v.value ->> '$.title.ja', v.value ->> '$.title.en'"
           " FROM incidents i, json_each(i.json, '$.incident.steps') v WHERE i.id = ?");
    kd_sql_u64(&q, id);
    heading(h, ja, "経緯", "What happened, in order");
    while (kd_sql_row(&q)) {
        puts_(h, "  ");
        put_time(h, kd_sql_get_text(&q, 0));
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, 1));
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, 2));
        puts_(h, "  ");
        put(h, kd_sql_get_text(&q, ja ? 3 : 4));
        puts_(h, "\n");
    }
    return kd_sql_done(&q);
}

enum kd_status kd_incident_text(struct kd_meta *m, uint64_t id, bool ja, struct kd_heap *h)
{
    enum kd_status s = put_head(m, id, ja, h);
    if (s == KD_OK)
        s = put_hosts(m, id, ja, h);
    return s == KD_OK ? put_steps(m, id, ja, h) : s;
}
