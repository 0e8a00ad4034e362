/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static struct kd_site plan;

static struct kd_tb *start(const char *tunables)
{
    return kd_tb_new(&(struct kd_tb_config){.site = &plan, .tunables = tunables}, NULL);
}

static void add_host(const char *address, uint16_t duties)
{
    struct kd_site_host *h = &plan.host[plan.n_hosts++];
    *h = (struct kd_site_host){.duties = duties};
    CHECK(kd_addr_parse(kd_str(address), &h->addr));
}

static void make_plan(void)
{
    static const char *const nets[] = {"10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"};
    memset(&plan, 0, sizeof(plan));
    for (plan.n_zones = 0; plan.n_zones < 3; plan.n_zones++) {
        plan.zone[plan.n_zones].name[0] = (char)('a' + plan.n_zones);
        plan.net[plan.n_zones].zone = (uint8_t)plan.n_zones;
        CHECK(kd_net_parse(kd_str(nets[plan.n_zones]), &plan.net[plan.n_zones].net));
    }
    plan.n_nets = 3;
    plan.zone[1].guarded = true;
    plan.zone[2].kind = KD_KIND_MEDICAL;
}

static void talk(struct kd_tb *t, double at_s, const char *src, const char *dst, uint16_t port)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .seconds = 1, .src = src, .dst = dst, .src_port = 50000,
                                       .dst_port = port, .data_ts = 500, .data_tc = 900});
}

static void arp(struct kd_tb *t, double at_s, const char *address, uint8_t last_byte)
{
    struct kd_rec_arp a = {.opcode = kd_str("request"), .sender_mac = {{2, 0, 0, 0, 1, last_byte}}};
    CHECK(kd_addr_parse(kd_str(address), &a.sender_ip));
    kd_tb_put(t, kd_tb_head(KD_REC_ARP, at_s, address, 0, "10.0.2.1", 0), &a);
}

static const struct kd_tb_alert *last(const struct kd_tb *t, const char *id)
{
    for (size_t i = t->n_alerts; i-- > 0;)
        if (strcmp(t->alerts[i].id, id) == 0)
            return &t->alerts[i];
    return NULL;
}

#define DAY_S 86400.0

static void new_device_in_a_guarded_zone_is_told(void)
{
    make_plan();
    struct kd_tb *t = start(NULL);
    talk(t, 1, "10.0.2.5", "10.0.1.1", 80);
    arp(t, 2, "10.0.2.5", 5);
    arp(t, 3, "10.0.2.6", 6);
    for (unsigned day = 1; day < 12; day++) {
        arp(t, day * DAY_S, "10.0.2.5", 5);
        talk(t, day * DAY_S + 1, "10.0.2.5", "10.0.1.1", 80);
        talk(t, day * DAY_S + 2, "10.0.1.77", "10.0.1.1", 80); /* no guarded zone */
    }
    arp(t, 10 * DAY_S + 9, "10.0.2.66", 6); /* another lease of a known device */
    CHECK((kd_tb_send(t), kd_tb_count(t, "KD-PO-0044") == 0));
    arp(t, 11 * DAY_S + 10, "10.0.2.99", 99);
    talk(t, 11 * DAY_S + 11, "10.0.2.99", "10.0.1.1", 80);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0044") == 1 && t->unfilled == 0);
    const struct kd_tb_alert *a = last(t, "KD-PO-0044");
    CHECK(a != NULL && strcmp(a->host, "10.0.2.99") == 0 && strstr(a->why_en, "02:00:00:00:01:63") != NULL);
    kd_tb_free(t);
}

/* A successor knows what was learned, also when the plan lists its zones in another order. */
static void known_devices_outlive_the_process(void)
{
    enum { BYTES = 4 << 20 };
    uint8_t *mem = calloc(1, BYTES);
    KD_ASSERT(mem != NULL);
    for (unsigned restarts = 0; restarts < 3; restarts++) {
        make_plan();
        if (restarts == 2) {
            struct kd_site_zone first = plan.zone[0];
            plan.zone[0] = plan.zone[1];
            plan.zone[1] = first;
            plan.net[0].zone = 1;
            plan.net[1].zone = 0;
        }
        struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.site = &plan, .state = mem, .state_bytes = BYTES}, NULL);
        double at_s = restarts * 12 * DAY_S;
        arp(t, at_s + 1, "10.0.2.5", 5);
        talk(t, at_s + 2, "10.0.2.5", "10.0.1.1", 80);
        if (restarts == 2)
            arp(t, at_s + 3, "10.0.2.6", 6);
        kd_tb_finish(t);
        CHECK(kd_tb_count(t, "KD-PO-0044") == (restarts == 2));
        kd_tb_free(t);
    }
    free(mem);
}

static void list_of_devices_needs_no_learning(void)
{
    make_plan();
    plan.zone[1].listed = true;
    add_host("10.0.2.5", 0);
    plan.host[plan.n_hosts++].mac = (struct kd_mac){{2, 0, 0, 0, 1, 6}};
    struct kd_tb *t = start(NULL);
    talk(t, 1, "10.0.2.5", "10.0.1.1", 80);
    arp(t, 2, "10.0.2.6", 6);
    CHECK((kd_tb_send(t), kd_tb_count(t, "KD-PO-0044") == 0));
    talk(t, 3, "10.0.1.1", "10.0.2.7", 80); /* it answers: it is there */
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 4, .src = "10.0.1.1", .dst = "10.0.2.8", .src_port = 1, .dst_port = 2,
                                       .state = "no_answer"});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0044") == 1 && last(t, "KD-PO-0044") != NULL);
    CHECK(strcmp(last(t, "KD-PO-0044")->host, "10.0.2.7") == 0);
    kd_tb_free(t);
}

