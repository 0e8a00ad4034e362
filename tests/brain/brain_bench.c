/* SPDX-License-Identifier: Apache-2.0 */
/* Records per second through the brain on one core: a town's mixture of flows, look-ups, web, TLS and logons.
 * usage: brain_bench [RECORDS [KEYS [OBJECTS]]]; prints records, CPU seconds, records per second, memory.  KEYS: so many different
 * conversations of 65,000 machines with as many places and names, at random, instead of a town's few thousand.  OBJECTS: so
 * many suspicious objects are listed (a third names, a third addresses, a third sums), none of which the records meet. */
#include "base/clock.h"
#include "object/build.h"
#include "testbrain.h"

#include <sys/resource.h>
#include <time.h>

static enum kd_status swallow(void *arg, struct kd_bytes batch)
{
    *(uint64_t *)arg += batch.n;
    return KD_OK;
}

static uint64_t keys; /* 0: a town's */

/* Which of the keys the record is about. */
static uint64_t key_of(uint64_t i)
{
    uint64_t mixed = (i + 1) * 0x9E3779B97F4A7C15u;
    return (mixed ^ mixed >> 31) % keys;
}

static void spread(uint64_t i, struct kd_rec_head *h)
{
    uint64_t k = key_of(i);
    uint8_t client[4] = {10, 1, (uint8_t)(k >> 8), (uint8_t)k};
    uint8_t server[4] = {(uint8_t)(100 + (k >> 24)), (uint8_t)(k >> 16), (uint8_t)(k >> 8), (uint8_t)(k | 1)};
    h->src = kd_addr_v4(client);
    h->dst = kd_addr_v4(server);
}

static struct kd_rec_head head_of(enum kd_rec_type type, uint64_t i, uint8_t app)
{
    uint8_t client[4] = {10, 1, (uint8_t)(i * 7 % 12), (uint8_t)(i * 31 % 251)};
    uint8_t server[4] = {(uint8_t)(i % 5 ? 203 : 10), 0, (uint8_t)(i * 13 % 97), (uint8_t)(i * 17 % 241)};
    struct kd_rec_head h = {
        .ts_us = KD_TB_START_US + i * 200, .id = i, .flow_id = i / 3, .type = (uint8_t)type, .app = app, .proto = 6,
        .src = kd_addr_v4(client), .dst = kd_addr_v4(server), .src_port = (uint16_t)(30000 + i % 20000),
        .dst_port = app == KD_APP_DNS ? 53 : 443,
    };
    if (keys > 0)
        spread(i, &h);
    return h;
}

static void put(struct kd_out *o, uint64_t i)
{
    char name[64];
    if (keys > 0)
        snprintf(name, sizeof(name), "www.site%llu.example.com", (unsigned long long)key_of(i));
    else
        snprintf(name, sizeof(name), "www%u.site%u.example.com", (unsigned)(i % 7), (unsigned)(i * 11 % 500));
    struct kd_rec_flow flow = {.state = kd_str(i % 9 ? "closed" : "no_answer"), .reason = kd_str("fin"),
                               .start_us = KD_TB_START_US + i * 200, .pkts_toserver = 9, .pkts_toclient = i % 9 ? 9 : 0,
                               .bytes_toserver = 900, .bytes_toclient = 9000, .data_toserver = i % 9 ? 500 : 0,
                               .data_toclient = i % 9 ? 8000 : 0, .tcp_flags_ts = i % 9 ? 27 : 2};
    struct kd_dns_rr rr[] = {{.rrname = kd_str(name), .rrtype = kd_str("A"), .ttl = 60, .rdata = kd_str("203.0.113.5")}};
    struct kd_rec_dns dns = {.kind = kd_str("answer"), .rrname = kd_str(name), .rrtype = kd_str("A"),
                             .rcode = kd_str("NOERROR"), .answers = {rr, 1}, .latency_us = 900};
    struct kd_rec_http http = {.hostname = kd_str(name), .url = kd_str("/index.html"), .http_method = kd_str("GET"),
                               .http_user_agent = kd_str("Mozilla/5.0 (Windows NT 10.0; Win64; x64)"), .status = 200};
    struct kd_rec_tls tls = {.sni = kd_str(name), .version = kd_str("TLS 1.3"),
                             .ja3_hash = kd_str("0123456789abcdef0123456789abcdef")};
    struct kd_rec_login login = {.method = kd_str("kerberos"), .service = kd_str("kdc"), .user = kd_str("tanaka"),
                                 .result = kd_str("success")};
    struct kd_rec_head h;
    const void *body = &flow;
    switch (i % 10) {
    case 0:
    case 1:
    case 2:
        h = head_of(KD_REC_DNS, i, KD_APP_DNS);
        body = &dns;
        break;
    case 3:
        h = head_of(KD_REC_HTTP, i, KD_APP_HTTP);
        body = &http;
        break;
    case 4:
    case 5:
        h = head_of(KD_REC_TLS, i, KD_APP_TLS);
        body = &tls;
        break;
    case 6:
        h = head_of(KD_REC_LOGIN, i, KD_APP_KRB5);
        body = &login;
        break;
    default:
        h = head_of(KD_REC_FLOW, i, i % 3 ? KD_APP_TLS : KD_APP_UNKNOWN);
        break;
    }
    KD_ASSERT(kd_record_put(o, &h, body) == KD_OK);
}

