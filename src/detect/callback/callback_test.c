/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

#define BROWSER "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
#define BROWSER_FIELDS "Host, Connection, User-Agent, Accept, Accept-Encoding, Accept-Language"

static void request(struct kd_tb *t, double at_s, const char *src, const char *dst, uint16_t port, struct kd_rec_http h)
{
    h.protocol = kd_str("HTTP/1.1");
    if (h.status == 0)
        h.status = 200;
    if (h.request_fields.n == 0)
        h.request_fields = kd_str("Host, Content-Length");
    struct kd_rec_head head = kd_tb_head(KD_REC_HTTP, at_s, src, 50000, dst, port);
    head.app = KD_APP_HTTP;
    kd_tb_put(t, head, &h);
}

/* A stealer's report: no agent, a script at a bare address, encrypted data. */
static void a_report_fires(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 3; i++)
        request(t, i * 97, "10.0.0.5", "203.0.113.5", 80,
                (struct kd_rec_http){.hostname = kd_str("203.0.113.5"), .url = kd_str("/panel/gate.php"),
                                     .http_method = kd_str("POST"), .request_length = 300,
                                     .request_head = kd_str("\x91\x02\xf3\xaa\x07\x88\x91\xc0\x01\x02\xfe\xdd\x9a\x80\x81\x13")});
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CC-0030");
    CHECK(a != NULL && kd_tb_count(t, "KD-CC-0030") == 1 && t->unfilled == 0);
    CHECK(a != NULL && strcmp(a->severity, "medium") == 0 && strcmp(a->peer, "203.0.113.5") == 0);
    CHECK(a != NULL && strcmp(a->technique, "T1071.001") == 0 && strstr(a->why_ja, "利用ソフト名") != NULL);
    CHECK(kd_tb_count(t, "KD-CC-0031") == 0);
    kd_tb_free(t);
}

static void one_weak_request_is_low_and_uploads_are_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    request(t, 1, "10.0.0.5", "203.0.113.5", 80,
            (struct kd_rec_http){.hostname = kd_str("photos.example"), .url = kd_str("/img/up.php?hwid=77AF0012"),
                                 .http_method = kd_str("POST"), .request_length = 500000,
                                 .request_content_type = kd_str("multipart/form-data; boundary=x")});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0030") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0030")->severity, "low") == 0);
    CHECK(kd_tb_count(t, "KD-CC-0031") == 1 && strstr(kd_tb_alert(t, "KD-CC-0031")->technique, "T1041") != NULL);
    kd_tb_free(t);
}

static void a_known_tool_inside_is_high(void)
{
    static const char *const paths[] = {"/news.php", "/admin/get.php", "/login/process.php"};
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 9; i++)
        request(t, i * 5, "10.0.0.5", "10.9.0.5", 80,
                (struct kd_rec_http){.hostname = kd_str("10.9.0.5"), .url = kd_str(paths[i % 3]),
                                     .http_user_agent = kd_str("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko"),
                                     .http_method = kd_str("POST"), .request_length = 94,
                                     .request_head = kd_str("\x91\x02\xf3\xaa\x07\x88\x91\xc0\x01\x02\xfe\xdd\x9a\x80\x81\x13")});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0030") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0030")->severity, "high") == 0);
    kd_tb_free(t);
}

static void one_address_at_many_sites(void)
{
    static const char *const sites[] = {"a-shop.example", "b-club.example.net", "c-law.example.org", "d-food.example.com"};
    static const char *const addresses[] = {"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"};
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 4; i++)
        request(t, i * 20, "10.0.0.5", addresses[i], 80,
                (struct kd_rec_http){.hostname = kd_str(sites[i]), .http_method = kd_str("GET"),
                                     .url = kd_str("/k2x/?Ab=u8TyR4hPLbX4iQ9zVw3rC6nJ5mK1oE7dGfHs2tBvYxZaU0lNpIqMkWjSgDcRfVbTn&q=1")});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0030") >= 1);
    kd_tb_free(t);
}

/* A bot numbered in its path, one with a report for an agent, a beacon with a bare cookie, data cut into folders. */
static void other_shapes_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    request(t, 1, "10.0.0.5", "203.0.113.1", 8082,
            (struct kd_rec_http){.hostname = kd_str("203.0.113.1"), .http_method = kd_str("POST"), .http_user_agent = kd_str("test"),
                                 .url = kd_str("/mor84/PC07_W617601.0A1B2C3D4E5F60718293A4B5C6D7E8F9/90"), .request_length = 400,
                                 .request_content_type = kd_str("multipart/form-data; boundary=x")});
    request(t, 2, "10.0.0.5", "203.0.113.2", 1515,
            (struct kd_rec_http){.hostname = kd_str("203.0.113.2"), .http_method = kd_str("POST"), .url = kd_str("/is-ready"),
                                 .http_user_agent = kd_str("8CA1FF20<|>PC07<|>suzuki<|>Microsoft Windows 10 Pro<|>plus")});
    for (int i = 0; i < 4; i++)
        request(t, 3 + i * 60, "10.0.0.5", "203.0.113.3", 80,
                (struct kd_rec_http){.hostname = kd_str("203.0.113.3"), .http_method = kd_str("GET"), .url = kd_str("/pixel.gif"),
                                     .cookie = true, .cookie_bytes = 172,
                                     .http_user_agent = kd_str("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)")});
    request(t, 4, "10.0.0.5", "203.0.113.4", 80,
            (struct kd_rec_http){.hostname = kd_str("kq7zvx.club"), .http_method = kd_str("GET"), .length = 200000,
                                 .url = kd_str("/images/Kq3Vz_2BxT8Lw/n4RbY7cQ/Jm2_2FpHs9DfGk6/ZtWv1XaE5uN_2Bo8iP/r3SgTh7/yKlM2qBcV4xZ/"
                                               "aD9wFj_2FnQ6eR/tU1oHv8.gif"),
                                 .http_user_agent = kd_str("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)"),
                                 .http_content_type = kd_str("text/html"),
                                 .response_head = kd_str("UmFuZG9tIGxvb2tpbmcgYmFzZTY0IHRoYXQgaXMgbm8gcGFnZSBhdCBhbGwhIQ9Z")});
    kd_tb_finish(t);
    static const char *const peers[] = {"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"};
    for (size_t p = 0; p < KD_COUNT(peers); p++) {
        bool found = false;
        for (size_t i = 0; i < t->n_alerts; i++)
            found |= strcmp(t->alerts[i].id, "KD-CC-0030") == 0 && strcmp(t->alerts[i].peer, peers[p]) == 0;
        printf("# %s %s\n", peers[p], found ? "told" : "missed");
        CHECK(found);
    }
    kd_tb_free(t);
}

