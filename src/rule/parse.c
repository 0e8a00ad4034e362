/* SPDX-License-Identifier: Apache-2.0 */
/* One rule: header, options, and the conditions put where they belong. */
#include "rule/internal.h"

enum { BUF_MAX = KD_POOL_LARGE };

bool kd_refuse(struct kd_parse *p, enum kd_why why)
{
    p->why = why;
    return false;
}

bool kd_refuse_word(struct kd_parse *p, enum kd_why why, struct kd_bytes word)
{
    p->what = word;
    return kd_refuse(p, why);
}

struct kd_bytes kd_cut_word(struct kd_bytes *rest, uint8_t sep)
{
    return kd_bytes_trim(kd_bytes_cut(rest, sep));
}

struct kd_bytes kd_cut_blank(struct kd_bytes *rest)
{
    struct kd_bytes b = kd_bytes_trim(*rest);
    size_t n = 0;
    while (n < b.n && b.p[n] != ' ' && b.p[n] != '\t')
        n++;
    *rest = kd_bytes_trim(kd_bytes_from(b, n));
    return kd_bytes_head(b, n);
}

struct kd_bytes kd_parse_copy(struct kd_parse *p, struct kd_bytes b)
{
    return kd_arena_copy(&p->st->mem, b, b.n);
}

bool kd_parse_name(struct kd_parse *p, struct kd_name_table *t, struct kd_bytes name, uint32_t *ret)
{
    if (name.n == 0)
        return kd_refuse(p, KD_WHY_EMPTY);
    *ret = kd_nametab_add(t, p->st->pool, &p->st->mem, name, p->lim->rule_names);
    return *ret != KD_NAME_NONE ||
           kd_refuse(p, t->n >= p->lim->rule_names ? KD_WHY_TOO_MANY_NAMES : KD_WHY_NO_MEMORY);
}

bool kd_parse_i64(struct kd_bytes text, int64_t least, int64_t most, int64_t *ret)
{
    struct kd_bytes b = kd_bytes_trim(text);
    uint64_t v;
    bool minus = kd_bytes_at(b, 0) == '-';
    if (minus || kd_bytes_at(b, 0) == '+')
        b = kd_bytes_from(b, 1);
    if (!kd_number_parse(b, 63, "", &v))
        return false;
    *ret = minus ? -(int64_t)v : (int64_t)v;
    return least <= *ret && *ret <= most;
}

bool kd_parse_var(struct kd_parse *p, struct kd_bytes name, uint8_t *ret)
{
    for (uint8_t i = 0; i < p->rule.n_vars; i++)
        if (kd_bytes_eq(p->var[i], name)) {
            *ret = i;
            return true;
        }
    if (p->rule.n_vars >= KD_PARSE_VARS)
        return kd_refuse(p, KD_WHY_TOO_MANY_VARIABLES);
    if (name.n == 0)
        return kd_refuse(p, KD_WHY_EMPTY);
    p->var[p->rule.n_vars] = kd_parse_copy(p, name);
    *ret = p->rule.n_vars++;
    return true;
}

bool kd_parse_value(struct kd_parse *p, struct kd_bytes text, int64_t least, int64_t most,
                    struct kd_value *ret)
{
    struct kd_bytes b = kd_bytes_trim(text);
    uint8_t c = kd_bytes_at(b, 0);
    *ret = (struct kd_value){.var = -1};
    if ((c >= '0' && c <= '9') || c == '-' || c == '+')
        return kd_parse_i64(b, least, most, &ret->n) || kd_refuse_word(p, KD_WHY_NUMBER, b);
    for (uint8_t i = 0; i < p->rule.n_vars; i++)
        if (kd_bytes_eq(p->var[i], b)) {
            ret->var = (int8_t)i;
            return true;
        }
    return kd_refuse_word(p, b.n == 0 ? KD_WHY_NUMBER : KD_WHY_VARIABLE, b);
}

/* ---- Conditions and where they stand ---- */

struct kd_pending *kd_parse_pending(struct kd_parse *p, int i)
{
    return (struct kd_pending *)(void *)p->st->pending.p + i;
}

