/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_ldap;

static uint8_t seed_room[1 << 16];

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("ldap_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    size_t n = f == NULL ? 0 : fread(seed_room, 1, sizeof(seed_room), f);
    if (f != NULL)
        fclose(f);
    tape = kd_out_of(seed_room, sizeof(seed_room));
    tape.n = n;
    play();
    CHECK(run.status[0] == KD_OK && run.status[1] == KD_OK && run.pool_left == 0);
}

/* Bytes of the client or server, from a literal with its length. */
#define CLIENT(text) kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(text, sizeof(text) - 1))
#define SERVER(text) kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of(text, sizeof(text) - 1))

/* search of "dc=x" for (cn=*), message 2; an entry of 11 bytes; its end */
#define SEARCH                                                                                     \
    "\x30\x24\x02\x01\x02\x63\x1f\x04\x04"                                                         \
    "dc=x\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x02"                     \
    "cn\x30\x04\x04\x02"                                                                           \
    "sn"
#define ENTRY                                                                                      \
    "\x30\x0b\x02\x01\x02\x64\x06\x04\x02"                                                         \
    "a=\x30\x00"
#define DONE "\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00"

static void searches_are_told_with_their_answers(void)
{
    play_seed("search");
    CHECK(has("\"operation\":\"search\"") &&
          has("\"base\":\"dc=machi,dc=example\",\"scope\":\"sub\""));
    CHECK(has("\"filter\":\"(&(objectClass=person)(|(cn=*役*郎)(uid>=a)(uid~=yak)(!(sn:"
              "caseExactMatch:=x\\\\2ay))))\""));
    CHECK(has("\"attributes\":[\"cn\",\"uid\"],\"result\":\"success\",\"entries\":1"));
    CHECK(has("\"user\":\"cn=admin,dc=machi,dc=example\",\"auth\":\"simple\""));
    CHECK(has("\"login\":{\"method\":\"simple\",\"service\":\"ldap\",\"user\":\"cn=admin,dc=machi,"
              "dc=example\",\"result\":\"success\""));
    CHECK(!has("himitsu"));
    done();
}

static void changes_are_told_without_passwords(void)
{
    play_seed("modify");
    CHECK(has("\"operation\":\"modify\",\"base\":\"uid=yakuba,ou=people,dc=machi,dc=example\""));
    CHECK(has("[\"mail+=yakuba@machi.example\",\"mail+=y2@machi.example\",\"userPassword=(hidden)"
              "\",\"mail-=y2@machi.example\",\"mail-=\"]"));
    CHECK(!has("newsecret"));
    done();
    play_seed("add");
    CHECK(has("\"operation\":\"add\"") &&
          has("\"sn=役場\",\"cn=役場 太郎\",\"userPassword=(hidden)\"") && !has("secret1"));
    done();
    play_seed("rename");
    CHECK(has("\"operation\":\"modify_dn\"") && has("[\"newrdn=uid=kocho\"]"));
    done();
    play_seed("compare");
    CHECK(has("\"operation\":\"compare\"") &&
          has("[\"sn=役場\"],\"result\":\"compareTrue\",\"result_code\":6"));
    done();
    play_seed("delete");
    CHECK(has("\"operation\":\"delete\",\"base\":\"uid=kocho,ou=people,dc=machi,dc=example\","
              "\"result\":\"success\""));
    done();
}

static void failed_logons(void)
{
    play_seed("wrong-password");
    CHECK(has("\"result\":\"failure\",\"reason\":\"invalidCredentials\"") && !has("wrong\""));
    done();
    play_seed("windows-reason");
    CHECK(has("\"reason\":\"STATUS_LOGON_FAILURE\"") && has("data 52e"));
    done();
    play_seed("ntlm-wrong-password");
    CHECK(has("\"login\":{\"method\":\"ntlm\",\"service\":\"ldap\",\"user\":\"Administrator\"") &&
          has("\"result\":\"failure\""));
    done();
}

static void windows_logons(void)
{
    play_seed("ntlm");
    CHECK(has("\"ntlm\":{\"user\":\"Administrator\"") &&
          has("\"dns_host\":\"dc1.machi.example\"") && has("\"over\":\"ldap\""));
    CHECK(has("\"filter\":\"(&(objectClass=user)(adminCount=1))\"") && has("\"auth\":\"ntlm\""));
    done();
    play_seed("gssapi-signed");
    CHECK(has("\"krb5\":{\"msg_type\":\"KRB_AP_REQ\"") &&
          has("\"sname\":\"ldap/dc1.machi.example\""));
    CHECK(has("\"filter\":\"(userAccountControl:1.2.840.113556.1.4.803:=4194304)\"") &&
          has("\"result\":\"success\""));
    CHECK(!has("sealed") && !has("anomaly"));
    done();
}

