/* SPDX-License-Identifier: Apache-2.0 */
/* Every row: the inside of a rule, what it is shown, and whether it must match. */
#include "match/match.h"
#include "rule/rules.h"
#include "rule/thresholds.h"

#include "../../tests/tap.h"

struct world {
    struct kd_pool *pool;
    struct kd_rules *rules;
    struct kd_ruleset *set;
    struct kd_matcher *m;
    struct kd_match_flow *flow;
    struct kd_packet packet;
    struct kd_match_at at;
    uint8_t quiet;
    unsigned alerts;
    struct kd_pool *new_pool; /* of rules that came later */
    uint32_t last_sid;
};

static void on_alert(void *arg, const struct kd_match_alert *a)
{
    struct world *w = arg;
    w->alerts++;
    w->last_sid = a->sid;
}

static struct world *begin(const char *rules)
{
    struct world *w = calloc(1, sizeof(*w));
    struct kd_err err = {0};
    w->pool = kd_pool_new(64 << 20);
    w->rules = kd_rules_new(w->pool, &kd_limits_default);
    if (kd_rules_read(w->rules, "test", kd_str(rules)) != KD_OK || kd_rules_finish(w->rules) != KD_OK)
        abort();
    for (uint32_t i = 0; i < w->rules->n_refused; i++)
        printf("# refused, line %u: %s\n", w->rules->refusal[i].line, w->rules->refusal[i].why);
    w->set = kd_ruleset_new(w->rules, kd_str(NULL), &err);
    if (w->set == NULL)
        abort();
    w->m = kd_matcher_new(w->set, w->pool, &kd_limits_default, 1, (struct kd_match_out){.alert = on_alert, .arg = w});
    w->packet = (struct kd_packet){.proto = KD_IP_TCP, .ip_version = 4, .ttl = 64, .tcp_flags = KD_TCP_ACK, .sport = 50000, .dport = 80};
    w->at = (struct kd_match_at){
        .packet = &w->packet, .proto = KD_IP_TCP, .port = {50000, 80}, .established = true, .now_us = 1000000,
        .packets = {2, 1}, .flow = &w->flow, .flow_id = 7, .quiet = &w->quiet, .app = KD_APP_HTTP,
    };
    if (!kd_addr_parse(kd_str("10.0.0.5"), &w->at.addr[0]) || !kd_addr_parse(kd_str("203.0.113.9"), &w->at.addr[1]))
        abort();
    w->packet.src = w->at.addr[0];
    w->packet.dst = w->at.addr[1];
    return w;
}

static void end(struct world *w)
{
    kd_match_flow_end(w->m, &w->flow);
    kd_matcher_free(w->m);
    kd_ruleset_free(w->set);
    kd_rules_free(w->rules);
    kd_pool_free(w->new_pool);
    CHECK(kd_pool_used(w->pool) == 0);
    kd_pool_free(w->pool);
    free(w);
}

static void show_packet(struct world *w, struct kd_bytes payload)
{
    w->packet.payload = payload;
    w->packet.payload_wire = (uint32_t)payload.n;
    bool done = payload.n > 0 && kd_match_stream(w->m, &w->at, 0, payload, true);
    kd_match_packet(w->m, &w->at, done);
}

static bool matches_payload(const char *inside, const char *payload, size_t n)
{
    char rule[2000];
    snprintf(rule, sizeof(rule), "alert tcp any any -> any any (msg:\"t\"; %s sid:1; rev:1;)\n", inside);
    struct world *w = begin(rule);
    show_packet(w, kd_bytes_of(payload, n));
    bool hit = w->alerts > 0;
    end(w);
    return hit;
}

