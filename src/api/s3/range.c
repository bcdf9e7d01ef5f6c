/* The Range header. */
#include "api/s3/range.h"

#include "base/mem.h"
#include "base/text.h"

/* Digits of any length: what does not fit is greater than every object. */
static bool number(struct bytes v, uint64_t *ret)
{
    struct result r = num_u64(v, 0, UINT64_MAX, ret);
    if (r.code == ERRC_RANGE) {
        *ret = UINT64_MAX;
        return true;
    }
    return result_is_ok(r);
}

static enum s3_range suffix(struct bytes v, uint64_t size, uint64_t *ret_from, uint64_t *ret_n)
{
    uint64_t n = 0;
    if (!number(v, &n)) {
        return S3_RANGE_NONE;
    }
    n = MIN(n, size);
    if (n == 0) {
        return S3_RANGE_UNSATISFIABLE;
    }
    *ret_from = size - n;
    *ret_n = n;
    return S3_RANGE_GOOD;
}

enum s3_range s3_range_parse(struct bytes v, uint64_t size, uint64_t *ret_from, uint64_t *ret_n)
{
    struct bytes unit = BYTES_LIT("bytes="), first;
    uint64_t from = 0, to = UINT64_MAX;
    if (!bytes_equal_nocase(bytes_slice(v, 0, unit.n), unit)) {
        return S3_RANGE_NONE;
    }
    struct bytes last = bytes_slice(v, unit.n, v.n);
    if (!bytes_split(&last, '-', &first)) {
        return S3_RANGE_NONE;
    }
    if (first.n == 0) {
        return suffix(last, size, ret_from, ret_n);
    }
    if (!number(first, &from) || (last.n > 0 && !number(last, &to)) || to < from) {
        return S3_RANGE_NONE;
    }
    if (from >= size) {
        return S3_RANGE_UNSATISFIABLE;
    }
    *ret_from = from;
    *ret_n = MIN(to, size - 1) - from + 1;
    return S3_RANGE_GOOD;
}
