/* SPDX-License-Identifier: Apache-2.0 */
/* Generated days of an office's look-ups through the brain: how many tunnels in names are found, and how often
 * something else is taken for one.  usage: tunnel_roc DAYS HOSTS TUNABLES < NAMES
 *
 * All machines ask, at work, for ordinary names (the lines; some of them often, most of them rarely) and for what machines
 * ask besides: numbered hosts of content networks, one-time names of telemetry, block lists, sender policies, services of
 * a domain, unknown single labels, file sums at a product that only three machines have.  A hundred of them carry a tunnel
 * for a while: base32, hexadecimal or base64 in long or short labels, any type of question, every 0.2 to 600 s, 300 B to
 * 300 kB in all.
 * Output, tab-separated: one `tunnel` line each (code, bytes a name, period s, names asked, highest severity and confidence, "-"
 * when never), one `false` line for each thing else told as a tunnel (machine, zone, severity), one `days` line. */
#include "base/clock.h"
#include "brain/brain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = 100000, HOST_MAX = 2000, TUNNELS = 100, FALSE_MAX = 1000, ASKED_A_DAY = 1200, WORK_S = 36000 };
#define START_US 1763770502000000u

enum code { BASE32, HEX, BASE64, SHORT_HEX, N_CODES };
static const char *const code_names[] = {"base32", "hex", "base64", "short hex"};
static const char *const alphabets[] = {"abcdefghijklmnopqrstuvwxyz234567", "0123456789abcdef",
                                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "0123456789abcdef"};
static const char *const types[] = {"TXT", "NULL", "CNAME", "MX", "A", "AAAA"};

struct tunnel {
    enum code code;
    unsigned host, day, bytes, number, asked;
    double at_s, period_s;
    const char *type;
    int severity, confidence;
};

static char names[NAMES_MAX][192];
static unsigned n_names, n_hosts, n_false;
static struct tunnel tunnels[TUNNELS];
static uint64_t lottery = 88172645463325252u, next_id;
static struct kd_brain *brain;
static uint8_t room[KD_BATCH_MAX];
static struct kd_out out;
static struct {
    char zone[64];
    unsigned host;
} falses[FALSE_MAX];