static void conditions_on_payload(void)
{
    static const struct {
        const char *inside, *payload;
        bool match;
    } rows[] = {
        {"content:\"abc\";", "xxabcxx", true},
        {"content:\"abc\";", "xxabxcx", false},
        {"content:\"ABC\"; nocase;", "xxaBcxx", true},
        {"content:\"ABC\";", "xxaBcxx", false},
        {"content:\"abc\"; content:!\"x\";", "abc", true},
        {"content:\"abc\"; content:!\"x\";", "abcx", false},
        {"content:\"abc\"; depth:3;", "abcd", true},
        {"content:\"abc\"; depth:3;", "zabcd", false},
        {"content:\"abc\"; offset:1; depth:3;", "zabcd", true},
        {"content:\"abc\"; offset:2;", "zabcd", false},
        {"content:\"abc\"; startswith;", "abcd", true},
        {"content:\"abc\"; startswith;", "zabc", false},
        {"content:\"abc\"; endswith;", "zabc", true},
        {"content:\"abc\"; endswith;", "abcz", false},
        {"content:\"ab\"; content:\"cd\"; distance:1;", "abXcd", true},
        {"content:\"ab\"; content:\"cd\"; distance:1;", "abcd", false},
        {"content:\"ab\"; content:\"cd\"; within:3;", "abXcd", true},
        {"content:\"ab\"; content:\"cd\"; within:2;", "abXcd", false},
        /* the second "ab" is the right one */
        {"content:\"ab\"; content:\"cd\"; within:2;", "abXXabcd", true},
        {"content:\"ab\"; pcre:\"/^c[0-9]d/R\";", "abc7d", true},
        {"content:\"ab\"; pcre:\"/^c[0-9]d/R\";", "abXc7d", false},
        {"pcre:\"/h(e|a)llo/i\";", "say HALLO", true},
        {"pcre:\"/h(e|a)llo/\";", "say HALLO", false},
        {"content:\"n=\"; byte_test:2,>,30,0,relative,string,dec;", "n=31", true},
        {"content:\"n=\"; byte_test:2,>,30,0,relative,string,dec;", "n=29", false},
        {"content:\"n\"; byte_jump:1,0,relative,string,dec; content:\"end\"; within:3;", "n2XXend", true},
        {"content:\"n\"; byte_jump:1,0,relative,string,dec; content:\"end\"; within:3;", "n3XXend", false},
        {"content:\"l\"; byte_extract:1,0,len,relative,string,dec; content:\"z\"; offset:len; depth:1;", "l4xxz", true},
        {"content:\"l\"; byte_extract:1,0,len,relative,string,dec; content:\"z\"; offset:len; depth:1;", "l3xxz", false},
        {"content:\"ab\"; isdataat:2,relative;", "abcd", true},
        {"content:\"ab\"; isdataat:2,relative;", "abc", false},
        {"content:\"ab\"; isdataat:!1,relative;", "xab", true},
        {"content:\"ab\"; isdataat:!1,relative;", "abc", false},
        {"dsize:4;", "abcd", true},
        {"dsize:4;", "abc", false},
        {"content:\"a\"; dsize:>2;", "abc", true},
        {"content:\"a\"; dsize:>2;", "ab", false},
        {"flags:A;", "x", true},
        {"flags:S;", "x", false},
        {"ttl:64;", "x", true},
        {"ttl:<64;", "x", false},
        {"content:\"x\"; flow:established,to_server;", "x", true},
        {"content:\"x\"; flow:established,to_client;", "x", false},
        {"content:\"YWJj\"; base64_decode:bytes 4,offset 0; base64_data; content:\"abc\";", "YWJj", true},
        {"content:\"YWJj\"; base64_decode:bytes 4,offset 0; base64_data; content:\"abd\";", "YWJj", false},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        bool hit = matches_payload(rows[i].inside, rows[i].payload, strlen(rows[i].payload));
        if (hit != rows[i].match)
            printf("# %s on %s\n", rows[i].inside, rows[i].payload);
        CHECK(hit == rows[i].match);
    }
}

