/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about headers.  Every row: a rule, a packet (hexadecimal, from the IP header on; "arp": an Ethernet frame), and
 * whether it must match. */
#include "match/match.h"
#include "rule/rules.h"

#include "../../tests/tap.h"

static unsigned alerts;

static void on_alert(void *arg, const struct kd_match_alert *a)
{
    (void)arg, (void)a;
    alerts++;
}

static size_t unhex(const char *hex, uint8_t *to, size_t room)
{
    size_t n = 0;
    int high = -1;
    for (; *hex != 0 && n < room; hex++) {
        int v = *hex >= '0' && *hex <= '9' ? *hex - '0' : *hex >= 'a' && *hex <= 'f' ? *hex - 'a' + 10 : -1;
        if (v < 0)
            continue;
        if (high >= 0)
            to[n++] = (uint8_t)(high << 4 | v);
        high = high < 0 ? v : -1;
    }
    return n;
}

static bool matches(const char *rule, const char *hex)
{
    uint8_t room[512];
    bool arp = strncmp(hex, "arp", 3) == 0;
    struct kd_captured frame = {.ts_us = 1000000, .link = arp ? KD_LINK_ETHERNET : KD_LINK_RAW};
    size_t n = unhex(arp ? hex + 3 : hex, room, sizeof(room));
    frame.bytes = kd_bytes_of(room, n);
    frame.length = (uint32_t)n;
    struct kd_packet p;
    kd_packet_decode(&frame, 4, &p);
    kd_packet_look_closer(&p);
    struct kd_err err = {0};
    struct kd_pool *pool = kd_pool_new(64 << 20);
    struct kd_rules *rules = kd_rules_new(pool, &kd_limits_default);
    char text[1000];
    snprintf(text, sizeof(text), "alert %s sid:1;)\n", rule);
    if (kd_rules_read(rules, "test", kd_str(text)) != KD_OK || kd_rules_finish(rules) != KD_OK)
        abort();
    if (rules->n != 1)
        printf("# refused: %s\n", text);
    CHECK(rules->n == 1);
    struct kd_ruleset *set = kd_ruleset_new(rules, kd_str(NULL), &err);
    struct kd_matcher *m = kd_matcher_new(set, pool, &kd_limits_default, 1, (struct kd_match_out){.alert = on_alert});
    struct kd_match_flow *flow = NULL;
    uint8_t quiet = 0;
    struct kd_match_at at = {
        .packet = &p, .addr = {p.src, p.dst}, .port = {p.sport, p.dport}, .proto = p.proto, .kind = p.kind,
        .now_us = 1000000, .packets = {1, 0}, .flow = &flow, .quiet = &quiet,
    };
    alerts = 0;
    kd_match_packet(m, &at, false);
    for (unsigned i = 0; i < p.n_odd; i++)
        kd_match_event(m, &at, kd_odd_names[p.odd[i]] + strlen("decoder."));
    kd_match_flow_end(m, &flow);
    kd_matcher_free(m);
    kd_ruleset_free(set);
    kd_rules_free(rules);
    kd_pool_free(pool);
    return alerts > 0;
}

/* 10.0.0.5:1024 to 203.0.113.9:80, SYN, MSS 1460, window scale 7; identification 0x1234, DF, TOS 0x10. */
#define SYN "4510 0030 1234 4000 40 06 e275 0a000005 cb007109 " \
            "0400 0050 00000009 00000000 7002 2000 13b7 0000 0204 05b4 0303 07 01"
/* The same with a wrong checksum of IP, and of TCP. */
#define SYN_SUM "4510 0030 1234 4000 40 06 e274 0a000005 cb007109 " \
                "0400 0050 00000009 00000000 7002 2000 13b6 0000 0204 05b4 0303 07 01"
