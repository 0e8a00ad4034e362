/* SPDX-License-Identifier: Apache-2.0 */
/* Shares and files ([MS-SMB2] 2.2.9 to 2.2.40): what was opened, read, written, renamed, deleted.
 */
#include "proto/dcerpc/dcerpc.h"
#include "proto/smb/smb.h"

enum {
    OPTION_DIRECTORY = 0x1,
    OPTION_DELETE_ON_CLOSE = 0x1000,
    ATTRIBUTE_DIRECTORY = 0x10,
    CLOSE_HAS_ATTRIBUTES = 0x1,
    INFO_FILE = 1,
    INFO_RENAME = 10,
    INFO_DISPOSITION = 13,
    INFO_END_OF_FILE = 20,
    INFO_DISPOSITION_EX = 64,
    INFO_RENAME_EX = 65,
    ACTION_NONE = 0xff
};

#define FSCTL_PIPE_TRANSCEIVE 0x0011c017u

#define FILE_ID_RELATED UINT64_MAX

static struct kd_bytes take_at(const struct smb_msg *m, size_t off, size_t n)
{
    struct kd_bytes b = kd_bytes_from(m->bytes, off);
    return off >= SMB2_HEADER && n <= b.n ? kd_bytes_head(b, n) : (struct kd_bytes){NULL, 0};
}

static struct smb_key read_file_id(struct kd_cur *c)
{
    uint64_t persistent = kd_cur_le64(c);
    uint64_t of_session = kd_cur_le64(c);
    return (struct smb_key){persistent, of_session};
}

/* ---- table of open files ---- */

struct smb_file *smb_file_find(const struct kd_ctx *ctx, struct smb_key key)
{
    return (struct smb_file *)smb_table_find(&smb_state_of(ctx)->files, key);
}

static void file_drop(struct kd_ctx *ctx, struct smb_file *f, bool closed)
{
    smb_pipe_close(ctx, f);
    smb_content_end(ctx, f, closed);
    struct smb_memory mem = smb_memory_of(ctx);
    smb_table_drop(&smb_state_of(ctx)->files, &mem, &f->node);
}

static void tell_close(const struct kd_ctx *ctx, const struct smb_msg *m,
                       const struct smb_pending *p, const struct smb_file *f)
{
    struct smb_pending none = {.command = f->node.key.b == SMB1_FILES ? SMB1_CLOSED : SMB2_CLOSE,
                               .session_id = f->session_id,
                               .tree_id = f->tree_id};
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p != NULL ? p : &none, &room, &rec);
    rec.filename = kd_bytes_of(f->name, f->n);
    rec.directory = f->directory;
    rec.delete_on_close = f->delete_on_close;
    rec.file_size = f->size;
    rec.read_bytes = f->read;
    rec.write_bytes = f->written;
    kd_emit(ctx, KD_REC_SMB, &rec);
}

void smb_file_closed(struct kd_ctx *ctx, const struct smb_msg *m, const struct smb_pending *p,
                     struct smb_file *f)
{
    tell_close(ctx, m, p, f);
    file_drop(ctx, f, true);
}

/* Tell what would be lost with it, and forget it. */
static void file_end(struct kd_ctx *ctx, struct smb_file *f)
{
    if (f->read > 0 || f->written > 0 || f->delete_on_close)
        tell_close(ctx, NULL, NULL, f);
    file_drop(ctx, f, false);
}

static struct smb_file *file_add(struct kd_ctx *ctx, struct smb_key key, struct kd_bytes name)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_memory mem = smb_memory_of(ctx);
    size_t n = kd_min_size(name.n, SMB_PATH_MAX);
    size_t size = sizeof(struct smb_file) + n;
    struct smb_file *f =
        (struct smb_file *)smb_table_add(&st->files, &mem, ctx->lim->smb_files, key, size);
    if (f == NULL && st->files.oldest != NULL) {
        file_end(ctx, (struct smb_file *)st->files.oldest);
        f = (struct smb_file *)smb_table_add(&st->files, &mem, ctx->lim->smb_files, key, size);
    }
    if (f == NULL)
        return NULL;
    f->n = (uint16_t)n;
    if (n > 0)
        memcpy(f->name, name.p, n);
    return f;
}

