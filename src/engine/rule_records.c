/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols whose records hold what rules look into: the record is shown as a transaction, once it is told.  HTTP,
 * DNS and TLS show more, and earlier, by themselves. */
#include "engine/internal.h"

struct row {
    uint8_t record;     /* enum kd_rec_type */
    uint8_t dir;
    uint16_t id;        /* enum kd_inspect */
    uint16_t offset;    /* of a text in the record's body, or of several */
    bool several;
};

#define TEXT(REC, rec, member, dir, id) {KD_REC_##REC, dir, KD_IN_##id, offsetof(struct kd_rec_##rec, member), false}
#define TEXTS(REC, rec, member, dir, id) {KD_REC_##REC, dir, KD_IN_##id, offsetof(struct kd_rec_##rec, member), true}
static const struct row rows[] = {
    TEXT(SSH, ssh, client_proto, 0, SSH_PROTO),
    TEXT(SSH, ssh, client, 0, SSH_SOFTWARE),
    TEXT(SSH, ssh, hassh, 0, SSH_HASSH),
    TEXT(SSH, ssh, hassh_string, 0, SSH_HASSH_STRING),
    TEXT(SSH, ssh, server_proto, 1, SSH_PROTO),
    TEXT(SSH, ssh, server, 1, SSH_SOFTWARE),
    TEXT(SSH, ssh, hassh_server, 1, SSH_HASSH_SERVER),
    TEXT(SSH, ssh, hassh_server_string, 1, SSH_HASSH_SERVER_STRING),
    TEXT(SMB, smb, share, 0, SMB_SHARE),
    TEXT(SMB, smb, user, 0, SMB_NTLMSSP_USER),
    TEXT(SMB, smb, domain, 0, SMB_NTLMSSP_DOMAIN),
    TEXT(NTLM, ntlm, user, 0, SMB_NTLMSSP_USER),
    TEXT(NTLM, ntlm, domain, 0, SMB_NTLMSSP_DOMAIN),
    TEXT(KRB5, krb5, cname, 1, KRB5_CNAME),
    TEXT(KRB5, krb5, sname, 1, KRB5_SNAME),
    TEXT(SNMP, snmp, community, 0, SNMP_COMMUNITY),
    TEXT(SNMP, snmp, user, 0, SNMP_USM),
    TEXT(FTP, ftp, command, 0, FTP_COMMAND),
    TEXT(FTP, ftp, argument, 0, FTP_COMMAND_DATA),
    TEXT(FTP, ftp, reply, 1, FTP_REPLY),
    TEXT(SMTP, smtp, helo, 0, SMTP_HELO),
    TEXT(SMTP, smtp, mail_from, 0, SMTP_MAIL_FROM),
    TEXTS(SMTP, smtp, rcpt_to, 0, SMTP_RCPT_TO),
    TEXT(SMTP, smtp, from, 0, EMAIL_FROM),
    TEXT(SMTP, smtp, subject, 0, EMAIL_SUBJECT),
    TEXT(SMTP, smtp, date, 0, EMAIL_DATE),
    TEXT(SMTP, smtp, message_id, 0, EMAIL_MESSAGE_ID),
    TEXT(SMTP, smtp, x_mailer, 0, EMAIL_X_MAILER),
    TEXTS(SMTP, smtp, received, 0, EMAIL_RECEIVED),
    TEXTS(SMTP, smtp, urls, 0, EMAIL_URL),
    TEXT(DHCP, dhcp, hostname, 0, DHCP_HOSTNAME),
};
#undef TEXT
#undef TEXTS

static void show(const struct kd_ctx *ctx, const struct row *r, const void *body)
{
    const void *at = (const uint8_t *)body + r->offset;
    enum kd_inspect id = (enum kd_inspect)r->id;
    enum kd_dir dir = (enum kd_dir)r->dir;
    if (!r->several) {
        const struct kd_bytes *text = at;
        if (text->n > 0)
            kd_inspect(ctx, id, dir, *text);
        return;
    }
    const struct kd_strs *texts = at;
    for (size_t i = 0; i < texts->n; i++)
        kd_inspect(ctx, id, dir, texts->v[i]);
}

/* Pipes are told like files; their share is IPC$. */
static void show_pipe(const struct kd_ctx *ctx, const struct kd_rec_smb *smb)
{
    if (kd_bytes_iends(smb->share, kd_str("IPC$")) && smb->filename.n > 0)
        kd_inspect(ctx, KD_IN_SMB_NAMED_PIPE, KD_TO_SERVER, smb->filename);
}

void kd_engine_rules_record(const struct kd_ctx *ctx, enum kd_rec_type type, const void *body)
{
    bool any = false;
    if (!kd_wants_any(ctx) || ctx->app == KD_APP_HTTP || ctx->app == KD_APP_HTTP2 || ctx->app == KD_APP_DNS || ctx->app == KD_APP_TLS)
        return; /* their transactions are under way */
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        if (rows[i].record != type)
            continue;
        show(ctx, &rows[i], body);
        any = true;
    }
    if (type == KD_REC_SMB)
        show_pipe(ctx, body);
    if (!any)
        return;
    kd_inspect_end(ctx, KD_TO_SERVER, KD_INSPECT_ALL);
    kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
}
