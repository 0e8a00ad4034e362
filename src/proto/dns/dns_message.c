/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/dns/dns_message.h"

/* A text may be this many times longer than its message: compression pointers must not make a small
 * message a huge record. */
enum { TEXT_PER_BYTE = 16, TEXT_LEAST = 2048 };

bool dns_open(struct dns_reader *r, struct kd_bytes msg, struct dns_room *room,
              const struct kd_limits *lim, struct dns_header *ret)
{
    r->msg = msg;
    r->c = kd_cur_of(msg);
    r->text =
        kd_out_of(room->text, kd_min_size(sizeof(room->text), TEXT_LEAST + TEXT_PER_BYTE * msg.n));
    r->rr = room->rr;
    r->n_rr = 0;
    r->lim = lim;
    r->first = (struct dns_question){0};
    *ret = dns_header(&r->c);
    return kd_cur_ok(&r->c);
}

/* Printable characters as they are shown, in lower case; 0 for what is escaped or needs a second look. */
static const uint8_t shown[256] =
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0!\0#$%&'()*+,-\0/0123456789:;<=>?@abcdefghijklmnopqrstuvwxyz[\0]^_`abcdefghijklmnopqrstuvwxyz{|}~";

static void odd_label(struct kd_out *o, struct kd_bytes label)
{
    bool utf8 = kd_bytes_is_utf8(label);
    for (size_t i = 0; i < label.n; i++) {
        uint8_t c = label.p[i];
        if (shown[c] != 0 || c == ' ' || c == '"' || (c >= 0x80 && utf8)) {
            kd_out_u8(o, kd_ascii_lower(c));
            continue;
        }
        kd_out_u8(o, '\\');
        if (c == '.' || c == '\\')
            kd_out_u8(o, c);
        else
            kd_out_u64_pad(o, c, 3);
    }
}

static void put_label(struct kd_out *o, struct kd_bytes label)
{
    uint8_t *at = kd_out_room(o, label.n);
    if (at == NULL)
        return;
    for (size_t i = 0; i < label.n; i++) {
        at[i] = shown[label.p[i]];
        if (KD_UNLIKELY(at[i] == 0)) {
            o->n -= label.n;
            odd_label(o, label);
            return;
        }
    }
}

bool dns_name(struct dns_reader *r, struct kd_cur *c, size_t base, struct kd_bytes *ret)
{
    size_t start = r->text.n;
    size_t wire = 0; /* bytes of the uncompressed name */
    unsigned jumps = 0;
    size_t run = base;   /* where the labels being read began: a pointer must go before it */
    struct kd_cur there; /* used behind a pointer */
    struct kd_cur *at = c;
    for (;;) {
        uint8_t n = kd_cur_u8(at);
        if (n >= 0xc0) {
            size_t target = (size_t)(n & 0x3f) << 8 | kd_cur_u8(at);
            if (!kd_cur_ok(at) || target >= run || ++jumps > r->lim->dns_name_jumps)
                return false;
            there = kd_cur_of(kd_bytes_from(r->msg, target));
            at = &there;
            run = target;
            continue;
        }
        if (n > 63)
            return false;
        if (n == 0)
            break;
        struct kd_bytes label = kd_cur_take(at, n);
        wire += (size_t)n + 1;
        if (!kd_cur_ok(at) || wire >= DNS_NAME_MAX)
            return false;
        if (r->text.n > start)
            kd_out_u8(&r->text, '.');
        put_label(&r->text, label);
    }
    if (r->text.n == start)
        kd_out_u8(&r->text, '.');
    *ret = kd_bytes_of(r->text.p + start, r->text.n - start);
    return kd_cur_ok(at) && kd_out_ok(&r->text);
}

bool dns_question(struct dns_reader *r, struct dns_question *ret)
{
    if (!dns_name(r, &r->c, r->c.taken, &ret->name))
        return false;
    ret->type = kd_cur_be16(&r->c);
    ret->class = kd_cur_be16(&r->c);
    if (r->first.name.n == 0)
        r->first = *ret;
    return kd_cur_ok(&r->c);
}

