/* SPDX-License-Identifier: Apache-2.0 */
/* A capture that began after the bind: what the pipe's name or a request itself proves.  Better no
 * name than a wrong one: only forms that hardly anything else has. */
#include "proto/dcerpc/dce.h"

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

/* Does it read as the creation of a service from end to end? */
static bool is_service(uint16_t opnum, struct kd_bytes stub, bool big)
{
    static const struct dce_handles none;
    const struct dce_iface *svcctl = dce_iface_named("svcctl");
    struct dce_args args;
    if (opnum != 12 && opnum != 24)
        return false;
    dce_args_start(&args, 256);
    return dce_op_request(dce_op_find(svcctl, dce_operation(svcctl, opnum)), stub, big, false,
                          &none, &args) &&
           dce_arg_get(&args, "service").n > 0 && dce_arg_get(&args, "start_type").n > 0 &&
           dce_arg_get(&args, "path").n > 0;
}

const struct dce_iface *dce_guess(const struct kd_dcerpc *d, uint16_t opnum, struct kd_bytes stub,
                                  bool big)
{
    if (d->pipe[0] != 0) {
        const struct dce_iface *by_pipe = dce_iface_of_pipe(kd_str(d->pipe));
        if (by_pipe != NULL)
            return by_pipe;
    }
    if (is_map(opnum, stub))
        return dce_iface_named("epm");
    if (is_activation(opnum, stub))
        return dce_iface_named("IRemoteSCMActivator");
    if (is_task(opnum, stub))
        return dce_iface_named("ITaskSchedulerService");
    if (is_query(opnum, stub) || is_method(opnum, stub))
        return dce_iface_named("IWbemServices");
    if (is_service(opnum, stub, big))
        return dce_iface_named("svcctl");
    return NULL;
}
