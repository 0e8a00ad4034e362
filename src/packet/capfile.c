/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/capfile.h"

#include <zlib.h>
#include <zstd.h>

#include "base/cursor.h"

enum {
    BLOCK_MAX = 16 << 20,   /* longest pcapng block or frame believed */
    WINDOW = 1 << 20,       /* first size of the buffer for streamed input */
    INPUT = 256 << 10,
    INTERFACES_MAX = 4096
};

enum packing { PLAIN, GZIP, ZSTD };
enum format { PCAP, PCAPNG };

struct interface {
    uint32_t link;
    uint32_t snaplen;
    uint64_t units_per_s; /* resolution of its time stamps */
    int64_t offset_s;
};

struct kd_capfile {
    struct kd_capsource source;
    enum packing packing;
    enum format format;
    /* Uncompressed bytes not yet consumed: in the map, or in `window`. */
    struct kd_bytes view;
    uint64_t offset; /* of view.p in the uncompressed file */
    uint8_t *window;
    size_t window_size;
    bool at_end;
    const char *unpack_error;
    /* Compressed input waiting. */
    uint8_t *input;
    struct kd_bytes packed;
    z_stream gz;
    ZSTD_DStream *zstd;
    /* Byte order and clock of the file (pcap) or section (pcapng). */
    bool swapped;
    bool nanoseconds;
    uint32_t link;
    size_t record_header; /* pcap: 16, or 24 for the "modified" form */
    struct interface *interfaces;
    size_t n_interfaces;
    uint64_t last_us;
};

/* ---- input ---- */

static bool refill_input(struct kd_capfile *f)
{
    if (f->packed.n > 0)
        return true;
    ptrdiff_t n = f->source.read == NULL ? 0 : f->source.read(f->source.arg, f->input, INPUT);
    if (n < 0)
        f->unpack_error = "the file cannot be read";
    if (n <= 0)
        return false;
    f->packed = kd_bytes_of(f->input, (size_t)n);
    return true;
}

static size_t unpack_gzip(struct kd_capfile *f, uint8_t *to, size_t room)
{
    while (refill_input(f)) {
        f->gz.next_in = (Bytef *)(uintptr_t)f->packed.p;
        f->gz.avail_in = (uInt)f->packed.n;
        f->gz.next_out = to;
        f->gz.avail_out = (uInt)room;
        int rc = inflate(&f->gz, Z_NO_FLUSH);
        f->packed = kd_bytes_from(f->packed, f->packed.n - f->gz.avail_in);
        size_t n = room - f->gz.avail_out;
        if (rc == Z_STREAM_END) /* further members may follow (RFC 1952 section 2.2) */
            rc = inflateReset(&f->gz);
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            f->unpack_error = "the gzip data is damaged";
        if (n > 0 || f->unpack_error != NULL)
            return n;
    }
    if (f->gz.total_in > 0 && f->unpack_error == NULL)
        f->unpack_error = "the gzip data ends early";
    return 0;
}

static size_t unpack_zstd(struct kd_capfile *f, uint8_t *to, size_t room)
{
    bool open = false;
    while (refill_input(f)) {
        ZSTD_inBuffer in = {f->packed.p, f->packed.n, 0};
        ZSTD_outBuffer out = {to, room, 0};
        size_t rc = ZSTD_decompressStream(f->zstd, &out, &in);
        f->packed = kd_bytes_from(f->packed, in.pos);
        if (ZSTD_isError(rc)) {
            f->unpack_error = "the zstd data is damaged";
            return out.pos;
        }
        open = rc != 0;
        if (out.pos > 0)
            return out.pos;
    }
    if (open && f->unpack_error == NULL)
        f->unpack_error = "the zstd data ends early";
    return 0;
}

static size_t read_some(struct kd_capfile *f, uint8_t *to, size_t room)
{
    switch (f->packing) {
    case GZIP:
        return unpack_gzip(f, to, room);
    case ZSTD:
        return unpack_zstd(f, to, room);
    default:
        break;
    }
    if (!refill_input(f))
        return 0;
    struct kd_bytes piece = kd_bytes_head(f->packed, room);
    memcpy(to, piece.p, piece.n);
    f->packed = kd_bytes_from(f->packed, piece.n);
    return piece.n;
}

