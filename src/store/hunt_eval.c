/* SPDX-License-Identifier: Apache-2.0 */
/* An expression over the columns of one group: only the columns it names are unpacked, texts are
 * compared once per distinct value. */
#include "store/hunt.h"

enum { BUFFERS = KD_HUNT_DEPTH_MAX + 8 };

struct kd_hunt_eval {
    const struct kd_hunt_expr *e;
    uint8_t *buffer[BUFFERS]; /* KD_BLOCK_ROWS each */
    size_t used;
    struct kd_heap items, entries, lower, raised[2];
    struct kd_block_reader *r;
    size_t group;
    const struct kd_layout *layout;
    size_t rows;
    enum kd_status s;
};

struct kd_hunt_eval *kd_hunt_eval_new(const struct kd_hunt_expr *e)
{
    struct kd_hunt_eval *ev = calloc(1, sizeof(*ev));
    if (ev != NULL)
        ev->e = e;
    return ev;
}

void kd_hunt_eval_free(struct kd_hunt_eval *ev)
{
    if (ev == NULL)
        return;
    for (size_t i = 0; i < BUFFERS; i++)
        free(ev->buffer[i]);
    kd_heap_done(&ev->items);
    kd_heap_done(&ev->entries);
    kd_heap_done(&ev->lower);
    kd_heap_done(&ev->raised[0]);
    kd_heap_done(&ev->raised[1]);
    free(ev);
}

static uint8_t *fresh(struct kd_hunt_eval *ev, struct kd_heap *h, size_t n)
{
    h->n = 0;
    if (!kd_heap_room(h, n + 1)) {
        ev->s = KD_NO_MEMORY;
        return NULL;
    }
    memset(h->p, 0, n + 1);
    return h->p;
}

/* ---- one value ---- */

static struct kd_bytes as_text(const struct kd_leaf *l, struct kd_bytes v, uint8_t *buf, size_t max)
{
    struct kd_out o = kd_out_of(buf, max);
    struct kd_addr a;
    if (l->type == KD_T_STR)
        return v;
    if (l->type == KD_T_ADDR && v.n == sizeof(a.b)) {
        a = kd_addr_v6(v.p);
        kd_out_addr(&o, &a);
    } else if (l->type == KD_T_MAC) {
        kd_out_hex_sep(&o, v, ':');
    } else {
        kd_out_hex(&o, kd_bytes_head(v, max / 2));
    }
    return kd_out_bytes_view(&o);
}

static bool text_equals(const struct kd_leaf *l, struct kd_bytes v,
                        const struct kd_hunt_value *want)
{
    struct kd_addr a;
    switch (l->type) {
    case KD_T_ADDR:
        if (!want->is_net || v.n != sizeof(a.b))
            return false;
        a = kd_addr_v6(v.p);
        return want->is_single ? kd_addr_eq(&a, &want->net.addr) : kd_net_has(&want->net, &a);
    case KD_T_MAC:
        return want->is_mac && kd_bytes_eq(v, kd_bytes_of(want->mac.b, sizeof(want->mac.b)));
    case KD_T_HEX:
        return want->hex.n > 0 && kd_bytes_eq(v, want->hex);
    default:
        return kd_bytes_ieq(v, want->text);
    }
}

/* Entries that contain `needle`: one search over all of them joined. */
static void mark_containing(struct kd_hunt_eval *ev, const struct kd_loaded *c,
                            struct kd_bytes needle, uint8_t *mark)
{
    uint32_t n = c->desc->entries;
    size_t total = n == 0 ? 0 : c->end[n - 1];
    uint8_t *low = fresh(ev, &ev->lower, total);
    if (low == NULL)
        return;
    for (size_t i = 0; i < total; i++)
        low[i] = (uint8_t)(c->dict[i] + ((uint8_t)(c->dict[i] - 'A') < 26 ? 32 : 0));
    size_t at = 0;
    uint32_t entry = 0;
    while (at < total) {
        const uint8_t *hit = memmem(low + at, total - at, needle.p, needle.n);
        if (hit == NULL)
            return;
        size_t off = (size_t)(hit - low);
        while (c->end[entry] <= off)
            entry++;
        if (off + needle.n <= c->end[entry]) {
            mark[entry] = 1;
            at = c->end[entry];
        } else {
            at = off + 1; /* across two entries */
        }
    }
}

/* Can the needle be within the text of such a value?  Saves writing out every address. */
static bool may_contain(const struct kd_leaf *l, struct kd_bytes needle)
{
    const char *alphabet = l->type == KD_T_ADDR  ? "0123456789abcdef:."
                           : l->type == KD_T_MAC ? "0123456789abcdef:"
                                                 : "0123456789abcdef";
    for (size_t i = 0; i < needle.n; i++)
        if (needle.p[i] == '\0' || strchr(alphabet, needle.p[i]) == NULL)
            return false;
    return true;
}

