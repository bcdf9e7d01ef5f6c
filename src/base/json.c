/*
 * Reading JSON. After simdjson has accepted a text, the tree is walked once for what simdjson
 * leaves open:
 *  1. no object has the same key twice (compared after unescaping);
 *  2. no value is nested deeper than JSON_DEPTH_MAX (simdjson does not count empty arrays and
 * objects);
 *  3. every string is valid UTF-8 (an escape can name half a surrogate pair).
 * A refused text is searched for the place of the fault by json_fault_at.
 */
#include "base/json.h"

#include "base/json_priv.h"
#include "base/text.h"

#include <stdlib.h>

struct json_doc {
    struct sj_doc *sj;
};

#define FEW_KEYS   8
#define DEPTH_TEXT "deeper than %d levels"

static struct json value_at(const struct sj_doc *sj, uint64_t at)
{
    return (struct json){ { (uint64_t)(uintptr_t)sj, at } };
}

static char type_letter(struct json v)
{
    return sj_type(json_doc_of(v), v.priv_[1]);
}

static struct bytes string_at(const struct sj_doc *sj, uint64_t at)
{
    size_t n;
    const char *p = sj_string(sj, at, &n);
    return bytes_of(p, n);
}

static int compare_keys(const void *a, const void *b)
{
    const struct bytes *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? -1 : 1) : bytes_compare(*x, *y);
}

static RESULT refuse_twice(struct bytes key, struct error *e)
{
    CLEANUP(buf_done_p) struct buf text = BUF(256);
    text_add_escaped(&text, key, 60);
    FAIL(e, ERRC_FORMAT, "key \"%.*s\" stands twice in an object", BYTES_FMT(buf_bytes(&text)));
}

static RESULT check_many_keys(struct json object, size_t count, struct error *e)
{
    void *room = NULL;
    TRY(mem_try_alloc(count * sizeof(struct bytes), &room));
    CLEANUP(mem_free_p) struct bytes *keys = room;
    struct json_iter it = { 0 };
    struct json v;
    for (size_t i = 0; i < count && json_next_member(object, &it, &keys[i], &v); i++) {
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (bytes_equal(keys[i - 1], keys[i])) {
            return refuse_twice(keys[i], e);
        }
    }
    return RESULT_OK;
}

static RESULT check_keys(struct json object, struct error *e)
{
    struct bytes keys[FEW_KEYS], key;
    struct json_iter it = { 0 };
    struct json v;
    for (size_t n = 0; json_next_member(object, &it, &key, &v); n++) {
        if (n == FEW_KEYS) {
            return check_many_keys(object, json_count(object), e);
        }
        for (size_t i = 0; i < n; i++) {
            if (bytes_equal(keys[i], key)) {
                return refuse_twice(key, e);
            }
        }
        keys[n] = key;
    }
    return RESULT_OK;
}

/* The tape is flat: one pass over it sees every value and key. */
static RESULT check_tree(const struct sj_doc *sj, bool has_escapes, struct error *e)
{
    uint64_t end = sj_after(sj, SJ_ROOT);
    unsigned depth = 0;
    for (uint64_t at = SJ_ROOT; at < end;) {
        char type = sj_type(sj, at);
        switch (type) {
        case '{':
        case '[':
            if (++depth > JSON_DEPTH_MAX) {
                FAIL(e, ERRC_LIMIT, DEPTH_TEXT, JSON_DEPTH_MAX);
            }
            if (type == '{') {
                TRY(check_keys(value_at(sj, at), e));
            }
            at++;
            break;
        case '}':
        case ']':
            depth--;
            at++;
            break;
        case '"':
            if (has_escapes && !utf8_is_valid(string_at(sj, at))) {
                FAIL(e, ERRC_FORMAT, "an escape that names half a surrogate pair");
            }
            at++;
            break;
        case 'l':
        case 'u':
        case 'd':
            at += 2;
            break;
        default:
            at++;
        }
    }
    return RESULT_OK;
}

