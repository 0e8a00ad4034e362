/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the NFS parser share: nfs.c cuts the stream and reads the heads of remote calls (RFC 5531), args.c
 * the procedures of versions 2 and 3 (RFC 1094, 1813), compound.c those of version 4 (RFC 7530, 8881), file.c keeps
 * names and contents and writes records. */
#ifndef KD_PROTO_NFS_NFS_H
#define KD_PROTO_NFS_NFS_H

#include "proto/parser.h"
#include "proto/smb/table.h"

enum {
    NFS_HANDLE_MAX = 128, /* bytes, of version 4 */
    NFS_NAME_MAX = 1024,
    NFS_MACHINE_MAX = 64,
    NFS_FILES_MAX = 512, /* handles with a name or content, in one conversation */
    NFS_STATUS_ROOM = 16
};

/* What is asked for, in the numbers of version 3; others behind. */
enum nfs_op {
    NFS_NULL,
    NFS_GETATTR,
    NFS_SETATTR,
    NFS_LOOKUP,
    NFS_ACCESS,
    NFS_READLINK,
    NFS_READ,
    NFS_WRITE,
    NFS_CREATE,
    NFS_MKDIR,
    NFS_SYMLINK,
    NFS_MKNOD,
    NFS_REMOVE,
    NFS_RMDIR,
    NFS_RENAME,
    NFS_LINK,
    NFS_READDIR,
    NFS_READDIRPLUS,
    NFS_FSSTAT,
    NFS_FSINFO,
    NFS_PATHCONF,
    NFS_COMMIT,
    NFS_OPEN, /* version 4, of a file that is there */
    NFS_CLOSE,
    NFS_OTHER
};

enum nfs_status { NFS_OK = 0, NFS_ERR_PERM = 1, NFS_ERR_ACCES = 13 };

enum { NFS_AUTH_NULL = 0, NFS_AUTH_UNIX = 1, NFS_AUTH_GSS = 6 };

/* Who asks, as he says. */
struct nfs_who {
    uint32_t auth, uid, gid;
    uint8_t n;
    uint8_t machine[NFS_MACHINE_MAX];
};

/* A handle as the tables know it: hash and CRC-32. */
struct nfs_id {
    struct smb_key key;
    bool known;
};

/* A call that waits for its answer.  Key: its number. */
struct nfs_call {
    struct smb_node node;
    struct nfs_who who;
    struct nfs_id file;    /* what it is about: a directory where names are given */
    const char *procedure; /* static */
    uint64_t offset;
    uint32_t tx_no, number; /* number: of the procedure */
    uint8_t version;
    uint8_t op;      /* enum nfs_op */
    uint8_t service; /* of GSS: 0 none, 2 integrity, 3 privacy */
    uint16_t name_n, to_n;
    uint8_t text[]; /* name, new name */
};

struct nfs_side {
    struct kd_carve *carve;
    uint32_t tx_no, chunks, last_xid;
    uint64_t bytes;
    bool first, last;
};

/* A handle.  Key: struct nfs_id. */
struct nfs_file {
    struct smb_node node;
    struct nfs_who who; /* who read or wrote first */
    struct nfs_side side[2]; /* by direction: written, read */
    uint64_t size;
    uint8_t version;
    uint16_t n;
    uint8_t name[];
};

/* One direction of a stream. */
struct nfs_stream {
    uint32_t left;  /* of the fragment, behind what was held of it */
    bool continues; /* the next fragment belongs to the same message */
    struct nfs_data {
        struct smb_key file;
        uint64_t offset;
        uint32_t left;
        bool ends; /* the file, with the last of it */
    } data;
};

struct nfs_state {
    const struct kd_rec_nfs *present; /* of the call that rules are shown now */
    struct nfs_stream stream[2];
    struct smb_table calls, files;
    size_t used;
    uint32_t n_tx;
    bool told_bad;
};

static inline struct nfs_state *nfs_state_of(const struct kd_ctx *ctx)
{
    return ctx->state;
}

struct smb_memory nfs_memory(const struct kd_ctx *ctx);

/* What a call asks, while it is read. */
struct nfs_asked {
    enum nfs_op op;
    const char *procedure;
    struct kd_bytes handle, name, to;
    uint64_t offset;
    struct kd_bytes data; /* what is held of what is written … */
    uint32_t data_n;      /* … and how much it is */
    bool writes;
};

/* What an answer says, while it is read. */
struct nfs_answered {
    uint32_t status;
    struct kd_bytes handle; /* of what was looked up or made */
    struct kd_bytes data;
    uint32_t data_n;
    uint64_t size; /* of the file, where it is told; else 0 */
    bool reads, whole; /* its end was reached */
};

/* XDR (RFC 4506): counted bytes with their padding; at most `max`, else the cursor fails. */
struct kd_bytes nfs_opaque(struct kd_cur *c, size_t max);
/* The same where the end may not be held: its length, and what is there. */
struct kd_bytes nfs_bulk(struct kd_cur *c, uint32_t *ret_n);

/* args.c */
bool nfs_ask(uint8_t version, uint32_t procedure, struct kd_cur *c, struct nfs_asked *ret);
bool nfs_answer(const struct nfs_call *call, struct kd_cur *c, struct nfs_answered *ret);
const char *nfs_status_name(uint32_t status, char room[NFS_STATUS_ROOM]);

/* compound.c.  `each` is told the number of each operation. */
bool nfs_ask_compound(struct kd_cur *c, struct nfs_asked *ret, void (*each)(void *arg, uint32_t number), void *arg);
bool nfs_answer_compound(const struct nfs_call *call, struct kd_cur *c, struct nfs_answered *ret);

/* file.c */
struct nfs_id nfs_id_of(struct kd_bytes handle);
struct nfs_call *nfs_call_add(struct kd_ctx *ctx, uint32_t xid, const struct nfs_asked *asked);
void nfs_call_done(struct kd_ctx *ctx, struct nfs_call *call, const struct nfs_answered *a); /* a: NULL without an answer */
/* A call's record, as far as it is known; `a` may be NULL. */
struct nfs_room {
    char hash[9], status[NFS_STATUS_ROOM];
};
void nfs_describe(const struct kd_ctx *ctx, const struct nfs_call *call, const struct nfs_answered *a, struct nfs_room *room,
                  struct kd_rec_nfs *ret);
void nfs_content(struct kd_ctx *ctx, enum kd_dir dir, struct nfs_call *call, struct kd_bytes here, uint32_t n);
void nfs_more(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, uint64_t n); /* piece: empty when lost */
void nfs_close(struct kd_ctx *ctx);

#endif
