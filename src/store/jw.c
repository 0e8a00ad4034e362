/* SPDX-License-Identifier: Apache-2.0 */
#include "store/jw.h"

#include "base/json.h"

void kd_jw_init(struct kd_jw *w, int zone_s)
{
    *w = (struct kd_jw){.zone_s = zone_s};
}

void kd_jw_done(struct kd_jw *w)
{
    kd_heap_done(&w->h);
}

/* A bounded writer over at least n free bytes; end() takes over what was written. */
static struct kd_out begin(struct kd_jw *w, size_t n)
{
    if (w->failed || n > KD_JW_MAX - kd_min_size(w->h.n, KD_JW_MAX) || !kd_heap_room(&w->h, n)) {
        w->failed = true;
        return kd_out_of(NULL, 0);
    }
    return kd_out_of(w->h.p + w->h.n, n);
}

static void end(struct kd_jw *w, const struct kd_out *o)
{
    if (w->failed)
        return;
    if (o->full)
        w->failed = true;
    else
        w->h.n += o->n;
}

static void put_key(struct kd_jw *w, const char *key)
{
    struct kd_out o = begin(w, (key == NULL ? 0 : strlen(key)) + 8);
    if (w->comma)
        kd_out_u8(&o, ',');
    if (key != NULL)
        kd_json_key(&o, key);
    end(w, &o);
    w->comma = true;
}

void kd_jw_open(struct kd_jw *w, const char *key, char bracket)
{
    put_key(w, key);
    struct kd_out o = begin(w, 1);
    kd_out_u8(&o, (uint8_t)bracket);
    end(w, &o);
    w->comma = false;
}

void kd_jw_close(struct kd_jw *w, char bracket)
{
    struct kd_out o = begin(w, 1);
    kd_out_u8(&o, (uint8_t)bracket);
    end(w, &o);
    w->comma = true;
}

void kd_jw_text(struct kd_jw *w, const char *key, struct kd_bytes v)
{
    put_key(w, key);
    struct kd_out o = begin(w, v.n * 6 + 2);
    kd_json_string(&o, v);
    end(w, &o);
}

void kd_jw_str(struct kd_jw *w, const char *key, const char *v)
{
    kd_jw_text(w, key, kd_str(v));
}

void kd_jw_u64(struct kd_jw *w, const char *key, uint64_t v)
{
    put_key(w, key);
    struct kd_out o = begin(w, 24);
    kd_out_u64(&o, v);
    end(w, &o);
}

void kd_jw_bool(struct kd_jw *w, const char *key, bool v)
{
    kd_jw_raw(w, key, kd_str(v ? "true" : "false"));
}

void kd_jw_null(struct kd_jw *w, const char *key)
{
    kd_jw_raw(w, key, kd_str("null"));
}

void kd_jw_fixed(struct kd_jw *w, const char *key, double v)
{
    put_key(w, key);
    struct kd_out o = begin(w, 40);
    kd_out_fmt(&o, "%.2f", v);
    end(w, &o);
}

void kd_jw_addr(struct kd_jw *w, const char *key, const struct kd_addr *a)
{
    uint8_t room[KD_ADDR_ROOM];
    kd_jw_text(w, key, kd_addr_view(a, room));
}

void kd_jw_time(struct kd_jw *w, const char *key, uint64_t us)
{
    if (us == 0) {
        kd_jw_null(w, key);
        return;
    }
    uint8_t text[48];
    struct kd_out t = kd_out_of(text, sizeof(text));
    kd_out_time(&t, us, w->zone_s);
    put_key(w, key);
    struct kd_out o = begin(w, 64);
    kd_out_u8(&o, '"');
    /* EVE writes the zone as +0900, RFC 3339 wants +09:00. */
    kd_out_bytes(&o, kd_bytes_of(text, t.n - 2));
    kd_out_u8(&o, ':');
    kd_out_bytes(&o, kd_bytes_of(text + t.n - 2, 2));
    kd_out_u8(&o, '"');
    end(w, &o);
}

void kd_jw_raw(struct kd_jw *w, const char *key, struct kd_bytes json)
{
    put_key(w, key);
    struct kd_out o = begin(w, json.n);
    kd_out_bytes(&o, json);
    end(w, &o);
}

void kd_jw_both(struct kd_jw *w, const char *key, struct kd_bytes ja, struct kd_bytes en)
{
    kd_jw_open(w, key, '{');
    kd_jw_text(w, "ja", ja);
    kd_jw_text(w, "en", en);
    kd_jw_close(w, '}');
}

void kd_jw_reopen(struct kd_jw *w, const char *key, struct kd_bytes object)
{
    kd_jw_raw(w, key, kd_bytes_head(object, object.n > 0 ? object.n - 1 : 0));
    w->comma = object.n > 2;
}
