/* SPDX-License-Identifier: Apache-2.0 */
/* ZIP (APPNOTE 6.3) by its local headers as they come, and what is packed in it: Office documents
 * (ECMA-376) with macros or outside templates, programs of Java, OpenDocument. */
#include <zlib.h>

#include "base/hash.h"
#include "proto/carve/look.h"

enum {
    LOCAL = 0x04034b50,
    CENTRAL = 0x02014b50,
    LOCAL_REST = 26,
    CENTRAL_REST = 42,
    NAME_MAX_BYTES = 512,
    LISTED_MAX = 128,
    RELS_MAX = 1 << 20, /* packed bytes of the relations of one document that are read */
    TAG_MAX = 1024,
    FLAG_ENCRYPTED = 1,
    FLAG_SIZES_BEHIND = 8,
    FLAG_UTF8 = 0x800
};

enum phase { MARK, LOCAL_HEAD, LOCAL_NAME, RELS, SCAN, CENTRAL_HEAD, CENTRAL_NAME };

struct zip {
    uint8_t phase;
    uint8_t matched;
    bool office, jar, odf;
    bool rels_ready, rels_bad;
    bool in_tag;
    uint16_t flags, method, n_name, n_extra, n_comment, n_tag;
    uint64_t packed, bytes;
    uint64_t rels_left;
    uint32_t listed[LISTED_MAX]; /* hashes of the names of the members listed */
    z_stream inflate;
    uint8_t tag[TAG_MAX];
};

/* --- relations of a document: what it draws in from outside --- */

static voidpf take(voidpf opaque, uInt items, uInt size)
{
    return kd_arena_alloc(opaque, (size_t)items * size);
}

static void give(voidpf opaque, voidpf p)
{
    (void)opaque;
    (void)p; /* with the arena */
}

static struct kd_bytes attribute(struct kd_bytes tag, const char *name)
{
    const struct kd_bytes none = {NULL, 0};
    size_t at = kd_bytes_find(tag, kd_str(name));
    if (at == SIZE_MAX)
        return none;
    tag = kd_bytes_from(tag, at + strlen(name));
    uint8_t quote = kd_bytes_at(tag, 0);
    tag = kd_bytes_from(tag, 1);
    size_t end = kd_bytes_find_byte(tag, quote);
    return (quote == '"' || quote == '\'') && end != SIZE_MAX ? kd_bytes_head(tag, end) : none;
}

/* A link in the text is followed by the reader's hand; all else when the document is opened. */
static void relation(struct look *l, struct kd_bytes tag)
{
    struct kd_bytes type = attribute(tag, "Type=");
    if (kd_bytes_ieq(attribute(tag, "TargetMode="), kd_str("External")) &&
        !kd_bytes_iends(type, kd_str("/hyperlink")))
        look_link(l, attribute(tag, "Target="));
}

static void rels_text(struct look *l, struct zip *z, struct kd_bytes b)
{
    for (size_t i = 0; i < b.n; i++) {
        uint8_t c = b.p[i];
        if (c == '<') {
            z->in_tag = true;
            z->n_tag = 0;
        } else if (c == '>' && z->in_tag) {
            z->in_tag = false;
            relation(l, kd_bytes_of(z->tag, z->n_tag));
        } else if (z->in_tag && z->n_tag < TAG_MAX) {
            z->tag[z->n_tag++] = c;
        }
    }
}

static void rels_packed(struct look *l, struct zip *z, struct kd_bytes b)
{
    uint8_t room[4096];
    z->inflate.next_in = (Bytef *)(uintptr_t)b.p;
    z->inflate.avail_in = (uInt)b.n;
    do {
        z->inflate.next_out = room;
        z->inflate.avail_out = sizeof(room);
        int r = inflate(&z->inflate, Z_NO_FLUSH);
        rels_text(l, z, kd_bytes_of(room, sizeof(room) - z->inflate.avail_out));
        z->rels_bad = r != Z_OK;
    } while (!z->rels_bad && z->inflate.avail_out == 0);
}

