/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tunnel.h"

extern const struct kd_parser kd_parser_tls, kd_parser_http, kd_parser_ssh, kd_parser_smb,
    kd_parser_rdp;

static const struct kd_parser *const candidates[] = {
    &kd_parser_tls, &kd_parser_http, &kd_parser_ssh, &kd_parser_smb, &kd_parser_rdp,
};
enum { ALL = (1 << KD_COUNT(candidates)) - 1 };

static void give_up(struct kd_tunnel *t, const struct kd_ctx *outer)
{
    kd_buf_done(&t->held[0], outer->pool);
    kd_buf_done(&t->held[1], outer->pool);
    t->given_up = true;
}

/* Ask with this beginning of a side; NULL: not known (yet). */
static const struct kd_parser *ask(struct kd_tunnel *t, const struct kd_ctx *outer, enum kd_dir dir,
                                   struct kd_bytes head)
{
    for (unsigned i = 0; i < KD_COUNT(candidates); i++) {
        if (t->out >> i & 1)
            continue;
        enum kd_probe answer = candidates[i]->probe(head, dir, outer->conn);
        if (answer == KD_PROBE_YES)
            return candidates[i];
        /* A server's first words say less than a client's. */
        if (answer != KD_PROBE_MORE && dir == KD_TO_SERVER)
            t->out |= (uint16_t)(1u << i);
    }
    return NULL;
}

static void begin(struct kd_tunnel *t, const struct kd_ctx *outer, const struct kd_parser *parser)
{
    bool ready = kd_inner_begin(&t->inner, outer, parser);
    for (unsigned dir = 0; dir < 2 && ready; dir++)
        kd_inner_data(&t->inner, outer, (enum kd_dir)dir, kd_buf_view(&t->held[dir]));
    give_up(t, outer); /* nothing more to be guessed */
}

/* Byte for byte, so that it does not matter how they came. */
static struct kd_bytes guess(struct kd_tunnel *t, const struct kd_ctx *outer, enum kd_dir dir,
                             struct kd_bytes piece)
{
    struct kd_buf *held = &t->held[dir];
    while (piece.n > 0 && !t->given_up) {
        if (!kd_buf_add(held, outer->pool, kd_bytes_head(piece, 1), KD_TUNNEL_HEAD)) {
            give_up(t, outer);
            break;
        }
        piece = kd_bytes_from(piece, 1);
        const struct kd_parser *parser = ask(t, outer, dir, kd_buf_view(held));
        if (parser != NULL)
            begin(t, outer, parser);
        else if (t->out == ALL)
            give_up(t, outer);
    }
    return piece;
}

void kd_tunnel_not(struct kd_tunnel *t, const struct kd_parser *parser)
{
    for (unsigned i = 0; i < KD_COUNT(candidates); i++)
        if (candidates[i] == parser)
            t->out |= (uint16_t)(1u << i);
}

void kd_tunnel_data(struct kd_tunnel *t, const struct kd_ctx *outer, enum kd_dir dir,
                    struct kd_bytes piece)
{
    if (!t->given_up)
        piece = guess(t, outer, dir, piece);
    if (piece.n > 0)
        kd_inner_data(&t->inner, outer, dir, piece);
}

void kd_tunnel_gap(struct kd_tunnel *t, const struct kd_ctx *outer, enum kd_dir dir, uint64_t n)
{
    if (!t->given_up)
        give_up(t, outer);
    else
        kd_inner_gap(&t->inner, outer, dir, n);
}

void kd_tunnel_end(struct kd_tunnel *t, const struct kd_ctx *outer)
{
    give_up(t, outer);
    kd_inner_end(&t->inner, outer);
}
