/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/exceptions.h"

static const char *read_net(struct kd_bytes text, struct kd_net *ret, bool *ret_any)
{
    *ret_any = kd_bytes_eq_str(text, "*");
    return *ret_any || kd_net_parse(text, ret) ? NULL : "a host is an address, a prefix or *";
}

static const char *read_criteria(struct kd_bytes text, struct kd_exception *e)
{
    e->any_peer = true;
    while (text.n > 0) {
        struct kd_bytes value = kd_bytes_trim(kd_bytes_cut(&text, ' '));
        text = kd_bytes_trim(text);
        struct kd_bytes key = kd_bytes_cut(&value, '=');
        if (kd_bytes_eq_str(key, "user") && value.n > 0)
            e->user = value;
        else if (!kd_bytes_eq_str(key, "peer") || read_net(value, &e->peer, &e->any_peer) != NULL)
            return "criteria are peer=NET and user=NAME";
    }
    return NULL;
}

static const char *read_id(struct kd_bytes text, struct kd_exception *e)
{
    e->id = text;
    return kd_bytes_eq_str(text, "*") || kd_bytes_starts(text, kd_str("KD-"))
               ? NULL
               : "a detection id is KD-AA-NNNN, its beginning with *, or *";
}

static const char *read_until(struct kd_bytes text, struct kd_exception *e, int zone_s)
{
    if (kd_bytes_eq_str(text, "-"))
        return NULL;
    return kd_time_parse(text, zone_s, &e->until_us) ? NULL : "until is a date such as 2027-03-31, or -";
}

static const char *read_line(struct kd_bytes line, struct kd_exception *e, int zone_s)
{
    struct kd_bytes column[5] = {{NULL, 0}};
    for (size_t i = 0; i < 4; i++)
        column[i] = kd_bytes_trim(kd_bytes_cut(&line, '|'));
    column[4] = kd_bytes_trim(line);
    e->reason = column[4];
    if (e->reason.n == 0)
        return "five columns are needed: id | host | criteria | until | reason";
    const char *bad = read_id(column[0], e);
    bad = bad != NULL ? bad : read_net(column[1], &e->host, &e->any_host);
    bad = bad != NULL ? bad : read_criteria(column[2], e);
    return bad != NULL ? bad : read_until(column[3], e, zone_s);
}

static size_t count_lines(struct kd_bytes file)
{
    size_t n = 1;
    for (size_t i = 0; i < file.n; i++)
        n += file.p[i] == '\n';
    return n;
}

enum kd_status kd_exceptions_load(struct kd_exceptions *x, struct kd_bytes file, int zone_s, struct kd_err *err)
{
    *x = (struct kd_exceptions){0};
    if (file.n == 0)
        return KD_OK;
    x->text = malloc(file.n);
    x->v = calloc(count_lines(file), sizeof(x->v[0]));
    if (x->text == NULL || x->v == NULL) {
        kd_exceptions_done(x);
        return kd_fail(err, KD_NO_MEMORY, 0, "exceptions");
    }
    memcpy(x->text, file.p, file.n);
    for (size_t i = 0; i < file.n; i++)
        if (x->text[i] == '\t' || x->text[i] == '\r')
            x->text[i] = ' ';
    struct kd_bytes rest = kd_bytes_of(x->text, file.n);
    for (size_t number = 1; rest.n > 0; number++) {
        struct kd_bytes line = kd_bytes_trim(kd_bytes_cut(&rest, '\n'));
        if (line.n == 0 || line.p[0] == '#')
            continue;
        struct kd_exception *e = &x->v[x->n];
        e->line = number;
        const char *bad = read_line(line, e, zone_s);
        if (bad != NULL) {
            kd_exceptions_done(x);
            return kd_fail(err, KD_MALFORMED, number, bad);
        }
        x->n++;
    }
    return KD_OK;
}

void kd_exceptions_done(struct kd_exceptions *x)
{
    free(x->text);
    free(x->v);
    *x = (struct kd_exceptions){0};
}

static bool id_matches(struct kd_bytes pattern, const char *id)
{
    if (pattern.p[pattern.n - 1] == '*')
        return kd_bytes_starts(kd_str(id), kd_bytes_head(pattern, pattern.n - 1));
    return kd_bytes_eq_str(pattern, id);
}

static bool matches(const struct kd_exception *e, const struct kd_finding *f, uint64_t now_us)
{
    return (e->until_us == 0 || now_us < e->until_us) && id_matches(e->id, f->kind->id) &&
           (e->any_host || kd_net_has(&e->host, &f->host)) && (e->any_peer || kd_net_has(&e->peer, &f->peer)) &&
           (e->user.n == 0 || kd_bytes_ieq(e->user, f->user));
}

struct kd_exception *kd_exceptions_match(struct kd_exceptions *x, const struct kd_finding *f, uint64_t now_us)
{
    for (size_t i = 0; i < x->n; i++)
        if (matches(&x->v[i], f, now_us)) {
            x->v[i].hits++;
            return &x->v[i];
        }
    return NULL;
}
