/* SPDX-License-Identifier: Apache-2.0 */
/* First inputs for the store's fuzz targets.  usage: store_seeds DIR (gets segment/, journal/,
 * hunt/, ask/) */
#include <sys/stat.h>

#include "gen.h"
#include "store/block.h"
#include "store/journal.h"
#include "wire/ask.h"

static void save(const char *dir, const char *kind, unsigned i, struct kd_bytes b)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, kind);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof(path), "%s/%s/%u", dir, kind, i);
    FILE *f = fopen(path, "wb");
    if (f == NULL || (b.n > 0 && fwrite(b.p, b.n, 1, f) != 1) || fclose(f) != 0) {
        perror(path);
        exit(3);
    }
}

int main(int argc, char **argv)
{
    static const char *const hunts[] = {
        "",
        "dns.rrname ~ \"a\" and not port = 53",
        "ip in (10.1.0.0/16, ::1) or any = x",
        "(event_type = tls and flow.start > 2025-01-01) or dns.answers.ttl >= 60",
        "not (proto = tcp or hash = 00ff)",
        "smb.share = \"\\\\\\\\srv\\\\c$\""};
    static uint8_t records[KD_BATCH_MAX], out[1 << 20];
    static uint64_t body[1024];
    if (argc != 2)
        return 2;
    struct kd_block_builder *b = kd_block_builder_new();
    struct kd_pool *pool = kd_pool_new(16 << 20);
    struct kd_built built = {.rows_taken = 0};
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 16 << 20);
    for (unsigned i = 1; i <= KD_REC_MAX; i++) {
        struct kd_gen g;
        struct kd_rec_head h;
        kd_gen_init(&g, i, 1763737200000000u);
        struct kd_out o = kd_out_of(records, sizeof(records));
        for (int k = 0; k < 4; k++) {
            kd_gen_any(&g, i, &mem, &h, body);
            kd_ignore(kd_record_put(&o, &h, body));
        }
        save(argv[1], "journal", i, kd_out_bytes_view(&o));
        struct kd_block_fixed fixed = {.seq = 1};
        if (kd_block_build(b, kd_out_bytes_view(&o), &fixed, &built) != KD_OK)
            return 3;
        struct kd_out s = kd_out_of(out, sizeof(out));
        kd_out_u8(&s, 1);
        kd_out_le16(&s, (uint16_t)built.head.n);
        kd_out_bytes(&s, kd_bytes_of(built.head.p, built.head.n));
        kd_out_bytes(&s, kd_bytes_of(built.data.p, built.data.n));
        save(argv[1], "segment", i, kd_out_bytes_view(&s));
        kd_arena_done(&mem);
    }
    for (unsigned i = 0; i < KD_COUNT(hunts); i++)
        save(argv[1], "hunt", i, kd_str(hunts[i]));
    for (unsigned kind = 1; kind < KD_ASK_KINDS; kind++) {
        struct kd_question q = {.id = kind, .kind = (enum kd_ask_kind)kind};
        struct kd_out o = kd_out_of(out, sizeof(out));
        if (kd_question_add(&q, "token", kd_str("00")) == KD_OK && kd_question_put(&o, &q) == KD_OK)
            save(argv[1], "ask", kind, kd_out_bytes_view(&o));
    }
    kd_built_done(&built);
    kd_block_builder_free(b);
    kd_pool_free(pool);
    return 0;
}
