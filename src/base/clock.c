/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/cursor.h"

/* Days since 1970-01-01 of a civil date, and back; years start in March so that a leap day comes last. */
static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (int64_t)(m > 2 ? m - 3 : m + 9) + 2) / 5 + (int64_t)d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

struct kd_date kd_date_of(uint64_t us, int zone_s)
{
    int64_t s = (int64_t)(us / KD_US_PER_S) + zone_s;
    int64_t days = s >= 0 ? s / 86400 : (s - 86399) / 86400;
    int64_t rest = s - days * 86400;
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    unsigned month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    return (struct kd_date){
        .year = (int)(yoe + era * 400 + (month <= 2)),
        .month = month,
        .day = (unsigned)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (unsigned)(rest / 3600),
        .minute = (unsigned)(rest / 60 % 60),
        .second = (unsigned)(rest % 60),
        .us = (unsigned)(us % KD_US_PER_S),
    };
}

bool kd_date_to_us(const struct kd_date *d, int zone_s, uint64_t *ret_us)
{
    static const unsigned month_days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (d->year < 1970 || d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 ||
        d->day > month_days[d->month - 1] || d->hour > 23 || d->minute > 59 || d->second > 60)
        return false;
    int64_t s = days_of(d->year, d->month, d->day) * 86400 + (int64_t)d->hour * 3600 +
                (int64_t)d->minute * 60 + (int64_t)d->second - zone_s;
    if (s < 0)
        return false;
    *ret_us = (uint64_t)s * KD_US_PER_S + d->us;
    return true;
}

static void two_digits(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)('0' + v / 10 % 10);
    at[1] = (uint8_t)('0' + v % 10);
}

void kd_out_time(struct kd_out *o, uint64_t us, int zone_s)
{
    struct kd_date d = kd_date_of(us, zone_s);
    unsigned off = (unsigned)(zone_s < 0 ? -zone_s : zone_s) / 60;
    kd_out_u64_pad(o, (uint64_t)d.year, 4);
    uint8_t *at = kd_out_room(o, 27);
    if (at == NULL)
        return;
    memcpy(at, "-mm-ddThh:mm:ss.uuuuuu+hhmm", 27);
    two_digits(at + 1, d.month);
    two_digits(at + 4, d.day);
    two_digits(at + 7, d.hour);
    two_digits(at + 10, d.minute);
    two_digits(at + 13, d.second);
    two_digits(at + 16, d.us / 10000);
    two_digits(at + 18, d.us / 100);
    two_digits(at + 20, d.us);
    at[22] = zone_s < 0 ? '-' : '+';
    two_digits(at + 23, off / 60);
    two_digits(at + 25, off % 60);
}

void kd_out_day(struct kd_out *o, uint64_t us, int zone_s)
{
    struct kd_date d = kd_date_of(us, zone_s);
    kd_out_u64_pad(o, (uint64_t)d.year, 4);
    kd_out_u64_pad(o, d.month, 2);
    kd_out_u64_pad(o, d.day, 2);
}

static unsigned digits(struct kd_cur *c, unsigned n)
{
    unsigned v = 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t b = kd_cur_u8(c);
        if (b < '0' || b > '9')
            kd_cur_fail(c);
        else
            v = v * 10 + (unsigned)(b - '0');
    }
    return v;
}

static void expect(struct kd_cur *c, char want)
{
    if (kd_cur_u8(c) != (uint8_t)want)
        kd_cur_fail(c);
}

static unsigned fraction_us(struct kd_cur *c)
{
    unsigned us = 0;
    unsigned scale = 100000;
    unsigned n = 0;
    for (; kd_cur_peek(c) >= '0' && kd_cur_peek(c) <= '9'; n++, scale /= 10)
        us += (unsigned)(kd_cur_u8(c) - '0') * scale;
    if (n == 0)
        kd_cur_fail(c);
    return us;
}

static int zone_offset(struct kd_cur *c, int default_s)
{
    uint8_t sign = kd_cur_more(c) ? kd_cur_u8(c) : 0;
    if (sign == 0)
        return default_s;
    if (sign == 'Z' || sign == 'z')
        return 0;
    if (sign != '+' && sign != '-')
        kd_cur_fail(c);
    int s = (int)digits(c, 2) * 3600;
    if (kd_cur_peek(c) == ':')
        (void)kd_cur_u8(c);
    s += (int)digits(c, 2) * 60;
    return sign == '-' ? -s : s;
}

bool kd_time_parse(struct kd_bytes text, int zone_s, uint64_t *ret_us)
{
    struct kd_cur c = kd_cur_of(text);
    struct kd_date d = {0};
    d.year = (int)digits(&c, 4);
    expect(&c, '-');
    d.month = digits(&c, 2);
    expect(&c, '-');
    d.day = digits(&c, 2);
    int zone = zone_s;
    if (kd_cur_more(&c)) {
        uint8_t t = kd_cur_u8(&c);
        if (t != 'T' && t != 't' && t != ' ')
            kd_cur_fail(&c);
        d.hour = digits(&c, 2);
        expect(&c, ':');
        d.minute = digits(&c, 2);
        if (kd_cur_peek(&c) == ':') {
            expect(&c, ':');
            d.second = digits(&c, 2);
        }
        if (kd_cur_peek(&c) == '.') {
            expect(&c, '.');
            d.us = fraction_us(&c);
        }
        zone = zone_offset(&c, zone_s);
    }
    return kd_cur_ok(&c) && kd_cur_left(&c) == 0 && kd_date_to_us(&d, zone, ret_us);
}

uint32_t kd_day_of(uint64_t us, int zone_s)
{
    if (us >= (uint64_t)INT64_MAX / 2)
        return 99991231;
    struct kd_date d = kd_date_of(us, zone_s);
    return (uint32_t)d.year * 10000 + d.month * 100 + d.day;
}
