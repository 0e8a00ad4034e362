/* SPDX-License-Identifier: Apache-2.0 */
#include "config/table.h"

#include "base/clock.h"

static const struct kd_config_row rows[] = {
#define KD_TEXT(field, key, value, check, en, ja)                                                  \
    {key, KIND_TEXT, check, offsetof(struct kd_config, field), value, 0, 0, 0, "", en, ja},
#define KD_NUMBER(field, key, value, least, most, unit, en, ja)                                    \
    {key,  KIND_NUMBER, CHECK_NONE, offsetof(struct kd_config, field), "", value, least, most,     \
     unit, en,          ja},
#define KD_LIST(field, key, check, en, ja)                                                         \
    {key, KIND_LIST, check, offsetof(struct kd_config, field), "", 0, 0, 0, "", en, ja},
#define KD_MAP(field, key, en, ja)                                                                 \
    {key, KIND_MAP, CHECK_NONE, offsetof(struct kd_config, field), "", 0, 0, 0, "", en, ja},
#define KD_SITE(key, en, ja) {key, KIND_SITE, CHECK_NONE, 0, "", 0, 0, 0, "", en, ja},
#include "config/config.def"
#undef KD_TEXT
#undef KD_NUMBER
#undef KD_LIST
#undef KD_MAP
#undef KD_SITE
#define KD_LIMIT_DEF(name, value, least, most, unit, en, ja)                                       \
    {"limits." #name,                                                                              \
     KIND_LIMIT,                                                                                   \
     CHECK_NONE,                                                                                   \
     offsetof(struct kd_config, limits.name),                                                      \
     "",                                                                                           \
     value,                                                                                        \
     least,                                                                                        \
     most,                                                                                         \
     unit,                                                                                         \
     en,                                                                                           \
     ja},
#include "base/limits.def"
#undef KD_LIMIT_DEF
};

bool kd_config_row(size_t i, struct kd_config_row *ret)
{
    if (i >= KD_COUNT(rows))
        return false;
    *ret = rows[i];
    return true;
}

bool kd_config_find(struct kd_bytes key, struct kd_config_row *ret)
{
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        if (kd_bytes_eq_str(key, rows[i].key))
            return kd_config_row(i, ret);
    return false;
}

bool kd_config_is_group(struct kd_bytes key)
{
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        struct kd_bytes k = kd_str(rows[i].key);
        if (k.n > key.n && k.p[key.n] == '.' && kd_bytes_starts(k, key))
            return true;
    }
    return false;
}

/* Levenshtein distance, at most 63 characters of each. */
static size_t distance(struct kd_bytes a, struct kd_bytes b)
{
    size_t row[64];
    a = kd_bytes_head(a, 63);
    b = kd_bytes_head(b, 63);
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 0; i < a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.n; j++) {
            size_t change = diagonal + (kd_ascii_lower(a.p[i]) != kd_ascii_lower(b.p[j]));
            diagonal = row[j + 1];
            row[j + 1] = kd_min_size(change, kd_min_size(row[j], diagonal) + 1);
        }
    }
    return row[b.n];
}

/* Compared as a whole and by its last part alone: "listen" is meant as "web.listen". */
const char *kd_config_nearest(struct kd_bytes key)
{
    const char *best = NULL;
    size_t least = key.n / 3 + 2;
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        struct kd_bytes whole = kd_str(rows[i].key), last = whole;
        while (kd_bytes_find_byte(last, '.') < last.n)
            (void)kd_bytes_cut(&last, '.');
        size_t d = kd_min_size(distance(key, whole), distance(key, last) + (last.n < whole.n));
        if (key.n >= 4 && kd_bytes_starts(whole, key)) /* "password" is meant as "password_file" */
            d = 1;
        if (d < least) {
            least = d;
            best = rows[i].key;
        }
    }
    return best;
}

bool kd_config_zone(const char *text, int *ret_s)
{
    if (strcmp(text, "Asia/Tokyo") == 0 || strcmp(text, "JST") == 0) {
        *ret_s = KD_ZONE_JAPAN_S;
        return true;
    }
    if (strcmp(text, "UTC") == 0) {
        *ret_s = 0;
        return true;
    }
    uint64_t h, m;
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':' ||
        !kd_bytes_to_u64(kd_bytes_of(text + 1, 2), 14, &h) ||
        !kd_bytes_to_u64(kd_bytes_of(text + 4, 2), 59, &m))
        return false;
    int s = (int)(h * 3600 + m * 60);
    *ret_s = text[0] == '-' ? -s : s;
    return true;
}

