/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the sensor leaves here: now notices by mail.  Gate decides nothing about traffic and
 * opens no connection: it asks the parent for one to the server that the configuration declares,
 * and holds the password and the conversation. */
#include <poll.h>

#include "adapter/smtp/smtp.h"
#include "base/severity.h"
#include "bin/role.h"
#include "bin/say.h"
#include "notice/channel.h"
#include "notice/letter.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/log.h"

enum {
    PEM_BYTES_MAX = 4 << 20,
    PASSWORD_MAX = 1024,
    TALK_S = 40, /* of one conversation */
    WAIT_MS = 500,
    HELLO_S = 20,
    LAST_TALK_S = 5 /* when told to stop */
};

enum phase { IDLE, DIALLING, TALKING };

struct gate {
    const struct kd_start *start;
    struct kd_clock clock;
    struct kd_outbox *outbox;
    struct kd_channel channel;
    struct kd_smtp *smtp;
    struct kd_letter_config letter_cfg;
    enum phase phase;
    bool stop;
    /* the mail in hand; no items: only a look whether the server would take one */
    uint64_t id[KD_LETTER_ITEMS], count[KD_LETTER_ITEMS];
    uint32_t version[KD_LETTER_ITEMS];
    uint8_t severity[KD_LETTER_ITEMS];
    size_t n;
    bool is_test;
    struct kd_out letter;
    uint64_t number, hello_us, phase_us;
    struct kd_notice_channel told; /* what was said of the channel last */
    const char *to[KD_CONFIG_ITEMS_MAX];
    uint8_t message[KD_NOTICE_MAX], room[KD_LETTER_MAX];
};

/* ---- to the store and the parent ---- */

