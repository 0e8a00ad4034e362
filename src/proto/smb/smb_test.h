/* SPDX-License-Identifier: Apache-2.0 */
/* Builder of SMB messages for smb_test.c: each function adds what its name says to the writer or
 * tape. */
#ifndef KD_PROTO_SMB_SMB_TEST_H
#define KD_PROTO_SMB_SMB_TEST_H

#include "parser/tape.h"

static uint8_t tape_room[1 << 20];
static struct kd_out tape;

static void tape_start(void)
{
    tape = kd_out_of(tape_room, sizeof(tape_room));
}

static void zeros(struct kd_out *o, size_t n)
{
    uint8_t *p = kd_out_room(o, n);
    if (p != NULL && n > 0)
        memset(p, 0, n);
}

struct header {
    uint16_t command;
    uint32_t status, flags, next, tree;
    uint64_t id, session;
};

static void put_header(struct kd_out *o, const struct header *h)
{
    kd_out_bytes(o, kd_bytes_of("\xfeSMB", 4));
    kd_out_le16(o, 64);
    kd_out_le16(o, 1);
    kd_out_le32(o, h->status);
    kd_out_le16(o, h->command);
    kd_out_le16(o, 1);
    kd_out_le32(o, h->flags);
    kd_out_le32(o, h->next);
    kd_out_le64(o, h->id);
    kd_out_le32(o, 0);
    kd_out_le32(o, h->tree);
    kd_out_le64(o, h->session);
    zeros(o, 16);
}

static void put_utf16(struct kd_out *o, const char *ascii)
{
    for (; *ascii != '\0'; ascii++)
        kd_out_le16(o, (uint8_t)*ascii);
}

static void put_create(struct kd_out *o, const char *name, uint32_t options)
{
    kd_out_le16(o, 57);
    zeros(o, 22);
    kd_out_le32(o, 0x120089);
    zeros(o, 8);
    kd_out_le32(o, 1); /* FILE_OPEN */
    kd_out_le32(o, options);
    kd_out_le16(o, 64 + 56);
    kd_out_le16(o, (uint16_t)(2 * strlen(name)));
    zeros(o, 8);
    put_utf16(o, name);
    zeros(o, (8 - o->n % 8) % 8);
}

static void put_created(struct kd_out *o, uint64_t size, uint64_t file)
{
    kd_out_le16(o, 89);
    zeros(o, 2);
    kd_out_le32(o, 1);
    zeros(o, 40);
    kd_out_le64(o, size);
    zeros(o, 8);
    kd_out_le64(o, file);
    kd_out_le64(o, file);
}

static void put_close(struct kd_out *o, uint64_t file)
{
    kd_out_le16(o, 24);
    zeros(o, 6);
    kd_out_le64(o, file);
    kd_out_le64(o, file);
}

static void put_closed(struct kd_out *o)
{
    kd_out_le16(o, 60);
    zeros(o, 58);
}

static void put_end_of_file(struct kd_out *o, uint64_t file, uint64_t size)
{
    kd_out_le16(o, 33);
    kd_out_u8(o, 1);
    kd_out_u8(o, 20);
    kd_out_le32(o, 8);
    kd_out_le16(o, 64 + 32);
    zeros(o, 6);
    kd_out_le64(o, file);
    kd_out_le64(o, file);
    kd_out_le64(o, size);
}

static void put_error(struct kd_out *o)
{
    kd_out_le16(o, 9);
    zeros(o, 6);
}

static void put_write(struct kd_out *o, uint64_t file, uint64_t offset, uint32_t n)
{
    kd_out_le16(o, 49);
    kd_out_le16(o, 64 + 48);
    kd_out_le32(o, n);
    kd_out_le64(o, offset);
    kd_out_le64(o, file);
    kd_out_le64(o, file);
    zeros(o, 16);
}

static void put_written(struct kd_out *o, uint32_t n)
{
    kd_out_le16(o, 17);
    zeros(o, 2);
    kd_out_le32(o, n);
    zeros(o, 8);
}

/* A NetBIOS message around the content, as one chunk of the tape. */
static void send(enum kd_dir dir, const struct kd_out *content)
{
    static uint8_t room[1 << 17];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_be16(&o, (uint16_t)(content->n >> 16));
    kd_out_be16(&o, (uint16_t)content->n);
    kd_out_bytes(&o, kd_out_bytes_view(content));
    for (struct kd_bytes rest = kd_out_bytes_view(&o); rest.n > 0;
         rest = kd_bytes_from(rest, 60000))
        kd_tape_add(&tape, dir, kd_bytes_head(rest, 60000));
}

static uint8_t message_room[1 << 17];

static struct kd_out message(const struct header *h)
{
    struct kd_out o = kd_out_of(message_room, sizeof(message_room));
    put_header(&o, h);
    return o;
}

static void gap(enum kd_dir dir, uint16_t n)
{
    kd_out_u8(&tape, (uint8_t)(dir | 2));
    kd_out_be16(&tape, n);
}

#endif
