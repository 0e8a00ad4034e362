/* SPDX-License-Identifier: Apache-2.0 */
/* Web requests as programs make them that report to a control server.  See callback.md. */
#include "detect/callback/signs.h"
#include "detect/common.h"
#include "findings.h"

enum { KEY_PLACE = 'p', KEY_HOST = 'h', KEY_WHO = 'w', PATHS_KEPT = 8, SITES_KEPT = 8, REQUESTS_KEPT = 4,
       CALLERS_KEPT = 8 };

#define BIT(sign) ((uint64_t)1 << KD_SIGN_##sign)

/* What one machine said to one place. */
struct place {
    uint64_t first_us, last_us;
    uint64_t signs;
    uint64_t sent, sent_told; /* body bytes */
    uint32_t n, n_answered, n_coded;
    uint32_t told;            /* weight it was last told with */
    uint32_t known_paths;     /* bits of the addresses of known tool `tool` that were called */
    uint8_t tool;
    struct {
        uint32_t sum, n;
    } requests[REQUESTS_KEPT];
    struct kd_word name, url;
    struct kd_ids ids;
};

/* What one machine did at many places. */
struct machine {
    uint64_t asked_us; /* looked up its own public address */
    struct {
        uint32_t path, n;
        uint32_t sites[SITES_KEPT];
    } paths[PATHS_KEPT];
    uint32_t next_path;
};

union state {
    struct place place;
    struct machine machine;
    struct {
        uint32_t n, sums[CALLERS_KEPT];
    } callers;
};

static const struct kd_tunable tunables[] = {
    {"weight", 5, 3, 30, "points", "weight of the signs together that is told", "知らせる特徴の合計点"},
    {"weight_inside", 6, 3, 30, "points", "the same where the other machine is inside", "相手が庁内の場合の合計点"},
    {"sure_weight", 9, 5, 40, "points", "from this weight on the finding is a medium one", "深刻度を中とする合計点"},
    {"common", 4, 2, 6, "machines", "a place called by so many inside machines is not told",
     "この台数以上が接続する相手は知らせない"},
    {"upload_bytes", 20000, 1000, 1000000000, "bytes", "data sent to a suspicious place that count as taken away",
     "不審な相手への送信を持ち出しとみなすデータ量"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static union state *host_state(struct kd_detect *d, const struct kd_addr *src)
{
    struct kd_key key = kd_key_of(KEY_HOST);
    kd_key_addr(&key, src);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

/* ---- its own public address ---- */

static void tell_own_address(struct kd_detect *d, const struct kd_record *r, struct kd_bytes service)
{
    struct kd_fact facts[] = {{"service", service}};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CC_0032, .host = r->head->src, .peer = r->head->dst, .fold = service,
                   .severity = -1, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts),
                   .record_ids = &r->head->id, .n_record_ids = 1, .first_us = r->head->ts_us,
                   .last_us = r->head->ts_us,
               });
}

static void own_address(struct kd_detect *d, const struct kd_record *r, struct kd_bytes service, bool by_page)
{
    union state *s = host_state(d, &r->head->src);
    if (s != NULL)
        s->machine.asked_us = r->head->ts_us;
    if (!by_page)
        tell_own_address(d, r, service);
}

/* ---- places ---- */

static bool is_common(struct kd_detect *d, struct kd_bytes place, const struct kd_addr *src)
{
    struct kd_key key = kd_key_of(KEY_WHO);
    kd_key_text(&key, place);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return false;
    (void)kd_sums_add(s->callers.sums, CALLERS_KEPT, &s->callers.n, kd_sum_addr(src));
    return s->callers.n >= (uint32_t)kd_detect_tunable(d, "common");
}

