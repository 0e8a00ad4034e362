/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments whose form a line of the table cannot say: endpoint mapper, directory replication,
 * printer drivers. */
#include "proto/dcerpc/args.h"

/* ---- endpoint mapper (C706 appendix L) ---- */

enum {
    FLOOR_TCP = 0x07,
    FLOOR_UDP = 0x08,
    FLOOR_IP = 0x09,
    FLOOR_UUID = 0x0d,
    FLOOR_PIPE = 0x0f,
    FLOOR_HTTP = 0x1f,
    TOWER_FLOORS = 8
};

static const char *floor_name(uint8_t protocol)
{
    switch (protocol) {
    case FLOOR_TCP:
        return "tcp";
    case FLOOR_UDP:
        return "udp";
    case FLOOR_PIPE:
        return "pipe";
    case FLOOR_HTTP:
        return "http";
    default:
        return NULL;
    }
}

/* The interface is the first floor; the transport's floor has the port or the pipe's name. */
static void read_floor(struct dce_reading *r, unsigned i, struct kd_bytes left,
                       struct kd_bytes right, bool answer)
{
    struct kd_cur lhs = kd_cur_of(left);
    struct kd_cur rhs = kd_cur_of(right);
    uint8_t protocol = kd_cur_u8(&lhs);
    if (i == 0 && protocol == FLOOR_UUID && !answer) {
        char text[DCE_UUID_TEXT];
        struct kd_bytes uuid = kd_cur_take(&lhs, DCE_UUID);
        if (uuid.n != DCE_UUID)
            return;
        dce_uuid_text(uuid, false, text);
        const struct dce_iface *known = dce_iface_find(kd_bytes_of(text, sizeof(text)));
        dce_arg(r->args, "interface",
                known ? kd_str(known->name) : kd_bytes_of(text, sizeof(text)));
        return;
    }
    const char *name = floor_name(protocol);
    if (i < 3 || name == NULL)
        return;
    if (!answer)
        dce_arg(r->args, "protocol", kd_str(name));
    else if (protocol == FLOOR_PIPE)
        dce_arg(r->args, "pipe", kd_bytes_cut(&right, 0));
    else
        dce_arg_num(r->args, "port", kd_cur_be16(&rhs));
}

static void read_tower(struct dce_reading *r, bool answer)
{
    uint64_t room = dce_ndr_size(&r->ndr);
    uint64_t n = dce_ndr_u32(&r->ndr);
    struct kd_cur c = kd_cur_of(dce_ndr_take(&r->ndr, kd_min_u64(room, n)));
    unsigned floors = kd_cur_le16(&c);
    for (unsigned i = 0; i < floors && i < TOWER_FLOORS && kd_cur_more(&c); i++) {
        struct kd_bytes left = kd_cur_take(&c, kd_cur_le16(&c));
        struct kd_bytes right = kd_cur_take(&c, kd_cur_le16(&c));
        read_floor(r, i, left, right, answer);
    }
}

void dce_read_epm(struct dce_reading *r)
{
    if (dce_ndr_size(&r->ndr) != 0)
        (void)dce_ndr_take(&r->ndr, DCE_UUID);
    if (dce_ndr_size(&r->ndr) != 0)
        read_tower(r, false);
}

void dce_read_epm_answer(struct dce_reading *r)
{
    (void)dce_ndr_take(&r->ndr, DCE_HANDLE);
    (void)dce_ndr_u32(&r->ndr);
    (void)dce_ndr_size(&r->ndr);
    (void)dce_ndr_size(&r->ndr);
    uint64_t count = dce_ndr_size(&r->ndr);
    for (uint64_t i = 0; i < count && dce_ndr_ok(&r->ndr); i++)
        (void)dce_ndr_size(&r->ndr);
    if (count > 0)
        read_tower(r, true);
}

/* ---- directory replication ([MS-DRSR] 4.1) ---- */

/* DSNAME: an object by its distinguished name, or by its number. */
static void read_dsname(struct dce_reading *r, const char *name)
{
    struct dce_ndr *n = &r->ndr;
    uint64_t room = dce_ndr_size(n);
    (void)dce_ndr_u32(n);
    (void)dce_ndr_u32(n);
    struct kd_bytes guid = dce_ndr_take(n, DCE_UUID);
    (void)dce_ndr_take(n, 28); /* SID */
    uint64_t length = dce_ndr_u32(n);
    struct kd_bytes text = dce_ndr_take(n, kd_min_u64(room, UINT32_MAX) * 2);
    if (length > 0)
        dce_arg_text(r, name, kd_bytes_head(text, (size_t)length * 2));
    else
        dce_arg_uuid(r->args, name, guid, n->big);
}

static const char *extended_name(uint32_t op)
{
    static const char *const names[] = {"",
                                        "EXOP_FSMO_REQ_ROLE",
                                        "EXOP_FSMO_REQ_RID_ALLOC",
                                        "EXOP_FSMO_RID_REQ_ROLE",
                                        "EXOP_FSMO_REQ_PDC",
                                        "EXOP_FSMO_ABANDON_ROLE",
                                        "EXOP_REPL_OBJ",
                                        "EXOP_REPL_SECRETS"};
    return op < KD_COUNT(names) ? names[op] : "";
}

