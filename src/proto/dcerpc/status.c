/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/dcerpc/dce.h"

struct named {
    uint32_t v;
    const char *name;
};

/* C706 appendix E, [MS-RPCE] 2.2.1.1.5 and what Windows sends besides. */
static const struct named faults[] = {
    {0x00000005, "ERROR_ACCESS_DENIED"},
    {0x000006d1, "RPC_S_PROCNUM_OUT_OF_RANGE"},
    {0x000006f7, "RPC_X_BAD_STUB_DATA"},
    {0x00000721, "RPC_S_SEC_PKG_ERROR"},
    {0x000006be, "RPC_S_CALL_FAILED"},
    {0x000006bf, "RPC_S_CALL_FAILED_DNE"},
    {0x00000776, "RPC_X_INVALID_BOUND"},
    {0x1c000001, "nca_s_fault_int_div_by_zero"},
    {0x1c000002, "nca_s_fault_addr_error"},
    {0x1c000009, "nca_rpc_version_mismatch"},
    {0x1c00000b, "nca_proto_error"},
    {0x1c00000d, "nca_s_fault_cancel"},
    {0x1c000010, "nca_s_fault_access_denied"},
    {0x1c00001a, "nca_s_fault_context_mismatch"},
    {0x1c00001b, "nca_s_fault_remote_no_memory"},
    {0x1c010002, "nca_op_rng_error"},
    {0x1c010003, "nca_unk_if"},
    {0x1c010006, "nca_you_crashed"},
    {0x1c01000b, "nca_proto_error"},
    {0x1c010013, "nca_out_args_too_big"},
    {0x1c010014, "nca_server_too_busy"},
    {0x1c010017, "nca_unsupported_type"},
};

/* [MS-ERREF] */
static const struct named results[] = {
    {0x00000001, "ERROR_INVALID_FUNCTION"},
    {0x00000002, "ERROR_FILE_NOT_FOUND"},
    {0x00000003, "ERROR_PATH_NOT_FOUND"},
    {0x00000005, "ERROR_ACCESS_DENIED"},
    {0x00000006, "ERROR_INVALID_HANDLE"},
    {0x00000032, "ERROR_NOT_SUPPORTED"},
    {0x00000035, "ERROR_BAD_NETPATH"},
    {0x00000043, "ERROR_BAD_NET_NAME"},
    {0x00000057, "ERROR_INVALID_PARAMETER"},
    {0x0000007a, "ERROR_INSUFFICIENT_BUFFER"},
    {0x0000007b, "ERROR_INVALID_NAME"},
    {0x0000007c, "ERROR_INVALID_LEVEL"},
    {0x000000a1, "ERROR_BAD_PATHNAME"},
    {0x000000b7, "ERROR_ALREADY_EXISTS"},
    {0x000000ea, "ERROR_MORE_DATA"},
    {0x00000103, "ERROR_NO_MORE_ITEMS"},
    {0x0000041d, "ERROR_SERVICE_REQUEST_TIMEOUT"},
    {0x00000420, "ERROR_SERVICE_ALREADY_RUNNING"},
    {0x00000422, "ERROR_SERVICE_DISABLED"},
    {0x00000424, "ERROR_SERVICE_DOES_NOT_EXIST"},
    {0x00000426, "ERROR_SERVICE_NOT_ACTIVE"},
    {0x00000430, "ERROR_SERVICE_MARKED_FOR_DELETE"},
    {0x00000431, "ERROR_SERVICE_EXISTS"},
    {0x000006ba, "RPC_S_SERVER_UNAVAILABLE"},
    {0x000020f7, "ERROR_DS_DRA_BAD_DN"},
    {0x00002105, "ERROR_DS_DRA_ACCESS_DENIED"},
    {0x16c9a0d6, "EP_S_NOT_REGISTERED"},
    {0x80004001, "E_NOTIMPL"},
    {0x80004002, "E_NOINTERFACE"},
    {0x80004005, "E_FAIL"},
    {0x80010111, "RPC_E_INVALID_HEADER"},
    {0x80020003, "DISP_E_MEMBERNOTFOUND"},
    {0x80020006, "DISP_E_UNKNOWNNAME"},
    {0x80020009, "DISP_E_EXCEPTION"},
    {0x80040154, "REGDB_E_CLASSNOTREG"},
    {0x80041001, "WBEM_E_FAILED"},
    {0x80041002, "WBEM_E_NOT_FOUND"},
    {0x80041003, "WBEM_E_ACCESS_DENIED"},
    {0x80041010, "WBEM_E_INVALID_CLASS"},
    {0x8004100e, "WBEM_E_INVALID_NAMESPACE"},
    {0x80041017, "WBEM_E_INVALID_QUERY"},
    {0x80070002, "ERROR_FILE_NOT_FOUND"},
    {0x80070005, "E_ACCESSDENIED"},
    {0x80070035, "ERROR_BAD_NETPATH"},
    {0x80070057, "E_INVALIDARG"},
    {0x8000001a, "STATUS_NO_MORE_ENTRIES"},
    {0x00000105, "STATUS_MORE_ENTRIES"},
    {0x00000107, "STATUS_SOME_NOT_MAPPED"},
    {0xc0000003, "STATUS_INVALID_INFO_CLASS"},
    {0xc0000008, "STATUS_INVALID_HANDLE"},
    {0xc000000d, "STATUS_INVALID_PARAMETER"},
    {0xc0000022, "STATUS_ACCESS_DENIED"},
    {0xc0000034, "STATUS_OBJECT_NAME_NOT_FOUND"},
    {0xc0000063, "STATUS_USER_EXISTS"},
    {0xc0000064, "STATUS_NO_SUCH_USER"},
    {0xc0000065, "STATUS_GROUP_EXISTS"},
    {0xc0000066, "STATUS_NO_SUCH_GROUP"},
    {0xc000006a, "STATUS_WRONG_PASSWORD"},
    {0xc000006c, "STATUS_PASSWORD_RESTRICTION"},
    {0xc000006d, "STATUS_LOGON_FAILURE"},
    {0xc0000071, "STATUS_PASSWORD_EXPIRED"},
    {0xc0000072, "STATUS_ACCOUNT_DISABLED"},
    {0xc0000073, "STATUS_NONE_MAPPED"},
    {0xc00000bb, "STATUS_NOT_SUPPORTED"},
    {0xc00000df, "STATUS_NO_SUCH_DOMAIN"},
    {0xc0000151, "STATUS_NO_SUCH_ALIAS"},
    {0xc0000224, "STATUS_PASSWORD_MUST_CHANGE"},
    {0xc0000225, "STATUS_NOT_FOUND"},
    {0xc0000234, "STATUS_ACCOUNT_LOCKED_OUT"},
    {0xc0000388, "STATUS_DOWNGRADE_DETECTED"},
};

static struct kd_bytes name_of(const struct named *table, size_t n, uint32_t v,
                               char room[DCE_STATUS_ROOM])
{
    for (size_t i = 0; i < n; i++)
        if (table[i].v == v)
            return kd_str(table[i].name);
    struct kd_out o = kd_out_of(room, DCE_STATUS_ROOM);
    kd_out_fmt(&o, "0x%08x", v);
    return kd_out_bytes_view(&o);
}

struct kd_bytes dce_fault_name(uint32_t status, char room[DCE_STATUS_ROOM])
{
    return name_of(faults, KD_COUNT(faults), status, room);
}

struct kd_bytes dce_status_name(uint32_t status, char room[DCE_STATUS_ROOM])
{
    return status == 0 ? kd_str("success") : name_of(results, KD_COUNT(results), status, room);
}
