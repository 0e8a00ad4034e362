/* SPDX-License-Identifier: Apache-2.0 */
/* Remote calls (DCE/RPC) as detectors see them: which service was called, and rules of one call
 * each. */
#ifndef KD_DETECT_RPC_H
#define KD_DETECT_RPC_H

#include "detect/common.h"

/* The services detectors know; told by their interface number, so that a name may be written in any
 * way. */
enum kd_rpc {
    KD_RPC_OTHER,
    KD_RPC_EPM,
    KD_RPC_SVCCTL,
    KD_RPC_ATSVC,
    KD_RPC_TASKS, /* ITaskSchedulerService */
    KD_RPC_SAMR,
    KD_RPC_LSARPC,
    KD_RPC_NETLOGON,
    KD_RPC_DRSUAPI,
    KD_RPC_WINREG,
    KD_RPC_SRVSVC,
    KD_RPC_WKSSVC,
    KD_RPC_EVENTLOG,
    KD_RPC_EVENTLOG6,
    KD_RPC_SPOOLSS,
    KD_RPC_PAR, /* IRemoteWinspool */
    KD_RPC_EFSR,
    KD_RPC_DFSNM,
    KD_RPC_FSRVP,
    KD_RPC_ICPR,
    KD_RPC_CERTREQUEST, /* ICertRequestD, ICertRequestD2 */
    KD_RPC_BACKUPKEY,
    KD_RPC_ACTIVATION, /* IRemoteSCMActivator, IActivation */
    KD_RPC_REMUNKNOWN,
    KD_RPC_DISPATCH,
    KD_RPC_WBEMLOGIN,
    KD_RPC_WBEMSERVICES,
};

enum kd_rpc kd_rpc_of(const struct kd_rec_dcerpc *c);

/* First argument of this name, without case; empty when it was not seen. */
struct kd_bytes kd_rpc_arg(const struct kd_rec_dcerpc *c, const char *name);

/* First argument that has one of these words in its value, or empty. */
struct kd_bytes kd_rpc_arg_with(const struct kd_rec_dcerpc *c, const char *const *words, size_t n);

/* The other side said no.  False while no answer was seen. */
bool kd_rpc_refused(const struct kd_rec_dcerpc *c);

/* How many calls the record stands for. */
uint32_t kd_rpc_calls(const struct kd_rec_dcerpc *c);

/* ---- rules of one call ---- */

enum {
    KD_RPC_DONE = 1,   /* only calls that were not refused */
    KD_RPC_NOT_DC = 2, /* silent when a domain controller asks */
    KD_RPC_EACH = 4    /* a finding for each machine asked; otherwise one for the asking machine */
};

/* One call that says what is going on.  Told once `least` of them were made, to
 * `least_targets` machines, within `window_us`, and
 * again each time their number has doubled.  The severity is the kind's; low when all were refused;
 * a step more from `many_targets` machines on (not beyond medium). */
struct kd_rpc_rule {
    enum kd_rpc service;
    uint16_t opnum;
    const struct kd_finding_kind *kind;
    const char *arg; /* argument that is told as {what}; NULL or not seen: the operation */
    unsigned flags;
    uint16_t least;         /* 0: 1 */
    uint16_t least_targets; /* different machines asked; 0: 1 */
    uint16_t many_targets;  /* 0: never */
    bool (*fits)(const struct kd_detect *d, const struct kd_record *r); /* NULL: always */
};

enum { KD_RPC_TARGETS = 32 };

/* State of rules, for a detector's keys.  A detector that keeps other things too gives its keys
 * another first byte than KD_RPC_KEY. */
enum { KD_RPC_KEY = 'R' };
struct kd_rpc_tally {
    uint64_t first_us, last_us;
    uint32_t n, done, told, n_targets;
    uint32_t targets[KD_RPC_TARGETS];
    struct kd_addr actor, target;
    struct kd_ids ids;
};

/* Its parts, for kd_detector.snap. */
void kd_rpc_snap(struct kd_snap *s, struct kd_rpc_tally *t);

/* Apply the rules to a dcerpc record.  Facts told: {what}, {operation}, {number}, {targets},
 * {interface}. */
void kd_rpc_rules(struct kd_detect *d, const struct kd_record *r, const struct kd_rpc_rule *rules,
                  size_t n, uint64_t window_us);

#endif
