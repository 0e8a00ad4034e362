/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: told in one piece or in several, cut by losses and by the end, and what rules make of them. */
#include "match/match.h"
#include "rule/rules.h"

#include "../../tests/tap.h"

struct world {
    struct kd_pool *pool;
    struct kd_rules *rules;
    struct kd_ruleset *set;
    struct kd_matcher *m;
    struct kd_match_flow *flow;
    struct kd_packet packet;
    struct kd_match_at at;
    uint8_t quiet;
    uint64_t place;    /* in the stream to the server */
    unsigned alerts;
    struct kd_match_frame last;
    char data[300000]; /* the last frame's */
};

static void on_alert(void *arg, const struct kd_match_alert *a)
{
    struct world *w = arg;
    w->alerts++;
    if (a->frame == NULL)
        return;
    w->last = *a->frame;
    memcpy(w->data, a->frame->data.p, a->frame->data.n);
    w->last.data.p = (const uint8_t *)w->data;
}

static struct world *begin(const char *rules)
{
    struct world *w = calloc(1, sizeof(*w));
    struct kd_err err = {0};
    w->pool = kd_pool_new(64 << 20);
    w->rules = kd_rules_new(w->pool, &kd_limits_default);
    if (kd_rules_read(w->rules, "test", kd_str(rules)) != KD_OK || kd_rules_finish(w->rules) != KD_OK)
        abort();
    kd_ruleset_fit(w->rules);
    w->set = kd_ruleset_new(w->rules, kd_str(NULL), &err);
    if (w->set == NULL)
        abort();
    w->m = kd_matcher_new(w->set, w->pool, &kd_limits_default, 1, (struct kd_match_out){.alert = on_alert, .arg = w});
    w->packet = (struct kd_packet){.proto = KD_IP_TCP, .ip_version = 4, .tcp_flags = KD_TCP_ACK};
    w->at = (struct kd_match_at){
        .packet = &w->packet, .proto = KD_IP_TCP, .port = {50000, 1883}, .established = true, .now_us = 1000000,
        .packets = {2, 1}, .flow = &w->flow, .flow_id = 7, .quiet = &w->quiet, .app = KD_APP_MQTT,
    };
    return w;
}

static void end(struct world *w)
{
    kd_match_flow_end(w->m, &w->flow);
    kd_matcher_free(w->m);
    kd_ruleset_free(w->set);
    kd_rules_free(w->rules);
    CHECK(kd_pool_used(w->pool) == 0);
    kd_pool_free(w->pool);
    free(w);
}

/* More of the stream to the server; in it, from `at` on, a frame (KD_FRAME_COUNT: none). */
static void piece(struct world *w, const char *text, enum kd_frame_kind kind, size_t at, uint64_t length)
{
    struct kd_bytes in = kd_str(text);
    kd_match_enter(w->m, &w->at, in);
    kd_match_span(w->m, KD_TO_SERVER, in, w->place);
    if (kind != KD_FRAME_COUNT)
        kd_match_frame(w->m, kind, KD_TO_SERVER, in.p + at, length);
    kd_match_leave(w->m);
    w->place += in.n;
}

static void lost(struct world *w, uint64_t n, bool all)
{
    kd_match_enter(w->m, &w->at, kd_str(NULL));
    kd_match_frames_lost(w->m, KD_TO_SERVER, n, all);
    kd_match_leave(w->m);
    w->place += n;
}

static bool in_frame(const char *header, const char *inside)
{
    char rule[400];
    snprintf(rule, sizeof(rule), "alert %s any any -> any any (%s sid:1;)\n", header, inside);
    struct world *w = begin(rule);
    piece(w, "..HEADbody..", KD_FRAME_MQTT_PDU, 2, 8);
    bool hit = w->alerts > 0;
    end(w);
    return hit;
}

