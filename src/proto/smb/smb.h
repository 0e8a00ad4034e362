/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the SMB parser share: smb.c cuts the stream, smb2.c pairs requests and
 * responses, session.c and file.c say what they mean; smb1.h has what SMB 1 adds. */
#ifndef KD_PROTO_SMB_SMB_H
#define KD_PROTO_SMB_SMB_H

#include "proto/parser.h"
#include "proto/smb/names.h"
#include "proto/smb/table.h"

enum smb2_command {
    SMB2_NEGOTIATE = 0,
    SMB2_SESSION_SETUP = 1,
    SMB2_LOGOFF = 2,
    SMB2_TREE_CONNECT = 3,
    SMB2_TREE_DISCONNECT = 4,
    SMB2_CREATE = 5,
    SMB2_CLOSE = 6,
    SMB2_FLUSH = 7,
    SMB2_READ = 8,
    SMB2_WRITE = 9,
    SMB2_LOCK = 10,
    SMB2_IOCTL = 11,
    SMB2_CANCEL = 12,
    SMB2_ECHO = 13,
    SMB2_QUERY_DIRECTORY = 14,
    SMB2_CHANGE_NOTIFY = 15,
    SMB2_QUERY_INFO = 16,
    SMB2_SET_INFO = 17,
    SMB2_OPLOCK_BREAK = 18,
    SMB2_COMMANDS = 20,
    SMB1_COMMANDS = 0x100, /* added to a command of SMB 1, to have one number for both */
    SMB1_CLOSED = SMB1_COMMANDS + 4,
    SMB1_READS = SMB1_COMMANDS + 0x2e,
    SMB1_WRITES = SMB1_COMMANDS + 0x2f
};

enum { SMB1_FILES = 0x100 }; /* second half of a file's key in SMB 1; the first is its FID */

enum {
    SMB2_HEADER = 64,
    SMB2_READ_ANSWER = 16,   /* fixed part of a READ response, before the data */
    SMB2_WRITE_REQUEST = 48, /* of a WRITE request */
    SMB2_IOCTL_ANSWER = 48,
    SMB2_TRANSFORM = 52,
    SMB2_COMPRESSION = 16,
    SMB1_HEADER = 32,
    SMB_NBSS = 4,

    SMB2_FLAG_RESPONSE = 0x1,
    SMB2_FLAG_ASYNC = 0x2,
    SMB2_FLAG_RELATED = 0x4,

    SMB_STATUS_PENDING = 0x103,
    SMB_FILE_ID = 16,
    SMB_PATH_MAX = 1024, /* bytes of UTF-8 kept of a path; the rest is cut */
    SMB_NAME_MAX = 256   /* of a user, domain, host */
};

#define SMB_STATUS_BUFFER_OVERFLOW 0x80000005u
#define SMB_STATUS_END_OF_FILE 0xc0000011u
#define SMB_STATUS_MORE_PROCESSING 0xc0000016u
#define SMB_STATUS_CANCELLED 0xc0000120u

/* Oddities, told once per conversation each. */
enum smb_oddity {
    SMB_ODD_HEADER,       /* smb_bad_header: header short or of another size */
    SMB_ODD_NEXT,         /* smb_bad_next_command: compound chain leaves the message */
    SMB_ODD_BODY,         /* smb_bad_body: fields point outside of the message */
    SMB_ODD_TOKEN,        /* smb_bad_security_token: neither SPNEGO nor NTLMSSP nor Kerberos */
    SMB_ODD_COMPRESSED,   /* smb_compressed: content is compressed and not read */
    SMB_ODD_DECOMPRESSED, /* smb_compression_overflow: sizes that overflow when added
                             (CVE-2020-0796) */
    SMB_ODD_COMPRESSION,  /* smb_bad_compression: sizes that cannot be those of a message */
    SMB_ODD_TYPE,         /* smb1_transaction_type: continued by the command of another kind
                             (MS17-010) */
    SMB_ODD_OVERRUN,      /* smb1_transaction_overrun: a part lies behind the announced total */
    SMB_ODD_SETUP,        /* smb1_session_setup_subcommand: TRANS2 subcommand nobody uses */
    SMB_ODD_MULTIPLEX,    /* smb1_multiplex_changed: its answer bears another number */
    SMB_ODDITIES
};

