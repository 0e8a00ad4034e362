/* SPDX-License-Identifier: Apache-2.0 */
/* A generated month of an office through the brain: how many beacons are found, and how often something else is
 * taken for one.  usage: beacon_roc [DAYS [HOSTS [SEED]]]
 *
 * Half of the machines are infected with one beacon each (period 5 s to 12 h, jitter 0 to 50 %, 10 to 30 % of the
 * calls missing, over HTTP, TLS or an unknown protocol); all do what office machines do, most of it periodic.
 * Output, tab-separated: one `beacon` line each (channel, period s, jitter %, missing %, highest severity and
 * confidence it was told with, "-" when never), one `false` line for each thing else told by the beacon detector
 * (detection, machine, peer, severity, confidence), and one `days` line (host-days). */
#include "base/clock.h"
#include "brain/brain.h"

#include <math.h>
#include <stdlib.h>

enum { SITES = 20000, HOST_MAX = 1000, FALSE_MAX = 4096, SOURCES_MAX = 16384 };
#define START_US 1763770502000000u
#define DAY_S 86400.0

static uint64_t lottery;
static double draw(void) /* xorshift64*: the same on every machine */
{
    lottery ^= lottery >> 12;
    lottery ^= lottery << 25;
    lottery ^= lottery >> 27;
    return (double)((lottery * 2685821657736338717u) >> 11) / 9007199254740992.0;
}
static double draw_exp(double mean)
{
    return -log(1 - draw()) * mean;
}

enum kind { BROWSE, UPDATE, CLOCK, MAIL, MONITOR, PAGE, RARE, DEVICE, PUSH, BEACON };
enum channel { HTTP, TLS, RAW };
static const char *const channel_names[] = {"http", "tls", "raw"};

/* Something that makes records again and again. */
struct source {
    double at_s;
    enum kind kind;
    unsigned host, number;
    double period_s, jitter, missing;
    enum channel channel;
    bool always, told;
    unsigned left;
    int severity, confidence;
};

static struct source sources[SOURCES_MAX];
static unsigned n_sources, heap[SOURCES_MAX], n_hosts;
static double days_end_s;

static struct {
    char id[16], host[48], peer[48];
    int severity, confidence;
} falses[FALSE_MAX];
static unsigned n_false;

/* ---- when ---- */

static bool is_work(double at_s)
{
    unsigned day = (unsigned)(at_s / DAY_S) % 7;
    double hour = fmod(at_s, DAY_S) / 3600;
    return day < 5 && hour >= 8 && hour < 18;
}

/* The next moment at work: machines are off at night. */
static double at_work(double at_s)
{
    while (!is_work(at_s)) {
        double midnight = floor(at_s / DAY_S) * DAY_S;
        at_s = fmod(at_s, DAY_S) / 3600 < 8 ? midnight + 8 * 3600.0 + draw() * 1800 : midnight + DAY_S + 8 * 3600.0 + draw() * 1800;
    }
    return at_s;
}

static void sift(unsigned i, unsigned n)
{
    for (unsigned child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && sources[heap[child + 1]].at_s < sources[heap[child]].at_s)
            child++;
        if (sources[heap[i]].at_s <= sources[heap[child]].at_s)
            return;
        unsigned x = heap[i];
        heap[i] = heap[child];
        heap[child] = x;
    }
}

static struct source *add(enum kind kind, unsigned host, double period_s, double jitter)
{
    KD_ASSERT(n_sources < SOURCES_MAX);
    struct source *s = &sources[n_sources];
    *s = (struct source){.kind = kind, .host = host, .number = n_sources, .period_s = period_s, .jitter = jitter,
                         .at_s = draw() * (period_s < 3600 ? period_s : 3600), .left = UINT32_MAX, .severity = -1};
    heap[n_sources] = n_sources;
    n_sources++;
    return s;
}

/* ---- records ---- */

static struct kd_brain *brain;
static uint8_t batch[KD_BATCH_MAX];
static struct kd_out out;
static uint64_t next_id;

