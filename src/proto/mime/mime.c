/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mime/mime.h"

#include "base/out.h"
#include "proto/mime/header.h"
#include "proto/mime/part.h"

enum {
    BOUNDARY_MAX = 128, /* RFC 2046 allows 70 */
    MARK_MAX = BOUNDARY_MAX + 8,
    DEPTH_MAX = 32,
    TEXT_MAX = 4096,
    LONG_TEXT = 512,
    LINKS_LOOKED_AT = 4096, /* per mail; each is compared with those kept */
    /* What the results of one mail may take in a record. */
    HEADER_BUDGET = 18 * 1024,
    LINK_BUDGET = 14 * 1024,
    PART_BUDGET = 16 * 1024,
    PART_COST = 3 + 16 + 20 + 32 + 24 /* digests, numbers, type */
};

enum event {
    EV_HEADER_TOO_LONG,
    EV_TOO_DEEP,
    EV_TOO_MANY_PARTS,
    EV_BOUNDARY_MISSING,
    EV_BOUNDARY_TOO_LONG,
    EV_BASE64,
    EVENTS
};

static const char *const event_names[EVENTS] = {
    [EV_HEADER_TOO_LONG] = "mime_long_header_value",
    [EV_TOO_DEEP] = "mime_too_deep",
    [EV_TOO_MANY_PARTS] = "mime_too_many_parts",
    [EV_BOUNDARY_MISSING] = "mime_boundary_missing",
    [EV_BOUNDARY_TOO_LONG] = "mime_long_boundary",
    [EV_BASE64] = "mime_invalid_base64",
};

/* An open multipart. */
struct level {
    uint8_t n;
    uint8_t boundary[BOUNDARY_MAX];
};

/* What the header of the part being read says. */
struct entity {
    struct kd_bytes type;     /* main/sub as declared */
    struct kd_bytes filename; /* UTF-8 */
    bool attachment, boundary_cut;
    uint8_t encoding;
    uint8_t n_boundary;
    uint8_t boundary[BOUNDARY_MAX];
};

struct list {
    uint32_t n, room;
};

struct kd_mime {
    const struct kd_limits *lim;
    struct kd_mime_of of;
    struct kd_arena *mem;
    struct kd_ctx *ctx; /* during a call */
    struct kd_mail mail;
    struct list to, cc, received, urls, shown, attachments;
    uint32_t header_left, link_left, part_left;
    uint32_t links_seen;
    uint32_t n_parts, n_nested;
    uint32_t told;
    uint32_t depth;
    struct level levels[DEPTH_MAX];

    bool in_header;
    bool top_header;  /* it is the mail's own */
    bool line_start;  /* the next byte begins a line */
    bool skip_line;   /* the blank line that ends a header */
    bool candidate;   /* the line may be a boundary: it is in `mark` */
    bool held_cr;     /* a CR that may belong to a line end */
    uint8_t held_eol; /* line end before this line: a boundary takes it away (RFC 2046 5.1.1); 1 LF,
                         2 CRLF */
    uint32_t n_mark;
    uint8_t mark[MARK_MAX];

    struct entity entity;
    struct kd_part part;
    bool part_open;
    uint32_t n_line;
    uint8_t *line; /* one unfolded field, mail_line_bytes */
};

static void tell(struct kd_mime *m, enum event event)
{
    if (m->told & 1u << event)
        return;
    m->told |= 1u << event;
    kd_anomaly(m->ctx, event_names[event], m->mail.bytes);
}

/* --- results --- */

static struct kd_bytes keep(struct kd_mime *m, struct kd_bytes text, size_t max, uint32_t *budget)
{
    struct kd_bytes kept = kd_arena_copy(m->mem, text, kd_min_size(max, *budget));
    *budget -= (uint32_t)kept.n;
    return kept;
}