static void mark_entries(struct kd_hunt_eval *ev, const struct kd_leaf *l,
                         const struct kd_loaded *c, const struct kd_hunt_node *term, uint8_t *mark)
{
    uint8_t buf[256];
    const struct kd_hunt_value *v = &ev->e->value[term->value];
    uint32_t n = c->desc->entries;
    if (term->op == KD_HUNT_HAS && l->type == KD_T_STR) {
        mark_containing(ev, c, v->text, mark);
        return;
    }
    if (term->op == KD_HUNT_HAS && !may_contain(l, v->text))
        return;
    for (uint32_t i = 0; i < n; i++) {
        struct kd_bytes entry = kd_loaded_entry(c, i);
        if (term->op == KD_HUNT_HAS) {
            mark[i] = kd_bytes_find(as_text(l, entry, buf, sizeof(buf)), v->text) != SIZE_MAX;
            continue;
        }
        for (size_t k = 0; k < term->n_values && mark[i] == 0; k++)
            mark[i] = text_equals(l, entry, &v[k]);
        if (term->op == KD_HUNT_NE)
            mark[i] ^= 1;
    }
}

static bool is_match_op(enum kd_hunt_op op)
{
    return op == KD_HUNT_EQ || op == KD_HUNT_NE || op == KD_HUNT_HAS || op == KD_HUNT_IN;
}

/* Values of a text leaf that match, into out[n]; false when none does. */
static bool eval_text(struct kd_hunt_eval *ev, size_t leaf, const struct kd_hunt_node *term,
                      size_t n, uint8_t *out)
{
    const struct kd_leaf *l = &ev->layout->leaf[leaf];
    if (!is_match_op(term->op))
        return false;
    enum kd_status s;
    const struct kd_loaded *c = kd_block_dict(ev->r, ev->group, leaf, &s);
    ev->s = s != KD_OK ? s : ev->s;
    if (c == NULL || c->desc->n != n)
        return false;
    /* By code: 0, absent, never matches. */
    uint8_t *mark = fresh(ev, &ev->entries, c->desc->entries + 1);
    if (mark == NULL)
        return false;
    mark_entries(ev, l, c, term, mark + 1);
    if (memchr(mark, 1, c->desc->entries + 1) == NULL)
        return false;
    c = kd_block_column(ev->r, ev->group, leaf, &s);
    ev->s = s != KD_OK ? s : ev->s;
    for (size_t i = 0; c != NULL && i < n; i++)
        out[i] = mark[c->code[i]];
    return c != NULL;
}

/* ---- numbers ---- */

static bool number_wanted(const struct kd_leaf *l, size_t leaf, const struct kd_hunt_value *v,
                          uint64_t *ret)
{
    if (leaf == KD_LEAF_APP)
        for (unsigned i = 0; i < KD_APP_COUNT; i++)
            if (kd_bytes_eq_str(v->text, kd_app_names[i])) {
                *ret = i;
                return true;
            }
    if (l->type == KD_T_TIME && v->is_time) {
        *ret = v->time_us;
        return true;
    }
    *ret = v->number;
    return v->is_number;
}

static bool compare(enum kd_hunt_op op, uint64_t a, uint64_t b)
{
    switch (op) {
    case KD_HUNT_EQ:
    case KD_HUNT_IN:
        return a == b;
    case KD_HUNT_NE:
        return a != b;
    case KD_HUNT_LT:
        return a < b;
    case KD_HUNT_LE:
        return a <= b;
    case KD_HUNT_GT:
        return a > b;
    case KD_HUNT_GE:
        return a >= b;
    default:
        return false;
    }
}

/* Can any value in [min, max] match?  For skipping the column. */
static bool range_may(enum kd_hunt_op op, uint64_t min, uint64_t max, uint64_t want)
{
    switch (op) {
    case KD_HUNT_EQ:
    case KD_HUNT_IN:
        return want >= min && want <= max;
    case KD_HUNT_NE:
        return min != max || min != want;
    case KD_HUNT_LT:
    case KD_HUNT_LE:
        return compare(op, min, want);
    default:
        return compare(op, max, want);
    }
}

