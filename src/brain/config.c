/* SPDX-License-Identifier: Apache-2.0 */
/* Tunables: "detector.name=value" and "findings.KD-AA-NNNN=0|1" lines. */
#include "brain/internal.h"

enum { NUMBER_MAX = 40 };

/* A decimal number such as 12, 0.25 or -1; the whole text. */
static bool read_number(struct kd_bytes text, double *ret)
{
    char room[NUMBER_MAX + 1];
    if (text.n == 0 || text.n > NUMBER_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if ((text.p[i] < '0' || text.p[i] > '9') && text.p[i] != '.' && text.p[i] != '-')
            return false;
    memcpy(room, text.p, text.n);
    room[text.n] = '\0';
    char *end;
    *ret = strtod(room, &end);
    return *end == '\0';
}

static const char *set_tunable(struct kd_detect *d, struct kd_bytes name, double value)
{
    const struct kd_tunable *t = d->detector->tunables;
    for (size_t i = 0; t != NULL && t[i].name != NULL; i++) {
        if (!kd_bytes_eq_str(name, t[i].name))
            continue;
        if (value < t[i].least || value > t[i].most)
            return "the value is outside its range";
        d->tunables[i] = value;
        return NULL;
    }
    return "this detector has no such tunable";
}

static const char *set_finding(struct kd_brain *b, struct kd_bytes id, double value)
{
    for (size_t i = 0; kd_finding_kinds[i] != NULL; i++)
        if (kd_bytes_eq_str(id, kd_finding_kinds[i]->id)) {
            b->kinds_on[i] = value != 0;
            return NULL;
        }
    return "there is no such detection";
}

static const char *set_line(struct kd_brain *b, struct kd_bytes line)
{
    struct kd_bytes value = line;
    struct kd_bytes name = kd_bytes_trim(kd_bytes_cut(&value, '='));
    struct kd_bytes owner = kd_bytes_cut(&name, '.');
    double number;
    if (!read_number(kd_bytes_trim(value), &number))
        return "a tunable is detector.name=number";
    if (kd_bytes_eq_str(owner, "findings"))
        return set_finding(b, name, number);
    for (size_t i = 0; i < b->n_detects; i++)
        if (kd_bytes_eq_str(owner, b->detects[i].detector->name))
            return set_tunable(&b->detects[i], name, number);
    return "there is no such detector";
}

enum kd_status kd_brain_tune(struct kd_brain *b, struct kd_bytes text, struct kd_err *err)
{
    for (size_t number = 1; text.n > 0; number++) {
        struct kd_bytes line = kd_bytes_trim(kd_bytes_cut(&text, '\n'));
        const char *bad = line.n == 0 || line.p[0] == '#' ? NULL : set_line(b, line);
        if (bad != NULL)
            return kd_fail(err, KD_MALFORMED, number, bad);
    }
    return KD_OK;
}
