/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the HTTP/1.x parser.  http.c cuts the stream and keeps the state, head.c reads start
 * lines and fields, auth.c credentials, hint.c code in requests, tx.c pairs requests with responses
 * and emits records; content.c, form.c and page.c read bodies.
 *
 * Each line of a head is a message of its own: nothing but one line is ever held, and a head of any
 * length keeps its framing. */
#ifndef KD_PROTO_HTTP_HTTP_H
#define KD_PROTO_HTTP_HTTP_H

#include "base/hasher.h"
#include "proto/http/content.h"
#include "proto/credential/credential.h"
#include "proto/parser.h"
#include "proto/tunnel.h"

enum { HTTP_EXTENSIONS = 160 };

enum http_phase {
    HTTP_START,      /* a start line is due (empty lines before it are skipped) */
    HTTP_FIELDS,     /* header fields */
    HTTP_BODY,       /* `left` bytes; UINT64_MAX until the stream ends */
    HTTP_CHUNK_SIZE, /* size line, or the line end behind a chunk */
    HTTP_CHUNK,      /* `left` bytes of a chunk */
    HTTP_TRAILER,    /* fields behind the last chunk */
    HTTP_CONNECT,    /* CONNECT was sent, its answer is not known yet */
    HTTP_TUNNEL,     /* opaque to the end */
    HTTP_LOST        /* skipping lines up to one that looks like a start line */
};

/* Oddities, each told once per conversation.  Names in http.c. */
enum http_event {
    HTTP_EV_REQUEST_LINE,
    HTTP_EV_STATUS_LINE,
    HTTP_EV_LINE_TOO_LONG,
    HTTP_EV_COLON,
    HTTP_EV_FIELD,
    HTTP_EV_TOO_MANY_FIELDS,
    HTTP_EV_HEAD_TOO_LONG,
    HTTP_EV_LENGTH_BAD,
    HTTP_EV_LENGTH_DUPLICATE,
    HTTP_EV_LENGTH_AND_CHUNKED,
    HTTP_EV_CODING_UNKNOWN,
    HTTP_EV_CHUNK_SIZE,
    HTTP_EV_CHUNK_END,
    HTTP_EV_HOST_MISSING,
    HTTP_EV_HOST_DUPLICATE,
    HTTP_EV_HOST_MISMATCH,
    HTTP_EV_VERSION,
    HTTP_EV_URI_SPACE,
    HTTP_EV_RESPONSE_ALONE,
    HTTP_EV_TOO_MANY_PENDING,
    HTTP_EV_CODING_BROKEN,
    HTTP_EV_CODING_BOMB,
    HTTP_EV_RECORDED, /* those from here on are told to rules only: ordinary enough */
    HTTP_EV_LENGTH_TWICE = HTTP_EV_RECORDED,
    HTTP_EV_AUTH,
    HTTP_EV_CHUNK_EXTENSION,
    HTTP_EV_CODINGS,
    HTTP_EV_CODING_NAME,
    HTTP_EVENTS
};

enum http_auth {
    HTTP_AUTH_NONE,
    HTTP_AUTH_BASIC,
    HTTP_AUTH_DIGEST,
    HTTP_AUTH_WINDOWS, /* NTLM or Kerberos */
    HTTP_AUTH_OTHER
};

enum { HTTP_HEAD_BYTES = 64, HTTP_USER_MAX = 256, HTTP_NAMES_BYTES = 192 };

