/* SPDX-License-Identifier: Apache-2.0 */
#include "box/scan.h"

#include "box/bundle.h"
#include "box/meta.h"

#include "../../tests/tap.h"

static uint8_t room[65536];
static char refusals[2048], matches[2048];

static void on_refused(void *arg, struct kd_bytes file, uint32_t line, const char *why)
{
    (void)arg;
    size_t n = strlen(refusals);
    snprintf(refusals + n, sizeof(refusals) - n, "%.*s:%u: %s\n", (int)file.n, (const char *)file.p, line, why);
}

/* Compile files given as name, text, …, NULL. */
static struct kd_yara *compile(const char *const *files, struct kd_yara_counts *counts)
{
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_err err = {0};
    for (; files[0] != NULL; files += 2) {
        kd_bundle_head(&o, strlen(files[0]), strlen(files[1]));
        kd_out_str(&o, files[0]);
        kd_out_str(&o, files[1]);
        kd_out_u8(&o, 0);
    }
    refusals[0] = '\0';
    return kd_yara_new(kd_out_bytes_view(&o), on_refused, NULL, counts, &err);
}

static bool on_match(void *arg, const struct kd_rec_yara *m)
{
    struct kd_out o = kd_out_of(matches, sizeof(matches) - 1);
    (void)arg;
    o.n = strlen(matches);
    kd_out_bytes(&o, m->rule);
    for (size_t i = 0; i < m->tags.n; i++)
        kd_out_fmt(&o, " #%.*s", (int)m->tags.v[i].n, (const char *)m->tags.v[i].p);
    const struct kd_yara_string *at = m->strings.v;
    for (size_t i = 0; i < m->strings.n; i++)
        kd_out_fmt(&o, " %.*s@%llu+%u", (int)at[i].name.n, (const char *)at[i].name.p, (unsigned long long)at[i].offset,
                   at[i].bytes);
    kd_out_fmt(&o, " [%.*s|%.*s|%.*s];", (int)m->severity.n, (const char *)m->severity.p, (int)m->family.n,
               (const char *)m->family.p, (int)m->technique.n, (const char *)m->technique.p);
    matches[o.n] = '\0';
    return true;
}

static const char *scan(struct kd_yara *y, const char *content, const char *name)
{
    matches[0] = '\0';
    const struct kd_yara_file f = {kd_str(content), kd_str(name), kd_str("text")};
    CHECK(kd_yara_scan(y, &f, 10, on_match, NULL) == KD_OK);
    return matches;
}

static void a_rule_matches(void)
{
    static const char *const files[] = {
        "a.yar",
        "rule one : tag other { meta: severity = \"High\" family = \"Example\" mitre_att = \"see T1059.001\"\n"
        " strings: $a = \"needle\" $b = /ha+y/ condition: any of them }\n"
        "rule named { meta: score = 55 condition: extension == \".vbs\" and filetype == \"text\" }",
        NULL};
    struct kd_yara_counts n;
    struct kd_yara *y = compile(files, &n);
    CHECK(y != NULL && n.files == 1 && n.rules == 2 && n.refused == 0 && refusals[0] == '\0');
    CHECK(strcmp(scan(y, "in the haaay a needle lies", "x.txt"),
                 "one #tag #other $a@15+6 $b@7+5 [high|Example|T1059.001];") == 0);
    CHECK(strcmp(scan(y, "nothing here", "dir/x.vbs"), "named [medium||];") == 0);
    CHECK(scan(y, "nothing here", "vbs")[0] == '\0');
    kd_yara_free(y);
}

static void a_bad_file_is_left_out_alone(void)
{
    static const char *const files[] = {
        "good.yar", "rule good { strings: $a = \"x\" condition: $a }",
        "bad.yar", "rule ok { condition: true }\nrule bad { condition: nothing }",
        "deep.yar", "include \"/etc/passwd\"\nrule deep { condition: true }",
        "magic.yar", "import \"magic\"\nrule m { condition: magic.type() contains \"x\" }",
        "twice.yar", "rule t { condition: true } rule t { condition: true }",
        "same.yar", "rule good { condition: false }", NULL};
    struct kd_yara_counts n;
    struct kd_yara *y = compile(files, &n);
    CHECK(y != NULL && n.files == 6 && n.refused == 4 && n.rules == 2);
    CHECK(strstr(refusals, "bad.yar:2: undefined identifier \"nothing\"\n") != NULL);
    CHECK(strstr(refusals, "deep.yar:1: ") != NULL && strstr(refusals, "magic.yar:1: module \"magic\"") != NULL);
    CHECK(strstr(refusals, "twice.yar:1: duplicated identifier") != NULL);
    CHECK(strcmp(scan(y, "x", "x"), "good $a@0+1 [||];") == 0);
    kd_yara_free(y);
}

static void time_is_bounded(void)
{
    /* Every place of the file is a beginning, and each is looked at far ahead. */
    static const char *const files[] = {
        "slow.yar", "rule slow { condition: for all i in (0..999999999) : (uint8(i % 1000) != 1) }", NULL};
    struct kd_yara_counts n;
    struct kd_yara *y = compile(files, &n);
    static char content[4096];
    memset(content, 'a', sizeof(content));
    const struct kd_yara_file f = {kd_bytes_of((uint8_t *)content, sizeof(content)), kd_str(""), kd_str("")};
    CHECK(y != NULL && kd_yara_scan(y, &f, 1, on_match, NULL) == KD_DEADLINE);
    kd_yara_free(y);
}

static void broken_bundles_are_refused(void)
{
    struct kd_yara_counts n;
    struct kd_err err = {0};
    CHECK(kd_yara_new(kd_str("\xff\xff\xff\xff\xff\xff\xff\xff"), on_refused, NULL, &n, &err) == NULL);
    CHECK(kd_yara_new(kd_bytes_of((const uint8_t *)"\1\0\0\0\1\0\0\0abc", 11), on_refused, NULL, &n, &err) == NULL);
}

static const char *severity(const char *name, const char *text, int64_t number)
{
    static char ret[16];
    struct kd_rec_yara r = {0};
    kd_yara_meta(&r, kd_str(name), kd_str(text), number);
    snprintf(ret, sizeof(ret), "%.*s", (int)r.severity.n, (const char *)r.severity.p);
    return ret;
}

static void authors_words_are_understood(void)
{
    CHECK(strcmp(severity("Severity", "CRITICAL", 0), "critical") == 0);
    CHECK(strcmp(severity("severity", "", 3), "low") == 0 && strcmp(severity("severity", "", 9), "critical") == 0);
    CHECK(strcmp(severity("score", "75", 0), "high") == 0 && strcmp(severity("score", "", 50), "medium") == 0);
    CHECK(strcmp(severity("severity", "whatever", 0), "") == 0);
    struct kd_rec_yara r = {0};
    kd_yara_meta(&r, kd_str("category"), kd_str("MALWARE"), 0);
    kd_yara_meta(&r, kd_str("tc_detection_type"), kd_str("Ransomware"), 0);
    kd_yara_meta(&r, kd_str("mitre_attack"), kd_str("T12345, T1204"), 0);
    CHECK(kd_bytes_eq_str(r.category, "Ransomware") && kd_bytes_eq_str(r.technique, "T1204"));
}

int main(void)
{
    CHECK(kd_yara_start());
    RUN(a_rule_matches);
    RUN(a_bad_file_is_left_out_alone);
    RUN(time_is_bounded);
    RUN(broken_bundles_are_refused);
    RUN(authors_words_are_understood);
    return tap_done();
}
