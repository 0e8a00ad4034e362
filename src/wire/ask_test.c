/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/ask.h"

#include "../../tests/tap.h"

static uint8_t buf[KD_ASK_MAX + 16];

static struct kd_question a_question(void)
{
    struct kd_question q = {.id = 77, .kind = KD_ASK_RECORDS};
    CHECK(kd_question_add(&q, "token", kd_str("0123abcd")) == KD_OK);
    CHECK(kd_question_add(&q, "expr", kd_str("dns.rrname ~ \"例え\" and not port = 53")) == KD_OK);
    CHECK(kd_question_add(&q, "limit", kd_str("")) == KD_OK);
    return q;
}

static void question_survives(void)
{
    struct kd_question q = a_question();
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_question_put(&o, &q) == KD_OK);
    struct kd_ask_message m;
    CHECK(kd_ask_read(kd_out_bytes_view(&o), &m) == KD_OK);
    CHECK(m.tag == KD_ASK_QUESTION && m.question.id == 77 && m.question.kind == KD_ASK_RECORDS);
    CHECK(m.question.n == 3);
    CHECK(kd_bytes_eq(kd_question_get(&m.question, "expr"), q.v[1].value));
    CHECK(kd_question_get(&m.question, "limit").p != NULL &&
          kd_question_get(&m.question, "limit").n == 0);
    CHECK(kd_question_get(&m.question, "from").p == NULL);
}

static void question_bounds_hold(void)
{
    struct kd_question q = a_question();
    static char long_value[KD_ASK_VALUE_MAX + 2];
    memset(long_value, 'x', sizeof(long_value) - 1);
    CHECK(kd_question_add(&q, "nosuch", kd_str("x")) == KD_MALFORMED);
    CHECK(kd_question_add(&q, "Token", kd_str("x")) == KD_MALFORMED);
    CHECK(kd_question_add(&q, "token", kd_str("again")) == KD_MALFORMED);
    CHECK(kd_question_add(&q, "from", kd_bytes_of("\xff\xfe", 2)) == KD_MALFORMED);
    CHECK(kd_question_add(&q, "from", kd_bytes_of("a\0b", 3)) == KD_MALFORMED);
    CHECK(kd_question_add(&q, "from", kd_str(long_value)) == KD_MALFORMED);
    CHECK(kd_question_add(&q, "from", kd_bytes_of(long_value, KD_ASK_VALUE_MAX)) == KD_OK);
    struct kd_out small = kd_out_of(buf, 40);
    CHECK(kd_question_put(&small, &q) == KD_LIMIT && small.n == 0 && !small.full);
    q.v[0].name = kd_str("user");
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_question_put(&o, &q) == KD_MALFORMED && o.n == 0);
    for (int kind = KD_ASK_NONE + 1; kind < KD_ASK_KINDS; kind++)
        CHECK(kd_ask_rows[kind].name != NULL);
}

static void answer_and_event_survive(void)
{
    static char json[KD_ASK_CHUNK_MAX + 1];
    memset(json, '1', sizeof(json));
    struct kd_answer a = {.id = 0xfffffffe,
                          .status = 429,
                          .more = true,
                          .retry_s = 300,
                          .token = kd_str("tok"),
                          .json = kd_bytes_of(json, KD_ASK_CHUNK_MAX)};
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_answer_put(&o, &a) == KD_OK && o.n <= KD_ASK_MAX);
    struct kd_ask_message m;
    CHECK(kd_ask_read(kd_out_bytes_view(&o), &m) == KD_OK && m.tag == KD_ASK_ANSWER);
    CHECK(m.answer.id == a.id && m.answer.status == 429 && m.answer.more &&
          m.answer.retry_s == 300);
    CHECK(kd_bytes_eq(m.answer.token, a.token) && kd_bytes_eq(m.answer.json, a.json));
    a.json.n++;
    o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_answer_put(&o, &a) == KD_LIMIT && o.n == 0);
    a.json.n = 0;
    a.status = 99;
    CHECK(kd_answer_put(&o, &a) == KD_MALFORMED && o.n == 0);
    struct kd_event e = {KD_EVENT_ROLE, kd_str("{\"role\":\"engine\"}")};
    CHECK(kd_event_put(&o, &e) == KD_OK);
    CHECK(kd_ask_read(kd_out_bytes_view(&o), &m) == KD_OK && m.tag == KD_ASK_EVENT);
    CHECK(m.event.kind == KD_EVENT_ROLE && kd_bytes_eq(m.event.json, e.json));
}

/* What is read from a damaged message still obeys the bounds, and nothing behind its end is
 * touched. */
static void damage_is_refused_or_harmless(void)
{
    struct kd_question q = a_question();
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_question_put(&o, &q) == KD_OK);
    struct kd_ask_message m;
    for (size_t cut = 0; cut < o.n; cut++) {
        uint8_t *copy = malloc(cut > 0 ? cut : 1);
        memcpy(copy, buf, cut);
        CHECK(kd_ask_read(kd_bytes_of(copy, cut), &m) != KD_OK);
        free(copy);
    }
    buf[o.n] = 0;
    CHECK(kd_ask_read(kd_bytes_of(buf, o.n + 1), &m) == KD_MALFORMED);
    CHECK(kd_ask_read(kd_bytes_of(buf, KD_ASK_MAX + 1), &m) == KD_LIMIT);
    for (size_t i = 0; i < o.n * 8; i++) {
        buf[i / 8] ^= (uint8_t)(1u << (i % 8));
        if (kd_ask_read(kd_bytes_of(buf, o.n), &m) == KD_OK && m.tag == KD_ASK_QUESTION) {
            uint8_t again[sizeof(buf)];
            struct kd_out back = kd_out_of(again, sizeof(again));
            CHECK(kd_question_put(&back, &m.question) == KD_OK);
        }
        buf[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
}

int main(void)
{
    RUN(question_survives);
    RUN(question_bounds_hold);
    RUN(answer_and_event_survive);
    RUN(damage_is_refused_or_harmless);
    return tap_done();
}
