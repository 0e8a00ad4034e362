/* SPDX-License-Identifier: Apache-2.0 */
/* Contact with the site's listed known-bad objects.  See intel.md. */
#include "detect/common.h"
#include "findings.h"

enum { URL_MAX = 2048 };

struct hit {
    const char *kind;
    struct kd_bytes value; /* for people */
    struct kd_listed l;
};

/* What a list of others may make of a contact: no more than it is sure of, and an address alone, which many may
 * share, is never high unless whoever subscribed to the list said so. */
static int at_most(const struct hit *hit)
{
    enum { SURE = 75, LIKELY = 50 };
    if (hit->l.list.n == 0)
        return KD_CRITICAL;
    bool address = strcmp(hit->kind, "ip") == 0;
    int most = hit->l.severity >= 0 ? hit->l.severity : address ? KD_MEDIUM : KD_HIGH;
    int sure = hit->l.confidence >= SURE ? KD_CRITICAL : hit->l.confidence >= LIKELY ? KD_MEDIUM : KD_LOW;
    return most < sure ? most : sure;
}

static struct kd_bytes remark(const struct hit *hit, struct kd_out *o)
{
    if (hit->l.list.n == 0)
        return hit->l.note.n > 0 ? hit->l.note : kd_str("-");
    kd_out_bytes(o, hit->l.note);
    kd_out_str(o, hit->l.note.n > 0 ? " [" : "[");
    kd_out_bytes(o, hit->l.list);
    kd_out_u8(o, ']');
    return kd_out_bytes_view(o);
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind,
                 const struct hit *hit, int severity)
{
    uint8_t room[400];
    struct kd_out note = kd_out_of(room, sizeof(room));
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_text(&fold, kd_bytes_head(hit->value, 200));
    struct kd_fact facts[] = {
        {"kind", kd_str(hit->kind)},
        {"object", hit->value},
        {"note", remark(hit, &note)},
    };
    int most = at_most(hit);
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = s.host, .peer = s.peer, .fold = kd_key_view(&fold),
                   .severity = severity < most ? severity : most,
                   .confidence = hit->l.list.n > 0 ? hit->l.confidence : -1, .facts = facts,
                   .n_facts = KD_COUNT(facts), .first_us = r->head->ts_us, .last_us = r->head->ts_us,
                   .object = hit->l.number,
               });
}

static bool listed(struct kd_detect *d, const char *kind, struct kd_bytes value, struct kd_bytes shown, struct hit *ret)
{
    if (value.n == 0 || !kd_detect_listed(d, kind, value, &ret->l))
        return false;
    ret->kind = kind;
    ret->value = shown;
    return true;
}

static void address(struct kd_detect *d, const struct kd_record *r, const struct kd_addr *a, bool spoke, bool begun_by_it)
{
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    struct hit hit;
    if (!listed(d, "ip", kd_bytes_of(a->b, sizeof(a->b)), kd_str(""), &hit))
        return;
    kd_out_addr(&o, a);
    hit.value = kd_out_bytes_view(&o);
    int severity = begun_by_it ? (spoke ? KD_MEDIUM : KD_LOW) : spoke ? KD_HIGH : KD_MEDIUM;
    tell(d, r, begun_by_it ? &kd_finding_KD_PE_0001 : &kd_finding_KD_CC_0001, &hit, severity);
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    bool spoke = f->data_toserver > 0 && f->data_toclient > 0;
    address(d, r, &r->head->src, spoke, true);
    address(d, r, &r->head->dst, spoke, false);
}

static void dns(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dns *q = r->body;
    struct hit hit;
    int severity = kd_asks_for_others(d, &r->head->src) ? KD_LOW : KD_MEDIUM;
    if (listed(d, "domain", q->rrname, q->rrname, &hit))
        tell(d, r, &kd_finding_KD_CC_0001, &hit, severity);
    const struct kd_dns_rr *rr = q->answers.v;
    for (size_t i = 0; i < q->answers.n; i++) {
        struct kd_addr a;
        bool is_address = kd_bytes_eq_str(rr[i].rrtype, "A") || kd_bytes_eq_str(rr[i].rrtype, "AAAA");
        if (is_address && kd_addr_parse(rr[i].rdata, &a) &&
            listed(d, "ip", kd_bytes_of(a.b, sizeof(a.b)), rr[i].rdata, &hit))
            tell(d, r, &kd_finding_KD_CC_0001, &hit, severity);
    }
}

/* As the link is listed: with the port where that is not the usual one, and as it was listed before ports were. */
static bool link_listed(struct kd_detect *d, const struct kd_rec_http *h, struct kd_bytes with_port, struct kd_bytes url,
                        struct hit *hit)
{
    struct kd_bytes shown = h->http_port != 0 ? with_port : url;
    return listed(d, "url", with_port, shown, hit) || (h->http_port != 0 && listed(d, "url", url, shown, hit));
}

static void http(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    struct hit hit;
    uint8_t room[URL_MAX], ported[URL_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room)), p = kd_out_of(ported, sizeof(ported));
    kd_out_bytes(&o, h->hostname);
    kd_out_bytes(&o, h->url);
    kd_out_bytes(&p, h->hostname);
    if (h->http_port != 0)
        kd_out_fmt(&p, ":%u", h->http_port);
    kd_out_bytes(&p, h->url);
    if (listed(d, "domain", h->hostname, h->hostname, &hit) ||
        (kd_out_ok(&o) && kd_out_ok(&p) && link_listed(d, h, kd_out_bytes_view(&p), kd_out_bytes_view(&o), &hit)))
        tell(d, r, &kd_finding_KD_CC_0001, &hit, h->status != 0 ? KD_HIGH : KD_MEDIUM);
    if (h->response_sha256.n == 32 && listed(d, "sha256", h->response_sha256, h->url, &hit))
        tell(d, r, &kd_finding_KD_PE_0002, &hit, KD_HIGH);
}

