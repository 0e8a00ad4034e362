/* SPDX-License-Identifier: Apache-2.0 */
/* SMB2 commands ([MS-SMB2] 2.2.1): compounds, asynchronous answers, pairing by message number. */
#include "base/charset.h"
#include "base/utf16.h"
#include "proto/smb/smb.h"

#define SMB2_ID_RELATED UINT64_MAX
#define SMB2_TREE_RELATED UINT32_MAX

const struct smb_handler smb_handlers[SMB2_COMMANDS] = {
    [SMB2_NEGOTIATE] = {smb_negotiate_request, smb_negotiate_answer},
    [SMB2_SESSION_SETUP] = {smb_session_request, smb_session_answer},
    [SMB2_TREE_CONNECT] = {smb_tree_request, smb_tree_answer},
    [SMB2_CREATE] = {smb_create_request, smb_create_answer},
    [SMB2_CLOSE] = {smb_close_request, smb_close_answer},
    [SMB2_READ] = {smb_read_request, smb_read_answer},
    [SMB2_WRITE] = {smb_write_request, smb_write_answer},
    [SMB2_IOCTL] = {smb_ioctl_request, smb_ioctl_answer},
    [SMB2_SET_INFO] = {smb_set_request, smb_set_answer},
    [SMB2_FLUSH] = {smb_file_request_8, smb_other_answer},
    [SMB2_LOCK] = {smb_file_request_8, smb_other_answer},
    [SMB2_QUERY_DIRECTORY] = {smb_file_request_8, smb_other_answer},
    [SMB2_CHANGE_NOTIFY] = {smb_file_request_8, smb_other_answer},
    [SMB2_QUERY_INFO] = {smb_file_request_24, smb_other_answer},
};

static struct smb_handler handler_of(uint16_t command)
{
    struct smb_handler h = {smb_other_request, smb_other_answer};
    if (command < SMB2_COMMANDS && smb_handlers[command].request != NULL)
        h = smb_handlers[command];
    return h;
}

/* ---- waiting requests ---- */

struct smb_pending *smb_pending_find(const struct kd_ctx *ctx, struct smb_key key)
{
    return (struct smb_pending *)smb_table_find(&smb_state_of(ctx)->pending, key);
}

void smb_pending_drop(const struct kd_ctx *ctx, struct smb_pending *p)
{
    struct smb_memory mem = smb_memory_of(ctx);
    smb_table_drop(&smb_state_of(ctx)->pending, &mem, &p->node);
}

/* Reading and writing are parts of one exchange per file, remote calls have numbers of their own, and what asks for or
 * sets an open file's properties has none. */
static bool is_exchange(uint16_t command)
{
    switch (command) {
    case SMB2_READ:
    case SMB2_WRITE:
    case SMB2_IOCTL:
    case SMB2_QUERY_INFO:
    case SMB2_SET_INFO:
        return false;
    default:
        return command < SMB1_COMMANDS || smb1_is_exchange(command);
    }
}

void smb_number(const struct kd_ctx *ctx, struct smb_pending *p)
{
    p->tx_no = ++smb_state_of(ctx)->n_tx;
}

struct smb_pending *smb_expect(const struct kd_ctx *ctx, const struct smb_msg *m, size_t text)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_memory mem = smb_memory_of(ctx);
    struct smb_pending *p = smb_pending_find(ctx, m->key);
    if (p != NULL)
        smb_pending_drop(ctx, p); /* the number is used again: the first was never answered */
    text = kd_min_size(text, SMB_PATH_MAX);
    size_t n = sizeof(*p) + text;
    struct smb_key key = m->key;
    p = (struct smb_pending *)smb_table_add(&st->pending, &mem, ctx->lim->pending, key, n);
    if (p == NULL && st->pending.oldest != NULL) {
        smb_table_drop(&st->pending, &mem, st->pending.oldest);
        p = (struct smb_pending *)smb_table_add(&st->pending, &mem, ctx->lim->pending, key, n);
    }
    if (p == NULL)
        return NULL;
    p->command = m->head.command;
    p->session_id = m->head.session_id;
    p->tree_id = m->head.tree_id;
    p->text_room = (uint16_t)text;
    if (is_exchange(p->command))
        smb_number(ctx, p);
    return p;
}

