/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <unistd.h>

#include "base/hasher.h"
#include "packet/keep.h"
#include "store/seal_line.h"

struct kd_seals {
    int dir_fd; /* events/ */
    int fd;
    uint64_t size;
    uint8_t last[KD_BLOCK_HASH]; /* of the last line */
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint64_t packets[256]; /* by engine: the last segment of the packet ring that is sealed */
};

static enum kd_status read_key(int dir_fd, uint8_t secret[crypto_sign_SECRETKEYBYTES])
{
    struct kd_heap text = {NULL, 0, 0};
    enum kd_status s = kd_file_load(dir_fd, "seal.key", 4096, &text);
    size_t n = 0;
    if (s == KD_OK && (sodium_hex2bin(secret, crypto_sign_SECRETKEYBYTES, (const char *)text.p,
                                      text.n, "\n", &n, NULL) != 0 ||
                       n != crypto_sign_SECRETKEYBYTES))
        s = KD_MALFORMED;
    if (text.p != NULL)
        sodium_memzero(text.p, text.room);
    kd_heap_done(&text);
    return s;
}

enum kd_status kd_seal_secret(int dir_fd, uint8_t ret[KD_SEAL_SECRET], struct kd_err *err)
{
    if (sodium_init() < 0)
        return kd_fail(err, KD_SYSTEM, 0, "libsodium");
    enum kd_status s = read_key(dir_fd, ret);
    return s == KD_OK ? s
                      : kd_fail_sys(err, s, "signing key; run this as the sensor's user or as root",
                                    "seal.key", errno);
}

static enum kd_status load_key(int dir_fd, uint8_t secret[crypto_sign_SECRETKEYBYTES],
                               struct kd_err *err)
{
    enum kd_status s = read_key(dir_fd, secret);
    if (s == KD_OK || s != KD_NOT_FOUND)
        return s == KD_OK ? s : kd_fail_sys(err, s, "signing key", "seal.key", errno);
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    char hex[crypto_sign_SECRETKEYBYTES * 2 + 2];
    if (crypto_sign_keypair(public, secret) != 0)
        return kd_fail(err, KD_SYSTEM, 0, "signing key");
    (void)sodium_bin2hex(hex, sizeof(hex), public, sizeof(public));
    s = kd_file_save(dir_fd, "seal.pub", kd_str(hex), 0644);
    if (s == KD_OK) {
        (void)sodium_bin2hex(hex, sizeof(hex), secret, crypto_sign_SECRETKEYBYTES);
        s = kd_file_save(dir_fd, "seal.key", kd_str(hex), 0600);
    }
    sodium_memzero(hex, sizeof(hex));
    return s == KD_OK ? s : kd_fail_sys(err, s, "signing key", "seal.key", errno);
}

/* The line's engine and segment, when it is about packets.  Our own file: the signature is not checked here. */
static void note_packets(struct kd_seals *s, struct kd_bytes line)
{
    uint64_t engine = 0, segment = 0;
    if (!kd_bytes_eq_str(kd_bytes_cut(&line, ' '), "packets") ||
        !kd_bytes_to_u64(kd_bytes_cut(&line, ' '), KD_COUNT(s->packets) - 1, &engine))
        return;
    (void)kd_bytes_cut(&line, ' '); /* frames */
    if (kd_bytes_to_u64(kd_bytes_cut(&line, ' '), UINT64_MAX, &segment) && segment > s->packets[engine])
        s->packets[engine] = segment;
}

/* Find the end of the last whole line and its hash; a torn line is cut. */
static enum kd_status find_end(struct kd_seals *s)
{
    struct kd_heap text = {NULL, 0, 0};
    enum kd_status st = kd_file_load(s->dir_fd, "seals.log", KD_SEALS_MAX, &text);
    if (st == KD_OK) {
        struct kd_bytes rest = kd_bytes_of(text.p, text.n);
        for (size_t at; (at = kd_bytes_find_byte(rest, '\n')) != SIZE_MAX;
             rest = kd_bytes_from(rest, at + 1)) {
            struct kd_bytes line = kd_bytes_head(rest, at);
            kd_seal_line_hash(line, s->last);
            note_packets(s, line);
            s->size += at + 1;
        }
        if (s->size < text.n && ftruncate(s->fd, (off_t)s->size) != 0)
            st = KD_SYSTEM;
    }
    kd_heap_done(&text);
    return st;
}

