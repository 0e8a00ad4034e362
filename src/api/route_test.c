/* SPDX-License-Identifier: Apache-2.0 */
#include "api/internal.h"

#include "../../tests/tap.h"

static const struct kd_route *route(const char *method, const char *path, struct kd_bytes *arg, unsigned *status,
                                    char allow[64])
{
    struct kd_bytes name;
    return kd_route_find(kd_str(method), kd_str(path), &name, arg, status, allow);
}

static void requests_find_their_question(void)
{
    struct kd_bytes arg;
    unsigned status = 0;
    char allow[64];
    const struct kd_route *r = route("GET", "/detections/42", &arg, &status, allow);
    CHECK(r != NULL && r->kind == KD_ASK_DETECTION && kd_bytes_eq_str(arg, "42"));
    r = route("GET", "/hosts/2001:db8::1", &arg, &status, allow);
    CHECK(r != NULL && r->kind == KD_ASK_HOST && kd_bytes_eq_str(arg, "2001:db8::1"));
    CHECK(route("GET", "/detections/", &arg, &status, allow) == NULL && status == 404);
    CHECK(route("GET", "/detections/1/2", &arg, &status, allow) == NULL && status == 404);
    CHECK(route("GET", "/../etc/passwd", &arg, &status, allow) == NULL && status == 404);
    CHECK(route("DELETE", "/detections/1", &arg, &status, allow) == NULL && status == 405);
    CHECK(strcmp(allow, "GET, PATCH") == 0);
}

static enum kd_status body(const char *json, struct kd_question *q)
{
    static uint8_t texts[4096];
    struct kd_out room = kd_out_of(texts, sizeof(texts));
    *q = (struct kd_question){.kind = KD_ASK_USER_ADD};
    return kd_route_body(q, kd_str(json), &room);
}

static void bodies_become_pairs(void)
{
    struct kd_question q;
    CHECK(body("{\"user\":\"山田\",\"role\":\"viewer\",\"password\":\"a b\"}", &q) == KD_OK && q.n == 3);
    CHECK(kd_bytes_eq_str(kd_question_get(&q, "user"), "山田"));
    CHECK(body("", &q) == KD_OK && q.n == 0);
    CHECK(body("{\"user\":null}", &q) == KD_OK && q.n == 0);
    CHECK(body("[]", &q) != KD_OK);
    CHECK(body("{\"user\":{}}", &q) != KD_OK);
    CHECK(body("{\"user\":\"a\",\"user\":\"b\"}", &q) != KD_OK);
    CHECK(body("{\"unknown\":\"a\"}", &q) != KD_OK);
    CHECK(body("{\"user\":\"a\"", &q) != KD_OK);
}

int main(void)
{
    RUN(requests_find_their_question);
    RUN(bodies_become_pairs);
    return tap_done();
}
