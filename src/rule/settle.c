/* SPDX-License-Identifier: Apache-2.0 */
/* When all options of a rule are read: does it make sense as a whole, and its final form. */
#include "rule/internal.h"

enum { BUF_MAX = KD_POOL_LARGE };

/* ---- Protocols and directions ---- */

static bool is_web(enum kd_rule_proto a)
{
    return a == KD_RP_HTTP || a == KD_RP_HTTP1 || a == KD_RP_HTTP2 || a == KD_RP_DOH2;
}

bool kd_protos_agree(enum kd_rule_proto a, enum kd_rule_proto b)
{
    static const enum kd_rule_proto pairs[][2] = {
        {KD_RP_SMB, KD_RP_DCERPC},     {KD_RP_DNS, KD_RP_DOH2},     {KD_RP_TLS, KD_RP_QUIC},
        {KD_RP_HTTP, KD_RP_WEBSOCKET}, {KD_RP_FTP, KD_RP_FTP_DATA}, {KD_RP_DNS, KD_RP_MDNS},
    };
    if (a == b || (is_web(a) && is_web(b)))
        return true;
    for (size_t i = 0; i < KD_COUNT(pairs); i++)
        if ((a == pairs[i][0] && b == pairs[i][1]) || (b == pairs[i][0] && a == pairs[i][1]))
            return true;
    return false;
}

static bool carries(enum kd_rule_proto header, enum kd_rule_proto app)
{
    const char *over = kd_rule_proto_rows[app].over;
    switch (kd_rule_proto_rows[header].layer) {
    case KD_LAYER_APP:
        return kd_protos_agree(header, app);
    case KD_LAYER_NETWORK:
        return true;
    case KD_LAYER_TRANSPORT:
        return strpbrk(over, kd_rule_proto_rows[header].over) != NULL && header != KD_RP_ICMP;
    case KD_LAYER_LINK:
        return false;
    }
    return false;
}

static bool has_files(enum kd_rule_proto app)
{
    static const enum kd_rule_proto with[] = {KD_RP_HTTP, KD_RP_HTTP1,    KD_RP_HTTP2, KD_RP_SMTP,
                                              KD_RP_FTP,  KD_RP_FTP_DATA, KD_RP_SMB,   KD_RP_NFS,
                                              KD_RP_IMAP, KD_RP_POP3,     KD_RP_TFTP};
    for (size_t i = 0; i < KD_COUNT(with); i++)
        if (with[i] == app)
            return true;
    return kd_rule_proto_rows[app].layer != KD_LAYER_APP;
}

static bool of_file(const struct kd_parse *p, const struct kd_pending *c)
{
    switch ((enum kd_cond_kind)c->cond.kind) {
    case KD_COND_NUMBER:
        return kd_number_rows[c->cond.is.number.field].unit == KD_INSPECT_FILE;
    case KD_COND_FILE_HASH:
    case KD_COND_FILESTORE:
        return true;
    default:
        return c->place >= 0 && kd_inspect_rows[p->look[c->place].in].unit == KD_INSPECT_FILE;
    }
}

static bool check_protocols(struct kd_parse *p)
{
    if (p->two_apps)
        return kd_refuse(p, KD_WHY_TWO_PROTOCOLS);
    if (p->app != KD_RP_IP && !carries(p->rule.proto, p->app))
        return kd_refuse_word(p, KD_WHY_PROTOCOLS, kd_str(kd_rule_proto_rows[p->app].name));
    for (int i = 0; i < kd_parse_pending_count(p) && !has_files(p->rule.proto); i++)
        if (of_file(p, kd_parse_pending(p, i)))
            return kd_refuse_word(
                p, KD_WHY_PROTOCOLS,
                kd_nametab_at(&p->st->keywords, kd_parse_pending(p, i)->cond.keyword));
    p->rule.needs_app =
        p->app != KD_RP_IP || p->rpc || kd_rule_proto_rows[p->rule.proto].layer == KD_LAYER_APP;
    return true;
}

