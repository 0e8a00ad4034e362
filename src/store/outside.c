/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outside_part.h"

enum {
    UPLOAD_MIN = 100 * 1024, /* request bodies from which they are listed */
    LONG_US = 240000000,     /* conversations of this length may have told of themselves before */
    LONG_MAX = 1 << 18,
    STATS_MAX = 1 << 18,
    MEMORY = 16 << 20,
    LOOK_BACK_US = 600000000 /* for the sensor's counters before the time asked for */
};

union body {
    struct kd_rec_flow flow;
    struct kd_rec_dns dns;
    struct kd_rec_http http;
    struct kd_rec_tls tls;
    struct kd_rec_smtp smtp;
    struct kd_rec_smb smb;
    struct kd_rec_ftp ftp;
    struct kd_rec_file file;
    struct kd_rec_login login;
    struct kd_rec_stats stats;
    struct kd_rec_health health;
};

/* All peers are kept at first, those of the house too: one may turn out to be a proxy. */
static struct kd_outside_place *place_of(struct kd_outside_collect *c, const struct kd_rec_head *h)
{
    const struct kd_addr *other = kd_outside_is_host(c->r, &h->src) ? &h->dst : &h->src;
    struct kd_outside_place *p = kd_tally_get(&c->place, other);
    c->r->left_out += p == NULL;
    return p;
}

/* ---- conversations ---- */

static enum kd_outside_class class_of(const struct kd_rec_head *h, const struct kd_rec_flow *f,
                                      uint64_t data_out)
{
    switch (h->app) {
    case KD_APP_TLS:
    case KD_APP_QUIC:
    case KD_APP_SSH:
    case KD_APP_RDP:
        return KD_OUTSIDE_ENCRYPTED;
    case KD_APP_UNKNOWN:
    case KD_APP_FAILED:
    case KD_APP_RFB:
    case KD_APP_SOCKS:
    case KD_APP_BITTORRENT:
        /* The beginning of a conversation carries nothing, nor does one that was refused. */
        return data_out == 0 && f->gap_bytes == 0 && (h->proto == 6 || h->proto == 17)
                   ? KD_OUTSIDE_READABLE
                   : KD_OUTSIDE_UNKNOWN;
    default:
        return KD_OUTSIDE_READABLE;
    }
}

/* Protocols that may be switched to encryption on the way (STARTTLS, sealing). */
static bool is_securable(uint8_t app)
{
    return app == KD_APP_SMTP || app == KD_APP_SMB || app == KD_APP_IMAP || app == KD_APP_POP3 ||
           app == KD_APP_FTP || app == KD_APP_FTP_DATA || app == KD_APP_LDAP ||
           app == KD_APP_MSSQL || app == KD_APP_MYSQL || app == KD_APP_PGSQL;
}

static void keep_told(struct kd_outside_collect *c, const struct kd_outside_told *t)
{
    if (c->n_told == c->room_told) {
        size_t room = c->room_told * 2 + 1024;
        struct kd_outside_told *more =
            c->n_told == LONG_MAX ? NULL : realloc(c->told, room * sizeof(*more));
        if (more == NULL) {
            c->r->left_out++;
            return;
        }
        c->told = more;
        c->room_told = room;
    }
    c->told[c->n_told++] = *t;
}

static void add_flow(struct kd_outside_collect *c, const struct kd_rec_head *h,
                     const struct kd_rec_flow *f)
{
    bool out = kd_outside_is_host(c->r, &h->src);
    struct kd_outside_place *p = place_of(c, h);
    if (p == NULL)
        return;
    bool update = kd_bytes_eq_str(f->reason, "update");
    bool before = h->ts_us < c->ask->host.from_us;
    p->before_flows += before && !update;
    if (!before) {
        p->flows += !update;
        p->begun_outside += !update && !out;
        p->gap_bytes += update ? 0 : f->gap_bytes;
        p->unseen_start += !update && f->midstream;
        p->degraded += !update && f->degraded.n > 0;
        uint64_t start =
            kd_max_u64(f->start_us == 0 ? h->ts_us : f->start_us, c->ask->host.from_us);
        p->first_us = p->first_us == 0 ? start : kd_min_u64(p->first_us, start);
        p->last_us = kd_max_u64(p->last_us, f->end_us == 0 ? h->ts_us : f->end_us);
    }
    uint64_t data = out ? f->data_toserver : f->data_toclient;
    struct kd_outside_told t = {.flow_id = h->flow_id,
                                .ts_us = h->ts_us,
                                .out = out ? f->bytes_toserver : f->bytes_toclient,
                                .in = out ? f->bytes_toclient : f->bytes_toserver,
                                .place =
                                    (size_t)(p - (struct kd_outside_place *)(void *)c->place.v),
                                .class = (uint8_t)class_of(h, f, data),
                                .securable = is_securable(h->app)};
    if (update || f->age_us >= LONG_US)
        keep_told(c, &t);
    else
        kd_outside_count(c, p, &t);
}

