/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/web.h"

static bool contains_any(struct kd_bytes text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (kd_bytes_icontains(text, kd_str(*words)))
            return true;
    return false;
}

enum kd_agent kd_web_agent(struct kd_bytes ua)
{
    static const struct {
        enum kd_agent kind;
        const char *const words[24];
    } known[] = {
        {KD_AGENT_POWERSHELL, {"PowerShell", NULL}},
        {KD_AGENT_SYSTEM_TOOL,
         {"Windows Installer", "CertUtil URL Agent", "mshta", "AutoIt", "WScript", "MSXML", "WinHttp.WinHttpRequest",
          "Microsoft-Symbol-Server", "bitsadmin", "WinHTTP", "WinInet", NULL}},
        {KD_AGENT_OFFICE, {"Microsoft Office", "ms-office", "MSOffice", "Microsoft-WebDAV-MiniRedir", NULL}},
        {KD_AGENT_UPDATER,
         {"Windows-Update-Agent", "Microsoft BITS", "Microsoft-Delivery-Optimization", "Google Update", "Microsoft-CryptoAPI",
          "APT-HTTP", "libdnf", "yum", "MpCommunication", "Symantec", "Trend Micro", "TMUFE", "McAfee", "SophosUpdate",
          "ESET", "Kaspersky", "LiveUpdate", "Adobe Update", "AdobeUM", "Apple", "MSDW", "SeaPort", NULL}},
        {KD_AGENT_JAVA, {"Java/", NULL}},
        {KD_AGENT_TOOL,
         {"curl/", "Wget", "python", "Go-http-client", "libwww", "Ruby", "aria2", "okhttp", "node-fetch", "PycURL", NULL}},
    };
    if (ua.n == 0)
        return KD_AGENT_NONE;
    for (size_t i = 0; i < KD_COUNT(known); i++)
        if (contains_any(ua, known[i].words))
            return known[i].kind;
    /* The Windows download function in its compatible form; no browser of a person has called itself so since 2011. */
    if (kd_bytes_istarts(ua, kd_str("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT")) &&
        !kd_bytes_icontains(ua, kd_str("Windows NT 5.")))
        return KD_AGENT_OLD_LIBRARY;
    if (kd_bytes_istarts(ua, kd_str("Mozilla/")) || kd_bytes_istarts(ua, kd_str("Opera/")))
        return KD_AGENT_BROWSER;
    return KD_AGENT_OTHER;
}

struct words {
    enum kd_content kind;
    const char *const v[40];
};

enum kd_content kd_web_content_of_type(struct kd_bytes declared)
{
    static const struct words known[] = {
        {KD_CONTENT_PROGRAM,
         {"x-msdownload", "x-msdos-program", "x-dosexec", "portable-executable", "x-executable", "x-msi", "x-elf",
          "octet-stream-exe", "x-powershell", "hta", "x-ms-shortcut", NULL}},
        {KD_CONTENT_PLUGIN, {"x-shockwave-flash", "java-archive", "java-vm", "x-java", "x-silverlight", "application/pdf", NULL}},
        {KD_CONTENT_PICTURE, {"image/", "audio/", "video/", "font/", "application/font", "vnd.ms-fontobject", NULL}},
        {KD_CONTENT_ARCHIVE, {"zip", "x-rar", "x-7z", "x-tar", "gzip", "x-iso9660", "vnd.ms-cab", NULL}},
        {KD_CONTENT_DOCUMENT, {"msword", "ms-excel", "ms-powerpoint", "officedocument", "rtf", "opendocument", NULL}},
        {KD_CONTENT_PAGE, {"text/html", "xhtml", NULL}},
        {KD_CONTENT_TEXT, {"text/", "javascript", "json", "xml", "css", NULL}},
        {KD_CONTENT_BINARY, {"octet-stream", "binary", "force-download", "x-download", NULL}},
    };
    struct kd_bytes type = kd_bytes_trim(kd_bytes_cut(&declared, ';'));
    for (size_t i = 0; type.n > 0 && i < KD_COUNT(known); i++)
        if (contains_any(type, known[i].v))
            return known[i].kind;
    return KD_CONTENT_UNKNOWN;
}

static bool ends_with_any(struct kd_bytes text, const char *const *tails)
{
    for (; *tails != NULL; tails++)
        if (kd_bytes_iends(text, kd_str(*tails)))
            return true;
    return false;
}

enum kd_content kd_web_content_of_name(struct kd_bytes path)
{
    static const struct words known[] = {
        {KD_CONTENT_PROGRAM,
         {".exe", ".dll", ".scr", ".com", ".pif", ".cpl", ".msi", ".msp", ".ps1", ".psm1", ".bat", ".cmd", ".vbs", ".vbe",
          ".jse", ".wsf", ".wsh", ".hta", ".lnk", ".sct", ".xll", ".jar", ".elf", ".apk", ".sys", ".ocx", ".reg", ".url",
          ".msix", ".appx", ".chm", ".settingcontent-ms", ".iqy", NULL}},
        {KD_CONTENT_PLUGIN, {".swf", ".xap", ".pdf", ".class", NULL}},
        {KD_CONTENT_PICTURE,
         {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".ico", ".webp", ".svg", ".mp3", ".mp4", ".wav", ".avi", ".woff", ".woff2",
          ".ttf", ".eot", NULL}},
        {KD_CONTENT_ARCHIVE, {".zip", ".rar", ".7z", ".iso", ".img", ".vhd", ".vhdx", ".cab", ".tar", ".gz", ".tgz", ".ace", ".arj", ".lzh", NULL}},
        {KD_CONTENT_DOCUMENT,
         {".doc", ".docx", ".docm", ".dot", ".dotm", ".dotx", ".xls", ".xlsx", ".xlsm", ".xlsb", ".xlam", ".ppt", ".pptx",
          ".pptm", ".ppam", ".rtf", ".one", NULL}},
        {KD_CONTENT_TEXT, {".txt", ".css", ".js", ".json", ".xml", ".csv", ".log", ".ini", NULL}},
        {KD_CONTENT_PAGE, {".html", ".htm", ".php", ".asp", ".aspx", ".jsp", ".cgi", NULL}},
        {KD_CONTENT_BINARY, {".bin", ".dat", NULL}},
    };
    for (size_t i = 0; path.n > 0 && i < KD_COUNT(known); i++)
        if (ends_with_any(path, known[i].v))
            return known[i].kind;
    return KD_CONTENT_UNKNOWN;
}

