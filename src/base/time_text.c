/* Written forms of time: RFC 3339, RFC 9110, ISO 8601 basic. Proleptic Gregorian, years 0000 to
 * 9999, UTC. */
#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>

#define DAY_MS       86400000LL
#define BEIJING_MS   (8 * 3600000LL)
#define YEAR_0_MS    (-62167219200000LL) /* 0000-01-01T00:00:00.000Z */
#define YEAR_9999_MS 253402300799999LL   /* 9999-12-31T23:59:59.999Z */

static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const long_day_names[7] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday" };

struct civil {
    unsigned year, month, day, hour, minute, second, ms, weekday;
};

/* Days since 1970-01-01; the year is counted from March, in eras of 400 years. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2 ? 1 : 0);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t in_era = y - era * 400;
    int64_t in_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static struct civil civil_of(int64_t ms)
{
    ms = ms < YEAR_0_MS ? YEAR_0_MS : ms > YEAR_9999_MS ? YEAR_9999_MS : ms;
    int64_t days = ms / DAY_MS, rest = ms % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){
        .year = (unsigned)(yoe + era * 400 + (month <= 2 ? 1 : 0)),
        .month = (unsigned)month,
        .day = (unsigned)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (unsigned)(rest / 3600000),
        .minute = (unsigned)(rest / 60000 % 60),
        .second = (unsigned)(rest / 1000 % 60),
        .ms = (unsigned)(rest % 1000),
        .weekday = (unsigned)(((days + 4) % 7 + 7) % 7),
    };
}

static RESULT civil_to_ms(const struct civil *c, int64_t *ret)
{
    static const uint8_t lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (c->month < 1 || c->month > 12 || c->hour > 23 || c->minute > 59 || c->second > 59) {
        return result_of(ERRC_RANGE);
    }
    bool is_leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    unsigned length = lengths[c->month - 1] + (c->month == 2 && is_leap ? 1U : 0U);
    if (c->day < 1 || c->day > length) {
        return result_of(ERRC_RANGE);
    }
    *ret = days_of(c->year, c->month, c->day) * DAY_MS + (int64_t)c->hour * 3600000 +
           (int64_t)c->minute * 60000 + (int64_t)c->second * 1000 + (int64_t)c->ms;
    return RESULT_OK;
}

/* `n` digits of `v`, then `after`; returns what follows. */
static char *put(char *dst, unsigned v, int n, char after)
{
    for (int i = n - 1; i >= 0; i--) {
        dst[i] = (char)('0' + v % 10);
        v /= 10;
    }
    dst[n] = after;
    return dst + n + 1;
}

static char *put_extended(int64_t ms, char *dst, char zone)
{
    struct civil c = civil_of(ms);
    dst = put(dst, c.year, 4, '-');
    dst = put(dst, c.month, 2, '-');
    dst = put(dst, c.day, 2, 'T');
    dst = put(dst, c.hour, 2, ':');
    dst = put(dst, c.minute, 2, ':');
    dst = put(dst, c.second, 2, '.');
    return put(dst, c.ms, 3, zone);
}

char *time_rfc3339(int64_t wall_ms, char *dst)
{
    *put_extended(wall_ms, dst, 'Z') = 0;
    return dst;
}

char *time_beijing(int64_t wall_ms, char *dst)
{
    int64_t local;
    if (__builtin_add_overflow(wall_ms, BEIJING_MS, &local)) {
        local = INT64_MAX;
    }
    char *end = put_extended(local, dst, '+');
    memcpy(end, "08:00", 6);
    return dst;
}

char *time_http(int64_t wall_ms, char *dst)
{
    struct civil c = civil_of(wall_ms);
    char *at = dst;
    memcpy(at, day_names[c.weekday], 3);
    memcpy(at + 3, ", ", 2);
    at = put(at + 5, c.day, 2, ' ');
    memcpy(at, month_names[c.month - 1], 3);
    at[3] = ' ';
    at = put(at + 4, c.year, 4, ' ');
    at = put(at, c.hour, 2, ':');
    at = put(at, c.minute, 2, ':');
    at = put(at, c.second, 2, ' ');
    memcpy(at, "GMT", 4);
    return dst;
}

