/* SPDX-License-Identifier: Apache-2.0 */
#include "store/proposal.h"

#include <stdarg.h>
#include <stdlib.h>

enum { HOSTS_READ = 50000, VOTES_READ = 20000, SERVING = KD_DUTY_DC | KD_DUTY_DNS | KD_DUTY_MAIL | KD_DUTY_FILE |
                                                       KD_DUTY_DATABASE | KD_DUTY_PROXY | KD_DUTY_SERVER };

struct reason {
    unsigned duty;
    const char *role, *en, *ja;
};

static const struct reason reasons[] = {
    {KD_DUTY_DC, "dc", "answers Kerberos and LDAP", "Kerberos と LDAP に応答"},
    {KD_DUTY_DNS, "dns", "answers name look-ups", "名前の問い合わせに応答"},
    {KD_DUTY_DHCP, "dhcp", "gave addresses", "アドレスを割り当て"},
    {KD_DUTY_MAIL, "mail", "serves mail", "メールを送受信"},
    {KD_DUTY_PROXY, "proxy", "fetched pages for others", "他の端末に代わって Web を取得"},
    {KD_DUTY_FILE, "file", "gives out shares", "共有フォルダーを提供"},
    {KD_DUTY_DATABASE, "database", "answers database logons", "データベースとして応答"},
    {KD_DUTY_PRINTER, "printer", "takes print jobs, or its card is a printer maker's", "印刷を受け付け、または MAC アドレスがプリンター製造元のもの"},
    {KD_DUTY_MEDICAL, "medical", "answers at DICOM or HL7 ports", "DICOM または HL7 のポートで応答"},
    {KD_DUTY_CONTROL, "control", "answers at ports of control devices", "制御機器のポートで応答"},
    {KD_DUTY_ROUTER, "router", "many networks lie behind its link address, or DHCP names it", "MAC アドレスの先に多数のネットワーク、または DHCP がルーターとして通知"},
};

static bool has(const struct reason *r, unsigned duties)
{
    return (duties & r->duty) == r->duty;
}

/* ---- networks ---- */

static struct kd_net net_of(const struct kd_addr *a, unsigned bits)
{
    struct kd_net n = {*a, (uint8_t)bits};
    for (unsigned i = bits; i < 128; i++)
        n.addr.b[i / 8] &= (uint8_t)~(0x80u >> i % 8);
    return n;
}

static struct kd_proposal_zone *zone_with(struct kd_proposal *p, const struct kd_addr *a)
{
    for (size_t i = 0; i < p->n_zones; i++)
        for (size_t k = 0; k < p->zone[i].n_nets; k++)
            if (kd_net_has(&p->zone[i].net[k], a))
                return &p->zone[i];
    return NULL;
}

static struct kd_proposal_zone *add_zone(struct kd_proposal *p, struct kd_net net, bool by_dhcp)
{
    if (p->n_zones == KD_COUNT(p->zone))
        return NULL;
    p->zone[p->n_zones] = (struct kd_proposal_zone){.net = {net}, .n_nets = 1, .by_dhcp = by_dhcp};
    return &p->zone[p->n_zones++];
}

static bool is_own(const struct kd_addr *a, const struct kd_net *nets, size_t n)
{
    if (kd_addr_is_link_local(a) || kd_addr_is_multicast(a))
        return false;
    for (size_t i = 0; i < n; i++)
        if (kd_net_has(&nets[i], a))
            return true;
    return n == 0 && kd_addr_is_private(a);
}

static unsigned duties_of(struct kd_bytes names)
{
    unsigned all = 0;
    while (names.n > 0) {
        uint16_t duty;
        if (kd_duty_of(kd_bytes_cut(&names, ' '), &duty))
            all |= duty;
    }
    return all;
}

static void count(struct kd_proposal_zone *z, unsigned duties)
{
    z->hosts++;
    z->servers += (duties & SERVING) != 0 && (duties & KD_DUTY_PRINTER) == 0;
    z->printers += (duties & KD_DUTY_PRINTER) != 0;
    z->medical += (duties & KD_DUTY_MEDICAL) != 0;
    z->control += (duties & KD_DUTY_CONTROL) != 0;
}

