/* SPDX-License-Identifier: Apache-2.0 */
#include "config/table.h"

static void complain(struct kd_config_problems *p, const char *en, const char *ja)
{
    if (p->n == KD_CONFIG_PROBLEMS_MAX)
        return;
    struct kd_config_problem *at = &p->at[p->n++];
    *at = (struct kd_config_problem){.line = 0};
    (void)snprintf(at->en, sizeof(at->en), "%s", en);
    (void)snprintf(at->ja, sizeof(at->ja), "%s", ja);
}

void kd_config_whole(const struct kd_config *c, struct kd_config_problems *problems)
{
    bool user = c->mail_user[0] != '\0', file = c->mail_password_file[0] != '\0';
    if (c->mail_server[0] == '\0') {
        if (c->mail_from[0] != '\0' || c->mail_to.n > 0 || user)
            complain(problems,
                     "notice.email.server: missing; write the mail server, or remove the other "
                     "keys of notice.email",
                     "notice.email.server: ありません。メールサーバーを書くか、notice.email "
                     "の他の項目を削除してください");
        return;
    }
    if (c->mail_from[0] == '\0')
        complain(problems, "notice.email.from: missing; write the address that notices come from",
                 "notice.email.from: ありません。差出人のアドレスを書いてください");
    if (c->mail_to.n == 0)
        complain(problems,
                 "notice.email.to: missing; write at least one address that notices go to",
                 "notice.email.to: ありません。宛先のアドレスを 1 つ以上書いてください");
    if (user && !file)
        complain(problems,
                 "notice.email.password_file: missing; with notice.email.user a password is needed",
                 "notice.email.password_file: ありません。notice.email.user "
                 "を書いたときはパスワードのファイルも必要です");
    if (!user && file)
        complain(problems, "notice.email.user: missing; a password needs a user",
                 "notice.email.user: ありません。パスワードには利用者名が必要です");
    if (user && strcmp(c->mail_tls, "none") == 0)
        complain(problems,
                 "notice.email.tls: none would send the password in clear; write starttls or tls, "
                 "or remove user and "
                 "password_file",
                 "notice.email.tls: none ではパスワードが暗号化されずに流れます。starttls か tls "
                 "にするか、user と "
                 "password_file を削除してください");
}
