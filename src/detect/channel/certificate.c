/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/channel/certificate.h"

#include "detect/names.h"

#define BIT(sign) (1u << KD_TLS_##sign)

static const struct {
    uint8_t weight;
    const char *text[2];
} table[KD_TLS_SIGNS] = {
    [KD_TLS_NO_NAME] = {1, {"no server name", "接続先の名前なし"}},
    [KD_TLS_SELF_SIGNED] = {2, {"a certificate signed by nobody else", "自己署名の証明書"}},
    [KD_TLS_DEFAULT] = {2, {"a certificate full of default values", "初期値のままの証明書"}},
    [KD_TLS_TOOL] = {6, {"the certificate of a known attack tool", "既知の攻撃ツールの証明書"}},
    [KD_TLS_RANDOM] = {2, {"a certificate for an invented owner", "架空の名義の証明書"}},
    [KD_TLS_YOUNG] = {1, {"a certificate made days ago", "作成されたばかりの証明書"}},
    [KD_TLS_LONG] = {1, {"a certificate valid for very long", "有効期間が極端に長い証明書"}},
    [KD_TLS_EXPIRED] = {1, {"an expired certificate", "期限切れの証明書"}},
    [KD_TLS_MISMATCH] = {2, {"a certificate for another name", "別の名前の証明書"}},
    [KD_TLS_OLD] = {1, {"an outdated TLS version", "古い TLS の版"}},
    [KD_TLS_ANCIENT_HELLO] = {2, {"a greeting of the 1990s (SSL 2.0)", "SSL 2.0 形式の接続開始"}},
    [KD_TLS_ODD_PORT] = {1, {"an unusual port", "一般的でないポート"}},
    [KD_TLS_CHEAP_NAME] = {1, {"a name from a free or short-lived supply", "無料・使い捨てで使われやすいドメイン"}},
    [KD_TLS_RANDOM_NAME] = {1, {"a random-looking name", "無作為な名前"}},
    [KD_TLS_REPEATED] = {1, {"session after session of the same size", "同じ大きさの通信の繰り返し"}},
};

unsigned kd_tls_signs_weight(unsigned signs)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < KD_TLS_SIGNS; i++)
        if (signs >> i & 1)
            sum += table[i].weight;
    return sum;
}

void kd_tls_signs_words(unsigned signs, unsigned lang, struct kd_out *o)
{
    enum { HEAVIEST = 6 };
    bool first = true;
    for (unsigned weight = HEAVIEST; weight > 0; weight--)
        for (unsigned i = 0; i < KD_TLS_SIGNS; i++) {
            if ((signs >> i & 1) == 0 || table[i].weight != weight)
                continue;
            kd_out_str(o, first ? "" : lang == 0 ? ", " : "、");
            kd_out_str(o, table[i].text[lang]);
            first = false;
        }
}

struct kd_bytes kd_dn_part(struct kd_bytes dn, const char *attribute)
{
    struct kd_bytes want = kd_str(attribute);
    while (dn.n > 0) {
        size_t end = kd_bytes_find(dn, kd_str(", "));
        struct kd_bytes part = kd_bytes_head(dn, end);
        if (part.n > want.n && kd_bytes_istarts(part, want) && part.p[want.n] == '=')
            return kd_bytes_from(part, want.n + 1);
        dn = end == SIZE_MAX ? kd_bytes_of(NULL, 0) : kd_bytes_from(dn, end + 2);
    }
    return kd_bytes_of(NULL, 0);
}

/* A word with figures within letters (6Tbuth), or of letters in an order that languages lack. */
static bool is_drawn(struct kd_bytes word)
{
    enum { SHORTEST = 7 };
    size_t turns = 0, letters = 0;
    for (size_t i = 0; i < word.n; i++) {
        letters += kd_ascii_is_letter(word.p[i]);
        turns += i > 0 && kd_ascii_is_digit(word.p[i]) != kd_ascii_is_digit(word.p[i - 1]) && kd_ascii_is_letter(word.p[i]) != kd_ascii_is_letter(word.p[i - 1]);
    }
    if (word.n < SHORTEST || letters * 2 < word.n)
        return false;
    return turns > 0 || kd_name_surprise(word) >= KD_NAME_RANDOM;
}

