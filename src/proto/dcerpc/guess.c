/* SPDX-License-Identifier: Apache-2.0 */
/* A capture that began after the bind: what a request itself, the pipe's name or the course of
 * sealed calls proves.  Better no name than a wrong one. */
#include "proto/dcerpc/dce.h"

/* Interfaces with requests that are recognised by their form. */
static const char *const forms[] = {
    "svcctl",    "samr",
    "lsarpc",    "netlogon",
    "winreg",    "srvsvc",
    "wkssvc",    "atsvc",
    "efsrpc",    "spoolss",
    "dfsnm",     "fsrvp",
    "eventlog",  "ITaskSchedulerService",
    "IDispatch", "IWbemLevel1Login",
};

static bool holds(struct kd_bytes stub, const char *bytes, size_t n)
{
    return kd_bytes_find(stub, kd_bytes_of(bytes, n)) != SIZE_MAX;
}

/* A tower: five floors, the first an interface ([C706] appendix L). */
static bool is_map(uint16_t opnum, struct kd_bytes stub)
{
    return opnum == 3 && holds(kd_bytes_head(stub, 64), "\x05\x00\x13\x00\x0d", 5);
}

/* The class of the activation property that every activation carries. */
static bool is_activation(uint16_t opnum, struct kd_bytes stub)
{
    return (opnum == 3 || opnum == 4) && holds(stub, "MEOW", 4) &&
           holds(stub, "\xab\x01\x00\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46", 16);
}

static bool is_task(uint16_t opnum, struct kd_bytes stub)
{
    return opnum == 1 && holds(stub, "<\0T\0a\0s\0k\0 \0", 12);
}

static bool is_query(uint16_t opnum, struct kd_bytes stub)
{
    return (opnum == 20 || opnum == 22) && holds(stub, "W\0Q\0L\0\0\0", 8);
}

static bool is_method(uint16_t opnum, struct kd_bytes stub)
{
    return opnum == 24 && holds(stub, "W\0i\0n\0003\0002\0_\0", 12) && holds(stub, "MEOW", 4);
}

/* Invoke of an object: the reserved number behind the member is zero, then locale and flags. */
static bool is_invoke(uint16_t opnum, struct kd_bytes stub, bool big)
{
    static const uint8_t reserved[DCE_UUID];
    struct dce_ndr n = dce_ndr_of(stub, big, false);
    if (opnum != 6 || dce_ndr_u16(&n) != 5)
        return false;
    n = dce_ndr_of(stub, big, false);
    dce_read_orpc_this(&n);
    (void)dce_ndr_u32(&n);
    struct kd_bytes zero = dce_ndr_take(&n, DCE_UUID);
    uint32_t locale = dce_ndr_u32(&n);
    uint32_t flags = dce_ndr_u32(&n);
    return kd_bytes_eq(zero, kd_bytes_of(reserved, sizeof(reserved))) && locale <= UINT16_MAX &&
           flags != 0 && (flags & ~0xfu) == 0 && kd_cur_left(&n.c) >= 28;
}

/* The one interface whose definition the request follows to its end: in the usual encoding, else in
 * the wide one. */
static const struct dce_iface *by_form(uint16_t opnum, struct kd_bytes stub, bool big,
                                       bool *ret_wide)
{
    const struct dce_iface *found[2] = {NULL, NULL};
    unsigned fitting[2] = {0, 0};
    for (size_t i = 0; i < KD_COUNT(forms); i++) {
        const struct dce_iface *iface = dce_iface_named(forms[i]);
        const struct dce_op *op = dce_op_find(iface, dce_operation(iface, opnum));
        for (unsigned wide = 0; wide < 2 && op != NULL; wide++) {
            if (!dce_op_fits(op, stub, big, wide != 0))
                continue;
            found[wide] = iface;
            fitting[wide]++;
        }
    }
    *ret_wide = fitting[0] != 1 && fitting[1] == 1;
    return fitting[0] == 1 ? found[0] : fitting[1] == 1 ? found[1] : NULL;
}

static const struct dce_iface *by_content(uint16_t opnum, struct kd_bytes stub, bool big,
                                          bool *ret_wide)
{
    *ret_wide = false;
    if (is_map(opnum, stub))
        return dce_iface_named("epm");
    if (is_activation(opnum, stub))
        return dce_iface_named("IRemoteSCMActivator");
    if (is_task(opnum, stub))
        return dce_iface_named("ITaskSchedulerService");
    if (is_query(opnum, stub) || is_method(opnum, stub))
        return dce_iface_named("IWbemServices");
    if (is_invoke(opnum, stub, big))
        return dce_iface_named("IDispatch");
    return by_form(opnum, stub, big, ret_wide);
}

const struct dce_iface *dce_guess(struct kd_dcerpc *d, uint16_t opnum, struct kd_bytes stub,
                                  bool big, bool *ret_wide)
{
    enum { TRIES = 8, STUB_LEAST = 12 };
    const struct dce_iface *found = NULL;
    *ret_wide = false;
    if (stub.n >= STUB_LEAST && d->guesses < TRIES) {
        d->guesses++;
        found = by_content(opnum, stub, big, ret_wide);
    }
    if (found == NULL && d->pipe[0] != 0)
        found = dce_iface_of_pipe(kd_str(d->pipe));
    return found;
}

/* Sealed calls of replication: a client that had bound (0), asked for the controller (16) or names
 * (12) and nothing that the interface does not have in everyday use, gets a large answer to a
 * request (3) that is as long as a DRS_MSG_GETCHGREQ is at least. */
const struct dce_iface *dce_guess_sealed(struct kd_dcerpc *d, const struct dce_call *call)
{
    enum { REQUEST_LEAST = 180, ANSWER_LEAST = 300, BIND_LEAST = 40, BIND_MOST = 400 };
    const uint64_t everyday = 1u << 0 | 1u << 1 | 1u << 3 | 1u << 12 | 1u << 16;
    if (call->has_object || d->pipe[0] != 0)
        return NULL;
    bool bind = call->opnum == 0 && call->request_bytes >= BIND_LEAST &&
                call->request_bytes <= BIND_MOST && call->response_bytes >= BIND_LEAST &&
                call->response_bytes <= BIND_MOST;
    d->sealed_bind = d->sealed_bind || bind;
    d->sealed_ops |= call->opnum < 63 ? 1ull << call->opnum : 1ull << 63;
    bool prepared = d->sealed_bind || (d->sealed_ops & (1u << 12 | 1u << 16)) != 0;
    if (call->opnum != 3 || call->request_bytes < REQUEST_LEAST ||
        call->response_bytes < ANSWER_LEAST || (d->sealed_ops & ~everyday) != 0 || !prepared)
        return NULL;
    return dce_iface_named("drsuapi");
}
