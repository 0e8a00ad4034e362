// SPDX-License-Identifier: Apache-2.0
// Scripts that fetch, hide or start something.

rule kd_powershell_encoded_command
{
    meta:
        description = "starts PowerShell with its command in base64, so that nobody can read it"
        description_ja = "内容を読めないよう base64 にしたコマンドで PowerShell を起動する"
        author = "Kidoban"
        category = "suspicious script"
        severity = "medium"
        mitre_technique = "T1059.001"
        reference = "https://attack.mitre.org/techniques/T1027/010/"
    strings:
        // UTF-16 text in base64: "$", "IEX", "(New", "Invoke", "function", "Set", "while" at its beginning
        $command = /powershell(\.exe)?["']?\s[^\r\n]{0,200}-e(n|nc|nco|ncod|ncode|ncoded|ncodedc|ncodedco|ncodedcommand|c)?\s{1,4}["']?(JAB|SQBFAFgA|aQBlAHgA|KABOAGUAdwAt|SQBuAHYAbwBrAGUA|ZgB1AG4AYwB0AGkAbwBu|UwBlAHQALQ|dwBoAGkAbABl)[A-Za-z0-9+\/]{40}/ nocase
    condition:
        filesize < 5MB and $command
}

rule kd_powershell_download_and_run
{
    meta:
        description = "a PowerShell line that fetches a script and runs it at once, without a file"
        description_ja = "取得したスクリプトをファイルに残さずその場で実行する PowerShell"
        author = "Kidoban"
        category = "suspicious script"
        severity = "medium"
        mitre_technique = "T1059.001"
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $fetch = /(New-Object\s{1,4}(System\.)?Net\.WebClient\s{0,2}\)\s{0,2}\.\s{0,2}Download(String|Data)|Invoke-WebRequest|Invoke-RestMethod|\b(iwr|irm)\s)/ nocase
        $run = /(\bIEX\b|Invoke-Expression|\[scriptblock\]::Create|\[System\.Reflection\.Assembly\]::Load)/ nocase
        $hide = /(-w(in(dowstyle)?)?\s{1,4}(hidden|1)\b|-nop(rofile)?\b[^\r\n]{0,80}-(ep|exec(utionpolicy)?)\s{1,4}bypass|AmsiUtils|amsiInitFailed)/ nocase
    condition:
        filesize < 2MB and $fetch and $run and $hide
}

rule kd_script_dropper
{
    meta:
        description = "a script that fetches a file, saves it and starts it"
        description_ja = "ファイルを取得して保存し、起動するスクリプト"
        author = "Kidoban"
        category = "suspicious script"
        severity = "high"
        mitre_technique = "T1059"
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $object = /(CreateObject|ActiveXObject)\s{0,2}\(/ nocase
        $fetch = /["'](MSXML2\.(Server)?XMLHTTP(\.\d\.0)?|Microsoft\.XMLHTTP|WinHttp\.WinHttpRequest\.5\.1)["']/ nocase
        $save = /ADODB\.Stream/ nocase
        $write = "SaveToFile" nocase
        $shell = /["'](WScript\.Shell|Shell\.Application)["']/ nocase
        $start = /\.\s{0,2}(Run|Exec|ShellExecute)\s{0,2}\(?/ nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and all of them
}

rule kd_hta_runs_programs
{
    meta:
        description = "an HTML application that starts programs"
        description_ja = "プログラムを起動する HTML アプリケーション(HTA)"
        author = "Kidoban"
        category = "suspicious script"
        severity = "high"
        mitre_technique = "T1218.005"
        reference = "https://attack.mitre.org/techniques/T1218/005/"
    strings:
        $hta = "<hta:application" nocase
        $hidden = /showintaskbar\s{0,2}=\s{0,2}["']?no|windowstate\s{0,2}=\s{0,2}["']?minimize|window\.(moveTo|resizeTo)\s{0,2}\(/ nocase
        $shell = /(WScript\.Shell|Shell\.Application|winmgmts:)/ nocase
    condition:
        filesize < 5MB and $hta and $shell and $hidden
}

rule kd_ransom_note
{
    meta:
        description = "a letter that demands money for files made unreadable"
        description_ja = "暗号化したファイルの身代金を要求する文書"
        author = "Kidoban"
        category = "ransomware"
        family = "ransom note"
        severity = "high"
        mitre_technique = "T1486"
        reference = "https://attack.mitre.org/techniques/T1486/"
    strings:
        $what = /(your|all)\s[^\r\n.]{0,60}(files|documents|data|network|servers)[^\r\n.]{0,80}(encrypted|locked)/ nocase
        $pay = /\b(bitcoins?|btc|monero|xmr|ransom|pay(ment)?)\b/ nocase
        $key = /\b(decrypt(or|ion|er)?|private key|recover)\b/ nocase
        $how = /[a-z2-7]{16,56}\.onion|tor browser|tox\s?id|qtox/ nocase
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint32(0) != 0x04034b50 and all of them
}
