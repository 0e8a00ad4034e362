/* SPDX-License-Identifier: Apache-2.0 */
/* Things that join hosts: outside places, files, mails; and who met them. */
#include "base/hash.h"
#include "brain/internal.h"
#include "brain/text.h"

enum {
    FILE_LEAST = 4096, /* smaller answers (pixels, empty pages) are the same everywhere */
    ADDR_KEY = 0xff    /* first byte of the key of a place that is an address */
};

static void set_text(struct kd_thing *t, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(t->text, sizeof(t->text));
    kd_text_clean(&o, text, sizeof(t->text));
    t->n = (uint8_t)o.n;
    for (size_t i = 0; i < o.n; i++)
        t->text[i] = kd_ascii_lower(t->text[i]);
}

static bool thing_of_place(const struct kd_brain *b, struct kd_bytes name, struct kd_thing *ret)
{
    struct kd_addr a;
    *ret = (struct kd_thing){.kind = KD_THING_PLACE};
    set_text(ret, name);
    if (kd_addr_parse(name, &a)) {
        ret->is_addr = true;
        ret->addr = a;
        return !kd_hosts_inside(&b->hosts, &a);
    }
    return kd_bytes_find_byte(name, '.') != SIZE_MAX;
}

static bool thing_of_addr(const struct kd_brain *b, const struct kd_addr *a, struct kd_thing *ret)
{
    if (kd_addr_is_none(a) || kd_hosts_inside(&b->hosts, a) || kd_addr_is_multicast(a))
        return false;
    *ret = (struct kd_thing){.kind = KD_THING_PLACE, .is_addr = true, .addr = *a};
    struct kd_out o = kd_out_of(ret->text, sizeof(ret->text));
    kd_out_addr(&o, a);
    ret->n = (uint8_t)o.n;
    return true;
}

static bool thing_of_file(struct kd_bytes sha256, struct kd_bytes name, struct kd_thing *ret)
{
    if (sha256.n != KD_SHA256_BYTES)
        return false;
    *ret = (struct kd_thing){.kind = KD_THING_FILE};
    struct kd_out o = kd_out_of(ret->text, sizeof(ret->text));
    kd_out_hex(&o, sha256);
    ret->n = (uint8_t)o.n;
    struct kd_out on = kd_out_of(ret->name, sizeof(ret->name));
    kd_text_clean(&on, name, sizeof(ret->name));
    ret->n_name = (uint8_t)on.n;
    return true;
}

static void add(struct kd_step *t, bool is, const struct kd_thing *thing)
{
    if (!is || thing->n == 0 || t->n_things == KD_STEP_THINGS)
        return;
    for (unsigned i = 0; i < t->n_things; i++)
        if (t->things[i].kind == thing->kind && kd_bytes_eq(kd_thing_view(&t->things[i]), kd_thing_view(thing)))
            return;
    t->things[t->n_things++] = *thing;
}

/* The host's part of "scheme://host:port/path". */
static struct kd_bytes host_of_url(struct kd_bytes url)
{
    size_t at = kd_bytes_find_byte(url, '/');
    if (at != SIZE_MAX && at > 0 && url.p[at - 1] == ':' && kd_bytes_at(url, at + 1) == '/')
        url = kd_bytes_from(url, at + 2);
    url = kd_bytes_head(url, kd_min_size(url.n, kd_bytes_find_byte(url, '/')));
    size_t user = kd_bytes_find_byte(url, '@');
    url = user == SIZE_MAX ? url : kd_bytes_from(url, user + 1);
    return kd_bytes_head(url, kd_min_size(url.n, kd_bytes_find_byte(url, ':')));
}

static void mail(const struct kd_brain *b, const struct kd_rec_smtp *m, struct kd_step *t)
{
    struct kd_thing thing;
    const struct kd_mail_part *parts = m->attachments.v;
    if (m->attachments.n > 0)
        add(t, thing_of_file(parts[0].sha256, parts[0].filename, &thing), &thing);
    if (m->urls.n > 0)
        add(t, thing_of_place(b, host_of_url(m->urls.v[0]), &thing), &thing);
    thing = (struct kd_thing){.kind = KD_THING_MAIL};
    set_text(&thing, m->mail_from.n > 0 ? m->mail_from : m->from);
    add(t, true, &thing);
}

