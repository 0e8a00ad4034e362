/* SPDX-License-Identifier: Apache-2.0 */
/* Who met what: counted once each, also when killed, gone with its days. */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../tests/store/gen.h"
#include "../../tests/tap.h"
#include "store/hunt.h"
#include "store/ingest.h"
#include "store/sighting_hosts.h"
#include "store/sightings.h"

enum { ZONE_S = 9 * 3600, ROUNDS = 12 };
static const uint64_t start_us = 1763737200000000u; /* 2025-11-22 00:00 in Japan */
static _Atomic uint64_t fake_now = 1763737200000000u;

static uint64_t now(void *ctx)
{
    (void)ctx;
    return fake_now;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

struct box {
    char path[64];
    int dir;
    struct kd_events *events;
    struct kd_ingest *in;
    struct kd_sightings *seen;
};

static void box_open(struct box *b, uint64_t keep_days)
{
    struct kd_err err = {0};
    CHECK(kd_events_open(b->dir, ZONE_S, true, &b->events, &err) == KD_OK);
    struct kd_ingest_config cfg = {
        .dir_fd = b->dir, .zone_s = ZONE_S, .clock = {now, NULL}, .events = b->events};
    CHECK(kd_ingest_new(&cfg, &b->in, &err) == KD_OK);
    struct kd_sightings_config seen = {.dir_path = b->path,
                                       .events = b->events,
                                       .clock = {now, NULL},
                                       .zone_s = ZONE_S,
                                       .keep_days = keep_days};
    CHECK(kd_sightings_new(&seen, &b->seen, &err) == KD_OK);
}

static void box_close(struct box *b)
{
    kd_sightings_free(b->seen);
    kd_ingest_free(b->in);
    kd_events_free(b->events);
}

static void box_new(struct box *b)
{
    (void)snprintf(b->path, sizeof(b->path), "/tmp/kd-seen-XXXXXX");
    CHECK(mkdtemp(b->path) != NULL);
    b->dir = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void box_done(struct box *b)
{
    (void)close(b->dir);
    (void)nftw(b->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void feed(struct box *b, struct kd_gen *g)
{
    static uint8_t batch[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(batch, sizeof(batch));
    uint64_t first = g->next_id;
    while (kd_gen_office(g, &o) == KD_OK)
        ;
    g->next_id--;
    CHECK(kd_ingest_batch(b->in, kd_out_bytes_view(&o), (size_t)(g->next_id - first), g->ts_us) ==
          KD_OK);
}

static void put(struct box *b, const struct kd_rec_head *h, const void *body)
{
    static uint8_t buf[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_record_put(&o, h, body) == KD_OK);
    CHECK(kd_ingest_batch(b->in, kd_out_bytes_view(&o), 1, h->ts_us) == KD_OK);
}

static struct kd_addr addr(const char *text)
{
    struct kd_addr a = {{0}};
    CHECK(kd_addr_parse(kd_str(text), &a));
    return a;
}

/* ---- answers gathered ---- */

struct found {
    size_t n;
    uint64_t count, bytes;
    struct kd_sighting last;
    char value[300], host[48];
};

static bool on_row(void *arg, const struct kd_sighting *s)
{
    struct found *f = arg;
    f->n++;
    f->count += s->count;
    f->bytes += s->bytes;
    f->last = *s;
    (void)snprintf(f->value, sizeof(f->value), "%.*s", (int)s->value.n, (const char *)s->value.p);
    struct kd_out o = kd_out_of(f->host, sizeof(f->host) - 1);
    kd_out_addr(&o, &s->host);
    f->host[o.n] = '\0';
    return true;
}

static struct found find(const struct box *b, enum kd_sighting_kind kind, const char *value,
                         uint64_t from_us, uint64_t to_us)
{
    struct found f = {.n = 0};
    struct kd_sighting_sum sum;
    struct kd_err err = {0};
    struct kd_sighting_ask ask = {.dir_path = b->path,
                                  .clock = {now, NULL},
                                  .zone_s = ZONE_S,
                                  .kind = kind,
                                  .value = kd_str(value),
                                  .from_us = from_us,
                                  .to_us = to_us,
                                  .limit = UINT64_MAX};
    CHECK(kd_sightings_find(&ask, on_row, &f, &sum, &err) == KD_OK);
    CHECK(sum.left_out == 0);
    return f;
}

static struct found find_all_days(const struct box *b, enum kd_sighting_kind kind,
                                  const char *value)
{
    return find(b, kind, value, 0, UINT64_MAX);
}

/* ---- the same by searching the records ---- */

static bool visit(void *arg, struct kd_block_reader *r, size_t group, const uint32_t *row, size_t n)
{
    (void)r, (void)group, (void)row;
    *(uint64_t *)arg += n;
    return true;
}

static uint64_t hunted(const struct box *b, const char *expr)
{
    struct kd_err err = {0};
    struct kd_hunt_source src = {.events = b->events, .last_seq = UINT64_MAX};
    struct kd_hunt_expr *e = NULL;
    struct kd_hunt_stats stats;
    uint64_t n = 0;
    CHECK(kd_hunt_parse(kd_str(expr), ZONE_S, &e, &err) == KD_OK);
    struct kd_hunt_query q = {.expr = e, .to_us = UINT64_MAX, .clock = {now, NULL}, .threads = 1};
    struct kd_hunt_visitor v = {.visit = visit, .arg = &n};
    CHECK(kd_hunt_scan(&q, &src, &v, &stats) == KD_OK && stats.unreadable == 0);
    kd_hunt_expr_free(e);
    return n;
}

/* Whole sums of the database, by kind. */
static uint64_t summed(const struct box *b, enum kd_sighting_kind kind)
{
    struct kd_meta m;
    struct kd_err err = {0};
    uint64_t n = 0;
    extern const char kd_sightings_schema[];
    CHECK(kd_meta_open_file(b->path, "sightings.db", kd_sightings_schema, false, false,
                            (struct kd_clock){now, NULL}, &m, &err) == KD_OK);
    struct kd_sql q = kd_sql(&m, "SELECT day, hosts FROM sightings WHERE kind = ?");
    kd_sql_u64(&q, kind);
    while (kd_sql_row(&q)) {
        struct kd_cur c = kd_cur_of(kd_sql_get_text(&q, 1));
        struct kd_sight_host h;
        enum kd_status s;
        while ((s = kd_sight_host_take(&c, (uint32_t)kd_sql_get(&q, 0), &h)) == KD_OK)
            n += h.count;
        CHECK(s == KD_NOT_FOUND);
    }
    CHECK(kd_sql_done(&q) == KD_OK);
    kd_meta_close(&m);
    return n;
}

static void sums_agree(const struct box *b)
{
    uint64_t ip = hunted(b, "event_type = flow and not dest_ip in (10.0.0.0/8, 172.16.0.0/12,"
                            " 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16, 127.0.0.0/8)");
    uint64_t dns = hunted(b, "event_type = dns");
    uint64_t http = hunted(b, "event_type = http");
    uint64_t tls = hunted(b, "event_type = tls");
    if (summed(b, KD_SIGHT_IP) != ip)
        printf("# flows %llu, counted %llu\n", (unsigned long long)ip,
               (unsigned long long)summed(b, KD_SIGHT_IP));
    CHECK(dns > 0 && http > 0 && tls > 0 && ip > 0);
    CHECK(summed(b, KD_SIGHT_IP) == ip);
    CHECK(summed(b, KD_SIGHT_DNS) == dns);
    CHECK(summed(b, KD_SIGHT_HTTP) == http);
    CHECK(summed(b, KD_SIGHT_SNI) == tls);
    CHECK(summed(b, KD_SIGHT_JA3) == tls);
    CHECK(summed(b, KD_SIGHT_JA4) == tls);
}

/* ---- */

static void values_have_one_spelling(void)
{
    static const struct {
        enum kd_sighting_kind kind;
        const char *in, *out;
    } rows[] = {
        {KD_SIGHT_IP, "203.0.113.9", "203.0.113.9"},
        {KD_SIGHT_IP, "2001:DB8:0::1", "2001:db8::1"},
        {KD_SIGHT_IP, "name.example", NULL},
        {KD_SIGHT_DNS, "WWW.Example.JP.", "www.example.jp"},
        {KD_SIGHT_HTTP, "Www.Example.jp:8080", "www.example.jp"},
        {KD_SIGHT_HTTP, "[2001:db8::1]:80", "2001:db8::1"},
        {KD_SIGHT_SNI, ".", NULL},
        {KD_SIGHT_SNI, "", NULL},
        {KD_SIGHT_CERT, "AA:bb:0C", "aabb0c"},
        {KD_SIGHT_HASH, "AABB0c", "aabb0c"},
        {KD_SIGHT_HASH, "aabb0", NULL},
        {KD_SIGHT_HASH, "xx", NULL},
        {KD_SIGHT_MAIL, "\"Some One\" <Some.One@Example.jp>", "some.one@example.jp"},
        {KD_SIGHT_JA4, "t13d1516h2_8DAAF6152771_02713d6af862",
         "t13d1516h2_8daaf6152771_02713d6af862"},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        uint8_t key[300], text[600];
        struct kd_out k = kd_out_of(key, sizeof(key));
        struct kd_out t = kd_out_of(text, sizeof(text));
        bool ok = kd_sighting_key(rows[i].kind, kd_str(rows[i].in), &k);
        CHECK(ok == (rows[i].out != NULL));
        if (!ok)
            continue;
        kd_sighting_text(rows[i].kind, kd_out_bytes_view(&k), &t);
        CHECK(kd_bytes_eq_str(kd_out_bytes_view(&t), rows[i].out));
    }
}

static void lists_of_hosts_survive_any_bytes(void)
{
    struct kd_gen g;
    struct kd_heap out = {NULL, 0, 0};
    uint64_t left_out = 0;
    size_t good = 0;
    kd_gen_init(&g, 9, 0);
    for (int i = 0; i < 20000; i++) {
        uint8_t buf[2][64];
        struct kd_bytes part[2];
        for (size_t k = 0; k < 2; k++) {
            for (size_t at = 0; at < sizeof(buf[k]); at++)
                buf[k][at] = (uint8_t)(kd_gen_next(&g) % 3 == 0 ? 4 : kd_gen_next(&g));
            part[k] = kd_bytes_of(buf[k], (size_t)(kd_gen_next(&g) % sizeof(buf[k])));
        }
        uint32_t day = (uint32_t)kd_gen_next(&g);
        good += kd_sight_hosts_merge(day, part[0], part[1], &out, &left_out) == KD_OK;
    }
    CHECK(good < 20000);
    kd_heap_done(&out);
}

static void hosts_beyond_the_bound_are_counted(void)
{
    static uint8_t buf[2][KD_SIGHT_HOSTS_MAX * KD_SIGHT_HOST_BYTES];
    struct kd_bytes part[2];
    struct kd_heap out = {NULL, 0, 0};
    uint64_t left_out = 0;
    for (uint32_t k = 0; k < 2; k++) {
        struct kd_out o = kd_out_of(buf[k], sizeof(buf[k]));
        for (uint32_t i = 0; i < 3000; i++) {
            uint32_t n = i * 2 + (i < 10 ? 0 : k);
            uint8_t v4[4] = {10, 0, (uint8_t)(n >> 8), (uint8_t)n};
            struct kd_sight_host h = {kd_addr_v4(v4), start_us + i, start_us + i, 2, 0};
            kd_sight_host_put(&o, 20251122, &h);
        }
        part[k] = kd_out_bytes_view(&o);
    }
    CHECK(kd_sight_hosts_merge(20251122, part[0], part[1], &out, &left_out) == KD_OK);
    struct kd_cur c = kd_cur_of(kd_bytes_of(out.p, out.n));
    struct kd_sight_host h;
    uint64_t n = 0, count = 0;
    while (kd_sight_host_take(&c, 20251122, &h) == KD_OK) {
        n++;
        count += h.count;
    }
    CHECK(n == KD_SIGHT_HOSTS_MAX && count + left_out == 12000 && left_out > 0);
    kd_heap_done(&out);
}

static void each_meeting_is_found_with_its_host(void)
{
    struct box b;
    box_new(&b);
    box_open(&b, 0);
    struct kd_rec_flow f = {.bytes_toserver = 100, .bytes_toclient = 23};
    struct kd_rec_head h = {.ts_us = start_us + 5,
                            .type = KD_REC_FLOW,
                            .src = addr("10.1.0.7"),
                            .dst = addr("203.0.113.9")};
    put(&b, &h, &f);
    h.ts_us += 1000;
    put(&b, &h, &f);
    h.src = addr("198.51.100.3"); /* came in from the internet */
    h.dst = addr("192.168.0.80");
    put(&b, &h, &f);
    h.src = addr("10.1.0.7"); /* stays inside, and to a group */
    put(&b, &h, &f);
    h.dst = addr("239.255.255.250");
    put(&b, &h, &f);
    h.ts_us = start_us + KD_US_PER_DAY; /* the next day, in the same block */
    h.dst = addr("203.0.113.9");
    put(&b, &h, &f);
    h.type = KD_REC_DNS;
    h.dst = addr("10.1.0.53");
    struct kd_rec_dns d = {.rrname = kd_str("Mail.Bad.Example")};
    put(&b, &h, &d);
    d.rrname = kd_str("notbad.example");
    put(&b, &h, &d);
    struct kd_mail_part part[2] = {{.sha256 = kd_bytes_of("\xaa\xbb", 2)},
                                   {.sha256 = kd_bytes_of("\xcc\xdd", 2)}};
    struct kd_rec_smtp m = {.from = kd_str("Bad <x@bad.example>"), .attachments = {part, 2}};
    h.type = KD_REC_SMTP;
    put(&b, &h, &m);
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    CHECK(find_all_days(&b, KD_SIGHT_ANY, "203.0.113.9").n == 0); /* not written yet */
    kd_sightings_finish(b.seen);
    struct found r = find_all_days(&b, KD_SIGHT_ANY, "203.0.113.9");
    CHECK(r.n == 2 && r.count == 3 && r.bytes == 369);
    CHECK(r.last.day == 20251122 && r.last.count == 2 && r.last.first_us == start_us + 5 &&
          r.last.last_us == start_us + 1005 && strcmp(r.host, "10.1.0.7") == 0);
    r = find(&b, KD_SIGHT_IP, "203.0.113.9", start_us + KD_US_PER_DAY, UINT64_MAX);
    CHECK(r.n == 1 && r.last.day == 20251123 && r.count == 1);
    r = find_all_days(&b, KD_SIGHT_ANY, "198.51.100.3");
    CHECK(r.n == 1 && strcmp(r.host, "192.168.0.80") == 0);
    CHECK(find_all_days(&b, KD_SIGHT_ANY, "192.168.0.80").n == 0);
    CHECK(find_all_days(&b, KD_SIGHT_ANY, "239.255.255.250").n == 0);
    r = find_all_days(&b, KD_SIGHT_ANY, "bad.example");
    CHECK(r.n == 1 && strcmp(r.value, "mail.bad.example") == 0 && r.last.kind == KD_SIGHT_DNS);
    CHECK(find_all_days(&b, KD_SIGHT_DNS, "mail.bad.example").n == 1);
    CHECK(find_all_days(&b, KD_SIGHT_SNI, "mail.bad.example").n == 0);
    CHECK(find_all_days(&b, KD_SIGHT_ANY, "other.example").n == 0);
    CHECK(find_all_days(&b, KD_SIGHT_ANY, "X@Bad.example").n == 1);
    CHECK(find_all_days(&b, KD_SIGHT_HASH, "ccdd").n == 1);
    CHECK(find_all_days(&b, KD_SIGHT_HASH, "ccde").n == 0);
    box_close(&b);
    box_done(&b);
}

static void sums_are_those_of_the_records(void)
{
    struct box b;
    struct kd_gen g;
    box_new(&b);
    box_open(&b, 0);
    kd_gen_init(&g, 3, start_us + KD_US_PER_DAY - 2 * (uint64_t)KD_US_PER_S);
    for (int i = 0; i < 300; i++) {
        feed(&b, &g); /* over midnight */
        kd_sightings_wake(b.seen);
    }
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    kd_sightings_finish(b.seen);
    sums_agree(&b);
    box_close(&b);
    box_open(&b, 0); /* nothing is counted again */
    kd_sightings_finish(b.seen);
    sums_agree(&b);
    box_close(&b);
    box_done(&b);
}

/* `begun` is written to when the first records are in: a busy machine may need long for that. */
static void feed_until_killed(struct box *b, uint64_t seed, int begun)
{
    struct kd_gen g;
    kd_gen_init(&g, seed, start_us);
    box_open(b, 0);
    for (unsigned i = 0;; i++) {
        feed(b, &g);
        if (i == 0 && write(begun, "", 1) != 1)
            _exit(4);
        if (i % 8 == 7 && kd_ingest_seal(b->in) != KD_OK)
            _exit(3);
        if (i % 16 == 15)
            fake_now += KD_US_PER_MINUTE;
        kd_sightings_wake(b->seen);
    }
}

static void killed_at_any_moment_counts_each_once(void)
{
    struct box b;
    struct kd_gen dice;
    box_new(&b);
    kd_gen_init(&dice, (uint64_t)getpid(), 0);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        int begun[2];
        char byte;
        CHECK(pipe(begun) == 0);
        pid_t child = fork();
        if (child == 0)
            feed_until_killed(&b, 50 + round, begun[1]);
        (void)close(begun[1]);
        CHECK(read(begun[0], &byte, 1) == 1);
        (void)close(begun[0]);
        struct timespec t = {0, 50000000 + (long)(kd_gen_next(&dice) % 300000000)};
        (void)nanosleep(&t, NULL);
        (void)kill(child, SIGKILL);
        int status = 0;
        (void)waitpid(child, &status, 0);
        CHECK(WIFSIGNALED(status));
    }
    box_open(&b, 0);
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    kd_sightings_finish(b.seen);
    sums_agree(&b);
    box_close(&b);
    box_done(&b);
}

static void days_go_when_their_time_is_over(void)
{
    struct box b;
    struct kd_rec_dns d = {.rrname = kd_str("old.example")};
    struct kd_rec_head h = {
        .ts_us = start_us, .type = KD_REC_DNS, .src = addr("10.1.0.7"), .dst = addr("10.1.0.53")};
    box_new(&b);
    box_open(&b, 30);
    put(&b, &h, &d);
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    kd_sightings_finish(b.seen);
    fake_now += 20 * KD_US_PER_DAY;
    h.ts_us = fake_now;
    put(&b, &h, &d);
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    kd_sightings_finish(b.seen);
    kd_sightings_finish(b.seen);
    CHECK(find_all_days(&b, KD_SIGHT_DNS, "old.example").n == 2);
    fake_now += 11 * KD_US_PER_DAY; /* 31 and 11 days */
    kd_sightings_finish(b.seen);
    struct found r = find_all_days(&b, KD_SIGHT_DNS, "old.example");
    CHECK(r.n == 1 && r.last.day == 20251212);
    box_close(&b);
    box_done(&b);
}

int main(void)
{
    RUN(values_have_one_spelling);
    RUN(lists_of_hosts_survive_any_bytes);
    RUN(hosts_beyond_the_bound_are_counted);
    RUN(each_meeting_is_found_with_its_host);
    RUN(sums_are_those_of_the_records);
    RUN(killed_at_any_moment_counts_each_once);
    RUN(days_go_when_their_time_is_over);
    return tap_done();
}
