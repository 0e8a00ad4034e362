/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations of a text protocol written down in a unit test: begin(), client(), server(),
 * lost(), then play(), CHECKs on the records' text, and done(). */
#ifndef KD_TESTS_TALK_H
#define KD_TESTS_TALK_H

#include "tape.h"

#include "../tap.h"

/* The test sets it. */
static const struct kd_parser *talk_parser;

static uint8_t room[1 << 20];
static struct kd_out tape;
static struct kd_tape_run run;

static inline void begin(void)
{
    tape = kd_out_of(room, sizeof(room));
}

static inline void client(const char *text)
{
    kd_tape_add(&tape, KD_TO_SERVER, kd_str(text));
}

static inline void server(const char *text)
{
    kd_tape_add(&tape, KD_TO_CLIENT, kd_str(text));
}

static inline void lost(enum kd_dir dir, uint16_t n)
{
    kd_out_u8(&tape, (uint8_t)(dir | 2));
    kd_out_be16(&tape, n);
}

/* Play it whole and split; both must agree. */
static inline void play(void)
{
    static const size_t steps[] = {1, 2, 3, 17};
    for (size_t i = 0; i < KD_COUNT(steps); i++) {
        const char *broken = kd_tape_check(talk_parser, kd_out_bytes_view(&tape), steps[i]);
        if (broken != NULL)
            printf("# %s (step %zu)\n", broken, steps[i]);
        CHECK(broken == NULL);
    }
    run = kd_tape_play(talk_parser, kd_out_bytes_view(&tape), SIZE_MAX);
}

static inline void done(void)
{
    if (tap_bad > 0)
        printf("# %s\n", run.text);
    kd_tape_run_done(&run);
}

static inline bool has(const char *text)
{
    bool found = strstr(run.text, text) != NULL;
    if (!found)
        printf("# lacks %s\n", text);
    return found;
}

/* Was this frame told (tape.h)? */
static inline bool has_frame(const char *line)
{
    size_t n = strlen(line);
    for (const char *p = run.frames; (p = strstr(p, line)) != NULL; p++)
        if ((p == run.frames || p[-1] == '\n') && p[n] == '\n')
            return true;
    printf("# lacks frame %s of\n%s", line, run.frames);
    return false;
}

static inline bool lacks(const char *text)
{
    return strstr(run.text, text) == NULL;
}

static inline unsigned records(const char *type)
{
    char want[64];
    snprintf(want, sizeof(want), "\"event_type\":\"%s\"", type);
    unsigned n = 0;
    for (const char *p = run.text; (p = strstr(p, want)) != NULL; p++)
        n++;
    return n;
}

#endif
