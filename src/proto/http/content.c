/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http/content.h"

#include "base/charset.h"
#include "base/filetype.h"
#include "base/hash.h"
#include "proto/http/http.h"

enum { SOURCE_MAX = 2048, NAME_MAX_BYTES = 512 };

/* --- where it comes from, what it is called --- */

struct kd_bytes http_source(const struct kd_ctx *ctx, const struct http_tx *tx, uint8_t *room,
                            size_t max)
{
    const struct kd_rec_http *rec = &tx->rec;
    if (!tx->has_request)
        return (struct kd_bytes){NULL, 0};
    if (kd_bytes_at(rec->url, 0) != '/')
        return kd_bytes_head(rec->url, max);
    struct kd_out o = kd_out_of(room, max);
    kd_out_str(&o, "http://");
    bool v6 = kd_bytes_find_byte(rec->hostname, ':') != SIZE_MAX;
    if (rec->hostname.n > 0) {
        kd_out_str(&o, v6 ? "[" : "");
        kd_out_bytes(&o, rec->hostname);
        kd_out_str(&o, v6 ? "]" : "");
    } else {
        bool bare_v6 = !kd_addr_is_v4(&ctx->conn->server);
        kd_out_str(&o, bare_v6 ? "[" : "");
        kd_out_addr(&o, &ctx->conn->server);
        kd_out_str(&o, bare_v6 ? "]" : "");
    }
    if (rec->http_port != 0 && rec->http_port != 80)
        kd_out_fmt(&o, ":%u", rec->http_port);
    kd_out_bytes(&o, kd_bytes_head(rec->url, max - o.n));
    return kd_out_bytes_view(&o);
}

static int hex_digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The last part of the path, its %XX undone. */
static struct kd_bytes name_in_url(struct kd_bytes url, uint8_t *room, size_t max)
{
    uint8_t raw[NAME_MAX_BYTES];
    struct kd_bytes path = url;
    path = kd_bytes_head(path, kd_bytes_find_byte(path, '?'));
    path = kd_bytes_head(path, kd_bytes_find_byte(path, '#'));
    size_t at = path.n;
    while (at > 0 && kd_bytes_at(path, at - 1) != '/')
        at--;
    path = kd_bytes_from(path, at);
    struct kd_out o = kd_out_of(raw, sizeof(raw));
    for (size_t i = 0; i < path.n; i++) {
        int high = hex_digit(kd_bytes_at(path, i + 1));
        int low = hex_digit(kd_bytes_at(path, i + 2));
        bool escape = kd_bytes_at(path, i) == '%' && high >= 0 && low >= 0;
        kd_out_u8(&o, escape ? (uint8_t)(high << 4 | low) : kd_bytes_at(path, i));
        i += escape ? 2 : 0;
    }
    struct kd_out text = kd_out_of(room, max);
    kd_charset_guess_to_utf8(kd_out_bytes_view(&o), &text);
    return kd_out_bytes_view(&text);
}

/* --- ranges --- */

struct http_range http_range_of(struct kd_bytes value)
{
    struct http_range r = {0};
    struct kd_bytes rest = kd_bytes_trim(value);
    if (!kd_bytes_istarts(rest, kd_str("bytes")))
        return r;
    rest = kd_bytes_trim(kd_bytes_from(rest, 5));
    if (kd_bytes_at(rest, 0) == '=')
        rest = kd_bytes_trim(kd_bytes_from(rest, 1));
    struct kd_bytes places = kd_bytes_cut(&rest, '/');
    struct kd_bytes first = kd_bytes_cut(&places, '-');
    r.known = kd_bytes_to_u64(kd_bytes_trim(first), INT64_MAX, &r.first) &&
              kd_bytes_to_u64(kd_bytes_trim(places), INT64_MAX, &r.last) && r.last >= r.first;
    if (!kd_bytes_to_u64(kd_bytes_trim(rest), INT64_MAX, &r.total))
        r.total = 0;
    r.known &= r.total == 0 || r.last < r.total;
    return r;
}

static uint64_t range_key(const struct http_tx *tx, struct kd_bytes source)
{
    uint64_t key = kd_hash(source.p, source.n, tx->range.total);
    return kd_hash(tx->validator, sizeof(tx->validator), key);
}

/* The file that this range goes on with, or NULL; one that is not gone on with is told. */
static struct kd_carve *range_file(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes source)
{
    struct http_ranges *all = &((struct http_state *)ctx->state)->ranges;
    if (all->file != NULL && all->key == range_key(tx, source) &&
        kd_carve_next(all->file) == tx->range.first) {
        struct kd_carve *c = all->file;
        all->file = NULL;
        return c;
    }
    http_ranges_end(ctx);
    return NULL;
}

