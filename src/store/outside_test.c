/* SPDX-License-Identifier: Apache-2.0 */
/* Did data leave: each grade has its reason, and what was not seen is told. */
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "../../tests/tap.h"
#include "store/ingest.h"
#include "store/outside.h"

enum { ZONE_S = 9 * 3600, HABIT_DAYS = 5 };
#define MIB ((uint64_t)1 << 20)
#define START_US 1763737200000000u /* 2025-11-22 00:00 in Japan */
#define DAY_US KD_US_PER_DAY
#define HOUR_US ((uint64_t)3600000000u)

static uint64_t now(void *ctx)
{
    (void)ctx;
    return START_US + 10 * DAY_US;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* ---- a store of what the test says ---- */

static char path[64];
static int dir;
static uint8_t room[KD_BATCH_MAX];
static struct kd_out batch;
static size_t n_records;
static uint64_t next_id, next_flow;

static void begin(void)
{
    (void)snprintf(path, sizeof(path), "/tmp/kd-outside-XXXXXX");
    CHECK(mkdtemp(path) != NULL);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    batch = kd_out_of(room, sizeof(room));
    n_records = 0;
}

static void end(void)
{
    (void)close(dir);
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct kd_addr addr(const char *text)
{
    struct kd_addr a;
    CHECK(kd_addr_parse(kd_str(text), &a));
    return a;
}

static void put(unsigned type, const char *src, const char *dst, unsigned app, uint64_t ts_us,
                uint64_t flow_id, const void *body)
{
    struct kd_rec_head h = {.ts_us = ts_us,
                            .flow_id = flow_id == 0 ? ++next_flow + 1000 : flow_id,
                            .id = ++next_id,
                            .type = (uint8_t)type,
                            .app = (uint8_t)app,
                            .proto = 6,
                            .src_port = 50000,
                            .dst_port = 443};
    if (src != NULL) {
        h.src = addr(src);
        h.dst = addr(dst);
    }
    CHECK(kd_record_put(&batch, &h, body) == KD_OK);
    n_records++;
}

static void put_flow(const char *dst, unsigned app, uint64_t ts_us, uint64_t out, uint64_t in)
{
    struct kd_rec_flow f = {.start_us = ts_us - 1000000,
                            .end_us = ts_us,
                            .age_us = 1000000,
                            .bytes_toserver = out,
                            .bytes_toclient = in,
                            .data_toserver = out / 2,
                            .data_toclient = in / 2,
                            .state = kd_str("closed"),
                            .reason = kd_str("fin")};
    put(KD_REC_FLOW, "10.1.0.1", dst, app, ts_us, 0, &f);
}

/* Small readable visits to one place on each of the days before the last. */
static void put_habit(uint64_t bytes)
{
    for (uint64_t d = 0; d < HABIT_DAYS; d++)
        put_flow("198.51.100.7", KD_APP_HTTP, START_US + d * DAY_US + 36000000000u, bytes, bytes);
}

static struct kd_outside answer;
static struct kd_heap text, text_ja;

static void ask_of(const struct kd_net *nets, size_t n_nets)
{
    struct kd_events *events = NULL;
    struct kd_seals *seals = NULL;
    struct kd_ingest *in = NULL;
    struct kd_hunt_source src = {0};
    struct kd_err err = {0};
    CHECK(kd_seals_open(dir, &seals, &err) == KD_OK);
    CHECK(kd_events_open(dir, ZONE_S, true, &events, &err) == KD_OK);
    struct kd_ingest_config cfg = {
        .dir_fd = dir, .zone_s = ZONE_S, .clock = {now, NULL}, .events = events, .seals = seals};
    CHECK(kd_ingest_new(&cfg, &in, &err) == KD_OK);
    CHECK(kd_ingest_batch(in, kd_out_bytes_view(&batch), n_records, START_US) == KD_OK);
    CHECK(kd_ingest_seal(in) == KD_OK);
    kd_ingest_free(in);
    kd_events_free(events);
    kd_seals_free(seals);
    CHECK(kd_hunt_open(dir, ZONE_S, &src, &err) == KD_OK);
    struct kd_outside_ask ask = {.host = {.src = &src,
                                          .who = kd_str("10.1.0.1"),
                                          .from_us = START_US + HABIT_DAYS * DAY_US,
                                          .to_us = START_US + (HABIT_DAYS + 1) * DAY_US,
                                          .clock = {now, NULL},
                                          .threads = 1,
                                          .zone_s = ZONE_S},
                                 .nets = nets,
                                 .n_nets = n_nets};
    kd_outside_done(&answer);
    text.n = text_ja.n = 0;
    CHECK(kd_outside(&ask, &answer, &err) == KD_OK);
    kd_outside_text(&ask, &answer, false, &text);
    kd_outside_text(&ask, &answer, true, &text_ja);
    CHECK(kd_bytes_is_utf8(kd_bytes_of(text_ja.p, text_ja.n)));
    struct kd_jw w;
    kd_jw_init(&w, ZONE_S);
    kd_outside_json(&ask, &answer, &w);
    CHECK(kd_jw_ok(&w));
    kd_jw_done(&w);
    kd_events_free(src.events);
    kd_hunt_source_done(&src);
}

static void ask(void)
{
    ask_of(NULL, 0);
}

#define NOON_US (START_US + HABIT_DAYS * DAY_US + 43200000000u)

static bool told(const struct kd_outside_text *t, size_t n, const char *part)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(t[i].en, part) != NULL && t[i].ja[0] != '\0')
            return true;
    return false;
}

