/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation as a tape, played to one parser: the form of fuzz seeds and of parser tests.
 *
 * Tape: chunks of  u8 direction (bit 0: 1 = to client; bit 1: a gap follows instead of data), u16 length
 * big-endian, then the bytes (none for a gap, whose size is the length).  A parser over both TCP and UDP is
 * played as a stream, unless bit 2 is set in the first chunk: then chunks are datagrams.  Where chunks are
 * datagrams a "gap" is a pause of so many milliseconds. */
#ifndef KD_TESTS_TAPE_H
#define KD_TESTS_TAPE_H

#include "proto/feed.h"
#include "proto/parser.h"
#include "wire/record.h"

struct kd_tape_run {
    char *text;            /* records as JSON lines, owned */
    size_t n;
    char *frames;          /* lines "c mqtt.pdu 0+49": sender, frame, place and length; "s http1.response 0+" of an open one,
                              and "s http1.response end 60"; owned */
    size_t frames_n;
    size_t n_records;
    size_t in_bytes;       /* bytes played */
    enum kd_status status[2]; /* how each direction ended */
    size_t pool_left;      /* bytes not given back at the end: must be 0 */
};

/* Also what JSON lines alone have (KD_REC_…_STEP); off at first. */
extern bool kd_tape_steps;

/* Play a tape.  `step`: cut stream chunks into pieces of this size (SIZE_MAX: whole); every piece is an
 * exact heap copy, so that a read past its end is seen by the sanitizer. */
struct kd_tape_run kd_tape_play(const struct kd_parser *p, struct kd_bytes tape, size_t step);
void kd_tape_run_done(struct kd_tape_run *run);

/* Builder: append a chunk to a tape buffer; as a datagram for a parser over both; a gap or pause. */
void kd_tape_add(struct kd_out *tape, enum kd_dir dir, struct kd_bytes data);
void kd_tape_add_datagram(struct kd_out *tape, enum kd_dir dir, struct kd_bytes data);
void kd_tape_add_gap(struct kd_out *tape, enum kd_dir dir, uint16_t n);

/* The properties every parser must have, for any input: whole and split give the same records and frames
 * (streams), memory returns, output is bounded, records are valid JSON bodies that survive encode and decode.  NULL,
 * or what was broken. */
const char *kd_tape_check(const struct kd_parser *p, struct kd_bytes tape, size_t step);

#endif
