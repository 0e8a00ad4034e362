/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1: opening, content, names ([MS-CIFS] 2.2.4). */
#include "proto/smb/smb1.h"

enum {
    OPTION_DIRECTORY = 0x1,
    OPTION_DELETE_ON_CLOSE = 0x1000,
    ATTRIBUTE_DIRECTORY = 0x10,
    FORMAT_TEXT = 4,
    DISPOSITION_OPEN = 1,
    DISPOSITION_CREATE = 2,
    DISPOSITION_OPEN_IF = 3,
    DISPOSITION_OVERWRITE_IF = 5,
    ACCESS_READ = 0x120089,
    ACCESS_WRITE = 0x120116,
    WORDS_LARGE_READ = 12, /* READ_ANDX request with 64-bit offset */
    WORDS_LARGE_WRITE = 14
};

static uint8_t command_of(const struct smb1_cmd *c)
{
    return (uint8_t)(c->m->head.command - SMB1_COMMANDS);
}

/* Paths begin with a backslash that names of SMB 2 have not. */
static struct kd_bytes without_root(struct kd_bytes raw, bool unicode)
{
    if (raw.n > 0 && raw.p[0] == '\\' && (!unicode || (raw.n > 1 && raw.p[1] == 0)))
        return kd_bytes_from(raw, unicode ? 2 : 1);
    return raw;
}

static struct kd_bytes read_path(struct smb1_cmd *c)
{
    return without_root(smb1_raw(c, c->unicode), c->unicode);
}

/* ---- open ---- */

/* OPEN_ANDX and the core commands ask in another way: said here as NT_CREATE_ANDX says it. */
static void read_old_open(struct smb1_cmd *c, uint32_t *ret_access, uint32_t *ret_disposition)
{
    uint8_t command = command_of(c);
    if (command == SMB1_OPEN_ANDX)
        (void)kd_cur_le16(&c->words); /* flags */
    uint16_t access =
        command == SMB1_OPEN || command == SMB1_OPEN_ANDX ? kd_cur_le16(&c->words) : 1;
    uint16_t function = 0x01;
    if (command == SMB1_OPEN_ANDX) {
        (void)kd_cur_take(&c->words, 8); /* attributes, time */
        function = kd_cur_le16(&c->words);
    } else if (command != SMB1_OPEN) {
        function = command == SMB1_CREATE ? 0x12 : 0x10;
    }
    *ret_access = (access & 7) == 1 ? ACCESS_WRITE : ACCESS_READ;
    if ((access & 7) == 2)
        *ret_access = ACCESS_READ | ACCESS_WRITE;
    bool creates = (function & 0x10) != 0;
    *ret_disposition = (function & 3) == 2   ? DISPOSITION_OVERWRITE_IF - (creates ? 0u : 1u)
                       : (function & 3) == 1 ? (creates ? DISPOSITION_OPEN_IF : DISPOSITION_OPEN)
                                             : DISPOSITION_CREATE;
}

void smb1_open_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    uint32_t access = 0, disposition = 0, options = 0;
    uint8_t command = command_of(c);
    if (command == SMB1_NT_CREATE_ANDX) {
        (void)kd_cur_take(&c->words, 11); /* reserved, length of the name, flags, root */
        access = kd_cur_le32(&c->words);
        (void)kd_cur_take(&c->words, 16); /* allocation, attributes, sharing */
        disposition = kd_cur_le32(&c->words);
        options = kd_cur_le32(&c->words);
    } else {
        read_old_open(c, &access, &disposition);
        if (command != SMB1_OPEN_ANDX)
            (void)kd_cur_u8(&c->data); /* format of the text */
    }
    struct kd_bytes name = read_path(c);
    if (!kd_cur_ok(&c->words))
        smb_odd(ctx, SMB_ODD_BODY);
    struct smb_pending *p = smb_expect(ctx, c->m, smb1_room(name));
    if (p == NULL)
        return;
    p->u.create.access = access;
    p->u.create.disposition = disposition;
    p->u.create.options = options;
    smb1_pending_text(p, 0, name, c->unicode);
}

