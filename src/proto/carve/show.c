/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/carve/show.h"

enum { SHOWN_MAX = 100 * 1024 };

void show_start(struct show *s, const struct kd_ctx *ctx, const struct kd_carve_meta *meta)
{
    enum kd_dir dir = meta->to_server ? KD_TO_SERVER : KD_TO_CLIENT;
    if (!kd_wants_any(ctx))
        return;
    s->dir = (uint8_t)dir;
    s->hashes = kd_wants(ctx, KD_IN_FILE_MD5, dir) || kd_wants(ctx, KD_IN_FILE_SHA1, dir);
    s->data = kd_wants(ctx, KD_IN_FILE_DATA, dir) && !meta->data_told;
    s->wanted = s->hashes || s->data || kd_wants(ctx, KD_IN_FILE_SHA256, dir) || kd_wants(ctx, KD_IN_FILE_NAME, dir) ||
                kd_wants(ctx, KD_IN_FILE_MAGIC, dir) || kd_wants_number(ctx, KD_NUM_FILESIZE, dir);
}

void show_add(struct show *s, struct kd_pool *pool, struct kd_bytes piece)
{
    size_t n = s->wanted ? kd_min_size(piece.n, sizeof(s->head) - s->n_head) : 0;
    if (n > 0)
        memcpy(s->head + s->n_head, piece.p, n);
    s->n_head = (uint8_t)(s->n_head + n);
    if (s->data && s->held.n < SHOWN_MAX)
        s->data = kd_buf_add(&s->held, pool, kd_bytes_head(piece, SHOWN_MAX - s->held.n), SHOWN_MAX);
}

/* Types as libmagic describes them, by which rules know them; others as we call them. */
static const char *described(struct kd_bytes magic)
{
    static const struct {
        const char *ours, *theirs;
    } rows[] = {
        {"pe", "PE32 executable for MS Windows"},
        {"elf", "ELF executable"},
        {"macho", "Mach-O executable"},
        {"pdf", "PDF document"},
        {"rtf", "Rich Text Format data"},
        {"ole", "Composite Document File V2 Document"},
        {"ooxml", "Microsoft OOXML"},
        {"ooxml-macro", "Microsoft OOXML"},
        {"odf", "OpenDocument"},
        {"zip", "Zip archive data"},
        {"zip-encrypted", "Zip archive data, encrypted"},
        {"jar", "Java archive data (JAR)"},
        {"java-class", "compiled Java class data"},
        {"rar", "RAR archive data"},
        {"7z", "7-zip archive data"},
        {"gzip", "gzip compressed data"},
        {"bzip2", "bzip2 compressed data"},
        {"xz", "XZ compressed data"},
        {"zstd", "Zstandard compressed data"},
        {"cab", "Microsoft Cabinet archive data"},
        {"tar", "POSIX tar archive"},
        {"iso", "ISO 9660 CD-ROM filesystem data"},
        {"lnk", "MS Windows shortcut"},
        {"swf", "Macromedia Flash data"},
        {"html", "HTML document, ASCII text"},
        {"xml", "XML 1.0 document, ASCII text"},
        {"script", "script, ASCII text executable"},
        {"text", "ASCII text"},
        {"eicar", "EICAR virus test files"},
        {"png", "PNG image data"},
        {"jpeg", "JPEG image data"},
        {"gif", "GIF image data"},
        {"bmp", "PC bitmap"},
        {"tiff", "TIFF image data"},
        {"mp4", "ISO Media, MP4"},
        {"mp3", "MPEG ADTS, layer III"},
        {"sqlite", "SQLite 3.x database"},
        {"pcap", "pcap capture file"},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        if (kd_bytes_eq_str(magic, rows[i].ours))
            return rows[i].theirs;
    return NULL;
}

/* Where libmagic names a version, it stands in the first bytes: "%PDF-1.5", "GIF89a". */
static void describe(const struct show *s, struct kd_bytes magic, struct kd_out *o)
{
    const char *text = described(magic);
    bool pdf = kd_bytes_eq_str(magic, "pdf") && s->n_head == sizeof(s->head) && memcmp(s->head, "%PDF-", 5) == 0;
    bool gif = kd_bytes_eq_str(magic, "gif") && s->n_head == sizeof(s->head);
    if (text != NULL)
        kd_out_str(o, text);
    else
        kd_out_bytes(o, magic.n > 0 ? magic : kd_str("data"));
    if (pdf || gif) {
        kd_out_str(o, ", version ");
        kd_out_bytes(o, kd_bytes_of(s->head + (pdf ? 5 : 3), 3));
    }
}

void show_tell(struct show *s, const struct kd_ctx *ctx, const struct kd_rec_file *rec)
{
    enum kd_dir dir = (enum kd_dir)s->dir;
    uint8_t room[96];
    struct kd_out magic = kd_out_of(room, sizeof(room));
    describe(s, rec->magic, &magic);
    struct kd_bytes name = s->name.n > 0 ? s->name : rec->filename;
    kd_inspect_number(ctx, KD_NUM_FILESIZE, dir, rec->size);
    if (name.n > 0)
        kd_inspect(ctx, KD_IN_FILE_NAME, dir, name);
    kd_inspect(ctx, KD_IN_FILE_MAGIC, dir, kd_out_bytes_view(&magic));
    if (rec->md5.n > 0)
        kd_inspect(ctx, KD_IN_FILE_MD5, dir, rec->md5);
    if (rec->sha1.n > 0)
        kd_inspect(ctx, KD_IN_FILE_SHA1, dir, rec->sha1);
    if (rec->sha256.n > 0)
        kd_inspect(ctx, KD_IN_FILE_SHA256, dir, rec->sha256);
    if (s->held.n > 0)
        kd_inspect(ctx, KD_IN_FILE_DATA, dir, kd_buf_view(&s->held));
    kd_inspect_end(ctx, dir, KD_INSPECT_ONE_FILE);
}

void show_done(struct show *s, struct kd_pool *pool)
{
    kd_buf_done(&s->held, pool);
}