static void send_batch(void)
{
    if (out.n > 0)
        (void)kd_brain_batch(brain, kd_out_bytes_view(&out));
    out = kd_out_of(batch, sizeof(batch));
}

static struct kd_addr inside(unsigned host)
{
    uint8_t b[4] = {10, 0, (uint8_t)(host / 200), (uint8_t)(10 + host % 200)};
    return kd_addr_v4(b);
}

static struct kd_addr outside(unsigned n)
{
    uint8_t b[4] = {(uint8_t)(60 + n / 65536 % 100), (uint8_t)(n / 256), (uint8_t)n, 7};
    return kd_addr_v4(b);
}

static void put(const struct source *s, enum kd_rec_type type, struct kd_addr dst, uint16_t port, uint8_t proto, uint8_t app,
                const void *body)
{
    struct kd_rec_head head = {.ts_us = START_US + (uint64_t)(s->at_s * 1e6), .id = ++next_id, .flow_id = next_id,
                               .type = (uint8_t)type, .app = app, .proto = proto, .src = inside(s->host), .dst = dst,
                               .src_port = (uint16_t)(49152 + next_id % 16000), .dst_port = port};
    if (kd_record_put(&out, &head, body) != KD_OK) {
        send_batch();
        KD_ASSERT(kd_record_put(&out, &head, body) == KD_OK);
    }
}

static void http(const struct source *s, struct kd_addr dst, const char *name, bool from_page, uint64_t sent)
{
    struct kd_rec_http h = {.hostname = kd_str(name), .url = kd_str("/a/b"), .http_method = kd_str(sent > 0 ? "POST" : "GET"),
                            .http_user_agent = kd_str("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"),
                            .request_fields = kd_str("Host, User-Agent, Accept, Accept-Language"), .status = 200,
                            .http_refer = kd_str(from_page ? "http://page.example/" : ""), .request_length = sent, .length = 500};
    put(s, KD_REC_HTTP, dst, 80, 6, KD_APP_HTTP, &h);
}

static void tls(const struct source *s, struct kd_addr dst, const char *name, uint16_t port)
{
    struct kd_rec_tls t = {.sni = kd_str(name), .version = kd_str("TLS 1.3"), .established = true,
                           .ja3_hash = kd_str("0123456789abcdef0123456789abcdef")};
    put(s, KD_REC_TLS, dst, port, 6, KD_APP_TLS, &t);
}

static void raw(const struct source *s, struct kd_addr dst, uint16_t port, uint8_t proto)
{
    uint64_t at_us = START_US + (uint64_t)(s->at_s * 1e6);
    struct kd_rec_flow f = {.start_us = at_us, .end_us = at_us + 400000, .age_us = 400000, .state = kd_str("closed"),
                            .reason = kd_str("fin"), .pkts_toserver = 5, .pkts_toclient = 5, .bytes_toserver = 500,
                            .bytes_toclient = 500, .data_toserver = 100 + (uint64_t)(draw() * 8), .data_toclient = 60,
                            .tcp_flags_ts = 27, .tcp_flags_tc = 27};
    put(s, KD_REC_FLOW, dst, port, proto, KD_APP_FAILED, &f);
}

static void browse(const struct source *s)
{
    char name[64];
    unsigned site = (unsigned)(pow(SITES, draw())) - 1; /* few sites have most visitors */
    snprintf(name, sizeof(name), "www.site%u.example", site);
    if (draw() < 0.1)
        http(s, outside(site), name, draw() < 0.8, 0);
    else
        tls(s, outside(site), name, 443);
}

static void beacon(const struct source *s)
{
    char name[64];
    snprintf(name, sizeof(name), "n%u.cdn-sync%u.example", s->number, s->number);
    struct kd_addr dst = outside(600000 + s->number);
    if (s->channel == HTTP)
        http(s, dst, name, false, 180 + (uint64_t)(draw() * 20));
    else if (s->channel == TLS)
        tls(s, dst, name, 443);
    else
        raw(s, dst, 5656, 6);
}

