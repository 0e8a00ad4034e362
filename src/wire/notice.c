/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/notice.h"

enum { FLAG_OVER = 1, FLAG_EXAMPLE = 2 };

/* The longest beginning of at most `max` bytes that cuts no character; nothing when it is no UTF-8.
 */
static struct kd_bytes cut(struct kd_bytes text, size_t max)
{
    size_t n = kd_min_size(text.n, max);
    while (n < text.n && n > 0 && (text.p[n] & 0xc0) == 0x80)
        n--;
    text.n = n;
    return kd_bytes_is_utf8(text) ? text : kd_str("");
}

static void put(struct kd_out *o, struct kd_bytes text, size_t max)
{
    text = cut(text, max);
    kd_out_varint(o, text.n);
    kd_out_bytes(o, text);
}

static void put_words(struct kd_out *o, const struct kd_notice_words *w, size_t max)
{
    put(o, w->ja, max);
    put(o, w->en, max);
}

static struct kd_bytes get(struct kd_cur *c, size_t max)
{
    uint64_t n = kd_cur_varint(c);
    struct kd_bytes text = kd_cur_take(c, n > max ? SIZE_MAX : (size_t)n);
    if (!kd_bytes_is_utf8(text))
        kd_cur_fail(c);
    return text;
}

static void get_words(struct kd_cur *c, struct kd_notice_words *ret, size_t max)
{
    ret->ja = get(c, max);
    ret->en = get(c, max);
}

/* ---- item ---- */

static void put_item(struct kd_out *o, const struct kd_notice *n)
{
    kd_out_le64(o, n->id);
    kd_out_le32(o, n->version);
    kd_out_u8(o, n->kind);
    kd_out_u8(o, n->severity);
    kd_out_u8(o, (uint8_t)((n->over ? FLAG_OVER : 0) | (n->example ? FLAG_EXAMPLE : 0)));
    kd_out_le64(o, n->number);
    kd_out_le64(o, n->count);
    kd_out_le64(o, n->first_us);
    kd_out_le64(o, n->last_us);
    kd_out_le64(o, n->told_count);
    kd_out_le64(o, n->told_us);
    kd_out_le32(o, n->told_times);
    kd_out_u8(o, n->told_severity);
    put(o, n->host, KD_NOTICE_NAME_MAX);
    put(o, n->host_name, KD_NOTICE_NAME_MAX);
    put_words(o, &n->title, KD_NOTICE_TITLE_MAX);
    put_words(o, &n->what, KD_NOTICE_TEXT_MAX);
    put_words(o, &n->action, KD_NOTICE_TEXT_MAX);
}

static void get_item(struct kd_cur *c, struct kd_notice *ret)
{
    ret->id = kd_cur_le64(c);
    ret->version = kd_cur_le32(c);
    ret->kind = kd_cur_u8(c);
    ret->severity = kd_cur_u8(c);
    uint8_t flags = kd_cur_u8(c);
    ret->over = (flags & FLAG_OVER) != 0;
    ret->example = (flags & FLAG_EXAMPLE) != 0;
    ret->number = kd_cur_le64(c);
    ret->count = kd_cur_le64(c);
    ret->first_us = kd_cur_le64(c);
    ret->last_us = kd_cur_le64(c);
    ret->told_count = kd_cur_le64(c);
    ret->told_us = kd_cur_le64(c);
    ret->told_times = kd_cur_le32(c);
    ret->told_severity = kd_cur_u8(c);
    ret->host = get(c, KD_NOTICE_NAME_MAX);
    ret->host_name = get(c, KD_NOTICE_NAME_MAX);
    get_words(c, &ret->title, KD_NOTICE_TITLE_MAX);
    get_words(c, &ret->what, KD_NOTICE_TEXT_MAX);
    get_words(c, &ret->action, KD_NOTICE_TEXT_MAX);
    if (ret->kind == 0 || ret->kind >= KD_NOTICE_KINDS || ret->severity > KD_NOTICE_CRITICAL ||
        ret->told_severity > KD_NOTICE_CRITICAL || flags > (FLAG_OVER | FLAG_EXAMPLE))
        kd_cur_fail(c);
}

/* ---- hello ---- */

static void put_hello(struct kd_out *o, const struct kd_notice_hello *h)
{
    put(o, h->server, KD_NOTICE_NAME_MAX);
    put(o, h->security, KD_NOTICE_NAME_MAX);
    put(o, h->from, KD_NOTICE_NAME_MAX);
    put(o, h->to, KD_NOTICE_TEXT_MAX);
    put(o, h->language, KD_NOTICE_NAME_MAX);
    put(o, h->severity, KD_NOTICE_NAME_MAX);
    kd_out_le64(o, h->quiet_us);
}

