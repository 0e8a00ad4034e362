/* SPDX-License-Identifier: Apache-2.0 */
/* Devices asked, set and reporting by SNMP (RFC 1157, RFC 3416; version 3: RFC 3412, RFC 3414). */
#include "proto/snmp/snmp.h"

enum { MESSAGE_MAX = 65535, PORT_AGENT = 161, PORT_TRAP = 162, RUNS_MAX = 8 };
enum { REQUESTS_MAX = 1000, WAIT_S = 5, REPORTABLE = 4, FLAG_AUTH = 1, FLAG_PRIV = 2 };

/* Questions of one kind that one client asks one device in a row: a walk is one run. */
struct run {
    size_t size; /* of its block */
    uint64_t first_us, last_us;
    enum snmp_pdu pdu, answer;
    uint8_t version, flags; /* flags: of version 3 */
    bool login_told;
    uint32_t id; /* of the latest request: request-id, or msgID of version 3 */
    uint32_t requests, answers, error;
    uint8_t who_n, engine_n, n_oids;
    uint16_t oids_n;
    uint8_t who[SNMP_NAME_MAX]; /* community, or user of version 3 */
    uint8_t engine[SNMP_ENGINE_MAX];
    uint16_t oid_end[SNMP_OIDS_MAX]; /* where each text ends in oids */
    uint8_t oids[SNMP_OIDS_MAX * 32];
    const char *report; /* why version 3 refused, NULL: it did not */
};

struct snmp_state {
    struct run *runs[RUNS_MAX]; /* oldest first */
    size_t n;
    bool told_malformed;
    const struct kd_rec_snmp *now; /* the message at hand, while rules judge it */
};

static struct snmp_state *state_of(const struct kd_ctx *ctx)
{
    return (struct snmp_state *)ctx->state;
}

/* ---- what is told ---- */

static const char *security_of(uint8_t flags)
{
    if ((flags & FLAG_AUTH) == 0)
        return "noAuthNoPriv";
    return flags & FLAG_PRIV ? "authPriv" : "authNoPriv";
}

