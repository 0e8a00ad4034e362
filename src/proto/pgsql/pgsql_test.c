/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_pgsql;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("pgsql_test.c");
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

static void recorded_logons(void)
{
    play_seed("scram");
    CHECK(has("\"sql\":{\"user\":\"zeimu\",\"database\":\"jumin\",\"application\":\"psql\","
              "\"server_version\":\"15.") &&
          has("\"result\":\"ok\",\"auth\":\"scram-sha-256\"}"));
    CHECK(has("\"login\":{\"method\":\"scram-sha-256\",\"service\":\"pgsql\",\"user\":\"zeimu\","
              "\"result\":\"success\"}"));
    CHECK(records("sql") == 1 && records("login") == 1 && lacks("anomaly"));
    done();
    play_seed("md5");
    CHECK(has("\"auth\":\"md5\"") && has("\"result\":\"success\""));
    done();
    play_seed("trust");
    CHECK(has("\"auth\":\"trust\"") && has("\"result\":\"success\""));
    done();
    play_seed("no-tls"); /* asked for, refused, and on without */
    CHECK(has("\"auth\":\"scram-sha-256\"") && lacks("\"encrypted\""));
    done();
}

static void refused_logons(void)
{
    play_seed("scram-wrong-password");
    CHECK(has("\"result\":\"28P01 invalid_password\"") &&
          has("\"message\":\"password authentication failed for user \\\"zeimu\\\"\""));
    CHECK(has("\"result\":\"failure\",\"reason\":\"28P01 invalid_password\""));
    done();
    play_seed("not-allowed");
    CHECK(has("\"result\":\"failure\",\"reason\":\"28000 invalid_authorization\""));
    done();
    play_seed("no-database"); /* the user was let in */
    CHECK(has("\"result\":\"3D000 invalid_catalog_name\"") && has("\"result\":\"success\"}"));
    done();
}

static void a_password_in_clear_is_noted_and_not_kept(void)
{
    play_seed("clear");
    CHECK(has("\"auth\":\"password\",\"password\":true") &&
          has("\"login\":{\"method\":\"password\",\"service\":\"pgsql\",\"user\":\"kakikae\""));
    CHECK(lacks("himitsu") && has("\"request\":{\"password_redacted\":true},\"response\":{\"message\":\"authentication_ok\""));
    done();
    play_seed("clear-wrong-password");
    CHECK(has("\"password\":true") && has("\"result\":\"failure\"") && lacks("machigai"));
    done();
}

/* A logon without a proof, in a few bytes. */
static void log_on(void)
{
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\0\0\0\x22\0\3\0\0user\0sato\0database\0jumin\0\0"));
    kd_tape_add(&tape, KD_TO_CLIENT,
                BYTES("R\0\0\0\x08\0\0\0\0S\0\0\0\x12" "DateStyle\0ISO\0K\0\0\0\x0c\0\0\0\7\0\0\0\x09Z\0\0\0\5I"));
}

static void statements_and_their_results(void)
{
    begin();
    log_on();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("Q\0\0\0\x13select name, x\0"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("T\0\0\0\6\0\2D\0\0\0\x12\0\2\0\0\0\3abc\0\0\0\1xD\0\0\0\x0e\0\2\xff\xff\xff\xff\0\0\0\0"
                                           "C\0\0\0\x0dSELECT 2\0Z\0\0\0\5I"));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("Q\0\0\0\x0bselec!\0"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("E\0\0\0\x36SERROR\0VERROR\0C42601\0Msyntax error\0Fscan.l\0L1145\0\0Z\0\0\0\5I"));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("X\0\0\0\4"));
    play();
    CHECK(has("\"optional_parameters\":[{\"database\":\"jumin\"}]") && has("\"parameter_status\":[{\"date_style\":\"ISO\"}]"));
    CHECK(has("\"pgsql\":{\"tx_id\":2,\"request\":{\"simple_query\":\"select name, x\"},\"response\":{\"field_count\":2,"
              "\"data_rows\":2,\"data_size\":4,\"command_completed\":\"SELECT 2\"}}"));
    CHECK(has("\"tx_id\":3,") && has("\"message\":\"syntax error\",\"severity_localizable\":\"ERROR\","
                                     "\"severity_non_localizable\":\"ERROR\",\"code\":\"42601\",\"file\":\"scan.l\",\"line\":\"1145\""));
    CHECK(has("\"tx_id\":4,\"request\":{\"message\":\"termination_message\"}}") && records("pgsql") == 4 && records("sql") == 1);
    done();
}

