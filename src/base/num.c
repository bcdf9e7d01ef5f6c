/* Numbers, sizes and durations from text: the whole of it or an error. */
#include "base/text.h"

/* The digits at the front of *in. ERRC_FORMAT when there is none, ERRC_RANGE on overflow. */
static RESULT take_digits(struct bytes *in, uint64_t *ret)
{
    uint64_t v = 0;
    size_t i = 0;
    bool is_over = false;
    for (; i < in->n && in->p[i] >= '0' && in->p[i] <= '9'; i++) {
        is_over |= __builtin_mul_overflow(v, 10U, &v);
        is_over |= __builtin_add_overflow(v, (uint64_t)(in->p[i] - '0'), &v);
    }
    if (i == 0) {
        return result_of(ERRC_FORMAT);
    }
    *in = bytes_slice(*in, i, in->n);
    if (is_over) {
        return result_of(ERRC_RANGE);
    }
    *ret = v;
    return RESULT_OK;
}

RESULT num_u64(struct bytes in, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    struct result r = take_digits(&in, &v);
    if (r.code == ERRC_FORMAT || in.n != 0) {
        return result_of(ERRC_FORMAT);
    }
    if (r.code != ERRC_OK || v < min || v > max) {
        return result_of(ERRC_RANGE);
    }
    *ret = v;
    return RESULT_OK;
}

RESULT num_i64(struct bytes in, int64_t min, int64_t max, int64_t *ret)
{
    bool is_negative = in.n > 0 && in.p[0] == '-';
    uint64_t most = is_negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, v;
    TRY(num_u64(is_negative ? bytes_slice(in, 1, in.n) : in, 0, most, &v));
    int64_t value = is_negative ? (int64_t)(0 - v) : (int64_t)v;
    if (value < min || value > max) {
        return result_of(ERRC_RANGE);
    }
    *ret = value;
    return RESULT_OK;
}

RESULT num_hex64(struct bytes in, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    bool is_over = false;
    if (in.n == 0) {
        return result_of(ERRC_FORMAT);
    }
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i], low = (uint8_t)(c | 0x20);
        unsigned digit = c >= '0' && c <= '9'       ? (unsigned)(c - '0')
                         : low >= 'a' && low <= 'f' ? (unsigned)(low - 'a' + 10)
                                                    : 16;
        if (digit > 15) {
            return result_of(ERRC_FORMAT);
        }
        is_over |= v >> 60 != 0;
        v = v << 4 | digit;
    }
    if (is_over || v > max) {
        return result_of(ERRC_RANGE);
    }
    *ret = v;
    return RESULT_OK;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* Digits, then exactly one of the units. */
static RESULT num_with_unit(struct bytes in, const struct unit *units, size_t n_units, uint64_t min,
                            uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    struct result r = take_digits(&in, &v);
    if (r.code == ERRC_FORMAT) {
        return r;
    }
    for (size_t i = 0; i < n_units; i++) {
        if (bytes_equal_str(in, units[i].name)) {
            if (r.code != ERRC_OK || __builtin_mul_overflow(v, units[i].factor, &v) || v < min ||
                v > max) {
                return result_of(ERRC_RANGE);
            }
            *ret = v;
            return RESULT_OK;
        }
    }
    return result_of(ERRC_FORMAT);
}

RESULT num_size(struct bytes in, uint64_t min, uint64_t max, uint64_t *ret)
{
    static const char letters[] = "kmgtp";
    size_t digits = 0;
    while (digits < in.n && in.p[digits] >= '0' && in.p[digits] <= '9') {
        digits++;
    }
    struct bytes unit = bytes_slice(in, digits, in.n);
    if (unit.n > 1 && unit.p[0] == ' ') {
        unit = bytes_slice(unit, 1, unit.n);
    }
    unsigned shift = 0;
    if (unit.n > 0 && unit.p[0] != 'B') {
        size_t at = bytes_index(bytes_str(letters), (uint8_t)(unit.p[0] | 0x20));
        if (at == sizeof(letters) - 1) {
            return result_of(ERRC_FORMAT);
        }
        shift = (unsigned)(10 * (at + 1));
        unit = bytes_slice(unit, 1, unit.n);
        if (unit.n != 0 && !bytes_equal_str(unit, "iB")) {
            return result_of(ERRC_FORMAT);
        }
    } else if (unit.n > 1) {
        return result_of(ERRC_FORMAT);
    }
    uint64_t v;
    TRY(num_u64(bytes_slice(in, 0, digits), 0, UINT64_MAX, &v));
    if (__builtin_mul_overflow(v, 1ULL << shift, &v) || v < min || v > max) {
        return result_of(ERRC_RANGE);
    }
    *ret = v;
    return RESULT_OK;
}

RESULT num_duration_ms(struct bytes in, uint64_t min, uint64_t max, uint64_t *ret)
{
    static const struct unit units[] = {
        { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
    };
    return num_with_unit(in, units, sizeof(units) / sizeof(units[0]), min, max, ret);
}

void buf_add_size(struct buf *b, uint64_t bytes)
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned unit = 0;
    while (unit < 6 && bytes >> (10 * unit) >= 1024) {
        unit++;
    }
    uint64_t whole = bytes >> (10 * unit);
    uint64_t part = bytes - (whole << (10 * unit));
    uint64_t tenth = unit == 0 ? 0 : (part >> (10 * (unit - 1))) * 10 / 1024;
    buf_add_u64_dec(b, whole);
    if (tenth != 0) {
        buf_add_u8(b, '.');
        buf_add_u64_dec(b, tenth);
    }
    buf_add_u8(b, ' ');
    buf_add_str(b, names[unit]);
}
