/* SPDX-License-Identifier: Apache-2.0 */
/* Transforms: they stand between a sticky buffer and what is sought in it. */
#include "rule/internal.h"

static bool plain(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)v;
    return kd_parse_transform(p, &(struct kd_transform){.kind = (enum kd_transform_kind)kw->arg});
}

/* "0a0b0c", or "offset N,extract BYTES AT": the key stands in the data. */
static bool xor_key(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_transform t = {.kind = KD_TR_XOR};
    struct kd_bytes rest = v;
    int64_t n;
    (void)kw;
    if (kd_bytes_find_byte(v, ' ') < v.n) {
        while (rest.n > 0) {
            struct kd_bytes number = kd_cut_word(&rest, ',');
            struct kd_bytes name = kd_cut_blank(&number);
            struct kd_bytes first = kd_cut_blank(&number);
            bool offset = kd_bytes_eq_str(name, "offset");
            if ((!offset && !kd_bytes_eq_str(name, "extract")) ||
                !kd_parse_i64(first, 0, UINT16_MAX, &n))
                return kd_refuse_word(p, KD_WHY_VALUE, name);
            *(offset ? &t.a : &t.b) = (int32_t)n;
            if (!offset && (!kd_parse_i64(number, 0, UINT16_MAX, &n)))
                return kd_refuse_word(p, KD_WHY_VALUE, name);
            if (!offset)
                t.c = (int32_t)n;
        }
        return t.b > 0 ? kd_parse_transform(p, &t) : kd_refuse_word(p, KD_WHY_VALUE, v);
    }
    enum { KEY_MAX = 255 };
    uint8_t text[KEY_MAX * 2 + 2];
    if (v.n % 2 != 0 || v.n == 0 || v.n > (size_t)KEY_MAX * 2)
        return kd_refuse_word(p, KD_WHY_HEX, v);
    text[0] = '|';
    memcpy(text + 1, v.p, v.n);
    text[v.n + 1] = '|';
    if (!kd_parse_pattern(p, kd_bytes_of(text, v.n + 2), &t.arg)) {
        p->what = v;
        return false;
    }
    return kd_parse_transform(p, &t);
}

static bool pcrexform(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    if (v.n == 0 || v.n > p->lim->rule_pcre_bytes)
        return kd_refuse_word(p, v.n == 0 ? KD_WHY_EMPTY : KD_WHY_PCRE_LONG, v);
    return kd_parse_transform(
        p, &(struct kd_transform){.kind = KD_TR_PCREXFORM, .arg = kd_parse_copy(p, v)});
}

/* "bytes N, offset N, mode strict|rfc4648|rfc2045" */
static bool from_base64(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_transform t = {.kind = KD_TR_FROM_BASE64, .c = KD_BASE64_RFC4648};
    (void)kw;
    while (v.n > 0) {
        struct kd_bytes rest = kd_cut_word(&v, ','), all = rest;
        struct kd_bytes name = kd_cut_blank(&rest);
        int64_t n = 0;
        if (kd_bytes_eq_str(name, "mode")) {
            t.c = kd_bytes_eq_str(rest, "rfc2045")   ? KD_BASE64_RFC2045
                  : kd_bytes_eq_str(rest, "strict")  ? KD_BASE64_STRICT
                  : kd_bytes_eq_str(rest, "rfc4648") ? KD_BASE64_RFC4648
                                                     : -1;
            if (t.c < 0)
                return kd_refuse_word(p, KD_WHY_VALUE, all);
            continue;
        }
        bool offset = kd_bytes_eq_str(name, "offset");
        if ((!offset && !kd_bytes_eq_str(name, "bytes")) || !kd_parse_i64(rest, 0, UINT16_MAX, &n))
            return kd_refuse_word(p, KD_WHY_VALUE, all);
        *(offset ? &t.a : &t.b) = (int32_t)n;
    }
    return kd_parse_transform(p, &t);
}

static bool inflate(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_transform t = {.kind = (enum kd_transform_kind)kw->arg};
    int64_t n = 0;
    if (v.n > 0) {
        struct kd_bytes rest = v;
        if (!kd_bytes_eq_str(kd_cut_blank(&rest), "max-size") ||
            !kd_parse_i64(rest, 1, 1 << 24, &n))
            return kd_refuse_word(p, KD_WHY_VALUE, v);
    }
    t.a = (int32_t)n;
    return kd_parse_transform(p, &t);
}

