/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/update_state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/json.h"
#include "os/fd.h"

enum { STATE_BYTES_MAX = 128 * 1024, FIRST_RETRY_S = 300, FIELDS = 12, SHIFT_MAX = 12 };

/* ---- sources ---- */

/* Letters, digits and what is harmless in a file's name; then what tells it from others. */
static void fill_id(struct kd_update_source *s)
{
    struct kd_out o = kd_out_of(s->id, sizeof(s->id) - 12);
    kd_out_str(&o, s->rules ? "rules-" : "list-");
    for (const char *c = s->name; *c != '\0'; c++) {
        uint8_t low = kd_ascii_lower((uint8_t)*c);
        bool ok = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') || *c == '.' || *c == '-' || *c == '_';
        kd_out_u8(&o, ok ? (uint8_t)*c : '-');
    }
    uint64_t sum = kd_hash(s->name, strlen(s->name), 1);
    sum = kd_hash(s->from->url, strlen(s->from->url), sum);
    sum = kd_hash(s->from->sha256, strlen(s->from->sha256), sum);
    sum = kd_hash(s->from->key, strlen(s->from->key), sum);
    snprintf(s->id + o.n, sizeof(s->id) - o.n, "-%08x", (unsigned)(sum & 0xffffffffu));
}

size_t kd_update_sources(const struct kd_config *c, struct kd_update_source ret[KD_UPDATE_ROWS])
{
    size_t n = 0;
    for (size_t i = 0; i < c->rule_sources.n; i++)
        ret[n++] = (struct kd_update_source){.rules = true, .name = c->rule_sources.v[i].name, .from = &c->rule_sources.v[i].from};
    for (size_t i = 0; i < c->feeds.n; i++)
        if (c->feeds.v[i].from.url[0] != '\0')
            ret[n++] = (struct kd_update_source){.name = c->feeds.v[i].name, .from = &c->feeds.v[i].from, .feed = &c->feeds.v[i]};
    for (size_t i = 0; i < n; i++)
        fill_id(&ret[i]);
    return n;
}

void kd_update_place(struct kd_config *config, const char *dir)
{
    static struct kd_update_source sources[KD_UPDATE_ROWS];
    size_t n = kd_update_sources(config, sources);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < config->feeds.n; k++) /* the same, to be written to */
            if (sources[i].feed == &config->feeds.v[k])
                snprintf(config->feeds.v[k].file, sizeof(config->feeds.v[k].file), "%.400s/updates/%s", dir, sources[i].id);
}

/* ---- the file ---- */

static void take_text(struct kd_bytes v, char *into, size_t room)
{
    struct kd_bytes fits = kd_bytes_head(v, room - 1);
    memset(into, 0, room);
    for (size_t i = 0; i < fits.n; i++)
        into[i] = fits.p[i] >= ' ' && fits.p[i] <= '~' ? (char)fits.p[i] : '?';
}

static bool read_row(struct kd_bytes line, struct kd_update_row *r)
{
    uint64_t *const numbers[] = {&r->tried_us, &r->ok_us, &r->new_us, &r->failing_us, &r->next_us, &r->fails, &r->bytes};
    *r = (struct kd_update_row){0};
    take_text(kd_bytes_cut(&line, '\t'), r->id, sizeof(r->id));
    for (size_t i = 0; i < KD_COUNT(numbers); i++)
        if (!kd_bytes_to_u64(kd_bytes_cut(&line, '\t'), UINT64_MAX >> 1, numbers[i]))
            return false;
    r->outcome = (uint8_t)kd_fetched_of(kd_bytes_cut(&line, '\t'));
    take_text(kd_bytes_cut(&line, '\t'), r->etag, sizeof(r->etag));
    take_text(kd_bytes_cut(&line, '\t'), r->modified, sizeof(r->modified));
    take_text(line, r->why, sizeof(r->why));
    return r->id[0] != '\0' && r->outcome < KD_FETCHED_OUTCOMES;
}

void kd_updates_parse(struct kd_bytes text, struct kd_updates *ret)
{
    ret->n = 0;
    while (text.n > 0 && ret->n < KD_UPDATE_ROWS)
        ret->n += read_row(kd_bytes_cut(&text, '\n'), &ret->at[ret->n]);
}

void kd_updates_read(const char *dir, struct kd_updates *ret)
{
    char path[KD_CONFIG_TEXT_MAX + 32];
    uint8_t *text = NULL;
    size_t n = 0;
    ret->n = 0;
    snprintf(path, sizeof(path), "%s/updates/state", dir);
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || kd_fd_read_all(fd, STATE_BYTES_MAX, &text, &n) != KD_OK)
        return;
    kd_updates_parse(kd_bytes_of(text, n), ret);
    free(text);
}

