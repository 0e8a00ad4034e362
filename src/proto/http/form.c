/* SPDX-License-Identifier: Apache-2.0 */
/* Forms that are sent: their fields, and the files among them. */
#include "base/charset.h"
#include "proto/http/content.h"
#include "proto/http/http.h"
#include "proto/mime/header.h"

enum {
    FIELDS_MAX = 64,
    FIELD_NAME_MAX = 128,
    VALUE_MAX = 128,
    FILENAME_MAX_BYTES = 512,
    TYPE_MAX = 96,
    LINE_MAX_BYTES = 1024,
    DELIMITER_MAX = 4 + 70 + 1, /* RFC 2046 allows 70 */
    SOURCE_MAX = 2048
};

enum phase {
    DATA,   /* of a field, or what stands before the first */
    MARK,   /* the rest of a delimiter's line */
    HEADER, /* of a part */
    NAME,   /* urlencoded */
    VALUE
};

struct http_form {
    size_t size; /* of this block */
    struct http_tx *tx;
    struct kd_carve *file; /* the part's; of an urlencoded body the whole */
    bool multipart, in_part, is_file, ended;
    bool odd; /* no urlencoded form, whatever its type says */
    uint8_t phase;
    uint8_t n_escape; /* urlencoded: begun %XX */
    uint8_t escape;
    uint8_t n_delimiter, matched;
    uint8_t delimiter[DELIMITER_MAX];
    uint16_t n_line;
    uint16_t n_name, n_value, n_filename, n_type;
    uint64_t bytes;
    uint32_t n_fields;
    struct kd_form_field *fields;
    uint8_t line[LINE_MAX_BYTES];
    uint8_t name[FIELD_NAME_MAX], value[VALUE_MAX], filename[FILENAME_MAX_BYTES], type[TYPE_MAX];
};

struct http_form *http_form_new(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes type)
{
    struct kd_bytes main = kd_mime_main(type);
    bool multipart = kd_bytes_ieq(main, kd_str("multipart/form-data"));
    size_t size = 0;
    if (!multipart && !kd_bytes_ieq(main, kd_str("application/x-www-form-urlencoded")))
        return NULL;
    struct http_form *f = kd_pool_take(ctx->pool, sizeof(*f), &size);
    if (f == NULL)
        return NULL;
    *f = (struct http_form){.size = size, .tx = tx, .multipart = multipart};
    f->phase = multipart ? DATA : NAME;
    struct kd_out o = kd_out_of(f->delimiter, sizeof(f->delimiter));
    kd_out_str(&o, "\r\n--");
    bool bounded = multipart && kd_mime_param(type, "boundary", &o) && o.n > 4 &&
                   kd_bytes_find_byte(kd_bytes_from(kd_out_bytes_view(&o), 2), '\r') == SIZE_MAX;
    if (multipart && !bounded) {
        kd_pool_give(ctx->pool, f, size);
        return NULL;
    }
    f->n_delimiter = (uint8_t)o.n;
    f->matched = 2; /* the first one needs no line end before it */
    return f;
}

/* --- fields --- */

static bool is_secret(struct kd_bytes name)
{
    static const char *const parts[] = {
        "pass", "pwd",  "pswd",       "secret", "cvv",  "cvc",  "card",    "pin",      "token",
        "otp",  "暗証", "パスワード", "psw",    "csrf", "auth", "session", "mynumber", "個人番号"};
    for (size_t i = 0; i < KD_COUNT(parts); i++)
        if (kd_bytes_icontains(name, kd_str(parts[i])))
            return true;
    return false;
}

static struct kd_bytes keep_utf8(struct kd_ctx *ctx, struct http_form *f, struct kd_bytes in)
{
    uint8_t room[FILENAME_MAX_BYTES * 3];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_charset_guess_to_utf8(in, &o);
    return http_tx_keep(ctx, f->tx, KD_TO_SERVER, kd_out_bytes_view(&o));
}

