/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow.h"

#include "../../tests/tap.h"

static struct kd_limits lim;
static struct kd_flow_table *table;
static unsigned n_ended[6], n_ticks;

static void on_end(void *arg, struct kd_flow *f, enum kd_flow_end why)
{
    (void)arg;
    (void)f;
    n_ended[why]++;
}

static void on_tick(void *arg, struct kd_flow *f)
{
    (void)arg;
    (void)f;
    n_ticks++;
}

static void begin(uint32_t flows)
{
    static const struct kd_flow_events events = {.end = on_end, .tick = on_tick};
    lim = kd_limits_default;
    lim.flows = flows;
    memset(n_ended, 0, sizeof(n_ended));
    n_ticks = 0;
    table = kd_flow_table_new(&lim, 1, 0, &events);
    KD_ASSERT(table != NULL);
}

static struct kd_packet packet(uint32_t a, uint16_t sport, uint32_t b, uint16_t dport, uint8_t proto, uint8_t flags,
                               uint64_t s)
{
    const uint8_t src[4] = {10, (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a};
    const uint8_t dst[4] = {10, (uint8_t)(b >> 16), (uint8_t)(b >> 8), (uint8_t)b};
    return (struct kd_packet){.ts_us = s * 1000000, .src = kd_addr_v4(src), .dst = kd_addr_v4(dst), .sport = sport,
                              .dport = dport, .proto = proto, .tcp_flags = flags, .length = 60};
}

static struct kd_flow *add(struct kd_packet p, unsigned *dir, bool *is_new)
{
    kd_flow_table_time(table, p.ts_us);
    return kd_flow_table_packet(table, &p, kd_flow_hash(table, &p), dir, is_new);
}

static void both_directions_are_one_flow(void)
{
    unsigned dir;
    bool is_new;
    begin(1000);
    struct kd_flow *f = add(packet(1, 4000, 2, 80, 6, KD_TCP_SYN, 1), &dir, &is_new);
    CHECK(is_new && dir == 0 && f->client_port == 4000);
    CHECK(add(packet(2, 80, 1, 4000, 6, KD_TCP_SYN | KD_TCP_ACK, 1), &dir, &is_new) == f && dir == 1 && !is_new);
    CHECK(f->packets[0] == 1 && f->packets[1] == 1 && f->bytes[1] == 60);
    struct kd_packet tagged = packet(1, 4000, 2, 80, 6, KD_TCP_SYN, 1);
    tagged.vlan = 7;
    CHECK(add(tagged, &dir, &is_new) != f && is_new);
    struct kd_flow *ping = add(packet(1, 8, 2, 0, 1, 0, 1), &dir, &is_new);
    CHECK(add(packet(2, 0, 1, 0, 1, 0, 1), &dir, &is_new) == ping && dir == 1);
    CHECK(kd_flow_table_count(table) == 3);
    kd_flow_table_free(table);
}

static void who_is_the_client_when_the_beginning_is_missing(void)
{
    unsigned dir;
    bool is_new;
    begin(1000);
    kd_flow_table_service(table, 8443);
    struct kd_flow *f = add(packet(1, 8443, 2, 50000, 6, KD_TCP_ACK, 1), &dir, &is_new);
    CHECK(dir == 1 && f->server_port == 8443 && (f->flags & KD_FLOW_MIDSTREAM));
    f = add(packet(1, 53, 3, 50000, 17, 0, 1), &dir, &is_new);
    CHECK(dir == 1 && f->server_port == 53);
    f = add(packet(1, 50001, 4, 50000, 6, KD_TCP_SYN | KD_TCP_ACK, 1), &dir, &is_new);
    CHECK(dir == 1 && f->server_port == 50001);
    kd_flow_table_free(table);
}

static void silence_ends_flows(void)
{
    unsigned dir;
    bool is_new;
    begin(1000);
    (void)add(packet(1, 1, 2, 53, 17, 0, 100), &dir, &is_new);
    (void)add(packet(9, 1, 9, 53, 17, 0, 129), &dir, &is_new);
    CHECK(n_ended[KD_END_TIMEOUT] == 0);
    (void)add(packet(9, 2, 9, 53, 17, 0, 132), &dir, &is_new);
    CHECK(n_ended[KD_END_TIMEOUT] == 1 && kd_flow_table_count(table) == 2);
    kd_flow_table_time(table, 5000000000ull * 1000000); /* a jump of many years */
    CHECK(kd_flow_table_count(table) == 0 && n_ended[KD_END_TIMEOUT] == 3);
    kd_flow_table_free(table);
}

static void long_flows_tell_how_they_stand(void)
{
    unsigned dir;
    bool is_new;
    begin(1000);
    for (uint64_t s = 0; s <= 1000; s += 10) {
        struct kd_flow *f = add(packet(1, 1, 2, 80, 6, KD_TCP_ACK, 100 + s), &dir, &is_new);
        f->state = KD_FLOW_ESTABLISHED;
        f->flags |= s == 0 ? KD_FLOW_TICK : 0;
    }
    CHECK(n_ended[KD_END_UPDATE] == 3 && kd_flow_table_count(table) == 1);
    kd_flow_table_finish(table);
    CHECK(n_ended[KD_END_FORCED] == 1 && kd_flow_table_count(table) == 0);
    kd_flow_table_free(table);
}

static void full_table_gives_up_who_ends_first(void)
{
    unsigned dir;
    bool is_new;
    begin(1000);
    struct kd_flow *kept = add(packet(500, 1, 2, 80, 6, KD_TCP_SYN, 100), &dir, &is_new);
    kept->state = KD_FLOW_ESTABLISHED;
    kd_flow_table_time(table, 140ull * 1000000);
    kd_flow_table_time(table, 141ull * 1000000);
    for (uint32_t i = 0; i < 100000; i++) /* a flood from ever new addresses */
        (void)add(packet(1000 + i, 1, 2, 80, 6, KD_TCP_SYN, 141), &dir, &is_new);
    CHECK(kd_flow_table_count(table) == 1000 && n_ended[KD_END_BUDGET] == 100001 - 1000);
    CHECK(add(packet(500, 1, 2, 80, 6, KD_TCP_ACK, 142), &dir, &is_new) == kept && !is_new);
    kd_flow_table_free(table);
}

static void new_connection_on_old_ports(void)
{
    unsigned dir;
    bool is_new;
    begin(1000);
    struct kd_flow *f = add(packet(1, 1, 2, 80, 6, KD_TCP_SYN, 100), &dir, &is_new);
    uint64_t number = f->number;
    f->state = KD_FLOW_CLOSED;
    f = add(packet(1, 1, 2, 80, 6, KD_TCP_SYN, 100), &dir, &is_new);
    CHECK(is_new && f->number != number && n_ended[KD_END_FIN] == 1);
    kd_flow_table_free(table);
}

int main(void)
{
    RUN(both_directions_are_one_flow);
    RUN(who_is_the_client_when_the_beginning_is_missing);
    RUN(silence_ends_flows);
    RUN(long_flows_tell_how_they_stand);
    RUN(full_table_gives_up_who_ends_first);
    RUN(new_connection_on_old_ports);
    return tap_done();
}