/* The array with room for one more of `size` bytes, or NULL; at most list_items. */
static void *grow(struct kd_mime *m, struct list *l, const void *old, size_t size)
{
    enum { FIRST = 4 };
    if (l->n >= m->lim->list_items)
        return NULL;
    if (l->n < l->room)
        return (void *)(uintptr_t)old;
    uint32_t room = l->room == 0 ? FIRST : l->room * 2;
    void *fresh = kd_arena_alloc(m->mem, room * size);
    if (fresh == NULL)
        return NULL;
    if (l->n > 0)
        memcpy(fresh, old, l->n * size);
    l->room = room;
    return fresh;
}

static void add_text(struct kd_mime *m, struct list *l, struct kd_strs *to, struct kd_bytes text,
                     size_t max, uint32_t *budget)
{
    if (text.n == 0 || *budget == 0)
        return;
    struct kd_bytes *items = grow(m, l, to->v, sizeof(*items));
    if (items == NULL)
        return;
    items[l->n] = keep(m, text, max, budget);
    if (items[l->n].n > 0)
        l->n++;
    to->v = items;
    to->n = l->n;
}

/* "what is shown -> where it leads" */
static void add_shown(struct kd_mime *m, struct kd_bytes url, struct kd_bytes shown)
{
    uint8_t room[KD_LINK_SHOWN + KD_LINK_TARGET + 8];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_bytes(&o, shown);
    kd_out_str(&o, " -> ");
    kd_out_bytes(&o, url);
    struct kd_bytes text = kd_out_bytes_view(&o);
    if (m->shown.n < m->lim->list_items && m->link_left >= text.n && kd_bytes_is_utf8(text))
        add_text(m, &m->shown, &m->mail.shown, text, sizeof(room), &m->link_left);
}

static void on_link(void *user, struct kd_bytes url, struct kd_bytes shown)
{
    struct kd_mime *m = user;
    if (shown.n > 0) {
        add_shown(m, url, shown);
        return;
    }
    if (m->urls.n >= m->lim->list_items || m->link_left < url.n ||
        m->links_seen++ >= LINKS_LOOKED_AT)
        return;
    for (size_t i = 0; i < m->mail.urls.n; i++)
        if (kd_bytes_eq(m->mail.urls.v[i], url))
            return;
    add_text(m, &m->urls, &m->mail.urls, url, KD_LINK_MAX, &m->link_left);
}

/* --- header --- */

static void decode_text(struct kd_mime *m, struct kd_bytes value, struct kd_bytes *field)
{
    uint8_t room[TEXT_MAX];
    struct kd_out o = kd_out_of(room, kd_min_size(TEXT_MAX, m->lim->text_bytes));
    if (field->n > 0)
        return; /* the first counts, as in mail programs */
    kd_mime_words(value, &o);
    *field = keep(m, kd_bytes_trim(kd_out_bytes_view(&o)), TEXT_MAX, &m->header_left);
}

static void decode_list(struct kd_mime *m, struct kd_bytes value, struct list *l,
                        struct kd_strs *to)
{
    struct kd_bytes one;
    while (l->n < m->lim->list_items && kd_mime_next_address(&value, &one)) {
        uint8_t room[LONG_TEXT];
        struct kd_out o = kd_out_of(room, sizeof(room));
        kd_mime_words(one, &o);
        add_text(m, l, to, kd_bytes_trim(kd_out_bytes_view(&o)), LONG_TEXT, &m->header_left);
    }
}

static void mail_field(struct kd_mime *m, struct kd_bytes name, struct kd_bytes value)
{
    struct kd_mail *mail = &m->mail;
    const struct {
        const char *name;
        struct kd_bytes *text;
    } texts[] = {
        {"From", &mail->from},
        {"Subject", &mail->subject},
        {"Message-ID", &mail->message_id},
        {"Date", &mail->date},
        {"Reply-To", &mail->reply_to},
        {"X-Mailer", &mail->x_mailer},
        {"User-Agent", &mail->x_mailer},
    };
    for (size_t i = 0; i < KD_COUNT(texts); i++)
        if (kd_bytes_ieq(name, kd_str(texts[i].name))) {
            decode_text(m, value, texts[i].text);
            return;
        }
    if (kd_bytes_ieq(name, kd_str("To")))
        decode_list(m, value, &m->to, &mail->to);
    else if (kd_bytes_ieq(name, kd_str("Cc")))
        decode_list(m, value, &m->cc, &mail->cc);
    else if (kd_bytes_ieq(name, kd_str("Received")))
        add_text(m, &m->received, &mail->received, value, LONG_TEXT, &m->header_left);
    else if (kd_bytes_ieq(name, kd_str("Authentication-Results")) && mail->auth_results.n == 0)
        mail->auth_results = keep(m, value, TEXT_MAX / 2, &m->header_left);
}

