/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/authorities.h"

#include <errno.h>
#include <fcntl.h>

#include "bin/say.h"

int kd_authorities_open(const char *command, const char *key, const char *path)
{
    static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt",
                                         "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    int fd = -1;
    if (path[0] != '\0')
        fd = open(path, O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; path[0] == '\0' && i < KD_COUNT(places) && fd < 0; i++)
        fd = open(places[i], O_RDONLY | O_CLOEXEC);
    if (fd < 0 && path[0] != '\0')
        (void)kd_say(0, command, "%s: %s: cannot be read (%s); correct the path or its permissions", key, path,
                     strerror(errno));
    else if (fd < 0)
        (void)kd_say(0, command,
                     "no list of certification authorities on this system; install ca-certificates or write %s", key);
    return fd;
}
