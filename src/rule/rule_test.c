/* SPDX-License-Identifier: Apache-2.0 */
/* Every keyword with values that must be taken and values that must be refused; headers; the rule
 * as a whole. */
#include "../../tests/tap.h"
#include "rule/explain.h"
#include "rule/thresholds.h"

static struct kd_pool *pool;
static struct kd_rules *rules;

enum { TEXT_MAX = 4096 };

static void load(const char *text)
{
    kd_rules_free(rules);
    rules = kd_rules_new(pool, &kd_limits_default);
    CHECK(rules != NULL && kd_rules_read(rules, "test", kd_str(text)) == KD_OK &&
          kd_rules_finish(rules) == KD_OK);
}

/* The only rule of the text; NULL: refused. */
static const struct kd_rule *rule(const char *text)
{
    load(text);
    return rules->n == 1 ? rules->rule[0] : NULL;
}

static const struct kd_rule *with(const char *proto, const char *options)
{
    char text[TEXT_MAX];
    snprintf(text, sizeof(text), "alert %s any any -> any any (msg:\"t\"; %s sid:1;)", proto,
             options);
    return rule(text);
}

static bool refused_for(const char *text, const char *why)
{
    load(text);
    return rules->n == 0 && rules->n_refused == 1 && strstr(rules->refusal[0].why, why) != NULL;
}

struct sample {
    const char *keyword, *proto;
    const char *good[4], *bad[4]; /* whole options */
};

static const struct sample samples[] = {
#include "rule/samples.def"
};

static void samples_are_taken_and_refused(void)
{
    for (size_t i = 0; i < KD_COUNT(samples); i++) {
        const struct sample *s = &samples[i];
        for (size_t k = 0; k < KD_COUNT(s->good) && s->good[k] != NULL; k++)
            if (with(s->proto, s->good[k]) == NULL) {
                printf("# refused: %s: %s\n", s->good[k],
                       rules->n_refused > 0 ? rules->refusal[0].why : "?");
                CHECK(false);
            }
        for (size_t k = 0; k < KD_COUNT(s->bad) && s->bad[k] != NULL; k++)
            if (with(s->proto, s->bad[k]) != NULL) {
                printf("# taken: %s\n", s->bad[k]);
                CHECK(false);
            }
    }
}

static bool has_sample(struct kd_bytes name)
{
    for (size_t i = 0; i < KD_COUNT(samples); i++)
        if (kd_bytes_eq_str(name, samples[i].keyword))
            return true;
    return false;
}

static void every_keyword_has_a_sample(void)
{
    struct kd_keyword_doc d;
    for (size_t i = 0; kd_keyword_doc(i, &d); i++) {
        struct kd_bytes names = kd_str(d.name);
        struct kd_bytes first = kd_bytes_cut(&names, ',');
        CHECK(d.en[0] != '\0' && d.ja[0] != '\0');
        if (!has_sample(first)) {
            printf("# no sample: %s\n", d.name);
            CHECK(false);
        }
    }
}

static const char *proto_of(enum kd_rule_proto p)
{
    return kd_rule_proto_rows[p].name;
}

static void each_name(const char *names, void (*fn)(const char *name, int row), int row)
{
    char name[64];
    struct kd_bytes rest = kd_str(names);
    while (rest.n > 0) {
        struct kd_bytes one = kd_bytes_cut(&rest, ',');
        snprintf(name, sizeof(name), "%.*s", (int)one.n, (const char *)one.p);
        fn(name, row);
    }
}

static void buffer(const char *name, int row)
{
    char options[256];
    const struct kd_inspect_row *r = &kd_inspect_rows[row];
    snprintf(options, sizeof(options), "%s; content:\"x\";", name);
    const struct kd_rule *got = with(proto_of(r->proto), options);
    if (got == NULL || got->n_looks != 1 || (int)got->look[0].buffer->in != row) {
        printf("# buffer %s\n", name);
        CHECK(false);
        return;
    }
    snprintf(options, sizeof(options), "%s;", name);
    CHECK(row == KD_IN_PAYLOAD ||
          with(proto_of(r->proto), options) == NULL); /* nothing is sought in it */
    snprintf(options, sizeof(options), "%s:1; content:\"x\";", name);
    CHECK(with(proto_of(r->proto), options) == NULL);
    snprintf(options, sizeof(options), "flow:%s; %s; content:\"x\";",
             r->dir == KD_INSPECT_SERVER ? "to_client" : "to_server", name);
    CHECK((with(proto_of(r->proto), options) == NULL) == (r->dir != KD_INSPECT_BOTH));
}

