/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/reading.h"
#include "bin/say.h"
#include "os/clock.h"
#include "store/incident_text.h"
#include "store/incidents.h"

enum { LISTED = 1000 };

static enum kd_status as_json(struct kd_meta *meta, bool list, uint64_t id, struct kd_jw *w)
{
    uint64_t next;
    struct kd_incident_filter f = {.limit = LISTED, .worst_first = true};
    if (list) {
        kd_jw_open(w, NULL, '[');
        enum kd_status s = kd_incidents_json(meta, &f, w, &next, NULL);
        kd_jw_close(w, ']');
        return s;
    }
    enum kd_status s = kd_incident_json(meta, id, w);
    kd_jw_close(w, '}');
    return s;
}

static int print(const struct kd_reading *rd, struct kd_meta *meta, bool list, uint64_t id)
{
    struct kd_heap text = {NULL, 0, 0};
    struct kd_jw w;
    kd_jw_init(&w, rd->zone_s);
    bool ja = kd_say_japanese();
    enum kd_status s = rd->json ? as_json(meta, list, id, &w)
                       : list   ? kd_incidents_text(meta, rd->zone_s, ja, &text)
                                : kd_incident_text(meta, id, ja, &text);
    int status = KD_EXIT_DONE;
    if (s == KD_NOT_FOUND)
        status = kd_say(KD_EXIT_NO, "incident", "%s: no such incident; see kidoban incident list", rd->operand);
    else if (s != KD_OK || !kd_jw_ok(&w))
        status = kd_say(KD_EXIT_COULD_NOT, "incident", "the incidents cannot be read: %s", kd_status_text(s));
    else if (rd->json)
        status = kd_reading_print("incident", kd_jw_view(&w));
    else
        status = kd_reading_print("incident", kd_bytes_of(text.p, text.n));
    if (status == KD_EXIT_DONE && rd->json)
        status = kd_reading_print("incident", kd_str("\n"));
    kd_jw_done(&w);
    kd_heap_done(&text);
    return status;
}

int kd_cmd_incident(int argc, char **argv)
{
    static struct kd_reading rd;
    static struct kd_meta meta;
    struct kd_err err = {0};
    uint64_t id = 0;
    bool list = argc > 1 && strcmp(argv[1], "list") == 0;
    if (!list && (argc < 2 || strcmp(argv[1], "show") != 0))
        return kd_say(KD_EXIT_USAGE, "incident", "say list, or show and a number; see kidoban incident --help");
    int status = kd_reading_begin("incident", argc - 1, argv + 1, !list, &rd);
    if (status != KD_EXIT_DONE)
        return status;
    if (!list && !kd_bytes_to_u64(kd_str(rd.operand), INT64_MAX, &id))
        return kd_say(KD_EXIT_USAGE, "incident", "%s is no number", rd.operand);
    if (kd_meta_open(rd.dir_path, false, false, kd_os_clock(), &meta, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "incident", &err);
    status = print(&rd, &meta, list, id);
    kd_meta_close(&meta);
    return status;
}
