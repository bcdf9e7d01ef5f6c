/*
 * Canonical JSON (RFC 8785) for values without floating point: members sorted by the UTF-16 code
 * units of their keys, no white space, shortest escapes; whole numbers of at most 2^53-1 in
 * magnitude.
 */
#include "base/json.h"

#include <stdlib.h>

#define INT_MAX_EXACT ((1ULL << 53) - 1)

struct member {
    struct bytes key;
    struct json value;
};

/*
 * UTF-8 order is code point order. UTF-16 order differs in one case: code points past U+FFFF (lead
 * bytes F0..F4) are surrogates there, D800..DFFF, and so come before U+E000..U+FFFF (lead bytes EE,
 * EF).
 */
static int compare_utf16(const void *a, const void *b)
{
    struct bytes x = ((const struct member *)a)->key, y = ((const struct member *)b)->key;
    size_t n = MIN(x.n, y.n);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = x.p[i], d = y.p[i];
        if (c != d) {
            bool is_order = c < d;
            if (c >= 0xEE && d >= 0xEE && (c >= 0xF0) != (d >= 0xF0)) {
                is_order = !is_order;
            }
            return is_order ? -1 : 1;
        }
    }
    return x.n == y.n ? 0 : x.n < y.n ? -1 : 1;
}

static RESULT write_value(struct jsonw *w, struct json v, struct error *e);

static RESULT write_object(struct jsonw *w, struct json v, struct error *e)
{
    size_t n = json_count(v), i = 0;
    CLEANUP(mem_free_p) struct member *members = mem_calloc(n, sizeof(*members));
    struct json_iter it = { 0 };
    while (i < n && json_next_member(v, &it, &members[i].key, &members[i].value)) {
        i++;
    }
    if (n > 1) {
        qsort(members, n, sizeof(*members), compare_utf16);
    }
    jsonw_object(w);
    for (i = 0; i < n; i++) {
        jsonw_key_bytes(w, members[i].key);
        TRY(write_value(w, members[i].value, e));
    }
    jsonw_object_end(w);
    return RESULT_OK;
}

static RESULT write_array(struct jsonw *w, struct json v, struct error *e)
{
    struct json_iter it = { 0 };
    struct json item;
    jsonw_array(w);
    while (json_next(v, &it, &item)) {
        TRY(write_value(w, item, e));
    }
    jsonw_array_end(w);
    return RESULT_OK;
}

static RESULT write_int(struct jsonw *w, struct json v, struct error *e)
{
    int64_t i;
    struct result r = json_i64(v, &i);
    if (r.code != ERRC_OK || i > (int64_t)INT_MAX_EXACT || i < -(int64_t)INT_MAX_EXACT) {
        FAIL(e, ERRC_RANGE, "a number past 2^53-1 has no canonical form");
    }
    jsonw_i64(w, i);
    return RESULT_OK;
}

static RESULT write_value(struct jsonw *w, struct json v, struct error *e)
{
    struct bytes text;
    bool flag;
    switch (json_type(v)) {
    case JSON_OBJECT:
        return write_object(w, v, e);
    case JSON_ARRAY:
        return write_array(w, v, e);
    case JSON_STRING:
        TRY(json_str(v, &text));
        jsonw_str(w, text);
        return RESULT_OK;
    case JSON_INT:
    case JSON_UINT:
        return write_int(w, v, e);
    case JSON_BOOL:
        TRY(json_bool(v, &flag));
        jsonw_bool(w, flag);
        return RESULT_OK;
    case JSON_NULL:
        jsonw_null(w);
        return RESULT_OK;
    default:
        FAIL(e, ERRC_FORMAT, "a number that is not whole has no canonical form here");
    }
}

RESULT json_canonical(struct json v, struct buf *out, struct error *e)
{
    struct jsonw w;
    jsonw_init(&w, out);
    TRY(write_value(&w, v, e));
    TRY_MSG(buf_result(out), e, "canonical JSON");
    return RESULT_OK;
}