/* To the outside, itself or through a proxy (RFC 9112 section 3.2.2: the whole address is then asked for). */
static bool goes_out(const struct kd_brain *b, const struct kd_record *r)
{
    bool proxied = r->head->type == KD_REC_HTTP &&
                   kd_bytes_istarts(((const struct kd_rec_http *)r->body)->url, kd_str("http://"));
    return proxied || !kd_hosts_inside(&b->hosts, &r->head->dst) || !kd_hosts_inside(&b->hosts, &r->head->src);
}

/* The name that was offered, or the last part of the path. */
static struct kd_bytes file_name(const struct kd_rec_http *h)
{
    if (h->content_disposition.n > 0)
        return h->content_disposition;
    struct kd_bytes path = kd_bytes_head(h->url, kd_min_size(h->url.n, kd_bytes_find_byte(h->url, '?')));
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/')
            return kd_bytes_from(path, i);
    return path;
}

/* Of names that are made up as they go, none is the place. */
static bool is_generated(const struct kd_step *t)
{
    for (unsigned i = 0; i < t->n_techniques; i++)
        if (strncmp(t->technique[i], "T1568", 5) == 0)
            return true;
    return false;
}

void kd_things_of(const struct kd_brain *b, const struct kd_rec_alert *a, const struct kd_record *r,
                  struct kd_step *t)
{
    struct kd_thing thing;
    unsigned type = r == NULL ? KD_REC_NONE : r->head->type;
    if (type == KD_REC_HTTP) {
        const struct kd_rec_http *h = r->body;
        add(t, goes_out(b, r) && thing_of_place(b, h->hostname, &thing), &thing);
        if (h->length >= FILE_LEAST)
            add(t, thing_of_file(h->response_sha256, file_name(h), &thing), &thing);
    } else if (type == KD_REC_TLS) {
        add(t, goes_out(b, r) && thing_of_place(b, ((const struct kd_rec_tls *)r->body)->sni, &thing), &thing);
    } else if (type == KD_REC_DNS) {
        struct kd_bytes zone = kd_detect_zone(((const struct kd_rec_dns *)r->body)->rrname);
        if (!is_generated(t))
            add(t, thing_of_place(b, zone, &thing), &thing);
        return; /* the resolver that was asked is not what it is about */
    } else if (type == KD_REC_FILE) {
        const struct kd_rec_file *f = r->body;
        add(t, thing_of_file(f->sha256, f->filename, &thing), &thing);
    } else if (type == KD_REC_SMTP) {
        mail(b, r->body, t);
        return;
    }
    add(t, thing_of_addr(b, &a->peer, &thing), &thing);
}

static struct kd_bytes key_of(const struct kd_thing *t, uint8_t room[KD_TABLE_KEY_MAX])
{
    struct kd_out o = kd_out_of(room, KD_TABLE_KEY_MAX);
    kd_out_u8(&o, t->is_addr ? ADDR_KEY : t->kind);
    kd_out_bytes(&o, t->is_addr ? kd_bytes_of(t->addr.b, sizeof(t->addr.b)) : kd_thing_view(t));
    return kd_out_bytes_view(&o);
}

struct kd_thing_seen *kd_thing_find(const struct kd_stories *s, const struct kd_thing *thing)
{
    uint8_t room[KD_TABLE_KEY_MAX];
    return kd_table_peek(&s->things, key_of(thing, room));
}

const struct kd_step *kd_thing_mail(const struct kd_stories *s, const struct kd_thing *thing)
{
    uint8_t room[KD_TABLE_KEY_MAX];
    return kd_table_peek(&s->mails, key_of(thing, room));
}

/* True when this host had not met it before. */
static bool meets(struct kd_thing_seen *seen, const struct kd_addr *a, uint64_t us, uint64_t record, bool told)
{
    for (unsigned i = 0; i < seen->n_hosts; i++)
        if (kd_addr_eq(&seen->hosts[i].addr, a)) {
            seen->hosts[i].told |= told;
            return false;
        }
    if (seen->n_hosts == KD_THING_HOSTS)
        return false;
    unsigned i = seen->n_hosts++;
    seen->hosts[i].addr = *a;
    seen->hosts[i].first_us = us;
    seen->hosts[i].record = record;
    seen->hosts[i].told = told;
    return true;
}

