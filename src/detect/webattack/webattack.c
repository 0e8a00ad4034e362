/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on web servers, and whether they worked.  See webattack.md. */
#include "detect/common.h"
#include "findings.h"
#include "shapes.h"

enum { KEY_SERVER = 's', KEY_PAIR = 'p', TRIES = 6, CALLS = 8, PATHS = 256 };
#define CALL_WITHIN_US (10 * KD_US_PER_MINUTE)  /* a server told to call does so at once, its helper a little later */
#define BACK_WITHIN_US (2 * KD_US_PER_MINUTE)   /* to the attacker itself, without being told where */
#define SCAN_WINDOW_US (5 * KD_US_PER_MINUTE)

/* A request that tried to make this server do something. */
struct try {
    struct kd_addr attacker, target; /* target: where the server was told to call; may be none */
    struct kd_word name;             /* or by which name */
    uint64_t at_us, id;
    uint32_t kind; /* enum attack */
    bool secret, told;
};

/* Somewhere this server turned to. */
struct call {
    struct kd_addr to;
    uint64_t at_us, id;
    uint16_t port;
    uint8_t proto;
};

struct server {
    uint32_t n_tries, n_calls;
    struct try tries[TRIES];
    struct call calls[CALLS];
};

/* What one client asked of one server lately. */
struct pair {
    uint64_t since_us;
    uint32_t requests, failed, attacks, kinds; /* kinds: bits of enum attack */
    uint32_t n_paths;
    uint32_t paths[PATHS];
    bool told;
    struct kd_ids ids;
};

union state {
    struct server server;
    struct pair pair;
};

