/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp.h"

#include "../../tests/tap.h"

enum { START = 0xfffffff0 }; /* so that every test wraps */

static struct kd_pool *pool;
static struct kd_limits lim;
static struct kd_tcp_half half[2];
static struct kd_flow flow;
static char got[2][4096];
static size_t n_got[2];
static unsigned n_conflicts;

static void on_data(void *arg, struct kd_flow *f, unsigned dir, struct kd_bytes in)
{
    (void)arg;
    (void)f;
    CHECK(n_got[dir] + in.n < sizeof(got[dir]));
    memcpy(got[dir] + n_got[dir], in.p, in.n);
    n_got[dir] += in.n;
}

static void on_gap(void *arg, struct kd_flow *f, unsigned dir, uint64_t n)
{
    (void)arg;
    (void)f;
    n_got[dir] += (size_t)snprintf(got[dir] + n_got[dir], 32, "[%llu]", (unsigned long long)n);
}

static void on_conflict(void *arg, struct kd_flow *f, unsigned dir)
{
    (void)arg;
    (void)f;
    (void)dir;
    n_conflicts++;
}

static const struct kd_tcp_reader reader = {.data = on_data, .gap = on_gap, .conflict = on_conflict};

static void begin(void)
{
    lim = kd_limits_default;
    pool = kd_pool_new(4 << 20);
    memset(half, 0, sizeof(half));
    memset(&flow, 0, sizeof(flow));
    memset(got, 0, sizeof(got));
    n_got[0] = n_got[1] = n_conflicts = 0;
}

static void packet(unsigned dir, uint32_t seq, uint32_t ack, uint8_t flags, const char *data)
{
    struct kd_packet p = {.seq = START + seq, .ack = START + ack, .tcp_flags = flags, .payload = kd_str(data)};
    p.payload_wire = (uint32_t)p.payload.n;
    if (flow.packets[0] + flow.packets[1] == 0 && (flags & KD_TCP_SYN) == 0)
        flow.flags |= KD_FLOW_MIDSTREAM;
    flow.packets[dir]++;
    kd_tcp_state(&flow, &p, dir);
    kd_tcp_data(half, &flow, &p, dir, &lim, pool, &reader);
}

static void data(unsigned dir, uint32_t seq, const char *text)
{
    packet(dir, seq, 0, KD_TCP_ACK, text);
}

static void handshake(void)
{
    begin();
    packet(0, 0, 0, KD_TCP_SYN, "");
    packet(1, 0, 1, KD_TCP_SYN | KD_TCP_ACK, "");
    packet(0, 1, 1, KD_TCP_ACK, "");
}

