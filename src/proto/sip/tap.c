/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sip/sip.h"

static void show(const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir, struct kd_bytes value)
{
    if (value.n > 0)
        kd_inspect(ctx, id, dir, value);
}

static void show_all(const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir, struct kd_strs values)
{
    for (size_t i = 0; i < values.n; i++)
        kd_inspect(ctx, id, dir, values.v[i]);
}

static void show_headers(const struct kd_ctx *ctx, enum kd_dir dir, const struct sip_message *m)
{
    static const struct {
        const char *name;
        enum kd_inspect id;
    } rows[] = {
        {"From", KD_IN_SIP_FROM},
        {"To", KD_IN_SIP_TO},
        {"Via", KD_IN_SIP_VIA},
        {"User-Agent", KD_IN_SIP_USER_AGENT},
        {"Content-Type", KD_IN_SIP_CONTENT_TYPE},
        {"Content-Length", KD_IN_SIP_CONTENT_LENGTH},
    };
    for (size_t k = 0; k < KD_COUNT(rows); k++)
        for (size_t i = 0; kd_wants(ctx, rows[k].id, dir) && i < m->n_headers; i++)
            if (kd_bytes_ieq(m->header[i].name, kd_str(rows[k].name)))
                kd_inspect(ctx, rows[k].id, dir, m->header[i].value);
}

static void show_media(const struct kd_ctx *ctx, enum kd_dir dir, const struct kd_sdp_media *m)
{
    show(ctx, KD_IN_SDP_MEDIA_MEDIA, dir, m->media);
    show(ctx, KD_IN_SDP_MEDIA_SESSION_INFO, dir, m->media_info);
    show(ctx, KD_IN_SDP_MEDIA_CONNECTION_DATA, dir, m->connection_data);
    show(ctx, KD_IN_SDP_MEDIA_ENCRYPTION_KEY, dir, m->encryption_key);
    show_all(ctx, KD_IN_SDP_BANDWIDTH, dir, m->bandwidths);
    show_all(ctx, KD_IN_SDP_ATTRIBUTE, dir, m->attributes);
}

static void show_sdp(const struct kd_ctx *ctx, enum kd_dir dir, const struct kd_sdp *s)
{
    const struct kd_sdp_time *time = s->time_descriptions.v;
    const struct kd_sdp_media *media = s->media_descriptions.v;
    show(ctx, KD_IN_SDP_ORIGIN, dir, s->origin);
    show(ctx, KD_IN_SDP_SESSION_NAME, dir, s->session_name);
    show(ctx, KD_IN_SDP_SESSION_INFO, dir, s->session_info);
    show(ctx, KD_IN_SDP_URI, dir, s->uri);
    show(ctx, KD_IN_SDP_EMAIL, dir, s->email);
    show(ctx, KD_IN_SDP_PHONE_NUMBER, dir, s->phone_number);
    show(ctx, KD_IN_SDP_CONNECTION_DATA, dir, s->connection_data);
    show(ctx, KD_IN_SDP_TIMEZONE, dir, s->timezone);
    show(ctx, KD_IN_SDP_ENCRYPTION_KEY, dir, s->encryption_key);
    show_all(ctx, KD_IN_SDP_BANDWIDTH, dir, s->bandwidths);
    show_all(ctx, KD_IN_SDP_ATTRIBUTE, dir, s->attributes);
    for (size_t i = 0; i < s->time_descriptions.n; i++) {
        show(ctx, KD_IN_SDP_TIME, dir, time[i].time);
        show(ctx, KD_IN_SDP_REPEAT_TIME, dir, time[i].repeat_time);
    }
    for (size_t i = 0; i < s->media_descriptions.n; i++)
        show_media(ctx, dir, &media[i]);
}

void sip_show(const struct kd_ctx *ctx, enum kd_dir dir, const struct sip_message *m, const struct sip_sdp *sdp)
{
    if (!kd_wants_any(ctx))
        return;
    show(ctx, KD_IN_SIP_METHOD, dir, m->method);
    show(ctx, KD_IN_SIP_URI, dir, m->uri);
    show(ctx, KD_IN_SIP_PROTOCOL, dir, m->version);
    show(ctx, m->is_response ? KD_IN_SIP_RESPONSE_LINE : KD_IN_SIP_REQUEST_LINE, dir, m->first_line);
    show(ctx, KD_IN_SIP_STAT_CODE, dir, m->code);
    show(ctx, KD_IN_SIP_STAT_MSG, dir, m->reason);
    show_headers(ctx, dir, m);
    if (sdp != NULL)
        show_sdp(ctx, dir, &sdp->is);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}
