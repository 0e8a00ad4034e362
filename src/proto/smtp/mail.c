/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/smtp/smtp.h"

enum { ENVELOPE_TEXT = 5 * 1024, ADDRESS_MAX = 512, MAIL_ARENA = KD_MIME_ARENA + 32 * 1024 };

static void emit(struct kd_ctx *ctx, struct kd_rec_smtp *rec)
{
    struct smtp_state *st = ctx->state;
    rec->helo = st->helo;
    rec->auth_user = st->auth_user;
    rec->starttls = st->starttls;
    rec->tx_id = st->n_told++;
    kd_emit(ctx, KD_REC_SMTP, rec);
    st->emitted = true;
}

void smtp_session_record(struct kd_ctx *ctx)
{
    struct kd_rec_smtp rec = {0};
    emit(ctx, &rec);
}

static void emit_mail(struct kd_ctx *ctx, struct smtp_mail *mail)
{
    if (mail->mime != NULL)
        kd_mime_record(mail->mime, &mail->rec);
    emit(ctx, &mail->rec);
    struct kd_arena mem = mail->mem;
    kd_arena_done(&mem);
}

struct smtp_mail *smtp_mail_now(struct kd_ctx *ctx)
{
    struct smtp_state *st = ctx->state;
    if (st->mail != NULL)
        return st->mail;
    struct kd_arena mem;
    kd_arena_init(&mem, ctx->pool, MAIL_ARENA);
    struct smtp_mail *mail = kd_arena_alloc(&mem, sizeof(*mail));
    if (mail == NULL)
        return NULL;
    mail->mem = mem;
    mail->id = st->next_id++;
    mail->text_left = ENVELOPE_TEXT;
    st->mail = mail;
    return mail;
}

static struct kd_bytes keep(struct smtp_mail *mail, struct kd_bytes text)
{
    struct kd_bytes kept =
        kd_arena_copy(&mail->mem, text, kd_min_size(ADDRESS_MAX, mail->text_left));
    mail->text_left -= (uint32_t)kept.n;
    return kept;
}

void smtp_mail_from(struct kd_ctx *ctx, struct kd_bytes address)
{
    smtp_mail_drop(ctx);
    struct smtp_mail *mail = smtp_mail_now(ctx);
    if (mail != NULL)
        mail->rec.mail_from = keep(mail, address);
}

void smtp_mail_rcpt(struct kd_ctx *ctx, struct kd_bytes address)
{
    enum { FIRST = 4 };
    struct smtp_mail *mail = smtp_mail_now(ctx);
    if (mail == NULL || mail->rec.rcpt_to.n >= ctx->lim->list_items || mail->text_left == 0)
        return;
    struct kd_strs *to = &mail->rec.rcpt_to;
    struct kd_bytes *items = (struct kd_bytes *)(uintptr_t)to->v;
    if (to->n == mail->rcpt_room) {
        uint32_t room = mail->rcpt_room == 0 ? FIRST : mail->rcpt_room * 2;
        items = kd_arena_alloc(&mail->mem, room * sizeof(*items));
        if (items == NULL)
            return;
        if (to->n > 0)
            memcpy(items, to->v, to->n * sizeof(*items));
        mail->rcpt_room = room;
        to->v = items;
    }
    items[to->n++] = keep(mail, address);
}

void smtp_mail_begin_data(struct kd_ctx *ctx)
{
    struct smtp_mail *mail = smtp_mail_now(ctx);
    if (mail != NULL && mail->mime == NULL)
        mail->mime = kd_mime_start(&mail->mem, ctx->lim, (struct kd_mime_of){mail->id, true});
}

void smtp_mail_data(struct kd_ctx *ctx, struct kd_bytes piece)
{
    struct smtp_state *st = ctx->state;
    if (st->mail != NULL && st->mail->mime != NULL)
        kd_mime_feed(st->mail->mime, ctx, piece);
}

void smtp_mail_lost(struct kd_ctx *ctx, uint64_t n)
{
    struct smtp_state *st = ctx->state;
    if (st->mail != NULL && st->mail->mime != NULL)
        kd_mime_lost(st->mail->mime, n);
}

static void end_mime(struct kd_ctx *ctx, struct smtp_mail *mail, bool whole)
{
    if (mail->mime != NULL)
        kd_mime_end(mail->mime, ctx, whole);
}

void smtp_mail_end_data(struct kd_ctx *ctx, bool whole)
{
    struct smtp_state *st = ctx->state;
    struct smtp_mail *mail = st->mail;
    if (mail == NULL)
        return;
    end_mime(ctx, mail, whole);
    st->mail = NULL;
    if (st->waiting == NULL)
        st->waiting = mail;
    else
        st->newest->next = mail;
    st->newest = mail;
    if (++st->n_waiting <= SMTP_WAITING_MAX)
        return;
    smtp_event(ctx, SMTP_EV_TOO_MANY_PENDING, 0);
    smtp_mail_answer(ctx, 0);
}

void smtp_mail_answer(struct kd_ctx *ctx, uint16_t code)
{
    struct smtp_state *st = ctx->state;
    struct smtp_mail *mail = st->waiting;
    if (mail == NULL)
        return;
    st->waiting = mail->next;
    st->n_waiting--;
    if (code != 0)
        mail->rec.reply = code;
    emit_mail(ctx, mail);
}

void smtp_mail_drop(struct kd_ctx *ctx)
{
    struct smtp_state *st = ctx->state;
    struct smtp_mail *mail = st->mail;
    if (mail == NULL)
        return;
    end_mime(ctx, mail, false);
    st->mail = NULL;
    if (mail->rec.mail_from.n > 0 || mail->rec.rcpt_to.n > 0 || mail->rec.reply != 0 || mail->mime != NULL) {
        emit_mail(ctx, mail);
        return;
    }
    struct kd_arena mem = mail->mem;
    kd_arena_done(&mem);
}

void smtp_mail_close(struct kd_ctx *ctx)
{
    struct smtp_state *st = ctx->state;
    while (st->waiting != NULL)
        smtp_mail_answer(ctx, 0);
    smtp_mail_drop(ctx);
    if (!st->emitted && st->helo.n > 0)
        smtp_session_record(ctx);
    kd_arena_done(&st->session);
}