/* DRS_MSG_GETCHGREQ of versions 5, 8 and 10. */
void dce_read_nc_changes(struct dce_reading *r)
{
    struct dce_ndr *n = &r->ndr;
    uint32_t version = r->last;
    if (version != 5 && version != 8 && version != 10)
        return;
    dce_ndr_align(n, 8);
    dce_arg_uuid(r->args, "destination", dce_ndr_take(n, DCE_UUID), n->big);
    (void)dce_ndr_take(n, DCE_UUID);
    (void)dce_ndr_size(n);
    for (unsigned i = 0; i < 3; i++)
        (void)dce_ndr_u64(n);
    (void)dce_ndr_size(n);
    uint32_t flags = dce_ndr_u32(n);
    (void)dce_ndr_u32(n);
    (void)dce_ndr_u32(n);
    uint32_t extended = dce_ndr_u32(n);
    (void)dce_ndr_u64(n);
    if (version >= 8) {
        (void)dce_ndr_size(n);
        (void)dce_ndr_size(n);
        (void)dce_ndr_u32(n);
        (void)dce_ndr_size(n);
    }
    if (version >= 10)
        (void)dce_ndr_u32(n);
    if (!dce_ndr_ok(n))
        return;
    dce_arg_hex(r->args, "flags", flags);
    dce_arg(r->args, "extended", kd_str(extended_name(extended)));
    read_dsname(r, "naming_context");
}

void dce_read_naming_context(struct dce_reading *r)
{
    read_dsname(r, "naming_context");
}

/* DRS_MSG_REPADD: version 1 names the source by address, version 2 by its object too. */
void dce_read_replica_add(struct dce_reading *r)
{
    uint32_t version = r->last;
    for (unsigned i = 0; i < (version == 1 ? 2u : 4u); i++)
        (void)dce_ndr_size(&r->ndr);
    for (unsigned i = 0; i < 21 + 1; i++) /* schedule, flags */
        (void)dce_ndr_u32(&r->ndr);
    if (version == 1 || version == 2)
        read_dsname(r, "naming_context");
    if (version == 1) {
        struct kd_bytes source = dce_ndr_varying(&r->ndr, 1);
        dce_arg(r->args, "source", kd_bytes_cut(&source, 0));
    }
}

/* The first object of ENTINFLIST. */
void dce_read_add_entry(struct dce_reading *r)
{
    bool more = dce_ndr_size(&r->ndr) != 0;
    bool named = dce_ndr_size(&r->ndr) != 0;
    (void)dce_ndr_u32(&r->ndr);
    (void)dce_ndr_u32(&r->ndr);
    (void)dce_ndr_size(&r->ndr);
    if (!more && named)
        read_dsname(r, "object");
}

/* ---- printer drivers ([MS-RPRN] 2.2.1.5) ---- */

enum { DRIVER_TEXTS = 8 }; /* of level 3 and above, in their order */

/* What follows the texts and the dependent files in higher levels. */
static void skip_driver_rest(struct dce_ndr *n, uint32_t level)
{
    if (level >= 4) {
        (void)dce_ndr_u32(n);
        (void)dce_ndr_size(n);
    }
    if (level >= 6) {
        (void)dce_ndr_u64(n); /* date */
        (void)dce_ndr_u64(n); /* version */
        for (unsigned i = 0; i < 4; i++)
            (void)dce_ndr_size(n);
    }
}

void dce_read_driver(struct dce_reading *r)
{
    static const char *const names[DRIVER_TEXTS] = {"driver", "environment", "path",    "data",
                                                    "config", "help",        "monitor", "datatype"};
    struct dce_ndr *n = &r->ndr;
    uint32_t level = dce_ndr_u32(n);
    (void)dce_ndr_u32(n);
    bool there[DRIVER_TEXTS] = {0};
    if (dce_ndr_size(n) == 0 || (level != 2 && level != 3 && level != 4 && level != 6))
        return;
    dce_ndr_align(n, level == 6 || n->wide ? 8 : 4);
    (void)dce_ndr_u32(n); /* version */
    unsigned texts = level == 2 ? 5 : 8;
    for (unsigned i = 0; i < texts; i++)
        there[i] = dce_ndr_size(n) != 0;
    bool files = false;
    if (level >= 3) {
        (void)dce_ndr_u32(n);
        files = dce_ndr_size(n) != 0;
    }
    skip_driver_rest(n, level);
    dce_arg_num(r->args, "level", level);
    for (unsigned i = 0; i < texts; i++)
        if (there[i])
            dce_arg_text(r, names[i], dce_ndr_varying(n, 2));
    if (files)
        dce_arg_text(r, "files", dce_ndr_conformant(n, 2));
}
