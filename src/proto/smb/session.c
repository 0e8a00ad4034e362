/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiation and logon ([MS-SMB2] 2.2.3 to 2.2.6): who talks SMB how, and as whom. */
#include "base/utf16.h"
#include "proto/krb5/krb5_msg.h"
#include "proto/ntlm/ntlm.h"
#include "proto/smb/smb.h"
#include "proto/spnego/spnego.h"

enum {
    SECURITY_SIGNING_REQUIRED = 2,
    GUID_BYTES = 16,
    DIALECT_3_1_1 = 0x0311,
    CONTEXTS_MAX = 16,
    CONTEXT_KINDS = 4
};
enum {
    TEXT_USER,
    TEXT_DOMAIN,
    TEXT_HOST,
    TEXT_VERSION,
    TEXT_SYSTEM,
    TEXT_SOFTWARE
}; /* of a waiting logon */

struct kd_bytes smb_auth_name(enum smb_auth auth)
{
    switch (auth) {
    case SMB_AUTH_NTLM:
        return kd_str("ntlm");
    case SMB_AUTH_KERBEROS:
        return kd_str("kerberos");
    case SMB_AUTH_LM:
        return kd_str("lm");
    case SMB_AUTH_PASSWORD:
        return kd_str("password");
    case SMB_AUTH_GUEST:
        return kd_str("guest");
    case SMB_AUTH_ANONYMOUS:
        return kd_str("anonymous");
    case SMB_AUTH_NONE:
    default:
        return kd_str("");
    }
}

/* ---- negotiate ---- */

/* Capabilities offered ([MS-SMB2] 2.2.3.1), each at a multiple of eight from the header. */
static uint8_t read_contexts(const struct smb_msg *m, size_t at, unsigned n)
{
    static const uint8_t bits[] = {
        [1] = SMB_CONTEXT_PREAUTH, [2] = SMB_CONTEXT_ENCRYPTION, [3] = SMB_CONTEXT_COMPRESSION};
    uint8_t found = 0;
    for (unsigned i = 0; i < n && i < CONTEXTS_MAX; i++) {
        struct kd_cur c = kd_cur_of(kd_bytes_from(m->bytes, at));
        uint16_t type = kd_cur_le16(&c);
        size_t len = kd_cur_le16(&c);
        if (!kd_cur_ok(&c))
            break;
        found |= type > 0 && type < KD_COUNT(bits) ? bits[type] : SMB_CONTEXT_OTHER;
        at += (8 + len + 7) / 8 * 8;
    }
    return found;
}

static size_t name_contexts(uint8_t found, struct kd_bytes *ret)
{
    static const char *const names[CONTEXT_KINDS] = {"preauth", "encryption", "compression",
                                                     "other"};
    size_t n = 0;
    for (unsigned i = 0; i < CONTEXT_KINDS; i++)
        if (found & 1u << i)
            ret[n++] = kd_str(names[i]);
    return n;
}

void smb_negotiate_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    struct smb_state *st = smb_state_of(ctx);
    (void)smb_expect(ctx, m, 0);
    (void)kd_cur_le16(&m->body); /* size */
    unsigned dialects = kd_cur_le16(&m->body);
    (void)kd_cur_take(&m->body, 8); /* mode, reserved, capabilities */
    struct kd_bytes guid = kd_cur_take(&m->body, GUID_BYTES);
    size_t contexts_at = kd_cur_le32(&m->body);
    unsigned contexts = kd_cur_le16(&m->body);
    (void)kd_cur_le16(&m->body);
    st->contexts = 0;
    for (unsigned i = 0; i < dialects && kd_cur_more(&m->body); i++)
        if (kd_cur_le16(&m->body) == DIALECT_3_1_1)
            st->contexts = read_contexts(m, contexts_at, contexts);
    if (guid.n == GUID_BYTES) {
        memcpy(st->client_guid, guid.p, GUID_BYTES);
        st->has_client_guid = true;
    }
}

void smb_negotiate_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    struct smb_state *st = smb_state_of(ctx);
    if (m == NULL)
        return;
    struct smb_room room;
    struct kd_rec_smb rec;
    struct kd_bytes guid = {0};
    uint16_t mode = 0;
    if (!smb_is_failure(m)) {
        (void)kd_cur_le16(&m->body);
        mode = kd_cur_le16(&m->body);
        uint16_t dialect = kd_cur_le16(&m->body);
        (void)kd_cur_le16(&m->body);
        guid = kd_cur_take(&m->body, GUID_BYTES);
        if (!kd_cur_ok(&m->body)) {
            smb_odd(ctx, SMB_ODD_BODY);
            return;
        }
        st->dialect = dialect;
    }
    smb_record_start(ctx, m, p, &room, &rec);
    rec.signing = (mode & SECURITY_SIGNING_REQUIRED) != 0;
    rec.server_guid = guid;
    if (st->has_client_guid)
        rec.client_guid = kd_bytes_of(st->client_guid, GUID_BYTES);
    struct kd_bytes contexts[CONTEXT_KINDS];
    rec.contexts = (struct kd_strs){contexts, name_contexts(st->contexts, contexts)};
    kd_emit(ctx, KD_REC_SMB, &rec);
}

