/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and their answers: one record each. */
#include "proto/ldap/ldap.h"

enum { OID_MAX = 64, FILTER_ROOM = 4096, LIST_ROOM = 8192 };

#define OID_STARTTLS "1.3.6.1.4.1.1466.20037"

extern const struct kd_parser kd_parser_tls;

/* What a request says, printed; copied behind a waiting request. */
struct texts {
    struct kd_out base, filter, oid, attributes, controls;
    uint8_t scope;
    uint8_t base_room[LDAP_NAME_MAX], filter_room[FILTER_ROOM], oid_room[OID_MAX];
    uint8_t attributes_room[LIST_ROOM], controls_room[1024];
};

static void texts_start(struct texts *t)
{
    t->base = kd_out_of(t->base_room, sizeof(t->base_room));
    t->filter = kd_out_of(t->filter_room, sizeof(t->filter_room));
    t->oid = kd_out_of(t->oid_room, sizeof(t->oid_room));
    t->attributes = kd_out_of(t->attributes_room, sizeof(t->attributes_room));
    t->controls = kd_out_of(t->controls_room, sizeof(t->controls_room));
    t->scope = 0;
}

/* ---- reading requests ---- */

static void put(struct kd_out *o, struct kd_bytes text)
{
    kd_out_bytes(o, kd_bytes_head(text, o->max - o->n));
}

static bool read_search(struct texts *t, struct kd_der *d)
{
    put(&t->base, kd_der_take(d, KD_DER_OCTET_STRING));
    t->scope = (uint8_t)(kd_der_i32(d, KD_DER_ENUMERATED) & 0xff);
    (void)kd_der_i32(d, KD_DER_ENUMERATED); /* aliases */
    (void)kd_der_take(d, KD_DER_INTEGER);   /* size and time limits */
    (void)kd_der_take(d, KD_DER_INTEGER);
    (void)kd_der_take(d, KD_DER_BOOLEAN);
    if (!kd_der_ok(d) || !ldap_out_filter(&t->filter, d))
        return false;
    struct kd_der list = kd_der_enter(d, KD_DER_SEQUENCE);
    while (kd_der_more(&list))
        ldap_list_add(&t->attributes,
                      kd_bytes_head(kd_der_take(&list, KD_DER_OCTET_STRING), LDAP_VALUE_MAX));
    return kd_der_ok(&list);
}

/* An attribute with its values, one list item each: name SIGN value. */
static bool read_values(struct texts *t, struct kd_der *partial, const char *sign)
{
    struct kd_bytes name = kd_bytes_head(kd_der_take(partial, KD_DER_OCTET_STRING), LDAP_VALUE_MAX);
    struct kd_der values = kd_der_enter(partial, KD_DER_SET);
    bool any = false;
    while (kd_der_more(&values) || (!any && kd_der_ok(&values))) {
        uint8_t room[LDAP_VALUE_MAX * 2 + 8];
        struct kd_out o = kd_out_of(room, sizeof(room));
        kd_out_bytes(&o, name);
        kd_out_str(&o, sign);
        if (kd_der_more(&values))
            ldap_out_value(&o, name, kd_der_take(&values, KD_DER_OCTET_STRING));
        ldap_list_add(&t->attributes, kd_out_bytes_view(&o));
        any = true;
    }
    return kd_der_ok(&values);
}

static bool read_add(struct texts *t, struct kd_der *d)
{
    put(&t->base, kd_der_take(d, KD_DER_OCTET_STRING));
    struct kd_der list = kd_der_enter(d, KD_DER_SEQUENCE);
    while (kd_der_more(&list)) {
        struct kd_der attribute = kd_der_enter(&list, KD_DER_SEQUENCE);
        if (!read_values(t, &attribute, "="))
            return false;
    }
    return kd_der_ok(&list);
}

