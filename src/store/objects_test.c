/* SPDX-License-Identifier: Apache-2.0 */
/* Suspicious objects: their spelling, their life, and who met them before they were known. */
#include "store/objects.h"

#include <fcntl.h>
#include <ftw.h>
#include <time.h>
#include <unistd.h>

#include "../../tests/tap.h"
#include "object/feed.h"
#include "store/lists.h"
#include "store/store.h"
#include "wire/board.h"
#include "wire/record.h"

enum { ZONE_S = 9 * 3600 };
static const uint64_t start_us = 1763737200000000u; /* 2025-11-22 00:00 in Japan */
static _Atomic uint64_t fake_now = 1763737200000000u;
static char path[64];
static int dir;
static struct kd_board board;
static uint64_t next_id;

static uint64_t now(void *ctx)
{
    (void)ctx;
    return fake_now;
}

static int remove_one(const char *name, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(name);
}

static struct kd_store *open_store(void)
{
    struct kd_store *s = NULL;
    struct kd_err err = {0};
    struct kd_store_config cfg = {.dir_fd = dir, .dir_path = path, .zone_s = ZONE_S, .clock = {now, NULL},
                                  .ask_threads = 1, .board = &board};
    CHECK(kd_store_open(&cfg, &s, &err) == KD_OK);
    return s;
}

static struct kd_addr addr(const char *text)
{
    struct kd_addr a = {{0}};
    CHECK(kd_addr_parse(kd_str(text), &a));
    return a;
}