/* Text of bounded length in place. */
struct smb_text {
    uint16_t n;
    uint8_t b[SMB_NAME_MAX];
};

static inline struct kd_bytes smb_text_view(const struct smb_text *t)
{
    return kd_bytes_of(t->b, t->n);
}

enum smb_auth {
    SMB_AUTH_NONE,
    SMB_AUTH_NTLM,
    SMB_AUTH_KERBEROS,
    SMB_AUTH_LM,       /* SMB 1: LAN Manager response only */
    SMB_AUTH_PASSWORD, /* SMB 1: password in the clear */
    SMB_AUTH_GUEST,
    SMB_AUTH_ANONYMOUS
};

/* A logon at the server.  Key: session id. */
struct smb_session {
    struct smb_node node;
    enum smb_auth auth;
    bool established;
    uint64_t encrypted_n, encrypted_bytes;        /* messages */
    struct smb_text user, domain, host;           /* when established */
    struct smb_text target, dns_host, dns_domain; /* from the server's NTLM challenge */
};

/* A share in use.  Key: session id, tree id. */
struct smb_tree {
    struct smb_node node;
    uint8_t type;
    uint16_t n;
    uint8_t share[];
};

/* An open file.  Key: file id. */
struct smb_file {
    struct smb_node node;
    struct kd_dcerpc *rpc; /* of a named pipe in use */
    bool pipe, not_pipe;   /* surely one; surely none */
    bool calls[2];         /* what is written or read began like a remote call */
    uint64_t session_id;
    uint64_t size, read, written;
    uint32_t tree_id;
    bool directory, delete_on_close;
    struct kd_carve *carve[2]; /* content written and read */
    uint32_t tx_no[2];         /* numbers of these exchanges */
    uint32_t call_tx;          /* of the remote call under way, and what carried it */
    uint16_t call_command;
    uint16_t n;
    uint8_t name[];
};

enum { SMB_TEXTS = 6 };

/* A request that waits for its answer.  Key: message id. */
struct smb_pending {
    struct smb_node node;
    uint64_t session_id;
    uint32_t tree_id;
    uint32_t tx_no; /* number of the exchange; 0: a part of one */
    uint16_t command;
    bool chained; /* its file is the one created earlier in the same compound */
    struct smb_key file;
    union {
        struct {
            uint32_t access, disposition, options;
        } create;
        struct {
            uint64_t offset;
        } read;
        uint32_t fsctl;
        struct {
            uint64_t size;
            bool rename, remove, keep, resize;
        } set;
        struct {
            uint8_t auth; /* enum smb_auth; NONE: no names in this message */
            bool anonymous, ntlmv1;
            int32_t ticket_etype;
        } logon;
        struct smb_trans {
            uint32_t total_data, total_params; /* as announced */
            uint16_t function;                 /* setup word: subcommand, or function of a pipe */
            uint16_t level;                    /* of information, TRANS2 */
            bool pipe, told, rename, remove;
        } trans;
    } u;
    /* Consecutive in `text`: path, new name; or user (realm), domain (service), host, version, and
     * of SMB 1 the client's system and software. */
    uint16_t text_n[SMB_TEXTS];
    uint16_t text_room;
    uint8_t text[];
};

/* Content of a file on its way: where the body pieces of a READ response or WRITE request belong.
 */
struct smb_data {
    struct smb_key file;
    uint64_t offset; /* in the file, of the next byte */
    uint32_t skip;   /* bytes before the content */
    uint32_t left;
};

/* One direction of the stream. */
struct smb_stream {
    uint32_t left;      /* of the NetBIOS message, behind what was handed on */
    uint32_t body_left; /* of the body being streamed */
    bool started;
    bool unsure; /* behind a loss: the next message has to be looked for */
    struct smb_data data;
};

struct smb_state {
    struct smb_stream stream[2];
    struct smb_table pending, sessions, trees, files;
    size_t used;      /* memory of the tables */
    uint32_t n_tx;    /* exchanges so far, as EVE counts them */
    uint32_t told;    /* bits of enum smb_oddity */
    uint16_t dialect; /* SMB 1: as smb_dialect_name() has it */
    uint8_t client_guid[16];
    bool has_client_guid;
    uint8_t contexts;          /* offered in the negotiation, bits of enum smb_context */
    struct smb_key last_setup; /* SMB 1: newest TRANS2 SESSION_SETUP that waits */
    /* Of the compound being read, by direction of its messages. */
    struct {
        uint64_t session_id;
        uint32_t tree_id;
        struct smb_key file;
        bool chained;
    } ask;
    struct {
        struct smb_key file;
        bool failed, known;
    } created;
};