struct smb_file *smb_file_get(struct kd_ctx *ctx, const struct smb_pending *p)
{
    struct smb_file *f = smb_file_find(ctx, p->file);
    if (f != NULL)
        return f;
    f = file_add(ctx, p->file, (struct kd_bytes){NULL, 0});
    if (f != NULL) {
        f->session_id = p->session_id;
        f->tree_id = p->tree_id;
    }
    return f;
}

void smb_files_close(struct kd_ctx *ctx)
{
    struct smb_state *st = smb_state_of(ctx);
    while (st->files.oldest != NULL)
        file_end(ctx, (struct smb_file *)st->files.oldest);
}

void smb_describe_file(const struct kd_ctx *ctx, const struct smb_pending *p,
                       struct kd_rec_smb *rec)
{
    const struct smb_file *f = p != NULL ? smb_file_find(ctx, p->file) : NULL;
    if (f == NULL)
        return;
    rec->filename = kd_bytes_of(f->name, f->n);
    rec->directory = f->directory;
}

static void expect_file(const struct kd_ctx *ctx, struct smb_pending *p, struct smb_key file)
{
    struct smb_state *st = smb_state_of(ctx);
    if (p == NULL)
        return;
    bool related = file.a == FILE_ID_RELATED && file.b == FILE_ID_RELATED;
    if (!related) {
        st->ask.file = file;
        st->ask.chained = false;
    }
    p->file = st->ask.file;
    p->chained = related && st->ask.chained;
}

static void file_request(struct kd_ctx *ctx, struct smb_msg *m, size_t at)
{
    (void)kd_cur_take(&m->body, at);
    struct smb_key file = read_file_id(&m->body);
    if (!kd_cur_ok(&m->body))
        smb_odd(ctx, SMB_ODD_BODY);
    expect_file(ctx, smb_expect(ctx, m, 0), file);
}

void smb_file_request_8(struct kd_ctx *ctx, struct smb_msg *m)
{
    file_request(ctx, m, 8);
}

void smb_file_request_24(struct kd_ctx *ctx, struct smb_msg *m)
{
    file_request(ctx, m, 24);
}

void smb_other_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    (void)smb_expect(ctx, m, 0);
}

/* Of commands without a record of their own only failures are told. */
void smb_other_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    if (!smb_is_failure(m)) {
        smb_step(ctx, m, p);
        return;
    }
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p, &room, &rec);
    smb_describe_file(ctx, p, &rec);
    kd_emit(ctx, KD_REC_SMB, &rec);
}

/* ---- tree connect ---- */

struct smb_tree *smb_tree_find(const struct kd_ctx *ctx, uint64_t session_id, uint32_t tree_id)
{
    struct smb_key key = {session_id, tree_id};
    return (struct smb_tree *)smb_table_find(&smb_state_of(ctx)->trees, key);
}

void smb_tree_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    (void)kd_cur_le16(&m->body); /* size */
    (void)kd_cur_le16(&m->body); /* flags */
    size_t off = kd_cur_le16(&m->body);
    struct kd_bytes path = take_at(m, off, kd_cur_le16(&m->body));
    if (!kd_cur_ok(&m->body) || path.n == 0)
        smb_odd(ctx, SMB_ODD_BODY);
    struct smb_pending *p = smb_expect(ctx, m, path.n / 2 * 3);
    if (p != NULL)
        smb_pending_text(p, 0, path);
}

void smb_tree_add(const struct kd_ctx *ctx, struct smb_key key, uint8_t type, struct kd_bytes share)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_memory mem = smb_memory_of(ctx);
    struct smb_tree *old = smb_tree_find(ctx, key.a, (uint32_t)key.b);
    if (old == NULL && st->trees.n >= ctx->lim->smb_trees)
        old = (struct smb_tree *)st->trees.oldest;
    if (old != NULL)
        smb_table_drop(&st->trees, &mem, &old->node);
    struct smb_tree *t = (struct smb_tree *)smb_table_add(&st->trees, &mem, ctx->lim->smb_trees,
                                                          key, sizeof(*t) + share.n);
    if (t == NULL)
        return;
    t->type = type;
    t->n = (uint16_t)share.n;
    if (share.n > 0)
        memcpy(t->share, share.p, share.n);
}

