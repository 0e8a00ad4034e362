/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of object calls ([MS-DCOM], [MS-OAUT], [MS-WMIO]): which class is started, what a
 * script asks of an object, which WMI method is run with what. */
#include "base/utf16.h"
#include "proto/dcerpc/args.h"

#define INSTANTIATION "000001ab-0000-0000-c000-000000000046"
#define OBJREF_SIGNATURE 0x574f454du /* MEOW */

enum {
    OBJREF_CUSTOM = 4,
    EXTENTS = 16,
    PROPERTIES = 16,
    IIDS = 16,
    SERIAL_HEADS = 16, /* common and private header of a serialised type ([MS-RPCE] 2.2.6) */
    SHORTEST = 2,      /* text of an object that is told */
    TEXTS = 256,
    VALUES = 6
};

void dce_read_orpc_this(struct dce_ndr *n)
{
    (void)dce_ndr_u16(n);
    (void)dce_ndr_u16(n);
    (void)dce_ndr_u32(n);
    (void)dce_ndr_u32(n);
    (void)dce_ndr_take(n, DCE_UUID);
    if (dce_ndr_size(n) == 0)
        return;
    (void)dce_ndr_u32(n);
    (void)dce_ndr_u32(n);
    if (dce_ndr_size(n) == 0)
        return;
    uint64_t count = dce_ndr_size(n);
    unsigned there = 0;
    for (unsigned i = 0; i < count && i < EXTENTS; i++)
        there += dce_ndr_size(n) != 0;
    for (unsigned i = 0; i < there && dce_ndr_ok(n); i++) {
        uint64_t bytes = dce_ndr_size(n);
        (void)dce_ndr_take(n, DCE_UUID);
        (void)dce_ndr_u32(n);
        (void)dce_ndr_take(n, bytes);
        dce_ndr_align(n, 4);
    }
}

/* MInterfacePointer behind its pointer: an object reference as bytes. */
static struct kd_bytes take_object(struct dce_ndr *n)
{
    uint64_t bytes = dce_ndr_size(n);
    (void)dce_ndr_u32(n);
    return dce_ndr_take(n, bytes);
}

/* A number by the name of its interface if it has one. */
static void out_iid(struct kd_out *o, struct kd_bytes wire)
{
    char text[DCE_UUID_TEXT];
    if (wire.n != DCE_UUID)
        return;
    dce_uuid_text(wire, false, text);
    const struct dce_iface *known = dce_iface_find(kd_bytes_of(text, sizeof(text)));
    if (o->n > 0)
        kd_out_str(o, ", ");
    kd_out_bytes(o, known != NULL ? kd_str(known->name) : kd_bytes_of(text, sizeof(text)));
}

static void read_iids(struct dce_reading *r, struct dce_ndr *n, uint64_t count)
{
    char room[IIDS * (DCE_UUID_TEXT + 2)];
    struct kd_out o = kd_out_of(room, sizeof(room));
    for (unsigned i = 0; i < count && i < IIDS && dce_ndr_ok(n); i++)
        out_iid(&o, dce_ndr_take(n, DCE_UUID));
    dce_arg(r->args, "iids", kd_out_bytes_view(&o));
}

/* ---- activation ([MS-DCOM] 2.2.22) ---- */

/* InstantiationInfoData */
static void read_instantiation(struct dce_reading *r, struct kd_bytes property)
{
    struct dce_ndr n = dce_ndr_of(kd_bytes_from(property, SERIAL_HEADS), false, false);
    struct kd_bytes clsid = dce_ndr_take(&n, DCE_UUID);
    for (unsigned i = 0; i < 3; i++)
        (void)dce_ndr_u32(&n);
    (void)dce_ndr_u32(&n); /* number of interfaces, which the array repeats */
    (void)dce_ndr_u32(&n);
    bool iids = dce_ndr_size(&n) != 0;
    (void)dce_ndr_u32(&n);
    (void)dce_ndr_u32(&n);
    char text[DCE_UUID_TEXT];
    if (clsid.n != DCE_UUID)
        return;
    dce_uuid_text(clsid, false, text);
    struct kd_bytes name = dce_class_name(kd_bytes_of(text, sizeof(text)));
    dce_arg(r->args, "clsid", name.n > 0 ? name : kd_bytes_of(text, sizeof(text)));
    if (iids)
        read_iids(r, &n, dce_ndr_size(&n));
}

