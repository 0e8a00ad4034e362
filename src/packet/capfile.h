/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files: pcap (microseconds and nanoseconds, both byte orders, modified), pcapng (several
 * sections and interfaces), either of them within gzip or zstd.  A file that ends early or is damaged is
 * read up to there and the reason kept. */
#ifndef KD_PACKET_CAPFILE_H
#define KD_PACKET_CAPFILE_H

#include "base/status.h"
#include "packet/frame.h"

/* Where the bytes come from.  `mapped` (a memory map of the whole file) is used in place when the file is
 * not compressed; else read() is called, which returns 0 at the end and a negative number on failure. */
struct kd_capsource {
    struct kd_bytes mapped; /* may be empty */
    ptrdiff_t (*read)(void *arg, void *buf, size_t n);
    void *arg;
};

struct kd_capfile;

/* KD_MALFORMED: this is no capture file (err says what it looks like). */
KD_MUST_USE enum kd_status kd_capfile_open(const struct kd_capsource *source, struct kd_capfile **ret,
                                           struct kd_err *err);
void kd_capfile_close(struct kd_capfile *f);

/* The next frame, borrowed until the next call.  KD_NOT_FOUND: the regular end.  Anything else: the file
 * ends early or is damaged here; err tells why, `at` is the offset in the uncompressed file. */
KD_MUST_USE enum kd_status kd_capfile_next(struct kd_capfile *f, struct kd_captured *ret,
                                           struct kd_err *err);

#endif