static void modifier(const char *name, int row)
{
    char options[256];
    snprintf(options, sizeof(options), "content:\"x\"; %s;", name);
    const struct kd_rule *got = with("http", options);
    CHECK(got != NULL && got->n_looks == 1 && (int)got->look[0].buffer->in == row);
    snprintf(options, sizeof(options), "%s;", name);
    CHECK(with("http", options) == NULL);
    snprintf(options, sizeof(options), "http.uri; content:\"x\"; %s;", name);
    CHECK(with("http", options) == NULL);
}

static void every_buffer_is_read(void)
{
    for (int i = 0; i < KD_IN_COUNT; i++) {
        if (i == KD_IN_FRAME)
            continue;
        each_name(kd_inspect_rows[i].name, buffer, i);
        each_name(kd_inspect_rows[i].aliases, buffer, i);
        each_name(kd_inspect_rows[i].modifier, modifier, i);
    }
}

static void number(const char *name, int row)
{
    char options[256];
    const struct kd_number_row *r = &kd_number_rows[row];
    const char *good[] = {"1", ">0", "<3", "!1", "1-4", "1<>4", ">=1", "<=1", "!=1"};
    const char *bad[] = {"", "x y", "1-", "4-1", "1-2", "<0", "18446744073709551616"};
    for (size_t i = 0; i < KD_COUNT(good); i++) {
        snprintf(options, sizeof(options), "%s:%s;", name, good[i]);
        const struct kd_rule *got = with(proto_of(r->proto), options);
        bool ok = got != NULL && got->n_checks == 1 && got->check[0].kind == KD_COND_NUMBER &&
                  (int)got->check[0].is.number.field == row;
        if (!ok)
            printf("# number %s\n", options);
        CHECK(ok);
    }
    for (size_t i = 0; i < KD_COUNT(bad); i++) {
        snprintf(options, sizeof(options), "%s:%s;", name, bad[i]);
        CHECK(with(proto_of(r->proto), options) == NULL);
    }
    for (struct kd_bytes rest = kd_str(r->words); rest.n > 0;) {
        struct kd_bytes word = kd_bytes_cut(&rest, ',');
        struct kd_bytes text = kd_bytes_cut(&word, '=');
        snprintf(options, sizeof(options), "%s:%.*s;", name, (int)text.n, (const char *)text.p);
        CHECK(with(proto_of(r->proto), options) != NULL);
    }
}

static void every_number_is_read(void)
{
    for (int i = 0; i < KD_NUM_COUNT; i++) {
        each_name(kd_number_rows[i].name, number, i);
        each_name(kd_number_rows[i].aliases, number, i);
    }
}

static bool range_is(const char *text, unsigned bits, uint64_t a, uint64_t b, enum kd_range_op op)
{
    struct kd_range r;
    return kd_range_parse(kd_str(text), bits, "", &r) && r.a == a && r.b == b && r.op == op;
}

static void ranges(void)
{
    CHECK(range_is("10", 8, 10, 10, KD_RANGE_IN));
    CHECK(range_is("=0x10", 8, 16, 16, KD_RANGE_IN));
    CHECK(range_is("! 5", 8, 5, 5, KD_RANGE_OUT));
    CHECK(range_is("!=5", 8, 5, 5, KD_RANGE_OUT));
    CHECK(range_is(">5", 8, 6, 255, KD_RANGE_IN));
    CHECK(range_is("<= 5", 8, 0, 5, KD_RANGE_IN));
    CHECK(range_is("5-8", 8, 6, 7, KD_RANGE_IN)); /* both ends apart */
    CHECK(range_is("5<>8", 8, 6, 7, KD_RANGE_IN));
    CHECK(range_is("!5-8", 8, 6, 7, KD_RANGE_OUT));
    CHECK(range_is("&0xc0=0x80", 8, 0xc0, 0x80, KD_RANGE_MASK_EQ));
    CHECK(range_is("&0xc0!=0", 8, 0xc0, 0, KD_RANGE_MASK_NE));
    CHECK(range_is("2kb", 16, 2048, 2048, KD_RANGE_IN));
    struct kd_range r;
    const char *bad[] = {"256", ">255", "<0", "5-6", "8-5", "&0xc0=2", "&3",
                         "x",   "",     "-1", "1 2", "0x",  "1kb"};
    for (size_t i = 0; i < KD_COUNT(bad); i++)
        CHECK(!kd_range_parse(kd_str(bad[i]), 8, "", &r));
}