struct smb_head {
    uint32_t status, flags, next, tree_id;
    uint32_t dos_error; /* SMB 1: error of the old kind, class and code */
    uint16_t command;
    uint64_t message_id, session_id;
};

/* One SMB2 command: a message without its NetBIOS head, or a link of a compound chain. */
struct smb_msg {
    struct smb_head head;
    struct smb_key key;    /* its request waits under it */
    struct kd_bytes bytes; /* from the SMB2 header on, what was held of it */
    struct kd_cur body;    /* behind the header */
    enum kd_dir dir;
};

static inline struct smb_state *smb_state_of(const struct kd_ctx *ctx)
{
    return (struct smb_state *)ctx->state;
}

struct smb_memory smb_memory_of(const struct kd_ctx *ctx);
void smb_odd(const struct kd_ctx *ctx, enum smb_oddity what);

/* Capabilities offered by an SMB 3.1.1 client ([MS-SMB2] 2.2.3.1). */
enum smb_context {
    SMB_CONTEXT_PREAUTH = 1,
    SMB_CONTEXT_ENCRYPTION = 2,
    SMB_CONTEXT_COMPRESSION = 4,
    SMB_CONTEXT_OTHER = 8
};

/* smb2.c */
void smb2_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes bytes);
void smb2_transform(struct kd_ctx *ctx, struct kd_bytes bytes, uint32_t n); /* n: whole length */
void smb2_close(struct kd_ctx *ctx);

/* Remember a request, with room for `text` bytes; NULL when there is no memory. */
struct smb_pending *smb_expect(const struct kd_ctx *ctx, const struct smb_msg *m, size_t text);
/* It is an exchange of its own: it has a number. */
void smb_number(const struct kd_ctx *ctx, struct smb_pending *p);
struct smb_pending *smb_pending_find(const struct kd_ctx *ctx, struct smb_key key);
void smb_pending_drop(const struct kd_ctx *ctx, struct smb_pending *p);
void smb_pending_text(struct smb_pending *p, unsigned i, struct kd_bytes utf16);
void smb_pending_oem(struct smb_pending *p, unsigned i, struct kd_bytes oem); /* Shift_JIS */
struct kd_bytes smb_pending_view(const struct smb_pending *p, unsigned i);

/* A record's common part: numbers, names, session and share.  `p` may be NULL (request not seen),
 * `m` may be NULL (not answered).  Names without a constant are written into `room`. */
struct smb_room {
    char command[KD_SMB_NAME_ROOM], status[KD_SMB_NAME_ROOM], dialect[KD_SMB_NAME_ROOM],
        function[KD_SMB_NAME_ROOM];
    uint8_t file_id[SMB_FILE_ID];
};
void smb_record_start(const struct kd_ctx *ctx, const struct smb_msg *m,
                      const struct smb_pending *p, struct smb_room *room, struct kd_rec_smb *rec);
bool smb_is_failure(const struct smb_msg *m);

/* Handlers of one command: request() calls smb_expect() once; answer() gets m == NULL when the
 * conversation ended without an answer, and p == NULL when the request was not seen. */
struct smb_handler {
    void (*request)(struct kd_ctx *ctx, struct smb_msg *m);
    void (*answer)(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
};
extern const struct smb_handler smb_handlers[SMB2_COMMANDS];

/* session.c */
void smb_negotiate_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_negotiate_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
void smb_session_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_session_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
/* Either protocol: a security token is sent, and answered (m may be NULL) with SMB2's session
 * flags. */
struct smb_pending *smb_logon_request(struct kd_ctx *ctx, struct smb_msg *m, struct kd_bytes blob);
enum { SMB_SESSION_GUEST = 1, SMB_SESSION_NULL = 2, SMB_SESSION_ENCRYPTED = 4 };
void smb_logon_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p, uint16_t flags,
                      struct kd_bytes blob, struct kd_rec_smb *extra);
