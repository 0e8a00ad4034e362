/* SPDX-License-Identifier: Apache-2.0 */
/* What detectors may ask of the framework (detect/detect.h). */
#include "brain/internal.h"

void *kd_detect_state(struct kd_detect *d, struct kd_bytes key, bool *ret_new)
{
    return kd_table_get(&d->table, key, d->brain->now_us, ret_new);
}

void *kd_detect_peek(struct kd_detect *d, struct kd_bytes key)
{
    return kd_table_peek(&d->table, key);
}

void kd_detect_forget(struct kd_detect *d, struct kd_bytes key)
{
    kd_table_forget(&d->table, key);
}

uint64_t kd_detect_now_us(const struct kd_detect *d)
{
    return d->brain->now_us;
}

bool kd_detect_is_inside(const struct kd_detect *d, const struct kd_addr *a)
{
    return kd_hosts_inside(&d->brain->hosts, a);
}

double kd_detect_tunable(const struct kd_detect *d, const char *name)
{
    const struct kd_tunable *t = d->detector->tunables;
    for (size_t i = 0; t != NULL && t[i].name != NULL; i++)
        if (t[i].name == name || strcmp(t[i].name, name) == 0)
            return d->tunables[i];
    kd_assert_failed("a detector asks only for its own tunables", __FILE__, __LINE__);
}

const struct kd_site *kd_detect_site(const struct kd_detect *d)
{
    return d->brain->site;
}

uint8_t kd_detect_zone_of(const struct kd_detect *d, const struct kd_addr *a)
{
    return kd_brain_zone(d->brain, a);
}

bool kd_detect_routes(const struct kd_detect *d, const struct kd_mac *mac)
{
    return kd_hosts_routes(&d->brain->hosts, mac);
}

bool kd_detect_host(const struct kd_detect *d, const struct kd_addr *a, struct kd_host_view *ret)
{
    const struct kd_host *h = kd_hosts_find(&d->brain->hosts, a);
    if (h == NULL)
        return false;
    *ret = (struct kd_host_view){
        .name = kd_text_view(&h->name), .user = kd_text_view(&h->user), .os = kd_text_view(&h->os),
        .role = kd_str(kd_role_text(h->roles)), .mac = h->mac, .first_us = h->first_us, .last_us = h->last_us,
        .severity = h->severity, .dc = kd_roles_dc(h->roles),
        .files = (h->roles & KD_DUTY_FILE) != 0, .roles = h->roles,
        .domain_name = h->name_from == KD_FROM_NTLM || h->name_from == KD_FROM_KERBEROS || h->name_from == KD_FROM_NBNS,
    };
    const struct kd_site *site = d->brain->site;
    uint8_t zone = site->n_zones > 0 ? kd_site_zone_of(site, a) : KD_ZONE_UNLISTED;
    if (zone < site->n_zones)
        ret->zone = kd_site_zone_name(d->brain->site, zone);
    return true;
}

bool kd_detect_listed(const struct kd_detect *d, const char *kind, struct kd_bytes value, struct kd_bytes *ret_note,
                      uint64_t *ret_number)
{
    const struct kd_brain *b = d->brain;
    struct kd_listing listing;
    if (!kd_intel_has(&b->intel, kind, value, b->now_us, &listing) &&
        !kd_intel_has(&b->decided, kind, value, b->now_us, &listing))
        return false;
    *ret_note = listing.note;
    *ret_number = listing.number;
    return true;
}
