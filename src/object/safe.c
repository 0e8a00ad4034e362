/* SPDX-License-Identifier: Apache-2.0 */
/* What no list may make an alarm of: lists of others hold such by mistake again and again (their sandbox asked Google
 * for the time, their page was behind a large cache), and a site with ten thousand false alarms sees the true one no
 * longer.  docs/internals/objects.md tells it to people; whoever knows better writes `force: true`. */
#include "base/hash.h"
#include "object/internal.h"

/* all: the names below as well.  Without it only the name itself, where strangers own what is below. */
static const struct {
    const char *name;
    bool all;
} names[] = {
    {"google.com", 1},       {"googleapis.com", 0},     {"gstatic.com", 1},       {"google.co.jp", 1},
    {"googleusercontent.com", 0}, {"gvt1.com", 1},      {"youtube.com", 1},       {"ytimg.com", 1},
    {"googlevideo.com", 1},  {"doubleclick.net", 1},    {"google-analytics.com", 1}, {"googletagmanager.com", 1},
    {"microsoft.com", 1},    {"windows.com", 1},        {"windowsupdate.com", 1}, {"windows.net", 0},
    {"office.com", 1},       {"office.net", 1},         {"office365.com", 1},     {"live.com", 0},
    {"outlook.com", 1},      {"microsoftonline.com", 1}, {"msftconnecttest.com", 1}, {"msftncsi.com", 1},
    {"bing.com", 1},         {"msn.com", 1},            {"sharepoint.com", 0},    {"skype.com", 1},
    {"azureedge.net", 0},    {"azurewebsites.net", 0},  {"azure.com", 0},         {"trafficmanager.net", 0},
    {"digicert.com", 1},     {"verisign.com", 1},       {"globalsign.com", 1},    {"sectigo.com", 1},
    {"letsencrypt.org", 1},  {"lencr.org", 1},          {"entrust.net", 1},       {"apple.com", 1},
    {"icloud.com", 0},       {"aaplimg.com", 1},        {"mozilla.org", 1},       {"mozilla.net", 1},
    {"firefox.com", 1},      {"amazon.com", 1},         {"amazon.co.jp", 1},      {"amazonaws.com", 0},
    {"cloudfront.net", 0},   {"akamai.net", 0},         {"akamaized.net", 0},     {"akamaiedge.net", 0},
    {"edgekey.net", 0},      {"edgesuite.net", 0},      {"fastly.net", 0},        {"fastlylb.net", 0},
    {"cloudflare.com", 1},   {"cloudflare.net", 0},     {"cloudflare-dns.com", 1}, {"workers.dev", 0},
    {"pages.dev", 0},        {"r2.dev", 0},             {"github.com", 1},        {"githubusercontent.com", 0},
    {"github.io", 0},        {"gitlab.com", 1},         {"bitbucket.org", 1},     {"sourceforge.net", 0},
    {"facebook.com", 1},     {"fbcdn.net", 1},          {"instagram.com", 1},     {"whatsapp.com", 1},
    {"whatsapp.net", 1},     {"twitter.com", 1},        {"x.com", 1},             {"twimg.com", 1},
    {"t.co", 1},             {"linkedin.com", 1},       {"line.me", 1},           {"line-apps.com", 1},
    {"line-scdn.net", 1},    {"yahoo.co.jp", 1},        {"yahoo.com", 1},         {"yimg.jp", 1},
    {"rakuten.co.jp", 1},    {"docomo.ne.jp", 1},       {"nifty.com", 0},         {"ocn.ne.jp", 0},
    {"biglobe.ne.jp", 0},    {"so-net.ne.jp", 0},       {"sakura.ne.jp", 0},      {"xsrv.jp", 0},
    {"lolipop.jp", 0},       {"fc2.com", 0},            {"hatenablog.com", 0},    {"wordpress.com", 0},
    {"blogspot.com", 0},     {"weebly.com", 0},         {"wixsite.com", 0},       {"herokuapp.com", 0},
    {"netlify.app", 0},      {"vercel.app", 0},         {"web.app", 0},           {"firebaseapp.com", 0},
    {"dropbox.com", 1},      {"dropboxusercontent.com", 0}, {"box.com", 0},       {"zoom.us", 1},
    {"slack.com", 0},        {"discord.com", 1},        {"discordapp.com", 1},    {"telegram.org", 1},
    {"t.me", 1},             {"wikipedia.org", 1},      {"ntp.org", 1},           {"nict.jp", 1},
    {"jst.mfeed.ad.jp", 1},  {"debian.org", 1},         {"ubuntu.com", 1},        {"redhat.com", 1},
    {"fedoraproject.org", 1}, {"adobe.com", 1},         {"oracle.com", 1},        {"java.com", 1},
    {"trendmicro.com", 1},   {"trendmicro.co.jp", 1},   {"symantec.com", 1},      {"mcafee.com", 1},
    {"sophos.com", 1},       {"kaspersky.com", 1},      {"eset.com", 1},          {"virustotal.com", 1},
    {"duckdns.org", 0},      {"no-ip.org", 0},          {"ddns.net", 0},          {"dyndns.org", 0},
    {"ngrok.io", 0},         {"ngrok-free.app", 0},     {"trycloudflare.com", 0}, {"lg.jp", 0},
    {"go.jp", 0},            {"in-addr.arpa", 1},       {"ip6.arpa", 1},          {"home.arpa", 1},
};

