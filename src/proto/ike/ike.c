/* SPDX-License-Identifier: Apache-2.0 */
/* VPNs' key exchange (IKE version 1, RFC 2408; version 2, RFC 7296): headers, and the parts that are in clear. */
#include "base/out.h"
#include "proto/parser.h"

enum {
    PORT = 500,
    PORT_NAT = 4500,
    HEADER = 28,
    PARTS_MAX = 32,
    VENDORS_MAX = 16,
    VENDOR_BYTES = 32,
    CHOSEN_MAX = 16,
    MESSAGE_MAX = 65507
};

enum { V1_ENCRYPTED = 1, V2_INITIATOR = 8, V2_RESPONSE = 32, V2_SEALED = 46 };

struct ike_message {
    struct kd_bytes init_spi, resp_spi;
    uint8_t next, major, minor, exchange, flags;
    uint32_t id, length;
    struct kd_bytes rest; /* behind the header */
};

/* A zeroed marker tells IKE from ESP behind address translation (RFC 3948, 2.2). */
static struct kd_bytes unmarked(struct kd_bytes in)
{
    return in.n > 4 && kd_bytes_be32(in, 0) == 0 ? kd_bytes_from(in, 4) : in;
}

static bool is_exchange(uint8_t major, uint8_t type)
{
    if (major == 2)
        return type >= 34 && type <= 44;
    return (type >= 1 && type <= 6) || type == 32 || type == 33;
}

/* All that is fixed about a message: its version, kinds, flags and length. */
static bool read_message(struct kd_bytes in, struct ike_message *m)
{
    struct kd_bytes whole = unmarked(in);
    struct kd_cur c = kd_cur_of(whole);
    m->init_spi = kd_cur_take(&c, 8);
    m->resp_spi = kd_cur_take(&c, 8);
    m->next = kd_cur_u8(&c);
    uint8_t version = kd_cur_u8(&c);
    m->major = version >> 4;
    m->minor = version & 15;
    m->exchange = kd_cur_u8(&c);
    m->flags = kd_cur_u8(&c);
    m->id = kd_cur_be32(&c);
    m->length = kd_cur_be32(&c);
    m->rest = kd_cur_rest(&c);
    if (!kd_cur_ok(&c) || (m->major != 1 && m->major != 2) || m->minor != 0 || m->length != whole.n)
        return false;
    uint8_t known = m->major == 1 ? 7 : V2_INITIATOR | 16 | V2_RESPONSE;
    bool named = kd_bytes_be32(m->init_spi, 0) != 0 || kd_bytes_be32(m->init_spi, 4) != 0;
    return (m->flags & ~known) == 0 && named && is_exchange(m->major, m->exchange);
}

static bool is_answer(const struct ike_message *m)
{
    return m->major == 2 && (m->flags & V2_RESPONSE) != 0;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct ike_message m;
    (void)conn;
    if (!read_message(in, &m))
        return KD_PROBE_NO;
    return is_answer(&m) && dir == KD_TO_SERVER ? KD_PROBE_REVERSED : KD_PROBE_YES;
}

/* ---- what is told ---- */

static const char *part_name(uint8_t major, uint8_t type)
{
    static const char *const one[] = {"NoNextPayload", "SecurityAssociation", "Proposal", "Transform", "KeyExchange",
                                      "Identification", "Certificate", "CertificateRequest", "Hash", "Signature",
                                      "Nonce", "Notification", "Delete", "VendorID"};
    static const char *const two[] = {"SecurityAssociation", "KeyExchange", "IDInitiator", "IDResponder", "Certificate",
                                      "CertificateRequest", "Authentication", "Nonce", "Notify", "Delete", "VendorID",
                                      "TrafficSelectorInitiator", "TrafficSelectorResponder", "EncryptedAndAuthenticated",
                                      "Configuration", "EAP"};
    if (major == 1)
        return type < KD_COUNT(one) ? one[type] : type == 20 ? "NatDiscovery" : "Unknown";
    if (type == 0)
        return "NoNextPayload";
    return type >= 33 && type - 33u < KD_COUNT(two) ? two[type - 33] : "Unknown";
}