/* The activation's properties: a header with their classes and sizes, then they themselves. */
static void read_properties(struct dce_reading *r, struct kd_bytes blob)
{
    struct dce_ndr n = dce_ndr_of(kd_bytes_from(blob, SERIAL_HEADS), false, false);
    (void)dce_ndr_u32(&n); /* size of all */
    uint32_t head = dce_ndr_u32(&n);
    (void)dce_ndr_u32(&n);
    (void)dce_ndr_u32(&n);
    uint32_t count = dce_ndr_u32(&n);
    (void)dce_ndr_take(&n, DCE_UUID);
    for (unsigned i = 0; i < 3; i++)
        (void)dce_ndr_size(&n);
    struct kd_bytes classes = dce_ndr_conformant(&n, DCE_UUID);
    struct kd_bytes sizes = dce_ndr_conformant(&n, 4);
    struct kd_cur size = kd_cur_of(sizes);
    struct kd_bytes rest = kd_bytes_from(blob, head);
    for (unsigned i = 0; i < count && i < PROPERTIES && kd_cur_more(&size); i++) {
        char text[DCE_UUID_TEXT];
        uint32_t bytes = kd_cur_le32(&size);
        struct kd_bytes class =
            kd_bytes_head(kd_bytes_from(classes, i * (size_t)DCE_UUID), DCE_UUID);
        dce_uuid_text(class, false, text);
        if (kd_bytes_eq_str(kd_bytes_of(text, sizeof(text)), INSTANTIATION))
            read_instantiation(r, kd_bytes_head(rest, bytes));
        rest = kd_bytes_from(rest, bytes);
    }
}

void dce_read_activation(struct dce_reading *r)
{
    bool there = dce_ndr_size(&r->ndr) != 0;
    if (!there) /* the outer object of RemoteCreateInstance, as a rule null */
        there = dce_ndr_size(&r->ndr) != 0;
    if (!there)
        return;
    struct kd_cur c = kd_cur_of(take_object(&r->ndr));
    uint32_t signature = kd_cur_le32(&c);
    uint32_t flags = kd_cur_le32(&c);
    (void)kd_cur_take(&c, 2 * DCE_UUID + 8); /* interface, class, extension, reserved */
    (void)kd_cur_take(&c, 8);                /* size, reserved */
    if (kd_cur_ok(&c) && signature == OBJREF_SIGNATURE && flags == OBJREF_CUSTOM)
        read_properties(r, kd_cur_rest(&c));
}

void dce_read_query_interface(struct dce_reading *r)
{
    (void)dce_ndr_take(&r->ndr, DCE_UUID);
    (void)dce_ndr_u32(&r->ndr);
    (void)dce_ndr_u16(&r->ndr);
    read_iids(r, &r->ndr, dce_ndr_size(&r->ndr));
}

/* ---- automation ([MS-OAUT] 3.1.4.4) ---- */

/* Is there a BSTR's content (units, bytes, units, text) here?  Three numbers that agree leave
 * little to chance, and make the nesting of variants, arrays and references indifferent. */
static bool is_word_blob(struct kd_bytes at, size_t *ret_bytes)
{
    struct kd_cur c = kd_cur_of(at);
    uint32_t units = kd_cur_le32(&c);
    uint32_t bytes = kd_cur_le32(&c);
    uint32_t again = kd_cur_le32(&c);
    *ret_bytes = bytes;
    return units == again && units > 0 && (uint64_t)units * 2 == bytes && bytes <= kd_cur_left(&c);
}

/* Arguments stand last first. */
void dce_read_invoke(struct dce_reading *r)
{
    struct kd_bytes text[VALUES];
    unsigned n = 0;
    uint32_t member = dce_ndr_u32(&r->ndr);
    (void)dce_ndr_take(&r->ndr, DCE_UUID);
    (void)dce_ndr_u32(&r->ndr);
    uint32_t flags = dce_ndr_u32(&r->ndr);
    if (!dce_ndr_ok(&r->ndr))
        return;
    dce_arg_hex(r->args, "member", member);
    dce_arg_hex(r->args, "flags", flags);
    struct kd_bytes rest = kd_cur_rest(&r->ndr.c);
    while (rest.n >= 12 && n < VALUES) {
        size_t bytes = 0;
        if (!is_word_blob(rest, &bytes)) {
            rest = kd_bytes_from(rest, 4);
            continue;
        }
        text[n++] = kd_bytes_head(kd_bytes_from(rest, 12), bytes);
        rest = kd_bytes_from(rest, 12 + ((bytes + 3) & ~(size_t)3));
    }
    while (n > 0)
        dce_arg_text(r, "argument", text[--n]);
}

