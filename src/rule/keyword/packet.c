/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of a packet, and what is known of its addresses. */
#include "rule/internal.h"

/* Letters to bits, with "+", "*", "!" before or behind them; "0": none. */
static bool bits(struct kd_bytes v, const char *letters, const uint16_t *bit, struct kd_flags *ret)
{
    bool bare = false;
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        const char *at = c == 0 ? NULL : strchr(letters, c);
        if (c == '+')
            ret->modifier = KD_FLAGS_PLUS;
        else if (c == '*')
            ret->modifier = KD_FLAGS_ANY;
        else if (c == '!')
            ret->modifier = KD_FLAGS_NOT;
        else if (c == '0')
            bare = true;
        else if (at != NULL)
            ret->bits |= bit[at - letters];
        else if (c != ' ')
            return false;
    }
    return ret->bits != 0 || bare;
}

static const char tcp_letters[] = "FSRPAUEC12fsrpauec";
static const uint16_t tcp_bits[] = {1,  2, 4, 8, 16, 32, 64, 128, 128,
                                    64, 1, 2, 4, 8,  16, 32, 64,  128};

/* "S,12": flags, and those that are not looked at */
static bool tcp_flags(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_flags f = {0}, ignore = {0};
    struct kd_bytes rest = v;
    (void)kw;
    struct kd_bytes set = kd_cut_word(&rest, ',');
    rest = kd_bytes_trim(rest);
    if (!bits(set, tcp_letters, tcp_bits, &f) ||
        (rest.n > 0 && !bits(rest, tcp_letters, tcp_bits, &ignore)))
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    f.ignore = ignore.bits;
    struct kd_cond *c = kd_parse_check(p, KD_COND_TCP_FLAGS);
    if (c != NULL)
        c->is.flags = f;
    return c != NULL;
}

static bool fragbits(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const uint16_t bit[] = {1, 2, 4, 1, 2, 4};
    struct kd_flags f = {0};
    (void)kw;
    if (!bits(v, "MDRmdr", bit, &f))
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    struct kd_cond *c = kd_parse_check(p, KD_COND_FRAGBITS);
    if (c != NULL)
        c->is.flags = f;
    return c != NULL;
}

static bool ipopts(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const struct {
        const char *name;
        uint8_t option;
    } options[] = {{"eol", 0},    {"nop", 1},      {"rr", 7},     {"qs", 25},     {"ts", 68},
                   {"sec", 130},  {"lsrr", 131},   {"esec", 133}, {"cipso", 134}, {"satid", 136},
                   {"ssrr", 137}, {"rtralt", 148}, {"any", 255}};
    (void)kw;
    for (size_t i = 0; i < KD_COUNT(options); i++) {
        if (!kd_bytes_ieq(v, kd_str(options[i].name)))
            continue;
        struct kd_cond *c = kd_parse_check(p, KD_COND_IPOPTS);
        if (c != NULL) {
            c->is.words.a = options[i].option;
            c->is.words.b = kd_bytes_ieq(v, kd_str("any"));
        }
        return c != NULL;
    }
    return kd_refuse_word(p, KD_WHY_VALUE, v);
}

static const char protocols[] = "ip=0,icmp=1,igmp=2,ggp=3,ipip=4,ipencap=4,st=5,tcp=6,egp=8,igp=9,"
                                "pup=12,udp=17,hmp=20,xns-idp=22,rdp=27,iso-tp4=29,"
                                "dccp=33,xtp=36,ddp=37,idpr-cmtp=38,ipv6=41,ipv6-route=43,ipv6-"
                                "frag=44,idrp=45,rsvp=46,gre=47,esp=50,ipsec-esp=50,"
                                "ah=51,ipsec-ah=51,skip=57,ipv6-icmp=58,icmp6=58,icmpv6=58,ipv6-"
                                "nonxt=59,ipv6-opts=60,rspf=73,vmtp=81,eigrp=88,"
                                "ospf=89,ospfigp=89,ax.25=93,encap=98,pim=103,ipcomp=108,vrrp=112,"
                                "l2tp=115,isis=124,sctp=132,fc=133,udplite=136,"
                                "mpls-in-ip=137,hip=139";