static bool is_reason(const char *part)
{
    return told(answer.reason, answer.n_reasons, part);
}

static bool is_unseen(const char *part)
{
    return told(answer.unseen, answer.n_unseen, part);
}

static bool says(const char *part)
{
    return kd_bytes_find(kd_bytes_of(text.p, text.n), kd_str(part)) != SIZE_MAX;
}

/* ---- cases ---- */

static void an_ordinary_day_shows_no_sign(void)
{
    begin();
    put_habit(100000);
    put_flow("198.51.100.7", KD_APP_HTTP, NOON_US, 90000, 200000);
    put_flow("198.51.100.7", KD_APP_TLS, NOON_US + 1, 10000, 20000);
    put_flow("10.1.0.9", KD_APP_SMB, NOON_US + 2, 900 * MIB, 20000); /* within the house */
    struct kd_rec_stats st = {.scope = kd_str("engine"), .packets = 1000, .decoded = 1000};
    put(KD_REC_STATS, NULL, NULL, 0, NOON_US, 0, &st);
    ask();
    CHECK(answer.grade == KD_OUTSIDE_NO_SIGN && answer.n_places == 1 && answer.n_new == 0);
    CHECK(answer.bytes_out == 100000 && answer.out[KD_OUTSIDE_ENCRYPTED] == 10000);
    CHECK(kd_outside_judged(&answer) == 90);
    CHECK(answer.habit_days == 5 && answer.habit_median == 100000 && answer.busiest == 100000);
    CHECK(is_unseen("encrypted") && is_unseen("do not pass this sensor"));
    CHECK(!is_unseen("own reports of that time are missing") && says("as far as was seen"));
    end();
}

static void a_new_place_and_a_large_day(void)
{
    begin();
    put_habit(100000);
    struct kd_rec_dns d = {.kind = kd_str("answer"), .rrname = kd_str("drop.example")};
    struct kd_dns_rr rr = {
        .rrname = d.rrname, .rrtype = kd_str("A"), .rdata = kd_str("203.0.113.9")};
    d.answers = (struct kd_list){&rr, 1};
    put(KD_REC_DNS, "10.1.0.1", "10.1.0.53", KD_APP_DNS, NOON_US - 5, 0, &d);
    put_flow("203.0.113.9", KD_APP_TLS, NOON_US, 50 * MIB, 1000);
    ask();
    CHECK(answer.grade == KD_OUTSIDE_MAYBE && answer.n_new == 1 && answer.place[0].is_new);
    CHECK(is_reason("not met before") && is_reason("above habit"));
    CHECK(strcmp(answer.place[0].name, "drop.example") == 0 && says("drop.example"));
    CHECK(kd_outside_judged(&answer) == 0);
    end();
}

