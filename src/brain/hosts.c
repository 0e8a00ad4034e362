/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/hosts.h"

#include "base/hash.h"
#include "brain/snaps.h"
#include "brain/text.h"

enum { HOSTS_MOST = 200000, MACS_MOST = 20000, ROUTER_ADDRESSES = 5 };

/* Addresses seen behind one link address: enough to know that it routes. */
struct mac_state {
    uint8_t n;
    uint32_t seen[ROUTER_ADDRESSES];
};

static void leave_host(void *arg, struct kd_bytes key, void *state);

void kd_hosts_snap_mac(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct mac_state *m = state;
    (void)key;
    kd_snap_u8_to(s, &m->n, ROUTER_ADDRESSES);
    for (unsigned i = 0; i < m->n; i++)
        kd_snap_u32(s, &m->seen[i]);
}

bool kd_hosts_init(struct kd_hosts *h, struct kd_pool *pool, uint64_t seed)
{
    h->table.buckets = NULL;
    h->macs.buckets = NULL;
    h->dirty_first = h->dirty_last = NULL;
    bool ok = kd_table_init(&h->table, pool, sizeof(struct kd_host), HOSTS_MOST, seed) &&
              kd_table_init(&h->macs, pool, sizeof(struct mac_state), MACS_MOST, seed);
    h->table.leave = leave_host;
    h->table.arg = h;
    return ok;
}

void kd_hosts_done(struct kd_hosts *h)
{
    kd_table_done(&h->table);
    kd_table_done(&h->macs);
}

bool kd_hosts_inside(const struct kd_hosts *h, const struct kd_addr *a)
{
    if (h->n_inside == 0)
        return kd_addr_is_private(a) || kd_addr_is_link_local(a);
    for (size_t i = 0; i < h->n_inside; i++)
        if (kd_net_has(&h->inside[i], a))
            return true;
    return false;
}

static struct kd_bytes key_of(const struct kd_addr *a)
{
    return kd_bytes_of(a->b, sizeof(a->b));
}

struct kd_host *kd_hosts_find(const struct kd_hosts *h, const struct kd_addr *a)
{
    return kd_table_peek(&h->table, key_of(a));
}

struct kd_host *kd_hosts_get(struct kd_hosts *h, const struct kd_addr *a, uint64_t now_us)
{
    bool is_new;
    struct kd_host *host = kd_table_get(&h->table, key_of(a), now_us, &is_new);
    if (host == NULL)
        return NULL;
    if (is_new) {
        host->addr = *a;
        host->first_us = now_us;
        host->last_from = KD_FROM_FLOW;
        kd_hosts_mark(h, host);
    }
    host->last_us = now_us;
    return host;
}

static void dirty_remove(struct kd_hosts *h, struct kd_host *host)
{
    *(host->dirty_prev != NULL ? &host->dirty_prev->dirty_next : &h->dirty_first) = host->dirty_next;
    *(host->dirty_next != NULL ? &host->dirty_next->dirty_prev : &h->dirty_last) = host->dirty_prev;
    host->dirty_next = host->dirty_prev = NULL;
    host->dirty = false;
}

void kd_hosts_mark(struct kd_hosts *h, struct kd_host *host)
{
    if (host->dirty)
        return;
    host->dirty = true;
    host->dirty_prev = h->dirty_last;
    host->dirty_next = NULL;
    *(h->dirty_last != NULL ? &h->dirty_last->dirty_next : &h->dirty_first) = host;
    h->dirty_last = host;
}

static void leave_host(void *arg, struct kd_bytes key, void *state)
{
    (void)key;
    struct kd_host *host = state;
    if (host->dirty)
        dirty_remove(arg, host);
}

void kd_hosts_tell(struct kd_hosts *h, uint64_t now_us, uint64_t quiet_us,
                   void (*fn)(void *arg, struct kd_host *host), void *arg)
{
    struct kd_host *next;
    for (struct kd_host *host = h->dirty_first; host != NULL; host = next) {
        next = host->dirty_next;
        if (host->told && now_us - host->told_us < quiet_us)
            continue;
        dirty_remove(h, host);
        host->told = true;
        host->told_us = now_us;
        fn(arg, host);
    }
}

