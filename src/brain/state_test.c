/* SPDX-License-Identifier: Apache-2.0 */
/* What the brain has learned outlives it, and nothing in the file can harm its successor. */
#include "brain/state.h"

#include "base/hash.h"
#include "brain/internal.h"
#include "testbrain.h"

#include "../../tests/tap.h"

enum { BLOCKS = 64, BYTES = BLOCKS * KD_STATE_BLOCK, HEAD = 64, DAY = 86400 };
static uint8_t *mem;

static const char list[] = "ip 203.0.113.66 control server\n";

static struct kd_tb *begin(uint64_t seed)
{
    return kd_tb_new(&(struct kd_tb_config){.known_bad = list, .state = mem, .state_bytes = BYTES, .seed = seed}, NULL);
}

static void forget(void)
{
    memset(mem, 0, BYTES);
}

/* As kill -9 leaves it right after a writing: no last words. */
static void kill_after_saving(struct kd_tb *t)
{
    kd_tb_send(t);
    kd_state_save(t->brain);
    kd_tb_free(t);
}

static void share(struct kd_tb *t, double at_s, const char *src)
{
    struct kd_rec_smb s = {.command = kd_str("SMB2_COMMAND_TREE_CONNECT"), .share = kd_str("\\\\fs\\work"),
                           .share_type = kd_str("DISK"), .user = kd_str("tanaka")};
    struct kd_rec_head h = kd_tb_head(KD_REC_SMB, at_s, src, 50000, "10.0.0.1", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &s);
}

static void call(struct kd_tb *t, double at_s)
{
    struct kd_rec_http h = {.hostname = kd_str("c2.example"), .url = kd_str("/a"), .http_method = kd_str("POST"),
                            .status = 200, .request_length = 120};
    struct kd_rec_head head = kd_tb_head(KD_REC_HTTP, at_s, "10.0.0.5", 50000, "203.0.113.5", 80);
    head.app = KD_APP_HTTP;
    kd_tb_put(t, head, &h);
}

static void bad_call(struct kd_tb *t, double at_s)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .src = "10.0.0.5", .src_port = 50000, .dst = "203.0.113.66",
                                       .dst_port = 443, .data_ts = 900, .data_tc = 900});
}

static void sweep(struct kd_tb *t, double at_s)
{
    char dst[32];
    for (int i = 100; i < 160; i++) {
        snprintf(dst, sizeof(dst), "10.0.0.%d", i);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s + i * 0.1, .src = "10.0.0.5", .src_port = 40000, .dst = dst,
                                           .dst_port = 445, .state = "no_answer"});
    }
}

static void a_known_pair_stays_known(void)
{
    forget();
    struct kd_tb *t = begin(1);
    share(t, 0, "10.0.0.5");
    share(t, 9 * DAY, "10.0.0.6");
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-LM-0002") == 1);
    kill_after_saving(t);
    t = begin(2); /* tables of another seed */
    share(t, 9 * DAY + 60, "10.0.0.5");
    share(t, 9 * DAY + 61, "10.0.0.6");
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-LM-0002") == 0);
    share(t, 9 * DAY + 62, "10.0.0.7"); /* and the week of learning is over */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0002") == 1 && strcmp(kd_tb_alert(t, "KD-LM-0002")->host, "10.0.0.7") == 0);
    CHECK(t->n_health == 1); /* goes on with what it had learned */
    kd_tb_free(t);
}

static void a_rhythm_goes_on(void)
{
    for (int keep = 0; keep < 2; keep++) {
        forget();
        struct kd_tb *t = begin(1);
        for (int i = 0; i < 4; i++)
            call(t, i * 600);
        kd_tb_send(t);
        CHECK(t->n_alerts == 0);
        kill_after_saving(t);
        if (!keep)
            forget();
        t = begin(1);
        for (int i = 4; i < 8; i++)
            call(t, i * 600);
        kd_tb_send(t);
        CHECK(kd_tb_count(t, "KD-CC-0003") == (size_t)keep);
        if (keep)
            CHECK(kd_tb_alert(t, "KD-CC-0003")->count >= 6);
        kd_tb_free(t);
    }
}

