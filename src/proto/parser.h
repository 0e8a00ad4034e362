/* SPDX-License-Identifier: Apache-2.0 */
/* What a protocol parser is: one const descriptor, registered by one line in proto/meson.build.
 *
 * A parser sees whole messages only.  Over TCP, frame() says where the next message ends and feed.c does
 * the waiting, buffering and cutting; over UDP every datagram is a message.  A parser has three outcomes:
 * KD_OK, KD_MORE (frame only) and bad (anything else: the direction is given up, the flow goes on).
 * Oddities worth telling are anomalies, not errors.
 *
 * Memory: per-flow state is `state_bytes` of zeroed memory from the flow's arena; what lives shorter
 * (a pending request) belongs into an arena of its own from ctx->pool, given back in message()/close().
 * No malloc, no clock, no I/O.  Texts of a record are borrowed until kd_emit() returns. */
#ifndef KD_PROTO_PARSER_H
#define KD_PROTO_PARSER_H

#include "base/cursor.h"
#include "base/inspect.h"
#include "base/limits.h"
#include "base/pool.h"
#include "base/status.h"
#include "records.h"

enum kd_dir { KD_TO_SERVER = 0, KD_TO_CLIENT = 1 };

enum kd_over { KD_OVER_TCP = 1, KD_OVER_UDP = 2, KD_OVER_ARP = 4, KD_OVER_ND = 8, KD_OVER_ICMP = 16 };

/* Does this data begin a conversation of the protocol?  MORE: cannot say yet.  REVERSED: yes, but it was
 * sent by the server although it travels to_server (a capture that began midstream): the engine turns the
 * flow round before the parser sees anything. */
enum kd_probe { KD_PROBE_NO, KD_PROBE_MORE, KD_PROBE_YES, KD_PROBE_REVERSED };

/* Who talks.  Borrowed from the flow; constant during a call. */
struct kd_conn {
    struct kd_addr client, server;
    uint16_t client_port, server_port;
    uint16_t vlan, outer_vlan;
    uint8_t proto;
    bool midstream; /* the beginning was not seen */
    uint64_t flow_id;
    struct kd_mac client_mac, server_mac;
};

struct kd_ctx;
struct kd_parser;

enum { KD_EXPECT_CONTEXT = 640 };

/* A conversation that another one announced: the client at `client` will connect to `server`, `port`,
 * and `parser` shall read it, without a look at its content. */
struct kd_expect {
    const struct kd_parser *parser;
    struct kd_addr client, server;
    uint16_t port;
    struct kd_bytes context; /* for parser->expected(); at most KD_EXPECT_CONTEXT bytes, copied */
};

/* How far one side of a transaction has come.  At HEAD all is told but its content (a request's head is
 * complete, its body follows), at MORE so is a part of the content, at ALL nothing more will come.
 * Protocols without content say ALL only.  At ONE_FILE all is told about a file that this side carries
 * (carve.h says so); there may be more of them. */
enum kd_inspect_stage { KD_INSPECT_HEAD, KD_INSPECT_MORE, KD_INSPECT_ALL, KD_INSPECT_ONE_FILE };

/* Runs of bytes and numbers that some rule looks into, by direction. */
struct kd_wanted {
    uint64_t bytes[2][(KD_IN_COUNT + 63) / 64];
    uint64_t numbers[2][(KD_NUM_COUNT + 63) / 64];
    bool app[KD_APP_COUNT]; /* rules look at transactions of this protocol */
    bool store;             /* some rule may ask for a file to be kept */
    bool framed[KD_APP_COUNT]; /* rules look into frames of this protocol: all of them are told, to be numbered */
};

/* Where records go: the engine's encoder, or a test's text. */
struct kd_sink {
    void (*record)(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_rec_type type,
                   const void *body);
    bool steps; /* somebody reads JSON lines: tell what they alone have (KD_REC_…_STEP) */
    /* NULL: announcements are not heard (tests). */
    void (*expect)(struct kd_sink *sink, const struct kd_expect *x);
    /* The conversation goes over to another protocol (KD_APP_FAILED: nobody knows which).  NULL: nobody cares. */
    void (*goes_over)(struct kd_sink *sink, enum kd_app to);

    /* What rules look into.  NULL: there are no rules. */
    const struct kd_wanted *wanted;
    void (*inspect)(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_inspect id,
                    enum kd_dir dir, struct kd_bytes value);
    void (*number)(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_number id,
                   enum kd_dir dir, uint64_t value);
    void (*inspect_end)(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir,
                        enum kd_inspect_stage stage);
    /* Frames: the message or piece that the parser is about to be called with, at this place of the stream; what is
     * told of one (kd_tell_frame); bytes that were lost. */
    void (*span)(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, uint64_t at);
    void (*frame)(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_frame_kind kind, enum kd_dir dir,
                  const uint8_t *first, uint64_t length);
    void (*frame_end)(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_frame_kind kind, enum kd_dir dir,
                      const uint8_t *end);
    void (*frames_lost)(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir, uint64_t n, bool all);
    /* NULL: no rule asks for oddities. */
    void (*odd)(struct kd_sink *sink, const struct kd_ctx *ctx, const char *event);
};

