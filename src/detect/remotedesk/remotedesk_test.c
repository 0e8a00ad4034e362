/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void desktop(struct kd_tb *t, double at_s, const char *src, const char *dst,
                    const char *result)
{
    struct kd_rec_rdp p = {
        .cookie = kd_str("tanaka"), .selected = kd_str("nla"), .result = kd_str(result)};
    kd_tb_put(t, kd_tb_head(KD_REC_RDP, at_s, src, 50000, dst, 3389), &p);
}

static void wsman(struct kd_tb *t, double at_s, const char *src, const char *url, uint16_t status)
{
    struct kd_rec_http h = {.url = kd_str(url), .http_method = kd_str("POST"), .status = status};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, at_s, src, 50000, "10.0.0.7", 5985), &h);
}

static void logon(struct kd_tb *t, double at_s, const char *src, const char *service)
{
    struct kd_rec_login l = {.service = kd_str(service), .result = kd_str("success")};
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, at_s, src, 50000, "10.0.0.7", 22), &l);
}

static void first_times(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    desktop(t, 1, "10.0.0.5", "10.0.0.7", "success");
    wsman(t, 2, "10.0.0.6", "/wsman?PSVersion=5.1", 200);
    logon(t, 3, "10.0.0.8", "vnc");
    for (int i = 0; i < 10; i++) {
        snprintf(dst, sizeof(dst), "10.0.0.%d", 20 + i);
        desktop(t, 10 + i, "10.0.0.9", dst, "encrypted");
    }
    desktop(t, 30, "203.0.113.9", "10.0.0.7", "success"); /* from outside */
    logon(t, 9 * 86400, "10.0.0.11", "ssh");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0036") == 1 &&
          strcmp(kd_tb_alert(t, "KD-LM-0036")->severity, "low") == 0);
    CHECK(kd_tb_count(t, "KD-LM-0042") == 1 && kd_tb_count(t, "KD-LM-0043") == 1 &&
          t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0036")->technique, "T1021.006") == 0);
    unsigned medium = 0;
    for (size_t i = 0; i < t->n_alerts; i++)
        medium += strcmp(t->alerts[i].id, "KD-LM-0037") == 0 &&
                  strcmp(t->alerts[i].severity, "medium") == 0;
    CHECK(medium >= 2);
    kd_tb_free(t);
}

static void habits_and_failures_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    desktop(t, 1, "10.0.0.5", "10.0.0.7", "failure");
    wsman(t, 2, "10.0.0.6", "/wsman/SubscriptionManager/WEC", 200);
    wsman(t, 3, "10.0.0.6", "/wsman", 401);
    logon(t, 4, "10.0.0.8", "ssh"); /* still learning */
    kd_tb_send(t);
    CHECK(t->n_alerts == 0);
    for (int i = 0; i < 50; i++)
        desktop(t, 10 + i * 3600, "10.0.0.5", "10.0.0.7", "success");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0037") == 1 && kd_tb_alert(t, "KD-LM-0037")->count == 1);
    kd_tb_free(t);
}

int main(void)
{
    RUN(first_times);
    RUN(habits_and_failures_are_silent);
    return tap_done();
}