/* UDP with router alert among IPv4's options; a security option whose length is wrong. */
#define ALERT "4600 0022 0001 0000 40 11 0000 0a000005 cb007109 94040000 0400 0035 000a 0000 6869"
#define BAD_OPTION "4700 0026 0001 0000 40 11 0000 0a000005 cb007109 8203000194040000 0400 0035 000a 0000 6869"
/* The second fragment, at 8 * 2, more to come. */
#define FRAGMENT "4500 001c 0001 2002 40 11 0000 0a000005 cb007109 0102030405060708"
#define ECHO "4500 001c 0001 0000 40 01 0000 0a000005 cb007109 0800 f7fa 0003 0002"
#define TIME "4500 001c 0001 0000 40 01 0000 0a000005 cb007109 0d09 f7fa 0003 0002"
#define IGMP "4600 0020 0001 0000 01 02 0000 0a000005 e0000001 94040000 1100 eeff 00000000"
#define IGMP_CUT "4500 0018 0001 0000 01 02 0000 0a000005 e0000001 1100 eeff"
#define SCTP "4500 0034 0001 0000 40 84 0000 0a000005 cb007109 0400 0050 00000007 00000000 0a00 0008 61626364 00030006 7879 0000"
/* ICMPv6: packet too big, MTU 1000; behind a fragment header that splits nothing; two of them. */
#define V6_HEAD "20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define TOO_BIG "60000000 0008 3a 40 " V6_HEAD "0200 0000 000003e8"
#define USELESS "60000000 0010 2c 40 " V6_HEAD "3a000000 00000001 0200 0000 000003e8"
#define TWICE "60000000 0018 2c 40 " V6_HEAD "2c000000 00000001 3a000000 00000001 0200 0000 000003e8"
#define V6_UDP "60000000 000a 11 40 " V6_HEAD "0400 0035 000a 0000 6869"
#define ARP "arp ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a000005 000000000000 0a000001"
/* UDP in VXLAN, network 5: the rules see what is inside. */
#define VXLAN "4500 0050 0001 0000 40 11 0000 0a000005 cb007109 0400 12b5 003c 0000 08000000 00000500 " \
              "020000000002 020000000001 0800 4500 001e 0001 0000 3f 11 0000 c0a80001 c0a80002 0400 0035 000a 0000 6869"

