/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/lists_order.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/start.h"
#include "os/log.h"
#include "os/shared.h"

static void put_text(struct kd_out *o, const char *text)
{
    struct kd_bytes t = kd_bytes_head(kd_str(text), UINT8_MAX);
    kd_out_u8(o, (uint8_t)t.n);
    kd_out_bytes(o, t);
}

static void read_text(struct kd_cur *c, char *into, size_t room)
{
    struct kd_bytes t = kd_cur_take(c, kd_cur_u8(c));
    memset(into, 0, room);
    if (t.n >= room)
        kd_cur_fail(c);
    else if (t.n > 0)
        memcpy(into, t.p, t.n);
}

void kd_list_order_put(struct kd_out *o, const struct kd_list_order *l)
{
    kd_out_u8(o, KD_ORDER_LIST);
    kd_out_u8(o, l->number);
    kd_out_u8(o, l->first);
    kd_out_u8(o, l->confidence);
    kd_out_u8(o, l->severity);
    kd_out_u8(o, l->force);
    kd_out_le64(o, l->signature);
    put_text(o, l->name);
    put_text(o, l->format);
    put_text(o, l->kind);
    put_text(o, l->file);
    put_text(o, l->problem);
}

bool kd_list_order_read(struct kd_cur *c, struct kd_list_order *ret)
{
    ret->number = kd_cur_u8(c);
    ret->first = kd_cur_u8(c) != 0;
    ret->confidence = kd_cur_u8(c);
    ret->severity = kd_cur_u8(c);
    ret->force = kd_cur_u8(c) != 0;
    ret->signature = kd_cur_le64(c);
    read_text(c, ret->name, sizeof(ret->name));
    read_text(c, ret->format, sizeof(ret->format));
    read_text(c, ret->kind, sizeof(ret->kind));
    read_text(c, ret->file, sizeof(ret->file));
    read_text(c, ret->problem, sizeof(ret->problem));
    return kd_cur_ok(c);
}

bool kd_lists_map(const int *fds, size_t n, uint64_t skip, struct kd_mapped_lists *into)
{
    struct kd_mapped_lists m = {.n = 0};
    struct kd_err err = {0};
    bool ok = n <= KD_COUNT(m.layer);
    for (size_t i = 0; ok && i < n; i++) {
        struct stat st;
        ok = fstat(fds[i], &st) == 0 && st.st_size > 0 &&
             kd_shared_map(fds[i], (size_t)st.st_size, false, &m.memory[i], &err) == KD_OK;
        m.bytes[i] = ok ? (size_t)st.st_size : 0;
        m.n += ok;
        ok = ok && kd_obj_index_open(m.memory[i], m.bytes[i], &m.layer[i]) == KD_OK;
    }
    for (size_t i = 0; i < n; i++)
        (void)close(fds[i]);
    if (!ok) {
        kd_log("lists", "the index of suspicious objects is damaged; the former one stays in force");
        kd_lists_unmap(&m);
        return false;
    }
    if (m.n == 2)
        m.layer[0].skip = skip;
    *into = m;
    return true;
}

void kd_lists_unmap(struct kd_mapped_lists *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->memory[i] != NULL)
            (void)munmap(m->memory[i], m->bytes[i]);
    *m = (struct kd_mapped_lists){.n = 0};
}
