/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/carve/carve.h"

#include <math.h>

#include "base/filetype.h"
#include "base/hasher.h"
#include "base/hidden.h"
#include "base/personal.h"
#include "proto/carve/content.h"
#include "proto/carve/look.h"
#include "proto/carve/show.h"

enum {
    ENTROPY_BYTES = 2048,
    ENTROPY_LEAST = 64, /* fewer bytes tell nothing */
    COMMON_COUNTS = 64,
    TEXTS = 16 * 1024,  /* name, declared type and source together */
    CARVE_ARENA = 256 * 1024,
    AHEAD_BLOCK = 16 * 1024,
    PERSONAL_WITHIN = 1024 * 1024,
    HASH_UNANNOUNCED = 4, /* the part of file_hash_mib for a file of unknown size */
    HASHES_NONE = 0,
    HASHES_ALL = 2
};

/* Bytes that came before their turn, in the order of their places. */
struct ahead {
    struct ahead *next;
    uint64_t offset;
    size_t n, room, size; /* size: of the block, as the pool knows it */
    uint8_t bytes[];
};

struct kd_carve {
    struct kd_arena mem;
    const struct kd_limits *lim;
    struct kd_rec_file rec;
    struct look look;
    struct content content;
    enum kd_app app;
    struct show show;
    uint64_t next; /* place of the next byte */
    uint64_t seen, size, start;
    uint32_t text_left;
    uint32_t n_counts;
    bool rewritable, rewritten, all_hashes;
    bool decided; /* the type is known: head was handed to readers and hashes */
    bool hashing; /* nothing is missing so far */
    bool more;    /* MD5 and SHA-1 as well */
    const char *magic;
    struct ahead *ahead;
    size_t ahead_bytes;
    struct kd_sha256 sha256;
    struct kd_sha1 sha1;
    struct kd_md5 md5;
    struct kd_filetype_scan type;
    struct kd_tail tail;
    struct kd_personal personal;
    bool is_text;
    uint16_t counts[256];
    uint8_t digests[KD_MD5_BYTES + KD_SHA1_BYTES + KD_SHA256_BYTES];
};

static struct kd_bytes keep(struct kd_carve *c, struct kd_bytes text)
{
    size_t max = kd_min_size(c->lim->text_bytes, c->text_left);
    struct kd_bytes kept = kd_arena_copy(&c->mem, text, max);
    c->text_left -= (uint32_t)kept.n;
    return kept;
}

