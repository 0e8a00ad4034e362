/* SPDX-License-Identifier: Apache-2.0 */
/* Mails that mean harm, and who followed them.  See phish.md. */
#include "findings.h"
#include "signs.h"

enum { KEY_FILES = 'f', KEY_LINK = 'l', KEY_WAVE = 'w', FILES = 8, CLIENTS = 8, BOXES = 64, NOTEWORTHY = 3 };

/* What the attachments' own records said, until the mail's record comes. */
struct seen_file {
    uint32_t sum; /* of the digest, or of the name when there is none */
    bool encrypted, macro, links;
    struct kd_word member, hidden;
};
struct files {
    uint32_t n;
    struct seen_file v[FILES];
};

/* A link that came by a suspicious mail. */
struct link {
    uint64_t at_us, id;
    uint32_t url; /* sum, when the host alone says nothing; else 0 */
    uint32_t weight;
    struct kd_word to, subject, sender;
    uint32_t n_clients;
    uint32_t clients[CLIENTS];
};

/* The same suspicious thing in many mailboxes. */
struct wave {
    uint64_t first_us;
    uint32_t n_boxes;
    uint32_t boxes[BOXES];
    struct kd_ids ids;
    bool told;
};

union state {
    struct files files;
    struct link link;
    struct wave wave;
};

