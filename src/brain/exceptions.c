/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/exceptions.h"

static const char *read_net(struct kd_bytes text, struct kd_net *ret, bool *ret_any)
{
    return kd_exception_net(text, ret, ret_any) ? NULL : "a host is an address, a prefix or *";
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
    return kd_exception_id_is_valid(text) ? NULL : "a detection id is KD-AA-NNNN, its beginning with *, or *";
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
    x->file_text = malloc(file.n);
    x->file = calloc(count_lines(file), sizeof(x->file[0]));
    if (x->file_text == NULL || x->file == NULL) {
        kd_exceptions_done(x);
        return kd_fail(err, KD_NO_MEMORY, 0, "exceptions");
    }
    memcpy(x->file_text, file.p, file.n);
    for (size_t i = 0; i < file.n; i++)
        if (x->file_text[i] == '\t' || x->file_text[i] == '\r')
            x->file_text[i] = ' ';
    struct kd_bytes rest = kd_bytes_of(x->file_text, file.n);
    for (size_t number = 1; rest.n > 0; number++) {
        struct kd_bytes line = kd_bytes_trim(kd_bytes_cut(&rest, '\n'));
        if (line.n == 0 || line.p[0] == '#')
            continue;
        struct kd_excepting *e = &x->file[x->n_file];
        e->line = number;
        const char *bad = read_line(line, &e->what, zone_s);
        if (bad != NULL) {
            kd_exceptions_done(x);
            return kd_fail(err, KD_MALFORMED, number, bad);
        }
        x->n_file++;
    }
    return KD_OK;
}

void kd_exceptions_done(struct kd_exceptions *x)
{
    free(x->file_text);
    free(x->file);
    free(x->decided);
    *x = (struct kd_exceptions){0};
}

enum kd_status kd_exceptions_decide(struct kd_exceptions *x, struct kd_bytes list)
{
    struct kd_decision d;
    enum kd_status s;
    size_t n = 0;
    struct kd_cur c = kd_cur_of(list);
    while ((s = kd_decision_next(&c, &d)) == KD_OK)
        n += d.kind == KD_DECISION_EXCEPTION;
    if (s != KD_NOT_FOUND)
        return s;
    struct kd_excepting *v = calloc(n + 1, sizeof(v[0]));
    if (v == NULL)
        return KD_NO_MEMORY;
    free(x->decided);
    x->decided = v;
    x->n_decided = 0;
    c = kd_cur_of(list);
    while (kd_decision_next(&c, &d) == KD_OK)
        if (d.kind == KD_DECISION_EXCEPTION)
            v[x->n_decided++].what = d.exception;
    return KD_OK;
}

static struct kd_excepting *find(const struct kd_exceptions *x, const struct kd_exception_case *c, uint64_t now_us)
{
    for (size_t i = 0; i < x->n_file; i++)
        if (kd_exception_hides(&x->file[i].what, c, now_us))
            return &x->file[i];
    for (size_t i = 0; i < x->n_decided; i++)
        if (kd_exception_hides(&x->decided[i].what, c, now_us))
            return &x->decided[i];
    return NULL;
}

struct kd_excepting *kd_exceptions_match(struct kd_exceptions *x, const struct kd_finding *f, uint64_t now_us)
{
    if (x->n_file + x->n_decided == 0)
        return NULL;
    struct kd_excepting *e =
        find(x, &(struct kd_exception_case){kd_str(f->kind->id), &f->host, &f->peer, f->user}, now_us);
    if (e != NULL)
        e->hits++;
    return e;
}

bool kd_exceptions_hide(const struct kd_exceptions *x, const struct kd_exception_case *c, uint64_t now_us)
{
    return find(x, c, now_us) != NULL;
}

bool kd_exceptions_hide_kind(const struct kd_exceptions *x, const char *id, const struct kd_addr *host, uint64_t now_us)
{
    struct kd_exception_case c = {.id = kd_str(id), .host = host, .peer = host};
    for (size_t i = 0; i < x->n_decided; i++) {
        const struct kd_exception *e = &x->decided[i].what;
        if (e->any_peer && e->user.n == 0 && kd_exception_hides(e, &c, now_us))
            return true;
    }
    return false;
}
