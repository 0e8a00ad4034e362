/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow.h"

#include "base/hash.h"

/* How long a conversation may be silent.  TCP's linger lets the last acknowledgements still count. */
enum {
    IDLE_TCP_NEW_S = 30,
    IDLE_TCP_ESTABLISHED_S = 600,
    IDLE_TCP_LINGER_S = 1,
    IDLE_UDP_NEW_S = 30,
    IDLE_UDP_ESTABLISHED_S = 60,
    IDLE_OTHER_S = 30,
    UPDATE_S = 300, /* a long flow tells how it stands */
    TICK_S = 10
};

enum { WHEEL = 1024, US = 1000000, LINE = 64 };

/* Index 0 of `slots` is nobody, so that 0 can mean none. */
struct kd_flow_table {
    struct kd_flow *slots; /* at the beginning of a cache line */
    void *memory;          /* they lie in */
    uint32_t *buckets;
    uint32_t mask;
    uint32_t n_slots;
    uint32_t n_fresh;    /* slots never used start here */
    uint32_t free;       /* list through `next` */
    uint32_t count;
    uint64_t seed;
    uint64_t first_number, begun;
    uint64_t now_s;      /* the wheel stands here */
    uint64_t turn_us;    /* before this time it need not be turned */
    bool started;
    struct kd_flow_events events;
    uint32_t wheel[WHEEL];
    uint64_t wheel_used[WHEEL / 64]; /* which slots of the wheel hold somebody */
    uint64_t services[65536 / 64];
};

struct kd_flow_table *kd_flow_table_new(const struct kd_limits *lim, uint64_t hash_seed,
                                        uint64_t first_number, const struct kd_flow_events *events)
{
    struct kd_flow_table *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    uint32_t buckets = 1024;
    while (buckets < lim->flows && buckets < 1u << 30)
        buckets *= 2;
    t->n_slots = lim->flows + 1;
    t->n_fresh = 1;
    t->mask = buckets - 1;
    t->seed = hash_seed;
    t->first_number = first_number;
    t->events = *events;
    /* calloc of something this large is a fresh mapping: pages cost memory only when they are used. */
    t->memory = calloc(1, (size_t)t->n_slots * sizeof(*t->slots) + LINE);
    t->buckets = calloc(buckets, sizeof(*t->buckets));
    if (t->memory == NULL || t->buckets == NULL) {
        kd_flow_table_free(t);
        return NULL;
    }
    t->slots = (struct kd_flow *)(((uintptr_t)t->memory + LINE - 1) / LINE * LINE);
    return t;
}

void kd_flow_table_free(struct kd_flow_table *t)
{
    if (t == NULL)
        return;
    free(t->memory);
    free(t->buckets);
    free(t);
}

void kd_flow_table_service(struct kd_flow_table *t, uint16_t port)
{
    t->services[port / 64] |= (uint64_t)1 << (port % 64);
}

static bool is_service(const struct kd_flow_table *t, uint16_t port)
{
    return t->services[port / 64] >> (port % 64) & 1;
}

/* ---- keys ---- */

/* An ICMP answer belongs to its request: give both the request's type. */
static uint16_t icmp_request_type(uint8_t proto, uint16_t type)
{
    if (proto == KD_IP_ICMP)
        switch (type) {
        case 0:
            return 8; /* echo */
        case 14:
            return 13; /* timestamp */
        case 16:
            return 15; /* information */
        case 18:
            return 17; /* address mask */
        case 9:
            return 10; /* router */
        default:
            return type;
        }
    switch (type) {
    case 129:
        return 128; /* echo */
    case 136:
        return 135; /* neighbour */
    case 134:
        return 133; /* router */
    default:
        return type;
    }
}

static bool is_icmp(uint8_t proto)
{
    return proto == KD_IP_ICMP || proto == KD_IP_ICMPV6;
}

static bool has_ports(uint8_t proto)
{
    return proto == KD_IP_TCP || proto == KD_IP_UDP || proto == KD_IP_SCTP;
}

/* What both directions have in common: the two ends in a fixed order, which need not mean anything. */
struct key {
    uint64_t rest, a_low, b_low, a_high, b_high;
};

