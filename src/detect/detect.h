/* SPDX-License-Identifier: Apache-2.0 */
/* Behaviour detectors: records in, findings out.
 *
 * A detector is one folder, one const descriptor, one line in detect/meson.build.  It declares which
 * records it wants and how much state it keeps per key; the framework owns keys, memory, time and
 * eviction (least recently used first, O(1)), so a detector is a function of what it is given: no malloc,
 * clock, I/O or globals.  Time is the time of the records.
 *
 * What a finding says to people (title, why, what to do, in both languages, phase, techniques, severity)
 * stands once in schema/detections/<area>.toml; from it comes the table of struct kd_finding_kind.  Texts
 * hold {placeholders} that are filled with the finding's facts. */
#ifndef KD_DETECT_DETECT_H
#define KD_DETECT_DETECT_H

#include "base/clock.h"
#include "base/limits.h"
#include "base/severity.h"
#include "base/site.h"
#include "base/snap.h"
#include "wire/record.h"

/* One record, decoded.  `body` is the struct of head->type (struct kd_rec_dns …). */
struct kd_record {
    const struct kd_rec_head *head;
    const void *body;
};

/* A row of the generated catalogue. */
struct kd_finding_kind {
    const char *id;               /* KD-CR-0001 */
    uint64_t number;              /* alert.signature_id, 9,000,000 and up */
    unsigned rev;
    const char *method;           /* behaviour, intel … */
    const char *phase;            /* lateral_movement … */
    const char *const *technique; /* ATT&CK ids, NULL-terminated */
    enum kd_severity severity;
    uint8_t confidence;           /* per cent */
    bool off;                     /* not told unless switched on (tunable findings.<id>=1) */
    const char *phase_en, *phase_ja; /* the phase in words */
    const char *name_en, *name_ja;   /* without facts: what kind of thing this is */
    const char *title_en, *title_ja, *why_en, *why_ja, *do_en, *do_ja;
};

/* The generated catalogue; kinds are named by the detector as &kd_finding_<id with _>. */
extern const struct kd_finding_kind *const kd_finding_kinds[]; /* NULL-terminated */

/* A fact for the texts: {name} becomes value.  Borrowed until kd_find() returns. */
struct kd_fact {
    const char *name;
    struct kd_bytes value;
};

enum { KD_FACTS_MAX = 24, KD_EVIDENCE_MAX = 32 };

struct kd_finding {
    const struct kd_finding_kind *kind;
    struct kd_addr host;       /* the machine the reader should care about */
    struct kd_addr peer;       /* the other one; may be none */
    struct kd_bytes user;      /* may be empty */
    struct kd_bytes fold;      /* repeats with the same kind, host and fold become one; may be empty */
    int severity;              /* -1: the kind's own */
    int confidence;            /* -1: the kind's own */
    const struct kd_fact *facts;
    size_t n_facts;
    const uint64_t *record_ids; /* evidence, newest last */
    size_t n_record_ids;
    uint64_t first_us, last_us;
    uint64_t count;            /* how often so far, as the detector counts; 0: once more */
    const char *const *technique; /* instead of the kind's own, when there are any */
    size_t n_techniques;
    uint64_t object;           /* number of the listed object it is about; 0: none */
};

/* What the framework lends a detector during one call. */
struct kd_detect;

/* State for a key (any bytes, up to 256): zeroed when new (*ret_new, may be NULL, is then true).  NULL
 * only for lack of memory.  Using it makes it recent.  At most four are held at once; not for use in
 * `leave` and `tick`. */
KD_MUST_USE void *kd_detect_state(struct kd_detect *d, struct kd_bytes key, bool *ret_new);

/* The same key if it has state; NULL otherwise.  Does not create. */
KD_MUST_USE void *kd_detect_peek(struct kd_detect *d, struct kd_bytes key);

/* Forget a key. */
void kd_detect_forget(struct kd_detect *d, struct kd_bytes key);

/* Report.  Folding, exceptions, host names and texts are the framework's work. */
void kd_find(struct kd_detect *d, const struct kd_finding *f);

