/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/start.h"

static void put_text(struct kd_out *o, struct kd_bytes text)
{
    kd_out_varint(o, text.n);
    kd_out_bytes(o, text);
}

static void put_mail(struct kd_out *o, const struct kd_start_mail *m)
{
    const char *const texts[] = {m->server, m->helo, m->user, m->from, m->url};
    for (size_t i = 0; i < KD_COUNT(texts); i++)
        put_text(o, kd_str(texts[i]));
    kd_out_u8(o, (uint8_t)m->n_to);
    for (size_t i = 0; i < m->n_to; i++)
        put_text(o, kd_str(m->to[i]));
    kd_out_le16(o, m->port);
    kd_out_u8(o, m->tls);
    kd_out_u8(o, m->severity);
    kd_out_u8(o, (uint8_t)(m->ja | m->en << 1));
    kd_out_le64(o, m->quiet_us);
    kd_out_le64(o, m->alarm_us);
}

static void read_text(struct kd_cur *c, char *into, size_t size)
{
    struct kd_bytes text = kd_cur_take(c, kd_cur_varint(c));
    if (text.n >= size)
        kd_cur_fail(c);
    else if (text.n > 0)
        memcpy(into, text.p, text.n); /* the rest is zero */
}

static void read_mail(struct kd_cur *c, struct kd_start_mail *m)
{
    read_text(c, m->server, sizeof(m->server));
    read_text(c, m->helo, sizeof(m->helo));
    read_text(c, m->user, sizeof(m->user));
    read_text(c, m->from, sizeof(m->from));
    read_text(c, m->url, sizeof(m->url));
    m->n_to = kd_cur_u8(c);
    if (m->n_to > KD_COUNT(m->to))
        kd_cur_fail(c);
    for (size_t i = 0; kd_cur_ok(c) && i < m->n_to; i++)
        read_text(c, m->to[i], sizeof(m->to[i]));
    m->port = kd_cur_le16(c);
    m->tls = kd_cur_u8(c);
    m->severity = kd_cur_u8(c);
    uint8_t languages = kd_cur_u8(c);
    m->ja = (languages & 1) != 0;
    m->en = (languages & 2) != 0;
    m->quiet_us = kd_cur_le64(c);
    m->alarm_us = kd_cur_le64(c);
}

void kd_start_put(struct kd_out *o, const struct kd_start *s)
{
    kd_out_u8(o, KD_ORDER_START);
    kd_out_u8(o, s->role);
    kd_out_u8(o, s->number);
    kd_out_u8(o, s->n_engines);
    kd_out_u8(o, (uint8_t)(s->live | s->realtime << 1 | s->shift << 2 | s->reduced << 3));
    kd_out_le32(o, s->uid);
    kd_out_le32(o, s->gid);
    kd_out_le64(o, s->seed);
    kd_out_le64(o, s->id_base);
    kd_out_le32(o, (uint32_t)s->zone_s);
    kd_out_le32(o, s->ring_bytes);
    kd_out_le64(o, s->keep_flow_bytes);
    kd_out_u8(o, s->files_keep);
    kd_out_le64(o, s->files_most);
    kd_out_u8(o, s->scan);
    kd_out_u8(o, s->steps);
    kd_out_le64(o, s->memory_bytes);
    kd_out_le64(o, s->keep_days);
    kd_out_le64(o, s->keep_bytes);
    kd_out_le64(o, s->free_bytes);
#define KD_LIMIT_DEF(name, value, least, most, unit, en, ja) kd_out_le32(o, s->limits.name);
#include "base/limits.def"
#undef KD_LIMIT_DEF
    put_mail(o, &s->mail);
    put_text(o, kd_str(s->dial.host));
    kd_out_le16(o, s->dial.port);
    kd_out_u8(o, (uint8_t)s->n_inside);
    for (size_t i = 0; i < s->n_inside; i++) {
        kd_out_bytes(o, kd_bytes_of(s->inside[i].addr.b, sizeof(s->inside[i].addr.b)));
        kd_out_u8(o, s->inside[i].bits);
    }
    put_text(o, s->tunables);
    put_text(o, s->site);
    kd_out_u8(o, (uint8_t)s->n_extras);
    for (size_t i = 0; i < s->n_extras; i++) {
        kd_out_u8(o, s->extra[i].kind);
        kd_out_le32(o, s->extra[i].number);
        put_text(o, kd_str(s->extra[i].name));
    }
}

