/* SPDX-License-Identifier: Apache-2.0 */
#include "config/suricata.h"

#include "base/out.h"

#include <yaml.h>

enum { DEPTH_MAX = 32, LIST_BYTES = 16384 };

struct reader {
    yaml_parser_t yaml;
    kd_suricata_var *take;
    void *arg;
    struct kd_err *err;
    unsigned depth;
};

static enum kd_status next(struct reader *rd, yaml_event_t *ev)
{
    if (yaml_parser_parse(&rd->yaml, ev))
        return KD_OK;
    return kd_fail(rd->err, KD_MALFORMED, rd->yaml.problem_mark.line + 1, "not readable as YAML");
}

static enum kd_status skip(struct reader *rd, yaml_event_type_t type)
{
    bool opens = type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;
    unsigned depth = opens ? 1 : 0;
    while (depth > 0) {
        yaml_event_t ev;
        enum kd_status s = next(rd, &ev);
        if (s != KD_OK)
            return s;
        depth += ev.type == YAML_MAPPING_START_EVENT || ev.type == YAML_SEQUENCE_START_EVENT;
        depth -= ev.type == YAML_MAPPING_END_EVENT || ev.type == YAML_SEQUENCE_END_EVENT;
        bool ended = ev.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&ev);
        if (ended || depth > DEPTH_MAX)
            return kd_fail(rd->err, KD_MALFORMED, rd->yaml.mark.line + 1, "too many levels");
    }
    return KD_OK;
}

static struct kd_bytes scalar(const yaml_event_t *ev)
{
    return kd_bytes_of(ev->data.scalar.value, ev->data.scalar.length);
}

/* [a, b] without quotes is a list for YAML and one value for its writer. */
static enum kd_status list(struct reader *rd, struct kd_out *o)
{
    kd_out_str(o, "[");
    for (;;) {
        yaml_event_t ev;
        enum kd_status s = next(rd, &ev);
        if (s != KD_OK)
            return s;
        yaml_event_type_t type = ev.type;
        if (type == YAML_SCALAR_EVENT) {
            kd_out_str(o, o->n > 1 ? "," : "");
            kd_out_bytes(o, scalar(&ev));
        }
        yaml_event_delete(&ev);
        if (type == YAML_SEQUENCE_END_EVENT)
            break;
        if (type != YAML_SCALAR_EVENT)
            return kd_fail(rd->err, KD_MALFORMED, rd->yaml.mark.line + 1,
                           "a list of plain values is expected");
    }
    kd_out_str(o, "]");
    return kd_out_ok(o)
               ? KD_OK
               : kd_fail(rd->err, KD_LIMIT, rd->yaml.mark.line + 1, "the list is too long");
}

static enum kd_status variable(struct reader *rd, bool is_port, struct kd_bytes name)
{
    uint8_t room[LIST_BYTES];
    struct kd_out o = kd_out_of(room, sizeof(room));
    yaml_event_t ev;
    enum kd_status s = next(rd, &ev);
    if (s != KD_OK)
        return s;
    if (ev.type == YAML_SCALAR_EVENT)
        s = rd->take(rd->arg, is_port, name, scalar(&ev));
    else if (ev.type == YAML_SEQUENCE_START_EVENT && (s = list(rd, &o)) == KD_OK)
        s = rd->take(rd->arg, is_port, name, kd_out_bytes_view(&o));
    else if (s == KD_OK)
        s = skip(rd, ev.type);
    yaml_event_delete(&ev);
    return s;
}

enum level { TOP, VARS, ADDRESSES, PORTS };

static enum kd_status mapping(struct reader *rd, enum level level);

static enum kd_status value(struct reader *rd, enum level level, struct kd_bytes key)
{
    if (level == ADDRESSES || level == PORTS)
        return variable(rd, level == PORTS, key);
    bool deeper = (level == TOP && kd_bytes_eq_str(key, "vars")) ||
                  (level == VARS &&
                   (kd_bytes_eq_str(key, "address-groups") || kd_bytes_eq_str(key, "port-groups")));
    yaml_event_t ev;
    enum kd_status s = next(rd, &ev);
    if (s != KD_OK)
        return s;
    yaml_event_type_t type = ev.type;
    yaml_event_delete(&ev);
    if (!deeper || type != YAML_MAPPING_START_EVENT)
        return skip(rd, type);
    return mapping(rd, level == TOP                          ? VARS
                       : kd_bytes_eq_str(key, "port-groups") ? PORTS
                                                             : ADDRESSES);
}

static enum kd_status mapping(struct reader *rd, enum level level)
{
    for (;;) {
        yaml_event_t ev;
        enum kd_status s = next(rd, &ev);
        if (s != KD_OK)
            return s;
        bool ended = ev.type != YAML_SCALAR_EVENT;
        if (!ended)
            s = value(rd, level, scalar(&ev));
        yaml_event_delete(&ev);
        if (ended || s != KD_OK)
            return s;
    }
}

enum kd_status kd_suricata_vars(struct kd_bytes text, kd_suricata_var *take, void *arg,
                                struct kd_err *err)
{
    struct reader rd = {.take = take, .arg = arg, .err = err};
    enum kd_status s = KD_OK;
    bool ended = false;
    if (!yaml_parser_initialize(&rd.yaml))
        return kd_fail(err, KD_NO_MEMORY, 0, "out of memory");
    yaml_parser_set_input_string(&rd.yaml, text.p, text.n);
    while (s == KD_OK && !ended) {
        yaml_event_t ev;
        if ((s = next(&rd, &ev)) != KD_OK)
            break;
        ended = ev.type == YAML_STREAM_END_EVENT;
        if (ev.type == YAML_MAPPING_START_EVENT)
            s = mapping(&rd, TOP);
        yaml_event_delete(&ev);
    }
    yaml_parser_delete(&rd.yaml);
    return s;
}
