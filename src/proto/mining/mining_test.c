/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/talk.h"

extern const struct kd_parser kd_parser_mining;

static enum kd_probe probe(const char *text, enum kd_dir dir)
{
    struct kd_conn conn = {.server_port = 3333};
    return kd_parser_mining.probe(kd_str(text), dir, &conn);
}

static void it_is_known_by_what_is_said(void)
{
    CHECK(probe("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n", KD_TO_SERVER) == KD_PROBE_YES);
    CHECK(probe("{\"params\":[\"a\"],\"id\":null,\"method\":\"mining.notify\"}\n", KD_TO_SERVER) == KD_PROBE_REVERSED);
    CHECK(probe("{\"method\":\"login\",\"params\":{\"login\":\"4Bx\",\"pass\":\"x\"}}\n", KD_TO_SERVER) == KD_PROBE_YES);
    CHECK(probe("\x01\x21\x01\x01\x01\x01\x01\x01", KD_TO_SERVER) == KD_PROBE_YES);
    CHECK(probe("{\"id\":1,\"meth", KD_TO_SERVER) == KD_PROBE_MORE);
    CHECK(probe("{\"method\":\"login\",\"user\":\"tanaka\"}\n", KD_TO_SERVER) == KD_PROBE_NO);
    CHECK(probe("GET / HTTP/1.1\r\n", KD_TO_SERVER) == KD_PROBE_NO);
    CHECK(probe("\x01\x02\x03", KD_TO_SERVER) == KD_PROBE_NO);
}

static void the_logon_to_a_pool_is_told(void)
{
    begin();
    client("{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"miner/1\"]}\n");
    server("{\"id\":1,\"result\":[null,\"e66c\"],\"error\":null}\n");
    client("{\"id\": 2, \"method\": \"mining.authorize\", \"params\": [\"t1Wallet.rig4\",\"x\"]}\n");
    server("{\"id\":2,\"result\":true,\"error\":null}\n");
    play();
    CHECK(records("login") == 1 && has("\"service\":\"mining\",\"user\":\"t1Wallet.rig4\",\"result\":\"unknown\""));
    done();
}

static void relatives_are_told_too(void)
{
    begin();
    client("{\"method\":\"login\",\"params\":{\"login\":\"4BCeWallet\",\"pass\":\"x\",\"agent\":\"miner\"},\"id\":1}\n");
    server("{\"id\":1,\"result\":{\"job\":{\"blob\":\"0606\",\"job_id\":\"7\"}}}\n");
    play();
    CHECK(has("\"user\":\"4BCeWallet\""));
    done();
    begin();
    client("{\"worker\":\"eth1\",\"params\":[\"0x9c99/worker1\",\"x\"],\"id\":2,\"method\":\"eth_submitLogin\"}\n");
    play();
    CHECK(has("\"user\":\"0x9c99/worker1\""));
    done();
}

static void the_peer_protocol_makes_no_records(void)
{
    begin();
    client("\x01\x21\x01\x01\x01\x01\x01\x01");
    server("\x01\x21\x01\x01\x01\x01\x01\x01 anything at all");
    play();
    CHECK(run.n_records == 0);
    done();
}

int main(void)
{
    talk_parser = &kd_parser_mining;
    RUN(it_is_known_by_what_is_said);
    RUN(the_logon_to_a_pool_is_told);
    RUN(relatives_are_told_too);
    RUN(the_peer_protocol_makes_no_records);
    return tap_done();
}
