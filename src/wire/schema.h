/* SPDX-License-Identifier: Apache-2.0 */
/* What a record is made of, as data: the generated tables (records.h) are rows of these. */
#ifndef KD_WIRE_SCHEMA_H
#define KD_WIRE_SCHEMA_H

#include "base/addr.h"

enum kd_type {
    KD_T_BOOL,
    KD_T_U8,
    KD_T_U16,
    KD_T_U32,
    KD_T_U64,
    KD_T_TIME, /* u64, microseconds since 1970 UTC */
    KD_T_US,   /* u64, microseconds */
    KD_T_ADDR,
    KD_T_MAC,
    KD_T_STR,
    KD_T_HEX,
    KD_T_STRS,
    KD_T_LIST
};

/* How a list is written in JSON: ONE, its only item instead of an array; PLAIN, items of one field as that
 * field's value; MAP, an object: items name, text, number, numeric (the value is the number).
 * KD_F_SPREAD: bytes that are a record of another kind (u8 type, body as kd_body_put()); JSON has its objects in
 * place. */
enum { KD_F_ALWAYS = 1, KD_F_BLOOM = 2, KD_F_SPREAD = 4, KD_F_ONE = 8, KD_F_PLAIN = 16, KD_F_MAP = 32 };

/* A list of texts, and a list of sub-records of one kind.  Borrowed, like kd_bytes. */
struct kd_strs {
    const struct kd_bytes *v;
    size_t n;
};

struct kd_list {
    const void *v;
    size_t n;
};

struct kd_schema;
struct kd_field;
struct kd_out;
struct kd_rec_head;

/* Writes the JSON value of a field in a way of its own (wire/form.h).  False: there is nothing to be written; what was
 * written meanwhile does not count.  `head` is NULL within lists. */
typedef bool kd_form(struct kd_out *o, const struct kd_field *f, const void *body, const struct kd_rec_head *head);

struct kd_field {
    const char *name;  /* in C and SQL */
    const char *group; /* JSON objects around it, "a.b" or "" */
    const char *key;   /* its JSON key */
    const char *path;  /* group.key */
    enum kd_type type;
    unsigned flags; /* KD_F_* */
    size_t offset;
    const struct kd_schema *sub; /* for KD_T_LIST */
    const char *en, *ja;
    const char *json; /* "key": as written */
    size_t json_n;
    kd_form *form; /* NULL: as its type is written */
};

struct kd_schema {
    const char *name;
    const char *event; /* event_type as written: EVE's where it differs */
    unsigned id;
    size_t n_fields; /* <= 64 */
    size_t size;
    const struct kd_field *fields;
    uint64_t (*present)(const void *body); /* which fields are not empty, as bits by their order */
    const char *en, *ja;
    const struct kd_field *lines; /* what JSON says, in its order: the fields, and other names of some */
    size_t n_lines;
};

/* Is this what the records are called: as here, or as event_type has it? */
static inline bool kd_schema_is(const struct kd_schema *s, struct kd_bytes text)
{
    return kd_bytes_eq_str(text, s->name) || kd_bytes_eq_str(text, s->event);
}

#endif
