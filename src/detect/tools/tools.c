/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that have no place in most offices: coin miners, remote control, file exchange, look-ups past the
 * house's resolver.  See tools.md. */
#include "detect/common.h"
#include "findings.h"

enum what { MINING, REMOTE, EXCHANGE, RESOLVER };

struct seen {
    uint64_t told_us;
    uint32_t n;
};

static const struct kd_tunable tunables[] = {
    {"again_h", 24, 1, 720, "h", "the same program of the same machine is told again after this time",
     "同じ端末の同じソフトを再び知らせるまでの時間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* Names that the programs themselves call; makers' web pages have others. */
struct name {
    const char *tail, *program;
    enum what what;
};
static const struct name names[] = {
    {".net.anydesk.com", "AnyDesk", REMOTE},
    {"router.teamviewer.com", "TeamViewer", REMOTE},
    {".router.teamviewer.com", "TeamViewer", REMOTE},
    {"ping3.teamviewer.com", "TeamViewer", REMOTE},
    {"client.teamviewer.com", "TeamViewer", REMOTE},
    {"remotedesktop-pa.googleapis.com", "Chrome Remote Desktop", REMOTE},
    {"secure.logmein.com", "LogMeIn", REMOTE},
    {".logmein-gateway.com", "LogMeIn", REMOTE},
    {"poll.gotomypc.com", "GoToMyPC", REMOTE},
    {".api.splashtop.com", "Splashtop", REMOTE},
    {".relay.splashtop.com", "Splashtop", REMOTE},
    {".rustdesk.com", "RustDesk", REMOTE},
    {".screenconnect.com", "ScreenConnect", REMOTE},
    {".dwservice.net", "DWService", REMOTE},
    {"agent-api.atera.com", "Atera", REMOTE},
    {".netsupportmanager.com", "NetSupport", REMOTE},
    {"geo.netsupportsoftware.com", "NetSupport", REMOTE},
    {".ammyy.com", "Ammyy Admin", REMOTE},
    {".supremocontrol.com", "Supremo", REMOTE},
    {".aeroadmin.com", "AeroAdmin", REMOTE},
    {".getscreen.me", "Getscreen.me", REMOTE},
    {".tmate.io", "tmate", REMOTE},
    {".nanopool.org", "nanopool", MINING},
    {".supportxmr.com", "SupportXMR", MINING},
    {".minexmr.com", "MineXMR", MINING},
    {".moneroocean.stream", "MoneroOcean", MINING},
    {".2miners.com", "2Miners", MINING},
    {".hashvault.pro", "HashVault", MINING},
    {".c3pool.com", "C3Pool", MINING},
    {".xmrpool.eu", "XMRPool", MINING},
    {".minergate.com", "MinerGate", MINING},
    {".ethermine.org", "Ethermine", MINING},
    {".flypool.org", "Flypool", MINING},
    {".nicehash.com", "NiceHash", MINING},
    {".herominers.com", "HeroMiners", MINING},
    {".unmineable.com", "unMineable", MINING},
    {".crypto-pool.fr", "crypto-pool", MINING},
    {".dwarfpool.com", "DwarfPool", MINING},
    {".coinhive.com", "Coinhive", MINING},
    {"cloudflare-dns.com", "cloudflare-dns.com", RESOLVER},
    {".cloudflare-dns.com", "cloudflare-dns.com", RESOLVER},
    {"dns.google", "dns.google", RESOLVER},
    {"dns.quad9.net", "dns.quad9.net", RESOLVER},
    {".dns.quad9.net", "dns.quad9.net", RESOLVER},
    {"doh.opendns.com", "doh.opendns.com", RESOLVER},
    {"dns.nextdns.io", "dns.nextdns.io", RESOLVER},
    {"dns.adguard.com", "dns.adguard.com", RESOLVER},
    {"dns.adguard-dns.com", "dns.adguard-dns.com", RESOLVER},
    {"doh.cleanbrowsing.org", "doh.cleanbrowsing.org", RESOLVER},
    {"dns.alidns.com", "dns.alidns.com", RESOLVER},
    {"doh.pub", "doh.pub", RESOLVER},
};

static const struct name *name_of(struct kd_bytes host)
{
    if (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    for (size_t i = 0; i < KD_COUNT(names); i++) {
        struct kd_bytes tail = kd_str(names[i].tail);
        bool hit = tail.p[0] == '.' ? kd_bytes_iends(host, tail) : kd_bytes_ieq(host, tail);
        if (hit)
            return &names[i];
    }
    return NULL;
}

static void tell(struct kd_detect *d, const struct kd_record *r, enum what what, struct kd_bytes program,
                 const struct kd_addr *peer, int severity)
{
    static const struct kd_finding_kind *const kinds[] = {
        [MINING] = &kd_finding_KD_IM_0020, [REMOTE] = &kd_finding_KD_PO_0030,
        [EXCHANGE] = &kd_finding_KD_PO_0031, [RESOLVER] = &kd_finding_KD_CC_0042,
    };
    struct kd_key key = kd_key_of((uint8_t)('a' + what));
    kd_key_addr(&key, &r->head->src);
    kd_key_u16(&key, (uint16_t)(severity + 1));
    kd_key_text(&key, kd_bytes_head(program, 64));
    struct seen *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    s->n++;
    uint64_t again_us = (uint64_t)(kd_detect_tunable(d, "again_h") * 3600e6);
    if (s->told_us != 0 && kd_gap_us(r->head->ts_us, s->told_us) < again_us)
        return;
    s->told_us = r->head->ts_us;
    struct kd_fact facts[] = {{"program", program}};
    kd_find(d, &(struct kd_finding){
                   .kind = kinds[what], .host = r->head->src, .peer = *peer, .severity = severity, .confidence = -1,
                   .fold = program, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = &r->head->id,
                   .n_record_ids = 1, .first_us = r->head->ts_us, .last_us = r->head->ts_us, .count = s->n,
               });
}

static void by_name(struct kd_detect *d, const struct kd_record *r, struct kd_bytes host, bool looked_up)
{
    const struct name *n = name_of(host);
    /* Resolvers are looked up by programs that then do not use them. */
    if (n == NULL || (looked_up && n->what == RESOLVER))
        return;
    if (looked_up && kd_asks_for_others(d, &r->head->src))
        return;
    tell(d, r, n->what, kd_str(n->program), &r->head->dst, KD_LOW);
}

static void tls(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_tls *t = r->body;
    if (kd_bytes_icontains(t->issuerdn, kd_str("philandro Software")) || kd_bytes_icontains(t->subject, kd_str("CN=AnyDesk Client")))
        tell(d, r, REMOTE, kd_str("AnyDesk"), &r->head->dst, KD_LOW);
    else
        by_name(d, r, t->sni, false);
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    bool outward = !kd_detect_is_inside(d, &r->head->dst);
    if (r->head->app == KD_APP_MINING && f->data_toserver + f->data_toclient > 0)
        tell(d, r, MINING, kd_str("mining protocol"), &r->head->dst, KD_MEDIUM);
    else if (r->head->app == KD_APP_BITTORRENT && outward)
        tell(d, r, EXCHANGE, kd_str("BitTorrent"), &r->head->dst, KD_LOW);
}

static void tools_record(struct kd_detect *d, const struct kd_record *r)
{
    bool ours = kd_detect_is_inside(d, &r->head->src) || !kd_detect_is_inside(d, &r->head->dst);
    if (!ours)
        return;
    switch (r->head->type) {
    case KD_REC_TLS:
        tls(d, r);
        break;
    case KD_REC_DNS:
        by_name(d, r, ((const struct kd_rec_dns *)r->body)->rrname, true);
        break;
    case KD_REC_LOGIN:
        if (kd_bytes_eq_str(((const struct kd_rec_login *)r->body)->service, "mining"))
            tell(d, r, MINING, kd_str("mining protocol"), &r->head->dst, KD_MEDIUM);
        break;
    default:
        flow(d, r);
    }
}

static void tools_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct seen *p = state;
    (void)key;
    kd_snap_time(s, &p->told_us);
    kd_snap_u32(s, &p->n);
}

const struct kd_detector kd_detector_tools = {
    .name = "tools",
    .summary_en = "coin mining, remote control, file exchange, look-ups past the house's resolver",
    .summary_ja = "暗号資産の採掘、遠隔操作ソフト、ファイル交換、庁内 DNS を通らない名前解決",
    .wants = (uint64_t)1 << KD_REC_TLS | (uint64_t)1 << KD_REC_DNS | (uint64_t)1 << KD_REC_LOGIN | (uint64_t)1 << KD_REC_FLOW,
    .key_state_bytes = sizeof(struct seen),
    .max_keys = 20000,
    .idle_us = 40 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = tools_record,
    .snap = tools_snap,
    .snap_version = 1,
};
