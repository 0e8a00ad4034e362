/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1 transactions ([MS-CIFS] 2.2.4.33, .46, .62 and what continues them): named pipes, names and
 * sizes by TRANS2, and the misuse that exploits make of them. */
#include "proto/smb/smb1.h"

enum {
    PIPE_PEEK = 0x23,
    PIPE_TRANSCEIVE = 0x26,
    PIPE_RAW_READ = 0x11,
    PIPE_RAW_WRITE = 0x31,
    T2_FIND_FIRST = 1,
    T2_SET_PATH_INFO = 6,
    T2_SET_FILE_INFO = 8,
    T2_CREATE_DIRECTORY = 0xd,
    T2_SESSION_SETUP = 0xe,
    NT_IOCTL = 2,
    NT_RENAME = 5,
    LEVEL_DISPOSITION = 0x102,
    LEVEL_END_OF_FILE = 0x104,
    LEVEL_PASS = 1000, /* SMB 2's information classes begin here */
    FILE_RENAME = 10,
    FILE_DISPOSITION = 13,
    FILE_END_OF_FILE = 20
};

/* The head of a request or answer, and what it carries. */
struct parts {
    uint32_t total_params, total_data;
    uint32_t params_n, params_at, params_offset; /* here; from the header; within the whole */
    uint32_t data_n, data_at, data_offset;
    uint16_t function;
    uint16_t fid;
    uint8_t setup_n;
    struct kd_bytes name; /* raw */
};

static uint8_t kind_of(const struct smb_msg *m)
{
    return (uint8_t)(m->head.command - SMB1_COMMANDS);
}

static struct kd_bytes part_at(const struct smb_msg *m, uint32_t at, uint32_t n)
{
    return at >= SMB1_HEADER ? kd_bytes_head(kd_bytes_from(m->bytes, at), n)
                             : (struct kd_bytes){NULL, 0};
}

static void read_setup(struct kd_cur *w, struct parts *ret)
{
    if (ret->setup_n > 0)
        ret->function = kd_cur_le16(w);
    if (ret->setup_n > 1)
        ret->fid = kd_cur_le16(w);
}

static bool read_request(struct smb1_cmd *c, struct parts *ret)
{
    struct kd_cur *w = &c->words;
    *ret = (struct parts){0};
    if (kind_of(c->m) == SMB1_NT_TRANSACT) {
        (void)kd_cur_take(w, 3); /* setup room, reserved */
        ret->total_params = kd_cur_le32(w);
        ret->total_data = kd_cur_le32(w);
        (void)kd_cur_le64(w); /* room for the answer */
        ret->params_n = kd_cur_le32(w);
        ret->params_at = kd_cur_le32(w);
        ret->data_n = kd_cur_le32(w);
        ret->data_at = kd_cur_le32(w);
        ret->setup_n = kd_cur_u8(w);
        ret->function = kd_cur_le16(w);
        return kd_cur_ok(w);
    }
    ret->total_params = kd_cur_le16(w);
    ret->total_data = kd_cur_le16(w);
    (void)kd_cur_take(w, 14); /* room for the answer, flags, time-out, reserved */
    ret->params_n = kd_cur_le16(w);
    ret->params_at = kd_cur_le16(w);
    ret->data_n = kd_cur_le16(w);
    ret->data_at = kd_cur_le16(w);
    ret->setup_n = kd_cur_u8(w);
    (void)kd_cur_u8(w);
    read_setup(w, ret);
    bool ok = kd_cur_ok(w);
    ret->name = smb1_raw(c, c->unicode);
    return ok;
}

static bool read_answer(struct smb1_cmd *c, struct parts *ret)
{
    struct kd_cur *w = &c->words;
    *ret = (struct parts){0};
    ret->total_params = kd_cur_le16(w);
    ret->total_data = kd_cur_le16(w);
    (void)kd_cur_le16(w);
    ret->params_n = kd_cur_le16(w);
    ret->params_at = kd_cur_le16(w);
    ret->params_offset = kd_cur_le16(w);
    ret->data_n = kd_cur_le16(w);
    ret->data_at = kd_cur_le16(w);
    ret->data_offset = kd_cur_le16(w);
    return kd_cur_ok(w);
}