static void signed_is_read_and_sealed_is_said(void)
{
    play_seed("kerberos-signed");
    CHECK(has("\"filter\":\"(servicePrincipalName=*)\"") && !has("sealed"));
    done();
    play_seed("kerberos-sealed");
    CHECK(!has("servicePrincipalName") &&
          has("\"operation\":\"sealed\",\"entries\":3,\"entry_bytes\":909"));
    CHECK(has("\"encrypted\":true"));
    done();
    play_seed("ntlm-sealed");
    CHECK(!has("adminCount") && has("\"operation\":\"sealed\"") &&
          has("\"user\":\"Administrator\""));
    done();
}

/* Two messages in one wrapping, and an entry longer than what is held of it. */
static void signed_by_ntlm_is_read(void)
{
    begin();
    CLIENT("\x00\x00\x00\x36\x01\x00\x00\x00"
           "12345678\x00\x00\x00\x00" SEARCH);
    SERVER("\x00\x00\x00\x2b\x01\x00\x00\x00"
           "12345678\x00\x00\x00\x00" ENTRY DONE);
    play();
    CHECK(has("\"base\":\"dc=x\"") && has("\"entries\":1,\"entry_bytes\":13") &&
          has("\"result\":\"success\""));
    done();
}

static void starttls_gives_a_tls_record(void)
{
    play_seed("starttls");
    CHECK(has("\"oid\":\"1.3.6.1.4.1.1466.20037\"") && has("\"tls\":{\"version\":\"TLS 1.3\""));
    CHECK(!has("anomaly"));
    done();
}

static void cldap_is_told(void)
{
    play_seed("cldap-netlogon");
    CHECK(has("\"filter\":\"(&(NtVer=\\\\06\\\\00\\\\00\\\\00)(AAC=\\\\00\\\\00\\\\00\\\\00))\"") &&
          has("\"attributes\":[\"NetLogon\"]"));
    CHECK(has("\"entries\":1"));
    done();
}

static void unanswered_is_told_at_the_end(void)
{
    begin();
    CLIENT(SEARCH);
    play();
    CHECK(has("\"filter\":\"(cn=*)\"") && !has("\"result\"") && run.n_records == 1);
    done();
}

static void goes_on_behind_a_loss(void)
{
    begin();
    CLIENT(SEARCH);
    SERVER(ENTRY);
    lost(KD_TO_CLIENT, 300);
    SERVER("\x30\x05\x01garbage" ENTRY DONE);
    play();
    CHECK(has("\"entries\":2") && has("\"result\":\"success\""));
    done();
}

static void broken_messages_are_told_once(void)
{
    begin();
    CLIENT("\x30\x08\x02\x01\x02\x63\x03\x04\x09x");
    CLIENT("\x30\x08\x02\x01\x03\x63\x03\x04\x09x");
    play();
    CHECK(has("ldap_malformed"));
    CHECK(run.n_records == 3); /* two searches, one oddity */
    done();
}