int kd_parse_pending_count(const struct kd_parse *p)
{
    return (int)(p->st->pending.n / sizeof(struct kd_pending));
}

struct kd_pending *kd_parse_before(struct kd_parse *p, int i)
{
    for (int k = i - 1; k >= 0; k--)
        if (kd_parse_pending(p, k)->place == kd_parse_pending(p, i)->place)
            return kd_parse_pending(p, k);
    return NULL;
}

static struct kd_cond *add(struct kd_parse *p, enum kd_cond_kind kind, int place)
{
    struct kd_buf *all = &p->st->pending;
    struct kd_pending c = {.cond = {.kind = (uint8_t)kind, .keyword = (uint16_t)p->keyword},
                           .place = (int16_t)place};
    if (all->n / sizeof(c) >= p->lim->rule_contents)
        return kd_refuse(p, KD_WHY_TOO_MANY_CONDITIONS), NULL;
    if (!kd_buf_add(all, p->st->pool, kd_bytes_of(&c, sizeof(c)), BUF_MAX))
        return kd_refuse(p, KD_WHY_NO_MEMORY), NULL;
    return &kd_parse_pending(p, kd_parse_pending_count(p) - 1)->cond;
}

struct kd_cond *kd_parse_check(struct kd_parse *p, enum kd_cond_kind kind)
{
    return add(p, kind, KD_PLACE_CHECK);
}

struct kd_cond *kd_parse_act(struct kd_parse *p, enum kd_cond_kind kind)
{
    return add(p, kind, KD_PLACE_ACT);
}

static bool same_transforms(const struct kd_parse_look *a, const struct kd_parse_look *b)
{
    if (a->n_transforms != b->n_transforms)
        return false;
    for (unsigned i = 0; i < a->n_transforms; i++) {
        const struct kd_transform *x = &a->transform[i], *y = &b->transform[i];
        if (x->kind != y->kind || x->a != y->a || x->b != y->b || x->c != y->c ||
            !kd_bytes_eq(x->arg, y->arg))
            return false;
    }
    return true;
}

/* The look for this buffer: the one there is, or a new one; < 0: refused. */
static int look_for(struct kd_parse *p, const struct kd_parse_look *want)
{
    bool multi = kd_inspect_rows[want->in].multi;
    for (int i = 0; i < p->n_looks && !multi; i++)
        if (p->look[i].in == want->in && p->look[i].side == want->side &&
            kd_bytes_eq(p->look[i].arg, want->arg) && same_transforms(&p->look[i], want))
            return i;
    if (p->n_looks >= KD_PARSE_LOOKS)
        return kd_refuse(p, KD_WHY_TOO_MANY_CONDITIONS), -1;
    p->look[p->n_looks] = *want;
    return p->n_looks++;
}

struct kd_cond *kd_parse_sought(struct kd_parse *p, enum kd_cond_kind kind)
{
    static const struct kd_parse_look payload = {.in = KD_IN_PAYLOAD};
    if (p->current < 0)
        p->current = look_for(p, p->sticky ? &p->next : &payload);
    if (p->current < 0)
        return NULL;
    p->named = false;
    return add(p, kind, p->current);
}

struct kd_cond *kd_parse_sought_in(struct kd_parse *p, enum kd_cond_kind kind, enum kd_inspect in)
{
    const struct kd_parse_look want = {.in = in};
    int look = look_for(p, &want);
    return look < 0 ? NULL : add(p, kind, look);
}

struct kd_cond *kd_parse_sought_next(struct kd_parse *p, enum kd_cond_kind kind)
{
    for (int i = kd_parse_pending_count(p) - 1; i >= 0 && !p->sticky; i--)
        if (kd_parse_pending(p, i)->place >= 0)
            return add(p, kind, kd_parse_pending(p, i)->place);
    return kd_parse_sought(p, kind);
}

bool kd_parse_app(struct kd_parse *p, enum kd_rule_proto proto)
{
    if (kd_rule_proto_rows[proto].layer != KD_LAYER_APP)
        return true;
    /* Compared with the header when all is known: settle.c. */
    if (p->app == KD_RP_IP)
        p->app = proto;
    else
        p->two_apps |= !kd_protos_agree(p->app, proto);
    return true;
}

