/* Members by key, with messages that name the key. */
#include "base/json.h"

#include "base/text.h"

static bool find(struct json obj, const char *key, struct json *ret)
{
    struct bytes want = bytes_str(key), name;
    struct json_iter it = { 0 };
    struct json v;
    while (json_next_member(obj, &it, &name, &v)) {
        if (bytes_equal(name, want)) {
            *ret = v;
            return true;
        }
    }
    return false;
}

bool json_has(struct json obj, const char *key)
{
    struct json v;
    return find(obj, key, &v);
}

RESULT json_get(struct json obj, const char *key, struct json *ret, struct error *e)
{
    if (json_type(obj) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "\"%s\": not inside an object", key);
    }
    if (!find(obj, key, ret)) {
        FAIL(e, ERRC_NOT_FOUND, "\"%s\" is missing", key);
    }
    return RESULT_OK;
}

/* The message for a member that is there but is not as wanted. */
static RESULT wrong(struct result r, const char *key, const char *want, struct error *e)
{
    if (r.code == ERRC_OK) {
        return r;
    }
    FAIL(e, r.code, "\"%s\" %s %s", key, r.code == ERRC_RANGE ? "is out of range for" : "is not",
         want);
}

RESULT json_get_str(struct json obj, const char *key, struct bytes *ret, struct error *e)
{
    struct json v;
    TRY(json_get(obj, key, &v, e));
    return wrong(json_str(v, ret), key, "a string", e);
}

RESULT json_get_u64(struct json obj, const char *key, uint64_t max, uint64_t *ret, struct error *e)
{
    struct json v;
    TRY(json_get(obj, key, &v, e));
    return wrong(json_u64(v, max, ret), key, "a whole number", e);
}

RESULT json_get_i64(struct json obj, const char *key, int64_t *ret, struct error *e)
{
    struct json v;
    TRY(json_get(obj, key, &v, e));
    return wrong(json_i64(v, ret), key, "a whole number", e);
}

RESULT json_get_bool(struct json obj, const char *key, bool *ret, struct error *e)
{
    struct json v;
    TRY(json_get(obj, key, &v, e));
    return wrong(json_bool(v, ret), key, "true or false", e);
}

RESULT json_get_base64(struct json obj, const char *key, struct buf *out, struct error *e)
{
    struct bytes text;
    TRY(json_get_str(obj, key, &text, e));
    struct result r = base64_decode(text, out);
    if (r.code == ERRC_LIMIT) {
        FAIL(e, ERRC_LIMIT, "\"%s\" is longer than %zu bytes", key, out->max);
    }
    return wrong(r, key, "base64", e);
}

RESULT json_get_base64_exact(struct json obj, const char *key, uint8_t *ret, size_t n,
                             struct error *e)
{
    CLEANUP(buf_done_p) struct buf out = BUF_SECRET(n);
    struct result r = json_get_base64(obj, key, &out, e);
    if (r.code == ERRC_LIMIT || (r.code == ERRC_OK && out.n != n)) {
        FAIL(e, ERRC_FORMAT, "\"%s\" is not base64 of %zu bytes", key, n);
    }
    if (r.code == ERRC_OK && n != 0) {
        memcpy(ret, out.p, n);
    }
    return r;
}

RESULT json_get_hex_exact(struct json obj, const char *key, uint8_t *ret, size_t n, struct error *e)
{
    struct bytes text;
    TRY(json_get_str(obj, key, &text, e));
    if (!result_is_ok(hex_decode(text, ret, n))) {
        FAIL(e, ERRC_FORMAT, "\"%s\" is not hex of %zu bytes", key, n);
    }
    return RESULT_OK;
}

static bool is_listed(struct bytes name, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        if (bytes_equal_str(name, *keys)) {
            return true;
        }
    }
    return false;
}

RESULT json_only_keys(struct json obj, const char *const *keys, struct error *e)
{
    struct json_iter it = { 0 };
    struct bytes name;
    struct json v;
    if (json_type(obj) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "not an object");
    }
    while (json_next_member(obj, &it, &name, &v)) {
        if (!is_listed(name, keys)) {
            CLEANUP(buf_done_p) struct buf text = BUF(256);
            text_add_escaped(&text, name, 60);
            FAIL(e, ERRC_FORMAT, "unknown key \"%.*s\"", BYTES_FMT(buf_bytes(&text)));
        }
    }
    return RESULT_OK;
}
