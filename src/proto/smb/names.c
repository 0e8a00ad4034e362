/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/smb/names.h"

struct name_row {
    uint32_t number;
    const char *name;
};

static const char *const commands[] = {
    "NEGOTIATE_PROTOCOL",
    "SESSION_SETUP",
    "SESSION_LOGOFF",
    "TREE_CONNECT",
    "TREE_DISCONNECT",
    "CREATE",
    "CLOSE",
    "FLUSH",
    "READ",
    "WRITE",
    "LOCK",
    "IOCTL",
    "CANCEL",
    "KEEPALIVE",
    "FIND",
    "NOTIFY",
    "GET_INFO",
    "SET_INFO",
    "BREAK",
    "SERVER_NOTIFICATION",
};

/* Of SMB 1, as EVE has them. */
static const char *const smb1_commands[256] = {
    [0x00] = "CREATE_DIRECTORY",
    [0x01] = "DELETE_DIRECTORY",
    [0x02] = "OPEN",
    [0x03] = "CREATE",
    [0x04] = "CLOSE",
    [0x05] = "FLUSH",
    [0x06] = "DELETE",
    [0x07] = "RENAME",
    [0x08] = "QUERY_INFORMATION",
    [0x09] = "SET_INFORMATION",
    [0x0a] = "READ",
    [0x0b] = "WRITE",
    [0x0c] = "LOCK_BYTE_RANGE",
    [0x0d] = "UNLOCK_BYTE_RANGE",
    [0x0e] = "CREATE_TEMPORARY",
    [0x0f] = "CREATE_NEW",
    [0x10] = "CHECK_DIRECTORY",
    [0x11] = "PROCESS_EXIT",
    [0x12] = "SEEK",
    [0x1a] = "READ_RAW",
    [0x1d] = "WRITE_RAW",
    [0x24] = "LOCKING_ANDX",
    [0x25] = "TRANS",
    [0x26] = "TRANS_SECONDARY",
    [0x2b] = "ECHO",
    [0x2c] = "WRITE_AND_CLOSE",
    [0x2d] = "OPEN_ANDX",
    [0x2e] = "READ_ANDX",
    [0x2f] = "WRITE_ANDX",
    [0x32] = "TRANS2",
    [0x33] = "TRANS2_SECONDARY",
    [0x34] = "FIND_CLOSE2",
    [0x70] = "TREE_CONNECT",
    [0x71] = "TREE_DISCONNECT",
    [0x72] = "NEGOTIATE_PROTOCOL",
    [0x73] = "SESSION_SETUP_ANDX",
    [0x74] = "LOGOFF_ANDX",
    [0x75] = "TREE_CONNECT_ANDX",
    [0x80] = "QUERY_INFO_DISK",
    [0x81] = "SEARCH",
    [0x82] = "FIND",
    [0xa0] = "NT_TRANS",
    [0xa1] = "NT_TRANS_SECONDARY",
    [0xa2] = "NT_CREATE_ANDX",
    [0xa4] = "NT_CANCEL",
    [0xa5] = "NT_RENAME",
    [0xc0] = "OPEN_PRINT_FILE",
    [0xc1] = "WRITE_PRINT_FILE",
    [0xc2] = "CLOSE_PRINT_FILE",
};

enum { SMB1_COMMANDS = 0x100, SMB1_DIALECT_OTHER = 1 };

/* Their numbers are ours and lie below those of SMB 2. */
static const struct name_row smb1_dialects[] = {
    {1, "SMB1"},       {2, "PC NETWORK PROGRAM 1.0"},
    {3, "LANMAN1.0"},  {4, "Windows for Workgroups 3.1a"},
    {5, "LM1.2X002"},  {6, "LANMAN2.1"},
    {7, "NT LM 0.12"}, {8, "NT LANMAN 1.0"},
};

/* In ascending order: searched by halves. */
static const struct name_row statuses[] = {
#define STATUS(number, name) {number, "STATUS_" name},
#include "proto/smb/status.def"
#undef STATUS
};

static const struct name_row dialects[] = {
    {0x0202, "2.02"}, {0x0210, "2.10"}, {0x0222, "2.22"}, {0x0224, "2.24"}, {0x02ff, "2.??"},
    {0x0300, "3.00"}, {0x0302, "3.02"}, {0x0310, "3.10"}, {0x0311, "3.11"},
};