static const struct kd_tunable tunables[] = {
    {"wave_boxes", 5, 2, 45, "mailboxes", "mailboxes that the same suspicious mail reaches from which it is told as one campaign",
     "同じ不審なメールを一つの攻撃として通知する宛先の数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* One mail as it is judged. */
struct mail {
    const struct kd_rec_smtp *m;
    bool from_outside, to_outside;
    uint32_t sender, link; /* signs */
    struct kd_bytes url;   /* the worst link */
    enum attachment attachment;
    const struct kd_mail_part *part; /* the worst one */
    uint32_t part_sum;
};

static unsigned sender_weight(const struct mail *v)
{
    return signs_weigh(v->sender, SENDER_SIGNS);
}

static unsigned link_weight(const struct mail *v)
{
    return signs_weigh(v->link, LINK_SIGNS);
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct mail *v, const struct kd_finding_kind *kind, int severity)
{
    uint8_t en[SIGNS_TEXT], ja[SIGNS_TEXT];
    const struct kd_rec_smtp *m = v->m;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_bytes sender = m->from.n > 0 ? m->from : m->mail_from;
    struct kd_bytes file = v->part != NULL && v->part->filename.n > 0 ? v->part->filename : kd_str("-");
    struct kd_key fold = kd_key_of(0);
    kd_key_text(&fold, kd_bytes_head(signs_mailbox(sender).address, 100));
    kd_key_text(&fold, kd_bytes_head(m->subject, 100));
    struct kd_fact facts[] = {
        {"sender", sender.n > 0 ? kd_bytes_head(sender, 200) : kd_str("-")},
        {"subject", m->subject.n > 0 ? kd_bytes_head(m->subject, 200) : kd_str("-")},
        {"to", m->rcpt_to.n > 0 ? kd_bytes_head(m->rcpt_to.v[0], 100) : kd_str("-")},
        {"file", kd_bytes_head(file, 200)},
        {"link", v->url.n > 0 ? kd_bytes_head(v->url, 200) : kd_str("-")},
        {"kind_en", kd_str(signs_attachment_en(v->attachment))},
        {"kind_ja", kd_str(signs_attachment_ja(v->attachment))},
        {"signs_en", signs_words(v->sender | v->link, false, en)},
        {"signs_ja", signs_words(v->sender | v->link, true, ja)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = s.host, .peer = s.peer, .user = m->rcpt_to.n > 0 ? m->rcpt_to.v[0] : m->auth_user,
                   .fold = kd_key_view(&fold), .severity = severity, .confidence = -1, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = &r->head->id, .n_record_ids = 1, .first_us = r->head->ts_us,
                   .last_us = r->head->ts_us,
               });
}

/* --- attachments --- */

static struct kd_key files_key(const struct kd_record *r)
{
    struct kd_key key = kd_key_of(KEY_FILES);
    kd_key_addr(&key, &r->head->src);
    for (unsigned i = 0; i < 4; i++)
        kd_key_u16(&key, (uint16_t)(r->head->flow_id >> (16 * i)));
    return key;
}

static uint32_t file_sum(struct kd_bytes sha256, struct kd_bytes name)
{
    return kd_sum_text(sha256.n > 0 ? sha256 : name);
}

static bool is_script_name(struct kd_bytes name)
{
    return kd_web_content_of_name(name) == KD_CONTENT_PROGRAM || kd_bytes_iends(name, kd_str(".js")) ||
           kd_bytes_iends(name, kd_str(".jse")) || kd_bytes_iends(name, kd_str(".py"));
}

static void file(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_file *f = r->body;
    if (r->head->app != KD_APP_SMTP && !kd_mail_is_fetched(r->head))
        return;
    struct kd_key key = files_key(r);
    struct files *files = kd_detect_state(d, kd_key_view(&key), NULL);
    if (files == NULL)
        return;
    struct seen_file *v = &files->v[files->n++ % FILES];
    *v = (struct seen_file){.sum = file_sum(f->sha256, f->filename), .encrypted = f->encrypted, .macro = f->macro,
                            .links = f->links.n > 0};
    kd_word_set(&v->hidden, f->hidden);
    const struct kd_file_member *m = f->members.v;
    for (size_t i = 0; i < f->members.n && v->member.n == 0; i++) {
        v->encrypted |= m[i].encrypted;
        if (is_script_name(m[i].filename) && !kd_bytes_istarts(f->magic, kd_str("ooxml")))
            kd_word_set(&v->member, m[i].filename);
    }
}

static void look_at_attachments(struct kd_detect *d, const struct kd_record *r, struct mail *v)
{
    const struct kd_mail_part *part = v->m->attachments.v;
    struct kd_key key = files_key(r);
    const struct files *files = kd_detect_peek(d, kd_key_view(&key));
    for (size_t i = 0; i < v->m->attachments.n; i++) {
        struct inside in = {0};
        uint32_t sum = file_sum(part[i].sha256, part[i].filename);
        for (uint32_t k = 0; files != NULL && k < kd_min_size(files->n, FILES); k++)
            if (files->v[k].sum == sum)
                in = (struct inside){.encrypted = files->v[k].encrypted, .macro = files->v[k].macro, .links = files->v[k].links,
                                     .member = kd_word_view(&files->v[k].member), .hidden = kd_word_view(&files->v[k].hidden)};
        enum attachment a = signs_of_attachment(&part[i], &in);
        if (a <= v->attachment && v->part != NULL)
            continue;
        v->attachment = a;
        v->part = &part[i];
        v->part_sum = sum;
    }
}

/* -1: nothing to tell. */
static int attachment_severity(const struct mail *v)
{
    unsigned sender = sender_weight(v);
    switch (v->attachment) {
    case ATTACHMENT_HARMLESS:
        return -1;
    case ATTACHMENT_OLD_DOCUMENT:
    case ATTACHMENT_PAGE:
    case ATTACHMENT_LOCKED:
        return !v->from_outside || sender < 2 ? -1 : sender >= 5 ? KD_MEDIUM : KD_LOW;
    case ATTACHMENT_MACRO:
        return !v->from_outside && !v->to_outside ? KD_INFO : sender >= 3 ? KD_MEDIUM : KD_LOW;
    case ATTACHMENT_IMAGE:
    case ATTACHMENT_PROGRAM:
        return v->from_outside || v->to_outside ? KD_MEDIUM : KD_LOW;
    case ATTACHMENT_DISGUISED:
        return KD_MEDIUM;
    }
    return -1;
}

/* --- links --- */

static void remember_link(struct kd_detect *d, const struct kd_record *r, const struct mail *v, struct kd_bytes url, uint32_t signs)
{
    struct kd_bytes host = kd_web_host(url);
    struct kd_key key = kd_key_of(KEY_LINK);
    kd_key_text(&key, kd_bytes_head(host, 120));
    struct link *l = kd_detect_state(d, kd_key_view(&key), NULL);
    if (l == NULL)
        return;
    bool shared = signs & (1u << LINK_HOSTED_FORM | 1u << LINK_SHORTENER);
    size_t scheme = kd_bytes_find(url, kd_str("://"));
    *l = (struct link){.at_us = r->head->ts_us, .id = r->head->id, .weight = signs_weigh(signs, LINK_SIGNS) + sender_weight(v)};
    l->url = shared && scheme != SIZE_MAX ? kd_sum_text(kd_bytes_from(url, scheme + 3)) : 0;
    kd_word_set(&l->to, v->m->rcpt_to.n > 0 ? v->m->rcpt_to.v[0] : kd_str("-"));
    kd_word_set(&l->subject, v->m->subject.n > 0 ? v->m->subject : kd_str("-"));
    kd_word_set(&l->sender, signs_mailbox(v->m->from).address);
}

static void look_at_link(struct kd_detect *d, const struct kd_record *r, struct mail *v, struct kd_bytes url, struct kd_bytes shown)
{
    uint32_t signs = signs_of_link(v->m, url, shown);
    unsigned weight = signs_weigh(signs, LINK_SIGNS);
    if (weight >= 2 && weight + sender_weight(v) >= 4 && !v->to_outside)
        remember_link(d, r, v, url, signs);
    if (weight <= link_weight(v) && v->url.n > 0)
        return;
    v->link = signs;
    v->url = url;
}

static void look_at_links(struct kd_detect *d, const struct kd_record *r, struct mail *v)
{
    struct kd_bytes none = {NULL, 0};
    for (size_t i = 0; i < v->m->urls.n; i++)
        look_at_link(d, r, v, v->m->urls.v[i], none);
    for (size_t i = 0; i < v->m->shown.n; i++) {
        size_t arrow = kd_bytes_find(v->m->shown.v[i], kd_str(" -> "));
        if (arrow != SIZE_MAX)
            look_at_link(d, r, v, kd_bytes_from(v->m->shown.v[i], arrow + 4), kd_bytes_head(v->m->shown.v[i], arrow));
    }
}

/* Somebody follows one: by its name in a request or a handshake. */
static void followed(struct kd_detect *d, const struct kd_record *r, struct kd_bytes host, struct kd_bytes url)
{
    struct kd_key key = kd_key_of(KEY_LINK);
    kd_key_text(&key, kd_bytes_head(host, 120));
    struct link *l = host.n == 0 ? NULL : kd_detect_peek(d, kd_key_view(&key));
    if (l == NULL || r->head->ts_us < l->at_us)
        return;
    uint8_t room[1200];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_bytes(&o, kd_bytes_head(host, 200));
    kd_out_bytes(&o, kd_bytes_head(url, 990));
    if (l->url != 0 && (url.n == 0 || kd_sum_text(kd_out_bytes_view(&o)) != l->url))
        return;
    uint32_t client = kd_sum_addr(&r->head->src);
    for (uint32_t i = 0; i < kd_min_size(l->n_clients, CLIENTS); i++)
        if (l->clients[i] == client)
            return;
    l->clients[l->n_clients++ % CLIENTS] = client;
    struct kd_fact facts[] = {
        {"link", host}, {"to", kd_word_view(&l->to)}, {"subject", kd_word_view(&l->subject)}, {"sender", kd_word_view(&l->sender)},
    };
    uint64_t ids[] = {l->id, r->head->id};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_PE_0045, .host = r->head->src, .peer = r->head->dst, .user = kd_word_view(&l->to),
                   .fold = kd_bytes_head(host, 100), .severity = l->weight >= 6 ? KD_MEDIUM : KD_LOW, .confidence = -1,
                   .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids, .n_record_ids = 2, .first_us = l->at_us,
                   .last_us = r->head->ts_us,
               });
}

