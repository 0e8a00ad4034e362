/* SPDX-License-Identifier: Apache-2.0 */
/* Browsers led astray: chains of redirections, exploit pages, a browser that then calls back.  See redirect.md. */
#include "base/filetype.h"
#include "detect/web.h"
#include "findings.h"

enum { KEY_SITE = 's', KEY_CLIENT = 'c', LINKS = 16, PAGES = 8, CHAIN_TEXT = 600, TOLD_KIT = 1, TOLD_HIT = 2, TOLD_SHAPE = 4 };
#define SITE_WITHIN_US (3 * KD_US_PER_MINUTE) /* from the page to what it brings */
#define LINK_WITHIN_US (10 * (uint64_t)KD_US_PER_S)
#define BACK_WITHIN_US KD_US_PER_MINUTE
#define SHAPE_WAIT_US (30 * (uint64_t)KD_US_PER_S)

/* One place as one client used it lately. */
struct site {
    struct kd_addr client, server;
    uint64_t first_us, last_us;
    uint64_t ids[6];
    uint32_t n_ids;
    uint32_t pages, fixed; /* fixed: pictures, style sheets and scripts, which real pages have */
    bool plugin, plugin_named, payload, payload_page_less, foreign, generated, shape, old_browser, from_outside;
    uint8_t told;
    struct kd_word host, from, what, file;
};

/* A step from one place to another. */
struct link {
    uint64_t at_us, id;
    uint32_t from, to; /* sums of the places */
    uint8_t depth;     /* steps before it */
    bool by_hand;      /* the first step of its chain followed no page */
    uint8_t generated; /* steps with a long, generated query */
    struct kd_word host, to_host;
};

struct page {
    struct kd_addr server;
    uint64_t at_us, id;
    uint16_t port;
};

struct client {
    uint32_t n_links, n_pages;
    struct link links[LINKS];
    struct page pages[PAGES];
};

union state {
    struct site site;
    struct client client;
};

static const struct kd_tunable tunables[] = {
    {"chain_places", 4, 3, 12, "places", "different places of one chain of redirections from which it is told",
     "通知する転送の連なりの、異なるサイトの数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static uint32_t sum_place(struct kd_bytes host)
{
    return kd_sum_text(kd_web_is_address(host) ? host : kd_detect_zone(host));
}

static void add_step(struct kd_out *o, struct kd_bytes step)
{
    if (step.n == 0)
        return;
    if (o->n > 0)
        kd_out_str(o, " → ");
    kd_out_bytes(o, step);
}

/* --- exploit pages --- */

static unsigned score_of(const struct site *s)
{
    unsigned n = 0;
    n += s->plugin ? (s->plugin_named ? 1 : 2) : 0;
    n += s->payload ? 3 : 0;
    n += s->foreign ? 2 : 0;
    n += kd_web_is_cheap_name(kd_word_view(&s->host)) || kd_web_is_address(kd_word_view(&s->host));
    n += s->fixed == 0;
    n += s->generated;
    n += s->old_browser;
    return n;
}

static void tell_site(struct kd_detect *d, struct site *s, const struct kd_finding_kind *kind, uint8_t told)
{
    uint8_t room[CHAIN_TEXT];
    struct kd_out chain = kd_out_of(room, sizeof(room));
    struct kd_key fold = kd_key_of(told);
    kd_key_text(&fold, kd_word_view(&s->host));
    add_step(&chain, kd_word_view(&s->from));
    add_step(&chain, kd_word_view(&s->host));
    add_step(&chain, kd_word_view(&s->what));
    add_step(&chain, s->payload ? kd_word_view(&s->file) : kd_str(""));
    struct kd_fact facts[] = {
        {"chain", kd_out_bytes_view(&chain)},
        {"site", kd_word_view(&s->host)},
    };
    s->told |= told;
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = s->client, .peer = s->server, .fold = kd_key_view(&fold), .severity = -1,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = s->ids, .n_record_ids = s->n_ids,
                   .first_us = s->first_us, .last_us = s->last_us,
               });
}

