/* SPDX-License-Identifier: Apache-2.0 */
/* What the store keeps for telling people: records in, items for gate out, what gate answers kept.
 */
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "../../tests/tap.h"
#include "store/store.h"

static uint64_t fake_now = 1763780000000000u;

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

static char dir_path[64];
static int dir_fd;
static struct kd_store *store;

/* The last item sent, with its title kept, and how many were. */
static struct kd_notice last;
static char last_title[KD_NOTICE_TITLE_MAX + 1];
static unsigned n_items;
static unsigned n_health;
static char last_health[4096];

static void on_notice(void *arg, const struct kd_notice *n)
{
    (void)arg;
    last = *n;
    n_items++;
    snprintf(last_title, sizeof(last_title), "%.*s", (int)n->title.ja.n,
             (const char *)n->title.ja.p);
}

static void on_event(void *arg, const struct kd_event *e)
{
    (void)arg;
    if (e->kind != KD_EVENT_ROLE)
        return;
    n_health++;
    snprintf(last_health, sizeof(last_health), "%.*s", (int)e->json.n, (const char *)e->json.p);
}

static void open_store(void)
{
    struct kd_store_config cfg = {.dir_fd = dir_fd,
                                  .dir_path = dir_path,
                                  .zone_s = 32400,
                                  .clock = {now, NULL},
                                  .event = on_event,
                                  .notice = on_notice,
                                  .notice_severity = KD_NOTICE_HIGH};
    struct kd_err err = {0};
    CHECK(kd_store_open(&cfg, &store, &err) == KD_OK);
}