/* --- campaigns --- */

static void count_wave(struct kd_detect *d, const struct kd_record *r, const struct mail *v)
{
    struct kd_key key = kd_key_of(KEY_WAVE);
    if (v->attachment > ATTACHMENT_OLD_DOCUMENT)
        kd_key_u16(&key, (uint16_t)v->part_sum), kd_key_u16(&key, (uint16_t)(v->part_sum >> 16));
    else if (link_weight(v) >= 2)
        kd_key_text(&key, kd_bytes_head(kd_web_host(v->url), 100));
    else
        kd_key_text(&key, kd_bytes_head(signs_mailbox(v->m->from).address, 60)), kd_key_text(&key, kd_bytes_head(v->m->subject, 60));
    struct wave *w = kd_detect_state(d, kd_key_view(&key), NULL);
    if (w == NULL)
        return;
    w->first_us = w->first_us == 0 ? r->head->ts_us : w->first_us;
    for (size_t i = 0; i < v->m->rcpt_to.n; i++)
        (void)kd_sums_add(w->boxes, BOXES, &w->n_boxes, kd_sum_text(v->m->rcpt_to.v[i]));
    kd_ids_add(&w->ids, r->head->id);
    if (w->told || (double)w->n_boxes < kd_detect_tunable(d, "wave_boxes"))
        return;
    w->told = true;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_digits boxes;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_fact facts[] = {
        {"boxes", kd_digits_of(&boxes, w->n_boxes)},
        {"sender", v->m->from.n > 0 ? kd_bytes_head(v->m->from, 200) : kd_str("-")},
        {"subject", v->m->subject.n > 0 ? kd_bytes_head(v->m->subject, 200) : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_PE_0044, .host = s.host, .peer = s.peer, .fold = kd_key_view(&key), .severity = -1,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(&w->ids, ids), .first_us = w->first_us, .last_us = r->head->ts_us,
               });
}