static void put(struct kd_store *s, uint8_t type, uint64_t ts_us, const char *src, const char *dst, const void *body)
{
    static uint8_t buf[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    struct kd_rec_head h = {.type = type, .ts_us = ts_us, .id = ++next_id, .src = addr(src), .dst = addr(dst),
                            .src_port = 50000, .dst_port = 443, .proto = 6};
    CHECK(kd_record_put(&o, &h, body) == KD_OK && kd_store_batch(s, kd_out_bytes_view(&o), NULL) == KD_OK);
}

/* What the past holds: names, addresses, a link and a file. */
static void live(struct kd_store *s)
{
    for (unsigned day = 0; day < 3; day++) {
        uint64_t at = start_us + day * KD_US_PER_DAY + 3600 * (uint64_t)KD_US_PER_S;
        struct kd_rec_dns d = {.rrname = kd_str("www.bad.example"), .rrtype = kd_str("A")};
        put(s, KD_REC_DNS, at, "10.0.0.5", "10.0.0.1", &d);
        struct kd_rec_http h = {.hostname = kd_str("files.example"), .url = kd_str("/invoice.zip"), .http_method = kd_str("GET"),
                                .status = 200};
        put(s, KD_REC_HTTP, at + 5, "10.0.0.6", "203.0.113.9", &h);
        struct kd_rec_flow f = {.start_us = at, .end_us = at + 5, .pkts_toserver = 3, .pkts_toclient = 3, .bytes_toserver = 300,
                                .bytes_toclient = 300, .state = kd_str("closed")};
        put(s, KD_REC_FLOW, at + 9, "10.0.0.7", "203.0.113.9", &f);
    }
    fake_now = start_us + 3 * KD_US_PER_DAY;
    struct kd_err err = {0};
    CHECK(kd_store_seal(s, &err) == KD_OK);
}

static uint64_t add(struct kd_meta *m, const char *kind, const char *value)
{
    uint64_t id = 0;
    struct kd_object_new n = {.kind = kd_str(kind), .value = kd_str(value), .reason = kd_str("警察からの情報"),
                              .owner = kd_str("admin"), .source = "page"};
    CHECK(kd_object_add(m, &n, &id) == KD_OK && id > 0);
    return id;
}

/* The meetings on the board, once there are `want` of them. */
static size_t meetings(struct kd_store *s, size_t want, struct kd_meeting *ret, char hosts[][48])
{
    static uint8_t *text;
    size_t n = 0, found = 0;
    uint64_t number;
    for (unsigned i = 0; i < 400 && found < want; i++) {
        struct timespec t = {.tv_nsec = 10 * 1000 * 1000};
        fake_now += 1100 * 1000; /* ticks come once a second */
        kd_store_tick(s);
        (void)nanosleep(&t, NULL);
        free(text);
        text = NULL;
        found = 0;
        if (kd_board_read(&board, &text, &n, &number) != KD_OK)
            continue;
        struct kd_cur c = kd_cur_of(kd_bytes_of(text, n));
        struct kd_decision d;
        while (kd_decision_next(&c, &d) == KD_OK)
            if (d.kind == KD_DECISION_MEETING && found < 8) {
                struct kd_out o = kd_out_of(hosts[found], 47);
                kd_out_addr(&o, &d.meeting.host);
                hosts[found][o.n] = '\0';
                ret[found++] = d.meeting;
            }
    }
    return found;
}

static void values_have_one_spelling(void)
{
    static const struct {
        const char *kind, *value, *key; /* NULL: refused */
    } cases[] = {
        {"ip", "203.0.113.9", "203.0.113.9"}, {"ip", "203.0.113.0/24", "203.0.113.0/24"}, {"ip", "2001:DB8::1", "2001:db8::1"},
        {"ip", "bad.example", NULL}, {"domain", "Bad.Example.", "bad.example"}, {"domain", "no dots", NULL},
        {"domain", "a/b.example", NULL}, {"url", "HTTP://Bad.Example/Path?q", "bad.example/Path?q"}, {"url", "bad.example", NULL},
        {"md5", "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"}, {"md5", "d41d", NULL},
        {"ja4", "t13d1516h2_8daaf6152771_e5627efa2ab1", "t13d1516h2_8daaf6152771_e5627efa2ab1"}, {"nothing", "x", NULL},
        {"domain", "", NULL},
    };
    for (size_t i = 0; i < KD_COUNT(cases); i++) {
        uint8_t room[256];
        struct kd_out o = kd_out_of(room, sizeof(room));
        bool ok = kd_object_key(kd_str(cases[i].kind), kd_str(cases[i].value), &o);
        bool as_meant = ok == (cases[i].key != NULL) && (!ok || kd_bytes_eq_str(kd_out_bytes_view(&o), cases[i].key));
        if (!as_meant)
            printf("# %s %s: %.*s\n", cases[i].kind, cases[i].value, (int)o.n, (char *)o.p);
        CHECK(as_meant);
    }
}

static void the_past_is_searched_when_an_object_comes(void)
{
    struct kd_store *s = open_store();
    live(s);
    kd_store_close(s); /* the sightings are written */
    s = open_store();
    struct kd_meta m;
    struct kd_err err = {0};
    CHECK(kd_meta_open(path, true, false, (struct kd_clock){now, NULL}, &m, &err) == KD_OK);
    uint64_t domain = add(&m, "domain", "bad.example"), ip = add(&m, "ip", "203.0.113.9");
    uint64_t url = add(&m, "url", "http://files.example/invoice.zip");
    CHECK(add(&m, "domain", "BAD.example") == domain); /* the same thing */
    struct kd_meeting met[8];
    char hosts[8][48];
    size_t n = meetings(s, 3, met, hosts);
    CHECK(n == 3); /* the name, the address and the link, by one each */
    for (size_t i = 0; i < n; i++) {
        if (met[i].object == domain)
            CHECK(strcmp(hosts[i], "10.0.0.5") == 0 && met[i].count == 3 && kd_bytes_eq_str(met[i].met, "www.bad.example"));
        if (met[i].object == ip)
            CHECK(strcmp(hosts[i], "10.0.0.7") == 0);
        if (met[i].object == url)
            CHECK(strcmp(hosts[i], "10.0.0.6") == 0 && met[i].count == 3 && kd_bytes_eq_str(met[i].how, "url"));
        CHECK(met[i].first_us < start_us + KD_US_PER_DAY && met[i].last_us > start_us + 2 * KD_US_PER_DAY);
    }
    /* Told by the brain: no longer on the board; another object that nobody met brings nothing. */
    struct kd_addr host = addr("10.0.0.5");
    CHECK(kd_object_hit(&m, domain, &host, true, 0, 0) == KD_OK);
    (void)add(&m, "domain", "good.example");
    for (unsigned i = 0; i < 50; i++) {
        fake_now += 1100 * 1000;
        kd_store_tick(s);
    }
    CHECK(meetings(s, 2, met, hosts) == 2);
    /* Over: neither watched for nor told. */
    CHECK(kd_object_expire(&m, ip) == KD_OK && kd_object_expire(&m, ip) == KD_NOT_FOUND);
    kd_store_tick(s);
    CHECK(meetings(s, 1, met, hosts) == 1 && met[0].object == url);
    struct kd_jw w;
    kd_jw_init(&w, ZONE_S);
    CHECK(kd_object_json(&m, domain, &w) == KD_OK && kd_bytes_find(kd_jw_view(&w), kd_str("10.0.0.5")) != SIZE_MAX);
    CHECK(kd_bytes_find(kd_jw_view(&w), kd_str("\"state\":\"active\"")) != SIZE_MAX);
    kd_jw_done(&w);
    kd_meta_close(&m);
    kd_store_close(s);
}

static void what_came_after_is_no_meeting_of_the_past(void)
{
    struct kd_store *s = open_store();
    struct kd_meta m;
    struct kd_err err = {0};
    CHECK(kd_meta_open(path, true, false, (struct kd_clock){now, NULL}, &m, &err) == KD_OK);
    uint64_t id = add(&m, "domain", "later.example");
    fake_now += KD_US_PER_MINUTE;
    struct kd_rec_dns d = {.rrname = kd_str("later.example"), .rrtype = kd_str("A")};
    put(s, KD_REC_DNS, fake_now, "10.0.0.8", "10.0.0.1", &d);
    CHECK(kd_store_seal(s, &err) == KD_OK);
    struct kd_meeting met[8];
    char hosts[8][48];
    fake_now += 20 * KD_US_PER_MINUTE; /* the later looks, too */
    size_t n = meetings(s, 8, met, hosts);
    for (size_t i = 0; i < n; i++)
        CHECK(met[i].object != id);
    kd_meta_close(&m);
    kd_store_close(s);
}

static void *lists_memory[2];

static struct kd_obj_index list_of(unsigned at, const char *content)
{
    struct kd_obj_build_config cfg = {.key = "a test's own key", .entries_max = 1000};
    struct kd_feed_spec spec = {.kind = KD_FEED_ANY_KIND};
    struct kd_feed_site site = {.line_max = 4096};
    struct kd_obj_build *b = kd_obj_build_new(&cfg);
    struct kd_obj_list *l = kd_obj_build_list(b, "feed");
    struct kd_obj_index x;
    size_t n = strlen(content), bytes;
    uint8_t *text = malloc(n + 1);
    memcpy(text, content, n);
    CHECK(kd_feed_read(b, l, &spec, &site, "feed.csv", text, n) == KD_OK);
    lists_memory[at] = calloc(1, kd_obj_build_bytes(b));
    CHECK(kd_obj_build_write(b, lists_memory[at], kd_obj_build_bytes(b), &bytes) == KD_OK);
    CHECK(kd_obj_index_open(lists_memory[at], bytes, &x) == KD_OK);
    kd_obj_build_free(b);
    free(text);
    return x;
}

static uint64_t objects_of_lists(struct kd_meta *m)
{
    struct kd_sql q = kd_sql(m, "SELECT count(*) FROM objects WHERE source = 'list'");
    uint64_t n = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 99;
    return kd_sql_done(&q) == KD_OK ? n : 99;
}

/* What a list names now and did not before is looked for in what was seen; what was in it already is not, nor what it
 * is not sure of. */
static void a_list_that_changed_is_looked_for_in_the_past(void)
{
    struct kd_store *s = open_store();
    live(s);
    kd_store_close(s); /* the sightings are written */
    s = open_store();
    struct kd_meta m;
    struct kd_err err = {0};
    struct kd_meeting met[8];
    char hosts[8][48];
    CHECK(kd_meta_open(path, true, false, (struct kd_clock){now, NULL}, &m, &err) == KD_OK);
    struct kd_obj_index first = list_of(0, "kind,value,confidence\nip,203.0.113.9,30\ndomain,other.example,80\ndomain,google.com,80\n");
    kd_store_lists(s, &first, 1);
    CHECK(meetings(s, 1, met, hosts) == 0 && objects_of_lists(&m) == 0); /* 30 per cent is too little */
    struct kd_obj_index second = list_of(1, "kind,value,confidence\nip,203.0.113.9,90\ndomain,bad.example,80\n");
    kd_store_lists(s, &second, 1);
    size_t n = meetings(s, 1, met, hosts);
    CHECK(n == 1 && strcmp(hosts[0], "10.0.0.5") == 0 && kd_bytes_eq_str(met[0].met, "www.bad.example"));
    CHECK(n == 1 && kd_bytes_eq_str(met[0].note, "[feed]"));
    CHECK(objects_of_lists(&m) == 1); /* the address was listed before */
    kd_store_lists(s, &second, 1);
    CHECK(meetings(s, 2, met, hosts) == 1 && objects_of_lists(&m) == 1);
    struct kd_jw w;
    kd_jw_init(&w, ZONE_S);
    kd_jw_open(&w, NULL, '{');
    CHECK(kd_lists_json(&m, &w) == KD_OK);
    CHECK(kd_bytes_find(kd_jw_view(&w), kd_str("\"kinds\":{\"ip\":1,\"domain\":1}")) != SIZE_MAX);
    kd_jw_done(&w);
    kd_meta_close(&m);
    kd_store_close(s);
    free(lists_memory[0]);
    free(lists_memory[1]);
}

static void begin_anew(void)
{
    if (dir > 0) {
        (void)close(dir);
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    (void)snprintf(path, sizeof(path), "/tmp/kd-objects-XXXXXX");
    CHECK(mkdtemp(path) != NULL);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fake_now = start_us;
    memset(&board, 0, sizeof(board));
}

int main(void)
{
    begin_anew();
    RUN(values_have_one_spelling);
    RUN(the_past_is_searched_when_an_object_comes);
    RUN(what_came_after_is_no_meeting_of_the_past);
    begin_anew();
    RUN(a_list_that_changed_is_looked_for_in_the_past);
    (void)close(dir);
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
