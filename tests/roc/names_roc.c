/* SPDX-License-Identifier: Apache-2.0 */
/* How random each name looks to the detectors.  usage: names_roc < NAMES; for each line the surprise of the label
 * that was registered, and whether it counts as random. */
#include "detect/detect.h"
#include "detect/names.h"

#include <stdio.h>

int main(void)
{
    char line[512];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct kd_bytes name = kd_bytes_of(line, strcspn(line, "\r\n"));
        struct kd_bytes rest = kd_detect_zone(name);
        struct kd_bytes label = kd_bytes_cut(&rest, '.');
        unsigned surprise = kd_name_surprise(label);
        printf("%u\t%d\t%.*s\n", surprise, surprise >= KD_NAME_RANDOM, (int)name.n, (const char *)name.p);
    }
    return 0;
}
