/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/common.h"

#include "base/hash.h"

struct kd_sides kd_sides_of(const struct kd_detect *d, const struct kd_addr *actor, const struct kd_addr *target)
{
    bool actor_in = kd_detect_is_inside(d, actor);
    bool target_in = kd_detect_is_inside(d, target);
    if (!actor_in && target_in)
        return (struct kd_sides){*target, *actor, true};
    return (struct kd_sides){*actor, *target, false};
}

struct kd_key kd_key_of(uint8_t kind)
{
    struct kd_key k;
    k.n = 1;
    k.b[0] = kind;
    return k;
}

static void key_bytes(struct kd_key *k, struct kd_bytes b)
{
    KD_ASSERT(b.n <= sizeof(k->b) - k->n);
    if (b.n > 0)
        memcpy(k->b + k->n, b.p, b.n);
    k->n = (uint8_t)(k->n + b.n);
}

void kd_key_addr(struct kd_key *k, const struct kd_addr *a)
{
    key_bytes(k, kd_bytes_of(a->b, sizeof(a->b)));
}

void kd_key_u16(struct kd_key *k, uint16_t v)
{
    uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)(v & 0xff)};
    key_bytes(k, kd_bytes_of(b, sizeof(b)));
}

enum { LOWER_MAX = 512 };

static struct kd_bytes lower(struct kd_bytes text, uint8_t room[LOWER_MAX])
{
    text = kd_bytes_head(text, LOWER_MAX);
    for (size_t i = 0; i < text.n; i++)
        room[i] = kd_ascii_lower(text.p[i]);
    return kd_bytes_of(room, text.n);
}

void kd_key_text(struct kd_key *k, struct kd_bytes text)
{
    enum { WHOLE_MAX = 128 };
    uint8_t room[LOWER_MAX];
    struct kd_bytes low = lower(text, room);
    if (low.n <= WHOLE_MAX) {
        key_bytes(k, low);
        return;
    }
    uint64_t sum[2] = {kd_hash(low.p, low.n, 1), kd_hash(low.p, low.n, 2)};
    key_bytes(k, kd_bytes_of(sum, sizeof(sum)));
}

uint32_t kd_sum_text(struct kd_bytes text)
{
    uint8_t room[LOWER_MAX];
    struct kd_bytes low = lower(text, room);
    return (uint32_t)kd_hash(low.p, low.n, 0) | 1;
}

uint32_t kd_sum_addr(const struct kd_addr *a)
{
    return (uint32_t)kd_hash(a->b, sizeof(a->b), 0) | 1;
}

bool kd_sums_add(uint32_t *sums, uint32_t room, uint32_t *n, uint32_t sum)
{
    uint32_t i = (sum >> 1) & (room - 1);
    while (sums[i] != 0 && sums[i] != sum)
        i = (i + 1) & (room - 1);
    if (sums[i] == sum || *n >= room / 4 * 3)
        return false;
    sums[i] = sum;
    (*n)++;
    return true;
}

bool kd_sums_has(const uint32_t *sums, uint32_t room, uint32_t sum)
{
    uint32_t i = (sum >> 1) & (room - 1);
    while (sums[i] != 0 && sums[i] != sum)
        i = (i + 1) & (room - 1);
    return sums[i] == sum;
}

void kd_ids_add(struct kd_ids *ids, uint64_t id)
{
    ids->v[ids->n++ % KD_IDS_KEPT] = id;
}

size_t kd_ids_list(const struct kd_ids *ids, uint64_t *ret)
{
    size_t n = ids->n < KD_IDS_KEPT ? ids->n : KD_IDS_KEPT;
    for (size_t i = 0; i < n; i++)
        ret[i] = ids->v[(ids->n - n + i) % KD_IDS_KEPT];
    return n;
}

void kd_word_set(struct kd_word *w, struct kd_bytes text)
{
    text = kd_bytes_head(text, sizeof(w->b));
    w->n = (uint8_t)text.n;
    if (text.n > 0)
        memcpy(w->b, text.p, text.n);
}

