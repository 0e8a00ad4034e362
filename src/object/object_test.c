/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "object/feed.h"

#include "../../tests/tap.h"

enum { ROOM = 1 << 20, TODAY = 20000 };

struct made {
    struct kd_obj_index x;
    struct kd_obj_list list; /* the first */
    enum kd_status status;
    _Alignas(64) uint8_t room[ROOM];
};

static struct made *m;
static struct kd_net inside;

static void lay(struct kd_obj_build *b)
{
    size_t n = 0;
    memset(m->room, 0, sizeof(m->room));
    CHECK(kd_obj_build_write(b, m->room, sizeof(m->room), &n) == KD_OK);
    CHECK(kd_obj_index_open(m->room, n, &m->x) == KD_OK);
    m->list = m->x.lists[0];
    kd_obj_build_free(b);
}

static struct kd_obj_build *begin(void)
{
    struct kd_obj_build_config cfg = {.key = "0123456789abcde", .entries_max = 10000};
    return kd_obj_build_new(&cfg);
}

static void read_with(const struct kd_feed_spec *spec, const char *text)
{
    struct kd_obj_build *b = begin();
    struct kd_obj_list *l = kd_obj_build_list(b, "one");
    struct kd_feed_site site = {.line_max = 4096, .inside = &inside, .n_inside = 1};
    size_t n = strlen(text);
    uint8_t *copy = malloc(n + 1); /* of its exact length, for the sanitizer */
    memcpy(copy, text, n);
    m->status = kd_feed_read(b, l, spec, &site, "list.txt", copy, n);
    free(copy);
    lay(b);
}

static void read_list(const char *text)
{
    read_with(&(struct kd_feed_spec){.kind = KD_FEED_ANY_KIND}, text);
}

static struct kd_obj_hit hit;

