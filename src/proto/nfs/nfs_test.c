/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_nfs;

enum { CALL = 0, REPLY = 1, PROGRAM = 100003 };

static uint8_t message_room[65536];
static struct kd_out msg;

static void u32(uint32_t v)
{
    kd_out_be16(&msg, (uint16_t)(v >> 16));
    kd_out_be16(&msg, (uint16_t)v);
}

static void u64(uint64_t v)
{
    u32((uint32_t)(v >> 32));
    u32((uint32_t)v);
}

static void opaque(struct kd_bytes b)
{
    u32((uint32_t)b.n);
    kd_out_bytes(&msg, b);
    for (size_t i = b.n; i % 4 != 0; i++)
        kd_out_u8(&msg, 0);
}

static void text(const char *s)
{
    opaque(kd_str(s));
}

static void zeros(size_t n)
{
    for (size_t i = 0; i < n; i++)
        kd_out_u8(&msg, 0);
}

static void call(uint32_t xid, uint32_t version, uint32_t procedure)
{
    msg = kd_out_of(message_room, sizeof(message_room));
    uint32_t head[] = {xid, CALL, 2, PROGRAM, version, procedure, 1};
    for (size_t i = 0; i < KD_COUNT(head); i++)
        u32(head[i]);
    u32(4 + 12 + 12); /* credential: stamp, name, user, group, no further groups */
    u32(7);
    text("ward3");
    u32(1001);
    u32(100);
    u32(0);
    u32(0);
    u32(0);
}

static void reply(uint32_t xid, uint32_t status)
{
    msg = kd_out_of(message_room, sizeof(message_room));
    uint32_t head[] = {xid, REPLY, 0, 0, 0, 0, status};
    for (size_t i = 0; i < KD_COUNT(head); i++)
        u32(head[i]);
}

static void handle(const char *name)
{
    char b[32] = {0};
    memcpy(b, name, strlen(name));
    opaque(kd_bytes_of(b, sizeof(b)));
}

/* Send what was written: over TCP with its mark, in two fragments if `split` is not 0. */
static void tcp(enum kd_dir dir, size_t split)
{
    static uint8_t marked[65536 + 8];
    struct kd_out o = kd_out_of(marked, sizeof(marked));
    if (split > 0) {
        kd_out_be16(&o, 0);
        kd_out_be16(&o, (uint16_t)split);
        kd_out_bytes(&o, kd_bytes_of(msg.p, split));
    }
    kd_out_be16(&o, 0x8000);
    kd_out_be16(&o, (uint16_t)(msg.n - split));
    kd_out_bytes(&o, kd_bytes_of(msg.p + split, msg.n - split));
    kd_tape_add(&tape, dir, kd_out_bytes_view(&o));
}

static void udp(enum kd_dir dir)
{
    kd_tape_add_datagram(&tape, dir, kd_out_bytes_view(&msg));
}

/* Version 3: a file is found, read in two parts, removed; a name is changed; a right is missing. */
static void version_3(void)
{
    static char content[20000];
    memset(content, 'k', sizeof(content));
    begin();
    call(1, 3, 3);
    handle("dir");
    text("karte.csv");
    tcp(KD_TO_SERVER, 0);
    reply(1, 0);
    handle("karte");
    u32(0);
    u32(0);
    tcp(KD_TO_CLIENT, 0);
    for (uint32_t part = 0; part < 2; part++) {
        call(2 + part, 3, 6);
        handle("karte");
        u64(part * sizeof(content));
        u32(sizeof(content));
        tcp(KD_TO_SERVER, 0);
        reply(2 + part, 0);
        u32(0); /* no attributes */
        u32(sizeof(content));
        u32(part); /* the end with the second */
        opaque(kd_bytes_of(content, sizeof(content)));
        tcp(KD_TO_CLIENT, part == 1 ? 9000u : 0u);
    }
    call(4, 3, 14);
    handle("dir");
    text("karte.csv");
    handle("dir");
    text("x.locked");
    tcp(KD_TO_SERVER, 0);
    reply(4, 0);
    tcp(KD_TO_CLIENT, 0);
    call(5, 3, 12);
    handle("dir");
    text("other");
    tcp(KD_TO_SERVER, 0);
    reply(5, 13);
    tcp(KD_TO_CLIENT, 0);
    play();
    CHECK(has("\"nfs\":{\"version\":3,\"procedure\":\"READ\",\"filename\":\"karte.csv\""));
    CHECK(has("\"read\":{\"first\":true,\"last\":true,\"last_xid\":3,\"chunks\":2}"));
    CHECK(has("\"read_bytes\":40000"));
    CHECK(has("\"rename\":{\"from\":\"karte.csv\",\"to\":\"x.locked\"}"));
    CHECK(has("\"procedure\":\"REMOVE\",\"filename\":\"other\"") && has("\"status\":\"ERR_ACCES\""));
    CHECK(has("\"machine_name\":\"ward3\",\"uid\":1001,\"gid\":100"));
    CHECK(has("\"fileinfo\":{\"filename\":\"karte.csv\"") && has("\"state\":\"CLOSED\",\"size\":40000"));
    CHECK(records("nfs") == 3 && records("anomaly") == 0); /* LOOKUP is a line only where lines are wanted */
    done();
    kd_tape_steps = true;
    play();
    CHECK(records("nfs") == 4 && has("\"procedure\":\"LOOKUP\""));
    done();
    kd_tape_steps = false;
}

