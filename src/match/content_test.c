/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about contents: files, sets, transforms, remote calls.  Each keyword matches once and does not once. */
#include "match/match.h"
#include "rule/rules.h"
#include "../../tests/tap.h"

struct world {
    struct kd_pool *pool;
    struct kd_rules *rules;
    struct kd_ruleset *set;
    struct kd_matcher *m;
    struct kd_match_flow *flow;
    struct kd_match_at at;
    struct kd_packet packet;
    unsigned alerts[16], stored;
    uint8_t quiet;
};

static void on_alert(void *arg, const struct kd_match_alert *a)
{
    struct world *w = arg;
    if (a->sid < KD_COUNT(w->alerts))
        w->alerts[a->sid]++;
}

static void on_store(void *arg)
{
    ((struct world *)arg)->stored++;
}

/* `name`, `content`: a file beside the rules; NULL: none. */
static void begin(struct world *w, const char *rules, const char *name, const char *content)
{
    struct kd_err err = {0};
    *w = (struct world){.pool = kd_pool_new(64 << 20)};
    w->rules = kd_rules_new(w->pool, &kd_limits_default);
    if (name != NULL && kd_rules_data(w->rules, kd_str(name), kd_str(content)) != KD_OK)
        abort();
    if (kd_rules_read(w->rules, "test", kd_str(rules)) != KD_OK || kd_rules_finish(w->rules) != KD_OK)
        abort();
    kd_ruleset_fit(w->rules);
    w->set = kd_ruleset_new(w->rules, kd_str(NULL), &err);
    if (w->set == NULL)
        abort();
    w->m = kd_matcher_new(w->set, w->pool, &kd_limits_default, 1,
                          (struct kd_match_out){.alert = on_alert, .store = on_store, .arg = w});
    w->packet = (struct kd_packet){.proto = KD_IP_TCP, .ip_version = 4, .tcp_flags = KD_TCP_ACK, .sport = 50000, .dport = 80};
    w->at = (struct kd_match_at){.packet = &w->packet, .proto = KD_IP_TCP, .port = {50000, 80}, .established = true,
                                 .now_us = 1, .packets = {2, 1}, .flow = &w->flow, .flow_id = 7, .quiet = &w->quiet,
                                 .app = KD_APP_HTTP};
    if (!kd_addr_parse(kd_str("10.0.0.5"), &w->at.addr[0]) || !kd_addr_parse(kd_str("203.0.113.9"), &w->at.addr[1]))
        abort();
}

static void end(struct world *w)
{
    kd_match_flow_end(w->m, &w->flow);
    kd_matcher_free(w->m);
    kd_ruleset_free(w->set);
    kd_rules_free(w->rules);
    CHECK(kd_pool_used(w->pool) == 0);
    kd_pool_free(w->pool);
}

/* One request whose agent is `text`. */
static void agent(struct world *w, const char *text, size_t n)
{
    kd_match_enter(w->m, &w->at, kd_str(NULL));
    kd_match_value(w->m, KD_IN_HTTP_USER_AGENT, KD_TO_SERVER, kd_bytes_of(text, n));
    kd_match_end(w->m, KD_TO_SERVER, KD_INSPECT_ALL);
    kd_match_leave(w->m);
}

static bool finds(const char *option, const char *text, size_t n)
{
    char rule[512];
    struct world w;
    snprintf(rule, sizeof(rule), "alert http any any -> any any (http.user_agent; %s sid:1;)\n", option);
    begin(&w, rule, NULL, NULL);
    agent(&w, text, n);
    bool found = w.alerts[1] == 1;
    end(&w);
    return found;
}

#define FINDS(option, text) finds(option, text, sizeof(text) - 1)