static void add_host(struct kd_proposal *p, const struct kd_addr *a, unsigned duties, struct kd_bytes name)
{
    unsigned told = 0;
    for (size_t i = 0; i < KD_COUNT(reasons); i++)
        if (has(&reasons[i], duties))
            told |= reasons[i].duty;
    if (told == 0 || p->n_hosts == KD_COUNT(p->host))
        return;
    struct kd_proposal_host *h = &p->host[p->n_hosts++];
    *h = (struct kd_proposal_host){.addr = *a, .duties = (uint16_t)told};
    if (name.n > 0)
        memcpy(h->name, name.p, kd_min_size(name.n, sizeof(h->name) - 1));
}

/* Machines with a link address or something they did; not what was only looked for.  In the first round only
 * networks whose mask is known. */
static enum kd_status take_hosts(struct kd_meta *m, struct kd_proposal *p, const struct kd_net *nets, size_t n_nets,
                                 bool by_dhcp)
{
    struct kd_sql q = kd_sql(m, "SELECT address, roles, prefix, name FROM hosts WHERE (mac <> '' OR roles <> '')"
                                " ORDER BY sort LIMIT ?");
    kd_sql_u64(&q, HOSTS_READ);
    while (kd_sql_row(&q)) {
        struct kd_addr a;
        uint64_t prefix = kd_sql_get(&q, 2);
        if (!kd_addr_parse(kd_sql_get_text(&q, 0), &a) || !is_own(&a, nets, n_nets))
            continue;
        struct kd_proposal_zone *z = zone_with(p, &a);
        if (by_dhcp) {
            if (z == NULL && prefix >= 8 && prefix <= 30 && kd_addr_is_v4(&a))
                (void)add_zone(p, net_of(&a, 96 + (unsigned)prefix), true);
            continue;
        }
        unsigned duties = duties_of(kd_sql_get_text(&q, 1));
        if (z == NULL)
            z = add_zone(p, net_of(&a, kd_addr_is_v4(&a) ? 120 : 64), false);
        p->seen++;
        p->left_out += z == NULL;
        if (z != NULL)
            count(z, duties);
        add_host(p, &a, duties, kd_sql_get_text(&q, 3));
    }
    return kd_sql_done(&q);
}

/* The IPv6 network of the same cards belongs to the zone of their IPv4 network. */
static enum kd_status join_families(struct kd_meta *m, struct kd_proposal *p)
{
    struct kd_sql q = kd_sql(m, "SELECT six.address, four.address FROM hosts six JOIN hosts four ON four.mac = six.mac"
                                " WHERE six.mac <> '' AND instr(six.address, ':') > 0 AND instr(four.address, ':') = 0"
                                " LIMIT ?");
    kd_sql_u64(&q, VOTES_READ);
    while (kd_sql_row(&q)) {
        struct kd_addr a, b;
        if (!kd_addr_parse(kd_sql_get_text(&q, 0), &a) || !kd_addr_parse(kd_sql_get_text(&q, 1), &b))
            continue;
        struct kd_proposal_zone *six = zone_with(p, &a), *four = zone_with(p, &b);
        if (six == NULL || four == NULL || six == four || kd_addr_is_v4(&six->net[0].addr) ||
            four->n_nets == KD_PROPOSAL_NETS_MAX)
            continue;
        four->net[four->n_nets++] = six->net[0];
        *six = p->zone[--p->n_zones];
    }
    return kd_sql_done(&q);
}

static void name_zones(struct kd_proposal *p)
{
    unsigned number[KD_ZONE_KINDS_COUNT] = {0};
    for (size_t i = 0; i < p->n_zones; i++) {
        struct kd_proposal_zone *z = &p->zone[i];
        z->kind = z->medical * 3 >= z->hosts && z->medical > 0    ? KD_KIND_MEDICAL
                  : z->control * 3 >= z->hosts && z->control > 0  ? KD_KIND_CONTROL
                  : z->printers * 2 >= z->hosts && z->printers > 0 ? KD_KIND_DEVICES
                  : z->servers * 2 >= z->hosts && z->servers > 0  ? KD_KIND_SERVER
                                                                  : KD_KIND_OFFICE;
        z->number = ++number[z->kind];
    }
    for (size_t i = 0; i < p->n_zones; i++)
        if (number[p->zone[i].kind] == 1)
            p->zone[i].number = 0;
}

