/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket begins inside of HTTP: who reads the handshake tells what was agreed on. */
#ifndef KD_PROTO_WEBSOCKET_WEBSOCKET_H
#define KD_PROTO_WEBSOCKET_WEBSOCKET_H

#include "proto/parser.h"

/* `state` is that of kd_parser_websocket, new.  `extensions`: Sec-WebSocket-Extensions of the answer. */
void kd_websocket_begin(void *state, struct kd_bytes extensions);

#endif