/* Its reports count from the beginning: only the growth belongs to a day. */
static void a_long_conversation_is_counted_once(void)
{
    begin();
    put_habit(100000);
    struct kd_rec_flow f = {.start_us = NOON_US - 20 * HOUR_US,
                            .data_toserver = 1,
                            .state = kd_str("established"),
                            .reason = kd_str("update")};
    uint64_t at[] = {NOON_US - 14 * HOUR_US, NOON_US, NOON_US + HOUR_US};
    uint64_t sent[] = {1000000, 1500000, 1700000};
    for (size_t i = 0; i < 3; i++) {
        f.age_us = at[i] - f.start_us;
        f.end_us = at[i];
        f.bytes_toserver = sent[i];
        f.reason = kd_str(i == 2 ? "fin" : "update");
        put(KD_REC_FLOW, "10.1.0.1", "198.51.100.7", KD_APP_SSH, at[i], 77, &f);
    }
    ask();
    CHECK(answer.bytes_out == 700000 && answer.place[0].flows == 1);
    CHECK(answer.place[0].before_out == 5 * 100000 + 1000000 && answer.n_new == 0);
    end();
}

static void files_and_bodies_that_went_out(void)
{
    begin();
    put_habit(100000);
    struct kd_rec_http h = {.hostname = kd_str("up.example"),
                            .url = kd_str("/put"),
                            .http_method = kd_str("PUT"),
                            .request_length = 300000};
    put(KD_REC_HTTP, "10.1.0.1", "203.0.113.9", KD_APP_HTTP, NOON_US, 0, &h);
    h.request_length = 2000;
    put(KD_REC_HTTP, "10.1.0.1", "203.0.113.9", KD_APP_HTTP, NOON_US + 1, 0, &h);
    struct kd_rec_ftp ftp = {
        .command = kd_str("STOR"), .argument = kd_str("meibo.zip"), .code = 226};
    put(KD_REC_FTP, "10.1.0.1", "203.0.113.9", KD_APP_FTP, NOON_US + 2, 0, &ftp);
    uint8_t digest[32] = {0xab};
    struct kd_rec_file file = {.filename = kd_str("meibo.zip"),
                               .size = 300000,
                               .to_server = true,
                               .sha256 = kd_bytes_of(digest, sizeof(digest))};
    put(KD_REC_FILE, "10.1.0.1", "203.0.113.9", KD_APP_HTTP, NOON_US + 3, 0, &file);
    file.to_server = false; /* fetched, not sent */
    put(KD_REC_FILE, "10.1.0.1", "203.0.113.9", KD_APP_HTTP, NOON_US + 4, 0, &file);
    file.to_server = true; /* within the house */
    put(KD_REC_FILE, "10.1.0.1", "10.1.0.9", KD_APP_SMB, NOON_US + 5, 0, &file);
    put_flow("203.0.113.9", KD_APP_HTTP, NOON_US + 6, 400000, 1000);
    ask();
    CHECK(answer.grade == KD_OUTSIDE_MAYBE && is_reason("3 file(s)"));
    CHECK(answer.all_items[KD_OUTSIDE_UPLOAD] == 2 && answer.all_items[KD_OUTSIDE_FILE] == 1);
    CHECK(says("meibo.zip") && says("sha256 ab00") && says("up.example/put"));
    end();
}

static void personal_numbers_in_clear_are_proof(void)
{
    begin();
    put_habit(100000);
    struct kd_rec_file file = {
        .filename = kd_str("meibo.csv"), .size = 3000, .to_server = true, .my_numbers = 12};
    put(KD_REC_FILE, "10.1.0.1", "203.0.113.9", KD_APP_HTTP, NOON_US, 0, &file);
    put_flow("203.0.113.9", KD_APP_HTTP, NOON_US + 1, 5000, 1000);
    ask();
    CHECK(answer.grade == KD_OUTSIDE_LEFT && is_reason("personal or card numbers"));
    CHECK(says("Data left: proven") && says("[personal numbers]"));
    end();
}