enum kd_status kd_proposal_make(struct kd_meta *m, const struct kd_net *nets, size_t n_nets, struct kd_proposal **ret)
{
    struct kd_proposal *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return KD_NO_MEMORY;
    enum kd_status s = take_hosts(m, p, nets, n_nets, true);
    if (s == KD_OK)
        s = take_hosts(m, p, nets, n_nets, false);
    if (s == KD_OK)
        s = join_families(m, p);
    size_t kept = 0;
    for (size_t i = 0; i < p->n_zones; i++) /* a network DHCP told of, with nobody in it now */
        if (p->zone[i].hosts > 0)
            p->zone[kept++] = p->zone[i];
    p->n_zones = kept;
    name_zones(p);
    *ret = p;
    return s;
}

void kd_proposal_free(struct kd_proposal *p)
{
    free(p);
}

/* ---- as text ---- */

static void put(struct kd_heap *to, struct kd_bytes text)
{
    if (text.n == 0 || !kd_heap_room(to, text.n))
        return;
    memcpy(to->p + to->n, text.p, text.n);
    to->n += text.n;
}

KD_FORMAT(2, 3) static void line(struct kd_heap *to, const char *fmt, ...)
{
    char room[300];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(room, sizeof(room), fmt, args);
    va_end(args);
    put(to, kd_bytes_of(room, n < 0 ? 0 : kd_min_size((size_t)n, sizeof(room) - 1)));
}

static void zone_name(const struct kd_proposal_zone *z, bool ja, char room[64])
{
    static const char *const names[KD_ZONE_KINDS_COUNT][2] = {
        [KD_KIND_OFFICE] = {"PCs", "端末"},
        [KD_KIND_SERVER] = {"servers", "サーバー"},
        [KD_KIND_MEDICAL] = {"medical devices", "医療機器"},
        [KD_KIND_CONTROL] = {"control devices", "制御機器"},
        [KD_KIND_DEVICES] = {"devices", "周辺機器"},
    };
    const char *name = names[z->kind][ja];
    if (z->number > 0)
        (void)snprintf(room, 64, "%s %u", name, z->number);
    else
        (void)snprintf(room, 64, "%s", name);
}

static void net_text(const struct kd_net *n, char room[64])
{
    struct kd_out o = kd_out_of(room, 63);
    kd_out_addr(&o, &n->addr);
    kd_out_fmt(&o, "/%u", kd_addr_is_v4(&n->addr) ? n->bits - 96u : n->bits);
    room[o.n] = '\0';
}

static void yaml_zone(struct kd_heap *to, const struct kd_proposal_zone *z, bool ja)
{
    char name[64], net[64];
    zone_name(z, ja, name);
    if (ja)
        line(to, "  # 観測した機器 %u 台(うちサーバー %u 台)。範囲は %s\n", z->hosts, z->servers,
             z->by_dhcp ? "DHCP のサブネットマスクによる" : "推定(/24、/64)。実際の範囲に直してください");
    else
        line(to, "  # %u machines seen (%u of them servers); network %s\n", z->hosts, z->servers,
             z->by_dhcp ? "by DHCP's mask" : "guessed (/24, /64): correct it if it is another");
    line(to, "  - name: \"%s\"\n    networks: [", name);
    for (size_t i = 0; i < z->n_nets; i++) {
        net_text(&z->net[i], net);
        line(to, "%s\"%s\"", i > 0 ? ", " : "", net);
    }
    line(to, "]\n    kind: %s\n", kd_zone_kind_name(z->kind));
    if (z->kind == KD_KIND_SERVER || z->kind == KD_KIND_MEDICAL || z->kind == KD_KIND_CONTROL)
        line(to, "    guarded: true\n");
}

/* What machines call themselves is quoted, so that it stays a remark. */
static void yaml_host(struct kd_heap *to, const struct kd_proposal_host *h, bool ja)
{
    char room[64];
    size_t n = 0;
    kd_addr_text(&h->addr, room);
    line(to, "  - address: \"%s\"\n    role: [", room);
    for (size_t i = 0; i < KD_COUNT(reasons); i++)
        if (has(&reasons[i], h->duties))
            line(to, "%s%s", n++ > 0 ? ", " : "", reasons[i].role);
    line(to, "]\n    note: \"");
    struct kd_bytes name = kd_str(h->name);
    bool plain = kd_bytes_is_utf8(name);
    for (size_t i = 0; plain && i < name.n; i++)
        if (name.p[i] >= ' ' && name.p[i] != '"' && name.p[i] != '\\' && name.p[i] != 0x7f)
            put(to, kd_bytes_of(name.p + i, 1));
    for (size_t i = n = 0; i < KD_COUNT(reasons); i++)
        if (has(&reasons[i], h->duties))
            line(to, "%s%s", n++ > 0 ? (ja ? "、" : "; ") : name.n > 0 ? ": " : "", ja ? reasons[i].ja : reasons[i].en);
    line(to, "\"\n");
}

