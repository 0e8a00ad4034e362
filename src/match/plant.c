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