static void an_incident_goes_on(void)
{
    forget();
    struct kd_tb *t = begin(1);
    bad_call(t, 100);
    sweep(t, 200);
    kd_tb_send(t);
    kd_state_save(t->brain); /* the writing that the death will be after; what is told meanwhile is of the same incident */
    kd_story_tell(t->brain, 0);
    kd_brain_flush(t->brain);
    CHECK(kd_tb_stories(t) == 1);
    uint8_t key[16];
    memcpy(key, kd_tb_story(t)->key, sizeof(key));
    char alert_key[16];
    memcpy(alert_key, kd_tb_alert(t, "KD-CC-0001")->key, sizeof(alert_key));
    kd_tb_free(t);
    t = begin(7);
    bad_call(t, 3000);
    struct kd_rec_smb s = {.command = kd_str("SMB2_COMMAND_CLOSE"), .share = kd_str("\\\\pc\\ADMIN$"),
                           .filename = kd_str("Temp\\a.exe"), .share_type = kd_str("DISK"), .write_bytes = 9000};
    struct kd_rec_head h = kd_tb_head(KD_REC_SMB, 3100, "10.0.0.5", 50000, "10.0.0.9", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &s);
    kd_tb_finish(t);
    const struct kd_tb_incident *y = kd_tb_story(t);
    CHECK(kd_tb_stories(t) == 1 && y != NULL && memcmp(y->key, key, sizeof(key)) == 0);
    CHECK(y != NULL && strstr(y->steps, "KD-CC-0001 KD-DI-0002 KD-LM-000") != NULL);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CC-0001");
    CHECK(a != NULL && memcmp(a->key, alert_key, sizeof(alert_key)) == 0 && a->count == 2);
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 9);
    kd_tb_free(t);
}

static void names_and_numbers_go_on(void)
{
    forget();
    struct kd_tb *t = begin(1);
    struct kd_rec_dhcp d = {.dhcp_type = kd_str("ack"), .hostname = kd_str("PC-05"), .client_mac = {{2, 0, 0, 0, 0, 5}}};
    CHECK(kd_addr_parse(kd_str("10.0.0.5"), &d.assigned_ip));
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, 2, "10.0.0.1", 67, "10.0.0.5", 68), &d);
    bad_call(t, 5);
    kill_after_saving(t);
    t = begin(1);
    uint64_t base = t->brain->next_id;
    CHECK(base > 0); /* no record number twice */
    bad_call(t, 5000);
    kd_tb_finish(t);
    CHECK(strcmp(kd_tb_alert(t, "KD-CC-0001")->host_name, "pc-05") == 0);
    kd_tb_free(t);
}

/* A file that holds much of each kind. */
static void fill(void)
{
    forget();
    struct kd_tb *t = begin(1);
    for (int i = 0; i < 4; i++)
        call(t, i * 600);
    for (int i = 0; i < 30; i++) {
        char src[32];
        snprintf(src, sizeof(src), "10.0.1.%d", i);
        share(t, i, src);
        struct kd_rec_login l = {.service = kd_str("smb"), .user = kd_str("a"), .result = kd_str("failure")};
        kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, i, src, 50000, "10.0.0.1", 445), &l);
    }
    bad_call(t, 2500);
    sweep(t, 2600);
    kill_after_saving(t);
}

/* Whatever it holds: the successor starts, works, and tells of the damage unless all is well. */
static void survives(bool whole)
{
    struct kd_tb *t = begin(1);
    CHECK(t != NULL && (!whole || t->brain->state.n_refused == 0));
    bad_call(t, 4000);
    for (int i = 7; i < 12; i++)
        call(t, i * 600);
    sweep(t, 8000);
    t->brain->state.next_us = UINT64_MAX; /* the file stays as it is */
    t->brain->state.mem = NULL;
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0001") == 1 && t->stats_last);
    kd_tb_free(t);
}