static bool has_on(enum kd_object_kind kind, const char *value, uint16_t day)
{
    uint8_t room[KD_OBJ_KEY_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    return kd_object_spell(kind, kd_str(value), &o) && kd_obj_match(&m->x, kind, kd_out_bytes_view(&o), day, &hit);
}

static bool has(enum kd_object_kind kind, const char *value)
{
    return has_on(kind, value, TODAY);
}

#define MD5_TEXT "44d88612fea8a8f36de82e1278abb02f"
#define SHA1_TEXT "3395856ce81f2b7382dee72602f798b642f14140"
#define SHA256_TEXT "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"

static void plain_lists_by_shape(void)
{
    read_list("# remark\n203.0.113.66\n198.51.100.0/24 a bad net\nevil.example # phishing\r\n"
              "http://shop.example:80/x.php?a=1#top\n" MD5_TEXT "\n" SHA1_TEXT "\n" SHA256_TEXT "\n"
              "boss@evil.example\nt13d1516h2_8daaf6152771_b186095e22b6\nhxxp://bad[.]example/a\n*.wild.example\n"
              "domain other.example our remark\nip,203.0.113.67,seen, before\n||blocked.example^\n2001:db8:1::/48\n");
    CHECK(m->status == KD_OK && m->list.wrong == 0 && m->list.refused == 0 && m->list.lines == 15);
    CHECK(strcmp(m->list.format, "plain") == 0);
    CHECK(has(KD_OBJ_IP, "203.0.113.66") && !has(KD_OBJ_IP, "203.0.113.65"));
    CHECK(has(KD_OBJ_IP, "198.51.100.9") && hit.by_net && kd_bytes_eq_str(hit.note, "a bad net"));
    CHECK(!has(KD_OBJ_IP, "198.51.101.9") && has(KD_OBJ_IP, "2001:db8:1:2::3") && !has(KD_OBJ_IP, "2001:db8:2::3"));
    CHECK(has(KD_OBJ_DOMAIN, "evil.example") && kd_bytes_eq_str(hit.note, "phishing"));
    CHECK(has(KD_OBJ_DOMAIN, "WWW.a.Evil.example.") && !has(KD_OBJ_DOMAIN, "notevil.example") && !has(KD_OBJ_DOMAIN, "example"));
    CHECK(has(KD_OBJ_URL, "https://SHOP.example/x.php?a=1") && !has(KD_OBJ_URL, "shop.example/X.php?a=1"));
    CHECK(has(KD_OBJ_MD5, MD5_TEXT) && has(KD_OBJ_SHA1, SHA1_TEXT) && has(KD_OBJ_SHA256, SHA256_TEXT));
    CHECK(!has(KD_OBJ_JA3, MD5_TEXT));
    CHECK(has(KD_OBJ_MAIL, "Boss@Evil.example") && has(KD_OBJ_JA4, "t13d1516h2_8daaf6152771_b186095e22b6"));
    CHECK(has(KD_OBJ_URL, "http://bad.example/a") && has(KD_OBJ_DOMAIN, "x.wild.example"));
    CHECK(has(KD_OBJ_DOMAIN, "other.example") && kd_bytes_eq_str(hit.note, "our remark"));
    CHECK(has(KD_OBJ_IP, "203.0.113.67") && kd_bytes_eq_str(hit.note, "seen, before"));
    CHECK(has(KD_OBJ_DOMAIN, "blocked.example") && m->list.n[KD_OBJ_IP] == 4 && m->list.n_nets == 2);
}

static void what_everybody_uses_is_refused(void)
{
    static const char *const bad[] = {"8.8.8.8", "127.0.0.1", "google.com", "www.google.com", "mail.google.com", "co.jp",
                                      "com", "0.0.0.0/0", "203.0.0.0/7", "8.8.8.0/24", "10.1.2.3", "192.0.2.7",
                                      "2000::/3", "d41d8cd98f00b204e9800998ecf8427e", "github.io", "fe80::1"};
    for (size_t i = 0; i < KD_COUNT(bad); i++) {
        read_list(bad[i]);
        CHECK(m->list.refused == 1 && m->x.head->entries.n == 0 && m->x.head->nets.n == 0 && m->list.refusal[0] != '\0');
        read_with(&(struct kd_feed_spec){.kind = KD_FEED_ANY_KIND, .force = true}, bad[i]);
        CHECK(m->list.refused == (strcmp(bad[i], "com") == 0));
    }
    read_list("evil.github.io\nhttp://github.com/a/b.exe\n");
    CHECK(m->list.refused == 0 && has(KD_OBJ_DOMAIN, "evil.github.io") && has(KD_OBJ_URL, "github.com/a/b.exe"));
    read_list("x\n1.2.3.4\n8.8.4.4\n");
    CHECK(strcmp(m->list.refusal, "list.txt:1: a name without a dot would be all of a domain: x") == 0);
}

static void a_bad_line_is_counted_and_named(void)
{
    read_list("evil.example\n\n203.0.113.300\nwhat is this\nbad.example\n");
    CHECK(m->list.wrong == 1 && m->list.refused == 1 && m->list.n[KD_OBJ_DOMAIN] == 2);
    read_list("ip 203.0.113.300\nevil..example\nmd5 12\nok.example\n");
    CHECK(m->status == KD_OK && m->list.wrong == 3 && has(KD_OBJ_DOMAIN, "ok.example"));
    CHECK(strcmp(m->list.problem, "list.txt:1: no address and no network: 203.0.113.300") == 0);
    read_list("a b\nc d e\n\x01\x02\n");
    CHECK(m->list.n[KD_OBJ_DOMAIN] == 0);
}

static void hosts_files(void)
{
    read_list("127.0.0.1 localhost\n::1 localhost ip6-localhost\n0.0.0.0 ads.example track.example # since May\n0.0.0.0 0.0.0.0\n");
    CHECK(strcmp(m->list.format, "hosts") == 0 && m->list.n[KD_OBJ_DOMAIN] == 2 && m->list.wrong == 0);
    CHECK(has(KD_OBJ_DOMAIN, "ads.example") && kd_bytes_eq_str(hit.note, "since May") && hit.exact);
    CHECK(has(KD_OBJ_DOMAIN, "track.example") && !has(KD_OBJ_DOMAIN, "www.ads.example"));
}

static void datasets(void)
{
    read_list("ZXZpbC5leGFtcGxl\nYmFkLmV4YW1wbGU=,70\n");
    CHECK(strcmp(m->list.format, "dataset") == 0 && has(KD_OBJ_DOMAIN, "evil.example") && has(KD_OBJ_DOMAIN, "bad.example"));
    CHECK(!has(KD_OBJ_DOMAIN, "www.evil.example"));
    read_with(&(struct kd_feed_spec){.kind = KD_OBJ_JA3, .format = KD_FEED_DATASET}, MD5_TEXT "\n");
    CHECK(has(KD_OBJ_JA3, MD5_TEXT) && !has(KD_OBJ_MD5, MD5_TEXT));
}

static void tables(void)
{
    read_list("# abuse\n# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n"
              "\"3\",\"2024-01-01 01:02:03\",\"http://203.0.113.9:38241/bin.sh\",\"online\",\"\",\"malware_download\",\"elf,x\",\"https://u.example/3\",\"r\"\r\n");
    CHECK(has(KD_OBJ_URL, "203.0.113.9:38241/bin.sh") && kd_bytes_eq_str(hit.note, "malware_download") && m->list.n[KD_OBJ_URL] == 1);
    read_list("# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"malware_alias\",\"malware_printable\",\"last_seen_utc\",\"confidence_level\"\n"
              "\"2024-01-01\", \"9\", \"203.0.113.9:443\", \"ip:port\", \"botnet_cc\", \"win.x\", \"None\", \"Xrat\", \"\", \"75\"\n"
              "\"2024-01-01\", \"9\", \"" SHA256_TEXT "\", \"sha256_hash\", \"payload\", \"win.x\", \"None\", \"Xrat\", \"\", \"50\"\n");
    CHECK(has(KD_OBJ_IP, "203.0.113.9") && hit.confidence == 75 && kd_bytes_eq_str(hit.note, "Xrat"));
    CHECK(has(KD_OBJ_SHA256, SHA256_TEXT) && hit.confidence == 50);
    read_list("\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\"2021\",\"203.0.113.9\",\"443\",\"online\",\"\",\"Emotet\"\n");
    CHECK(has(KD_OBJ_IP, "203.0.113.9") && kd_bytes_eq_str(hit.note, "Emotet"));
    read_list("# Listingdate,SHA1,Listingreason\n2024-01-01 00:00:00," SHA1_TEXT ",AsyncRAT C&C\n");
    CHECK(has(KD_OBJ_CERT, SHA1_TEXT) && !has(KD_OBJ_SHA1, SHA1_TEXT));
    read_list("# ja3_md5,Firstseen,Lastseen,Listingreason\n" MD5_TEXT ",2018-01-01,2018-02-02,Tofsee\n");
    CHECK(has(KD_OBJ_JA3, MD5_TEXT) && kd_bytes_eq_str(hit.note, "Tofsee") && hit.confidence == 40);
    read_list("uuid,event_id,category,type,value,comment,to_ids,date\nu,1,Net,ip-dst|port,203.0.113.9|80,\"a \"\"quoted\"\"\nremark\",1,20240101\n"
              "u,1,Net,domain,background.example,,0,20240101\nu,1,Payload,filename|md5,a.exe|" MD5_TEXT ",,1,2\nu,1,x,whois-registrar,somebody,,1,2\n");
    CHECK(has(KD_OBJ_IP, "203.0.113.9") && kd_bytes_eq_str(hit.note, "a \"quoted\" remark"));
    CHECK(!has(KD_OBJ_DOMAIN, "background.example") && has(KD_OBJ_MD5, MD5_TEXT) && m->list.other == 2);
    read_list("kind;indicator;valid_until\nip;203.0.113.9;2024-10-03\n");
    CHECK(has_on(KD_OBJ_IP, "203.0.113.9", 19999) && !has_on(KD_OBJ_IP, "203.0.113.9", 20000)); /* 2024-10-04 */
    read_list("kind,value,remark\nip,203.0.113.66,control server, seen before\n");
    CHECK(has(KD_OBJ_IP, "203.0.113.66"));
    read_list("url,note\n\"http://a.example/1,never closed\nhttp://b.example/2,ok\n");
    CHECK(m->list.wrong == 1 && has(KD_OBJ_URL, "b.example/2"));
}

static void events_of_misp(void)
{
    read_list("{\"Event\":{\"info\":\"Campaign \\u6728\\u6238\",\"Orgc\":{\"name\":\"o\"},\"Tag\":[{\"name\":\"tlp:white\"}],\"Attribute\":["
              "{\"type\":\"domain\",\"category\":\"Network activity\",\"value\":\"evil.example\",\"to_ids\":true,\"comment\":\"\"},"
              "{\"value\":\"https:\\/\\/evil.example\\/x\",\"type\":\"url\",\"to_ids\":true,\"comment\":\"loader\"},"
              "{\"type\":\"ip-dst\",\"value\":\"198.51.100.7\",\"to_ids\":false}],"
              "\"Object\":[{\"name\":\"file\",\"Attribute\":[{\"type\":\"sha256\",\"value\":\"" SHA256_TEXT "\",\"to_ids\":true}]}]}}");
    CHECK(strcmp(m->list.format, "misp") == 0 && has(KD_OBJ_DOMAIN, "evil.example"));
    CHECK(kd_bytes_eq_str(hit.note, "Campaign 木戸") && has(KD_OBJ_URL, "evil.example/x") && kd_bytes_eq_str(hit.note, "loader"));
    CHECK(!has(KD_OBJ_IP, "198.51.100.7") && has(KD_OBJ_SHA256, SHA256_TEXT) && m->list.other == 1);
    read_list("{\"5a-b\":{\"Orgc\":{\"name\":\"o\"},\"Tag\":[],\"info\":\"x\",\"timestamp\":\"1\"}}");
    CHECK(m->status == KD_OK && m->list.wrong == 0 && m->x.head->entries.n == 0); /* a manifest */
}

static void bundles_of_stix(void)
{
    read_list("{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{\"type\":\"identity\",\"name\":\"x\"},"
              "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"pattern_type\":\"stix\",\"name\":\"Loader\",\"confidence\":77,"
              "\"valid_until\":\"2024-10-03T00:00:00Z\",\"pattern\":\"[domain-name:value = 'evil.example' OR ipv4-addr:value = '203.0.113.9']\"},"
              "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"pattern\":\"[file:hashes.MD5 = '" MD5_TEXT "' AND file:hashes.'SHA-256' = '" SHA256_TEXT "']\"},"
              "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"pattern\":\"[ipv4-addr:value ISSUBSET '198.51.100.0/24']\",\"indicator_types\":[\"malicious-activity\"]},"
              "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"revoked\":true,\"pattern\":\"[url:value = 'http://gone.example/']\"},"
              "{\"type\":\"indicator\",\"pattern_type\":\"yara\",\"pattern\":\"rule x {}\"},"
              "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"pattern\":\"[file:name LIKE '%a']\"},"
              "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"indicator_types\":[\"benign\"],\"pattern\":\"[url:value = 'http://good.example/']\"},"
              "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"pattern\":\"[url:value IN ('http://a.example/1','http://a.example/2')] OR [email-addr:value='a@b.example']\"},"
              "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"pattern\":\"[x509-certificate:serial_number = '00:AB' AND x509-certificate:issuer = 'CN=it\\\\'s']\"},"
              "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"pattern\":\"[(domain-name:value='p.example' OR domain-name:value='q.example')]\"}]}");
    CHECK(strcmp(m->list.format, "stix") == 0 && m->list.other == 4 && m->list.wrong == 0);
    CHECK(has_on(KD_OBJ_DOMAIN, "evil.example", 19999) && hit.confidence == 77 && kd_bytes_eq_str(hit.note, "Loader"));
    CHECK(!has(KD_OBJ_DOMAIN, "evil.example") && has_on(KD_OBJ_IP, "203.0.113.9", 1));
    CHECK(has(KD_OBJ_SHA256, SHA256_TEXT) && !has(KD_OBJ_MD5, MD5_TEXT) && has(KD_OBJ_IP, "198.51.100.1"));
    CHECK(has(KD_OBJ_URL, "a.example/1") && has(KD_OBJ_URL, "a.example/2") && has(KD_OBJ_MAIL, "a@b.example"));
    CHECK(has(KD_OBJ_CERT, "serial:ab CN=it's") && !has(KD_OBJ_CERT, "serial:ac CN=it's"));
    CHECK(has(KD_OBJ_DOMAIN, "p.example") && has(KD_OBJ_DOMAIN, "q.example"));
}

static void exports_in_json(void)
{
    read_list("{\"12\":[{\"ioc_value\":\"203.0.113.9:80\",\"ioc_type\":\"ip:port\",\"malware_printable\":\"Xrat\",\"confidence_level\":100,\"tags\":null}]}");
    CHECK(strcmp(m->list.format, "json") == 0 && has(KD_OBJ_IP, "203.0.113.9") && hit.confidence == 100);
    read_list("{\"query_status\":\"ok\",\"data\":[{\"sha256_hash\":\"" SHA256_TEXT "\",\"md5_hash\":\"" MD5_TEXT "\",\"signature\":\"Qbot\",\"tags\":[\"a\",\"b\"]}]}");
    CHECK(has(KD_OBJ_SHA256, SHA256_TEXT) && kd_bytes_eq_str(hit.note, "Qbot") && !has(KD_OBJ_MD5, MD5_TEXT));
    read_list("{\"urls\":[{\"id\":\"1\",\"url\":\"http://evil.example/a\",\"host\":\"evil.example\",\"threat\":\"t\"}]}");
    CHECK(has(KD_OBJ_URL, "evil.example/a") && !has(KD_OBJ_DOMAIN, "evil.example"));
    read_list("[{\"ip_address\":\"203.0.113.9\",\"port\":443,\"hostname\":null,\"malware\":\"Dridex\"}]");
    CHECK(has(KD_OBJ_IP, "203.0.113.9"));
    read_list("[{\"ip_address\":\"203.0.113.9\"},{\"ip_address\":\"203.0.113.10\"");
    CHECK(m->list.wrong == 1 && has(KD_OBJ_IP, "203.0.113.9") && !has(KD_OBJ_IP, "203.0.113.10"));
    char deep[400];
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    read_list(deep);
    CHECK(m->status == KD_MALFORMED && m->list.wrong == 1);
}

static void add(struct kd_obj_build *b, const char *net, const char *note, uint8_t confidence)
{
    struct kd_obj_new n = {.kind = KD_OBJ_IP, .is_net = true, .note = kd_str(note), .confidence = confidence};
    CHECK(kd_net_parse(kd_str(net), &n.net) && kd_obj_build_add(b, &n) == KD_OK);
}

static void the_closest_network_and_the_surest_list(void)
{
    struct kd_obj_build *b = begin();
    CHECK(kd_obj_build_list(b, "one") != NULL);
    add(b, "100.0.0.0/9", "wide", 50);
    add(b, "100.1.0.0/16", "middle", 50);
    add(b, "100.1.2.0/24", "close", 50);
    add(b, "100.1.2.128/26", "closest", 50);
    add(b, "100.1.3.3", "lone", 40);
    add(b, "100.1.3.3", "lone again", 45);
    struct kd_obj_list *second = kd_obj_build_list(b, "two");
    add(b, "100.1.3.3", "sure", 90);
    CHECK(second != NULL);
    lay(b);
    static const struct {
        const char *address, *note;
    } want[] = {{"100.1.2.130", "closest"}, {"100.1.2.200", "close"}, {"100.1.2.1", "close"}, {"100.1.9.9", "middle"},
                {"100.1.255.255", "middle"}, {"100.2.0.0", "wide"}, {"100.127.255.255", "wide"}, {"100.1.3.3", "sure"}};
    for (size_t i = 0; i < KD_COUNT(want); i++)
        CHECK(has(KD_OBJ_IP, want[i].address) && kd_bytes_eq_str(hit.note, want[i].note));
    CHECK(!has(KD_OBJ_IP, "100.128.0.0") && !has(KD_OBJ_IP, "99.255.255.255"));
    CHECK(has(KD_OBJ_IP, "100.1.3.3") && hit.lists == 2 && strcmp(hit.list->name, "two") == 0);
    CHECK(m->x.lists[0].twice == 1);
    m->x.skip = 2; /* the second list is in a newer layer */
    CHECK(has(KD_OBJ_IP, "100.1.3.3") && hit.lists == 1 && hit.confidence == 45 && kd_bytes_eq_str(hit.note, "lone again"));
    m->x.skip = 3;
    CHECK(!has(KD_OBJ_IP, "100.1.3.3") && !has(KD_OBJ_IP, "100.1.2.130"));
}

/* Each is found, none that is not there; a broken one is refused or harmless. */
static void thousands_and_a_broken_index(void)
{
    enum { N = 5000 };
    char name[64];
    struct kd_obj_build *b = begin();
    CHECK(kd_obj_build_list(b, "one") != NULL);
    unsigned found = 0, wrong = 0;
    for (unsigned i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "n%u.example", i);
        struct kd_obj_new n = {.kind = KD_OBJ_DOMAIN, .spelt = kd_str(name), .note = kd_str(name), .confidence = 80};
        CHECK(kd_obj_build_add(b, &n) == KD_OK);
    }
    lay(b);
    for (unsigned i = 0; i < 2 * N; i++) {
        snprintf(name, sizeof(name), "n%u.example", i);
        bool there = has(KD_OBJ_DOMAIN, name);
        found += there && kd_bytes_eq_str(hit.note, name);
        wrong += there && i >= N;
    }
    CHECK(found == N && wrong == 0);
    uint64_t bytes = m->x.head->bytes;
    unsigned seed = 1, opened = 0;
    for (unsigned i = 0; i < 2000; i++) {
        seed = seed * 1103515245u + 12345u;
        size_t at = (seed >> 8) % (i % 2 == 0 ? sizeof(struct kd_obj_head) : bytes);
        uint8_t was = m->room[at];
        m->room[at] ^= (uint8_t)(1u << (seed >> 4) % 8);
        if (kd_obj_index_open(m->room, bytes, &m->x) == KD_OK) {
            opened++;
            (void)has(KD_OBJ_DOMAIN, "www.n17.example");
            (void)has(KD_OBJ_IP, "203.0.113.9");
        }
        m->room[at] = was;
    }
    CHECK(opened > 0 && opened < 2000);
    CHECK(kd_obj_index_open(m->room, 40, &m->x) == KD_MALFORMED);
}

