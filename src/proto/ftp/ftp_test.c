/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_ftp, kd_parser_ftp_data;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("ftp_test.c");
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

static void recorded_sessions(void)
{
    play_seed("passive-download");
    CHECK(has("\"command\":\"RETR\"") && has("\"code\":226") &&
          has("\"mode\":\"passive\""));
    CHECK(has("\"login\":{\"method\":\"password\",\"service\":\"ftp\",\"user\":\"yakuba\","
              "\"result\":\"success\""));
    CHECK(lacks("himitsu") && lacks("anomaly"));
    done();
    play_seed("active-upload");
    CHECK(has("\"command\":\"STOR\"") && has("\"mode\":\"active\"") && lacks("himitsu"));
    done();
    play_seed("wrong-password");
    CHECK(has("\"result\":\"failure\"") && has("\"code\":530") && lacks("chigau"));
    done();
    play_seed("auth-tls");
    CHECK(has("\"command\":\"AUTH\",\"command_data\":\"SSL\",\"command_truncated\":false,\"code\":234") &&
          has("\"tls\":{\"version\"") && lacks("\"login\""));
    done();
}

static void login_as(const char *user)
{
    begin();
    server("220 (files) FTP\r\n");
    client(user);
}

static void answers_of_several_lines(void)
{
    login_as("USER a\r\n");
    server("331-Hello\r\n331-530 is no answer\r\n 230 neither\r\n331 Password\r\n");
    client("PASS himitsu\r\n");
    server("530 No.\r\n");
    client("PASS himitsu\r\n");
    server("230-Welcome\r\n530 not this\r\n230 In\r\n");
    play();
    CHECK(records("login") == 2 && has("\"reply_text\":\"Hello\"") && has("\"reply_text\":\"Welcome\""));
    CHECK(has("\"result\":\"failure\",\"reason\":\"No.\"") && has("\"result\":\"success\""));
    CHECK(lacks("himitsu") && lacks("anomaly") && records("ftp") == 4);
    done();
}

static void turned_away_without_a_password(void)
{
    login_as("USER a\r\n");
    server("530 This server is anonymous only.\r\n");
    client("USER ftp\r\n");
    server("230 Come in\r\n");
    client("USER b\r\n");
    server("331 Password?\r\n");
    play();
    CHECK(records("login") == 2 &&
          has("\"method\":\"none\",\"service\":\"ftp\",\"user\":\"a\",\"result\":\"failure\""));
    CHECK(has("\"user\":\"ftp\",\"result\":\"success\""));
    done();
}

static void endpoints(void)
{
    login_as("PASV\r\n");
    server("227 Entering Passive Mode (10,1,0,5,200,21).\r\n");
    client("RETR a.txt\r\n");
    server("150 Here\r\n226 Done\r\n");
    client("EPSV\r\n");
    server("229 Extended (|||4660|)\r\n");
    client("STOR b.txt\r\n");
    server("150 Go\r\n226 Done\r\n");
    client("PORT 10,1,2,3,4,1\r\n");
    server("200 ok\r\n");
    client("EPRT |2|2001:db8::7|7777|\r\n");
    server("200 ok\r\n");
    client("LIST\r\n");
    server("150 Go\r\n226 Done\r\n");
    client("PORT 1,2,3,4,5,600\r\n");
    server("501 what\r\n");
    play();
    CHECK(has("\"command\":\"RETR\",\"command_data\":\"a.txt\",\"command_truncated\":false,\"code\":226,"
              "\"reply_received\":\"yes\",\"completion_code\":[\"150\",\"226\"],"
              "\"reply\":[\"Here\",\"Done\"],\"reply_text\":\"Done\""));
    CHECK(has("\"mode\":\"passive\",\"data_ip\":\"10.1.0.5\",\"dynamic_port\":51221"));
    CHECK(has("\"data_ip\":\"10.1.0.5\",\"dynamic_port\":4660"));
    CHECK(has("\"mode\":\"active\",\"data_ip\":\"10.1.2.3\",\"dynamic_port\":1025"));
    CHECK(has("\"data_ip\":\"2001:db8::7\",\"dynamic_port\":7777"));
    CHECK(lacks(
        "\"reply_text\":\"what\",\"reply_truncated\":false,\"mode\""));
    done();
}

static void a_loss_shows_no_piece_of_a_password(void)
{
    login_as("USER a\r\n");
    server("331 Password\r\n");
    client("PA");
    lost(KD_TO_SERVER, 6);
    client("mitsu\r\n");
    client("PASV\r\n");
    server("230 In\r\n");
    play();
    CHECK(lacks("itsu") && lacks("ITSU") && has("\"command\":\"PASV\"") && lacks("anomaly"));
    done();
}

static void names_in_shift_jis(void)
{
    login_as("DELE \x8e\x91\x97\xbf.txt\r\n");
    server("250 ok\r\n");
    client("\xff\xf4\xff\xf2"
           "ABOR\r\n");
    server("226 ok\r\n");
    play();
    CHECK(has("\"command_data\":\"資料.txt\"") && has("\"command\":\"ABOR\"") && lacks("anomaly"));
    done();
}

/* --- the engine's part, played by hand: what is announced, and what becomes of it --- */

struct heard {
    struct kd_sink sink;
    struct kd_expect x;
    unsigned n;
    uint8_t context[KD_EXPECT_CONTEXT];
    struct kd_rec_file file;
    uint8_t text[512];
};