static void addresses_and_ports(void)
{
    static const struct {
        const char *header;
        bool match;
    } rows[] = {
        {"10.0.0.0/8 any -> any any", true},       {"10.0.1.0/24 any -> any any", false},
        {"!10.0.0.0/8 any -> any any", false},     {"any any -> [203.0.113.9,192.0.2.1] 80", true},
        {"any any -> any [81:90,!85]", false},     {"any any -> any [1:80]", true},
        {"any 80 -> any any", false},              {"any 80 <> any any", true},
        {"[10.0.0.5,10.0.0.6] any -> any any", true},
        {"203.0.113.9 any -> any any", false},     {"$HOME_NET any -> $EXTERNAL_NET any", true},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        for (unsigned with = 0; with < 2; with++) {
            char rule[500];
            snprintf(rule, sizeof(rule), "alert tcp %s (msg:\"t\"; %s sid:1; rev:1;)\n", rows[i].header,
                     with ? "content:\"needle\";" : "flags:A;");
            struct world *w = begin(rule);
            show_packet(w, kd_str("a needle"));
            if ((w->alerts > 0) != rows[i].match)
                printf("# %s", rule);
            CHECK((w->alerts > 0) == rows[i].match);
            end(w);
        }
}

static void across_pieces_of_a_stream(void)
{
    struct world *w = begin("alert tcp any any -> any any (msg:\"t\"; content:\"first\"; content:\"second\"; distance:0; sid:1;)\n");
    show_packet(w, kd_str("the fir"));
    show_packet(w, kd_str("st and the sec"));
    CHECK(w->alerts == 0);
    show_packet(w, kd_str("ond"));
    CHECK(w->alerts == 1);
    show_packet(w, kd_str("no more")); /* what was told is not told again */
    CHECK(w->alerts == 1);
    end(w);
}

static void request(struct world *w, const char *method, const char *uri, const char *body)
{
    kd_match_enter(w->m, &w->at, kd_str(NULL));
    kd_match_value(w->m, KD_IN_HTTP_METHOD, 0, kd_str(method));
    kd_match_value(w->m, KD_IN_HTTP_URI, 0, kd_str(uri));
    kd_match_number(w->m, KD_NUM_URILEN, 0, strlen(uri));
    kd_match_end(w->m, 0, KD_INSPECT_HEAD);
    kd_match_leave(w->m); /* the body comes with the next packet */
    kd_match_enter(w->m, &w->at, kd_str(NULL));
    if (body != NULL)
        kd_match_value(w->m, KD_IN_FILE_DATA, 0, kd_str(body));
    kd_match_end(w->m, 0, KD_INSPECT_ALL);
    kd_match_leave(w->m);
}

static void transactions(void)
{
    struct world *w = begin(
        "alert http any any -> any any (msg:\"1\"; http.method; content:\"POST\"; http.uri; content:\"/a\"; startswith; sid:1;)\n"
        "alert http any any -> any any (msg:\"2\"; http.method; content:\"POST\"; http.request_body; content:\"secret\"; sid:2;)\n"
        "alert http any any -> any any (msg:\"3\"; http.uri; bsize:>20; sid:3;)\n"
        "alert http any any -> any any (msg:\"4\"; http.uri; to_lowercase; content:\"/upper\"; sid:4;)\n");
    request(w, "GET", "/a", "secret");
    CHECK(w->alerts == 0);
    request(w, "POST", "/a", "nothing");
    CHECK(w->alerts == 1 && w->last_sid == 1);
    request(w, "POST", "/b", "a secret");
    CHECK(w->alerts == 2 && w->last_sid == 2);
    request(w, "GET", "/a/very/long/path/indeed", NULL);
    CHECK(w->alerts == 3 && w->last_sid == 3);
    request(w, "GET", "/UPPER", NULL);
    CHECK(w->alerts == 4 && w->last_sid == 4);
    end(w);
}

static void flow_bits_and_thresholds(void)
{
    struct world *w = begin(
        "alert tcp any any -> any any (msg:\"set\"; content:\"one\"; flowbits:set,seen; flowbits:noalert; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"asks\"; content:\"two\"; flowbits:isset,seen; sid:2;)\n"
        "alert tcp any any -> any any (msg:\"limit\"; content:\"three\"; threshold:type limit, track by_src, count 1, seconds 60; sid:3;)\n"
        "alert tcp any any -> any any (msg:\"nth\"; content:\"four\"; threshold:type threshold, track by_src, count 2, seconds 60; sid:4;)\n");
    show_packet(w, kd_str("two"));
    CHECK(w->alerts == 0);
    show_packet(w, kd_str("one"));
    CHECK(w->alerts == 0);
    show_packet(w, kd_str("two"));
    CHECK(w->alerts == 1 && w->last_sid == 2);
    for (int i = 0; i < 3; i++)
        show_packet(w, kd_str("three"));
    CHECK(w->alerts == 2 && w->last_sid == 3);
    for (int i = 0; i < 4; i++)
        show_packet(w, kd_str("four"));
    CHECK(w->alerts == 4 && w->last_sid == 4);
    end(w);
}

/* The matcher goes over to other rules, as an engine does. */
static void exchange(struct world *w, const char *rules)
{
    struct world *next = begin(rules);
    struct kd_ruleset *set = w->set;
    struct kd_rules *of = w->rules;
    CHECK(kd_matcher_move(w->m, next->set));
    w->quiet = 0;
    if (w->flow != NULL)
        kd_match_flow_moves(w->m, w->flow);
    kd_matcher_moved(w->m);
    kd_matcher_free(next->m);
    kd_ruleset_free(set);
    kd_rules_free(of);
    w->set = next->set;
    w->rules = next->rules;
    if (w->new_pool != NULL)
        kd_pool_free(w->new_pool);
    w->new_pool = next->pool;
    free(next);
}

static void other_rules_between_packets(void)
{
#define SETS "alert tcp any any -> any any (msg:\"s\"; content:\"first\"; flowbits:set,seen; noalert; sid:1;)\n"
#define ASKS "alert tcp any any -> any any (msg:\"a\"; content:\"second\"; flowbits:isset,seen; sid:2;)\n"
#define OTHER "alert tcp any any -> any any (msg:\"o\"; content:\"third\"; flowbits:isset,other; flowbits:isnotset,more; sid:3;)\n"
#define RARE "alert tcp any any -> any any (msg:\"r\"; content:\"often\"; threshold:type limit,track by_src,count 2,seconds 60; sid:4;)\n"
    struct world *w = begin(SETS ASKS RARE);
    show_packet(w, kd_str("GET first"));
    show_packet(w, kd_str("often"));
    CHECK(w->alerts == 1 && w->last_sid == 4);
    exchange(w, RARE OTHER ASKS SETS); /* other numbers for the same names */
    show_packet(w, kd_str("third"));
    CHECK(w->alerts == 1);
    show_packet(w, kd_str("second"));
    CHECK(w->alerts == 2 && w->last_sid == 2);
    show_packet(w, kd_str("often"));
    show_packet(w, kd_str("often")); /* the third of the window */
    CHECK(w->alerts == 3 && w->last_sid == 4);
    uint32_t often = kd_rules_find(w->rules, 1, 4)->index;
    CHECK(kd_matcher_count(w->m, often).matches == 3); /* one under the former rules */
    exchange(w, OTHER); /* the bit's name is gone, and comes back as a new one */
    exchange(w, ASKS OTHER);
    show_packet(w, kd_str("second"));
    CHECK(w->alerts == 3);
    end(w);
}

/* Of a request that was half told when the rules changed nothing is judged; of the next, all. */
static void other_rules_within_a_transaction(void)
{
    struct world *w = begin("alert http any any -> any any (msg:\"m\"; http.method; content:\"POST\"; sid:1;)\n");
    kd_match_enter(w->m, &w->at, kd_str("POST /gate.php"));
    kd_match_value(w->m, KD_IN_HTTP_METHOD, 0, kd_str("POST"));
    kd_match_leave(w->m);
    exchange(w, "alert http any any -> any any (msg:\"u\"; http.uri; content:\"/gate\"; http.method; content:!\"GET\"; sid:2;)\n");
    kd_match_enter(w->m, &w->at, kd_str("POST /gate.php"));
    kd_match_value(w->m, KD_IN_HTTP_URI, 0, kd_str("/gate.php"));
    kd_match_value(w->m, KD_IN_FILE_DATA, 0, kd_str("body"));
    kd_match_end(w->m, 0, KD_INSPECT_ALL);
    kd_match_leave(w->m);
    CHECK(w->alerts == 0);
    request(w, "POST", "/gate.php", "");
    CHECK(w->alerts == 1 && w->last_sid == 2);
    end(w);
}

static void suppressed_alerts_are_not_told(void)
{
    struct world *w = begin("alert tcp any any -> any any (msg:\"s\"; content:\"first\"; sid:1;)\n");
    CHECK(kd_rules_thresholds(w->rules, "t", kd_str("suppress gen_id 1, sig_id 1, track by_src, ip 10.0.0.0/24\n")) == KD_OK);
    show_packet(w, kd_str("first"));
    CHECK(w->alerts == 0);
    CHECK(kd_addr_parse(kd_str("10.9.0.5"), &w->at.addr[0]));
    w->at.flow_id = 8;
    show_packet(w, kd_str("first"));
    CHECK(w->alerts == 1);
    end(w);
}

static void keep_payload(void *arg, const struct kd_match_alert *a)
{
    struct kd_out *o = arg;
    o->n = 0;
    kd_out_bytes(o, a->payload);
}

static void nothing_is_sought_across_a_hole(void)
{
    struct world *w = begin("alert tcp-stream any any -> any any (msg:\"a\"; content:\"VERYDATA\"; sid:1;)\n"
                            "alert tcp-stream any any -> any any (msg:\"b\"; content:\"DATAMORE\"; sid:2;)\n");
    uint8_t room[256];
    struct kd_out seen = kd_out_of(room, sizeof(room));
    kd_matcher_free(w->m);
    w->m = kd_matcher_new(w->set, w->pool, &kd_limits_default, 1, (struct kd_match_out){.alert = keep_payload, .arg = &seen});
    (void)kd_match_stream(w->m, &w->at, 0, kd_str("VERY"), true);
    kd_match_gap(w->m, &w->at, 0, 4);
    (void)kd_match_stream(w->m, &w->at, 0, kd_str("DATA"), true);
    CHECK(seen.n == 0);
    (void)kd_match_stream(w->m, &w->at, 0, kd_str("MORE"), true);
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&seen), "VERY[4 bytes missing]DATAMORE"));
    end(w);
}

