/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sip/sip.h"

static void add(struct kd_strs *list, struct kd_bytes *room, struct kd_bytes value)
{
    list->v = room;
    if (list->n < SIP_SDP_ITEMS)
        room[list->n++] = value;
}

/* Lines before the first medium (RFC 8866, 5). */
static void session_line(struct sip_sdp *s, uint8_t type, struct kd_bytes value)
{
    struct kd_sdp *is = &s->is;
    switch (type) {
    case 'o':
        is->origin = value;
        break;
    case 's':
        is->session_name = value;
        break;
    case 'i':
        is->session_info = value;
        break;
    case 'u':
        is->uri = value;
        break;
    case 'e':
        is->email = value;
        break;
    case 'p':
        is->phone_number = value;
        break;
    case 'c':
        is->connection_data = value;
        break;
    case 'b':
        add(&is->bandwidths, s->bandwidth, value);
        break;
    case 't':
        if (is->time_descriptions.n < SIP_SDP_ITEMS)
            s->time[is->time_descriptions.n++] = (struct kd_sdp_time){.time = value};
        break;
    case 'r':
        if (is->time_descriptions.n > 0)
            s->time[is->time_descriptions.n - 1].repeat_time = value;
        break;
    case 'z':
        is->timezone = value;
        break;
    case 'k':
        is->encryption_key = value;
        break;
    case 'a':
        add(&is->attributes, s->attribute, value);
        break;
    default:
        break;
    }
}

static void media_line(struct sip_media *m, uint8_t type, struct kd_bytes value)
{
    switch (type) {
    case 'i':
        m->is.media_info = value;
        break;
    case 'c':
        m->is.connection_data = value;
        break;
    case 'b':
        add(&m->is.bandwidths, m->bandwidth, value);
        break;
    case 'k':
        m->is.encryption_key = value;
        break;
    case 'a':
        add(&m->is.attributes, m->attribute, value);
        break;
    default:
        break;
    }
}

bool sip_read_sdp(struct kd_bytes in, struct sip_sdp *ret)
{
    size_t n_media = 0;
    memset(&ret->is, 0, sizeof(ret->is));
    if (!kd_bytes_starts(in, kd_str("v=")))
        return false;
    while (in.n > 0) {
        struct kd_bytes line = sip_strip(kd_bytes_cut(&in, '\n'));
        if (line.n < 2 || line.p[1] != '=')
            continue;
        struct kd_bytes value = kd_bytes_from(line, 2);
        if (line.p[0] == 'm') {
            if (n_media == SIP_MEDIA_MAX)
                break;
            ret->media[n_media].is = (struct kd_sdp_media){.media = value};
            n_media++;
        } else if (n_media > 0) {
            media_line(&ret->media[n_media - 1], line.p[0], value);
        } else {
            session_line(ret, line.p[0], value);
        }
    }
    ret->is.time_descriptions.v = ret->time;
    for (size_t i = 0; i < n_media; i++)
        ret->media_list[i] = ret->media[i].is;
    ret->is.media_descriptions = (struct kd_list){ret->media_list, n_media};
    return true;
}
