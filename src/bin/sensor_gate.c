/* SPDX-License-Identifier: Apache-2.0 */
/* Gate and dial: what they are told, and the files opened for them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/smtp/smtp.h"
#include "base/clock.h"
#include "base/severity.h"
#include "bin/authorities.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "os/fd.h"

enum { PORT_STARTTLS = 587, PORT_TLS = 465, PORT_PLAIN = 25, PASSWORD_BYTES_MAX = 1024 };

bool kd_gate_wanted(const struct kd_sensor *s, const struct kd_config *cfg)
{
    bool live = s->plan.n_files == 0 || s->plan.loop;
    return live && s->data_fd >= 0 && cfg->mail_server[0] != '\0';
}

/* This machine's name as a mail server may be told it. */
static void own_name(char *into, size_t size)
{
    char name[65] = "";
    struct kd_out o = kd_out_of(into, size - 1);
    (void)gethostname(name, sizeof(name) - 1);
    for (const char *c = name; *c != '\0'; c++)
        if (*c == '-' || *c == '.' || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
            (*c >= 'A' && *c <= 'Z'))
            kd_out_u8(&o, (uint8_t)*c);
    if (o.n == 0)
        kd_out_str(&o, "kidoban.localdomain");
    into[o.n] = '\0';
}

static void copy(char *into, size_t size, const char *text)
{
    struct kd_bytes b =
        kd_bytes_head(kd_str(text), size - 1); /* the configuration's bounds are narrower */
    memcpy(into, b.p, b.n);
    into[b.n] = '\0';
}

void kd_gate_settings(struct kd_start *st, const struct kd_config *cfg)
{
    struct kd_start_mail *m = &st->mail;
    bool tls = strcmp(cfg->mail_tls, "tls") == 0, plain = strcmp(cfg->mail_tls, "none") == 0;
    uint16_t port = tls ? PORT_TLS : plain ? PORT_PLAIN : PORT_STARTTLS;
    *m = (struct kd_start_mail){.port = cfg->mail_port != 0 ? (uint16_t)cfg->mail_port : port,
                                .tls = tls     ? KD_SMTP_TLS
                                       : plain ? KD_SMTP_PLAIN
                                               : KD_SMTP_STARTTLS,
                                .severity = (uint8_t)kd_severity_of(kd_str(cfg->mail_min_severity))};
    copy(m->server, sizeof(m->server), cfg->mail_server);
    if (st->role == KD_PROC_STORE)
        m->n_to = m->server[0] != '\0'; /* that there is somebody */
    if (st->role != KD_PROC_GATE)
        return;
    own_name(m->helo, sizeof(m->helo));
    copy(m->user, sizeof(m->user), cfg->mail_user);
    copy(m->from, sizeof(m->from), cfg->mail_from);
    copy(m->url, sizeof(m->url), cfg->web_url);
    for (size_t n = strlen(m->url); n > 0 && m->url[n - 1] == '/'; n--)
        m->url[n - 1] = '\0';
    m->n_to = (uint32_t)cfg->mail_to.n;
    for (size_t i = 0; i < cfg->mail_to.n; i++)
        copy(m->to[i], sizeof(m->to[i]), cfg->mail_to.item[i]);
    m->ja = strcmp(cfg->mail_language, "en") != 0;
    m->en = strcmp(cfg->mail_language, "ja") != 0;
    m->quiet_us = cfg->mail_quiet_minutes * KD_US_PER_MINUTE;
    m->alarm_us = cfg->mail_alarm_minutes * KD_US_PER_MINUTE;
}

static bool refuse(const struct kd_sensor *s, const char *path, const char *why)
{
    (void)kd_say(0, s->plan.command, "notice.email.password_file: %s: %s", path, why);
    return false;
}

/* A secret that others may read is none. */
static bool add_password(const struct kd_sensor *s, struct kd_child *c, const char *path)
{
    struct stat st;
    if (path[0] == '\0')
        return true;
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0)
        return refuse(s, path, "cannot be read; correct the path or its permissions");
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > PASSWORD_BYTES_MAX)
        return refuse(s, path, "write one line with the password into it");
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return refuse(s, path,
                      "belongs to another user; give it to root, or to who starts kidoban");
    if ((st.st_mode & 077) != 0)
        return refuse(s, path, "others may read it; run chmod 600 on it");
    int given = fd;
    fd = -1;
    return kd_sensor_extra(c, KD_EXTRA_PASSWORD, given, "", 0);
}

static bool add_authorities(const struct kd_sensor *s, struct kd_child *c,
                            const struct kd_config *cfg)
{
    if (strcmp(cfg->mail_tls, "none") == 0)
        return true;
    int fd = kd_authorities_open(s->plan.command, "notice.email.ca_file", cfg->mail_ca_file);
    return fd >= 0 && kd_sensor_extra(c, KD_EXTRA_AUTHORITIES, fd, "", 0);
}

bool kd_gate_files(const struct kd_sensor *s, struct kd_child *c, const struct kd_config *cfg)
{
    static struct kd_child anew; /* large */
    anew = *c;
    anew.start.n_extras = 0;
    bool ok = add_password(s, &anew, cfg->mail_password_file) && add_authorities(s, &anew, cfg);
    struct kd_child *gone = ok ? c : &anew;
    for (size_t i = 0; i < gone->start.n_extras; i++)
        kd_fd_close(&gone->extra_fds[i]);
    if (ok)
        *c = anew;
    return ok;
}

bool kd_gate_describe(struct kd_sensor *s)
{
    if (!kd_gate_wanted(s, s->plan.config))
        return true;
    struct kd_child *gate = kd_sensor_child(s, KD_PROC_GATE, 0);
    gate->ask = s->edges[KD_EDGE_NOTICED][0];
    (void)kd_sensor_child(s, KD_PROC_DIAL, 0); /* started for each connection */
    return kd_gate_files(s, gate, s->plan.config);
}