/* What is only in one direction decides where the rule can fire. */
static bool check_directions(struct kd_parse *p)
{
    unsigned only = 0;
    const char *last = "";
    for (int i = 0; i < p->n_looks; i++) {
        const struct kd_inspect_row *row = &kd_inspect_rows[p->look[i].in];
        only |= row->dir == KD_INSPECT_BOTH ? 0 : row->dir;
        last = row->dir == KD_INSPECT_BOTH ? last : row->name;
    }
    for (int i = 0; i < kd_parse_pending_count(p); i++) {
        const struct kd_cond *c = &kd_parse_pending(p, i)->cond;
        if (c->kind != KD_COND_NUMBER)
            continue;
        const struct kd_number_row *row = &kd_number_rows[c->is.number.field];
        only |= row->dir == KD_INSPECT_BOTH ? 0 : row->dir;
        last = row->dir == KD_INSPECT_BOTH ? last : row->name;
    }
    unsigned flow = (p->rule.flow & KD_FLOW_TO_SERVER ? KD_INSPECT_SERVER : 0) |
                    (p->rule.flow & KD_FLOW_TO_CLIENT ? KD_INSPECT_CLIENT : 0);
    p->rule.dir = (enum kd_inspect_dir)(flow != 0 ? flow : only != 0 ? only : KD_INSPECT_BOTH);
    if (p->rule.transactional) {
        p->rule.dir = KD_INSPECT_BOTH;
        return true;
    }
    if (only == KD_INSPECT_BOTH || (flow != 0 && (only & ~flow) != 0))
        return kd_refuse_word(p, KD_WHY_DIRECTIONS, kd_str(last));
    return true;
}

/* ---- Contents ---- */

static bool lower(struct kd_parse *p, struct kd_content *k)
{
    uint8_t *to = kd_arena_alloc(&p->st->mem, k->bytes.n);
    if (to == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    for (size_t i = 0; i < k->bytes.n; i++)
        to[i] = kd_ascii_lower(k->bytes.p[i]);
    k->bytes.p = to;
    return true;
}

static bool has_upper(struct kd_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] >= 'A' && b.p[i] <= 'Z')
            return true;
    return false;
}

static bool is_hash(enum kd_inspect in)
{
    return in == KD_IN_JA3_HASH || in == KD_IN_JA3S_HASH || in == KD_IN_SSH_HASSH ||
           in == KD_IN_SSH_HASSH_SERVER || in == KD_IN_TLS_CERT_FINGERPRINT;
}

static bool check_content(struct kd_parse *p, struct kd_pending *c)
{
    struct kd_content *k = &c->cond.is.content;
    const struct kd_parse_look *look = &p->look[c->place];
    bool nocase = (k->flags & KD_CONTENT_NOCASE) != 0;
    p->what = kd_str(kd_inspect_rows[look->in].name);
    if (look->in == KD_IN_HTTP_HOST && look->n_transforms == 0) {
        if (nocase)
            return kd_refuse(p, KD_WHY_NOCASE_REDUNDANT);
        if (has_upper(k->bytes))
            return kd_refuse(p, KD_WHY_UPPERCASE);
    }
    if (look->in == KD_IN_HTTP_METHOD && look->n_transforms == 0) {
        uint8_t first = k->bytes.p[0], last = k->bytes.p[k->bytes.n - 1];
        if (first == ' ' || first == '\t' || last == ' ' || last == '\t')
            return kd_refuse(p, KD_WHY_SPACES);
    }
    if (is_hash(look->in)) /* always in lower case: written in either */
        nocase = has_upper(k->bytes);
    return !nocase || lower(p, k);
}

static bool check_contents(struct kd_parse *p)
{
    for (int i = 0; i < kd_parse_pending_count(p); i++) {
        struct kd_pending *c = kd_parse_pending(p, i);
        if (c->cond.kind == KD_COND_CONTENT && !check_content(p, c))
            return false;
    }
    return true;
}