/* ---- WMI objects ([MS-WMIO] 2.2) ---- */

/* An encoded string: a byte that says how (0: one byte each, 1: UTF-16), text, zero. */
struct wmi_text {
    struct kd_bytes text;
    bool wide;
};

static bool printable(uint8_t c)
{
    return c >= 0x20 && c != 0x7f;
}

static bool take_narrow(struct kd_bytes in, struct wmi_text *ret)
{
    size_t n = 0;
    while (n < in.n && printable(in.p[n]))
        n++;
    *ret = (struct wmi_text){kd_bytes_head(in, n), false};
    return n >= SHORTEST && n < in.n && in.p[n] == 0;
}

/* Letters of Western and East Asian texts.  Two bytes of other data, too, read as some letter. */
static bool is_letter(uint8_t high, uint8_t low)
{
    if (high == 0)
        return printable(low);
    return high <= 0x02 || high == 0x20 || (high >= 0x30 && high <= 0x32) ||
           (high >= 0x4e && high <= 0x9f) || high == 0xff;
}

static bool take_wide(struct kd_bytes in, struct wmi_text *ret)
{
    size_t n = 0, ascii = 0;
    while (n + 1 < in.n && is_letter(in.p[n + 1], in.p[n])) {
        ascii += in.p[n + 1] == 0;
        n += 2;
    }
    *ret = (struct wmi_text){kd_bytes_head(in, n), true};
    return n >= SHORTEST * 2 && ascii >= SHORTEST && n + 1 < in.n && in.p[n] == 0;
}

/* The texts of an object, in their order; a run of bytes is looked at once. */
static unsigned find_texts(struct kd_bytes in, struct wmi_text *found)
{
    unsigned n = 0;
    while (in.n > SHORTEST && n < TEXTS) {
        struct kd_bytes behind = kd_bytes_from(in, 1);
        struct wmi_text t = {{NULL, 0}, false};
        bool is =
            (in.p[0] == 0 && take_narrow(behind, &t)) || (in.p[0] == 1 && take_wide(behind, &t));
        size_t skip = 1 + (is ? t.text.n : 0);
        if (is)
            found[n++] = t;
        in = kd_bytes_from(in, skip);
    }
    return n;
}

static void add_wmi_text(struct dce_reading *r, const char *name, const struct wmi_text *t)
{
    if (t->wide)
        dce_arg_text(r, name, t->text);
    else
        dce_arg(r->args, name, t->text);
}

/* An instance: its class is named in the class's part and again before the values, which follow. */
static unsigned values_of(const struct wmi_text *t, unsigned n, unsigned *ret_class)
{
    for (unsigned i = n; i > 1; i--)
        for (unsigned k = 0; k + 1 < i; k++)
            if (t[k].text.n > 5 && kd_bytes_eq(t[k].text, t[i - 1].text) &&
                !kd_bytes_istarts(t[k].text, kd_str("object:"))) {
                *ret_class = k;
                return i;
            }
    *ret_class = n;
    return n;
}

void dce_read_exec_method(struct dce_reading *r)
{
    struct wmi_text t[TEXTS];
    unsigned class = 0;
    bool create = kd_bytes_eq_str(dce_arg_get(r->args, "method"), "Create");
    unsigned n = find_texts(kd_cur_rest(&r->ndr.c), t);
    unsigned first = values_of(t, n, &class);
    for (unsigned i = first; i < n && i < first + VALUES; i++)
        add_wmi_text(r, create && i == first ? "command" : "argument", &t[i]);
}

void dce_read_put_object(struct dce_reading *r)
{
    struct wmi_text t[TEXTS];
    unsigned class = 0;
    unsigned n = find_texts(kd_cur_rest(&r->ndr.c), t);
    unsigned first = values_of(t, n, &class);
    if (class < n)
        add_wmi_text(r, "class", &t[class]);
    for (unsigned i = first; i < n && i < first + VALUES; i++)
        add_wmi_text(r, "value", &t[i]);
}
