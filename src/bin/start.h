/* SPDX-License-Identifier: Apache-2.0 */
/* What the parent and a role say to each other on descriptor 3.  Every message begins with a byte
 * that says what it is; a role believes its parent, the parent believes no role. */
#ifndef KD_BIN_START_H
#define KD_BIN_START_H

#include "base/addr.h"
#include "base/cursor.h"
#include "base/limits.h"
#include "config/config.h"
#include "os/process.h"

enum kd_order {
    /* parent to role */
    KD_ORDER_START = 1, /* struct kd_start */
    KD_ORDER_STOP,      /* take what waits, then end */
    KD_ORDER_FILE,      /* a capture file: u32 number from 1, name; one descriptor */
    KD_ORDER_NO_MORE,   /* no further file */
    KD_ORDER_LIST,      /* to lists: u8 last file of its list, spec, text of the file's name; the file, if it opened */
    KD_ORDER_LISTS,     /* to brain and store: u64 bit of each list of the first layer that no longer counts; one or
                           two layers as descriptors */
    KD_ORDER_RULES,     /* to an engine: a set of rules (rule/image.h) to go over to; its descriptor */
    KD_ORDER_INPUT,     /* to compile: u8 enum kd_rule_input_kind, name; the file's descriptor */
    KD_ORDER_LINE,      /* to gate or fetch: u8 enum kd_dialled, text of the system; a socket with KD_DIALLED */
    KD_ORDER_FETCH,     /* to fetch: bin/fetch_order.h */
    /* role to parent */
    KD_ORDER_READY,  /* in the sandbox and at work */
    KD_ORDER_NEXT,   /* u32 files done, u64 frames read of the last one, text why it ended early */
    KD_ORDER_FAILED, /* text: why it cannot start */
    KD_ORDER_PASSWORD, /* text: the first password of the page, made just now */
    KD_ORDER_PROBLEM,  /* text: something to be told on the terminal, once */
    KD_ORDER_DIAL,     /* of gate: a connection to its server, please; of fetch: to u16 port, name */
    KD_ORDER_DIALLED,  /* of dial: as KD_ORDER_LINE */
    KD_ORDER_BUILT,    /* of lists: u64 bytes of the index */
    KD_ORDER_TAKEN,    /* of an engine: u8 is the set of KD_ORDER_RULES in force?, text why not */
    KD_ORDER_COMPILED, /* of compile: u8 is it what was there before?, 4 × u32 struct kd_rule_counts */
    KD_ORDER_CHANNEL,  /* of gate: wire/notice.h channel message, for `kidoban status` */
    KD_ORDER_PROGRESS, /* of fetch: u64 bytes so far, u64 of all; 0: unknown */
    KD_ORDER_FETCHED,  /* of fetch: bin/fetch_order.h */
    KD_ORDER_UPDATED   /* of update: u8 are lists of objects new?, u8 are rules? */
};

enum kd_dialled { KD_DIALLED, KD_DIALLED_NO_NAME, KD_DIALLED_NO_ANSWER, KD_DIALLED_NOT_MEANT };

