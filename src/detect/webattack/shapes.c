/* SPDX-License-Identifier: Apache-2.0 */
#include "shapes.h"

static bool has(struct kd_bytes text, const char *words)
{
    return kd_bytes_find(text, kd_str(words)) != SIZE_MAX;
}

static bool has_any(struct kd_bytes text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (has(text, *words))
            return true;
    return false;
}

/* What kinds of characters a text has: most requests have none that an attack needs. */
struct marks {
    bool quote, space, paren, lookup, brace, dots, separator, angle, colon;
};

static struct marks marks_of(struct kd_bytes t)
{
    struct marks m = {0};
    for (size_t i = 0; i < t.n; i++) {
        uint8_t next = kd_bytes_at(t, i + 1);
        switch (t.p[i]) {
        case '\'':
        case '"':
            m.quote = true;
            break;
        case ' ':
            m.space = true;
            break;
        case '(':
            m.paren = true;
            break;
        case '{':
            m.brace = true;
            break;
        case '$':
            m.lookup |= next == '{';
            m.separator |= next == '(' || next == '{';
            break;
        case '.':
            m.dots |= next == '.' || next == '/';
            break;
        case ';':
        case '|':
        case '`':
            m.separator = true;
            break;
        case '&':
            m.separator |= next == '&';
            break;
        case '<':
            m.angle = true;
            break;
        case ':':
            m.colon = true;
            break;
        default:
            break;
        }
    }
    return m;
}

/* --- one kind each; t is normal text --- */

static bool is_lookup(struct kd_bytes t)
{
    uint8_t room[KD_NORMAL_MAX];
    return has(kd_normal_lookups(t, room), "${jndi:");
}

static bool is_shellshock(struct kd_bytes t)
{
    size_t at = kd_bytes_find(t, kd_str("()"));
    if (at == SIZE_MAX)
        return false;
    struct kd_bytes rest = kd_bytes_trim(kd_bytes_from(t, at + 2));
    size_t end = kd_bytes_find_byte(rest, '}');
    return at <= 1 && kd_bytes_at(rest, 0) == '{' && end != SIZE_MAX &&
           kd_bytes_at(kd_bytes_trim(kd_bytes_from(rest, end + 1)), 0) == ';';
}

static const char *const code_words[] = {
    "<?php", "<?=", "<%@", "<%=", "eval(", "assert(", "system(", "passthru(", "shell_exec(", "base64_decode(",
    "call_user_func", "auto_prepend_file", "allow_url_include", "php://input", "java.lang.runtime",
    "java.lang.processbuilder", "getruntime()", ".getclass()", "class.module.classloader", "#_memberaccess",
    "ognlcontext", "@java.lang", "t(java.lang", "__import__(", "__globals__", "__subclasses__", "constructor.constructor",
    "process.mainmodule", "eval-stdin.php", "invokefunction", "autodiscover.json?@", "autodiscover.json?a=", "wscript.shell", "freemarker.template.utility.execute",
    NULL};

static const char *const sql_words[] = {
    "union select", "union all select", "union distinct select", "union(select", "information_schema", "xp_cmdshell",
    "waitfor delay", "into outfile", "into dumpfile", "load_file(", "extractvalue(", "updatexml(", "pg_sleep(",
    "dbms_pipe.", "benchmark(", "utl_http.", "; drop table", ";drop table", "; exec ", ";exec ", "sqlite_master",
    "pg_catalog", "sys.databases", "group_concat(", "@@version", NULL};

/* A quote that ends the programmer's text, then a condition or the end of the statement. */
static const char *const sql_breaks[] = {
    "' or '", "' or 1", "' or true", "' and '", "' and 1", "' or(", "\" or \"", "\" or 1", "\" and \"", "\" and 1",
    "') or", "') and", "' order by", "' group by", "' having", "'--", "' --", "' #", "'; ", "';--", "'||'", "' rlike",
    "' like '", "' and sleep", "' or sleep", "and sleep(", "or sleep(", "select sleep(", "if(now()=", "or 1=1", "and 1=1",
    "and 1=2", "or '1'='1", "' in (", "' between", NULL};

static bool is_sql(struct kd_bytes t, const struct marks *m, enum place place)
{
    bool grammar = m->quote || m->paren || has(t, "--") || has(t, "#") || has(t, "@@") || has(t, "null");
    if (!m->space && !m->paren && !m->quote)
        return false;
    if (has_any(t, sql_words) && (grammar || place != PLACE_TARGET))
        return true;
    bool breaks = place != PLACE_HEADER && has_any(t, sql_breaks);
    size_t select = kd_bytes_find(t, kd_str("select "));
    bool reads = place != PLACE_HEADER && select != SIZE_MAX && has(kd_bytes_from(t, select), " from ") && m->quote &&
                 (has(t, "--") || has(t, "#") || has(t, "' "));
    return breaks || reads;
}

