/* SPDX-License-Identifier: Apache-2.0 */
/* A data connection of FTP: one file, or the listing of a directory.  Nothing in it says so: the
 * control connection announces it (kd_expect). */
#include "proto/carve/carve.h"
#include "proto/ftp/ftp.h"

struct transfer {
    struct kd_carve *file;
    uint64_t start, size;
    struct kd_rec_ftp_data rec; /* as far as it is known */
    uint16_t source_n;
    uint8_t verb_n;
    uint8_t verb[FTP_VERB_MAX];
    uint8_t source[KD_EXPECT_CONTEXT];
    uint8_t dir; /* of the file */
    bool listing, begun;
};

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)in;
    (void)dir;
    (void)conn;
    return KD_PROBE_NO;
}

static void expected(struct kd_ctx *ctx, struct kd_bytes context)
{
    struct transfer *t = ctx->state;
    struct kd_cur c = kd_cur_of(context);
    t->listing = kd_cur_u8(&c) != 0;
    struct kd_bytes verb = kd_bytes_head(kd_cur_take(&c, kd_cur_u8(&c)), sizeof(t->verb));
    t->verb_n = (uint8_t)verb.n;
    if (verb.n > 0)
        memcpy(t->verb, verb.p, verb.n);
    t->start = kd_cur_le64(&c);
    t->size = kd_cur_le64(&c);
    size_t name_n = kd_cur_le16(&c);
    struct kd_bytes source = kd_bytes_head(kd_cur_rest(&c), sizeof(t->source));
    t->source_n = (uint16_t)source.n;
    if (source.n > 0)
        memcpy(t->source, source.p, source.n);
    name_n = kd_min_size(name_n, source.n);
    t->rec.command = kd_bytes_of(t->verb, t->verb_n);
    t->rec.filename = kd_bytes_of(t->source + source.n - name_n, name_n);
}

static struct kd_bytes name_of(struct kd_bytes source)
{
    size_t at = source.n;
    while (at > 0 && source.p[at - 1] != '/' && source.p[at - 1] != '\\')
        at--;
    return kd_bytes_from(source, at);
}

static void begin(struct kd_ctx *ctx, enum kd_dir dir)
{
    struct transfer *t = ctx->state;
    struct kd_bytes source = kd_bytes_of(t->source, t->source_n);
    struct kd_carve_meta meta = {
        .filename = name_of(source),
        .source = source,
        .size = t->size,
        .start = t->start,
        .to_server = dir == KD_TO_SERVER,
    };
    t->begun = true;
    t->dir = (uint8_t)dir;
    t->file = kd_carve_begin(ctx, &meta);
}

/* By the command, as rules see it: who takes the file is in front of it, whoever connected. */
static void show_command(struct kd_ctx *ctx)
{
    enum { STOR = 1, RETR = 2 };
    const struct transfer *t = ctx->state;
    bool fetch = kd_bytes_eq_str(t->rec.command, "RETR");
    enum kd_dir dir = fetch ? KD_TO_CLIENT : KD_TO_SERVER;
    if (t->listing)
        return;
    kd_inspect_number(ctx, KD_NUM_FTPDATA_COMMAND, dir, fetch ? RETR : STOR);
    kd_inspect_end(ctx, dir, KD_INSPECT_HEAD);
}

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    (void)ctx;
    (void)dir;
    (void)in;
    (void)seen;
    *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
    return KD_OK;
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    (void)ctx;
    (void)dir;
    (void)msg;
    return KD_MALFORMED; /* frame() makes none */
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct transfer *t = ctx->state;
    t->rec.bytes += piece.n;
    if (t->listing)
        return KD_OK;
    if (!t->begun && piece.n > 0) {
        begin(ctx, dir);
        show_command(ctx);
    }
    if (!t->begun || t->dir != dir)
        return KD_OK; /* a file goes one way */
    kd_carve_data(t->file, piece);
    if (last) {
        kd_carve_end(ctx, t->file, true);
        t->file = NULL;
    }
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct transfer *t = ctx->state;
    if (t->begun && t->dir == dir)
        kd_carve_gap(t->file, n);
}

static size_t resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static void finish(struct kd_ctx *ctx)
{
    struct transfer *t = ctx->state;
    kd_carve_end(ctx, t->file, false);
    t->file = NULL;
    if (t->rec.bytes > 0)
        kd_emit(ctx, KD_REC_FTP_DATA, &t->rec);
}

static const void *present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    const struct transfer *t = ctx->state;
    (void)dir;
    *ret_type = KD_REC_FTP_DATA;
    return &t->rec;
}

const struct kd_parser kd_parser_ftp_data = {
    .name = "ftp_data",
    .summary = "files that FTP carries",
    .app = KD_APP_FTP_DATA,
    .over = KD_OVER_TCP,
    .max_message = 1,
    .state_bytes = sizeof(struct transfer),
    .probe = probe,
    .expected = expected,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
    .present = present,
};
