/* SPDX-License-Identifier: Apache-2.0 */
/* The store as its users see it: records in, questions and live events out. */
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <pthread.h>
#include <unistd.h>

#include "../../tests/store/gen.h"
#include "../../tests/tap.h"
#include "store/audit.h"
#include "store/store.h"
#include "wire/board.h"
#include "wire/decision.h"

static const uint64_t start_us = 1763737200000000u; /* 2025-11-22 00:00 in Japan */
static _Atomic uint64_t fake_now = 1763780000000000u;

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

/* ---- a store, and one question at a time ---- */

static char dir_path[64];
static int dir_fd;
static struct kd_store *store;
static struct kd_board board;
static char token[129], csrf[64], first_password[64];
static unsigned n_events[KD_EVENT_KINDS];
static char last_event[KD_EVENT_KINDS][KD_ASK_CHUNK_MAX + 1];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static struct {
    uint16_t status;
    uint32_t retry_s;
    unsigned messages;
    bool complete;
    char *json;
    size_t n;
} answer;

static void on_event(void *arg, const struct kd_event *e)
{
    (void)arg;
    n_events[e->kind]++;
    memcpy(last_event[e->kind], e->json.p, e->json.n);
    last_event[e->kind][e->json.n] = '\0';
}

static void on_answer(void *arg, const struct kd_answer *a)
{
    (void)arg;
    (void)pthread_mutex_lock(&lock);
    if (answer.messages++ == 0) {
        answer.status = a->status;
        answer.retry_s = a->retry_s;
        if (a->token.n > 0)
            memcpy(token, a->token.p, a->token.n);
    }
    answer.json = realloc(answer.json, answer.n + a->json.n + 1);
    if (a->json.n > 0)
        memcpy(answer.json + answer.n, a->json.p, a->json.n);
    answer.n += a->json.n;
    answer.json[answer.n] = '\0';
    answer.complete = !a->more;
    (void)pthread_cond_signal(&done);
    (void)pthread_mutex_unlock(&lock);
}

static unsigned n_counted;

static void on_counted(void *arg, const struct kd_answer *a)
{
    (void)pthread_mutex_lock(&lock);
    *(unsigned *)arg += a->status == 408;
    n_counted += !a->more;
    (void)pthread_cond_signal(&done);
    (void)pthread_mutex_unlock(&lock);
}

static void open_store(void)
{
    struct kd_store_config cfg = {.dir_fd = dir_fd,
                                  .dir_path = dir_path,
                                  .zone_s = 32400,
                                  .clock = {now, NULL},
                                  .ask_threads = 2, .board = &board,
                                  .event = on_event};
    struct kd_err err = {0};
    enum kd_status s = kd_store_open(&cfg, &store, &err);
    if (s != KD_OK)
        printf("# open: %s %s %s\n", kd_status_text(s), err.what, err.detail);
    CHECK(s == KD_OK);
}

/* Pairs as name, value, name, value, NULL.  Gives the answer's JSON (borrowed until the next), NULL
 * for none. */
static json_t *ask(enum kd_ask_kind kind, const char *const *pairs)
{
    static json_t *last;
    struct kd_question q = {.id = 1, .kind = kind};
    if (kind != KD_ASK_LOGIN) {
        CHECK(kd_question_add(&q, "token", kd_str(token)) == KD_OK);
        CHECK(kd_question_add(&q, "csrf", kd_str(csrf)) == KD_OK);
    }
    CHECK(kd_question_add(&q, "client", kd_str("192.0.2.7")) == KD_OK);
    for (; pairs != NULL && *pairs != NULL; pairs += 2)
        CHECK(kd_question_add(&q, pairs[0], kd_str(pairs[1])) == KD_OK);
    free(answer.json);
    memset(&answer, 0, sizeof(answer));
    CHECK(kd_store_ask(store, &q, on_answer, NULL) == KD_OK);
    (void)pthread_mutex_lock(&lock);
    while (!answer.complete)
        (void)pthread_cond_wait(&done, &lock);
    (void)pthread_mutex_unlock(&lock);
    json_decref(last);
    json_error_t e;
    last = answer.n == 0 ? NULL : json_loadb(answer.json, answer.n, 0, &e);
    if (answer.n > 0 && last == NULL)
        printf("# no JSON: %s at %d: %.300s\n", e.text, e.position, answer.json);
    CHECK(answer.n == 0 || last != NULL);
    return last;
}
#define ASK(kind, ...) ask(kind, (const char *const[]){__VA_ARGS__, NULL})

