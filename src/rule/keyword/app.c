/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols: which one, its events, frames, and what only single protocols have. */
#include "rule/internal.h"

struct kd_cond *kd_words_check(struct kd_parse *p, enum kd_cond_kind kind, size_t most,
                               struct kd_bytes **ret)
{
    struct kd_cond *c = kd_parse_check(p, kind);
    *ret = kd_arena_alloc(&p->st->mem, most * sizeof(**ret));
    if (c == NULL)
        return NULL;
    if (*ret == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY), NULL;
    c->is.words.word = *ret;
    return c;
}

static bool known_protocol(struct kd_bytes name)
{
    static const char *const others[] = {"failed", "unknown", "krb5-tcp", "krb5-udp", "template"};
    for (unsigned i = 0; i < KD_RP_COUNT; i++) {
        const struct kd_rule_proto_row *row = &kd_rule_proto_rows[i];
        struct kd_bytes rest = kd_str(row->aliases);
        if (row->layer != KD_LAYER_APP)
            continue;
        if (kd_bytes_ieq(name, kd_str(row->name)))
            return true;
        while (rest.n > 0)
            if (kd_bytes_ieq(name, kd_bytes_cut(&rest, ',')))
                return true;
    }
    for (size_t i = 0; i < KD_COUNT(others); i++)
        if (kd_bytes_ieq(name, kd_str(others[i])))
            return true;
    return false;
}

/* "[!]NAME[|NAME…][,final|original|either|to_server|to_client|exact]" */
static bool app_layer_protocol(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const char *const sides[] = {"",          "final",     "original", "either",
                                        "to_server", "to_client", "exact"};
    enum { NAMES_MAX = 16 };
    struct kd_bytes *word, side = v;
    (void)kw;
    struct kd_bytes names = kd_cut_word(&side, ',');
    struct kd_cond *c = kd_words_check(p, KD_COND_APP_PROTO, NAMES_MAX, &word);
    if (c == NULL)
        return false;
    side = kd_bytes_trim(side);
    if (kd_bytes_at(names, 0) == '!') {
        c->negated = true;
        names = kd_bytes_trim(kd_bytes_from(names, 1));
    }
    while (c->is.words.a < KD_COUNT(sides) && !kd_bytes_eq_str(side, sides[c->is.words.a]))
        c->is.words.a++;
    if (c->is.words.a == KD_COUNT(sides))
        return kd_refuse_word(p, KD_WHY_VALUE, side);
    do {
        struct kd_bytes name = kd_cut_word(&names, '|');
        if (!known_protocol(name) || c->is.words.n >= NAMES_MAX)
            return kd_refuse_word(p, KD_WHY_PROTOCOL, name);
        word[c->is.words.n++] = kd_parse_copy(p, name);
    } while (names.n > 0);
    return true;
}

static bool event_chars(struct kd_bytes v)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
        if (!ok)
            return false;
    }
    return v.n > 0;
}

static bool event(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_event e = {.kind = (enum kd_event_kind)kw->arg};
    struct kd_bytes rest = v;
    if (!event_chars(v))
        return kd_refuse_word(p, KD_WHY_EVENT, v);
    struct kd_bytes head = kd_bytes_cut(&rest, '.');
    if (e.kind == KD_EVENT_APP && rest.n > 0) {
        for (unsigned i = 0; i < KD_RP_COUNT; i++)
            if (kd_bytes_ieq(head, kd_str(kd_rule_proto_rows[i].name)))
                (void)kd_parse_app(p, (enum kd_rule_proto)i);
        if (!known_protocol(head) && !kd_bytes_eq_str(head, "file"))
            return kd_refuse_word(p, KD_WHY_EVENT, v);
    }
    if (e.kind == KD_EVENT_STREAM && kd_bytes_starts(v, kd_str("stream.")))
        v = kd_bytes_from(v, strlen("stream."));
    if (!kd_parse_name(p, &p->st->events, v, &e.name))
        return false;
    e.text = kd_nametab_at(&p->st->events, e.name);
    struct kd_cond *c = kd_parse_check(p, KD_COND_EVENT);
    if (c != NULL)
        c->is.event = e;
    return c != NULL;
}