static double cpu_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static struct kd_obj_index list_objects(uint64_t n)
{
    struct kd_obj_build_config cfg = {.key = "a bench's own k", .entries_max = UINT32_MAX};
    struct kd_obj_build *b = kd_obj_build_new(&cfg);
    struct kd_obj_index x;
    size_t bytes;
    KD_ASSERT(b != NULL && kd_obj_build_list(b, "bench") != NULL);
    for (uint64_t i = 0; i < n; i++) {
        uint8_t room[64];
        struct kd_out o = kd_out_of(room, sizeof(room));
        static const enum kd_object_kind kinds[] = {KD_OBJ_DOMAIN, KD_OBJ_IP, KD_OBJ_SHA256};
        struct kd_obj_new e = {.kind = kinds[i % 3], .confidence = 80};
        if (e.kind == KD_OBJ_DOMAIN)
            kd_out_fmt(&o, "listed%llu.example.net", (unsigned long long)i);
        for (unsigned k = 0; e.kind != KD_OBJ_DOMAIN && k < (e.kind == KD_OBJ_IP ? 2 : 4); k++)
            kd_out_le64(&o, (i + 1) * 0x9E3779B97F4A7C15u * (k + 1));
        e.spelt = kd_out_bytes_view(&o);
        KD_ASSERT(kd_obj_build_add(b, &e) == KD_OK);
    }
    void *memory = calloc(1, kd_obj_build_bytes(b));
    KD_ASSERT(memory != NULL && kd_obj_build_write(b, memory, kd_obj_build_bytes(b), &bytes) == KD_OK);
    KD_ASSERT(kd_obj_index_open(memory, bytes, &x) == KD_OK);
    kd_obj_build_free(b);
    return x; /* its memory goes with the process */
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000, bytes = 0;
    keys = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    struct kd_brain_config cfg = {.lim = &kd_limits_default, .hash_seed = 1, .max_memory = (size_t)512 << 20,
                                  .zone_s = KD_ZONE_JAPAN_S};
    struct kd_brain *b;
    if (kd_brain_new(&cfg, (struct kd_brain_out){swallow, &bytes}, &b, NULL) != KD_OK)
        return EXIT_FAILURE;
    uint64_t objects = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    if (objects > 0) {
        struct kd_obj_index x = list_objects(objects);
        kd_brain_lists(b, &x, 1);
    }
    static uint8_t batch[KD_BATCH_MAX];
    double spent = 0;
    for (uint64_t i = 0; i < n;) {
        struct kd_out o = kd_out_of(batch, sizeof(batch));
        while (i < n && o.n < sizeof(batch) - 4096)
            put(&o, i++);
        double start = cpu_s();
        KD_ASSERT(kd_brain_batch(b, kd_out_bytes_view(&o)) == KD_OK);
        spent += cpu_s() - start;
    }
    kd_brain_finish(b);
    kd_brain_free(b);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("%llu records, %.2f CPU seconds, %.0f records/s, %ld MiB at most\n", (unsigned long long)n, spent, (double)n / spent,
           used.ru_maxrss / 1024);
    return EXIT_SUCCESS;
}
