/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of a plant read and set (Modbus over TCP: MODBUS Application Protocol V1.1b3, Messaging on TCP/IP V1.0b). */
#include "proto/parser.h"

enum {
    PORT = 502,
    HEADER = 7, /* MBAP: transaction, protocol, length, unit */
    PDU_MAX = 253,
    WAITING_MAX = 32,
    EXCEPTION = 0x80
};

/* A request that waits for its answer. */
struct waiting {
    struct waiting *next;
    size_t size;
    uint16_t n;
    uint8_t pdu[HEADER + PDU_MAX];
};

struct modbus_state {
    struct waiting *first;
    uint32_t n_waiting, next_id;
    bool told_broken;
};

static struct modbus_state *state_of(const struct kd_ctx *ctx)
{
    return (struct modbus_state *)ctx->state;
}

/* ---- functions ---- */

static const struct {
    uint8_t code, least; /* of a request: bytes behind the function's number */
    bool exact;
    const char *name, *access;
} functions[] = {
    {1, 4, true, "RdCoils", "READ | COILS"},
    {2, 4, true, "RdDiscreteInputs", "READ | DISCRETES"},
    {3, 4, true, "RdHoldRegs", "READ | HOLDING"},
    {4, 4, true, "RdInputRegs", "READ | INPUT"},
    {5, 4, true, "WrSingleCoil", "WRITE | COILS | SINGLE"},
    {6, 4, true, "WrSingleReg", "WRITE | HOLDING | SINGLE"},
    {7, 0, true, "RdExcStatus", ""},
    {8, 4, false, "Diagnostic", ""},
    {11, 0, true, "GetCmtEventCtr", ""},
    {12, 0, true, "GetCmtEventLog", ""},
    {15, 6, false, "WrMultCoils", "WRITE | COILS | MULTIPLE"},
    {16, 7, false, "WrMultRegs", "WRITE | HOLDING | MULTIPLE"},
    {17, 0, true, "ReportServerID", ""},
    {20, 8, false, "RdFileRec", ""},
    {21, 10, false, "WrFileRec", ""},
    {22, 6, true, "MaskWrReg", "WRITE | HOLDING"},
    {23, 11, false, "RdWrMultRegs", "READ | WRITE | HOLDING | MULTIPLE"},
    {24, 2, true, "RdFIFOQueue", "READ | HOLDING"},
    {43, 2, false, "MEI", ""},
};

static size_t row_of(uint8_t code)
{
    for (size_t i = 0; i < KD_COUNT(functions); i++)
        if (functions[i].code == code)
            return i;
    return SIZE_MAX;
}

static const char *category_of(uint8_t code)
{
    static const uint8_t reserved[] = {9, 10, 13, 14, 41, 42, 90, 91, 125, 126, 127};
    if (row_of(code) != SIZE_MAX)
        return "PUBLIC_ASSIGNED";
    for (size_t i = 0; i < KD_COUNT(reserved); i++)
        if (reserved[i] == code)
            return "RESERVED";
    bool user = (code >= 65 && code <= 72) || (code >= 100 && code <= 110);
    return user ? "USER_DEFINED" : "PUBLIC_UNASSIGNED";
}

static const char *exception_name(uint8_t code)
{
    static const char *const names[] = {"",        "IllegalFunction", "IllegalDataAddr", "IllegalDataValue",
                                        "ServerDeviceFail", "Ack", "ServerDeviceBusy", "NegAck", "MemParityErr",
                                        "",        "GatewayPathUnavailable", "GatewayTargetFailToResp"};
    return code < KD_COUNT(names) ? names[code] : "";
}

/* ---- messages ---- */

static void read_request(struct kd_cur *c, struct kd_modbus_message *m)
{
    switch (m->function_raw) {
    case 1:
    case 2:
    case 3:
    case 4:
        m->read_address = kd_cur_be16(c);
        m->read_quantity = kd_cur_be16(c);
        break;
    case 5:
    case 6:
        m->write_address = kd_cur_be16(c);
        m->write_quantity = 1;
        m->write_data = kd_cur_take(c, 2);
        break;
    case 15:
    case 16:
        m->write_address = kd_cur_be16(c);
        m->write_quantity = kd_cur_be16(c);
        m->write_data = kd_cur_take(c, kd_cur_u8(c));
        break;
    case 22:
        m->write_address = kd_cur_be16(c);
        m->write_data = kd_cur_take(c, 4);
        break;
    case 23:
        m->read_address = kd_cur_be16(c);
        m->read_quantity = kd_cur_be16(c);
        m->write_address = kd_cur_be16(c);
        m->write_quantity = kd_cur_be16(c);
        m->write_data = kd_cur_take(c, kd_cur_u8(c));
        break;
    default:
        break;
    }
}

static void read_answer(struct kd_cur *c, struct kd_modbus_message *m)
{
    switch (m->function_raw) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 23:
        m->read_data = kd_cur_take(c, kd_cur_u8(c));
        break;
    case 5:
    case 6:
        m->write_address = kd_cur_be16(c);
        m->write_quantity = 1;
        m->write_data = kd_cur_take(c, 2);
        break;
    case 15:
    case 16:
        m->write_address = kd_cur_be16(c);
        m->write_quantity = kd_cur_be16(c);
        break;
    default:
        break;
    }
}