static bool read_secondary(struct smb1_cmd *c, struct parts *ret)
{
    struct kd_cur *w = &c->words;
    bool nt = kind_of(c->m) == SMB1_NT_TRANSACT_SECONDARY;
    if (nt)
        (void)kd_cur_take(w, 3);
    uint32_t v[8];
    for (unsigned i = 0; i < KD_COUNT(v); i++)
        v[i] = nt ? kd_cur_le32(w) : kd_cur_le16(w);
    *ret = (struct parts){.total_params = v[0],
                          .total_data = v[1],
                          .params_n = v[2],
                          .params_at = v[3],
                          .params_offset = v[4],
                          .data_n = v[5],
                          .data_at = v[6],
                          .data_offset = v[7]};
    return kd_cur_ok(w);
}

/* ---- named pipes ---- */

static bool is_pipe_name(struct kd_bytes raw, bool unicode)
{
    uint8_t room[32];
    struct kd_out o = kd_out_of(room, sizeof(room));
    return kd_bytes_istarts(smb1_text(&o, raw, unicode), kd_str("\\PIPE\\"));
}

/* ---- TRANS2: names and sizes ---- */

/* [MS-FSCC] information by class, whichever way the level says it. */
static uint16_t class_of(uint16_t level)
{
    if (level == LEVEL_DISPOSITION)
        return FILE_DISPOSITION;
    if (level == LEVEL_END_OF_FILE)
        return FILE_END_OF_FILE;
    return level > LEVEL_PASS ? (uint16_t)(level - LEVEL_PASS) : 0;
}

static struct smb_pending *expect_set(struct kd_ctx *ctx, struct smb1_cmd *c, const struct parts *t)
{
    struct kd_cur params = kd_cur_of(part_at(c->m, t->params_at, t->params_n));
    struct kd_cur data = kd_cur_of(part_at(c->m, t->data_at, t->data_n));
    bool by_path = t->function == T2_SET_PATH_INFO;
    uint16_t fid = by_path ? 0 : kd_cur_le16(&params);
    uint16_t class = class_of(kd_cur_le16(&params));
    struct kd_bytes path = {NULL, 0}, to = {NULL, 0};
    if (by_path) {
        struct smb1_cmd names = {.data = params, .data_at = t->params_at};
        (void)kd_cur_le32(&names.data);
        path = smb1_raw(&names, c->unicode);
    }
    if (class == FILE_RENAME) {
        (void)kd_cur_take(&data, 8); /* replace, root */
        to = kd_cur_take(&data, kd_cur_le32(&data));
    }
    struct smb_pending *p = smb_expect(ctx, c->m, smb1_room(path) + smb1_room(to));
    if (p == NULL)
        return NULL;
    if (!by_path)
        p->file = smb1_file_key(fid);
    smb1_pending_text(p, 0, path, c->unicode);
    smb1_pending_text(p, 1, to, c->unicode);
    p->u.trans.rename = class == FILE_RENAME;
    p->u.trans.remove = class == FILE_DISPOSITION && (kd_cur_u8(&data) & 1) != 0;
    p->u.trans.told = p->u.trans.rename || p->u.trans.remove;
    return p;
}

