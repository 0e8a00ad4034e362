/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "bin/reading.h"
#include "bin/say.h"
#include "store/package.h"

#define U(x) ((unsigned long long)(x))

static int tell(const struct kd_verify_result *v)
{
    bool ja = kd_say_japanese();
    if (!v->ok)
        return kd_say(KD_EXIT_NO, "verify",
                      ja ? "%s: 封印と一致しません(%s)。この記録は改ざんまたは破損の疑いがあります"
                         : "%s: the seal does not match (%s); this evidence was changed or damaged",
                      v->where, v->what);
    printf(ja ? "封印はすべて一致しました: %llu 日分、%llu ブロック、%llu 件の記録。\n"
              : "all seals match: %llu days, %llu blocks, %llu records\n",
           U(v->days), U(v->blocks), U(v->records));
    if (v->days_gone > 0)
        printf(ja ? "保存期間を過ぎて削除された日: %llu\n" : "days removed by retention: %llu\n",
               U(v->days_gone));
    if (v->unsealed_blocks > 0)
        printf(ja ? "まだ署名されていない(鎖だけで守られた)ブロック: %llu\n"
                  : "blocks not signed yet (held by the chain only): %llu\n",
               U(v->unsealed_blocks));
    return KD_EXIT_DONE;
}

static ptrdiff_t read_fd(void *arg, void *buf, size_t n)
{
    const int *fd = arg;
    ssize_t got;
    do
        got = read(*fd, buf, n);
    while (got < 0 && errno == EINTR);
    return got;
}

int kd_cmd_verify(int argc, char **argv)
{
    static struct kd_reading rd;
    static struct kd_verify_result result;
    struct kd_err err = {0};
    int status = kd_reading_begin("verify", argc, argv, false, &rd);
    if (status != KD_EXIT_DONE)
        return status;
    enum kd_status s = rd.package_fd >= 0
                           ? kd_package_verify(read_fd, &rd.package_fd, NULL, &result, &err)
                           : kd_verify(rd.dir_fd, NULL, NULL, NULL, &result, &err);
    if (s != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "verify", &err);
    return tell(&result);
}
