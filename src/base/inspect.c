/* SPDX-License-Identifier: Apache-2.0 */
#include "base/inspect.h"

const struct kd_rule_proto_row kd_rule_proto_rows[KD_RP_COUNT] = {
#define KD_RULE_PROTO(id, name, aliases, layer, over) {name, aliases, KD_LAYER_##layer, over},
#include "base/ruleproto.def"
#undef KD_RULE_PROTO
};

const struct kd_inspect_row kd_inspect_rows[KD_IN_COUNT] = {
#define KD_INSPECT(id, name, aliases, modifier, proto, dir, unit, multi, en, ja)                   \
    {name, aliases, modifier, KD_RP_##proto, KD_INSPECT_##dir, KD_INSPECT_##unit, multi, en, ja},
#include "base/inspect.def"
#undef KD_INSPECT
};

const struct kd_number_row kd_number_rows[KD_NUM_COUNT] = {
#define KD_NUMBER(id, name, aliases, proto, dir, unit, bits, multi, words, en, ja)                 \
    {name, aliases, KD_RP_##proto, KD_INSPECT_##dir, KD_INSPECT_##unit, bits, multi, words, en, ja},
#include "base/number.def"
#undef KD_NUMBER
};

const struct kd_frame_row kd_frame_rows[KD_FRAME_COUNT] = {
#define KD_FRAME(id, proto, name) {name, KD_RP_##proto},
#include "base/frame.def"
#undef KD_FRAME
};