static const char *exchange_name(const struct ike_message *m)
{
    static const char *const one[] = {"", "base", "identity protection", "authentication only", "aggressive",
                                      "informational", "transaction"};
    static const char *const two[] = {"IKE_SA_INIT", "IKE_AUTH", "CREATE_CHILD_SA", "INFORMATIONAL"};
    if (m->major == 1)
        return m->exchange < KD_COUNT(one) ? one[m->exchange] : m->exchange == 32 ? "quick" : "new group";
    return m->exchange - 34u < KD_COUNT(two) ? two[m->exchange - 34] : "other";
}

struct parts {
    struct kd_bytes name[PARTS_MAX];
    size_t n;
    struct kd_bytes vendor[VENDORS_MAX];
    size_t n_vendors;
    char vendor_text[VENDORS_MAX][2 * VENDOR_BYTES];
    struct kd_bytes key, nonce;
    uint64_t chosen[CHOSEN_MAX]; /* kind times 2^32, and value */
    size_t n_chosen;
};

static void add_vendor(struct parts *p, struct kd_bytes id)
{
    if (p->n_vendors == VENDORS_MAX)
        return;
    struct kd_out o = kd_out_of(p->vendor_text[p->n_vendors], sizeof(p->vendor_text[0]));
    kd_out_hex(&o, kd_bytes_head(id, VENDOR_BYTES));
    p->vendor[p->n_vendors++] = kd_out_bytes_view(&o);
}

static void read_attributes(struct parts *p, struct kd_bytes in)
{
    enum { SHORT = 0x8000 };
    struct kd_cur c = kd_cur_of(in);
    while (kd_cur_more(&c) && p->n_chosen < CHOSEN_MAX) {
        uint16_t type = kd_cur_be16(&c);
        uint64_t value = kd_cur_be16(&c);
        if ((type & SHORT) == 0) { /* the value's length stood there */
            struct kd_bytes bytes = kd_cur_take(&c, (size_t)value);
            value = 0;
            for (size_t i = 0; i < bytes.n && bytes.n <= 4; i++)
                value = value << 8 | bytes.p[i];
        }
        if (kd_cur_ok(&c))
            p->chosen[p->n_chosen++] = (uint64_t)(type & ~SHORT) << 32 | value;
    }
}

/* Of version 1: what is agreed on, in the first transform of the first proposal (RFC 2408 3.4 to 3.6). */
static void read_agreement(struct parts *p, struct kd_bytes body)
{
    enum { DOI_AND_SITUATION = 8, PART_HEAD = 4, TRANSFORM_HEAD = 8 };
    struct kd_cur c = kd_cur_of(body);
    (void)kd_cur_take(&c, DOI_AND_SITUATION + PART_HEAD);
    (void)kd_cur_be16(&c); /* number, protocol */
    uint8_t n_spi = kd_cur_u8(&c);
    uint8_t n_transforms = kd_cur_u8(&c);
    (void)kd_cur_take(&c, n_spi);
    (void)kd_cur_be16(&c); /* next, reserved */
    uint16_t length = kd_cur_be16(&c);
    (void)kd_cur_be32(&c); /* number, kind, reserved */
    struct kd_bytes attributes = kd_cur_take(&c, length >= TRANSFORM_HEAD ? length - (size_t)TRANSFORM_HEAD : SIZE_MAX);
    if (kd_cur_ok(&c) && n_transforms > 0)
        read_attributes(p, attributes);
}