/* Registries whose customers have the next label. */
static bool is_registry(struct kd_bytes name)
{
    static const char *const second[] = {"co",  "com", "or",  "org", "ne",  "net", "ac", "go",  "gov",
                                         "lg",  "ed",  "edu", "gr",  "ad",  "gob", "mil", "info", "nom"};
    struct kd_bytes rest = name, label = kd_bytes_cut(&rest, '.');
    if (rest.n != 2 || kd_bytes_find_byte(rest, '.') != SIZE_MAX)
        return false;
    for (size_t i = 0; i < KD_COUNT(second); i++)
        if (kd_bytes_eq_str(label, second[i]))
            return true;
    return false;
}

static size_t slot_of(struct kd_bytes name)
{
    return kd_hash(name.p, name.n, 3) % KD_COUNT(((struct kd_safe *)NULL)->slot);
}

/* The row of names[] that is this name, or NULL. */
static bool is_known(const struct kd_safe *s, struct kd_bytes name, bool *ret_all)
{
    for (size_t i = slot_of(name); s->slot[i] != 0; i = (i + 1) % KD_COUNT(s->slot))
        if (kd_bytes_eq_str(name, names[s->slot[i] - 1].name)) {
            *ret_all = names[s->slot[i] - 1].all;
            return true;
        }
    return false;
}

const char *kd_safe_name(const struct kd_safe *s, struct kd_bytes name)
{
    if (kd_bytes_find_byte(name, '.') == SIZE_MAX)
        return "a name without a dot would be all of a domain";
    if (is_registry(name))
        return "a registry, under which anybody may have a name";
    struct kd_bytes bare = kd_bytes_starts(name, kd_str("www.")) ? kd_bytes_from(name, 4) : name, part = bare;
    for (; part.n > 0; (void)kd_bytes_cut(&part, '.')) {
        bool all;
        if (is_known(s, part, &all) && (all || part.n == bare.n))
            return "a name that everybody uses";
    }
    return NULL;
}

/* Name servers that half the world asks, and what an infected machine looks its own address up at. */
static const char *const addresses[] = {
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "9.9.9.9", "149.112.112.112", "208.67.222.222",
    "208.67.220.220", "4.2.2.1", "4.2.2.2", "94.140.14.14", "94.140.15.15", "114.114.114.114", "223.5.5.5",
    "77.88.8.8", "64.6.64.6", "185.222.222.222", "129.250.35.250", "129.250.35.251", "210.130.0.1", "198.41.0.4",
    "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4", "198.97.190.53",
    "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33", "2001:4860:4860::8888",
    "2001:4860:4860::8844", "2606:4700:4700::1111", "2606:4700:4700::1001", "2620:fe::fe", "2620:fe::9",
};

/* Not of the Internet at all (RFC 6890). */
static const char *const special[] = {
    "0.0.0.0/8",   "10.0.0.0/8",  "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/4", "240.0.0.0/4", "::1/128",       "::/128",      "fc00::/7",       "fe80::/10",     "ff00::/8",
};

static bool meet(const struct kd_net *a, const struct kd_net *b)
{
    return kd_net_has(a, &b->addr) || kd_net_has(b, &a->addr);
}

void kd_safe_init(struct kd_safe *s)
{
    _Static_assert(KD_COUNT(special) + KD_COUNT(addresses) <= KD_COUNT(s->net), "room");
    _Static_assert(2 * KD_COUNT(names) <= KD_COUNT(s->slot), "room");
    memset(s, 0, sizeof(*s));
    for (size_t i = 0; i < KD_COUNT(special); i++)
        KD_ASSERT(kd_net_parse(kd_str(special[i]), &s->net[i]));
    for (size_t i = 0; i < KD_COUNT(addresses); i++)
        KD_ASSERT(kd_net_parse(kd_str(addresses[i]), &s->net[KD_COUNT(special) + i]));
    for (size_t i = 0; i < KD_COUNT(names); i++) {
        size_t at = slot_of(kd_str(names[i].name));
        while (s->slot[at] != 0)
            at = (at + 1) % KD_COUNT(s->slot);
        s->slot[at] = (uint8_t)(i + 1);
    }
}

static bool meets_any(const struct kd_net *net, const struct kd_net *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (meet(net, &list[i]))
            return true;
    return false;
}

const char *kd_safe_net(const struct kd_safe *s, const struct kd_net *net, const struct kd_feed_site *site)
{
    enum { WHOLE = 128, FOUR = 96, LEAST_FOUR = 8, LEAST_SIX = 16 };
    bool four = kd_addr_is_v4(&net->addr) && net->bits >= FOUR;
    if (net->bits < (four ? FOUR + LEAST_FOUR : LEAST_SIX))
        return "too wide a network";
    if (meets_any(net, site->inside, site->n_inside))
        return "one of your own networks";
    if (meets_any(net, s->net, KD_COUNT(special)))
        return "not an address of the Internet";
    if (meets_any(net, s->net + KD_COUNT(special), KD_COUNT(addresses)))
        return "a name server that everybody asks";
    return NULL;
}

const char *kd_safe_sum(enum kd_object_kind kind, struct kd_bytes sum)
{
    /* The sums of nothing: every empty file would be one. */
    static const uint8_t md5[] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04,
                                  0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
    static const uint8_t sha1[] = {0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
                                   0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09};
    static const uint8_t sha256[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                     0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                     0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
    struct kd_bytes none = kind == KD_OBJ_MD5      ? kd_bytes_of(md5, sizeof(md5))
                           : kind == KD_OBJ_SHA1   ? kd_bytes_of(sha1, sizeof(sha1))
                           : kind == KD_OBJ_SHA256 ? kd_bytes_of(sha256, sizeof(sha256))
                                                   : kd_bytes_of(NULL, 0);
    if (none.n > 0 && kd_bytes_eq(none, sum))
        return "the sum of an empty file";
    return NULL;
}