static void on_expect(struct kd_sink *sink, const struct kd_expect *x)
{
    struct heard *h = (struct heard *)sink;
    h->x = *x;
    memcpy(h->context, x->context.p, x->context.n);
    h->x.context.p = h->context;
    h->n++;
}

static void on_record(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_rec_type type,
                      const void *body)
{
    struct heard *h = (struct heard *)sink;
    (void)ctx;
    if (type != KD_REC_FILE)
        return;
    h->file = *(const struct kd_rec_file *)body;
    struct kd_out o = kd_out_of(h->text, sizeof(h->text));
    kd_out_bytes(&o, h->file.filename);
    kd_out_u8(&o, ' ');
    kd_out_bytes(&o, h->file.source);
    kd_out_u8(&o, ' ');
    kd_out_bytes(&o, h->file.state);
    kd_out_u8(&o, 0);
}

static const uint8_t client_ip[4] = {10, 1, 2, 3}, server_ip[4] = {10, 1, 0, 5};

static void say(struct kd_ctx *ctx, enum kd_dir dir, const char *line)
{
    CHECK(kd_parser_ftp.message(ctx, dir, kd_str(line)) == KD_OK);
}

static void the_file_is_read_where_it_was_announced(void)
{
    static struct heard h;
    h.sink = (struct kd_sink){.record = on_record, .expect = on_expect};
    struct kd_pool *pool = kd_pool_new(64 << 20);
    struct kd_conn conn = {.client = kd_addr_v4(client_ip),
                           .server = kd_addr_v4(server_ip),
                           .client_port = 5000,
                           .server_port = 21,
                           .proto = 6};
    struct kd_ctx ctx = {.lim = &kd_limits_default,
                         .pool = pool,
                         .conn = &conn,
                         .sink = &h.sink,
                         .state = calloc(1, kd_parser_ftp.state_bytes)};
    say(&ctx, KD_TO_SERVER, "CWD /pub/../srv\r\n");
    say(&ctx, KD_TO_CLIENT, "250 ok\r\n");
    say(&ctx, KD_TO_SERVER, "PASV\r\n");
    say(&ctx, KD_TO_CLIENT, "227 (10,1,0,5,4,2)\r\n");
    say(&ctx, KD_TO_SERVER, "RETR a/b.txt\r\n");
    CHECK(h.n == 1 && h.x.port == 1026 && kd_addr_eq(&h.x.client, &conn.client) &&
          h.x.parser == &kd_parser_ftp_data);
    struct kd_ctx data = ctx;
    data.state = calloc(1, kd_parser_ftp_data.state_bytes);
    kd_parser_ftp_data.expected(&data, h.x.context);
    struct kd_feed feed = {0};
    CHECK(kd_feed_data(&kd_parser_ftp_data, &data, &feed, KD_TO_CLIENT, kd_str("hello")) == KD_OK);
    kd_feed_end(&kd_parser_ftp_data, &data, &feed, KD_TO_CLIENT);
    kd_parser_ftp_data.close(&data);
    CHECK(strcmp((const char *)h.text, "b.txt ftp://10.1.0.5/srv/a/b.txt CLOSED") == 0);
    CHECK(!h.file.to_server && h.file.size == 5);
    /* an address that is not the one on the wire: both are announced */
    say(&ctx, KD_TO_SERVER, "PASV\r\n");
    say(&ctx, KD_TO_CLIENT, "227 (192,168,0,9,4,3)\r\n");
    say(&ctx, KD_TO_SERVER, "STOR c\r\n");
    CHECK(h.n == 3 && h.x.port == 1027 && kd_addr_eq(&h.x.server, &conn.server));
    kd_parser_ftp.close(&ctx);
    CHECK(kd_pool_used(pool) == 0);
    free(ctx.state);
    free(data.state);
    kd_pool_free(pool);
}

static void probe_knows_its_own(void)
{
    struct kd_conn other = {.proto = 6, .server_port = 4000}, ftp = {.proto = 6, .server_port = 21};
    enum kd_probe (*probe)(struct kd_bytes, enum kd_dir, const struct kd_conn *) =
        kd_parser_ftp.probe;
    CHECK(probe(kd_str("220 (vsFTPd 3.0.3)\r\n"), KD_TO_CLIENT, &other) == KD_PROBE_YES);
    CHECK(probe(kd_str("220 (vsFTPd 3.0.3)\r\n"), KD_TO_SERVER, &other) == KD_PROBE_REVERSED);
    CHECK(probe(kd_str("220 Welcome\r\n"), KD_TO_CLIENT, &ftp) == KD_PROBE_YES);
    CHECK(probe(kd_str("220 Welcome\r\n"), KD_TO_CLIENT, &other) == KD_PROBE_MORE);
    CHECK(probe(kd_str("220 ftp.machi.example ESMTP\r\n"), KD_TO_CLIENT, &ftp) == KD_PROBE_NO);
    CHECK(probe(kd_str("USER a\r\n"), KD_TO_SERVER, &other) == KD_PROBE_YES);
    CHECK(probe(kd_str("USER a b c :d\r\n"), KD_TO_SERVER, &other) == KD_PROBE_NO);
    CHECK(probe(kd_str("GET / HTTP/1.1\r\n"), KD_TO_SERVER, &other) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_ftp;
    RUN(recorded_sessions);
    RUN(answers_of_several_lines);
    RUN(turned_away_without_a_password);
    RUN(endpoints);
    RUN(a_loss_shows_no_piece_of_a_password);
    RUN(names_in_shift_jis);
    RUN(the_file_is_read_where_it_was_announced);
    RUN(probe_knows_its_own);
    return tap_done();
}