/* The parts in clear, each of which names the kind of the next. */
static bool read_parts(const struct ike_message *m, struct parts *p)
{
    struct kd_cur c = kd_cur_of(m->rest);
    uint8_t type = m->next;
    bool sealed = m->major == 1 && (m->flags & V1_ENCRYPTED) != 0;
    while (p->n < PARTS_MAX) {
        p->name[p->n++] = kd_str(part_name(m->major, type));
        if (type == 0 || sealed || (m->major == 2 && type == V2_SEALED))
            return true;
        uint8_t next = kd_cur_u8(&c);
        (void)kd_cur_u8(&c);
        uint16_t length = kd_cur_be16(&c);
        struct kd_bytes body = kd_cur_take(&c, length >= 4 ? length - 4u : SIZE_MAX);
        if (!kd_cur_ok(&c))
            return false;
        bool two = m->major == 2;
        if (type == (two ? 34 : 4))
            p->key = two ? kd_bytes_from(body, 4) : body; /* version 2: group before it */
        if (type == (two ? 40 : 10))
            p->nonce = body;
        if (type == (two ? 43 : 13))
            add_vendor(p, body);
        if (type == 1 && !two && p->n_chosen == 0)
            read_agreement(p, body);
        type = next;
    }
    return true;
}

static void show(const struct kd_ctx *ctx, enum kd_dir dir, const struct kd_rec_ike *rec, const struct parts *p)
{
    if (!kd_wants_any(ctx))
        return;
    /* Each side names itself, the client its make, the server what it chose. */
    if (dir == KD_TO_SERVER)
        kd_inspect(ctx, KD_IN_IKE_INIT_SPI, dir, rec->init_spi);
    else
        kd_inspect(ctx, KD_IN_IKE_RESP_SPI, dir, rec->resp_spi);
    kd_inspect_number(ctx, KD_NUM_IKE_EXCHTYPE, dir, rec->exchange_type);
    for (size_t i = 0; i < p->n_vendors && dir == KD_TO_SERVER; i++)
        kd_inspect(ctx, KD_IN_IKE_VENDOR, dir, p->vendor[i]);
    for (size_t i = 0; i < p->n_chosen && dir == KD_TO_CLIENT; i++)
        kd_inspect_number(ctx, KD_NUM_IKE_CHOSEN, dir, p->chosen[i]);
    if (p->key.n > 0) {
        kd_inspect(ctx, KD_IN_IKE_KEY_EXCHANGE_PAYLOAD, dir, p->key);
        kd_inspect_number(ctx, KD_NUM_IKE_KEY_EXCHANGE_LENGTH, dir, p->key.n);
    }
    if (p->nonce.n > 0) {
        kd_inspect(ctx, KD_IN_IKE_NONCE_PAYLOAD, dir, p->nonce);
        kd_inspect_number(ctx, KD_NUM_IKE_NONCE_LENGTH, dir, p->nonce.n);
    }
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct ike_message m;
    struct parts parts;
    char init[16], resp[16];
    if (!read_message(msg, &m))
        return KD_OK; /* ESP, or a keep-alive */
    parts.n = parts.n_vendors = parts.n_chosen = 0;
    parts.key = parts.nonce = kd_str("");
    if (!read_parts(&m, &parts))
        kd_anomaly(ctx, "payload_extra_data", HEADER);
    struct kd_out a = kd_out_of(init, sizeof(init)), b = kd_out_of(resp, sizeof(resp));
    kd_out_hex(&a, m.init_spi);
    kd_out_hex(&b, m.resp_spi);
    bool initiator = m.major == 2 ? (m.flags & V2_INITIATOR) != 0 : dir == KD_TO_SERVER;
    struct kd_rec_ike rec = {
        .version_major = m.major,
        .version_minor = m.minor,
        .init_spi = kd_out_bytes_view(&a),
        .resp_spi = kd_out_bytes_view(&b),
        .message_id = m.id,
        .exchange_type = m.exchange,
        .exchange = kd_str(exchange_name(&m)),
        .role = kd_str(initiator ? "initiator" : "responder"),
        .vendors = {parts.vendor, parts.n_vendors},
        .payload = {parts.name, parts.n},
    };
    kd_emit(ctx, KD_REC_IKE, &rec);
    show(ctx, dir, &rec, &parts);
    return KD_OK;
}

const struct kd_parser kd_parser_ike = {
    .name = "ike",
    .summary = "key exchange of VPNs (IKE)",
    .app = KD_APP_IKE,
    .over = KD_OVER_UDP,
    .ports = (const uint16_t[]){PORT, PORT_NAT, 0},
    .max_message = MESSAGE_MAX,
    .state_bytes = 0,
    .probe = probe,
    .message = message,
};