/* A request and its response, in an arena of its own. */
struct http_tx {
    struct http_tx *next;
    struct kd_arena mem;
    struct kd_rec_http rec; /* texts in `mem` */
    uint64_t request_us;
    uint32_t text_left[2]; /* bytes of text each side may still keep */
    bool has_request, has_response;
    bool request_done, response_done;
    bool lost[2]; /* body bytes of that side are missing */
    uint8_t head_n[2];
    uint8_t names_n; /* of `names` in use */
    bool is_head, is_connect;
    bool host_in_target;
    uint8_t auth; /* enum http_auth */
    bool auth_proxy;
    struct kd_bytes auth_user;
    struct kd_credential *credential; /* NTLM's or Kerberos' names; NULL without */
    uint8_t head[2][HTTP_HEAD_BYTES];
    struct http_content content[2];
    bool secret; /* the request's body holds a password: its first bytes are not told */
    struct http_range range;
    struct kd_bytes request_filename;
    uint8_t validator[8];            /* hash of ETag or Last-Modified */
    struct http_codings codings[2];
    uint8_t names[HTTP_NAMES_BYTES]; /* of the request's fields */
    struct kd_sha256 sha;
    uint8_t digest[KD_SHA256_BYTES];
    uint8_t *hint; /* hint.c: what is being captured of the request's body */
    uint16_t hint_n;
    uint8_t hint_before; /* the body's last byte */
};

/* The field before, where a line without a name may go on with it. */
enum http_last { HTTP_LAST_OTHER, HTTP_LAST_TRANSFER, HTTP_LAST_CONTENT };

/* What a 101 may go over to. */
enum http_upgrade { HTTP_UPGRADE_OTHER, HTTP_UPGRADE_H2C, HTTP_UPGRADE_WEBSOCKET };

/* What the fields of the head being read say about framing. */
struct http_framing {
    uint64_t length;
    bool has_length, bad_length;
    bool chunked, coded; /* chunked: the body's first line decides whether it really is */
    bool has_host, closes;
    uint8_t upgrade; /* enum http_upgrade, of an answer */
    uint8_t last; /* enum http_last */
};

/* One direction. */
struct http_side {
    uint64_t left;      /* body bytes to come */
    struct http_tx *tx; /* whose message is read; NULL: not recorded */
    struct http_framing framing;
    uint64_t head_bytes; /* of the head so far */
    uint32_t fields;
    uint16_t status; /* of the response being read */
    uint8_t phase;   /* enum http_phase */
    bool skip_line;  /* within a line that is not looked at */
    bool streaming;  /* feed.c is within a body frame */
    bool chunk_end_due;
    bool chunk_first; /* no chunk was seen yet */
    bool blank_goes_on, blank_seen; /* a line of blanks: the head goes on behind it; it was waited behind one */
    bool was_lost; /* bytes were lost since the last start line */
};

/* Where HTTP/2 cuts the messages (proto/http2): a body ends when it says so. */
struct http_framed {
    bool on;
    bool ends; /* the head that comes now has no body */
    struct kd_http2 is;
    struct kd_http2_side side[2];
    struct kd_figure priority[2];
};

struct http_state {
    struct http_side side[2];
    struct http_framed framed;
    struct http_tx *first, *last; /* oldest, newest */
    uint32_t n_tx;
    uint32_t next_id;
    uint32_t orphans; /* requests given up whose responses may still come */
    uint32_t told;    /* bits of enum http_event */
    uint8_t extensions_n;
    uint8_t extensions[HTTP_EXTENSIONS]; /* agreed on for WebSocket */
    size_t mem;       /* bytes of all arenas */
    bool tunnel;
    bool connects; /* the tunnel was asked for by CONNECT */
    bool answered; /* something came from the server */
    struct kd_tunnel carried;
    bool carried_itself; /* this is HTTP within HTTP */
    struct kd_inner upgraded; /* what a 101 went over to */
    struct http_ranges ranges;
    uint64_t login_key; /* the last successful logon that was told */
    struct kd_buf tap[2]; /* heads as sent, for rules */
    uint8_t *challenge; /* NTLM's latest, of the server; NULL: none */
    size_t challenge_n, challenge_size;
};

void http_event(struct kd_ctx *ctx, enum kd_dir dir, enum http_event event, uint64_t at);

/* head.c: one line without its end; the line's place in the head is side->head_bytes.  False: this
 * is no start line. */
