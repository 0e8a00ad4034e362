/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_smtp;

static void greet(void)
{
    server("220 mx.example.jp ESMTP Postfix\r\n");
    client("EHLO pc1.example.jp\r\n");
    server("250-mx.example.jp\r\n250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n250 CHUNKING\r\n");
}

static void one_mail(void)
{
    begin();
    greet();
    client("MAIL FROM:<sato@example.jp> SIZE=100\r\n");
    server("250 2.1.0 Ok\r\n");
    client("RCPT TO:<a@example.com>\r\nRCPT TO: b@example.com NOTIFY=NEVER\r\n");
    server("250 2.1.5 Ok\r\n550 no such user\r\n");
    client("DATA\r\n");
    server("354 go on\r\n");
    client(
        "From: =?ISO-2022-JP?B?GyRCOjRGIxsoQg==?= <sato@example.jp>\r\nTo: a@example.com\r\n"
        "Subject: =?ISO-2022-JP?B?GyRCOCtAUT1xJE43bxsoQg==?=\r\nMessage-ID: <1@example.jp>\r\n\r\n"
        "..a line with a dot: http://example.net/.\r\n.. \r\n.\r\n");
    server("250 2.0.0 Ok: queued as 1\r\n");
    client("QUIT\r\n");
    server("221 Bye\r\n");
    play();
    CHECK(records("smtp") == 1 && records("anomaly") == 0 && records("login") == 0);
    CHECK(has("\"helo\":\"pc1.example.jp\",\"mail_from\":\"<sato@example.jp>\","
              "\"rcpt_to\":[\"<a@example.com>\",\"<b@example.com>\"],\"reply\":250"));
    CHECK(has("\"status\":\"PARSE_DONE\",\"from\":\"佐藤 "
              "<sato@example.jp>\",\"to\":[\"a@example.com\"]"));
    CHECK(has("\"subject\":\"見積書の件\"") && has("\"url\":[\"http://example.net/\"]") &&
          has("\"bytes\":208"));
    done();
}

static void attachment_gives_a_file(void)
{
    begin();
    greet();
    client("MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n");
    server("250 Ok\r\n250 Ok\r\n354 go\r\n");
    client("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
           "application/octet-stream;\r\n"
           " name=\"=?UTF-8?B?6KaL56mN5pu4LmV4ZQ==?=\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
           "aGVsbG8=\r\n\r\n--b--\r\n.\r\n");
    server("554 5.7.1 rejected\r\n");
    play();
    CHECK(records("smtp") == 1 && records("fileinfo") == 1 && has("\"reply\":554") &&
          has("\"mail_from\":\"<>\""));
    CHECK(has("\"fileinfo\":{\"filename\":\"見積書.exe\",\"magic\":\"text\",\"mimetype\":"
              "\"application/octet-stream\","
              "\"state\":\"CLOSED\",\"size\":5,\"gaps\":false,\"md5\":\"5d41402abc4b2a76b9719d911017c592\","
              "\"sha1\":\"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\","
              "\"sha256\":\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\""));
    CHECK(has("\"attachments\":[{\"filename\":\"見積書.exe\""));
    done();
}

static void logons(void)
{
    begin();
    greet();
    client("AUTH PLAIN AHRhbmFrYQBzZWNyZXQ=\r\n");
    server("535 5.7.8 Error: authentication failed\r\n");
    client("AUTH LOGIN\r\n");
    server("334 VXNlcm5hbWU6\r\n");
    client("c2F0bw==\r\n");
    server("334 UGFzc3dvcmQ6\r\n");
    client("c2VjcmV0\r\n");
    server("235 2.7.0 ok\r\n");
    client("AUTH CRAM-MD5\r\n");
    server("334 PDE+\r\n");
    client("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n");
    server("235 ok\r\n");
    client("AUTH PLAIN\r\n");
    server("334 \r\n");
    client("*\r\n");
    server("501 cancelled\r\n");
    client("QUIT\r\n");
    play();
    CHECK(records("login") == 4 && records("smtp") == 1);
    CHECK(
        has("\"method\":\"plain\",\"service\":\"smtp\",\"user\":\"tanaka\",\"result\":\"failure\","
            "\"reason\":\"535 5.7.8 Error: authentication failed\""));
    CHECK(
        has("\"method\":\"login\",\"service\":\"smtp\",\"user\":\"sato\",\"result\":\"success\""));
    CHECK(has(
        "\"method\":\"cram-md5\",\"service\":\"smtp\",\"user\":\"tim\",\"result\":\"success\""));
    CHECK(has("\"auth_user\":\"tim\"") && lacks("secret") && lacks("c2VjcmV0"));
    done();
}