static const struct {
    const char *rule, *packet;
    bool match;
} rows[] = {
    {"ip any any -> any any (ttl:64;", SYN, true},
    {"ip any any -> any any (ttl:63;", SYN, false},
    {"ip any any -> any any (tos:16;", SYN, true},
    {"ip any any -> any any (tos:17;", SYN, false},
    {"ip any any -> any any (id:4660;", SYN, true},
    {"ip any any -> any any (id:4661;", SYN, false},
    {"ip any any -> any any (id:4660;", V6_UDP, false},
    {"tcp any any -> any any (tcp.mss:1400-1500;", SYN, true},
    {"tcp any any -> any any (tcp.mss:<536;", SYN, false},
    {"tcp any any -> any any (tcp.wscale:7;", SYN, true},
    {"tcp any any -> any any (tcp.wscale:>7;", SYN, false},
    {"tcp any any -> any any (seq:9;", SYN, true},
    {"tcp any any -> any any (seq:8;", SYN, false},
    {"tcp any any -> any any (ack:0;", SYN, true},
    {"tcp any any -> any any (ack:1;", SYN, false},
    {"tcp any any -> any any (window:8192;", SYN, true},
    {"tcp any any -> any any (window:!8192;", SYN, false},
    {"tcp any any -> any any (flags:S;", SYN, true},
    {"tcp any any -> any any (flags:SA;", SYN, false},
    {"tcp any any -> any any (flags:*SA;", SYN, true},
    {"tcp any any -> any any (flags:+A;", SYN, false},
    {"tcp any any -> any any (flags:!S;", SYN, false},
    {"tcp any any -> any any (flags:S,CE;", SYN, true},
    {"tcp any any -> any any (tcp.hdr; content:\"|02 04|\"; offset:20; depth:2;", SYN, true},
    {"tcp any any -> any any (tcp.hdr; content:\"|02 05|\"; offset:20; depth:2;", SYN, false},
    {"ip any any -> any any (ipv4.hdr; content:\"|12 34|\"; offset:4; depth:2;", SYN, true},
    {"ip any any -> any any (ipv4.hdr; content:\"|12 34|\"; offset:5; depth:2;", SYN, false},
    {"ip any any -> any any (ipv4-csum:valid;", SYN, true},
    {"ip any any -> any any (ipv4-csum:invalid;", SYN, false},
    {"ip any any -> any any (ipv4-csum:invalid;", SYN_SUM, true},
    {"tcp any any -> any any (tcpv4-csum:invalid;", SYN_SUM, true},
    {"tcp any any -> any any (tcpv4-csum:invalid;", SYN, false},
    {"udp any any -> any any (udpv4-csum:valid;", ALERT, true},
    {"udp any any -> any any (udpv4-csum:invalid;", ALERT, false},
    {"ip any any -> any any (ipopts:rtralt;", ALERT, true},
    {"ip any any -> any any (ipopts:any;", ALERT, true},
    {"ip any any -> any any (ipopts:lsrr;", ALERT, false},
    {"ip any any -> any any (ipopts:any;", SYN, false},
    {"ip any any -> any any (fragbits:D;", SYN, true},
    {"ip any any -> any any (fragbits:M;", SYN, false},
    {"ip any any -> any any (fragbits:+M;", FRAGMENT, true},
    {"ip any any -> any any (fragbits:!M;", FRAGMENT, false},
    {"ip any any -> any any (fragoffset:2;", FRAGMENT, true},
    {"ip any any -> any any (fragoffset:0;", FRAGMENT, false},
    {"ip any any -> any any (flow:only_frag; ttl:64;", FRAGMENT, true},
    {"ip any any -> any any (flow:no_frag; ttl:64;", FRAGMENT, false},
    {"udp any any -> any any (ttl:64;", FRAGMENT, false},
    {"udp any any -> any 53 (udp.hdr; content:\"|00 0a|\"; offset:4; depth:2;", ALERT, true},
    {"udp any any -> any 53 (udp.hdr; content:\"|00 0b|\"; offset:4; depth:2;", ALERT, false},
    {"icmp any any -> any any (icmpv4.hdr; content:\"|00 03|\"; offset:4; depth:2;", ECHO, true},
    {"icmp any any -> any any (icmpv4.hdr; content:\"|00 04|\"; offset:4; depth:2;", ECHO, false},
    {"icmp any any -> any any (itype:8; icode:0; icmp_id:3; icmp_seq:2;", ECHO, true},
    {"icmp any any -> any any (itype:8; icmp_id:2;", ECHO, false},
    {"icmp any any -> any any (icmpv4-csum:valid;", ECHO, true},
    {"icmp any any -> any any (icmpv4-csum:invalid;", ECHO, false},
    {"pkthdr any any -> any any (decode-event:icmpv4.unknown_code;", TIME, true},
    {"pkthdr any any -> any any (decode-event:icmpv4.unknown_code;", ECHO, false},
    {"pkthdr any any -> any any (decode-event:ipv4.opt_invalid_len;", BAD_OPTION, true},
    {"pkthdr any any -> any any (decode-event:ipv4.opt_invalid_len;", ALERT, false},
    {"igmp any any -> any any (igmp.type:17;", IGMP, true},
    {"igmp any any -> any any (igmp.type:34;", IGMP, false},
    {"igmp any any -> any any (igmp.hdr; content:\"|11 00|\"; startswith;", IGMP, true},
    {"igmp any any -> any any (igmp.hdr; content:\"|12 00|\"; startswith;", IGMP, false},
    {"igmp any any -> any any (igmp-csum:valid;", IGMP, true},
    {"igmp any any -> any any (igmp-csum:invalid;", IGMP, false},
    {"igmp any any -> any any (ttl:64;", SCTP, false},
    {"pkthdr any any -> any any (decode-event:igmp.pkt_too_small;", IGMP_CUT, true},
    {"pkthdr any any -> any any (decode-event:igmp.pkt_too_small;", IGMP, false},
    {"sctp any any -> any any (sctp.chunk_type:10;", SCTP, true},
    {"sctp any any -> any any (sctp.chunk_type:1;", SCTP, false},
    {"sctp any any -> any any (sctp.chunk_cnt:2;", SCTP, true},
    {"sctp any any -> any any (sctp.chunk_cnt:3;", SCTP, false},
    {"sctp any any -> any any (sctp.vtag:7;", SCTP, true},
    {"sctp any any -> any any (sctp.vtag:8;", SCTP, false},
    {"sctp any any -> any any (sctp.chunk_data; content:\"xy\";", SCTP, true},
    {"sctp any any -> any any (sctp.chunk_data; content:\"yx\";", SCTP, false},
    {"sctp any any -> any any (sctp.hdr; content:\"|04 00|\"; startswith;", SCTP, true},
    {"sctp any any -> any any (sctp.hdr; content:\"|04 01|\"; startswith;", SCTP, false},
    {"ip any any -> any any (ip_proto:132;", SCTP, true},
    {"ip any any -> any any (ip_proto:!132;", SCTP, false},
    {"icmp any any -> any any (icmpv6.mtu:<1280;", TOO_BIG, true},
    {"icmp any any -> any any (icmpv6.mtu:>1280;", TOO_BIG, false},
    {"icmp any any -> any any (icmpv6.hdr; content:\"|03 e8|\"; endswith;", TOO_BIG, true},
    {"icmp any any -> any any (icmpv6.hdr; content:\"|03 e9|\"; endswith;", TOO_BIG, false},
    {"ip any any -> any any (ipv6.hdr; content:\"|3a 40|\"; offset:6; depth:2;", TOO_BIG, true},
    {"ip any any -> any any (ipv6.hdr; content:\"|3a 40|\"; offset:6; depth:2;", SYN, false},
    {"ip6 any any -> any any (ttl:64;", TOO_BIG, true},
    {"ip4 any any -> any any (ttl:64;", TOO_BIG, false},
    {"pkthdr any any -> any any (decode-event:ipv6.exthdr_useless_fh;", USELESS, true},
    {"pkthdr any any -> any any (decode-event:ipv6.exthdr_useless_fh;", TOO_BIG, false},
    {"pkthdr any any -> any any (decode-event:ipv6.exthdr_dupl_fh;", TWICE, true},
    {"pkthdr any any -> any any (decode-event:ipv6.exthdr_dupl_fh;", USELESS, false},
    {"arp any any -> any any (", ARP, true},
    {"arp any any -> any any (", SYN, false},
    {"ip any any -> any any (ttl:<255;", ARP, false},
    {"udp 192.168.0.1 any -> any 53 (ttl:63;", VXLAN, true},
    {"udp 10.0.0.5 any -> any 4790 (ttl:63;", VXLAN, false},
};

