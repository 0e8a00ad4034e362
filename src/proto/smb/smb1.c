/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1 messages ([MS-CIFS] 2.2.3): header, AndX chains, pairing by process and multiplex number.
 */
#include "proto/smb/smb1.h"

#include "base/charset.h"
#include "base/utf16.h"

enum {
    FLAG_REPLY = 0x80,
    FLAGS2_NT_STATUS = 0x4000,
    FLAGS2_UNICODE = 0x8000,
    CHAIN_MAX = 8,
    WORDS_AT = 32,
    ANDX_AT = 33,
    READ_ANSWER = 59,   /* up to the data, with the usual 12 words */
    WRITE_REQUEST = 63, /* with the usual 14 words */
    OLD_DATA = 48,      /* READ answer and WRITE request of the core protocol */
    BULK_ANSWER = 96,   /* of what answers a TRANS2, and of the parts that continue a request */
    NT_TRANSACT_HELD = 4096
};

static void other_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    (void)smb_expect(ctx, c->m, 0);
}

static void other_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    if (smb_is_failure(c->m))
        smb1_tell(ctx, c->m, p);
    else
        smb_step(ctx, c->m, p);
}

static const struct smb1_handler handlers[] = {
    [SMB1_CREATE_DIRECTORY] = {smb1_path_request, smb1_path_answer},
    [SMB1_DELETE_DIRECTORY] = {smb1_path_request, smb1_path_answer},
    [SMB1_OPEN] = {smb1_open_request, smb1_open_answer},
    [SMB1_CREATE] = {smb1_open_request, smb1_open_answer},
    [SMB1_CREATE_NEW] = {smb1_open_request, smb1_open_answer},
    [SMB1_CLOSE] = {smb1_close_request, smb1_close_answer},
    [SMB1_DELETE] = {smb1_path_request, smb1_path_answer},
    [SMB1_RENAME] = {smb1_path_request, smb1_path_answer},
    [SMB1_READ] = {smb1_read_request, smb1_read_answer},
    [SMB1_WRITE] = {smb1_write_request, smb1_write_answer},
    [SMB1_TRANS] = {smb1_trans_request, smb1_trans_answer},
    [SMB1_TRANS_SECONDARY] = {smb1_secondary_request, other_answer},
    [SMB1_WRITE_AND_CLOSE] = {smb1_write_request, smb1_write_answer},
    [SMB1_OPEN_ANDX] = {smb1_open_request, smb1_open_answer},
    [SMB1_READ_ANDX] = {smb1_read_request, smb1_read_answer},
    [SMB1_WRITE_ANDX] = {smb1_write_request, smb1_write_answer},
    [SMB1_TRANS2] = {smb1_trans_request, smb1_trans_answer},
    [SMB1_TRANS2_SECONDARY] = {smb1_secondary_request, other_answer},
    [SMB1_TREE_CONNECT] = {smb1_tree_request, smb1_tree_answer},
    [SMB1_NEGOTIATE] = {smb1_negotiate_request, smb1_negotiate_answer},
    [SMB1_SESSION_SETUP_ANDX] = {smb1_session_request, smb1_session_answer},
    [SMB1_TREE_CONNECT_ANDX] = {smb1_tree_request, smb1_tree_answer},
    [SMB1_NT_TRANSACT] = {smb1_trans_request, smb1_trans_answer},
    [SMB1_NT_TRANSACT_SECONDARY] = {smb1_secondary_request, other_answer},
    [SMB1_NT_CREATE_ANDX] = {smb1_open_request, smb1_open_answer},
    [SMB1_NT_RENAME] = {smb1_path_request, smb1_path_answer},
};

static struct smb1_handler handler_of(uint8_t command)
{
    if (command < KD_COUNT(handlers) && handlers[command].request != NULL)
        return handlers[command];
    return (struct smb1_handler){other_request, other_answer};
}