/* The ends as numbers: address and port (ICMP: the address alone; type and code are common to both). */
static struct key key_of(const struct kd_packet *p)
{
    uint64_t src[2], dst[2];
    memcpy(src, p->src.b, sizeof(src));
    memcpy(dst, p->dst.b, sizeof(dst));
    uint64_t src_port = 0, dst_port = 0;
    uint64_t rest = (uint64_t)p->proto << 48 | (uint64_t)p->vlan << 32;
    if (is_icmp(p->proto)) {
        rest |= (uint64_t)icmp_request_type(p->proto, p->sport) << 16 | p->dport;
    } else if (has_ports(p->proto)) {
        src_port = p->sport;
        dst_port = p->dport;
    }
    bool swap = src[1] != dst[1] ? src[1] > dst[1] : src[0] != dst[0] ? src[0] > dst[0] : src_port > dst_port;
    rest |= swap ? dst_port << 16 | src_port : src_port << 16 | dst_port;
    if (swap)
        return (struct key){rest, dst[1], src[1], dst[0], src[0]};
    return (struct key){rest, src[1], dst[1], src[0], dst[0]};
}

uint32_t kd_flow_hash(const struct kd_flow_table *t, const struct kd_packet *p)
{
    struct key k = key_of(p);
    bool v4 = (k.a_high | k.b_high) == 0;
    uint64_t h = kd_hash(&k, v4 ? offsetof(struct key, a_high) : sizeof(k), t->seed);
    return (uint32_t)(h ^ h >> 32);
}

/* Is f the packet's conversation?  Then in which direction does the packet go? */
static bool matches(const struct kd_flow *f, const struct kd_packet *p, unsigned *ret_dir)
{
    if (f->proto != p->proto || f->vlan != p->vlan)
        return false;
    if (is_icmp(p->proto)) {
        if (f->client_port != icmp_request_type(p->proto, p->sport) || f->server_port != p->dport)
            return false;
        bool forward = kd_addr_eq(&f->client, &p->src) && kd_addr_eq(&f->server, &p->dst);
        bool back = kd_addr_eq(&f->client, &p->dst) && kd_addr_eq(&f->server, &p->src);
        *ret_dir = forward ? 0 : 1;
        return forward || back;
    }
    uint16_t sport = has_ports(p->proto) ? p->sport : 0;
    uint16_t dport = has_ports(p->proto) ? p->dport : 0;
    if (f->client_port == sport && f->server_port == dport && kd_addr_eq(&f->client, &p->src) &&
        kd_addr_eq(&f->server, &p->dst)) {
        *ret_dir = 0;
        return true;
    }
    *ret_dir = 1;
    return f->client_port == dport && f->server_port == sport && kd_addr_eq(&f->client, &p->dst) &&
           kd_addr_eq(&f->server, &p->src);
}

/* ---- the wheel ---- */

static uint64_t idle_s(const struct kd_flow *f)
{
    if (f->proto == KD_IP_TCP)
        switch (f->state) {
        case KD_FLOW_NEW:
        case KD_FLOW_HALF_OPEN:
            return IDLE_TCP_NEW_S;
        case KD_FLOW_ESTABLISHED:
            return IDLE_TCP_ESTABLISHED_S;
        default:
            return IDLE_TCP_LINGER_S;
        }
    if (f->state == KD_FLOW_REFUSED)
        return IDLE_TCP_LINGER_S;
    if (f->proto == KD_IP_UDP)
        return f->state == KD_FLOW_ESTABLISHED ? IDLE_UDP_ESTABLISHED_S : IDLE_UDP_NEW_S;
    return IDLE_OTHER_S;
}

/* When the flow should be looked at again, if nothing comes. */
static uint64_t due_s(const struct kd_flow *f)
{
    uint64_t due = f->last_us / US + idle_s(f) + 1;
    due = kd_min_u64(due, f->start_us / US + f->told_s + UPDATE_S + 1);
    if (f->flags & KD_FLOW_TICK)
        due = kd_min_u64(due, f->last_us / US + TICK_S + 1);
    return due;
}

