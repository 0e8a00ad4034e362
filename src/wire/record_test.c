/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/record.h"

#include "../../tests/tap.h"

static struct kd_rec_head a_head(enum kd_rec_type type)
{
    struct kd_rec_head h = {
        .ts_us = 1763770502123456u, .flow_id = 7, .id = 9, .type = (uint8_t)type, .proto = 6, .app = KD_APP_DNS,
        .src_port = 49152, .dst_port = 53,
    };
    CHECK(kd_addr_parse(kd_str("10.1.2.3"), &h.src));
    CHECK(kd_addr_parse(kd_str("2001:db8::5"), &h.dst));
    return h;
}

static size_t encode_dns(uint8_t *buf, size_t max)
{
    struct kd_dns_rr rr[] = {{.rrname = kd_str("a.example"), .rrtype = kd_str("A"), .rdata = kd_str("192.0.2.1")},
                             {.rrname = kd_str("a.example"), .rrtype = kd_str("A"), .ttl = 60}};
    struct kd_rec_dns dns = {.kind = kd_str("answer"), .rrname = kd_str("a.example"), .rd = true,
                             .answers = {rr, 2}, .latency_us = 1234};
    struct kd_rec_head h = a_head(KD_REC_DNS);
    struct kd_out o = kd_out_of(buf, max);
    CHECK(kd_record_put(&o, &h, &dns) == KD_OK);
    return o.n;
}

static void record_survives_the_wire(void)
{
    uint8_t buf[1024];
    size_t n = encode_dns(buf, sizeof(buf));
    struct kd_cur c = kd_cur_of(kd_bytes_of(buf, n));
    struct kd_rec_head h;
    struct kd_bytes body, whole;
    CHECK(kd_record_next(&c, &h, &body, &whole) == KD_OK);
    CHECK(whole.n == n && h.id == 9 && h.dst_port == 53);
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 1 << 20);
    struct kd_rec_dns dns;
    CHECK(kd_body_decode(kd_schemas[KD_REC_DNS], body, &mem, &dns) == KD_OK);
    char json[2048];
    struct kd_out o = kd_out_of(json, sizeof(json) - 1);
    kd_record_json(&o, &h, &dns, 0);
    json[o.n] = '\0';
    CHECK(strstr(json, "\"dns\":{\"type\":\"answer\",\"id\":0,\"rrname\":\"a.example\",\"opcode\":0,\"version\":3,\"queries\":[{\"rrname\":\"a.example\"}],\"rd\":true,\"answers\":[{") != NULL);
    CHECK(strstr(json, "{\"rrname\":\"a.example\",\"rrtype\":\"A\",\"ttl\":60}]") != NULL);
    CHECK(kd_record_next(&c, &h, &body, &whole) == KD_NOT_FOUND);
    kd_arena_done(&mem);
    kd_pool_free(pool);
}

/* Lists of one item, of plain values, and of names with values. */
static void lists_are_written_as_what_they_mean(void)
{
    struct kd_figure code = {0};
    struct kd_property p[] = {{.name = kd_str("unit"), .text = kd_str("C")},
                              {.name = kd_str("empty")},
                              {.name = kd_str("expiry"), .number = 0, .numeric = true}};
    struct kd_mqtt_end end = {.reason_code = {&code, 1}, .properties = {p, 3}};
    struct kd_figure granted[] = {{0}, {128}};
    struct kd_mqtt_suback suback = {.message_id = 7, .qos_granted = {granted, 2}};
    struct kd_rec_mqtt rec = {.suback = {&suback, 1}, .disconnect = {&end, 1}};
    struct kd_rec_head h = a_head(KD_REC_MQTT);
    uint8_t buf[1024];
    char json[2048];
    struct kd_out put = kd_out_of(buf, sizeof(buf));
    CHECK(kd_record_put(&put, &h, &rec) == KD_OK);
    struct kd_cur c = kd_cur_of(kd_out_bytes_view(&put));
    struct kd_bytes body, whole;
    CHECK(kd_record_next(&c, &h, &body, &whole) == KD_OK);
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 1 << 20);
    struct kd_rec_mqtt back;
    CHECK(kd_body_decode(kd_schemas[KD_REC_MQTT], body, &mem, &back) == KD_OK);
    struct kd_out o = kd_out_of(json, sizeof(json) - 1);
    kd_record_json(&o, &h, &back, 0);
    json[o.n] = '\0';
    CHECK(strstr(json, "\"suback\":{\"qos\":0,\"retain\":false,\"dup\":false,\"message_id\":7,\"qos_granted\":[0,128]}") != NULL);
    CHECK(strstr(json, "\"reason_code\":0,\"properties\":{\"unit\":\"C\",\"empty\":\"\",\"expiry\":0}}}") != NULL);
    kd_arena_done(&mem);
    kd_pool_free(pool);
}