static struct smb_pending *expect_trans2(struct kd_ctx *ctx, struct smb1_cmd *c,
                                         const struct parts *t)
{
    if (t->function == T2_SET_PATH_INFO || t->function == T2_SET_FILE_INFO)
        return expect_set(ctx, c, t);
    if (t->function != T2_FIND_FIRST && t->function != T2_CREATE_DIRECTORY) {
        struct smb_pending *p = smb_expect(ctx, c->m, 0);
        if (p != NULL && t->function == T2_SESSION_SETUP) {
            smb_odd(ctx, SMB_ODD_SETUP);
            smb_state_of(ctx)->last_setup = c->m->key;
            p->u.trans.told = true;
        }
        return p;
    }
    struct kd_bytes params = part_at(c->m, t->params_at, t->params_n);
    size_t head = t->function == T2_FIND_FIRST ? 12 : 4;
    struct smb1_cmd names = {.data = kd_cur_of(kd_bytes_from(params, head)),
                             .data_at = t->params_at + head};
    struct kd_bytes path = smb1_raw(&names, c->unicode);
    struct smb_pending *p = smb_expect(ctx, c->m, smb1_room(path));
    if (p != NULL) {
        smb1_pending_text(p, 0, path, c->unicode);
        p->u.trans.told = t->function == T2_CREATE_DIRECTORY;
    }
    return p;
}

/* ---- requests ---- */

void smb1_trans_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    struct parts t;
    if (!read_request(c, &t)) {
        smb_odd(ctx, SMB_ODD_BODY);
        (void)smb_expect(ctx, c->m, 0);
        return;
    }
    uint8_t kind = kind_of(c->m);
    struct smb_pending *p =
        kind == SMB1_TRANS2 ? expect_trans2(ctx, c, &t) : smb_expect(ctx, c->m, 0);
    if (p == NULL)
        return;
    p->u.trans.total_data = t.total_data;
    p->u.trans.total_params = t.total_params;
    p->u.trans.function = t.function;
    if (t.params_n > t.total_params || t.data_n > t.total_data)
        smb_odd(ctx, SMB_ODD_OVERRUN);
    if (kind != SMB1_TRANS || !is_pipe_name(t.name, c->unicode))
        return;
    p->u.trans.pipe = true;
    p->file = smb1_file_key(t.fid);
    p->u.trans.told = t.function == PIPE_PEEK && t.fid == 0;
    if (t.function != PIPE_TRANSCEIVE && t.function != PIPE_RAW_WRITE)
        return;
    struct smb_file *f = smb_file_get(ctx, p);
    if (f == NULL)
        return;
    f->pipe = true;
    f->call_command = c->m->head.command;
    smb1_content(ctx, c->m, p->file, 0, t.data_at, t.data_n);
}

/* The request a part continues: of its own kind, or of another (which no client does). */
static struct smb_pending *find_continued(struct kd_ctx *ctx, const struct smb_msg *m,
                                          bool *ret_other)
{
    static const uint8_t kinds[][2] = {{SMB1_TRANS_SECONDARY, SMB1_TRANS},
                                       {SMB1_TRANS2_SECONDARY, SMB1_TRANS2},
                                       {SMB1_NT_TRANSACT_SECONDARY, SMB1_NT_TRANSACT}};
    struct smb_pending *other = NULL;
    for (size_t i = 0; i < KD_COUNT(kinds); i++) {
        struct smb_pending *p = smb_pending_find(ctx, smb1_key(m, kinds[i][1]));
        if (p != NULL && kinds[i][0] == kind_of(m)) {
            *ret_other = false;
            return p;
        }
        other = p != NULL ? p : other;
    }
    *ret_other = true;
    return other;
}

void smb1_secondary_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    struct parts t;
    bool other;
    struct smb_pending *p = find_continued(ctx, c->m, &other);
    if (!read_secondary(c, &t)) {
        smb_odd(ctx, SMB_ODD_BODY);
        return;
    }
    if (p == NULL)
        return;
    if (other) {
        smb_odd(ctx, SMB_ODD_TYPE);
        p->u.trans.told = true;
        return;
    }
    uint64_t params_end = (uint64_t)t.params_offset + t.params_n;
    uint64_t data_end = (uint64_t)t.data_offset + t.data_n;
    if (params_end > p->u.trans.total_params || data_end > p->u.trans.total_data) {
        smb_odd(ctx, SMB_ODD_OVERRUN);
        p->u.trans.told = true;
    }
    if (p->u.trans.pipe && p->u.trans.function == PIPE_TRANSCEIVE)
        smb1_content(ctx, c->m, p->file, t.data_offset, t.data_at, t.data_n);
}