/* Few resources of a real page, but content for an extension or something for a loader. */
static void judge(struct kd_detect *d, struct site *s)
{
    unsigned score = score_of(s);
    bool bare = s->fixed <= 1 && (s->pages > 0 || s->foreign);
    if (!bare || !s->from_outside)
        return;
    if (s->payload && (s->plugin || s->foreign) && score >= 7 && !(s->told & TOLD_HIT))
        tell_site(d, s, &kd_finding_KD_PE_0031, TOLD_HIT | TOLD_KIT | TOLD_SHAPE);
    else if (s->plugin && score >= 6 && !(s->told & TOLD_KIT))
        tell_site(d, s, &kd_finding_KD_PE_0030, TOLD_KIT | TOLD_SHAPE);
}

/* A value that no person chose: long, letters of both cases, digits or signs mixed. */
static bool is_generated(struct kd_bytes text)
{
    size_t run = 0, upper = 0, lower = 0, other = 0;
    for (size_t i = 0; i <= text.n; i++) {
        uint8_t c = kd_bytes_at(text, i);
        bool up = c >= 'A' && c <= 'Z', low = c >= 'a' && c <= 'z', sign = (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (up || low || sign) {
            run++;
            upper += up;
            lower += low;
            other += sign;
            continue;
        }
        if (run >= 32 && upper >= 6 && lower >= 6 && other >= 3)
            return true;
        run = upper = lower = other = 0;
    }
    return false;
}

static size_t count(struct kd_bytes text, uint8_t c)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == c;
    return n;
}

/* "/?a=…&b=…&c=…", long and generated: gates of exploit pages have no other path. */
static bool is_gate_shape(struct kd_bytes url)
{
    return kd_bytes_starts(url, kd_str("/?")) && url.n >= 100 && count(url, '&') >= 2 && is_generated(url);
}

static bool is_long(struct kd_bytes url)
{
    return url.n >= 60 && (is_generated(url) || count(url, '&') >= 3 || count(url, '-') >= 5);
}

enum brings { BRINGS_NOTHING, BRINGS_PAGE, BRINGS_FIXED, BRINGS_PLUGIN, BRINGS_PAYLOAD };

static bool is_readable(struct kd_bytes head)
{
    for (size_t i = 0; i < head.n; i++)
        if (head.p[i] < ' ' && head.p[i] != '\n' && head.p[i] != '\r' && head.p[i] != '\t')
            return false;
    return true;
}

static enum brings brings_of(const struct kd_rec_http *h)
{
    enum kd_content declared = kd_web_content_of_type(h->http_content_type);
    enum kd_content magic = kd_web_content_of_magic(kd_str(kd_filetype(h->response_head)));
    bool packed = h->content_encoding.n > 0;
    if (h->status != 200)
        return BRINGS_NOTHING;
    if (declared == KD_CONTENT_PLUGIN || (magic == KD_CONTENT_PLUGIN && !packed))
        return BRINGS_PLUGIN;
    if (magic == KD_CONTENT_PROGRAM && declared != KD_CONTENT_TEXT && declared != KD_CONTENT_PAGE)
        return BRINGS_PAYLOAD;
    bool unknown = magic == KD_CONTENT_UNKNOWN && !is_readable(h->response_head) && !packed && h->length >= 10000;
    if (unknown && (declared == KD_CONTENT_BINARY || declared == KD_CONTENT_PROGRAM || declared == KD_CONTENT_UNKNOWN))
        return BRINGS_PAYLOAD;
    if (declared == KD_CONTENT_PICTURE || (declared == KD_CONTENT_TEXT && !kd_bytes_icontains(h->http_content_type, kd_str("json"))))
        return BRINGS_FIXED;
    return declared == KD_CONTENT_PAGE ? BRINGS_PAGE : BRINGS_NOTHING;
}

