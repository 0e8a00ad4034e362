// SPDX-License-Identifier: Apache-2.0
// Documents and shortcuts that do something when they are opened.

rule kd_office_macro_starts_programs
{
    meta:
        description = "an Office macro that runs by itself and starts programs or fetches files"
        description_ja = "開くだけで動き、プログラムの起動やファイルの取得を行う Office マクロ"
        author = "Kidoban"
        category = "suspicious document"
        severity = "high"
        mitre_technique = "T1204.002"
        reference = "https://attack.mitre.org/techniques/T1137/001/"
    strings:
        $vba = "_VBA_PROJECT" wide
        $auto = /(Auto_?Open|Document_Open|Workbook_Open|AutoExec|Document_Close|Auto_Close)/ nocase
        $shell = /(WScript\.Shell|Shell\.Application|ShellExecute|URLDownloadToFile|powershell|cmd(\.exe)? \/c|mshta|certutil|bitsadmin|winmgmts)/ nocase
    condition:
        uint32(0) == 0xe011cfd0 and $vba and $auto and $shell
}

rule kd_rtf_equation_object
{
    meta:
        description = "an RTF document with an object of the old equation editor, whose hole runs code"
        description_ja = "古い数式エディターの欠陥を突くオブジェクトを含む RTF 文書"
        author = "Kidoban"
        category = "suspicious document"
        severity = "high"
        mitre_technique = "T1203"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2017-11882"
    strings:
        $objdata = "\\objdata" nocase
        // "Equation.3" and the class number 0002CE02-…, in hexadecimal digits
        $name = /4[\r\n\s]{0,3}5[\r\n\s]{0,3}7[\r\n\s]{0,3}1[\r\n\s]{0,3}7[\r\n\s]{0,3}5[\r\n\s]{0,3}6[\r\n\s]{0,3}1[\r\n\s]{0,3}7[\r\n\s]{0,3}4[\r\n\s]{0,3}6[\r\n\s]{0,3}9[\r\n\s]{0,3}6[\r\n\s]{0,3}f[\r\n\s]{0,3}6[\r\n\s]{0,3}e[\r\n\s]{0,3}2[\r\n\s]{0,3}e[\r\n\s]{0,3}3[\r\n\s]{0,3}3/ nocase
        $class = "02ce020000000000c000000000000046" nocase
    condition:
        uint32be(0) & 0xffffff00 == 0x7b5c7200 and $objdata and ($name or $class)
}

rule kd_onenote_holds_script
{
    meta:
        description = "a OneNote page with a script or program behind a picture"
        description_ja = "画像の裏にスクリプトやプログラムを置いた OneNote ページ"
        author = "Kidoban"
        category = "suspicious document"
        severity = "high"
        mitre_technique = "T1204.002"
        reference = "https://learn.microsoft.com/openspecs/office_file_formats/ms-onestore/"
    strings:
        $file = { e7 16 e3 bd 65 26 11 45 a4 c4 8d 4d 0b 7a 9e ac } // FileDataStoreObject
        $script = /(<hta:application|WScript\.Shell|powershell|ActiveXObject|@echo off|<script language)/ nocase
        $program = { e7 16 e3 bd 65 26 11 45 a4 c4 8d 4d 0b 7a 9e ac [20] 4d 5a }
    condition:
        uint32be(0) == 0xe4525c7b and $file and ($script or $program)
}

rule kd_shortcut_runs_script
{
    meta:
        description = "a shortcut that starts a script interpreter with a command of its own"
        description_ja = "スクリプトをコマンドごと起動するショートカット"
        author = "Kidoban"
        category = "lure"
        severity = "high"
        mitre_technique = "T1204.002"
        reference = "https://attack.mitre.org/techniques/T1547/009/"
    strings:
        $interpreter = /(powershell|pwsh|mshta|wscript|cscript|rundll32|regsvr32|cmd)(\.exe)?/ nocase wide ascii
        $does = /(https?:\/\/|-e(nc|c)?\s|-w(indowstyle)?\s{1,3}h|javascript:|vbscript:|iex\b|\/c\s{1,3}(start|copy|powershell|curl|certutil))/ nocase wide ascii
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and filesize < 4MB and $interpreter and $does
}

rule kd_url_file_opens_share
{
    meta:
        description = "an Internet shortcut that opens a file on somebody else's share"
        description_ja = "外部の共有フォルダーにあるファイルを開くインターネットショートカット"
        author = "Kidoban"
        category = "lure"
        severity = "medium"
        mitre_technique = "T1187"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2024-21412"
    strings:
        $head = "[InternetShortcut]" nocase
        $target = /(URL|IconFile|WorkingDirectory)\s{0,2}=\s{0,2}(file:\/\/(\\\\|\/\/)?[^\/\\\r\n]{0,3}[0-9a-z][^\r\n]{2,100}|\\\\[0-9a-z.-]{3,80}(@(ssl|\d{2,5})){0,2}\\[^\r\n]{2,100})\.(lnk|url|exe|dll|js|jse|vbs|hta|bat|cmd|zip|scf|ico|cpl)/ nocase
    condition:
        filesize < 64KB and $head and $target
}

rule kd_pdf_launches_program
{
    meta:
        description = "a PDF that starts a program when it is opened"
        description_ja = "開くとプログラムを起動する PDF"
        author = "Kidoban"
        category = "suspicious document"
        severity = "high"
        mitre_technique = "T1204.002"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
    strings:
        $launch = /\/S\s{0,2}\/Launch/
        $program = /(cmd\.exe|powershell|mshta|wscript|rundll32|regsvr32)/ nocase
        $open = "/OpenAction"
    condition:
        uint32be(0) == 0x25504446 and $launch and $program and $open
}

rule kd_html_carries_program
{
    meta:
        description = "a page that carries an archive or program in itself and hands it out as a download"
        description_ja = "中に埋め込んだ書庫やプログラムをダウンロードさせるページ"
        author = "Kidoban"
        category = "lure"
        severity = "high"
        mitre_technique = "T1027.006"
        reference = "https://attack.mitre.org/techniques/T1027/006/"
    strings:
        $script = "<script" nocase
        $decode = /\b(atob|Uint8Array|fromCharCode)\s{0,2}\(/
        $blob = /new\s{1,3}Blob\s{0,2}\(/
        $save = /(msSaveOrOpenBlob|createObjectURL|\.download\s{0,2}=)/
        // the beginning of a ZIP, a program, a RAR, a 7z in base64
        $held = /["'`](UEsDB[A-Za-z0-9+\/]{100}|TV[qpoQ][A-Za-z0-9+\/]{100}|UmFyIRo[A-Za-z0-9+\/]{100}|N3q8rycc[A-Za-z0-9+\/]{100})/
    condition:
        filesize < 30MB and uint16(0) != 0x5a4d and all of them
}
