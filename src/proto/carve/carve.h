/* SPDX-License-Identifier: Apache-2.0 */
/* A file as it crosses the network, whatever protocol carries it: the parser says where it begins,
 * hands over its bytes and says how it ended; one `file` record comes out, with size, gaps,
 * digests, type by content, randomness, and for containers what they hold.  Nothing is held but the
 * first kilobyte, what arrived ahead of its turn, and what the reader of the format needs.
 *
 * Memory comes from ctx->pool and ends with kd_carve_end() or kd_carve_drop(); parsers call one of
 * them in their close().  Every function takes NULL for the file and does nothing: lack of memory
 * needs no care of the caller. */
#ifndef KD_PROTO_CARVE_CARVE_H
#define KD_PROTO_CARVE_CARVE_H

#include "proto/parser.h"

struct kd_carve;

/* What is known when it begins.  Texts are UTF-8; they are copied, cut to text_bytes. */
struct kd_carve_meta {
    struct kd_bytes filename;
    struct kd_bytes mime;     /* as declared */
    struct kd_bytes source;   /* web address, share and path, or mail */
    struct kd_bytes encoding; /* what the caller undoes: "gzip", "base64" */
    uint64_t size;            /* of the whole file as announced; 0: not known */
    uint64_t start;           /* place of the first byte in the file: a range, a resumed transfer */
    uint32_t tx_id;
    bool to_server;
    bool
        rewritable; /* bytes that come twice may differ (writes to a share); else the first count */
    bool all_hashes; /* whatever the limit file_hashes says */
    bool data_told;  /* the caller shows the content to the rules itself */
    struct kd_bytes rule_name; /* the path of its address, by which rules know what nobody named */
    const struct kd_rec_http *http; /* the web request it came with; NULL: none */
};

/* NULL when there is no memory. */
KD_MUST_USE struct kd_carve *kd_carve_begin(struct kd_ctx *ctx, const struct kd_carve_meta *meta);

/* The next bytes in order. */
void kd_carve_data(struct kd_carve *c, struct kd_bytes piece);

/* Bytes at their place in the file (counted from the file's begin, not from meta.start), in any
 * order: up to file_ahead_bytes wait for what lies before them, then the hole counts as a gap. */
void kd_carve_at(struct kd_carve *c, uint64_t offset, struct kd_bytes piece);

/* The next `n` bytes are missing and will not come. */
void kd_carve_gap(struct kd_carve *c, uint64_t n);

/* Known later than the beginning: a name (a rename, a header that came behind), the whole size. */
void kd_carve_name(struct kd_carve *c, struct kd_bytes filename);
void kd_carve_size(struct kd_carve *c, uint64_t size);

/* The exchange that carried it, coded (u8 type, kd_body_put()), for the record; copied. */
void kd_carve_transaction(struct kd_carve *c, struct kd_bytes coded);

/* The place in the file where kd_carve_data() goes on; how many bytes were seen. */
uint64_t kd_carve_next(const struct kd_carve *c);
uint64_t kd_carve_seen(const struct kd_carve *c);

/* Type by content as far as the bytes tell it; NULL: not known (yet). */
const char *kd_carve_type(const struct kd_carve *c);

/* The file is over; `whole` when the protocol said so at its right place.  Emits the record and
 * gives the memory back. */
void kd_carve_end(struct kd_ctx *ctx, struct kd_carve *c, bool whole);

/* What rules ask about a file that kd_carve_finish() was called for; before its record is told. */
void kd_carve_show(struct kd_ctx *ctx, struct kd_carve *c);

/* In two steps, for who needs the result as well: the record's body, valid until kd_carve_drop(),
 * which gives the memory back (without kd_carve_finish(): nothing is told).  NULL for NULL. */
KD_MUST_USE const struct kd_rec_file *kd_carve_finish(struct kd_carve *c, bool whole);
void kd_carve_drop(struct kd_carve *c);

#endif
