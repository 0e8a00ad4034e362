/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static struct kd_addr addr(const char *text)
{
    struct kd_addr a;
    KD_ASSERT(kd_addr_parse(kd_str(text), &a));
    return a;
}

static void answer(struct kd_tb *t, double at_s, const char *who, const char *asker,
                   const char *name, const char *value)
{
    struct kd_dns_rr rr = {.rrname = kd_str(name), .rrtype = kd_str("A"), .rdata = kd_str(value)};
    struct kd_rec_dns n = {.kind = kd_str("response"), .rrname = kd_str(name), .answers = {&rr, 1}};
    struct kd_rec_head h = kd_tb_head(KD_REC_DNS, at_s, who, 5355, asker, 51000);
    h.app = KD_APP_LLMNR;
    h.proto = 17;
    kd_tb_put(t, h, &n);
}

static void netbios(struct kd_tb *t, double at_s, const char *who, const char *asker,
                    const char *name, const char *value)
{
    struct kd_bytes a = kd_str(value);
    struct kd_rec_nbns n = {
        .kind = kd_str("response"), .name = kd_str(name), .suffix = 0x20, .addresses = {&a, 1}};
    kd_tb_put(t, kd_tb_head(KD_REC_NBNS, at_s, who, 137, asker, 137), &n);
}

static void arp(struct kd_tb *t, double at_s, const char *ip, uint8_t mac)
{
    struct kd_rec_arp a = {
        .opcode = kd_str("reply"), .sender_ip = addr(ip), .sender_mac = {{2, 0, 0, 0, 0, mac}}};
    kd_tb_put(t, kd_tb_head(KD_REC_ARP, at_s, ip, 0, "10.0.0.9", 0), &a);
}

static void offer(struct kd_tb *t, double at_s, const char *server, const char *router)
{
    struct kd_bytes r = kd_str(router);
    struct kd_rec_dhcp h = {.kind = kd_str("reply"),
                            .dhcp_type = kd_str("offer"),
                            .server_ip = addr(server),
                            .assigned_ip = addr("10.0.0.44"),
                            .routers = {&r, 1}};
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, at_s, server, 67, "10.0.0.44", 68), &h);
}

static void answers_for_everybody(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    answer(t, 1, "10.0.0.66", "10.0.0.5", "filesrv", "10.0.0.66");
    answer(t, 2, "10.0.0.66", "10.0.0.6", "prntsrv", "10.0.0.66");
    netbios(t, 3, "10.0.0.66", "10.0.0.6", "INTRA", "10.0.0.66");
    netbios(t, 4, "10.0.0.66", "10.0.0.6", "MAIL2", "10.0.0.66");
    answer(t, 5, "10.0.0.67", "10.0.0.6", "wpad", "10.0.0.67");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0039") == 2 && t->unfilled == 0);
    for (size_t i = 0; i < t->n_alerts; i++)
        if (strcmp(t->alerts[i].host, "10.0.0.67") == 0)
            CHECK(strcmp(t->alerts[i].severity, "medium") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0039")->technique, "T1557.001") == 0);
    kd_tb_free(t);
}

static void one_address_two_machines(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    arp(t, 0, "10.0.0.1", 1);
    arp(t, 0, "10.0.0.66", 66);
    for (int i = 1; i < 10; i++) {
        arp(t, i * 2, "10.0.0.1", 66);
        arp(t, i * 2 + 1, "10.0.0.1", 1);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0040") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0040")->host, "10.0.0.66") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0040")->peer, "10.0.0.1") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void a_second_server(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    offer(t, 1, "10.0.0.1", "10.0.0.254");
    offer(t, 2, "10.0.0.2", "10.0.0.254"); /* its twin */
    kd_tb_send(t);
    CHECK(t->n_alerts == 0);
    offer(t, 3, "10.0.0.77", "10.0.0.77");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0041") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0041")->host, "10.0.0.77") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void neighbours_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 30; i++) {
        answer(t, i * 10, "10.0.0.5", "10.0.0.6", "pc5", "10.0.0.5");
        netbios(t, i * 10, "10.0.0.6", "10.0.0.1", "FILES",
                "10.0.0.20"); /* a name server tells of others */
        netbios(t, i * 10, "10.0.0.6", "10.0.0.1", "MAIL", "10.0.0.21");
        netbios(t, i * 10, "10.0.0.6", "10.0.0.1", "WEB", "10.0.0.22");
        arp(t, i * 10, "10.0.0.5", 5);
    }
    arp(t, 400, "10.0.0.5", 55); /* a new network card */
    arp(t, 410, "10.0.0.5", 55);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(answers_for_everybody);
    RUN(one_address_two_machines);
    RUN(a_second_server);
    RUN(neighbours_are_silent);
    return tap_done();
}