static const struct kd_rule *header(const char *h)
{
    char text[TEXT_MAX];
    snprintf(text, sizeof(text), "%s (sid:1;)", h);
    return rule(text);
}

static bool addresses_are(const struct kd_addr_set *set, const char *text)
{
    uint8_t room[1024];
    struct kd_out o = kd_out_of(room, sizeof(room));
    for (uint32_t i = 0; i < set->n; i++) {
        kd_out_str(&o, i > 0 ? " " : "");
        kd_out_addr(&o, &set->range[i].first);
        kd_out_str(&o, "-");
        kd_out_addr(&o, &set->range[i].last);
    }
    bool same = kd_bytes_eq_str(kd_out_bytes_view(&o), text);
    if (!same)
        printf("# %.*s\n", (int)o.n, (const char *)room);
    return same;
}

static void headers(void)
{
    const struct kd_rule *r =
        header("alert tcp [10.0.0.0/8,!10.1.0.0/16] any -> 1.2.3.4 [80,443:445,!444]");
    CHECK(r != NULL && addresses_are(r->src, "10.0.0.0-10.0.255.255 10.2.0.0-10.255.255.255"));
    CHECK(r != NULL && r->dport->n == 3 && r->dport->range[1].first == 443 &&
          r->dport->range[1].last == 443);
    CHECK(r != NULL && !r->src->any && r->sport->any && !r->bidirectional);
    r = header("alert ip any any <> any any");
    CHECK(r != NULL && r->src->any && r->src == r->dst && r->bidirectional);
    r = header("alert ip !10.0.0.0/8 any -> [1.1.1.1-1.1.1.9, 1.1.1.10] :1024");
    CHECK(r != NULL && addresses_are(r->src, "0.0.0.0-9.255.255.255 11.0.0.0-255.255.255.255"));
    CHECK(r != NULL && addresses_are(r->dst, "1.1.1.1-1.1.1.10") &&
          r->dport->range[0].last == 1024);
    r = header("alert ip ![2001:db8::/32,![2001:db8:1::/48]] any -> any !80");
    CHECK(r ==
          NULL); /* taken from what is listed: the inner one is listed, the outer lies outside */
    r = header("alert ip [2001:db8::/32,!2001:db8:1::/48] any -> $HOME_NET $HTTP_PORTS");
    CHECK(r != NULL && r->src->n == 2 && r->dst->n == 3 && r->dport->n == 1);
    r = header("alert tcp-pkt any any -> any any");
    CHECK(r != NULL && r->packet_only);
    r = header("alert http1:request_complete any any -> any any");
    CHECK(r != NULL && kd_bytes_eq_str(r->hook, "request_complete"));
    CHECK(header("REJECT tcp any any -> any any") != NULL);
    CHECK(header("drop tcp any any => any any") != NULL);
    const char *bad[] = {
        "alert tcp any any any any",
        "alert tcp any any <- any any",
        "alert nothing any any -> any any",
        "shout tcp any any -> any any",
        "alert tcp any any -> any",
        "alert tcp any any -> any any any",
        "alert tcp [1.2.3.4 any -> any any",
        "alert tcp 1.2.3.4] any -> any any",
        "alert tcp 1.2.3.400 any -> any any",
        "alert tcp 1.2.3.4/33 any -> any any",
        "alert tcp $NONE any -> any any",
        "alert tcp any 65536 -> any any",
        "alert tcp any 90:80 -> any any",
        "alert tcp any : -> any any",
        "alert tcp !any any -> any any",
        "alert tcp any !any -> any any",
        "alert tcp [10.0.0.0/8,!11.0.0.0/8] any -> any any",
        "alert tcp [] any -> any any",
        "accept:hook tcp any any -> any any",
        "alert tcp: any any -> any any",
    };
    for (size_t i = 0; i < KD_COUNT(bad); i++) {
        if (header(bad[i]) != NULL)
            printf("# taken: %s\n", bad[i]);
        CHECK(rules->n == 0 && rules->n_refused == 1);
    }
}

