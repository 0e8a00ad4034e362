/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a request that are no text for people but for an interpreter: lookups and templates
 * (${...}, %{...}), shell functions, serialised objects.  Most fields are not recorded; those that
 * hold such a thing are. */
#include "proto/http/http.h"

enum {
    HINTS_MAX = 8,
    HINT_TEXT = 1024,
    HINT_BODY = 512,
    HINT_BODY_WITHIN = 16 * 1024,
    NAME_MAX_BYTES = 64
};

static void add(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes name, struct kd_bytes value)
{
    uint8_t room[NAME_MAX_BYTES + 2 + HINT_TEXT];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_strs *list = &tx->rec.suspicious;
    if (list->n == HINTS_MAX)
        return;
    if (list->v == NULL)
        list->v = http_tx_alloc(ctx, tx, HINTS_MAX * sizeof(struct kd_bytes));
    if (list->v == NULL)
        return;
    kd_out_bytes(&o, kd_bytes_head(name, NAME_MAX_BYTES));
    kd_out_str(&o, ": ");
    kd_out_bytes(&o, kd_bytes_head(value, HINT_TEXT));
    struct kd_bytes *items = (struct kd_bytes *)(uintptr_t)list->v;
    struct kd_bytes kept = http_tx_keep(ctx, tx, KD_TO_SERVER, kd_out_bytes_view(&o));
    if (kept.n > 0)
        items[list->n++] = kept;
}

/* Where something for an interpreter begins, or SIZE_MAX. */
static size_t find_code(struct kd_bytes value)
{
    size_t brace = kd_bytes_find_byte(value, '{');
    while (brace != SIZE_MAX) {
        uint8_t before = brace > 0 ? kd_bytes_at(value, brace - 1) : 0;
        if (before == '$' || before == '%' || before == '#')
            return brace - 1;
        if (kd_bytes_starts(value, kd_str("()")))
            return 0;
        size_t next = kd_bytes_find_byte(kd_bytes_from(value, brace + 1), '{');
        brace = next == SIZE_MAX ? next : brace + 1 + next;
    }
    return kd_bytes_find(value, kd_str("rO0AB"));
}

void http_hint_field(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes name,
                     struct kd_bytes value)
{
    size_t at = find_code(value);
    if (at != SIZE_MAX)
        add(ctx, tx, name, kd_bytes_from(value, at)); /* what stands before it may be a secret */
}

static void end_capture(struct kd_ctx *ctx, struct http_tx *tx)
{
    if (tx->hint_n > 0)
        add(ctx, tx, kd_str("body"), kd_bytes_of(tx->hint, tx->hint_n));
    tx->hint_n = 0;
}

void http_hint_body(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes piece)
{
    uint64_t at = tx->rec.request_length;
    if (at >= HINT_BODY_WITHIN)
        return;
    piece = kd_bytes_head(piece, (size_t)(HINT_BODY_WITHIN - at));
    for (size_t i = 0; i < piece.n; i++) {
        uint8_t c = piece.p[i];
        if (tx->hint_n == 0 && c == '{' && tx->hint_before == '$') {
            if (tx->hint == NULL)
                tx->hint = http_tx_alloc(ctx, tx, HINT_BODY);
            if (tx->hint == NULL)
                return;
            tx->hint[tx->hint_n++] = '$';
        }
        tx->hint_before = c;
        if (tx->hint_n == 0)
            continue;
        tx->hint[tx->hint_n++] = c;
        if (c == '\n' || tx->hint_n == HINT_BODY)
            end_capture(ctx, tx);
    }
}

void http_hint_end(struct kd_ctx *ctx, struct http_tx *tx)
{
    end_capture(ctx, tx);
}