static void put(const struct kd_rec_head *h, const void *body)
{
    static uint8_t buf[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    struct kd_err err = {0};
    CHECK(kd_record_put(&o, h, body) == KD_OK &&
          kd_store_batch(store, kd_out_bytes_view(&o), &err) == KD_OK);
}

static void alert(const char *id, const char *severity, const char *host, const char *key,
                  uint64_t count)
{
    struct kd_rec_head h = {.ts_us = fake_now, .id = 1, .type = KD_REC_ALERT};
    struct kd_rec_alert a = {.detection_id = kd_str(id),
                             .key = kd_bytes_of(key, 16),
                             .phase = kd_str("impact"),
                             .severity = kd_str(severity),
                             .title_ja = kd_str("題"),
                             .title_en = kd_str("title"),
                             .why_ja = kd_str("訳"),
                             .why_en = kd_str("why"),
                             .do_ja = kd_str("一\n二"),
                             .do_en = kd_str("one"),
                             .first_us = fake_now,
                             .last_us = fake_now,
                             .count = count};
    CHECK(kd_addr_parse(kd_str(host), &a.host));
    put(&h, &a);
}

static void incident(const char *key, const char *into, unsigned version, const char *severity,
                     const char *fold)
{
    struct kd_incident_host host = {.role = kd_str("first"), .steps = 1};
    CHECK(kd_addr_parse(kd_str("10.1.0.7"), &host.address));
    struct kd_incident_step step = {.first_us = fake_now,
                                    .last_us = fake_now,
                                    .count = 1,
                                    .alert_key = kd_bytes_of(fold, 16),
                                    .severity = kd_str("high")};
    struct kd_rec_incident r = {.key = kd_bytes_of(key, 16),
                                .version = version,
                                .title_ja = kd_str("侵入"),
                                .title_en = kd_str("intrusion"),
                                .merged_into = into == NULL ? kd_str("") : kd_bytes_of(into, 16),
                                .severity = kd_str(severity),
                                .first_us = fake_now,
                                .last_us = fake_now,
                                .zero = host.address,
                                .hosts = {&host, 1},
                                .steps = {&step, 1}};
    struct kd_rec_head h = {.ts_us = fake_now, .type = KD_REC_INCIDENT};
    put(&h, &r);
}

/* As gate does when a mail is out, or not needed. */
static void told(const struct kd_notice *n, bool mailed)
{
    struct kd_notice_message m = {.tag = KD_NOTICE_TOLD};
    m.told = (struct kd_notice_told){.id = n->id,
                                     .version = n->version,
                                     .mailed = mailed,
                                     .severity = n->severity,
                                     .count = n->count,
                                     .us = fake_now,
                                     .answer = kd_str("250 ok")};
    kd_store_heard(store, &m);
}

static unsigned hello(void)
{
    struct kd_notice_message m = {.tag = KD_NOTICE_HELLO};
    m.hello.server = kd_str("mail:587");
    unsigned before = n_items;
    kd_store_heard(store, &m);
    return n_items - before;
}

static void only_what_is_grave_enough(void)
{
    alert("KD-A", "medium", "10.1.0.1", "fold-a----------", 1);
    CHECK(n_items == 0 && hello() == 0);
    alert("KD-A", "high", "10.1.0.2", "fold-b----------", 1);
    CHECK(n_items == 1 && last.kind == KD_NOTICE_DETECTION && last.severity == KD_NOTICE_HIGH &&
          last.count == 1 && last.told_times == 0);
    CHECK(strcmp(last_title, "題") == 0 && last.number == 2 && hello() == 1);
}

static void one_subject_per_kind_and_host(void)
{
    uint64_t id = last.id;
    alert("KD-A", "high", "10.1.0.2", "fold-c----------", 4); /* another peer */
    CHECK(last.id == id && last.count == 5 && last.version == 2);
    alert("KD-A", "high", "10.1.0.3", "fold-d----------", 1);
    CHECK(last.id != id && hello() == 2);
}

static void what_is_told_is_not_sent_again(void)
{
    struct kd_notice first = last;
    told(&first, true);
    CHECK(hello() == 1); /* the other one */
    told(&last, true);
    CHECK(hello() == 0);
    unsigned before = n_items;
    alert("KD-A", "high", "10.1.0.3", "fold-d----------", 2); /* a repeat waits for gate's hello */
    CHECK(n_items == before && hello() == 1 && last.told_times == 1 && last.told_count == 1 &&
          last.count == 2);
    alert("KD-A", "critical", "10.1.0.3", "fold-d----------", 3); /* worse: at once */
    CHECK(n_items == before + 2 && last.severity == KD_NOTICE_CRITICAL &&
          last.told_severity == KD_NOTICE_HIGH);
    told(&last, true);
}

/* An answer about what has grown since leaves the rest to be told; one that comes twice counts once
 * more but loses nothing. */
static void news_during_a_mail_stays(void)
{
    alert("KD-B", "high", "10.1.0.4", "fold-e----------", 1);
    struct kd_notice in_hand = last;
    alert("KD-B", "high", "10.1.0.4", "fold-e----------", 3);
    told(&in_hand, true);
    CHECK(hello() == 1 && last.id == in_hand.id && last.count == 3 && last.told_count == 1);
    told(&last, true);
}

static void all_of_it_survives_a_restart(void)
{
    alert("KD-C", "high", "10.1.0.5", "fold-f----------", 1);
    uint64_t id = last.id;
    kd_store_close(store);
    open_store();
    CHECK(hello() == 1 && last.id == id && last.told_times == 0);
    told(&last, true);
    kd_store_close(store);
    open_store();
    CHECK(hello() == 0);
}

static void an_incident_covers_its_detections(void)
{
    alert("KD-D", "high", "10.1.0.6", "fold-g----------", 1);
    struct kd_notice alone = last;
    unsigned before = n_items;
    incident("incident-number1", NULL, 1, "high", "fold-g----------");
    /* The incident, and the detection as one that needs no mail. */
    CHECK(n_items == before + 2 && last.id == alone.id && last.over &&
          last.version > alone.version);
    told(&last, false);
    CHECK(hello() == 1 && last.kind == KD_NOTICE_INCIDENT && strcmp(last_title, "侵入") == 0);
    told(&last, true);
    before = n_items;
    alert("KD-D", "high", "10.1.0.6", "fold-g----------", 9);
    CHECK(n_items == before && hello() == 0);
    incident("incident-number1", NULL, 2, "critical", "fold-g----------");
    CHECK(n_items == before + 1 && last.kind == KD_NOTICE_INCIDENT &&
          last.severity == KD_NOTICE_CRITICAL);
    told(&last, true);
    /* A graver detection than its incident stands for itself. */
    incident("incident-number2", NULL, 1, "high", "fold-h----------");
    told(&last, true);
    alert("KD-E", "critical", "10.1.0.6", "fold-h----------", 1);
    CHECK(last.kind == KD_NOTICE_DETECTION && !last.over);
    told(&last, true);
}

static void a_merged_incident_is_over(void)
{
    incident("incident-number3", NULL, 1, "high", "fold-i----------");
    uint64_t id = last.id;
    CHECK(!last.over);
    incident("incident-number3", "incident-number1", 2, "high", "fold-i----------");
    CHECK(last.id == id && last.over);
    told(&last, false);
    CHECK(hello() == 0);
}

static void lasting_trouble_is_told_and_its_end(void)
{
    struct kd_rec_head h = {.ts_us = fake_now, .type = KD_REC_HEALTH};
    struct kd_rec_health down = {.kind = kd_str("role_exit"),
                                 .role = kd_str("engine 0"),
                                 .state = kd_str("failed"),
                                 .text_ja = kd_str("…"),
                                 .text_en = kd_str("…")};
    struct kd_rec_health up = {.kind = kd_str("role_start"),
                               .role = kd_str("engine 0"),
                               .state = kd_str("running"),
                               .text_ja = kd_str("…"),
                               .text_en = kd_str("…")};
    put(&h, &down);
    unsigned before = n_items;
    for (int i = 0; i < 20; i++, fake_now += KD_US_PER_S)
        kd_store_tick(store);
    CHECK(n_items == before);
    for (int i = 0; i < 20; i++, fake_now += KD_US_PER_S)
        kd_store_tick(store);
    CHECK(n_items == before + 1 && last.kind == KD_NOTICE_SENSOR && !last.over);
    told(&last, true);
    put(&h, &up);
    for (int i = 0; i < 80; i++, fake_now += KD_US_PER_S)
        kd_store_tick(store);
    CHECK(n_items == before + 2 && last.kind == KD_NOTICE_SENSOR && last.over);
    told(&last, true);
}

static void channel(uint8_t state)
{
    struct kd_notice_message m = {.tag = KD_NOTICE_CHANNEL};
    m.channel = (struct kd_notice_channel){.state = state,
                                           .reason = kd_str("login"),
                                           .why = {kd_str("拒まれました。"), kd_str("refused.")}};
    kd_store_heard(store, &m);
    kd_store_tick(store);
    fake_now += 2 * KD_US_PER_S;
    kd_store_tick(store);
}

static void a_dead_channel_is_told_once(void)
{
    channel(KD_CHANNEL_OK);
    unsigned before = n_health;
    channel(KD_CHANNEL_FAILING);
    CHECK(n_health == before);
    channel(KD_CHANNEL_DEAD);
    channel(KD_CHANNEL_DEAD);
    CHECK(n_health == before + 1 && strstr(last_health, "拒まれました") != NULL);
    channel(KD_CHANNEL_UNKNOWN); /* gate has just been restarted: it knows nothing yet */
    channel(KD_CHANNEL_DEAD);
    CHECK(n_health == before + 1);
    channel(KD_CHANNEL_OK);
    CHECK(n_health == before + 2 && strstr(last_health, "running") != NULL);
}

int main(void)
{
    snprintf(dir_path, sizeof(dir_path), "/tmp/kidoban-notices-XXXXXX");
    if (mkdtemp(dir_path) == NULL || (dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY)) < 0)
        return 1;
    open_store();
    RUN(only_what_is_grave_enough);
    RUN(one_subject_per_kind_and_host);
    RUN(what_is_told_is_not_sent_again);
    RUN(news_during_a_mail_stays);
    RUN(all_of_it_survives_a_restart);
    RUN(an_incident_covers_its_detections);
    RUN(a_merged_incident_is_over);
    RUN(lasting_trouble_is_told_and_its_end);
    RUN(a_dead_channel_is_told_once);
    kd_store_close(store);
    (void)nftw(dir_path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
