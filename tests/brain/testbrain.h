/* SPDX-License-Identifier: Apache-2.0 */
/* A brain under test: build records in one line, collect what comes out. */
#ifndef KD_TESTS_TESTBRAIN_H
#define KD_TESTS_TESTBRAIN_H

#include "brain/brain.h"

enum { KD_TB_ALERTS = 4096, KD_TB_HOSTS = 1024, KD_TB_INCIDENTS = 512, KD_TB_TEXT = 1024 };
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
    char address[48], name[64], user[64], os[64], role[16], source[16], reason[16];
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

struct kd_tb {
    struct kd_brain *brain;
    struct kd_err err;
    uint8_t *batch;
    struct kd_out out;
    uint64_t next_id;
    uint64_t n_passed;        /* records that went through */
    uint64_t passed_sum;      /* over their bytes, in order */
    bool stats_last;          /* the newest record is a total */
    struct kd_rec_stats stats; /* texts not valid */
    uint64_t n_health;
    size_t n_alerts, n_hosts, n_incidents;
    struct kd_tb_alert alerts[KD_TB_ALERTS];
    struct kd_tb_host hosts[KD_TB_HOSTS];
    struct kd_tb_incident incidents[KD_TB_INCIDENTS]; /* every version */
    uint64_t unfilled;        /* alerts with a placeholder that no fact filled */
};

struct kd_tb_config {
    const char *known_bad, *exceptions, *tunables, *inside; /* NULL: none */
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
