/* SPDX-License-Identifier: Apache-2.0 */
/* What is odd about one web request: signs by which programs that report to a control server differ from
 * browsers and well-kept services.  Each weighs little; see callback.md for weights and reasons. */
#ifndef KD_DETECT_CALLBACK_SIGNS_H
#define KD_DETECT_CALLBACK_SIGNS_H

#include "detect/detect.h"

enum kd_sign {
    KD_SIGN_NO_AGENT,       /* no User-Agent */
    KD_SIGN_NO_AGENT_POST,  /* data sent without one */
    KD_SIGN_ODD_AGENT,      /* one that no browser of our day sends */
    KD_SIGN_FALSE_BROWSER,  /* claims to be a browser, lacks fields that browsers always send */
    KD_SIGN_PLAIN_BROWSER,  /* the same for the system's library, which many programs use */
    KD_SIGN_TOOL_AGENT,     /* scripts and command-line tools sending data */
    KD_SIGN_RAW_HOST,       /* an address for a name */
    KD_SIGN_BAD_HOST,       /* a Host that cannot be */
    KD_SIGN_ODD_PORT,
    KD_SIGN_HTTP_ON_443,    /* not encrypted on the port for encrypted traffic */
    KD_SIGN_LYING_BODY,     /* data that are not what their type says */
    KD_SIGN_BINARY_POST,    /* data of no declared type that look encrypted */
    KD_SIGN_CODED_POST,     /* base64 or hexadecimal data */
    KD_SIGN_SCRIPT_POST,    /* data for a script without any page they came from */
    KD_SIGN_LONG_DATA,      /* long data in the address */
    KD_SIGN_VERY_LONG_DATA,
    KD_SIGN_CODED_ANSWER,   /* a short answer of base64 or hexadecimal */
    KD_SIGN_BINARY_ANSWER,  /* a page that is no text */
    KD_SIGN_GONE,           /* data sent to a page that is not there */
    KD_SIGN_MACHINE_ID,     /* parameters named hwid, botid, pcname … */
    KD_SIGN_OWN_NAME,       /* the machine's or user's name in the address */
    KD_SIGN_STAGE_PATH,     /* a path as staging programs draw it by check sum */
    KD_SIGN_BARE_COOKIE,    /* a long cookie without a name */
    KD_SIGN_BORROWED_NAME,  /* the name of a famous site at an inside address */
    KD_SIGN_PROGRAM_BY_POST,/* data sent, program parts returned */
    KD_SIGN_CHEAP_NAME,     /* dynamic DNS, or a top-level domain that is given away */
    KD_SIGN_RANDOM_NAME,
    KD_SIGN_RANDOM_FOLDER,
    /* Of several requests; callback.c finds them. */
    KD_SIGN_REPEATED,       /* the same request again and again */
    KD_SIGN_REPEATED_CODED, /* coded data again and again */
    KD_SIGN_KNOWN_PATHS,    /* the addresses that a known tool calls when nobody changes them */
    KD_SIGN_MANY_SITES,     /* the same odd address at several unrelated sites */
    KD_SIGN_ASKED_ADDRESS,  /* looked up its own public address shortly before */
    KD_SIGNS
};

/* Signs of one request as bits.  `outside`: where it goes; a proxy's client always goes outside. */
uint64_t kd_signs_of(const struct kd_rec_http *h, const struct kd_rec_head *head, bool outside);

/* Their weights together. */
unsigned kd_signs_weight(uint64_t signs);

/* In words, the heaviest first, as many as fit.  lang: 0 English, 1 Japanese. */
void kd_signs_words(uint64_t signs, unsigned lang, struct kd_out *o);

/* A service that tells callers their public address? */
bool kd_tells_own_address(struct kd_bytes hostname);

/* Number of the known tool whose default address this is; 0 none.  Which of its addresses: *ret_which. */
unsigned kd_known_path(struct kd_bytes url, unsigned *ret_which);

/* The path of an address, without host, query and fragment. */
struct kd_bytes kd_path_of(struct kd_bytes url);

/* Does the address carry this machine's or user's own name as a value? */
bool kd_names_itself(struct kd_bytes url, struct kd_bytes name);

#endif