static void note_plugin(struct site *s, const struct kd_rec_http *h)
{
    const char *magic = kd_filetype(h->response_head);
    struct kd_bytes path = kd_web_path(h->url);
    bool pdf = kd_bytes_icontains(h->http_content_type, kd_str("pdf")) || (magic != NULL && strcmp(magic, "pdf") == 0);
    bool named = kd_web_content_of_name(path) != KD_CONTENT_UNKNOWN && kd_web_content_of_name(path) != KD_CONTENT_PAGE;
    if (pdf)
        return; /* everybody reads these */
    s->plugin_named = s->plugin ? s->plugin_named && named : named;
    s->plugin = true;
    kd_word_set(&s->what, h->http_content_type.n > 0 ? h->http_content_type : kd_str(magic));
}

static void note_page(struct site *s, const struct kd_rec_http *h)
{
    struct kd_bytes from = kd_web_host(h->http_refer);
    bool other_place = from.n > 0 && !kd_web_same_place(from, h->hostname);
    s->pages++;
    s->generated |= is_long(h->url);
    s->shape |= is_gate_shape(h->url) && (other_place || h->http_refer.n == 0);
    if (other_place && !s->foreign) {
        s->foreign = true;
        kd_word_set(&s->from, from);
    }
}

static void note_payload(struct site *s, const struct kd_rec_http *h)
{
    struct kd_bytes path = kd_web_path(h->url);
    bool by_name = kd_web_content_of_name(path) == KD_CONTENT_PROGRAM; /* a link that somebody clicks */
    bool led = h->http_refer.n > 0 && kd_web_agent(h->http_user_agent) == KD_AGENT_BROWSER;
    if (by_name && led)
        return;
    s->payload = true;
    s->generated |= is_long(h->url);
    kd_word_set(&s->file, h->content_disposition.n > 0 ? h->content_disposition
                          : h->http_content_type.n > 0 ? h->http_content_type
                                                       : kd_web_basename(path));
}

static void site(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    enum brings b = brings_of(h);
    struct kd_key key = kd_key_of(KEY_SITE);
    kd_key_addr(&key, &r->head->src);
    kd_key_text(&key, kd_bytes_head(h->hostname, 120));
    if (b == BRINGS_NOTHING || h->hostname.n == 0 || !kd_detect_is_inside(d, &r->head->src))
        return;
    struct site *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    if (r->head->ts_us > s->last_us + SITE_WITHIN_US && s->fixed <= 1) {
        uint8_t told = s->told;
        *s = (struct site){.told = told, .first_us = r->head->ts_us};
    }
    s->client = r->head->src;
    s->server = r->head->dst;
    s->last_us = r->head->ts_us;
    s->from_outside = !kd_detect_is_inside(d, &r->head->dst);
    s->old_browser |= kd_bytes_icontains(h->http_user_agent, kd_str("MSIE")) ||
                      kd_bytes_icontains(h->http_user_agent, kd_str("Trident/")) ||
                      kd_web_agent(h->http_user_agent) == KD_AGENT_JAVA;
    kd_word_set(&s->host, h->hostname);
    if (b != BRINGS_FIXED && s->n_ids < KD_COUNT(s->ids))
        s->ids[s->n_ids++] = r->head->id;
    if (b == BRINGS_PAGE)
        note_page(s, h);
    else if (b == BRINGS_PLUGIN)
        note_plugin(s, h);
    else if (b == BRINGS_PAYLOAD && (s->pages > 0 || s->plugin))
        note_payload(s, h);
    s->fixed += b == BRINGS_FIXED;
    judge(d, s);
}

/* A page by its gate alone: told when nothing that a real site has followed it. */
static void judge_shape(struct kd_detect *d, struct site *s)
{
    if (s->shape && s->fixed == 0 && s->from_outside && s->pages <= 3 && !(s->told & TOLD_SHAPE))
        tell_site(d, s, &kd_finding_KD_PE_0032, TOLD_SHAPE);
}

/* --- chains --- */