static bool set_text(struct kd_text *t, struct kd_bytes value)
{
    uint8_t clean[KD_HOST_TEXT];
    struct kd_out o = kd_out_of(clean, sizeof(clean));
    kd_text_clean(&o, value, sizeof(clean));
    if (o.n == 0 || kd_bytes_eq(kd_text_view(t), kd_out_bytes_view(&o)))
        return false;
    t->n = (uint8_t)o.n;
    memcpy(t->b, clean, o.n);
    return true;
}

static void changed(struct kd_hosts *h, struct kd_host *host, enum kd_source from)
{
    host->last_from = (uint8_t)from;
    kd_hosts_mark(h, host);
}

static struct kd_host *inside_host(struct kd_hosts *h, const struct kd_addr *a, uint64_t now_us)
{
    if (kd_addr_is_none(a) || kd_addr_is_multicast(a) || !kd_hosts_inside(h, a))
        return NULL;
    return kd_hosts_get(h, a, now_us);
}

/* A name of at least the trust of the one we have.  Only the first label: names of one machine differ in
 * their domains from source to source. */
static void name_host(struct kd_hosts *h, const struct kd_addr *a, struct kd_bytes name, enum kd_source from,
                      uint64_t now_us)
{
    struct kd_host *host = inside_host(h, a, now_us);
    struct kd_bytes label = kd_bytes_trim(kd_bytes_cut(&name, '.'));
    if (host == NULL || label.n == 0 || from < host->name_from)
        return;
    if (from == host->name_from && kd_bytes_ieq(label, kd_text_view(&host->name)))
        return;
    host->name_from = (uint8_t)from;
    /* NetBIOS, NTLM and machine accounts write names in capitals, DHCP and DNS as they were given: one machine, one
     * spelling. */
    uint8_t small[KD_HOST_TEXT];
    struct kd_out o = kd_out_of(small, sizeof(small));
    for (size_t i = 0; i < label.n && i < sizeof(small); i++)
        kd_out_u8(&o, kd_ascii_lower(label.p[i]));
    if (set_text(&host->name, kd_out_bytes_view(&o)))
        changed(h, host, from);
}

static void user_of_host(struct kd_hosts *h, const struct kd_addr *a, struct kd_bytes user, enum kd_source from,
                         uint64_t now_us)
{
    /* A name ending in $ is a machine's own account. */
    if (user.n == 0 || user.p[user.n - 1] == '$')
        return;
    struct kd_host *host = inside_host(h, a, now_us);
    if (host != NULL && !kd_bytes_ieq(kd_text_view(&host->user), user) && set_text(&host->user, user))
        changed(h, host, from);
}

static void os_of_host(struct kd_hosts *h, const struct kd_addr *a, const char *os, enum kd_system_source from,
                       uint64_t now_us)
{
    struct kd_host *host = os == NULL ? NULL : inside_host(h, a, now_us);
    if (host == NULL || from < host->os_from)
        return;
    host->os_from = (uint8_t)from;
    if (set_text(&host->os, kd_str(os)))
        kd_hosts_mark(h, host);
}

static void role_of_host(struct kd_hosts *h, struct kd_host *host, unsigned role)
{
    if (host == NULL || (host->roles & role) == role)
        return;
    host->roles = (uint16_t)(host->roles | role);
    kd_hosts_mark(h, host);
}