static unsigned levels_up(struct kd_bytes t)
{
    unsigned n = 0;
    for (size_t at; (at = kd_bytes_find(t, kd_str(".."))) != SIZE_MAX;) {
        t = kd_bytes_from(t, at + 2);
        uint8_t next = kd_bytes_at(t, 0);
        n += next == '/' || (next == ';' && kd_bytes_at(t, 1) == '/');
    }
    return n;
}

static bool has_encoded_dots(struct kd_bytes raw)
{
    static const char *const codes[] = {"%2e", "%252", "%c0%a", "%u2", "%uff0", "%%32", "..%2f", "..%5c", "..\\", "..;/"};
    for (size_t i = 0; i < KD_COUNT(codes); i++)
        if (kd_bytes_icontains(raw, kd_str(codes[i])))
            return true;
    return false;
}

static bool is_traversal(struct kd_bytes t, struct kd_bytes raw)
{
    static const char *const targets[] = {
        "etc/passwd", "etc/shadow", "etc/hosts", "win.ini", "boot.ini", "proc/self/", "web-inf/", "windows/system32",
        "system.ini", "/.ssh/", "/bin/sh", "/bin/bash", "cmd.exe", "php.ini", "/.env", "wp-config.php", "/.git/", NULL};
    unsigned levels = levels_up(t);
    bool target = has_any(t, targets);
    return levels >= 3 || (levels >= 2 && has_encoded_dots(raw)) || (levels >= 1 && target) ||
           has(t, "=/etc/passwd") || has(t, "=file:///") || has(t, "php://filter") || has(t, "=/etc/shadow") ||
           has(t, "=c:/windows/") || has(t, "/..;/") || has(t, "/vpn/../vpns/");
}

static bool is_command_word(struct kd_bytes rest)
{
    static const char *const words[] = {
        "cat", "id", "whoami", "uname", "wget", "curl", "nc", "ncat", "bash", "sh", "ping", "nslookup", "dig", "powershell",
        "pwsh", "cmd", "certutil", "bitsadmin", "ls", "dir", "type", "echo", "chmod", "rm", "python", "python3", "perl",
        "php", "sleep", "busybox", "tftp", "net", "ipconfig", "ifconfig", "netstat", "ps", "telnet", "touch", "cd", "/bin/",
        "/usr/bin/", "base64"};
    rest = kd_bytes_trim(rest);
    for (size_t i = 0; i < KD_COUNT(words); i++) {
        struct kd_bytes w = kd_str(words[i]);
        if (!kd_bytes_starts(rest, w))
            continue;
        uint8_t next = kd_bytes_at(rest, w.n);
        if (w.p[w.n - 1] == '/' || next == 0 || strchr(" ;|`)$<>\"'", next) != NULL || next == 0x7f)
            return true;
    }
    return false;
}

/* A separator of a shell with a command behind it. */
static bool has_command(struct kd_bytes t)
{
    for (size_t i = 0; i < t.n; i++) {
        uint8_t c = t.p[i], next = kd_bytes_at(t, i + 1);
        bool one = c == ';' || c == '|' || c == '`';
        bool two = (c == '$' && next == '(') || (c == '&' && next == '&') || (c == '|' && next == '|');
        if ((one || two) && is_command_word(kd_bytes_from(t, i + (two ? 2 : 1))))
            return true;
    }
    return false;
}

static bool is_command(struct kd_bytes t, const struct marks *m, enum place place)
{
    static const char *const words[] = {"/bin/sh", "/bin/bash", "/bin/busybox", "${ifs}", "$ifs", "/dev/tcp/", "cmd.exe /c",
                                        "cmd /c", "cmd.exe?/c", "powershell -", "|bash", "| bash", "|sh ", "| sh",
                                        "wget http", "curl http", "bash -c", "bash -i", "nc -e", "chmod 777",
                                        "chmod +x", NULL};
    bool words_hit = (m->space || m->separator || has(t, "/bin/") || has(t, "/dev/tcp/")) && has_any(t, words);
    return words_hit || (place != PLACE_HEADER && m->separator && has_command(t));
}

/* A serialised Java object, or a .NET one, as bytes or in base64 (where letter case counts). */
static bool is_object(struct kd_bytes raw)
{
    return kd_bytes_find(raw, kd_str("rO0AB")) != SIZE_MAX || kd_bytes_find(raw, kd_str("AAEAAAD/////")) != SIZE_MAX ||
           kd_bytes_starts(raw, kd_bytes_of("\xac\xed\0\5", 4));
}