static void wheel_add(struct kd_flow_table *t, uint32_t i, uint64_t when_s)
{
    if (when_s <= t->now_s)
        when_s = t->now_s + 1;
    if (when_s - t->now_s >= WHEEL)
        when_s = t->now_s + WHEEL - 1;
    uint32_t slot = (uint32_t)(when_s % WHEEL);
    struct kd_flow *f = &t->slots[i];
    f->slot = (uint16_t)slot;
    f->earlier = 0;
    f->later = t->wheel[slot];
    if (f->later != 0)
        t->slots[f->later].earlier = i;
    t->wheel[slot] = i;
    t->wheel_used[slot / 64] |= (uint64_t)1 << (slot % 64);
}

static void wheel_remove(struct kd_flow_table *t, uint32_t i)
{
    struct kd_flow *f = &t->slots[i];
    if (f->earlier != 0)
        t->slots[f->earlier].later = f->later;
    else
        t->wheel[f->slot] = f->later;
    if (f->later != 0)
        t->slots[f->later].earlier = f->earlier;
    if (t->wheel[f->slot] == 0)
        t->wheel_used[f->slot / 64] &= ~((uint64_t)1 << (f->slot % 64));
}

static void tell(struct kd_flow_table *t, struct kd_flow *f, enum kd_flow_end why)
{
    t->events.end(t->events.arg, f, why);
}

static void release(struct kd_flow_table *t, uint32_t i)
{
    struct kd_flow *f = &t->slots[i];
    uint32_t *at = &t->buckets[f->hash & t->mask];
    while (*at != i)
        at = &t->slots[*at].next;
    *at = f->next;
    wheel_remove(t, i);
    f->next = t->free;
    t->free = i;
    t->count--;
}

void kd_flow_table_end(struct kd_flow_table *t, struct kd_flow *f, enum kd_flow_end why)
{
    tell(t, f, why);
    release(t, (uint32_t)(f - t->slots));
}

static enum kd_flow_end reason_of(const struct kd_flow *f)
{
    switch (f->state) {
    case KD_FLOW_CLOSED:
        return KD_END_FIN;
    case KD_FLOW_RESET:
    case KD_FLOW_REFUSED:
        return f->proto == KD_IP_TCP ? KD_END_RST : KD_END_TIMEOUT;
    default:
        return KD_END_TIMEOUT;
    }
}

static void visit(struct kd_flow_table *t, uint32_t i)
{
    struct kd_flow *f = &t->slots[i];
    if (f->last_us / US + idle_s(f) < t->now_s) {
        kd_flow_table_end(t, f, reason_of(f));
        return;
    }
    if (f->start_us / US + f->told_s + UPDATE_S < t->now_s) {
        tell(t, f, KD_END_UPDATE);
        f->told_s = (uint32_t)(t->now_s - f->start_us / US);
    }
    if ((f->flags & KD_FLOW_TICK) && f->last_us / US + TICK_S < t->now_s) {
        f->flags &= (uint8_t)~KD_FLOW_TICK;
        t->events.tick(t->events.arg, f);
    }
    wheel_remove(t, i);
    wheel_add(t, i, due_s(f));
}

/* All who are in the slot now; those put back into it are a whole turn ahead, so take the list first. */
static void turn_slot(struct kd_flow_table *t, uint32_t slot)
{
    for (uint32_t i = t->wheel[slot]; i != 0;) {
        uint32_t later = t->slots[i].later;
        visit(t, i);
        i = later;
    }
}

void kd_flow_table_time(struct kd_flow_table *t, uint64_t now_us)
{
    if (now_us < t->turn_us)
        return;
    uint64_t now_s = now_us / US;
    t->turn_us = (now_s + 1) * US;
    if (!t->started) {
        t->now_s = now_s;
        t->started = true;
    }
    if (now_s <= t->now_s)
        return;
    uint64_t from = t->now_s;
    uint64_t steps = kd_min_u64(now_s - from, WHEEL);
    for (uint64_t s = 1; s <= steps; s++) {
        /* After a jump of more than a turn every slot is due at the new time. */
        t->now_s = now_s - from > WHEEL ? now_s : from + s;
        uint32_t slot = (uint32_t)((from + s) % WHEEL);
        if (t->wheel[slot] != 0)
            turn_slot(t, slot);
    }
    t->now_s = now_s;
}