static bool read_modify(struct texts *t, struct kd_der *d)
{
    static const char *const signs[] = {"+=", "-=", "=", "++="};
    put(&t->base, kd_der_take(d, KD_DER_OCTET_STRING));
    struct kd_der list = kd_der_enter(d, KD_DER_SEQUENCE);
    while (kd_der_more(&list)) {
        struct kd_der change = kd_der_enter(&list, KD_DER_SEQUENCE);
        uint32_t how = (uint32_t)kd_der_i32(&change, KD_DER_ENUMERATED);
        struct kd_der attribute = kd_der_enter(&change, KD_DER_SEQUENCE);
        if (how >= KD_COUNT(signs) || !read_values(t, &attribute, signs[how]))
            return false;
    }
    return kd_der_ok(&list);
}

static bool read_modify_dn(struct texts *t, struct kd_der *d)
{
    static const char *const names[] = {"newrdn=", "newsuperior="};
    put(&t->base, kd_der_take(d, KD_DER_OCTET_STRING));
    struct kd_bytes values[2] = {kd_der_take(d, KD_DER_OCTET_STRING), {NULL, 0}};
    struct kd_bytes deletes = kd_der_take(d, KD_DER_BOOLEAN);
    if (!kd_der_ok(d))
        return false;
    struct kd_tlv superior;
    if (kd_der_next(d, &superior) && superior.tag == 0x80)
        values[1] = superior.value;
    for (size_t i = 0; i < KD_COUNT(values); i++) {
        uint8_t room[LDAP_NAME_MAX + 16];
        struct kd_out o = kd_out_of(room, sizeof(room));
        kd_out_str(&o, names[i]);
        put(&o, kd_bytes_head(values[i], LDAP_NAME_MAX));
        if (i == 0 || values[i].n > 0)
            ldap_list_add(&t->attributes, kd_out_bytes_view(&o));
    }
    if (kd_bytes_at(deletes, 0) != 0)
        ldap_list_add(&t->attributes, kd_str("deleteoldrdn=true"));
    return true;
}

static bool read_compare(struct texts *t, struct kd_der *d)
{
    put(&t->base, kd_der_take(d, KD_DER_OCTET_STRING));
    struct kd_der in = kd_der_enter(d, KD_DER_SEQUENCE);
    uint8_t room[LDAP_VALUE_MAX * 2 + 8];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_bytes name = kd_bytes_head(kd_der_take(&in, KD_DER_OCTET_STRING), LDAP_VALUE_MAX);
    kd_out_bytes(&o, name);
    kd_out_u8(&o, '=');
    ldap_out_value(&o, name, kd_der_take(&in, KD_DER_OCTET_STRING));
    ldap_list_add(&t->attributes, kd_out_bytes_view(&o));
    return kd_der_ok(&in);
}

/* Which request is given up: its number (RFC 4511 4.11). */
static bool read_abandon(struct texts *t, struct kd_bytes raw)
{
    uint8_t room[32];
    struct kd_out o = kd_out_of(room, sizeof(room));
    uint32_t id = 0;
    for (size_t i = 0; i < raw.n && i < sizeof(id); i++)
        id = id << 8 | raw.p[i];
    kd_out_str(&o, "message_id=");
    kd_out_u64(&o, id);
    ldap_list_add(&t->attributes, kd_out_bytes_view(&o));
    return raw.n > 0 && raw.n <= sizeof(id);
}

static bool read_extended(struct texts *t, struct kd_der *d)
{
    put(&t->oid, kd_der_take(d, 0x80));
    return kd_der_ok(d);
}

static void read_controls(struct texts *t, struct kd_bytes rest)
{
    struct kd_der d = kd_der_of(rest);
    struct kd_der list;
    if (!kd_der_enter_if(&d, KD_DER_CONTEXT(0), &list))
        return;
    while (kd_der_more(&list)) {
        struct kd_der control = kd_der_enter(&list, KD_DER_SEQUENCE);
        ldap_list_add(&t->controls,
                      kd_bytes_head(kd_der_take(&control, KD_DER_OCTET_STRING), OID_MAX));
    }
}