void kd_proposal_yaml(const struct kd_proposal *p, bool ja, struct kd_heap *to)
{
    if (p->n_zones == 0) {
        line(to, ja ? "# まだ提案できるほどの通信を観測していません。\n" : "# Too little was seen to propose anything yet.\n");
        return;
    }
    line(to, ja ? "# 観測した %llu 台からの下書きです。名前と種別を直してから設定ファイルに入れてください。\n"
                : "# A draft from %llu machines that were seen.  Correct names and kinds before you use it.\n",
         (unsigned long long)p->seen);
    line(to, "zones:\n");
    for (size_t i = 0; i < p->n_zones; i++)
        yaml_zone(to, &p->zone[i], ja);
    line(to, ja ? "# 区分間の取り決めの例(行頭の # を外して使う):\n" : "# An agreement between zones, as an example:\n");
    char name[64];
    zone_name(&p->zone[0], ja, name);
    line(to, "# crossings:\n#   - { from: \"%s\", to: outside, policy: forbid, services: [rdp, ssh, smb] }\n", name);
    if (p->n_hosts > 0)
        line(to, "hosts:\n");
    for (size_t i = 0; i < p->n_hosts; i++)
        yaml_host(to, &p->host[i], ja);
}

/* ---- as JSON ---- */

static void json_zone(struct kd_jw *w, const struct kd_proposal_zone *z)
{
    char ja[64], en[64], net[64];
    zone_name(z, true, ja);
    zone_name(z, false, en);
    kd_jw_open(w, NULL, '{');
    kd_jw_both(w, "name", kd_str(ja), kd_str(en));
    kd_jw_str(w, "kind", kd_zone_kind_name(z->kind));
    kd_jw_bool(w, "by_dhcp", z->by_dhcp);
    kd_jw_u64(w, "hosts", z->hosts);
    kd_jw_u64(w, "servers", z->servers);
    kd_jw_open(w, "networks", '[');
    for (size_t i = 0; i < z->n_nets; i++) {
        net_text(&z->net[i], net);
        kd_jw_str(w, NULL, net);
    }
    kd_jw_close(w, ']');
    kd_jw_close(w, '}');
}

static void json_host(struct kd_jw *w, const struct kd_proposal_host *h)
{
    char room[64];
    kd_addr_text(&h->addr, room);
    kd_jw_open(w, NULL, '{');
    kd_jw_str(w, "address", room);
    if (h->name[0] != '\0')
        kd_jw_str(w, "name", h->name);
    else
        kd_jw_null(w, "name");
    kd_jw_open(w, "roles", '[');
    for (size_t i = 0; i < KD_COUNT(reasons); i++) {
        if (!has(&reasons[i], h->duties))
            continue;
        kd_jw_open(w, NULL, '{');
        kd_jw_str(w, "role", reasons[i].role);
        kd_jw_both(w, "reason", kd_str(reasons[i].ja), kd_str(reasons[i].en));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    kd_jw_close(w, '}');
}

void kd_proposal_json(const struct kd_proposal *p, struct kd_jw *w, const char *key)
{
    struct kd_heap ja = {NULL, 0, 0}, en = {NULL, 0, 0};
    kd_proposal_yaml(p, true, &ja);
    kd_proposal_yaml(p, false, &en);
    kd_jw_open(w, key, '{');
    kd_jw_both(w, "yaml", kd_bytes_of(ja.p, ja.n), kd_bytes_of(en.p, en.n));
    kd_heap_done(&ja);
    kd_heap_done(&en);
    kd_jw_u64(w, "seen", p->seen);
    kd_jw_open(w, "zones", '[');
    for (size_t i = 0; i < p->n_zones; i++)
        json_zone(w, &p->zone[i]);
    kd_jw_close(w, ']');
    kd_jw_open(w, "hosts", '[');
    for (size_t i = 0; i < p->n_hosts; i++)
        json_host(w, &p->host[i]);
    kd_jw_close(w, ']');
    kd_jw_close(w, '}');
}