/* An owner with two or more parts of which some word is drawn: place, firm and name of nobody. */
static bool has_drawn_owner(struct kd_bytes subject)
{
    static const char *const parts[] = {"ST", "L", "O", "OU", "CN"};
    enum { DRAWN_LEAST = 2 };
    unsigned drawn = 0;
    for (size_t i = 0; i < KD_COUNT(parts); i++) {
        struct kd_bytes value = kd_dn_part(subject, parts[i]);
        bool is = false;
        while (value.n > 0) {
            size_t end = 0;
            while (end < value.n && value.p[end] != ' ' && value.p[end] != '.' && value.p[end] != '@' && value.p[end] != '-')
                end++;
            is |= is_drawn(kd_bytes_head(value, end));
            value = kd_bytes_from(value, end + 1);
        }
        drawn += is;
    }
    return drawn >= DRAWN_LEAST;
}

static unsigned subject_signs(const struct kd_rec_tls *t)
{
    static const char *const defaults[] = {"Internet Widgits", "Some-State", "Default Company", "Default City",
                                           "CN=localhost", "CN=example.com", "CN=test", "O=Global Security",
                                           "CN=127.0.0.1", "O=Company Ltd", "O=Acme", "CN=server", "CN=my.domain", "O=My Company", "O=1, OU=1",
                                           "OU=IT Department", "CN=localhost.localdomain"};
    static const char *const tools[] = {"cobaltstrike", "Major Cobalt Strike", "O=Metasploit", "AsyncRAT", "DcRat", "Quasar Server",
                                        "VenomRAT", "BitRAT", "Orcus Server", "CN=Covenant", "O=Pajfds", "OU=Jethpro",
                                        "CN=multiplayer", "O=Posh", "NYAN CAT", "CN=Havoc", "Mythic", "CN=Merlin", "ShadowPad",
                                        "Deimos", "BruteRatel"};
    unsigned signs = t->self_signed ? BIT(SELF_SIGNED) : 0;
    if (t->subject.n == 0)
        return signs;
    /* Serial 146473198: what one widespread tool ships unless its owner makes another. */
    if (kd_bytes_icontains_any(t->subject, tools, KD_COUNT(tools)) || kd_bytes_ieq(t->serial, kd_str("08:BB:00:EE")))
        signs |= BIT(TOOL);
    if (kd_bytes_icontains_any(t->subject, defaults, KD_COUNT(defaults)))
        signs |= BIT(DEFAULT);
    if (has_drawn_owner(t->subject) && (t->self_signed || has_drawn_owner(t->issuerdn)))
        signs |= BIT(RANDOM);
    return signs;
}

static unsigned validity_signs(const struct kd_rec_tls *t, uint64_t now_us)
{
    enum { YOUNG_DAYS = 14, LONG_DAYS = 5 * 366 };
    if (t->notbefore_us == 0 || t->notafter_us <= t->notbefore_us)
        return 0;
    unsigned signs = 0;
    uint64_t days = (t->notafter_us - t->notbefore_us) / KD_US_PER_DAY;
    if (now_us > t->notbefore_us && (now_us - t->notbefore_us) / KD_US_PER_DAY < YOUNG_DAYS)
        signs |= BIT(YOUNG);
    if (days > LONG_DAYS)
        signs |= BIT(LONG);
    return now_us > t->notafter_us ? signs | BIT(EXPIRED) : signs;
}

static bool is_address(struct kd_bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!kd_ascii_is_digit(name.p[i]) && name.p[i] != '.' && name.p[i] != ':')
            return false;
    return true;
}

/* *.example.com covers www.example.com. */
static bool covers(struct kd_bytes pattern, struct kd_bytes name)
{
    if (!kd_bytes_starts(pattern, kd_str("*.")))
        return kd_bytes_ieq(pattern, name);
    size_t dot = kd_bytes_find_byte(name, '.');
    return dot != SIZE_MAX && kd_bytes_ieq(kd_bytes_from(pattern, 1), kd_bytes_from(name, dot));
}

static bool is_for_name(const struct kd_rec_tls *t)
{
    if (covers(kd_dn_part(t->subject, "CN"), t->sni))
        return true;
    for (size_t i = 0; i < t->alternative_names.n; i++)
        if (covers(t->alternative_names.v[i], t->sni))
            return true;
    return false;
}