/* --- one mail --- */

/* A user passes a suspicious mail on to those who collect such. */
static bool is_report(const struct kd_rec_smtp *m)
{
    static const char *const words[] = {"spam", "phish", "meiwaku", "junk"};
    struct kd_bytes from = kd_detect_zone(signs_mailbox(m->from).domain);
    for (size_t i = 0; i < m->rcpt_to.n; i++) {
        struct mailbox to = signs_mailbox(m->rcpt_to.v[i]);
        for (size_t k = 0; k < KD_COUNT(words); k++)
            if (kd_bytes_icontains(to.local, kd_str(words[k])) && from.n > 0 && !kd_bytes_ieq(kd_detect_zone(to.domain), from))
                return true;
    }
    return false;
}

static void mail(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smtp *m = r->body;
    bool fetched = kd_mail_is_fetched(r->head);
    const struct kd_addr *from = fetched ? &r->head->dst : &r->head->src, *to = fetched ? &r->head->src : &r->head->dst;
    struct mail v = {.m = m, .from_outside = !kd_detect_is_inside(d, from), .to_outside = !kd_detect_is_inside(d, to)};
    if (m->from.n == 0 && m->attachments.n == 0 && m->urls.n == 0)
        return;
    if (v.from_outside && v.to_outside)
        v.to_outside = false; /* neither is of the site's nets as configured: taken as mail that arrives */
    if (v.from_outside)
        v.sender = signs_of_sender(m, true);
    look_at_attachments(d, r, &v);
    look_at_links(d, r, &v);
    unsigned sender = sender_weight(&v), link = link_weight(&v);
    int by_attachment = attachment_severity(&v);
    bool by_link = v.from_outside && link >= 1 && link + sender >= 5;
    if (by_attachment >= 0)
        tell(d, r, &v, &kd_finding_KD_PE_0040, by_attachment);
    if (by_link)
        tell(d, r, &v, &kd_finding_KD_PE_0043, link >= 4 && link + sender >= 7 ? KD_MEDIUM : KD_LOW);
    bool danger = by_attachment >= 0 && v.attachment >= ATTACHMENT_MACRO;
    if (v.from_outside && (sender >= 5 || (sender >= 2 && danger)))
        tell(d, r, &v, &kd_finding_KD_PE_0042, sender >= 8 ? KD_MEDIUM : KD_LOW);
    if (!v.from_outside && v.to_outside && is_report(m))
        tell(d, r, &v, &kd_finding_KD_PE_0048, -1);
    bool noteworthy = by_attachment > KD_INFO || by_link || sender + link >= NOTEWORTHY + 2;
    if (v.from_outside && noteworthy)
        count_wave(d, r, &v);
}

static void phish_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    const struct kd_rec_tls *t = r->body;
    switch (r->head->type) {
    case KD_REC_SMTP:
        mail(d, r);
        break;
    case KD_REC_FILE:
        file(d, r);
        break;
    case KD_REC_HTTP:
        followed(d, r, h->hostname, h->url);
        break;
    default:
        followed(d, r, t->sni, kd_str(""));
        break;
    }
}

const struct kd_detector kd_detector_phish = {
    .name = "phish",
    .summary_en = "mails with dangerous attachments, deceptive links or forged senders, and who followed them",
    .summary_ja = "危険な添付・偽リンク・なりすましのメールと、それを開いた人",
    .wants = (uint64_t)1 << KD_REC_SMTP | (uint64_t)1 << KD_REC_FILE | (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_TLS,
    .key_state_bytes = sizeof(union state),
    .max_keys = 8000,
    .idle_us = 7 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = phish_record,
};
