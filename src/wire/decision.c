/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/decision.h"

enum { HEAD_BYTES = 5, ANY_HOST = 1, ANY_PEER = 2, BITS_MAX = 128 };

/* ---- writing ---- */

static void put_text(struct kd_out *o, struct kd_bytes text)
{
    if (text.n > KD_DECISION_TEXT_MAX) {
        o->full = true;
        return;
    }
    kd_out_varint(o, text.n);
    kd_out_bytes(o, text);
}

static void put_addr(struct kd_out *o, const struct kd_addr *a)
{
    kd_out_bytes(o, kd_bytes_of(a->b, sizeof(a->b)));
}

static void put_net(struct kd_out *o, const struct kd_net *net)
{
    put_addr(o, &net->addr);
    kd_out_u8(o, net->bits);
}

static void put_exception(struct kd_out *o, const struct kd_exception *e)
{
    kd_out_varint(o, e->number);
    kd_out_varint(o, e->until_us);
    kd_out_u8(o, (uint8_t)((e->any_host ? ANY_HOST : 0) | (e->any_peer ? ANY_PEER : 0)));
    put_net(o, &e->host);
    put_net(o, &e->peer);
    put_text(o, e->id);
    put_text(o, e->user);
    put_text(o, e->reason);
}

static void put_object(struct kd_out *o, const struct kd_object *b)
{
    kd_out_varint(o, b->number);
    kd_out_varint(o, b->until_us);
    put_text(o, b->kind);
    put_text(o, b->value);
    put_text(o, b->note);
}

static void put_meeting(struct kd_out *o, const struct kd_meeting *m)
{
    kd_out_varint(o, m->object);
    kd_out_varint(o, m->first_us);
    kd_out_varint(o, m->last_us);
    kd_out_varint(o, m->count);
    put_addr(o, &m->host);
    put_text(o, m->kind);
    put_text(o, m->value);
    put_text(o, m->met);
    put_text(o, m->how);
    put_text(o, m->note);
}

bool kd_decision_put(struct kd_out *o, const struct kd_decision *d)
{
    struct kd_out try = *o;
    uint8_t *head = kd_out_room(&try, HEAD_BYTES);
    if (head == NULL)
        return false;
    if (d->kind == KD_DECISION_EXCEPTION)
        put_exception(&try, &d->exception);
    else if (d->kind == KD_DECISION_OBJECT)
        put_object(&try, &d->object);
    else
        put_meeting(&try, &d->meeting);
    if (!kd_out_ok(&try))
        return false;
    struct kd_out h = kd_out_of(head, HEAD_BYTES);
    kd_out_u8(&h, (uint8_t)d->kind);
    kd_out_le32(&h, (uint32_t)(try.n - o->n - HEAD_BYTES));
    *o = try;
    return true;
}

/* ---- reading ---- */

static struct kd_bytes take_text(struct kd_cur *c)
{
    uint64_t n = kd_cur_varint(c);
    if (n > KD_DECISION_TEXT_MAX)
        kd_cur_fail(c);
    return kd_cur_take(c, (size_t)kd_min_u64(n, KD_DECISION_TEXT_MAX));
}

static void take_addr(struct kd_cur *c, struct kd_addr *ret)
{
    struct kd_bytes b = kd_cur_take(c, sizeof(ret->b));
    if (b.n == sizeof(ret->b))
        memcpy(ret->b, b.p, b.n);
}

static void take_net(struct kd_cur *c, struct kd_net *ret)
{
    take_addr(c, &ret->addr);
    ret->bits = kd_cur_u8(c);
    if (ret->bits > BITS_MAX)
        kd_cur_fail(c);
}

static void take_exception(struct kd_cur *c, struct kd_exception *e)
{
    e->number = kd_cur_varint(c);
    e->until_us = kd_cur_varint(c);
    uint8_t flags = kd_cur_u8(c);
    e->any_host = (flags & ANY_HOST) != 0;
    e->any_peer = (flags & ANY_PEER) != 0;
    take_net(c, &e->host);
    take_net(c, &e->peer);
    e->id = take_text(c);
    e->user = take_text(c);
    e->reason = take_text(c);
    if (!kd_exception_id_is_valid(e->id))
        kd_cur_fail(c);
}

static void take_object(struct kd_cur *c, struct kd_object *b)
{
    b->number = kd_cur_varint(c);
    b->until_us = kd_cur_varint(c);
    b->kind = take_text(c);
    b->value = take_text(c);
    b->note = take_text(c);
}

static void take_meeting(struct kd_cur *c, struct kd_meeting *m)
{
    m->object = kd_cur_varint(c);
    m->first_us = kd_cur_varint(c);
    m->last_us = kd_cur_varint(c);
    m->count = kd_cur_varint(c);
    take_addr(c, &m->host);
    m->kind = take_text(c);
    m->value = take_text(c);
    m->met = take_text(c);
    m->how = take_text(c);
    m->note = take_text(c);
}

enum kd_status kd_decision_next(struct kd_cur *list, struct kd_decision *ret)
{
    while (kd_cur_more(list)) {
        uint8_t kind = kd_cur_u8(list);
        struct kd_cur body = kd_cur_sub(list, kd_cur_le32(list));
        *ret = (struct kd_decision){.kind = (enum kd_decision_kind)kind};
        if (kind == KD_DECISION_EXCEPTION)
            take_exception(&body, &ret->exception);
        else if (kind == KD_DECISION_OBJECT)
            take_object(&body, &ret->object);
        else if (kind == KD_DECISION_MEETING)
            take_meeting(&body, &ret->meeting);
        else if (kd_cur_ok(list))
            continue;
        return kd_cur_ok(&body) && kd_cur_left(&body) == 0 ? KD_OK : KD_MALFORMED;
    }
    return kd_cur_ok(list) ? KD_NOT_FOUND : KD_MALFORMED;
}

/* ---- exceptions ---- */

bool kd_exception_net(struct kd_bytes text, struct kd_net *ret, bool *ret_any)
{
    *ret_any = kd_bytes_eq_str(text, "*");
    return *ret_any || kd_net_parse(text, ret);
}

bool kd_exception_id_is_valid(struct kd_bytes id)
{
    return kd_bytes_eq_str(id, "*") || kd_bytes_starts(id, kd_str("KD-"));
}

static bool id_matches(struct kd_bytes pattern, struct kd_bytes id)
{
    if (pattern.p[pattern.n - 1] == '*')
        return kd_bytes_starts(id, kd_bytes_head(pattern, pattern.n - 1));
    return kd_bytes_eq(pattern, id);
}

bool kd_exception_hides(const struct kd_exception *e, const struct kd_exception_case *c, uint64_t now_us)
{
    return (e->until_us == 0 || now_us < e->until_us) && id_matches(e->id, c->id) &&
           (e->any_host || kd_net_has(&e->host, c->host)) && (e->any_peer || kd_net_has(&e->peer, c->peer)) &&
           (e->user.n == 0 || kd_bytes_ieq(e->user, c->user));
}
