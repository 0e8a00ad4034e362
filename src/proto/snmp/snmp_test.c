/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

#include "proto/snmp/snmp.h"

extern const struct kd_parser kd_parser_snmp;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("snmp_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    begin();
    tape.n = f == NULL ? 0 : fread(room, 1, sizeof(room), f);
    if (f != NULL)
        fclose(f);
    play();
}

static void recorded_questions(void)
{
    play_seed("get-v2c");
    CHECK(has("\"snmp\":{\"version\":2,\"community\":\"komorebi-kanshi\",\"pdu_type\":\"get_request\","
              "\"vars\":[\"1.3.6.1.2.1.1.3.0\",\"1.3.6.1.2.1.1.5.0\"],\"answered\":true"));
    CHECK(has("\"login\":{\"method\":\"community\",\"service\":\"snmp\",\"result\":\"success\"}"));
    CHECK(records("snmp") == 1 && records("login") == 1 && lacks("anomaly"));
    done();
    play_seed("get-v1-no-such-name");
    CHECK(has("\"version\":1") && has("\"error\":\"noSuchName\""));
    done();
    play_seed("walk");
    CHECK(records("snmp") == 1 && has("\"pdu_type\":\"get_next_request\"") && has("\"requests\":38"));
    done();
    play_seed("bulk");
    CHECK(has("\"pdu_type\":\"get_bulk_request\"") && lacks("\"error\""));
    done();
    play_seed("set");
    CHECK(has("\"pdu_type\":\"set_request\",\"vars\":[\"1.3.6.1.2.1.1.6.0\"]"));
    done();
}

static void recorded_traps(void)
{
    play_seed("trap");
    CHECK(has("\"pdu_type\":\"trap_v2\",\"vars\":[\"1.3.6.1.2.1.1.3.0\",\"1.3.6.1.6.3.1.1.4.1.0\"") &&
          records("login") == 0);
    done();
    play_seed("trap-v1");
    CHECK(has("\"version\":1,\"community\":\"komorebi-kanshi\",\"pdu_type\":\"trap_v1\"") &&
          records("login") == 0);
    done();
}

static void version_3_shows_its_user(void)
{
    play_seed("v3-private");
    CHECK(has("\"pdu_type\":\"encrypted\",\"usm\":\"kanri\"") && has("\"security\":\"authPriv\"") &&
          has("\"engine_id\":\"80001f88"));
    CHECK(
        has("\"method\":\"usm\",\"service\":\"snmp\",\"user\":\"kanri\",\"result\":\"success\"") &&
        records("login") == 1);
    done();
    play_seed("v3-signed");
    CHECK(has("\"pdu_type\":\"get_request\",\"usm\":\"kanri\",\"vars\":[\"1.3.6.1.2.1.1.5.0\"]") &&
          has("\"result\":\"success\""));
    done();
    play_seed("v3-wrong-password");
    CHECK(has("\"user\":\"kanri\",\"result\":\"failure\",\"reason\":\"wrongDigests\"") &&
          records("login") == 1);
    done();
    play_seed("v3-unknown-user");
    CHECK(has("\"user\":\"dareka\",\"result\":\"failure\",\"reason\":\"unknownUserNames\""));
    done();
}

static void communities_that_are_tried(void)
{
    play_seed("unanswered");
    CHECK(has("\"result\":\"unknown\"") && lacks("\"answered\""));
    done();
    play_seed("communities");
    CHECK(records("snmp") == 6 && records("login") == 6);
    CHECK(has("\"community\":\"private\"") && has("\"result\":\"success\""));
    done();
}

static void other_datagrams_are_not_snmp(void)
{
    struct kd_conn conn = {.proto = 17, .client_port = 50000, .server_port = 161};
    static const char get[] = "\x30\x19\x02\x01\x00\x04\x06public\xa0\x0c\x02\x01\x07\x02\x01\x00"
                              "\x02\x01\x00\x30\x01\x00";
    CHECK(kd_parser_snmp.probe(BYTES(get), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_snmp.probe(BYTES(get), KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
    for (size_t n = 0; n < sizeof(get) - 1; n++)
        CHECK(kd_parser_snmp.probe(kd_bytes_of(get, n), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(kd_parser_snmp.probe(BYTES("\x30\x03\x02\x01\x00"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

static void object_identifiers(void)
{
    uint8_t text[64];
    struct kd_out o = kd_out_of(text, sizeof(text));
    snmp_put_oid(&o, BYTES("\x2b\x06\x01\x84\x80\x80\x80\x00"));
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), "1.3.6.1.1073741824"));
    o.n = 0;
    snmp_put_oid(&o, BYTES("\x88\x37\x03"));
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), "2.999.3"));
}

int main(void)
{
    talk_parser = &kd_parser_snmp;
    RUN(recorded_questions);
    RUN(recorded_traps);
    RUN(version_3_shows_its_user);
    RUN(communities_that_are_tried);
    RUN(other_datagrams_are_not_snmp);
    RUN(object_identifiers);
    return tap_done();
}
