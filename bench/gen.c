/* SPDX-License-Identifier: Apache-2.0 */
/* Writes captures for the bench, the same bytes for the same arguments:
 *
 *   gen flows N FILE     N conversations open at once: each a DNS question, a SYN, or a TCP connection with one small
 *                        message each way, none of them ended
 *   gen small N FILE     N packets: DNS look-ups, connection attempts, a scan, short connections that end
 *   gen bulk MIB FILE    web downloads of 8 MiB each, MIB in all, 8 at a time
 *
 * Addresses are of 10.0.0.0/8 (clients) and 198.18.0.0/15 (servers, RFC 2544). */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 1514, ETH = 14, IP = 20, TCP = 20, UDP = 8, MSS = FRAME_MAX - ETH - IP - TCP };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { TCP_PROTO = 6, UDP_PROTO = 17, AT_ONCE = 8 };

static FILE *out;
static uint64_t time_us = 1700000000000000u;
static uint64_t random_state = 1;
static uint64_t packets;

static uint32_t random32(void)
{
    /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z ^ z >> 31);
}

static void put(const void *p, size_t n)
{
    if (fwrite(p, 1, n, out) != n) {
        perror("gen: write");
        exit(3);
    }
}

static void be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void be32(uint8_t *p, uint32_t v)
{
    be16(p, v >> 16);
    be16(p + 2, v & 0xffff);
}

struct talk {
    uint32_t client, server;
    uint16_t client_port, server_port;
    uint32_t seq[2];
};

static void headers(uint8_t *f, const struct talk *t, bool back, uint8_t proto, size_t ip_len)
{
    memset(f, 0, ETH + IP);
    f[0] = f[6] = 2;
    f[5] = back ? 1 : 2;
    f[11] = back ? 2 : 1;
    be16(f + 12, 0x0800);
    uint8_t *ip = f + ETH;
    ip[0] = 0x45;
    be16(ip + 2, (uint32_t)ip_len);
    ip[8] = 64;
    ip[9] = proto;
    be32(ip + 12, back ? t->server : t->client);
    be32(ip + 16, back ? t->client : t->server);
    uint32_t sum = 0;
    for (int i = 0; i < IP; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    be16(ip + 10, ~(sum + (sum >> 16)) & 0xffff);
}

static void frame(const uint8_t *f, size_t n)
{
    uint32_t head[4] = {(uint32_t)(time_us / 1000000), (uint32_t)(time_us % 1000000), (uint32_t)n, (uint32_t)n};
    put(head, sizeof(head));
    put(f, n);
    packets++;
}

static void udp(const struct talk *t, bool back, const uint8_t *data, size_t n)
{
    uint8_t f[FRAME_MAX];
    headers(f, t, back, UDP_PROTO, IP + UDP + n);
    uint8_t *u = f + ETH + IP;
    be16(u, back ? t->server_port : t->client_port);
    be16(u + 2, back ? t->client_port : t->server_port);
    be16(u + 4, (uint32_t)(UDP + n));
    be16(u + 6, 0);
    memcpy(u + UDP, data, n);
    frame(f, ETH + IP + UDP + n);
}

static void tcp(struct talk *t, bool back, unsigned flags, const uint8_t *data, size_t n)
{
    uint8_t f[FRAME_MAX];
    headers(f, t, back, TCP_PROTO, IP + TCP + n);
    uint8_t *h = f + ETH + IP;
    memset(h, 0, TCP);
    be16(h, back ? t->server_port : t->client_port);
    be16(h + 2, back ? t->client_port : t->server_port);
    be32(h + 4, t->seq[back]);
    be32(h + 8, flags & ACK ? t->seq[!back] : 0);
    h[12] = TCP / 4 << 4;
    h[13] = (uint8_t)flags;
    be16(h + 14, 65535);
    if (n > 0)
        memcpy(h + TCP, data, n);
    frame(f, ETH + IP + TCP + n);
    t->seq[back] += (uint32_t)n + ((flags & (SYN | FIN)) != 0);
}

/* The i-th conversation; addresses and ports do not repeat within 2^32. */
static struct talk talk(uint32_t i, uint16_t port)
{
    return (struct talk){
        .client = 0x0a000000u | (i >> 8 & 0xffff) << 2 | 1,
        .server = 0xc6120000u | (random32() & 0xfff),
        .client_port = (uint16_t)(1024 + (i & 0xff) * 200 + (i >> 24)),
        .server_port = port,
        .seq = {random32(), random32()},
    };
}

/* A question for wXXXXXXXX.example, or its answer. */
static size_t dns(uint8_t *m, uint32_t number, bool answer)
{
    static const uint8_t tail[] = "\7example\0\0\1\0\1";
    static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 198, 18, 0, 1};
    char label[16];
    memset(m, 0, 12);
    be16(m, number);
    be16(m + 2, answer ? 0x8180 : 0x0100);
    m[5] = 1;
    m[7] = answer;
    int n = snprintf(label, sizeof(label), "%cw%08" PRIx32, 9, number);
    memcpy(m + 12, label, (size_t)n);
    size_t at = 12 + (size_t)n;
    memcpy(m + at, tail, sizeof(tail) - 1);
    at += sizeof(tail) - 1;
    if (answer) {
        memcpy(m + at, record, sizeof(record));
        at += sizeof(record);
    }
    return at;
}

