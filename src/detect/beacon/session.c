/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/beacon/session.h"

#include "detect/common.h"
#include "findings.h"

enum { IP_TCP = 6 };

/* Ports at which a protocol that we do not know is nothing to speak of. */
static bool is_known_service(uint16_t port)
{
    static const uint16_t ports[] = {1194, 1433, 1521, 1723, 1883, 2049, 3306, 3389, 5060, 5061, 5222, 5223, 5228,
                                     5432, 5900, 6379, 8883, 27017};
    for (size_t i = 0; i < KD_COUNT(ports); i++)
        if (ports[i] == port)
            return true;
    return port < 1024 && port != 80 && port != 443;
}

/* First bytes of the web's own protocols: their parser only gave up. */
static bool is_web_head(struct kd_bytes head)
{
    static const uint8_t handshake[] = {22, 3};
    static const char *const methods[] = {"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "CONNECT ", "PRI *", "HTTP/"};
    if (kd_bytes_starts(head, kd_bytes_of(handshake, sizeof(handshake))))
        return true;
    for (size_t i = 0; i < KD_COUNT(methods); i++)
        if (kd_bytes_starts(head, kd_str(methods[i])))
            return true;
    return false;
}

/* A tag of letters, the frame's length, the data's length, then data packed by zlib (RFC 1950): how a widespread
 * family of remote-control programs frames all it says, whatever tag its users give it. */
static bool is_packed_frame(struct kd_bytes head)
{
    enum { TAG_LEAST = 3, TAG_MOST = 16, LENGTHS = 8, FRAME_MOST = 1 << 24, DEFLATE = 0x78 };
    for (size_t tag = 0; tag <= TAG_MOST && tag + LENGTHS + 2 <= head.n; tag++) {
        struct kd_cur c = kd_cur_of(kd_bytes_from(head, tag));
        uint32_t frame = kd_cur_le32(&c), data = kd_cur_le32(&c);
        uint8_t method = kd_cur_u8(&c), level = kd_cur_u8(&c);
        bool packed = method == DEFLATE && (method * 256u + level) % 31 == 0;
        if (tag >= TAG_LEAST && packed && frame > tag + LENGTHS && frame < FRAME_MOST && data > 0 && data < FRAME_MOST)
            return true;
        if (head.p[tag] < 0x21 || head.p[tag] > 0x7e)
            return false;
    }
    return false;
}

static bool spoke(const struct kd_record *r)
{
    enum { TOLD_BYTES = 32, ANSWERS = 2 };
    const struct kd_rec_flow *f = r->body;
    bool whole = !f->midstream && f->gap_bytes == 0;
    return r->head->proto == IP_TCP && f->data_toserver >= TOLD_BYTES && f->pkts_toclient >= ANSWERS &&
           f->payload_head.n > 0 && whole && !is_web_head(f->payload_head);
}

/* What a command line says first when it is handed to the other end of a connection: its banner, its prompt, or its
 * complaint that there is no terminal.  Servers of command lines (telnet, SSH) are called; they do not call. */
static bool is_command_line(struct kd_bytes head)
{
    static const char *const words[] = {"Microsoft Windows [", "Microsoft(R) Windows", "Windows PowerShell", "PS C:\\",
                                        "bash: cannot set terminal", "bash: no job control", "/bin/sh: 0: can't access tty",
                                        "sh: 0: can't access tty", "sh: no job control", "bash-5.", "bash-4.", "sh-5.", "sh-4."};
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (kd_bytes_istarts(head, kd_str(words[i])))
            return true;
    return false;
}

bool kd_is_unknown_session(const struct kd_detect *d, const struct kd_record *r)
{
    return spoke(r) && !is_known_service(r->head->dst_port) && !kd_detect_is_inside(d, &r->head->dst);
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind, int severity)
{
    const struct kd_rec_flow *f = r->body;
    const struct kd_rec_head *h = r->head;
    struct kd_digits port, bytes;
    struct kd_key fold = kd_key_of('s');
    kd_key_addr(&fold, &h->dst);
    kd_key_u16(&fold, h->dst_port);
    struct kd_fact facts[] = {
        {"port", kd_digits_of(&port, h->dst_port)},
        {"bytes", kd_digits_of(&bytes, f->data_toserver + f->data_toclient)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = h->src, .peer = h->dst, .fold = kd_key_view(&fold), .severity = severity,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = &h->id, .n_record_ids = 1,
                   .first_us = f->start_us, .last_us = f->end_us,
               });
}

static struct kd_greeting *greeting_of(struct kd_detect *d, const struct kd_rec_head *h)
{
    struct kd_key key = kd_key_of(KD_KEY_GREETING);
    kd_key_addr(&key, &h->src);
    kd_key_addr(&key, &h->dst);
    kd_key_u16(&key, h->dst_port);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

/* Does this session begin as the one before did?  Counted once, when it ends. */
static bool is_greeted_again(struct kd_greeting *g, const struct kd_rec_flow *f)
{
    enum { TWICE = 2 };
    if (f->payload_head.n < sizeof(g->b) || kd_bytes_eq_str(f->reason, "update"))
        return false;
    bool same = memcmp(g->b, f->payload_head.p, sizeof(g->b)) == 0;
    memcpy(g->b, f->payload_head.p, sizeof(g->b));
    g->n = same ? g->n + 1 : 1;
    return g->n >= TWICE;
}

static void packed_session(struct kd_detect *d, const struct kd_record *r, struct kd_greeting *g)
{
    enum { SESSIONS_SURE = 3 };
    const struct kd_rec_flow *f = r->body;
    g->n_rat += !kd_bytes_eq_str(f->reason, "update");
    bool sure = g->n_rat >= SESSIONS_SURE && f->data_toclient > 0;
    /* Told at first, when it becomes sure, and each time their number has doubled. */
    if (g->rat_told == 0 || g->n_rat == SESSIONS_SURE || g->n_rat >= 2 * g->rat_told)
        tell(d, r, &kd_finding_KD_CC_0062, sure ? KD_HIGH : KD_MEDIUM);
    else
        return;
    g->rat_told = (uint32_t)kd_max_u64(g->n_rat, 1);
}

void kd_unknown_session(struct kd_detect *d, const struct kd_record *r, bool common)
{
    const struct kd_rec_flow *f = r->body;
    if (!spoke(r))
        return;
    struct kd_greeting *g = greeting_of(d, r->head);
    if (g == NULL)
        return;
    if (is_packed_frame(f->payload_head)) {
        packed_session(d, r, g);
        return;
    }
    if (is_command_line(f->payload_head)) {
        tell(d, r, &kd_finding_KD_CC_0063, -1);
        return;
    }
    bool again = is_greeted_again(g, f);
    if (common || !kd_is_unknown_session(d, r))
        return;
    bool web = r->head->dst_port == 80 || r->head->dst_port == 443;
    if (web)
        tell(d, r, &kd_finding_KD_CC_0008, -1);
    else if (again || (double)f->age_us >= kd_detect_tunable(d, "session_s") * 1e6)
        tell(d, r, &kd_finding_KD_CC_0007, -1);
}
