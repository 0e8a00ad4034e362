/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of EVE where its records are other than ours: what is one record here and two there, or has another kind. */
#include "wire/eve.h"

#include "base/json.h"
#include "wire/record.h"

static void put_key(struct kd_out *o, const char *key)
{
    kd_out_u8(o, ',');
    kd_json_key(o, key);
}

static void put_str(struct kd_out *o, const char *key, struct kd_bytes text)
{
    if (text.n == 0)
        return;
    put_key(o, key);
    kd_json_string(o, text);
}

/* An answer goes from the server to the client. */
static struct kd_rec_head turned(const struct kd_rec_head *head)
{
    struct kd_rec_head h = *head;
    h.src = head->dst;
    h.dst = head->src;
    h.src_port = head->dst_port;
    h.dst_port = head->src_port;
    return h;
}

/* ---- names ---- */

static void put_query(struct kd_out *o, const struct kd_rec_head *head, const struct kd_rec_dns *r, int zone_s)
{
    enum { RD = 0x0100 };
    struct kd_rec_head h = *head;
    struct kd_rec_dns q = {
        .kind = kd_str("request"),
        .tx_id = r->tx_id,
        .rrname = r->rrname,
        .rrtype = r->rrtype,
        .rclass = r->rclass,
        .opcode = r->opcode,
        .flags = r->asked_flags,
        .rd = (r->asked_flags & RD) != 0,
        .query_bytes = r->query_bytes,
        .tx_no = r->tx_no,
        .answered = true,
    };
    h.ts_us -= r->latency_us;
    h.frame = r->asked_frame;
    kd_record_json(o, &h, &q, zone_s);
    kd_out_u8(o, '\n');
}

static void dns_lines(struct kd_out *o, const struct kd_rec_head *head, const struct kd_rec_dns *r, int zone_s)
{
    if (kd_bytes_eq_str(r->kind, "query")) {
        struct kd_rec_dns q = *r;
        q.kind = kd_str("request");
        kd_record_json(o, head, &q, zone_s);
        return;
    }
    if (kd_bytes_eq_str(r->kind, "answer"))
        put_query(o, head, r, zone_s);
    struct kd_rec_head back = turned(head);
    struct kd_rec_dns a = *r;
    a.kind = kd_str("response");
    kd_record_json(o, &back, &a, zone_s);
}

/* Names asked of the neighbourhood have a kind of their own, types in lower case, and values under their type. */
static void put_lower(struct kd_out *o, struct kd_bytes text)
{
    kd_out_u8(o, '"');
    for (size_t i = 0; i < text.n; i++)
        kd_out_u8(o, kd_ascii_lower(text.p[i]));
    kd_out_u8(o, '"');
}

static void put_rrs(struct kd_out *o, const char *key, const struct kd_list *list)
{
    const struct kd_dns_rr *rr = list->v;
    if (list->n == 0)
        return;
    put_key(o, key);
    for (size_t i = 0; i < list->n && i < KD_LIST_MAX; i++) {
        kd_out_str(o, i == 0 ? "[{\"rrname\":" : ",{\"rrname\":");
        kd_json_string(o, rr[i].rrname);
        kd_out_str(o, ",\"rrtype\":");
        put_lower(o, rr[i].rrtype);
        kd_out_str(o, ",\"ttl\":");
        kd_out_u64(o, rr[i].ttl);
        if (rr[i].rdata.n > 0) {
            kd_out_u8(o, ',');
            put_lower(o, rr[i].rrtype);
            kd_out_u8(o, ':');
            kd_json_string(o, rr[i].rdata);
        }
        kd_out_u8(o, '}');
    }
    kd_out_u8(o, ']');
}

void kd_json_neighbour(struct kd_out *o, uint8_t app, const struct kd_rec_dns *r)
{
    const char *kind = kd_app_names[app];
    bool query = kd_bytes_eq_str(r->kind, "query") || kd_bytes_eq_str(r->kind, "request");
    put_key(o, kind);
    kd_out_str(o, "{\"type\":");
    kd_json_string(o, kd_str(query ? "request" : "response"));
    put_key(o, "id");
    kd_out_u64(o, r->tx_id);
    put_key(o, "opcode");
    kd_out_u64(o, r->opcode);
    put_str(o, "rcode", r->rcode);
    if (r->rrname.n > 0) {
        put_key(o, "queries");
        kd_out_str(o, "[{\"rrname\":");
        kd_json_string(o, r->rrname);
        kd_out_str(o, ",\"rrtype\":");
        put_lower(o, r->rrtype);
        kd_out_str(o, "}]");
    }
    put_rrs(o, "answers", &r->answers);
    put_rrs(o, "authorities", &r->authorities);
    put_rrs(o, "additionals", &r->additionals);
    kd_out_u8(o, '}');
}