static RESULT refuse(struct bytes in, const char *what, struct error *e)
{
    const char *expected = NULL;
    size_t at = json_fault_at(in, &expected);
    if (at > in.n) {
        FAIL(e, ERRC_FORMAT, "JSON: %s", what);
    }
    size_t line = 1, line_start = 0;
    for (size_t i = 0; i < at; i++) {
        if (in.p[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    FAIL(e, ERRC_FORMAT, "JSON: line %zu, column %zu: %s", line, at - line_start + 1, expected);
}

RESULT json_parse(struct bytes in, size_t max_bytes, struct json_doc **ret, struct error *e)
{
    if (in.n > max_bytes || in.n > UINT32_MAX / 2) {
        FAIL(e, ERRC_LIMIT, "JSON longer than %zu bytes", max_bytes);
    }
    CLEANUP(buf_done_p) struct buf text = BUF_SECRET(SIZE_MAX);
    uint8_t *padded = buf_reserve(&text, in.n + SJ_PADDING);
    if (padded == NULL) {
        FAIL(e, ERRC_NOMEM, "JSON: no memory");
    }
    if (in.n != 0) {
        memcpy(padded, in.p, in.n);
    }
    memset(padded + in.n, 0, SJ_PADDING);
    struct sj_doc *sj = NULL;
    const char *what = "malformed";
    switch (sj_parse(padded, in.n, JSON_DEPTH_MAX + 1, &sj, &what)) {
    case SJ_OK:
        break;
    case SJ_DEPTH:
        FAIL(e, ERRC_LIMIT, "JSON: " DEPTH_TEXT, JSON_DEPTH_MAX);
    case SJ_NOMEM:
        FAIL(e, ERRC_NOMEM, "JSON: no memory");
    default:
        return refuse(in, what, e);
    }
    bool has_escapes = bytes_index(in, '\\') < in.n;
    struct result r = check_tree(sj, has_escapes, e);
    if (!result_is_ok(r)) {
        sj_free(sj);
        error_prefix(e, "JSON");
        return r;
    }
    struct json_doc *d = mem_alloc(sizeof(*d));
    d->sj = sj;
    *ret = d;
    return RESULT_OK;
}

void json_doc_free(struct json_doc *d)
{
    if (d != NULL) {
        sj_free(d->sj);
        mem_free(d);
    }
}

struct json json_root(const struct json_doc *d)
{
    return value_at(d->sj, SJ_ROOT);
}

enum json_type json_type(struct json v)
{
    switch (type_letter(v)) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 'l':
        return JSON_INT;
    case 'u':
        return JSON_UINT;
    case 'd':
        return JSON_DOUBLE;
    case 't':
    case 'f':
        return JSON_BOOL;
    default:
        return JSON_NULL;
    }
}

bool json_is_null(struct json v)
{
    return type_letter(v) == 'n';
}

RESULT json_str(struct json v, struct bytes *ret)
{
    if (type_letter(v) != '"') {
        return result_of(ERRC_FORMAT);
    }
    *ret = string_at(json_doc_of(v), v.priv_[1]);
    return RESULT_OK;
}

RESULT json_u64(struct json v, uint64_t max, uint64_t *ret)
{
    char type = type_letter(v);
    if (type != 'l' && type != 'u') {
        return result_of(ERRC_FORMAT);
    }
    uint64_t bits = sj_bits(json_doc_of(v), v.priv_[1]);
    if ((type == 'l' && (int64_t)bits < 0) || bits > max) {
        return result_of(ERRC_RANGE);
    }
    *ret = bits;
    return RESULT_OK;
}

RESULT json_i64(struct json v, int64_t *ret)
{
    char type = type_letter(v);
    if (type != 'l') {
        return result_of(type == 'u' ? ERRC_RANGE : ERRC_FORMAT);
    }
    *ret = (int64_t)sj_bits(json_doc_of(v), v.priv_[1]);
    return RESULT_OK;
}

RESULT json_bool(struct json v, bool *ret)
{
    char type = type_letter(v);
    if (type != 't' && type != 'f') {
        return result_of(ERRC_FORMAT);
    }
    *ret = type == 't';
    return RESULT_OK;
}

size_t json_count(struct json v)
{
    struct json_iter it = { 0 };
    struct bytes key;
    struct json item;
    size_t n = 0;
    if (type_letter(v) == '{') {
        while (json_next_member(v, &it, &key, &item)) {
            n++;
        }
    } else {
        while (json_next(v, &it, &item)) {
            n++;
        }
    }
    return n;
}

/* priv_[0]: index of the next item; priv_[1]: index of the closing bracket. */
static bool iter_begin(struct json v, struct json_iter *it, char type)
{
    if (!it->is_started_) {
        if (type_letter(v) != type) {
            return false;
        }
        it->is_started_ = true;
        it->priv_[0] = v.priv_[1] + 1;
        it->priv_[1] = sj_after(json_doc_of(v), v.priv_[1]) - 1;
    }
    return it->priv_[0] < it->priv_[1];
}

bool json_next(struct json array, struct json_iter *it, struct json *ret)
{
    if (!iter_begin(array, it, '[')) {
        return false;
    }
    *ret = value_at(json_doc_of(array), it->priv_[0]);
    it->priv_[0] = sj_after(json_doc_of(array), it->priv_[0]);
    return true;
}

bool json_next_member(struct json object, struct json_iter *it, struct bytes *ret_key,
                      struct json *ret)
{
    if (!iter_begin(object, it, '{')) {
        return false;
    }
    *ret_key = string_at(json_doc_of(object), it->priv_[0]);
    *ret = value_at(json_doc_of(object), it->priv_[0] + 1);
    it->priv_[0] = sj_after(json_doc_of(object), it->priv_[0] + 1);
    return true;
}