/* Where the newest slot's blocks stand. */
static size_t used_blocks(size_t ret[BLOCKS])
{
    size_t n = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        struct kd_cur c = kd_cur_of(kd_bytes_of(mem + i * KD_STATE_BLOCK, 4));
        if (kd_cur_le32(&c) == 0x4253444b)
            ret[n++] = i;
    }
    return n;
}

static void a_cut_file_costs_what_is_cut(void)
{
    size_t block[BLOCKS];
    fill();
    survives(true);
    size_t n = used_blocks(block);
    uint8_t *copy = malloc(BYTES);
    CHECK(n >= 8 && copy != NULL);
    memcpy(copy, mem, BYTES);
    for (size_t k = 0; k < n; k++) {
        struct kd_cur c = kd_cur_of(kd_bytes_of(mem + block[k] * KD_STATE_BLOCK + 20, 4));
        size_t used = HEAD + kd_cur_le32(&c);
        for (size_t cut = 0; cut < used; cut += cut < HEAD + 32 ? 5 : 1999) {
            size_t from = block[k] * KD_STATE_BLOCK + cut;
            memset(mem + from, 0, BYTES - from);
            struct kd_tb *t = begin(1);
            CHECK(t != NULL && (t->brain->state.n_refused > 0 || memcmp(mem, copy, BYTES) == 0));
            kd_tb_free(t);
            memcpy(mem, copy, BYTES);
        }
    }
    memset(mem, 0, 32); /* the even slot's head; the odd one has it all */
    survives(true);
    free(copy);
}

/* With its sum made right: what the reader of a part itself must refuse. */
static void flipped_entries_are_refused_or_harmless(void)
{
    size_t block[BLOCKS];
    uint64_t lottery = 88172645463325252u;
    fill();
    size_t n = used_blocks(block);
    uint8_t *keep = malloc(KD_STATE_BLOCK);
    for (unsigned run = 0; run < 400; run++) {
        uint8_t *b = mem + block[run % n] * KD_STATE_BLOCK;
        struct kd_cur c = kd_cur_of(kd_bytes_of(b, 24));
        (void)kd_cur_le64(&c);
        uint64_t number = kd_cur_le64(&c);
        (void)kd_cur_le32(&c);
        uint32_t bytes = kd_cur_le32(&c);
        memcpy(keep, b, KD_STATE_BLOCK);
        for (unsigned flips = 0; flips < 1 + run % 4; flips++) {
            lottery ^= lottery << 13;
            lottery ^= lottery >> 7;
            lottery ^= lottery << 17;
            b[HEAD + lottery % bytes] ^= (uint8_t)(run % 3 == 0 ? 0xff : 1u << lottery / 7 % 8);
        }
        memset(b + HEAD - 8, 0, 8);
        struct kd_out at = kd_out_of(b + HEAD - 8, 8);
        kd_out_le64(&at, kd_hash(b, HEAD + bytes, number));
        struct kd_tb *t = begin(1);
        bad_call(t, 4000);
        for (int i = 7; i < 12; i++)
            call(t, i * 600);
        t->brain->state.mem = NULL;
        kd_tb_finish(t);
        CHECK(t->stats_last);
        kd_tb_free(t);
        memcpy(b, keep, KD_STATE_BLOCK);
    }
    free(keep);
}