/* By fingerprint, or by number and issuer, which authorities and lists of revoked ones use. */
static bool certificate_listed(struct kd_detect *d, const struct kd_rec_tls *t, struct hit *hit)
{
    uint8_t room[URL_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_bytes shown = t->subject.n > 0 ? t->subject : t->fingerprint.n > 0 ? t->fingerprint : t->issuerdn;
    if (listed(d, "cert", t->fingerprint, shown, hit) || listed(d, "cert", t->fingerprint_sha256, shown, hit))
        return true;
    if (t->serial.n == 0 || t->issuerdn.n == 0)
        return false;
    kd_out_str(&o, "serial:");
    kd_out_bytes(&o, t->serial);
    kd_out_u8(&o, ' ');
    kd_out_bytes(&o, t->issuerdn);
    return kd_out_ok(&o) && listed(d, "cert", kd_out_bytes_view(&o), shown, hit);
}

static void tls(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_tls *t = r->body;
    struct hit hit;
    if (listed(d, "domain", t->sni, t->sni, &hit))
        tell(d, r, &kd_finding_KD_CC_0001, &hit, KD_HIGH);
    if (certificate_listed(d, t, &hit))
        tell(d, r, &kd_finding_KD_CC_0001, &hit, KD_HIGH);
    if (listed(d, "ja3", t->ja3_hash, t->ja3_hash, &hit) || listed(d, "ja4", t->ja4, t->ja4, &hit))
        tell(d, r, &kd_finding_KD_CC_0002, &hit, KD_MEDIUM);
}

static void hashes(struct kd_detect *d, const struct kd_record *r, struct kd_bytes name, struct kd_bytes md5,
                   struct kd_bytes sha1, struct kd_bytes sha256)
{
    struct hit hit;
    name = name.n > 0 ? name : kd_str("-");
    if (listed(d, "sha256", sha256, name, &hit) || listed(d, "sha1", sha1, name, &hit) ||
        listed(d, "md5", md5, name, &hit))
        tell(d, r, &kd_finding_KD_PE_0002, &hit, KD_HIGH);
}

/* The address in "Name <address>". */
static struct kd_bytes bare_address(struct kd_bytes v)
{
    size_t at = kd_bytes_find_byte(v, '<');
    v = at == SIZE_MAX ? v : kd_bytes_from(v, at + 1);
    return kd_bytes_trim(kd_bytes_head(v, kd_bytes_find_byte(v, '>')));
}

static void sender(struct kd_detect *d, const struct kd_record *r, const struct kd_rec_smtp *m)
{
    struct kd_bytes each[] = {bare_address(m->mail_from), bare_address(m->from), bare_address(m->reply_to)};
    for (size_t i = 0; i < KD_COUNT(each); i++) {
        struct hit hit;
        if (!listed(d, "mail", each[i], each[i], &hit))
            continue;
        tell(d, r, &kd_finding_KD_PE_0003, &hit, KD_MEDIUM);
        return;
    }
}

static void mail(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smtp *m = r->body;
    const struct kd_mail_part *part = m->attachments.v;
    sender(d, r, m);
    for (size_t i = 0; i < m->attachments.n; i++)
        hashes(d, r, part[i].filename, part[i].md5, part[i].sha1, part[i].sha256);
    for (size_t i = 0; i < m->urls.n; i++) {
        struct hit hit;
        struct kd_bytes url = m->urls.v[i];
        size_t at = kd_bytes_find(url, kd_str("://"));
        struct kd_bytes rest = at == SIZE_MAX ? url : kd_bytes_from(url, at + 3);
        struct kd_bytes host = kd_bytes_cut(&rest, '/');
        host = kd_bytes_cut(&host, ':');
        if (listed(d, "url", url, url, &hit) || listed(d, "domain", host, url, &hit))
            tell(d, r, &kd_finding_KD_PE_0003, &hit, KD_MEDIUM);
    }
}

static void intel_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_file *f = r->body;
    switch (r->head->type) {
    case KD_REC_FLOW:
        flow(d, r);
        break;
    case KD_REC_DNS:
        dns(d, r);
        break;
    case KD_REC_HTTP:
        http(d, r);
        break;
    case KD_REC_TLS:
        tls(d, r);
        break;
    case KD_REC_SMTP:
        mail(d, r);
        break;
    default:
        hashes(d, r, f->filename, f->md5, f->sha1, f->sha256);
        break;
    }
}

const struct kd_detector kd_detector_intel = {
    .name = "intel",
    .summary_en = "contact with listed addresses, names, links, files and fingerprints",
    .summary_ja = "登録済みの不審なアドレス、名前、リンク、ファイル、指紋との接触",
    .wants = (uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_DNS | (uint64_t)1 << KD_REC_HTTP |
             (uint64_t)1 << KD_REC_TLS | (uint64_t)1 << KD_REC_SMTP | (uint64_t)1 << KD_REC_FILE,
    .key_state_bytes = 1,
    .max_keys = 16,
    .record = intel_record,
};
