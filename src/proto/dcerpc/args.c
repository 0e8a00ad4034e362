/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers arguments, and runs the lines of args_table.c over the bytes of a call. */
#include "proto/dcerpc/args.h"

#include "base/utf16.h"

enum { DEFERRED = 8, LIST_ITEMS = 16, SID_PARTS = 15, SWAP_ROOM = 2048 };

/* ---- the store ---- */

void dce_args_start(struct dce_args *args, size_t text_max)
{
    args->n = 0;
    args->text_max = text_max;
    args->text = kd_out_of(args->room, sizeof(args->room));
}

/* A value is written at the end of the text: begin() gives room of at most text_max bytes, and
 * end() makes it an argument. */
static struct kd_out begin(struct dce_args *args)
{
    size_t left = args->text.max - args->text.n;
    return kd_out_of(args->room + args->text.n, kd_min_size(left, args->text_max));
}

static void end(struct dce_args *args, const char *name, const struct kd_out *value)
{
    if (name == NULL || value->n == 0 || args->n >= DCE_ARGS)
        return;
    args->item[args->n].name = name;
    args->item[args->n].name_n = (uint32_t)strcspn(name, " ");
    args->item[args->n].at = (uint32_t)args->text.n;
    args->item[args->n].n = (uint32_t)value->n;
    args->n++;
    args->text.n += value->n;
}

void dce_arg(struct dce_args *args, const char *name, struct kd_bytes utf8)
{
    struct kd_out o = begin(args);
    kd_out_bytes(&o, kd_bytes_head(utf8, o.max));
    end(args, name, &o);
}

static struct kd_bytes without_zeros(struct kd_bytes utf16)
{
    size_t n = utf16.n & ~(size_t)1;
    while (n >= 2 && kd_bytes_at(utf16, n - 1) == 0 && kd_bytes_at(utf16, n - 2) == 0)
        n -= 2;
    return kd_bytes_head(utf16, n);
}

void dce_arg_num(struct dce_args *args, const char *name, uint64_t v)
{
    struct kd_out o = begin(args);
    kd_out_u64(&o, v);
    end(args, name, &o);
}

void dce_arg_hex(struct dce_args *args, const char *name, uint64_t v)
{
    struct kd_out o = begin(args);
    kd_out_fmt(&o, "0x%llx", (unsigned long long)v);
    end(args, name, &o);
}

void dce_arg_uuid(struct dce_args *args, const char *name, struct kd_bytes wire, bool big)
{
    char text[DCE_UUID_TEXT];
    if (wire.n != DCE_UUID)
        return;
    dce_uuid_text(wire, big, text);
    dce_arg(args, name, kd_bytes_of(text, sizeof(text)));
}

struct kd_bytes dce_arg_get(const struct dce_args *args, const char *name)
{
    for (unsigned i = args->n; i > 0; i--)
        if (kd_bytes_eq_str(kd_bytes_of(args->item[i - 1].name, args->item[i - 1].name_n), name))
            return kd_bytes_of(args->room + args->item[i - 1].at, args->item[i - 1].n);
    return (struct kd_bytes){NULL, 0};
}

/* ---- pieces ---- */

static void out_text(struct kd_out *o, struct kd_bytes utf16, bool big)
{
    uint8_t swapped[SWAP_ROOM];
    if (big) {
        struct kd_out s = kd_out_of(swapped, sizeof(swapped));
        for (size_t i = 0; i + 1 < utf16.n && kd_out_ok(&s); i += 2)
            kd_out_le16(&s, (uint16_t)(kd_bytes_at(utf16, i) << 8 | kd_bytes_at(utf16, i + 1)));
        utf16 = kd_out_bytes_view(&s);
    }
    kd_out_utf16le(o, without_zeros(utf16));
}

void dce_arg_text(struct dce_reading *r, const char *name, struct kd_bytes utf16)
{
    struct kd_out o = begin(r->args);
    out_text(&o, utf16, r->ndr.big);
    end(r->args, name, &o);
}

static void add_ascii(struct dce_reading *r, const char *name, struct kd_bytes text)
{
    size_t zero = kd_bytes_find_byte(text, 0);
    dce_arg(r->args, name, zero == SIZE_MAX ? text : kd_bytes_head(text, zero));
}