static void mac_of_host(struct kd_hosts *h, const struct kd_addr *a, const struct kd_mac *mac,
                        enum kd_source from, uint64_t now_us)
{
    if (kd_mac_is_none(mac))
        return;
    struct kd_host *host = inside_host(h, a, now_us);
    if (host == NULL || memcmp(host->mac.b, mac->b, sizeof(mac->b)) == 0)
        return;
    if (!kd_mac_is_none(&host->mac)) {
        if (kd_hosts_routes(h, mac))
            return; /* a router answers for it */
        /* Another machine has the address now: what was known belongs to the one before. */
        host->name.n = host->user.n = host->os.n = 0;
        host->name_from = KD_FROM_NONE;
        host->os_from = KD_SYSTEM_NONE;
        host->roles = 0;
    }
    host->mac = *mac;
    changed(h, host, from);
    bool printer = false;
    os_of_host(h, a, kd_system_of_mac(mac, &printer), KD_SYSTEM_MAC, now_us);
    if (printer)
        role_of_host(h, host, KD_DUTY_PRINTER);
}

bool kd_roles_dc(unsigned roles)
{
    return (roles & KD_DUTY_KDC) && (roles & KD_DUTY_LDAP);
}

const char *kd_role_text(unsigned roles)
{
    static const struct {
        unsigned duty;
        const char *name;
    } order[] = {
        {KD_DUTY_DNS, "dns"}, {KD_DUTY_FILE, "file"}, {KD_DUTY_MEDICAL, "medical"}, {KD_DUTY_CONTROL, "control"},
        {KD_DUTY_PRINTER, "printer"}, {KD_DUTY_MAIL, "mail"}, {KD_DUTY_PROXY, "proxy"}, {KD_DUTY_DATABASE, "database"},
        {KD_DUTY_DHCP, "dhcp"}, {KD_DUTY_WEB, "web"},
    };
    if (roles & KD_DUTY_ROUTER)
        return "router";
    if (kd_roles_dc(roles))
        return "dc";
    for (size_t i = 0; i < KD_COUNT(order); i++)
        if ((roles & order[i].duty) != 0)
            return order[i].name;
    if (roles & (KD_DUTY_SERVER | KD_DUTY_KDC | KD_DUTY_LDAP))
        return "server";
    return roles & KD_DUTY_CLIENT ? "client" : "";
}

const char *kd_source_text(enum kd_source s)
{
    static const char *const names[] = {
        [KD_FROM_NONE] = "", [KD_FROM_FLOW] = "flow", [KD_FROM_ARP] = "arp",
        [KD_FROM_DNS] = "dns", [KD_FROM_MDNS] = "mdns", [KD_FROM_NBNS] = "nbns",
        [KD_FROM_KERBEROS] = "kerberos", [KD_FROM_NTLM] = "ntlm", [KD_FROM_DHCP] = "dhcp",
    };
    return names[s];
}

/* A link address behind which come machines of many networks routes; so does the machine that owns it.  Five
 * addresses outside the site, or five networks of it: no machine has that many of its own. */
static void learn_mac(struct kd_hosts *h, const struct kd_mac *mac, const struct kd_addr *a, uint64_t now_us)
{
    if (kd_mac_is_none(mac) || (mac->b[0] & 1) || kd_addr_is_multicast(a) || kd_addr_is_none(a) ||
        kd_addr_is_link_local(a))
        return;
    size_t n = sizeof(a->b);
    if (kd_hosts_inside(h, a))
        n = kd_addr_is_v4(a) ? 15 : 8; /* its network: /24, /64 */
    struct mac_state *m = kd_table_get(&h->macs, kd_bytes_of(mac->b, sizeof(mac->b)), now_us, NULL);
    if (m == NULL || m->n == ROUTER_ADDRESSES)
        return;
    uint32_t sum = (uint32_t)kd_hash(a->b, n, 0);
    for (unsigned i = 0; i < m->n; i++)
        if (m->seen[i] == sum)
            return;
    m->seen[m->n++] = sum;
}

bool kd_hosts_routes(const struct kd_hosts *h, const struct kd_mac *mac)
{
    const struct mac_state *m = kd_table_peek(&h->macs, kd_bytes_of(mac->b, sizeof(mac->b)));
    return m != NULL && m->n == ROUTER_ADDRESSES;
}

