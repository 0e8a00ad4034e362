/* SPDX-License-Identifier: Apache-2.0 */
/* Sightings: per day of the site, indicator and host, how often and when they met.  They answer
 * "has anybody met this in the last year" without looking into the evidence.
 *
 * An indicator is something a list of known-bad things names: an address outside, a name, a
 * fingerprint, a digest, a sender.  Names are kept whole, not as registered domains (which needs
 * the Public Suffix List, and hides the one bad name of a shared host), but with their labels
 * turned round, so that asking for a domain also finds the names under it. */
#ifndef KD_STORE_SIGHTING_H
#define KD_STORE_SIGHTING_H

#include "store/jw.h"
#include "store/meta.h"
#include "wire/record.h"

/* Stored numbers: append only. */
enum kd_sighting_kind {
    KD_SIGHT_ANY,
    KD_SIGHT_IP,   /* address outside, from flows */
    KD_SIGHT_DNS,  /* name asked for */
    KD_SIGHT_HTTP, /* Host of a request */
    KD_SIGHT_SNI,  /* TLS server name */
    KD_SIGHT_JA3,
    KD_SIGHT_JA4,
    KD_SIGHT_CERT, /* fingerprint of a certificate, SHA-1 or SHA-256 */
    KD_SIGHT_HASH, /* of a file, an attachment or a body: MD5, SHA-1 or SHA-256 */
    KD_SIGHT_MAIL, /* sender's mail address */
    KD_SIGHT_KINDS
};
enum { KD_SIGHT_KEY_MAX = 255 };

const char *kd_sighting_name(enum kd_sighting_kind kind); /* "ip", "dns" …; "any" */
KD_MUST_USE bool kd_sighting_kind_of(struct kd_bytes name, enum kd_sighting_kind *ret);

/* A value as it is stored: one spelling for each thing.  False when it cannot be one of this kind
 * (empty, too long, no address). */
KD_MUST_USE bool kd_sighting_key(enum kd_sighting_kind kind, struct kd_bytes text,
                                 struct kd_out *o);
/* And back to text for people. */
void kd_sighting_text(enum kd_sighting_kind kind, struct kd_bytes key, struct kd_out *o);

struct kd_sighting {
    uint32_t day; /* 20261122 */
    enum kd_sighting_kind kind;
    struct kd_bytes value; /* text; a name under the one asked for, perhaps */
    struct kd_addr host;
    uint64_t first_us, last_us, count, bytes;
};

struct kd_sighting_ask {
    const char *dir_path;
    struct kd_clock clock;
    int zone_s;
    enum kd_sighting_kind kind;
    struct kd_bytes value;
    uint64_t from_us, to_us; /* whole days of the site that they touch */
    uint64_t limit;
    uint64_t deadline_us;       /* 0: none */
    const _Atomic bool *cancel; /* may be NULL */
};

struct kd_sighting_sum {
    bool truncated;       /* there are more than `limit` */
    uint64_t left_out;    /* meetings of these days that found no room in the table: the answer may
                             lack some */
    uint64_t counted_seq; /* the last block that is counted */
};

/* Newest day first.  `row` may stop by returning false; texts are borrowed until it returns.
 * KD_OK without rows when nothing was counted yet. */
KD_MUST_USE enum kd_status kd_sightings_find(const struct kd_sighting_ask *ask,
                                             bool (*row)(void *arg, const struct kd_sighting *s),
                                             void *arg, struct kd_sighting_sum *ret,
                                             struct kd_err *err);

/* Each indicator of each day, newest day first, as text; `row` may stop.  Of `ask` the place, the deadline and the
 * cancelling are used. */
KD_MUST_USE enum kd_status kd_sightings_each(const struct kd_sighting_ask *ask,
                                             bool (*row)(void *arg, enum kd_sighting_kind kind, struct kd_bytes text),
                                             void *arg, struct kd_err *err);

/* {day,kind,value,host,first,last,count,bytes} */
void kd_sighting_json(struct kd_jw *w, const struct kd_sighting *s);

#endif
