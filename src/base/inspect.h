/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule can look into: runs of bytes (inspect.def), numbers (number.def), frames (frame.def) and the
 * protocols of its header (ruleproto.def).  Parsers, rule engine and documentation use the same lists. */
#ifndef KD_BASE_INSPECT_H
#define KD_BASE_INSPECT_H

#include "base/base.h"

enum kd_rule_layer { KD_LAYER_LINK, KD_LAYER_NETWORK, KD_LAYER_TRANSPORT, KD_LAYER_APP };

enum kd_rule_proto {
#define KD_RULE_PROTO(id, name, aliases, layer, over) KD_RP_##id,
#include "base/ruleproto.def"
#undef KD_RULE_PROTO
    KD_RP_COUNT
};

struct kd_rule_proto_row {
    const char *name, *aliases;
    enum kd_rule_layer layer;
    const char *over; /* letters of what carries it: T tcp, U udp, O other */
};

/* Direction as bits: what is sent to the server, to the client. */
enum kd_inspect_dir {
    KD_INSPECT_SERVER = 1,
    KD_INSPECT_CLIENT = 2,
    KD_INSPECT_BOTH = 3,
};

enum kd_inspect_unit {
    KD_INSPECT_PACKET,
    KD_INSPECT_STREAM,
    KD_INSPECT_TX,
    KD_INSPECT_FILE,
    KD_INSPECT_FLOW,
};

enum kd_inspect {
#define KD_INSPECT(id, name, aliases, modifier, proto, dir, unit, multi, en, ja) KD_IN_##id,
#include "base/inspect.def"
#undef KD_INSPECT
    KD_IN_COUNT
};

struct kd_inspect_row {
    const char *name;
    const char
        *aliases; /* comma-separated, "" none: they stand before the contents, like the name */
    const char *modifier; /* older form: stands behind the content it concerns; "" none */
    enum kd_rule_proto proto;
    enum kd_inspect_dir dir;
    enum kd_inspect_unit unit;
    bool multi; /* may have several values; each is looked at alone */
    const char *en, *ja;
};

enum kd_number {
#define KD_NUMBER(id, name, aliases, proto, dir, unit, bits, multi, words, en, ja) KD_NUM_##id,
#include "base/number.def"
#undef KD_NUMBER
    KD_NUM_COUNT
};

struct kd_number_row {
    const char *name, *aliases;
    enum kd_rule_proto proto;
    enum kd_inspect_dir dir;
    enum kd_inspect_unit unit;
    uint8_t bits;
    bool multi;
    const char *words; /* "name=value,…" that may stand for a number; "" none */
    const char *en, *ja;
};

/* Frames: frame.def. */
enum kd_frame_kind {
#define KD_FRAME(id, proto, name) KD_FRAME_##id,
#include "base/frame.def"
#undef KD_FRAME
    KD_FRAME_COUNT
};

struct kd_frame_row {
    const char *name; /* with its protocol: "mqtt.pdu" */
    enum kd_rule_proto proto;
};

extern const struct kd_frame_row kd_frame_rows[KD_FRAME_COUNT];
extern const struct kd_rule_proto_row kd_rule_proto_rows[KD_RP_COUNT];
extern const struct kd_inspect_row kd_inspect_rows[KD_IN_COUNT];
extern const struct kd_number_row kd_number_rows[KD_NUM_COUNT];

#endif