static void headers(void)
{
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        bool hit = matches(rows[i].rule, rows[i].packet);
        if (hit != rows[i].match)
            printf("# %s on %s\n", rows[i].rule, rows[i].packet);
        CHECK(hit == rows[i].match);
    }
}

static void what_nobody_tells_is_refused(void)
{
    static const char *const rules_text[] = {
        "alert ip any any -> any any (geoip:src,JP; sid:1;)\n",
        "alert msn any any -> any any (sid:1;)\n",
        "alert ether any any -> any any (ether.hdr; content:\"|08 06|\"; sid:1;)\n",
        "alert ip any any -> any any (ttl:1; sid:1;)\n",
    };
    for (size_t i = 0; i < KD_COUNT(rules_text); i++) {
        struct kd_pool *pool = kd_pool_new(64 << 20);
        struct kd_rules *rules = kd_rules_new(pool, &kd_limits_default);
        CHECK(kd_rules_read(rules, "test", kd_str(rules_text[i])) == KD_OK && kd_rules_finish(rules) == KD_OK);
        kd_ruleset_fit(rules);
        bool good = i == KD_COUNT(rules_text) - 1;
        CHECK(rules->n == (good ? 1 : 0) && rules->n_refused == (good ? 0 : 1));
        CHECK(good || (rules->refusal[0].line == 1 && rules->refusal[0].why != NULL));
        kd_rules_free(rules);
        kd_pool_free(pool);
    }
}

int main(void)
{
    RUN(headers);
    RUN(what_nobody_tells_is_refused);
    return tap_done();
}