static size_t text_start(const struct smb_pending *p, unsigned i)
{
    size_t at = 0;
    for (unsigned k = 0; k < i; k++)
        at += p->text_n[k];
    return at;
}

void smb_pending_text(struct smb_pending *p, unsigned i, struct kd_bytes utf16)
{
    size_t at = text_start(p, i);
    struct kd_out o = kd_out_of(p->text + at, p->text_room - at);
    kd_out_utf16le(&o, utf16);
    p->text_n[i] = (uint16_t)o.n;
}

void smb_pending_oem(struct smb_pending *p, unsigned i, struct kd_bytes oem)
{
    size_t at = text_start(p, i);
    struct kd_out o = kd_out_of(p->text + at, p->text_room - at);
    if (!kd_charset_to_utf8(kd_str("Shift_JIS"), oem, &o))
        kd_out_bytes(&o, kd_bytes_head(oem, o.max));
    p->text_n[i] = (uint16_t)o.n;
}

struct kd_bytes smb_pending_view(const struct smb_pending *p, unsigned i)
{
    return kd_bytes_of(p->text + text_start(p, i), p->text_n[i]);
}

/* ---- records ---- */

bool smb_is_failure(const struct smb_msg *m)
{
    if (m == NULL || m->head.status >> 30 != 3)
        return false;
    return m->head.status != SMB_STATUS_MORE_PROCESSING && m->head.status != SMB_STATUS_CANCELLED;
}

void smb_record_start(const struct kd_ctx *ctx, const struct smb_msg *m,
                      const struct smb_pending *p, struct smb_room *room, struct kd_rec_smb *rec)
{
    const struct smb_state *st = smb_state_of(ctx);
    *rec = (struct kd_rec_smb){0};
    rec->message_id = m != NULL ? m->head.message_id : p->node.key.a;
    rec->session_id = p != NULL && p->session_id != 0 ? p->session_id
                      : m != NULL                     ? m->head.session_id
                                                      : 0;
    rec->tree_id = p != NULL ? p->tree_id : m->head.tree_id;
    rec->command = smb_command_name(m != NULL ? m->head.command : p->command, room->command);
    rec->tx_no = p != NULL ? p->tx_no : 0;
    if (m != NULL) {
        rec->dos_error = m->head.dos_error;
        rec->status = smb_status_name(m->head.status, room->status);
        rec->status_code = m->head.status;
    }
    if (st->dialect != 0)
        rec->dialect = smb_dialect_name(st->dialect, room->dialect);
    const struct smb_tree *tree = smb_tree_find(ctx, rec->session_id, rec->tree_id);
    if (tree != NULL) {
        rec->share = kd_bytes_of(tree->share, tree->n);
        rec->share_type = smb_share_type_name(tree->type);
    }
    const struct smb_session *session = smb_session_find(ctx, rec->session_id);
    if (session != NULL && session->established) {
        rec->user = smb_text_view(&session->user);
        rec->domain = smb_text_view(&session->domain);
        rec->host = smb_text_view(&session->host);
        rec->auth = smb_auth_name(session->auth);
    }
}

/* ---- messages ---- */

static bool read_head(struct smb_msg *m)
{
    struct kd_cur *c = &m->body;
    (void)kd_cur_be32(c);
    uint16_t size = kd_cur_le16(c);
    (void)kd_cur_le16(c); /* credit charge */
    m->head.status = kd_cur_le32(c);
    m->head.command = kd_cur_le16(c);
    (void)kd_cur_le16(c); /* credits */
    m->head.flags = kd_cur_le32(c);
    m->head.next = kd_cur_le32(c);
    m->head.message_id = kd_cur_le64(c);
    (void)kd_cur_le32(c); /* process, or half of the asynchronous number */
    m->head.tree_id = kd_cur_le32(c);
    if (m->head.flags & SMB2_FLAG_ASYNC)
        m->head.tree_id = 0;
    m->head.session_id = kd_cur_le64(c);
    (void)kd_cur_take(c, 16); /* signature */
    m->key = (struct smb_key){m->head.message_id, 0};
    return kd_cur_ok(c) && size == SMB2_HEADER;
}

