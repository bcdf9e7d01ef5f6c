/* Values of conditions: dates, numbers, addresses. */
#include "identity/policy/policy_priv.h"

#include "base/text.h"

#include <arpa/inet.h>

bool policy_bool_read(struct bytes in, bool *ret)
{
    *ret = in.n == 4;
    return (in.n == 4 && bytes_equal_nocase(in, BYTES_LIT("true"))) ||
           (in.n == 5 && bytes_equal_nocase(in, BYTES_LIT("false")));
}

/* --- numbers --- */

bool policy_number_read(struct bytes in, policy_number *ret)
{
    policy_number out = 0;
    size_t whole = 0, behind = 0;
    bool is_negative = false, has_point = false;

    if (in.n != 0 && (in.p[0] == '-' || in.p[0] == '+')) {
        is_negative = in.p[0] == '-';
        in = bytes_slice(in, 1, in.n);
    }
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];
        if (c == '.' && !has_point && whole != 0) {
            has_point = true;
        } else if (c >= '0' && c <= '9') {
            out = out * 10 + (c - '0');
            *(has_point ? &behind : &whole) += 1;
        } else {
            return false;
        }
        if (whole > 18 || behind > 9) {
            return false;
        }
    }
    if (whole == 0 || (has_point && behind == 0)) {
        return false;
    }
    for (; behind < 9; behind++) {
        out *= 10;
    }
    *ret = is_negative ? -out : out;
    return true;
}

/* --- dates --- */

/* Digits only, at most `max_digits` of them. */
static bool digits(struct bytes in, size_t max_digits, int64_t min, int64_t max, int64_t *ret)
{
    int64_t out = 0;

    if (in.n == 0 || in.n > max_digits || max_digits > 18) {
        return false;
    }
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] < '0' || in.p[i] > '9') {
            return false;
        }
        out = out * 10 + (in.p[i] - '0');
    }
    *ret = out;
    return out >= min && out <= max;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool read_day(struct bytes in, int64_t *ret_days)
{
    int64_t year = 0, month = 1, day = 1;
    bool is_negative = in.n != 0 && in.p[0] == '-';
    struct bytes part;

    in = bytes_slice(in, is_negative, in.n);
    bool more = bytes_split(&in, '-', &part);
    if (!digits(part, 9, 0, is_negative ? 292275054 : 292278993, &year)) {
        return false;
    }
    if (more) {
        more = bytes_split(&in, '-', &part);
        if (!digits(part, 2, 1, 12, &month)) {
            return false;
        }
    }
    if (more && !digits(in, 2, 1, 31, &day)) {
        return false;
    }
    year = is_negative ? -year : year;
    *ret_days = days_of(year, month, day);
    int64_t next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
    return *ret_days < next;
}

/* "z", "+08", "+08:00" and nothing -> minutes east; *ret_n is where it begins. */
static bool read_zone(struct bytes in, size_t *ret_n, int64_t *ret)
{
    size_t at = bytes_index(in, '+');
    int64_t sign = 1, hour = 0, minute = 0;

    *ret = 0;
    if (at == in.n) {
        at = bytes_index(in, '-');
        sign = -1;
    }
    *ret_n = at;
    if (at == in.n) {
        *ret_n = in.n != 0 && (in.p[in.n - 1] | 0x20) == 'z' ? in.n - 1 : in.n;
        return true;
    }
    struct bytes rest = bytes_slice(in, at + 1, in.n), part;
    bool has_minutes = bytes_split(&rest, ':', &part);
    if (part.n != 2 || !digits(part, 2, 0, 23, &hour) ||
        (has_minutes && (rest.n != 2 || !digits(rest, 2, 0, 59, &minute)))) {
        return false;
    }
    *ret = sign * (hour * 60 + minute);
    return true;
}

/* "", "2", "2:00", "2:00:00.593194" -> milliseconds */
static bool read_time(struct bytes in, int64_t *ret)
{
    int64_t hour = 0, minute = 0, second = 0, fraction = 0;
    struct bytes part;

    if (in.n != 0) {
        bool more = bytes_split(&in, ':', &part);
        if (!digits(part, 2, 0, 23, &hour)) {
            return false;
        }
        if (more) {
            more = bytes_split(&in, ':', &part);
            if (!digits(part, 2, 0, 59, &minute)) {
                return false;
            }
        }
        if (more) {
            bool has_fraction = bytes_split(&in, '.', &part);
            if (!digits(part, 2, 0, 59, &second) ||
                (has_fraction && !digits(in, 9, 0, INT64_MAX, &fraction))) {
                return false;
            }
            for (size_t n = in.n; has_fraction && n < 3; n++) {
                fraction *= 10;
            }
            for (size_t n = in.n; has_fraction && n > 3; n--) {
                fraction /= 10;
            }
        }
    }
    *ret = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return true;
}

static int64_t clamp(policy_number v)
{
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

bool policy_date_read(struct bytes in, int64_t *ret)
{
    struct bytes day = in, time = BYTES_NONE;
    int64_t days = 0, zone = 0, of_day = 0;
    size_t t = MIN(bytes_index(in, 't'), bytes_index(in, 'T')), zone_at = 0;

    if (t == in.n && bytes_index(in, '-') == in.n) {
        uint64_t seconds = 0;
        if (!result_is_ok(num_u64(in, 0, INT64_MAX, &seconds))) {
            return false;
        }
        *ret = clamp((policy_number)seconds * 1000);
        return true;
    }
    if (t != in.n) {
        day = bytes_slice(in, 0, t);
        time = bytes_slice(in, t + 1, in.n);
    }
    if (!read_day(day, &days) || !read_zone(time, &zone_at, &zone) ||
        !read_time(bytes_slice(time, 0, zone_at), &of_day)) {
        return false;
    }
    *ret = clamp((policy_number)days * 86400000 + of_day - zone * 60000);
    return true;
}

/* --- addresses --- */

#define V4_MAPPED 0xffffu /* RFC 4291 2.5.5.2: bits 64 to 95 */

bool policy_ip_read(struct bytes in, bool may_have_prefix, struct policy_ip *ret)
{
    struct policy_ip out = { .is_v6 = false };
    struct bytes address;
    char text[INET6_ADDRSTRLEN] = "";
    uint8_t b[16] = { 0 };
    uint64_t bits = 0;
    bool has_prefix = bytes_split(&in, '/', &address);

    if (address.n == 0 || address.n >= sizeof(text) || (has_prefix && !may_have_prefix) ||
        memchr(address.p, 0, address.n) != NULL) {
        return false;
    }
    memcpy(text, address.p, address.n);
    out.is_v6 = memchr(text, ':', address.n) != NULL;
    if (inet_pton(out.is_v6 ? AF_INET6 : AF_INET, text, b) != 1) {
        return false;
    }
    out.bits = out.is_v6 ? 128 : 32;
    if (has_prefix) {
        if (!result_is_ok(num_u64(in, 0, out.bits, &bits))) {
            return false;
        }
        out.bits = (unsigned)bits;
    }
    out.high = get_be64(b);
    out.low = get_be64(b + 8);
    if (out.is_v6 && out.bits >= 96 && out.high == 0 && out.low >> 32 == V4_MAPPED) {
        out = (struct policy_ip){ .high = out.low << 32, .bits = out.bits - 96 };
    }
    *ret = out;
    return true;
}