enum kd_status kd_seals_open(int dir_fd, struct kd_seals **ret, struct kd_err *err)
{
    if (sodium_init() < 0)
        return kd_fail(err, KD_SYSTEM, 0, "libsodium");
    struct kd_seals *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "seals");
    s->fd = -1;
    s->dir_fd = kd_file_dir(dir_fd, "events", true);
    enum kd_status st = s->dir_fd < 0
                            ? kd_fail_sys(err, KD_SYSTEM, "evidence directory", "events", errno)
                            : load_key(dir_fd, s->secret, err);
    if (st == KD_OK) {
        s->fd = openat(s->dir_fd, "seals.log", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        st = s->fd < 0 ? KD_SYSTEM : find_end(s);
        if (st != KD_OK)
            (void)kd_fail_sys(err, st, "list of seals", "events/seals.log", errno);
    }
    if (st != KD_OK) {
        kd_seals_free(s);
        return st;
    }
    *ret = s;
    return KD_OK;
}

void kd_seals_free(struct kd_seals *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        (void)close(s->fd);
    if (s->dir_fd >= 0)
        (void)close(s->dir_fd);
    sodium_memzero(s->secret, sizeof(s->secret));
    free(s);
}

void kd_seal_line_hash(struct kd_bytes line, uint8_t ret[KD_BLOCK_HASH])
{
    struct kd_sha256 h;
    kd_sha256_start(&h);
    kd_sha256_add(&h, line);
    kd_sha256_end(&h, ret);
}

static enum kd_status add_line(struct kd_seals *s, const char *kind, const struct kd_day_info *d,
                               uint32_t blocks, struct kd_bytes what, uint64_t now_us)
{
    char line[640];
    struct kd_out o = kd_out_of(line, sizeof(line));
    kd_out_fmt(&o, "%s %08u %u %" PRIu64 " %" PRIu64 " %" PRIu64 " ", kind, (unsigned)d->day,
               (unsigned)blocks, d->records, d->first_seq, d->last_seq);
    kd_out_bytes(&o, what);
    kd_out_u8(&o, ' ');
    kd_out_time(&o, now_us, 0);
    kd_out_u8(&o, ' ');
    kd_out_hex(&o, kd_bytes_of(s->last, sizeof(s->last)));
    uint8_t sig[crypto_sign_BYTES];
    crypto_sign_detached(sig, NULL, (const uint8_t *)line, o.n, s->secret);
    kd_out_u8(&o, ' ');
    kd_out_hex(&o, kd_bytes_of(sig, sizeof(sig)));
    size_t n = o.n;
    kd_out_u8(&o, '\n');
    KD_ASSERT(kd_out_ok(&o));
    enum kd_status st = kd_file_write(s->fd, s->size, kd_out_bytes_view(&o));
    if (st == KD_OK && fdatasync(s->fd) != 0)
        st = KD_SYSTEM;
    if (st != KD_OK) {
        (void)!ftruncate(s->fd, (off_t)s->size);
        return st;
    }
    s->size += o.n;
    kd_seal_line_hash(kd_bytes_of(line, n), s->last);
    return KD_OK;
}

enum kd_status kd_seals_day(struct kd_seals *s, struct kd_events *e, const struct kd_day_info *d,
                            uint64_t now_us)
{
    uint8_t root[KD_BLOCK_HASH];
    uint32_t blocks = 0;
    enum kd_status st = kd_events_day_root(e, d->day, &blocks, root);
    if (st != KD_OK)
        return st;
    uint8_t hex[KD_BLOCK_HASH * 2];
    struct kd_out o = kd_out_of(hex, sizeof(hex));
    kd_out_hex(&o, kd_bytes_of(root, sizeof(root)));
    return add_line(s, "day", d, blocks, kd_out_bytes_view(&o), now_us);
}

