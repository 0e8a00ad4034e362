// SPDX-License-Identifier: Apache-2.0
// Programs of attackers.

rule kd_tool_credential_dumper
{
    meta:
        description = "a program with the commands of a well-known tool that reads passwords out of memory"
        description_ja = "メモリーからパスワードを読み出す有名なツールのコマンドを含むプログラム"
        author = "Kidoban"
        category = "hacktool"
        severity = "high"
        mitre_technique = "T1003.001"
        reference = "https://attack.mitre.org/software/S0002/"
    strings:
        $a = "sekurlsa::" nocase wide ascii
        $b = "logonpasswords" nocase wide ascii
        $c = "lsadump::" nocase wide ascii
        $d = "kerberos::golden" nocase wide ascii
        $e = "privilege::debug" nocase wide ascii
        $f = "gentilkiwi" nocase wide ascii
    condition:
        (uint16(0) == 0x5a4d or filesize < 4MB) and 3 of them
}

rule kd_tool_reflective_loader
{
    meta:
        description = "a library that loads itself into memory, as the agents of attack frameworks do"
        description_ja = "攻撃フレームワークの常駐部のように、自身をメモリーに読み込むライブラリー"
        author = "Kidoban"
        category = "hacktool"
        severity = "high"
        mitre_technique = "T1620"
        reference = "https://attack.mitre.org/techniques/T1620/"
    strings:
        $name = /[?_]?ReflectiveLoader(@@YAKXZ|@4|@@YA_KPEAX@Z)?\x00/
    condition:
        uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x00004550 and $name
}

rule kd_tool_remote_shell_script
{
    meta:
        description = "a script that gives its command line to somebody over the network"
        description_ja = "ネットワーク越しに相手へコマンド操作を渡すスクリプト"
        author = "Kidoban"
        category = "hacktool"
        severity = "high"
        mitre_technique = "T1059"
        reference = "https://attack.mitre.org/techniques/T1059/"
    strings:
        $bash = /bash\s{1,3}-i\s{0,3}(>&|&>)\s{0,3}\/dev\/tcp\/[^\s\/]{3,100}\/\d{1,5}/
        $powershell = /New-Object\s{1,3}(System\.)?Net\.Sockets\.TCPClient\s{0,3}\(/ nocase
        $stream = /\.GetStream\s{0,2}\(\s{0,2}\)/ nocase
        $run = /(\biex\b|Invoke-Expression)/ nocase
        $python = /socket\.socket\(/
        $dup = /os\.dup2\s{0,2}\(/
        $start = /(subprocess\.call|pty\.spawn|os\.system)\s{0,2}\(/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and ($bash or ($powershell and $stream and $run) or ($python and $dup and $start))
}
