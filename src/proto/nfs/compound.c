/* SPDX-License-Identifier: Apache-2.0 */
/* NFS 4 (RFC 7530, 8881): a call is a row of operations that work on a current file.  They are walked as far as they are
 * known; the one that says most gives the call its name. */
#include "proto/nfs/nfs.h"

enum {
    OPERATIONS_MAX = 64,
    TAG_MAX = 1024,
    ATTRIBUTES_MAX = 65536,
    STATE = 16,
    CHANGE = 20, /* what an operation did to a directory */
    VERIFIER = 8,
    SESSION_STEP = 32
};

enum operation {
    ACCESS = 3, CLOSE = 4, COMMIT = 5, CREATE = 6, DELEGRETURN = 8, GETATTR = 9, GETFH = 10, LINK = 11, LOOKUP = 15,
    LOOKUPP = 16, NVERIFY = 17, OPEN = 18, OPEN_CONFIRM = 20, OPEN_DOWNGRADE = 21, PUTFH = 22, PUTPUBFH = 23,
    PUTROOTFH = 24, READ = 25, READDIR = 26, READLINK = 27, REMOVE = 28, RENAME = 29, RENEW = 30, RESTOREFH = 31,
    SAVEFH = 32, SECINFO = 33, SETATTR = 34, SETCLIENTID = 35, SETCLIENTID_CONFIRM = 36, VERIFY = 37, WRITE = 38,
    EXCHANGE_ID = 42, CREATE_SESSION = 43, DESTROY_SESSION = 44, FREE_STATEID = 45, SECINFO_NO_NAME = 52, SEQUENCE = 53,
    DESTROY_CLIENTID = 57, RECLAIM_COMPLETE = 58
};

/* What a call is called after: the operation of the highest rank. */
static const struct naming {
    uint8_t number, op, rank;
    const char *name;
} namings[] = {
    {GETATTR, NFS_GETATTR, 1, "GETATTR"},   {ACCESS, NFS_ACCESS, 2, "ACCESS"},       {LOOKUP, NFS_LOOKUP, 3, "LOOKUP"},
    {LOOKUPP, NFS_OTHER, 3, "LOOKUPP"},     {READLINK, NFS_READLINK, 3, "READLINK"}, {READDIR, NFS_READDIR, 4, "READDIR"},
    {SETATTR, NFS_SETATTR, 4, "SETATTR"},   {SECINFO, NFS_OTHER, 4, "SECINFO"},      {COMMIT, NFS_COMMIT, 4, "COMMIT"},
    {OPEN, NFS_OPEN, 5, "OPEN"},            {CLOSE, NFS_CLOSE, 5, "CLOSE"},          {READ, NFS_READ, 6, "READ"},
    {WRITE, NFS_WRITE, 6, "WRITE"},         {CREATE, NFS_MKNOD, 7, "CREATE"},        {LINK, NFS_LINK, 7, "LINK"},
    {REMOVE, NFS_REMOVE, 7, "REMOVE"},      {RENAME, NFS_RENAME, 7, "RENAME"},
    {SETCLIENTID, NFS_OTHER, 2, "SETCLIENTID"}, {SETCLIENTID_CONFIRM, NFS_OTHER, 2, "SETCLIENTID_CONFIRM"},
    {EXCHANGE_ID, NFS_OTHER, 2, "EXCHANGE_ID"}, {CREATE_SESSION, NFS_OTHER, 2, "CREATE_SESSION"},
    {DESTROY_SESSION, NFS_OTHER, 2, "DESTROY_SESSION"}, {DESTROY_CLIENTID, NFS_OTHER, 2, "DESTROY_CLIENTID"},
    {RECLAIM_COMPLETE, NFS_OTHER, 2, "RECLAIM_COMPLETE"}, {RENEW, NFS_OTHER, 2, "RENEW"},
    {OPEN_CONFIRM, NFS_OTHER, 2, "OPEN_CONFIRM"}, {SEQUENCE, NFS_OTHER, 0, "SEQUENCE"},
};

static const struct naming *naming_of(uint32_t number)
{
    for (size_t i = 0; i < KD_COUNT(namings); i++)
        if (namings[i].number == number)
            return &namings[i];
    return NULL;
}

static void skip_bitmap(struct kd_cur *c)
{
    uint32_t n = kd_cur_be32(c);
    (void)kd_cur_take(c, n > OPERATIONS_MAX ? SIZE_MAX : (size_t)n * 4);
}

static void skip_attributes(struct kd_cur *c)
{
    skip_bitmap(c);
    (void)nfs_opaque(c, ATTRIBUTES_MAX);
}

/* ---- calls ---- */

