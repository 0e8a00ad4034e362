/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static const uint8_t digest[32] = {1, 2, 3};

struct given {
    const char *family, *category, *severity, *rule, *src, *dst;
    enum kd_app app;
    bool to_server;
};

static void match(struct kd_tb *t, double at_s, const struct given *g)
{
    struct kd_rec_yara y = {
        .rule = kd_str(g->rule != NULL ? g->rule : "a_rule"), .family = kd_str(g->family), .category = kd_str(g->category),
        .severity = kd_str(g->severity), .filename = kd_str("seikyu.exe"), .magic = kd_str("pe"),
        .description = kd_str("an example"), .sha256 = kd_bytes_of(digest, sizeof(digest)), .to_server = g->to_server,
    };
    struct kd_rec_head h = kd_tb_head(KD_REC_YARA, at_s, g->src != NULL ? g->src : "10.0.0.5", 50000,
                                      g->dst != NULL ? g->dst : "203.0.113.9", 80);
    h.app = (uint8_t)g->app;
    kd_tb_put(t, h, &y);
}

/* The only detection of one match, and its severity. */
static bool gives(struct given g, const char *id, const char *least, const char *below, const char *host, const char *technique)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    match(t, 1, &g);
    kd_tb_finish(t);
    bool ok = kd_tb_count(t, id) == 1 && t->n_alerts == 1 && t->unfilled == 0 && kd_tb_at_least(t, least) == 1 &&
              (below == NULL || kd_tb_at_least(t, below) == 0) && strcmp(kd_tb_alert(t, id)->host, host) == 0 &&
              strcmp(kd_tb_alert(t, id)->technique, technique) == 0;
    if (!ok && t->n_alerts > 0)
        printf("# %s %s %s %s\n", t->alerts[0].id, t->alerts[0].severity, t->alerts[0].host, t->alerts[0].technique);
    kd_tb_free(t);
    return ok;
}

static void malware_by_where_it_went(void)
{
    struct given down = {.family = "Example", .category = "Ransomware", .app = KD_APP_HTTP};
    CHECK(gives(down, "KD-SG-0020", "high", "critical", "10.0.0.5", "T1105"));
    struct given mail = {.family = "Example", .app = KD_APP_SMTP, .to_server = true, .src = "203.0.113.9", .dst = "10.0.0.25"};
    CHECK(gives(mail, "KD-SG-0021", "medium", "high", "10.0.0.25", "T1566.001"));
    struct given share = {.family = "Example", .app = KD_APP_SMB, .to_server = true, .dst = "10.0.0.7"};
    CHECK(gives(share, "KD-SG-0022", "high", "critical", "10.0.0.5", "T1570"));
    struct given weak = {.category = "Malware", .severity = "low", .app = KD_APP_HTTP};
    CHECK(gives(weak, "KD-SG-0020", "medium", "high", "10.0.0.5", "T1105"));
}

static void others_are_less(void)
{
    struct given tool = {.category = "hacktool", .app = KD_APP_HTTP};
    CHECK(gives(tool, "KD-SG-0023", "medium", "high", "10.0.0.5", "T1105"));
    struct given shell = {.category = "webshell", .app = KD_APP_HTTP, .to_server = true, .src = "203.0.113.9", .dst = "10.0.0.80"};
    CHECK(gives(shell, "KD-SG-0024", "high", "critical", "10.0.0.80", "T1505.003"));
    struct given lure = {.category = "lure", .severity = "medium", .app = KD_APP_HTTP};
    CHECK(gives(lure, "KD-SG-0025", "low", "medium", "10.0.0.5", ""));
    lure.severity = "high";
    CHECK(gives(lure, "KD-SG-0025", "medium", "high", "10.0.0.5", ""));
    struct given list = {.category = "INFO", .app = KD_APP_HTTP};
    CHECK(gives(list, "KD-SG-0026", "info", "low", "10.0.0.5", ""));
    CHECK(gives((struct given){.app = KD_APP_HTTP}, "KD-SG-0026", "info", "low", "10.0.0.5", ""));
}

static void several_rules_are_one_detection(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    match(t, 1, &(struct given){.family = "Example", .app = KD_APP_HTTP, .rule = "one"});
    match(t, 1, &(struct given){.family = "Example", .app = KD_APP_HTTP, .rule = "two"});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-SG-0020") == 1);
    kd_tb_free(t);
}

int main(void)
{
    RUN(malware_by_where_it_went);
    RUN(others_are_less);
    RUN(several_rules_are_one_detection);
    return tap_done();
}