/* What does not reach the store is said again: it sends again what it does not know to be told. */
static void to_store(const struct kd_notice_message *m)
{
    uint8_t room[KD_NOTICE_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (kd_notice_put(&o, m) == KD_OK)
        kd_ignore(kd_edge_offer(KD_FD_ASK, kd_out_bytes_view(&o), NULL, 0));
}

static void say_hello(struct gate *g, uint64_t now)
{
    static const char *const security[] = {"starttls", "tls", "none"};
    const struct kd_start_mail *m = &g->start->mail;
    char server[300], to[KD_NOTICE_TEXT_MAX];
    if (now - g->hello_us < HELLO_S * (uint64_t)KD_US_PER_S && now >= g->hello_us)
        return;
    g->hello_us = now;
    snprintf(server, sizeof(server), "%s:%u", m->server, m->port);
    struct kd_out o = kd_out_of(to, sizeof(to));
    for (size_t i = 0; i < m->n_to && o.n + strlen(m->to[i]) + 2 < sizeof(to); i++)
        kd_out_fmt(&o, "%s%s", i > 0 ? " " : "", m->to[i]);
    struct kd_notice_message msg = {.tag = KD_NOTICE_HELLO};
    msg.hello = (struct kd_notice_hello){.server = kd_str(server),
                                         .security = kd_str(security[m->tls]),
                                         .from = kd_str(m->from),
                                         .to = kd_out_bytes_view(&o),
                                         .language = kd_str(m->ja && m->en ? "both"
                                                            : m->ja        ? "ja"
                                                                           : "en"),
                                         .severity = kd_str(kd_severity_names[m->severity]),
                                         .quiet_us = m->quiet_us};
    to_store(&msg);
}

/* Only news: state, times and what waits. */
static void tell_channel(struct gate *g, uint64_t now, bool again)
{
    struct kd_notice_message m = {.tag = KD_NOTICE_CHANNEL};
    uint8_t room[2048];
    kd_channel_tell(&g->channel, kd_outbox_waiting(g->outbox, now), &m.channel);
    const struct kd_notice_channel *a = &m.channel, *b = &g->told;
    if (!again && a->state == b->state && a->waiting == b->waiting && a->ok_us == b->ok_us &&
        a->fail_us == b->fail_us)
        return;
    g->told = m.channel;
    to_store(&m);
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_u8(&o, KD_ORDER_CHANNEL);
    if (kd_notice_put(&o, &m) == KD_OK)
        kd_ignore(kd_edge_offer(KD_FD_CONTROL, kd_out_bytes_view(&o), NULL, 0));
}

static void tell_told(uint64_t id, uint32_t version, uint8_t severity, uint64_t count, bool mailed,
                      uint64_t now, const char *answer)
{
    struct kd_notice_message m = {.tag = KD_NOTICE_TOLD};
    m.told = (struct kd_notice_told){.id = id,
                                     .version = version,
                                     .mailed = mailed,
                                     .severity = severity,
                                     .count = count,
                                     .us = now,
                                     .answer = kd_str(answer)};
    to_store(&m);
}

static void give_back_idle(struct gate *g, uint64_t now)
{
    struct kd_notice n;
    while (kd_outbox_idle(g->outbox, &n))
        tell_told(n.id, n.version, n.severity, n.count, false, now, "");
}

/* ---- a mail ---- */

/* Fewer items when they do not fit. */
static bool write_letter(struct gate *g, const struct kd_notice *const *items, size_t n,
                         uint64_t now)
{
    enum kd_status s = KD_LIMIT;
    for (; n > 0 && s == KD_LIMIT; n /= 2) {
        g->letter = kd_out_of(g->room, sizeof(g->room));
        s = kd_letter_write(&g->letter, &g->letter_cfg, items, n, now, ++g->number);
        g->n = n;
    }
    for (size_t i = 0; s == KD_OK && i < g->n; i++) {
        g->id[i] = items[i]->id;
        g->version[i] = items[i]->version;
        g->severity[i] = items[i]->severity;
        g->count[i] = items[i]->count;
    }
    g->is_test = items[0]->kind == KD_NOTICE_TEST;
    return s == KD_OK;
}

static void enter(struct gate *g, enum phase phase, uint64_t now)
{
    g->phase = phase;
    g->phase_us = now;
}

static void begin(struct gate *g, uint64_t now)
{
    const struct kd_notice *items[KD_LETTER_ITEMS];
    size_t n = kd_outbox_due(g->outbox, now, items);
    bool test = n > 0 && items[0]->kind == KD_NOTICE_TEST; /* somebody waits at the page */
    g->n = 0;
    g->letter.n = 0;
    g->is_test = false;
    if (n > 0 && !test && !kd_channel_may_send(&g->channel, now))
        return;
    if (n == 0 && !kd_channel_should_probe(&g->channel, now))
        return;
    if (n > 0 && !write_letter(g, items, n, now))
        return;
    enter(g, DIALLING, now);
    kd_role_tell(KD_ORDER_DIAL, kd_str(""));
}

static enum kd_reason reason_of(const struct kd_smtp_result *r)
{
    static const enum kd_mail_step steps[] = {
        [KD_SMTP_AT_HELLO] = KD_MAIL_HELLO,     [KD_SMTP_AT_LOGIN] = KD_MAIL_LOGIN,
        [KD_SMTP_AT_SENDER] = KD_MAIL_SENDER,   [KD_SMTP_AT_RECIPIENT] = KD_MAIL_RECIPIENT,
        [KD_SMTP_AT_CONTENT] = KD_MAIL_CONTENT,
    };
    switch (r->outcome) {
    case KD_SMTP_SENT:
        return KD_REASON_NONE;
    case KD_SMTP_REFUSED:
        return kd_reason_of_answer(r->code, steps[r->at]);
    case KD_SMTP_NO_TLS:
        return KD_REASON_NO_TLS;
    case KD_SMTP_CERTIFICATE:
        return KD_REASON_CERTIFICATE;
    case KD_SMTP_TLS_FAILED:
        return KD_REASON_TLS;
    case KD_SMTP_TIMEOUT:
        return KD_REASON_TIME;
    case KD_SMTP_CLOSED:
        return KD_REASON_CLOSED;
    case KD_SMTP_FAULT:
        break;
    }
    return KD_REASON_INSIDE;
}

static void end(struct gate *g, enum kd_reason reason, const char *answer, uint64_t now)
{
    bool sent = reason == KD_REASON_NONE;
    if (sent)
        kd_channel_ok(&g->channel, now, kd_str(answer));
    else
        kd_channel_failed(&g->channel, now, reason, kd_str(answer));
    if (!sent)
        kd_log("mail", "not delivered (%s): %s", kd_reason_row(reason)->name, g->channel.answer);
    /* A test that failed is over; everything else is tried again. */
    if (sent || g->is_test) {
        for (size_t i = 0; i < g->n; i++)
            tell_told(g->id[i], g->version[i], g->severity[i], g->count[i], sent, now,
                      g->channel.answer);
        kd_outbox_told(g->outbox, g->id, g->n, now);
    }
    g->n = 0;
    enter(g, IDLE, now);
    tell_channel(g, now, true);
}

static void talk(struct gate *g, uint64_t now)
{
    struct kd_smtp_result r;
    if (g->phase != TALKING || !kd_smtp_run(g->smtp, &r))
        return;
    if (r.outcome == KD_SMTP_SENT && r.refused > 0)
        kd_log("mail", "%u of the recipients were refused", r.refused);
    end(g, reason_of(&r), r.answer, now);
}

/* ---- what comes in ---- */

static void on_line(struct gate *g, struct kd_bytes rest, int fd, uint64_t now)
{
    char why[160];
    uint8_t what = kd_bytes_at(rest, 0);
    struct kd_out o = kd_out_of(why, sizeof(why) - 1);
    kd_out_escaped(&o, kd_bytes_from(rest, 1));
    why[o.n] = '\0';
    if (g->phase != DIALLING) {
        kd_fd_close(&fd);
    } else if (what == KD_DIALLED && fd >= 0) {
        enter(g, TALKING, now);
        if (kd_smtp_start(g->smtp, fd, kd_bytes_of(g->letter.p, g->n > 0 ? g->letter.n : 0)) !=
            KD_OK)
            end(g, KD_REASON_INSIDE, "no memory", now);
    } else {
        kd_fd_close(&fd);
        end(g, what == KD_DIALLED_NO_NAME ? KD_REASON_NAME : KD_REASON_CONNECT, why, now);
    }
}

static void hear_parent(struct gate *g, uint64_t now)
{
    uint8_t message[400];
    int fds[KD_EDGE_FDS_MAX];
    size_t n = 0, n_fds = 0;
    for (;;) {
        enum kd_status s =
            kd_edge_take_fds(KD_FD_CONTROL, message, sizeof(message), &n, fds, &n_fds);
        if (s == KD_MORE)
            return;
        if (s != KD_OK || message[0] == KD_ORDER_STOP) {
            g->stop = true;
            return;
        }
        for (size_t i = 1; i < n_fds; i++)
            kd_fd_close(&fds[i]);
        if (message[0] == KD_ORDER_LINE)
            on_line(g, kd_bytes_of(message + 1, n - 1), n_fds > 0 ? fds[0] : -1, now);
        else if (n_fds > 0)
            kd_fd_close(&fds[0]);
    }
}

/* While a mail is being sent its items stay as they are; their news comes with the next hello. */
static bool is_in_hand(const struct gate *g, uint64_t id)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->id[i] == id)
            return true;
    return false;
}

