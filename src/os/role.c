/* SPDX-License-Identifier: Apache-2.0 */
#include "os/role.h"

static const char *const names[KD_ROLE_COUNT] = {
    [KD_ROLE_ENGINE] = "engine", [KD_ROLE_BRAIN] = "brain",   [KD_ROLE_STORE] = "store",
    [KD_ROLE_WEB] = "web",       [KD_ROLE_READER] = "reader",
};

const char *kd_role_name(enum kd_role role)
{
    return (unsigned)role < KD_ROLE_COUNT ? names[role] : "unknown";
}

enum kd_role kd_role_find(const char *name)
{
    unsigned i = 0;
    while (i < KD_ROLE_COUNT && strcmp(names[i], name) != 0)
        i++;
    return (enum kd_role)i;
}