static void act(const struct source *s)
{
    static const char *const updates[] = {"update.os.example", "telemetry.os.example", "av.guard.example", "cdn.browser.example"};
    char name[64];
    switch (s->kind) {
    case BROWSE:
        browse(s);
        break;
    case UPDATE:
        tls(s, outside(500000 + s->number % 4), updates[s->number % 4], 443);
        break;
    case CLOCK:
        raw(s, outside(500010), 123, 17);
        break;
    case MAIL:
        tls(s, outside(500011), "imap.mail.example", 993);
        break;
    case MONITOR:
        http(s, inside(s->number % n_hosts), "", false, 0);
        break;
    case PAGE:
        http(s, outside(500012), "app.saas.example", true, 40);
        break;
    case RARE:
        snprintf(name, sizeof(name), "agent.maker%u.example", s->number);
        tls(s, outside(510000 + s->number), name, 443);
        break;
    case DEVICE:
        raw(s, inside(1), 9100, 6);
        break;
    case PUSH:
        tls(s, outside(500020 + s->host % 3), "push.os.example", 443);
        break;
    case BEACON:
        beacon(s);
    }
}

static void move_on(struct source *s)
{
    double wait = s->kind == BROWSE || s->kind == PUSH ? draw_exp(s->period_s)
                                                       : s->period_s * (1 + s->jitter * (2 * draw() - 1));
    s->at_s += wait;
    if (!s->always)
        s->at_s = at_work(s->at_s);
    if (s->left != UINT32_MAX && --s->left == 0)
        s->at_s = INFINITY;
}

/* ---- what is told ---- */

static int severity_of(struct kd_bytes text)
{
    static const char *const names[] = {"info", "low", "medium", "high", "critical"};
    for (int i = 0; i < 5; i++)
        if (kd_bytes_eq_str(text, names[i]))
            return i;
    return 0;
}

static void text_of(char room[48], const struct kd_addr *a)
{
    struct kd_out o = kd_out_of(room, 47);
    kd_out_addr(&o, a);
    room[o.n] = '\0';
}

static void note(const struct kd_rec_alert *a)
{
    static const char *const ours[] = {"KD-CC-0003", "KD-CC-0004", "KD-CC-0005", "KD-CC-0006"};
    bool is = false;
    for (size_t i = 0; i < KD_COUNT(ours); i++)
        is |= kd_bytes_eq_str(a->detection_id, ours[i]);
    int severity = severity_of(a->severity);
    if (!is || severity == 0)
        return;
    for (unsigned i = 0; i < n_sources; i++) {
        struct source *s = &sources[i];
        struct kd_addr host = inside(s->host), peer = outside(600000 + s->number);
        if (s->kind != BEACON || !kd_addr_eq(&host, &a->host) || !kd_addr_eq(&peer, &a->peer))
            continue;
        s->severity = severity > s->severity ? severity : s->severity;
        s->confidence = a->confidence > s->confidence ? a->confidence : s->confidence;
        return;
    }
    char host[48], peer[48];
    text_of(host, &a->host);
    text_of(peer, &a->peer);
    for (unsigned i = 0; i < n_false; i++)
        if (strcmp(falses[i].host, host) == 0 && strcmp(falses[i].peer, peer) == 0) {
            falses[i].severity = severity > falses[i].severity ? severity : falses[i].severity;
            falses[i].confidence = a->confidence > falses[i].confidence ? a->confidence : falses[i].confidence;
            return;
        }
    if (n_false == FALSE_MAX)
        return;
    memcpy(falses[n_false].host, host, sizeof(host));
    memcpy(falses[n_false].peer, peer, sizeof(peer));
    snprintf(falses[n_false].id, sizeof(falses[n_false].id), "%.*s", (int)a->detection_id.n, (const char *)a->detection_id.p);
    falses[n_false].severity = severity;
    falses[n_false++].confidence = a->confidence;
}