/* ---- sessions ---- */

struct smb_session *smb_session_find(const struct kd_ctx *ctx, uint64_t id)
{
    struct smb_key key = {id, 0};
    return (struct smb_session *)smb_table_find(&smb_state_of(ctx)->sessions, key);
}

struct smb_session *smb_session_get(const struct kd_ctx *ctx, uint64_t id)
{
    struct smb_state *st = smb_state_of(ctx);
    struct smb_memory mem = smb_memory_of(ctx);
    struct smb_key key = {id, 0};
    struct smb_session *s = smb_session_find(ctx, id);
    if (s != NULL)
        return s;
    if (st->sessions.n >= ctx->lim->smb_sessions)
        smb_table_drop(&st->sessions, &mem, st->sessions.oldest);
    return (struct smb_session *)smb_table_add(&st->sessions, &mem, ctx->lim->smb_sessions, key,
                                               sizeof(*s));
}

static void set_text(struct smb_text *t, struct kd_bytes utf8)
{
    t->n = (uint16_t)kd_min_size(utf8.n, sizeof(t->b));
    if (t->n > 0)
        memcpy(t->b, utf8.p, t->n);
}

static void set_text_utf16(struct smb_text *t, struct kd_bytes raw, bool unicode)
{
    struct kd_out o = kd_out_of(t->b, sizeof(t->b));
    t->n = (uint16_t)kd_ntlm_text(&o, raw, unicode).n;
}

/* The security blob: its offset counts from the SMB2 header. */
static struct kd_bytes read_blob(const struct kd_ctx *ctx, struct smb_msg *m)
{
    size_t off = kd_cur_le16(&m->body);
    size_t n = kd_cur_le16(&m->body);
    struct kd_bytes blob = kd_bytes_from(m->bytes, off);
    if (!kd_cur_ok(&m->body) || n > blob.n || (n > 0 && off < SMB2_HEADER)) {
        smb_odd(ctx, SMB_ODD_BODY);
        return (struct kd_bytes){NULL, 0};
    }
    return kd_bytes_head(blob, n);
}

/* ---- requests ---- */

static void put_text(struct smb_pending *p, unsigned i, const struct kd_out *o)
{
    p->text_n[i] = (uint16_t)o->n;
}

static struct kd_out text_room(struct smb_pending *p, unsigned i)
{
    size_t at = 0;
    for (unsigned k = 0; k < i; k++)
        at += p->text_n[k];
    return kd_out_of(p->text + at, kd_min_size(p->text_room - at, SMB_NAME_MAX));
}

static struct smb_pending *expect_ntlm(struct kd_ctx *ctx, struct smb_msg *m, struct kd_bytes token)
{
    struct kd_ntlm ntlm;
    if (kd_ntlm_parse(token, &ntlm) != KD_OK) {
        smb_odd(ctx, SMB_ODD_TOKEN);
        return smb_expect(ctx, m, 0);
    }
    bool names = ntlm.type == KD_NTLM_AUTHENTICATE;
    bool software = m->head.command >= SMB1_COMMANDS; /* both halves of a logon name it */
    struct smb_pending *p = smb_expect(ctx, m, names ? SMB_TEXTS * SMB_NAME_MAX : software ? 2 * SMB_NAME_MAX : 0);
    if (p == NULL || !names)
        return p;
    p->u.logon.auth = SMB_AUTH_NTLM;
    p->u.logon.anonymous = ntlm.anonymous;
    p->u.logon.ntlmv1 = ntlm.ntlmv1;
    struct kd_bytes raw[] = {ntlm.user, ntlm.domain, ntlm.host};
    for (unsigned i = 0; i < KD_COUNT(raw); i++) {
        struct kd_out o = text_room(p, i);
        (void)kd_ntlm_text(&o, raw[i], ntlm.unicode);
        put_text(p, i, &o);
    }
    if (ntlm.has_version) {
        struct kd_out o = text_room(p, TEXT_VERSION);
        kd_out_fmt(&o, "%u.%u.%u", ntlm.major, ntlm.minor, ntlm.build);
        put_text(p, TEXT_VERSION, &o);
    }
    return p;
}

