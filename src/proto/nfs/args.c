/* SPDX-License-Identifier: Apache-2.0 */
/* Procedures of NFS 2 and 3: what they ask and how they are answered. */
#include "base/out.h"
#include "proto/nfs/nfs.h"

enum {
    V2_HANDLE = 32,
    V2_ATTRIBUTES = 68,
    V3_HANDLE_MAX = 64,
    V3_ATTRIBUTES = 84,
    V3_BEFORE = 24, /* size and times before a change */
    SIZE_AT = 20    /* in the attributes of both */
};

static const struct procedure {
    const char *name;
    uint8_t op;
} v2[] = {
    {"NULL", NFS_NULL},       {"GETATTR", NFS_GETATTR}, {"SETATTR", NFS_SETATTR}, {"ROOT", NFS_OTHER},
    {"LOOKUP", NFS_LOOKUP},   {"READLINK", NFS_READLINK}, {"READ", NFS_READ},     {"WRITECACHE", NFS_OTHER},
    {"WRITE", NFS_WRITE},     {"CREATE", NFS_CREATE},   {"REMOVE", NFS_REMOVE},   {"RENAME", NFS_RENAME},
    {"LINK", NFS_LINK},       {"SYMLINK", NFS_SYMLINK}, {"MKDIR", NFS_MKDIR},     {"RMDIR", NFS_RMDIR},
    {"READDIR", NFS_READDIR}, {"STATFS", NFS_FSSTAT},
}, v3[] = {
    {"NULL", NFS_NULL},       {"GETATTR", NFS_GETATTR}, {"SETATTR", NFS_SETATTR}, {"LOOKUP", NFS_LOOKUP},
    {"ACCESS", NFS_ACCESS},   {"READLINK", NFS_READLINK}, {"READ", NFS_READ},     {"WRITE", NFS_WRITE},
    {"CREATE", NFS_CREATE},   {"MKDIR", NFS_MKDIR},     {"SYMLINK", NFS_SYMLINK}, {"MKNOD", NFS_MKNOD},
    {"REMOVE", NFS_REMOVE},   {"RMDIR", NFS_RMDIR},     {"RENAME", NFS_RENAME},   {"LINK", NFS_LINK},
    {"READDIR", NFS_READDIR}, {"READDIRPLUS", NFS_READDIRPLUS}, {"FSSTAT", NFS_FSSTAT}, {"FSINFO", NFS_FSINFO},
    {"PATHCONF", NFS_PATHCONF}, {"COMMIT", NFS_COMMIT},
};

struct kd_bytes nfs_opaque(struct kd_cur *c, size_t max)
{
    uint32_t n = kd_cur_be32(c);
    if (n > max) {
        kd_cur_fail(c);
        return kd_str("");
    }
    struct kd_bytes b = kd_cur_take(c, n);
    (void)kd_cur_take(c, (4 - n % 4) % 4);
    return b;
}

struct kd_bytes nfs_bulk(struct kd_cur *c, uint32_t *ret_n)
{
    *ret_n = kd_cur_be32(c);
    return kd_bytes_head(kd_cur_rest(c), *ret_n);
}

const char *nfs_status_name(uint32_t status, char room[NFS_STATUS_ROOM])
{
    static const struct {
        uint32_t status;
        const char *name;
    } names[] = {
        {0, "OK"}, {1, "ERR_PERM"}, {2, "ERR_NOENT"}, {5, "ERR_IO"}, {6, "ERR_NXIO"}, {13, "ERR_ACCES"},
        {17, "ERR_EXIST"}, {18, "ERR_XDEV"}, {19, "ERR_NODEV"}, {20, "ERR_NOTDIR"}, {21, "ERR_ISDIR"},
        {22, "ERR_INVAL"}, {27, "ERR_FBIG"}, {28, "ERR_NOSPC"}, {30, "ERR_ROFS"}, {31, "ERR_MLINK"},
        {63, "ERR_NAMETOOLONG"}, {66, "ERR_NOTEMPTY"}, {69, "ERR_DQUOT"}, {70, "ERR_STALE"}, {71, "ERR_REMOTE"},
        {10001, "ERR_BADHANDLE"}, {10002, "ERR_NOT_SYNC"}, {10003, "ERR_BAD_COOKIE"}, {10004, "ERR_NOTSUPP"},
        {10005, "ERR_TOOSMALL"}, {10006, "ERR_SERVERFAULT"}, {10007, "ERR_BADTYPE"}, {10008, "ERR_JUKEBOX"},
        {10010, "ERR_DENIED"}, {10011, "ERR_EXPIRED"}, {10012, "ERR_LOCKED"}, {10013, "ERR_GRACE"},
        {10014, "ERR_FHEXPIRED"}, {10015, "ERR_SHARE_DENIED"}, {10016, "ERR_WRONGSEC"}, {10019, "ERR_MOVED"},
        {10020, "ERR_NOFILEHANDLE"}, {10022, "ERR_STALE_CLIENTID"}, {10023, "ERR_STALE_STATEID"},
        {10025, "ERR_BAD_STATEID"}, {10030, "ERR_OPENMODE"}, {10031, "ERR_BADOWNER"}, {10044, "ERR_OP_ILLEGAL"},
        {10052, "ERR_BADSESSION"},
    };
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (names[i].status == status)
            return names[i].name;
    struct kd_out o = kd_out_of((uint8_t *)room, NFS_STATUS_ROOM - 1);
    kd_out_fmt(&o, "ERR_%u", status);
    room[o.n] = 0;
    return room;
}

