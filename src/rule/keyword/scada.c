/* SPDX-License-Identifier: Apache-2.0 */
/* Industrial control: Modbus, DNP3, CIP. */
#include "rule/internal.h"

static const char dnp3_functions[] =
    "confirm=0,read=1,write=2,select=3,operate=4,direct_operate=5,direct_operate_nr=6,immed_freeze="
    "7,immed_freeze_nr=8,"
    "freeze_clear=9,freeze_clear_nr=10,freeze_at_time=11,freeze_at_time_nr=12,cold_restart=13,warm_"
    "restart=14,"
    "initialize_data=15,initialize_appl=16,start_appl=17,stop_appl=18,save_config=19,enable_"
    "unsolicited=20,"
    "disable_unsolicited=21,assign_class=22,delay_measure=23,record_current_time=24,open_file=25,"
    "close_file=26,"
    "delete_file=27,get_file_info=28,authenticate_file=29,abort_file=30,activate_config=31,"
    "authenticate_req=32,"
    "authenticate_err=33,response=129,unsolicited_response=130,authenticate_resp=131";

static const char dnp3_indicators[] =
    "all_stations=256,class_1_events=512,class_2_events=1024,class_3_events=2048,need_time=4096,"
    "local_control=8192,"
    "device_trouble=16384,device_restart=32768,no_func_code_support=1,object_unknown=2,parameter_"
    "error=4,"
    "event_buffer_overflow=8,already_executing=16,config_corrupt=32,reserved_2=64,reserved_1=128";

static bool dnp3_func(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    (void)kd_parse_app(p, KD_RP_DNP3);
    struct kd_cond *c = kd_parse_check(p, KD_COND_DNP3_FUNC);
    return c != NULL && (kd_range_parse(v, 8, dnp3_functions, &c->is.range) ||
                         kd_refuse_word(p, KD_WHY_RANGE, v));
}

static bool dnp3_ind(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    uint32_t bits = 0;
    (void)kw;
    (void)kd_parse_app(p, KD_RP_DNP3);
    while (v.n > 0) {
        struct kd_bytes word = kd_cut_word(&v, ',');
        uint64_t bit;
        if (!kd_number_parse(word, 16, dnp3_indicators, &bit))
            return kd_refuse_word(p, KD_WHY_VALUE, word);
        bits |= (uint32_t)bit;
    }
    struct kd_cond *c = kd_parse_check(p, KD_COND_DNP3_IND);
    if (c != NULL)
        c->is.words.a = bits;
    return c != NULL;
}

static bool dnp3_obj(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    uint64_t group, variation;
    struct kd_bytes rest = v;
    (void)kw;
    (void)kd_parse_app(p, KD_RP_DNP3);
    if (!kd_number_parse(kd_cut_word(&rest, ','), 8, "", &group) ||
        !kd_number_parse(rest, 8, "", &variation))
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    struct kd_cond *c = kd_parse_check(p, KD_COND_DNP3_OBJ);
    if (c != NULL)
        c->is.words = (struct kd_words){.a = (uint32_t)group, .b = (uint32_t)variation};
    return c != NULL;
}

/* "SERVICE[,[!]CLASS[,ATTRIBUTE]]" */
static bool cip_service(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cip f = {.class_id = -1, .attribute = -1};
    uint64_t n;
    (void)kw;
    (void)kd_parse_app(p, KD_RP_ENIP);
    struct kd_bytes service = kd_cut_word(&v, ',');
    if (!kd_number_parse(service, 7, "", &n))
        return kd_refuse_word(p, KD_WHY_NUMBER, service);
    f.service = (uint32_t)n;
    int32_t *to[] = {&f.class_id, &f.attribute};
    for (unsigned i = 0; i < KD_COUNT(to) && v.n > 0; i++) {
        struct kd_bytes word = kd_cut_word(&v, ',');
        if (kd_bytes_at(word, 0) == '!') {
            f.not_attribute = i == 1;
            f.not_class |= i == 0;
            word = kd_bytes_from(word, 1);
        }
        if (!kd_number_parse(word, 16, "", &n))
            return kd_refuse_word(p, KD_WHY_NUMBER, word);
        *to[i] = (int32_t)n;
    }
    struct kd_cond *c = kd_parse_check(p, KD_COND_CIP_SERVICE);
    if (c != NULL)
        c->is.cip = f;
    return c != NULL && (v.n == 0 || kd_refuse_word(p, KD_WHY_VALUE, v));
}

static const char modbus_categories[] =
    "assigned=1,unassigned=6,public=7,user=8,reserved=16,all=31";

