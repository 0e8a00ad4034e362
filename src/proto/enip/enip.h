/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of EtherNet/IP and of CIP within them, read (private to this folder). */
#ifndef KD_PROTO_ENIP_ENIP_H
#define KD_PROTO_ENIP_ENIP_H

#include "proto/parser.h"

enum { ENIP_HEADER = 24, ENIP_NAME = 8 };
enum { CIP_PARTS_MAX = 32, CIP_SEGMENTS_MAX = 4, CIP_ATTRIBUTES_MAX = 16, CIP_ANSWER = 0x80 };

enum enip_command {
    ENIP_NOP = 0,
    ENIP_LIST_SERVICES = 4,
    ENIP_LIST_IDENTITY = 99,
    ENIP_LIST_INTERFACES = 100,
    ENIP_REGISTER_SESSION = 101,
    ENIP_UNREGISTER_SESSION = 102,
    ENIP_SEND_RR_DATA = 111,
    ENIP_SEND_UNIT_DATA = 112,
    ENIP_INDICATE_STATUS = 114,
    ENIP_CANCEL = 115
};

/* One service of CIP: alone, or one of several within Multiple Service Packet. */
struct cip_service {
    uint8_t code; /* with CIP_ANSWER */
    uint8_t status;
    bool has_extended;
    uint16_t extended;
    bool has_class, has_instance;
    uint32_t class_id, instance;
    uint8_t n_segments, n_attributes;
    struct kd_cip_segment segment[CIP_SEGMENTS_MAX];
    uint32_t attribute[CIP_ATTRIBUTES_MAX]; /* named by the path, or by the list behind it */
};

/* A message; what does not fit its length is told as far as it goes. */
struct enip_message {
    uint16_t command;
    uint32_t session, status, options;
    struct kd_bytes context; /* 8 bytes: the answer repeats them */
    bool broken;             /* its parts are not what their lengths say */
    bool has_register, has_identity, has_services;
    uint16_t version, register_options, capabilities;
    struct kd_enip_identity identity;
    uint16_t revision, vendor, device_type;
    uint8_t vendor_text[ENIP_NAME], type_text[ENIP_NAME], revision_text[ENIP_NAME]; /* made of numbers */
    struct kd_bytes service_name;
    uint32_t connection; /* of send_unit_data */
    uint16_t sequence;
    unsigned n_cip; /* 0: none; the first is the message's, those behind it stand within it */
    struct cip_service cip[1 + CIP_PARTS_MAX];
};

void enip_read(struct kd_bytes in, struct enip_message *m);

/* A message of CIP into m->cip. */
void cip_read(struct kd_bytes in, struct enip_message *m);

const char *enip_command_name(uint16_t command); /* NULL: unknown */
const char *enip_status_name(uint32_t status);   /* NULL: unknown */
const char *enip_vendor_name(uint16_t vendor);   /* NULL: not one of the well-known */
const char *enip_device_name(uint16_t type);     /* NULL: unknown */
const char *cip_service_name(uint8_t code);      /* without CIP_ANSWER; "Unknown" */
const char *cip_class_name(uint32_t class_id);   /* "" */
const char *cip_status_name(uint8_t status);     /* "Unknown" */

/* Who sent it, by what only one side says. */
enum enip_side { ENIP_EITHER, ENIP_REQUEST, ENIP_RESPONSE };
enum enip_side enip_side(const struct enip_message *m, size_t length);

#endif