static bool ip_proto(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_range r;
    (void)kw;
    if (!kd_range_parse(v, 8, protocols, &r))
        return kd_refuse_word(p, KD_WHY_RANGE, v);
    struct kd_cond *c = kd_parse_check(p, KD_COND_IP_PROTO);
    struct kd_range *copy = kd_arena_alloc(&p->st->mem, sizeof(*copy));
    if (c == NULL)
        return false;
    if (copy == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    *copy = r;
    c->is.ranges = (struct kd_ranges){1, copy};
    return true;
}

static bool bare(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)v;
    return kd_parse_check(p, (enum kd_cond_kind)kw->arg) != NULL;
}

static bool csum(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    bool valid = kd_bytes_ieq(v, kd_str("valid"));
    if (!valid && !kd_bytes_ieq(v, kd_str("invalid")))
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    struct kd_cond *c = kd_parse_check(p, KD_COND_CSUM);
    if (c != NULL) {
        c->is.words.a = (uint32_t)kw->arg;
        c->is.words.b = valid;
    }
    return c != NULL;
}

static bool side_of(struct kd_bytes v, enum kd_side *ret)
{
    static const struct {
        const char *name;
        enum kd_side side;
    } sides[] = {{"src", KD_SIDE_SRC},
                 {"dst", KD_SIDE_DST},
                 {"dest", KD_SIDE_DST},
                 {"any", KD_SIDE_EITHER},
                 {"both", KD_SIDE_BOTH}};
    for (size_t i = 0; i < KD_COUNT(sides); i++)
        if (kd_bytes_ieq(v, kd_str(sides[i].name))) {
            *ret = sides[i].side;
            return true;
        }
    return false;
}