bool kd_parse_buffer(struct kd_parse *p, enum kd_inspect in, struct kd_bytes arg)
{
    if (p->named)
        return kd_refuse(p, KD_WHY_BUFFER_UNUSED);
    p->next = (struct kd_parse_look){.in = in, .arg = kd_parse_copy(p, arg)};
    p->sticky = in != KD_IN_PAYLOAD;
    p->named = p->sticky;
    p->current = -1;
    return kd_parse_app(p, kd_inspect_rows[in].proto);
}

bool kd_parse_modifier(struct kd_parse *p, enum kd_inspect in)
{
    const struct kd_parse_look want = {.in = in};
    if (p->last_content < 0)
        return kd_refuse(p, KD_WHY_NO_CONTENT);
    struct kd_pending *last = kd_parse_pending(p, p->last_content);
    if (p->sticky || p->look[last->place].in != KD_IN_PAYLOAD)
        return kd_refuse(p, KD_WHY_STICKY_SET);
    int look = look_for(p, &want);
    if (look < 0)
        return false;
    if (last->cond.is.content.flags & KD_CONTENT_RAWBYTES)
        return kd_refuse(p, KD_WHY_STICKY_SET);
    last->place = (int16_t)look;
    return kd_parse_app(p, kd_inspect_rows[in].proto);
}

bool kd_parse_transform(struct kd_parse *p, const struct kd_transform *t)
{
    if (!p->sticky)
        return kd_refuse(p, KD_WHY_NO_BUFFER);
    /* Behind what was sought in the plain buffer, the same buffer begins anew, transformed. */
    if (!p->named && p->next.n_transforms > 0)
        return kd_refuse(p, KD_WHY_TRANSFORM_LATE);
    p->named = true;
    p->current = -1;
    if (p->next.n_transforms >= KD_PARSE_TRANSFORMS)
        return kd_refuse(p, KD_WHY_TOO_MANY_TRANSFORMS);
    p->next.transform[p->next.n_transforms++] = *t;
    return true;
}

/* ---- Options ---- */

/* Take the quotes off, as far as the keyword has some. */
static bool unquote(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes *v)
{
    if (kw->quotes == KW_PLAIN || kw->quotes == KW_RAW)
        return true;
    if (kw->may_negate && kd_bytes_at(*v, 0) == '!') {
        p->negated = true;
        *v = kd_bytes_trim(kd_bytes_from(*v, 1));
    }
    bool opens = kd_bytes_at(*v, 0) == '"';
    bool closes = v->n > 0 && v->p[v->n - 1] == '"';
    if (!opens && !closes && kw->quotes == KW_MAY_QUOTE)
        return true;
    if (!opens || !closes || v->n < 2)
        return kd_refuse_word(p, KD_WHY_QUOTES, *v);
    *v = kd_bytes_of(v->p + 1, v->n - 2);
    return true;
}

static bool run_keyword(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes value,
                        bool has_value)
{
    p->negated = false;
    if (kw->value == KW_NEEDED && (!has_value || value.n == 0))
        return kd_refuse(p, KD_WHY_VALUE_MISSING);
    if (kw->value == KW_NONE && has_value)
        return kd_refuse_word(p, KD_WHY_VALUE_UNWANTED, value);
    return unquote(p, kw, &value) && kw->parse(p, kw, value);
}

/* "http.connection:to_client": in rules over both directions of a transaction. */
static bool buffer_side(struct kd_parse *p, struct kd_bytes v)
{
    bool client = kd_bytes_eq_str(v, "to_client");
    if (!p->rule.transactional || (!client && !kd_bytes_eq_str(v, "to_server")))
        return kd_refuse_word(p, KD_WHY_VALUE_UNWANTED, v);
    p->next.side = client ? KD_INSPECT_CLIENT : KD_INSPECT_SERVER;
    return true;
}