/* Type 2 and 3 messages put together by hand after [MS-NLMP] 2.2.1. */
static void ntlm_logon(void)
{
    begin();
    greet();
    client("AUTH NTLM TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA=\r\n");
    server("334 TlRMTVNTUAACAAAABAAEADAAAAABgoEAASNFZ4mrze8AAAAAAAAAAAAAAAAAAAAARABPAA==\r\n");
    client("TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAQABABAAAAACAAIAEQAAAAEAAQATAAAAAAAAABQAAAAAQKBAE"
           "QATwBVAFMARQBSAFAAQwA=\r\n");
    server("235 ok\r\n");
    play();
    CHECK(records("ntlm") == 1 &&
          has("\"method\":\"ntlm\",\"service\":\"smtp\",\"user\":\"USER\",\"domain\":\"DO\","
              "\"workstation\":\"PC\",\"result\":\"success\""));
    CHECK(has("\"target\":\"DO\"") && has("\"over\":\"smtp\""));
    done();
}

static void starttls_is_opaque(void)
{
    begin();
    greet();
    client("STARTTLS\r\n");
    server("220 2.0.0 Ready\r\n");
    client("\x16\x03\x01\x02MAIL FROM:<no@example>\r\n");
    server("\x16\x03\x03 250 no\r\n");
    play();
    CHECK(records("smtp") == 1 && has("\"starttls\":true") && lacks("no@example") &&
          records("anomaly") == 0);
    done();
    begin();
    greet();
    client("STARTTLS\r\nMAIL FROM:<a@b>\r\n");
    server("454 not now\r\n250 ok\r\n");
    client("RCPT TO:<c@d>\r\n");
    play();
    CHECK(has("INVALID_PIPELINED_SEQUENCE") && has("\"mail_from\":\"<a@b>\"") && lacks("\"starttls\":true"));
    done();
}

static void chunks(void)
{
    begin();
    greet();
    client("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 12\r\nSubject: x\r\nBDAT 8 "
           "LAST\r\n\r\n.\r\nhi\rRSET\r\n");
    server("250 ok\r\n250 ok\r\n250 ok\r\n250 done\r\n250 reset\r\n");
    client("MAIL FROM:<e@f>\r\nRCPT TO:<g@h>\r\nBDAT 0 LAST\r\n");
    server("250 ok\r\n250 ok\r\n451 empty\r\n");
    play();
    CHECK(records("smtp") == 2 && records("anomaly") == 0);
    CHECK(has("\"reply\":250") && has("\"subject\":\"x\",\"bytes\":20") && has("\"reply\":451"));
    done();
}