void smb_tree_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    struct smb_room room;
    struct kd_rec_smb rec;
    uint8_t type = 0;
    struct kd_bytes share = p != NULL ? smb_pending_view(p, 0) : (struct kd_bytes){NULL, 0};
    if (m != NULL && !smb_is_failure(m)) {
        (void)kd_cur_le16(&m->body);
        type = kd_cur_u8(&m->body);
        if (p != NULL) {
            smb_tree_add(ctx, (struct smb_key){p->session_id, m->head.tree_id}, type, share);
            p->tree_id = m->head.tree_id;
        }
    }
    smb_record_start(ctx, m, p, &room, &rec);
    rec.share = share;
    rec.share_type = smb_share_type_name(type);
    kd_emit(ctx, KD_REC_SMB, &rec);
}

/* ---- create, close ---- */

void smb_create_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    struct smb_state *st = smb_state_of(ctx);
    struct kd_cur *c = &m->body;
    (void)kd_cur_take(c, 24); /* size, security, lock, impersonation, flags, reserved */
    uint32_t access = kd_cur_le32(c);
    (void)kd_cur_take(c, 8); /* attributes, share access */
    uint32_t disposition = kd_cur_le32(c);
    uint32_t options = kd_cur_le32(c);
    size_t off = kd_cur_le16(c);
    size_t n = kd_cur_le16(c);
    struct kd_bytes name = take_at(m, off, n);
    if (!kd_cur_ok(c) || name.n != n)
        smb_odd(ctx, SMB_ODD_BODY);
    struct smb_pending *p = smb_expect(ctx, m, name.n / 2 * 3);
    st->ask.chained = true;
    if (p == NULL)
        return;
    p->u.create.access = access;
    p->u.create.disposition = disposition;
    p->u.create.options = options;
    smb_pending_text(p, 0, name);
}

static bool read_created(struct kd_cur *c, struct smb_created *ret)
{
    (void)kd_cur_le32(c); /* size, lock, flags */
    ret->action = kd_cur_le32(c);
    for (unsigned i = 0; i < KD_COUNT(ret->times); i++)
        ret->times[i] = kd_cur_le64(c);
    (void)kd_cur_le64(c); /* allocation */
    ret->size = kd_cur_le64(c);
    ret->attributes = kd_cur_le32(c);
    (void)kd_cur_le32(c);
    ret->file = read_file_id(c);
    return kd_cur_ok(c);
}

void smb_file_opened(struct kd_ctx *ctx, const struct smb_msg *m, const struct smb_pending *p,
                     const struct smb_created *made, bool delete_on_close)
{
    struct smb_file *f = smb_file_find(ctx, made->file);
    if (f != NULL)
        file_end(ctx, f);
    f = file_add(ctx, made->file, p != NULL ? smb_pending_view(p, 0) : (struct kd_bytes){NULL, 0});
    if (f == NULL)
        return;
    f->session_id = p != NULL ? p->session_id : m->head.session_id;
    f->tree_id = p != NULL ? p->tree_id : m->head.tree_id;
    f->size = made->size;
    f->directory = (made->attributes & ATTRIBUTE_DIRECTORY) != 0;
    f->delete_on_close = delete_on_close;
}

void smb_create_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_created made = {.action = ACTION_NONE};
    bool opened = m != NULL && !smb_is_failure(m);
    if (opened && !read_created(&m->body, &made)) {
        smb_odd(ctx, SMB_ODD_BODY);
        opened = false;
    }
    if (m != NULL) {
        st->created.failed = !opened;
        st->created.known = opened;
        st->created.file = made.file;
    }
    if (opened)
        smb_file_opened(ctx, m, p, &made,
                        p != NULL && (p->u.create.options & OPTION_DELETE_ON_CLOSE) != 0);

    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p, &room, &rec);
    if (p != NULL) {
        rec.filename = smb_pending_view(p, 0);
        rec.disposition = smb_disposition_name(p->u.create.disposition);
        rec.access = p->u.create.access;
        rec.directory = (p->u.create.options & OPTION_DIRECTORY) != 0;
        rec.delete_on_close = (p->u.create.options & OPTION_DELETE_ON_CLOSE) != 0;
    }
    if (opened) {
        rec.directory = (made.attributes & ATTRIBUTE_DIRECTORY) != 0;
        rec.create_action = smb_create_action_name(made.action);
        rec.file_size = made.size;
        smb_step_file_id(ctx, made.file, &room, &rec);
        smb_step_times(ctx, &made, &rec);
    }
    kd_emit(ctx, KD_REC_SMB, &rec);
}