static void names_and_conditions(void)
{
    static const struct {
        const char *header, *inside;
        bool match;
    } rows[] = {
        {"mqtt", "frame:pdu; content:\"HEAD\";", true},
        {"mqtt", "frame:mqtt.pdu; content:\"HEAD\";", true},
        {"tcp", "frame:mqtt.pdu; content:\"HEAD\";", true},
        {"tcp", "frame:pdu; content:\"HEAD\";", false}, /* whose? */
        {"mqtt", "frame:header; content:\"HEAD\";", false},
        {"mqtt", "frame:nothing; content:\"HEAD\";", false},
        {"mqtt", "frame:pdu; content:\"..\";", false},
        {"mqtt", "frame:pdu; content:\"HEAD\"; startswith; content:\"body\"; endswith;", true},
        {"mqtt", "frame:pdu; content:\"HEAD\"; bsize:8;", true},
        {"mqtt", "frame:pdu; content:\"HEAD\"; bsize:9;", false},
        {"mqtt", "frame:pdu; pcre:\"/^HEAD.ody$/\";", true},
        {"mqtt", "frame:pdu; to_lowercase; content:\"headbody\";", true},
        {"mqtt", "frame:pdu; content:!\"HEAD\";", false},
        {"mqtt", "flow:to_client; frame:pdu; content:\"HEAD\";", false},
        {"mqtt", "frame:pdu; content:\"HEAD\"; frame:pdu; content:\"body\";", true},
        {"mqtt", "frame:pdu; content:\"HEAD\"; frame:data; content:\"body\";", false},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        bool ok = in_frame(rows[i].header, rows[i].inside) == rows[i].match;
        if (!ok)
            printf("# %s (%s)\n", rows[i].header, rows[i].inside);
        CHECK(ok);
    }
}

static const char both_ends[] = "alert mqtt any any -> any any (frame:pdu; content:\"abc\"; startswith; "
                                "content:\"xyz\"; endswith; sid:1;)\n";

static void pieces_make_a_frame(void)
{
    struct world *w = begin(both_ends);
    piece(w, "..a", KD_FRAME_MQTT_PDU, 2, 8);
    piece(w, "b", KD_FRAME_COUNT, 0, 0);
    piece(w, "c12x", KD_FRAME_COUNT, 0, 0);
    CHECK(w->alerts == 0);
    piece(w, "yz and more", KD_FRAME_COUNT, 0, 0);
    CHECK(w->alerts == 1 && w->last.at == 2 && w->last.length == 8 && w->last.complete && w->last.missing == 0);
    CHECK(kd_bytes_eq_str(w->last.data, "abc12xyz") && kd_bytes_eq_str(w->last.type, "pdu"));
    piece(w, "abcxyz", KD_FRAME_MQTT_PDU, 0, 6);
    CHECK(w->alerts == 2 && w->last.id == 3); /* the whole stream is the first */
    end(w);
}

static void open_frames_end_where_they_are_ended(void)
{
    struct world *w = begin(both_ends);
    piece(w, "abc1", KD_FRAME_MQTT_PDU, 0, KD_FRAME_OPEN);
    struct kd_bytes in = kd_str("23xyz and more");
    kd_match_enter(w->m, &w->at, in);
    kd_match_span(w->m, KD_TO_SERVER, in, w->place);
    kd_match_frame_end(w->m, KD_FRAME_MQTT_PDU, KD_TO_SERVER, in.p + 5);
    kd_match_leave(w->m);
    CHECK(w->alerts == 1 && w->last.length == 9 && w->last.complete && kd_bytes_eq_str(w->last.data, "abc123xyz"));
    end(w);
}

/* What was seen of a frame is looked into; what is not known of it holds no condition. */
static void losses_cut_frames(void)
{
    struct world *w = begin("alert mqtt any any -> any any (frame:pdu; content:\"abc\"; startswith; sid:1;)\n");
    piece(w, "abc", KD_FRAME_MQTT_PDU, 0, 20);
    lost(w, 5, false);
    CHECK(w->alerts == 1 && !w->last.complete && w->last.missing == 5 && w->last.length == 20);
    piece(w, "abc", KD_FRAME_COUNT, 0, 0); /* not its start */
    lost(w, 0, true);
    CHECK(w->alerts == 1);
    end(w);
    w = begin("alert mqtt any any -> any any (frame:pdu; content:\"xyz\"; endswith; sid:1;)\n");
    piece(w, "xyz", KD_FRAME_MQTT_PDU, 0, 10); /* not its end */
    lost(w, 4, false);
    CHECK(w->alerts == 0);
    piece(w, "xyz and more", KD_FRAME_COUNT, 0, 0);
    CHECK(w->alerts == 1 && kd_bytes_eq_str(w->last.data, "xyz"));
    end(w);
    w = begin(both_ends);
    piece(w, "abc", KD_FRAME_MQTT_PDU, 0, 10);
    lost(w, 4, false);
    piece(w, "xyz", KD_FRAME_COUNT, 0, 0);
    CHECK(w->alerts == 0);
    end(w);
}

