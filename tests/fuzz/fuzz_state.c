/* SPDX-License-Identifier: Apache-2.0 */
/* What a brain takes up from the file of its predecessor.  The input is parts of it: u8 number of the part, u16
 * length, entries.  They get the head and the sums that an intact file has, so that the readers of the parts are
 * met; then the brain works with whatever it took up, and writes it, and its successor takes that up whole. */
#include "base/hash.h"
#include "brain/internal.h"
#include "brain/state.h"
#include "testbrain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { BLOCKS = 16, BYTES = 2 * BLOCKS * KD_STATE_BLOCK, HEAD = 64 };
static uint8_t mem[BYTES];

static const char *const names[] = {"hosts", "macs",  "marks",   "folds",   "stories", "trails", "mails",    "things",
                                    "share", "remote", "upload", "beacon",  "scan",    "kerberos", "tools",  "channel",
                                    "guess", "dynamic", "ldaplist", "account", "callback", "logon", "habit"};

static void put_block(uint8_t *b, const char *name, struct kd_bytes entries)
{
    struct kd_out o = kd_out_of(b, HEAD);
    kd_out_le32(&o, 0x4253444b);
    kd_out_le32(&o, 1);
    kd_out_le64(&o, 1);
    kd_out_le32(&o, 4096);
    kd_out_le32(&o, (uint32_t)entries.n);
    kd_out_str(&o, name);
    memcpy(b + HEAD, entries.p, entries.n);
    struct kd_out at = kd_out_of(b + HEAD - 8, 8);
    kd_out_le64(&at, kd_hash(b, HEAD + entries.n, 1));
}

static void put_head(uint8_t *slot, uint32_t blocks)
{
    struct kd_out o = kd_out_of(slot, HEAD);
    kd_out_le32(&o, 0x3153444b);
    kd_out_le32(&o, 1);
    kd_out_le64(&o, 1);
    kd_out_le64(&o, KD_TB_START_US);
    kd_out_le64(&o, 7);
    kd_out_le64(&o, 3);
    kd_out_le32(&o, blocks);
    kd_out_le32(&o, KD_STATE_BLOCK);
    kd_out_le64(&o, kd_hash(slot, o.n, 1));
}

static void work(struct kd_tb *t)
{
    struct kd_rec_smb s = {.command = kd_str("SMB2_COMMAND_CLOSE"), .share = kd_str("\\\\pc\\ADMIN$"),
                           .filename = kd_str("a.exe"), .share_type = kd_str("DISK"), .write_bytes = 9000};
    struct kd_rec_http h = {.hostname = kd_str("c2.example"), .url = kd_str("/a"), .http_method = kd_str("POST"), .status = 200};
    for (int i = 0; i < 8; i++) {
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i * 600, .src = "10.0.0.5", .src_port = 50000, .dst = "203.0.113.66",
                                           .dst_port = 443, .data_ts = 900, .data_tc = 900});
        kd_tb_put(t, kd_tb_head(KD_REC_HTTP, i * 600, "10.0.0.5", 50000, "203.0.113.5", 80), &h);
        kd_tb_put(t, kd_tb_head(KD_REC_SMB, i * 600 + 1, "10.0.0.5", 50000, "10.0.0.9", 445), &s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kd_cur c = kd_cur_of(kd_bytes_of(data, n));
    uint8_t *slot = mem + BYTES / 2; /* the odd one */
    uint32_t blocks = 0;
    memset(mem, 0, sizeof(mem));
    while (kd_cur_more(&c) && blocks < BLOCKS - 1) {
        uint8_t part = kd_cur_u8(&c);
        struct kd_bytes entries = kd_cur_take(&c, kd_cur_le16(&c));
        if (entries.n > 0)
            put_block(slot + (size_t)++blocks * KD_STATE_BLOCK, names[part % KD_COUNT(names)], entries);
    }
    put_head(slot, blocks);
    struct kd_tb_config cfg = {.known_bad = "ip 203.0.113.66 x", .state = mem, .state_bytes = BYTES};
    struct kd_tb *t = kd_tb_new(&cfg, NULL);
    KD_ASSERT(t != NULL);
    work(t);
    kd_tb_finish(t);
    kd_tb_free(t);
    t = kd_tb_new(&cfg, NULL);
    KD_ASSERT(t != NULL && t->brain->state.n_refused == 0);
    kd_tb_free(t);
    return 0;
}