static void deep_filters_end(void)
{
    /* ((((…: sixty filters within filters, 2 bytes each. */
    begin();
    uint8_t message[256];
    struct kd_out o = kd_out_of(message, sizeof(message));
    enum { DEEP = 50 };
    const uint8_t head[] = {0x30,
                            5 + 17 + 2 * DEEP,
                            2,
                            1,
                            2,
                            0x63,
                            17 + 2 * DEEP,
                            4,
                            0,
                            10,
                            1,
                            2,
                            10,
                            1,
                            0,
                            2,
                            1,
                            0,
                            2,
                            1,
                            0,
                            1,
                            1,
                            0};
    kd_out_bytes(&o, kd_bytes_of(head, sizeof(head)));
    for (unsigned i = 0; i < DEEP; i++) {
        kd_out_u8(&o, 0xa2);
        kd_out_u8(&o, (uint8_t)(2 * (DEEP - 1 - i)));
    }
    kd_tape_add(&tape, KD_TO_SERVER, kd_out_bytes_view(&o));
    play();
    CHECK(has("\"filter\":\"(!(!(!(") && has("ldap_malformed"));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn tcp = {.proto = 6}, udp = {.proto = 17};
    struct kd_bytes search = kd_bytes_of(SEARCH, sizeof(SEARCH) - 1);
    struct kd_bytes answer = kd_bytes_of(DONE, sizeof(DONE) - 1);
    CHECK(kd_parser_ldap.probe(search, KD_TO_SERVER, &tcp) == KD_PROBE_YES);
    CHECK(kd_parser_ldap.probe(answer, KD_TO_SERVER, &tcp) == KD_PROBE_REVERSED);
    CHECK(kd_parser_ldap.probe(kd_bytes_head(search, 6), KD_TO_SERVER, &tcp) == KD_PROBE_MORE);
    CHECK(kd_parser_ldap.probe(kd_bytes_head(search, 20), KD_TO_SERVER, &udp) == KD_PROBE_NO);
    CHECK(kd_parser_ldap.probe(search, KD_TO_SERVER, &udp) == KD_PROBE_YES);
    /* SNMP begins alike */
    CHECK(kd_parser_ldap.probe(kd_bytes_of("\x30\x0b\x02\x01\x01\x04\x06public", 13), KD_TO_SERVER,
                               &udp) == KD_PROBE_NO);
    CHECK(kd_parser_ldap.probe(kd_str("GET / HTTP/1.1"), KD_TO_SERVER, &tcp) == KD_PROBE_NO);
    CHECK(kd_parser_ldap.probe(kd_bytes_of("\x00\x00\x00\x33\x01\x00\x00\x00", 8), KD_TO_SERVER,
                               &tcp) == KD_PROBE_NO);
}

static void frames_of_messages(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\x30\x05\x02\x01\x01\x42\x00\x30\x05\x02\x01\x02\x42\x00", 14));
    play();
    CHECK(has_frame("c ldap.pdu 0+7") && has_frame("c ldap.pdu 7+7"));
    done();
}

/* compare, extended answer with its name, a request given up, an answer to nothing seen */
static void other_operations(void)
{
    begin();
    CLIENT("\x30\x14\x02\x01\x02\x6e\x0f\x04\x04" "dc=x\x30\x07\x04\x02" "cn\x04\x01" "a");
    SERVER("\x30\x0c\x02\x01\x02\x6f\x07\x0a\x01\x06\x04\x00\x04\x00");
    CLIENT("\x30\x0c\x02\x01\x03\x77\x07\x80\x05" "1.3.6");
    SERVER("\x30\x13\x02\x01\x03\x78\x0e\x0a\x01\x00\x04\x00\x04\x00\x8a\x05" "1.3.7");
    CLIENT("\x30\x06\x02\x01\x05\x50\x01\x04");
    SERVER("\x30\x12\x02\x01\x09\x6b\x0d\x0a\x01\x20\x04\x02" "a=\x04\x04" "gone");
    CLIENT("\x30\x05\x02\x01\x06\x42\x00");
    play();
    CHECK(has("\"operation\":\"compare\",\"base\":\"dc=x\",\"attributes\":[\"cn=a\"],\"result\":\"compareTrue\""));
    CHECK(has("\"oid\":\"1.3.6\"") && has("\"answer_oid\":\"1.3.7\""));
    CHECK(has("\"operation\":\"abandon\",\"attributes\":[\"message_id=4\"]"));
    CHECK(has("\"message_id\":9,\"operation\":\"delete\",\"result\":\"noSuchObject\"") && has("\"unasked\":true") &&
          has("\"matched_dn\":\"a=\""));
    CHECK(has("\"message_id\":6,\"operation\":\"unbind\"") && records("ldap") == 5 && lacks("anomaly"));
    done();
}

int main(void)
{
    talk_parser = &kd_parser_ldap;
    RUN(searches_are_told_with_their_answers);
    RUN(changes_are_told_without_passwords);
    RUN(failed_logons);
    RUN(windows_logons);
    RUN(signed_is_read_and_sealed_is_said);
    RUN(signed_by_ntlm_is_read);
    RUN(starttls_gives_a_tls_record);
    RUN(cldap_is_told);
    RUN(unanswered_is_told_at_the_end);
    RUN(other_operations);
    RUN(goes_on_behind_a_loss);
    RUN(broken_messages_are_told_once);
    RUN(deep_filters_end);
    RUN(probe_knows_its_own);
    RUN(frames_of_messages);
    return tap_done();
}