struct kd_carve *kd_carve_begin(struct kd_ctx *ctx, const struct kd_carve_meta *meta)
{
    struct kd_arena mem;
    kd_arena_init(&mem, ctx->pool, CARVE_ARENA);
    struct kd_carve *c = kd_arena_alloc(&mem, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->mem = mem;
    c->lim = ctx->lim;
    c->text_left = TEXTS;
    show_start(&c->show, ctx, meta);
    c->rec.filename = keep(c, meta->filename);
    c->rec.by_url = meta->rule_name.n > 0;
    c->rec.mime = keep(c, meta->mime);
    if (c->show.wanted)
        c->show.name = keep(c, meta->rule_name);
    c->rec.source = keep(c, meta->source);
    c->rec.encoding = keep(c, meta->encoding);
    c->app = ctx->app;
    if (meta->http != NULL) {
        c->rec.http_method = keep(c, meta->http->http_method);
        c->rec.http_hostname = keep(c, meta->http->hostname);
        c->rec.http_url = keep(c, meta->http->url);
        c->rec.http_status = meta->http->status;
        c->rec.content_range = keep(c, meta->http->content_range);
    }
    c->rec.tx_id = meta->tx_id;
    c->rec.to_server = meta->to_server;
    c->size = meta->size;
    c->start = c->next = meta->start;
    c->rewritable = meta->rewritable;
    c->all_hashes = meta->all_hashes || c->show.hashes;
    /* Of a part neither type nor digest say anything about the file. */
    c->decided = meta->start > 0;
    c->hashing = meta->start == 0;
    if (c->hashing) {
        kd_sha256_start(&c->sha256);
        content_start(&c->content, ctx);
    }
    return c;
}

/* --- what is done with bytes in order --- */

static void count_bytes(struct kd_carve *c, struct kd_bytes b)
{
    b = kd_bytes_head(b, ENTROPY_BYTES - c->n_counts);
    for (size_t i = 0; i < b.n; i++)
        c->counts[b.p[i]]++;
    c->n_counts += (uint32_t)b.n;
}

/* Shannon's entropy of the first bytes in tenths of a bit. */
static uint8_t entropy(const struct kd_carve *c)
{
    if (c->n_counts < ENTROPY_LEAST)
        return 0;
    /* Few counts are different, so that few logarithms are needed. */
    uint16_t alike[COMMON_COUNTS] = {0};
    double sum = 0;
    for (unsigned i = 0; i < 256; i++)
        if (c->counts[i] < COMMON_COUNTS)
            alike[c->counts[i]]++;
        else
            sum += c->counts[i] * log2(c->counts[i]);
    for (unsigned n = 2; n < COMMON_COUNTS; n++)
        if (alike[n] > 0)
            sum += alike[n] * n * log2(n);
    double bits = log2(c->n_counts) - sum / c->n_counts;
    return (uint8_t)(bits * 10 + 0.5);
}

/* Is the file, as far as is known, so large that MD5 and SHA-1 will not be told?  Of one whose size nobody announced the
 * work would often be for nothing, so it ends earlier. */
static bool is_too_large(const struct kd_carve *c)
{
    uint64_t max = (uint64_t)c->lim->file_hash_mib << 20;
    return c->size > 0 ? c->size > max || c->seen > max : c->seen > max / HASH_UNANNOUNCED;
}

/* Lists of bad files name programs, scripts, documents and archives, not data that only another program can read. */
static bool wants_more_hashes(const struct kd_carve *c)
{
    if (c->all_hashes || c->lim->file_hashes == HASHES_ALL)
        return true;
    bool risky = (c->magic != NULL && kd_filetype_is_risky(c->magic)) || kd_filename_is_risky(c->rec.filename);
    return c->lim->file_hashes != HASHES_NONE && risky && !is_too_large(c);
}

static void hash(struct kd_carve *c, struct kd_bytes b)
{
    if (!c->more)
        return;
    if (is_too_large(c) && !c->all_hashes && c->lim->file_hashes != HASHES_ALL) {
        c->more = false;
        return;
    }
    kd_md5_add(&c->md5, b);
    kd_sha1_add(&c->sha1, b);
}

/* Types in which a person's numbers would be read by anybody on the way. */
static bool is_text_type(const char *magic)
{
    static const char *const types[] = {"text", "html", "xml", "eml", "script", "rtf"};
    for (size_t i = 0; magic != NULL && i < KD_COUNT(types); i++)
        if (kd_str_eq(magic, types[i]))
            return true;
    return false;
}

/* Text may be a program where it goes: a page that a server will run, a page that came by mail. */
static enum kd_contents_risk risk_of(const struct kd_carve *c)
{
    if (kd_filetype_is_risky(c->magic) || kd_filename_is_risky(c->rec.filename))
        return KD_RISK_MUCH;
    bool mail = c->app == KD_APP_POP3 || c->app == KD_APP_IMAP || c->app == KD_APP_SMTP;
    bool html = c->magic != NULL && (kd_str_eq(c->magic, "html") || kd_str_eq(c->magic, "xml"));
    return (c->is_text && c->rec.to_server) || (mail && html) ? KD_RISK_SOME : KD_RISK_LITTLE;
}

/* The head is complete, or there will be no more of it. */
static void decide(struct kd_carve *c)
{
    if (c->decided)
        return;
    c->decided = true;
    struct kd_bytes head = kd_bytes_of(c->type.head, c->type.n);
    c->magic = kd_filetype(head);
    c->is_text = is_text_type(c->magic);
    if (c->is_text && c->rec.to_server)
        kd_personal_add(&c->personal, head);
    c->more = c->hashing && wants_more_hashes(c);
    if (c->more) {
        kd_md5_start(&c->md5);
        kd_sha1_start(&c->sha1);
        hash(c, head);
    }
    if (look_start(&c->look, &c->mem, c->lim, c->magic))
        look_add(&c->look, head);
    content_decide(&c->content, c->mem.pool, risk_of(c), c->size);
    content_add(&c->content, c->mem.pool, head);
    show_add(&c->show, c->mem.pool, head);
}

static void in_order(struct kd_carve *c, struct kd_bytes b)
{
    c->seen += b.n;
    c->next += b.n;
    if (c->n_counts < ENTROPY_BYTES)
        count_bytes(c, b);
    if (c->hashing)
        kd_sha256_add(&c->sha256, b);
    kd_tail_add(&c->tail, b);
    uint32_t had = c->type.n;
    if (c->start == 0 && c->type.seen < KD_FILETYPE_ISO_AT + 8)
        kd_filetype_add(&c->type, b);
    if (!c->decided) {
        if (c->type.n < KD_FILETYPE_HEAD)
            return;
        decide(c);
        b = kd_bytes_from(b, KD_FILETYPE_HEAD - had);
    }
    if (b.n == 0)
        return;
    hash(c, b);
    show_add(&c->show, c->mem.pool, b);
    content_add(&c->content, c->mem.pool, b);
    if (c->is_text && c->rec.to_server && c->seen <= PERSONAL_WITHIN)
        kd_personal_add(&c->personal, b);
    if (c->look.format != NULL)
        look_add(&c->look, b);
}

static void missing(struct kd_carve *c, uint64_t n)
{
    decide(c);
    c->rec.gaps += n;
    c->next += n;
    c->hashing = c->more = false;
    content_drop(&c->content, c->mem.pool);
    if (c->look.format != NULL)
        look_gap(&c->look);
    c->type.seen += n;
}

/* --- order --- */

static void drop_first_ahead(struct kd_carve *c)
{
    struct ahead *a = c->ahead;
    c->ahead = a->next;
    c->ahead_bytes -= a->size;
    kd_pool_give(c->mem.pool, a, a->size);
}

/* Its turn has come for what was held up to the present place. */
static void catch_up(struct kd_carve *c)
{
    while (c->ahead != NULL && c->ahead->offset <= c->next) {
        const struct ahead *a = c->ahead;
        struct kd_bytes b = kd_bytes_of(a->bytes, a->n);
        size_t old = (size_t)kd_min_u64(c->next - a->offset, b.n);
        if (old > 0)
            c->rewritten |= c->rewritable;
        if (old < b.n)
            in_order(c, kd_bytes_from(b, old));
        drop_first_ahead(c);
    }
}

static void jump_to_ahead(struct kd_carve *c)
{
    missing(c, c->ahead->offset - c->next);
    catch_up(c);
}

static bool add_to(struct ahead *a, uint64_t offset, struct kd_bytes b)
{
    if (a == NULL || a->offset + a->n != offset || b.n > a->room - a->n)
        return false;
    memcpy(a->bytes + a->n, b.p, b.n);
    a->n += b.n;
    return true;
}

/* False: no memory, or more than may wait. */
static bool hold(struct kd_carve *c, uint64_t offset, struct kd_bytes b)
{
    struct ahead **at = &c->ahead;
    struct ahead *before = NULL;
    while (*at != NULL && (*at)->offset <= offset) {
        before = *at;
        at = &before->next;
    }
    if (add_to(before, offset, b))
        return true;
    size_t want = sizeof(struct ahead) + (b.n > AHEAD_BLOCK ? b.n : AHEAD_BLOCK);
    size_t size = 0;
    struct ahead *a = NULL;
    if (want <= c->lim->file_ahead_bytes && c->ahead_bytes <= c->lim->file_ahead_bytes - want)
        a = kd_pool_take(c->mem.pool, want, &size);
    if (a == NULL)
        return false;
    a->offset = offset;
    a->n = b.n;
    a->size = size;
    a->room = size - sizeof(*a);
    memcpy(a->bytes, b.p, b.n);
    a->next = *at;
    *at = a;
    c->ahead_bytes += size;
    return true;
}

void kd_carve_data(struct kd_carve *c, struct kd_bytes piece)
{
    if (c == NULL || piece.n == 0)
        return;
    in_order(c, piece);
    catch_up(c);
}

void kd_carve_at(struct kd_carve *c, uint64_t offset, struct kd_bytes piece)
{
    if (c == NULL || piece.n == 0 || piece.n > UINT64_MAX - offset)
        return;
    if (offset < c->next) {
        size_t old = (size_t)kd_min_u64(c->next - offset, piece.n);
        c->rewritten |= c->rewritable;
        offset += old;
        piece = kd_bytes_from(piece, old);
    }
    while (piece.n > 0 && offset != c->next && !hold(c, offset, piece)) {
        if (c->ahead != NULL && c->ahead->offset < offset)
            jump_to_ahead(c);
        else
            missing(c, offset - c->next);
        if (offset < c->next) {
            size_t old = (size_t)kd_min_u64(c->next - offset, piece.n);
            offset += old;
            piece = kd_bytes_from(piece, old);
        }
    }
    if (offset == c->next)
        kd_carve_data(c, piece);
}

void kd_carve_gap(struct kd_carve *c, uint64_t n)
{
    if (c == NULL || n == 0 || n > UINT64_MAX - c->next)
        return;
    missing(c, n);
    catch_up(c);
}

/* --- about it --- */

void kd_carve_name(struct kd_carve *c, struct kd_bytes filename)
{
    if (c != NULL && filename.n > 0)
        c->rec.filename = keep(c, filename);
}

void kd_carve_size(struct kd_carve *c, uint64_t size)
{
    if (c != NULL)
        c->size = size;
}

uint64_t kd_carve_next(const struct kd_carve *c)
{
    return c == NULL ? 0 : c->next;
}

uint64_t kd_carve_seen(const struct kd_carve *c)
{
    return c == NULL ? 0 : c->seen;
}

const char *kd_carve_type(const struct kd_carve *c)
{
    return c == NULL ? NULL : c->magic;
}

/* --- the end --- */

static void add_digests(struct kd_carve *c)
{
    uint8_t *sha1 = c->digests + KD_MD5_BYTES;
    uint8_t *sha256 = sha1 + KD_SHA1_BYTES;
    kd_sha256_end(&c->sha256, sha256);
    c->rec.sha256 = kd_bytes_of(sha256, KD_SHA256_BYTES);
    if (!c->more)
        return;
    kd_md5_end(&c->md5, c->digests);
    kd_sha1_end(&c->sha1, sha1);
    c->rec.md5 = kd_bytes_of(c->digests, KD_MD5_BYTES);
    c->rec.sha1 = kd_bytes_of(sha1, KD_SHA1_BYTES);
}

static void add_found(struct kd_carve *c)
{
    struct kd_rec_file *rec = &c->rec;
    struct look *l = &c->look;
    if (l->format != NULL)
        look_end(l);
    const struct look_found *f = &l->found;
    const char *magic = c->type.iso == 5 ? "iso" : f->magic != NULL ? f->magic : c->magic;
    rec->magic = kd_str(magic);
    rec->encrypted = f->encrypted || kd_bytes_eq_str(rec->magic, "zip-encrypted");
    rec->macro = f->macro || kd_bytes_eq_str(rec->magic, "ooxml-macro");
    rec->members.v = f->members;
    rec->members.n = f->n_members;
    rec->links.v = f->links;
    rec->links.n = f->n_links;
    rec->command = f->command;
    rec->hidden = kd_str(
        kd_hidden_program(kd_bytes_of(c->type.head, c->type.n), kd_bytes_of(c->tail.b, c->tail.n)));
    kd_personal_end(&c->personal);
    rec->my_numbers = kd_personal_my_numbers(&c->personal);
    rec->card_numbers = kd_personal_cards(&c->personal);
    rec->ssn_numbers = c->personal.ssn;
}

void kd_carve_transaction(struct kd_carve *c, struct kd_bytes coded)
{
    if (c != NULL)
        c->rec.transaction = kd_arena_copy(&c->mem, coded, coded.n);
}

static const char *state_of(const struct kd_carve *c, bool whole)
{
    if (c->rewritten)
        return "CHANGED";
    if (whole && c->rec.gaps == 0 && (c->start > 0 || (c->size > 0 && c->next < c->size)))
        return "PARTIAL";
    return whole && c->rec.gaps == 0 ? "CLOSED" : "TRUNCATED";
}

const struct kd_rec_file *kd_carve_finish(struct kd_carve *c, bool whole)
{
    if (c == NULL)
        return NULL;
    while (c->ahead != NULL)
        jump_to_ahead(c);
    decide(c);
    add_found(c);
    c->rec.size = c->seen;
    c->rec.has_gaps = c->rec.gaps > 0;
    c->rec.start = c->start;
    c->rec.entropy = entropy(c);
    c->rec.state = kd_str(state_of(c, whole));
    if (kd_bytes_eq_str(c->rec.state, "CLOSED")) {
        add_digests(c);
        c->rec.stored = content_keep(&c->content, c->rec.sha256, false);
    }
    return &c->rec;
}

void kd_carve_show(struct kd_ctx *ctx, struct kd_carve *c)
{
    if (c == NULL || !c->show.wanted)
        return;
    if (ctx->contents != NULL)
        ctx->contents->asked = false;
    show_tell(&c->show, ctx, &c->rec);
    if (ctx->contents != NULL && ctx->contents->asked && c->rec.sha256.n > 0 && !c->rec.stored)
        c->rec.stored = content_keep(&c->content, c->rec.sha256, true);
}

void kd_carve_drop(struct kd_carve *c)
{
    if (c == NULL)
        return;
    while (c->ahead != NULL)
        drop_first_ahead(c);
    content_drop(&c->content, c->mem.pool);
    show_done(&c->show, c->mem.pool);
    struct kd_arena mem = c->mem;
    kd_arena_done(&mem);
}

void kd_carve_end(struct kd_ctx *ctx, struct kd_carve *c, bool whole)
{
    const struct kd_rec_file *rec = kd_carve_finish(c, whole);
    if (rec != NULL) {
        kd_carve_show(ctx, c);
        kd_emit(ctx, KD_REC_FILE, rec);
    }
    kd_carve_drop(c);
}
