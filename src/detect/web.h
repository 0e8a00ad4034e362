/* SPDX-License-Identifier: Apache-2.0 */
/* What several detectors want to know of a web request: what kind of program asks, what kind of thing is asked for
 * and delivered, what kind of place it comes from. */
#ifndef KD_DETECT_WEB_H
#define KD_DETECT_WEB_H

#include "detect/common.h"

enum kd_agent {
    KD_AGENT_NONE,       /* no name given */
    KD_AGENT_BROWSER,
    KD_AGENT_OLD_LIBRARY, /* what the system's own download function calls itself, for whatever program uses it */
    KD_AGENT_UPDATER,    /* names itself as the updater of a system or product */
    KD_AGENT_POWERSHELL,
    KD_AGENT_SYSTEM_TOOL, /* installer, certificate tool, script host of the system: fetches for a command line */
    KD_AGENT_TOOL,       /* curl, wget, libraries of script languages */
    KD_AGENT_OFFICE,
    KD_AGENT_JAVA,
    KD_AGENT_OTHER
};
enum kd_agent kd_web_agent(struct kd_bytes user_agent);

/* Kinds of content, by whatever tells them. */
enum kd_content {
    KD_CONTENT_UNKNOWN,
    KD_CONTENT_PAGE,
    KD_CONTENT_PICTURE, /* images, sound, film, fonts */
    KD_CONTENT_TEXT,    /* plain text, style sheets, scripts of a page, data */
    KD_CONTENT_DOCUMENT,
    KD_CONTENT_ARCHIVE,
    KD_CONTENT_PLUGIN,  /* Flash, Java, Silverlight, PDF: what browsers of old handed to an extension */
    KD_CONTENT_PROGRAM, /* runs by itself or by a double click */
    KD_CONTENT_BINARY   /* declared as bytes of no kind */
};
enum kd_content kd_web_content_of_type(struct kd_bytes declared); /* Content-Type */
enum kd_content kd_web_content_of_name(struct kd_bytes path);     /* by the ending of a path or file name */
enum kd_content kd_web_content_of_magic(struct kd_bytes magic);   /* base/filetype.h */

/* The path of a URL without its query, and the name behind its last slash. */
struct kd_bytes kd_web_path(struct kd_bytes url);
struct kd_bytes kd_web_basename(struct kd_bytes path);

/* The host of an absolute URL, in the case it was written; empty for a relative one. */
struct kd_bytes kd_web_host(struct kd_bytes url);

/* Is the host an address rather than a name? */
bool kd_web_is_address(struct kd_bytes host);

/* Top-level names that cost nothing or little and are used for little else; dynamic names of home lines. */
bool kd_web_is_cheap_name(struct kd_bytes host);

/* Same registered name (a.example.co.jp and b.example.co.jp), or the same address. */
bool kd_web_same_place(struct kd_bytes host_a, struct kd_bytes host_b);

#endif