/* "src,RU,!CN" */
static bool geoip(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    enum { COUNTRIES_MAX = 128 };
    enum kd_side side = KD_SIDE_EITHER;
    struct kd_bytes rest = v;
    (void)kw;
    if (side_of(kd_cut_word(&rest, ','), &side))
        v = rest;
    struct kd_cond *c = kd_parse_check(p, KD_COND_GEOIP);
    struct kd_bytes *word = kd_arena_alloc(&p->st->mem, COUNTRIES_MAX * sizeof(*word));
    if (c == NULL)
        return false;
    if (word == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    c->is.words = (struct kd_words){.a = side, .word = word};
    while (v.n > 0) {
        struct kd_bytes country = kd_cut_word(&v, ',');
        c->negated |= kd_bytes_at(country, 0) == '!';
        if (kd_bytes_at(country, 0) == '!')
            country = kd_bytes_from(country, 1);
        if (country.n != 2 || c->is.words.n >= COUNTRIES_MAX)
            return kd_refuse_word(p, KD_WHY_VALUE, country);
        word[c->is.words.n++] = kd_parse_copy(p, country);
    }
    return c->is.words.n > 0 || kd_refuse(p, KD_WHY_VALUE);
}

/* "dst,CATEGORY,>,30" or "dst,CATEGORY,>30" or "dst,CATEGORY,isset" */
static bool iprep(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_sided s = {0};
    struct kd_bytes all = v;
    (void)kw;
    struct kd_bytes side = kd_cut_word(&v, ','), word = kd_cut_word(&v, ',');
    struct kd_bytes op = kd_cut_word(&v, ',');
    if (!side_of(side, &s.side) || word.n == 0)
        return kd_refuse_word(p, KD_WHY_VALUE, all);
    s.range = (struct kd_range){0, 127, KD_RANGE_IN};
    s.is_unset = kd_bytes_eq_str(op, "isnotset");
    bool alone = s.is_unset || kd_bytes_eq_str(op, "isset");
    bool ok = alone     ? v.n == 0
              : v.n > 0 ? kd_parse_compared(op, kd_bytes_trim(v), 7, &s.range)
                        : kd_range_parse(op, 7, "", &s.range);
    if (!ok)
        return kd_refuse_word(p, KD_WHY_RANGE, all);
    s.word = kd_parse_copy(p, word);
    struct kd_cond *c = kd_parse_check(p, KD_COND_IPREP);
    if (c != NULL)
        c->is.sided = s;
    return c != NULL;
}

const struct kd_keyword kd_keywords_packet[] = {
    {"flags,tcp.flags", tcp_flags, 0, KW_NEEDED, KW_PLAIN, false, "[+*!]FSRPAUEC12|0[,IGNORED]",
     "TCP flags", "TCP フラグ"},
    {"fragbits", fragbits, 0, KW_NEEDED, KW_PLAIN, false, "[+*!]MDR", "IPv4 fragmentation bits",
     "IPv4 の断片化フラグ"},
    {"ipopts", ipopts, 0, KW_NEEDED, KW_PLAIN, false,
     "eol|nop|rr|qs|ts|sec|lsrr|esec|cipso|satid|ssrr|rtralt|any", "an IPv4 option is there",
     "IPv4 オプションがある"},
    {"ip_proto", ip_proto, 0, KW_NEEDED, KW_PLAIN, false, "[!<>]N|NAME", "protocol above IP",
     "IP の上位プロトコル"},
    {"sameip", bare, KD_COND_SAMEIP, KW_NONE, KW_PLAIN, false, NULL,
     "source and destination are the same", "送信元と宛先が同じ"},
    {"ftpbounce", bare, KD_COND_FTPBOUNCE, KW_NONE, KW_PLAIN, false, NULL,
     "an FTP client names another host than its own", "FTP で自分以外のホストを指定している"},
    {"ipv4-csum", csum, KD_CSUM_IPV4, KW_NEEDED, KW_MAY_QUOTE, false, "valid|invalid",
     "checksum of IPv4", "IPv4 のチェックサム"},
    {"tcpv4-csum", csum, KD_CSUM_TCPV4, KW_NEEDED, KW_MAY_QUOTE, false, "valid|invalid",
     "checksum of TCP over IPv4", "TCP (IPv4) のチェックサム"},
    {"tcpv6-csum", csum, KD_CSUM_TCPV6, KW_NEEDED, KW_MAY_QUOTE, false, "valid|invalid",
     "checksum of TCP over IPv6", "TCP (IPv6) のチェックサム"},
    {"udpv4-csum", csum, KD_CSUM_UDPV4, KW_NEEDED, KW_MAY_QUOTE, false, "valid|invalid",
     "checksum of UDP over IPv4", "UDP (IPv4) のチェックサム"},
    {"udpv6-csum", csum, KD_CSUM_UDPV6, KW_NEEDED, KW_MAY_QUOTE, false, "valid|invalid",
     "checksum of UDP over IPv6", "UDP (IPv6) のチェックサム"},
    {"icmpv4-csum", csum, KD_CSUM_ICMPV4, KW_NEEDED, KW_MAY_QUOTE, false, "valid|invalid",
     "checksum of ICMPv4", "ICMPv4 のチェックサム"},
    {"icmpv6-csum", csum, KD_CSUM_ICMPV6, KW_NEEDED, KW_MAY_QUOTE, false, "valid|invalid",
     "checksum of ICMPv6", "ICMPv6 のチェックサム"},
    {"igmp-csum", csum, KD_CSUM_IGMP, KW_NEEDED, KW_MAY_QUOTE, false, "valid|invalid",
     "checksum of IGMP", "IGMP のチェックサム"},
    {"geoip", geoip, 0, KW_NEEDED, KW_PLAIN, false, "[src|dst|any|both,]COUNTRY[,…]",
     "country of an address (with the operator's file)",
     "アドレスの国(運用者が置くファイルによる)"},
    {"iprep", iprep, 0, KW_NEEDED, KW_PLAIN, false, "src|dst|any|both,CATEGORY,OP,N",
     "reputation of an address", "アドレスの評判"},
    {0},
};