/* What answers at this port is this, whatever the bytes are: protocols that are not parsed. */
static unsigned duty_of_port(uint16_t port)
{
    switch (port) {
    case 515:
    case 631:
    case 9100:
        return KD_DUTY_PRINTER;
    case 104:
    case 11112:
    case 2575:
        return KD_DUTY_MEDICAL;
    case 102:
    case 502:
    case 44818:
        return KD_DUTY_CONTROL;
    default:
        return 0;
    }
}

static unsigned duty_of_flow(const struct kd_rec_head *head)
{
    switch (head->app) {
    case KD_APP_LDAP:
        return KD_DUTY_LDAP;
    case KD_APP_KRB5:
        return KD_DUTY_KDC;
    case KD_APP_SMTP:
    case KD_APP_POP3:
    case KD_APP_IMAP:
        return KD_DUTY_MAIL;
    case KD_APP_MSSQL:
    case KD_APP_MYSQL:
    case KD_APP_PGSQL:
        return KD_DUTY_DATABASE;
    case KD_APP_HTTP:
        return head->dst_port == 80 || head->dst_port == 8080 ? KD_DUTY_WEB : duty_of_port(head->dst_port);
    case KD_APP_TLS:
        return head->dst_port == 443 || head->dst_port == 8443 ? KD_DUTY_WEB : 0;
    case KD_APP_UNKNOWN:
    case KD_APP_FAILED:
        return head->proto == 6 ? duty_of_port(head->dst_port) : 0;
    default:
        return 0;
    }
}

static void learn_flow(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_flow *f = r->body;
    learn_mac(h, &f->smac, &r->head->src, now_us);
    learn_mac(h, &f->dmac, &r->head->dst, now_us);
    struct kd_host *src = inside_host(h, &r->head->src, now_us);
    if (f->pkts_toclient == 0)
        return; /* nobody answered: dst may not exist */
    role_of_host(h, src, KD_DUTY_CLIENT);
    struct kd_host *dst = inside_host(h, &r->head->dst, now_us);
    if (dst == NULL || f->data_toclient == 0 || f->midstream)
        return;
    role_of_host(h, dst, duty_of_flow(r->head));
    if (r->head->proto == 6 && r->head->dst_port < 1024)
        role_of_host(h, dst, KD_DUTY_SERVER);
}

/* An address out of d.c.b.a.in-addr.arpa. */
static bool reverse_name(struct kd_bytes name, struct kd_addr *ret)
{
    static const char tail[] = ".in-addr.arpa";
    if (!kd_bytes_iends(name, kd_str(tail)))
        return false;
    struct kd_bytes rest = kd_bytes_head(name, name.n - (sizeof(tail) - 1));
    uint8_t b[4];
    for (size_t i = 0; i < 4; i++) {
        uint64_t v;
        if (!kd_bytes_to_u64(kd_bytes_cut(&rest, '.'), 255, &v))
            return false;
        b[3 - i] = (uint8_t)v;
    }
    *ret = kd_addr_v4(b);
    return rest.n == 0;
}

static void learn_dns(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_dns *d = r->body;
    bool local = r->head->app == KD_APP_MDNS || r->head->app == KD_APP_LLMNR;
    enum kd_source from = local ? KD_FROM_MDNS : KD_FROM_DNS;
    if (!local && d->latency_us > 0 && !kd_addr_is_multicast(&r->head->dst))
        role_of_host(h, inside_host(h, &r->head->dst, now_us), KD_DUTY_DNS);
    const struct kd_dns_rr *rr = d->answers.v;
    for (size_t i = 0; i < d->answers.n; i++) {
        struct kd_addr a;
        bool is_ptr = kd_bytes_eq_str(rr[i].rrtype, "PTR");
        if (is_ptr && reverse_name(rr[i].rrname, &a))
            name_host(h, &a, rr[i].rdata, from, now_us);
        else if (!is_ptr && kd_addr_parse(rr[i].rdata, &a))
            name_host(h, &a, rr[i].rrname, from, now_us);
    }
}

