/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/decision.h"

#include "../../tests/tap.h"
#include "wire/board.h"

static uint8_t buf[8192];

static struct kd_addr addr(const char *text)
{
    struct kd_addr a = {{0}};
    CHECK(kd_addr_parse(kd_str(text), &a));
    return a;
}

static struct kd_exception an_exception(void)
{
    struct kd_exception e = {.number = 7, .id = kd_str("KD-CR-*"), .user = kd_str("sato"), .reason = kd_str("監視装置"),
                             .any_peer = true, .until_us = 1000};
    CHECK(kd_exception_net(kd_str("10.0.0.0/24"), &e.host, &e.any_host));
    return e;
}

static struct kd_out a_list(void)
{
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_decision_put(&o, &(struct kd_decision){.kind = KD_DECISION_EXCEPTION, .exception = an_exception()}));
    CHECK(kd_decision_put(&o, &(struct kd_decision){.kind = KD_DECISION_OBJECT,
                                                    .object = {.number = 3, .kind = kd_str("domain"),
                                                               .value = kd_str("bad.example"), .note = kd_str("n")}}));
    CHECK(kd_decision_put(&o, &(struct kd_decision){.kind = KD_DECISION_MEETING,
                                                    .meeting = {.object = 3, .kind = kd_str("domain"),
                                                                .value = kd_str("bad.example"),
                                                                .met = kd_str("www.bad.example"), .how = kd_str("dns"),
                                                                .host = addr("10.0.0.9"), .first_us = 5, .last_us = 9,
                                                                .count = 2}}));
    return o;
}

static void a_list_survives(void)
{
    struct kd_out o = a_list();
    struct kd_cur c = kd_cur_of(kd_out_bytes_view(&o));
    struct kd_decision d;
    CHECK(kd_decision_next(&c, &d) == KD_OK && d.kind == KD_DECISION_EXCEPTION && d.exception.number == 7);
    CHECK(kd_bytes_eq_str(d.exception.reason, "監視装置") && d.exception.any_peer && !d.exception.any_host);
    CHECK(d.exception.host.bits == 120 && d.exception.until_us == 1000);
    CHECK(kd_decision_next(&c, &d) == KD_OK && d.kind == KD_DECISION_OBJECT && d.object.number == 3);
    CHECK(kd_decision_next(&c, &d) == KD_OK && d.kind == KD_DECISION_MEETING && d.meeting.count == 2);
    struct kd_addr host = addr("10.0.0.9");
    CHECK(kd_addr_eq(&d.meeting.host, &host) && kd_bytes_eq_str(d.meeting.met, "www.bad.example"));
    CHECK(kd_decision_next(&c, &d) == KD_NOT_FOUND);
}

static void cut_and_damaged_lists_are_refused_or_shorter(void)
{
    struct kd_out o = a_list();
    uint8_t copy[sizeof(buf)];
    for (size_t n = 0; n < o.n; n++) {
        struct kd_cur c = kd_cur_of(kd_bytes_of(buf, n));
        struct kd_decision d;
        size_t got = 0;
        while (kd_decision_next(&c, &d) == KD_OK)
            got++;
        CHECK(got < 3);
    }
    for (size_t bit = 0; bit < 8 * o.n; bit++) {
        memcpy(copy, buf, o.n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct kd_cur c = kd_cur_of(kd_bytes_of(copy, o.n));
        struct kd_decision d;
        size_t got = 0;
        while (got < 100 && kd_decision_next(&c, &d) == KD_OK)
            got++;
        CHECK(got < 100);
    }
}

static void what_does_not_fit_is_not_begun(void)
{
    static char long_text[KD_DECISION_TEXT_MAX + 2];
    memset(long_text, 'x', sizeof(long_text) - 1);
    struct kd_out o = kd_out_of(buf, 40);
    struct kd_decision d = {.kind = KD_DECISION_EXCEPTION, .exception = an_exception()};
    CHECK(!kd_decision_put(&o, &d) && o.n == 0 && kd_out_ok(&o));
    o = kd_out_of(buf, sizeof(buf));
    d.exception.reason = kd_str(long_text);
    CHECK(!kd_decision_put(&o, &d) && o.n == 0);
}

static bool hides(const struct kd_exception *e, const char *id, const char *host, const char *user, uint64_t now_us)
{
    struct kd_addr h = addr(host), p = {{0}};
    return kd_exception_hides(e, &(struct kd_exception_case){kd_str(id), &h, &p, kd_str(user)}, now_us);
}

static void an_exception_hides_its_own_only(void)
{
    struct kd_exception e = an_exception();
    CHECK(hides(&e, "KD-CR-0001", "10.0.0.5", "Sato", 999));
    CHECK(!hides(&e, "KD-CR-0001", "10.0.0.5", "Sato", 1000)); /* over */
    CHECK(!hides(&e, "KD-LM-0001", "10.0.0.5", "sato", 1));
    CHECK(!hides(&e, "KD-CR-0001", "10.0.1.5", "sato", 1));
    CHECK(!hides(&e, "KD-CR-0001", "10.0.0.5", "ito", 1));
}

static void the_board_gives_the_newest_whole_text(void)
{
    static struct kd_board b;
    uint8_t *text = NULL;
    size_t n = 0;
    uint64_t number = 0;
    CHECK(kd_board_read(&b, &text, &n, &number) == KD_NOT_FOUND);
    CHECK(kd_board_write(&b, kd_str("one")) == KD_OK && kd_board_write(&b, kd_str("two!")) == KD_OK);
    CHECK(kd_board_read(&b, &text, &n, &number) == KD_OK && number == 2 && n == 4 && memcmp(text, "two!", 4) == 0);
    free(text);
    b.text[0][1] ^= 1;
    CHECK(kd_board_read(&b, &text, &n, &number) == KD_MALFORMED);
    b.slot[0].bytes = UINT64_MAX;
    CHECK(kd_board_read(&b, &text, &n, &number) == KD_MALFORMED);
    CHECK(kd_board_write(&b, kd_bytes_of(buf, KD_BOARD_TEXT_MAX + 1)) == KD_LIMIT);
    CHECK(kd_board_write(&b, kd_bytes_of(NULL, 0)) == KD_OK && kd_board_read(&b, &text, &n, &number) == KD_OK && n == 0);
    free(text);
}

int main(void)
{
    RUN(a_list_survives);
    RUN(cut_and_damaged_lists_are_refused_or_shorter);
    RUN(what_does_not_fit_is_not_begun);
    RUN(an_exception_hides_its_own_only);
    RUN(the_board_gives_the_newest_whole_text);
    return tap_done();
}