static void get_hello(struct kd_cur *c, struct kd_notice_hello *ret)
{
    ret->server = get(c, KD_NOTICE_NAME_MAX);
    ret->security = get(c, KD_NOTICE_NAME_MAX);
    ret->from = get(c, KD_NOTICE_NAME_MAX);
    ret->to = get(c, KD_NOTICE_TEXT_MAX);
    ret->language = get(c, KD_NOTICE_NAME_MAX);
    ret->severity = get(c, KD_NOTICE_NAME_MAX);
    ret->quiet_us = kd_cur_le64(c);
}

/* ---- told ---- */

static void put_told(struct kd_out *o, const struct kd_notice_told *t)
{
    kd_out_le64(o, t->id);
    kd_out_le32(o, t->version);
    kd_out_u8(o, t->mailed);
    kd_out_u8(o, t->severity);
    kd_out_le64(o, t->count);
    kd_out_le64(o, t->us);
    put(o, t->answer, KD_NOTICE_NAME_MAX);
}

static void get_told(struct kd_cur *c, struct kd_notice_told *ret)
{
    ret->id = kd_cur_le64(c);
    ret->version = kd_cur_le32(c);
    uint8_t mailed = kd_cur_u8(c);
    ret->mailed = mailed == 1;
    ret->severity = kd_cur_u8(c);
    ret->count = kd_cur_le64(c);
    ret->us = kd_cur_le64(c);
    ret->answer = get(c, KD_NOTICE_NAME_MAX);
    if (mailed > 1 || ret->severity > KD_NOTICE_CRITICAL)
        kd_cur_fail(c);
}

/* ---- channel ---- */

static void put_channel(struct kd_out *o, const struct kd_notice_channel *h)
{
    kd_out_u8(o, h->state);
    kd_out_le32(o, h->waiting);
    kd_out_le64(o, h->ok_us);
    kd_out_le64(o, h->fail_us);
    kd_out_le64(o, h->since_us);
    kd_out_le64(o, h->next_us);
    put(o, h->reason, KD_NOTICE_NAME_MAX);
    put_words(o, &h->why, KD_NOTICE_TITLE_MAX);
    put_words(o, &h->action, KD_NOTICE_TITLE_MAX);
    put(o, h->answer, KD_NOTICE_NAME_MAX);
}

static void get_channel(struct kd_cur *c, struct kd_notice_channel *ret)
{
    ret->state = kd_cur_u8(c);
    ret->waiting = kd_cur_le32(c);
    ret->ok_us = kd_cur_le64(c);
    ret->fail_us = kd_cur_le64(c);
    ret->since_us = kd_cur_le64(c);
    ret->next_us = kd_cur_le64(c);
    ret->reason = get(c, KD_NOTICE_NAME_MAX);
    get_words(c, &ret->why, KD_NOTICE_TITLE_MAX);
    get_words(c, &ret->action, KD_NOTICE_TITLE_MAX);
    ret->answer = get(c, KD_NOTICE_NAME_MAX);
    if (ret->state >= KD_CHANNEL_STATES)
        kd_cur_fail(c);
}

enum kd_status kd_notice_put(struct kd_out *o, const struct kd_notice_message *m)
{
    uint8_t room[KD_NOTICE_MAX];
    struct kd_out whole = kd_out_of(room, sizeof(room));
    kd_out_u8(&whole, (uint8_t)m->tag);
    switch (m->tag) {
    case KD_NOTICE_ITEM:
        put_item(&whole, &m->item);
        break;
    case KD_NOTICE_HELLO:
        put_hello(&whole, &m->hello);
        break;
    case KD_NOTICE_TOLD:
        put_told(&whole, &m->told);
        break;
    case KD_NOTICE_CHANNEL:
        put_channel(&whole, &m->channel);
        break;
    }
    if (!kd_out_ok(&whole) || whole.n > o->max - o->n)
        return KD_LIMIT;
    kd_out_bytes(o, kd_out_bytes_view(&whole));
    return kd_out_ok(o) ? KD_OK : KD_LIMIT;
}

enum kd_status kd_notice_read(struct kd_bytes message, struct kd_notice_message *ret)
{
    struct kd_cur c = kd_cur_of(kd_bytes_head(message, KD_NOTICE_MAX + 1));
    memset(ret, 0, sizeof(*ret));
    uint8_t tag = kd_cur_u8(&c);
    switch (tag) {
    case KD_NOTICE_ITEM:
        ret->tag = KD_NOTICE_ITEM;
        get_item(&c, &ret->item);
        break;
    case KD_NOTICE_HELLO:
        ret->tag = KD_NOTICE_HELLO;
        get_hello(&c, &ret->hello);
        break;
    case KD_NOTICE_TOLD:
        ret->tag = KD_NOTICE_TOLD;
        get_told(&c, &ret->told);
        break;
    case KD_NOTICE_CHANNEL:
        ret->tag = KD_NOTICE_CHANNEL;
        get_channel(&c, &ret->channel);
        break;
    default:
        return KD_MALFORMED;
    }
    return kd_cur_ok(&c) && kd_cur_left(&c) == 0 && message.n <= KD_NOTICE_MAX ? KD_OK
                                                                               : KD_MALFORMED;
}
