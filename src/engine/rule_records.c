/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols whose records hold what rules look into: the record is shown as a transaction, once it is told.  HTTP,
 * DNS and TLS show more, and earlier, by themselves. */
#include "engine/internal.h"
#include "proto/krb5/krb5_msg.h"

enum shape { ONE, SEVERAL, IN_ONE_LINE, ANGLED, ALL_ANGLED };

struct row {
    uint8_t record;     /* enum kd_rec_type */
    uint8_t dir;
    uint16_t id;        /* enum kd_inspect */
    uint16_t offset;    /* of a text in the record's body, or of several */
    uint8_t shape;      /* enum shape */
};

#define TEXT(REC, rec, member, dir, id) {KD_REC_##REC, dir, KD_IN_##id, offsetof(struct kd_rec_##rec, member), ONE}
#define TEXTS(REC, rec, member, dir, id) {KD_REC_##REC, dir, KD_IN_##id, offsetof(struct kd_rec_##rec, member), SEVERAL}
#define JOINED(REC, rec, member, dir, id) {KD_REC_##REC, dir, KD_IN_##id, offsetof(struct kd_rec_##rec, member), IN_ONE_LINE}
#define PATH(REC, rec, member, dir, id) {KD_REC_##REC, dir, KD_IN_##id, offsetof(struct kd_rec_##rec, member), ANGLED}
#define PATHS(REC, rec, member, dir, id) {KD_REC_##REC, dir, KD_IN_##id, offsetof(struct kd_rec_##rec, member), ALL_ANGLED}
static const struct row rows[] = {
    TEXT(SSH, ssh, client_proto, 0, SSH_PROTO),
    TEXT(SSH, ssh, client, 0, SSH_SOFTWARE),
    TEXT(SSH, ssh, hassh, 0, SSH_HASSH),
    TEXT(SSH, ssh, hassh_string, 0, SSH_HASSH_STRING),
    TEXT(SSH, ssh, server_proto, 1, SSH_PROTO),
    TEXT(SSH, ssh, server, 1, SSH_SOFTWARE),
    TEXT(SSH, ssh, hassh_server, 1, SSH_HASSH_SERVER),
    TEXT(SSH, ssh, hassh_server_string, 1, SSH_HASSH_SERVER_STRING),
    TEXT(NTLM, ntlm, user, 0, SMB_NTLMSSP_USER),
    TEXT(NTLM, ntlm, domain, 0, SMB_NTLMSSP_DOMAIN),
    TEXT(KRB5, krb5, cname, 1, KRB5_CNAME),
    TEXT(KRB5, krb5, sname, 1, KRB5_SNAME),
    TEXT(FTP, ftp, command, 0, FTP_COMMAND),
    TEXT(FTP, ftp, argument, 0, FTP_COMMAND_DATA),
    TEXTS(FTP, ftp, codes, 1, FTP_COMPLETION_CODE),
    TEXTS(FTP, ftp, replies, 1, FTP_REPLY),
    TEXT(SMTP, smtp, helo, 0, SMTP_HELO),
    PATH(SMTP, smtp, mail_from, 0, SMTP_MAIL_FROM),
    PATHS(SMTP, smtp, rcpt_to, 0, SMTP_RCPT_TO),
    TEXT(SMTP, smtp, from, 0, EMAIL_FROM),
    JOINED(SMTP, smtp, to, 0, EMAIL_TO),
    JOINED(SMTP, smtp, cc, 0, EMAIL_CC),
    TEXT(SMTP, smtp, subject, 0, EMAIL_SUBJECT),
    TEXT(SMTP, smtp, date, 0, EMAIL_DATE),
    TEXT(SMTP, smtp, message_id, 0, EMAIL_MESSAGE_ID),
    TEXT(SMTP, smtp, x_mailer, 0, EMAIL_X_MAILER),
    TEXTS(SMTP, smtp, received, 0, EMAIL_RECEIVED),
    TEXTS(SMTP, smtp, urls, 0, EMAIL_URL),
    TEXT(DHCP, dhcp, hostname, 0, DHCP_HOSTNAME),
    TEXT(TLS, tls, sni, 0, QUIC_SNI), /* of TLS itself the parser tells: here it is within QUIC */
    TEXT(TLS, tls, ja3_hash, 0, JA3_HASH),
    TEXT(TLS, tls, ja3_string, 0, JA3_STRING),
    TEXT(TLS, tls, ja4, 0, JA4_HASH),
};
#undef TEXT
#undef TEXTS
#undef JOINED
#undef PATH
#undef PATHS

