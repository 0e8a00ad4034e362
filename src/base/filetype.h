/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is by its content.  A small table of what matters for detection, no general file(1).
 *
 * Names are stable tokens, used in records and rules:
 *   programs    pe elf macho java-class jar dex swf wasm
 *   scripts     script (#! line) powershell vbs-encoded lnk url-shortcut hta
 *   documents   ole (older Office, MSI) ooxml ooxml-macro odf rtf pdf onenote chm html xml eml tnef (winmail.dat)
 *   archives    zip zip-encrypted rar 7z gzip bzip2 xz zstd cab lzh tar ace arj
 *   images      iso vhd vhdx vmdk png jpeg gif bmp webp tiff ico
 *   media       mp4 mp3 wav avi ogg
 *   secrets     regf (registry hive) ese (NTDS.dit and other databases of Windows) minidump evtx pst
 *   installers  deb rpm
 *   test        eicar (the file by which virus scanners are tested)
 *   other       sqlite pcap pcapng dicom pem text
 * NULL: none of these. */
#ifndef KD_BASE_FILETYPE_H
#define KD_BASE_FILETYPE_H

#include "base/bytes.h"

enum { KD_FILETYPE_HEAD = 1024, KD_FILETYPE_ISO_AT = 0x8001 };

/* By the first bytes; KD_FILETYPE_HEAD of them, or the whole file, tell all but a disc image. */
const char *kd_filetype(struct kd_bytes head);

/* May a file of this type do harm when it is opened, or hide what does (programs, scripts, documents,
 * archives, disc images, shortcuts, installers, and what is not recognised)?  NULL is allowed. */
bool kd_filetype_is_risky(const char *type);

/* The same by the end of its name: scripts and shortcuts, which are mere text by content. */
bool kd_filename_is_risky(struct kd_bytes name);

/* The same for a file that comes in pieces.  Zeroed is ready; what is missing is added to `seen`, and ends the head. */
struct kd_filetype_scan {
    uint8_t head[KD_FILETYPE_HEAD];
    uint32_t n;   /* bytes in head */
    uint32_t iso; /* matched bytes of the disc image's mark */
    uint64_t seen;
};

void kd_filetype_add(struct kd_filetype_scan *s, struct kd_bytes piece);
const char *kd_filetype_end(const struct kd_filetype_scan *s);

#endif