static void end_field(struct kd_ctx *ctx, struct http_form *f)
{
    struct kd_bytes name = kd_bytes_of(f->name, f->n_name);
    struct kd_bytes value = kd_bytes_of(f->value, f->n_value);
    struct kd_bytes filename = kd_bytes_of(f->filename, f->n_filename);
    if (f->fields == NULL)
        f->fields = http_tx_alloc(ctx, f->tx, FIELDS_MAX * sizeof(*f->fields));
    if (f->fields != NULL && f->n_fields < FIELDS_MAX && (name.n > 0 || f->bytes > 0)) {
        struct kd_form_field *field = &f->fields[f->n_fields++];
        *field = (struct kd_form_field){.bytes = f->bytes};
        field->name = keep_utf8(ctx, f, name);
        field->filename = http_tx_keep(ctx, f->tx, KD_TO_SERVER, filename);
        field->content_type =
            http_tx_keep(ctx, f->tx, KD_TO_SERVER, kd_bytes_of(f->type, f->n_type));
        if (value.n > 0 && is_secret(field->name)) {
            field->value = kd_str("***");
            f->tx->secret = true;
        } else if (!f->is_file)
            field->value = keep_utf8(ctx, f, value);
    }
    f->n_name = f->n_value = f->n_filename = f->n_type = 0;
    f->bytes = 0;
}

static void put_value(struct http_form *f, struct kd_bytes b)
{
    struct kd_out o = kd_out_of(f->value, VALUE_MAX);
    o.n = f->n_value;
    f->bytes += b.n;
    kd_out_bytes(&o, kd_bytes_head(b, VALUE_MAX - o.n));
    f->n_value = (uint16_t)o.n;
}

static struct kd_carve *begin_file(struct kd_ctx *ctx, struct http_form *f, struct kd_bytes name,
                                   struct kd_bytes type)
{
    uint8_t room[SOURCE_MAX];
    struct kd_carve_meta meta = {
        .filename = name,
        .mime = type,
        .source = http_source(ctx, f->tx, room, sizeof(room)),
        .tx_id = f->tx->rec.tx_id,
        .to_server = true,
        .http = &f->tx->rec,
        .data_told = true,
    };
    return kd_carve_begin(ctx, &meta);
}

/* --- multipart --- */

static void put(struct http_form *f, struct kd_bytes b)
{
    if (!f->in_part)
        return;
    if (!f->is_file) {
        put_value(f, b);
        return;
    }
    f->bytes += b.n;
    kd_carve_data(f->file, b);
}

static void end_part(struct kd_ctx *ctx, struct http_form *f, bool whole)
{
    if (!f->in_part)
        return;
    f->in_part = false;
    if (f->bytes > 0)
        kd_carve_end(ctx, f->file, whole);
    else
        kd_carve_drop(f->file);
    f->file = NULL;
    end_field(ctx, f);
}

static void read_param(struct kd_bytes value, const char *param, uint8_t *to, size_t max,
                       uint16_t *ret_n)
{
    struct kd_out o = kd_out_of(to, max);
    if (kd_mime_param(value, param, &o))
        *ret_n = (uint16_t)o.n;
}

static void header_line(struct http_form *f, struct kd_bytes line)
{
    struct kd_bytes value = line;
    struct kd_bytes name = kd_bytes_trim(kd_bytes_cut(&value, ':'));
    value = kd_bytes_trim(value);
    if (kd_bytes_ieq(name, kd_str("Content-Disposition"))) {
        read_param(value, "name", f->name, sizeof(f->name), &f->n_name);
        read_param(value, "filename", f->filename, sizeof(f->filename), &f->n_filename);
        f->is_file = kd_bytes_icontains(value, kd_str("filename"));
    } else if (kd_bytes_ieq(name, kd_str("Content-Type"))) {
        struct kd_out o = kd_out_of(f->type, sizeof(f->type));
        kd_out_bytes(&o, kd_bytes_head(value, sizeof(f->type)));
        f->n_type = (uint16_t)o.n;
    }
}

static void header_byte(struct kd_ctx *ctx, struct http_form *f, uint8_t c)
{
    if (c != '\n') {
        if (f->n_line < LINE_MAX_BYTES)
            f->line[f->n_line++] = c;
        return;
    }
    struct kd_bytes line = kd_bytes_of(f->line, f->n_line);
    if (line.n > 0 && kd_bytes_at(line, line.n - 1) == '\r')
        line.n--;
    f->n_line = 0;
    if (line.n > 0) {
        header_line(f, line);
        return;
    }
    f->phase = DATA;
    f->in_part = true;
    f->matched = 0;
    if (f->is_file)
        f->file = begin_file(ctx, f, kd_bytes_of(f->filename, f->n_filename),
                             kd_bytes_of(f->type, f->n_type));
}