static bool has_andx(uint8_t command)
{
    switch (command) {
    case SMB1_LOCKING_ANDX:
    case SMB1_OPEN_ANDX:
    case SMB1_READ_ANDX:
    case SMB1_WRITE_ANDX:
    case SMB1_SESSION_SETUP_ANDX:
    case SMB1_LOGOFF_ANDX:
    case SMB1_TREE_CONNECT_ANDX:
    case SMB1_NT_CREATE_ANDX:
        return true;
    default:
        return false;
    }
}

static bool opens(uint8_t command)
{
    return command == SMB1_OPEN_ANDX || command == SMB1_NT_CREATE_ANDX;
}

uint32_t smb1_held(struct kd_bytes b, uint32_t limit)
{
    struct kd_cur c = kd_cur_of(b);
    (void)kd_cur_be32(&c);
    uint8_t command = kd_cur_u8(&c);
    (void)kd_cur_le32(&c);
    bool reply = (kd_cur_u8(&c) & FLAG_REPLY) != 0;
    (void)kd_cur_take(&c, ANDX_AT - 10);
    bool alone = kd_cur_u8(&c) == SMB1_NO_ANDX;
    switch (command) {
    case SMB1_READ_ANDX:
        return reply && alone ? READ_ANSWER : limit;
    case SMB1_WRITE_ANDX:
        return !reply && alone ? WRITE_REQUEST : limit;
    case SMB1_READ:
        return reply ? OLD_DATA : limit;
    case SMB1_WRITE:
        return reply ? limit : OLD_DATA;
    case SMB1_TRANS2:
        return reply ? BULK_ANSWER : limit;
    case SMB1_TRANS2_SECONDARY:
    case SMB1_TRANS_SECONDARY:
    case SMB1_NT_TRANSACT_SECONDARY:
        return BULK_ANSWER;
    case SMB1_NT_TRANSACT:
        return reply ? BULK_ANSWER : NT_TRANSACT_HELD;
    default:
        return limit;
    }
}

/* ---- texts ---- */

struct kd_bytes smb1_raw(struct smb1_cmd *c, bool unicode)
{
    struct kd_cur *d = &c->data;
    if (!unicode) {
        struct kd_bytes all = kd_bytes_of(d->p, d->n);
        size_t n = kd_bytes_find_byte(all, 0);
        struct kd_bytes raw = kd_cur_take(d, n == SIZE_MAX ? d->n : n);
        if (n != SIZE_MAX)
            (void)kd_cur_u8(d);
        return raw;
    }
    if ((c->data_at + d->taken) % 2 != 0)
        (void)kd_cur_u8(d);
    size_t n = 0;
    while (n + 1 < d->n && (d->p[n] != 0 || d->p[n + 1] != 0))
        n += 2;
    struct kd_bytes raw = kd_cur_take(d, n);
    if (d->n >= 2)
        (void)kd_cur_le16(d);
    return raw;
}

struct kd_bytes smb1_text(struct kd_out *o, struct kd_bytes raw, bool unicode)
{
    size_t at = o->n;
    if (unicode)
        kd_out_utf16le(o, raw);
    else if (!kd_charset_to_utf8(kd_str("Shift_JIS"), raw, o))
        kd_out_bytes(o, kd_bytes_head(raw, o->max - o->n));
    return kd_bytes_of(o->p + at, o->n - at);
}

void smb1_pending_text(struct smb_pending *p, unsigned i, struct kd_bytes raw, bool unicode)
{
    if (unicode)
        smb_pending_text(p, i, raw);
    else
        smb_pending_oem(p, i, raw);
}

/* ---- records ---- */

void smb1_tell(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p)
{
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p, &room, &rec);
    smb_describe_file(ctx, p, &rec);
    kd_emit(ctx, KD_REC_SMB, &rec);
}

void smb1_tell_failure(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p)
{
    if (smb_is_failure(m))
        smb1_tell(ctx, m, p);
}

