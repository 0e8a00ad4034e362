/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/command.h"
#include "bin/say.h"

int kd_cmd_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return kd_say(KD_EXIT_USAGE, "version", "takes no arguments");
    printf("kidoban %s\n", KD_VERSION);
    return KD_EXIT_DONE;
}