static void transforms(void)
{
    CHECK(FINDS("subslice:2,3; content:\"cde\"; bsize:3;", "abcdefg"));
    CHECK(!FINDS("subslice:2,3; content:\"ab\";", "abcdefg"));
    CHECK(FINDS("subslice:-2; content:\"fg\"; bsize:2;", "abcdefg"));
    CHECK(FINDS("subslice:1,-3; content:\"bcd\"; bsize:3;", "abcdefg"));
    CHECK(FINDS("subslice:0,9; bsize:0;", "abc") && FINDS("subslice:-9,2,truncate; content:\"ab\"; bsize:2;", "abc"));
    CHECK(FINDS("xor:\"20\"; content:\"abc\";", "ABC") && !FINDS("xor:\"21\"; content:\"abc\";", "ABC"));
    CHECK(FINDS("xor:offset 1,extract 1 0; content:\"abc\";", "\x20"
                                                               "ABC"));
    CHECK(!FINDS("xor:offset 9,extract 1 0; content:\"abc\";", "\x20"
                                                                "ABC"));
    CHECK(FINDS("from_base64; content:\"hello\";", "aGVsbG8=") && !FINDS("from_base64; content:\"hello\";", "hello"));
    CHECK(FINDS("from_base64:offset 2,mode rfc2045; content:\"hello\";", "x=aGV!sbG8="));
    CHECK(!FINDS("from_base64:offset 2,mode strict; content:\"hello\";", "x=aGV sbG8="));
    CHECK(FINDS("domain; content:\"example.co.jp\"; bsize:13;", "www.example.co.jp"));
    CHECK(!FINDS("domain; content:\"www\";", "www.example.co.jp"));
    CHECK(FINDS("tld; content:\"co.jp\"; bsize:5;", "www.example.co.jp") && !FINDS("tld; content:\"com\"; bsize:3;", "com"));
    CHECK(FINDS("zlib_deflate; content:\"hello\";", "\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15"));
    CHECK(!FINDS("gunzip; content:\"hello\";", "\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15"));
    CHECK(FINDS("gunzip; content:\"hello\";", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00"
                                                "\x86\xa6\x10\x36\x05\x00\x00\x00"));
    CHECK(!FINDS("zlib_deflate; content:\"hello\";", "hello"));
}

static void sets(void)
{
    struct world w;
    begin(&w,
          "alert http any any -> any any (http.user_agent; dataset:isset,known,type string,load known.lst; sid:1;)\n"
          "alert http any any -> any any (http.user_agent; dataset:isnotset,known; sid:2;)\n"
          "alert http any any -> any any (http.user_agent; dataset:set,seen,type string; sid:3;)\n"
          "alert http any any -> any any (http.user_agent; to_md5; dataset:isset,sums,type md5,load missing.lst; sid:4;)\n",
          "known.lst", "aGVsbG8=\n");
    CHECK(w.rules->n == 3 && w.rules->n_refused == 1); /* nobody gave missing.lst */
    agent(&w, "hello", 5);
    CHECK(w.alerts[1] == 1 && w.alerts[2] == 0 && w.alerts[3] == 1);
    agent(&w, "hello", 5);
    CHECK(w.alerts[1] == 2 && w.alerts[3] == 1); /* no news */
    agent(&w, "other", 5);
    CHECK(w.alerts[1] == 2 && w.alerts[2] == 1 && w.alerts[3] == 2);
    end(&w);
    begin(&w, "alert http any any -> any any (http.user_agent; datarep:rep,>,100,load r.rep,type string; sid:1;)\n", "r.rep",
          "aGVsbG8=,150\nb3RoZXI=,50\n");
    agent(&w, "hello", 5);
    agent(&w, "other", 5);
    agent(&w, "third", 5);
    CHECK(w.alerts[1] == 1);
    end(&w);
}

static void file(struct world *w, const char *name, const char *magic, const char *data, const char *md5, uint64_t size)
{
    kd_match_enter(w->m, &w->at, kd_str(NULL));
    kd_match_value(w->m, KD_IN_FILE_NAME, KD_TO_CLIENT, kd_str(name));
    kd_match_value(w->m, KD_IN_FILE_MAGIC, KD_TO_CLIENT, kd_str(magic));
    kd_match_value(w->m, KD_IN_FILE_MD5, KD_TO_CLIENT, kd_bytes_of(md5, 16));
    kd_match_number(w->m, KD_NUM_FILESIZE, KD_TO_CLIENT, size);
    kd_match_value(w->m, KD_IN_FILE_DATA, KD_TO_CLIENT, kd_str(data));
    kd_match_end(w->m, KD_TO_CLIENT, KD_INSPECT_ONE_FILE);
    kd_match_leave(w->m);
}

static void files(void)
{
    struct world w;
    begin(&w,
          "alert http any any -> any any (file.data; content:\"needle\"; sid:1;)\n"
          "alert http any any -> any any (file.name; content:\".exe\"; endswith; file.data; content:\"needle\"; sid:2;)\n"
          "alert http any any -> any any (fileext:\"exe\"; filesize:>100; sid:3;)\n"
          "alert http any any -> any any (filemagic:\"PE32\"; sid:4;)\n"
          "alert http any any -> any any (filemd5:bad.md5; sid:5;)\n"
          "alert http any any -> any any (filemd5:!bad.md5; filename:\"a\"; sid:6;)\n"
          "alert http any any -> any any (filestore; filename:\"keep\"; sid:7;)\n"
          "alert http any any -> any any (filesha256:nowhere.txt; sid:8;)\n",
          "bad.md5", "30313233343536373839414243444546  a.exe\n");
    CHECK(w.rules->n_refused == 1);
    file(&w, "a.exe", "PE32 executable", "hay needle hay", "0123456789ABCDEF", 200);
    CHECK(w.alerts[1] == 1 && w.alerts[2] == 1 && w.alerts[3] == 1 && w.alerts[4] == 1 && w.alerts[5] == 1 &&
          w.alerts[6] == 0 && w.stored == 0);
    file(&w, "a.txt", "ASCII text", "hay needle hay", "x123456789ABCDEF", 200);
    CHECK(w.alerts[1] == 2 && w.alerts[2] == 1 && w.alerts[3] == 1 && w.alerts[4] == 1 && w.alerts[5] == 1 &&
          w.alerts[6] == 1);
    file(&w, "keep.exe", "data", "hay", "x123456789ABCDEF", 50);
    CHECK(w.alerts[1] == 2 && w.alerts[3] == 1 && w.alerts[7] == 1 && w.stored == 1);
    end(&w);
}

