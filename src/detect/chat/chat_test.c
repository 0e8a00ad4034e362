/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void say(struct kd_tb *t, const char *dst, const char *command, const char *nick, const char *result)
{
    struct kd_rec_irc c = {.command = kd_str(command), .nick = kd_str(nick), .result = kd_str(result)};
    kd_tb_put(t, kd_tb_head(KD_REC_IRC, 1, "10.0.0.5", 50000, dst, 8080), &c);
}

static void chat_outside_fires(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    say(t, "203.0.113.9", "register", "yuki", "ok");
    say(t, "203.0.113.9", "join", "yuki", "ok");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0080") == 1 && kd_tb_at_least(t, "medium") == 0 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CC-0080")->technique, "T1071") == 0);
    kd_tb_free(t);
}

static void numbered_names_are_medium(void)
{
    static const char *const names[] = {"JPN|W10|48213", "[DE-XP]0", "bot00914"};
    for (size_t i = 0; i < KD_COUNT(names); i++) {
        struct kd_tb *t = kd_tb_new(NULL, NULL);
        say(t, "203.0.113.9", "register", names[i], "ok");
        kd_tb_finish(t);
        CHECK(kd_tb_at_least(t, "medium") == 1);
        kd_tb_free(t);
    }
}

static void inside_and_refused_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    say(t, "10.0.0.1", "register", "JPN|W10|48213", "ok");
    say(t, "203.0.113.9", "register", "yuki", "Closing link");
    say(t, "203.0.113.9", "end", "yuki", "");
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(chat_outside_fires);
    RUN(numbered_names_are_medium);
    RUN(inside_and_refused_are_silent);
    return tap_done();
}
