/* SPDX-License-Identifier: Apache-2.0 */
/* Names of RPC interfaces, their operations, COM classes and pipes, as their specifications have
 * them. */
#ifndef KD_PROTO_DCERPC_IFACE_H
#define KD_PROTO_DCERPC_IFACE_H

#include "base/out.h"

enum { DCE_UUID = 16, DCE_UUID_TEXT = 36 };

/* An interface.  `operations`: names by operation number, separated by spaces; "-" is a number that
 * the specification does not put on the wire.  Prefixes that say nothing (R of [MS-SCMR], R_, IDL_)
 * are left out; so are numbers behind the last name. */
struct dce_iface {
    const char *uuid;
    const char *name;
    const char *source;
    uint16_t version; /* major */
    const char *operations;
};

/* NULL: nobody knows it.  `uuid` is its text, lower case. */
const struct dce_iface *dce_iface_find(struct kd_bytes uuid);
const struct dce_iface *dce_iface_named(const char *name);

/* The name of an operation, or empty. */
struct kd_bytes dce_operation(const struct dce_iface *iface, uint16_t opnum);

/* The interface that a pipe of this name (without "\pipe\") is there for; NULL when unknown or when
 * it serves several. */
const struct dce_iface *dce_iface_of_pipe(struct kd_bytes pipe);

/* A COM class by its text number, or empty. */
struct kd_bytes dce_class_name(struct kd_bytes clsid);

/* The text of a number on the wire: its first three parts are big-endian if `big`. */
void dce_uuid_text(struct kd_bytes wire, bool big, char ret[DCE_UUID_TEXT]);

#endif