/* Room for what is made of a record's values until the rules have judged them. */
struct made {
    struct kd_out o;
    uint8_t room[8192];
};

/* As the header line has them: separated by commas.  What finds no room is cut. */
static struct kd_bytes joined(struct made *made, const struct kd_strs *texts)
{
    size_t from = made->o.n;
    for (size_t i = 0; i < texts->n; i++) {
        kd_out_bytes(&made->o, kd_bytes_head(kd_str(", "), i == 0 ? 0 : made->o.max - made->o.n));
        kd_out_bytes(&made->o, kd_bytes_head(texts->v[i], made->o.max - made->o.n));
    }
    return kd_bytes_from(kd_out_bytes_view(&made->o), from);
}

/* As the envelope has them (RFC 5321 4.1.2); what finds no room is cut. */
static struct kd_bytes angled(struct made *made, struct kd_bytes text)
{
    size_t from = made->o.n;
    if (made->o.max - made->o.n < 2)
        return text;
    kd_out_u8(&made->o, '<');
    kd_out_bytes(&made->o, kd_bytes_head(text, made->o.max - made->o.n - 1));
    kd_out_u8(&made->o, '>');
    return kd_bytes_from(kd_out_bytes_view(&made->o), from);
}

static void show(const struct kd_ctx *ctx, const struct row *r, const void *body, struct made *made)
{
    const void *at = (const uint8_t *)body + r->offset;
    enum kd_inspect id = (enum kd_inspect)r->id;
    enum kd_dir dir = (enum kd_dir)r->dir;
    const struct kd_strs *texts = at;
    if (!kd_wants(ctx, id, dir))
        return;
    if (r->shape != SEVERAL && r->shape != ALL_ANGLED) {
        struct kd_bytes text = r->shape == IN_ONE_LINE ? joined(made, texts) : *(const struct kd_bytes *)at;
        if (text.n > 0)
            kd_inspect(ctx, id, dir, r->shape == ANGLED ? angled(made, text) : text);
        return;
    }
    for (size_t i = 0; i < texts->n; i++)
        kd_inspect(ctx, id, dir, r->shape == ALL_ANGLED ? angled(made, texts->v[i]) : texts->v[i]);
}

/* What a tree is connected to: a share of files, or that of pipes, which rules know as "named pipe". */
static void show_share(const struct kd_ctx *ctx, const struct kd_rec_smb *smb)
{
    bool connects = kd_bytes_find(smb->command, kd_str("TREE_CONNECT")) != SIZE_MAX;
    bool pipes = kd_bytes_eq_str(smb->share_type, "PIPE") || kd_bytes_iends(smb->share, kd_str("IPC$"));
    if (!connects || smb->share.n == 0)
        return;
    bool smb1 = kd_bytes_starts(smb->command, kd_str("SMB1_"));
    if (pipes)
        kd_inspect(ctx, KD_IN_SMB_NAMED_PIPE, KD_TO_SERVER, smb->share);
    if (!pipes || !smb1) /* of SMB 2 the name counts before the answer says what it is */
        kd_inspect(ctx, KD_IN_SMB_SHARE, KD_TO_SERVER, smb->share);
}

static void show_smb(const struct kd_ctx *ctx, const struct kd_rec_smb *smb)
{
    for (uint8_t version = 1; version <= 2; version++)
        if (kd_bytes_starts(smb->command, kd_str(version == 1 ? "SMB1_" : "SMB2_"))) {
            kd_inspect_number(ctx, KD_NUM_SMB_VERSION, KD_TO_SERVER, version);
            if (smb->status.n > 0)
                kd_inspect_number(ctx, KD_NUM_SMB_VERSION, KD_TO_CLIENT, version);
        }
    show_share(ctx, smb);
}

