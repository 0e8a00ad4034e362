/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the HTTP/2 parser (RFC 9113).  http2.c cuts the connection into frames, hpack.c undoes the compression
 * of heads (RFC 7541, by libnghttp2), stream.c turns each stream into an exchange that the HTTP/1 parser reads: what
 * it tells, carves and shows to the rules is the same for both. */
#ifndef KD_PROTO_HTTP2_HTTP2_H
#define KD_PROTO_HTTP2_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "proto/http/http.h"

enum { H2_HEADER = 9, H2_BLOCK_MAX = 64 * 1024, H2_HEAD_MAX = 128 * 1024, H2_TABLE_MAX = 64 * 1024 };

enum h2_type {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION
};

enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4, H2_PADDED = 8, H2_HAS_PRIORITY = 32 };

struct h2_frame {
    uint32_t length; /* of the payload */
    uint8_t type, flags;
    uint32_t stream;
};

/* Memory of a decompressor: from the flow's pool, bounded. */
struct h2_memory {
    struct kd_pool *pool;
    size_t used;
    nghttp2_mem mem;
};

/* A head, decompressed: the request or status line's parts, and the fields as lines. */
struct h2_head {
    struct kd_buf method, path, scheme, authority, status, fields;
    uint32_t n_fields;
    bool cut;
};

struct h2_stream {
    struct h2_stream *next;
    size_t size; /* of this block */
    uint32_t id;
    bool ended[2], head_seen[2];
    struct http_state http;
};

struct h2_side {
    bool begun;   /* SETTINGS or the client's magic were seen */
    bool blind;   /* the compression's state is lost: heads are not read */
    bool end;     /* the DATA frame that goes by ends its stream */
    uint32_t stream;    /* of the DATA frame that goes by */
    uint64_t data, pad; /* bytes of it to come */
    uint64_t skip;      /* of a frame nobody reads */
    struct kd_buf block;   /* header block, in parts */
    uint32_t block_stream, promised;
    uint8_t block_flags;
    struct h2_memory memory;
    nghttp2_hd_inflater *inflater;
    uint32_t shown; /* stream whose values rules were shown last; 0 the connection's */
};

struct h2_state {
    struct h2_side side[2];
    struct h2_stream *first; /* newest */
    uint32_t n_streams, next_id;
    uint32_t told; /* oddities told, by bit */
};

enum h2_event { H2_EV_HEAD_BROKEN, H2_EV_HEAD_TOO_LONG, H2_EV_FRAME_BROKEN, H2_EV_TOO_MANY_STREAMS };

void h2_event(struct kd_ctx *ctx, enum h2_event event);

/* hpack.c: a whole header block of one side.  KD_LIMIT: no memory; KD_MALFORMED: the state is lost. */
enum kd_status h2_inflate(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes block, struct h2_head *ret);
void h2_head_done(const struct kd_ctx *ctx, struct h2_head *head);
void h2_table_size(struct kd_ctx *ctx, enum kd_dir dir, uint32_t bytes);
void h2_inflate_end(struct h2_side *side);

/* stream.c */
void h2_head(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, struct h2_head *head, bool end);
void h2_data(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, struct kd_bytes piece);
void h2_lost(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, uint64_t n);
void h2_end(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir);
void h2_error(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, uint32_t code);
void h2_priority(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, uint8_t weight);
void h2_settings(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes payload);

/* From now on values shown to rules belong to this stream. */
void h2_focus(struct kd_ctx *ctx, enum kd_dir dir, uint32_t id);
void h2_close_all(struct kd_ctx *ctx);

/* For kd_parser.present: the exchange whose values were shown last. */
const void *h2_present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type);

#endif