static struct client *client_of(struct kd_detect *d, const struct kd_addr *a)
{
    struct kd_key key = kd_key_of(KEY_CLIENT);
    kd_key_addr(&key, a);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

static struct link *link_to(struct client *c, uint32_t place, uint64_t now_us)
{
    struct link *newest = NULL;
    for (uint32_t i = 0; i < kd_min_size(c->n_links, LINKS); i++) {
        struct link *l = &c->links[i];
        if (l->to == place && now_us <= l->at_us + LINK_WITHIN_US && (newest == NULL || l->at_us >= newest->at_us))
            newest = l;
    }
    return newest;
}

static void tell_chain(struct kd_detect *d, const struct kd_record *r, struct client *c, const struct link *last)
{
    const struct link *steps[LINKS];
    uint64_t ids[LINKS];
    uint8_t room[CHAIN_TEXT];
    struct kd_out chain = kd_out_of(room, sizeof(room));
    size_t n = 0;
    for (const struct link *l = last; l != NULL && n < LINKS; l = l->depth == 0 ? NULL : link_to(c, l->from, l->at_us))
        steps[n++] = l;
    for (size_t i = n; i-- > 0;) {
        add_step(&chain, kd_word_view(&steps[i]->host));
        ids[n - 1 - i] = steps[i]->id;
    }
    add_step(&chain, kd_word_view(&last->to_host));
    struct kd_digits places;
    struct kd_key fold = kd_key_of('r');
    kd_key_text(&fold, kd_bytes_head(kd_word_view(&steps[n - 1]->host), 80));
    struct kd_fact facts[] = {
        {"chain", kd_out_bytes_view(&chain)},
        {"places", kd_digits_of(&places, n + 1)},
        {"site", kd_word_view(&last->to_host)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_PE_0033, .host = r->head->src, .peer = r->head->dst, .fold = kd_key_view(&fold),
                   .severity = -1, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = n, .first_us = steps[n - 1]->at_us, .last_us = last->at_us,
               });
}

static void chain(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    bool redirects = h->status >= 300 && h->status < 400 && h->redirect.n > 0;
    struct kd_bytes target = redirects ? h->redirect : h->body_redirect;
    struct kd_bytes to = kd_web_host(target);
    if (to.n == 0 || h->hostname.n == 0 || kd_web_same_place(to, h->hostname) ||
        kd_web_content_of_name(kd_web_path(h->url)) == KD_CONTENT_PICTURE)
        return;
    struct client *c = client_of(d, &r->head->src);
    if (c == NULL)
        return;
    uint32_t from = sum_place(h->hostname);
    const struct link *before = link_to(c, from, r->head->ts_us);
    struct link l = {.at_us = r->head->ts_us, .id = r->head->id, .from = from, .to = sum_place(to)};
    l.depth = before != NULL && before->depth < LINKS ? (uint8_t)(before->depth + 1) : 0;
    l.by_hand = before != NULL ? before->by_hand : h->http_refer.n == 0;
    l.generated = (uint8_t)((before != NULL ? before->generated : 0) + (is_generated(target) && l.depth < LINKS));
    kd_word_set(&l.host, h->hostname);
    kd_word_set(&l.to_host, to);
    struct link *kept = &c->links[c->n_links++ % LINKS];
    *kept = l;
    if (l.by_hand && l.depth + 2 >= kd_detect_tunable(d, "chain_places") && l.generated >= 2)
        tell_chain(d, r, c, kept);
}

/* --- the browser calls back --- */

static void page(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    enum kd_agent agent = kd_web_agent(h->http_user_agent);
    if (brings_of(h) != BRINGS_PAGE || (agent != KD_AGENT_BROWSER && agent != KD_AGENT_OLD_LIBRARY))
        return;
    struct client *c = client_of(d, &r->head->src);
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < kd_min_size(c->n_pages, PAGES); i++)
        if (kd_addr_eq(&c->pages[i].server, &r->head->dst)) {
            c->pages[i].at_us = r->head->ts_us;
            c->pages[i].id = r->head->id;
            return;
        }
    c->pages[c->n_pages++ % PAGES] =
        (struct page){.server = r->head->dst, .at_us = r->head->ts_us, .id = r->head->id, .port = r->head->dst_port};
}