/* A whole message; what does not fit its function is told in `error_flags`. */
static void read_message(struct kd_bytes in, enum kd_dir dir, struct kd_modbus_message *m)
{
    struct kd_cur c = kd_cur_of(in);
    *m = (struct kd_modbus_message){.transaction_id = kd_cur_be16(&c), .error_flags = kd_str("NONE")};
    m->protocol_id = kd_cur_be16(&c);
    (void)kd_cur_be16(&c);
    m->unit_id = kd_cur_u8(&c);
    uint8_t code = kd_cur_u8(&c);
    m->function_raw = code & 0x7f;
    size_t row = row_of(m->function_raw);
    m->function_code = kd_str(row == SIZE_MAX ? "Unknown" : functions[row].name);
    m->access_type = kd_str(row == SIZE_MAX ? "" : functions[row].access);
    m->category = kd_str(category_of(m->function_raw));
    if (code & EXCEPTION) {
        m->exception_raw = kd_cur_u8(&c);
        m->exception_code = kd_str(exception_name(m->exception_raw));
    } else if (dir == KD_TO_SERVER) {
        read_request(&c, m);
    } else {
        read_answer(&c, m);
    }
    if (!kd_cur_ok(&c))
        m->error_flags = kd_str("DATA_LENGTH");
    else if (m->protocol_id != 0)
        m->error_flags = kd_str("PROTO_ID");
}

/* ---- recognition ---- */

/* A request whose length is that of its function. */
static bool fits_function(struct kd_bytes in, uint16_t length)
{
    size_t row = row_of(kd_bytes_at(in, HEADER));
    if (row == SIZE_MAX || length < 2)
        return false;
    size_t n = length - 2u; /* behind unit and function */
    return functions[row].exact ? n == functions[row].least : n >= functions[row].least;
}

/* Few bytes are fixed: elsewhere than on its port only whole requests to read or set something count. */
static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    bool by_port = conn->server_port == PORT || (conn->midstream && conn->client_port == PORT);
    uint16_t length = kd_bytes_be16(in, 4);
    if ((in.n >= 4 && kd_bytes_be16(in, 2) != 0) || (in.n >= 6 && (length < 2 || length > PDU_MAX + 1)))
        return KD_PROBE_NO;
    if (in.n <= HEADER)
        return KD_PROBE_MORE;
    bool from_client = dir == KD_TO_SERVER && conn->client_port != PORT;
    if (by_port && !from_client)
        return in.n < length + 6u ? KD_PROBE_MORE : dir == KD_TO_SERVER ? KD_PROBE_REVERSED : KD_PROBE_YES;
    uint8_t code = in.p[HEADER];
    bool plain = (code >= 1 && code <= 6) || code == 15 || code == 16;
    if (!fits_function(in, length) && !(by_port && row_of(code) == SIZE_MAX && code < EXCEPTION))
        return KD_PROBE_NO;
    if (in.n < length + 6u)
        return KD_PROBE_MORE;
    bool alone = in.n == length + 6u;
    return by_port || (plain && alone && from_client && kd_bytes_be16(in, 10) != 0) ? KD_PROBE_YES : KD_PROBE_NO;
}

/* ---- exchanges ---- */

/* As rules number them. */
static unsigned category_bit(uint8_t code)
{
    const char *name = category_of(code);
    return kd_str_eq(name, "PUBLIC_ASSIGNED") ? 1 : kd_str_eq(name, "USER_DEFINED") ? 8 : kd_str_eq(name, "RESERVED") ? 16 : 2;
}

static bool names(const struct kd_modbus_message *m, const char *what)
{
    return kd_bytes_find(m->access_type, kd_str(what)) != SIZE_MAX;
}

/* Values written, from the first place on: a bit of each coil, 16 bits of each register. */
static void show_values(const struct kd_ctx *ctx, const struct kd_modbus_message *m)
{
    enum { VALUES_MAX = 32 };
    struct kd_bytes data = m->write_data;
    bool coils = m->function_raw == 15;
    for (unsigned i = 0; i < m->write_quantity && i < VALUES_MAX; i++) {
        uint64_t v = coils ? kd_bytes_at(data, i / 8) >> (i % 8) & 1u : kd_bytes_be16(data, i * (size_t)2);
        if (m->function_raw == 5)
            v = v != 0;
        kd_inspect_number(ctx, KD_NUM_MODBUS_VALUE, KD_TO_SERVER, v);
    }
}