static void read_filename(struct kd_mime *m, struct kd_bytes value, const char *param)
{
    uint8_t room[LONG_TEXT * 2];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (m->entity.filename.n == 0 && kd_mime_param(value, param, &o))
        m->entity.filename = keep(m, kd_out_bytes_view(&o), LONG_TEXT * 2, &m->part_left);
}

static void entity_field(struct kd_mime *m, struct kd_bytes name, struct kd_bytes value)
{
    struct entity *e = &m->entity;
    if (kd_bytes_ieq(name, kd_str("Content-Type")) && e->type.n == 0) {
        e->type = keep(m, kd_mime_main(value), BOUNDARY_MAX, &m->part_left);
        if (kd_bytes_istarts(e->type, kd_str("multipart/"))) {
            struct kd_out o = kd_out_of(e->boundary, sizeof(e->boundary));
            e->boundary_cut = kd_mime_param(value, "boundary", &o) && o.n == sizeof(e->boundary);
            e->n_boundary = (uint8_t)o.n;
        } else {
            read_filename(m, value, "name");
        }
    } else if (kd_bytes_ieq(name, kd_str("Content-Disposition"))) {
        e->attachment = kd_bytes_ieq(kd_mime_main(value), kd_str("attachment"));
        struct kd_bytes by_type = e->filename;
        e->filename = (struct kd_bytes){NULL, 0};
        read_filename(m, value, "filename");
        if (e->filename.n == 0)
            e->filename = by_type;
    } else if (kd_bytes_ieq(name, kd_str("Content-Transfer-Encoding"))) {
        value = kd_mime_main(value);
        e->encoding = kd_bytes_ieq(value, kd_str("base64"))             ? KD_PART_BASE64
                      : kd_bytes_ieq(value, kd_str("quoted-printable")) ? KD_PART_QUOTED
                                                                        : KD_PART_PLAIN;
    }
}

/* The field in m->line is complete. */
static void end_field(struct kd_mime *m)
{
    struct kd_bytes line = kd_bytes_of(m->line, m->n_line);
    size_t colon = kd_bytes_find_byte(line, ':');
    m->n_line = 0;
    if (colon == SIZE_MAX)
        return;
    struct kd_bytes name = kd_bytes_trim(kd_bytes_head(line, colon));
    struct kd_bytes value = kd_bytes_trim(kd_bytes_from(line, colon + 1));
    if (kd_bytes_istarts(name, kd_str("Content-")))
        entity_field(m, name, value);
    else if (m->top_header)
        mail_field(m, name, value);
}

/* --- parts --- */

static void begin_header(struct kd_mime *m)
{
    m->in_header = true;
    m->line_start = true;
    m->n_line = 0;
    m->entity = (struct entity){0};
}

static void begin_leaf(struct kd_mime *m)
{
    const struct entity *e = &m->entity;
    bool text = e->type.n == 0 || kd_bytes_istarts(e->type, kd_str("text/"));
    bool html = kd_bytes_ieq(e->type, kd_str("text/html"));
    bool links = e->type.n == 0 || html || kd_bytes_ieq(e->type, kd_str("text/plain"));
    bool file = e->attachment || e->filename.n > 0 || !text;
    m->part_open = true;
    kd_part_start(&m->part, (enum kd_part_encoding)e->encoding, file, links, html);
    if (!file)
        return;
    struct kd_carve_meta meta = {
        .filename = e->filename,
        .mime = e->type,
        .source = m->mail.from,
        .encoding = kd_str(kd_part_encoding_name((enum kd_part_encoding)e->encoding)),
        .tx_id = m->of.tx_id,
        .to_server = m->of.to_server,
        .all_hashes = true,
    };
    m->part.file = kd_carve_begin(m->ctx, &meta);
}