static enum kd_status take(void *arg, struct kd_bytes b)
{
    struct kd_pool *pool = arg;
    struct kd_cur c = kd_cur_of(b);
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    struct kd_rec_alert alert;
    while (kd_record_next(&c, &head, &body, &whole) == KD_OK) {
        struct kd_arena mem;
        if (head.type != KD_REC_ALERT)
            continue;
        kd_arena_init(&mem, pool, 1 << 20);
        if (kd_body_decode(kd_schemas[head.type], body, &mem, &alert) == KD_OK)
            note(&alert);
        kd_arena_done(&mem);
    }
    return KD_OK;
}

/* ---- the office ---- */

static void furnish(void)
{
    static const double update_s[] = {3600, 900, 1800, 18000};
    for (unsigned h = 0; h < n_hosts; h++) {
        add(BROWSE, h, 60, 0);
        for (unsigned i = 0; i < 4; i++) {
            struct source *s = add(UPDATE, h, update_s[i], 0.05 * i);
            s->number = i;
        }
        add(CLOCK, h, 1024, 0)->always = true;
        add(MAIL, h, 300, 0.01);
        add(PUSH, h, 1200, 0);
        if (h % 5 == 0)
            add(PAGE, h, 30, 0.01);
        if (h % 50 == 7) /* one machine in fifty has a program that nobody else has */
            add(RARE, h, 900 + draw() * 3000, 0.05)->always = h % 100 == 7;
        if (h % 40 == 3)
            add(DEVICE, h, 60, 0)->always = true;
    }
    for (unsigned i = 0; i < 20; i++) {
        struct source *s = add(MONITOR, 0, 60, 0.01);
        s->number = 2 + i;
        s->always = true;
    }
    for (unsigned h = n_hosts / 2; h < n_hosts; h++) {
        struct source *s = add(BEACON, h, 5 * pow(12 * 3600 / 5.0, draw()), 0.5 * draw());
        s->missing = 0.1 + 0.2 * draw();
        s->channel = (enum channel)(h % 3);
        s->always = s->period_s > 2 * 3600 || draw() < 0.5;
        s->left = 3000;
    }
}

int main(int argc, char **argv)
{
    unsigned days = argc > 1 ? (unsigned)atoi(argv[1]) : 30;
    n_hosts = argc > 2 ? (unsigned)atoi(argv[2]) : 200;
    lottery = 88172645463325252u + (argc > 3 ? (uint64_t)atoi(argv[3]) * 7919 : 0);
    if (days == 0 || n_hosts < 50 || n_hosts > HOST_MAX)
        return 2;
    days_end_s = days * DAY_S;
    out = kd_out_of(batch, sizeof(batch));
    struct kd_pool *pool = kd_pool_new(4 << 20);
    struct kd_err err;
    struct kd_brain_config c = {.lim = &kd_limits_default, .hash_seed = 1, .max_memory = (size_t)1 << 30, .zone_s = KD_ZONE_JAPAN_S};
    if (pool == NULL || kd_brain_new(&c, (struct kd_brain_out){take, pool}, &brain, &err) != KD_OK)
        return 1;
    furnish();
    for (unsigned i = n_sources; i-- > 0;)
        sift(i, n_sources);
    for (;;) {
        struct source *s = &sources[heap[0]];
        if (s->at_s >= days_end_s)
            break;
        if (draw() >= s->missing)
            act(s);
        move_on(s);
        sift(0, n_sources);
    }
    send_batch();
    kd_brain_finish(brain);
    for (unsigned i = 0; i < n_sources; i++) {
        const struct source *s = &sources[i];
        if (s->kind == BEACON)
            printf("beacon\t%s\t%.0f\t%.0f\t%.0f\t%d\t%d\n", channel_names[s->channel], s->period_s, s->jitter * 100,
                   s->missing * 100, s->severity, s->confidence);
    }
    for (unsigned i = 0; i < n_false; i++)
        printf("false\t%s\t%s\t%s\t%d\t%d\n", falses[i].id, falses[i].host, falses[i].peer, falses[i].severity, falses[i].confidence);
    printf("days\t%u\t%llu\n", days * n_hosts, (unsigned long long)next_id);
    kd_brain_free(brain);
    kd_pool_free(pool);
    return 0;
}