static void variables(void)
{
    kd_rules_free(rules);
    rules = kd_rules_new(pool, &kd_limits_default);
    CHECK(kd_rules_var(rules, false, kd_str("HOME_NET"), kd_str("[192.0.2.0/24,2001:db8::/32]")) ==
          KD_OK);
    CHECK(kd_rules_var(rules, false, kd_str("LOOP"), kd_str("[$LOOP]")) == KD_OK);
    CHECK(kd_rules_var(rules, true, kd_str("WEB"), kd_str("[80,8080:8081]")) == KD_OK);
    CHECK(kd_rules_read(rules, "t",
                        kd_str("alert tcp $EXTERNAL_NET any -> $HOME_NET $WEB (sid:1;)\n"
                               "alert tcp $LOOP any -> any any (sid:2;)\n"
                               "alert tcp !$HOME_NET any -> any !$WEB (sid:3;)\n")) == KD_OK);
    CHECK(kd_rules_finish(rules) == KD_OK && rules->n == 2 && rules->n_refused == 1);
    const struct kd_rule *r = kd_rules_find(rules, 1, 1), *s = kd_rules_find(rules, 1, 3);
    CHECK(r != NULL && s != NULL && r->src == s->src && r->dport->n == 2 && s->dport->n == 3);
    CHECK(strstr(rules->refusal[0].why, "deeper") != NULL && rules->refusal[0].line == 2);
}

static void lines(void)
{
    load("# a comment\n"
         "#alert tcp any any -> any any (msg:\"off\"; sid:9;)\r\n"
         "\n"
         "alert tcp any any -> any any (msg:\"one\"; \\\n"
         "   content:\"a\"; \\\r\n"
         "   nonsense:1; sid:1;)\n"
         "alert tcp any any -> any any (msg:\"two\"; sid:2;)\r\n"
         "alert tcp any any -> any any (msg:\"three\"; sid:3;)");
    CHECK(rules->n_read == 3 && rules->n == 2 && rules->n_refused == 1 && rules->n_disabled == 1);
    CHECK(rules->refusal[0].line == 6 && rules->refusal[0].column == 4 &&
          rules->refusal[0].sid == 1);
    CHECK(kd_bytes_eq_str(rules->refusal[0].what, "nonsense"));
    CHECK(rules->rule[0]->line == 7 && rules->rule[1]->line == 8);
}

static void revisions(void)
{
    load("alert tcp any any -> any any (msg:\"old\"; sid:1; rev:2;)\n"
         "alert tcp any any -> any any (msg:\"new\"; sid:1; rev:3;)\n"
         "alert tcp any any -> any any (msg:\"older\"; sid:1; rev:1;)\n"
         "alert tcp any any -> any any (msg:\"again\"; sid:1; rev:3;)\n"
         "alert tcp any any -> any any (msg:\"other\"; gid:2; sid:1; rev:1;)\n");
    CHECK(rules->n == 2 && rules->n_replaced == 2 && rules->n_refused == 1);
    CHECK(kd_bytes_eq_str(rules->rule[0]->msg, "new") && rules->rule[1]->gid == 2);
    CHECK(kd_rules_find(rules, 1, 1) == rules->rule[0] && kd_rules_find(rules, 3, 1) == NULL);
    kd_rules_refuse(rules, rules->rule[0], "cannot", "できない");
    CHECK(rules->n == 1 && rules->n_refused == 2 && rules->rule[0]->index == 0);
    CHECK(kd_rules_find(rules, 1, 1) == NULL && strcmp(rules->refusal[1].why, "cannot") == 0);
}