/* ---- items ---- */

static void set_hex(char ret[65], struct kd_bytes digest)
{
    struct kd_out o = kd_out_of(ret, 64);
    kd_out_hex(&o, kd_bytes_head(digest, 32));
    ret[o.n] = '\0';
}

static void add_name(struct kd_outside_collect *c, const struct kd_rec_head *h,
                     struct kd_bytes name, uint8_t rank)
{
    struct kd_outside_place *p =
        name.n == 0 || !kd_outside_is_host(c->r, &h->src) ? NULL : place_of(c, h);
    if (p == NULL || rank <= p->name_rank)
        return;
    p->name[0] = '\0';
    p->name_rank = rank;
    kd_outside_set(p->name, sizeof(p->name), name);
}

static void add_dns(struct kd_outside_collect *c, const struct kd_rec_dns *d)
{
    const struct kd_dns_rr *rr = d->answers.v;
    struct kd_addr a;
    for (size_t i = 0; i < d->answers.n; i++) {
        if (!kd_addr_parse(rr[i].rdata, &a))
            continue;
        struct kd_outside_named *n = kd_tally_get(&c->name, &a);
        if (n != NULL)
            kd_outside_set(n->name, sizeof(n->name), d->rrname);
    }
}

static void add_http(struct kd_outside_collect *c, const struct kd_rec_head *h,
                     const struct kd_rec_http *x)
{
    if (!kd_outside_is_host(c->r, &h->src))
        return;
    bool proxied = kd_bytes_eq_str(x->http_method, "CONNECT") ||
                   kd_bytes_starts(x->url, kd_str("http://")) ||
                   kd_bytes_starts(x->url, kd_str("ftp://"));
    if (kd_outside_is_inside(c->ask, &h->dst) && !proxied)
        return;
    struct kd_outside_place *p = place_of(c, h);
    if (p != NULL && proxied) {
        p->proxy = true;
        p->secured |= kd_bytes_eq_str(x->http_method, "CONNECT");
    } else {
        add_name(c, h, x->hostname, 2);
    }
    if (x->request_length < UPLOAD_MIN)
        return;
    struct kd_outside_item *it = kd_outside_item(c, KD_OUTSIDE_UPLOAD, h);
    if (it == NULL)
        return;
    it->bytes = x->request_length;
    kd_outside_set(it->how, sizeof(it->how), x->http_method);
    struct kd_out o = kd_out_of(it->what, sizeof(it->what) - 1);
    kd_out_bytes(&o, kd_bytes_head(x->hostname, 80));
    kd_out_bytes(&o, kd_bytes_head(x->url, sizeof(it->what) - 1 - o.n));
}

static void add_smtp(struct kd_outside_collect *c, const struct kd_rec_head *h,
                     const struct kd_rec_smtp *m)
{
    if (!kd_outside_is_host(c->r, &h->src))
        return;
    if (m->starttls && !kd_outside_is_inside(c->ask, &h->dst)) {
        struct kd_outside_place *p = place_of(c, h);
        if (p != NULL)
            p->secured = true;
    }
    bool personal = m->my_numbers > 0 || m->card_numbers > 0 || m->ssn_numbers > 0;
    if (m->attachments.n == 0 && !personal)
        return;
    struct kd_outside_item *it = kd_outside_item(c, KD_OUTSIDE_UPLOAD, h);
    if (it == NULL)
        return;
    const struct kd_mail_part *part = m->attachments.v;
    struct kd_out o = kd_out_of(it->what, sizeof(it->what) - 1);
    for (size_t i = 0; i < m->rcpt_to.n && i < 2; i++) {
        kd_out_str(&o, i > 0 ? ", " : "");
        kd_out_bytes(&o, kd_bytes_head(m->rcpt_to.v[i], 40));
    }
    for (size_t i = 0; i < m->attachments.n && i < 1; i++) {
        kd_out_str(&o, ": ");
        kd_out_bytes(&o, kd_bytes_head(part[i].filename, 60));
        set_hex(it->sha256, part[i].sha256);
    }
    it->bytes = m->bytes;
    it->personal = personal;
    kd_outside_set(it->how, sizeof(it->how), kd_str("MAIL"));
}

