/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/intel.h"

#include "base/hash.h"

struct kd_intel_row {
    struct kd_bytes value; /* value.p NULL: free */
    struct kd_listing listing;
    uint8_t kind;
};

enum kind { IP, DOMAIN, URL, SHA256, SHA1, MD5, JA3, JA4, KINDS };

static const struct {
    const char *name;
    size_t hex_bytes; /* 0: text */
} kinds[KINDS] = {
    [IP] = {"ip", 0},         [DOMAIN] = {"domain", 0},
    [URL] = {"url", 0},       [SHA256] = {"sha256", KD_SHA256_BYTES},
    [SHA1] = {"sha1", KD_SHA1_BYTES}, [MD5] = {"md5", KD_MD5_BYTES},
    [JA3] = {"ja3", 0},       [JA4] = {"ja4", 0},
};

enum { VALUE_MAX = 2048 };

static enum kind kind_of(struct kd_bytes name)
{
    enum kind k = IP;
    while (k < KINDS && !kd_bytes_eq_str(name, kinds[k].name))
        k++;
    return k;
}

static uint64_t hash_of(const struct kd_intel *in, enum kind kind, struct kd_bytes value)
{
    return kd_hash(value.p, value.n, in->seed + kind);
}

static struct kd_intel_row *row_of(const struct kd_intel *in, enum kind kind, struct kd_bytes value)
{
    size_t i = hash_of(in, kind, value) & (in->room - 1);
    while (in->rows[i].value.p != NULL &&
           (in->rows[i].kind != kind || !kd_bytes_eq(in->rows[i].value, value)))
        i = (i + 1) & (in->room - 1);
    return &in->rows[i];
}

static void put(struct kd_intel *in, enum kind kind, struct kd_bytes value, const struct kd_listing *listing)
{
    struct kd_intel_row *row = row_of(in, kind, value);
    in->n_rows += row->value.p == NULL;
    *row = (struct kd_intel_row){value, *listing, (uint8_t)kind};
}

