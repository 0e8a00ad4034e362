/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that several detectors need. */
#ifndef KD_DETECT_COMMON_H
#define KD_DETECT_COMMON_H

#include "detect/detect.h"

/* Who is told about: the acting machine when it is inside, else the inside machine it acts on. */
struct kd_sides {
    struct kd_addr host, peer;
    bool from_outside; /* an outside machine acts on an inside one */
};
struct kd_sides kd_sides_of(const struct kd_detect *d, const struct kd_addr *actor, const struct kd_addr *target);

/* A key of parts, for kd_detect_state(). */
struct kd_key {
    uint8_t n;
    uint8_t b[255];
};
struct kd_key kd_key_of(uint8_t kind);
void kd_key_addr(struct kd_key *k, const struct kd_addr *a);
void kd_key_u16(struct kd_key *k, uint16_t v);
void kd_key_text(struct kd_key *k, struct kd_bytes text); /* without case; a long one by its sum */
static inline struct kd_bytes kd_key_view(const struct kd_key *k)
{
    return kd_bytes_of(k->b, k->n);
}

/* 32-bit sum of a text without case, never 0. */
uint32_t kd_sum_text(struct kd_bytes text);
uint32_t kd_sum_addr(const struct kd_addr *a);

/* A set of sums in a fixed array (0: free), `room` a power of two.  True when newly added; false when
 * there already or when no room is left (three quarters full). */
bool kd_sums_add(uint32_t *sums, uint32_t room, uint32_t *n, uint32_t sum);
bool kd_sums_has(const uint32_t *sums, uint32_t room, uint32_t sum);

/* The newest record numbers. */
enum { KD_IDS_KEPT = 8 };
struct kd_ids {
    uint64_t v[KD_IDS_KEPT];
    uint32_t n; /* all that were added */
};
void kd_ids_add(struct kd_ids *ids, uint64_t id);
/* In the order they came; ret has room for KD_IDS_KEPT. */
size_t kd_ids_list(const struct kd_ids *ids, uint64_t *ret);

/* A short text kept in state. */
struct kd_word {
    uint8_t n;
    uint8_t b[63];
};
void kd_word_set(struct kd_word *w, struct kd_bytes text);
static inline struct kd_bytes kd_word_view(const struct kd_word *w)
{
    return kd_bytes_of(w->b, w->n);
}

/* Parts of states that outlive the process. */
void kd_snap_ids(struct kd_snap *s, struct kd_ids *ids);
void kd_snap_word(struct kd_snap *s, struct kd_word *w);
void kd_snap_sums(struct kd_snap *s, uint32_t *sums, uint32_t room, uint32_t *n);

/* A number as text for a fact; `room` outlives the use. */
struct kd_digits {
    uint8_t b[24];
};
struct kd_bytes kd_digits_of(struct kd_digits *room, uint64_t v);

/* Name of the service at a port, for people; "port N" into `room` when it has none. */
struct kd_bytes kd_service_name(uint16_t port, struct kd_digits *room);

static inline uint64_t kd_gap_us(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Is a TLS record's conversation encrypted from its beginning?  Inside remote desktop, a directory's or a
 * mail session (STARTTLS) certificates and rhythm are those of the outer protocol. */
static inline bool kd_is_tls_itself(const struct kd_rec_head *h)
{
    return h->app == KD_APP_TLS || h->app == KD_APP_QUIC || h->app == KD_APP_UNKNOWN;
}

/* Is it a resolver?  It passes on what its clients ask: it is where to look next, not who is ill. */
bool kd_asks_for_others(const struct kd_detect *d, const struct kd_addr *host);

/* Is this record of a mail (or of its attachment) one of a mailbox being emptied?  Then the mail
 * travels to the client. */
static inline bool kd_mail_is_fetched(const struct kd_rec_head *h)
{
    return h->app == KD_APP_POP3 || h->app == KD_APP_IMAP;
}

#endif
