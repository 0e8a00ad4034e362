/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

#define AES "aes256-cts-hmac-sha1-96"
#define RC4 "rc4-hmac"

struct ask {
    double at_s;
    const char *src, *user, *service, *cipher, *ticket;
    bool aes, preauth, workstation, imitation; /* aes: the client offers current ciphers */
    const char *msg, *error;
};

static void put(struct kd_tb *t, const struct ask *a)
{
    bool tgs = a->msg != NULL && strstr(a->msg, "TGS") != NULL;
    const struct kd_bytes all[] = {kd_str(AES), kd_str(RC4)};
    const struct kd_bytes name = kd_str("PC7");
    struct kd_rec_krb5 k = {
        .msg_type = kd_str(a->msg == NULL ? "KRB_AS_REP" : a->msg),
        .request_type = kd_str(tgs ? "TGS" : "AS"),
        .cname = kd_str(a->user),
        .realm = kd_str("TOWN.EXAMPLE"),
        .sname = kd_str(a->service == NULL ? "krbtgt/TOWN.EXAMPLE" : a->service),
        .encryption = kd_str(a->cipher),
        .ticket_encryption = kd_str(a->ticket == NULL ? AES : a->ticket),
        .offered = {a->aes ? all : all + 1, a->aes ? 2 : 1},
        .preauth = a->preauth,
        .error_code = kd_str(a->error),
        .addresses = {&name, a->workstation},
        .kdc_options = a->imitation ? 0x40810010 : 0x50800000,
        .till_us = 2136422885000000u,
    };
    struct kd_rec_head h = kd_tb_head(KD_REC_KRB5, a->at_s, a->src, 50000, "10.0.0.1", 88);
    h.app = KD_APP_KRB5;
    kd_tb_put(t, h, &k);
}

static void ticket(struct kd_tb *t, double at_s, const char *src, const char *service,
                   const char *cipher, bool aes)
{
    put(t, &(struct ask){.at_s = at_s,
                         .src = src,
                         .user = "tanaka",
                         .service = service,
                         .cipher = AES,
                         .ticket = cipher,
                         .aes = aes,
                         .msg = "KRB_TGS_REP"});
}

static void tickets_that_can_be_cracked(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    ticket(t, 1, "10.0.0.5", "MSSQLSvc/db1.town.example:1433", RC4, true);
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CR-0020") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0020")->severity, "low") == 0);
    ticket(t, 2, "10.0.0.5", "HTTP/web2.town.example", RC4, true);
    ticket(t, 3, "10.0.0.5", "svc/backup", RC4, true);
    ticket(t, 4, "10.0.0.5", "svc/print", RC4, true);
    ticket(t, 5, "10.0.0.6", "MSSQLSvc/db9.town.example", RC4,
           false); /* a tool that offers nothing else */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0020") == 2 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0020")->technique, "T1558.003") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0020")->severity, "medium") == 0);
    kd_tb_free(t);
}

static void ordinary_tickets_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char src[32];
    for (int i = 0; i < 200; i++) {
        snprintf(src, sizeof(src), "10.0.1.%d", i % 100 + 1);
        ticket(t, i * 30, src, "cifs/files.town.example", AES, true);
        ticket(t, i * 30, src, "HTTP/intra.town.example", AES, true);
        ticket(t, i * 30, src, "krbtgt/TOWN.EXAMPLE", AES, true);
        put(t, &(struct ask){.at_s = i * 30,
                             .src = src,
                             .user = "tanaka",
                             .msg = "KRB_ERROR",
                             .error = "KDC_ERR_PREAUTH_REQUIRED",
                             .aes = true,
                             .workstation = true,
                             .imitation = true});
        put(t, &(struct ask){.at_s = i * 30 + 1,
                             .src = src,
                             .user = "tanaka",
                             .cipher = AES,
                             .aes = true,
                             .preauth = true,
                             .workstation = true,
                             .imitation = true});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_at_least(t, "low") == 0);
    kd_tb_free(t);
}

static void an_old_service_is_told_to_its_first_users_only(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char src[32];
    for (int i = 0; i < 100; i++) {
        snprintf(src, sizeof(src), "10.0.1.%d", i + 1);
        ticket(t, i, src, "MSSQLSvc/old.town.example:1433", RC4, true);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0020") <= 3 && kd_tb_at_least(t, "medium") == 0);
    kd_tb_free(t);
}

static void logons_without_a_password(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    put(t, &(struct ask){.at_s = 1, .src = "10.0.0.5", .user = "svc_scan", .cipher = RC4});
    put(t, &(struct ask){.at_s = 2,
                         .src = "10.0.0.6",
                         .user = "unixapp",
                         .cipher = AES,
                         .aes = true}); /* one of its own */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0021") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0021")->host, "10.0.0.5") == 0);
    kd_tb_free(t);
}

static void names_and_passwords_tried(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char user[32];
    for (int i = 0; i < 20; i++) {
        snprintf(user, sizeof(user), "user%d", i);
        put(t, &(struct ask){.at_s = i,
                             .src = "10.0.0.5",
                             .user = user,
                             .msg = "KRB_ERROR",
                             .error = "KDC_ERR_PREAUTH_REQUIRED",
                             .aes = true});
        put(t, &(struct ask){.at_s = i,
                             .src = "10.0.0.6",
                             .user = user,
                             .msg = "KRB_AS_REQ",
                             .preauth = true,
                             .aes = true});
        put(t, &(struct ask){.at_s = i,
                             .src = "10.0.0.7",
                             .user = user,
                             .msg = "KRB_ERROR",
                             .error = "KDC_ERR_PREAUTH_REQUIRED",
                             .aes = true});
        put(t, &(struct ask){.at_s = i + 0.5,
                             .src = "10.0.0.7",
                             .user = user,
                             .cipher = AES,
                             .preauth = true,
                             .aes = true});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0022") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0022")->host, "10.0.0.5") == 0);
    CHECK(kd_tb_count(t, "KD-CR-0023") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0023")->host, "10.0.0.6") == 0);
    CHECK(t->unfilled == 0);
    kd_tb_free(t);
}

static void stolen_hashes_and_old_ciphers(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    put(t, &(struct ask){.at_s = 1,
                         .src = "10.0.0.5",
                         .user = "tanaka",
                         .cipher = AES,
                         .aes = true,
                         .preauth = true,
                         .workstation = true});
    put(t, &(struct ask){.at_s = 2,
                         .src = "10.0.0.9",
                         .user = "tanaka",
                         .cipher = RC4,
                         .preauth = true}); /* offers nothing else */
    put(t, &(struct ask){.at_s = 3,
                         .src = "10.0.0.6",
                         .user = "sato",
                         .cipher = RC4,
                         .aes = true,
                         .preauth = true,
                         .workstation = true});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0025") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0025")->severity, "medium") == 0);
    CHECK(kd_tb_count(t, "KD-CR-0024") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0024")->severity, "low") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-CR-0025")->technique, "T1550.002") != NULL && t->unfilled == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(tickets_that_can_be_cracked);
    RUN(ordinary_tickets_are_silent);
    RUN(an_old_service_is_told_to_its_first_users_only);
    RUN(logons_without_a_password);
    RUN(names_and_passwords_tried);
    RUN(stolen_hashes_and_old_ciphers);
    return tap_done();
}
