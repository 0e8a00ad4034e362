/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over UDP and TCP (RFC 1035): queries wait for their answers and become one record.  mDNS (RFC
 * 6762) and LLMNR (RFC 4795) are the same messages, but answers go another way than the question
 * came, so each message is a record of its own. */
#include "proto/dns/dns_message.h"
#include "proto/parser.h"

enum { BUCKETS = 8, KD_PROTO_TCP = 6, PREFIX_BYTES = 2, MESSAGE_MAX = 65535, PORT_LLMNR = 5355 };

/* A query waiting for its answer; a pool block that ends with its name. */
struct query {
    struct query *next;          /* in its bucket */
    struct query *older, *newer; /* by time */
    uint64_t time_us, frame;
    uint32_t tx;
    size_t block;
    uint16_t id, flags, type, class, n_bytes;
    uint8_t dir;
    uint16_t n_name;
    uint8_t name[];
};

enum oddity { ODD_BROKEN_RR, ODD_TRAILING, ODD_QUESTIONS, ODD_OTHER_QUESTION, ODD_LIMIT, ODD_OPCODE, ODDITIES };
static const char *const oddity_names[ODDITIES] = {
    "malformed_data", "dns_trailing_data", "dns_question_count", "dns_answer_to_other_question",
    "dns_record_cut", "invalid_opcode"};

struct state {
    struct query *bucket[BUCKETS];
    struct query *oldest, *newest;
    uint32_t n_queries;
    uint32_t n_messages; /* so far, the present one not counted */
    const struct kd_rec_dns *present; /* while rules are judged */
    uint32_t told; /* oddities told already: one of each in a conversation */
};

static void odd(struct kd_ctx *ctx, enum oddity o, size_t at)
{
    struct state *s = ctx->state;
    if (s->told & 1u << o) {
        kd_odd(ctx, oddity_names[o]);
        return;
    }
    s->told |= 1u << o;
    kd_anomaly(ctx, oddity_names[o], at);
}

static void put_flags(struct kd_rec_dns *rec, uint16_t flags)
{
    rec->flags = flags;
    rec->opcode = (uint8_t)dns_opcode(flags);
    rec->aa = (flags & DNS_AA) != 0;
    rec->tc = (flags & DNS_TC) != 0;
    rec->rd = (flags & DNS_RD) != 0;
    rec->ra = (flags & DNS_RA) != 0;
}

/* ---- waiting queries ---- */

static struct query **bucket_of(struct state *s, uint16_t id)
{
    return &s->bucket[(id ^ id >> 8) % BUCKETS];
}

static void forget(struct kd_ctx *ctx, struct query *q)
{
    struct state *s = ctx->state;
    struct query **at = bucket_of(s, q->id);
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    *(q->older != NULL ? &q->older->newer : &s->oldest) = q->newer;
    *(q->newer != NULL ? &q->newer->older : &s->newest) = q->older;
    s->n_queries--;
    kd_pool_give(ctx->pool, q, q->block);
}

/* Tell of a query nobody answered, at the time it was asked. */
static void give_up_waiting(struct kd_ctx *ctx, struct query *q)
{
    uint8_t text[16];
    struct dns_reader r = {.text = kd_out_of(text, sizeof(text))};
    struct kd_rec_dns rec = {
        .kind = kd_str("query"),
        .tx_id = q->id,
        .rrname = kd_bytes_of(q->name, q->n_name),
        .rrtype = dns_type_text(&r, q->type),
        .rclass = q->class == DNS_CLASS_IN ? 0 : q->class,
        .query_bytes = q->n_bytes,
        .tx_no = q->tx,
    };
    put_flags(&rec, q->flags);
    struct kd_ctx then = *ctx;
    then.now_us = q->time_us;
    then.frame = q->frame;
    kd_emit(&then, KD_REC_DNS, &rec);
    forget(ctx, q);
}

