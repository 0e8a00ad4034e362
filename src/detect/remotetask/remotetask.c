/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs given to another machine's task scheduler.  See remotetask.md. */
#include "detect/rpc.h"
#include "findings.h"

/* [MS-TSCH] 3.2.5.2 (ATSvc) and 3.2.5.4 (ITaskSchedulerService).  Numbers of operations are seen
 * even when what they carry is sealed. */
static const struct kd_rpc_rule rules[] = {
    {KD_RPC_ATSVC, 0, &kd_finding_KD_LM_0025, "command", KD_RPC_EACH, 0, 0, 0,
     NULL}, /* NetrJobAdd */
    {KD_RPC_TASKS, 1, &kd_finding_KD_LM_0026, "path", KD_RPC_EACH, 0, 0, 0,
     NULL}, /* SchRpcRegisterTask */
    {KD_RPC_TASKS, 12, &kd_finding_KD_LM_0026, "path", KD_RPC_EACH, 0, 0, 0, NULL}, /* SchRpcRun */
};

static void remotetask_record(struct kd_detect *d, const struct kd_record *r)
{
    kd_rpc_rules(d, r, rules, KD_COUNT(rules), KD_US_PER_DAY);
}

static void remotetask_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    (void)key;
    kd_rpc_snap(s, state);
}

const struct kd_detector kd_detector_remotetask = {
    .name = "remotetask",
    .summary_en = "tasks made or run on another machine (AT, Task Scheduler)",
    .summary_ja = "他の端末へのタスクの登録・実行(AT、タスクスケジューラ)",
    .wants = (uint64_t)1 << KD_REC_DCERPC,
    .key_state_bytes = sizeof(struct kd_rpc_tally),
    .max_keys = 5000,
    .idle_us = 2 * KD_US_PER_DAY,
    .record = remotetask_record,
    .snap = remotetask_snap,
    .snap_version = 1,
};