static bool read_opened(struct smb1_cmd *c, struct smb_created *ret)
{
    struct kd_cur *w = &c->words;
    uint8_t command = command_of(c);
    if (command == SMB1_NT_CREATE_ANDX) {
        (void)kd_cur_u8(w); /* lock */
        ret->file = smb1_file_key(kd_cur_le16(w));
        ret->action = kd_cur_le32(w);
        for (unsigned i = 0; i < KD_COUNT(ret->times); i++)
            ret->times[i] = kd_cur_le64(w);
        ret->attributes = kd_cur_le32(w);
        (void)kd_cur_le64(w); /* allocation */
        ret->size = kd_cur_le64(w);
    } else {
        ret->file = smb1_file_key(kd_cur_le16(w));
        ret->action = command == SMB1_CREATE || command == SMB1_CREATE_NEW ? 2 : 1;
        if (command == SMB1_OPEN || command == SMB1_OPEN_ANDX) {
            ret->attributes = kd_cur_le16(w);
            (void)kd_cur_le32(w); /* time */
            ret->size = kd_cur_le32(w);
        }
        if (command == SMB1_OPEN_ANDX) {
            (void)kd_cur_take(w, 6); /* access, kind, pipe */
            ret->action = kd_cur_le16(w) & 3;
        }
    }
    return kd_cur_ok(w);
}

void smb1_open_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_created made = {0};
    bool opened = c->m != NULL && !smb_is_failure(c->m);
    if (opened && !read_opened(c, &made)) {
        smb_odd(ctx, SMB_ODD_BODY);
        opened = false;
    }
    bool deletes = p != NULL && (p->u.create.options & OPTION_DELETE_ON_CLOSE) != 0;
    if (opened) {
        st->created.known = true;
        st->created.file = made.file;
        smb_file_opened(ctx, c->m, p, &made, deletes);
    }
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, c->m, p, &room, &rec);
    if (p != NULL) {
        rec.filename = smb_pending_view(p, 0);
        rec.disposition = smb_disposition_name(p->u.create.disposition);
        rec.access = p->u.create.access;
        rec.directory = (p->u.create.options & OPTION_DIRECTORY) != 0;
        rec.delete_on_close = deletes;
    }
    if (opened) {
        rec.directory = (made.attributes & ATTRIBUTE_DIRECTORY) != 0;
        rec.create_action = smb_create_action_name(made.action);
        rec.file_size = made.size;
    }
    kd_emit(ctx, KD_REC_SMB, &rec);
}

/* ---- close, content ---- */

static struct smb_pending *expect_file(struct kd_ctx *ctx, struct smb1_cmd *c, uint16_t fid)
{
    struct smb_pending *p = smb_expect(ctx, c->m, 0);
    if (p != NULL) {
        p->file = smb1_file_key(fid);
        p->chained = c->chained;
    }
    return p;
}

void smb1_close_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    (void)expect_file(ctx, c, kd_cur_le16(&c->words));
}

void smb1_close_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    struct smb_file *f = p != NULL ? smb_file_find(ctx, p->file) : NULL;
    if (c->m == NULL)
        return;
    if (smb_is_failure(c->m))
        smb1_tell(ctx, c->m, p);
    else if (f == NULL)
        smb_step(ctx, c->m, p);
    else
        smb_file_closed(ctx, c->m, p, f);
}

void smb1_read_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    struct kd_cur *w = &c->words;
    uint16_t fid = kd_cur_le16(w);
    if (command_of(c) == SMB1_READ)
        (void)kd_cur_le16(w); /* count */
    uint64_t offset = kd_cur_le32(w);
    if (c->n_words == WORDS_LARGE_READ && command_of(c) == SMB1_READ_ANDX) {
        (void)kd_cur_take(w, 10);
        offset |= (uint64_t)kd_cur_le32(w) << 32;
    }
    struct smb_pending *p = expect_file(ctx, c, fid);
    if (p != NULL)
        p->u.read.offset = offset;
}

