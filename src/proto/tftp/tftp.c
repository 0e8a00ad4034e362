/* SPDX-License-Identifier: Apache-2.0 */
/* Files asked for or sent by TFTP (RFC 1350): the request.  The file itself comes from another port. */
#include "base/out.h"
#include "proto/parser.h"

enum { PORT = 69, READ = 1, WRITE = 2, NAME_MAX = 512, MESSAGE_MAX = 65507 };

struct request {
    uint16_t opcode;
    struct kd_bytes file, mode;
};

/* A text up to its NUL; failure without one. */
static struct kd_bytes text(struct kd_cur *c)
{
    struct kd_bytes rest = kd_cur_rest(c);
    size_t n = kd_bytes_find_byte(kd_bytes_head(rest, NAME_MAX), 0);
    if (n == SIZE_MAX) {
        kd_cur_fail(c);
        return kd_str("");
    }
    *c = kd_cur_of(kd_bytes_from(rest, n + 1));
    return kd_bytes_head(rest, n);
}

static bool read_request(struct kd_bytes in, struct request *ret)
{
    static const char *const modes[] = {"octet", "netascii", "mail"};
    struct kd_cur c = kd_cur_of(in);
    ret->opcode = kd_cur_be16(&c);
    ret->file = text(&c);
    ret->mode = kd_cur_ok(&c) ? text(&c) : kd_str("");
    if (!kd_cur_ok(&c) || (ret->opcode != READ && ret->opcode != WRITE) || ret->file.n == 0)
        return false;
    for (size_t i = 0; i < ret->file.n; i++)
        if (ret->file.p[i] < ' ')
            return false;
    for (size_t i = 0; i < KD_COUNT(modes); i++)
        if (kd_bytes_ieq(ret->mode, kd_str(modes[i])))
            return true;
    return false;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct request r;
    (void)conn;
    if (!read_request(in, &r))
        return KD_PROBE_NO;
    return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct request r;
    if (dir != KD_TO_SERVER || !read_request(msg, &r))
        return KD_OK; /* data, acknowledgements, errors */
    uint8_t mode[16];
    struct kd_out o = kd_out_of(mode, sizeof(mode));
    for (size_t i = 0; i < r.mode.n; i++)
        kd_out_u8(&o, kd_ascii_lower(r.mode.p[i]));
    struct kd_rec_tftp rec = {
        .packet = kd_str(r.opcode == READ ? "read" : "write"),
        .file = kd_bytes_head(r.file, ctx->lim->text_bytes),
        .mode = kd_out_bytes_view(&o),
    };
    kd_emit(ctx, KD_REC_TFTP, &rec);
    return KD_OK;
}

const struct kd_parser kd_parser_tftp = {
    .name = "tftp",
    .summary = "files asked for or sent by TFTP",
    .app = KD_APP_TFTP,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = 0,
    .probe = probe,
    .message = message,
};