static bool read_request(struct texts *t, uint8_t op, struct kd_der *d, struct kd_bytes raw)
{
    switch (op) {
    case LDAP_SEARCH:
        return read_search(t, d);
    case LDAP_ADD:
        return read_add(t, d);
    case LDAP_MODIFY:
        return read_modify(t, d);
    case LDAP_MODIFY_DN:
        return read_modify_dn(t, d);
    case LDAP_COMPARE:
        return read_compare(t, d);
    case LDAP_EXTENDED:
        return read_extended(t, d);
    case LDAP_ABANDON:
        return read_abandon(t, raw);
    case LDAP_UNBIND:
        return true;
    default: /* delete: the name alone */
        put(&t->base, raw);
        return true;
    }
}

/* ---- waiting ---- */

static void keep(struct kd_out *block, uint32_t *ret_n, const struct kd_out *text)
{
    *ret_n = (uint32_t)text->n;
    kd_out_bytes(block, kd_out_bytes_view(text));
}

static struct ldap_pending *wait_for(struct kd_ctx *ctx, const struct ldap_head *h, const struct texts *t)
{
    struct ldap_state *st = ldap_state_of(ctx);
    size_t n = t->base.n + t->filter.n + t->oid.n + t->attributes.n + t->controls.n;
    size_t size = 0;
    if (st->n_pending >= ctx->lim->pending) {
        ldap_odd(ctx, LDAP_ODD_TOO_MANY);
        return NULL;
    }
    struct ldap_pending *p = kd_pool_take(ctx->pool, sizeof(*p) + n, &size);
    if (p == NULL)
        return NULL;
    *p = (struct ldap_pending){.next = st->pending,
                               .size = size,
                               .at_us = ctx->now_us,
                               .id = h->id,
                               .op = h->op,
                               .scope = t->scope};
    struct kd_out o = kd_out_of(p->text, n);
    keep(&o, &p->base_n, &t->base);
    keep(&o, &p->filter_n, &t->filter);
    keep(&o, &p->oid_n, &t->oid);
    keep(&o, &p->attributes_n, &t->attributes);
    keep(&o, &p->controls_n, &t->controls);
    st->pending = p;
    st->n_pending++;
    return p;
}

