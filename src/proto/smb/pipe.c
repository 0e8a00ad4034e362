/* SPDX-License-Identifier: Apache-2.0 */
/* Named pipes: what is written to and read from files of IPC$ is handed to DCE/RPC, which finds out
 * itself whether it is that. */
#include "proto/dcerpc/dcerpc.h"
#include "proto/smb/smb.h"

enum { SHARE_PIPE = 2 };

/* Of a share not seen (a capture begun later) the content decides: does a message begin here? */
static bool may_be_pipe(const struct kd_ctx *ctx, struct smb_file *f, struct kd_bytes piece,
                        bool start)
{
    enum { RPC_VERSION = 5 };
    const struct smb_tree *tree = smb_tree_find(ctx, f->session_id, f->tree_id);
    if (tree == NULL)
        return start && kd_bytes_at(piece, 0) == RPC_VERSION;
    f->not_pipe = tree->type != SHARE_PIPE &&
                  !kd_bytes_iends(kd_bytes_of(tree->share, tree->n), kd_str("IPC$"));
    return !f->not_pipe;
}

static void pipe_open(const struct kd_ctx *ctx, struct smb_file *f)
{
    const struct smb_session *s = smb_session_find(ctx, f->session_id);
    struct kd_dcerpc_carrier carrier = {
        .over = "smb",
        .endpoint = kd_bytes_of(f->name, f->n),
        .midstream = f->n == 0,
        .told = ctx->sink->steps ? smb_step_call : NULL,
        .arg = f,
    };
    if (s != NULL && s->established) {
        carrier.user = smb_text_view(&s->user);
        carrier.domain = smb_text_view(&s->domain);
        carrier.auth = smb_auth_name(s->auth);
    }
    f->rpc = kd_dcerpc_open(ctx, &carrier);
}

void smb_pipe_data(const struct kd_ctx *ctx, enum kd_dir dir, struct smb_file *f,
                   struct kd_bytes piece, uint64_t n, bool start)
{
    if (f->not_pipe)
        return;
    if (f->rpc == NULL && may_be_pipe(ctx, f, piece, start))
        pipe_open(ctx, f);
    if (f->rpc == NULL)
        return;
    if (start && dir == KD_TO_SERVER) {
        f->call_tx = ++smb_state_of(ctx)->n_tx;
        f->call_command = f->call_command != 0           ? f->call_command
                          : f->node.key.b == SMB1_FILES ? SMB1_WRITES
                                                        : SMB2_WRITE;
    }
    if (piece.n > 0)
        kd_dcerpc_data(ctx, f->rpc, dir, piece);
    if (piece.n < n)
        kd_dcerpc_gap(ctx, f->rpc, dir, n - piece.n);
}

void smb_pipe_close(const struct kd_ctx *ctx, struct smb_file *f)
{
    kd_dcerpc_close(ctx, f->rpc);
    f->rpc = NULL;
}
