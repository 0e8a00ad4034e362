/* SPDX-License-Identifier: Apache-2.0 */
#include "box/meta.h"

enum { TEXT_MAX = 300 };

static bool is_one_of(struct kd_bytes name, const char *list)
{
    struct kd_bytes rest = kd_str(list);
    while (rest.n > 0)
        if (kd_bytes_ieq(kd_bytes_cut(&rest, ' '), name))
            return true;
    return false;
}

static const char *level_of_number(int64_t n)
{
    int64_t of_hundred = n <= 10 ? n * 10 : n;
    return of_hundred < 40 ? "low" : of_hundred < 70 ? "medium" : of_hundred < 90 ? "high" : "critical";
}

static struct kd_bytes level_of(struct kd_bytes text, int64_t number)
{
    static const char *const levels[][2] = {
        {"critical", "critical"}, {"high", "high"}, {"medium", "medium"}, {"moderate", "medium"}, {"low", "low"},
        {"info", "info"},         {"none", "info"},
    };
    if (text.n == 0)
        return kd_str(level_of_number(number));
    for (size_t i = 0; i < KD_COUNT(levels); i++)
        if (kd_bytes_icontains(text, kd_str(levels[i][0])))
            return kd_str(levels[i][1]);
    number = 0;
    for (size_t i = 0; i < text.n && i < 3; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return kd_str("");
        number = number * 10 + text.p[i] - '0';
    }
    return kd_str(level_of_number(number));
}

static bool is_digits(struct kd_bytes b, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++)
        if (kd_bytes_at(b, i) < '0' || kd_bytes_at(b, i) > '9')
            return false;
    return true;
}

/* The first ATT&CK technique in a text: T1059 or T1059.001. */
static struct kd_bytes technique_in(struct kd_bytes text)
{
    for (size_t i = 0; i + 5 <= text.n; i++)
        if (text.p[i] == 'T' && is_digits(text, i + 1, 4) && !is_digits(text, i + 5, 1))
            return kd_bytes_head(kd_bytes_from(text, i),
                                 kd_bytes_at(text, i + 5) == '.' && is_digits(text, i + 6, 3) ? 9 : 5);
    return kd_str("");
}

/* The first line that says it counts; an earlier name in a list of names is no better than a later one. */
static void take(struct kd_bytes *into, struct kd_bytes text)
{
    if (into->n == 0)
        *into = kd_bytes_head(text, TEXT_MAX);
}

void kd_yara_meta(struct kd_rec_yara *rec, struct kd_bytes name, struct kd_bytes text, int64_t number)
{
    if (is_one_of(name, "description desc info"))
        take(&rec->description, text);
    else if (is_one_of(name, "description_ja"))
        take(&rec->description_ja, text);
    else if (is_one_of(name, "author authors"))
        take(&rec->author, text);
    else if (is_one_of(name, "reference references url link"))
        take(&rec->reference, text);
    else if (is_one_of(name, "malware malware_family family threat_name malfamily tc_detection_name"))
        take(&rec->family, text);
    else if (is_one_of(name, "tc_detection_type malware_type mal_type"))
        rec->category = kd_bytes_head(text, TEXT_MAX); /* says more than a category */
    else if (is_one_of(name, "category type"))
        take(&rec->category, text);
    else if (is_one_of(name, "severity score threat_level importance"))
        take(&rec->severity, level_of(text, number));
    else if (is_one_of(name, "mitre mitre_att mitre_attack mitre_technique mitre_technique_id technique attack att_ck"))
        take(&rec->technique, technique_in(text));
}