static struct query *find(struct state *s, uint16_t id, enum kd_dir asked,
                          const struct dns_question *q, bool *ret_same_id)
{
    for (struct query *at = *bucket_of(s, id); at != NULL; at = at->next) {
        if (at->id != id || at->dir != asked)
            continue;
        *ret_same_id = true;
        /* An answer that reports a broken query may leave the question out. */
        if (q == NULL || (at->type == q->type && at->class == q->class &&
                          kd_bytes_eq(q->name, kd_bytes_of(at->name, at->n_name))))
            return at;
    }
    return NULL;
}

/* False when there is no memory to wait. */
static bool wait_for_answer(struct kd_ctx *ctx, enum kd_dir dir, const struct dns_header *h,
                            const struct dns_question *q, size_t n_bytes)
{
    struct state *s = ctx->state;
    bool same_id = false;
    if (find(s, h->id, dir, q, &same_id) != NULL)
        return true; /* asked again: time counts from the first */
    if (s->n_queries >= ctx->lim->pending)
        give_up_waiting(ctx, s->oldest);
    size_t block = 0;
    struct query *w = kd_pool_take(ctx->pool, sizeof(*w) + q->name.n, &block);
    if (w == NULL)
        return false;
    struct query **head = bucket_of(s, h->id);
    *w = (struct query){
        .next = *head,
        .older = s->newest,
        .time_us = ctx->now_us,
        .frame = ctx->frame,
        .tx = s->n_messages,
        .block = block,
        .id = h->id,
        .flags = h->flags,
        .type = q->type,
        .class = q->class,
        .n_bytes = (uint16_t)n_bytes,
        .dir = (uint8_t)dir,
        .n_name = (uint16_t)q->name.n,
    };
    memcpy(w->name, q->name.p, q->name.n);
    *head = w;
    *(s->newest != NULL ? &s->newest->newer : &s->oldest) = w;
    s->newest = w;
    s->n_queries++;
    return true;
}

static void dns_tick(struct kd_ctx *ctx)
{
    struct state *s = ctx->state;
    uint64_t wait_us = (uint64_t)ctx->lim->dns_wait_s * 1000000;
    while (s->oldest != NULL && s->oldest->time_us + wait_us <= ctx->now_us)
        give_up_waiting(ctx, s->oldest);
}

static void dns_close(struct kd_ctx *ctx)
{
    struct state *s = ctx->state;
    while (s->oldest != NULL)
        give_up_waiting(ctx, s->oldest);
}

/* ---- messages ---- */

/* The record of what was read; `asked` is the query it answers, or NULL. */
static struct kd_rec_dns record_of(const struct kd_ctx *ctx, struct dns_reader *r, const struct dns_header *h,
                                   const struct dns_question *q, const struct dns_sections *s,
                                   const struct query *asked)
{
    bool answer = (h->flags & DNS_QR) != 0;
    struct kd_rec_dns rec = {
        .kind = kd_str(asked != NULL ? "answer"
                       : answer      ? "response"
                                     : "query"),
        .tx_id = h->id,
        .tx_no = asked != NULL ? asked->tx : ((const struct state *)ctx->state)->n_messages,
        .answers = s->answers,
        .authorities = s->authorities,
        .additionals = s->additionals,
    };
    put_flags(&rec, h->flags);
    if (asked != NULL && q == NULL) {
        rec.rrname = kd_bytes_of(asked->name, asked->n_name);
        rec.rrtype = dns_type_text(r, asked->type);
    } else if (q != NULL) {
        rec.rrname = q->name;
        rec.rrtype = dns_type_text(r, q->type);
    }
    uint16_t class = q != NULL ? q->class : asked != NULL ? asked->class : DNS_CLASS_IN;
    rec.rclass = class == DNS_CLASS_IN ? 0 : class;
    *(answer ? &rec.answer_bytes : &rec.query_bytes) = (uint16_t)r->msg.n;
    if (asked != NULL) {
        rec.query_bytes = asked->n_bytes;
        rec.latency_us = ctx->now_us - asked->time_us;
        rec.asked_frame = asked->frame;
        rec.asked_flags = asked->flags;
    }
    if (answer)
        rec.rcode = dns_rcode_text(r, s->rcode_high << 4 | (h->flags & 15));
    return rec;
}