static void out_sid(struct kd_out *o, struct kd_bytes sid, bool big)
{
    struct kd_cur c = kd_cur_of(sid);
    unsigned revision = kd_cur_u8(&c);
    unsigned parts = kd_cur_u8(&c);
    uint64_t authority = (uint64_t)kd_cur_be16(&c) << 32;
    authority |= kd_cur_be32(&c);
    kd_out_fmt(o, "S-%u-%llu", revision, (unsigned long long)authority);
    for (unsigned i = 0; i < parts && i < SID_PARTS && kd_cur_more(&c); i++)
        kd_out_fmt(o, "-%u", big ? kd_cur_be32(&c) : kd_cur_le32(&c));
}

/* RPC_SID: its number of parts goes before it. */
static struct kd_bytes take_sid(struct dce_ndr *n)
{
    uint64_t parts = dce_ndr_size(n);
    dce_ndr_align(n, 4);
    return dce_ndr_take(n, 8 + kd_min_u64(parts, 255) * 4);
}

/* The pointer of an RPC_UNICODE_STRING; what it points to comes later. */
static bool take_string_head(struct dce_ndr *n)
{
    dce_ndr_align(n, n->wide ? 8 : 4);
    (void)dce_ndr_u16(n);
    (void)dce_ndr_u16(n);
    return dce_ndr_size(n) != 0;
}

/* `count` strings whose heads stand before their texts, as one argument. */
static void read_string_list(struct dce_reading *r, const char *name, uint64_t count)
{
    uint64_t there = 0; /* bit i: the i-th has a text */
    for (uint64_t i = 0; i < count && dce_ndr_ok(&r->ndr); i++)
        if (take_string_head(&r->ndr) && i < 64)
            there |= 1ull << i;
    struct kd_out o = begin(r->args);
    for (unsigned i = 0; i < count && i < LIST_ITEMS && dce_ndr_ok(&r->ndr); i++) {
        if ((there >> i & 1) == 0)
            continue;
        if (o.n > 0)
            kd_out_str(&o, ", ");
        out_text(&o, dce_ndr_varying(&r->ndr, 2), r->ndr.big);
    }
    if (count > LIST_ITEMS)
        kd_out_str(&o, ", …");
    end(r->args, name, &o);
}

/* `count` pointers to strings, then the strings. */
static void read_text_list(struct dce_reading *r, const char *name, unsigned unit, const char *sep)
{
    uint64_t count = dce_ndr_size(&r->ndr);
    uint64_t there = 0;
    for (uint64_t i = 0; i < count && dce_ndr_ok(&r->ndr); i++)
        if (dce_ndr_size(&r->ndr) != 0 && i < 64)
            there |= 1ull << i;
    struct kd_out o = begin(r->args);
    for (unsigned i = 0; i < count && i < LIST_ITEMS && dce_ndr_ok(&r->ndr); i++) {
        if ((there >> i & 1) == 0)
            continue;
        struct kd_bytes text = dce_ndr_varying(&r->ndr, unit);
        if (o.n > 0)
            kd_out_str(&o, sep);
        if (unit == 2)
            out_text(&o, text, r->ndr.big);
        else
            kd_out_bytes(&o, kd_bytes_cut(&text, 0));
    }
    end(r->args, name, &o);
}

static void read_sid_list(struct dce_reading *r, const char *name)
{
    dce_ndr_align(&r->ndr, r->ndr.wide ? 8 : 4);
    uint64_t count = dce_ndr_u32(&r->ndr);
    if (dce_ndr_size(&r->ndr) == 0)
        return;
    count = kd_min_u64(count, dce_ndr_size(&r->ndr));
    for (uint64_t i = 0; i < count && dce_ndr_ok(&r->ndr); i++)
        (void)dce_ndr_size(&r->ndr);
    struct kd_out o = begin(r->args);
    for (unsigned i = 0; i < count && i < LIST_ITEMS && dce_ndr_ok(&r->ndr); i++) {
        if (i > 0)
            kd_out_str(&o, ", ");
        struct kd_bytes sid = take_sid(&r->ndr);
        if (sid.n > 0)
            out_sid(&o, sid, r->ndr.big);
    }
    end(r->args, name, &o);
}