static void neighbour_line(struct kd_out *o, const struct kd_rec_head *head, const struct kd_rec_dns *r, int zone_s)
{
    kd_json_head(o, head, kd_app_names[head->app], zone_s);
    kd_json_neighbour(o, head->app, r);
    kd_out_u8(o, '}');
}

/* ---- devices ---- */

/* A question and its answer are a line each. */
static void snmp_lines(struct kd_out *o, const struct kd_rec_head *head, const struct kd_rec_snmp *r, int zone_s)
{
    struct kd_rec_head back = turned(head);
    struct kd_rec_snmp answer = {
        .version = r->version,
        .community = r->community,
        .user = r->user,
        .pdu_type = r->answer,
        .error = r->error,
        .request_id = r->request_id,
        .requests = r->requests,
    };
    kd_record_json(o, head, r, zone_s);
    if (!r->answered)
        return;
    kd_out_u8(o, '\n');
    kd_record_json(o, &back, &answer, zone_s);
}

/* ---- QUIC ---- */

static const char *extension_name(uint64_t type)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = { /* IANA, TLS ExtensionType Values */
        {0, "server_name"}, {1, "max_fragment_length"}, {5, "status_request"}, {10, "supported_groups"},
        {11, "ec_point_formats"}, {13, "signature_algorithms"}, {14, "use_srtp"}, {15, "heartbeat"}, {16, "alpn"},
        {17, "status_request_v2"}, {18, "signed_certificate_timestamp"}, {19, "client_certificate_type"},
        {20, "server_certificate_type"}, {21, "padding"}, {22, "encrypt_then_mac"}, {23, "extended_master_secret"},
        {24, "token_binding"}, {27, "compress_certificate"}, {28, "record_size_limit"}, {34, "delegated_credentials"},
        {35, "session_ticket"}, {41, "pre_shared_key"}, {42, "early_data"}, {43, "supported_versions"}, {44, "cookie"},
        {45, "psk_key_exchange_modes"}, {47, "certificate_authorities"}, {48, "oid_filters"},
        {49, "post_handshake_auth"}, {50, "signature_algorithms_cert"}, {51, "key_share"},
        {57, "quic_transport_parameters"}, {65037, "encrypted_client_hello"}, {65281, "renegotiation_info"},
    };
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (names[i].type == type)
            return names[i].name;
    return NULL;
}

static void put_extension(struct kd_out *o, uint64_t type, const struct kd_rec_tls *r)
{
    enum { SERVER_NAME = 0, ALPN = 16 };
    const char *name = extension_name(type);
    kd_out_u8(o, '{');
    if (name != NULL) {
        kd_json_key(o, "name");
        kd_json_string(o, kd_str(name));
        kd_out_u8(o, ',');
    }
    kd_json_key(o, "type");
    kd_out_u64(o, type);
    const struct kd_bytes *values = type == ALPN ? r->client_alpns.v : &r->sni;
    size_t n = type == ALPN ? r->client_alpns.n : type == SERVER_NAME && r->sni.n > 0;
    for (size_t i = 0; i < n && i < KD_LIST_MAX; i++) {
        kd_out_str(o, i == 0 ? ",\"values\":[" : ",");
        kd_json_string(o, values[i]);
    }
    kd_out_str(o, n > 0 ? "]}" : "}");
}

/* JA3 tells which extensions there were, in order: the third of its parts, of JA3S the last. */
static void put_extensions(struct kd_out *o, const struct kd_rec_tls *r)
{
    struct kd_bytes rest = r->ja3_string.n > 0 ? r->ja3_string : r->ja3s_string;
    (void)kd_bytes_cut(&rest, ',');
    (void)kd_bytes_cut(&rest, ',');
    struct kd_bytes list = kd_bytes_cut(&rest, ',');
    bool open = false;
    uint64_t type = 0;
    while (list.n > 0 && kd_bytes_to_u64(kd_bytes_cut(&list, '-'), UINT16_MAX, &type)) {
        if (!open)
            put_key(o, "extensions");
        kd_out_u8(o, open ? ',' : '[');
        put_extension(o, type, r);
        open = true;
    }
    if (open)
        kd_out_u8(o, ']');
}

