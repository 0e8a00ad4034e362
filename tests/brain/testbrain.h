/* SPDX-License-Identifier: Apache-2.0 */
/* A brain under test: build records in one line, collect what comes out. */
#ifndef KD_TESTS_TESTBRAIN_H
#define KD_TESTS_TESTBRAIN_H

#include "base/site.h"
#include "brain/brain.h"

enum { KD_TB_ALERTS = 4096, KD_TB_HOSTS = 1024, KD_TB_INCIDENTS = 512, KD_TB_CROSSINGS = 4096, KD_TB_TEXT = 1024 };
#define KD_TB_START_US 1763770502000000u

struct kd_tb_alert {
    char id[16], severity[12], host[48], peer[48], user[64], technique[64], host_name[64];
    char title_en[KD_TB_TEXT], title_ja[KD_TB_TEXT], why_en[2 * KD_TB_TEXT], why_ja[2 * KD_TB_TEXT];
    uint8_t key[16];
    uint64_t count, ts_us;
    unsigned confidence;
    bool excepted;
};

struct kd_tb_host {
    char address[48], name[64], user[64], os[64], role[16], source[16], reason[16], os_source[16], roles[160], zone[64];
    unsigned prefix;
    unsigned severity;
    size_t n_reasons;
};

struct kd_tb_incident {
    char severity[12], state[12], zero[48];
    char hosts[1024];      /* "10.0.0.5=first 10.0.0.1=spread<10.0.0.5" */
    char steps[1024];      /* "KD-CC-0001 -" in order; - for one that only joins */
    char techniques[256], title_en[KD_TB_TEXT], title_ja[KD_TB_TEXT], do_ja[2 * KD_TB_TEXT];
    uint8_t key[16];
    unsigned version;
    size_t n_steps, n_hosts, n_things, n_met; /* n_met: hosts of the first thing */
};

struct kd_tb_crossing {
    char from[KD_SITE_NAME_MAX + 1], to[KD_SITE_NAME_MAX + 1], policy[12], src[48], dst[48];
    uint16_t port;
    bool first, answered;
    uint64_t conversations, bytes_toserver, bytes_toclient, ts_us, start_us, end_us;
};

struct kd_tb {
    struct kd_brain *brain;
    struct kd_err err;
    uint8_t *batch;
    struct kd_out out;
    uint64_t next_id;
    void *lists;              /* memory of the index of `list` */
    uint64_t n_passed;        /* records that went through */
    uint64_t passed_sum;      /* over their bytes, in order */
    bool stats_last;          /* the newest record is a total */
    struct kd_rec_stats stats; /* texts not valid */
    uint64_t n_health;
    size_t n_alerts, n_hosts, n_incidents;
    size_t n_crossings;
    struct kd_tb_crossing crossings[KD_TB_CROSSINGS];
    struct kd_tb_alert alerts[KD_TB_ALERTS];
    struct kd_tb_host hosts[KD_TB_HOSTS];
    struct kd_tb_incident incidents[KD_TB_INCIDENTS]; /* every version */
    uint64_t unfilled;        /* alerts with a placeholder that no fact filled */
};

struct kd_tb_config {
    const char *known_bad, *exceptions, *tunables, *inside; /* NULL: none */
    const char *list;      /* a list of others, read as such; NULL: none */
    uint8_t list_severity; /* 0: by kind */
    const struct kd_site *site;                             /* the network plan; NULL: none */
    uint8_t *state; /* memory that outlives the brain; NULL: none */
    size_t state_bytes;
    uint64_t state_not_after_us;
    uint64_t seed; /* 0: 1 */
};

/* A brain with defaults, or NULL and (when given) the reason. */
struct kd_tb *kd_tb_new(const struct kd_tb_config *cfg, struct kd_err *err);
void kd_tb_free(struct kd_tb *t);