static void the_end_of_the_stream_cuts_frames(void)
{
    struct world *w = begin("alert mqtt any any -> any any (frame:pdu; content:\"abc\"; sid:1;)\n"
                            "alert mqtt any any -> any any (frame:pdu; bsize:3; sid:2;)\n");
    piece(w, "abc", KD_FRAME_MQTT_PDU, 0, 20);
    CHECK(w->alerts == 0);
    lost(w, 0, true);
    CHECK(w->alerts == 1 && !w->last.complete && w->last.missing == 0);
    piece(w, "abc", KD_FRAME_COUNT, 0, 0);
    CHECK(w->alerts == 1);
    end(w);
}

/* Longer than is looked into: judged by its beginning, once, without its end. */
static void long_frames(void)
{
    enum { LONG = 200 * 1024, STEP = 1024 };
    static char text[STEP + 1];
    struct world *w = begin("alert mqtt any any -> any any (frame:pdu; content:\"aaaa\"; sid:1;)\n"
                            "alert mqtt any any -> any any (frame:pdu; content:\"aaaa\"; endswith; sid:2;)\n");
    memset(text, 'a', STEP);
    piece(w, text, KD_FRAME_MQTT_PDU, 0, LONG);
    for (unsigned i = 1; i < LONG / STEP; i++)
        piece(w, text, KD_FRAME_COUNT, 0, 0);
    CHECK(w->alerts == 1 && w->last.length == LONG && w->last.data.n == 128 * 1024 && !w->last.complete);
    end(w);
    w = begin("alert mqtt any any -> any any (frame:data; content:\"aaaa\"; sid:1;)\n");
    for (unsigned i = 0; i < 50; i++) /* more than may be open */
        piece(w, text, KD_FRAME_MQTT_DATA, i, KD_FRAME_OPEN);
    lost(w, 0, true);
    CHECK(w->alerts > 0 && w->alerts <= 8);
    end(w);
}

/* The stream as a frame: of its protocol alone, told once. */
static void the_stream_is_a_frame(void)
{
    struct world *w = begin("alert tcp any any -> any any (frame:mqtt.stream; content:\"abc\"; sid:1;)\n");
    CHECK(kd_match_stream(w->m, &w->at, 0, kd_str("xabcx"), false) || true);
    CHECK(w->alerts == 1 && kd_bytes_eq_str(w->last.type, "stream") && w->last.id == 1);
    CHECK(kd_match_stream(w->m, &w->at, 0, kd_str("xabcx"), false) || true);
    CHECK(w->alerts == 1);
    kd_match_flow_end(w->m, &w->flow);
    w->at.app = KD_APP_HTTP;
    CHECK(kd_match_stream(w->m, &w->at, 0, kd_str("xabcx"), false) || true);
    CHECK(w->alerts == 1);
    end(w);
}

static void nobody_is_asked_without_need(void)
{
    struct world *w = begin("alert mqtt any any -> any any (frame:pdu; content:\"abc\"; sid:1;)\n"
                            "alert http any any -> any any (http.uri; content:\"abc\"; sid:2;)\n");
    const struct kd_wanted *wanted = kd_ruleset_wanted(w->set);
    CHECK(wanted->framed[KD_APP_MQTT] && !wanted->framed[KD_APP_HTTP] && !wanted->framed[KD_APP_TLS]);
    end(w);
}

int main(void)
{
    RUN(names_and_conditions);
    RUN(pieces_make_a_frame);
    RUN(open_frames_end_where_they_are_ended);
    RUN(losses_cut_frames);
    RUN(the_end_of_the_stream_cuts_frames);
    RUN(long_frames);
    RUN(the_stream_is_a_frame);
    RUN(nobody_is_asked_without_need);
    return tap_done();
}