static bool fetch(struct kd_capfile *f, size_t n)
{
    if (f->window == NULL || f->at_end || n > BLOCK_MAX + 64)
        return false;
    if (n > f->window_size) {
        size_t at = f->view.n > 0 ? (size_t)(f->view.p - f->window) : 0;
        uint8_t *bigger = realloc(f->window, BLOCK_MAX + 64);
        if (bigger == NULL)
            return false;
        f->view.p = bigger + at;
        f->window = bigger;
        f->window_size = BLOCK_MAX + 64;
    }
    if (f->view.n > 0)
        memmove(f->window, f->view.p, f->view.n);
    f->view.p = f->window;
    while (f->view.n < n) {
        size_t got = read_some(f, f->window + f->view.n, f->window_size - f->view.n);
        f->view.n += got;
        if (got == 0) {
            f->at_end = true;
            return false;
        }
    }
    return true;
}

/* Have at least n bytes in the view; false when the file has fewer left. */
static inline bool want(struct kd_capfile *f, size_t n)
{
    return KD_LIKELY(f->view.n >= n) || fetch(f, n);
}

static struct kd_bytes consume(struct kd_capfile *f, size_t n)
{
    struct kd_bytes b = kd_bytes_head(f->view, n);
    f->view = kd_bytes_from(f->view, n);
    f->offset += b.n;
    return b;
}

static uint32_t u32_of(const struct kd_capfile *f, struct kd_cur *c)
{
    return f->swapped ? kd_cur_be32(c) : kd_cur_le32(c);
}

static uint16_t u16_of(const struct kd_capfile *f, struct kd_cur *c)
{
    return f->swapped ? kd_cur_be16(c) : kd_cur_le16(c);
}

/* ---- pcap ---- */

static enum kd_status pcap_header(struct kd_capfile *f, struct kd_err *err)
{
    struct kd_cur c = kd_cur_of(consume(f, 24));
    uint32_t magic = kd_cur_le32(&c);
    f->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1 || magic == 0x34cda1b2;
    uint32_t native = f->swapped ? __builtin_bswap32(magic) : magic;
    f->nanoseconds = native == 0xa1b23c4d;
    f->record_header = native == 0xa1b2cd34 ? 24 : 16; /* Kuznetzov's form has two fields more */
    (void)kd_cur_take(&c, 16);
    f->link = u32_of(f, &c) & 0x0fffffff; /* the upper bits tell about the frame check sequence */
    if (!kd_cur_ok(&c))
        return kd_fail(err, KD_TRUNCATED, 0, "the file ends within the pcap header");
    return KD_OK;
}

static enum kd_status early_end(struct kd_capfile *f, struct kd_err *err)
{
    if (f->unpack_error != NULL)
        return kd_fail(err, KD_TRUNCATED, f->offset, f->unpack_error);
    if (f->view.n == 0)
        return KD_NOT_FOUND;
    return kd_fail(err, KD_TRUNCATED, f->offset, "the file ends within a frame");
}

static enum kd_status pcap_next(struct kd_capfile *f, struct kd_captured *ret, struct kd_err *err)
{
    if (!want(f, f->record_header))
        return early_end(f, err);
    struct kd_bytes head = {f->view.p, 16};
    uint32_t v[4]; /* seconds, their fraction, bytes kept, length */
    for (unsigned i = 0; i < KD_COUNT(v); i++)
        v[i] = f->swapped ? kd_bytes_be32(head, i * 4) : kd_bytes_le32(head, i * 4);
    uint32_t kept = v[2];
    if (kept > BLOCK_MAX)
        return kd_fail(err, KD_MALFORMED, f->offset, "a frame's length is impossible; the file is damaged here");
    if (!want(f, f->record_header + kept))
        return early_end(f, err);
    struct kd_bytes whole = consume(f, f->record_header + kept);
    ret->ts_us = (uint64_t)v[0] * 1000000 + (f->nanoseconds ? v[1] / 1000 : v[1]);
    ret->link = f->link;
    ret->length = v[3] < kept ? kept : v[3];
    ret->vlan = 0;
    ret->bytes = kd_bytes_from(whole, f->record_header);
    return KD_OK;
}

/* ---- pcapng (draft-ietf-opsawg-pcapng) ---- */

enum {
    NG_SECTION = 0x0a0d0d0a,
    NG_INTERFACE = 1,
    NG_PACKET_OLD = 2,
    NG_SIMPLE = 3,
    NG_ENHANCED = 6,
    NG_BYTE_ORDER = 0x1a2b3c4d,
    NG_OPTION_TSRESOL = 9,
    NG_OPTION_TSOFFSET = 14
};