static void add_ftp(struct kd_outside_collect *c, const struct kd_rec_head *h,
                    const struct kd_rec_ftp *f)
{
    if (!kd_outside_is_host(c->r, &h->src) || kd_outside_is_inside(c->ask, &h->dst))
        return;
    if (kd_bytes_eq_str(f->command, "AUTH")) {
        struct kd_outside_place *p = place_of(c, h);
        if (p != NULL)
            p->secured = true;
    }
    bool stores = kd_bytes_eq_str(f->command, "STOR") || kd_bytes_eq_str(f->command, "STOU") ||
                  kd_bytes_eq_str(f->command, "APPE");
    struct kd_outside_item *it =
        stores && f->code < 400 ? kd_outside_item(c, KD_OUTSIDE_UPLOAD, h) : NULL;
    if (it == NULL)
        return;
    kd_outside_set(it->how, sizeof(it->how), kd_str("FTP"));
    kd_outside_set(it->what, sizeof(it->what), f->argument);
}

static void add_smb(struct kd_outside_collect *c, const struct kd_rec_head *h,
                    const struct kd_rec_smb *s)
{
    if (!kd_outside_is_host(c->r, &h->src))
        return;
    bool outside = !kd_outside_is_inside(c->ask, &h->dst);
    if (outside && s->encrypted) {
        struct kd_outside_place *p = place_of(c, h);
        if (p != NULL)
            p->secured = true;
    }
    if (outside && s->write_bytes > 0) {
        struct kd_outside_item *it = kd_outside_item(c, KD_OUTSIDE_UPLOAD, h);
        if (it != NULL) {
            it->bytes = s->write_bytes;
            kd_outside_set(it->how, sizeof(it->how), kd_str("SMB"));
            kd_outside_set(it->what, sizeof(it->what), s->filename);
        }
    }
    if (s->share.n == 0 || (s->read_bytes == 0 && s->write_bytes == 0))
        return;
    char key[sizeof(((struct kd_outside_share *)0)->key)] = {0};
    kd_outside_set(key, sizeof(key), s->share);
    struct kd_outside_share *sh = kd_tally_get(&c->share, key);
    if (sh == NULL)
        return;
    sh->item.peer = h->dst;
    sh->item.ts_us = kd_max_u64(sh->item.ts_us, h->ts_us);
    sh->item.read_bytes += s->read_bytes;
    sh->item.bytes += s->write_bytes;
    sh->item.count++;
}

static void add_file(struct kd_outside_collect *c, const struct kd_rec_head *h,
                     const struct kd_rec_file *f)
{
    bool out = kd_outside_is_host(c->r, &h->src) ? f->to_server : !f->to_server;
    const struct kd_addr *other = kd_outside_is_host(c->r, &h->src) ? &h->dst : &h->src;
    if (!out || kd_outside_is_inside(c->ask, other))
        return;
    bool incomplete = f->gaps > 0 || kd_bytes_eq_str(f->state, "TRUNCATED");
    c->r->incomplete_files += incomplete;
    struct kd_outside_item *it = kd_outside_item(c, KD_OUTSIDE_FILE, h);
    if (it == NULL)
        return;
    it->bytes = f->size;
    it->incomplete = incomplete;
    it->personal = f->my_numbers > 0 || f->card_numbers > 0 || f->ssn_numbers > 0;
    kd_outside_set(it->how, sizeof(it->how), f->magic);
    kd_outside_set(it->what, sizeof(it->what), f->filename.n > 0 ? f->filename : f->source);
    set_hex(it->sha256, f->sha256);
}

static void add_login(struct kd_outside_collect *c, const struct kd_rec_head *h,
                      const struct kd_rec_login *l)
{
    struct kd_outside_item *it = kd_outside_item(c, KD_OUTSIDE_LOGON, h);
    if (it == NULL)
        return;
    struct kd_out o = kd_out_of(it->how, sizeof(it->how) - 1);
    kd_out_str(&o, kd_outside_is_host(c->r, &h->src) ? "to " : "from ");
    kd_out_bytes(&o, kd_bytes_head(l->service, 16));
    kd_out_str(&o, " ");
    kd_out_bytes(&o, kd_bytes_head(l->result, 16));
    kd_outside_set(it->what, sizeof(it->what), l->user);
}

/* ---- rows ---- */