bool kd_config_listen(struct kd_bytes text, struct kd_addr *ret_addr, uint16_t *ret_port)
{
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct kd_bytes host = kd_bytes_head(text, colon - 1);
    uint64_t port;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = kd_bytes_of(host.p + 1, host.n - 2);
    if (!kd_bytes_to_u64(kd_bytes_from(text, colon), 65535, &port))
        return false;
    *ret_port = (uint16_t)port;
    return kd_addr_parse(host, ret_addr);
}

static bool is_net(struct kd_bytes value)
{
    struct kd_net net;
    return kd_net_parse(value, &net);
}

/* As the kernel has it: at most 15 bytes, no slash, no space. */
static bool is_interface(struct kd_bytes value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= ' ' || value.p[i] == '/' || value.p[i] > '~')
            return false;
    return value.n > 0 && value.n < 16;
}

static bool is_path(struct kd_bytes value)
{
    return kd_bytes_find_byte(value, '\0') == SIZE_MAX && (value.n == 0 || value.p[0] == '/');
}

static bool is_zone(struct kd_bytes value)
{
    char text[32];
    int s;
    if (value.n >= sizeof(text))
        return false;
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    return kd_config_zone(text, &s);
}

static bool is_listen(struct kd_bytes value)
{
    struct kd_addr addr;
    uint16_t port;
    return kd_bytes_eq_str(value, "off") || kd_config_listen(value, &addr, &port);
}

static bool is_one_of(struct kd_bytes value, const char *words)
{
    struct kd_bytes rest = kd_str(words);
    while (rest.n > 0)
        if (kd_bytes_eq(kd_bytes_cut(&rest, ' '), value))
            return true;
    return false;
}

/* Printable ASCII without space, and without what has a meaning of its own in a mail's header. */
static bool is_word(struct kd_bytes value, const char *without)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= ' ' || value.p[i] > '~' || strchr(without, value.p[i]) != NULL)
            return false;
    return true;
}

static bool is_mail(struct kd_bytes value)
{
    size_t at = kd_bytes_find_byte(value, '@');
    return is_word(value, "<>()[],;:\"\\") && at != SIZE_MAX && at > 0 && at + 1 < value.n &&
           kd_bytes_find_byte(kd_bytes_from(value, at + 1), '@') == SIZE_MAX && value.n <= 254;
}

static bool is_server(struct kd_bytes value)
{
    struct kd_addr addr;
    if (kd_addr_parse(value, &addr))
        return true;
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = kd_ascii_lower(value.p[i]);
        if (c != '-' && c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z'))
            return false;
    }
    return value.n <= 253 && kd_bytes_at(value, 0) != '.' && kd_bytes_at(value, 0) != '-';
}

bool kd_config_https(struct kd_bytes url, struct kd_bytes *ret_host, uint16_t *ret_port)
{
    enum { HTTPS_PORT = 443, BEGIN = 8 };
    uint64_t port = HTTPS_PORT;
    if (!kd_bytes_starts(url, kd_str("https://")) || !is_word(url, "<>\"\\#@") || url.n >= KD_CONFIG_TEXT_MAX)
        return false;
    struct kd_bytes rest = kd_bytes_from(url, BEGIN), host = kd_bytes_head(rest, kd_bytes_find_byte(rest, '/'));
    if (host.n == rest.n)
        return false; /* no path */
    if (kd_bytes_at(host, 0) == '[') {
        size_t end = kd_bytes_find_byte(host, ']');
        struct kd_addr addr;
        *ret_host = kd_bytes_head(kd_bytes_from(host, 1), end - 1);
        host = kd_bytes_from(host, end == SIZE_MAX ? host.n : end + 1);
        if (end == SIZE_MAX || !kd_addr_parse(*ret_host, &addr))
            return false;
    } else {
        *ret_host = kd_bytes_head(host, kd_bytes_find_byte(host, ':'));
        host = kd_bytes_from(host, ret_host->n);
    }
    if (host.n > 0 && (host.p[0] != ':' || !kd_bytes_to_u64(kd_bytes_from(host, 1), 65535, &port) || port == 0))
        return false;
    *ret_port = (uint16_t)port;
    return ret_host->n > 0 && is_server(*ret_host);
}

static bool is_proxy(struct kd_bytes value)
{
    struct kd_bytes host;
    uint16_t port;
    uint8_t room[KD_CONFIG_TEXT_MAX + 16];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_str(&o, "https://");
    kd_out_bytes(&o, value);
    kd_out_str(&o, "/");
    bool has_port = value.n > 0 && value.p[value.n - 1] >= '0' && value.p[value.n - 1] <= '9' &&
                    kd_bytes_find_byte(value, ':') < value.n && kd_bytes_find_byte(value, '/') == SIZE_MAX;
    return value.n == 0 || (has_port && kd_config_https(kd_out_bytes_view(&o), &host, &port));
}