static void copies_are_counted(void)
{
    begin();
    log_on();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("Q\0\0\0\x16" "copy t from stdin\0"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("G\0\0\0\x0b\0\0\2\0\0\0\0"));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("d\0\0\0\x08" "1\t2\nd\0\0\0\x08" "3\t4\nc\0\0\0\4"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("C\0\0\0\x0b" "COPY 2\0Z\0\0\0\5I"));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("Q\0\0\0\x14" "copy t to stdout\0"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("H\0\0\0\x0b\0\0\2\0\0\0\0d\0\0\0\x08" "1\t2\nc\0\0\0\4C\0\0\0\x0b" "COPY 1\0Z\0\0\0\5I"));
    play();
    CHECK(has("\"simple_query\":\"copy t from stdin\"},\"response\":{\"copy_in_response\":{\"columns\":2}}"));
    CHECK(has("\"tx_id\":3,\"request\":{\"message\":\"copy_done\",\"copy_data_in\":{\"msg_count\":2,\"data_size\":8}},"
              "\"response\":{\"command_completed\":\"COPY 2\"}"));
    CHECK(has("\"copy_data_out\":{\"row_count\":1,\"data_size\":4}") && records("pgsql") == 4);
    done();
}

static void encryption_hides_the_rest(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\0\0\0\x08\x04\xd2\x16\x2f"));
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("S"));
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\x16\x03\x01\0\x05\1\0\0\1\3"));
    play();
    CHECK(has("\"sql\":{\"encrypted\":true}") && records("login") == 0);
    CHECK(has("\"request\":{\"message\":\"SSL Request\"},\"response\":{\"ssl_accepted\":true}"));
    done();
}

static void a_cancel_and_a_loss(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2"));
    play();
    CHECK(run.n_records == 1 && has("\"pgsql\":{\"tx_id\":1,\"request\":{\"message\":\"cancel_request\",\"process_id\":1,"
                                    "\"secret_key\":2}}"));
    done();
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, BYTES("\0\0\0\x12\0\3\0\0user\0sato\0"));
    lost(KD_TO_CLIENT, 40);
    kd_tape_add(&tape, KD_TO_CLIENT, BYTES("Z\0\0\0\5I"));
    play();
    CHECK(has("\"user\":\"sato\",\"result\":\"unknown\"") && records("login") == 1);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .server_port = 5555};
    static const char start[] = "\0\0\0\x20\0\3\0\0user\0x";
    CHECK(kd_parser_pgsql.probe(BYTES(start), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_pgsql.probe(BYTES(start), KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
    for (size_t n = 1; n < 9; n++)
        CHECK(kd_parser_pgsql.probe(kd_bytes_of(start, n), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(kd_parser_pgsql.probe(BYTES("\0\0\0\x20\0\3\0\0\0user"), KD_TO_SERVER, &conn) ==
          KD_PROBE_NO);
    CHECK(kd_parser_pgsql.probe(BYTES("\0\0\0\x55\xffSMB"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_pgsql;
    RUN(recorded_logons);
    RUN(refused_logons);
    RUN(a_password_in_clear_is_noted_and_not_kept);
    RUN(statements_and_their_results);
    RUN(copies_are_counted);
    RUN(encryption_hides_the_rest);
    RUN(a_cancel_and_a_loss);
    RUN(probe_knows_its_own);
    return tap_done();
}
