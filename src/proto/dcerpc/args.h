/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked with a call: named arguments read out of its NDR, by a table of one line per
 * operation (args_table.c) or a function where a line cannot say it. */
#ifndef KD_PROTO_DCERPC_ARGS_H
#define KD_PROTO_DCERPC_ARGS_H

#include "base/pool.h"
#include "proto/dcerpc/iface.h"
#include "proto/dcerpc/ndr.h"

enum {
    DCE_ARGS = 24,         /* arguments told of one call */
    DCE_ARGS_ROOM = 12288, /* bytes of UTF-8 of all of them */
    DCE_HANDLE = 20,
    DCE_LABEL_MAX = 512 /* bytes kept of what a handle stands for */
};

/* Arguments being gathered.  Names are static, values lie in `room`. */
struct dce_args {
    unsigned n;
    struct dce_arg_item {
        const char *name; /* static; ends at name_n */
        uint32_t name_n, at, n;
    } item[DCE_ARGS];
    struct kd_out text;
    size_t text_max; /* of one value; the rest is cut */
    uint8_t room[DCE_ARGS_ROOM];
};

/* The same, packed for the time until the answer comes. */
struct dce_kept {
    size_t size; /* of the block */
    uint32_t n, text_n;
    struct dce_arg_item item[]; /* then the texts */
};

/* Handles that the server gave out, and what each stands for.  The oldest gives way. */
struct dce_handles {
    struct dce_handle *first; /* newest first */
    uint32_t n;
};

struct dce_handle {
    struct dce_handle *next;
    size_t size;
    uint8_t key[DCE_HANDLE];
    uint16_t n;
    uint8_t label[];
};

struct dce_reading;

/* A line of the table: how to read an operation's arguments.  `line` is a row of words, one for
 * each piece of the request in its order: a letter, and behind "=" the name of the argument that it
 * becomes (without one it is skipped). numbers  d decimal, x hexadecimal, w 16 bits, b 8 bits, e
 * enumeration, T start type of a service, C type of a secure channel; ?N behind the letter: stop
 * unless it is N texts    s UTF-16, a ASCII, S A pointers to such; U RPC_UNICODE_STRING, V pointer
 * to one, K key below the handle's, X task as XML, y BSTR, E counted blob that holds a text; i
 * pointer to a text and j RPC_UNICODE_STRING within a structure, whose texts come at ";" lists    N
 * L of RPC_UNICODE_STRING (varying, conformant), R set of rights, Z z pointers to texts, F texts, Q
 * SIDs, J numbers others   h H handle and what it stands for, g GUID, l class, I SID, k 8 bytes, Y
 * value of the registry (its type was the last number), t ORPCTHIS; skipped: p pointer, P pointer
 * to bytes, D to a number, c to a character */
struct dce_op {
    const char *iface, *operation;
    const char *line;
    const char *grants;                     /* see dce_op_answer() */
    void (*request)(struct dce_reading *r); /* what the line cannot say; goes on where it ended */
    void (*answer)(struct dce_reading *r);
};

/* What a reader of arguments has before it. */
struct dce_reading {
    struct dce_ndr ndr;
    struct dce_args *args;
    const struct dce_handles *handles;
    struct kd_bytes label; /* of the handle that the call names */
    uint32_t last;         /* number read last */
    bool complete;         /* the request ended where its definition does */
};

void dce_args_start(struct dce_args *args, size_t text_max);

/* Add an argument; nothing when it is empty or there is no room. */
void dce_arg(struct dce_args *args, const char *name, struct kd_bytes utf8);
void dce_arg_num(struct dce_args *args, const char *name, uint64_t v);
void dce_arg_hex(struct dce_args *args, const char *name, uint64_t v);
void dce_arg_uuid(struct dce_args *args, const char *name, struct kd_bytes wire, bool big);
struct kd_bytes dce_arg_get(const struct dce_args *args, const char *name);

/* The line of an operation, or NULL (args_table.c). */
const struct dce_op *dce_op_find(const struct dce_iface *iface, struct kd_bytes operation);

/* Read a request's arguments, as far as they follow the definition. */
void dce_op_request(const struct dce_op *op, struct kd_bytes stub, bool big, bool wide,
                    const struct dce_handles *handles, struct dce_args *args);

/* Does a request read as this operation's from end to end, and hold a text where it should?  Only
 * of operations whose line goes to the end ($). */
bool dce_op_fits(const struct dce_op *op, struct kd_bytes stub, bool big, bool wide);

/* Does the answer tell more?  Then it has to be handed to dce_op_answer(): adds arguments, and
 * *ret_handle is the handle it gives out, *ret_label what it stands for (empty: none). */
bool dce_op_wants_answer(const struct dce_op *op);
void dce_op_answer(const struct dce_op *op, struct kd_bytes stub, bool big, bool wide,
                   struct dce_args *args, struct kd_bytes *ret_handle, struct kd_bytes *ret_label);

/* Readers that are functions: special.c and dcom.c. */
void dce_read_epm(struct dce_reading *r);
void dce_read_epm_answer(struct dce_reading *r);
void dce_read_nc_changes(struct dce_reading *r);
void dce_read_naming_context(struct dce_reading *r);
void dce_read_replica_add(struct dce_reading *r);
void dce_read_add_entry(struct dce_reading *r);
void dce_read_driver(struct dce_reading *r);
void dce_read_activation(struct dce_reading *r);
void dce_read_invoke(struct dce_reading *r);
void dce_read_exec_method(struct dce_reading *r);
void dce_read_put_object(struct dce_reading *r);
void dce_read_query_interface(struct dce_reading *r);

/* A text given as UTF-16 in the byte order of the call. */
void dce_arg_text(struct dce_reading *r, const char *name, struct kd_bytes utf16);

/* ORPCTHIS ([MS-DCOM] 2.2.13.3), which precedes the arguments of object calls. */
void dce_read_orpc_this(struct dce_ndr *n);

#endif