static void a_wrong_clock_and_a_torn_slot_do_not_count(void)
{
    fill();
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.state = mem, .state_bytes = BYTES, .state_not_after_us = 1}, NULL);
    CHECK(t->brain->state.n_entries == 0 && t->brain->state.n_refused == 1);
    kd_tb_free(t);
    /* Killed in the middle of a writing: the head is gone, the slot before counts. */
    t = begin(1);
    uint64_t entries = t->brain->state.n_entries, number = t->brain->state.number;
    share(t, 5000, "10.0.0.99");
    kd_tb_send(t);
    kd_state_save(t->brain);
    CHECK(t->brain->state.number == number + 1);
    uint64_t newest = t->brain->state.number;
    kd_tb_free(t);
    memset(mem + (newest & 1) * (BYTES / 2), 0, HEAD);
    t = begin(1);
    CHECK(t->brain->state.number == number && t->brain->state.n_entries == entries && t->brain->state.n_refused == 0);
    kd_tb_free(t);
}

static void a_small_file_keeps_what_matters_most(void)
{
    forget();
    struct kd_tb_config cfg = {.state = mem, .state_bytes = KD_STATE_LEAST};
    struct kd_tb *t = kd_tb_new(&cfg, NULL);
    for (int i = 0; i < 20000; i++) {
        char src[32];
        snprintf(src, sizeof(src), "10.%d.%d.%d", 1 + i / 65536, i / 256 % 256, i % 256);
        share(t, i * 0.01, src);
    }
    kill_after_saving(t);
    t = kd_tb_new(&cfg, NULL);
    CHECK(t->brain->hosts.table.n > 1000 && t->brain->state.n_refused == 0);
    kd_tb_free(t);
}

static struct kd_tb *begin_with(const struct kd_site *site)
{
    return kd_tb_new(&(struct kd_tb_config){.site = site, .state = mem, .state_bytes = BYTES}, NULL);
}

static void cross(struct kd_tb *t, double at_s)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .src = "10.0.1.5", .src_port = 50000, .dst = "10.0.2.1",
                                       .dst_port = 445, .data_ts = 900, .data_tc = 900});
}

/* A crossing that is known is not told as new; under another plan it is, and what waited is not told wrongly. */
static void a_known_crossing_stays_known(void)
{
    static struct kd_site site;
    forget();
    site.n_zones = site.n_nets = 2;
    site.zone[0].name[0] = 'a';
    site.zone[1].name[0] = 'b';
    site.net[1].zone = 1;
    CHECK(kd_net_parse(kd_str("10.0.1.0/24"), &site.net[0].net) && kd_net_parse(kd_str("10.0.2.0/24"), &site.net[1].net));
    struct kd_tb *t = begin_with(&site);
    cross(t, 1);
    cross(t, 2);
    kd_tb_send(t);
    CHECK(t->n_crossings == 1 && t->crossings[0].first);
    kill_after_saving(t);
    t = begin_with(&site);
    cross(t, 3);
    kd_tb_send(t);
    CHECK(t->n_crossings == 0);
    kill_after_saving(t);
    t = begin_with(&site);
    kd_tb_finish(t);
    CHECK(t->n_crossings == 1 && t->crossings[0].conversations == 2 && !t->crossings[0].first);
    kd_tb_free(t);
    site.n_zones = site.n_nets = 1; /* zone b is gone */
    t = begin_with(&site);
    cross(t, 4);
    kd_tb_finish(t);
    CHECK(t->n_crossings == 1 && t->crossings[0].first && strcmp(t->crossings[0].to, "unlisted") == 0);
    kd_tb_free(t);
}

int main(void)
{
    mem = malloc(BYTES);
    RUN(a_known_pair_stays_known);
    RUN(a_rhythm_goes_on);
    RUN(an_incident_goes_on);
    RUN(names_and_numbers_go_on);
    RUN(a_cut_file_costs_what_is_cut);
    RUN(flipped_entries_are_refused_or_harmless);
    RUN(a_wrong_clock_and_a_torn_slot_do_not_count);
    RUN(a_known_crossing_stays_known);
    RUN(a_small_file_keeps_what_matters_most);
    free(mem);
    return tap_done();
}