struct smb_session *smb_session_find(const struct kd_ctx *ctx, uint64_t id);
struct smb_session *smb_session_get(const struct kd_ctx *ctx, uint64_t id); /* made when missing */
struct kd_bytes smb_auth_name(enum smb_auth auth);

/* file.c: open files, for both protocols */
struct smb_created {
    uint64_t times[4]; /* made, read, written, changed: FILETIME */
    uint32_t action;
    uint64_t size;
    uint32_t attributes;
    struct smb_key file;
};
struct smb_file *smb_file_find(const struct kd_ctx *ctx, struct smb_key key);
/* The file of a READ or WRITE; one opened before we came is followed without a name. */
struct smb_file *smb_file_get(struct kd_ctx *ctx, const struct smb_pending *p);
void smb_file_opened(struct kd_ctx *ctx, const struct smb_msg *m, const struct smb_pending *p,
                     const struct smb_created *made, bool delete_on_close);
void smb_file_renamed(struct kd_ctx *ctx, const struct smb_pending *p, struct kd_bytes name);
void smb_file_closed(struct kd_ctx *ctx, const struct smb_msg *m, const struct smb_pending *p,
                     struct smb_file *f);
/* Fill a record with what is known of the request's file. */
void smb_describe_file(const struct kd_ctx *ctx, const struct smb_pending *p,
                       struct kd_rec_smb *rec);
void smb_tree_add(const struct kd_ctx *ctx, struct smb_key key, uint8_t type,
                  struct kd_bytes share);
void smb_tree_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_tree_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
struct smb_tree *smb_tree_find(const struct kd_ctx *ctx, uint64_t session_id, uint32_t tree_id);
void smb_create_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_create_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
void smb_close_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_close_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
void smb_read_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_read_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
void smb_write_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_write_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
void smb_set_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_set_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
void smb_ioctl_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_ioctl_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
void smb_file_request_8(struct kd_ctx *ctx, struct smb_msg *m);  /* file id 8 bytes into the body */
void smb_file_request_24(struct kd_ctx *ctx, struct smb_msg *m); /* 24 bytes */
void smb_other_request(struct kd_ctx *ctx, struct smb_msg *m);
void smb_other_answer(struct kd_ctx *ctx, struct smb_msg *m, struct smb_pending *p);
void smb_files_close(struct kd_ctx *ctx); /* tell what was read and written of files never closed */

/* step.c: what JSON lines alone tell.  All do nothing when nobody reads such lines. */
void smb_step(struct kd_ctx *ctx, struct smb_msg *m, const struct smb_pending *p);
void smb_step_file_id(const struct kd_ctx *ctx, struct smb_key file, struct smb_room *room, struct kd_rec_smb *rec);
void smb_step_times(const struct kd_ctx *ctx, const struct smb_created *made, struct kd_rec_smb *rec);
/* A file's content was read or written: a line for all its parts, and the same within the file's own record. */
void smb_step_content(struct kd_ctx *ctx, const struct smb_file *f, enum kd_dir dir, struct kd_carve *c);
/* A remote call in a pipe (kd_dcerpc_carrier.told); `arg` is the struct smb_file. */
void smb_step_call(const struct kd_ctx *ctx, void *arg, const struct kd_smb_call *call);

/* content.c.  The n bytes at data->offset of an open file; `piece` is empty when they were lost. */
void smb_file_data(struct kd_ctx *ctx, enum kd_dir dir, const struct smb_data *data,
                   struct kd_bytes piece, uint64_t n);
void smb_content_renamed(struct smb_file *f);
void smb_content_end(struct kd_ctx *ctx, struct smb_file *f, bool closed);

/* pipe.c: n bytes of a file's content; `piece` is shorter when some were lost; `start`: the first
 * ones of a READ, WRITE or transaction. */
void smb_pipe_data(const struct kd_ctx *ctx, enum kd_dir dir, struct smb_file *f,
                   struct kd_bytes piece, uint64_t n, bool start);
void smb_pipe_close(const struct kd_ctx *ctx, struct smb_file *f);

/* smb1.c */
void smb1_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes bytes);
/* How much of a message to hold, by its header and what follows it (at least min(left, 36) bytes).
 */
uint32_t smb1_held(struct kd_bytes b, uint32_t limit);
bool smb1_is_exchange(uint16_t command);
void smb1_unanswered(struct kd_ctx *ctx, struct smb_pending *p); /* at the end */

#endif