/* Does this machine call the same odd path at several sites?  Only requests that no browser makes count. */
static bool at_many_sites(struct machine *m, struct kd_bytes path, struct kd_bytes site)
{
    enum { SHORTEST = 4, MANY = 3 };
    uint32_t sum = kd_sum_text(path), i = 0;
    if (path.n < SHORTEST)
        return false;
    while (i < PATHS_KEPT && m->paths[i].path != sum)
        i++;
    if (i == PATHS_KEPT) {
        i = m->next_path++ % PATHS_KEPT;
        memset(&m->paths[i], 0, sizeof(m->paths[i]));
        m->paths[i].path = sum;
    }
    (void)kd_sums_add(m->paths[i].sites, SITES_KEPT, &m->paths[i].n, kd_sum_text(kd_detect_zone(site)));
    return m->paths[i].n >= MANY;
}

/* Addresses that programs of the system ask for at many places. */
static bool is_service_path(struct kd_bytes path)
{
    static const char *const known[] = {"/favicon.ico", "/robots.txt", "/generate_204", "/gen_204", "/ncsi.txt",
                                        "/connecttest.txt", "/success.txt", "/wpad.dat", "/index.html", "/ocsp"};
    static const char *const ends[] = {".crl", ".crt", ".cer", ".cab", ".xml"};
    for (size_t i = 0; i < KD_COUNT(known); i++)
        if (kd_bytes_ieq(path, kd_str(known[i])))
            return true;
    for (size_t i = 0; i < KD_COUNT(ends); i++)
        if (kd_bytes_iends(path, kd_str(ends[i])))
            return true;
    return false;
}

static uint64_t machine_signs(struct kd_detect *d, const struct kd_record *r, uint64_t signs)
{
    enum { SOON_US = 15 * KD_US_PER_MINUTE };
    const struct kd_rec_http *h = r->body;
    union state *s = host_state(d, &r->head->src);
    struct kd_host_view v;
    if (s == NULL)
        return 0;
    uint64_t more = 0;
    struct kd_bytes path = kd_path_of(h->url);
    bool odd = (signs & (BIT(NO_AGENT) | BIT(NO_AGENT_POST) | BIT(FALSE_BROWSER) | BIT(CODED_POST))) != 0;
    if (odd && h->hostname.n > 0 && !is_service_path(path) && at_many_sites(&s->machine, path, h->hostname))
        more |= BIT(MANY_SITES);
    bool post = kd_bytes_eq_str(h->http_method, "POST");
    if (post && s->machine.asked_us != 0 && kd_gap_us(r->head->ts_us, s->machine.asked_us) < SOON_US)
        more |= BIT(ASKED_ADDRESS);
    if (kd_detect_host(d, &r->head->src, &v) &&
        (kd_names_itself(h->url, v.name) || kd_names_itself(h->url, v.user)))
        more |= BIT(OWN_NAME);
    return more;
}

static uint64_t place_signs(struct place *p, const struct kd_rec_http *h, uint64_t signs)
{
    enum { AGAIN = 3, TWO = 2 };
    unsigned which = 0, tool = kd_known_path(h->url, &which);
    uint64_t more = 0;
    if (tool != 0 && (p->tool == 0 || p->tool == tool)) {
        p->tool = (uint8_t)tool;
        p->known_paths |= 1u << which;
        bool several = (p->known_paths & (p->known_paths - 1)) != 0;
        if (several || ((p->signs | signs) & (BIT(BARE_COOKIE) | BIT(BINARY_POST))))
            more |= BIT(KNOWN_PATHS);
    }
    uint32_t sum = kd_sum_text(kd_path_of(h->url)) ^ (uint32_t)(h->http_method.n << 1);
    size_t slot = p->n % REQUESTS_KEPT;
    for (size_t i = 0; i < REQUESTS_KEPT; i++)
        if (p->requests[i].sum == sum || p->requests[i].sum == 0) {
            slot = i;
            break;
        }
    if (p->requests[slot].sum != sum) {
        p->requests[slot].sum = sum;
        p->requests[slot].n = 0;
    }
    if (++p->requests[slot].n >= AGAIN && h->http_refer.n == 0)
        more |= BIT(REPEATED);
    p->n_coded += (signs & (BIT(CODED_POST) | BIT(BINARY_POST) | BIT(LYING_BODY) | BIT(BARE_COOKIE))) != 0;
    return more | (p->n_coded >= AGAIN ? BIT(REPEATED_CODED) : 0);
}