static bool over(void *arg)
{
    (void)arg;
    return true;
}

static void limits_hold(void)
{
    struct kd_obj_build_config cfg = {.entries_max = 2};
    struct kd_obj_build *b = kd_obj_build_new(&cfg);
    struct kd_obj_list *l = kd_obj_build_list(b, "one");
    struct kd_feed_site site = {.line_max = 64};
    struct kd_feed_spec spec = {.kind = KD_FEED_ANY_KIND};
    char text[] = "a.example\nb.example\nc.example\nd.example\n";
    CHECK(kd_feed_read(b, l, &spec, &site, "f", (uint8_t *)text, strlen(text)) == KD_LIMIT);
    CHECK(l->beyond == 2 && l->n[KD_OBJ_DOMAIN] == 2);
    lay(b);
    site.stop = over;
    b = begin();
    l = kd_obj_build_list(b, "one");
    char again[] = "a.example\n";
    CHECK(kd_feed_read(b, l, &spec, &site, "f", (uint8_t *)again, strlen(again)) == KD_LIMIT);
    lay(b);
    b = begin();
    for (size_t i = 0; i < 70; i++)
        CHECK((kd_obj_build_list(b, "x") != NULL) == (i < KD_OBJ_LISTS_MAX));
    lay(b);
}

int main(void)
{
    m = calloc(1, sizeof(*m));
    if (m == NULL || !kd_net_parse(kd_str("192.0.2.0/24"), &inside))
        return 1;
    RUN(plain_lists_by_shape);
    RUN(what_everybody_uses_is_refused);
    RUN(a_bad_line_is_counted_and_named);
    RUN(hosts_files);
    RUN(datasets);
    RUN(tables);
    RUN(events_of_misp);
    RUN(bundles_of_stix);
    RUN(exports_in_json);
    RUN(the_closest_network_and_the_surest_list);
    RUN(thousands_and_a_broken_index);
    RUN(limits_hold);
    free(m);
    return tap_done();
}
