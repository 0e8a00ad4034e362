/* SPDX-License-Identifier: Apache-2.0 */
#include "notice/reason.h"

static const struct kd_reason_row rows[KD_REASONS] = {
    [KD_REASON_NONE] = {"", "", "", "", ""},
    [KD_REASON_NAME] =
        {"name", "メールサーバーの名前が見つかりません。",
         "The mail server's name cannot be found.",
         "設定の notice.email.server の綴りと、センサーが使う DNS サーバーを確かめてください。",
         "Check the spelling of notice.email.server and the sensor's DNS server."},
    [KD_REASON_CONNECT] =
        {"connect", "メールサーバーに接続できません。", "The mail server cannot be reached.",
         "サーバーが動いていること、ポート番号、間のファイアウォールがセンサーからの通信を許してい"
         "ることを"
         "確かめてください。",
         "Check that the server is running, the port, and that firewalls let the sensor through."},
    [KD_REASON_TIME] =
        {"time", "メールサーバーの応答が遅く、時間切れになりました。",
         "The mail server did not answer in time.",
         "サーバーの負荷と、間のファイアウォールを確かめてください。自動で再試行します。",
         "Check the server's load and the firewalls between. It is tried again by itself."},
    [KD_REASON_NO_TLS] =
        {"no_tls", "メールサーバーが暗号化(STARTTLS)に対応していないため、送りませんでした。",
         "The mail server offers no encryption (STARTTLS), so nothing was sent.",
         "サーバーで STARTTLS を有効にするか、ポートと notice.email.tls の設定を見直してください。",
         "Turn STARTTLS on at the server, or correct the port or notice.email.tls."},
    [KD_REASON_CERTIFICATE] =
        {"certificate", "メールサーバーの証明書を確認できないため、送りませんでした。",
         "The mail server's certificate could not be verified, so nothing was sent.",
         "証明書の期限と、notice.email.server が証明書の名前と同じことを確かめてください。"
         "庁内の認証局なら、その証明書を notice.email.ca_file に指定してください。",
         "Check the certificate's dates and that notice.email.server is the name in it. With a CA "
         "of "
         "your own, name its file in notice.email.ca_file."},
    [KD_REASON_TLS] = {"tls", "メールサーバーとの暗号化通信を始められません。",
                       "An encrypted connection to the mail server could not be made.",
                       "notice.email.tls(starttls / tls)とポートの組み合わせ、サーバーが TLS 1.2 "
                       "以上に対応していることを"
                       "確かめてください。",
                       "Check that notice.email.tls (starttls or tls) fits the port, and that the "
                       "server knows TLS 1.2."},
    [KD_REASON_LOGIN] = {"login",
                         "メールサーバーがログインを拒みました(利用者名かパスワードが違います)。",
                         "The mail server refused the logon (wrong user or password).",
                         "notice.email.user と、password_file の中のパスワードを確かめてください。",
                         "Check notice.email.user and the password in password_file."},
    [KD_REASON_SENDER] = {"sender", "メールサーバーが差出人アドレスを拒みました。",
                          "The mail server refused the sender's address.",
                          "notice.email.from を、サーバーが許すアドレスにしてください。",
                          "Set notice.email.from to an address the server permits."},
    [KD_REASON_RECIPIENT] =
        {"recipient", "メールサーバーが宛先を拒みました。",
         "The mail server refused the recipients.",
         "notice.email.to "
         "の綴りと、サーバーがセンサーからの中継を許していることを確かめてください。",
         "Check notice.email.to, and that the server relays for the sensor."},
    [KD_REASON_LATER] =
        {"later", "メールサーバーが「後で送り直すように」と答えました。",
         "The mail server asked to try again later.",
         "自動で再試行します。続くときは、サーバーの空き容量と記録(ログ)を確かめてください。",
         "It is tried again by itself. If it goes on, look at the server's disk and log."},
    [KD_REASON_REFUSED] = {"refused", "メールサーバーがメールを拒みました。",
                           "The mail server refused the mail.",
                           "下のサーバーの返答を、メールサーバーの担当者に伝えてください。",
                           "Show the server's answer below to whoever runs the mail server."},
    [KD_REASON_CLOSED] =
        {"closed", "メールサーバーが途中で接続を切りました。",
         "The mail server closed the connection.",
         "ポート番号と notice.email.tls が合っているか、接続を許す設定かを確かめてください。",
         "Check that the port fits notice.email.tls and that the server accepts the sensor."},
    [KD_REASON_INSIDE] = {"inside", "センサー内部の問題で送れませんでした。",
                          "The sensor failed to send.",
                          "続くときは、下の詳細を添えて保守の担当に連絡してください。",
                          "If it goes on, call support with the details below."},
};

const struct kd_reason_row *kd_reason_row(enum kd_reason r)
{
    return &rows[(unsigned)r < KD_REASONS ? r : KD_REASON_INSIDE];
}

enum kd_reason kd_reason_of_answer(unsigned code, enum kd_mail_step step)
{
    if (step == KD_MAIL_LOGIN && code != 454 && code != 421)
        return KD_REASON_LOGIN;
    if (code >= 400 && code < 500)
        return KD_REASON_LATER;
    if (code == 530 || code == 534 || code == 535)
        return KD_REASON_LOGIN;
    switch (step) {
    case KD_MAIL_SENDER:
        return KD_REASON_SENDER;
    case KD_MAIL_RECIPIENT:
        return KD_REASON_RECIPIENT;
    case KD_MAIL_HELLO:
    case KD_MAIL_LOGIN:
    case KD_MAIL_CONTENT:
        break;
    }
    return KD_REASON_REFUSED;
}
