/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/names.h"

#include "names_model.h"

static unsigned symbol_of(uint8_t c)
{
    enum { DIGIT = 26, OTHER = 27 };
    c = kd_ascii_lower(c);
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a');
    return c >= '0' && c <= '9' ? DIGIT : OTHER;
}

unsigned kd_name_surprise(struct kd_bytes label)
{
    unsigned before = symbol_of('-'), sum = 0;
    if (label.n == 0)
        return 0;
    for (size_t i = 0; i < label.n; i++) {
        unsigned s = symbol_of(label.p[i]);
        sum += names_surprise[before][s];
        before = s;
    }
    sum += names_surprise[before][symbol_of('-')];
    return sum / (unsigned)(label.n + 1);
}