static struct smb_pending *expect_kerberos(struct kd_ctx *ctx, struct smb_msg *m,
                                           struct kd_bytes token)
{
    struct kd_krb5 krb5;
    enum kd_status s = kd_krb5_parse(token, &krb5);
    if (s == KD_MALFORMED)
        smb_odd(ctx, SMB_ODD_TOKEN);
    bool names = s == KD_OK && krb5.type == KD_KRB5_AP_REQ;
    struct smb_pending *p = smb_expect(ctx, m, names ? 2 * SMB_NAME_MAX : 0);
    if (p == NULL || !names)
        return p;
    p->u.logon.auth = SMB_AUTH_KERBEROS;
    p->u.logon.ticket_etype = krb5.ticket_etype;
    struct kd_out o = text_room(p, 0);
    kd_out_bytes(&o, kd_bytes_head(krb5.realm, o.max));
    put_text(p, 0, &o);
    o = text_room(p, 1);
    kd_krb5_out_name(&o, krb5.sname);
    put_text(p, 1, &o);
    return p;
}

struct smb_pending *smb_logon_request(struct kd_ctx *ctx, struct smb_msg *m, struct kd_bytes blob)
{
    struct kd_spnego token = {0};
    if (blob.n > 0 && kd_spnego_parse(blob, &token) != KD_OK)
        smb_odd(ctx, SMB_ODD_TOKEN);
    if (token.mech == KD_MECH_NTLM && token.token.n > 0)
        return expect_ntlm(ctx, m, token.token);
    if (token.mech == KD_MECH_KERBEROS && token.token.n > 0)
        return expect_kerberos(ctx, m, token.token);
    return smb_expect(ctx, m, 0);
}

void smb_session_request(struct kd_ctx *ctx, struct smb_msg *m)
{
    (void)kd_cur_take(&m->body, 12); /* size, flags, mode, capabilities, channel */
    (void)smb_logon_request(ctx, m, read_blob(ctx, m));
}

/* ---- answers ---- */

/* The server's challenge: its names are kept for the record of this logon. */
static void on_challenge(struct kd_ctx *ctx, struct smb_msg *m, struct kd_bytes blob)
{
    struct kd_spnego token;
    struct kd_ntlm ntlm;
    if (blob.n == 0 || kd_spnego_parse(blob, &token) != KD_OK || token.mech != KD_MECH_NTLM ||
        kd_ntlm_parse(token.token, &ntlm) != KD_OK || ntlm.type != KD_NTLM_CHALLENGE)
        return;
    struct smb_session *s = smb_session_get(ctx, m->head.session_id);
    if (s == NULL)
        return;
    set_text_utf16(&s->target, ntlm.target, ntlm.unicode);
    set_text_utf16(&s->dns_host, ntlm.dns_host, true);
    set_text_utf16(&s->dns_domain, ntlm.dns_domain, true);
}

static void tell_ntlm(const struct kd_ctx *ctx, const struct smb_pending *p,
                      const struct smb_session *s)
{
    struct kd_rec_ntlm rec = {
        .user = smb_pending_view(p, TEXT_USER),
        .domain = smb_pending_view(p, TEXT_DOMAIN),
        .host = smb_pending_view(p, TEXT_HOST),
        .version = smb_pending_view(p, TEXT_VERSION),
        .ntlmv1 = p->u.logon.ntlmv1,
        .anonymous = p->u.logon.anonymous,
        .over = kd_str("smb"),
    };
    if (s != NULL) {
        rec.target = smb_text_view(&s->target);
        rec.dns_host = smb_text_view(&s->dns_host);
        rec.dns_domain = smb_text_view(&s->dns_domain);
    }
    kd_emit(ctx, KD_REC_NTLM, &rec);
}

static void tell_kerberos(const struct kd_ctx *ctx, const struct smb_pending *p)
{
    char room[KD_KRB5_NUMBER_ROOM];
    struct kd_rec_krb5 rec = {
        .msg_type = kd_str(kd_krb5_type_name(KD_KRB5_AP_REQ)),
        .request_type = kd_str("AP"),
        .realm = smb_pending_view(p, 0),
        .sname = smb_pending_view(p, 1),
        .ticket_encryption = kd_krb5_etype_name(p->u.logon.ticket_etype, room),
        .weak_encryption = kd_krb5_is_weak(p->u.logon.ticket_etype),
    };
    kd_emit(ctx, KD_REC_KRB5, &rec);
}

/* How the session came about: by the answer's word over the request's. */
static enum smb_auth auth_of(const struct smb_pending *p, uint16_t flags)
{
    if (flags & SMB_SESSION_NULL || (p != NULL && p->u.logon.anonymous))
        return SMB_AUTH_ANONYMOUS;
    if (flags & SMB_SESSION_GUEST)
        return SMB_AUTH_GUEST;
    return p != NULL ? (enum smb_auth)p->u.logon.auth : SMB_AUTH_NONE;
}

