/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/ask.h"

enum { FLAG_MORE = 1, STATUS_MIN = 200, STATUS_MAX = 599 };

const struct kd_ask_row kd_ask_rows[KD_ASK_KINDS] = {
#define KD_ASK(NAME, text, role, writes, pairs)                                                    \
    [KD_ASK_##NAME] = {text, KD_ROLE_##role, writes, pairs},
#include "wire/ask.def"
#undef KD_ASK
};

const char *const kd_event_names[KD_EVENT_KINDS] = {
    [KD_EVENT_DETECTION] = "detection",
    [KD_EVENT_HEALTH] = "health",
    [KD_EVENT_ROLE] = "role",
    [KD_EVENT_INCIDENT] = "incident",
};

static bool is_word_of(struct kd_bytes word, const char *list)
{
    struct kd_bytes rest = kd_str(list);
    while (rest.n > 0)
        if (kd_bytes_eq(kd_bytes_cut(&rest, ' '), word))
            return true;
    return false;
}

static bool is_name(struct kd_bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] != '_' && (name.p[i] < 'a' || name.p[i] > 'z'))
            return false;
    return name.n > 0 && name.n <= KD_ASK_NAME_MAX;
}

static bool is_value(struct kd_bytes value)
{
    return value.n <= KD_ASK_VALUE_MAX && kd_bytes_is_utf8(value) &&
           kd_bytes_find_byte(value, 0) == SIZE_MAX;
}

static bool is_token(struct kd_bytes token)
{
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] < 0x21 || token.p[i] > 0x7e)
            return false;
    return token.n <= KD_ASK_TOKEN_MAX;
}

static const struct kd_ask_pair *find(const struct kd_question *q, struct kd_bytes name)
{
    for (size_t i = 0; i < q->n; i++)
        if (kd_bytes_eq(q->v[i].name, name))
            return &q->v[i];
    return NULL;
}

static enum kd_status add(struct kd_question *q, struct kd_bytes name, struct kd_bytes value)
{
    if (q->kind <= KD_ASK_NONE || q->kind >= KD_ASK_KINDS || !is_name(name) || !is_value(value) ||
        find(q, name) != NULL)
        return KD_MALFORMED;
    if (!is_word_of(name, kd_ask_rows[q->kind].pairs) && !is_word_of(name, "token csrf client"))
        return KD_MALFORMED;
    if (q->n == KD_ASK_PAIRS_MAX)
        return KD_LIMIT;
    q->v[q->n++] = (struct kd_ask_pair){name, value};
    return KD_OK;
}

enum kd_status kd_question_add(struct kd_question *q, const char *name, struct kd_bytes value)
{
    return add(q, kd_str(name), value);
}

struct kd_bytes kd_question_get(const struct kd_question *q, const char *name)
{
    static const uint8_t empty[1];
    const struct kd_ask_pair *pair = find(q, kd_str(name));
    if (pair == NULL)
        return kd_bytes_of(NULL, 0);
    return pair->value.p == NULL ? kd_bytes_of(empty, 0) : pair->value;
}

static void put_text(struct kd_out *o, struct kd_bytes text)
{
    kd_out_varint(o, text.n);
    kd_out_bytes(o, text);
}

/* All or nothing, and never more than one datagram. */
static enum kd_status finish(struct kd_out *o, size_t start, bool was_full)
{
    if (!o->full && o->n - start <= KD_ASK_MAX)
        return KD_OK;
    o->n = start;
    o->full = was_full;
    return KD_LIMIT;
}

enum kd_status kd_question_put(struct kd_out *o, const struct kd_question *q)
{
    /* Built up again so that a question filled by hand obeys the same rules. */
    struct kd_question checked = {.id = q->id, .kind = q->kind};
    if (q->kind <= KD_ASK_NONE || q->kind >= KD_ASK_KINDS || q->n > KD_ASK_PAIRS_MAX)
        return KD_MALFORMED;
    for (size_t i = 0; i < q->n; i++)
        if (add(&checked, q->v[i].name, q->v[i].value) != KD_OK)
            return KD_MALFORMED;
    size_t start = o->n;
    bool was_full = o->full;
    kd_out_u8(o, KD_ASK_QUESTION);
    kd_out_le32(o, q->id);
    kd_out_u8(o, (uint8_t)q->kind);
    kd_out_u8(o, (uint8_t)q->n);
    for (size_t i = 0; i < q->n; i++) {
        put_text(o, q->v[i].name);
        put_text(o, q->v[i].value);
    }
    return finish(o, start, was_full);
}

