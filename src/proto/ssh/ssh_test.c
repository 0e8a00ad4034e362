/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"
#include "proto/ssh/ssh.h"

extern const struct kd_parser kd_parser_ssh;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("ssh_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    begin();
    tape.n = f == NULL ? 0 : fread(room, 1, sizeof(room), f);
    if (f != NULL)
        fclose(f);
    play();
    CHECK(run.pool_left == 0);
}

static void software_fingerprints_and_keys(void)
{
    play_seed("key-success");
    CHECK(has("\"client\":{\"software_version\":\"OpenSSH_9.2p1\",\"software\":\"OpenSSH_9.2p1 Debian-2+deb12u"));
    CHECK(has("\"hassh\":{\"hash\":\"472b5de333ad665af5cbf10ff892c4df\"")); /* as tshark has it */
    CHECK(has("\"cipher\":\"chacha20-poly1305@openssh.com\",\"host_key\":\"ssh-ed25519\""));
    CHECK(
        has("\"host_key_sha256\":\"SHA256:MKwHKzp0A4oXpY71sgGtGZkzjLaM5ydjjeASTwUn2rc\"")); /* ssh-keygen
                                                                                               -l */
    CHECK(has("\"auth\":\"success\""));
    CHECK(has("\"login\":{\"method\":\"ssh\",\"service\":\"ssh\",\"result\":\"success\",\"reason\":"
              "\"concluded\"}"));
    done();
}

static void success_with_other_ciphers(void)
{
    static const char *const seeds[] = {"key-success-ctr", "key-success-gcm"};
    for (size_t i = 0; i < KD_COUNT(seeds); i++) {
        play_seed(seeds[i]);
        CHECK(has("\"auth\":\"success\",\"auth_attempts\":1") && has("SHA256:MKwHKzp0A4oXpY71sg"));
        done();
    }
}

static void refused_logons(void)
{
    static const char *const seeds[] = {"passwords-wrong", "key-refused", "dropbear-wrong",
                                        "hydra"};
    for (size_t i = 0; i < KD_COUNT(seeds); i++) {
        play_seed(seeds[i]);
        CHECK(has("\"auth\":\"failure\"") &&
              has("\"result\":\"failure\",\"reason\":\"concluded\""));
        done();
    }
}

static void looking_is_no_logon(void)
{
    play_seed("keyscan");
    CHECK(has("\"auth\":\"unknown\"") && !has("\"login\""));
    done();
}

static void loss_ends_conclusions(void)
{
    begin();
    client("SSH-2.0-a\r\n");
    server("hello\r\nSSH-2.0-b c\r\n");
    lost(KD_TO_SERVER, 100);
    server("what");
    play();
    CHECK(has("\"software\":\"b c\"") && has("\"auth\":\"unknown\""));
    done();
}

static void ssh_1_is_told_by_its_banner(void)
{
    begin();
    server("SSH-1.99-old\n");
    client("SSH-1.5-older\n");
    server("\x00\x00\x01\x0f garbage");
    client("garbage");
    play();
    CHECK(has("\"proto_version\":\"1.5\"") && has("\"software_version\":\"old\"") &&
          !has("anomaly"));
    done();
}

/* Sizes measured on real sessions. */
static void sizes_follow_from_cipher_and_mac(void)
{
    CHECK(ssh_wire_bytes(kd_str("chacha20-poly1305@openssh.com"), kd_str(""), 1) == 28);
    CHECK(ssh_wire_bytes(kd_str("aes256-gcm@openssh.com"), kd_str(""), 1) == 36);
    CHECK(ssh_wire_bytes(kd_str("aes128-cbc"), kd_str("hmac-md5"), 1) == 32);
    CHECK(ssh_wire_bytes(kd_str("aes128-ctr"), kd_str("hmac-sha2-256-etm@openssh.com"), 1) == 52);
    CHECK(ssh_wire_bytes(kd_str("3des-cbc"), kd_str("hmac-sha1"), 1) == 36);
    CHECK(ssh_wire_bytes(kd_str("secret-cipher"), kd_str("hmac-sha1"), 1) == 0);
}

static void answers(struct ssh_watch *w, const int *sizes)
{
    for (; *sizes != 0; sizes++) {
        ssh_watch_data(w, KD_TO_SERVER, 100);
        ssh_watch_data(w, KD_TO_CLIENT, (size_t)*sizes);
    }
    ssh_watch_end(w);
}

static void turns_decide(void)
{
    struct ssh_watch w = {.success = 28, .longest = 140};
    answers(&w, (const int[]){44, 52, 52, 52, 0});
    CHECK(ssh_watch_verdict(&w) == SSH_FAILED && w.refused == 2);
    w = (struct ssh_watch){.success = 28, .longest = 140};
    answers(&w, (const int[]){44, 52, 52, 28, 0});
    CHECK(ssh_watch_verdict(&w) == SSH_PASSED && w.refused == 1);
    /* asked with a key, then more behind the success */
    w = (struct ssh_watch){.success = 28, .longest = 140};
    answers(&w, (const int[]){44, 52, 108, 628, 200, 0});
    CHECK(ssh_watch_verdict(&w) == SSH_PASSED);
    /* questions and answers, refused again and again */
    w = (struct ssh_watch){.success = 28, .longest = 140};
    answers(&w, (const int[]){44, 52, 68, 52, 68, 52, 68, 52, 0});
    CHECK(ssh_watch_verdict(&w) == SSH_FAILED && w.refused == 3);
    w = (struct ssh_watch){.success = 28, .longest = 140};
    answers(&w, (const int[]){44, 52, 0});
    CHECK(ssh_watch_verdict(&w) == SSH_UNKNOWN);
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .server_port = 2222};
    CHECK(kd_parser_ssh.probe(kd_str("SSH-2.0-x"), KD_TO_CLIENT, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_ssh.probe(kd_str("SS"), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(kd_parser_ssh.probe(kd_str("SSDP"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

static void frames_of_packets(void)
{
    begin();
    client("SSH-2.0-x\r\n");
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\0\0\0\x0c\x0a\x15\0\0\0\0\0\0\0\0\0\0zz", 18));
    play();
    CHECK(has_frame("c ssh.record.pdu 11+16") && has_frame("c ssh.record.hdr 11+6") && has_frame("c ssh.record.data 17+10"));
    CHECK(strstr(run.frames, " 27+") == NULL); /* encrypted */
    done();
}

int main(void)
{
    talk_parser = &kd_parser_ssh;
    RUN(software_fingerprints_and_keys);
    RUN(success_with_other_ciphers);
    RUN(refused_logons);
    RUN(looking_is_no_logon);
    RUN(loss_ends_conclusions);
    RUN(ssh_1_is_told_by_its_banner);
    RUN(sizes_follow_from_cipher_and_mac);
    RUN(turns_decide);
    RUN(probe_knows_its_own);
    RUN(frames_of_packets);
    return tap_done();
}