/* Head of a record: at_s seconds after the start; addresses as text. */
struct kd_rec_head kd_tb_head(enum kd_rec_type type, double at_s, const char *src, uint16_t src_port, const char *dst,
                              uint16_t dst_port);

uint64_t kd_tb_put(struct kd_tb *t, struct kd_rec_head head, const void *body); /* its record number */
void kd_tb_send(struct kd_tb *t);                                               /* hand the batch over */
void kd_tb_finish(struct kd_tb *t);

/* A conversation that began at at_s. */
struct kd_tb_flow {
    double at_s, seconds;
    const char *src, *dst, *state; /* state NULL: closed */
    uint16_t src_port, dst_port;
    uint8_t proto; /* 0: TCP */
    uint8_t app;
    uint64_t data_ts, data_tc, pkts_ts, pkts_tc; /* packets 0: as the state suggests */
    uint8_t flags_ts, flags_tc, icmp_type;       /* 0: as the state suggests */
    bool midstream;
    const char *smac, *dmac;
};
uint64_t kd_tb_flow(struct kd_tb *t, const struct kd_tb_flow *f);

/* A remote call (DCE/RPC) that was answered with `status`. */
struct kd_tb_call {
    double at_s;
    const char *src, *dst, *uuid, *operation, *user; /* operation, user NULL: none */
    uint16_t opnum;
    uint32_t status;
    bool fault, unanswered;
    uint64_t response_bytes;
    const char *args[8]; /* name, value … */
};
uint64_t kd_tb_call(struct kd_tb *t, const struct kd_tb_call *c);

/* Interface numbers that tests use. */
#define KD_TB_SVCCTL "367abb81-9844-35f1-ad32-98f038001003"
#define KD_TB_ATSVC "1ff70682-0a51-30e8-076d-740be8cee98b"
#define KD_TB_TASKS "86d35949-83c9-4044-b424-db363231fd0c"
#define KD_TB_SAMR "12345778-1234-abcd-ef00-0123456789ac"
#define KD_TB_LSARPC "12345778-1234-abcd-ef00-0123456789ab"
#define KD_TB_NETLOGON "12345678-1234-abcd-ef00-01234567cffb"
#define KD_TB_DRSUAPI "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
#define KD_TB_WINREG "338cd001-2244-31f1-aaaa-900038001003"
#define KD_TB_SRVSVC "4b324fc8-1670-01d3-1278-5a47bf6ee188"
#define KD_TB_SPOOLSS "12345678-1234-abcd-ef00-0123456789ab"
#define KD_TB_EFSR "c681d488-d850-11d0-8c52-00c04fd90f7e"
#define KD_TB_ICPR "91ae6020-9e3c-11cf-8d7c-00aa00c091be"
#define KD_TB_EPM "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
#define KD_TB_ACTIVATION "000001a0-0000-0000-c000-000000000046"
#define KD_TB_REMUNKNOWN "00000143-0000-0000-c000-000000000046"
#define KD_TB_DISPATCH "00020400-0000-0000-c000-000000000046"
#define KD_TB_WBEM "9556dc99-828c-11cf-a37e-00aa003240c7"
#define KD_TB_BACKUPKEY "3dde7c30-165d-11d1-ab8f-00805f14db40"

/* Alerts with this id: how many different ones, how many lines; the newest (NULL: none). */
size_t kd_tb_count(const struct kd_tb *t, const char *id);
size_t kd_tb_lines(const struct kd_tb *t, const char *id);
const struct kd_tb_alert *kd_tb_alert(const struct kd_tb *t, const char *id);
size_t kd_tb_at_least(const struct kd_tb *t, const char *severity); /* lines of at least this severity */
/* How many different incidents that stand for themselves; the newest version of the newest (NULL: none). */
size_t kd_tb_stories(const struct kd_tb *t);
const struct kd_tb_incident *kd_tb_story(const struct kd_tb *t);
const struct kd_tb_host *kd_tb_host(const struct kd_tb *t, const char *address);

#endif
