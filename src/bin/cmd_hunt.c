/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/reading.h"
#include "bin/say.h"
#include "os/clock.h"
#include "store/hunt.h"
#include "store/sighting.h"

enum { HITS_MAX = 100000, HIT_BYTES_MAX = 256 << 20, THREADS = 2 };

/* One JSON line per record, oldest first, as a log is read. */
static int print(const struct kd_hunt_result *r)
{
    int status = KD_EXIT_DONE;
    for (size_t i = r->n; i > 0 && status == KD_EXIT_DONE; i--) {
        const struct kd_hunt_hit *h = &r->hit[i - 1];
        status = kd_reading_print("hunt", kd_bytes_of((const uint8_t *)r->text.p + h->at, h->n));
        if (status == KD_EXIT_DONE)
            status = kd_reading_print("hunt", kd_str("\n"));
    }
    return status;
}

static void summarise(const struct kd_hunt_result *r)
{
    fprintf(stderr,
            kd_say_japanese() ? "%zu 件見つかりました(%llu 件を調査)%s。\n"
                              : "%zu found, %llu looked at%s\n",
            r->n, (unsigned long long)r->stats.scanned,
            !r->stats.truncated ? ""
            : kd_say_japanese() ? "。多すぎるため新しいものだけを表示しました"
                                : "; there are more, these are the newest");
    if (r->stats.unreadable > 0)
        (void)kd_say(0, "hunt", "%llu blocks could not be read; run kidoban verify",
                     (unsigned long long)r->stats.unreadable);
}

/* ---- --sightings ---- */

static bool print_sighting(void *arg, const struct kd_sighting *s)
{
    struct kd_jw *w = arg;
    int status;
    kd_sighting_json(w, s);
    status = kd_reading_print("hunt", kd_jw_view(w));
    w->h.n = 0;
    w->comma = false;
    return status == KD_EXIT_DONE && kd_reading_print("hunt", kd_str("\n")) == KD_EXIT_DONE;
}

static int who_met(const struct kd_reading *rd)
{
    struct kd_sighting_ask ask = {.dir_path = rd->dir_path,
                                  .clock = kd_os_clock(),
                                  .zone_s = rd->zone_s,
                                  .value = kd_str(rd->operand),
                                  .from_us = rd->from_us,
                                  .to_us = rd->to_us,
                                  .limit = HITS_MAX};
    struct kd_sighting_sum sum;
    struct kd_err err = {0};
    struct kd_jw w;
    kd_jw_init(&w, rd->zone_s);
    enum kd_status s = kd_sightings_find(&ask, print_sighting, &w, &sum, &err);
    kd_jw_done(&w);
    if (s != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "hunt", &err);
    if (sum.truncated)
        (void)kd_say(0, "hunt", "there are more; narrow it with --from and --to");
    return KD_EXIT_DONE;
}

int kd_cmd_hunt(int argc, char **argv)
{
    static struct kd_reading rd;
    struct kd_hunt_expr *expr = NULL;
    struct kd_hunt_source source = {0};
    struct kd_hunt_result result = {0};
    struct kd_err err = {0};
    int status = kd_reading_begin("hunt", argc, argv, true, &rd);
    if (status != KD_EXIT_DONE)
        return status;
    if (rd.sightings)
        return who_met(&rd);
    if (kd_hunt_parse(kd_str(rd.operand), rd.zone_s, &expr, &err) != KD_OK)
        return kd_say(KD_EXIT_USAGE, "hunt",
                      "the expression, character %llu: %s; see kidoban hunt --help",
                      (unsigned long long)err.at + 1, err.what);
    struct kd_hunt_query q = {.expr = expr,
                              .from_us = rd.from_us,
                              .to_us = rd.to_us,
                              .clock = kd_os_clock(),
                              .threads = THREADS,
                              .zone_s = rd.zone_s,
                              .limit = HITS_MAX,
                              .max_bytes = HIT_BYTES_MAX};
    if (kd_hunt_open(rd.dir_fd, rd.zone_s, &source, &err) != KD_OK) {
        status = kd_say_err(KD_EXIT_COULD_NOT, "hunt", &err);
    } else if (kd_hunt(&q, &source, &result) != KD_OK) {
        status =
            kd_say(KD_EXIT_COULD_NOT, "hunt", "the records cannot be searched; run kidoban verify");
    } else {
        status = print(&result);
        summarise(&result);
    }
    kd_hunt_result_done(&result);
    kd_events_free(source.events);
    kd_hunt_source_done(&source);
    kd_hunt_expr_free(expr);
    return status;
}
