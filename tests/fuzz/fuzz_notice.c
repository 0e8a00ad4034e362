/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between store and gate: what is read can be written again and reads the same; an item
 * becomes a mail whatever it says, and none of its bytes a header line. */
#include "notice/letter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void write_mail(const struct kd_notice *item)
{
    static uint8_t room[KD_LETTER_MAX];
    static const char *const to[] = {"officer@town.example"};
    static const struct kd_letter_config cfg = {.ja = true,
                                                .en = true,
                                                .from = "kidoban@town.example",
                                                .to = to,
                                                .n_to = 1,
                                                .url = "",
                                                .site = "s"};
    struct kd_out o = kd_out_of(room, sizeof(room));
    KD_ASSERT(kd_letter_write(&o, &cfg, &item, 1, item->last_us, 1) == KD_OK);
    struct kd_bytes head = kd_bytes_head(kd_out_bytes_view(&o),
                                         kd_bytes_find(kd_out_bytes_view(&o), kd_str("\r\n\r\n")));
    for (size_t i = 0; i < head.n; i++)
        KD_ASSERT(head.p[i] < 0x80 &&
                  (head.p[i] >= 0x20 || head.p[i] == '\r' || head.p[i] == '\n'));
    KD_ASSERT(kd_bytes_find(head, kd_str("\nBcc:")) == SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kd_notice_message m, again;
    static uint8_t buf[KD_NOTICE_MAX];
    if (kd_notice_read(kd_bytes_of(data, n), &m) != KD_OK)
        return 0;
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    KD_ASSERT(kd_notice_put(&o, &m) == KD_OK &&
              kd_notice_read(kd_out_bytes_view(&o), &again) == KD_OK && again.tag == m.tag);
    if (m.tag == KD_NOTICE_ITEM)
        write_mail(&m.item);
    return 0;
}