/* The longest a look's buffer may be by its bsize, or the payload by dsize; contents must fit. */
static bool check_sizes(struct kd_parse *p)
{
    int n = kd_parse_pending_count(p);
    for (int i = 0; i < n; i++) {
        const struct kd_pending *size = kd_parse_pending(p, i);
        bool bsize = size->cond.kind == KD_COND_BSIZE;
        bool dsize =
            size->cond.kind == KD_COND_NUMBER && size->cond.is.number.field == KD_NUM_DSIZE;
        const struct kd_range *r = bsize ? &size->cond.is.range : &size->cond.is.number.range;
        if ((!bsize && !dsize) || r->op != KD_RANGE_IN)
            continue;
        for (int k = 0; k < n; k++) {
            const struct kd_pending *c = kd_parse_pending(p, k);
            bool here = c->place >= 0 && (bsize ? c->place == size->place
                                                : p->look[c->place].in == KD_IN_PAYLOAD &&
                                                      p->look[c->place].n_transforms == 0);
            if (here && c->cond.kind == KD_COND_CONTENT && !c->cond.negated &&
                c->cond.is.content.bytes.n > r->b)
                return kd_refuse_word(p, KD_WHY_SIZE_CONFLICT, kd_str(bsize ? "bsize" : "dsize"));
        }
    }
    return true;
}

/* ---- Packets or streams ---- */

static bool of_packet(const struct kd_cond *c)
{
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_NUMBER:
        return kd_number_rows[c->is.number.field].unit == KD_INSPECT_PACKET;
    case KD_COND_TCP_FLAGS:
    case KD_COND_FRAGBITS:
    case KD_COND_IPOPTS:
    case KD_COND_IP_PROTO:
    case KD_COND_SAMEIP:
    case KD_COND_CSUM:
    case KD_COND_RPC:
        return true;
    default:
        return false;
    }
}

/* As Suricata does: contents of a TCP rule are sought in the stream; those with a position in the
 * packet too; with a condition on the packet, in the packet alone. */
static void packets_or_streams(struct kd_parse *p)
{
    struct kd_rule *r = &p->rule;
    bool packet = r->proto == KD_RP_TCP_PKT || (r->flow & KD_FLOW_NO_STREAM) != 0, payload = false;
    bool stream = r->proto == KD_RP_TCP_STREAM || (r->flow & KD_FLOW_ONLY_STREAM) != 0,
         placed = false;
    for (int i = 0; i < kd_parse_pending_count(p); i++) {
        const struct kd_pending *c = kd_parse_pending(p, i);
        packet |=
            of_packet(&c->cond) ||
            (c->place >= 0 && kd_inspect_rows[p->look[c->place].in].unit == KD_INSPECT_PACKET);
        if (c->place < 0 || p->look[c->place].in != KD_IN_PAYLOAD)
            continue;
        payload = true;
        if (c->cond.kind == KD_COND_CONTENT)
            placed |= (c->cond.is.content.flags & (KD_CONTENT_OFFSET | KD_CONTENT_DEPTH)) != 0;
    }
    r->packet_only = packet && !stream;
    bool tcp = strchr(kd_rule_proto_rows[r->proto].over, 'T') != NULL;
    r->stream_only = stream || (tcp && payload && !packet && !placed);
}

/* ---- Final form ---- */

static const struct kd_rule_buffer *intern_buffer(struct kd_parse *p, const struct kd_parse_look *l)
{
    struct kd_rules_state *st = p->st;
    struct kd_buf *key = &st->scratch;
    uint32_t head[2] = {l->in, (uint32_t)l->arg.n};
    bool ok = true;
    key->n = 0;
    ok = kd_buf_add(key, st->pool, kd_bytes_of(head, sizeof(head)), BUF_MAX) &&
         kd_buf_add(key, st->pool, l->arg, BUF_MAX);
    for (unsigned i = 0; ok && i < l->n_transforms; i++) {
        const struct kd_transform *t = &l->transform[i];
        int32_t part[5] = {(int32_t)t->kind, t->a, t->b, t->c, (int32_t)t->arg.n};
        ok = kd_buf_add(key, st->pool, kd_bytes_of(part, sizeof(part)), BUF_MAX) &&
             kd_buf_add(key, st->pool, t->arg, BUF_MAX);
    }
    uint32_t id =
        ok ? kd_nametab_add(&st->buffers, st->pool, &st->mem, kd_buf_view(key), UINT32_MAX - 1)
           : KD_NAME_NONE;
    if (id == KD_NAME_NONE)
        return NULL;
    void **known = kd_nametab_value(&st->buffers, id);
    if (*known != NULL)
        return *known;
    struct kd_rule_buffer *b = kd_arena_alloc(&st->mem, sizeof(*b));
    struct kd_transform *t = kd_arena_alloc(&st->mem, (l->n_transforms + 1u) * sizeof(*t));
    if (b == NULL || t == NULL)
        return NULL;
    memcpy(t, l->transform, l->n_transforms * sizeof(*t));
    *b = (struct kd_rule_buffer){id, l->in, l->arg, l->n_transforms, t};
    *known = b;
    return b;
}

