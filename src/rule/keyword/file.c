/* SPDX-License-Identifier: Apache-2.0 */
/* Files: name, kind, hash, and that they be kept. */
#include "rule/internal.h"

enum { OLD_NAME, OLD_EXT, OLD_MAGIC };

/* filename, fileext, filemagic: contents of the newer buffers */
static bool old(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    enum kd_inspect in = kw->arg == OLD_MAGIC ? KD_IN_FILE_MAGIC : KD_IN_FILE_NAME;
    struct kd_cond *c = kd_parse_sought_in(p, KD_COND_CONTENT, in);
    if (c == NULL)
        return false;
    struct kd_content *k = &c->is.content;
    struct kd_bytes text;
    c->negated = p->negated;
    k->offset.var = k->depth.var = k->distance.var = k->within.var = -1;
    k->flags = KD_CONTENT_NOCASE;
    if (!kd_parse_pattern(p, v, &text))
        return false;
    if (kw->arg == OLD_EXT) {
        uint8_t *dotted = kd_arena_alloc(&p->st->mem, text.n + 1);
        if (dotted == NULL)
            return kd_refuse(p, KD_WHY_NO_MEMORY);
        dotted[0] = '.';
        memcpy(dotted + 1, text.p, text.n);
        text = kd_bytes_of(dotted, text.n + 1);
        k->flags |= KD_CONTENT_ENDS;
    }
    k->bytes = text;
    return true;
}

/* "[both|request|response|to_server|to_client][,file|tx|ssn|flow]" */
static bool filestore(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const char *const dirs[] = {"request", "to_server", "response", "to_client", "both"};
    static const uint8_t bits[] = {KD_INSPECT_SERVER, KD_INSPECT_SERVER, KD_INSPECT_CLIENT,
                                   KD_INSPECT_CLIENT, KD_INSPECT_BOTH};
    static const char *const scopes[] = {"file", "tx", "ssn", "flow"};
    struct kd_filestore f = {0};
    (void)kw;
    while (v.n > 0) {
        struct kd_bytes word = kd_cut_word(&v, ',');
        bool known = false;
        for (size_t i = 0; i < KD_COUNT(dirs) && f.dir == 0; i++)
            if (kd_bytes_eq_str(word, dirs[i])) {
                f.dir = (enum kd_inspect_dir)bits[i];
                known = true;
                break;
            }
        for (size_t i = 0; i < KD_COUNT(scopes) && !known; i++)
            if (kd_bytes_eq_str(word, scopes[i])) {
                f.scope = i == 3 ? KD_FILESTORE_SSN : (enum kd_filestore_scope)i;
                known = true;
            }
        if (!known)
            return kd_refuse_word(p, KD_WHY_VALUE, word);
    }
    struct kd_cond *c = kd_parse_act(p, KD_COND_FILESTORE);
    if (c != NULL)
        c->is.filestore = f;
    return c != NULL;
}

static bool hash_list(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const enum kd_dataset_type types[] = {KD_DATASET_MD5, KD_DATASET_SHA1, KD_DATASET_SHA256};
    struct kd_bytes *word;
    bool negated = p->negated;
    uint32_t list = 0;
    struct kd_cond *c = kd_words_check(p, KD_COND_FILE_HASH, 1, &word);
    if (c == NULL)
        return false;
    if (kd_bytes_at(v, 0) == '/' || kd_bytes_find(v, kd_str("..")) != SIZE_MAX)
        return kd_refuse_word(p, KD_WHY_DATASET_PATH, v);
    if (!kd_parse_list(p, types[kw->arg], v, &list))
        return false;
    c->negated = negated;
    c->is.words.b = list;
    c->is.words.a = (uint32_t)kw->arg;
    word[0] = kd_parse_copy(p, v);
    c->is.words.n = 1;
    return true;
}

const struct kd_keyword kd_keywords_file[] = {
    {"filename", old, OLD_NAME, KW_NEEDED, KW_MAY_QUOTE, true, "[!]\"TEXT\"", "in the file's name",
     "ファイル名に含まれる"},
    {"fileext", old, OLD_EXT, KW_NEEDED, KW_MAY_QUOTE, true, "[!]\"EXT\"", "the file name's ending",
     "ファイルの拡張子"},
    {"filemagic", old, OLD_MAGIC, KW_NEEDED, KW_MAY_QUOTE, true, "[!]\"TEXT\"",
     "in the description of the file's kind", "ファイルの種類の説明に含まれる"},
    {"filemd5", hash_list, 0, KW_NEEDED, KW_MAY_QUOTE, true, "[!]FILE",
     "MD5 of the file is in this list", "ファイルの MD5 が一覧にある"},
    {"filesha1", hash_list, 1, KW_NEEDED, KW_MAY_QUOTE, true, "[!]FILE",
     "SHA-1 of the file is in this list", "ファイルの SHA-1 が一覧にある"},
    {"filesha256", hash_list, 2, KW_NEEDED, KW_MAY_QUOTE, true, "[!]FILE",
     "SHA-256 of the file is in this list", "ファイルの SHA-256 が一覧にある"},
    {"filestore", filestore, 0, KW_OPTIONAL, KW_PLAIN, false,
     "[both|request|response|to_server|to_client][,file|tx|ssn|flow]", "keep the file",
     "ファイルを残す"},
    {0},
};