static void hear_store(struct gate *g, uint64_t now)
{
    struct kd_notice_message m;
    size_t n = 0;
    while (kd_edge_take(KD_FD_ASK, false, g->message, sizeof(g->message), &n) == KD_OK) {
        if (kd_notice_read(kd_bytes_of(g->message, n), &m) != KD_OK || m.tag != KD_NOTICE_ITEM)
            kd_log("notice", "refused: it breaks the format");
        else if (!is_in_hand(g, m.item.id))
            kd_outbox_put(g->outbox, &m.item, now);
    }
}

static void wait_for_something(struct gate *g)
{
    struct pollfd fds[2 + KD_SMTP_FDS_MAX] = {{.fd = KD_FD_CONTROL, .events = POLLIN},
                                              {.fd = KD_FD_ASK, .events = POLLIN}};
    int ms = WAIT_MS;
    size_t n = g->phase == TALKING ? kd_smtp_wait(g->smtp, fds + 2, &ms) : 0;
    kd_role_wait(fds, 2 + n, ms < WAIT_MS ? ms : WAIT_MS);
}

static void step(struct gate *g)
{
    uint64_t now = kd_now_us(&g->clock);
    hear_parent(g, now);
    hear_store(g, now);
    say_hello(g, now);
    give_back_idle(g, now);
    talk(g, now);
    /* The parent ends a dial in time; should its word be lost, we ask anew. */
    if (g->phase == DIALLING &&
        (now < g->phase_us || now - g->phase_us > 2 * TALK_S * (uint64_t)KD_US_PER_S))
        end(g, KD_REASON_CONNECT, "no answer", now);
    if (g->phase == IDLE && !g->stop)
        begin(g, now);
    (void)kd_channel_tick(&g->channel, now);
    tell_channel(g, now, false);
}