static void put_row(struct kd_out *o, const struct kd_update_row *r)
{
    const uint64_t numbers[] = {r->tried_us, r->ok_us, r->new_us, r->failing_us, r->next_us, r->fails, r->bytes};
    kd_out_str(o, r->id);
    for (size_t i = 0; i < KD_COUNT(numbers); i++)
        kd_out_fmt(o, "\t%llu", (unsigned long long)numbers[i]);
    kd_out_fmt(o, "\t%s\t%s\t%s\t%s\n", kd_fetched_word((enum kd_fetched)r->outcome), r->etag, r->modified, r->why);
}

void kd_updates_put(struct kd_out *o, const struct kd_updates *u)
{
    for (size_t i = 0; i < u->n; i++)
        put_row(o, &u->at[i]);
}

bool kd_updates_write(const char *dir, const struct kd_updates *u)
{
    static uint8_t room[STATE_BYTES_MAX];
    char path[KD_CONFIG_TEXT_MAX + 32], next[KD_CONFIG_TEXT_MAX + 40];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_updates_put(&o, u);
    snprintf(path, sizeof(path), "%s/updates/state", dir);
    snprintf(next, sizeof(next), "%s/updates/state.new", dir);
    (void)unlink(next);
    KD_AUTO_FD fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    return fd >= 0 && kd_fd_write_all(fd, kd_out_bytes_view(&o)) == KD_OK && fsync(fd) == 0 && rename(next, path) == 0;
}

void kd_update_json(struct kd_out *o, const struct kd_update_source *source, const struct kd_update_row *row, int zone_s)
{
    static const struct kd_update_row never = {.outcome = KD_FETCHED_UNCHANGED};
    const struct kd_update_row *r = row != NULL ? row : &never;
    const struct {
        const char *key;
        uint64_t us;
    } moments[] = {{"tried", r->tried_us}, {"ok", r->ok_us}, {"new", r->new_us}, {"failing_since", r->failing_us}, {"next", r->next_us}};
    kd_out_fmt(o, "{\"kind\":\"%s\",\"name\":", source->rules ? "rules" : "list");
    kd_json_string(o, kd_str(source->name));
    kd_out_fmt(o, ",\"outcome\":\"%s\",\"fails\":%llu,\"bytes\":%llu,\"why\":",
               r->tried_us == 0 ? "never" : kd_fetched_word((enum kd_fetched)r->outcome), (unsigned long long)r->fails,
               (unsigned long long)r->bytes);
    kd_json_string(o, kd_str(r->why));
    for (size_t i = 0; i < KD_COUNT(moments); i++)
        kd_json_moment(o, moments[i].key, moments[i].us, zone_s);
    kd_out_u8(o, '}');
}

const struct kd_update_row *kd_updates_find(const struct kd_updates *u, const char *id)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->at[i].id, id) == 0)
            return &u->at[i];
    return NULL;
}

struct kd_update_row *kd_updates_row(struct kd_updates *u, const char *id, bool add)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->at[i].id, id) == 0)
            return &u->at[i];
    if (!add || u->n == KD_UPDATE_ROWS)
        return NULL;
    struct kd_update_row *r = &u->at[u->n++];
    *r = (struct kd_update_row){.outcome = KD_FETCHED_UNCHANGED};
    snprintf(r->id, sizeof(r->id), "%s", id);
    return r;
}

/* ---- time ---- */

void kd_update_note(struct kd_update_row *row, enum kd_fetched what, const char *why, uint32_t every_s, uint64_t now_us,
                    uint64_t random)
{
    bool well = what == KD_FETCHED_NEW || what == KD_FETCHED_UNCHANGED;
    uint64_t wait_s = every_s;
    row->tried_us = now_us;
    row->outcome = (uint8_t)what;
    take_text(kd_str(well ? "" : why), row->why, sizeof(row->why));
    if (well) {
        row->ok_us = now_us;
        row->new_us = what == KD_FETCHED_NEW ? now_us : row->new_us;
        row->failing_us = row->fails = 0;
    } else {
        row->failing_us = row->failing_us == 0 ? now_us : row->failing_us;
        wait_s = kd_min_u64(every_s, (uint64_t)FIRST_RETRY_S << kd_min_u64(row->fails, SHIFT_MAX));
        row->fails++;
    }
    uint64_t wait_us = wait_s * KD_US_PER_S;
    row->next_us = now_us + wait_us - wait_us / 20 + random % (wait_us / 10 + 1);
}

bool kd_update_due(const struct kd_update_row *row, uint32_t every_s, uint64_t now_us)
{
    /* A clock that was set back, or a shorter time in the configuration, must not make it wait for ever. */
    return row == NULL || now_us >= row->next_us || row->next_us - now_us > (uint64_t)every_s * KD_US_PER_S * 11 / 10;
}