static int hex_digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal text to bytes, in place; false when it is not exactly `want` bytes. */
static bool unhex(uint8_t *p, size_t n, size_t want)
{
    if (n != 2 * want)
        return false;
    for (size_t i = 0; i < want; i++) {
        int high = hex_digit(p[2 * i]), low = hex_digit(p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static struct kd_bytes without_scheme(struct kd_bytes url)
{
    size_t at = kd_bytes_find(url, kd_str("://"));
    return at == SIZE_MAX ? url : kd_bytes_from(url, at + 3);
}

/* Make the value what look-ups compare with; `p` is the list's own copy. */
static struct kd_bytes normal(enum kind kind, uint8_t *p, size_t n)
{
    if (kinds[kind].hex_bytes > 0)
        return unhex(p, n, kinds[kind].hex_bytes) ? kd_bytes_of(p, kinds[kind].hex_bytes)
                                                  : kd_bytes_of(NULL, 0);
    struct kd_bytes v = kind == URL ? without_scheme(kd_bytes_of(p, n)) : kd_bytes_of(p, n);
    size_t lower = kind == URL ? kd_bytes_find_byte(v, '/') : v.n;
    uint8_t *at = p + (v.p - p);
    for (size_t i = 0; i < kd_min_size(lower, v.n); i++)
        at[i] = kd_ascii_lower(at[i]);
    if (kind == DOMAIN && v.n > 0 && v.p[v.n - 1] == '.')
        v.n--;
    return v;
}

static const char *add_ip(struct kd_intel *in, uint8_t *p, size_t n, const struct kd_listing *listing)
{
    struct kd_net net;
    if (!kd_net_parse(kd_bytes_of(p, n), &net))
        return "an ip is an address or a prefix such as 192.0.2.0/24";
    if (net.bits < 128) {
        in->nets[in->n_nets++] = (struct kd_intel_net){net, *listing};
        return NULL;
    }
    /* The shortest text, "::", is two bytes: keep the 16 bytes in a net, whose address is our copy. */
    in->nets[in->n_nets] = (struct kd_intel_net){net, *listing};
    put(in, IP, kd_bytes_of(in->nets[in->n_nets].net.addr.b, 16), listing);
    in->n_nets++;
    return NULL;
}

/* `own` is the list's own copy of the value. */
static const char *add_object(struct kd_intel *in, enum kind kind, uint8_t *own, size_t n, const struct kd_listing *listing)
{
    if (kind == KINDS)
        return "unknown kind; use ip, domain, url, sha256, sha1, md5, ja3 or ja4";
    if (n == 0 || n > VALUE_MAX)
        return "the value is missing or too long";
    if (kind == IP)
        return add_ip(in, own, n, listing);
    struct kd_bytes value = normal(kind, own, n);
    if (value.n == 0)
        return "not a hash of this kind in hexadecimal";
    put(in, kind, value, listing);
    return NULL;
}

/* "kind value [remark]", or the same with commas, as tables are exported; such a table's head is skipped. */
static const char *add_line(struct kd_intel *in, struct kd_bytes line)
{
    size_t comma = kd_bytes_find_byte(line, ',');
    uint8_t between = comma < kd_bytes_find_byte(line, ' ') ? ',' : ' ';
    struct kd_bytes kind_name = kd_bytes_cut(&line, between);
    if (between == ',' && kd_bytes_eq_str(kind_name, "kind"))
        return NULL;
    line = kd_bytes_trim(line);
    struct kd_bytes value = kd_bytes_trim(kd_bytes_cut(&line, between));
    struct kd_bytes note = kd_bytes_trim(line);
    return add_object(in, kind_of(kind_name), in->text + (value.p - in->text), value.n,
                      &(struct kd_listing){.note = note});
}

static size_t count_lines(struct kd_bytes file)
{
    size_t n = 1;
    for (size_t i = 0; i < file.n; i++)
        n += file.p[i] == '\n';
    return n;
}

static bool room_for(struct kd_intel *in, size_t bytes, size_t objects)
{
    in->room = 64;
    while (in->room < 2 * objects)
        in->room *= 2;
    in->text = malloc(bytes + 1);
    in->rows = calloc(in->room, sizeof(in->rows[0]));
    in->nets = calloc(objects + 1, sizeof(in->nets[0]));
    return in->text != NULL && in->rows != NULL && in->nets != NULL;
}

enum kd_status kd_intel_decide(struct kd_intel *in, struct kd_bytes list, uint64_t seed)
{
    struct kd_decision d;
    struct kd_cur c = kd_cur_of(list);
    size_t n = 0, bytes = 0, at = 0;
    *in = (struct kd_intel){.seed = seed};
    while (kd_decision_next(&c, &d) == KD_OK)
        if (d.kind == KD_DECISION_OBJECT) {
            n++;
            bytes += d.object.value.n;
        }
    if (n == 0)
        return KD_OK;
    if (!room_for(in, bytes, n)) {
        kd_intel_done(in);
        return KD_NO_MEMORY;
    }
    c = kd_cur_of(list);
    while (kd_decision_next(&c, &d) == KD_OK) {
        if (d.kind != KD_DECISION_OBJECT || d.object.value.n == 0)
            continue;
        memcpy(in->text + at, d.object.value.p, d.object.value.n);
        (void)add_object(in, kind_of(d.object.kind), in->text + at, d.object.value.n,
                         &(struct kd_listing){d.object.note, d.object.number, d.object.until_us});
        at += d.object.value.n;
    }
    return KD_OK;
}

enum kd_status kd_intel_load(struct kd_intel *in, struct kd_bytes file, uint64_t seed, struct kd_err *err)
{
    *in = (struct kd_intel){.seed = seed};
    if (file.n == 0)
        return KD_OK;
    if (!room_for(in, file.n, count_lines(file))) {
        kd_intel_done(in);
        return kd_fail(err, KD_NO_MEMORY, 0, "list of known-bad objects");
    }
    memcpy(in->text, file.p, file.n);
    for (size_t i = 0; i < file.n; i++)
        if (in->text[i] == '\t' || in->text[i] == '\r')
            in->text[i] = ' ';
    struct kd_bytes rest = kd_bytes_of(in->text, file.n);
    for (size_t number = 1; rest.n > 0; number++) {
        struct kd_bytes line = kd_bytes_trim(kd_bytes_cut(&rest, '\n'));
        const char *bad = line.n == 0 || line.p[0] == '#' ? NULL : add_line(in, line);
        if (bad != NULL) {
            kd_intel_done(in);
            return kd_fail(err, KD_MALFORMED, number, bad);
        }
    }
    return KD_OK;
}

void kd_intel_done(struct kd_intel *in)
{
    free(in->text);
    free(in->rows);
    free(in->nets);
    *in = (struct kd_intel){0};
}

static bool in_force(const struct kd_listing *l, uint64_t now_us)
{
    return l->until_us == 0 || now_us < l->until_us;
}

static bool has(const struct kd_intel *in, enum kind kind, struct kd_bytes value, uint64_t now_us, struct kd_listing *ret)
{
    const struct kd_intel_row *row = row_of(in, kind, value);
    if (row->value.p == NULL || !in_force(&row->listing, now_us))
        return false;
    *ret = row->listing;
    return true;
}

static bool has_ip(const struct kd_intel *in, struct kd_bytes value, uint64_t now_us, struct kd_listing *ret)
{
    if (value.n != sizeof(struct kd_addr))
        return false;
    if (has(in, IP, value, now_us, ret))
        return true;
    struct kd_addr a;
    memcpy(a.b, value.p, sizeof(a.b));
    for (size_t i = 0; i < in->n_nets; i++)
        if (in->nets[i].net.bits < 128 && kd_net_has(&in->nets[i].net, &a) && in_force(&in->nets[i].listing, now_us)) {
            *ret = in->nets[i].listing;
            return true;
        }
    return false;
}

static bool has_domain(const struct kd_intel *in, struct kd_bytes name, uint64_t now_us, struct kd_listing *ret)
{
    while (name.n > 0) {
        if (has(in, DOMAIN, name, now_us, ret))
            return true;
        (void)kd_bytes_cut(&name, '.');
    }
    return false;
}

bool kd_intel_has(const struct kd_intel *in, const char *kind_name, struct kd_bytes value, uint64_t now_us,
                  struct kd_listing *ret)
{
    if (in->n_rows == 0 && in->n_nets == 0)
        return false;
    enum kind kind = kind_of(kd_str(kind_name));
    if (kind == KINDS)
        return false; /* of others' lists alone */
    if (kind == IP)
        return has_ip(in, value, now_us, ret);
    if (value.n == 0 || value.n > VALUE_MAX)
        return false;
    uint8_t copy[VALUE_MAX];
    memcpy(copy, value.p, value.n);
    if (kinds[kind].hex_bytes == 0)
        value = normal(kind, copy, value.n);
    return kind == DOMAIN ? has_domain(in, value, now_us, ret) : has(in, kind, value, now_us, ret);
}