static struct kd_bytes take_handle(uint8_t version, struct kd_cur *c)
{
    return version == 2 ? kd_cur_take(c, V2_HANDLE) : nfs_opaque(c, V3_HANDLE_MAX);
}

static struct kd_bytes take_name(struct kd_cur *c)
{
    return nfs_opaque(c, NFS_NAME_MAX);
}

/* Where content goes: version 2 has numbers that nobody uses beside the offset. */
static void ask_content(uint8_t version, struct kd_cur *c, struct nfs_asked *ret)
{
    bool old = version == 2;
    ret->writes = ret->op == NFS_WRITE;
    if (old && ret->writes)
        (void)kd_cur_be32(c);
    ret->offset = old ? kd_cur_be32(c) : kd_cur_be64(c);
    if (!ret->writes)
        return;
    (void)kd_cur_be32(c); /* count */
    if (!old)
        (void)kd_cur_be32(c); /* how safely */
    ret->data = nfs_bulk(c, &ret->data_n);
}

bool nfs_ask(uint8_t version, uint32_t procedure, struct kd_cur *c, struct nfs_asked *ret)
{
    const struct procedure *p = version == 2 ? v2 : v3;
    *ret = (struct nfs_asked){.op = NFS_OTHER, .procedure = "UNKNOWN"};
    if (procedure >= (version == 2 ? KD_COUNT(v2) : KD_COUNT(v3)))
        return true;
    ret->op = (enum nfs_op)p[procedure].op;
    ret->procedure = p[procedure].name;
    if (ret->op == NFS_NULL || ret->op == NFS_OTHER)
        return true;
    ret->handle = take_handle(version, c);
    switch (ret->op) {
    case NFS_READ:
    case NFS_WRITE:
        ask_content(version, c, ret);
        break;
    case NFS_LINK:
        (void)take_handle(version, c);
        ret->name = take_name(c);
        break;
    case NFS_RENAME:
        ret->name = take_name(c);
        (void)take_handle(version, c);
        ret->to = take_name(c);
        break;
    case NFS_LOOKUP:
    case NFS_CREATE:
    case NFS_MKDIR:
    case NFS_SYMLINK:
    case NFS_MKNOD:
    case NFS_REMOVE:
    case NFS_RMDIR:
        ret->name = take_name(c);
        break;
    default:
        break;
    }
    return kd_cur_ok(c);
}

static uint64_t size_of(uint8_t version, struct kd_bytes attributes)
{
    struct kd_cur c = kd_cur_of(kd_bytes_from(attributes, SIZE_AT));
    return version == 2 ? kd_cur_be32(&c) : kd_cur_be64(&c);
}

/* Attributes that version 3 may leave out. */
static struct kd_bytes take_attributes(uint8_t version, struct kd_cur *c)
{
    if (version == 2)
        return kd_cur_take(c, V2_ATTRIBUTES);
    return kd_cur_be32(c) != 0 ? kd_cur_take(c, V3_ATTRIBUTES) : kd_str("");
}

static void answer_read(const struct nfs_call *call, struct kd_cur *c, struct nfs_answered *ret)
{
    struct kd_bytes attributes = take_attributes(call->version, c);
    bool ends = false;
    ret->size = attributes.n > 0 ? size_of(call->version, attributes) : 0;
    if (call->version != 2) {
        (void)kd_cur_be32(c); /* count */
        ends = kd_cur_be32(c) != 0;
    }
    ret->data = nfs_bulk(c, &ret->data_n);
    ret->reads = kd_cur_ok(c);
    ret->whole = ends || (ret->size > 0 && call->offset + ret->data_n >= ret->size);
}

bool nfs_answer(const struct nfs_call *call, struct kd_cur *c, struct nfs_answered *ret)
{
    *ret = (struct nfs_answered){.status = call->op == NFS_NULL ? NFS_OK : kd_cur_be32(c)};
    if (!kd_cur_ok(c) || ret->status != NFS_OK)
        return kd_cur_ok(c);
    switch (call->op) {
    case NFS_LOOKUP:
        ret->handle = take_handle(call->version, c);
        break;
    case NFS_CREATE:
    case NFS_MKDIR:
    case NFS_SYMLINK:
    case NFS_MKNOD:
        if (call->version == 2 ? call->op != NFS_SYMLINK : kd_cur_be32(c) != 0)
            ret->handle = take_handle(call->version, c);
        break;
    case NFS_READ:
        answer_read(call, c, ret);
        break;
    case NFS_WRITE:
        if (call->version != 2 && kd_cur_be32(c) != 0)
            (void)kd_cur_take(c, V3_BEFORE);
        ret->size = size_of(call->version, take_attributes(call->version, c));
        break;
    default:
        break;
    }
    return kd_cur_ok(c);
}
