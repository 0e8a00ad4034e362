/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ntlm/ntlm.h"

#include "base/utf16.h"

enum {
    FLAG_UNICODE = 0x00000001,
    FLAG_ANONYMOUS = 0x00000800,
    FLAG_VERSION = 0x02000000,
    AV_EOL = 0,
    AV_DNS_COMPUTER = 3,
    AV_DNS_DOMAIN = 4,
    AV_MAX = 32,
    NTLMV1_RESPONSE_BYTES = 24
};

static const struct kd_bytes signature = {(const uint8_t *)"NTLMSSP", 8};

bool kd_ntlm_is(struct kd_bytes in)
{
    return kd_bytes_starts(in, signature);
}

/* u16 length, u16 room, u32 offset in the message. */
static struct kd_bytes read_field(struct kd_cur *c, struct kd_bytes msg)
{
    size_t n = kd_cur_le16(c);
    (void)kd_cur_le16(c);
    struct kd_bytes b = kd_bytes_from(msg, kd_cur_le32(c));
    return n <= b.n ? kd_bytes_head(b, n) : (struct kd_bytes){NULL, 0};
}

static void read_version(struct kd_cur *c, struct kd_ntlm *m)
{
    m->major = kd_cur_u8(c);
    m->minor = kd_cur_u8(c);
    m->build = kd_cur_le16(c);
    m->has_version = kd_cur_ok(c) && m->major > 0;
}

static void read_target_info(struct kd_bytes info, struct kd_ntlm *m)
{
    struct kd_cur c = kd_cur_of(info);
    for (unsigned i = 0; i < AV_MAX && kd_cur_more(&c); i++) {
        uint16_t id = kd_cur_le16(&c);
        struct kd_bytes value = kd_cur_take(&c, kd_cur_le16(&c));
        if (!kd_cur_ok(&c) || id == AV_EOL)
            return;
        if (id == AV_DNS_COMPUTER)
            m->dns_host = value;
        else if (id == AV_DNS_DOMAIN)
            m->dns_domain = value;
    }
}

static enum kd_status read_negotiate(struct kd_cur *c, struct kd_bytes msg, struct kd_ntlm *m)
{
    m->flags = kd_cur_le32(c);
    if (!kd_cur_ok(c))
        return KD_TRUNCATED;
    m->domain = read_field(c, msg);
    m->host = read_field(c, msg);
    if (m->flags & FLAG_VERSION)
        read_version(c, m);
    return KD_OK;
}

static enum kd_status read_challenge(struct kd_cur *c, struct kd_bytes msg, struct kd_ntlm *m)
{
    m->target = read_field(c, msg);
    m->flags = kd_cur_le32(c);
    if (!kd_cur_ok(c))
        return KD_TRUNCATED;
    m->unicode = (m->flags & FLAG_UNICODE) != 0;
    (void)kd_cur_take(c, 8 + 8); /* challenge, reserved */
    read_target_info(read_field(c, msg), m);
    if (m->flags & FLAG_VERSION)
        read_version(c, m);
    return KD_OK;
}

static enum kd_status read_authenticate(struct kd_cur *c, struct kd_bytes msg, struct kd_ntlm *m)
{
    struct kd_bytes lm = read_field(c, msg);
    m->nt_response = read_field(c, msg);
    m->domain = read_field(c, msg);
    m->user = read_field(c, msg);
    m->host = read_field(c, msg);
    if (!kd_cur_ok(c))
        return KD_TRUNCATED;
    /* The oldest clients end here; then the texts say what they are by nothing but custom. */
    (void)read_field(c, msg); /* session key */
    m->flags = kd_cur_le32(c);
    m->unicode = !kd_cur_ok(c) || (m->flags & FLAG_UNICODE) != 0;
    if (m->flags & FLAG_VERSION)
        read_version(c, m);
    m->anonymous =
        m->user.n == 0 && m->nt_response.n == 0 && (lm.n <= 1 || (m->flags & FLAG_ANONYMOUS));
    m->ntlmv1 = m->nt_response.n == NTLMV1_RESPONSE_BYTES ||
                (m->nt_response.n == 0 && lm.n == NTLMV1_RESPONSE_BYTES);
    return KD_OK;
}

enum kd_status kd_ntlm_parse(struct kd_bytes in, struct kd_ntlm *ret)
{
    struct kd_cur c = kd_cur_of(in);
    *ret = (struct kd_ntlm){0};
    if (!kd_ntlm_is(in))
        return KD_MALFORMED;
    (void)kd_cur_take(&c, signature.n);
    uint32_t type = kd_cur_le32(&c);
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    switch (type) {
    case KD_NTLM_NEGOTIATE:
        ret->type = KD_NTLM_NEGOTIATE;
        return read_negotiate(&c, in, ret);
    case KD_NTLM_CHALLENGE:
        ret->type = KD_NTLM_CHALLENGE;
        return read_challenge(&c, in, ret);
    case KD_NTLM_AUTHENTICATE:
        ret->type = KD_NTLM_AUTHENTICATE;
        return read_authenticate(&c, in, ret);
    default:
        return KD_MALFORMED;
    }
}

struct kd_bytes kd_ntlm_text(struct kd_out *o, struct kd_bytes raw, bool unicode)
{
    size_t max = unicode ? kd_utf16_room(raw.n) : raw.n;
    max = kd_min_size(kd_min_size(max, KD_NTLM_TEXT_MAX), o->full ? 0 : o->max - o->n);
    struct kd_out part = kd_out_of(o->p + o->n, max);
    if (unicode)
        kd_out_utf16le(&part, raw);
    else
        kd_out_bytes(&part, kd_bytes_head(raw, max));
    o->n += part.n;
    return kd_out_bytes_view(&part);
}

void kd_ntlm_describe(const struct kd_ntlm *m, struct kd_rec_ntlm *rec, struct kd_out *text)
{
    if (m->type == KD_NTLM_CHALLENGE) {
        rec->target = kd_ntlm_text(text, m->target, m->unicode);
        rec->dns_host = kd_ntlm_text(text, m->dns_host, true);
        rec->dns_domain = kd_ntlm_text(text, m->dns_domain, true);
    } else if (m->type == KD_NTLM_AUTHENTICATE) {
        rec->user = kd_ntlm_text(text, m->user, m->unicode);
        rec->domain = kd_ntlm_text(text, m->domain, m->unicode);
        rec->host = kd_ntlm_text(text, m->host, m->unicode);
        rec->ntlmv1 = m->ntlmv1;
        rec->anonymous = m->anonymous;
        if (m->has_version) {
            size_t from = text->n;
            kd_out_fmt(text, "%u.%u.%u", m->major, m->minor, m->build);
            rec->version = kd_bytes_from(kd_out_bytes_view(text), from);
        }
    }
}
