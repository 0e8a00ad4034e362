/* SPDX-License-Identifier: Apache-2.0 */
/* Where something is fetched from: the keys that rules.sources and objects.lists share. */
#include "config/reader.h"

enum { EVERY_LEAST_S = 10, EVERY_MOST_S = 31 * 86400, SHA256_DIGITS = 64 };

/* "30m", "6h", "2d". */
static bool read_every(struct kd_bytes v, uint32_t *ret_s)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t n;
    if (v.n < 2 || !kd_bytes_to_u64(kd_bytes_head(v, v.n - 1), EVERY_MOST_S, &n))
        return false;
    for (size_t i = 0; i < KD_COUNT(units); i++)
        if (v.p[v.n - 1] == (uint8_t)units[i].unit) {
            n *= units[i].seconds;
            *ret_s = (uint32_t)n;
            return n >= EVERY_LEAST_S && n <= EVERY_MOST_S;
        }
    return false;
}

static bool is_sum(struct kd_bytes v)
{
    if (kd_bytes_eq_str(v, "beside"))
        return true;
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = kd_ascii_lower(v.p[i]);
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return false;
    }
    return v.n == SHA256_DIGITS;
}

static void copy(char *into, size_t room, struct kd_bytes v)
{
    struct kd_bytes fits = kd_bytes_head(v, room - 1);
    memset(into, 0, room);
    if (fits.n > 0)
        memcpy(into, fits.p, fits.n);
}

bool kd_source_key(struct kd_config_source *s, struct kd_bytes key, struct kd_bytes v, const char **ret_en,
                   const char **ret_ja)
{
    struct kd_bytes host;
    uint16_t port;
    *ret_en = NULL;
    if (kd_bytes_eq_str(key, "url")) {
        *ret_ja = "https:// で始まる URL を書いてください(例: https://mirror.town.example/rules.tar.gz)";
        if (!kd_config_https(v, &host, &port))
            *ret_en = "write a URL that begins with https://, for example https://mirror.town.example/rules.tar.gz";
        copy(s->url, sizeof(s->url), v);
    } else if (kd_bytes_eq_str(key, "every")) {
        *ret_ja = "30m、6h、2d のように書いてください(10s〜31d)";
        if (!read_every(v, &s->every_s))
            *ret_en = "write a time such as 30m, 6h or 2d (10s to 31d)";
    } else if (kd_bytes_eq_str(key, "sha256")) {
        *ret_ja = "64 桁の 16 進数、または beside と書いてください";
        if (!is_sum(v))
            *ret_en = "write 64 hexadecimal digits, or beside";
        copy(s->sha256, sizeof(s->sha256), v);
    } else if (kd_bytes_eq_str(key, "key")) {
        *ret_ja = "/ で始まる完全なパスを書いてください";
        if (v.n == 0 || v.p[0] != '/' || v.n >= sizeof(s->key) || kd_bytes_find_byte(v, '\0') != SIZE_MAX)
            *ret_en = "write a whole path that begins with /";
        copy(s->key, sizeof(s->key), v);
    } else {
        return false;
    }
    return true;
}
