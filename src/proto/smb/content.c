/* SPDX-License-Identifier: Apache-2.0 */
/* Content of open files, read and written, to the carver: one `file` record for each direction. */
#include "proto/carve/carve.h"
#include "proto/smb/smb.h"

static struct kd_carve *begin(struct kd_ctx *ctx, const struct smb_file *f, enum kd_dir dir)
{
    const struct smb_tree *tree = smb_tree_find(ctx, f->session_id, f->tree_id);
    uint8_t room[SMB_PATH_MAX + SMB_PATH_MAX];
    struct kd_out source = kd_out_of(room, sizeof(room));
    if (tree != NULL) {
        kd_out_bytes(&source, kd_bytes_of(tree->share, tree->n));
        kd_out_str(&source, "\\");
    }
    kd_out_bytes(&source, kd_bytes_of(f->name, f->n));
    struct kd_carve_meta meta = {
        .filename = kd_bytes_of(f->name, f->n),
        .source = kd_out_bytes_view(&source),
        .size = dir == KD_TO_CLIENT ? f->size : 0,
        .to_server = dir == KD_TO_SERVER,
        .rewritable = dir == KD_TO_SERVER,
    };
    return kd_carve_begin(ctx, &meta);
}

/* A file of a share not seen (a capture begun later) may be a pipe: remote calls begin with their
 * version.  The first byte decides for all that follows, so that where a message was cut makes no
 * difference. */
static bool are_calls(struct smb_file *f, enum kd_dir dir, struct kd_bytes piece, bool start)
{
    enum { RPC_VERSION = 5 };
    if (start)
        f->calls[dir] = kd_bytes_at(piece, 0) == RPC_VERSION;
    return f->calls[dir];
}

void smb_file_data(struct kd_ctx *ctx, enum kd_dir dir, const struct smb_data *data,
                   struct kd_bytes piece, uint64_t n)
{
    struct smb_file *f = smb_file_find(ctx, data->file);
    if (f == NULL || f->directory)
        return;
    smb_pipe_data(ctx, dir, f, piece, n, data->offset == 0);
    bool calls = piece.n > 0 && are_calls(f, dir, piece, data->offset == 0);
    if (piece.n == 0 || f->pipe || (f->rpc != NULL && (f->n > 0 || calls)))
        return; /* what was lost is a hole before what comes next */
    if (f->carve[dir] == NULL) {
        f->carve[dir] = begin(ctx, f, dir);
        f->tx_no[dir] = ++smb_state_of(ctx)->n_tx;
    }
    kd_carve_at(f->carve[dir], data->offset, piece);
}

void smb_content_renamed(struct smb_file *f)
{
    for (size_t dir = 0; dir < KD_COUNT(f->carve); dir++)
        if (f->carve[dir] != NULL)
            kd_carve_name(f->carve[dir], kd_bytes_of(f->name, f->n));
}

void smb_content_end(struct kd_ctx *ctx, struct smb_file *f, bool closed)
{
    for (size_t dir = KD_COUNT(f->carve); dir-- > 0;) { /* what was read was there first */
        struct kd_carve *c = f->carve[dir];
        if (c != NULL)
            smb_step_content(ctx, f, (enum kd_dir)dir, c);
        if (c != NULL)
            kd_carve_end(ctx, c, closed && kd_carve_next(c) >= f->size);
        f->carve[dir] = NULL;
    }
}
