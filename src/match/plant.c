/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about plant control: what the parser tells of a request in numbers. */
#include "match/internal.h"

bool m_first_number(const struct m_run *run, enum kd_number id, uint64_t *ret)
{
    for (unsigned i = 0; run->side != NULL && i < run->side->n_numbers; i++)
        if (run->side->number[i].id == id) {
            *ret = run->side->number[i].v;
            return true;
        }
    return false;
}

/* Is a place of first … last, both at most 16 bits and one, in the range? */
static bool overlaps(const struct kd_range *r, uint64_t first, uint64_t last)
{
    for (uint64_t at = first; at <= last && at <= UINT16_MAX + 1u; at++)
        if (kd_range_has(r, at))
            return true;
    return false;
}

/* A value written at one of the places asked for. */
static bool value_holds(const struct m_run *run, const struct kd_modbus *m, uint64_t first)
{
    uint64_t at = first;
    for (unsigned i = 0; i < run->side->n_numbers; i++) {
        if (run->side->number[i].id != KD_NUM_MODBUS_VALUE)
            continue;
        if (kd_range_has(&m->address, at) && kd_range_has(&m->value, run->side->number[i].v))
            return true;
        at++;
    }
    return false;
}

static bool access_holds(const struct m_run *run, const struct kd_modbus *m)
{
    uint64_t access = 0, first = 0, last = 0;
    if (!m_first_number(run, KD_NUM_MODBUS_ACCESS, &access) || (access & (m->write ? 2u : 1u)) == 0 ||
        (m->area != KD_MODBUS_ANY && access >> 2 != m->area))
        return false;
    if (!m->has_address)
        return true;
    return m_first_number(run, KD_NUM_MODBUS_FIRST, &first) && m_first_number(run, KD_NUM_MODBUS_LAST, &last) &&
           overlaps(&m->address, first, last) && (!m->has_value || value_holds(run, m, first));
}

bool m_modbus_holds(const struct m_run *run, const struct kd_modbus *m)
{
    uint64_t v = 0;
    if (m->has_unit && (!m_first_number(run, KD_NUM_MODBUS_UNIT, &v) || !kd_range_has(&m->unit, v)))
        return false;
    if (m->has_function && (!m_first_number(run, KD_NUM_MODBUS_FUNCTION, &v) || v != m->function))
        return false;
    if (m->has_subfunction && (!m_first_number(run, KD_NUM_MODBUS_SUBFUNCTION, &v) || v != m->subfunction))
        return false;
    if (m->category != 0 &&
        (!m_first_number(run, KD_NUM_MODBUS_CATEGORY, &v) || ((v & m->category) != 0) == m->not_category))
        return false;
    return !m->has_access || access_holds(run, m);
}

/* ---- DNP3 ---- */

static bool any_number(const struct m_run *run, enum kd_number id, uint64_t v)
{
    for (unsigned i = 0; run->side != NULL && i < run->side->n_numbers; i++)
        if (run->side->number[i].id == id && run->side->number[i].v == v)
            return true;
    return false;
}

/* ---- CIP ---- */

enum { CIP_CLASS_AT = 8, CIP_ATTRIBUTE_AT = 40, CIP_CLASS_BITS = 0xffffffff };

/* A class or an attribute, both one more than they are; 0: there is none. */
static bool part_holds(uint64_t there, int32_t wanted, bool negated)
{
    return wanted < 0 || (there == (uint64_t)wanted + 1) != negated;
}

static bool cip_holds(const struct m_run *run, const struct kd_cip *cip)
{
    for (unsigned i = 0; run->side != NULL && i < run->side->n_numbers; i++) {
        uint64_t v = run->side->number[i].v;
        if (run->side->number[i].id == KD_NUM_ENIP_CIP_SERVICE && (v & UINT8_MAX) == cip->service &&
            part_holds(v >> CIP_CLASS_AT & CIP_CLASS_BITS, cip->class_id, cip->not_class) &&
            part_holds(v >> CIP_ATTRIBUTE_AT, cip->attribute, cip->not_attribute))
            return true;
    }
    return false;
}

bool m_plant_holds(const struct m_run *run, const struct kd_cond *c)
{
    uint64_t v = 0;
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_DNP3_FUNC:
        return m_first_number(run, KD_NUM_DNP3_FUNC, &v) && kd_range_has(&c->is.range, v);
    case KD_COND_DNP3_IND:
        return m_first_number(run, KD_NUM_DNP3_IND, &v) && (v & c->is.words.a) != 0;
    case KD_COND_DNP3_OBJ:
        return any_number(run, KD_NUM_DNP3_OBJ, (uint64_t)c->is.words.a << 8 | c->is.words.b);
    case KD_COND_CIP_SERVICE:
        return cip_holds(run, &c->is.cip);
    default:
        return false;
    }
}