/* What a command line says first. */
static bool is_shell(struct kd_bytes head)
{
    return kd_bytes_istarts(head, kd_str("Microsoft Windows")) || kd_bytes_istarts(head, kd_str("Microsoft(R) Windows")) ||
           kd_bytes_istarts(head, kd_str("PS C:\\")) || kd_bytes_istarts(head, kd_str("Windows PowerShell")) ||
           kd_bytes_istarts(head, kd_str("bash: ")) || kd_bytes_istarts(head, kd_str("bash-")) ||
           kd_bytes_istarts(head, kd_str("sh-")) || kd_bytes_istarts(head, kd_str("sh: ")) ||
           kd_bytes_istarts(head, kd_str("/bin/sh: ")) || kd_bytes_istarts(head, kd_str("C:\\WINDOWS"));
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    bool nameless = r->head->app == KD_APP_FAILED || r->head->app == KD_APP_UNKNOWN;
    if (r->head->proto != 6 || !nameless || f->midstream || f->data_toserver == 0 || f->data_toclient == 0)
        return;
    struct kd_key key = kd_key_of(KEY_CLIENT);
    kd_key_addr(&key, &r->head->src);
    struct client *c = kd_detect_peek(d, kd_key_view(&key));
    for (uint32_t i = 0; c != NULL && i < kd_min_size(c->n_pages, PAGES); i++) {
        const struct page *p = &c->pages[i];
        bool same = kd_addr_eq(&p->server, &r->head->dst) && p->port != r->head->dst_port;
        bool soon = f->start_us + KD_US_PER_S >= p->at_us && f->start_us < p->at_us + BACK_WITHIN_US;
        bool shell = is_shell(f->payload_head);
        if (!same || !soon || (!shell && (kd_detect_is_inside(d, &r->head->dst) || r->head->dst_port < 1024)))
            continue;
        struct kd_digits port;
        struct kd_key fold = kd_key_of('b');
        kd_key_addr(&fold, &r->head->dst);
        struct kd_fact facts[] = {{"port", kd_digits_of(&port, r->head->dst_port)}};
        uint64_t ids[] = {p->id, r->head->id};
        kd_find(d, &(struct kd_finding){
                       .kind = shell ? &kd_finding_KD_PE_0034 : &kd_finding_KD_PE_0035, .host = r->head->src,
                       .peer = r->head->dst, .fold = kd_key_view(&fold), .severity = -1, .confidence = -1, .facts = facts,
                       .n_facts = KD_COUNT(facts), .record_ids = ids, .n_record_ids = 2, .first_us = p->at_us,
                       .last_us = f->end_us,
                   });
    }
}

/* --- framework --- */

static void redirect_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_FLOW) {
        flow(d, r);
        return;
    }
    site(d, r);
    chain(d, r);
    page(d, r);
}

static bool is_site(struct kd_bytes key)
{
    return kd_bytes_at(key, 0) == KEY_SITE;
}

static void redirect_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    if (is_site(key))
        judge_shape(d, state);
}

static bool redirect_tick(struct kd_detect *d, struct kd_bytes key, void *state)
{
    struct site *s = state;
    if (is_site(key) && s->shape && kd_detect_now_us(d) > s->first_us + SHAPE_WAIT_US)
        judge_shape(d, s);
    return true;
}

const struct kd_detector kd_detector_redirect = {
    .name = "redirect",
    .summary_en = "chains of redirections, exploit pages, browsers that call back",
    .summary_ja = "転送の連なり、攻撃用ページ、ブラウザーからの折り返し接続",
    .wants = (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_FLOW,
    .key_state_bytes = sizeof(union state),
    .max_keys = 6000,
    .idle_us = KD_US_PER_HOUR,
    .tunables = tunables,
    .record = redirect_record,
    .leave = redirect_leave,
    .tick = redirect_tick,
    .tick_us = 30 * (uint64_t)KD_US_PER_S,
};
