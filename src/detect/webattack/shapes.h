/* SPDX-License-Identifier: Apache-2.0 */
/* What an attack on a web server must look like in a request: the words of the language that it wants the server
 * to run, not the names of single weaknesses. */
#ifndef KD_DETECT_WEBATTACK_SHAPES_H
#define KD_DETECT_WEBATTACK_SHAPES_H

#include "detect/normal.h"

enum attack {
    ATTACK_NONE,
    ATTACK_SCRIPT, /* markup that other visitors are to run */
    ATTACK_TRAVERSAL,
    ATTACK_SQL,
    ATTACK_COMMAND,
    ATTACK_CODE,
    ATTACK_OBJECT,
    ATTACK_SHELLSHOCK,
    ATTACK_LOOKUP,
    ATTACKS
};

/* Where the text stood: people type anything into a search box, so words alone count less in some places. */
enum place { PLACE_TARGET, PLACE_BODY, PLACE_HEADER };

/* The gravest attack in a text as sent. */
enum attack shapes_find(struct kd_bytes raw, enum place place);

/* Names for people: "Log4Shell (JNDI)". */
const char *shapes_name(enum attack a);

/* Does the attacked program run what was sent, so that it may call somebody? */
bool shapes_runs(enum attack a);

/* The place that an attack tells the server to turn to: the host behind "://", /dev/tcp/ or a command's name.
 * A view into `room`, empty when there is none.  `ret_secret`: it carries the content of a variable. */
struct kd_bytes shapes_callback(struct kd_bytes raw, uint8_t room[KD_NORMAL_MAX], bool *ret_secret);

/* Does an answer begin with what such attacks want to see (the user list, a command's output)? */
bool shapes_answered(struct kd_bytes response_head);

#endif
