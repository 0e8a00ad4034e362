/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void change(struct kd_tb *t, const char *src, const char *operation, const char *base,
                   const char *attribute, uint32_t result)
{
    struct kd_bytes a = kd_str(attribute);
    struct kd_rec_ldap l = {.operation = kd_str(operation),
                            .base = kd_str(base),
                            .attributes = {&a, 1},
                            .result_code = result,
                            .user = kd_str("tanaka")};
    kd_tb_put(t, kd_tb_head(KD_REC_LDAP, 1, src, 50000, "10.0.0.1", 389), &l);
}

static void power_is_given(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    change(t, "10.0.0.5", "modify", "CN=Domain Admins,CN=Users,DC=town",
           "member+=CN=Tanaka,DC=town", 0);
    change(t, "10.0.0.6", "modify", "DC=town", "nTSecurityDescriptor=0x0100", 0);
    change(t, "10.0.0.7", "modify", "CN=PC9,DC=town", "msDS-KeyCredentialLink+=B:828:00", 0);
    change(t, "10.0.0.8", "add", "CN=New,DC=town", "objectClass=user", 0);
    change(t, "10.0.0.9", "modify", "CN=Sato,DC=town", "unicodePwd=(hidden)", 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0031") == 1 &&
          strcmp(kd_tb_alert(t, "KD-LM-0031")->severity, "medium") == 0);
    CHECK(kd_tb_count(t, "KD-LM-0041") == 2 && kd_tb_count(t, "KD-LM-0030") == 1 &&
          kd_tb_count(t, "KD-LM-0032") == 1);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0041")->technique, "T1098") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void other_changes_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    change(t, "10.0.0.5", "modify", "CN=Domain Admins,DC=town", "member-=CN=Tanaka,DC=town",
           0); /* taken away */
    change(t, "10.0.0.5", "modify", "CN=Domain Admins,DC=town", "member+=CN=Tanaka,DC=town",
           50); /* refused */
    change(t, "10.0.0.5", "modify", "CN=Sato,DC=town", "telephoneNumber=1", 0);
    change(t, "10.0.0.5", "modify", "CN=PC9,DC=town", "servicePrincipalName+=HOST/pc9", 0);
    change(t, "10.0.0.5", "search", "DC=town", "nTSecurityDescriptor", 0);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(power_is_given);
    RUN(other_changes_are_silent);
    return tap_done();
}