static void meaning(void)
{
    const struct kd_rule *r = with(
        "http",
        "flow:established,to_server; http.uri; content:\"/a|3a 3B|\"; nocase; startswith; "
        "content:\"x\"; distance:0; http.host; dotprefix; content:\".evil.com\"; endswith; "
        "http.uri; pcre:\"/^b/R\"; classtype:trojan-activity; metadata:a b c, d e; "
        "reference:url,example.com/x; target:src_ip; flowbits:isset,in|out; flowbits:set,done;");
    CHECK(r != NULL && r->n_looks == 2 && r->look[0].n == 3 && r->look[1].n == 1);
    if (r == NULL)
        return;
    const struct kd_content *k = &r->look[0].cond[0].is.content;
    CHECK(kd_bytes_eq_str(k->bytes, "/a:;") && (k->flags & KD_CONTENT_NOCASE) && k->depth.n == 4);
    CHECK(r->look[0].cond[2].kind == KD_COND_PCRE && r->look[0].cond[2].is.pcre.flags == KD_PCRE_R);
    CHECK(r->look[1].buffer->n_transforms == 1 &&
          r->look[1].buffer->transform[0].kind == KD_TR_DOTPREFIX);
    CHECK(r->n_metadata == 2 && kd_bytes_eq_str(r->metadata[0].value, "b c") && r->priority == 1);
    CHECK(r->n_checks == 1 && r->check[0].is.bits.n == 2 && r->n_actions == 1 && r->needs_app);
    CHECK(r->dir == KD_INSPECT_SERVER && r->target == KD_TARGET_SRC && rules->flowbits.n == 3);
    uint8_t room[256];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_rules_reference_url(rules, &r->reference[0], &o);
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), "http://example.com/x"));
}

static void several_values_make_several_looks(void)
{
    const struct kd_rule *r = with("dns", "dns.query; content:\"a\"; dns.query; content:\"b\";");
    CHECK(r != NULL && r->n_looks == 2 && r->look[0].buffer == r->look[1].buffer);
    r = with("http", "content:\"a\"; http_uri; content:\"b\"; content:\"c\"; http_uri;");
    CHECK(r != NULL && r->n_looks == 2 && r->look[1].n + r->look[0].n == 3);
}

static void packets_and_streams(void)
{
    const struct kd_rule *r = with("tcp", "content:\"a\";");
    CHECK(r != NULL && r->stream_only && !r->packet_only);
    r = with("tcp", "content:\"a\"; depth:5;");
    CHECK(r != NULL && !r->stream_only && !r->packet_only);
    r = with("tcp", "content:\"a\"; dsize:>3;");
    CHECK(r != NULL && r->packet_only && !r->stream_only);
    r = with("tcp", "content:\"a\"; flow:only_stream;");
    CHECK(r != NULL && r->stream_only);
    r = with("udp", "content:\"a\";");
    CHECK(r != NULL && !r->stream_only && !r->packet_only);
    r = with("ip", "");
    CHECK(r != NULL && r->header_only);
}

static void wholes_that_make_no_sense(void)
{
    CHECK(refused_for("alert dns any any -> any any (filestore; sid:1;)", "protocol"));
    CHECK(refused_for("alert ssh any any -> any any (filesize:>5; sid:1;)", "protocol"));
    CHECK(refused_for("alert tcp any any -> any any (msg:\"x\";)", "no sid"));
    CHECK(refused_for("alert tcp any any -> any any (sid:1;", "enclosed"));
    CHECK(refused_for("alert tcp any any -> any any (sid:1)", "end with ;"));
    CHECK(
        refused_for("alert udp any any -> any any (http.uri; content:\"a\"; sid:1;)", "protocol"));
    CHECK(
        refused_for("alert dns any any -> any any (file.data; content:\"a\"; sid:1;)", "protocol"));
    CHECK(refused_for(
        "alert http any any -> any any (http.uri; content:\"a\"; dns.query; content:\"b\"; sid:1;)",
        "two protocols"));
    CHECK(refused_for("alert http any any -> any any (http.uri; content:\"a\"; http.stat_code; "
                      "content:\"2\"; sid:1;)",
                      "direction"));
    CHECK(refused_for("alert tcp any any -> any any (dsize:2; content:\"abc\"; sid:1;)", "longer"));
    CHECK(refused_for("alert http any any -> any any (http.uri; bsize:2; content:\"abc\"; sid:1;)",
                      "longer"));
    CHECK(refused_for("alert http any any -> any any (http.host; content:\"Ab\"; sid:1;)",
                      "lower case"));
    CHECK(refused_for("alert tcp any any -> any any (content:\"a\"; lua:x.lua; sid:1;)", "Lua"));
    CHECK(rules->refusal[0].is_unsupported && rules->refusal[0].why_ja[0] != '\0');
    CHECK(rule("alert http any any => any any (http.uri; content:\"a\"; http.stat_code; "
               "content:\"2\"; sid:1;)") != NULL);
}