/* A packet that passes takes its own alerts along; addresses, streams and bypass the whole conversation's. */
static void what_passes_is_looked_at_no_further(void)
{
    static const struct {
        const char *pass;
        unsigned alerts; /* of two packets with "bad" */
        bool bypassed;
    } rows[] = {
        {"pass ip 10.0.0.5 any -> any any (msg:\"p\"; sid:2;)\n", 0, false},
        {"pass ip 10.0.0.6 any -> any any (msg:\"p\"; sid:2;)\n", 2, false},
        {"pass tcp-stream any any -> any any (msg:\"p\"; content:\"good\"; sid:2;)\n", 0, false},
        {"pass tcp-pkt any any -> any any (msg:\"p\"; content:\"good\"; bypass; sid:2;)\n", 0, true},
        {"alert tcp-pkt any any -> any any (msg:\"p\"; content:\"good\"; bypass; noalert; sid:2;)\n", 0, true},
        {"alert tcp-pkt any any -> any any (msg:\"p\"; content:\"good\"; noalert; sid:2;)\n", 2, false},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        char rules[400];
        snprintf(rules, sizeof(rules), "%salert tcp-pkt any any -> any any (msg:\"t\"; content:\"bad\"; sid:1;)\n", rows[i].pass);
        struct world *w = begin(rules);
        w->at.packets[0] = 1;
        if (kd_match_wants_first(w->m))
            kd_match_first(w->m, &w->at);
        show_packet(w, kd_str("good"));
        w->at.packets[0] = 2;
        show_packet(w, kd_str("bad"));
        show_packet(w, kd_str("bad"));
        CHECK(w->alerts == rows[i].alerts);
        CHECK((w->flow != NULL && kd_match_bypassed(w->flow)) == rows[i].bypassed);
        end(w);
    }
}