char *time_iso8601_basic(int64_t wall_ms, char *dst)
{
    struct civil c = civil_of(wall_ms);
    char *at = put(dst, c.year, 4, '0');
    at = put(at - 1, c.month, 2, '0');
    at = put(at - 1, c.day, 2, 'T');
    at = put(at, c.hour, 2, '0');
    at = put(at - 1, c.minute, 2, '0');
    at = put(at - 1, c.second, 2, 'Z');
    *at = 0;
    return dst;
}

/* --- reading --- */

static RESULT take_number(struct bytes *in, size_t digits, unsigned *ret)
{
    struct bytes text;
    uint64_t v;
    TRY(bytes_take(in, digits, &text));
    TRY(num_u64(text, 0, 9999, &v));
    *ret = (unsigned)v;
    return RESULT_OK;
}

static RESULT take_text(struct bytes *in, const char *text)
{
    struct bytes want = bytes_str(text);
    if (!bytes_has_prefix(*in, want)) {
        return result_of(ERRC_FORMAT);
    }
    *in = bytes_slice(*in, want.n, in->n);
    return RESULT_OK;
}

static RESULT take_clock(struct bytes *in, struct civil *c)
{
    TRY(take_number(in, 2, &c->hour));
    TRY(take_text(in, ":"));
    TRY(take_number(in, 2, &c->minute));
    TRY(take_text(in, ":"));
    return take_number(in, 2, &c->second);
}

/* ".1" to ".123456789"; what is past milliseconds is dropped. */
static RESULT take_fraction(struct bytes *in, struct civil *c)
{
    if (!result_is_ok(take_text(in, "."))) {
        return RESULT_OK;
    }
    unsigned scale = 100;
    size_t n = 0;
    for (; n < in->n && in->p[n] >= '0' && in->p[n] <= '9'; n++) {
        c->ms += scale * (unsigned)(in->p[n] - '0');
        scale /= 10;
    }
    if (n < 1 || n > 9) {
        return result_of(ERRC_FORMAT);
    }
    *in = bytes_slice(*in, n, in->n);
    return RESULT_OK;
}

static RESULT take_zone(struct bytes *in, int64_t *ret_ms)
{
    uint8_t sign;
    unsigned hours, minutes;
    TRY(bytes_take_u8(in, &sign));
    if (sign == 'Z' || sign == 'z') {
        *ret_ms = 0;
        return RESULT_OK;
    }
    if (sign != '+' && sign != '-') {
        return result_of(ERRC_FORMAT);
    }
    TRY(take_number(in, 2, &hours));
    TRY(take_text(in, ":"));
    TRY(take_number(in, 2, &minutes));
    if (hours > 23 || minutes > 59) {
        return result_of(ERRC_RANGE);
    }
    int64_t ms = (int64_t)hours * 3600000 + (int64_t)minutes * 60000;
    *ret_ms = sign == '-' ? -ms : ms;
    return RESULT_OK;
}

RESULT time_parse_rfc3339(struct bytes in, int64_t *ret_ms)
{
    struct civil c = { 0 };
    uint8_t separator;
    int64_t zone_ms, ms;
    TRY(take_number(&in, 4, &c.year));
    TRY(take_text(&in, "-"));
    TRY(take_number(&in, 2, &c.month));
    TRY(take_text(&in, "-"));
    TRY(take_number(&in, 2, &c.day));
    TRY(bytes_take_u8(&in, &separator));
    if (separator != 'T' && separator != 't') {
        return result_of(ERRC_FORMAT);
    }
    TRY(take_clock(&in, &c));
    TRY(take_fraction(&in, &c));
    TRY(take_zone(&in, &zone_ms));
    TRY(bytes_take_end(in));
    TRY(civil_to_ms(&c, &ms));
    *ret_ms = ms - zone_ms;
    return RESULT_OK;
}