static bool is_url(struct kd_bytes value)
{
    bool begins = kd_bytes_starts(value, kd_str("https://")) || kd_bytes_starts(value, kd_str("http://"));
    return is_word(value, "<>\"\\#?") && begins && value.n > 8 && value.n < 300;
}

bool kd_config_value_ok(enum kd_config_check check, struct kd_bytes value, const char **ret_en,
                        const char **ret_ja)
{
    switch (check) {
    case CHECK_PATH:
        *ret_en = "write a whole path that begins with /";
        *ret_ja = "/ で始まる完全なパスを書いてください";
        return is_path(value);
    case CHECK_NET:
        *ret_en = "write an address with prefix, for example 192.168.10.0/24";
        *ret_ja = "192.168.10.0/24 のようにアドレスとプレフィックス長を書いてください";
        return is_net(value);
    case CHECK_ZONE:
        *ret_en = "write Asia/Tokyo, UTC or an offset such as +09:00";
        *ret_ja = "Asia/Tokyo、UTC、または +09:00 の形で書いてください";
        return is_zone(value);
    case CHECK_LISTEN:
        *ret_en = "write address:port, for example 127.0.0.1:8443 or [::]:8443, or off";
        *ret_ja =
            "127.0.0.1:8443 や [::]:8443 のように「アドレス:ポート」、または off と書いてください";
        return is_listen(value);
    case CHECK_INTERFACE:
        *ret_en = "write the name that `ip link` shows, for example eth0";
        *ret_ja = "ip link で表示される名前(例: eth0)を書いてください";
        return is_interface(value);
    case CHECK_SANDBOX:
        *ret_en = "write full or reduced";
        *ret_ja = "full または reduced と書いてください";
        return kd_bytes_eq_str(value, "full") || kd_bytes_eq_str(value, "reduced");
    case CHECK_POLICY:
        *ret_en = "write allow or forbid";
        *ret_ja = "allow または forbid と書いてください";
        return kd_bytes_eq_str(value, "allow") || kd_bytes_eq_str(value, "forbid");
    case CHECK_FILES:
        *ret_en = "write none, risky or all";
        *ret_ja = "none、risky、all のいずれかを書いてください";
        return kd_bytes_eq_str(value, "none") || kd_bytes_eq_str(value, "risky") || kd_bytes_eq_str(value, "all");
    case CHECK_URL:
        *ret_en = "write https:// and the page's name and port, for example https://kidoban.town.example:8443";
        *ret_ja = "https://kidoban.town.example:8443 のように https:// で始めて書いてください";
        return value.n == 0 || is_url(value);
    case CHECK_SERVER:
        *ret_en = "write a host name or an address, for example mail.town.example";
        *ret_ja = "mail.town.example のようなホスト名、またはアドレスを書いてください";
        return is_server(value);
    case CHECK_TLS:
        *ret_en = "write starttls, tls or none";
        *ret_ja = "starttls、tls、none のいずれかを書いてください";
        return is_one_of(value, "starttls tls none");
    case CHECK_WORD:
        *ret_en = "write letters and digits without spaces";
        *ret_ja = "空白を含まない英数字で書いてください";
        return is_word(value, "") && value.n <= 254;
    case CHECK_MAIL:
    case CHECK_MAIL_ITEM:
        *ret_en = "write a mail address, for example kidoban@town.example";
        *ret_ja = "kidoban@town.example のようなメールアドレスを書いてください";
        return (value.n == 0 && check == CHECK_MAIL) || is_mail(value);
    case CHECK_LANGUAGE:
        *ret_en = "write ja, en or both";
        *ret_ja = "ja、en、both のいずれかを書いてください";
        return is_one_of(value, "ja en both");
    case CHECK_SEVERITY:
        *ret_en = "write low, medium, high or critical";
        *ret_ja = "low、medium、high、critical のいずれかを書いてください";
        return is_one_of(value, "low medium high critical");
    case CHECK_SWITCH:
        *ret_en = "write on or off";
        *ret_ja = "on または off と書いてください";
        return is_one_of(value, "on off");
    case CHECK_PROXY:
        *ret_en = "write name:port, for example proxy.town.example:8080";
        *ret_ja = "proxy.town.example:8080 のように「名前:ポート」で書いてください";
        return is_proxy(value);
    case CHECK_NONE:
        break;
    }
    return true;
}