bool http_request_line(struct kd_ctx *ctx, struct kd_bytes line);
bool http_status_line(struct kd_ctx *ctx, struct kd_bytes line);
/* A body came where a status line was due (HTTP/0.9, or a broken server): its transaction begins. */
void http_headless(struct kd_ctx *ctx);
void http_field_line(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes line);

/* Is this the beginning of a request or status line?  MORE: too short to say. */
enum kd_probe http_looks_like_request(struct kd_bytes in);
enum kd_probe http_looks_like_response(struct kd_bytes in);

/* May this be a status line, however broken? */
enum kd_probe http_may_be_response(struct kd_bytes in);

/* Up to a CR that stands alone where browsers take it for a line end: SIZE_MAX: none. */
size_t http_bare_cr(struct kd_bytes line);

/* chunk.c: is this the first line of a chunked body?  Its size; false: the line has none. */
enum kd_probe http_chunk_begins(struct kd_bytes in);
bool http_chunk_size(struct kd_bytes line, uint64_t *ret, bool *ret_odd);

/* upgrade.c: fields of an answer that goes over to another protocol, which then reads all that follows. */
void http_upgrade_field(struct kd_ctx *ctx, struct kd_bytes name, struct kd_bytes value);
void http_upgrade(struct kd_ctx *ctx);
void http_upgrade_data(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece);
void http_upgrade_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n);
void http_upgrade_end(struct kd_ctx *ctx);

/* auth.c: an Authorization or Proxy-Authorization field; the logon, told with its transaction. */
void http_auth_field(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes value, bool proxy);
void http_auth_emit(struct kd_ctx *ctx, const struct http_tx *tx);
void http_auth_challenge(struct kd_ctx *ctx, struct kd_bytes value);
void http_auth_close(struct kd_ctx *ctx);

/* hint.c: keeps a request field, or a part of the body, that holds code for an interpreter. */
void http_hint_field(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes name,
                     struct kd_bytes value);
void http_hint_body(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes piece);
void http_hint_end(struct kd_ctx *ctx, struct http_tx *tx);

/* tap.c: what rules look into.  A line of a head with its end (`first`: the start line); the head is complete
 * and told to the rules, from memory that http_tap_free() gives back once they were asked; a piece of a body,
 * decoded; the end of the conversation. */
struct http_tap_room {
    void *block;
    size_t size;
};
void http_tap_line(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg, bool first);
void http_tap_head(struct kd_ctx *ctx, enum kd_dir dir, struct http_tap_room *ret_room);
void http_tap_free(struct kd_ctx *ctx, struct http_tap_room *room);
void http_tap_body(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece);
void http_tap_done(struct kd_ctx *ctx);

/* What is told of one side of a stream, from now on part of the record. */
static inline struct kd_http2_side *http_framed_side(struct http_state *st, enum kd_dir dir)
{
    struct http_framed *f = &st->framed;
    *(dir == KD_TO_SERVER ? &f->is.request : &f->is.response) = (struct kd_list){&f->side[dir], 1};
    return &f->side[dir];
}

/* tx.c.  A new transaction, or NULL for lack of memory. */
struct http_tx *http_tx_new(struct kd_ctx *ctx, bool for_request);

/* The transaction the next response belongs to. */
struct http_tx *http_tx_for_response(struct kd_ctx *ctx);

/* Zeroed memory that lives as long as the transaction, or NULL. */
KD_MUST_USE void *http_tx_alloc(struct kd_ctx *ctx, struct http_tx *tx, size_t n);

/* Copy a text into the transaction, cut to what limits allow. */
struct kd_bytes http_tx_keep(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir,
                             struct kd_bytes text);

void http_tx_body(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, struct kd_bytes piece);
void http_tx_body_lost(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, uint64_t n);

/* The message of one side is over (`whole`: with all of its body); emits when both are. */
void http_tx_end(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, bool whole);

/* Emit and forget everything that waits. */
void http_tx_close(struct kd_ctx *ctx);

#endif
