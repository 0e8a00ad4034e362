/* SPDX-License-Identifier: Apache-2.0 */
/* Host records: who a host is and how bad it stands with it. */
#include "brain/internal.h"
#include "brain/text.h"

static struct kd_marks *marks_of(struct kd_brain *b, const struct kd_addr *a)
{
    return kd_table_peek(&b->marks, kd_bytes_of(a->b, sizeof(a->b)));
}

/* Why a host has its score, and when that begins to fade. */
struct reason_texts {
    uint8_t en[KD_REASONS_MAX][160], ja[KD_REASONS_MAX][240];
};

static void list_reasons(const struct kd_brain *b, const struct kd_mark *const *marks, size_t n,
                         struct reason_texts *t, struct kd_host_reason reasons[KD_REASONS_MAX])
{
    for (size_t i = 0; i < n; i++) {
        const struct kd_finding_kind *k = marks[i]->kind;
        struct kd_out en = kd_out_of(t->en[i], sizeof(t->en[i])), ja = kd_out_of(t->ja[i], sizeof(t->ja[i]));
        uint64_t fades_us = marks[i]->last_us + kd_mark_step_us(marks[i]);
        kd_out_fmt(&en, "%s (weighs less from ", k->name_en);
        kd_text_time(&en, fades_us, b->zone_s);
        kd_out_str(&en, " if it does not happen again)");
        kd_out_fmt(&ja, "%s(再発しなければ ", k->name_ja);
        kd_text_time(&ja, fades_us, b->zone_s);
        kd_out_str(&ja, " から軽くなります)");
        reasons[i] = (struct kd_host_reason){
            .score = (uint8_t)kd_mark_score(marks[i], b->now_us),
            .detection_id = kd_str(k->id),
            .text_en = kd_out_bytes_view(&en),
            .text_ja = kd_out_bytes_view(&ja),
        };
    }
}

static void tell_host(void *arg, struct kd_host *host)
{
    struct kd_brain *b = arg;
    struct kd_host_reason reasons[KD_REASONS_MAX];
    struct reason_texts texts;
    const struct kd_mark *marks[KD_REASONS_MAX];
    const struct kd_marks *m = marks_of(b, &host->addr);
    size_t n = 0;
    if (m != NULL)
        host->severity = (uint8_t)kd_marks_score(m, b->now_us, marks, &n);
    list_reasons(b, marks, n, &texts, reasons);
    struct kd_rec_host r = {
        .address = host->addr, .mac = host->mac, .name = kd_text_view(&host->name), .user = kd_text_view(&host->user),
        .os = kd_text_view(&host->os), .role = kd_str(kd_role_text(host->roles)),
        .source = kd_str(kd_source_text((enum kd_source)host->last_from)), .severity = host->severity,
        .reasons = {reasons, n}, .first_us = host->first_us, .last_us = host->last_us,
    };
    struct kd_bytes roles[KD_DUTY_BITS];
    size_t n_roles = 0;
    for (unsigned bit = 0; bit < KD_DUTY_BITS; bit++)
        if ((host->roles >> bit & 1) != 0)
            roles[n_roles++] = kd_str(kd_duty_name(bit));
    r.roles = (struct kd_strs){roles, n_roles};
    r.prefix = host->prefix;
    r.os_source = kd_str(kd_system_source_text(host->os.n > 0 ? host->os_from : KD_SYSTEM_NONE));
    uint8_t zone = kd_brain_zone(b, &host->addr);
    if (zone < b->site->n_zones)
        r.zone = kd_site_zone_name(b->site, zone);
    struct kd_rec_head head = {.type = KD_REC_HOST, .ts_us = b->now_us};
    kd_brain_emit(b, &head, &r);
}

void kd_brain_tell_hosts(struct kd_brain *b, uint64_t quiet_us)
{
    kd_hosts_tell(&b->hosts, b->now_us, quiet_us, tell_host, b);
}

/* The score of a host may have changed: when it did, that is told without waiting. */
void kd_brain_score(struct kd_brain *b, const struct kd_addr *a)
{
    struct kd_host *host = kd_hosts_get(&b->hosts, a, b->now_us);
    const struct kd_marks *m = marks_of(b, a);
    if (host == NULL || m == NULL)
        return;
    const struct kd_mark *marks[KD_REASONS_MAX];
    size_t n;
    unsigned score = kd_marks_score(m, b->now_us, marks, &n);
    if (score != host->severity) {
        host->severity = (uint8_t)score;
        host->told = false;
    }
    kd_hosts_mark(&b->hosts, host);
}

static bool decay_one(void *arg, struct kd_bytes key, void *state)
{
    struct kd_brain *b = arg;
    struct kd_addr a;
    memcpy(a.b, key.p, sizeof(a.b));
    struct kd_host *host = kd_hosts_find(&b->hosts, &a);
    const struct kd_mark *marks[KD_REASONS_MAX];
    size_t n;
    if (host == NULL)
        return true;
    unsigned score = kd_marks_score(state, b->now_us, marks, &n);
    if (score != host->severity) {
        host->severity = (uint8_t)score;
        kd_hosts_mark(&b->hosts, host);
    }
    return true;
}

void kd_brain_decay(struct kd_brain *b)
{
    kd_table_each(&b->marks, decay_one, b);
}
