/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of EtherNet/IP and CIP by name (ODVA: CIP Networks Library, volumes 1 and 2). */
#include "proto/enip/enip.h"

struct name {
    uint32_t number;
    const char *name;
};

static const char *name_of(const struct name *rows, size_t n, uint32_t number)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].number == number)
            return rows[i].name;
    return NULL;
}

const char *enip_command_name(uint16_t command)
{
    static const struct name names[] = {
        {ENIP_NOP, "nop"}, {ENIP_LIST_SERVICES, "list_services"}, {ENIP_LIST_IDENTITY, "list_identity"},
        {ENIP_LIST_INTERFACES, "list_interfaces"}, {ENIP_REGISTER_SESSION, "register_session"},
        {ENIP_UNREGISTER_SESSION, "unregister_session"}, {ENIP_SEND_RR_DATA, "send_rr_data"},
        {ENIP_SEND_UNIT_DATA, "send_unit_data"}, {ENIP_INDICATE_STATUS, "indicate_status"}, {ENIP_CANCEL, "cancel"},
    };
    return name_of(names, KD_COUNT(names), command);
}

const char *enip_status_name(uint32_t status)
{
    static const struct name names[] = {
        {0, "success"}, {1, "invalid_cmd"}, {2, "no_resources"}, {3, "incorrect_data"}, {100, "invalid_session"},
        {101, "invalid_length"}, {105, "unsupported_prot_rev"}, {106, "encap_header_error"},
    };
    return name_of(names, KD_COUNT(names), status);
}

const char *enip_vendor_name(uint16_t vendor)
{
    static const struct name names[] = {
        {1, "Rockwell Automation/Allen-Bradley"}, {3, "Honeywell"}, {7, "SMC"}, {26, "Festo"}, {40, "WAGO"},
        {44, "Yaskawa Electric"}, {46, "ABB"}, {47, "Omron"}, {48, "Turck"}, {74, "Hitachi"}, {90, "HMS"},
        {97, "Danfoss"}, {108, "Beckhoff"}, {145, "Siemens"}, {159, "IDEC"}, {161, "Mitsubishi Electric"},
        {171, "Denso Wave"}, {217, "Meidensha"}, {243, "Schneider"}, {250, "Yokogawa Electric"}, {255, "Bosch Rexroth"},
        {283, "Hilscher"}, {319, "Fuji Electric"}, {322, "ifm"}, {367, "Keyence"}, {562, "Phoenix Contact"},
        {591, "FANUC"}, {678, "Cognex"}, {808, "SICK"}, {887, "B&R"}, {939, "Cisco"}, {991, "Moxa"},
    };
    return name_of(names, KD_COUNT(names), vendor);
}

const char *enip_device_name(uint16_t type)
{
    static const struct name names[] = {
        {2, "AC Drive"}, {3, "Motor Overload"}, {4, "Limit Switch"}, {5, "Inductive Proximity Switch"},
        {6, "Photoelectric Sensor"}, {7, "General Purpose Discrete I/O"}, {9, "Resolver"}, {12, "Communications Adapter"},
        {14, "Programmable Logic Controller"}, {16, "Position Controller"}, {19, "DC Drive"}, {21, "Contactor"},
        {22, "Motor Starter"}, {23, "Soft Start"}, {24, "Human-Machine Interface"}, {26, "Mass Flow Controller"},
        {27, "Pneumatic Valve"}, {28, "Vacuum Pressure Gauge"}, {34, "Encoder"}, {35, "Safety Discrete I/O Device"},
        {36, "Fluid Flow Controller"}, {37, "CIP Motion Drive"}, {40, "CIP Modbus Device"}, {41, "CIP Modbus Translator"},
        {42, "Safety Analog I/O Device"}, {43, "Generic Device (keyable)"}, {44, "Managed Ethernet Switch"},
        {51, "Circuit Breaker"},
    };
    return name_of(names, KD_COUNT(names), type);
}