static void no_prefix_and_no_damage_gets_through_unnoticed(void)
{
    uint8_t buf[1024];
    size_t n = encode_dns(buf, sizeof(buf));
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 1 << 20);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *copy = malloc(cut > 0 ? cut : 1);
        memcpy(copy, buf, cut);
        struct kd_cur c = kd_cur_of(kd_bytes_of(copy, cut));
        struct kd_rec_head h;
        struct kd_bytes body, whole;
        CHECK(kd_record_next(&c, &h, &body, &whole) != KD_OK);
        free(copy);
    }
    for (size_t i = 0; i < n * 8; i++) {
        buf[i / 8] ^= (uint8_t)(1u << (i % 8));
        struct kd_cur c = kd_cur_of(kd_bytes_of(buf, n));
        struct kd_rec_head h;
        struct kd_bytes body, whole;
        uint64_t room[512];
        if (kd_record_next(&c, &h, &body, &whole) == KD_OK)
            kd_ignore(kd_body_decode(kd_schemas[h.type], body, &mem, room));
        kd_arena_done(&mem);
        buf[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

/* Names of EVE for what is kept otherwise. */
static void forms_of_eve(void)
{
    struct kd_rec_flow flow = {.start_us = 1900000, .end_us = 3100000, .age_us = 1200000, .state = kd_str("reset"),
                               .reason = kd_str("rst"), .tcp_flags = 0x16, .tcp_flags_ts = 0x02, .tcp_flags_tc = 0x14};
    struct kd_rec_smtp mail = {.mail_from = kd_str("a@b.example")};
    struct kd_rec_head h = a_head(KD_REC_FLOW);
    char json[2048];
    struct kd_out o = kd_out_of(json, sizeof(json) - 1);
    h.proto = 6;
    h.frame = 7;
    kd_record_json(&o, &h, &flow, 0);
    json[o.n] = '\0';
    CHECK(strstr(json, "\"pcap_cnt\":7") != NULL);
    CHECK(strstr(json, "\"age_us\":1200000,\"age\":2,") != NULL);
    CHECK(strstr(json, "\"state\":\"closed\",\"reason\":\"timeout\",\"outcome\":\"reset\"") != NULL);
    CHECK(strstr(json, "\"tcp\":{\"tcp_flags\":\"16\",\"tcp_flags_ts\":\"02\",\"tcp_flags_tc\":\"14\",\"syn\":true,"
                       "\"rst\":true,\"ack\":true,\"state\":\"closed\"}") != NULL);
    CHECK(strstr(json, "\"alerted\":false") != NULL && strstr(json, "icmp") == NULL);
    h = a_head(KD_REC_SMTP);
    o = kd_out_of(json, sizeof(json) - 1);
    kd_record_json(&o, &h, &mail, 0);
    json[o.n] = '\0';
    CHECK(strstr(json, "\"smtp\":{\"mail_from\":\"<a@b.example>\"},\"tx_id\":0") != NULL);
}

static char *json_of(struct kd_out *o, const struct kd_rec_head *h, const void *body)
{
    static char json[16384];
    *o = kd_out_of(json, sizeof(json) - 1);
    kd_record_json(o, h, body, 0);
    json[o->n] = '\0';
    return json;
}

static void forms_of_flows_anomalies_and_stats(void)
{
    struct kd_bytes bits[] = {kd_str("a.bit"), kd_str("traffic/id/shop"), kd_str("traffic/label/safe")};
    struct kd_rec_flow flow = {.reason = kd_str("rst"), .replayed = true, .carried = KD_APP_TLS, .bits = {bits, 3},
                               .smac = {{2, 0, 0, 0, 0, 1}}};
    struct kd_rec_head h = a_head(KD_REC_FLOW);
    struct kd_out o;
    char *json = json_of(&o, &h, &flow);
    CHECK(strstr(json, "\"reason\":\"shutdown\"") != NULL && strstr(json, "\"src_macs\":[\"02:00:00:00:00:01\"]") != NULL);
    CHECK(strstr(json, "\"app_proto\":\"tls\"") != NULL && strstr(json, "\"app_proto_orig\":\"dns\"") != NULL);
    CHECK(strstr(json, "\"metadata\":{\"flowbits\":[\"a.bit\"]}") != NULL && strstr(json, "dest_macs") == NULL);
    CHECK(strstr(json, "\"traffic\":{\"id\":[\"shop\"],\"label\":[\"safe\"]}") != NULL);
    struct kd_rec_anomaly odd = {.kind = kd_str("applayer"), .event = kd_str("bad_line"), .layer = kd_str("smtp")};
    h = a_head(KD_REC_ANOMALY);
    h.proto = 2;
    json = json_of(&o, &h, &odd);
    CHECK(strstr(json, "\"event\":\"BAD_LINE\",\"app_proto\":\"smtp\",\"layer\":\"proto_parser\"") != NULL);
    CHECK(strstr(json, "\"proto\":\"IGMP\"") != NULL);
    odd.layer = kd_str("mqtt");
    CHECK(strstr(json_of(&o, &h, &odd), "\"bad_line\"") != NULL);
    struct kd_stats_proto dns = {.name = kd_str("dns"), .flows = 3, .flows_udp = 2, .errors = 1};
    struct kd_stats_event met[] = {{kd_str("ipv4.a"), 1}, {kd_str("ipv4.b"), 2}, {kd_str("tcp.c"), 3}};
    struct kd_rec_stats stats = {.packets = 4, .bytes = 402, .protocols = {&dns, 1}, .odd = {met, 3}, .rules_loaded = 5};
    h = (struct kd_rec_head){.type = KD_REC_STATS};
    json = json_of(&o, &h, &stats);
    CHECK(strstr(json, "\"flow\":{\"dns_tcp\":1,\"dns_udp\":2}") != NULL);
    CHECK(strstr(json, "\"error\":{\"dns\":{\"parser\":1}}") != NULL && strstr(json, "\"avg_pkt_size\":100") != NULL);
    CHECK(strstr(json, "\"event\":{\"ipv4\":{\"a\":1,\"b\":2},\"tcp\":{\"c\":3}}") != NULL);
    CHECK(strstr(json, "\"engines\":[{\"id\":0,\"rules_loaded\":5,\"rules_failed\":0,\"rules_skipped\":0}]") != NULL);
    stats.scope = kd_str("total");
    CHECK(strstr(json_of(&o, &h, &stats), "\"http\":0") != NULL);
}

static void frame_is_written_anew_in_place(void)
{
    uint8_t buf[256];
    struct kd_rec_anomaly rec = {.event = kd_str("x")};
    for (unsigned i = 0; i < 3; i++) {
        struct kd_rec_head h = i == 2 ? (struct kd_rec_head){.type = KD_REC_ANOMALY} : a_head(KD_REC_ANOMALY);
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        struct kd_bytes body, whole;
        h.frame = i == 1 ? 0 : 5;
        CHECK(kd_record_put(&o, &h, &rec) == KD_OK);
        kd_record_refer(buf, 200000);
        struct kd_cur c = kd_cur_of(kd_out_bytes_view(&o));
        CHECK(kd_record_next(&c, &h, &body, &whole) == KD_OK && !kd_cur_more(&c));
        CHECK(h.frame == (i == 1 ? 0 : 200000) && body.n == 3);
    }
}

/* A look-up is a line for its query and one for its answer. */
static void names_are_two_lines(void)
{
    struct kd_dns_rr rr[] = {{.rrtype = kd_str("A"), .rdata = kd_str("192.0.2.1")},
                             {.rrtype = kd_str("SRV"), .rdata = kd_str("1 2 88 dc.example")},
                             {.rrtype = kd_str("A"), .rdata = kd_str("192.0.2.2")}};
    struct kd_rec_dns dns = {.kind = kd_str("answer"), .rrname = kd_str("a.example"), .flags = 0x8180, .rd = true,
                             .answers = {rr, 3}, .latency_us = 1, .asked_frame = 3};
    struct kd_rec_head h = a_head(KD_REC_DNS);
    char json[4096];
    struct kd_out o = kd_out_of(json, sizeof(json) - 1);
    h.frame = 4;
    kd_record_lines(&o, &h, &dns, 0);
    json[o.n] = '\0';
    char *second = strchr(json, '\n');
    CHECK(second != NULL && json[o.n - 1] == '\n');
    *second++ = '\0';
    CHECK(strstr(json, "\"pcap_cnt\":3") != NULL && strstr(json, "\"type\":\"request\"") != NULL);
    CHECK(strstr(json, "\"answered\":true") != NULL && strstr(json, "answers") == NULL);
    CHECK(strstr(second, "\"pcap_cnt\":4") != NULL && strstr(second, "\"type\":\"response\"") != NULL);
    CHECK(strstr(second, "\"flags\":\"8180\",\"qr\":true,\"version\":3") != NULL);
    CHECK(strstr(second, "\"grouped\":{\"A\":[\"192.0.2.1\",\"192.0.2.2\"],\"SRV\":[\"1 2 88 dc.example\"]}") != NULL);
    CHECK(strstr(second, "\"srv\":{\"priority\":1,\"weight\":2,\"port\":88,\"name\":\"dc.example\"}") != NULL);
}

/* EVE has kinds of their own for names of the neighbourhood and for QUIC. */
static void other_kinds_in_lines(void)
{
    struct kd_dns_rr rr[] = {{.rrname = kd_str("printer"), .rrtype = kd_str("A"), .ttl = 30, .rdata = kd_str("192.0.2.1")}};
    struct kd_rec_dns dns = {.kind = kd_str("response"), .rrname = kd_str("printer"), .rrtype = kd_str("A"), .answers = {rr, 1}};
    const struct kd_bytes alpn[] = {kd_str("h3")};
    struct kd_rec_tls tls = {.version = kd_str("QUIC v1"), .sni = kd_str("a.example"), .client_alpns = {alpn, 1},
                             .ja3_string = kd_str("771,4865,0-16-4660,29,")};
    struct kd_rec_head h = a_head(KD_REC_DNS);
    char json[4096];
    struct kd_out o = kd_out_of(json, sizeof(json) - 1);
    h.app = KD_APP_LLMNR;
    kd_record_lines(&o, &h, &dns, 0);
    h.type = KD_REC_TLS;
    h.app = KD_APP_QUIC;
    kd_record_lines(&o, &h, &tls, 0);
    json[o.n] = '\0';
    CHECK(strstr(json, "\"event_type\":\"llmnr\"") != NULL && strstr(json, "\"event_type\":\"quic\"") != NULL);
    CHECK(strstr(json, "\"answers\":[{\"rrname\":\"printer\",\"rrtype\":\"a\",\"ttl\":30,\"a\":\"192.0.2.1\"}]}}") != NULL);
    CHECK(strstr(json, "\"quic\":{\"version\":\"1\",\"sni\":\"a.example\",\"extensions\":[{\"name\":\"server_name\",\"type\":0,"
                       "\"values\":[\"a.example\"]},{\"name\":\"alpn\",\"type\":16,\"values\":[\"h3\"]},{\"type\":4660}]}}") != NULL);
}

/* A match tells of its transaction under that one's own names; damaged bytes tell nothing. */
static void transaction_is_spread(void)
{
    struct kd_rec_http http = {.tx_id = 4, .hostname = kd_str("a.example"), .status = 404};
    uint8_t room[256];
    struct kd_out inner = kd_out_of(room, sizeof(room));
    kd_out_u8(&inner, KD_REC_HTTP);
    kd_body_put(&inner, kd_schemas[KD_REC_HTTP], &http);
    struct kd_rec_signature match = {.signature_id = 5, .transaction = kd_out_bytes_view(&inner)};
    struct kd_rec_head h = a_head(KD_REC_SIGNATURE);
    char json[2048];
    struct kd_out o = kd_out_of(json, sizeof(json) - 1);
    kd_record_json(&o, &h, &match, 0);
    json[o.n] = '\0';
    CHECK(strstr(json, ",\"http\":{\"hostname\":\"a.example\",\"status\":404,\"length\":0},\"stream\":0}") != NULL);
    CHECK(strstr(json, "tx_id") == NULL);
    match.transaction.n--;
    o = kd_out_of(json, sizeof(json) - 1);
    kd_record_json(&o, &h, &match, 0);
    json[o.n] = '\0';
    CHECK(strstr(json, "http") == NULL && json[o.n - 1] == '}');
}

static void groups_open_and_close(void)
{
    struct kd_rec_alert alert = {.signature_id = 5, .severity = kd_str("high"), .title_ja = kd_str("題"),
                                 .title_en = kd_str("t"), .why_en = kd_str("w"), .excepted = true};
    struct kd_rec_head h = a_head(KD_REC_ALERT);
    char json[2048];
    struct kd_out o = kd_out_of(json, sizeof(json) - 1);
    kd_record_json(&o, &h, &alert, 0);
    json[o.n] = '\0';
    CHECK(strstr(json, "\"alert\":{\"signature_id\":5},\"detection\":{\"severity\":\"high\",\"title\":{\"ja\":\"題\","
                       "\"en\":\"t\"},\"why\":{\"en\":\"w\"},\"evidence\":{\"count\":0},\"excepted\":true}}") != NULL);
}

static void community_id_is_the_published_one(void)
{
    struct kd_rec_head h = {.proto = 6, .src_port = 34855, .dst_port = 80};
    CHECK(kd_addr_parse(kd_str("128.232.110.120"), &h.src) && kd_addr_parse(kd_str("66.35.250.204"), &h.dst));
    char text[64];
    for (int turn = 0; turn < 2; turn++) {
        struct kd_out o = kd_out_of(text, sizeof(text));
        kd_out_community_id(&o, &h);
        CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="));
        struct kd_rec_head back = h;
        back.src = h.dst, back.dst = h.src, back.src_port = h.dst_port, back.dst_port = h.src_port;
        h = back;
    }
}

int main(void)
{
    RUN(record_survives_the_wire);
    RUN(lists_are_written_as_what_they_mean);
    RUN(no_prefix_and_no_damage_gets_through_unnoticed);
    RUN(forms_of_eve);
    RUN(forms_of_flows_anomalies_and_stats);
    RUN(frame_is_written_anew_in_place);
    RUN(names_are_two_lines);
    RUN(other_kinds_in_lines);
    RUN(transaction_is_spread);
    RUN(groups_open_and_close);
    RUN(community_id_is_the_published_one);
    return tap_done();
}
