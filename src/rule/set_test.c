/* SPDX-License-Identifier: Apache-2.0 */
#include "../../tests/tap.h"
#include "rule/set.h"

static struct kd_pool *pool;

static bool has(const struct kd_set *set, const char *text)
{
    return kd_set_has(set, kd_str(text), NULL);
}

static void strings(void)
{
    struct kd_set *set = kd_set_new(pool, KD_DATASET_STRING, 100);
    uint32_t bad = 0;
    uint16_t reputation = 0;
    CHECK(set != NULL && !has(set, "one"));
    CHECK(kd_set_load(set, kd_str("b25l\r\n# remark\ndHdv,7\nthis is no base64\nb25l\n,\n"),
                      &bad) == KD_OK);
    CHECK(bad == 2 && kd_set_count(set) == 2 && has(set, "one") && !has(set, "three"));
    CHECK(kd_set_has(set, kd_str("two"), &reputation) && reputation == 7);
    CHECK(kd_set_add(set, kd_str("three"), 0) && has(set, "three") &&
          !kd_set_add(set, kd_str(""), 0));
    CHECK(kd_set_remove(set, kd_str("one")) && !has(set, "one") &&
          !kd_set_remove(set, kd_str("one")));
    CHECK(kd_set_add(set, kd_str("one"), 3) && has(set, "one") && kd_set_count(set) == 3);
    kd_set_free(set);
}

static void digests_and_addresses(void)
{
    static const uint8_t v4[] = {192, 0, 2, 7}, v6[16] = {0x20, 1, 0xd, 0xb8};
    uint8_t md5[16], i = 0;
    uint32_t bad = 0;
    for (; i < sizeof(md5); i++)
        md5[i] = (uint8_t)(i * 17);
    struct kd_set *set = kd_set_new(pool, KD_DATASET_MD5, 100);
    CHECK(kd_set_load(
              set,
              kd_str("00112233445566778899AABBCCDDEEFF\n0011\nxx112233445566778899aabbccddeeff\n"),
              &bad) == KD_OK);
    CHECK(bad == 2 && kd_set_has(set, kd_bytes_of(md5, sizeof(md5)), NULL) && !has(set, "0123"));
    kd_set_free(set);
    set = kd_set_new(pool, KD_DATASET_IP, 100);
    CHECK(kd_set_load(set, kd_str("192.0.2.7,50\n2001:db8::\nnowhere\n"), &bad) == KD_OK &&
          bad == 1);
    CHECK(kd_set_has(set, kd_bytes_of(v4, 4), NULL) && kd_set_has(set, kd_bytes_of(v6, 16), NULL));
    CHECK(!kd_set_has(set, kd_bytes_of(v6, 4), NULL) && !kd_set_has(set, kd_bytes_of(v6, 5), NULL));
    kd_set_free(set);
    set = kd_set_new(pool, KD_DATASET_IPV4, 100);
    CHECK(kd_set_load(set, kd_str("2001:db8::\n1.2.3.4\n"), &bad) == KD_OK && bad == 1);
    kd_set_free(set);
}

static bool says(const struct kd_set *set, const char *value, const char *context)
{
    struct kd_bytes got;
    if (!kd_set_context(set, kd_str(value), &got))
        return context == NULL;
    return context != NULL && kd_bytes_eq_str(got, context);
}

