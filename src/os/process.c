/* SPDX-License-Identifier: Apache-2.0 */
#include "os/process.h"

static const char *const names[KD_PROC_COUNT] = {
    [KD_PROC_ENGINE] = "engine", [KD_PROC_BRAIN] = "brain",   [KD_PROC_STORE] = "store",
    [KD_PROC_WEB] = "web",       [KD_PROC_READER] = "reader", [KD_PROC_GATE] = "gate",
    [KD_PROC_DIAL] = "dial",     [KD_PROC_COMPILE] = "compile", [KD_PROC_LISTS] = "lists",
    [KD_PROC_BOX] = "box",       [KD_PROC_FETCH] = "fetch",   [KD_PROC_UPDATE] = "update",
};

const char *kd_proc_name(enum kd_proc role)
{
    return (unsigned)role < KD_PROC_COUNT ? names[role] : "unknown";
}

enum kd_proc kd_proc_find(const char *name)
{
    unsigned i = 0;
    while (i < KD_PROC_COUNT && strcmp(names[i], name) != 0)
        i++;
    return (enum kd_proc)i;
}