static void establish(const struct kd_ctx *ctx, uint64_t id, const struct smb_pending *p,
                      enum smb_auth auth)
{
    struct smb_session *s = smb_session_get(ctx, id);
    if (s == NULL || p == NULL || p->u.logon.auth == SMB_AUTH_NONE)
        return;
    bool kerberos = p->u.logon.auth == SMB_AUTH_KERBEROS;
    s->established = true;
    s->auth = auth;
    set_text(&s->user, kerberos ? kd_str("") : smb_pending_view(p, TEXT_USER));
    set_text(&s->domain, smb_pending_view(p, kerberos ? 0 : TEXT_DOMAIN));
    set_text(&s->host, kerberos ? kd_str("") : smb_pending_view(p, TEXT_HOST));
}

static void tell_login(const struct kd_ctx *ctx, const struct kd_rec_smb *smb, enum smb_auth auth,
                       const char *result, bool failed)
{
    struct kd_rec_login rec = {
        .method = smb_auth_name(auth),
        .service = kd_str("smb"),
        .user = smb->user,
        .domain = smb->domain,
        .workstation = smb->host,
        .result = kd_str(result),
        .reason = failed ? smb->status : kd_str(""),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

/* Half a logon: no record of its own. */
static void step(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p, const struct kd_rec_smb *extra)
{
    struct smb_room room;
    struct kd_rec_smb rec;
    if (!ctx->sink->steps)
        return;
    smb_record_start(ctx, m, p, &room, &rec);
    if (p != NULL) {
        rec.client_os = smb_pending_view(p, TEXT_SYSTEM);
        rec.client_software = smb_pending_view(p, TEXT_SOFTWARE);
    }
    if (extra != NULL) {
        rec.server_os = extra->server_os;
        rec.server_software = extra->server_software;
    }
    kd_emit(ctx, KD_REC_SMB_STEP, &rec);
}

void smb_logon_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p, uint16_t flags,
                      struct kd_bytes blob, struct kd_rec_smb *extra)
{
    bool has_names = p != NULL && p->u.logon.auth != SMB_AUTH_NONE;
    if (m == NULL && !has_names)
        return;
    if (m != NULL && m->head.status == SMB_STATUS_MORE_PROCESSING) {
        on_challenge(ctx, m, blob);
        step(ctx, m, p, extra);
        return;
    }
    bool failed = smb_is_failure(m);
    enum smb_auth auth = auth_of(p, flags);
    uint64_t id = p != NULL && p->session_id != 0 ? p->session_id
                  : m != NULL                     ? m->head.session_id
                                                  : 0;
    if (m != NULL && !failed)
        establish(ctx, id, p, auth);

    struct smb_room room;
    struct kd_rec_smb rec;
    smb_record_start(ctx, m, p, &room, &rec);
    if (has_names) {
        bool kerberos = p->u.logon.auth == SMB_AUTH_KERBEROS;
        rec.user = kerberos ? kd_str("") : smb_pending_view(p, TEXT_USER);
        rec.domain = smb_pending_view(p, kerberos ? 0 : TEXT_DOMAIN);
        rec.host = kerberos ? kd_str("") : smb_pending_view(p, TEXT_HOST);
        rec.windows = kerberos ? kd_str("") : smb_pending_view(p, TEXT_VERSION);
    }
    if (p != NULL) {
        rec.client_os = smb_pending_view(p, TEXT_SYSTEM);
        rec.client_software = smb_pending_view(p, TEXT_SOFTWARE);
    }
    rec.auth = smb_auth_name(auth);
    rec.encrypted = (flags & SMB_SESSION_ENCRYPTED) != 0;
    if (extra != NULL) {
        rec.server_os = extra->server_os;
        rec.server_software = extra->server_software;
    }
    kd_emit(ctx, KD_REC_SMB, &rec);
    if (has_names && p->u.logon.auth == SMB_AUTH_KERBEROS)
        tell_kerberos(ctx, p);
    else if (has_names)
        tell_ntlm(ctx, p, smb_session_find(ctx, id));
    if (has_names || failed)
        tell_login(ctx, &rec, auth, m == NULL ? "unknown" : failed ? "failure" : "success", failed);
}

void smb_session_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p)
{
    uint16_t flags = 0;
    struct kd_bytes blob = {NULL, 0};
    if (m != NULL && !smb_is_failure(m)) {
        (void)kd_cur_le16(&m->body); /* size */
        flags = kd_cur_le16(&m->body);
        if (m->head.status == SMB_STATUS_MORE_PROCESSING)
            blob = read_blob(ctx, m);
    }
    smb_logon_answer(ctx, m, p, flags, blob, NULL);
}