enum kd_status kd_seals_gone(struct kd_seals *s, const struct kd_day_info *d, const char *reason,
                             uint64_t now_us)
{
    return add_line(s, "gone", d, d->blocks, kd_str(reason), now_us);
}

enum kd_status kd_seals_packets(struct kd_seals *s, const struct kd_keep_head *h,
                                const uint8_t hash[KD_BLOCK_HASH], uint64_t now_us)
{
    uint8_t hex[KD_BLOCK_HASH * 2];
    struct kd_out o = kd_out_of(hex, sizeof(hex));
    kd_out_hex(&o, kd_bytes_of(hash, KD_BLOCK_HASH));
    struct kd_day_info as_day = {
        .day = h->engine, .records = h->seq, .first_seq = h->first_us, .last_seq = h->last_us};
    if (h->engine < KD_COUNT(s->packets) && h->seq > s->packets[h->engine])
        s->packets[h->engine] = h->seq;
    return add_line(s, "packets", &as_day, h->frames, kd_out_bytes_view(&o), now_us);
}

void kd_seals_packets_done(const struct kd_seals *s, uint64_t *ret, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = i < KD_COUNT(s->packets) ? s->packets[i] : 0;
}

/* ---- a line read back ---- */

static bool take_number(struct kd_bytes *rest, uint64_t max, uint64_t *ret)
{
    return kd_bytes_to_u64(kd_bytes_cut(rest, ' '), max, ret);
}

static bool take_hex(struct kd_bytes *rest, uint8_t *ret, size_t n)
{
    struct kd_bytes word = kd_bytes_cut(rest, ' ');
    size_t got = 0;
    return word.n == n * 2 &&
           sodium_hex2bin(ret, n, (const char *)word.p, word.n, NULL, &got, NULL) == 0 && got == n;
}

enum kd_status kd_seal_line_parse(struct kd_bytes line, const uint8_t pub[32],
                                  struct kd_seal_line *ret)
{
    *ret = (struct kd_seal_line){0};
    struct kd_bytes rest = line;
    struct kd_bytes kind = kd_bytes_cut(&rest, ' ');
    ret->gone = kd_bytes_eq_str(kind, "gone");
    ret->packets = kd_bytes_eq_str(kind, "packets");
    uint64_t day = 0;
    uint64_t blocks = 0;
    if (!(ret->gone || ret->packets || kd_bytes_eq_str(kind, "day")) || !take_number(&rest, 99999999, &day) ||
        !take_number(&rest, UINT32_MAX, &blocks) ||
        !take_number(&rest, UINT64_MAX, &ret->records) ||
        !take_number(&rest, UINT64_MAX, &ret->first_seq) ||
        !take_number(&rest, UINT64_MAX, &ret->last_seq))
        return KD_MALFORMED;
    ret->day = (uint32_t)day;
    ret->blocks = (uint32_t)blocks;
    if (ret->gone)
        (void)kd_bytes_cut(&rest, ' ');
    else if (!take_hex(&rest, ret->root, sizeof(ret->root)))
        return KD_MALFORMED;
    (void)kd_bytes_cut(&rest, ' '); /* time: for people */
    uint8_t sig[crypto_sign_BYTES];
    if (!take_hex(&rest, ret->prev, sizeof(ret->prev)) || rest.n != sizeof(sig) * 2 ||
        !take_hex(&rest, sig, sizeof(sig)) || rest.n > 0)
        return KD_MALFORMED;
    size_t signed_len = line.n - sizeof(sig) * 2 - 1;
    if (crypto_sign_verify_detached(sig, line.p, signed_len, pub) != 0)
        return KD_BROKEN_SEAL;
    return KD_OK;
}