static bool modbus_access(struct kd_bytes v, struct kd_modbus *m)
{
    static const struct {
        const char *name;
        uint8_t area;
        bool writable;
    } areas[] = {{"discretes", KD_MODBUS_DISCRETES, false},
                 {"coils", KD_MODBUS_COILS, true},
                 {"input", KD_MODBUS_INPUT, false},
                 {"holding", KD_MODBUS_HOLDING, true}};
    struct kd_bytes what = kd_cut_blank(&v);
    m->has_access = true;
    m->write = kd_bytes_eq_str(what, "write");
    if (!m->write && !kd_bytes_eq_str(what, "read"))
        return false;
    for (size_t i = 0; i < KD_COUNT(areas) && v.n > 0; i++)
        if (kd_bytes_eq_str(v, areas[i].name) && (areas[i].writable || !m->write))
            m->area = areas[i].area;
    return v.n == 0 || m->area != KD_MODBUS_ANY;
}

static bool modbus_function(struct kd_bytes v, struct kd_modbus *m)
{
    struct kd_bytes rest = v;
    uint64_t n;
    struct kd_bytes first = kd_cut_blank(&rest);
    if (kd_bytes_at(first, 0) == '!') {
        m->not_category = true;
        first = kd_bytes_from(first, 1);
    }
    if (!m->not_category && kd_number_parse(first, 8, "", &n)) {
        m->has_function = true;
        m->function = (uint8_t)n;
        if (rest.n == 0)
            return true;
        m->has_subfunction = true;
        bool ok = kd_bytes_eq_str(kd_cut_blank(&rest), "subfunction") &&
                  kd_number_parse(rest, 16, "", &n);
        m->subfunction = (uint16_t)n;
        return ok;
    }
    if (!kd_number_parse(first, 8, modbus_categories, &n))
        return false;
    m->category = (uint8_t)n;
    return rest.n == 0;
}

/* "unit RANGE", "function N[, subfunction N]", "function [!]CATEGORY", "access read|write [AREA][,
 * address RANGE[, value RANGE]]" */
static bool modbus_part(struct kd_bytes part, struct kd_modbus *m)
{
    struct kd_bytes rest = part;
    uint64_t n;
    struct kd_bytes name = kd_cut_blank(&rest);
    if (kd_bytes_eq_str(name, "unit"))
        return m->has_unit = true, kd_range_parse(rest, 8, "", &m->unit);
    if (kd_bytes_eq_str(name, "function"))
        return modbus_function(rest, m);
    if (kd_bytes_eq_str(name, "subfunction") && m->has_function) {
        bool ok = kd_number_parse(rest, 16, "", &n);
        m->has_subfunction = true;
        m->subfunction = ok ? (uint16_t)n : 0;
        return ok;
    }
    if (kd_bytes_eq_str(name, "access"))
        return modbus_access(rest, m);
    if (kd_bytes_eq_str(name, "address") && m->has_access)
        return m->has_address = true, kd_range_parse(rest, 16, "", &m->address);
    if (kd_bytes_eq_str(name, "value") && m->has_address)
        return m->has_value = true, kd_range_parse(rest, 16, "", &m->value);
    return false;
}

static bool modbus(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    (void)kd_parse_app(p, KD_RP_MODBUS);
    struct kd_modbus *m = kd_arena_alloc(&p->st->mem, sizeof(*m));
    struct kd_cond *c = kd_parse_check(p, KD_COND_MODBUS);
    if (c == NULL)
        return false;
    if (m == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    while (v.n > 0) {
        struct kd_bytes part = kd_cut_word(&v, ',');
        if (!modbus_part(part, m))
            return kd_refuse_word(p, KD_WHY_VALUE, part);
    }
    c->is.modbus = m;
    return true;
}

const struct kd_keyword kd_keywords_scada[] = {
    {"modbus", modbus, 0, KW_NEEDED, KW_PLAIN, false,
     "[unit RANGE,] function N[, subfunction N] | function [!]CATEGORY | access read|write "
     "[AREA][, address RANGE[, value RANGE]]",
     "a Modbus request", "Modbus の要求"},
    {"dnp3_func", dnp3_func, 0, KW_NEEDED, KW_PLAIN, false, "N|NAME", "DNP3 function",
     "DNP3 の機能"},
    {"dnp3_ind", dnp3_ind, 0, KW_NEEDED, KW_PLAIN, false, "NAME[,…]", "DNP3 internal indications",
     "DNP3 の内部表示"},
    {"dnp3_obj", dnp3_obj, 0, KW_NEEDED, KW_PLAIN, false, "GROUP,VARIATION", "a DNP3 object",
     "DNP3 のオブジェクト"},
    {"cip_service", cip_service, 0, KW_NEEDED, KW_PLAIN, false, "SERVICE[,[!]CLASS[,[!]ATTRIBUTE]]",
     "a CIP service", "CIP のサービス"},
    {0},
};
