/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hidden.h"

/* The words that every Windows program carries for DOS; older makers write "must be run under". */
static const char stub[] = "This program ";
enum { STUB = sizeof(stub) - 1 };

void kd_tail_add(struct kd_tail *t, struct kd_bytes piece)
{
    if (piece.n >= KD_TAIL_BYTES) {
        memcpy(t->b, piece.p + piece.n - KD_TAIL_BYTES, KD_TAIL_BYTES);
        t->n = KD_TAIL_BYTES;
        return;
    }
    uint32_t keep = (uint32_t)kd_min_size(t->n, KD_TAIL_BYTES - piece.n);
    if (keep < t->n)
        memmove(t->b, t->b + (t->n - keep), keep);
    if (piece.n > 0)
        memcpy(t->b + keep, piece.p, piece.n);
    t->n = keep + (uint32_t)piece.n;
}

/* What makes the thorough searches below worth their while. */
struct marks {
    bool stub, base64, hex;
};

/* One pass without a branch, which compilers do sixteen bytes at a time: three neighbouring differences from within the
 * stub ("s pr"; a mask changes no difference) in either direction, the two letters that every base64 form begins with,
 * and the beginning in hexadecimal. */
static struct marks marks_of(struct kd_bytes in)
{
    enum { SEEN = 4 };
    const uint8_t *p = in.p;
    uint8_t masked = 0, base64 = 0, hex = 0;
    for (size_t i = 0; i + SEEN <= in.n; i++) {
        uint8_t a = p[i] ^ p[i + 1], b = p[i + 1] ^ p[i + 2], c = p[i + 2] ^ p[i + 3];
        masked |= (uint8_t)((b == (' ' ^ 'p')) & (((a == ('s' ^ ' ')) & (c == ('p' ^ 'r'))) |
                                                ((a == ('p' ^ 'r')) & (c == ('s' ^ ' ')))));
        base64 |= (uint8_t)(((p[i] == 'T') & (p[i + 1] == 'V')) | ((p[i + 2] == 'V') & (p[i + 3] == 'T')));
        hex |= (uint8_t)((p[i] == '4') & ((p[i + 1] | 0x20) == 'd') & (p[i + 2] == '5'));
    }
    return (struct marks){masked != 0, base64 != 0, hex != 0};
}

/* The stub under any one mask; *ret_mask is the mask. */
static bool find_masked(struct kd_bytes in, bool backwards, uint8_t *ret_mask)
{
    for (size_t at = 0; at + STUB <= in.n; at++) {
        size_t i = 0;
        uint8_t mask = (uint8_t)(in.p[at] ^ (uint8_t)stub[backwards ? STUB - 1 : 0]);
        while (i < STUB && (in.p[at + i] ^ mask) == (uint8_t)stub[backwards ? STUB - 1 - i : i])
            i++;
        *ret_mask = mask;
        if (i == STUB)
            return true;
    }
    return false;
}

/* "MZ", then the header of a DOS program, as base64 writes them: the first linkers' values in all
 * their variants. */
static const char *const base64_heads[] = {"TVqQAAMAAAAEAAAA",
                                           "TVpQAAIAAAAEAA8A",
                                           "TVoAAAAAAAAAAAAA",
                                           "TVpFUugAAAAAW",
                                           "TVqAAAEAAAAEABAA",
                                           "TVpBUlVIieVIgew",
                                           NULL};

static bool has_base64(struct kd_bytes in, bool backwards)
{
    for (size_t i = 0; base64_heads[i] != NULL; i++) {
        uint8_t turned[32];
        struct kd_bytes want = kd_str(base64_heads[i]);
        for (size_t k = 0; k < want.n; k++)
            turned[k] = want.p[backwards ? want.n - 1 - k : k];
        if (kd_bytes_find(in, kd_bytes_of(turned, want.n)) != SIZE_MAX)
            return true;
    }
    return false;
}

const char *kd_hidden_program(struct kd_bytes head, struct kd_bytes tail)
{
    uint8_t mask;
    struct marks in_head = marks_of(head), in_tail = marks_of(tail);
    if ((in_tail.stub && find_masked(tail, true, &mask)) || (in_head.stub && find_masked(head, true, &mask)))
        return mask == 0 ? "reversed" : "reversed xor";
    if (in_head.stub && find_masked(head, false, &mask) && mask != 0 &&
        mask != 0x20) /* 0x20 changes the case of letters only */
        return "xor";
    if (in_head.base64 && has_base64(head, false))
        return "base64";
    if (in_tail.base64 && has_base64(tail, true))
        return "reversed base64";
    if (in_head.hex && kd_bytes_icontains(head, kd_str("4d5a90000300000004000000")))
        return "hex";
    return NULL;
}