static bool eval_number(struct kd_hunt_eval *ev, size_t leaf, const struct kd_hunt_node *term,
                        size_t n, uint8_t *out)
{
    const struct kd_leaf *l = &ev->layout->leaf[leaf];
    const struct kd_block_group *g = &kd_block_current(ev->r)->group[ev->group];
    const struct kd_column_desc *d = NULL;
    for (size_t i = 0; i < g->n_columns; i++)
        d = g->column[i].leaf == leaf ? &g->column[i] : d;
    bool any = false;
    for (size_t k = 0; k < term->n_values; k++) {
        uint64_t want;
        if (!number_wanted(l, leaf, &ev->e->value[term->value + k], &want) ||
            !range_may(term->op, d == NULL ? 0 : d->min, d == NULL ? 0 : d->max, want))
            continue;
        enum kd_status s = KD_OK;
        const struct kd_loaded *c = kd_block_column(ev->r, ev->group, leaf, &s);
        if (s != KD_OK || (c != NULL && c->desc->n != n)) {
            ev->s = s != KD_OK ? s : KD_MALFORMED;
            return false;
        }
        for (size_t i = 0; i < n; i++)
            out[i] |= compare(term->op, c == NULL ? 0 : c->number[i], want);
        any = true;
    }
    return any;
}

/* ---- a term ---- */

/* Values that stand above a list's items: the rows, or the items of the list around it.  SIZE_MAX: unreadable. */
static size_t above(struct kd_hunt_eval *ev, size_t list);

static size_t items_of(struct kd_hunt_eval *ev, size_t list)
{
    enum kd_status s;
    size_t n = above(ev, list);
    const uint32_t *starts = kd_block_starts(ev->r, ev->group, list, &s);
    ev->s = s != KD_OK ? s : ev->s;
    return starts == NULL || n == SIZE_MAX ? SIZE_MAX : starts[n];
}

static size_t above(struct kd_hunt_eval *ev, size_t list)
{
    size_t outer = ev->layout->leaf[list].parent;
    return outer == 0 ? ev->rows : items_of(ev, outer);
}

/* A list item that matches makes the item around it match, and so on up to the row. */
static void raise_to_rows(struct kd_hunt_eval *ev, size_t list, const uint8_t *item, uint8_t *rows)
{
    for (unsigned level = 0; list != 0; level++) {
        enum kd_status s;
        size_t outer = ev->layout->leaf[list].parent;
        size_t n = above(ev, list);
        const uint32_t *starts = kd_block_starts(ev->r, ev->group, list, &s);
        ev->s = s != KD_OK ? s : ev->s;
        uint8_t *to = outer == 0 ? rows : fresh(ev, &ev->raised[level % 2], n == SIZE_MAX ? 0 : n);
        if (starts == NULL || to == NULL || n == SIZE_MAX)
            return;
        for (size_t i = 0; i < n; i++)
            for (uint32_t k = starts[i]; k < starts[i + 1] && !to[i]; k++)
                to[i] = item[k];
        item = to;
        list = outer;
    }
}

static void eval_leaf(struct kd_hunt_eval *ev, size_t leaf, const struct kd_hunt_node *term,
                      uint8_t *rows)
{
    const struct kd_leaf *l = &ev->layout->leaf[leaf];
    size_t list = l->is_item ? leaf - 1 : l->parent;
    size_t n = ev->rows;
    if (list != 0)
        n = items_of(ev, list);
    if (n == SIZE_MAX)
        return;
    uint8_t *out = fresh(ev, &ev->items, n);
    if (out == NULL)
        return;
    bool any = kd_type_is_text(l->type) ? eval_text(ev, leaf, term, n, out)
                                        : eval_number(ev, leaf, term, n, out);
    if (!any)
        return;
    if (list != 0)
        raise_to_rows(ev, list, out, rows);
    else
        for (size_t i = 0; i < n; i++)
            rows[i] |= out[i];
}

static void eval_term(struct kd_hunt_eval *ev, const struct kd_hunt_node *term, uint8_t *rows)
{
    const struct kd_hunt_fields *f = &term->fields[ev->layout->schema->id];
    bool is_type = true;
    for (unsigned t = 0; t < KD_TYPES; t++)
        is_type = is_type && term->fields[t].n == 0;
    memset(rows, 0, ev->rows);
    if (is_type) {
        bool match = false;
        for (size_t i = 0; i < term->n_values; i++)
            match = match ||
                    kd_schema_is(ev->layout->schema, ev->e->value[term->value + i].text);
        memset(rows, match != (term->op == KD_HUNT_NE), ev->rows);
        return;
    }
    for (size_t i = 0; i < f->n && ev->s == KD_OK; i++)
        eval_leaf(ev, f->leaf[i], term, rows);
}

/* ---- the tree ---- */

