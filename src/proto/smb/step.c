/* SPDX-License-Identifier: Apache-2.0 */
/* What JSON lines alone tell of shares: ordinary commands, reading and writing of a file as one line each, remote calls
 * within pipes.  Nothing here is stored, and nothing is done when nobody reads such lines. */
#include "proto/carve/carve.h"
#include "proto/dcerpc/dcerpc.h"
#include "proto/smb/smb.h"
#include "wire/record.h"

enum { FILETIME_PER_S = 10000000 };
#define FILETIME_1970_S 11644473600u

void smb_step(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p)
{
    struct smb_room room;
    struct kd_rec_smb rec;
    if (!ctx->sink->steps || m == NULL || (p != NULL && p->tx_no == 0))
        return;
    smb_record_start(ctx, m, p, &room, &rec);
    smb_describe_file(ctx, p, &rec);
    if (p != NULL && rec.filename.n > 0)
        smb_step_file_id(ctx, p->file, &room, &rec);
    kd_emit(ctx, KD_REC_SMB_STEP, &rec);
}

/* The identity is as it is in messages: both numbers, least byte first.  SMB 1 has none of this kind. */
void smb_step_file_id(const struct kd_ctx *ctx, struct smb_key file, struct smb_room *room, struct kd_rec_smb *rec)
{
    if (!ctx->sink->steps || file.b == SMB1_FILES)
        return;
    struct kd_out o = kd_out_of(room->file_id, sizeof(room->file_id));
    kd_out_le64(&o, file.a);
    kd_out_le64(&o, file.b);
    rec->file_id = kd_out_bytes_view(&o);
}

static uint32_t seconds(uint64_t filetime)
{
    uint64_t s = filetime / FILETIME_PER_S;
    return s < FILETIME_1970_S ? 0 : (uint32_t)kd_min_u64(s - FILETIME_1970_S, UINT32_MAX);
}

void smb_step_times(const struct kd_ctx *ctx, const struct smb_created *made, struct kd_rec_smb *rec)
{
    if (!ctx->sink->steps)
        return;
    rec->created = seconds(made->times[0]);
    rec->accessed = seconds(made->times[1]);
    rec->modified = seconds(made->times[2]);
    rec->changed = seconds(made->times[3]);
}

/* A record about an open file, of this command. */
static void describe(const struct kd_ctx *ctx, const struct smb_file *f, uint16_t command, struct smb_room *room,
                     struct kd_rec_smb *rec)
{
    struct smb_pending p = {.command = command, .session_id = f->session_id, .tree_id = f->tree_id};
    smb_record_start(ctx, NULL, &p, room, rec);
    rec->status = smb_status_name(0, room->status);
    rec->filename = kd_bytes_of(f->name, f->n);
    smb_step_file_id(ctx, f->node.key, room, rec);
}

void smb_step_content(struct kd_ctx *ctx, const struct smb_file *f, enum kd_dir dir, struct kd_carve *c)
{
    static const uint16_t commands[2][2] = {{SMB2_WRITE, SMB2_READ}, {SMB1_WRITES, SMB1_READS}};
    uint8_t coded[2 * SMB_PATH_MAX + 1024];
    struct kd_out o = kd_out_of(coded, sizeof(coded));
    struct smb_room room;
    struct kd_rec_smb rec;
    if (!ctx->sink->steps)
        return;
    describe(ctx, f, commands[f->node.key.b == SMB1_FILES][dir], &room, &rec);
    rec.tx_no = f->tx_no[dir];
    kd_emit(ctx, KD_REC_SMB_STEP, &rec);
    kd_out_u8(&o, KD_REC_SMB);
    kd_body_put(&o, kd_schema_of(KD_REC_SMB), &rec);
    if (kd_out_ok(&o))
        kd_carve_transaction(c, kd_out_bytes_view(&o));
}

void smb_step_call(const struct kd_ctx *ctx, void *arg, const struct kd_smb_call *call)
{
    const struct smb_file *f = arg;
    struct smb_room room;
    struct kd_rec_smb rec;
    describe(ctx, f, f->call_command, &room, &rec);
    rec.tx_no = f->call_tx;
    rec.call = (struct kd_list){call, 1};
    kd_emit(ctx, KD_REC_SMB_STEP, &rec);
}