void smb1_read_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    if (c->m == NULL)
        return;
    if (smb_is_failure(c->m)) {
        smb1_tell_failure(ctx, c->m, p);
        return;
    }
    struct kd_cur *w = &c->words;
    uint32_t n;
    size_t at = c->data_at + 3; /* the core protocol says format and length before it */
    if (command_of(c) == SMB1_READ) {
        n = kd_cur_le16(w);
    } else {
        (void)kd_cur_take(w, 6); /* available, compaction, reserved */
        n = kd_cur_le16(w);
        at = kd_cur_le16(w);
        n |= (uint32_t)kd_cur_le16(w) << 16;
    }
    if (p == NULL || !kd_cur_ok(w))
        return;
    struct smb_file *f = smb_file_get(ctx, p);
    if (f != NULL)
        f->read += n;
    smb1_content(ctx, c->m, p->file, p->u.read.offset, at, n);
}

void smb1_write_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    struct kd_cur *w = &c->words;
    uint16_t fid = kd_cur_le16(w);
    bool old = command_of(c) != SMB1_WRITE_ANDX;
    uint32_t n = old ? kd_cur_le16(w) : 0;
    uint64_t offset = kd_cur_le32(w);
    size_t at = c->data_at + (command_of(c) == SMB1_WRITE ? 3 : 1);
    if (!old) {
        (void)kd_cur_take(w, 8); /* time-out, mode, remaining */
        n = (uint32_t)kd_cur_le16(w) << 16;
        n |= kd_cur_le16(w);
        at = kd_cur_le16(w);
    }
    if (!old && c->n_words == WORDS_LARGE_WRITE)
        offset |= (uint64_t)kd_cur_le32(w) << 32;
    struct smb_pending *p = expect_file(ctx, c, fid);
    if (p == NULL || !kd_cur_ok(w))
        return;
    if (!p->chained)
        (void)smb_file_get(ctx, p);
    smb1_content(ctx, c->m, p->file, offset, at, n);
}

void smb1_write_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    if (c->m == NULL || smb_is_failure(c->m)) {
        smb1_tell_failure(ctx, c->m, p);
        return;
    }
    bool old = command_of(c) != SMB1_WRITE_ANDX;
    uint32_t n = kd_cur_le16(&c->words);
    if (!old) {
        (void)kd_cur_le16(&c->words); /* available */
        n |= (uint32_t)kd_cur_le16(&c->words) << 16;
    }
    struct smb_file *f = p != NULL ? smb_file_get(ctx, p) : NULL;
    if (f == NULL)
        return;
    f->written += n;
    if (command_of(c) == SMB1_WRITE_AND_CLOSE)
        smb_file_closed(ctx, c->m, p, f);
}

/* ---- names ---- */

void smb1_path_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    uint8_t command = command_of(c);
    bool two = command == SMB1_RENAME || command == SMB1_NT_RENAME;
    bool formed = kd_cur_u8(&c->data) == FORMAT_TEXT;
    struct kd_bytes name = read_path(c), to = {NULL, 0};
    if (two) {
        formed = formed && kd_cur_u8(&c->data) == FORMAT_TEXT;
        to = read_path(c);
    }
    if (!formed)
        smb_odd(ctx, SMB_ODD_BODY);
    struct smb_pending *p = smb_expect(ctx, c->m, smb1_room(name) + smb1_room(to));
    if (p == NULL)
        return;
    smb1_pending_text(p, 0, name, c->unicode);
    smb1_pending_text(p, 1, to, c->unicode);
}

void smb1_path_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    if (p == NULL) {
        smb1_tell_failure(ctx, c->m, p);
        return;
    }
    uint8_t command = (uint8_t)(p->command - SMB1_COMMANDS);
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, c->m, p, &room, &rec);
    rec.filename = smb_pending_view(p, 0);
    rec.rename_to = smb_pending_view(p, 1);
    rec.directory = command == SMB1_CREATE_DIRECTORY || command == SMB1_DELETE_DIRECTORY;
    rec.delete_on_close = command == SMB1_DELETE || command == SMB1_DELETE_DIRECTORY;
    kd_emit(ctx, KD_REC_SMB, &rec);
}
