/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/text.h"

/* Length of the UTF-8 character at the start of b (RFC 3629), 0 when it is none. */
static size_t char_bytes(struct kd_bytes b)
{
    for (size_t n = 1; n <= 4 && n <= b.n; n++)
        if (kd_bytes_is_utf8(kd_bytes_head(b, n)))
            return n;
    return 0;
}

void kd_text_clean(struct kd_out *o, struct kd_bytes text, size_t max)
{
    static const char cut[] = "…";
    size_t start = o->n;
    while (text.n > 0) {
        size_t n = char_bytes(text);
        bool plain = n > 1 || (n == 1 && text.p[0] >= 0x20 && text.p[0] != 0x7f);
        size_t left = max - (o->n - start);
        if (n > 0 && left < n + (text.n > n ? sizeof(cut) - 1 : 0)) {
            kd_out_bytes(o, kd_bytes_head(kd_str(cut), left >= sizeof(cut) - 1 ? sizeof(cut) - 1 : 0));
            return;
        }
        if (plain)
            kd_out_bytes(o, kd_bytes_head(text, n));
        else if (left > 0)
            kd_out_u8(o, '?');
        else
            return;
        text = kd_bytes_from(text, n == 0 ? 1 : n);
    }
}

static bool fact_of(struct kd_bytes name, const struct kd_fact *facts, size_t n_facts, struct kd_bytes *ret)
{
    for (size_t i = 0; i < n_facts; i++)
        if (kd_bytes_eq_str(name, facts[i].name)) {
            *ret = facts[i].value;
            return ret->n > 0;
        }
    return false;
}

void kd_text_fill(struct kd_out *o, const char *text, const struct kd_fact *facts, size_t n_facts)
{
    struct kd_bytes rest = kd_str(text);
    while (rest.n > 0) {
        size_t open = kd_bytes_find_byte(rest, '{');
        if (open == SIZE_MAX) {
            kd_out_bytes(o, rest);
            return;
        }
        kd_out_bytes(o, kd_bytes_head(rest, open));
        rest = kd_bytes_from(rest, open + 1);
        struct kd_bytes value, name = kd_bytes_cut(&rest, '}');
        if (fact_of(name, facts, n_facts, &value))
            kd_text_clean(o, value, KD_FACT_MAX);
        else
            kd_out_u8(o, '?');
    }
}

void kd_text_span(struct kd_out *o, uint64_t us, enum kd_lang lang)
{
    static const struct {
        uint64_t us;
        const char *one, *many, *ja;
    } units[] = {
        {KD_US_PER_DAY, "day", "days", "日"},
        {KD_US_PER_HOUR, "hour", "hours", "時間"},
        {KD_US_PER_MINUTE, "minute", "minutes", "分"},
        {KD_US_PER_S, "second", "seconds", "秒"},
    };
    size_t i = 0;
    /* The largest unit of which there are at least two, so that 90 seconds are not "1 minute". */
    while (i + 1 < KD_COUNT(units) && us < 2 * units[i].us)
        i++;
    uint64_t n = (us + units[i].us / 2) / units[i].us;
    n = n == 0 ? 1 : n;
    if (lang == KD_JA)
        kd_out_fmt(o, "%llu %s", (unsigned long long)n, units[i].ja);
    else
        kd_out_fmt(o, "%llu %s", (unsigned long long)n, n == 1 ? units[i].one : units[i].many);
}

void kd_text_time(struct kd_out *o, uint64_t us, int zone_s)
{
    struct kd_date d = kd_date_of(us, zone_s);
    kd_out_fmt(o, "%04d-%02u-%02u %02u:%02u:%02u", d.year, d.month, d.day, d.hour, d.minute, d.second);
}