/* The conditions of one place, in order. */
static const struct kd_cond *gather(struct kd_parse *p, int place, uint16_t *ret_n)
{
    int total = kd_parse_pending_count(p);
    size_t n = 0;
    for (int i = 0; i < total; i++)
        n += kd_parse_pending(p, i)->place == place;
    struct kd_cond *list = kd_arena_alloc(&p->st->mem, (n + 1) * sizeof(*list));
    if (list == NULL)
        return NULL;
    *ret_n = (uint16_t)n;
    n = 0;
    for (int i = 0; i < total; i++)
        if (kd_parse_pending(p, i)->place == place)
            list[n++] = kd_parse_pending(p, i)->cond;
    return list;
}

static bool build_looks(struct kd_parse *p)
{
    struct kd_rule *r = &p->rule;
    struct kd_look *look = kd_arena_alloc(&p->st->mem, (p->n_looks + 1u) * sizeof(*look));
    if (look == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    r->look = look;
    for (int i = 0; i < p->n_looks; i++) {
        uint16_t n;
        const struct kd_cond *cond = gather(p, i, &n);
        const struct kd_rule_buffer *buffer = intern_buffer(p, &p->look[i]);
        if (cond == NULL || buffer == NULL)
            return kd_refuse(p, KD_WHY_NO_MEMORY);
        if (n > 0) /* a payload look is empty when all its contents moved to other buffers */
            look[r->n_looks++] = (struct kd_look){buffer, (uint8_t)p->look[i].side, n, cond};
    }
    return true;
}

static const struct kd_rule_pair *pairs(struct kd_parse *p, const struct kd_buf *from,
                                        uint16_t *ret_n)
{
    struct kd_bytes b = kd_buf_view(from);
    if (b.n == 0)
        return NULL;
    *ret_n = (uint16_t)(b.n / sizeof(struct kd_rule_pair));
    return (const struct kd_rule_pair *)(const void *)kd_parse_copy(p, b).p;
}

static bool build(struct kd_parse *p)
{
    struct kd_rule *r = &p->rule;
    if (!build_looks(p))
        return false;
    r->check = gather(p, KD_PLACE_CHECK, &r->n_checks);
    r->act = gather(p, KD_PLACE_ACT, &r->n_actions);
    r->reference = pairs(p, &p->st->refs, &r->n_references);
    r->metadata = pairs(p, &p->st->metas, &r->n_metadata);
    struct kd_bytes vars = kd_bytes_of(p->var, r->n_vars * sizeof(p->var[0]));
    r->var_name = (const struct kd_bytes *)(const void *)kd_parse_copy(p, vars).p;
    bool anywhere = r->sport->any && r->dport->any;
    r->header_only =
        r->n_looks == 0 && r->n_checks == 0 && r->flow == 0 && !r->needs_app && anywhere;
    return (r->check != NULL && r->act != NULL) || kd_refuse(p, KD_WHY_NO_MEMORY);
}

bool kd_parse_settle(struct kd_parse *p)
{
    if (p->named)
        return kd_refuse(p, KD_WHY_BUFFER_UNUSED);
    p->what = kd_str("");
    if (p->rule.sid == 0)
        return kd_refuse(p, KD_WHY_NO_SID);
    if (!check_protocols(p) || !check_directions(p) || !check_contents(p) || !check_sizes(p))
        return false;
    packets_or_streams(p);
    return build(p);
}