/* Behind a delimiter: "--" ends the form, a line end begins a part. */
static void mark_byte(struct http_form *f, uint8_t c)
{
    if (c == '-' && f->n_line < 2)
        f->ended = ++f->n_line == 2;
    else
        f->n_line = UINT16_MAX;
    if (c != '\n')
        return;
    f->n_line = 0;
    f->is_file = false;
    f->phase = HEADER;
}

/* Up to the next delimiter; returns what was used.  A delimiter holds no further CR, so a match
 * that fails can only begin anew at the byte that failed it. */
static size_t data_bytes(struct kd_ctx *ctx, struct http_form *f, struct kd_bytes b)
{
    if (f->matched == 0) {
        size_t cr = kd_bytes_find_byte(b, '\r');
        struct kd_bytes plain = kd_bytes_head(b, cr);
        put(f, plain);
        f->matched = cr == SIZE_MAX ? 0 : 1;
        return plain.n + f->matched;
    }
    uint8_t c = kd_bytes_at(b, 0);
    if (c != f->delimiter[f->matched]) {
        put(f, kd_bytes_of(f->delimiter, f->matched));
        f->matched = 0;
        return 0;
    }
    if (++f->matched == f->n_delimiter) {
        end_part(ctx, f, true);
        f->phase = MARK;
        f->matched = 0;
    }
    return 1;
}

static void multipart_data(struct kd_ctx *ctx, struct http_form *f, struct kd_bytes b)
{
    while (b.n > 0 && !f->ended) {
        size_t used = 1;
        if (f->phase == DATA)
            used = data_bytes(ctx, f, b);
        else if (f->phase == MARK)
            mark_byte(f, kd_bytes_at(b, 0));
        else
            header_byte(ctx, f, kd_bytes_at(b, 0));
        b = kd_bytes_from(b, used);
    }
}

/* --- urlencoded --- */

static void put_char(struct http_form *f, uint8_t c)
{
    if (f->phase == VALUE)
        put_value(f, kd_bytes_of(&c, 1));
    else if (f->n_name < FIELD_NAME_MAX)
        f->name[f->n_name++] = c;
    else
        f->odd = true;
}

static int hex_digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void urlencoded_byte(struct kd_ctx *ctx, struct http_form *f, uint8_t c)
{
    int digit = f->n_escape > 0 ? hex_digit(c) : -1;
    if (digit >= 0) {
        f->escape = (uint8_t)(f->escape << 4 | digit);
        if (++f->n_escape == 3) {
            put_char(f, f->escape);
            f->n_escape = 0;
        }
        return;
    }
    f->n_escape = 0;
    if (c == '%') {
        f->n_escape = 1;
        f->escape = 0;
    } else if (c == '&') {
        end_field(ctx, f);
        f->phase = NAME;
    } else if (c == '=' && f->phase == NAME) {
        f->phase = VALUE;
    } else if (c == '+') {
        put_char(f, ' ');
    } else {
        f->odd |= (c < ' ' && c != '\r' && c != '\n') || c >= 0x7f;
        put_char(f, c);
    }
}

/* --- outside --- */

void http_form_data(struct kd_ctx *ctx, struct http_form *f, struct kd_bytes b)
{
    if (f->multipart) {
        multipart_data(ctx, f, b);
        return;
    }
    if (f->file == NULL)
        f->file = begin_file(ctx, f, (struct kd_bytes){NULL, 0}, f->tx->rec.request_content_type);
    kd_carve_data(f->file, b);
    for (size_t i = 0; i < b.n && !f->odd; i++)
        urlencoded_byte(ctx, f, b.p[i]);
}

void http_form_lost(struct http_form *f, uint64_t n)
{
    kd_carve_gap(f->file, n);
    f->bytes += n;
    if (f->phase == HEADER)
        f->n_line = 0;
}

void http_form_end(struct kd_ctx *ctx, struct http_form *f, bool whole)
{
    if (f->multipart)
        end_part(ctx, f, false);
    else if (!f->odd)
        end_field(ctx, f);
    /* What merely calls itself a form (curl does so by default) is a file that is sent. */
    if (!f->multipart && f->odd)
        kd_carve_end(ctx, f->file, whole);
    else
        kd_carve_drop(f->file);
    if (!f->odd) {
        f->tx->rec.form.v = f->fields;
        f->tx->rec.form.n = f->n_fields;
    }
    kd_pool_give(ctx->pool, f, f->size);
}
