/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in (RFC 8259), where it lies: nothing is built, a value is its text.  Linear in time, no memory; nested at most
 * KD_JSON_DEPTH deep. */
#ifndef KD_BASE_JSON_READ_H
#define KD_BASE_JSON_READ_H

#include "base/out.h"

enum { KD_JSON_DEPTH = 48 };

/* The value that `rest` begins with, white space before it left out; `rest` goes on behind it and its white space.  False: there is none
 * that is sound. */
bool kd_json_take(struct kd_bytes *rest, struct kd_bytes *ret);

/* Is all of the text one sound value, without a line's end in it? */
bool kd_json_is_line(struct kd_bytes text);

/* Members of an object and elements of an array that were taken: *at begins with 0.  Keys are without their quotes,
 * escapes as they stand.  False: no further one. */
bool kd_json_member(struct kd_bytes object, size_t *at, struct kd_bytes *ret_key, struct kd_bytes *ret);
bool kd_json_element(struct kd_bytes array, size_t *at, struct kd_bytes *ret);

/* What stands at "a.b.c", from an object on; "": the value itself.  False: nothing. */
bool kd_json_find(struct kd_bytes value, struct kd_bytes path, struct kd_bytes *ret);

/* The text a string stands for, escapes undone.  False: it is no string, or nothing (U+0000) is in it. */
bool kd_json_text(struct kd_bytes string, struct kd_out *o);

/* The value without white space, and without the member at `without` ("": all). */
void kd_json_compact(struct kd_out *o, struct kd_bytes value, struct kd_bytes without);

#endif