/* Whose contents are taken beside their record (carve.h), and by whom. */
enum kd_contents_keep { KD_CONTENTS_NONE, KD_CONTENTS_RISKY, KD_CONTENTS_ALL };

/* How much a file may do harm: pictures and pages; text that goes to a server or comes by mail (it may be a program
 * there); programs, scripts, documents, archives. */
enum kd_contents_risk { KD_RISK_LITTLE, KD_RISK_SOME, KD_RISK_MUCH };

struct kd_contents {
    enum kd_contents_keep keep;
    size_t most;                 /* bytes of one file */
    size_t waiting, waiting_max; /* bytes held for files that are not over; kept by carve */
    bool some;                   /* with RISKY: also those of KD_RISK_SOME */
    uint64_t given_up;           /* wanted, but too large, or no memory */
    bool rules_ask;              /* a rule may ask for any file to be kept … */
    bool asked;                  /* … and one has asked for the one whose ONE_FILE was told last */
    /* A whole file (`asked`: by a rule).  False: it is not kept. */
    bool (*put)(struct kd_contents *to, const struct kd_conn *conn, uint64_t ts_us, enum kd_contents_risk risk, bool asked,
                struct kd_bytes sha256, struct kd_bytes content);
};

/* What a parser may use during one call. */
struct kd_ctx {
    const struct kd_limits *lim;
    struct kd_pool *pool;       /* for arenas and buffers of the parser's own */
    const struct kd_conn *conn;
    void *state;                /* state_bytes, zeroed at the flow's start */
    uint64_t now_us;            /* time of the packet that completed the message */
    uint64_t frame;             /* its number in the capture file; 0: live, or no packet */
    enum kd_app app;
    struct kd_sink *sink;
    struct kd_contents *contents; /* NULL: contents of files are not kept */
    bool inner;                 /* the stream is one within another protocol: it has no frames */
};

/* Emit a record of the conversation: the head is src = client, dst = server. */
static inline void kd_emit(const struct kd_ctx *ctx, enum kd_rec_type type, const void *body)
{
    ctx->sink->record(ctx->sink, ctx, type, body);
}

/* Announce a conversation.  It is forgotten when it has not begun within a minute, or when too many
 * others were announced since (engine/expect.c). */
static inline void kd_expect(const struct kd_ctx *ctx, const struct kd_expect *x)
{
    if (ctx->sink->expect != NULL)
        ctx->sink->expect(ctx->sink, x);
}

/* Another protocol takes over behind this one, which stays the conversation's in records. */
static inline void kd_goes_over(const struct kd_ctx *ctx, enum kd_app to)
{
    if (ctx->sink->goes_over != NULL)
        ctx->sink->goes_over(ctx->sink, to);
}

/* Do rules look at transactions of this conversation at all? */
static inline bool kd_wants_any(const struct kd_ctx *ctx)
{
    const struct kd_wanted *w = ctx->sink->wanted;
    return KD_UNLIKELY(w != NULL) && w->app[ctx->app];
}

/* Does a rule look into this?  Ask before making a value that is not at hand. */
static inline bool kd_wants(const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir)
{
    const struct kd_wanted *w = ctx->sink->wanted;
    return KD_UNLIKELY(w != NULL) && w->app[ctx->app] && (w->bytes[dir][id / 64] >> (id % 64) & 1) != 0;
}

static inline bool kd_wants_number(const struct kd_ctx *ctx, enum kd_number id, enum kd_dir dir)
{
    const struct kd_wanted *w = ctx->sink->wanted;
    return KD_UNLIKELY(w != NULL) && w->app[ctx->app] && (w->numbers[dir][id / 64] >> (id % 64) & 1) != 0;
}

/* Show a value of the present transaction's side to the rules.  It must stay where it is until
 * kd_inspect_end() or until the parser returns to its caller, whichever is first.  Pieces of one
 * content follow each other in calls of their own. */
static inline void kd_inspect(const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir,
                              struct kd_bytes value)
{
    if (kd_wants(ctx, id, dir))
        ctx->sink->inspect(ctx->sink, ctx, id, dir, value);
}

static inline void kd_inspect_number(const struct kd_ctx *ctx, enum kd_number id, enum kd_dir dir,
                                     uint64_t value)
{
    if (kd_wants_number(ctx, id, dir))
        ctx->sink->number(ctx->sink, ctx, id, dir, value);
}

/* This side of the present transaction has come so far: rules are judged that need no more. */
static inline void kd_inspect_end(const struct kd_ctx *ctx, enum kd_dir dir,
                                  enum kd_inspect_stage stage)
{
    if (kd_wants_any(ctx))
        ctx->sink->inspect_end(ctx->sink, ctx, dir, stage);
}