void smb_close_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    file_request(ctx, m, 8);
}

void smb_close_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    if (m == NULL)
        return;
    if (p == NULL || smb_is_failure(m)) {
        smb_other_answer(ctx, m, p);
        return;
    }
    struct smb_file *f = smb_file_find(ctx, p->file);
    if (f == NULL) {
        smb_step(ctx, m, p);
        return;
    }
    (void)kd_cur_le16(&m->body);
    bool has_attributes = (kd_cur_le16(&m->body) & CLOSE_HAS_ATTRIBUTES) != 0;
    (void)kd_cur_take(&m->body, 4 + 40);
    uint64_t size = kd_cur_le64(&m->body);
    if (has_attributes && kd_cur_ok(&m->body))
        f->size = size;
    smb_file_closed(ctx, m, p, f);
}

/* ---- content ---- */

void smb_read_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    struct kd_cur *c = &m->body;
    (void)kd_cur_take(c, 8); /* size, padding, flags, length */
    uint64_t offset = kd_cur_le64(c);
    struct smb_key file = read_file_id(c);
    struct smb_pending *p = smb_expect(ctx, m, 0);
    expect_file(ctx, p, file);
    if (p != NULL)
        p->u.read.offset = offset;
}

void smb_read_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    if (m == NULL)
        return;
    if (smb_is_failure(m)) {
        if (m->head.status != SMB_STATUS_END_OF_FILE)
            smb_other_answer(ctx, m, p);
        return;
    }
    (void)kd_cur_le16(&m->body);
    uint32_t start = kd_cur_u8(&m->body);
    (void)kd_cur_u8(&m->body);
    uint32_t n = kd_cur_le32(&m->body);
    if (p == NULL || !kd_cur_ok(&m->body))
        return;
    struct smb_file *f = smb_file_get(ctx, p);
    if (f != NULL)
        f->read += n;
    uint32_t fixed = SMB2_HEADER + SMB2_READ_ANSWER;
    smb_state_of(ctx)->stream[m->dir].data =
        (struct smb_data){p->file, p->u.read.offset, start > fixed ? start - fixed : 0, n};
}

void smb_write_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    struct kd_cur *c = &m->body;
    (void)kd_cur_le16(c);
    uint32_t start = kd_cur_le16(c);
    uint32_t n = kd_cur_le32(c);
    uint64_t offset = kd_cur_le64(c);
    struct smb_key file = read_file_id(c);
    struct smb_pending *p = smb_expect(ctx, m, 0);
    expect_file(ctx, p, file);
    if (p == NULL || !kd_cur_ok(c))
        return;
    if (!p->chained)
        (void)smb_file_get(ctx, p);
    uint32_t fixed = SMB2_HEADER + SMB2_WRITE_REQUEST;
    smb_state_of(ctx)->stream[m->dir].data =
        (struct smb_data){p->file, offset, start > fixed ? start - fixed : 0, n};
}

void smb_write_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    if (m == NULL || smb_is_failure(m)) {
        smb_other_answer(ctx, m, p);
        return;
    }
    (void)kd_cur_le32(&m->body);
    uint32_t n = kd_cur_le32(&m->body);
    struct smb_file *f = p != NULL && kd_cur_ok(&m->body) ? smb_file_get(ctx, p) : NULL;
    if (f != NULL)
        f->written += n;
}

/* ---- rename, delete ---- */