static void add_stats(struct kd_outside_collect *c, const struct kd_rec_head *h,
                      const struct kd_rec_stats *s)
{
    if (c->n_stats == c->room_stats) {
        size_t room = c->room_stats * 2 + 256;
        struct kd_outside_counters *more =
            c->n_stats == STATS_MAX ? NULL : realloc(c->stats, room * sizeof(*more));
        if (more == NULL)
            return;
        c->stats = more;
        c->room_stats = room;
    }
    c->stats[c->n_stats++] =
        (struct kd_outside_counters){.ts_us = h->ts_us,
                                     .engine = h->engine,
                                     .v = {s->packets, s->dropped, s->truncated, s->undecoded,
                                           s->flows_degraded, s->records_lost, s->kept_out}};
}

static void add_row(struct kd_outside_collect *c, const struct kd_rec_head *h, const union body *b)
{
    switch (h->type) {
    case KD_REC_FLOW:
        add_flow(c, h, &b->flow);
        break;
    case KD_REC_DNS:
        add_dns(c, &b->dns);
        break;
    case KD_REC_HTTP:
        add_http(c, h, &b->http);
        break;
    case KD_REC_TLS:
        add_name(c, h, b->tls.sni, 3);
        if (b->tls.subject.n > 0 && kd_outside_is_host(c->r, &h->src)) {
            struct kd_outside_place *p = place_of(c, h);
            if (p != NULL && p->subject[0] == '\0') {
                kd_outside_set(p->subject, sizeof(p->subject), b->tls.subject);
                kd_outside_set(p->issuer, sizeof(p->issuer), b->tls.issuerdn);
            }
        }
        break;
    case KD_REC_SMTP:
        add_smtp(c, h, &b->smtp);
        break;
    case KD_REC_SMB:
        add_smb(c, h, &b->smb);
        break;
    case KD_REC_FTP:
        add_ftp(c, h, &b->ftp);
        break;
    case KD_REC_FILE:
        add_file(c, h, &b->file);
        break;
    case KD_REC_LOGIN:
        add_login(c, h, &b->login);
        break;
    case KD_REC_STATS:
        add_stats(c, h, &b->stats);
        break;
    case KD_REC_HEALTH:
        c->r->sensor.exits +=
            h->ts_us >= c->ask->host.from_us && kd_bytes_eq_str(b->health.kind, "role_exit");
        break;
    default:
        break;
    }
}

static bool is_wanted(unsigned type)
{
    return type == KD_REC_FLOW || type == KD_REC_DNS || type == KD_REC_HTTP || type == KD_REC_TLS ||
           type == KD_REC_SMTP || type == KD_REC_SMB || type == KD_REC_FTP || type == KD_REC_FILE ||
           type == KD_REC_LOGIN || type == KD_REC_STATS || type == KD_REC_HEALTH;
}

static bool visit(void *arg, struct kd_block_reader *r, size_t group, const uint32_t *row, size_t n)
{
    struct kd_outside_collect *c = arg;
    unsigned type = kd_block_current(r)->group[group].type;
    for (size_t i = n; i > 0; i--) {
        struct kd_rec_head h = {0};
        union body b;
        enum kd_status s;
        const struct kd_loaded *ts = kd_block_column(r, group, KD_LEAF_TS, &s);
        uint64_t at = ts == NULL ? 0 : ts->number[row[i - 1]];
        if (type != KD_REC_STATS && type != KD_REC_HEALTH && at >= c->ask->host.from_us) {
            c->r->records++;
            c->r->first_us = c->r->first_us == 0 ? at : kd_min_u64(c->r->first_us, at);
            c->r->last_us = kd_max_u64(c->r->last_us, at);
        }
        if (!is_wanted(type))
            continue;
        kd_arena_init(&c->mem, c->pool, MEMORY);
        s = kd_block_record(r, group, row[i - 1], &c->mem, &h, &b);
        if (s == KD_OK)
            add_row(c, &h, &b);
        kd_arena_done(&c->mem);
        c->failed |= s == KD_NO_MEMORY;
    }
    return !c->failed;
}

/* ---- scans ---- */