/* What a descriptor from KD_FD_EXTRA on is. */
enum kd_extra {
    KD_EXTRA_PROGRESS, /* struct kd_progress */
    KD_EXTRA_RING,     /* capture socket; name: interface, number: link type */
    KD_EXTRA_DIRECTORY,
    KD_EXTRA_JSON, /* where JSON lines go; number: their times' offset from UTC, signed seconds */
    KD_EXTRA_KNOWN_BAD,
    KD_EXTRA_EXCEPTIONS,
    KD_EXTRA_LISTENER,
    KD_EXTRA_CERTIFICATE,
    KD_EXTRA_KEY,
    KD_EXTRA_PASSWORD, /* of the mail server */
    KD_EXTRA_AUTHORITIES, /* certificates that are believed */
    KD_EXTRA_GATE, /* store: its end of the edge to gate */
    KD_EXTRA_BOARD, /* struct kd_board: what people decided, from store to brain */
    KD_EXTRA_STATE, /* what brain has learned: a file to map */
    KD_EXTRA_KEEP,  /* the engine's packet ring: a file of whole segments */
    KD_EXTRA_FILES, /* the same for contents of files */
    KD_EXTRA_INDEX, /* of lists: memory the index is made in; number: its MiB */
    KD_EXTRA_YARA,  /* files of YARA rules in one piece (box/bundle.h) */
    KD_EXTRA_TRAY,  /* struct kd_tray; number: of its engine */
    KD_EXTRA_RULES, /* a set of rules (rule/image.h); compile: the one made before */
    KD_EXTRA_HITS, /* engine: struct kd_rule_hits, a file to be mapped */
    KD_EXTRA_RULES_ROOM, /* compile: a file of as many bytes as the new one may have, to be mapped */
    KD_EXTRA_FETCHED, /* fetch: a file of as many bytes as the fetched one may have, to be mapped; number: its MiB */
    KD_EXTRA_KINDS
};

enum { KD_EXTRAS_MAX = 68, KD_START_NAME_MAX = 128 };

struct kd_start_extra {
    uint8_t kind;
    uint32_t number;
    char name[KD_START_NAME_MAX];
};

/* Where to connect to (dial). */
struct kd_start_dial {
    char host[256];
    uint16_t port;
};

/* How notices leave (gate), from where on they are kept (store). */
struct kd_start_mail {
    char server[256], helo[128], user[256], from[256], url[320];
    char to[KD_CONFIG_ITEMS_MAX][KD_CONFIG_ITEM_MAX];
    uint32_t n_to; /* 0: there are no notices */
    uint16_t port;
    uint8_t tls;               /* enum kd_smtp_tls */
    uint8_t severity;          /* from this on */
    bool ja, en;
    uint64_t quiet_us, alarm_us;
};

/* A role's whole configuration. */
struct kd_start {
    uint8_t role;
    uint8_t number, n_engines; /* engines */
    bool live;                 /* from interfaces; else from capture files */
    bool realtime;             /* files at the pace they were recorded */
    bool shift;                /* … and as if it were now */
    bool reduced;              /* sandbox */
    uint32_t uid, gid;
    uint64_t seed, id_base;
    int32_t zone_s;
    uint32_t ring_bytes;
    uint64_t keep_flow_bytes; /* engine: of one conversation, into the packet ring */
    bool steps;               /* engine: JSON lines are written */
    uint8_t files_keep;       /* engine: enum kd_contents_keep */
    uint64_t files_most;      /* … bytes of one file */
    uint8_t scan;             /* engine: the same for box */
    uint64_t memory_bytes;                      /* brain */
    uint64_t keep_days, keep_bytes, free_bytes; /* store */
    struct kd_limits limits;
    struct kd_start_mail mail;
    struct kd_start_dial dial;
    size_t n_inside;
    struct kd_net inside[KD_CONFIG_ITEMS_MAX];
    struct kd_bytes tunables; /* brain: of detectors; compile: rules.vars; update: its configuration
                                  and directory, each terminated.  Borrowed: from the message when read */
    struct kd_bytes site;     /* the network plan (base/site.h); borrowed likewise */
    size_t n_extras;
    struct kd_start_extra extra[KD_EXTRAS_MAX];
};

enum { KD_START_BYTES_MAX = 60 * 1024 };

void kd_start_put(struct kd_out *o, const struct kd_start *s); /* with its first byte */
KD_MUST_USE enum kd_status kd_start_read(struct kd_bytes message, struct kd_start *ret);

/* Descriptor of the first extra of this kind, or -1. */
uint32_t kd_start_number(const struct kd_start *s, enum kd_extra kind); /* of the extra; 0: there is none */
int kd_start_fd(const struct kd_start *s, enum kd_extra kind);

#endif