/* Near-certain: the addresses of a known tool, data of its making, and answers. */
static bool is_certain(const struct place *p)
{
    enum { EXCHANGES = 5, WEIGHT = 11 };
    uint64_t data = BIT(BINARY_POST) | BIT(CODED_POST) | BIT(LYING_BODY) | BIT(BARE_COOKIE) | BIT(BINARY_ANSWER);
    return (p->signs & BIT(KNOWN_PATHS)) && (p->signs & data) && p->n_answered >= EXCHANGES &&
           kd_signs_weight(p->signs) >= WEIGHT;
}

static int severity_of(const struct kd_detect *d, const struct place *p, unsigned weight, bool outside)
{
    if (is_certain(p))
        return KD_HIGH;
    bool answered = p->n_answered >= 1 && p->n >= 2;
    return outside && answered && weight >= kd_detect_tunable(d, "sure_weight") ? KD_MEDIUM : KD_LOW;
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct place *p,
                 const struct kd_finding_kind *kind, int severity, unsigned weight)
{
    enum { WEAK = 45, EACH = 5, SUREST = 95 };
    uint8_t words[2][1024];
    struct kd_out en = kd_out_of(words[0], sizeof(words[0])), ja = kd_out_of(words[1], sizeof(words[1]));
    struct kd_digits number, bytes;
    uint64_t ids[KD_IDS_KEPT];
    kd_signs_words(p->signs, 0, &en);
    kd_signs_words(p->signs, 1, &ja);
    struct kd_fact facts[] = {
        {"name", kd_word_view(&p->name)},        {"signs_en", kd_out_bytes_view(&en)},
        {"signs_ja", kd_out_bytes_view(&ja)},    {"number", kd_digits_of(&number, p->n)},
        {"bytes", kd_digits_of(&bytes, p->sent)}, {"url", kd_word_view(&p->url)},
    };
    int confidence = (int)(WEAK + EACH * (weight > 5 ? weight - 5 : 0));
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = r->head->src, .peer = r->head->dst, .fold = kd_word_view(&p->name),
                   .severity = severity, .confidence = confidence > SUREST ? SUREST : confidence, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = ids, .n_record_ids = kd_ids_list(&p->ids, ids),
                   .first_us = p->first_us, .last_us = p->last_us, .count = p->n,
               });
}

static void judge(struct kd_detect *d, const struct kd_record *r, struct place *p, bool outside)
{
    unsigned weight = kd_signs_weight(p->signs);
    if (weight < kd_detect_tunable(d, outside ? "weight" : "weight_inside"))
        return;
    int severity = severity_of(d, p, weight, outside);
    uint32_t mark = weight + 100 * (uint32_t)severity;
    bool common = is_common(d, kd_word_view(&p->name), &r->head->src);
    if (mark > p->told && !common) {
        p->told = mark;
        tell(d, r, p, &kd_finding_KD_CC_0030, severity, weight);
    }
    bool upload = outside && (double)p->sent >= kd_detect_tunable(d, "upload_bytes") && p->sent >= 2 * p->sent_told;
    if (upload && !common) {
        p->sent_told = p->sent;
        tell(d, r, p, &kd_finding_KD_CC_0031, severity > KD_MEDIUM ? KD_MEDIUM : severity, weight);
    }
}

