/* SPDX-License-Identifier: Apache-2.0 */
/* Files that fit YARA rules.  See yara.md. */
#include "detect/common.h"
#include "findings.h"

enum kind { MALWARE, TOOL, WEBSHELL, LURE, OTHER };

/* Where a file goes. */
struct way {
    struct kd_addr from, to;
    bool mail_up; /* in a mail, to a mail server */
    bool from_inside, to_inside;
};

static bool has_word(struct kd_bytes text, const char *words)
{
    struct kd_bytes rest = kd_str(words);
    while (rest.n > 0)
        if (kd_bytes_icontains(text, kd_bytes_cut(&rest, ' ')))
            return true;
    return false;
}

static bool has_tag(const struct kd_rec_yara *y, const char *words)
{
    for (size_t i = 0; i < y->tags.n; i++) {
        struct kd_bytes rest = kd_str(words);
        while (rest.n > 0)
            if (kd_bytes_ieq(y->tags.v[i], kd_bytes_cut(&rest, ' ')))
                return true;
    }
    return false;
}

static enum kind kind_of(const struct kd_rec_yara *y)
{
    static const char malware[] = "malware ransomware trojan backdoor infostealer stealer downloader dropper loader worm virus "
                                  "rootkit spyware keylogger botnet wiper";
    struct kd_bytes c = y->category;
    if (has_word(c, "webshell") || has_tag(y, "webshell"))
        return WEBSHELL;
    if (has_word(c, "hacktool hktl pua riskware dual-use") || kd_bytes_ieq(c, kd_str("tool")) || has_tag(y, "hacktool hktl tool"))
        return TOOL;
    if (has_word(c, "lure phish maldoc document script suspicious") || has_tag(y, "lure suspicious"))
        return LURE;
    if (has_word(c, "info certificate library packer") && y->family.n == 0)
        return OTHER;
    return y->family.n > 0 || has_word(c, malware) || has_tag(y, malware) ? MALWARE : OTHER;
}

static struct way way_of(const struct kd_detect *d, const struct kd_rec_head *h, bool to_server)
{
    struct way w = {.from = to_server ? h->src : h->dst, .to = to_server ? h->dst : h->src};
    w.mail_up = h->app == KD_APP_SMTP && to_server;
    w.from_inside = kd_detect_is_inside(d, &w.from);
    w.to_inside = kd_detect_is_inside(d, &w.to);
    return w;
}

struct verdict {
    const struct kd_finding_kind *kind;
    int severity; /* -1: the kind's own */
    bool host_sends;
    const char *technique; /* where the rule names none */
};

static struct verdict judge(enum kind kind, const struct way *w, int author)
{
    bool spreads = w->from_inside && !w->mail_up && (w->to_inside || kind == MALWARE);
    const char *moved = w->from_inside && w->to_inside ? "T1570" : "T1105";
    bool weak = author >= 0 && author <= KD_LOW;
    switch (kind) {
    case MALWARE:
        if (w->mail_up)
            return (struct verdict){&kd_finding_KD_SG_0021, weak ? KD_LOW : -1, w->from_inside, "T1566.001"};
        if (spreads)
            return (struct verdict){&kd_finding_KD_SG_0022, weak ? KD_MEDIUM : -1, true,
                                    w->to_inside ? "T1570" : NULL};
        return (struct verdict){&kd_finding_KD_SG_0020, weak ? KD_MEDIUM : -1, false, "T1105"};
    case TOOL:
        return (struct verdict){&kd_finding_KD_SG_0023, weak || w->mail_up ? KD_LOW : -1, spreads, moved};
    case WEBSHELL:
        return (struct verdict){&kd_finding_KD_SG_0024, w->to_inside && !w->mail_up ? -1 : KD_MEDIUM, !w->to_inside,
                                w->mail_up ? NULL : "T1505.003"};
    case LURE:
        return (struct verdict){&kd_finding_KD_SG_0025, author >= KD_HIGH && !w->from_inside ? KD_MEDIUM
                                                        : author >= KD_MEDIUM               ? -1
                                                                                            : KD_INFO,
                                false, NULL};
    case OTHER:
        break;
    }
    return (struct verdict){&kd_finding_KD_SG_0026, -1, false, NULL};
}

static struct kd_bytes or_dash(struct kd_bytes text)
{
    return text.n > 0 ? kd_bytes_head(text, 200) : kd_str("-");
}

static void yara_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_yara *y = r->body;
    struct way w = way_of(d, r->head, y->to_server);
    struct verdict v = judge(kind_of(y), &w, y->severity.n == 0 ? -1 : (int)kd_severity_of(y->severity));
    char sum[2 * 32 + 1], other[48], technique[16];
    struct kd_out digest = kd_out_of(sum, sizeof(sum)), address = kd_out_of(other, sizeof(other));
    struct kd_addr host = v.host_sends ? w.from : w.to, peer = v.host_sends ? w.to : w.from;
    if (!kd_detect_is_inside(d, &host) && kd_detect_is_inside(d, &peer)) { /* tell of the one that is ours */
        struct kd_addr swap = host;
        host = peer;
        peer = swap;
    }
    kd_out_hex(&digest, kd_bytes_head(y->sha256, 32));
    kd_out_addr(&address, &peer);
    struct kd_key fold = kd_key_of(0);
    kd_key_text(&fold, kd_out_bytes_view(&digest));
    snprintf(technique, sizeof(technique), "%.*s", (int)kd_min_size(y->technique.n, 12), (const char *)y->technique.p);
    const char *const techniques[] = {y->technique.n > 0 ? technique : v.technique};
    struct kd_bytes what = y->family.n > 0 ? y->family : y->rule;
    struct kd_fact facts[] = {
        {"what", or_dash(what)},       {"rule", or_dash(y->rule)},
        {"file", or_dash(y->filename)}, {"type", or_dash(y->magic)},
        {"says", or_dash(y->description)}, {"sha256", kd_out_bytes_view(&digest)},
        {"says_ja", or_dash(y->description_ja.n > 0 ? y->description_ja : y->description)},
        {"other", address.n > 0 ? kd_out_bytes_view(&address) : kd_str("-")},
    };
    const uint64_t ids[] = {y->file_id, r->head->id};
    kd_find(d, &(struct kd_finding){
                   .kind = v.kind, .host = host, .peer = peer, .fold = kd_key_view(&fold), .severity = v.severity,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = KD_COUNT(ids), .first_us = r->head->ts_us, .last_us = r->head->ts_us,
                   .technique = techniques, .n_techniques = techniques[0] != NULL ? 1 : 0,
               });
}

const struct kd_detector kd_detector_yara = {
    .name = "yara",
    .summary_en = "files that fit YARA rules",
    .summary_ja = "YARA ルールに一致したファイル",
    .wants = (uint64_t)1 << KD_REC_YARA,
    .key_state_bytes = 8,
    .max_keys = 1,
    .record = yara_record,
};
