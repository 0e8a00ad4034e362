/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols are recognised by content; the port only says whom to ask first. */
#include "engine/internal.h"

int kd_engine_recognise(const struct kd_engine *e, const struct kd_conn *conn, unsigned dir,
                        struct kd_bytes in, kd_parser_set *set, bool *ret_reversed)
{
    kd_parser_set expected = e->by_port[conn->server_port] | e->by_port[conn->client_port];
    kd_parser_set rounds[2] = {*set & expected, *set & ~expected};
    kd_parser_set left = 0;
    for (unsigned round = 0; round < 2; round++) {
        for (kd_parser_set todo = rounds[round]; todo != 0; todo &= todo - 1) {
            int i = __builtin_ctzll(todo);
            enum kd_probe answer = kd_parsers[i]->probe(in, (enum kd_dir)dir, conn);
            if (answer == KD_PROBE_YES || answer == KD_PROBE_REVERSED) {
                *ret_reversed = answer == KD_PROBE_REVERSED;
                return i;
            }
            if (answer == KD_PROBE_MORE)
                left |= (kd_parser_set)1 << i;
        }
    }
    *set = left;
    return left == 0 ? RECOGNISED_NONE : RECOGNISED_MORE;
}
