/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/update_state.h"

#include <sys/stat.h>
#include <unistd.h>

#include "../../tests/tap.h"

#define HOUR_S 3600u
#define NOW ((uint64_t)1800000000 * KD_US_PER_S)

static uint64_t wait_s(const struct kd_update_row *r)
{
    return (r->next_us - r->tried_us) / KD_US_PER_S;
}

static bool around(uint64_t is, uint64_t wanted)
{
    return is >= wanted - wanted / 20 - 1 && is <= wanted + wanted / 20 + 1;
}

static void it_waits_as_told_and_less_after_failures(void)
{
    struct kd_update_row r = {0};
    CHECK(kd_update_due(NULL, HOUR_S, NOW));
    kd_update_note(&r, KD_FETCHED_NEW, "", 6 * HOUR_S, NOW, 12345678901u);
    CHECK(around(wait_s(&r), 6 * HOUR_S) && r.ok_us == NOW && r.new_us == NOW && r.failing_us == 0);
    CHECK(!kd_update_due(&r, 6 * HOUR_S, NOW + 1) && kd_update_due(&r, 6 * HOUR_S, r.next_us));
    CHECK(kd_update_due(&r, 60, NOW + 1)); /* the configuration asks for more now */
    CHECK(kd_update_due(&r, 6 * HOUR_S, NOW - KD_US_PER_DAY)); /* the clock was set back */
    const uint64_t waits[] = {300, 600, 1200, 2400, 4800, 9600, 19200, 6 * HOUR_S, 6 * HOUR_S};
    for (size_t i = 0; i < KD_COUNT(waits); i++) {
        kd_update_note(&r, KD_FETCHED_CUT, "why", 6 * HOUR_S, NOW + (i + 1) * KD_US_PER_HOUR, i * 987654321u);
        CHECK(around(wait_s(&r), waits[i]));
    }
    CHECK(r.failing_us == NOW + KD_US_PER_HOUR && r.fails == KD_COUNT(waits) && r.ok_us == NOW);
    kd_update_note(&r, KD_FETCHED_UNCHANGED, "", 6 * HOUR_S, NOW + KD_US_PER_DAY, 0);
    CHECK(r.failing_us == 0 && r.fails == 0 && r.new_us == NOW && r.ok_us == NOW + KD_US_PER_DAY && r.why[0] == '\0');
}

static void what_is_known_outlives_the_process(void)
{
    char dir[] = "/tmp/kidoban-updates-XXXXXX", path[64];
    static struct kd_updates u, back;
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/updates", dir);
    CHECK(mkdir(path, 0700) == 0);
    kd_updates_read(dir, &back);
    CHECK(back.n == 0);
    struct kd_update_row *r = kd_updates_row(&u, "rules-a-01", true);
    snprintf(r->etag, sizeof(r->etag), "%s", "W/\"5 6\"");
    kd_update_note(r, KD_FETCHED_REFUSED, "HTTP 503\t\nx", HOUR_S, NOW, 7);
    CHECK(kd_updates_row(&u, "list-b-02", true) != NULL && kd_updates_row(&u, "none", false) == NULL);
    CHECK(kd_updates_write(dir, &u));
    kd_updates_read(dir, &back);
    CHECK(back.n == 2);
    const struct kd_update_row *b = kd_updates_find(&back, "rules-a-01");
    CHECK(b != NULL && b->next_us == r->next_us && b->failing_us == NOW && b->outcome == KD_FETCHED_REFUSED);
    CHECK(b != NULL && strcmp(b->etag, r->etag) == 0 && strcmp(b->why, "HTTP 503??x") == 0);
    snprintf(path, sizeof(path), "%s/updates/state", dir);
    FILE *f = fopen(path, "w");
    CHECK(f != NULL && fputs("nonsense\nrules-a-01\tx\t\nid\t1\t2\t3\t4\t5\t6\t7\tcut\te\tm\twhy\n", f) >= 0 && fclose(f) == 0);
    kd_updates_read(dir, &back);
    CHECK(back.n == 1 && strcmp(back.at[0].id, "id") == 0 && back.at[0].bytes == 7);
    CHECK(unlink(path) == 0);
    snprintf(path, sizeof(path), "%s/updates", dir);
    CHECK(rmdir(path) == 0 && rmdir(dir) == 0);
}

static void sources_are_told_apart(void)
{
    static struct kd_config c;
    static struct kd_update_source s[KD_UPDATE_ROWS], t[KD_UPDATE_ROWS];
    kd_config_default(&c);
    CHECK(kd_update_sources(&c, s) == 0);
    c.rule_sources.n = 1;
    snprintf(c.rule_sources.v[0].name, 64, "a/../b");
    snprintf(c.rule_sources.v[0].from.url, 64, "https://a.example/x");
    c.feeds.n = 2;
    snprintf(c.feeds.v[0].file, 64, "/etc/list");
    snprintf(c.feeds.v[1].name, 64, "\xe4\xb8\x80\xe8\xa6\xa7");
    snprintf(c.feeds.v[1].from.url, 64, "https://a.example/y");
    CHECK(kd_update_sources(&c, s) == 2 && s[0].rules && !s[1].rules);
    CHECK(strchr(s[0].id, '/') == NULL && strncmp(s[0].id, "rules-a-..-b-", 13) == 0);
    kd_update_place(&c, "/dir");
    CHECK(strcmp(c.feeds.v[0].file, "/etc/list") == 0 && strncmp(c.feeds.v[1].file, "/dir/updates/list-", 18) == 0);
    snprintf(c.rule_sources.v[0].from.sha256, 72, "beside"); /* what was taken unchecked is not believed */
    CHECK(kd_update_sources(&c, t) == 2 && strcmp(s[0].id, t[0].id) != 0 && strcmp(s[1].id, t[1].id) == 0);
}

int main(void)
{
    RUN(it_waits_as_told_and_less_after_failures);
    RUN(what_is_known_outlives_the_process);
    RUN(sources_are_told_apart);
    return tap_done();
}
