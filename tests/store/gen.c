/* SPDX-License-Identifier: Apache-2.0 */
#include "gen.h"

void kd_gen_init(struct kd_gen *g, uint64_t seed, uint64_t start_us)
{
    memset(g, 0, sizeof(*g));
    g->state = seed;
    g->ts_us = start_us;
    g->next_id = 1;
    g->next_flow = 1;
}

uint64_t kd_gen_next(struct kd_gen *g)
{
    uint64_t z = g->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t below(struct kd_gen *g, uint64_t n)
{
    return kd_gen_next(g) % n;
}

/* Small numbers far more often than large ones, as popularity is spread in real traffic. */
static uint64_t skewed(struct kd_gen *g, uint64_t n)
{
    double u = (double)(kd_gen_next(g) >> 11) / 9007199254740992.0;
    return (uint64_t)((double)n * u * u * u * u);
}

static struct kd_bytes random_bytes(struct kd_gen *g, struct kd_arena *mem, size_t max)
{
    size_t n = below(g, max + 1);
    uint8_t *p = n == 0 ? NULL : kd_arena_alloc(mem, n);
    for (size_t i = 0; p != NULL && i < n; i++)
        p[i] = (uint8_t)(below(g, 4) == 0 ? kd_gen_next(g) : 'a' + below(g, 26));
    return kd_bytes_of(p, p == NULL ? 0 : n);
}

static struct kd_addr random_addr(struct kd_gen *g)
{
    static const struct kd_addr none;
    struct kd_addr a;
    uint8_t v4[4] = {10, 1, (uint8_t)below(g, 4), (uint8_t)below(g, 250)};
    for (size_t i = 0; i < sizeof(a.b); i++)
        a.b[i] = (uint8_t)kd_gen_next(g);
    switch (below(g, 4)) {
    case 0:
        return none;
    case 1:
        return a;
    default:
        return kd_addr_v4(v4);
    }
}

static void fill(struct kd_gen *g, const struct kd_schema *schema, struct kd_arena *mem,
                 void *body);

static void fill_list(struct kd_gen *g, const struct kd_field *f, struct kd_arena *mem, void *at)
{
    size_t n = below(g, 4);
    size_t item = f->type == KD_T_STRS ? sizeof(struct kd_bytes) : f->sub->size;
    uint8_t *v = n == 0 ? NULL : kd_arena_alloc(mem, n * item);
    for (size_t i = 0; v != NULL && i < n; i++) {
        struct kd_bytes text = random_bytes(g, mem, 12);
        if (f->type == KD_T_STRS)
            memcpy(v + i * item, &text, sizeof(text));
        else
            fill(g, f->sub, mem, v + i * item);
    }
    struct kd_list list = {v, v == NULL ? 0 : n};
    memcpy(at, &list, sizeof(list));
}

static void fill(struct kd_gen *g, const struct kd_schema *schema, struct kd_arena *mem, void *body)
{
    static const uint8_t widths[] = {[KD_T_U8] = 1,  [KD_T_U16] = 2,  [KD_T_U32] = 4,
                                     [KD_T_U64] = 8, [KD_T_TIME] = 8, [KD_T_US] = 8};
    memset(body, 0, schema->size);
    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct kd_field *f = &schema->fields[i];
        uint8_t *at = (uint8_t *)body + f->offset;
        struct kd_bytes text;
        struct kd_addr a;
        uint64_t v = kd_gen_next(g) >> below(g, 64);
        if (below(g, 3) == 0)
            continue;
        switch (f->type) {
        case KD_T_BOOL:
            *(bool *)at = true;
            break;
        case KD_T_ADDR:
            a = random_addr(g);
            memcpy(at, &a, sizeof(a));
            break;
        case KD_T_MAC:
            memcpy(at, &v, 6);
            break;
        case KD_T_STR:
        case KD_T_HEX:
            text = random_bytes(g, mem, below(g, 50) == 0 ? 3000 : 30);
            memcpy(at, &text, sizeof(text));
            break;
        case KD_T_STRS:
        case KD_T_LIST:
            fill_list(g, f, mem, at);
            break;
        case KD_T_TIME:
            v = g->ts_us + below(g, 1000000);
            memcpy(at, &v, sizeof(v));
            break;
        default:
            memcpy(at, &v, widths[f->type]);
            break;
        }
    }
}