static void pipelined_mails_get_their_own_answers(void)
{
    begin();
    greet();
    client("MAIL FROM:<1@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n");
    server("250 ok\r\n250 ok\r\n354 go\r\n");
    client("\r\none\r\n.\r\nMAIL FROM:<2@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n");
    server("251 first\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    client("\r\ntwo\r\n.\r\n");
    server("252 second\r\n");
    play();
    CHECK(records("smtp") == 2);
    CHECK(has("\"mail_from\":\"<1@x>\",\"rcpt_to\":[\"<r@x>\"],\"reply\":251"));
    CHECK(has("\"mail_from\":\"<2@x>\",\"rcpt_to\":[\"<r@x>\"],\"reply\":252"));
    done();
}

static void refused_recipients_are_told(void)
{
    begin();
    greet();
    client("MAIL FROM:<a@x>\r\n");
    server("250 ok\r\n");
    client("RCPT TO:<nobody@x>\r\n");
    server("550 5.1.1 unknown\r\n");
    client("RSET\r\nMAIL FROM:<a@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n");
    server("250 ok\r\n250 ok\r\n250 ok\r\n554 no valid recipients\r\n");
    client("QUIT\r\n");
    play();
    CHECK(records("smtp") == 2 && has("\"rcpt_to\":[\"<nobody@x>\"],\"reply\":550"));
    CHECK(has("\"rcpt_to\":[\"<r@x>\"],\"reply\":554") && records("anomaly") == 1 && has("DATA_COMMAND_REJECTED"));
    done();
}

static void smuggled_end_is_seen(void)
{
    begin();
    greet();
    client("MAIL FROM:<a@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n");
    server("250 ok\r\n250 ok\r\n354 go\r\n");
    client("Subject: a\r\n\r\nfirst\n.\r\nMAIL FROM:<evil@x>\r\n.\r\n");
    server("250 ok\r\n");
    play();
    CHECK(records("smtp") == 1 && has("DATA_END_BARE_LF") && lacks("\"mail_from\":\"<evil@x>\""));
    done();
    begin();
    server("220 x SMTP\n");
    client("HELO y\nMAIL FROM:<a@x>\nRCPT TO:<r@x>\nDATA\n");
    server("250 ok\n250 ok\n250 ok\n354 go\n");
    client("Subject: lf only\n\nbody\n.\nQUIT\n");
    server("250 ok\n221 bye\n");
    play();
    CHECK(records("smtp") == 1 && has("\"subject\":\"lf only\"") && has("\"reply\":250"));
    done();
}

static void holes_are_survived(void)
{
    begin();
    greet();
    client("MAIL FROM:<a@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n");
    server("250 ok\r\n250 ok\r\n354 go\r\n");
    client("Subject: x\r\nContent-Type: a/b\r\n\r\nbegin");
    lost(KD_TO_SERVER, 1460);
    client(".\r\n");
    server("250 ok\r\n");
    client("MAIL FROM:<b@x>\r\n");
    server("250 ok\r\n");
    lost(KD_TO_SERVER, 10);
    client("TO:<x@y>\r\nDATA\r\n");
    lost(KD_TO_CLIENT, 20);
    client("Subject: y\r\n\r\nend");
    lost(KD_TO_SERVER, 10);
    server("250 ok\r\n");
    client("QUIT\r\n");
    play();
    CHECK(records("smtp") == 2 && records("fileinfo") == 1 && has("\"state\":\"TRUNCATED\"") &&
          lacks("\"md5\""));
    CHECK(has("\"subject\":\"x\"") && has("\"subject\":\"y\"") && lacks("COMMAND_UNKNOWN"));
    done();
}

static void odd_lines(void)
{
    static char line[40000];
    begin();
    greet();
    memset(line, 'a', sizeof(line));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(line, sizeof(line)));
    client("\r\nNOOP\r\nMAIL FROM:<a@x>\r\n");
    server("500 what\r\n250 ok\r\nnonsense\r\n250 ok\r\n");
    client("RCPT TO:<r@x>\r\nBDAT x\r\n");
    play();
    CHECK(has("MAX_COMMAND_LINE_LEN_EXCEEDED") && has("COMMAND_UNKNOWN") && has("INVALID_REPLY") &&
          has("INVALID_BDAT"));
    CHECK(records("smtp") == 1 && has("\"mail_from\":\"<a@x>\""));
    done();
}

