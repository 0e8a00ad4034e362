/* SPDX-License-Identifier: Apache-2.0 */
/* dataset and datarep: sets of strings, hashes and addresses that rules share. */
#include "rule/internal.h"

static bool type_of(struct kd_bytes v, enum kd_dataset_type *ret)
{
    static const char *const names[] = {"string", "md5", "sha256", "ipv4", "ip"};
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (kd_bytes_eq_str(v, names[i])) {
            *ret = (enum kd_dataset_type)i;
            return true;
        }
    return false;
}

static bool format_of(struct kd_bytes v, enum kd_dataset_format *ret)
{
    static const char *const names[] = {"csv", "json", "ndjson"};
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (kd_bytes_eq_str(v, names[i])) {
            *ret = (enum kd_dataset_format)i;
            return true;
        }
    return kd_bytes_eq_str(v, "jsonline") && (*ret = KD_DATASET_NDJSON, true);
}

static bool path(struct kd_parse *p, struct kd_bytes v, struct kd_bytes *to)
{
    if (v.n == 0 || v.p[0] == '/' || kd_bytes_find(v, kd_str("..")) != SIZE_MAX)
        return kd_refuse_word(p, KD_WHY_DATASET_PATH, v);
    *to = kd_parse_copy(p, v);
    return true;
}

struct words {
    struct kd_dataset set;
    struct kd_dataset_test test;
    bool has_type;
};

static bool word(struct kd_parse *p, struct kd_bytes all, struct words *w)
{
    struct kd_bytes rest = all;
    struct kd_bytes name = kd_cut_blank(&rest);
    if (kd_bytes_eq_str(name, "type"))
        return w->has_type = true,
               type_of(rest, &w->set.type) || kd_refuse_word(p, KD_WHY_DATASET, all);
    if (kd_bytes_eq_str(name, "load"))
        return path(p, rest, &w->set.load);
    if (kd_bytes_eq_str(name, "save"))
        return path(p, rest, &w->set.save);
    if (kd_bytes_eq_str(name, "state"))
        return path(p, rest, &w->set.load) && path(p, rest, &w->set.save);
    if (kd_bytes_eq_str(name, "format"))
        return format_of(rest, &w->set.format) || kd_refuse_word(p, KD_WHY_DATASET, all);
    if (kd_bytes_eq_str(name, "memcap"))
        return kd_number_parse(rest, 63, "", &w->set.memcap) ||
               kd_refuse_word(p, KD_WHY_NUMBER, all);
    if (kd_bytes_eq_str(name, "hashsize"))
        return kd_number_parse(rest, 31, "", &w->set.hashsize) ||
               kd_refuse_word(p, KD_WHY_NUMBER, all);
    struct kd_bytes copy = kd_parse_copy(p, rest);
    if (kd_bytes_eq_str(name, "value_key"))
        w->set.value_key = copy;
    else if (kd_bytes_eq_str(name, "array_key"))
        w->set.array_key = copy;
    else if (kd_bytes_eq_str(name, "context_key"))
        w->test.context_key = copy;
    else if (kd_bytes_eq_str(name, "remove_key"))
        w->test.remove_key = true;
    else
        return kd_refuse_word(p, KD_WHY_DATASET, all);
    return true;
}

/* The set of this name: a new one, or the one that other rules share. */
static bool declare(struct kd_parse *p, struct kd_bytes name, struct words *w)
{
    struct kd_rules_state *st = p->st;
    uint32_t i;
    if (!kd_parse_name(p, &st->datasets, name, &i))
        return false;
    void **value = kd_nametab_value(&st->datasets, i);
    struct kd_dataset *known = *value;
    if (known == NULL) {
        if (!w->has_type)
            return kd_refuse(p, KD_WHY_DATASET);
        known = kd_arena_alloc(&st->mem, sizeof(*known));
        if (known == NULL)
            return kd_refuse(p, KD_WHY_NO_MEMORY);
        *known = w->set;
        known->id = i;
        known->name = kd_nametab_at(&st->datasets, i);
        *value = known;
    }
    if (w->has_type && (known->type != w->set.type || known->reputation != w->set.reputation))
        return kd_refuse_word(p, KD_WHY_DATASET_DIFFERS, name);
    if (known->load.n == 0)
        known->load = w->set.load;
    if (known->save.n == 0)
        known->save = w->set.save;
    w->test.set = known;
    return true;
}