static uint8_t *push(struct kd_hunt_eval *ev)
{
    if (ev->used == BUFFERS) {
        ev->s = KD_LIMIT;
        return NULL;
    }
    uint8_t **b = &ev->buffer[ev->used++];
    if (*b == NULL)
        *b = malloc(KD_BLOCK_ROWS);
    if (*b == NULL)
        ev->s = KD_NO_MEMORY;
    return *b;
}

static void eval_node(struct kd_hunt_eval *ev, uint16_t at, uint8_t *rows)
{
    const struct kd_hunt_node *n = &ev->e->node[at];
    uint8_t *right;
    switch (n->kind) {
    case KD_HUNT_ALL:
        memset(rows, 1, ev->rows);
        return;
    case KD_HUNT_TERM:
        eval_term(ev, n, rows);
        return;
    case KD_HUNT_NOT:
        eval_node(ev, n->left, rows);
        for (size_t i = 0; i < ev->rows; i++)
            rows[i] ^= 1;
        return;
    default:
        break;
    }
    eval_node(ev, n->left, rows);
    bool done = memchr(rows, n->kind == KD_HUNT_AND, ev->rows) == NULL;
    if (done || ev->s != KD_OK)
        return; /* nothing left to take away, or to add */
    right = push(ev);
    if (right != NULL) {
        eval_node(ev, n->right, right);
        for (size_t i = 0; i < ev->rows; i++)
            rows[i] = n->kind == KD_HUNT_AND ? rows[i] & right[i] : rows[i] | right[i];
    }
    ev->used--;
}

enum kd_status kd_hunt_eval(struct kd_hunt_eval *ev, struct kd_block_reader *r, size_t group,
                            uint8_t *ret_rows, size_t *ret_n)
{
    const struct kd_block_group *g = &kd_block_current(r)->group[group];
    ev->r = r;
    ev->group = group;
    ev->layout = kd_layout_of(g->type);
    ev->rows = g->rows;
    ev->s = KD_OK;
    ev->used = 0;
    *ret_n = 0;
    if (ev->layout == NULL || (ev->e->types >> g->type & 1) == 0)
        return KD_OK;
    eval_node(ev, ev->e->root, ret_rows);
    for (size_t i = 0; ev->s == KD_OK && i < ev->rows; i++)
        *ret_n += ret_rows[i];
    return ev->s;
}

/* ---- skipping ---- */

/* The filter keys of a term; false when it cannot be answered by the filter. */
static bool keys_of(const struct kd_hunt_expr *e, const struct kd_hunt_node *term, uint64_t *key,
                    size_t max, size_t *ret_n)
{
    bool kinds[KD_T_LIST + 1] = {false};
    bool any = false;
    if (term->op != KD_HUNT_EQ && term->op != KD_HUNT_IN)
        return false;
    for (unsigned t = 0; t < KD_TYPES; t++)
        for (size_t i = 0; i < term->fields[t].n; i++) {
            const struct kd_leaf *l = &kd_layout_of(t)->leaf[term->fields[t].leaf[i]];
            if (!kd_leaf_is_indexed(l))
                return false;
            kinds[l->type] = any = true;
        }
    *ret_n = 0;
    for (size_t i = 0; any && i < term->n_values; i++) {
        const struct kd_hunt_value *v = &e->value[term->value + i];
        if (*ret_n + 4 > max || (kinds[KD_T_ADDR] && v->is_net && !v->is_single))
            return false;
        if (kinds[KD_T_STR])
            key[(*ret_n)++] = v->key_text;
        if (kinds[KD_T_ADDR] && v->is_single)
            key[(*ret_n)++] = v->key_addr;
        if (kinds[KD_T_HEX] && v->hex.n > 0)
            key[(*ret_n)++] = v->key_hex;
        if (kinds[KD_T_MAC] && v->is_mac)
            key[(*ret_n)++] = v->key_mac;
    }
    return any;
}

static bool maybe(const struct kd_hunt_expr *e, uint16_t at, struct kd_block_reader *r,
                  const struct kd_block_ref *ref)
{
    uint64_t key[256];
    size_t n = 0;
    const struct kd_hunt_node *node = &e->node[at];
    switch (node->kind) {
    case KD_HUNT_AND:
        return maybe(e, node->left, r, ref) && maybe(e, node->right, r, ref);
    case KD_HUNT_OR:
        return maybe(e, node->left, r, ref) || maybe(e, node->right, r, ref);
    case KD_HUNT_TERM:
        return !keys_of(e, node, key, KD_COUNT(key), &n) || kd_block_maybe(r, ref, key, n);
    default:
        return true;
    }
}

bool kd_hunt_maybe(const struct kd_hunt_expr *e, struct kd_block_reader *r,
                   const struct kd_block_ref *ref)
{
    return maybe(e, e->root, r, ref);
}