/* What an attacker or a tired operator may hand in: clear answers, bounded work. */
static void pathological(void)
{
    enum { HUGE_BYTES = 10 << 20, CONTENTS = 100000 };
    char *text = malloc(HUGE_BYTES + 256);
    CHECK(text != NULL);
    if (text == NULL)
        return;
    size_t n = (size_t)snprintf(text, 256, "alert tcp any any -> any any (msg:\"");
    memset(text + n, 'a', HUGE_BYTES);
    snprintf(text + n + HUGE_BYTES, 64, "\"; sid:1;)");
    CHECK(refused_for(text, "rule_line_bytes"));

    n = (size_t)snprintf(text, 256, "alert tcp any any -> any any (sid:1; ");
    for (int i = 0; i < 4000; i++)
        n += (size_t)snprintf(text + n, 32, "content:\"a%d\"; ", i);
    snprintf(text + n, 8, ")");
    CHECK(refused_for(text, "rule_contents") ||
          strstr(rules->refusal[0].why, "rule_line_bytes") != NULL);

    struct kd_limits lim = kd_limits_default;
    lim.rule_names = 1000;
    kd_rules_free(rules);
    rules = kd_rules_new(pool, &lim);
    n = 0;
    for (int i = 0; i < CONTENTS; i++)
        n += (size_t)snprintf(
            text + n, 80, "alert ip any any -> any any (flowbits:set,f%d; sid:%d;)\n", i, i + 1);
    CHECK(rules != NULL && kd_rules_read(rules, "many", kd_bytes_of(text, n)) == KD_OK);
    CHECK(rules->n == 1000 && rules->flowbits.n == 1000 && rules->n_refused == CONTENTS - 1000);

    n = (size_t)snprintf(text, 256, "alert tcp ");
    for (int i = 0; i < 10000; i++)
        text[n++] = '[';
    snprintf(text + n, 64, " any -> any any (sid:1;)");
    load(text);
    CHECK(rules->n == 0 && rules->n_refused == 1);
    CHECK(refused_for("alert tcp any any -> any any (pcre:\"/(((((a/\"; sid:1;)", "compiled"));
    free(text);
}

static void memory_comes_back(void)
{
    kd_rules_free(rules);
    rules = NULL;
    CHECK(kd_pool_used(pool) == 0);
    struct kd_pool *small = kd_pool_new(256 * 1024);
    struct kd_rules *r = kd_rules_new(small, &kd_limits_default);
    enum kd_status s = KD_OK;
    for (int i = 1; r != NULL && s == KD_OK && i < 10000; i++) {
        char text[128];
        snprintf(text, sizeof(text),
                 "alert tcp any any -> any any (msg:\"%d\"; content:\"%d\"; sid:%d;)\n", i, i, i);
        s = kd_rules_read(r, "t", kd_str(text));
    }
    CHECK(s == KD_NO_MEMORY || r == NULL || r->n_refused > 0);
    kd_rules_free(r);
    CHECK(kd_pool_used(small) == 0);
    kd_pool_free(small);
}

static void explained(void)
{
    uint8_t room[4096];
    const struct kd_rule *r =
        with("http", "flow:established,to_server; http.uri; content:\"/x\"; nocase; "
                     "metadata:mitre_technique_id T1105; classtype:trojan-activity;");
    CHECK(r != NULL);
    for (int ja = 0; r != NULL && ja < 2; ja++) {
        struct kd_out o = kd_out_of(room, sizeof(room));
        kd_rule_explain(rules, r, ja == 1, &o);
        CHECK(kd_out_ok(&o) && kd_bytes_find(kd_out_bytes_view(&o), kd_str("T1105")) != SIZE_MAX);
        CHECK(kd_bytes_find(kd_out_bytes_view(&o),
                            kd_str(ja ? "Web 要求のパス" : "path and query")) != SIZE_MAX);
    }
}

static bool suppressed(uint32_t sid, const char *src, const char *dst)
{
    struct kd_addr a, b;
    CHECK(kd_addr_parse(kd_str(src), &a) && kd_addr_parse(kd_str(dst), &b));
    const struct kd_rule *r = kd_rules_find(rules, 1, sid);
    return r != NULL && kd_rules_suppressed(rules, r, &a, &b);
}