void kd_gen_any(struct kd_gen *g, unsigned type, struct kd_arena *mem, struct kd_rec_head *ret_head,
                void *body)
{
    while (kd_schemas[type] == NULL) /* a number not in use: the one before */
        type--;
    g->ts_us += below(g, 100000);
    *ret_head = (struct kd_rec_head){
        .ts_us = g->ts_us,
        .flow_id = kd_gen_next(g) >> below(g, 64),
        .id = g->next_id++,
        .type = (uint8_t)type,
        .src = random_addr(g),
        .dst = random_addr(g),
        .vlan = (uint16_t)below(g, 3),
        .proto = (uint8_t)below(g, 256),
        .app = (uint8_t)below(g, KD_APP_COUNT),
        .engine = (uint8_t)below(g, 2),
    };
    if (!kd_addr_is_none(&ret_head->src) || !kd_addr_is_none(&ret_head->dst)) {
        ret_head->src_port = (uint16_t)kd_gen_next(g);
        ret_head->dst_port = (uint16_t)kd_gen_next(g);
    }
    fill(g, kd_schemas[type], mem, body);
}

/* ---- the office ---- */

static struct kd_bytes word(char *buf, size_t size, const char *fmt, uint64_t n)
{
    int len = snprintf(buf, size, fmt, (unsigned long long)n);
    return kd_bytes_of(buf, len < 0 ? 0 : kd_min_size((size_t)len, size - 1));
}

/* A name of one of 60,000 hosts; n decides everything. */
static struct kd_bytes host_name(char *buf, size_t size, uint64_t n)
{
    static const char *const tld[] = {"com", "co.jp", "net", "lg.jp", "jp", "org", "io"};
    static const char *const sub[] = {"www",  "api",    "cdn",   "img",
                                      "mail", "static", "login", "update"};
    char tmp[64];
    struct kd_bytes site = word(tmp, sizeof(tmp), "s%llx", (n / 3) * 2654435761u % 1048573u);
    int len = snprintf(buf, size, "%s.%.*s-example.%s", sub[n % 8], (int)site.n,
                       (const char *)site.p, tld[n / 8 % 7]);
    return kd_bytes_of(buf, len < 0 ? 0 : kd_min_size((size_t)len, size - 1));
}

static struct kd_addr inside(uint64_t n)
{
    uint8_t v4[4] = {10, 1, (uint8_t)(n / 250 % 6), (uint8_t)(n % 250 + 1)};
    return kd_addr_v4(v4);
}

static struct kd_addr outside(uint64_t n)
{
    uint32_t x = (uint32_t)((n + 1) * 2654435761u);
    uint8_t v4[4] = {(uint8_t)(20 + (x >> 24) % 180), (uint8_t)(x >> 16), (uint8_t)(x >> 8),
                     (uint8_t)x};
    return kd_addr_v4(v4);
}

/* Whom a host talks with: anyone, or one of the 300 it talks with. */
static uint64_t choose_peer(struct kd_gen *g, uint64_t host)
{
    if (!g->habits)
        return skewed(g, 60000);
    struct kd_gen own = {.state = host << 16 | skewed(g, 300)};
    return skewed(&own, 60000);
}

static struct kd_rec_head new_head(struct kd_gen *g, uint64_t host, uint64_t peer)
{
    struct kd_rec_head h = {.flow_id = g->next_flow++,
                            .proto = 6,
                            .src = inside(host),
                            .dst = outside(peer),
                            .src_port = (uint16_t)(49152 + below(g, 16384)),
                            .dst_port = below(g, 8) == 0 ? 80 : 443};
    return h;
}

static enum kd_status put_flow(struct kd_gen *g, struct kd_out *o, struct kd_rec_head *h)
{
    static const char *const reason[] = {"fin", "timeout", "rst"};
    uint64_t bytes = 500 + skewed(g, 2000000);
    uint64_t age = 1000 + skewed(g, 120000000);
    struct kd_rec_flow f = {
        .start_us = h->ts_us - age,
        .end_us = h->ts_us,
        .age_us = age,
        .pkts_toserver = 4 + bytes / 1200,
        .pkts_toclient = 4 + bytes / 900,
        .bytes_toserver = 400 + bytes / 20,
        .bytes_toclient = bytes,
        .state = kd_str("closed"),
        .reason = kd_str(reason[skewed(g, 3)]),
        .first_data_us = 1000 + skewed(g, 80000),
        .data_toserver = bytes / 25,
        .data_toclient = bytes - bytes / 10,
        .tcp_flags = 0x1b,
        .tcp_flags_ts = 0x1b,
        .tcp_flags_tc = 0x1b,
    };
    f.smac.b[0] = 2, f.smac.b[5] = h->src.b[15], f.smac.b[4] = h->src.b[14];
    f.dmac.b[0] = 2, f.dmac.b[1] = 0xfe;
    if (h->proto != 6)
        f.tcp_flags = f.tcp_flags_ts = f.tcp_flags_tc = 0;
    h->type = KD_REC_FLOW;
    return kd_record_put(o, h, &f);
}