static void ask_create(struct kd_cur *c, struct nfs_asked *ret)
{
    enum { BLOCK = 3, CHARACTER = 4, LINK_TO = 5, DIRECTORY = 2 };
    uint32_t type = kd_cur_be32(c);
    if (type == LINK_TO)
        (void)nfs_opaque(c, NFS_NAME_MAX);
    if (type == BLOCK || type == CHARACTER)
        (void)kd_cur_take(c, 8);
    ret->name = nfs_opaque(c, NFS_NAME_MAX);
    skip_attributes(c);
    if (type == DIRECTORY || type == LINK_TO) {
        ret->op = type == DIRECTORY ? NFS_MKDIR : NFS_SYMLINK;
        ret->procedure = type == DIRECTORY ? "MKDIR" : "SYMLINK";
    }
}

static void ask_open(struct kd_cur *c, struct nfs_asked *ret)
{
    enum { UNCHECKED = 0, GUARDED = 1, EXCLUSIVE = 2 };
    enum { NEW = 0, PREVIOUS = 1, DELEGATE_CUR = 2, DELEGATE_PREV = 3, BY_HANDLE_DELEGATE = 5 };
    (void)kd_cur_take(c, 12 + 8); /* sequence, access, sharing; client */
    (void)nfs_opaque(c, NFS_NAME_MAX);
    bool creates = kd_cur_be32(c) != 0;
    if (creates) {
        uint32_t how = kd_cur_be32(c);
        if (how >= EXCLUSIVE)
            (void)kd_cur_take(c, VERIFIER);
        if (how != EXCLUSIVE)
            skip_attributes(c);
        ret->op = NFS_CREATE;
    }
    uint32_t claim = kd_cur_be32(c);
    if (claim == PREVIOUS)
        (void)kd_cur_be32(c);
    if (claim == DELEGATE_CUR || claim == BY_HANDLE_DELEGATE)
        (void)kd_cur_take(c, STATE);
    if (claim == NEW || claim == DELEGATE_CUR || claim == DELEGATE_PREV)
        ret->name = nfs_opaque(c, NFS_NAME_MAX);
}

/* The arguments of one operation.  False: not known, the row ends here. */
static bool ask_one(uint32_t number, struct kd_cur *c, struct nfs_asked *ret)
{
    switch (number) {
    case ACCESS:
    case RECLAIM_COMPLETE:
    case SECINFO_NO_NAME:
        (void)kd_cur_be32(c);
        break;
    case CLOSE:
    case OPEN_CONFIRM:
        (void)kd_cur_take(c, STATE + 4);
        break;
    case COMMIT:
        (void)kd_cur_take(c, 12);
        break;
    case CREATE:
        ask_create(c, ret);
        break;
    case DELEGRETURN:
    case FREE_STATEID:
    case DESTROY_SESSION:
        (void)kd_cur_take(c, STATE);
        break;
    case GETATTR:
        skip_bitmap(c);
        break;
    case LINK:
    case LOOKUP:
    case REMOVE:
    case SECINFO:
        ret->name = nfs_opaque(c, NFS_NAME_MAX);
        break;
    case OPEN:
        ask_open(c, ret);
        break;
    case OPEN_DOWNGRADE:
        (void)kd_cur_take(c, STATE + 12);
        break;
    case PUTFH:
        ret->handle = nfs_opaque(c, NFS_HANDLE_MAX);
        break;
    case READ:
        (void)kd_cur_take(c, STATE);
        ret->offset = kd_cur_be64(c);
        (void)kd_cur_be32(c);
        break;
    case READDIR:
        (void)kd_cur_take(c, 8 + VERIFIER + 8);
        skip_bitmap(c);
        break;
    case RENAME:
        ret->name = nfs_opaque(c, NFS_NAME_MAX);
        ret->to = nfs_opaque(c, NFS_NAME_MAX);
        break;
    case RENEW:
    case DESTROY_CLIENTID:
        (void)kd_cur_be64(c);
        break;
    case SEQUENCE:
        (void)kd_cur_take(c, SESSION_STEP);
        break;
    case SETATTR:
        (void)kd_cur_take(c, STATE);
        skip_attributes(c);
        break;
    case SETCLIENTID_CONFIRM:
        (void)kd_cur_take(c, 8 + VERIFIER);
        break;
    case NVERIFY:
    case VERIFY:
        skip_attributes(c);
        break;
    case WRITE:
        (void)kd_cur_take(c, STATE);
        ret->offset = kd_cur_be64(c);
        (void)kd_cur_be32(c); /* how safely */
        ret->data = nfs_bulk(c, &ret->data_n);
        ret->writes = kd_cur_ok(c);
        return false; /* what follows lies behind the data */
    case GETFH:
    case LOOKUPP:
    case PUTPUBFH:
    case PUTROOTFH:
    case READLINK:
    case RESTOREFH:
    case SAVEFH:
        break;
    default:
        return false;
    }
    return kd_cur_ok(c);
}

