/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between web and store: what is read can be written again and reads the same. */
#include "wire/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kd_ask_message m, again;
    static uint8_t buf[KD_ASK_MAX];
    if (kd_ask_read(kd_bytes_of(data, n), &m) != KD_OK)
        return 0;
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    enum kd_status s = m.tag == KD_ASK_QUESTION ? kd_question_put(&o, &m.question)
                       : m.tag == KD_ASK_ANSWER ? kd_answer_put(&o, &m.answer)
                                                : kd_event_put(&o, &m.event);
    KD_ASSERT(s == KD_OK && kd_ask_read(kd_out_bytes_view(&o), &again) == KD_OK &&
              again.tag == m.tag);
    return 0;
}
