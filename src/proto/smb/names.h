/* SPDX-License-Identifier: Apache-2.0 */
/* Names of SMB's numbers ([MS-SMB2], [MS-ERREF], [MS-FSCC]), as EVE writes them. */
#ifndef KD_PROTO_SMB_NAMES_H
#define KD_PROTO_SMB_NAMES_H

#include "base/out.h"

/* Numbers without a name are written in hexadecimal into `room` (at least KD_SMB_NAME_ROOM bytes).
 */
enum { KD_SMB_NAME_ROOM = 40 };

struct kd_bytes smb_command_name(uint16_t command, char *room);
uint16_t smb1_dialect(struct kd_bytes name); /* a number that smb_dialect_name() knows */
struct kd_bytes smb_status_name(uint32_t status, char *room); /* STATUS_…, else STATUS_C0000123 */
struct kd_bytes smb_dialect_name(uint16_t dialect, char *room);
struct kd_bytes smb_fsctl_name(uint32_t code, char *room);
struct kd_bytes smb_disposition_name(uint32_t disposition);
struct kd_bytes smb_create_action_name(uint32_t action);
struct kd_bytes smb_share_type_name(uint8_t type);

#endif