static double draw(void) /* xorshift64*: the same on every machine */
{
    lottery ^= lottery >> 12;
    lottery ^= lottery << 25;
    lottery ^= lottery >> 27;
    return (double)((lottery * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static unsigned below(unsigned n)
{
    return (unsigned)(draw() * n);
}

static void word(char *to, size_t n, const char *alphabet)
{
    unsigned kinds = (unsigned)strlen(alphabet);
    for (size_t i = 0; i < n; i++)
        to[i] = alphabet[below(kinds)];
    to[n] = '\0';
}

/* One of `kinds` fixed names of n letters and figures. */
static void numbered(char *to, size_t n, unsigned kinds)
{
    uint64_t x = (below(kinds) + 1) * 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < n; i++, x = x * 6364136223846793005u + 1442695040888963407u)
        to[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[(x >> 40) % 36];
    to[n] = '\0';
}

/* ---- what the brain says ---- */

static void heard(const struct kd_rec_alert *a)
{
    unsigned host = (unsigned)a->host.b[14] << 8 | a->host.b[15];
    int severity = kd_bytes_eq_str(a->severity, "low") ? 1 : 2;
    char title[256], mark[24];
    snprintf(title, sizeof(title), "%.*s", (int)a->title_en.n, (const char *)a->title_en.p);
    for (unsigned i = 0; i < TUNNELS; i++) {
        snprintf(mark, sizeof(mark), "t%u.example", i);
        if (tunnels[i].host == host && strstr(title, mark) != NULL) {
            tunnels[i].severity = severity > tunnels[i].severity ? severity : tunnels[i].severity;
            tunnels[i].confidence = a->confidence;
            return;
        }
    }
    for (unsigned i = 0; i < n_false; i++)
        if (falses[i].host == host && strcmp(falses[i].zone, title) == 0)
            return;
    if (n_false < FALSE_MAX) {
        falses[n_false].host = host;
        snprintf(falses[n_false++].zone, sizeof(falses[0].zone), "%.63s", title);
        printf("false\t%u\t%s\t%d\n", host, title, severity);
    }
}

static enum kd_status take(void *arg, struct kd_bytes b)
{
    struct kd_cur c = kd_cur_of(b);
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    struct kd_rec_alert a;
    while (kd_record_next(&c, &head, &body, &whole) == KD_OK) {
        struct kd_arena mem;
        kd_arena_init(&mem, arg, 1 << 20);
        if (head.type == KD_REC_ALERT && kd_body_decode(kd_schemas[head.type], body, &mem, &a) == KD_OK &&
            kd_bytes_eq_str(a.detection_id, "KD-CC-0009"))
            heard(&a);
        kd_arena_done(&mem);
    }
    return KD_OK;
}

/* ---- what is asked ---- */

static void ask(double at_s, unsigned host, const char *name, const char *type, bool exists)
{
    uint8_t who[4] = {10, 0, (uint8_t)(host >> 8), (uint8_t)host}, resolver[4] = {192, 168, 0, 1};
    for (unsigned answer = 0; answer < 2; answer++) {
        struct kd_rec_dns d = {.kind = kd_str(answer ? "answer" : "query"), .rrname = kd_str(name), .rrtype = kd_str(type),
                               .rcode = kd_str(!answer ? "" : exists ? "NOERROR" : "NXDOMAIN")};
        next_id++;
        struct kd_rec_head head = {.ts_us = START_US + (uint64_t)(at_s * 1e6) + answer * 9000, .id = next_id, .flow_id = next_id,
                                   .type = KD_REC_DNS, .app = KD_APP_DNS, .proto = 17, .src = kd_addr_v4(who),
                                   .dst = kd_addr_v4(resolver), .src_port = 50000, .dst_port = 53};
        if (KD_BATCH_MAX - out.n < 2048) {
            KD_ASSERT(kd_brain_batch(brain, kd_out_bytes_view(&out)) == KD_OK);
            out = kd_out_of(room, sizeof(room));
        }
        KD_ASSERT(kd_record_put(&out, &head, &d) == KD_OK);
    }
}

/* What machines ask for that no person has typed. */
static void ask_besides(double at_s, unsigned host)
{
    char name[192], w[80];
    switch (below(8)) {
    case 0: /* one of the 2,400 hosts of six content networks, numbered as machines do */
        numbered(w, 13, 400);
        snprintf(name, sizeof(name), "d%s.cdn%u.example", w, below(6));
        ask(at_s, host, name, "A", true);
        break;
    case 1: /* telemetry with a name for each start, of all machines */
        if (below(40) == 0) {
            word(w, 32, "0123456789abcdef");
            snprintf(name, sizeof(name), "%s.telemetry.vendor.example", w);
            ask(at_s, host, name, "A", true);
        }
        break;
    case 2: /* a browser that looks whether unknown names are answered */
        if (below(20) == 0) {
            word(w, 7 + below(8), "abcdefghijklmnopqrstuvwxyz");
            ask(at_s, host, w, "A", false);
        }
        break;
    case 3:
        ask(at_s, host, "_ldap._tcp.dc._msdcs.town.example", "SRV", true);
        break;
    case 4: /* the mail server: senders' policies and keys, and block lists */
        if (host % 250 == 1) {
            snprintf(name, sizeof(name), "selector%u._domainkey.%s", below(3), names[below(n_names)]);
            ask(at_s, host, below(2) ? name : names[below(n_names)], "TXT", true);
            snprintf(name, sizeof(name), "%u.%u.%u.%u.bl.example", below(256), below(256), below(256), below(256));
            ask(at_s, host, name, "A", false);
        }
        break;
    case 5: /* sums of files, asked for by a product that few have */
        if (host % (n_hosts / 3) == 2 && below(3) == 0) {
            word(w, 40, "0123456789abcdef");
            snprintf(name, sizeof(name), "%s.sums.product.example", w);
            ask(at_s, host, name, "A", true);
        }
        break;
    case 6: /* names of the own domain, that are tried on everything */
        snprintf(name, sizeof(name), "%s.town.example", names[below(n_names)]);
        ask(at_s, host, name, "A", false);
        break;
    default: /* a service with a name for each customer and page, used by few */
        if (host % 40 == 3) {
            snprintf(name, sizeof(name), "img%u-%u.tenant%u.pages.example", below(50), below(9), host);
            ask(at_s, host, name, "A", true);
        }
    }
}

static void ask_ordinary(double at_s, unsigned host)
{
    double u = draw();
    /* Few names often (the same for all), many rarely, and each machine has its own. */
    unsigned i = draw() < 0.8 ? (unsigned)(u * u * u * u * n_names) : (unsigned)(u * u * 300) + host * 37;
    ask(at_s, host, names[i % n_names], below(3) ? "A" : "AAAA", true);
}

static void tunnel_ask(struct tunnel *t, double at_s)
{
    char name[256], *p = name;
    unsigned number = (unsigned)(t - tunnels);
    for (unsigned left = t->bytes; left > 0;) {
        unsigned n = left > 60 ? 60 : left;
        word(p, n, alphabets[t->code]);
        p += n;
        *p++ = '.';
        left -= n;
    }
    snprintf(p, (size_t)(name + sizeof(name) - p), "t%u.example", number);
    ask(at_s, t->host, name, t->type, true);
    t->asked++;
}

static void furnish(unsigned days)
{
    for (unsigned i = 0; i < TUNNELS; i++) {
        struct tunnel *t = &tunnels[i];
        *t = (struct tunnel){.code = (enum code)below(N_CODES), .host = below(n_hosts), .day = below(days), .severity = -1,
                             .at_s = draw() * WORK_S / 2, .period_s = 0.2 * pow(3000, draw()), .type = types[below(6)]};
        t->bytes = t->code == SHORT_HEX ? 10 + below(20) : 30 + below(130);
        double bytes = 300 * pow(1000, draw());
        t->number = (unsigned)(bytes / t->bytes) + 4;
    }
}

static void run_day(unsigned day)
{
    double start = day * 86400.0;
    for (double at_s = 0; at_s < WORK_S; at_s += 0.1) {
        for (unsigned k = ASKED_A_DAY * n_hosts / (WORK_S * 10); k-- > 0;) {
            unsigned host = below(n_hosts);
            below(4) ? ask_ordinary(start + at_s, host) : ask_besides(start + at_s, host);
        }
        for (unsigned i = 0; i < TUNNELS; i++)
            while (tunnels[i].day == day && tunnels[i].at_s <= at_s && tunnels[i].asked < tunnels[i].number) {
                tunnel_ask(&tunnels[i], start + at_s);
                tunnels[i].at_s += tunnels[i].period_s * (0.7 + 0.6 * draw());
            }
    }
}

int main(int argc, char **argv)
{
    unsigned days = argc > 1 ? (unsigned)atoi(argv[1]) : 5;
    n_hosts = argc > 2 ? (unsigned)atoi(argv[2]) : 600;
    char line[512];
    while (n_names < NAMES_MAX && fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        snprintf(names[n_names++], sizeof(names[0]), "%.150s", line);
    }
    struct kd_pool *pool = kd_pool_new(4 << 20);
    struct kd_err err;
    struct kd_brain_config cfg = {.lim = &kd_limits_default, .hash_seed = 1, .max_memory = (size_t)1 << 30,
                                  .zone_s = KD_ZONE_JAPAN_S, .tunables = kd_str(argc > 3 ? argv[3] : "")};
    if (n_names == 0 || n_hosts < 300 || n_hosts > HOST_MAX || days == 0 || pool == NULL ||
        kd_brain_new(&cfg, (struct kd_brain_out){take, pool}, &brain, &err) != KD_OK)
        return 2;
    out = kd_out_of(room, sizeof(room));
    furnish(days);
    for (unsigned day = 0; day < days; day++)
        run_day(day);
    KD_ASSERT(kd_brain_batch(brain, kd_out_bytes_view(&out)) == KD_OK);
    kd_brain_finish(brain);
    for (unsigned i = 0; i < TUNNELS; i++) {
        const struct tunnel *t = &tunnels[i];
        printf("tunnel\t%s\t%u\t%.1f\t%u\t%s\t%d\t%d\n", code_names[t->code], t->bytes, t->period_s, t->asked, t->type,
               t->severity, t->confidence);
    }
    printf("days\t%u\n", days * n_hosts);
    kd_brain_free(brain);
    kd_pool_free(pool);
    return 0;
}