/* The range is over: its file waits for the next one, unless it is complete. */
static void keep_range(struct kd_ctx *ctx, struct http_tx *tx, struct kd_carve *c)
{
    uint8_t room[SOURCE_MAX];
    struct http_ranges *all = &((struct http_state *)ctx->state)->ranges;
    if (tx->range.total == 0 || kd_carve_next(c) >= tx->range.total) {
        kd_carve_end(ctx, c, true);
        return;
    }
    http_ranges_end(ctx);
    all->file = c;
    all->key = range_key(tx, http_source(ctx, tx, room, sizeof(room)));
}

void http_ranges_end(struct kd_ctx *ctx)
{
    struct http_ranges *all = &((struct http_state *)ctx->state)->ranges;
    kd_carve_end(ctx, all->file, true);
    all->file = NULL;
}

/* --- beginning --- */

void http_codings_add(struct http_codings *c, struct kd_bytes value)
{
    enum { LONGEST = 16 };
    char word[LONGEST];
    size_t n = 0;
    for (size_t i = 0; i <= value.n; i++) {
        uint8_t b = i < value.n ? kd_ascii_lower(value.p[i]) : ',';
        if ((b >= 'a' && b <= 'z') || b == '-') {
            word[n < LONGEST - 1 ? n++ : n] = (char)b;
        } else if (b != 0 && n > 0) { /* NUL is passed over, all else ends the word */
            enum kd_coding_kind kind = kd_coding_of(kd_bytes_of(word, n));
            bool is_coding = kind != KD_CODING_NONE && kind != KD_CODING_OTHER;
            if (is_coding && c->n < HTTP_CODINGS)
                c->kind[c->n++] = (uint8_t)kind;
            n = 0;
        }
    }
}

static void begin_file(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, const char *coding)
{
    uint8_t source_room[SOURCE_MAX];
    uint8_t name_room[NAME_MAX_BYTES * 3];
    struct http_content *c = &tx->content[dir];
    const struct kd_rec_http *rec = &tx->rec;
    bool answer = dir == KD_TO_CLIENT;
    struct kd_carve_meta meta = {
        .mime = answer ? rec->http_content_type : rec->request_content_type,
        .source = http_source(ctx, tx, source_room, sizeof(source_room)),
        .encoding = kd_str(coding),
        .tx_id = rec->tx_id,
        .to_server = !answer,
        .http = rec,
        .data_told = true,
    };
    const struct http_framing *framing =
        &((const struct http_state *)ctx->state)->side[dir].framing;
    if (coding == NULL && framing->has_length && !framing->coded)
        meta.size = framing->length;
    meta.filename = answer ? rec->content_disposition : tx->request_filename;
    if (meta.filename.n == 0) {
        size_t path = rec->url.n;
        for (size_t i = rec->url.n; i-- > 0;)
            path = rec->url.p[i] == '?' || rec->url.p[i] == '#' ? i : path;
        meta.rule_name = kd_bytes_head(rec->url, path);
    }
    if (meta.filename.n == 0)
        meta.filename = name_in_url(rec->url, name_room, sizeof(name_room));
    c->is_range = answer && rec->status == 206 && coding == NULL;
    if (c->is_range && tx->range.known) {
        c->file = range_file(ctx, tx, meta.source);
        meta.start = tx->range.first;
        meta.size = tx->range.total;
    }
    if (c->file == NULL)
        c->file = kd_carve_begin(ctx, &meta);
}

static bool is_html(struct kd_bytes type, struct kd_bytes b)
{
    if (type.n > 0)
        return kd_bytes_icontains(kd_bytes_head(type, 64), kd_str("html"));
    return kd_bytes_at(b, 0) == '<';
}

static void begin(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, struct kd_bytes b)
{
    struct http_content *c = &tx->content[dir];
    bool answer = dir == KD_TO_CLIENT;
    const struct http_codings *codings = &tx->codings[dir];
    const char *named = NULL;
    c->begun = true;
    for (unsigned i = codings->n; i-- > 0;) {
        enum kd_coding_kind kind = (enum kd_coding_kind)codings->kind[i];
        /* What is said to be gzip is often not: servers name what they have stored so. */
        if (codings->n == 1 && kind == KD_CODING_GZIP && kd_bytes_at(b, 0) != 0x1f)
            break;
        c->coding[c->n_codings] = kd_coding_new(ctx->pool, ctx->lim, kind);
        named = kd_coding_name(kind);
        if (c->coding[c->n_codings] != NULL)
            c->n_codings++;
    }
    if (!answer)
        c->form = http_form_new(ctx, tx, tx->rec.request_content_type);
    else if (is_html(tx->rec.http_content_type, b) ||
             (codings->n > 0 && tx->rec.http_content_type.n == 0))
        c->page = http_page_new(ctx, tx);
    if (c->form == NULL)
        begin_file(ctx, tx, dir, c->n_codings == 0 ? NULL : named);
}

/* --- data --- */

struct receiver {
    struct kd_ctx *ctx;
    struct http_content *content;
    enum kd_dir dir;
    unsigned layer; /* codings undone so far */
};

