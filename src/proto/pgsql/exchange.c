/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of PostgreSQL, put together.  A request that finds another one waiting ends that one; what
 * prepared statements (Parse, Bind, Execute) ask is not told. */
#include "proto/pgsql/pgsql.h"

enum { MEMORY = 65536 };

static struct kd_bytes keep(struct kd_ctx *ctx, struct pg_exchange *x, struct kd_bytes text)
{
    if (x->mem.pool == NULL)
        kd_arena_init(&x->mem, ctx->pool, MEMORY);
    return kd_arena_copy(&x->mem, text, ctx->lim->text_bytes);
}

/* A text up to its final zero. */
static struct kd_bytes keep_text(struct kd_ctx *ctx, struct pg_exchange *x, struct kd_bytes text)
{
    struct kd_bytes rest = text;
    return keep(ctx, x, kd_bytes_cut(&rest, 0));
}

static void add_parameter(struct kd_ctx *ctx, struct pg_exchange *x, enum kd_dir dir, struct kd_bytes name,
                          struct kd_bytes value)
{
    struct kd_list *list = dir == KD_TO_SERVER ? &x->request.parameters : &x->response.parameters;
    struct kd_pgsql_parameter **room = &x->parameters[dir];
    struct kd_bytes kept = keep(ctx, x, name);
    if (*room == NULL)
        *room = kd_arena_alloc(&x->mem, PG_PARAMETERS_MAX * sizeof(**room));
    if (*room == NULL || list->n == PG_PARAMETERS_MAX || kept.n == 0)
        return;
    (*room)[list->n++] = (struct kd_pgsql_parameter){.name = kept, .value = keep(ctx, x, value)};
    list->v = *room;
}

/* ---- what is told ---- */

static void forget(struct pg_exchange *x)
{
    kd_arena_done(&x->mem);
    *x = (struct pg_exchange){.mem = x->mem, .next_tx = x->next_tx, .pace = x->pace};
}

void pg_tell(struct kd_ctx *ctx, struct pg_exchange *x)
{
    if (!x->asked && !x->answered)
        return;
    struct kd_rec_pgsql rec = {
        .tx = ++x->next_tx,
        .request = {&x->request, x->asked},
        .response = {&x->response, x->answered},
    };
    if (kd_pace_allows(ctx, &x->pace))
        kd_emit(ctx, KD_REC_PGSQL, &rec);
    if (x->request.simple_query.n > 0)
        kd_inspect(ctx, KD_IN_PGSQL_QUERY, KD_TO_SERVER, x->request.simple_query);
    kd_inspect_end(ctx, KD_TO_SERVER, KD_INSPECT_ALL);
    kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
    forget(x);
}

/* ---- the client ---- */

static void begin(struct kd_ctx *ctx, struct pg_exchange *x)
{
    pg_tell(ctx, x);
    x->asked = true;
}

void pg_asks_for(struct kd_ctx *ctx, struct pg_exchange *x, const char *what)
{
    begin(ctx, x);
    x->request.message = kd_str(what);
}

void pg_startup(struct kd_ctx *ctx, struct pg_exchange *x, uint32_t version, struct kd_bytes rest)
{
    uint8_t text[16];
    struct kd_out o = kd_out_of(text, sizeof(text));
    begin(ctx, x);
    kd_out_u64(&o, version >> 16);
    kd_out_u8(&o, '.');
    kd_out_u64(&o, version & 0xffff);
    x->request.protocol_version = keep(ctx, x, kd_out_bytes_view(&o));
    while (rest.n > 0) {
        struct kd_bytes name = kd_bytes_cut(&rest, 0), value = kd_bytes_cut(&rest, 0);
        if (kd_bytes_eq_str(name, "user"))
            x->request.user = keep(ctx, x, value);
        else
            add_parameter(ctx, x, KD_TO_SERVER, name, value);
    }
}

static const char *mechanism_name(struct kd_bytes name)
{
    if (kd_bytes_eq_str(name, "SCRAM-SHA-256"))
        return "scram_SHA256";
    return kd_bytes_eq_str(name, "SCRAM-SHA-256-PLUS") ? "scram_SHA256_plus" : "unknown";
}

/* A message 'p': what it is depends on what the server asked for.  Passwords and their digests are not kept. */
static void proof(struct kd_ctx *ctx, struct pg_exchange *x, struct kd_bytes body, uint8_t auth)
{
    begin(ctx, x);
    if (auth == PG_AUTH_SASL) {
        x->request.mechanism = kd_str(mechanism_name(kd_bytes_cut(&body, 0)));
        x->request.sasl_param = keep(ctx, x, kd_bytes_from(body, 4)); /* its length */
    } else if (auth == PG_AUTH_SASL_CONTINUE) {
        x->request.sasl_response = keep(ctx, x, body);
    } else {
        x->request.redacted = true;
    }
}

static void ends_copy(struct kd_ctx *ctx, struct pg_exchange *x, const char *how)
{
    if (x->request.copy_messages == 0)
        begin(ctx, x);
    x->request.message = kd_str(how);
}