/* Most owner names are a pointer to the first question: its text is there already. */
static bool owner_name(struct dns_reader *r, struct kd_bytes *ret)
{
    static const uint8_t to_question[2] = {0xc0, DNS_HEADER_BYTES};
    struct kd_bytes left = kd_bytes_of(r->c.p, r->c.n);
    if (r->first.name.n > 0 && kd_bytes_starts(left, kd_bytes_of(to_question, 2))) {
        (void)kd_cur_take(&r->c, 2);
        *ret = r->first.name;
        return true;
    }
    return dns_name(r, &r->c, r->c.taken, ret);
}

static bool one_rr(struct dns_reader *r, struct dns_sections *s)
{
    struct kd_dns_rr rr = {0};
    if (!owner_name(r, &rr.rrname))
        return false;
    uint16_t type = kd_cur_be16(&r->c);
    uint16_t class = kd_cur_be16(&r->c);
    rr.ttl = kd_cur_be32(&r->c);
    uint16_t n = kd_cur_be16(&r->c);
    size_t base = r->c.taken;
    struct kd_cur rdata = kd_cur_sub(&r->c, n);
    if (!kd_cur_ok(&r->c))
        return false;
    size_t start = r->text.n;
    if (type == DNS_TYPE_OPT) { /* RFC 6891 §6.1.2: class and TTL mean other things */
        s->rcode_high = rr.ttl >> 24;
        rr.rrname = (struct kd_bytes){NULL, 0};
        kd_out_str(&r->text, "size=");
        kd_out_u64(&r->text, class);
        if (rr.ttl & 0x8000)
            kd_out_str(&r->text, " do");
    }
    /* n is 0 where an update (RFC 2136 §2.5) deletes. */
    if (n > 0 && !dns_rdata(r, type, &rdata, base))
        return false;
    rr.rdata = kd_bytes_of(r->text.p + start, r->text.n - start);
    rr.rrtype = dns_type_text(r, type);
    if (!kd_out_ok(&r->text))
        return false;
    r->rr[r->n_rr++] = rr;
    return true;
}

static struct kd_list section(struct dns_reader *r, struct dns_sections *s, unsigned count)
{
    size_t from = r->n_rr;
    for (unsigned i = 0; i < count && !s->broken && !s->cut; i++) {
        if (r->n_rr == DNS_RR_MAX || r->n_rr - from >= r->lim->list_items)
            s->cut = true; /* what follows cannot be found without reading this */
        else
            s->broken = !one_rr(r, s);
    }
    return (struct kd_list){r->rr + from, r->n_rr - from};
}

void dns_sections(struct dns_reader *r, const struct dns_header *h, struct dns_sections *ret)
{
    *ret = (struct dns_sections){0};
    ret->answers = section(r, ret, h->n_answer);
    bool before = ret->broken;
    ret->authorities = section(r, ret, h->n_authority);
    ret->broken_authority = ret->broken && !before;
    before = ret->broken;
    ret->additionals = section(r, ret, h->n_additional);
    ret->broken_additional = ret->broken && !before;
    if (r->text.full) { /* our limit, not their fault */
        ret->broken = false;
        ret->cut = true;
    }
}

bool dns_is_wellformed(struct kd_bytes msg, const struct kd_limits *lim)
{
    struct dns_room room;
    struct dns_reader r;
    struct dns_header h;
    struct dns_question q;
    struct dns_sections s;
    if (!dns_open(&r, msg, &room, lim, &h))
        return false;
    for (unsigned i = 0; i < h.n_question; i++)
        if (!dns_question(&r, &q) || !dns_type_known(q.type))
            return false;
    dns_sections(&r, &h, &s);
    return !s.broken && !s.cut && kd_cur_left(&r.c) == 0;
}