static void read_inside(struct kd_cur *c, struct kd_start *s)
{
    s->n_inside = kd_cur_u8(c);
    if (s->n_inside > KD_COUNT(s->inside))
        kd_cur_fail(c);
    for (size_t i = 0; kd_cur_ok(c) && i < s->n_inside; i++) {
        struct kd_bytes b = kd_cur_take(c, sizeof(s->inside[i].addr.b));
        if (b.n > 0)
            memcpy(s->inside[i].addr.b, b.p, b.n);
        s->inside[i].bits = kd_cur_u8(c);
    }
}

static void read_extras(struct kd_cur *c, struct kd_start *s)
{
    s->n_extras = kd_cur_u8(c);
    if (s->n_extras > KD_EXTRAS_MAX)
        kd_cur_fail(c);
    for (size_t i = 0; kd_cur_ok(c) && i < s->n_extras; i++) {
        s->extra[i].kind = kd_cur_u8(c);
        s->extra[i].number = kd_cur_le32(c);
        struct kd_bytes name = kd_cur_take(c, kd_cur_varint(c));
        if (name.n >= KD_START_NAME_MAX || s->extra[i].kind >= KD_EXTRA_KINDS)
            kd_cur_fail(c);
        else if (name.n > 0)
            memcpy(s->extra[i].name, name.p, name.n); /* the rest is zero */
    }
}

enum kd_status kd_start_read(struct kd_bytes message, struct kd_start *ret)
{
    struct kd_cur c = kd_cur_of(message);
    struct kd_start *s = ret;
    memset(s, 0, sizeof(*s));
    if (kd_cur_u8(&c) != KD_ORDER_START)
        return KD_MALFORMED;
    s->role = kd_cur_u8(&c);
    s->number = kd_cur_u8(&c);
    s->n_engines = kd_cur_u8(&c);
    uint8_t flags = kd_cur_u8(&c);
    s->live = (flags & 1) != 0;
    s->realtime = (flags & 2) != 0;
    s->shift = (flags & 4) != 0;
    s->reduced = (flags & 8) != 0;
    s->uid = kd_cur_le32(&c);
    s->gid = kd_cur_le32(&c);
    s->seed = kd_cur_le64(&c);
    s->id_base = kd_cur_le64(&c);
    s->zone_s = (int32_t)kd_cur_le32(&c);
    s->ring_bytes = kd_cur_le32(&c);
    s->keep_flow_bytes = kd_cur_le64(&c);
    s->files_keep = kd_cur_u8(&c);
    s->files_most = kd_cur_le64(&c);
    s->scan = kd_cur_u8(&c);
    s->steps = kd_cur_u8(&c) != 0;
    s->memory_bytes = kd_cur_le64(&c);
    s->keep_days = kd_cur_le64(&c);
    s->keep_bytes = kd_cur_le64(&c);
    s->free_bytes = kd_cur_le64(&c);
#define KD_LIMIT_DEF(name, value, least, most, unit, en, ja) s->limits.name = kd_cur_le32(&c);
#include "base/limits.def"
#undef KD_LIMIT_DEF
    read_mail(&c, &s->mail);
    read_text(&c, s->dial.host, sizeof(s->dial.host));
    s->dial.port = kd_cur_le16(&c);
    read_inside(&c, s);
    s->tunables = kd_cur_take(&c, kd_cur_varint(&c));
    s->site = kd_cur_take(&c, kd_cur_varint(&c));
    read_extras(&c, s);
    return kd_cur_ok(&c) && kd_cur_left(&c) == 0 && s->role < KD_PROC_COUNT ? KD_OK : KD_MALFORMED;
}

uint32_t kd_start_number(const struct kd_start *s, enum kd_extra kind)
{
    int fd = kd_start_fd(s, kind);
    return fd < 0 ? 0 : s->extra[fd - KD_FD_EXTRA].number;
}

int kd_start_fd(const struct kd_start *s, enum kd_extra kind)
{
    for (size_t i = 0; i < s->n_extras; i++)
        if (s->extra[i].kind == (uint8_t)kind)
            return KD_FD_EXTRA + (int)i;
    return -1;
}