/* Do rules look into frames of this protocol? */
static inline bool kd_wants_frames(const struct kd_ctx *ctx)
{
    const struct kd_wanted *w = ctx->sink->wanted;
    return KD_UNLIKELY(w != NULL) && w->framed[ctx->app] && !ctx->inner;
}

/* A frame begins at `first`, within the message or piece the parser was called with, and is `length` bytes long
 * (frame.def); KD_FRAME_OPEN: until kd_end_frame().  It may go on behind what was seen so far.  What encloses is told
 * before what it holds. */
#define KD_FRAME_OPEN UINT64_MAX
static inline void kd_tell_frame(const struct kd_ctx *ctx, enum kd_frame_kind kind, enum kd_dir dir,
                                 const uint8_t *first, uint64_t length)
{
    if (kd_wants_frames(ctx) && length > 0)
        ctx->sink->frame(ctx->sink, ctx, kind, dir, first, length);
}

/* The open frame of this kind ends before `end`, in the message or piece at hand; NULL: with it. */
static inline void kd_end_frame(const struct kd_ctx *ctx, enum kd_frame_kind kind, enum kd_dir dir, const uint8_t *end)
{
    if (kd_wants_frames(ctx))
        ctx->sink->frame_end(ctx->sink, ctx, kind, dir, end);
}

/* The parser is about to be called with this, the bytes of its direction from `at` on. */
static inline void kd_frame_span(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, uint64_t at)
{
    if (kd_wants_frames(ctx))
        ctx->sink->span(ctx->sink, ctx, dir, in, at);
}

/* Show an oddity to the rules (app-layer-event), and nobody else: what is told once as a record may happen again. */
static inline void kd_odd(const struct kd_ctx *ctx, const char *event)
{
    if (KD_UNLIKELY(ctx->sink->odd != NULL))
        ctx->sink->odd(ctx->sink, ctx, event);
}

/* Note an oddity, in a record and to the rules, which know it as PROTOCOL.event; `event` is a static name (snake_case, listed in the parser's .md), `at` the offset in
 * the message. */
void kd_anomaly(const struct kd_ctx *ctx, const char *event, uint64_t at);

/* What frame() found at the start of the stream data it was shown. */
struct kd_frame {
    /* For KD_OK: length of the message, or of the body piece; at least 1.  For KD_MORE: show me at least
     * this many bytes; 0 when that is not known (a line without its end). */
    uint64_t len;
    /* Stream the next `len` bytes through body() as they come, without holding them (file data, HTTP
     * bodies, encrypted records).  UINT64_MAX: until the stream ends. */
    bool is_body;
};

struct kd_parser {
    const char *name;
    const char *summary; /* one line, for `kidoban version` and the documentation */
    enum kd_app app;
    unsigned over;             /* enum kd_over bits */
    const uint16_t *ports;     /* 0-terminated; a hint for the order of probing, never a proof */
    uint32_t max_message;      /* longest message held; longer ones end the direction */
    size_t state_bytes;

    /* Look at the first bytes in one direction.  Pure; may be called again with more of the same. */
    enum kd_probe (*probe)(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn);

    /* The conversation was announced with this context (kd_expect): called once, before anything else.
     * NULL: nothing to be told. */
    void (*expected)(struct kd_ctx *ctx, struct kd_bytes context);

    /* Where does the message at the start of `in` end?  `seen` bytes of it were shown before in a call
     * that answered KD_MORE (do not search them again).  Never reads beyond `in`.  May use ctx->state to
     * know what is expected, but must not emit. */
    enum kd_status (*frame)(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret);

    /* Exactly one whole message (for UDP: one datagram). */
    enum kd_status (*message)(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg);

    /* A piece of a body announced by frame(); `last` with its final piece (which may be empty). */
    enum kd_status (*body)(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last);

    /* `n` stream bytes were lost.  Within a body feed.c subtracts them and says so here; elsewhere it
     * asks resync().  NULL: the direction ends at the first loss outside a body. */
    void (*gap)(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n);

    /* After a loss: offset in `in` where a message may begin, or SIZE_MAX (nothing here, drop it). */
    size_t (*resync)(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in);

    /* The direction has ended within a message, of which this is there.  NULL: that is of no use. */
    void (*rest)(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in);

    /* The conversation is over (or given up): emit what waits, give memory back. */
    void (*close)(struct kd_ctx *ctx);

    /* What is known of the transaction under way in this direction, for a rule's match: a record borrowed until the
     * parser's next call, and its kind.  NULL: nothing, or the latest record told it already. */
    const void *(*present)(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type);

    /* Datagram parsers: called some ten seconds after the last packet while the flow lives, to give up
     * waiting for answers.  NULL: not needed. */
    void (*tick)(struct kd_ctx *ctx);

    /* Datagram parsers: does the state hold nothing that waits?  Then it is given back (without close()),
     * and made anew, zeroed, for the next datagram.  NULL: it is kept for the flow's life. */
    bool (*idle)(const void *state);
};

/* All parsers, NULL-terminated, in the order of proto/meson.build. */
extern const struct kd_parser *const kd_parsers[];

#endif