/* Length of the network's prefix, when the mask is one. */
static void prefix_of_host(struct kd_hosts *h, const struct kd_addr *a, const struct kd_addr *mask, uint64_t now_us)
{
    unsigned bits = 0;
    if (kd_addr_is_none(mask))
        return;
    while (bits < 32 && (mask->b[12 + bits / 8] >> (7 - bits % 8) & 1) != 0)
        bits++;
    for (unsigned i = bits; i < 32; i++)
        if ((mask->b[12 + i / 8] >> (7 - i % 8) & 1) != 0)
            return;
    struct kd_host *host = inside_host(h, a, now_us);
    if (host == NULL || host->prefix == bits || bits < 8)
        return;
    host->prefix = (uint8_t)bits;
    kd_hosts_mark(h, host);
}

static void learn_dhcp(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_dhcp *d = r->body;
    bool given = kd_bytes_ieq(d->dhcp_type, kd_str("ack"));
    const struct kd_addr *a = given && !kd_addr_is_none(&d->assigned_ip) ? &d->assigned_ip : &d->client_ip;
    if (given)
        for (size_t i = 0; i < d->routers.n; i++) {
            struct kd_addr router;
            if (kd_addr_parse(d->routers.v[i], &router))
                role_of_host(h, inside_host(h, &router, now_us), KD_DUTY_ROUTER);
        }
    /* A request tells the name before the address is granted; it counts when it renews one. */
    if (kd_addr_is_none(a))
        return;
    if (given && !kd_addr_is_none(&d->server_ip))
        role_of_host(h, inside_host(h, &d->server_ip, now_us), KD_DUTY_DHCP);
    mac_of_host(h, a, &d->client_mac, KD_FROM_DHCP, now_us);
    name_host(h, a, d->hostname, KD_FROM_DHCP, now_us);
    os_of_host(h, a, kd_system_of_dhcp(d), KD_SYSTEM_DHCP, now_us);
    if (given)
        prefix_of_host(h, a, &d->subnet_mask, now_us);
}

static void learn_arp(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_arp *a = r->body;
    mac_of_host(h, &a->sender_ip, &a->sender_mac, KD_FROM_ARP, now_us);
    if (kd_hosts_routes(h, &a->sender_mac))
        role_of_host(h, inside_host(h, &a->sender_ip, now_us), KD_DUTY_ROUTER);
}

static void learn_ntlm(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_ntlm *n = r->body;
    name_host(h, &r->head->src, n->host, KD_FROM_NTLM, now_us);
    name_host(h, &r->head->dst, n->dns_host, KD_FROM_NTLM, now_us);
    user_of_host(h, &r->head->src, n->user, KD_FROM_NTLM, now_us);
    os_of_host(h, &r->head->src, kd_system_of_ntlm(n->version), KD_SYSTEM_NTLM, now_us);
}

static void learn_krb5(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_krb5 *k = r->body;
    if (k->failed || !kd_bytes_eq_str(k->request_type, "AS"))
        return;
    if (k->cname.n > 1 && k->cname.p[k->cname.n - 1] == '$')
        name_host(h, &r->head->src, kd_bytes_head(k->cname, k->cname.n - 1), KD_FROM_KERBEROS, now_us);
    user_of_host(h, &r->head->src, k->cname, KD_FROM_KERBEROS, now_us);
    role_of_host(h, inside_host(h, &r->head->dst, now_us), KD_DUTY_KDC);
}

static void learn_nbns(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_nbns *n = r->body;
    bool own = kd_bytes_eq_str(n->kind, "registration") || kd_bytes_eq_str(n->kind, "refresh");
    if (n->group || (n->suffix != 0 && n->suffix != 0x20))
        return;
    struct kd_addr a;
    if (own)
        name_host(h, &r->head->src, n->name, KD_FROM_NBNS, now_us);
    else if (kd_bytes_eq_str(n->kind, "response") && n->addresses.n > 0 && kd_addr_parse(n->addresses.v[0], &a))
        name_host(h, &a, n->name, KD_FROM_NBNS, now_us);
}