static void tell(struct kd_ctx *ctx, struct dns_reader *r, const struct dns_header *h,
                 const struct dns_question *q, const struct dns_sections *s)
{
    struct kd_rec_dns rec = record_of(ctx, r, h, q, s, NULL);
    kd_emit(ctx, KD_REC_DNS, &rec);
}

static void note_oddities(struct kd_ctx *ctx, const struct dns_reader *r,
                          const struct dns_header *h, const struct dns_sections *s)
{
    if (s->broken_authority || s->broken_additional)
        kd_odd(ctx, s->broken_authority ? "invalid_authorities" : "invalid_additionals");
    if (s->cut)
        odd(ctx, ODD_LIMIT, r->c.taken);
    else if (s->broken && (h->flags & DNS_TC) == 0)
        odd(ctx, ODD_BROKEN_RR, r->c.taken);
    else if (!s->broken && kd_cur_left(&r->c) > 0)
        odd(ctx, ODD_TRAILING, r->c.taken);
}

static void show_names(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_inspect id, struct kd_list list)
{
    const struct kd_dns_rr *rr = list.v;
    for (size_t i = 0; i < list.n && kd_wants(ctx, id, dir); i++)
        kd_inspect(ctx, id, dir, rr[i].rrname);
}

static enum kd_dir side_of(const struct dns_header *h)
{
    return (h->flags & DNS_QR) != 0 ? KD_TO_CLIENT : KD_TO_SERVER;
}

/* A question, as rules see it. */
static void show_question(const struct kd_ctx *ctx, const struct dns_header *h,
                          const struct dns_question *q)
{
    enum kd_dir dir = side_of(h);
    bool dns = ctx->app == KD_APP_DNS, mdns = ctx->app == KD_APP_MDNS;
    if (dns) {
        kd_inspect(ctx, KD_IN_DNS_QUERY, dir, q->name);
        kd_inspect(ctx, KD_IN_DNS_QUERY_NAME, dir, q->name);
        kd_inspect(ctx, KD_IN_DNS_QUERIES_RRNAME, dir, q->name);
    } else {
        kd_inspect(ctx, mdns ? KD_IN_MDNS_QUERIES_RRNAME : KD_IN_LLMNR_QUERIES_RRNAME, dir, q->name);
    }
    if (dir == KD_TO_CLIENT)
        kd_inspect(ctx,
                   dns    ? KD_IN_DNS_RESPONSE_RRNAME
                   : mdns ? KD_IN_MDNS_RESPONSE_RRNAME
                          : KD_IN_LLMNR_RESPONSE_RRNAME,
                   dir, q->name);
    kd_inspect_number(ctx, KD_NUM_DNS_RRTYPE, dir, q->type);
}