static void threshold_config(void)
{
    load("alert ip any any -> any any (sid:1;)\n"
         "alert ip any any -> any any (sid:2; threshold:type limit, track by_src, count 9, seconds "
         "9;)\n"
         "alert ip any any -> any any (sid:3;)\n");
    CHECK(
        kd_rules_thresholds(
            rules, "threshold.config",
            kd_str("# comment\n"
                   "suppress gen_id 1, sig_id 1, track by_src, ip [10.0.0.0/8,!10.1.0.0/16]\n"
                   "suppress gen_id 1, sig_id 2\r\n"
                   "suppress gen_id 0, sig_id 0, track by_either, ip 192.0.2.1\n"
                   "event_filter gen_id 1, sig_id 0, type both, track by_dst, count 3, seconds 60\n"
                   "rate_filter gen_id 1, sig_id 1, track by_src, count 1, seconds 1, new_action "
                   "drop, timeout 1\n"
                   "suppress gen_id 1, sig_id 1, track by_src, ip nowhere\n"
                   "threshold gen_id 1, sig_id 1, type odd, track by_src, count 1, seconds 1\n"
                   "shout gen_id 1, sig_id 1\n")) == KD_OK);
    CHECK(rules->n_suppressions == 3 && rules->n_bad_lines == 4 && rules->n_refused == 0);
    CHECK(rules->bad_line[0].line == 6 && rules->bad_line[0].is_unsupported &&
          rules->bad_line[1].line == 7);
    CHECK(rules->bad_line[1].column == 47);
    CHECK(suppressed(1, "10.2.3.4", "1.1.1.1") && !suppressed(1, "10.1.3.4", "1.1.1.1"));
    CHECK(!suppressed(1, "1.1.1.1", "10.2.3.4") && suppressed(2, "1.1.1.1", "2.2.2.2"));
    CHECK(suppressed(3, "1.1.1.1", "192.0.2.1") && !suppressed(3, "1.1.1.1", "192.0.2.2"));
    CHECK(rules->rule[0]->threshold.kind == KD_THRESHOLD_BOTH &&
          rules->rule[0]->threshold.count == 3);
    CHECK(rules->rule[1]->threshold.count == 9 && rules->rule[2]->threshold.track == KD_TRACK_DST);
}

static void classification_and_reference_config(void)
{
    uint32_t bad = 0;
    kd_rules_free(rules);
    rules = kd_rules_new(pool, &kd_limits_default);
    CHECK(kd_rules_classes(
              rules,
              kd_str("# comment\nconfig classification: of-ours,Our own class,1\r\n"
                     "config classification: trojan-activity,Said otherwise,2\nconfig nothing\n"
                     "config classification: bad,No number,x\n"),
              &bad) == KD_OK &&
          bad == 2);
    CHECK(kd_rules_references(rules, kd_str("config reference: ours https://intra.example/\nodd\n"),
                              &bad) == KD_OK &&
          bad == 1);
    CHECK(kd_rules_read(
              rules, "t",
              kd_str("alert ip any any -> any any (classtype:of-ours; reference:ours,7; sid:1;)\n"
                     "alert ip any any -> any any (classtype:trojan-activity; sid:2;)\n"
                     "alert ip any any -> any any (priority:4; classtype:of-ours; sid:3;)\n")) ==
          KD_OK);
    CHECK(kd_rules_finish(rules) == KD_OK && rules->n == 3);
    CHECK(rules->rule[0]->priority == 1 && rules->rule[1]->priority == 2 &&
          rules->rule[2]->priority == 4);
    CHECK(kd_bytes_eq_str(rules->rule[1]->classtype->text, "Said otherwise"));
    uint8_t room[64];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_rules_reference_url(rules, &rules->rule[0]->reference[0], &o);
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), "https://intra.example/7"));
}

int main(void)
{
    pool = kd_pool_new(256u << 20);
    RUN(ranges);
    RUN(headers);
    RUN(variables);
    RUN(lines);
    RUN(revisions);
    RUN(meaning);
    RUN(several_values_make_several_looks);
    RUN(packets_and_streams);
    RUN(wholes_that_make_no_sense);
    RUN(samples_are_taken_and_refused);
    RUN(every_keyword_has_a_sample);
    RUN(every_buffer_is_read);
    RUN(every_number_is_read);
    RUN(threshold_config);
    RUN(classification_and_reference_config);
    RUN(pathological);
    RUN(explained);
    RUN(memory_comes_back);
    kd_pool_free(pool);
    return tap_done();
}