static RESULT take_month(struct bytes *in, unsigned *ret)
{
    for (unsigned i = 0; i < 12; i++) {
        if (result_is_ok(take_text(in, month_names[i]))) {
            *ret = i + 1;
            return RESULT_OK;
        }
    }
    return result_of(ERRC_FORMAT);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static RESULT parse_imf_fixdate(struct bytes in, struct civil *c)
{
    TRY(take_text(&in, ", "));
    TRY(take_number(&in, 2, &c->day));
    TRY(take_text(&in, " "));
    TRY(take_month(&in, &c->month));
    TRY(take_text(&in, " "));
    TRY(take_number(&in, 4, &c->year));
    TRY(take_text(&in, " "));
    TRY(take_clock(&in, c));
    TRY(take_text(&in, " GMT"));
    return bytes_take_end(in);
}

/* Sunday, 06-Nov-94 08:49:37 GMT: 70..99 are of the twentieth century. */
static RESULT parse_rfc850(struct bytes in, struct civil *c)
{
    TRY(take_text(&in, ", "));
    TRY(take_number(&in, 2, &c->day));
    TRY(take_text(&in, "-"));
    TRY(take_month(&in, &c->month));
    TRY(take_text(&in, "-"));
    TRY(take_number(&in, 2, &c->year));
    c->year += c->year < 70 ? 2000 : 1900;
    TRY(take_text(&in, " "));
    TRY(take_clock(&in, c));
    TRY(take_text(&in, " GMT"));
    return bytes_take_end(in);
}

/* Sun Nov  6 08:49:37 1994 */
static RESULT parse_asctime(struct bytes in, struct civil *c)
{
    TRY(take_text(&in, " "));
    TRY(take_month(&in, &c->month));
    TRY(take_text(&in, " "));
    bool is_short = result_is_ok(take_text(&in, " "));
    TRY(take_number(&in, is_short ? 1 : 2, &c->day));
    TRY(take_text(&in, " "));
    TRY(take_clock(&in, c));
    TRY(take_text(&in, " "));
    TRY(take_number(&in, 4, &c->year));
    return bytes_take_end(in);
}

RESULT time_parse_http(struct bytes in, int64_t *ret_ms)
{
    for (unsigned day = 0; day < 7; day++) {
        struct civil c = { 0 };
        struct bytes rest = in;
        struct result r;
        if (result_is_ok(take_text(&rest, long_day_names[day]))) {
            r = parse_rfc850(rest, &c);
        } else if (result_is_ok(take_text(&rest, day_names[day]))) {
            r = rest.n > 0 && rest.p[0] == ',' ? parse_imf_fixdate(rest, &c)
                                               : parse_asctime(rest, &c);
        } else {
            continue;
        }
        int64_t ms;
        TRY(r);
        TRY(civil_to_ms(&c, &ms));
        if (civil_of(ms).weekday != day) {
            return result_of(ERRC_FORMAT);
        }
        *ret_ms = ms;
        return RESULT_OK;
    }
    return result_of(ERRC_FORMAT);
}

RESULT time_parse_iso8601_basic(struct bytes in, int64_t *ret_ms)
{
    struct civil c = { 0 };
    TRY(take_number(&in, 4, &c.year));
    TRY(take_number(&in, 2, &c.month));
    TRY(take_number(&in, 2, &c.day));
    TRY(take_text(&in, "T"));
    TRY(take_number(&in, 2, &c.hour));
    TRY(take_number(&in, 2, &c.minute));
    TRY(take_number(&in, 2, &c.second));
    TRY(take_text(&in, "Z"));
    TRY(bytes_take_end(in));
    return civil_to_ms(&c, ret_ms);
}
