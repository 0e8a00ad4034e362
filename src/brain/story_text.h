/* SPDX-License-Identifier: Apache-2.0 */
/* What an incident says to people, in both languages. */
#ifndef KD_BRAIN_STORY_TEXT_H
#define KD_BRAIN_STORY_TEXT_H

#include "brain/internal.h"
#include "brain/text.h"

/* What the sentences are made of. */
struct kd_story_facts {
    struct kd_brain *b;
    const struct kd_story *y;
    const struct kd_story_host *zero; /* NULL: no inside host acts */
    const struct kd_step *first;      /* first weighing step */
    unsigned stages, medium;          /* bits of stages with a step, with a medium one */
    unsigned n_acting, n_spread, n_entered, n_targeted;
    bool encrypted;                   /* a call out was encrypted */
};

void kd_story_facts(struct kd_brain *b, const struct kd_story *y, struct kd_story_facts *ret);
void kd_story_title(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o);
void kd_story_zero_why(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o);
void kd_story_summary(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o);
void kd_story_unknown(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o); /* a point a line */
void kd_story_do(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o);      /* a step a line */

/* The stage in words. */
const char *kd_stage_text(enum kd_stage stage, enum kd_lang lang);

#endif