/* The rest of a message, and that it is over; meanwhile `rec` is what is known of it. */
static void show_message(const struct kd_ctx *ctx, const struct dns_header *h,
                         const struct dns_sections *s, const struct kd_rec_dns *rec)
{
    static const enum kd_inspect ids[3][4] = {
        {KD_IN_DNS_ANSWERS_RRNAME, KD_IN_DNS_AUTHORITIES_RRNAME, KD_IN_DNS_ADDITIONALS_RRNAME,
         KD_IN_DNS_RESPONSE_RRNAME},
        {KD_IN_MDNS_ANSWERS_RRNAME, KD_IN_MDNS_AUTHORITIES_RRNAME, KD_IN_MDNS_ADDITIONALS_RRNAME,
         KD_IN_MDNS_RESPONSE_RRNAME},
        {KD_IN_LLMNR_ANSWERS_RRNAME, KD_IN_LLMNR_AUTHORITIES_RRNAME,
         KD_IN_LLMNR_ADDITIONALS_RRNAME, KD_IN_LLMNR_RESPONSE_RRNAME},
    };
    enum kd_dir dir = side_of(h);
    const enum kd_inspect *id = ids[ctx->app == KD_APP_DNS ? 0 : ctx->app == KD_APP_MDNS ? 1 : 2];
    const struct kd_list lists[3] = {s->answers, s->authorities, s->additionals};
    if (!kd_wants_any(ctx))
        return;
    for (unsigned i = 0; i < 3; i++) {
        show_names(ctx, dir, id[i], lists[i]);
        if (dir == KD_TO_CLIENT)
            show_names(ctx, dir, id[3], lists[i]);
    }
    show_names(ctx, dir, KD_IN_DNS_ANSWER_NAME, s->answers);
    kd_inspect_number(ctx, KD_NUM_DNS_OPCODE, dir, dns_opcode(h->flags));
    if (dir == KD_TO_CLIENT)
        kd_inspect_number(ctx, KD_NUM_DNS_RCODE, dir, s->rcode_high << 4 | (h->flags & 15));
    struct state *state = ctx->state;
    state->present = rec;
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
    state->present = NULL;
}

static const void *dns_present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    (void)dir;
    *ret_type = KD_REC_DNS;
    return ((const struct state *)ctx->state)->present;
}

/* What only a query without surprises has: nothing but its question and perhaps EDNS. */
static bool is_bare(const struct dns_header *h)
{
    return h->n_answer == 0 && h->n_authority == 0;
}

/* Told to rules only. */
static void judge_flags(const struct kd_ctx *ctx, enum kd_dir dir, const struct dns_header *h)
{
    enum { Z = 0x40, OPCODES = 7 };
    bool answer = (h->flags & DNS_QR) != 0;
    if (h->flags & Z)
        kd_odd(ctx, "z_flag_set");
    if (dns_opcode(h->flags) >= OPCODES)
        kd_odd(ctx, "invalid_opcode");
    if (dir == KD_TO_SERVER && answer)
        kd_odd(ctx, "not_a_request");
    if (dir == KD_TO_CLIENT && !answer)
        kd_odd(ctx, "not_a_response");
}

static enum kd_status unicast(struct kd_ctx *ctx, enum kd_dir dir, struct dns_reader *r,
                              const struct dns_header *h)
{
    struct dns_question q;
    struct dns_sections s;
    for (unsigned i = 0; i < h->n_question; i++) {
        struct dns_question more;
        if (!dns_question(r, i == 0 ? &q : &more)) {
            judge_flags(ctx, dir, h);
            return KD_MALFORMED;
        }
        if (kd_wants_any(ctx))
            show_question(ctx, h, i == 0 ? &q : &more);
    }
    dns_sections(r, h, &s);
    const struct dns_question *asked_for = h->n_question > 0 ? &q : NULL;
    bool answer = (h->flags & DNS_QR) != 0;
    bool same_id = false;
    struct query *asked =
        answer ? find(ctx->state, h->id, dir == KD_TO_CLIENT ? KD_TO_SERVER : KD_TO_CLIENT, asked_for, &same_id) : NULL;
    struct kd_rec_dns rec = record_of(ctx, r, h, asked_for, &s, asked);
    struct state *state = ctx->state;
    state->present = &rec;
    judge_flags(ctx, dir, h);
    if (h->n_question > 1 || (h->n_question == 0 && !answer))
        odd(ctx, ODD_QUESTIONS, 4);
    note_oddities(ctx, r, h, &s);
    if (asked == NULL && same_id)
        odd(ctx, ODD_OTHER_QUESTION, DNS_HEADER_BYTES);
    show_message(ctx, h, &s, &rec);
    if (answer || asked_for == NULL || !is_bare(h) || !wait_for_answer(ctx, dir, h, &q, r->msg.n))
        kd_emit(ctx, KD_REC_DNS, &rec);
    if (asked != NULL)
        forget(ctx, asked);
    return KD_OK;
}

