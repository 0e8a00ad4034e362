/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1: dialect, logon, share ([MS-CIFS] 2.2.4.52 to .55, [MS-SMB] 2.2.4.5 to .7). */
#include "proto/smb/smb1.h"

#define CAP_EXTENDED_SECURITY 0x80000000u

enum {
    WORDS_NEGOTIATED = 17, /* of NT LM 0.12 */
    FORMAT_DIALECT = 0x02,
    DIALECTS_MAX = 64,
    SECURITY_SIGNING_REQUIRED = 8,
    ACTION_GUEST = 1,
    NTLM_RESPONSE = 24,
    WORDS_EXTENDED = 12, /* SESSION_SETUP with a security token */
    WORDS_PLAIN = 13,    /* with responses */
    WORDS_OLD = 10,      /* with one password */
    WORDS_CHALLENGE = 4,
    TEXT_SYSTEM = 4, /* of a waiting logon */
    TEXT_SOFTWARE = 5
};

/* ---- negotiate ---- */

/* The names are kept as they are, each with its zero: the answer gives an index. */
void smb1_negotiate_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    struct smb_pending *p = smb_expect(ctx, c->m, c->data.n);
    for (unsigned i = 0; p != NULL && i < DIALECTS_MAX && kd_cur_u8(&c->data) == FORMAT_DIALECT;
         i++) {
        struct kd_bytes name = smb1_raw(c, false);
        if (name.n + 1 > (size_t)(p->text_room - p->text_n[0]))
            break;
        if (name.n > 0)
            memcpy(p->text + p->text_n[0], name.p, name.n);
        p->text[p->text_n[0] + name.n] = 0;
        p->text_n[0] = (uint16_t)(p->text_n[0] + name.n + 1);
    }
}

static struct kd_bytes dialect_at(const struct smb_pending *p, uint16_t index)
{
    struct kd_bytes rest = smb_pending_view(p, 0);
    struct kd_bytes name = {NULL, 0};
    for (unsigned i = 0; i <= index && i < DIALECTS_MAX; i++)
        name = kd_bytes_cut(&rest, 0);
    return name;
}

static size_t name_offered(const struct smb_pending *p, struct kd_bytes ret[DIALECTS_MAX])
{
    struct kd_bytes rest = smb_pending_view(p, 0);
    size_t n = 0;
    while (rest.n > 0 && n < DIALECTS_MAX)
        ret[n++] = kd_bytes_cut(&rest, 0);
    return n;
}

/* The server says who he is where he wants a security token. */
static struct kd_bytes server_guid(struct smb1_cmd *c)
{
    (void)kd_cur_take(&c->words, 16); /* numbers and sizes, session key */
    bool extended = (kd_cur_le32(&c->words) & CAP_EXTENDED_SECURITY) != 0;
    return c->n_words == WORDS_NEGOTIATED && extended ? kd_cur_take(&c->data, SMB_FILE_ID) : (struct kd_bytes){NULL, 0};
}

void smb1_negotiate_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    struct smb_state *st = smb_state_of(ctx);
    if (c->m == NULL && st->dialect != 0)
        return; /* SMB 2 answered */
    uint16_t index = UINT16_MAX;
    uint8_t mode = 0;
    if (c->m != NULL && !smb_is_failure(c->m)) {
        index = kd_cur_le16(&c->words);
        mode = kd_cur_u8(&c->words);
    }
    if (index != UINT16_MAX)
        st->dialect = smb1_dialect(p != NULL ? dialect_at(p, index) : (struct kd_bytes){NULL, 0});
    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, c->m, p, &room, &rec);
    rec.signing = (mode & SECURITY_SIGNING_REQUIRED) != 0;
    struct kd_bytes offered[DIALECTS_MAX];
    rec.client_dialects = (struct kd_strs){offered, p != NULL ? name_offered(p, offered) : 0};
    if (index != UINT16_MAX)
        rec.server_guid = server_guid(c);
    kd_emit(ctx, KD_REC_SMB, &rec);
}

/* ---- logon ---- */

static enum smb_auth auth_by_responses(struct kd_bytes lm, struct kd_bytes nt)
{
    if (nt.n >= NTLM_RESPONSE)
        return SMB_AUTH_NTLM;
    return lm.n == NTLM_RESPONSE ? SMB_AUTH_LM : SMB_AUTH_PASSWORD;
}

static void put_software(struct smb_pending *p, struct smb1_cmd *c, bool unicode)
{
    struct kd_bytes os = smb1_raw(c, unicode);
    smb1_pending_text(p, TEXT_SYSTEM, os, unicode);
    smb1_pending_text(p, TEXT_SOFTWARE, smb1_raw(c, unicode), unicode);
}