/* Where too little was seen, there is no "no sign". */
static void what_was_not_seen_is_told(void)
{
    begin();
    put_habit(100000);
    ask(); /* nothing at all on the day */
    CHECK(answer.grade == KD_OUTSIDE_MAYBE && is_reason("no records of this host"));
    CHECK(is_unseen("own reports of that time are missing"));
    end();

    begin();
    put_habit(100000);
    struct kd_rec_flow f = {.start_us = NOON_US,
                            .bytes_toserver = 9000,
                            .data_toserver = 8000,
                            .gap_bytes = 555,
                            .midstream = true,
                            .state = kd_str("closed"),
                            .reason = kd_str("fin")};
    put(KD_REC_FLOW, "10.1.0.1", "198.51.100.7", KD_APP_HTTP, NOON_US, 0, &f);
    /* The counters run on from before, and from nought after a restart. */
    uint64_t dropped[] = {100, 400, 30}, packets[] = {1000, 9000, 500};
    for (size_t i = 0; i < 3; i++) {
        struct kd_rec_stats st = {
            .scope = kd_str("engine"), .packets = packets[i], .dropped = dropped[i]};
        uint64_t at = START_US + HABIT_DAYS * DAY_US - 1000000 + i * 900000000u;
        put(KD_REC_STATS, NULL, NULL, 0, at, 0, &st);
    }
    struct kd_rec_health health = {.kind = kd_str("role_exit"), .role = kd_str("engine")};
    put(KD_REC_HEALTH, NULL, NULL, 0, NOON_US, 0, &health);
    ask();
    CHECK(answer.sensor.dropped == 330 && answer.sensor.packets == 8500);
    CHECK(answer.sensor.silence_us == 900000000u && answer.sensor.exits == 1);
    CHECK(answer.grade == KD_OUTSIDE_MAYBE && is_reason("lost more than 1%"));
    CHECK(is_reason("reported nothing") && is_unseen("555 bytes") &&
          is_unseen("The beginning of 1"));
    end();
}

static void the_sites_own_nets(void)
{
    struct kd_net net;
    CHECK(kd_net_parse(kd_str("10.0.0.0/8"), &net));
    begin();
    put_habit(100000);
    put_flow("192.168.9.9", KD_APP_HTTP, NOON_US, 4000, 100); /* private, but another's */
    ask_of(&net, 1);
    CHECK(answer.n_places == 1 && answer.bytes_out == 4000);
    end();
}

/* Mail switched to encryption cannot be read, though its protocol is known. */
static void switched_to_encryption(void)
{
    begin();
    put_habit(100000);
    struct kd_rec_smtp m = {.helo = kd_str("pc"), .starttls = true};
    put(KD_REC_SMTP, "10.1.0.1", "198.51.100.7", KD_APP_SMTP, NOON_US, 0, &m);
    put_flow("198.51.100.7", KD_APP_SMTP, NOON_US + 1, 30000, 100);
    ask();
    CHECK(answer.out[KD_OUTSIDE_ENCRYPTED] == 30000 && kd_outside_judged(&answer) == 0);
    end();
}

int main(void)
{
    RUN(an_ordinary_day_shows_no_sign);
    RUN(a_new_place_and_a_large_day);
    RUN(a_long_conversation_is_counted_once);
    RUN(files_and_bodies_that_went_out);
    RUN(personal_numbers_in_clear_are_proof);
    RUN(what_was_not_seen_is_told);
    RUN(the_sites_own_nets);
    RUN(switched_to_encryption);
    kd_outside_done(&answer);
    kd_heap_done(&text);
    kd_heap_done(&text_ja);
    return tap_done();
}
