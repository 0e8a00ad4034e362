/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/crypto.h>

#include "bin/reading.h"
#include "bin/say.h"
#include "os/clock.h"
#include "os/fd.h"
#include "store/hosts.h"
#include "store/outside.h"
#include "store/packets.h"

enum { NEWEST = 50, THREADS = 2 };

static int print(const struct kd_host_ask *ask, const struct kd_host_report *r, bool json)
{
    int status;
    if (json) {
        struct kd_jw w;
        kd_jw_init(&w, ask->zone_s);
        kd_host_report_json(ask, r, &w);
        status = kd_jw_ok(&w) ? kd_reading_print("host", kd_jw_view(&w))
                              : kd_say(KD_EXIT_COULD_NOT, "host",
                                       "the answer is too long; narrow it with --from and --to");
        if (status == KD_EXIT_DONE)
            status = kd_reading_print("host", kd_str("\n"));
        kd_jw_done(&w);
        return status;
    }
    struct kd_heap text = {0};
    kd_host_report_text(ask, r, kd_say_japanese(), &text);
    status = kd_reading_print("host", kd_bytes_of(text.p, text.n));
    free(text.p);
    return status;
}

static struct kd_outside_ask outside_ask(const struct kd_reading *rd, const struct kd_host_ask *ask)
{
    return (struct kd_outside_ask){
        .host = *ask, .nets = rd->nets, .n_nets = rd->n_nets, .dir_path = rd->dir_path};
}

static int print_outside(const struct kd_outside_ask *ask, const struct kd_outside *r, bool json)
{
    struct kd_heap text = {0};
    struct kd_jw w;
    kd_jw_init(&w, ask->host.zone_s);
    if (json)
        kd_outside_json(ask, r, &w);
    else
        kd_outside_text(ask, r, kd_say_japanese(), &text);
    int status = kd_jw_ok(&w) ? kd_reading_print("host", json ? kd_jw_view(&w)
                                                              : kd_bytes_of(text.p, text.n))
                              : kd_say(KD_EXIT_COULD_NOT, "host",
                                       "the answer is too long; narrow it with --from and --to");
    if (status == KD_EXIT_DONE && json)
        status = kd_reading_print("host", kd_str("\n"));
    kd_jw_done(&w);
    kd_heap_done(&text);
    return status;
}

static enum kd_status write_fd(void *arg, struct kd_bytes b)
{
    const int *fd = arg;
    return kd_fd_write_all(*fd, b);
}

#define U(x) ((unsigned long long)(x))

/* The host's kept packets go along; none are kept: it goes without. */
static struct kd_packets_found *add_packets(const struct kd_reading *rd, const struct kd_host_ask *ask,
                                            struct kd_package_part *ret)
{
    struct kd_addr addr[KD_HOST_ADDRS_MAX];
    struct kd_packets_found *found = NULL;
    struct kd_packets_sum sum;
    struct kd_err err = {0};
    struct kd_keep_query q = {.host = addr, .from_us = rd->from_us, .to_us = rd->to_us};
    if (kd_addr_parse(ask->who, &addr[0]))
        q.n_hosts = 1;
    else if (kd_host_resolve(ask->meta, ask->who, addr, KD_HOST_ADDRS_MAX, &q.n_hosts) != KD_OK)
        return NULL;
    if (q.n_hosts > 0 && kd_packets_find(rd->dir_fd, &q, &found, &sum, &err) == KD_OK)
        *ret = (struct kd_package_part){"packets.pcapng", kd_packets_read, found, sum.bytes};
    return found;
}

static int package(const struct kd_reading *rd, const struct kd_host_ask *ask)
{
    static struct kd_package_ask p;
    struct kd_package_sum sum = {0};
    struct kd_err err = {0};
    int fd = rd->package_fd;
    p = (struct kd_package_ask){
        .host = *ask,
        .nets = rd->nets,
        .n_nets = rd->n_nets,
        .dir_path = rd->dir_path,
        .dir_fd = rd->dir_fd,
        .write = write_fd,
        .arg = &fd};
    p.host.limit = 0;
    memcpy(p.secret, rd->secret, sizeof(p.secret));
    struct kd_packets_found *found = add_packets(rd, ask, &p.packets);
    enum kd_status s = kd_package_write(&p, &sum, &err);
    kd_packets_found_free(found);
    OPENSSL_cleanse(p.secret, sizeof(p.secret));
    if (s != KD_OK) {
        (void)kd_say_err(KD_EXIT_COULD_NOT, "host", &err);
        return kd_say(s == KD_NOT_FOUND ? KD_EXIT_NO : KD_EXIT_COULD_NOT, "host",
                      "%s: is not complete; remove it", rd->package);
    }
    bool ja = kd_say_japanese();
    printf(ja ? "%s: 記録 %llu 件(うち未封印 %llu 件)、ブロック %llu、%llu 日分、%llu バイト\n"
              : "%s: %llu records (%llu of them not sealed yet), %llu blocks, %llu days, %llu bytes\n",
           rd->package, U(sum.records), U(sum.unsealed), U(sum.blocks), U(sum.days), U(sum.bytes));
    if (sum.unreadable > 0)
        printf(ja ? "読めないブロックが %llu 個あり、含まれていません。kidoban verify で確認してください\n"
                  : "%llu blocks could not be read and are not in it; see kidoban verify\n",
               U(sum.unreadable));
    return KD_EXIT_DONE;
}

int kd_cmd_host(int argc, char **argv)
{
    static struct kd_reading rd;
    static struct kd_meta meta;
    struct kd_hunt_source source = {0};
    struct kd_host_report report = {0};
    struct kd_err err = {0};
    int status = kd_reading_begin("host", argc, argv, true, &rd);
    if (status != KD_EXIT_DONE)
        return status;
    struct kd_clock clock = kd_os_clock();
    if (kd_hunt_open(rd.dir_fd, rd.zone_s, &source, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "host", &err);
    /* An answer without the detections would be a false one. */
    if (kd_meta_open(rd.dir_path, false, false, clock, &meta, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "host", &err);
    struct kd_host_ask ask = {.src = &source,
                              .meta = &meta,
                              .who = kd_str(rd.operand),
                              .from_us = rd.from_us,
                              .to_us = rd.to_us,
                              .clock = clock,
                              .threads = THREADS,
                              .zone_s = rd.zone_s,
                              .limit = NEWEST};
    err = (struct kd_err){0};
    struct kd_outside_ask outside = outside_ask(&rd, &ask);
    struct kd_outside answer = {0};
    enum kd_status s = rd.package != NULL ? KD_OK
                       : rd.outside       ? kd_outside(&outside, &answer, &err)
                                          : kd_host_report(&ask, &report, &err);
    if (rd.package != NULL)
        status = package(&rd, &ask);
    else if (s == KD_OK && rd.outside)
        status = print_outside(&outside, &answer, rd.json);
    else if (s == KD_OK)
        status = print(&ask, &report, rd.json);
    else if (s == KD_NOT_FOUND)
        status =
            kd_say(KD_EXIT_NO, "host",
                   "%s: no such host in the records; write an address, a name or a MAC address",
                   rd.operand);
    else
        status = kd_say_err(KD_EXIT_COULD_NOT, "host", &err);
    kd_outside_done(&answer);
    kd_host_report_done(&report);
    kd_meta_close(&meta);
    kd_events_free(source.events);
    kd_hunt_source_done(&source);
    OPENSSL_cleanse(rd.secret, sizeof(rd.secret));
    return status;
}