/* The flow that would end first makes room. */
static void evict(struct kd_flow_table *t)
{
    uint32_t start = (uint32_t)((t->now_s + 1) % WHEEL);
    for (uint32_t n = 0; n <= WHEEL / 64; n++) {
        uint32_t word = (start / 64 + n) % (WHEEL / 64);
        uint64_t used = t->wheel_used[word];
        if (n == 0)
            used &= ~(uint64_t)0 << (start % 64);
        if (used == 0)
            continue;
        uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(used);
        kd_flow_table_end(t, &t->slots[t->wheel[slot]], KD_END_BUDGET);
        return;
    }
    KD_ASSERT(false); /* a full table has somebody in the wheel */
}

/* ---- packets ---- */

/* Did the client send this first packet that we see? */
static bool from_client(const struct kd_flow_table *t, const struct kd_packet *p)
{
    if (is_icmp(p->proto))
        return icmp_request_type(p->proto, p->sport) == p->sport;
    if (p->proto == KD_IP_TCP) {
        if (p->tcp_flags & KD_TCP_SYN)
            return (p->tcp_flags & KD_TCP_ACK) == 0;
    } else if (p->proto != KD_IP_UDP || kd_addr_is_multicast(&p->dst)) {
        return true;
    }
    bool from_service = is_service(t, p->sport) || (p->sport < 1024 && p->dport >= 1024);
    bool to_service = is_service(t, p->dport) || (p->dport < 1024 && p->sport >= 1024);
    return to_service || !from_service;
}

static struct kd_flow *begin(struct kd_flow_table *t, const struct kd_packet *p, uint32_t hash,
                             unsigned *ret_dir)
{
    if (t->free == 0 && t->n_fresh == t->n_slots)
        evict(t);
    uint32_t i = t->free;
    if (i != 0)
        t->free = t->slots[i].next;
    else
        i = t->n_fresh++;
    bool forward = from_client(t, p);
    struct kd_flow *f = &t->slots[i];
    memset(f, 0, sizeof(*f));
    f->client = forward ? p->src : p->dst;
    f->server = forward ? p->dst : p->src;
    f->mac[0] = forward ? p->src_mac : p->dst_mac;
    f->mac[1] = forward ? p->dst_mac : p->src_mac;
    if (is_icmp(p->proto)) {
        f->client_port = icmp_request_type(p->proto, p->sport);
        f->server_port = p->dport;
    } else if (has_ports(p->proto)) {
        f->client_port = forward ? p->sport : p->dport;
        f->server_port = forward ? p->dport : p->sport;
    }
    f->proto = p->proto;
    f->vlan = p->vlan;
    f->outer_vlan = p->tags > 1 && p->tags <= KD_PACKET_TAGS ? p->tag[p->tags - 2] : 0;
    f->hash = hash;
    f->start_us = f->last_us = p->ts_us;
    f->first_data = UINT32_MAX;
    f->number = t->first_number + ++t->begun;
    if (p->proto == KD_IP_TCP && (p->tcp_flags & (KD_TCP_SYN | KD_TCP_RST)) == 0)
        f->flags |= KD_FLOW_MIDSTREAM;
    f->next = t->buckets[hash & t->mask];
    t->buckets[hash & t->mask] = i;
    t->count++;
    wheel_add(t, i, due_s(f));
    *ret_dir = forward ? 0 : 1;
    return f;
}

static void account(struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    if (p->ts_us > f->last_us)
        f->last_us = p->ts_us;
    f->packets[dir]++;
    f->bytes[dir] += p->length;
    f->data[dir] += p->payload_wire;
    if (p->payload_wire > 0 && f->first_data == UINT32_MAX && p->proto != KD_IP_ICMP) {
        uint64_t us = f->last_us - f->start_us;
        f->first_data = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX - 1;
    }
    if (p->proto != KD_IP_TCP && f->state == KD_FLOW_NEW && f->packets[0] > 0 && f->packets[1] > 0)
        f->state = KD_FLOW_ESTABLISHED;
}

