/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHello and ServerHello (RFC 8446 §4.1, RFC 5246 §7.4.1) and the fingerprints made of them.
 */
#ifndef KD_PROTO_TLS_HELLO_H
#define KD_PROTO_TLS_HELLO_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/pool.h"
#include "wire/schema.h"

enum { TLS_SSL2 = 0x0002, TLS_SSL3 = 0x0300, TLS_1_0 = 0x0301, TLS_1_2 = 0x0303, TLS_1_3 = 0x0304, TLS_DRAFT_15 = 0x7f0f };

/* Transport letter of JA4. */
enum { JA4_TCP = 't', JA4_QUIC = 'q', JA4_DTLS = 'd' };

struct tls_client_hello {
    uint16_t version; /* highest offered */
    bool ech;
    bool ticket; /* a session ticket came along */
    uint8_t n_session_id;
    uint8_t session_id[32];
    struct kd_bytes sni; /* lower case */
    struct kd_strs alpns;
    struct kd_bytes ja3_string, ja3_hash, ja4;
};

struct tls_server_hello {
    uint16_t version; /* agreed on */
    uint16_t cipher;
    bool retry; /* HelloRetryRequest: the client says hello once more */
    bool psk;   /* TLS 1.3: an earlier session's key was chosen */
    uint8_t n_session_id;
    uint8_t session_id[32];
    struct kd_strs alpns;
    struct kd_bytes ja3s_string, ja3s_hash;
};

/* Read a handshake body (without its 4-byte header).  Texts are taken from `mem`; one that finds no
 * memory is empty.  False when the message breaks its format; what came before is given. */
KD_MUST_USE bool tls_client_hello(struct kd_bytes body, char transport, struct kd_arena *mem,
                                  const struct kd_limits *lim, struct tls_client_hello *ret);
KD_MUST_USE bool tls_server_hello(struct kd_bytes body, struct kd_arena *mem,
                                  const struct kd_limits *lim, struct tls_server_hello *ret);

/* Names as Suricata writes versions and as IANA writes ciphers and alerts; NULL when there is none.
 */
const char *tls_version_name(uint16_t version);
const char *tls_cipher_name(uint16_t cipher);
const char *tls_alert_name(uint8_t alert);

#endif
