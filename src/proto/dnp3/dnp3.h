/* SPDX-License-Identifier: Apache-2.0 */
/* Application messages of DNP3 (IEEE 1815), read (private to this folder). */
#ifndef KD_PROTO_DNP3_DNP3_H
#define KD_PROTO_DNP3_DNP3_H

#include "proto/parser.h"

enum {
    DNP3_OBJECTS_MAX = 2048, /* read of one message … */
    DNP3_TOLD_MAX = 64,      /* … and told */
    DNP3_POINTS_MAX = 16384, /* of one object, read … */
    DNP3_POINTS_TOLD = 32,   /* … and told */
    DNP3_VALUES_MAX = 14
};

enum dnp3_function {
    DNP3_CONFIRM = 0,
    DNP3_READ = 1,
    DNP3_WRITE = 2,
    DNP3_SELECT = 3,
    DNP3_OPERATE = 4,
    DNP3_DIRECT_OPERATE = 5,
    DNP3_DIRECT_OPERATE_NR = 6,
    DNP3_FREEZE_AT_TIME = 11,
    DNP3_FREEZE_AT_TIME_NR = 12,
    DNP3_OPEN_FILE = 25,
    DNP3_AUTH_ERR = 33,
    DNP3_RESPONSE = 129,
    DNP3_AUTH_RESPONSE = 131
};

/* One value of a point: bits of a byte, or bytes, the least first. */
struct dnp3_field {
    const char *name;
    uint8_t bytes; /* 0: `bits` of the byte at hand */
    uint8_t bits;
    uint8_t kind;  /* enum dnp3_kind */
};

enum dnp3_kind { DNP3_UNSIGNED, DNP3_SIGNED, DNP3_FLOAT };

/* What a point of a group and variation is made of.  `packed`: several in a byte, as many bits each. */
struct dnp3_layout {
    uint8_t group, variation, packed;
    const struct dnp3_field *field;
    uint8_t n;
};

/* NULL: not known here. */
const struct dnp3_layout *dnp3_layout(uint8_t group, uint8_t variation);

/* One object header and what stands behind it, while a message is read. */
struct dnp3_object {
    struct kd_dnp3_object is;
    bool has_data;
};

/* What is read of a message. */
struct dnp3_message {
    uint8_t control, function;
    bool is_response;
    uint16_t indications;
    bool complete;
    const char *event; /* what is odd; NULL: nothing */
    unsigned n_objects, n_told;
    struct kd_dnp3_object *told; /* DNP3_TOLD_MAX of them, in mem; NULL: there is no memory */
    uint16_t *object;            /* group and variation of all, in mem, for rules; NULL: nobody asks */
    struct kd_arena *mem;
};

/* Read the objects of an application message into `m`, which has its arena. */
void dnp3_read(struct kd_bytes in, struct dnp3_message *m);

/* Points of an object of files (group 70), as far as they are known. */
unsigned dnp3_file(uint8_t variation, struct kd_bytes in, struct kd_dnp3_value *v, unsigned n);

const char *dnp3_function_name(uint8_t function); /* "unknown" */

#endif
