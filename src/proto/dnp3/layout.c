/* SPDX-License-Identifier: Apache-2.0 */
/* What points are made of (IEEE 1815, annex A: DNP3 data object library). */
#include "proto/dnp3/dnp3.h"

#define BIT(name) {name, 0, 1, DNP3_UNSIGNED}
#define QUALITY BIT("online"), BIT("restart"), BIT("comm_lost"), BIT("remote_forced"), BIT("local_forced")
#define U1(name) {name, 1, 0, DNP3_UNSIGNED}
#define U2(name) {name, 2, 0, DNP3_UNSIGNED}
#define U4(name) {name, 4, 0, DNP3_UNSIGNED}
#define TIME6(name) {name, 6, 0, DNP3_UNSIGNED}
#define I2(name) {name, 2, 0, DNP3_SIGNED}
#define I4(name) {name, 4, 0, DNP3_SIGNED}
#define F4(name) {name, 4, 0, DNP3_FLOAT}
#define F8(name) {name, 8, 0, DNP3_FLOAT}
#define BINARY QUALITY, BIT("chatter_filter"), BIT("reserved"), BIT("state")
#define OUTPUT QUALITY, BIT("reserved0"), BIT("reserved1"), BIT("state")
#define DOUBLE QUALITY, BIT("chatter_filter"), {"state", 0, 2, DNP3_UNSIGNED}
#define COUNTER QUALITY, BIT("rollover"), BIT("discontinuity"), BIT("reserved")
#define ANALOG QUALITY, BIT("over_range"), BIT("reference_err"), BIT("reserved0")
#define COMMAND {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("commanded_state")
#define RELAY                                                                                                  \
    {"op_type", 0, 4, DNP3_UNSIGNED}, BIT("qu"), BIT("cr"), {"tcc", 0, 2, DNP3_UNSIGNED}, U1("count"),         \
        U4("ontime"), U4("offtime"), {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved")

static const struct dnp3_field fields_1_1[] = {BIT("state")};
static const struct dnp3_field fields_1_2[] = {BINARY};
static const struct dnp3_field fields_2_2[] = {BINARY, TIME6("timestamp")};
static const struct dnp3_field fields_2_3[] = {BINARY, U2("timestamp")};
static const struct dnp3_field fields_3_1[] = {{"state", 0, 2, DNP3_UNSIGNED}};
static const struct dnp3_field fields_3_2[] = {DOUBLE};
static const struct dnp3_field fields_4_2[] = {DOUBLE, TIME6("timestamp")};
static const struct dnp3_field fields_4_3[] = {DOUBLE, U2("relative_time_ms")};
static const struct dnp3_field fields_10_2[] = {OUTPUT};
static const struct dnp3_field fields_11_2[] = {OUTPUT, TIME6("timestamp")};
static const struct dnp3_field fields_12_1[] = {RELAY};
static const struct dnp3_field fields_12_3[] = {BIT("point")};
static const struct dnp3_field fields_13_1[] = {COMMAND};
static const struct dnp3_field fields_13_2[] = {COMMAND, TIME6("timestamp")};
static const struct dnp3_field fields_20_1[] = {COUNTER, U4("count")};
static const struct dnp3_field fields_20_2[] = {COUNTER, U2("count")};
static const struct dnp3_field fields_20_5[] = {U4("count")};
static const struct dnp3_field fields_20_6[] = {U2("count")};
static const struct dnp3_field fields_21_5[] = {COUNTER, U4("count"), TIME6("timestamp")};
static const struct dnp3_field fields_21_6[] = {COUNTER, U2("count"), TIME6("timestamp")};
static const struct dnp3_field fields_30_1[] = {ANALOG, I4("value")};
static const struct dnp3_field fields_30_2[] = {ANALOG, I2("value")};
static const struct dnp3_field fields_30_3[] = {I4("value")};
static const struct dnp3_field fields_30_4[] = {I2("value")};
static const struct dnp3_field fields_30_5[] = {ANALOG, F4("value")};
static const struct dnp3_field fields_30_6[] = {ANALOG, F8("value")};
static const struct dnp3_field fields_31_3[] = {ANALOG, I4("value"), TIME6("timestamp")};
static const struct dnp3_field fields_31_4[] = {ANALOG, I2("value"), TIME6("timestamp")};
static const struct dnp3_field fields_32_7[] = {ANALOG, F4("value"), TIME6("timestamp")};
static const struct dnp3_field fields_32_8[] = {ANALOG, F8("value"), TIME6("timestamp")};
static const struct dnp3_field fields_34_1[] = {U2("deadband_value")};
static const struct dnp3_field fields_34_2[] = {U4("deadband_value")};
static const struct dnp3_field fields_34_3[] = {F4("deadband_value")};
static const struct dnp3_field fields_41_1[] = {I4("value"), U1("control_status")};
static const struct dnp3_field fields_41_2[] = {I2("value"), U1("control_status")};
static const struct dnp3_field fields_41_3[] = {F4("value"), U1("control_status")};
static const struct dnp3_field fields_41_4[] = {F8("value"), U1("control_status")};
static const struct dnp3_field fields_43_1[] = {
    {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved0"), I4("commanded_value")};
static const struct dnp3_field fields_43_2[] = {
    {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved0"), I2("commanded_value")};
static const struct dnp3_field fields_43_3[] = {
    {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved0"), I4("commanded_value"), TIME6("timestamp")};
static const struct dnp3_field fields_43_4[] = {
    {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved0"), I2("commanded_value"), TIME6("timestamp")};
static const struct dnp3_field fields_43_5[] = {
    {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved0"), F4("commanded_value")};
static const struct dnp3_field fields_43_6[] = {
    {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved0"), F8("commanded_value")};
static const struct dnp3_field fields_43_7[] = {
    {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved0"), F4("commanded_value"), TIME6("timestamp")};
static const struct dnp3_field fields_43_8[] = {
    {"status_code", 0, 7, DNP3_UNSIGNED}, BIT("reserved0"), F8("commanded_value"), TIME6("timestamp")};
static const struct dnp3_field fields_50_1[] = {TIME6("timestamp")};
static const struct dnp3_field fields_50_2[] = {TIME6("timestamp"), U4("interval")};
static const struct dnp3_field fields_50_4[] = {TIME6("timestamp"), U4("interval_count"), U1("interval_units")};
static const struct dnp3_field fields_52_1[] = {U2("delay_s")};
static const struct dnp3_field fields_52_2[] = {U2("delay_ms")};
static const struct dnp3_field fields_101_1[] = {U2("value")};
static const struct dnp3_field fields_101_2[] = {U4("value")};
static const struct dnp3_field fields_101_3[] = {{"value", 8, 0, DNP3_UNSIGNED}};
static const struct dnp3_field fields_102_1[] = {U1("value")};

#define ROW(group, variation, packed, fields) {group, variation, packed, fields, KD_COUNT(fields)}
static const struct dnp3_layout layouts[] = {
    ROW(1, 1, 1, fields_1_1),
    ROW(1, 2, 0, fields_1_2),
    ROW(2, 1, 0, fields_1_2),
    ROW(2, 2, 0, fields_2_2),
    ROW(2, 3, 0, fields_2_3),
    ROW(3, 1, 2, fields_3_1),
    ROW(3, 2, 0, fields_3_2),
    ROW(4, 1, 0, fields_3_2),
    ROW(4, 2, 0, fields_4_2),
    ROW(4, 3, 0, fields_4_3),
    ROW(10, 1, 1, fields_1_1),
    ROW(10, 2, 0, fields_10_2),
    ROW(11, 1, 0, fields_10_2),
    ROW(11, 2, 0, fields_11_2),
    ROW(12, 1, 0, fields_12_1),
    ROW(12, 2, 0, fields_12_1),
    ROW(12, 3, 1, fields_12_3),
    ROW(13, 1, 0, fields_13_1),
    ROW(13, 2, 0, fields_13_2),
    ROW(20, 1, 0, fields_20_1),
    ROW(20, 2, 0, fields_20_2),
    ROW(20, 3, 0, fields_20_1),
    ROW(20, 4, 0, fields_20_2),
    ROW(20, 5, 0, fields_20_5),
    ROW(20, 6, 0, fields_20_6),
    ROW(20, 7, 0, fields_20_5),
    ROW(20, 8, 0, fields_20_6),
    ROW(21, 1, 0, fields_20_1),
    ROW(21, 2, 0, fields_20_2),
    ROW(21, 5, 0, fields_21_5),
    ROW(21, 6, 0, fields_21_6),
    ROW(21, 9, 0, fields_20_5),
    ROW(21, 10, 0, fields_20_6),
    ROW(22, 1, 0, fields_20_1),
    ROW(22, 2, 0, fields_20_2),
    ROW(22, 5, 0, fields_21_5),
    ROW(22, 6, 0, fields_21_6),
    ROW(23, 1, 0, fields_20_1),
    ROW(23, 2, 0, fields_20_2),
    ROW(23, 5, 0, fields_21_5),
    ROW(23, 6, 0, fields_21_6),
    ROW(30, 1, 0, fields_30_1),
    ROW(30, 2, 0, fields_30_2),
    ROW(30, 3, 0, fields_30_3),
    ROW(30, 4, 0, fields_30_4),
    ROW(30, 5, 0, fields_30_5),
    ROW(30, 6, 0, fields_30_6),
    ROW(31, 1, 0, fields_30_1),
    ROW(31, 2, 0, fields_30_2),
    ROW(31, 3, 0, fields_31_3),
    ROW(31, 4, 0, fields_31_4),
    ROW(31, 5, 0, fields_30_3),
    ROW(31, 6, 0, fields_30_4),
    ROW(31, 7, 0, fields_30_5),
    ROW(31, 8, 0, fields_30_6),
    ROW(32, 1, 0, fields_30_1),
    ROW(32, 2, 0, fields_30_2),
    ROW(32, 3, 0, fields_31_3),
    ROW(32, 4, 0, fields_31_4),
    ROW(32, 5, 0, fields_30_5),
    ROW(32, 6, 0, fields_30_6),
    ROW(32, 7, 0, fields_32_7),
    ROW(32, 8, 0, fields_32_8),
    ROW(33, 1, 0, fields_30_1),
    ROW(33, 2, 0, fields_30_2),
    ROW(33, 3, 0, fields_31_3),
    ROW(33, 4, 0, fields_31_4),
    ROW(33, 5, 0, fields_30_5),
    ROW(33, 6, 0, fields_30_6),
    ROW(33, 7, 0, fields_32_7),
    ROW(33, 8, 0, fields_32_8),
    ROW(42, 1, 0, fields_30_1),
    ROW(42, 2, 0, fields_30_2),
    ROW(42, 3, 0, fields_31_3),
    ROW(42, 4, 0, fields_31_4),
    ROW(42, 5, 0, fields_30_5),
    ROW(42, 6, 0, fields_30_6),
    ROW(42, 7, 0, fields_32_7),
    ROW(42, 8, 0, fields_32_8),
    ROW(34, 1, 0, fields_34_1),
    ROW(34, 2, 0, fields_34_2),
    ROW(34, 3, 0, fields_34_3),
    ROW(40, 1, 0, fields_30_1),
    ROW(40, 2, 0, fields_30_2),
    ROW(40, 3, 0, fields_30_5),
    ROW(40, 4, 0, fields_30_6),
    ROW(41, 1, 0, fields_41_1),
    ROW(41, 2, 0, fields_41_2),
    ROW(41, 3, 0, fields_41_3),
    ROW(41, 4, 0, fields_41_4),
    ROW(43, 1, 0, fields_43_1),
    ROW(43, 2, 0, fields_43_2),
    ROW(43, 3, 0, fields_43_3),
    ROW(43, 4, 0, fields_43_4),
    ROW(43, 5, 0, fields_43_5),
    ROW(43, 6, 0, fields_43_6),
    ROW(43, 7, 0, fields_43_7),
    ROW(43, 8, 0, fields_43_8),
    ROW(50, 1, 0, fields_50_1),
    ROW(50, 2, 0, fields_50_2),
    ROW(50, 3, 0, fields_50_1),
    ROW(50, 4, 0, fields_50_4),
    ROW(51, 1, 0, fields_50_1),
    ROW(51, 2, 0, fields_50_1),
    ROW(52, 1, 0, fields_52_1),
    ROW(52, 2, 0, fields_52_2),
    ROW(80, 1, 1, fields_1_1),
    ROW(101, 1, 0, fields_101_1),
    ROW(101, 2, 0, fields_101_2),
    ROW(101, 3, 0, fields_101_3),
    ROW(102, 1, 0, fields_102_1),
};
#undef ROW

const struct dnp3_layout *dnp3_layout(uint8_t group, uint8_t variation)
{
    for (size_t i = 0; i < KD_COUNT(layouts); i++)
        if (layouts[i].group == group && layouts[i].variation == variation)
            return &layouts[i];
    return NULL;
}

const char *dnp3_function_name(uint8_t function)
{
    static const char *const requests[] = {
        "confirm", "read", "write", "select", "operate", "direct_operate", "direct_operate_nr", "immed_freeze",
        "immed_freeze_nr", "freeze_clear", "freeze_clear_nr", "freeze_at_time", "freeze_at_time_nr", "cold_restart",
        "warm_restart", "initialize_data", "initialize_appl", "start_appl", "stop_appl", "save_config",
        "enable_unsolicited", "disable_unsolicited", "assign_class", "delay_measure", "record_current_time",
        "open_file", "close_file", "delete_file", "get_file_info", "authenticate_file", "abort_file",
        "activate_config", "authenticate_req", "authenticate_err",
    };
    static const char *const responses[] = {"response", "unsolicited_response", "authenticate_resp"};
    if (function < KD_COUNT(requests))
        return requests[function];
    bool known = function >= DNP3_RESPONSE && function <= DNP3_AUTH_RESPONSE;
    return known ? responses[function - DNP3_RESPONSE] : "unknown";
}