static void every_vlan_tag_counts(void)
{
    static const struct {
        const char *inside;
        bool match;
    } rows[] = {
        {"vlan.id:200,0;", true},  {"vlan.id:300;", true},      {"vlan.id:400,-1;", true},     {"vlan.id:300,0;", false},
        {"vlan.id:500;", false},   {"vlan.id:>100,all;", true}, {"vlan.id:>200,all;", false},  {"vlan.id:!500,all;", true},
        {"vlan.layers:3;", true},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        char rule[200];
        snprintf(rule, sizeof(rule), "alert ip any any -> any any (msg:\"v\"; %s sid:1;)\n", rows[i].inside);
        struct world *w = begin(rule);
        w->packet.tags = 3;
        w->packet.tag[0] = 200;
        w->packet.tag[1] = 300;
        w->packet.tag[2] = w->packet.vlan = 400;
        show_packet(w, kd_str("x"));
        if ((w->alerts > 0) != rows[i].match)
            printf("# %s\n", rows[i].inside);
        CHECK((w->alerts > 0) == rows[i].match);
        end(w);
    }
}

static void a_cache_gives_the_same_rules(void)
{
    struct world *w = begin("alert tcp any any -> any any (msg:\"t\"; content:\"needle\"; sid:1;)\n");
    struct kd_err err = {0};
    size_t n = 0;
    uint8_t *saved = kd_ruleset_save(w->set, &n);
    CHECK(saved != NULL && n > 0 && !kd_ruleset_size(w->set).from_cache);
    struct kd_ruleset *again = kd_ruleset_new(w->rules, kd_bytes_of(saved, n), &err);
    CHECK(again != NULL && kd_ruleset_size(again).from_cache);
    kd_ruleset_free(again);
    again = kd_ruleset_new(w->rules, kd_bytes_of(saved, n / 2), &err); /* a broken one is made anew */
    CHECK(again != NULL && !kd_ruleset_size(again).from_cache);
    kd_ruleset_free(again);
    free(saved);
    end(w);
}

int main(void)
{
    RUN(conditions_on_payload);
    RUN(addresses_and_ports);
    RUN(across_pieces_of_a_stream);
    RUN(transactions);
    RUN(flow_bits_and_thresholds);
    RUN(other_rules_between_packets);
    RUN(other_rules_within_a_transaction);
    RUN(suppressed_alerts_are_not_told);
    RUN(nothing_is_sought_across_a_hole);
    RUN(what_passes_is_looked_at_no_further);
    RUN(every_vlan_tag_counts);
    RUN(a_cache_gives_the_same_rules);
    return tap_done();
}
