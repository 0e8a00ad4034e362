/* SPDX-License-Identifier: Apache-2.0 */
#include "notice/channel.h"

#include "base/clock.h"
#include "notice/clean.h"

void kd_channel_init(struct kd_channel *c, uint64_t alarm_us)
{
    *c = (struct kd_channel){.state = KD_CHANNEL_UNKNOWN, .alarm_us = alarm_us};
}

static void note(struct kd_channel *c, struct kd_bytes answer)
{
    struct kd_out o = kd_out_of(c->answer, sizeof(c->answer) - 1);
    kd_clean_line(&o, answer, sizeof(c->answer) - 1);
    c->answer[o.n] = '\0';
}

void kd_channel_ok(struct kd_channel *c, uint64_t now_us, struct kd_bytes answer)
{
    if (c->state != KD_CHANNEL_OK)
        c->since_us = now_us;
    c->state = KD_CHANNEL_OK;
    c->reason = KD_REASON_NONE;
    c->failures = 0;
    c->ok_us = now_us;
    c->next_us = now_us;
    note(c, answer);
}

void kd_channel_failed(struct kd_channel *c, uint64_t now_us, enum kd_reason reason,
                       struct kd_bytes answer)
{
    if (c->state != KD_CHANNEL_FAILING && c->state != KD_CHANNEL_DEAD) {
        c->since_us = now_us;
        c->state = KD_CHANNEL_FAILING;
    }
    unsigned doublings = c->failures < 10 ? c->failures : 10;
    uint64_t wait_s = kd_min_u64((uint64_t)KD_RETRY_FIRST_S << doublings, KD_RETRY_LAST_S);
    c->failures++;
    c->reason = reason;
    c->fail_us = now_us;
    c->next_us = now_us + wait_s * KD_US_PER_S;
    note(c, answer);
    (void)kd_channel_tick(c, now_us);
}

bool kd_channel_tick(struct kd_channel *c, uint64_t now_us)
{
    if (c->state != KD_CHANNEL_FAILING || now_us < c->since_us ||
        now_us - c->since_us < c->alarm_us)
        return false;
    c->state = KD_CHANNEL_DEAD;
    return true;
}

/* next_us lies at most KD_RETRY_LAST_S ahead, unless the clock was set back. */
bool kd_channel_may_send(const struct kd_channel *c, uint64_t now_us)
{
    return now_us >= c->next_us || c->next_us - now_us > KD_RETRY_LAST_S * (uint64_t)KD_US_PER_S;
}

bool kd_channel_should_probe(const struct kd_channel *c, uint64_t now_us)
{
    if (c->state != KD_CHANNEL_OK)
        return kd_channel_may_send(c, now_us);
    return now_us < c->ok_us || now_us - c->ok_us >= KD_PROBE_S * (uint64_t)KD_US_PER_S;
}

void kd_channel_tell(const struct kd_channel *c, size_t waiting, struct kd_notice_channel *ret)
{
    const struct kd_reason_row *why = kd_reason_row(c->reason);
    *ret = (struct kd_notice_channel){.state = (uint8_t)c->state,
                                      .waiting = (uint32_t)waiting,
                                      .ok_us = c->ok_us,
                                      .fail_us = c->fail_us,
                                      .since_us = c->since_us,
                                      .next_us = c->state == KD_CHANNEL_OK ? 0 : c->next_us,
                                      .reason = kd_str(why->name),
                                      .why = {kd_str(why->ja), kd_str(why->en)},
                                      .action = {kd_str(why->do_ja), kd_str(why->do_en)},
                                      .answer = kd_str(c->answer)};
}