static void request(struct kd_detect *d, const struct kd_record *r, bool outside)
{
    const struct kd_rec_http *h = r->body;
    uint64_t signs = kd_signs_of(h, r->head, outside);
    signs |= machine_signs(d, r, signs);
    uint8_t address[48];
    struct kd_out o = kd_out_of(address, sizeof(address));
    kd_out_addr(&o, &r->head->dst);
    bool named = h->hostname.n > 0 && (signs & BIT(BAD_HOST)) == 0;
    struct kd_bytes name = named ? h->hostname : kd_out_bytes_view(&o);
    struct kd_key key = kd_key_of(KEY_PLACE);
    kd_key_addr(&key, &r->head->src);
    kd_key_text(&key, kd_bytes_head(name, 128));
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    struct place *p = &s->place;
    p->first_us = p->first_us == 0 ? r->head->ts_us : p->first_us;
    p->last_us = r->head->ts_us;
    p->signs |= signs | place_signs(p, h, signs);
    p->n++;
    p->n_answered += h->status == 200;
    p->sent += h->request_length;
    kd_word_set(&p->name, name);
    kd_word_set(&p->url, kd_path_of(h->url));
    kd_ids_add(&p->ids, r->head->id);
    judge(d, r, p, outside);
}

static void http(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    if (kd_tells_own_address(h->hostname)) {
        own_address(d, r, h->hostname, h->http_refer.n > 0);
        return;
    }
    bool proxy = h->url.n > 0 && h->url.p[0] != '/';
    if (!kd_addr_is_multicast(&r->head->dst) && !kd_addr_is_loopback(&r->head->dst))
        request(d, r, proxy || !kd_detect_is_inside(d, &r->head->dst));
}

static void callback_record(struct kd_detect *d, const struct kd_record *r)
{
    /* Where the site's nets are not known, a client with a public address counts as one of ours. */
    bool ours = kd_detect_is_inside(d, &r->head->src) || !kd_detect_is_inside(d, &r->head->dst);
    if (!ours)
        return;
    if (r->head->type == KD_REC_HTTP) {
        http(d, r);
    } else {
        const struct kd_rec_tls *t = r->body;
        if (kd_tells_own_address(t->sni))
            own_address(d, r, t->sni, false);
    }
}

static void snap_place(struct kd_snap *s, struct place *p)
{
    kd_snap_time(s, &p->first_us);
    kd_snap_time(s, &p->last_us);
    kd_snap_u64(s, &p->signs);
    kd_snap_u64(s, &p->sent);
    kd_snap_u64(s, &p->sent_told);
    kd_snap_u32(s, &p->n);
    kd_snap_u32(s, &p->n_answered);
    kd_snap_u32(s, &p->n_coded);
    kd_snap_u32(s, &p->told);
    kd_snap_u32(s, &p->known_paths);
    kd_snap_u8_to(s, &p->tool, UINT8_MAX);
    for (unsigned i = 0; i < REQUESTS_KEPT; i++) {
        kd_snap_u32(s, &p->requests[i].sum);
        kd_snap_u32(s, &p->requests[i].n);
    }
    kd_snap_word(s, &p->name);
    kd_snap_word(s, &p->url);
    kd_snap_ids(s, &p->ids);
}

static void snap_machine(struct kd_snap *s, struct machine *m)
{
    kd_snap_time(s, &m->asked_us);
    for (unsigned i = 0; i < PATHS_KEPT; i++) {
        kd_snap_u32(s, &m->paths[i].path);
        kd_snap_sums(s, m->paths[i].sites, SITES_KEPT, &m->paths[i].n);
    }
    kd_snap_u32(s, &m->next_path);
}

static void callback_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    union state *u = state;
    if (key.p[0] == KEY_PLACE)
        snap_place(s, &u->place);
    else if (key.p[0] == KEY_HOST)
        snap_machine(s, &u->machine);
    else
        kd_snap_sums(s, u->callers.sums, CALLERS_KEPT, &u->callers.n);
}

const struct kd_detector kd_detector_callback = {
    .name = "callback",
    .summary_en = "web requests as made by programs that report to a control server",
    .summary_ja = "指令サーバーへ報告するプログラムに特徴的な Web 要求",
    .wants = (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_TLS,
    .key_state_bytes = sizeof(union state),
    .max_keys = 40000,
    .idle_us = KD_US_PER_DAY,
    .tunables = tunables,
    .record = callback_record,
    .snap = callback_snap,
    .snap_version = 1,
};