/* A record for each question; what else the message holds goes with the first.  The top bit of a
 * class is a hint about caches and answers, not the class (RFC 6762 §5.4, §10.2). */
static enum kd_status multicast(struct kd_ctx *ctx, struct dns_reader *r,
                                const struct dns_header *h)
{
    struct dns_question q[128];
    struct dns_sections s;
    size_t n = 0;
    for (unsigned i = 0; i < h->n_question; i++) {
        struct dns_question *at = &q[n];
        if (!dns_question(r, at))
            return KD_MALFORMED;
        at->class &= 0x7fff;
        if (kd_wants_any(ctx))
            show_question(ctx, h, at);
        if (n < kd_min_size(KD_COUNT(q) - 1, ctx->lim->list_items))
            n++;
    }
    dns_sections(r, h, &s);
    note_oddities(ctx, r, h, &s);
    if (dns_opcode(h->flags) != 0) /* whoever gets it must not answer (RFC 4795 2.1.1, RFC 6762 18.3) */
        odd(ctx, ODD_OPCODE, 2);
    struct kd_rec_dns rec = record_of(ctx, r, h, n > 0 ? q : NULL, &s, NULL);
    show_message(ctx, h, &s, &rec);
    kd_emit(ctx, KD_REC_DNS, &rec);
    const struct dns_sections none = {0};
    for (size_t i = 1; i < n; i++)
        tell(ctx, r, h, &q[i], &none);
    return KD_OK;
}

static enum kd_status dns_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct dns_room room;
    struct dns_reader r;
    struct dns_header h;
    if (ctx->conn->proto == KD_PROTO_TCP)
        msg = kd_bytes_from(msg, PREFIX_BYTES);
    kd_tell_frame(ctx, KD_FRAME_DNS_PDU, dir, msg.p, msg.n);
    if (!dns_open(&r, msg, &room, ctx->lim, &h))
        return KD_TRUNCATED;
    struct state *s = ctx->state;
    enum kd_status status = ctx->app == KD_APP_DNS ? unicast(ctx, dir, &r, &h) : multicast(ctx, &r, &h);
    s->n_messages++;
    return status;
}

static enum kd_status dns_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                size_t seen, struct kd_frame *ret)
{
    (void)ctx, (void)dir, (void)seen;
    struct kd_cur c = kd_cur_of(in);
    size_t n = kd_cur_be16(&c);
    ret->len = PREFIX_BYTES + n;
    if (!kd_cur_ok(&c))
        return KD_MORE;
    return n < DNS_HEADER_BYTES ? KD_MALFORMED : KD_OK;
}

/* ---- recognition ---- */

/* Could this header begin a message of the usual kinds? */
static bool plausible(const struct dns_header *h, size_t n_bytes)
{
    unsigned opcode = dns_opcode(h->flags);
    unsigned n_rr = (unsigned)h->n_answer + h->n_authority + h->n_additional;
    bool answer = (h->flags & DNS_QR) != 0;
    if (n_rr > n_bytes / 11)
        return false;
    if (answer)
        return h->n_question <= 1;
    if (h->n_question != 1 || (h->flags & 15) != 0)
        return false;
    return opcode == DNS_OP_UPDATE || opcode == DNS_OP_NOTIFY || (h->n_answer == 0 && n_rr <= 3);
}

/* Away from its port: no bit that is reserved, no operation that is not assigned. */
static bool is_regular(const struct dns_header *h)
{
    unsigned opcode = dns_opcode(h->flags);
    return opcode != 3 && opcode <= DNS_OP_UPDATE && (h->flags & DNS_Z) == 0;
}

static bool class_known(unsigned class)
{
    return class == 1 || class == 3 || class == 4 || class >= 254;
}