static unsigned name_signs(const struct kd_rec_tls *t)
{
    static const char *const cheap[] = {".top", ".xyz", ".tk", ".ml", ".ga", ".cf", ".gq", ".pw", ".su", ".icu",
                                        ".cyou", ".buzz", ".club", ".bid", ".site", ".online", ".space", ".website",
                                        ".monster", ".duckdns.org", ".ddns.net", ".no-ip.org", ".hopto.org",
                                        ".zapto.org", ".ngrok.io", ".mooo.com", ".sytes.net"};
    enum { SHORTEST = 8 };
    if (t->sni.n == 0 || is_address(t->sni))
        return t->ech ? 0 : BIT(NO_NAME);
    unsigned signs = t->subject.n > 0 && !is_for_name(t) ? BIT(MISMATCH) : 0;
    for (size_t i = 0; i < KD_COUNT(cheap); i++)
        if (kd_bytes_iends(t->sni, kd_str(cheap[i])))
            signs |= BIT(CHEAP_NAME);
    struct kd_bytes rest = kd_detect_zone(t->sni), label = kd_bytes_cut(&rest, '.');
    return signs | (label.n >= SHORTEST && kd_name_surprise(label) >= KD_NAME_RANDOM ? BIT(RANDOM_NAME) : 0);
}

unsigned kd_tls_signs_of(const struct kd_rec_tls *t, const struct kd_rec_head *head)
{
    static const uint16_t usual[] = {443, 8443, 465, 563, 587, 636, 853, 989, 990, 992, 993, 994, 995, 3269, 3389, 4433,
                                     5061, 5223, 5228, 8883, 5671, 5986, 9443, 25, 110, 143, 21, 5222, 8530, 8531, 2083, 2087};
    unsigned signs = subject_signs(t) | validity_signs(t, head->ts_us) | name_signs(t);
    if (kd_bytes_eq_str(t->version, "TLSv1") || kd_bytes_starts(t->version, kd_str("SSL")))
        signs |= BIT(OLD);
    if (t->ssl2_hello)
        signs |= BIT(ANCIENT_HELLO);
    for (size_t i = 0; i < KD_COUNT(usual); i++)
        if (head->dst_port == usual[i])
            return signs;
    return signs | BIT(ODD_PORT);
}

/* www.<8 to 25 letters of base32>.com or .net */
static bool is_tor_name(struct kd_bytes name, const char *tail)
{
    enum { SHORTEST = 4, LONGEST = 25 };
    struct kd_bytes head = kd_str("www."), end = kd_str(tail);
    if (!kd_bytes_starts(name, head) || !kd_bytes_iends(name, end) || name.n < head.n + end.n + SHORTEST)
        return false;
    struct kd_bytes label = kd_bytes_head(kd_bytes_from(name, head.n), name.n - head.n - end.n);
    for (size_t i = 0; i < label.n; i++) {
        bool base32 = (label.p[i] >= 'a' && label.p[i] <= 'z') || (label.p[i] >= '2' && label.p[i] <= '7');
        if (!base32)
            return false;
    }
    return label.n <= LONGEST;
}

static bool looks_drawn(struct kd_bytes name)
{
    struct kd_bytes label = kd_bytes_from(name, 4);
    label = kd_bytes_head(label, label.n > 4 ? label.n - 4 : 0);
    bool digit = false, letter_behind = false;
    for (size_t i = 0; i < label.n; i++) {
        letter_behind |= digit && kd_ascii_is_letter(label.p[i]);
        digit |= kd_ascii_is_digit(label.p[i]);
    }
    return letter_behind || kd_name_surprise(label) >= KD_NAME_RANDOM;
}

unsigned kd_tor_likeness(const struct kd_rec_tls *t)
{
    if (!is_tor_name(t->sni, ".com"))
        return 0;
    struct kd_bytes subject = kd_dn_part(t->subject, "CN"), issuer = kd_dn_part(t->issuerdn, "CN");
    if (is_tor_name(subject, ".net") && is_tor_name(issuer, ".com") && !is_for_name(t) &&
        (looks_drawn(subject) || looks_drawn(issuer)))
        return 2;
    return t->subject.n == 0 && looks_drawn(t->sni) ? 1 : 0;
}
