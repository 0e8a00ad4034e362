/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a record is found by asking for it, whatever the field; what is not asked for is not.
 */
#include "../../tests/store/gen.h"
#include "../../tests/tap.h"
#include "store/hunt.h"

enum { N = 100 * KD_REC_MAX };
static const uint64_t start_us = 1763737200000000u;

static struct kd_built built;
static struct kd_block_reader *reader;
static struct {
    struct kd_rec_head head;
    uint64_t body[256];
} rec[N];
static struct kd_arena mem;

static void make_block(void)
{
    static uint8_t records[8 << 20];
    struct kd_gen g;
    kd_gen_init(&g, 77, start_us);
    kd_arena_init(&mem, kd_pool_new(64 << 20), 64 << 20);
    struct kd_out o = kd_out_of(records, sizeof(records));
    for (size_t i = 0; i < N; i++) {
        kd_gen_any(&g, (unsigned)(i % KD_REC_MAX) + 1, &mem, &rec[i].head, rec[i].body);
        CHECK(kd_record_put(&o, &rec[i].head, rec[i].body) == KD_OK);
    }
    struct kd_block_fixed fixed = {.seq = 1};
    struct kd_block_builder *b = kd_block_builder_new();
    CHECK(kd_block_build(b, kd_out_bytes_view(&o), &fixed, &built) == KD_OK &&
          built.fixed.rows == N);
    kd_block_builder_free(b);
    reader = kd_block_reader_new(NULL);
    CHECK(kd_block_use(reader, kd_bytes_of(built.head.p, built.head.n),
                       kd_bytes_of(built.data.p, built.data.n)) == KD_OK);
}

/* Numbers of the records that match, as marks; SIZE_MAX when the text is no expression. */
static size_t run(struct kd_bytes text, uint8_t mark[N + 1])
{
    struct kd_hunt_expr *e = NULL;
    struct kd_err err = {0};
    size_t total = 0;
    static uint8_t rows[KD_BLOCK_ROWS];
    memset(mark, 0, N + 1);
    if (kd_hunt_parse(text, 0, &e, &err) != KD_OK) {
        printf("# %s at %llu: %.*s\n", err.what, (unsigned long long)err.at, (int)text.n,
               (const char *)text.p);
        return SIZE_MAX;
    }
    struct kd_hunt_eval *ev = kd_hunt_eval_new(e);
    for (size_t g = 0; g < kd_block_current(reader)->n_groups; g++) {
        size_t n = 0;
        enum kd_status s;
        CHECK(kd_hunt_eval(ev, reader, g, rows, &n) == KD_OK);
        const struct kd_loaded *ids = kd_block_column(reader, g, KD_LEAF_ID, &s);
        for (size_t i = 0; n > 0 && i < kd_block_current(reader)->group[g].rows; i++)
            if (rows[i])
                mark[ids->number[i]] = 1;
        total += n;
    }
    kd_hunt_eval_free(ev);
    kd_hunt_expr_free(e);
    return total;
}

static size_t count(const char *text)
{
    static uint8_t mark[N + 1];
    return run(kd_str(text), mark);
}

static void quoted(struct kd_out *o, struct kd_bytes v)
{
    kd_out_u8(o, '"');
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '"' || v.p[i] == '\\')
            kd_out_u8(o, '\\');
        kd_out_u8(o, v.p[i]);
    }
    kd_out_u8(o, '"');
}

/* A field's value as one would type it; false when there is none. */
static bool value_text(struct kd_out *o, const struct kd_field *f, const uint8_t *at)
{
    static const uint8_t widths[] = {
        [KD_T_U8] = 1, [KD_T_U16] = 2, [KD_T_U32] = 4, [KD_T_U64] = 8, [KD_T_US] = 8};
    struct kd_bytes text;
    struct kd_strs strs;
    uint64_t v = 0;
    switch (f->type) {
    case KD_T_BOOL:
        kd_out_str(o, "true");
        return *(const bool *)at;
    case KD_T_TIME:
        memcpy(&v, at, sizeof(v));
        kd_out_time(o, v, 0);
        return v != 0;
    case KD_T_ADDR:
        kd_out_addr(o, (const struct kd_addr *)at);
        return !kd_addr_is_none((const struct kd_addr *)at);
    case KD_T_MAC:
        kd_out_mac(o, (const struct kd_mac *)at);
        return !kd_mac_is_none((const struct kd_mac *)at);
    case KD_T_STR:
        memcpy(&text, at, sizeof(text));
        quoted(o, text);
        return text.n > 0;
    case KD_T_HEX:
        memcpy(&text, at, sizeof(text));
        kd_out_hex(o, text);
        return text.n > 0;
    case KD_T_STRS:
        memcpy(&strs, at, sizeof(strs));
        if (strs.n == 0 || strs.v[strs.n - 1].n == 0)
            return false;
        quoted(o, strs.v[strs.n - 1]);
        return true;
    case KD_T_LIST:
        return false;
    default:
        memcpy(&v, at, widths[f->type]);
        kd_out_u64(o, v);
        return v != 0;
    }
}

static unsigned asked, missed;

static void ask_for(const struct kd_field *f, const uint8_t *at, const char *prefix, uint64_t id)
{
    static uint8_t mark[N + 1];
    static uint8_t text[KD_HUNT_TEXT_MAX];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_fmt(&o, "%s%s = ", prefix, f->path);
    if (!value_text(&o, f, at) || !kd_out_ok(&o))
        return;
    asked++;
    size_t n = run(kd_out_bytes_view(&o), mark);
    if (n == SIZE_MAX || !mark[id]) {
        missed++;
        printf("# record %llu not found by %.*s\n", (unsigned long long)id,
               (int)kd_min_size(o.n, 100), (const char *)text);
    }
}

