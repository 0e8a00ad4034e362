/* SPDX-License-Identifier: Apache-2.0 */
/* Rules nobody would write in good faith: refused with a reason, or bounded; and rules that cannot match cost nothing. */
#include <time.h>

#include "base/out.h"
#include "match/match.h"
#include "rule/rules.h"

#include "../../tests/tap.h"

static struct kd_pool *pool;
static unsigned alerts;

static void on_alert(void *arg, const struct kd_match_alert *a)
{
    (void)arg;
    (void)a;
    alerts++;
}

static struct kd_rules *read_text(const char *text, size_t n)
{
    pool = kd_pool_new((size_t)1 << 30);
    struct kd_rules *rules = kd_rules_new(pool, &kd_limits_default);
    CHECK(kd_rules_read(rules, "t", kd_bytes_of(text, n)) == KD_OK && kd_rules_finish(rules) == KD_OK);
    return rules;
}

static void done(struct kd_rules *rules)
{
    kd_rules_free(rules);
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

static struct kd_out room_of(size_t n)
{
    return kd_out_of(malloc(n), n);
}

static void refused_with_a_reason(const char *what, const char *begin, const char *piece, size_t times, const char *end)
{
    struct kd_out text = room_of(strlen(begin) + times * strlen(piece) + strlen(end) + 1);
    kd_out_str(&text, begin);
    for (size_t i = 0; i < times; i++)
        kd_out_str(&text, piece);
    kd_out_str(&text, end);
    struct kd_rules *rules = read_text((const char *)text.p, text.n);
    printf("# %s: %s\n", what, rules->n_refused > 0 ? rules->refusal[0].why : "taken");
    CHECK(rules->n_read == 1 && rules->n == 0 && rules->n_refused == 1 && rules->refusal[0].line == 1 &&
          rules->refusal[0].why[0] != '\0');
    done(rules);
    free(text.p);
}

static void one_rule_too_large(void)
{
    const char *head = "alert tcp any any -> any any (msg:\"x\"; ";
    refused_with_a_reason("a line of 10 MB", "alert tcp any any -> any any (msg:\"", "aaaaaaaaaa", 1000000, "\"; sid:1;)\n");
    refused_with_a_reason("100,000 contents", head, "content:\"a\"; ", 100000, "sid:1;)\n");
    refused_with_a_reason("addresses within addresses", "alert tcp ", "[", 2000, "any any -> any any (sid:1;)\n");
}

/* Names beyond the limit are refused, the others run. */
static void more_flow_bits_than_there_may_be(void)
{
    enum { BITS = 150000 };
    struct kd_out text = room_of((size_t)BITS * 70);
    for (unsigned i = 0; i < BITS; i++)
        kd_out_fmt(&text, "alert tcp any any -> any any (flowbits:set,b%u; sid:%u;)\n", i, i + 1);
    struct kd_rules *rules = read_text((const char *)text.p, text.n);
    CHECK(rules->n_read == BITS && rules->n + rules->n_refused == BITS);
    CHECK(rules->flowbits.n <= kd_limits_default.rule_names && rules->n <= kd_limits_default.rules);
    CHECK(rules->n_refused > 0 && rules->refusal[0].why[0] != '\0');
    printf("# %u bits, %u rules, %u refused: %s\n", rules->flowbits.n, rules->n, rules->n_refused, rules->refusal[0].why);
    done(rules);
    free(text.p);
}

struct world {
    struct kd_packet packet;
    struct kd_match_at at;
    struct kd_match_flow *flow;
    uint8_t quiet;
};

static void set_up(struct world *w)
{
    *w = (struct world){.packet = {.proto = KD_IP_TCP, .ttl = 64, .tcp_flags = KD_TCP_ACK, .sport = 50000, .dport = 80}};
    w->at = (struct kd_match_at){
        .packet = &w->packet, .proto = KD_IP_TCP, .port = {50000, 80}, .established = true, .now_us = 1000000,
        .packets = {2, 1}, .flow = &w->flow, .flow_id = 7, .quiet = &w->quiet, .app = KD_APP_HTTP,
    };
    CHECK(kd_addr_parse(kd_str("10.0.0.5"), &w->at.addr[0]) && kd_addr_parse(kd_str("203.0.113.9"), &w->at.addr[1]));
    w->packet.src = w->at.addr[0];
    w->packet.dst = w->at.addr[1];
}

/* The same payload to rules of `text`: what the matcher did. */
static struct kd_match_stats shown(const char *text, size_t n, struct kd_bytes payload)
{
    struct kd_err err = {0};
    struct world w;
    struct kd_rules *rules = read_text(text, n);
    struct kd_ruleset *set = kd_ruleset_new(rules, kd_str(NULL), &err);
    struct kd_matcher *m = kd_matcher_new(set, pool, &kd_limits_default, 1, (struct kd_match_out){.alert = on_alert});
    set_up(&w);
    alerts = 0;
    w.packet.payload = payload;
    w.packet.payload_wire = (uint32_t)payload.n;
    kd_match_packet(m, &w.at, kd_match_stream(m, &w.at, 0, payload, true));
    struct kd_match_stats stats = *kd_matcher_stats(m);
    kd_match_flow_end(m, &w.flow);
    kd_matcher_free(m);
    kd_ruleset_free(set);
    done(rules);
    return stats;
}

/* Exponential for a careless engine: the steps are bounded, and the other rules are judged. */
static void a_catastrophic_expression(void)
{
    static const char text[] = "alert tcp any any -> any any (content:\"evil\"; pcre:\"/^evil(a+)+(a+)+(a+)+$/\"; sid:1;)\n"
                               "alert tcp any any -> any any (content:\"evil\"; pcre:\"/evil(.*)*x(.*)*y$/s\"; sid:2;)\n"
                               "alert tcp any any -> any any (content:\"evil\"; sid:3;)\n";
    static char payload[60000];
    memset(payload, 'a', sizeof(payload));
    memcpy(payload, "evil", 4);
    payload[sizeof(payload) - 1] = '!';
    clock_t before = clock();
    (void)shown(text, sizeof(text) - 1, kd_bytes_of(payload, sizeof(payload)));
    printf("# %.3f s\n", (double)(clock() - before) / CLOCKS_PER_SEC);
    CHECK(alerts == 1);
}

/* 100,000 more rules, none of which can match here: the same scans of the same bytes, the same candidates. */
static void rules_that_cannot_match_are_free(void)
{
    enum { MORE = 100000 };
    static const char one[] = "alert tcp any any -> any any (content:\"needle\"; sid:1;)\n";
    static char payload[20000];
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (char)('a' + i * 7 % 26);
    memcpy(payload + 9000, "needle", 6);
    struct kd_match_stats few = shown(one, sizeof(one) - 1, kd_bytes_of(payload, sizeof(payload)));
    CHECK(alerts == 1);
    struct kd_out text = room_of((size_t)MORE * 120);
    kd_out_str(&text, one);
    for (unsigned i = 0; i < MORE; i++)
        if (i % 2 == 0)
            kd_out_fmt(&text, "alert udp any any -> any %u (content:\"other%u\"; sid:%u;)\n", i % 60000 + 1, i % 5000, i + 10);
        else
            kd_out_fmt(&text, "alert tls any any -> any any (tls.sni; content:\"name%u.example\"; sid:%u;)\n", i % 5000, i + 10);
    struct kd_match_stats many = shown((const char *)text.p, text.n, kd_bytes_of(payload, sizeof(payload)));
    CHECK(alerts == 1 && many.scans == few.scans && many.scanned_bytes == few.scanned_bytes &&
          many.candidates == few.candidates && many.verified == few.verified);
    free(text.p);
}

int main(void)
{
    RUN(one_rule_too_large);
    RUN(more_flow_bits_than_there_may_be);
    RUN(a_catastrophic_expression);
    RUN(rules_that_cannot_match_are_free);
    return tap_done();
}