const char *cip_service_name(uint8_t code)
{
    static const struct name names[] = {
        {0x01, "Get Attributes All"}, {0x02, "Set Attributes All"}, {0x03, "Get Attribute List"},
        {0x04, "Set Attribute List"}, {0x05, "Reset"}, {0x06, "Start"}, {0x07, "Stop"}, {0x08, "Create"},
        {0x09, "Delete"}, {0x0a, "Multiple Service Packet"}, {0x0d, "Apply Attributes"}, {0x0e, "Get Attribute Single"},
        {0x10, "Set Attribute Single"}, {0x11, "Find Next Object Instance"}, {0x15, "Restore"}, {0x16, "Save"},
        {0x17, "Nop"}, {0x18, "Get Member"}, {0x19, "Set Member"}, {0x1a, "Insert Member"}, {0x1b, "Remove Member"},
        {0x1c, "Group Sync"}, {0x4b, "Execute PCCC"}, {0x4c, "Read Tag"}, {0x4d, "Write Tag"}, {0x4e, "Forward Close"},
        {0x52, "Unconnected Send"}, {0x53, "Write Tag Fragmented"}, {0x54, "Forward Open"},
        {0x55, "Get Instance Attribute List"}, {0x56, "Get Connection Data"}, {0x5b, "Large Forward Open"},
    };
    const char *name = name_of(names, KD_COUNT(names), code);
    return name != NULL ? name : "Unknown";
}

const char *cip_class_name(uint32_t class_id)
{
    static const struct name names[] = {
        {0x01, "Identity"}, {0x02, "Message Router"}, {0x03, "DeviceNet"}, {0x04, "Assembly"}, {0x05, "Connection"},
        {0x06, "Connection Manager"}, {0x07, "Register"}, {0x08, "Discrete Input Point"}, {0x09, "Discrete Output Point"},
        {0x0a, "Analog Input Point"}, {0x0b, "Analog Output Point"}, {0x0f, "Parameter"}, {0x23, "Position Sensor"},
        {0x28, "Motor Data"}, {0x29, "Control Supervisor"}, {0x2a, "AC/DC Drive"}, {0x37, "File"}, {0x43, "Time Sync"},
        {0x47, "Device Level Ring"}, {0x48, "QoS"}, {0x5d, "CIP Security"}, {0x5e, "EtherNet/IP Security"},
        {0x67, "PCCC"}, {0x6b, "Symbol"}, {0x6c, "Template"}, {0xf4, "Port"}, {0xf5, "TCP/IP Interface"},
        {0xf6, "Ethernet Link"},
    };
    const char *name = name_of(names, KD_COUNT(names), class_id);
    return name != NULL ? name : "";
}

const char *cip_status_name(uint8_t status)
{
    static const char *const names[] = {
        "Success", "Connection failure", "Resource unavailable", "Invalid parameter value", "Path segment error",
        "Path destination unknown", "Partial transfer", "Connection lost", "Service not supported",
        "Invalid attribute value", "Attribute list error", "Already in requested mode/state", "Object state conflict",
        "Object already exists", "Attribute not settable", "Privilege violation", "Device state conflict",
        "Reply data too large", "Fragmentation of a primitive value", "Not enough data", "Attribute not supported",
        "Too much data", "Object does not exist", "Service fragmentation sequence not in progress",
        "No stored attribute data", "Store operation failure", "Routing failure, request packet too large",
        "Routing failure, response packet too large", "Missing attribute list entry data",
        "Invalid attribute value list", "Embedded service error", "Vendor specific error", "Invalid parameter",
        "Write-once value or medium already written", "Invalid reply received", "Buffer overflow",
        "Invalid message format", "Key failure in path", "Path size invalid", "Unexpected attribute in list",
        "Invalid Member ID", "Member not settable", "Group 2 only server general failure", "Unknown Modbus error",
        "Attribute not gettable",
    };
    return status < KD_COUNT(names) ? names[status] : "Unknown";
}
