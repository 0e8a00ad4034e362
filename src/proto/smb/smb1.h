/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1 ([MS-CIFS], [MS-SMB]): what its parts share.  It uses the tables of smb.h: a session's
 * number is the UID, a share's the TID, a message's the MID; a file's key is {FID, SMB1_FILES}. */
#ifndef KD_PROTO_SMB_SMB1_H
#define KD_PROTO_SMB_SMB1_H

#include "proto/smb/smb.h"

enum smb1_command {
    SMB1_CREATE_DIRECTORY = 0x00,
    SMB1_DELETE_DIRECTORY = 0x01,
    SMB1_OPEN = 0x02,
    SMB1_CREATE = 0x03,
    SMB1_CLOSE = 0x04,
    SMB1_DELETE = 0x06,
    SMB1_RENAME = 0x07,
    SMB1_READ = 0x0a,
    SMB1_WRITE = 0x0b,
    SMB1_CREATE_NEW = 0x0f,
    SMB1_LOCKING_ANDX = 0x24,
    SMB1_TRANS = 0x25,
    SMB1_TRANS_SECONDARY = 0x26,
    SMB1_ECHO = 0x2b,
    SMB1_WRITE_AND_CLOSE = 0x2c,
    SMB1_OPEN_ANDX = 0x2d,
    SMB1_READ_ANDX = 0x2e,
    SMB1_WRITE_ANDX = 0x2f,
    SMB1_TRANS2 = 0x32,
    SMB1_TRANS2_SECONDARY = 0x33,
    SMB1_TREE_CONNECT = 0x70,
    SMB1_TREE_DISCONNECT = 0x71,
    SMB1_NEGOTIATE = 0x72,
    SMB1_SESSION_SETUP_ANDX = 0x73,
    SMB1_LOGOFF_ANDX = 0x74,
    SMB1_TREE_CONNECT_ANDX = 0x75,
    SMB1_NT_TRANSACT = 0xa0,
    SMB1_NT_TRANSACT_SECONDARY = 0xa1,
    SMB1_NT_CREATE_ANDX = 0xa2,
    SMB1_NT_CANCEL = 0xa4,
    SMB1_NT_RENAME = 0xa5,
    SMB1_NO_ANDX = 0xff
};

/* One command of a message (an AndX chain has several). */
struct smb1_cmd {
    struct smb_msg *m;   /* head.command is SMB1_COMMANDS + command */
    struct kd_cur words; /* parameters; behind the AndX head where the command has one */
    struct kd_cur data;  /* its data bytes, what was held of them */
    size_t data_at;      /* where they begin, from the SMB header */
    bool unicode;
    uint8_t n_words; /* as sent, the AndX head counted */
    bool chained;    /* follows another command that opens a file */
};

/* Handlers as in smb.h.  p is NULL when the request was not seen. */
struct smb1_handler {
    void (*request)(struct kd_ctx *ctx, struct smb1_cmd *c);
    void (*answer)(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);
};

static inline struct smb_key smb1_file_key(uint16_t fid)
{
    return (struct smb_key){fid, SMB1_FILES};
}

/* Key of a waiting request of the same client process and number, but this command. */
struct smb_key smb1_key(const struct smb_msg *m, uint8_t command);

/* The next text: to its zero, or all.  `raw` gives it as on the wire; smb1_text adds it as UTF-8.
 */
struct kd_bytes smb1_raw(struct smb1_cmd *c, bool unicode);
struct kd_bytes smb1_text(struct kd_out *o, struct kd_bytes raw, bool unicode);
void smb1_pending_text(struct smb_pending *p, unsigned i, struct kd_bytes raw, bool unicode);
static inline size_t smb1_room(struct kd_bytes raw)
{
    return raw.n * 2;
}

/* Emit a record of a command that has no more to tell than its names.  p or c->m may be missing. */
void smb1_tell(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p);
void smb1_tell_failure(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p);

/* n bytes of a file's content lie `at` bytes from the SMB header: hand on those held, and let the
 * rest follow from the stream. */
void smb1_content(struct kd_ctx *ctx, const struct smb_msg *m, struct smb_key file, uint64_t offset,
                  size_t at, uint32_t n);

/* smb1_session.c */
void smb1_negotiate_request(struct kd_ctx *ctx, struct smb1_cmd *c);
void smb1_negotiate_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);
void smb1_session_request(struct kd_ctx *ctx, struct smb1_cmd *c);
void smb1_session_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);
void smb1_tree_request(struct kd_ctx *ctx, struct smb1_cmd *c);
void smb1_tree_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);

/* smb1_file.c */
void smb1_open_request(struct kd_ctx *ctx, struct smb1_cmd *c);
void smb1_open_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);
void smb1_close_request(struct kd_ctx *ctx, struct smb1_cmd *c);
void smb1_close_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);
void smb1_read_request(struct kd_ctx *ctx, struct smb1_cmd *c);
void smb1_read_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);
void smb1_write_request(struct kd_ctx *ctx, struct smb1_cmd *c);
void smb1_write_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);
void smb1_path_request(struct kd_ctx *ctx, struct smb1_cmd *c); /* delete, rename, folders */
void smb1_path_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);

/* smb1_trans.c */
void smb1_trans_request(struct kd_ctx *ctx, struct smb1_cmd *c);
void smb1_trans_answer(struct kd_ctx *ctx, struct smb1_cmd *c, struct smb_pending *p);
void smb1_secondary_request(struct kd_ctx *ctx, struct smb1_cmd *c);
/* What a TRANS2 answer without a request of its own belongs to: the NT_TRANSACT that was continued
 * by TRANS2 parts, or the SESSION_SETUP that is answered under another number; or NULL. */
struct smb_pending *smb1_trans_stray(struct kd_ctx *ctx, const struct smb_msg *m);

#endif
