/* SPDX-License-Identifier: Apache-2.0 */
/* Internet telephony (SIP, RFC 3261): every message, the talk it arranges (SDP), and how phones log on. */
#include "proto/sip/sip.h"
#include "proto/line.h"

enum { PORT = 5060, MESSAGE_MAX = 96 * 1024, HEAD_MAX = 16 * 1024, USER_MAX = 64, CSEQ_MAX = 32 };

struct sip_state {
    bool broken;
    bool lost[2], mid_line[2]; /* lines go by up to one that begins a message */
    uint32_t head[2];          /* length of the head that waits for its body */
    uint8_t user_n, cseq_n; /* of the last REGISTER with credentials: whose they are, and its number */
    uint8_t user[USER_MAX], cseq[CSEQ_MAX];
};

static struct sip_state *state_of(const struct kd_ctx *ctx)
{
    return (struct sip_state *)ctx->state;
}

/* ---- recognition ---- */

static bool is_padding(uint8_t c)
{
    return c == '\r' || c == '\n'; /* keep-alive before a message (RFC 5626, 3.5.1) */
}

static struct kd_bytes unpadded(struct kd_bytes in)
{
    size_t n = 0;
    while (n < in.n && n < 8 && is_padding(in.p[n]))
        n++;
    return kd_bytes_from(in, n);
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    bool response = false;
    bool by_port = conn->server_port == PORT || conn->client_port == PORT;
    struct kd_bytes rest = by_port ? unpadded(in) : in;
    if (rest.n == 0)
        return KD_PROBE_MORE;
    enum kd_status s = sip_begins(rest, &response);
    if (s != KD_OK)
        return s == KD_MORE ? KD_PROBE_MORE : KD_PROBE_NO;
    return response == (dir == KD_TO_CLIENT) ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* ---- what is told ---- */

static struct kd_bytes cut(const struct kd_ctx *ctx, struct kd_bytes text)
{
    return kd_bytes_head(text, ctx->lim->text_bytes);
}

/* username="…" in the credentials (RFC 3261, 22.4). */
static struct kd_bytes user_of(struct kd_bytes credentials)
{
    static const char key[] = "username=\"";
    size_t at = kd_bytes_find(credentials, kd_str(key));
    if (at == SIZE_MAX)
        return kd_str("");
    struct kd_bytes rest = kd_bytes_from(credentials, at + sizeof(key) - 1);
    return kd_bytes_cut(&rest, '"');
}

static void remember(struct sip_state *st, const struct sip_message *m)
{
    struct kd_bytes credentials = sip_header_of(m, "Authorization");
    if (!kd_bytes_eq_str(m->method, "REGISTER"))
        return;
    struct kd_bytes user = kd_bytes_head(user_of(credentials), USER_MAX);
    struct kd_bytes cseq = kd_bytes_head(sip_header_of(m, "CSeq"), CSEQ_MAX);
    if (user.n > 0)
        memcpy(st->user, user.p, user.n);
    if (cseq.n > 0)
        memcpy(st->cseq, cseq.p, cseq.n);
    st->user_n = (uint8_t)user.n;
    st->cseq_n = (uint8_t)cseq.n;
}

/* The answer to a phone's password. */
static void tell_login(struct kd_ctx *ctx, const struct sip_message *m)
{
    struct sip_state *st = state_of(ctx);
    struct kd_bytes asked = kd_bytes_of(st->cseq, st->cseq_n);
    bool final = kd_bytes_at(m->code, 0) >= '2';
    if (st->user_n == 0 || !final || !kd_bytes_eq(asked, kd_bytes_head(sip_header_of(m, "CSeq"), CSEQ_MAX)))
        return;
    bool well = m->code.p[0] == '2';
    struct kd_rec_login rec = {
        .method = kd_str("digest"),
        .service = kd_str("sip"),
        .user = kd_bytes_of(st->user, st->user_n),
        .result = kd_str(well ? "success" : "failure"),
        .reason = well ? kd_str("") : cut(ctx, m->reason),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
    st->user_n = 0;
}

static void tell(struct kd_ctx *ctx, const struct sip_message *m, const struct sip_sdp *sdp)
{
    struct kd_bytes agent = sip_header_of(m, "User-Agent");
    struct kd_rec_sip rec = {
        .method = cut(ctx, m->method),
        .uri = cut(ctx, m->uri),
        .version = m->version,
        .request_line = m->is_response ? kd_str("") : cut(ctx, m->first_line),
        .code = m->code,
        .reason = cut(ctx, m->reason),
        .response_line = m->is_response ? cut(ctx, m->first_line) : kd_str(""),
        .from = cut(ctx, sip_header_of(m, "From")),
        .to = cut(ctx, sip_header_of(m, "To")),
        .call_id = cut(ctx, sip_header_of(m, "Call-ID")),
        .user_agent = cut(ctx, agent.n > 0 ? agent : sip_header_of(m, "Server")),
        .sdp = {sdp == NULL ? NULL : &sdp->is, sdp == NULL ? 0 : 1},
    };
    kd_emit(ctx, KD_REC_SIP, &rec);
}

/* ---- the parser ---- */

/* The body's length, as the head says; 0 where it does not. */
static uint64_t body_length(const struct sip_message *m)
{
    struct kd_bytes text = sip_header_of(m, "Content-Length");
    uint64_t n = 0;
    for (size_t i = 0; i < text.n && i < 10; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            break;
        n = n * 10 + (uint64_t)(text.p[i] - '0');
    }
    return n;
}

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen, struct kd_frame *ret)
{
    struct sip_message m;
    struct sip_state *st = state_of(ctx);
    uint32_t *head = &st->head[dir];
    if (st->mid_line[dir])
        return kd_line_skip(in, ret);
    if (st->lost[dir]) {
        bool response;
        enum kd_status s = sip_begins(in, &response);
        if (s != KD_OK)
            return s == KD_MORE ? KD_MORE : kd_line_skip(in, ret);
        st->lost[dir] = false;
    }
    if (is_padding(in.p[0])) {
        ret->len = 1;
        return KD_OK;
    }
    if (*head == 0) {
        size_t from = seen > 3 ? seen - 3 : 0;
        size_t at = kd_bytes_find(kd_bytes_from(in, from), kd_str("\r\n\r\n"));
        if (at == SIZE_MAX || from + at + 4 > HEAD_MAX)
            return at == SIZE_MAX && in.n < HEAD_MAX ? KD_MORE : KD_MALFORMED;
        *head = (uint32_t)(from + at + 4);
    }
    if (sip_read(kd_bytes_head(in, *head), &m) != KD_OK)
        return KD_MALFORMED;
    ret->len = *head + body_length(&m);
    return KD_OK;
}

/* The whole, the first line, the other lines of the head, and the body, without the empty line before it. */
static void tell_frames(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, bool response)
{
    size_t line = kd_bytes_find(in, kd_str("\r\n"));
    size_t head = kd_bytes_find(in, kd_str("\r\n\r\n"));
    if (line == SIZE_MAX || head == SIZE_MAX)
        return;
    line += strlen("\r\n");
    head += strlen("\r\n");
    size_t body = head + strlen("\r\n");
    kd_tell_frame(ctx, KD_FRAME_SIP_PDU, dir, in.p, in.n);
    kd_tell_frame(ctx, response ? KD_FRAME_SIP_RESPONSE_LINE : KD_FRAME_SIP_REQUEST_LINE, dir, in.p, line);
    kd_tell_frame(ctx, response ? KD_FRAME_SIP_RESPONSE_HEADERS : KD_FRAME_SIP_REQUEST_HEADERS, dir, in.p + line, head - line);
    kd_tell_frame(ctx, response ? KD_FRAME_SIP_RESPONSE_BODY : KD_FRAME_SIP_REQUEST_BODY, dir, in.p + body, in.n - body);
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct sip_message m;
    struct sip_sdp sdp;
    struct sip_state *st = state_of(ctx);
    struct kd_bytes in = unpadded(msg);
    st->head[dir] = 0;
    if (in.n == 0 || in.p[0] == 0)
        return KD_OK; /* a keep-alive */
    if (sip_read(in, &m) != KD_OK) {
        if (!st->broken)
            kd_anomaly(ctx, "malformed_message", 0);
        st->broken = true;
        return KD_OK;
    }
    bool has_sdp = kd_bytes_istarts(sip_header_of(&m, "Content-Type"), kd_str("application/sdp")) &&
                   sip_read_sdp(m.body, &sdp);
    tell(ctx, &m, has_sdp ? &sdp : NULL);
    if (m.is_response)
        tell_login(ctx, &m);
    else
        remember(st, &m);
    if (kd_wants_frames(ctx))
        tell_frames(ctx, dir, in, m.is_response);
    sip_show(ctx, dir, &m, has_sdp ? &sdp : NULL);
    return KD_OK;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    (void)last;
    if (piece.n > 0)
        state_of(ctx)->mid_line[dir] = piece.p[piece.n - 1] != '\n';
    return KD_OK;
}

/* The search itself is done by frame(), which can ask for more. */
static size_t resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    struct sip_state *st = state_of(ctx);
    (void)in;
    st->head[dir] = 0;
    st->lost[dir] = st->mid_line[dir] = true;
    return 0;
}

static bool idle(const void *state)
{
    const struct sip_state *st = state;
    return st->user_n == 0 && !st->broken; /* the rest is of streams */
}

const struct kd_parser kd_parser_sip = {
    .name = "sip",
    .summary = "internet telephony (SIP)",
    .app = KD_APP_SIP,
    .over = KD_OVER_TCP | KD_OVER_UDP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = sizeof(struct sip_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .resync = resync,
    .idle = idle,
};