static bool open_multipart(struct kd_mime *m)
{
    const struct entity *e = &m->entity;
    if (e->n_boundary == 0) {
        tell(m, EV_BOUNDARY_MISSING);
        return false;
    }
    if (m->depth >= m->lim->mime_depth || m->depth >= DEPTH_MAX) {
        tell(m, EV_TOO_DEEP);
        return false;
    }
    if (e->boundary_cut)
        tell(m, EV_BOUNDARY_TOO_LONG);
    struct level *l = &m->levels[m->depth++];
    l->n = e->n_boundary;
    memcpy(l->boundary, e->boundary, sizeof(l->boundary));
    return true;
}

/* The blank line behind a header: what does it introduce? */
static void end_header(struct kd_mime *m)
{
    const struct entity *e = &m->entity;
    if (m->n_line > 0)
        end_field(m);
    m->in_header = false;
    m->held_eol = 0;
    m->part_open = false;
    m->top_header = false;
    m->mail.status = kd_str("BODY_STARTED");
    if (m->n_parts++ >= m->lim->mime_parts) {
        tell(m, EV_TOO_MANY_PARTS);
        return;
    }
    if (kd_bytes_istarts(e->type, kd_str("multipart/")) && open_multipart(m))
        return;
    if (kd_bytes_ieq(e->type, kd_str("message/rfc822")) && e->encoding == KD_PART_PLAIN) {
        if (m->n_nested++ < m->lim->mime_depth) {
            begin_header(m);
            return;
        }
        tell(m, EV_TOO_DEEP);
    }
    begin_leaf(m);
}

/* A digest of the file's record, kept with the mail. */
static struct kd_bytes keep_digest(struct kd_mime *m, struct kd_bytes digest)
{
    return kd_arena_copy(m->mem, digest, digest.n);
}

static void list_file(struct kd_mime *m, const struct kd_rec_file *file)
{
    if (m->part_left < PART_COST)
        return;
    struct kd_mail_part *items = grow(m, &m->attachments, m->mail.attachments.v, sizeof(*items));
    if (items == NULL)
        return;
    m->part_left -= PART_COST;
    items[m->attachments.n++] = (struct kd_mail_part){
        .filename = m->entity.filename,
        .content_type = m->entity.type,
        .bytes = m->part.bytes,
        .magic = kd_arena_copy(m->mem, file->magic, file->magic.n),
        .md5 = keep_digest(m, file->md5),
        .sha1 = keep_digest(m, file->sha1),
        .sha256 = keep_digest(m, file->sha256),
    };
    m->mail.attachments.v = items;
    m->mail.attachments.n = m->attachments.n;
}

static void end_file(struct kd_mime *m, bool whole)
{
    static const struct kd_rec_file unknown;
    const struct kd_rec_file *file = kd_carve_finish(m->part.file, whole);
    kd_carve_show(m->ctx, m->part.file);
    if (file != NULL)
        kd_emit(m->ctx, KD_REC_FILE, file);
    list_file(m, file != NULL ? file : &unknown);
    kd_carve_drop(m->part.file);
    m->part.file = NULL;
}

static void end_part(struct kd_mime *m, bool whole)
{
    if (!m->part_open)
        return;
    m->part_open = false;
    kd_part_end(&m->part, on_link, m);
    if (m->part.foreign > 0)
        tell(m, EV_BASE64);
    m->mail.my_numbers += kd_personal_my_numbers(&m->part.personal);
    m->mail.card_numbers += kd_personal_cards(&m->part.personal);
    m->mail.ssn_numbers += m->part.personal.ssn;
    if (m->part.is_file)
        end_file(m, whole && !m->part.lost);
}

/* --- lines --- */

/* Is `line` (without its end) a boundary of an open multipart?  Innermost first: an outer one
 * closes what lies within. */