/* Form without a token: the responses, then names.  Without a user it is anonymous. */
static void plain_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    (void)kd_cur_take(&c->words, 10); /* buffer, multiplex, circuit, session key */
    size_t lm_n = kd_cur_le16(&c->words);
    size_t nt_n = c->n_words == WORDS_PLAIN ? kd_cur_le16(&c->words) : 0;
    struct kd_bytes lm = kd_cur_take(&c->data, lm_n);
    struct kd_bytes nt = kd_cur_take(&c->data, nt_n);
    if (!kd_cur_ok(&c->data) || !kd_cur_ok(&c->words))
        smb_odd(ctx, SMB_ODD_BODY);
    bool unicode = c->unicode && c->n_words == WORDS_PLAIN;
    struct kd_bytes user = smb1_raw(c, unicode);
    struct kd_bytes domain = smb1_raw(c, unicode);
    size_t room = smb1_room(user) + smb1_room(domain) + 2 * kd_cur_left(&c->data);
    struct smb_pending *p = smb_expect(ctx, c->m, room);
    if (p == NULL)
        return;
    p->u.logon.auth = (uint8_t)auth_by_responses(lm, nt);
    p->u.logon.anonymous = user.n == 0;
    p->u.logon.ntlmv1 = nt.n == NTLM_RESPONSE;
    smb1_pending_text(p, 0, user, unicode);
    smb1_pending_text(p, 1, domain, unicode);
    put_software(p, c, unicode);
}

void smb1_session_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    if (c->n_words == WORDS_PLAIN || c->n_words == WORDS_OLD) {
        plain_request(ctx, c);
        return;
    }
    (void)kd_cur_take(&c->words, 10);
    size_t n = kd_cur_le16(&c->words);
    struct kd_bytes blob = kd_cur_take(&c->data, n);
    if (c->n_words != WORDS_EXTENDED || !kd_cur_ok(&c->data))
        smb_odd(ctx, SMB_ODD_BODY);
    struct smb_pending *p = smb_logon_request(ctx, c->m, blob);
    if (p != NULL)
        put_software(p, c, c->unicode);
}

void smb1_session_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    uint16_t flags = 0;
    struct kd_bytes blob = {NULL, 0};
    struct kd_rec_smb extra = {0};
    uint8_t room[4 * SMB_NAME_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (c->m != NULL && c->n_words > 0) {
        flags = (kd_cur_le16(&c->words) & ACTION_GUEST) ? SMB_SESSION_GUEST : 0;
        if (c->n_words == WORDS_CHALLENGE)
            blob = kd_cur_take(&c->data, kd_cur_le16(&c->words));
        extra.server_os = smb1_text(&o, smb1_raw(c, c->unicode), c->unicode);
        extra.server_software = smb1_text(&o, smb1_raw(c, c->unicode), c->unicode);
    }
    smb_logon_answer(ctx, c->m, p, flags, blob, &extra);
}

/* ---- share ---- */

void smb1_tree_request(struct kd_ctx *ctx, struct smb1_cmd *c)
{
    bool andx = c->m->head.command == SMB1_COMMANDS + SMB1_TREE_CONNECT_ANDX;
    if (andx) {
        (void)kd_cur_le16(&c->words); /* flags */
        (void)kd_cur_take(&c->data, kd_cur_le16(&c->words));
    } else {
        (void)kd_cur_u8(&c->data); /* format of the text */
    }
    struct kd_bytes path = smb1_raw(c, c->unicode && andx);
    if (!kd_cur_ok(&c->words) || path.n == 0)
        smb_odd(ctx, SMB_ODD_BODY);
    struct smb_pending *p = smb_expect(ctx, c->m, smb1_room(path));
    if (p != NULL)
        smb1_pending_text(p, 0, path, c->unicode && andx);
}

/* The kind of share as SMB 2 numbers it, from its name in the answer. */
static uint8_t share_type(struct kd_bytes service)
{
    if (kd_bytes_eq_str(service, "A:"))
        return 1;
    if (kd_bytes_eq_str(service, "IPC"))
        return 2;
    return kd_bytes_eq_str(service, "LPT1:") ? 3 : 0;
}

void smb1_tree_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p)
{
    struct kd_bytes share = p != NULL ? smb_pending_view(p, 0) : (struct kd_bytes){NULL, 0};
    struct smb_room room;
    struct kd_rec_smb rec;
    uint8_t type = 0;
    if (c->m != NULL && !smb_is_failure(c->m)) {
        bool andx = c->m->head.command == SMB1_COMMANDS + SMB1_TREE_CONNECT_ANDX;
        type = andx ? share_type(smb1_raw(c, false)) : 0;
        if (!andx) {
            (void)kd_cur_le16(&c->words);
            c->m->head.tree_id = kd_cur_le16(&c->words);
        }
        if (p != NULL) {
            uint64_t session = p->session_id != 0 ? p->session_id : c->m->head.session_id;
            smb_tree_add(ctx, (struct smb_key){session, c->m->head.tree_id}, type, share);
            p->tree_id = c->m->head.tree_id;
        }
    }
    smb_record_start(ctx, c->m, p, &room, &rec);
    rec.share = share;
    rec.share_type = smb_share_type_name(type);
    kd_emit(ctx, KD_REC_SMB, &rec);
}