/* ---- setting up ---- */

/* The first line of the file. */
static char *first_line(struct kd_bytes text)
{
    size_t n = 0;
    while (n < text.n && text.p[n] != '\n' && text.p[n] != '\r' && text.p[n] != '\0')
        n++;
    char *line = calloc(1, n + 1);
    if (line != NULL && n > 0)
        memcpy(line, text.p, n);
    return line;
}

static void forget(struct kd_bytes text)
{
    if (text.p != NULL)
        explicit_bzero((void *)(uintptr_t)text.p, text.n);
    free((void *)(uintptr_t)text.p);
}

static void set_up_smtp(struct gate *g)
{
    const struct kd_start_mail *m = &g->start->mail;
    struct kd_bytes file = kd_role_read_extra(g->start, KD_EXTRA_PASSWORD, PASSWORD_MAX);
    char *password = first_line(file);
    forget(file);
    struct kd_smtp_config cfg = {
        .server = m->server,
        .port = m->port,
        .tls = (enum kd_smtp_tls)m->tls,
        .helo = m->helo,
        .user = m->user,
        .password = password != NULL ? password : "",
        .ca_pem = kd_role_read_extra(g->start, KD_EXTRA_AUTHORITIES, PEM_BYTES_MAX),
        .from = m->from,
        .n_to = kd_min_size(m->n_to, KD_SMTP_TO_MAX),
        .timeout_s = TALK_S};
    for (size_t i = 0; i < cfg.n_to; i++)
        cfg.to[i] = g->to[i] = m->to[i];
    struct kd_err err = {0};
    if (kd_smtp_new(&cfg, &g->smtp, &err) != KD_OK)
        kd_role_fail(&err);
    forget(kd_bytes_of(password,
                       password != NULL ? strlen(password) : 0)); /* the library has its own */
}

static void set_up(struct gate *g)
{
    const struct kd_start_mail *m = &g->start->mail;
    struct kd_err err = {0};
    set_up_smtp(g);
    g->outbox = kd_outbox_new(m->quiet_us);
    if (g->outbox == NULL) {
        (void)kd_fail(&err, KD_NO_MEMORY, 0, "no memory for notices");
        kd_role_fail(&err);
    }
    kd_channel_init(&g->channel, m->alarm_us);
    g->letter_cfg = (struct kd_letter_config){.ja = m->ja,
                                              .en = m->en,
                                              .zone_s = g->start->zone_s,
                                              .from = m->from,
                                              .to = g->to,
                                              .n_to = m->n_to,
                                              .url = m->url,
                                              .site = m->helo};
}

int kd_role_gate(const struct kd_start *s)
{
    static struct gate g;
    g.start = s;
    g.clock = kd_os_clock();
    set_up(&g);
    struct kd_sandbox sb;
    kd_role_enter(s, &sb);
    kd_role_ready();
    uint64_t until = UINT64_MAX;
    /* A mail that is being sent is finished, so that it is not sent again by a successor. */
    while (!g.stop || (g.phase == TALKING && kd_os_monotonic_us() < until)) {
        wait_for_something(&g);
        step(&g);
        if (g.stop && until == UINT64_MAX)
            until = kd_os_monotonic_us() + LAST_TALK_S * (uint64_t)KD_US_PER_S;
    }
    kd_smtp_free(g.smtp);
    kd_outbox_free(g.outbox);
    return KD_EXIT_DONE;
}