/* The record being looked at: its head fields are defaults for evidence. */
uint64_t kd_detect_now_us(const struct kd_detect *d); /* latest record time */
bool kd_detect_is_inside(const struct kd_detect *d, const struct kd_addr *a);  /* the site's own nets */

/* Longest part of a name that is registered as one (example.co.jp of www.example.co.jp), by its shape; the
 * whole name when it has only one label.  A view into `name`. */
struct kd_bytes kd_detect_zone(struct kd_bytes name);

/* Tunable of this detector by its name (see struct kd_tunable). */
double kd_detect_tunable(const struct kd_detect *d, const char *name);

/* Host table: what is known about an address. */
struct kd_host_view {
    struct kd_bytes name, user, os, role, zone;
    struct kd_mac mac;
    uint64_t first_us, last_us;
    unsigned severity; /* 0 to 10 */
    bool dc;           /* a domain controller, whatever else it is */
    bool files;        /* gives out file shares */
    bool domain_name;  /* the name is one it logs on with (NTLM, Kerberos, NetBIOS) */
    unsigned roles;    /* enum kd_duty: all it was seen to serve as */
};
bool kd_detect_routes(const struct kd_detect *d, const struct kd_mac *mac); /* a router's link address? */
bool kd_detect_host(const struct kd_detect *d, const struct kd_addr *a, struct kd_host_view *ret);

/* The network plan; without zones when none was written. */
const struct kd_site *kd_detect_site(const struct kd_detect *d);
uint8_t kd_detect_zone_of(const struct kd_detect *d, const struct kd_addr *a); /* or KD_ZONE_OUTSIDE, _UNLISTED */

/* What is known of a listed object.  Texts are valid until the detector returns. */
struct kd_listed {
    struct kd_bytes note; /* the list's remark; may be empty */
    struct kd_bytes list; /* the list's name; empty: the site's own */
    uint64_t number;      /* of an object that people added; 0: of a list */
    int severity;         /* what its list may make of it at most; -1: the list does not say */
    uint8_t confidence;   /* per cent */
};

/* Is one of the listed objects?  Kinds: ip, domain (and those above it), sha256, sha1, md5, ja3, ja4, url, cert, mail.
 * An ip is the 16 bytes of a struct kd_addr, a file's sum its bytes, the others text (object/kind.h). */
bool kd_detect_listed(const struct kd_detect *d, const char *kind, struct kd_bytes value, struct kd_listed *ret);

struct kd_tunable {
    const char *name; /* configuration key detectors.<detector>.<name> */
    double value, least, most;
    const char *unit, *en, *ja;
};

struct kd_detector {
    const char *name;
    const char *summary_en, *summary_ja;
    uint64_t wants;               /* bits 1 << enum kd_rec_type */
    size_t key_state_bytes;       /* one size for all its keys */
    uint32_t max_keys;            /* default; evicts the least recently used beyond it */
    uint64_t idle_us;             /* forget a key not used for this long; 0: never */
    const struct kd_tunable *tunables; /* ends with a NULL name */

    void (*record)(struct kd_detect *d, const struct kd_record *r);

    /* The parts of a key's state, in order (base/snap.h), for a state that outlives the process; `state` is zeroed
     * before it is loaded.  Another order or meaning needs another version.  NULL: the detector begins anew. */
    void (*snap)(struct kd_snap *s, struct kd_bytes key, void *state);
    uint16_t snap_version;

    /* A key leaves for age or lack of room: last chance to say something.  May be NULL. */
    void (*leave)(struct kd_detect *d, struct kd_bytes key, void *state);

    /* Once per `tick_us` of record time, for each key (oldest first, may stop early by returning false).
     * NULL: not needed. */
    bool (*tick)(struct kd_detect *d, struct kd_bytes key, void *state);
    uint64_t tick_us;
};

/* All detectors, NULL-terminated, in the order of detect/meson.build. */
extern const struct kd_detector *const kd_detectors[];

#endif