static const struct name_row fsctls[] = {
    {0x00060194, "FSCTL_DFS_GET_REFERRALS"},
    {0x000601b0, "FSCTL_DFS_GET_REFERRALS_EX"},
    {0x00090000, "FSCTL_REQUEST_OPLOCK_LEVEL_1"},
    {0x0009003c, "FSCTL_GET_COMPRESSION"},
    {0x00090060, "FSCTL_FILESYSTEM_GET_STATISTICS"},
    {0x00090064, "FSCTL_GET_NTFS_VOLUME_DATA"},
    {0x000900a4, "FSCTL_SET_REPARSE_POINT"},
    {0x000900a8, "FSCTL_GET_REPARSE_POINT"},
    {0x000900ac, "FSCTL_DELETE_REPARSE_POINT"},
    {0x000900c0, "FSCTL_CREATE_OR_GET_OBJECT_ID"},
    {0x000900c4, "FSCTL_SET_SPARSE"},
    {0x000900eb, "FSCTL_READ_FILE_USN_DATA"},
    {0x00090240, "FSCTL_REQUEST_OPLOCK"},
    {0x0009027c, "FSCTL_GET_INTEGRITY_INFORMATION"},
    {0x00090284, "FSCTL_QUERY_FILE_REGIONS"},
    {0x00090344, "FSCTL_DUPLICATE_EXTENTS_TO_FILE"},
    {0x000940cf, "FSCTL_QUERY_ALLOCATED_RANGES"},
    {0x00094264, "FSCTL_OFFLOAD_READ"},
    {0x00098098, "FSCTL_SET_OBJECT_ID"},
    {0x000980c8, "FSCTL_SET_ZERO_DATA"},
    {0x00098208, "FSCTL_FILE_LEVEL_TRIM"},
    {0x00098268, "FSCTL_OFFLOAD_WRITE"},
    {0x0009c040, "FSCTL_SET_COMPRESSION"},
    {0x0009c280, "FSCTL_SET_INTEGRITY_INFORMATION"},
    {0x00110018, "FSCTL_PIPE_WAIT"},
    {0x0011400c, "FSCTL_PIPE_PEEK"},
    {0x0011c017, "FSCTL_PIPE_TRANSCEIVE"},
    {0x00140078, "FSCTL_SRV_REQUEST_RESUME_KEY"},
    {0x001401d4, "FSCTL_LMR_REQUEST_RESILIENCY"},
    {0x001401fc, "FSCTL_QUERY_NETWORK_INTERFACE_INFO"},
    {0x00140204, "FSCTL_VALIDATE_NEGOTIATE_INFO"},
    {0x00144064, "FSCTL_SRV_ENUMERATE_SNAPSHOTS"},
    {0x001440f2, "FSCTL_SRV_COPYCHUNK"},
    {0x001441bb, "FSCTL_SRV_READ_HASH"},
    {0x001480f2, "FSCTL_SRV_COPYCHUNK_WRITE"},
};

static const char *find_name(const struct name_row *rows, size_t n, uint32_t number)
{
    size_t low = 0;
    while (low < n) {
        size_t mid = low + (n - low) / 2;
        if (rows[mid].number == number)
            return rows[mid].name;
        if (rows[mid].number < number)
            low = mid + 1;
        else
            n = mid;
    }
    return NULL;
}

static struct kd_bytes or_hex(const char *name, const char *prefix, uint32_t number, char *room)
{
    if (name != NULL)
        return kd_str(name);
    struct kd_out o = kd_out_of(room, KD_SMB_NAME_ROOM);
    kd_out_fmt(&o, "%s%X", prefix, number);
    return kd_out_bytes_view(&o);
}

struct kd_bytes smb_command_name(uint16_t command, char *room)
{
    struct kd_out o = kd_out_of(room, KD_SMB_NAME_ROOM);
    if (command >= SMB1_COMMANDS) {
        const char *name = smb1_commands[command & 0xff];
        kd_out_str(&o, "SMB1_COMMAND_");
        if (name != NULL)
            kd_out_str(&o, name);
        else
            kd_out_u64(&o, command & 0xffu);
        return kd_out_bytes_view(&o);
    }
    kd_out_str(&o, "SMB2_COMMAND_");
    if (command < KD_COUNT(commands))
        kd_out_str(&o, commands[command]);
    else
        kd_out_u64(&o, command);
    return kd_out_bytes_view(&o);
}

struct kd_bytes smb_status_name(uint32_t status, char *room)
{
    struct kd_bytes name =
        or_hex(find_name(statuses, KD_COUNT(statuses), status), "STATUS_", status, room);
    return name;
}

uint16_t smb1_dialect(struct kd_bytes name)
{
    for (size_t i = 0; i < KD_COUNT(smb1_dialects); i++)
        if (kd_bytes_eq_str(name, smb1_dialects[i].name))
            return (uint16_t)smb1_dialects[i].number;
    return SMB1_DIALECT_OTHER;
}

struct kd_bytes smb_dialect_name(uint16_t dialect, char *room)
{
    const char *old = find_name(smb1_dialects, KD_COUNT(smb1_dialects), dialect);
    if (old != NULL)
        return kd_str(old);
    return or_hex(find_name(dialects, KD_COUNT(dialects), dialect), "0x", dialect, room);
}

struct kd_bytes smb_fsctl_name(uint32_t code, char *room)
{
    return or_hex(find_name(fsctls, KD_COUNT(fsctls), code), "0x", code, room);
}

struct kd_bytes smb_disposition_name(uint32_t disposition)
{
    static const char *const names[] = {"FILE_SUPERSEDE", "FILE_OPEN",      "FILE_CREATE",
                                        "FILE_OPEN_IF",   "FILE_OVERWRITE", "FILE_OVERWRITE_IF"};
    return disposition < KD_COUNT(names) ? kd_str(names[disposition]) : kd_str("UNKNOWN");
}

struct kd_bytes smb_create_action_name(uint32_t action)
{
    static const char *const names[] = {"superseded", "opened", "created", "overwritten"};
    return action < KD_COUNT(names) ? kd_str(names[action]) : kd_str("unknown");
}

struct kd_bytes smb_share_type_name(uint8_t type)
{
    static const char *const names[] = {"", "DISK", "PIPE", "PRINT"};
    return type < KD_COUNT(names) ? kd_str(names[type]) : kd_str("UNKNOWN");
}