enum kd_content kd_web_content_of_magic(struct kd_bytes magic)
{
    static const struct words known[] = {
        {KD_CONTENT_PROGRAM, {"pe", "elf", "macho", "dex", "script", "powershell", "vbs-encoded", "lnk", "url-shortcut", "hta", "chm", "msi", NULL}},
        {KD_CONTENT_PLUGIN, {"swf", "jar", "java-class", "pdf", NULL}},
        {KD_CONTENT_PICTURE, {"png", "jpeg", "gif", "bmp", "webp", "tiff", "ico", "mp4", "mp3", "wav", "avi", "ogg", NULL}},
        {KD_CONTENT_ARCHIVE, {"zip", "zip-encrypted", "rar", "7z", "gzip", "bzip2", "xz", "zstd", "cab", "lzh", "tar", "ace", "arj", "iso", "vhd", "vhdx", NULL}},
        {KD_CONTENT_DOCUMENT, {"ole", "ooxml", "ooxml-macro", "odf", "rtf", "onenote", NULL}},
        {KD_CONTENT_PAGE, {"html", NULL}},
        {KD_CONTENT_TEXT, {"text", "xml", "eml", "pem", NULL}},
    };
    for (size_t i = 0; i < KD_COUNT(known); i++)
        for (size_t k = 0; known[i].v[k] != NULL; k++)
            if (kd_bytes_eq_str(magic, known[i].v[k]))
                return known[i].kind;
    return KD_CONTENT_UNKNOWN;
}

struct kd_bytes kd_web_path(struct kd_bytes url)
{
    size_t scheme = kd_bytes_find(kd_bytes_head(url, 16), kd_str("://"));
    if (scheme != SIZE_MAX) {
        url = kd_bytes_from(url, scheme + 3);
        size_t slash = kd_bytes_find_byte(url, '/');
        url = slash == SIZE_MAX ? (struct kd_bytes){NULL, 0} : kd_bytes_from(url, slash);
    }
    struct kd_bytes path = kd_bytes_cut(&url, '?');
    return kd_bytes_cut(&path, '#');
}

struct kd_bytes kd_web_basename(struct kd_bytes path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/')
            return kd_bytes_from(path, i);
    return path;
}

struct kd_bytes kd_web_host(struct kd_bytes url)
{
    size_t scheme = kd_bytes_find(kd_bytes_head(url, 16), kd_str("://"));
    if (scheme == SIZE_MAX)
        return (struct kd_bytes){NULL, 0};
    struct kd_bytes rest = kd_bytes_from(url, scheme + 3);
    size_t n = 0;
    while (n < rest.n && strchr("/?#\\", rest.p[n]) == NULL)
        n++;
    struct kd_bytes authority = kd_bytes_head(rest, n);
    size_t at = kd_bytes_find_byte(authority, '@');
    if (at != SIZE_MAX)
        authority = kd_bytes_from(authority, at + 1);
    if (kd_bytes_at(authority, 0) == '[') {
        authority = kd_bytes_from(authority, 1);
        return kd_bytes_cut(&authority, ']');
    }
    return kd_bytes_cut(&authority, ':');
}

bool kd_web_is_address(struct kd_bytes host)
{
    struct kd_addr a;
    return host.n > 0 && kd_addr_parse(host, &a);
}

bool kd_web_is_cheap_name(struct kd_bytes host)
{
    static const char *const tails[] = {
        ".top", ".tk", ".ml", ".ga", ".cf", ".gq", ".xyz", ".pw", ".icu", ".cyou", ".rest", ".buzz", ".click", ".link", ".work",
        ".su", ".cc", ".monster", ".quest", ".sbs", ".cfd", ".bond", ".zip", ".mov", ".best", ".beauty", ".shop", ".vip", ".lol", ".bar", ".hair", ".autos", ".mom", ".pics", ".za.com", ".sa.com", ".ru.com", ".co.ua",
        ".club", ".site", ".online", ".space",
        ".duckdns.org", ".no-ip.org", ".no-ip.biz", ".ddns.net", ".hopto.org", ".zapto.org", ".sytes.net", ".serveo.net",
        ".ngrok.io", ".ngrok-free.app", ".trycloudflare.com", ".loca.lt", ".ddns.info", ".dynu.net", ".linkpc.net", ".myftp.org",
        ".kozow.com", ".servehttp.com", NULL};
    return ends_with_any(host, tails);
}

bool kd_web_same_place(struct kd_bytes a, struct kd_bytes b)
{
    if (kd_web_is_address(a) || kd_web_is_address(b))
        return kd_bytes_ieq(a, b);
    return kd_bytes_ieq(kd_detect_zone(a), kd_detect_zone(b));
}