static uint64_t resolution(uint8_t v)
{
    uint64_t units = 1;
    unsigned n = v & 0x7f;
    for (unsigned i = 0; i < n; i++) {
        uint64_t next = units * (v & 0x80 ? 2 : 10);
        if (next / (v & 0x80 ? 2 : 10) != units || next > (uint64_t)1 << 62)
            break;
        units = next;
    }
    return units;
}

static enum kd_status ng_interface(struct kd_capfile *f, struct kd_cur *c, struct kd_err *err)
{
    if (f->n_interfaces == INTERFACES_MAX)
        return kd_fail(err, KD_LIMIT, f->offset, "too many interfaces in the capture file");
    if ((f->n_interfaces & (f->n_interfaces - 1)) == 0) {
        size_t room = f->n_interfaces == 0 ? 1 : f->n_interfaces * 2;
        struct interface *more = realloc(f->interfaces, room * sizeof(*more));
        if (more == NULL)
            return kd_fail(err, KD_NO_MEMORY, f->offset, "out of memory");
        f->interfaces = more;
    }
    struct interface *it = &f->interfaces[f->n_interfaces];
    *it = (struct interface){.units_per_s = 1000000};
    it->link = u16_of(f, c);
    (void)kd_cur_take(c, 2);
    it->snaplen = u32_of(f, c);
    while (kd_cur_left(c) >= 4) {
        unsigned code = u16_of(f, c);
        unsigned n = u16_of(f, c);
        struct kd_cur value = kd_cur_sub(c, n);
        (void)kd_cur_take(c, (4 - n % 4) % 4);
        if (code == NG_OPTION_TSRESOL && n == 1)
            it->units_per_s = resolution(kd_cur_u8(&value));
        if (code == NG_OPTION_TSOFFSET && n == 8)
            it->offset_s = (int64_t)(f->swapped ? kd_cur_be64(&value) : kd_cur_le64(&value));
        if (code == 0)
            break;
    }
    f->n_interfaces++;
    return KD_OK;
}

static uint64_t ng_time(const struct interface *it, uint64_t stamp)
{
    uint64_t s = stamp / it->units_per_s;
    uint64_t rest = stamp % it->units_per_s;
    uint64_t us = it->units_per_s <= 1000000 ? rest * (1000000 / it->units_per_s)
                                             : (uint64_t)((unsigned __int128)rest * 1000000 / it->units_per_s);
    return (s + (uint64_t)it->offset_s) * 1000000 + us;
}

/* A packet block; false when its fields do not fit. */
static bool ng_packet(struct kd_capfile *f, uint32_t type, struct kd_cur *c, struct kd_captured *ret)
{
    uint32_t number = 0;
    uint64_t stamp = 0;
    uint32_t kept;
    if (type == NG_SIMPLE) {
        ret->length = u32_of(f, c);
        kept = (uint32_t)kd_min_size(ret->length, kd_cur_left(c));
    } else {
        number = type == NG_ENHANCED ? u32_of(f, c) : u16_of(f, c);
        if (type == NG_PACKET_OLD)
            (void)kd_cur_take(c, 2); /* drops */
        stamp = (uint64_t)u32_of(f, c) << 32;
        stamp |= u32_of(f, c);
        kept = u32_of(f, c);
        ret->length = u32_of(f, c);
    }
    if (number >= f->n_interfaces)
        return false;
    const struct interface *it = &f->interfaces[number];
    if (type == NG_SIMPLE && it->snaplen != 0 && kept > it->snaplen)
        kept = it->snaplen;
    ret->bytes = kd_cur_take(c, kept);
    ret->link = it->link;
    ret->vlan = 0;
    ret->ts_us = type == NG_SIMPLE ? f->last_us : ng_time(it, stamp);
    f->last_us = ret->ts_us;
    if (ret->length < kept)
        ret->length = kept;
    return kd_cur_ok(c);
}

/* Byte order of a section, told by its header block. */
static enum kd_status ng_section(struct kd_capfile *f, struct kd_err *err)
{
    if (!want(f, 12))
        return early_end(f, err);
    struct kd_cur c = kd_cur_of(kd_bytes_from(f->view, 8));
    uint32_t order = kd_cur_le32(&c);
    if (order != NG_BYTE_ORDER && order != __builtin_bswap32(NG_BYTE_ORDER))
        return kd_fail(err, KD_MALFORMED, f->offset, "a pcapng section header is damaged");
    f->swapped = order != NG_BYTE_ORDER;
    f->n_interfaces = 0;
    return KD_OK;
}

