/* SPDX-License-Identifier: Apache-2.0 */
/* What detectors may ask of the framework (detect/detect.h). */
#include "brain/internal.h"

#include "base/clock.h"
#include "base/hash.h"

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

static bool is_sum(enum kd_object_kind kind)
{
    return kind == KD_OBJ_IP || kind == KD_OBJ_SHA256 || kind == KD_OBJ_SHA1 || kind == KD_OBJ_MD5;
}

/* An address of the site's that no list names: the safe-list saw to that. */
static bool is_own(const struct kd_brain *b, enum kd_object_kind kind, struct kd_bytes value)
{
    struct kd_addr a;
    if (kind != KD_OBJ_IP || b->lists_forced || value.n != sizeof(a.b))
        return false;
    memcpy(a.b, value.p, sizeof(a.b));
    return kd_addr_is_private(&a);
}

/* In the layers of the index. */
static bool in_layers(const struct kd_brain *b, enum kd_object_kind kind, struct kd_bytes value, uint16_t today,
                      struct kd_listed *ret)
{
    uint8_t room[KD_OBJ_KEY_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_obj_hit best = {.lists = 0}, hit;
    if (!is_sum(kind) && !kd_object_spell(kind, value, &o))
        return false;
    if (!is_sum(kind))
        value = kd_out_bytes_view(&o);
    for (size_t i = 0; i < b->n_lists; i++)
        if (kd_obj_match(&b->lists[i], kind, value, today, &hit) && (best.lists == 0 || hit.confidence > best.confidence))
            best = hit;
    if (best.lists == 0)
        return false;
    *ret = (struct kd_listed){.note = best.note, .list = kd_str(best.list->name), .confidence = best.confidence,
                              .severity = best.list->severity > KD_CRITICAL ? -1 : best.list->severity};
    return true;
}

/* In the lists of others; the site's own come first.  What was found in none is remembered for the day, for most values
 * come again and again. */
static bool in_lists(const struct kd_brain *b, enum kd_object_kind kind, struct kd_bytes value, struct kd_listed *ret)
{
    if (b->n_lists == 0 || is_own(b, kind, value))
        return false;
    uint16_t today = (uint16_t)(b->now_us / KD_US_PER_DAY);
    uint64_t hash = kd_hash(value.p, value.n, b->seed + ((uint64_t)today << 8) + (uint64_t)kind);
    uint64_t *slot = b->unlisted != NULL ? &b->unlisted[hash % KD_BRAIN_UNLISTED] : &hash;
    if (slot != &hash && *slot == hash)
        return false;
    if (in_layers(b, kind, value, today, ret))
        return true;
    *slot = hash;
    return false;
}

bool kd_detect_listed(const struct kd_detect *d, const char *kind_name, struct kd_bytes value, struct kd_listed *ret)
{
    enum { SURE = 100 };
    const struct kd_brain *b = d->brain;
    struct kd_listing listing;
    enum kd_object_kind kind;
    if (!kd_object_kind_of(kd_str(kind_name), &kind))
        kd_assert_failed("a detector asks only for kinds there are", __FILE__, __LINE__);
    if (value.n == 0)
        return false;
    if (!kd_intel_has(&b->intel, kind_name, value, b->now_us, &listing) &&
        !kd_intel_has(&b->decided, kind_name, value, b->now_us, &listing))
        return in_lists(b, kind, value, ret);
    *ret = (struct kd_listed){.note = listing.note, .number = listing.number, .severity = -1, .confidence = SURE};
    return true;
}

void kd_brain_lists(struct kd_brain *b, const struct kd_obj_index *layers, size_t n)
{
    KD_ASSERT(n <= KD_BRAIN_LISTS_MAX);
    if (n > 0)
        memcpy(b->lists, layers, n * sizeof(layers[0]));
    b->n_lists = n;
    free(b->unlisted);
    b->unlisted = n > 0 ? calloc(KD_BRAIN_UNLISTED, sizeof(b->unlisted[0])) : NULL; /* without it it is only slower */
    b->lists_forced = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < layers[i].head->lists.n; k++)
            b->lists_forced |= layers[i].lists[k].forced != 0;
}
