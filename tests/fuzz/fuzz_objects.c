/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of lists: the first byte chooses format and kind.  Whatever a list says, each line is counted in one place,
 * what is taken can be laid out and found again, and nothing of the site's own or of everybody's comes in. */
#include <stdlib.h>

#include "object/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void look(const struct kd_obj_index *x, const char *text, enum kd_object_kind kind, bool listed)
{
    uint8_t room[KD_OBJ_KEY_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_obj_hit hit;
    promise(kd_object_spell(kind, kd_str(text), &o));
    bool found = kd_obj_match(x, kind, kd_out_bytes_view(&o), 20000, &hit);
    promise(!found || listed);
    promise(!found || (hit.list != NULL && hit.confidence <= 100 && hit.note.n <= KD_OBJ_NOTE_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(64) uint8_t room[1 << 20];
    if (size == 0 || size > 1 << 16)
        return 0;
    struct kd_obj_build_config cfg = {.key = "a fuzzer's own", .entries_max = 5000};
    struct kd_feed_spec spec = {.format = data[0] % KD_FEED_FORMATS, .kind = KD_FEED_ANY_KIND};
    if (data[0] / KD_FEED_FORMATS % 16 < KD_OBJ_KINDS)
        spec.kind = data[0] / KD_FEED_FORMATS % 16;
    struct kd_net inside;
    promise(kd_net_parse(kd_str("203.0.113.0/24"), &inside));
    struct kd_feed_site site = {.inside = &inside, .n_inside = 1, .line_max = 1000};
    struct kd_obj_build *b = kd_obj_build_new(&cfg);
    struct kd_obj_list *l = b != NULL ? kd_obj_build_list(b, "fuzz") : NULL;
    uint8_t *copy = malloc(size); /* exactly as long: a byte beyond is told by the sanitizer */
    promise(l != NULL && copy != NULL);
    memcpy(copy, data + 1, size - 1);
    enum kd_status s = kd_feed_read(b, l, &spec, &site, "fuzz", copy, size - 1);
    promise(s == KD_OK || s == KD_LIMIT || s == KD_MALFORMED);
    free(copy);
    uint64_t taken = 0;
    for (unsigned k = 0; k < KD_OBJ_KINDS; k++)
        taken += l->n[k];
    promise(taken <= cfg.entries_max && (l->wrong == 0) == (l->problem[0] == '\0') &&
            (l->refused == 0) == (l->refusal[0] == '\0'));
    size_t bytes = 0;
    struct kd_obj_index x;
    memset(room, 0, sizeof(room));
    promise(kd_obj_build_write(b, room, sizeof(room), &bytes) == KD_OK);
    kd_obj_build_free(b);
    promise(kd_obj_index_open(room, bytes, &x) == KD_OK);
    promise(x.head->entries.n + x.head->nets.n + x.lists[0].twice == taken);
    look(&x, "8.8.8.8", KD_OBJ_IP, false);
    look(&x, "10.1.2.3", KD_OBJ_IP, false);
    look(&x, "203.0.113.7", KD_OBJ_IP, false);
    look(&x, "www.google.com", KD_OBJ_DOMAIN, false);
    look(&x, "town.lg.jp", KD_OBJ_DOMAIN, true);
    look(&x, "a.b.c.evil.example", KD_OBJ_DOMAIN, true);
    return 0;
}
