/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's input when it reads capture files: asked for one by one, read at full speed or at the
 * pace they were recorded. */
#ifndef KD_BIN_ENGINE_FILES_H
#define KD_BIN_ENGINE_FILES_H

#include "bin/start.h"
#include "engine/engine.h"
#include "os/progress.h"

/* Until the parent has no more, or says stop. */
void kd_engine_files(struct kd_engine *e, const struct kd_start *s, struct kd_progress_input *at);

#endif