void smb1_content(struct kd_ctx *ctx, const struct smb_msg *m, struct smb_key file, uint64_t offset,
                  size_t at, uint32_t n)
{
    struct smb_data data = {.file = file, .offset = offset, .left = n};
    size_t held = m->bytes.n;
    if (at < SMB1_HEADER)
        return;
    struct kd_bytes here = kd_bytes_head(kd_bytes_from(m->bytes, at), n);
    if (here.n > 0)
        smb_file_data(ctx, m->dir, &data, here, here.n);
    data.offset += here.n;
    data.left -= (uint32_t)here.n;
    data.skip = at > held ? (uint32_t)kd_min_size(at - held, UINT32_MAX) : 0;
    if (data.left > 0)
        smb_state_of(ctx)->stream[m->dir].data = data;
}

/* ---- pairing ---- */

bool smb1_is_exchange(uint16_t command)
{
    switch (command - SMB1_COMMANDS) {
    case SMB1_READ:
    case SMB1_WRITE:
    case SMB1_READ_ANDX:
    case SMB1_WRITE_ANDX:
    case SMB1_TRANS:
        return false;
    default:
        return true;
    }
}

struct smb_key smb1_key(const struct smb_msg *m, uint8_t command)
{
    return (struct smb_key){m->key.a, (m->key.b & ~(uint64_t)0xff) | command};
}

static void on_request(struct kd_ctx *ctx, struct smb1_cmd *c, uint8_t command)
{
    if (command != SMB1_NT_CANCEL)
        handler_of(command).request(ctx, c);
}

/* A transaction's "go on": neither words nor data, and no failure. */
static bool is_interim(const struct smb1_cmd *c, uint8_t command)
{
    return (command == SMB1_TRANS || command == SMB1_TRANS2 || command == SMB1_NT_TRANSACT) &&
           c->n_words == 0 && kd_cur_left(&c->data) == 0 && c->m->head.status == 0;
}

static void on_answer(struct kd_ctx *ctx, struct smb1_cmd *c, uint8_t command)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_pending *p = smb_pending_find(ctx, c->m->key);
    if (p != NULL && is_interim(c, command))
        return;
    if (p == NULL && command == SMB1_TRANS2)
        p = smb1_trans_stray(ctx, c->m);
    if (p != NULL && p->chained && st->created.known)
        p->file = st->created.file;
    handler_of(command).answer(ctx, c, p);
    if (p != NULL)
        smb_pending_drop(ctx, p);
}

void smb1_unanswered(struct kd_ctx *ctx, struct smb_pending *p)
{
    struct smb1_cmd none = {.m = NULL};
    handler_of((uint8_t)(p->command - SMB1_COMMANDS)).answer(ctx, &none, p);
}

/* ---- messages ---- */

