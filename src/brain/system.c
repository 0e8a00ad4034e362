/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/system.h"

const char *kd_system_source_text(unsigned source)
{
    static const char *const names[] = {
        [KD_SYSTEM_NONE] = "", [KD_SYSTEM_MAC] = "mac", [KD_SYSTEM_HTTP] = "http", [KD_SYSTEM_SSH] = "ssh",
        [KD_SYSTEM_NTLM] = "ntlm", [KD_SYSTEM_SMB] = "smb", [KD_SYSTEM_DHCP] = "dhcp",
    };
    return names[source < KD_COUNT(names) ? source : 0];
}

/* The first of the pairs whose mark stands in the text. */
struct mark {
    const char *part, *name;
};

static const char *first_mark(struct kd_bytes text, const struct mark *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_icontains(text, kd_str(m[i].part)))
            return m[i].name;
    return NULL;
}

const char *kd_system_of_ntlm(struct kd_bytes version)
{
    static const struct {
        const char *head, *os;
    } known[] = {
        {"5.1", "Windows XP"}, {"5.2", "Windows XP / Server 2003"},
        {"6.0", "Windows Vista / Server 2008"}, {"6.1", "Windows 7 / Server 2008 R2"},
        {"6.2", "Windows 8 / Server 2012"}, {"6.3", "Windows 8.1 / Server 2012 R2"},
        {"10.0", "Windows 10 / 11 / Server 2016 and later"},
    };
    /* 6.1 build 0 is what Samba and its clients say of themselves. */
    if (kd_bytes_icontains(version, kd_str("6.1.0")) || kd_bytes_icontains(version, kd_str("6.1 build 0")))
        return "Samba / Linux";
    for (size_t i = 0; i < KD_COUNT(known); i++)
        if (kd_bytes_starts(version, kd_str(known[i].head)))
            return known[i].os;
    return NULL;
}

const char *kd_system_of_dhcp(const struct kd_rec_dhcp *d)
{
    /* The order of options asked for differs between makers' clients. */
    static const uint8_t windows[] = {1, 3, 6, 15, 31, 33, 43, 44, 46, 47};
    static const uint8_t windows_old[] = {1, 15, 3, 6, 44, 46, 47};
    static const uint8_t apple[] = {1, 121, 3, 6, 15};
    if (kd_bytes_starts(d->vendor_class, kd_str("MSFT")))
        return "Windows";
    if (kd_bytes_istarts(d->vendor_class, kd_str("android")))
        return "Android";
    if (kd_bytes_istarts(d->vendor_class, kd_str("dhcpcd")) || kd_bytes_istarts(d->vendor_class, kd_str("udhcp")))
        return "Linux";
    if (kd_bytes_starts(d->params, kd_bytes_of(windows, sizeof(windows))) ||
        kd_bytes_starts(d->params, kd_bytes_of(windows_old, sizeof(windows_old))))
        return "Windows";
    return kd_bytes_starts(d->params, kd_bytes_of(apple, sizeof(apple))) ? "macOS / iOS" : NULL;
}

/* What browsers and update programs say; a program may say what it likes, so this is the weakest word of a
 * machine about itself. */
const char *kd_system_of_agent(struct kd_bytes user_agent)
{
    static const struct mark marks[] = {
        {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"CrOS", "ChromeOS"},
        {"Windows NT 10.0", "Windows 10 / 11"}, {"Windows NT 6.3", "Windows 8.1"}, {"Windows NT 6.2", "Windows 8"},
        {"Windows NT 6.1", "Windows 7"}, {"Windows NT 6.0", "Windows Vista"}, {"Windows NT 5.1", "Windows XP"},
        {"Macintosh", "macOS"}, {"Mac OS X", "macOS"}, {"Microsoft-CryptoAPI/10.0", "Windows 10 / 11"},
        {"Microsoft-CryptoAPI/6.1", "Windows 7"}, {"Microsoft NCSI", "Windows"}, {"Windows-Update-Agent", "Windows"},
        {"Debian APT", "Debian / Ubuntu"}, {"Ubuntu", "Ubuntu"}, {"libdnf", "Red Hat Linux"}, {"X11; Linux", "Linux"},
    };
    return first_mark(user_agent, marks, KD_COUNT(marks));
}