static void dns(struct kd_tb *t, double at_s, const char *src, const char *dst)
{
    struct kd_rec_dns n = {.kind = kd_str("answer"), .rrname = kd_str("www.example.jp"), .rrtype = kd_str("A"), .latency_us = 9};
    struct kd_rec_head h = kd_tb_head(KD_REC_DNS, at_s, src, 50000, dst, 53);
    h.app = KD_APP_DNS;
    kd_tb_put(t, h, &n);
}

static void dhcp(struct kd_tb *t, double at_s, const char *server)
{
    struct kd_rec_dhcp c = {.dhcp_type = kd_str("offer"), .kind = kd_str("reply")};
    CHECK(kd_addr_parse(kd_str(server), &c.server_ip) && kd_addr_parse(kd_str("10.0.1.50"), &c.assigned_ip));
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, at_s, server, 67, "255.255.255.255", 68), &c);
}

static void mail(struct kd_tb *t, double at_s, const char *server)
{
    struct kd_bytes to = kd_str("a@example.jp");
    struct kd_rec_smtp m = {.mail_from = kd_str("b@example.jp"), .rcpt_to = {&to, 1}};
    struct kd_rec_head h = kd_tb_head(KD_REC_SMTP, at_s, "10.0.1.5", 50000, server, 25);
    h.app = KD_APP_SMTP;
    kd_tb_put(t, h, &m);
}

static void proxy(struct kd_tb *t, double at_s, const char *server, uint16_t status)
{
    struct kd_rec_http w = {.http_method = kd_str("CONNECT"), .url = kd_str("www.example.jp:443"), .status = status};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, at_s, "10.0.1.5", 50000, server, 8080), &w);
}

static void unregistered_servers_are_told(void)
{
    make_plan();
    add_host("10.0.1.53", KD_DUTY_DNS | KD_DUTY_DHCP);
    add_host("10.0.1.10", KD_DUTY_DC);
    add_host("10.0.1.25", KD_DUTY_MAIL);
    add_host("10.0.1.80", KD_DUTY_PROXY);
    struct kd_tb *t = start(NULL);
    dns(t, 1, "10.0.1.5", "10.0.1.53");
    dns(t, 2, "10.0.1.5", "10.0.1.10");
    dhcp(t, 3, "10.0.1.53");
    mail(t, 4, "10.0.1.25");
    proxy(t, 5, "10.0.1.80", 200);
    proxy(t, 6, "10.0.1.99", 403);
    dns(t, 7, "10.0.1.53", "203.0.113.53"); /* the site's own server asks on */
    mail(t, 8, "203.0.113.25");
    CHECK((kd_tb_send(t), kd_tb_count(t, "KD-PO-0045") == 0 && kd_tb_count(t, "KD-PO-0047") == 0));
    dns(t, 11, "10.0.1.5", "10.0.1.99");
    dhcp(t, 12, "10.0.1.98");
    mail(t, 13, "10.0.1.97");
    proxy(t, 14, "10.0.1.96", 200);
    dns(t, 15, "10.0.1.5", "203.0.113.53");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0045") == 4 && kd_tb_count(t, "KD-PO-0047") == 1 && t->unfilled == 0);
    kd_tb_free(t);
}

static void without_a_list_the_first_days_decide(void)
{
    make_plan();
    struct kd_tb *t = start("registered.learn_days=2");
    dns(t, 1, "10.0.1.5", "10.0.1.53");
    dns(t, 2, "10.0.1.5", "203.0.113.53");
    dns(t, 3 * DAY_S, "10.0.1.5", "10.0.1.53");
    CHECK((kd_tb_send(t), kd_tb_count(t, "KD-PO-0045") == 0));
    dns(t, 3 * DAY_S + 1, "10.0.1.5", "10.0.1.54");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0045") == 1 && kd_tb_count(t, "KD-PO-0047") == 0);
    kd_tb_free(t);
}

static void new_partner_of_a_medical_device_is_told(void)
{
    make_plan();
    struct kd_tb *t = start(NULL);
    for (unsigned day = 0; day < 9; day++) {
        talk(t, day * DAY_S, "10.0.3.5", "10.0.1.1", 104);
        talk(t, day * DAY_S + 1, "10.0.1.7", "10.0.3.5", 80);
    }
    CHECK((kd_tb_send(t), kd_tb_count(t, "KD-PO-0046") == 0));
    talk(t, 9 * DAY_S, "10.0.3.5", "10.0.1.2", 445);
    talk(t, 9 * DAY_S + 1, "10.0.3.5", "203.0.113.9", 443);
    talk(t, 9 * DAY_S + 2, "10.0.3.6", "10.0.1.1", 104); /* a new device has its own time of learning */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0046") == 2 && t->unfilled == 0);
    const struct kd_tb_alert *a = last(t, "KD-PO-0046");
    CHECK(a != NULL && strcmp(a->host, "10.0.3.5") == 0 && strcmp(a->severity, "medium") == 0);
    kd_tb_free(t);
}

static void silent_without_a_plan(void)
{
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.tunables = "registered.learn_days=0"}, NULL);
    dns(t, 1, "10.0.1.5", "10.0.1.53");
    dhcp(t, 2, "10.0.1.98");
    arp(t, 3, "10.0.2.5", 5);
    talk(t, 4, "10.0.3.5", "203.0.113.9", 443);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(new_device_in_a_guarded_zone_is_told);
    RUN(known_devices_outlive_the_process);
    RUN(list_of_devices_needs_no_learning);
    RUN(unregistered_servers_are_told);
    RUN(without_a_list_the_first_days_decide);
    RUN(new_partner_of_a_medical_device_is_told);
    RUN(silent_without_a_plan);
    return tap_done();
}
