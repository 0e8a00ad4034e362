/* SPDX-License-Identifier: Apache-2.0 */
/* STIX 2.1 patterns of the simple kind (section 9): comparisons of one value with =, IN or ISSUBSET, joined by OR and
 * AND, observations joined by OR.  Of an AND the most telling part is taken: more would have to be seen together, so
 * what is told is never less than the pattern means, sometimes more.  Everything else is counted and left out. */
#include "object/internal.h"

enum { COMPARISONS_MAX = 1000, PATH_MAX_BYTES = 128 };

struct pattern {
    struct kd_bytes rest;
    struct kd_feed *f;
    const struct kd_row *row;
    uint8_t *room; /* for texts with escapes */
    size_t n_room;
    unsigned n;
};

/* How telling each kind is: greatest first. */
static const uint8_t telling[KD_OBJ_KINDS] = {
    [KD_OBJ_SHA256] = 10, [KD_OBJ_SHA1] = 9, [KD_OBJ_MD5] = 8, [KD_OBJ_CERT] = 7,   [KD_OBJ_URL] = 6,
    [KD_OBJ_DOMAIN] = 5,  [KD_OBJ_MAIL] = 4, [KD_OBJ_IP] = 3,  [KD_OBJ_JA4] = 2,    [KD_OBJ_JA3] = 1,
};

static const struct {
    const char *path;
    uint8_t kind;
} paths[] = {
    {"ipv4-addr:value", KD_OBJ_IP},
    {"ipv6-addr:value", KD_OBJ_IP},
    {"network-traffic:dst_ref.value", KD_OBJ_IP},
    {"network-traffic:src_ref.value", KD_OBJ_IP},
    {"domain-name:value", KD_OBJ_DOMAIN},
    {"url:value", KD_OBJ_URL},
    {"email-addr:value", KD_OBJ_MAIL},
    {"email-message:from_ref.value", KD_OBJ_MAIL},
    {"email-message:sender_ref.value", KD_OBJ_MAIL},
    {"file:hashes.md5", KD_OBJ_MD5},
    {"file:hashes.sha-1", KD_OBJ_SHA1},
    {"file:hashes.sha1", KD_OBJ_SHA1},
    {"file:hashes.sha-256", KD_OBJ_SHA256},
    {"file:hashes.sha256", KD_OBJ_SHA256},
    {"x509-certificate:hashes.sha-1", KD_OBJ_CERT},
    {"x509-certificate:hashes.sha-256", KD_OBJ_CERT},
};

struct found {
    bool any;
    enum kd_object_kind kind;
    struct kd_bytes value;
    struct kd_bytes serial, issuer;
};

static bool is_word(uint8_t c)
{
    c = kd_ascii_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ':' || c == '.';
}

static uint8_t peek(struct pattern *p)
{
    while (kd_bytes_at(p->rest, 0) == ' ' || kd_bytes_at(p->rest, 0) == '\n' || kd_bytes_at(p->rest, 0) == '\t' ||
           kd_bytes_at(p->rest, 0) == '\r')
        p->rest = kd_bytes_from(p->rest, 1);
    return kd_bytes_at(p->rest, 0);
}

static bool is(struct pattern *p, const char *token)
{
    size_t n = strlen(token);
    (void)peek(p);
    if (!kd_bytes_istarts(p->rest, kd_str(token)) || (is_word((uint8_t)token[0]) && is_word(kd_bytes_at(p->rest, n))))
        return false;
    p->rest = kd_bytes_from(p->rest, n);
    return true;
}

/* file:hashes.'SHA-256' in lower case, without quotes. */
static struct kd_bytes path(struct pattern *p, uint8_t room[PATH_MAX_BYTES])
{
    struct kd_out o = kd_out_of(room, PATH_MAX_BYTES);
    size_t n = 0;
    (void)peek(p);
    for (; is_word(kd_bytes_at(p->rest, n)) || kd_bytes_at(p->rest, n) == '\''; n++)
        if (p->rest.p[n] != '\'')
            kd_out_u8(&o, kd_ascii_lower(p->rest.p[n]));
    p->rest = kd_bytes_from(p->rest, n);
    return kd_out_bytes_view(&o);
}