/* The command that asks for a data connection and its answer: both sides of it. */
static bool asks_for_data(struct kd_bytes command)
{
    static const char *const names[] = {"PORT", "EPRT", "PASV", "EPSV"};
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (kd_bytes_eq_str(command, names[i]))
            return true;
    return false;
}

static void show_ftp(const struct kd_ctx *ctx, const struct kd_rec_ftp *ftp)
{
    bool active = kd_bytes_eq_str(ftp->mode, "active");
    if (ftp->data_port == 0 || !asks_for_data(ftp->command))
        return;
    for (enum kd_dir dir = KD_TO_SERVER; dir <= KD_TO_CLIENT; dir++) {
        kd_inspect_number(ctx, KD_NUM_FTP_DYNAMIC_PORT, dir, ftp->data_port);
        kd_inspect_number(ctx, KD_NUM_FTP_MODE, dir, active);
    }
    if (active && !kd_addr_eq(&ftp->data_ip, &ctx->conn->client))
        kd_inspect_number(ctx, KD_NUM_FTP_BOUNCE, KD_TO_SERVER, 1);
}

/* A request is told with its answer. */
static void show_kerberos(const struct kd_ctx *ctx, const struct kd_rec_krb5 *k)
{
    static const struct {
        const char *name;
        uint8_t type, request;
    } types[] = {{"KRB_AS_REP", 11, 10}, {"KRB_TGS_REP", 13, 12}, {"KRB_AP_REP", 15, 14}, {"KRB_AP_REQ", 14, 14},
                {"KRB_AS_REQ", 10, 10}, {"KRB_TGS_REQ", 12, 12}, {"KRB_ERROR", 30, 0}};
    int32_t ticket = 0;
    if (kd_bytes_iends(k->msg_type, kd_str("_REP")) && kd_krb5_etype_number(k->ticket_encryption, &ticket))
        kd_inspect_number(ctx, KD_NUM_KRB5_TICKET_ENCRYPTION, KD_TO_CLIENT, (uint32_t)ticket);
    uint64_t asked = kd_bytes_eq_str(k->request_type, "AS")    ? 10
                     : kd_bytes_eq_str(k->request_type, "TGS") ? 12
                     : kd_bytes_eq_str(k->request_type, "AP")  ? 14
                                                               : 0;
    for (size_t i = 0; i < KD_COUNT(types); i++) {
        if (!kd_bytes_eq_str(k->msg_type, types[i].name))
            continue;
        bool is_request = types[i].type == types[i].request;
        if (!is_request)
            kd_inspect_number(ctx, KD_NUM_KRB5_MSG_TYPE, KD_TO_CLIENT, types[i].type);
        if (types[i].request == 0)
            kd_inspect_number(ctx, KD_NUM_KRB5_ERR_CODE, KD_TO_CLIENT, k->error);
        if (asked == 0)
            asked = types[i].request;
    }
    if (asked != 0)
        kd_inspect_number(ctx, KD_NUM_KRB5_MSG_TYPE, KD_TO_SERVER, asked);
}

void kd_engine_rules_record(const struct kd_ctx *ctx, enum kd_rec_type type, const void *body)
{
    struct kd_engine *e = (struct kd_engine *)((uint8_t *)ctx->sink - offsetof(struct kd_engine, sink));
    bool any = type == KD_REC_SMB;
    struct made made;
    if (!kd_wants_any(ctx) || ctx->app == KD_APP_HTTP || ctx->app == KD_APP_HTTP2 ||
        ctx->app == KD_APP_DNS || ctx->app == KD_APP_TLS)
        return; /* their transactions are under way */
    made.o = kd_out_of(made.room, sizeof(made.room));
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        if (rows[i].record != type)
            continue;
        show(ctx, &rows[i], body, &made);
        any = true;
    }
    if (type == KD_REC_SMB)
        show_smb(ctx, body);
    if (type == KD_REC_FTP)
        show_ftp(ctx, body);
    if (type == KD_REC_KRB5)
        show_kerberos(ctx, body);
    if (!any)
        return;
    e->telling = (struct kd_told){.type = (uint8_t)type, .body = body};
    kd_inspect_end(ctx, KD_TO_SERVER, KD_INSPECT_ALL);
    kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
    e->telling.type = 0;
}