static void read_number_list(struct dce_reading *r, const char *name)
{
    (void)dce_ndr_size(&r->ndr);
    (void)dce_ndr_size(&r->ndr);
    uint64_t count = dce_ndr_size(&r->ndr);
    struct kd_out o = begin(r->args);
    for (unsigned i = 0; i < count && i < LIST_ITEMS && dce_ndr_ok(&r->ndr); i++)
        kd_out_fmt(&o, i > 0 ? ", %u" : "%u", dce_ndr_u32(&r->ndr));
    if (count > LIST_ITEMS)
        kd_out_str(&o, ", …");
    end(r->args, name, &o);
}

/* BSTR ([MS-OAUT] 2.2.23): pointer, then size, bytes, units, content. */
static void read_bstr(struct dce_reading *r, const char *name)
{
    if (dce_ndr_size(&r->ndr) == 0)
        return;
    uint64_t units = dce_ndr_size(&r->ndr);
    (void)dce_ndr_u32(&r->ndr);
    (void)dce_ndr_u32(&r->ndr);
    dce_arg_text(r, name, dce_ndr_take(&r->ndr, kd_min_u64(units, UINT32_MAX) * 2));
}

/* A counted blob whose content is text: attributes of a certificate request. */
static void read_blob(struct dce_reading *r, const char *name)
{
    dce_ndr_align(&r->ndr, r->ndr.wide ? 8 : 4);
    (void)dce_ndr_u32(&r->ndr);
    if (dce_ndr_size(&r->ndr) == 0)
        return;
    struct kd_bytes content = dce_ndr_conformant(&r->ndr, 1);
    dce_arg_text(r, name, content);
}

/* What is written to a value of the registry: texts as such, others as hexadecimal. */
static void read_value(struct dce_reading *r, const char *name, uint32_t type)
{
    enum { REG_SZ = 1, REG_EXPAND_SZ = 2, REG_DWORD = 4, REG_MULTI_SZ = 7, SHOWN = 256 };
    struct kd_bytes data = dce_ndr_conformant(&r->ndr, 1);
    struct kd_cur c = kd_cur_of(data);
    if (type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ) {
        dce_arg_text(r, name, data);
    } else if (type == REG_DWORD && data.n == 4) {
        dce_arg_num(r->args, name, kd_cur_le32(&c));
    } else {
        struct kd_out o = begin(r->args);
        kd_out_hex(&o, kd_bytes_head(data, SHOWN));
        end(r->args, name, &o);
    }
}

static void read_class(struct dce_reading *r, const char *name)
{
    char text[DCE_UUID_TEXT];
    dce_ndr_align(&r->ndr, 4);
    struct kd_bytes wire = dce_ndr_take(&r->ndr, DCE_UUID);
    if (wire.n != DCE_UUID)
        return;
    dce_uuid_text(wire, r->ndr.big, text);
    struct kd_bytes known = dce_class_name(kd_bytes_of(text, sizeof(text)));
    dce_arg(r->args, name, known.n > 0 ? known : kd_bytes_of(text, sizeof(text)));
}

static void read_guid(struct dce_reading *r, const char *name)
{
    dce_ndr_align(&r->ndr, 4);
    dce_arg_uuid(r->args, name, dce_ndr_take(&r->ndr, DCE_UUID), r->ndr.big);
}

static void read_hex(struct dce_reading *r, const char *name, size_t n)
{
    struct kd_out o = begin(r->args);
    kd_out_hex(&o, dce_ndr_take(&r->ndr, n));
    end(r->args, name, &o);
}

/* A key below the one of the handle. */
static void read_key(struct dce_reading *r, const char *name)
{
    struct kd_out o = begin(r->args);
    kd_out_bytes(&o, r->label);
    struct kd_bytes text = {NULL, 0};
    if (take_string_head(&r->ndr))
        text = without_zeros(dce_ndr_varying(&r->ndr, 2));
    if (o.n > 0 && text.n > 0)
        kd_out_u8(&o, '\\');
    out_text(&o, text, r->ndr.big);
    end(r->args, name, &o);
}