/* ---- answers ---- */

struct smb_pending *smb1_trans_stray(struct kd_ctx *ctx, const struct smb_msg *m)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_pending *p = smb_pending_find(ctx, smb1_key(m, SMB1_NT_TRANSACT));
    if (p != NULL && p->u.trans.told)
        return p;
    p = smb_pending_find(ctx, st->last_setup);
    if (p == NULL || st->last_setup.b != m->key.b)
        return NULL;
    smb_odd(ctx, SMB_ODD_MULTIPLEX);
    return p;
}

static struct kd_bytes function_name(uint8_t kind, const struct smb_trans *t, char *room)
{
    static const char *const nt[] = {"",
                                     "CREATE",
                                     "IOCTL",
                                     "SET_SECURITY_DESC",
                                     "NOTIFY_CHANGE",
                                     "RENAME",
                                     "QUERY_SECURITY_DESC"};
    if (kind == SMB1_NT_TRANSACT && t->function > 0 && t->function < KD_COUNT(nt))
        return kd_str(nt[t->function]);
    if (kind == SMB1_TRANS2 && t->function == T2_SESSION_SETUP)
        return kd_str("TRANS2_SESSION_SETUP");
    if (kind == SMB1_TRANS2 && t->function == T2_SET_FILE_INFO)
        return kd_str("TRANS2_SET_FILE_INFORMATION");
    if (kind == SMB1_TRANS2 && t->function == T2_SET_PATH_INFO)
        return kd_str("TRANS2_SET_PATH_INFORMATION");
    if (kind == SMB1_TRANS2 && t->function == T2_FIND_FIRST)
        return kd_str("TRANS2_FIND_FIRST2");
    if (kind == SMB1_TRANS2 && t->function == T2_CREATE_DIRECTORY)
        return kd_str("TRANS2_CREATE_DIRECTORY");
    if (kind == SMB1_TRANS && t->pipe && t->function == PIPE_PEEK)
        return kd_str(t->told ? "TRANS_PEEK_NO_PIPE" : "TRANS_PEEK_NMPIPE");
    struct kd_out o = kd_out_of(room, KD_SMB_NAME_ROOM);
    kd_out_fmt(&o, "%u", t->function);
    return kd_out_bytes_view(&o);
}

static void tell(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p)
{
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p, &room, &rec);
    rec.message_id = p->node.key.a;
    rec.command = smb_command_name(p->command, room.command);
    rec.reply_id = m != NULL && m->head.message_id != rec.message_id ? m->head.message_id : 0;
    smb_describe_file(ctx, p, &rec);
    if (p->text_n[0] > 0)
        rec.filename = smb_pending_view(p, 0);
    rec.function = function_name((uint8_t)(p->command - SMB1_COMMANDS), &p->u.trans, room.function);
    rec.rename_to = smb_pending_view(p, 1);
    rec.delete_on_close = p->u.trans.remove;
    kd_emit(ctx, KD_REC_SMB, &rec);
}

void smb1_trans_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    struct parts t;
    struct smb_msg *m = c->m;
    if (p == NULL)
        return;
    bool failed = m != NULL && smb_is_failure(m);
    if (p->u.trans.pipe && m != NULL && !failed && p->u.trans.function == PIPE_TRANSCEIVE &&
        read_answer(c, &t))
        smb1_content(ctx, m, p->file, 0, t.data_at, t.data_n);
    if (failed || p->u.trans.told)
        tell(ctx, m, p);
    struct smb_file *f = smb_file_find(ctx, p->file);
    if (m == NULL || failed || f == NULL)
        return;
    if (p->u.trans.remove)
        f->delete_on_close = true;
    if (p->u.trans.rename)
        smb_file_renamed(ctx, p, smb_pending_view(p, 1));
}