static void tell_login(struct kd_ctx *ctx, struct run *r)
{
    bool v3 = r->version == SNMP_V3;
    if (r->login_told || !snmp_pdu_is_request(r->pdu) || (v3 && r->who_n == 0))
        return; /* version 3 first asks who the device is, without a user */
    r->login_told = true;
    const char *result = r->report != NULL ? "failure" : r->answers > 0 ? "success" : "unknown";
    struct kd_rec_login rec = {
        .method = kd_str(v3 ? "usm" : "community"),
        .service = kd_str("snmp"),
        .user = kd_bytes_of(r->who, v3 ? r->who_n : 0),
        .result = kd_str(result),
        .reason = kd_str(r->report != NULL ? r->report : ""),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

static void tell(struct kd_ctx *ctx, struct run *r)
{
    struct kd_bytes oids[SNMP_OIDS_MAX];
    for (size_t i = 0, at = 0; i < r->n_oids; at = r->oid_end[i++])
        oids[i] = kd_bytes_of(r->oids + at, r->oid_end[i] - at);
    bool v3 = r->version == SNMP_V3;
    struct kd_bytes who = kd_bytes_of(r->who, r->who_n);
    struct kd_rec_snmp rec = {
        .version = kd_str(snmp_version_name(r->version)),
        .pdu_type = kd_str(snmp_pdu_name(r->pdu)),
        .request_id = r->id,
        .requests = r->requests,
        .oids = {oids, r->n_oids},
        .error = kd_str(r->report != NULL ? r->report : snmp_error_name(r->error)),
        .answered = r->answers > 0,
        .answer = kd_str(r->answers > 0 ? snmp_pdu_name(r->answer) : ""),
        .engine_id = kd_bytes_of(r->engine, r->engine_n),
        .security = kd_str(v3 ? security_of(r->flags) : ""),
    };
    if (v3)
        rec.user = who;
    else
        rec.community = who;
    kd_emit(ctx, KD_REC_SNMP, &rec);
    tell_login(ctx, r);
}

static void finish(struct kd_ctx *ctx, size_t at)
{
    struct snmp_state *st = state_of(ctx);
    struct run *r = st->runs[at];
    tell(ctx, r);
    kd_pool_give(ctx->pool, r, r->size);
    st->n--;
    memmove(st->runs + at, st->runs + at + 1, (st->n - at) * sizeof(struct run *));
}

/* ---- runs ---- */

static bool fits(const struct run *r, const struct snmp_message *m)
{
    return r->pdu == m->pdu && r->version == m->version && r->flags == (m->flags & SNMP_SECURITY) &&
           kd_bytes_eq(kd_bytes_of(r->who, r->who_n), kd_bytes_head(m->who, SNMP_NAME_MAX));
}

static struct run *run_new(struct kd_ctx *ctx, const struct snmp_message *m)
{
    struct snmp_state *st = state_of(ctx);
    if (st->n == RUNS_MAX)
        finish(ctx, 0);
    size_t size = 0;
    struct run *r = kd_pool_take(ctx->pool, sizeof(*r), &size);
    if (r == NULL)
        return NULL;
    memset(r, 0, sizeof(*r));
    r->size = size;
    r->first_us = ctx->now_us;
    r->pdu = m->pdu;
    r->version = m->version;
    r->flags = m->flags & SNMP_SECURITY;
    struct kd_out who = kd_out_of(r->who, sizeof(r->who)),
                  engine = kd_out_of(r->engine, sizeof(r->engine));
    kd_out_bytes(&who, kd_bytes_head(m->who, sizeof(r->who)));
    kd_out_bytes(&engine, kd_bytes_head(m->engine, sizeof(r->engine)));
    r->who_n = (uint8_t)who.n;
    r->engine_n = (uint8_t)engine.n;
    st->runs[st->n++] = r;
    return r;
}

static void add_oids(struct run *r, struct kd_der names)
{
    struct kd_out o = {r->oids, r->oids_n, sizeof(r->oids), false};
    struct kd_bytes oid;
    while (r->n_oids < SNMP_OIDS_MAX && snmp_next_oid(&names, &oid)) {
        size_t before = o.n;
        snmp_put_oid(&o, oid);
        if (!kd_out_ok(&o)) {
            o.n = before;
            break;
        }
        r->oid_end[r->n_oids++] = (uint16_t)o.n;
    }
    r->oids_n = (uint16_t)o.n;
}

static void request(struct kd_ctx *ctx, const struct snmp_message *m)
{
    struct snmp_state *st = state_of(ctx);
    struct run *r = NULL;
    for (size_t i = 0; i < st->n && r == NULL; i++)
        if (fits(st->runs[i], m))
            r = st->runs[i];
    if (r == NULL)
        r = run_new(ctx, m);
    if (r == NULL)
        return;
    r->requests++;
    r->last_us = ctx->now_us;
    r->id = m->id;
    add_oids(r, m->names);
}

/* The question this answers: the latest of the same community; of version 3, that of its number. */
static struct run *asked(const struct snmp_state *st, const struct snmp_message *m)
{
    for (size_t i = st->n; i-- > 0;) {
        struct run *r = st->runs[i];
        if (!snmp_pdu_is_request(r->pdu) || r->version != m->version)
            continue;
        bool same = m->version == SNMP_V3 ? r->id == m->id
                                          : kd_bytes_eq(kd_bytes_of(r->who, r->who_n),
                                                        kd_bytes_head(m->who, SNMP_NAME_MAX));
        if (same)
            return r;
    }
    return NULL;
}

static void answer(struct kd_ctx *ctx, const struct snmp_message *m)
{
    struct run *r = asked(state_of(ctx), m);
    if (r == NULL) {
        request(ctx, m); /* the question was not seen: told by itself */
        return;
    }
    r->answers++;
    r->answer = m->pdu;
    if (m->error != 0)
        r->error = m->error;
    struct kd_bytes oid;
    struct kd_der names = m->names;
    if (m->pdu == SNMP_REPORT && snmp_next_oid(&names, &oid))
        r->report = snmp_report_name(oid);
}

static void finish_old(struct kd_ctx *ctx)
{
    struct snmp_state *st = state_of(ctx);
    for (size_t i = st->n; i-- > 0;) {
        const struct run *r = st->runs[i];
        if (ctx->now_us >= r->first_us + KD_US_PER_MINUTE || r->requests >= REQUESTS_MAX)
            finish(ctx, i);
    }
}

/* What a rule's match tells of a message, whose texts it borrows. */
static void describe(const struct snmp_message *m, struct kd_out *o, struct kd_bytes *oids, struct kd_rec_snmp *ret)
{
    struct kd_der names = m->names;
    struct kd_bytes oid;
    size_t n = 0;
    while (n < SNMP_OIDS_MAX && snmp_next_oid(&names, &oid)) {
        size_t from = o->n;
        snmp_put_oid(o, oid);
        if (!kd_out_ok(o))
            break;
        oids[n++] = kd_bytes_from(kd_out_bytes_view(o), from);
    }
    *ret = (struct kd_rec_snmp){
        .version = kd_str(snmp_version_name(m->version)),
        .pdu_type = kd_str(snmp_pdu_name(m->pdu)),
        .request_id = m->id,
        .oids = {oids, n},
        .error = kd_str(snmp_error_name(m->error)),
    };
    if (m->version == SNMP_V3)
        ret->user = m->who;
    else
        ret->community = m->who;
}

/* Every message is a transaction of its own to the rules. */
static void show(const struct kd_ctx *ctx, enum kd_dir dir, const struct snmp_message *m)
{
    if (!kd_wants_any(ctx))
        return;
    struct kd_bytes oids[SNMP_OIDS_MAX];
    uint8_t text[SNMP_OIDS_MAX * 32];
    struct kd_out o = kd_out_of(text, sizeof(text));
    struct kd_rec_snmp now;
    describe(m, &o, oids, &now);
    state_of(ctx)->now = &now;
    kd_inspect(ctx, m->version == SNMP_V3 ? KD_IN_SNMP_USM : KD_IN_SNMP_COMMUNITY, dir, m->who);
    kd_inspect_number(ctx, KD_NUM_SNMP_VERSION, dir, m->version == SNMP_V3 ? 3u : m->version + 1u);
    if (m->pdu != SNMP_ENCRYPTED)
        kd_inspect_number(ctx, KD_NUM_SNMP_PDU_TYPE, dir, m->pdu);
    if (m->pdu == SNMP_TRAP_V1)
        kd_inspect_number(ctx, KD_NUM_SNMP_TRAP_TYPE, dir, m->trap);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
    state_of(ctx)->now = NULL;
}

/* ---- the parser ---- */

static enum kd_status snmp_message_in(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct snmp_message m;
    struct snmp_state *st = state_of(ctx);
    enum kd_status s = snmp_read(msg, &m);
    finish_old(ctx);
    if (s != KD_OK) {
        if (!st->told_malformed)
            kd_anomaly(ctx, "snmp_broken_message", m.broken_at);
        st->told_malformed = true;
        return s;
    }
    bool answers = m.pdu == SNMP_RESPONSE || m.pdu == SNMP_REPORT ||
                   (m.pdu == SNMP_ENCRYPTED && dir == KD_TO_CLIENT);
    if (answers)
        answer(ctx, &m);
    else
        request(ctx, &m);
    show(ctx, dir, &m);
    return KD_OK;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct snmp_message m;
    (void)conn;
    if (snmp_read(in, &m) != KD_OK)
        return KD_PROBE_NO;
    bool answers = m.pdu == SNMP_RESPONSE || m.pdu == SNMP_REPORT;
    if (m.pdu == SNMP_ENCRYPTED)
        answers = (m.flags & REPORTABLE) == 0;
    return answers == (dir == KD_TO_CLIENT) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

static void close_all(struct kd_ctx *ctx)
{
    while (state_of(ctx)->n > 0)
        finish(ctx, 0);
}

static void tick(struct kd_ctx *ctx)
{
    struct snmp_state *st = state_of(ctx);
    for (size_t i = st->n; i-- > 0;)
        if (ctx->now_us >= st->runs[i]->last_us + WAIT_S * (uint64_t)KD_US_PER_S)
            finish(ctx, i);
}

static const void *present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    (void)dir;
    *ret_type = KD_REC_SNMP;
    return state_of(ctx)->now;
}

static bool idle(const void *state)
{
    const struct snmp_state *st = state;
    return st->n == 0 && !st->told_malformed;
}

const struct kd_parser kd_parser_snmp = {
    .name = "snmp",
    .summary = "device management (SNMP)",
    .app = KD_APP_SNMP,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){PORT_AGENT, PORT_TRAP, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct snmp_state),
    .probe = probe,
    .message = snmp_message_in,
    .close = close_all,
    .present = present,
    .tick = tick,
    .idle = idle,
};