static bool boundary_line(struct kd_mime *m, struct kd_bytes line)
{
    if (!kd_bytes_starts(line, kd_str("--")))
        return false;
    line = kd_bytes_from(line, 2);
    while (line.n > 0 &&
           (kd_bytes_at(line, line.n - 1) == ' ' || kd_bytes_at(line, line.n - 1) == '\t' ||
            kd_bytes_at(line, line.n - 1) == '\r'))
        line.n--;
    for (uint32_t i = m->depth; i-- > 0;) {
        struct kd_bytes want = kd_bytes_of(m->levels[i].boundary, m->levels[i].n);
        struct kd_bytes rest = kd_bytes_from(line, want.n);
        bool last = kd_bytes_eq_str(rest, "--");
        if (!kd_bytes_starts(line, want) || (rest.n > 0 && !last))
            continue;
        end_part(m, true);
        m->held_eol = 0;
        m->depth = last ? i : i + 1;
        if (!last)
            begin_header(m);
        else
            m->in_header = false;
        return true;
    }
    return false;
}

static void put_body(struct kd_mime *m, struct kd_bytes b)
{
    if (m->part_open && b.n > 0)
        kd_part_add(&m->part, b, on_link, m);
}

static void put_eol(struct kd_mime *m)
{
    if (m->held_eol > 0)
        put_body(m, kd_bytes_head(kd_bytes_from(kd_str("\r\n"), 2u - m->held_eol), 2));
    m->held_eol = 0;
}

/* Part of a line of a body; with its end when it has one. */
static void body_bytes(struct kd_mime *m, struct kd_bytes b)
{
    bool ends = kd_bytes_at(b, b.n - 1) == '\n';
    if (m->held_cr) {
        m->held_cr = false;
        if (ends && b.n == 1) {
            m->held_eol = 2;
            return;
        }
        put_body(m, kd_str("\r"));
    }
    if (ends)
        b.n--;
    bool cr = b.n > 0 && kd_bytes_at(b, b.n - 1) == '\r';
    if (cr)
        b.n--;
    put_body(m, b);
    if (ends)
        m->held_eol = cr ? 2 : 1;
    else
        m->held_cr = cr;
}

/* The line in `mark` is no boundary after all. */
static void give_up_candidate(struct kd_mime *m)
{
    m->candidate = false;
    put_eol(m);
    body_bytes(m, kd_bytes_of(m->mark, m->n_mark));
}

static bool still_candidate(const struct kd_mime *m)
{
    struct kd_bytes have = kd_bytes_of(m->mark, kd_min_size(m->n_mark, 2));
    return m->n_mark < MARK_MAX && kd_bytes_starts(kd_str("--"), have);
}

/* A piece within one line, at most up to its LF. */
static void body_piece(struct kd_mime *m, struct kd_bytes b)
{
    bool ends = kd_bytes_at(b, b.n - 1) == '\n';
    if (m->line_start) {
        m->candidate = m->depth > 0 && kd_bytes_at(b, 0) == '-';
        m->n_mark = 0;
        if (!m->candidate)
            put_eol(m);
    }
    m->line_start = ends;
    if (!m->candidate) {
        body_bytes(m, b);
        return;
    }
    size_t n = kd_min_size(b.n, MARK_MAX - m->n_mark);
    memcpy(m->mark + m->n_mark, b.p, n);
    m->n_mark += (uint32_t)n;
    b = kd_bytes_from(b, n);
    if (b.n > 0 || !still_candidate(m)) {
        give_up_candidate(m);
        if (b.n > 0)
            body_bytes(m, b);
        return;
    }
    if (!ends)
        return;
    m->candidate = false;
    if (!boundary_line(m, kd_bytes_of(m->mark, m->n_mark - 1)))
        give_up_candidate(m);
}

static void header_bytes(struct kd_mime *m, struct kd_bytes b)
{
    size_t room = m->lim->mail_line_bytes - m->n_line;
    if (b.n > room)
        tell(m, EV_HEADER_TOO_LONG);
    b = kd_bytes_head(b, room);
    if (b.n > 0)
        memcpy(m->line + m->n_line, b.p, b.n);
    m->n_line += (uint32_t)b.n;
}

