/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords that everybody on the way could read.  See cleartext.md. */
#include "detect/common.h"
#include "findings.h"

/* Methods that send the password itself; the record exists only where nothing was encrypted. */
static bool sends_password(struct kd_bytes method)
{
    static const char *const methods[] = {"password", "plain", "login", "simple", "basic", "user"};
    for (size_t i = 0; i < KD_COUNT(methods); i++)
        if (kd_bytes_ieq(method, kd_str(methods[i])))
            return true;
    return false;
}

static void cleartext_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_login *l = r->body;
    bool leaves = kd_detect_is_inside(d, &r->head->src) != kd_detect_is_inside(d, &r->head->dst);
    /* Inside, every device that is watched by SNMP 1 or 2c would be told: that says nothing new. */
    bool community = leaves && kd_bytes_eq_str(l->method, "community") && kd_bytes_eq_str(l->result, "success");
    if ((!sends_password(l->method) && !community) || kd_bytes_ieq(l->user, kd_str("anonymous")) ||
        kd_bytes_ieq(l->user, kd_str("ftp")))
        return;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &s.peer);
    kd_key_text(&fold, kd_bytes_head(l->service, 32));
    struct kd_fact facts[] = {
        {"service", l->service},
        {"account", l->user.n > 0 ? l->user : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CR_0051, .host = s.host, .peer = s.peer, .user = l->user,
                   .fold = kd_key_view(&fold), .severity = leaves ? KD_LOW : -1, .confidence = -1, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = &r->head->id, .n_record_ids = 1,
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

const struct kd_detector kd_detector_cleartext = {
    .name = "cleartext",
    .summary_en = "passwords sent in clear text (Telnet, FTP, mail, LDAP, web, databases)",
    .summary_ja = "暗号化されずに送られたパスワード(Telnet、FTP、メール、LDAP、Web、データベース)",
    .wants = (uint64_t)1 << KD_REC_LOGIN,
    .key_state_bytes = 1,
    .max_keys = 16,
    .record = cleartext_record,
};
