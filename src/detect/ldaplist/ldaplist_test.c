/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void search(struct kd_tb *t, double at_s, const char *src, const char *base,
                   const char *scope, const char *filter, const char *attribute, uint32_t entries)
{
    struct kd_bytes a = kd_str(attribute);
    struct kd_rec_ldap l = {.operation = kd_str("search"),
                            .base = kd_str(base),
                            .scope = kd_str(scope),
                            .filter = kd_str(filter),
                            .attributes = {&a, a.n > 0},
                            .entries = entries,
                            .user = kd_str("tanaka")};
    kd_tb_put(t, kd_tb_head(KD_REC_LDAP, at_s, src, 50000, "10.0.0.1", 389), &l);
}

#define HEAD "DC=town,DC=example"

static void searches_of_attackers(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    search(t, 1, "10.0.0.5", HEAD, "sub", "(samAccountType=805306368)", NULL, 900);
    search(t, 2, "10.0.0.6", HEAD, "sub", "(&(objectCategory=group)(samAccountName=Domain Admins))",
           NULL, 1);
    search(t, 3, "10.0.0.7", HEAD, "sub", "(&(samAccountType=805306368)(servicePrincipalName=*))",
           NULL, 4);
    search(t, 4, "10.0.0.8", HEAD, "sub", "(objectClass=trustedDomain)", NULL, 0);
    search(t, 5, "10.0.0.9", HEAD, "sub", "(userAccountControl:1.2.840.113556.1.4.803:=4194304)",
           NULL, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0030") == 1 && kd_tb_count(t, "KD-DI-0031") == 1 &&
          kd_tb_count(t, "KD-DI-0033") == 2);
    CHECK(kd_tb_count(t, "KD-DI-0034") == 1 && kd_tb_count(t, "KD-DI-0032") == 0 &&
          t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-DI-0033")->severity, "medium") == 0);
    kd_tb_free(t);
}

static void a_survey(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    search(t, 1, "10.0.0.5", HEAD, "sub",
           "(|(samAccountType=805306368)(samAccountType=805306369)(samAccountType=268435456))",
           "nTSecurityDescriptor", 3000);
    search(t, 2, "10.0.0.5", HEAD, "sub",
           "(|(objectClass=organizationalUnit)(objectCategory=groupPolicyContainer))", NULL, 60);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0032") == 1 &&
          strcmp(kd_tb_alert(t, "KD-DI-0032")->severity, "medium") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-DI-0032")->technique, "T1087.002") != NULL);
    kd_tb_free(t);
}

static void work_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 50; i++) {
        search(t, i, "10.0.0.5", "", "base", "(objectClass=*)", "nTSecurityDescriptor", 1);
        search(t, i, "10.0.0.5", "CN=Policies,CN=System," HEAD, "sub",
               "(|(distinguishedName=CN={31B2F340-016D-11D2-945F-00C04FB984F9}))",
               "nTSecurityDescriptor", 3);
        search(t, i, "10.0.0.5", HEAD, "sub", "(&(objectClass=user)(sAMAccountName=tanaka))",
               "mail", 1);
        search(t, i, "10.0.0.5", HEAD, "sub", "(|(distinguishedName=OU=Staff," HEAD "))", "gPLink",
               1);
        search(t, i, "10.0.0.9", HEAD, "sub", "(&(objectClass=person)(mail=a*))", "mail",
               20); /* address book */
    }
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(searches_of_attackers);
    RUN(a_survey);
    RUN(work_is_silent);
    return tap_done();
}