/* All fields of a struct, and of the lists within it. */
static void ask_for_all(const struct kd_schema *s, const uint8_t *body, const char *prefix, uint64_t id)
{
    for (size_t k = 0; k < s->n_fields; k++) {
        const struct kd_field *f = &s->fields[k];
        struct kd_list list;
        char inner[256];
        ask_for(f, body + f->offset, prefix, id);
        if (f->type != KD_T_LIST)
            continue;
        memcpy(&list, body + f->offset, sizeof(list));
        (void)snprintf(inner, sizeof(inner), "%s%s.", prefix, f->path);
        for (size_t j = 0; j < list.n; j++)
            ask_for_all(f->sub, (const uint8_t *)list.v + j * f->sub->size, inner, id);
    }
}

static void every_field_is_found_by_its_value(void)
{
    make_block();
    for (size_t i = 0; i < N; i++)
        ask_for_all(kd_schemas[rec[i].head.type], (const uint8_t *)rec[i].body, "", rec[i].head.id);
    CHECK(asked > 10000 && missed == 0);
    printf("# %u values asked for\n", asked);
}

static const char *by_number(const char *how, unsigned id)
{
    static char text[64];
    (void)snprintf(text, sizeof(text), "record_id %s %u", how, id);
    return text;
}

static void logic_is_set_algebra(void)
{
    size_t all = count("");
    size_t flow = count("event_type = flow");
    CHECK(all == N && flow == (N + KD_REC_MAX - 1) / KD_REC_MAX);
    CHECK(count("event_type != flow") == N - flow && count("not event_type = flow") == N - flow);
    CHECK(count("event_type in (flow, dns)") == 2 * flow);
    size_t a = count("src_ip = 10.1.0.0/16");
    size_t b = count("dest_ip = 10.1.0.0/16");
    size_t both = count("src_ip = 10.1.0.0/16 and dest_ip = 10.1.0.0/16");
    CHECK(a > 100 && both > 10 &&
          count("src_ip = 10.1.0.0/16 or dest_ip = 10.1.0.0/16") == a + b - both);
    CHECK(count("not (src_ip = 10.1.0.0/16 or dest_ip = 10.1.0.0/16)") == N - (a + b - both));
    CHECK(count("event_type = flow or event_type = dns and src_ip = 10.1.0.0/16") ==
          flow + count("event_type = dns and src_ip = 10.1.0.0/16"));
    /* The smallest and the largest of their columns. */
    CHECK(count("record_id = 1") == 1 && count(by_number("=", N)) == 1);
    CHECK(count("record_id <= 1") == 1 && count(by_number(">=", N)) == 1);
    CHECK(count("record_id < 1") == 0 && count(by_number(">", N)) == 0);
    CHECK(count("src_port >= 1 and src_port <= 65535") == count("src_port > 0"));
    CHECK(count("src_port < 1000") + count("src_port >= 1000") == N);
    CHECK(count("vlan = 1") + count("vlan != 1") == N);
    CHECK(count("app_proto = dns") > 0 && count("proto = tcp") == count("proto = 6"));
}

static void contains_does_not_cross_entries(void)
{
    size_t by_scan = 0;
    for (size_t i = 0; i < N; i++) {
        const struct kd_rec_dns *d = (const struct kd_rec_dns *)(const void *)rec[i].body;
        by_scan += rec[i].head.type == KD_REC_DNS && kd_bytes_icontains(d->rrname, kd_str("ab"));
    }
    CHECK(count("dns.rrname ~ ab") == by_scan && count("dns.rrname ~ AB") == by_scan);
}

static void errors_have_their_place(void)
{
    static const struct {
        const char *text;
        uint64_t at;
    } bad[] = {{"nosuch = 3", 0},    {"port = ", 7},     {"port 3", 5},
               {"(port = 3", 9},     {"port = 3)", 8},   {"port = 3 port = 4", 9},
               {"port in 3", 8},     {"port in (3", 10}, {"name = \"x", 7},
               {"port = 3 and", 12}, {"\x01", 0},        {"event_type > flow", 17}};
    for (size_t i = 0; i < KD_COUNT(bad); i++) {
        struct kd_hunt_expr *e = NULL;
        struct kd_err err = {0};
        CHECK(kd_hunt_parse(kd_str(bad[i].text), 0, &e, &err) == KD_MALFORMED);
        if (err.at != bad[i].at)
            printf("# %s: at %llu: %s\n", bad[i].text, (unsigned long long)err.at, err.what);
        CHECK(err.at == bad[i].at && err.what != NULL);
    }
    char deep[200];
    memset(deep, '(', sizeof(deep));
    struct kd_hunt_expr *e = NULL;
    struct kd_err err = {0};
    CHECK(kd_hunt_parse(kd_bytes_of(deep, sizeof(deep)), 0, &e, &err) == KD_MALFORMED);
}

int main(void)
{
    RUN(every_field_is_found_by_its_value);
    RUN(logic_is_set_algebra);
    RUN(contains_does_not_cross_entries);
    RUN(errors_have_their_place);
    kd_block_reader_free(reader);
    kd_built_done(&built);
    struct kd_pool *pool = mem.pool;
    kd_arena_done(&mem);
    kd_pool_free(pool);
    return tap_done();
}
