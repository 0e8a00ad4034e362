/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens themselves are tested with spnego, ntlm and krb5, real ones with ldap and http. */
#include "proto/credential/credential.h"

#include "../../../tests/tap.h"

static const uint8_t authenticate[] = "NTLMSSP\0\x03\0\0\0"
                                      "\0\0\0\0\x40\0\0\0"
                                      "\0\0\0\0\x40\0\0\0"
                                      "\x08\0\x08\0\x40\0\0\0"
                                      "\x04\0\x04\0\x48\0\0\0"
                                      "\x02\0\x02\0\x4c\0\0\0"
                                      "\0\0\0\0\x4e\0\0\0"
                                      "\x01\x02\0\0"
                                      "M\0A\0C\0H\0"
                                      "k\0n\0"
                                      "P\0";

static void names_of_ntlm(void)
{
    static struct kd_credential c;
    struct kd_rec_login login = {0};
    kd_credential_start(&c);
    kd_credential_token(&c, kd_bytes_of("NTLMSSP\0\x01\0\0\0\0\0\0\0", 16));
    CHECK(!kd_credential_complete(&c) && !c.broken);
    kd_credential_token(&c, kd_bytes_of(authenticate, sizeof(authenticate) - 1));
    CHECK(kd_credential_complete(&c) && !c.broken);
    kd_credential_login(&c, &login);
    CHECK(kd_bytes_eq_str(login.method, "ntlm") && kd_bytes_eq_str(login.user, "kn"));
    CHECK(kd_bytes_eq_str(login.domain, "MACH") && kd_bytes_eq_str(login.workstation, "P"));
    /* What follows the last token need not be one. */
    kd_credential_token(&c, kd_str("abcd"));
    CHECK(!c.broken);
}

static void garbage_is_noted(void)
{
    static struct kd_credential c;
    struct kd_rec_login login = {0};
    kd_credential_start(&c);
    kd_credential_token(&c, kd_str("abcd"));
    CHECK(c.broken && !kd_credential_complete(&c));
    kd_credential_login(&c, &login);
    CHECK(login.method.n == 0 && login.user.n == 0);
}

int main(void)
{
    RUN(names_of_ntlm);
    RUN(garbage_is_noted);
    return tap_done();
}
