// SPDX-License-Identifier: Apache-2.0
// Programs that run on a web server and obey whoever asks.

rule kd_webshell_php
{
    meta:
        description = "a PHP page that runs what the request carries"
        description_ja = "リクエストの内容をそのまま実行する PHP ページ"
        author = "Kidoban"
        category = "webshell"
        severity = "high"
        mitre_technique = "T1505.003"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $open = "<?php" nocase
        $run = /\b(eval|assert|system|exec|shell_exec|passthru|popen|proc_open)\s{0,4}\(\s{0,4}(@\s{0,2})?(base64_decode\s{0,2}\(\s{0,2}|gzinflate\s{0,2}\(\s{0,2}|stripslashes\s{0,2}\(\s{0,2}|trim\s{0,2}\(\s{0,2}|str_rot13\s{0,2}\(\s{0,2}){0,3}\$_(GET|POST|REQUEST|COOKIE|SERVER)\s{0,2}\[/ nocase
    condition:
        filesize < 1MB and $open and $run
}

rule kd_webshell_jsp
{
    meta:
        description = "a JSP page that starts programs named in the request"
        description_ja = "リクエストで指定されたプログラムを起動する JSP ページ"
        author = "Kidoban"
        category = "webshell"
        severity = "high"
        mitre_technique = "T1505.003"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $open = "<%"
        $exec = /Runtime\s{0,2}\.\s{0,2}getRuntime\s{0,2}\(\s{0,2}\)\s{0,2}\.\s{0,2}exec\s{0,2}\(/
        $builder = /new\s{1,4}ProcessBuilder\s{0,2}\(/
        $load = "defineClass"
        $asked = /request\s{0,2}\.\s{0,2}get(Parameter|Header|InputStream|Reader)\s{0,2}\(/
    condition:
        filesize < 1MB and $open and $asked and any of ($exec, $builder, $load)
}

rule kd_webshell_aspnet
{
    meta:
        description = "an ASP.NET page that runs what the request carries"
        description_ja = "リクエストの内容をそのまま実行する ASP.NET ページ"
        author = "Kidoban"
        category = "webshell"
        severity = "high"
        mitre_technique = "T1505.003"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $page = /<%\s{0,4}@\s{0,4}(Page|WebHandler|WebService)/ nocase
        $eval = /\beval\s{0,2}\(\s{0,2}(System\.Text\.[\w.]{1,60}\(\s{0,2}[\w.]{0,40}\(?\s{0,2})?Request\s{0,2}[.\[(]/ nocase
        $start = "Process.Start(" nocase
        $cmd = "cmd.exe" nocase
        $asked = /Request\s{0,2}(\.\s{0,2}(Form|QueryString|Params|Item|Headers)\s{0,2})?\[/ nocase
    condition:
        filesize < 1MB and $page and ($eval or ($start and $cmd and $asked))
}