static bool is_app(enum kd_rule_proto proto)
{
    return kd_rule_proto_rows[proto].layer == KD_LAYER_APP;
}

/* The frame's protocol, by the first part of its name (taken off) or else the header's; KD_RP_IP: nobody says. */
static enum kd_rule_proto frame_proto(const struct kd_parse *p, struct kd_bytes *name)
{
    struct kd_bytes rest = *name;
    struct kd_bytes head = kd_bytes_cut(&rest, '.');
    for (unsigned i = 0; i < KD_RP_COUNT && rest.n > 0; i++)
        if (kd_bytes_ieq(head, kd_str(kd_rule_proto_rows[i].name)) && is_app((enum kd_rule_proto)i)) {
            *name = rest;
            return (enum kd_rule_proto)i;
        }
    return is_app(p->rule.proto) ? p->rule.proto : KD_RP_IP;
}

/* "PROTOCOL.NAME", or "NAME" of the header's protocol.  The buffer's argument is the whole name; of frames that
 * nobody tells it is what the rule says. */
static bool frame(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_bytes name = v;
    enum kd_rule_proto proto = frame_proto(p, &name);
    (void)kw;
    if (!event_chars(v))
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    if (proto != KD_RP_IP)
        (void)kd_parse_app(p, proto);
    if (proto == KD_RP_HTTP)
        proto = KD_RP_HTTP1;
    for (unsigned i = 0; i < KD_FRAME_COUNT; i++) {
        const char *whole = kd_frame_rows[i].name;
        if (kd_frame_rows[i].proto == proto && kd_bytes_eq_str(name, strchr(whole, '.') + 1))
            return kd_parse_buffer(p, KD_IN_FRAME, kd_str(whole));
    }
    if (proto != KD_RP_IP && kd_bytes_eq_str(name, "stream")) {
        char whole[64];
        int n = snprintf(whole, sizeof(whole), "%s.stream", kd_rule_proto_rows[proto].name);
        return kd_parse_buffer(p, KD_IN_FRAME, kd_bytes_of(whole, (size_t)n));
    }
    return kd_parse_buffer(p, KD_IN_FRAME, v);
}

/* Keywords whose value is one word, compared as it is. */
static bool one_word(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_bytes *word;
    struct kd_cond *c = kd_words_check(p, (enum kd_cond_kind)kw->arg, 1, &word);
    if (c == NULL)
        return false;
    word[0] = kd_parse_copy(p, v);
    c->is.words.n = 1;
    return word[0].n > 0 || kd_refuse(p, KD_WHY_NO_MEMORY);
}

/* A content in a buffer, as older keywords write it: contains, ASCII letters without regard to case
 * or not. */
static bool old_content(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c = kd_parse_sought_in(p, KD_COND_CONTENT, (enum kd_inspect)kw->arg);
    if (c == NULL)
        return false;
    (void)kd_parse_app(p, kd_inspect_rows[kw->arg].proto);
    c->negated = p->negated;
    c->is.content.offset.var = c->is.content.depth.var = -1;
    c->is.content.distance.var = c->is.content.within.var = -1;
    return kd_parse_pattern(p, v, &c->is.content.bytes);
}

static bool ssh_protoversion(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kd_parse_app(p, KD_RP_SSH);
    return one_word(p, kw, v);
}

static const char etypes[] = "des-cbc-crc=1,des-cbc-md4=2,des-cbc-md5=3,des3-cbc-md5=5,des3-cbc-"
                             "sha1=16,aes128-cts-hmac-sha1-96=17,"
                             "aes256-cts-hmac-sha1-96=18,aes128-cts-hmac-sha256-128=19,aes256-cts-"
                             "hmac-sha384-192=20,rc4-hmac=23,"
                             "rc4-hmac-exp=24,camellia128-cts-cmac=25,camellia256-cts-cmac=26";