static bool text(struct pattern *p, struct kd_bytes *ret)
{
    size_t n = 1;
    bool escaped = false;
    if (peek(p) != '\'')
        return false;
    for (; n < p->rest.n && p->rest.p[n] != '\''; n++)
        if (p->rest.p[n] == '\\') {
            escaped = true;
            n++;
        }
    if (n >= p->rest.n)
        return false;
    *ret = kd_bytes_of(p->rest.p + 1, n - 1);
    p->rest = kd_bytes_from(p->rest, n + 1);
    if (!escaped)
        return true;
    struct kd_out o = kd_out_of(p->room, p->n_room);
    for (size_t i = 0; i < ret->n; i++) {
        i += ret->p[i] == '\\' && i + 1 < ret->n;
        kd_out_u8(&o, ret->p[i]);
    }
    *ret = kd_out_bytes_view(&o);
    p->room += o.n;
    p->n_room -= o.n;
    return kd_out_ok(&o);
}

static void take(struct pattern *p, const struct found *x)
{
    uint8_t room[KD_OBJ_TEXT_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (x->serial.n > 0 && x->issuer.n > 0) {
        kd_out_str(&o, "serial:");
        kd_out_bytes(&o, x->serial);
        kd_out_u8(&o, ' ');
        kd_out_bytes(&o, x->issuer);
        kd_feed_kind(p->f, KD_OBJ_CERT, false, kd_out_bytes_view(&o), p->row);
    } else if (x->any) {
        kd_feed_kind(p->f, x->kind, false, x->value, p->row);
    } else {
        p->f->list->other++;
    }
}

/* One comparison; its values go to `x` (of an AND) or, with IN, at once to the list. */
static bool comparison(struct pattern *p, struct found *x)
{
    uint8_t room[PATH_MAX_BYTES];
    struct kd_bytes name, v;
    if (++p->n > COMPARISONS_MAX || is(p, "NOT") || is(p, "EXISTS"))
        return false;
    name = path(p, room);
    bool set = is(p, "IN"), net = !set && is(p, "ISSUBSET");
    if (!set && !net && !is(p, "="))
        return false;
    size_t i = 0;
    while (i < KD_COUNT(paths) && !kd_bytes_eq_str(name, paths[i].path))
        i++;
    if (set && !is(p, "("))
        return false;
    do {
        if (!text(p, &v)) { /* a number: a port beside an address */
            size_t n = 0;
            while (is_word(kd_bytes_at(p->rest, n)))
                n++;
            p->rest = kd_bytes_from(p->rest, n);
            if (n == 0)
                return false;
            continue;
        }
        if (kd_bytes_eq_str(name, "x509-certificate:serial_number"))
            x->serial = v;
        else if (kd_bytes_eq_str(name, "x509-certificate:issuer"))
            x->issuer = v;
        if (i == KD_COUNT(paths))
            continue;
        struct found one = {.any = true, .kind = (enum kd_object_kind)paths[i].kind, .value = v};
        if (set)
            take(p, &one);
        else if (!x->any || telling[one.kind] > telling[x->kind]) {
            x->any = true;
            x->kind = one.kind;
            x->value = v;
        }
    } while (set && is(p, ","));
    return !set || is(p, ")");
}

/* What stands between the brackets of an observation.  Brackets within it are understood where there is no AND. */
static bool observation(struct pattern *p)
{
    struct found x = {.any = false};
    bool grouped = false, joined = false;
    if (!is(p, "["))
        return false;
    for (;;) {
        uint64_t before = p->f->taken;
        while (is(p, "("))
            grouped = true;
        if (!comparison(p, &x))
            return false;
        bool set = !x.any && x.serial.n == 0 && p->f->taken > before;
        while (is(p, ")"))
            ;
        bool more = is(p, "AND");
        joined |= more;
        if (grouped && joined)
            return false;
        if (more)
            continue;
        if (!set)
            take(p, &x);
        x = (struct found){.any = false};
        if (is(p, "]"))
            return true;
        if (!is(p, "OR"))
            return false;
    }
}

void kd_feed_pattern(struct kd_feed *f, struct kd_bytes pattern, const struct kd_row *row)
{
    uint8_t room[KD_OBJ_TEXT_MAX];
    struct pattern p = {.rest = pattern, .f = f, .row = row, .room = room, .n_room = sizeof(room)};
    do {
        if (!observation(&p)) {
            f->list->other++;
            return;
        }
    } while (is(&p, "OR"));
    if (peek(&p) != 0) /* FOLLOWEDBY, AND of observations, WITHIN …: what was taken stays */
        f->list->other++;
}