static bool option(struct kd_parse *p, struct kd_bytes text)
{
    struct kd_bytes value = text;
    struct kd_bytes name = kd_cut_word(&value, ':');
    bool has_value = name.p != NULL && kd_bytes_find_byte(text, ':') < text.n;
    value = kd_bytes_trim(value);
    p->what = name;
    if (++p->n_options > p->lim->rule_options)
        return kd_refuse(p, KD_WHY_TOO_MANY_OPTIONS);
    const struct kd_hit *hit = kd_keyword_find(p->st, name, &p->keyword);
    if (hit == NULL)
        return kd_refuse(p, KD_WHY_UNKNOWN_KEYWORD);
    switch (hit->kind) {
    case KD_HIT_KEYWORD:
        return run_keyword(p, hit->keyword, value, has_value);
    case KD_HIT_BUFFER:
    case KD_HIT_MODIFIER:
        if (hit->kind == KD_HIT_MODIFIER)
            return has_value ? kd_refuse_word(p, KD_WHY_VALUE_UNWANTED, value)
                             : kd_parse_modifier(p, (enum kd_inspect)hit->at);
        return kd_parse_buffer(p, (enum kd_inspect)hit->at, kd_str("")) &&
               (!has_value || buffer_side(p, value));
    case KD_HIT_NUMBER:
        if (value.n == 0)
            return kd_refuse(p, KD_WHY_VALUE_MISSING);
        return kd_parse_number_keyword(p, (enum kd_number)hit->at, value);
    }
    return false;
}

/* Length of the option at the start of `body`: up to a ';' that no backslash stands before. */
static size_t option_length(struct kd_bytes body)
{
    for (size_t at = 0;;) {
        size_t n = kd_bytes_find_byte(kd_bytes_from(body, at), ';');
        if (n >= body.n - at)
            return SIZE_MAX;
        at += n;
        if (at == 0 || body.p[at - 1] != '\\')
            return at;
        if (++at >= body.n)
            return SIZE_MAX;
    }
}

static bool options(struct kd_parse *p, struct kd_bytes body)
{
    while ((body = kd_bytes_trim(body)).n > 0) {
        size_t n = option_length(body);
        if (n == SIZE_MAX)
            return kd_refuse_word(p, KD_WHY_NO_SEMICOLON, kd_bytes_head(body, 40));
        struct kd_bytes text = kd_bytes_trim(kd_bytes_head(body, n));
        body = kd_bytes_from(body, n + 1);
        if (text.n > 0 && !option(p, text))
            return false;
    }
    return true;
}

/* For messages: the sid, when what stands before it is wrong. */
static uint32_t peek_sid(struct kd_bytes text)
{
    size_t at = kd_bytes_find(text, kd_str("sid:"));
    uint64_t v = 0;
    if (at == SIZE_MAX)
        return 0;
    struct kd_bytes rest = kd_bytes_from(text, at + 4);
    return kd_bytes_to_u64(kd_bytes_trim(kd_bytes_cut(&rest, ';')), UINT32_MAX, &v) ? (uint32_t)v
                                                                                    : 0;
}

bool kd_parse_rule(struct kd_parse *p, struct kd_bytes text)
{
    p->rule = (struct kd_rule){.gid = 1, .rev = 0, .priority = 3};
    p->n_looks = 0;
    p->sticky = p->named = p->has_fast = p->has_priority = false;
    p->rpc = p->two_apps = false;
    p->current = p->last_content = -1;
    p->app = KD_RP_IP;
    p->n_options = 0;
    p->st->pending.n = p->st->refs.n = p->st->metas.n = 0;
    text = kd_bytes_trim(text);
    p->what = kd_bytes_head(text, 40);
    struct kd_bytes body = text;
    struct kd_bytes header = kd_bytes_cut(&body, '(');
    bool ok;
    if (memchr(text.p, 0, text.n) != NULL)
        ok = kd_refuse(p, KD_WHY_BINARY);
    else if (body.n == 0 || body.p[body.n - 1] != ')')
        ok = kd_refuse(p, KD_WHY_BODY);
    else
        ok = kd_parse_header(p, header) && options(p, kd_bytes_head(body, body.n - 1)) &&
             kd_parse_settle(p);
    if (!ok && p->rule.sid == 0)
        p->rule.sid = peek_sid(text);
    return ok;
}