static struct kd_bytes read_new_name(struct kd_bytes info)
{
    struct kd_cur c = kd_cur_of(info);
    (void)kd_cur_take(&c, 16); /* replace, reserved, root */
    return kd_cur_take(&c, kd_cur_le32(&c));
}

void smb_set_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    struct kd_cur *c = &m->body;
    (void)kd_cur_le16(c);
    uint8_t type = kd_cur_u8(c);
    uint8_t class = kd_cur_u8(c);
    size_t n = kd_cur_le32(c);
    size_t off = kd_cur_le16(c);
    (void)kd_cur_take(c, 6); /* reserved, additional */
    struct smb_key file = read_file_id(c);
    if (!kd_cur_ok(c))
        smb_odd(ctx, SMB_ODD_BODY);
    struct kd_bytes info = take_at(m, off, n);
    bool rename = type == INFO_FILE && (class == INFO_RENAME || class == INFO_RENAME_EX);
    bool dispose = type == INFO_FILE && (class == INFO_DISPOSITION || class == INFO_DISPOSITION_EX);
    struct kd_bytes name = rename ? read_new_name(info) : (struct kd_bytes){NULL, 0};
    struct smb_pending *p = smb_expect(ctx, m, name.n / 2 * 3);
    expect_file(ctx, p, file);
    if (p == NULL)
        return;
    struct kd_cur flags = kd_cur_of(info);
    bool remove = dispose && (kd_cur_u8(&flags) & 1) != 0;
    p->u.set.rename = rename;
    p->u.set.remove = remove;
    p->u.set.keep = dispose && !remove;
    if (rename || dispose)
        smb_number(ctx, p);
    p->u.set.resize = type == INFO_FILE && class == INFO_END_OF_FILE && info.n >= 8;
    struct kd_cur size = kd_cur_of(info);
    p->u.set.size = p->u.set.resize ? kd_cur_le64(&size) : 0;
    smb_pending_text(p, 0, name);
}

void smb_file_renamed(struct kd_ctx *ctx, const struct smb_pending *p, struct kd_bytes name)
{
    struct smb_file *old = smb_file_find(ctx, p->file);
    if (old == NULL)
        return;
    struct smb_file was = *old;
    old->carve[0] = old->carve[1] = NULL;
    old->rpc = NULL;
    file_drop(ctx, old, false);
    struct smb_file *f = file_add(ctx, p->file, name);
    if (f == NULL) {
        smb_content_end(ctx, &was, false);
        smb_pipe_close(ctx, &was);
        return;
    }
    f->session_id = was.session_id;
    f->tree_id = was.tree_id;
    f->size = was.size;
    f->read = was.read;
    f->written = was.written;
    f->directory = was.directory;
    f->delete_on_close = was.delete_on_close;
    memcpy(f->carve, was.carve, sizeof(f->carve));
    f->rpc = was.rpc;
    f->pipe = was.pipe;
    f->not_pipe = was.not_pipe;
    memcpy(f->tx_no, was.tx_no, sizeof(f->tx_no));
    f->call_tx = was.call_tx;
    f->call_command = was.call_command;
    kd_dcerpc_moved(f->rpc, f);
    smb_content_renamed(f);
}

/* A file cut short loses what was behind; one that grows will be written to. */
static void resized(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    struct smb_file *f = smb_file_find(ctx, p->file);
    if (m == NULL || smb_is_failure(m) || f == NULL) {
        smb_other_answer(ctx, m, p);
        return;
    }
    bool shorter = p->u.set.size < f->size;
    f->size = p->u.set.size;
    if (!shorter)
        return;
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p, &room, &rec);
    smb_describe_file(ctx, p, &rec);
    rec.function = kd_str("END_OF_FILE");
    rec.file_size = p->u.set.size;
    kd_emit(ctx, KD_REC_SMB, &rec);
}

