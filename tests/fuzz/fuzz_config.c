/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration reader: any bytes give an answer; what is accepted keeps its promises. */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kd_config config;
    static struct kd_config_problems problems;
    enum kd_status s = kd_config_read(kd_bytes_of(data, size), &config, &problems);
    int zone_s;
    if (s == KD_OK && (!kd_config_zone(config.zone, &zone_s) || config.engines > 64 ||
                       config.interfaces.n > KD_CONFIG_ITEMS_MAX))
        abort();
    if (s == KD_MALFORMED && (problems.n == 0 || problems.at[0].en[0] == '\0' || problems.at[0].ja[0] == '\0'))
        abort();
    return 0;
}