/* ---- what a match tells of its transaction ---- */

/* Kinds that are a transaction, not something noticed in one. */
bool kd_engine_is_transaction(uint8_t type)
{
    static const bool is[UINT8_MAX + 1] = {
        [KD_REC_HTTP] = true, [KD_REC_DNS] = true, [KD_REC_TLS] = true, [KD_REC_SMTP] = true,
        [KD_REC_SMB] = true, [KD_REC_KRB5] = true, [KD_REC_DHCP] = true, [KD_REC_DCERPC] = true,
        [KD_REC_RDP] = true, [KD_REC_SSH] = true, [KD_REC_FTP] = true, [KD_REC_FTP_DATA] = true,
        [KD_REC_LDAP] = true, [KD_REC_SNMP] = true, [KD_REC_SQL] = true, [KD_REC_MAILBOX] = true,
        [KD_REC_MQTT] = true, [KD_REC_SIP] = true, [KD_REC_WEBSOCKET] = true, [KD_REC_TFTP] = true,
        [KD_REC_NFS] = true, [KD_REC_SMB_STEP] = true, [KD_REC_DCERPC_STEP] = true, [KD_REC_NFS_STEP] = true,
        [KD_REC_MODBUS] = true, [KD_REC_IKE] = true, [KD_REC_QUIC] = true, [KD_REC_RFB] = true,
        [KD_REC_PGSQL] = true, [KD_REC_ENIP] = true, [KD_REC_DNP3] = true, [KD_REC_NTP] = true,
    };
    return is[type];
}

void kd_engine_rules_told(struct kd_engine *e, const struct kd_rec_head *head)
{
    if (!kd_engine_is_transaction(head->type))
        return;
    bool is_there = e->told_at < e->writer.n;
    e->told = (struct kd_told){.at = e->told_at, .flow_id = head->flow_id, .frame = e->frames, .type = is_there ? head->type : 0};
}

/* The last record as it stands in the batch. */
static bool told_body(const struct kd_engine *e, struct kd_bytes *ret)
{
    struct kd_cur c = kd_cur_of(kd_bytes_from(kd_out_bytes_view(&e->writer), e->told.at));
    struct kd_rec_head h;
    struct kd_bytes whole;
    return kd_record_next(&c, &h, ret, &whole) == KD_OK && h.type == e->told.type && h.flow_id == e->told.flow_id;
}

/* What the parser of this conversation has under way. */
static const void *under_way(const struct kd_flow *f, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    const struct kd_parser *p = f == NULL || f->parser == 0 ? NULL : kd_parsers[f->parser - 1];
    if (p == NULL || p->present == NULL || f->ext == NULL)
        return NULL;
    bool tcp = f->proto == KD_IP_TCP;
    struct kd_ctx ctx = {
        .app = (enum kd_app)f->app,
        .state = tcp ? ((struct kd_tcp_ext *)f->ext)->state : ((struct kd_udp_ext *)f->ext)->state,
    };
    return ctx.state == NULL ? NULL : p->present(&ctx, dir, ret_type);
}

void kd_engine_rules_transaction(struct kd_engine *e, const struct kd_match_alert *a, struct kd_out *o)
{
    enum kd_rec_type type = (enum kd_rec_type)e->telling.type;
    const struct kd_told *told = &e->told;
    struct kd_bytes coded;
    const void *body = type != KD_REC_NONE ? e->telling.body : under_way(a->at->owner, (enum kd_dir)a->dir, &type);
    if (body != NULL && kd_engine_is_transaction((uint8_t)type)) {
        kd_out_u8(o, (uint8_t)type);
        kd_body_put(o, kd_schema_of(type), body);
    } else if (told->type != 0 && told->flow_id == a->at->flow_id && told->frame == e->frames && told_body(e, &coded)) {
        kd_out_u8(o, told->type);
        kd_out_bytes(o, coded);
    }
}