enum kd_status kd_answer_put(struct kd_out *o, const struct kd_answer *a)
{
    if (a->status < STATUS_MIN || a->status > STATUS_MAX || !is_token(a->token))
        return KD_MALFORMED;
    if (a->json.n > KD_ASK_CHUNK_MAX)
        return KD_LIMIT;
    size_t start = o->n;
    bool was_full = o->full;
    kd_out_u8(o, KD_ASK_ANSWER);
    kd_out_le32(o, a->id);
    kd_out_le16(o, a->status);
    kd_out_u8(o, a->more ? FLAG_MORE : 0);
    kd_out_le32(o, a->retry_s);
    put_text(o, a->token);
    kd_out_bytes(o, a->json);
    return finish(o, start, was_full);
}

enum kd_status kd_event_put(struct kd_out *o, const struct kd_event *e)
{
    if (e->kind <= 0 || e->kind >= KD_EVENT_KINDS)
        return KD_MALFORMED;
    if (e->json.n > KD_ASK_CHUNK_MAX)
        return KD_LIMIT;
    size_t start = o->n;
    bool was_full = o->full;
    kd_out_u8(o, KD_ASK_EVENT);
    kd_out_u8(o, (uint8_t)e->kind);
    kd_out_bytes(o, e->json);
    return finish(o, start, was_full);
}

static struct kd_bytes take_text(struct kd_cur *c)
{
    uint64_t n = kd_cur_varint(c);
    return kd_cur_take(c, n > KD_ASK_MAX ? SIZE_MAX : (size_t)n);
}

static enum kd_status read_question(struct kd_cur *c, struct kd_question *ret)
{
    struct kd_question q = {.id = kd_cur_le32(c), .kind = kd_cur_u8(c)};
    unsigned n = kd_cur_u8(c);
    if (!kd_cur_ok(c))
        return KD_TRUNCATED;
    if (q.kind == KD_ASK_NONE || q.kind >= KD_ASK_KINDS || n > KD_ASK_PAIRS_MAX)
        return KD_MALFORMED;
    for (unsigned i = 0; i < n; i++) {
        struct kd_bytes name = take_text(c);
        struct kd_bytes value = take_text(c);
        if (!kd_cur_ok(c))
            return KD_TRUNCATED;
        if (add(&q, name, value) != KD_OK)
            return KD_MALFORMED;
    }
    *ret = q;
    return kd_cur_left(c) == 0 ? KD_OK : KD_MALFORMED;
}

static enum kd_status read_answer(struct kd_cur *c, struct kd_answer *ret)
{
    struct kd_answer a = {.id = kd_cur_le32(c), .status = kd_cur_le16(c)};
    uint8_t flags = kd_cur_u8(c);
    a.more = flags == FLAG_MORE;
    a.retry_s = kd_cur_le32(c);
    a.token = take_text(c);
    if (!kd_cur_ok(c))
        return KD_TRUNCATED;
    a.json = kd_cur_rest(c);
    if (a.status < STATUS_MIN || a.status > STATUS_MAX || flags > FLAG_MORE || !is_token(a.token) ||
        a.json.n > KD_ASK_CHUNK_MAX)
        return KD_MALFORMED;
    *ret = a;
    return KD_OK;
}

static enum kd_status read_event(struct kd_cur *c, struct kd_event *ret)
{
    uint8_t kind = kd_cur_u8(c);
    if (!kd_cur_ok(c))
        return KD_TRUNCATED;
    struct kd_bytes json = kd_cur_rest(c);
    if (kind == 0 || kind >= KD_EVENT_KINDS || json.n > KD_ASK_CHUNK_MAX)
        return KD_MALFORMED;
    *ret = (struct kd_event){(enum kd_event_kind)kind, json};
    return KD_OK;
}

enum kd_status kd_ask_read(struct kd_bytes message, struct kd_ask_message *ret)
{
    if (message.n > KD_ASK_MAX)
        return KD_LIMIT;
    struct kd_cur c = kd_cur_of(message);
    uint8_t tag = kd_cur_u8(&c);
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    ret->tag = tag;
    switch (tag) {
    case KD_ASK_QUESTION:
        return read_question(&c, &ret->question);
    case KD_ASK_ANSWER:
        return read_answer(&c, &ret->answer);
    case KD_ASK_EVENT:
        return read_event(&c, &ret->event);
    default:
        return KD_MALFORMED;
    }
}