/* Rules that look at content alone, of a protocol that tells nothing else. */
static void content_alone(void)
{
    struct world w;
    begin(&w, "alert smb any any -> any any (file.data; content:\"needle\"; sid:1;)\n", NULL, NULL);
    w.at.app = KD_APP_SMB;
    for (unsigned i = 0; i < 2; i++) {
        kd_match_enter(w.m, &w.at, kd_str(NULL));
        kd_match_value(w.m, KD_IN_FILE_DATA, KD_TO_SERVER, kd_str(i == 0 ? "a needle" : "none"));
        kd_match_end(w.m, KD_TO_SERVER, KD_INSPECT_ONE_FILE);
        kd_match_leave(w.m);
    }
    CHECK(w.alerts[1] == 1);
    end(&w);
}

/* What was told with the head is still there when the content comes, though its memory is gone. */
static void head_and_content(void)
{
    struct world w;
    char head[] = "/exec.php";
    begin(&w, "alert http any any -> any any (http.uri; content:\"exec\"; http.request_body; content:\"cat\"; sid:1;)\n",
          NULL, NULL);
    kd_match_enter(w.m, &w.at, kd_str(NULL));
    kd_match_value(w.m, KD_IN_HTTP_URI, KD_TO_SERVER, kd_str(head));
    kd_match_end(w.m, KD_TO_SERVER, KD_INSPECT_HEAD);
    memset(head, 'x', sizeof(head) - 1);
    kd_match_leave(w.m);
    kd_match_enter(w.m, &w.at, kd_str(NULL));
    kd_match_value(w.m, KD_IN_FILE_DATA, KD_TO_SERVER, kd_str("id=cat"));
    kd_match_end(w.m, KD_TO_SERVER, KD_INSPECT_ALL);
    kd_match_leave(w.m);
    CHECK(w.alerts[1] == 1);
    end(&w);
}

static void call(struct world *w, const char *iface, uint64_t opnum, const char *stub)
{
    w->at.app = KD_APP_DCERPC;
    kd_match_enter(w->m, &w->at, kd_str(NULL));
    kd_match_value(w->m, KD_IN_DCERPC_IFACE, KD_TO_SERVER, kd_str(iface));
    kd_match_number(w->m, KD_NUM_DCERPC_OPNUM, KD_TO_SERVER, opnum);
    kd_match_value(w->m, KD_IN_DCERPC_STUB_DATA, KD_TO_SERVER, kd_str(stub));
    kd_match_end(w->m, KD_TO_SERVER, KD_INSPECT_ALL);
    kd_match_leave(w->m);
}

static void remote_calls(void)
{
    static const char svcctl[] = "367abb81-9844-35f1-ad32-98f038001003 2.0";
    struct world w;
    begin(&w,
          "alert dcerpc any any -> any any (dce_iface:367abb81-9844-35f1-ad32-98f038001003; dce_opnum:12; sid:1;)\n"
          "alert dcerpc any any -> any any (dce_iface:367abb81-9844-35f1-ad32-98f038001003,<2; sid:2;)\n"
          "alert dcerpc any any -> any any (dce_opnum:11-13,20; dce_stub_data; content:\"cmd\"; sid:3;)\n",
          NULL, NULL);
    call(&w, svcctl, 12, "cmd.exe");
    CHECK(w.alerts[1] == 1 && w.alerts[2] == 0 && w.alerts[3] == 1);
    call(&w, svcctl, 15, "cmd.exe");
    call(&w, "12345778-1234-abcd-ef00-0123456789ac 1.0", 12, "none");
    CHECK(w.alerts[1] == 1 && w.alerts[2] == 0 && w.alerts[3] == 1);
    end(&w);
}

int main(void)
{
    RUN(transforms);
    RUN(sets);
    RUN(files);
    RUN(content_alone);
    RUN(head_and_content);
    RUN(remote_calls);
    return tap_done();
}