static void end_with(unsigned dir, const char *want)
{
    kd_tcp_finish(half, &flow, pool, &reader);
    got[dir][n_got[dir]] = '\0';
    if (strcmp(got[dir], want) != 0)
        printf("# got \"%s\", want \"%s\"\n", got[dir], want);
    CHECK(strcmp(got[dir], want) == 0);
    kd_tcp_drop(half, pool);
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

static void in_order(void)
{
    handshake();
    CHECK(flow.state == KD_FLOW_ESTABLISHED);
    data(0, 1, "GET ");
    data(0, 5, "/ HTTP/1.1 and well past the wrap");
    end_with(0, "GET / HTTP/1.1 and well past the wrap");
}

static void every_order_of_four_pieces(void)
{
    static const char *const text[4] = {"abcd", "efgh", "ijkl", "mnop"};
    for (unsigned code = 0; code < 256; code++) {
        unsigned order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
        if ((1u << order[0] | 1u << order[1] | 1u << order[2] | 1u << order[3]) != 15)
            continue;
        handshake();
        for (unsigned i = 0; i < 4; i++)
            data(0, 1 + order[i] * 4, text[order[i]]);
        end_with(0, "abcdefghijklmnop");
    }
}

static void retransmission_and_overlap(void)
{
    handshake();
    data(0, 1, "abcdef");
    data(0, 1, "abcdef");
    data(0, 4, "XXXghi"); /* what came first stays */
    end_with(0, "abcdefghi");
}

static void overlap_with_waiting_data(void)
{
    handshake();
    data(0, 5, "5678");
    data(0, 3, "34XX78ab");
    CHECK(n_conflicts == 1);
    data(0, 1, "12");
    end_with(0, "12345678ab");
}

static void keep_alive_and_far_data_are_ignored(void)
{
    handshake();
    data(0, 1, "ab");
    data(0, 2, "x");
    data(0, 0x60000000, "far away");
    data(0, 3, "cd");
    end_with(0, "abcd");
}

static void acknowledged_hole_is_given_up(void)
{
    handshake();
    data(0, 1, "ab");
    data(0, 7, "gh");
    for (int i = 0; i < 5; i++)
        packet(1, 1, 9, KD_TCP_ACK, "");
    data(0, 9, "ij");
    CHECK(flow.gap_bytes == 4);
    end_with(0, "ab[4]ghij");
}

static void unacknowledged_hole_waits(void)
{
    handshake();
    data(0, 1, "ab");
    data(0, 7, "gh");
    for (int i = 0; i < 50; i++)
        packet(1, 1, 3, KD_TCP_ACK, "");
    data(0, 3, "cdef");
    end_with(0, "abcdefgh");
}

static void one_sided_capture_goes_on(void)
{
    begin();
    packet(0, 0, 0, KD_TCP_SYN, "");
    data(0, 1, "ab");
    for (uint32_t i = 0; i < 60; i++)
        data(0, 5 + i, "x");
    got[0][n_got[0]] = '\0';
    CHECK(strncmp(got[0], "ab[2]xxxx", 9) == 0);
    kd_tcp_drop(half, pool);
    kd_pool_free(pool);
}

static void bounds_hold_behind_a_hole(void)
{
    handshake();
    lim.stream_segments = 8;
    data(0, 1, "ab");
    for (uint32_t i = 0; i < 20; i++)
        data(0, 10 + i * 10, "0123456789");
    CHECK((flow.flags & KD_FLOW_DEGRADED) && flow.gap_bytes == 7);
    CHECK(half[0].n_pieces <= 8);
    kd_tcp_finish(half, &flow, pool, &reader);
    CHECK(n_got[0] == strlen("ab[7]") + 200);
    kd_pool_free(pool);
}

static void midstream_starts_where_it_is_met(void)
{
    begin();
    data(0, 500, "cd");
    data(1, 900, "answer");
    data(0, 502, "ef");
    CHECK(flow.state == KD_FLOW_ESTABLISHED);
    end_with(0, "cdef");
}

static void midstream_keep_alive_is_no_beginning(void)
{
    begin();
    packet(0, 499, 100, KD_TCP_ACK, "\n"); /* repeats the last byte sent */
    packet(1, 100, 500, KD_TCP_ACK, "");
    data(0, 500, "GET");
    end_with(0, "GET");

    begin();
    packet(0, 499, 100, KD_TCP_ACK | KD_TCP_PSH, "l"); /* somebody types */
    data(0, 500, "s");
    end_with(0, "ls");
}

static void first_data_out_of_order_waits_for_the_rest(void)
{
    handshake();
    data(1, 5, "efgh");
    CHECK(n_got[1] == 0);
    data(1, 1, "abcd");
    end_with(1, "abcdefgh");
}

static void states_of_a_connection(void)
{
    handshake();
    packet(0, 1, 1, KD_TCP_FIN | KD_TCP_ACK, "bye");
    CHECK(flow.state == KD_FLOW_ESTABLISHED);
    packet(1, 1, 5, KD_TCP_FIN | KD_TCP_ACK, "");
    CHECK(flow.state == KD_FLOW_CLOSED && half[0].ended);
    end_with(0, "bye");

    begin();
    packet(0, 0, 0, KD_TCP_SYN, "");
    packet(1, 0, 1, KD_TCP_RST | KD_TCP_ACK, "");
    CHECK(flow.state == KD_FLOW_REFUSED);
    end_with(0, "");

    handshake();
    packet(1, 0x30000000, 0, KD_TCP_RST, ""); /* a guess from outside */
    CHECK(flow.state == KD_FLOW_ESTABLISHED);
    packet(1, 1, 0, KD_TCP_RST, "");
    CHECK(flow.state == KD_FLOW_RESET);
    end_with(0, "");
}

static void short_capture_becomes_a_gap(void)
{
    handshake();
    struct kd_packet p = {.seq = START + 1, .tcp_flags = KD_TCP_ACK, .payload = kd_str("abc"), .payload_wire = 10};
    flow.packets[0]++;
    kd_tcp_state(&flow, &p, 0);
    kd_tcp_data(half, &flow, &p, 0, &lim, pool, &reader);
    data(0, 11, "k");
    end_with(0, "abc[7]k");
}

static void urgent_data_is_beside_the_stream(void)
{
    static const uint8_t head[20] = {[19] = 3}; /* the pointer: the third byte is urgent */
    handshake();
    struct kd_packet p = {.seq = START + 1, .tcp_flags = KD_TCP_ACK | KD_TCP_URG, .payload = kd_str("abXcd"), .payload_wire = 5,
                          .segment = kd_bytes_of(head, sizeof(head))};
    flow.packets[0]++;
    kd_tcp_state(&flow, &p, 0);
    kd_tcp_data(half, &flow, &p, 0, &lim, pool, &reader);
    data(0, 6, "ef");
    end_with(0, "abcdef");
}

int main(void)
{
    RUN(in_order);
    RUN(every_order_of_four_pieces);
    RUN(retransmission_and_overlap);
    RUN(overlap_with_waiting_data);
    RUN(keep_alive_and_far_data_are_ignored);
    RUN(acknowledged_hole_is_given_up);
    RUN(unacknowledged_hole_waits);
    RUN(one_sided_capture_goes_on);
    RUN(bounds_hold_behind_a_hole);
    RUN(midstream_starts_where_it_is_met);
    RUN(midstream_keep_alive_is_no_beginning);
    RUN(first_data_out_of_order_waits_for_the_rest);
    RUN(states_of_a_connection);
    RUN(short_capture_becomes_a_gap);
    RUN(urgent_data_is_beside_the_stream);
    return tap_done();
}