static void members_in_json(void)
{
    struct kd_dataset d = {.type = KD_DATASET_STRING, .format = KD_DATASET_JSON, .value_key = kd_str("a.b"), .array_key = kd_str("x.y")};
    struct kd_set *set = kd_set_new(pool, d.type, 100);
    uint32_t bad = 0;
    CHECK(kd_set_load_json(set, kd_str("{\"x\": {\"y\": [ {\"a\": {\"b\": \"o\\u006ee\"}, \"n\" : 1},\n {\"a\":{\"b\":\"one\"},\"n\":2},"
                                       "{\"a\":{\"c\":\"two\"}}, {\"a\":{\"b\":3}} ]}}"),
                           &d, &bad) == KD_OK);
    CHECK(bad == 2 && kd_set_count(set) == 1 && says(set, "one", "{\"a\":{\"b\":\"o\\u006ee\"},\"n\":1}") && says(set, "two", NULL));
    CHECK(kd_set_load_json(set, kd_str("{\"x\": 1}"), &d, &bad) == KD_MALFORMED);
    CHECK(kd_set_load_json(set, kd_str("{\"x\":"), &d, &bad) == KD_MALFORMED);
    kd_set_free(set);
    d = (struct kd_dataset){.type = KD_DATASET_IP, .format = KD_DATASET_NDJSON, .value_key = kd_str("ip")};
    set = kd_set_new(pool, d.type, 100);
    CHECK(kd_set_load_json(set, kd_str("{\"ip\":\"192.0.2.7\",\"why\":\"test\"}\n\n{\"ip\":\"nowhere\"}\n{\"ip\":\"2001:db8::\"}\n"), &d, &bad) ==
          KD_OK);
    CHECK(bad == 1 && kd_set_count(set) == 2);
    struct kd_bytes got;
    CHECK(kd_set_context(set, kd_bytes_of("\xc0\x00\x02\x07", 4), &got) &&
          kd_bytes_eq_str(got, "{\"ip\":\"192.0.2.7\",\"why\":\"test\"}"));
    kd_set_free(set);
}

/* What is written is what is read again. */
static void there_and_back(void)
{
    struct kd_set *set = kd_set_new(pool, KD_DATASET_STRING, 1000),
                  *again = kd_set_new(pool, KD_DATASET_STRING, 1000);
    uint8_t room[64 * 1024];
    struct kd_out o = kd_out_of(room, sizeof(room));
    uint32_t at = 0, bad = 0, n = 0;
    for (uint32_t i = 0; i < 500; i++) {
        char text[16];
        snprintf(text, sizeof(text), "m%u", i * i);
        CHECK(kd_set_add(set, kd_str(text), (uint16_t)(i % 3)));
    }
    for (; kd_set_next(set, &at, &o); n++)
        kd_out_str(&o, "\n");
    CHECK(n == 500 && kd_out_ok(&o) && kd_set_load(again, kd_out_bytes_view(&o), &bad) == KD_OK &&
          bad == 0);
    uint16_t reputation = 9;
    CHECK(kd_set_count(again) == 500 && kd_set_has(again, kd_str("m10000"), &reputation) &&
          reputation == 1);
    kd_set_free(set);
    kd_set_free(again);
}

static void bounded(void)
{
    struct kd_set *set = kd_set_new(pool, KD_DATASET_STRING, 1000);
    char text[32];
    uint32_t bad = 0;
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "%u", i);
        CHECK(kd_set_add(set, kd_str(text), 0) == (i < 1000));
    }
    CHECK(kd_set_count(set) == 1000 && has(set, "999") && !has(set, "1000"));
    CHECK(kd_set_load(set, kd_str("bm9wZQ==\n"), &bad) == KD_LIMIT && bad == 0);
    for (unsigned i = 0; i < 200000; i++) { /* set and unset for ever */
        snprintf(text, sizeof(text), "x%u", i);
        CHECK(kd_set_remove(set, kd_str(i == 0 ? "0" : "tick")) &&
              kd_set_add(set, kd_str("tick"), 0));
    }
    CHECK(kd_set_count(set) == 1000);
    kd_set_free(set);
    CHECK(kd_pool_used(pool) == 0);
}

int main(void)
{
    pool = kd_pool_new(32u << 20);
    RUN(strings);
    RUN(digests_and_addresses);
    RUN(members_in_json);
    RUN(there_and_back);
    RUN(bounded);
    kd_pool_free(pool);
    return tap_done();
}
