/* SPDX-License-Identifier: Apache-2.0 */
/* Handles and their names, what is read and written, and the records. */
#include "base/hash.h"
#include "proto/carve/carve.h"
#include "proto/nfs/nfs.h"
#include "wire/record.h"

struct smb_memory nfs_memory(const struct kd_ctx *ctx)
{
    return (struct smb_memory){ctx->pool, &nfs_state_of(ctx)->used, ctx->lim->flow_bytes};
}

/* ---- handles ---- */

/* CRC-32 of ISO 3309, by which people and tools call handles. */
static uint32_t checksum(struct kd_bytes b)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < b.n; i++) {
        sum ^= b.p[i];
        for (unsigned bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (0xedb88320u & (0u - (sum & 1)));
    }
    return ~sum;
}

struct nfs_id nfs_id_of(struct kd_bytes handle)
{
    if (handle.n == 0)
        return (struct nfs_id){0};
    return (struct nfs_id){.key = {kd_hash(handle.p, handle.n, 0), checksum(handle)}, .known = true};
}

static struct nfs_file *file_find(const struct kd_ctx *ctx, const struct nfs_id *id)
{
    return id->known ? (struct nfs_file *)smb_table_find(&nfs_state_of(ctx)->files, id->key) : NULL;
}

static void file_end(struct kd_ctx *ctx, struct nfs_file *f, enum kd_dir dir, bool whole);

static void file_drop(struct kd_ctx *ctx, struct nfs_file *f)
{
    struct smb_memory mem = nfs_memory(ctx);
    for (unsigned dir = 0; dir < 2; dir++)
        file_end(ctx, f, (enum kd_dir)dir, false);
    smb_table_drop(&nfs_state_of(ctx)->files, &mem, &f->node);
}

static struct nfs_file *file_add(struct kd_ctx *ctx, struct smb_key key, struct kd_bytes name)
{
    struct nfs_state *st = nfs_state_of(ctx);
    struct smb_memory mem = nfs_memory(ctx);
    if (st->files.n >= NFS_FILES_MAX)
        file_drop(ctx, (struct nfs_file *)st->files.oldest);
    size_t n = kd_min_size(name.n, NFS_NAME_MAX);
    struct nfs_file *f =
        (struct nfs_file *)smb_table_add(&st->files, &mem, NFS_FILES_MAX, key, sizeof(struct nfs_file) + n);
    if (f == NULL)
        return NULL;
    f->n = (uint16_t)n;
    if (n > 0)
        memcpy(f->name, name.p, n);
    return f;
}

/* A handle has this name from now on; what is known of it stays. */
static void file_name(struct kd_ctx *ctx, const struct nfs_id *id, struct kd_bytes name)
{
    struct smb_memory mem = nfs_memory(ctx);
    struct nfs_file *old = file_find(ctx, id);
    if (!id->known || name.n == 0 || (old != NULL && kd_bytes_eq(kd_bytes_of(old->name, old->n), name)))
        return;
    struct nfs_file was = {0};
    if (old != NULL) {
        was = *old;
        smb_table_drop(&nfs_state_of(ctx)->files, &mem, &old->node);
    }
    struct nfs_file *f = file_add(ctx, id->key, name);
    if (f == NULL) {
        for (unsigned dir = 0; dir < 2; dir++)
            kd_carve_drop(was.side[dir].carve);
        return;
    }
    f->who = was.who;
    f->size = was.size;
    f->version = was.version;
    memcpy(f->side, was.side, sizeof(f->side));
    for (unsigned dir = 0; dir < 2; dir++)
        kd_carve_name(f->side[dir].carve, name);
}

/* ---- records ---- */

static void fill_who(const struct nfs_who *who, struct kd_rec_nfs *rec)
{
    rec->auth = kd_str(who->auth == NFS_AUTH_NULL   ? "NULL"
                       : who->auth == NFS_AUTH_UNIX ? "UNIX"
                       : who->auth == NFS_AUTH_GSS  ? "GSS"
                                                    : "UNKNOWN");
    rec->uid = who->uid;
    rec->gid = who->gid;
    rec->machine = kd_bytes_of(who->machine, who->n);
}

static void fill_hash(uint64_t sum, struct nfs_room *room, struct kd_rec_nfs *rec)
{
    struct kd_out o = kd_out_of((uint8_t *)room->hash, sizeof(room->hash));
    kd_out_fmt(&o, "%08x", (unsigned)sum);
    rec->hhash = kd_out_bytes_view(&o);
}

static void fill_side(const struct nfs_file *f, enum kd_dir dir, struct nfs_room *room, struct kd_rec_nfs *rec)
{
    const struct nfs_side *s = &f->side[dir];
    *rec = (struct kd_rec_nfs){.version = f->version,
                               .procedure = kd_str(dir == KD_TO_CLIENT ? "READ" : "WRITE"),
                               .filename = kd_bytes_of(f->name, f->n),
                               .tx_no = s->tx_no,
                               .file_tx = true,
                               .status = kd_str("OK"),
                               .xid = s->last_xid,
                               .rpc_status = kd_str("ACCEPTED")};
    fill_who(&f->who, rec);
    fill_hash(f->node.key.b, room, rec);
    if (dir == KD_TO_CLIENT) {
        rec->read_first = s->first;
        rec->read_last = s->last;
        rec->read_last_xid = s->last_xid;
        rec->read_chunks = s->chunks;
        rec->read_bytes = s->bytes;
    } else {
        rec->write_first = s->first;
        rec->write_last = s->last;
        rec->write_last_xid = s->last_xid;
        rec->write_chunks = s->chunks;
        rec->write_bytes = s->bytes;
    }
}