static enum kd_status put_dns(struct kd_gen *g, struct kd_out *o, struct kd_rec_head *h,
                              uint64_t peer)
{
    char name[96], addr[64];
    static const uint8_t server[4] = {10, 1, 0, 53};
    h->proto = 17, h->app = KD_APP_DNS, h->type = KD_REC_DNS;
    h->dst = kd_addr_v4(server), h->dst_port = 53;
    struct kd_out text = kd_out_of(addr, sizeof(addr));
    struct kd_addr a = outside(peer);
    kd_out_addr(&text, &a);
    struct kd_bytes rrname = host_name(name, sizeof(name), peer);
    struct kd_dns_rr rr = {.rrname = rrname,
                           .rrtype = kd_str("A"),
                           .ttl = 60 * (uint32_t)(1 + below(g, 10)),
                           .rdata = kd_out_bytes_view(&text)};
    bool missing = below(g, 12) == 0;
    struct kd_rec_dns d = {.kind = kd_str("answer"),
                           .tx_id = (uint16_t)kd_gen_next(g),
                           .rrname = rrname,
                           .rrtype = kd_str("A"),
                           .rcode = kd_str(missing ? "NXDOMAIN" : "NOERROR"),
                           .rd = true,
                           .ra = true,
                           .flags = missing ? 0x8183 : 0x8180,
                           .answers = {&rr, missing ? 0 : 1},
                           .latency_us = 300 + skewed(g, 60000),
                           .query_bytes = (uint16_t)(rrname.n + 18),
                           .answer_bytes = (uint16_t)(rrname.n + 34)};
    return kd_record_put(o, h, &d);
}

static enum kd_status put_http(struct kd_gen *g, struct kd_out *o, struct kd_rec_head *h,
                               uint64_t peer)
{
    char name[96], url[128], agent[96];
    static const char *const type[] = {"text/html", "application/json", "image/png", "text/css"};
    h->app = KD_APP_HTTP, h->type = KD_REC_HTTP, h->dst_port = 80;
    struct kd_rec_http r = {
        .tx_id = (uint32_t)skewed(g, 20),
        .hostname = host_name(name, sizeof(name), peer),
        .url = word(url, sizeof(url), "/assets/page/%llx?v=12&lang=ja", skewed(g, 500000)),
        .http_user_agent =
            word(agent, sizeof(agent),
                 "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/%llu.0",
                 skewed(g, 60)),
        .http_content_type = kd_str(type[skewed(g, 4)]),
        .http_method = kd_str("GET"),
        .protocol = kd_str("HTTP/1.1"),
        .status = 200,
        .server = kd_str("nginx"),
        .cookie = below(g, 2) == 0,
        .length = skewed(g, 300000),
        .latency_us = 2000 + skewed(g, 400000),
    };
    return kd_record_put(o, h, &r);
}

static enum kd_status put_tls(struct kd_gen *g, struct kd_out *o, struct kd_rec_head *h,
                              uint64_t peer)
{
    char name[96], ja3[40], ja4[48], ja3s[40];
    h->app = KD_APP_TLS, h->type = KD_REC_TLS, h->dst_port = 443;
    uint64_t client = g->habits ? h->src.b[15] + skewed(g, 3) : skewed(g, 300);
    struct kd_rec_tls t = {
        .sni = host_name(name, sizeof(name), peer),
        .version = kd_str("TLS 1.3"),
        .cipher = kd_str("TLS_AES_128_GCM_SHA256"),
        .ja3_hash = word(ja3, sizeof(ja3), "%032llx", client * 0x9e3779b97f4a7c15u),
        .ja3s_hash = word(ja3s, sizeof(ja3s), "%032llx", (peer % 500) * 0xbf58476d1ce4e5b9u),
        .ja4 = word(ja4, sizeof(ja4), "t13d1516h2_8daaf6152771_%012llx",
                    client * 0x94d049bb133111ebu >> 16),
        .established = true,
    };
    return kd_record_put(o, h, &t);
}

enum kd_status kd_gen_office(struct kd_gen *g, struct kd_out *o)
{
    uint64_t kind = below(g, 10);
    uint64_t host = skewed(g, 1300);
    uint64_t peer = choose_peer(g, host);
    struct kd_rec_head *slot = &g->recent[below(g, KD_COUNT(g->recent))];
    struct kd_rec_head h = kind < 5 && slot->flow_id != 0 ? *slot : new_head(g, host, peer);
    g->ts_us += below(g, 100);
    h.ts_us = g->ts_us;
    h.id = g->next_id++;
    if (kind < 5) {
        *slot = new_head(g, host, peer);
        return put_flow(g, o, &h);
    }
    enum kd_status s = kind < 8    ? put_dns(g, o, &h, peer)
                       : kind == 8 ? put_http(g, o, &h, peer)
                                   : put_tls(g, o, &h, peer);
    *slot = h;
    return s;
}