static bool looks_like_dns(struct kd_bytes msg, bool at_home, struct dns_header *ret)
{
    struct dns_room room;
    struct dns_reader r;
    struct dns_question q;
    if (!dns_open(&r, msg, &room, &kd_limits_default, ret) || !plausible(ret, msg.n) ||
        (!at_home && !is_regular(ret)))
        return false;
    if (ret->n_question == 0)
        return at_home && msg.n == DNS_HEADER_BYTES;
    if (!dns_question(&r, &q) || !class_known(q.class))
        return false;
    return at_home || (dns_type_known(q.type) && dns_is_wellformed(msg, &kd_limits_default));
}

static bool at_port(const struct kd_conn *conn, uint16_t port)
{
    return conn->server_port == port || conn->client_port == port;
}

static enum kd_probe dns_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    /* Close relatives with ports of their own; over TCP there is none. */
    bool kin = at_port(conn, 137) || at_port(conn, 5353) || at_port(conn, 5355);
    if (kin && conn->proto != KD_PROTO_TCP)
        return KD_PROBE_NO;
    struct kd_cur c = kd_cur_of(in);
    struct dns_header h;
    size_t n = in.n;
    if (conn->proto == KD_PROTO_TCP) {
        n = kd_cur_be16(&c);
        struct kd_cur peek = c;
        h = dns_header(&peek);
        if (!kd_cur_ok(&peek))
            return KD_PROBE_MORE;
        if (n < DNS_HEADER_BYTES || !plausible(&h, n))
            return KD_PROBE_NO;
        if (kd_cur_left(&c) < n)
            return KD_PROBE_MORE;
    }
    if (!looks_like_dns(kd_cur_take(&c, n), at_port(conn, 53), &h))
        return KD_PROBE_NO;
    bool from_server = (h.flags & DNS_QR) != 0;
    return from_server == (dir == KD_TO_CLIENT) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* Multicast names are known by their port: everybody asks and answers there. */
static enum kd_probe multicast_probe(struct kd_bytes in, uint16_t port, const struct kd_conn *conn)
{
    struct dns_room room;
    struct dns_reader r;
    struct dns_header h;
    struct dns_question q;
    if (!at_port(conn, port) || !dns_open(&r, in, &room, &kd_limits_default, &h))
        return KD_PROBE_NO;
    if ((dns_opcode(h.flags) != 0 && port != PORT_LLMNR) || (h.n_question > 0 && !dns_question(&r, &q)))
        return KD_PROBE_NO;
    return h.n_question + h.n_answer + h.n_additional > 0 ? KD_PROBE_YES : KD_PROBE_NO;
}

static enum kd_probe mdns_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)dir;
    return multicast_probe(in, 5353, conn);
}

static enum kd_probe llmnr_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)dir;
    return multicast_probe(in, PORT_LLMNR, conn);
}

const struct kd_parser kd_parser_dns = {
    .name = "dns",
    .summary = "Domain Name System over UDP and TCP",
    .app = KD_APP_DNS,
    .over = KD_OVER_TCP | KD_OVER_UDP,
    .ports = (const uint16_t[]){53, 0},
    .max_message = PREFIX_BYTES + MESSAGE_MAX,
    .state_bytes = sizeof(struct state),
    .probe = dns_probe,
    .frame = dns_frame,
    .message = dns_message,
    .present = dns_present,
    .close = dns_close,
    .tick = dns_tick,
};

const struct kd_parser kd_parser_mdns = {
    .name = "mdns",
    .summary = "multicast DNS: names and services of the neighbourhood",
    .app = KD_APP_MDNS,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){5353, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct state),
    .probe = mdns_probe,
    .message = dns_message,
    .present = dns_present,
};

const struct kd_parser kd_parser_llmnr = {
    .name = "llmnr",
    .summary = "Link-Local Multicast Name Resolution: names of the neighbourhood, as Windows asks",
    .app = KD_APP_LLMNR,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){5355, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct state),
    .probe = llmnr_probe,
    .message = dns_message,
    .present = dns_present,
};