/* A file was read or written, as far as it was: one record, and one of its content. */
static void file_end(struct kd_ctx *ctx, struct nfs_file *f, enum kd_dir dir, bool whole)
{
    struct nfs_side *s = &f->side[dir];
    uint8_t coded[2 * NFS_NAME_MAX];
    struct kd_out o = kd_out_of(coded, sizeof(coded));
    struct kd_rec_nfs rec;
    struct nfs_room room;
    if (s->chunks == 0)
        return;
    s->last = whole;
    fill_side(f, dir, &room, &rec);
    kd_emit(ctx, KD_REC_NFS, &rec);
    if (ctx->sink->steps) {
        kd_out_u8(&o, KD_REC_NFS);
        kd_body_put(&o, kd_schema_of(KD_REC_NFS), &rec);
        if (kd_out_ok(&o))
            kd_carve_transaction(s->carve, kd_out_bytes_view(&o));
    }
    kd_carve_end(ctx, s->carve, whole);
    *s = (struct nfs_side){0};
}

/* What an officer wants to know: what was made, moved and removed, and what was not allowed. */
static bool is_told(const struct nfs_call *call, const struct nfs_answered *a)
{
    if (a != NULL && (a->status == NFS_ERR_PERM || a->status == NFS_ERR_ACCES))
        return true;
    switch (call->op) {
    case NFS_CREATE:
    case NFS_MKDIR:
    case NFS_SYMLINK:
    case NFS_MKNOD:
    case NFS_REMOVE:
    case NFS_RMDIR:
    case NFS_RENAME:
    case NFS_LINK:
        return true;
    default:
        return false;
    }
}

static bool is_ordinary(const struct nfs_call *call)
{
    return call->op != NFS_NULL && call->op != NFS_GETATTR && call->op != NFS_READ && call->op != NFS_WRITE;
}

void nfs_describe(const struct kd_ctx *ctx, const struct nfs_call *call, const struct nfs_answered *a, struct nfs_room *room,
                  struct kd_rec_nfs *ret)
{
    const struct nfs_file *f = file_find(ctx, &call->file);
    struct kd_bytes name = kd_bytes_of(call->text, call->name_n), to = kd_bytes_of(call->text + call->name_n, call->to_n);
    *ret = (struct kd_rec_nfs){.version = call->version,
                               .procedure = kd_str(call->procedure),
                               .filename = name,
                               .tx_no = call->tx_no,
                               .xid = (uint32_t)call->node.key.a,
                               .rpc_status = kd_str("ACCEPTED")};
    fill_who(&call->who, ret);
    if (name.n == 0 && f != NULL)
        ret->filename = kd_bytes_of(f->name, f->n);
    if (call->op == NFS_RENAME) {
        ret->rename_from = name;
        ret->rename_to = to;
    }
    struct nfs_id id = call->file;
    if (call->op == NFS_LOOKUP)
        id = a != NULL ? nfs_id_of(a->handle) : (struct nfs_id){0};
    if (id.known)
        fill_hash(id.key.b, room, ret);
    if (a != NULL) {
        ret->status_code = a->status;
        ret->status = kd_str(nfs_status_name(a->status, room->status));
    }
}

static void tell(struct kd_ctx *ctx, const struct nfs_call *call, const struct nfs_answered *a)
{
    struct nfs_room room;
    struct kd_rec_nfs rec;
    bool told = is_told(call, a);
    if (!told && (!ctx->sink->steps || a == NULL || !is_ordinary(call)))
        return;
    nfs_describe(ctx, call, a, &room, &rec);
    kd_emit(ctx, told ? KD_REC_NFS : KD_REC_NFS_STEP, &rec);
}

/* ---- calls ---- */

struct nfs_call *nfs_call_add(struct kd_ctx *ctx, uint32_t xid, const struct nfs_asked *asked)
{
    struct nfs_state *st = nfs_state_of(ctx);
    struct smb_memory mem = nfs_memory(ctx);
    struct smb_key key = {xid, 0};
    struct smb_node *old = smb_table_find(&st->calls, key);
    if (old == NULL && st->calls.n >= ctx->lim->pending)
        old = st->calls.oldest;
    if (old != NULL)
        smb_table_drop(&st->calls, &mem, old);
    size_t n = sizeof(struct nfs_call) + asked->name.n + asked->to.n;
    struct nfs_call *call = (struct nfs_call *)smb_table_add(&st->calls, &mem, ctx->lim->pending, key, n);
    if (call == NULL)
        return NULL;
    call->op = (uint8_t)asked->op;
    call->procedure = asked->procedure;
    call->file = nfs_id_of(asked->handle);
    call->offset = asked->offset;
    call->name_n = (uint16_t)asked->name.n;
    call->to_n = (uint16_t)asked->to.n;
    if (asked->name.n > 0)
        memcpy(call->text, asked->name.p, asked->name.n);
    if (asked->to.n > 0)
        memcpy(call->text + asked->name.n, asked->to.p, asked->to.n);
    if (asked->op != NFS_NULL && asked->op != NFS_READ && asked->op != NFS_WRITE)
        call->tx_no = ++st->n_tx;
    return call;
}