static void show(const struct kd_ctx *ctx, struct kd_bytes msg, const struct kd_modbus_message *m)
{
    enum kd_dir dir = KD_TO_SERVER;
    bool reads = names(m, "READ"), writes = names(m, "WRITE");
    unsigned area = names(m, "DISCRETES") ? 1 : names(m, "COILS") ? 2 : names(m, "INPUT") ? 3 : names(m, "HOLDING") ? 4 : 0;
    uint16_t address = writes ? m->write_address : m->read_address;
    uint16_t quantity = writes ? m->write_quantity : m->read_quantity;
    kd_inspect_number(ctx, KD_NUM_MODBUS_UNIT, dir, m->unit_id);
    kd_inspect_number(ctx, KD_NUM_MODBUS_FUNCTION, dir, m->function_raw);
    kd_inspect_number(ctx, KD_NUM_MODBUS_CATEGORY, dir, category_bit(m->function_raw));
    if (m->function_raw == 8)
        kd_inspect_number(ctx, KD_NUM_MODBUS_SUBFUNCTION, dir, kd_bytes_be16(msg, HEADER + 1));
    if (reads || writes)
        kd_inspect_number(ctx, KD_NUM_MODBUS_ACCESS, dir, (reads ? 1u : 0) | (writes ? 2u : 0) | area << 2);
    if (quantity > 0) { /* rules count places from 1 */
        kd_inspect_number(ctx, KD_NUM_MODBUS_FIRST, dir, address + 1u);
        kd_inspect_number(ctx, KD_NUM_MODBUS_LAST, dir, (uint64_t)address + quantity);
    }
    if (writes)
        show_values(ctx, m);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

static void tell(struct kd_ctx *ctx, const struct kd_modbus_message *request, const struct kd_modbus_message *response)
{
    struct kd_rec_modbus rec = {
        .tx = ++state_of(ctx)->next_id,
        .request = {request, request == NULL ? 0 : 1},
        .response = {response, response == NULL ? 0 : 1},
    };
    kd_emit(ctx, KD_REC_MODBUS, &rec);
}

/* Take the request out of the list; `answer`: told with it. */
static void finish(struct kd_ctx *ctx, struct waiting **at, const struct kd_modbus_message *answer)
{
    struct modbus_state *st = state_of(ctx);
    struct waiting *w = *at;
    struct kd_modbus_message request;
    read_message(kd_bytes_of(w->pdu, w->n), KD_TO_SERVER, &request);
    tell(ctx, &request, answer);
    if (kd_wants_any(ctx))
        show(ctx, kd_bytes_of(w->pdu, w->n), &request);
    *at = w->next;
    st->n_waiting--;
    kd_pool_give(ctx->pool, w, w->size);
}

static void request(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct modbus_state *st = state_of(ctx);
    size_t size = 0;
    if (st->n_waiting == WAITING_MAX)
        finish(ctx, &st->first, NULL);
    struct waiting *w = kd_pool_take(ctx->pool, sizeof(*w), &size);
    if (w == NULL)
        return;
    *w = (struct waiting){.size = size, .n = (uint16_t)kd_min_size(msg.n, sizeof(w->pdu))};
    memcpy(w->pdu, msg.p, w->n);
    struct waiting **at = &st->first;
    while (*at != NULL)
        at = &(*at)->next;
    *at = w;
    st->n_waiting++;
}

static bool answers(const struct waiting *w, struct kd_bytes msg)
{
    struct kd_bytes asked = kd_bytes_of(w->pdu, w->n);
    return kd_bytes_be16(asked, 0) == kd_bytes_be16(msg, 0) && kd_bytes_at(asked, 6) == kd_bytes_at(msg, 6) &&
           kd_bytes_at(asked, HEADER) == (kd_bytes_at(msg, HEADER) & 0x7f);
}

static enum kd_status modbus_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                                   struct kd_frame *ret)
{
    (void)ctx;
    (void)dir;
    (void)seen;
    ret->len = 6;
    if (in.n < 6)
        return KD_MORE;
    uint16_t length = kd_bytes_be16(in, 4);
    ret->len += length;
    return length < 2 || length > PDU_MAX + 1 ? KD_MALFORMED : KD_OK;
}

static enum kd_status modbus_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct modbus_state *st = state_of(ctx);
    if (kd_bytes_be16(msg, 2) != 0 && !st->told_broken) {
        kd_anomaly(ctx, "invalid_protocol_id", 2);
        st->told_broken = true;
    }
    if (dir == KD_TO_SERVER) {
        request(ctx, msg);
        return KD_OK;
    }
    struct kd_modbus_message answer;
    read_message(msg, dir, &answer);
    struct waiting **at = &st->first;
    while (*at != NULL && !answers(*at, msg))
        at = &(*at)->next;
    if (*at != NULL)
        finish(ctx, at, &answer);
    else
        tell(ctx, NULL, &answer);
    return KD_OK;
}

static void modbus_close(struct kd_ctx *ctx)
{
    struct modbus_state *st = state_of(ctx);
    while (st->first != NULL)
        finish(ctx, &st->first, NULL);
}

const struct kd_parser kd_parser_modbus = {
    .name = "modbus",
    .summary = "devices of a plant (Modbus)",
    .app = KD_APP_MODBUS,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = HEADER + PDU_MAX,
    .state_bytes = sizeof(struct modbus_state),
    .probe = probe,
    .frame = modbus_frame,
    .message = modbus_message,
    .close = modbus_close,
};
