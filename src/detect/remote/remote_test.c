/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void rdp(struct kd_tb *t, double at_s, const char *src, const char *dst, const char *result)
{
    struct kd_rec_rdp s = {.cookie = kd_str("tanaka"), .requested = kd_str("nla"), .selected = kd_str("nla"),
                           .result = kd_str(result)};
    kd_tb_put(t, kd_tb_head(KD_REC_RDP, at_s, src, 50000, dst, 3389), &s);
}

static void ssh(struct kd_tb *t, double at_s, const char *src, const char *dst, const char *auth)
{
    struct kd_rec_ssh s = {.auth = kd_str(auth)};
    kd_tb_put(t, kd_tb_head(KD_REC_SSH, at_s, src, 50000, dst, 22), &s);
}

static void vnc(struct kd_tb *t, double at_s, const char *service, const char *result)
{
    struct kd_rec_login l = {.method = kd_str("vnc"), .service = kd_str(service), .result = kd_str(result)};
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, at_s, "10.0.0.5", 50000, "10.0.0.1", 5900), &l);
}

static void web(struct kd_tb *t, double at_s, const char *url, const char *type, uint16_t status)
{
    struct kd_rec_http h = {.http_method = kd_str("POST"), .url = kd_str(url), .request_content_type = kd_str(type),
                            .status = status};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, at_s, "10.0.0.5", 50000, "10.0.0.1", 5985), &h);
}

static void the_first_use_of_a_pair_is_low(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int day = 0; day < 30; day++) {
        rdp(t, day * 86400, "10.0.0.5", "10.0.0.1", "success");
        ssh(t, day * 86400 + 5, "10.0.0.5", "10.0.0.2", "success");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_lines(t, "KD-LM-0050") == 1 && kd_tb_lines(t, "KD-LM-0051") == 1 && t->unfilled == 0);
    CHECK(kd_tb_at_least(t, "medium") == 0 && strcmp(kd_tb_alert(t, "KD-LM-0050")->user, "tanaka") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0050")->technique, "T1021.001") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0050")->host, "10.0.0.5") == 0);
    kd_tb_free(t);
}

static void what_came_to_nothing_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    rdp(t, 1, "10.0.0.5", "10.0.0.1", "failure");
    rdp(t, 2, "10.0.0.5", "10.0.0.1", "unknown"); /* looked at, no more */
    ssh(t, 3, "10.0.0.5", "10.0.0.1", "failure");
    ssh(t, 4, "10.0.0.5", "203.0.113.1", "success"); /* not a machine of ours */
    vnc(t, 5, "smb", "success");
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

static void a_screen_that_is_tried_is_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    vnc(t, 1, "vnc", "failure");
    vnc(t, 2, "vnc", "failure");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0052") == 1 && strcmp(kd_tb_alert(t, "KD-LM-0052")->technique, "T1021.005") == 0);
    kd_tb_free(t);
}

static void windows_management(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    web(t, 1, "/wsman/SubscriptionManager/WEC", "application/soap+xml;charset=UTF-16", 200);
    web(t, 2, "/wsman-anon/identify", "application/soap+xml", 200);
    web(t, 3, "/wsman", "application/soap+xml;charset=UTF-8", 401);
    web(t, 4, "/login", "application/x-www-form-urlencoded", 200);
    kd_tb_send(t);
    CHECK(t->n_alerts == 0);
    web(t, 5, "/wsman?PSVersion=5.1", "multipart/encrypted;protocol=\"application/HTTP-Kerberos-session-encrypted\"",
        200);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0053") == 1 && strcmp(kd_tb_alert(t, "KD-LM-0053")->technique, "T1021.006") == 0);
    kd_tb_free(t);
}

static void many_new_targets_are_medium(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[16];
    for (int i = 0; i < 20; i++) { /* a management server, over its days */
        snprintf(dst, sizeof(dst), "10.0.1.%d", i);
        ssh(t, i * 7200, "10.0.0.9", dst, "success");
    }
    kd_tb_send(t);
    CHECK(kd_tb_at_least(t, "medium") == 0);
    for (int i = 0; i < 20; i++) { /* and again, all at once: it knows them */
        snprintf(dst, sizeof(dst), "10.0.1.%d", i);
        ssh(t, 200000 + i, "10.0.0.9", dst, "success");
    }
    kd_tb_send(t);
    CHECK(kd_tb_at_least(t, "medium") == 0);
    for (int i = 0; i < 7; i++) {
        snprintf(dst, sizeof(dst), "10.0.1.%d", i);
        rdp(t, 300000 + i * 60, "10.0.0.7", dst, "success");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0054") == 1 && strcmp(kd_tb_alert(t, "KD-LM-0054")->host, "10.0.0.7") == 0);
    CHECK(t->unfilled == 0 && strcmp(kd_tb_alert(t, "KD-LM-0054")->severity, "medium") == 0);
    kd_tb_free(t);
}

static void from_outside(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    rdp(t, 1, "203.0.113.1", "10.0.0.1", "failure");
    rdp(t, 2, "203.0.113.1", "10.0.0.1", "encrypted");
    kd_tb_send(t);
    CHECK(t->n_alerts == 0);
    rdp(t, 3, "203.0.113.1", "10.0.0.1", "success");
    rdp(t, 4, "203.0.113.1", "10.0.0.1", "success");
    ssh(t, 5, "203.0.113.1", "10.0.0.1", "success");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0055") == 2 && kd_tb_at_least(t, "medium") >= 1 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0055")->host, "10.0.0.1") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(the_first_use_of_a_pair_is_low);
    RUN(what_came_to_nothing_is_silent);
    RUN(a_screen_that_is_tried_is_told);
    RUN(windows_management);
    RUN(many_new_targets_are_medium);
    RUN(from_outside);
    return tap_done();
}