void kd_snap_ids(struct kd_snap *s, struct kd_ids *ids)
{
    kd_snap_u32(s, &ids->n);
    for (uint32_t i = 0; i < ids->n && i < KD_IDS_KEPT; i++)
        kd_snap_u64(s, &ids->v[i]);
}

void kd_snap_word(struct kd_snap *s, struct kd_word *w)
{
    kd_snap_text(s, w->b, sizeof(w->b), &w->n);
}

/* The sums alone, not where they stand: adding them anew keeps the set in order, whatever was in the file. */
void kd_snap_sums(struct kd_snap *s, uint32_t *sums, uint32_t room, uint32_t *n)
{
    uint32_t kept = *n;
    kd_snap_u32_to(s, &kept, room / 4 * 3);
    if (s->loading) {
        *n = 0;
        for (uint32_t i = 0, sum = 0; i < kept; i++) {
            kd_snap_u32(s, &sum);
            if (!kd_snap_ok(s))
                return;
            if (sum == 0)
                kd_snap_fail(s);
            else
                (void)kd_sums_add(sums, room, n, sum);
        }
        return;
    }
    for (uint32_t i = 0; i < room; i++)
        if (sums[i] != 0)
            kd_snap_u32(s, &sums[i]);
}

struct kd_bytes kd_digits_of(struct kd_digits *room, uint64_t v)
{
    struct kd_out o = kd_out_of(room->b, sizeof(room->b));
    kd_out_u64(&o, v);
    return kd_out_bytes_view(&o);
}

struct kd_bytes kd_service_name(uint16_t port, struct kd_digits *room)
{
    static const struct {
        uint16_t port;
        const char *name;
    } known[] = {
        {21, "FTP"}, {22, "SSH"}, {23, "Telnet"}, {25, "SMTP"}, {53, "DNS"}, {80, "HTTP"}, {88, "Kerberos"},
        {110, "POP3"}, {135, "RPC"}, {139, "NetBIOS"}, {143, "IMAP"}, {389, "LDAP"}, {443, "HTTPS"}, {445, "SMB"},
        {587, "SMTP"}, {993, "IMAPS"}, {995, "POP3S"}, {1433, "SQL Server"}, {3306, "MySQL"}, {3389, "RDP"},
        {5432, "PostgreSQL"}, {5900, "VNC"}, {5985, "WinRM"}, {5986, "WinRM"},
    };
    for (size_t i = 0; i < KD_COUNT(known); i++)
        if (known[i].port == port)
            return kd_str(known[i].name);
    struct kd_out o = kd_out_of(room->b, sizeof(room->b));
    kd_out_fmt(&o, "port %u", (unsigned)port);
    return kd_out_bytes_view(&o);
}

/* Second-level labels under which names are registered one level deeper. */
static bool is_category(struct kd_bytes label)
{
    static const char *const known[] = {"co", "or", "ne", "ac", "go", "lg", "ad", "ed", "gr", "com", "net", "org",
                                        "gov", "edu", "mil", "gob", "gouv", "nom", "sch", "ltd", "plc", "me"};
    for (size_t i = 0; i < KD_COUNT(known); i++)
        if (kd_bytes_ieq(label, kd_str(known[i])))
            return true;
    return false;
}

struct kd_bytes kd_detect_zone(struct kd_bytes name)
{
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    size_t start[3] = {0, 0, 0}; /* where the last, the last two, the last three labels begin */
    unsigned labels = 0;
    for (size_t i = name.n; i > 0 && labels < 3; i--)
        if (name.p[i - 1] == '.')
            start[labels++] = i;
    while (labels < 3)
        start[labels++] = 0;
    if (start[0] == 0)
        return name;
    size_t tld_bytes = name.n - start[0];
    struct kd_bytes second = kd_bytes_of(name.p + start[1], start[0] - 1 - start[1]);
    bool deeper = tld_bytes == 2 && is_category(second);
    return kd_bytes_from(name, start[deeper ? 2 : 1]);
}

bool kd_asks_for_others(const struct kd_detect *d, const struct kd_addr *host)
{
    struct kd_host_view v;
    return kd_detect_host(d, host, &v) && (kd_bytes_eq_str(v.role, "dns") || kd_bytes_eq_str(v.role, "dc"));
}