/* A written file is over when its client wants it safe, or closes it. */
static void end_written(struct kd_ctx *ctx, const struct nfs_call *call)
{
    struct nfs_file *f = file_find(ctx, &call->file);
    bool ends = call->op == NFS_CLOSE || (call->op == NFS_COMMIT && call->version == 3);
    if (f != NULL && ends)
        file_end(ctx, f, KD_TO_SERVER, true);
    if (f != NULL && call->op == NFS_CLOSE)
        file_end(ctx, f, KD_TO_CLIENT, true);
}

/* … at once, or when the rest of its content has come by. */
static void read_to_end(struct kd_ctx *ctx, struct nfs_file *f)
{
    struct nfs_data *d = &nfs_state_of(ctx)->stream[KD_TO_CLIENT].data;
    d->ends = d->left > 0;
    if (!d->ends)
        file_end(ctx, f, KD_TO_CLIENT, true);
}

void nfs_call_done(struct kd_ctx *ctx, struct nfs_call *call, const struct nfs_answered *a)
{
    struct smb_memory mem = nfs_memory(ctx);
    tell(ctx, call, a);
    if (a != NULL && a->status == NFS_OK) {
        struct nfs_id made = nfs_id_of(a->handle);
        file_name(ctx, &made, kd_bytes_of(call->text, call->name_n));
        struct nfs_file *f = file_find(ctx, &call->file);
        if (f != NULL && a->size > 0)
            f->size = a->size;
        if (f != NULL && a->reads && a->whole)
            read_to_end(ctx, f);
        end_written(ctx, call);
    }
    smb_table_drop(&nfs_state_of(ctx)->calls, &mem, &call->node);
}

/* ---- content ---- */

static struct kd_carve *begin(struct kd_ctx *ctx, const struct nfs_file *f, enum kd_dir dir)
{
    struct kd_bytes name = kd_bytes_of(f->name, f->n);
    struct kd_carve_meta meta = {.filename = name,
                                 .source = name,
                                 .size = dir == KD_TO_CLIENT ? f->size : 0,
                                 .tx_id = f->side[dir].tx_no - 1,
                                 .to_server = dir == KD_TO_SERVER,
                                 .rewritable = dir == KD_TO_SERVER};
    return kd_carve_begin(ctx, &meta);
}

void nfs_content(struct kd_ctx *ctx, enum kd_dir dir, struct nfs_call *call, struct kd_bytes here, uint32_t n)
{
    struct nfs_state *st = nfs_state_of(ctx);
    struct nfs_file *f = file_find(ctx, &call->file);
    if (f == NULL && call->file.known)
        f = file_add(ctx, call->file.key, kd_str(""));
    if (f == NULL || n == 0)
        return;
    struct nfs_side *s = &f->side[dir];
    if (s->chunks++ == 0) {
        s->tx_no = ++st->n_tx;
        s->first = call->offset == 0;
        f->who = call->who;
        f->version = call->version;
        s->carve = begin(ctx, f, dir);
    }
    s->last_xid = (uint32_t)call->node.key.a;
    s->bytes += n;
    kd_carve_at(s->carve, call->offset, here);
    st->stream[dir].data =
        (struct nfs_data){.file = f->node.key, .offset = call->offset + here.n, .left = n - (uint32_t)here.n};
}

void nfs_more(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, uint64_t n)
{
    struct nfs_state *st = nfs_state_of(ctx);
    struct nfs_data *d = &st->stream[dir].data;
    uint32_t take = (uint32_t)kd_min_u64(d->left, n);
    if (take == 0)
        return;
    struct nfs_file *f = (struct nfs_file *)smb_table_find(&st->files, d->file);
    if (f != NULL && piece.n > 0)
        kd_carve_at(f->side[dir].carve, d->offset, kd_bytes_head(piece, take));
    d->offset += take;
    d->left -= take;
    if (d->left == 0 && f != NULL && d->ends)
        file_end(ctx, f, dir, true);
}

void nfs_close(struct kd_ctx *ctx)
{
    struct nfs_state *st = nfs_state_of(ctx);
    struct smb_memory mem = nfs_memory(ctx);
    while (st->calls.oldest != NULL)
        nfs_call_done(ctx, (struct nfs_call *)st->calls.oldest, NULL);
    while (st->files.oldest != NULL)
        file_drop(ctx, (struct nfs_file *)st->files.oldest);
    smb_table_done(&st->calls, &mem);
    smb_table_done(&st->files, &mem);
}