static struct ldap_pending **find(struct ldap_state *st, uint32_t id)
{
    struct ldap_pending **at = &st->pending;
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

static void drop(struct kd_ctx *ctx, struct ldap_pending **at)
{
    struct ldap_pending *p = *at;
    *at = p->next;
    ldap_state_of(ctx)->n_pending--;
    kd_pool_give(ctx->pool, p, p->size);
}

/* ---- records ---- */

static struct kd_bytes part(const struct ldap_pending *p, size_t *at, uint32_t n)
{
    struct kd_bytes b = {p->text + *at, n};
    *at += n;
    return b;
}

static const char *scope_name(const struct ldap_pending *p)
{
    static const char *const names[] = {"base", "one", "sub", "children"};
    if (p->op != LDAP_SEARCH)
        return "";
    return p->scope < KD_COUNT(names) ? names[p->scope] : "";
}

struct told {
    struct kd_rec_ldap rec;
    struct kd_bytes attributes[LDAP_LIST_MAX], controls[LDAP_LIST_MAX];
};

static void fill_answer(const struct kd_ctx *ctx, const struct ldap_result *r, struct kd_rec_ldap *rec)
{
    rec->result = kd_str(ldap_result_name(r->code));
    rec->result_code = r->code;
    rec->diagnostic = r->diagnostic;
    rec->matched_dn = kd_bytes_head(r->matched, LDAP_NAME_MAX);
    rec->answer_oid = kd_bytes_head(r->oid, OID_MAX);
    rec->cldap = ctx->conn->proto == LDAP_PROTO_UDP;
}

static void fill(const struct kd_ctx *ctx, const struct ldap_pending *p, const struct ldap_result *result, struct told *t)
{
    const struct ldap_state *st = ldap_state_of(ctx);
    size_t at = 0;
    struct kd_rec_ldap *rec = &t->rec;
    *rec = (struct kd_rec_ldap){
        .message_id = p->id,
        .operation = kd_str(ldap_op_name(p->op)),
        .scope = kd_str(scope_name(p)),
        .entries = p->entries,
        .entry_bytes = p->entry_bytes,
        .user = kd_bytes_of(st->user, st->user_n),
        .auth = kd_bytes_of(st->auth, st->auth_n),
        .cldap = ctx->conn->proto == LDAP_PROTO_UDP,
    };
    rec->base = part(p, &at, p->base_n);
    rec->filter = part(p, &at, p->filter_n);
    rec->oid = part(p, &at, p->oid_n);
    size_t max = kd_min_size(ctx->lim->list_items, LDAP_LIST_MAX);
    rec->attributes =
        (struct kd_strs){t->attributes, ldap_list_read(part(p, &at, p->attributes_n), t->attributes, max)};
    rec->controls = (struct kd_strs){t->controls, ldap_list_read(part(p, &at, p->controls_n), t->controls, max)};
    if (result != NULL) {
        fill_answer(ctx, result, rec);
        rec->latency_us = ctx->now_us > p->at_us ? ctx->now_us - p->at_us : 0;
    }
}

static void tell(struct kd_ctx *ctx, const struct ldap_pending *p, const struct ldap_result *result)
{
    struct told t;
    fill(ctx, p, result, &t);
    kd_emit(ctx, KD_REC_LDAP, &t.rec);
}

/* ---- messages ---- */

/* To the rules, with what is known of the request. */
static void show(const struct kd_ctx *ctx, const struct ldap_head *h, struct kd_bytes raw, const struct kd_rec_ldap *rec)
{
    struct ldap_state *st = ldap_state_of(ctx);
    st->present = rec;
    ldap_show(ctx, h, raw);
    st->present = NULL;
}

static void show_pending(const struct kd_ctx *ctx, const struct ldap_head *h, struct kd_bytes raw,
                         const struct ldap_pending *p)
{
    struct told t;
    if (!kd_wants_any(ctx))
        return;
    if (p != NULL)
        fill(ctx, p, NULL, &t);
    show(ctx, h, raw, p == NULL ? NULL : &t.rec);
}

static bool is_answered(uint8_t op)
{
    return op != LDAP_ABANDON && op != LDAP_UNBIND;
}

static void on_request(struct kd_ctx *ctx, const struct ldap_head *h, struct kd_der *d,
                       struct kd_bytes raw, struct kd_bytes behind)
{
    struct ldap_state *st = ldap_state_of(ctx);
    struct texts t;
    texts_start(&t);
    if (!read_request(&t, h->op, d, raw))
        ldap_odd(ctx, LDAP_ODD_BODY);
    read_controls(&t, behind);
    struct ldap_pending **same = find(st, h->id);
    if (*same != NULL && ctx->conn->proto == LDAP_PROTO_UDP)
        return; /* the datagram sent again */
    struct ldap_pending *p = wait_for(ctx, h, &t);
    show_pending(ctx, h, raw, p);
    if (p == NULL || is_answered(h->op))
        return;
    tell(ctx, p, NULL);
    drop(ctx, &st->pending);
}

/* Its question was not seen, or there was none (RFC 4511 4.4). */
static void on_unasked(struct kd_ctx *ctx, const struct ldap_head *h, struct kd_bytes raw, const struct ldap_result *r)
{
    struct kd_rec_ldap rec = {.message_id = h->id, .operation = kd_str(ldap_op_name(h->op)), .unasked = true};
    fill_answer(ctx, r, &rec);
    show(ctx, h, raw, &rec);
    if (rec.operation.n > 0 && (ldap_state_of(ctx)->told & 1u << LDAP_ODD_TOO_MANY) == 0)
        kd_emit(ctx, KD_REC_LDAP, &rec);
}

/* The name of an extended answer stands behind its result (RFC 4511 4.12). */
static struct kd_bytes answer_name(struct kd_der *d)
{
    enum { RESPONSE_NAME = 0x8a, MOST = 4 };
    struct kd_tlv tlv;
    for (unsigned i = 0; i < MOST && kd_der_more(d) && kd_der_next(d, &tlv); i++)
        if (tlv.tag == RESPONSE_NAME)
            return tlv.value;
    return (struct kd_bytes){NULL, 0};
}

static void on_answer(struct kd_ctx *ctx, const struct ldap_head *h, struct kd_der *d, struct kd_bytes raw)
{
    struct ldap_state *st = ldap_state_of(ctx);
    struct ldap_pending **at = find(st, h->id);
    struct ldap_result r = ldap_read_result(d);
    struct told t;
    if (!kd_der_ok(d))
        ldap_odd(ctx, LDAP_ODD_BODY);
    else if (h->op == LDAP_EXTENDED_ANSWER)
        r.oid = answer_name(d);
    if (*at == NULL) {
        on_unasked(ctx, h, raw, &r);
        return;
    }
    bool starttls = (*at)->op == LDAP_EXTENDED && r.code == 0 &&
                    kd_bytes_eq_str(kd_bytes_of((*at)->text, (*at)->oid_n), OID_STARTTLS);
    fill(ctx, *at, &r, &t);
    show(ctx, h, raw, &t.rec);
    kd_emit(ctx, KD_REC_LDAP, &t.rec);
    drop(ctx, at);
    if (starttls) {
        st->tls = true;
        (void)kd_inner_begin(&st->inner, ctx, &kd_parser_tls);
    }
}

static void on_entry(struct kd_ctx *ctx, const struct ldap_head *h, struct kd_bytes raw)
{
    struct ldap_pending *p = *find(ldap_state_of(ctx), h->id);
    if (p != NULL) {
        p->entries += h->op == LDAP_ENTRY;
        p->entry_bytes += h->total;
    }
    show_pending(ctx, h, raw, p);
}

void ldap_session_message(struct kd_ctx *ctx, const struct ldap_head *h, struct kd_bytes msg)
{
    struct kd_bytes raw = kd_bytes_head(kd_bytes_from(msg, h->at), (size_t)h->content);
    struct kd_bytes behind = kd_bytes_from(msg, h->at + (size_t)h->content);
    struct kd_der d = kd_der_of(raw);
    switch (h->op) {
    case LDAP_BIND:
        ldap_bind_request(ctx, h, &d);
        show(ctx, h, raw, NULL);
        break;
    case LDAP_BIND_ANSWER:
        ldap_bind_answer(ctx, &d);
        show(ctx, h, raw, NULL); /* it is told by now, if it was the last */
        break;
    case LDAP_ENTRY:
    case LDAP_REFERENCE:
    case LDAP_INTERMEDIATE:
        on_entry(ctx, h, raw);
        break;
    default:
        if (ldap_is_request(h->op))
            on_request(ctx, h, &d, raw, behind);
        else
            on_answer(ctx, h, &d, raw);
        break;
    }
}

/* What went by sealed, told at the end with its size. */
static void tell_sealed(struct kd_ctx *ctx)
{
    const struct ldap_state *st = ldap_state_of(ctx);
    if (st->sealed_messages[0] + st->sealed_messages[1] == 0)
        return;
    struct kd_rec_ldap rec = {
        .operation = kd_str("sealed"),
        .encrypted = true,
        .entries = st->sealed_messages[KD_TO_CLIENT],
        .entry_bytes = st->sealed_bytes[KD_TO_CLIENT],
        .user = kd_bytes_of(st->user, st->user_n),
        .auth = kd_bytes_of(st->auth, st->auth_n),
    };
    kd_emit(ctx, KD_REC_LDAP, &rec);
}

void ldap_session_close(struct kd_ctx *ctx)
{
    struct ldap_state *st = ldap_state_of(ctx);
    ldap_bind_close(ctx);
    struct ldap_pending *oldest = NULL;
    while (st->pending != NULL) { /* turn the list round: oldest first */
        struct ldap_pending *p = st->pending;
        st->pending = p->next;
        p->next = oldest;
        oldest = p;
    }
    st->pending = oldest;
    while (st->pending != NULL) {
        tell(ctx, st->pending, NULL);
        drop(ctx, &st->pending);
    }
    tell_sealed(ctx);
    kd_inner_end(&st->inner, ctx);
}
