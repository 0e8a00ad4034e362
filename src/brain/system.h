/* SPDX-License-Identifier: Apache-2.0 */
/* Which system or device a host is, as it tells of itself.  Guesses: the name comes with its source, and a
 * surer source is not overwritten by a weaker one. */
#ifndef KD_BRAIN_SYSTEM_H
#define KD_BRAIN_SYSTEM_H

#include "base/addr.h"
#include "wire/record.h"

/* In rising order of trust. */
enum kd_system_source {
    KD_SYSTEM_NONE,
    KD_SYSTEM_MAC,  /* maker of its network card, where that says what it is */
    KD_SYSTEM_HTTP, /* user agent */
    KD_SYSTEM_SSH,
    KD_SYSTEM_NTLM,
    KD_SYSTEM_SMB,
    KD_SYSTEM_DHCP
};
const char *kd_system_source_text(unsigned source);

/* Static texts, or NULL when it does not tell. */
const char *kd_system_of_ntlm(struct kd_bytes version);
const char *kd_system_of_dhcp(const struct kd_rec_dhcp *d);
const char *kd_system_of_agent(struct kd_bytes user_agent);
const char *kd_system_of_ssh(struct kd_bytes software);
const char *kd_system_of_smb(struct kd_bytes native_os);

/* What the maker of the card makes, for makers of one kind of thing; *ret_printer (may be NULL): it prints. */
const char *kd_system_of_mac(const struct kd_mac *mac, bool *ret_printer);

#endif