/* What an error of the old kind (class, code) is among the NT status values. */
static uint32_t status_of_dos(uint8_t class, uint16_t code)
{
    static const struct {
        uint8_t class;
        uint16_t code;
        uint32_t status;
    } rows[] = {
        {1, 1, 0xc0000002},   {1, 2, 0xc000000f},   {1, 3, 0xc000003a},  {1, 4, 0xc000011f},
        {1, 5, 0xc0000022},   {1, 6, 0xc0000008},   {1, 8, 0xc0000017},  {1, 18, 0x80000006},
        {1, 32, 0xc0000043},  {1, 33, 0xc0000054},  {1, 38, 0xc0000011}, {1, 50, 0xc00000bb},
        {1, 67, 0xc00000cc},  {1, 80, 0xc0000035},  {1, 87, 0xc000000d}, {1, 112, 0xc000007f},
        {1, 183, 0xc0000035}, {1, 234, 0x80000005}, {2, 2, 0xc000006d},  {2, 4, 0xc0000022},
        {2, 5, 0xc00000c9},   {2, 6, 0xc00000cc},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        if (rows[i].class == class && rows[i].code == code)
            return rows[i].status;
    return class == 0 ? 0 : 0xc0000001;
}

static bool read_head(struct smb_msg *m, struct kd_cur *c, bool *ret_reply, bool *ret_unicode)
{
    (void)kd_cur_be32(c);
    uint8_t command = kd_cur_u8(c);
    uint32_t status = kd_cur_le32(c);
    *ret_reply = (kd_cur_u8(c) & FLAG_REPLY) != 0;
    uint16_t flags2 = kd_cur_le16(c);
    uint32_t process = (uint32_t)kd_cur_le16(c) << 16;
    (void)kd_cur_take(c, 10); /* signature, reserved */
    m->head.tree_id = kd_cur_le16(c);
    process |= kd_cur_le16(c);
    m->head.session_id = kd_cur_le16(c);
    m->head.message_id = kd_cur_le16(c);
    *ret_unicode = (flags2 & FLAGS2_UNICODE) != 0;
    if ((flags2 & FLAGS2_NT_STATUS) == 0 && *ret_reply)
        m->head.dos_error = (status & 0xff) != 0 ? (status & 0xff) | status >> 16 << 8 : 0;
    if ((flags2 & FLAGS2_NT_STATUS) == 0)
        status = status_of_dos((uint8_t)status, (uint16_t)(status >> 16));
    m->head.status = *ret_reply ? status : 0;
    m->head.command = command;
    m->key = (struct smb_key){m->head.message_id, (uint64_t)1 << 48 | (uint64_t)process << 8};
    return kd_cur_ok(c);
}

/* The block of a command (word count, words, byte count, bytes) that begins `at` the header. */
static bool read_block(struct smb1_cmd *c, size_t at)
{
    struct kd_cur b = kd_cur_of(kd_bytes_from(c->m->bytes, at));
    c->n_words = kd_cur_u8(&b);
    c->words = kd_cur_sub(&b, c->n_words * 2u);
    if (!kd_cur_ok(&b))
        return false;
    size_t n = kd_cur_le16(&b);
    c->data_at = at + 3 + c->n_words * 2u;
    c->data = kd_cur_of(kd_bytes_head(kd_cur_rest(&b), n));
    return true;
}

static void walk(struct kd_ctx *ctx, struct smb1_cmd *c, uint8_t command, bool reply)
{
    struct smb_msg *m = c->m;
    uint32_t status = m->head.status;
    size_t at = SMB1_HEADER;
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        if (!read_block(c, at)) {
            smb_odd(ctx, SMB_ODD_BODY);
            return;
        }
        uint8_t next = SMB1_NO_ANDX;
        size_t next_at = 0;
        if (has_andx(command) && c->n_words >= 2) {
            next = kd_cur_u8(&c->words);
            (void)kd_cur_u8(&c->words);
            next_at = kd_cur_le16(&c->words);
        }
        m->head.command = (uint16_t)(SMB1_COMMANDS + command);
        m->key = smb1_key(m, command);
        m->head.status = next == SMB1_NO_ANDX ? status : 0; /* a failure is the last command's */
        if (reply)
            on_answer(ctx, c, command);
        else
            on_request(ctx, c, command);
        if (next == SMB1_NO_ANDX)
            return;
        c->chained = c->chained || opens(command);
        if (next_at < at + 3) {
            smb_odd(ctx, SMB_ODD_NEXT);
            return;
        }
        command = next;
        at = next_at;
    }
    smb_odd(ctx, SMB_ODD_NEXT);
}

void smb1_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes bytes)
{
    struct smb_msg m = {.bytes = bytes, .dir = dir};
    struct kd_cur head = kd_cur_of(bytes);
    struct smb1_cmd c = {.m = &m};
    bool reply = false;
    if (!read_head(&m, &head, &reply, &c.unicode)) {
        smb_odd(ctx, SMB_ODD_HEADER);
        return;
    }
    struct smb_state *st = smb_state_of(ctx);
    if (reply)
        st->created.known = false;
    walk(ctx, &c, (uint8_t)m.head.command, reply);
}