static const char *text_of(json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));
    return t == NULL ? "" : t;
}

static json_int_t int_of(json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static json_t *item(json_t *o, size_t i)
{
    return json_array_get(json_object_get(o, "items"), i);
}

static bool log_in(const char *user, const char *password)
{
    json_t *s = ASK(KD_ASK_LOGIN, "user", user, "password", password);
    (void)snprintf(csrf, sizeof(csrf), "%s", text_of(s, "csrf"));
    return answer.status == 200;
}

static const char *code(json_t *o)
{
    return text_of(json_object_get(o, "error"), "code");
}

/* ---- records ---- */

static void put_batch(struct kd_out *o)
{
    struct kd_err err = {0};
    CHECK(kd_store_batch(store, kd_out_bytes_view(o), &err) == KD_OK);
    *o = kd_out_of(o->p, o->max);
}

static void put_alert(const char *id, const char *severity, const char *host, const char *key,
                      uint64_t count, uint64_t ts)
{
    static uint8_t buf[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    struct kd_rec_head h = {.ts_us = ts, .id = 900, .type = KD_REC_ALERT, .proto = 6, .flow_id = 3};
    struct kd_bytes technique = kd_str("T1021.002");
    struct kd_bytes ids[2] = {kd_str("5"), kd_str("6")};
    struct kd_rec_alert a = {.action = kd_str("allowed"),
                             .signature_id = 9000123,
                             .rev = 1,
                             .signature = kd_str("Admin share used"),
                             .category = kd_str("lateral movement"),
                             .alert_severity = 1,
                             .detection_id = kd_str(id),
                             .key = kd_str(key),
                             .method = kd_str("behaviour"),
                             .phase = kd_str("lateral_movement"),
                             .technique = {&technique, 1},
                             .severity = kd_str(severity),
                             .confidence = 80,
                             .host_name = kd_str("PC-SOUMU-01"),
                             .title_ja = kd_str("管理共有が使われました"),
                             .title_en = kd_str("Admin share used"),
                             .why_ja = kd_str("…"),
                             .why_en = kd_str("…"),
                             .do_ja = kd_str("確認する\n切り離す"),
                             .do_en = kd_str("Check\nIsolate"),
                             .record_ids = {ids, 2},
                             .first_us = ts,
                             .last_us = ts,
                             .count = count};
    CHECK(kd_addr_parse(kd_str(host), &a.host) && kd_addr_parse(kd_str("10.1.0.5"), &a.peer));
    h.src = a.host, h.dst = a.peer, h.src_port = 50000, h.dst_port = 445;
    CHECK(kd_record_put(&o, &h, &a) == KD_OK);
    put_batch(&o);
}

static void put_host(const char *address, const char *name, uint8_t severity)
{
    static uint8_t buf[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    struct kd_rec_head h = {.ts_us = start_us, .type = KD_REC_HOST};
    struct kd_host_reason why = {8, kd_str("KD-LM-0007"), kd_str("管理共有"),
                                 kd_str("admin share")};
    struct kd_rec_host r = {.name = kd_str(name),
                            .role = kd_str("client"),
                            .source = kd_str("dhcp"),
                            .severity = severity,
                            .reasons = {&why, severity > 0 ? 1 : 0},
                            .mac = {{2, 0, 0, 0, 0, 9}}};
    CHECK(kd_addr_parse(kd_str(address), &r.address));
    CHECK(kd_record_put(&o, &h, &r) == KD_OK);
    put_batch(&o);
}

static void put_office(struct kd_gen *g, size_t batches)
{
    static uint8_t buf[KD_BATCH_MAX];
    for (size_t i = 0; i < batches; i++) {
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        while (kd_gen_office(g, &o) == KD_OK)
            ;
        put_batch(&o);
    }
}

/* ---- tests ---- */

static void first_start_makes_an_admin_who_must_change(void)
{
    (void)snprintf(dir_path, sizeof(dir_path), "/tmp/kd-store-XXXXXX");
    CHECK(mkdtemp(dir_path) != NULL);
    dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    open_store();
    CHECK(kd_store_first_password(store) != NULL);
    (void)snprintf(first_password, sizeof(first_password), "%s", kd_store_first_password(store));
}

static void login_and_password(void)
{
    (void)ask(KD_ASK_TODAY, NULL);
    CHECK(answer.status == 401);
    CHECK(!log_in("admin", "wrong password"));
    CHECK(answer.status == 401);
    CHECK(log_in("admin", first_password));
    CHECK(strlen(token) == 64 && strlen(csrf) == 32);
    CHECK(strcmp(code(ask(KD_ASK_TODAY, NULL)), "must_change_password") == 0 &&
          answer.status == 403);
    CHECK(strcmp(code(ASK(KD_ASK_PASSWORD, "old", first_password, "new", "short")),
                 "weak_password") == 0);
    CHECK(strcmp(code(ASK(KD_ASK_PASSWORD, "old", "nonsense", "new", "a fine long password")),
                 "bad_login") == 0);
    (void)ASK(KD_ASK_PASSWORD, "old", first_password, "new", "a fine long password");
    CHECK(answer.status == 204);
    json_t *s = ask(KD_ASK_SESSION_CHECK, NULL);
    CHECK(answer.status == 200 && json_is_false(json_object_get(s, "must_change_password")));
    csrf[0] ^= 1;
    CHECK(strcmp(
              code(ASK(KD_ASK_USER_ADD, "user", "x", "role", "viewer", "password", "123456789012")),
              "csrf") == 0);
    csrf[0] ^= 1;
}

static void wrong_passwords_lock(void)
{
    char keep_token[129], keep_csrf[64];
    memcpy(keep_token, token, sizeof(token));
    memcpy(keep_csrf, csrf, sizeof(csrf));
    (void)ASK(KD_ASK_USER_ADD, "user", "tanaka", "role", "viewer", "password",
              "correct horse battery");
    CHECK(answer.status == 200);
    for (int i = 0; i < 10; i++)
        CHECK(!log_in("tanaka", "guess") && answer.status == 401);
    CHECK(!log_in("tanaka", "correct horse battery") && answer.status == 429 &&
          answer.retry_s > 800);
    fake_now += 16 * KD_US_PER_MINUTE;
    CHECK(log_in("tanaka", "correct horse battery"));
    memcpy(token, keep_token, sizeof(token));
    memcpy(csrf, keep_csrf, sizeof(csrf));
    (void)ask(KD_ASK_SESSION_CHECK, NULL);
    CHECK(answer.status == 200);
}

static void detections_fold_and_are_told_at_once(void)
{
    unsigned before = n_events[KD_EVENT_DETECTION];
    put_alert("KD-LM-0007", "high", "10.1.0.1", "k1", 3, start_us + 1000000);
    CHECK(n_events[KD_EVENT_DETECTION] == before + 1);
    put_alert("KD-LM-0007", "high", "10.1.0.1", "k1", 7, start_us + 2000000);
    put_alert("KD-DI-0001", "low", "10.1.2.4", "k2", 1, start_us + 3000000);
    CHECK(n_events[KD_EVENT_DETECTION] == before + 3);
    CHECK(strstr(last_event[KD_EVENT_DETECTION], "\"id\":2,\"state\":\"open\"") != NULL);
    json_t *r = ask(KD_ASK_DETECTIONS, NULL);
    CHECK(int_of(r, "total") == 2 && json_is_null(json_object_get(r, "next")));
    json_t *d = item(r, 1);
    json_t *evidence = json_object_get(json_object_get(d, "detection"), "evidence");
    CHECK(int_of(d, "id") == 1 && int_of(evidence, "count") == 7);
    CHECK(strncmp(text_of(evidence, "first"), "2025-11-22T00:00:01", 19) == 0);
    CHECK(strcmp(text_of(d, "host_name"), "PC-SOUMU-01") == 0 &&
          strcmp(text_of(d, "event_type"), "alert") == 0);
    CHECK(int_of(ASK(KD_ASK_DETECTIONS, "severity", "high,critical"), "total") == 1);
    CHECK(int_of(ASK(KD_ASK_DETECTIONS, "q", "管理共有", "host", "10.1.2.4"), "total") == 1);
    CHECK(int_of(ASK(KD_ASK_DETECTIONS, "state", "closed"), "total") == 0);
    CHECK(int_of(ASK(KD_ASK_DETECTIONS, "limit", "1"), "next") == 2);
    r = ASK(KD_ASK_DETECTION_PATCH, "id", "1", "state", "closed", "note", "業務でした");
    CHECK(answer.status == 200 && strcmp(text_of(r, "state"), "closed") == 0 &&
          strcmp(text_of(r, "state_by"), "admin") == 0);
    put_alert("KD-LM-0007", "high", "10.1.0.1", "k1", 9, start_us + 4000000);
    r = ASK(KD_ASK_DETECTION, "id", "1");
    CHECK(strcmp(text_of(r, "state"), "open") == 0 &&
          strcmp(text_of(r, "note"), "業務でした") == 0);
    CHECK(json_is_array(json_object_get(r, "evidence_records")));
    (void)ASK(KD_ASK_DETECTION, "id", "77");
    CHECK(answer.status == 404);
}

static void exceptions_hide(void)
{
    json_t *r = ASK(KD_ASK_EXCEPTION_ADD, "detection_id", "KD-DI-0001", "host", "10.1.2.4",
                    "reason", "監視装置");
    CHECK(answer.status == 200 && int_of(r, "id") == 1);
    CHECK(int_of(ask(KD_ASK_DETECTIONS, NULL), "total") == 1);
    unsigned before = n_events[KD_EVENT_DETECTION];
    put_alert("KD-DI-0001", "low", "10.1.2.4", "k2", 2, start_us + 5000000);
    CHECK(n_events[KD_EVENT_DETECTION] == before);
    json_t *items = json_object_get(ask(KD_ASK_EXCEPTIONS, NULL), "items");
    CHECK(json_array_size(items) == 1);
    CHECK(int_of(json_array_get(items, 0), "hits") == 1 && strcmp(text_of(json_array_get(items, 0), "created_by"), "admin") == 0);
    CHECK(json_is_string(json_object_get(json_array_get(items, 0), "last_hit")));
    kd_store_tick(store); /* the list that the brain sees holds it */
    uint8_t *list = NULL;
    size_t n = 0;
    uint64_t number = 0;
    struct kd_decision d = {.kind = KD_DECISION_OBJECT};
    CHECK(kd_board_read(&board, &list, &n, &number) == KD_OK);
    struct kd_cur c = kd_cur_of(kd_bytes_of(list, n));
    CHECK(kd_decision_next(&c, &d) == KD_OK && d.kind == KD_DECISION_EXCEPTION && d.exception.number == 1 &&
          kd_bytes_eq_str(d.exception.id, "KD-DI-0001") && d.exception.any_peer && !d.exception.any_host);
    free(list);
    (void)ASK(KD_ASK_EXCEPTION_DELETE, "id", "1");
    CHECK(answer.status == 204);
    CHECK(int_of(ask(KD_ASK_DETECTIONS, NULL), "total") == 2);
    (void)ASK(KD_ASK_EXCEPTION_ADD, "detection_id", "KD-DI-*", "host", "10.1.0.0/16", "peer", "192.0.2.1", "reason",
              "another peer");
    CHECK(answer.status == 200 && int_of(ask(KD_ASK_DETECTIONS, NULL), "total") == 2);
    (void)ASK(KD_ASK_EXCEPTION_ADD, "detection_id", "KD-DI-*", "host", "10.1.0.0/16", "reason", "by net");
    CHECK(answer.status == 200 && int_of(ask(KD_ASK_DETECTIONS, NULL), "total") == 1);
    (void)ASK(KD_ASK_EXCEPTION_DELETE, "id", "2");
    CHECK(answer.status == 204 && int_of(ask(KD_ASK_DETECTIONS, NULL), "total") == 2);
    (void)ASK(KD_ASK_EXCEPTION_DELETE, "id", "1");
    (void)ASK(KD_ASK_EXCEPTION_ADD, "reason", "everything");
    CHECK(answer.status == 422);
}

static void hosts_and_their_records(void)
{
    struct kd_gen g;
    kd_gen_init(&g, 3, start_us);
    put_host("10.1.0.1", "pc-soumu-01.town.example", 8);
    put_host("10.1.2.4", "pc-zeimu-02", 0);
    put_office(&g, 20);
    json_t *r = ask(KD_ASK_HOSTS, NULL);
    CHECK(int_of(r, "total") == 2 && int_of(item(r, 0), "severity") == 8);
    CHECK(strcmp(text_of(item(r, 0), "level"), "critical") == 0);
    CHECK(int_of(json_object_get(item(r, 0), "counts"), "lateral_movement") == 1);
    CHECK(int_of(ASK(KD_ASK_HOSTS, "q", "ZEIMU"), "total") == 1);
    r = ASK(KD_ASK_HOST, "address", "10.1.0.1");
    CHECK(answer.status == 200 && json_array_size(json_object_get(r, "peers")) > 3);
    CHECK(json_array_size(json_object_get(r, "identities")) >= 2);
    json_t *why = json_array_get(json_object_get(r, "reasons"), 0);
    CHECK(int_of(why, "detection_id") == 1 &&
          strcmp(text_of(json_object_get(why, "text"), "en"), "admin share") == 0);
    r = ASK(KD_ASK_OUTSIDE, "address", "10.1.0.1");
    CHECK(answer.status == 200 && json_array_size(json_object_get(r, "places")) > 3);
    CHECK(int_of(r, "bytes_out") > 0 && json_array_size(json_object_get(r, "not_seen")) > 0);
    CHECK(text_of(json_object_get(r, "verdict"), "ja")[0] != '\0');
    (void)ASK(KD_ASK_OUTSIDE, "address", "no-such-host");
    CHECK(answer.status == 404);
    (void)ASK(KD_ASK_HOST, "address", "10.9.9.9");
    CHECK(answer.status == 404);
}

static void records_before_and_after_sealing(void)
{
    for (int sealed = 0; sealed < 2; sealed++) {
        json_t *r =
            ASK(KD_ASK_RECORDS, "expr", "event_type = dns and dns.rcode = NXDOMAIN", "limit", "25");
        CHECK(answer.status == 200 && json_array_size(json_object_get(r, "items")) == 25);
        CHECK(strcmp(text_of(json_object_get(item(r, 0), "dns"), "rcode"), "NXDOMAIN") == 0);
        CHECK(json_is_true(json_object_get(r, "truncated")) && int_of(r, "scanned") > 5000);
        CHECK(strcmp(text_of(item(r, 0), "timestamp"), text_of(item(r, 24), "timestamp")) >= 0);
        r = ASK(KD_ASK_RECORDS, "expr", "record_id = 5");
        CHECK(json_array_size(json_object_get(r, "items")) == 1);
        r = ASK(KD_ASK_RECORDS, "expr", "ip = 10.1.0.0/16 and (port = 443 or port = 80)", "limit",
                "500");
        CHECK(answer.messages > 2 && json_array_size(json_object_get(r, "items")) == 500);
        r = ASK(KD_ASK_RECORDS, "expr", "detection.title.ja ~ 管理共有");
        CHECK(json_array_size(json_object_get(r, "items")) >= 4);
        r = ASK(KD_ASK_RECORDS, "expr", "port = 443 and (");
        CHECK(answer.status == 400 && strcmp(code(r), "bad_expression") == 0 &&
              int_of(json_object_get(r, "error"), "pos") == 16);
        struct kd_err err = {0};
        CHECK(kd_store_seal(store, &err) == KD_OK);
    }
}

static bool count_row(void *arg, const struct kd_sighting *s)
{
    *(uint64_t *)arg += s->count;
    return true;
}

static void who_met_a_name_is_told(void)
{
    json_t *r = ASK(KD_ASK_RECORDS, "expr", "event_type = dns", "limit", "1");
    char name[256], host[64];
    (void)snprintf(name, sizeof(name), "%s", text_of(json_object_get(item(r, 0), "dns"), "rrname"));
    (void)snprintf(host, sizeof(host), "%s", text_of(item(r, 0), "src_ip"));
    bool found = false;
    for (int i = 0; i < 500 && !found; i++) { /* counted beside, a minute after at most */
        fake_now += KD_US_PER_MINUTE / 100;
        kd_store_tick(store);
        r = ASK(KD_ASK_SIGHTINGS, "value", name, "limit", "1000", "from", "2025-11-01");
        CHECK(answer.status == 200);
        found = json_array_size(json_object_get(r, "items")) > 0;
        (void)usleep(2000);
    }
    CHECK(found && !json_is_true(json_object_get(r, "truncated")) && int_of(r, "left_out") == 0);
    uint64_t count = 0, of_host = 0;
    for (size_t i = 0; i < json_array_size(json_object_get(r, "items")); i++) {
        bool same = strcmp(text_of(item(r, i), "value"), name) == 0;
        count += same ? (uint64_t)int_of(item(r, i), "count") : 0;
        of_host += same && strcmp(text_of(item(r, i), "host"), host) == 0;
        CHECK(strlen(text_of(item(r, i), "day")) == 10 &&
              strlen(text_of(item(r, i), "first")) > 20);
    }
    CHECK(count > 0 && of_host >= 1);
    uint64_t same = 0;
    struct kd_sighting_sum sum;
    struct kd_err err = {0};
    CHECK(kd_store_sightings(store, KD_SIGHT_ANY, kd_str(name), 0, UINT64_MAX, count_row, &same,
                             &sum, &err) == KD_OK);
    CHECK(same == count);
    r = ASK(KD_ASK_SIGHTINGS, "value", name, "kind", "ja3");
    CHECK(answer.status == 200 && json_array_size(json_object_get(r, "items")) == 0);
    (void)ASK(KD_ASK_SIGHTINGS, "value", name, "kind", "nonsense");
    CHECK(answer.status == 422);
    (void)ask(KD_ASK_SIGHTINGS, NULL);
    CHECK(answer.status == 422);
}

static void health_follows_the_sensor(void)
{
    static uint8_t buf[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    struct kd_stats_proto p[2] = {{.name = kd_str("dns"), .flows = 10, .packets = 20, .bytes = 3000},
                                   {.name = kd_str("tls"), .flows = 5, .packets = 90, .bytes = 70000}};
    for (uint64_t i = 1; i <= 3; i++) {
        struct kd_rec_head h = {.ts_us = fake_now, .type = KD_REC_STATS, .engine = 0};
        struct kd_rec_stats s = {.scope = kd_str("engine"),
                                 .source = kd_str("eth1"),
                                 .packets = 1000 * i,
                                 .bytes = 500000 * i,
                                 .dropped = 10 * i,
                                 .records = 50 * i,
                                 .flows_active = 42,
                                 .protocols = {p, 2}};
        CHECK(kd_record_put(&o, &h, &s) == KD_OK);
        put_batch(&o);
        fake_now += KD_US_PER_S;
        kd_store_tick(store);
    }
    CHECK(strstr(last_event[KD_EVENT_HEALTH],
                 "\"pps\":1000,\"bps\":4000000,\"dropped\":10,\"records\":50,\"flows\":42") !=
          NULL);
    fake_now += 10 * KD_US_PER_S;
    kd_store_tick(store);
    struct kd_rec_head h = {.ts_us = fake_now, .type = KD_REC_HEALTH};
    struct kd_rec_health e = {.kind = kd_str("role_exit"),
                              .role = kd_str("engine 0"),
                              .state = kd_str("restarting"),
                              .pid = 99,
                              .restarts = 1,
                              .text_ja = kd_str("再起動します"),
                              .text_en = kd_str("restarting")};
    CHECK(kd_record_put(&o, &h, &e) == KD_OK);
    put_batch(&o);
    CHECK(n_events[KD_EVENT_ROLE] == 1 && strstr(last_event[KD_EVENT_ROLE], "restarting") != NULL);
    json_t *r = ask(KD_ASK_HEALTH, NULL);
    json_t *engine = json_array_get(json_object_get(r, "engines"), 0);
    CHECK(answer.status == 200 && int_of(engine, "packets") == 3000 &&
          int_of(engine, "dropped") == 30);
    CHECK(json_array_size(json_object_get(r, "protocols")) == 2 &&
          json_array_size(json_object_get(r, "roles")) == 1);
    CHECK(json_array_size(json_object_get(json_object_get(r, "series"), "times")) >= 1);
    CHECK(json_is_false(json_object_get(r, "ok")) &&
          json_array_size(json_object_get(r, "problems")) >= 2);
    CHECK(int_of(json_object_get(r, "store"), "records") > 5000);
    r = ask(KD_ASK_TODAY, NULL);
    CHECK(answer.status == 200 && strcmp(text_of(r, "level"), "act") == 0);
    CHECK(json_array_size(json_object_get(r, "days")) == 14 &&
          json_array_size(json_object_get(r, "top")) == 2);
    json_t *last_day = json_array_get(json_object_get(r, "days"), 13);
    CHECK(strcmp(text_of(last_day, "day"), "2025-11-22") == 0 && int_of(last_day, "high") == 1);
    CHECK(json_array_size(json_object_get(r, "hosts_at_risk")) == 1);
}

static void put_incident(const char *key, const char *into, unsigned version, size_t n_hosts)
{
    static uint8_t buf[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    static const uint8_t fold[16] = "fold-of-a-step..";
    struct kd_incident_host hosts[2] = {{.role = kd_str("first"), .steps = 2}, {.role = kd_str("spread")}};
    CHECK(kd_addr_parse(kd_str("10.1.0.7"), &hosts[0].address) && kd_addr_parse(kd_str("10.1.0.9"), &hosts[1].address));
    struct kd_incident_step step = {.first_us = fake_now, .last_us = fake_now, .count = 1, .host = hosts[0].address,
                                    .detection_id = kd_str("KD-CC-0001"), .alert_key = kd_bytes_of(fold, sizeof(fold)),
                                    .severity = kd_str("high"), .title_en = kd_str("called out")};
    struct kd_incident_thing thing = {.kind = kd_str("place"), .value = kd_str("bad.example"), .n_hosts = 1};
    struct kd_rec_incident r = {
        .key = kd_bytes_of(key, 16), .state = kd_str(into == NULL ? "open" : "merged"), .version = version,
        .merged_into = into == NULL ? kd_str("") : kd_bytes_of(into, 16), .title_en = kd_str("Suspected intrusion"),
        .title_ja = kd_str("侵入の疑い"), .severity = kd_str("high"), .first_us = fake_now, .last_us = fake_now,
        .zero = hosts[0].address, .hosts = {hosts, n_hosts}, .steps = {&step, 1}, .things = {&thing, 1},
    };
    struct kd_rec_head h = {.ts_us = fake_now, .type = KD_REC_INCIDENT};
    CHECK(kd_record_put(&o, &h, &r) == KD_OK);
    put_batch(&o);
}

static void incidents_are_kept_with_their_changes(void)
{
    unsigned before = n_events[KD_EVENT_INCIDENT];
    put_incident("incident-number1", NULL, 1, 1);
    put_incident("incident-number1", NULL, 2, 1); /* nothing new */
    put_incident("incident-number2", NULL, 1, 2);
    CHECK(n_events[KD_EVENT_INCIDENT] == before + 3 && strstr(last_event[KD_EVENT_INCIDENT], "侵入の疑い") != NULL);
    json_t *r = ASK(KD_ASK_INCIDENTS, "host", "10.1.0.7");
    CHECK(answer.status == 200 && int_of(r, "total") == 2 && int_of(item(r, 0), "hosts_spread") == 1);
    CHECK(int_of(ASK(KD_ASK_INCIDENTS, "host", "10.1.0.9"), "total") == 1);
    CHECK(int_of(ASK(KD_ASK_INCIDENTS, "q", "Bad.Example"), "total") == 2);
    CHECK(int_of(ASK(KD_ASK_INCIDENTS, "severity", "low"), "total") == 0);
    r = ASK(KD_ASK_INCIDENT, "id", "1");
    CHECK(answer.status == 200 && json_array_size(json_object_get(r, "changes")) == 1);
    CHECK(json_array_size(json_object_get(json_object_get(r, "incident"), "steps")) == 1);
    CHECK(json_array_size(json_object_get(r, "scope")) == 1);
    (void)ASK(KD_ASK_INCIDENT_PATCH, "id", "1", "state", "closed", "note", "looked at");
    CHECK(answer.status == 200 && int_of(ASK(KD_ASK_INCIDENTS, "state", "open"), "total") == 1);
    put_incident("incident-number1", NULL, 3, 1);
    CHECK(int_of(ASK(KD_ASK_INCIDENTS, "state", "open"), "total") == 1); /* says no more than before */
    put_incident("incident-number1", NULL, 4, 2);
    CHECK(int_of(ASK(KD_ASK_INCIDENTS, "state", "open"), "total") == 2); /* another host: it opens again */
    put_incident("incident-number2", "incident-number1", 2, 2);
    CHECK(int_of(ASK(KD_ASK_INCIDENTS, "q", ""), "total") == 1);
    CHECK(int_of(ASK(KD_ASK_INCIDENT, "id", "2"), "merged_into_id") == 1);
    (void)ASK(KD_ASK_INCIDENT, "id", "99");
    CHECK(answer.status == 404);
    CHECK(json_array_size(json_object_get(ask(KD_ASK_TODAY, NULL), "incidents")) == 1);
}

static void users_have_their_bounds(void)
{
    json_t *r = ask(KD_ASK_USERS, NULL);
    CHECK(json_array_size(json_object_get(r, "items")) == 2);
    CHECK(strcmp(code(ASK(KD_ASK_USER_DELETE, "user", "admin")), "last_admin") == 0 &&
          answer.status == 409);
    CHECK(strcmp(code(ASK(KD_ASK_USER_PATCH, "user", "admin", "role", "viewer")), "last_admin") ==
          0);
    r = ASK(KD_ASK_AUDIT, "limit", "3");
    CHECK(json_array_size(json_object_get(r, "items")) == 3 && int_of(r, "next") > 0);
    CHECK(strcmp(text_of(item(r, 0), "address"), "192.0.2.7") == 0);
    char admin[129], admin_csrf[64];
    memcpy(admin, token, sizeof(admin));
    memcpy(admin_csrf, csrf, sizeof(admin_csrf));
    CHECK(log_in("tanaka", "correct horse battery"));
    (void)ASK(KD_ASK_PASSWORD, "old", "correct horse battery", "new", "another long password");
    CHECK(answer.status == 204);
    (void)ask(KD_ASK_USERS, NULL);
    CHECK(answer.status == 403);
    (void)ASK(KD_ASK_DETECTION_PATCH, "id", "1", "state", "closed");
    CHECK(answer.status == 403);
    (void)ask(KD_ASK_TODAY, NULL);
    CHECK(answer.status == 200);
    fake_now += 31 * KD_US_PER_MINUTE; /* idle too long */
    (void)ask(KD_ASK_TODAY, NULL);
    CHECK(answer.status == 401);
    memcpy(token, admin, sizeof(admin));
    memcpy(csrf, admin_csrf, sizeof(admin_csrf));
    CHECK(log_in("admin", "a fine long password"));
    (void)ASK(KD_ASK_USER_DELETE, "user", "tanaka");
    CHECK(answer.status == 204);
    (void)ask(KD_ASK_LOGOUT, NULL);
    CHECK(answer.status == 204);
    (void)ask(KD_ASK_TODAY, NULL);
    CHECK(answer.status == 401);
}

/* The clock stands still, so only cancelling can end a question early: many hunts wait, the last is
 * stopped. */
static void a_question_can_be_cancelled(void)
{
    enum { MANY = 20 };
    free(answer.json);
    memset(&answer, 0, sizeof(answer));
    CHECK(log_in("admin", "a fine long password"));
    unsigned cancelled = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        struct kd_question q = {.id = 100 + i, .kind = KD_ASK_RECORDS};
        CHECK(kd_question_add(&q, "token", kd_str(token)) == KD_OK);
        CHECK(kd_question_add(&q, "expr", kd_str("any ~ zzzz")) == KD_OK);
        CHECK(kd_store_ask(store, &q, on_counted, &cancelled) == KD_OK);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        struct kd_question stop = {.id = 100 + i, .kind = KD_ASK_CANCEL};
        CHECK(kd_store_ask(store, &stop, on_counted, NULL) == KD_OK);
    }
    (void)pthread_mutex_lock(&lock);
    while (n_counted < MANY)
        (void)pthread_cond_wait(&done, &lock);
    (void)pthread_mutex_unlock(&lock);
    CHECK(cancelled >= MANY - 4); /* two threads may have been done with a few already */
}

static void there_is_one_writer(void)
{
    struct kd_store_config cfg = {.dir_fd = dir_fd, .dir_path = dir_path, .clock = {now, NULL}};
    struct kd_store *second = NULL;
    struct kd_err err = {0};
    CHECK(kd_store_open(&cfg, &second, &err) == KD_BUSY);
}

static void all_is_there_after_a_restart(void)
{
    kd_store_close(store);
    open_store();
    CHECK(kd_store_first_password(store) == NULL);
    CHECK(log_in("admin", "a fine long password"));
    CHECK(int_of(ask(KD_ASK_DETECTIONS, NULL), "total") == 2);
    json_t *r = ASK(KD_ASK_RECORDS, "expr", "record_id = 5");
    CHECK(json_array_size(json_object_get(r, "items")) == 1);
    kd_store_close(store);
    struct kd_meta m;
    struct kd_err err = {0};
    uint64_t rows, bad;
    CHECK(kd_meta_open(dir_path, true, false, (struct kd_clock){now, NULL}, &m, &err) == KD_OK);
    CHECK(kd_audit_verify(&m, &rows, &bad) == KD_OK && rows > 10);
    CHECK(kd_meta_run(&m, "UPDATE audit SET user = 'nobody' WHERE id = 4") == KD_OK);
    CHECK(kd_audit_verify(&m, &rows, &bad) == KD_BROKEN_SEAL && bad == 4);
    kd_meta_close(&m);
    (void)close(dir_fd);
    (void)nftw(dir_path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    RUN(first_start_makes_an_admin_who_must_change);
    RUN(login_and_password);
    RUN(wrong_passwords_lock);
    RUN(detections_fold_and_are_told_at_once);
    RUN(exceptions_hide);
    RUN(hosts_and_their_records);
    RUN(records_before_and_after_sealing);
    RUN(who_met_a_name_is_told);
    RUN(health_follows_the_sensor);
    RUN(incidents_are_kept_with_their_changes);
    RUN(users_have_their_bounds);
    RUN(a_question_can_be_cancelled);
    RUN(there_is_one_writer);
    RUN(all_is_there_after_a_restart);
    free(answer.json);
    return tap_done();
}