void pg_asks(struct kd_ctx *ctx, struct pg_exchange *x, uint8_t type, struct kd_bytes body, uint8_t auth)
{
    switch (type) {
    case 'Q':
        begin(ctx, x);
        x->request.simple_query = keep_text(ctx, x, body);
        break;
    case 'p':
        proof(ctx, x, body, auth);
        break;
    case 'c':
        ends_copy(ctx, x, "copy_done");
        break;
    case 'f':
        ends_copy(ctx, x, "copy_fail");
        break;
    case 'X':
        pg_asks_for(ctx, x, "termination_message");
        pg_tell(ctx, x);
        break;
    default:
        break;
    }
}

void pg_counts(struct kd_ctx *ctx, struct pg_exchange *x, enum kd_dir dir, uint8_t type, uint64_t bytes)
{
    if (dir == KD_TO_SERVER) {
        if (x->request.copy_messages == 0)
            begin(ctx, x);
        x->request.copy_messages++;
        x->request.copy_bytes += bytes;
        return;
    }
    if (!x->asked)
        return;
    x->answered = true;
    if (type == 'D') {
        uint64_t heads = 2 + 4 * (uint64_t)x->response.field_count; /* how many values, the length of each */
        x->response.rows++;
        x->response.row_bytes += bytes > heads ? bytes - heads : 0;
    } else {
        x->response.copy_rows++;
        x->response.copy_bytes += bytes;
    }
}

/* ---- the server ---- */

void pg_encrypts(struct kd_ctx *ctx, struct pg_exchange *x, bool agreed)
{
    x->answered = true;
    x->response.ssl = agreed ? 2 : 1;
    pg_tell(ctx, x);
}

/* Telling it now, where the client must speak next. */
static void authentication(struct kd_ctx *ctx, struct pg_exchange *x, struct kd_bytes body)
{
    static const char *const names[] = {
        [PG_AUTH_OK] = "authentication_ok",
        [PG_AUTH_KERBEROS5] = "authentication_kerberos_v5",
        [PG_AUTH_CLEARTEXT] = "authentication_cleartext_password",
        [PG_AUTH_GSS] = "authentication_gss",
        [PG_AUTH_CONTINUE] = "authentication_gss_continue",
        [PG_AUTH_SSPI] = "authentication_sspi",
        [PG_AUTH_SASL] = "authentication_sasl",
        [PG_AUTH_SASL_CONTINUE] = "authentication_sasl_continue",
    };
    struct kd_cur c = kd_cur_of(body);
    uint32_t kind = kd_cur_be32(&c);
    if (!kd_cur_ok(&c) || kind > PG_AUTH_SASL_FINAL)
        return;
    x->answered = true;
    if (kind == PG_AUTH_SASL_FINAL)
        x->response.sasl_final = keep(ctx, x, kd_cur_rest(&c));
    else if (kind == PG_AUTH_MD5)
        x->response.salt = keep(ctx, x, kd_cur_rest(&c));
    else if (names[kind] != NULL)
        x->response.message = kd_str(names[kind]);
    if (kind != PG_AUTH_OK && kind != PG_AUTH_SASL_FINAL)
        pg_tell(ctx, x);
}

/* Fields of a letter and a text. */
static void error(struct kd_ctx *ctx, struct pg_exchange *x, struct kd_bytes body)
{
    while (body.n > 0 && body.p[0] != 0) {
        struct kd_pgsql_response *r = &x->response;
        struct {
            char letter;
            struct kd_bytes *to;
        } rows[] = {{'S', &r->severity}, {'V', &r->severity_plain}, {'C', &r->code}, {'M', &r->message},
                    {'F', &r->file},     {'L', &r->line},           {'R', &r->routine}};
        uint8_t letter = body.p[0];
        body = kd_bytes_from(body, 1);
        struct kd_bytes text = kd_bytes_cut(&body, 0);
        for (size_t i = 0; i < KD_COUNT(rows); i++)
            if (letter == (uint8_t)rows[i].letter && rows[i].to->n == 0)
                *rows[i].to = keep(ctx, x, text);
    }
}

static void answer(struct kd_ctx *ctx, struct pg_exchange *x, uint8_t type, struct kd_bytes body)
{
    struct kd_bytes name;
    switch (type) {
    case 'S':
        name = kd_bytes_cut(&body, 0);
        add_parameter(ctx, x, KD_TO_CLIENT, name, kd_bytes_cut(&body, 0));
        break;
    case 'K':
        x->response.process_id = kd_bytes_be32(body, 0);
        x->response.secret_key = kd_bytes_be32(body, 4);
        break;
    case 'T':
        x->response.field_count = kd_bytes_be16(body, 0);
        break;
    case 'C':
        x->response.completed = keep_text(ctx, x, body);
        break;
    case 'E':
        error(ctx, x, body);
        break;
    case 'G': /* COPY FROM: a format's byte, columns */
        x->response.copy_columns = kd_bytes_be16(body, 1);
        break;
    default:
        return;
    }
    x->answered = true;
}

void pg_answers(struct kd_ctx *ctx, struct pg_exchange *x, uint8_t type, struct kd_bytes body, bool over)
{
    if (!x->asked)
        return; /* to what prepared statements asked, or of itself */
    if (type == 'R')
        authentication(ctx, x, body);
    else if (type != 'Z')
        answer(ctx, x, type, body);
    if (type == 'Z' || type == 'G' || (type == 'E' && over))
        pg_tell(ctx, x);
}