static void header_piece(struct kd_mime *m, struct kd_bytes b)
{
    bool ends = kd_bytes_at(b, b.n - 1) == '\n';
    uint8_t first = kd_bytes_at(b, 0);
    if (m->line_start) {
        m->skip_line = first == '\r' || first == '\n';
        if (!m->skip_line && first != ' ' && first != '\t' && m->n_line > 0)
            end_field(m);
    }
    m->line_start = ends;
    if (m->skip_line) {
        if (ends)
            end_header(m);
        return;
    }
    header_bytes(m, b);
    if (!ends)
        return;
    while (m->n_line > 0 && (m->line[m->n_line - 1] == '\n' || m->line[m->n_line - 1] == '\r'))
        m->n_line--;
    if (m->depth > 0 && boundary_line(m, kd_bytes_of(m->line, m->n_line)))
        m->n_line = 0;
}

/* --- outside --- */

struct kd_mime *kd_mime_start(struct kd_arena *mem, const struct kd_limits *lim,
                              struct kd_mime_of of)
{
    struct kd_mime *m = kd_arena_alloc(mem, sizeof(*m));
    uint8_t *line = m == NULL ? NULL : kd_arena_alloc(mem, lim->mail_line_bytes);
    if (line == NULL)
        return NULL;
    m->lim = lim;
    m->of = of;
    m->mem = mem;
    m->line = line;
    m->header_left = HEADER_BUDGET;
    m->link_left = LINK_BUDGET;
    m->part_left = PART_BUDGET;
    m->top_header = true;
    m->mail.status = kd_str("HEADER_STARTED");
    begin_header(m);
    return m;
}

void kd_mime_feed(struct kd_mime *m, struct kd_ctx *ctx, struct kd_bytes piece)
{
    m->ctx = ctx;
    while (piece.n > 0) {
        size_t lf = kd_bytes_find_byte(piece, '\n');
        struct kd_bytes b = kd_bytes_head(piece, lf == SIZE_MAX ? piece.n : lf + 1);
        m->mail.bytes += b.n;
        if (m->in_header)
            header_piece(m, b);
        else
            body_piece(m, b);
        piece = kd_bytes_from(piece, b.n);
    }
}

void kd_mime_lost(struct kd_mime *m, uint64_t n)
{
    m->mail.bytes += n;
    kd_part_lost(&m->part, n);
}

void kd_mime_end(struct kd_mime *m, struct kd_ctx *ctx, bool whole)
{
    m->ctx = ctx;
    if (m->in_header) {
        if (m->n_line > 0 && !(m->depth > 0 && boundary_line(m, kd_bytes_of(m->line, m->n_line))))
            end_field(m);
    } else if (m->candidate) {
        m->candidate = false;
        if (!boundary_line(m, kd_bytes_of(m->mark, m->n_mark)))
            give_up_candidate(m);
    }
    put_eol(m);
    if (m->held_cr)
        put_body(m, kd_str("\r"));
    m->held_cr = false;
    end_part(m, whole);
    if (whole)
        m->mail.status = kd_str("PARSE_DONE");
}

const struct kd_mail *kd_mime_mail(const struct kd_mime *m)
{
    return &m->mail;
}

void kd_mime_record(const struct kd_mime *m, struct kd_rec_smtp *rec)
{
    const struct kd_mail *mail = kd_mime_mail(m);
    rec->status = mail->status;
    rec->from = mail->from;
    rec->to = mail->to;
    rec->cc = mail->cc;
    rec->reply_to = mail->reply_to;
    rec->subject = mail->subject;
    rec->message_id = mail->message_id;
    rec->date = mail->date;
    rec->x_mailer = mail->x_mailer;
    rec->received = mail->received;
    rec->auth_results = mail->auth_results;
    rec->urls = mail->urls;
    rec->shown = mail->shown;
    rec->my_numbers = mail->my_numbers;
    rec->card_numbers = mail->card_numbers;
    rec->ssn_numbers = mail->ssn_numbers;
    rec->attachments = mail->attachments;
    rec->bytes = mail->bytes;
}