/* Visit what an expression finds; takes it over. */
static enum kd_status scan(struct kd_outside_collect *c, struct kd_hunt_expr *e, uint64_t from_us,
                           uint64_t to_us)
{
    const struct kd_host_ask *a = &c->ask->host;
    struct kd_hunt_stats st = {0};
    struct kd_hunt_query q = {.expr = e,
                              .from_us = from_us,
                              .to_us = to_us,
                              .clock = a->clock,
                              .deadline_us = a->deadline_us,
                              .cancel = a->cancel,
                              .threads = a->threads,
                              .zone_s = a->zone_s};
    struct kd_hunt_visitor v = {.visit = visit, .arg = c};
    enum kd_status s = kd_hunt_scan(&q, a->src, &v, &st);
    c->r->cut |= st.truncated;
    c->r->unreadable += st.unreadable;
    kd_hunt_expr_free(e);
    return s == KD_OK && c->failed ? KD_NO_MEMORY : s;
}

/* Its conversations alone. */
static enum kd_status flow_expr(const struct kd_outside_collect *c, struct kd_hunt_expr **ret,
                                struct kd_err *err)
{
    uint8_t text[KD_HUNT_TEXT_MAX];
    struct kd_out o = kd_out_of(text, sizeof(text));
    for (size_t side = 0; side < 2; side++) {
        kd_out_str(&o, side == 0 ? "event_type = flow and (src_ip in (" : ") or dest_ip in (");
        for (size_t i = 0; i < c->r->n_addr; i++) {
            kd_out_str(&o, i > 0 ? "," : "");
            kd_out_addr(&o, &c->r->addr[i]);
        }
    }
    kd_out_str(&o, "))");
    KD_ASSERT(kd_out_ok(&o));
    return kd_hunt_parse(kd_out_bytes_view(&o), c->ask->host.zone_s, ret, err);
}

static enum kd_status scan_all(struct kd_outside_collect *c, struct kd_err *err)
{
    const struct kd_host_ask *a = &c->ask->host;
    struct kd_hunt_expr *e = NULL;
    enum kd_status s = kd_host_expr(c->r->addr, c->r->n_addr, a->zone_s, &e, err);
    if (s == KD_OK)
        s = scan(c, e, a->from_us, a->to_us);
    if (s == KD_OK && a->from_us > 0)
        s = flow_expr(c, &e, err);
    if (s == KD_OK && a->from_us > 0)
        s = scan(c, e, a->from_us - kd_min_u64(a->from_us, KD_OUTSIDE_HABIT_DAYS * KD_US_PER_DAY),
                 a->from_us - 1);
    if (s == KD_OK)
        s = kd_hunt_parse(kd_str("event_type in (stats, health)"), a->zone_s, &e, err);
    if (s == KD_OK)
        s = scan(c, e, a->from_us - kd_min_u64(a->from_us, LOOK_BACK_US), a->to_us);
    return s;
}

static void collect_done(struct kd_outside_collect *c)
{
    struct kd_tally *t[] = {&c->place, &c->name, &c->share};
    for (size_t i = 0; i < KD_COUNT(t); i++) {
        free(t[i]->v);
        free(t[i]->slot);
    }
    free(c->told);
    free(c->stats);
    kd_pool_free(c->pool);
}

enum kd_status kd_outside(const struct kd_outside_ask *ask, struct kd_outside *ret,
                          struct kd_err *err)
{
    *ret = (struct kd_outside){0};
    enum kd_status s = kd_host_addresses(&ask->host, ret->addr, &ret->n_addr, err);
    if (s != KD_OK)
        return s;
    struct kd_outside_collect *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "what went outside");
    c->ask = ask;
    c->r = ret;
    c->pool = kd_pool_new(2 * MEMORY);
    bool ready = kd_tally_init(&c->place, sizeof(struct kd_outside_place), sizeof(struct kd_addr));
    ready =
        kd_tally_init(&c->name, sizeof(struct kd_outside_named), sizeof(struct kd_addr)) && ready;
    ready = kd_tally_init(&c->share, sizeof(struct kd_outside_share),
                          sizeof(((struct kd_outside_share *)0)->key)) &&
            ready;
    s = ready && c->pool != NULL ? scan_all(c, err) : KD_NO_MEMORY;
    if (s == KD_OK)
        s = kd_outside_sum(c);
    collect_done(c);
    free(c);
    if (s != KD_OK) {
        kd_outside_done(ret);
        return err->what != NULL ? s : kd_fail(err, s, 0, "what went outside");
    }
    kd_outside_judge(ask, ret);
    return KD_OK;
}

void kd_outside_done(struct kd_outside *r)
{
    free(r->place);
    free(r->detection);
    for (size_t k = 0; k < KD_OUTSIDE_KINDS; k++)
        free(r->item[k]);
    *r = (struct kd_outside){0};
}