/* A related request works in the session, share and file of the one before it. */
static void follow_chain(struct smb_state *st, struct smb_msg *m)
{
    if (m->head.flags & SMB2_FLAG_RELATED) {
        m->head.session_id = st->ask.session_id;
        m->head.tree_id = st->ask.tree_id;
        return;
    }
    st->ask.session_id = m->head.session_id;
    st->ask.tree_id = m->head.tree_id;
    st->ask.chained = false;
    st->ask.file = (struct smb_key){0};
}

static void on_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    if (m->head.command == SMB2_CANCEL) /* carries the number of what it cancels; is not answered */
        return;
    follow_chain(smb_state_of(ctx), m);
    handler_of(m->head.command).request(ctx, m);
}

/* The file of a request in a compound is known when the CREATE before it has been answered. */
static void resolve_file(struct smb_state *st, struct smb_pending *p)
{
    if (p->chained && st->created.known)
        p->file = st->created.file;
}

static void on_answer(struct kd_ctx *ctx, struct smb_msg *m)
{
    if (m->head.status == SMB_STATUS_PENDING && (m->head.flags & SMB2_FLAG_ASYNC))
        return;
    if (m->head.message_id == UINT64_MAX) /* the server speaks on its own: a lock broken */
        return;
    struct smb_state *st = smb_state_of(ctx);
    struct smb_pending *p = smb_pending_find(ctx, m->key);
    if (p != NULL && p->command != m->head.command) {
        smb_pending_drop(ctx, p);
        p = NULL;
    }
    bool follows_failure = p != NULL && p->chained && st->created.failed && smb_is_failure(m);
    if (p != NULL)
        resolve_file(st, p);
    if (!follows_failure)
        handler_of(m->head.command).answer(ctx, m, p);
    if (p != NULL)
        smb_pending_drop(ctx, p);
}

void smb2_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes bytes)
{
    struct smb_msg m = {.bytes = bytes, .body = kd_cur_of(bytes), .dir = dir};
    if (!read_head(&m)) {
        smb_odd(ctx, SMB_ODD_HEADER);
        return;
    }
    if (m.head.flags & SMB2_FLAG_RESPONSE)
        on_answer(ctx, &m);
    else
        on_request(ctx, &m);
}

static void tell_encrypted(const struct kd_ctx *ctx, const struct smb_session *session)
{
    struct smb_pending none = {.session_id = session->node.key.a};
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, NULL, &none, &room, &rec);
    rec.command = kd_str("SMB2_TRANSFORM");
    rec.encrypted = true;
    rec.encrypted_messages = session->encrypted_n;
    rec.encrypted_bytes = session->encrypted_bytes;
    kd_emit(ctx, KD_REC_SMB, &rec);
}

void smb2_transform(struct kd_ctx *ctx, struct kd_bytes bytes, uint32_t n)
{
    struct kd_cur c = kd_cur_of(bytes);
    (void)kd_cur_take(&c, 44);
    uint64_t id = kd_cur_le64(&c);
    if (!kd_cur_ok(&c)) {
        smb_odd(ctx, SMB_ODD_HEADER);
        return;
    }
    struct smb_session *session = smb_session_get(ctx, id);
    if (session == NULL)
        return;
    session->encrypted_n++;
    session->encrypted_bytes += n;
    if (session->encrypted_n == 1) /* at once; the sums follow when it is over */
        tell_encrypted(ctx, session);
}

void smb2_close(struct kd_ctx *ctx)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_memory mem = smb_memory_of(ctx);
    while (st->pending.oldest != NULL) {
        struct smb_pending *p = (struct smb_pending *)st->pending.oldest;
        if (p->command >= SMB1_COMMANDS)
            smb1_unanswered(ctx, p);
        else
            handler_of(p->command).answer(ctx, NULL, p);
        smb_pending_drop(ctx, p);
    }
    smb_files_close(ctx);
    for (const struct smb_node *n = st->sessions.oldest; n != NULL; n = n->newer) {
        const struct smb_session *session = (const struct smb_session *)n;
        if (session->encrypted_n > 1)
            tell_encrypted(ctx, session);
    }
    smb_table_done(&st->pending, &mem);
    smb_table_done(&st->files, &mem);
    smb_table_done(&st->trees, &mem);
    smb_table_done(&st->sessions, &mem);
}