static void own_address_is_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_tls s = {.sni = kd_str("api.ipify.org")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 3, "10.0.0.5", 50000, "203.0.113.77", 443), &s);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0032") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0032")->technique, "T1016") == 0);
    kd_tb_free(t);
}

/* Browsers, updates, telemetry, certificates' lists, home-made programs, equipment inside. */
static void ordinary_requests_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 40; i++) {
        request(t, i, "10.0.0.5", "203.0.113.8", 80,
                (struct kd_rec_http){.hostname = kd_str("portal.example"), .url = kd_str("/login.php"), .http_method = kd_str("POST"),
                                     .http_user_agent = kd_str(BROWSER), .request_fields = kd_str(BROWSER_FIELDS),
                                     .http_refer = kd_str("http://portal.example/"), .request_length = 90,
                                     .request_content_type = kd_str("application/x-www-form-urlencoded"),
                                     .request_head = kd_str("token=pQ9xT4mK8sW2vB7nL5jH3gF6dS1aZ0yX&user=suzuki")});
        request(t, i, "10.0.0.5", "203.0.113.9", 80,
                (struct kd_rec_http){.hostname = kd_str("ocsp.example"), .url = kd_str("/"), .http_method = kd_str("POST"),
                                     .http_user_agent = kd_str("Microsoft-CryptoAPI/10.0"),
                                     .request_content_type = kd_str("application/ocsp-request"),
                                     .request_head = kd_str("\x30\x81\x51\x30\x4f\x30\x4d\x30\x4b\xff\xfe\x80\x81"), .request_length = 83});
        request(t, i, "10.0.0.5", "203.0.113.10", 80,
                (struct kd_rec_http){.hostname = kd_str("download.update.example"), .url = kd_str("/v3/files/setup_1.2.3.cab"),
                                     .http_method = kd_str("GET"), .http_user_agent = kd_str("Microsoft-Delivery-Optimization/10.0")});
        request(t, i, "10.0.0.6", "203.0.113.11", 8080,
                (struct kd_rec_http){.hostname = kd_str("api.vendor.example"), .url = kd_str("/v1/report"), .http_method = kd_str("POST"),
                                     .request_content_type = kd_str("application/json"), .request_length = 80,
                                     .request_head = kd_str("{\"device\":\"rt-2\",\"temp\":21.5}")});
        request(t, i, "10.0.0.7", "10.0.0.9", 5357,
                (struct kd_rec_http){.hostname = kd_str("10.0.0.9"), .url = kd_str("/f9be5c/"), .http_method = kd_str("POST"),
                                     .http_user_agent = kd_str("WSDAPI"), .request_content_type = kd_str("application/soap+xml"),
                                     .request_head = kd_str("<?xml version=\"1.0\"?>"), .request_length = 700});
        request(t, i, "10.0.0.8", "10.0.0.10", 80,
                (struct kd_rec_http){.hostname = kd_str("10.0.0.10"), .url = kd_str("/cgi-bin/status.cgi"), .http_method = kd_str("POST"),
                                     .request_content_type = kd_str("application/x-www-form-urlencoded"), .request_length = 12,
                                     .request_head = kd_str("cmd=status")});
    }
    kd_tb_finish(t);
    for (size_t i = 0; i < t->n_alerts; i++)
        if (strncmp(t->alerts[i].id, "KD-CC-003", 9) == 0)
            printf("# %s %s\n", t->alerts[i].title_en, t->alerts[i].why_en);
    CHECK(kd_tb_count(t, "KD-CC-0030") == 0 && kd_tb_count(t, "KD-CC-0031") == 0 && kd_tb_count(t, "KD-CC-0032") == 0);
    kd_tb_free(t);
}

/* What many machines call is a service, odd as its program may be. */
static void common_places_are_silent_after_a_while(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char src[32];
    for (int i = 0; i < 20; i++) {
        snprintf(src, sizeof(src), "10.0.0.%d", 10 + i);
        request(t, i, src, "203.0.113.12", 80,
                (struct kd_rec_http){.hostname = kd_str("203.0.113.12"), .url = kd_str("/panel/gate.php"), .http_method = kd_str("POST"),
                                     .request_head = kd_str("a=b"), .request_length = 3});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0030") <= 3);
    kd_tb_free(t);
}

int main(void)
{
    RUN(a_report_fires);
    RUN(one_weak_request_is_low_and_uploads_are_told);
    RUN(a_known_tool_inside_is_high);
    RUN(one_address_at_many_sites);
    RUN(other_shapes_fire);
    RUN(own_address_is_told);
    RUN(ordinary_requests_are_silent);
    RUN(common_places_are_silent_after_a_while);
    return tap_done();
}