/* A row's name is that of the operation that says most, and its file the one in hand then. */
bool nfs_ask_compound(struct kd_cur *c, struct nfs_asked *ret, void (*each)(void *arg, uint32_t number), void *arg)
{
    struct nfs_asked row = {.op = NFS_OTHER, .procedure = "COMPOUND"};
    unsigned rank = 0;
    bool more = true;
    (void)nfs_opaque(c, TAG_MAX);
    (void)kd_cur_be32(c); /* minor version */
    uint32_t n = kd_cur_be32(c);
    if (!kd_cur_ok(c))
        return false;
    for (uint32_t i = 0; more && i < n && i < OPERATIONS_MAX; i++) {
        uint32_t number = kd_cur_be32(c);
        if (!kd_cur_ok(c))
            break;
        const struct naming *naming = naming_of(number);
        struct nfs_asked one = {.op = naming != NULL ? (enum nfs_op)naming->op : NFS_OTHER,
                                .procedure = naming != NULL ? naming->name : "UNKNOWN",
                                .handle = row.handle};
        each(arg, number);
        more = ask_one(number, c, &one);
        if (number == PUTFH)
            row.handle = one.handle;
        if (naming != NULL && naming->rank >= rank && kd_cur_ok(c)) {
            rank = naming->rank;
            row = one;
        }
    }
    *ret = row;
    return true;
}

/* ---- answers ---- */

static void skip_delegation(struct kd_cur *c)
{
    enum { READ_IT = 1, WRITE_IT = 2, NONE_BECAUSE = 3 };
    uint32_t type = kd_cur_be32(c);
    if (type == NONE_BECAUSE) {
        uint32_t why = kd_cur_be32(c);
        if (why == 1 || why == 2)
            (void)kd_cur_be32(c);
    }
    if (type != READ_IT && type != WRITE_IT)
        return;
    (void)kd_cur_take(c, STATE + 4 + (type == WRITE_IT ? 12u : 0u));
    (void)kd_cur_take(c, 12);
    (void)nfs_opaque(c, NFS_NAME_MAX);
}

/* One operation's result, which succeeded.  False: the row ends here. */
static bool answer_one(uint32_t number, struct kd_cur *c, struct nfs_answered *ret)
{
    switch (number) {
    case ACCESS:
        (void)kd_cur_be64(c);
        break;
    case CLOSE:
    case OPEN_CONFIRM:
    case OPEN_DOWNGRADE:
        (void)kd_cur_take(c, STATE);
        break;
    case COMMIT:
        (void)kd_cur_take(c, VERIFIER);
        break;
    case CREATE:
        (void)kd_cur_take(c, CHANGE);
        skip_bitmap(c);
        break;
    case GETATTR:
        skip_attributes(c);
        break;
    case GETFH:
        ret->handle = nfs_opaque(c, NFS_HANDLE_MAX);
        break;
    case LINK:
    case REMOVE:
        (void)kd_cur_take(c, CHANGE);
        break;
    case OPEN:
        (void)kd_cur_take(c, STATE + CHANGE + 4);
        skip_bitmap(c);
        skip_delegation(c);
        break;
    case READ:
        ret->whole = kd_cur_be32(c) != 0;
        ret->data = nfs_bulk(c, &ret->data_n);
        ret->reads = kd_cur_ok(c);
        return false;
    case RENAME:
        (void)kd_cur_take(c, 2 * CHANGE);
        break;
    case SEQUENCE:
        (void)kd_cur_take(c, STATE + 20);
        break;
    case SETATTR:
        skip_bitmap(c);
        break;
    case WRITE:
        (void)kd_cur_take(c, 8 + VERIFIER);
        break;
    case DELEGRETURN:
    case LOOKUP:
    case LOOKUPP:
    case PUTFH:
    case PUTPUBFH:
    case PUTROOTFH:
    case RESTOREFH:
    case SAVEFH:
    case RENEW:
        break;
    default:
        return false;
    }
    return kd_cur_ok(c);
}

bool nfs_answer_compound(const struct nfs_call *call, struct kd_cur *c, struct nfs_answered *ret)
{
    (void)call;
    *ret = (struct nfs_answered){.status = kd_cur_be32(c)};
    (void)nfs_opaque(c, TAG_MAX);
    uint32_t n = kd_cur_be32(c);
    if (!kd_cur_ok(c))
        return false;
    for (uint32_t i = 0; i < n && i < OPERATIONS_MAX; i++) {
        uint32_t number = kd_cur_be32(c);
        uint32_t status = kd_cur_be32(c);
        if (!kd_cur_ok(c) || status != NFS_OK || !answer_one(number, c, ret))
            break;
    }
    return true;
}