/* What a sender should not do: begin anew, go on before DATA is answered, odd words behind BDAT. */
static void out_of_turn(void)
{
    begin();
    server("220 mx ESMTP\r\n");
    client("EHLO a\r\n");
    server("250 mx\r\n");
    client("MAIL FROM:<a@x>\r\n");
    server("250 ok\r\n");
    client("EHLO b\r\n");
    server("250 mx\r\n");
    client("MAIL FROM:<b@x>\r\nRCPT TO:<r@x>\r\n");
    server("250 ok\r\n250 ok\r\n");
    client("BDAT 3 X\r\n");
    server("501 what\r\n");
    client("DATA\r\n");
    server("503 no\r\n");
    client("RCPT TO:<r@x>\r\nDATA\r\n\r\nhi\r\n.\r\n");
    server("250 ok\r\n354 go\r\n250 ok\r\n");
    play();
    CHECK(has("\"mail_from\":\"<a@x>\"},\"tx_id\":0") && has("DUPLICATE_FIELDS") && has("INVALID_BDAT"));
    CHECK(has("INVALID_PIPELINED_SEQUENCE") && lacks("COMMAND_UNKNOWN"));
    done();
    begin();
    server("220 mx ESMTP\r\n");
    client("EHLO a\r\n");
    server("502 no\r\n");
    client("HELO a\r\n");
    server("250 mx\r\n");
    client("MAIL FROM:<a@x>\r\n");
    server("451 later\r\n");
    client("MAIL FROM:<a@x>\r\n");
    server("250 ok\r\n");
    play();
    CHECK(records("anomaly") == 0);
    done();
}

static void without_answers_nothing_grows(void)
{
    begin();
    client("EHLO x\r\n");
    for (unsigned i = 0; i < 200; i++)
        client("MAIL FROM:<a@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n\r\nhi\r\n.\r\n");
    play();
    CHECK(records("smtp") == 200 && has("TOO_MANY_PENDING"));
    done();
}

static enum kd_probe probe(const char *text, enum kd_dir dir, uint16_t port)
{
    struct kd_conn conn = {.server_port = port};
    return kd_parser_smtp.probe(kd_str(text), dir, &conn);
}

static void recognition(void)
{
    CHECK(probe("220 mx ESMTP\r\n", KD_TO_CLIENT, 9) == KD_PROBE_YES);
    CHECK(probe("220-mx Smtp\r\n220 x\r\n", KD_TO_SERVER, 9) == KD_PROBE_REVERSED);
    CHECK(probe("220 ready\r\n", KD_TO_CLIENT, 25) == KD_PROBE_YES);
    CHECK(probe("220 ready\r\n", KD_TO_CLIENT, 9) == KD_PROBE_MORE);
    CHECK(probe("220 FTP server\r\n", KD_TO_CLIENT, 25) == KD_PROBE_NO);
    CHECK(probe("22", KD_TO_CLIENT, 25) == KD_PROBE_MORE);
    CHECK(probe("ehlo x\r\n", KD_TO_SERVER, 9) == KD_PROBE_YES);
    CHECK(probe("MAIL FROM:<a>", KD_TO_CLIENT, 9) == KD_PROBE_REVERSED);
    CHECK(probe("GET / HTTP/1.1\r\n", KD_TO_SERVER, 25) == KD_PROBE_NO);
    CHECK(probe("EH", KD_TO_SERVER, 25) == KD_PROBE_MORE);
}

static void frames_of_lines_and_mails(void)
{
    begin();
    server("220 a\r\n");
    client("EHLO b\r\n");
    server("250 a\r\n");
    client("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    server("250 ok\r\n250 ok\r\n354 go\r\n");
    client("Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n");
    play();
    CHECK(has_frame("s smtp.response_line 0+7") && has_frame("c smtp.command_line 0+8") && has_frame("c smtp.command_line 40+6"));
    CHECK(has_frame("c smtp.data 46+") && has_frame("c smtp.data end 67") && has_frame("c smtp.command_line 70+6"));
    done();
}

int main(void)
{
    talk_parser = &kd_parser_smtp;
    RUN(one_mail);
    RUN(attachment_gives_a_file);
    RUN(logons);
    RUN(ntlm_logon);
    RUN(starttls_is_opaque);
    RUN(chunks);
    RUN(pipelined_mails_get_their_own_answers);
    RUN(refused_recipients_are_told);
    RUN(smuggled_end_is_seen);
    RUN(holes_are_survived);
    RUN(odd_lines);
    RUN(out_of_turn);
    RUN(without_answers_nothing_grows);
    RUN(recognition);
    RUN(frames_of_lines_and_mails);
    return tap_done();
}
