/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's part: a socket that the engine can only read. */
#include "os/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "os/fd.h"

#define NET(offset) (uint32_t)(SKF_NET_OFF + (offset))
#define META(what) (uint32_t)(SKF_AD_OFF + SKF_AD_##what)

/* Addresses of IPv4 or IPv6, exclusive-or of source and destination words, spread by a
 * multiplication.  X is the length of VLAN tags still inside the frame (QinQ: the kernel takes out
 * only the outer one). */
static struct sock_filter fanout[] = {
    BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, META(PROTOCOL)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021AD, 0, 2),
    BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 4),
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, NET(2)),
    /* 6 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 3, 0),
    /* 7 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 8, 0),
    /* 8 */ BPF_STMT(BPF_RET | BPF_K, 0),
    /* 9 */ BPF_STMT(BPF_RET | BPF_K, 0),
    /* 10: IPv4 */
    BPF_STMT(BPF_LD | BPF_W | BPF_IND, NET(12)),
    BPF_STMT(BPF_ST, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_IND, NET(16)),
    BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 0),
    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
    BPF_JUMP(BPF_JMP | BPF_JA, 38, 0, 0),
    /* 16: IPv6; X is needed anew for every word, so it is kept in M[1] and the sum in M[0] */
    BPF_STMT(BPF_STX, 1),
    BPF_STMT(BPF_LD | BPF_W | BPF_IND, NET(8)),
    BPF_STMT(BPF_ST, 0),
#define ADD_WORD(offset)                                                                           \
    BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 1), BPF_STMT(BPF_LD | BPF_W | BPF_IND, NET(offset)),       \
        BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 0), BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),            \
        BPF_STMT(BPF_ST, 0)
    ADD_WORD(12),
    ADD_WORD(16),
    ADD_WORD(20),
    ADD_WORD(24),
    ADD_WORD(28),
    ADD_WORD(32),
    ADD_WORD(36), /* 5 * 7 = 35 steps: 19 to 53 */
    /* 54: mix; the group takes the result modulo its number of sockets */
    BPF_STMT(BPF_MISC | BPF_TAX, 0),
    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1),
    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
    BPF_STMT(BPF_RET | BPF_A, 0),
};

static enum kd_status refuse(struct kd_err *err, const char *interface, const char *what)
{
    return kd_fail_sys(err, errno == EPERM || errno == EACCES ? KD_DENIED : KD_SYSTEM,
                       errno == EPERM || errno == EACCES
                           ? "capturing is not permitted; run as root or give CAP_NET_RAW"
                           : what,
                       interface, errno);
}

static enum kd_status link_of(int fd, const char *interface, int *ret_index, uint32_t *ret_link,
                              struct kd_err *err)
{
    struct ifreq rq = {0};
    if (strlen(interface) >= sizeof(rq.ifr_name))
        return kd_fail_sys(err, KD_NOT_FOUND, "no such interface (see ip link)", interface, 0);
    memcpy(rq.ifr_name, interface, strlen(interface));
    if (ioctl(fd, SIOCGIFINDEX, &rq) != 0)
        return kd_fail_sys(err, KD_NOT_FOUND, "no such interface (see ip link)", interface, errno);
    *ret_index = rq.ifr_ifindex;
    if (ioctl(fd, SIOCGIFFLAGS, &rq) != 0 || (rq.ifr_flags & IFF_UP) == 0)
        return kd_fail_sys(err, KD_SYSTEM, "the interface is down (ip link set NAME up)", interface,
                           0);
    if (ioctl(fd, SIOCGIFHWADDR, &rq) != 0)
        return kd_fail_sys(err, KD_SYSTEM, "the interface tells no link type", interface, errno);
    switch (rq.ifr_hwaddr.sa_family) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
        *ret_link = 1; /* LINKTYPE_ETHERNET */
        return KD_OK;
    case ARPHRD_NONE:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
        *ret_link = 101; /* LINKTYPE_RAW */
        return KD_OK;
    default:
        return kd_fail_sys(err, KD_UNSUPPORTED, "this kind of interface is not read; use Ethernet",
                           interface, 0);
    }
}

static bool option(int fd, int name, const void *value, size_t n)
{
    return setsockopt(fd, SOL_PACKET, name, value, (socklen_t)n) == 0;
}

static bool make_ring(int fd, uint32_t ring_bytes)
{
    int version = TPACKET_V3;
    struct tpacket_req3 rq = {
        .tp_block_size = KD_RING_BLOCK_BYTES,
        .tp_block_nr = ring_bytes / KD_RING_BLOCK_BYTES,
        .tp_frame_size =
            2048, /* only for the kernel's arithmetic: frames of this version lie densely */
        .tp_frame_nr = ring_bytes / KD_RING_BLOCK_BYTES * (KD_RING_BLOCK_BYTES / 2048),
        .tp_retire_blk_tov = KD_RING_RETIRE_MS,
    };
    return option(fd, PACKET_VERSION, &version, sizeof(version)) &&
           option(fd, PACKET_RX_RING, &rq, sizeof(rq));
}

static bool set_filter(int fd, bool pass)
{
    struct sock_filter f = BPF_STMT(BPF_RET | BPF_K, pass ? UINT32_MAX : 0);
    struct sock_fprog prog = {1, &f};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) == 0;
}

static bool join_group(int fd, uint16_t group)
{
    uint32_t arg = group | (uint32_t)PACKET_FANOUT_CBPF << 16;
    struct sock_fprog prog = {KD_COUNT(fanout), fanout};
    return option(fd, PACKET_FANOUT, &arg, sizeof(arg)) &&
           option(fd, PACKET_FANOUT_DATA, &prog, sizeof(prog));
}

/* Everything is dropped until the socket is in its group, else frames of the first moment would
 * come to every engine. */
static bool attach(int fd, const struct kd_capture_config *cfg, int index)
{
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
    struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    int yes = 1;
    /* A loopback shows every frame twice, going out and coming in. */
    bool loopback = strcmp(cfg->interface, "lo") == 0;
    return set_filter(fd, false) && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
           option(fd, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) &&
           (!loopback || option(fd, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes))) &&
           (cfg->n_engines < 2 || join_group(fd, cfg->group)) && set_filter(fd, true) &&
           setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &yes, sizeof(yes)) == 0;
}

enum kd_status kd_capture_open(const struct kd_capture_config *cfg, int *ret_fd, uint32_t *ret_link,
                               struct kd_err *err)
{
    KD_AUTO_FD fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return refuse(err, cfg->interface, "no capture socket");
    int index = 0;
    enum kd_status s = link_of(fd, cfg->interface, &index, ret_link, err);
    if (s != KD_OK)
        return s;
    if (!make_ring(fd, cfg->ring_bytes))
        return refuse(err, cfg->interface,
                      "no memory for the capture ring (lower capture.ring_mib)");
    if (!attach(fd, cfg, index))
        return refuse(err, cfg->interface, "the interface cannot be captured");
    *ret_fd = fd;
    fd = -1;
    return KD_OK;
}
