/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the carver: what readers of container formats share.
 *
 * A reader walks over the file in steps: it says how many bytes to pass over and how many it wants
 * then, and is called with them.  look.c does the waiting and gathering, whatever pieces the bytes
 * come in; so a reader sees exact structures and holds no stream state of its own. */
#ifndef KD_PROTO_CARVE_LOOK_H
#define KD_PROTO_CARVE_LOOK_H

#include "base/cursor.h"
#include "base/limits.h"
#include "base/out.h"
#include "base/pool.h"
#include "records.h"

enum {
    LOOK_HELD = 2048,            /* most that is gathered for one step */
    LOOK_TEXT_BUDGET = 20 * 1024 /* names and other texts of one file in its record */
};

/* What was found; texts live in the file's arena. */
struct look_found {
    const char *magic; /* a better name of the type; NULL: as recognised */
    bool encrypted, macro;
    struct kd_file_member *members;
    uint32_t n_members, room_members;
    struct kd_bytes *links;
    uint32_t n_links, room_links;
    struct kd_bytes command, inner_name;
    uint32_t text_left;
};

struct look_step {
    uint64_t skip; /* pass over so many bytes */
    uint64_t want; /* then hand me so many; 0: I am done */
    bool any; /* as they come, in pieces of 1 to `want` bytes, instead of gathered (<= LOOK_HELD) */
};

struct look {
    const struct look_format *format;
    struct kd_arena *mem;
    const struct kd_limits *lim;
    struct look_found found;
    void *state; /* format->state_bytes, zeroed */
    struct look_step step;
    uint64_t at;   /* place in the file of the bytes handed to the reader */
    uint64_t next; /* place of the next byte to come */
    uint8_t *held;
    uint32_t n_held;
    size_t back; /* set by step(): so many bytes at the end of `got` (asked for with `any`) come
                    again */
    bool stopped;
};

/* One container format. */
struct look_format {
    const char *const *types; /* names of base/filetype.h, NULL-terminated */
    size_t state_bytes;
    /* The next step; `got` is what the last one wanted (empty in the first call). */
    struct look_step (*step)(struct look *l, struct kd_bytes got);
    /* The file is over.  `rest`: what was gathered of an unfinished step.  May be NULL. */
    void (*end)(struct look *l, struct kd_bytes rest);
};

static inline struct look_step look_done(void)
{
    return (struct look_step){0, 0, false};
}

static inline struct look_step look_want(uint64_t skip, uint64_t want)
{
    return (struct look_step){skip, want, false};
}

static inline struct look_step look_any(uint64_t skip, uint64_t most)
{
    return (struct look_step){skip, most, true};
}

/* Choose the reader for a type (NULL: none is known); false when there is none. */
bool look_start(struct look *l, struct kd_arena *mem, const struct kd_limits *lim,
                const char *type);

/* Bytes in order.  After a gap a reader is not called any more. */
void look_add(struct look *l, struct kd_bytes piece);
void look_gap(struct look *l);
void look_end(struct look *l);

/* Results.  Names: foreign bytes are guessed and become UTF-8 unless `utf8`. */
struct kd_file_member *look_member(struct look *l, struct kd_bytes name, bool utf8, uint64_t bytes,
                                   bool encrypted);
void look_link(struct look *l, struct kd_bytes text);
struct kd_bytes look_text(struct look *l, struct kd_bytes text, bool utf8, size_t max);

/* UTF-16 without its byte order known: `big` says which. */
struct kd_bytes look_text_utf16(struct look *l, struct kd_bytes text, bool big, size_t max);

/* The first place in `b` of a mark of `n` bytes, given the bytes of it that ended the piece before
 * (*matched, in and out).  Returns the number of bytes up to and with the mark, or SIZE_MAX.  Right
 * for marks whose first byte does not come again in them. */
size_t look_find(struct kd_bytes b, struct kd_bytes mark, uint8_t *matched);

extern const struct look_format *const look_formats[];
extern const struct look_format look_cab, look_gzip, look_iso, look_lnk, look_ole, look_onenote,
    look_pdf, look_rar, look_rtf, look_sevenzip, look_tar, look_tnef, look_url, look_zip;

#endif
