/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "config/table.h"

static void default_and_range(struct kd_out *o, const struct kd_config_row *r, bool japanese)
{
    if (r->kind == KIND_NUMBER || r->kind == KIND_LIMIT)
        kd_out_fmt(o, japanese ? "初期値 %llu、%llu〜%llu %s" : "default %llu, %llu to %llu %s",
                   (unsigned long long)r->number, (unsigned long long)r->least,
                   (unsigned long long)r->most, r->unit);
    else if (r->kind == KIND_LIST || r->kind == KIND_SITE)
        kd_out_str(o, japanese ? "一覧、初期値は空" : "a list, default empty");
    else if (r->kind == KIND_MAP)
        kd_out_str(o, japanese ? "「名前: 値」の組" : "name: value pairs");
    else
        kd_out_fmt(o, japanese ? "初期値 %s" : "default %s",
                   r->text[0] != '\0' ? r->text
                   : japanese         ? "なし"
                                      : "none");
}

static void yaml_default(struct kd_out *o, const struct kd_config_row *r)
{
    if (r->kind == KIND_NUMBER || r->kind == KIND_LIMIT)
        kd_out_fmt(o, " %llu", (unsigned long long)r->number);
    else if (r->kind == KIND_LIST || r->kind == KIND_SITE)
        kd_out_str(o, " []");
    else if (r->kind == KIND_MAP)
        kd_out_str(o, " {}");
    else
        kd_out_fmt(o, " \"%s\"", r->text);
}

/* Groups ("web:", "notice:" with "email:" below) are opened when the first of their keys comes; config.def
 * keeps them together.  Returns the depth of the key itself. */
static unsigned open_groups(struct kd_out *o, struct kd_bytes *name, struct kd_bytes before)
{
    unsigned depth = 0;
    bool same = true;
    while (kd_bytes_find_byte(*name, '.') < name->n) {
        struct kd_bytes group = kd_bytes_cut(name, '.');
        bool was_group = kd_bytes_find_byte(before, '.') < before.n;
        same = same && was_group && kd_bytes_eq(kd_bytes_cut(&before, '.'), group);
        if (!same) {
            kd_out_fmt(o, "%*s", (int)(2 * depth), "");
            kd_out_bytes(o, group);
            kd_out_str(o, ":\n");
        }
        depth++;
    }
    return depth;
}

static void yaml_row(struct kd_out *o, const struct kd_config_row *r, struct kd_bytes *before, bool japanese)
{
    struct kd_bytes name = kd_str(r->key);
    int indent = (int)(2 * open_groups(o, &name, *before));
    *before = kd_str(r->key);
    kd_out_fmt(o, "%*s# %s\n%*s# ", indent, "", japanese ? r->ja : r->en, indent, "");
    default_and_range(o, r, japanese);
    kd_out_fmt(o, "\n%*s", indent, "");
    kd_out_bytes(o, name);
    kd_out_str(o, ":");
    yaml_default(o, r);
    kd_out_str(o, "\n");
}

/* roff: a leading dot or quote would be a request, a hyphen is to stay a hyphen. */
static void man_text(struct kd_out *o, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '-' || *p == '\\')
            kd_out_str(o, "\\");
        kd_out_u8(o, (uint8_t)*p);
    }
}

static void man_row(struct kd_out *o, const struct kd_config_row *r, bool japanese)
{
    kd_out_fmt(o, ".TP\n.B %s\n", r->key);
    man_text(o, japanese ? r->ja : r->en);
    kd_out_str(o, japanese ? "。\n(" : ".\n(");
    default_and_range(o, r, japanese);
    kd_out_str(o, ")\n");
}

void kd_config_reference(struct kd_out *o, enum kd_reference form, bool japanese)
{
    struct kd_bytes before = kd_str("");
    struct kd_config_row r;
    for (size_t i = 0; kd_config_row(i, &r); i++) {
        if (form == KD_REFERENCE_MAN)
            man_row(o, &r, japanese);
        else
            yaml_row(o, &r, &before, japanese);
    }
}