static const struct kd_tunable tunables[] = {
    {"scan_paths", 40, 5, 190, "paths", "different paths that failed from which a client searches for weak spots",
     "弱点を探していると見なす、存在しないパスの種類数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static struct kd_bytes excerpt(struct kd_bytes text)
{
    return kd_bytes_head(text, 160);
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind, enum attack attack,
                 struct kd_bytes text, int severity)
{
    const struct kd_rec_http *h = r->body;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_digits status;
    struct kd_key fold = kd_key_of((uint8_t)attack);
    kd_key_addr(&fold, &s.peer);
    struct kd_fact facts[] = {
        {"attack", kd_str(shapes_name(attack))},
        {"request", text.n > 0 ? excerpt(text) : kd_str("-")},
        {"status", h->status != 0 ? kd_digits_of(&status, h->status) : kd_str("-")},
        {"site", h->hostname.n > 0 ? h->hostname : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = s.host, .peer = s.peer, .fold = kd_key_view(&fold), .severity = severity,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = &r->head->id,
                   .n_record_ids = 1, .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

/* --- did it work: the server turns to where the attack said --- */

static void tell_call(struct kd_detect *d, const struct kd_addr *server, struct try *t, const struct call *c,
                      struct kd_bytes asked)
{
    uint8_t room[64];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_key fold = kd_key_of('c');
    kd_key_addr(&fold, &t->attacker);
    if (asked.n == 0)
        kd_out_addr(&o, &c->to);
    struct kd_digits digits;
    struct kd_fact facts[] = {
        {"attack", kd_str(shapes_name((enum attack)t->kind))},
        {"target", asked.n > 0 ? asked : kd_out_bytes_view(&o)},
        {"service", c->port == 0 ? kd_str("ICMP") : kd_service_name(c->port, &digits)},
    };
    uint64_t ids[] = {t->id, c->id};
    struct kd_finding f = {.kind = &kd_finding_KD_PE_0014, .host = *server, .peer = t->attacker, .fold = kd_key_view(&fold),
                           .severity = -1, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts),
                           .record_ids = ids, .n_record_ids = KD_COUNT(ids), .first_us = t->at_us, .last_us = c->at_us};
    t->told = true;
    kd_find(d, &f);
    if (!t->secret || (c->port != 53 && asked.n == 0))
        return;
    f.kind = &kd_finding_KD_EX_0001;
    kd_find(d, &f);
}

static bool is_answer(const struct try *t, const struct call *c)
{
    if (t->told || c->at_us + KD_US_PER_S < t->at_us)
        return false;
    if (!kd_addr_is_none(&t->target))
        return kd_addr_eq(&t->target, &c->to) && c->at_us < t->at_us + CALL_WITHIN_US;
    return kd_addr_eq(&t->attacker, &c->to) && c->at_us < t->at_us + BACK_WITHIN_US;
}

static struct server *server_of(struct kd_detect *d, const struct kd_addr *a)
{
    struct kd_key key = kd_key_of(KEY_SERVER);
    kd_key_addr(&key, a);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

static void remember_try(struct kd_detect *d, const struct kd_record *r, enum attack attack, struct kd_bytes text)
{
    const struct kd_rec_http *h = r->body;
    uint8_t room[KD_NORMAL_MAX];
    bool secret;
    struct server *s = server_of(d, &r->head->dst);
    if (s == NULL || !shapes_runs(attack))
        return;
    struct kd_bytes host = shapes_callback(text, room, &secret);
    struct try *t = &s->tries[s->n_tries++ % TRIES];
    *t = (struct try){.attacker = r->head->src, .at_us = r->head->ts_us - kd_min_u64(h->latency_us, r->head->ts_us),
                      .id = r->head->id, .kind = attack, .secret = secret};
    if (host.n > 0 && !kd_addr_parse(host, &t->target))
        kd_word_set(&t->name, host);
    if (kd_addr_eq(&t->target, &r->head->dst))
        memset(&t->target, 0, sizeof(t->target)); /* its own name in a Host field or link */
    for (uint32_t i = 0; i < kd_min_size(s->n_calls, CALLS); i++)
        if (is_answer(t, &s->calls[i]))
            tell_call(d, &r->head->dst, t, &s->calls[i], kd_str(""));
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    bool icmp = r->head->proto == 1;
    if (f->midstream || (icmp && f->icmp_type != 8) || !kd_detect_is_inside(d, &r->head->src))
        return;
    struct server *s = server_of(d, &r->head->src);
    if (s == NULL)
        return;
    struct call *c = &s->calls[s->n_calls++ % CALLS];
    *c = (struct call){.to = r->head->dst, .at_us = f->start_us, .id = r->head->id, .port = r->head->dst_port,
                       .proto = r->head->proto};
    for (uint32_t i = 0; i < kd_min_size(s->n_tries, TRIES); i++)
        if (is_answer(&s->tries[i], c))
            tell_call(d, &r->head->src, &s->tries[i], c, kd_str(""));
}

static void dns(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dns *q = r->body;
    struct kd_key key = kd_key_of(KEY_SERVER);
    kd_key_addr(&key, &r->head->src);
    struct server *s = kd_detect_peek(d, kd_key_view(&key));
    for (uint32_t i = 0; s != NULL && i < kd_min_size(s->n_tries, TRIES); i++) {
        struct try *t = &s->tries[i];
        struct call c = {.at_us = r->head->ts_us, .id = r->head->id, .port = 53};
        bool to_them = !kd_addr_is_none(&t->target) && kd_addr_eq(&t->target, &r->head->dst);
        bool of_them = t->name.n > 0 && kd_bytes_iends(q->rrname, kd_word_view(&t->name));
        if (!t->told && (to_them || of_them) && c.at_us < t->at_us + CALL_WITHIN_US)
            tell_call(d, &r->head->src, t, &c, q->rrname);
    }
}

/* --- searching for weak spots --- */

static void count_request(struct kd_detect *d, const struct kd_record *r, enum attack attack)
{
    const struct kd_rec_http *h = r->body;
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    bool failed = (h->status >= 400 && h->status < 500 && h->status != 401 && h->status != 407 && h->status != 429) ||
                  h->status == 0 || h->status == 501;
    bool counts = attack != ATTACK_NONE || (failed && h->http_refer.n == 0);
    struct pair *p = counts ? kd_detect_state(d, kd_key_view(&key), NULL) : kd_detect_peek(d, kd_key_view(&key));
    if (p == NULL)
        return;
    if (r->head->ts_us > p->since_us + SCAN_WINDOW_US)
        *p = (struct pair){.since_us = r->head->ts_us};
    struct kd_bytes path = h->url;
    path = kd_bytes_cut(&path, '?');
    p->requests++;
    p->failed += failed;
    p->attacks += attack != ATTACK_NONE;
    p->kinds |= attack != ATTACK_NONE ? 1u << attack : 0;
    if (counts && kd_sums_add(p->paths, PATHS, &p->n_paths, kd_sum_text(attack != ATTACK_NONE ? h->url : path)))
        kd_ids_add(&p->ids, r->head->id);
    unsigned kinds = (unsigned)__builtin_popcount(p->kinds);
    bool searching = (double)p->n_paths >= kd_detect_tunable(d, "scan_paths") && p->failed * 2 >= p->requests;
    if (p->told || (!searching && kinds < 3 && (p->attacks < 15 || p->n_paths < 15)))
        return;
    p->told = true;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_digits paths, attacks;
    struct kd_key fold = kd_key_of('n');
    kd_key_addr(&fold, &s.peer);
    struct kd_fact facts[] = {
        {"paths", kd_digits_of(&paths, p->n_paths)},
        {"attacks", kd_digits_of(&attacks, p->attacks)},
        {"agent", h->http_user_agent.n > 0 ? kd_bytes_head(h->http_user_agent, 80) : kd_str("-")},
    };
    uint64_t ids[KD_IDS_KEPT];
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_PE_0013, .host = s.host, .peer = s.peer, .fold = kd_key_view(&fold),
                   .severity = s.from_outside ? KD_LOW : -1, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts),
                   .record_ids = ids, .n_record_ids = kd_ids_list(&p->ids, ids), .first_us = p->since_us,
                   .last_us = r->head->ts_us,
               });
}

/* --- one request --- */

struct worst {
    enum attack attack;
    struct kd_bytes text;
};

static void look(struct worst *w, struct kd_bytes text, enum place place)
{
    enum attack a = shapes_find(text, place);
    if (a > w->attack)
        *w = (struct worst){a, text};
}

static struct worst look_all(const struct kd_rec_http *h)
{
    struct worst w = {ATTACK_NONE, {NULL, 0}};
    look(&w, h->url, PLACE_TARGET);
    look(&w, h->request_head, PLACE_BODY);
    look(&w, h->http_user_agent, PLACE_HEADER);
    look(&w, h->xff, PLACE_HEADER);
    for (size_t i = 0; i < h->suspicious.n; i++) {
        struct kd_bytes text = h->suspicious.v[i];
        size_t colon = kd_bytes_find(text, kd_str(": ")); /* behind the field's name */
        look(&w, colon == SIZE_MAX ? text : kd_bytes_from(text, colon + 2), PLACE_HEADER);
    }
    const struct kd_form_field *field = h->form.v;
    for (size_t i = 0; i < h->form.n; i++)
        look(&w, field[i].value, PLACE_BODY);
    return w;
}

/* A program for the server itself, sent as an upload. */
static struct kd_bytes script_upload(const struct kd_rec_http *h)
{
    static const char *const tails[] = {".php", ".phtml", ".php5", ".phar", ".jsp", ".jspx", ".jspf", ".asp", ".aspx",
                                        ".ashx", ".asmx", ".cfm", ".cgi", ".pl"};
    const struct kd_form_field *field = h->form.v;
    struct kd_bytes path = h->url;
    path = kd_bytes_cut(&path, '?');
    for (size_t t = 0; t < KD_COUNT(tails); t++) {
        for (size_t i = 0; i < h->form.n; i++)
            if (kd_bytes_iends(field[i].filename, kd_str(tails[t])))
                return field[i].filename;
        if (kd_bytes_ieq(h->http_method, kd_str("PUT")) && kd_bytes_iends(path, kd_str(tails[t])))
            return path;
    }
    return (struct kd_bytes){NULL, 0};
}

static int severity_of(const struct kd_detect *d, const struct kd_record *r, enum attack attack)
{
    const struct kd_rec_http *h = r->body;
    if (!kd_detect_is_inside(d, &r->head->dst))
        return KD_LOW; /* ours attacks others, or somebody searches for such words */
    bool refused = h->status >= 400 || (h->status >= 300 && h->status < 400);
    bool outside = !kd_detect_is_inside(d, &r->head->src);
    return (outside && refused) || attack == ATTACK_OBJECT || attack == ATTACK_SCRIPT ? KD_LOW : KD_MEDIUM;
}

static void http(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    struct worst w = look_all(h);
    bool theirs = !kd_detect_is_inside(d, &r->head->dst);
    count_request(d, r, w.attack);
    if (theirs && (w.attack == ATTACK_SCRIPT || w.attack == ATTACK_SQL || w.attack == ATTACK_CODE || w.attack == ATTACK_OBJECT))
        w.attack = ATTACK_NONE; /* what people type and programs send to services outside looks like these */
    if (shapes_runs(w.attack))
        remember_try(d, r, w.attack, w.text);
    const struct kd_finding_kind *kind = w.attack == ATTACK_TRAVERSAL ? &kd_finding_KD_PE_0011
                                         : w.attack == ATTACK_SQL     ? &kd_finding_KD_PE_0012
                                                                      : &kd_finding_KD_PE_0010;
    if (w.attack != ATTACK_NONE)
        tell(d, r, kind, w.attack, w.text, severity_of(d, r, w.attack));
    if (w.attack != ATTACK_NONE && h->status < 400 && shapes_answered(h->response_head))
        tell(d, r, &kd_finding_KD_PE_0015, w.attack, w.text, -1);
    struct kd_bytes script = theirs ? (struct kd_bytes){NULL, 0} : script_upload(h);
    if (script.n > 0 && h->status < 400)
        tell(d, r, &kd_finding_KD_PE_0016, ATTACK_CODE, script, -1);
}

static void webattack_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_HTTP)
        http(d, r);
    else if (r->head->type == KD_REC_FLOW)
        flow(d, r);
    else
        dns(d, r);
}

const struct kd_detector kd_detector_webattack = {
    .name = "webattack",
    .summary_en = "attacks on web servers, searches for weak spots, and servers that then do what was asked",
    .summary_ja = "Web サーバーへの攻撃、弱点探し、攻撃に応じたサーバーの動き",
    .wants = (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_DNS,
    .key_state_bytes = sizeof(union state),
    .max_keys = 8000,
    .idle_us = KD_US_PER_DAY,
    .tunables = tunables,
    .record = webattack_record,
};
