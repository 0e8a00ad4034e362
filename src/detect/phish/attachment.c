/* SPDX-License-Identifier: Apache-2.0 */
#include "signs.h"

static bool ends_with_any(struct kd_bytes name, const char *const *tails)
{
    for (; *tails != NULL; tails++)
        if (kd_bytes_iends(name, kd_str(*tails)))
            return true;
    return false;
}

/* A name made to be misread: writing direction turned round (U+202E), many spaces, or .pdf.exe. */
static bool is_misleading(struct kd_bytes name)
{
    static const char *const harmless[] = {".pdf", ".doc", ".docx", ".xls", ".xlsx", ".jpg", ".png", ".txt", ".mp3", ".zip", NULL};
    if (kd_bytes_find(name, kd_str("\xe2\x80\xae")) != SIZE_MAX || kd_bytes_find(name, kd_str("          ")) != SIZE_MAX)
        return true;
    size_t dot = name.n;
    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    bool program = kd_web_content_of_name(name) == KD_CONTENT_PROGRAM;
    return program && dot > 1 && ends_with_any(kd_bytes_head(name, dot - 1), harmless);
}

static bool is_program(const struct kd_mail_part *part)
{
    static const char *const scripts[] = {".js", ".jse", ".vbs", ".vbe", ".wsf", ".hta", ".ps1", ".lnk", ".py", ".cmd", ".bat", NULL};
    enum kd_content by_name = kd_web_content_of_name(part->filename);
    enum kd_content by_magic = kd_web_content_of_magic(part->magic);
    return by_name == KD_CONTENT_PROGRAM || by_magic == KD_CONTENT_PROGRAM || kd_bytes_eq_str(part->magic, "jar") ||
           ends_with_any(part->filename, scripts);
}

static bool is_lying(const struct kd_mail_part *part)
{
    enum kd_content by_name = kd_web_content_of_name(part->filename);
    bool native = kd_bytes_eq_str(part->magic, "pe") || kd_bytes_eq_str(part->magic, "elf") || kd_bytes_eq_str(part->magic, "lnk") ||
                  kd_bytes_eq_str(part->magic, "hta");
    return native && by_name != KD_CONTENT_PROGRAM && by_name != KD_CONTENT_UNKNOWN && by_name != KD_CONTENT_BINARY;
}

enum attachment signs_of_attachment(const struct kd_mail_part *part, const struct inside *in)
{
    static const char *const macros[] = {".docm", ".dotm", ".xlsm", ".xlsb", ".xltm", ".xlam", ".pptm", ".ppam", ".ppsm", ".slk", NULL};
    static const char *const images[] = {".iso", ".img", ".vhd", ".vhdx", ".one", ".udf", NULL};
    static const char *const old[] = {".doc", ".dot", ".xls", ".rtf", ".ppt", ".pps", NULL};
    static const char *const pages[] = {".html", ".htm", ".shtml", ".xhtml", ".svg", ".mht", ".mhtml", NULL};
    if (is_lying(part) || in->hidden.n > 0 || (is_misleading(part->filename) && (is_program(part) || in->member.n > 0)))
        return ATTACHMENT_DISGUISED;
    if (is_program(part) || in->member.n > 0)
        return ATTACHMENT_PROGRAM;
    if (ends_with_any(part->filename, images) || kd_bytes_eq_str(part->magic, "iso") || kd_bytes_eq_str(part->magic, "vhd") ||
        kd_bytes_eq_str(part->magic, "vhdx") || kd_bytes_eq_str(part->magic, "onenote"))
        return ATTACHMENT_IMAGE;
    if (in->macro || ends_with_any(part->filename, macros) || kd_bytes_eq_str(part->magic, "ooxml-macro"))
        return ATTACHMENT_MACRO;
    if (in->encrypted || kd_bytes_eq_str(part->magic, "zip-encrypted"))
        return ATTACHMENT_LOCKED;
    if (ends_with_any(part->filename, pages))
        return ATTACHMENT_PAGE;
    if (in->links || ends_with_any(part->filename, old) || kd_bytes_eq_str(part->magic, "ole") || kd_bytes_eq_str(part->magic, "rtf"))
        return ATTACHMENT_OLD_DOCUMENT;
    return ATTACHMENT_HARMLESS;
}

const char *signs_attachment_en(enum attachment a)
{
    static const char *const words[] = {
        [ATTACHMENT_HARMLESS] = "an ordinary file",
        [ATTACHMENT_OLD_DOCUMENT] = "a document of a kind that can hold attacks on old office programs",
        [ATTACHMENT_PAGE] = "a page that opens in the browser, past the mail filter",
        [ATTACHMENT_LOCKED] = "a file under a password, which nobody could check on the way",
        [ATTACHMENT_MACRO] = "a document with programs of its own (macros)",
        [ATTACHMENT_IMAGE] = "a container that takes the usual warnings off its content",
        [ATTACHMENT_PROGRAM] = "a program, script or shortcut, or an archive that holds one",
        [ATTACHMENT_DISGUISED] = "a program made to look like something else",
    };
    return words[a];
}

const char *signs_attachment_ja(enum attachment a)
{
    static const char *const words[] = {
        [ATTACHMENT_HARMLESS] = "通常のファイル",
        [ATTACHMENT_OLD_DOCUMENT] = "古い Office への攻撃を仕込める形式の文書",
        [ATTACHMENT_PAGE] = "メールの検査を避けてブラウザーで開くページ",
        [ATTACHMENT_LOCKED] = "途中で検査できないパスワード付きファイル",
        [ATTACHMENT_MACRO] = "マクロ(プログラム)を含む文書",
        [ATTACHMENT_IMAGE] = "中身の警告表示を消してしまう形式の入れ物",
        [ATTACHMENT_PROGRAM] = "プログラム、スクリプト、ショートカット、またはそれを含む圧縮ファイル",
        [ATTACHMENT_DISGUISED] = "別のものに見せかけたプログラム",
    };
    return words[a];
}