/* "weak" or "[!]N,NAME…" */
static bool ticket_encryption(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    enum { NUMBERS_MAX = 32 };
    int64_t n;
    (void)kw;
    (void)kd_parse_app(p, KD_RP_KRB5);
    struct kd_cond *c = kd_parse_check(p, KD_COND_KRB5_TICKET_ENC);
    struct kd_range *r = kd_arena_alloc(&p->st->mem, NUMBERS_MAX * sizeof(*r));
    if (c == NULL)
        return false;
    if (r == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    c->is.ranges.range = r;
    if (kd_bytes_at(v, 0) == '!') {
        c->negated = true;
        v = kd_bytes_trim(kd_bytes_from(v, 1));
    }
    if (kd_bytes_eq_str(v, "weak"))
        return true;
    while (v.n > 0) {
        struct kd_bytes number = kd_cut_word(&v, ',');
        uint64_t etype;
        if (c->is.ranges.n >= NUMBERS_MAX)
            return kd_refuse_word(p, KD_WHY_NUMBER, number);
        if (kd_number_parse(number, 31, etypes, &etype))
            n = (int64_t)etype;
        else if (!kd_parse_i64(number, INT32_MIN, INT32_MAX, &n))
            return kd_refuse_word(p, KD_WHY_NUMBER, number);
        r[c->is.ranges.n++] = (struct kd_range){(uint32_t)n, (uint32_t)n, KD_RANGE_IN};
    }
    return true;
}

/* "username,!password": flags by name; those that must be, those that must not */
static bool named_flags(struct kd_parse *p, struct kd_bytes v, const char *names,
                        enum kd_cond_kind kind, enum kd_rule_proto proto)
{
    struct kd_flags f = {0};
    (void)kd_parse_app(p, proto);
    while (v.n > 0) {
        struct kd_bytes word = kd_cut_word(&v, ',');
        bool no = kd_bytes_at(word, 0) == '!';
        uint64_t bit;
        if (no)
            word = kd_bytes_trim(kd_bytes_from(word, 1));
        if (!kd_number_parse(word, 8, names, &bit))
            return kd_refuse_word(p, KD_WHY_VALUE, word);
        *(no ? &f.ignore : &f.bits) |= (uint16_t)bit;
    }
    struct kd_cond *c = kd_parse_check(p, kind);
    if (c != NULL)
        c->is.flags = f;
    return c != NULL;
}

static bool mqtt_flags(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    return kw->arg == KD_COND_MQTT_FLAGS
               ? named_flags(p, v, "dup=8,retain=1", KD_COND_MQTT_FLAGS, KD_RP_MQTT)
               : named_flags(p, v, "username=128,password=64,will_retain=32,will=4,clean_session=2",
                             KD_COND_MQTT_CONNECT_FLAGS, KD_RP_MQTT);
}

static const char http2_settings_names[] =
    "SETTINGS_HEADER_TABLE_SIZE=1,SETTINGS_ENABLE_PUSH=2,SETTINGS_MAX_CONCURRENT_STREAMS=3,"
    "SETTINGS_INITIAL_WINDOW_SIZE=4,SETTINGS_MAX_FRAME_SIZE=5,SETTINGS_MAX_HEADER_LIST_SIZE=6";

/* "NAME" or "NAME RANGE" */
static bool http2_settings(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    uint64_t id;
    size_t n = 0;
    (void)kw;
    while (n < v.n &&
           (v.p[n] == '_' || (v.p[n] >= 'A' && v.p[n] <= 'Z') || (v.p[n] >= 'a' && v.p[n] <= 'z')))
        n++;
    struct kd_bytes name = kd_bytes_head(v, n), rest = kd_bytes_trim(kd_bytes_from(v, n));
    (void)kd_parse_app(p, KD_RP_HTTP2);
    if (!kd_number_parse(name, 16, http2_settings_names, &id))
        return kd_refuse_word(p, KD_WHY_VALUE, name);
    struct kd_cond *c = kd_parse_check(p, KD_COND_HTTP2_SETTINGS);
    if (c == NULL)
        return false;
    c->is.keyed.key = (uint32_t)id;
    c->is.keyed.range = (struct kd_range){0, UINT32_MAX, KD_RANGE_IN};
    return rest.n == 0 || kd_range_parse(rest, 32, "", &c->is.keyed.range) ||
           kd_refuse_word(p, KD_WHY_RANGE, rest);
}

static const char sa_attributes[] = "alg_enc=1,alg_hash=2,alg_auth=3,alg_dh=4,sa_group_type=5,sa_"
                                    "group_prime=6,sa_group_generator_one=7,"
                                    "sa_group_generator_two=8,sa_group_curve_a=9,sa_group_curve_b="
                                    "10,sa_life_type=11,sa_life_duration=12,alg_prf=13,"
                                    "sa_key_length=14,sa_field_size=15,sa_group_order=16";

static bool chosen_sa(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    uint64_t id;
    (void)kw;
    struct kd_bytes name = kd_cut_word(&v, '=');
    (void)kd_parse_app(p, KD_RP_IKE);
    if (!kd_number_parse(name, 16, sa_attributes, &id))
        return kd_refuse_word(p, KD_WHY_VALUE, name);
    struct kd_cond *c = kd_parse_check(p, KD_COND_IKE_CHOSEN_SA);
    if (c == NULL)
        return false;
    c->is.keyed.key = (uint32_t)id;
    return kd_range_parse(v, 32, "", &c->is.keyed.range) || kd_refuse_word(p, KD_WHY_RANGE, v);
}

const struct kd_keyword kd_keywords_app[] = {
    {"app-layer-protocol", app_layer_protocol, 0, KW_NEEDED, KW_PLAIN, false,
     "[!]NAME[|NAME…][,final|original|either|to_server|to_client|exact]", "the protocol recognised",
     "判別したプロトコル"},
    {"app-layer-event", event, KD_EVENT_APP, KW_NEEDED, KW_PLAIN, false, "PROTOCOL.NAME",
     "an oddity that a parser noted", "プロトコルの解析で見つかった異常"},
    {"decode-event,engine-event", event, KD_EVENT_DECODE, KW_NEEDED, KW_PLAIN, false, "NAME",
     "an oddity of a packet's headers", "パケットのヘッダーの異常"},
    {"stream-event", event, KD_EVENT_STREAM, KW_NEEDED, KW_PLAIN, false, "NAME",
     "an oddity of a TCP stream", "TCP ストリームの異常"},
    {"frame", frame, 0, KW_NEEDED, KW_PLAIN, false, "[PROTOCOL.]NAME",
     "buffer: a frame of the protocol", "バッファー: プロトコルのフレーム"},
    {"app-layer-state", one_word, KD_COND_APP_STATE, KW_NEEDED, KW_PLAIN, false, "[<>]STATE",
     "how far the transaction is", "やり取りの進み具合"},
    {"ssh.protoversion", ssh_protoversion, KD_COND_SSH_PROTOVERSION, KW_NEEDED, KW_MAY_QUOTE, false,
     "VERSION|2_compat", "SSH protocol version", "SSH のプロトコル版"},
    {"ssh.softwareversion", old_content, KD_IN_SSH_SOFTWARE, KW_NEEDED, KW_MAY_QUOTE, false, "TEXT",
     "in the SSH software's name", "SSH のソフトウェア名に含まれる"},
    {"krb5.ticket_encryption", ticket_encryption, 0, KW_NEEDED, KW_PLAIN, false,
     "weak or [!]N[,N…]", "encryption of a Kerberos ticket", "Kerberos チケットの暗号方式"},
    {"mqtt.flags", mqtt_flags, KD_COND_MQTT_FLAGS, KW_NEEDED, KW_PLAIN, false, "[!]dup|retain[,…]",
     "flags of an MQTT message", "MQTT のフラグ"},
    {"mqtt.connect.flags", mqtt_flags, KD_COND_MQTT_CONNECT_FLAGS, KW_NEEDED, KW_PLAIN, false,
     "[!]username|password|will|will_retain|clean_session[,…]", "flags of MQTT CONNECT",
     "MQTT CONNECT のフラグ"},
    {"http2.settings", http2_settings, 0, KW_NEEDED, KW_PLAIN, false, "NAME[ RANGE]",
     "a setting of HTTP/2", "HTTP/2 の設定"},
    {"ike.chosen_sa_attribute", chosen_sa, 0, KW_NEEDED, KW_PLAIN, false, "NAME=N",
     "an attribute that IKE agreed on", "IKE で合意した属性"},
    {0},
};