static void rels_start(struct look *l, struct zip *z)
{
    int r = Z_OK;
    if (!z->rels_ready) {
        z->inflate = (z_stream){.zalloc = take, .zfree = give, .opaque = l->mem};
        r = inflateInit2(&z->inflate, -15);
        z->rels_ready = r == Z_OK;
    } else {
        r = inflateReset(&z->inflate);
    }
    z->rels_bad = r != Z_OK;
    z->in_tag = false;
}

static void rels_data(struct look *l, struct zip *z, struct kd_bytes b)
{
    if (z->rels_bad)
        return;
    if (z->method == 0)
        rels_text(l, z, b);
    else
        rels_packed(l, z, b);
}

/* --- members --- */

/* What the names of members tell of the whole. */
static void recognise(struct look *l, struct zip *z, struct kd_bytes name)
{
    struct look_found *f = &l->found;
    if (kd_bytes_eq_str(name, "[Content_Types].xml") || kd_bytes_eq_str(name, "_rels/.rels"))
        z->office = true;
    else if (kd_bytes_eq_str(name, "META-INF/MANIFEST.MF"))
        z->jar = true;
    else if (kd_bytes_eq_str(name, "mimetype"))
        z->odf = true;
    if (kd_bytes_iends(name, kd_str("vbaProject.bin")) ||
        kd_bytes_istarts(name, kd_str("xl/macrosheets/")) ||
        (z->odf && kd_bytes_starts(name, kd_str("Basic/"))))
        f->macro = true;
    if (z->office)
        f->magic = f->macro ? "ooxml-macro" : "ooxml";
    else if (z->jar && !z->odf)
        f->magic = "jar";
}

/* Of a document only what is put into it matters, not its own parts. */
static bool is_worth_listing(const struct zip *z, struct kd_bytes name)
{
    if (kd_bytes_at(name, name.n - 1) == '/')
        return false;
    return (!z->office && !z->odf) || kd_bytes_icontains(name, kd_str("embeddings/")) ||
           kd_bytes_iends(name, kd_str("vbaProject.bin")) ||
           kd_bytes_icontains(name, kd_str("activeX/")) ||
           kd_bytes_icontains(name, kd_str("macrosheets/"));
}

static void list(struct look *l, struct zip *z, struct kd_bytes name)
{
    bool encrypted = z->flags & FLAG_ENCRYPTED;
    l->found.encrypted |= encrypted;
    recognise(l, z, name);
    if (!is_worth_listing(z, name))
        return;
    uint32_t hash = (uint32_t)kd_hash(name.p, name.n, 0);
    uint32_t n = l->found.n_members < LISTED_MAX ? l->found.n_members : LISTED_MAX;
    for (uint32_t i = 0; i < n; i++)
        if (z->listed[i] == hash) { /* again in the directory, which knows the sizes */
            if (l->found.members[i].bytes == 0)
                l->found.members[i].bytes = z->bytes;
            return;
        }
    bool utf8 = (z->flags & FLAG_UTF8) != 0;
    if (look_member(l, name, utf8, z->bytes, encrypted) != NULL && n < LISTED_MAX)
        z->listed[n] = hash;
}

/* --- steps --- */

static struct look_step next_mark(struct zip *z, uint64_t skip)
{
    z->phase = MARK;
    return look_want(skip, 4);
}

static struct look_step scan(struct zip *z)
{
    z->phase = SCAN;
    z->matched = 0;
    return look_any(0, UINT64_MAX);
}

static struct look_step on_mark(struct zip *z, struct kd_bytes got)
{
    struct kd_cur c = kd_cur_of(got);
    uint32_t mark = kd_cur_le32(&c);
    if (mark == LOCAL) {
        z->phase = LOCAL_HEAD;
        return look_want(0, LOCAL_REST);
    }
    if (mark == CENTRAL) {
        z->phase = CENTRAL_HEAD;
        return look_want(0, CENTRAL_REST);
    }
    return look_done();
}

static void read_sizes(struct zip *z, struct kd_cur *c)
{
    (void)kd_cur_take(c, 8); /* time, date, checksum */
    z->packed = kd_cur_le32(c);
    z->bytes = kd_cur_le32(c);
    z->n_name = kd_cur_le16(c);
    z->n_extra = kd_cur_le16(c);
}