static void put_fingerprint(struct kd_out *o, const char *key, struct kd_bytes hash, struct kd_bytes string)
{
    if (hash.n == 0)
        return;
    put_key(o, key);
    kd_out_str(o, "{\"hash\":");
    kd_json_string(o, hash);
    put_str(o, "string", string);
    kd_out_u8(o, '}');
}

static void quic_line(struct kd_out *o, const struct kd_rec_head *head, const struct kd_rec_tls *r, int zone_s)
{
    kd_json_head(o, head, "quic", zone_s);
    kd_out_str(o, ",\"quic\":{\"version\":");
    kd_json_string(o, kd_bytes_starts(r->version, kd_str("QUIC v")) ? kd_bytes_from(r->version, 6) : r->version);
    put_str(o, "sni", r->sni);
    put_str(o, "cipher", r->cipher);
    put_fingerprint(o, "ja3", r->ja3_hash, r->ja3_string);
    put_fingerprint(o, "ja3s", r->ja3s_hash, r->ja3s_string);
    put_str(o, "ja4", r->ja4);
    put_extensions(o, r);
    kd_out_str(o, "}}");
}

/* What the server said: the same form. */
static void quic_answer(struct kd_out *o, const struct kd_rec_head *head, const struct kd_rec_quic *r, int zone_s)
{
    struct kd_rec_tls t = {.version = r->version, .cipher = r->cipher, .ja3s_hash = r->ja3s_hash, .ja3s_string = r->ja3s_string};
    struct kd_rec_head back = turned(head);
    quic_line(o, &back, &t, zone_s);
}

/* ---- Unix file servers ---- */

/* A line is about the answer. */
static void nfs_line(struct kd_out *o, const struct kd_rec_head *head, const void *body, int zone_s)
{
    struct kd_rec_head back = turned(head);
    kd_record_json(o, &back, body, zone_s);
}

/* ---- files ---- */

/* EVE names a file of the web by the path of its address where nobody gave it a name, and counts into its size what was
 * lost of it. */
static struct kd_rec_file file_as_eve(const struct kd_rec_file *r)
{
    struct kd_rec_file f = *r;
    if (r->by_url)
        f.filename = kd_bytes_head(r->http_url, kd_bytes_find_byte(r->http_url, '?'));
    f.size += r->gaps;
    return f;
}

/* ---- detections ---- */

/* Readers of EVE count alerts: what is for information only is none. */
static void remark_line(struct kd_out *o, const struct kd_rec_head *head, const void *body, int zone_s)
{
    kd_json_head(o, head, "detection", zone_s);
    kd_json_body(o, kd_schemas[head->type], head, body, zone_s, true);
    kd_out_u8(o, '}');
}

static bool is_remark(const struct kd_rec_head *head, const void *body)
{
    const struct kd_rec_alert *r = body;
    return head->type == KD_REC_ALERT && kd_bytes_eq_str(r->severity, "info");
}

void kd_record_lines(struct kd_out *o, const struct kd_rec_head *head, const void *body, int zone_s)
{
    if (head->type == KD_REC_DNS && (head->app == KD_APP_MDNS || head->app == KD_APP_LLMNR))
        neighbour_line(o, head, body, zone_s);
    else if (head->type == KD_REC_SNMP)
        snmp_lines(o, head, body, zone_s);
    else if (head->type == KD_REC_DNS)
        dns_lines(o, head, body, zone_s);
    else if (head->type == KD_REC_TLS && head->app == KD_APP_QUIC)
        quic_line(o, head, body, zone_s);
    else if (head->type == KD_REC_QUIC)
        quic_answer(o, head, body, zone_s);
    else if (head->type == KD_REC_NFS || head->type == KD_REC_NFS_STEP)
        nfs_line(o, head, body, zone_s);
    else if (head->type == KD_REC_DCERPC && ((const struct kd_rec_dcerpc *)body)->calls > 0)
        return; /* each of them has a line already */
    else if (is_remark(head, body))
        remark_line(o, head, body, zone_s);
    else if (head->type == KD_REC_FILE) {
        struct kd_rec_file file = file_as_eve(body);
        kd_record_json(o, head, &file, zone_s);
    } else {
        kd_record_json(o, head, body, zone_s);
    }
    kd_out_u8(o, '\n');
}
