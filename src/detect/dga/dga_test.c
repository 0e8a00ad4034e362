/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/names.h"
#include "testbrain.h"

#include "../../../tests/tap.h"

static const char *const random_names[] = {
    "xqzvkwpjhgbt.com", "qwkzrxvnmptd.net", "jhvbxzqkwmrf.com", "kzqxwvjtrpnb.org", "vbnmqzxkjwht.com",
    "zxkqjvwbhptn.biz", "hqxzjkvwmbrt.com", "wvkqzxjbnmht.net", "pzqkxvjwthbn.com", "qjxkzvwnbmtr.info",
    "bxqzkvjwmhtp.com", "tzxqkjvwbnmh.net",
};
static const char *const plain_names[] = {
    "oldcompany.com", "printserver.net", "mailgateway.org", "townhall.example.net", "weatherstation.com", "schoolbus.net",
    "libraryserver.org", "hospitalnews.com", "gardenclub.net", "riverview.com", "mountainhotel.com", "breadshop.net",
};

static void miss(struct kd_tb *t, double at_s, const char *name, const char *rcode)
{
    struct kd_rec_dns d = {.kind = kd_str("answer"), .rrname = kd_str(name), .rrtype = kd_str("A"), .rcode = kd_str(rcode)};
    struct kd_rec_head h = kd_tb_head(KD_REC_DNS, at_s, "10.0.0.5", 50000, "10.0.0.1", 53);
    h.app = KD_APP_DNS;
    kd_tb_put(t, h, &d);
}

static struct kd_tb *asked(const char *const *names, size_t n, const char *rcode)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (size_t i = 0; i < n; i++)
        miss(t, (double)i * 3, names[i], rcode);
    kd_tb_finish(t);
    return t;
}

static void a_burst_of_random_names_fires(void)
{
    struct kd_tb *t = asked(random_names, 12, "NXDOMAIN");
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CC-0010");
    CHECK(kd_tb_count(t, "KD-CC-0010") == 1 && t->unfilled == 0);
    CHECK(a != NULL && strcmp(a->severity, "medium") == 0 && strcmp(a->technique, "T1568.002") == 0);
    CHECK(a != NULL && strcmp(a->host, "10.0.0.5") == 0 && strstr(a->why_en, "qjxkzvwnbmtr.info") != NULL);
    kd_tb_free(t);
    t = asked(random_names, 7, "NXDOMAIN");
    CHECK(kd_tb_count(t, "KD-CC-0010") == 1 && kd_tb_at_least(t, "medium") == 0);
    kd_tb_free(t);
}

/* Words or syllables, but all of one recipe. */
static void names_of_one_recipe_fire(void)
{
    static const char *const equal[] = {
        "mirotaka.ru", "sunobari.ru", "gamelitu.ru", "halopine.ru", "dorasemi.ru", "kitonaru.ru", "pelagomi.ru", "tarumeso.ru",
        "vinohare.ru", "lomirata.ru", "sarobine.ru", "nokimada.ru", "zulaperi.ru", "romitase.ru", "bekanoli.ru", "fisaruto.ru",
    };
    static const char *const long_words[] = {
        "gardentownlibraryhouse.com", "mountainriverstation.com", "schoolhospitalwinter.com", "breadcompanynetwork.com",
        "weathergardenoffice.com", "printservertownhall.com", "silverwindowmarket.com", "northernstreetcafe.com",
        "paperbridgeholiday.com", "summerkitchentable.com", "officebuildingpark.com", "islandmusicteacher.com",
        "greenmorningletter.com", "doctormountainpost.com", "yellowstationbook.com", "familyweatherradio.com",
    };
    struct kd_tb *t = asked(equal, KD_COUNT(equal), "NXDOMAIN");
    CHECK(kd_tb_count(t, "KD-CC-0010") == 1 && kd_tb_at_least(t, "medium") == 0 && t->unfilled == 0);
    kd_tb_free(t);
    t = asked(long_words, KD_COUNT(long_words), "NXDOMAIN");
    CHECK(kd_tb_count(t, "KD-CC-0010") == 1 && kd_tb_at_least(t, "medium") == 0);
    kd_tb_free(t);
}

static void what_exists_or_reads_well_is_silent(void)
{
    struct kd_tb *t = asked(random_names, 12, "NOERROR");
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
    t = asked(plain_names, 12, "NXDOMAIN");
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
    t = asked(random_names, 4, "NXDOMAIN");
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
    static const char *const single[] = {"qzxkwvjh", "pqzxkvwj", "zxqkjvwb", "kzqxwvjt", "vbnmqzxk", "hqxzjkvw",
                                         "wvkqzxjb", "pzqkxvjw", "qjxkzvwn", "bxqzkvjw", "tzxqkjvw"};
    t = asked(single, KD_COUNT(single), "NXDOMAIN");
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

static void words_surprise_less_than_draws(void)
{
    CHECK(kd_name_surprise(kd_str("")) == 0);
    CHECK(kd_name_surprise(kd_str("cityoffice")) < KD_NAME_RANDOM);
    CHECK(kd_name_surprise(kd_str("yamanashi")) < KD_NAME_RANDOM);
    CHECK(kd_name_surprise(kd_str("news2026")) < KD_NAME_RANDOM);
    CHECK(kd_name_surprise(kd_str("xq7zvkw3pjh9")) >= KD_NAME_RANDOM);
}

int main(void)
{
    RUN(a_burst_of_random_names_fires);
    RUN(names_of_one_recipe_fire);
    RUN(what_exists_or_reads_well_is_silent);
    RUN(words_surprise_less_than_draws);
    return tap_done();
}