/* Apart, so that the common format does not pay for its registers. */
__attribute__((noinline)) static enum kd_status ng_next(struct kd_capfile *f, struct kd_captured *ret, struct kd_err *err)
{
    for (;;) {
        if (!want(f, 12))
            return early_end(f, err);
        struct kd_cur c = kd_cur_of(f->view);
        uint32_t type = u32_of(f, &c);
        if (type == NG_SECTION) {
            enum kd_status s = ng_section(f, err);
            if (s != KD_OK)
                return s;
            c = kd_cur_of(kd_bytes_from(f->view, 4));
        }
        uint32_t length = u32_of(f, &c);
        if (length < 12 || length % 4 != 0 || length > BLOCK_MAX)
            return kd_fail(err, KD_MALFORMED, f->offset, "a pcapng block's length is impossible; the file is damaged here");
        if (!want(f, length))
            return early_end(f, err);
        struct kd_cur body = kd_cur_of(kd_bytes_head(kd_bytes_from(f->view, 8), length - 12));
        uint64_t at = f->offset;
        (void)consume(f, length);
        if (type == NG_INTERFACE) {
            enum kd_status s = ng_interface(f, &body, err);
            if (s != KD_OK)
                return s;
        } else if (type == NG_ENHANCED || type == NG_SIMPLE || type == NG_PACKET_OLD) {
            if (!ng_packet(f, type, &body, ret))
                return kd_fail(err, KD_MALFORMED, at, "a pcapng packet block is damaged");
            return KD_OK;
        }
    }
}

/* ---- opening ---- */

static bool is_pcap(uint32_t magic)
{
    static const uint32_t magics[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cda1b2};
    for (size_t i = 0; i < KD_COUNT(magics); i++)
        if (magic == magics[i])
            return true;
    return false;
}

static enum kd_status start_input(struct kd_capfile *f, struct kd_err *err)
{
    f->input = malloc(INPUT);
    if (f->input == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "out of memory");
    f->packed = f->source.mapped;
    if (f->packed.n > 0)
        f->source.read = NULL;
    (void)refill_input(f);
    struct kd_cur c = kd_cur_of(f->packed);
    uint32_t magic = kd_cur_le32(&c);
    f->packing = magic == 0xfd2fb528 ? ZSTD : (magic & 0xffff) == 0x8b1f ? GZIP : PLAIN;
    if (f->packing == PLAIN && f->source.mapped.n > 0) {
        f->view = f->source.mapped;
        return KD_OK;
    }
    f->window_size = WINDOW;
    f->window = malloc(WINDOW);
    if (f->packing == ZSTD)
        f->zstd = ZSTD_createDStream();
    if (f->window == NULL || (f->packing == ZSTD && f->zstd == NULL) ||
        (f->packing == GZIP && inflateInit2(&f->gz, 15 + 16) != Z_OK))
        return kd_fail(err, KD_NO_MEMORY, 0, "out of memory");
    f->view = kd_bytes_of(f->window, 0);
    return KD_OK;
}

enum kd_status kd_capfile_open(const struct kd_capsource *source, struct kd_capfile **ret,
                               struct kd_err *err)
{
    struct kd_capfile *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "out of memory");
    f->source = *source;
    enum kd_status s = start_input(f, err);
    if (s == KD_OK && !want(f, 12))
        s = kd_fail(err, KD_MALFORMED, 0,
                    f->unpack_error != NULL ? f->unpack_error : "the file is too short to be a capture");
    if (s == KD_OK) {
        struct kd_cur c = kd_cur_of(f->view);
        uint32_t magic = kd_cur_le32(&c);
        f->format = magic == NG_SECTION ? PCAPNG : PCAP;
        if (is_pcap(magic)) {
            (void)want(f, 24);
            s = pcap_header(f, err);
        } else if (magic != NG_SECTION) {
            s = kd_fail(err, KD_MALFORMED, 0, "this is neither pcap nor pcapng");
        }
    }
    if (s != KD_OK) {
        kd_capfile_close(f);
        return s;
    }
    *ret = f;
    return KD_OK;
}

enum kd_status kd_capfile_next(struct kd_capfile *f, struct kd_captured *ret, struct kd_err *err)
{
    return f->format == PCAP ? pcap_next(f, ret, err) : ng_next(f, ret, err);
}

void kd_capfile_close(struct kd_capfile *f)
{
    if (f == NULL)
        return;
    if (f->packing == GZIP && f->window != NULL)
        inflateEnd(&f->gz);
    ZSTD_freeDStream(f->zstd);
    free(f->window);
    free(f->input);
    free(f->interfaces);
    free(f);
}
