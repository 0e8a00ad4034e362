// SPDX-License-Identifier: Apache-2.0
// Archives and disk images made to be opened by mistake.

rule kd_zip_disguised_program
{
    meta:
        description = "an archive with a program named like a document (two endings, many blanks, or reversed letters)"
        description_ja = "文書に見せかけた名前(二重拡張子・多数の空白・文字の逆転)のプログラムを含む書庫"
        author = "Kidoban"
        category = "lure"
        severity = "high"
        mitre_technique = "T1036.007"
        reference = "https://attack.mitre.org/techniques/T1036/007/"
    strings:
        $twice = /PK\x03\x04[\x00-\xff]{26}[^\x00]{1,120}\.(pdf|docx?|xlsx?|pptx?|txt|jpe?g|png|rtf|jtd)[ _\xc2\xa0]{0,80}\.(exe|scr|com|pif|js|jse|vbs|vbe|wsf|hta|lnk|bat|cmd|ps1|cpl)/ nocase
        $blanks = /PK\x03\x04[\x00-\xff]{26}[^\x00]{1,80} {12,100}\.(exe|scr|com|js|vbs|lnk|bat|hta)/ nocase
        $turned = /PK\x03\x04[\x00-\xff]{26}[^\x00]{0,80}\xe2\x80\xae[^\x00]{0,40}\.(exe|scr|com|js|vbs|lnk|bat|hta)/ nocase
    condition:
        uint32(0) == 0x04034b50 and any of them
}

rule kd_zip_japanese_lure
{
    meta:
        description = "an archive with a program that has a Japanese business name (invoice, estimate, notice …)"
        description_ja = "請求書・見積書・通知など業務を装った名前のプログラムを含む書庫"
        author = "Kidoban"
        category = "lure"
        severity = "high"
        mitre_technique = "T1036.008"
        reference = "https://attack.mitre.org/techniques/T1566/001/"
    strings:
        // 請求 見積 発注 納品 給与 賞与 不在 通知 重要 緊急 名簿 議事 履歴書 住民 診療 紹介状 補助金 in UTF-8, then 請求 見積 発注 通知 重要 給与 名簿 in Shift_JIS
        $utf8 = /PK\x03\x04[\x00-\xff]{26}[^\x00]{0,60}(\xe8\xab\x8b\xe6\xb1\x82|\xe8\xa6\x8b\xe7\xa9\x8d|\xe7\x99\xba\xe6\xb3\xa8|\xe7\xb4\x8d\xe5\x93\x81|\xe7\xb5\xa6\xe4\xb8\x8e|\xe8\xb3\x9e\xe4\xb8\x8e|\xe4\xb8\x8d\xe5\x9c\xa8|\xe9\x80\x9a\xe7\x9f\xa5|\xe9\x87\x8d\xe8\xa6\x81|\xe7\xb7\x8a\xe6\x80\xa5|\xe5\x90\x8d\xe7\xb0\xbf|\xe8\xad\xb0\xe4\xba\x8b|\xe5\xb1\xa5\xe6\xad\xb4\xe6\x9b\xb8|\xe4\xbd\x8f\xe6\xb0\x91|\xe8\xa8\xba\xe7\x99\x82|\xe7\xb4\xb9\xe4\xbb\x8b\xe7\x8a\xb6|\xe8\xa3\x9c\xe5\x8a\xa9\xe9\x87\x91)[^\x00]{0,60}\.(exe|scr|com|pif|js|jse|vbs|vbe|wsf|hta|lnk|cpl)/ nocase
        $sjis = /PK\x03\x04[\x00-\xff]{26}[^\x00]{0,60}(\x90\xbf\x8b\x81|\x8c\xa9\x90\xcf|\x94\xad\x92\x8d|\x92\xca\x92\x6d|\x8f\x64\x97\x76|\x8b\x8b\x97\x5e|\x96\xbc\x95\xeb)[^\x00]{0,60}\.(exe|scr|com|pif|js|jse|vbs|vbe|wsf|hta|lnk|cpl)/ nocase
    condition:
        uint32(0) == 0x04034b50 and any of them
}

rule kd_image_with_shortcut
{
    meta:
        description = "a disk image with a shortcut beside the program or library that it starts"
        description_ja = "ショートカットと、それが起動するプログラムを収めたディスクイメージ"
        author = "Kidoban"
        category = "lure"
        severity = "high"
        mitre_technique = "T1553.005"
        reference = "https://attack.mitre.org/techniques/T1553/005/"
    strings:
        $iso = "CD001"
        $shortcut = { 4c 00 00 00 01 14 02 00 00 00 00 00 c0 00 00 00 00 00 00 46 }
        $starts = /(rundll32|regsvr32|powershell|mshta|wscript|cmd\.exe)/ nocase wide ascii
        $program = "This program cannot be run in DOS mode"
    condition:
        filesize < 32MB and $iso at 0x8001 and $shortcut and $starts and $program
}