void smb_set_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    if (p != NULL && p->u.set.resize) {
        resized(ctx, m, p);
        return;
    }
    if (p == NULL || !(p->u.set.rename || p->u.set.remove || p->u.set.keep)) {
        smb_other_answer(ctx, m, p);
        return;
    }
    bool done = m != NULL && !smb_is_failure(m);
    struct smb_file *f = smb_file_find(ctx, p->file);
    if (done && f != NULL && !p->u.set.rename)
        f->delete_on_close = p->u.set.remove;
    if (p->u.set.keep && !smb_is_failure(m))
        return;
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p, &room, &rec);
    smb_describe_file(ctx, p, &rec);
    rec.rename_to = smb_pending_view(p, 0);
    rec.delete_on_close = p->u.set.remove;
    kd_emit(ctx, KD_REC_SMB, &rec);
    if (done && p->u.set.rename)
        smb_file_renamed(ctx, p, smb_pending_view(p, 0));
}

/* ---- control ---- */

/* Everyday calls whose success says nothing: pipe traffic, referrals, checks at the start. */
static bool is_everyday(uint32_t fsctl)
{
    switch (fsctl) {
    case 0x00060194: /* DFS_GET_REFERRALS */
    case 0x000601b0:
    case 0x00110018: /* PIPE_WAIT */
    case 0x0011400c: /* PIPE_PEEK */
    case FSCTL_PIPE_TRANSCEIVE:
    case 0x00140078: /* SRV_REQUEST_RESUME_KEY */
    case 0x001401d4: /* LMR_REQUEST_RESILIENCY */
    case 0x001401fc: /* QUERY_NETWORK_INTERFACE_INFO */
    case 0x00140204: /* VALIDATE_NEGOTIATE_INFO */
    case 0x000900c0: /* CREATE_OR_GET_OBJECT_ID */
        return true;
    default:
        return false;
    }
}

void smb_ioctl_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    (void)kd_cur_le32(&m->body); /* size, reserved */
    uint32_t code = kd_cur_le32(&m->body);
    struct smb_key file = read_file_id(&m->body);
    uint32_t off = kd_cur_le32(&m->body);
    uint32_t n = kd_cur_le32(&m->body);
    struct smb_pending *p = smb_expect(ctx, m, 0);
    if (p == NULL)
        return;
    /* All ones also means "no file" here (referrals, interfaces): then it is nobody's. */
    bool whole = (m->head.flags & SMB2_FLAG_RELATED) == 0 && file.a == FILE_ID_RELATED;
    if (!whole)
        expect_file(ctx, p, file);
    p->u.fsctl = code;
    if (code != FSCTL_PIPE_TRANSCEIVE)
        smb_number(ctx, p);
    struct smb_file *f = code == FSCTL_PIPE_TRANSCEIVE ? smb_file_get(ctx, p) : NULL;
    if (f != NULL) {
        f->pipe = true;
        f->call_command = SMB2_IOCTL;
    }
    if (f != NULL && kd_cur_ok(&m->body))
        smb_pipe_data(ctx, m->dir, f, kd_bytes_head(kd_bytes_from(m->bytes, off), n), n, true);
}

/* What a pipe answered follows as body. */
static void expect_output(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p)
{
    (void)kd_cur_take(&m->body, 8 + 16 + 8); /* size, code, file, input */
    uint32_t start = kd_cur_le32(&m->body);
    uint32_t n = kd_cur_le32(&m->body);
    uint32_t fixed = SMB2_HEADER + SMB2_IOCTL_ANSWER;
    if (kd_cur_ok(&m->body))
        smb_state_of(ctx)->stream[m->dir].data =
            (struct smb_data){p->file, 0, start > fixed ? start - fixed : 0, n};
}

void smb_ioctl_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    if (m != NULL && p != NULL && p->u.fsctl == FSCTL_PIPE_TRANSCEIVE && !smb_is_failure(m))
        expect_output(ctx, m, p);
    if (m == NULL || p == NULL)
        return;
    bool everyday = !smb_is_failure(m) && is_everyday(p->u.fsctl);
    if (everyday && (!ctx->sink->steps || p->u.fsctl == FSCTL_PIPE_TRANSCEIVE))
        return;
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p, &room, &rec);
    smb_describe_file(ctx, p, &rec);
    rec.function = smb_fsctl_name(p->u.fsctl, room.function);
    kd_emit(ctx, everyday ? KD_REC_SMB_STEP : KD_REC_SMB, &rec);
}