void kd_things_learn(struct kd_brain *b, const struct kd_step *t)
{
    struct kd_stories *s = &b->stories;
    for (unsigned i = 0; i < t->n_things && kd_step_weighs(t); i++) {
        uint8_t room[KD_TABLE_KEY_MAX];
        struct kd_bytes key = key_of(&t->things[i], room);
        bool is_new;
        struct kd_thing_seen *seen = kd_table_get(&s->things, key, b->now_us, &is_new);
        if (seen == NULL)
            return;
        if (is_new) {
            seen->thing = t->things[i];
            seen->first_us = t->first_us;
        }
        if (!t->carried) {
            meets(seen, &t->host, t->first_us, t->n_records > 0 ? t->records[0] : 0, true);
            continue;
        }
        if (t->things[i].kind == KD_THING_MAIL)
            continue; /* a sender is met by everyone he wrote to */
        seen->mailed = true;
        struct kd_step *kept = kd_table_get(&s->mails, key, b->now_us, NULL);
        if (kept != NULL)
            *kept = *t;
    }
}

/* The host will tell of the mail if it comes to show more. */
static void remember_mail(struct kd_brain *b, const struct kd_thing *thing, const struct kd_addr *a, uint64_t us,
                          uint64_t record)
{
    bool is_new;
    struct kd_trail *trail = kd_table_get(&b->stories.trails, kd_bytes_of(a->b, sizeof(a->b)), b->now_us, &is_new);
    if (trail == NULL || trail->n_met == KD_TRAIL_MET)
        return;
    trail->host = *a;
    trail->met[trail->n_met++] = (struct kd_met){*thing, us, record};
    kd_story_due(b, a);
}

static void met(struct kd_brain *b, const struct kd_record *r, struct kd_thing_seen *seen)
{
    if (seen == NULL)
        return;
    const struct kd_addr *a = &r->head->src;
    if (!kd_hosts_inside(&b->hosts, a))
        a = &r->head->dst;
    if (!kd_hosts_inside(&b->hosts, a) || !meets(seen, a, r->head->ts_us, r->head->id, false))
        return;
    if (seen->mailed)
        remember_mail(b, &seen->thing, a, r->head->ts_us, r->head->id);
    for (unsigned i = 0; i < seen->n_hosts; i++) {
        struct kd_trail *trail = seen->hosts[i].told ? kd_trail_find(&b->stories, &seen->hosts[i].addr) : NULL;
        if (trail != NULL && trail->story != 0)
            kd_story_touch(&b->stories, trail->story);
    }
}

static void met_if(struct kd_brain *b, const struct kd_record *r, bool is, const struct kd_thing *thing)
{
    met(b, r, is ? kd_thing_find(&b->stories, thing) : NULL);
}

/* There is one for every conversation, so no text is made of the address. */
static struct kd_thing_seen *find_addr(const struct kd_stories *s, const struct kd_addr *a)
{
    uint8_t key[1 + sizeof(a->b)] = {ADDR_KEY};
    memcpy(key + 1, a->b, sizeof(a->b));
    return kd_table_peek(&s->things, kd_bytes_of(key, sizeof(key)));
}

void kd_story_record(struct kd_brain *b, const struct kd_record *r)
{
    if (b->stories.things.n == 0)
        return;
    struct kd_thing thing;
    switch (r->head->type) {
    case KD_REC_FLOW:
        if (((const struct kd_rec_flow *)r->body)->data_toclient > 0)
            met(b, r, find_addr(&b->stories, &r->head->dst));
        break;
    case KD_REC_HTTP: {
        const struct kd_rec_http *h = r->body;
        met_if(b, r, thing_of_place(b, h->hostname, &thing), &thing);
        met_if(b, r, h->length >= FILE_LEAST && thing_of_file(h->response_sha256, kd_str(""), &thing), &thing);
        break;
    }
    case KD_REC_TLS:
        met_if(b, r, thing_of_place(b, ((const struct kd_rec_tls *)r->body)->sni, &thing), &thing);
        break;
    case KD_REC_FILE: {
        const struct kd_rec_file *f = r->body;
        met_if(b, r, thing_of_file(f->sha256, f->filename, &thing), &thing);
        break;
    }
    default:
        break;
    }
}