/* "OFFSET[, COUNT][, truncate]" */
static bool subslice(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    enum { FAR = 1 << 24 };
    struct kd_transform t = {.kind = KD_TR_SUBSLICE};
    int64_t n;
    (void)kw;
    struct kd_bytes first = kd_cut_word(&v, ',');
    if (!kd_parse_i64(first, -FAR, FAR, &n))
        return kd_refuse_word(p, KD_WHY_NUMBER, first);
    t.a = (int32_t)n;
    while (v.n > 0) {
        struct kd_bytes word = kd_cut_word(&v, ',');
        if (kd_bytes_eq_str(word, "truncate")) {
            t.c |= KD_SUBSLICE_TRUNCATE;
        } else if ((t.c & KD_SUBSLICE_COUNT) == 0 && kd_parse_i64(word, -FAR, FAR, &n)) {
            t.b = (int32_t)n;
            t.c |= KD_SUBSLICE_COUNT;
        } else {
            return kd_refuse_word(p, KD_WHY_VALUE, word);
        }
    }
    return kd_parse_transform(p, &t);
}

#define PLAIN(name, kind, en, ja)                                                                  \
    {                                                                                              \
        name, plain, kind, KW_NONE, KW_PLAIN, false, NULL, en, ja                                  \
    }

const struct kd_keyword kd_keywords_transform[] = {
    PLAIN("dotprefix", KD_TR_DOTPREFIX,
          "a dot before it, so that \".example.com\" also finds the name itself",
          "先頭にドットを付ける"),
    PLAIN("strip_whitespace", KD_TR_STRIP_WHITESPACE, "without white space", "空白を取り除く"),
    PLAIN("compress_whitespace", KD_TR_COMPRESS_WHITESPACE, "runs of white space as one space",
          "連続する空白を 1 つにする"),
    PLAIN("to_lowercase", KD_TR_TO_LOWERCASE, "in lower case", "小文字にする"),
    PLAIN("to_uppercase", KD_TR_TO_UPPERCASE, "in upper case", "大文字にする"),
    PLAIN("to_md5", KD_TR_TO_MD5, "its MD5 (16 bytes)", "MD5 値(16 バイト)"),
    PLAIN("to_sha1", KD_TR_TO_SHA1, "its SHA-1 (20 bytes)", "SHA-1 値(20 バイト)"),
    PLAIN("to_sha256", KD_TR_TO_SHA256, "its SHA-256 (32 bytes)", "SHA-256 値(32 バイト)"),
    PLAIN("url_decode", KD_TR_URL_DECODE, "%XX and + decoded", "URL 符号化を復号する"),
    PLAIN("header_lowercase", KD_TR_HEADER_LOWERCASE, "header names in lower case",
          "ヘッダー名を小文字にする"),
    PLAIN("strip_pseudo_headers", KD_TR_STRIP_PSEUDO_HEADERS, "without HTTP/2 pseudo headers",
          "HTTP/2 の擬似ヘッダーを除く"),
    PLAIN("domain", KD_TR_DOMAIN, "the registered domain of a name", "登録ドメイン"),
    PLAIN("tld", KD_TR_TLD, "the public suffix of a name", "トップレベルドメイン"),
    {"xor", xor_key, 0, KW_NEEDED, KW_MAY_QUOTE, false, "\"HEX\"|offset N,extract BYTES AT",
     "exclusive or with a key, repeated", "鍵との排他的論理和"},
    {"pcrexform", pcrexform, 0, KW_NEEDED, KW_MUST_QUOTE, false, "\"EXPRESSION\"",
     "what the first capture of the expression holds", "正規表現の最初のキャプチャー"},
    {"from_base64", from_base64, 0, KW_OPTIONAL, KW_MAY_QUOTE, false,
     "[bytes N][, offset N][, mode rfc4648|rfc2045|strict]", "Base64 decoded", "Base64 を復号する"},
    {"gunzip", inflate, KD_TR_GUNZIP, KW_OPTIONAL, KW_PLAIN, false, "[max-size N]",
     "gzip decompressed", "gzip を展開する"},
    {"zlib_deflate", inflate, KD_TR_ZLIB_DEFLATE, KW_OPTIONAL, KW_PLAIN, false, "[max-size N]",
     "zlib decompressed", "zlib を展開する"},
    {"subslice", subslice, 0, KW_NEEDED, KW_PLAIN, false, "OFFSET[, COUNT][, truncate]",
     "a part of it; negative: from the end", "一部分(負の数は末尾から)"},
    {0},
};
