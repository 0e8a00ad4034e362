/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "bin/reading.h"
#include "bin/say.h"
#include "os/clock.h"
#include "os/fd.h"
#include "store/hosts.h"
#include "store/packets.h"

#define U(x) ((unsigned long long)(x))

/* The operand: the number of a conversation, an address, or a name or MAC address that was seen. */
static bool read_operand(const struct kd_reading *rd, struct kd_keep_query *q,
                         struct kd_addr addr[KD_HOST_ADDRS_MAX])
{
    static struct kd_meta meta;
    struct kd_err err = {0};
    q->host = addr;
    if (kd_bytes_to_u64(kd_str(rd->operand), UINT64_MAX, &q->flow))
        return q->flow != 0;
    if (kd_addr_parse(kd_str(rd->operand), &addr[0])) {
        q->n_hosts = 1;
        return true;
    }
    if (kd_meta_open(rd->dir_path, false, false, kd_os_clock(), &meta, &err) != KD_OK)
        return false;
    enum kd_status s = kd_host_resolve(&meta, kd_str(rd->operand), addr, KD_HOST_ADDRS_MAX, &q->n_hosts);
    kd_meta_close(&meta);
    return s == KD_OK && q->n_hosts > 0;
}

static int write_all(const struct kd_reading *rd, struct kd_packets_found *found)
{
    int fd = rd->package_fd >= 0 ? rd->package_fd : STDOUT_FILENO;
    for (bool more = true; more;) {
        struct kd_bytes piece;
        enum kd_status s = kd_packets_read(found, &piece, &more);
        if (s == KD_OK)
            s = kd_fd_write_all(fd, piece);
        if (s != KD_OK)
            return kd_say(KD_EXIT_COULD_NOT, "packets", "%s: cannot be written: %s",
                          rd->output != NULL ? rd->output : "-", kd_status_text(s));
    }
    return KD_EXIT_DONE;
}

static int say_none(const struct kd_reading *rd, const struct kd_packets_sum *sum)
{
    char since[48];
    struct kd_out o = kd_out_of(since, sizeof(since) - 1);
    if (sum->oldest_us == 0)
        return kd_say(KD_EXIT_NO, "packets", "no packets are kept here; see packets.mib in the configuration");
    kd_out_time(&o, sum->oldest_us, rd->zone_s);
    since[o.n] = '\0';
    return kd_say(KD_EXIT_NO, "packets", "%s: no packets of it are kept; the oldest kept packet is of %s",
                  rd->operand, since);
}

int kd_cmd_packets(int argc, char **argv)
{
    static struct kd_reading rd;
    struct kd_addr addr[KD_HOST_ADDRS_MAX];
    struct kd_packets_found *found = NULL;
    struct kd_packets_sum sum;
    struct kd_err err = {0};
    int status = kd_reading_begin("packets", argc, argv, true, &rd);
    if (status != KD_EXIT_DONE)
        return status;
    struct kd_keep_query q = {.from_us = rd.from_us, .to_us = rd.to_us};
    if (!read_operand(&rd, &q, addr))
        return kd_say(KD_EXIT_NO, "packets",
                      "%s: no such host in the records; write a conversation's number (flow_id), an address, "
                      "a name or a MAC address",
                      rd.operand);
    if (rd.output == NULL && isatty(STDOUT_FILENO) == 1)
        return kd_say(KD_EXIT_USAGE, "packets", "packets do not fit a terminal; name a file with -o");
    enum kd_status s = kd_packets_find(rd.dir_fd, &q, &found, &sum, &err);
    if (s == KD_NOT_FOUND)
        return say_none(&rd, &sum);
    if (s != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "packets", &err);
    status = write_all(&rd, found);
    kd_packets_found_free(found);
    if (sum.truncated || sum.left_out > 0)
        fprintf(stderr,
                kd_say_japanese() ? "%llu パケットを書き出しました。この時間帯に保存されなかったパケットは %llu 個です(長い通信の続きなど)\n"
                                  : "%llu packets written; %llu of that time were not kept (the rest of long conversations)\n",
                U(sum.frames), U(sum.left_out));
    return status;
}