static void handshake(struct talk *t)
{
    tcp(t, false, SYN, NULL, 0);
    tcp(t, true, SYN | ACK, NULL, 0);
    tcp(t, false, ACK, NULL, 0);
}

static void look_up(uint32_t i, bool answered)
{
    uint8_t m[128];
    struct talk t = talk(i, 53);
    udp(&t, false, m, dns(m, i, false));
    if (answered)
        udp(&t, true, m, dns(m, i, true));
}

static void short_connection(uint32_t i, bool ended)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: www.example\r\nUser-Agent: gen\r\n\r\n";
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";
    struct talk t = talk(i, 80);
    handshake(&t);
    tcp(&t, false, PSH | ACK, (const uint8_t *)request, sizeof(request) - 1);
    tcp(&t, true, PSH | ACK, (const uint8_t *)answer, sizeof(answer) - 1);
    if (!ended)
        return;
    tcp(&t, false, FIN | ACK, NULL, 0);
    tcp(&t, true, FIN | ACK, NULL, 0);
    tcp(&t, false, ACK, NULL, 0);
}

static void syn(uint32_t i, uint16_t port, bool refused)
{
    struct talk t = talk(i, port);
    tcp(&t, false, SYN, NULL, 0);
    if (refused)
        tcp(&t, true, RST | ACK, NULL, 0);
}

/* All within twenty seconds, so that no time-out ends any. */
static void flows(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        time_us += 20000000 / n;
        if (i % 3 == 0)
            look_up((uint32_t)i, true);
        else if (i % 3 == 1)
            syn((uint32_t)i, 443, false);
        else
            short_connection((uint32_t)i, false);
    }
}

static void small(uint64_t n)
{
    for (uint32_t i = 0; packets < n; i++) {
        time_us += 5;
        unsigned kind = random32() % 16;
        if (kind < 6)
            look_up(i, true);
        else if (kind < 10)
            syn(i, 443, false);
        else if (kind < 14)
            syn(i, (uint16_t)(random32() & 0xffff), true);
        else
            short_connection(i, true);
    }
}

static void download_piece(struct talk *t, uint8_t *data)
{
    for (unsigned i = 0; i < 16; i++)
        data[random32() % MSS] = (uint8_t)random32();
    tcp(t, true, ACK, data, MSS);
    time_us += 12;
}

static void bulk(uint64_t mib)
{
    enum { FILE_BYTES = 8 << 20 };
    static uint8_t data[MSS];
    static const char request[] = "GET /file HTTP/1.1\r\nHost: files.example\r\n\r\n";
    char answer[128];
    int n = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", FILE_BYTES / MSS * MSS);
    for (uint64_t done = 0; done < mib; done += 8 * AT_ONCE) {
        struct talk t[AT_ONCE];
        for (uint32_t k = 0; k < AT_ONCE; k++) {
            t[k] = talk((uint32_t)(done * 64 + k), 80);
            handshake(&t[k]);
            tcp(&t[k], false, PSH | ACK, (const uint8_t *)request, sizeof(request) - 1);
            tcp(&t[k], true, PSH | ACK, (const uint8_t *)answer, (size_t)n);
        }
        for (unsigned piece = 0; piece < FILE_BYTES / MSS; piece++)
            for (unsigned k = 0; k < AT_ONCE; k++) {
                download_piece(&t[k], data);
                if (piece % 2 == 1)
                    tcp(&t[k], false, ACK, NULL, 0);
            }
        for (unsigned k = 0; k < AT_ONCE; k++) {
            tcp(&t[k], true, FIN | ACK, NULL, 0);
            tcp(&t[k], false, FIN | ACK, NULL, 0);
            tcp(&t[k], true, ACK, NULL, 0);
        }
    }
}

int main(int argc, char **argv)
{
    static const uint32_t head[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    uint64_t n = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
    if (n == 0) {
        fprintf(stderr, "usage: gen flows|small|bulk N FILE\n");
        return 2;
    }
    out = fopen(argv[3], "wb");
    if (out == NULL) {
        perror(argv[3]);
        return 3;
    }
    put(head, sizeof(head));
    if (strcmp(argv[1], "flows") == 0)
        flows(n);
    else if (strcmp(argv[1], "small") == 0)
        small(n);
    else
        bulk(n);
    if (fclose(out) != 0) {
        perror(argv[3]);
        return 3;
    }
    return 0;
}