static void learn_smb(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_smb *s = r->body;
    if (kd_bytes_eq_str(s->share_type, "DISK") && s->status_code == 0)
        role_of_host(h, inside_host(h, &r->head->dst, now_us), KD_DUTY_FILE);
    os_of_host(h, &r->head->src, kd_system_of_smb(s->client_os), KD_SYSTEM_SMB, now_us);
    os_of_host(h, &r->head->dst, kd_system_of_smb(s->server_os), KD_SYSTEM_SMB, now_us);
}

/* A proxy speaks for others, and is asked for pages of others. */
static void learn_http(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_http *w = r->body;
    const struct kd_host *src = kd_hosts_find(h, &r->head->src);
    bool passes = kd_bytes_eq_str(w->http_method, "CONNECT") || kd_bytes_istarts(w->url, kd_str("http://"));
    if (passes && w->status >= 200 && w->status < 300)
        role_of_host(h, inside_host(h, &r->head->dst, now_us), KD_DUTY_PROXY);
    if (w->xff.n == 0 && src != NULL && (src->roles & (KD_DUTY_PROXY | KD_DUTY_ROUTER)) == 0 &&
        src->os_from < KD_SYSTEM_HTTP)
        os_of_host(h, &r->head->src, kd_system_of_agent(w->http_user_agent), KD_SYSTEM_HTTP, now_us);
}

static void learn_socks(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_socks *s = r->body;
    if (kd_bytes_eq_str(s->result, "granted"))
        role_of_host(h, inside_host(h, &r->head->dst, now_us), KD_DUTY_PROXY);
}

static void learn_ssh(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    const struct kd_rec_ssh *s = r->body;
    os_of_host(h, &r->head->src, kd_system_of_ssh(s->client), KD_SYSTEM_SSH, now_us);
    os_of_host(h, &r->head->dst, kd_system_of_ssh(s->server), KD_SYSTEM_SSH, now_us);
}

/* Who answers the domain's own interfaces is a domain controller.  Not what a domain controller asks of it: a
 * machine that passes itself off as one is asked too. */
static void learn_dcerpc(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    static const char netlogon[] = "12345678-1234-abcd-ef00-01234567cffb";
    static const char drsuapi[] = "e3514235-4b06-11d1-ab04-00c04fc2dcd2";
    const struct kd_rec_dcerpc *c = r->body;
    if (!c->answered || c->fault || c->guessed || c->status_code != 0)
        return;
    bool names = kd_bytes_ieq(c->uuid, kd_str(drsuapi)) && c->opnum == 12;
    bool logon = kd_bytes_ieq(c->uuid, kd_str(netlogon)) && (c->opnum == 26 || c->opnum == 29 || c->opnum == 39 || c->opnum == 45);
    const struct kd_host *src = kd_hosts_find(h, &r->head->src);
    if ((names || logon) && (src == NULL || !kd_roles_dc(src->roles)))
        role_of_host(h, inside_host(h, &r->head->dst, now_us), KD_DUTY_KDC | KD_DUTY_LDAP);
}

void kd_hosts_learn(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us)
{
    switch (r->head->type) {
    case KD_REC_FLOW:
        learn_flow(h, r, now_us);
        break;
    case KD_REC_DNS:
        learn_dns(h, r, now_us);
        break;
    case KD_REC_DHCP:
        learn_dhcp(h, r, now_us);
        break;
    case KD_REC_ARP:
        learn_arp(h, r, now_us);
        break;
    case KD_REC_NTLM:
        learn_ntlm(h, r, now_us);
        break;
    case KD_REC_KRB5:
        learn_krb5(h, r, now_us);
        break;
    case KD_REC_NBNS:
        learn_nbns(h, r, now_us);
        break;
    case KD_REC_SMB:
        learn_smb(h, r, now_us);
        break;
    case KD_REC_HTTP:
        learn_http(h, r, now_us);
        break;
    case KD_REC_SOCKS:
        learn_socks(h, r, now_us);
        break;
    case KD_REC_SSH:
        learn_ssh(h, r, now_us);
        break;
    case KD_REC_DCERPC:
        learn_dcerpc(h, r, now_us);
        break;
    default:
        break;
    }
}