static struct look_step on_local(struct zip *z, struct kd_bytes got)
{
    struct kd_cur c = kd_cur_of(got);
    (void)kd_cur_le16(&c); /* version */
    z->flags = kd_cur_le16(&c);
    z->method = kd_cur_le16(&c);
    read_sizes(z, &c);
    z->phase = LOCAL_NAME;
    if (z->n_name == 0 || z->n_name > NAME_MAX_BYTES)
        return scan(z);
    return look_want(0, z->n_name);
}

static struct look_step on_local_name(struct look *l, struct zip *z, struct kd_bytes name)
{
    bool unknown = ((z->flags & FLAG_SIZES_BEHIND) && z->packed == 0) || z->packed == UINT32_MAX;
    if (unknown)
        z->bytes = 0;
    list(l, z, name);
    if (unknown)
        return scan(z);
    bool rels = z->office && kd_bytes_iends(name, kd_str(".rels")) && z->packed > 0 &&
                (z->method == 0 || z->method == 8) && !(z->flags & FLAG_ENCRYPTED) &&
                z->packed <= RELS_MAX;
    if (!rels)
        return next_mark(z, z->n_extra + z->packed);
    rels_start(l, z);
    z->phase = RELS;
    z->rels_left = z->packed;
    return look_any(z->n_extra, z->rels_left);
}

static struct look_step on_rels(struct look *l, struct zip *z, struct kd_bytes got)
{
    rels_data(l, z, got);
    z->rels_left -= got.n;
    return z->rels_left > 0 ? look_any(0, z->rels_left) : next_mark(z, 0);
}

/* The size of a member is written behind it: look for the next header.  Members within members are
 * packed, so that their headers are not met, or of known size. */
static struct look_step on_scan(struct look *l, struct zip *z, struct kd_bytes got)
{
    size_t from = 0;
    while (from < got.n) {
        size_t n = z->matched;
        if (n == 0) {
            size_t at = kd_bytes_find_byte(kd_bytes_from(got, from), 'P');
            if (at == SIZE_MAX)
                break;
            from += at + 1;
            z->matched = 1;
            continue;
        }
        uint8_t c = got.p[from++];
        bool second = n == 1 && c == 'K';
        bool third = n == 2 && (c == 3 || c == 1);
        if (second || third) {
            z->matched = (uint8_t)(third ? 2 + c : 2); /* 3 or 5 */
            continue;
        }
        z->matched = c == 'P';
        if ((n == 5 && c == 4) || (n == 3 && c == 2)) {
            l->back = got.n - from;
            z->matched = 0;
            z->phase = n == 5 ? LOCAL_HEAD : CENTRAL_HEAD;
            return look_want(0, n == 5 ? LOCAL_REST : CENTRAL_REST);
        }
    }
    return look_any(0, UINT64_MAX);
}

static struct look_step on_central(struct zip *z, struct kd_bytes got)
{
    struct kd_cur c = kd_cur_of(got);
    (void)kd_cur_le32(&c); /* versions */
    z->flags = kd_cur_le16(&c);
    z->method = kd_cur_le16(&c);
    read_sizes(z, &c);
    z->n_comment = kd_cur_le16(&c);
    z->phase = CENTRAL_NAME;
    if (z->n_name == 0 || z->n_name > NAME_MAX_BYTES)
        return look_done();
    return look_want(0, z->n_name);
}

static struct look_step zip_step(struct look *l, struct kd_bytes got)
{
    struct zip *z = l->state;
    if (got.n == 0)
        return look_want(0, 4);
    switch ((enum phase)z->phase) {
    case MARK:
        return on_mark(z, got);
    case LOCAL_HEAD:
        return on_local(z, got);
    case LOCAL_NAME:
        return on_local_name(l, z, got);
    case RELS:
        return on_rels(l, z, got);
    case SCAN:
        return on_scan(l, z, got);
    case CENTRAL_HEAD:
        return on_central(z, got);
    case CENTRAL_NAME:
        list(l, z, got);
        return next_mark(z, (uint64_t)z->n_extra + z->n_comment);
    }
    return look_done();
}

static const char *const zip_types[] = {"zip", "zip-encrypted", "ooxml", "ooxml-macro",
                                        "odf", "jar",           NULL};

const struct look_format look_zip = {
    .types = zip_types,
    .state_bytes = sizeof(struct zip),
    .step = zip_step,
};