static struct kd_bytes xml_element(struct kd_bytes xml, const char *tag)
{
    char open[32], close[32];
    struct kd_out o = kd_out_of(open, sizeof(open));
    kd_out_fmt(&o, "<%s>", tag);
    struct kd_bytes start = kd_out_bytes_view(&o);
    size_t at = kd_bytes_find(xml, start);
    if (at == SIZE_MAX)
        return (struct kd_bytes){NULL, 0};
    struct kd_bytes rest = kd_bytes_from(xml, at + start.n);
    o = kd_out_of(close, sizeof(close));
    kd_out_fmt(&o, "</%s>", tag);
    size_t n = kd_bytes_find(rest, kd_out_bytes_view(&o));
    return kd_bytes_head(rest, n == SIZE_MAX ? 0 : n);
}

/* Text of an element, its entities resolved. */
static void add_element(struct dce_args *args, const char *name, struct kd_bytes text)
{
    static const struct {
        const char *entity;
        char c;
    } entities[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    struct kd_out o = begin(args);
    while (text.n > 0 && kd_out_ok(&o)) {
        size_t skip = 1;
        uint8_t c = text.p[0];
        for (size_t i = 0; c == '&' && skip == 1 && i < KD_COUNT(entities); i++)
            if (kd_bytes_starts(text, kd_str(entities[i].entity))) {
                skip = strlen(entities[i].entity);
                kd_out_u8(&o, (uint8_t)entities[i].c);
            }
        if (skip == 1)
            kd_out_u8(&o, c);
        text = kd_bytes_from(text, skip);
    }
    end(args, name, &o);
}

/* A task: what it runs is told apart, as whom too; the XML itself as far as it fits. */
static void read_task(struct dce_reading *r, const char *name)
{
    uint8_t room[DCE_ARGS_ROOM];
    struct kd_out o = kd_out_of(room, sizeof(room));
    out_text(&o, dce_ndr_varying(&r->ndr, 2), r->ndr.big);
    struct kd_bytes xml = kd_out_bytes_view(&o);
    add_element(r->args, "command", xml_element(xml, "Command"));
    add_element(r->args, "arguments", xml_element(xml, "Arguments"));
    add_element(r->args, "clsid", xml_element(xml, "ClassId"));
    add_element(r->args, "run_as", xml_element(xml, "UserId"));
    dce_arg(r->args, name, xml);
}

static const char *start_type_name(uint32_t v)
{
    static const char *const names[] = {"boot", "system", "auto", "demand", "disabled"};
    return v < KD_COUNT(names) ? names[v] : v == UINT32_MAX ? "unchanged" : "";
}

static const char *channel_name(uint32_t v)
{
    static const char *const names[] = {
        "null",           "msv_ap", "workstation", "trusted_dns_domain",
        "trusted_domain", "uas",    "server",      "rodc"};
    return v < KD_COUNT(names) ? names[v] : "";
}

/* ---- handles ---- */

static struct kd_bytes label_of(const struct dce_handles *handles, struct kd_bytes key)
{
    for (const struct dce_handle *h = handles->first; h != NULL; h = h->next)
        if (kd_bytes_eq(key, kd_bytes_of(h->key, DCE_HANDLE)))
            return kd_bytes_of(h->label, h->n);
    return (struct kd_bytes){NULL, 0};
}

static void read_handle(struct dce_reading *r, const char *name)
{
    dce_ndr_align(&r->ndr, 4);
    struct kd_bytes key = dce_ndr_take(&r->ndr, DCE_HANDLE);
    if (key.n != DCE_HANDLE)
        return;
    r->label = label_of(r->handles, key);
    dce_arg(r->args, name, r->label);
}

/* ---- one line ---- */

struct deferred {
    unsigned n;
    const char *name[DEFERRED];
};

struct line {
    struct dce_reading *r;
    struct deferred later;
};

static void defer(struct line *l, const char *name, bool there)
{
    if (there && l->later.n < DEFERRED)
        l->later.name[l->later.n++] = name != NULL ? name : "";
}

static void read_deferred(struct line *l)
{
    for (unsigned i = 0; i < l->later.n; i++) {
        const char *name = l->later.name[i];
        dce_arg_text(l->r, *name != 0 ? name : NULL, dce_ndr_varying(&l->r->ndr, 2));
    }
    l->later.n = 0;
}

/* Numbers. */
static void read_number(struct line *l, char kind, const char *name)
{
    struct dce_reading *r = l->r;
    uint32_t v = kind == 'w'                  ? dce_ndr_u16(&r->ndr)
                 : kind == 'b'                ? dce_ndr_u8(&r->ndr)
                 : kind == 'e' || kind == 'C' ? dce_ndr_enum(&r->ndr)
                                              : dce_ndr_u32(&r->ndr);
    l->r->last = v;
    if (name == NULL || !dce_ndr_ok(&r->ndr))
        return;
    if (kind == 'x')
        dce_arg_hex(r->args, name, v);
    else if (kind == 'T')
        dce_arg(r->args, name, kd_str(start_type_name(v)));
    else if (kind == 'C')
        dce_arg(r->args, name, kd_str(channel_name(v)));
    else
        dce_arg_num(r->args, name, v);
}

/* Texts and what is made of them; false: the kind is another. */
static bool read_texts(struct line *l, char kind, const char *name)
{
    struct dce_reading *r = l->r;
    switch (kind) {
    case 'S':
    case 'A':
        if (dce_ndr_size(&r->ndr) == 0)
            return true;
        if (kind == 'A')
            add_ascii(r, name, dce_ndr_varying(&r->ndr, 1));
        else
            dce_arg_text(r, name, dce_ndr_varying(&r->ndr, 2));
        return true;
    case 's':
        dce_arg_text(r, name, dce_ndr_varying(&r->ndr, 2));
        return true;
    case 'a':
        add_ascii(r, name, dce_ndr_varying(&r->ndr, 1));
        return true;
    case 'V':
        if (dce_ndr_size(&r->ndr) == 0)
            return true;
        /* fall through */
    case 'U':
        if (take_string_head(&r->ndr))
            dce_arg_text(r, name, dce_ndr_varying(&r->ndr, 2));
        return true;
    case 'i':
        defer(l, name, dce_ndr_size(&r->ndr) != 0);
        return true;
    case 'j':
        defer(l, name, take_string_head(&r->ndr));
        return true;
    case ';':
        read_deferred(l);
        return true;
    case 'K':
        read_key(r, name);
        return true;
    case 'X':
        read_task(r, name);
        return true;
    case 'y':
        read_bstr(r, name);
        return true;
    default:
        return false;
    }
}

/* Lists. */
static bool read_lists(struct line *l, char kind, const char *name)
{
    struct dce_reading *r = l->r;
    switch (kind) {
    case 'N':
        (void)dce_ndr_size(&r->ndr);
        (void)dce_ndr_size(&r->ndr);
        /* fall through */
    case 'L':
        read_string_list(r, name, dce_ndr_size(&r->ndr));
        return true;
    case 'R':
        dce_ndr_align(&r->ndr, r->ndr.wide ? 8 : 4);
        (void)dce_ndr_u32(&r->ndr);
        if (dce_ndr_size(&r->ndr) != 0)
            read_string_list(r, name, dce_ndr_size(&r->ndr));
        return true;
    case 'Z':
    case 'z':
        if (dce_ndr_size(&r->ndr) != 0)
            read_text_list(r, name, kind == 'Z' ? 2 : 1, " ");
        return true;
    case 'F':
        read_text_list(r, name, 2, ", ");
        return true;
    case 'Q':
        read_sid_list(r, name);
        return true;
    case 'J':
        read_number_list(r, name);
        return true;
    default:
        return false;
    }
}

static void read_others(struct line *l, char kind, const char *name)
{
    struct dce_reading *r = l->r;
    switch (kind) {
    case 'h':
    case 'H':
        read_handle(r, name);
        break;
    case 'p':
        (void)dce_ndr_size(&r->ndr);
        break;
    case 'P': /* pointer to bytes */
        if (dce_ndr_size(&r->ndr) != 0)
            (void)dce_ndr_conformant(&r->ndr, 1);
        break;
    case 'D': /* pointer to a number */
        if (dce_ndr_size(&r->ndr) != 0)
            (void)dce_ndr_u32(&r->ndr);
        break;
    case 'c': /* pointer to a character */
        if (dce_ndr_size(&r->ndr) != 0)
            (void)dce_ndr_u16(&r->ndr);
        break;
    case 'g':
        read_guid(r, name);
        break;
    case 'l':
        read_class(r, name);
        break;
    case 'k':
        read_hex(r, name, 8);
        break;
    case 'I': {
        struct kd_bytes sid = take_sid(&r->ndr);
        struct kd_out o = begin(r->args);
        if (sid.n > 0)
            out_sid(&o, sid, r->ndr.big);
        end(r->args, name, &o);
        break;
    }
    case 'E':
        read_blob(r, name);
        break;
    case 'Y':
        read_value(r, name, l->r->last);
        break;
    case 't':
        dce_read_orpc_this(&r->ndr);
        break;
    case '$': /* at most padding is left */
        r->complete = kd_cur_left(&r->ndr.c) < (r->ndr.wide ? 8 : 4);
        break;
    default:
        KD_ASSERT(false); /* a line of the table is wrong */
    }
}

/* One word: KIND, KIND=name, or KIND?digit (go on only if the number is that). */
static bool read_word(struct line *l, const char *word)
{
    char kind = word[0];
    const char *name = word[1] == '=' ? word + 2 : NULL;
    if (strchr("dxwbeTC", kind) != NULL) {
        read_number(l, kind, name);
        return word[1] != '?' || l->r->last == (uint32_t)(word[2] - '0');
    }
    if (!read_texts(l, kind, name) && !read_lists(l, kind, name))
        read_others(l, kind, name);
    return true;
}

/* The line, then what it cannot say. */
static void read_request(const struct dce_op *op, struct dce_reading *r)
{
    struct line l = {.r = r};
    const char *at = op->line;
    bool on = true;
    while (on && *at != 0) {
        on = read_word(&l, at) && dce_ndr_ok(&r->ndr);
        at += strcspn(at, " ");
        at += *at == ' ';
    }
    if (on && op->request != NULL)
        op->request(r);
}

void dce_op_request(const struct dce_op *op, struct kd_bytes stub, bool big, bool wide,
                    const struct dce_handles *handles, struct dce_args *args)
{
    struct dce_reading r = {.ndr = dce_ndr_of(stub, big, wide), .args = args, .handles = handles};
    read_request(op, &r);
}

/* Texts of at least three characters that are printable: chance does not make many of them. */
static bool has_text(const struct dce_args *args)
{
    for (unsigned i = 0; i < args->n; i++) {
        struct kd_bytes v = kd_bytes_of(args->room + args->item[i].at, args->item[i].n);
        bool number = kd_bytes_starts(v, kd_str("0x")) ||
                      (kd_bytes_at(v, 0) >= '0' && kd_bytes_at(v, 0) <= '9');
        if (v.n >= 3 && !number)
            return true;
    }
    return false;
}

bool dce_op_fits(const struct dce_op *op, struct kd_bytes stub, bool big, bool wide)
{
    static const struct dce_handles none;
    struct dce_args args;
    struct dce_reading r = {.ndr = dce_ndr_of(stub, big, wide), .args = &args, .handles = &none};
    if (op == NULL || strchr(op->line, '$') == NULL)
        return false;
    dce_args_start(&args, DCE_LABEL_MAX);
    read_request(op, &r);
    return r.complete && dce_ndr_ok(&r.ndr) && has_text(&args);
}

/* ---- answers ---- */

bool dce_op_wants_answer(const struct dce_op *op)
{
    return op != NULL && (op->grants != NULL || op->answer != NULL);
}

/* `grants`: what the handle in the answer stands for: the argument of that name, or (=TEXT) a text.
 * The handle comes first, or (<) last before the result. */
void dce_op_answer(const struct dce_op *op, struct kd_bytes stub, bool big, bool wide,
                   struct dce_args *args, struct kd_bytes *ret_handle, struct kd_bytes *ret_label)
{
    static const struct dce_handles none;
    struct dce_reading r = {.ndr = dce_ndr_of(stub, big, wide), .args = args, .handles = &none};
    *ret_handle = *ret_label = (struct kd_bytes){NULL, 0};
    if (op->answer != NULL)
        op->answer(&r);
    if (op->grants == NULL || stub.n < DCE_HANDLE + 4)
        return;
    const char *what = op->grants;
    bool behind = *what == '<';
    what += behind;
    *ret_handle =
        kd_bytes_head(kd_bytes_from(stub, behind ? stub.n - DCE_HANDLE - 4 : 0), DCE_HANDLE);
    *ret_label = *what == '=' ? kd_str(what + 1) : dce_arg_get(args, what);
}