bool kd_parse_list(struct kd_parse *p, enum kd_dataset_type type, struct kd_bytes file, uint32_t *ret)
{
    static const char *const kinds[] = {[KD_DATASET_MD5] = "md5", [KD_DATASET_SHA256] = "sha256", [KD_DATASET_SHA1] = "sha1"};
    enum { NAME_MAX = 512 };
    uint8_t room[NAME_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct words w = {.set = {.type = type}, .has_type = true};
    kd_out_fmt(&o, "file%s:", kinds[type]);
    kd_out_bytes(&o, file);
    if (!kd_out_ok(&o))
        return kd_refuse_word(p, KD_WHY_DATASET_PATH, file);
    w.set.load = kd_parse_copy(p, file);
    if (!declare(p, kd_out_bytes_view(&o), &w))
        return false;
    *ret = w.test.set->id;
    return true;
}

static bool finish(struct kd_parse *p, struct kd_bytes name, struct kd_bytes rest, struct words *w)
{
    while (rest.n > 0) {
        struct kd_bytes one = kd_cut_word(&rest, ',');
        if (one.n > 0 && !word(p, one, w))
            return false;
    }
    if (!p->sticky)
        return kd_refuse(p, KD_WHY_NO_BUFFER);
    if (name.n == 0 || !declare(p, name, w))
        return name.n > 0 ? false : kd_refuse(p, KD_WHY_DATASET);
    struct kd_cond *c = kd_parse_sought(p, KD_COND_DATASET);
    if (c != NULL)
        c->is.dataset = w->test;
    return c != NULL;
}

/* "isset|isnotset|set|unset,NAME,type T[, load F][, save F][, state F][, memcap N][, hashsize N] …"
 */
static bool dataset(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const char *const commands[] = {"isset", "isnotset", "set", "unset"};
    struct words w = {0};
    unsigned i = 0;
    (void)kw;
    struct kd_bytes command = kd_cut_word(&v, ','), name = kd_cut_word(&v, ',');
    while (i < KD_COUNT(commands) && !kd_bytes_eq_str(command, commands[i]))
        i++;
    if (i == KD_COUNT(commands))
        return kd_refuse_word(p, KD_WHY_DATASET, command);
    w.test.what = (enum kd_dataset_do)i;
    return finish(p, name, v, &w);
}

/* "NAME,OP,N, type T, load F …" */
static bool datarep(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const struct {
        const char *sign;
        enum kd_byte_op op;
    } ops[] = {{">", KD_OP_GT}, {"<", KD_OP_LT},  {"==", KD_OP_EQ},
               {"=", KD_OP_EQ}, {">=", KD_OP_GE}, {"<=", KD_OP_LE}};
    struct words w = {.set.reputation = true};
    uint64_t n;
    size_t i = 0;
    (void)kw;
    struct kd_bytes name = kd_cut_word(&v, ','), op = kd_cut_word(&v, ','),
                    value = kd_cut_word(&v, ',');
    while (i < KD_COUNT(ops) && !kd_bytes_eq_str(op, ops[i].sign))
        i++;
    if (i == KD_COUNT(ops) || !kd_bytes_to_u64(value, UINT16_MAX, &n))
        return kd_refuse_word(p, KD_WHY_DATASET, op);
    w.test.op = ops[i].op;
    w.test.value = (uint16_t)n;
    return finish(p, name, v, &w);
}

const struct kd_keyword kd_keywords_dataset[] = {
    {"dataset", dataset, 0, KW_NEEDED, KW_PLAIN, false,
     "isset|isnotset|set|unset,NAME,type string|md5|sha256|ipv4|ip[, load|save|state FILE][, "
     "memcap N][, hashsize N][, format csv|json|ndjson][, value_key K][, array_key K][, "
     "context_key K][, remove_key]",
     "the buffer is in a set, or put into it", "バッファーの値が集合にある、または集合に入れる"},
    {"datarep", datarep, 0, KW_NEEDED, KW_PLAIN, false,
     "NAME,OP,N,type string|md5|sha256|ipv4|ip[, load FILE]", "reputation of the buffer in a set",
     "集合でのバッファーの値の評判"},
    {0},
};
