/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that ask for names which do not exist, through the brain.  usage: names_roc GROUPS ASKED TUNABLES <
 * NAMES; each of GROUPS machines asks for ASKED names drawn from the lines.  Prints how many machines were told by the
 * detector of invented names, at all and as medium. */
#include "base/clock.h"
#include "brain/brain.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = 100000, GROUPS_MAX = 60000 };
#define START_US 1763770502000000u

static char names[NAMES_MAX][128];
static uint8_t told[GROUPS_MAX];
static uint64_t lottery = 88172645463325252u;

static uint64_t draw(void) /* xorshift64*: the same on every machine */
{
    lottery ^= lottery >> 12;
    lottery ^= lottery << 25;
    lottery ^= lottery >> 27;
    return (lottery * 2685821657736338717u) >> 16;
}

static enum kd_status take(void *arg, struct kd_bytes b)
{
    struct kd_pool *pool = arg;
    struct kd_cur c = kd_cur_of(b);
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    struct kd_rec_alert a;
    while (kd_record_next(&c, &head, &body, &whole) == KD_OK) {
        struct kd_arena mem;
        kd_arena_init(&mem, pool, 1 << 20);
        if (head.type == KD_REC_ALERT && kd_body_decode(kd_schemas[head.type], body, &mem, &a) == KD_OK &&
            kd_bytes_eq_str(a.detection_id, "KD-CC-0010")) {
            unsigned host = (unsigned)a.host.b[13] << 16 | (unsigned)a.host.b[14] << 8 | a.host.b[15];
            uint8_t level = kd_bytes_eq_str(a.severity, "low") ? 1 : 2;
            told[host % GROUPS_MAX] = level > told[host % GROUPS_MAX] ? level : told[host % GROUPS_MAX];
        }
        kd_arena_done(&mem);
    }
    return KD_OK;
}

int main(int argc, char **argv)
{
    unsigned n_groups = argc > 1 ? (unsigned)atoi(argv[1]) : 1000, asked = argc > 2 ? (unsigned)atoi(argv[2]) : 15, n = 0;
    char line[512];
    while (n < NAMES_MAX && fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        snprintf(names[n++], sizeof(names[0]), "%.127s", line);
    }
    struct kd_pool *pool = kd_pool_new(4 << 20);
    struct kd_brain *brain;
    struct kd_err err;
    struct kd_brain_config cfg = {.lim = &kd_limits_default, .hash_seed = 1, .max_memory = (size_t)1 << 30,
                                  .zone_s = KD_ZONE_JAPAN_S, .tunables = kd_str(argc > 3 ? argv[3] : "")};
    if (n == 0 || n_groups > GROUPS_MAX || pool == NULL ||
        kd_brain_new(&cfg, (struct kd_brain_out){take, pool}, &brain, &err) != KD_OK)
        return 2;
    static uint8_t room[KD_BATCH_MAX];
    struct kd_out out = kd_out_of(room, sizeof(room));
    for (unsigned g = 0; g < n_groups; g++) {
        uint8_t host[4] = {10, (uint8_t)(g >> 16), (uint8_t)(g >> 8), (uint8_t)g}, resolver[4] = {192, 168, 0, 1};
        for (unsigned i = 0; i < asked; i++) {
            uint64_t id = (uint64_t)g * asked + i + 1;
            struct kd_rec_dns d = {.kind = kd_str("answer"), .rrname = kd_str(names[draw() % n]), .rrtype = kd_str("A"),
                                   .rcode = kd_str("NXDOMAIN")};
            struct kd_rec_head head = {.ts_us = START_US + (uint64_t)g * 1000000 + i * 1000, .id = id, .flow_id = id,
                                       .type = KD_REC_DNS, .app = KD_APP_DNS, .proto = 17, .src = kd_addr_v4(host),
                                       .dst = kd_addr_v4(resolver), .src_port = 50000, .dst_port = 53};
            KD_ASSERT(kd_record_put(&out, &head, &d) == KD_OK);
        }
        KD_ASSERT(kd_brain_batch(brain, kd_out_bytes_view(&out)) == KD_OK);
        out = kd_out_of(room, sizeof(room));
    }
    kd_brain_finish(brain);
    unsigned low = 0, medium = 0;
    for (unsigned g = 0; g < n_groups; g++) {
        low += told[g] >= 1;
        medium += told[g] >= 2;
    }
    printf("%u\t%u\t%u\n", n_groups, low, medium);
    kd_brain_free(brain);
    kd_pool_free(pool);
    return 0;
}
