/* SPDX-License-Identifier: Apache-2.0 */
/* Of SMB 1 ([MS-CIFS] 2.2.3) only: is it spoken, or merely asked in order to come to SMB 2? */
#include "proto/smb/smb.h"

enum { COMMAND_NEGOTIATE = 0x72, FLAG_REPLY = 0x80, FORMAT_DIALECT = 0x02, DIALECTS_MAX = 64 };

/* Does the NEGOTIATE request offer SMB 2 ("SMB 2.002", "SMB 2.???")? */
static bool offers_smb2(struct kd_cur *c)
{
    (void)kd_cur_take(c, kd_cur_u8(c) * 2u); /* parameter words */
    struct kd_cur names = kd_cur_sub(c, kd_cur_le16(c));
    for (unsigned i = 0; i < DIALECTS_MAX && kd_cur_u8(&names) == FORMAT_DIALECT; i++) {
        size_t n = kd_bytes_find_byte(kd_bytes_of(names.p, names.n), 0);
        if (n == SIZE_MAX)
            return false;
        struct kd_bytes name = kd_cur_take(&names, n);
        (void)kd_cur_u8(&names);
        if (kd_bytes_starts(name, kd_str("SMB 2.")))
            return true;
    }
    return false;
}

static void tell(const struct kd_ctx *ctx, uint8_t command)
{
    struct smb_state *st = smb_state_of(ctx);
    if (st->smb1_told)
        return;
    st->smb1_told = true;
    struct kd_rec_smb rec = {.dialect = kd_str("SMB1")};
    if (command == COMMAND_NEGOTIATE)
        rec.command = kd_str("SMB1_COMMAND_NEGOTIATE_PROTOCOL");
    kd_emit(ctx, KD_REC_SMB, &rec);
}

void smb1_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes bytes)
{
    (void)dir;
    struct kd_cur c = kd_cur_of(bytes);
    (void)kd_cur_be32(&c);
    uint8_t command = kd_cur_u8(&c);
    (void)kd_cur_le32(&c); /* status */
    uint8_t flags = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 22);
    if (!kd_cur_ok(&c)) {
        smb_odd(ctx, SMB_ODD_HEADER);
        return;
    }
    bool asks_smb2 = command == COMMAND_NEGOTIATE && (flags & FLAG_REPLY) == 0 && offers_smb2(&c);
    if (!asks_smb2) /* otherwise the answer decides */
        tell(ctx, command);
}