static void decoded(void *user, struct kd_bytes b)
{
    struct receiver *r = user;
    struct http_content *c = r->content;
    if (c->form != NULL)
        http_form_data(r->ctx, c->form, b);
    if (c->page != NULL)
        http_page_data(r->ctx, c->page, b);
    http_tap_body(r->ctx, r->dir, b);
    kd_carve_data(c->file, b);
}

static void undo(void *user, struct kd_bytes b)
{
    struct receiver *r = user;
    const struct http_content *c = r->content;
    if (r->layer == c->n_codings) {
        decoded(r, b);
        return;
    }
    struct receiver next = {r->ctx, r->content, r->dir, r->layer + 1};
    kd_coding_add(c->coding[r->layer], b, undo, &next);
}

/* All codings are over, the outermost first. */
static enum kd_coding_end undo_end(struct receiver *r)
{
    struct http_content *c = r->content;
    enum kd_coding_end worst = KD_CODING_ENDED;
    for (unsigned i = 0; i < c->n_codings; i++) {
        struct receiver next = {r->ctx, c, r->dir, i + 1};
        enum kd_coding_end end = kd_coding_finish(c->coding[i], undo, &next);
        if (end == KD_CODING_BOMB || (worst != KD_CODING_BOMB && end != KD_CODING_ENDED))
            worst = end;
    }
    return worst;
}

void http_content_data(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, struct kd_bytes b)
{
    struct http_content *c = &tx->content[dir];
    if (b.n == 0)
        return;
    if (!c->begun)
        begin(ctx, tx, dir, b);
    struct receiver r = {ctx, c, dir, 0};
    if (c->n_codings == 0 || !c->lost) /* behind a hole nothing can be decoded */
        undo(&r, b);
}

void http_content_lost(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, uint64_t n)
{
    struct http_content *c = &tx->content[dir];
    if (!c->begun)
        begin(ctx, tx, dir, (struct kd_bytes){NULL, 0});
    c->lost = true;
    kd_carve_gap(c->file, n);
    if (c->form != NULL)
        http_form_lost(c->form, n);
}

/* --- the end --- */

/* A redirect's or an error's page is no file that somebody fetched; a program is one even then. */
static bool worth_telling(const struct http_tx *tx, enum kd_dir dir, const struct kd_rec_file *file)
{
    char magic[32];
    struct kd_out o = kd_out_of(magic, sizeof(magic) - 1);
    if (dir == KD_TO_SERVER || tx->rec.status < 300)
        return true;
    kd_out_bytes(&o, file->magic);
    magic[o.n] = '\0';
    return file->magic.n > 0 && kd_filetype_is_risky(magic);
}

bool http_content_hashes(const struct http_tx *tx)
{
    const struct http_content *c = &tx->content[KD_TO_CLIENT];
    return c->file != NULL && c->n_codings == 0 && !c->is_range;
}

/* Of one that began in an earlier message or is decoded the digest is another. */
static void keep_digest(struct http_tx *tx, const struct kd_rec_file *file)
{
    if (file->sha256.n != sizeof(tx->digest))
        return;
    memcpy(tx->digest, file->sha256.p, sizeof(tx->digest));
    tx->rec.response_sha256 = kd_bytes_of(tx->digest, sizeof(tx->digest));
}

static void end_file(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, bool whole)
{
    struct http_content *c = &tx->content[dir];
    const struct kd_rec_file *file = kd_carve_finish(c->file, whole);
    kd_carve_show(ctx, c->file);
    if (file != NULL && worth_telling(tx, dir, file))
        kd_emit(ctx, KD_REC_FILE, file);
    if (file != NULL && dir == KD_TO_CLIENT && http_content_hashes(tx))
        keep_digest(tx, file);
    kd_carve_drop(c->file);
}

void http_content_end(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, bool whole)
{
    struct http_content *c = &tx->content[dir];
    if (!c->begun)
        return;
    if (c->n_codings > 0) {
        struct receiver r = {ctx, c, dir, 0};
        enum kd_coding_end end = undo_end(&r);
        if (end == KD_CODING_BOMB)
            http_event(ctx, dir, HTTP_EV_CODING_BOMB, 0);
        else if (end == KD_CODING_BROKEN && !c->lost)
            http_event(ctx, dir, HTTP_EV_CODING_BROKEN, 0);
        whole &= end == KD_CODING_ENDED;
    }
    if (c->page != NULL)
        http_page_end(ctx, c->page);
    if (c->form != NULL)
        http_form_end(ctx, c->form, whole && !c->lost);
    if (c->is_range && whole && c->file != NULL && tx->range.known)
        keep_range(ctx, tx, c->file);
    else
        end_file(ctx, tx, dir, whole && !c->is_range); /* or several ranges in one */
    for (unsigned i = 0; i < c->n_codings; i++)
        kd_coding_free(c->coding[i]);
    *c = (struct http_content){0};
}