const char *kd_system_of_ssh(struct kd_bytes software)
{
    static const struct mark marks[] = {
        {"for_Windows", "Windows"}, {"Ubuntu", "Ubuntu"}, {"Debian", "Debian"}, {"Raspbian", "Raspberry Pi OS"},
        {"FreeBSD", "FreeBSD"}, {"Cisco", "Cisco"}, {"ROSSSH", "MikroTik RouterOS"}, {"RomSShell", "device"},
    };
    return first_mark(software, marks, KD_COUNT(marks));
}

const char *kd_system_of_smb(struct kd_bytes native_os)
{
    static const struct mark marks[] = {
        {"Windows Server 2003", "Windows Server 2003"}, {"Windows Server 2008 R2", "Windows Server 2008 R2"},
        {"Windows Server 2008", "Windows Server 2008"}, {"Windows Server 2012", "Windows Server 2012"},
        {"Windows Server 2016", "Windows Server 2016"}, {"Windows 7", "Windows 7"}, {"Windows Vista", "Windows Vista"},
        {"Windows 8", "Windows 8"}, {"Windows 10", "Windows 10"}, {"Windows 5.1", "Windows XP"},
        {"Windows 5.0", "Windows 2000"}, {"Windows 2000", "Windows 2000 / XP"}, {"Unix", "Samba / Linux"},
    };
    return first_mark(native_os, marks, KD_COUNT(marks));
}

const char *kd_system_of_mac(const struct kd_mac *mac, bool *ret_printer)
{
    static const struct {
        uint8_t oui[3];
        bool printer;
        const char *name;
    } makers[] = {
        {{0x00, 0x00, 0x48}, true, "printer (Epson)"}, {{0x00, 0x26, 0xab}, true, "printer (Epson)"},
        {{0x00, 0x00, 0x85}, true, "printer (Canon)"}, {{0x00, 0x1e, 0x8f}, true, "printer (Canon)"},
        {{0x00, 0x80, 0x77}, true, "printer (Brother)"}, {{0x00, 0x1b, 0xa9}, true, "printer (Brother)"},
        {{0x00, 0x00, 0x74}, true, "printer (Ricoh)"}, {{0x00, 0x26, 0x73}, true, "printer (Ricoh)"},
        {{0x08, 0x00, 0x37}, true, "printer (Fuji Xerox)"}, {{0x00, 0x00, 0xaa}, true, "printer (Xerox)"},
        {{0x00, 0xc0, 0xee}, true, "printer (Kyocera)"}, {{0x00, 0x20, 0x6b}, true, "printer (Konica Minolta)"},
        {{0x00, 0x11, 0x32}, false, "NAS (Synology)"}, {{0x00, 0x08, 0x9b}, false, "NAS (QNAP)"},
        {{0xb8, 0x27, 0xeb}, false, "Raspberry Pi"}, {{0xdc, 0xa6, 0x32}, false, "Raspberry Pi"},
        {{0xe4, 0x5f, 0x01}, false, "Raspberry Pi"}, {{0x00, 0xa0, 0xde}, false, "Yamaha"},
        {{0x00, 0x0c, 0x29}, false, "virtual machine (VMware)"}, {{0x00, 0x50, 0x56}, false, "virtual machine (VMware)"},
        {{0x00, 0x15, 0x5d}, false, "virtual machine (Hyper-V)"}, {{0x08, 0x00, 0x27}, false, "virtual machine (VirtualBox)"},
        {{0x52, 0x54, 0x00}, false, "virtual machine (KVM)"}, {{0x00, 0x16, 0x3e}, false, "virtual machine (Xen)"},
    };
    for (size_t i = 0; i < KD_COUNT(makers); i++)
        if (memcmp(mac->b, makers[i].oui, 3) == 0) {
            if (ret_printer != NULL)
                *ret_printer = makers[i].printer;
            return makers[i].name;
        }
    return NULL;
}