struct kd_flow *kd_flow_table_packet(struct kd_flow_table *t, const struct kd_packet *p, uint32_t hash,
                                     unsigned *ret_dir, bool *ret_new)
{
    struct kd_flow *f = NULL;
    *ret_new = false;
    for (uint32_t i = t->buckets[hash & t->mask]; i != 0; i = t->slots[i].next) {
        /* All of the slot will be needed; it is rarely in a cache. */
        __builtin_prefetch((const uint8_t *)&t->slots[i] + 64);
        __builtin_prefetch((const uint8_t *)&t->slots[i] + 128);
        if (t->slots[i].hash == hash && matches(&t->slots[i], p, ret_dir)) {
            f = &t->slots[i];
            break;
        }
    }
    /* A new connection on the ports of one that is over. */
    if (f != NULL && p->proto == KD_IP_TCP && f->state >= KD_FLOW_CLOSED &&
        (p->tcp_flags & (KD_TCP_SYN | KD_TCP_ACK)) == KD_TCP_SYN) {
        kd_flow_table_end(t, f, reason_of(f));
        f = NULL;
    }
    if (f == NULL) {
        f = begin(t, p, hash, ret_dir);
        *ret_new = true;
    }
    account(f, p, *ret_dir);
    return f;
}

struct kd_flow *kd_flow_table_inner(struct kd_flow_table *t, const struct kd_packet *p)
{
    struct kd_packet q = {
        .src = p->inner_src,
        .dst = p->inner_dst,
        .sport = p->inner_sport,
        .dport = p->inner_dport,
        .proto = p->inner_proto,
        .vlan = p->vlan,
    };
    unsigned dir;
    uint32_t hash = kd_flow_hash(t, &q);
    for (uint32_t i = t->buckets[hash & t->mask]; i != 0; i = t->slots[i].next)
        if (t->slots[i].hash == hash && matches(&t->slots[i], &q, &dir))
            return &t->slots[i];
    return NULL;
}

static void swap_u64(uint64_t v[2])
{
    uint64_t first = v[0];
    v[0] = v[1];
    v[1] = first;
}

static void swap_u32(uint32_t v[2])
{
    uint32_t first = v[0];
    v[0] = v[1];
    v[1] = first;
}

void kd_flow_turn(struct kd_flow *f)
{
    struct kd_addr client = f->client;
    struct kd_mac mac = f->mac[0];
    uint16_t port = f->client_port;
    uint8_t flags = f->tcp_flags[0];
    f->client = f->server;
    f->server = client;
    f->client_port = f->server_port;
    f->server_port = port;
    f->mac[0] = f->mac[1];
    f->mac[1] = mac;
    f->tcp_flags[0] = f->tcp_flags[1];
    f->tcp_flags[1] = flags;
    swap_u32(f->seq);
    swap_u32(f->isn);
    swap_u32(f->packets);
    swap_u64(f->bytes);
    swap_u64(f->data);
    f->rules_quiet = 0;
}

void kd_flow_table_each(struct kd_flow_table *t, void (*each)(void *arg, struct kd_flow *f), void *arg)
{
    for (uint32_t b = 0; t->count > 0 && b <= t->mask; b++)
        for (uint32_t i = t->buckets[b]; i != 0; i = t->slots[i].next)
            each(arg, &t->slots[i]);
}

void kd_flow_table_finish(struct kd_flow_table *t)
{
    /* By slot number: the order of beginning as far as slots were not reused; the same in every run. */
    for (uint32_t slot = 0; slot < t->n_fresh && t->count > 0; slot++) {
        struct kd_flow *f = &t->slots[slot];
        bool in_use = slot != 0 && f->number != 0;
        for (uint32_t i = in_use ? t->buckets[f->hash & t->mask] : 0; i != 0; i = t->slots[i].next)
            if (i == slot) {
                bool over = f->state >= KD_FLOW_CLOSED;
                kd_flow_table_end(t, f, over ? reason_of(f) : KD_END_FORCED);
                break;
            }
    }
}

size_t kd_flow_table_count(const struct kd_flow_table *t)
{
    return t->count;
}

uint64_t kd_flow_table_begun(const struct kd_flow_table *t)
{
    return t->begun;
}

size_t kd_flow_table_memory(const struct kd_flow_table *t)
{
    return t->count * sizeof(struct kd_flow) + ((size_t)t->mask + 1) * sizeof(uint32_t);
}
