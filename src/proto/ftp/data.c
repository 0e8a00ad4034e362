/* SPDX-License-Identifier: Apache-2.0 */
/* Where files are, and where their data connection goes. */
#include "proto/ftp/ftp.h"

bool ftp_stores(const struct ftp_command *c)
{
    return strcmp(c->verb, "STOR") == 0 || strcmp(c->verb, "APPE") == 0 ||
           strcmp(c->verb, "STOU") == 0;
}

bool ftp_lists(const struct ftp_command *c)
{
    return strcmp(c->verb, "LIST") == 0 || strcmp(c->verb, "NLST") == 0 ||
           strcmp(c->verb, "MLSD") == 0;
}

/* --- endpoints --- */

/* Six numbers with commas, anywhere in the text: servers word the answer as they like. */
bool ftp_read_numbers(struct kd_bytes text, struct ftp_endpoint *ret)
{
    uint32_t v[6] = {0};
    unsigned n = 0; /* numbers complete */
    bool digits = false;
    for (size_t i = 0; i <= text.n; i++) {
        uint8_t b = kd_bytes_at(text, i);
        if (b >= '0' && b <= '9' && v[n] < 256) {
            v[n] = v[n] * 10 + b - '0';
            digits = true;
            continue;
        }
        bool fits = digits && v[n] < 256;
        if (fits && n == 5) {
            uint8_t addr[4] = {(uint8_t)v[0], (uint8_t)v[1], (uint8_t)v[2], (uint8_t)v[3]};
            *ret = (struct ftp_endpoint){kd_addr_v4(addr), (uint16_t)(v[4] << 8 | v[5]), false};
            return ret->port != 0;
        }
        n = fits && b == ',' ? n + 1 : 0;
        digits = false;
        v[n] = 0;
    }
    return false;
}

/* "|2|2001:db8::1|49152|", in a 229 without the first two; any character may delimit. */
bool ftp_read_extended(struct kd_bytes text, struct ftp_endpoint *ret)
{
    size_t paren = kd_bytes_find_byte(text, '(');
    text = paren == SIZE_MAX ? text : kd_bytes_from(text, paren + 1);
    uint8_t bar = kd_bytes_at(text, 0);
    uint64_t port = 0;
    struct kd_addr addr = {{0}};
    text = kd_bytes_from(text, 1);
    (void)kd_bytes_cut(&text, bar); /* the address family */
    struct kd_bytes host = kd_bytes_cut(&text, bar);
    if (host.n > 0 && !kd_addr_parse(host, &addr))
        return false;
    if (!kd_bytes_to_u64(kd_bytes_cut(&text, bar), UINT16_MAX, &port) || port == 0)
        return false;
    *ret = (struct ftp_endpoint){addr, (uint16_t)port, false};
    return true;
}

/* --- paths --- */

static void up(struct ftp_text *cwd)
{
    while (cwd->n > 0 && cwd->b[cwd->n - 1] != '/')
        cwd->n--;
    if (cwd->n > 0)
        cwd->n--;
}

/* The directory is kept without a slash at its end; the root is empty. */
void ftp_directory(struct ftp_state *st, struct kd_bytes path)
{
    if (kd_bytes_at(path, 0) == '/')
        st->cwd.n = 0;
    while (path.n > 0) {
        struct kd_bytes part = kd_bytes_cut(&path, '/');
        if (kd_bytes_eq_str(part, "..")) {
            up(&st->cwd);
            continue;
        }
        if (part.n == 0 || kd_bytes_eq_str(part, ".") || st->cwd.n + part.n + 1 > sizeof(st->cwd.b))
            continue;
        st->cwd.b[st->cwd.n++] = '/';
        memcpy(st->cwd.b + st->cwd.n, part.p, part.n);
        st->cwd.n = (uint16_t)(st->cwd.n + part.n);
    }
}

/* ftp://server/path: what the file's record says as its source. */
static void put_source(struct kd_out *o, const struct kd_ctx *ctx, struct kd_bytes name)
{
    const struct ftp_state *st = ctx->state;
    bool v6 = !kd_addr_is_v4(&ctx->conn->server);
    kd_out_str(o, v6 ? "ftp://[" : "ftp://");
    kd_out_addr(o, &ctx->conn->server);
    kd_out_str(o, v6 ? "]" : "");
    if (kd_bytes_at(name, 0) != '/') {
        kd_out_bytes(o, ftp_view(&st->cwd));
        kd_out_u8(o, '/');
    }
    kd_out_bytes(o, name);
}

/* The context that transfer.c reads: does it list a directory, the command, place of the first byte, size, how much
 * of the source is the name as the command had it, source. */
void ftp_announce(struct kd_ctx *ctx, const struct ftp_command *c)
{
    const struct ftp_state *st = ctx->state;
    uint8_t room[KD_EXPECT_CONTEXT];
    struct kd_out o = kd_out_of(room, sizeof(room));
    bool retrieves = strcmp(c->verb, "RETR") == 0;
    bool sized =
        retrieves && st->sized.n > 0 && kd_bytes_eq(ftp_view(&st->sized), ftp_view(&c->arg));
    struct kd_bytes verb = kd_str(c->verb);
    kd_out_u8(&o, ftp_lists(c));
    kd_out_u8(&o, (uint8_t)verb.n);
    kd_out_bytes(&o, verb);
    kd_out_le64(&o, st->restart);
    kd_out_le64(&o, sized ? st->size : 0);
    kd_out_le16(&o, c->arg.n);
    put_source(&o, ctx, ftp_view(&c->arg));
    const struct kd_conn *conn = ctx->conn;
    struct kd_expect x = {
        .parser = &kd_parser_ftp_data,
        .client = c->data.active ? conn->server : conn->client,
        .server = c->data.addr,
        .port = c->data.port,
        .context = kd_out_bytes_view(&o),
    };
    kd_expect(ctx, &x);
    /* Behind translated addresses the one in the text is not the one on the wire; most programs
     * then take that of the control connection. */
    struct kd_addr own = c->data.active ? conn->client : conn->server;
    if (kd_addr_eq(&own, &x.server))
        return;
    x.server = own;
    kd_expect(ctx, &x);
}
