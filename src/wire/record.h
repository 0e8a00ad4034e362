/* SPDX-License-Identifier: Apache-2.0 */
/* Records between processes and to the outside: one head, one body by schema.
 *
 * Wire form (all little-endian): u32 length of what follows, head, body.
 *   head  u8 type, u8 flags (1 src is IPv4, 2 dst is IPv4, 4 no addresses, 8 a frame), u8 proto, u8 app, u8 engine,
 *         u16 vlan, u64 ts_us, u64 flow_id, u64 id, [src 4|16, u16 sport, dst 4|16, u16 dport], [varint frame]
 *   body  varint presence bits (bit i: field i is not zero), then the present fields in order:
 *         numbers as varint (bool: presence is its value), addresses 16 bytes, MACs 6, texts varint
 *         length + bytes, lists varint count + items (sub-records: as body).
 * Every reader treats the writer as hostile: lengths are checked, counts are bounded, nothing is used in
 * place that could change (read from a private copy). */
#ifndef KD_WIRE_RECORD_H
#define KD_WIRE_RECORD_H

#include "base/cursor.h"
#include "base/out.h"
#include "base/pool.h"
#include "base/status.h"
#include "records.h"

enum {
    KD_RECORD_MAX = 60 * 1024, /* longest encoded record; a batch is at most KD_BATCH_MAX */
    KD_BATCH_MAX = 64 * 1024,
    KD_LIST_MAX = 1024,        /* items in one list */
    KD_JSON_MAX = 768 * 1024   /* longest JSON line (six bytes for one, some values told twice, and keys) */
};

struct kd_rec_head {
    uint64_t ts_us;
    uint64_t flow_id;
    uint64_t id;
    uint64_t frame; /* number in the capture file, from 1; 0 live, or no frame's */
    struct kd_addr src, dst;
    uint16_t src_port, dst_port;
    uint16_t vlan;          /* innermost tag */
    uint16_t outer_vlan[2]; /* those before it, outermost first; 0 none.  Not kept by the store */
    uint8_t type; /* enum kd_rec_type */
    uint8_t proto; /* IANA number; 0 none */
    uint8_t app;   /* enum kd_app */
    uint8_t engine;
};

/* Records that JSON lines alone tell have the form of others and numbers of their own: brain hands them on unread, the
 * store does not keep them. */
static inline bool kd_is_step(unsigned type)
{
    return type < 64 && kd_step_of[type] != 0;
}

/* NULL for a number not in use. */
static inline const struct kd_schema *kd_schema_of(unsigned type)
{
    return type >= 64 ? NULL : kd_schemas[kd_is_step(type) ? kd_step_of[type] : type];
}

/* Another frame's number into a record that names one and stands encoded at `record`, in place; a number too large for
 * its place changes nothing. */
void kd_record_refer(uint8_t *record, uint64_t frame);

/* Append one record.  KD_LIMIT when it does not fit: the writer is then as before.  Over-long texts are
 * the caller's to cut; a body over KD_RECORD_MAX is refused. */
KD_MUST_USE enum kd_status kd_record_put(struct kd_out *o, const struct kd_rec_head *head,
                                         const void *body);

/* The body alone, to be carried in a field flagged "spread" behind its type. */
void kd_body_put(struct kd_out *o, const struct kd_schema *schema, const void *body);

/* Take the next whole record of a batch: its head, and its encoded body as a view into the batch.  Bodies
 * are decoded only by who needs them.  KD_NOT_FOUND at the end of the batch. */
KD_MUST_USE enum kd_status kd_record_next(struct kd_cur *batch, struct kd_rec_head *ret_head,
                                          struct kd_bytes *ret_body, struct kd_bytes *ret_whole);

/* Decode a body into *ret (of the schema's struct).  Texts are views into `body`, lists are taken from
 * `mem`, which must outlive *ret. */
KD_MUST_USE enum kd_status kd_body_decode(const struct kd_schema *schema, struct kd_bytes body,
                                          struct kd_arena *mem, void *ret);

/* Would kd_body_decode() accept this body?  Walks it without decoding. */
KD_MUST_USE enum kd_status kd_body_check(const struct kd_schema *schema, struct kd_bytes body);

/* Only one scalar or text field of an encoded body, without decoding the rest into a struct: for
 * filters.  False when the field is absent. */
KD_MUST_USE bool kd_body_find(const struct kd_schema *schema, struct kd_bytes body, size_t field,
                              struct kd_bytes *ret_text, uint64_t *ret_number);

/* One line of EVE JSON without the line feed.  The Community ID (v1, seed 0) is computed here. */
void kd_record_json(struct kd_out *o, const struct kd_rec_head *head, const void *body, int zone_s);

/* The same as EVE's file has it: whole lines, each with its line feed.  One, but where EVE tells apart what is one record
 * here: a name's query goes in a line before its answer.  Some kinds have another name there, a file its own name and
 * size (eve.c). */
void kd_record_lines(struct kd_out *o, const struct kd_rec_head *head, const void *body, int zone_s);

/* The ICMP (or ICMPv6, by `proto`) type that answers `type`; false: none does. */
bool kd_icmp_reply(uint8_t proto, unsigned type, uint8_t *ret_type);

/* IANA protocol number as EVE writes it ("TCP", "UDP", "ICMP", "IPv6-ICMP", else the number). */
void kd_out_proto(struct kd_out *o, uint8_t proto);

/* "1:base64…" (https://github.com/corelight/community-id-spec). */
void kd_out_community_id(struct kd_out *o, const struct kd_rec_head *head);

#endif