/* Version 2 over UDP: what is written has no end but that of the conversation. */
static void version_2(void)
{
    begin();
    call(1, 2, 9);
    zeros(31);
    kd_out_u8(&msg, 9);
    text("report");
    zeros(32);
    udp(KD_TO_SERVER);
    reply(1, 0);
    zeros(31);
    kd_out_u8(&msg, 7);
    zeros(68);
    udp(KD_TO_CLIENT);
    call(2, 2, 8);
    zeros(31);
    kd_out_u8(&msg, 7);
    u32(0);
    u32(0);
    u32(5);
    text("hello");
    udp(KD_TO_SERVER);
    reply(2, 0);
    zeros(68);
    udp(KD_TO_CLIENT);
    run = kd_tape_play(talk_parser, kd_out_bytes_view(&tape), SIZE_MAX);
    CHECK(has("\"version\":2,\"procedure\":\"CREATE\",\"filename\":\"report\""));
    CHECK(has("\"procedure\":\"WRITE\",\"filename\":\"report\"") && has("\"write\":{\"first\":true,\"last_xid\":2,\"chunks\":1}"));
    CHECK(has("\"fileinfo\":{\"filename\":\"report\""));
    done();
}

/* Version 4: a row of operations makes a file, another writes it, a third closes it. */
static void version_4(void)
{
    begin();
    call(1, 4, 1);
    text("");
    u32(0);
    u32(3);
    u32(22);
    handle("dir");
    u32(18); /* OPEN */
    zeros(12 + 8);
    text("owner");
    u32(1); /* create, unchecked */
    u32(0);
    u32(0);
    text("");
    u32(0);
    text("new.doc");
    u32(10); /* GETFH */
    tcp(KD_TO_SERVER, 0);
    reply(1, 0);
    text("");
    u32(3);
    u32(22);
    u32(0);
    u32(18);
    u32(0);
    zeros(16 + 20 + 4);
    u32(0);
    u32(0);
    u32(10);
    u32(0);
    handle("new");
    tcp(KD_TO_CLIENT, 0);
    call(2, 4, 1);
    text("");
    u32(0);
    u32(2);
    u32(22);
    handle("new");
    u32(38);
    zeros(16);
    u64(0);
    u32(2);
    text("content");
    tcp(KD_TO_SERVER, 0);
    reply(2, 0);
    text("");
    u32(0);
    tcp(KD_TO_CLIENT, 0);
    call(3, 4, 1);
    text("");
    u32(0);
    u32(2);
    u32(22);
    handle("new");
    u32(4);
    zeros(4 + 16);
    tcp(KD_TO_SERVER, 0);
    reply(3, 0);
    text("");
    u32(0);
    tcp(KD_TO_CLIENT, 0);
    play();
    CHECK(has("\"version\":4,\"procedure\":\"OPEN\",\"filename\":\"new.doc\""));
    CHECK(has("\"procedure\":\"WRITE\",\"filename\":\"new.doc\"") &&
          has("\"write\":{\"first\":true,\"last\":true,\"last_xid\":2,\"chunks\":1}"));
    CHECK(has("\"state\":\"CLOSED\",\"size\":7"));
    done();
}

static void nonsense(void)
{
    begin();
    call(1, 3, 3);
    u32(4000000); /* a handle of that length */
    tcp(KD_TO_SERVER, 0);
    play();
    CHECK(has("nfs_bad_call") && records("nfs") == 0);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 17, .server_port = 2049};
    const struct kd_parser *p = &kd_parser_nfs;
    call(1, 3, 1);
    struct kd_bytes all = kd_out_bytes_view(&msg);
    CHECK(p->probe(all, KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(all, KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
    message_room[15]++; /* another program */
    CHECK(p->probe(all, KD_TO_SERVER, &conn) == KD_PROBE_NO);
    call(1, 3, 0);
    CHECK(p->probe(kd_out_bytes_view(&msg), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    reply(1, 0);
    CHECK(p->probe(kd_out_bytes_view(&msg), KD_TO_CLIENT, &conn) == KD_PROBE_NO);
    conn.midstream = true;
    CHECK(p->probe(kd_out_bytes_view(&msg), KD_TO_CLIENT, &conn) == KD_PROBE_YES);
}

/* The conversations above as seeds: nfs_test DIRECTORY. */
int main(int argc, char **argv)
{
    static void (*const makes[])(void) = {version_3, version_2, version_4};
    static const char *const names[] = {"version-3", "version-2-udp", "version-4"};
    talk_parser = &kd_parser_nfs;
    for (size_t i = 0; argc > 1 && i < KD_COUNT(makes); i++) {
        char path[512];
        makes[i]();
        snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]);
        FILE *f = fopen(path, "wb");
        CHECK(f != NULL && fwrite(tape.p, 1, tape.n, f) == tape.n && fclose(f) == 0);
    }
    RUN(version_3);
    RUN(version_2);
    RUN(version_4);
    RUN(nonsense);
    RUN(probe_knows_its_own);
    return tap_done();
}