enum attack shapes_find(struct kd_bytes raw, enum place place)
{
    uint8_t room[KD_NORMAL_MAX];
    if (raw.n == 0)
        return ATTACK_NONE;
    struct kd_bytes t = kd_normal_text(raw, room);
    struct marks m = marks_of(t);
    if (m.lookup && m.colon && is_lookup(t))
        return ATTACK_LOOKUP;
    if (m.brace && m.paren && is_shellshock(t))
        return ATTACK_SHELLSHOCK;
    if (is_object(raw))
        return ATTACK_OBJECT;
    if ((m.paren || m.angle || m.colon || m.brace || m.dots || place == PLACE_TARGET) && has_any(t, code_words))
        return ATTACK_CODE;
    if ((m.space || m.separator || m.dots || m.quote) && is_command(t, &m, place))
        return ATTACK_COMMAND;
    if (is_sql(t, &m, place))
        return ATTACK_SQL;
    if (place != PLACE_HEADER && (m.dots || m.colon || has(t, "=/etc/")) && is_traversal(t, raw))
        return ATTACK_TRAVERSAL;
    bool script = has(t, "<script") || has(t, "onerror=") || has(t, "onload=") || has(t, "=javascript:");
    if (m.angle && place == PLACE_TARGET && script)
        return ATTACK_SCRIPT;
    return ATTACK_NONE;
}

const char *shapes_name(enum attack a)
{
    static const char *const names[ATTACKS] = {
        [ATTACK_NONE] = "-",
        [ATTACK_TRAVERSAL] = "path traversal",
        [ATTACK_SQL] = "SQL injection",
        [ATTACK_SCRIPT] = "cross-site scripting",
        [ATTACK_COMMAND] = "command injection",
        [ATTACK_CODE] = "code injection",
        [ATTACK_OBJECT] = "serialised object",
        [ATTACK_SHELLSHOCK] = "Shellshock",
        [ATTACK_LOOKUP] = "Log4Shell (JNDI)",
    };
    return names[a];
}

bool shapes_runs(enum attack a)
{
    return a >= ATTACK_COMMAND;
}

/* Letters of a host name or an address; a lookup within it is passed over as one. */
static struct kd_bytes host_at(struct kd_bytes t)
{
    size_t n = 0, depth = 0;
    for (; n < t.n; n++) {
        uint8_t c = t.p[n];
        depth += c == '{';
        if (c == '}' && depth > 0) {
            depth--;
            continue;
        }
        bool name = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '$';
        if (depth == 0 && !name)
            break;
    }
    return kd_bytes_head(t, n);
}

struct kd_bytes shapes_callback(struct kd_bytes raw, uint8_t room[KD_NORMAL_MAX], bool *ret_secret)
{
    static const char *const before[] = {"://", "/dev/tcp/", "ping -c 1 ", "nslookup ", "ping ", "nc ", "//"};
    uint8_t text[KD_NORMAL_MAX];
    struct kd_bytes t = kd_normal_lookups(kd_normal_text(raw, text), room);
    *ret_secret = false;
    for (size_t i = 0; i < KD_COUNT(before); i++) {
        size_t at = kd_bytes_find(t, kd_str(before[i]));
        if (at == SIZE_MAX)
            continue;
        struct kd_bytes behind = kd_bytes_from(t, at + strlen(before[i]));
        while (kd_bytes_at(behind, 0) == '-') { /* options of a command */
            (void)kd_bytes_cut(&behind, ' ');
            behind = kd_bytes_trim(behind);
        }
        struct kd_bytes host = host_at(behind);
        *ret_secret = has(kd_bytes_head(behind, 512), "${env:") || has(kd_bytes_head(behind, 512), "${sys:") ||
                      has(kd_bytes_head(behind, 512), "${java:") || has(kd_bytes_head(behind, 512), "$(");
        size_t brace = kd_bytes_find_byte(host, '}'); /* the zone behind a variable is the attacker's */
        if (brace != SIZE_MAX)
            host = kd_bytes_from(host, brace + 1 + (kd_bytes_at(host, brace + 1) == '.'));
        if (kd_bytes_find_byte(host, '.') != SIZE_MAX)
            return host;
    }
    return (struct kd_bytes){NULL, 0};
}

bool shapes_answered(struct kd_bytes head)
{
    static const char *const signs[] = {"root:x:0:0:", "root:*:0:0:", "; for 16-bit app support", "[boot loader]",
                                        "[fonts]\r\n", "Volume in drive", "nt authority\\system", "Linux version ",
                                        " PRIVATE KEY-----", NULL};
    return has_any(head, signs) || (has(head, "uid=") && has(head, " gid="));
}
